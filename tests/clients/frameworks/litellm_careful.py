"""Streams an answer with LiteLLM, and asks again when it broke off."""

from __future__ import annotations

import json
import sys

import litellm
from again import Incomplete, show_answer
from show import show

MODEL = "anthropic/claude-sonnet-4-6"
OPTIONS = json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")


# region fixed
def whole(question: str) -> str:
    """Return the whole answer. Raises Incomplete if it breaks off, stops too early or falls silent."""
    answer = ""
    stream = litellm.completion(MODEL, [{"role": "user", "content": question}], stream=True, **OPTIONS)
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
