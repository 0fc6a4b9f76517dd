"""Calls a tool with LiteLLM until the model has its answer, as its guide does: `sync` or `async`."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import litellm
from show import show, show_error

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Return the weather of a place.",
        "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
    },
}
messages: list[Any] = [{"role": "user", "content": "What is the weather in San Francisco?"}]
ASKED: dict[str, Any] = {"model": "anthropic/claude-sonnet-4-6", "messages": messages, "tools": [WEATHER], "stream": True}


def get_weather(location: str) -> str:
    """Return the weather of a place."""
    show(ran={"location": location})
    return f"18 degrees and sunny in {location}"


def see(chunk: Any) -> Any:
    """Show a chunk, and return it."""
    delta = chunk.choices[0].delta
    show(text=delta.content or "", input_json=[call.function.arguments for call in delta.tool_calls or []])
    return chunk


def act(chunks: list[Any]) -> bool:
    """Run the tools that an answer calls; return whether there were any."""
    answer = litellm.stream_chunk_builder(chunks, messages=messages).choices[0]
    calls = answer.message.tool_calls or []
    show(calls=[call.function.arguments for call in calls], end=answer.finish_reason)
    messages.append(answer.message)
    for call in calls:
        result = get_weather(**json.loads(call.function.arguments))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    return bool(calls)


def loop() -> None:
    """Stream answers, and run the tools that they call, until one calls none."""
    while act([see(chunk) for chunk in litellm.completion(**ASKED)]):
        pass


async def loop_later() -> None:
    """Do the same in an event loop."""
    while act([see(chunk) async for chunk in await litellm.acompletion(**ASKED)]):
        pass


try:
    asyncio.run(loop_later()) if sys.argv[1] == "async" else loop()
except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
    show_error(error)
