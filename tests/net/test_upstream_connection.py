"""A connection by itself: what it tells, and when; what TLS makes of its bytes; and that nothing before its end is lost."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from raw_upstream import LONG, Peer, run, serving, write_authority

from streamlab.net import upstream_connection as module
from streamlab.net.upstream_connect import connect, find_route, tls_context
from streamlab.net.upstream_connection import Connection, Listener, Tls


def test_writing_what_tls_cannot_take_ends_the_connection() -> None:
    """The listener is told, nothing is raised."""

    async def write() -> list[Exception | None]:
        told: list[Exception | None] = []
        connection = Connection()
        connection.listen(Listener(lambda: None, lambda _: None, told.append))
        connection.secure(Tls(tls_context(None), "host"))
        connection.write(b"before the handshake")
        connection.abort()
        connection.abort()
        await connection.closed
        return told

    (error,) = run(write)
    assert isinstance(error, ssl.SSLError)


def test_a_connection_tells_when_all_is_sent() -> None:
    """Not when it is written: when it is out of our hands; and it reads no more while it is paused."""
    may_read, size = threading.Event(), 16_000_000

    def behave(peer: Peer) -> None:
        peer.send(b"hello")
        assert may_read.wait(LONG)
        while len(peer._unread) < size:
            peer._read()
        peer.left()

    told: list[str] = []
    with serving(behave) as server:

        async def send() -> list[str]:
            sent = asyncio.Event()
            connection = Connection()
            connection.listen(Listener(sent.set, lambda data: told.append(data.decode()), lambda _: told.append("ended")))
            await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", server.port)
            connection.pause()
            connection.write(b"x" * size)
            assert not sent.is_set()
            assert told == []
            may_read.set()
            await sent.wait()
            assert told == []
            connection.resume()
            while not told:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)
            connection.abort()
            await connection.closed
            return told

        assert run(send) == ["hello", "ended"]


@pytest.mark.parametrize(("most", "taken"), [(100_000, 50_000), (25_000, 30_000)])
def test_what_came_before_writing_failed_is_read(most: int, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reset that is noticed in writing does not take away what was not read yet; who has enough can still leave."""
    monkeypatch.setattr(module, "_READ", 10_000)

    def behave(peer: Peer) -> None:
        peer._read()
        peer.send(b"x" * 50_000)
        peer.reset()

    with serving(behave) as server:

        async def send() -> tuple[int, list[Exception | None]]:
            connection, pieces, told = Connection(), list[bytes](), list[Exception | None]()

            def receive(data: bytes) -> None:
                pieces.append(data)
                if sum(map(len, pieces)) > most:
                    connection.abort()

            connection.listen(Listener(lambda: None, receive, told.append))
            await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", server.port)
            connection.pause()
            connection.write(b"x" * 16_000_000)
            await connection.closed
            return len(b"".join(pieces)), told

        size, (error,) = run(send)
    assert size == taken
    assert (error is None) == (most < taken)


def test_a_connection_that_is_over_before_it_is_listened_to_says_so() -> None:
    """Nobody waits for an ending that has been."""

    async def listen() -> list[Exception | None]:
        connection, told = Connection(), list[Exception | None]()
        error = ConnectionResetError()
        connection._over(error)
        connection.listen(Listener(lambda: None, lambda _: None, told.append))
        return [*told, error]

    first, second = run(listen)
    assert first is second


def test_a_connection_that_is_given_up_before_it_opens_is_closed() -> None:
    """Whoever waited for its end need not wait for the network."""
    closed = threading.Event()
    with serving(lambda peer: closed.set() if peer.left() else None) as server:

        async def open_late() -> None:
            connection = Connection()
            connection.abort()
            await connection.closed
            await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", server.port)
            connection.pause()
            connection.resume()
            await asyncio.sleep(0)

        run(open_late)
        assert closed.wait(10)


def test_a_socket_that_tells_nothing_is_not_believed_to_have_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system does not count acknowledged bytes, nobody knows."""
    monkeypatch.delattr(socket, "TCP_INFO")
    with serving(Peer.left) as server:

        async def open_one() -> int | None:
            connection = Connection()
            await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", server.port)
            found = connection.acknowledged
            connection.abort()
            await connection.closed
            return found

        assert run(open_one) is None


def _announced(peer: Peer) -> None:
    peer.close()


def _garbage(peer: Peer) -> None:
    os.write(peer.socket.fileno(), b"\x17\x03\x03\0\x05hello")
    peer.left()


@pytest.mark.parametrize(("end", "error"), [(_announced, None), (_garbage, ssl.SSLError)])
def test_tls_is_taken_off_and_its_end_told(
    end: Callable[[Peer], None], error: type[Exception] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came before the end is given first; an end that was announced is no error, and broken bytes are one."""
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def behave(peer: Peer) -> None:
        peer._read()
        peer.send(b"hello")
        end(peer)

    with serving(behave, tls=True) as server:

        async def ask() -> tuple[bytes, list[Exception | None]]:
            connection, pieces, told = Connection(), list[bytes](), list[Exception | None]()
            await connect(connection, find_route(server.url), tls_context(write_authority(tmp_path)))
            connection.listen(Listener(lambda: None, pieces.append, told.append))
            connection.write(b"request")
            await connection.closed
            return b"".join(pieces), told

        data, (found,) = run(ask)
    assert data == b"hello"
    assert found is None if error is None else isinstance(found, error)


def test_a_close_in_the_plain_is_told_once() -> None:
    """What the peer still sends after we have given up is dropped."""

    def behave(peer: Peer) -> None:
        peer.send(b"hello")
        peer.fin()
        peer.left()

    with serving(behave) as server:

        async def take() -> tuple[bytes, list[Exception | None]]:
            connection, pieces, told = Connection(), list[bytes](), list[Exception | None]()
            connection.listen(Listener(lambda: None, pieces.append, told.append))
            await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", server.port)
            await connection.closed
            connection.data_received(b"late")
            connection.resume()
            return b"".join(pieces), told

        assert run(take) == (b"hello", [None])
