"""Tests of requests: what rules and checks ask of one, whatever its body is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bodies import BODIES, CALL, OTHER_CALL, OTHER_RESULT, RESULT
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core.exchange import MESSAGES, Request


def posted(**body: Any) -> Request:
    """Return a request with these keys in its body."""
    return Request(body=json.dumps(body).encode())


def talk(*turns: tuple[str, Any]) -> Request:
    """Return a request with a conversation."""
    return posted(messages=[{"role": role, "content": content} for role, content in turns])


def test_a_request_is_a_post_of_a_message_unless_it_says_otherwise() -> None:
    """The defaults are those of the Messages API."""
    assert (Request().method, Request().path, Request().json) == ("POST", MESSAGES, None)


def test_headers_are_found_in_any_case() -> None:
    """The first of several counts; None is one that is not there."""
    request = Request(headers=(("X-Tenant", "acme"), ("x-tenant", "other")))
    assert request.header("x-tenant") == request.header("X-TENANT") == "acme"
    assert request.header("x-other") is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b"[1]", [1]),
        (b"", None),
        (b"hello", None),
        (b'{"a": "\xff"}', None),
        (b"[" * 100_000, None),
        (b"9" * 5000, None),
        (b'{"a": NaN}', pytest.approx({"a": float("nan")}, nan_ok=True)),
    ],
)
def test_a_body_is_parsed_once_and_never_fails(body: bytes, expected: object) -> None:
    """What is not JSON is None, and no object is an empty one."""
    request = Request(body=body)
    assert request.json == expected
    assert request.json is request.json
    assert request.data == (request.json if isinstance(request.json, dict) else {})


def test_the_path_is_read_through_its_escapes() -> None:
    """The path itself stays as it came."""
    request = Request(path="/v1/models/claude%2Dx")
    assert (request.path, request.decoded_path) == ("/v1/models/claude%2Dx", "/v1/models/claude-x")


@pytest.mark.parametrize(
    ("body", "model", "stream"),
    [
        ({"model": "claude-x", "stream": True}, "claude-x", True),
        ({"model": 3, "stream": "yes"}, None, False),
        ({}, None, False),
        ({"stream": 1}, None, False),
    ],
)
def test_model_and_stream(body: dict[str, Any], model: str | None, stream: bool) -> None:  # noqa: FBT001
    """Only a text is a model, and only true asks for a stream."""
    assert (posted(**body).model, posted(**body).stream) == (model, stream)


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("Be brief.", "Be brief."),
        ([{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}], "Be brief.\nBe kind."),
        (None, ""),
        (7, ""),
        ([7, {"type": "text"}, {"type": "text", "text": 7}], ""),
    ],
)
def test_the_system_prompt_is_a_text_or_blocks(system: object, expected: str) -> None:
    """Blocks are joined by line breaks."""
    assert posted(system=system).system == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (talk(("user", "One"), ("assistant", "Two"), ("user", "Three")), "Three"),
        (talk(("user", "One"), ("assistant", "{")), "One"),
        (talk(("user", [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}])), "a\nb"),
        (talk(("assistant", [CALL]), ("user", [RESULT, {"type": "text", "text": "so?"}])), "18 degrees\nso?"),
        (talk(("user", [OTHER_RESULT])), "noon"),
        (talk(("assistant", "Hi")), ""),
        (talk(), ""),
        (posted(messages="Hi"), ""),
        (posted(messages=["Hi", None]), ""),
    ],
)
def test_the_last_text_of_the_user(request_: Request, expected: str) -> None:
    """It is that of the last message of the user, results of tools included, whatever comes after it."""
    assert request_.last_user == expected


def test_the_texts_of_all_messages() -> None:
    """One for each, in order, empty if it has none."""
    found = talk(("user", "One"), ("assistant", [CALL]), ("user", [RESULT])).all_texts
    assert found == ["One", "", "18 degrees"]


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ([{"name": "a"}, {"name": "b", "type": "web_search_20250305"}], ["a", "b"]),
        ([{}, {"name": 3}, 7], []),
        (None, []),
        ("a", []),
    ],
)
def test_the_names_of_the_tools(tools: object, expected: list[str]) -> None:
    """What has no name is no tool that could be asked for."""
    assert posted(tools=tools).tools == expected


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([("assistant", [CALL]), ("user", [RESULT])], ["get_weather"]),
        ([("assistant", [CALL, OTHER_CALL]), ("user", [OTHER_RESULT, RESULT])], ["get_time", "get_weather"]),
        ([("assistant", [CALL]), ("user", [RESULT]), ("assistant", "18."), ("user", "Thanks")], []),
        ([("user", [RESULT])], [""]),
        ([("assistant", [{**CALL, "id": ["toolu_1"]}]), ("user", [{**RESULT, "tool_use_id": ["toolu_1"]}])], ["get_weather"]),
        ([("user", "Hi")], []),
        ([], []),
    ],
)
def test_the_tools_whose_results_are_brought(turns: list[tuple[str, Any]], expected: list[str]) -> None:
    """They are named by the calls they answer; only the last message counts."""
    assert talk(*turns).tool_results == expected


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([], 1),
        ([("user", "One")], 1),
        ([("user", "One"), ("assistant", "{")], 1),
        ([("user", "One"), ("assistant", "Two"), ("user", "Three")], 2),
        ([("user", "One"), ("assistant", "Two"), ("user", "Three"), ("assistant", "Fo"), ("assistant", "ur")], 2),
        ([("user", "One"), ("assistant", [CALL]), ("user", [RESULT]), ("assistant", "18."), ("user", "Thanks")], 3),
    ],
)
def test_the_turn_counts_the_answers_that_are_finished(turns: list[tuple[str, Any]], expected: int) -> None:
    """A partial answer at the end is the one that is asked for, not one that was given."""
    assert talk(*turns).turn == expected


@pytest.mark.parametrize(
    ("count", "expected"), [(None, 1), ("0", 1), ("2", 3), ("", 1), ("x", 1), ("-1", 1), ("9" * 5000, 1), ("٢", 1)]
)
def test_the_attempt_is_what_the_sdk_says(count: str | None, expected: int) -> None:
    """A header that is no count says nothing."""
    headers = () if count is None else (("X-Stainless-Retry-Count", count),)
    assert Request(headers=headers).attempt == expected


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        (None, False),
        ("", False),
        ("identity", False),
        ("gzip", True),
        ("GZip, deflate", True),
        ("deflate,gzip;q=0.5", True),
        ("*", True),
        ("gzip; q=0", False),
        ("gzip;q=0.0, br", False),
        ("xgzip", False),
    ],
)
def test_gzip_is_taken_where_it_is_offered(offered: str | None, expected: bool) -> None:  # noqa: FBT001
    """By name or by the star, and not with a weight of 0."""
    assert Request(headers=() if offered is None else (("Accept-Encoding", offered),)).accepts_gzip is expected


def test_the_canonical_form_is_what_is_asked() -> None:
    """Neither the order of keys nor spaces nor headers nor the query matter; method, path and values do."""
    one = Request(body=b'{"a": 1, "b": {"c": 2, "d": 3}}')
    same = Request(body=b'{"b":{"d":3,"c":2},"a":1}', headers=(("x-request", "7"),), query="beta=true")
    assert one.canonical == same.canonical
    others = [
        Request(body=b'{"a": 2, "b": {"c": 2, "d": 3}}'),
        Request(body=one.body, method="PUT"),
        Request(body=one.body, path="/v1/complete"),
        Request(body=b"not json"),
        Request(body=b"other text"),
        Request(body=b"[" * 100_000),
    ]
    assert len({each.canonical for each in (one, *others)}) == len(others) + 1


def test_the_canonical_form_of_a_body_that_is_just_not_too_deep() -> None:
    """What can be read from here may be too deep to be written from further down the stack."""

    def deeper(request: Request, levels: int) -> str:
        return request.canonical if levels == 0 else deeper(request, levels - 1)

    request = next(each for each in (Request(body=b"[" * n + b"]" * n) for n in range(990, 1, -1)) if each.json is not None)
    assert len(deeper(request, 30)) == 64


@given(BODIES)
def test_no_body_is_too_strange_to_be_asked(body: object) -> None:
    """Every question has an answer of its type, whatever the JSON."""
    request = Request(body=json.dumps(body).encode())
    assert isinstance(request.model, str | None)
    assert isinstance(request.stream, bool)
    assert isinstance(request.system, str)
    assert isinstance(request.last_user, str)
    assert all(isinstance(each, str) for each in (*request.all_texts, *request.tools, *request.tool_results))
    assert request.turn >= 1
    assert len(request.canonical) == 64


@given(st.binary(max_size=40))
def test_no_bytes_are_too_strange_to_be_asked(body: bytes) -> None:
    """Neither are those that are no JSON."""
    request = Request(body=body)
    assert request.data == (request.json if isinstance(request.json, dict) else {})
    assert len(request.canonical) == 64
