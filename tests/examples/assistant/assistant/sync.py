"""The blocking assistant."""

from __future__ import annotations

import time
from typing import Any

import anthropic

from assistant.policy import (
    TLS,
    GaveUp,
    Heard,
    Interrupted,
    Settings,
    Show,
    Tools,
    noticing,
    offered,
    question,
    results,
    timeout,
    wait_before_next,
)

DEFAULT = Settings()


def ask(asked: str, settings: Settings = DEFAULT, show: Show | None = None) -> str:
    """Return the whole answer, and show each piece as it comes. What breaks off is resumed.

    To stop, raise something in `show`: the connection is closed on the way out. Raises GaveUp after the last try.
    """
    heard = Heard(show=show)
    with _client(settings) as client:
        for tried in range(1, settings.tries + 1):
            try:
                _stream(client, question(settings, asked, heard.text), heard)
            except (Interrupted, anthropic.APIError) as error:
                time.sleep(wait_before_next(error, tried, settings))
            else:
                break
    return heard.text


def use_tools(asked: str, tools: Tools, settings: Settings = DEFAULT) -> str:
    """Answer with the help of tools. Raises GaveUp if there is no end to the calls."""
    request = question(settings, asked) | {"tools": offered(tools)}
    with _client(settings) as client:
        for _ in range(settings.most_rounds):
            message = _whole_message(client, request, settings)
            if message.stop_reason != "tool_use":
                return "".join(block.text for block in message.content if block.type == "text")
            answered = {"role": "user", "content": results(message, tools)}
            request["messages"] += [{"role": "assistant", "content": message.content}, answered]
    raise GaveUp(f"no answer in {settings.most_rounds} rounds")


def _whole_message(client: anthropic.Anthropic, request: dict[str, Any], settings: Settings) -> anthropic.types.Message:
    """Return a message that is complete: half a tool call must never be carried out."""
    for tried in range(1, settings.tries + 1):
        try:
            return _stream(client, request, Heard())
        except (Interrupted, anthropic.APIError) as error:
            time.sleep(wait_before_next(error, tried, settings))
    raise GaveUp("no tries are allowed")


def _stream(client: anthropic.Anthropic, request: dict[str, Any], heard: Heard) -> anthropic.types.Message:
    with noticing(heard), client.messages.stream(**request) as stream:
        for event in stream:
            heard.take(event)
        return stream.get_final_message()


def _client(settings: Settings) -> anthropic.Anthropic:
    return anthropic.Anthropic(max_retries=0, timeout=timeout(settings), http_client=anthropic.DefaultHttpxClient(verify=TLS))
