"""Inflation: what a compressed body says, read by read, as far as it can be told."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from enum import StrEnum

from streamlab.core.exchange import Read

__all__ = ["MOST", "Damage", "inflated"]

MOST = 256 * 1024 * 1024
"""The most bytes that a body is decompressed to: a few thousand could be made into any number."""
_WINDOWS = {"gzip": (47,), "x-gzip": (47,), "deflate": (47, -15)}
"""How `zlib` is told what to expect of a coding: either of two formats by their first bytes, or the bare one that some send."""


class Damage(StrEnum):
    """Why not all of a body could be decompressed."""

    UNKNOWN = "unknown"
    """Its coding is none that is read."""
    DAMAGED = "damaged"
    """It is not what it says it is, from some byte on."""
    TOO_LARGE = "too large"
    """It is more than `MOST` bytes."""
    CUT_OFF = "cut off"
    """Its end did not come."""


def inflated(reads: Sequence[Read], coding: str) -> tuple[tuple[Read, ...], Damage | None]:
    """Return what each read adds to a body in this content coding, as far as it goes, and why it goes no further."""
    found: tuple[tuple[Read, ...], Damage | None] = (tuple(reads), Damage.UNKNOWN)
    for window in _WINDOWS.get(coding, ()):
        found = _inflated(reads, window)
        if found[0] or found[1] is not Damage.DAMAGED:
            break
    return found


def _inflated(reads: Sequence[Read], window: int) -> tuple[tuple[Read, ...], Damage | None]:
    stream, made, total = zlib.decompressobj(window), list[Read](), 0
    for read in reads:
        part, rest = b"", read.data
        try:
            while rest and total + len(part) <= MOST:
                if stream.eof:  # gzip allows several after one another
                    stream = zlib.decompressobj(window)
                part += stream.decompress(rest, MOST - total - len(part) + 1)
                rest = stream.unused_data
        except zlib.error:
            return tuple(made), Damage.DAMAGED
        total += len(part)
        if total > MOST:
            return tuple(made), Damage.TOO_LARGE
        made.append(Read(part, read.at))
    has_begun = any(read.data for read in reads)
    return tuple(made), Damage.CUT_OFF if has_begun and not stream.eof else None
