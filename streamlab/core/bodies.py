"""Recorded bodies: from the reads in which one arrived to the frames that are sent again, compressed or not.

Each read becomes one chunk: a frame that begins in the middle of a read is joined to the frame before it, and one that goes on
in another read is split there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import overload

from streamlab.core.exchange import Read, Request
from streamlab.core.inflation import Damage, inflated
from streamlab.core.plan import Coding, Plan, compressed
from streamlab.core.sse import Decoder, Frame, Split, decode

__all__ = ["LongBody", "frames_of", "is_coded", "opened", "readable", "unpacked"]

_END = b"\n\n"
"""How the API ends a frame."""


def frames_of(reads: Sequence[Read], *, is_stream: bool) -> Sequence[Frame]:
    """Return the frames of a body: those of its events if it is a stream, else one for each read that brought bytes.

    Reads that are not in memory are not taken there.
    """
    return (
        tuple(_frames(reads, is_stream=is_stream))
        if isinstance(reads, tuple | list)
        else LongBody(reads=reads, is_stream=is_stream)
    )


@dataclass(frozen=True)
class Together(Frame):
    """The bytes of one read of a stream, sent as they are, and how many events they complete."""

    events: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LongBody(Sequence[Frame]):
    """The frames of a body that is not held in memory: whoever goes through them has one read after the other."""

    reads: Sequence[Read]
    is_stream: bool
    last: tuple[Frame, ...] = ()

    def __iter__(self) -> Iterator[Frame]:
        return chain(_frames(self.reads, is_stream=self.is_stream), self.last)

    def together(self) -> Iterator[Frame]:
        """Yield what each read brought, where nobody asks for frames: it is sent in the same chunks at the same times."""
        return chain(_together(read for read in self.reads if read.data), self.last) if self.is_stream else iter(self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Frame]: ...
    def __getitem__(self, index: int | slice) -> Frame | Sequence[Frame]:
        return tuple(self)[index]


def _frames(reads: Iterable[Read], *, is_stream: bool) -> Iterator[Frame]:
    kept = (read for read in reads if read.data)
    return _of_stream(kept) if is_stream else (Frame(read.data, recorded=read.at) for read in kept)


def _together(reads: Iterable[Read]) -> Iterator[Frame]:
    """Yield a frame for each read. What ends in the middle of an event is followed with a decoder until it is over."""
    decoder, held, is_begun = Decoder(), 0, False
    for read in reads:
        if is_begun and not held and _is_whole(read.data):
            events = _count(read.data)
        else:
            found = decoder.feed(read.data)
            held += len(read.data) - sum(len(frame.raw) for frame in found)
            events = sum(frame.events for frame in found)
        is_begun = True
        yield Together(read.data, recorded=read.at, events=events)


def _count(data: bytes) -> int:
    """Return how many events there are in whole frames, pings not counted, without reading those that the API wrote."""
    frames = data.count(_END)
    marks = (b"event: ", b'\ndata: {"type":"', b"}\n\n")
    if data.count(b"\n") == 3 * frames and all(data.count(mark) == frames for mark in marks):
        return frames - data.count(b"event: ping\n")
    return sum(frame.events for frame in decode(data))


def _of_stream(reads: Iterable[Read]) -> Iterator[Frame]:
    """Yield the frames of a stream, one group after the other: the reads up to one that ends with a frame."""
    decoder, held, is_begun = Decoder(), 0, False
    group: list[Read] = []
    raws: list[bytes] = []
    for read in reads:
        if is_begun and not held and _is_whole(read.data):  # most reads, of most streams
            for number, raw in enumerate(read.data[:-2].split(_END)):
                yield Frame(raw + _END, recorded=read.at, joined=number > 0)
            continue
        is_begun = True
        group.append(read)
        found = [frame.raw for frame in decoder.feed(read.data)]
        held += len(read.data) - sum(map(len, found))
        raws += found
        if not held:
            yield from _placed(raws, group)
            group, raws = [], []
    yield from _placed([*raws, *(frame.raw for frame in decoder.close())], group)


def _is_whole(data: bytes) -> bool:
    """Whether these bytes are whole frames, each of which ends at its first empty line, and all lines end in LF."""
    return data.endswith(_END) and not data.startswith(b"\n") and b"\r" not in data and b"\n\n\n" not in data


def _placed(raws: Iterable[bytes], reads: Iterable[Read]) -> Iterator[Frame]:
    """Yield the frames of these bytes, cut into chunks and timed as the reads were."""
    starts = _starts(reads)
    position, now = 0, None
    start, at = next(starts, (None, None))
    for raw in raws:
        end, splits = position + len(raw), []
        is_joined = start != position
        if not is_joined:
            now = at
            start, at = next(starts, (None, None))
        begun = now
        while start is not None and start < end:
            splits.append(Split(start - position, recorded=at, apart=False))
            now = at
            start, at = next(starts, (None, None))
        yield Frame(raw, recorded=begun, splits=tuple(splits), joined=is_joined)
        position = end


def _starts(reads: Iterable[Read]) -> Iterator[tuple[int, float | None]]:
    position = 0
    for read in reads:
        yield position, read.at
        position += len(read.data)


def is_coded(plan: Plan) -> bool:
    """Whether the bytes of the frames are compressed already, as the head says."""
    return plan.coding is Coding.IDENTITY and _coding(plan) != "identity"


def readable(plan: Plan, request: Request) -> Plan:
    """Return the plan as the client can read it: not compressed if it does not offer to take that."""
    coding = _coding(plan)
    if coding == "deflate":
        offered = (each.partition(";")[0].strip().lower() for each in (request.header("accept-encoding") or "").split(","))
        return plan if any(each in ("deflate", "*") for each in offered) else unpacked(plan)
    return plan if request.accepts_gzip else unpacked(plan)


def opened(plan: Plan) -> Plan:
    """Return a plan whose frames can be changed: what was compressed already is compressed as it is sent instead."""
    plain = unpacked(plan)
    opened = plan if plain is plan else compressed(plain)
    return opened if isinstance(opened.frames, tuple) else replace(opened, frames=tuple(opened.frames))


def unpacked(plan: Plan) -> Plan:
    """Return the plan without compression; the same plan if it has none, or one that cannot be undone."""
    if not is_coded(plan) or any(each.wait or each.splits or each.joined for each in plan.frames):
        return plan
    reads = [Read(frame.raw, frame.recorded) for frame in plan.frames]
    found, problem = inflated(reads, _coding(plan))
    if problem not in (None, Damage.CUT_OFF):
        return plan
    last = plan.frames[-1:] if plan.frames and not plan.frames[-1].raw else ()
    head = plan.head.with_headers([("content-encoding", None), ("content-length", None)])
    return replace(plan, head=head, frames=(*frames_of(found, is_stream=plan.is_stream), *last))


def _coding(plan: Plan) -> str:
    return (plan.head.get("content-encoding") or "identity").strip().lower()
