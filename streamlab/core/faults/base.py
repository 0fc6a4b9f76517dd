"""What a fault is, how it is registered, and how one is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from itertools import pairwise
from random import Random
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

from streamlab.core.places import BEFORE_HEAD, Place, Point, Side, spots
from streamlab.core.plan import Ending, Plan
from streamlab.core.selection import ALL, Selection, check_selection, selected
from streamlab.core.sse import DATA_LINE, Frame
from streamlab.errors import FaultError, PlaceError, ScenarioError, nearest

__all__ = [
    "AtPlace",
    "Chosen",
    "Example",
    "Fault",
    "OfEvents",
    "OfHead",
    "data_of",
    "examples",
    "fault_family",
    "fault_names",
    "fault_type",
    "has_end",
    "instead",
    "main_field",
    "parse_fault",
    "rearranged",
    "register",
    "silence_at",
    "with_data",
]

_SIDES: tuple[Side, ...] = ("before", "at", "after")


@dataclass(frozen=True, slots=True)
class Example:
    """A failure that a fault makes, and what the official Python SDK does with it.

    `stream` is what comes of `messages.stream(…)` with `get_final_message()`: what is raised, or how the message differs from
    the whole one. `create` is what comes of a loop over `create(stream=True)`, if that is something else. The tests compare
    both with the SDK that is installed.
    """

    what: str
    fault: str
    stream: str
    create: str | None = None


@runtime_checkable
class Fault(Protocol):
    """A pure change of a plan.

    One that changes nothing is an error, unless its class has an `is_wish` that is true: it says how something is to be, and it
    may be so already.
    """

    name: ClassVar[str]

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with this fault in it. Raises PlaceError if its place is not there."""
        ...

    def places(self, plan: Plan) -> Iterator[Place]:
        """Yield every place of `plan` at which this fault can be put."""
        ...


class AtEvents:
    """The base of a fault that can be put at every event."""

    __slots__ = ()

    def places(self, plan: Plan) -> Iterator[Place]:
        """Yield the place of every event."""
        return (Place(f"event {spot.number}") for spot in spots(plan))


@dataclass(frozen=True, slots=True, kw_only=True)
class AtPlace(AtEvents):
    """The base of a fault that stands at one place: exactly one of `before`, `at` and `after`."""

    before: Place | str | None = None
    at: Place | str | None = None
    after: Place | str | None = None

    name: ClassVar[str]
    default: ClassVar[tuple[Side, str] | None] = None
    """Where the fault stands when no place is written; None if one must be."""

    def __post_init__(self) -> None:
        given = [side for side in _SIDES if getattr(self, side) is not None]
        if len(given) > 1 or (not given and self.default is None):
            problem = f"has {' and '.join(given)}, where one place is expected" if given else "does not say where it stands"
            raise FaultError(f"the fault {problem}", hint="write one of: before, at, after")
        for side in given:
            object.__setattr__(self, side, _place(getattr(self, side), side))

    def point(self, plan: Plan) -> Point:
        """Return where in `plan` this fault stands."""
        for side in _SIDES:
            place = getattr(self, side)
            if isinstance(place, Place):
                try:
                    return place.point(plan, side)
                except PlaceError as error:
                    error.key = (side,)
                    raise
        assert self.default is not None  # noqa: S101 - checked when the fault was made
        return Place(self.default[1]).point(plan, self.default[0])

    def gap(self, plan: Plan) -> int:
        """Return the number of the frame before which this fault puts something. Raises FaultError inside a frame."""
        point = self.point(plan)
        if point.frame == BEFORE_HEAD:
            raise FaultError("nothing of the body can come before the headers", key=("before",), hint="write at: headers")
        if point.offset:
            hint = "use the place of an event or a delta"
            raise FaultError("an event cannot stand inside another", key=(self.name,), hint=hint)
        return point.frame

    def inserted(self, plan: Plan, *frames: Frame) -> Plan:
        """Return the plan with these frames at the place of this fault; the first takes over the silence asked for there."""
        index = self.gap(plan)
        if index and index == len(plan.frames) and not plan.frames[-1].raw:
            index -= 1  # a silence at the end, which these frames take over as well
        silence, rest = silence_at(plan, Point(index)), plan.frames[index:]
        is_held = bool(rest) and not rest[0].raw
        made = rearranged(plan, (*plan.frames[:index], *frames, *rest[is_held:]))
        if not silence:
            return made
        after, following = list(made.frames), index + len(frames)
        after[index] = replace(after[index], wait=after[index].wait + silence)
        if not is_held:
            after[following] = replace(after[following], wait=0.0)
        return replace(made, frames=tuple(after))


class Selecting(AtEvents):
    """The base of a fault that changes some events, each by itself: those that its field `selection` says."""

    __slots__ = ()
    selection: ClassVar[str]

    def __post_init__(self) -> None:
        check_selection(getattr(self, self.selection), self.selection)

    def selected(self, plan: Plan, *, data: bool = False) -> tuple[int, ...]:
        """Return the numbers of the frames that are selected, rising; if `data` matters, of those that have any.

        Raises PlaceError if one is not there, or if a stream has none of them.
        """
        return selected(plan, getattr(self, self.selection), self.selection, data=data)

    def changed(self, plan: Plan, change: Callable[[Frame], Frame], *, data: bool = False) -> Plan:
        """Return the plan with the frames that are `selected` changed."""
        wanted = set(self.selected(plan, data=data))
        return replace(plan, frames=tuple(change(each) if index in wanted else each for index, each in enumerate(plan.frames)))


@dataclass(frozen=True, slots=True, kw_only=True)
class OfEvents(Selecting):
    """The base of a fault whose key `of` says which events it changes: all of them unless it is written."""

    of: Selection = ALL

    name: ClassVar[str]
    selection: ClassVar[str] = "of"


@dataclass(frozen=True, slots=True)
class Chosen(Selecting):
    """The base of a fault whose main value, `events`, says which events it is about."""

    events: Selection

    name: ClassVar[str]
    selection: ClassVar[str] = "events"


class OfHead:
    """The base of a fault that changes the whole answer, or its head, and has no place."""

    __slots__ = ()

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with this fault in it."""
        raise NotImplementedError

    def places(self, plan: Plan) -> Iterator[Place]:
        """Yield the one place there is, if the fault can be applied to this answer."""
        try:
            self.apply(plan, Random(0))
        except ScenarioError:
            return
        yield Place("headers")


def rearranged(plan: Plan, frames: Sequence[Frame]) -> Plan:
    """Return the plan with these frames.

    A frame that the plan has already stays joined to the chunk before it only if what preceded it still does.
    """
    before = {id(second): first for first, second in pairwise(plan.frames)}
    kept = list(frames[:1])
    for first, second in pairwise(frames):
        is_torn = second.joined and before.get(id(second), first) is not first
        kept.append(replace(second, joined=False) if is_torn else second)
    return replace(plan, frames=tuple(kept))


_KEPT = ("date", "access-control-allow-origin", "access-control-expose-headers")
"""Headers of every answer, whatever it is."""


def instead(plan: Plan, made: Plan) -> Plan:
    """Return an answer that comes in the place of the plan's own, as late as that, with the headers that every answer has."""
    kept = [(name, value) for name, value in plan.head.headers if name.lower() in _KEPT]
    return replace(made, head=replace(plan.head, status=made.head.status, headers=made.head.with_headers(kept).headers))


def data_of(frame: Frame) -> bytes:
    """Return the data of a frame; of several lines, what they are without their ends: JSON is cut between its tokens."""
    return b"".join(found[2] for found in DATA_LINE.finditer(frame.raw))


def with_data(frame: Frame, data: bytes) -> Frame:
    """Return the frame with other data, in one line, and all its other lines; splits within it are gone."""
    lines = iter((data,))
    raw = DATA_LINE.sub(lambda found: b"".join((found[1] + new + found[3]) for new in lines), frame.raw)
    return replace(frame, raw=raw, splits=())


def has_end(plan: Plan) -> bool:
    """Whether the body is sent up to its end mark: a fault may have broken it off."""
    return plan.ending in (Ending.COMPLETE, Ending.END)


def silence_at(plan: Plan, point: Point) -> float:
    """Return the seconds of silence asked for before the frame at `point`: a fault that ends the answer there keeps them."""
    return plan.frames[point.frame].wait if 0 <= point.frame < len(plan.frames) else 0.0


_REGISTRY: dict[str, type[Fault]] = {}  # filled when the modules of faults are loaded, and not changed after
_T = TypeVar("_T")
_OURS = "streamlab.core.faults."


def register(name: str) -> Callable[[type[_T]], type[_T]]:
    """Make a class known as the fault of this name. Raises FaultError if another class has it, or it has no main value."""

    def known(cls: type[_T]) -> type[_T]:
        if not is_dataclass(cls) or all(item.kw_only for item in fields(cls)):
            hint = 'register a dataclass with a field that is not keyword-only, for example: how: str = "all"'
            raise FaultError(f"the fault {name!r} has no main value", hint=hint)
        taken = _REGISTRY.get(name)
        if taken is not None and (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
            raise FaultError(f"there already is a fault {name!r}", hint="give yours another name")
        cls.name = name  # type: ignore[attr-defined]
        _REGISTRY[name] = cls  # type: ignore[assignment]
        return cls

    return known


def fault_names() -> tuple[str, ...]:
    """Return the names of all faults, sorted."""
    return tuple(sorted(_REGISTRY))


def fault_type(name: str) -> type[Fault]:
    """Return the class of a fault. Raises FaultError, with the nearest name, if there is none."""
    if name not in _REGISTRY:
        raise _unknown(name)
    return _REGISTRY[name]


def fault_family(cls: type[Fault]) -> str:
    """Return the family of a fault: the module that it stands in, if it is one of ours."""
    return cls.__module__.removeprefix(_OURS) if cls.__module__.startswith(_OURS) else "other"


def examples(cls: type[Fault]) -> tuple[Example, ...]:
    """Return the failures that a fault gives as examples of itself."""
    return getattr(cls, "examples", ())


def main_field(cls: type[Fault]) -> str:
    """Return the name of the field that holds a fault's main value: the one that can be given by position."""
    return next(item.name for item in fields(cls) if not item.kw_only)  # type: ignore[arg-type]


def parse_fault(written: Mapping[str, Any]) -> Fault:
    """Return the fault that a mapping writes: `{cut: reset, at: delta 3}`.

    Raises ScenarioError, mostly a FaultError or a PlaceError; its `key` is that of the entry at fault.
    """
    if not written:
        raise FaultError("a fault is expected, and this is empty", hint=f"faults: {', '.join(fault_names())}")
    name = _named(written)
    if name is None:
        unknown = next((str(key) for key in written if key not in _SIDES), None)
        if unknown is None:
            raise FaultError("a fault is expected, and this is only its place", hint=f"faults: {', '.join(fault_names())}")
        raise _unknown(unknown)
    cls = _REGISTRY[name]
    main = main_field(cls)
    _check_keys(written, name, {item.name: item for item in fields(cls) if item.init and item.name != main})  # type: ignore[arg-type]
    arguments = {main if key == name else key: value for key, value in written.items()}
    try:
        return cls(**arguments)
    except ScenarioError as error:
        error.key = tuple(name if part == main else part for part in error.key) or (name,)
        raise


def _named(written: Mapping[str, Any]) -> str | None:
    """Return the fault that a mapping names: of several, the first to which the others can belong; None if there is none."""
    names = [key for key in written if key in _REGISTRY]
    fitting = (name for name in names if written.keys() - {name} <= {item.name for item in fields(_REGISTRY[name])})  # type: ignore[arg-type]
    return next(fitting, names[0] if names else None)


def _unknown(name: str) -> FaultError:
    """Return the error for a name that is no fault's: it says how to write a failure that goes by this name."""
    words = set(name.replace("_", " ").replace("-", " ").lower().split())
    is_said = bool(words) and all(word.isidentifier() for word in words)
    all_known = (each for cls in _REGISTRY.values() for each in examples(cls) if is_said)
    found = next((each.fault for each in all_known if words <= set(each.what.lower().split())), None)
    hint = f"write {found if found.startswith('[') else f'{{{found}}}'}; " if found else ""
    return FaultError(f"there is no fault {name!r}", key=(name,), hint=hint + nearest(name, fault_names()))


def _check_keys(written: Mapping[str, Any], name: str, others: Mapping[str, Field[Any]]) -> None:
    """Raise FaultError for a key that the fault does not have, and for one that it needs and that is not written."""
    for key in written:
        if key != name and key not in others:
            hint = nearest(str(key), others) if others else f"nothing may stand beside {name}"
            raise FaultError(f"the fault {name!r} has no key {key!r}", key=(key,), hint=hint)
    for key, item in others.items():
        if key not in written and item.default is MISSING and item.default_factory is MISSING:
            raise FaultError(f"the fault {name!r} needs the key {key!r}", key=(name,), hint=f"write {key} beside {name}")


def _place(written: object, side: str) -> Place:
    if isinstance(written, Place):
        return written
    if not isinstance(written, str):
        raise PlaceError(f"a place is expected, not {written!r}", key=(side,), hint="for example: delta 3")
    try:
        return Place(written)
    except PlaceError as error:
        error.key = (side,)
        raise
