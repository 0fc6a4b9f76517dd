"""Sources: what a reply is made of. Each makes the plan of its answer to a request.

A source that streams gives the same message as one JSON body when no stream is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Protocol, runtime_checkable

from streamlab.core.api_errors import ERRORS, ApiError, error_event, error_plan
from streamlab.core.api_headers import message_headers
from streamlab.core.blocks import Block
from streamlab.core.durations import seconds
from streamlab.core.endpoints import input_tokens, json_plan
from streamlab.core.events import PING_EVENT, encode, encode_padded
from streamlab.core.exchange import Request
from streamlab.core.faults import AtPlace, apply_faults, fault_names, fault_type, has_end, parse_fault
from streamlab.core.messages import DEFAULT_MODEL, Shape, compose, fold, stream, with_ping
from streamlab.core.pacing import silence
from streamlab.core.plan import Ending, Head, Headers, Plan
from streamlab.core.sse import Event, Frame
from streamlab.errors import ScenarioError, nearest

__all__ = ["Computed", "Content", "Events", "Failure", "Http", "Recorded", "Source", "as_json"]


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
        message, blocks = _composed(self.blocks, self.shape, request, rng)
        if not request.stream:
            return json_plan(message, rng, tokens=tokens)
        events = stream(message, blocks)
        if self.shape.plain:
            return _stream((encode(event) for event in events), tokens, rng)
        return _stream([encode_padded(event, rng) for event in with_ping(events, rng)], tokens, rng)


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
        for number, item in enumerate(self.items):
            kind = _kind(item)
            before = plan
            if kind == "fault":
                plan, wait = _with_fault(_extended(plan, (), wait), item, number, rng), 0.0
            elif kind == "wait":
                pings, rest = silence(seconds(item["wait"], key="wait"))
                plan, wait = _extended(plan, pings, 0.0), wait + rest
            else:
                plan, wait = _extended(plan, (filler.frame(item),), wait), 0.0
            if before.ending is not Ending.COMPLETE and (kind != "fault" or _goes_on(before, plan)):
                problem = "nothing can follow the end of the answer"
                raise ScenarioError(problem, key=("events", number), hint="take it out, or move it up")
        plan = _extended(plan, (), wait)
        return plan if request.stream else as_json(plan, request, rng)

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
        return plan if request.stream else as_json(plan, request, rng)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of the API before any stream, with its status, body and headers."""

    error: ApiError
    message: str | None = None

    def plan(self, request: Request, rng: Random) -> Plan:
        """Return the error as JSON: the API never streams an error that comes first."""
        del request
        return error_plan(self.error, self.message, rng)


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
            head = head.with_headers([("content-length", str(len(self.body)))])
        return Plan(head, (Frame(self.body),) if self.body else ())


@dataclass(frozen=True, slots=True)
class Computed:
    """An answer that a function makes of the request."""

    function: Callable[[Request], Any]
    as_source: Callable[[Any], Source]

    def plan(self, request: Request, rng: Random) -> Plan:
        """Return the answer that the function's result stands for. Raises ScenarioError if the function fails.

        Whatever it raises: `pytest.fail` and `sys.exit` would end the server's thread, and nobody would hear of them.
        """
        try:
            result = self.function(request)
        except BaseException as error:
            problem = f"the function that makes this reply raised {type(error).__name__}: {error}"
            raise ScenarioError(problem, hint=_raised_at(error)) from error
        return self.as_source(result).plan(request, rng)


def _raised_at(error: BaseException) -> str:
    """Say which line of a function that was called here has raised, itself or in what it calls; nothing if none is known."""
    step = error.__traceback__ and error.__traceback__.tb_next
    name, line = step.tb_frame.f_code.co_filename if step else "", 0
    while step:
        line = step.tb_lineno if step.tb_frame.f_code.co_filename == name else line
        step = step.tb_next
    return f"it was raised at {name}:{line}" if name else ""


class _Filler:
    """Fills in events that are written by name, and encodes the items of a stream."""

    def __init__(self, shape: Shape, request: Request, rng: Random) -> None:
        self._shape, self._request, self._rng = shape, request, rng
        self._index: int | None = None
        self._blocks: list[Block] = []

    def frame(self, item: Any) -> Frame:
        """Return the frame of an event, filled in if only its name is written."""
        event = self._filled(item) if isinstance(item, str) else dict(item)
        if event["type"] == "content_block_start":
            self._note(event)
        return encode(event) if self._shape.plain else encode_padded(event, self._rng)

    def _note(self, start: Event) -> None:
        """Remember the block that starts: events that are filled in later speak of it."""
        index, block = start.get("index"), start.get("content_block")
        self._index = index if isinstance(index, int) else self._next
        if isinstance(block, Mapping) and "type" in block:
            self._blocks.append(Block(content=dict(block)))

    @property
    def _next(self) -> int:
        return 0 if self._index is None else self._index + 1

    def _filled(self, name: str) -> Event:
        if name in ("message_start", "message_delta"):
            events = stream(*_composed(self._blocks, self._shape, self._request, self._rng))
            return next(event for event in events if event["type"] == name)
        if name == "error":
            return error_event(ERRORS["overloaded"], None, None)
        if name == "content_block_start":
            return {**_FILLED[name], "index": self._next}
        return {**_FILLED[name], **({"index": self._index or 0} if name in _WITH_INDEX else {})}


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


def _kind(item: Any) -> str:
    """Return what an item is: an `event` (whatever it has beside its type), a `wait` or a `fault`, such as `raw` bytes."""
    if isinstance(item, str) or "type" in item:
        return "event"
    return "wait" if "wait" in item else "fault"


def _with_fault(plan: Plan, item: Mapping[str, Any], number: int, rng: Random) -> Plan:
    """Return the plan with a fault at its end. Raises ScenarioError, with the item, if it cannot be or changes nothing."""
    try:
        return apply_faults(plan, (parse_fault({**item, "at": "end"}),), rng)
    except ScenarioError as error:
        error.key = ("events", number, *error.key[2:])
        raise


def _goes_on(before: Plan, plan: Plan) -> bool:
    """Whether more is sent, or later, after an answer that is over; an end that is clean may come late."""
    return len(plan.body) > len(before.body) or (not has_end(before) and plan.frames != before.frames)


def _check_item(item: object) -> None:
    if isinstance(item, str):
        if item not in _FILLED:
            raise ScenarioError(f"there is no event {item!r}", hint=nearest(item, _FILLED))
    elif not isinstance(item, Mapping) or not item:
        raise ScenarioError(f"an event is expected, not {item!r}", hint="write an event's name, or a mapping with its type")
    elif "type" in item:
        if not isinstance(item["type"], str):
            raise ScenarioError("the type of an event is a text", key=("type",))
        try:
            json.dumps(item, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise ScenarioError(f"this cannot be said in JSON: {error}", hint="put dates and the like in quotes") from None
    else:
        _check_special(item)


def _check_special(item: Mapping[str, Any]) -> None:
    """Check an item that is no event: a wait, or a fault."""
    name = next((each for each in ("wait", *fault_names()) if each in item), None)
    if name is None:
        wrong = str(next(iter(item)))
        raise ScenarioError(f"there is no item {wrong!r}", key=(wrong,), hint=nearest(wrong, ("type", "wait", *fault_names())))
    if name != "wait":
        if not issubclass(fault_type(name), AtPlace):
            hint = "write it under `faults`, beside `events`"
            raise ScenarioError(f"the fault {name!r} does not stand at a place among events", key=(name,), hint=hint)
        side = next((key for key in ("before", "at", "after") if key in item), None)
        if side is not None:
            raise ScenarioError("a fault among events stands right there, and nowhere else", key=(side,), hint="take it out")
        parse_fault({**item, "at": "end"})
        return
    if len(item) > 1:
        raise ScenarioError(f"nothing may stand beside {name!r}", key=(next(key for key in item if key != name),))
    seconds(item["wait"], key="wait")


def _composed(blocks: Sequence[Block], shape: Shape, request: Request, rng: Random) -> tuple[Event, tuple[Block, ...]]:
    """Return the message of these blocks that answers a request."""
    return compose(blocks, shape, model=request.model or DEFAULT_MODEL, input_tokens=input_tokens(request), rng=rng)


def _stream(frames: Iterable[Frame], tokens: int, rng: Random) -> Plan:
    return Plan(Head(200, message_headers(rng, stream=True, input_tokens=tokens)), tuple(frames))


def _extended(plan: Plan, frames: tuple[Frame, ...], wait: float) -> Plan:
    """Return the plan with these frames after it, the first of them `wait` seconds later."""
    if plan.ending is not Ending.COMPLETE:
        return plan
    if wait:
        frames = (replace(frames[0], wait=wait), *frames[1:]) if frames else (Frame(b"", wait=wait),)
    return replace(plan, frames=tuple(plan.frames) + frames)


def as_json(plan: Plan, request: Request, rng: Random) -> Plan:
    """Return the message that a stream adds up to, or the error that it ends in, as one JSON body."""
    events: list[Event] = []
    for event in (frame.event for frame in plan.frames):
        if event is not None and event["type"] == "error":
            return _failure(event).plan(request, rng)
        if event is not None:
            events.append(event)
        if event is not None and event["type"] == "message_stop":
            break
    message = fold(events) if events and events[-1]["type"] == "message_stop" else None
    if message is None or plan.ending is not Ending.COMPLETE:
        raise ScenarioError(
            "this stream adds up to no message, so there is no JSON body for a request without `stream: true`",
            hint="write the answer to such requests as a rule of its own, with when: {stream: false}",
        )
    return json_plan(message, rng, tokens=input_tokens(request))


def _failure(event: Event) -> Failure:
    """Return the HTTP error that an error event stands for; one of an unknown type keeps it, with status 500."""
    error = event["error"] if isinstance(event.get("error"), dict) else {}
    kind, message = str(error.get("type")), error.get("message")
    known = ERRORS.get(kind.removesuffix("_error"), ERRORS["api"])
    return Failure(replace(known, type=kind), message if isinstance(message, str) else None)
