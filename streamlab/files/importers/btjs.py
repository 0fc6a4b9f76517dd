"""Cassettes of Braintrust's JavaScript SDK, which keep a stream as the texts of its events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from streamlab.files.importers.documents import Document, Part, beside
from streamlab.files.importers.drafts import (
    ENDINGS,
    READS,
    TIMES,
    Draft,
    Format,
    body_of,
    headers_of,
    moment_of,
    status_of,
    whole,
)

__all__ = ["FORMAT"]

_EVENT_JSON = "bytes of the events: their JSON was written anew by the recorder, without the API's padding"


def _is_this(document: Document) -> bool:
    value = document.value if document.kind == "json" else None
    entries = value.get("entries") if isinstance(value, dict) else None
    return isinstance(entries, list) and all(isinstance(each, dict) and "response" in each for each in entries)


def _read(document: Document) -> Iterator[Draft | str]:
    for number, each in enumerate(document.part["entries"].parts(), 1):
        request, response = each["request"], each["response"]
        try:
            body, notes = _body(document, response["body"])
        except FileNotFoundError as missing:
            yield f"entry {number}: the file {missing.filename!r} with the body of its answer is not there"
            continue
        try:
            asked, asked_notes = _body(document, request["body"])
        except FileNotFoundError:
            asked, asked_notes = None, ()
        yield Draft(
            label=f"entry {number}",
            method=request["method"].text(),
            url=request["url"].text(),
            request_headers=headers_of(request["headers"]),
            request_body=asked,
            status=status_of(response["status"]),
            headers=headers_of(response["headers"]),
            reads=whole(body),
            recorded=moment_of(each["recordedAt"].value),
            unknown=(*asked_notes, *notes),
        )


def _body(document: Document, part: Part) -> tuple[bytes | None, tuple[str, ...]]:
    """Return a body by its kind. Raises FileNotFoundError if it is in a file that is not there."""
    kind = part["kind"].value if part.value is not None else "empty"
    if kind == "empty":
        return None, ()
    if kind in ("json", "text"):
        value = part["value"]
        return body_of(value) if "value" in part else body_of(part[kind])
    if kind == "sse":
        texts = (each.text().rstrip("\n") for each in part["chunks"].parts())
        return "".join(f"{text}\n\n" for text in texts).encode("utf-8", "backslashreplace"), (_EVENT_JSON,)
    if kind != "binary":
        raise part["kind"].wrong("one of binary, empty, json, sse, text")
    data = beside(_blobs(document.path), part["path"])
    if data is None:
        raise FileNotFoundError(2, "", part["path"].text())
    return data, ()


def _blobs(path: Path) -> Path:
    """Return the folder beside a cassette in which its files are."""
    return path.with_name(f"{path.name.removesuffix('.json').removesuffix('.cassette')}.cassette.blobs")


FORMAT = Format(name="btjs", is_this=_is_this, read=_read, unknown=(TIMES, READS, ENDINGS))
