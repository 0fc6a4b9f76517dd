"""The one list of secrets: what is taken out before anything is kept, logged or shown."""

from __future__ import annotations

import re

from streamlab.core.plan import Headers

__all__ = ["REDACTED", "redact_headers", "redact_text"]

REDACTED = "[redacted]"

_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "api-key", "cookie", "set-cookie"}
    | {"anthropic-organization-id", "anthropic-workspace-id"}
)
_SHAPES = re.compile(r"sk-ant-[A-Za-z0-9_-]{4,}|sk-[A-Za-z0-9_-]{20,}|(?<=Bearer )[A-Za-z0-9._~+/=-]{8,}")


def redact_headers(headers: Headers) -> Headers:
    """Return the headers with the values of the secret ones, and anything key-shaped in the others, taken out."""
    return tuple((name, REDACTED if name.lower() in _HEADERS else redact_text(value)) for name, value in headers)


def redact_text(text: str) -> str:
    """Return the text with anything shaped like a key taken out."""
    return _SHAPES.sub(REDACTED, text)
