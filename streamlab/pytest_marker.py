"""The marker `streamlab`: what its arguments mean, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamlab.errors import ScenarioError, nearest

if TYPE_CHECKING:
    import pytest

    from streamlab.core.faults import Fault
    from streamlab.core.pacing import Pace
    from streamlab.files.lab_settings import Grade

__all__ = ["MODES", "NAME", "Marked", "marked", "read"]

NAME = "streamlab"
MODES = ("none", "once", "new", "all")
"""What is recorded: nothing; cassettes that are missing; what is missing in them too; all of it anew."""

_EXAMPLE = "for example: @pytest.mark.streamlab(scenario='overloaded-then-fine')"
_SUFFIXES = (".yaml", ".yml")

Cassettes = tuple[Path | bool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What marks say of a test. None is what they say nothing of; a cassette that is True has its name from the test."""

    scenarios: tuple[str, ...] = ()
    cassettes: Cassettes | None = None
    faults: tuple[Fault, ...] | None = None
    pace: Pace | None = None
    record: str | None = None
    strict: Mapping[str, Grade] = field(default_factory=dict)

    def over(self, farther: Marked) -> Marked:
        """Return what this mark and one that is farther from the test say together.

        Scenarios add up, the nearest first, and so do strictnesses; of all else the nearer mark decides.
        """
        given = {name: value for name in _ONE if (value := getattr(self, name)) is not None}
        strict = {**farther.strict, **self.strict}
        return replace(farther, scenarios=self.scenarios + farther.scenarios, strict=strict, **given)


_ONE = ("cassettes", "faults", "pace", "record")


def marked(node: pytest.Item, folder: Path) -> Marked:
    """Return what all marks say of a test. Raises ScenarioError if one cannot be understood."""
    found = Marked()
    for mark in reversed(list(node.iter_markers(NAME))):
        found = read(mark, folder).over(found)
    return found


def read(mark: pytest.Mark, folder: Path) -> Marked:
    """Return what one mark says; a scenario may stand in `folder`. Raises ScenarioError, with the mark as it is written."""
    try:
        return _read(mark, folder)
    except ScenarioError as error:
        said = ", ".join([*map(repr, mark.args), *(f"{key}={value!r}" for key, value in mark.kwargs.items())])
        raise error.at(f"@pytest.mark.{NAME}({said})") from None


def _read(mark: pytest.Mark, folder: Path) -> Marked:
    if mark.args:
        raise ScenarioError("arguments have names here", hint=_EXAMPLE)
    given: dict[str, Any] = {}
    for key, value in mark.kwargs.items():
        if key not in _READERS:
            raise ScenarioError(f"there is no argument {key!r}", hint=nearest(key, _READERS))
        name, reader = _READERS[key]
        given[name] = reader(value, folder)
    return Marked(**given)


def _scenarios(given: object, folder: Path) -> tuple[str, ...]:
    """Return the scenarios that are named; a file may stand beside the test."""
    names = (given,) if isinstance(given, str | Path) else given
    if not isinstance(names, list | tuple) or not all(_is_path(name) and str(name) for name in names):
        raise ScenarioError(f"a scenario or a list of them is expected, not {given!r}", hint=_EXAMPLE)
    return tuple(_scenario(Path(name), folder) for name in names)


def _scenario(name: Path, folder: Path) -> str:
    from streamlab.files.library import scenario_file

    is_file = name.suffix or len(name.parts) > 1
    for path in (folder / name, name) if is_file else (name,):
        if path.exists():
            return str(path)
    if is_file:
        beside = sorted(each.name for each in (folder / name).parent.glob("*.y*ml"))
        hint = nearest(name.name, beside) if beside else f"it is looked for in {folder}"
        raise ScenarioError(f"there is no file {str(name)!r}", hint=hint)
    scenario_file(str(name))
    return str(name)


def _cassettes(given: object, _: Path) -> Cassettes:
    if isinstance(given, bool):
        return (True,) if given else ()
    names = (given,) if isinstance(given, str | Path) else given
    listed = tuple(names) if isinstance(names, list | tuple) else ()
    if not listed or not all(_is_path(name) and Path(name).name.strip() for name in listed):
        hint = "write cassette=True for a name from the test's own, or a name: cassette='weather'"
        raise ScenarioError(f"a cassette is expected, not {given!r}", hint=hint)
    paths = [Path(name) for name in listed]
    return tuple(path if path.suffix in _SUFFIXES else path.with_name(f"{path.name}.yaml") for path in paths)


def _is_path(name: object) -> bool:
    return isinstance(name, str | Path) and "\0" not in str(name)


def _faults(given: object, _: Path) -> tuple[Fault, ...]:
    from streamlab.files.lab_settings import read_faults

    return read_faults(given)


def _pace(given: object, _: Path) -> Pace:
    from streamlab.core.pacing import Pace, parse_pace

    try:
        return given if isinstance(given, Pace) else parse_pace(given)
    except ScenarioError as error:
        error.key = ("pace", *error.key)
        raise


def _record(given: object, _: Path) -> str:
    if given not in MODES:
        raise ScenarioError(f"{given!r} is no way to record", key=("record",), hint=nearest(str(given), MODES))
    return str(given)


def _strict(given: object, _: Path) -> Mapping[str, Grade]:
    from streamlab.files.lab_settings import parse_strict

    return parse_strict(given)


_READERS = {
    "scenario": ("scenarios", _scenarios),
    "cassette": ("cassettes", _cassettes),
    "faults": ("faults", _faults),
    "pace": ("pace", _pace),
    "record": ("record", _record),
    "strict": ("strict", _strict),
}
