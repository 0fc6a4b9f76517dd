"""A server in this thread until a signal ends it: what `streamlab serve` runs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from streamlab.core.control import check_token
from streamlab.core.journal import Call, Journal
from streamlab.errors import ScenarioError
from streamlab.files.scenario import Scenario
from streamlab.net.server import MockServer, Namespace

__all__ = ["Listener", "run"]

_LOOK_EVERY = 0.2
"""Seconds between two looks at the files that are watched."""
_KEPT_CALLS = 1000
"""How many calls a server that runs for days remembers."""

Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who is told what happens: that the server is ready, that a call has ended, that files were read again or could not be."""

    ready: Callable[[str], None]
    ended: Callable[[Call], None]
    reloaded: Callable[[Scenario], None]
    failed: Callable[[ScenarioError], None]


def run(
    load: Callable[[], Scenario],
    listener: Listener,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    watch: bool = False,
    token: str | None = None,
) -> None:
    """Serve what `load` returns until SIGINT or SIGTERM; with `watch`, load again when a file has changed.

    `token` is what requests to the control API must carry. Raises ScenarioError if the first load fails, and ServerError if the
    address cannot be had or no header can carry the token.
    """
    asyncio.run(_run(load, listener, (host, port), watch=watch, token=check_token(token)))


async def _run(
    load: Callable[[], Scenario], listener: Listener, address: tuple[str, int], *, watch: bool, token: str | None
) -> None:
    watched = _Watched(load)
    namespace = Namespace(rules=watched.scenario.rules, settings=watched.scenario.settings, journal=Journal(limit=_KEPT_CALLS))
    server = MockServer(namespace, on_end=listener.ended, token=token)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    listener.ready(await server.start(*address))
    watcher = asyncio.create_task(_watch(watched, namespace, listener)) if watch else None
    try:
        await stopped.wait()
    finally:
        if watcher is not None:
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher
        await server.stop()


async def _watch(watched: _Watched, namespace: Namespace, listener: Listener) -> None:
    """Serve what has changed; keep what was served before if it cannot be."""
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        try:
            scenario = watched.newer()
        except ScenarioError as error:
            listener.failed(error)
            continue
        if scenario is not None:
            namespace.rules, namespace.settings = scenario.rules, scenario.settings
            namespace.reset()
            listener.reloaded(scenario)


class _Watched:
    """The files of a scenario, and the folders they are in, looked at again and again."""

    def __init__(self, load: Callable[[], Scenario]) -> None:
        self._load = load
        self.scenario = load()
        self._failed: ScenarioError | None = None
        self._stamps = self._look()

    def newer(self) -> Scenario | None:
        """Return the scenario if it has been written again. Raises ScenarioError if what was written cannot be used."""
        stamps = self._look()
        if stamps == self._stamps:
            return None
        is_written = any(stamps.get(path) != self._stamps.get(path) for path in self._files())
        before, self._failed = (self.scenario, self._failed), None
        try:
            self.scenario = self._load()
        except ScenarioError as error:
            self._failed = error
        # What was seen before the load counts: a file may have changed since.
        self._stamps = {path: stamps.get(path, stamp) for path, stamp in self._look().items()}
        if not is_written and (self.scenario, str(self._failed)) == (before[0], str(before[1])):
            return None  # something else happened in a folder
        if self._failed is not None:
            raise self._failed
        return self.scenario

    def _files(self) -> tuple[Path, ...]:
        broken = (Path(self._failed.file),) if self._failed is not None and self._failed.file else ()
        return (*self.scenario.files, *broken)

    def _look(self) -> dict[Path, Stamp]:
        """Return what tells one state of each file, and of each folder of one, from another."""
        return dict(_stamps(path for file in self._files() for path in (file, file.parent)))


def _stamps(paths: Iterable[Path]) -> Iterator[tuple[Path, Stamp]]:
    for path in paths:
        with contextlib.suppress(OSError):  # it may be gone at any moment
            status = path.stat()
            yield path, (status.st_mtime_ns, status.st_size)
