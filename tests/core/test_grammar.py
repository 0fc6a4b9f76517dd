"""What may follow what: the table, and the check that walks it."""

from __future__ import annotations

import pytest

from streamlab.core.events import PING, encode
from streamlab.core.grammar import RULES, TRANSITIONS, Grade, State, finding, order
from streamlab.core.sse import Frame

EVENTS = {
    "S": "message_start",
    "b": "content_block_start",
    "d": "content_block_delta",
    "e": "content_block_stop",
    "D": "message_delta",
    "M": "message_stop",
    "E": "error",
    "?": "message_news",
}


def stream(letters: str) -> list[Frame]:
    """Return frames of the events that letters stand for; `p` is a ping, `-` a frame without an event."""
    special = {"p": PING, "-": Frame(b": nothing\n\n")}
    return [special[letter] if letter in special else encode({"type": EVENTS[letter]}) for letter in letters]


@pytest.mark.parametrize(
    "letters", ["SDM", "SbeDM", "SbddeDM", "SbdebdeDM", "SbpdpepDM", "SE", "SbdE", "SbdeE", "SbdeDE", "S-bde-DM"]
)
def test_legal_streams_have_no_finding(letters: str) -> None:
    """Blocks one after the other, pings in any gap but the first, an error anywhere after the start."""
    assert list(order(stream(letters))) == []


@pytest.mark.parametrize(
    ("letters", "found"),
    [
        ("", [("unfinished", 0, 0)]),
        ("S", [("unfinished", 1, 1)]),
        ("SbdeD", [("unfinished", 5, 5)]),
        ("bdeDM", [("order", 1, 1)]),
        ("SdeDM", [("order", 2, 2), ("order", 3, 3)][:1]),
        ("SbbeDM", [("order", 3, 3)]),
        ("SbdDM", [("order", 4, 4)]),
        ("SSbdeDM", [("order", 2, 2)]),
        ("SbdeM", [("order", 5, 5)]),
        ("SDMM", [("after-end", 4, 4)]),
        ("SED", [("after-end", 3, 3), ("unfinished", 3, 3)]),
        ("EM", [("error-first", 1, 1), ("after-end", 2, 2)]),
        ("SpDM", [("ping-place", 1, 2)]),
        ("SDpM", [("ping-place", 2, 3)]),
        ("pSDM", [("ping-outside", 0, 1)]),
        ("SDMp", [("ping-outside", 3, 4)]),
        ("S?DM", [("unknown-event", 2, 2)]),
    ],
)
def test_each_deviation_is_placed(letters: str, found: list[tuple[str, int, int]]) -> None:
    """A finding has its rule, its event's number without pings, and its frame; one slip is one finding where it can be."""
    assert [(each.rule, each.event, each.frame) for each in order(stream(letters))] == found


def test_the_table_is_closed() -> None:
    """Every state that an event leads to is a row of the table, and nothing leads out of an end."""
    assert {state for row in TRANSITIONS.values() for state in row.values()} <= set(TRANSITIONS)
    assert TRANSITIONS[State.DONE] == TRANSITIONS[State.FAILED] == {}
    assert set(TRANSITIONS) == set(State)


def test_a_finding_knows_its_grade_and_fact() -> None:
    """Grade and fact are those of the rule; a finding without an event is placed by its frame."""
    found = finding("ping-place", 0, 2, found="a ping", expected="a block")
    assert (found.grade, found.fact) == (Grade.UNSEEN, RULES["ping-place"].fact)
    assert str(found) == "frame 2: a ping; expected a block [ping-place, unseen]"
