"""Performing a script: the one place that writes answers, waits within them and ends connections."""

from __future__ import annotations

import array
import asyncio
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, nullcontext

from streamlab.core.actions import Abort, Action, Finish, Hang, Send, Wait
from streamlab.core.delivery import Recent
from streamlab.core.parking import Doing
from streamlab.core.plan import Ending
from streamlab.net.clock import Clock

__all__ = ["Connection", "Watcher", "perform"]

_PATIENCE = 10.0
"""Seconds that a reset waits for a peer that acknowledges nothing of what precedes it."""
_POLL = 0.001

Aside = Callable[[Doing], AbstractContextManager[None]]
Watcher = Callable[[int, int, Ending | None], None]
"""Told of the events and bytes just before they are sent, and of the ending just before it is brought about."""


class Connection:
    """What a script is performed on: a transport, and a way to wait until it takes more.

    `aside` is told, for the length of a `with` block, that the script waits for its peer and not for the clock. `recent` is
    what was written last.
    """

    def __init__(self, transport: asyncio.Transport, drain: Callable[[], Awaitable[None]], aside: Aside | None = None) -> None:
        self._transport = transport
        self._drain = drain
        self._aside = aside or _nowhere
        self.recent = Recent()
        self._most = transport.get_write_buffer_limits()[1]
        self._is_full = transport.get_write_buffer_size() > 0
        """Whether the transport may have asked to write no more for now."""

    async def ready(self) -> None:
        """Wait while the peer is slow to take what was written. Raises ConnectionError if it has left."""
        with self._aside(Doing.WAITING) if self._is_full else nullcontext():
            await self._drain()
        self._is_full = False
        if self._transport.is_closing():
            raise ConnectionResetError("the client has left")

    def write(self, data: bytes) -> None:
        """Hand over bytes."""
        self._transport.write(data)
        self.recent.add(data)
        self._is_full = self._transport.get_write_buffer_size() > self._most

    async def hang(self) -> None:
        """Wait for ever: the leaving of the peer cancels this."""
        with self._aside(Doing.HANGING):
            await asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        """Close after what was written: the peer sees a FIN."""
        if self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()
        self._transport.close()

    async def reset(self) -> None:
        """Reset once the peer has acknowledged what was written, or acknowledges no more: the peer sees an RST."""
        raw: socket.socket = self._transport.get_extra_info("socket")
        if self._outstanding(raw):
            with self._aside(Doing.WAITING):
                await self._acknowledged(raw)
        self.abort()

    def abort(self) -> None:
        """Reset at once, whatever the peer has not acknowledged."""
        raw: socket.socket | None = self._transport.get_extra_info("socket")
        if raw is not None and not self._transport.is_closing():
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    async def _acknowledged(self, raw: socket.socket) -> None:
        clock = asyncio.get_running_loop().time
        left, changed = self._outstanding(raw), clock()
        while left and clock() - changed < _PATIENCE:
            await asyncio.sleep(_POLL)  # the kernel tells nobody
            before, left = left, self._outstanding(raw)
            if left != before:
                changed = clock()

    def _outstanding(self, raw: socket.socket) -> int:
        """Return how many bytes of what was written the peer has not acknowledged."""
        return self._transport.get_write_buffer_size() + _unacknowledged(raw.fileno())


async def perform(script: Iterable[Action], connection: Connection, clock: Clock, watch: Watcher) -> bool:
    """Do what a script says; return whether the connection is kept. Raises ConnectionError if the client leaves first."""
    start = clock.now()
    actions = iter(script)
    action = next(actions)
    ending: Ending | None = None
    while True:
        following = next(actions, None)
        if isinstance(action, Send):
            # The ending is told before the last bytes go out, so that whoever has read them finds it in the journal.
            ending = following.ending if isinstance(following, Finish) else None
            await connection.ready()
            watch(action.events, len(action.data), ending)
            connection.write(action.data)
        elif isinstance(action, Wait):
            await clock.sleep_until(start + action.until)
        elif isinstance(action, Hang):
            await connection.hang()
        elif isinstance(action, Abort):
            watch(0, 0, action.ending)
            await (connection.reset() if action.ending is Ending.RESET else connection.close())
            return False
        else:
            if ending is None:
                watch(0, 0, action.ending)
            return action.keep_alive
        assert following is not None  # noqa: S101 - a script ends with Finish, Abort or Hang
        action = following


def _nowhere(_: Doing) -> AbstractContextManager[None]:
    return nullcontext()


def _unacknowledged(descriptor: int) -> int:
    """Return how many bytes sent on a socket the peer has not acknowledged (Linux: TIOCOUTQ, tcp(7)); 0 where nobody tells."""
    if sys.platform != "linux":
        return 0
    import fcntl  # noqa: PLC0415 - not on every platform
    import termios  # noqa: PLC0415

    count = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.TIOCOUTQ, count)
    return count[0]
