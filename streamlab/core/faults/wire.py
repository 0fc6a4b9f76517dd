"""Faults of the wire: how the bytes are sent, where sending stops, and where it pauses."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import ClassVar, Literal

from streamlab.core.durations import FOREVER, seconds
from streamlab.core.faults.base import AtPlace, Chosen, Example, OfEvents, OfHead, has_end, register, silence_at
from streamlab.core.faults.fields import as_bytes, check_word, is_whole
from streamlab.core.pacing import KEEP_ALIVE, silence
from streamlab.core.places import BEFORE_HEAD, Place, Point, spots
from streamlab.core.plan import Coding, Ending, Plan
from streamlab.core.selection import ALL, Selection, require_stream
from streamlab.core.sse import Frame, Split
from streamlab.errors import FaultError

__all__ = ["ContentLength", "CorruptChunk", "Cut", "Join", "SplitFrames", "Stall", "Trailing"]

_CUTS = {"end": Ending.END, "fin": Ending.FIN, "reset": Ending.RESET}
_CHARACTERS = "characters"
_CONTINUATION = range(0x80, 0xC0)
_SIZE = re.compile(r"\s*[0-9A-Fa-f]|\Z")


@register("cut")
@dataclass(frozen=True, slots=True)
class Cut(AtPlace):
    """The answer stops here.

    `how` is `end` (the body's end mark comes early, so HTTP sees nothing wrong), `fin` (the connection is closed without the
    end mark) or `reset` (TCP RST, once the client has acknowledged what precedes it).
    A silence that is already asked for here comes before it. `before: headers` closes before anything is sent.
    """

    how: Literal["end", "fin", "reset"] = "fin"

    examples: ClassVar = (
        Example("clean end after a delta", "cut: end, after: delta 3", "text 'One two three', no tool, stop_reason None"),
        Example("clean end inside an event", "cut: end, at: text char 5", "text 'One', no tool, stop_reason None"),
        Example(
            "clean end inside the input of a tool",
            "cut: end, at: tool_use char 12",
            "tool input {}, stop_reason None",
            create='tool input {"locatio, stop_reason None',
        ),
        Example("clean end before message_stop", "cut: end, before: message_stop", "the whole message"),
        Example("empty body", "cut: end, at: headers", "raises AssertionError", create="text '', no tool, stop_reason None"),
        Example("connection closed in mid-stream", "cut: fin, after: delta 3", "raises RemoteProtocolError"),
        Example("connection closed inside a character", "cut: fin, at: byte 700", "raises RemoteProtocolError"),
        Example("connection reset in mid-stream", "cut: reset, after: delta 3", "raises ReadError"),
        Example("connection closed before the headers", "cut: fin, before: headers", "raises APIConnectionError, an APIError"),
        Example("connection reset before the headers", "cut: reset, before: headers", "raises APIConnectionError, an APIError"),
    )

    def __post_init__(self) -> None:
        check_word(self.how, "how", _CUTS, "is not a way to cut")
        AtPlace.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan up to the place, with the ending asked for."""
        del rng
        point = self.point(plan)
        if point.frame == BEFORE_HEAD and self.how == "end":
            hint = "use fin or reset, or at: headers"
            raise FaultError("an answer cannot end cleanly before its headers", key=("how",), hint=hint)
        return _cut(plan, point, _CUTS[self.how])


@register("stall")
@dataclass(frozen=True, slots=True)
class Stall(AtPlace):
    """Nothing is sent here for a time (`2s`, `400ms`, a number of seconds), or `forever`: until the client leaves.

    A stall is a dead silence: no ping is sent in it, unless `pings` is true: then one comes every 15 seconds, as in the API's
    own long silences. `before: headers` makes the headers slow, or no answer at all.
    """

    time: str | float = FOREVER
    pings: bool = field(default=False, kw_only=True)

    examples: ClassVar = (
        Example("stall in mid-stream", "stall: forever, after: delta 3", "raises ReadTimeout"),
        Example("stall before the first token", "stall: forever, before: delta 1", "raises ReadTimeout"),
        Example("kept open after message_stop", "stall: forever, after: message_stop", "raises ReadTimeout"),
        Example("long silence with pings", "stall: 16s, pings: true, after: delta 3", "the whole message"),
        Example("slow headers", "stall: 20ms, before: headers", "the whole message"),
        Example("no answer", "stall: forever, before: headers", "raises APITimeoutError, an APIError"),
    )

    def __post_init__(self) -> None:
        time = seconds(self.time, key="time", allow_forever=True)
        if not isinstance(self.pings, bool):
            raise FaultError(f"{self.pings!r} is neither true nor false", key=("pings",), hint="write pings: true")
        if self.pings and time == math.inf:
            hint = "write how long it lasts, for example: stall: 1m, pings: true"
            raise FaultError("a stall for ever carries no pings", key=("pings",), hint=hint)
        if self.pings and time <= KEEP_ALIVE:
            hint = f"a ping comes every {KEEP_ALIVE:g} seconds: write a longer time, or leave pings out"
            raise FaultError(f"a silence of {self.time!r} is over before its first ping", key=("pings",), hint=hint)
        AtPlace.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the silence in it. Raises FaultError if pings are to be in it and cannot be."""
        del rng
        point, time = self.point(plan), seconds(self.time, key="time", allow_forever=True)
        if self.pings:
            return self._with_pings(plan, point, time)
        if time == math.inf:
            return _cut(plan, point, Ending.HANG)
        if point.frame == BEFORE_HEAD:
            return replace(plan, head=replace(plan.head, wait=plan.head.wait + time))
        frames = list(plan.frames)
        if point.frame == len(frames):
            frames += [Frame(b"", wait=time)] if time else []
        elif point.offset == 0:
            frames[point.frame] = replace(frames[point.frame], wait=frames[point.frame].wait + time, joined=False)
        else:
            frames[point.frame] = _split(frames[point.frame], Split(point.offset, time))
        return replace(plan, frames=tuple(frames))

    def _with_pings(self, plan: Plan, point: Point, time: float) -> Plan:
        require_stream(plan, "pings")
        if point.offset:
            hint = "use the place of an event or a delta, or leave pings out"
            raise FaultError("pings cannot stand inside a frame", key=("pings",), hint=hint)
        pings, rest = silence(time)
        return self.inserted(plan, *pings, Frame(b"", wait=rest))


@register("split")
@dataclass(frozen=True, slots=True)
class SplitFrames(OfEvents):
    """Frames are sent in pieces of `every` bytes, or are split inside each character of several bytes (`characters`).

    Each piece is a chunk and a write of its own, `wait` seconds after the one before it in the frame (`2ms`; none by default).
    A body without events, such as JSON, is split as well.
    """

    every: int | str = 1
    wait: str | float = 0.0

    examples: ClassVar = (
        Example("one byte at a time", "split: 1", "the whole message"),
        Example("split every 7 bytes", "split: 7", "the whole message"),
        Example("split inside characters", "split: characters", "the whole message"),
    )

    def __post_init__(self) -> None:
        if self.every != _CHARACTERS and not (is_whole(self.every) and self.every > 0):
            hint = f"write a number of bytes from 1, or {_CHARACTERS}"
            raise FaultError(f"{self.every!r} is no size of a piece", key=("every",), hint=hint)
        seconds(self.wait, key="wait")
        OfEvents.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the splits in it. Raises FaultError if there is no character to be split."""
        del rng
        made = self.changed(plan, self._split)
        if self.every == _CHARACTERS and made == plan:
            hint = "characters outside ASCII have several bytes: put one in the text"
            raise FaultError("no character here has more than one byte", key=("every",), hint=hint)
        return made

    def _split(self, frame: Frame) -> Frame:
        offsets = self._offsets(frame)
        if not offsets and (isinstance(self.every, str) or not frame.joined):
            return frame
        wait = seconds(self.wait, key="wait")
        splits = (*(Split(offset, wait) for offset in offsets), *frame.splits)
        return replace(frame, splits=tuple(sorted(splits, key=lambda each: each.offset)), joined=False)

    def _offsets(self, frame: Frame) -> Sequence[int]:
        if isinstance(self.every, str):
            return _inside_characters(frame.raw)
        return range(self.every, len(frame.raw), self.every)

    def places(self, plan: Plan) -> Iterator[Place]:
        """Yield the place of every event; of those with such a character, if it is characters that are split."""
        return (
            Place(f"event {spot.number}")
            for spot in spots(plan)
            if self.every != _CHARACTERS or self._offsets(plan.frames[spot.frame])
        )


@register("join")
@dataclass(frozen=True, slots=True)
class Join(Chosen):
    """Frames come together in one chunk and one write, when the last of them is due: as behind a proxy that buffers.

    `events` says which: `all`, `every …`, or a list of places; frames between them come along.
    """

    events: Selection = ALL

    is_wish: ClassVar[bool] = True
    examples: ClassVar = (Example("everything in one write", "join: all", "the whole message"),)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the frames in one chunk; the splits within them are gone, the silences add up."""
        del rng
        wanted = self.selected(plan)
        if not wanted:
            return plan
        first, last = wanted[0], wanted[-1]
        frames = [
            _in_one(frame, joined=index > first) if first <= index <= last else frame for index, frame in enumerate(plan.frames)
        ]
        return replace(plan, frames=tuple(frames))


@register("corrupt_chunk")
@dataclass(frozen=True, slots=True)
class CorruptChunk(AtPlace):
    """The chunked coding of the body breaks here: `line` stands where the size of a chunk belongs.

    After it the connection is closed.
    """

    line: str = "XYZ"

    examples: ClassVar = (Example("corrupt chunk header", "corrupt_chunk: XYZ, after: delta 3", "raises RemoteProtocolError"),)

    def __post_init__(self) -> None:
        if not isinstance(self.line, str) or not self.line.isascii() or _SIZE.match(self.line):
            hint = "write a text that is no hexadecimal number, for example: corrupt_chunk: XYZ"
            raise FaultError(f"{self.line!r} corrupts no chunk", key=("line",), hint=hint)
        AtPlace.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan up to the place, then the corrupt chunk. Raises FaultError if the body does not come in chunks."""
        del rng
        if plan.is_sized:
            hint = "use it on a stream, or cut: fin"
            raise FaultError("this body has a length and does not come in chunks", key=("line",), hint=hint)
        point = self.point(plan)
        if point.frame == BEFORE_HEAD:
            raise FaultError("there is no chunk before the headers", key=("before",), hint="write at: headers")
        return replace(_cut(plan, point, Ending.CORRUPT), trailing=f"{self.line}\r\n".encode())

    def places(self, plan: Plan) -> Iterator[Place]:
        """Yield the place of every event, if the body comes in chunks."""
        return iter(()) if plan.is_sized else AtPlace.places(self, plan)


@register("content_length")
@dataclass(frozen=True, slots=True)
class ContentLength(OfHead):
    """The head states a length that is `error` bytes more than the body has, or fewer; the body does not come in chunks.

    When the body has been sent the connection is closed, since what is on it makes no sense any more.
    """

    error: int = 10

    examples: ClassVar = (
        Example("content-length too large", "content_length: 10", "raises RemoteProtocolError"),
        Example("content-length too small", "content_length: -10", "the whole message"),
    )

    def __post_init__(self) -> None:
        if not is_whole(self.error) or not self.error:
            hint = "write how many bytes more, or fewer: 10 or -10"
            raise FaultError(f"{self.error!r} is no error of a length", key=("error",), hint=hint)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the wrong length. Raises FaultError if the body is shorter than what it is to lack."""
        del rng
        if plan.coding is not Coding.IDENTITY:
            problem = "the body is compressed as it is sent, so that no length of it is known"
            raise FaultError(problem, key=("error",), hint="take one of the two out")
        if plan.trailing:
            problem = "a body with a wrong length has neither chunks nor an end, which a fault before this one changes"
            raise FaultError(problem, key=("error",), hint="take one of the two faults out")
        size = len(plan.body)
        if size + self.error < 0:
            problem = f"the body has {size} bytes, which is fewer than {-self.error}"
            raise FaultError(problem, key=("error",), hint=f"write at least {-size}")
        return replace(plan, head=plan.head.with_headers([("content-length", str(size + self.error))]))


@register("trailing")
@dataclass(frozen=True, slots=True)
class Trailing(OfHead):
    """Bytes come after the end of the body, on a connection that stays open: the start of the next answer, for the client."""

    data: str | bytes = "garbage"

    examples: ClassVar = (Example("bytes after the end of the body", "trailing: garbage", "the whole message"),)

    def __post_init__(self) -> None:
        if not isinstance(self.data, str | bytes) or not self.data:
            raise FaultError(f"a text is expected, not {self.data!r}", key=("data",), hint="for example: trailing: garbage")

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the bytes after it. Raises FaultError if the body has no end that they could come after."""
        del rng
        if not has_end(plan):
            problem = "the body is broken off, so nothing comes after its end"
            raise FaultError(problem, key=("data",), hint="take one of the two faults out")
        if plan.head.get("content-length") not in (None, str(len(plan.body))):
            problem = "the head states a wrong length, after which the connection is closed: nothing comes after the body"
            raise FaultError(problem, key=("data",), hint="take one of the two faults out")
        return replace(plan, trailing=plan.trailing + as_bytes(self.data))


def _cut(plan: Plan, point: Point, ending: Ending) -> Plan:
    """End the plan at the point, after the silence that it already asks for there."""
    if point.frame == BEFORE_HEAD:
        return replace(plan, head=replace(plan.head, is_sent=False), frames=(), ending=ending, trailing=b"")
    is_end = not point.offset and not any(frame.raw for frame in plan.frames[point.frame :])
    if is_end and not has_end(plan):
        problem = f"the answer ends here already ({plan.ending.value})"
        raise FaultError(problem, hint="take this fault out, or the one before it that ends the answer")
    frames = tuple(plan.frames[: point.frame])
    if point.offset:
        last = plan.frames[point.frame]
        splits = tuple(split for split in last.splits if split.offset <= point.offset)
        frames += (replace(last, raw=last.raw[: point.offset], splits=splits),)
    elif wait := silence_at(plan, point):
        frames += (Frame(b"", wait=wait),)
    trailing = plan.trailing if ending is Ending.END and has_end(plan) else b""
    return replace(plan, frames=frames, ending=ending, trailing=trailing)


def _in_one(frame: Frame, *, joined: bool) -> Frame:
    """Return the frame without splits, as late as the last of its pieces."""
    if not frame.splits and frame.joined == joined:
        return frame
    recorded = max(
        (each for each in (frame.recorded, *(split.recorded for split in frame.splits)) if each is not None), default=None
    )
    wait = frame.wait + sum(split.wait for split in frame.splits)
    return replace(frame, joined=joined, wait=wait, recorded=recorded, splits=())


def _split(frame: Frame, split: Split) -> Frame:
    return replace(frame, splits=tuple(sorted((*frame.splits, split), key=lambda each: each.offset)))


def _inside_characters(raw: bytes) -> list[int]:
    """Return the offsets inside the characters that take several bytes in UTF-8."""
    return [offset for offset, byte in enumerate(raw) if byte in _CONTINUATION and offset]
