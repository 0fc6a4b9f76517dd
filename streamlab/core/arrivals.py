"""Arrivals: a recorded answer read as events, with when and how their bytes came, and what that sums up to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from streamlab.core.bodies import frames_of
from streamlab.core.exchange import Exchange, Read
from streamlab.core.inflation import MOST, Damage, inflated
from streamlab.core.messages import fold
from streamlab.core.sse import Event, Frame

__all__ = ["Arrived", "Silence", "Sums"]

_DELTA = b"event: content_block_delta\n"
_IDENTITY = ("", "identity")
_DAMAGES = {
    Damage.UNKNOWN: "compressed with {coding}, which is not read",
    Damage.DAMAGED: "the {coding} is damaged from there on",
    Damage.TOO_LARGE: f"larger than {MOST // 1024 // 1024} MiB when decompressed; the rest is not read",
    Damage.CUT_OFF: "the {coding} is cut off",
}
_PIECES = ("text", "thinking", "partial_json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A time in which nothing came, in seconds, and where it was: in words."""

    seconds: float
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What an answer adds up to. Times are in seconds; what is not known, or not there, is None.

    `size` is in bytes, as they came. `first` is from the request to the head, `first_token` from the head to the first piece of
    content, `duration` from the request (the head, if `first` is None) to the ending, `streaming` from the first piece of
    content to the `message_delta`.
    """

    events: int
    pings: int
    reads: int
    size: int
    model: str | None
    stop_reason: str | None
    output_tokens: int | None
    error: str | None
    first: float | None
    first_token: float | None
    duration: float | None
    streaming: float | None
    silence: Silence | None

    @property
    def time_to_first_token(self) -> float | None:
        """Seconds from the request (from the head, if its time is not known) to the first piece of content."""
        return None if self.first_token is None else (self.first or 0.0) + self.first_token

    @property
    def tokens_per_second(self) -> float | None:
        """The tokens of the output by the time in which they came."""
        return self.output_tokens / self.streaming if self.output_tokens and self.streaming else None


@dataclass(frozen=True)
class Arrived:
    """An exchange whose answer is read: decompressed, cut into frames."""

    exchange: Exchange

    @cached_property
    def is_stream(self) -> bool:
        """Whether the answer says that it is an event stream."""
        head = self.exchange.head
        return head is not None and (head.get("content-type") or "").lower().startswith("text/event-stream")

    @cached_property
    def coding(self) -> str:
        """How the body was compressed; empty if it was not."""
        head = self.exchange.head
        coding = "" if head is None else (head.get("content-encoding") or "").strip().lower()
        return "" if coding in _IDENTITY else coding

    @property
    def reads(self) -> Sequence[Read]:
        """The body as it came, decompressed as far as possible."""
        return self._plain[0]

    @property
    def problem(self) -> str | None:
        """Why the body could not be decompressed, or not to its end."""
        return self._plain[1]

    @property
    def body(self) -> bytes:
        """The body, decompressed as far as possible."""
        return b"".join(read.data for read in self.reads)

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """The frames of a stream, and when they came; none if the body is no stream."""
        return tuple(frames_of(self.reads, is_stream=True)) if self.is_stream else ()

    @property
    def events(self) -> Iterator[Event]:
        """The events of a stream."""
        return (frame.event for frame in self.frames if frame.event is not None)

    @cached_property
    def message(self) -> Any:
        """What the answer says: the message of a stream, or a JSON body; None if it is neither."""
        if self.is_stream:
            return fold(self.events)
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @cached_property
    def sums(self) -> Sums:
        """What it adds up to."""
        found = _Found()
        for frame in self.frames:
            found.note(frame)
        if not self.is_stream and isinstance(self.message, dict):
            found.note_body(self.message)
        exchange, reads = self.exchange, self.exchange.reads
        end = exchange.ended_at if exchange.ended_at is not None else reads[-1].at if reads else None
        is_timed = None not in (found.first_token, found.last)
        return Sums(
            events=found.events,
            pings=found.pings,
            reads=len(reads),
            size=sum(len(read.data) for read in reads),
            model=found.model,
            stop_reason=found.stop_reason,
            output_tokens=found.output_tokens,
            error=found.error,
            first=exchange.first,
            first_token=found.first_token,
            duration=None if end is None else (exchange.first or 0.0) + end,
            streaming=found.last - found.first_token if is_timed else None,  # type: ignore[operator]
            silence=_longest_silence(self),
        )

    @cached_property
    def _plain(self) -> tuple[Sequence[Read], str | None]:
        if not self.coding:
            return self.exchange.reads, None
        found, damage = inflated(self.exchange.reads, self.coding)
        return found, None if damage is None else _DAMAGES[damage].format(coding=self.coding)


@dataclass(slots=True)
class _Found:
    """What the frames of a stream have told so far."""

    events: int = 0
    pings: int = 0
    model: str | None = None
    stop_reason: str | None = None
    output_tokens: int | None = None
    error: str | None = None
    first_token: float | None = None
    last: float | None = None
    has_content: bool = False

    def note(self, frame: Frame) -> None:
        """Take the next frame."""
        if self.has_content and frame.raw.startswith(_DELTA) and frame.raw.endswith(b"}\n\n"):
            self.events += 1  # nothing else is asked of it
            return
        event = frame.event
        if event is None:
            return
        kind = event["type"]
        self.events += 1
        self.pings += kind == "ping"
        if kind == "content_block_delta" and not self.has_content and _has_piece(event.get("delta")):
            self.has_content, self.first_token = True, _came(frame)
        elif kind == "message_start":
            self.note_body(event.get("message"))
        elif kind == "message_delta":
            self.note_body({**_mapping(event.get("delta")), "usage": event.get("usage")})
            self.last = _came(frame)
        elif kind == "error":
            self.note_body(event)

    def note_body(self, message: Any) -> None:
        """Take what a message, or a part of one, or an error says of itself."""
        message = _mapping(message)
        self.model = _text(message.get("model")) or self.model
        self.stop_reason = _text(message.get("stop_reason")) or self.stop_reason
        tokens = _mapping(message.get("usage")).get("output_tokens")
        self.output_tokens = tokens if type(tokens) is int else self.output_tokens
        error = _mapping(message.get("error"))
        self.error = _text(error.get("type")) or ("error" if message.get("type") == "error" else self.error)


def _has_piece(delta: Any) -> bool:
    return any(_mapping(delta).get(name) for name in _PIECES)


def _came(frame: Frame) -> float | None:
    """Return when the last byte of a frame came."""
    return frame.splits[-1].recorded if frame.splits else frame.recorded


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _longest_silence(arrived: Arrived) -> Silence | None:
    """Return the longest time without a byte after the head; None if no times are known."""
    longest, where = -1.0, ""
    last: float | None = 0.0
    for at, place in _moments(arrived):
        if last is not None and at is not None and at - last > longest:
            longest, where = at - last, place
        last = at
    return Silence(seconds=longest, where=_named(where, arrived)) if longest >= 0 else None


def _moments(arrived: Arrived) -> Iterator[tuple[float | None, str]]:
    """Yield when something came, and how the place before it is called."""
    for number, frame in enumerate(arrived.frames, 1):
        yield frame.recorded, f"before event {number}"
        for split in frame.splits:
            yield split.recorded, f"inside event {number}"
    for number, read in enumerate(() if arrived.frames else arrived.reads, 1):
        yield read.at, f"before read {number}"
    if arrived.exchange.ended_at is not None:
        yield arrived.exchange.ended_at, "before the end"


def _named(where: str, arrived: Arrived) -> str:
    """Return a place with the type of the event that it names."""
    words = where.split()
    kind = arrived.frames[int(words[-1]) - 1].type if "event" in words else None
    return f"{where} ({kind})" if kind else where
