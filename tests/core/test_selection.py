"""Selections: which frames of a plan a fault changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streamlab.core.events import PING, encode
from streamlab.core.places import GRAMMAR
from streamlab.core.plan import EVENT_STREAM, JSON, Head, Plan
from streamlab.core.selection import Selection, check_selection, require_stream, selected
from streamlab.core.sse import Frame
from streamlab.errors import FaultError, PlaceError, ScenarioError


def _delta(block: int, **delta: str) -> Frame:
    return encode({"type": "content_block_delta", "index": block, "delta": delta})


def _start(block: int, kind: str) -> Frame:
    return encode({"type": "content_block_start", "index": block, "content_block": {"type": kind}})


STREAM = Head(200, (("content-type", EVENT_STREAM),))
PLAN = Plan(
    STREAM,
    (
        Frame(b": comment\n\n"),  # 0
        encode({"type": "message_start", "message": {}}),  # 1, event 1
        _start(0, "text"),  # 2, event 2
        PING,  # 3
        _delta(0, type="text_delta", text="a"),  # 4, event 3, delta 1
        _delta(0, type="text_delta", text="b"),  # 5, event 4, delta 2
        _start(1, "tool_use"),  # 6, event 5
        PING,  # 7
        _delta(1, type="input_json_delta", partial_json="{}"),  # 8, event 6, delta 3
        encode({"type": "message_stop"}),  # 9, event 7
        Frame(b"", wait=1.0),  # 10
    ),
)
BODY = Plan(Head(200, (("content-type", JSON),)), (Frame(b"{}"),))


@pytest.mark.parametrize(
    ("written", "frames"),
    [
        ("all", (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)),
        ("every event", (1, 2, 4, 5, 6, 8, 9)),
        ("every ping", (3, 7)),
        ("every delta", (4, 5, 8)),
        ("every text delta", (4, 5)),
        ("every tool_use delta", (8,)),
        ("every block 0 delta", (4, 5)),
        ("every content_block_start", (2, 6)),
        ("every content_block_delta", (4, 5, 8)),
        ("event 1", (1,)),
        ("delta 3", (8,)),
        ("tool_use delta 1", (8,)),
        ("block 0 delta 2", (5,)),
        ("content_block_start 2", (6,)),
        ("message_stop", (9,)),
        (["delta 3", "event 1", "delta 1"], (1, 4, 8)),
        (("every delta", "delta 1", "every text delta"), (4, 5, 8)),
        (["every ping", "all"], (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)),
    ],
    ids=str,
)
def test_a_selection_names_frames(written: Selection, frames: tuple[int, ...]) -> None:
    """All of them, every event that a place counts, one event, or several of these: each once, in the order of the plan."""
    check_selection(written, "of")
    assert selected(PLAN, written, "of") == frames


NO_EVENT_HERE = "the answer has no event that could be changed"


@pytest.mark.parametrize("written", ["all", ["all"]], ids=str)
@pytest.mark.parametrize("frames", [(), (Frame(b"", wait=1.0),)], ids=["nothing", "a silence"])
def test_everything_of_a_stream_must_be_something(written: Selection, frames: tuple[Frame, ...]) -> None:
    """A fault of all events, where there is none, would change nothing and say nothing of it."""
    with pytest.raises(PlaceError) as caught:
        selected(Plan(STREAM, frames), written, "of")
    assert (caught.value.problem, caught.value.key) == (NO_EVENT_HERE, ("of",))
    assert caught.value.hint == "the answer has no events, only: headers, end"


def test_where_data_matters_frames_without_any_are_left_out() -> None:
    """A comment, a silence and a tail; data that is no event is data, but there must be some."""
    done, tail = Frame(b"data: [DONE]\n\n"), Frame(b"data: x")
    assert selected(replace(PLAN, frames=(*PLAN.frames, done, tail)), "all", "of", data=True) == (*range(1, 10), 11)
    assert selected(PLAN, "every ping", "of", data=True) == (3, 7)
    mute = Plan(STREAM, (PLAN.frames[0], tail))
    assert selected(mute, "all", "of") == (0, 1)
    with pytest.raises(PlaceError) as caught:
        selected(mute, "all", "how", data=True)
    assert (caught.value.problem, caught.value.key) == (NO_EVENT_HERE, ("how",))
    assert caught.value.hint == "the answer has no events, only: byte 1..18, headers, end"


def test_everything_of_a_body_without_events_is_its_frames() -> None:
    """Of nothing it is nothing."""
    assert selected(BODY, "all", "of") == (0,)
    assert selected(replace(BODY, frames=()), "all", "of") == ()


@pytest.mark.parametrize(
    ("written", "problem", "hint"),
    [
        ("delta 4", "the answer has no place 'delta 4'", "the answer has: event 1..7, delta 1..3, "),
        ("every thinking delta", "the answer has no place 'thinking delta 1'", "the answer has: "),
        ("every mesage_stop", "the answer has no place 'mesage_stop 1'", "did you mean 'message_stop 1'? the answer has: "),
        (["delta 1", "error"], "the answer has no place 'error'", "the answer has: "),
        ("every block 7 delta", "the answer has no place 'block 7 delta 1'", "the answer has: "),
    ],
    ids=str,
)
def test_what_is_not_there_is_an_error_that_shows_what_is(written: Selection, problem: str, hint: str) -> None:
    """It has the key that it was asked for with."""
    check_selection(written, "of")
    with pytest.raises(PlaceError) as caught:
        selected(PLAN, written, "what")
    assert (caught.value.problem, caught.value.key) == (problem, ("what",))
    assert caught.value.hint.startswith(hint)


def test_pings_that_are_not_there_can_be_put_in() -> None:
    """They are no events that a place counts, so that the error is one of their own."""
    with pytest.raises(PlaceError) as caught:
        selected(replace(PLAN, frames=PLAN.frames[:3]), "every ping", "of")
    assert str(caught.value) == "of: the answer has no ping\n  hint: pings come by lot: `pings: 1` puts one in"


HOW = "write the place of an event ('delta 3'), 'every delta', 'all', or a list of places"
COUNTED = (
    "every block 0 delta, every content_block_start, every content_block_stop, every delta, every event, every ping, "
    "every text delta, every tool_use delta"
)
NO_EVENT = "name one: 'event N', 'delta N', 'message_stop'"


@pytest.mark.parametrize(
    ("written", "kind", "problem", "hint"),
    [
        (5, FaultError, "events are expected, not 5", HOW),
        (None, FaultError, "events are expected, not None", HOW),
        ({}, FaultError, "events are expected, not {}", HOW),
        ([], FaultError, "events are expected, not []", HOW),
        ((), FaultError, "events are expected, not ()", HOW),
        (["all", 7], FaultError, "events are expected, not 7", HOW),
        ([["all"]], FaultError, "events are expected, not ['all']", HOW),
        ("delt 3", PlaceError, "'delt 3' is not a place", f"did you mean 'delta 1'? a place is {GRAMMAR}"),
        ("", PlaceError, "'' is not a place", f"a place is {GRAMMAR}"),
        ("every", PlaceError, "'every' is not a place", None),
        ("every ", PlaceError, "'every ' names no events", f"did you mean 'every ping'? expected one of: {COUNTED}"),
        (
            "every delta 2",
            PlaceError,
            "'every delta 2' names no events",
            f"did you mean 'every delta'? expected one of: {COUNTED}",
        ),
        ("every dleta", PlaceError, "'every dleta' names no events", f"did you mean 'every delta'? expected one of: {COUNTED}"),
        ("every byte", PlaceError, "'every byte' names no events", None),
        ("every text char", PlaceError, "'every text char' names no events", None),
        ("text char 4", PlaceError, "'text char 4' names no event", NO_EVENT),
        ("byte 4", PlaceError, "'byte 4' names no event", NO_EVENT),
        ("50%", PlaceError, "'50%' names no event", NO_EVENT),
        (["delta 1", "end"], PlaceError, "'end' names no event", NO_EVENT),
    ],
    ids=str,
)
def test_what_cannot_be_a_selection_is_an_error_when_it_is_written(
    written: Any, kind: type[ScenarioError], problem: str, hint: str | None
) -> None:
    """Before there is any plan: with its key, and what to write."""
    with pytest.raises(kind) as caught:
        check_selection(written, "events")
    assert (type(caught.value), caught.value.problem, caught.value.key) == (kind, problem, ("events",))
    assert caught.value.hint
    assert hint in (None, caught.value.hint)


@pytest.mark.parametrize(
    "plan",
    [PLAN, Plan(STREAM), Plan(Head(), PLAN.frames), replace(BODY, frames=PLAN.frames)],
    ids=["stream", "no event yet", "events without a content-type", "events with another content-type"],
)
def test_a_stream_is_one_by_its_head_or_by_its_events(plan: Plan) -> None:
    """A fault may have taken either away."""
    require_stream(plan, "how")


@pytest.mark.parametrize("plan", [BODY, Plan(Head()), replace(BODY, frames=(PING,))], ids=["json", "nothing", "only a ping"])
def test_what_is_no_stream_has_no_events(plan: Plan) -> None:
    """The error has the key of what was asked."""
    with pytest.raises(FaultError) as caught:
        require_stream(plan, "how")
    assert str(caught.value) == (
        "how: this answer is no event stream\n  hint: this fault changes the events of a stream; a JSON body has none"
    )
