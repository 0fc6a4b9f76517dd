"""The shipped scenarios: in a wheel inside the package, in a checkout beside it."""

from __future__ import annotations

from pathlib import Path

from streamlab.errors import ScenarioError, nearest

__all__ = ["library_folder", "scenario_file", "scenario_names"]

_PACKAGE = Path(__file__).resolve().parent.parent


def library_folder() -> Path:
    """Return the folder of the shipped scenarios."""
    inside = _PACKAGE / "scenarios"
    return inside if inside.is_dir() else _PACKAGE.parent / "scenarios"


def scenario_names() -> tuple[str, ...]:
    """Return the names of the shipped scenarios, sorted."""
    return tuple(sorted(path.stem for path in library_folder().glob("*.yaml")))


def scenario_file(name: str) -> Path:
    """Return the file of a shipped scenario. Raises ScenarioError, with the nearest name, if there is none."""
    if name not in scenario_names():
        near, _, _ = nearest(name, scenario_names()).partition("expected one of")  # the list would fill the screen
        problem = f"there is no file and no shipped scenario {name!r}"
        raise ScenarioError(problem, hint=f"{near}`streamlab scenarios` lists what is shipped")
    return library_folder() / f"{name}.yaml"
