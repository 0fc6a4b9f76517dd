"""The texts in frames: found however JSON and events are written, with the bytes in which each stands."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core.delta_text import frame_ends, raw_places, read_frame, same_texts, text_of
from streamlab.core.sse import decode

OPENING = b'data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":'
DELTA = b"event: content_block_delta\n" + OPENING + b'"a\\nb"}   }\n\n'


@pytest.mark.parametrize(
    ("frame", "kind", "index", "found"),
    [
        (DELTA, b"content_block_delta", b"1", [(b"text", b"a\\nb")]),
        (DELTA.replace(b"\n", b"\r\n"), b"content_block_delta", b"1", [(b"text", b"a\\nb")]),
        (DELTA.replace(b'"index":1,', b""), b"content_block_delta", b"", [(b"text", b"a\\nb")]),
        (b'data:{"delta":{"new" : "x","type":"y","n":1,"o":{"text":"z"}},"index" : 12}\r\r', b"", b"12", [(b"new", b"x")]),
        (b'data: {"delta":\ndata: {"a":"b"}}\n\n', b"", b"", [(b"a", b"b")]),
        (
            b'data: {"type":"content_block_start","content_block":{"text":""}}\n\n',
            b"content_block_start",
            b"",
            [(b"text", b"")],
        ),
        (b'data: {"type":"content_block_stop","index":0}\n\n', b"content_block_stop", b"0", []),
        (DELTA.replace(b'"type":"text_delta",', b""), b"content_block_delta", b"1", [(b"text", b"a\\nb")]),
        (DELTA.replace(b'nb"', b'nb","estimated_tokens":null'), b"content_block_delta", b"1", [(b"text", b"a\\nb")]),
        (DELTA.replace(b',"text":"a\\nb"', b""), b"content_block_delta", b"1", []),
        (b'data: {"type":"message_delta","delta":{"stop_reason":"x"}}\n\n', b"message_delta", b"", []),
        (b'data: {"a":["delta",{"b":"c"}],"delta":{"d":"e","f":["g"]}}\n\n', b"", b"", [(b"d", b"e")]),
        (b'data: {"delta":{"text":"sk-\\"', b"", b"", [(b"text", b'sk-\\"')]),
        (b'data: {"delta":{"text":"sk-\\', b"", b"", [(b"text", b"sk-\\")]),
        (b'data: {"delta":{"text":"', b"", b"", [(b"text", b"")]),
        (b'data: {"delta":{"text":nul}}}}]],,::{"delta":{"text":"x"}\n\n', b"", b"", [(b"text", b"x")]),
        (b'event: {"delta":{"text":"x"}}\n: delta\ndata: 1\n\n', b"", b"", []),
    ],
)
def test_a_frame_is_read(frame: bytes, kind: bytes, index: bytes, found: list[tuple[bytes, bytes]]) -> None:
    """Whatever is written, as far as it is JSON."""
    said = read_frame(frame)
    assert said is not None
    assert (said.type, said.index) == (kind, index)
    assert [(name, frame[start:end]) for name, start, end in said.texts] == found


def test_a_frame_about_something_else_is_none() -> None:
    """It is not even read."""
    assert read_frame(b'event: ping\ndata: {"type": "ping"}\n\n') is None
    assert read_frame(b"") is None


def test_deep_json_is_read_in_no_time() -> None:
    """Half a million brackets are no tower of them."""
    assert read_frame(b'data: {"delta":' + b"[" * 500_000 + b"]" * 500_000 + b"}\n\n") is not None


@given(st.text(), st.booleans())
def test_a_string_says_what_json_says(text: str, is_ascii: bool) -> None:  # noqa: FBT001
    """And each of its characters has its place in the bytes."""
    raw = json.dumps(text, ensure_ascii=is_ascii).encode()[1:-1]
    assert text_of(raw) == text
    places = raw_places(raw, range(len(text) + 1))
    assert [text_of(raw[start:end]) for start, end in pairwise(places)] == list(text)
    assert (places[0], places[-1]) == (0, len(raw))


@given(
    st.lists(st.sampled_from([b"a", b"\\u00", b"\\ud83d", b"\\ude00", b"\\x", b"\\\\", b"\xff", b"\xc3\xa9", b"\n"])).map(
        b"".join
    )
)
def test_a_string_that_is_none_has_its_places_too(raw: bytes) -> None:
    """Every character of what it says has one, in order."""
    text = text_of(raw)
    places = raw_places(raw, range(len(text) + 1))
    assert (places[0], places[-1]) == (0, len(raw))
    assert places == sorted(set(places))


def test_many_deltas_are_read_together() -> None:
    """If they are of one text, written as the first of them; a half of a character is not taken for one."""
    said = read_frame(DELTA)
    assert said is not None
    assert said.opening == OPENING
    data = DELTA + DELTA.replace(b"a\\nb", b"")
    assert same_texts(data, said.opening, 2) == [b"a\\nb", b""]
    assert same_texts(data, said.opening, 3) is None
    assert same_texts(data.replace(b'"index":1', b'"index":2'), said.opening, 2) is None
    assert same_texts(data.replace(b"a\\nb", b"\\ud83d"), said.opening, 2) is None


@given(st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b"a", b"data: b"])).map(b"".join))
def test_frames_end_where_the_decoder_ends_them(data: bytes) -> None:
    """But for stray blank lines, which are frames of nothing."""
    ends = list(frame_ends(data))
    frames = [data[start:end].strip() for start, end in pairwise([0, *ends, len(data)])]
    assert [each for each in frames if each] == [each.raw.strip() for each in decode(data) if each.raw.strip()]
