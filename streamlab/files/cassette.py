"""Cassettes: files of exchanges, found by scanning and read one by one.

A cassette is YAML documents between lines that are exactly `---`: a header, then one document for each exchange. Opening one
notes where each document stands; an exchange is read when it is asked for. The last line of a document says how its exchange
ended, so that one without it is known to be cut off: at the end of the file it is not believed, and said.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from streamlab.core.exchange import Ended, Exchange, Request
from streamlab.core.sse import BOM
from streamlab.errors import ScenarioError, nearest
from streamlab.files import cassette_document
from streamlab.files.cassette_document import Source, Span
from streamlab.files.cassette_general import Shifted, load_document
from streamlab.files.cassette_header import Terms, terms
from streamlab.files.values import shorten

__all__ = ["VERSION", "Cassette", "is_cassette", "missing", "says_cassette", "scan"]

VERSION = 1
"""The version of cassettes that is written, and the one that is read."""

Part = TypeVar("Part")

_PEEK = 65_536
_SPACE, _HYPHEN = b" -"
_NO_KEY = b"#%\r\n"
_ENDED = re.compile(rb"ended:.*\n|ended:[ ]*[\"\']?(?:%s)[\"\']?" % "|".join(Ended).encode())
_SEPARATOR = re.compile(rb"---[ \t]*(?:\r?\n)?|--?")
"""The line between two documents, or what is left of it at the end of a file that is cut off."""
_KIND = re.compile(rb"\bkind[\"']?[ ]*:[ ]*[\"']?cassette\b")
_TOP_KIND = re.compile(rb"(?m)^(?:\{.*[{, ])?[\"']?kind[\"']?[ ]*:[ ]*[\"']?cassette\b")
"""The same where keys of a document stand: a scenario may speak of it in a text."""
_IMPORT = "streamlab import FILE --out CASSETTE makes a cassette of it"
_STRANGERS: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (re.compile(rb"\x1f\x8b|(?s:.*)\0"), "this is no text", "a cassette is YAML, as streamlab record writes it"),
    (re.compile(rb"\s*(?:event|data|id|retry)?:"), "this is a recorded stream, not a cassette", _IMPORT),
    (re.compile(rb"\s*[{\[]"), "this is JSON, not a cassette", _IMPORT),
    (re.compile(rb"(?ms:.*^)(?:http_)?interactions:"), "this is a recording of VCR, not a cassette of streamlab", _IMPORT),
    (re.compile(rb"(?ms:(?:.*^)?when:.*^then:)"), "this is a recording of httpmock, not a cassette of streamlab", _IMPORT),
    (
        re.compile(rb"(?ms:.*^)(?:reply|replies|rules)\s*:"),
        "this is a scenario, not a cassette",
        "streamlab serve answers from either; what reads cassettes takes no scenario",
    ),
)
"""What is often taken for a cassette: how it begins, what it is, what to do."""
_ANY = "a cassette begins with the lines streamlab: 1 and kind: cassette; streamlab record makes one, streamlab import too"


class Cassette:
    """A file of exchanges, which are read when they are asked for.

    `header` is what its first document says, and `terms` what that means for replay. `cut_off` says what is missing if the
    last exchange is cut off; it is not one of the exchanges, and begins at the byte `size`. What is given as `data` is not read
    from disk. Raises ScenarioError if the file is no cassette, and later, with the place in the file, if an exchange cannot be
    read.
    """

    def __init__(self, path: str | Path, data: bytes | None = None) -> None:
        self.path = Path(path)
        self.name = str(path)
        self._data = data
        with self._open() as file:
            self._file = _identity(file)
            _check_beginning(file.read(_PEEK), self.name)
            header, *spans = scan(file)
            source = _source(file)
            self.header, self.terms = _read_header(
                load_document(source(header.start, header.end - header.start), header.line, self.name)
            )
            self.cut_off = _cut_off(spans, source, self.name)
            self.size = spans[-1].separator if self.cut_off else file.seek(0, os.SEEK_END)
        self.spans = tuple(spans[:-1] if self.cut_off else spans)

    def __len__(self) -> int:
        return len(self.spans)

    def __getitem__(self, index: int) -> Exchange:
        return self._read(self.spans[index], cassette_document.exchange)

    def __iter__(self) -> Iterator[Exchange]:
        return (self[index] for index in range(len(self)))

    def request(self, index: int) -> Request:
        """Return the request of an exchange, without reading the answer."""
        return self._read(self.spans[index], cassette_document.request)

    @property
    def requests(self) -> Iterator[tuple[int, Request]]:
        """Every request with the index of its exchange, without reading the answers."""
        return ((index, self._read(span, cassette_document.request)) for index, span in enumerate(self.spans))

    def _read(self, span: Span, read: Callable[[Source, Span, str], Part]) -> Part:
        with self._source(span) as source:
            return read(self._later(span) if span.is_long else source, span, self.name)

    def _later(self, span: Span) -> Source:
        """Return what reads the file when somebody asks for a part of it, for as long as it is the same."""

        def read(offset: int, size: int) -> bytes:
            with self._source(span) as source:
                return source(offset, size)

        return read

    def _open(self) -> AbstractContextManager[BinaryIO]:
        return _opened(self.path, self.name) if self._data is None else BytesIO(self._data)

    @contextmanager
    def _source(self, span: Span) -> Iterator[Source]:
        """Open the file. Raises ScenarioError if this document is not in it any more."""
        with self._open() as file:
            source = _source(file)
            is_same = _identity(file) == self._file and file.seek(0, os.SEEK_END) >= span.end
            if not is_same or source(span.separator, 3) != b"---":
                raise ScenarioError("the cassette has changed since it was opened", hint="open it again").at(self.name)
            yield source


def scan(file: BinaryIO, offset: int = 0, line_number: int = 1) -> Iterator[Span]:
    """Yield where the documents of a cassette stand, from an offset on, which is at the beginning of a line.

    What precedes the first `---` is a document if it is more than comments.
    """
    file.seek(offset)
    found = _Open(offset, offset, line_number)
    for number, line in enumerate(file, line_number):
        if line[0] != _SPACE:  # keys are what stands at the left
            if line[0] == _HYPHEN and _SEPARATOR.fullmatch(line):
                if found.has_content or found.number > 1:
                    yield found.closed(offset)
                found = _Open(offset, offset + len(line), number + 1, found.number + 1)
            elif line[0] not in _NO_KEY:
                found.note(line, offset)
        elif not found.has_content:
            found.has_content = not line.isspace()
        offset += len(line)
    yield found.closed(offset)


@dataclass(slots=True)
class _Open:
    """A document whose end is not found yet."""

    separator: int = 0
    start: int = 0
    line: int = 1
    number: int = 0
    has_content: bool = False
    key: bytes = b""
    ends: dict[bytes, int] = field(default_factory=dict)
    is_whole: bool = False

    def note(self, line: bytes, offset: int) -> None:
        """Take a line that begins with a key."""
        self.has_content = True
        if self.key:
            self.ends.setdefault(self.key, offset)
        self.key = line.partition(b":")[0]
        self.is_whole = bool(_ENDED.fullmatch(line))

    def closed(self, end: int) -> Span:
        """Return the document, which ends here."""
        request_end = self.ends.get(b"request", end)
        response_end = self.ends.get(b"response", end if self.key == b"response" else request_end)
        return Span(self.separator, self.start, request_end, response_end, end, self.line, self.is_whole)


def is_cassette(path: Path) -> bool:
    """Whether the first document of a file says that it is a cassette. What cannot be read is none."""
    try:
        with path.open("rb") as file:
            return says_cassette(file.read(_PEEK))
    except (OSError, ValueError):
        return False


def says_cassette(data: bytes) -> bool:
    """Whether the first document in the bytes of a file says that it is a cassette."""
    return _says_cassette(data[:_PEEK], _TOP_KIND)


def missing(path: Path, what: str) -> str:
    """Return the hint for a missing file: the nearest of those in its folder."""
    folder = path.parent
    try:
        names = [each.name for each in folder.iterdir() if each.suffix in (".yaml", ".yml")]
    except OSError:
        return f"there is no folder {str(folder)!r} either"
    return nearest(path.name, names) if names else f"its folder holds no {what}"


@contextmanager
def _opened(path: Path, name: str) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise ScenarioError("there is no such file", hint=missing(path, "cassette")).at(name) from None
    except IsADirectoryError:
        names = sorted(each.name for each in path.iterdir() if each.suffix in (".yaml", ".yml"))
        hint = f"name one of the files in it: {', '.join(names)}" if names else "there is no cassette in it either"
        raise ScenarioError("this is a folder, not a cassette", hint=hint).at(name) from None
    except OSError as error:
        raise ScenarioError(f"cannot be read: {error.strerror}").at(name) from None
    except ValueError:
        raise ScenarioError("this cannot be the name of a file").at(name) from None
    with file:
        yield file


def _source(file: BinaryIO) -> Source:
    def read(offset: int, size: int) -> bytes:
        file.seek(offset)
        return file.read(size)

    return read


def _identity(file: BinaryIO) -> tuple[int, int]:
    if isinstance(file, BytesIO):
        return 0, 0
    found = os.fstat(file.fileno())
    return found.st_dev, found.st_ino


def _check_beginning(data: bytes, name: str) -> None:
    """Raise ScenarioError if this is how another kind of file begins."""
    if not data.strip():
        raise ScenarioError("the file is empty", hint=_ANY).at(name, 1, 1)
    if not _says_cassette(data):
        strangers = (each[1:] for each in _STRANGERS if each[0].match(data.removeprefix(BOM)))
        problem, hint = next(strangers, ("this is not a cassette", _ANY))
        raise ScenarioError(problem, hint=hint).at(name, 1, 1)


def _says_cassette(data: bytes, pattern: re.Pattern[bytes] = _KIND) -> bool:
    """Whether a file that begins so is a cassette; comments may precede its first document."""
    return any(pattern.search(each) for each in re.split(rb"(?m)^---[ \t]*\r?$", data)[:2])


def _read_header(header: Shifted) -> tuple[dict[str, Any], Terms]:
    """Return what a header says. Raises ScenarioError if it is not that of a cassette of the version that is read."""
    _check_header(header)
    data: dict[str, Any] = header.located.data
    try:
        return data, terms(data)
    except ScenarioError as error:
        raise header.place(error) from None


def _check_header(header: Shifted) -> None:
    """Raise ScenarioError if this is not the header of a cassette of the version that is read."""
    data = header.located.data
    kind, version = (data.get("kind"), data.get("streamlab")) if isinstance(data, dict) else (None, None)
    if kind != "cassette":
        raise header.place(ScenarioError("this is not a cassette", hint=_ANY))
    if version is None:
        raise header.place(ScenarioError("says no version", key=("streamlab",), hint=f"add the line: streamlab: {VERSION}"))
    if type(version) is not int or version < 1:
        hint = f"the first version is {VERSION}"
        raise header.place(ScenarioError(f"there is no version {shorten(version)}", key=("streamlab",), hint=hint))
    if version > VERSION:
        problem = f"made by a newer streamlab (version {version}); this one reads {VERSION}"
        raise header.place(ScenarioError(problem, key=("streamlab",), hint="update streamlab: pip install -U streamlab-sse"))


def _cut_off(spans: Sequence[Span], source: Source, name: str) -> str | None:
    """Return what is missing if the last document is cut off. Raises ScenarioError if another is."""
    for span in spans:
        is_last = span is spans[-1]
        if span.is_whole or _says_end(span, source, name, is_last=is_last):
            continue
        place = "in its request" if span.request_end == span.end else "in its answer"
        place = place if span.response_end == span.end else "before it says how it ended"
        if is_last:
            return f"line {span.line}: the last exchange is cut off {place}; it is left out"
        problem = f"this exchange is cut off {place}"
        hint = "only the last one can be cut off by a recording that was: mend it, or take it out"
        raise ScenarioError(problem, hint=hint).at(name, span.line, 1)
    return None


def _says_end(span: Span, source: Source, name: str, *, is_last: bool) -> bool:
    """Whether a document in an unusual layout says how its exchange ended."""
    try:
        data = load_document(source(span.start, span.end - span.start), span.line, name).located.data
    except ScenarioError:
        return False
    return isinstance(data, dict) and "ended" in data and (not is_last or data["ended"] in [*Ended])
