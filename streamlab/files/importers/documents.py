"""A file to be imported: its bytes, the data in them, and where a part of it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamlab.errors import ScenarioError
from streamlab.files.importers.bodies import GZIP, gunzip
from streamlab.files.importers.foreign_yaml import Key, Lines, load_documents
from streamlab.files.values import shorten

__all__ = ["Document", "Part", "beside", "read_document"]

_MOST_BYTES = 512 * 1024 * 1024
_MOST_AGAIN = 8 * 1024 * 1024
_UNLIKE_YAML = re.compile(r"\t|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\/")
"""What JSON may hold and YAML may not; a space in its place moves no line."""
_BOM = b"\xef\xbb\xbf"
_STREAM = re.compile(rb"\s*(?:HTTP/\d|(?:event|data|id|retry)?:)")
"""How a stream begins as it came, with or without the head of the answer."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file's data, and the keys that lead to it. What it should be and is not is a ScenarioError."""

    value: Any
    key: Key = ()

    def __getitem__(self, name: str) -> Part:
        return Part(self.mapping().get(name), (*self.key, name))

    def __contains__(self, name: str) -> bool:
        return isinstance(self.value, dict) and self.value.get(name) is not None

    def mapping(self) -> dict[str, Any]:
        """Return it as a mapping."""
        if not isinstance(self.value, dict):
            raise self.wrong("a mapping")
        return self.value

    def parts(self) -> list[Part]:
        """Return the parts of a list."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return [Part(value, (*self.key, index)) for index, value in enumerate(self.value)]

    def items(self) -> Iterator[tuple[str, Part]]:
        """Yield the entries of a mapping."""
        for name, value in self.mapping().items():
            yield name, Part(value, (*self.key, name))

    def text(self) -> str:
        """Return it as a text."""
        if not isinstance(self.value, str):
            raise self.wrong("a text")
        return self.value

    def number(self) -> float:
        """Return it as a number from 0."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float) or not 0 <= self.value < 1e12:  # noqa: PLR2004
            raise self.wrong("a number from 0")
        return float(self.value)

    def wrong(self, expected: str) -> ScenarioError:
        """Return the error that says what was expected here."""
        return ScenarioError(f"{expected} is expected, not {shorten(self.value)}", key=self.key)


@dataclass(frozen=True, kw_only=True)
class Document:
    """A file to be imported. `kind` says what `value` is.

    `stream`: nothing, the bytes are all there is; `json` and `yaml`: the data; `documents`: the list of several YAML documents;
    `lines`: a list of texts and their line numbers, each of which is JSON.
    """

    path: Path
    kind: str
    data: bytes
    value: Any = None
    lines: Lines = field(default_factory=dict)

    @property
    def part(self) -> Part:
        """All of its data."""
        return Part(self.value)

    def place(self, error: ScenarioError) -> ScenarioError:
        """Return the error with this file, and the line of its key if it is known."""
        if error.file is None:
            key: Key = error.key if self.kind == "documents" else (0, *error.key)
            lines = self._lines()
            while key and key not in lines:
                key = key[:-1]
            error.at(str(self.path), lines.get(key))
        return error

    def _lines(self) -> Lines:
        """Return where its parts stand; of JSON in several lines, if it is YAML too and not too long to be read again."""
        if self.kind != "json" or len(self.data) > _MOST_AGAIN or b"\n" not in self.data.strip():
            return self.lines
        text = _UNLIKE_YAML.sub(" ", self.data.decode("utf-8-sig"))
        try:
            return load_documents(text, str(self.path))[1]
        except ScenarioError:
            return {}


def read_document(path: Path) -> Document:
    """Return what is in a file. Raises ScenarioError if it cannot be read, or is neither a stream, JSON nor YAML."""
    data = _read(path)
    name = str(path)
    if data.startswith(GZIP):
        data = _gunzipped(data, name)
    if not data.removeprefix(_BOM).strip():
        raise ScenarioError("the file is empty").at(name)
    if _STREAM.match(data.removeprefix(_BOM)):
        return Document(path=path, kind="stream", data=data)
    text = _text(data, name)
    if text.lstrip()[0] in "{[":
        return _json(path, data, text)
    documents, lines = load_documents(text, name)
    if len(documents) == 1:
        return Document(path=path, kind="yaml", data=data, value=documents[0], lines=lines)
    return Document(path=path, kind="documents", data=data, value=documents, lines=lines)


def beside(folder: Path, part: Part) -> bytes | None:
    """Return the bytes of a file that a recording names, from the folder where such files belong; None if it is not there.

    Raises ScenarioError if the name leads out of the folder.
    """
    name = part.text()
    try:
        target = (folder / name).resolve()
        is_inside = target.is_relative_to(folder.resolve())
    except (OSError, ValueError):
        raise part.wrong("the name of a file") from None
    if not is_inside:
        raise ScenarioError(f"{name!r} leads out of the folder {folder.name!r}", key=part.key)
    try:
        return _read(target)
    except ScenarioError:
        return None


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ScenarioError("this is a folder", hint="name the files in it").at(str(path))
        if path.stat().st_size > _MOST_BYTES:
            raise ScenarioError(f"larger than {_MOST_BYTES // 1024 // 1024} MiB").at(str(path))
        return path.read_bytes()
    except FileNotFoundError:
        raise ScenarioError("there is no such file").at(str(path)) from None
    except OSError as error:
        raise ScenarioError(f"cannot be read: {error.strerror}").at(str(path)) from None
    except ValueError:
        raise ScenarioError("this cannot be the name of a file").at(str(path)) from None


def _gunzipped(data: bytes, name: str) -> bytes:
    try:
        parts = gunzip([data])
    except ScenarioError as error:
        raise error.at(name) from None
    if parts is None:
        raise ScenarioError("not valid gzip").at(name)
    return b"".join(parts)


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = f"not a text in UTF-8: byte {error.start + 1} is {data[error.start]:#04x}"
        raise ScenarioError(problem, hint="save the file as UTF-8").at(name, line) from None


def _json(path: Path, data: bytes, text: str) -> Document:
    try:
        return Document(path=path, kind="json", data=data, value=_loads(text))
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and (lines := _lines(text)):
            return Document(path=path, kind="lines", data=data, value=lines)
        raise ScenarioError(f"not valid JSON: {error.msg}").at(str(path), error.lineno, error.colno) from None
    except ValueError as error:
        raise ScenarioError(f"not valid JSON: {_plainly(error)}").at(str(path)) from None
    except RecursionError:
        raise ScenarioError("the nesting is too deep").at(str(path)) from None


def _lines(text: str) -> list[tuple[int, str]]:
    """Return the lines, with their numbers, if the first of them is JSON by itself; nothing if it is not."""
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    try:
        _loads(lines[0][1])
    except ValueError:
        return []
    return lines


def _loads(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _plainly(error: ValueError) -> str:
    return "a number is too large" if "integer string conversion" in str(error) else str(error)
