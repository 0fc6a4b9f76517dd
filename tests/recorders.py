"""A recorder, or the replay of its cassette, in a thread; and a client that is nothing but a socket, to compare the two."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from streamlab.core.exchange import Exchange
from streamlab.core.replies import Settings
from streamlab.files.cassette import Cassette
from streamlab.files.cassette_output import CassetteOutput, Mode
from streamlab.files.tapes import opened
from streamlab.net.background import Background
from streamlab.net.calls import Ledger
from streamlab.net.recorder import Forwarding, Recorder, Replay
from streamlab.net.recording import Progress, Recordings
from streamlab.net.server import MockServer, Namespace
from streamlab.net.upstream import Upstream

__all__ = [
    "LONG",
    "RECORD",
    "Running",
    "Seen",
    "end",
    "environment",
    "exchanges",
    "look",
    "recorder",
    "recording",
    "replay",
    "run",
]

_T = TypeVar("_T")
LONG = 10.0
"""Seconds after which what should happen has failed."""

RECORD = [sys.executable, "-m", "streamlab", "record"]
"""The command in a process of its own."""
WATCH = 0.25
"""Seconds without a byte after which an answer counts as stalled."""
_VARYING = {"date", "connection"}
"""The headers that a replay does not take from the recording."""


@dataclass
class Running:
    """A recorder that runs: where it is, and what it has told."""

    url: str = ""
    told: list[Progress] = field(default_factory=list)

    @property
    def ended(self) -> list[Progress]:
        """What was told of each exchange when it was over."""
        return [each for each in self.told if each.ended is not None]


class _Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def call(self, make: Callable[[], Awaitable[_T]]) -> _T:
        """Run a coroutine to its end."""

        async def run() -> _T:
            return await make()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(LONG)

    def end(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LONG)
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


@contextmanager
def recorder(  # noqa: PLR0913 - one for each thing that a test may change
    upstream: str,
    out: Path,
    *,
    ca: str | None = None,
    timeout: float | None = None,
    mode: Mode = Mode.ONCE,
    forwarding: Forwarding | None = None,
    patterns: Sequence[str] = (),
    journal: Ledger | None = None,
    replay: Replay = lambda _: None,
    **options: Any,
) -> Iterator[Running]:
    """Record what this upstream answers; all of it is in the cassette afterwards."""
    running, loop = Running(), _Loop()
    output = CassetteOutput(out, mode, patterns)

    async def start() -> Recorder:
        recordings = Recordings(output.writer, running.told.append, matching=output.matching, **options)
        chosen = Upstream(upstream, ca_file=ca, timeout=timeout)
        found = Recorder(chosen, recordings, forwarding=forwarding, journal=journal, replay=replay)
        running.url = await found.start()
        return found

    try:
        started = loop.call(start)
        try:
            yield running
        finally:
            loop.call(started.stop)
    finally:
        loop.end()
        output.close(len(running.ended))


@contextmanager
def replay(path: Path) -> Iterator[str]:
    """Serve a cassette, and give the URL."""
    namespace = Namespace(rules=(opened(path).tape,), settings=Settings(validate=False))
    server = Background(MockServer(namespace))
    url = server.start("127.0.0.1", 0)
    try:
        yield url
    finally:
        server.stop()


def exchanges(path: Path) -> list[Exchange]:
    """Return what is in a cassette; its mode is that of a secret."""
    assert path.stat().st_mode & 0o777 == 0o600
    assert not [each.name for each in path.parent.iterdir() if ".part-" in each.name]
    return list(Cassette(path))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """All that a client sees of one answer: its first line, its headers, every byte after them, and how it ended."""

    first: bytes
    headers: tuple[tuple[str, str], ...]
    rest: bytes
    ending: str


def look(url: str, request: bytes, *, patience: float = LONG, watch: float = WATCH) -> Seen:
    """Ask on a connection of its own; wait `patience` for the first byte, and `watch` for each that is to follow."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as sock:
        sock.sendall(request)
        sock.settimeout(patience)
        data, ending = b"", ""
        while not ending:
            try:
                more = sock.recv(1024 * 1024)
            except TimeoutError:
                ending = "open"
            except ConnectionResetError:
                ending = "reset"
            else:
                data += more
                ending = "" if more else "fin"
                sock.settimeout(watch)
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    named = tuple((name.lower(), value) for name, _, value in (line.decode("latin-1").partition(": ") for line in lines))
    kept = tuple(each for each in named if each[0] not in _VARYING)
    return Seen(first=first, headers=kept, rest=rest, ending=ending)


def environment(**more: str) -> dict[str, str]:
    """Return an environment without proxies and keys but for these."""
    kept = {
        name: value for name, value in os.environ.items() if "proxy" not in name.lower() and not name.startswith("ANTHROPIC_")
    }
    return {**kept, "PYTHONUNBUFFERED": "1", **more}


def run(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*RECORD, *arguments], cwd=cwd, env=environment(**variables), capture_output=True, text=True, timeout=30, check=False
    )


@contextmanager
def recording(*arguments: str, cwd: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command until it is told to end, and give its URL."""
    with subprocess.Popen(
        [*RECORD, "--port", "0", *arguments],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            first = process.stdout.readline()
            if first.startswith("{"):
                yield process, json.loads(first)["url"]
            else:
                assert first.startswith("streamlab ready http://127.0.0.1:"), (first, process.stderr and process.stderr.read())
                yield process, first.split()[2]
        finally:
            process.kill()


def end(process: subprocess.Popen[str], number: int = signal.SIGINT) -> tuple[str, str]:
    """Send a signal, and return what was printed."""
    assert process.stdout is not None
    assert process.stderr is not None
    process.send_signal(number)
    out, err = process.stdout.read(), process.stderr.read()
    process.wait(LONG)
    return out, err
