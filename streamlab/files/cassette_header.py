"""The header of a cassette: what counts when its requests are matched, and what comes after the last exchange of one.

    streamlab: 1
    kind: cassette
    about: The weather, twice.
    match:
      ignore: [metadata, messages.0.id]
      normalise: [ids, dates]
    repeat: none
    redact: ["cust_[0-9]+"]

All but the first two may be left out, and unknown keys are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streamlab.core.recognition import NORMALISERS, Matching
from streamlab.core.redaction import compile_patterns
from streamlab.core.tapes import REPEATS, Repeat
from streamlab.errors import ScenarioError, nearest
from streamlab.files.cassette_text import HEADER, inline, scalar
from streamlab.files.values import shorten

__all__ = ["Terms", "header_text", "terms"]

Key = tuple[str | int, ...]

_FIRST = ("streamlab", "kind")
_MATCH = ("ignore", "normalise")


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms the exchanges of a cassette are given."""

    matching: Matching = field(default_factory=Matching)
    repeat: Repeat = "last"
    about: str = ""


def terms(header: Mapping[str, Any]) -> Terms:
    """Return what a header says of replay. Raises ScenarioError, with the key at fault."""
    match = header.get("match", {})
    if not isinstance(match, Mapping):
        raise _wrong(match, "a mapping", ("match",), "for example: match: {ignore: [metadata]}")
    for key in match:
        if key not in _MATCH:
            raise ScenarioError(
                f"there is no way of matching called {key!r}", key=("match", key), hint=nearest(str(key), _MATCH)
            )
    names = _texts(match.get("normalise", []), ("match", "normalise"), "[ids, dates]")
    for index, name in enumerate(names):
        if name not in NORMALISERS:
            key = ("match", "normalise", index)
            raise ScenarioError(f"{name!r} cannot be normalised", key=key, hint=nearest(name, NORMALISERS))
    ignored = _texts(match.get("ignore", list(Matching().ignore)), ("match", "ignore"), "[metadata]")
    repeat = header.get("repeat", "last")
    if repeat not in REPEATS:
        hint = nearest(str(repeat), REPEATS)
        raise ScenarioError(f"{shorten(repeat)} is no way to repeat", key=("repeat",), hint=hint)
    about = header.get("about", "")
    if not isinstance(about, str):
        raise _wrong(about, "a text", ("about",), "put it in quotes")
    return Terms(Matching(ignored, names, _patterns(header.get("redact", []))), repeat, about)


def header_text(header: Mapping[str, Any] | None) -> str:
    """Return the first document of a cassette that says this, a line for each key."""
    others = {key: value for key, value in (header or {}).items() if key not in _FIRST}
    return HEADER + "".join(f"{scalar(key)}: {inline(value)}\n" for key, value in others.items())


def _patterns(written: object) -> tuple[Any, ...]:
    texts = _texts(written, ("redact",), '["cust_[0-9]+"]')
    for index, text in enumerate(texts):
        try:
            compile_patterns([text], "redact")
        except ScenarioError as error:
            error.key = ("redact", index)
            error.problem = error.problem.removeprefix("redact: ")
            raise
    return compile_patterns(texts)


def _texts(written: object, key: Key, example: str) -> tuple[str, ...]:
    if not isinstance(written, list):
        raise _wrong(written, "a list", key, f"for example: {key[-1]}: {example}")
    for index, each in enumerate(written):
        if not isinstance(each, str) or not each:
            raise _wrong(each, "a text", (*key, index), f"for example: {key[-1]}: {example}")
    return tuple(written)


def _wrong(value: object, expected: str, key: Key, hint: str) -> ScenarioError:
    return ScenarioError(f"{expected} is expected, not {shorten(value)}", key=key, hint=hint)
