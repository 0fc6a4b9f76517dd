# ruff: noqa: D103 - the names say it
"""What breaks off is resumed: the second request carries what had come."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from assistant import GaveUp, Settings

from streamlab import Cut, ErrorEvent, Lab, text

QUICK = Settings(tries=2, first_wait=0.001, longest_silence=2.0)
COUNTING = text(["One", " two", " three"])


@pytest.mark.parametrize("how", ["end", "fin", "reset"])
def test_resumes_where_it_broke_off(streamlab: Lab, ask: Callable[..., str], how: str) -> None:
    streamlab.reply(COUNTING, faults=[Cut(how, after="delta 2")])
    streamlab.reply(" three.")
    assert ask("Count to three.", QUICK) == "One two three."
    question, partial, more = streamlab.journal[1].request.messages
    assert question["content"] == "Count to three."
    assert partial == {"role": "assistant", "content": "One two"}
    assert more["role"] == "user"


def test_resumes_after_an_error_in_mid_stream(streamlab: Lab, ask: Callable[..., str]) -> None:
    streamlab.reply(COUNTING, faults=[ErrorEvent("overloaded", after="delta 1")])
    streamlab.reply(" two three.")
    assert ask("Count to three.", QUICK) == "One two three."


@pytest.mark.parametrize("number", range(1, 8))
def test_loses_nothing_wherever_it_is_cut(streamlab: Lab, ask: Callable[..., str], number: int) -> None:
    """Three deltas make a stream of eight events; each of the first seven can be the last that arrives."""
    pieces = ["One", " two", " three"]
    heard = max(0, min(3, number - 2))
    streamlab.reply(text(pieces), faults=[Cut("end", after=f"event {number}")])
    streamlab.reply(text([*pieces[heard:], "."]), when={"turn": 2 if heard else 1})
    assert ask("Count to three.", QUICK) == "One two three."


@pytest.mark.parametrize("fault", ["broken_json: malformed, of: delta 2", "drop: message_start", "drop: content_block_start"])
def test_resumes_what_makes_no_sense(streamlab: Lab, ask: Callable[..., str], fault: str) -> None:
    streamlab.reply(COUNTING, faults=[fault])
    streamlab.reply(" two three.")
    assert ask("Count to three.", QUICK).endswith(" two three.")


def test_gives_up_when_it_breaks_again(streamlab: Lab, ask: Callable[..., str]) -> None:
    streamlab.reply(COUNTING, times=2, faults=[Cut("reset", after="delta 2")])
    with pytest.raises(GaveUp):
        ask("Count to three.", QUICK)
