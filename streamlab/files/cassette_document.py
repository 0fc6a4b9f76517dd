"""One document of a cassette: from its place in the file to the exchange in it.

A document as the writer lays it out is read by patterns and in pieces, without YAML; whatever does not fit them goes to the
loader that knows where everything stands. Of that, too, long bodies are kept away.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.plan import Head, Headers
from streamlab.core.transcript import read
from streamlab.errors import ScenarioError
from streamlab.files.cassette_general import ANSWERED, body_bytes, general_exchange, in_body, is_askable, is_sendable
from streamlab.files.cassette_text import PLAIN, compact, json_value

__all__ = ["Source", "Span", "exchange", "request"]

Source = Callable[[int, int], bytes]
"""Returns so many bytes of the file from an offset on."""

_PIECE = 1 << 20
_LONG = 4 << 20
"""Bytes of an answer in the file, above which its reads are taken from there each time somebody goes through them."""
_HEAD = 1 << 16
_INDENT = 4


@dataclass(frozen=True, slots=True)
class Span:
    """Where a document stands: offsets in bytes, and the number of its first line, from 1.

    `separator` is where its `---` stands. The answer, if it has one, is between `request_end` and `response_end`. `is_whole`
    says whether it has a line for how it ended.
    """

    separator: int
    start: int
    request_end: int
    response_end: int
    end: int
    line: int
    is_whole: bool

    @property
    def is_long(self) -> bool:
        """Whether its answer is too long to be held in memory."""
        return self.response_end - self.request_end > _LONG


class _NotCanonicalError(Exception):
    """A document that the writer would have laid out otherwise."""


def exchange(source: Source, span: Span, name: str) -> Exchange:
    """Return the exchange in a document. Raises ScenarioError, with its place in the file, if there is none."""
    try:
        return _exchange(source, span, name)
    except _NotCanonicalError:
        return general_exchange(source(span.start, span.end - span.start), span.line, name)


def request(source: Source, span: Span, name: str) -> Request:
    """Return the request in a document, without reading the answer. Raises ScenarioError if there is none."""
    try:
        return _request(source(span.start, span.request_end - span.start))[0]
    except _NotCanonicalError:
        return general_exchange(source(span.start, span.end - span.start), span.line, name, with_body=False).request


_QUOTED = r'"(?:[^"\\\n]|\\.)*+"'
_TEXT = rf"(?:(?i:{PLAIN})|(?:!!binary[ ])?{_QUOTED})"
_SECONDS = r"[0-9]{1,12}(?:\.[0-9]{1,12})?"
_HEADERS = rf"(?:[ ][ ]headers:\n(?P<headers>(?:[ ][ ]-[ ]\[{_TEXT},[ ]{_TEXT}\]\n)++))?"
_REQUEST = re.compile(
    rf"""(?:recorded:[ ](?P<recorded>[0-9TZ:.-]+|{_QUOTED})\n)?
        request:\n
        [ ][ ]method:[ ](?P<method>{_TEXT})\n
        [ ][ ]path:[ ](?P<path>{_TEXT})\n
        (?:[ ][ ]query:[ ](?P<query>{_TEXT})\n)?
        {_HEADERS}
        (?:[ ][ ]body:[ ](?:\|\n(?P<block>(?:[ ]{{4}}[^\n]*\n)++)|(?P<body>(?:!!binary[ ])?{_QUOTED})\n))?""".encode(),
    re.VERBOSE,
)
_RESPONSE = re.compile(
    rf"""response:\n
        [ ][ ]status:[ ](?P<status>[1-9][0-9][0-9])\n
        {_HEADERS}
        (?:[ ][ ]first:[ ](?P<first>{_SECONDS})\n)?
        (?P<body>[ ][ ]body:[ ]\|\n)?""".encode(),
    re.VERBOSE,
)
_FOOT = re.compile(rf"(?:ended_at: (?P<at>{_SECONDS})\n)?ended: (?P<ended>{'|'.join(Ended)})\n*".encode())
_HEADER = re.compile(rf"  - \[({_TEXT}), ({_TEXT})\]\n".encode())
_SURROGATE = re.compile("[\ud800-\udfff]")


def _exchange(source: Source, span: Span, name: str) -> Exchange:
    asked, recorded = _request(source(span.start, span.request_end - span.start))
    foot = _matched(_FOOT, source(span.response_end, span.end - span.response_end))
    head, first = None, None
    reads: Sequence[Read] = ()
    if span.response_end > span.request_end:
        found = _RESPONSE.match(source(span.request_end, min(_HEAD, span.response_end - span.request_end)))
        if found is None or (not found["body"] and found.end() < span.response_end - span.request_end):
            raise _NotCanonicalError
        head, first = Head(int(found["status"]), _headers(found["headers"])), _seconds(found["first"])
        if not is_sendable(head):
            raise _NotCanonicalError
        reads = _reads(source, span, span.request_end + found.end(), name) if found["body"] else ()
    ended, ended_at = Ended(foot["ended"].decode()), _seconds(foot["at"])
    if head is None and ended in ANSWERED:
        raise _NotCanonicalError
    return Exchange(request=asked, head=head, reads=reads, ended=ended, first=first, ended_at=ended_at, recorded=recorded)


def _request(data: bytes) -> tuple[Request, str | None]:
    found = _matched(_REQUEST, data)
    if found["block"] is not None:
        value = json_value(found["block"])  # its indent is nothing to JSON
        if value is None:
            raise _NotCanonicalError
        body = compact(value)
    else:
        body = body_bytes(_scalar(found["body"])) if found["body"] else b""
    asked = Request(
        method=_text(found["method"]),
        path=_text(found["path"]),
        query=_text(found["query"] or b'""'),
        headers=_headers(found["headers"]),
        body=body,
    )
    if not is_askable(asked):
        raise _NotCanonicalError
    return asked, _text(found["recorded"]) if found["recorded"] else None


class _LongBody(Sequence[Read]):
    """The reads of a body that are taken from the file each time somebody goes through them."""

    def __init__(self, make: Callable[[], Iterator[Read]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Read]:
        return self._make()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, index: int) -> Read: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Read]: ...
    def __getitem__(self, index: int | slice) -> Read | Sequence[Read]:
        return tuple(self)[index]


def _reads(source: Source, span: Span, start: int, name: str) -> Sequence[Read]:
    """Return what is in the block of an answer's body, which starts here."""
    if span.is_long:
        return _LongBody(lambda: _long(source, span, start, name))
    return tuple(_read(source, span, start, name))


def _read(source: Source, span: Span, start: int, name: str) -> Iterator[Read]:
    try:
        yield from read(_block(source, start, span.response_end))
    except ScenarioError as error:
        before = source(span.start, start - span.start).count(b"\n")
        raise in_body(error).at(name, span.line + before + (error.line or 1) - 1, (error.column or 1) + _INDENT) from None


def _long(source: Source, span: Span, start: int, name: str) -> Iterator[Read]:
    """Yield the reads of a long body; if its layout is not the writer's, what is left of them by the general loader."""
    given = 0
    try:
        for each in _read(source, span, start, name):
            yield each
            given += 1
    except _NotCanonicalError:
        yield from general_exchange(source(span.start, span.end - span.start), span.line, name).reads[given:]


def _block(source: Source, start: int, end: int) -> Iterator[str]:
    """Yield the lines of a block without their indent, from one piece of the file after the other."""
    size, rest = _PIECE, b""
    while start < end:
        piece = rest + source(start, min(size, end - start))
        start = min(start + size, end)
        cut = piece.rfind(b"\n") + 1
        piece, rest = piece[:cut], piece[cut:]
        size = _PIECE if cut else 2 * size
        try:
            lines = f"\n{piece.decode()}".removesuffix("\n").split("\n    ")
        except UnicodeDecodeError:
            raise _NotCanonicalError from None
        if piece.count(b"\n") != len(lines) - 1 or b"\r" in piece:
            raise _NotCanonicalError
        yield from lines[1:]


def _matched(pattern: re.Pattern[bytes], data: bytes) -> re.Match[bytes]:
    found = pattern.fullmatch(data)
    if found is None:
        raise _NotCanonicalError
    return found


def _headers(block: bytes | None) -> Headers:
    return tuple((_text(each[1]), _text(each[2])) for each in _HEADER.finditer(block or b""))


def _seconds(text: bytes | None) -> float | None:
    return None if text is None else float(text)


def _text(raw: bytes) -> str:
    value = _scalar(raw)
    return value if isinstance(value, str) else value.decode(errors="surrogateescape")


def _scalar(raw: bytes) -> str | bytes:
    """Return a text that is written plain or as JSON, or bytes."""
    try:
        if raw.startswith(b"!!"):
            return base64.b64decode(json.loads(raw[raw.index(b'"') :]), validate=True)
        text: str = json.loads(raw) if raw.startswith(b'"') else raw.decode()
    except ValueError:
        raise _NotCanonicalError from None
    if _SURROGATE.search(text):
        raise _NotCanonicalError
    return text
