"""Selections: which frames of a plan a fault changes.

all                  every frame, those that carry no event included; a stream must have one
every delta          every event that a place of this form counts: also `every event`, `every text delta`,
                     `every block 0 delta`, `every content_block_start`, `every ping`
delta 3              the one event that this place names
[delta 1, delta 3]   each of these
"""

from __future__ import annotations

from collections.abc import Sequence

from streamlab.core.places import Place, describe, spots
from streamlab.core.plan import Plan
from streamlab.errors import FaultError, PlaceError, nearest

__all__ = ["ALL", "Selection", "check_selection", "require_stream", "selected"]

Selection = str | Sequence[str]
"""Which frames: `all`, `every …`, the place of an event, or a list of these."""

ALL = "all"
_EVERY = "every "
_PING = "every ping"
_COUNTED = (
    *("every event", "every delta", "every text delta", "every tool_use delta", "every block 0 delta"),
    *("every content_block_start", "every content_block_stop", _PING),
)


def check_selection(written: object, key: str) -> None:
    """Raise PlaceError or FaultError, with `key`, if this cannot be a selection."""
    for part in written if isinstance(written, list | tuple) and written else (written,):
        if not isinstance(part, str):
            hint = "write the place of an event ('delta 3'), 'every delta', 'all', or a list of places"
            raise FaultError(f"events are expected, not {part!r}", key=(key,), hint=hint)
        if part not in (ALL, _PING):
            try:
                _check_event(part)
            except PlaceError as error:
                error.key = (key,)
                raise


def selected(plan: Plan, written: Selection, key: str, *, data: bool = False) -> tuple[int, ...]:
    """Return the numbers of the frames that are selected, rising; if `data` matters, of those that have any.

    Raises PlaceError, with `key`, if one is not there, or if a stream has none of them.
    """
    try:
        found = sorted({index for part in _parts(written) for index in _frames(plan, part)})
    except PlaceError as error:
        error.key = (key,)
        raise
    if data:
        found = [index for index in found if plan.frames[index].message is not None]
    if plan.is_stream and not any(plan.frames[index].raw for index in found):
        raise PlaceError("the answer has no event that could be changed", key=(key,), hint=describe(plan))
    return tuple(found)


def require_stream(plan: Plan, key: str) -> None:
    """Raise FaultError, with `key`, if the answer is no stream of events."""
    if not plan.is_stream and next(spots(plan), None) is None:
        hint = "this fault changes the events of a stream; a JSON body has none"
        raise FaultError("this answer is no event stream", key=(key,), hint=hint)


def _parts(written: Selection) -> Sequence[str]:
    return (written,) if isinstance(written, str) else written


def _check_event(written: str) -> None:
    """Raise PlaceError if this names no event."""
    if written.startswith(_EVERY):
        _counter(written)
    else:
        Place(written).require_event()


def _counter(written: str) -> Place:
    """Return the first place of those that `every …` counts."""
    try:
        counted = Place(f"{written.removeprefix(_EVERY)} 1")
        counted.require_event()
    except PlaceError:
        raise PlaceError(f"{written!r} names no events", hint=nearest(written, _COUNTED)) from None
    return counted


def _frames(plan: Plan, written: str) -> Sequence[int]:
    if written == ALL:
        return range(len(plan.frames))
    if written == _PING:
        found = [index for index, frame in enumerate(plan.frames) if frame.type == "ping"]
        if not found:
            raise PlaceError("the answer has no ping", hint="pings come by lot: `pings: 1` puts one in")
        return found
    if not written.startswith(_EVERY):
        return (Place(written).spot(plan).frame,)
    counter = _counter(written)
    counter.spot(plan)  # raises if there is none
    return [spot.frame for spot in spots(plan) if counter.counts(spot)]
