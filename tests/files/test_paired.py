"""Pairs of exchanges of two recordings."""

from __future__ import annotations

import pytest

from cassettes import numbered
from streamlab.errors import ScenarioError
from streamlab.files.paired import paired
from streamlab.files.recordings import Recording


def of(*numbers: int) -> Recording:
    """Return a recording of exchanges that are told apart by a number."""
    return Recording("r", tuple(map(numbered, numbers)))


@pytest.mark.parametrize(
    ("one", "other", "numbers"),
    [
        (of(1, 2), of(3, 4), [(1, 1), (2, 2)]),
        (of(1, 2, 3), of(3, 1), [(1, 2), (2, None), (3, 1)]),
        (of(1), of(2, 1), [(1, 2), (None, 1)]),
        (of(), of(), []),
    ],
)
def test_exchanges_are_paired(one: Recording, other: Recording, numbers: list[tuple[int | None, int | None]]) -> None:
    """By position if there are as many, else by what they ask; each comes with its number."""
    found = list(paired(one, other))
    assert [each[0] for each in found] == numbers
    for (here, there), left, right in found:
        assert left == (None if here is None else one.exchange(here))
        assert right == (None if there is None else other.exchange(there))


@pytest.mark.parametrize(
    ("one", "other", "here", "there", "numbers"),
    [
        (of(1, 2, 3), of(4, 5, 6), 2, 3, (2, 3)),
        (of(1, 2, 3), of(4, 5, 6), 2, None, (2, 2)),
        (of(1, 2, 3), of(4), 2, None, (2, 1)),
        (of(1), of(4, 5, 6), None, 3, (1, 3)),
    ],
)
def test_a_number_makes_one_pair(
    one: Recording, other: Recording, here: int | None, there: int | None, numbers: tuple[int, int]
) -> None:
    """Of the other the only one, or that of the same number."""
    assert list(paired(one, other, here, there)) == [(numbers, one.exchange(numbers[0]), other.exchange(numbers[1]))]


def test_a_wrong_number_is_said() -> None:
    """For either recording."""
    with pytest.raises(ScenarioError, match="there is no exchange 3: the file has 2 exchanges"):
        list(paired(of(1, 2, 3), of(1, 2), 3))
