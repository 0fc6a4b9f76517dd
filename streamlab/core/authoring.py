"""What people write in Python: constructors of replies and blocks, and what may stand where a source is expected."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from streamlab.core.api_errors import api_error
from streamlab.core.blocks import Block, parse_blocks
from streamlab.core.events import dump
from streamlab.core.exchange import Request
from streamlab.core.faults import Fault, parse_fault
from streamlab.core.messages import Shape
from streamlab.core.pacing import Pace, parse_pace
from streamlab.core.plan import JSON, STATUSES, TOKEN, Head, Headers
from streamlab.core.replies import Reply
from streamlab.core.sources import Computed, Content, Events, Failure, Http, Source
from streamlab.errors import ScenarioError

__all__ = [
    "SourceLike",
    "as_reply",
    "as_source",
    "error",
    "events",
    "header_value",
    "http",
    "message",
    "parse_faults",
    "text",
    "thinking",
    "tool_use",
]

_BREAKS = re.compile(r"[\r\n\0]|[^\0-\xff]")

SourceLike = str | Block | Mapping[str, Any] | Sequence[Any] | Source | Reply | Callable[[Request], Any]
"""What may stand where a source is expected: a text, content blocks, a constructor's result, or a function of the request."""


def error(
    kind: str | int, message: str | None = None, *, times: int = 1, headers: Mapping[str, str | None] | None = None
) -> Reply:
    """Return an error of the API, by its type (`overloaded`, with or without `_error`) or its status (529).

    Raises ScenarioError if the API has no such error.
    """
    return Reply(source=Failure(api_error(kind), message), times=times, headers=_header_changes(headers))


def text(value: str | Sequence[str], *, citations: Sequence[Mapping[str, Any]] = ()) -> Block:
    """Return a text block; a list of texts comes in exactly these deltas."""
    return _block({"text": value, **({"citations": citations} if citations else {})})


def thinking(value: str | Sequence[str], *, signature: str | None = None) -> Block:
    """Return a thinking block; a list of texts comes in exactly these deltas."""
    return _block({"thinking": value, **({"signature": signature} if signature else {})})


def tool_use(name: str, /, **arguments: Any) -> Block:
    """Return a call of a tool with these arguments."""
    return _block({"tool_use": {"name": name, "input": arguments}})


def message(*blocks: str | Block | Mapping[str, Any], **shape: Any) -> Content:
    """Return a message of these blocks, of which `shape` says more.

    `shape` takes `stop_reason`, `stop_sequence`, `stop_details`, `usage`, `model`, `id`, `container`, `context_management` and
    `plain`, as they are written in a scenario.
    """
    return Content(parse_blocks(list(blocks)), Shape(**shape))


def events(*items: str | Mapping[str, Any], **shape: Any) -> Events:
    """Return a stream written event by event. Raises ScenarioError if one of the items cannot be one."""
    Events.check(items)
    return Events(items, Shape(**shape))


def http(
    status: int = 200, headers: Mapping[str, str] | None = None, body: str | bytes | Mapping[str, Any] | list[Any] = b""
) -> Http:
    """Return any answer of HTTP. A body that is a mapping or a list is sent as JSON. Raises ScenarioError for what is none."""
    if isinstance(status, bool) or not isinstance(status, int) or status not in STATUSES:
        raise ScenarioError(f"a status from {STATUSES[0]} to {STATUSES[-1]} is expected, not {status!r}", key=("status",))
    fields: Headers = tuple((name, value) for name, value in _header_changes(headers) if value is not None)
    if isinstance(body, bytes):
        return Http(status, fields, body)
    if isinstance(body, str):
        return Http(status, fields, body.encode("utf-8", "surrogatepass"))
    if Head(headers=fields).get("content-type") is None:
        fields += (("content-type", JSON),)
    try:
        return Http(status, fields, dump(body).encode("utf-8", "backslashreplace"))
    except (TypeError, ValueError, RecursionError) as problem:
        raise ScenarioError(f"this cannot be said in JSON: {problem}", key=("body",)) from None


def as_source(written: Any) -> Source:
    """Return the source that something written in Python stands for. Raises ScenarioError if it stands for none."""
    if isinstance(written, Source) and not isinstance(written, type):
        return written
    if isinstance(written, str | Block | Mapping | list | tuple):
        return Content(parse_blocks(written))
    if inspect.iscoroutinefunction(written):
        raise ScenarioError(f"{written!r} is asynchronous", hint="write def instead of async def")
    if callable(written):
        return Computed(written, _computed)
    raise ScenarioError(
        f"a reply is expected, not {written!r}",
        hint="give a text, content blocks, error(…), events(…), http(…) or a function",
    )


def _computed(result: Any) -> Source:
    """Return the source that a function's result stands for: of a reply, its headers and faults hold too."""
    if isinstance(result, Reply) and (result.times != 1 or result.pace is not None):
        raise ScenarioError("a function is asked for each answer: `times` and `pace` say nothing in what it returns")
    return as_source(result)


def as_reply(
    written: Any, *, times: int | None = None, pace: Pace | str | Mapping[str, Any] | None = None, **changes: Any
) -> Reply:
    """Return the reply that something written in Python stands for, changed as asked; `faults` and `headers` as in YAML."""
    base = written if isinstance(written, Reply) else Reply(source=as_source(written))
    times = base.times if times is None else times
    if isinstance(times, bool) or not isinstance(times, int) or times < 1:
        raise ScenarioError(f"a number of times from 1 is expected, not {times!r}", key=("times",))
    faults = base.faults + parse_faults(changes.pop("faults", ()))
    changed = _header_changes(changes.pop("headers", None))
    kept = {name.lower() for name, _ in changed}
    headers = tuple(each for each in base.headers if each[0].lower() not in kept) + changed
    if pace is not None and not isinstance(pace, Pace):
        pace = parse_pace(pace)
    return replace(base, times=times, pace=pace or base.pace, faults=faults, headers=headers, **changes)


def parse_faults(written: Sequence[Fault | Mapping[str, Any]]) -> tuple[Fault, ...]:
    """Return faults that are given as objects or as their mappings.

    Raises ScenarioError, with the number of the one that is none.
    """
    if not isinstance(written, list | tuple):
        raise ScenarioError(f"a list of faults is expected, not {written!r}", key=("faults",))
    faults = []
    for number, each in enumerate(written):
        try:
            fault = parse_fault(each) if isinstance(each, Mapping) else each
        except ScenarioError as problem:
            problem.key = ("faults", number, *problem.key)
            raise
        if not callable(getattr(fault, "apply", None)) or isinstance(fault, type):
            hint = "for example: Cut('reset', at='delta 3')"
            raise ScenarioError(f"a fault is expected, not {each!r}", key=("faults", number), hint=hint)
        faults.append(fault)
    return tuple(faults)


def _header_changes(written: Mapping[str, Any] | None) -> tuple[tuple[str, str | None], ...]:
    """Return headers as they are sent: a number is written out, None takes a header away. Raises ScenarioError."""
    if written is not None and not isinstance(written, Mapping):
        hint = "for example: headers={'retry-after': '1'}"
        raise ScenarioError(f"headers are expected, not {written!r}", key=("headers",), hint=hint)
    try:
        return tuple((name, header_value(name, value)) for name, value in (written or {}).items())
    except ScenarioError as problem:
        problem.key = ("headers", *problem.key)
        raise


def header_value(name: object, value: object) -> str | None:
    """Return the value of a header as it is sent; None takes it away. Raises ScenarioError if no head can carry it."""
    if not isinstance(name, str) or not TOKEN.fullmatch(name):
        hint = "a name has letters, digits and hyphens, and no spaces"
        raise ScenarioError(f"{name!r} is not the name of a header", key=(str(name),), hint=hint)
    if value is None or type(value) in (int, float):
        return None if value is None else str(value)
    if not isinstance(value, str):
        hint = "write a text, or null to take the header out"
        shown = str(value).lower() if isinstance(value, bool) else repr(value)
        raise ScenarioError(f"a text is expected, not {shown}", key=(name,), hint=hint)
    if found := _BREAKS.search(value):
        hint = "write one line of Latin-1"
        raise ScenarioError(f"a header cannot carry the character {found[0]!a}", key=(name,), hint=hint)
    return value


def _block(written: Mapping[str, Any]) -> Block:
    return parse_blocks(written)[0]
