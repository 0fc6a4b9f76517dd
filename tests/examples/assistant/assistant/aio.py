"""The asynchronous assistant."""

from __future__ import annotations

import asyncio
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


async def ask_async(asked: str, settings: Settings = DEFAULT, show: Show | None = None) -> str:
    """Return the whole answer, and show each piece as it comes. What breaks off is resumed.

    Cancelling the task closes the connection. Raises GaveUp after the last try.
    """
    heard = Heard(show=show)
    async with _client(settings) as client:
        for tried in range(1, settings.tries + 1):
            try:
                await _stream(client, question(settings, asked, heard.text), heard)
            except (Interrupted, anthropic.APIError) as error:
                await asyncio.sleep(wait_before_next(error, tried, settings))
            else:
                break
    return heard.text


async def use_tools_async(asked: str, tools: Tools, settings: Settings = DEFAULT) -> str:
    """Answer with the help of tools. Raises GaveUp if there is no end to the calls."""
    request = question(settings, asked) | {"tools": offered(tools)}
    async with _client(settings) as client:
        for _ in range(settings.most_rounds):
            message = await _whole_message(client, request, settings)
            if message.stop_reason != "tool_use":
                return "".join(block.text for block in message.content if block.type == "text")
            answered = {"role": "user", "content": await asyncio.to_thread(results, message, tools)}
            request["messages"] += [{"role": "assistant", "content": message.content}, answered]
    raise GaveUp(f"no answer in {settings.most_rounds} rounds")


async def _whole_message(
    client: anthropic.AsyncAnthropic, request: dict[str, Any], settings: Settings
) -> anthropic.types.Message:
    """Return a message that is complete: half a tool call must never be carried out."""
    for tried in range(1, settings.tries + 1):
        try:
            return await _stream(client, request, Heard())
        except (Interrupted, anthropic.APIError) as error:
            await asyncio.sleep(wait_before_next(error, tried, settings))
    raise GaveUp("no tries are allowed")


async def _stream(client: anthropic.AsyncAnthropic, request: dict[str, Any], heard: Heard) -> anthropic.types.Message:
    with noticing(heard):
        async with client.messages.stream(**request) as stream:
            async for event in stream:
                heard.take(event)
            return await stream.get_final_message()


def _client(settings: Settings) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(
        max_retries=0, timeout=timeout(settings), http_client=anthropic.DefaultAsyncHttpxClient(verify=TLS)
    )
