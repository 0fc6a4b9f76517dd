"""What a client that is nothing but a socket sees of each ending, and of the next request after it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from raw_client import MESSAGE, WATCH, RawClient, request

import streamlab
from streamlab import Cut, Lab, Stall, error, http, text

SMALL = [f"word {number} " for number in range(20)]
LARGE = [f"{number:05} ".ljust(2048, "x") for number in range(600)]
SIZES = pytest.mark.parametrize("pieces", [pytest.param(SMALL, id="small"), pytest.param(LARGE, id="1 MB")])


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Give a lab without replies, which nobody verifies."""
    serving = streamlab.serve()
    yield serving.start()
    serving.stop()


def whole(pieces: list[str]) -> bytes:
    """Return the body of the answer when nothing is wrong with it: the same seed and request make the same bytes."""
    serving = streamlab.serve()
    lab = serving.start()
    try:
        lab.reply([text(pieces)])
        with RawClient(lab.url) as client:
            return client.ask().body
    finally:
        serving.stop()


@pytest.mark.parametrize("late", [0.0, 0.05], ids=["at once", "late"])
@pytest.mark.parametrize(
    ("how", "ending", "then"),
    [("fin", "fin", b""), ("reset", "reset", b""), ("end", "complete", b"0\r\n\r\n")],
)
@SIZES
def test_a_cut_comes_after_every_byte_before_it(
    lab: Lab, pieces: list[str], how: str, ending: str, then: bytes, late: float
) -> None:
    """All that precedes a cut arrives, whole chunks and no end mark but that of `end`, and then the ending asked for."""
    expected = whole(pieces)
    kept = len(expected) - 500
    lab.reply([text(pieces)], faults=[Cut(how, at=f"byte {kept}")])
    with RawClient(lab.url) as client:
        client.socket.sendall(request())
        time.sleep(late)
        answered = client.answer()
        assert answered.body == expected[:kept]
        assert answered.ending == ending
        assert answered.raw.endswith(b"\r\n" + then)
        assert lab.journal[0].ended == how
        assert lab.journal[0].ended_by == "server"


@SIZES
def test_a_stall_is_silence_on_an_open_connection(lab: Lab, pieces: list[str]) -> None:
    """All that precedes a stall arrives; then nothing does, and the connection stays open until the client leaves."""
    expected = whole(pieces)
    lab.reply([text(pieces)], faults=[Stall(at="50%")])
    with RawClient(lab.url) as client:
        client.socket.sendall(request())
        client.receive(len(expected) // 2)
        answered = client.answer(watch=WATCH)
        assert answered.ending == "open"
        assert expected.startswith(answered.body)
        assert len(answered.body) == pytest.approx(len(expected) / 2, abs=1)
        assert client.rest(watch=WATCH) == (b"", "open")
        (call,) = lab.journal
        assert call.ended is None
        assert repr(call).endswith("running>")


@pytest.mark.parametrize("at", [1, 2, 3, 50, 51])
def test_a_cut_in_the_middle_of_a_frame_ends_in_a_whole_chunk(lab: Lab, at: int) -> None:
    """A cut at a byte cuts the frame, not the chunk: what came of the frame is a chunk of its own size."""
    lab.reply("Hello", faults=[Cut("fin", at=f"byte {at}")])
    with RawClient(lab.url) as client:
        answered = client.ask()
        assert (len(answered.body), answered.ending) == (at, "fin")
        assert sum(map(len, answered.chunks)) == at


def test_each_frame_is_a_chunk(lab: Lab) -> None:
    """A chunk holds one event, from its name to the blank line."""
    lab.reply([text(SMALL)])
    with RawClient(lab.url) as client:
        answered = client.ask()
    assert all(chunk.startswith(b"event: ") and chunk.endswith(b"\n\n") for chunk in answered.chunks)
    assert len(answered.chunks) == len(SMALL) + 6


def test_a_slow_reader_of_a_reset_gets_all(lab: Lab) -> None:
    """A client that reads a little at a time still gets every byte before the reset."""
    expected = whole(LARGE)
    lab.reply([text(LARGE)], faults=[Cut("reset", after="message_stop")])
    with RawClient(lab.url, receive_buffer=32 * 1024) as client:
        client.socket.sendall(request())
        answered = client.answer(pause=0.001)
    assert (answered.body, answered.ending) == (expected, "reset")


def nothing(lab: Lab) -> None:
    """Give no reply."""
    del lab


KEPT: dict[str, tuple[Callable[[Lab], object], bytes, int]] = {
    "complete": (lambda lab: lab.reply("Hello"), request(), 200),
    "json": (lambda lab: lab.reply("Hello"), request(body={**MESSAGE, "stream": False}), 200),
    "end": (lambda lab: lab.reply("Hello", faults=[Cut("end", after="delta 1")]), request(), 200),
    "end after 1 MB": (lambda lab: lab.reply([text(LARGE)], faults=[Cut("end", at="99%")]), request(), 200),
    "error": (lambda lab: lab.reply(error("overloaded")), request(), 529),
    "error event": (lambda lab: lab.reply("Hello", faults=[streamlab.ErrorEvent("api", after="delta 1")]), request(), 200),
    "refused": (nothing, request(body={"model": "x"}), 400),
    "401": (lambda lab: lab.reply(error("authentication")), request(), 401),
    "miss": (nothing, request(), 404),
    "413 declared": (nothing, request(body=bytes(33 * 1024 * 1024)), 413),
    "413 in chunks": (nothing, request(body=bytes(33 * 1024 * 1024), is_chunked=True), 413),
    "head": (nothing, request("/", method="HEAD"), 200),
    "head of a miss": (nothing, request("/nothing", method="HEAD"), 404),
    "preflight": (nothing, request(method="OPTIONS", headers={"origin": "http://page.example"}), 204),
    "count": (nothing, request("/v1/messages/count_tokens"), 200),
    "models": (nothing, request("/v1/models", method="GET"), 200),
    "health": (nothing, request("/_streamlab/health", method="GET"), 200),
    "empty": (lambda lab: lab.reply(http(204)), request(), 204),
    "not modified": (lambda lab: lab.reply(http(304)), request(), 304),
    "a body of nothing": (lambda lab: lab.reply(http(200, {}, b"")), request(), 200),
    "html": (lambda lab: lab.reply(http(502, {"content-type": "text/html"}, "<h1>Bad gateway</h1>")), request(), 502),
    "chunked request": (lambda lab: lab.reply("Hello"), request(is_chunked=True), 200),
}


@pytest.mark.parametrize(("prepare", "first", "status"), KEPT.values(), ids=KEPT)
def test_the_next_request_on_the_same_connection_is_answered(
    lab: Lab, prepare: Callable[[Lab], object], first: bytes, status: int
) -> None:
    """An answer that HTTP sees nothing wrong with keeps the connection."""
    prepare(lab)
    lab.reply("The next.", when={"last_user": "next"})
    following = request(body={**MESSAGE, "messages": [{"role": "user", "content": "next"}]})
    with RawClient(lab.url) as client:
        answered = client.ask(first)
        assert (answered.status, answered.ending) == (status, "complete")
        assert answered.headers["connection"] == "keep-alive"
        after = client.ask(following)
        assert (after.status, after.ending) == (200, "complete")
        assert b"next" in after.body


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_after_a_cut_the_next_connection_is_answered(lab: Lab, how: str) -> None:
    """A broken connection breaks nothing else."""
    for _ in range(3):
        lab.reply("Hello", faults=[Cut(how, after="delta 1")])
        lab.reply("Fine.")
        with RawClient(lab.url) as client:
            assert client.ask().ending == how
        with RawClient(lab.url) as client:
            assert client.ask().ending == "complete"
    assert [call.ended for call in lab.journal] == [how, "complete"] * 3


def test_pipelined_requests_are_answered_in_turn(lab: Lab) -> None:
    """Requests sent without waiting get their answers one after another, each whole."""
    for number in range(20):
        lab.reply(f"answer {number}.")
    with RawClient(lab.url) as client:
        client.socket.sendall(request() * 20)
        for number in range(20):
            answered = client.answer()
            assert answered.ending == "complete"
            assert f" {number}" in answered.body.decode()


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_what_is_pipelined_after_a_cut_is_not_answered(lab: Lab, how: str) -> None:
    """A cut ends the connection, though another request has already come on it."""
    lab.reply("Hello", faults=[Cut(how, after="delta 1")])
    lab.reply("Never.")
    with RawClient(lab.url) as client:
        client.socket.sendall(request() * 2)
        assert client.answer().ending == how
    assert len(lab.journal) == 1


def test_pipelined_requests_of_a_client_that_reads_nothing_wait(lab: Lab) -> None:
    """Answers that nobody reads do not pile up: the next request waits until the last answer has gone out."""
    for _ in range(400):
        lab.reply([text(LARGE[:100])])
    with RawClient(lab.url, receive_buffer=32 * 1024) as client:
        client.socket.sendall(request() * 30)
        time.sleep(0.2)
        answered = len(lab.journal)
        assert 0 < answered < 30
        for _ in range(30):
            assert client.answer().ending == "complete"
    assert len(lab.journal) == 30


HTTP_1_0 = pytest.mark.parametrize(
    ("data", "status", "is_kept"),
    [
        pytest.param(request(version="1.0"), 200, False, id="stream"),
        pytest.param(request(version="1.0", headers={"connection": "keep-alive"}), 200, False, id="stream, keep-alive"),
        pytest.param(request(version="1.0", body={**MESSAGE, "stream": False}), 200, False, id="json"),
        pytest.param(
            request(version="1.0", body={**MESSAGE, "stream": False}, headers={"connection": "keep-alive"}),
            200,
            True,
            id="json, keep-alive",
        ),
        pytest.param(request(headers={"connection": "close"}), 200, False, id="1.1, close"),
    ],
)


@HTTP_1_0
def test_http_1_0_gets_no_chunks_and_a_close(lab: Lab, data: bytes, status: int, *, is_kept: bool) -> None:
    """An older client, or one that asks for a close, gets what it can read: a length, or a body that the close ends."""
    lab.reply("Hello", times=2)
    with RawClient(lab.url) as client:
        answered = client.ask(data)
        assert (answered.status, answered.ending) == (status, "complete")
        assert answered.headers["connection"] == ("keep-alive" if is_kept else "close")
        is_chunked = b"1.1\r\n" in data
        assert ("transfer-encoding" in answered.headers) == is_chunked
        if is_kept:
            assert client.ask(data).status == status
        else:
            assert client.rest() == (b"", "fin")


UNREADABLE = {
    "not gzip": request(body=b"no gzip", headers={"content-encoding": "gzip"}),
    "not deflate": request(body=b"no deflate", headers={"content-encoding": "deflate"}),
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
def test_a_body_that_cannot_be_read_is_refused_as_the_api_refuses(lab: Lab, data: bytes) -> None:
    """It is a 400 that no client sends again, and the connection is closed: nobody knows where the next request begins."""
    with RawClient(lab.url) as client:
        answered = client.ask(data)
        assert (answered.status, answered.headers["x-should-retry"]) == (400, "false")
        assert answered.json["error"]["type"] == "invalid_request_error"
        assert answered.json["error"]["message"].startswith("The request body cannot be read: ")
        assert answered.headers["connection"] == "close"
        assert client.rest() == (b"", "fin")
    assert lab.journal.problems == ()


def test_expect_100_continue_is_answered_before_the_body_is_sent(lab: Lab) -> None:
    """A client that waits for leave to send its body gets it, and then its answer."""
    lab.reply("Hello")
    head, _, body = request(headers={"expect": "100-continue"}).partition(b"\r\n\r\n")
    with RawClient(lab.url) as client:
        client.socket.sendall(head + b"\r\n\r\n")
        assert client.answer().status == 100
        client.socket.sendall(body)
        answered = client.answer()
        assert (answered.status, answered.ending) == (200, "complete")


def test_expect_100_continue_for_too_large_a_body_is_refused_at_once(lab: Lab) -> None:
    """A body that is declared too large is refused before it is sent."""
    head = request(body=b"", headers={"expect": "100-continue", "content-length": str(33 * 1024 * 1024)})
    with RawClient(lab.url) as client:
        client.socket.sendall(head)
        assert client.answer().status == 413


@pytest.mark.parametrize("is_chunked", [False, True], ids=["declared", "in chunks"])
def test_too_large_a_body_gets_the_bare_413_of_the_edge(lab: Lab, *, is_chunked: bool) -> None:
    """The body of the 413 is the edge's: without the envelope's type and request id."""
    with RawClient(lab.url) as client:
        answered = client.ask(request(body=bytes(32 * 1024 * 1024 + 1), is_chunked=is_chunked, headers={"origin": "x"}))
    assert answered.status == 413
    assert answered.json == {"error": {"type": "request_too_large", "message": "Request exceeds the maximum size"}}
    assert "request-id" not in answered.headers
    assert answered.headers["access-control-allow-origin"] == "*"
    assert "date" in answered.headers
    assert [call.status for call in lab.journal] == [413]
    assert lab.journal.problems == ()


def test_the_largest_body_is_taken(lab: Lab) -> None:
    """A body of exactly 32 MiB is read, whether or not anything in it makes sense."""
    with RawClient(lab.url) as client:
        assert client.ask(request(body=b" " * (32 * 1024 * 1024))).status == 400


@pytest.mark.parametrize(
    "target",
    ["http://api.anthropic.com/v1/messages", "/v1/messages?beta=true", "http://localhost:1/v1/messages?x=1"],
)
def test_the_target_may_be_a_whole_url(lab: Lab, target: str) -> None:
    """A client behind a proxy writes the whole URL; it is routed by its path."""
    lab.reply("Hello")
    with RawClient(lab.url) as client:
        assert client.ask(request(target)).status == 200
    assert lab.journal[0].request.path == "/v1/messages"


BROKEN = {
    "no request": b"hello there\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": request(headers={"host": None}),
    "a length that is none": request(headers={"content-length": "abc"}),
    "two lengths": request(headers={"Content-Length": "5", "content-length": "7"}),
    "a header without a colon": b"GET / HTTP/1.1\r\nhost: x\r\nnonsense\r\n\r\n",
    "a key with a control character": request(headers={"x-api-key": "sk-ant-api03-mine\x01"}),
    "a key for a method": b"Gsk-ant-api03-mine / HTTP/1.1\r\nhost: x\r\n\r\n",
    "a key for a chunk": b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nsk-ant-api03-mine\r\nabc\r\n",
    "a bad chunk": b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    "non-ASCII target": request("/v1/mäss"),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_is_no_http_ends_that_connection_only(lab: Lab, data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """It is refused as the API refuses, without a word of what came; nothing is printed, and the next one is answered."""
    with RawClient(lab.url) as client:
        client.socket.sendall(data)
        answered = client.answer()
        assert answered.status == 400
        assert json.loads(answered.body)["error"]["type"] == "invalid_request_error"
        assert b"mine" not in answered.raw
        assert client.rest()[1] == "fin"
    lab.reply("Hello")
    with RawClient(lab.url) as client:
        assert client.ask().status == 200
    assert capfd.readouterr() == ("", "")


ODD = {
    "any host": (request("*", method="OPTIONS"), 204),
    "connect": (b"CONNECT api.anthropic.com:443 HTTP/1.1\r\nhost: x\r\n\r\n", 404),
    "trace": (request("/", method="TRACE"), 404),
    "an escape that is none": (request("/v1/%ff%zz"), 404),
    "two slashes": (request("//v1/messages"), 404),
    "a long header": (request("/nowhere", headers={"x-long": "x" * 50_000}), 404),
    "a long query": (request(f"/nowhere?{'x' * 50_000}"), 404),
    "an upgrade": (request(headers={"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c"}), 404),
    "a web socket": (request(method="GET", headers={"connection": "Upgrade", "upgrade": "websocket"}), 404),
    "no length": (b"POST /v1/messages HTTP/1.1\r\nhost: x\r\n\r\n", 400),
}


@pytest.mark.parametrize(("data", "status"), ODD.values(), ids=ODD)
def test_odd_requests_get_an_answer(lab: Lab, data: bytes, status: int) -> None:
    """What is HTTP, however odd, is answered."""
    with RawClient(lab.url) as client:
        answered = client.ask(data)
    assert (answered.status, answered.ending) == (status, "complete")


@pytest.mark.parametrize("count", [1, 7, 100])
def test_a_request_may_come_in_pieces(lab: Lab, count: int) -> None:
    """However the bytes of a request are spread over writes, it is answered once."""
    lab.reply("Hello")
    data = request()
    with RawClient(lab.url) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(data), count):
            client.socket.sendall(data[start : start + count])
        assert client.answer().ending == "complete"
    assert len(lab.journal) == 1


def test_a_client_that_leaves_before_its_request_is_whole_is_no_call(lab: Lab) -> None:
    """Half a request is none: it is not in the journal, and the next connection is answered."""
    with RawClient(lab.url) as client:
        client.socket.sendall(request()[:-5])
    lab.reply("Hello")
    with RawClient(lab.url) as client:
        assert client.ask().status == 200
    assert len(lab.journal) == 1


def test_head_has_the_head_of_a_get_and_no_body(lab: Lab) -> None:
    """HEAD / is the SDKs' probe: the length is told, and no byte of it comes."""
    with RawClient(lab.url) as client:
        head = client.ask(request("/", method="HEAD"))
        body = client.ask(request("/", method="GET"))
    assert int(head.headers["content-length"]) == len(body.body) > 0
    assert head.status == body.status == 200


def test_the_same_request_gets_the_same_bytes_from_every_server() -> None:
    """But for the date, two servers with the same seed say the same."""

    def answers() -> list[Any]:
        serving = streamlab.serve(seed=3)
        lab = serving.start()
        try:
            lab.reply("Hello", times=3)
            with RawClient(lab.url) as client:
                each = [client.ask() for _ in range(3)]
        finally:
            serving.stop()
        return [({**one.headers, "date": ""}, one.body) for one in each]

    first = answers()
    assert first == answers()
    assert len({json.dumps(headers) for headers, _ in first}) == 3
