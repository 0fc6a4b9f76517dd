"""Redaction of an exchange: what may be kept of a request, and of an answer while it arrives.

Most bodies are kept read by read. One that is compressed is kept as it came if nothing secret is in it, and else as the text
that it is; and a length that was stated follows what is taken out of the body. So of these the head is known at the end only,
and they are held back until then, up to a limit.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from streamlab.core.exchange import Read, Request
from streamlab.core.plan import Head, Headers, without
from streamlab.core.read_redaction import ReadRedactor
from streamlab.core.redaction import Pattern, is_secret_header, redact_bytes, redact_headers, redact_path, redact_query

__all__ = ["AnswerRedactor", "answer_redactor", "plain_request", "redact_request"]

_MOST_HELD = 16 * 1024 * 1024
"""Bytes that are held back at most."""
_MOST_PLAIN = 256 * 1024 * 1024
"""Bytes of a compressed request that are looked at."""
_UNKEPT = {
    *("connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
    "proxy-connection",
}
"""The headers of a request that say nothing of what is asked."""
_OURS = "x-streamlab-"
_WBITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


def plain_request(request: Request) -> Request:
    """Return a request whose body is compressed as one whose body is not, if it can be read; any other as it is."""
    coding = (request.header("content-encoding") or "identity").strip().lower()
    if coding not in _WBITS:
        return request
    try:
        body = zlib.decompressobj(_WBITS[coding]).decompress(request.body, _MOST_PLAIN)
    except zlib.error:
        return request
    return replace(request, headers=without(request.headers, {"content-encoding"}), body=body)


def redact_request(request: Request, patterns: Sequence[Pattern] = ()) -> tuple[Request, int]:
    """Return what may be kept of a request, and how many secrets were taken out of it."""
    headers = tuple(each for each in without(request.headers, _UNKEPT) if not each[0].lower().startswith(_OURS))
    clean, count = _clean_headers(headers, patterns)
    body, in_body, _ = redact_bytes(request.body, patterns)
    path, query = redact_path(request.path, patterns), redact_query(request.query, patterns)
    count += in_body + (path != request.path) + (query != request.query)
    return replace(request, path=path, query=query, headers=clean, body=body), count


class AnswerRedactor(Protocol):
    """Takes the reads of an answer as they come, and returns those that may be kept.

    `head` is what may be kept of the head; None while it is not known, and until then no reads come back. `notes` say what is
    not kept as it came. `saw_end` is True if it cannot be known.
    """

    head: Head | None
    notes: list[str]

    @property
    def count(self) -> int:
        """How many secrets were taken out."""
        ...

    @property
    def events(self) -> int:
        """How many events have come whole, pings not counted."""
        ...

    @property
    def saw_end(self) -> bool:
        """Whether an event said that the stream is over."""
        ...

    def feed(self, read: Read) -> list[Read]:
        """Take the next read; return those that may be kept by now."""
        ...

    def close(self) -> list[Read]:
        """Say that the body is over; return what is left. The head is known now."""
        ...


def answer_redactor(head: Head, patterns: Sequence[Pattern] = (), *, has_body: bool = True) -> AnswerRedactor:
    """Return what redacts the answer of this head, which has no hop-by-hop headers."""
    coding = (head.get("content-encoding") or "identity").strip().lower()
    if has_body and coding in _WBITS:
        return _Coded(head, patterns, coding)
    if has_body and coding != "identity":
        return _Opaque(head, patterns, coding)
    return _Sized(head, patterns) if has_body and head.get("content-length") is not None else _Plain(head, patterns)


class _Plain:
    """A body that is kept as it comes."""

    def __init__(self, head: Head, patterns: Sequence[Pattern]) -> None:
        headers, self._secrets = _clean_headers(head.headers, patterns)
        self._clean = replace(head, headers=headers)
        self.head: Head | None = self._clean
        self.notes: list[str] = []
        self._is_stream = (head.get("content-type") or "").lower().startswith("text/event-stream")
        self._text = ReadRedactor(patterns, is_stream=self._is_stream)

    @property
    def count(self) -> int:
        return self._secrets + self._text.count

    @property
    def events(self) -> int:
        return self._text.events

    @property
    def saw_end(self) -> bool:
        return not self._is_stream or self._text.saw_end

    def feed(self, read: Read) -> list[Read]:
        return self._text.feed(read)

    def close(self) -> list[Read]:
        return self._text.close()

    def _without(self, *names: str) -> Head:
        return self._clean.with_headers([(name, None) for name in names])


class _Opaque(_Plain):
    """A body in a coding that cannot be read here."""

    def __init__(self, head: Head, patterns: Sequence[Pattern], coding: str) -> None:
        super().__init__(head, patterns)
        self.notes.append(f"its body is in {coding}, and could not be searched for secrets")

    @property
    def saw_end(self) -> bool:
        return True

    def feed(self, read: Read) -> list[Read]:
        return [read]


class _Sized(_Plain):
    """A body of a stated length, which is as much less as is taken out of the body."""

    def __init__(self, head: Head, patterns: Sequence[Pattern]) -> None:
        super().__init__(head, patterns)
        self.head = None
        self._held: list[Read] = []
        self._size = 0

    def feed(self, read: Read) -> list[Read]:
        safe = super().feed(read)
        if self.head is not None:
            return safe
        self._held += safe
        self._size += len(read.data)
        if self._size <= _MOST_HELD:
            return []
        self.head = self._without("content-length")
        self.notes.append("it is kept without its content-length, being too long to be held back")
        return self._taken()

    def close(self) -> list[Read]:
        self._held += super().close()
        if self.head is None:
            length = int(self._clean.get("content-length") or 0) + self._text.delta
            self.head = self._resized(length) if self._text.delta else self._clean
        return self._taken()

    def _resized(self, length: int) -> Head:
        """Return the head with another length in the same place."""
        headers = self._clean.headers
        resized = ((name, str(length) if name.lower() == "content-length" else value) for name, value in headers)
        return replace(self._clean, headers=tuple(resized))

    def _taken(self) -> list[Read]:
        taken, self._held = self._held, []
        return taken


class _Coded(_Plain):
    """A compressed body: kept as it came, or as text if there are secrets in it, or if it is too long to know that."""

    def __init__(self, head: Head, patterns: Sequence[Pattern], coding: str) -> None:
        super().__init__(head, patterns)
        self.head = None
        self._coding = coding
        self._decoder = zlib.decompressobj(_WBITS[coding])
        self._is_broken = False
        self._raw: list[Read] = []
        self._safe: list[Read] = []
        self._size = 0

    def feed(self, read: Read) -> list[Read]:
        text = self._decoded(read.data)
        safe = super().feed(Read(text, read.at))
        if self.head is not None:
            return safe
        self._raw.append(read)
        self._safe += safe
        self._size += max(len(text), len(read.data))
        return self._as_text("it is too long to be held back") if self._size > _MOST_HELD else []

    def close(self) -> list[Read]:
        self._safe += super().close()
        if self.head is None and self._text.count == 0:
            self.head = self._clean
            return self._raw
        return self._as_text("there are secrets in it") if self.head is None else self._safe

    def _as_text(self, reason: str) -> list[Read]:
        self.head = self._without("content-encoding", "content-length")
        self.notes.append(f"its body is kept as text, not in {self._coding}: {reason}")
        taken, self._safe, self._raw = self._safe, [], []
        return taken

    def _decoded(self, data: bytes) -> bytes:
        """Return the text in compressed bytes, which may be several members one after the other."""
        parts: list[bytes] = []
        while data and not self._is_broken:
            if self._decoder.eof:
                self._decoder = zlib.decompressobj(_WBITS[self._coding])
            try:
                parts.append(self._decoder.decompress(data))
            except zlib.error:
                self._is_broken = True
                self.notes.append(
                    f"its body is broken {self._coding}; what follows the break could not be searched for secrets"
                )
            data = self._decoder.unused_data
        return b"".join(parts)


def _clean_headers(headers: Headers, patterns: Sequence[Pattern]) -> tuple[Headers, int]:
    """Return headers without the secret ones and with the others redacted, and how many secrets there were."""
    kept = tuple((name, value) for name, value in headers if not is_secret_header(name))
    clean = redact_headers(kept, patterns)
    changed = sum(before != after for before, after in zip(kept, clean, strict=True))
    return clean, len(headers) - len(kept) + changed
