"""What people write in Python: constructors of replies and blocks, and what may stand where a source is expected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from streamlab.core.api_errors import api_error
from streamlab.core.blocks import Block, parse_blocks
from streamlab.core.exchange import Request
from streamlab.core.faults import Fault, parse_fault
from streamlab.core.messages import Shape
from streamlab.core.pacing import Pace, parse_pace
from streamlab.core.plan import Headers
from streamlab.core.replies import Reply
from streamlab.core.sources import Computed, Content, Events, Failure, Http, Source
from streamlab.errors import ScenarioError

__all__ = [
    "SourceLike",
    "as_reply",
    "as_source",
    "error",
    "events",
    "http",
    "message",
    "parse_faults",
    "text",
    "thinking",
    "tool_use",
]

SourceLike = str | Block | Mapping[str, Any] | Sequence[Any] | Source | Reply | Callable[[Request], Any]
"""What may stand where a source is expected: a text, content blocks, a constructor's result, or a function of the request."""


def error(
    kind: str | int, message: str | None = None, *, times: int = 1, headers: Mapping[str, str | None] | None = None
) -> Reply:
    """Return an error of the API, by its type (`overloaded`, with or without `_error`) or its status (529).

    Raises ScenarioError if the API has no such error.
    """
    return Reply(source=Failure(api_error(kind), message), times=times, headers=tuple((headers or {}).items()))


def text(value: str | Sequence[str], *, citations: Sequence[Mapping[str, Any]] = ()) -> Block:
    """Return a text block; a list of texts comes in exactly these deltas."""
    written = value if isinstance(value, str) else list(value)
    return _block({"text": written, **({"citations": list(citations)} if citations else {})})


def thinking(value: str | Sequence[str], *, signature: str | None = None) -> Block:
    """Return a thinking block; a list of texts comes in exactly these deltas."""
    written = value if isinstance(value, str) else list(value)
    return _block({"thinking": written, **({"signature": signature} if signature else {})})


def tool_use(name: str, /, **arguments: Any) -> Block:
    """Return a call of a tool with these arguments."""
    return _block({"tool_use": {"name": name, "input": arguments}})


def message(*blocks: str | Block | Mapping[str, Any], **shape: Any) -> Content:
    """Return a message of these blocks; `stop_reason`, `stop_sequence`, `usage`, `model`, `id` and `plain` say more of it."""
    return Content(parse_blocks(list(blocks)), Shape(**shape))


def events(*items: str | Mapping[str, Any], **shape: Any) -> Events:
    """Return a stream written event by event. Raises ScenarioError if one of the items cannot be one."""
    Events.check(items)
    return Events(items, Shape(**shape))


def http(status: int = 200, headers: Mapping[str, str] | None = None, body: str | bytes = b"") -> Http:
    """Return any answer of HTTP."""
    fields: Headers = tuple((headers or {}).items())
    return Http(status, fields, body.encode() if isinstance(body, str) else body)


def as_source(written: Any) -> Source:
    """Return the source that something written in Python stands for. Raises ScenarioError if it stands for none."""
    if isinstance(written, Reply):
        return written.source
    if isinstance(written, Source):
        return written
    if isinstance(written, str | Block | Mapping | list | tuple):
        return Content(parse_blocks(written))
    if callable(written):
        return Computed(written, as_source)
    raise ScenarioError(
        f"a reply is expected, not {written!r}",
        hint="give a text, content blocks, error(…), events(…), http(…) or a function",
    )


def as_reply(
    written: Any, *, times: int | None = None, pace: Pace | str | Mapping[str, Any] | None = None, **changes: Any
) -> Reply:
    """Return the reply that something written in Python stands for, changed as asked; `faults` and `headers` as in YAML."""
    base = written if isinstance(written, Reply) else Reply(source=as_source(written))
    times = base.times if times is None else times
    if isinstance(times, bool) or not isinstance(times, int) or times < 1:
        raise ScenarioError(f"a number of times from 1 is expected, not {times!r}", key=("times",))
    faults = parse_faults(changes.pop("faults", ())) or base.faults
    headers = tuple((changes.pop("headers", None) or {}).items()) or base.headers
    if pace is not None and not isinstance(pace, Pace):
        pace = parse_pace(pace)
    return replace(base, times=times, pace=pace or base.pace, faults=faults, headers=headers, **changes)


def parse_faults(written: Sequence[Fault | Mapping[str, Any]]) -> tuple[Fault, ...]:
    """Return faults that are given as objects or as their mappings."""
    return tuple(parse_fault(each) if isinstance(each, Mapping) else each for each in written)


def _block(written: Mapping[str, Any]) -> Block:
    return parse_blocks(written)[0]
