"""Bytes to frames: the rules of the WHATWG event stream, whatever way the bytes were split."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamlab.core import sse
from streamlab.core.sse import BOM, Decoder, Frame, Message, Split, decode

HELLO = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

PARTS = (
    *(b"\r", b"\n", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", BOM, BOM[:1], BOM[:2], b":", b" ", b"\0", b"\xff"),
    *(b"data", b"data:", b"data: x", b"data:  y", b"event: ping", b"event:", b"id: 1", b"id", b"id: a\0b", b"retry: 10"),
    *(
        b"retry: 1x",
        b"retry:",
        b": comment",
        b"other: z",
        "é\u2028\x85😀".encode(),
        "😀".encode()[:2],
        b'data: {"type":"ping"}',
    ),
)
STREAMS = st.lists(st.one_of(st.sampled_from(PARTS), st.binary(max_size=3)), max_size=24).map(b"".join)
"""Bytes that are nearly all line ends, byte order marks and fields."""


def raws(frames: Iterable[Frame]) -> list[bytes]:
    """Return the bytes of each frame."""
    return [frame.raw for frame in frames]


def messages(data: bytes) -> list[Message]:
    """Return what the frames of a stream say."""
    return [frame.message for frame in decode(data) if frame.message is not None]


def in_pieces(pieces: Iterable[bytes]) -> tuple[Frame, ...]:
    """Return the frames of a stream that comes in these pieces."""
    decoder = Decoder()
    frames = [frame for piece in pieces for frame in decoder.feed(piece)]
    return (*frames, *decoder.close())


def cut(data: bytes, size: int) -> Iterator[bytes]:
    """Yield the data in pieces of one size."""
    return (data[start : start + size] for start in range(0, len(data), size))


def reference_lines(text: str) -> list[str]:
    """Return the finished lines of a text, a character at a time."""
    lines, line, position = [], "", 0
    while position < len(text):
        if text[position] in "\r\n":
            lines.append(line)
            line = ""
            position += 2 if text[position : position + 2] == "\r\n" else 1
        else:
            line += text[position]
            position += 1
    return lines


def reference(data: bytes) -> list[Message]:
    """Read a whole stream as the standard words it: a line at a time, with buffers that a blank line empties."""
    found: list[Message] = []
    buffer, said = "", {}
    for line in reference_lines(data.decode("utf-8", "replace").removeprefix("\ufeff")):
        field, _, value = line.partition(":")
        value = value[1:] if value[:1] == " " else value
        if line == "":
            if buffer != "":
                retry = int(said["retry"]) if "retry" in said else None
                found.append(Message(data=buffer[:-1], event=said.get("event") or "message", id=said.get("id"), retry=retry))
            buffer, said = "", {}
        elif field == "data":
            buffer += value + "\n"
        elif field == "event" or (field == "id" and "\0" not in value) or (field == "retry" and re.fullmatch("[0-9]+", value)):
            said[field] = value
    return found


@pytest.mark.parametrize(
    ("data", "frames"),
    [
        (b"", []),
        (b"data: a\n\ndata: b\n\n", [b"data: a\n\n", b"data: b\n\n"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"data: a\r\n\r\n", b"data: b\r\n\r\n"]),
        (b"data: a\r\rdata: b\r\r", [b"data: a\r\r", b"data: b\r\r"]),
        (b"data: a\r\n\ndata: b\n\r\ndata: c\r\r\n", [b"data: a\r\n\n", b"data: b\n\r\n", b"data: c\r\r\n"]),
        (b"data: a\n\rdata: b\n\n", [b"data: a\n\r", b"data: b\n\n"]),
        (b"data: a\r\ndata: b\r\n\r\n", [b"data: a\r\ndata: b\r\n\r\n"]),
        (b"\n\r\n\rdata: a\n\n\n", [b"\n", b"\r\n", b"\r", b"data: a\n\n", b"\n"]),
        (BOM + b"data: a\n\n", [BOM, b"data: a\n\n"]),
        (BOM + BOM + b"data: a\n\n", [BOM, BOM + b"data: a\n\n"]),
        (b"data: a\n\n" + BOM + b"data: b\n\n", [b"data: a\n\n", BOM + b"data: b\n\n"]),
        (BOM, [BOM]),
        (BOM[:2], [BOM[:2]]),
        (BOM[:2] + b"data: a\n\n", [BOM[:2] + b"data: a\n\n"]),
        (b": ping\n\ndata: a\n\n", [b": ping\n\n", b"data: a\n\n"]),
        (b"data: a\n\ndata: b", [b"data: a\n\n", b"data: b"]),
        (b"data: a\n\ndata: b\n", [b"data: a\n\n", b"data: b\n"]),
        (b"data: a\n\ndata: b\r", [b"data: a\n\n", b"data: b\r"]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_blank_line_ends_a_frame(data: bytes, frames: list[bytes], size: int) -> None:
    """Every line end counts, alone and mixed; the frames joined are the stream, whole or in pieces."""
    assert raws(in_pieces(cut(data, size))) == frames
    assert b"".join(frames) == data


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [Message(data="YHOO\n+2\n10")]),
        (
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            [Message(data="first event", id="1"), Message(data="second event", id=""), Message(data=" third event")],
        ),
        (b"data\n\ndata\ndata\n\ndata:", [Message(data=""), Message(data="\n")]),
        (b"data:test\n\ndata: test\n\n", [Message(data="test"), Message(data="test")]),
        (b"event: add\ndata: 73857293\n\n", [Message(data="73857293", event="add")]),
        (b"event: a\nevent: b\ndata: x\n\n", [Message(data="x", event="b")]),
        (b"event: a\nevent\ndata: x\n\n", [Message(data="x")]),
        (b"event: lonely\n\ndata: x\n\n", [Message(data="x")]),
        (b"id: 1\ndata: x\n\n", [Message(data="x", id="1")]),
        (b"id: 1\nid: 2\0\ndata: x\n\n", [Message(data="x", id="1")]),
        (b"id: 2\0\ndata: x\n\n", [Message(data="x")]),
        (b"retry: 10\ndata: x\n\n", [Message(data="x", retry=10)]),
        (b"retry: 010\ndata: x\n\n", [Message(data="x", retry=10)]),
        (b"retry: -1\ndata: x\n\n", [Message(data="x")]),
        (b"retry: 1.5\ndata: x\n\n", [Message(data="x")]),
        (b"retry\ndata: x\n\n", [Message(data="x")]),
        ("retry: ١٢\ndata: x\n\n".encode(), [Message(data="x")]),
        ("retry: ²\ndata: x\n\n".encode(), [Message(data="x")]),
        (b"retry: " + b"9" * 5000 + b"\ndata: x\n\n", [Message(data="x")]),
        (b"retry: " + b"9" * 15 + b"\ndata: x\n\n", [Message(data="x", retry=10**15 - 1)]),
        (b"data: a:b: c\n\n", [Message(data="a:b: c")]),
        (b"Data: x\n DATA: y\ndata : z\n\n", []),
        (b":data: x\n\n", []),
        (b"data: x\r\ndata: y\rdata: z\n\r\n", [Message(data="x\ny\nz")]),
        ("data: a\u2028b\u2029c\x85d\x0be\n\n".encode(), [Message(data="a\u2028b\u2029c\x85d\x0be")]),
        (b"data: \xff\xe2\x82|\n\n", [Message(data="\ufffd\ufffd|")]),
        (BOM + b"data: x\n\n" + BOM + b"data: y\n\n", [Message(data="x")]),
        (b"data: x\n", []),
        (b"data: x", []),
        (b"data: x\r\n", []),
        (b"", []),
    ],
)
def test_fields_are_read_as_the_standard_says(data: bytes, said: list[Message]) -> None:
    """The standard's own examples first, then its corners; a message that was not finished says nothing."""
    assert messages(data) == said


def test_a_frame_without_its_blank_line_says_nothing_and_keeps_its_bytes() -> None:
    """A stream that stops in a frame loses no byte, and invents no event."""
    done, tail = decode(HELLO + HELLO[:-1])
    assert (done.raw, done.type) == (HELLO, "message_stop")
    assert (tail.raw, tail.message, tail.event, tail.type) == (HELLO[:-1], None, None, None)


def test_a_carriage_return_waits_for_its_line_feed() -> None:
    """A CR that ends a piece may be half of a line end, so its frame comes with the next byte, or at the end."""
    decoder = Decoder()
    assert decoder.feed(b"data: x\r\r") == []
    assert decoder.feed(b"") == []
    assert raws(decoder.feed(b"\n")) == [b"data: x\r\r\n"]
    assert decoder.feed(b"data: y\r\r") == []
    assert raws(decoder.feed(b"d")) == [b"data: y\r\r"]
    assert decoder.feed(b"ata: z\r\r") == []
    (last,) = decoder.close()
    assert last.message == Message(data="z")


def test_frames_come_as_soon_as_they_are_complete() -> None:
    """The blank line completes a frame: nothing waits for the frame after it."""
    decoder = Decoder()
    assert raws(decoder.feed(HELLO)) == [HELLO]
    assert decoder.feed(HELLO[:-1]) == []
    assert raws(decoder.feed(HELLO[-1:])) == [HELLO]
    assert decoder.close() == []


def test_a_decoder_closes_once() -> None:
    """What was left comes at the first close only."""
    decoder = Decoder()
    decoder.feed(b"data: x")
    assert raws(decoder.close()) == [b"data: x"]
    assert decoder.close() == []


@given(STREAMS)
@example(BOM + b"\n\r")
@example(b"\r\n\rdata: x\r\r\n\n")
@settings(max_examples=300)
def test_messages_are_those_of_a_plain_reading_of_the_standard(data: bytes) -> None:
    """A reader of whole streams, line by line, finds the same messages."""
    assert messages(data) == reference(data)


@given(STREAMS, st.lists(st.integers(0, 120), max_size=12))
@settings(max_examples=300)
def test_any_split_of_any_bytes_gives_the_same_frames(data: bytes, cuts: list[int]) -> None:
    """Frames do not depend on the pieces, and joined they are the input."""
    edges = [0, *sorted(min(each, len(data)) for each in cuts), len(data)]
    whole = decode(data)
    assert in_pieces(data[start:end] for start, end in pairwise(edges)) == whole
    assert in_pieces(cut(data, 1)) == whole
    assert b"".join(raws(whole)) == data
    assert all(frame.raw for frame in whole)


def test_recorded_streams_are_one_event_a_frame(recorded_streams: list[Path]) -> None:
    """Every frame of a real stream is an event whose name is its type, and the frames joined are the file."""
    for path in recorded_streams:
        data = path.read_bytes()
        frames = decode(data)
        assert b"".join(raws(frames)) == data
        assert all(frame.message is not None and frame.message.event == frame.type for frame in frames)
        assert messages(data) == reference(data)


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_recorded_streams_come_the_same_in_pieces(recorded_streams: list[Path], size: int) -> None:
    """Real streams byte by byte, in odd pieces, and in large ones; the long ones only in larger pieces."""
    for path in recorded_streams:
        data = path.read_bytes()
        if len(data) < 2000 * size:
            assert in_pieces(cut(data, size)) == decode(data)


@pytest.mark.parametrize(
    ("end", "bom"), [(b"\r\n", b""), (b"\r", b""), (b"\r\n", BOM), (b"\n", BOM)], ids=["crlf", "cr", "crlf bom", "bom"]
)
def test_recorded_streams_say_the_same_with_other_line_ends(recorded_streams: list[Path], end: bytes, bom: bytes) -> None:
    """A proxy that rewrites line ends, or puts a byte order mark first, changes no message."""
    for path in recorded_streams[::7]:
        data = path.read_bytes()
        assert messages(bom + data.replace(b"\n", end)) == messages(data)


class Counting:
    """A pattern that counts the bytes it looks at."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self._pattern = pattern
        self.scanned = 0

    def search(self, data: bytearray, start: int) -> re.Match[bytes] | None:
        """Search, and count as far as it had to look."""
        found = self._pattern.search(data, start)
        self.scanned += (found.end() if found else len(data)) - start
        return found


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (HELLO * 1000, 1),
        (HELLO * 1000, 1000),
        (HELLO * 1000, len(HELLO) * 4000),
        (b"data: " + b"x" * 50_000 + b"\n\n", 1),
        (b"data: x\r\n" * 5_000 + b"\r\n", 1),
        (b"data: x\r" * 5_000 + b"\r", 3),
        (b"\n" * 20_000, 1),
        (b"x" * 200_000, 64),
    ],
    ids=["frames bytewise", "frames", "whole", "one frame bytewise", "crlf lines", "cr lines", "blank lines", "no end"],
)
def test_each_byte_is_looked_at_a_few_times_only(data: bytes, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a frame is and however it is split, what was searched is not searched again, but for three bytes a piece."""
    counting = Counting(sse._FRAME_END)
    monkeypatch.setattr(sse, "_FRAME_END", counting)
    pieces = list(cut(data, size))
    assert b"".join(raws(in_pieces(pieces))) == data
    assert counting.scanned <= len(data) + 4 * (len(pieces) + 1)


def test_a_long_stream_takes_no_more_memory_than_a_piece_and_a_frame() -> None:
    """64 MB of frames, in pieces that end inside frames, pass through a decoder that stays small."""
    frame = b"event: x\ndata: " + b"y" * 983 + b"\n\n"
    assert len(frame) == 1000
    piece = frame[500:] + frame * 63 + frame[:500]
    decoder, passed = Decoder(), 0
    tracemalloc.start()
    try:
        for _ in range(1000):
            passed += sum(len(each.raw) for each in decoder.feed(piece))
        passed += sum(len(each.raw) for each in decoder.close())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert passed == 64_000_000
    assert peak < 1_000_000


def test_a_frame_of_many_megabytes_is_held_about_once() -> None:
    """32 MB in one frame, in small pieces: what is held is the frame, its copy, and a bit."""
    size = 32 * 2**20
    piece = b"x" * 2**14
    decoder = Decoder()
    tracemalloc.start()
    try:
        decoder.feed(b"data: ")
        for _ in range(size // len(piece)):
            assert decoder.feed(piece) == []
        (frame,) = decoder.feed(b"\n\n")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(frame.raw) == len(b"data: \n\n") + size
    assert decoder.close() == []
    assert peak < 2.5 * size


@pytest.mark.parametrize(
    ("data", "event"),
    [
        (b'data: {"type":"ping"}\n\n', {"type": "ping"}),
        (b'data: {"type":"new_thing","x":[1,null]}\n\n', {"type": "new_thing", "x": [1, None]}),
        (b'event: other\ndata: {"type":"ping"}\n\n', {"type": "ping"}),
        (b'data: {"type":\ndata: "ping"}\n\n', {"type": "ping"}),
        (b'data: {"type":"ping"}\n', None),
        (b'data: {"type":\n\n', None),
        (b"data: [DONE]\n\n", None),
        (b"data:\n\n", None),
        (b'data: ["type"]\n\n', None),
        (b'data: "type"\n\n', None),
        (b'data: {"kind":"ping"}\n\n', None),
        (b'data: {"type":7}\n\n', None),
        (b"data: " + b"[" * 100_000 + b"\n\n", None),
        (b'data: {"type":"x","n":' + b"9" * 5000 + b"}\n\n", None),
        (b": comment\n\n", None),
        (BOM, None),
        (b"\n", None),
        (b"", None),
    ],
)
def test_the_event_of_a_frame_is_a_json_object_with_a_type(data: bytes, event: object) -> None:
    """Unknown types and fields are kept; anything else is a frame without an event, and no error."""
    frame = Frame(data)
    assert frame.event == event
    assert frame.type == (event["type"] if isinstance(event, dict) else None)


def test_frames_are_compared_by_their_bytes_and_how_they_are_sent() -> None:
    """What was parsed of a frame does not make it another one."""
    read = Frame(HELLO)
    assert read.type == "message_stop"
    assert read == Frame(HELLO)
    assert len({read, Frame(HELLO)}) == 1
    assert Frame(HELLO, wait=1.0) != read
    assert Frame(HELLO, splits=(Split(3),)) != read
    assert Frame(HELLO, recorded=0.0) != read
