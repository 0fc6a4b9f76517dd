"""The server on real sockets: what it answers, what its journal says, and that nobody holds up anybody else."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import queue
import socket
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest
from raw_client import MESSAGE, WATCH, RawClient, request

from streamlab._version import __version__
from streamlab.core.authoring import as_reply, error, http, text, tool_use
from streamlab.core.blocks import Block
from streamlab.core.exchange import Request
from streamlab.core.faults import Comment, Cut, Stall
from streamlab.core.journal import Call, Journal
from streamlab.core.matching import Text, When
from streamlab.core.pacing import Pace
from streamlab.core.places import Place
from streamlab.core.plan import Plan
from streamlab.core.replies import Reply, Rule, Settings
from streamlab.core.sources import Recorded
from streamlab.core.sse import Frame, Split
from streamlab.errors import ServerError
from streamlab.net.background import Background
from streamlab.net.server import MAX_REQUEST, MockServer, Namespace

if TYPE_CHECKING:
    from aiohttp import web

PAGE = "http://page.example"


class _JumpingClock:
    """A clock for which no wait takes any time."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    async def sleep_until(self, moment: float) -> None:
        self.time = max(self.time, moment)
        await asyncio.sleep(0)


class Served:
    """A running server with one namespace at its root; `ended` gets each call when it has ended."""

    def __init__(self, *replies: Reply, settings: Settings | None = None, clock: _JumpingClock | None = None) -> None:
        rules = tuple(Rule(name=f"rule {number}", replies=(each,), repeats=False) for number, each in enumerate(replies, 1))
        self.namespace = Namespace(rules=rules, settings=settings or Settings())
        self.ended: queue.Queue[Call] = queue.Queue()
        self.server = MockServer(self.namespace, clock=clock, on_end=self.ended.put)
        self.background = Background(self.server)
        self.url = self.background.start("127.0.0.1", 0)

    @property
    def journal(self) -> Journal:
        """The calls that came."""
        return self.namespace.journal

    def over(self) -> Call:
        """Wait until a call has ended, and return it."""
        return self.ended.get(timeout=10)


@contextmanager
def served(*replies: Reply, settings: Settings | None = None, clock: _JumpingClock | None = None) -> Iterator[Served]:
    """Run a server that gives each reply as often as it says, in turn."""
    running = Served(*replies, settings=settings, clock=clock)
    try:
        yield running
    finally:
        running.background.stop()


HELLO = as_reply("Hello there, client.", times=1000)


# What is answered


def test_health_is_told_and_is_no_call() -> None:
    """Whoever waits for the server can ask; that is in no journal, and not told either."""
    with served() as running, RawClient(running.url) as client:
        answered = client.ask(request("/_streamlab/health", method="GET", headers={"origin": PAGE}))
        assert answered.json == {"status": "ok", "version": __version__}
        assert answered.headers["content-type"] == "application/json"
        assert answered.headers["access-control-allow-origin"] == "*"
        assert "date" in answered.headers
        assert len(running.journal) == 0
        assert running.ended.empty()


def test_a_preflight_is_answered_whatever_the_rules() -> None:
    """A browser that asks whether it may send a request is told that it may, with the headers that it named."""
    asked = {"origin": PAGE, "access-control-request-method": "POST", "access-control-request-headers": "x-api-key, x-other"}
    with served() as running, RawClient(running.url) as client:
        answered = client.ask(request(method="OPTIONS", headers=dict(asked)))
        assert answered.status == 204
        assert answered.headers["access-control-allow-origin"] == "*"
        assert "POST" in answered.headers["access-control-allow-methods"]
        assert answered.headers["access-control-allow-headers"] == "x-api-key, x-other"
        assert running.journal.problems == ()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({}, 200),
        ({"path": "/v1/messages/count_tokens"}, 200),
        ({"body": b"{}"}, 400),
        ({"path": "/v1/none"}, 404),
    ],
)
def test_a_page_of_another_origin_may_read_every_answer(data: dict[str, Any], status: int) -> None:
    """Answers to a page carry the CORS headers, errors too; answers to others do not."""
    with served(HELLO) as running, RawClient(running.url) as client:
        to_page = client.ask(request(**data, headers={"origin": PAGE}))
        to_other = client.ask(request(**data))
    assert (to_page.status, to_other.status) == (status, status)
    assert to_page.headers["access-control-allow-origin"] == "*"
    assert "access-control-expose-headers" in to_page.headers
    assert not [name for name in to_other.headers if name.startswith("access-control")]


def test_namespaces_have_rules_journals_and_counts_of_their_own() -> None:
    """A prefix of the path chooses a namespace; what follows it is the path of the request."""
    with served(as_reply("from the root.", times=9)) as running:
        for name in ("~1", "~two.2-b_"):
            rule = Rule(name="own", replies=(as_reply(f"from {name}.", times=9),), repeats=False)
            running.server.namespaces[name] = Namespace(rules=(rule,))
        with RawClient(running.url) as client:
            for path, said in (
                ("/~1/v1/messages?beta=true", b"~1"),
                ("/~two.2-b_/v1/messages", b"~two"),
                ("/v1/messages", b"root"),
            ):
                assert said in client.ask(request(path)).body
            assert client.ask(request("/~1", method="GET")).status == 200
        journals = {name: [call.request.path for call in each.journal] for name, each in running.server.namespaces.items()}
        assert journals == {"": ["/v1/messages"], "~1": ["/v1/messages", "/"], "~two.2-b_": ["/v1/messages"]}
        assert running.server.namespaces["~1"].journal[0].request.query == "beta=true"


def test_what_is_asked_of_a_namespace_that_is_not_there_is_nobodys() -> None:
    """The client is told so and does not ask again; the root has nothing of it, since others may use that."""
    with served(HELLO) as running, RawClient(running.url) as client:
        answered = client.ask(request("/~9/v1/messages"))
        assert (answered.status, answered.headers["x-should-retry"]) == (404, "false")
        assert answered.json["error"]["message"] == "streamlab: there is no namespace '~9'"
        assert list(running.journal) == []
        (call,) = running.server.nowhere.journal
        assert (call.request.path, call.problem) == ("/~9/v1/messages", "there is no namespace '~9'")


def test_what_the_api_refuses_is_refused_unless_told_otherwise() -> None:
    """A request without a model is a 400, and no problem of the test; without validation it is answered."""
    with served(HELLO) as running, RawClient(running.url) as client:
        assert client.ask(request(body={"max_tokens": 1, "messages": []})).status == 400
        assert running.journal.problems == ()
    with served(HELLO, settings=Settings(validate=False)) as running, RawClient(running.url) as client:
        assert client.ask(request(body=b"no JSON at all")).status == 200


def test_many_clients_get_each_its_own_answer() -> None:
    """Requests that are under way at once are kept apart."""

    def echo(asked: Request) -> str:
        return f"you said {asked.last_user}."

    with served(as_reply(echo, times=50)) as running:
        clients = [RawClient(running.url) for _ in range(50)]
        for number, client in enumerate(clients):
            client.socket.sendall(request(body={**MESSAGE, "messages": [{"role": "user", "content": f"number-{number}"}]}))
        for number, client in enumerate(clients):
            body = client.answer().body
            said = "".join(
                json.loads(line[6:])["delta"]["text"] for line in body.decode().split("\n") if '"text_delta"' in line
            )
            assert said == f"you said number-{number}."
            client.socket.close()


@pytest.mark.parametrize(
    ("data", "status", "kind"),
    [
        (request(body=b"", headers={"content-length": str(MAX_REQUEST + 1)}), 413, "request_too_large"),
        (request(body=bytes(MAX_REQUEST + 1), is_chunked=True), 413, "request_too_large"),
        (request(body=b"no gzip", headers={"content-encoding": "gzip", "origin": PAGE}), 400, "invalid_request_error"),
    ],
)
def test_a_body_that_cannot_be_had_is_refused(data: bytes, status: int, kind: str) -> None:
    """A body too large, or one that is not encoded as it says, gets the API's own error, and is no problem of the test."""
    with served(HELLO) as running, RawClient(running.url) as client:
        answered = client.ask(data)
        assert (answered.status, answered.json["error"]["type"]) == (status, kind)
        assert ("access-control-allow-origin" in answered.headers) == (b"origin" in data)
        assert answered.headers["connection"] == ("close" if b"gzip" in data else "keep-alive")
        assert [(call.status, call.problem) for call in running.journal] == [(status, None)]


def test_a_client_that_asks_first_is_told_to_go_on() -> None:
    """A body that is announced with `Expect: 100-continue` is asked for."""
    head, _, body = request(headers={"expect": "100-Continue"}).partition(b"\r\n\r\n")
    with served(HELLO) as running, RawClient(running.url) as client:
        client.socket.sendall(head + b"\r\n\r\n")
        assert client.answer().raw == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.socket.sendall(body)
        assert client.answer().ending == "complete"


# What the journal says


def test_the_journal_tells_what_was_sent_and_when() -> None:
    """Each write with its time after the request, its bytes, and the events that it completes."""
    stalled = as_reply("One two three.", faults=[Stall("30s", after="delta 1"), Stall("30s", after="delta 2")])
    with served(stalled, clock=_JumpingClock()) as running, RawClient(running.url) as client:
        answered = client.ask()
        call = running.journal.only
        assert [(each.at, each.events) for each in call.sent] == [(0.0, 3), (30.0, 1), (60.0, 4)]
        assert sum(each.size for each in call.sent) == len(answered.raw) == call.bytes_sent


def test_the_journal_tells_which_connections_were_reused() -> None:
    """The first request on each is the only one that is not."""
    with served(HELLO) as running:
        with RawClient(running.url) as client:
            for _ in range(3):
                client.ask()
        with RawClient(running.url) as client:
            client.ask()
        assert [call.reused for call in running.journal] == [False, True, True, False]


@pytest.mark.skipif(sys.platform != "linux", reason="only this kernel tells what was acknowledged")
@pytest.mark.parametrize("reused", [False, True])
def test_the_journal_tells_what_reached_a_client_that_left(*, reused: bool) -> None:
    """Of what was sent, the events that its machine had taken whole, though there are 13 in a write."""
    large = as_reply({"text": ["word" * 5_000] * 400}, faults=[Stall("forever", before="message_stop")])
    with served(as_reply("Before."), large) as running:
        client = RawClient(running.url)
        if reused:
            client.ask()
            running.over()
        else:
            with RawClient(running.url) as other:
                other.ask()
                running.over()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        client.socket.sendall(request())
        read = 0
        while read < 300_000:
            read += len(client.socket.recv(65536))
        client.socket.close()
        call = running.over()
        assert (call.ended, call.ended_by, call.reused) == ("left", "client", reused)
        assert read // 20_200 <= call.events_delivered < call.events_sent <= 404
        assert call.cancelled_after == call.events_sent


def test_scripts_go_by_the_clock_of_their_namespace() -> None:
    """Health is asked for and answered while the clock is held, and leaves nothing behind on it."""
    with served(as_reply("Hello there.", faults=[Stall("60s", before="headers")])) as running, RawClient(running.url) as client:
        running.namespace.clock.hold()
        client.socket.sendall(request())
        running.namespace.clock.wait_until_parked()
        with RawClient(running.url) as other:
            assert other.ask(request("/_streamlab/health", method="GET")).status == 200
        running.namespace.clock.advance(60)
        assert client.answer().status == 200
        assert running.journal.only.duration == 60.0
        assert list(running.namespace.clock._time.parking) == []


@pytest.mark.parametrize(
    ("reply", "ended"),
    [
        (as_reply("Hello there."), "complete"),
        (as_reply("Hello there.", faults=[Cut("end", after="delta 1")]), "end"),
        (as_reply("Hello there.", faults=[Cut("fin", after="delta 1")]), "fin"),
        (as_reply("Hello there.", faults=[Cut("reset", after="delta 1")]), "reset"),
        (as_reply(error("overloaded")), "complete"),
        (as_reply(http(204)), "complete"),
    ],
)
def test_a_call_is_whole_as_soon_as_its_client_has_read_all(reply: Reply, ended: str) -> None:
    """In a client's own thread the journal is right the moment that the last byte is read, every time."""
    count = 200 if ended == "complete" else 50
    with served(as_reply(reply, times=count)) as running:
        client = RawClient(running.url)
        for number in range(1, count + 1):
            answered = client.ask()
            assert len(running.journal) == number
            call = running.journal[-1]
            assert (call.ended, call.ended_by) == (ended, "server")
            assert call.bytes_sent == len(answered.raw)
            assert call.events_sent == answered.body.count(b"event: ") - answered.body.count(b"event: ping")
            assert call.duration is not None
            if ended in ("fin", "reset"):
                client.socket.close()
                client = RawClient(running.url)
        client.socket.close()


def test_a_call_that_goes_on_is_running() -> None:
    """While an answer goes out the call has no ending; what was sent so far is counted."""
    with served(as_reply("Hello there.", faults=[Stall(after="delta 1")])) as running, RawClient(running.url) as client:
        client.socket.sendall(request())
        answered = client.answer(watch=WATCH)
        (call,) = running.journal
        assert (call.ended, call.ended_by, call.duration) == (None, None, None)
        assert (call.events_sent, call.bytes_sent) == (3, len(answered.raw))
        assert running.journal.running == (call,)


def test_a_client_that_leaves_is_told_from_our_own_endings() -> None:
    """A socket that is closed in mid-stream is the client's leaving, at what had been sent by then."""
    with served(as_reply("Hello there.", faults=[Stall(after="delta 1")], times=2)) as running:
        for linger in (False, True):
            client = RawClient(running.url)
            client.socket.sendall(request())
            client.receive(500)
            if linger:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # the close is a reset
            client.socket.close()
            call = running.over()
            assert (call.ended, call.ended_by, call.events_sent) == ("left", "client", 3)
            assert call == running.journal[-1]


def test_a_client_that_leaves_a_long_answer_unread_has_left() -> None:
    """A client that goes while the server waits for it to read is one that left."""
    with served(as_reply([text(["x" * 4096] * 2000)])) as running:
        client = RawClient(running.url, receive_buffer=16 * 1024)
        client.socket.sendall(request())
        client.receive(1)
        client.socket.close()
        call = running.over()
        assert (call.ended, call.ended_by) == ("left", "client")
        assert 0 < call.events_sent < 2000


def test_a_client_that_is_gone_when_its_answer_comes_has_left() -> None:
    """Once a write has failed, nothing more is written, and nothing more counts as sent."""
    clients: list[RawClient] = []

    def leave(asked: Request) -> list[Block]:
        clients[0].socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        clients[0].socket.close()
        return [text([str(asked.model) * 1000] * 100)]

    with served(as_reply(leave)) as running:
        clients.append(RawClient(running.url))
        clients[0].socket.sendall(request())
        call = running.over()
        assert (call.ended, call.ended_by) == ("left", "client")
        assert 0 < call.events_sent < 50


def test_an_ending_that_was_told_is_not_taken_back() -> None:
    """A client that leaves while a reset waits for it to read does not change how the answer ended."""
    reply = as_reply([text(["x" * 2000] * 80)], faults=[Cut("reset", after="delta 79")])
    with served(reply) as running:
        client = RawClient(running.url, receive_buffer=4 * 1024)
        client.socket.sendall(request())
        client.receive(1)
        client.socket.close()
        call = running.over()
        assert (call.ended, call.ended_by) == ("reset", "server")


def test_a_server_that_stops_ends_what_goes_on() -> None:
    """The calls that were under way were left by the server."""
    with served(as_reply("Hello there.", faults=[Stall(after="delta 1")])) as running:
        client = RawClient(running.url)
        client.socket.sendall(request())
        client.receive(500)
        running.background.stop()
        call = running.over()
        assert (call.ended, call.ended_by) == ("left", "server")
        assert client.answer().ending in ("fin", "reset")
        client.socket.close()


def test_the_journal_says_what_was_asked_and_by_which_rule() -> None:
    """A call names its rule, its status and its attempt; its request is as it came, but for the secrets."""
    with served(as_reply(error(529)), HELLO) as running, RawClient(running.url) as client:
        client.ask(request("/v1/messages?beta=true", headers={"x-api-key": "sk-ant-0123456789", "x-mine": "1"}))
        client.ask(request(headers={"x-stainless-retry-count": "2"}))
        client.ask(request("/v1/messages/count_tokens"))
        first, second, third = running.journal
    assert [(call.number, call.rule, call.status, call.attempt) for call in (first, second, third)] == [
        (1, "rule 1", 529, 1),
        (2, "rule 2", 200, 3),
        (3, None, 200, 1),
    ]
    assert (first.request.method, first.request.path, first.request.query) == ("POST", "/v1/messages", "beta=true")
    assert first.request.header("x-mine") == "1"
    assert "sk-ant" not in repr(first.request)
    assert first.request.data == MESSAGE


def test_what_nothing_matches_is_a_problem_that_no_client_retries() -> None:
    """The answer is an error of the API's shape, and says how the nearest rule differs."""
    with served() as running, RawClient(running.url) as client:
        answered = client.ask()
        assert (answered.status, answered.headers["x-should-retry"]) == (404, "false")
        assert answered.json["error"]["type"] == "not_found_error"
        problem = "no rule matches this request: there are no rules"
        assert answered.json["error"]["message"] == f"streamlab: {problem}"
        assert running.journal.problems == (problem,)


def test_a_reply_that_raises_is_a_problem_that_no_client_retries() -> None:
    """A function that raises gives an error that says what and where; the server goes on."""

    def broken(asked: Request) -> str:
        raise LookupError(f"nothing for {asked.model}")

    with served(as_reply(broken), as_reply("Fine.", times=5)) as running, RawClient(running.url) as client:
        answered = client.ask()
        assert (answered.status, answered.ending) == (500, "complete")
        assert answered.headers["x-should-retry"] == "false"
        (problem,) = running.journal.problems
        assert "LookupError: nothing for claude-sonnet-4-6" in problem
        assert answered.json["error"]["message"] == f"streamlab: {problem}"


class _Broken(Text):
    """A condition with a bug in it."""

    def matches(self, value: str) -> bool:
        """Fail."""
        raise RuntimeError(f"no opinion about {value!r}")


def test_a_bug_in_finding_an_answer_is_a_problem_and_no_hung_client(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong, the client gets an error and the test fails of it; where it went wrong is logged."""
    with served() as running, RawClient(running.url) as client:
        running.namespace.rules = (Rule(name="broken", replies=(HELLO,), when=When(model=_Broken("equals", ""))),)
        answered = client.ask(request(headers={"origin": PAGE}))
        assert (answered.status, answered.headers["x-should-retry"]) == (500, "false")
        assert answered.headers["access-control-allow-origin"] == "*"
        problem = "this request cannot be answered: RuntimeError: no opinion about 'claude-sonnet-4-6'"
        assert running.journal.problems == (problem,)
        assert answered.json["error"]["message"] == f"streamlab: {problem}"
        assert [record.name for record in caplog.records] == ["streamlab.server"]
        assert "in matches" in caplog.text
        running.namespace.rules = ()
        assert client.ask(request("/", method="GET")).status == 200


def test_a_fault_without_its_place_is_a_problem() -> None:
    """When the place of a fault is not in the answer, the client gets an error that says so."""
    with served(as_reply("Hello.", faults=[Cut("fin", after="delta 99")])) as running, RawClient(running.url) as client:
        answered = client.ask()
        assert answered.status == 500
        assert len(running.journal.problems) == 1
        assert "delta 99" in running.journal.problems[0]


@pytest.mark.parametrize("name", ["x-streamlab-fault", "X-Streamlab-Fault"])
def test_a_request_orders_faults_for_its_own_answer(name: str) -> None:
    """So that a test in any language can; the next request has none."""
    with served(HELLO) as running:
        with RawClient(running.url) as client:
            answered = client.ask(request(headers={name: "cut: reset, after: delta 1"}))
        assert (answered.ending, answered.body.count(b"text_delta")) == ("reset", 1)
        with RawClient(running.url) as client:
            assert client.ask().ending == "complete"
        assert [call.ended for call in running.journal] == ["reset", "complete"]
        assert running.journal.problems == ()


def test_faults_that_are_ordered_come_after_all_others() -> None:
    """Those of the reply first, then those of the server, then those of the request, in the order written."""
    reply = as_reply("Hello there, client.", faults=[Comment("reply", at="end")], times=9)
    settings = Settings(faults=(Comment("server", at="end"),))
    ordered = "[{comment: one, at: end}, {comment: two, at: end}]"
    data = request(headers={"x-streamlab-fault": ordered, "X-STREAMLAB-FAULT": "comment: three, at: end"})
    with served(reply, settings=settings) as running, RawClient(running.url) as client:
        body = client.ask(data).body
        assert body.endswith(b": reply\n\n: server\n\n: one\n\n: two\n\n: three\n\n")
        assert client.ask().body.endswith(b": reply\n\n: server\n\n")


def test_a_fault_may_be_ordered_for_json() -> None:
    """As the header of the answer, or as bytes of its body."""
    data = request(body={**MESSAGE, "stream": False}, headers={"x-streamlab-fault": "[{retry_after: 2s}, {raw: x, at: end}]"})
    with served(HELLO) as running, RawClient(running.url) as client:
        answered = client.ask(data)
        assert answered.headers["retry-after"] == "2"
        assert answered.body.endswith(b"}x")
        assert answered.ending == "complete"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("cutt: fin, at: end", "x-streamlab-fault:1: cutt: there is no fault 'cutt'\n  hint: did you mean 'cut'? "),
        ("cut: fin, at: delta 99", "x-streamlab-fault.0.at: the answer has no place 'delta 99'\n  hint: the answer has: "),
        ("{cut: fin", "x-streamlab-fault:"),
        ("", "x-streamlab-fault:1: a fault is expected, and this is empty"),
        ("[]", "x-streamlab-fault:1: 0: a fault is expected, and this is empty"),
        (
            "[{cut: fin, at: end}, {cut: fin, at: end}]",
            "x-streamlab-fault.1: the answer ends here already (fin)",
        ),
    ],
)
def test_an_order_that_cannot_be_read_is_a_problem_and_no_silent_pass(
    text: str, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The client is told in an error that it does not send again, the journal has it, and the next request is answered."""
    with served(HELLO) as running, RawClient(running.url) as client:
        answered = client.ask(request(headers={"x-streamlab-fault": text}))
        assert (answered.status, answered.headers["x-should-retry"]) == (500, "false")
        (told,) = running.journal.problems
        assert told.startswith(problem)
        assert answered.json["error"]["message"] == f"streamlab: {told}"
        assert client.ask().status == 200
    assert caplog.records == []


class Torn:
    """A fault of somebody else's that makes a frame which cannot be sent."""

    name: ClassVar[str] = "torn"

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return it with splits that are none."""
        del rng
        splits = cast("tuple[Split, ...]", ("torn",))
        return replace(plan, frames=(replace(plan.frames[0], splits=splits), *plan.frames[1:]))

    def places(self, plan: Plan) -> Iterator[Place]:
        """Yield none."""
        del plan
        return iter(())


def test_an_answer_that_cannot_be_sent_is_a_problem_of_its_call(caplog: pytest.LogCaptureFixture) -> None:
    """Its client is told nothing that it could take for an answer, and the next request is answered."""
    with served(replace(HELLO, times=1, faults=(Torn(),)), as_reply("Well.")) as running:
        with RawClient(running.url) as client:
            client.socket.sendall(request())
            assert client.rest() == (b"", "reset")
        (told,) = running.journal.problems
        assert told.startswith("this answer cannot be sent: AttributeError: ")
        with RawClient(running.url) as client:
            assert client.ask().ending == "complete"
    assert caplog.records == []


def test_whoever_is_told_cannot_spoil_an_answer() -> None:
    """When telling of a call fails, its client still gets its answer whole, and the next one too."""

    def tell(call: Call) -> None:
        raise OSError(f"cannot tell of {call!r}")

    background = Background(MockServer(Namespace(rules=(Rule(name="hello", replies=(HELLO,)),)), on_end=tell))
    url = background.start("127.0.0.1", 0)
    try:
        with RawClient(url) as client:
            for _ in range(3):
                assert client.ask().ending == "complete"
            assert client.rest(watch=0.01) == (b"", "open")
    finally:
        background.stop()


def test_the_state_can_be_forgotten() -> None:
    """After a reset the replies begin anew, and the journal is empty."""
    with served(as_reply("Once.")) as running, RawClient(running.url) as client:
        assert [client.ask().status for _ in range(2)] == [200, 404]
        running.namespace.reset()
        assert len(running.journal) == 0
        assert client.ask().status == 200
        assert [call.number for call in running.journal] == [1]


# Time


def test_a_stall_of_a_minute_takes_no_time_on_another_clock() -> None:
    """All waiting goes by the clock that the server is given, and so do the times in the journal."""
    reply = as_reply("Hello there.", faults=[Stall("60s", after="delta 1")])
    with served(reply, clock=_JumpingClock()) as running, RawClient(running.url) as client:
        assert client.ask().ending == "complete"
        assert running.journal[0].duration == pytest.approx(60.0)


def test_a_pace_without_another_holds_for_every_reply() -> None:
    """The namespace's pace is that of replies that have none of their own."""
    settings = Settings(pace=Pace(first=10.0, rate=1.0))
    replies = (as_reply([text(["a", "b", "c"])]), as_reply("Now.", pace="instant"))
    with served(*replies, settings=settings, clock=_JumpingClock()) as running, RawClient(running.url) as client:
        frames = len(client.ask().chunks)
        client.ask()
        paced, instant = running.journal
        assert paced.duration == pytest.approx(10.0 + frames - 1)
        assert instant.duration == 0.0


# Slow clients


def test_a_client_that_does_not_read_makes_the_server_hold_little_and_holds_up_nobody() -> None:
    """Of an answer of 50 MB only a small part waits in memory; others are answered meanwhile, and it can still be read."""
    frames = tuple(Frame(b'event: x\ndata: {"type":"x","pad":"%b"}\n\n' % (b"x" * 10_000)) for _ in range(5_000))
    size = sum(len(frame.raw) for frame in frames)
    with served(Reply(source=Recorded(frames)), HELLO) as running, RawClient(running.url, receive_buffer=16 * 1024) as slow:
        tracemalloc.start()
        try:
            slow.socket.sendall(request())
            slow.receive(1)
            with RawClient(running.url) as other:
                for _ in range(20):
                    assert other.ask().ending == "complete"
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 20_000_000  # what was sent has been parsed, too
        assert running.server._web is not None
        waiting = [each.transport.get_write_buffer_size() for each in running.server._web.connections if each.transport]
        assert max(waiting) < 1_000_000
        assert running.journal[0].bytes_sent < 10_000_000
        answered = slow.answer()
        assert (len(answered.body), answered.ending) == (size, "complete")


# Starting and stopping


@pytest.mark.skipif(not socket.has_ipv6, reason="Python was built without IPv6")
def test_an_ipv6_address_is_written_in_brackets() -> None:
    """The URL of an IPv6 address can be used as it is."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as problem:
        pytest.skip(f"this machine has no IPv6 loopback: {problem}")
    background = Background(MockServer(Namespace(rules=(Rule(name="hello", replies=(HELLO,)),))))
    url = background.start("::1", 0)
    try:
        assert url.startswith("http://[::1]:")
        with RawClient(url) as client:
            assert client.ask().status == 200
    finally:
        background.stop()


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("127.0.0.1", None, "port {port} on 127.0.0.1 is in use\n  hint: choose another port, or 0 for any that is free"),
        ("192.0.2.1", 0, "cannot listen on 192.0.2.1:0: this machine has no such address"),
        ("127.0.0.1", 70_000, "cannot listen on 127.0.0.1:70000: "),
        ("no such host", 0, "cannot listen on no such host:0: "),
        ("a" * 70, 0, f"cannot listen on {'a' * 70}:0: "),
    ],
)
def test_an_address_that_cannot_be_had_is_said_clearly(host: str, port: int | None, message: str) -> None:
    """The error says what could not be done and why, in one line and perhaps a hint."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1] if port is None else port
        with pytest.raises(ServerError) as raised:
            asyncio.run(MockServer(Namespace()).start(host, port))
    assert str(raised.value).startswith(message.format(port=port))
    assert len(str(raised.value)) < 200
    assert "\n" not in str(raised.value).replace("\n  hint: ", " ")


def test_a_socket_that_is_bound_can_be_given() -> None:
    """The URL is that of the socket."""

    async def run(reserved: socket.socket) -> str:
        server = MockServer(Namespace())
        url = await server.start(sock=reserved)
        await server.stop()
        return url

    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        expected = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        assert asyncio.run(run(reserved)) == expected


def test_connections_that_come_while_it_stops_are_closed_too() -> None:
    """Nobody who has just connected is left waiting, and no socket stays open."""
    for _ in range(20):
        running = Served(HELLO)
        clients = [RawClient(running.url) for _ in range(3)]

        def connect(url: str = running.url, clients: list[RawClient] = clients) -> None:
            with contextlib.suppress(ConnectionError):
                while len(clients) < 100:  # the kernel forgets those that do not fit into its queue, and tells nobody
                    clients.append(RawClient(url))

        connecting = threading.Thread(target=connect)
        connecting.start()
        running.background.stop()
        connecting.join()
        for client in clients:
            ending = client.rest(watch=1.0)[1]
            if ending == "open":  # the kernel dropped the end of its handshake, and says so when something is sent
                client.socket.sendall(b"x")
                ending = client.rest()[1]
            assert ending in ("fin", "reset")
            client.socket.close()
    gc.collect()  # a socket that is still open then is a warning, and a warning is an error


def test_a_request_of_a_client_that_is_gone_is_no_call() -> None:
    """When its connection is lost before it is looked at, there is nothing to answer."""
    namespace = Namespace()
    answer = asyncio.run(MockServer(namespace)._handle(cast("web.BaseRequest", SimpleNamespace(transport=None, protocol=None))))
    assert answer.keep_alive is False
    assert len(namespace.journal) == 0


def test_stopping_what_has_not_started_does_nothing() -> None:
    """A stop is safe at any time."""
    asyncio.run(MockServer(Namespace()).stop())


def test_a_server_can_run_in_the_loop_of_its_client() -> None:
    """It needs no thread of its own: everything it does is asynchronous, and after its stop nothing is left."""

    async def run() -> tuple[bytes, int]:
        server = MockServer(Namespace(rules=(Rule(name="hello", replies=(as_reply(tool_use("look", at="me")),)),)))
        port = int((await server.start()).rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request())
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"0\r\n\r\n")
        await server.stop()
        writer.close()
        return head, len(asyncio.all_tasks())

    head, tasks = asyncio.run(run())
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert tasks == 1
