"""A server in a thread of its own, for tests and scripts that block."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

from streamlab.errors import ServerError
from streamlab.net.server import MockServer
from streamlab.net.waiting import require_other_thread

__all__ = ["Background"]

_T = TypeVar("_T")
_START_WITHIN = 30.0


class Background:
    """Runs a server in a daemon thread with an event loop of its own."""

    def __init__(self, server: MockServer) -> None:
        self.server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="streamlab", daemon=True)

    def start(self, host: str, port: int, sock: socket.socket | None = None) -> str:
        """Start the server and return its URL. Raises ServerError if the address cannot be had."""
        self._thread.start()
        try:
            return self.call(lambda: self.server.start(host, port, sock=sock))
        except BaseException:
            self._end()
            raise

    @property
    def is_running(self) -> bool:
        """Whether the thread is there."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop the server and its thread; return when both are gone. Does nothing the second time."""
        if self.is_running:
            self.call(self.server.stop)
            self._end()

    def call(self, make: Callable[[], Awaitable[_T]]) -> _T:
        """Run a coroutine in the server's thread and return what it returns. Raises ServerError in it, and when it is gone."""
        require_other_thread()
        if not self.is_running:
            raise ServerError("the server has been stopped\n  hint: use a lab within its block, and a fixture within its test")

        async def run() -> _T:
            return await make()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(_START_WITHIN)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_WITHIN)
        self._loop.close()
