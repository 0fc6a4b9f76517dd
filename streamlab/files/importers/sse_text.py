"""Raw streams: what `curl -N` printed, with the head of the answer before it (`-i`) or without."""

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

_HEAD = re.compile(rb"\s*HTTP/[\d.]+ +(\d{3})[^\r\n]*\r?\n((?:[^\r\n]+\r?\n)*)\r?\n")


def _is_this(document: Document) -> bool:
    return document.kind == "stream"


def _read(document: Document) -> Iterator[Draft]:
    body = document.data
    status: int | None = None
    headers: Headers = ()
    while found := _HEAD.match(body):  # an interim answer, a proxy's or a redirect's may come first
        status, headers = int(found[1]), _headers(found[2])
        body = body[found.end() :]
    if status is None and not any(frame.event is not None for frame in decode(body)):
        hint = "a recorded stream has lines such as: event: ping"
        raise ScenarioError("holds no event of a stream", hint=hint)
    unknown = () if status is not None else (STATUS, HEADERS)
    yield Draft(
        label="the stream",
        status=200 if status is None else status_of(Part(status)),
        headers=headers,
        reads=whole(body),
        unknown=unknown,
    )


def _headers(lines: bytes) -> Headers:
    pairs = (line.partition(":") for line in lines.decode("latin-1").splitlines())
    return tuple((name, value.strip()) for name, colon, value in pairs if colon)


FORMAT = Format(name="sse", is_this=_is_this, read=_read, unknown=(TIMES, READS, ENDINGS, MOMENT, REQUESTS))
