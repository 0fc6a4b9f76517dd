"""Tests of inflation: what each read adds, and why it goes no further."""

from __future__ import annotations

import gzip
import zlib

import pytest

from streamlab.core import inflation
from streamlab.core.exchange import Read
from streamlab.core.inflation import Damage, inflated

WHOLE = gzip.compress(b"one two three", mtime=0)
BARE = zlib.compress(b"one two three", wbits=-15)


def of(*pieces: bytes) -> list[Read]:
    """Return reads of these bytes, a second apart."""
    return [Read(piece, float(number)) for number, piece in enumerate(pieces)]


@pytest.mark.parametrize(
    ("pieces", "coding", "bodies", "damage"),
    [
        ((WHOLE,), "gzip", [b"one two three"], None),
        ((WHOLE,), "x-gzip", [b"one two three"], None),
        ((zlib.compress(b"one"),), "deflate", [b"one"], None),
        ((BARE,), "deflate", [b"one two three"], None),
        ((WHOLE[:5], b"", WHOLE[5:]), "gzip", [b"", b"", b"one two three"], None),
        ((WHOLE + WHOLE,), "gzip", [b"one two three" * 2], None),
        ((), "gzip", [], None),
        ((b"",), "gzip", [b""], None),
        ((WHOLE[:-1],), "gzip", [b"one two three"], Damage.CUT_OFF),
        ((WHOLE, WHOLE[:4]), "gzip", [b"one two three", b""], Damage.CUT_OFF),
        ((WHOLE, b"no gzip"), "gzip", [b"one two three"], Damage.DAMAGED),
        ((b"none",), "gzip", [], Damage.DAMAGED),
        ((b"none of them",), "deflate", [], Damage.DAMAGED),
        ((b"as it is",), "br", [b"as it is"], Damage.UNKNOWN),
    ],
)
def test_a_body_is_inflated_as_far_as_it_goes(
    pieces: tuple[bytes, ...], coding: str, bodies: list[bytes], damage: Damage | None
) -> None:
    """Each read has what it adds, at its time."""
    assert inflated(of(*pieces), coding) == (tuple(of(*bodies)), damage)


def test_no_bomb_goes_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """What grows beyond any answer is given up, even if the rest would be small."""
    monkeypatch.setattr(inflation, "MOST", 100)
    assert inflated(of(gzip.compress(b"x" * 100, mtime=0)), "gzip") == ((Read(b"x" * 100, 0.0),), None)
    assert inflated(of(WHOLE, gzip.compress(b"x" * 99, mtime=0)), "gzip") == ((Read(b"one two three", 0.0),), Damage.TOO_LARGE)
