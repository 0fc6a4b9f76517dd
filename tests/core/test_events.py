"""Events to bytes, as the API writes them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamlab.core.events import MAX_PADDING, PING, PING_EVENT, dump, encode, encode_padded
from streamlab.core.sse import Event, Frame, decode

STOP: Event = {"type": "content_block_stop", "index": 0}

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from(["message_start", "content_block_delta", "ping", "brand_new"])
EVENTS = st.builds(lambda kind, rest: {**rest, "type": kind}, TYPES, st.dictionaries(st.text(), VALUES))
"""Events of known and unknown types, with any fields."""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, 2.5, None, True], "b": {}}, '{"a":[1,2.5,null,true],"b":{}}'),
        ("é😀\u2028", '"é😀\u2028"'),
        ('"\\\n\t\x01', '"\\"\\\\\\n\\t\\u0001"'),
        ({"z": 1, "a": 2}, '{"z":1,"a":2}'),
    ],
)
def test_json_is_compact_and_unescaped(value: Any, text: str) -> None:
    """No spaces, no escapes that are not needed, keys in their order."""
    assert dump(value) == text


@pytest.mark.parametrize(
    ("event", "padding", "raw"),
    [
        (STOP, 0, b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'),
        (STOP, 3, b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0   }\n\n'),
        ({"type": "x", "t": {"a": "}"}}, 1, b'event: x\ndata: {"type":"x","t":{"a":"}"} }\n\n'),
        ({"type": "x", "t": "a\r\nb\n\n"}, 0, b'event: x\ndata: {"type":"x","t":"a\\r\\nb\\n\\n"}\n\n'),
        ({"type": "x", "t": "é😀"}, 2, 'event: x\ndata: {"type":"x","t":"é😀"  }\n\n'.encode()),
        ({"type": "x", "t": "é\ud83d"}, 2, 'event: x\ndata: {"type":"x","t":"é\\ud83d"  }\n\n'.encode()),
        ({"type": "x\udc00"}, 0, b'event: x\\udc00\ndata: {"type":"x\\udc00"}\n\n'),
        (PING_EVENT, 0, b'event: ping\ndata: {"type": "ping"}\n\n'),
        (PING_EVENT, 15, b'event: ping\ndata: {"type": "ping"}\n\n'),
        ({"type": "ping", "x": 1}, 1, b'event: ping\ndata: {"type":"ping","x":1 }\n\n'),
    ],
)
def test_an_event_is_written_as_the_api_writes_it(event: Event, padding: int, raw: bytes) -> None:
    """Name, compact JSON, padding before the last brace; the ping is always the same text; half a surrogate pair is escaped."""
    frame = encode(event, padding=padding)
    assert frame.raw == raw
    assert frame.event == event


def test_the_two_halves_of_a_surrogate_pair_are_one_character_on_the_wire() -> None:
    """What a frame says is what its bytes say, even where the text in memory was written in halves."""
    frame = encode({"type": "x", "t": "\ud83d\ude00"})
    assert frame.raw == b'event: x\ndata: {"type":"x","t":"\\ud83d\\ude00"}\n\n'
    assert frame.event == Frame(frame.raw).event == {"type": "x", "t": "😀"}


@given(EVENTS, st.integers(0, MAX_PADDING))
@settings(max_examples=200)
def test_what_was_encoded_is_decoded(event: Event, padding: int) -> None:
    """One event is one frame, of its name, and says what it was made of; what it is known to say is what its bytes say."""
    frame = encode(event, padding=padding)
    (read,) = decode(frame.raw)
    assert read == frame
    assert read.event == frame.event == event
    assert list(read.event or {}) == list(event)
    assert read.message is not None
    assert read.message.event == event["type"]


def test_every_recorded_event_is_written_again_as_it_was(recorded_streams: list[Path]) -> None:
    """For each event of the real streams some padding from 0 to 15 gives its very bytes, and each ping is the ping."""
    paddings: Counter[int] = Counter()
    pings = 0
    for path in recorded_streams:
        for frame in decode(path.read_bytes()):
            event = json.loads(frame.raw.split(b"data: ", 1)[1])
            if event["type"] == "ping":
                assert (frame, event) == (PING, PING_EVENT)
                pings += 1
                continue
            found = [count for count in range(MAX_PADDING + 1) if encode(event, padding=count).raw == frame.raw]
            assert len(found) == 1, frame.raw
            paddings[found[0]] += 1
    assert pings > 100
    assert set(paddings) == set(range(MAX_PADDING + 1))


def test_padding_is_drawn_evenly_from_what_was_seen() -> None:
    """Every count from 0 to 15 comes, and none far more often than another."""
    rng = Random(1)
    bare = len(encode(STOP).raw)
    counts = Counter(len(encode_padded(STOP, rng).raw) - bare for _ in range(3200))
    assert set(counts) == set(range(MAX_PADDING + 1))
    assert all(120 < count < 280 for count in counts.values())


def test_the_same_lots_give_the_same_padding() -> None:
    """Padding depends on the generator alone."""
    assert [encode_padded(STOP, Random(5)).raw for _ in range(3)] == [encode_padded(STOP, Random(5)).raw] * 3
    assert len({encode_padded(STOP, Random(seed)).raw for seed in range(20)}) > 5
