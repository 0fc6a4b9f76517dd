# ruff: noqa: D100, D102, ARG002 - as somebody would write it
from dataclasses import dataclass, replace
from random import Random

from streamlab.core.faults import AtPlace, Example, register
from streamlab.core.places import BEFORE_HEAD
from streamlab.core.plan import Plan
from streamlab.errors import FaultError


@register("garble")
@dataclass(frozen=True, slots=True)
class Garble(AtPlace):
    """The bytes from here on are turned round, so that nothing in them is an event: a proxy that loses its mind."""

    how: str = "reverse"

    examples = (Example("garbled in mid-stream", "garble: reverse, after: delta 1", "text 'One', no tool, stop_reason None"),)

    def __post_init__(self) -> None:
        if self.how != "reverse":
            raise FaultError(f"{self.how!r} is not a way to garble", key=("how",), hint="write garble: reverse")
        AtPlace.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        point = self.point(plan)
        if point.frame == BEFORE_HEAD:
            raise FaultError("there is nothing to garble before the headers", key=("before",), hint="write at: headers")
        kept, rest = plan.frames[: point.frame], plan.frames[point.frame :]
        turned = tuple(replace(frame, raw=frame.raw[::-1], splits=()) for frame in rest)
        return replace(plan, frames=kept + turned)
