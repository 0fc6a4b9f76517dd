"""Actions: the few things a server does; and a script: the actions of one answer.

This is where a plan becomes bytes of HTTP/1.1: head, chunks, end mark. Each frame is one chunk, and chunks that are due
together are one `Send`; a frame that is split is a chunk and a `Send` for each piece. Nothing after this looks inside.

A body whose length is not the one that its head states leaves a connection on which nothing makes sense: it is closed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

from streamlab.core.plan import BODYLESS, Coding, Ending, Head, Plan
from streamlab.core.sse import Frame

__all__ = ["Abort", "Action", "Finish", "Framing", "Hang", "Opening", "Send", "Wait", "chunk", "head_bytes", "script"]

_MOST_AT_ONCE = 256 * 1024
"""Bytes after which a `Send` ends, so that a slow client holds back the making of what follows."""
_REASONS = {status.value: status.phrase for status in HTTPStatus} | {529: "Overloaded"}


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes; they complete so many events."""

    data: bytes
    events: int = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until so many seconds after the start of the answer."""

    until: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Send nothing more; wait until the client leaves."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The answer is over; the connection is kept for the next request, or closed."""

    ending: Ending = Ending.COMPLETE
    keep_alive: bool = True


@dataclass(frozen=True, slots=True)
class Abort:
    """End the connection: by closing it, or by a reset once the peer has acknowledged what was sent."""

    ending: Ending = Ending.FIN


Action = Send | Wait | Hang | Finish | Abort


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """What the request allows: chunks (HTTP/1.1), a kept connection, a body at all (not for HEAD)."""

    chunked: bool = True
    keep_alive: bool = True
    has_body: bool = True


def script(plan: Plan, timed: Iterable[tuple[float, Frame]], framing: Framing, *, first: float = 0.0) -> Iterator[Action]:
    """Yield the actions that send `plan`, whose frames come with their due times, `first` seconds after the request."""
    first += plan.head.wait
    if first:
        yield Wait(first)
    if not plan.head.is_sent:
        yield _last(plan.ending, is_kept=False)
        return
    opening = Opening(plan.head, framing)
    pending, events = bytearray(opening.head), 0
    now, body = 0.0, _Body(plan, is_chunked=opening.is_chunked)
    is_apart = False
    for part in _parts(timed) if opening.has_body else ():
        if part.due > now or len(pending) > _MOST_AT_ONCE or part.is_apart or is_apart:
            if pending:
                yield Send(bytes(pending), events)
                pending, events = bytearray(), 0
            if part.due > now:
                yield Wait(first + part.due)
                now = part.due
        pending += body.chunk(part.data)
        events += part.events
        is_apart = part.is_apart
    pending += body.end() if opening.has_body else b""
    if pending:
        yield Send(bytes(pending), events)
    is_whole = not opening.has_body or plan.head.get("content-length") in (None, str(body.size))
    ending = plan.ending if is_whole or plan.ending not in (Ending.COMPLETE, Ending.END) else Ending.FIN
    yield _last(ending, is_kept=opening.is_kept)


class Opening:
    """How an answer begins: its head in bytes, whether a body follows, in chunks or not, and whether the connection is kept."""

    __slots__ = ("has_body", "head", "is_chunked", "is_kept")

    def __init__(self, head: Head, framing: Framing) -> None:
        self.has_body = framing.has_body and head.status not in BODYLESS
        if head.status == HTTPStatus.NO_CONTENT:
            head = head.with_headers([("content-length", None)])
        is_sized = head.get("content-length") is not None
        self.is_chunked = framing.chunked and not is_sized and self.has_body
        is_told = is_sized or self.is_chunked or not self.has_body
        self.is_kept = framing.keep_alive and is_told and (head.get("connection") or "").lower() != "close"
        self.head = head_bytes(head, is_chunked=self.is_chunked, is_kept=self.is_kept)


def head_bytes(head: Head, *, is_chunked: bool, is_kept: bool) -> bytes:
    """Return a head as it is sent, with the headers that frame the body."""
    framing = (("transfer-encoding", "chunked"),) if is_chunked and head.get("transfer-encoding") is None else ()
    connection = (("connection", "keep-alive" if is_kept else "close"),) if head.get("connection") is None else ()
    lines = "".join(f"{name}: {value}\r\n" for name, value in (*head.headers, *framing, *connection))
    reason = _REASONS.get(head.status, "Unknown")
    return f"HTTP/1.1 {head.status} {reason}\r\n{lines}\r\n".encode("latin-1", "replace")


def chunk(data: bytes) -> bytes:
    """Return bytes as one chunk of a body (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@dataclass(slots=True)
class _Part:
    """What goes into one chunk: when it is due, its bytes, how many events it completes, and whether it is sent on its own."""

    due: float
    pieces: list[bytes]
    events: int
    is_apart: bool

    @property
    def data(self) -> bytes:
        """Its bytes."""
        return self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)


def _parts(timed: Iterable[tuple[float, Frame]]) -> Iterator[_Part]:
    """Yield the chunks of a body; one is due when the last of what is joined in it is."""
    part: _Part | None = None
    for due, frame in timed:
        pieces = _pieces(due, frame) if frame.splits else iter((_Part(due, [frame.raw], frame.events, is_apart=False),))
        if part is not None and frame.joined:
            first = next(pieces)
            part.due = max(part.due, first.due)
            part.pieces += first.pieces
            part.events += first.events
        for piece in pieces:
            if part is not None:
                yield part
            part = piece
    if part is not None:
        yield part


def _pieces(due: float, frame: Frame) -> Iterator[_Part]:
    """Yield the pieces of a frame that is split; those that a fault split off are sent on their own."""
    start, is_apart = 0, any(split.apart for split in frame.splits)
    for split in frame.splits:
        yield _Part(due, [frame.raw[start : split.offset]], 0, is_apart)
        start, due = split.offset, due + split.wait
    yield _Part(due, [frame.raw[start:]], frame.events, is_apart)


class _Body:
    """Codes a body and cuts it into chunks."""

    def __init__(self, plan: Plan, *, is_chunked: bool) -> None:
        self._plan, self._is_chunked = plan, is_chunked
        self._coder = _CODERS[plan.coding]()
        self.size = 0

    def chunk(self, data: bytes) -> bytes:
        """Return what is sent for these bytes."""
        self.size += len(data)
        return self._framed(self._coder.add(data))

    def end(self) -> bytes:
        """Return what is sent after the last of them: the end mark, and what trails it or stands in its place."""
        if self._plan.ending is Ending.CORRUPT:
            return self._plan.trailing if self._is_chunked else b""
        if self._plan.ending not in (Ending.COMPLETE, Ending.END):
            return b""
        return self._framed(self._coder.close()) + (b"0\r\n\r\n" if self._is_chunked else b"") + self._plan.trailing

    def _framed(self, data: bytes) -> bytes:
        return chunk(data) if data and self._is_chunked else data


class _Identity:
    """Leaves the bytes of a body as they are."""

    def add(self, data: bytes) -> bytes:
        """Return what is sent for these bytes."""
        return data

    def close(self) -> bytes:
        """Return what is sent at the end."""
        return b""


class _Gzip(_Identity):
    """Compresses a body, with a flush after each piece so that it arrives at once (`wire.md`, section 4)."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(wbits=31)

    def add(self, data: bytes) -> bytes:
        """Return the compressed bytes, up to a flush."""
        return self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH) if data else b""

    def close(self) -> bytes:
        """Return the last block, the checksum and the length."""
        return self._compressor.flush()


class _BadChecksum(_Gzip):
    """Compresses a body, and says of it a checksum that is not its own."""

    def close(self) -> bytes:
        """Return the last block, the wrong checksum and the length."""
        end = super().close()
        checksum = bytes(255 - each for each in end[-_TRAILER:-_LENGTH])
        return end[:-_TRAILER] + checksum + end[-_LENGTH:]


class _NoTrailer(_Gzip):
    """Compresses a body, and breaks off before the last block."""

    def close(self) -> bytes:
        """Return nothing."""
        return b""


_TRAILER, _LENGTH = 8, 4
"""The checksum and the length that end a body in gzip, in bytes, and the length alone (RFC 1952, 2.3.1)."""
_CODERS: dict[Coding, type[_Identity]] = {
    Coding.IDENTITY: _Identity,
    Coding.GZIP: _Gzip,
    Coding.BAD_CHECKSUM: _BadChecksum,
    Coding.NO_TRAILER: _NoTrailer,
}


def _last(ending: Ending, *, is_kept: bool) -> Action:
    if ending is Ending.HANG:
        return Hang()
    if ending in (Ending.COMPLETE, Ending.END):
        return Finish(ending, is_kept)
    return Abort(ending)
