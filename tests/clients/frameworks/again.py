"""What the careful programs have in common: the error that they raise, and asking again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from show import show, show_error


# region again
class Incomplete(Exception):  # noqa: N818 - it reads better where it is caught
    """An answer broke off, or stopped too early."""


def again(ask: Callable[[str], Any], question: str, tries: int = 3) -> Any:
    """Ask again when an answer broke off: no framework does that by itself once the stream has begun."""
    while True:
        try:
            return ask(question)
        except Incomplete as broken:  # what was shown is void
            tries -= 1
            if tries == 0:
                raise
            show(again=str(broken))


# endregion


def show_answer(ask: Callable[[str], Any], question: str = "Say hello.") -> None:
    """Show the answer, or why there is none."""
    try:
        show(answer=again(ask, question))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
        show_error(error)
