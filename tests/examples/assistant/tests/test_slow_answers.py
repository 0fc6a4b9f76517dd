# ruff: noqa: D103 - the names say it
"""Answers that take minutes, in milliseconds: the test has the server's clock in its hands."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import assistant
import pytest

from streamlab import Lab, Stall, text

COUNTING = text(["One", " two", " three"])


def test_waits_ten_minutes_for_a_long_thought(streamlab: Lab, ask: Callable[..., str]) -> None:
    """A ping comes every 15 seconds, so the silence is never longer than the client's timeout."""
    streamlab.clock.auto()
    streamlab.reply("At last.", faults=[Stall("10m", pings=True, after="message_start")])
    assert ask("Think hard.") == "At last."
    assert [sent.at for sent in streamlab.journal.only.sent] == list(range(0, 601, 15))


def test_shows_each_piece_when_it_comes(streamlab: Lab) -> None:
    streamlab.clock.hold()
    streamlab.reply(COUNTING, faults=[Stall("60s", after="delta 2")])
    shown: queue.Queue[str] = queue.Queue()
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(assistant.ask, "Count to three.", show=shown.put)
        assert [shown.get(timeout=5), shown.get(timeout=5)] == ["One", " two"]
        streamlab.clock.wait_until_parked()
        assert shown.empty()
        streamlab.clock.advance(60)
        assert answer.result(timeout=5) == "One two three"


@pytest.mark.asyncio
async def test_shows_each_piece_when_it_comes_async(streamlab: Lab) -> None:
    streamlab.clock.hold()
    streamlab.reply(COUNTING, faults=[Stall("60s", after="delta 2")])
    shown: asyncio.Queue[str] = asyncio.Queue()
    answer = asyncio.create_task(assistant.ask_async("Count to three.", show=shown.put_nowait))
    assert [await shown.get(), await shown.get()] == ["One", " two"]
    await asyncio.to_thread(streamlab.clock.wait_until_parked)
    assert shown.empty()
    await asyncio.to_thread(streamlab.clock.advance, 60)
    assert await answer == "One two three"
