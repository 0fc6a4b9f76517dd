"""Faults of the payload: what stands in a frame that is not an event as it should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mistakes import NO_EVENT, SELECTION, mistake
from plans import BODY, FRAMES, HEAD, NOTHING, PLAN, applied, recorded_plan

from streamlab.core.events import PING
from streamlab.core.faults import (
    AtPlace,
    BrokenJson,
    Change,
    Comment,
    Data,
    ErrorEvent,
    Fault,
    HugeFrame,
    InvalidUtf8,
    Join,
    NoBlankLine,
    Raw,
    Retry,
    SplitFrames,
    Stall,
    apply_faults,
)
from streamlab.core.places import Place
from streamlab.core.plan import Plan
from streamlab.core.sse import BOM, Frame, Split
from streamlab.errors import FaultError, PlaceError

SIDES = ("before", "at", "after")


def with_frames(*frames: Frame) -> Plan:
    """Return the plan with other frames."""
    return replace(PLAN, frames=frames)


NEW: list[tuple[AtPlace, bytes]] = [
    (Raw("hello", at="end"), b"hello"),
    (Raw(b"\xff\0", at="end"), b"\xff\0"),
    (Raw("\ufeff", at="end"), BOM),
    (Raw("\ud800", at="end"), b"\xed\xa0\x80"),
    (Raw("a: b\n\n", at="end"), b"a: b\n\n"),
    (Comment(at="end"), b": keep-alive\n\n"),
    (Comment("", at="end"), b": \n\n"),
    (Comment("\ud800 é", at="end"), b": \xed\xa0\x80 \xc3\xa9\n\n"),
    (Retry(at="end"), b"retry: 3000\n\n"),
    (Retry(0, at="end"), b"retry: 0\n\n"),
    (Data(at="end"), b"data: [DONE]\n\n"),
    (Data("", at="end"), b"data: \n\n"),
    (Data("a\u2028b\n", at="end"), "data: a\u2028b\ndata: \n\n".encode()),
    (Data("a\r\nb\rc\n\ud800", at="end"), b"data: a\ndata: b\ndata: c\ndata: \xed\xa0\x80\n\n"),
]


@pytest.mark.parametrize(("fault", "raw"), NEW, ids=[repr(fault) for fault, _ in NEW])
@pytest.mark.parametrize(
    ("place", "index"),
    [
        ({"at": "headers"}, 0),
        ({"before": "event 1"}, 0),
        ({"after": "event 2"}, 2),
        ({"before": "event 3"}, 3),
        ({"at": "byte 0"}, 0),
        ({"after": "message_stop"}, 12),
        ({"at": "end"}, 12),
    ],
    ids=str,
)
def test_a_frame_comes_between_two_others(fault: AtPlace, raw: bytes, place: dict[str, str], index: int) -> None:
    """Exactly these bytes, and every other frame is the same object; with a silence asked for there, after that."""
    moved = replace(fault, **{"at": None, **place})
    made = applied(PLAN, moved)
    assert made == with_frames(*PLAN.frames[:index], Frame(raw), *PLAN.frames[index:])
    assert [id(each) for each in made.frames if each.raw != raw] == [id(each) for each in PLAN.frames]
    late = applied(PLAN, Stall(2, **place), moved)  # type: ignore[arg-type]
    assert late == with_frames(*PLAN.frames[:index], Frame(raw, wait=2.0), *PLAN.frames[index:])


def test_a_stream_that_has_not_begun_takes_a_frame() -> None:
    """It may be the only one."""
    for fault in (Raw("x", at="headers"), Comment(at="end"), Retry(at="end"), Data(at="end")):
        assert len(applied(NOTHING, fault).frames) == 1


@pytest.mark.parametrize("fault", [fault for fault, _ in NEW], ids=repr)
def test_what_follows_a_silence_in_mid_stream_still_comes(fault: AtPlace) -> None:
    """A silence may stand as a frame without bytes: the new frame takes it over, and nothing else is lost."""
    first, second, third = PLAN.frames[:3]
    plan = with_frames(first, Frame(b"", wait=2.0), second, third)
    (raw,) = (raw for each, raw in NEW if each is fault)
    after = applied(plan, replace(fault, at=None, after="event 1"))
    assert after.frames == (first, Frame(raw, wait=2.0), second, third)
    before = applied(plan, replace(fault, at=None, before="event 2"))
    assert before.frames == (first, Frame(b"", wait=2.0), Frame(raw), second, third)


def test_raw_bytes_of_several_frames_are_one_chunk() -> None:
    """They come together, as they were written."""
    made = applied(PLAN, Raw("\ufeffa: b\n\n\nrest", after="event 1"))
    assert made.frames[:5] == (
        PLAN.frames[0],
        Frame(BOM),
        Frame(b"a: b\n\n", joined=True),
        Frame(b"\n", joined=True),
        Frame(b"rest", joined=True),
    )
    late = applied(PLAN, Stall(1, after="event 1"), Raw("a\n\nb", after="event 1"))
    assert late.frames[1:4] == (Frame(b"a\n\n", wait=1.0), Frame(b"b", joined=True), PLAN.frames[1])


def test_what_comes_into_a_chunk_cuts_it_in_two() -> None:
    """Frames before it stay together, and so do those after it, silence or not."""
    plan = applied(PLAN, Join(["delta 1", "event 6"]))
    joined = plan.frames[3:7]
    assert [frame.joined for frame in joined] == [False, True, True, True]
    made = applied(plan, Comment(after="delta 1"))
    assert made.frames[3:8] == (joined[0], Frame(b": keep-alive\n\n"), replace(joined[1], joined=False), *joined[2:])
    slow = with_frames(*plan.frames[:4], replace(plan.frames[4], wait=3.0), *plan.frames[5:])
    made = applied(slow, Comment(after="delta 1"))
    assert [frame.joined for frame in made.frames[3:8]] == [False, False, False, True, True]
    assert [frame.wait for frame in made.frames[3:8]] == [0.0, 3.0, 0.0, 0.0, 0.0]


def test_bytes_may_come_inside_a_frame() -> None:
    """What is sent apart stays so, and what precedes them does not move."""
    frame = Frame(b"0123456789", wait=1.0, recorded=2.0, splits=(Split(2, 0.1), Split(5, 0.2), Split(7, 0.3)), joined=True)
    plan = with_frames(FRAMES[0], frame)
    place = f"byte {len(FRAMES[0].raw) + 5}"
    made = applied(plan, Raw("ab", at=place))
    splits = (Split(2, 0.1), Split(5, 0.2), Split(9, 0.3))
    assert made.frames == (FRAMES[0], replace(frame, raw=b"01234ab56789", splits=splits))
    assert made.frames[0] is FRAMES[0]


def test_bytes_may_come_into_a_json_body() -> None:
    """Its length is that of what is sent; a body that is broken off keeps the length that it does not have."""
    made = apply_faults(BODY, [Raw("ab", at="byte 5")], Random(1))
    assert made == Plan(BODY.head.with_headers([("content-length", "20")]), (Frame(b'{"typabe":"message"}'),))
    assert apply_faults(BODY, [Raw("ab", at="end")], Random(1)).body == BODY.body + b"ab"


@pytest.mark.parametrize("fault", [Raw("x", before="headers"), Comment(before="headers"), Retry(before="headers")], ids=str)
def test_nothing_comes_before_the_head(fault: Fault) -> None:
    """The error says what can be written instead."""
    with pytest.raises(FaultError) as caught:
        applied(PLAN, fault)
    assert str(caught.value) == "before: nothing of the body can come before the headers\n  hint: write at: headers"


@pytest.mark.parametrize("fault", [Comment(at="text char 2"), Retry(at="byte 9"), Data(at="33%")], ids=str)
def test_a_frame_cannot_come_inside_another(fault: AtPlace) -> None:
    """Only raw bytes can."""
    with pytest.raises(FaultError) as caught:
        applied(PLAN, fault)
    assert (caught.value.problem, caught.value.key) == ("an event cannot stand inside another", (fault.name,))


@pytest.mark.parametrize(
    "fault", [Comment(at="end"), Retry(at="end"), Data(at="end"), BrokenJson(), InvalidUtf8("all"), HugeFrame()], ids=str
)
def test_a_json_body_takes_nothing_of_a_stream(fault: Fault) -> None:
    """The error names the fault as it was written."""
    with pytest.raises(FaultError) as caught:
        apply_faults(BODY, [fault], Random(1))
    assert (caught.value.problem, caught.value.key) == ("this answer is no event stream", ("faults", 0, fault.name))


PADDED = Frame(b'event: a\ndata: {"type":"a","x":{}}\n\n', wait=1.0, splits=(Split(3),))
BARE = Frame(b'data:{"type":"b"  }\r\n\r\n')
COMMENT = Frame(b": data: {}\n\n")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (BrokenJson(), [b'event: a\ndata: {"type":"a","x":{}]\n\n', b'data:{"type":"b"  ]\r\n\r\n']),
        (BrokenJson("truncated"), [b'event: a\ndata: {"type":"\n\n', b'data:{"type"\r\n\r\n']),
        (BrokenJson("empty"), [b"event: a\ndata: \n\n", b"data:\r\n\r\n"]),
        (BrokenJson("empty", of="event 2"), [PADDED.raw, b"data:\r\n\r\n"]),
        (InvalidUtf8("every event"), [b'event: a\ndata: {"type":"a","x\xff":{}}\n\n', b'data:{"type":"b\xff"  }\r\n\r\n']),
        (InvalidUtf8("event 1"), [b'event: a\ndata: {"type":"a","x\xff":{}}\n\n', BARE.raw]),
        (HugeFrame(40), [b'event: a\ndata: {"type":"a","x":{}    }\n\n', b'data:{"type":"b"                   }\r\n\r\n']),
        (HugeFrame("36B"), [PADDED.raw, b'data:{"type":"b"               }\r\n\r\n']),
        (HugeFrame(1), [PADDED.raw, BARE.raw]),
    ],
    ids=str,
)
def test_an_event_is_broken(fault: Fault, expected: list[bytes]) -> None:
    """Its silence stays, the splits in it do not; what is not changed is the same object."""
    plan = with_frames(COMMENT, PADDED, BARE)
    made = applied(plan, fault)
    assert [frame.raw for frame in made.frames] == [COMMENT.raw, *expected]
    for old, new in zip(plan.frames, made.frames, strict=True):
        assert new is old if new.raw == old.raw else new == replace(old, raw=new.raw, splits=())


@pytest.mark.parametrize(("size", "count"), [("2kB", 2000), ("2 kB", 2000), ("1MB", 1_000_000), (777, 777), ("999", 999)])
def test_a_size_is_that_of_the_whole_frame(size: str | int, count: int) -> None:
    """And its event is the same."""
    made = applied(PLAN, HugeFrame(size, of="delta 1"))
    assert len(made.frames[3].raw) == count
    assert made.frames[3].event == PLAN.frames[3].event
    assert made == with_frames(*PLAN.frames[:3], made.frames[3], *PLAN.frames[4:])


def test_invalid_bytes_stand_at_the_start_of_the_text() -> None:
    """Of a text, of an input, however its name is written; in a frame without either at its last quote, or at its start."""
    made = applied(PLAN, InvalidUtf8(["delta 1", "delta 4"]))
    assert made.frames[3].raw == FRAMES[2].raw.replace(b'"text":"One', b'"text":"\xffOne')
    assert made.frames[8].raw == FRAMES[7].raw.replace(b'"partial_json":"{', b'"partial_json":"\xff{')
    assert applied(with_frames(Frame(b": x\n\n")), InvalidUtf8("all")).frames == (Frame(b"\xff: x\n\n"),)
    assert applied(PLAN, InvalidUtf8("every ping")).frames[2].raw == PING.raw.replace(b'ping"}', b'ping\xff"}')
    escaped = Frame(FRAMES[2].raw.replace(b'"text":', b'"t\\u0065xt":'))
    assert applied(with_frames(escaped), InvalidUtf8("delta 1")).frames[0].raw == escaped.raw.replace(b"One", b"\xffOne")


def test_a_silence_is_not_made_bytes_of() -> None:
    """A frame without bytes is a silence, and stays one."""
    plan = with_frames(FRAMES[0], Frame(b"", wait=2.0))
    for fault in (InvalidUtf8("all"), BrokenJson(), HugeFrame(9), NoBlankLine("all"), SplitFrames(1)):
        assert applied(plan, fault).frames[1] is plan.frames[1]


def test_what_is_broken_can_be_broken_again() -> None:
    """A frame that carries no event any more is passed over."""
    once = applied(PLAN, BrokenJson())
    assert applied(once, BrokenJson("empty", of="all")) == once
    assert applied(once, HugeFrame(of="all")) == once
    assert applied(once, Change("all", set={"x": 1})) == once
    with pytest.raises(PlaceError):
        applied(once, BrokenJson(of="delta 1"))


@given(st.integers(0, len(PLAN.body)), st.binary(min_size=1, max_size=20))
def test_raw_bytes_may_come_at_any_byte(offset: int, data: bytes) -> None:
    """They are there, and all others too."""
    made = applied(PLAN, Raw(data, at=f"byte {offset}"))
    assert made.body == PLAN.body[:offset] + data + PLAN.body[offset:]


def test_recorded_streams_keep_all_other_bytes(recorded_streams: list[Path]) -> None:
    """What comes in comes between them; what is broken is one frame."""
    for path in recorded_streams[::29]:
        plan = recorded_plan(path)
        data = path.read_bytes()
        for place in list(Comment(at="end").places(plan))[:10]:
            at = sum(len(frame.raw) for frame in plan.frames[: Place(str(place)).spot(plan).frame])
            assert applied(plan, Comment("x", before=place)).body == data[:at] + b": x\n\n" + data[at:]
            broken = applied(plan, BrokenJson(of=str(place)))
            changed = [index for index, each in enumerate(broken.frames) if each is not plan.frames[index]]
            assert changed == [place.spot(plan).frame]
            assert len(broken.body) == len(data)


RAW, COMMENTS, SIZES = 'for example: raw: ": hello\\n\\n"', "for example: comment: keep-alive", "at most 256MB"
BREAKS = "expected one of: empty, malformed, truncated"


@pytest.mark.parametrize(
    ("written", "problem", "key", "hint"),
    [
        *(
            ({"raw": value, "at": "end"}, f"a text or !!binary is expected, not {value!r}", "raw", RAW)
            for value in ("", b"", 5, None)
        ),
        *(
            ({"comment": value, "at": "end"}, f"a text in one line is expected, not {value!r}", "comment", COMMENTS)
            for value in ("a\nb", "a\r", 5, None)
        ),
        *(
            ({"retry": value, "at": "end"}, f"{value!r} is no number of milliseconds", "retry", "for example: retry: 3000")
            for value in (-1, True, 1.5, "1s", None)
        ),
        ({"data": 5, "at": "end"}, "a text is expected, not 5", "data", 'for example: data: "[DONE]"'),
        *(
            ({name: value}, "the fault does not say where it stands", name, "write one of: before, at, after")
            for name, value in (("raw", "x"), ("comment", "x"), ("retry", 1), ("data", "x"))
        ),
        ({"broken_json": "empyt"}, "'empyt' is not a way to break JSON", "broken_json", f"did you mean 'empty'? {BREAKS}"),
        ({"broken_json": None}, "None is not a way to break JSON", "broken_json", BREAKS),
        ({"broken_json": "empty", "of": 1}, "events are expected, not 1", "of", SELECTION),
        ({"invalid_utf8": 5}, "events are expected, not 5", "invalid_utf8", SELECTION),
        ({"invalid_utf8": "end"}, "'end' names no event", "invalid_utf8", NO_EVENT),
        *(
            ({"huge_frame": value}, f"{value!r} is no size", "huge_frame", f"write 64kB, 1MB or a number of bytes, {SIZES}")
            for value in (0, -1, True, 1.5, "1GB", "big", "257MB", 256_000_001, None, "1 mB")
        ),
        ({"huge_frame": 1, "of": "headers"}, "'headers' names no event", "of", NO_EVENT),
    ],
    ids=str,
)
def test_a_mistake_is_said_where_it_is_written(written: Mapping[str, Any], problem: str, key: str, hint: str) -> None:
    """The problem, the key as it was written, and what to write."""
    assert mistake(written) == (problem, (key,), hint)


def test_an_error_can_follow() -> None:
    """Faults of other families come after, at places that these have not changed."""
    made = applied(PLAN, Comment(after="delta 1"), BrokenJson(of="delta 2"), ErrorEvent(after="event 3"))
    types = ["message_start", "content_block_start", "ping", "content_block_delta", "error"]
    assert [frame.type for frame in made.frames] == types
    assert made.head == HEAD
