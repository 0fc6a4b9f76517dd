"""Faults of order: events that are missing, that come twice, or at another time than they should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest
from random import Random
from typing import ClassVar

from streamlab.core.faults.base import AtPlace, Chosen, Example, OfHead, rearranged, register
from streamlab.core.faults.fields import check_number, is_whole
from streamlab.core.places import spots
from streamlab.core.plan import Plan
from streamlab.core.selection import check_selection, require_stream, selected
from streamlab.core.sse import Frame
from streamlab.errors import FaultError

__all__ = ["Drop", "Duplicate", "Interleave", "Move", "Reorder", "Swap"]

_MOST_COPIES = 10_000


@register("drop")
@dataclass(frozen=True, slots=True)
class Drop(Chosen):
    """These events do not come: the place of one, `every …`, or a list. The silences before them are kept."""

    examples: ClassVar = (
        Example("missing message_start", "drop: message_start", "raises AssertionError", create="the whole message"),
        Example("missing content_block_start", "drop: content_block_start", "raises IndexError", create="the whole message"),
        Example("missing delta", "drop: delta 2", "text 'One three four…'"),
        Example("missing content_block_stop", "drop: content_block_stop", "the whole message"),
        Example("missing message_delta", "drop: message_delta", "stop_reason None"),
        Example("missing message_stop", "drop: message_stop", "the whole message"),
        Example(
            "no events but pings",
            "[{pings: 1, at: headers}, {drop: every event}]",
            "raises AssertionError",
            create="text '', no tool, stop_reason None",
        ),
    )

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan without the events."""
        del rng
        require_stream(plan, "events")
        gone = set(self.selected(plan))
        made = rearranged(plan, [frame for index, frame in enumerate(plan.frames) if index not in gone])
        silences: dict[int, float] = {}  # by the number of the frame before which each is kept
        for index in gone:
            if plan.frames[index].wait:
                following = index - sum(each < index for each in gone)
                silences[following] = silences.get(following, 0.0) + plan.frames[index].wait
        frames = [*made.frames, *([Frame(b"")] if len(made.frames) in silences else [])]
        for index, silence in silences.items():
            frames[index] = replace(frames[index], wait=frames[index].wait + silence, joined=False)
        return replace(made, frames=tuple(frames)) if silences else made


@register("duplicate")
@dataclass(frozen=True, slots=True)
class Duplicate(Chosen):
    """Each of these events comes again right after itself, `times` times more, byte for byte."""

    times: int = field(default=1, kw_only=True)

    examples: ClassVar = (
        Example("second message_start", "duplicate: message_start", "the whole message"),
        Example("delta that comes twice", "duplicate: delta 2", "text 'One two two three four…'"),
        Example("second content_block_start", "duplicate: content_block_start", "tool input {}", create="the whole message"),
        Example("second message_stop", "duplicate: message_stop", "the whole message"),
    )

    def __post_init__(self) -> None:
        check_number(self.times, "times", range(1, _MOST_COPIES + 1), "is no number of copies")
        Chosen.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the copies in it."""
        del rng
        require_stream(plan, "events")
        again = set(self.selected(plan))
        frames: list[Frame] = []
        for index, frame in enumerate(plan.frames):
            frames.append(frame)
            if index in again:
                frames += [Frame(frame.raw)] * self.times
        return rearranged(plan, frames)


@register("swap")
@dataclass(frozen=True, slots=True)
class Swap(OfHead):
    """Two events change places: a list of two places."""

    events: Sequence[str] = ("delta 1", "delta 2")

    examples: ClassVar = (
        Example("two deltas out of order", "swap: [delta 1, delta 2]", "text ' twoOne three four…'"),
        Example("message_stop before message_delta", "swap: [message_delta, message_stop]", "the whole message"),
    )

    def __post_init__(self) -> None:
        _check_places(self.events, "swap: [delta 1, delta 2]")
        if len(self.events) != 2:  # noqa: PLR2004 - a swap is of two
            raise FaultError("two events change places", key=("events",), hint="for more than two, use reorder")

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the two events in each other's place."""
        require_stream(plan, "events")
        return Reorder(tuple(reversed(sorted_places(plan, self.events)))).apply(plan, rng)


@register("reorder")
@dataclass(frozen=True, slots=True)
class Reorder(OfHead):
    """These events come in the order in which they are listed, at the places that they have together."""

    events: Sequence[str] = ("delta 1", "delta 2")

    examples: ClassVar = (
        Example("events out of order", "reorder: [delta 3, delta 1, delta 2]", "text ' threeOne two four…'"),
        Example(
            "blocks out of order",
            "reorder: [content_block_start 2, content_block_start 1]",
            "text '', tool input {}",
            create="the whole message",
        ),
    )

    def __post_init__(self) -> None:
        _check_places(self.events, "reorder: [delta 3, delta 1, delta 2]")

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the events in another order. Raises FaultError if an event is listed twice."""
        del rng
        require_stream(plan, "events")
        listed = [selected(plan, place, "events")[0] for place in self.events]
        if len(set(listed)) < len(listed):
            raise FaultError("one event is listed twice", key=("events",), hint="each place must name another event")
        return _in_order(plan, listed)


@register("move")
@dataclass(frozen=True, slots=True)
class Move(AtPlace):
    """One event comes here, and not where it belongs."""

    event: str = "delta 1"

    examples: ClassVar = (
        Example(
            "delta before its start",
            "move: delta 1, before: content_block_start",
            "raises IndexError",
            create="the whole message",
        ),
        Example(
            "delta before message_start",
            "move: delta 1, before: message_start",
            "text ' two three four…'",
            create="the whole message",
        ),
        Example("delta after message_stop", "move: delta 4, after: message_stop", "the whole message"),
        Example("message_delta first", "move: message_delta, before: content_block_start", "the whole message"),
    )

    def __post_init__(self) -> None:
        _check_places((self.event,), "move: delta 1, before: content_block_start", key="event")
        AtPlace.__post_init__(self)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the event at the place."""
        del rng
        require_stream(plan, "event")
        index, (source,) = self.gap(plan), selected(plan, self.event, "event")
        rest = [*plan.frames[:source], *plan.frames[source + 1 :]]
        index -= source < index
        return rearranged(plan, [*rest[:index], plan.frames[source], *rest[index:]])


@register("interleave")
@dataclass(frozen=True, slots=True)
class Interleave(OfHead):
    """The events of these blocks (their indices; there must be two at least) come in turn, one of each."""

    blocks: Sequence[int] = (0, 1)

    examples: ClassVar = (Example("interleaved blocks", "interleave: [0, 1]", "the whole message"),)

    def __post_init__(self) -> None:
        is_list = isinstance(self.blocks, list | tuple) and all(is_whole(each) and each >= 0 for each in self.blocks)
        if not is_list or len(set(self.blocks)) < 2:  # noqa: PLR2004 - one block alone has nothing to come between
            hint = "write the indices of two blocks or more: interleave: [0, 1]"
            raise FaultError(f"{self.blocks!r} are no blocks to interleave", key=("blocks",), hint=hint)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the blocks interleaved. Raises FaultError if one of them is not there."""
        del rng
        require_stream(plan, "blocks")
        here = {block: [spot.frame for spot in spots(plan) if spot.block == block] for block in dict.fromkeys(self.blocks)}
        for block, found in here.items():
            if not found:
                known = sorted({spot.block for spot in spots(plan) if spot.block is not None})
                hint = f"it has: {', '.join(map(str, known))}" if known else "it has none"
                raise FaultError(f"the answer has no block {block}", key=("blocks",), hint=hint)
        return _in_order(plan, [index for index in chain(*zip_longest(*here.values())) if index is not None])


def sorted_places(plan: Plan, places: Sequence[str]) -> list[str]:
    """Return places in the order in which their events come."""
    return sorted(places, key=lambda place: selected(plan, place, "events"))


def _in_order(plan: Plan, listed: Sequence[int]) -> Plan:
    """Return the plan with these of its frames in this order, at the places that they have together."""
    frames = list(plan.frames)
    for index, taken in zip(sorted(listed), listed, strict=True):
        frames[index] = plan.frames[taken]
    return rearranged(plan, frames)


def _check_places(written: object, example: str, key: str = "events") -> None:
    """Raise an error if this is no list of the places of single events."""
    is_list = isinstance(written, list | tuple) and written and all(isinstance(each, str) for each in written)
    if not is_list or any(each == "all" or each.startswith("every ") for each in written):  # type: ignore[attr-defined]
        raise FaultError(f"places of events are expected, not {written!r}", key=(key,), hint=f"for example: {example}")
    check_selection(written, key)
