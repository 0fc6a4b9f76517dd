"""Faults written as one line of text: on the command line, in a header of a request, in Python.

cut: reset, at: tool_use char 12                                 one fault, as in YAML
[{stall: 2s, after: delta 1}, {cut: fin, after: delta 3}]        several, applied in this order
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamlab.core.faults import Fault, fault_names, parse_fault
from streamlab.errors import FaultError, ScenarioError
from streamlab.files import extensions, schema
from streamlab.files.located import parse_located
from streamlab.files.values import shorten

__all__ = ["know", "listed_faults", "parse_fault_text", "read_fault"]


def parse_fault_text(text: str, name: str) -> tuple[Fault, ...]:
    """Return the faults that a text writes; `name` is what errors call the text: an option, a header.

    Raises ScenarioError, with the column in the text.
    """
    bare = text.strip()
    is_bare = not bare.startswith(("{", "["))
    try:
        located = parse_located(f"{{{bare}}}" if is_bare else bare, name)
    except ScenarioError as error:
        raise _shifted(error, by=1 if is_bare else 0) from None
    written = located.data if isinstance(located.data, list) else [located.data]
    found = []
    for number, each in enumerate(written or [{}]):
        try:
            found.append(read_fault(each))
        except ScenarioError as error:
            key = (number, *error.key) if isinstance(located.data, list) else error.key
            error.key, error.line, error.column = key, None, None
            placed = located.place(error)
            raise _shifted(placed, by=1 if is_bare else 0) from None
    return tuple(found)


def listed_faults(written: object) -> tuple[Fault | Mapping[str, Any], ...]:
    """Return faults as `parse_faults` takes them: those that are texts are read, and those of other packages are known then.

    Raises ScenarioError if it is no list of faults, and no single one, or if a text cannot be read.
    """
    is_one = isinstance(written, str | Mapping) or hasattr(written, "apply")
    listed = [written] if is_one else written
    if not isinstance(listed, list | tuple):
        raise ScenarioError(f"a list of faults is expected, not {written!r}", key=("faults",))
    found: list[Fault | Mapping[str, Any]] = []
    for each in listed:
        if isinstance(each, Mapping):
            know(each)
        found += parse_fault_text(each, "faults") if isinstance(each, str) else (each,)
    return tuple(found)


def read_fault(written: object) -> Fault:
    """Return the fault that a mapping of YAML writes, those of other packages included. Raises ScenarioError if it is none."""
    if not isinstance(written, Mapping):
        hint = f"for example: {{cut: fin, after: delta 3}}; faults: {', '.join(fault_names())}"
        raise FaultError(f"a fault is expected, not {shorten(written)}", hint=hint)
    know(written)
    fault = parse_fault(written)
    wrong = schema.mismatch(schema.fault_schema(fault.name), written)
    if wrong is not None:
        key, expected = wrong
        raise FaultError(f"{expected} is expected, not {shorten(written[str(key[0])])}", key=key[:1])
    return fault


def know(written: Mapping[Any, Any]) -> None:
    """Make the faults of other packages known if a mapping names none that is. Raises FaultError if they cannot be loaded."""
    if not any(key in fault_names() for key in written):
        extensions.load()


def _shifted(error: ScenarioError, *, by: int) -> ScenarioError:
    """Return the error with the column that it has in the text as it was written."""
    column = max(1, (error.column or 1) - by)
    return error.at(error.file or "", None, column)
