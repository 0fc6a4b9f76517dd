"""How the tests call the SDK: one question, and a function together with its asynchronous twin."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import anthropic
import pytest

from streamlab import Lab

ASKED: dict[str, Any] = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "Hello"}],
}
"""The arguments of a call."""


def both(now: Callable[..., Any], later: Callable[..., Coroutine[Any, Any, Any]]) -> pytest.MarkDecorator:
    """Run a test twice: `call` is a function, and then its asynchronous twin in an event loop of its own."""

    def blocking(*arguments: Any, **options: Any) -> Any:
        return asyncio.run(later(*arguments, **options))

    return pytest.mark.parametrize("call", [pytest.param(now, id="sync"), pytest.param(blocking, id="async")])


def told_to_wait(lab: Lab) -> str | None:
    """Ask without a program, and return what the answer says of when to ask again."""
    with pytest.raises(anthropic.APIStatusError) as caught:
        lab.client.with_options(max_retries=0).messages.create(**ASKED)
    return caught.value.response.headers.get("retry-after")
