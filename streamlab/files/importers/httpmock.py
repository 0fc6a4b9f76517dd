"""Recordings of Rust's httpmock: a YAML document for each exchange, with `when` and `then`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from streamlab.files.importers.documents import Document, Part
from streamlab.files.importers.drafts import (
    ENDINGS,
    MOMENT,
    READS,
    TIMES,
    Draft,
    Format,
    body_of,
    headers_of,
    status_of,
    whole,
)

__all__ = ["FORMAT"]

_ADDRESS = "hosts: to whom a request went; any path that ends as the API's do is taken for it"


def _is_this(document: Document) -> bool:
    return any(_is_mock(each) for each in _documents(document))


def _is_mock(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("when"), dict) and isinstance(value.get("then"), dict)


def _documents(document: Document) -> list[Any]:
    if document.kind == "documents":
        return list(document.value)
    return [document.value] if document.kind == "yaml" else []


def _read(document: Document) -> Iterator[Draft | str]:
    for index, value in enumerate(_documents(document)):
        part = Part(value, (index,) if document.kind == "documents" else ())
        label = f"document {index + 1}"
        if value is None:
            continue
        when, then = part["when"], part["then"]
        if "path" not in when:
            yield f"{label}: it does not say which path was asked"
            continue
        yield _draft(label, when, then)


def _draft(label: str, when: Part, then: Part) -> Draft:
    query = urlencode(headers_of(when["query_param"])) if "query_param" in when else ""
    body, notes = body_of(then["body"])
    asked, asked_notes = body_of(when["body"])
    return Draft(
        label=label,
        method=when["method"].text() if "method" in when else "POST",
        url=when["path"].text() + (f"?{query}" if query else ""),
        request_headers=headers_of(when["header"]),
        request_body=asked,
        status=status_of(then["status"]) if "status" in then else 200,
        headers=headers_of(then["header"]),
        reads=whole(body),
        unknown=(*asked_notes, *notes),
    )


FORMAT = Format(name="httpmock-yaml", is_this=_is_this, read=_read, unknown=(TIMES, READS, ENDINGS, MOMENT, _ADDRESS))
