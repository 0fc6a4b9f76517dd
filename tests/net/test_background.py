"""A server in a thread: it starts, is called, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest
from raw_client import RawClient, request

from streamlab.core.authoring import as_reply
from streamlab.core.faults import Stall
from streamlab.core.replies import Rule
from streamlab.errors import ServerError
from streamlab.net.background import Background
from streamlab.net.server import MockServer, Namespace


def background(*rules: Rule) -> Background:
    """Return a server with these rules, which has not started."""
    return Background(MockServer(Namespace(rules=rules)))


def threads() -> list[threading.Thread]:
    """Return the threads of servers."""
    return [thread for thread in threading.enumerate() if thread.name == "streamlab"]


def test_it_serves_from_its_start_to_its_stop() -> None:
    """The URL answers as soon as `start` returns, and no more when `stop` does; the thread is gone then."""
    before, server = threads(), background()
    url = server.start("127.0.0.1", 0)
    with RawClient(url) as client:
        assert client.ask(request("/_streamlab/health", method="GET")).status == 200
    server.stop()
    assert threads() == before
    with pytest.raises(ConnectionRefusedError):
        RawClient(url)


def test_stopping_twice_is_stopping() -> None:
    """The second stop does nothing."""
    server = background()
    server.start("127.0.0.1", 0)
    server.stop()
    server.stop()


def test_a_socket_that_is_bound_is_listened_on() -> None:
    """A port that was reserved before is the port of the server."""
    reserved = socket.socket()
    reserved.bind(("127.0.0.1", 0))
    server = background()
    url = server.start("ignored", 1, reserved)
    assert url == f"http://127.0.0.1:{reserved.getsockname()[1]}"
    with RawClient(url) as client:
        assert client.ask(request("/", method="GET")).status == 200
    server.stop()


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", None), ("127.0.0.1", 65_536), ("256.0.0.1", 0), ("a" * 70, 0)])
def test_a_start_that_fails_leaves_no_thread(host: str, port: int | None) -> None:
    """An address that cannot be had is an error, and the thread that was started for it ends."""
    before = threads()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = background()
        with pytest.raises(ServerError):
            server.start(host, taken.getsockname()[1] if port is None else port)
    assert threads() == before
    server.stop()


def test_a_call_returns_what_the_coroutine_returns() -> None:
    """It runs in the thread of the server, and its result or its exception comes back."""
    server = background()
    server.start("127.0.0.1", 0)

    async def name() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    async def fail() -> None:
        raise LookupError("in the thread")

    try:
        assert server.call(name) == "streamlab"
        with pytest.raises(LookupError, match="in the thread"):
            server.call(fail)
    finally:
        server.stop()


def test_a_stop_in_the_middle_of_answers_leaves_no_task() -> None:
    """Answers that hang are ended by the stop: their clients see it, and no task is left in the loop."""
    stalled = as_reply("Hello", faults=[Stall(after="delta 1")], times=10)
    server = background(Rule(name="stalled", replies=(stalled,)))
    url = server.start("127.0.0.1", 0)
    left: list[set[asyncio.Task[object]]] = []
    close = server._loop.close
    server._loop.close = lambda: (left.append(asyncio.all_tasks(server._loop)), close())[1]  # type: ignore[method-assign]
    clients = [RawClient(url) for _ in range(5)]
    for client in clients:
        client.socket.sendall(request())
        client.receive(500)
    server.stop()
    for client in clients:
        assert client.answer().ending in ("fin", "reset")
        client.socket.close()
    assert left == [set()]
    journal = server.server.namespaces[""].journal
    assert [(call.ended, call.ended_by) for call in journal] == [("left", "server")] * 5
