"""Prints what a program has to show: a line of JSON for each."""

from __future__ import annotations

import json
from typing import Any


# region show
def show(**shown: Any) -> None:
    """Print things by their names."""
    print(json.dumps(shown), flush=True)  # noqa: T201 - it is what it does


# endregion


def show_error(error: BaseException) -> None:
    """Print an error: what it is, what else it is, and what it says."""
    kinds = [f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(error).__mro__]
    show(error={"class": kinds[0], "kinds": kinds, "message": str(error)})
