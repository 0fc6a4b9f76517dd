"""Who waits for the clock: the state of the scripts that one clock times, without a clock of its own.

Time that is in a test's hands moves on only while no script runs, from one due time to the next. So each script is always
doing one of four things, and one that is woken counts as running before it knows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import Enum
from typing import Generic, TypeVar

from streamlab.core.shown import seconds

__all__ = ["Doing", "Parking", "Spot"]


class Doing(Enum):
    """What a script is doing."""

    RUNNING = "runs"
    PARKED = "waits for the clock"
    HANGING = "hangs until its client leaves"
    WAITING = "waits until its client reads"


class Spot:
    """What one script is doing; one that is parked is due at a moment."""

    __slots__ = ("doing", "due", "name")

    def __init__(self, name: str = "a call") -> None:
        self.name = name
        self.doing = Doing.RUNNING
        self.due = math.inf

    def told(self, now: float) -> str:
        """Return what the script is doing, in words."""
        what = f"is due in {seconds(self.due - now)}" if self.doing is Doing.PARKED else self.doing.value
        return f"{self.name} {what}"


_Spot = TypeVar("_Spot", bound=Spot)


class Parking(Generic[_Spot]):
    """The scripts that are under way, in the order in which they began."""

    def __init__(self) -> None:
        self._spots: dict[_Spot, None] = {}
        self.running = 0

    def __iter__(self) -> Iterator[_Spot]:
        return iter(self._spots)

    def enter(self, spot: _Spot) -> None:
        """Let a script begin; it runs."""
        self._spots[spot] = None
        self.running += 1

    def leave(self, spot: _Spot) -> None:
        """Let a script be over."""
        del self._spots[spot]
        self.running -= spot.doing is Doing.RUNNING

    def become(self, spot: _Spot, doing: Doing, due: float = math.inf) -> None:
        """Let a script do something else."""
        self.running += (doing is Doing.RUNNING) - (spot.doing is Doing.RUNNING)
        spot.doing, spot.due = doing, due

    @property
    def parked(self) -> int:
        """How many scripts wait for the clock, or hang for ever."""
        return sum(spot.doing in (Doing.PARKED, Doing.HANGING) for spot in self._spots)

    @property
    def next_due(self) -> float:
        """When the next script is due; infinity if none is."""
        return min((spot.due for spot in self._spots), default=math.inf)

    def take_due(self, now: float) -> list[_Spot]:
        """Return the scripts that are due, the earliest first; they run from now on."""
        due = sorted((spot for spot in self._spots if spot.due <= now), key=lambda spot: spot.due)
        for spot in due:
            self.become(spot, Doing.RUNNING)
        return due
