"""The API's errors: what each is called, what it answers, what comes with it."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from asking import ask, body_of

from streamlab.core.api_errors import ERRORS, ApiError, api_error, error_body, error_event
from streamlab.core.sources import Failure
from streamlab.errors import ScenarioError

TABLE = [
    ("invalid_request", 400, "invalid_request_error", False),
    ("authentication", 401, "authentication_error", False),
    ("billing", 402, "billing_error", False),
    ("permission", 403, "permission_error", False),
    ("not_found", 404, "not_found_error", False),
    ("request_timeout", 408, "timeout_error", None),
    ("conflict", 409, "conflict_error", None),
    ("request_too_large", 413, "request_too_large", None),
    ("unprocessable", 422, "invalid_request_error", False),
    ("rate_limit", 429, "rate_limit_error", None),
    ("api", 500, "api_error", None),
    ("bad_gateway", 502, "api_error", None),
    ("unavailable", 503, "api_error", None),
    ("timeout", 504, "timeout_error", None),
    ("overloaded", 529, "overloaded_error", None),
]


def test_the_table_has_every_error() -> None:
    """One status each, so that a status names one."""
    assert [name for name, *_ in TABLE] == list(ERRORS)
    assert len({error.status for error in ERRORS.values()}) == len(ERRORS)


@pytest.mark.parametrize(("name", "status", "kind", "retried"), TABLE)
def test_an_error_has_a_name_a_type_and_a_status(name: str, status: int, kind: str, *, retried: bool | None) -> None:
    """The name is taken with and without `_error`, the status as a number and as a text."""
    error = ERRORS[name]
    assert (error.status, error.type) == (status, kind)
    assert {api_error(each) for each in (name, f"{name}_error", status, str(status))} == {error}
    assert error.headers == (() if retried is None else (("x-should-retry", str(retried).lower()),))


@pytest.mark.parametrize("kind", sorted({kind for _, _, kind, _ in TABLE} - {"invalid_request_error", "api_error"}))
def test_every_type_of_the_api_is_a_name(kind: str) -> None:
    """What a client reads in a body can be written in a scenario."""
    assert api_error(kind).type == kind


@pytest.mark.parametrize(("name", "status", "kind", "retried"), TABLE)
def test_the_answer_is_the_apis(name: str, status: int, kind: str, *, retried: bool | None) -> None:
    """Compact JSON with the request's id, never a stream; the 413 comes bare, from the edge."""
    plan = Failure(ERRORS[name]).plan(ask(), Random(1))
    body = body_of(plan)
    assert plan.head.status == status
    assert plan.head.get("content-type") == "application/json"
    assert plan.head.get("content-length") == str(len(plan.body))
    assert plan.head.get("x-should-retry") == (None if retried is None else str(retried).lower())
    assert plan.body == json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    assert len(plan.frames) == 1
    assert plan.frames[0].event is None
    inner = {"type": kind, "message": ERRORS[name].message}
    if status == 413:
        assert body == {"error": {"type": "request_too_large", "message": "Request exceeds the maximum size"}}
        assert plan.head.get("request-id") is None
    else:
        assert body == {"type": "error", "error": inner, "request_id": plan.head.get("request-id")}
        assert list(body) == ["type", "error", "request_id"]


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("overload", "did you mean 'overloaded'?"),
        ("Overloaded", "did you mean 'overloaded'?"),
        ("rate_limited", "did you mean 'rate_limit'?"),
        ("overloaded_errors", "did you mean 'overloaded'?"),
        ("xyzzy", "expected one of: api, authentication,"),
        (418, "or a status: 400, 401, 402,"),
        ("9" * 5000, "or a status: 400"),
        (529.0, "or a status: 400"),
        (True, "or a status: 400"),
        (None, "expected one of"),
        (["overloaded"], "expected one of"),
        ({}, "expected one of"),
        ("", "expected one of"),
        ("_error", "expected one of"),
    ],
)
def test_what_is_no_error_gets_the_nearest(written: object, near: str) -> None:
    """With all the names and statuses there are."""
    with pytest.raises(ScenarioError, match="is not an error of the API") as caught:
        api_error(written, key="type")
    assert near in str(caught.value)
    assert caught.value.key == ("type",)


@pytest.mark.parametrize("message", ["", "Ünïcode ☃", "half \ud83d a pair", 'a "quote"\n'])
@pytest.mark.parametrize("name", ["overloaded", "request_too_large"])
def test_a_message_of_ones_own_stands_in_the_body(name: str, message: str) -> None:
    """An empty one too, and what UTF-8 cannot say as its escape."""
    assert json.loads(error_body(ERRORS[name], message, "req_1"))["error"]["message"] == message


def test_an_event_has_details_that_a_body_lacks() -> None:
    """First of the inner keys, null; the request's id last, if there is one."""
    event = error_event(ERRORS["overloaded"], None, "req_1")
    expected: dict[str, Any] = {
        "type": "error",
        "error": {"details": None, "type": "overloaded_error", "message": "Overloaded"},
        "request_id": "req_1",
    }
    assert json.dumps(event) == json.dumps(expected)


@pytest.mark.parametrize("request_id", [None, ""])
def test_an_event_without_an_id(request_id: str | None) -> None:
    """As older ones of the API are; the text may be one's own."""
    event = error_event(ApiError(500, "new_error", "x"), "mine", request_id)
    assert event == {"type": "error", "error": {"details": None, "type": "new_error", "message": "mine"}}
