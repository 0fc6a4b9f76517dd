"""Spools: what has arrived of an exchange, on disk while it still arrives, so that a killed recorder loses nothing of it.

A spool holds the text of the document that it will be, with lines in it that are no part of that: marks, which say that the
request and the head are whole; and lines that begin with `~`, which hold the bytes of a line that is not complete yet. It is
only appended to. What follows such lines says the same and more; only the last ones of a spool count.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.plan import Head
from streamlab.core.transcript import Writer
from streamlab.errors import ServerError
from streamlab.files import cassette_document
from streamlab.files.cassette_document import Span
from streamlab.files.cassette_text import BODY, foot_text, request_text, response_text, settings

__all__ = ["Pending", "chunks", "exchange_in", "is_finished", "spools", "whole", "write_to"]

_CHUNK = 1 << 20
_PEEK = 200
_REQUEST_MARK, _HEAD_MARK = "#- request\n", "#- head\n"
_MARK, _TAIL, _LINE = b"#-", b"    ~", b"    "
_FOOT = re.compile(rb"\nended: [a-z]+\n\Z")


class Pending:
    """An exchange that is being recorded. Each call is on disk when it returns, as far as the machine goes on.

    Raises ServerError if it cannot be written; what was written before is kept, and taken in when the cassette is next
    opened for recording.
    """

    def __init__(
        self, cassette: Path, append: Callable[[Iterable[bytes]], Span], begun: tuple[Request, str | None], number: int = 1
    ) -> None:
        """Begin an exchange, the `number`th; `append` puts a whole document into the cassette."""
        self._append = append
        self._writer: Writer | None = None
        self._has_body = False
        self._size = 0
        self._failure: ServerError | None = None
        self.path, file = _create(cassette, number)
        self._file: int | None = file
        self._write(request_text(*begun) + _REQUEST_MARK)

    def head(self, head: Head, first: float | None = None) -> None:
        """Take the head of the answer, `first` seconds after the request."""
        self._writer = Writer(**settings(head))
        self._write(response_text(head, first) + _HEAD_MARK)

    def read(self, read: Read) -> None:
        """Take bytes of the answer's body, without chunks, as they arrived."""
        if self._writer is None:
            raise ValueError("a head comes before a body")
        lines = self._writer.feed(read)
        tail = self._writer.tail(read)
        self._write_lines([*lines, f"~{tail}"] if tail else lines)

    def end(self, ended: Ended, ended_at: float | None = None) -> None:
        """Say how the answer ended, `ended_at` seconds after its head: from now on the exchange is whole, here if not there."""
        self._write_lines(self._writer.close() if self._writer else [])
        self._write(foot_text(ended, ended_at))
        self.close()

    def append(self) -> Span:
        """Put an exchange that has ended into the cassette."""
        span = self._append(whole(self.path))
        self.path.unlink()
        return span

    def close(self) -> None:
        """Let go of the spool, which is kept for `recover`; nothing if the exchange has ended."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write_lines(self, lines: list[str]) -> None:
        text = "".join(f"    {line}\n" for line in lines)
        if lines and not self._has_body:
            self._has_body = True
            text = BODY + text
        if text:
            self._write(text)

    def _write(self, text: str) -> None:
        """Write whole lines, or none of them."""
        if self._file is None:
            raise self._failure or ValueError("the exchange has ended")
        data = text.encode()
        try:
            write_to(self._file, data)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
            self.close()
            hint = "what came before is kept, and is taken into the cassette when it is next recorded into"
            self._failure = ServerError(f"{self.path}: cannot be written: {error.strerror}\n  hint: {hint}")
            raise self._failure from None
        self._size += len(data)


def write_to(file: int, data: bytes) -> None:
    """Write all of these bytes. Raises OSError if it cannot; some may be written then."""
    size = os.write(file, data)
    while size < len(data):
        size += os.write(file, memoryview(data)[size:])


def chunks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield pieces joined to about a megabyte each."""
    kept, size = [], 0
    for line in lines:
        kept.append(line)
        size += len(line)
        if size >= _CHUNK:
            yield b"".join(kept)
            kept, size = [], 0
    yield b"".join(kept)


def spools(cassette: Path) -> list[Path]:
    """Return the spools of a cassette, in the order in which they were begun."""
    pattern = re.compile(rf"{re.escape(_prefix(cassette))}(\d+)")
    found = [(pattern.fullmatch(each.name), each) for each in cassette.parent.iterdir()]
    return [path for _, path in sorted((int(match[1]), path) for match, path in found if match)]


def whole(spool: Path) -> Iterator[bytes]:
    """Yield the text of a document that has ended, in large pieces."""
    with spool.open("rb") as file:
        yield from chunks(line for line in file if not line.startswith((_MARK, _TAIL)))


def is_finished(spool: Path) -> bool:
    """Whether a spool holds the end of its exchange."""
    with spool.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _PEEK))
        return bool(_FOOT.search(file.read()))


def exchange_in(spool: Path) -> Exchange | None:
    """Return what a spool holds of an exchange that has not ended, as one that was interrupted; None if not even its request.

    Raises ScenarioError if the spool is none.
    """
    with spool.open("rb") as file:
        request = _until(file, _REQUEST_MARK)
        if request is None:
            return None
        head = _until(file, _HEAD_MARK) or []
        body = [line for line in _last_tails(file) if line.startswith(_LINE)] if head else []
    opening = [BODY.encode()] if body else []
    parts = [b"".join(part) for part in (request, [*head, *opening, *body], [foot_text(Ended.INTERRUPTED, None).encode()])]
    data, ends = b"".join(parts), list(accumulate(map(len, parts)))
    span = Span(separator=0, start=0, request_end=ends[0], response_end=ends[1], end=ends[2], line=1, is_whole=True)
    return cassette_document.exchange(lambda offset, size: data[offset : offset + size], span, str(spool))


def _until(file: BinaryIO, mark: str) -> list[bytes] | None:
    """Return the lines before a mark; None if it never comes."""
    lines: list[bytes] = []
    for line in file:
        if line == mark.encode():
            return lines
        lines.append(line)
    return None


def _last_tails(file: BinaryIO) -> Iterator[bytes]:
    """Yield the complete lines of a body: of those that hold the bytes of an unfinished line, the last ones, as lines."""
    tails: list[bytes] = []
    for line in file:
        if not line.endswith(b"\n"):
            break
        if line.startswith(_TAIL):
            tails.append(_LINE + line.removeprefix(_TAIL))
        else:
            tails.clear()
            yield line
    yield from tails


def _prefix(cassette: Path) -> str:
    return f".{cassette.name}.part-"


def _create(cassette: Path, number: int) -> tuple[Path, int]:
    """Return a new spool with this number, or the next that is free, which only its owner can read."""
    while True:
        path = cassette.with_name(f"{_prefix(cassette)}{number}")
        try:
            return path, os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            number += 1
        except OSError as error:
            raise ServerError(f"{path}: cannot be written: {error.strerror}") from None
