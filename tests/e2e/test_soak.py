"""A thousand requests, fifty at a time: afterwards nothing is left of them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import pytest
from clocks import Hurried
from raw_client import request

from streamlab.core.authoring import as_reply
from streamlab.core.faults import Cut
from streamlab.core.replies import Rule
from streamlab.files.library import scenario_names
from streamlab.files.scenario import load
from streamlab.net.server import MockServer, Namespace

REQUESTS = 1000
AT_ONCE = 50
OPEN_FILES = Path("/proc/self/fd")


def namespaces() -> dict[str, Namespace]:
    """Return a namespace for each shipped scenario, and for what they do not show."""
    made = {f"~{name}": Namespace(rules=load(name).rules, settings=load(name).settings) for name in scenario_names()}
    reset = as_reply("One two three four.", faults=[Cut("reset", after="delta 2")])
    broken = as_reply(lambda asked: 1 / len(asked.tools))
    made["~reset"] = Namespace(rules=(Rule(name="reset", replies=(reset,)),))
    made["~broken"] = Namespace(rules=(Rule(name="broken", replies=(broken,)),))
    made["~miss"] = Namespace()
    return made


@dataclass
class Client:
    """A client that keeps its connection for as long as it can."""

    port: int
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def ask(self, name: str) -> str:
        """Send a request for a scenario; return how the answer ended. A stalled one is left after a while."""
        if self.reader is None or self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(request(f"/{name}/v1/messages"))
        try:
            ending = await self._read(self.reader, is_patient="stall" not in name)
        except asyncio.IncompleteReadError:
            ending = "fin"
        except ConnectionResetError:
            ending = "reset"
        if ending != "complete":
            await self.leave()
        return ending

    async def leave(self) -> None:
        """Close the connection."""
        if self.writer is not None:
            self.writer.close()
            with contextlib.suppress(ConnectionError):
                await self.writer.wait_closed()
        self.reader = self.writer = None

    async def _read(self, reader: asyncio.StreamReader, *, is_patient: bool) -> str:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not is_patient:
            await reader.readuntil(b"text_delta")
            return "left"
        if b"transfer-encoding: chunked" not in head:
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            return "complete"
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
        return "complete"


async def round_of(port: int, count: int) -> Counter[tuple[str, str]]:
    """Send so many requests, over all namespaces in turn, from clients that each keep a connection; return the endings."""
    waiting: Iterator[str] = islice(cycle(sorted(namespaces())), count)
    endings: Counter[tuple[str, str]] = Counter()

    async def work() -> None:
        client = Client(port)
        for name in waiting:
            endings[name, await client.ask(name)] += 1
        await client.leave()

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return endings


def open_files() -> int:
    """Return how many files and sockets this process has open; 0 where nobody counts them."""
    return len(list(OPEN_FILES.iterdir())) if OPEN_FILES.exists() else 0


async def settled(server: MockServer) -> tuple[int, int]:
    """Wait until the server has let go of every connection; return how many tasks and open files there are."""
    assert server._web is not None
    async with asyncio.timeout(5):
        while server._web.connections or len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)
    return len(asyncio.all_tasks()), open_files()


def forget(server: MockServer) -> None:
    """Forget all calls, as a server that runs for days forgets the oldest."""
    for namespace in server.namespaces.values():
        namespace.reset()
    gc.collect()


@pytest.mark.skipif(not OPEN_FILES.exists(), reason="open files are counted where /proc tells them")
def test_a_thousand_requests_leave_nothing_behind() -> None:
    """No task, no socket and no memory is left of them, and the next request is answered as ever."""

    async def soak() -> None:
        server = MockServer(Namespace(), clock=Hurried())
        server.namespaces |= namespaces()
        port = int((await server.start()).rsplit(":", 1)[1])
        await round_of(port, 2 * AT_ONCE)
        before = await settled(server)
        forget(server)

        endings = await round_of(port, REQUESTS)
        assert sum(endings.values()) == REQUESTS
        assert {name for name, _ in endings} == set(namespaces())
        assert {name for name, ending in endings if ending != "complete"} == {"~cut-mid-text", "~reset", "~stall-mid-stream"}
        assert await settled(server) == before
        calls = [call for namespace in server.namespaces.values() for call in namespace.journal]
        assert len(calls) == REQUESTS
        assert [call for call in calls if call.ended is None] == []
        assert {call.ended for call in server.namespaces["~stall-mid-stream"].journal} == {"left"}

        client = Client(port)
        assert await client.ask("~hello") == "complete"
        await client.leave()
        await server.stop()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(soak())


def test_memory_does_not_grow() -> None:
    """Round after round takes no more than the one before."""

    async def soak() -> list[int]:
        server = MockServer(Namespace(), clock=Hurried())
        server.namespaces |= namespaces()
        port = int((await server.start()).rsplit(":", 1)[1])
        await round_of(port, 3 * len(server.namespaces))
        sizes = []
        tracemalloc.start()
        try:
            for _ in range(3):
                await round_of(port, 3 * len(server.namespaces))
                await settled(server)
                forget(server)
                sizes.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
        await server.stop()
        return sizes

    first, second, third = asyncio.run(soak())
    assert abs(second - first) < 200_000, (first, second, third)
    assert abs(third - second) < 50_000, (first, second, third)


def test_clients_that_all_leave_at_once_leave_nothing_behind() -> None:
    """Two hundred stalled answers, whose clients go in the same moment, some with a close and some with a reset."""

    async def soak() -> None:
        server = MockServer(Namespace(), clock=Hurried())
        server.namespaces |= namespaces()
        port = int((await server.start()).rsplit(":", 1)[1])
        before = open_files()
        writers = []
        for _ in range(200):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request("/~stall-mid-stream/v1/messages"))
            await reader.readuntil(b"text_delta")
            writers.append(writer)
        journal = server.namespaces["~stall-mid-stream"].journal
        assert len(journal.running) == 200
        for number, writer in enumerate(writers):
            if number % 2:
                writer.transport.abort()
            else:
                writer.close()
        async with asyncio.timeout(5):
            while journal.running:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)
        await settled(server)
        assert {(call.ended, call.ended_by) for call in journal} == {("left", "client")}
        assert open_files() == before
        await server.stop()

    asyncio.run(soak())
