"""A plan: a whole answer before any of it is sent. Head, frames, ending.

Everything that answers a request makes a plan; every fault turns a plan into a plan; a script is made of nothing else.
A JSON body is a plan with one frame that carries no event.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from streamlab.core.sse import Frame

__all__ = [
    "BODYLESS",
    "EVENT_STREAM",
    "JSON",
    "STATUSES",
    "TOKEN",
    "Coding",
    "Ending",
    "Head",
    "Headers",
    "Plan",
    "compressed",
    "without",
]

Headers = tuple[tuple[str, str], ...]
"""Header fields in the order they are sent; a name may occur more than once."""

EVENT_STREAM = "text/event-stream; charset=utf-8"
JSON = "application/json"

STATUSES = range(200, 600)
"""The statuses that an answer can have; one below them announces another answer (RFC 9110, 15)."""
BODYLESS = (204, 304)
"""The statuses whose answers end with their head (RFC 9112, 6.3)."""
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""The name of a header, or of a method (RFC 9110, 5.6.2)."""


class Ending(StrEnum):
    """How an answer ends on the wire."""

    COMPLETE = "complete"
    """All of it was sent, and HTTP says so."""
    END = "end"
    """A part was sent, and HTTP says that it was all: the body's end mark comes early."""
    FIN = "fin"
    """The connection is closed without the body's end mark."""
    RESET = "reset"
    """The connection is reset (TCP RST) once the peer has acknowledged what precedes it."""
    CORRUPT = "corrupt"
    """The header of the next chunk is none, and the connection is closed."""
    HANG = "hang"
    """Nothing more is sent; the connection stays open until the client leaves."""


class Coding(StrEnum):
    """How a body is coded on its way."""

    IDENTITY = "identity"
    """Not at all."""
    GZIP = "gzip"
    """Compressed, with a flush after each chunk, so that it arrives at once (`wire.md`, section 4)."""
    BAD_CHECKSUM = "bad checksum"
    """The same, but the checksum at its end is that of other bytes."""
    NO_TRAILER = "no trailer"
    """The same, but its last block, checksum and length do not come."""


@dataclass(frozen=True, slots=True)
class Head:
    """The status and the headers of an answer, without those that frame the body.

    `wait` is the silence in seconds before it, whatever the pace; `recorded` is how long it took to come, in seconds after the
    request, if it was recorded. An answer that ends before its head has one that is not `is_sent`.
    """

    status: int = 200
    headers: Headers = ()
    wait: float = 0.0
    is_sent: bool = True
    recorded: float | None = None

    def get(self, name: str) -> str | None:
        """Return the first value of a header, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def with_headers(self, headers: Iterable[tuple[str, str | None]]) -> Head:
        """Return this head with these headers in the place of those of the same names; a value of None takes one out."""
        given = tuple(headers)
        kept = without(self.headers, {name for name, _ in given})
        return replace(self, headers=kept + tuple((name, value) for name, value in given if value is not None))


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole answer: its head, its body as frames, and how it ends; `coding` is applied to the body as it is sent.

    `trailing` bytes come after the end mark of the body, or in the place of a chunk's header if that is corrupt.
    """

    head: Head
    frames: Sequence[Frame] = ()
    ending: Ending = Ending.COMPLETE
    coding: Coding = Coding.IDENTITY
    trailing: bytes = b""

    @property
    def body(self) -> bytes:
        """Every byte of the body, before it is compressed and cut into chunks."""
        return b"".join(frame.raw for frame in self.frames)

    @property
    def is_sized(self) -> bool:
        """Whether the head states the length of the body, which then does not come in chunks."""
        return self.head.get("content-length") is not None

    @property
    def is_stream(self) -> bool:
        """Whether the answer says that it is an event stream."""
        return (self.head.get("content-type") or "").lower().startswith("text/event-stream")


def compressed(plan: Plan) -> Plan:
    """Return the plan with its body in gzip, as its head says; its length is not known in advance."""
    coding = (("content-encoding", "gzip"), ("vary", "Accept-Encoding"), ("content-length", None))
    return replace(plan, head=plan.head.with_headers(coding), coding=Coding.GZIP)


def without(headers: Headers, names: Iterable[str]) -> Headers:
    """Return the headers but for those of these names, in any case."""
    unwanted = {name.lower() for name in names}
    return tuple((name, value) for name, value in headers if name.lower() not in unwanted)
