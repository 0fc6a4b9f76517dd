"""Transcripts: the reads of a body as lines that a person can review, and back, byte for byte.

    0.0001 message_start {"type":"message_start"}     an event: `event: NAME`, `data: DATA` and a blank line
    + ping {"type": "ping"}                           +: it begins in the same read as what is before it
    0.1302,17@0.131 | : a comment⟦0a0a⟧               |: bytes as they are; its byte 17 begins a read of 0.131
    - = H4sIAAAAAAAA                                  -: nobody knows when; =: base64

A line begins with the time, in seconds after the head, of the read in which its bytes begin. What a line of YAML or a person
cannot carry stands in ⟦⟧ as hex. An event stream has a line for each frame, another body one for each of its own lines.
A read of no bytes is not kept, and a time has four decimals.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator

from streamlab.core.exchange import Read
from streamlab.core.sse import BOM, Decoder
from streamlab.errors import ScenarioError

__all__ = ["UNSAFE", "Writer", "read", "write"]

UNSAFE = "\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff"
"""The characters, for a class of a pattern, that some parser of YAML refuses in a line, or breaks the line at."""

_LONGEST_TEXT = 65_536
_LONGEST_BASE64 = 49_152
_SHORT = 32
"""Up to so many bytes are always written as text."""
_SHARE = 10
"""One byte in so many may be in ⟦⟧ before base64 is the better way to write them."""
_LF = 0x0A
_ODD_STARTS = (_LF, BOM[0])
_CONTINUATION = range(0x80, 0xC0)
"""Bytes of UTF-8 that are not the first of a character."""

_EVENT = re.compile(rb"event: ([a-z_][a-z0-9_]*)\ndata: ([^\n]*)\n\n")
_EVENT_LINE = re.compile("event: [a-z_][a-z0-9_]*")
_ODD = re.compile(f"(?:[{UNSAFE}⟦]| \\Z)+")
_BREAKS = re.compile(rb"[\r\n\t]")


class Writer:
    """Reads to lines, read by read. Holds one unfinished line at most, which for an event stream is one frame."""

    def __init__(self, *, is_stream: bool, is_opaque: bool = False) -> None:
        """Write an event stream, or another body; one that `is_opaque` is compressed, or no text for another reason."""
        self._cutter = _Frames() if is_stream else _Lines()
        self._is_stream, self._is_opaque = is_stream, is_opaque
        self._held = 0
        self._marks: list[tuple[int, str]] = []

    def feed(self, read: Read) -> list[str]:
        """Take the next read; return the lines that it completes."""
        if not read.data:
            return []
        self._marks.append((self._held, _when(read.at)))
        if self._is_opaque:
            self._held += len(read.data)
            return [f"{self._next(len(part))} {line}" for part, line in _base64(read.data)]
        return [line for part in self._cut(read.data) for line in self._feed(part)]

    def _cut(self, data: bytes) -> Iterator[bytes]:
        """Yield the end of the frame that is held, the frames that are whole, and the beginning of the next: what there is."""
        start = data.find(b"\n\n") + 2 if self._held and self._is_stream else 0
        end = data.rfind(b"\n\n") + 2 if self._is_stream else 0
        parts = (data[:start], data[start:end], data[end:]) if 1 < end > start != 1 else (data,)
        return (part for part in parts if part)

    def _feed(self, data: bytes) -> list[str]:
        """Take bytes of a read; return the lines that they complete."""
        if not self._held and (lines := self._cutter.plain(data)):
            if self._marks:
                lines[0] = self._marks.pop()[1] + lines[0][1:]
            return lines
        self._held += len(data)
        return self._lines(self._cutter.feed(data))

    def close(self) -> list[str]:
        """Say that the body has ended; return what is left."""
        return self._lines(self._cutter.close())

    def tail(self, read: Read) -> str | None:
        """Return a line for those bytes of the read just fed that are in no line yet; None if there are none.

        The tails since the last line that was returned say the same as the beginning of the line that is to come.
        """
        size = min(len(read.data), self._held)
        if not size:
            return None
        return f"{_when(read.at) if size == len(read.data) else '+'} | {_escaped(read.data[-size:])}"

    def _lines(self, pieces: Iterable[bytes]) -> list[str]:
        return [f"{self._next(len(part))} {line}" for piece in pieces for part, line in _parts(piece)]

    def _next(self, size: int) -> str:
        """Return when the next `size` bytes came, and let go of them."""
        marks = self._marks
        self._held -= size
        if not marks:
            return "+"
        if len(marks) == 1 and marks[0][0] == 0:
            return marks.pop()[1]
        here = [mark for mark in marks if mark[0] < size]
        self._marks = [(offset - size, when) for offset, when in marks[len(here) :]]
        first = here.pop(0)[1] if here and here[0][0] == 0 else "+"
        return first + "".join(f",{offset}@{when}" for offset, when in here)


class _Frames:
    """Bytes to frames, as the decoder cuts them. It is asked only for a stream whose lines do not all end in LF alone."""

    def __init__(self) -> None:
        self._decoder: Decoder | None = None
        self._begun = False
        self._rest = bytearray()

    def plain(self, data: bytes) -> list[str]:
        """Return the lines of a read that is nothing but events in plain characters, between other frames; none otherwise."""
        frames = data.count(b"\n\n")
        is_plain = data.isascii() and data.endswith(b"\n\n") and data.count(b"\n") == 3 * frames and b" \n" not in data
        if self._decoder is not None or not is_plain:
            return []
        *lines, _ = data.decode().split("\n")
        names = set(lines[::3])
        are_events = not any(lines[2::3]) and data.count(b"\ndata: ") == frames and all(map(_EVENT_LINE.fullmatch, names))
        if not are_events or not "".join(lines).isprintable():
            return []
        self._begun = True
        return [f"+ {name[7:]} {said[6:]}" for name, said in zip(lines[::3], lines[1::3], strict=True)]

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the frames that they complete."""
        is_frame = 0 < data.find(b"\n\n") == len(data) - 2 and data[0] not in _ODD_STARTS and b"\r" not in data
        if is_frame and self._decoder is None and not self._rest:
            self._begun = True
            return [data]
        if self._decoder is None and self._is_odd(data):
            self._decoder = Decoder()
            if self._begun:
                self._decoder.feed(b"\n")  # a byte order mark is one at the start only
            data = bytes(self._rest) + data
            self._rest.clear()
        self._begun = True
        if self._decoder is not None:
            return [frame.raw for frame in self._decoder.feed(data)]
        rest, frames, start, searched = self._rest, [], 0, max(0, len(self._rest) - 1)
        rest += data
        while (end := rest.find(b"\n\n", max(start, searched)) + 2) > 1:
            frames.append(bytes(rest[start:end]))
            start = end
        del rest[:start]
        return frames

    def close(self) -> list[bytes]:
        """Return what is left."""
        if self._decoder is not None:
            return [frame.raw for frame in self._decoder.close()]
        return [bytes(self._rest)] if self._rest else []

    def _is_odd(self, data: bytes) -> bool:
        """Whether these bytes have an end of line that is not LF, a blank line too many, or a byte order mark at the start."""
        starts_blank = data[0] == _LF and not self._rest
        has_blank = b"\n\n\n" in data or b"\n\n\n" in self._rest[-2:] + data[:2]
        return starts_blank or has_blank or b"\r" in data or (not self._begun and data[0] == BOM[0])


class _Lines:
    """Bytes to lines with their ends, piece by piece; a line that is too long is cut between characters."""

    def plain(self, data: bytes) -> list[str]:  # noqa: ARG002 - none of it is an event
        """Return nothing."""
        return []

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the lines that they complete."""
        self._buffer += data
        start, lines = 0, []
        while end := self._end(start):
            lines.append(bytes(self._buffer[start:end]))
            start = self._searched = end
        del self._buffer[:start]
        self._searched = len(self._buffer)
        return lines

    def close(self) -> list[bytes]:
        """Return what is left."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return [rest] if rest else []

    def _end(self, start: int) -> int:
        """Return where the line that starts here ends; 0 if that is not known yet."""
        buffer = self._buffer
        end = buffer.find(b"\n", max(start, self._searched), start + _LONGEST_TEXT) + 1
        if end or len(buffer) - start <= _LONGEST_TEXT:
            return end
        end = start + _LONGEST_TEXT
        while buffer[end] in _CONTINUATION and end > start + _LONGEST_TEXT - 3:
            end -= 1
        return end


def write(reads: Iterable[Read], *, is_stream: bool, is_opaque: bool = False) -> Iterator[str]:
    """Yield the lines of a body that came in these reads."""
    writer = Writer(is_stream=is_stream, is_opaque=is_opaque)
    for each in reads:
        yield from writer.feed(each)
    yield from writer.close()


def _when(at: float | None) -> str:
    return "-" if at is None else f"{max(at, 0.0):.4f}".rstrip("0").rstrip(".")


def _parts(piece: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield what a line says of bytes, with these bytes; one line for all of them if they are text."""
    found = _EVENT.fullmatch(piece)
    what, body = (found[1].decode(), found[2]) if found else ("|", piece)
    text = body.decode(errors="surrogateescape")
    if not (text.isascii() and text.isprintable() and text[-1:] != " ") and _ODD.search(text):
        if len(body) > _SHORT and _is_binary(text, len(body)):
            yield from _base64(piece)
            return
        text = _ODD.sub(_hex, text)
    yield piece, f"{what} {text}" if text else what


def _is_binary(text: str, size: int) -> bool:
    """Whether too much of this would be in ⟦⟧, not counting what texts have: the ends of lines, and tabs."""
    return sum(len(_BREAKS.sub(b"", _bytes(each))) for each in _ODD.findall(text)) * _SHARE > size


def _base64(data: bytes) -> Iterator[tuple[bytes, str]]:
    for start in range(0, len(data), _LONGEST_BASE64):
        part = data[start : start + _LONGEST_BASE64]
        yield part, f"= {base64.b64encode(part).decode()}"


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _hex(found: re.Match[str]) -> str:
    return f"⟦{_bytes(found[0]).hex()}⟧"


def _escaped(data: bytes) -> str:
    return _ODD.sub(_hex, data.decode(errors="surrogateescape"))


_SECONDS = r"\d{1,12}(?:\.\d{1,12})?"
_TIME = re.compile(_SECONDS, re.ASCII)
_SPLIT = re.compile(rf",(\d{{1,15}})@(-|{_SECONDS})", re.ASCII)
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_HEX = re.compile(r"⟦((?:[0-9a-fA-F]{2})+)⟧")
_EXAMPLE = 'a line is such as: 0.1302 message_stop {"type":"message_stop"}'


def read(lines: Iterable[str]) -> Iterator[Read]:
    """Yield the reads that a transcript says; blank lines are passed over.

    Raises ScenarioError with the number of the line and the column, from 1, if it is none.
    """
    parts: list[bytes] = []
    at: float | None = None
    for begins, when, data in _read_pieces(lines):
        if begins:
            if parts:
                yield Read(b"".join(parts), at)
            parts, at = [], when
        parts.append(data)
    if parts:
        yield Read(b"".join(parts), at)


def _read_pieces(lines: Iterable[str]) -> Iterator[tuple[bool, float | None, bytes]]:
    """Yield the bytes of each line: whether a read begins with them, and when it came."""
    names: set[str] = set()
    has_begun, number = False, 0
    try:
        for number, line in enumerate(lines, 1):  # noqa: B007 - for the error
            when, _, what = line.partition(" ")
            name, _, text = what.partition(" ")
            if name in names and "⟦" not in text:
                data = f"event: {name}\ndata: {text}\n\n".encode()
            elif not line or line.isspace():
                continue
            else:
                _check_time(when, has_begun=has_begun)
                data = _read_what(what, len(when) + 1)
                if name not in ("|", "="):
                    names.add(name)
            if when == "+" and has_begun:
                yield False, None, data
            elif _TIME.fullmatch(when):
                yield True, float(when), data
            else:
                yield from _read_splits(when, data, has_begun=has_begun)
            has_begun = True
    except ScenarioError as error:
        error.line = number
        raise


def _read_splits(when: str, data: bytes, *, has_begun: bool) -> Iterator[tuple[bool, float | None, bytes]]:
    """Yield the bytes of a line, cut where reads begin inside it."""
    _check_time(when, has_begun=has_begun)
    first, comma, _ = when.partition(",")
    begins, at, start = first != "+", _seconds(first), 0
    for found in _SPLIT.finditer(when, len(first)) if comma else ():
        offset = int(found[1])
        if not start < offset < len(data):
            problem = f"a read cannot begin at byte {offset} of this line"
            hint = f"the line holds {len(data)} bytes, and the offsets in it rise: from 1 to {len(data) - 1}"
            raise _error(problem, found.start(1) + 1, hint)
        yield begins, at, data[start:offset]
        begins, at, start = True, _seconds(found[2]), offset
    yield begins, at, data[start:]


def _seconds(text: str) -> float | None:
    return None if text in ("-", "+") else float(text)


def _check_time(when: str, *, has_begun: bool) -> None:
    first = re.match(rf"\+|-|{_SECONDS}", when, re.ASCII)
    if first is None:
        raise _error(f"a line begins with the time at which it came, with - or with +, not with {_short(when)}", 1, _EXAMPLE)
    rest = _SPLIT.sub("", when[first.end() :])
    if rest:
        column = first.end() + 1 if when[first.end()] != "," else when.index(rest) + 1
        raise _error(
            f"{_short(when)} is no time",
            column,
            "a time is in seconds; a read that begins inside the line follows as ,OFFSET@TIME",
        )
    if first[0] == "+" and not has_begun:
        raise _error(
            "+ says that it came with the bytes before it, and there are none", 1, "write its time, or - if nobody knows"
        )


def _read_what(what: str, offset: int) -> bytes:
    """Return the bytes that a line says after its time; `offset` characters stand before it."""
    kind, _, text = what.partition(" ")
    start = offset + len(kind) + 1
    if kind == "=":
        data = _read_base64(text, start)
    elif kind == "|":
        data = _unescaped(text, start)
    elif _NAME.fullmatch(kind):
        return b"event: %s\ndata: %s\n\n" % (kind.encode(), _unescaped(text, start))
    else:
        hint = "after the time comes the name of an event with its data, or | with a text, or = with base64"
        raise (
            _error(f"{_short(what)} is none of these", offset + 1, hint)
            if what
            else _error("nothing stands after the time", offset, hint)
        )
    if not data:
        raise _error("a line holds at least one byte", offset + 1, "take this line out")
    return data


def _read_base64(text: str, offset: int) -> bytes:
    try:
        return base64.b64decode(text.strip().encode(), validate=True)
    except ValueError:
        raise _error(f"{_short(text)} is no base64", offset + 1, "after = comes base64; a text comes after |") from None


def _unescaped(text: str, offset: int) -> bytes:
    """Return the bytes of a text with its ⟦⟧ read."""
    parts, start = [], 0
    while (place := text.find("⟦", start)) >= 0:
        found = _HEX.match(text, place)
        if found is None:
            shown = _short(text[place : text.find("⟧", place) + 1 or None])
            hint = "between ⟦ and ⟧ stand bytes as two hex digits each; a ⟦ itself is ⟦e29fa6⟧"
            raise _error(f"{shown} is no run of bytes", offset + place + 1, hint)
        parts += [text[start:place].encode(), bytes.fromhex(found[1])]
        start = found.end()
    return b"".join((*parts, text[start:].encode()))


def _short(text: str) -> str:
    most = 40
    return repr(text if len(text) <= most else f"{text[:most]}…")


def _error(problem: str, column: int, hint: str) -> ScenarioError:
    error = ScenarioError(problem, hint=hint)
    error.column = column
    return error
