"""A long exchange read back from its cassette part by part, so that checking it takes no memory to speak of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from streamlab.core.exchange import Exchange, Read
from streamlab.core.transcript import read
from streamlab.files import cassette_document
from streamlab.files.cassette_document import Source, Span
from streamlab.files.cassette_text import BODY

__all__ = ["read_back"]

_HEAD = 1 << 16
_PIECE = 1 << 20
_INDENT = 4


def read_back(path: Path, span: Span) -> Iterator[Exchange | Read]:
    """Yield an exchange that the writer wrote, without its body, and then the reads of the body.

    Raises ScenarioError if it cannot be read.
    """
    with path.open("rb") as file:

        def source(offset: int, size: int) -> bytes:
            file.seek(offset)
            return file.read(size)

        found = source(span.request_end, min(_HEAD, span.response_end - span.request_end)).find(b"\n" + BODY.encode()) + 1
        if not found:
            yield cassette_document.exchange(source, span, str(path))
            return
        start = span.request_end + found
        foot = source(span.response_end, span.end - span.response_end)
        text = source(span.start, start - span.start) + foot
        request_end, end = span.request_end - span.start, len(text) - len(foot)
        bare = Span(0, 0, request_end, end, len(text), span.line, is_whole=True)
        yield cassette_document.exchange(lambda offset, size: text[offset : offset + size], bare, str(path))
        yield from _reads(source, start + len(BODY), span.response_end)


def _reads(source: Source, start: int, end: int) -> Iterator[Read]:
    """Yield the reads of a body, whose lines are parted where a read begins."""
    lines: list[str] = []
    size = 0
    for line in _lines(source, start, end):
        if size > _PIECE and not line.startswith("+"):
            yield from read(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    yield from read(lines)


def _lines(source: Source, start: int, end: int) -> Iterator[str]:
    rest = b""
    while start < end:
        rest += source(start, min(_PIECE, end - start))
        start = min(start + _PIECE, end)
        *whole, rest = rest.split(b"\n")
        yield from (line[_INDENT:].decode() for line in whole)
