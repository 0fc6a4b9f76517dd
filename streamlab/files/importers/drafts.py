"""A draft: one exchange as a foreign file has it, before it is cleaned; and what formats read alike."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from streamlab.core.events import dump
from streamlab.core.exchange import Ended, Read
from streamlab.core.plan import STATUSES, Headers
from streamlab.files.importers.documents import Document, Part

__all__ = [
    "ENDINGS",
    "EVENT_BYTES",
    "HEADERS",
    "JSON_BODIES",
    "MOMENT",
    "READS",
    "REQUESTS",
    "REQUEST_BODIES",
    "REQUEST_HEADERS",
    "STATUS",
    "TIMES",
    "Draft",
    "Format",
    "body_of",
    "from_base64",
    "headers_of",
    "is_pair",
    "moment_of",
    "status_of",
    "whole",
]

TIMES = "times: when the bytes of an answer came"
READS = "reads: which bytes of an answer came together"
ENDINGS = "endings: how the connection was closed; an answer that is complete in itself counts as complete"
MOMENT = "dates: when it was recorded"
REQUESTS = "requests: each is made up, with the model of its answer"
REQUEST_BODIES = "request bodies: where none was kept, one is made up, with the model of the answer"
REQUEST_HEADERS = "request headers: none were kept"
STATUS = "statuses: which one an answer had; it follows from the body"
HEADERS = "response headers: none were kept; the content-type follows from the body"
JSON_BODIES = "JSON bodies: how they were written; they were kept as data and are written anew, compactly"
EVENT_BYTES = "bytes of the events: they were kept as JSON and are framed anew, without the API's padding"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """One exchange as a foreign file has it: nothing is cleaned, decompressed or redacted yet.

    `label` names it in messages. `url` is None if the format knows no requests, `request_body` if none was kept, `status` if no
    head came, `ended` if the format does not say. `unknown` adds to what the format cannot know.
    """

    label: str
    method: str = "POST"
    url: str | None = None
    request_headers: Headers = ()
    request_body: bytes | None = None
    status: int | None = 200
    headers: Headers = ()
    reads: tuple[Read, ...] = ()
    ended: Ended | None = None
    recorded: str | None = None
    first: float | None = None
    ended_at: float | None = None
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Format:
    """One format: how it is known, what it holds (drafts, and texts on what it leaves out), and what it cannot know."""

    name: str
    is_this: Callable[[Document], bool]
    read: Callable[[Document], Iterator[Draft | str]]
    unknown: tuple[str, ...] = (TIMES, READS, ENDINGS)


def is_pair(value: Any) -> bool:
    """Whether this is a mapping with a request and a response, as most formats have them."""
    return isinstance(value, dict) and isinstance(value.get("request"), dict) and isinstance(value.get("response"), dict)


def whole(body: bytes | None) -> tuple[Read, ...]:
    """Return a body of which nobody knows how it came."""
    return (Read(body),) if body else ()


def body_of(part: Part) -> tuple[bytes | None, tuple[str, ...]]:
    """Return a body that is a text, bytes or data, and what is not known of it; None if there is none."""
    value = part.value
    if value is None or isinstance(value, bytes):
        return value, ()
    if isinstance(value, str):
        return _encoded(value), ()
    return _encoded(dump(value)), (JSON_BODIES,)


def from_base64(part: Part) -> bytes:
    """Return the bytes that a text says in base64. Raises ScenarioError if it is none."""
    try:
        return base64.b64decode("".join(part.text().split()), validate=True)
    except ValueError:
        raise part.wrong("base64") from None


def headers_of(part: Part) -> Headers:
    """Return headers, written as a mapping to a text or a list of texts, or as a list of names and values."""
    if part.value is None:
        return ()
    if isinstance(part.value, list):
        return tuple((each["name"].text(), _value(each["value"])) for each in part.parts())
    headers: list[tuple[str, str]] = []
    for name, value in part.items():
        headers += ((name, _value(each)) for each in (value.parts() if isinstance(value.value, list) else [value]))
    return tuple(headers)


def status_of(part: Part) -> int:
    """Return the status of an answer; a number, or a text that begins with one."""
    value = part.value
    if isinstance(value, str) and value[:3].isascii() and value[:3].isdigit() and not value[3:4].strip():
        value = int(value[:3])
    if type(value) is not int or value not in STATUSES:
        raise part.wrong(f"a status from {STATUSES[0]} to {STATUSES[-1]}")
    return value


def moment_of(value: object) -> str | None:
    """Return a moment as ISO 8601 in UTC, from that or from the format of HTTP; None if it is none."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, TypeError, OverflowError):
            return None
    try:
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except OverflowError:
        return None
    return moment.isoformat().replace("+00:00", "Z")


def _value(part: Part) -> str:
    if isinstance(part.value, bytes):
        return part.value.decode("latin-1")
    if isinstance(part.value, bool) or not isinstance(part.value, str | int | float | None):
        raise part.wrong("a text")
    return "" if part.value is None else str(part.value)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")  # half of a surrogate pair becomes its JSON escape
