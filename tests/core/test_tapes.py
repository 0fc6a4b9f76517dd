"""Tests of tapes: what was recorded is what is sent, each exchange in its turn, and a miss says what was nearest."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from asking import ask, body_of, posted, types_of

from streamlab.core.authoring import message
from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.faults import parse_fault
from streamlab.core.identity import generator
from streamlab.core.pacing import Pace
from streamlab.core.plan import EVENT_STREAM, JSON, Ending, Head, Headers, Plan
from streamlab.core.replies import Answer, Reply, Rule, Settings, State, answer
from streamlab.core.sources import Content
from streamlab.core.sse import Frame
from streamlab.core.tapes import Exchanges, Matching, Repeat, Tape, plan_of, replies_of
from streamlab.errors import ScenarioError

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
STREAM = Head(200, (("content-type", EVENT_STREAM), ("request-id", "req_1")))
WHOLE = message("Hello there.").plan(ask(), generator(0)).body
READS = (Read(PING[:7], 0.5), Read(PING[7:] + PING, 0.75))
FRAMES = plan_of(Exchange(request=ask(), head=STREAM, reads=READS)).frames


def exchange(text: str = "Hi", *reads: bytes, head: Head = STREAM, request: Request | None = None, **changes: Any) -> Exchange:
    """Return an exchange in which this was asked and answered."""
    answered = tuple(Read(each, number / 10) for number, each in enumerate(reads or (PING,)))
    return Exchange(request=request or ask(text), head=head, reads=answered, **changes)


def tape(*exchanges: Exchange, name: str = "tape", repeat: Repeat = "last", matching: Matching | None = None) -> Tape:
    """Return a tape of these exchanges."""
    return Tape(name, [each.request for each in exchanges], exchanges.__getitem__, matching or Matching(), repeat)


def asked(rules: Sequence[Rule | Tape], *requests: Request, settings: Settings | None = None) -> list[Answer]:
    """Return the answers to requests that come one after the other."""
    state, found = State(), []
    for request in requests:
        one, state = answer(request, rules, state, settings or Settings())
        found.append(one)
    return found


def bodies(rules: Sequence[Rule | Tape], *requests: Request) -> list[bytes]:
    """Return what is answered; the problem if there is one."""
    return [each.problem.encode() if each.problem else each.plan.body for each in asked(rules, *requests)]


ENDINGS = {
    Ended.COMPLETE: Ending.COMPLETE,
    Ended.END: Ending.COMPLETE,
    Ended.UNKNOWN: Ending.COMPLETE,
    Ended.FIN: Ending.FIN,
    Ended.TIMEOUT: Ending.FIN,
    Ended.REFUSED: Ending.FIN,
    Ended.RESET: Ending.RESET,
    Ended.CORRUPT: Ending.CORRUPT,
    Ended.LEFT: Ending.HANG,
    Ended.INTERRUPTED: Ending.HANG,
}


@pytest.mark.parametrize("ended", Ended)
def test_every_ending_is_sent_again(ended: Ended) -> None:
    """What the client saw of it; where nobody saw the end, the answer hangs."""
    plan = plan_of(Exchange(request=ask(), head=STREAM, reads=READS, ended=ended))
    trailing = b"XYZ\r\n" if ended is Ended.CORRUPT else b""
    assert plan == Plan(STREAM, FRAMES, ENDINGS[ended], trailing=trailing)


@pytest.mark.parametrize("ended", Ended)
def test_without_a_head_the_connection_ends(ended: Ended) -> None:
    """By a reset if it was one, after nothing if the client left, else by closing it; after the time that it took."""
    plan = plan_of(Exchange(request=ask(), head=None, ended=ended, ended_at=1.5))
    ending = {Ended.RESET: Ending.RESET, Ended.LEFT: Ending.HANG, Ended.INTERRUPTED: Ending.HANG}.get(ended, Ending.FIN)
    assert plan == Plan(Head(is_sent=False, recorded=1.5), ending=ending)


def test_times_are_those_of_the_recording() -> None:
    """The head's, counted from the request; each read's; that of the ending, after which there is nothing."""
    plan = plan_of(Exchange(request=ask(), head=STREAM, reads=READS, first=0.25, ended_at=9.0))
    assert plan.head == replace(STREAM, recorded=0.25)
    assert plan.frames == (*FRAMES, Frame(b"", recorded=9.0))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((("Connection", "close"), ("x-a", "1"), ("Keep-Alive", "5")), (("x-a", "1"),)),
        ((("transfer-encoding", "chunked"), ("TE", "x"), ("trailer", "y"), ("upgrade", "h2c")), ()),
        ((("content-length", str(len(PING))),), (("content-length", str(len(PING))),)),
        ((("content-length", "5000"),), (("content-length", str(len(PING))),)),
        ((("x-b", "1"), ("x-b", "2")), (("x-b", "1"), ("x-b", "2"))),
    ],
    ids=["connection", "framing", "length", "length of a body that was changed", "twice"],
)
def test_headers_but_those_of_one_connection_are_sent_again(headers: Headers, expected: Headers) -> None:
    """A length that was stated still is; if somebody has edited the body, it is that of the body."""
    assert plan_of(exchange(head=Head(200, headers))).head.headers == expected


@pytest.mark.parametrize(
    "recorded",
    [
        exchange(head=Head(200, (("content-length", "100"),)), ended=Ended.FIN),
        replace(exchange(head=Head(200, (("content-length", "100"),))), request=Request(method="HEAD")),
        exchange(head=Head(304, (("content-length", "100"),))),
    ],
    ids=["cut", "HEAD", "not modified"],
)
def test_a_length_that_is_not_that_of_the_body_stays_where_it_was_true(recorded: Exchange) -> None:
    """The client must see that bytes are missing; and some answers have a length and no body."""
    assert plan_of(recorded).head.get("content-length") == "100"


def test_a_body_that_is_no_stream_has_a_frame_for_each_read() -> None:
    """Whatever is in it; and so has a stream that is compressed."""
    body = exchange("Hi", PING, PING, head=Head(529, (("content-type", JSON),)))
    assert [frame.raw for frame in plan_of(body).frames] == [PING, PING]
    packed = exchange("Hi", PING + PING, head=STREAM.with_headers([("content-encoding", "gzip")]))
    assert [frame.raw for frame in plan_of(packed).frames] == [PING + PING]


def test_a_request_gets_what_was_recorded_for_it() -> None:
    """With the recorded head, chunks and ending, and the exchange is named."""
    rules = [tape(exchange("One"), exchange("Two", PING, WHOLE, ended=Ended.RESET, first=0.5))]
    (found,) = asked(rules, ask("Two"))
    assert (found.rule, found.problem, found.pace) == ("tape exchange 2", None, Pace())
    assert found.plan.body == PING + WHOLE
    assert found.plan.ending is Ending.RESET
    assert found.plan.head.get("request-id") == "req_1"


@pytest.mark.parametrize(
    ("repeat", "expected"),
    [
        ("last", ["1", "3", "3", "3", "3"]),
        ("all", ["1", "3", "1", "3", "1"]),
        ("none", ["1", "3", *["no recorded exchange is left for this request: in 'tape', exchanges 1, 3 have been given"] * 3]),
    ],
)
def test_exchanges_of_one_request_are_given_in_their_order(repeat: Repeat, expected: list[str]) -> None:
    """Each once, and then as `repeat` says; those of other requests do not count."""
    rules = [tape(exchange("A", b"1"), exchange("B", b"2"), exchange("A", b"3"), repeat=repeat)]
    assert bodies(rules, *[ask("A")] * 5) == [each.encode() for each in expected]
    assert bodies(rules, ask("A"), ask("B"), ask("A")) == [b"1", b"2", b"3"]


def test_one_exchange_that_is_used_up_is_said_so() -> None:
    """In the singular."""
    problem = "no recorded exchange is left for this request: in 'tape', exchange 1 has been given"
    assert bodies([tape(exchange("A", b"1"), repeat="none")], ask("A"), ask("A")) == [b"1", problem.encode()]


NEAREST = "no recorded exchange matches this request; the nearest is exchange 2 of 'tape': "


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (
            ask("Hullo"),
            NEAREST + "body.messages.0.content: recorded 'Hello', got 'Hullo'",
        ),
        (
            ask("Hello", stream=False),
            NEAREST + "stream: recorded true, got false",
        ),
        (
            replace(ask("Hello"), path="/v1/complete", method="PUT"),
            NEAREST + "method: recorded 'POST', got 'PUT'; path: recorded '/v1/messages', got '/v1/complete'",
        ),
        (
            posted({**ask("Hello").data, **{f"key_{number}": number for number in range(20)}}),
            NEAREST
            + "; ".join(f"body.key_{number}: recorded nothing, got {number}" for number in sorted(range(20), key=str)[:8])
            + "; and 12 more",
        ),
    ],
    ids=["text", "stream", "path", "many"],
)
def test_a_miss_says_how_the_nearest_exchange_differs(request_: Request, problem: str) -> None:
    """Field by field, and not all of a hundred."""
    rules = [tape(exchange("Something else"), exchange("Hello"), exchange("And another", request=ask("x", top_k=1)))]
    (found,) = asked(rules, request_, settings=Settings(validate=False))
    assert found.problem == problem
    assert found.plan.head.status == 404
    assert found.plan.head.get("x-should-retry") == "false"
    assert body_of(found.plan)["error"]["message"] == f"streamlab: {problem}"


def test_the_nearest_of_very_many_is_found_by_comparing_few() -> None:
    """The others are only looked at by their traits; each request is read once for the index."""
    requests = _Counted([ask(f"Question number {number} about apples") for number in range(2000)])
    many = Tape("many", requests, lambda _: exchange())
    miss = many.miss(ask("Question number 1234 about pears"))
    assert miss.exchange == 1235
    assert requests.read <= 2000 + 20
    requests.read = 0
    assert many.find(ask("Question number 77 about apples")) is not None
    assert requests.read == 0


class _Counted(list[Request]):
    """Requests, and how often one was taken."""

    read = 0

    def __iter__(self) -> Any:
        for each in super().__iter__():
            self.read += 1
            yield each

    def __getitem__(self, index: Any) -> Any:
        self.read += 1
        return super().__getitem__(index)


def test_an_empty_tape_says_so() -> None:
    """And a rule beside it is the nearer."""
    assert bodies([tape()], ask()) == [b"no recorded exchange matches this request: 'tape' holds none"]
    rule = Rule(name="rule", replies=(), repeats=False)
    assert bodies([tape(), rule], ask()) == [
        b"no rule matches this request; the nearest is 'rule': all its replies have been given"
    ]


def test_a_tape_stands_among_rules_in_their_order() -> None:
    """The first that has an answer gives it: a rule before it wins, one after it takes what was not recorded."""
    said = Rule(name="said", replies=(Reply(source=_said("said")),))
    recorded = tape(exchange("Hello"))
    assert [each.rule for each in asked([recorded, said], ask("Hello"), ask("Other"))] == ["tape exchange 1", "said"]
    assert [each.rule for each in asked([said, recorded], ask("Hello"))] == ["said"]
    used_up = tape(exchange("Hello"), repeat="none")
    assert [each.rule for each in asked([used_up, said], ask("Hello"), ask("Hello"))] == ["tape exchange 1", "said"]


def _said(words: str) -> Content:
    return message(words)


def test_two_tapes_count_for_themselves() -> None:
    """Under names of their own."""
    first, second = tape(exchange("A", b"1"), repeat="none"), tape(exchange("A", b"2"), name="other")
    assert bodies([first, second], ask("A"), ask("A"), ask("A")) == [b"1", b"2", b"2"]


def test_what_was_recorded_is_answered_where_the_server_would_answer_itself() -> None:
    """A request that the API refuses, the count of tokens, a browser's question: the recording is what happened."""
    refused = posted({"model": "m", "messages": []})
    counted = posted({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}, path="/v1/messages/count_tokens")
    question = Request(method="OPTIONS")
    for request in (refused, counted, question, Request(method="HEAD", path="/")):
        rules = [tape(exchange(request=request, head=Head(418)))]
        assert [each.plan.head.status for each in asked(rules, request)] == [418]
    (other,) = asked([tape(exchange())], refused)
    assert other.plan.head.status == 400
    (head,) = asked([tape(exchange())], Request(method="HEAD", path="/"))
    assert (head.problem, head.plan.head.status) == (None, 200)


def test_an_exchange_that_cannot_be_read_is_a_problem_of_the_call() -> None:
    """Not of the server."""

    def load(number: int) -> Exchange:
        raise ScenarioError(f"exchange {number} is gone").at("tape.yaml", 7, 1)

    (found,) = asked([Tape("tape", [ask()], load)], ask())
    assert found.problem == "tape.yaml:7:1: exchange 0 is gone"


GZIPPED = exchange(
    "Hi", gzip.compress(WHOLE)[:20], gzip.compress(WHOLE)[20:], head=STREAM.with_headers([("content-encoding", "gzip")])
)
GZIP = (("accept-encoding", "gzip"),)


def test_a_compressed_answer_is_sent_as_it_came_to_a_client_that_takes_it() -> None:
    """Byte for byte; another client gets the text in it."""
    taking, other = asked([tape(GZIPPED)], ask("Hi", headers=GZIP), ask("Hi"))
    assert taking.plan.body == GZIPPED.body
    assert taking.plan.head.get("content-encoding") == "gzip"
    assert other.plan.body == WHOLE
    assert other.plan.head.get("content-encoding") is None


@pytest.mark.parametrize("headers", [GZIP, ()], ids=["gzip", "plain"])
def test_a_fault_finds_its_place_in_a_compressed_answer(headers: Headers) -> None:
    """The events are there whether the client takes gzip or not."""
    settings = Settings(faults=(parse_fault({"cut": "fin", "before": "message_stop"}),))
    (found,) = asked([tape(GZIPPED)], ask("Hi", headers=headers), settings=settings)
    assert found.problem is None
    assert found.plan.ending is Ending.FIN
    assert found.plan.body == WHOLE[: WHOLE.index(b"event: message_stop")]
    assert found.plan.head.get("content-encoding") == ("gzip" if headers else None)


def test_a_fault_leaves_alone_what_it_does_not_touch() -> None:
    """The reads before and after an event that is dropped are still chunks of their own, split where they were."""
    reads = (Read(WHOLE[:30]), Read(WHOLE[30:500]), Read(WHOLE[500:]))
    recorded = Exchange(request=ask(), head=STREAM, reads=reads, ended_at=3.0)
    before = plan_of(recorded).frames
    settings = Settings(faults=(parse_fault({"drop": "event 3"}),))
    (found,) = asked([tape(recorded)], ask(), settings=settings)
    gone = next(each for each in before if each.raw not in [frame.raw for frame in found.plan.frames])
    where = before.index(gone)
    assert found.plan.frames[:where] == before[:where]
    assert found.plan.frames[where + 1 :] == before[where + 2 :]


def test_gzip_is_not_put_on_top_of_gzip() -> None:
    """A reply that asks for compression has it already."""
    reply = Reply(source=Exchanges((GZIPPED,).__getitem__, (0,)), gzip=True)
    assert reply.plan(ask("Hi", headers=GZIP), generator(0)).body == GZIPPED.body


RECORDED = (exchange("A", WHOLE), exchange("B", PING), GZIPPED, exchange("C", b"{}", head=Head(529, (("content-type", JSON),))))
LOAD = RECORDED.__getitem__


def test_a_reply_made_of_an_exchange_answers_any_request_with_it() -> None:
    """It is for the rule to say which."""
    plan = Exchanges(LOAD, (0,)).plan(ask("something else"), generator(0))
    assert plan == plan_of(RECORDED[0])


@pytest.mark.parametrize("number", [0, 2], ids=["plain", "gzip"])
@pytest.mark.parametrize("headers", [GZIP, ()], ids=["takes gzip", "takes none"])
def test_without_stream_such_a_reply_is_the_message_that_the_stream_adds_up_to(number: int, headers: Headers) -> None:
    """As one JSON body."""
    plan = Exchanges(LOAD, (number,)).plan(ask(stream=False, headers=headers), generator(0))
    assert body_of(plan)["content"] == [{"type": "text", "text": "Hello there."}]
    assert plan.head.get("content-type") == JSON
    assert plan.head.get("content-encoding") is None


def test_without_stream_an_answer_that_is_no_stream_stays_what_it_is() -> None:
    """An error of HTTP, for one."""
    assert Exchanges(LOAD, (3,)).plan(ask(stream=False), generator(0)) == plan_of(RECORDED[3])


def test_a_tape_gives_a_stream_that_was_recorded_without_being_asked_for() -> None:
    """What was answered is what is answered."""
    request = ask(stream=False)
    (found,) = asked([tape(exchange("Hi", WHOLE, request=request))], request)
    assert types_of(found.plan)[-1] == "message_stop"


def test_a_reply_of_several_exchanges_is_as_many_replies() -> None:
    """In their order, each with what is said beside them."""
    pace = Pace(speed=1.0)
    replies = replies_of(Reply(source=Exchanges(LOAD, range(2)), pace=pace))
    assert replies == tuple(Reply(source=Exchanges(LOAD, (number,)), pace=pace) for number in range(2))
    single = Reply(source=Exchanges(LOAD, (1,)), times=3)
    assert replies_of(single) == (single,)
    said = Reply(source=message("Hi"), times=2)
    assert replies_of(said) == (said,)


def test_several_exchanges_are_no_one_answer() -> None:
    """Where one is needed, it must be said which; and `times` must say what it is about."""
    with pytest.raises(ScenarioError) as caught:
        Exchanges(LOAD, range(2)).plan(ask(), generator(0))
    hint = "\n  hint: say which one: exchange=1, for the first"
    assert str(caught.value) == f"a cassette of 2 exchanges is not one answer{hint}"
    with pytest.raises(ScenarioError) as caught:
        replies_of(Reply(source=Exchanges(LOAD, range(2)), times=2))
    hint = "\n  hint: say which one is given several times, with `exchange`"
    assert str(caught.value) == f"times: 2 exchanges are given in turn, each once{hint}"


def test_unused_exchanges_are_known() -> None:
    """By what the rules of their requests have given."""
    recorded = tape(exchange("A"), exchange("B"), exchange("A"), exchange("A"))
    assert recorded.unused({}) == (1, 2, 3, 4)
    assert recorded.unused({"other exchange 1": 3}) == (1, 2, 3, 4)
    assert recorded.unused({"tape exchange 1": 2}) == (2, 4)
    assert recorded.unused({"tape exchange 1": 9, "tape exchange 2": 1}) == ()


def test_a_copy_under_another_name_reads_nothing_again() -> None:
    """The index is shared, so a cassette that many tests use is read once."""
    requests = _Counted([ask(f"{number}") for number in range(10)])
    first = Tape("first", requests, lambda _: exchange())
    first.find(ask("1"))
    second = replace(first, name="second")
    requests.read = 0
    found = second.find(ask("3"))
    assert found is not None
    assert (found.name, found.times, len(second), requests.read) == ("second exchange 4", 1, 10, 0)


def test_the_pace_recorded_waits_for_the_head_as_long_as_it_took() -> None:
    """And a tenth of it ten times as fast; other paces wait for what they say."""
    rules = [tape(exchange("A", WHOLE, first=0.5), exchange("B", WHOLE))]
    for pace, request, expected in (
        (Pace(speed=1.0), ask("A"), 0.5),
        (Pace(speed=10.0), ask("A"), 0.05),
        (Pace(speed=1.0), ask("B"), 0.0),
        (Pace(first=2.0), ask("A"), 2.0),
        (Pace(), ask("A"), 0.0),
    ):
        (found,) = asked(rules, request, settings=Settings(pace=pace))
        assert _first_wait(found) == expected


def _first_wait(found: Answer) -> float:
    from streamlab.core.actions import Framing, Wait

    first = next(found.script(Framing()))
    return first.until if isinstance(first, Wait) else 0.0
