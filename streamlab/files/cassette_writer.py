"""Writing cassettes: exchange by exchange while they are recorded, or all at once.

A document is put at the end of the cassette when its exchange has ended, and not before; until then it is in a spool of its
own beside it. What cannot be written whole is taken back. One recorder at a time: the cassette is locked.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from streamlab.core.exchange import Exchange, Request
from streamlab.errors import ScenarioError, ServerError
from streamlab.files import cassette_document, spool
from streamlab.files.cassette import Cassette, scan
from streamlab.files.cassette_document import Span
from streamlab.files.cassette_header import header_text
from streamlab.files.cassette_text import document
from streamlab.files.spool import Pending

__all__ = ["CassetteWriter", "recover", "write_all"]

_SEPARATOR = b"---\n"


class CassetteWriter:
    """Appends exchanges to a cassette: a new one, or one that may be there. To be closed, or used in a `with`.

    `header` is what a new cassette says first; an old one keeps its own. `recovered` says what a recorder that was killed had
    left and is now in the cassette, `reports` what else was found and done on the way. Raises ScenarioError if a new cassette
    is there already, or an old one is none; ServerError if another recorder has it, or if it cannot be written.
    """

    def __init__(self, path: str | Path, *, mode: Literal["new", "append"], header: Mapping[str, Any] | None = None) -> None:
        self.name = str(path)
        self._header = header_text(header)
        self.path = Path(os.path.realpath(path))
        self._numbers = count(1)
        self.recovered: list[str] = []
        self.reports: list[str] = []
        self._file: int | None = self._create() if mode == "new" else self._open()
        try:
            self._lock(self._fd)
            self._begin(is_new=mode == "new")
        except BaseException:
            if mode == "new" and not os.fstat(self._fd).st_size:
                self.path.unlink()
            self.close()
            raise

    def begin(self, request: Request, recorded: str | None = None) -> Pending:
        """Begin an exchange that was asked for at `recorded` (ISO 8601, UTC): now, if it is left out."""
        moment = recorded or datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return Pending(self.path, self._append, (request, moment), next(self._numbers))

    def append(self, exchange: Exchange) -> Span:
        """Append a whole exchange; return where it stands."""
        return self._append(spool.chunks(text.encode() for text in document(exchange)))

    def exchange(self, span: Span) -> Exchange:
        """Return an exchange that was appended, as it is read from the file."""
        file = self._fd
        return cassette_document.exchange(lambda offset, size: os.pread(file, size, offset), span, self.name)

    def close(self) -> None:
        """Let go of the cassette."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def _fd(self) -> int:
        if self._file is None:
            raise ValueError("the cassette is closed")
        return self._file

    def _create(self) -> int:
        try:
            _make_folder(self.path.parent)
            return os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            hint = "--mode new keeps what it has and appends; --mode all records everything anew"
            raise ScenarioError("the file is there already", hint=hint).at(self.name) from None
        except OSError as error:
            raise self._error("cannot be written", error) from None

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except FileNotFoundError:
            return self._create()
        except IsADirectoryError:
            raise ScenarioError("this is a folder, not a cassette", hint="name a file in it").at(self.name) from None
        except OSError as error:
            raise self._error("cannot be written", error) from None

    def _lock(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            hint = "wait for it to end, or record into another file"
            raise ServerError(f"{self.name}: another streamlab is recording into this cassette\n  hint: {hint}") from None

    def _begin(self, *, is_new: bool) -> None:
        """Write the header of a new cassette, or make an old one whole."""
        if os.fstat(self._fd).st_size == 0:
            self._put([self._header.encode()])
        cassette = Cassette(self.name)
        if cassette.cut_off:
            saved = self._save_from(cassette.size)
            self.reports.append(f"{self.name}: {cassette.cut_off}; what there is of it is kept in {saved.name}")
        self._spans = list(cassette.spans)
        with self.path.open("rb") as file:
            self._lines = sum(1 for _ in file)
        for path in spool.spools(self.path):
            if is_new:
                kept = path.rename(_free(self.path, "left"))
                self.reports.append(f"{self.name}: an earlier recording left an exchange, which is kept in {kept.name}")
            else:
                self._take_in(path)

    def _save_from(self, size: int) -> Path:
        """Cut the cassette to this size; return the file in which the rest is kept."""
        saved = _free(self.path, "cut-off")
        try:
            with self.path.open("rb") as file, open(saved, "xb", opener=_private) as rest:
                file.seek(size)
                shutil.copyfileobj(file, rest)
                rest.flush()
                os.fsync(rest.fileno())
            os.ftruncate(self._fd, size)
        except OSError as error:
            raise self._error("cannot be mended", error) from None
        return saved

    def _take_in(self, path: Path) -> None:
        """Append what a killed recorder had left of an exchange, unless it just was."""
        try:
            if spool.is_finished(path):
                if not self._has(path):
                    self._append(spool.whole(path))
                    self.recovered.append(f"{self.name}: an exchange that had ended, from {path.name}")
            elif (left := spool.exchange_in(path)) is not None:
                self.append(left)
                size = sum(len(read.data) for read in left.reads)
                self.recovered.append(
                    f"{self.name}: an exchange that was interrupted, {size} bytes of its answer, from {path.name}"
                )
            elif path.stat().st_size:
                self.reports.append(f"{self.name}: {path.name} does not hold a whole request; it is left there")
                return
        except ScenarioError as error:
            self.reports.append(f"{self.name}: {path.name} cannot be read and is left there: {error}")
            return
        path.unlink()

    def _has(self, path: Path) -> bool:
        """Whether the cassette already has what a spool holds: a recorder was killed before it took the spool away."""
        text = b"".join(spool.whole(path))
        alike = (span for span in self._spans if span.end - span.start == len(text))
        return any(os.pread(self._fd, len(text), span.start) == text for span in alike)

    def _append(self, pieces: Iterable[bytes]) -> Span:
        """Put a document at the end, whole or not at all."""
        found = os.fstat(self._fd)
        self._check_place(found)
        is_open = found.st_size and os.pread(self._fd, 1, found.st_size - 1) != b"\n"
        separator = b"\n" + _SEPARATOR if is_open else _SEPARATOR
        self._put(_with_first(separator, pieces))
        start = found.st_size + len(separator) - len(_SEPARATOR)
        with os.fdopen(os.dup(self._fd), "rb") as file:
            span = next(scan(file, start, self._lines + 1))
            file.seek(start)
            self._lines += sum(1 for _ in file)
        self._spans.append(span)
        return span

    def _check_place(self, found: os.stat_result) -> None:
        """Raise ServerError if the cassette was moved, replaced or deleted: what is written now would be lost."""
        try:
            now = self.path.stat()
        except OSError:
            now = None
        if now is None or (now.st_dev, now.st_ino) != (found.st_dev, found.st_ino):
            hint = "what was recorded since is kept beside it, and is taken in when this cassette is next recorded into"
            raise ServerError(
                f"{self.name}: the cassette is no longer there: it was moved, replaced or deleted\n  hint: {hint}"
            )

    def _put(self, pieces: Iterable[bytes]) -> None:
        """Write to the end of the file and to the disk, or take back what was written."""
        size = os.fstat(self._fd).st_size
        try:
            for piece in pieces:
                spool.write_to(self._fd, piece)
            os.fsync(self._fd)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._fd, size)
            hint = "what it lacks is kept beside it, and is taken in when it is next recorded into"
            raise self._error("cannot be written", error, f"\n  hint: {hint}") from None

    def _error(self, problem: str, error: OSError, hint: str = "") -> ServerError:
        return ServerError(f"{self.name}: {problem}: {error.strerror}{hint}")


def recover(path: str | Path) -> list[str]:
    """Take into a cassette what a killed recorder had left beside it; return a line for each exchange.

    Raises what CassetteWriter does.
    """
    with CassetteWriter(path, mode="append") as writer:
        return writer.recovered


def write_all(path: str | Path, exchanges: Iterable[Exchange], *, header: Mapping[str, Any] | None = None) -> None:
    """Write a whole cassette in the place of what is there, which is kept until it is done. Raises ServerError if it cannot."""
    target = Path(os.path.realpath(path))
    written = ""
    try:
        _make_folder(target.parent)
        number, written = tempfile.mkstemp(prefix=f".{target.name}.new-", dir=target.parent)
        with os.fdopen(number, "wb") as file:
            file.write(header_text(header).encode())
            for exchange in exchanges:
                file.writelines(_with_first(_SEPARATOR, spool.chunks(text.encode() for text in document(exchange))))
            file.flush()
            os.fsync(number)
        Path(written).replace(target)
    except BaseException as error:
        if written:
            Path(written).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise ServerError(f"{path}: cannot be written: {error.strerror}\n  hint: what was there is as it was") from None
        raise


def _with_first(first: bytes, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield first + piece
        first = b""


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None


def _free(cassette: Path, ending: str) -> Path:
    """Return a name beside the cassette that is not taken."""
    names = (cassette.with_name(f"{cassette.name}.{ending}{f'-{number}' if number > 1 else ''}") for number in count(1))
    return next(path for path in names if not path.exists())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
