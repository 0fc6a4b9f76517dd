"""Cassettes of VCR in other languages: Ruby, R and Go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
    moment_of,
    status_of,
    whole,
)

__all__ = ["FORMATS"]


def _first(document: Document, key: str) -> Any:
    """Return the first of the interactions; None if this file has none under that key."""
    value = document.value if document.kind in ("yaml", "json") else None
    listed = value.get(key) if isinstance(value, dict) else None
    return listed[0] if isinstance(listed, list) and listed and is_pair(listed[0]) else None


def _is_r(document: Document) -> bool:
    first = _first(document, "http_interactions")
    return first is not None and not isinstance(first["response"].get("status"), dict)


def _is_ruby(document: Document) -> bool:
    value = document.value if document.kind in ("yaml", "json") else None
    return isinstance(value, dict) and isinstance(value.get("http_interactions"), list)


def _is_go(document: Document) -> bool:
    first = _first(document, "interactions")
    return first is not None and "url" in first["request"] and "uri" not in first["request"]


def _read_ruby(document: Document) -> Iterator[Draft]:
    for number, each in enumerate(document.part["http_interactions"].parts(), 1):
        request, response = each["request"], each["response"]
        status = response["status"]
        body, notes = _ruby_body(response["body"])
        asked, asked_notes = _ruby_body(request["body"])
        yield Draft(
            label=f"interaction {number}",
            method=request["method"].text(),
            url=request["uri"].text(),
            request_headers=headers_of(request["headers"]),
            request_body=asked,
            status=status_of(status["code"] if isinstance(status.value, dict) else status),
            headers=headers_of(response["headers"]),
            reads=whole(body),
            recorded=moment_of(each["recorded_at"].value),
            unknown=(*asked_notes, *notes),
        )


def _ruby_body(part: Part) -> tuple[bytes | None, tuple[str, ...]]:
    if not isinstance(part.value, dict):
        return body_of(part)
    if "base64_string" in part:
        return from_base64(part["base64_string"]), ()
    return body_of(part["string"])


def _read_go(document: Document) -> Iterator[Draft]:
    for number, each in enumerate(document.part["interactions"].parts(), 1):
        request, response = each["request"], each["response"]
        body, notes = body_of(response["body"])
        asked, asked_notes = body_of(request["body"])
        yield Draft(
            label=f"interaction {number}",
            method=request["method"].text() or "GET",
            url=request["url"].text(),
            request_headers=headers_of(request["headers"]),
            request_body=asked,
            status=status_of(response["code"] if "code" in response else response["status"]),
            headers=headers_of(response["headers"]),
            reads=whole(body),
            unknown=(*asked_notes, *notes),
        )


FORMATS = (
    Format(name="r-vcr", is_this=_is_r, read=_read_ruby),
    Format(name="ruby-vcr", is_this=_is_ruby, read=_read_ruby),
    Format(name="go-vcr", is_this=_is_go, read=_read_go, unknown=(TIMES, READS, ENDINGS, MOMENT)),
)
