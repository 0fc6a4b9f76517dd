"""The API's `error` event in mid-stream."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import BODY, FRAMES, HEAD, NOTHING, PLACES, PLAN, applied, recorded_plan, total_wait

from streamlab.core.api_errors import ERRORS
from streamlab.core.faults import Cut, ErrorEvent, Stall
from streamlab.core.places import Place, Side
from streamlab.core.plan import Ending, Head, Plan
from streamlab.core.sse import Frame, decode
from streamlab.errors import FaultError, PlaceError

SIDES: tuple[Side, ...] = ("before", "at", "after")


def test_the_error_event_is_written_as_the_api_writes_it() -> None:
    """A `details` key that bodies lack, the id of the request from the head, and padding before the last brace."""
    (*_, last) = applied(PLAN, ErrorEvent("overloaded", after="delta 2")).frames
    assert re.fullmatch(
        rb'event: error\ndata: \{"type":"error","error":\{"details":null,"type":"overloaded_error","message":"Overloaded"\},'
        rb'"request_id":"req_011CSample" {0,15}\}\n\n',
        last.raw,
    )


def test_the_error_event_has_no_id_where_the_head_has_none() -> None:
    """No id is invented."""
    (*_, last) = applied(replace(PLAN, head=Head(200)), ErrorEvent("api", at="end")).frames
    assert last.event == {"type": "error", "error": {"details": None, "type": "api_error", "message": "Internal server error"}}


@pytest.mark.parametrize(
    ("written", "kind", "message"),
    [
        *((name, error.type, error.message) for name, error in ERRORS.items()),
        ("overloaded_error", "overloaded_error", "Overloaded"),
        (529, "overloaded_error", "Overloaded"),
        ("529", "overloaded_error", "Overloaded"),
        (500, "api_error", "Internal server error"),
    ],
)
def test_every_error_of_the_api_can_come_in_mid_stream(written: str | int, kind: str, message: str) -> None:
    """By its type, with or without `_error`, or by its status; the text is the API's own."""
    (*_, last) = applied(PLAN, ErrorEvent(written, after="delta 1")).frames
    assert last.event is not None
    assert last.event["error"] == {"details": None, "type": kind, "message": message}


@pytest.mark.parametrize("message", ["Output blocked by content filtering policy", "", 'é "\n'])
def test_the_text_of_the_error_can_be_given(message: str) -> None:
    """An empty text is a text."""
    (*_, last) = applied(PLAN, ErrorEvent("api", message=message, at="end")).frames
    assert last.event is not None
    assert last.event["error"]["message"] == message


WHOLE = [(side, place) for side in SIDES for place in PLACES if Place(place).point(PLAN, side).offset == 0]
WHOLE.remove(("before", "headers"))
"""Every place between frames."""


@pytest.mark.parametrize(("side", "place"), WHOLE)
def test_the_error_stands_in_the_place_of_all_that_would_follow(side: Side, place: str) -> None:
    """What precedes is untouched, no `message_stop` comes, and the body ends in good order."""
    plan = applied(PLAN, ErrorEvent(**{side: place}))  # type: ignore[arg-type]
    index = Place(place).point(PLAN, side).frame
    assert plan.frames[:-1] == PLAN.frames[:index]
    assert plan.frames[-1].type == "error"
    assert (plan.head, plan.ending) == (PLAN.head, Ending.END)
    assert decode(plan.body) == plan.frames


@pytest.mark.parametrize("place", ["text char 1", "byte 5", "33%"])
def test_an_event_cannot_stand_inside_another(place: str) -> None:
    """The error says what place to use instead."""
    with pytest.raises(FaultError) as caught:
        applied(PLAN, ErrorEvent(at=place))
    assert (caught.value.problem, caught.value.key) == ("an event cannot stand inside another", ("error",))
    assert caught.value.hint == "use the place of an event or a delta"


@pytest.mark.parametrize("place", ["headers", "end", "byte 0", "100%"])
def test_an_event_cannot_stand_in_a_json_body(place: str) -> None:
    """Bytes of an event after a JSON body would be an answer that no server gives, and nobody asked for it."""
    with pytest.raises(FaultError) as caught:
        applied(BODY, ErrorEvent(at=place))
    assert (caught.value.problem, caught.value.key) == ("this answer is no event stream", ("error",))
    with pytest.raises(PlaceError):
        applied(BODY, ErrorEvent(at="event 1"))


@pytest.mark.parametrize(
    "plan",
    [
        NOTHING,
        Plan(Head(200, (("content-type", "text/html"),)), FRAMES),
        Plan(HEAD, (Frame(b": hello\n\n"),)),
    ],
    ids=["first of all", "wrong content type", "no event yet"],
)
def test_an_event_can_stand_in_what_is_a_stream_by_its_head_or_by_its_events(plan: Plan) -> None:
    """A stream that is broken otherwise, or has not begun, is a stream."""
    after = applied(plan, ErrorEvent(at="end"))
    assert after.frames[:-1] == plan.frames
    assert after.frames[-1].type == "error"


@pytest.mark.parametrize("place", [{"after": "delta 2"}, {"before": "delta 2"}, {"at": "end"}, {"at": "headers"}], ids=str)
def test_a_stall_and_then_an_error_at_one_place_is_a_silence_and_then_the_error(place: dict[str, str]) -> None:
    """The silence that was asked for first is not lost with the frame that it stood before."""
    plan = applied(PLAN, Stall("3s", **place), ErrorEvent(**place))  # type: ignore[arg-type]
    assert plan.body == applied(PLAN, ErrorEvent(**place)).body  # type: ignore[arg-type]
    assert total_wait(plan.frames) == 3.0


def test_faults_are_put_in_in_the_order_written() -> None:
    """An error can be cut short, delayed, or come after a cut; what is not there any more cannot be named."""
    error = ErrorEvent(after="delta 1")
    whole = applied(PLAN, error)
    assert applied(PLAN, error, Cut("reset", after="error")) == replace(whole, ending=Ending.RESET)
    assert applied(PLAN, error, Cut("fin", before="error")).frames == whole.frames[:-1]
    assert applied(PLAN, error, Stall(2, before="error")).frames[-1] == replace(whole.frames[-1], wait=2.0)
    assert applied(PLAN, Cut("reset", after="delta 1"), ErrorEvent(at="end")) == whole
    for late in (Cut(at="message_stop"), ErrorEvent(at="delta 2")):
        with pytest.raises(PlaceError):
            applied(PLAN, error, late)


def test_the_padding_comes_from_the_seed() -> None:
    """The same lots give the same bytes, others other bytes."""
    fault = ErrorEvent(after="delta 1")
    bodies = [applied(PLAN, fault, seed=seed).body for seed in range(30)]
    assert applied(PLAN, fault, seed=3).body == bodies[3]
    assert len(set(bodies)) > 8


@given(st.integers(1, len(FRAMES)), st.sampled_from(SIDES), st.sampled_from(sorted(ERRORS)), st.none() | st.text())
@settings(deadline=None, max_examples=100)
def test_bytes_before_the_error_stay_as_they_were(number: int, side: Side, kind: str, message: str | None) -> None:
    """Whatever the error and its text: one frame more, which is an `error` event, and before it the plan as it was."""
    plan = applied(PLAN, ErrorEvent(kind, message=message, **{side: f"event {number}"}))  # type: ignore[arg-type]
    before = PLAN.frames[: Place(f"event {number}").point(PLAN, side).frame]
    assert plan.frames[:-1] == before
    (read,) = decode(plan.frames[-1].raw)
    assert read.event is not None
    assert read.event["error"]["message"] == (ERRORS[kind].message if message is None else message)


def test_recorded_streams_stay_as_they_were_before_the_error(recorded_streams: list[Path]) -> None:
    """Real bytes are never written anew."""
    for path in recorded_streams[::9]:
        plan = recorded_plan(path)
        for place in list(ErrorEvent(at="end").places(plan))[:40]:
            faulty = applied(plan, ErrorEvent(after=place))
            index = place.spot(plan).frame + 1
            assert faulty.frames[:-1] == plan.frames[:index]
            assert path.read_bytes().startswith(b"".join(frame.raw for frame in faulty.frames[:-1]))
            assert faulty.frames[-1].type == "error"
