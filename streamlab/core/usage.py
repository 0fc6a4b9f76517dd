"""Usage: how often each rule answered, and what is to be said of one that did not as it must."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from streamlab.core.replies import Entry, Rule
from streamlab.core.tapes import Tape

__all__ = ["Usage", "own_name", "unplayed", "unused", "usages"]

_MOST_SHOWN = 10
"""The exchanges that a warning names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How often a rule answered. It must be given `wanted` times: 0 for one that need not be used.

    Of a cassette there are so many `exchanges`, and `unplayed` are the numbers, from 1, of those that were not asked for.
    """

    name: str
    given: int = 0
    wanted: int = 0
    exchanges: int = 0
    unplayed: tuple[int, ...] = ()


def usages(entries: Sequence[Entry], given: Mapping[str, int]) -> tuple[Usage, ...]:
    """Return how often each of these answered, in their order, when `given` says it by name."""
    return tuple(_usage(entry, given) for entry in entries)


def _usage(entry: Entry, given: Mapping[str, int]) -> Usage:
    if isinstance(entry, Rule):
        wanted = 0 if not entry.required else 1 if entry.repeats else entry.times
        return Usage(name=entry.name, given=given.get(entry.name, 0), wanted=wanted)
    if isinstance(entry, Tape):
        count = sum(times for name, times in given.items() if name.startswith(f"{entry.name} exchange "))
        return Usage(name=entry.name, given=count, exchanges=len(entry), unplayed=entry.unused(given))
    return Usage(name=entry.name)


def unused(used: Iterable[Usage]) -> tuple[str, ...]:
    """Say which rules were not used as often as they must be."""
    return tuple(f"{each.name!r} was given {each.given} of {each.wanted} times" for each in used if each.given < each.wanted)


def unplayed(used: Iterable[Usage]) -> tuple[str, ...]:
    """Say which exchanges of cassettes were not asked for."""
    return tuple(_unplayed(each) for each in used if each.unplayed)


def _unplayed(usage: Usage) -> str:
    numbers = usage.unplayed
    shown = ", ".join(str(number) for number in numbers[:_MOST_SHOWN])
    more = f" and {len(numbers) - _MOST_SHOWN} more" if len(numbers) > _MOST_SHOWN else ""
    what = "exchange" if len(numbers) == 1 else "exchanges"
    return f"{usage.name!r}: {what} {shown}{more} of {usage.exchanges} not asked for"


def own_name(name: str, taken: Iterable[str]) -> str:
    """Return a name that is not taken: this one, or it with a number; what is remembered of a rule goes by its name."""
    others = set(taken)
    names = (name, *(f"{name} ({number})" for number in range(2, len(others) + 2)))
    return next(each for each in names if each not in others)
