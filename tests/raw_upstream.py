"""An upstream that is nothing but a socket: a test writes what it does with each connection, and how it ends it."""

from __future__ import annotations

import array
import asyncio
import contextlib
import datetime as dt
import fcntl
import functools
import socket
import ssl
import struct
import termios
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import trustme

__all__ = ["HEAD", "LONG", "Peer", "RawUpstream", "authority", "chunk", "run", "serving", "tls_server", "write_authority"]

_T = TypeVar("_T")
LONG = 10.0
"""Seconds after which what should happen has failed."""
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """Return the bytes as one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def run(make: Callable[[], Awaitable[_T]]) -> _T:
    """Run a coroutine to its end, and see that it leaves no task."""

    async def bounded() -> _T:
        async with asyncio.timeout(LONG):
            result = await make()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    return asyncio.run(bounded())


@functools.cache
def authority() -> trustme.CA:
    """Return the private authority of all tests."""
    return trustme.CA()


def tls_server(
    host: str = "127.0.0.1", *, not_before: dt.datetime | None = None, not_after: dt.datetime | None = None
) -> ssl.SSLContext:
    """Return what a server with a certificate for this host needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert(host, not_before=not_before, not_after=not_after).configure_cert(context)
    return context


class Peer:
    """One connection as the upstream has it."""

    def __init__(self, sock: socket.socket, requests: list[bytes]) -> None:
        self.socket = sock
        self._requests = requests
        self._unread = b""

    def request(self) -> bytes:
        """Return the next request, whole."""
        head = self.head()
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        length = int(fields.get(b"content-length", 0))
        while len(self._unread) < length:
            self._read()
        body, self._unread = self._unread[:length], self._unread[length:]
        self._requests.append(head + body)
        return head + body

    def head(self) -> bytes:
        """Return the head of the next request, and leave its body."""
        while b"\r\n\r\n" not in self._unread:
            self._read()
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def send(self, *pieces: bytes) -> None:
        """Send bytes, each piece by itself."""
        for piece in pieces:
            self.socket.sendall(piece)

    def fin(self) -> None:
        """Close for writing: a bare FIN, without a word of TLS."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close as one should: in TLS the end is announced."""
        if isinstance(self.socket, ssl.SSLSocket):
            with contextlib.suppress(OSError):
                self.socket.unwrap()
        self.socket.close()

    def reset(self) -> None:
        """Send an RST, once the other side's machine has all that was sent."""
        waiting = array.array("i", [1])
        while waiting[0]:
            fcntl.ioctl(self.socket.fileno(), termios.TIOCOUTQ, waiting)
            time.sleep(0.001)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def left(self) -> bool:
        """Wait until the client is gone."""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while self.socket.recv(65_536):
                pass
        return True

    def _read(self) -> None:
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionResetError("the client has left")
        self._unread += data


class RawUpstream:
    """A listening socket; each connection is handled by `behave` in a thread."""

    def __init__(
        self, behave: Callable[[Peer], object], tls: ssl.SSLContext | None, host: str, room: int | None = None
    ) -> None:
        self._behave, self._tls = behave, tls
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        if room is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'http' if tls is None else 'https'}://{f'[{host}]' if ':' in host else host}:{self.port}"
        self.connections = 0
        self.requests: list[bytes] = []
        self.failures: list[BaseException] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def stop(self) -> None:
        """Stop, and raise what went wrong in a thread."""
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(LONG)
            assert not thread.is_alive()
        self._listener.close()
        for failure in self.failures:
            raise failure

    def _accept(self) -> None:
        while True:
            try:
                sock = self._listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(LONG)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            self._behave(Peer(sock, self.requests))
        except (ssl.SSLError, ConnectionError):
            pass  # the client has left, or trusts nobody
        except BaseException as failure:  # noqa: BLE001 - raised where the test sees it
            self.failures.append(failure)
        finally:
            sock.close()


@contextmanager
def serving(
    behave: Callable[[Peer], object], *, tls: bool | ssl.SSLContext = False, host: str = "127.0.0.1", room: int | None = None
) -> Iterator[RawUpstream]:
    """Give an upstream that does this with every connection; it has `room` for so many bytes that it has not read."""
    context = tls_server(host) if tls is True else tls or None
    server = RawUpstream(behave, context, host, room)
    try:
        yield server
    finally:
        server.stop()


def write_authority(folder: Path) -> str:
    """Write the authority's certificate into a folder, and return its path."""
    path = folder / "authority.pem"
    authority().cert_pem.write_to_path(str(path))
    return str(path)
