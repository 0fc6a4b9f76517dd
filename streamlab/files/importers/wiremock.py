"""Mappings of WireMock: stubs that were recorded or written, their bodies in them or in files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streamlab.files.importers.documents import Document, Part, beside
from streamlab.files.importers.drafts import (
    ENDINGS,
    MOMENT,
    READS,
    REQUEST_HEADERS,
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

__all__ = ["FORMAT"]

_BODIES = ("body", "jsonBody", "base64Body", "bodyFileName")
_ADDRESSES = ("url", "urlPath", "urlPathPattern", "urlPattern")


def _is_this(document: Document) -> bool:
    value = document.value
    if document.kind != "json" or not isinstance(value, dict):
        return False
    return _is_mapping(value) or (isinstance(value.get("mappings"), list) and any(map(_is_mapping, value["mappings"])))


def _is_mapping(value: Any) -> bool:
    if not is_pair(value) or isinstance(value["response"].get("status"), dict) or "uri" in value["request"]:
        return False
    is_stub = any(name in value["request"] for name in _ADDRESSES[1:]) or "bodyPatterns" in value["request"]
    return is_stub or any(name in value["response"] for name in _BODIES[1:])


def _read(document: Document) -> Iterator[Draft | str]:
    mappings = document.part["mappings"].parts() if "mappings" in document.value else [document.part]
    for number, each in enumerate(mappings, 1):
        request, response = each["request"], each["response"]
        url = next((request[name].text() for name in _ADDRESSES if name in request), "")
        label = f"mapping {number}"
        body, notes, is_missing = _body(document, response)
        if is_missing:
            yield f"{label}: the file {response['bodyFileName'].text()!r} with its body is not there"
            continue
        asked, asked_notes = _asked(request)
        yield Draft(
            label=label,
            method=request["method"].text().replace("ANY", "POST") if "method" in request else "POST",
            url=url,
            request_body=asked,
            status=status_of(response["status"]) if "status" in response else 200,
            headers=headers_of(response["headers"]),
            reads=whole(body),
            unknown=(*asked_notes, *notes),
        )


def _body(document: Document, response: Part) -> tuple[bytes | None, tuple[str, ...], bool]:
    if "base64Body" in response:
        return from_base64(response["base64Body"]), (), False
    if "bodyFileName" not in response:
        return *body_of(response["jsonBody"] if "jsonBody" in response else response["body"]), False
    data = beside(document.path.parent.parent / "__files", response["bodyFileName"])
    return data, (), data is None


def _asked(request: Part) -> tuple[bytes | None, tuple[str, ...]]:
    """Return the body of a request of which a pattern says all."""
    patterns = request["bodyPatterns"].parts() if "bodyPatterns" in request else []
    return next((body_of(each["equalToJson"]) for each in patterns if "equalToJson" in each), (None, ()))


FORMAT = Format(name="wiremock", is_this=_is_this, read=_read, unknown=(TIMES, READS, ENDINGS, MOMENT, REQUEST_HEADERS))
