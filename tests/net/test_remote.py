"""Labs on a server of another process: how it is found, and every way in which it is not."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from raw_client import RawClient

from streamlab import Cut, ScenarioError, ServerError, VerificationError
from streamlab.core.environment import CONTROL_TOKEN
from streamlab.core.pacing import Pace
from streamlab.core.replies import Settings
from streamlab.core.shown import seconds
from streamlab.net.background import Background
from streamlab.net.lab import Host
from streamlab.net.remote import RemoteHost
from streamlab.net.server import MockServer, Namespace

TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture
def host() -> Iterator[Host]:
    """Give a server."""
    running = Host()
    yield running
    running.stop()


@pytest.fixture
def guarded() -> Iterator[str]:
    """Give the URL of a server with a token."""
    background = Background(MockServer(Namespace(), token=TOKEN))
    yield background.start("127.0.0.1", 0)
    background.stop()


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Give the URL of a server that is not ours."""

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Stranger)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_each_lab_has_a_place_of_its_own(host: Host) -> None:
    """With its settings, and beside those of this process."""
    far = RemoteHost(host.url + "/")
    settings = Settings(seed=3, validate=False, api_key="any", pace=Pace(rate=1000.0), faults=(Cut("end", at="end"),))
    first, second, near = far.lab(settings), far.lab(), host.lab()
    assert len({each.url for each in (first, second, near)}) == 3
    first.reply("One.")
    with RawClient(first.url) as client:
        assert client.ask().ending == "complete"
    assert [len(each.journal) for each in (first, second, near)] == [1, 0, 0]
    far.stop()


def test_the_root_stays_when_its_lab_is_closed(host: Host) -> None:
    """Others may use it."""
    far = RemoteHost(host.url)
    root = far.lab(at_root=True)
    root.reply("One.", times=2)
    assert root.url == host.url
    root.close()
    with RawClient(host.url) as client:
        assert client.ask().status == 200
    assert repr(far.lab(at_root=True)) == f"<Lab {host.url}, 1 rules, 1 calls>"
    far.stop()


def test_rules_that_are_there_already_are_counted(host: Host) -> None:
    """So that names go on from there."""
    far = RemoteHost(host.url)
    far.lab(at_root=True).reply("One.")
    assert far.lab(at_root=True).reply("Two.").name == "reply 2"
    far.stop()


def test_what_comes_too_late_is_told(host: Host) -> None:
    """Of the labs that were closed with a word for it."""
    far = RemoteHost(host.url)
    lab, other, still = far.lab(over="test_a is over", redact=["Hello"]), far.lab(), far.lab(over="not yet")
    lab.close()
    other.close()
    assert far.late() == ()
    with RawClient(lab.url) as client:
        assert "test_a is over" in client.ask().json["error"]["message"]
    ((over, journal),) = far.late()
    assert (over, len(journal), journal[0].request.last_user) == ("test_a is over", 1, "[redacted]")
    still.close()
    far.stop()


def test_a_token_opens_the_server(guarded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given, or in the environment."""
    RemoteHost(guarded, TOKEN).stop()
    monkeypatch.setenv(CONTROL_TOKEN, TOKEN)
    RemoteHost(guarded).stop()


@pytest.mark.parametrize(
    ("token", "text"),
    [
        (None, "this server demands its control token\n  hint: send it as x-streamlab-token"),
        ("wrong", "this is not the control token of this server\n  hint: it is the one of"),
        ("a b", "a control token is 1 to 1000 characters of ASCII"),
    ],
)
def test_without_the_token_nothing_is_opened(guarded: str, token: str | None, text: str) -> None:
    """And what was sent is not told."""
    with pytest.raises(ServerError) as caught:
        RemoteHost(guarded, token)
    assert str(caught.value).startswith(text)
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "127.0.0.1:4010", "ftp://127.0.0.1", "http://", "http://127.0.0.1/?a=b"])
def test_what_is_no_url_is_an_error(url: str) -> None:
    """With an example."""
    with pytest.raises(ServerError, match="is not the URL of a server\n  hint: for example"):
        RemoteHost(url)


def test_a_server_that_is_not_there_is_an_error() -> None:
    """With the command that starts one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(ServerError, match=f"no server answers at {url}: .*refused\n  hint: start one: streamlab serve"):
            RemoteHost(url)


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"<html>"), (200, b"[]"), (404, b"{}"), (500, json.dumps({"error": "no"}).encode())]
)
def test_another_server_is_an_error(status: int, body: bytes) -> None:
    """It says who answered."""
    with answering(status, body) as url, pytest.raises(ServerError, match=f"what answers at {url} is no streamlab server"):
        RemoteHost(url)


def test_a_server_that_has_gone_is_an_error_and_a_repr_is_none() -> None:
    """Whatever was kept open."""
    host = Host()
    far = RemoteHost(host.url)
    lab = far.lab()
    host.stop()
    with pytest.raises(ServerError, match="no server answers"):
        lab.reply("One.")
    assert repr(lab) == f"<Lab {lab.url}>"
    far.stop()


def test_a_connection_that_the_server_has_closed_is_made_again(host: Host) -> None:
    """Nobody notices."""
    far = RemoteHost(host.url)
    lab = far.lab()
    host.refuse(None)
    host.accept()
    assert lab.reply("One.").name == "reply 1"
    far.stop()


def test_what_cannot_be_sent_is_an_error_here(host: Host) -> None:
    """A function, or faults that belong in the settings of the lab."""
    far = RemoteHost(host.url)
    lab = far.lab()
    with pytest.raises(ScenarioError, match=r"replies\.0: a function cannot be sent to another process\n  hint: write what it"):
        lab.reply(lambda asked: asked.last_user)
    with pytest.raises(ScenarioError, match="the faults of every answer cannot be sent with rules\n  hint: give them"):
        lab._space.add([], Settings(faults=(Cut("end", at="end"),)))
    assert lab.usages() == ()
    far.stop()


def test_a_long_wait_is_asked_for_in_parts(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server waits no longer than it is willing to."""
    monkeypatch.setattr("streamlab.net.remote.MAX_WAIT", 0.01)
    far = RemoteHost(host.url)
    with pytest.raises(VerificationError, match="1 call did not end within 35 ms"):
        far.lab().wait_for(1, timeout=0.035)
    far.stop()


def on_ask(number: int, name: str, happens: Callable[[], object], far: RemoteHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let something happen before the server is asked for the so-manieth time for what has a name."""
    ask, asked = far._wire.ask, iter(range(1, 1_000))

    def counting(method: str, path: str, body: Any = None, *, wait: float = 0.0) -> Any:
        if name in f"{path} {body}" and next(asked) == number:
            happens()
        return ask(method, path, body, wait=wait)

    monkeypatch.setattr(far._wire, "ask", counting)


def test_what_happens_in_a_later_part_of_a_wait_is_seen(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait is over when all of its parts are."""
    monkeypatch.setattr("streamlab.net.remote.MAX_WAIT", 0.01)
    far = RemoteHost(host.url)
    lab = far.lab()

    def call() -> None:
        with RawClient(lab.url) as client:
            client.ask()

    on_ask(3, "changes=", call, far, monkeypatch)
    assert len(lab.wait_for(1, timeout=20)) == 1
    far.stop()


def test_the_waits_of_a_clock_are_asked_for_in_parts(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is moved on by as much as was said, in however many parts."""
    monkeypatch.setattr("streamlab.net.remote.MAX_WAIT", 0.01)
    far = RemoteHost(host.url)
    lab = far.lab()
    lab.clock.hold()
    with pytest.raises(VerificationError, match="after 35 ms in all: 1 script should wait for the clock"):
        lab.clock.wait_until_parked(timeout=0.035)
    namespace = host._background.server.namespaces["~lab-1"]

    async def begin() -> tuple[asyncio.Event, asyncio.Task[None]]:
        goes_on, script = asyncio.Event(), namespace.clock.script()

        async def play() -> None:
            await script.sleep_until(script.now() + 1.0)
            await goes_on.wait()
            script.end()

        return goes_on, asyncio.create_task(play())

    async def go_on() -> None:
        goes_on.set()
        await task

    before = lab.clock.now()
    goes_on, task = host.run(begin)
    on_ask(3, "'advance'", lambda: host.run(go_on), far, monkeypatch)
    lab.clock.advance(5, timeout=20)
    assert lab.clock.now() - before == pytest.approx(5)
    monkeypatch.undo()
    far.stop()


def test_a_clock_shows_where_it_is_and_its_time(host: Host) -> None:
    """As long as its server runs."""
    far = RemoteHost(host.url)
    clock = far.lab().clock
    clock.hold()
    before = clock.now()
    assert repr(clock) == f"<RemoteClock {host.url}/~lab-1, {seconds(before)}>"
    host.stop()
    assert repr(clock) == f"<RemoteClock {host.url}/~lab-1>"
    far.stop()


def test_threads_share_a_host(host: Host) -> None:
    """Each request has a connection to itself."""
    far = RemoteHost(host.url)
    lab = far.lab()
    threads = [threading.Thread(target=lab.reply, args=("One.",)) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len({each.name for each in lab.usages()}) == 8
    far.stop()
