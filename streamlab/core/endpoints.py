"""What is answered without a rule: the models, a count of tokens, a browser's preflight, the SDKs' probe.

None of it ever fails a test. The counts are estimates: a quarter of the characters of what is sent.
"""

from __future__ import annotations

import re
from random import Random
from urllib.parse import parse_qs

from streamlab.core.api_headers import message_headers, preflight_headers
from streamlab.core.events import dump
from streamlab.core.exchange import MESSAGES, Request
from streamlab.core.messages import estimate_tokens
from streamlab.core.plan import Head, Plan
from streamlab.core.sse import Event, Frame

__all__ = ["COUNT_TOKENS", "MODELS", "input_tokens", "json_plan", "standing_answer"]

COUNT_TOKENS = f"{MESSAGES}/count_tokens"
MODELS = "/v1/models"

_CATALOGUE = {
    "claude-opus-4-6": "Claude Opus 4.6",
    "claude-sonnet-4-6": "Claude Sonnet 4.6",
    "claude-haiku-4-5-20251001": "Claude Haiku 4.5",
    "claude-sonnet-4-5-20250929": "Claude Sonnet 4.5",
}
_CREATED = "2025-09-29T00:00:00Z"
_LISTED = 20
_LIMIT = re.compile(r"[0-9]{1,4}")


def standing_answer(request: Request, rng: Random) -> Plan | None:
    """Return the answer that a request gets whatever the rules; None if only a rule can answer it."""
    path = request.decoded_path
    if request.method == "OPTIONS":
        return Plan(Head(204, preflight_headers(request.header("access-control-request-headers"))))
    if request.method in ("GET", "HEAD") and path == "/":
        return json_plan({"type": "streamlab"}, rng)
    if request.method == "GET" and path == MODELS:
        return json_plan(_models(request.query), rng)
    if request.method == "GET" and path.startswith(f"{MODELS}/"):
        return json_plan(_model(path.removeprefix(f"{MODELS}/")), rng)
    if request.method == "POST" and path == COUNT_TOKENS:
        return json_plan({"input_tokens": input_tokens(request)}, rng)
    return None


def json_plan(value: object, rng: Random, *, tokens: int = 0) -> Plan:
    """Return the plan of a JSON body: one frame that carries no event."""
    body = dump(value).encode("utf-8", "backslashreplace")  # half of a surrogate pair becomes its JSON escape
    headers = message_headers(rng, stream=False, input_tokens=tokens)
    return Plan(Head(200, (*headers, ("content-length", str(len(body))))), (Frame(body),))


def input_tokens(request: Request) -> int:
    """Return an estimate of the tokens that a request holds."""
    data = request.data
    return estimate_tokens([data.get("system") or "", data.get("messages") or [], data.get("tools") or []])


def _model(name: str) -> Event:
    return {"type": "model", "id": name, "display_name": _CATALOGUE.get(name, name), "created_at": _CREATED}


def _models(query: str) -> dict[str, object]:
    """Return a page of the models, cut as `limit`, `after_id` and `before_id` ask: the next ones, or those right before."""
    asked = {key: values[0] for key, values in parse_qs(query).items()}
    names, limit = list(_CATALOGUE), _LISTED
    if _LIMIT.fullmatch(asked.get("limit", "")):
        limit = max(1, int(asked["limit"]))
    if asked.get("before_id") in names:
        names = names[: names.index(asked["before_id"])]
        page = names[-limit:]
    else:
        names = names[names.index(asked["after_id"]) + 1 :] if asked.get("after_id") in names else names
        page = names[:limit]
    return {
        "data": [_model(name) for name in page],
        "has_more": len(page) < len(names),
        "first_id": page[0] if page else None,
        "last_id": page[-1] if page else None,
    }
