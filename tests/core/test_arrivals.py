"""Arrivals: frames with their times, whatever the reads; decompression; sums."""

from __future__ import annotations

import zlib
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import (
    JSON,
    PING,
    REFUSED,
    STREAM,
    answered,
    arrived,
    closing,
    message_start,
    raw,
    streamed,
    text_block,
    tool_block,
)

from streamlab.core import inflation
from streamlab.core.arrivals import Silence
from streamlab.core.bodies import frames_of
from streamlab.core.exchange import Exchange, Read
from streamlab.core.plan import Head
from streamlab.core.sse import Frame, Split, decode

PIECES = raw([message_start(), PING, *text_block("Hi"), *closing()])
BODY = b"".join(PIECES)


def compressed(pieces: list[bytes], window: int = 31) -> list[bytes]:
    """Return pieces of a body, each flushed, and the end of the compression."""
    coder = zlib.compressobj(wbits=window)
    return [*(coder.compress(each) + coder.flush(zlib.Z_SYNC_FLUSH) for each in pieces), coder.flush()]


def coded(pieces: list[bytes], coding: str) -> Exchange:
    """Return a stream that came compressed."""
    return answered(pieces, head=Head(200, (*STREAM.headers, ("content-encoding", coding))))


def told(silence: Silence | None) -> tuple[float, str]:
    """Return how long it was, and where."""
    assert silence is not None
    return round(silence.seconds, 6), silence.where


def test_frames_know_how_they_came() -> None:
    """In a read of their own, in that of the frame before, or in several."""
    a, b, c, d = b"data: a\n\n", b"data: bb\n\n", b": c\n\n", b"data: d"
    reads = [Read(a + b + c[:2], 0.1), Read(b""), Read(c[2:3], 0.2), Read(c[3:], None), Read(d, 0.4)]
    assert list(frames_of(reads, is_stream=True)) == [
        Frame(a, recorded=0.1),
        Frame(b, recorded=0.1, joined=True),
        Frame(c, recorded=0.1, joined=True, splits=(Split(2, recorded=0.2, apart=False), Split(3, apart=False))),
        Frame(d, recorded=0.4),
    ]


def test_a_read_that_begins_with_a_frame_is_that_frames_alone() -> None:
    """Though the end of the one before is only known by its first byte, as after a CR."""
    reads = [Read(b"data: a\r\r", 0.1), Read(b"data: b\r\r", 0.2)]
    assert list(frames_of(reads, is_stream=True)) == [Frame(b"data: a\r\r", recorded=0.1), Frame(b"data: b\r\r", recorded=0.2)]


@given(st.lists(st.integers(0, len(BODY)), max_size=12).map(sorted))
def test_every_byte_and_every_read_is_kept(cuts: list[int]) -> None:
    """For any reads: the frames are those of the whole body, and where reads begin can be told from them."""
    bounds = [0, *cuts, len(BODY)]
    reads = [Read(BODY[a:b], float(index)) for index, (a, b) in enumerate(pairwise(bounds))]
    frames = list(frames_of(reads, is_stream=True))
    assert tuple(frame.raw for frame in frames) == tuple(frame.raw for frame in decode(BODY))
    begins, at = [], 0
    for frame in frames:
        begins += [] if frame.joined else [(at, frame.recorded)]
        begins += [(at + split.offset, split.recorded) for split in frame.splits]
        at += len(frame.raw)
    assert begins == [(a, read.at) for a, read in zip(bounds, reads, strict=False) if read.data]


@pytest.mark.parametrize(("coding", "window"), [("gzip", 31), ("GZIP", 31), ("x-gzip", 31), ("deflate", 15)])
def test_a_compressed_stream_is_read(coding: str, window: int) -> None:
    """Each read gives what it adds, at its time."""
    found = arrived(coded(compressed(PIECES, window), coding))
    assert [frame.raw for frame in found.frames] == PIECES
    assert [frame.recorded for frame in found.frames] == [index / 10 for index in range(len(PIECES))]
    assert found.problem is None
    assert found.sums.size == sum(map(len, compressed(PIECES, window)))


def test_gzip_in_several_members_is_read() -> None:
    """Even if one begins in the middle of a read."""
    whole = b"".join(compressed([b"data: a\n\n"])) + b"".join(compressed([b"data: b\n\n"]))
    assert arrived(coded([whole], "gzip")).body == b"data: a\n\ndata: b\n\n"


@pytest.mark.parametrize(
    ("pieces", "coding", "problem", "body"),
    [
        (compressed(PIECES)[:-1], "gzip", "the gzip is cut off", BODY),
        ([compressed(PIECES)[0], b"\xff" * 9], "gzip", "the gzip is damaged from there on", PIECES[0]),
        ([b"\x01\x02"], "br", "compressed with br, which is not read", b"\x01\x02"),
        (PIECES, "identity", None, BODY),
        ([], "gzip", None, b""),
    ],
)
def test_a_body_that_is_not_wholly_readable_is_said(pieces: list[bytes], coding: str, problem: str | None, body: bytes) -> None:
    """With what there is of it."""
    found = arrived(coded(pieces, coding))
    assert (found.problem, found.body) == (problem, body)


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops at the most that is read."""
    monkeypatch.setattr(inflation, "MOST", 100)
    found = arrived(coded(compressed([b":" * 90, b":" * 90]), "gzip"))
    assert found.body == b":" * 90
    assert "larger than" in str(found.problem)


def test_the_message_is_that_of_the_stream_or_of_the_body() -> None:
    """None if it is neither."""
    assert arrived(streamed()).message["content"] == [{"type": "text", "text": "Hi there"}]
    assert arrived(answered([b'{"a":', b"1}"], head=JSON)).message == {"a": 1}
    assert arrived(answered([b"<html>"], head=JSON)).message is None
    assert not arrived(REFUSED).is_stream


def test_the_sums_of_a_stream() -> None:
    """Counts, times from the request on, and the longest silence."""
    events = [message_start(), PING, *text_block("", "Hi", " there"), *closing(tokens=20)]
    times = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1.4, 1.5]
    sums = arrived(streamed(events, times=times, ended_at=1.6)).sums
    assert (sums.events, sums.pings, sums.reads) == (9, 1, 9)
    assert (sums.model, sums.stop_reason, sums.output_tokens, sums.error) == ("m", "end_turn", 20, None)
    assert sums.time_to_first_token == pytest.approx(0.8)
    assert sums.duration == pytest.approx(2.0)
    assert sums.streaming == pytest.approx(1.0)
    assert sums.tokens_per_second == pytest.approx(20)
    assert told(sums.silence) == (0.8, "before event 8 (message_delta)")


def test_a_tool_input_is_content_too() -> None:
    """Its first fragment, which is empty, is not."""
    assert arrived(streamed([message_start(), *tool_block("", '{"a":1}')])).sums.first_token == 0.3


def test_the_time_of_content_is_that_of_its_last_byte() -> None:
    """An event that came in two reads was there with the second."""
    pieces = raw([message_start(), *text_block("Hi")])
    found = arrived(answered([*pieces[:2], pieces[2][:9], pieces[2][9:]], times=[0.0, 0.1, 0.2, 0.9]))
    assert found.sums.first_token == 0.9
    assert told(found.sums.silence) == (0.7, "inside event 3 (content_block_delta)")


def test_what_is_not_known_is_none() -> None:
    """An import knows no times."""
    sums = arrived(streamed(times=[None] * 7, first=None, ended_at=None)).sums
    assert (sums.time_to_first_token, sums.tokens_per_second, sums.duration, sums.silence) == (None,) * 4


def test_nothing_came() -> None:
    """There is nothing to sum up."""
    sums = arrived(REFUSED).sums
    assert (sums.events, sums.reads, sums.size, sums.duration, sums.silence) == (0, 0, 0, None, None)


def test_the_sums_of_a_body() -> None:
    """Of a message that is not streamed, and of an error; what is not as it should be is not there."""
    body = b'{"model":"m","stop_reason":"end_turn","usage":{"output_tokens":7}}'
    sums = arrived(answered([body[:9], body[9:]], head=JSON, ended_at=0.15)).sums
    assert (sums.model, sums.stop_reason, sums.output_tokens) == ("m", "end_turn", 7)
    assert sums.silence == Silence(seconds=0.1, where="before read 2")
    error = b'{"type":"error","error":{"type":"overloaded_error"}}'
    assert arrived(answered([error], head=JSON)).sums.error == "overloaded_error"
    assert arrived(answered([b'{"type":"error","error":1,"model":2,"usage":[]}'], head=JSON)).sums.error == "error"


def test_an_error_in_a_stream_is_found_and_the_silence_may_be_the_end() -> None:
    """Frames that carry no event are counted as none."""
    pieces = [*raw([message_start(), {"type": "error", "error": {"type": "api_error"}}]), b": ok\n\n"]
    sums = arrived(answered(pieces, ended_at=5.0)).sums
    assert (sums.error, sums.events) == ("api_error", 2)
    assert told(sums.silence) == (4.8, "before the end")
    quiet = arrived(answered([*raw([message_start()]), b": ok\n\n"], times=[0.0, 9.0], ended_at=9.0)).sums.silence
    assert quiet == Silence(seconds=9.0, where="before event 2")


def test_nothing_is_read_twice() -> None:
    """The frames are made once."""
    found = arrived(replace(streamed(), first=None))
    assert found.frames is found.frames
