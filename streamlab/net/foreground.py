"""A server in this thread until a signal ends it: what `streamlab serve` runs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from streamlab.core.journal import Call, Journal
from streamlab.errors import ScenarioError
from streamlab.files.scenario import Scenario
from streamlab.net.server import MockServer, Namespace

__all__ = ["Listener", "run"]

_LOOK_EVERY = 0.2
"""Seconds between two looks at the files that are watched."""
_KEPT_CALLS = 1000
"""How many calls a server that runs for days remembers."""

Stamp = tuple[tuple[Path, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who is told what happens: that the server is ready, that a call has ended, that files were read again or could not be."""

    ready: Callable[[str], None]
    ended: Callable[[Call], None]
    reloaded: Callable[[Scenario], None]
    failed: Callable[[ScenarioError], None]


def run(
    load: Callable[[], Scenario], listener: Listener, *, host: str = "127.0.0.1", port: int = 0, watch: bool = False
) -> None:
    """Serve what `load` returns until SIGINT or SIGTERM; with `watch`, load again when a file has changed.

    Raises ScenarioError if the first load fails, and ServerError if the address cannot be had.
    """
    asyncio.run(_run(load, listener, host, port, watch=watch))


async def _run(load: Callable[[], Scenario], listener: Listener, host: str, port: int, *, watch: bool) -> None:
    scenario = load()
    namespace = Namespace(rules=scenario.rules, settings=scenario.settings, journal=Journal(limit=_KEPT_CALLS))
    server = MockServer(namespace, on_end=listener.ended)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    listener.ready(await server.start(host, port))
    watcher = asyncio.create_task(_watch(load, namespace, listener, scenario)) if watch else None
    try:
        await stopped.wait()
    finally:
        if watcher is not None:
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher
        await server.stop()


async def _watch(load: Callable[[], Scenario], namespace: Namespace, listener: Listener, scenario: Scenario) -> None:
    """Load again after each change; keep what was served before if that fails."""
    stamp = _stamp(scenario)
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        newer = _stamp(scenario)
        if newer == stamp:
            continue
        stamp = newer
        try:
            scenario = load()
        except ScenarioError as error:
            listener.failed(error)
        else:
            stamp = _stamp(scenario)
            namespace.rules, namespace.settings = scenario.rules, scenario.settings
            namespace.reset()
            listener.reloaded(scenario)


def _stamp(scenario: Scenario) -> Stamp:
    """Return when each file, and each folder of one, was last changed."""
    watched = dict.fromkeys(path for file in scenario.files for path in (file, file.parent))
    return tuple((path, path.stat().st_mtime_ns) for path in watched if path.exists())
