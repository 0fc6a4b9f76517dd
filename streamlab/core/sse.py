"""Server-sent events: bytes to frames, and what a frame says.

The rules are those of the WHATWG event stream (HTML Living Standard, 9.2.6): lines end in LF, CRLF or CR; a blank line ends
a message; a byte order mark at the very start is ignored; a last message without its blank line is no message.

A frame keeps its exact bytes, and the frames of a stream joined are the stream: a byte order mark and a stray blank line
are frames that carry nothing, and so is an unfinished tail. Frames do not depend on how the bytes were split. The price:
a CR at the end of a piece waits for the next byte, which may be its LF.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

__all__ = ["BOM", "DATA_LINE", "Decoder", "Event", "Frame", "Message", "Split", "decode"]

Event = dict[str, Any]
"""One event of a Messages stream: a JSON object with a `type`. Unknown types and fields are kept as they are."""

BOM = b"\xef\xbb\xbf"

DATA_LINE = re.compile(rb"(?:\A|(?<=[\r\n]))(data: ?)([^\r\n]*)(\r\n|\n|\r|\Z)")
"""A line of a frame that holds data: its name, the data, its end."""

_LINE_END = rb"(?:\r\n|\n|\r(?!\n))"
_BLANK_LINE = re.compile(_LINE_END)
_FRAME_END = re.compile(_LINE_END + _LINE_END)
_FRAME_END_SIZE = 4
_FINISHED = re.compile(_FRAME_END.pattern + rb"\Z")
_WRITTEN = re.compile(rb'event: (?!ping\n)([a-z_]+)\ndata: \{"type":"\1"[,} ][^\n]*\n\n\Z')
"""The frame of an event as the API writes it."""
_LINES = re.compile(r"\r\n|\n|\r")
_CR = 0x0D


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a frame says once its fields are read."""

    data: str
    event: str = "message"
    id: str | None = None
    retry: int | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """A cut in the sending of a frame: its first `offset` bytes go out, then `wait` seconds pass.

    `recorded` is when the rest arrived, in seconds after the head, if it was recorded so. The pieces of a frame go out in
    writes of their own if one of its cuts is `apart`, as those of a fault are; others are chunks of their own only.
    """

    offset: int
    wait: float = 0.0
    recorded: float | None = None
    apart: bool = True


@dataclass(frozen=True)
class Frame:
    """One SSE message on the wire: exact bytes, and how they are to be sent.

    `wait` is the silence in seconds that is asked for before it, whatever the pace; `recorded` is when it arrived, in seconds
    after the head, if it was recorded; `splits` are the places inside it where sending pauses, in rising order. A frame that
    is `joined` goes into the same chunk as what precedes it.
    """

    raw: bytes
    wait: float = 0.0
    recorded: float | None = None
    splits: tuple[Split, ...] = ()
    joined: bool = False

    @cached_property
    def message(self) -> Message | None:
        """What it says; None if it has no data or no blank line at its end."""
        return _message(self.raw)

    @cached_property
    def event(self) -> Event | None:
        """The API event in it; None if its data is not a JSON object with a `type`."""
        if self.message is None:
            return None
        try:
            value = json.loads(self.message.data, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) and isinstance(value.get("type"), str) else None

    @property
    def type(self) -> str | None:
        """The type of the event in it, if there is one."""
        return None if self.event is None else self.event["type"]

    @property
    def events(self) -> int:
        """How many events it completes, pings not counted; one written as the API writes its own is not parsed for it."""
        if "event" not in self.__dict__ and _WRITTEN.match(self.raw) and self.raw.endswith(b"}\n\n"):
            return 1
        return int(self.type not in (None, "ping"))


class Decoder:
    """Bytes to frames, piece by piece. Linear in the input for any split; holds one unfinished frame at most."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._at_start = True

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes; return the frames that they complete."""
        self._buffer += data
        return self._take(final=False)

    def close(self) -> list[Frame]:
        """Say that the stream has ended; return what is left, of which the last may be unfinished."""
        frames = self._take(final=True)
        if self._buffer:
            frames.append(Frame(bytes(self._buffer)))
            self._buffer.clear()
        return frames

    def _take(self, *, final: bool) -> list[Frame]:
        frames, start = [], 0
        with memoryview(self._buffer) as view:
            for end in self._ends(final=final):
                frames.append(Frame(view[start:end].tobytes()))
                start = end
        del self._buffer[:start]
        self._searched = max(0, len(self._buffer) - _FRAME_END_SIZE + 1)
        return frames

    def _ends(self, *, final: bool) -> Iterator[int]:
        """Yield where each complete frame in the buffer ends."""
        buffer, start, searched = self._buffer, 0, self._searched
        if self._at_start:
            if len(buffer) < len(BOM) and BOM.startswith(buffer) and not final:
                return
            self._at_start = False
            if buffer.startswith(BOM):
                start = searched = len(BOM)
                yield start
        while found := _BLANK_LINE.match(buffer, start) or _FRAME_END.search(buffer, max(start, searched)):
            end = found.end()
            if end == len(buffer) and buffer[-1] == _CR and not final:
                return
            yield end
            start = end


def decode(data: bytes) -> tuple[Frame, ...]:
    """Return the frames of a whole stream."""
    decoder = Decoder()
    return (*decoder.feed(data), *decoder.close())


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _message(raw: bytes) -> Message | None:
    if not _FINISHED.search(raw[-_FRAME_END_SIZE:]):
        return None
    fields: dict[str, str] = {}
    data: list[str] = []
    for line in _LINES.split(raw.decode("utf-8", "replace")):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "event" or (name == "id" and "\0" not in value) or (name == "retry" and _is_digits(value)):
            fields[name] = value
    if not data:
        return None
    retry = fields.get("retry")
    return Message(
        data="\n".join(data),
        event=fields.get("event") or "message",
        id=fields.get("id"),
        retry=None if retry is None else int(retry),
    )


def _is_digits(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 15  # noqa: PLR2004 - a larger wait is nonsense
