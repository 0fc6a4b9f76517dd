"""The headers that the API's answers carry (`wire.md`, sections 5 and 7), but for the date and those that frame the body."""

from __future__ import annotations

from random import Random

from streamlab.core.identity import api_id, trace_id
from streamlab.core.plan import EVENT_STREAM, JSON, Headers

__all__ = ["ORGANIZATION_ID", "cors_headers", "error_headers", "message_headers", "preflight_headers"]

ORGANIZATION_ID = "00000000-0000-4000-8000-000000000000"
"""The organization that every answer names: a fixed fake."""

_RESET = "2026-01-01T00:00:00Z"
"""When the rate limits are said to be full again: fixed, so that the same request gets the same bytes."""
_LIMITS = {"requests": 4_000, "input-tokens": 2_000_000, "output-tokens": 400_000, "tokens": 2_400_000}
"""`tokens` is the sum of input and output tokens, as it always is on the API."""
_THOUSAND = 1_000
_UNAUTHENTICATED = 401
_RATE_LIMITED = 429


def message_headers(rng: Random, *, stream: bool, input_tokens: int) -> Headers:
    """Return the headers of a message's answer."""
    return (
        ("content-type", EVENT_STREAM if stream else JSON),
        *((("cache-control", "no-cache"),) if stream else ()),
        *_rate_limits(input_tokens),
        ("request-id", api_id("req", rng)),
        ("anthropic-organization-id", ORGANIZATION_ID),
        *_edge(rng),
    )


def error_headers(rng: Random, *, status: int, is_bare: bool = False) -> Headers:
    """Return the headers of an error: rate limits on 429 alone, the organization on all but 401, little from the edge."""
    if is_bare:
        return (("content-type", JSON), *_edge(rng))
    return (
        ("content-type", JSON),
        *(_rate_limits(0) if status == _RATE_LIMITED else ()),
        ("request-id", api_id("req", rng)),
        *((("anthropic-organization-id", ORGANIZATION_ID),) if status != _UNAUTHENTICATED else ()),
        *_edge(rng),
    )


def cors_headers(origin: str | None) -> Headers:
    """Return what lets a page of another origin read an answer; nothing if no page asks."""
    if origin is None:
        return ()
    return (
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", "*"),
    )


def preflight_headers(asked: str | None) -> Headers:
    """Return the answer to a browser's question whether it may send a request with these headers."""
    return (
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS"),
        ("access-control-allow-headers", asked or "*"),
        ("access-control-max-age", "600"),
    )


def _rate_limits(input_tokens: int) -> Headers:
    """Remaining tokens are multiples of a thousand, as they always are on the API."""
    used = {"requests": 1, "tokens": input_tokens, "input-tokens": input_tokens, "output-tokens": 0}
    headers: list[tuple[str, str]] = []
    for family, limit in _LIMITS.items():
        remaining = max(0, limit - used[family])
        if family != "requests":
            remaining = remaining // _THOUSAND * _THOUSAND
        headers += (
            (f"anthropic-ratelimit-{family}-limit", str(limit)),
            (f"anthropic-ratelimit-{family}-remaining", str(remaining)),
            (f"anthropic-ratelimit-{family}-reset", _RESET),
        )
    return tuple(headers)


def _edge(rng: Random) -> Headers:
    return (
        ("x-robots-tag", "none"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
        ("server", "cloudflare"),
        ("cf-cache-status", "DYNAMIC"),
        ("cf-ray", f"{trace_id(rng, 16)}-SJC"),
    )
