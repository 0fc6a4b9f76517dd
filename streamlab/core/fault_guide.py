"""What the faults say of themselves: the text of `streamlab faults` and of the reference."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from streamlab.core.faults import Example, Fault, fault_family, fault_names, fault_type, main_field

__all__ = ["FAMILIES", "Key", "by_family", "done_by_the_sdk", "keys", "summary", "text_of"]

FAMILIES = {
    "http": "HTTP: the head of an answer, and answers that are no stream",
    "events": "Events: what the stream says",
    "order": "Order: events that are missing, that come twice, or at another time",
    "framing": "Framing: how the lines of server-sent events are written",
    "payload": "Payload: what stands in a frame",
    "wire": "Wire: how the bytes are sent, where sending stops, where it pauses",
    "other": "Of other packages",
}
_SIDES = ("before", "at", "after")
_WHOLE = "the whole message"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a fault: as it is written in YAML, as the field is called in Python, and what it is if it is left out."""

    written: str
    field: str
    default: str


def by_family() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each family that has faults, and their names."""
    for family in FAMILIES:
        names = tuple(name for name in fault_names() if _family(fault_type(name)) == family)
        if names:
            yield family, names


def summary(cls: type[Fault]) -> str:
    """Return the first line of what a fault is."""
    return text_of(cls).split("\n\n", 1)[0].replace("\n", " ")


def text_of(cls: type[Fault]) -> str:
    """Return what a fault is, as its class says it."""
    return inspect.getdoc(cls) or ""


def keys(cls: type[Fault]) -> list[Key]:
    """Return the keys of a fault, the main one first and those of its place last."""
    main, known = main_field(cls), [item for item in fields(cls) if item.init]  # type: ignore[arg-type]
    known.sort(key=lambda item: (item.name != main, item.name in _SIDES))
    return [Key(cls.name if item.name == main else item.name, item.name, _default(item)) for item in known]


def done_by_the_sdk(example: Example) -> str:
    """Return in words what the official Python SDK does with an example."""
    stream = _words(example.stream)
    if example.create is None:
        return stream
    return f"{stream}; in a loop over `create(stream=True)`: {_words(example.create)}"


def _words(outcome: str) -> str:
    """Return an outcome with what is not raised said as such."""
    if outcome.startswith("raises"):
        return outcome
    return "gives the whole message" if outcome == _WHOLE else f"raises nothing: {outcome}"


def _family(cls: type[Fault]) -> str:
    family = fault_family(cls)
    return family if family in FAMILIES else "other"


def _default(item: Field[Any]) -> str:
    if item.default is MISSING:
        return "must be written" if item.default_factory is MISSING else str(item.default_factory())
    return "none" if item.default is None else str(item.default)
