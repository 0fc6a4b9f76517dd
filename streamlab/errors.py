"""Every exception of streamlab. Imports nothing of ours.

The first cut is whose fault it is:

    StreamlabError
    ├── ScenarioError      yours: a scenario file, or a reply written in Python
    │   ├── PlaceError     a place that is misspelt, or that the stream does not have
    │   └── FaultError     a fault that is misspelt or cannot be applied
    ├── ServerError        the machine's: a port in use, an address that cannot be bound
    └── VerificationError  the code under test: a request nothing matched, a reply never used

An error is built from objects; its text is made in `__str__`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "CassetteWarning",
    "FaultError",
    "PlaceError",
    "ScenarioError",
    "ServerError",
    "StreamlabError",
    "VerificationError",
    "nearest",
]


class StreamlabError(Exception):
    """The base of every exception that streamlab raises on purpose."""


class ScenarioError(StreamlabError):
    """A scenario, or a part of one, that cannot be used.

    `key` is the path of keys to the part at fault; file, line and column (both from 1) are known when it came from a file.
    """

    def __init__(self, problem: str, *, key: tuple[str | int, ...] = (), hint: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.key = key
        self.hint = hint
        self.file: str | None = None
        self.line: int | None = None
        self.column: int | None = None

    def at(self, file: str, line: int | None = None, column: int | None = None) -> ScenarioError:
        """Return this error with the place in the file where it happened."""
        self.file, self.line, self.column = file, line, column
        return self

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        key = ".".join(str(part) for part in self.key)
        head = " ".join(part for part in (where + ":" if where else "", key + ":" if key else "", self.problem) if part)
        return head + (f"\n  hint: {self.hint}" if self.hint else "")


class PlaceError(ScenarioError):
    """A place that is misspelt, or that the stream does not have."""


class FaultError(ScenarioError):
    """A fault that is misspelt, or that cannot be applied to this reply."""


class ServerError(StreamlabError):
    """The server could not start or go on."""


class VerificationError(StreamlabError, AssertionError):
    """What happened is not what the test asked for; an assertion, so that pytest shows it as a failure."""


class CassetteWarning(UserWarning):
    """Something about a cassette that should be known, though it can be used: a secret in it, an exchange that is not used."""


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Return the hint for a word that is none of the allowed ones: the nearest of them, and all of them."""
    words = sorted(allowed)
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return (f"did you mean {near[0]!r}? " if near else "") + f"expected one of: {', '.join(words)}"
