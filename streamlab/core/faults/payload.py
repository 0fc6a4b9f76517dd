"""Faults of the payload: what stands in a frame that is not an event as it should be."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar, Literal

from streamlab.core.faults.base import AtPlace, Chosen, Example, OfEvents, data_of, register, with_data
from streamlab.core.faults.fields import as_bytes, check_word, is_whole
from streamlab.core.places import BEFORE_HEAD, Spot, char_offset
from streamlab.core.plan import Plan
from streamlab.core.selection import require_stream
from streamlab.core.sse import Frame, decode
from streamlab.errors import FaultError

__all__ = ["BrokenJson", "Comment", "Data", "HugeFrame", "InvalidUtf8", "Raw", "Retry"]

_BREAKS = ("malformed", "truncated", "empty")
_SIZE = re.compile(r"([0-9]{1,9})\s?(B|kB|MB)?")
_UNITS = {None: 1, "B": 1, "kB": 1000, "MB": 1_000_000}
_LARGEST = 256_000_000
_NO_UTF8 = b"\xff"


@register("raw")
@dataclass(frozen=True, slots=True)
class Raw(AtPlace):
    """These bytes come here, as they are: a text, or `!!binary` in YAML. They may stand inside an event, and in any body."""

    data: str | bytes = ""

    examples: ClassVar = (
        Example("bom", 'raw: "\\uFEFF", at: headers', "raises AssertionError", create="the whole message"),
        Example("bom in mid-stream", 'raw: "\\uFEFF", after: delta 1', "text 'One three four…'"),
        Example("blank lines between events", 'raw: "\\n\\n\\n", after: delta 1', "the whole message"),
        Example("bytes after message_stop", "raw: garbage, after: message_stop", "the whole message"),
    )

    def __post_init__(self) -> None:
        if not isinstance(self.data, str | bytes) or not self.data:
            hint = 'for example: raw: ": hello\\n\\n"'
            raise FaultError(f"a text or !!binary is expected, not {self.data!r}", key=("data",), hint=hint)
        AtPlace.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the bytes in it."""
        del rng
        data, point = as_bytes(self.data), self.point(plan)
        if point.frame == BEFORE_HEAD or not point.offset:
            first, *rest = decode(data)
            return self.inserted(plan, first, *(replace(frame, joined=True) for frame in rest))
        frame, offset = plan.frames[point.frame], point.offset
        moved = tuple(
            replace(split, offset=split.offset + len(data)) if split.offset > offset else split for split in frame.splits
        )
        grown = replace(frame, raw=frame.raw[:offset] + data + frame.raw[offset:], splits=moved)
        return replace(plan, frames=(*plan.frames[: point.frame], grown, *plan.frames[point.frame + 1 :]))


@register("comment")
@dataclass(frozen=True, slots=True)
class Comment(AtPlace):
    """A comment comes here, which every client has to pass over: a line that begins with a colon, and a blank line."""

    text: str = "keep-alive"

    examples: ClassVar = (Example("comment", "comment: keep-alive, after: delta 1", "the whole message"),)

    def __post_init__(self) -> None:
        _check_line(self.text, "text", "comment: keep-alive")
        AtPlace.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the comment in it."""
        del rng
        require_stream(plan, "text")
        return self.inserted(plan, Frame(as_bytes(f": {self.text}\n\n")))


@register("retry")
@dataclass(frozen=True, slots=True)
class Retry(AtPlace):
    """A `retry:` line comes here, which tells a browser's EventSource after how many milliseconds to connect again."""

    milliseconds: int = 3000

    examples: ClassVar = (Example("retry line", "retry: 3000, at: headers", "the whole message"),)

    def __post_init__(self) -> None:
        if not is_whole(self.milliseconds) or self.milliseconds < 0:
            problem = f"{self.milliseconds!r} is no number of milliseconds"
            raise FaultError(problem, key=("milliseconds",), hint="for example: retry: 3000")
        AtPlace.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the line in it."""
        del rng
        require_stream(plan, "milliseconds")
        return self.inserted(plan, Frame(f"retry: {self.milliseconds}\n\n".encode()))


@register("data")
@dataclass(frozen=True, slots=True)
class Data(AtPlace):
    """A frame comes here that has this text as its data, and no name: `[DONE]`, or nothing at all."""

    text: str = "[DONE]"

    examples: ClassVar = (
        Example("done sentinel", 'data: "[DONE]", after: message_stop', "the whole message"),
        Example(
            "done sentinel in the place of message_stop",
            '[{data: "[DONE]", after: message_stop}, {drop: message_stop}]',
            "the whole message",
        ),
        Example("empty data", 'data: "", after: delta 1', "the whole message"),
        Example("data that is no json", "data: hello, after: delta 1", "the whole message"),
    )

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise FaultError(f"a text is expected, not {self.text!r}", key=("text",), hint='for example: data: "[DONE]"')
        AtPlace.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the frame in it."""
        del rng
        require_stream(plan, "text")
        lines = "".join(f"data: {line}\n" for line in re.split(r"\r\n|\n|\r", self.text))
        return self.inserted(plan, Frame(as_bytes(f"{lines}\n")))


@register("broken_json")
@dataclass(frozen=True, slots=True)
class BrokenJson(OfEvents):
    """The data of these events is no JSON: `malformed` (its last brace is another), `truncated` in the middle, or `empty`."""

    how: Literal["malformed", "truncated", "empty"] = "malformed"

    examples: ClassVar = (
        Example("malformed json", "broken_json: malformed, of: delta 2", "raises JSONDecodeError"),
        Example("truncated json", "broken_json: truncated, of: delta 2", "raises JSONDecodeError"),
        Example("empty data of an event", "broken_json: empty, of: delta 2", "text 'One three four…'"),
    )

    def __post_init__(self) -> None:
        check_word(self.how, "how", _BREAKS, "is not a way to break JSON")
        OfEvents.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the JSON broken; frames without an event stay as they are."""
        del rng
        require_stream(plan, "how")
        return self.changed(plan, self._broken, data=True)

    def _broken(self, frame: Frame) -> Frame:
        return frame if frame.event is None else with_data(frame, self._data(data_of(frame)))

    def _data(self, data: bytes) -> bytes:
        return {"malformed": data[:-1] + b"]", "truncated": data[: len(data) // 2], "empty": b""}[self.how]


@register("invalid_utf8")
@dataclass(frozen=True, slots=True)
class InvalidUtf8(Chosen):
    """A byte that UTF-8 lacks (FF) stands at the start of the text of these events, or at the end of their last string."""

    examples: ClassVar = (Example("invalid utf-8", "invalid_utf8: delta 2", "raises UnicodeDecodeError"),)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the bytes in it."""
        del rng
        require_stream(plan, "events")
        return self.changed(plan, _without_utf8)


@register("huge_frame")
@dataclass(frozen=True, slots=True)
class HugeFrame(OfEvents):
    """These events are so large (`1MB`, `64kB`, a number of bytes): spaces stand before the last brace, as in small ones."""

    size: int | str = "1MB"

    examples: ClassVar = (Example("huge frame", "huge_frame: 1MB, of: delta 2", "the whole message"),)

    def __post_init__(self) -> None:
        _bytes(self.size)
        OfEvents.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the frames grown to that size; one that is larger stays as it is."""
        del rng
        require_stream(plan, "size")
        return self.changed(plan, self._grown, data=True)

    def _grown(self, frame: Frame) -> Frame:
        missing = _bytes(self.size) - len(frame.raw)
        offset = frame.raw.rfind(b"}")
        if frame.event is None or missing <= 0:
            return frame
        return replace(frame, raw=frame.raw[:offset] + b" " * missing + frame.raw[offset:], splits=())


def _without_utf8(frame: Frame) -> Frame:
    raw, carrier = frame.raw, Spot(0, 1, frame.event).carrier if frame.event else None
    if not raw:
        return frame  # a silence
    offset = char_offset(raw, carrier, 0) if carrier else len(raw)
    offset = offset if offset < len(raw) else max(0, raw.rfind(b'"'))
    return replace(frame, raw=raw[:offset] + _NO_UTF8 + raw[offset:], splits=())


def _check_line(written: object, key: str, example: str) -> None:
    if not isinstance(written, str) or re.search(r"[\r\n]", written):
        raise FaultError(f"a text in one line is expected, not {written!r}", key=(key,), hint=f"for example: {example}")


def _bytes(written: object) -> int:
    found = _SIZE.fullmatch(written) if isinstance(written, str) else None
    size = int(found[1]) * _UNITS[found[2]] if found else written
    if not is_whole(size) or not 0 < size <= _LARGEST:
        hint = f"write 64kB, 1MB or a number of bytes, at most {_LARGEST // 1_000_000}MB"
        raise FaultError(f"{written!r} is no size", key=("size",), hint=hint)
    return size
