"""Waiting until something has happened: without looking again and again, and not for ever."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Protocol
from weakref import WeakSet

from streamlab.core.journal import Journal
from streamlab.core.shown import count, seconds
from streamlab.errors import ServerError, VerificationError

__all__ = ["Watched", "require_other_thread", "serve_here", "until", "wait_for"]

_serving: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
"""The loops in which servers run."""


def serve_here() -> None:
    """Take note that the running loop is that of a server."""
    _serving.add(asyncio.get_running_loop())


def require_other_thread() -> None:
    """Raise ServerError in the thread of a server: whatever it waited for, it would have to do itself."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    if loop in _serving:
        hint = "call it in the test, not in a function that makes a reply; or in another thread: asyncio.to_thread(...)"
        raise ServerError(f"the server's own thread cannot wait for what it has to do itself\n  hint: {hint}")


def until(timeout: float) -> float:
    """Return the moment `timeout` seconds from now, on the monotonic clock. Raises ServerError if it is no number of them."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout <= threading.TIMEOUT_MAX:
        raise ServerError(f"a timeout is a number of seconds, not {timeout!r}")
    return time.monotonic() + timeout


class Watched(Protocol):
    """A journal that tells when it changes."""

    @property
    def journal(self) -> Journal:
        """The calls."""
        ...

    def changes(self) -> int:
        """Return a number that is another one when the journal has changed."""
        ...

    def wait_for_change(self, seen: int, timeout: float) -> bool:
        """Wait at most `timeout` seconds until `changes` is not `seen`; return whether it is."""
        ...


def wait_for(watched: Watched, condition: Callable[[Journal], object] | int, timeout: float) -> Journal:
    """Wait until a condition is true of the journal, or until so many calls have ended; return the journal.

    Raises VerificationError when `timeout` seconds are over, and ServerError in the thread of a server or if there is no such
    number of seconds.
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    require_other_thread()
    holds, what = _condition(condition)
    end = until(timeout)
    while True:
        seen = watched.changes()
        if holds(watched.journal):
            return watched.journal
        if not watched.wait_for_change(seen, end - time.monotonic()):
            raise VerificationError(f"{what} within {seconds(timeout)}\n{watched.journal.report()}")


def _condition(condition: Callable[[Journal], object] | int) -> tuple[Callable[[Journal], bool], str]:
    """Return what is waited for, and what to say if it does not happen."""
    if callable(condition):
        asked = condition

        def holds(journal: Journal) -> bool:
            try:
                return bool(asked(journal))
            except (LookupError, AssertionError):
                return False

        return holds, "what was waited for did not happen"
    if isinstance(condition, bool) or not isinstance(condition, int) or condition < 0:
        raise ServerError(f"a function of the journal or a number of calls is expected, not {condition!r}")
    wanted = condition

    def have_ended(journal: Journal) -> bool:
        return len([call for call in journal.questions if call.ended is not None]) >= wanted

    return have_ended, f"{count(wanted, 'call')} did not end"
