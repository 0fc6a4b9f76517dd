"""What may be written in the fields of a fault, and the errors for what may not."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeGuard

from streamlab.errors import FaultError, nearest

__all__ = ["as_bytes", "check_number", "check_word", "is_whole"]


def is_whole(written: object) -> TypeGuard[int]:
    """Whether this is a whole number; true and false are none."""
    return isinstance(written, int) and not isinstance(written, bool)


def check_number(written: object, key: str, allowed: range, problem: str) -> None:
    """Raise FaultError, with `key` and the problem, unless this is one of the whole numbers that are allowed."""
    if not is_whole(written) or written not in allowed:
        raise FaultError(f"{written!r} {problem}", key=(key,), hint=f"write a number from {allowed[0]} to {allowed[-1]}")


def check_word(written: object, key: str, allowed: Collection[str], problem: str) -> None:
    """Raise FaultError, with `key`, the problem and the nearest word, unless this is one of the words that are allowed."""
    if not isinstance(written, str) or written not in allowed:
        raise FaultError(f"{written!r} {problem}", key=(key,), hint=nearest(str(written), allowed))


def as_bytes(written: str | bytes) -> bytes:
    """Return bytes as they are, and a text in UTF-8; half of a surrogate pair is written as if it were a character."""
    return written if isinstance(written, bytes) else written.encode("utf-8", "surrogatepass")
