"""Recorded bodies: from the reads in which one arrived to the frames that are sent again, compressed or not.

Each read becomes one chunk: a frame that begins in the middle of a read is joined to the frame before it, and one that goes on
in another read is split there.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from streamlab.core.exchange import Read, Request
from streamlab.core.plan import Coding, Plan, compressed
from streamlab.core.sse import Decoder, Frame, Split

__all__ = ["frames_of", "is_coded", "opened", "readable", "unpacked"]

_ZLIB_OR_GZIP, _RAW = 47, -15
"""How `zlib` is told what to expect: either of two formats by their first bytes, or the bare one that some servers send."""
_END = b"\n\n"
"""How the API ends a frame."""
_KNOWN = ("gzip", "x-gzip", "deflate")
_MOST = 256 * 1024 * 1024
"""The most bytes that a body is unpacked to: a few thousand could be made into any number."""


def frames_of(reads: Iterable[Read], *, is_stream: bool) -> tuple[Frame, ...]:
    """Return the frames of a body: those of its events if it is a stream, else one for each read that brought bytes."""
    kept = (read for read in reads if read.data)
    return tuple(_of_stream(kept) if is_stream else (Frame(read.data, recorded=read.at) for read in kept))


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
        begun = latest = now
        while start is not None and start < end:
            latest = at if at is not None else latest or 0.0
            splits.append(Split(start - position, recorded=latest))
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
    return plan if plain is plan else compressed(plain)


def unpacked(plan: Plan) -> Plan:
    """Return the plan without compression; the same plan if it has none, or one that cannot be undone."""
    if (
        not is_coded(plan)
        or _coding(plan) not in _KNOWN
        or any(each.wait or each.splits or each.joined for each in plan.frames)
    ):
        return plan
    reads = [Read(frame.raw, frame.recorded) for frame in plan.frames]
    found = _inflated(reads, _ZLIB_OR_GZIP)
    if found is None and _coding(plan) == "deflate":
        found = _inflated(reads, _RAW)
    if found is None:
        return plan
    last = plan.frames[-1:] if plan.frames and not plan.frames[-1].raw else ()
    head = plan.head.with_headers([("content-encoding", None), ("content-length", None)])
    return replace(plan, head=head, frames=(*frames_of(found, is_stream=plan.is_stream), *last))


def _inflated(reads: Iterable[Read], wbits: int) -> list[Read] | None:
    """Return what each read adds to the body; None if it is no such compression, or too much. What is missing is no error."""
    stream, found, total = zlib.decompressobj(wbits), [], 0
    for read in reads:
        data, made = read.data, b""
        while data:
            try:
                made += stream.decompress(data, _MOST + 1 - total - len(made))
            except zlib.error:
                return None
            if stream.unconsumed_tail or total + len(made) > _MOST:
                return None
            data = stream.unused_data if stream.eof else b""
            stream = zlib.decompressobj(wbits) if data else stream  # gzip allows several after one another
        total += len(made)
        found.append(Read(made, read.at))
    return found


def _coding(plan: Plan) -> str:
    return (plan.head.get("content-encoding") or "identity").strip().lower()
