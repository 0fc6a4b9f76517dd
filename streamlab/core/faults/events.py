"""Faults of the events: what the stream says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, ClassVar, Literal

from streamlab.core.api_errors import api_error, error_event, error_plan
from streamlab.core.durations import seconds
from streamlab.core.events import PING, dump, encode_padded
from streamlab.core.faults.base import AtPlace, Chosen, Example, data_of, instead, register, silence_at, with_data
from streamlab.core.faults.fields import check_number, check_word
from streamlab.core.places import BEFORE_HEAD, Place, spots
from streamlab.core.plan import Ending, Plan
from streamlab.core.selection import require_stream
from streamlab.core.sse import Event, Frame
from streamlab.errors import FaultError, nearest

__all__ = ["Change", "ErrorEvent", "Insert", "Pings", "Unknown"]

_MOST_PINGS = 100_000
_UNKNOWN = ("event", "delta", "block")
_PATH_HINT = "a path is the names from the event's JSON down, with dots: delta.text, message.usage.input_tokens"


@register("error")
@dataclass(frozen=True, slots=True)
class ErrorEvent(AtPlace):
    """The API's `error` event in mid-stream, in the place of everything that would follow: no `message_stop` comes.

    A silence that is already asked for here comes before it. `before: headers` makes it the answer of HTTP that the API gives
    when an error comes before the stream: its status, its headers, its body as JSON.

    `type` is an error of the API, with or without `_error`, or a status; `message` is its text, the API's own if none is given.
    """

    type: str | int = "overloaded"
    message: str | None = None

    examples: ClassVar = (
        Example(
            "invalid_request error before the stream",
            "error: invalid_request, before: headers",
            "raises BadRequestError, an APIError",
        ),
        Example(
            "authentication error before the stream",
            "error: authentication, before: headers",
            "raises AuthenticationError, an APIError",
        ),
        Example(
            "billing error before the stream", "error: billing, before: headers", "raises PaymentRequiredError, an APIError"
        ),
        Example(
            "permission error before the stream",
            "error: permission, before: headers",
            "raises PermissionDeniedError, an APIError",
        ),
        Example("not_found error before the stream", "error: not_found, before: headers", "raises NotFoundError, an APIError"),
        Example(
            "request_timeout error before the stream",
            "error: request_timeout, before: headers",
            "raises RequestTimeoutError, an APIError",
        ),
        Example("conflict error before the stream", "error: conflict, before: headers", "raises ConflictError, an APIError"),
        Example(
            "request_too_large error before the stream",
            "error: request_too_large, before: headers",
            "raises ContentTooLargeError, an APIError",
        ),
        Example(
            "unprocessable error before the stream",
            "error: unprocessable, before: headers",
            "raises UnprocessableEntityError, an APIError",
        ),
        Example(
            "rate_limit error before the stream", "error: rate_limit, before: headers", "raises RateLimitError, an APIError"
        ),
        Example("api error before the stream", "error: api, before: headers", "raises InternalServerError, an APIError"),
        Example(
            "bad_gateway error before the stream",
            "error: bad_gateway, before: headers",
            "raises InternalServerError, an APIError",
        ),
        Example(
            "unavailable error before the stream",
            "error: unavailable, before: headers",
            "raises ServiceUnavailableError, an APIError",
        ),
        Example(
            "timeout error before the stream", "error: timeout, before: headers", "raises GatewayTimeoutError, an APIError"
        ),
        Example(
            "overloaded error before the stream", "error: overloaded, before: headers", "raises OverloadedError, an APIError"
        ),
        Example("overloaded error in mid-stream", "error: overloaded, after: delta 3", "raises APIStatusError, an APIError"),
        Example("api error in mid-stream", "error: api, after: delta 3", "raises APIStatusError, an APIError"),
        Example("rate_limit error in mid-stream", "error: rate_limit, after: delta 3", "raises APIStatusError, an APIError"),
        Example(
            "invalid_request error in mid-stream",
            "error: invalid_request, after: delta 3",
            "raises APIStatusError, an APIError",
        ),
        Example(
            "error before the first token", "error: overloaded, after: message_start", "raises APIStatusError, an APIError"
        ),
        Example("error as the first event", "error: overloaded, at: headers", "raises APIStatusError, an APIError"),
        Example("error after message_stop", "error: overloaded, after: message_stop", "raises APIStatusError, an APIError"),
    )

    def __post_init__(self) -> None:
        api_error(self.type, key="type")
        if self.message is not None and not isinstance(self.message, str):
            raise FaultError(
                f"a text is expected, not {self.message!r}", key=("message",), hint="for example: message: Overloaded"
            )
        AtPlace.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan up to the place, ended by the error event; or the error of HTTP, if it comes before the headers."""
        if self.point(plan).frame == BEFORE_HEAD:
            return instead(plan, error_plan(api_error(self.type), self.message, rng))
        index = self.gap(plan)
        require_stream(plan, "error")
        event = error_event(api_error(self.type), self.message, plan.head.get("request-id"))
        frame = replace(encode_padded(event, rng), wait=silence_at(plan, self.point(plan)))
        trailing = b"" if plan.ending is Ending.CORRUPT else plan.trailing
        return replace(plan, frames=(*plan.frames[:index], frame), ending=Ending.END, trailing=trailing)


@register("insert")
@dataclass(frozen=True, slots=True)
class Insert(AtPlace):
    """One more event comes here: `event` is its JSON, with a `type`."""

    event: Mapping[str, Any] = field(default_factory=lambda: {"type": "content_block_stop", "index": 0})

    examples: ClassVar = (
        Example(
            "text after its block has stopped",
            "insert: {type: content_block_delta, index: 0, delta: {type: text_delta, text: more}}, after: content_block_stop",
            "text 'One two three four…more'",
        ),
        Example(
            "second content_block_stop",
            "insert: {type: content_block_stop, index: 0}, after: content_block_stop",
            "the whole message",
        ),
    )

    def __post_init__(self) -> None:
        if not isinstance(self.event, Mapping) or not isinstance(self.event.get("type"), str):
            hint = "for example: insert: {type: content_block_stop, index: 0}"
            raise FaultError(f"an event with a type is expected, not {self.event!r}", key=("event",), hint=hint)
        _check_json(self.event, "event")
        AtPlace.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the event in it."""
        require_stream(plan, "event")
        return self.inserted(plan, encode_padded(dict(self.event), rng))


@register("unknown")
@dataclass(frozen=True, slots=True)
class Unknown(AtPlace):
    """Something that is new to the client comes here: an `event`, a `delta` or a whole `block` of a type that nobody knows.

    The delta belongs to the block that is open here; the block has an index that no other has.
    """

    what: Literal["event", "delta", "block"] = "event"

    examples: ClassVar = (
        Example("unknown event", "unknown: event, after: delta 1", "the whole message"),
        Example("unknown delta", "unknown: delta, after: delta 1", "the whole message"),
        Example("unknown block", "unknown: block, before: message_delta", "the whole message"),
    )

    def __post_init__(self) -> None:
        check_word(self.what, "what", _UNKNOWN, "cannot be unknown")
        AtPlace.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the news in it."""
        require_stream(plan, "what")
        return self.inserted(plan, *(encode_padded(event, rng) for event in self._events(plan)))

    def _events(self, plan: Plan) -> Sequence[Event]:
        if self.what == "event":
            return ({"type": "weather_report", "forecast": "sunny"},)
        index = self.gap(plan)
        if self.what == "delta":
            here = [spot.block for spot in spots(plan) if spot.frame < index and spot.block is not None]
            delta = {"type": "hologram_delta", "hologram": "..."}
            return ({"type": "content_block_delta", "index": here[-1] if here else 0, "delta": delta},)
        number = 1 + max((spot.block for spot in spots(plan) if spot.block is not None), default=-1)
        return (
            {"type": "content_block_start", "index": number, "content_block": {"type": "hologram", "hologram": "..."}},
            {"type": "content_block_stop", "index": number},
        )


@register("change")
@dataclass(frozen=True, slots=True)
class Change(Chosen):
    """The JSON of some events says something else: fields are `set` to values, and others are taken out (`remove`).

    `events` says which: the place of an event, `every …`, or a list. A field is a path with dots: `index`, `delta.text`,
    `message.usage.input_tokens`. A field that is set and that was not there is new.
    """

    set: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    remove: Sequence[str] = field(default=(), kw_only=True)

    examples: ClassVar = (
        Example("wrong index", "change: delta 1, set: {index: 7}", "raises IndexError", create="the whole message"),
        Example("missing index", "change: delta 1, remove: [index]", "raises TypeError", create="the whole message"),
        Example("null field", "change: delta 1, set: {delta.text: null}", "raises TypeError"),
        Example("missing field", "change: delta 1, remove: [delta.text]", "raises TypeError"),
        Example("missing type", "change: delta 1, remove: [type]", "text ' two three four…'"),
        Example("unknown field", "change: delta 1, set: {delta.colour: blue}", "the whole message"),
        Example("unknown type of a delta", "change: delta 1, set: {delta.type: hologram_delta}", "text ' two three four…'"),
        Example(
            "unknown type of a block",
            "change: content_block_start, set: {content_block.type: hologram}",
            "text ''",
            create="the whole message",
        ),
        Example("unknown stop reason", "change: message_delta, set: {delta.stop_reason: tired}", "stop_reason tired"),
        Example(
            "stop reason max_tokens", "change: message_delta, set: {delta.stop_reason: max_tokens}", "stop_reason max_tokens"
        ),
        Example("no stop reason", "change: message_delta, set: {delta.stop_reason: null}", "stop_reason None"),
        Example("usage that shrinks", "change: message_delta, set: {usage.output_tokens: 0}", "the whole message"),
        Example("missing usage", "change: message_delta, remove: [usage]", "raises AttributeError", create="the whole message"),
        Example(
            "U+2028 in the text", 'change: delta 1, set: {delta.text: "One\\u2028"}', "text 'One\\u2028 two three four\u2026'"
        ),
    )

    def __post_init__(self) -> None:
        if not isinstance(self.set, Mapping) or not all(isinstance(path, str) and path for path in self.set):
            raise FaultError(
                f"fields and values are expected, not {self.set!r}", key=("set",), hint="for example: set: {index: 7}"
            )
        is_list = isinstance(self.remove, list | tuple) and all(isinstance(path, str) and path for path in self.remove)
        if not is_list:
            raise FaultError(f"a list of fields is expected, not {self.remove!r}", key=("remove",), hint="for example: [index]")
        if not self.set and not self.remove:
            raise FaultError("nothing is changed", key=("events",), hint="write set: {index: 7} or remove: [index] beside it")
        _check_json(self.set, "set")
        Chosen.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the events changed. Raises FaultError if one has no such field."""
        del rng
        require_stream(plan, "events")
        return self.changed(plan, self._otherwise, data=True)

    def places(self, plan: Plan) -> Iterator[Place]:
        """Yield the place of every event that has the fields."""
        for spot in spots(plan):
            try:
                self._changed(spot.event)
            except FaultError:
                continue
            yield Place(f"event {spot.number}")

    def _otherwise(self, frame: Frame) -> Frame:
        return frame if frame.event is None else _rewritten(frame, self._changed(frame.event))

    def _changed(self, event: Event) -> Event:
        changed = dict(event)
        for path in self.remove:
            holder, name = _holder(changed, path, "remove")
            if name not in holder:
                raise FaultError(f"the event has no field {path!r}", key=("remove",), hint=nearest(name, map(str, holder)))
            del holder[name]
        for path, value in self.set.items():
            holder, name = _holder(changed, path, "set")
            holder[name] = value
        return changed


@register("pings")
@dataclass(frozen=True, slots=True)
class Pings(AtPlace):
    """So many pings come here, `every` so long (`1s`; at once by default), the first of them after that time."""

    count: int = 100
    every: str | float = 0.0

    examples: ClassVar = (
        Example("ping flood", "pings: 1000, after: delta 1", "the whole message"),
        Example("ping before message_start", "pings: 1, at: headers", "the whole message"),
        Example("ping after message_stop", "pings: 1, after: message_stop", "the whole message"),
    )

    def __post_init__(self) -> None:
        check_number(self.count, "count", range(1, _MOST_PINGS + 1), "is no number of pings")
        seconds(self.every, key="every")
        AtPlace.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the pings in it."""
        del rng
        require_stream(plan, "count")
        return self.inserted(plan, *(Frame(PING.raw, wait=seconds(self.every, key="every")) for _ in range(self.count)))


def _check_json(value: object, key: str) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise FaultError(f"this cannot be said in JSON: {error}", key=(key,), hint="put dates and the like in quotes") from None


def _holder(event: Event, path: str, key: str) -> tuple[dict[str, Any], str]:
    """Return the object that holds the last name of a path, copied from the event down, and that name."""
    *names, last = path.split(".")
    holder: dict[str, Any] = event
    for name in names:
        inner = holder.get(name)
        if not isinstance(inner, dict):
            known = [each for each, value in holder.items() if isinstance(value, dict)]
            hint = f"{nearest(name, known)}; {_PATH_HINT}" if known else _PATH_HINT
            raise FaultError(f"the event has no object {name!r} for {path!r}", key=(key,), hint=hint)
        holder[name] = dict(inner)
        holder = holder[name]
    return holder, last


def _rewritten(frame: Frame, event: Event) -> Frame:
    """Return the frame with another event in it, padded and framed as before; its name follows a type that is another."""
    old, text = data_of(frame), dump(event)
    padding = len(old) - len(old[:-1].rstrip(b" ")) - 1 if old.endswith(b"}") else 0
    made = with_data(frame, f"{text[:-1]}{' ' * padding}}}".encode("utf-8", "backslashreplace"))
    kind = event.get("type")
    if not isinstance(kind, str) or kind == frame.type:
        return made
    named = re.compile(rb"(\A|(?<=[\r\n]))(event: ?)%b(?=[\r\n])" % re.escape(str(frame.type).encode("utf-8", "replace")))
    name = kind.encode("utf-8", "backslashreplace")
    return replace(made, raw=named.sub(lambda found: found[2] + name, made.raw, count=1))
