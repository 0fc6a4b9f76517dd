"""What a fault is, how it is registered, and how one is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from random import Random
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

from streamlab.core.places import Place, Point, Side, spots
from streamlab.core.plan import Plan
from streamlab.errors import FaultError, PlaceError, ScenarioError, nearest

__all__ = ["AtPlace", "Fault", "fault_names", "fault_type", "main_field", "parse_fault", "register", "silence_at"]

_SIDES: tuple[Side, ...] = ("before", "at", "after")


@runtime_checkable
class Fault(Protocol):
    """A pure change of a plan."""

    name: ClassVar[str]

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with this fault in it. Raises PlaceError if its place is not there."""
        ...

    def places(self, plan: Plan) -> Iterator[Place]:
        """Yield every place of `plan` at which this fault can be put."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AtPlace:
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

    def places(self, plan: Plan) -> Iterator[Place]:
        """Yield the place of every event."""
        return (Place(f"event {spot.number}") for spot in spots(plan))


def silence_at(plan: Plan, point: Point) -> float:
    """Return the seconds of silence asked for before the frame at `point`: a fault that ends the answer there keeps them."""
    return plan.frames[point.frame].wait if point.frame < len(plan.frames) else 0.0


_REGISTRY: dict[str, type[Fault]] = {}  # filled when the modules of faults are loaded, and not changed after
_T = TypeVar("_T")


def register(name: str) -> Callable[[type[_T]], type[_T]]:
    """Make a class known as the fault of this name. Raises FaultError if another class has it."""

    def known(cls: type[_T]) -> type[_T]:
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
        raise FaultError(f"there is no fault {name!r}", key=(name,), hint=nearest(name, fault_names()))
    return _REGISTRY[name]


def main_field(cls: type[Fault]) -> str:
    """Return the name of the field that holds a fault's main value: the one that can be given by position."""
    return next(item.name for item in fields(cls) if not item.kw_only)  # type: ignore[arg-type]


def parse_fault(written: Mapping[str, Any]) -> Fault:
    """Return the fault that a mapping writes: `{cut: reset, at: delta 3}`.

    Raises ScenarioError, mostly a FaultError or a PlaceError; its `key` is that of the entry at fault.
    """
    if not written:
        raise FaultError("a fault is expected, and this is empty", hint=f"faults: {', '.join(fault_names())}")
    name = next((key for key in written if key in _REGISTRY), None)
    if name is None:
        unknown = next((str(key) for key in written if key not in _SIDES), None)
        if unknown is None:
            raise FaultError("a fault is expected, and this is only its place", hint=f"faults: {', '.join(fault_names())}")
        raise FaultError(f"there is no fault {unknown!r}", key=(unknown,), hint=nearest(unknown, fault_names()))
    cls = _REGISTRY[name]
    main = main_field(cls)
    _check_keys(written, name, {item.name: item for item in fields(cls) if item.init and item.name != main})  # type: ignore[arg-type]
    arguments = {main if key == name else key: value for key, value in written.items()}
    try:
        return cls(**arguments)
    except ScenarioError as error:
        error.key = tuple(name if part == main else part for part in error.key) or (name,)
        raise


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
