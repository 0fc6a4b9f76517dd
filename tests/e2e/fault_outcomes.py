"""What the official Python SDK makes of an answer with faults in it, in words: one line for each of four ways to call it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anthropic

from streamlab import Lab, text, tool_use
from streamlab.core.faults import Example
from streamlab.files.fault_text import parse_fault_text

__all__ = ["MODES", "answered", "outcome"]

TEXT = "One two three four…"
INPUT = '{"location":"San Francisco"}'
_ASKED: dict[str, Any] = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Hello"}],
}
_PATIENCE = 0.3
"""Seconds without a byte after which the client gives up, where the example is a stall."""


def answered(lab: Lab, example: Example) -> None:
    """Let a lab answer with a text and a call of a tool that have the faults of an example, and then without them."""
    blocks = [text(["One", " two", " three", " four…"]), tool_use("get_weather", location="San Francisco")]
    lab.reply(blocks, faults=parse_fault_text(example.fault, "example"))
    lab.reply(blocks)


@dataclass
class _Message:
    """What was made of a stream."""

    text: str = ""
    inputs: list[str] = field(default_factory=list)
    stop: object = None

    def __str__(self) -> str:
        differing = []
        if self.text != TEXT:
            differing.append(f"text {self.text!r}")
        if self.inputs != [INPUT]:
            differing.append(f"tool input {', '.join(self.inputs)}" if self.inputs else "no tool")
        if self.stop != "tool_use":
            differing.append(f"stop_reason {self.stop}")
        return ", ".join(differing) or "the whole message"


def _folded(message: Any) -> _Message:
    """Return what the SDK's own accumulation made of it."""
    made = _Message(stop=message.stop_reason)
    for block in message.content:
        if block.type == "text":
            made.text += block.text
        elif block.type == "tool_use":
            given = ",".join(f'"{key}":"{value}"' for key, value in (block.input or {}).items())
            made.inputs.append(f"{{{given}}}")
    return made


class _Loop:
    """What a program makes of it that adds up the events by itself."""

    def __init__(self) -> None:
        self.made = _Message()
        self._inputs: dict[Any, str] = {}

    def see(self, event: Any) -> None:
        """Add one event."""
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            self.made.text += event.delta.text
        elif event.type == "content_block_delta" and event.delta.type == "input_json_delta":
            self._inputs[event.index] = self._inputs.get(event.index, "") + event.delta.partial_json
        elif event.type == "message_delta":
            self.made.stop = event.delta.stop_reason

    def done(self) -> _Message:
        """Return what came of it."""
        self.made.inputs = list(self._inputs.values())
        return self.made


def _stream(client: anthropic.Anthropic) -> _Message:
    with client.messages.stream(**_ASKED) as stream:
        return _folded(stream.get_final_message())


def _create(client: anthropic.Anthropic) -> _Message:
    loop = _Loop()
    with client.messages.create(**_ASKED, stream=True) as stream:
        for event in stream:
            loop.see(event)
    return loop.done()


async def _stream_later(client: anthropic.AsyncAnthropic) -> _Message:
    async with client.messages.stream(**_ASKED) as stream:
        return _folded(await stream.get_final_message())


async def _create_later(client: anthropic.AsyncAnthropic) -> _Message:
    loop = _Loop()
    async with await client.messages.create(**_ASKED, stream=True) as stream:
        async for event in stream:
            loop.see(event)
    return loop.done()


def _later(call: Callable[[anthropic.AsyncAnthropic], Any]) -> Callable[[str, dict[str, Any]], _Message]:
    async def run(url: str, settings: dict[str, Any]) -> _Message:
        async with anthropic.AsyncAnthropic(base_url=url, **settings) as client:
            return await call(client)  # type: ignore[no-any-return]

    return lambda url, settings: asyncio.run(run(url, settings))


def _now(call: Callable[[anthropic.Anthropic], _Message]) -> Callable[[str, dict[str, Any]], _Message]:
    def run(url: str, settings: dict[str, Any]) -> _Message:
        with anthropic.Anthropic(base_url=url, **settings) as client:
            return call(client)

    return run


MODES: dict[str, Callable[[str, dict[str, Any]], _Message]] = {
    "stream": _now(_stream),
    "create": _now(_create),
    "stream async": _later(_stream_later),
    "create async": _later(_create_later),
}
"""The ways to call: `messages.stream(…)` with `get_final_message()`, and a loop over `create(stream=True)`."""


def outcome(url: str, example: Example, mode: str) -> str:
    """Return what comes of a call: the name of what is raised, or how the message differs from the whole one."""
    timeout = _PATIENCE if "forever" in example.fault else 30.0
    settings = {"api_key": "no-key", "max_retries": 0, "timeout": timeout}
    try:
        return str(MODES[mode](url, settings))
    except Exception as error:  # noqa: BLE001 - what is raised is what is told
        kind = ", an APIError" if isinstance(error, anthropic.APIError) else ""
        return f"raises {type(error).__name__}{kind}"
