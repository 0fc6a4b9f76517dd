"""Faults of other packages: found by the entry points that installed packages state.

[project.entry-points."streamlab.faults"]
garble = "their_package.faults"
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from streamlab.errors import FaultError

__all__ = ["GROUP", "load"]

GROUP = "streamlab.faults"
"""The group of entry points; each names a module that registers faults when it is loaded."""


@cache
def load() -> tuple[str, ...]:
    """Load the modules that state faults, once; return their names.

    Raises FaultError if one of them cannot be loaded, when the others are.
    """
    found, broken = entry_points(group=GROUP), list[FaultError]()
    for each in found:
        try:
            each.load()
        except Exception as error:  # noqa: BLE001 - it is somebody else's code
            problem = f"the faults of {each.value!r} cannot be loaded: {type(error).__name__}: {error}"
            broken.append(FaultError(problem, hint=f"they are stated by the entry point {each.name!r} of an installed package"))
            broken[-1].__cause__ = error
    if broken:
        raise broken[0]
    return tuple(each.value for each in found)
