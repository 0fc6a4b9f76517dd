"""The cassette that a recorder writes: a new one, one that is there, or one that takes the place of it at the end."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Any

from streamlab.errors import ScenarioError, ServerError
from streamlab.files.cassette import Cassette
from streamlab.files.cassette_writer import CassetteWriter

__all__ = ["CassetteOutput", "Mode", "check_name"]


class Mode(StrEnum):
    """What a recorder does with a cassette that is there already."""

    ONCE = "once"
    """It refuses."""
    NEW = "new"
    """It replays what is in it, and appends the rest."""
    ALL = "all"
    """It records everything anew, and puts that in its place when it is done."""


class CassetteOutput:
    """Opens a cassette for recording; to be closed. `before` is how many exchanges it has, `matching` what its header says.

    `patterns` of what is secret go into the header; one that is there must have them already. So does what a new one says of
    matching, if anything: `match`. Raises ScenarioError if there is one and the mode refuses it, or if what is there is none;
    ServerError if it cannot be written, or is being recorded into.
    """

    def __init__(self, path: Path, mode: Mode, patterns: Sequence[str] = (), match: Mapping[str, Any] | None = None) -> None:
        self.path = path
        self.reports: list[str] = []
        self.before = 0
        self.aside: Path | None = None
        """Where a recording is that did not replace the cassette it was to replace."""
        self._mode = mode
        self._closing = ExitStack()
        self._was_there = path.exists()
        target = self._beside() if mode is Mode.ALL else path
        if mode is Mode.NEW and self._was_there:
            _check_patterns(Cassette(path), patterns)
        header = {**({"match": dict(match)} if match else {}), **({"redact": list(patterns)} if patterns else {})} or None
        try:
            self.writer = CassetteWriter(target, mode="append" if mode is Mode.NEW else "new", header=header)
        except BaseException:
            self._closing.close()
            raise
        self._closing.callback(self.writer.close)
        self.reports += self.writer.reports
        made = Cassette(target)
        self.matching = made.terms.matching
        if mode is Mode.NEW:
            self.before = len(made)

    def close(self, written: int, *, is_good: bool = True) -> bool:
        """Let go of the cassette, in which so many exchanges were written; return whether there is one now.

        One with nothing in it is taken away again, and takes nothing's place. One that is not good replaces none either: it is
        put `aside`.
        """
        self._closing.close()
        if self._mode is Mode.ALL:
            if written and self._was_there and not is_good:
                target = Path(os.path.realpath(self.path))
                self.aside = target.with_name(f"{target.stem}.failed{target.suffix}")
                self._put(self.aside)
            elif written:
                self._put(Path(os.path.realpath(self.path)))
            else:
                self.writer.path.unlink(missing_ok=True)
        elif not written and not self._was_there and not self.writer.recovered:
            self.writer.path.unlink(missing_ok=True)
        return self.path.exists()

    def _beside(self) -> Path:
        """Return the file to record into until all is done; hold on to the one that it will replace."""
        target = Path(os.path.realpath(self.path))
        if self._was_there:
            Cassette(self.path)
            file = self._closing.enter_context(target.open("rb"))
            if not _lock(file.fileno()):
                self._closing.close()
                raise _in_use(self.path)
        beside = target.with_name(f".{target.name}.all")
        if beside.exists():
            self._set_aside(beside, target)
        return beside

    def _set_aside(self, beside: Path, target: Path) -> None:
        """Keep what a recorder that was killed had recorded."""
        with beside.open("rb") as file:
            if not _lock(file.fileno()):
                self._closing.close()
                raise _in_use(self.path)
            names = (target.with_name(f"{target.stem}.killed-{number}{target.suffix}") for number in range(1, 10_000))
            kept = beside.rename(next(path for path in names if not path.exists()))
        self.reports.append(f"{self.path}: an earlier recording was killed; what it had recorded is kept in {kept.name}")

    def _put(self, target: Path) -> None:
        """Give what was recorded its name, whatever has it now. Raises ServerError if that cannot be done."""
        try:
            self.writer.path.replace(target)
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            hint = f"what was recorded is in {self.writer.path}"
            raise ServerError(f"{target}: cannot be replaced: {error.strerror}\n  hint: {hint}") from None


def _check_patterns(cassette: Cassette, patterns: Sequence[str]) -> None:
    """Raise ScenarioError if a cassette does not know what is secret: its requests would not be found again."""
    known = cassette.header.get("redact", [])
    if missing := [each for each in patterns if each not in known]:
        listed = json.dumps([*known, *missing], ensure_ascii=False)
        hint = f"write it there: redact: {listed}; or record into another file"
        raise ScenarioError(f"the header does not have the pattern {missing[0]!r}", hint=hint).at(cassette.name, 1, 1)


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _in_use(path: Path) -> ServerError:
    return ServerError(
        f"{path}: another streamlab is recording into this cassette\n  hint: wait for it to end, or record into another file"
    )


def check_name(path: Path) -> None:
    """Raise ScenarioError if this is no name for a cassette."""
    if path.is_dir():
        raise ScenarioError("this is a folder, not a cassette", hint=f"name a file in it: {path / 'NAME.yaml'}").at(str(path))
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise ScenarioError("a cassette's name ends in .yaml", hint=f"name it {path}.yaml").at(str(path))
