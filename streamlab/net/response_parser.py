"""Answers taken out of HTTP/1.1, without a connection: the head, the body without its framing, and how it ended."""

from __future__ import annotations

import re
from typing import Protocol

import h11

from streamlab.core.exchange import Ended
from streamlab.core.plan import Head

__all__ = ["Parser"]

_LONGEST_HEAD = 1024 * 1024
_LONGEST_LINE = 16 * 1024
"""Bytes in a line between two chunks."""
_BODILESS = {204, 304}
_START = b"HTTP/"
_TLS = (b"\x15\x03", b"\x16\x03")

_SIZE = rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?"
_FIELD = rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n]*)?"
_FIELD_SO_FAR = rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+(?::[^\r\n]*\r?)?|\r)?"
_FIRST = re.compile(_SIZE + rb"\r\n"), re.compile(rb"(?:" + _SIZE + rb"\r?)?")
_NEXT = re.compile(rb"\r\n" + _SIZE + rb"\r\n"), re.compile(rb"\r?|\r\n(?:" + _SIZE + rb"\r?)?")
_TRAILER = re.compile(_FIELD + rb"\r\n"), re.compile(_FIELD_SO_FAR)
"""The line before the first chunk, before a later one, and after the last: a whole one, and any beginning of one."""


class Parser:
    """One request and its answer in HTTP/1.1, without a connection.

    Raises h11.LocalProtocolError if the request cannot be said. `ended` is COMPLETE, CORRUPT, or None if more must come.
    """

    def __init__(self, method: str, target: str, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
        self.request = (self._http.send(h11.Request(method=method, target=target, headers=headers)) or b"") + body
        self.head: Head | None = None
        self.ended: Ended | None = None
        self.problem = ""
        self._method = method
        self._start = b""
        self._body: _Body | None = None
        self._is_lasting = False

    @property
    def has_begun(self) -> bool:
        """Whether any byte has come."""
        return bool(self._start)

    @property
    def at_eof(self) -> Ended:
        """How the answer ends if the connection is closed here."""
        return Ended.FIN if self._body is None else self._body.at_eof

    @property
    def is_kept(self) -> bool:
        """Whether the connection takes another request after this answer."""
        return self._is_lasting and self._body is not None and not self._body.has_more

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came; return those of the body in them."""
        if self._body is None:
            data = self._read_head(data)
        if self._body is None:
            return b""
        body = self._body.feed(data)
        self.ended = self._body.ended
        if self.ended is Ended.CORRUPT:
            self.problem = "is broken: the header of a chunk is none"
        return body

    def _read_head(self, data: bytes) -> bytes:
        """Take bytes until there is a head; return those that follow it."""
        self._start = (self._start + data)[: len(_START)]
        if not _START.startswith(self._start):
            is_tls = self._start.startswith(_TLS)
            self._fail("speaks TLS; use https://" if is_tls else "is no HTTP; is it the right port?")
            return b""
        self._http.receive_data(data)
        try:
            while isinstance(event := self._http.next_event(), h11.InformationalResponse):
                pass
        except h11.RemoteProtocolError as error:
            self._fail(f"is no HTTP: {error}")
            return b""
        if not isinstance(event, h11.Response):
            return b""
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers)
        self.head = Head(event.status_code, headers)
        self._is_lasting = event.http_version == b"1.1" and "close" not in (self.head.get("connection") or "").lower()
        self._body = self._framing(self.head)
        return self._http.trailing_data[0]

    def _framing(self, head: Head) -> _Body:
        length = head.get("content-length")
        if self._method == "HEAD" or head.status in _BODILESS:
            return _Sized(0)
        if head.get("transfer-encoding") is not None:  # h11 takes none but `chunked`
            return _Chunked()
        return _UntilClose() if length is None else _Sized(int(length))

    def _fail(self, problem: str) -> None:
        self.ended, self.problem = Ended.CORRUPT, problem


class _Body(Protocol):
    """A body being taken out of its framing. `ended` is COMPLETE, CORRUPT, or None; `has_more` if something came after it."""

    ended: Ended | None
    at_eof: Ended
    has_more: bool

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came; return those of the body in them."""
        ...


class _Sized:
    """A body of a known length."""

    def __init__(self, length: int) -> None:
        self.ended: Ended | None = None
        self.at_eof = Ended.FIN
        self.has_more = False
        self._left = length

    def feed(self, data: bytes) -> bytes:
        body = data[: self._left]
        self._left -= len(body)
        self.has_more = len(data) > len(body)
        self.ended = None if self._left else Ended.COMPLETE
        return body


class _UntilClose:
    """A body that the end of the connection ends."""

    def __init__(self) -> None:
        self.ended: Ended | None = None
        self.at_eof = Ended.COMPLETE
        self.has_more = True

    def feed(self, data: bytes) -> bytes:
        return data


class _Chunked:
    """A body in chunks, whose trailers are dropped."""

    def __init__(self) -> None:
        self.ended: Ended | None = None
        self.at_eof = Ended.FIN
        self.has_more = False
        self._line = _FIRST
        self._left = 0
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        data, self._rest = self._rest + data, b""
        pieces: list[bytes] = []
        at, size = self._take_chunks(data, pieces)
        while self.ended is None and at < size:
            line = self._line[0].match(data, at)
            if line is None:
                self._wait_for_line(data[at:])
                break
            at = line.end()
            self._take_line(line)
            if self._left:
                at, size = self._take_chunks(data, pieces, at)
        self.has_more = at < size
        return b"".join(pieces)

    def _take_chunks(self, data: bytes, pieces: list[bytes], at: int = 0) -> tuple[int, int]:
        """Take the rest of a chunk, and the whole chunks that follow; return where they end, and the size of the data."""
        size, left, match = len(data), self._left, _NEXT[0].match
        while left:
            end = at + left
            pieces.append(data[at:end])
            if end > size:
                self._left = end - size
                return size, size
            at = end
            line = match(data, at)
            left = int(line[1], 16) if line is not None else 0
            if left and line is not None:
                at = line.end()
        self._left = 0
        return at, size

    def _take_line(self, line: re.Match[bytes]) -> None:
        if self._line is not _TRAILER:
            self._left = int(line[1], 16)
            self._line = _NEXT if self._left else _TRAILER
        elif line[0] == b"\r\n":
            self.ended = Ended.COMPLETE

    def _wait_for_line(self, rest: bytes) -> None:
        self._rest = rest
        if len(rest) > _LONGEST_LINE or not self._line[1].fullmatch(rest):
            self.ended = Ended.CORRUPT
