"""Single answers as JSON: with their request (Datadog's), with status and headers, or the bare message."""

from __future__ import annotations

from collections.abc import Iterator

from streamlab.core.api_errors import api_error
from streamlab.core.events import dump
from streamlab.errors import ScenarioError
from streamlab.files.importers.documents import Document, Part
from streamlab.files.importers.drafts import (
    ENDINGS,
    HEADERS,
    JSON_BODIES,
    MOMENT,
    READS,
    REQUESTS,
    STATUS,
    TIMES,
    Draft,
    Format,
    body_of,
    from_base64,
    headers_of,
    is_pair,
    status_of,
    whole,
)

__all__ = ["FORMATS"]

_BASE64 = "base64:"
_UNKNOWN = (TIMES, READS, ENDINGS, MOMENT)


def _is_dd(document: Document) -> bool:
    return document.kind == "json" and is_pair(document.value) and "status" in document.value["response"]


def _is_response(document: Document) -> bool:
    value = document.value
    return document.kind == "json" and isinstance(value, dict) and "body" in value and "status" in value


def _is_message(document: Document) -> bool:
    value = document.value if document.kind == "json" else None
    if not isinstance(value, dict):
        return False
    is_error = value.get("type") == "error" and isinstance(value.get("error"), dict)
    return is_error or (value.get("type") == "message" and isinstance(value.get("content"), list))


def _read_dd(document: Document) -> Iterator[Draft]:
    request, response = document.part["request"], document.part["response"]
    status = response["status"]
    asked, asked_notes = _dd_body(request["body"])
    body, notes = _dd_body(response["body"])
    yield Draft(
        label="the exchange",
        method=request["method"].text(),
        url=request["url"].text(),
        request_headers=headers_of(request["headers"]),
        request_body=asked,
        status=status_of(status["code"] if isinstance(status.value, dict) else status),
        headers=headers_of(response["headers"]),
        reads=whole(body),
        unknown=(*asked_notes, *notes),
    )


def _dd_body(part: Part) -> tuple[bytes | None, tuple[str, ...]]:
    if isinstance(part.value, str) and part.value.startswith(_BASE64):
        return from_base64(Part(part.value.removeprefix(_BASE64), part.key)), ()
    return body_of(part)


def _read_response(document: Document) -> Iterator[Draft]:
    part = document.part
    body, notes = _dd_body(part["body"])
    headers = headers_of(part["headers"])
    yield Draft(label="the answer", status=status_of(part["status"]), headers=headers, reads=whole(body), unknown=notes)


def _read_message(document: Document) -> Iterator[Draft]:
    value = document.value
    status = 200
    if value["type"] == "error":
        try:
            status = api_error(value["error"].get("type")).status
        except ScenarioError:
            status = 500
    yield Draft(label="the message", status=status, reads=whole(dump(value).encode("utf-8", "backslashreplace")))


FORMATS = (
    Format(name="dd-json", is_this=_is_dd, read=_read_dd, unknown=_UNKNOWN),
    Format(name="response-json", is_this=_is_response, read=_read_response, unknown=(*_UNKNOWN, REQUESTS)),
    Format(
        name="message-json",
        is_this=_is_message,
        read=_read_message,
        unknown=(TIMES, READS, MOMENT, REQUESTS, STATUS, HEADERS, JSON_BODIES),
    ),
)
