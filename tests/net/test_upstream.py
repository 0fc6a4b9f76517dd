"""One request to a raw upstream, plain and through TLS: every byte, read and ending of the answer, and kept connections."""

from __future__ import annotations

import asyncio
import gc
import gzip
import itertools
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import trustme
from raw_upstream import HEAD, LONG, Peer, RawUpstream, chunk, run, serving, tls_server, write_authority

from streamlab.core.exchange import Ended, Read, Request
from streamlab.core.plan import Headers
from streamlab.net import upstream as module
from streamlab.net import upstream_connection
from streamlab.net.upstream import Answer, Upstream

SHORT = 0.2
"""Seconds of a timeout that is meant to be over."""
ONE = b"event: ping\ndata: {}\n\n"
TWO = b"event: error\ndata: {}\n\n"
SIZED = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
CLOSED = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n"
GZIP = gzip.compress(b"x" * 1000, mtime=0)
LAST = b"0\r\n\r\n"
REQUEST = Request(body=b"{}")


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    """Let whatever was not closed warn."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the file of the authority that all upstreams here are certified by."""
    return write_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def tls(request: pytest.FixtureRequest) -> bool:
    """Give both ways to connect."""
    return bool(request.param)


async def rest(answer: Answer) -> list[Read]:
    """Return the reads that are still to come."""
    return [each async for each in answer]


def body(reads: list[Read]) -> bytes:
    """Return the bytes of the reads."""
    return b"".join(each.data for each in reads)


@dataclass
class Asked:
    """An answer, all of its reads, and the upstream that gave it."""

    answer: Answer
    reads: list[Read]
    server: RawUpstream

    @property
    def outcome(self) -> tuple[Ended | None, bytes]:
        """How it ended, and its body."""
        return self.answer.ended, body(self.reads)


def ask(
    behave: Callable[[Peer], object],
    *,
    ca: str = "",
    tls: bool | ssl.SSLContext = False,
    request: Request = REQUEST,
    headers: Headers = (),
    timeout: float | None = None,
) -> Asked:
    """Send one request to an upstream that behaves so, and take all of the answer."""
    with serving(behave, tls=tls) as server:

        async def send() -> Asked:
            async with Upstream(server.url, ca_file=ca or None, timeout=timeout) as upstream:
                answer = await upstream.send(request, headers)
                return Asked(answer, await rest(answer), server)

        return run(send)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What an upstream sends, what it then does, and what that is."""

    sent: tuple[bytes, ...] = ()
    then: str = "left"
    ended: Ended
    body: bytes = b""
    status: int | None = 200
    problem: str = ""
    method: str = "POST"
    timeout: float | None = field(default=None)

    def behave(self, peer: Peer) -> None:
        """Answer one request."""
        peer.request()
        peer.send(*self.sent)
        getattr(peer, self.then)()
        if self.then == "fin":
            peer.left()


CASES = {
    "a chunked body": Case(sent=(HEAD, chunk(ONE), chunk(TWO) + LAST), ended=Ended.COMPLETE, body=ONE + TWO),
    "one write": Case(sent=(HEAD + chunk(ONE) + LAST,), ended=Ended.COMPLETE, body=ONE),
    "chunk extensions and trailers": Case(
        sent=(HEAD + b"3;a=b\r\nabc\r\n0 ; last\r\nx-sum: 1\r\ny: \r\n\r\n",), ended=Ended.COMPLETE, body=b"abc"
    ),
    "one byte per write": Case(sent=tuple(bytes([each]) for each in HEAD + chunk(ONE) + LAST), ended=Ended.COMPLETE, body=ONE),
    "a sized body": Case(sent=(SIZED, b"he", b"llo"), ended=Ended.COMPLETE, body=b"hello"),
    "an empty body": Case(sent=(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",), ended=Ended.COMPLETE),
    "a body until FIN": Case(sent=(CLOSED, b"hello"), then="fin", ended=Ended.COMPLETE, body=b"hello"),
    "a body until the announced end": Case(sent=(CLOSED, b"hello"), then="close", ended=Ended.COMPLETE, body=b"hello"),
    "HTTP/1.0": Case(sent=(b"HTTP/1.0 200 OK\r\n\r\nhello",), then="fin", ended=Ended.COMPLETE, body=b"hello"),
    "gzip": Case(
        sent=(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n" + chunk(GZIP) + LAST,),
        ended=Ended.COMPLETE,
        body=GZIP,
    ),
    "invalid UTF-8": Case(
        sent=(HEAD + chunk(b"\xff\xc3") + chunk(b"\xa9\0") + LAST,), ended=Ended.COMPLETE, body=b"\xff\xc3\xa9\0"
    ),
    "an answer to HEAD": Case(sent=(SIZED,), method="HEAD", ended=Ended.COMPLETE),
    "an answer without content": Case(sent=(b"HTTP/1.1 204 No Content\r\n\r\n",), status=204, ended=Ended.COMPLETE),
    "not modified": Case(sent=(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n",), status=304, ended=Ended.COMPLETE),
    "informational answers first": Case(
        sent=(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", SIZED + b"hello"),
        ended=Ended.COMPLETE,
        body=b"hello",
    ),
    "an error": Case(
        sent=(b"HTTP/1.1 529 \r\nretry-after: 1\r\ncontent-length: 2\r\n\r\n{}",), status=529, ended=Ended.COMPLETE, body=b"{}"
    ),
    "bytes after the end": Case(sent=(SIZED + b"hello, world",), ended=Ended.COMPLETE, body=b"hello"),
    "FIN in a chunk": Case(
        sent=(HEAD, b"64\r\n" + ONE),
        then="fin",
        ended=Ended.FIN,
        body=ONE,
        problem="closed the connection in the middle of its answer",
    ),
    "an announced end in a chunk": Case(
        sent=(HEAD, b"64\r\n" + ONE), then="close", ended=Ended.FIN, body=ONE, problem="closed the connection in the middle"
    ),
    "an unfinished chunked body": Case(
        sent=(HEAD, chunk(ONE), chunk(TWO)), then="fin", ended=Ended.FIN, body=ONE + TWO, problem="in the middle of its answer"
    ),
    "FIN after the head": Case(sent=(HEAD,), then="fin", ended=Ended.FIN, problem="in the middle of its answer"),
    "FIN in a sized body": Case(sent=(SIZED, b"he"), then="fin", ended=Ended.FIN, body=b"he", problem="closed the connection"),
    "FIN in the trailer": Case(sent=(HEAD, b"0\r\nx: 1\r\n"), then="fin", ended=Ended.FIN, problem="closed the connection"),
    "RST in a chunk": Case(
        sent=(HEAD, b"64\r\n" + ONE),
        then="reset",
        ended=Ended.RESET,
        body=ONE,
        problem="reset the connection in the middle of its answer",
    ),
    "RST in one with the head": Case(
        sent=(HEAD + chunk(ONE),), then="reset", ended=Ended.RESET, body=ONE, problem="reset the connection in the middle"
    ),
    "RST in a body until FIN": Case(
        sent=(CLOSED, b"he"), then="reset", ended=Ended.RESET, body=b"he", problem="reset the connection"
    ),
    "a corrupt size": Case(
        sent=(HEAD, chunk(ONE), b"zz\r\n" + chunk(TWO)),
        ended=Ended.CORRUPT,
        body=ONE,
        problem="is broken: the header of a chunk is none",
    ),
    "a corrupt size in one with a good chunk": Case(
        sent=(HEAD + chunk(ONE) + b"-1\r\n",), ended=Ended.CORRUPT, body=ONE, problem="the header of a chunk is none"
    ),
    "a chunk that is longer than it says": Case(
        sent=(HEAD, b"3\r\nhello\r\n"), ended=Ended.CORRUPT, body=b"hel", problem="the header of a chunk is none"
    ),
    "an endless line for a chunk": Case(
        sent=(HEAD, b"3;" + b"x" * 20_000), ended=Ended.CORRUPT, problem="the header of a chunk is none"
    ),
    "a trailer that is none": Case(
        sent=(HEAD + chunk(ONE) + b"0\r\nno field\r\n\r\n",),
        ended=Ended.CORRUPT,
        body=ONE,
        problem="the header of a chunk is none",
    ),
    "nothing, and FIN": Case(then="fin", status=None, ended=Ended.FIN, problem="closed the connection before it answered"),
    "nothing, and an announced end": Case(then="close", status=None, ended=Ended.FIN, problem="before it answered"),
    "nothing, and RST": Case(then="reset", status=None, ended=Ended.RESET, problem="reset the connection before it answered"),
    "half a head, and FIN": Case(sent=(HEAD[:30],), then="fin", status=None, ended=Ended.FIN, problem="before it answered"),
    "half a head, and RST": Case(sent=(HEAD[:30],), then="reset", status=None, ended=Ended.RESET, problem="before it answered"),
    "only 100, and FIN": Case(
        sent=(b"HTTP/1.1 100 Continue\r\n\r\n",), then="fin", status=None, ended=Ended.FIN, problem="before it answered"
    ),
    "no HTTP": Case(
        sent=(b"SSH-2.0-OpenSSH_9\r\n",), status=None, ended=Ended.CORRUPT, problem="is no HTTP; is it the right port?"
    ),
    "no HTTP, and FIN": Case(sent=(b"\0\1",), then="fin", status=None, ended=Ended.CORRUPT, problem="is no HTTP; is it the"),
    "TLS where none is expected": Case(
        sent=(b"\x15\x03\x01\0\x02\x02\x46",), status=None, ended=Ended.CORRUPT, problem="speaks TLS; use https://"
    ),
    "a head that is none": Case(
        sent=(b"HTTP/1.1 200 OK\r\nno field\r\n\r\n",),
        status=None,
        ended=Ended.CORRUPT,
        problem="is no HTTP: illegal header line",
    ),
    "an unknown transfer coding": Case(
        sent=(b"HTTP/1.1 200 OK\r\ntransfer-encoding: br\r\n\r\n",),
        status=None,
        ended=Ended.CORRUPT,
        problem="is no HTTP: Only",
    ),
    "a protocol that nobody asked for": Case(
        sent=(b"HTTP/1.1 101 Switching\r\nupgrade: h2c\r\n\r\n",), status=None, ended=Ended.CORRUPT, problem="is no HTTP: "
    ),
    "silence": Case(timeout=SHORT, status=None, ended=Ended.TIMEOUT, problem="nothing came from"),
    "silence in the body": Case(sent=(HEAD + chunk(ONE),), timeout=SHORT, ended=Ended.TIMEOUT, body=ONE, problem="for 0.2 s"),
    "silence in a chunk": Case(sent=(HEAD, b"64\r\n"), timeout=SHORT, ended=Ended.TIMEOUT, problem="nothing came from"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_answer_is_what_came_and_how_it_ended(case: Case, tls: bool, ca: str) -> None:  # noqa: FBT001 - a fixture
    """Whatever an upstream does, no byte of its body is lost, and each ending has its own name."""
    asked = ask(case.behave, tls=tls, ca=ca, request=Request(method=case.method, body=b"{}"), timeout=case.timeout)
    answer = asked.answer
    assert asked.outcome == (case.ended, case.body)
    assert (answer.head and answer.head.status) == case.status
    assert (answer.received is None) == (answer.head is None)
    assert case.problem in answer.problem
    assert answer.problem.startswith(("what ", "")[not case.problem]) or asked.server.url in answer.problem
    assert bool(answer.problem) == (case.ended is not Ended.COMPLETE)
    assert answer.ended_at is not None
    assert answer.ended_at >= 0
    assert len(asked.server.requests) == asked.server.connections == 1


def test_the_head_is_as_received() -> None:
    """Order, repetitions and the values' case and bytes are kept; names are in lower case."""
    head = b"HTTP/1.1 200 OK\r\nX-Two: B\r\nSet-Cookie: a=1\r\nX-One: caf\xe9 \r\nset-cookie: b=2\r\nContent-Length: 0\r\n\r\n"
    answer = ask(lambda peer: (peer.request(), peer.send(head), peer.left())).answer
    assert answer.head is not None
    assert answer.head.headers == (
        ("x-two", "B"),
        ("set-cookie", "a=1"),
        ("x-one", "caf\xe9"),
        ("set-cookie", "b=2"),
        ("content-length", "0"),
    )


def test_a_long_head_is_taken() -> None:
    """Half a megabyte of headers is no reason to fail."""
    value = b"v" * 500_000
    head = b"HTTP/1.1 200 OK\r\nx-long: " + value + b"\r\ncontent-length: 0\r\n\r\n"
    answer = ask(lambda peer: (peer.request(), peer.send(head), peer.left())).answer
    assert answer.head is not None
    assert answer.head.get("x-long") == value.decode()


def test_each_read_of_the_socket_is_a_read(tls: bool, ca: str) -> None:  # noqa: FBT001 - a fixture
    """The upstream goes on when a read has arrived, so none is joined with another; times do not go back."""
    go_on = threading.Semaphore(0)
    pieces = [chunk(ONE)[:10], chunk(ONE)[10:], chunk(TWO) * 3, b"\r\n".join([chunk(ONE)[:-2], LAST])]
    expected = [ONE[:6], ONE[6:], TWO * 3, ONE]

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(HEAD + chunk(b"first"))
        for piece in pieces:
            assert go_on.acquire(timeout=LONG)
            peer.send(piece)
        peer.left()

    with serving(behave, tls=tls) as server:

        async def send() -> list[Read]:
            reads = []
            async with Upstream(server.url, ca_file=ca) as upstream, await upstream.send(REQUEST, ()) as answer:
                async for read in answer:
                    reads.append(read)
                    go_on.release()
            return reads

        reads = run(send)
    assert [each.data for each in reads] == [b"first", *expected]
    times = [each.at for each in reads if each.at is not None]
    assert times[0] == 0.0
    assert times == sorted(times)
    assert len(times) == len(reads)


# What is sent.


def test_a_request_is_sent_as_given() -> None:
    """Only `host` and `content-length` are added, only hop-by-hop headers left out; names, order and bytes are kept."""
    headers = (
        ("Anthropic-Version", "2023-06-01"),
        ("x-bytes", "\u00e9\udcff"),
        ("X-Api-Key", "key"),
        ("Connection", "keep-alive, X-Mine"),
        ("x-mine", "1"),
        *(
            (name, "1")
            for name in ("Keep-Alive", "Proxy-Authorization", "proxy-connection", "TE", "Trailer", "Upgrade", "Host")
        ),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "99"),
        ("accept-encoding", "gzip"),
    )
    request = Request(path="/v1/messages", query="beta=true", headers=(("not", "sent"),), body=b'{"a": 1}')
    behave = CASES["a sized body"].behave
    asked = ask(behave, request=request, headers=headers)
    assert asked.server.requests == [
        b"POST /v1/messages?beta=true HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nAnthropic-Version: 2023-06-01\r\n"
        b"x-bytes: \xc3\xa9\xff\r\nX-Api-Key: key\r\naccept-encoding: gzip\r\ncontent-length: 8\r\n\r\n"
        b'{"a": 1}' % asked.server.port
    ]


@pytest.mark.parametrize(("method", "lines"), [("GET", b""), ("POST", b"content-length: 0\r\n")])
def test_a_request_without_a_body_says_so_if_it_could_have_one(method: str, lines: bytes) -> None:
    """An empty POST has a length, a GET has none."""
    asked = ask(CASES["a sized body"].behave, request=Request(method=method, path="/"))
    assert asked.server.requests == [
        b"%b / HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n%b\r\n" % (method.encode(), asked.server.port, lines)
    ]


@pytest.mark.parametrize(
    ("request_", "headers"),
    [
        (Request(), (("x-evil", "a\r\nx-other: b"),)),
        (Request(), (("n\u00e4me", "value"),)),
        (Request(path="/a b"), ()),
        (Request(path="/\u00e4"), ()),
        (Request(method="GET IT"), ()),
    ],
)
def test_a_request_that_http_cannot_say_is_refused(request_: Request, headers: Headers) -> None:
    """It is not sent, and nothing is raised."""
    asked = ask(lambda peer: peer.left(), request=request_, headers=headers)
    assert asked.outcome == (Ended.REFUSED, b"")
    assert asked.answer.problem.startswith("the request cannot be sent in HTTP: ")
    assert asked.server.connections == 0


def test_a_large_request_arrives_whole(tls: bool, ca: str) -> None:  # noqa: FBT001 - a fixture
    """Eight megabytes are sent as the upstream takes them."""
    request = Request(body=bytes(range(256)) * 32 * 1024)
    asked = ask(CASES["a sized body"].behave, tls=tls, ca=ca, request=request)
    assert asked.outcome == (Ended.COMPLETE, b"hello")
    assert asked.server.requests[0].endswith(request.body)


@pytest.mark.parametrize(
    ("sent", "outcome"),
    [
        (b"HTTP/1.1 413 Too Large\r\ncontent-length: 5\r\n\r\nhello", (Ended.COMPLETE, b"hello")),
        (b"HTTP/1.1 413 Too Large\r\ncontent-length: 5\r\n\r\nhe", (Ended.RESET, b"he")),
    ],
)
def test_an_answer_before_the_request_is_sent_is_not_lost(
    sent: bytes,
    outcome: tuple[Ended, bytes],
    tls: bool,  # noqa: FBT001 - a fixture
    ca: str,
) -> None:
    """An upstream may refuse a body and reset: writing fails, but what it said is still read."""
    asked = ask(
        lambda peer: (peer.head(), peer.send(sent), peer.reset()), tls=tls, ca=ca, request=Request(body=b"x" * 16_000_000)
    )
    assert asked.answer.head is not None
    assert asked.answer.head.status == 413
    assert asked.answer.received == 0.0
    assert asked.outcome == outcome


# Slow clients, and clients that leave.

BIG = 3_000_000


@pytest.mark.parametrize("then", ["fin", "reset"])
def test_nothing_is_lost_if_the_client_is_slow(then: str, tls: bool, ca: str) -> None:  # noqa: FBT001 - a fixture
    """Reading stops while much is waiting, and an ending that comes meanwhile is told after what came before it."""
    ended = threading.Event()

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(HEAD + chunk(b"x" * BIG))
        getattr(peer, then)()
        ended.set()
        if then == "fin":
            peer.left()

    with serving(behave, tls=tls) as server:

        async def send() -> tuple[int, Ended | None]:
            async with Upstream(server.url, ca_file=ca, timeout=SHORT) as upstream:
                answer = await upstream.send(REQUEST, ())
                first = await anext(answer)
                await asyncio.sleep(2 * SHORT)  # the pause is ours: no timeout
                assert answer.ended is None
                assert answer._queued < 2 * module._QUEUE
                size = len(first.data) + len(body(await rest(answer)))
                return size, answer.ended

        assert run(send) == (BIG, Ended.FIN if then == "fin" else Ended.RESET)
    assert ended.is_set()


@pytest.mark.parametrize(
    ("length", "outcome"),
    [(50_000, (Ended.COMPLETE, 50_000)), (50_001, (Ended.RESET, 50_000)), (25_000, (Ended.COMPLETE, 25_000))],
)
def test_nothing_is_lost_if_writing_fails_while_the_client_is_slow(
    length: int,
    outcome: tuple[Ended, int],
    tls: bool,  # noqa: FBT001 - a fixture
    ca: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A reset is noticed in sending the request while nothing is read: what the kernel still has is part of the answer."""
    monkeypatch.setattr(module, "_QUEUE", 2)
    monkeypatch.setattr(upstream_connection, "_READ", 10_000)
    is_paused = threading.Event()
    head = b"HTTP/1.1 413 Too Large\r\ncontent-length: %d\r\n\r\n" % length

    def behave(peer: Peer) -> None:
        peer.head()
        peer.send(head + b"x" * 100)
        assert is_paused.wait(LONG)
        peer.send(b"x" * 49_900)
        peer.reset()

    with serving(behave, tls=tls) as server:

        async def send() -> tuple[Ended | None, int]:
            async with Upstream(server.url, ca_file=ca) as upstream:
                answer = await upstream.send(Request(body=b"x" * 16_000_000), ())
                is_paused.set()
                while answer.ended is None:  # noqa: ASYNC110 - it is not to be taken
                    await asyncio.sleep(0.001)
                return answer.ended, len(body(await rest(answer)))

        assert run(send) == outcome


def test_an_answer_may_begin_before_the_request_is_sent(tls: bool, ca: str) -> None:  # noqa: FBT001 - a fixture
    """Its head is received at once, and the rest of the request is sent all the same."""
    size = 16_000_000

    def behave(peer: Peer) -> None:
        peer.head()
        peer.send(HEAD)
        while len(peer._unread) < size:
            peer._read()
        peer.send(chunk(ONE) + LAST)
        peer.left()

    asked = ask(behave, tls=tls, ca=ca, request=Request(body=b"x" * size))
    assert asked.outcome == (Ended.COMPLETE, ONE)
    assert asked.answer.received == 0.0


def test_a_slow_upload_is_no_silence() -> None:
    """While the upstream takes the request, however slowly, no timeout runs out."""
    pause = threading.Event()

    def behave(peer: Peer) -> None:
        peer.head()
        taken = 0
        while taken < request_size - 100_000:
            pause.wait(SHORT / 10)
            taken += len(peer.socket.recv(65_536))
        peer.send(SIZED + b"hello")
        peer.left()

    request_size = 2_000_000
    with serving(behave, room=32_768) as server:

        async def send() -> tuple[Ended | None, bytes]:
            async with Upstream(server.url, timeout=SHORT) as upstream:
                answer = await upstream.send(Request(body=b"x" * request_size), ())
                return answer.ended or Ended.UNKNOWN, body(await rest(answer))

        assert run(send) == (Ended.COMPLETE, b"hello")


def test_closing_an_answer_closes_its_connection(tls: bool, ca: str) -> None:  # noqa: FBT001 - a fixture
    """The upstream sees at once that the client left; reads that had come are still there."""
    left: list[bool] = []
    with serving(lambda peer: (peer.request(), peer.send(HEAD, chunk(ONE)), left.append(peer.left())), tls=tls) as server:

        async def send() -> tuple[Ended | None, bytes]:
            async with Upstream(server.url, ca_file=ca) as upstream:
                async with await upstream.send(REQUEST, ()) as answer:
                    while not answer._reads:  # noqa: ASYNC110 - it is not to be taken
                        await asyncio.sleep(0.001)
                assert not upstream._connections
                await answer.aclose()
                return answer.ended, body(await rest(answer))

        assert run(send) == (Ended.LEFT, ONE)
    assert left == [True]


@pytest.mark.parametrize("sent", [b"", HEAD], ids=["before the head", "in the body"])
def test_cancelling_closes_the_connection(sent: bytes) -> None:
    """Whether it is the head or the body that is waited for."""
    asked, left = threading.Event(), []

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(sent)
        asked.set()
        left.append(peer.left())

    with serving(behave) as server:

        async def send() -> None:
            async with Upstream(server.url) as upstream:

                async def take() -> None:
                    await rest(await upstream.send(REQUEST, ()))

                task = asyncio.ensure_future(take())
                await asyncio.to_thread(asked.wait, LONG)
                await asyncio.sleep(0.01)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                await asyncio.wait([each.closed for each in upstream._connections])

        run(send)
    assert left == [True]


def test_an_upstream_that_is_closed_interrupts_its_answers() -> None:
    """Whoever iterates is told, and does not wait for ever."""
    with serving(lambda peer: (peer.request(), peer.send(HEAD + chunk(ONE)), peer.left())) as server:

        async def send() -> tuple[Ended | None, bytes]:
            async with Upstream(server.url) as upstream:
                answer = await upstream.send(REQUEST, ())
                await anext(answer)
                waiting = asyncio.ensure_future(rest(answer))
                await asyncio.sleep(0)
                await upstream.aclose()
                answer.end(Ended.LEFT)  # too late
                return answer.ended, body(await waiting)

        assert run(send) == (Ended.INTERRUPTED, b"")


def test_an_upstream_that_is_closed_while_it_connects_ends_that_too() -> None:
    """The connection is not left to itself."""
    with serving(lambda peer: peer.left(), tls=True) as server:

        async def send() -> Ended | None:
            upstream = Upstream(server.url)
            sending = asyncio.ensure_future(upstream.send(REQUEST, ()))
            while not upstream._connections:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0)
            await upstream.aclose()
            return (await sending).ended

        assert run(send) is Ended.REFUSED


# Connections that are kept.


def again(peer: Peer, *answers: bytes) -> None:
    """Answer one request after the other."""
    for each in answers:
        peer.request()
        peer.send(each)
    peer.left()


def ask_twice(
    behave: Callable[[Peer], object], *, tls: bool = False, ca: str = "", is_closed: bool = False
) -> tuple[list[Ended | None], int]:
    """Send two requests, one after the other; return how they ended, and how many connections that took.

    If the upstream closes the first connection, the second request waits for that.
    """
    with serving(behave, tls=tls) as server:

        async def send() -> list[Ended | None]:
            endings = []
            async with Upstream(server.url, ca_file=ca or None) as upstream:
                for _ in range(2):
                    answer = await upstream.send(REQUEST, ())
                    await rest(answer)
                    endings.append(answer.ended)
                    while is_closed and len(endings) == 1 and upstream._connections:  # noqa: ASYNC110 - nobody tells
                        await asyncio.sleep(0.001)
            return endings

        return run(send), server.connections


@pytest.mark.parametrize(
    ("first", "connections"),
    [
        (SIZED + b"hello", 1),
        (HEAD + chunk(ONE) + LAST, 1),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 1),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\ncontent-length: 0\r\n\r\n", 2),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", 2),
        (SIZED + b"hello and more", 2),
        (HEAD + LAST + b"more", 2),
    ],
)
def test_a_connection_is_kept_if_the_answer_allows_it(first: bytes, connections: int, tls: bool, ca: str) -> None:  # noqa: FBT001
    """It is if HTTP says where the answer ended, nothing came after it, and nobody wants it closed."""
    assert ask_twice(lambda peer: again(peer, first, SIZED + b"hello"), tls=tls, ca=ca) == ([Ended.COMPLETE] * 2, connections)


def test_a_connection_on_which_something_comes_unasked_is_not_kept() -> None:
    """What comes between two answers belongs to none."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(SIZED + b"hello")
        may_go_on.wait(0.01)  # it must not come with the answer
        peer.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        peer.left()

    may_go_on = threading.Event()
    assert ask_twice(behave, is_closed=True) == ([Ended.COMPLETE] * 2, 2)


@pytest.mark.parametrize("then", ["fin", "close", "reset"])
def test_a_connection_that_the_upstream_closes_is_not_used_again(then: str, tls: bool, ca: str) -> None:  # noqa: FBT001
    """The next request gets a new one."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(SIZED + b"hello")
        getattr(peer, then)()

    assert ask_twice(behave, tls=tls, ca=ca, is_closed=True) == ([Ended.COMPLETE] * 2, 2)


def test_a_connection_that_was_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stands in between may have forgotten it."""
    monkeypatch.setattr(module, "_IDLE", -1.0)
    assert ask_twice(lambda peer: again(peer, SIZED + b"hello", SIZED + b"hello")) == ([Ended.COMPLETE] * 2, 2)


def test_only_some_connections_are_kept() -> None:
    """After many requests at once, a few connections stay open."""
    together = threading.Barrier(10)

    def behave(peer: Peer) -> None:
        peer.request()
        together.wait(LONG)
        peer.send(SIZED + b"hello")
        peer.left()

    with serving(behave) as server:

        async def send() -> int:
            async with Upstream(server.url) as upstream:
                answers = await asyncio.gather(*(upstream.send(REQUEST, ()) for _ in range(10)))
                for answer in answers:
                    await rest(answer)
                return len(upstream._idle)

        assert run(send) == module._KEPT
        assert server.connections == 10


class Closing:
    """An upstream that answers once on its first connection and closes it when told, without waiting for the client's loop."""

    def __init__(self) -> None:
        self.may_close, self.has_closed = threading.Event(), threading.Event()
        self.count = itertools.count()

    def behave(self, peer: Peer) -> None:
        """Answer."""
        peer.request()
        peer.send(SIZED + b"hello")
        if next(self.count) == 0:
            assert self.may_close.wait(LONG)
            peer.socket.close()
            self.has_closed.set()
        else:
            peer.left()


@pytest.mark.parametrize("size", [2, 5_000_000])
def test_a_request_that_a_closed_connection_ignored_is_sent_again(size: int, tls: bool, ca: str) -> None:  # noqa: FBT001
    """The close had come, but was not read yet: the upstream never saw the request, so the client must not see a failure."""
    closing = Closing()
    request = Request(body=b"x" * size)
    with serving(closing.behave, tls=tls) as server:

        async def send() -> tuple[Ended | None, bytes]:
            async with Upstream(server.url, ca_file=ca) as upstream:
                await rest(await upstream.send(REQUEST, ()))
                closing.may_close.set()
                closing.has_closed.wait(LONG)  # in the loop's thread: it cannot see the close
                answer = await upstream.send(request, ())
                return answer.ended or Ended.UNKNOWN, body(await rest(answer))

        assert run(send) == (Ended.COMPLETE, b"hello")
        assert server.connections == 2
        assert len(server.requests) == 2
        assert server.requests[1].endswith(request.body)


@pytest.mark.parametrize(("then", "ended"), [("fin", Ended.FIN), ("close", Ended.FIN), ("reset", Ended.RESET)])
def test_a_request_that_was_seen_is_not_sent_again(then: str, ended: Ended, tls: bool, ca: str) -> None:  # noqa: FBT001
    """An upstream that takes a request on a kept connection and ends that has answered: a recording must show it."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(SIZED + b"hello")
        peer.request()
        getattr(peer, then)()

    assert ask_twice(behave, tls=tls, ca=ca) == ([Ended.COMPLETE, ended], 1)


# Upstreams of TLS, and proxies.


def test_plain_http_goes_through_a_proxy_as_a_whole_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy reads the URL and its password; what the client says to its own proxy is not for it."""
    with serving(CASES["a sized body"].behave) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://user:secret@127.0.0.1:{proxy.port}")

        async def send() -> tuple[Ended | None, bytes]:
            async with Upstream("http://upstream.example/prefix") as upstream:
                answer = await upstream.send(REQUEST, (("proxy-authorization", "Basic mine"), ("x-one", "1")))
                return answer.ended or Ended.UNKNOWN, body(await rest(answer))

        run(send)
    (request,) = proxy.requests
    assert request == (
        b"POST http://upstream.example/prefix/v1/messages HTTP/1.1\r\nhost: upstream.example\r\nx-one: 1\r\n"
        b"proxy-authorization: Basic dXNlcjpzZWNyZXQ=\r\ncontent-length: 2\r\n\r\n{}"
    )


def test_nothing_is_raised_if_there_is_no_connection() -> None:
    """The answer says that it was refused."""

    async def send() -> Answer:
        async with Upstream("http://127.0.0.1:1") as upstream:
            answer = await upstream.send(REQUEST, ())
            assert await rest(answer) == []
            await answer.aclose()
            return answer

    answer = run(send)
    assert (answer.head, answer.received, answer.ended) == (None, None, Ended.REFUSED)
    assert answer.problem == "nothing listens at http://127.0.0.1:1; is it running, and is the port right?"


def test_silence_in_the_handshake_is_bounded_by_the_timeout() -> None:
    """A port that is open but says nothing is no upstream of TLS."""
    with serving(lambda peer: peer.left()) as server:
        url = server.url.replace("http:", "https:")

        async def send() -> Answer:
            async with Upstream(url, timeout=SHORT) as upstream:
                return await upstream.send(REQUEST, ())

        answer = run(send)
    assert (answer.ended, answer.problem) == (Ended.TIMEOUT, f"{url} could not be connected to within {SHORT} s")


def test_an_upstream_that_wants_a_certificate_refuses(ca: str) -> None:
    """In TLS 1.3 it says so only when the handshake seems to be over."""
    context = tls_server()
    context.verify_mode = ssl.CERT_REQUIRED
    trustme.CA().configure_trust(context)
    asked = ask(CASES["a sized body"].behave, tls=context, ca=ca)
    assert (asked.outcome, asked.server.requests) == ((Ended.REFUSED, b""), [])
    assert asked.answer.problem.startswith(f"{asked.server.url} broke the connection before it answered: ")
    assert "CERTIFICATE_REQUIRED" in asked.answer.problem


def test_garbage_in_tls_breaks_the_answer(ca: str) -> None:
    """What came before it is kept."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(HEAD + chunk(b"abc"))
        os.write(peer.socket.fileno(), b"\x17\x03\x03\0\x05hello")
        peer.left()

    asked = ask(behave, tls=True, ca=ca)
    assert asked.outcome == (Ended.RESET, b"abc")
    assert asked.answer.problem.startswith(f"{asked.server.url} broke the connection in the middle of its answer: ")
