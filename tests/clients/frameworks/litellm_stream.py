"""Streams an answer with LiteLLM, as its guide does, and tells how it ended: `sync` or `async`, and options of the call."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import litellm
from show import show, show_error

ASKED: dict[str, Any] = {
    "model": "anthropic/claude-sonnet-4-6",
    "messages": [{"role": "user", "content": "Say hello."}],
    **json.loads(sys.argv[2] if len(sys.argv) > 2 else "{}"),
}


# region naive
def ask() -> list[Any]:
    """Show the text as it comes; return the chunks."""
    chunks = []
    for chunk in litellm.completion(**ASKED, stream=True):
        show(text=chunk.choices[0].delta.content or "")
        chunks.append(chunk)
    return chunks


# endregion


async def ask_later() -> list[Any]:
    """Do the same in an event loop."""
    chunks = []
    async for chunk in await litellm.acompletion(**ASKED, stream=True):
        show(text=chunk.choices[0].delta.content or "")
        chunks.append(chunk)
    return chunks


try:
    chunks = asyncio.run(ask_later()) if sys.argv[1] == "async" else ask()
    answer = litellm.stream_chunk_builder(chunks)
    show(answer=answer.choices[0].message.content, end=chunks[-1].choices[0].finish_reason)
except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
    show_error(error)
