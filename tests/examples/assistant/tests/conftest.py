"""What is tested twice: blocking and asynchronous."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import assistant
import pytest


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Callable[..., str]:
    """Give `ask`, blocking and asynchronous in turn."""
    return assistant.ask if request.param == "sync" else blocking(assistant.ask_async)


@pytest.fixture(params=["sync", "async"])
def use_tools(request: pytest.FixtureRequest) -> Callable[..., str]:
    """Give `use_tools`, blocking and asynchronous in turn."""
    return assistant.use_tools if request.param == "sync" else blocking(assistant.use_tools_async)


def blocking(function: Callable[..., Any]) -> Callable[..., Any]:
    """Run an asynchronous function in an event loop of its own."""
    return lambda *arguments, **options: asyncio.run(function(*arguments, **options))
