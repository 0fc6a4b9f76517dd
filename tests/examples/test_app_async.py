# ruff: noqa: D103 - the names say it
"""Tests of asynchronous code."""

from __future__ import annotations

import asyncio

import app
import pytest

from streamlab import Lab


@pytest.mark.asyncio
async def test_greets_async(streamlab: Lab) -> None:
    streamlab.reply("Hello from streamlab.")
    assert await app.greet_async() == "Hello from streamlab."


@pytest.mark.asyncio
async def test_many_at_once(streamlab: Lab) -> None:
    streamlab.reply("Hello, each of you.", times=20)
    assert await asyncio.gather(*(app.greet_async() for _ in range(20))) == ["Hello, each of you."] * 20
