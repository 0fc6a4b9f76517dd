"""Faults of the wire: where sending stops, and where it pauses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from streamlab.core.durations import FOREVER, seconds
from streamlab.core.faults.base import AtPlace, register, silence_at
from streamlab.core.places import Point
from streamlab.core.plan import Ending, Plan
from streamlab.core.sse import Frame, Split
from streamlab.errors import FaultError, nearest

__all__ = ["Cut", "Stall"]

_CUTS = {"end": Ending.END, "fin": Ending.FIN, "reset": Ending.RESET}


@register("cut")
@dataclass(frozen=True, slots=True)
class Cut(AtPlace):
    """The answer stops here.

    `how` is `end` (the body's end mark comes early, so HTTP sees nothing wrong), `fin` (the connection is closed without the
    end mark) or `reset` (TCP RST, once the client has acknowledged what precedes it).
    A silence that is already asked for here comes before it.
    """

    how: Literal["end", "fin", "reset"] = "fin"

    def __post_init__(self) -> None:
        if not isinstance(self.how, str) or self.how not in _CUTS:
            raise FaultError(f"{self.how!r} is not a way to cut", key=("how",), hint=nearest(str(self.how), _CUTS))
        AtPlace.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan up to the place, with the ending asked for."""
        del rng
        return _cut(plan, self.point(plan), _CUTS[self.how])


@register("stall")
@dataclass(frozen=True, slots=True)
class Stall(AtPlace):
    """Nothing is sent here for a time (`2s`, `400ms`, a number of seconds), or `forever`: until the client leaves.

    A stall is a dead silence: no ping is sent in it.
    """

    time: str | float = FOREVER

    def __post_init__(self) -> None:
        seconds(self.time, key="time", allow_forever=True)
        AtPlace.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the silence in it."""
        del rng
        point, time = self.point(plan), seconds(self.time, key="time", allow_forever=True)
        if time == float("inf"):
            return _cut(plan, point, Ending.HANG)
        frames = list(plan.frames)
        if point.frame == len(frames):
            frames.append(Frame(b"", wait=time))
        elif point.offset == 0:
            frames[point.frame] = replace(frames[point.frame], wait=frames[point.frame].wait + time)
        else:
            frames[point.frame] = _split(frames[point.frame], Split(point.offset, time))
        return replace(plan, frames=tuple(frames))


def _cut(plan: Plan, point: Point, ending: Ending) -> Plan:
    """End the plan at the point, after the silence that it already asks for there."""
    frames = plan.frames[: point.frame]
    if point.offset:
        last = plan.frames[point.frame]
        splits = tuple(split for split in last.splits if split.offset <= point.offset)
        frames += (replace(last, raw=last.raw[: point.offset], splits=splits),)
    elif wait := silence_at(plan, point):
        frames += (Frame(b"", wait=wait),)
    return replace(plan, frames=frames, ending=ending)


def _split(frame: Frame, split: Split) -> Frame:
    return replace(frame, splits=tuple(sorted((*frame.splits, split), key=lambda each: each.offset)))
