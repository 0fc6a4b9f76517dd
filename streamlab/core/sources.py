"""Sources: what a reply is made of. Each makes the plan of its answer to a request.

A source that streams gives the same message as one JSON body when no stream is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Protocol, runtime_checkable

from streamlab.core.api_errors import ERRORS, ApiError, api_error, error_body, error_event
from streamlab.core.api_headers import error_headers, message_headers
from streamlab.core.blocks import Block
from streamlab.core.durations import seconds
from streamlab.core.endpoints import input_tokens, json_plan
from streamlab.core.events import PING_EVENT, encode, encode_padded
from streamlab.core.exchange import Request
from streamlab.core.faults import fault_names, parse_fault
from streamlab.core.messages import DEFAULT_MODEL, Shape, fold, message_delta, message_events, message_start
from streamlab.core.pacing import silence
from streamlab.core.plan import Ending, Head, Headers, Plan
from streamlab.core.sse import Event, Frame
from streamlab.errors import ScenarioError, nearest

__all__ = ["Computed", "Content", "Events", "Failure", "Http", "Recorded", "Source"]


@runtime_checkable
class Source(Protocol):
    """What a reply is made of."""

    def plan(self, request: Request, rng: Random) -> Plan:
        """Return the whole answer to `request`."""
        ...


@dataclass(frozen=True, slots=True)
class Content:
    """A message made of content blocks."""

    blocks: tuple[Block, ...]
    shape: Shape = field(default_factory=Shape)

    def plan(self, request: Request, rng: Random) -> Plan:
        """Return the message as a stream or as one JSON body, as the request asks."""
        tokens = input_tokens(request)
        model = request.model or DEFAULT_MODEL
        events = message_events(self.blocks, self.shape, model=model, input_tokens=tokens, rng=rng)
        if not request.stream:
            return json_plan(fold(events), rng, tokens=tokens)
        frames = (encode(event) if self.shape.plain else encode_padded(event, rng) for event in events)
        return _stream(frames, tokens, rng)


@dataclass(frozen=True, slots=True)
class Events:
    """A stream written event by event.

    An item is an API event (a mapping with `type`), the bare name of one to be filled in, `{wait: 2s}`, `{raw: …}`, or a fault
    that stands right there.
    """

    items: tuple[Any, ...]
    shape: Shape = field(default_factory=Shape)

    def plan(self, request: Request, rng: Random) -> Plan:
        """Return the stream as it is written, or the message that it adds up to."""
        filler = _Filler(self.shape, request, rng)
        plan, wait = _stream((), input_tokens(request), rng), 0.0
        for item in self.items:
            if isinstance(item, Mapping) and "wait" in item:
                pings, rest = silence(seconds(item["wait"], key="wait"))
                plan, wait = _extended(plan, pings, 0.0), wait + rest
            elif isinstance(item, Mapping) and "type" not in item and "raw" not in item:
                plan = parse_fault({**item, "at": "end"}).apply(_extended(plan, (), wait), rng)
                wait = 0.0
            else:
                plan, wait = _extended(plan, (filler.frame(item),), wait), 0.0
        plan = _extended(plan, (), wait)
        return plan if request.stream else _as_json(plan, request, rng)

    @staticmethod
    def check(items: Iterable[object]) -> None:
        """Raise ScenarioError, with the item at fault, if one of these cannot be an item."""
        for number, item in enumerate(items):
            try:
                _check_item(item)
            except ScenarioError as error:
                error.key = (number, *error.key)
                raise


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded stream, byte for byte."""

    frames: tuple[Frame, ...]

    def plan(self, request: Request, rng: Random) -> Plan:
        """Return the recorded bytes, or the message that they add up to."""
        plan = _stream(self.frames, input_tokens(request), rng)
        return plan if request.stream else _as_json(plan, request, rng)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of the API before any stream, with its status, body and headers."""

    error: ApiError
    message: str | None = None

    def plan(self, request: Request, rng: Random) -> Plan:
        """Return the error as JSON: the API never streams an error that comes first."""
        del request
        headers = error_headers(rng, status=self.error.status, is_bare=self.error.is_bare)
        request_id = Head(headers=headers).get("request-id") or ""
        body = error_body(self.error, self.message, request_id)
        head = Head(self.error.status, (*headers, *self.error.headers, ("content-length", str(len(body)))))
        return Plan(head, (Frame(body),))


@dataclass(frozen=True, slots=True)
class Http:
    """Any other answer of HTTP."""

    status: int = 200
    headers: Headers = ()
    body: bytes = b""

    def plan(self, request: Request, rng: Random) -> Plan:
        """Return the answer as it is written, with its length."""
        del request, rng
        head = Head(self.status, self.headers)
        if head.get("content-length") is None and head.get("transfer-encoding") is None:
            head = replace(head, headers=(*head.headers, ("content-length", str(len(self.body)))))
        return Plan(head, (Frame(self.body),) if self.body else ())


@dataclass(frozen=True, slots=True)
class Computed:
    """An answer that a function makes of the request."""

    function: Callable[[Request], Any]
    as_source: Callable[[Any], Source]

    def plan(self, request: Request, rng: Random) -> Plan:
        """Return the answer that the function's result stands for."""
        return self.as_source(self.function(request)).plan(request, rng)


class _Filler:
    """Fills in events that are written by name, and encodes the items of a stream."""

    def __init__(self, shape: Shape, request: Request, rng: Random) -> None:
        self._shape, self._request, self._rng = shape, request, rng
        self._starts = 0

    def frame(self, item: Any) -> Frame:
        if isinstance(item, Mapping) and "raw" in item:
            return Frame(item["raw"] if isinstance(item["raw"], bytes) else item["raw"].encode())
        event = self._filled(item) if isinstance(item, str) else dict(item)
        if event["type"] == "content_block_start":
            self._starts += 1
        return encode(event) if self._shape.plain else encode_padded(event, self._rng)

    def _filled(self, name: str) -> Event:
        tokens, index = input_tokens(self._request), max(0, self._starts - 1)
        if name == "message_start":
            model = self._request.model or DEFAULT_MODEL
            return message_start(self._shape, model=model, input_tokens=tokens, rng=self._rng)
        if name == "message_delta":
            return message_delta(self._shape, (), input_tokens=tokens)
        if name == "error":
            return error_event(ERRORS["overloaded"], None, None)
        return {**_FILLED[name], **({"index": index} if name in _WITH_INDEX else {}), **self._start(name)}

    def _start(self, name: str) -> Event:
        return {"index": self._starts} if name == "content_block_start" else {}


_FILLED: dict[str, Event] = {
    "message_start": {},
    "content_block_start": {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    "content_block_delta": {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "Hello"},
    },
    "content_block_stop": {"type": "content_block_stop", "index": 0},
    "message_delta": {},
    "message_stop": {"type": "message_stop"},
    "ping": PING_EVENT,
    "error": {},
}
_WITH_INDEX = ("content_block_delta", "content_block_stop")


def _check_item(item: object) -> None:
    if isinstance(item, str):
        if item not in _FILLED:
            raise ScenarioError(f"there is no event {item!r}", hint=nearest(item, _FILLED))
    elif not isinstance(item, Mapping) or not item:
        raise ScenarioError(f"an event is expected, not {item!r}", hint="write an event's name, or a mapping with its type")
    elif "type" in item:
        if not isinstance(item["type"], str):
            raise ScenarioError("the type of an event is a text", key=("type",))
    else:
        _check_special(item)


def _check_special(item: Mapping[str, Any]) -> None:
    """Check an item that is no event: a wait, raw bytes or a fault."""
    name = next((each for each in ("wait", "raw", *fault_names()) if each in item), None)
    if name is None:
        wrong = str(next(iter(item)))
        raise ScenarioError(
            f"there is no item {wrong!r}", key=(wrong,), hint=nearest(wrong, ("type", "wait", "raw", *fault_names()))
        )
    if name not in ("wait", "raw"):
        parse_fault({**item, "at": "end"})
        return
    if len(item) > 1:
        raise ScenarioError(f"nothing may stand beside {name!r}", key=(next(key for key in item if key != name),))
    if name == "wait":
        seconds(item["wait"], key="wait")
    elif not isinstance(item["raw"], str | bytes):
        raise ScenarioError(f"a text or !!binary is expected, not {item['raw']!r}", key=("raw",))


def _stream(frames: Iterable[Frame], tokens: int, rng: Random) -> Plan:
    return Plan(Head(200, message_headers(rng, stream=True, input_tokens=tokens)), tuple(frames))


def _extended(plan: Plan, frames: tuple[Frame, ...], wait: float) -> Plan:
    """Return the plan with these frames after it, the first of them `wait` seconds later."""
    if plan.ending is not Ending.COMPLETE:
        return plan
    if wait:
        frames = (replace(frames[0], wait=wait), *frames[1:]) if frames else (Frame(b"", wait=wait),)
    return replace(plan, frames=plan.frames + frames)


def _as_json(plan: Plan, request: Request, rng: Random) -> Plan:
    """Return the message that a stream adds up to, or the error that it ends in, as one JSON body."""
    events = [frame.event for frame in plan.frames if frame.event is not None]
    failed = next((event for event in events if event["type"] == "error"), None)
    if failed is not None:
        error = failed.get("error") or {}
        return Failure(api_error(str(error.get("type"))), error.get("message")).plan(request, rng)
    message = fold(events)
    if message is None or plan.ending is not Ending.COMPLETE:
        raise ScenarioError(
            "this stream adds up to no message, so there is no JSON body for a request without `stream: true`",
            hint="write the answer to such requests as a rule of its own, with when: {stream: false}",
        )
    return json_plan(message, rng, tokens=input_tokens(request))
