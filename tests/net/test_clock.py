"""The machine's clock: it goes on, and waits until a moment."""

from __future__ import annotations

import asyncio

import pytest

from streamlab.net.clock import RealClock


def test_the_time_never_goes_back() -> None:
    """Each look at the clock is at or after the one before."""
    clock = RealClock()
    times = [clock.now() for _ in range(100)]
    assert times == sorted(times)


@pytest.mark.parametrize("wait", [0.0, 0.005])
def test_it_waits_until_the_moment(wait: float) -> None:
    """When the wait is over, the moment has come."""
    clock = RealClock()
    moment = clock.now() + wait
    asyncio.run(clock.sleep_until(moment))
    assert clock.now() >= moment


def test_a_moment_that_has_passed_lets_others_run_and_no_more() -> None:
    """A wait that is already over is none, however long ago it was over."""

    async def run() -> list[str]:
        seen = []
        clock = RealClock()
        other = asyncio.ensure_future(asyncio.sleep(0))
        await clock.sleep_until(clock.now() - 1e9)
        seen.append("waited")
        await other
        return seen

    assert asyncio.run(run()) == ["waited"]
