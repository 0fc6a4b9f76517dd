"""The search for secrets in a cassette: one that came from elsewhere, or was edited, may hold what no recorder keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from streamlab.core.redaction import Pattern, is_secret_header, redact_query, redact_text, redact_value

__all__ = ["secret_lines"]

_PIECE = 1 << 20
_MOST_HEADER = 100
"""Lines in which the header's end is looked for."""
_HEADER = re.compile(r"(?m)^ {1,8}(?:- \[ *[\"']?([A-Za-z0-9-]+)[\"']?, *|([A-Za-z0-9-]+): +)(?![\"']?\[redacted\])\S")
_VALUE = re.compile(r"(?m)^ {1,8}- \[ *[\"']?[A-Za-z0-9-]+[\"']?, *(\S.*[?#].*)$")
_QUERY = re.compile(r"(?m)^ {1,8}query: +(\S.*)$")
_ESCAPED = re.compile(r"\\[nrtbf]")
"""What separates words in JSON; its letter would be taken for a part of what follows."""


def secret_lines(path: Path, patterns: Sequence[Pattern] = ()) -> Iterator[int]:
    """Yield the numbers of the lines, from 1, in which something is shaped like a secret, compressed bodies left out.

    Where the header lists the patterns themselves, they are not looked for.
    """
    number, is_list = 1, False
    with path.open("rb") as file:
        for line in islice(file, _MOST_HEADER):
            is_list = line.startswith(b"redact:") or (is_list and line[:1] in (b" ", b"-"))
            if _is_secret(line.decode("utf-8", "replace"), () if is_list else patterns):
                yield number
            number += 1
            if line.startswith(b"---"):
                break
        while piece := file.read(_PIECE):
            text = (piece + file.readline()).decode("utf-8", "replace")
            if _is_secret(text, patterns):
                yield from (each for each, line in enumerate(text.split("\n"), number) if _is_secret(line, patterns))
            number += text.count("\n")


def _is_secret(text: str, patterns: Sequence[Pattern]) -> bool:
    plain = _ESCAPED.sub("  ", text) if "\\" in text else text
    if redact_text(plain, patterns) != plain or any(is_secret_header(each[1] or each[2]) for each in _HEADER.finditer(text)):
        return True
    if any(redact_value(value, patterns) != value for value in _VALUE.findall(text)):
        return True
    return any(redact_query(query, patterns) != query for query in _QUERY.findall(text))
