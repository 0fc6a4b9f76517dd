"""Faults of the events: what the stream says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from streamlab.core.api_errors import api_error, error_event
from streamlab.core.events import encode_padded
from streamlab.core.faults.base import AtPlace, register
from streamlab.core.plan import Ending, Plan
from streamlab.errors import FaultError

__all__ = ["ErrorEvent"]


@register("error")
@dataclass(frozen=True, slots=True)
class ErrorEvent(AtPlace):
    """The API's `error` event in mid-stream, in the place of everything that would follow: no `message_stop` comes.

    `type` is an error of the API, with or without `_error`; `message` is its text, the API's own if none is given.
    """

    type: str | int = "overloaded"
    message: str | None = None

    def __post_init__(self) -> None:
        api_error(self.type, key="type")
        if self.message is not None and not isinstance(self.message, str):
            raise FaultError(f"a text is expected, not {self.message!r}", key=("message",))
        AtPlace.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan up to the place, ended by the error event."""
        point = self.point(plan)
        if point.offset:
            raise FaultError(
                "an event cannot stand inside another", key=("error",), hint="use the place of an event or a delta"
            )
        event = error_event(api_error(self.type), self.message, plan.head.get("request-id"))
        frames = (*plan.frames[: point.frame], encode_padded(event, rng))
        return replace(plan, frames=frames, ending=Ending.END)
