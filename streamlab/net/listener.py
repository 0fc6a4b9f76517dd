"""The listening socket: taking connections, refusing them, and taking them again."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
from collections.abc import Callable
from typing import cast

from streamlab.errors import ServerError

__all__ = ["Listener"]

_TURNS_TO_ACCEPT = 3
"""Turns of the loop after which asyncio has made a connection of what it was accepting."""
_BACKLOG = 1024
_ALL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nobody listens here
"""The addresses that stand for all of a machine: no client is to ask for them."""


class Listener:
    """A listening socket, whose connections are handled by the protocols that `make` makes."""

    def __init__(self, make: Callable[[], asyncio.Protocol]) -> None:
        self._make = make
        self._server: asyncio.Server | None = None
        self._address = ("", 0)
        self._resets = 0

    async def start(self, host: str, port: int, sock: socket.socket | None = None) -> str:
        """Listen, and return the URL; where all addresses are listened on, that of loopback.

        Raises ServerError if the address cannot be had.
        """
        loop = asyncio.get_running_loop()
        try:
            if sock is not None:
                self._server = await loop.create_server(self._protocol, sock=sock, backlog=_BACKLOG)
            else:
                self._server = await loop.create_server(self._protocol, host, port, backlog=_BACKLOG)
        except (OSError, OverflowError, UnicodeError) as error:  # a port above 65535, a name that is none
            raise ServerError(_cannot_listen(host, port, error)) from None
        self._address = self._server.sockets[0].getsockname()[:2]
        name, number = self._address
        name = _ALL.get(name, name)
        return f"http://[{name}]:{number}" if ":" in name else f"http://{name}:{number}"

    async def refuse(self, times: int | None = None) -> None:
        """Close the socket, so that connections are refused; or reset the next `times` as soon as they are made.

        What the kernel refuses is seen by nobody, so only connections that were made can be counted.
        """
        if times is None:
            await self.close()
        else:
            self._resets = times

    async def accept(self) -> None:
        """Listen again where it listened before. Raises ServerError if somebody else does so by now."""
        self._resets = 0
        if self._server is None:
            await self.start(*self._address)

    async def close(self) -> None:
        """Stop listening; what asyncio is accepting at this moment becomes a connection first, or nobody would close it."""
        server, self._server = self._server, None
        if server is None:
            return
        for sock in server.sockets:
            asyncio.get_running_loop().remove_reader(sock.fileno())
        for _ in range(_TURNS_TO_ACCEPT):
            await asyncio.sleep(0)
        server.close()

    def _protocol(self) -> asyncio.Protocol:
        if self._resets:
            self._resets -= 1
            return _Reset()
        return self._make()


class _Reset(asyncio.Protocol):
    """Resets a connection as soon as it is made."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send a reset, and nothing else."""
        raw: socket.socket = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        cast("asyncio.Transport", transport).abort()


def _cannot_listen(host: str, port: int, error: Exception) -> str:
    """Say why an address cannot be had, in the same words whatever the version of asyncio."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return f"port {port} on {host} is in use\n  hint: choose another port, or 0 for any that is free"
    if number is not None and number > 0 and number != errno.EADDRNOTAVAIL:
        return f"cannot listen on {host}:{port}: {os.strerror(number)}"
    if isinstance(error, OSError | UnicodeError):
        hint = "use 127.0.0.1, or ::1 (without brackets) for IPv6"
        return f"cannot listen on {host}:{port}: this machine has no such address\n  hint: {hint}"
    return f"cannot listen on {host}:{port}: {error}"
