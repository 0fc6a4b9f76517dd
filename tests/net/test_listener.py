"""The listening socket: what connects, what is refused, what is reset, and that it can listen again."""

from __future__ import annotations

import asyncio
import errno
import gc
import socket
from collections.abc import Awaitable, Callable

import pytest

from streamlab.errors import ServerError
from streamlab.net.listener import Listener


class Greeter(asyncio.Protocol):
    """Says hello, and waits for the end."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say it."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"hello")
        transport.close()


async def connect(url: str) -> str:
    """Connect, and return what came of it: what was read, or how it was not to be."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    try:
        reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except ConnectionRefusedError:
        return "refused"
    try:
        return (await reader.read()).decode()
    except ConnectionResetError:
        return "reset"
    finally:
        writer.close()


def listening(check: Callable[[Listener, str], Awaitable[None]], host: str = "127.0.0.1") -> None:
    """Run a check with a listener that greets, and close it."""

    async def run() -> None:
        listener = Listener(Greeter)
        try:
            await check(listener, await listener.start(host, 0))
        finally:
            await listener.close()

    asyncio.run(run())
    gc.collect()  # a socket that is still open then is a warning, and a warning is an error


def test_connections_are_handled_until_they_are_refused() -> None:
    """A refused one is refused by the kernel; after `accept` the same address answers."""

    async def check(listener: Listener, url: str) -> None:
        assert await connect(url) == "hello"
        for _ in range(3):
            await listener.refuse()
            assert [await connect(url) for _ in range(2)] == ["refused", "refused"]
            await listener.accept()
            assert [await connect(url) for _ in range(2)] == ["hello", "hello"]

    listening(check)


def test_so_many_connections_are_reset_as_soon_as_they_are_made() -> None:
    """Those after them are handled; the count begins anew when it is said again, and ends when they are accepted."""

    async def check(listener: Listener, url: str) -> None:
        await listener.refuse(2)
        assert [await connect(url) for _ in range(4)] == ["reset", "reset", "hello", "hello"]
        await listener.refuse(5)
        await listener.refuse(1)
        assert [await connect(url) for _ in range(2)] == ["reset", "hello"]
        await listener.refuse(5)
        assert await connect(url) == "reset"
        await listener.accept()
        assert await connect(url) == "hello"

    listening(check)


def test_many_at_once_are_each_counted_once() -> None:
    """However many connect in the same moment."""

    async def check(listener: Listener, url: str) -> None:
        await listener.refuse(7)
        found = await asyncio.gather(*(connect(url) for _ in range(40)))
        assert (found.count("reset"), found.count("hello")) == (7, 33)

    listening(check)


def test_what_can_be_said_twice_is_the_same_as_once() -> None:
    """To refuse, to accept, to close."""

    async def check(listener: Listener, url: str) -> None:
        await listener.accept()
        assert await connect(url) == "hello"
        await listener.refuse()
        await listener.refuse()
        assert await connect(url) == "refused"
        await listener.accept()
        await listener.accept()
        assert await connect(url) == "hello"
        await listener.close()
        await listener.close()
        assert await connect(url) == "refused"

    listening(check)


def test_a_connection_that_is_being_made_is_not_lost() -> None:
    """Who connects while the listener closes is answered, refused or reset, and never left waiting."""

    async def check(listener: Listener, url: str) -> None:
        for _ in range(20):
            connecting = [asyncio.create_task(connect(url)) for _ in range(10)]
            await asyncio.sleep(0)
            await listener.refuse()
            async with asyncio.timeout(5):
                assert set(await asyncio.gather(*connecting)) <= {"hello", "refused", "reset"}
            await listener.accept()

    listening(check)


def test_a_port_that_somebody_else_has_taken_cannot_be_had_again() -> None:
    """The error says so, and the listener can be asked again."""

    async def check(listener: Listener, url: str) -> None:
        port = int(url.rpartition(":")[2])
        await listener.refuse()
        with socket.create_server(("127.0.0.1", port)):
            with pytest.raises(ServerError) as caught:
                await listener.accept()
            assert str(caught.value) == (
                f"port {port} on 127.0.0.1 is in use\n  hint: choose another port, or 0 for any that is free"
            )
        await listener.accept()
        assert await connect(url) == "hello"

    listening(check)


def test_a_socket_that_was_given_is_listened_on_again_too() -> None:
    """At the address that it had."""

    async def run() -> None:
        listener = Listener(Greeter)
        with socket.socket() as given:
            given.bind(("127.0.0.1", 0))
            port = given.getsockname()[1]
            url = await listener.start("", 0, given)
            assert url == f"http://127.0.0.1:{port}"
            await listener.refuse()
            assert await connect(url) == "refused"
            await listener.accept()
            assert await connect(url) == "hello"
            await listener.close()

    asyncio.run(run())
    gc.collect()


@pytest.mark.skipif(not socket.has_ipv6, reason="Python was built without IPv6")
def test_an_ipv6_address_is_listened_on_again() -> None:
    """Its URL has brackets."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as problem:
        pytest.skip(f"this machine has no IPv6 loopback: {problem}")

    async def check(listener: Listener, url: str) -> None:
        assert url.startswith("http://[::1]:")
        await listener.refuse()
        assert await connect(url) == "refused"
        await listener.accept()
        assert await connect(url) == "hello"

    listening(check, "::1")


NO_ADDRESS = "this machine has no such address\n  hint: use 127.0.0.1, or ::1 (without brackets) for IPv6"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.EADDRINUSE, "x"), "port 5 on h is in use\n  hint: choose another port, or 0 for any that is free"),
        (OSError(errno.EACCES, "x"), "cannot listen on h:5: Permission denied"),
        (OSError(errno.EADDRNOTAVAIL, "x"), f"cannot listen on h:5: {NO_ADDRESS}"),
        (socket.gaierror(-2, "x"), f"cannot listen on h:5: {NO_ADDRESS}"),
        (OSError("x"), f"cannot listen on h:5: {NO_ADDRESS}"),
        (UnicodeError("label too long"), f"cannot listen on h:5: {NO_ADDRESS}"),
        (OverflowError("port must be 0-65535."), "cannot listen on h:5: port must be 0-65535."),
    ],
)
def test_why_an_address_cannot_be_had_is_said(monkeypatch: pytest.MonkeyPatch, error: Exception, text: str) -> None:
    """In the same words whatever asyncio says."""

    async def run() -> None:
        async def fail(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(asyncio.get_running_loop(), "create_server", fail, raising=False)
        await Listener(Greeter).start("h", 5)

    with pytest.raises(ServerError) as caught:
        asyncio.run(run())
    assert str(caught.value) == text


@pytest.mark.parametrize(("host", "name"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]")])  # noqa: S104 - for the length of the test
def test_the_url_of_all_addresses_is_that_of_loopback(host: str, name: str) -> None:
    """A client can ask for it, and the control API hears it."""
    if host == "::" and not socket.has_ipv6:
        pytest.skip("Python was built without IPv6")

    async def check(listener: Listener, url: str) -> None:
        del listener
        assert url.startswith(f"http://{name}:")
        assert await connect(url) == "hello"

    try:
        listening(check, host)
    except ServerError as error:
        pytest.skip(str(error))
