"""Faults of the events: an error of the API, events that are new, that come too often, or that say something else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mistakes import DURATION, NO_EVENT, SELECTION, mistake
from plans import BODY, EVENTS, FRAMES, HEAD, NOTHING, PLACES, PLAN, applied, recorded_plan, total_wait

from streamlab.core.api_errors import ERRORS, error_plan
from streamlab.core.api_headers import cors_headers
from streamlab.core.events import PING, encode
from streamlab.core.faults import (
    AtPlace,
    Change,
    Cut,
    ErrorEvent,
    Fault,
    Gzip,
    Insert,
    Pings,
    Stall,
    Unknown,
    apply_faults,
)
from streamlab.core.places import Place, Side
from streamlab.core.plan import Ending, Head, Plan
from streamlab.core.sse import Event, Frame, Split, decode
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
@settings(max_examples=100)
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


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_before_the_head_is_the_one_that_http_gives(name: str) -> None:
    """Status, headers and body are those of the API's error; the date, what lets a page read it, and its times stay."""
    kept = (("date", "Sat, 21 Nov 2026 10:00:00 GMT"), *cors_headers("http://page.example"))
    for plan in (PLAN, BODY, applied(PLAN, Gzip())):
        head = replace(plan.head.with_headers(kept), recorded=1.5)
        late = applied(replace(plan, head=head), Stall(2, before="headers"))
        made = applied(late, ErrorEvent(name, message="No.", before="headers"), seed=3)
        expected = error_plan(ERRORS[name], "No.", Random(3))
        assert made == replace(expected, head=replace(expected.head.with_headers(kept), wait=2.0, recorded=1.5))
        assert json.loads(made.body)["error"]["message"] == "No."


DELTA: Event = {"type": "content_block_delta", "index": 0, "delta": {"type": "hologram_delta", "hologram": "..."}}
BLOCK: Event = {"type": "content_block_start", "index": 2, "content_block": {"type": "hologram", "hologram": "..."}}
GIVEN: Event = {"type": "content_block_delta", "index": 9, "delta": {"text": "é\u2028", "n": None}}

NEWS: list[tuple[AtPlace, list[Event]]] = [
    (Insert(GIVEN, after="delta 2"), [GIVEN]),
    (Insert(after="delta 2"), [{"type": "content_block_stop", "index": 0}]),
    (Unknown(after="delta 2"), [{"type": "weather_report", "forecast": "sunny"}]),
    (Unknown("delta", after="delta 2"), [DELTA]),
    (Unknown("block", after="delta 2"), [BLOCK, {"type": "content_block_stop", "index": 2}]),
]


@pytest.mark.parametrize(("fault", "events"), NEWS, ids=str)
def test_an_event_comes_where_it_is_asked_for(fault: AtPlace, events: list[Event]) -> None:
    """Padded by lot as the API's are, after a silence that is asked for there; all other frames are the same objects."""
    made = applied(PLAN, fault)
    count = len(events)
    assert [frame.event for frame in made.frames[5 : 5 + count]] == events
    assert [id(frame) for frame in (*made.frames[:5], *made.frames[5 + count :])] == [id(frame) for frame in PLAN.frames]
    for frame, event in zip(made.frames[5:], events, strict=False):
        assert frame.raw in [encode(event, padding=padding).raw for padding in range(16)]
    late = applied(PLAN, Stall(2, after="delta 2"), fault)
    assert [frame.wait for frame in late.frames] == [2.0 if index == 5 else 0.0 for index in range(len(late.frames))]
    assert [frame.raw for frame in late.frames] == [frame.raw for frame in made.frames]
    assert applied(PLAN, fault, seed=4) != applied(PLAN, fault, seed=5)


@pytest.mark.parametrize(
    ("place", "index"),
    [
        ({"at": "headers"}, 0),
        ({"after": "content_block_start"}, 0),
        ({"before": "content_block_start 2"}, 0),
        ({"after": "tool_use delta 1"}, 1),
        ({"at": "end"}, 1),
    ],
    ids=str,
)
def test_an_unknown_delta_belongs_to_the_block_that_is_open(place: dict[str, str], index: int) -> None:
    """Before any block it belongs to the first."""
    made = applied(PLAN, Unknown("delta", **place))  # type: ignore[arg-type]
    (new,) = [frame.event for frame in made.frames if b"hologram" in frame.raw]
    assert new == {**DELTA, "index": index}


def test_an_unknown_block_has_an_index_of_its_own() -> None:
    """It is the first that is free."""
    made = applied(NOTHING, Unknown("block", at="headers"))
    assert [frame.event and frame.event["index"] for frame in made.frames] == [0, 0]


@pytest.mark.parametrize(("count", "every", "waits"), [(1, 0.0, [0.0]), (3, "1s", [1.0] * 3), (2, 0.5, [0.5] * 2)])
def test_pings_come_one_after_the_other(count: int, every: str | float, waits: list[float]) -> None:
    """Each after the time that is asked for, the first after a silence that is asked for there as well."""
    pings = [Frame(PING.raw, wait=wait) for wait in waits]
    made = applied(PLAN, Pings(count, every=every, after="delta 1"))
    assert made.frames == (*PLAN.frames[:4], *pings, *PLAN.frames[4:])
    late = applied(PLAN, Stall(2, after="delta 1"), Pings(count, every=every, after="delta 1"))
    assert late.frames[4] == replace(pings[0], wait=pings[0].wait + 2)
    assert late.frames[5:] == made.frames[5:]


def test_a_hundred_pings_come_if_nothing_is_said() -> None:
    """At once."""
    assert applied(PLAN, Pings(at="end")).frames == (*PLAN.frames, *[PING] * 100)


def changed(number: int, **news: Any) -> Event:
    """Return the event of that number, with other fields; one that is None is gone."""
    return {key: value for key, value in {**EVENTS[number - 1], **news}.items() if value is not None}


def test_a_path_may_be_of_many_names() -> None:
    """Each but the last names an object in the one before it; what stands beside is kept."""
    usage = Change("message_start", set={"message.usage": {"cache": {"read": 1, "write": 2}, "input_tokens": 3}})
    deeper = Change("message_start", set={"message.usage.input_tokens": 4}, remove=["message.usage.cache.read"])
    made = applied(PLAN, usage, deeper).frames[0].event
    assert made == {"type": "message_start", "message": {"content": [], "usage": {"cache": {"write": 2}, "input_tokens": 4}}}


@pytest.mark.parametrize(
    ("fault", "events"),
    [
        (Change("delta 1", set={"index": 7}), {3: changed(3, index=7)}),
        (Change("delta 1", remove=["index"]), {3: changed(3, index=None)}),
        (Change("delta 1", set={"delta.text": None}), {3: changed(3, delta={"type": "text_delta", "text": None})}),
        (
            Change("delta 1", set={"delta.colour": "blue"}),
            {3: changed(3, delta={"type": "text_delta", "text": "One é", "colour": "blue"})},
        ),
        (
            Change("event 3", remove=["delta.text", "index"]),
            {3: {"type": "content_block_delta", "delta": {"type": "text_delta"}}},
        ),
        (Change("delta 1", remove=["index"], set={"index": [1]}), {3: {**changed(3, index=None), "index": [1]}}),
        (Change("message_start", set={"message.usage": {"a": 1}}), {1: changed(1, message={"content": [], "usage": {"a": 1}})}),
        (
            Change("message_delta", set={"usage.output_tokens": 0, "delta": {}}),
            {10: changed(10, delta={}, usage={"output_tokens": 0})},
        ),
        (Change("every content_block_stop", set={"index": 5}), {5: changed(5, index=5), 9: changed(9, index=5)}),
        (Change(["delta 1", "delta 2"], set={"index": 5}), {3: changed(3, index=5), 4: changed(4, index=5)}),
    ],
    ids=str,
)
def test_an_event_says_something_else(fault: Fault, events: Mapping[int, Event]) -> None:
    """Padded as it was, in the same order; an event that is not named, and the one that it was made of, stay as they were."""
    before = json.dumps(EVENTS)
    made = applied(PLAN, fault)
    for number in range(1, 12):
        index = number - (number < 3)
        old, new = PLAN.frames[index], made.frames[index]
        if number in events:
            assert new == Frame(encode(events[number], padding=number - 1).raw)
            assert new.event == events[number]
        else:
            assert new is old
    assert json.dumps(EVENTS) == before
    assert replace(made, frames=PLAN.frames) == PLAN


def test_the_name_follows_the_type() -> None:
    """Where the type is another; where there is none the name stays, and a name that was another one stays too."""
    plan = replace(PLAN, frames=(Frame(b'event: a\ndata: {"type":"a"}\n\n'), Frame(b'event: x\ndata: {"type":"a" }\n\n')))
    assert [frame.raw for frame in applied(plan, Change("every event", set={"type": "b"})).frames] == [
        b'event: b\ndata: {"type":"b"}\n\n',
        b'event: x\ndata: {"type":"b" }\n\n',
    ]
    for fault, data in ((Change("event 1", remove=["type"]), b"{}"), (Change("event 1", set={"type": 5}), b'{"type":5}')):
        assert applied(plan, fault).frames[0].raw == b"event: a\ndata: %b\n\n" % data


def test_what_is_sent_apart_is_sent_whole_when_it_changes() -> None:
    """A silence before it stays; splits that were made for other bytes do not. Half a surrogate is an escape of JSON."""
    frame = Frame(b'event: a\ndata: {"type":"a"}\n\n', wait=1.0, recorded=2.0, splits=(Split(4, 0.5),), joined=True)
    plan = replace(PLAN, frames=(FRAMES[0], frame))
    made = applied(plan, Change("event 2", set={"x": "\ud800"}))
    raw = b'event: a\ndata: {"type":"a","x":"\\ud800"}\n\n'
    assert made.frames == (FRAMES[0], replace(frame, raw=raw, splits=()))


def test_an_event_can_be_changed_only_where_it_has_the_field() -> None:
    """The places of the fault are those of the events that have it."""

    def places(fault: Fault) -> list[str]:
        return [str(place) for place in fault.places(PLAN)]

    assert places(Change("delta 1", remove=["delta.text"])) == ["event 3", "event 4"]
    assert places(Change("delta 1", set={"delta.text": "x"})) == ["event 3", "event 4", "event 7", "event 8", "event 10"]
    assert places(Change("delta 1", set={"x": "x"})) == [f"event {number}" for number in range(1, 12)]


PATH_HINT = "a path is the names from the event's JSON down, with dots: delta.text, message.usage.input_tokens"


@pytest.mark.parametrize(
    ("fault", "problem", "key", "hint"),
    [
        (
            Change("delta 1", remove=["indx"]),
            "the event has no field 'indx'",
            "remove",
            "did you mean 'index'? expected one of: delta, index, type",
        ),
        (
            Change("delta 1", remove=["delta.txt"]),
            "the event has no field 'delta.txt'",
            "remove",
            "did you mean 'text'? expected one of: text, type",
        ),
        (
            Change("delta 1", set={"dleta.text": 1}),
            "the event has no object 'dleta' for 'dleta.text'",
            "set",
            f"did you mean 'delta'? expected one of: delta; {PATH_HINT}",
        ),
        (Change("message_stop", set={"a.b": 1}), "the event has no object 'a' for 'a.b'", "set", PATH_HINT),
        (
            Change("delta 1", remove=["index.x"]),
            *("the event has no object 'index' for 'index.x'", "remove", f"expected one of: delta; {PATH_HINT}"),
        ),
    ],
    ids=str,
)
def test_a_field_that_is_not_there_is_an_error(fault: Fault, problem: str, key: str, hint: str) -> None:
    """It names the nearest that is."""
    with pytest.raises(FaultError) as caught:
        apply_faults(PLAN, [fault], Random(1))
    assert (caught.value.problem, caught.value.key, caught.value.hint) == (problem, ("faults", 0, key), hint)


@pytest.mark.parametrize("make", [Insert, Unknown, Pings], ids=lambda each: each.name)
def test_no_event_comes_into_another_nor_before_the_head_nor_into_json(make: Callable[..., Fault]) -> None:
    """The errors are those of all faults that put a frame in."""
    for plan, place, problem in (
        (PLAN, {"at": "text char 2"}, "an event cannot stand inside another"),
        (PLAN, {"before": "headers"}, "nothing of the body can come before the headers"),
        (BODY, {"at": "end"}, "this answer is no event stream"),
        (PLAN, {"after": "delta 9"}, "the answer has no place 'delta 9'"),
    ):
        with pytest.raises((FaultError, PlaceError)) as caught:
            applied(plan, make(**place))
        assert caught.value.problem == problem
    with pytest.raises(FaultError):
        applied(BODY, Change("all", set={"x": 1}))


def test_a_recorded_event_that_is_changed_is_the_only_one(recorded_streams: list[Path]) -> None:
    """All its other fields are there, in their order."""
    for path in recorded_streams[::29]:
        plan = recorded_plan(path)
        for place in list(Insert(at="end").places(plan))[:20]:
            made = applied(plan, Change(str(place), set={"new": 1}))
            index = place.spot(plan).frame
            old, new = plan.frames[index].event, made.frames[index].event
            assert old is not None
            assert list((new or {}).items()) == [*old.items(), ("new", 1)]
            assert [each for each in range(len(plan.frames)) if made.frames[each] is not plan.frames[each]] == [index]


EVENT_HINT, QUOTES = "for example: insert: {type: content_block_stop, index: 0}", "put dates and the like in quotes"
FIELDS, REMOVED = "for example: set: {index: 7}", "for example: [index]"
NUMBER = "write a number from 1 to 100000"


@pytest.mark.parametrize(
    ("written", "problem", "key", "hint"),
    [
        (
            {"error": "api", "message": 5, "at": "end"},
            *("a text is expected, not 5", "message", "for example: message: Overloaded"),
        ),
        *(
            ({"insert": value, "at": "end"}, f"an event with a type is expected, not {value!r}", "insert", EVENT_HINT)
            for value in ("message_stop", {}, {"type": 5}, ["type"], None)
        ),
        (
            {"insert": {"type": "a", "x": b""}, "at": "end"},
            *("this cannot be said in JSON: Object of type bytes is not JSON serializable", "insert", QUOTES),
        ),
        (
            {"unknown": "blok", "at": "end"},
            *("'blok' cannot be unknown", "unknown", "did you mean 'block'? expected one of: block, delta, event"),
        ),
        ({"unknown": None, "at": "end"}, "None cannot be unknown", "unknown", "expected one of: block, delta, event"),
        ({"change": 5, "set": {"a": 1}}, "events are expected, not 5", "change", SELECTION),
        ({"change": "end", "set": {"a": 1}}, "'end' names no event", "change", NO_EVENT),
        ({"change": "delta 1"}, "nothing is changed", "change", "write set: {index: 7} or remove: [index] beside it"),
        *(
            ({"change": "delta 1", "set": value}, f"fields and values are expected, not {value!r}", "set", FIELDS)
            for value in ("index", ["index"], {"": 1}, {7: 1}, None)
        ),
        *(
            ({"change": "delta 1", "remove": value}, f"a list of fields is expected, not {value!r}", "remove", REMOVED)
            for value in ("index", {"index": 1}, [""], [5], None)
        ),
        (
            {"change": "delta 1", "set": {"a": {1}}},
            *("this cannot be said in JSON: Object of type set is not JSON serializable", "set", QUOTES),
        ),
        *(
            ({"pings": value, "at": "end"}, f"{value!r} is no number of pings", "pings", NUMBER)
            for value in (0, -1, True, 1.5, "3", 100_001, None)
        ),
        ({"pings": 1, "every": "often", "at": "end"}, "'often' is not a length of time", "every", DURATION),
    ],
    ids=str,
)
def test_a_mistake_is_said_where_it_is_written(written: Mapping[str, Any], problem: str, key: str, hint: str) -> None:
    """The problem, the key as it was written, and what to write."""
    assert mistake(written) == (problem, (key,), hint)
