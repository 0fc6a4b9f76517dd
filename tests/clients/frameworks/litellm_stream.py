"""Streams an answer with LiteLLM, as its guide does, and tells how it ended: `sync` or `async`, and options of the call."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import litellm
from show import show, show_error

OPTIONS = json.loads(sys.argv[2] if len(sys.argv) > 2 else "{}")


# region naive
def ask(question: str, **options: Any) -> list[Any]:
    """Show the text as it comes; return the chunks."""
    asked = [{"role": "user", "content": question}]
    chunks = []
    for chunk in litellm.completion("anthropic/claude-sonnet-4-6", asked, stream=True, **options):
        show(text=chunk.choices[0].delta.content or "")
        chunks.append(chunk)
    return chunks


# endregion


async def ask_later(question: str, **options: Any) -> list[Any]:
    """Do the same in an event loop."""
    asked = [{"role": "user", "content": question}]
    chunks = []
    async for chunk in await litellm.acompletion("anthropic/claude-sonnet-4-6", asked, stream=True, **options):
        show(text=chunk.choices[0].delta.content or "")
        chunks.append(chunk)
    return chunks


try:
    chunks = asyncio.run(ask_later("Say hello.", **OPTIONS)) if sys.argv[1] == "async" else ask("Say hello.", **OPTIONS)
    answer = litellm.stream_chunk_builder(chunks)
    show(answer=answer.choices[0].message.content, end=chunks[-1].choices[0].finish_reason)
except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
    show_error(error)
