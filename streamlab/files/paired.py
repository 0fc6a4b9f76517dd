"""Pairs of exchanges that belong together in two recordings."""

from __future__ import annotations

from collections.abc import Iterator

from streamlab.core.comparison import pairs, request_key
from streamlab.core.exchange import Exchange
from streamlab.files.recordings import Recording

__all__ = ["paired"]

Pair = tuple[tuple[int | None, int | None], Exchange | None, Exchange | None]
"""Two numbers of exchanges, and the exchanges; None is what only one of the recordings has."""


def paired(one: Recording, other: Recording, here: int | None = None, there: int | None = None) -> Iterator[Pair]:
    """Yield the exchanges of two recordings in pairs, read one pair at a time.

    If a number is given there is one pair: of the other recording its only exchange, or the one of the same number. Raises
    ScenarioError if there is none of that number.
    """
    if here is not None or there is not None:
        first = here if here is not None else _of(one, there)
        second = there if there is not None else _of(other, here)
        yield (first, second), one.exchange(first), other.exchange(second)
        return
    if len(one) == len(other):
        found: list[tuple[int | None, int | None]] = [(index, index) for index in range(len(one))]
    else:
        found = pairs([*map(request_key, one.requests)], [*map(request_key, other.requests)])
    for left, right in found:
        numbers = (None if left is None else left + 1, None if right is None else right + 1)
        yield numbers, _at(one, numbers[0]), _at(other, numbers[1])


def _of(recording: Recording, number: int | None) -> int:
    return 1 if len(recording) == 1 or number is None else number


def _at(recording: Recording, number: int | None) -> Exchange | None:
    return None if number is None else recording.exchange(number)
