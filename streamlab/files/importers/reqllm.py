"""Fixtures of Elixir's req_llm: a request and an answer, with the reads of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streamlab.core.exchange import Read
from streamlab.files.importers.documents import Document, Part
from streamlab.files.importers.drafts import (
    ENDINGS,
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

__all__ = ["FORMAT"]


def _is_this(document: Document) -> bool:
    value: Any = document.value
    if document.kind != "json" or not is_pair(value):
        return False
    body = value["request"].get("body")
    return "canonical_json" in value["request"] or "captured_at" in value or (isinstance(body, dict) and "b64" in body)


def _read(document: Document) -> Iterator[Draft]:
    part = document.part
    request, response = part["request"], part["response"]
    asked, asked_notes = _maybe_base64(request["body"])
    if not asked and "canonical_json" in request:
        asked, asked_notes = body_of(request["canonical_json"])
    reads, notes = _reads(part)
    yield Draft(
        label="the exchange",
        method=request["method"].text(),
        url=request["url"].text(),
        request_headers=headers_of(request["headers"]),
        request_body=asked,
        status=status_of(response["status"]),
        headers=headers_of(response["headers"]),
        reads=reads,
        recorded=moment_of(part["captured_at"].value),
        unknown=(*asked_notes, *notes),
    )


def _reads(part: Part) -> tuple[tuple[Read, ...], tuple[str, ...]]:
    """Return the reads of a stream as they came, or the body of another answer."""
    if part["chunks"].value:
        return tuple(Read(from_base64(each["b64"])) for each in part["chunks"].parts()), ()
    body, notes = _maybe_base64(part["response"]["body"])
    return whole(body), notes


def _maybe_base64(part: Part) -> tuple[bytes | None, tuple[str, ...]]:
    if isinstance(part.value, dict) and set(part.value) & {"b64"}:
        return from_base64(part["b64"]), ()
    return body_of(part)


FORMAT = Format(name="req_llm", is_this=_is_this, read=_read, unknown=(TIMES, ENDINGS))
