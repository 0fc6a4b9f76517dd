"""Streams an answer with llm, and asks again when it broke off."""

from __future__ import annotations

import asyncio
import sys

import anthropic
import httpx2 as httpx
import llm
from again import Incomplete, show_answer
from show import show

# region fixed
IDLE = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0  # seconds in which something has to come


async def whole(question: str) -> str:
    """Return the whole answer. Raises Incomplete if it breaks off, stops too early or falls silent."""
    response = llm.get_async_model("claude-sonnet-4.6").prompt(question)
    now = asyncio.get_running_loop().time
    try:
        async with asyncio.timeout(IDLE) as patience:  # llm has no option for it, and the SDK waits ten minutes
            async for piece in response:
                patience.reschedule(now() + IDLE)
                show(text=piece)
    except (
        TimeoutError,
        httpx.RequestError,
        ValueError,
        IndexError,
        AssertionError,
    ) as error:  # the SDK has no class for these
        raise Incomplete(f"lost: {type(error).__name__}") from error
    except anthropic.APIStatusError as error:
        if error.status_code != httpx.codes.OK:  # the stream has not begun, and the SDK has tried again already
            raise
        raise Incomplete(str(error.type)) from error
    if response.response_json["stop_reason"] is None:  # a clean end raises nothing
        raise Incomplete("stopped too early")
    return await response.text()


def ask(question: str) -> str:
    """Do it outside of an event loop."""
    return asyncio.run(whole(question))


# endregion

show_answer(ask)
