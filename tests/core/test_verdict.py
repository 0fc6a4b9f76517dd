"""The verdict: what did not go as asked, what it is about, and the line that mends it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamlab.core.exchange import Request
from streamlab.core.journal import Call
from streamlab.core.matching import Difference
from streamlab.core.replies import Miss
from streamlab.core.usage import Usage
from streamlab.core.verdict import CONCERNS, Finding, findings

HI = [{"role": "user", "content": "Hi"}]


def call(problem: str | None, **request: Any) -> Call:
    """Return a call that went so."""
    return Call(number=7, request=Request(**request), rule=None, status=404, attempt=1, started=0.0, problem=problem)


def asking(messages: list[Any], **more: Any) -> bytes:
    """Return the body of a request for a message."""
    return json.dumps({"model": "m", "messages": messages, **more}).encode()


def found(problem: str, **request: Any) -> Finding:
    """Return the one finding of a call."""
    (finding,) = findings([call(problem, **request)], ())
    return finding


NONE = str(Miss())
USED_UP = str(Miss("r"))
ONE = str(Miss("r", (Difference("model", "'a'", "'b'"),)))
TWO = str(Miss("a: b", (Difference("headers.x-a", "'a'", "'; turned on'"), Difference("turn", "2", "1"))))
MANY = str(Miss("r", tuple(Difference("turn", str(number), "1") for number in range(10))))
TAPE = str(Miss("t", (Difference("body.a.0", "1", "2", "recorded"), Difference("body.b", "1", "2", "recorded")), exchange=3))

CASES: dict[str, tuple[str, str, bool]] = {
    NONE: ("unmatched", "no rule matches this request: there are no rules", False),
    USED_UP: ("unmatched", USED_UP, False),
    ONE: ("unmatched", ONE, False),
    TWO: (
        "unmatched",
        (
            "no rule matches this request; the nearest is 'a: b':\n  headers.x-a: expected 'a', got '; turned on'\n"
            "  turn: expected 2, got 1"
        ),
        False,
    ),
    MANY: (
        "unmatched",
        "no rule matches this request; the nearest is 'r':\n"
        + "".join(f"  turn: expected {number}, got 1\n" for number in range(8))
        + "  and 2 more",
        False,
    ),
    TAPE: (
        "unmatched",
        (
            "no recorded exchange matches this request; the nearest is exchange 3 of 't':\n"
            "  body.a.0: recorded 1, got 2\n  body.b: recorded 1, got 2"
        ),
        True,
    ),
    str(Miss("t", is_empty=True)): ("unmatched", "no recorded exchange matches this request: 't' holds none", True),
    str(Miss("t", used=(1,))): (
        "unmatched",
        "no recorded exchange is left for this request: in 't', exchange 1 has been given",
        True,
    ),
    "faults.0.after: the answer has no place 'delta 9'": ("faults", "faults.0.after: the answer has no place 'delta 9'", False),
    "x-streamlab-fault: there is no fault": ("faults", "x-streamlab-fault: there is no fault", False),
    "the reply cannot be made: KeyError: 1": ("replies", "the reply cannot be made: KeyError: 1", False),
    "faultless": ("replies", "faultless", False),
}


@pytest.mark.parametrize(("problem", "expected"), CASES.items())
def test_a_problem_of_a_call_is_told_by_what_it_is_about(problem: str, expected: tuple[str, str, bool]) -> None:
    """A miss has its differences in lines of their own if there are several."""
    finding = found(problem, body=asking(HI))
    assert (finding.concern, finding.text, finding.is_recorded) == (
        expected[0],
        f"call 7, POST /v1/messages: {expected[1]}",
        expected[2],
    )
    assert finding.concern in CONCERNS
    assert bool(finding.asked) == (finding.concern != "faults")
    assert bool(finding.mend) == (finding.concern == "unmatched" and not finding.is_recorded)


KEY = f"sk-ant-api03-{'Z' * 20}"
TOOL = [
    {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "get_weather", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "18"}]},
]
MENDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "a text": (
        {"body": asking(HI, stream=True)},
        "model 'm', stream true, turn 1, last_user 'Hi'",
        'lab.reply("…", when={"last_user": "Hi"})',
    ),
    "a text of several lines": (
        {"body": asking([{"role": "user", "content": '\n  "a"\nb'}])},
        "model 'm', stream false, turn 1, last_user '\\n  \"a\"\\nb'",
        'lab.reply("…", when={"last_user": "\\"a\\""})',
    ),
    "a long text": (
        {"body": asking([{"role": "user", "content": "é" * 100}])},
        f"model 'm', stream false, turn 1, last_user '{'é' * 59}…'",
        f'lab.reply("…", when={{"last_user": "{"é" * 60}"}})',
    ),
    "the result of a tool": (
        {"body": asking(TOOL)},
        "model 'm', stream false, turn 2, tool_result 'get_weather', last_user '18'",
        'lab.reply("…", when={"tool_result": "get_weather"})',
    ),
    "the result of a tool that nobody called": (
        {"body": asking(TOOL[1:])},
        "model 'm', stream false, turn 1, last_user '18'",
        'lab.reply("…", when={"last_user": "18"})',
    ),
    "a text with a secret": (
        {"body": asking([{"role": "user", "content": f"{KEY}\nuse {KEY}, please"}])},
        "model 'm', stream false, turn 1, last_user '[redacted]\\nuse [redacted], please'",
        'lab.reply("…", when={"last_user": ", please"})',
    ),
    "a text that a secret ends": (
        {"body": asking([{"role": "user", "content": f"{'é' * 50} {KEY}"}])},
        f"model 'm', stream false, turn 1, last_user '{'é' * 50} [redacte…'",
        f'lab.reply("…", when={{"last_user": "{"é" * 50}"}})',
    ),
    "a secret": (
        {"body": asking([{"role": "user", "content": KEY}])},
        "model 'm', stream false, turn 1, last_user '[redacted]'",
        'lab.reply("…")',
    ),
    "a secret in the path": (
        {"method": "GET", "path": f"/v1/{KEY}/x"},
        "nothing: it has no body",
        'lab.reply("…", when={"path": "/v1/*/x", "method": "GET"})',
    ),
    "no text": ({"body": asking([])}, "model 'm', stream false, turn 1", 'lab.reply("…")'),
    "no object": ({"body": b"[]"}, "2 bytes that are no JSON object", 'lab.reply("…")'),
    "no body": ({"body": b""}, "nothing: it has no body", 'lab.reply("…")'),
    "another path": (
        {"method": "GET", "path": "/v1/mod%65ls/x"},
        "nothing: it has no body",
        'lab.reply("…", when={"path": "/v1/models/x", "method": "GET"})',
    ),
}


@pytest.mark.parametrize(("request_", "asked", "line"), MENDS.values(), ids=MENDS)
def test_a_miss_says_what_was_asked_and_the_line_that_answers_it(request_: dict[str, Any], asked: str, line: str) -> None:
    """By what tells this request from others."""
    finding = found(NONE, **request_)
    assert finding.asked == asked
    assert finding.mend == f"to answer it, write: {line}"
    assert str(finding).splitlines()[1:] == [f"  it asked: {asked}", f"  hint: {finding.mend}"]


def test_what_is_used_up_can_be_given_more_often() -> None:
    """The other way to mend it is said as well, with the name that the lab has in the test."""
    (finding,) = findings([call(USED_UP, body=asking(HI))], (), handle="streamlab")
    line = 'streamlab.reply("…", when={"last_user": "Hi"})'
    assert finding.mend == f"to answer it too, say times=… with that reply, or write: {line}"


@pytest.mark.parametrize("condition", [{"last_user": "Hi"}, {"path": "/v1/x", "method": "GET"}, {"tool_result": "get_weather"}])
def test_the_line_matches_the_request(condition: dict[str, str]) -> None:
    """What is said to be written would have answered the request."""
    from streamlab.core.matching import differences, parse_when

    requests = {
        "last_user": Request(body=asking(HI)),
        "path": Request(method="GET", path="/v1/x"),
        "tool_result": Request(body=asking(TOOL)),
    }
    request = requests[next(iter(condition))]
    (finding,) = findings([call(NONE, method=request.method, path=request.path, body=request.body)], ())
    written = json.loads(finding.mend.partition("when=")[2].removesuffix(")"))
    assert written == condition
    assert differences(parse_when(written), request, 1) == ()


def test_rules_that_were_not_used_come_after_the_calls() -> None:
    """Then the exchanges that were not asked for; a call without a problem says nothing."""
    used = (
        Usage(name="a", given=0, wanted=2),
        Usage(name="b", given=1, wanted=1),
        Usage(name="t", given=1, exchanges=3, unplayed=(2, 3)),
    )
    texts = [(each.concern, each.text) for each in findings([call(None), call("odd")], used)]
    assert texts == [
        ("replies", "call 7, POST /v1/messages: odd"),
        ("unused", "'a' was given 0 of 2 times"),
        ("exchanges", "'t': exchanges 2, 3 of 3 not asked for"),
    ]


def test_a_fault_without_a_place_is_told_with_its_rule() -> None:
    """There may be many replies, each with faults of its own; a fault that a request brings may have none."""
    problem = "faults.0.after: the answer has no place 'delta 9'"
    asked = Call(number=7, request=Request(), rule="reply 2", status=500, attempt=1, started=0.0, problem=problem)
    (finding,) = findings([asked], ())
    assert str(finding) == f"call 7, POST /v1/messages, answered by 'reply 2': {problem}"
    assert str(found(problem)) == f"call 7, POST /v1/messages: {problem}"


def test_a_finding_without_a_hint_is_its_text() -> None:
    """There is no empty line."""
    assert str(Finding(concern="replies", text="odd")) == "odd"
