"""Tests of recorded bodies: chunks are the reads they came in, frames those of the stream; compression is undone on demand."""

from __future__ import annotations

import gzip
import zlib
from collections import UserList
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamlab.core import inflation
from streamlab.core.actions import Framing, Send, Wait, script
from streamlab.core.bodies import LongBody, frames_of, is_coded, opened, readable, unpacked
from streamlab.core.exchange import Read, Request
from streamlab.core.identity import generator
from streamlab.core.pacing import INSTANT, Pace, schedule
from streamlab.core.plan import EVENT_STREAM, Coding, Head, Plan
from streamlab.core.sse import Frame, Split, decode

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop" }\n\n'
STREAM = PING + STOP
STREAM_HEAD = Head(200, (("content-type", EVENT_STREAM),))
GZIP_HEAD = replace(STREAM_HEAD, headers=(*STREAM_HEAD.headers, ("content-encoding", "gzip"), ("content-length", "9")))


def reads(data: bytes, *cuts: int) -> tuple[Read, ...]:
    """Return the data cut at these offsets, a tenth of a second between two pieces."""
    return tuple(Read(data[start:end], number / 10) for number, (start, end) in enumerate(pairwise((0, *cuts, len(data)))))


def chunks(frames: Sequence[Frame]) -> list[bytes]:
    """Return the chunks in which frames go out."""
    plan = Plan(Head(), frames)
    sent = b"".join(each.data for each in script(plan, ((0.0, frame) for frame in frames), Framing()) if isinstance(each, Send))
    found, rest = [], sent.partition(b"\r\n\r\n")[2]
    while not rest.startswith(b"0\r\n"):
        size, _, rest = rest.partition(b"\r\n")
        found.append(rest[: int(size, 16)])
        rest = rest[int(size, 16) + 2 :]
    return found


BODIES = st.lists(
    st.sampled_from([PING, STOP, b": c\n\n", b"\n", b"\xef\xbb\xbf", b"data: \xff\r\n\r\n", b"da", b"\r"]), max_size=8
)


@given(BODIES.map(b"".join), st.lists(st.integers(0, 400), max_size=6), st.sampled_from(["events", "bytes"]))
@example(STREAM, [len(PING)], "events")
@example(b"\xef\xbb\xbf" + STREAM, [1, 3, 4], "events")
@example(b"a\r\r\nb\n\n", [3], "events")
def test_every_read_becomes_one_chunk(data: bytes, cuts: list[int], kind: str) -> None:
    """Whatever the body and wherever it was cut: the same pieces go out, and together the frames are the body."""
    arrived = reads(data, *sorted(min(cut, len(data)) for cut in cuts))
    frames = frames_of(arrived, is_stream=kind == "events")
    assert chunks(frames) == [read.data for read in arrived if read.data]
    assert b"".join(frame.raw for frame in frames) == data
    if kind == "events":
        assert [frame.raw for frame in frames] == [frame.raw for frame in decode(data)]


class OnDisk(UserList[Read]):
    """Reads that are not held in memory, as far as anybody can tell."""


def sent(plan: Plan, pace: Pace) -> tuple[bytes, list[Wait], int]:
    """Return what a plan sends: the bytes, chunks and all, the waits between them, and how many events it counts."""
    actions = list(script(plan, schedule(plan, pace, generator(0)), Framing()))
    sends = [each for each in actions if isinstance(each, Send)]
    waits = [each for each in actions if isinstance(each, Wait)]
    return b"".join(each.data for each in sends), waits, sum(each.events for each in sends)


@given(BODIES.map(b"".join), st.lists(st.integers(0, 400), max_size=6), st.booleans())
@example(STREAM * 2 + b"data: [DONE]\n\n", [len(STREAM)], True)  # noqa: FBT003
@example(STREAM + STOP, [5, len(STREAM)], True)  # noqa: FBT003
def test_a_long_body_is_sent_read_by_read(data: bytes, cuts: list[int], is_stream: bool) -> None:  # noqa: FBT001
    """In the chunks and at the times in which its frames would be sent, with as many events in them."""
    arrived = reads(data, *sorted(min(cut, len(data)) for cut in cuts))
    apart, long = frames_of(arrived, is_stream=is_stream), frames_of(OnDisk(arrived), is_stream=is_stream)
    assert isinstance(long, LongBody)
    assert (tuple(long), len(long), long[:2]) == (apart, len(apart), apart[:2])
    last = (Frame(b"", recorded=9.0),)
    plan, shortly = Plan(STREAM_HEAD, (*apart, *last)), Plan(STREAM_HEAD, replace(long, last=last))
    for pace in (INSTANT, Pace(speed=1.0), Pace(rate=10.0)):
        assert sent(shortly, pace) == sent(plan, pace)
    assert opened(shortly) == plan


@pytest.mark.parametrize(
    ("cuts", "expected"),
    [
        ((), [Frame(PING, recorded=0.0), Frame(STOP, recorded=0.0, joined=True)]),
        ((len(PING),), [Frame(PING, recorded=0.0), Frame(STOP, recorded=0.1)]),
        (
            (5,),
            [Frame(PING, recorded=0.0, splits=(Split(5, recorded=0.1, apart=False),)), Frame(STOP, recorded=0.1, joined=True)],
        ),
        (
            (len(PING) - 1, len(PING) + 3),
            [
                Frame(PING, recorded=0.0, splits=(Split(len(PING) - 1, recorded=0.1, apart=False),)),
                Frame(STOP, recorded=0.1, splits=(Split(3, recorded=0.2, apart=False),), joined=True),
            ],
        ),
    ],
    ids=["one read", "a read each", "cut inside the first", "cut inside both"],
)
def test_frames_keep_where_reads_began_and_when(cuts: tuple[int, ...], expected: list[Frame]) -> None:
    """A frame has the time of the read that it begins in; one that begins within a read is joined to what is before it."""
    assert list(frames_of(reads(STREAM, *cuts), is_stream=True)) == expected


def test_whole_frames_that_come_one_a_read_are_as_if_decoded() -> None:
    """The short way that most streams take makes what the long one makes."""
    data = STREAM * 3
    sizes = list(accumulate(map(len, [PING, STOP] * 3)))
    expected = [Frame(raw, recorded=number / 10) for number, raw in enumerate([PING, STOP] * 3)]
    assert list(frames_of(reads(data, *sizes[:-1]), is_stream=True)) == expected


def test_reads_whose_time_nobody_knows_wait_for_nothing() -> None:
    """They are chunks of their own still, and are no fault that separates them in time."""
    (frame,) = frames_of([Read(PING[:5], 1.0), Read(PING[5:9]), Read(PING[9:])], is_stream=True)
    assert frame.splits == (Split(5, apart=False), Split(9, apart=False))
    (frame,) = frames_of([Read(PING[:5]), Read(PING[5:])], is_stream=True)
    assert (frame.recorded, frame.splits) == (None, (Split(5, apart=False),))
    assert [due for due, _ in schedule(Plan(Head(), (frame,)), Pace(speed=1.0), generator(0))] == [0.0]


@given(st.lists(st.integers(0, len(STREAM)), max_size=5))
def test_at_the_recorded_pace_each_chunk_is_due_when_it_arrived(cuts: list[int]) -> None:
    """The first bytes of each read are due at its time, ten times as early at ten times the speed."""
    arrived = [read for read in reads(STREAM, *sorted(cuts)) if read.data]
    plan = Plan(STREAM_HEAD, frames_of(arrived, is_stream=True))
    for speed in (1.0, 10.0):
        due = []
        for moment, frame in schedule(plan, Pace(speed=speed), generator(0)):
            due += [] if frame.joined else [moment]
            for split in frame.splits:
                moment += split.wait  # noqa: PLW2901 - the moments of the pieces
                due.append(moment)
        assert due == pytest.approx([(read.at or 0.0) / speed for read in arrived])


def coded(data: bytes, *cuts: int, head: Head = GZIP_HEAD) -> Plan:
    """Return the plan of a compressed body that came in these pieces."""
    return Plan(head, frames_of(reads(data, *cuts), is_stream=False))


def test_a_compressed_stream_is_unpacked_read_by_read() -> None:
    """What each read adds is a chunk; the head says nothing of compression, nor of a length that is not known."""
    packer = zlib.compressobj(wbits=31)
    first = packer.compress(PING) + packer.flush(zlib.Z_SYNC_FLUSH)
    plain = unpacked(coded(first + packer.compress(STOP) + packer.flush(), len(first)))
    assert plain.frames == (Frame(PING, recorded=0.0), Frame(STOP, recorded=0.1))
    assert plain.head == STREAM_HEAD


def test_the_moment_of_the_ending_stays() -> None:
    """The last frame, which only says when the answer ended, is still the last."""
    plan = coded(gzip.compress(STREAM))
    end = Frame(b"", recorded=7.0)
    assert unpacked(replace(plan, frames=(*plan.frames, end))).frames[-1] == end


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("gzip", gzip.compress(STREAM)),
        ("X-Gzip", gzip.compress(STREAM)),
        ("gzip", gzip.compress(PING) + gzip.compress(STOP)),
        ("deflate", zlib.compress(STREAM)),
        ("deflate", zlib.compress(STREAM)[2:-4]),
    ],
    ids=["gzip", "its old name", "two members", "deflate", "deflate without its frame"],
)
def test_each_coding_that_is_known_is_undone(coding: str, data: bytes) -> None:
    """For a client that offers nothing."""
    head = STREAM_HEAD.with_headers([("content-encoding", coding)])
    assert readable(coded(data, 3, head=head), Request()).body == STREAM


@pytest.mark.parametrize(
    "plan",
    [
        Plan(STREAM_HEAD, decode(STREAM)),
        coded(b"this is no gzip"),
        coded(gzip.compress(STREAM), head=STREAM_HEAD.with_headers([("content-encoding", "br")])),
        coded(gzip.compress(STREAM)[:-8] + bytes(8)),
        replace(coded(gzip.compress(STREAM)), coding=Coding.GZIP),
    ],
    ids=["plain", "no gzip", "unknown coding", "broken gzip", "compressed as it is sent"],
)
def test_what_cannot_be_unpacked_stays_as_it_is(plan: Plan) -> None:
    """Even for a client that asks for plain text: the recorded bytes are all there is."""
    assert unpacked(plan) is plan
    assert opened(plan) is plan
    assert readable(plan, Request()) is plan


def test_what_breaks_off_in_gzip_is_unpacked_as_far_as_it_goes() -> None:
    """A cut answer is cut in plain text too."""
    packer = zlib.compressobj(wbits=31)
    data = packer.compress(PING) + packer.flush(zlib.Z_SYNC_FLUSH)
    assert unpacked(coded(data)).body == PING


@pytest.mark.parametrize(
    ("coding", "offered", "given"),
    [
        ("gzip", "gzip, deflate", "as it came"),
        ("gzip", "deflate", "plain"),
        ("gzip", None, "plain"),
        ("deflate", "deflate", "as it came"),
        ("deflate", "gzip", "plain"),
        ("deflate", "*", "as it came"),
    ],
)
def test_a_client_gets_compressed_what_it_offers_to_take(coding: str, offered: str | None, given: str) -> None:
    """The recorded bytes if it can read them, else the text in them."""
    data = gzip.compress(STREAM) if coding == "gzip" else zlib.compress(STREAM)
    plan = coded(data, head=STREAM_HEAD.with_headers([("content-encoding", coding)]))
    asked = Request(headers=() if offered is None else (("Accept-Encoding", offered),))
    assert readable(plan, asked).body == {"plain": STREAM, "as it came": data}[given]
    assert is_coded(readable(plan, asked)) is (given == "as it came")


def test_what_unpacks_to_more_than_any_answer_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes of gzip can be made into any number."""
    plan = coded(gzip.compress(STREAM), 30)
    monkeypatch.setattr(inflation, "MOST", len(STREAM))
    assert unpacked(plan).body == STREAM
    monkeypatch.setattr(inflation, "MOST", len(STREAM) - 1)
    assert unpacked(plan) is plan


def test_an_opened_plan_has_its_events_and_is_compressed_as_it_is_sent() -> None:
    """So that a fault finds its place in it, and the client still gets gzip."""
    plan = opened(coded(gzip.compress(STREAM)))
    assert [frame.type for frame in plan.frames] == ["ping", "message_stop"]
    assert plan.coding is Coding.GZIP
    assert plan.head.get("content-encoding") == "gzip"
    assert plan.head.get("content-length") is None
