"""Tests of matching: every condition, how it is written, and how a request differs from what it asks for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bodies import BODIES, CALL, RESULT
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core.exchange import Request
from streamlab.core.matching import ANY, Difference, Span, Text, When, differences, parse_when
from streamlab.errors import ScenarioError

KEY = "sk-ant-api03-" + "x1" * 20


def ask(body: dict[str, Any] | None = None, **parts: Any) -> Request:
    """Return a request with this body, and other parts as given."""
    return Request(body=json.dumps(body or {}).encode(), **parts)


def differing(when: dict[str, Any], request: Request, call: int = 1) -> list[str]:
    """Return how a request differs from written conditions, as texts."""
    return [str(each) for each in differences(parse_when(when), request, call)]


def say(text: str) -> dict[str, Any]:
    """Return a body with one message of the user."""
    return {"messages": [{"role": "user", "content": text}]}


HELLO = ask(say("What is the weather in Paris?"))
THIRD = ask(
    {
        "messages": [
            {"role": "user", "content": "weather?"},
            {"role": "assistant", "content": [CALL]},
            {"role": "user", "content": [RESULT]},
            {"role": "assistant", "content": "18."},
            {"role": "user", "content": "thanks"},
        ]
    }
)
RESULTS = ask({"messages": [{"role": "assistant", "content": [CALL]}, {"role": "user", "content": [RESULT]}]})
TOOLS = ask({"tools": [{"name": "get_weather"}, {"name": "get_time"}]})
SONNET = ask({"model": "claude-sonnet-4-6", "stream": True, "system": "You are a helpful pirate."})


@pytest.mark.parametrize(
    ("when", "request_", "call"),
    [
        ({}, HELLO, 1),
        ({"path": "/v1/complete"}, ask(path="/v1/complete"), 1),
        ({"path": "/v1/*"}, ask(path="/v1/files/7", method="GET"), 1),
        ({"path": "/a b"}, ask(path="/a%20b"), 1),
        ({"path": "/v1/files", "method": "GET"}, ask(path="/v1/files", method="GET"), 1),
        ({"method": "PUT"}, ask(method="PUT"), 1),
        ({"headers": {"x-tenant": "acme"}}, ask(headers=(("X-Tenant", "acme"),)), 1),
        ({"headers": {"X-Tenant": "ac*"}}, ask(headers=(("x-tenant", "acme"),)), 1),
        ({"headers": {"x-stainless-retry-count": 1}}, ask(headers=(("x-stainless-retry-count", "1"),)), 1),
        ({"model": "claude-*"}, SONNET, 1),
        ({"model": "claude-sonnet-4-6"}, SONNET, 1),
        ({"model": {"regex": "sonnet-[0-9]"}}, SONNET, 1),
        ({"model": {"equals": "claude-sonnet-4-6"}}, SONNET, 1),
        ({"stream": True}, SONNET, 1),
        ({"stream": False}, HELLO, 1),
        ({"system": "pirate"}, SONNET, 1),
        ({"last_user": "weather"}, HELLO, 1),
        ({"last_user": {"regex": "^What .*\\?$"}}, HELLO, 1),
        ({"last_user": {"equals": "thanks"}}, THIRD, 1),
        ({"any_message": "weather?"}, THIRD, 1),
        ({"any_message": "18 degrees"}, THIRD, 1),
        ({"tools": "get_weather"}, TOOLS, 1),
        ({"tools": ["get_w*", "get_t*"]}, TOOLS, 1),
        ({"tools": []}, HELLO, 1),
        ({"tool_result": "get_weather"}, RESULTS, 1),
        ({"tool_result": "*"}, RESULTS, 1),
        ({"turn": 1}, HELLO, 1),
        ({"turn": "2..3"}, THIRD, 1),
        ({"turn": "3.."}, THIRD, 1),
        ({"turn": 1}, ask({"messages": [*say("JSON!")["messages"], {"role": "assistant", "content": "{"}]}), 1),
        ({"attempt": 1}, HELLO, 1),
        ({"attempt": 3}, ask(headers=(("x-stainless-retry-count", "2"),)), 1),
        ({"call": "2.."}, HELLO, 7),
        ({"body": {"a": {"b": 1}}}, ask({"a": {"b": 1, "c": 2}, "d": 3}), 1),
        ({"body": {"a": [{"b": 1}, 2]}}, ask({"a": [{"b": 1, "c": 2}, 2]}), 1),
        ({"body": {"a": None}}, ask({"a": None}), 1),
        ({"body": {"a": 1}}, ask({"a": 1.0}), 1),
        ({"body": [1]}, Request(body=b"[1]"), 1),
        ({"model": "claude-*", "stream": True, "system": "pirate", "turn": 1}, SONNET, 1),
    ],
)
def test_a_request_that_meets_every_condition_matches(when: dict[str, Any], request_: Request, call: int) -> None:
    """Prose by substring, names by glob, numbers by range, bodies by subset."""
    assert differing(when, request_, call) == []


@pytest.mark.parametrize(
    ("when", "request_", "expected"),
    [
        ({}, ask(path="/v1/complete"), ["path: expected '/v1/messages', got '/v1/complete'"]),
        ({}, ask(method="GET"), ["method: expected 'POST', got 'GET'"]),
        ({"method": "PUT"}, HELLO, ["method: expected 'PUT', got 'POST'"]),
        ({"path": "/v1/f*"}, HELLO, ["path: expected '/v1/f*', got '/v1/messages'"]),
        ({"path": "*", "method": "GET"}, HELLO, ["method: expected 'GET', got 'POST'"]),
        ({"headers": {"x-a": "b"}}, HELLO, ["headers.x-a: expected 'b', got nothing"]),
        ({"headers": {"x-a": "*"}}, HELLO, ["headers.x-a: expected '*', got nothing"]),
        ({"headers": {"x-a": "b"}}, ask(headers=(("x-a", "c"),)), ["headers.x-a: expected 'b', got 'c'"]),
        ({"model": "*"}, HELLO, ["model: expected '*', got nothing"]),
        ({"model": "claude-haiku*"}, SONNET, ["model: expected 'claude-haiku*', got 'claude-sonnet-4-6'"]),
        ({"model": {"equals": "claude-*"}}, SONNET, ["model: expected 'claude-*', got 'claude-sonnet-4-6'"]),
        ({"model": {"regex": "haiku"}}, SONNET, ["model: expected a match of /haiku/, got 'claude-sonnet-4-6'"]),
        ({"stream": False}, SONNET, ["stream: expected false, got true"]),
        ({"stream": True}, HELLO, ["stream: expected true, got false"]),
        ({"system": "parrot"}, SONNET, ["system: expected a text with 'parrot', got 'You are a helpful pirate.'"]),
        ({"last_user": "time"}, HELLO, ["last_user: expected a text with 'time', got 'What is the weather in Paris?'"]),
        ({"any_message": "time"}, HELLO, ["any_message: expected a text with 'time', got ['What is the weather in Paris?']"]),
        ({"any_message": "time"}, ask(), ["any_message: expected a text with 'time', got []"]),
        ({"tools": ["get_weather", "sing"]}, TOOLS, ["tools: expected 'sing', got ['get_weather', 'get_time']"]),
        ({"tool_result": "get_time"}, RESULTS, ["tool_result: expected 'get_time', got ['get_weather']"]),
        ({"tool_result": "get_weather"}, THIRD, ["tool_result: expected 'get_weather', got []"]),
        ({"turn": 2}, HELLO, ["turn: expected 2, got 1"]),
        ({"turn": "1..2"}, THIRD, ["turn: expected 1..2, got 3"]),
        ({"attempt": "2.."}, HELLO, ["attempt: expected 2.., got 1"]),
        ({"call": 2}, HELLO, ["call: expected 2, got 1"]),
        ({"body": {"a": {"b": 1}}}, ask({"a": {"b": 2}}), ["body.a.b: expected 1, got 2"]),
        ({"body": {"a": {"b": 1}}}, ask({"a": {}}), ["body.a.b: expected 1, got nothing"]),
        ({"body": {"a": {"b": 1}}}, ask({"a": None}), ['body.a: expected {"b": 1}, got null']),
        ({"body": {"a": [1, 2]}}, ask({"a": [1]}), ["body.a: expected [1, 2], got [1]"]),
        ({"body": {"a": [1, {"b": 2}]}}, ask({"a": [1, {"b": 3}]}), ["body.a.1.b: expected 2, got 3"]),
        ({"body": {"a": True}}, ask({"a": 1}), ["body.a: expected true, got 1"]),
        ({"body": {"a": "ü"}}, ask({"a": "é"}), ['body.a: expected "ü", got "é"']),
        ({"body": {"a": 1}}, Request(body=b"not json"), ['body: expected {"a": 1}, got nothing']),
        ({"body": {"a": ("x", "y")}}, ask({"a": ["x", "z"]}), ['body.a.1: expected "y", got "z"']),
        ({"body": {"a": {1}}}, ask({"a": 1}), ['body.a: expected "{1}", got 1']),
        (
            {"model": "claude-haiku*", "turn": 2},
            SONNET,
            ["model: expected 'claude-haiku*', got 'claude-sonnet-4-6'", "turn: expected 2, got 1"],
        ),
    ],
)
def test_a_difference_names_the_field_what_was_expected_and_what_came(
    when: dict[str, Any], request_: Request, expected: list[str]
) -> None:
    """One for each condition that is not met; what the request does not have matches nothing, not even `*`."""
    assert differing(when, request_) == expected


def test_a_difference_shows_a_long_value_in_short() -> None:
    """An error is to be read."""
    (found,) = differences(parse_when({"last_user": "x"}), ask(say("long " * 100)), 1)
    assert len(found.actual) == 120
    assert found.actual.endswith("long lon…")


def test_a_value_that_is_nested_too_deep_is_not_shown() -> None:
    """It could just be read, and is too deep to be written from further down the stack."""

    def deeper(request: Request, levels: int) -> list[str]:
        return differing({"body": {"a": 1}}, request) if levels == 0 else deeper(request, levels - 1)

    bodies = (Request(body=b'{"a": %b%b}' % (b"[" * depth, b"]" * depth)) for depth in range(990, 1, -1))
    request = next(each for each in bodies if each.json is not None)
    (found,) = deeper(request, 30)
    assert found.startswith(("body.a: expected 1, got a value that is nested too deep", "body.a: expected 1, got [[["))


@pytest.mark.parametrize(
    ("when", "request_", "expected"),
    [
        (
            {"headers": {"authorization": f"Bearer {KEY}2"}},
            ask(headers=(("authorization", f"Bearer {KEY}"),)),
            "headers.authorization: expected [redacted], got '[redacted]'",
        ),
        ({"headers": {"x-a": KEY}}, HELLO, "headers.x-a: expected '[redacted]', got nothing"),
        ({"last_user": KEY}, ask(say(f"use {KEY}3")), None),
        ({"last_user": "x"}, ask(say(f"use {KEY}")), None),
        ({"any_message": f"{KEY}9"}, ask(say(f"use {KEY}")), None),
        ({"last_user": "x9"}, ask(say("a" * 110 + " " + KEY)), None),
        ({"model": "y"}, ask({"model": KEY}), "model: expected 'y', got '[redacted]'"),
        ({"body": {"a": "b"}}, ask({"a": KEY}), 'body.a: expected "b", got "[redacted]"'),
        ({"body": {"a": f"{KEY}4"}}, ask({"a": KEY}), 'body.a: expected "[redacted]", got "[redacted]"'),
    ],
)
def test_a_difference_shows_no_secret(when: dict[str, Any], request_: Request, expected: str | None) -> None:
    """It ends up in a journal, a terminal and the log of a build; a key that is cut off in it is no exception."""
    found = differing(when, request_)
    assert "sk-ant" not in "".join(found)
    if expected is not None:
        assert found == [expected]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, ANY),
        ({"path": "/v1/*", "method": "GET"}, When(path=Text("glob", "/v1/*"), method=Text("glob", "GET"))),
        ({"headers": {"x-a": "b", "x-n": 1}}, When(headers=(("x-a", Text("glob", "b")), ("x-n", Text("glob", "1"))))),
        ({"model": {"equals": "a*"}}, When(model=Text("equals", "a*"))),
        ({"stream": True}, When(stream=True)),
        ({"system": "a", "last_user": "b"}, When(system=Text("contains", "a"), last_user=Text("contains", "b"))),
        ({"any_message": {"regex": "a|b"}}, When(any_message=Text("regex", "a|b"))),
        ({"tools": "a*"}, When(tools=(Text("glob", "a*"),))),
        ({"tools": ["a", {"regex": "b"}]}, When(tools=(Text("glob", "a"), Text("regex", "b")))),
        ({"tool_result": "a"}, When(tool_result=Text("glob", "a"))),
        ({"turn": 1, "attempt": "2", "call": "3.."}, When(turn=Span(1, 1), attempt=Span(2, 2), call=Span(3, None))),
        ({"turn": "1..2"}, When(turn=Span(1, 2))),
        ({"body": {"a": 1}}, When(body={"a": 1})),
    ],
)
def test_conditions_are_read_from_a_mapping(written: dict[str, Any], expected: When) -> None:
    """Each key has its own way of matching."""
    assert parse_when(written) == expected


WORDS = "any_message, attempt, body, call, headers, last_user, method, model, path, stream, system, tool_result, tools, turn"
TEXT_HINT = "write a text, {regex: …} or {equals: …}"
EMPTY = "nothing is written here\n  hint: write a value, or take the key out"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (3, "conditions are expected, not 3\n  hint: for example: when: {last_user: weather}"),
        (
            {"last_usr": "x"},
            f"last_usr: there is no condition 'last_usr'\n  hint: did you mean 'last_user'? expected one of: {WORDS}",
        ),
        ({3: "x"}, f"3: there is no condition 3\n  hint: expected one of: {WORDS}"),
        ({"model": None}, f"model: {EMPTY}"),
        ({"body": None}, f"body: {EMPTY}"),
        ({"model": 3}, f"model: a text is expected, not 3\n  hint: {TEXT_HINT}"),
        ({"model": {}}, f"model: a text is expected, not {{}}\n  hint: {TEXT_HINT}"),
        (
            {"model": {"regex": "a", "equals": "b"}},
            f"model: a text is expected, not {{'regex': 'a', 'equals': 'b'}}\n  hint: {TEXT_HINT}",
        ),
        ({"model": {"regex": 3}}, f"model: a text is expected, not {{'regex': 3}}\n  hint: {TEXT_HINT}"),
        (
            {"model": {"rgex": "a"}},
            (
                "model.rgex: there is no way of matching called 'rgex'\n"
                "  hint: did you mean 'regex'? expected one of: equals, regex"
            ),
        ),
        (
            {"last_user": {"regex": "("}},
            "last_user.regex: '(' is not a regular expression: missing ), unterminated subpattern at position 0",
        ),
        ({"headers": "x-a"}, "headers: headers are expected, not 'x-a'\n  hint: for example: headers: {x-tenant: acme}"),
        ({"headers": {"x-a": True}}, f"headers.x-a: a text is expected, not True\n  hint: {TEXT_HINT}"),
        (
            {"headers": {"x-a": {"regex": "["}}},
            "headers.x-a.regex: '[' is not a regular expression: unterminated character set at position 0",
        ),
        ({"tools": ["a", 3]}, f"tools.1: a text is expected, not 3\n  hint: {TEXT_HINT}"),
        ({"stream": "yes"}, "stream: true or false is expected, not 'yes'"),
        ({"turn": "soon"}, "turn: 'soon' is not a number or a range\n  hint: write 2, 1..2 or 2.."),
        ({"turn": "12 3"}, "turn: '12 3' is not a number or a range\n  hint: write 2, 1..2 or 2.."),
        ({"turn": "..2"}, "turn: '..2' is not a number or a range\n  hint: write 2, 1..2 or 2.."),
        ({"turn": True}, "turn: True is not a number or a range\n  hint: write 2, 1..2 or 2.."),
        ({"turn": -1}, "turn: -1 is not a number or a range\n  hint: write 2, 1..2 or 2.."),
        ({"turn": 1.5}, "turn: 1.5 is not a number or a range\n  hint: write 2, 1..2 or 2.."),
        ({"attempt": 0}, "attempt: 0 matches nothing below 1\n  hint: counting starts at 1"),
        ({"call": "0..2"}, "call: '0..2' matches nothing below 1\n  hint: counting starts at 1"),
        ({"turn": "3..1"}, "turn: '3..1' is an empty range\n  hint: write the smaller number first: 1..3"),
        ({"body": "x"}, "body: a part of a body is expected, not 'x'\n  hint: for example: body: {max_tokens: 100}"),
    ],
)
def test_what_is_no_condition_is_an_error(written: object, text: str) -> None:
    """It names the key at fault, what was expected, and the nearest word."""
    with pytest.raises(ScenarioError) as caught:
        parse_when(written)
    assert str(caught.value) == text


def test_number_without_its_dots_is_no_range() -> None:
    """Digits beyond those that a count can have are none either."""
    for written in ("1" * 10, "1.." + "2" * 10):
        with pytest.raises(ScenarioError, match="is not a number or a range"):
            parse_when({"turn": written})


TEXTS = st.text(max_size=5)
CONDITIONS = TEXTS | st.fixed_dictionaries({"equals": TEXTS}) | st.sampled_from([{"regex": "a|b"}, {"regex": "^$"}, "*", "?*"])
SPANS = st.integers(1, 9) | st.sampled_from(["1..2", "2.."])
WHENS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("path", "method", "model", "system", "last_user", "any_message", "tool_result"), CONDITIONS),
        **dict.fromkeys(("turn", "attempt", "call"), SPANS),
        "stream": st.booleans(),
        "tools": CONDITIONS | st.lists(CONDITIONS, max_size=2),
        "headers": st.dictionaries(TEXTS, CONDITIONS, max_size=2),
        "body": BODIES.filter(lambda body: isinstance(body, dict | list)),
    },
)


@given(WHENS, BODIES, st.integers(1, 9))
def test_no_request_is_too_strange_to_be_matched(when: dict[str, Any], body: object, call: int) -> None:
    """Whatever the conditions and the JSON, the answer is a list of differences, and the same one twice."""
    request = Request(body=json.dumps(body).encode(), headers=(("x", "y"),))
    found = differences(parse_when(when), request, call)
    assert all(isinstance(each, Difference) for each in found)
    assert found == differences(parse_when(when), request, call)


@given(BODIES.filter(lambda body: isinstance(body, dict | list)))
def test_every_body_matches_itself(body: object) -> None:
    """Equal is a subset too."""
    assert differences(parse_when({"body": body}), Request(body=json.dumps(body).encode()), 1) == ()
