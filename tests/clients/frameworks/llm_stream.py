"""Streams an answer with llm and its plugin llm-anthropic, as its guide does, and tells how it ended: `sync` or `async`."""

from __future__ import annotations

import asyncio
import sys

import llm
from show import show, show_error


def ask(question: str) -> None:
    """Show the text as it comes."""
    response = llm.get_model("claude-sonnet-4.6").prompt(question)
    for piece in response:
        show(text=piece)
    show(answer=response.text(), end=(response.response_json or {}).get("stop_reason"))


async def ask_later(question: str) -> None:
    """Do the same in an event loop."""
    response = llm.get_async_model("claude-sonnet-4.6").prompt(question)
    async for piece in response:
        show(text=piece)
    show(answer=await response.text(), end=(response.response_json or {}).get("stop_reason"))


try:
    asyncio.run(ask_later("Say hello.")) if sys.argv[1] == "async" else ask("Say hello.")
except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
    show_error(error)
