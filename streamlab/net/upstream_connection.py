"""One connection to the recorder's upstream: bytes that say truly how they end.

TLS is done here on bytes in memory, below it is always plain TCP. So a close and a reset look the same with TLS and without,
each read of the socket stays one read, and what had arrived before a reset is never lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

__all__ = ["Connection", "Listener", "Tls"]

_READ = 256 * 1024
_BYTES_ACKED = 120
"""Where `tcpi_bytes_acked` stands in Linux's `struct tcp_info`."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told what happens on a connection; `ended` is called once: with the error, or None if the peer closed it."""

    sent: Callable[[], None]
    """All that was written is out of our hands."""
    received: Callable[[bytes], None]
    ended: Callable[[Exception | None], None]


class Connection(asyncio.Protocol):
    """One TCP connection, with TLS in it or not."""

    def __init__(self) -> None:
        self.is_over = False
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listener: Listener | None = None
        self._error: Exception | None = None
        self._transport: asyncio.Transport
        self._is_open = False
        self._is_writing = False
        self._tls: Tls | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport, self._is_open = cast("asyncio.Transport", transport), True
        self._transport.set_write_buffer_limits(high=0)
        if self.is_over:
            self._transport.abort()

    def listen(self, listener: Listener) -> None:
        """Tell this one from now on; at once if it is over."""
        self._listener = listener
        if self.is_over:
            listener.ended(self._error)

    def pause_writing(self) -> None:
        """Note that the peer is slow."""
        self._is_writing = True

    def resume_writing(self) -> None:
        """Tell that all is sent."""
        self._is_writing = False
        if self._listener is not None and not self.is_over:
            self._listener.sent()

    def data_received(self, data: bytes) -> None:
        """Pass on what came."""
        if self.is_over:
            return
        plain = data if self._tls is None else self._tls.decrypt(data)
        if plain and self._listener is not None:
            self._listener.received(plain)
        if self._tls is not None:
            self._put(self._tls.outgoing())
            if self._tls.end is not None:
                self._over(None if isinstance(self._tls.end, ssl.SSLZeroReturnError) else self._tls.end)

    def eof_received(self) -> None:
        """Tell of the close."""
        self._over(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell of the end. An error in writing comes before what was still to be read, so that is read now."""
        if exc is not None and not self.is_over:
            for data in self._unread():
                self.data_received(data)
        self._over(exc)
        self._mark_closed()

    def write(self, data: bytes) -> None:
        """Send bytes, at once or as the peer takes them."""
        if self._tls is not None:
            try:
                data = self._tls.encrypt(data)
            except ssl.SSLError as error:
                self._over(error)
                return
        self._put(data)
        if not self._is_writing:
            self.resume_writing()

    def secure(self, tls: Tls) -> None:
        """Go on in TLS, which has shaken hands."""
        self._tls = tls

    def pause(self) -> None:
        """Read no more for now."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close at once, whatever is on its way."""
        self._over(None)
        if not self._is_open:
            self._mark_closed()

    @property
    def acknowledged(self) -> int | None:
        """How many bytes the peer's machine has acknowledged; None where nobody tells."""
        try:
            info = self._socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED + 8)
            return int(struct.unpack_from("=Q", info, _BYTES_ACKED)[0])
        except (AttributeError, OSError, struct.error):
            return None

    def _mark_closed(self) -> None:
        if not self.closed.done():
            self.closed.set_result(None)

    def _socket(self) -> socket.socket:
        return cast("socket.socket", self._transport.get_extra_info("socket"))

    def _put(self, data: bytes) -> None:
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def _over(self, error: Exception | None) -> None:
        if self.is_over:
            return
        self.is_over, self._error = True, error
        if self._listener is not None:
            self._listener.ended(error)
        if self._is_open:
            self._transport.abort()

    def _unread(self) -> Iterator[bytes]:
        """Yield what the kernel has of a connection that is lost."""
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._socket().fileno())) as twin:
            twin.settimeout(0)
            while data := twin.recv(_READ):
                yield data


class Tls:
    """TLS as bytes in and bytes out; `end` is what ended it: SSLZeroReturnError if the peer said so."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self.end: ssl.SSLError | None = None
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out, server_hostname=host)

    def outgoing(self) -> bytes:
        """Return what is to be sent."""
        return self._out.read() if self._out.pending else b""

    def shake_hands(self, data: bytes) -> bool:
        """Take what came; return whether that was all. Raises SSLError if the peer cannot be trusted or talked to."""
        self._in.write(data)
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def encrypt(self, data: bytes) -> bytes:
        """Return what is to be sent for these bytes."""
        view = memoryview(data)
        while view:
            view = view[self._object.write(view) :]
        return self.outgoing()

    def decrypt(self, data: bytes) -> bytes:
        """Return the bytes in what came; an error does not take away those before it."""
        self._in.write(data)
        plain = []
        try:
            while piece := self._object.read(_READ):
                plain.append(piece)
            self.end = ssl.SSLZeroReturnError()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.end = error
        return b"".join(plain)
