"""Streams an answer with LangChain, and asks again when it broke off."""

from __future__ import annotations

import sys

import anthropic
import httpx2 as httpx
from again import Incomplete, show_answer
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessageChunk
from show import show

# region fixed
IDLE = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0  # seconds in which something has to come
model = ChatAnthropic(model="claude-sonnet-4-6", timeout=IDLE)


def whole(question: str) -> str:
    """Return the whole answer. Raises Incomplete if it breaks off, stops too early or falls silent."""
    answer = AIMessageChunk("")
    try:
        for chunk in model.stream(question):
            show(text=chunk.text)
            answer += chunk
    except (httpx.RequestError, ValueError) as error:  # once the stream has begun: of the HTTP library, or it cannot be decoded
        raise Incomplete(f"lost: {type(error).__name__}") from error
    except anthropic.APIStatusError as error:
        if error.status_code != httpx.codes.OK:  # the stream has not begun, and the SDK has tried again already
            raise
        raise Incomplete(str(error.type)) from error
    if answer.response_metadata.get("stop_reason") is None:  # a clean end raises nothing; its tool_calls are not whole
        raise Incomplete("stopped too early")
    return answer.text


# endregion

show_answer(whole)
