"""Who waits for the clock: who runs, who is due when, and in which order they are woken."""

from __future__ import annotations

import math

import pytest

from streamlab.core.parking import Doing, Parking, Spot


def parked(*dues: float) -> tuple[Parking[Spot], list[Spot]]:
    """Return scripts that are due then, in the order in which they began."""
    parking, spots = Parking[Spot](), [Spot(f"call {number}") for number in range(1, len(dues) + 1)]
    for spot, due in zip(spots, dues, strict=True):
        parking.enter(spot)
        parking.become(spot, Doing.PARKED, due)
    return parking, spots


def test_a_script_runs_until_it_says_otherwise() -> None:
    """Each of the other three things it may do ends that, and none of them counts twice."""
    parking, spot = Parking[Spot](), Spot()
    parking.enter(spot)
    assert (parking.running, parking.parked, list(parking)) == (1, 0, [spot])
    counts = []
    for doing in (Doing.PARKED, Doing.HANGING, Doing.WAITING, Doing.WAITING, Doing.RUNNING, Doing.RUNNING):
        parking.become(spot, doing, 5.0)
        counts.append((parking.running, parking.parked))
    assert counts == [(0, 1), (0, 1), (0, 0), (0, 0), (1, 0), (1, 0)]


@pytest.mark.parametrize(("doing", "running"), [(Doing.RUNNING, 1), (Doing.PARKED, 1), (Doing.HANGING, 1), (Doing.WAITING, 1)])
def test_a_script_that_is_over_counts_no_more(doing: Doing, running: int) -> None:
    """Whatever it was doing, the others are counted as before."""
    parking, spot, other = Parking[Spot](), Spot(), Spot()
    for each in (spot, other):
        parking.enter(each)
    parking.become(spot, doing, 1.0)
    parking.leave(spot)
    assert (parking.running, parking.parked, parking.next_due, list(parking)) == (running, 0, math.inf, [other])


def test_those_that_are_due_are_woken_in_the_order_of_their_moments() -> None:
    """Those of one moment in the order in which they began; they count as running from then on, and are not due again."""
    parking, spots = parked(30.0, 15.0, 45.0, 15.0)
    assert parking.next_due == 15.0
    assert parking.take_due(14.9) == []
    assert parking.take_due(30.0) == [spots[1], spots[3], spots[0]]
    assert (parking.running, parking.parked, parking.next_due) == (3, 1, 45.0)
    assert parking.take_due(30.0) == []


def test_who_hangs_is_never_due() -> None:
    """However late it gets."""
    parking, (spot,) = parked(1.0)
    parking.become(spot, Doing.HANGING)
    assert (parking.next_due, parking.take_due(1e12), parking.parked) == (math.inf, [], 1)


@pytest.mark.parametrize(
    ("doing", "text"),
    [
        (Doing.RUNNING, "call 1 runs"),
        (Doing.PARKED, "call 1 is due in 15.00 s"),
        (Doing.HANGING, "call 1 hangs until its client leaves"),
        (Doing.WAITING, "call 1 waits until its client reads"),
    ],
)
def test_what_a_script_does_is_told_in_words(doing: Doing, text: str) -> None:
    """With the time that is left, if it waits for one."""
    parking, (spot,) = parked(20.0)
    parking.become(spot, doing, 20.0)
    assert spot.told(5.0) == text
