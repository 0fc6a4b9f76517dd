"""The recorder over real sockets: what goes upstream, what comes back and when, and what is kept of it."""

from __future__ import annotations

import gzip
import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pytest
from raw_client import RawClient
from raw_client import request as ask_for
from raw_upstream import HEAD, LONG, Peer, chunk, serving
from recorders import Running, exchanges, look, recorder, replay

from streamlab.core.authoring import as_reply
from streamlab.core.exchange import Ended, Request
from streamlab.core.faults import Cut
from streamlab.core.journal import Journal
from streamlab.core.replies import Answer, Rule, Settings, State, answer
from streamlab.files.tapes import opened
from streamlab.net import recorder as module
from streamlab.net.recorder import Forwarding

FRAME = b'event: ping\ndata: {"type": "ping"}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
LAST = b"0\r\n\r\n"
HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Give a place for a cassette."""
    return tmp_path / "made.yaml"


def answering(*pieces: bytes) -> Callable[[Peer], None]:
    """Return what answers every request with these bytes."""

    def behave(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(*pieces)

    return behave


def wait(is_so: Callable[[], object]) -> None:
    """Wait until something is so."""
    until = time.monotonic() + LONG
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.001)


def receive(client: RawClient, data: bytes) -> None:
    """Wait until a client has these bytes, and leave them unread."""
    while data not in client._unread:
        assert client._more(LONG)


def head_of(request: bytes) -> Iterator[tuple[str, str]]:
    """Yield the headers of a request as the upstream saw it."""
    for line in request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(": ")
        yield name.lower(), value


# What goes upstream.


def test_a_request_goes_upstream_as_it_came_but_for_what_is_ours(out: Path) -> None:
    """Its key, its other headers in their order, its query, its body; no compression is asked for."""
    headers = {
        "x-api-key": "sk-ant-api03-mine",
        "x-streamlab-fault": "reset",
        "X-Mine": "yes",
        "accept-encoding": "br",
        "expect": "100-continue",
    }
    with serving(answering(HELLO)) as server, recorder(server.url, out) as running, RawClient(running.url) as client:
        client.socket.sendall(ask_for("/v1/messages?beta=true", headers=headers))
        assert client.answer().status == 100
        assert client.answer().body == b"hello"
    (sent,) = server.requests
    assert sent.startswith(b"POST /v1/messages?beta=true HTTP/1.1\r\n")
    found = dict(head_of(sent))
    assert found["x-api-key"] == "sk-ant-api03-mine"
    assert (found["x-mine"], found["host"], found["accept-encoding"]) == ("yes", server.url.removeprefix("http://"), "identity")
    assert not {"x-streamlab-fault", "expect"} & set(found)
    assert sent.partition(b"\r\n\r\n")[2] == ask_for("/").partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(
    ("offered", "asked"),
    [
        ("gzip, br, zstd", "gzip"),
        ("br", "identity"),
        (None, "identity"),
        ("deflate;q=0.5, identity", "deflate;q=0.5, identity"),
    ],
)
def test_the_codings_that_can_be_searched_are_asked_for_on_request(offered: str | None, asked: str, out: Path) -> None:
    """A body in another one would be kept unread."""
    forwarding = Forwarding(keep_encoding=True)
    with (
        serving(answering(HELLO)) as server,
        recorder(server.url, out, forwarding=forwarding) as running,
        RawClient(running.url) as client,
    ):
        assert client.ask(ask_for(headers={"accept-encoding": offered})).body == b"hello"
    assert dict(head_of(server.requests[0]))["accept-encoding"] == asked


def test_a_key_of_ours_takes_the_place_of_the_clients(out: Path) -> None:
    """Whichever of the two headers it used."""
    forwarding = Forwarding(credentials=(("x-api-key", "sk-ant-api03-ours"),))
    with (
        serving(answering(HELLO)) as server,
        recorder(server.url, out, forwarding=forwarding) as running,
        RawClient(running.url) as client,
    ):
        client.ask(ask_for(headers={"x-api-key": "dummy", "authorization": "Bearer dummy"}))
    found = [each for each in head_of(server.requests[0]) if each[0] in ("x-api-key", "authorization")]
    assert found == [("x-api-key", "sk-ant-api03-ours")]


@pytest.mark.parametrize(
    "target", ["http://evil.example/v1/messages", "//evil.example/v1/messages", "/v1/../evil", "/%2e%2e/evil?x=http://evil"]
)
def test_nothing_in_a_request_leads_anywhere_else(target: str, out: Path) -> None:
    """There is one upstream, and only the path and the query come from the client."""
    with serving(answering(HELLO)) as server, recorder(server.url, out) as running, RawClient(running.url) as client:
        assert (
            client.ask(ask_for(target, headers={"host": "evil.example", "x-forwarded-host": "evil.example"})).body == b"hello"
        )
    assert dict(head_of(server.requests[0]))["host"] == server.url.removeprefix("http://")
    assert server.requests[0].split(b" ")[1] == target.removeprefix("http://evil.example").encode()


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        (ask_for("/_streamlab/health", method="GET"), 200, b'"status":"ok"'),
        (ask_for("/_streamlab/journal", method="GET"), 404, b"streamlab: there is no /_streamlab/journal"),
        (ask_for("/_streamlab/sk-ant-api03-abcdef", method="GET"), 404, b"streamlab: there is no /_streamlab/[redacted]"),
        (ask_for(headers={"x-api-key": "sk-ant-api03-abcdef\x01"}), 400, b"the request cannot be read as HTTP/1.1: Invalid"),
        (b"CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\n\r\n", 400, b"no forward proxy"),
        (ask_for(headers={"content-length": "999999999"}), 413, b"request_too_large"),
    ],
)
def test_some_requests_are_not_the_upstreams(data: bytes, status: int, said: bytes, out: Path) -> None:
    """They are answered here, and not recorded."""
    with serving(answering(HELLO)) as server, recorder(server.url, out) as running:
        seen = look(running.url, data)
    assert seen.first.split()[1] == str(status).encode()
    assert said in seen.rest
    assert b"sk-ant" not in seen.rest
    assert (server.requests, running.told, out.exists()) == ([], [], False)


def test_a_compressed_request_goes_upstream_as_it_is(out: Path) -> None:
    """And is kept as text, without the secrets in it; a replay knows it again."""
    body = gzip.compress(b'{"stream":true,"key":"sk-ant-api03-secret"}')
    asked = ask_for(body=body, headers={"content-encoding": "gzip", "connection": "close"})
    with serving(answering(HELLO)) as server, recorder(server.url, out) as running:
        live = look(running.url, asked)
    assert server.requests[0].endswith(b"\r\n\r\n" + body)
    assert exchanges(out)[0].request.json == {"stream": True, "key": "[redacted]"}
    assert running.ended[0].check == ""
    with replay(out) as url:
        assert look(url, asked) == live


def test_a_client_that_leaves_while_it_asks_is_no_exchange(out: Path) -> None:
    """There is no request yet."""
    with serving(answering(HELLO)) as server, recorder(server.url, out) as running:
        with RawClient(running.url) as client:
            client.socket.sendall(ask_for()[:-5])
            time.sleep(0.05)
        time.sleep(0.05)
    assert (server.requests, running.told) == ([], [])


# What comes back.


def test_each_read_goes_on_before_the_next_is_there(out: Path) -> None:
    """The upstream sends a frame only when the client has the one before."""
    has_it = threading.Semaphore(0)

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(HEAD)
        for _ in range(5):
            peer.send(chunk(FRAME))
            assert has_it.acquire(timeout=LONG)
        peer.send(chunk(STOP) + LAST)
        peer.left()

    with serving(behave) as server, recorder(server.url, out) as running, RawClient(running.url) as client:
        client.socket.sendall(ask_for())
        for number in range(5):
            receive(client, chunk(FRAME) * (number + 1))
            has_it.release()
        answered = client.answer()
    assert answered.chunks == [FRAME] * 5 + [STOP]
    assert [read.data for read in exchanges(out)[0].reads] == answered.chunks
    assert running.ended[0].events == 1
    assert running.ended[0].first is not None


@pytest.mark.parametrize(
    ("answer", "method", "version", "rest"),
    [
        (HELLO, "HEAD", "1.1", b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "POST", "1.1", b""),
        (HEAD + chunk(STOP) + LAST, "POST", "1.0", STOP),
        (
            HEAD[:-2] + b"connection: x-hop\r\nx-hop: 1\r\ncontent-length: 7\r\n\r\n" + chunk(STOP) + LAST,
            "POST",
            "1.1",
            chunk(STOP) + LAST,
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nset-cookie: a=b\r\n\r\nhello",
            "POST",
            "1.1",
            b"5\r\nhello\r\n" + LAST,
        ),
    ],
)
def test_what_frames_a_body_is_made_anew(answer: bytes, method: str, version: str, rest: bytes, out: Path) -> None:
    """As the client can take it, live and in the replay; what is between neighbours stays between them."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(answer)
        if b"set-cookie" in answer:
            peer.close()
        else:
            peer.left()

    data = ask_for(method=method, version=version, headers={"connection": "close"})
    with serving(behave) as server, recorder(server.url, out) as running:
        live = look(running.url, data)
    assert (live.rest, live.ending) == (rest, "fin")
    assert "x-hop" not in dict(live.headers)
    assert running.ended[0].check == ""
    with replay(out) as url:
        again = look(url, data)
    assert (again.first, again.rest, again.ending) == (live.first, live.rest, live.ending)
    assert again.headers == tuple(each for each in live.headers if each[0] != "set-cookie")


def test_connections_are_kept_on_both_sides(out: Path) -> None:
    """A client asks again on its connection, and so does the recorder."""
    with (
        serving(answering(HEAD + chunk(STOP) + LAST)) as server,
        recorder(server.url, out) as running,
        RawClient(running.url) as client,
    ):
        for _ in range(3):
            assert client.ask().body == STOP
    assert server.connections == 1
    assert [each.ended for each in exchanges(out)] == [Ended.COMPLETE] * 3


def test_many_at_once_are_kept_apart(out: Path) -> None:
    """Each exchange has its own answer."""

    def behave(peer: Peer) -> None:
        while True:
            number = json.loads(peer.request().partition(b"\r\n\r\n")[2])["number"]
            peer.send(HEAD)
            for _ in range(10):
                peer.send(chunk(b"data: %d\n\n" % number))
                time.sleep(0.001)
            peer.send(LAST)

    with serving(behave) as server, recorder(server.url, out) as running:

        def ask(number: int) -> None:
            with RawClient(running.url) as client:
                assert client.ask(ask_for(body={"number": number})).body == b"data: %d\n\n" % number * 10

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    found = {each.request.json["number"]: each for each in exchanges(out)}
    assert sorted(found) == list(range(20))
    assert {number: each.body for number, each in found.items()} == {n: b"data: %d\n\n" % n * 10 for n in range(20)}
    assert {(each.failure, each.check) for each in running.ended} == {("", "")}


# Clients and recorders that leave.


def test_a_client_that_leaves_ends_the_upstreams_answer(out: Path) -> None:
    """What had arrived is kept, and marked."""
    left = threading.Event()

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(HEAD, chunk(FRAME))
        peer.left()
        left.set()

    with serving(behave) as server, recorder(server.url, out) as running:
        with RawClient(running.url) as client:
            client.socket.sendall(ask_for())
            receive(client, FRAME)
        assert left.wait(LONG)
        wait(lambda: running.ended)
    (made,) = exchanges(out)
    assert (made.ended, made.body) == (Ended.LEFT, FRAME)


def test_a_client_that_leaves_before_the_head_is_marked_too(out: Path) -> None:
    """There is nothing of the answer then."""
    asked = threading.Event()

    def behave(peer: Peer) -> None:
        peer.request()
        asked.set()
        peer.left()

    with serving(behave) as server, recorder(server.url, out) as running:
        with RawClient(running.url) as client:
            client.socket.sendall(ask_for())
            assert asked.wait(LONG)
        wait(lambda: running.ended)
    (made,) = exchanges(out)
    assert (made.ended, made.head) == (Ended.LEFT, None)


def test_a_recorder_that_stops_keeps_what_had_arrived(out: Path) -> None:
    """It is marked as interrupted, and whole."""
    with serving(answering(HEAD, chunk(FRAME))) as server, RawClientLater() as later, recorder(server.url, out) as running:
        later.ask(running)
        wait(lambda: any(each.size for each in running.told))
    (made,) = exchanges(out)
    assert (made.ended, made.body) == (Ended.INTERRUPTED, FRAME)


class RawClientLater:
    """A client that stays until the recorder has gone."""

    def __enter__(self) -> Self:
        return self

    def ask(self, running: Running) -> None:
        """Ask, and do not wait for the answer."""
        self.client = RawClient(running.url)
        self.client.socket.sendall(ask_for())

    def __exit__(self, *_: object) -> None:
        self.client.socket.close()


def settle(count: Callable[[], int]) -> None:
    """Wait until a count has risen, and rises no more."""
    before = -1
    while (now := count()) != before or not now:
        before = now
        time.sleep(0.15)


def test_a_slow_client_that_leaves_takes_nothing_with_it(out: Path) -> None:
    """What had arrived for it and was not taken yet is in the cassette."""
    sent: list[int] = []

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(HEAD)
        while True:
            peer.send(chunk(b"data: %06d %b\n\n" % (len(sent), b"x" * 8000)))
            sent.append(1)

    with serving(behave) as server, recorder(server.url, out) as running:
        with RawClient(running.url, receive_buffer=20_000) as client:
            client.socket.sendall(ask_for())
            settle(lambda: len(sent))
            taken = running.told[-1].size
        wait(lambda: running.ended)
    (made,) = exchanges(out)
    assert made.ended is Ended.LEFT
    assert len(made.body) > taken + 400_000
    numbers = [int(each[6:12]) for each in made.body.split(b"\n\n") if len(each) > 12]
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("then", ["close", "reset"])
def test_a_slow_client_loses_nothing(then: str, out: Path) -> None:
    """Not even if the upstream has gone long ago; meanwhile what comes from it is held back."""
    pieces = [b"data: %06d %b\n\n" % (number, b"x" * 8000) for number in range(1500)]

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(HEAD)
        for piece in pieces:
            peer.send(chunk(piece))
        peer.reset() if then == "reset" else peer.fin()
        peer.left() if then == "close" else None

    with (
        serving(behave) as server,
        recorder(server.url, out) as running,
        RawClient(running.url, receive_buffer=20_000) as client,
    ):
        client.socket.sendall(ask_for())
        settle(lambda: running.told[-1].size if running.told else 0)
        assert running.told[-1].size < len(b"".join(pieces)) * 3 // 4  # no more than the sockets take
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        answered = client.answer()
    assert answered.body == b"".join(pieces)
    assert answered.ending == ("reset" if then == "reset" else "fin")
    assert exchanges(out)[0].body == answered.body


def test_a_disk_that_fails_is_told_and_not_felt(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client gets all of it; the next exchange is recorded again."""
    real, is_full = os.write, True

    def write(file: int, data: bytes) -> int:
        if is_full and b"message_stop" in bytes(data):
            raise OSError(28, "No space left on device")
        return real(file, data)

    with (
        serving(answering(HEAD, chunk(FRAME), chunk(STOP) + LAST)) as server,
        recorder(server.url, out) as running,
        RawClient(running.url) as client,
    ):
        monkeypatch.setattr(os, "write", write)
        assert client.ask().body == FRAME + STOP
        wait(lambda: running.ended)
        is_full = False
        assert client.ask().body == FRAME + STOP
        wait(lambda: len(running.ended) == 2)
    first, second = running.ended
    assert "No space left on device" in first.failure
    assert (second.failure, second.check) == ("", "")


# Secrets.

KEYS = {
    name: f"sk-ant-api03-{name}-{'x' * 20}" for name in ("header", "bearer", "query", "body", "tool", "line", "path", "odd")
}
OTHERS = {
    "cookie": "c00kie-of-the-client",
    "proxy": "proxy-passw0rd",
    "basic": "dXNlcjpwYXNz",
    "org": "0b5d2f3e-77aa-4bbb-8ccc-0123456789ab",
}
BACK = {"echo": "weird-key-of-gateway-77", "split": "sk-ant-api03-split-" + "y" * 30, "set": "session=1234567890abcdef"}


@pytest.mark.parametrize("is_coded", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("is_sized", [False, True], ids=["chunked", "sized"])
def test_no_secret_is_kept_told_or_logged(
    is_coded: bool,  # noqa: FBT001 - a parameter of the test
    is_sized: bool,  # noqa: FBT001 - the same
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Wherever a client or an upstream puts it; the client gets every byte, and the request still matches."""
    text = b'event: content_block_delta\ndata: {"text":"%b %b cust_4711"}\n\n' % (BACK["split"].encode(), BACK["echo"].encode())
    text += STOP
    data = gzip.compress(text) if is_coded else text
    coding = b"content-encoding: gzip\r\n" if is_coded else b""
    secret = f"set-cookie: {BACK['set']}\r\nanthropic-organization-id: {OTHERS['org']}\r\nx-note: {KEYS['header']}\r\n".encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n" + coding + secret
    framing = b"content-length: %d\r\n\r\n" % len(data) if is_sized else b"transfer-encoding: chunked\r\n\r\n"
    pieces = [data[at : at + 40] for at in range(0, len(data), 40)]

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(head + framing)
        for piece in pieces:
            peer.send(piece if is_sized else chunk(piece))
            time.sleep(0.002)
        peer.send(b"" if is_sized else LAST)
        peer.left()

    content = [
        {"type": "text", "text": f"use {KEYS['body']} or\n{KEYS['line']} of cust_4711"},
        {
            "type": "tool_result",
            "tool_use_id": "toolu_1",
            "content": [{"type": "text", "text": f"Authorization: Basic {OTHERS['basic']}\nAPI_KEY={KEYS['tool']}"}],
        },
    ]
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": content}]}
    headers: dict[str, str | None] = {
        "x-api-key": BACK["echo"],
        "authorization": f"Bearer {KEYS['bearer']}",
        "cookie": f"a={OTHERS['cookie']}",
        "proxy-authorization": f"Basic {OTHERS['proxy']}",
        "x-odd": f"v={KEYS['odd']}",
    }
    asked = ask_for(f"/v1/messages/{KEYS['path']}?api_key={KEYS['query']}&token=plain-t0ken", headers=headers, body=body)
    with caplog.at_level(0), serving(behave) as server:
        monkeypatch.setenv("http_proxy", f"http://user:{OTHERS['proxy']}@127.0.0.1:{server.port}")
        with recorder("http://upstream.example", out, patterns=["cust_[0-9]+"]) as running, RawClient(running.url) as client:
            answered = client.ask(asked)
            assert answered.body == data
            wait(lambda: running.ended)
            client.ask(asked + b"x: garbage")  # what cannot be parsed must not be logged either
    assert OTHERS["proxy"].encode() not in asked or b"proxy-authorization: Basic dXNl" in server.requests[0]
    kept = (
        b"".join(each.read_bytes() for each in out.parent.rglob("*") if each.is_file()).decode()
        + repr(running.told)
        + caplog.text
    )
    for secret_text in (*KEYS.values(), *OTHERS.values(), *BACK.values(), "plain-t0ken"):
        assert secret_text not in kept, secret_text
    for record in exchanges(out):
        assert "cust_" not in record.body.decode() + record.request.body.decode()
    first = running.ended[0]
    assert (first.failure, first.check) == ("", "")
    assert first.redacted >= 12
    assert bool(first.notes) == is_coded
    port = urlsplit(running.url).port
    assert port
    with replay(out) as url:
        answer = look(url, asked.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nconnection: close\r\n", 1))
    assert answer.first == b"HTTP/1.1 200 OK"
    assert b'{"text":"[redacted] [redacted] [redacted]"}' in exchanges(out)[0].body


def test_a_secret_of_the_query_is_kept_nowhere(out: Path) -> None:
    """Neither in the bodies nor in an address to go to; and the request still matches its recording."""
    secret = "plainSecretKey123456"
    body = f'{{"error":"bad key {secret}"}}'.encode()
    head = b"HTTP/1.1 401 No\r\nlocation: /x?api_key=another-one&b=1\r\ncontent-length: %d\r\n\r\n" % len(body)
    asked = ask_for(f"/v1/{secret}/messages?api_key={secret}", body={"model": "m", "system": f"use {secret}"})
    with serving(answering(head + body)) as server, recorder(server.url, out) as running, RawClient(running.url) as client:
        assert client.ask(asked).body == body
    assert (running.ended[0].failure, running.ended[0].check) == ("", "")
    kept = out.read_text(encoding="utf-8")
    assert secret not in kept
    assert "another-one" not in kept
    with replay(out) as url:
        assert look(url, asked).first == b"HTTP/1.1 401 Unauthorized"


def test_a_secret_that_a_model_says_piece_by_piece_is_never_on_disk(out: Path) -> None:
    """The client gets each piece as it comes; what is written has none of them, while it is recorded and then."""
    frame = b'event: content_block_delta\ndata: {"index":0,"delta":{"type":"text_delta","text":"%b"}}\n\n'
    said = ["your keys are", " sk-", "ant-", "api03-spl", "it-yyyy and ", "weird-key", "-of-gate", "way-77 it seems"]
    kept = ["your keys are", " [redacted]", "", "", " and ", "[redacted]", "", " it seems"]
    frames = [frame % each.encode() for each in said]
    read = threading.Event()

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for each in frames:
            peer.send(chunk(each))
            assert read.wait(LONG)
            read.clear()
        peer.send(chunk(STOP), LAST)

    def on_disk() -> str:
        text = "".join(each.read_text() for each in out.parent.rglob("*") if each.is_file())
        return "".join(re.findall(r'"text":"(.*?)"', text))

    asked = ask_for(headers={"x-api-key": "weird-key-of-gateway-77"})
    with serving(behave) as server, recorder(server.url, out) as running, RawClient(running.url) as client:
        client.socket.sendall(asked)
        for each in frames:
            receive(client, each)
            assert not re.search("sk-|ant-|api03|split|weird|gate|way", on_disk())
            read.set()
        assert client.answer().body == b"".join(frames) + STOP
        wait(lambda: running.ended)
    (made,) = exchanges(out)
    assert made.body == b"".join(frame % each.encode() for each in kept) + STOP
    last = running.ended[-1]
    assert (last.redacted, last.events, last.failure, last.check) == (3, len(frames) + 1, "", "")


def test_the_largest_request_is_bounded(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is larger is refused here, whatever it says of its length."""
    monkeypatch.setattr(module, "MAX_REQUEST", 1000)
    with serving(answering(HELLO)) as server, recorder(server.url, out) as running:
        seen = look(running.url, ask_for(body=b"x" * 5000, is_chunked=True, headers={"content-length": None}))
    assert b" 413 " in seen.first
    assert server.requests == []


def test_an_upstream_that_is_down_is_a_close_and_is_told(out: Path) -> None:
    """The replay is the same close."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with recorder(f"http://127.0.0.1:{port}", out) as running:
        live = look(running.url, ask_for())
    assert (live.first, live.ending) == (b"", "fin")
    assert running.ended[0].ended is Ended.REFUSED
    assert running.ended[0].problem.startswith(f"nothing listens at http://127.0.0.1:{port}")
    with replay(out) as url:
        assert look(url, ask_for()) == live


# What was asked.


def test_the_journal_has_every_call(out: Path) -> None:
    """Who answered, what was sent (pings do not count), how it ended; without the key, and without requests that are ours."""
    stream = [HEAD, chunk(FRAME), chunk(STOP), LAST]

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(*stream)
        peer.request()
        peer.send(b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\n\r\n{}")
        peer.request()
        peer.send(HEAD, chunk(STOP))
        peer.reset()

    journal = Journal()
    with serving(behave) as server, recorder(server.url, out, journal=journal) as running, RawClient(running.url) as client:
        assert client.ask(ask_for("/_streamlab/health", method="GET")).status == 200
        first = client.ask(ask_for(headers={"x-api-key": "sk-ant-api03-mine"}))
        assert client.ask(ask_for()).status == 429
        client.socket.sendall(ask_for())
        assert client.answer().ending == "reset"
    told = [(call.rule, call.status, call.events_sent, call.ended, call.ended_by, call.reused) for call in journal]
    assert told == [
        ("upstream", 200, 1, "complete", "server", True),
        ("upstream", 429, 0, "complete", "server", True),
        ("upstream", 200, 1, "reset", "server", True),
    ]
    assert "mine" not in repr(journal[0].request)
    assert sum(each.size for each in journal[0].sent) == journal[0].bytes_sent > len(first.body)
    assert [each.events for each in journal[0].sent if each.events] == [1]


def test_the_journal_tells_a_client_that_left_from_an_upstream_that_is_down(out: Path) -> None:
    """The one is the client's doing, after so many events, the other is ours to tell."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(HEAD, chunk(STOP))
        wait(peer.left)

    journal = Journal()
    with serving(behave) as server, recorder(server.url, out, journal=journal) as running:
        with RawClient(running.url) as client:
            client.socket.sendall(ask_for())
            receive(client, STOP)
        wait(lambda: not journal.running)
    with recorder(server.url, out.with_name("b.yaml"), journal=journal) as running, RawClient(running.url) as client:
        client.socket.sendall(ask_for())
        assert client._more(LONG) is False
    told = [(call.status, call.events_sent, call.ended, call.ended_by, call.cancelled_after) for call in journal]
    assert told == [(200, 1, "left", "client", 1), (None, 0, "fin", "server", None)]


def test_a_reply_that_cannot_be_made_is_a_problem_in_the_journal(out: Path) -> None:
    """As it is on a server; nothing goes upstream for it."""
    journal = Journal()
    rule = Rule(name="rule", replies=(as_reply("Hi.", faults=[Cut("fin", after="delta 9")]),))

    def replay(request: Request) -> Answer | None:
        return answer(request, (rule,), State(), Settings())[0]

    with recorder("http://127.0.0.1:1", out, journal=journal, replay=replay) as running, RawClient(running.url) as client:
        assert client.ask(ask_for()).status == 500
    (problem,) = journal.problems
    assert "delta 9" in problem


def test_what_is_replayed_is_in_the_journal_under_the_name_of_its_exchange(out: Path) -> None:
    """As a server would have it."""
    with serving(answering(HELLO)) as server, recorder(server.url, out) as running, RawClient(running.url) as client:
        client.ask(ask_for())
    journal = Journal()
    tape = opened(out).tape

    def replay(request: Request) -> Answer | None:
        return answer(request, (tape,), State(), Settings(validate=False))[0]

    other = out.with_name("b.yaml")
    with recorder("http://127.0.0.1:1", other, journal=journal, replay=replay) as running, RawClient(running.url) as client:
        assert client.ask(ask_for()).body == b"hello"
    assert [(call.rule, call.status, call.ended) for call in journal] == [("made exchange 1", 200, "complete")]
