"""The clock that answers are timed by."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

__all__ = ["Clock", "RealClock"]


class Clock(Protocol):
    """What tells the time and waits."""

    def now(self) -> float:
        """Return the seconds since some moment; it never goes back."""
        ...

    async def sleep_until(self, moment: float) -> None:
        """Wait until `now()` is at least `moment`."""
        ...


class RealClock:
    """The time of the machine."""

    def now(self) -> float:
        """Return the monotonic time in seconds."""
        return time.monotonic()

    async def sleep_until(self, moment: float) -> None:
        """Wait until then."""
        await asyncio.sleep(max(0.0, moment - self.now()))
