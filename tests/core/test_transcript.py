"""Tests of transcripts: reads as lines that a person can review, and back, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from streamlab.core.exchange import Read
from streamlab.core.sse import decode
from streamlab.core.transcript import Writer, read, write
from streamlab.errors import ScenarioError

START = b'event: a\ndata: {"x":1}\n\n'
PING = b'event: ping\ndata: {"type": "ping"}\n\n'


def kept(reads: Sequence[Read]) -> tuple[Read, ...]:
    """Return reads as a transcript keeps them: times of four decimals, and no reads of no bytes."""
    return tuple(Read(each.data, None if each.at is None else round(max(each.at, 0.0), 4)) for each in reads if each.data)


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Return the parts of bytes between these places."""
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize(
    ("reads", "lines"),
    [
        ([], []),
        ([Read(b"", 0.1)], []),
        ([Read(START, 0.0001)], ['0.0001 a {"x":1}']),
        ([Read(START, 0.00004), Read(PING, 1.0)], ['0 a {"x":1}', '1 ping {"type": "ping"}']),
        ([Read(START + PING, 0.25)], ['0.25 a {"x":1}', '+ ping {"type": "ping"}']),
        ([Read(START, None), Read(PING, 0.13021)], ['- a {"x":1}', '0.1302 ping {"type": "ping"}']),
        ([Read(START[:4], 0.1), Read(START[4:], 0.2)], ['0.1,4@0.2 a {"x":1}']),
        ([Read(START[:4], 0.1), Read(START[4:9], None), Read(START[9:], 0.2)], ['0.1,4@-,9@0.2 a {"x":1}']),
        ([Read(START + PING[:3], 0.1), Read(PING[3:], 0.2)], ['0.1 a {"x":1}', '+,3@0.2 ping {"type": "ping"}']),
        ([Read(START[:4], 0.1), Read(START[4:] + PING, 0.2)], ['0.1,4@0.2 a {"x":1}', '+ ping {"type": "ping"}']),
        ([Read(START, 10.0)], ['10 a {"x":1}']),
        ([Read(START, -0.5)], ['0 a {"x":1}']),
        ([Read(b"event: a\ndata: \n\n", 0.1)], ["0.1 a"]),
        ([Read(b"event: a\ndata:  x \n\n", 0.1)], ["0.1 a  x⟦20⟧"]),
        ([Read(b"event: a\ndata:   \n\n", 0.1)], ["0.1 a  ⟦20⟧"]),
        ([Read(b"event: A\ndata: x\n\n", 0.1)], ["0.1 | event: A⟦0a⟧data: x⟦0a0a⟧"]),
        ([Read(b"event:a\ndata: x\n\n", 0.1)], ["0.1 | event:a⟦0a⟧data: x⟦0a0a⟧"]),
        ([Read(b"data: x\n\n: hm\n\n", 0.1)], ["0.1 | data: x⟦0a0a⟧", "+ | : hm⟦0a0a⟧"]),
        ([Read(b"event: a\ndata: x\n\n\nda", 0.1)], ["0.1 a x", "+ | ⟦0a⟧", "+ | da"]),
        ([Read(b"\nx", 0.1)], ["0.1 | ⟦0a⟧", "+ | x"]),
        ([Read(b"event: a\r\ndata: x\r\n\r\n", 0.1)], ["0.1 | event: a⟦0d0a⟧data: x⟦0d0a0d0a⟧"]),
        ([Read(b"event: a\ndata: x\ry\n\n", 0.1)], ["0.1 a x⟦0d⟧y"]),
        ([Read(b"a\r\r", 0.1), Read(b"bcd", 0.2), Read(b"e", 0.3)], ["0.1 | a⟦0d0d⟧", "0.2,3@0.3 | bcde"]),
        ([Read(b"\xef\xbb\xbfdata: x\n\n", 0.1)], ["0.1 | ⟦efbbbf⟧", "+ | data: x⟦0a0a⟧"]),
        ([Read(b"\xef", 0.1), Read(b"\xbb\xbfx", 0.2)], ["0.1,1@0.2 | ⟦efbbbf⟧", "+ | x"]),
        ([Read(START, 0.1), Read(b"\xef\xbb\xbfx\r\n\r\n", 0.2)], ['0.1 a {"x":1}', "0.2 | ⟦efbbbf⟧x⟦0d0a0d0a⟧"]),
        ([Read("event: a\ndata: é 😀 ⟦ ⟧\n\n".encode(), 0.1)], ["0.1 a é 😀 ⟦e29fa6⟧ ⟧"]),
        ([Read(b"event: a\ndata: \xc3\n\n", 0.1)], ["0.1 a ⟦c3⟧"]),
        (
            [Read("event: a\ndata: \0\t\x7f\x85\x9f\u2028\u2029\ufeff\ufffe\uffff\xa0.\n\n".encode(), 0.1)],
            ["0.1 a ⟦00097fc285c29fe280a8e280a9efbbbfefbfbeefbfbf⟧\xa0."],
        ),
        ([Read(b"event: a\ndata: \xed\xa0\x80\n\n", 0.1)], ["0.1 a ⟦eda080⟧"]),
        ([Read(b"event: a\ndata: " + b"\xff" * 40 + b"\n\n", 0.1)], ["0.1 = ZXZlbnQ6IGEKZGF0YTog" + "/" * 53 + "woK"]),
    ],
)
def test_an_event_stream_has_a_line_for_each_frame(reads: list[Read], lines: list[str]) -> None:
    """The line says when the frame began, where other reads begin in it, and what it is."""
    assert list(write(reads, is_stream=True)) == lines
    assert tuple(read(lines)) == kept(reads)


@pytest.mark.parametrize(
    ("reads", "lines"),
    [
        ([Read(b'{"a": 1}', 0.1)], ['0.1 | {"a": 1}']),
        ([Read(b"<p>\n </p>\n", 0.1)], ["0.1 | <p>⟦0a⟧", "+ |  </p>⟦0a⟧"]),
        ([Read(b"ab", 0.1), Read(b"c\nd", 0.2)], ["0.1,2@0.2 | abc⟦0a⟧", "+ | d"]),
        ([Read(b"event: a\ndata: x\n\n", 0.1)], ["0.1 | event: a⟦0a⟧", "+ | data: x⟦0a⟧", "+ | ⟦0a⟧"]),
        ([Read(b"x " + b"y" * 65_540, 0.1)], [f"0.1 | x {'y' * 65_534}", "+ | yyyyyy"]),
        ([Read("é".encode() * 32_769, 0.1)], [f"0.1 | {'é' * 32_768}", "+ | é"]),
        ([Read(b"x" + "€".encode() * 21_846, 0.1)], [f"0.1 | x{'€' * 21_845}", "+ | €"]),
        ([Read(bytes(range(128, 168)), 0.1)], ["0.1 = gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp+goaKjpKWmpw=="]),
        ([Read(b"\r\n\t" * 20, 0.1)], ["0.1 | ⟦0d0a⟧", *["+ | ⟦090d0a⟧"] * 19, "+ | ⟦09⟧"]),
    ],
)
def test_another_body_has_a_line_for_each_of_its_own(reads: list[Read], lines: list[str]) -> None:
    """A line is cut after each end of line, and between two characters if it is too long; what is no text is base64."""
    assert list(write(reads, is_stream=False)) == lines
    assert tuple(read(lines)) == kept(reads)


def test_an_opaque_body_is_base64_read_by_read() -> None:
    """A long read takes several lines, which came together."""
    reads = [Read(b"\x1f\x8b", 0.1), Read(b"x" * 50_000, None), Read(b"y", 0.3)]
    lines = list(write(reads, is_stream=True, is_opaque=True))
    assert [line[:8] for line in lines] == ["0.1 = H4", "- = eHh4", "+ = eHh4", "0.3 = eQ"]
    assert max(map(len, lines)) == 65_536 + len("- = ")
    assert tuple(read(lines)) == kept(reads)


TEXTS = st.sampled_from(
    [
        b"event: a\n",
        b"data: {}\n",
        b"\n",
        b"\r",
        b"\r\n",
        b" ",
        b"x",
        b"\xef\xbb\xbf",
        b": ",
        b"\xff",
        "é⟦⟧\u2028".encode(),
        START,
        PING,
    ]
)
BODIES = st.one_of(st.binary(max_size=200), st.lists(TEXTS, max_size=30).map(b"".join))


@given(
    BODIES,
    st.lists(st.integers(0, 1000), max_size=20),
    st.lists(st.none() | st.floats(0, 1e6, allow_nan=False), min_size=1),
    st.booleans(),
    st.booleans(),
)
@example(data=b"\xef\xbb\xbf" + START + b"\n", places=[1, 2], times=[0.1], is_stream=True, is_opaque=False)
@example(data=b"\xff" * 100_000, places=[1, 2], times=[0.1], is_stream=False, is_opaque=False)
def test_any_reads_come_back(
    data: bytes,
    places: list[int],
    times: list[float | None],
    is_stream: bool,  # noqa: FBT001
    is_opaque: bool,  # noqa: FBT001
) -> None:
    """Every byte, every boundary, every time to a tenth of a millisecond."""
    reads = [Read(part, times[index % len(times)]) for index, part in enumerate(cut(data, places))]
    lines = list(write(reads, is_stream=is_stream, is_opaque=is_opaque))
    assert not any("\n" in line or line != line.rstrip() for line in lines)
    assert tuple(read(lines)) == kept(reads)


@given(BODIES, st.lists(st.integers(0, 1000), max_size=20))
def test_a_line_is_a_frame_however_it_was_cut(data: bytes, places: list[int]) -> None:
    """Frames are those of the decoder, whatever the reads."""
    lines = list(write([Read(part, 0.1) for part in cut(data, places)], is_stream=True))
    whats = ["- " + line.split(" ", 1)[1] for line in lines]
    assert [each.data for each in read(whats)] == [frame.raw for frame in decode(data)]


@given(BODIES, st.lists(st.integers(0, 1000), max_size=20), st.booleans())
def test_what_is_not_in_a_line_yet_is_in_the_tails(data: bytes, places: list[int], is_stream: bool) -> None:  # noqa: FBT001
    """The lines so far and the tails since the last of them say all that has arrived, after every read."""
    writer = Writer(is_stream=is_stream)
    reads, lines, tails = [], [], []
    for part in cut(data, places):
        reads.append(Read(part, 0.1 * len(reads)))
        made = writer.feed(reads[-1])
        lines += made
        tails = [] if made else tails
        if tail := writer.tail(reads[-1]):
            tails.append(tail)
        assert tuple(read([*lines, *tails])) == kept(reads)


def test_no_line_is_refused_by_yaml() -> None:
    """Every character stands in a literal block as it is written, and comes back."""
    every = "".join(chr(code) for code in range(0x11000) if not 0xD800 <= code < 0xE000).encode()
    reads = (Read(every, 0.1), Read(bytes(range(256)), 0.2))
    lines = list(write(reads, is_stream=False))
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        text = yaml.load("body: |\n" + "".join(f"  {line}\n" for line in lines), loader)["body"]  # noqa: S506
        assert text.split("\n")[:-1] == lines
    assert tuple(read(lines)) == reads


@pytest.mark.parametrize("size", [None, 1, 7, 1000])
def test_recorded_streams_come_back_and_stay_small(recorded_streams: list[Path], size: int | None) -> None:
    """Every recording, with a read for each frame and with others, is itself again; a long one grows by half at most."""
    assert len(recorded_streams) > 300
    chosen = recorded_streams if size is None else recorded_streams[:: 40 if size == 1 else 4]
    for path in chosen:
        data = path.read_bytes()
        parts = (
            [data[start : start + size] for start in range(0, len(data), size)] if size else [each.raw for each in decode(data)]
        )
        reads = [Read(part, 0.0123 * index) for index, part in enumerate(parts)]
        lines = list(write(reads, is_stream=True))
        assert tuple(read(lines)) == kept(reads), path.name
        if len(data) > 4000 and size is None:
            assert sum(len(line.encode()) + len("    \n") for line in lines) <= 1.5 * len(data), path.name


@pytest.mark.parametrize(
    ("lines", "reads"),
    [
        (["", '0.1 a {"x":1}', "   ", ""], (Read(START, 0.1),)),
        (["0.10000 a x "], (Read(b"event: a\ndata: x \n\n", 0.1),)),
        (["1 | ⟦0A⟧⟦0d⟧⟧"], (Read(b"\n\r\xe2\x9f\xa7", 1.0),)),
        (["1 a", "2 a "], (Read(b"event: a\ndata: \n\n", 1.0), Read(b"event: a\ndata: \n\n", 2.0))),
        (["1 = eQ== "], (Read(b"y", 1.0),)),
        (["2 | a", "1 | b"], (Read(b"a", 2.0), Read(b"b", 1.0))),
        (["- | a\u2028\tb"], (Read(b"a\xe2\x80\xa8\tb", None),)),
    ],
)
def test_what_people_write_is_read(lines: list[str], reads: tuple[Read, ...]) -> None:
    """Blank lines, more digits, spaces at the end, hex in capitals, characters that the writer would not leave bare."""
    assert tuple(read(lines)) == reads


KINDS = "after the time comes the name of an event with its data, or | with a text, or = with base64"
EXAMPLE = 'a line is such as: 0.1302 message_stop {"type":"message_stop"}'
HEX = "between ⟦ and ⟧ stand bytes as two hex digits each; a ⟦ itself is ⟦e29fa6⟧"
SPLIT = "a time is in seconds; a read that begins inside the line follows as ,OFFSET@TIME"
WHEN = "a line begins with the time at which it came, with - or with +, not with "


@pytest.mark.parametrize(
    ("line", "column", "problem", "hint"),
    [
        ("message_stop {}", 1, WHEN + "'message_stop'", EXAMPLE),
        ("  0.1 ping {}", 1, WHEN + "''", EXAMPLE),
        ("-0.1 ping {}", 2, "'-0.1' is no time", SPLIT),
        ("0.1s ping {}", 4, "'0.1s' is no time", SPLIT),
        ("1e3 ping {}", 2, "'1e3' is no time", SPLIT),
        ("0.1,x@2 ping {}", 4, "'0.1,x@2' is no time", SPLIT),
        ("0.1,4@2,5 ping {}", 8, "'0.1,4@2,5' is no time", SPLIT),
        ("0.1", 4, "nothing stands after the time", KINDS),
        ("0.1 ", 4, "nothing stands after the time", KINDS),
        ("0.1 Ping {}", 5, "'Ping {}' is none of these", KINDS),
        ("0.1 {}", 5, "'{}' is none of these", KINDS),
        ("0.1 |", 5, "a line holds at least one byte", "take this line out"),
        ("0.1 = ", 5, "a line holds at least one byte", "take this line out"),
        ("0.1 = a*b", 7, "'a*b' is no base64", "after = comes base64; a text comes after |"),
        ("0.1 = é", 7, "'é' is no base64", "after = comes base64; a text comes after |"),
        ("0.1 | ab⟦0⟧", 9, "'⟦0⟧' is no run of bytes", HEX),
        ("0.1 | ab⟦0a", 9, "'⟦0a' is no run of bytes", HEX),
        ("0.1 ping ⟦⟧", 10, "'⟦⟧' is no run of bytes", HEX),
        ("0.1 | ⟦0a⟧⟦zz⟧", 11, "'⟦zz⟧' is no run of bytes", HEX),
        (
            "0.1,0@2 | abc",
            5,
            "a read cannot begin at byte 0 of this line",
            "the line holds 3 bytes, and the offsets in it rise: from 1 to 2",
        ),
        (
            "0.1,3@2 | abc",
            5,
            "a read cannot begin at byte 3 of this line",
            "the line holds 3 bytes, and the offsets in it rise: from 1 to 2",
        ),
        (
            "0.1,2@2,1@3 | abc",
            9,
            "a read cannot begin at byte 1 of this line",
            "the line holds 3 bytes, and the offsets in it rise: from 1 to 2",
        ),
        (f"0.1 {'X' * 50}", 5, f"'{'X' * 40}…' is none of these", KINDS),
    ],
)
def test_an_error_says_where_and_what(line: str, column: int, problem: str, hint: str) -> None:
    """The number of the line, the column, what was expected."""
    with pytest.raises(ScenarioError) as caught:
        tuple(read(["0.1 ping {}", "", line, "0.2 ping {}"]))
    error = caught.value
    assert (error.line, error.column, error.problem, error.hint) == (3, column, problem, hint)
    assert str(error) == f"3:{column}: {problem}\n  hint: {hint}"


def test_the_first_line_cannot_go_on_with_a_read() -> None:
    """There is nothing that it came with."""
    with pytest.raises(ScenarioError) as caught:
        tuple(read(["", "+ ping {}"]))
    problem = "+ says that it came with the bytes before it, and there are none"
    assert str(caught.value) == f"2:1: {problem}\n  hint: write its time, or - if nobody knows"


def test_a_frame_of_many_small_reads_is_linear() -> None:
    """A frame of a megabyte that comes in pieces of a few bytes is one line, and comes back."""
    data = b"event: a\ndata: " + json.dumps("x" * 1_000_000).encode() + b"\n\n"
    reads = [Read(data[start : start + 20], 0.1) for start in range(0, len(data), 20)]
    (line,) = write(reads, is_stream=True)
    assert tuple(read([line])) == tuple(reads)
