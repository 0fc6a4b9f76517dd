"""Tests of long silences, with the clock in the test's hands."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import app
import pytest

from streamlab import Lab, Stall


def test_waits_through_a_long_silence(streamlab: Lab) -> None:
    """Ten minutes pass at once; the pings that fill them come all the same."""
    streamlab.clock.auto()
    streamlab.reply("One two three.", faults=[Stall("10m", pings=True, after="delta 1")])
    assert app.greet() == "One two three."
    assert streamlab.journal.only.duration == 600


def test_what_is_there_after_half_a_minute(streamlab: Lab) -> None:
    """The test says when time goes on, and looks at what has happened until then."""
    streamlab.clock.hold()
    streamlab.reply("One two three.", faults=[Stall("60s", pings=True, after="delta 1")])
    with ThreadPoolExecutor() as pool:
        greeting = pool.submit(app.greet)
        streamlab.clock.wait_until_parked()
        streamlab.clock.advance(30)
        assert [sent.at for sent in streamlab.journal.only.sent] == [0, 15, 30]
        assert not greeting.done()
        streamlab.clock.advance(30)
        assert greeting.result() == "One two three."


@pytest.mark.asyncio
async def test_an_asynchronous_client(streamlab: Lab) -> None:
    """The client is in the loop of the test, so whatever waits for its request does so in a thread."""
    streamlab.clock.hold()
    streamlab.reply("Hello!", faults=[Stall("60s", before="headers")])
    greeting = asyncio.create_task(app.greet_async())
    await asyncio.to_thread(streamlab.clock.wait_until_parked)
    await asyncio.to_thread(streamlab.clock.advance, 60)
    assert await greeting == "Hello!"
