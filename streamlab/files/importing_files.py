"""Importing many files into one cassette: all of them or nothing, with a report on each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamlab.core.exchange import Exchange
from streamlab.errors import ScenarioError
from streamlab.files.cassette_writer import write_all
from streamlab.files.importers import Imported, import_file
from streamlab.files.recordings import FOREIGN, files_in, is_there

__all__ = ["Import", "ImportedFile", "check_target", "sources"]

_NO_EXCHANGE = re.compile(r"its |.* header .* is none that HTTP can carry$", re.DOTALL)
"""What is said to be left out, but is no exchange."""


class _NothingError(Exception):
    """There is nothing to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """What came of one file: what was imported, or why nothing was. A file that is no recording at all is `ignored`."""

    name: str
    imported: Imported | None = None
    error: ScenarioError | None = None
    ignored: str = ""

    @property
    def found(self) -> int:
        """How many exchanges the file has, imported or not."""
        if self.imported is None:
            return 0
        left = [each for each in self.imported.skipped if not _NO_EXCHANGE.match(each)]
        return len(self.imported.exchanges) + len(left)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        if self.imported is None:
            return {"file": self.name, "error": str(self.error)} if self.error else {"file": self.name, "ignored": self.ignored}
        made = self.imported
        return {
            "file": self.name,
            "format": made.format,
            "exchanges": self.found,
            "imported": len(made.exchanges),
            "left_out": list(made.skipped),
            "unknown": list(made.unknown),
            "redacted": made.redacted,
        }


@dataclass(slots=True)
class Import:
    """An import of files into a cassette, and what it adds up to; `unknown` counts the files by what they cannot know.

    `patterns` are the user's own secrets, as texts; the cassette keeps them.
    """

    patterns: tuple[str, ...] = ()
    files: int = 0
    found: int = 0
    imported: int = 0
    redacted: int = 0
    errors: int = 0
    ignored: int = 0
    written: bool = False
    unknown: dict[str, int] = field(default_factory=dict)

    def run(
        self,
        files: Iterable[tuple[Path, bool]],
        target: Path,
        tell: Callable[[ImportedFile], None],
        *,
        keep_going: bool = False,
    ) -> None:
        """Import files, each with whether it was named itself; tell of each; and write the cassette.

        It is written, and the file that was there replaced, if something was imported and no file has an error; `keep_going`
        leaves those out. Raises ServerError if it cannot be written.
        """
        try:
            exchanges = self._exchanges(files, tell, keep_going=keep_going)
            write_all(target, exchanges, header={"redact": list(self.patterns)} if self.patterns else None)
        except _NothingError:
            return
        self.written = True

    def _exchanges(
        self, files: Iterable[tuple[Path, bool]], tell: Callable[[ImportedFile], None], *, keep_going: bool
    ) -> Iterator[Exchange]:
        for path, is_named in files:
            report = _imported(path, self.patterns, is_named=is_named)
            self._add(report)
            tell(report)
            if report.imported is not None:
                yield from report.imported.exchanges
        if not self.imported or (self.errors and not keep_going):
            raise _NothingError

    def _add(self, report: ImportedFile) -> None:
        self.files += 1
        self.errors += report.error is not None
        self.ignored += bool(report.ignored)
        self.found += report.found
        if report.imported is not None:
            self.imported += len(report.imported.exchanges)
            self.redacted += report.imported.redacted
            for each in report.imported.unknown:
                self.unknown[each] = self.unknown.get(each, 0) + 1

    def as_dict(self) -> dict[str, Any]:
        """Return its sums as plain data."""
        return {
            "files": self.files,
            "exchanges": self.found,
            "imported": self.imported,
            "left_out": self.found - self.imported,
            "redacted": self.redacted,
            "errors": self.errors,
            "ignored": self.ignored,
            "unknown": self.unknown,
            "written": self.written,
        }


def sources(names: Iterable[str]) -> Iterator[tuple[Path, bool]]:
    """Yield the files that are meant, each once, and whether it was named itself and not found in a folder.

    Raises ScenarioError if one is not there, or if a folder has none.
    """
    seen: set[Path] = set()
    for path in map(Path, names):
        is_there(path)
        for each in files_in(path) if path.is_dir() else (path,):
            if each.resolve() not in seen:
                seen.add(each.resolve())
                yield each, each is path


def check_target(target: Path, *, force: bool) -> None:
    """Raise ScenarioError if the cassette cannot be written there, or something is there and may not be replaced."""
    if target.is_dir():
        raise ScenarioError("this is a folder, not a cassette", hint="name a file in it").at(str(target))
    if target.exists() and not force:
        raise ScenarioError("the file is there already", hint="--force replaces it").at(str(target))


def _imported(path: Path, patterns: Sequence[str], *, is_named: bool) -> ImportedFile:
    try:
        return ImportedFile(name=str(path), imported=import_file(path, patterns))
    except ScenarioError as error:
        if error.problem.startswith(FOREIGN) and not is_named:
            return ImportedFile(name=str(path), ignored=error.problem)
        return ImportedFile(name=str(path), error=error)
