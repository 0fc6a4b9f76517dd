"""The headers of the API's answers."""

from __future__ import annotations

import re
from random import Random

import pytest

from streamlab.core.api_headers import ORGANIZATION_ID, cors_headers, error_headers, message_headers, preflight_headers
from streamlab.core.plan import Headers

EDGE = ["x-robots-tag", "strict-transport-security", "server", "cf-cache-status", "cf-ray"]
LIMITS = [f"anthropic-ratelimit-{family}" for family in ("requests", "input-tokens", "output-tokens", "tokens")]


def names(headers: Headers) -> list[str]:
    """Return the names, each family of rate limits once."""
    shortened = (re.sub(r"-(limit|remaining|reset)$", "", name) for name, _ in headers)
    return list(dict.fromkeys(shortened))


@pytest.mark.parametrize(
    ("stream", "first"),
    [
        (True, [("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache")]),
        (False, [("content-type", "application/json")]),
    ],
)
def test_a_message_has_the_headers_of_a_200(*, stream: bool, first: list[tuple[str, str]]) -> None:
    """No name twice, the limits complete, and no word on retrying."""
    headers = message_headers(Random(1), stream=stream, input_tokens=12)
    assert list(headers[: len(first)]) == first
    assert names(headers) == [name for name, _ in first] + [*LIMITS, "request-id", "anthropic-organization-id", *EDGE]
    assert len({name for name, _ in headers}) == len(headers)
    fields = dict(headers)
    assert re.fullmatch(r"req_011C[1-9A-HJ-NP-Za-km-z]{20}", fields["request-id"])
    assert re.fullmatch(r"[0-9a-f]{16}-SJC", fields["cf-ray"])
    assert fields["anthropic-organization-id"] == ORGANIZATION_ID


@pytest.mark.parametrize("tokens", [0, 1, 999, 1000, 1001, 123_456, 10_000_000])
def test_limits_are_as_the_api_counts_them(tokens: int) -> None:
    """Tokens are the sum of both kinds; what remains is in thousands, and never less than nothing."""
    fields = dict(message_headers(Random(1), stream=True, input_tokens=tokens))
    counts = {
        name.removeprefix("anthropic-ratelimit-"): int(value)
        for name, value in fields.items()
        if name.endswith(("-limit", "-remaining"))
    }
    assert counts["tokens-limit"] == counts["input-tokens-limit"] + counts["output-tokens-limit"]
    for family in ("tokens", "input-tokens", "output-tokens"):
        assert 0 <= counts[f"{family}-remaining"] <= counts[f"{family}-limit"]
        assert counts[f"{family}-remaining"] % 1000 == 0
    assert counts["input-tokens-remaining"] == max(0, counts["input-tokens-limit"] - tokens) // 1000 * 1000
    assert counts["requests-remaining"] == counts["requests-limit"] - 1
    resets = [value for name, value in fields.items() if name.endswith("-reset")]
    assert len(resets) == len(LIMITS)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", each) for each in resets)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, ["content-type", "request-id", "anthropic-organization-id", *EDGE]),
        (401, ["content-type", "request-id", *EDGE]),
        (429, ["content-type", *LIMITS, "request-id", "anthropic-organization-id", *EDGE]),
        (529, ["content-type", "request-id", "anthropic-organization-id", *EDGE]),
    ],
)
def test_an_error_has_fewer(status: int, expected: list[str]) -> None:
    """Rate limits on a 429 alone, no organization where nobody is known, and no `retry-after` unless it is written."""
    assert names(error_headers(Random(1), status=status)) == expected


def test_an_error_of_the_edge_has_the_edges_headers_alone() -> None:
    """The API has not seen the request."""
    assert names(error_headers(Random(1), status=413, is_bare=True)) == ["content-type", *EDGE]


def test_headers_depend_on_the_generator_alone() -> None:
    """The same lots, the same ids."""
    made = [message_headers(Random(seed), stream=True, input_tokens=1) for seed in (1, 1, 2)]
    assert made[0] == made[1]
    assert dict(made[0])["request-id"] != dict(made[2])["request-id"]


def test_a_page_of_another_origin_may_read_an_answer_and_all_its_headers() -> None:
    """Nothing is said if no page asks."""
    assert cors_headers(None) == ()
    assert dict(cors_headers("http://localhost:5173")) == {
        "access-control-allow-origin": "*",
        "access-control-expose-headers": "*",
    }


@pytest.mark.parametrize(("asked", "allowed"), [("x-api-key, content-type", "x-api-key, content-type"), (None, "*"), ("", "*")])
def test_a_preflight_allows_what_is_asked(asked: str | None, allowed: str) -> None:
    """Every method, and the headers by name: a star does not cover `authorization`."""
    headers = dict(preflight_headers(asked))
    assert headers["access-control-allow-headers"] == allowed
    assert headers["access-control-allow-origin"] == "*"
    assert {"POST", "OPTIONS", "GET"} <= set(headers["access-control-allow-methods"].split(", "))
    assert int(headers["access-control-max-age"]) > 0
