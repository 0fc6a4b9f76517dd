"""Conversations that are held for requests that send only what is new in them."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from asking import ask, body_of, events_of, posted

from streamlab.core.authoring import as_reply, error, http, message, tool_use
from streamlab.core.endpoints import COUNT_TOKENS
from streamlab.core.exchange import Request
from streamlab.core.faults import Cut
from streamlab.core.matching import parse_when
from streamlab.core.plan import Plan
from streamlab.core.replies import Answer, Miss, Rule, Settings, State, answer
from streamlab.core.threads import continued, held, lost, refused

TOOL = {"name": "get_weather", "input_schema": {"type": "object"}}
CREATE = {"type": "create"}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "mild"}]}
HELD = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [{"type": "text", "text": "Hello."}]}]}


class Recorded:
    """A recording of one answer, whatever is asked."""

    name = "recorded"

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def find(self, request: Request) -> Rule:
        """Return what was recorded, and remember what was asked."""
        self.asked.append(request)
        return rule("Hello.")

    def miss(self, request: Request) -> Miss:
        """Return how the request differs."""
        raise NotImplementedError


def rule(source: Any, **when: Any) -> Rule:
    """Return a rule with one reply, which repeats."""
    return Rule(name="rule", replies=(as_reply(source),), when=parse_when(when))


def going_on(previous: object, *messages: dict[str, Any]) -> Request:
    """Return a request that goes on from an answer."""
    request = ask(thread={"type": "continue", "previous_message_id": previous})
    return posted({**request.data, "messages": list(messages)})


def plan_of(source: Any, request: Request) -> Plan:
    """Return the plan of an answer."""
    return as_reply(source).plan(request, Random(1))


def answered(rules: list[Rule], state: State, request: Request) -> tuple[Answer, State]:
    """Return the answer to a request."""
    return answer(request, rules, state, Settings())


def id_of(plan: Plan) -> str:
    """Return the id of the message that is sent."""
    events = events_of(plan)
    return str((events[0]["message"] if events else body_of(plan))["id"])


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_is_held_with_its_question_its_system_and_its_tools(stream: bool) -> None:  # noqa: FBT001 - a column
    """Under its own id; what a request says of the answer itself is not held."""
    request = ask(thread=CREATE, system="Be brief.", tools=[TOOL], temperature=0.5, stream=stream)
    plan = plan_of("Hello.", request)
    assert held(request, plan, {}) == {id_of(plan): {"system": "Be brief.", "tools": [TOOL], **HELD}}


@pytest.mark.parametrize(
    "source",
    [
        as_reply("Hello.", faults=[Cut("end", after="delta 1")]),
        as_reply("Hello.", faults=[Cut("reset", before="message_stop")]),
        as_reply("Hello.", faults=[{"drop": "message_start"}]),
        error("overloaded"),
        http(200, body="no JSON"),
        http(200, body={"id": "msg_1"}),
        http(200, body=["msg_1"]),
    ],
)
def test_an_answer_that_is_no_whole_message_is_not_held(source: Any) -> None:
    """The SDKs send all of it again."""
    request = ask(thread=CREATE)
    assert held(request, plan_of(source, request), {}) == {}


@pytest.mark.parametrize("thread", [None, "create", 5])
def test_a_request_without_a_thread_is_not_held(thread: object) -> None:
    """It sends everything each time."""
    request = ask(thread=thread)
    assert held(request, plan_of("Hello.", request), {}) == {}


def test_only_the_newest_threads_are_held() -> None:
    """A thousand of them."""
    threads = {f"msg_{number}": HELD for number in range(1000)}
    request = ask(thread=CREATE)
    after = held(request, plan_of("Hello.", request), threads)
    assert len(after) == 1000
    assert "msg_0" not in after
    assert "msg_1" in after


def test_a_request_that_goes_on_has_what_is_held() -> None:
    """In front of what it sends; the rest of it is its own."""
    threads = {"msg_1": {"tools": [TOOL], **HELD}}
    request = continued(going_on("msg_1", RESULT), threads)
    assert request.messages == [*HELD["messages"], RESULT]
    assert request.tools == ["get_weather"]
    assert request.data["max_tokens"] == 64


@pytest.mark.parametrize(
    "request_",
    [
        ask(),
        ask(thread=CREATE),
        going_on("msg_2", RESULT),
        going_on(5),
        posted([]),
        replace(going_on("msg_1"), path=COUNT_TOKENS),
    ],
)
def test_other_requests_stay_as_they_are(request_: Request) -> None:
    """To the byte."""
    assert continued(request_, {"msg_1": HELD}) is request_


def test_a_thread_that_is_not_held_is_lost() -> None:
    """The API says so with details, which the SDKs look at."""
    problem = lost(going_on("msg_2", RESULT), {"msg_1": HELD})
    assert problem == "No thread found for previous_message_id: msg_2"
    plan = refused(problem, Random(1))
    assert plan.head.status == 404
    assert plan.head.get("content-length") == str(len(plan.body))
    assert body_of(plan)["error"] == {
        "type": "not_found_error",
        "message": problem,
        "details": {"error_code": "thread_not_found"},
    }


@pytest.mark.parametrize("request_", [ask(), ask(thread=CREATE), going_on("msg_1"), going_on(None)])
def test_other_threads_are_not_lost(request_: Request) -> None:
    """That of a known answer is not, nor is what is none."""
    assert lost(request_, {"msg_1": HELD}) is None


def test_a_tool_loop_over_a_thread_is_asked_about_as_a_whole() -> None:
    """The second request brings a result alone, and the rule knows of which tool."""
    rules = [rule("It is mild.", tool_result="get_weather", turn=2), rule(message(tool_use("get_weather"), id="msg_1"))]
    first, state = answered(rules, State(), ask(thread=CREATE, tools=[TOOL]))
    call = next(event["content_block"]["id"] for event in events_of(first.plan) if event["type"] == "content_block_start")
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, "content": "18"}]}
    second, state = answered(rules, state, going_on("msg_1", result))
    assert (second.problem, second.plan.head.status) == (None, 200)
    assert [len(each["messages"]) for each in state.threads.values()] == [2, 4]


def test_a_lost_thread_is_answered_before_any_rule() -> None:
    """It counts for nothing, and fails no test."""
    found, state = answered([rule("Hello.")], State(), going_on("msg_9", RESULT))
    assert (found.plan.head.status, found.problem, state) == (404, None, State())


def test_a_recording_is_asked_for_what_was_sent() -> None:
    """It has the requests of a thread as they were, with the ids of its own answers."""
    recorded, request = Recorded(), going_on("msg_9", {"role": "user", "content": "Go on."})
    found, state = answer(request, [recorded], State(), Settings())
    assert (found.plan.head.status, state.threads) == (200, {})
    assert recorded.asked == [request]
