"""Clocks that the tests give to servers."""

from __future__ import annotations

import asyncio
import time

from streamlab.core.journal import Journal


class Hurried:
    """A clock on which a scripted minute of silence is over in a tenth of a second."""

    FASTER = 600

    def now(self) -> float:
        """Return the hurried time."""
        return time.monotonic() * self.FASTER

    async def sleep_until(self, moment: float) -> None:
        """Wait until then."""
        await asyncio.sleep(max(0.0, (moment - self.now()) / self.FASTER))


class Noting:
    """A clock for which no silence takes time: it notes how long each was asked to last, and what had been sent by then.

    `journal` is that of the answer that is looked at; what had been sent is told in bytes, those of head and chunks included.
    """

    def __init__(self) -> None:
        self.journal: Journal | None = None
        self.silences: list[tuple[int, float]] = []
        self._time = 0.0

    def now(self) -> float:
        """Return the time."""
        return self._time

    async def sleep_until(self, moment: float) -> None:
        """Be there at once."""
        if self.journal is not None:
            self.silences.append((self.journal[-1].bytes_sent, round(moment - self._time, 6)))
        self._time = moment
        await asyncio.sleep(0)
