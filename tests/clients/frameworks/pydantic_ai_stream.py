"""Streams an answer with pydantic-ai, as its guide does, and tells how it ended: `sync` or `async`, and settings."""

from __future__ import annotations

import asyncio
import json
import sys

from pydantic_ai import Agent
from show import show, show_error

agent = Agent("anthropic:claude-sonnet-4-6", model_settings=json.loads(sys.argv[2] if len(sys.argv) > 2 else "{}"))


def ask(question: str) -> None:
    """Show the text as it comes."""
    with agent.run_stream_sync(question) as result:
        for piece in result.stream_text(delta=True, debounce_by=None):
            show(text=piece)
        show(answer=result.get_output(), end=result.response.finish_reason, state=result.response.state)


async def ask_later(question: str) -> None:
    """Do the same in an event loop."""
    async with agent.run_stream(question) as result:
        async for piece in result.stream_text(delta=True, debounce_by=None):
            show(text=piece)
        show(answer=await result.get_output(), end=result.response.finish_reason, state=result.response.state)


try:
    asyncio.run(ask_later("Say hello.")) if sys.argv[1] == "async" else ask("Say hello.")
except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
    show_error(error)
