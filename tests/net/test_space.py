"""A lab is the same handle wherever its namespace is: each test runs in this process and over the control API."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import anthropic
import pytest
from raw_client import RawClient, request
from spaces import KINDS

from streamlab import Lab, ScenarioError, ServerError, VerificationError, error, events, http, sse, tool_use
from streamlab.core.exchange import Exchange, Read, Request
from streamlab.core.plan import Head
from streamlab.core.recognition import Matching
from streamlab.core.replies import Settings
from streamlab.core.tapes import Tape
from streamlab.core.usage import Usage
from streamlab.errors import CassetteWarning

STREAM = b'event: message_start\ndata: {"type":"message_start"}\n\n: \xff\n\n'


@pytest.fixture(params=KINDS, ids=list(KINDS))
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Give a lab of each kind."""
    with KINDS[request.param]() as made:
        yield made


def said(text: str) -> dict[str, object]:
    """Return what asks for an answer to a text."""
    return {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [{"role": "user", "content": text}]}


def ask(lab: Lab, body: dict[str, object] | None = None, headers: dict[str, str | None] | None = None) -> tuple[int, bytes]:
    """Ask once, and return the status and the body."""
    with RawClient(lab.url) as client:
        answered = client.ask(request(f"{urlsplit(lab.url).path}/v1/messages", body=body, headers=headers))
    return answered.status, answered.body


def test_replies_are_given_in_turn_and_told(lab: Lab) -> None:
    """Each under the name that it was given."""
    first = lab.reply(error("overloaded"), times=2)
    second = lab.reply("Fine now.", faults="cut: fin, after: delta 1", when={"model": "claude-*"}, pace="1000/s")
    assert (first.name, second.name) == ("reply 1", "reply 2")
    assert [ask(lab)[0] for _ in range(3)] == [529, 529, 200]
    assert [call.rule for call in lab.journal] == ["reply 1", "reply 1", "reply 2"]
    assert [call.ended for call in lab.journal] == ["complete", "complete", "fin"]
    assert lab.usages() == (Usage(name="reply 1", given=2, wanted=2), Usage(name="reply 2", given=1, wanted=1))
    lab.verify()
    assert repr(lab).endswith("2 rules, 3 calls>")


@pytest.mark.parametrize(
    "source", [tool_use("look", at="it"), events("message_start", {"raw": b"\xff\n\n"}), http(body=b"\xff\x00"), None]
)
def test_bytes_are_the_same_wherever_they_come_from(lab: Lab, source: object, tmp_path: Path) -> None:
    """Those that no JSON can say, too."""
    (tmp_path / "a.sse").write_bytes(STREAM)
    lab.reply(source or sse(tmp_path / "a.sse"))  # type: ignore[arg-type]
    found = ask(lab)
    with KINDS["local"]() as other:
        other.reply(source or sse(tmp_path / "a.sse"))  # type: ignore[arg-type]
        assert ask(other) == found


def test_every_field_of_a_call_is_there(lab: Lab) -> None:
    """Without the secrets of its request."""
    lab.reply("Hello there, you.")
    ask(lab, headers={"x-api-key": "sk-ant-secret-1", "x-streamlab-token": "my-secret"})
    call = lab.wait_for(1).only
    assert call.request.last_user == "Hello"
    assert (call.number, call.status, call.attempt, call.reused) == (1, 200, 1, False)
    assert call.events_sent == call.events_delivered == sum(each.events for each in call.sent) > 0
    assert call.cancelled_after is None
    assert "secret" not in repr(call.request)


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_user_calls_secret_is_told_nowhere(kind: str) -> None:
    """Neither in a call, nor in what is said of one that was not answered."""
    with KINDS[kind](redact=[r"CUST-\d+", "plum"]) as lab:
        lab.reply("Never.", when={"last_user": "pear"})
        ask(lab, said("I am CUST-12345, plum"), {"x-note": "for CUST-12345"})
        ask(lab, {**said("Hello"), "max_tokens": "plum"})
        assert lab.journal[0].request.last_user == "I am [redacted], [redacted]"
        assert [bool(call.problem or call.note) for call in lab.journal] == [True, True]
        told = "".join((repr(list(lab.journal)), lab.journal.report(), *map(str, lab.findings())))
    assert "[redacted]" in told
    assert not [word for word in ("CUST-1", "plum") if word in told]


def test_scenarios_and_cassettes_are_loaded(lab: Lab) -> None:
    """With what they say of all answers, under names of their own."""
    lab.load("hello", "hello")
    assert [each.name for each in lab.usages()] == ["hello", "hello (2)"]
    assert ask(lab)[0] == 200


def test_a_cassette_among_rules_keeps_its_place(lab: Lab) -> None:
    """The exchanges that nobody asked for are warned of."""
    asked = [Request(body=b'{"model":"m","max_tokens":1,"messages":[],"n":%d}' % number) for number in range(2)]

    def load(number: int) -> Exchange:
        return Exchange(request=asked[number], head=Head(201), reads=(Read(b"recorded %d" % number),))

    tape = Tape("my weather, v1.2", asked, load, Matching())
    lab._space.add([tape, lab.reply("Never.", when={"call": 99}), tape], Settings(validate=False))
    assert [each.name for each in lab.usages()] == ["reply 1", "my weather, v1.2", "reply 1 (2)", "my weather, v1.2 (2)"]
    assert ask(lab, {"model": "m", "max_tokens": 1, "messages": [], "n": 1}) == (201, b"recorded 1")
    assert [each.unplayed for each in lab.usages()] == [(), (1,), (), (1, 2)]
    assert lab.journal[0].rule == "my weather, v1.2 exchange 2"
    with pytest.raises(VerificationError, match="'reply 1' was given 0 of 1 times"):
        lab.verify()


def test_what_was_said_before_of_all_answers_holds(lab: Lab, tmp_path: Path) -> None:
    """The first scenario that says something is heard."""
    (tmp_path / "a.yaml").write_text("validate: false\nreply: One.", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("api_key: any\nreply: Two.", encoding="utf-8")
    lab.load(str(tmp_path / "a.yaml"))
    lab.load(str(tmp_path / "b.yaml"))
    assert ask(lab, {}, {"x-api-key": None})[0] == 200


def test_a_miss_and_a_reply_that_is_not_used_fail_the_test(lab: Lab) -> None:
    """In the same words."""
    lab.reply("Sunny.", when={"last_user": "weather"})
    assert ask(lab)[0] == 404
    with pytest.raises(VerificationError) as caught:
        lab.verify()
    assert "the nearest is 'reply 1': last_user: expected a text with 'weather', got 'Hello'" in str(caught.value)
    assert "'reply 1' was given 0 of 1 times" in str(caught.value)
    assert {each.concern for each in lab.findings()} == {"unmatched", "unused"}


def test_reset_forgets_rules_and_calls(lab: Lab) -> None:
    """And counts from one again."""
    lab.reply("Hello.")
    ask(lab)
    lab.reset()
    assert (lab.usages(), len(lab.journal)) == ((), 0)
    assert lab.reply("Again.").name == "reply 1"
    assert ask(lab)[0] == 200
    lab.verify()


def test_what_is_waited_for_is_seen_when_it_happens(lab: Lab) -> None:
    """From another thread, and not for ever."""
    lab.reply("Hello.", times=2)
    asking = threading.Timer(0.02, lambda: (ask(lab), ask(lab)))
    asking.start()
    assert len(lab.wait_for(2)) == 2
    asking.join()
    assert lab.wait_for(lambda journal: journal[1].ended)
    with pytest.raises(VerificationError, match="3 calls did not end within 10 ms"):
        lab.wait_for(3, timeout=0.01)


def test_the_clock_is_the_labs_own(lab: Lab) -> None:
    """A stall of an hour is over when it is told to be."""
    lab.reply("One two three.", faults="stall: 1h, after: delta 1")
    lab.clock.hold()
    asking = threading.Thread(target=ask, args=(lab,))
    asking.start()
    lab.clock.wait_until_parked()
    before = lab.clock.now()
    lab.clock.advance(3599)
    assert lab.journal.only.ended is None
    lab.clock.advance(1)
    asking.join()
    assert lab.wait_for(1).only.ended == "complete"
    assert lab.clock.now() == pytest.approx(before + 3600)
    lab.clock.auto()
    lab.reply("One two three.", faults="stall: 1h, after: delta 1")
    assert ask(lab)[0] == 200
    lab.clock.run()
    with pytest.raises(ServerError, match="the clock goes by itself, so it cannot be advanced\n  hint: call hold"):
        lab.clock.advance(1)
    with pytest.raises(VerificationError, match="1 script should wait for the clock"):
        lab.clock.wait_until_parked(timeout=0.01)


@pytest.mark.parametrize("stall", ["stall: forever, after: delta 1", "stall: 1h, after: delta 1"])
def test_a_reset_ends_the_answers_that_are_under_way(lab: Lab, stall: str) -> None:
    """Nobody could let them go on any more; the lab is as new."""
    lab.clock.hold()
    lab.reply("One two three.", faults=stall)
    with RawClient(lab.url) as client:
        client.socket.sendall(request(f"{urlsplit(lab.url).path}/v1/messages"))
        lab.clock.wait_until_parked()
        lab.reset()
        assert client.rest()[1] == "reset"
    lab.reply("New.")
    assert ask(lab)[0] == 200
    assert lab.wait_for(1).only.ended == "complete"


def test_a_namespace_that_is_deleted_ends_its_answers() -> None:
    """A clock that is held would hold them for ever."""
    with KINDS["remote"]() as lab, RawClient(lab.url) as client:
        lab.clock.hold()
        lab.reply("One two three.", faults="stall: 1h, after: delta 1")
        client.socket.sendall(request(f"{urlsplit(lab.url).path}/v1/messages"))
        lab.clock.wait_until_parked()
        lab.close()
        assert client.rest()[1] == "reset"


def test_control_goes_on_while_the_clock_is_held_and_requests_are_refused(lab: Lab) -> None:
    """So that both can be ended."""
    lab.clock.hold()
    lab.reply("Hello.")
    client = lab.client.with_options(max_retries=0)
    with lab.refuse():
        with pytest.raises(anthropic.APIConnectionError):
            client.messages.create(model="claude-sonnet-4-6", max_tokens=1, messages=[{"role": "user", "content": "Hi"}])
        assert len(lab.journal) == 0
        assert lab.usages()[0].given == 0
    assert client.messages.create(model="claude-sonnet-4-6", max_tokens=1, messages=[{"role": "user", "content": "Hi"}])
    lab.refuse(times=1)
    lab.reply("Hello again.")
    assert client.with_options(max_retries=2).messages.create(
        model="claude-sonnet-4-6", max_tokens=1, messages=[{"role": "user", "content": "Hi"}]
    )
    assert [call.attempt for call in lab.journal] == [1, 2]
    lab.verify()


@pytest.mark.parametrize("times", [0, True, "1"])
def test_what_cannot_be_counted_is_an_error(lab: Lab, times: object) -> None:
    """Before anything is refused."""
    with pytest.raises(ServerError, match="a number of connections from 1 is expected"):
        lab.refuse(times)  # type: ignore[arg-type]


def test_a_closed_lab_answers_no_more(lab: Lab) -> None:
    """Its path is one like any other, and closing it again does nothing."""
    lab.reply("Hello.")
    lab.close()
    lab.close()
    assert ask(lab)[0] == 404


def test_a_fault_without_a_place_is_an_error_where_it_can_be_known() -> None:
    """Over the control API when it is sent; in this process when it is asked for."""
    with KINDS["remote"]() as lab, pytest.raises(ScenarioError) as caught:
        lab.reply("Hi", faults="cut: fin, at: delta 99")
    assert str(caught.value).startswith("replies.0.faults.0.at: the answer has no place 'delta 99'")


def test_unused_exchanges_are_warned_of(lab: Lab) -> None:
    """The test goes on."""
    asked = [Request(body=b'{"n":%d}' % number) for number in range(2)]
    lab._space.add([Tape("tape", asked, lambda number: Exchange(request=asked[number], head=Head(200)))])
    with pytest.warns(CassetteWarning, match="'tape': exchanges 1, 2 of 2 not asked for"):
        lab.verify()
