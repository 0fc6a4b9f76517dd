"""Waiting for a journal: a condition or a number of calls, until it is so, and not for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from streamlab.core.exchange import Request
from streamlab.core.journal import Call, Journal
from streamlab.errors import ServerError, VerificationError
from streamlab.net.namespace import Namespace
from streamlab.net.waiting import Watched, wait_for


class Space:
    """A namespace, as a lab sees it."""

    def __init__(self) -> None:
        self.namespace = Namespace()
        self.looked = 0

    @property
    def journal(self) -> Journal:
        """The calls."""
        self.looked += 1
        return self.namespace.journal

    def changes(self) -> int:
        """Return how often the journal has changed."""
        return self.namespace.changes

    def wait_for_change(self, seen: int, timeout: float) -> bool:
        """Wait for the next change."""
        return self.namespace.wait_for_change(seen, timeout)

    def call(self, *, ended: str | None = "complete", **changes: Any) -> Call:
        """Let a call come."""
        call = Call(number=0, request=Request(), rule="hello", status=200, attempt=1, started=0.0, ended=ended)
        return self.namespace.add(replace(call, **changes))

    def later(self, happens: Callable[[], object]) -> threading.Timer:
        """Let something happen in a moment, in another thread."""
        timer = threading.Timer(0.01, happens)
        timer.start()
        return timer


def test_what_is_so_already_is_not_waited_for() -> None:
    """Not even when there is no time."""
    space = Space()
    assert wait_for(space, 0, 0.0) is space.namespace.journal
    space.call()
    assert wait_for(space, lambda journal: len(journal) == 1, 0.0) is space.namespace.journal
    assert wait_for(space, 1, 0.0) is space.namespace.journal


def test_each_change_is_looked_at_and_nothing_in_between() -> None:
    """The wait is over when a call comes, goes on, ends, or when all are forgotten; nobody looks again and again."""
    space = Space()
    call = space.call(ended=None)
    for happens, condition in (
        (space.call, lambda journal: len(journal) == 2),
        (partial(space.namespace.update, replace(call, events_sent=3)), lambda journal: journal[0].events_sent == 3),
        (partial(space.namespace.update, replace(call, ended="left")), 2),
        (space.namespace.reset, lambda journal: not journal),
    ):
        before = space.looked
        begun = time.monotonic()
        timer = space.later(happens)
        wait_for(space, condition, 20.0)
        timer.join()
        assert time.monotonic() - begun < 10.0, "it was found when the time was over"
        assert space.looked - before <= 3


@pytest.mark.parametrize(
    "condition",
    [lambda journal: journal[1].ended, lambda journal: journal.only.ended and False, lambda journal: [0][len(journal) + 1]],
)
def test_a_condition_that_cannot_be_asked_yet_is_not_true_yet(condition: Callable[[Journal], object]) -> None:
    """A call that is not there, or an assertion that fails, is what is waited for."""
    with pytest.raises(VerificationError, match=r"what was waited for did not happen within 1\.0 ms"):
        wait_for(Space(), condition, 0.001)


def test_any_other_error_of_a_condition_is_raised() -> None:
    """A mistake in the test is not hidden by a time-out."""
    with pytest.raises(AttributeError, match="nothing"):
        wait_for(Space(), lambda journal: journal.nothing, 10.0)  # type: ignore[attr-defined]


def test_only_calls_of_the_api_that_have_ended_are_counted() -> None:
    """Neither one that goes on, nor a browser's preflight."""
    space = Space()
    space.call()
    space.call(ended=None)
    space.call(request=Request(method="OPTIONS"))
    with pytest.raises(VerificationError) as raised:
        wait_for(space, 2, 0.001)
    assert str(raised.value).splitlines()[0] == "2 calls did not end within 1.0 ms"
    assert str(raised.value).splitlines()[1:] == space.namespace.journal.report().splitlines()


@pytest.mark.parametrize("condition", [-1, True, 1.5, "1", None])
def test_what_is_neither_is_refused(condition: Any) -> None:
    """With what is expected."""
    with pytest.raises(ServerError, match="a function of the journal or a number of calls is expected, not"):
        wait_for(Space(), condition, 0.001)


NO_TIMEOUTS = [float("nan"), float("inf"), 1e30, "1", True, None]


@pytest.mark.parametrize("timeout", NO_TIMEOUTS)
def test_what_is_no_timeout_is_refused(timeout: Any) -> None:
    """It would never be over, or nobody knows when."""
    clock = Namespace().clock
    clock.hold()
    waits = (
        lambda: wait_for(Space(), 1, timeout),
        lambda: clock.wait_until_parked(timeout=timeout),
        lambda: clock.advance(1, timeout=timeout),
    )
    for wait in waits:
        with pytest.raises(ServerError, match="a timeout is a number of seconds, not"):
            wait()


def test_a_condition_may_use_the_lab() -> None:
    """No lock is held while it is asked."""
    space = Space()

    def reset(journal: Journal) -> bool:
        space.namespace.reset()
        return not journal

    space.call()
    watched: Watched = space
    assert not wait_for(watched, reset, 1.0)
