"""Streams as lists of their events: one a line (the Vercel AI SDK's `*.chunks.txt`), or as one JSON list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from streamlab.core.events import dump, encode
from streamlab.errors import ScenarioError
from streamlab.files.importers.documents import Document
from streamlab.files.importers.drafts import (
    ENDINGS,
    EVENT_BYTES,
    HEADERS,
    MOMENT,
    READS,
    REQUESTS,
    STATUS,
    TIMES,
    Draft,
    Format,
    whole,
)

__all__ = ["FORMATS"]

_START = "message_start"
_FIRST = (_START, "ping", "error")
"""The events with which a list of them can begin."""
_UNKNOWN = (TIMES, READS, ENDINGS, MOMENT, REQUESTS, STATUS, HEADERS, EVENT_BYTES)


@dataclass(frozen=True, slots=True)
class _Written:
    """An event of the file, and how it stands in a stream."""

    type: str
    raw: bytes


def _is_event(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("type"), str)


def _is_first(value: Any) -> bool:
    return _is_event(value) and value["type"] in _FIRST


def _is_lines(document: Document) -> bool:
    if document.kind == "lines":
        return _is_first(json.loads(document.value[0][1]))
    return document.kind == "json" and _is_event(document.value) and document.value["type"] == _START


def _is_list(document: Document) -> bool:
    value = document.value
    return document.kind == "json" and isinstance(value, list) and bool(value) and _is_first(value[0])


def _read_lines(document: Document) -> Iterator[Draft]:
    lines = document.value if document.kind == "lines" else [(1, _one_line(document))]
    yield from _messages(_line(document, number, text) for number, text in lines)


def _one_line(document: Document) -> str:
    text = document.data.decode("utf-8-sig").strip()
    return text if "\n" not in text else dump(document.value)


def _line(document: Document, number: int, text: str) -> _Written:
    """Return the event on a line, byte for byte."""
    problem = None
    try:
        event = json.loads(text)
    except json.JSONDecodeError as error:
        problem = f"not valid JSON: {error.msg}"
    except (ValueError, RecursionError):
        problem = "not valid JSON: a number is too large, or the nesting too deep"
    else:
        if _is_event(event):
            return _Written(event["type"], f"event: {event['type']}\ndata: {text}\n\n".encode("utf-8", "backslashreplace"))
        problem = "a JSON object with a type is expected"
    raise ScenarioError(problem, hint="each line is one event of the API").at(str(document.path), number)


def _read_list(document: Document) -> Iterator[Draft]:
    events = []
    for part in document.part.parts():
        if not _is_event(part.value):
            raise part.wrong("an event with its type")
        events.append(_Written(part.value["type"], encode(part.value).raw))
    yield from _messages(events)


def _messages(events: Iterable[_Written]) -> Iterator[Draft]:
    """Yield a draft for each message: a new one starts with its `message_start`, if the one before has ended."""
    parts: list[bytes] = []
    number, is_over = 1, False
    for event in events:
        if is_over and event.type == _START:
            yield _draft(number, b"".join(parts))
            parts, number = [], number + 1
        parts.append(event.raw)
        is_over = event.type in ("message_stop", "error") or (is_over and event.type != _START)
    yield _draft(number, b"".join(parts))


def _draft(number: int, body: bytes) -> Draft:
    return Draft(label=f"message {number}", reads=whole(body))


FORMATS = (
    Format(name="jsonl-events", is_this=_is_lines, read=_read_lines, unknown=_UNKNOWN),
    Format(name="json-events", is_this=_is_list, read=_read_list, unknown=_UNKNOWN),
)
