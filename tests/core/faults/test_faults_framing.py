"""Faults of framing: how the lines of server-sent events are written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mistakes import NO_EVENT, SELECTION, mistake
from plans import BODY, HEAD, PLAN, applied, recorded_plan

from streamlab.core.events import encode
from streamlab.core.faults import (
    BrokenJson,
    Change,
    DataLines,
    EventId,
    EventName,
    Fault,
    HugeFrame,
    LineEnd,
    NoBlankLine,
    NoSpace,
    SplitFrames,
    Stall,
    apply_faults,
)
from streamlab.core.plan import Plan
from streamlab.core.sse import Frame, Split, decode
from streamlab.errors import FaultError, PlaceError

EVENT = Frame(b'event: a\ndata: {"type":"a","x":"\\n: y"}\n\n', wait=1.0, recorded=2.0, splits=(Split(3, 0.5),))
COMMENT = Frame(b": event: no\n\n")
DELTA = Frame(b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0}\n\n', joined=True)
TOKENS = (b"{", b'"type"', b":", b'"content_block_delta"', b",", b'"index"', b":", b"0", b"}")
SMALL = Plan(HEAD, (COMMENT, EVENT, DELTA))


def raws(plan: Plan) -> list[bytes]:
    """Return the bytes of each frame."""
    return [frame.raw for frame in plan.frames]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (
            LineEnd("crlf"),
            [
                b": event: no\r\n\r\n",
                b'event: a\r\ndata: {"type":"a","x":"\\n: y"}\r\n\r\n',
                b'event: content_block_delta\r\ndata: {"type":"content_block_delta","index":0}\r\n\r\n',
            ],
        ),
        (LineEnd("cr", of="event 1"), [COMMENT.raw, b'event: a\rdata: {"type":"a","x":"\\n: y"}\r\r', DELTA.raw]),
        (LineEnd("lf"), [COMMENT.raw, EVENT.raw, DELTA.raw]),
        (
            EventName("b"),
            [
                COMMENT.raw,
                b'event: b\ndata: {"type":"a","x":"\\n: y"}\n\n',
                b'event: b\ndata: {"type":"content_block_delta","index":0}\n\n',
            ],
        ),
        (EventName("", of="event 1"), [COMMENT.raw, b'event: \ndata: {"type":"a","x":"\\n: y"}\n\n', DELTA.raw]),
        (
            EventName("absent", of="every content_block_delta"),
            [COMMENT.raw, EVENT.raw, b'data: {"type":"content_block_delta","index":0}\n\n'],
        ),
        (
            DataLines(2, of="event 2"),
            [
                *(COMMENT.raw, EVENT.raw),
                b'event: content_block_delta\ndata: {"type":"content_block_delta"\ndata: ,"index":0}\n\n',
            ],
        ),
        (
            DataLines(1000, of="event 2"),
            [
                *(COMMENT.raw, EVENT.raw),
                b"event: content_block_delta\n" + b"".join(b"data: %b\n" % each for each in TOKENS) + b"\n",
            ],
        ),
        (
            NoSpace(),
            [
                COMMENT.raw,
                b'event:a\ndata:{"type":"a","x":"\\n: y"}\n\n',
                b'event:content_block_delta\ndata:{"type":"content_block_delta","index":0}\n\n',
            ],
        ),
        (NoSpace("event 1"), [COMMENT.raw, b'event:a\ndata:{"type":"a","x":"\\n: y"}\n\n', DELTA.raw]),
        (EventId(), [COMMENT.raw, b"id: 1\n" + EVENT.raw, b"id: 2\n" + DELTA.raw]),
        (EventId(-1, of="event 2"), [COMMENT.raw, EVENT.raw, b"id: -1\n" + DELTA.raw]),
        (EventId("ü"), [COMMENT.raw, "id: ü\n".encode() + EVENT.raw, "id: ü\n".encode() + DELTA.raw]),
        (NoBlankLine("event 2"), [COMMENT.raw, EVENT.raw, DELTA.raw[:-1]]),
        (NoBlankLine("all"), [COMMENT.raw, EVENT.raw[:-1], DELTA.raw[:-1]]),
    ],
    ids=str,
)
def test_the_lines_are_written_otherwise(fault: Fault, expected: list[bytes]) -> None:
    """Those of the events that are selected; a comment is no event. Times stay, splits do where lines only end otherwise."""
    made = applied(SMALL, fault)
    assert raws(made) == expected
    for old, new in zip(SMALL.frames, made.frames, strict=True):
        splits = old.splits if isinstance(fault, LineEnd) else ()
        assert new is old if new.raw == old.raw else new == replace(old, raw=new.raw, splits=splits)
    assert replace(made, frames=SMALL.frames) == SMALL


def pieces(frame: Frame) -> list[bytes]:
    """Return the bytes of a frame, cut where it is split."""
    offsets = [0, *(split.offset for split in frame.splits), len(frame.raw)]
    return [frame.raw[start:end] for start, end in pairwise(offsets)]


@pytest.mark.parametrize(("how", "end"), [("crlf", b"\r\n"), ("cr", b"\r")])
def test_lines_that_end_otherwise_are_split_where_they_were(how: Any, end: bytes) -> None:
    """Between the same characters, with the same silences: pieces and stalls inside an event come to the wire."""
    split = applied(PLAN, SplitFrames(7, wait="2ms"), Stall("1s", at="text char 2"))
    made = applied(split, LineEnd(how))
    for old, new in zip(split.frames, made.frames, strict=True):
        assert pieces(new) == [each.replace(b"\n", end) for each in pieces(old)]
        assert [each.wait for each in new.splits] == [each.wait for each in old.splits]
    back = applied(made, LineEnd("lf"))
    assert back == split


@pytest.mark.parametrize(("how", "end"), [("crlf", b"\r\n"), ("cr", b"\r")])
@pytest.mark.parametrize("fault", [EventName("x"), EventId(1), DataLines(3)], ids=str)
def test_a_line_that_is_put_in_ends_as_the_others_do(fault: Fault, how: Any, end: bytes) -> None:
    """A frame has one end of lines, in whatever order the two faults are written."""
    made = applied(PLAN, LineEnd(how), fault)
    assert raws(made) == [raw.replace(b"\n", end) for raw in raws(applied(PLAN, fault))]
    assert raws(made) == raws(applied(PLAN, fault, LineEnd(how)))


def test_data_in_several_lines_is_sent_in_one_piece() -> None:
    """Where it was split, other bytes stand now."""
    made = applied(PLAN, SplitFrames(7), DataLines(3))
    assert [frame.splits for frame in made.frames if frame.type != "ping"] == [()] * 11
    assert raws(made) == raws(applied(PLAN, DataLines(3)))


def test_data_that_comes_in_lines_already_is_cut_anew() -> None:
    """Its lines are as many as the last fault says."""
    assert raws(applied(PLAN, DataLines(2), DataLines(5))) == raws(applied(PLAN, DataLines(5)))


def test_data_of_few_tokens_comes_in_as_few_lines() -> None:
    """Each token on a line of its own is all that there is."""
    (frame,) = applied(Plan(HEAD, (EVENT,)), DataLines(500)).frames
    tokens = (b"{", b'"type"', b":", b'"a"', b",", b'"x"', b":", rb'"\n: y"', b"}")
    assert frame.raw == b"event: a\n" + b"".join(b"data: %b\n" % token for token in tokens) + b"\n"


def test_a_line_without_its_end_is_a_line_too() -> None:
    """A tail that was cut off is written otherwise like the rest; what is no event has no data to be cut."""
    tail = Frame(b"event: a\ndata: {")
    plan = Plan(HEAD, (COMMENT, tail))
    assert raws(applied(plan, NoSpace())) == [COMMENT.raw, b"event:a\ndata:{"]
    assert applied(Plan(HEAD, (COMMENT, EVENT, tail)), DataLines(2)).frames[::2] == plan.frames


def test_data_that_is_no_event_is_not_cut() -> None:
    """It has no tokens to be cut between; the event beside it is cut."""
    done = Frame(b"data: [DONE]\n\n")
    first, last = applied(Plan(HEAD, (done, DELTA)), DataLines(2)).frames
    assert first is done
    assert last.raw.count(b"data: ") == 2


def test_the_last_blank_line_does_not_come_if_nothing_is_said() -> None:
    """`message_stop` is then no event to a client that follows the standard."""
    made = applied(PLAN, NoBlankLine())
    assert raws(made) == [*raws(PLAN)[:-1], PLAN.frames[-1].raw[:-1]]
    assert made.frames[-1].event is None


@pytest.mark.parametrize("how", ["crlf", "cr"])
@pytest.mark.parametrize(
    "fault",
    [
        *(DataLines(3), EventId(1), NoSpace(), EventName("x"), EventName("absent"), LineEnd("lf"), LineEnd("cr")),
        *(HugeFrame(400), Change("every delta", set={"index": 4})),
    ],
    ids=str,
)
def test_a_fault_that_changes_no_event_changes_none_whatever_the_ends_of_the_lines(fault: Fault, how: Any) -> None:
    """The events that a client reads are the same as with line feeds alone."""
    plain, other = applied(PLAN, fault), applied(PLAN, LineEnd(how), fault)
    read = [frame.event for frame in decode(other.body)]
    assert read == [frame.event for frame in plain.frames]


@pytest.mark.parametrize("how", ["malformed", "truncated", "empty"])
@pytest.mark.parametrize("first", [LineEnd("cr"), LineEnd("crlf"), DataLines(3), EventId(1), NoSpace()], ids=str)
def test_json_is_broken_whatever_its_lines(first: Fault, how: Any) -> None:
    """No event of a client's is left, and all other lines are as they were."""
    made = applied(PLAN, first, BrokenJson(how))
    assert all(frame.event is None for frame in made.frames)
    assert all(frame.event is None for frame in decode(made.body))
    plain = applied(PLAN, BrokenJson(how))
    said = [frame.message.data if frame.message else None for frame in plain.frames]
    assert [frame.message.data if frame.message else None for frame in made.frames] == said


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (LineEnd("crlf"), b'event: a\r\ndata: {"type":"a","x":1}\r\n\r\n'),
        (LineEnd("cr"), b'event: a\rdata: {"type":"a","x":1}\r\r'),
        (EventName("b"), b'event: b\ndata: {"type":"a","x":1}\n\n'),
        (EventName("absent"), b'data: {"type":"a","x":1}\n\n'),
        (EventId("i"), b'id: i\nevent: a\ndata: {"type":"a","x":1}\n\n'),
        (NoSpace(), b'event:a\ndata:{"type":"a","x":1}\n\n'),
        (DataLines(3), b'event: a\ndata: {"type":"a","x":1}\n\n'),
    ],
    ids=str,
)
def test_an_event_that_is_changed_keeps_the_lines_that_it_was_given(first: Fault, expected: bytes) -> None:
    """The fault that comes second does not undo the first."""
    plan = Plan(HEAD, (EVENT,))
    assert raws(applied(plan, first, Change("event 1", set={"x": 1}))) == [expected]


@given(st.integers(2, 40), st.text(), st.integers(0, 15))
def test_data_in_several_lines_is_the_same_json(count: int, text: str, padding: int) -> None:
    """Whatever the text in it: at most so many lines, none of them empty, and the client that joins them reads the same."""
    event = {"type": "content_block_delta", "delta": {"text": text, "list": [1, True, None, -1.5e3, "\u2028"]}}
    frame = encode(event, padding=padding)
    (made,) = applied(Plan(HEAD, (frame,)), DataLines(count)).frames
    assert made.event == json.loads(json.dumps(event))
    lines = [line for line in made.raw.split(b"\n") if line.startswith(b"data: ")]
    assert 1 < len(lines) <= count
    assert all(line != b"data: " for line in lines)
    assert b"".join(line.removeprefix(b"data: ") for line in lines) == frame.raw.split(b"data: ", 1)[1][:-2]


FAULTS: list[Fault] = [LineEnd(), EventName(), DataLines(), EventId(), NoSpace(), NoBlankLine()]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_json_body_has_no_lines(fault: Fault) -> None:
    """It is no stream, and the error says so under the fault's name."""
    with pytest.raises(FaultError) as caught:
        apply_faults(BODY, [fault], Random(1))
    assert (caught.value.problem, caught.value.key) == ("this answer is no event stream", ("faults", 0, fault.name))


@pytest.mark.parametrize("fault", [replace(each, of="delta 9") for each in FAULTS[:4]], ids=str)  # type: ignore[type-var]
def test_an_event_that_is_not_there_is_an_error(fault: Fault) -> None:
    """The key is that of the selection."""
    with pytest.raises(PlaceError) as caught:
        applied(PLAN, fault)
    assert (caught.value.problem, caught.value.key) == ("the answer has no place 'delta 9'", ("of",))


def test_recorded_streams_keep_what_is_not_changed(recorded_streams: list[Path]) -> None:
    """One event is written otherwise, and says the same; the other frames are the same objects."""
    for path in recorded_streams[::29]:
        plan = recorded_plan(path)
        for fault in (
            LineEnd("cr", of="event 2"),
            EventName("x", of="event 2"),
            DataLines(3, of="event 2"),
            NoSpace("event 2"),
        ):
            made = applied(plan, fault)
            changed = [(old, new) for old, new in zip(plan.frames, made.frames, strict=True) if old is not new]
            assert [new.event for _, new in changed] == [old.event for old, _ in changed]
            assert len(changed) == 1
            assert changed[0][0].raw != changed[0][1].raw


ENDS = "expected one of: cr, crlf, lf"
LINES = "write a number from 2 to 1000"
NAME, ID = "write a name in one line, or absent", "write a number, or a text in one line"


@pytest.mark.parametrize(
    ("written", "problem", "key", "hint"),
    [
        ({"line_end": "crfl"}, "'crfl' is not the end of a line", "line_end", f"did you mean 'crlf'? {ENDS}"),
        ({"line_end": "\r"}, "'\\r' is not the end of a line", "line_end", ENDS),
        ({"line_end": None}, "None is not the end of a line", "line_end", ENDS),
        ({"line_end": "cr", "of": 5}, "events are expected, not 5", "of", SELECTION),
        ({"line_end": "cr", "of": "end"}, "'end' names no event", "of", NO_EVENT),
        *(({"event_name": value}, f"{value!r} is not the name of an event", "event_name", NAME) for value in ("a\nb", 5, None)),
        ({"event_name": "a", "of": []}, "events are expected, not []", "of", SELECTION),
        *(
            ({"data_lines": value}, f"{value!r} is no number of lines", "data_lines", LINES)
            for value in (1, 0, -2, 1001, True, "2", 2.0, None)
        ),
        ({"data_lines": 2, "of": None}, "events are expected, not None", "of", SELECTION),
        ({"no_space": 5}, "events are expected, not 5", "no_space", SELECTION),
        ({"no_blank_line": "headers"}, "'headers' names no event", "no_blank_line", NO_EVENT),
        *(({"id": value}, f"{value!r} is not an id", "id", ID) for value in ("a\nb", True, 1.5, None)),
        ({"id": 1, "of": "byte 1"}, "'byte 1' names no event", "of", NO_EVENT),
    ],
    ids=str,
)
def test_a_mistake_is_said_where_it_is_written(written: Mapping[str, Any], problem: str, key: str, hint: str) -> None:
    """The problem, the key as it was written, and what to write."""
    assert mistake(written) == (problem, (key,), hint)
