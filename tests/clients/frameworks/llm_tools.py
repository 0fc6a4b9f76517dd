"""Calls a tool with llm, which has a loop of its own, as its guide does: `sync` or `async`, and a limit."""

from __future__ import annotations

import asyncio
import sys

import llm
from show import show, show_error

LIMIT = int(sys.argv[2]) if len(sys.argv) > 2 else None


def get_weather(location: str) -> str:
    """Return the weather of a place."""
    show(ran={"location": location})
    return f"18 degrees and sunny in {location}"


def ask(question: str) -> None:
    """Show the text of all answers as it comes."""
    model = llm.get_model("claude-sonnet-4.6")
    chain = (model.conversation(chain_limit=LIMIT) if LIMIT else model).chain(question, tools=[get_weather])
    for piece in chain:
        show(text=piece)
    for response in chain._responses:
        show(calls=[call.arguments for call in response.tool_calls()], end=response.response_json["stop_reason"])


async def ask_later(question: str) -> None:
    """Do the same in an event loop."""
    model = llm.get_async_model("claude-sonnet-4.6")
    chain = (model.conversation(chain_limit=LIMIT) if LIMIT else model).chain(question, tools=[get_weather])
    async for piece in chain:
        show(text=piece)
    for response in chain._responses:
        show(calls=[call.arguments for call in await response.tool_calls()], end=response.response_json["stop_reason"])


try:
    question = "What is the weather in San Francisco?"
    asyncio.run(ask_later(question)) if sys.argv[1] == "async" else ask(question)
except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
    show_error(error)
