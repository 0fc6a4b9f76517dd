"""Thousands of requests, fifty at a time: afterwards nothing is left of them.

`STREAMLAB_SOAK=10000` makes the faulty ones so many.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import cycle, islice
from pathlib import Path

import pytest
from clocks import Hurried
from raw_client import request

from streamlab.core.authoring import as_reply, text, tool_use
from streamlab.core.faults import Cut, Example, Stall, examples, fault_names, fault_type
from streamlab.core.journal import Journal
from streamlab.core.places import Place
from streamlab.core.replies import Reply, Rule
from streamlab.files.fault_text import parse_fault_text
from streamlab.files.library import scenario_names
from streamlab.files.scenario import load
from streamlab.net.server import MockServer, Namespace

REQUESTS = 1000
FAULTY = int(os.environ.get("STREAMLAB_SOAK", "1000"))
"""How many requests are answered with a fault."""
GROWTH = 4_000_000
"""Bytes by which the memory of the process may differ between the second and the last fifth of them."""
AT_ONCE = 50
OPEN_FILES = Path("/proc/self/fd")


def stalls(replies: Iterable[Reply]) -> list[Stall]:
    """Return the silences without an end in some replies."""
    return [each for reply in replies for each in reply.faults if isinstance(each, Stall) and each.time == "forever"]


def endless_only(rule: Rule) -> Rule:
    """Return a rule without its replies that end, if any does not: whoever leaves at once may have had a whole one by then."""
    return replace(rule, replies=tuple(reply for reply in rule.replies if stalls([reply])) or rule.replies)


def namespaces() -> dict[str, Namespace]:
    """Return a namespace for each shipped scenario, and for what they do not show. One that can be endless always is."""
    made = {
        f"~{name}": Namespace(rules=tuple(map(endless_only, load(name).rules)), settings=load(name).settings)
        for name in scenario_names()
    }
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
    endless: dict[str, bool]
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def ask(self, name: str) -> str:
        """Send a request for a scenario; return how the answer ended. One that never ends is left when some of it has come."""
        if self.reader is None or self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(request(f"/{name}/v1/messages"))
        try:
            ending = "left" if name in self.endless else await self._read(self.reader)
            if ending == "left" and self.endless[name]:
                await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ValueError):
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

    async def _read(self, reader: asyncio.StreamReader) -> str:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b"transfer-encoding: chunked" not in head:
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            return "complete"
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
        return "complete"


@cache
def names() -> tuple[str, ...]:
    """Return the names of all namespaces."""
    return tuple(sorted(namespaces()))


@cache
def endless() -> dict[str, bool]:
    """Return the namespaces whose answers never end, and whether a head comes at all."""
    found = {}
    for name, namespace in namespaces().items():
        silences = stalls(reply for rule in namespace.rules for reply in rule.replies)
        if silences:
            found[name] = silences[0].before != Place("headers")
    return found


async def round_of(port: int, count: int) -> Counter[tuple[str, str]]:
    """Send so many requests, over all namespaces in turn, from clients that each keep a connection; return the endings."""
    waiting: Iterator[str] = islice(cycle(names()), count)
    endings: Counter[tuple[str, str]] = Counter()
    never = endless()

    async def work() -> None:
        client = Client(port, never)
        for name in waiting:
            endings[name, await client.ask(name)] += 1
        await client.leave()

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return endings


def journal_of(server: MockServer, name: str) -> Journal:
    """Return what the server saw of a namespace."""
    return server.namespaces[name].journal


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
        assert {name for name, _ in endings} == set(names())
        assert {name for name, ending in endings if ending == "left"} == set(endless()) > {"~stall-mid-stream"}
        assert await settled(server) == before
        calls = [call for namespace in server.namespaces.values() for call in namespace.journal]
        assert len(calls) == REQUESTS
        assert [call for call in calls if call.ended is None] == []
        seen = {"end": "complete", "corrupt": "fin"}
        told = {(name, seen.get(str(call.ended), call.ended)) for name in names() for call in journal_of(server, name)}
        assert told == set(endings)
        assert {call.ended for call in server.namespaces["~stall-mid-stream"].journal} == {"left"}

        client = Client(port, endless())
        assert await client.ask("~hello") == "complete"
        await client.leave()
        await server.stop()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(soak())


@pytest.mark.slow
def test_memory_does_not_grow() -> None:
    """Round after round takes no more than the one before."""

    async def soak() -> list[int]:
        server = MockServer(Namespace(), clock=Hurried())
        server.namespaces |= namespaces()
        port = int((await server.start()).rsplit(":", 1)[1])
        await round_of(port, len(server.namespaces))
        sizes = []
        tracemalloc.start()
        try:
            for _ in range(3):
                await round_of(port, len(server.namespaces))
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


# Faults


def faulty() -> dict[str, Example]:
    """Return every example of every fault, each under the name of its namespace."""
    found = [each for name in fault_names() for each in examples(fault_type(name))]
    return {f"~fault-{number}": each for number, each in enumerate(found)}


def with_faults() -> dict[str, Namespace]:
    """Return a namespace that answers with each example."""
    blocks = [text(["One", " two", " three", " four…"]), tool_use("get_weather", location="San Francisco")]
    return {
        name: Namespace(rules=(Rule(name=name, replies=(as_reply(blocks, faults=parse_fault_text(each.fault, "example")),)),))
        for name, each in faulty().items()
    }


async def broken_off(server: MockServer, port: int, name: str, example: Example) -> str:
    """Ask for an answer with a fault; read it to its end, or leave where none comes; return how it ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request(f"/{name}/v1/messages"))
        if "forever" in example.fault:
            while not journal_of(server, name).running:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0)
            return "left"
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b"transfer-encoding: chunked" not in head:
            await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            return "complete"
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    except ValueError:
        return "corrupt"
    except asyncio.IncompleteReadError:
        return "fin"
    except ConnectionResetError:
        return "reset"
    else:
        return "complete"
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def faulty_round(server: MockServer, port: int, waiting: Iterator[tuple[str, Example]]) -> Counter[str]:
    """Ask for all that waits, so many at once; return how the answers ended."""
    endings: Counter[str] = Counter()

    async def work() -> None:
        for name, example in waiting:
            endings[await broken_off(server, port, name, example)] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return endings


def resident() -> int:
    """Return how many bytes of memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not OPEN_FILES.exists(), reason="open files and memory are counted where /proc tells them")
def test_thousands_of_faulty_requests_leave_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    """Every example of every fault, mixed: no socket, no task, no growing memory, no warning, and the next one is answered."""

    async def soak() -> tuple[list[int], Counter[str]]:
        server = MockServer(Namespace(), clock=Hurried())
        server.namespaces |= with_faults() | {"~hello": namespaces()["~hello"]}
        port = int((await server.start()).rsplit(":", 1)[1])
        await faulty_round(server, port, iter(faulty().items()))
        before = await settled(server)
        forget(server)
        waiting, sizes, endings = cycle(faulty().items()), [], Counter[str]()
        for _ in range(5):
            endings += await faulty_round(server, port, islice(waiting, FAULTY // 5))
            assert await settled(server) == before
            calls = [call for namespace in server.namespaces.values() for call in namespace.journal]
            assert len(calls) == FAULTY // 5
            assert [call for call in calls if call.ended is None or call.problem is not None] == []
            forget(server)
            sizes.append(resident())
        client = Client(port, endless())
        assert await client.ask("~hello") == "complete"
        await client.leave()
        await server.stop()
        assert len(asyncio.all_tasks()) == 1
        return sizes, endings

    with caplog.at_level(logging.INFO):
        sizes, endings = asyncio.run(soak())
    assert caplog.records == []
    assert endings.total() == FAULTY // 5 * 5
    assert set(endings) == {"complete", "fin", "reset", "corrupt", "left"}
    assert abs(sizes[4] - sizes[1]) < GROWTH, sizes
