"""The other end of a connection: what it may send, and how much of what was written its machine has acknowledged."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from asyncio import Transport
from http import HTTPStatus
from typing import Any

from aiohttp import web

from streamlab.core.plan import Ending
from streamlab.net.incoming import Performed, unreadable

__all__ = ["Peer", "PeerServer"]

_MOST_LINE = 256 * 1024
"""The most bytes in the first line of a request, and in a header."""
_ACKNOWLEDGED = (120, 128)
"""Where the kernel tells the bytes that were acknowledged (Linux: `tcpi_bytes_acked` in `struct tcp_info`, tcp(7))."""


class Peer:
    """What is known of a connection. `requests` is how many it carried, `written` how many bytes were written to it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lost: int | None = None
        self.requests = self.written = 0

    @property
    def lost(self) -> int:
        """How many of the bytes that were written the peer has not acknowledged, so that they are lost if it has left.

        Where the kernel does not tell, those that it has not taken.
        """
        if self._lost is None:
            acknowledged = _acknowledged(self._transport.get_extra_info("socket"))
            waiting = self._transport.get_write_buffer_size()
            return waiting if acknowledged is None else max(0, self.written - acknowledged)
        return self._lost

    def watch(self, events: int, size: int, ending: Ending | None) -> None:  # noqa: ARG002 - what a watcher is told
        """Note what is written outside of any call."""
        self.written += size

    def leave(self) -> None:
        """Remember what was lost: the connection is about to be closed."""
        self._lost = self.lost


class _Handler(web.RequestHandler):
    """aiohttp's side of a connection; what it cannot parse is refused as the API refuses, without a word of it."""

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what came to no request, or to no answer."""
        if status != HTTPStatus.BAD_REQUEST:
            return super().handle_error(request, status, exc, message)
        self.log_exception("Error handling request from %s", request.remote, exc_info=exc)
        if self.transport is not None:
            self.transport.write(unreadable(exc))
        return Performed(is_kept=False)


class PeerServer(web.Server):
    """aiohttp's server, which remembers the peer of each connection."""

    def __init__(self, handler: Any, *, request_factory: Any, handler_cancellation: bool = False, **options: Any) -> None:
        super().__init__(handler, request_factory=request_factory, handler_cancellation=handler_cancellation)
        self._options = {"max_line_size": _MOST_LINE, "max_field_size": _MOST_LINE, **options}
        self.peers: dict[Any, Peer] = {}

    def __call__(self) -> web.RequestHandler:
        """Return what handles a new connection."""
        return _Handler(self, loop=asyncio.get_running_loop(), **self._options)

    def peer(self, incoming: web.BaseRequest) -> Peer:
        """Return who asks, and count the request."""
        peer = self.peers[incoming.protocol]
        peer.requests += 1
        return peer

    async def drop(self) -> None:
        """Drop every connection; return when nothing is left running."""
        for transport in [each.transport for each in self.connections if each.transport is not None]:
            transport.abort()
        await self.shutdown(timeout=0.1)

    def connection_made(self, handler: web.RequestHandler, transport: Transport) -> None:
        """Remember the peer."""
        self.peers[handler] = Peer(transport)
        super().connection_made(handler, transport)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Let the peer leave, while the kernel still knows it."""
        peer = self.peers.pop(handler, None)
        if peer is not None:
            peer.leave()
        super().connection_lost(handler, exc)


def _acknowledged(raw: socket.socket | None) -> int | None:
    """Return how many bytes sent on a socket were acknowledged; None where nobody tells."""
    start, end = _ACKNOWLEDGED
    if sys.platform != "linux" or raw is None:
        return None
    try:
        told = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, end)
    except OSError:
        return None
    return struct.unpack("=Q", told[start:end])[0] if len(told) == end else None
