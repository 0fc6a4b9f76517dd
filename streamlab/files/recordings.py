"""Recordings of any kind, to be looked at: cassettes, whose exchanges are read one by one, and what can be imported."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from streamlab.core.exchange import Exchange, Request
from streamlab.errors import ScenarioError
from streamlab.files.cassette import Cassette
from streamlab.files.importers import import_file

__all__ = ["FOREIGN", "Recording", "files_in", "is_there", "named", "open_recording"]

FOREIGN = ("this is none of the formats", "this is a file of streamlab already")
"""How the problem of a file begins that is no recording of another tool."""

_PEEK = 65_536
_OURS = re.compile(rb"(?m)^[\"']?(?:streamlab|kind)[\"']?[ ]*:")
_NUMBERED = re.compile(r"(?P<file>.+):(?P<number>[0-9]{1,9})", re.DOTALL)
_SUFFIXES = {".yaml", ".yml", ".json", ".jsonl", ".ndjson", ".har", ".sse", ".txt", ".frozen", ".btjs", ".gz"}
_MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class Recording:
    """The exchanges of a file, numbered from 1. `notes` says what should be known of it beside them."""

    name: str
    exchanges: Cassette | Sequence[Exchange]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.exchanges)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self.exchanges)

    def exchange(self, number: int) -> Exchange:
        """Return an exchange by its number. Raises ScenarioError if there is none of this number."""
        if 1 <= number <= len(self):
            return self.exchanges[number - 1]
        there = "one exchange" if len(self) == 1 else f"{len(self):,} exchanges" if len(self) else "no exchange"
        hint = "they are numbered from 1" if len(self) else ""
        raise ScenarioError(f"there is no exchange {number}: the file has {there}", hint=hint).at(self.name)

    @property
    def requests(self) -> Iterator[Request]:
        """Every request; of a cassette, without reading the answers."""
        if isinstance(self.exchanges, Cassette):
            return (request for _, request in self.exchanges.requests)
        return (exchange.request for exchange in self.exchanges)


def open_recording(path: Path) -> Recording:
    """Return what is recorded in a file. Raises ScenarioError if it cannot be read, or is no recording of any kind."""
    name = str(path)
    if is_there(path) and not path.is_dir() and not _is_ours(path):
        try:
            found = import_file(path)
        except ScenarioError as error:
            if not error.problem.startswith(FOREIGN):
                raise
        else:
            return Recording(name, found.exchanges, tuple(f"{name}: left out: {each}" for each in found.skipped))
    cassette = Cassette(path)
    return Recording(name, cassette, (f"{name}: {cassette.cut_off}",) if cassette.cut_off else ())


def is_there(path: Path) -> bool:
    """Whether it can be looked at. Raises ScenarioError with the nearest name if there is no such file or folder."""
    try:
        if path.exists():
            return True
    except OSError as error:
        raise ScenarioError(f"cannot be read: {error.strerror}").at(str(path)) from None
    raise ScenarioError("there is no such file", hint=_nearest(path)).at(str(path))


def named(written: str) -> tuple[Path, int | None]:
    """Return the file that is meant, and the number of the exchange if it is written after a colon: `c.yaml:3`."""
    found = _NUMBERED.fullmatch(written)
    if found is None or _exists(Path(written)):
        return Path(written), None
    return Path(found["file"]), int(found["number"])


def files_in(folder: Path) -> tuple[Path, ...]:
    """Return the files in a folder and those in it that may be recordings by their names, in order.

    Raises ScenarioError if there are none.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
    found = tuple(path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts))
    if not found:
        raise ScenarioError(
            "no file in this folder is named as a recording", hint=f"known are {', '.join(sorted(_SUFFIXES))}"
        ).at(str(folder))
    return found


def _is_ours(path: Path) -> bool:
    """Whether a file says that it is streamlab's, or has nothing in it."""
    try:
        with path.open("rb") as file:
            beginning = file.read(_PEEK)
    except OSError as error:
        raise ScenarioError(f"cannot be read: {error.strerror}").at(str(path)) from None
    return not beginning.strip() or _OURS.search(beginning) is not None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _nearest(path: Path) -> str:
    """Return the hint for a missing file: the nearest of those in its folder, or the first of them."""
    folder = path.parent
    try:
        names = sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))
    except OSError:
        return f"there is no folder {str(folder)!r} either"
    if near := get_close_matches(path.name, names, n=1, cutoff=0.6):
        return f"did you mean {near[0]!r}?"
    more = ", …" if len(names) > _MOST_NAMES else ""
    return f"its folder holds {', '.join(names[:_MOST_NAMES])}{more}" if names else "its folder is empty"
