"""Cassettes to be replayed: opened once for a whole run, as an entry among rules or as the source of a reply."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import overload

from streamlab.core.exchange import Request
from streamlab.core.tapes import Exchanges, Tape
from streamlab.errors import CassetteWarning, ScenarioError
from streamlab.files.cassette import Cassette
from streamlab.files.secret_search import secret_lines

__all__ = ["Opened", "cassette", "opened", "opened_text"]

_READ_WHOLE = 2 * 1024 * 1024
"""Up to so many bytes, every exchange is read at once, so that an error is found before anything is served."""
_MOST_OPEN = 64
"""How many cassettes are remembered."""
_LINES_SHOWN = 3

_Stamp = tuple[int, int, int]


class _Requests(Sequence[Request]):
    """The requests of a cassette, each read when it is asked for."""

    def __init__(self, cassette: Cassette) -> None:
        self._cassette = cassette

    def __len__(self) -> int:
        return len(self._cassette)

    @overload
    def __getitem__(self, index: int) -> Request: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Request]: ...

    def __getitem__(self, index: int | slice) -> Request | Sequence[Request]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        return self._cassette.request(index)


@dataclass(frozen=True, slots=True)
class Opened:
    """A cassette as it is replayed. `warnings` say what should be known of it."""

    tape: Tape
    about: str
    warnings: tuple[str, ...]

    def exchanges(self, number: int | None = None) -> Exchanges:
        """Return all its exchanges as a source, or one, counted from 1. Raises ScenarioError if it has none of this number."""
        count = len(self.tape)
        if number is None and not count:
            raise ScenarioError("the cassette holds no exchange", hint="record one into it: streamlab record")
        if number is not None and not 1 <= number <= count:
            hint = "exchanges are counted from 1" if count else "record one into it: streamlab record"
            raise ScenarioError(
                f"there is no exchange {number}: the cassette holds {count or 'none'}", key=("exchange",), hint=hint
            )
        return Exchanges(self.tape.load, range(count) if number is None else (number - 1,))


_opened: dict[tuple[Path, Path], tuple[_Stamp, Opened]] = {}


def opened(path: Path) -> Opened:
    """Return the cassette in a file; one that has not changed is not read again.

    Raises ScenarioError if it is no cassette, or if an exchange of a small one cannot be read.
    """
    key = (path.absolute(), path)
    try:
        found = path.stat()
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
    except (OSError, ValueError):
        stamp = (0, 0, 0)  # the cassette itself says what is wrong
    known = _opened.pop(key, None)
    if known is None or known[0] != stamp:
        known = (stamp, _open(path))
    _opened[key] = known
    while len(_opened) > _MOST_OPEN:
        del _opened[next(iter(_opened))]
    return known[1]


def cassette(path: str | Path, exchange: int | None = None) -> Exchanges:
    """Return a reply of the recorded exchanges in a cassette: all in their order, or one, counted from 1.

    Raises ScenarioError if it cannot be read or has no such exchange.
    """
    if exchange is not None and (isinstance(exchange, bool) or not isinstance(exchange, int)):
        raise ScenarioError(f"the number of an exchange is expected, not {exchange!r}", key=("exchange",))
    found = opened(Path(path))
    for each in found.warnings:
        warnings.warn(each, CassetteWarning, stacklevel=2)
    try:
        return found.exchanges(exchange)
    except ScenarioError as error:
        raise error.at(str(path)) from None


def _open(path: Path) -> Opened:
    read = Cassette(path)
    return _of(read, path.stem, tuple(_warnings(read)))


def opened_text(data: bytes, name: str) -> Opened:
    """Return the cassette in the bytes of a file of this name. Raises ScenarioError if there is none."""
    return _of(Cassette(name, data), name, ())


def _of(read: Cassette, name: str, warned: tuple[str, ...]) -> Opened:
    if read.size <= _READ_WHOLE:
        for _ in read:
            pass
    terms = read.terms
    tape = Tape(name, _Requests(read), read.__getitem__, terms.matching, terms.repeat)
    return Opened(tape, terms.about, warned)


def _warnings(read: Cassette) -> list[str]:
    found = [] if read.cut_off is None else [f"{read.name}: {read.cut_off}"]
    lines = list(islice(secret_lines(read.path, read.terms.matching.redact), _LINES_SHOWN + 1))
    more = f"{read.name}: and in more lines" if len(lines) > _LINES_SHOWN else ""
    hint = "a key in a file is a key in the wrong hands: take it out, and have it replaced"
    shown = [f"{read.name}:{line}: holds something that is shaped like a secret" for line in lines[:_LINES_SHOWN]]
    return [*found, *(["\n".join((*shown, *([more] if more else []), f"  hint: {hint}"))] if shown else [])]
