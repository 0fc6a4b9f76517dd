"""HTTP archives: those of browsers and proxies, and those that Polly.JS records."""

from __future__ import annotations

import json
from collections.abc import Iterator

from streamlab.core.exchange import Ended, Read
from streamlab.core.plan import Headers
from streamlab.files.importers.documents import Document, Part
from streamlab.files.importers.drafts import (
    ENDINGS,
    READS,
    TIMES,
    Draft,
    Format,
    body_of,
    from_base64,
    headers_of,
    moment_of,
    status_of,
    whole,
)

__all__ = ["FORMAT"]

_POLLY = "Polly"
_ERRORS = {
    "ERR_CONNECTION_REFUSED": Ended.REFUSED,
    "ERR_CONNECTION_RESET": Ended.RESET,
    "ERR_CONNECTION_CLOSED": Ended.FIN,
    "ERR_EMPTY_RESPONSE": Ended.FIN,
    "ERR_INCOMPLETE_CHUNKED_ENCODING": Ended.FIN,
    "ERR_INVALID_CHUNKED_ENCODING": Ended.CORRUPT,
    "ERR_TIMED_OUT": Ended.TIMEOUT,
    "ERR_ABORTED": Ended.LEFT,
}
"""What browsers say of a connection that failed."""


def _is_this(document: Document) -> bool:
    log = document.value.get("log") if document.kind == "json" and isinstance(document.value, dict) else None
    return isinstance(log, dict) and isinstance(log.get("entries"), list)


def _read(document: Document) -> Iterator[Draft | str]:
    log = document.part["log"]
    has_times = not _is_polly(log)
    for number, each in enumerate(log["entries"].parts(), 1):
        request, response = each["request"], each["response"]
        label = f"entry {number}"
        ended = _ended(each, response)
        if ended is None and "status" in response and "text" not in response["content"] and not _has_no_body(response):
            yield f"{label}: the body of its answer was not kept"
            continue
        if (is_unanswered := _is_unanswered(response)) and "content" in response and response["content"]["text"].value:
            yield f"{label}: its answer has a body and no status"
            continue
        first, ended_at = _times(each) if has_times else (None, None)
        asked, notes = _asked(request)
        yield Draft(
            label=label,
            method=request["method"].text(),
            url=request["url"].text(),
            request_headers=headers_of(request["headers"]),
            request_body=asked,
            status=None if is_unanswered else status_of(response["status"]),
            headers=_unfolded(headers_of(response["headers"])),
            reads=_reads(response["content"]) if "content" in response else (),
            ended=ended,
            recorded=moment_of(each["startedDateTime"].value),
            first=first,
            ended_at=ended_at,
            unknown=notes,
        )


def _is_polly(log: Part) -> bool:
    creator = log["creator"] if isinstance(log["creator"].value, dict) else None
    return creator is not None and str(creator["name"].value).startswith(_POLLY)


def _is_unanswered(response: Part) -> bool:
    """Whether no head came: browsers write a status of 0 then."""
    return response["status"].value in (0, None)


def _has_no_body(response: Part) -> bool:
    return _is_unanswered(response) or ("content" in response and response["content"]["size"].value == 0)


def _asked(request: Part) -> tuple[bytes | None, tuple[str, ...]]:
    return body_of(request["postData"]["text"]) if "postData" in request else (None, ())


def _reads(content: Part) -> tuple[Read, ...]:
    """Return the body: text, base64, or Polly's list of chunks, which is written as a text of JSON."""
    if content["encoding"].value != "base64":
        return whole(body_of(content["text"])[0])
    if not content["text"].text().startswith("["):
        return whole(from_base64(content["text"]))
    try:
        chunks = json.loads(content["text"].text())
    except (ValueError, RecursionError):
        raise content["text"].wrong("a list of base64 texts") from None
    return tuple(Read(from_base64(each)) for each in Part(chunks, content["text"].key).parts())


def _unfolded(headers: Headers) -> Headers:
    """Return headers one by one: browsers write repeated ones as lines of one value."""
    return tuple((name, line) for name, value in headers for line in value.split("\n"))


def _times(entry: Part) -> tuple[float | None, float | None]:
    """Return the seconds from the request to the head, and from there to the end, if they are told."""
    if "timings" not in entry:
        return None, None
    told = [entry["timings"][name].value for name in ("wait", "receive")]
    wait, receive = (value / 1000 if type(value) in (int, float) and 0 <= value < 1e9 else None for value in told)  # noqa: PLR2004
    return wait, receive


def _ended(entry: Part, response: Part) -> Ended | None:
    """Return how a connection failed, if the browser says so."""
    said = str(response["_error"].value or entry["_error"].value or "")
    return next((ended for word, ended in _ERRORS.items() if word in said), Ended.UNKNOWN if said else None)


FORMAT = Format(name="har", is_this=_is_this, read=_read, unknown=(TIMES, READS, ENDINGS))
