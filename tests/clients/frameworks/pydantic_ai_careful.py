"""Streams an answer with pydantic-ai, and asks again when it broke off."""

from __future__ import annotations

import sys

import httpx2 as httpx
from again import Incomplete, show_answer
from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelAPIError
from show import show

# region fixed
IDLE = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0  # seconds in which something has to come
agent = Agent("anthropic:claude-sonnet-4-6", model_settings={"timeout": IDLE})


def whole(question: str) -> str:
    """Return the whole answer. Raises Incomplete if it breaks off, stops too early or falls silent."""
    is_begun = False
    try:
        with agent.run_stream_sync(question) as result:
            for piece in result.stream_text(delta=True, debounce_by=None):
                is_begun = True
                show(text=piece)
            if result.response.finish_reason is None:  # its state is "complete" all the same
                raise Incomplete("stopped too early")
            return result.get_output()
    except ModelAPIError as error:
        if not is_begun:  # the SDK has tried again already
            raise
        raise Incomplete(f"lost: {type(error).__name__}") from error
    except (httpx.RequestError, AssertionError) as error:  # a body that is no gzip, a stream without message_start
        raise Incomplete(f"lost: {type(error).__name__}") from error


# endregion

show_answer(whole)
