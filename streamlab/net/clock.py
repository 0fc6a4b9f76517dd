"""The clocks that answers are timed by: the machine's, and that of a lab, which a test can hold, advance and let jump."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import Enum
from typing import Protocol

from streamlab.core.parking import Doing, Parking, Spot
from streamlab.core.shown import count
from streamlab.core.shown import seconds as seconds_shown
from streamlab.errors import ServerError, VerificationError
from streamlab.net.waiting import require_other_thread, until

__all__ = ["Clock", "LabClock", "NamespaceClock", "PlainClock", "RealClock", "ScriptClock"]


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


class ScriptClock(Clock, Protocol):
    """A clock as one script sees it, which is told what the script is doing; `name` is what the script is called."""

    name: str

    def aside(self, doing: Doing) -> AbstractContextManager[None]:
        """Return a context in which the script does something that needs no clock."""
        ...

    def end(self) -> None:
        """Take note that the script is over."""
        ...


class PlainClock:
    """Any clock, as a script sees it; nobody asks it what the script is doing."""

    def __init__(self, clock: Clock) -> None:
        self.name = ""
        self.now = clock.now
        self.sleep_until = clock.sleep_until

    def aside(self, doing: Doing) -> AbstractContextManager[None]:  # noqa: ARG002 - nobody asks
        """Return a context that does nothing."""
        return nullcontext()

    def end(self) -> None:
        """Do nothing."""


class LabClock(Protocol):
    """The clock of a lab. It is the machine's until a test takes it in hand.

    Every method can be called from any thread but that of the server. Those that wait take a real `timeout` in seconds and
    raise VerificationError when it is over, which says what each script is doing. In an async test whose client is to go on
    meanwhile, call them as `await asyncio.to_thread(lab.clock.advance, 30)`.
    """

    def now(self) -> float:
        """Return the seconds since the lab was made, by this clock."""
        ...

    def hold(self) -> None:
        """Let time stand still from now on; `advance` moves it."""
        ...

    def auto(self) -> None:
        """Let time jump to the next due time at once whenever no script runs, and stand still otherwise.

        A script that hangs for ever never becomes due. This is what serves a client in the test's own thread.
        """
        ...

    def run(self) -> None:
        """Let time go on by itself again, from where it stands."""
        ...

    def wait_until_parked(self, n: int = 1, *, timeout: float = 5.0) -> None:
        """Wait until `n` scripts wait for the clock, or hang for ever."""
        ...

    def advance(self, seconds: float, *, timeout: float = 5.0) -> None:
        """Move time on, through each due time in between, in order.

        Each script that is due does what it has to, and what it then waits for counts too. Returns when every script is
        parked, is over, or waits for its client to read. Raises ServerError if the clock is not held.
        """
        ...


_TINY = 1e-6
"""Seconds by which two sums may differ that should be the same moment."""


class _Mode(Enum):
    REAL = "goes by itself"
    HELD = "is held"
    AUTO = "jumps by itself"


class _Time:
    """What a namespace's clock and those of its scripts share; all of it is used with the lock held."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._changed = threading.Condition(self.lock)
        self.parking = Parking[_Script]()
        self.mode = _Mode.REAL
        self._waiting = 0
        self._start = time.monotonic()
        self._still = 0.0

    def now(self) -> float:
        """Return the seconds."""
        return time.monotonic() - self._start if self.mode is _Mode.REAL else self._still

    def become(self, mode: _Mode) -> None:
        """Let time go on in another way, from where it stands."""
        now = self.now()
        self.mode, self._still, self._start = mode, now, time.monotonic() - now

    def move(self, moment: float) -> None:
        """Let time stand at a moment that is not before this one, and wake whoever is due."""
        self._still = max(self._still, moment)
        for script in self.parking.take_due(self._still):
            script.wake()

    def settle(self) -> None:
        """Tell those who wait that something has changed; go on by itself if that is the mode."""
        if self.mode is _Mode.AUTO and not self.parking.running and (due := self.parking.next_due) < math.inf:
            self.move(due)
        if self._waiting:
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool], end: float) -> bool:
        """Wait until something is so, or until a moment of the machine's clock; return whether it is so."""
        self._waiting += 1
        try:
            return self._changed.wait_for(condition, end - time.monotonic())
        finally:
            self._waiting -= 1


class NamespaceClock:
    """The clock of a namespace in this process; it is a `LabClock`, and gives each script a clock of its own."""

    def __init__(self) -> None:
        self._time = _Time()

    def now(self) -> float:
        """Return the seconds since this clock was made."""
        with self._time.lock:
            return self._time.now()

    def hold(self) -> None:
        """Let time stand still from now on; `advance` moves it."""
        self._become(_Mode.HELD)

    def auto(self) -> None:
        """Let time jump to the next due time at once whenever no script runs, and stand still otherwise."""
        self._become(_Mode.AUTO)

    def run(self) -> None:
        """Let time go on by itself again, from where it stands."""
        self._become(_Mode.REAL)

    def wait_until_parked(self, n: int = 1, *, timeout: float = 5.0) -> None:
        """Wait until `n` scripts wait for the clock, or hang for ever."""
        __tracebackhide__ = True  # pytest shows the line of the test
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise ServerError(f"a number of scripts from 1 is expected, not {n!r}")
        require_other_thread()
        now, end = self._time, until(timeout)
        with now.lock:
            if not now.wait_for(lambda: now.parking.parked >= n, end):
                waited = f"{count(n, 'script')} should wait for the clock by now, {seconds_shown(timeout)} later"
                raise VerificationError(self._told(f"{waited}, and {now.parking.parked} do"))

    def advance(self, seconds: float, *, timeout: float = 5.0) -> None:
        """Move time on, through each due time in between, in order. Raises ServerError if the clock is not held."""
        __tracebackhide__ = True
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
            raise ServerError(f"a number of seconds from 0 is expected, not {seconds!r}")
        require_other_thread()
        end = until(timeout)
        with self._time.lock:
            if self._time.mode is _Mode.REAL:
                raise ServerError("the clock goes by itself, so it cannot be advanced\n  hint: call hold() first")
            self._advance(self._time.now() + seconds, end, timeout)

    def _advance(self, target: float, end: float, timeout: float) -> None:
        __tracebackhide__ = True
        now = self._time
        while now.wait_for(lambda: not now.parking.running, end):
            if now.mode is _Mode.REAL:  # somebody has let it go meanwhile
                return
            due = now.parking.next_due
            if due > target + _TINY:
                now.move(target)
                return
            now.move(due)
        raise VerificationError(self._told(f"the clock cannot be advanced: after {seconds_shown(timeout)} a script still runs"))

    def script(self) -> ScriptClock:
        """Return the clock of a script that begins; it runs until it says otherwise, and calls `end` when it is over."""
        script = _Script(self._time)
        with self._time.lock:
            self._time.parking.enter(script)
        return script

    def __repr__(self) -> str:
        with self._time.lock:
            now, parked = self._time, count(self._time.parking.parked, "script")
            return f"<LabClock {seconds_shown(now.now())}, {now.mode.value}, {parked} parked>"

    def _become(self, mode: _Mode) -> None:
        with self._time.lock:
            self._time.become(mode)
            if mode is _Mode.REAL:
                for script in self._time.parking:
                    script.rearm()
            self._time.settle()

    def _told(self, problem: str) -> str:
        now = self._time.now()
        lines = [f"  {script.told(now)}" for script in self._time.parking]
        none = ["  no script is under way\n  hint: the request must be sent by another thread or task"]
        return "\n".join((f"{problem}; the clock {self._time.mode.value}", *(lines or none)))


class _Script(Spot):
    """A namespace's clock as one script sees it. Made and used in the server's thread; only `wake` and `rearm` are not."""

    __slots__ = ("_future", "_loop", "_time", "_timer")

    def __init__(self, shared: _Time) -> None:
        super().__init__()
        self._time = shared
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """Return the seconds."""
        with self._time.lock:
            return self._time.now()

    async def sleep_until(self, moment: float) -> None:
        """Be parked until then."""
        with self._time.lock:
            is_due = moment <= self._time.now()
            if not is_due:
                self._future = future = self._loop.create_future()
                self._become(Doing.PARKED, moment)
                self._arm()
        if is_due:
            await asyncio.sleep(0)
            return
        try:
            await future
        finally:
            with self._time.lock:
                self._become(Doing.RUNNING)
                self._disarm()

    @contextmanager
    def aside(self, doing: Doing) -> Iterator[None]:
        """Do something that needs no clock, for the length of a `with` block."""
        with self._time.lock:
            self._become(doing)
        try:
            yield
        finally:
            with self._time.lock:
                self._become(Doing.RUNNING)

    def end(self) -> None:
        """Be over."""
        with self._time.lock:
            self._time.parking.leave(self)
            self._time.settle()

    def wake(self) -> None:
        """Go on, from the thread of the server; called with the lock held, in any thread."""
        self._loop.call_soon_threadsafe(self._go_on)

    def rearm(self) -> None:
        """Let the machine's clock wake this; called with the lock held, in any thread."""
        self._loop.call_soon_threadsafe(self._fire)

    def _become(self, doing: Doing, due: float = math.inf) -> None:
        if doing is not self.doing:
            self._time.parking.become(self, doing, due)
            self._time.settle()

    def _fire(self) -> None:
        with self._time.lock:
            if self.doing is Doing.PARKED and self.due <= self._time.now():
                self._become(Doing.RUNNING)
                self._go_on()
            else:
                self._arm()

    def _arm(self) -> None:
        """See to it that the machine's clock wakes this, if that is what it waits for; with the lock held."""
        self._disarm()
        if self.doing is Doing.PARKED and self._time.mode is _Mode.REAL:
            self._timer = self._loop.call_later(self.due - self._time.now(), self._fire)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go_on(self) -> None:
        if self._future is not None and not self._future.done():  # it may have been cancelled
            self._future.set_result(None)
