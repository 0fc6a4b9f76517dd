"""The clock in the test's hands, with real clients: long silences take milliseconds, whatever kind of client reads them.

`STREAMLAB_ROUNDS` says how often each is done; where it is set, each must take less than 100 ms.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

import pytest
from raw_client import RawClient, request

from streamlab import Stall, text
from streamlab.core.faults import Fault
from streamlab.core.pacing import Pace
from streamlab.errors import VerificationError
from streamlab.net.lab import Host, Lab

if TYPE_CHECKING:
    import anthropic

ROUNDS = int(os.environ.get("STREAMLAB_ROUNDS", "5"))
AT_MOST = 0.1 if "STREAMLAB_ROUNDS" in os.environ else 10.0
"""Seconds of the real time that one round may take, in the middle of all."""
MODEL = "claude-sonnet-4-6"
SAID = "One two three."

SILENCES: dict[str, tuple[Fault, list[float]]] = {
    "a stall with pings": (Stall("60s", pings=True, after="delta 1"), [0, 15, 30, 45, 60]),
    "an idle stream": (Stall("10m", pings=True, after="delta 2"), [15.0 * number for number in range(41)]),
    "ten dead minutes": (Stall("10m", after="delta 1"), [0, 600]),
    "slow headers": (Stall("60s", before="headers"), [60]),
}
"""Silences, and the seconds at which something is sent."""


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """Run a server for all of these tests."""
    host = Host()
    yield host
    host.stop()


@pytest.fixture
def lab(host: Host) -> Iterator[Lab]:
    """Give a lab with a clock of its own."""
    lab = host.lab()
    yield lab
    lab.close()


def ask(lab: Lab) -> str:
    """Stream an answer with the synchronous SDK; return its text."""
    with lab.client.messages.stream(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "Go."}]) as stream:
        return stream.get_final_text()


async def ask_async(lab: Lab) -> str:
    """Stream an answer with the asynchronous SDK; return its text."""
    messages: list[anthropic.types.MessageParam] = [{"role": "user", "content": "Go."}]
    async with lab.async_client.messages.stream(model=MODEL, max_tokens=9, messages=messages) as stream:
        return await stream.get_final_text()


class Asking(threading.Thread):
    """A client in a thread of its own."""

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab = lab
        self._said: str | None = None
        self.start()

    def run(self) -> None:
        """Ask."""
        self._said = ask(self._lab)

    def said(self) -> str | None:
        """Wait for the answer, and return its text."""
        self.join(10)
        return self._said


def from_the_test(lab: Lab, times: list[float]) -> str:
    """Ask in the thread of the test: only a clock that jumps by itself can serve that."""
    del times
    lab.clock.auto()
    return ask(lab)


def from_a_thread(lab: Lab, times: list[float]) -> str | None:
    """Ask in another thread, and move the clock on from one sending to the next."""
    lab.clock.hold()
    asking = Asking(lab)
    lab.clock.wait_until_parked()
    for before, after in zip([0.0, *times], times, strict=False):
        lab.clock.advance(after - before)
        assert [each.at for each in lab.journal[-1].sent] == [each for each in times if each <= after]
    return asking.said()


def from_a_thread_by_itself(lab: Lab, times: list[float]) -> str | None:
    """Ask in another thread, while the clock jumps."""
    del times
    lab.clock.auto()
    return Asking(lab).said()


async def from_a_task(lab: Lab, times: list[float]) -> str:
    """Ask in the loop of the test, which must not be blocked while the request is sent."""
    lab.clock.hold()
    asking = asyncio.create_task(ask_async(lab))
    await asyncio.to_thread(lab.clock.wait_until_parked)
    await asyncio.to_thread(lab.clock.advance, times[-1])
    return await asking


async def from_a_task_that_is_blocked(lab: Lab, times: list[float]) -> str:
    """Ask in the loop of the test, and block it while the clock is moved on: the answer waits in the kernel."""
    lab.clock.hold()
    asking = asyncio.create_task(ask_async(lab))
    await asyncio.to_thread(lab.clock.wait_until_parked)
    lab.clock.advance(times[-1])
    return await asking


async def from_a_task_by_itself(lab: Lab, times: list[float]) -> str:
    """Ask in the loop of the test, while the clock jumps."""
    del times
    lab.clock.auto()
    return await ask_async(lab)


def check(lab: Lab, said: str | None, times: list[float]) -> None:
    """All was said, and sent at its time exactly."""
    call = lab.journal[-1]
    assert (said, call.ended, call.ended_by) == (SAID, "complete", "server")
    assert ([each.at for each in call.sent], call.duration) == (times, times[-1])
    assert sum(each.events for each in call.sent) == call.events_sent == call.events_delivered
    assert list(accumulate(each.size for each in call.sent))[-1] == call.bytes_sent


def in_time(durations: list[float]) -> None:
    """Each took no longer than it may, but for those that the machine held up."""
    assert sorted(durations)[len(durations) // 2] < AT_MOST


@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize("way", [from_the_test, from_a_thread, from_a_thread_by_itself])
def test_a_long_silence_takes_no_time(lab: Lab, way: Callable[[Lab, list[float]], str | None], silence: str) -> None:
    """To a synchronous client, in the test's thread or another."""
    fault, times = SILENCES[silence]
    lab.reply(text(SAID), faults=[fault], times=ROUNDS)
    assert lab.client is lab.client  # what is made once is not measured
    durations = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        said = way(lab, times)
        durations.append(time.perf_counter() - begun)
        check(lab, said, times)
    in_time(durations)
    lab.verify()


@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize("way", [from_a_task, from_a_task_that_is_blocked, from_a_task_by_itself])
def test_a_long_silence_takes_no_time_in_a_loop(lab: Lab, way: Callable[[Lab, list[float]], object], silence: str) -> None:
    """To an asynchronous client in the loop of the test."""
    fault, times = SILENCES[silence]
    lab.reply(text(SAID), faults=[fault], times=ROUNDS)

    async def run() -> None:
        assert lab.async_client is lab.async_client
        durations = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            said = await way(lab, times)  # type: ignore[misc]
            durations.append(time.perf_counter() - begun)
            check(lab, said, times)
        in_time(durations)
        await lab.async_client.close()

    asyncio.run(run())
    lab.verify()


@pytest.mark.parametrize("way", ["advance", "auto"])
def test_many_clients_at_once_get_each_its_own_time(lab: Lab, way: str) -> None:
    """Whoever comes first, each is sent to at the seconds after its own request."""
    fault, times = SILENCES["a stall with pings"]
    lab.reply(text(SAID), faults=[fault], times=8)
    (lab.clock.hold if way == "advance" else lab.clock.auto)()
    assert lab.client is lab.client  # made once, in this thread
    asking = [Asking(lab) for _ in range(8)]
    if way == "advance":
        lab.clock.wait_until_parked(8)
        lab.clock.advance(60)
    assert [each.said() for each in asking] == [SAID] * 8
    assert [[each.at for each in call.sent] for call in lab.journal] == [times] * 8


def test_labs_have_clocks_of_their_own(host: Host, lab: Lab) -> None:
    """One that is held holds up no other on the same server."""
    lab.clock.hold()
    other = host.lab()
    other.reply("At once.", pace=Pace(first=0.001))
    assert ask(other) == "At once."
    other.close()


def test_a_client_that_does_not_read_does_not_stop_the_clock(lab: Lab) -> None:
    """Its script waits for it, and counts as idle; once it reads, the script comes to its silence."""
    lab.reply({"text": ["word" * 25_000] * 100}, faults=[Stall("60s", before="message_stop")])
    lab.clock.hold()
    with RawClient(lab.url) as client:
        client.socket.sendall(request(f"/{lab.url.rpartition('/')[2]}/v1/messages"))
        lab.wait_for(lambda journal: journal.only.bytes_sent > 100_000)
        lab.clock.advance(30)
        with pytest.raises(VerificationError, match="call 1 waits until its client reads"):
            lab.clock.wait_until_parked(timeout=0.001)
        reading = threading.Thread(target=lambda: answers.append(client.answer().body))
        answers: list[bytes] = []
        reading.start()
        lab.clock.wait_until_parked()
        lab.clock.advance(30)
        reading.join(10)
        assert answers[0].count(b"word") == 2_500_000
    assert lab.journal.only.duration == 60.0


@pytest.mark.parametrize("round_", range(min(ROUNDS, 20)))
def test_a_client_that_cancels_in_a_silence_is_seen(lab: Lab, round_: int) -> None:
    """The journal tells how much it had been sent, and what of that reached it."""
    del round_
    lab.reply(text(SAID), faults=[Stall("60s", after="delta 2")])
    lab.clock.hold()
    assert lab.client is lab.client
    arrived, left = threading.Semaphore(0), threading.Event()

    def cancel() -> None:
        messages: list[anthropic.types.MessageParam] = [{"role": "user", "content": "Go."}]
        with lab.client.messages.stream(model=MODEL, max_tokens=9, messages=messages) as stream:
            for piece in stream.text_stream:
                arrived.release()
                if piece.strip() == "two":
                    break
        left.set()

    leaving = threading.Thread(target=cancel)
    leaving.start()
    assert arrived.acquire(timeout=10)
    call = lab.wait_for(1).only
    assert left.wait(10)
    leaving.join()
    assert (call.ended, call.ended_by, call.cancelled_after, call.events_delivered) == ("left", "client", 4, 4)
    assert call.duration == 0.0


def test_a_lab_that_is_closed_lets_its_clients_go_on(host: Host) -> None:
    """What was parked on a clock that is held is not parked for ever."""
    lab = host.lab()
    lab.reply(SAID, faults=[Stall("10ms", after="delta 1")])
    lab.clock.hold()
    assert lab.client is lab.client
    asking = Asking(lab)
    lab.clock.wait_until_parked()
    threading.Timer(0.01, lab._space.close).start()
    assert asking.said() == SAID
    lab.close()
