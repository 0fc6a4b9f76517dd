"""What is answered without a rule."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

import anthropic
import httpx2
import pytest
from asking import VERSION, body_of, posted

from streamlab.core.endpoints import COUNT_TOKENS, MODELS, input_tokens, json_plan, standing_answer
from streamlab.core.exchange import Request
from streamlab.core.plan import Plan

ALL = ["claude-opus-4-6", "claude-sonnet-4-6", "claude-haiku-4-5-20251001", "claude-sonnet-4-5-20250929"]


def answered(method: str, path: str, query: str = "", headers: Sequence[tuple[str, str]] = ()) -> Plan:
    """Return the standing answer to a request that has one."""
    plan = standing_answer(Request(method=method, path=path, query=query, headers=tuple(headers)), Random(1))
    assert plan is not None
    return plan


def page(query: str) -> dict[str, Any]:
    """Return a page of the models, which has no other keys than the API's."""
    body: dict[str, Any] = body_of(answered("GET", MODELS, query))
    assert list(body) == ["data", "has_more", "first_id", "last_id"]
    return body


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/messages"),
        ("POST", "/v1/complete"),
        ("POST", "/"),
        ("POST", MODELS),
        ("GET", "/v1/messages"),
        ("GET", COUNT_TOKENS),
        ("GET", "/v1/modelsx"),
        ("DELETE", MODELS),
    ],
)
def test_everything_else_is_for_rules(method: str, path: str) -> None:
    """There is no answer to it here."""
    assert standing_answer(Request(method=method, path=path), Random(1)) is None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_probe_of_the_root_is_answered(method: str) -> None:
    """Agents ask whether anybody is there."""
    plan = answered(method, "/")
    assert plan.head.status == 200
    assert body_of(plan) == {"type": "streamlab"}


def test_a_preflight_is_answered_whatever_the_path() -> None:
    """With what the browser asks for, and no body."""
    plan = answered("OPTIONS", "/v1/messages", headers=[("Access-Control-Request-Headers", "x-api-key")])
    assert (plan.head.status, plan.body) == (204, b"")
    assert plan.head.get("access-control-allow-headers") == "x-api-key"


def test_tokens_are_counted() -> None:
    """With the key that the API has, and as many as the stream's own usage would say."""
    request = posted({"system": "s" * 40, "messages": [{"role": "user", "content": "x" * 400}], "tools": []}, path=COUNT_TOKENS)
    plan = standing_answer(request, Random(1))
    assert plan is not None
    assert body_of(plan) == {"input_tokens": input_tokens(request)}
    assert 100 < input_tokens(request) < 140


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"messages": null}', b'{"messages": [null], "system": 5, "tools": 3}', b"\xff"]
)
def test_tokens_of_odd_requests_are_counted_too(body: bytes) -> None:
    """There is always at least one."""
    assert input_tokens(Request(body=body)) >= 1


def test_a_json_body_has_its_length_and_no_event() -> None:
    """It is one frame."""
    plan = json_plan({"type": "x", "text": "ü"}, Random(1), tokens=5000)
    assert plan.body == '{"type":"x","text":"ü"}'.encode()
    assert plan.head.get("content-length") == str(len(plan.body))
    assert plan.head.get("content-type") == "application/json"
    assert plan.head.get("anthropic-ratelimit-input-tokens-remaining") == "1995000"
    assert [frame.event for frame in plan.frames] == [None]


def test_what_utf8_cannot_say_is_escaped() -> None:
    """Half a surrogate pair arrives as it was written, as it does in a stream."""
    plan = json_plan({"text": "a \ud83d \\"}, Random(1))
    assert json.loads(plan.body) == {"text": "a \ud83d \\"}


@pytest.mark.parametrize(
    ("query", "expected", "has_more"),
    [
        ("", ALL, False),
        ("limit=2", ALL[:2], True),
        ("limit=4", ALL, False),
        ("limit=0", ALL[:1], True),
        ("limit=x", ALL, False),
        ("limit=-1", ALL, False),
        ("limit=" + "9" * 5000, ALL, False),
        ("limit=%D9%A3", ALL, False),
        (f"limit=2&after_id={ALL[1]}", ALL[2:], False),
        (f"limit=1&after_id={ALL[1]}", ALL[2:3], True),
        (f"after_id={ALL[3]}", [], False),
        ("after_id=nobody", ALL, False),
        (f"before_id={ALL[2]}", ALL[:2], False),
        (f"limit=1&before_id={ALL[2]}", ALL[1:2], True),
        (f"limit=2&before_id={ALL[3]}", ALL[1:3], True),
        (f"before_id={ALL[0]}", [], False),
        ("before_id=nobody", ALL, False),
    ],
)
def test_a_page_of_models(query: str, expected: list[str], *, has_more: bool) -> None:
    """The next ones after an id, or those right before one."""
    found = page(query)
    assert [each["id"] for each in found["data"]] == expected
    assert found["has_more"] is has_more
    ends = (expected[0], expected[-1]) if expected else (None, None)
    assert (found["first_id"], found["last_id"]) == ends


@pytest.mark.parametrize(
    ("path", "name", "shown"),
    [
        (f"{MODELS}/claude-sonnet-4-6", "claude-sonnet-4-6", "Claude Sonnet 4.6"),
        (f"{MODELS}/mine", "mine", "mine"),
        (f"{MODELS}/a%2Fb%2520c", "a/b%20c", "a/b%20c"),
    ],
)
def test_every_model_exists(path: str, name: str, shown: str) -> None:
    """Those that the catalogue does not have are called what they are asked for, escapes read once."""
    assert body_of(answered("GET", path)) == {
        "type": "model",
        "id": name,
        "display_name": shown,
        "created_at": "2025-09-29T00:00:00Z",
    }


@pytest.mark.parametrize(
    "asked", [{}, {"limit": 1}, {"limit": 3}, {"limit": 1, "before_id": ALL[3]}, {"limit": 2, "after_id": ALL[0]}]
)
def test_the_sdk_walks_over_all_pages_and_comes_to_an_end(asked: dict[str, Any]) -> None:
    """Forwards and backwards, each model once."""
    calls = 0

    def served(request: httpx2.Request) -> httpx2.Response:
        nonlocal calls
        calls += 1
        assert calls < 10, "the pages have no end"
        plan = answered(request.method, request.url.path, request.url.query.decode(), [VERSION])
        return httpx2.Response(plan.head.status, headers=list(plan.head.headers), content=plan.body, request=request)

    with (
        httpx2.Client(transport=httpx2.MockTransport(served)) as transport,
        anthropic.Anthropic(api_key="k", http_client=transport) as client,
    ):
        found = [model.id for model in client.models.list(**asked)]
    start = 1 if "after_id" in asked else 0
    assert sorted(found) == sorted(ALL[start : 3 if "before_id" in asked else None])
    assert len(set(found)) == len(found)
