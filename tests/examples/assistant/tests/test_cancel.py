# ruff: noqa: D103 - the names say it
"""Who stops listening hangs up: no tokens are paid for that nobody reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import assistant
import pytest

from streamlab import Lab, Stall

STORY = "Once upon a time there was a client that did not hang up."


class Enough(Exception):  # noqa: N818 - it is no error
    """The reader has read enough."""


def enough_after(count: int) -> Callable[[str], None]:
    """Return what is shown the pieces, and stops at one of them."""
    pieces: list[str] = []

    def show(piece: str) -> None:
        pieces.append(piece)
        if len(pieces) == count:
            raise Enough

    return show


def test_hangs_up(streamlab: Lab, ask: Callable[..., str]) -> None:
    streamlab.reply(STORY, faults=[Stall("forever", after="delta 3")])
    with pytest.raises(Enough):
        ask("Tell me a story.", show=enough_after(3))
    (call,) = streamlab.wait_for(1)
    assert call.cancelled_after == 5  # message_start, content_block_start, and three deltas


def test_an_error_of_the_reader_is_not_taken_for_one_of_the_stream(streamlab: Lab, ask: Callable[..., str]) -> None:
    streamlab.reply(STORY)
    with pytest.raises(UnicodeEncodeError):
        ask("Tell me a story.", show=lambda piece: f"{piece}\ud800".encode())


@pytest.mark.asyncio
async def test_a_cancelled_task_hangs_up(streamlab: Lab) -> None:
    heard = asyncio.Event()
    streamlab.reply(STORY, faults=[Stall("forever", after="delta 3")])
    task = asyncio.create_task(assistant.ask_async("Tell me a story.", show=lambda _: heard.set()))
    await heard.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(streamlab.wait_for, 1)
    assert streamlab.journal.only.ended_by == "client"
