"""The handle of a test: what it answers with, what it tells, what it verifies, and how its server starts and stops."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
from raw_client import RawClient, request

import streamlab
from streamlab import (
    Cut,
    ErrorEvent,
    Lab,
    Request,
    ScenarioError,
    ServerError,
    Stall,
    VerificationError,
    error,
    events,
    http,
    message,
    text,
    thinking,
    tool_use,
)
from streamlab.core.environment import DUMMY_KEY
from streamlab.core.matching import When, parse_when
from streamlab.core.pacing import Pace
from streamlab.core.replies import Settings, State
from streamlab.files.library import scenario_names
from streamlab.net.lab import Host, Serving

if TYPE_CHECKING:
    from anthropic.types import MessageParam

HELLO: list[MessageParam] = [{"role": "user", "content": "Hello"}]
MODEL = "claude-sonnet-4-6"


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Give a lab without replies, which nobody verifies."""
    serving = streamlab.serve()
    yield serving.start()
    serving.stop()


def ask(lab: Lab, said: str = "Hello") -> anthropic.types.Message:
    """Stream an answer with the SDK, and return the message that it adds up to."""
    client = lab.client.with_options(max_retries=0)
    with client.messages.stream(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": said}]) as stream:
        return stream.get_final_message()


def said(answer: anthropic.types.Message) -> str:
    """Return the text of a message."""
    return "".join(block.text for block in answer.content if block.type == "text")


# Replies


@pytest.mark.parametrize(
    ("source", "blocks"),
    [
        ("Plain text.", [{"type": "text", "text": "Plain text."}]),
        (text(["Two ", "deltas."]), [{"type": "text", "text": "Two deltas."}]),
        (["One.", text("Two.")], [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]),
        ({"text": "As in YAML."}, [{"type": "text", "text": "As in YAML."}]),
        (
            [thinking("Hm.", signature="c2ln"), tool_use("look", at="it")],
            [
                {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
                {"type": "tool_use", "name": "look", "input": {"at": "it"}},
            ],
        ),
        (message("In a message.", stop_reason="max_tokens"), [{"type": "text", "text": "In a message."}]),
        (
            events("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"),
            [{"type": "text", "text": "Hello"}],
        ),
        (lambda asked: f"You said {asked.last_user}.", [{"type": "text", "text": "You said Hello."}]),
        (lambda asked: [tool_use("look", at=asked.model)], [{"type": "tool_use", "name": "look", "input": {"at": MODEL}}]),
        (lambda _: lambda asked: asked.last_user, [{"type": "text", "text": "Hello"}]),
    ],
)
def test_a_reply_is_whatever_stands_for_one(lab: Lab, source: Any, blocks: list[dict[str, Any]]) -> None:
    """A text, blocks, a constructor's result or a function of the request: the SDK gets the blocks that it stands for."""
    lab.reply(source)
    got = [block.model_dump() for block in ask(lab).content]
    assert [{key: each[key] for key in block} for each, block in zip(got, blocks, strict=True)] == blocks
    lab.verify()


def test_replies_are_given_in_turn_each_as_often_as_asked(lab: Lab) -> None:
    """The first reply is used up before the next is given."""
    lab.reply("First.", times=2)
    lab.reply("Second.")
    assert [said(ask(lab)) for _ in range(3)] == ["First.", "First.", "Second."]
    lab.verify()


def test_an_error_says_itself_how_often_it_comes(lab: Lab) -> None:
    """What a constructor says of times and headers holds, unless `reply` says otherwise."""
    lab.reply(error("overloaded", times=2, headers={"x-one": "1"}))
    lab.reply(error("rate_limit", times=5), times=1, headers={"x-two": "2"})
    with RawClient(lab.url) as client:
        answers = [client.ask() for _ in range(3)]
    assert [each.status for each in answers] == [529, 529, 429]
    assert [each.headers.get("x-one") for each in answers] == ["1", "1", None]
    assert answers[2].headers["x-two"] == "2"
    lab.verify()


def test_conditions_choose_the_reply(lab: Lab) -> None:
    """Each request gets the first reply whose conditions it meets."""
    lab.reply("Sunny.", when={"last_user": "weather"})
    lab.reply("Noon.", when=parse_when({"last_user": {"regex": "^time"}}))
    lab.reply("Anything.", when=When())
    assert [said(ask(lab, words)) for words in ("what else?", "the weather?", "time?")] == ["Anything.", "Sunny.", "Noon."]
    lab.verify()


def test_a_pace_and_faults_and_headers_are_the_replys_own(lab: Lab) -> None:
    """They change this answer and no other."""
    lab.reply("One two three.", faults=[Cut("end", after="delta 1")], headers={"x-mine": "1", "server": None}, pace="1000/s")
    lab.reply("One two three.", faults=[{"error": "overloaded", "after": "delta 1"}], pace=Pace(rate=1000.0))
    lab.reply("One two three.", pace={"rate": "1000/s"})
    with RawClient(lab.url) as client:
        cut, failed, plain = (client.ask() for _ in range(3))
    assert cut.body.endswith(b"\n\n")
    assert (b"message_stop" in cut.body, b"message_stop" in plain.body) == (False, True)
    assert b"overloaded_error" in failed.body
    assert cut.headers["x-mine"] == "1"
    assert ("server" in cut.headers, "server" in plain.headers) == (False, True)
    assert [call.ended for call in lab.journal] == ["end", "end", "complete"]


def test_an_answer_without_a_stream_is_the_same_message(lab: Lab) -> None:
    """`stream: false` gets the message as JSON."""
    lab.reply([text("Hi."), tool_use("look", at="it")], times=2)
    whole = lab.client.messages.create(model=MODEL, max_tokens=9, messages=HELLO)
    assert [block.type for block in whole.content] == ["text", "tool_use"]
    assert whole.stop_reason == ask(lab).stop_reason == "tool_use"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"source": 5}, "a reply is expected, not 5"),
        ({"source": "Hi", "times": 0}, "times: a number of times from 1 is expected, not 0"),
        ({"source": "Hi", "pace": "fast"}, "'fast' is not a pace"),
        ({"source": "Hi", "when": {"last_usr": "x"}}, "last_usr: there is no condition 'last_usr'"),
        ({"source": "Hi", "faults": [{"cutt": "fin", "at": "end"}]}, "cutt: there is no fault 'cutt'"),
        ({"source": "Hi", "faults": [{"cut": "fin", "at": "dleta 1"}]}, "dleta"),
        ({"source": {"txt": "Hi"}}, "txt"),
    ],
)
def test_a_reply_that_cannot_be_used_is_an_error_where_it_is_written(lab: Lab, arguments: dict[str, Any], problem: str) -> None:
    """The error comes at once, in the line of the test that is wrong, and no rule is added."""
    with pytest.raises(ScenarioError) as raised:
        lab.reply(**arguments)
    assert problem in str(raised.value)
    assert repr(lab) == f"<Lab {lab.url}, 0 rules, 0 calls>"


def test_a_function_that_raises_is_a_problem_and_not_a_hung_client(lab: Lab) -> None:
    """The client gets an error that it does not retry, and the lab says what was raised."""

    def reply(asked: Request) -> str:
        raise LookupError(f"no answer to {asked.last_user!r}")

    lab.reply(reply)
    with pytest.raises(anthropic.InternalServerError, match="LookupError: no answer to 'Hello'"):
        lab.client.messages.create(model=MODEL, max_tokens=9, messages=HELLO)
    assert len(lab.journal) == 1
    with pytest.raises(VerificationError, match="LookupError: no answer to 'Hello'"):
        lab.verify()


def test_a_function_may_script_what_comes_next(lab: Lab) -> None:
    """It is called without a lock, so a lab can be used there as anywhere; what it resets stays forgotten."""

    def first(asked: Request) -> str:
        lab.reply("Second.", when={"last_user": asked.last_user})
        return f"First, and {len(lab.usages())} rules."

    def last(_: Request) -> str:
        lab.reset()
        return "Last."

    lab.reply(first)
    assert [said(ask(lab)), said(ask(lab))] == ["First, and 2 rules.", "Second."]
    lab.verify()
    lab.reply(last)
    assert said(ask(lab)) == "Last."
    assert lab._space.namespace.state == State()
    assert repr(lab) == f"<Lab {lab.url}, 0 rules, 1 calls>"


WAITS: list[Callable[[Lab], object]] = [
    lambda lab: lab.wait_for(0),
    lambda lab: lab.clock.advance(1),
    lambda lab: lab.clock.wait_until_parked(),
    lambda lab: lab.refuse(),
    lambda lab: lab.accept(),
]


@pytest.mark.parametrize("wait", WAITS)
def test_a_function_cannot_wait_for_its_own_server(lab: Lab, wait: Callable[[Lab], object]) -> None:
    """Not even in the first answer: it is told so, and the server goes on."""

    def reply(_: Request) -> str:
        lab.clock.hold()
        wait(lab)
        return "Never."

    lab.reply(reply)
    lab.reply("Next.")
    with pytest.raises(anthropic.InternalServerError, match="cannot wait for what it has to do itself"):
        ask(lab)
    assert "in the test, not in a function that makes a reply" in str(lab.journal.only.problem)
    assert said(ask(lab)) == "Next."


def test_a_function_that_returns_no_reply_is_a_problem(lab: Lab) -> None:
    """What it returned is said."""
    lab.reply(lambda _: 7)  # type: ignore[arg-type, return-value]
    with pytest.raises(anthropic.InternalServerError, match="a reply is expected, not 7"):
        ask(lab)


# Scenarios


def test_scenarios_are_loaded_behind_what_is_there(lab: Lab, tmp_path: Path) -> None:
    """A file, a folder and a shipped name; rules of the same name are kept apart."""
    file = tmp_path / "mine.yaml"
    file.write_text("streamlab: 1\nrules:\n- {name: reply 1, when: {last_user: mine}, reply: From the file.}\n")
    lab.reply("First.")
    lab.load(str(file), "hello")
    lab.load("hello")
    assert [rule.name for rule in lab._space.namespace.rules] == ["reply 1", "reply 1 (2)", "hello", "hello (2)"]
    assert [said(ask(lab, words)) for words in ("mine", "mine", "other")] == [
        "First.",
        "From the file.",
        "Hello from streamlab.",
    ]
    assert [call.rule for call in lab.journal] == ["reply 1", "reply 1 (2)", "hello"]


def test_the_same_scenario_again_begins_anew(lab: Lab, tmp_path: Path) -> None:
    """What was given of a scenario does not count against another loading of it."""
    file = tmp_path / "once.yaml"
    file.write_text("streamlab: 1\nreply: Once.\nthen: fail\n")
    for _ in range(4):
        lab.load(str(file))
        assert said(ask(lab)) == "Once."


def test_the_first_scenario_that_says_something_of_all_answers_is_heard(tmp_path: Path) -> None:
    """Its seed and pace hold, unless `serve` was given some."""
    for seed in (5, 6):
        (tmp_path / f"{seed}.yaml").write_text(f"streamlab: 1\nseed: {seed}\nreply: Hi.\n")
    with streamlab.serve() as lab:
        lab.load(str(tmp_path / "5.yaml"))
        lab.load(str(tmp_path / "6.yaml"))
        assert lab._space.namespace.settings.seed == 5
    with streamlab.serve(seed=7) as lab:
        lab.load(str(tmp_path / "5.yaml"))
        assert lab._space.namespace.settings.seed == 7


def test_a_scenario_that_is_not_there_is_an_error(lab: Lab) -> None:
    """It says so, with the nearest name."""
    with pytest.raises(ScenarioError, match="did you mean 'overloaded-then-fine'"):
        lab.load("overload-then-fine")
    with pytest.raises(ScenarioError, match="a scenario is expected, not 3\n  hint: name a file"):
        lab.load(3)  # type: ignore[arg-type]


def test_a_reset_forgets_replies_calls_and_counts(lab: Lab) -> None:
    """After it the lab is as new."""
    lab.reply("Old.", times=2)
    ask(lab)
    lab.reset()
    assert repr(lab) == f"<Lab {lab.url}, 0 rules, 0 calls>"
    lab.verify()
    lab.reply("New.")
    assert said(ask(lab)) == "New."
    assert [call.number for call in lab.journal] == [1]


def test_a_reset_ends_no_answer_that_the_client_has(lab: Lab) -> None:
    """Whoever has read all of it asks on the same connection, however soon all is forgotten."""
    with RawClient(lab.url) as client:
        for number in range(200):
            lab.reply(f"Number {number}.")
            assert client.ask(request()).ending == "complete"
            lab.reset()


def test_a_call_that_outlives_a_reset_is_forgotten(lab: Lab) -> None:
    """An answer that ends after the reset does not come back into the journal."""
    lab.reply("Old.", faults=[Stall(after="delta 1")])
    with RawClient(lab.url) as client:
        client.socket.sendall(request())
        client.receive(500)
        lab.reset()
        lab.reply("New.")
        ask(lab)
        before = list(lab.journal)
    ask_health_until_left(lab)
    assert list(lab.journal) == before
    assert before[0].ended == "complete"


def ask_health_until_left(lab: Lab) -> None:
    """Ask for something a few times, so that the server has seen the client leave."""
    with RawClient(lab.url) as client:
        for _ in range(20):
            client.ask(request("/_streamlab/health", method="GET"))


# The journal, and what is verified


def test_leaving_the_loop_of_the_sdk_is_the_clients_leaving(lab: Lab) -> None:
    """A stream that is closed early was left by the client."""
    lab.reply("One two three four.", faults=[Stall(after="delta 2")])
    with lab.client.messages.create(model=MODEL, max_tokens=9, messages=HELLO, stream=True) as stream:
        for event in stream:
            if event.type == "content_block_delta":
                break
    lab.close()
    for _ in range(1000):
        if lab.journal[0].ended:
            break
        threading.Event().wait(0.002)
    assert (lab.journal[0].ended, lab.journal[0].ended_by, lab.journal[0].events_sent) == ("left", "client", 4)


def test_the_journal_is_whole_when_the_sdk_returns(lab: Lab) -> None:
    """In the thread of the test there is nothing to wait for."""
    lab.reply("Hello.", times=50)
    for number in range(1, 51):
        ask(lab)
        assert (len(lab.journal), lab.journal[-1].ended) == (number, "complete")


def test_all_is_well_when_every_reply_was_given(lab: Lab) -> None:
    """Calls that need no rule do not count."""
    lab.verify()
    lab.reply("Hello.")
    lab.client.models.list()
    lab.client.messages.count_tokens(model=MODEL, messages=HELLO)
    ask(lab)
    lab.verify()


def miss(lab: Lab) -> None:
    """Ask for what there is no reply to."""
    with pytest.raises(anthropic.NotFoundError):
        ask(lab)


NEVER = "hint: let the code ask for it, or take the reply out; `lab.journal` has what was asked"
ASKED = "it asked: model 'claude-sonnet-4-6', stream true, turn 1, last_user 'Hello'"
UNUSED = f"""\
'reply 1' was given 0 of 1 times
  {NEVER}
there were no calls
  hint: point the client at {{url}} (base_url, or ANTHROPIC_BASE_URL when it is made)"""
USED_TOO_LITTLE = f"""\
'reply 1' was given 1 of 3 times
  {NEVER}
'reply 2' was given 0 of 2 times
  {NEVER}
the calls were:
  <Call 1 POST /v1/messages 200 'reply 1' 6 events, complete by server>"""
NO_RULES = f"""\
call 1, POST /v1/messages: no rule matches this request: there are no rules
  {ASKED}
  hint: to answer it, write: {{line}}
the calls were:
  <Call 1 POST /v1/messages 404 0 events, complete by server>"""
USED_UP = f"""\
call 2, POST /v1/messages: no rule matches this request; the nearest is 'reply 1': all its replies have been given
  {ASKED}
  hint: to answer it too, say times=… with that reply, or write: {{line}}
the calls were:
  <Call 1 POST /v1/messages 200 'reply 1' 6 events, complete by server>
  <Call 2 POST /v1/messages 404 0 events, complete by server>"""


@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        (lambda lab: lab.reply("Never."), UNUSED),
        (lambda lab: (lab.reply("Hi.", times=3), lab.reply("Never.", times=2), ask(lab)), USED_TOO_LITTLE),
        (miss, NO_RULES),
        (lambda lab: (lab.reply("Hi."), ask(lab), miss(lab)), USED_UP),
    ],
)
def test_what_did_not_go_as_asked_is_told(lab: Lab, happens: Callable[[Lab], object], expected: str) -> None:
    """The error names each request that was not answered as asked, each reply that was not used, and the calls there were."""
    happens(lab)
    with pytest.raises(VerificationError) as raised:
        lab.verify()
    assert str(raised.value) == expected.format(url=lab.url, line='lab.reply("…", when={"last_user": "Hello"})')
    assert isinstance(raised.value, AssertionError)


def test_rules_of_a_scenario_need_not_be_used_unless_they_say_so(tmp_path: Path) -> None:
    """`required: true` asks for one use of a rule that repeats."""
    file = tmp_path / "two.yaml"
    file.write_text(
        "streamlab: 1\nrules:\n- {name: free, when: {turn: 9}, reply: A.}\n- {name: due, reply: B., required: true}\n"
    )
    with pytest.raises(VerificationError, match="'due' was given 0 of 1 times"), streamlab.serve(str(file)):
        pass
    with streamlab.serve(str(file)) as lab:
        assert [said(ask(lab)) for _ in range(3)] == ["B."] * 3


# Clients


@pytest.mark.parametrize("at_root", [True, False])
def test_a_client_goes_to_its_lab_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch, *, at_root: bool) -> None:
    """Neither a proxy nor other credentials come between: nothing of the live API's user is sent."""
    host = Host()
    lab = host.lab(at_root=at_root)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-live")
    lab.reply("Hello.", times=2)
    assert said(ask(lab)) == "Hello."

    async def ask_too() -> str:
        answer = await lab.async_client.messages.create(model=MODEL, max_tokens=9, messages=HELLO)
        await lab.async_client.close()
        return said(answer)

    assert asyncio.run(ask_too()) == "Hello."
    assert lab.client.api_key == lab.async_client.api_key == DUMMY_KEY
    assert lab.client is lab.client
    lab.close()
    host.stop()


def test_clients_are_closed_with_the_block() -> None:
    """A client that the lab made cannot be used after the block."""
    with streamlab.serve() as lab:
        client = lab.client
        assert not client.is_closed()
    assert client.is_closed()


# Serving


def test_a_block_serves_what_it_names() -> None:
    """The handle answers at its URL while the block lasts, and not after."""
    with streamlab.serve("overloaded-then-fine") as lab:
        with RawClient(lab.url) as client:
            assert [client.ask().status for _ in range(3)] == [529, 529, 200]
        url = lab.url
    with pytest.raises(ConnectionRefusedError):
        RawClient(url)


def test_every_shipped_scenario_can_be_served_at_once() -> None:
    """They are merged: the first rule that matches answers."""
    with streamlab.serve(*scenario_names()) as lab:
        assert len(lab._space.namespace.rules) >= len(scenario_names())
        with RawClient(lab.url) as client:
            assert client.ask().status == 200


def test_what_serve_is_given_holds_over_what_the_scenario_says(tmp_path: Path) -> None:
    """Pace, seed and validation are those of the call."""
    file = tmp_path / "mine.yaml"
    file.write_text("streamlab: 1\nseed: 1\npace: 1/s\nreply: Hi.\n")
    serving = streamlab.serve(str(file), seed=2, pace="500/s", validate=False)
    lab = serving.start()
    serving.stop()
    assert lab._space.namespace.settings == Settings(seed=2, pace=Pace(rate=500.0), validate=False)
    same = streamlab.serve(str(file), pace=Pace(rate=3.0))
    assert same._scenario.settings == Settings(seed=1, pace=Pace(rate=3.0))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"pace": "quick"}, "'quick' is not a pace"),
        ({"pace": {"rate": 0}}, "rate: 0 is not a rate"),
        ({"sources": ["nowhere"]}, "there is no file and no shipped scenario 'nowhere'"),
        ({"sources": ["no/such.yaml"]}, "no/such.yaml: there is no such file"),
    ],
)
def test_what_cannot_be_served_is_an_error_before_anything_starts(arguments: dict[str, Any], problem: str) -> None:
    """No server runs then."""
    with pytest.raises(ScenarioError) as raised:
        streamlab.serve(*arguments.pop("sources", ()), **arguments)
    assert str(raised.value).startswith(problem)


def test_a_busy_port_is_an_error_on_entering() -> None:
    """It names the port, and leaves nothing behind."""
    before = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        serving = streamlab.serve(port=port)
        with pytest.raises(ServerError, match=f"^port {port} on 127.0.0.1 is in use\n"), serving:
            pass
    assert threading.active_count() == before
    serving.stop()


def test_a_port_can_be_chosen() -> None:
    """It is the port of the URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with streamlab.serve(port=port) as lab:
        assert lab.url == f"http://127.0.0.1:{port}"


def test_an_ipv6_address_can_be_chosen() -> None:
    """The SDK takes its URL as it is."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as problem:
        pytest.skip(f"this machine has no IPv6 loopback: {problem}")
    with streamlab.serve("hello", host="::1") as lab:
        assert lab.url.startswith("http://[::1]:")
        assert said(ask(lab)) == "Hello from streamlab."


def test_a_block_that_fails_is_not_verified() -> None:
    """The failure of the block is what is seen, and the server stops all the same."""
    seen: list[Lab] = []

    def block() -> None:
        with streamlab.serve() as lab:
            seen.append(lab)
            lab.reply("Never.")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()
    with pytest.raises(ConnectionRefusedError):
        RawClient(seen[0].url)


def test_a_block_that_went_well_is_verified() -> None:
    """A reply that was not given fails it."""
    with pytest.raises(VerificationError, match="'reply 1' was given 0 of 1 times"), streamlab.serve() as lab:
        lab.reply("Never.")


def test_an_asynchronous_block_serves_in_the_same_way() -> None:
    """`async with` gives the same handle, closes its clients, and verifies."""

    async def run() -> tuple[str, bool]:
        async with streamlab.serve() as lab:
            lab.reply("Hello.", times=20)
            answers = await asyncio.gather(
                *(lab.async_client.messages.create(model=MODEL, max_tokens=9, messages=HELLO) for _ in range(20))
            )
            client = lab.async_client
        return said(answers[-1]), client.is_closed()

    assert asyncio.run(run()) == ("Hello.", True)


def test_an_asynchronous_block_that_used_no_client_is_verified_too() -> None:
    """The reply was not given."""

    async def run() -> None:
        async with streamlab.serve() as lab:
            lab.reply("Never.")

    with pytest.raises(VerificationError, match="there were no calls"):
        asyncio.run(run())


def test_stopping_what_was_not_started_does_nothing() -> None:
    """A serving that was never entered has nothing to stop."""
    serving = streamlab.serve()
    serving.stop()
    serving.__exit__(None, None, None)
    asyncio.run(serving.__aexit__(None, None, None))


def test_one_serving_can_be_entered_again() -> None:
    """Each block has a server and a journal of its own."""
    serving = streamlab.serve("hello")
    for _ in range(2):
        with serving as lab:
            ask(lab)
            assert len(lab.journal) == 1


# Several labs


def echo(asked: Request) -> str:
    """Return what was said."""
    return asked.last_user


def use(lab: Lab, name: str) -> list[str]:
    """Ask a lab several times; return what its journal saw."""
    for number in range(10):
        lab.reply(echo)
        assert said(ask(lab, f"{name} {number}")) == f"{name} {number}"
    lab.verify()
    return [call.request.last_user for call in lab.journal]


def test_labs_in_threads_never_see_each_others_calls() -> None:
    """Eight threads, each with a server of its own."""

    def run(name: str) -> list[str]:
        with streamlab.serve() as lab:
            return use(lab, name)

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(run, "abcdefgh"))
    assert seen == [[f"{name} {number}" for number in range(10)] for name in "abcdefgh"]


def test_labs_of_one_server_never_see_each_others_calls() -> None:
    """Eight threads, each with a namespace of the same server."""
    host = Host()

    def run(name: str) -> list[str]:
        lab = host.lab()
        try:
            return use(lab, name)
        finally:
            lab.close()

    try:
        with ThreadPoolExecutor(8) as pool:
            seen = list(pool.map(run, "abcdefgh"))
        assert seen == [[f"{name} {number}" for number in range(10)] for name in "abcdefgh"]
    finally:
        host.stop()


def test_a_lab_at_the_root_answers_there() -> None:
    """The last one that asked for the root has it."""
    host = Host()
    try:
        for words in ("first", "second"):
            lab = host.lab(Settings(seed=4), at_root=True)
            assert lab.url == host.url
            lab.reply(words)
            assert said(ask(lab)) == words
            lab.close()
    finally:
        host.stop()


def test_a_lab_that_is_closed_answers_no_more() -> None:
    """A client that comes late is told that nobody knows its path; the server keeps nothing of the lab."""
    host = Host()
    try:
        lab = host.lab()
        lab.reply("Late.")
        lab.close()
        lab.close()
        with RawClient(lab.url) as client:
            assert client.ask().status == 404
        assert len(lab.journal) == 0
        assert list(host._background.server.namespaces) == [""]
    finally:
        host.stop()


def test_what_comes_where_no_lab_is_is_told_once() -> None:
    """At the server's own URL, also after a lab that was there; at that of a lab that is forgotten; probes do not count."""
    host = Host()
    try:
        assert host.strays() == ()
        lab = host.lab(at_root=True, over="the first is over")
        lab.close()
        with RawClient(host.url) as client:
            assert b"the first is over" in client.ask().body
            host.leave()
            assert b"there are no rules" in client.ask().body
            assert client.ask(request("/~nosuch/v1/messages")).status == 404
            client.ask(request("/", method="GET"))
        assert [(call.request.path, call.problem) for call in host.strays()] == [
            ("/v1/messages", "no rule matches this request: there are no rules"),
            ("/~nosuch/v1/messages", "there is no namespace '~nosuch'"),
        ]
        assert host.strays() == ()
        assert [len(journal) for _, journal in host.late()] == [1]
        with RawClient(host.url) as client:
            client.ask()
        assert [call.number for call in host.strays()] == [3]
    finally:
        host.stop()


def test_a_lab_at_the_root_stays_there_when_another_leaves() -> None:
    """What is open is not taken away."""
    host = Host()
    try:
        lab = host.lab(at_root=True)
        lab.reply("Here.")
        host.leave()
        assert said(ask(lab)) == "Here."
        lab.close()
    finally:
        host.stop()


def test_replies_may_be_added_from_several_threads(lab: Lab) -> None:
    """None is lost, and each has a name of its own."""
    with ThreadPoolExecutor(8) as pool:
        rules = list(pool.map(lambda number: lab.reply(f"{number}."), range(100)))
    assert len({rule.name for rule in rules}) == len(lab._space.namespace.rules) == 100


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """A recorded stream, a message and an error are the same from run to run, and different with another seed."""
    recorded = tmp_path / "recorded.sse"
    recorded.write_bytes(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')

    def run(seed: int) -> list[bytes]:
        serving = streamlab.serve(seed=seed)
        lab = serving.start()
        try:
            for source in (message("Hi."), error("api"), streamlab.sse(recorded), http(200, {"x": "1"}, "body")):
                lab.reply(source)
            with RawClient(lab.url) as client:
                return [client.ask().body for _ in range(4)]
        finally:
            serving.stop()

    first, other = run(1), run(2)
    assert first == run(1)
    assert [one == two for one, two in zip(first, other, strict=True)] == [False, False, True, True]
    assert json.loads(first[1])["request_id"] != json.loads(other[1])["request_id"]


def test_an_error_event_is_what_the_sdk_raises(lab: Lab) -> None:
    """An error in mid-stream reaches the code under test as the SDK's own exception."""
    lab.reply("One two three.", faults=[ErrorEvent("overloaded", after="delta 1")])
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        ask(lab)
    lab.verify()


def test_a_serving_can_be_started_by_hand() -> None:
    """`start` and `stop` are what the block does, without the verification."""
    serving = streamlab.serve("hello")
    assert isinstance(serving, Serving)
    lab = serving.start()
    lab.reply("Never.")
    serving.stop()
    with pytest.raises(ConnectionRefusedError):
        RawClient(lab.url)


# Faults


@pytest.mark.parametrize(
    "faults",
    [
        "cut: end, after: delta 1",
        "[{comment: x, at: headers}, {cut: end, after: delta 1}]",
        ["comment: x, at: headers", "cut: end, after: delta 1"],
        ["comment: x, at: headers", Cut("end", after="delta 1")],
        ({"cut": "end", "after": "delta 1"},),
        [Cut("end", after="delta 1")],
    ],
)
def test_faults_may_be_texts_mappings_or_objects(lab: Lab, faults: Any) -> None:
    """One text, several, or all of them mixed."""
    lab.reply(text(["One", " two"]), faults=faults)
    with RawClient(lab.url) as client:
        answered = client.ask()
    assert answered.body.count(b"text_delta") == 1
    assert answered.body.startswith(b": x\n\n") == ("comment" in str(faults))
    assert lab.journal[0].ended == "end"


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ("cut: fni, at: end", "faults:1: cut: 'fni' is not a way to cut\n  hint: did you mean 'fin'? "),
        (["stall: 1s, at: end", "cutt: 1"], "faults:1: cutt: there is no fault 'cutt'\n  hint: did you mean 'cut'? "),
        (5, "faults: a list of faults is expected, not 5"),
        ({"cut": "fin"}, "faults.0.cut: the fault does not say where it stands"),
        ([Cut], "faults.0: a fault is expected, not "),
        ([5], "faults.0: a fault is expected, not 5"),
    ],
)
def test_a_fault_that_is_none_is_an_error_where_it_is_written(lab: Lab, faults: Any, message: str) -> None:
    """In `reply` and in `serve` alike."""
    with pytest.raises(ScenarioError) as raised:
        lab.reply("Hello.", faults=faults)
    assert str(raised.value).startswith(message)
    with pytest.raises(ScenarioError) as raised:
        streamlab.serve(faults=faults)
    assert str(raised.value).startswith(message)


def test_faults_of_a_server_come_into_every_answer_of_a_rule() -> None:
    """After those of the reply, into replies that are scripted later too; what no rule answers has none."""
    with streamlab.serve("hello", faults="[{retry_after: 3s}, {cut: fin, at: end}]") as lab:
        for _ in range(2):
            with RawClient(lab.url) as client:
                answered = client.ask()
            assert (answered.headers["retry-after"], answered.ending) == ("3", "fin")
        with RawClient(lab.url) as client:
            assert client.ask(request("/v1/models", method="GET")).ending == "complete"
    with streamlab.serve(faults=[Stall("1ms", at="headers")]) as lab:
        lab.reply("Hello.", faults="retry_after: 1s")
        with RawClient(lab.url) as client:
            assert client.ask().headers["retry-after"] == "1"


def test_a_fault_of_a_server_without_its_place_in_a_scenario_is_an_error_before_it_starts() -> None:
    """A file is looked at whole; a reply in Python when it is given."""
    with pytest.raises(ScenarioError, match="the answer has no place 'delta 99'"):
        streamlab.serve("hello", faults="cut: fin, at: delta 99")
    serving = streamlab.serve(faults="cut: fin, at: delta 99")
    lab = serving.start()
    lab.reply("Hello.")
    with RawClient(lab.url) as client:
        assert client.ask().status == 500
    serving.stop()
    with pytest.raises(VerificationError, match="the answer has no place 'delta 99'"):
        lab.verify()


# Refusing


def reachable(lab: Lab) -> str:
    """Connect and ask; return what came of it."""
    try:
        with RawClient(lab.url) as client:
            client.socket.sendall(request())
            return str(client.answer().status)
    except ConnectionRefusedError:
        return "refused"
    except (AssertionError, BrokenPipeError, ConnectionResetError):  # the client found no head, or could not send
        return "reset"


def test_connections_are_refused_until_they_are_accepted(lab: Lab) -> None:
    """The port is the same after it, and the replies are as they were."""
    lab.reply("Hello.", times=2)
    assert reachable(lab) == "200"
    lab.refuse()
    assert [reachable(lab) for _ in range(3)] == ["refused"] * 3
    lab.refuse()
    lab.accept()
    assert reachable(lab) == "200"
    lab.verify()


def test_connections_are_refused_for_the_length_of_a_block(lab: Lab) -> None:
    """Whatever goes wrong in it; and for so many, if a number is said."""
    lab.reply("Hello.", times=9)
    with lab.refuse():
        assert reachable(lab) == "refused"
    assert reachable(lab) == "200"
    with pytest.raises(ZeroDivisionError), lab.refuse():
        raise ZeroDivisionError
    assert reachable(lab) == "200"
    with lab.refuse(times=5):
        assert [reachable(lab) for _ in range(2)] == ["reset", "reset"]
    assert reachable(lab) == "200"


def test_the_next_connections_are_reset(lab: Lab) -> None:
    """So many, and no more; none of them is a call."""
    lab.reply("Hello.", times=2)
    lab.refuse(times=2)
    assert [reachable(lab) for _ in range(4)] == ["reset", "reset", "200", "200"]
    assert len(lab.journal) == 2
    lab.verify()


def test_a_client_that_tries_again_gets_through(lab: Lab) -> None:
    """To the SDK a refused connection is an APIConnectionError, which it tries again after."""
    lab.reply("Hello.")
    lab.refuse(times=2)
    client = lab.client.with_options(max_retries=2)
    assert said(client.messages.create(model=MODEL, max_tokens=9, messages=HELLO)) == "Hello."
    lab.verify()


@pytest.mark.parametrize("times", [1, None])
def test_a_client_that_does_not_try_again_is_told(lab: Lab, times: int | None) -> None:
    """Both ways to refuse are one and the same to the SDK."""
    with lab.refuse(times), pytest.raises(anthropic.APIConnectionError):
        ask(lab)
    assert len(lab.journal) == 0


def test_a_connection_in_use_is_closed_after_its_answer(lab: Lab) -> None:
    """What goes on when connections are refused comes to its end."""
    lab.reply("Slow.", faults="stall: 50ms, at: headers")
    with RawClient(lab.url) as busy:
        busy.socket.sendall(request())
        busy.receive(100)
        with lab.refuse():
            assert busy.answer().ending == "complete"
            assert busy.rest() == (b"", "fin")


@pytest.mark.parametrize("times", [1, None])
def test_a_connection_that_nobody_uses_is_closed(lab: Lab, times: int | None) -> None:
    """So that a client which keeps its connection is refused as well."""
    lab.reply("Hello.")
    with RawClient(lab.url) as idle:
        assert idle.ask().ending == "complete"
        with lab.refuse(times):
            assert idle.rest(watch=0.2) == (b"", "fin")


@pytest.mark.parametrize("times", [5, None])
def test_a_lab_that_is_closed_refuses_nobody_any_more(times: int | None) -> None:
    """What it has not refused by then would be refused to the next."""
    host = Host()
    first, second = host.lab(), host.lab()
    try:
        second.reply("Hello.")
        first.refuse(times)
        second.close()
        assert reachable(first) == ("reset" if times else "refused")
        first.close()
        assert reachable(host.lab()) == "404"
    finally:
        host.stop()


def test_a_lab_whose_server_has_stopped_says_so() -> None:
    """In place of an error of asyncio; that it refused connections is no trouble then."""
    with streamlab.serve() as lab:
        lab.refuse()
        taken = socket.create_server(("127.0.0.1", int(lab.url.rpartition(":")[2])))
    taken.close()
    with pytest.raises(ServerError, match="the server has been stopped\n  hint: use a lab within its block"):
        lab.refuse()


def test_what_is_secret_to_a_lab_is_so_where_none_is() -> None:
    """When it is closed, and at addresses that are nobody's."""
    host = Host()
    try:
        lab = host.lab(over="it is over", redact=["Hello"])
        lab.close()
        for url in (lab.url, host.url, f"{host.url}/~nobody"):
            with RawClient(url) as client:
                client.ask()
        calls = [*(call for _, journal in host.late() for call in journal), *host.strays()]
        assert [call.request.last_user for call in calls] == ["[redacted]"] * 3
    finally:
        host.stop()


def test_all_labs_of_a_server_refuse_together() -> None:
    """They share a socket."""
    host = Host()
    try:
        one, two = host.lab(), host.lab()
        with one.refuse(), pytest.raises(ConnectionRefusedError):
            RawClient(two.url)
        RawClient(two.url).__exit__()
    finally:
        host.stop()


@pytest.mark.parametrize("times", [0, -1, True, 1.5, "2"])
def test_what_is_no_number_of_connections_is_an_error(lab: Lab, times: Any) -> None:
    """Nothing is refused then."""
    with pytest.raises(ServerError) as raised:
        lab.refuse(times)
    assert str(raised.value) == f"a number of connections from 1 is expected, not {times!r}"
    lab.reply("Hello.")
    assert reachable(lab) == "200"


def test_a_port_that_was_taken_meanwhile_is_said(lab: Lab) -> None:
    """It can be accepted again when it is free."""
    port = int(lab.url.rpartition(":")[2])
    lab.refuse()
    with socket.create_server(("127.0.0.1", port)), pytest.raises(ServerError, match=f"^port {port} on 127.0.0.1 is in use"):
        lab.accept()
    lab.accept()
    lab.reply("Hello.")
    assert reachable(lab) == "200"


def test_a_server_that_refuses_can_be_stopped() -> None:
    """Nothing is left of it."""
    with streamlab.serve() as lab:
        lab.refuse()
    with pytest.raises(ConnectionRefusedError):
        RawClient(lab.url)
