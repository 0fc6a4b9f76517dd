"""Clocks that the tests give to servers."""

from __future__ import annotations

import asyncio
import time


class Hurried:
    """A clock on which a scripted minute of silence is over in a tenth of a second."""

    FASTER = 600

    def now(self) -> float:
        """Return the hurried time."""
        return time.monotonic() * self.FASTER

    async def sleep_until(self, moment: float) -> None:
        """Wait until then."""
        await asyncio.sleep(max(0.0, (moment - self.now()) / self.FASTER))
