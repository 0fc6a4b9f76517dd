"""Pacing: when each frame of a plan is due.

The waits that a frame asks for (a stall, a scripted silence) hold at every pace. A silence that a rate makes longer than
`KEEP_ALIVE` carries pings, as the API's are reported to (`wire.md`, section 3); a stall only if it says so, and a recording has
its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Any

from streamlab.core.bodies import LongBody
from streamlab.core.durations import seconds
from streamlab.core.events import PING
from streamlab.core.identity import generator
from streamlab.core.plan import Plan
from streamlab.core.sse import Frame
from streamlab.errors import ScenarioError, nearest

__all__ = ["INSTANT", "KEEP_ALIVE", "Pace", "lead_in", "parse_pace", "schedule", "silence"]

KEEP_ALIVE = 15.0
"""Seconds between the pings of a long silence."""
_MOST_PINGS = 10_000
"""The most pings in one silence: more than a day and a half of them, which no client waits for."""

_RECORDED = re.compile(r"recorded(?:\s*x\s*(\d+(?:\.\d+)?))?")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|m)")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_SECONDS_OF = {"s": 1.0, "m": 60.0}
_SLOWEST = 1 / 86_400
"""The fewest events a second: one a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast an answer goes out. The default is as fast as the client takes it.

    `first` is the wait in seconds before anything is sent, `rate` the events per second after that, `jitter` the share by
    which each gap varies (drawn with `seed`). `speed` replays recorded times, so many times as fast.
    """

    first: float = 0.0
    rate: float | None = None
    jitter: float = 0.0
    seed: int | None = None
    speed: float | None = None


INSTANT = Pace()


def parse_pace(written: object) -> Pace:
    """Return the pace that a text or a mapping writes. Raises ScenarioError if it writes none."""
    if isinstance(written, Mapping):
        return _parse_mapping(written)
    if written == "instant":
        return INSTANT
    if isinstance(written, str) and (found := _RECORDED.fullmatch(written)):
        speed = float(found[1] or 1)
        if 0 < speed < math.inf:
            return Pace(speed=speed)
    elif isinstance(written, str) and (rate := _events_a_second(written)) is not None:
        return Pace(rate=rate)
    hint = "write instant, recorded, recorded x10, 50/s, or {first: 400ms, rate: 50/s, jitter: 20%, seed: 7}"
    raise ScenarioError(f"{written!r} is not a pace", hint=hint)


def lead_in(plan: Plan, pace: Pace) -> float:
    """Return how many seconds after the request the head is due, the wait that it asks for itself not counted."""
    is_recorded = pace.speed is not None and plan.head.recorded is not None
    return pace.first + (max(0.0, plan.head.recorded or 0.0) / (pace.speed or 1.0) if is_recorded else 0.0)


def schedule(plan: Plan, pace: Pace, rng: Random) -> Iterator[tuple[float, Frame]]:
    """Yield the frames, with pings in the long silences, and when each is due: seconds after the head."""
    lots = rng if pace.seed is None else generator(pace.seed, "jitter")
    due = previous = 0.0
    frames = plan.frames.together() if isinstance(plan.frames, LongBody) and pace.rate is None else plan.frames
    for index, frame in enumerate(frames):
        if pace.speed is not None and frame.recorded is not None:
            due += max(0.0, frame.recorded - previous) / pace.speed
            previous = max(previous, frame.recorded)
            frame, previous = _timed(frame, previous, pace.speed)  # noqa: PLW2901 - the same frame, with its times
        else:
            gap = _gap(pace, lots) if index else 0.0
            if gap > KEEP_ALIVE:
                pings, gap = silence(gap)
                for ping in pings:
                    due += ping.wait
                    yield due, replace(ping, joined=frame.joined)
            due += gap
        due += frame.wait
        yield due, frame
        if frame.splits:
            due += sum(split.wait for split in frame.splits)


def _timed(frame: Frame, previous: float, speed: float) -> tuple[Frame, float]:
    """Return a frame whose splits wait as long as was recorded, and when the last of it came."""
    splits = []
    for split in frame.splits:
        if split.recorded is None:
            splits.append(split)
        else:
            splits.append(replace(split, wait=split.wait + max(0.0, split.recorded - previous) / speed))
            previous = max(previous, split.recorded)
    return (replace(frame, splits=tuple(splits)) if splits else frame), previous


def silence(length: float) -> tuple[tuple[Frame, ...], float]:
    """Return the pings that a silence of so many seconds carries, and the wait that is left after the last of them."""
    count = max(0, min(_MOST_PINGS, int((length - 1e-9) // KEEP_ALIVE)))
    return (Frame(PING.raw, wait=KEEP_ALIVE),) * count, length - count * KEEP_ALIVE


def _gap(pace: Pace, lots: Random) -> float:
    if pace.rate is None:
        return 0.0
    return (1 + pace.jitter * lots.uniform(-1, 1)) / pace.rate


def _parse_mapping(written: Mapping[Any, Any]) -> Pace:
    known = [item.name for item in fields(Pace) if item.name != "speed"]
    for key in written:
        if key not in known:
            raise ScenarioError(f"a pace has no key {key!r}", key=(key,), hint=nearest(str(key), known))
    seed = written.get("seed")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise ScenarioError(f"a whole number is expected, not {seed!r}", key=("seed",))
    return Pace(
        first=seconds(written.get("first", 0), key="first"),
        rate=_rate(written["rate"]) if "rate" in written else None,
        jitter=_share(written.get("jitter", 0)),
        seed=seed,
    )


def _rate(written: object) -> float:
    rate = _events_a_second(written)
    if rate is None:
        raise ScenarioError(f"{written!r} is not a rate", key=("rate",), hint="write 50/s, 30/m or a number of events a second")
    return rate


def _events_a_second(written: object) -> float | None:
    """Return the rate that a text or a number writes; None if it writes none, or one that never gets anywhere."""
    found = _RATE.fullmatch(written) if isinstance(written, str) else None
    value = float(found[1]) / _SECONDS_OF[found[2]] if found else written
    if isinstance(value, bool) or not isinstance(value, int | float) or not _SLOWEST <= value < math.inf:
        return None
    return float(value)


def _share(written: object) -> float:
    found = _PERCENT.fullmatch(written) if isinstance(written, str) else None
    value = float(found[1]) / 100 if found else written
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ScenarioError(f"{written!r} is not a share", key=("jitter",), hint="write 20% or a number from 0 to 1")
    return float(value)
