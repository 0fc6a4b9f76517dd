# ruff: noqa: D103 - the names say it
"""Silence is not waited out for ever: not before the answer, not within it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from assistant import GaveUp, Settings

from streamlab import Lab, Stall

IMPATIENT = Settings(tries=2, first_wait=0.001, longest_silence=0.25)


def test_resumes_after_a_silence(streamlab: Lab, ask: Callable[..., str]) -> None:
    streamlab.reply("One two three", faults=[Stall("forever", after="delta 2")])
    streamlab.reply(" and so on.")
    assert ask("Count.", IMPATIENT).endswith(" and so on.")
    assert [call.ended_by for call in streamlab.wait_for(2)] == ["client", "server"]
    assert streamlab.journal[1].request.turn == 2


def test_asks_again_when_there_is_no_answer(streamlab: Lab, ask: Callable[..., str]) -> None:
    streamlab.reply("Never sent.", faults=[Stall("forever", before="headers")])
    streamlab.reply("Here I am.")
    assert ask("Are you there?", IMPATIENT) == "Here I am."


def test_gives_up_on_silence(streamlab: Lab, ask: Callable[..., str]) -> None:
    streamlab.reply("One two three", times=2, faults=[Stall("forever", after="message_start")])
    with pytest.raises(GaveUp):
        ask("Count.", IMPATIENT)
    assert [call.request.turn for call in streamlab.wait_for(2)] == [1, 1]
