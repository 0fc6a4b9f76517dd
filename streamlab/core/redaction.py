"""The one list of secrets: what is taken out before anything is kept, logged or shown.

Headers go by name, whatever their value; everything else by shape, so that a key is found wherever somebody pasted it. A
shape needs a digit where words could be meant: `risk-assessment-for-customers` and `Bearer certificates` are no keys.
No shape looks far ahead from many starts, so that the time is linear in the text.
"""

from __future__ import annotations

import re

from streamlab.core.plan import Headers

__all__ = ["REDACTED", "redact_headers", "redact_text"]

REDACTED = "[redacted]"

_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie"}
    | {"x-api-key", "api-key", "x-goog-api-key", "x-auth-token", "x-amz-security-token"}
    | {"anthropic-organization-id", "anthropic-workspace-id"}
)
_SHAPES = re.compile(
    r"""(?<![A-Za-z0-9])(?:
        sk-ant-[A-Za-z0-9_-]{4,}                                   # a key, or a token, of the API
      | sk-(?=[A-Za-z_-]{0,60}+[0-9])[A-Za-z0-9_-]{20,}           # a key of others
      | wrkspc_[A-Za-z0-9]{8,}                                     # the id of a workspace
      | gh[pousr]_[A-Za-z0-9]{30,} | github_pat_[A-Za-z0-9_]{30,}  # of GitHub
      | AKIA[A-Z0-9]{16} | AIza[A-Za-z0-9_-]{30,} | ya29\.[A-Za-z0-9_-]{20,}
      | eyJ[A-Za-z0-9_-]{10,200}+\.eyJ[A-Za-z0-9_-]{10,}+\.[A-Za-z0-9_-]+  # a web token
    )
    | (?<=[Bb]earer\ )(?=[A-Za-z._~+/=-]*+[0-9])[A-Za-z0-9._~+/=-]{8,}
    | -----BEGIN\ (?:[A-Z]+\ )?PRIVATE\ KEY-----.*?(?:-----END\ (?:[A-Z]+\ )?PRIVATE\ KEY-----|\Z)""",
    re.VERBOSE | re.DOTALL,
)


def redact_headers(headers: Headers) -> Headers:
    """Return the headers with the values of the secret ones, and anything key-shaped in the others, taken out."""
    return tuple((name, REDACTED if name.lower() in _HEADERS else redact_text(value)) for name, value in headers)


def redact_text(text: str) -> str:
    """Return the text with anything shaped like a key taken out."""
    return _SHAPES.sub(REDACTED, text)
