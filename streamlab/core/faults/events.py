"""Faults of the events: what the stream says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from streamlab.core.api_errors import api_error, error_event
from streamlab.core.events import encode_padded
from streamlab.core.faults.base import AtPlace, register, silence_at
from streamlab.core.places import spots
from streamlab.core.plan import Ending, Plan
from streamlab.errors import FaultError

__all__ = ["ErrorEvent"]


@register("error")
@dataclass(frozen=True, slots=True)
class ErrorEvent(AtPlace):
    """The API's `error` event in mid-stream, in the place of everything that would follow: no `message_stop` comes.

    A silence that is already asked for here comes before it.

    `type` is an error of the API, with or without `_error`; `message` is its text, the API's own if none is given.
    """

    type: str | int = "overloaded"
    message: str | None = None

    def __post_init__(self) -> None:
        api_error(self.type, key="type")
        if self.message is not None and not isinstance(self.message, str):
            raise FaultError(
                f"a text is expected, not {self.message!r}", key=("message",), hint="for example: message: Overloaded"
            )
        AtPlace.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan up to the place, ended by the error event."""
        point = self.point(plan)
        if point.offset:
            raise FaultError(
                "an event cannot stand inside another", key=("error",), hint="use the place of an event or a delta"
            )
        if not plan.is_stream and next(spots(plan), None) is None:
            raise FaultError("this answer is no event stream", key=("error",), hint="an event can stand only in a stream")
        event = error_event(api_error(self.type), self.message, plan.head.get("request-id"))
        frame = replace(encode_padded(event, rng), wait=silence_at(plan, point))
        return replace(plan, frames=(*plan.frames[: point.frame], frame), ending=Ending.END)
