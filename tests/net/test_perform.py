"""A script on a connection: what is written, when, what is told of it, and how the connection ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import pairwise
from random import Random

import pytest

from streamlab.core.actions import Abort, Action, Finish, Framing, Hang, Send, Wait, script
from streamlab.core.pacing import Pace, schedule
from streamlab.core.parking import Doing
from streamlab.core.plan import Ending, Head, Plan
from streamlab.core.sse import Frame, Split
from streamlab.net import perform as module
from streamlab.net.perform import Connection, perform

Log = list[tuple[object, ...]]


class _Recording(asyncio.Transport):
    """A transport that writes down what is done to it; `closing_after` so many writes, the peer has left."""

    def __init__(self, log: Log, *, closing_after: int | None = None) -> None:
        super().__init__()
        self.log = log
        self.waiting: list[int] = []
        """What `get_write_buffer_size` says, each time that it is asked; then 0."""
        self._left = closing_after
        self._socket = socket.socket()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.log.append(("write", bytes(data)))
        if self._left is not None:
            self._left -= 1

    def is_closing(self) -> bool:
        return self._left == 0

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.log.append(("write_eof",))

    def close(self) -> None:
        self.log.append(("close",))
        self._socket.close()

    def abort(self) -> None:
        self.log.append(("abort", self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)[:1] == b"\1"))
        self._socket.close()

    def get_write_buffer_size(self) -> int:
        return self.waiting.pop(0) if self.waiting else 0

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return 0, 100

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._socket if name == "socket" else default


class _FakeClock:
    """A clock that jumps."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    async def sleep_until(self, moment: float) -> None:
        self.log.append(("until", round(moment - 1000.0, 6)))
        self.time = max(self.time, moment)


async def _drained() -> None:
    return


def performed(
    actions: Iterable[Action],
    *,
    drain: Callable[[], Awaitable[None]] = _drained,
    transport: _Recording | None = None,
    told: bool = False,
) -> tuple[bool, Log]:
    """Perform actions; return whether the connection is kept, and what was done, or also told, in order."""
    log: Log = [] if transport is None else transport.log
    transport = transport or _Recording(log)

    def watch(events: int, size: int, ending: Ending | None) -> None:
        if told:
            log.append(("told", events, size, ending))

    try:
        is_kept = asyncio.run(perform(actions, Connection(transport, drain), _FakeClock(log), watch))
    finally:
        transport._socket.close()
    return is_kept, log


def plan(*frames: Frame, ending: Ending = Ending.COMPLETE) -> Plan:
    """Return a stream of these frames."""
    return Plan(Head(200, (("content-type", "text/event-stream"),)), frames, ending)


def frame(name: str, *, wait: float = 0.0, splits: tuple[Split, ...] = ()) -> Frame:
    """Return a small frame."""
    return Frame(f'event: {name}\ndata: {{"type":"{name}"}}\n\n'.encode(), wait=wait, splits=splits)


def scripted(answer: Plan, pace: Pace) -> Iterable[Action]:
    """Return the script of a plan at a pace."""
    return script(answer, schedule(answer, pace, Random(0)), Framing(), first=pace.first)


def names(log: Log) -> list[object]:
    """Return what was done, a write as the names of the events in it, and `end` for the end mark."""
    short: list[object] = []
    for what, *values in log:
        if what == "write":
            data = values[0]
            assert isinstance(data, bytes)
            found = [line.removeprefix(b"event: ").decode() for line in data.split(b"\n") if line.startswith(b"event: ")]
            head = ["head"] if data.startswith(b"HTTP/1.1 200 OK\r\n") else []
            short.append([*head, *found, *(["end"] if data.endswith(b"0\r\n\r\n") else [])])
        else:
            short.append(values[0] if what == "until" else what)
    return short


def test_frames_that_are_due_together_go_out_in_one_write() -> None:
    """At once means one write: the head, every event and the end mark."""
    answer = plan(frame("a"), frame("b"), frame("c"))
    assert names(performed(scripted(answer, Pace()))[1]) == [["head", "a", "b", "c", "end"]]


def test_frames_that_are_due_later_go_out_when_they_are() -> None:
    """At a rate each event is a write of its own, and the times add up."""
    answer = plan(frame("a"), frame("b"), frame("c"))
    _, log = performed(scripted(answer, Pace(first=2.0, rate=10.0)))
    assert names(log) == [2.0, ["head", "a"], 2.1, ["b"], 2.2, ["c", "end"]]


def test_a_wait_parts_what_is_before_it_from_what_is_after() -> None:
    """What is due before a stall goes out before it, in one write; what is due after it together after it."""
    answer = plan(frame("a"), frame("b"), frame("c", wait=30.0), frame("d"), frame("e"))
    assert names(performed(scripted(answer, Pace()))[1]) == [["head", "a", "b"], 30.0, ["c", "d", "e", "end"]]


def test_recorded_times_are_kept() -> None:
    """At the recorded pace each frame is due when it came, frames of one read together."""
    times = {"a": 0.5, "b": 0.5, "c": 1.25}
    frames = (Frame(frame(name).raw, recorded=time) for name, time in times.items())
    assert names(performed(scripted(plan(*frames), Pace(speed=1.0)))[1]) == [["head"], 0.5, ["a", "b"], 1.25, ["c", "end"]]


def test_a_split_frame_is_a_write_for_each_piece() -> None:
    """A frame that is split goes out piece by piece."""
    answer = plan(frame("a"), frame("b", splits=(Split(4, 0.0), Split(9, 5.0))), frame("c"))
    _, log = performed(scripted(answer, Pace()))
    writes = [values[0] for what, *values in log if what == "write"]
    assert [values[0] for what, *values in log if what == "until"] == [5.0]
    assert b"4\r\neven\r\n" in writes
    assert b"5\r\nt: b\n\r\n" in writes


def test_a_long_wait_is_counted_from_the_start_of_the_answer() -> None:
    """Time that writing took is not waited for again."""
    log: Log = []
    clock_moves = Send(b"x")
    transport = _Recording(log)
    clock = _FakeClock(log)

    async def slow() -> None:
        clock.time += 0.4

    async def run() -> None:
        await perform([clock_moves, Wait(1.0), clock_moves, Finish()], Connection(transport, slow), clock, lambda *_: None)

    asyncio.run(run())
    transport._socket.close()
    assert log == [("write", b"x"), ("until", 1.0), ("write", b"x")]
    assert clock.time == pytest.approx(1001.4)


@pytest.mark.parametrize(
    ("last", "is_kept", "after"),
    [
        (Finish(Ending.COMPLETE), True, []),
        (Finish(Ending.END), True, []),
        (Finish(Ending.COMPLETE, keep_alive=False), False, []),
        (Abort(), False, [("write_eof",), ("close",)]),
        (Abort(Ending.RESET), False, [("abort", True)]),
    ],
)
def test_each_ending_leaves_the_connection_as_it_should(last: Action, after: Log, *, is_kept: bool) -> None:
    """An end of the answer touches nothing; a cut closes after what was written; a reset lingers for no time."""
    assert performed([Send(b"x"), last]) == (is_kept, [("write", b"x"), *after])


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([Send(b"ab", 2), Finish(Ending.END)], [("told", 2, 2, Ending.END), ("write", b"ab")]),
        (
            [Send(b"a", 1), Wait(1), Send(b"b"), Finish()],
            [
                *(("told", 1, 1, None), ("write", b"a"), ("until", 1.0)),
                *(("told", 0, 1, Ending.COMPLETE), ("write", b"b")),
            ],
        ),
        (
            [Send(b"a"), Abort()],
            [("told", 0, 1, None), ("write", b"a"), ("told", 0, 0, Ending.FIN), ("write_eof",), ("close",)],
        ),
        ([Abort(Ending.RESET)], [("told", 0, 0, Ending.RESET), ("abort", True)]),
        ([Finish()], [("told", 0, 0, Ending.COMPLETE)]),
        (
            [Send(b"a"), Wait(1), Finish(Ending.END)],
            [("told", 0, 1, None), ("write", b"a"), ("until", 1.0), ("told", 0, 0, Ending.END)],
        ),
    ],
)
def test_what_is_sent_is_told_before_it_goes_out(actions: list[Action], expected: Log) -> None:
    """Events, bytes and the ending are told first, so that whoever has read the last byte finds them told."""
    assert performed(actions, told=True)[1] == expected


def test_every_write_waits_until_the_peer_takes_more() -> None:
    """No write is made before what was written earlier has been taken."""
    log: Log = []
    transport = _Recording(log)

    async def drain() -> None:
        log.append(("drain",))

    performed([Send(b"a"), Send(b"b"), Finish()], drain=drain, transport=transport)
    assert log == [("drain",), ("write", b"a"), ("drain",), ("write", b"b")]


@pytest.mark.parametrize("writes", [1, 2])
def test_nothing_is_told_of_what_a_client_that_has_left_does_not_get(writes: int) -> None:
    """When the peer has left, the script ends there: what was not sent is neither written nor told."""
    log: Log = []
    transport = _Recording(log, closing_after=writes)
    with pytest.raises(ConnectionResetError, match="the client has left"):
        performed([Send(b"a", 1), Send(b"b", 1), Send(b"c", 1), Finish()], transport=transport, told=True)
    assert [entry[0] for entry in log] == ["told", "write"] * writes


@pytest.mark.parametrize(
    ("actions", "waiting", "asides"),
    [
        ([Send(b"a"), Send(b"b"), Finish()], [], []),
        ([Send(b"a"), Send(b"b"), Finish()], [5], [Doing.WAITING]),
        ([Send(b"a"), Send(b"b"), Send(b"c"), Finish()], [0, 101], [Doing.WAITING]),
        ([Send(b"a"), Send(b"b"), Send(b"c"), Finish()], [0, 100, 101], [Doing.WAITING]),
        ([Send(b"a"), Wait(5), Send(b"b"), Abort()], [], []),
        ([Abort(Ending.RESET)], [], []),
        ([Abort(Ending.RESET)], [0, 7, 7, 3], [Doing.WAITING]),
    ],
)
def test_what_needs_no_clock_is_told(actions: list[Action], waiting: list[int], asides: list[Doing]) -> None:
    """A wait for a peer that has much to take, or to acknowledge, is none for the clock; where there is none, none is told."""
    log: Log = []
    transport = _Recording(log)
    transport.waiting = waiting
    told: list[Doing] = []

    @contextlib.contextmanager
    def aside(doing: Doing) -> Iterator[None]:
        told.append(doing)
        yield
        told.append(doing)

    async def run() -> None:
        connection = Connection(transport, _drained, aside)
        await perform(actions, connection, _FakeClock(log), lambda *_: None)
        assert list(reversed(connection.recent)) == [each.data for each in reversed(actions) if isinstance(each, Send)]

    try:
        asyncio.run(run())
    finally:
        transport._socket.close()
    assert told == [each for each in asides for _ in range(2)]


def test_a_hang_is_told_as_one() -> None:
    """The clock of a lab counts it among those that are parked."""
    log: Log = []
    transport = _Recording(log)
    told: list[Doing] = []
    is_told = asyncio.Event()

    def aside(doing: Doing) -> contextlib.AbstractContextManager[None]:
        told.append(doing)
        is_told.set()
        return contextlib.nullcontext()

    async def run() -> None:
        task = asyncio.ensure_future(
            perform([Hang()], Connection(transport, _drained, aside), _FakeClock(log), lambda *_: None)
        )
        await is_told.wait()
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())
    transport._socket.close()
    assert told == [Doing.HANGING]


def test_a_cut_of_a_connection_that_is_closing_only_closes_it() -> None:
    """A FIN cannot be written twice."""
    log: Log = []
    performed([Send(b"a"), Abort()], transport=_Recording(log, closing_after=1))
    assert log == [("write", b"a"), ("close",)]


def test_a_hang_sends_nothing_until_the_client_leaves() -> None:
    """It goes on until it is cancelled, as the server does when the connection is lost."""
    log: Log = []
    transport = _Recording(log)

    async def run() -> None:
        task = asyncio.ensure_future(
            perform([Send(b"a"), Hang()], Connection(transport, _drained), _FakeClock(log), lambda *_: None)
        )
        for _ in range(10):
            await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    transport._socket.close()
    assert log == [("write", b"a")]


def test_a_reset_waits_as_long_as_the_peer_goes_on_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow peer is waited for while it acknowledges more, though it takes much longer than the patience with a dead one."""
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    log: Log = []
    transport = _Recording(log)
    transport.waiting = list(range(200, 0, -1))
    performed([Abort(Ending.RESET)], transport=transport)
    assert transport.waiting == []
    assert log == [("abort", True)]


def test_a_reset_does_not_wait_for_ever_for_a_peer_that_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing more is acknowledged, the connection is reset all the same."""
    monkeypatch.setattr(module, "_PATIENCE", 0.005)
    log: Log = []
    transport = _Recording(log)
    transport.waiting = [7] * 100_000
    performed([Abort(Ending.RESET)], transport=transport)
    assert transport.waiting != []
    assert log == [("abort", True)]


def _pair() -> tuple[socket.socket, socket.socket]:
    """Return two ends of a TCP connection with small buffers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.socket()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        theirs = socket.socket()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        theirs.connect(listener.getsockname())
        ours.close()
        ours, _ = listener.accept()
    return ours, theirs


def _fill(ours: socket.socket) -> int:
    """Send until no more is taken; return how much was."""
    ours.settimeout(0)
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            sent += ours.send(bytes(4096))
    return sent


def test_what_the_peer_has_not_acknowledged_is_counted() -> None:
    """Bytes that do not fit into the peer's buffer count, and count no more once it has read."""
    ours, theirs = _pair()
    with ours, theirs:
        assert module._unacknowledged(ours.fileno()) == 0
        sent = _fill(ours)
        assert 0 < module._unacknowledged(ours.fileno()) <= sent
        theirs.settimeout(10)
        while sent:
            sent -= len(theirs.recv(sent))
        for _ in range(1000):
            if not module._unacknowledged(ours.fileno()):
                break
            theirs.settimeout(0.001)
            with pytest.raises(TimeoutError):
                theirs.recv(1)
        assert module._unacknowledged(ours.fileno()) == 0


def test_where_nobody_counts_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """On other systems a reset follows at once what was written."""
    monkeypatch.setattr("sys.platform", "darwin")
    ours, theirs = _pair()
    with ours, theirs:
        ours.send(b"x" * 100)
        assert module._unacknowledged(ours.fileno()) == 0


def test_a_large_answer_is_written_in_parts_of_a_bounded_size() -> None:
    """However long the answer, one write holds a bounded part of it, so that a slow client holds back the rest."""
    answer = plan(*(Frame(b"event: x\ndata: " + bytes(10_000) + b"\n\n") for _ in range(500)))
    _, log = performed(scripted(answer, Pace()))
    sizes = [len(values[0]) for what, *values in log if what == "write" and isinstance(values[0], bytes)]
    assert sum(sizes) > 5_000_000
    assert max(sizes) < 300_000
    assert all(first <= 2 * second for first, second in pairwise(sizes[:-1]))
