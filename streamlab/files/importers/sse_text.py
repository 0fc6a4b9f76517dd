"""Raw streams: what `curl -N` printed, with the head of the answer before it (`-i`) or without; one answer after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from streamlab.core.plan import Headers
from streamlab.core.sse import decode
from streamlab.errors import ScenarioError
from streamlab.files.importers.documents import Document, Part
from streamlab.files.importers.drafts import (
    ENDINGS,
    HEADERS,
    MOMENT,
    READS,
    REQUESTS,
    STATUS,
    TIMES,
    Draft,
    Format,
    status_of,
    whole,
)

__all__ = ["FORMAT"]

_KINDS = (b"message_start", b"message_stop", b"error")
_HEAD = re.compile(rb"\s*HTTP/[\d.]+ +(\d{3})[^\r\n]*\r?\n((?:[^\r\n]+\r?\n)*)\r?\n")


def _is_this(document: Document) -> bool:
    return document.kind == "stream"


def _read(document: Document) -> Iterator[Draft]:
    answers = list(_answers(document.data))
    if len(answers) == 1:
        yield _draft("the stream", document.data)
        return
    yield from (_draft(f"stream {number}", answer) for number, answer in enumerate(answers, 1))


def _answers(data: bytes) -> Iterator[bytes]:
    """Yield the answers in a file: once a message is over, another begins with its head, or where none are with its start."""
    has_head = _HEAD.match(data) is not None
    parts: list[bytes] = []
    is_over = False
    for frame in decode(data):
        kind = frame.type if any(word in frame.raw for word in _KINDS) else None
        if is_over and (_HEAD.match(frame.raw) if has_head else kind == "message_start"):
            yield b"".join(parts)
            parts, is_over = [], False
        parts.append(frame.raw)
        is_over = is_over or kind in ("message_stop", "error")
    yield b"".join(parts)


def _draft(label: str, body: bytes) -> Draft:
    status: int | None = None
    headers: Headers = ()
    while found := _HEAD.match(body):  # an interim answer, a proxy's or a redirect's may come first
        status, headers = int(found[1]), _headers(found[2])
        body = body[found.end() :]
    if status is None and not any(frame.event is not None for frame in decode(body)):
        hint = "a recorded stream has lines such as: event: ping"
        raise ScenarioError("holds no event of a stream", hint=hint)
    unknown = () if status is not None else (STATUS, HEADERS)
    return Draft(
        label=label,
        status=200 if status is None else status_of(Part(status)),
        headers=headers,
        reads=whole(body),
        unknown=unknown,
    )


def _headers(lines: bytes) -> Headers:
    pairs = (line.partition(":") for line in lines.decode("latin-1").splitlines())
    return tuple((name, value.strip()) for name, colon, value in pairs if colon)


FORMAT = Format(name="sse", is_this=_is_this, read=_read, unknown=(TIMES, READS, ENDINGS, MOMENT, REQUESTS))
