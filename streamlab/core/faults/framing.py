"""Faults of framing: how the lines of server-sent events are written (HTML Living Standard, 9.2.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from typing import ClassVar, Literal

from streamlab.core.faults.base import Chosen, Example, OfEvents, data_of, register, with_data
from streamlab.core.faults.fields import check_number, check_word, is_whole
from streamlab.core.plan import Plan
from streamlab.core.selection import ALL, Selection, require_stream
from streamlab.core.sse import Frame
from streamlab.errors import FaultError

__all__ = ["DataLines", "EventId", "EventName", "LineEnd", "NoBlankLine", "NoSpace"]

_ENDS = {"lf": b"\n", "crlf": b"\r\n", "cr": b"\r"}
_LINE = re.compile(rb"\r\n|\n|\r")
_ABSENT = "absent"
_MOST_LINES = 1000
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+|\s+', re.DOTALL)
"""One token of JSON, or the space between two."""


@register("line_end")
@dataclass(frozen=True, slots=True)
class LineEnd(OfEvents):
    """Lines end in CR LF (`crlf`) or in CR alone (`cr`), which the standard allows, and which the API never sends."""

    how: Literal["lf", "crlf", "cr"] = "crlf"

    examples: ClassVar = (
        Example("crlf", "line_end: crlf", "the whole message"),
        Example("cr", "line_end: cr", "the whole message"),
        Example("crlf in one event", "line_end: crlf, of: delta 2", "the whole message"),
    )

    def __post_init__(self) -> None:
        check_word(self.how, "how", _ENDS, "is not the end of a line")
        OfEvents.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with other ends of lines; what is split stays so, between the same characters."""
        del rng
        require_stream(plan, "how")
        return self.changed(plan, self._ended)

    def _ended(self, frame: Frame) -> Frame:
        end = _ENDS[self.how]
        raw = _LINE.sub(end, frame.raw)
        if raw == frame.raw:
            return frame
        grown = [(found.start(), len(end) - len(found[0])) for found in _LINE.finditer(frame.raw)]
        splits = (replace(split, offset=split.offset + _grown_before(split.offset, grown)) for split in frame.splits)
        return replace(frame, raw=raw, splits=tuple(splits))


@register("event_name")
@dataclass(frozen=True, slots=True)
class EventName(OfEvents):
    """The `event:` line says another name than the `type` in the data, or does not come (`absent`): data-only frames."""

    text: str = "message"

    examples: ClassVar = (
        Example("event name that disagrees with the type", "event_name: message, of: delta 1", "the whole message"),
        Example("data-only frames", "event_name: absent", "raises AssertionError", create="text '', no tool, stop_reason None"),
    )

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not self.text.isprintable():
            hint = "write a name in one line, or absent"
            raise FaultError(f"{self.text!r} is not the name of an event", key=("text",), hint=hint)
        OfEvents.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with other names."""
        del rng
        require_stream(plan, "text")
        return self.changed(plan, self._named, data=True)

    def _named(self, frame: Frame) -> Frame:
        lines = [line for line in _lines(frame.raw) if not line.startswith(b"event:")]
        if self.text != _ABSENT:
            lines.insert(0, f"event: {self.text}".encode() + _end(frame.raw))
        return _with_raw(frame, b"".join(lines))


@register("data_lines")
@dataclass(frozen=True, slots=True)
class DataLines(OfEvents):
    """The data of an event comes in `count` lines, each with its `data:`, which the client has to join with line feeds.

    JSON is cut between its tokens, so that one which has fewer of them comes in fewer lines.
    """

    count: int = 2

    examples: ClassVar = (Example("several data lines", "data_lines: 3", "the whole message"),)

    def __post_init__(self) -> None:
        check_number(self.count, "count", range(2, _MOST_LINES + 1), "is no number of lines")
        OfEvents.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the data in several lines; JSON is cut between its tokens, so that it stays the same JSON."""
        del rng
        require_stream(plan, "count")
        return self.changed(plan, self._cut, data=True)

    def _cut(self, frame: Frame) -> Frame:
        if frame.event is None:
            return frame
        end, in_one = _end(frame.raw), with_data(frame, data_of(frame))
        return _with_raw(frame, b"".join(part for line in _lines(in_one.raw) for part in self._parts(line, end)))

    def _parts(self, line: bytes, end: bytes) -> list[bytes]:
        """Return the lines that a line becomes: itself, if it holds no data."""
        if not line.startswith(b"data:"):
            return [line]
        tokens = [found[0] for found in _TOKEN.finditer(line.removeprefix(b"data:").strip())]
        bounds = [len(tokens) * number // self.count for number in range(self.count + 1)]
        parts = [b"".join(tokens[first:last]) for first, last in pairwise(bounds) if first < last]
        return [b"data: %b%b" % (part, end) for part in parts]


@register("no_space")
@dataclass(frozen=True, slots=True)
class NoSpace(Chosen):
    """No space follows the colon in the lines of these events."""

    events: Selection = ALL

    examples: ClassVar = (Example("no space after the colon", "no_space: all", "the whole message"),)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan without the spaces."""
        del rng
        require_stream(plan, "events")
        return self.changed(plan, _without_spaces)


@register("id")
@dataclass(frozen=True, slots=True)
class EventId(OfEvents):
    """Events have an `id:` line: a text, the same for all, or a number, which goes up by one with each."""

    value: int | str = 1

    examples: ClassVar = (Example("id lines", "id: 1", "the whole message"),)

    def __post_init__(self) -> None:
        is_text = isinstance(self.value, str) and self.value.isprintable()
        if not is_text and not is_whole(self.value):
            raise FaultError(f"{self.value!r} is not an id", key=("value",), hint="write a number, or a text in one line")
        OfEvents.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the ids in it."""
        del rng
        require_stream(plan, "value")
        values = self._values()
        return self.changed(plan, lambda frame: _identified(frame, next(values)), data=True)

    def _values(self) -> Iterator[str]:
        value = self.value
        while True:
            yield str(value)
            value = value + 1 if isinstance(value, int) else value


@register("no_blank_line")
@dataclass(frozen=True, slots=True)
class NoBlankLine(Chosen):
    """The blank line that ends an event does not come: the last one of a stream is then no event, others become one."""

    events: Selection = "message_stop"

    examples: ClassVar = (
        Example("no blank line at the end", "no_blank_line: message_stop", "the whole message"),
        Example("no blank line between two events", "no_blank_line: delta 2", "text 'One three four…'"),
    )

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan without the blank lines."""
        del rng
        require_stream(plan, "events")
        return self.changed(plan, lambda frame: _with_raw(frame, b"".join(list(_lines(frame.raw))[:-1])), data=True)


def _lines(raw: bytes) -> Iterator[bytes]:
    """Yield the lines of a frame, each with its end."""
    start = 0
    for found in _LINE.finditer(raw):
        yield raw[start : found.end()]
        start = found.end()
    if start < len(raw):
        yield raw[start:]


def _end(raw: bytes) -> bytes:
    """Return how the first line of a frame ends: what is written into the frame ends so, too."""
    found = _LINE.search(raw)
    return found[0] if found else b"\n"


def _grown_before(offset: int, grown: list[tuple[int, int]]) -> int:
    """Return by how much has grown what stands before an offset; `grown` says where something did, and by how much."""
    return sum(size for start, size in grown if start < offset)


def _without_spaces(frame: Frame) -> Frame:
    return _with_raw(frame, b"".join(re.sub(rb"^([a-z]+:) ", rb"\1", line) for line in _lines(frame.raw)))


def _identified(frame: Frame, value: str) -> Frame:
    return _with_raw(frame, b"id: %b%b%b" % (value.encode(), _end(frame.raw), frame.raw))


def _with_raw(frame: Frame, raw: bytes) -> Frame:
    """Return the frame with other bytes; if there are others, splits within it are gone."""
    return frame if raw == frame.raw else replace(frame, raw=raw, splits=())
