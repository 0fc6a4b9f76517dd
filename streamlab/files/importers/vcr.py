"""Cassettes of VCR.py and pytest-recording, in YAML or JSON, and those of Pydantic AI, which keep JSON as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streamlab.core.exchange import Read
from streamlab.files.importers.documents import Document, Part
from streamlab.files.importers.drafts import (
    ENDINGS,
    MOMENT,
    READS,
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

_UNKNOWN = (TIMES, READS, ENDINGS, MOMENT)


def _is_yaml(document: Document) -> bool:
    return document.kind == "yaml" and _is_cassette(document.value)


def _is_json(document: Document) -> bool:
    return document.kind == "json" and _is_cassette(document.value)


def _is_cassette(value: Any) -> bool:
    interactions = value.get("interactions") if isinstance(value, dict) else None
    return isinstance(interactions, list) and (not interactions or is_pair(interactions[0]))


def _read(document: Document) -> Iterator[Draft]:
    for number, each in enumerate(document.part["interactions"].parts(), 1):
        request, response = each["request"], each["response"]
        asked, asked_notes = _request_body(request)
        reads, notes = _answer(response)
        yield Draft(
            label=f"interaction {number}",
            method=request["method"].text(),
            url=request["uri"].text(),
            request_headers=headers_of(request["headers"]),
            request_body=asked,
            status=_status(response),
            headers=headers_of(response["headers"]),
            reads=reads,
            unknown=(*asked_notes, *notes),
        )


def _request_body(request: Part) -> tuple[bytes | None, tuple[str, ...]]:
    return body_of(request["parsed_body"] if "parsed_body" in request else request["body"])


def _answer(response: Part) -> tuple[tuple[Read, ...], tuple[str, ...]]:
    """Return the body: text or bytes in one of three places, or data."""
    if "parsed_body" in response:
        body, notes = body_of(response["parsed_body"])
    elif "content" in response:  # stubs of older versions for httpx
        body, notes = body_of(response["content"])
    elif isinstance(response["body"].value, dict):
        inner = response["body"]
        body, notes = (from_base64(inner["base64_string"]), ()) if "base64_string" in inner else body_of(inner["string"])
    else:
        body, notes = body_of(response["body"])
    return whole(body), notes


def _status(response: Part) -> int:
    if "status_code" in response:
        return status_of(response["status_code"])
    status = response["status"]
    return status_of(status["code"] if isinstance(status.value, dict) else status)


FORMATS = (
    Format(name="vcr-yaml", is_this=_is_yaml, read=_read, unknown=_UNKNOWN),
    Format(name="vcr-json", is_this=_is_json, read=_read, unknown=_UNKNOWN),
)
