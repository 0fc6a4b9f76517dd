"""The machine's clock goes on; a lab's clock can be held, advanced, left to jump, and let go again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamlab.core.parking import Doing
from streamlab.errors import ServerError, VerificationError
from streamlab.net.clock import NamespaceClock, PlainClock, RealClock, ScriptClock
from streamlab.net.waiting import serve_here

Log = list[tuple[str, float]]


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


class Stage:
    """Scripts in a loop of another thread, timed by one clock; `log` has what each noted, and when."""

    def __init__(self) -> None:
        self.clock = NamespaceClock()
        self.log: Log = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def do(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the loop to its end."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def begin(self, play: Callable[[ScriptClock], Coroutine[Any, Any, None]], name: str = "call 1") -> asyncio.Task[None]:
        """Begin a script; it is known to the clock when this returns."""

        async def begin() -> asyncio.Task[None]:
            script = self.clock.script()
            script.name = name
            return asyncio.ensure_future(self._play(play, script))

        task: asyncio.Task[None] = self.do(begin())
        return task

    async def _play(self, play: Callable[[ScriptClock], Coroutine[Any, Any, None]], script: ScriptClock) -> None:
        try:
            await play(script)
        finally:
            script.end()

    def at(self, *moments: float, name: str = "call 1") -> asyncio.Task[None]:
        """Begin a script that notes the time at each of these moments, in seconds after its beginning."""

        async def play(script: ScriptClock) -> None:
            start = script.now()
            for moment in moments:
                await script.sleep_until(start + moment)
                self.log.append((name, script.now()))

        return self.begin(play, name)

    def over(self, task: asyncio.Task[None]) -> None:
        """Wait until a script is over."""

        async def wait() -> None:
            await asyncio.wait([task], timeout=10)
            assert task.done()

        self.do(wait())

    def cancel(self, task: asyncio.Task[None]) -> None:
        """Let a script's client leave."""
        self._loop.call_soon_threadsafe(task.cancel)
        self.over(task)

    def close(self) -> None:
        """End what is under way, and the loop."""

        async def end() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self.do(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Give scripts a clock."""
    stage = Stage()
    yield stage
    stage.close()


def aside(doing: Doing, entered: threading.Event, leave: threading.Event) -> Callable[[ScriptClock], Coroutine[Any, Any, None]]:
    """Return a script that does something that needs no clock until it is told to go on."""

    async def play(script: ScriptClock) -> None:
        with script.aside(doing):
            entered.set()
            await asyncio.to_thread(leave.wait, 10)

    return play


# By itself


def test_a_labs_clock_is_the_machines_until_it_is_held(stage: Stage) -> None:
    """Time goes on, and whoever waits is woken when the moment has come, not before."""
    before = stage.clock.now()
    stage.over(stage.at(0.0, 0.004, 0.008))
    assert stage.clock.now() >= before + 0.008
    assert [moment >= before + due for (_, moment), due in zip(stage.log, (0.0, 0.004, 0.008), strict=True)] == [True] * 3


def test_a_wait_that_is_over_lets_others_run(stage: Stage) -> None:
    """A script with nothing to wait for holds up nobody."""
    seen: list[str] = []

    async def play(script: ScriptClock) -> None:
        asyncio.get_running_loop().call_soon(seen.append, "other")
        await script.sleep_until(script.now() - 1.0)
        seen.append("waited")

    stage.over(stage.begin(play))
    assert seen == ["other", "waited"]


def test_time_stands_still_while_it_is_held_and_goes_on_from_there(stage: Stage) -> None:
    """Neither holding nor letting go moves it."""
    stage.clock.hold()
    moment = stage.clock.now()
    assert [stage.clock.now() for _ in range(100)] == [moment] * 100
    stage.clock.advance(1000)
    assert stage.clock.now() == moment + 1000
    stage.clock.run()
    assert moment + 1000 <= stage.clock.now() < moment + 1900


@pytest.mark.parametrize("times", [1, 3])
def test_who_waited_when_time_was_held_waits_on_and_is_woken_when_it_goes_on(stage: Stage, times: int) -> None:
    """The machine's time that passes meanwhile is no time; what was left to wait is waited for afterwards."""
    task = stage.at(0.01)
    for _ in range(times):
        stage.clock.hold()
        moment = stage.clock.now()
        threading.Event().wait(0.02)
        assert stage.clock.now() == moment
        stage.clock.run()
    stage.over(task)
    assert len(stage.log) == 1


def test_who_began_to_wait_in_the_machines_time_can_be_advanced(stage: Stage) -> None:
    """An hour's wait is over as soon as the test says so."""
    task = stage.at(3600.0)
    stage.clock.wait_until_parked()
    stage.clock.hold()
    stage.clock.advance(3600)
    stage.over(task)


# In the test's hands


def test_each_due_time_in_between_comes_in_order(stage: Stage) -> None:
    """A script that is due at 15, 30 and 45 seconds does what it has to at each, though time is moved on by a minute."""
    stage.clock.hold()
    start = stage.clock.now()
    tasks = [stage.at(15, 30, 45, name="pings"), stage.at(20, 60, 61, name="slow")]
    stage.clock.wait_until_parked(2)
    stage.clock.advance(60)
    assert [(name, moment - start) for name, moment in stage.log] == [
        *(("pings", 15), ("slow", 20), ("pings", 30), ("pings", 45), ("slow", 60)),
    ]
    stage.over(tasks[0])
    assert not tasks[1].done()
    assert stage.clock.now() == start + 60


def test_time_is_moved_by_as_much_as_is_said_whoever_waits(stage: Stage) -> None:
    """Short of the due time nobody is woken; without anybody it moves as well."""
    stage.clock.hold()
    start = stage.clock.now()
    stage.clock.advance(5)
    stage.at(10)
    stage.clock.wait_until_parked()
    stage.clock.advance(9.5)
    assert (stage.log, stage.clock.now()) == ([], start + 14.5)
    stage.clock.advance(0)
    stage.clock.advance(0.5)
    assert stage.log == [("call 1", start + 15)]


def test_a_script_that_runs_is_waited_for(stage: Stage) -> None:
    """Time does not move under a script that has something to do before it waits."""
    stage.clock.hold()
    start = stage.clock.now()
    go_on = threading.Event()

    async def play(script: ScriptClock) -> None:
        await asyncio.to_thread(go_on.wait, 10)
        await script.sleep_until(start + 10)
        stage.log.append(("woken", script.now() - start))

    task = stage.begin(play)
    threading.Timer(0.01, go_on.set).start()
    stage.clock.advance(30)
    stage.over(task)
    assert stage.log == [("woken", 10)]


@pytest.mark.parametrize("doing", [Doing.WAITING, Doing.HANGING])
def test_who_needs_no_clock_does_not_stop_it(stage: Stage, doing: Doing) -> None:
    """A client that does not read, or a stall for ever, keeps nobody else from becoming due."""
    stage.clock.hold()
    entered, leave = threading.Event(), threading.Event()
    stuck = stage.begin(aside(doing, entered, leave))
    other = stage.at(60, name="other")
    assert entered.wait(10)
    stage.clock.advance(60)
    stage.over(other)
    leave.set()
    stage.over(stuck)


def test_those_that_are_parked_are_counted(stage: Stage) -> None:
    """Those that hang for ever too; those that wait for their clients are not."""
    stage.clock.hold()
    leave = threading.Event()
    tasks = []
    for doing in (Doing.HANGING, Doing.WAITING):
        entered = threading.Event()
        tasks.append(stage.begin(aside(doing, entered, leave)))
        assert entered.wait(10)
    stage.clock.wait_until_parked(1)
    with pytest.raises(VerificationError, match=r"2 scripts should wait for the clock by now, 1\.0 ms later, and 1 do"):
        stage.clock.wait_until_parked(2, timeout=0.001)
    threading.Timer(0.01, partial(stage.at, 60.0)).start()
    stage.clock.wait_until_parked(2)
    leave.set()
    for task in tasks:
        stage.over(task)


def test_it_shows_how_time_goes_and_who_waits(stage: Stage) -> None:
    """In a line, for the report of a test that fails."""
    stage.clock.hold()
    stage.clock._time.move(1.5)
    assert repr(stage.clock) == "<LabClock 1.50 s, is held, 0 scripts parked>"
    task = stage.at(30)
    stage.clock.wait_until_parked()
    assert repr(stage.clock) == "<LabClock 1.50 s, is held, 1 script parked>"
    stage.clock.auto()
    stage.over(task)
    assert repr(stage.clock) == "<LabClock 31.50 s, jumps by itself, 0 scripts parked>"


def test_a_client_that_leaves_ends_the_wait(stage: Stage) -> None:
    """Its script is waited for no more, and the others are due as before."""
    stage.clock.hold()
    left, other = stage.at(10, name="left"), stage.at(20, name="other")
    stage.clock.wait_until_parked(2)
    stage.cancel(left)
    stage.clock.advance(20)
    stage.over(other)
    assert [name for name, _ in stage.log] == ["other"]
    with pytest.raises(VerificationError, match="no script is under way"):
        stage.clock.wait_until_parked(timeout=0)


def test_a_client_that_leaves_as_its_script_is_woken_ends_it_once(stage: Stage) -> None:
    """Woken and cancelled in one turn of the loop: nothing is counted twice."""
    stage.clock.hold()
    task = stage.at(10)
    stage.clock.wait_until_parked()

    async def both() -> None:
        with stage.clock._time.lock:
            stage.clock._time.move(stage.clock._time.now() + 10)
        task.cancel()

    stage.do(both())
    stage.over(task)
    stage.clock.advance(1)
    assert stage.clock._time.parking.running == 0


# By itself, in jumps


def test_time_jumps_when_every_script_is_parked(stage: Stage) -> None:
    """From due time to due time, exactly, whoever waits; then it stands."""
    stage.clock.auto()
    start = stage.clock.now()
    go_on = threading.Event()

    async def late(script: ScriptClock) -> None:
        await asyncio.to_thread(go_on.wait, 10)
        await script.sleep_until(start + 15)
        stage.log.append(("late", script.now()))

    tasks = [stage.begin(late, "late"), stage.at(10, 20, 600, name="slow")]
    threading.Event().wait(0.005)
    assert stage.log == []
    go_on.set()
    for task in tasks:
        stage.over(task)
    assert [(name, moment - start) for name, moment in stage.log] == [("slow", 10), ("late", 15), ("slow", 20), ("slow", 600)]
    assert stage.clock.now() == start + 600


def test_whoever_is_parked_already_is_reached_when_it_begins_to_jump(stage: Stage) -> None:
    """It does not take a further script to set it going; one that hangs does not stop it, and never becomes due."""
    stage.clock.hold()
    leave = threading.Event()
    entered = threading.Event()
    hanging = stage.begin(aside(Doing.HANGING, entered, leave))
    task = stage.at(60)
    stage.clock.wait_until_parked(2)
    stage.clock.auto()
    stage.over(task)
    assert not hanging.done()
    leave.set()
    stage.over(hanging)


@pytest.mark.parametrize("way", ["over", "left", "aside"])
def test_the_last_that_runs_sets_it_going(stage: Stage, way: str) -> None:
    """It jumps when the one that ran is over, when its client leaves, and when it waits for its client."""
    stage.clock.auto()
    leave, entered = threading.Event(), threading.Event()

    async def play(script: ScriptClock) -> None:
        entered.set()
        await asyncio.to_thread(leave.wait, 10)
        if way == "aside":
            with script.aside(Doing.WAITING):
                await asyncio.sleep(0.01)

    running = stage.begin(play)
    waiting = stage.at(60)
    assert entered.wait(10)
    assert stage.log == []
    if way == "left":
        stage.cancel(running)
    leave.set()
    stage.over(waiting)
    stage.over(running)


def test_it_can_be_held_again_and_advanced_while_it_jumps(stage: Stage) -> None:
    """Held again, it stands where it had jumped to; advanced while it jumps, it moves on."""
    stage.clock.auto()
    start = stage.clock.now()
    stage.over(stage.at(60))
    stage.clock.advance(5)
    stage.clock.hold()
    task = stage.at(10)
    stage.clock.wait_until_parked()
    assert stage.clock.now() == start + 65
    stage.clock.auto()
    stage.over(task)
    assert stage.clock.now() == start + 75


WAITS = st.lists(st.lists(st.integers(0, 50), max_size=5), min_size=1, max_size=4)


def expected(scripts: Sequence[Sequence[int]]) -> list[tuple[str, int]]:
    """Return who notes what when."""
    moments = [(sum(waits[: number + 1]), str(script)) for script, waits in enumerate(scripts) for number in range(len(waits))]
    return sorted((name, moment) for moment, name in moments)


@pytest.mark.parametrize("way", ["auto", "advance", "steps"])
@settings(max_examples=30)
@given(scripts=WAITS)
def test_however_time_moves_everybody_is_woken_at_the_moment(way: str, scripts: list[list[int]]) -> None:
    """In jumps, at once or second by second: each script sees the very moments it waited for, and nobody is woken late."""
    stage = Stage()
    try:
        stage.clock.hold()
        start = stage.clock.now()
        moments = [[sum(waits[: number + 1]) for number in range(len(waits))] for waits in scripts]
        tasks = [stage.at(*each, name=str(number)) for number, each in enumerate(moments)]
        total = max((each[-1] for each in moments if each), default=0)
        if way == "auto":
            stage.clock.auto()
        for _ in range(total if way == "steps" else way == "advance"):
            stage.clock.advance(1 if way == "steps" else total)
        for task in tasks:
            stage.over(task)
        assert sorted((name, round(moment - start)) for name, moment in stage.log) == expected(scripts)
        times = [moment for _, moment in stage.log]
        assert times == sorted(times)
    finally:
        stage.close()


@pytest.mark.parametrize(("step", "steps"), [(0.1, 100), (15.0, 400), (1 / 3, 30)])
def test_many_small_steps_make_the_whole(stage: Stage, step: float, steps: int) -> None:
    """However the sums are rounded, whoever waits for the whole is woken by the last step, and not by the one before."""
    for _ in range(10):
        stage.clock.hold()
        start = stage.clock.now()
        task = stage.at(step * steps)
        stage.clock.wait_until_parked()
        for _ in range(steps - 1):
            stage.clock.advance(step)
        assert not task.done()
        stage.clock.advance(step)
        stage.over(task)
        assert stage.clock.now() == pytest.approx(start + step * steps)
        stage.clock.run()


# What goes wrong


@pytest.mark.parametrize("seconds", [-1, -0.001, float("nan"), float("inf"), "30", True, None])
def test_time_moves_by_a_number_of_seconds(stage: Stage, seconds: Any) -> None:
    """And never back."""
    stage.clock.hold()
    with pytest.raises(ServerError, match="a number of seconds from 0 is expected, not"):
        stage.clock.advance(seconds)


def test_a_clock_that_goes_by_itself_is_not_advanced(stage: Stage) -> None:
    """It says what to do before."""
    with pytest.raises(ServerError) as raised:
        stage.clock.advance(1)
    assert str(raised.value) == "the clock goes by itself, so it cannot be advanced\n  hint: call hold() first"


def test_who_cannot_be_moved_on_is_told(stage: Stage) -> None:
    """Each script, and what it is doing."""
    stage.clock.hold()
    leave, entered = threading.Event(), [threading.Event() for _ in range(3)]

    async def busy(script: ScriptClock) -> None:
        del script
        entered[0].set()
        await asyncio.to_thread(leave.wait, 10)

    tasks = [
        stage.begin(busy, "call 1"),
        stage.begin(aside(Doing.HANGING, entered[1], leave), "call 2"),
        stage.begin(aside(Doing.WAITING, entered[2], leave), "call 3"),
    ]
    assert all(each.wait(10) for each in entered)
    stage.at(90, name="call 4")
    stage.clock.wait_until_parked(2)
    with pytest.raises(VerificationError) as raised:
        stage.clock.advance(30, timeout=0.01)
    assert str(raised.value) == (
        "the clock cannot be advanced: after 10 ms a script still runs; the clock is held\n"
        "  call 1 runs\n  call 2 hangs until its client leaves\n  call 3 waits until its client reads\n"
        "  call 4 is due in 1 min 30 s"
    )
    leave.set()
    for task in tasks:
        stage.over(task)


def test_a_wait_for_nobody_is_told() -> None:
    """With what is missing, most likely."""
    clock = NamespaceClock()
    with pytest.raises(VerificationError) as raised:
        clock.wait_until_parked(timeout=0.001)
    assert str(raised.value) == (
        "1 script should wait for the clock by now, 1.0 ms later, and 0 do; the clock goes by itself\n"
        "  no script is under way\n  hint: the request must be sent by another thread or task"
    )
    assert isinstance(raised.value, AssertionError)


@pytest.mark.parametrize("n", [0, -1, "1", True, 1.5])
def test_what_is_no_number_of_scripts_is_an_error(n: Any) -> None:
    """It is never so, or always."""
    with pytest.raises(ServerError, match="a number of scripts from 1 is expected"):
        NamespaceClock().wait_until_parked(n)


@pytest.mark.parametrize("ask", [lambda clock: clock.advance(1), lambda clock: clock.wait_until_parked()])
def test_the_servers_own_thread_cannot_wait_for_itself(stage: Stage, ask: Callable[[NamespaceClock], None]) -> None:
    """It is told at once, instead of after a time-out, how to ask."""
    stage.clock.hold()
    stage.at(10)

    async def inside() -> None:
        serve_here()
        ask(stage.clock)

    with pytest.raises(
        ServerError, match="the server's own thread cannot wait for what it has to do itself\n  hint: call it in"
    ):
        stage.do(inside())


def test_letting_go_ends_an_advance(stage: Stage) -> None:
    """Who waits for a script to park is not left waiting when somebody else lets time go on."""
    stage.clock.hold()
    leave, entered = threading.Event(), threading.Event()

    async def play(script: ScriptClock) -> None:
        del script
        entered.set()
        await asyncio.to_thread(leave.wait, 10)

    task = stage.begin(play)
    assert entered.wait(10)
    advancing = threading.Thread(target=stage.clock.advance, args=(3600,))
    advancing.start()
    while not stage.clock._time._waiting:
        threading.Event().wait(0.001)
    stage.clock.run()
    leave.set()
    advancing.join(10)
    assert not advancing.is_alive()
    stage.over(task)
    assert stage.clock.now() < 3600


def test_any_other_clock_is_told_nothing() -> None:
    """A script that another clock times may do what it likes."""
    plain = PlainClock(RealClock())
    assert isinstance(plain.aside(Doing.WAITING), nullcontext)
    before = plain.now()
    asyncio.run(plain.sleep_until(before + 0.001))
    plain.end()
    assert plain.now() >= before + 0.001
