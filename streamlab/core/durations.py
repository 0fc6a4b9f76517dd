"""Lengths of time as people write them."""

from __future__ import annotations

import re

from streamlab.errors import ScenarioError

__all__ = ["FOREVER", "seconds"]

FOREVER = "forever"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s?(ms|s|m|h)", re.ASCII)
_LONGEST = 1e9
"""Thirty years: a longer time is a slip, and no clock takes it."""


def seconds(written: object, *, key: str, allow_forever: bool = False) -> float:
    """Return the seconds in `400ms`, `2s`, `1m`, `1h` or a number of seconds; infinity for `forever`.

    Raises ScenarioError, with `key`, for anything else.
    """
    if isinstance(written, int | float) and not isinstance(written, bool) and 0 <= written <= _LONGEST:
        return float(written)
    if written == FOREVER and allow_forever:
        return float("inf")
    found = _PATTERN.fullmatch(written) if isinstance(written, str) else None
    length = float(found[1]) * _UNITS[found[2]] if found else _LONGEST + 1
    if length > _LONGEST:
        allowed = "400ms, 2s, 1m, 1h or a number of seconds" + (f", or {FOREVER}" if allow_forever else "")
        raise ScenarioError(f"{written!r} is not a length of time", key=(key,), hint=f"write {allowed}")
    return length
