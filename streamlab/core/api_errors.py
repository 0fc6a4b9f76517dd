"""The API's errors by name: status, type, text, and the headers that come with them (`wire.md`, section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from streamlab.core.api_headers import error_headers
from streamlab.core.events import dump
from streamlab.core.plan import Head, Headers, Plan
from streamlab.core.sse import Event, Frame
from streamlab.errors import ScenarioError, nearest

__all__ = ["ERRORS", "ApiError", "api_error", "error_body", "error_event", "error_plan"]


@dataclass(frozen=True, slots=True)
class ApiError:
    """One kind of error: what the API answers when it happens before the stream."""

    status: int
    type: str
    message: str
    headers: Headers = ()
    is_bare: bool = False
    """Whether it comes from the edge, without the envelope's `type` and `request_id`."""


_NO_RETRY: Headers = (("x-should-retry", "false"),)

ERRORS: dict[str, ApiError] = {
    "invalid_request": ApiError(400, "invalid_request_error", "Invalid request", _NO_RETRY),
    "authentication": ApiError(401, "authentication_error", "invalid x-api-key", _NO_RETRY),
    "billing": ApiError(402, "billing_error", "Your credit balance is too low to access the API.", _NO_RETRY),
    "permission": ApiError(403, "permission_error", "Your API key does not have permission to use it.", _NO_RETRY),
    "not_found": ApiError(404, "not_found_error", "Not found", _NO_RETRY),
    "request_timeout": ApiError(408, "timeout_error", "Request timed out"),
    "conflict": ApiError(409, "conflict_error", "The request conflicts with another one"),
    "request_too_large": ApiError(413, "request_too_large", "Request exceeds the maximum size", is_bare=True),
    "unprocessable": ApiError(422, "invalid_request_error", "The request cannot be processed", _NO_RETRY),
    "rate_limit": ApiError(
        429, "rate_limit_error", "This request would exceed your account's rate limit. Please try again later."
    ),
    "api": ApiError(500, "api_error", "Internal server error"),
    "bad_gateway": ApiError(502, "api_error", "Bad gateway"),
    "unavailable": ApiError(503, "api_error", "Service unavailable"),
    "timeout": ApiError(504, "timeout_error", "Request timed out"),
    "overloaded": ApiError(529, "overloaded_error", "Overloaded"),
}
"""Every error by its name. Names are the API's types without `_error`, where the API has a type of its own."""

_BY_STATUS = {str(error.status): error for error in ERRORS.values()}


def api_error(written: object, *, key: str = "error") -> ApiError:
    """Return the error that a type (`overloaded`, `overloaded_error`) or a status (529) names.

    Raises ScenarioError, with `key`, if there is none.
    """
    if type(written) in (str, int):
        name = str(written)
        found = _BY_STATUS.get(name) or ERRORS.get(name) or ERRORS.get(name.removesuffix("_error"))
        if found is not None:
            return found
    hint = f"{nearest(str(written), ERRORS)}; or a status: {', '.join(_BY_STATUS)}"
    raise ScenarioError(f"{written!r} is not an error of the API", key=(key,), hint=hint)


def error_body(error: ApiError, message: str | None, request_id: str) -> bytes:
    """Return the JSON body of an error answer: unpadded, with the request's id."""
    inner = {"type": error.type, "message": error.message if message is None else message}
    body = {"error": inner} if error.is_bare else {"type": "error", "error": inner, "request_id": request_id}
    return dump(body).encode("utf-8", "backslashreplace")  # half of a surrogate pair becomes its JSON escape


def error_plan(error: ApiError, message: str | None, rng: Random) -> Plan:
    """Return the answer when an error comes before any stream: its status, its headers, its body as JSON."""
    headers = error_headers(rng, status=error.status, is_bare=error.is_bare)
    body = error_body(error, message, Head(headers=headers).get("request-id") or "")
    return Plan(Head(error.status, (*headers, *error.headers, ("content-length", str(len(body))))), (Frame(body),))


def error_event(error: ApiError, message: str | None, request_id: str | None) -> Event:
    """Return the event that ends a stream in mid-air: it has a `details` key that bodies lack."""
    inner = {"details": None, "type": error.type, "message": error.message if message is None else message}
    event: Event = {"type": "error", "error": inner}
    return {**event, "request_id": request_id} if request_id else event
