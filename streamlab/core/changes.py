"""Changes as lines for a terminal: short values side by side, texts word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

from streamlab.core.comparison import ABSENT, Change
from streamlab.core.events import dump
from streamlab.core.shown import Line, count, cut, visible

__all__ = ["change_lines", "words_changed"]

_WORD = re.compile(r"\s+|\w+|[^\w\s]")
_AROUND = 6
"""How many words and spaces are shown around a change."""
_MOST_WORDS = 1000
"""More changed words than this are shown as one piece: comparing them takes the square of the time."""
_SHORT = 60
_LONGEST = 600


def change_lines(change: Change, width: int = 0) -> Iterator[Line]:
    """Yield the lines of a change; a text is cut where it is very long, any other line to the width."""
    before, after = change.before, change.after
    if isinstance(before, str) and isinstance(after, str) and max(len(before), len(after)) > _SHORT:
        yield Line(cut(f"  {visible(change.where)}", width), "title")
        yield Line(f"    {words_changed(before, after)}")
        return
    if before is ABSENT:
        told = f"only in the second: {_side(after)}"
    else:
        told = f"only in the first: {_side(before)}" if after is ABSENT else f"{_side(before)} → {_side(after)}"
    yield Line(cut(f"  {visible(change.where)}: {told}", width))


def words_changed(before: str, after: str) -> str:
    """Return two texts as one, with `[-…-]` around what went and `{+…+}` around what came."""
    one, other = _WORD.findall(before), _WORD.findall(after)
    shown = []
    steps = _steps(one, other)
    for number, (is_equal, gone, came) in enumerate(steps):
        if is_equal:
            shown.append(_around(gone, is_first=number == 0, is_last=number == len(steps) - 1))
            continue
        shown += [f"[-{_piece(gone)}-]"] if gone else []
        shown += [f"{{+{_piece(came)}+}}"] if came else []
    return "".join(shown)


def _steps(one: Sequence[str], other: Sequence[str]) -> list[tuple[bool, Sequence[str], Sequence[str]]]:
    """Return runs of words that are equal, and runs that went and came."""
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    gone, came = one[start : len(one) - end], other[start : len(other) - end]
    if max(len(gone), len(came)) > _MOST_WORDS:
        middle: list[tuple[bool, Sequence[str], Sequence[str]]] = [(False, gone, came)]
    else:
        codes = SequenceMatcher(None, gone, came, autojunk=False).get_opcodes()
        middle = [(tag == "equal", gone[i:j], came[k:m]) for tag, i, j, k, m in codes]
    ends = [(True, one[:start], one[:start]), *middle, (True, one[len(one) - end :], one[len(one) - end :])]
    return [each for each in ends if each[1] or each[2]]


def _around(words: Sequence[str], *, is_first: bool, is_last: bool) -> str:
    """Return words that did not change, without those that are far from a change."""
    head, tail = 0 if is_first else _AROUND, 0 if is_last else _AROUND
    if len(words) <= head + tail + 1:
        return visible("".join(words))
    return visible("".join(words[:head])) + "…" + visible("".join(words[len(words) - tail :]))


def _piece(words: Sequence[str]) -> str:
    text = "".join(words)
    return visible(text) if len(text) <= _LONGEST else f"{visible(text[:_LONGEST])}… ({count(len(text), 'character')})"


def _side(value: Any) -> str:
    if isinstance(value, str):
        return visible(value) if value else "''"
    return visible(dump(value))
