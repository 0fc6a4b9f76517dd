"""How recorded values are shown in a terminal: without secrets, without control characters, cut to a width, with units.

A recording is written by somebody else: what would move the cursor, change the title or turn the direction of the text is
shown as a sign and never sent.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

from streamlab.core.redaction import redact_text

__all__ = ["Line", "Style", "as_json", "cells", "cleaned", "count", "cut", "of_bytes", "seconds", "visible"]

Style = Literal["", "title", "dim", "text", "error"]

_SIGNS = {
    "\n": "⏎",
    "\r": "␍",
    "\t": "⇥",
    "\x7f": "␡",
    **{chr(code): chr(0x2400 + code) for code in range(32) if code not in {9, 10, 13}},
}
_HARMLESS = "\u200c\u200d"
"""What joins the parts of letters and of pictures."""
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_MINUTE = 60
_SECOND = 1
_TEN_MILLISECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Line:
    """A line, and what it is."""

    text: str
    style: Style = ""


def visible(text: str) -> str:
    """Return a text as it can stand in one line of a terminal, without secrets."""
    text = redact_text(text)
    return text if text.isprintable() else "".join(map(_sign, text))


def cut(text: str, most: int) -> str:
    """Return a text that takes at most so many cells of a terminal; 0 cuts nothing."""
    if not most or (len(text) <= most and text.isascii()) or cells(text) <= most:
        return text
    used = list(accumulate(map(_cells, text)))
    return text[: sum(each <= most - 1 for each in used)] + "…"


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def seconds(value: float | None) -> str:
    """Return a time with its unit; a hyphen if it is not known."""
    if value is None:
        return "-"
    if abs(value) >= _MINUTE:
        minutes, rest = divmod(round(value), _MINUTE)
        return f"{minutes} min {rest:02} s"
    if abs(value) >= _SECOND:
        return f"{value:.2f} s"
    return f"{1000 * value:.{1 if abs(value) < _TEN_MILLISECONDS else 0}f} ms"


def count(number: int, noun: str) -> str:
    """Return a number and what it counts."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def of_bytes(data: bytes) -> str:
    """Return bytes as a text; what is no UTF-8 is shown as escapes."""
    return data.decode("utf-8", "backslashreplace")


def as_json(value: Any) -> str:
    """Return a value as JSON in one line of plain ASCII, without secrets."""
    return json.dumps(cleaned(value)).replace("\x7f", "\\u007f")


def cleaned(value: Any) -> Any:
    """Return a JSON value without secrets."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, dict):
        return {redact_text(str(key)): cleaned(each) for key, each in value.items()}
    return [cleaned(each) for each in value] if isinstance(value, list | tuple) else value


def _sign(character: str) -> str:
    if character in _SIGNS:
        return _SIGNS[character]
    is_unseen = unicodedata.category(character) in _UNSEEN and character not in _HARMLESS
    return f"⟨{ord(character):x}⟩" if is_unseen else character


def _cells(character: str) -> int:
    if unicodedata.combining(character) or character in _HARMLESS:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
