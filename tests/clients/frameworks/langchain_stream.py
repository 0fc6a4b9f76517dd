"""Streams an answer with LangChain, as its guide does, and tells how it ended: `sync` or `async`, and options of the model."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessageChunk
from show import show, show_error

OPTIONS = json.loads(sys.argv[2] if len(sys.argv) > 2 else "{}")


# region naive
def ask(question: str, **options: Any) -> AIMessageChunk:
    """Show the text as it comes; return the chunks added up."""
    model = ChatAnthropic(model="claude-sonnet-4-6", **options)
    answer = AIMessageChunk("")
    for chunk in model.stream(question):
        show(text=chunk.text)
        answer += chunk
    return answer


# endregion


async def ask_later(question: str, **options: Any) -> AIMessageChunk:
    """Do the same in an event loop."""
    model = ChatAnthropic(model="claude-sonnet-4-6", **options)
    answer = AIMessageChunk("")
    async for chunk in model.astream(question):
        show(text=chunk.text)
        answer += chunk
    return answer


try:
    answer = asyncio.run(ask_later("Say hello.", **OPTIONS)) if sys.argv[1] == "async" else ask("Say hello.", **OPTIONS)
    show(answer=answer.text, end=answer.response_metadata.get("stop_reason"), usage=answer.usage_metadata)
except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
    show_error(error)
