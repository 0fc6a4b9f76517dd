"""Streams an answer with LiteLLM, and asks again when it broke off."""

from __future__ import annotations

import sys

import litellm
from again import Incomplete, show_answer
from show import show

# region fixed
IDLE = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0  # seconds in which something has to come


def whole(question: str) -> str:
    """Return the whole answer. Raises Incomplete if it breaks off, stops too early or falls silent."""
    answer = ""
    asked = [{"role": "user", "content": question}]
    stream = litellm.completion("anthropic/claude-sonnet-4-6", asked, stream=True, timeout=IDLE)
    try:
        for chunk in stream:
            show(text=chunk.choices[0].delta.content or "")
            answer += chunk.choices[0].delta.content or ""
    except litellm.exceptions.MidStreamFallbackError as error:
        raise Incomplete(f"lost: {type(error.original_exception).__name__}") from error
    if stream.received_finish_reason is None:  # the last chunk says "stop" all the same
        raise Incomplete("stopped too early")
    return answer


# endregion

show_answer(whole)
