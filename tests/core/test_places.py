"""Places: what each form of the grammar names, in made streams and in recorded ones."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

from streamlab.core.events import PING, dump, encode
from streamlab.core.places import (
    BEFORE_HEAD,
    GRAMMAR,
    Place,
    Point,
    Side,
    Spot,
    char_offset,
    describe,
    point_at_byte,
    spots,
)
from streamlab.core.plan import EVENT_STREAM, JSON, Head, Plan
from streamlab.core.sse import Event, Frame, decode
from streamlab.errors import PlaceError

SIDES: tuple[Side, ...] = ("before", "at", "after")
CARRIERS = {"text": "text", "thinking": "thinking", "tool_use": "partial_json"}
DELTAS = {"text": "text_delta", "thinking": "thinking_delta", "tool_use": "input_json_delta"}


def start(index: int, kind: str) -> Event:
    """Return the start of a block."""
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind}}


def delta(index: int, kind: str, text: str) -> Event:
    """Return a delta of a block of a type."""
    return {"type": "content_block_delta", "index": index, "delta": {"type": DELTAS[kind], CARRIERS[kind]: text}}


def stop(index: int) -> Event:
    """Return the end of a block."""
    return {"type": "content_block_stop", "index": index}


SIGNATURE: Event = {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "EqQB"}}

FRAMES: tuple[Frame, ...] = (
    encode({"type": "message_start", "message": {"content": []}}),  # 0, event 1
    encode(start(0, "thinking")),  # 1, event 2
    PING,  # 2
    encode(delta(0, "thinking", "Let me "), padding=3),  # 3, event 3, delta 1
    encode(delta(0, "thinking", "see\n"), padding=9),  # 4, event 4, delta 2
    encode(SIGNATURE),  # 5, event 5, delta 3
    encode(stop(0)),  # 6, event 6
    encode(start(1, "text")),  # 7, event 7
    encode(delta(1, "text", 'Say "é"')),  # 8, event 8, delta 4
    encode(delta(1, "text", "delta"), padding=1),  # 9, event 9, delta 5
    PING,  # 10
    PING,  # 11
    encode(delta(1, "text", "😀 end")),  # 12, event 10, delta 6
    encode(stop(1)),  # 13, event 11
    encode(start(2, "tool_use")),  # 14, event 12
    encode(delta(2, "tool_use", "")),  # 15, event 13, delta 7
    encode(delta(2, "tool_use", '{"city": "Pa'), padding=15),  # 16, event 14, delta 8
    encode(delta(2, "tool_use", 'ris"}')),  # 17, event 15, delta 9
    encode(stop(2)),  # 18, event 16
    encode({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}),  # 19, event 17
    encode({"type": "message_stop"}),  # 20, event 18
)
STREAM = Plan(Head(200, (("content-type", EVENT_STREAM),)), FRAMES)
BODY = Plan(Head(200, (("content-type", JSON),)), (Frame(b'{"type":"message","text":"\xc3\xa9"}'),))
SIZE = len(STREAM.body)


def stream(events: Sequence[Event]) -> Plan:
    """Return the plan that streams these events."""
    return Plan(STREAM.head, tuple(encode(event) for event in events))


def sent(plan: Plan, point: Point) -> bytes:
    """Return the bytes of the body that come before a point."""
    tail = plan.frames[point.frame].raw[: point.offset] if point.offset else b""
    return b"".join(frame.raw for frame in plan.frames[: point.frame]) + tail


def characters(data: bytes, *, kind: str | None = None, block: int | None = None) -> str:
    """Return what a client can read of the blocks of a type, or of one block, in the bytes that it was sent."""
    here: tuple[str | None, int | None] = (None, None)
    text = ""
    for frame in decode(data):
        event = frame.event
        if event is None and (unfinished := re.fullmatch(rb"event: ([a-z_]+)\r?\ndata: (\{.*)", frame.raw)):
            event = {"type": unfinished[1].decode(), **from_json(unfinished[2], allow_partial="trailing-strings")}
        if event and event["type"] == "content_block_start":
            here = (event["content_block"]["type"], event["index"])
        if event and event["type"] == "content_block_delta" and (kind, block) in ((here[0], None), (None, here[1])):
            text += "".join(event["delta"].get(name, "") for name in CARRIERS.values())
    return text


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ("event 1", 0),
        ("event 2", 1),
        ("event 3", 3),
        ("event 10", 12),
        ("event 18", 20),
        ("delta 1", 3),
        ("delta 3", 5),
        ("delta 6", 12),
        ("delta 9", 17),
        ("block 0 delta 1", 3),
        ("block 0 delta 3", 5),
        ("block 1 delta 1", 8),
        ("block 1 delta 3", 12),
        ("block 2 delta 1", 15),
        ("thinking delta 3", 5),
        ("text delta 2", 9),
        ("tool_use delta 3", 17),
        ("message_start", 0),
        ("content_block_start", 1),
        ("content_block_start 2", 7),
        ("content_block_start 3", 14),
        ("content_block_delta 4", 8),
        ("content_block_stop 1", 6),
        ("message_delta", 19),
        ("message_stop", 20),
        ("message_stop 1", 20),
    ],
)
def test_an_event_has_a_start_and_an_end(text: str, frame: int) -> None:
    """`before` and `at` are its start, `after` is its end, and its frame is the one that is counted, without the pings."""
    place = Place(text)
    assert place.point(STREAM) == place.point(STREAM, "at") == place.point(STREAM, "before") == Point(frame)
    assert place.point(STREAM, "after") == Point(frame + 1)
    assert place.spot(STREAM).frame == frame


@pytest.mark.parametrize(
    ("text", "before", "at"),
    [
        ("thinking char 1", "", "L"),
        ("thinking char 7", "Let me", "Let me "),
        ("thinking char 8", "Let me ", "Let me s"),
        ("thinking char 11", "Let me see", "Let me see\n"),
        ("block 0 char 3", "Le", "Let"),
        ("text char 5", "Say ", 'Say "'),
        ("text char 6", 'Say "', 'Say "é'),
        ("text char 8", 'Say "é"', 'Say "é"d'),
        ("text char 12", 'Say "é"delt', 'Say "é"delta'),
        ("text char 13", 'Say "é"delta', 'Say "é"delta😀'),
        ("block 1 char 17", 'Say "é"delta😀 en', 'Say "é"delta😀 end'),
        ("tool_use char 1", "", "{"),
        ("tool_use char 12", '{"city": "P', '{"city": "Pa'),
        ("block 2 char 13", '{"city": "Pa', '{"city": "Par'),
    ],
)
def test_a_character_is_reached_when_so_many_are_sent(text: str, before: str, at: str) -> None:
    """`at` and `after` mean that many characters, `before` one less; escapes and long UTF-8 are characters like others."""
    found = re.fullmatch(r"(?:block (?P<block>\d)|(?P<kind>[a-z_]+)) char \d+", text)
    assert found
    kind, block = found["kind"], None if found["block"] is None else int(found["block"])
    read = {side: characters(sent(STREAM, Place(text).point(STREAM, side)), kind=kind, block=block) for side in SIDES}
    assert read == {"before": before, "at": at, "after": at}


def test_a_character_of_any_block_is_counted_through_all_of_them() -> None:
    """`char N` without a block or a type counts what every delta carries."""
    assert Place("char 12").point(STREAM) == Place("text char 1").point(STREAM)
    assert Place("char 29").point(STREAM) == Place("tool_use char 1").point(STREAM)


@pytest.mark.parametrize(
    ("text", "before", "at"),
    [
        ("byte 0", 0, 0),
        ("byte 1", 0, 1),
        ("byte 412", 411, 412),
        (f"byte {SIZE}", SIZE - 1, SIZE),
        ("0%", 0, 0),
        ("50%", round(SIZE / 2) - 1, round(SIZE / 2)),
        ("50 %", round(SIZE / 2) - 1, round(SIZE / 2)),
        ("12.5%", round(SIZE / 8) - 1, round(SIZE / 8)),
        ("100%", SIZE - 1, SIZE),
        ("100.0%", SIZE - 1, SIZE),
    ],
)
def test_a_byte_or_a_share_is_reached_when_so_much_is_sent(text: str, before: int, at: int) -> None:
    """`at` and `after` mean that many bytes, `before` one less."""
    lengths = {side: len(sent(STREAM, Place(text).point(STREAM, side))) for side in SIDES}
    assert lengths == {"before": before, "at": at, "after": at}


@pytest.mark.parametrize(("text", "count"), [("10%", 1), ("7%", 0), ("50%", 4), ("93%", 7), ("92%", 6)])
def test_a_share_is_the_nearest_byte(text: str, count: int) -> None:
    """Of seven bytes, a tenth is one byte and not none."""
    plan = Plan(Head(), (Frame(b"0123456"),))
    assert sent(plan, Place(text).point(plan)) == b"0123456"[:count]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("plan", [STREAM, BODY, Plan(Head())], ids=["stream", "body", "nothing"])
def test_the_edges_are_everywhere(plan: Plan, side: Side) -> None:
    """Before or right after the head, and after all bytes: in every answer, on every side."""
    assert Place("headers").point(plan, side) == Point(BEFORE_HEAD if side == "before" else 0)
    assert Place("end").point(plan, side) == Point(len(plan.frames))


def test_places_follow_a_byte_and_an_empty_frame() -> None:
    """A byte that ends a frame is the start of the next; a frame without bytes is passed."""
    plan = Plan(Head(), (Frame(b"ab"), Frame(b"", wait=1.0), Frame(b"c")))
    assert [point_at_byte(plan, count) for count in range(4)] == [Point(0), Point(0, 1), Point(2), Point(3)]
    assert point_at_byte(Plan(Head()), 0) == Point(0)


@pytest.mark.parametrize("text", ["byte 3", "10%", "byte 27"])
def test_a_json_body_has_bytes(text: str) -> None:
    """A body without events is one frame, in which a byte can be named, even inside a character."""
    place = Place(text)
    assert len(sent(BODY, place.point(BODY))) == {"byte 3": 3, "10%": 3, "byte 27": 27}[text]


@pytest.mark.parametrize("text", ["event 1", "delta 1", "text char 1", "message_stop", "byte 31"])
def test_a_json_body_has_no_events(text: str) -> None:
    """The error says what there is instead."""
    with pytest.raises(PlaceError) as caught:
        Place(text).point(BODY)
    assert caught.value.problem == f"the answer has no place {text!r}"
    assert caught.value.hint == "the answer has no events, only: byte 1..30, headers, end"


HAS = (
    "the answer has: event 1..18, delta 1..9, block 0 (thinking) delta 1..3 char 1..11, block 1 (text) delta 1..3 char 1..17, "
    "block 2 (tool_use) delta 1..3 char 1..17, message_start, content_block_start, content_block_stop, message_delta, "
    f"message_stop, byte 1..{SIZE}, headers, end"
)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("event 19", None),
        ("delta 10", None),
        ("block 0 delta 4", None),
        ("block 3 delta 1", None),
        ("block 3 char 1", None),
        ("thinking char 12", None),
        ("tool_use char 18", None),
        ("char 46", None),
        ("content_block_start 4", None),
        ("message_stop 2", None),
        ("error", None),
        (f"byte {SIZE + 1}", None),
        ("message_stopp", "message_stop"),
        ("mesage_start 2", "message_start 2"),
        ("tool_us char 3", "tool_use char 3"),
        ("thinkin delta 2", "thinking delta 2"),
        ("server_tool_use delta 1", "tool_use delta 1"),
        ("image delta 1", None),
        ("event_1", "event 1"),
    ],
)
def test_a_place_that_the_stream_does_not_have_is_an_error(text: str, meant: str | None, side: Side) -> None:
    """The error lists the stream's own places, and the nearest of its words to one that nobody knows."""
    with pytest.raises(PlaceError) as caught:
        Place(text).point(STREAM, side)
    assert caught.value.problem == f"the answer has no place {text!r}"
    assert caught.value.hint == (f"did you mean {meant!r}? " if meant else "") + HAS


def test_a_word_of_the_api_is_not_corrected() -> None:
    """A stream without its end lacks `message_stop`; to offer `message_start` would be nonsense."""
    with pytest.raises(PlaceError) as caught:
        Place("message_stop").point(stream([{"type": "message_start"}]))
    assert caught.value.hint.startswith("the answer has: ")


@pytest.mark.parametrize(("kind", "size"), [("tool_use", 0), ("text", 3)])
def test_before_a_character_that_is_not_there_is_no_place(kind: str, size: int) -> None:
    """A block that carries nothing has no first character, not even a place before it."""
    plan = stream([start(0, kind), delta(0, kind, "x" * size), stop(0)])
    with pytest.raises(PlaceError):
        Place(f"{kind} char {size + 1}").point(plan, "before")


@pytest.mark.parametrize(
    ("events", "text"),
    [
        ([], "the answer has no events, only: headers, end"),
        ([{"type": "ping"}], "the answer has no events, only: byte, headers, end"),
        ([{"type": "error"}], "the answer has: event 1..1, error, byte, headers, end"),
        (
            [delta(0, "text", "Hi")],
            "the answer has: event 1..1, delta 1..1, block 0 delta 1..1 char 1..2, byte, headers, end",
        ),
        (
            [{"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hi"}}],
            "the answer has: event 1..1, delta 1..1, byte, headers, end",
        ),
        (
            [start(3, "redacted_thinking"), stop(3)],
            "the answer has: event 1..2, content_block_start, content_block_stop, byte, headers, end",
        ),
        (
            [start(0, "thinking"), SIGNATURE],
            "the answer has: event 1..2, delta 1..1, block 0 (thinking) delta 1..1, content_block_start, byte, headers, end",
        ),
    ],
)
def test_a_line_says_which_places_a_plan_has(events: list[Event], text: str) -> None:
    """Only what is there is named: no empty list, no block without an index."""
    plan = stream(events)
    assert describe(plan) == text.replace("byte,", f"byte 1..{len(plan.body)},")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("delt 3", "delta 1"),
        ("deltas 3", "delta 1"),
        ("evnt 5", "event 1"),
        ("Delta 3", "delta 1"),
        ("message-stop", "message_stop"),
        ("header", "headers"),
        ("ends", "end"),
        ("bytes 4", "byte 1"),
        ("tool_use chars 3", "tool_use char 1"),
        ("block delta 3", "block 0 delta 1"),
        ("block 0 event 3", "block 0 delta 1"),
        ("event delta 3", "text delta 1"),
        ("byte char 3", "text char 1"),
        ("delta", "delta 1"),
        ("delta -1", "delta 1"),
        ("delta 1.5", "delta 1"),
        ("delta  3", "delta 1"),
        ("delta 3 ", "delta 1"),
        ("delta 3\n", "delta 1"),
        ("delta ٣", "delta 1"),
        ("delta " + "9" * 16, None),
        ("event " + "9" * 5000, None),
        ("ping", None),
        ("", None),
        ("5", "50%"),
        ("50", "50%"),
        ("somewhere else", None),
    ],
)
def test_a_text_that_is_no_place_is_an_error(text: str, meant: str | None) -> None:
    """The error offers the nearest place, if one is near, and the grammar."""
    with pytest.raises(PlaceError) as caught:
        Place(text)
    assert caught.value.problem == f"{text!r} is not a place"
    assert caught.value.hint == (f"did you mean {meant!r}? " if meant else "") + f"a place is {GRAMMAR}"


@pytest.mark.parametrize(
    "text",
    ["event 0", "delta 0", "delta 00", "block 0 delta 0", "text delta 0", "tool_use char 0", "message_stop 0", "error 0"],
)
def test_counting_starts_at_one(text: str) -> None:
    """Only a block's index starts at 0, because it is the API's."""
    with pytest.raises(PlaceError) as caught:
        Place(text)
    assert caught.value.hint == "counting starts at 1, except for a block's index"


@pytest.mark.parametrize("text", ["101%", "100.1%", "1000%", "9" * 500 + "%"])
def test_a_share_is_at_most_the_whole(text: str) -> None:
    """There is nothing after 100%."""
    with pytest.raises(PlaceError) as caught:
        Place(text)
    assert caught.value.hint == "a share of the body is at most 100%"


@pytest.mark.parametrize("text", ["headers", "end", "byte 5", "50%", "text char 3"])
def test_a_place_inside_or_between_names_no_event(text: str) -> None:
    """What asks for an event is told that this is none, though the stream has the place."""
    with pytest.raises(PlaceError) as caught:
        Place(text).spot(STREAM)
    assert caught.value.problem == f"{text!r} names no event"
    assert caught.value.hint == "name one: 'event N', 'delta N', 'message_stop'"


def test_a_place_is_its_text() -> None:
    """Places are equal, hashed and shown by what is written."""
    assert str(Place("delta 3")) == "delta 3"
    assert repr(Place("delta 3")) == "Place(text='delta 3')"
    assert len({Place("delta 3"), Place("delta 3"), Place("delta 03")}) == 2


def test_spots_are_the_events_with_their_blocks() -> None:
    """Each event but the pings, with its number, and the type of the block that it belongs to."""
    found = [(spot.frame, spot.number, spot.type, spot.block, spot.kind, spot.text) for spot in spots(STREAM)]
    assert found[:5] == [
        (0, 1, "message_start", None, None, ""),
        (1, 2, "content_block_start", 0, "thinking", ""),
        (3, 3, "content_block_delta", 0, "thinking", "Let me "),
        (4, 4, "content_block_delta", 0, "thinking", "see\n"),
        (5, 5, "content_block_delta", 0, "thinking", ""),
    ]
    assert found[11:13] == [
        (14, 12, "content_block_start", 2, "tool_use", ""),
        (15, 13, "content_block_delta", 2, "tool_use", ""),
    ]
    assert [number for _, number, *_ in found] == list(range(1, 19))


@pytest.mark.parametrize(
    ("event", "block", "kind", "carrier", "text"),
    [
        ({"type": "content_block_delta", "index": 0, "delta": None}, 0, None, None, ""),
        ({"type": "content_block_delta", "index": 0, "delta": "x"}, 0, None, None, ""),
        ({"type": "content_block_delta", "index": 0}, 0, None, None, ""),
        ({"type": "content_block_delta", "index": 0, "delta": {"type": "new_delta", "text": "x"}}, 0, None, None, ""),
        ({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta"}}, 0, None, "text", ""),
        ({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": None}}, 0, None, "text", ""),
        ({"type": "content_block_delta", "index": None, "delta": {"type": []}}, None, None, None, ""),
        ({"type": "content_block_delta", "index": "0", "delta": {"type": "text_delta", "text": "x"}}, None, None, "text", "x"),
        ({"type": "content_block_start", "index": 0, "content_block": "text"}, 0, None, None, ""),
        ({"type": "content_block_start", "content_block": {"type": "text"}}, None, None, None, ""),
        ({"type": "message_delta", "delta": {"type": "text_delta", "text": "x"}}, None, None, None, ""),
        ({"type": "new_event", "index": 0, "content_block": {"type": "text"}}, 0, None, None, ""),
    ],
)
def test_odd_events_are_spots_too(event: Event, block: int | None, kind: str | None, carrier: str | None, text: str) -> None:
    """A field that is missing, null or of another type is no error: a fault may have made it so."""
    (spot,) = spots(stream([event]))
    assert spot == Spot(0, 1, event, block, kind)
    assert (spot.carrier, spot.text) == (carrier, text)


def test_the_type_of_a_block_may_have_hyphens() -> None:
    """The API's have underscores; what somebody makes up may be called otherwise."""
    news = {"type": "content_block_delta", "index": 7, "delta": {"type": "x"}}
    plan = Plan(Head(), (encode(start(7, "web-page")), encode(news)))
    assert Place("web-page delta 1").point(plan) == Point(1)


def test_an_unfinished_frame_is_no_spot() -> None:
    """What a cut left of an event cannot be named as an event."""
    plan = Plan(Head(), (*FRAMES[:3], Frame(FRAMES[3].raw[:-1])))
    assert [spot.number for spot in spots(plan)] == [1, 2]


@pytest.mark.parametrize(
    ("raw", "carrier", "count", "rest"),
    [
        (rb'{"delta":{"text":"abc"}}', "text", 0, rb'abc"}}'),
        (rb'{"delta":{"text":"abc"}}', "text", 2, rb'c"}}'),
        (rb'{"delta":{"text":"abc"}}', "text", 9, rb'"}}'),
        (rb'{"delta" : {"text" : "abc"}}', "text", 1, rb'bc"}}'),
        (rb'{"delta":{"text":"\"\\\n\u00e9x"}}', "text", 1, rb'\\\n\u00e9x"}}'),
        (rb'{"delta":{"text":"\"\\\n\u00e9x"}}', "text", 2, rb'\n\u00e9x"}}'),
        (rb'{"delta":{"text":"\"\\\n\u00e9x"}}', "text", 3, rb'\u00e9x"}}'),
        (rb'{"delta":{"text":"\"\\\n\u00e9x"}}', "text", 4, rb'x"}}'),
        (rb'{"delta":{"text":"\ud83d\ude00x"}}', "text", 1, rb'x"}}'),
        (rb'{"delta":{"text":"\uD83D\uDE00x"}}', "text", 1, rb'x"}}'),
        (rb'{"delta":{"text":"\ud83dx"}}', "text", 1, rb'x"}}'),
        (rb'{"delta":{"text":"\ud83d\u0041x"}}', "text", 1, rb'\u0041x"}}'),
        (rb'{"delta":{"text":"\ude00x"}}', "text", 1, rb'x"}}'),
        ('{"delta":{"text":"é€😀x"}}'.encode(), "text", 1, '€😀x"}}'.encode()),
        ('{"delta":{"text":"é€😀x"}}'.encode(), "text", 2, '😀x"}}'.encode()),
        ('{"delta":{"text":"é€😀x"}}'.encode(), "text", 3, b'x"}}'),
        (b'{"delta":{"text":"\xffx"}}', "text", 1, b'x"}}'),
        (rb'{"delta":{"text":"delta"}}', "text", 1, rb'elta"}}'),
        (rb'{"text":"no","delta":{"type":"text","text":"ab"}}', "text", 1, rb'b"}}'),
        (rb'{"delta":{"partial_json":"{\"text\":\"a\"}"}}', "partial_json", 2, rb'text\":\"a\"}"}}'),
        (rb'{"delta":{"type":"text"}}', "text", 1, b""),
        (rb'{"text":"abc"}', "text", 1, b""),
        (rb'{"delta":{"extra":{"text":"zzzz"},"text":"hello"}}', "text", 1, rb'ello"}}'),
        (rb'{"delta":{"extra":[{"text":"zzzz"},"text"],"text":"hello"}}', "text", 1, rb'ello"}}'),
        (rb'{"x":{"delta":{"text":"no"}},"delta":{"text":"hello"}}', "text", 1, rb'ello"}}'),
        (rb'{"delta":{"text":"hello"},"x":{"delta":{"text":"no"}}}', "text", 1, rb'ello"},"x":{"delta":{"text":"no"}}}'),
        (rb'{"delta":{"text":"no","text":"hello"}}', "text", 1, rb'ello"}}'),
        (rb'{"d\u0065lta":{"te\u0078t":"hello"}}', "text", 1, rb'ello"}}'),
        (b'{"delta":{"type":"text_delta",\ndata: "text":"hello"}}', "text", 1, b'ello"}}'),
        (b'{"delta"\r\ndata::\r\n: no\r\ndata:{"text"\r\ndata: :\r\ndata: "hello"}}', "text", 1, b'ello"}}'),
    ],
)
def test_characters_are_found_in_the_bytes_as_they_are(raw: bytes, carrier: str, count: int, rest: bytes) -> None:
    """An escape is one character, so is a pair of them that stands for one; the string's end is never passed.

    The string is the delta's own, whatever else has such a name, in however many lines the data comes.
    """
    raw = b"event: content_block_delta\ndata: " + raw
    assert raw[char_offset(raw, carrier, count) :] == rest


AWKWARD = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "delta", '"delta":{', '"text":"', "\\", '"', "\\u00e9", "😀\n", "é\u2028", "text", '","text":"x', "\ufeff"]
    ),
)
WRITERS = st.sampled_from(
    [
        lambda event: encode(event, padding=5),
        lambda event: Frame(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()),
        lambda event: Frame(f"event: {event['type']}\ndata: {dump(dict(reversed(event.items())))}\n\n".encode()),
        lambda event: Frame(f"event: {event['type']}\r\ndata: {json.dumps(event, ensure_ascii=False)}\r\n\r\n".encode()),
    ]
)
"""Ways to write an event: the API's, with escapes and spaces, with its keys in another order, with other line ends."""


@st.composite
def block_streams(draw: st.DrawFn) -> Plan:
    """Draw a stream of blocks, with awkward characters, written in different ways, with pings anywhere."""
    frames: list[Frame] = []
    for index, kind in enumerate(draw(st.lists(st.sampled_from(sorted(CARRIERS)), min_size=1, max_size=3))):
        events = [start(index, kind), *(delta(index, kind, text) for text in draw(st.lists(AWKWARD, max_size=4))), stop(index)]
        for event in events:
            frames += (draw(WRITERS)(event), *[PING] * draw(st.integers(0, 1)))
    return Plan(STREAM.head, tuple(frames))


def texts(plan: Plan) -> dict[tuple[str, int], str]:
    """Return what each block carries, by its type and index."""
    kinds: dict[int, str] = {}
    found: dict[tuple[str, int], str] = {}
    for frame in plan.frames:
        event: Any = frame.event
        if event["type"] == "content_block_start":
            kinds[event["index"]] = event["content_block"]["type"]
        elif event["type"] == "content_block_delta":
            kind = kinds[event["index"]]
            key = (kind, event["index"])
            found[key] = found.get(key, "") + event["delta"].get(CARRIERS.get(kind, ""), "")
    return found


@given(block_streams(), st.data())
@settings(max_examples=200)
def test_so_many_characters_of_a_type_are_sent_before_their_point(plan: Plan, data: st.DataObject) -> None:
    """However characters are written and wherever pings are, exactly N of them can be read, of a type and of a block."""
    carried = texts(plan)
    kind, block = data.draw(st.sampled_from([*carried, ("text", 7)]))
    whole = "".join(text for (each, _), text in carried.items() if each == kind)
    own = carried.get((kind, block), "")
    for written, text, wanted in ((kind, whole, (kind, None)), (f"block {block}", own, (None, block))):
        with pytest.raises(PlaceError):
            Place(f"{written} char {len(text) + 1}").point(plan, "before")
        count = data.draw(st.integers(0, len(text)))
        for side in SIDES if count else ():
            read = characters(sent(plan, Place(f"{written} char {count}").point(plan, side)), kind=wanted[0], block=wanted[1])
            assert read == text[: count - (side == "before")]


PLACES = (
    *(f"event {number}" for number in range(1, 19)),
    *(f"delta {number}" for number in range(1, 10)),
    *("block 0 delta 2", "block 1 delta 3", "tool_use delta 2", "text delta 1", "message_start", "message_stop"),
    *("content_block_start 3", "content_block_stop", "message_delta"),
    *("thinking char 1", "thinking char 9", "text char 6", "text char 13", "tool_use char 12", "block 2 char 17", "char 30"),
)


@given(st.lists(st.integers(0, len(FRAMES)), max_size=30), st.sampled_from(PLACES), st.sampled_from(SIDES))
@settings(max_examples=300)
def test_pings_do_not_move_a_place(gaps: list[int], text: str, side: Side) -> None:
    """Whatever pings a seed puts in, in every gap and in a row, the same events have been sent at a place."""
    frames = [frame for index in range(len(FRAMES) + 1) for frame in [PING] * gaps.count(index) + [*FRAMES[index : index + 1]]]
    pinged = Plan(STREAM.head, tuple(frames))
    place = Place(text)
    with_pings = sent(pinged, place.point(pinged, side)).replace(PING.raw, b"")
    assert with_pings == sent(STREAM, place.point(STREAM, side)).replace(PING.raw, b"")


@given(st.lists(st.binary(max_size=5), max_size=6), st.data())
def test_a_byte_is_where_so_many_have_been_sent(raws: list[bytes], data: st.DataObject) -> None:
    """For any frames, empty ones too."""
    plan = Plan(Head(), tuple(Frame(raw) for raw in raws))
    count = data.draw(st.integers(0, len(plan.body)))
    point = Place(f"byte {count}").point(plan)
    assert sent(plan, point) == plan.body[:count]
    assert point.frame == len(raws) or point.offset < len(raws[point.frame])


def recorded_plans(paths: Sequence[Path]) -> list[Plan]:
    """Return the recorded streams as plans."""
    return [Plan(STREAM.head, decode(path.read_bytes())) for path in paths]


def test_every_event_of_a_recorded_stream_has_its_places(recorded_streams: list[Path]) -> None:
    """Counted anew from the bytes, each event, each delta and each event of a type is where its place says."""
    for plan in recorded_plans(recorded_streams[::6]):
        counts: dict[str, int] = {}
        for index, frame in enumerate(plan.frames):
            event = json.loads(frame.raw.partition(b"data: ")[2])
            if event["type"] == "ping":
                continue
            names = ["event", event["type"]]
            if event["type"] == "content_block_delta":
                names += ["delta", f"block {event['index']} delta"]
            for name in names:
                counts[name] = counts.get(name, 0) + 1
                if counts[name] < 12:
                    assert Place(f"{name} {counts[name]}").point(plan) == Point(index)


def test_every_character_of_a_recorded_stream_can_be_reached(recorded_streams: list[Path]) -> None:
    """In real streams too, exactly N characters can be read before the point of the Nth: some of every block."""
    seen: set[str] = set()
    for plan in recorded_plans(recorded_streams[::3]):
        if len(plan.body) > 8000:
            continue
        for (kind, block), text in texts(plan).items():
            seen.add(kind)
            for count in {1, 2, len(text) // 3, len(text) // 2, len(text)} & set(range(1, len(text) + 1)):
                point = Place(f"block {block} char {count}").point(plan)
                assert characters(sent(plan, point), block=block) == text[:count]
    assert seen >= {"text", "thinking", "tool_use"}
