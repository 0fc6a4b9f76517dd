"""From a request to the answer: rules in order, replies in turn, the same bytes each time."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from asking import VERSION, ask, body_of, events_of, posted
from hypothesis import given, settings
from hypothesis import strategies as st

from streamlab.core.actions import Finish, Framing, Send, Wait
from streamlab.core.authoring import as_reply, error, http
from streamlab.core.exchange import Request
from streamlab.core.matching import ANY, Difference, parse_when
from streamlab.core.pacing import INSTANT
from streamlab.core.replies import Answer, Miss, Rule, Settings, State, answer

ORIGIN = ("Origin", "http://localhost:5173")


def rule(*replies: Any, name: str = "r", when: dict[str, Any] | None = None, repeats: bool = True) -> Rule:
    """Return a rule with these replies."""
    conditions = ANY if when is None else parse_when(when)
    return Rule(name=name, replies=tuple(as_reply(each) for each in replies), when=conditions, repeats=repeats)


def answers(requests: list[Request], *rules: Rule, state: State | None = None, **settings: Any) -> list[Answer]:
    """Return the answers to requests that come one after the other."""
    state, found = state or State(), []
    for request in requests:
        each, state = answer(request, rules, state, Settings(**settings))
        found.append(each)
    return found


def text_of(found: Answer) -> str | None:
    """Return the text that an answer streams; None if it is no message."""
    deltas = [event["delta"]["text"] for event in events_of(found.plan) if event["type"] == "content_block_delta"]
    return "".join(deltas) if found.plan.head.status == 200 and deltas else None


def message_of(found: Answer) -> str:
    """Return the text of the error that an answer is."""
    return str(body_of(found.plan)["error"]["message"])


# in turn


def test_the_first_rule_that_matches_answers() -> None:
    """In the order in which they stand."""
    rules = (rule("London", name="a", when={"last_user": "London"}), rule("any", name="b"), rule("never", name="c"))
    found = answers([ask("In London?"), ask("In Paris?")], *rules)
    assert [(each.rule, text_of(each), each.problem) for each in found] == [("a", "London", None), ("b", "any", None)]


def test_replies_are_given_in_turn_and_the_last_repeats() -> None:
    """Each as often as it says."""
    found = answers([ask()] * 6, rule(error("overloaded", times=2), "one", as_reply("two", times=2)))
    assert [each.plan.head.status for each in found[:2]] == [529, 529]
    assert [text_of(each) for each in found[2:]] == ["one", "two", "two", "two"]


def test_a_rule_that_does_not_repeat_is_used_up() -> None:
    """Then the next one answers, and after the last nobody does."""
    rules = (rule(as_reply("a", times=2), name="a", repeats=False), rule("b", name="b", repeats=False))
    found = answers([ask()] * 4, *rules)
    assert [text_of(each) for each in found] == ["a", "a", "b", None]
    assert found[3].problem == "no rule matches this request; the nearest is 'a': all its replies have been given"


@pytest.mark.parametrize(("given", "expected"), [(0, 0), (1, 0), (2, 1), (3, None)])
def test_which_reply_has_its_turn(given: int, expected: int | None) -> None:
    """By how many have been given."""
    used = rule(as_reply("a", times=2), "b", repeats=False)
    assert used.reply(given) == (None if expected is None else used.replies[expected])
    assert replace(used, repeats=True).reply(given) == used.replies[1 if expected is None else expected]
    assert used.times == 3


def test_attempts_tell_retries_apart() -> None:
    """By the header that the SDKs send."""
    rules = (rule(error("overloaded"), when={"attempt": "1..2"}), rule("fine", name="s", when={"attempt": "3.."}))
    requests = [ask(headers=(("x-stainless-retry-count", str(count)),)) for count in range(4)]
    assert [each.plan.head.status for each in answers(requests, *rules)] == [529, 529, 200, 200]


def test_calls_count_the_requests_that_rules_were_asked() -> None:
    """Refused ones and those with an answer of their own do not count."""
    rules = (rule("one", when={"call": 1}), rule("two", name="s", when={"call": 2}))
    standing = Request(method="GET", path="/v1/models")
    refused = posted({})
    found = answers([standing, refused, ask(), standing, refused, ask(), ask()], *rules)
    assert [text_of(each) for each in found if each.rule] == ["one", "two"]
    assert "call: expected 1, got 3" in (found[6].problem or "")


# misses


def test_a_miss_says_which_rule_was_nearest_and_how_the_request_differs() -> None:
    """It is a 404 of the API that no SDK tries again, and it fails the test."""
    rules = (
        rule("a", name="far", when={"last_user": "Paris", "model": "claude-opus-*"}),
        rule("b", name="near", when={"last_user": "London", "stream": True}),
    )
    (found,) = answers([ask("Rome")], *rules)
    expected = "no rule matches this request; the nearest is 'near': last_user: expected a text with 'London', got 'Rome'"
    assert found.problem == expected
    assert found.rule is None
    assert found.plan.head.status == 404
    assert found.plan.head.get("x-should-retry") == "false"
    assert [name for name, _ in found.plan.head.headers].count("x-should-retry") == 1
    assert body_of(found.plan)["error"] == {"type": "not_found_error", "message": f"streamlab: {expected}"}


def test_without_rules_a_miss_says_so() -> None:
    """There is nothing to be near to."""
    (found,) = answers([ask()])
    assert found.problem == "no rule matches this request: there are no rules"


@pytest.mark.parametrize(
    ("miss", "text"),
    [
        (Miss(), "no rule matches this request: there are no rules"),
        (Miss("r"), "no rule matches this request; the nearest is 'r': all its replies have been given"),
        (
            Miss("r", (Difference("model", "'a'", "'b'"), Difference("turn", "1", "2"))),
            "no rule matches this request; the nearest is 'r': model: expected 'a', got 'b'; turn: expected 1, got 2",
        ),
    ],
)
def test_the_text_of_a_miss(miss: Miss, text: str) -> None:
    """Each difference in a clause of its own."""
    assert str(miss) == text


def test_a_miss_uses_nothing_up() -> None:
    """But it counts as a call."""
    state = State()
    _, after = answer(ask("Rome"), [rule("a", when={"last_user": "Paris"})], state, Settings())
    assert (after.calls, after.given, after.seen) == (1, {}, {})


# other endpoints


def test_a_rule_with_a_path_answers_any_endpoint() -> None:
    """Before the answers that need no rule; the query does not count."""
    rules = (
        rule(http(201, body={"id": "file_1"}), name="files", when={"path": "/v1/files"}),
        rule(http(200, body="mine"), name="models", when={"path": "/v1/models*", "method": "GET"}),
    )
    asked = [
        Request(method="POST", path="/v1/files", query="beta=true"),
        Request(method="GET", path="/v1/models"),
        Request(method="GET", path="/v1/models/claude"),
        Request(method="POST", path="/v1/messages/count_tokens", headers=(VERSION,), body=ask().body),
    ]
    assert [each.rule for each in answers(asked, *rules)] == ["files", "models", "models", None]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("HEAD", "/", b"", 200),
        ("GET", "/", b"", 200),
        ("OPTIONS", "/v1/messages", b"", 204),
        ("GET", "/v1/models", b"", 200),
        ("GET", "/v1/models/claude-sonnet-4-6", b"", 200),
        ("POST", "/v1/messages/count_tokens", ask().body, 200),
    ],
)
def test_what_needs_no_rule_never_fails_a_test(method: str, path: str, body: bytes, status: int) -> None:
    """And is not counted as a call of the rules."""
    request = Request(method=method, path=path, headers=(VERSION,), body=body)
    found, state = answer(request, [rule("a", when={"last_user": "nobody says that"})], State(), Settings())
    assert (found.plan.head.status, found.problem, found.rule, found.pace) == (status, None, None, INSTANT)
    assert state == State()


def test_a_preflight_uses_no_reply_up() -> None:
    """Only a rule that names the method answers one."""
    preflight = Request(
        method="OPTIONS", path="/v1/messages", headers=(ORIGIN, ("Access-Control-Request-Headers", "x-api-key"))
    )
    found = answers([preflight, ask()], rule("a", when={"path": "*"}, repeats=False))
    assert [(each.plan.head.status, each.rule) for each in found] == [(204, None), (200, "r")]
    assert [name for name, _ in found[0].plan.head.headers].count("access-control-allow-origin") == 1
    (mine,) = answers([preflight], rule(http(200), when={"path": "*", "method": "OPTIONS"}))
    assert mine.rule == "r"


def test_a_page_of_another_origin_may_read_every_answer() -> None:
    """A message, a refusal, a miss."""
    requests = [ask(headers=(ORIGIN,)), posted({}, headers=(ORIGIN,)), ask("Rome", headers=(ORIGIN,))]
    found = answers(requests, rule("a", when={"last_user": "Hi"}))
    assert [each.plan.head.get("access-control-allow-origin") for each in found] == ["*"] * 3
    assert answers([ask()], rule("a"))[0].plan.head.get("access-control-allow-origin") is None


def test_headers_of_every_answer_are_in_every_answer() -> None:
    """Such as the date; a reply may take one out."""
    common = (("date", "today"),)
    rules = [
        rule(as_reply("a", headers={"Date": None}), when={"last_user": "Hi"}),
        rule("b", name="s", when={"last_user": "Ho"}),
    ]
    requests = [ask("Hi"), ask("Ho"), posted({}), ask("Rome"), Request(method="GET", path="/v1/models")]
    dates = [answer(each, rules, State(), Settings(), common=common)[0].plan.head.get("date") for each in requests]
    assert dates == [None, "today", "today", "today", "today"]


# what the API itself refuses


def test_a_request_that_the_api_refuses_is_refused_before_any_rule() -> None:
    """With its 400; it is the client's fault, not the test's, and uses nothing up."""
    found, state = answer(posted({"model": "m"}), [rule("a")], State(), Settings())
    assert (found.plan.head.status, found.problem, found.rule) == (400, None, None)
    assert body_of(found.plan)["error"] == {"type": "invalid_request_error", "message": "messages: Field required"}
    assert state == State()


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens", "/v1/%6Dessages"])
@pytest.mark.parametrize(("validate", "status"), [(True, 400), (False, 200)])
def test_validation_can_be_switched_off(path: str, status: int, *, validate: bool) -> None:
    """For messages and for counts, however the path is escaped."""
    (found,) = answers([Request(path=path, body=b"{}")], rule("a"), validate=validate)
    assert found.plan.head.status == status


def test_other_endpoints_and_methods_are_not_validated() -> None:
    """Their bodies are theirs."""
    found = answers(
        [Request(path="/v1/files"), Request(method="PUT", body=b"x")],
        rule(http(200), when={"path": "*", "method": "*"}),
    )
    assert [each.rule for each in found] == ["r", "r"]


def test_a_count_of_tokens_needs_no_limit() -> None:
    """Unlike a message."""
    body = {key: value for key, value in ask().data.items() if key != "max_tokens"}
    counted, refused = answers([posted(body, path="/v1/messages/count_tokens"), posted(body)], rule("a"))
    assert counted.plan.head.status == 200
    assert message_of(refused) == "max_tokens: Field required"


MISSING = "x-api-key header is required"


@pytest.mark.parametrize(
    ("demanded", "headers", "problem"),
    [
        (None, {}, None),
        ("any", {}, MISSING),
        ("any", {"X-Api-Key": ""}, MISSING),
        ("any", {"authorization": ""}, MISSING),
        ("any", {"authorization": "Bearer "}, MISSING),
        ("any", {"authorization": "Basic abc"}, MISSING),
        ("any", {"X-Api-Key": "k"}, None),
        ("any", {"authorization": "Bearer k"}, None),
        ("any", {"authorization": "bearer k"}, None),
        ("k", {"x-api-key": "k"}, None),
        ("k", {"authorization": "Bearer k"}, None),
        ("k", {"x-api-key": "other"}, "invalid x-api-key"),
        ("k", {"authorization": "Bearer other"}, "Invalid bearer token"),
        ("k", {"authorization": "k"}, MISSING),
        ("k", {"x-api-key": "other", "authorization": "Bearer k"}, "invalid x-api-key"),
        ("k", {"x-api-key": "other", "authorization": "Bearer other"}, "invalid x-api-key"),
        ("k", {"x-api-key": "", "authorization": "Bearer k"}, None),
    ],
)
def test_a_key_is_checked_if_one_is_demanded(demanded: str | None, headers: dict[str, str], problem: str | None) -> None:
    """In both places where the SDKs put it, before anything else of the request."""
    request = posted({} if problem else ask().data, headers=tuple(headers.items()))
    (found,) = answers([request], rule("a"), api_key=demanded)
    assert found.problem is None
    if problem is None:
        assert found.plan.head.status == 200
    else:
        assert (found.plan.head.status, message_of(found), found.note) == (401, problem, problem)
        assert body_of(found.plan)["error"]["type"] == "authentication_error"


@pytest.mark.parametrize(("method", "path"), [("OPTIONS", "/v1/messages"), ("HEAD", "/"), ("GET", "/")])
def test_probes_need_no_key(method: str, path: str) -> None:
    """They carry none."""
    (found,) = answers([Request(method=method, path=path)], api_key="k")
    assert found.plan.head.status in (200, 204)


# replies that cannot be made


def broken(_: Request) -> Any:
    """Fail as a test's own function may."""
    raise KeyError("city")


def gives_up(_: Request) -> Any:
    """Raise what is no Exception, as `pytest.fail` does."""
    raise SystemExit(3)


class Stopping:
    """A source of one's own that raises the like."""

    def plan(self, request: Request, rng: Any) -> Any:
        """Stop everything."""
        del request, rng
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("source", "faults", "problem"),
    [
        (
            "Hi",
            [{"cut": "fin", "after": "delta 1"}, {"cut": "fin", "at": "delta 99"}],
            "faults.1.at: the answer has no place 'delta 99'",
        ),
        (broken, [], "the function that makes this reply raised KeyError: 'city'"),
        (gives_up, [], "the function that makes this reply raised SystemExit: 3"),
        (Stopping(), [], "the reply cannot be made: KeyboardInterrupt: "),
        (lambda _: 5, [], "a reply is expected, not 5"),
    ],
)
def test_a_reply_that_cannot_be_made_fails_the_test(source: Any, faults: list[Any], problem: str) -> None:
    """It is a 500 that no SDK tries again; the rule is named, and the reply is used up."""
    state = State()
    found, state = answer(ask(), [rule(as_reply(source, faults=faults))], state, Settings())
    assert (found.problem or "").startswith(problem)
    assert (found.rule, found.plan.head.status) == ("r", 500)
    assert found.plan.head.get("x-should-retry") == "false"
    assert message_of(found).startswith(f"streamlab: {problem}")
    assert state.given == {"r": 1}


def test_whatever_goes_wrong_in_a_source_reaches_the_test() -> None:
    """A source of one's own may fail in any way."""

    class Odd:
        """Fails."""

        def plan(self, request: Request, rng: Any) -> Any:
            """Divide by nothing."""
            del request, rng
            return 1 / 0

    (found,) = answers([ask()], rule(Odd()))
    assert found.problem == "the reply cannot be made: ZeroDivisionError: division by zero"


def test_a_fault_that_has_no_place_in_json_says_so() -> None:
    """A client that asks for no stream cannot be cut after a delta."""
    (found,) = answers([ask(stream=False)], rule(as_reply("Hi", faults=[{"cut": "fin", "after": "delta 1"}])))
    assert "faults.0.after: the answer has no place 'delta 1'" in (found.problem or "")


def test_a_header_is_changed_before_the_faults() -> None:
    """Set, replaced or taken out, whatever the case of its name."""
    reply = as_reply("Hi", headers={"Request-Id": "req_mine", "x-new": "1", "SERVER": None})
    (found,) = answers([ask()], rule(reply))
    assert (found.plan.head.get("request-id"), found.plan.head.get("x-new"), found.plan.head.get("server")) == (
        "req_mine",
        "1",
        None,
    )
    (broken_off,) = answers([ask()], rule(as_reply(reply, faults=[{"error": "api", "after": "delta 1"}])))
    assert events_of(broken_off.plan)[-1]["request_id"] == "req_mine"


# pace and script


@pytest.mark.parametrize(("own", "common", "expected"), [(None, "50/s", 50.0), ("9/s", "50/s", 9.0), ("instant", "50/s", None)])
def test_a_reply_has_its_own_pace_or_that_of_all(own: str | None, common: str, expected: float | None) -> None:
    """An instant one, too."""
    pace = as_reply("x", pace=common).pace
    (found,) = answers([ask()], rule(as_reply("Hi", pace=own)), pace=pace)
    assert found.pace.rate == expected


def test_a_script_sends_the_plan() -> None:
    """At its pace, from the first wait to the end."""
    (found,) = answers([ask()], rule(as_reply("Hi", pace={"first": "1s"})))
    actions = list(found.script(Framing(chunked=False)))
    assert actions[0] == Wait(1.0)
    sent = b"".join(each.data for each in actions if isinstance(each, Send))
    assert sent.endswith(found.plan.body)
    assert isinstance(actions[-1], Finish)


# the same bytes


def seen(found: Answer) -> tuple[Any, ...]:
    """Return all that a client sees of an answer."""
    return found.plan.head, found.plan.body, tuple(found.script(Framing()))


REQUESTS = [ask("one"), ask("two"), ask("one", stream=False), ask("three", max_tokens=5), ask("one", system="Be kind.")]


@given(st.permutations(range(len(REQUESTS))), st.integers(0, 9))
@settings(max_examples=30)
def test_the_order_of_other_requests_changes_nothing(order: list[int], seed: int) -> None:
    """Each request gets the same bytes whenever it comes."""
    rules = (rule(["One two three.", {"tool_use": {"name": "x"}}], name="a", when={"last_user": "one"}), rule("b", name="b"))
    straight = [seen(each) for each in answers(REQUESTS, *rules, seed=seed)]
    mixed = answers([REQUESTS[index] for index in order], *rules, seed=seed)
    assert [seen(mixed[order.index(index)]) for index in range(len(REQUESTS))] == straight


def test_the_same_request_again_gets_other_ids() -> None:
    """The first, the second and the third differ, and are the same in every run."""
    runs = [[seen(each) for each in answers([ask()] * 3, rule("Hi there"))] for _ in range(2)]
    assert runs[0] == runs[1]
    ids = {events_of(each.plan)[0]["message"]["id"] for each in answers([ask()] * 3, rule("Hi there"))}
    assert len(ids) == 3


def test_a_seed_a_rule_and_a_request_each_change_the_ids() -> None:
    """And nothing else does: keys in another order and other headers are the same request."""
    data = ask().data
    shuffled = posted(dict(reversed(data.items())), headers=(("x-stainless-retry-count", "1"), ("user-agent", "x")))
    ids = [
        events_of(answers([request], rule("Hi", name=name), seed=seed)[0].plan)[0]["message"]["id"]
        for request, name, seed in ((ask(), "r", 0), (shuffled, "r", 0), (ask(), "r", 1), (ask(), "s", 0), (ask("Ho"), "r", 0))
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4


def test_refusals_and_standing_answers_are_the_same_every_time() -> None:
    """They have no memory."""
    for request in (posted({}), Request(method="GET", path="/v1/models"), ask("nobody")):
        found = answers([request, ask("x"), request], rule("a", when={"last_user": "x"}))
        assert seen(found[0])[:2] == seen(found[2])[:2]


# memory


def test_a_state_counts_how_often_a_rule_answered_a_request() -> None:
    """Each rule and each request by itself."""
    state, counts = State(), []
    for name, request in (("a", ask("1")), ("a", ask("1")), ("b", ask("1")), ("a", ask("2")), ("a", ask("1"))):
        state, occurrence = state.after(rule("x", name=name), request)
        counts.append(occurrence)
    assert counts == [1, 2, 1, 1, 3]
    assert state.given == {"a": 4, "b": 1}


def test_a_state_does_not_grow_for_ever() -> None:
    """It forgets the request that was longest not seen; one that comes often stays."""
    used, state = rule("x"), State()
    often, rare = ask("often"), ask("rare")
    state, _ = state.after(used, rare)
    for number in itertools.islice(itertools.count(), 1100):
        state, _ = state.after(used, ask(str(number)))
        if number % 500 == 0:
            state, count = state.after(used, often)
    assert len(state.seen) == 1024
    assert state.after(used, often)[1] == count + 1
    assert state.after(used, rare)[1] == 1
    assert state.given["r"] == 1100 + 1 + 3


def test_a_state_is_a_value() -> None:
    """What it was stays what it was."""
    before = State()
    after, _ = before.after(rule("x"), ask())
    assert before == State()
    assert after != before


# the whole, with odd requests


@given(
    st.binary(max_size=40)
    | st.builds(lambda value: json.dumps(value).encode(), st.dictionaries(st.text(max_size=4), st.text()))
)
def test_every_request_is_answered(body: bytes) -> None:
    """Whatever its body, checked or not."""
    for validate in (True, False):
        request = Request(headers=(VERSION,), body=body)
        (found,) = answers([request], rule("a"), validate=validate)
        assert found.plan.head.status == (400 if validate else 200)
