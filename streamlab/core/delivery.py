"""Delivery: which of the events that were sent reached the machine of a client that left."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

__all__ = ["Recent", "Sent", "events_lost"]

_EVENT = re.compile(rb"event: (?!ping\r?\n)[^\n]*\n(?:[^\n]+\n)*\r?\n")
"""A whole event on the wire that is no ping."""
_MOST_KEPT = 8 * 1024 * 1024
"""More bytes than a kernel keeps for a peer that acknowledges nothing (Linux: 4 MiB, tcp(7))."""


class Sent(NamedTuple):
    """What was sent at once: when, in seconds after the request, how many bytes, and how many events they complete."""

    at: float
    size: int
    events: int


class Recent:
    """What was written last: at most 8 MiB of it, or the last write if that is larger."""

    __slots__ = ("_size", "_writes")

    def __init__(self, writes: Iterable[bytes] = ()) -> None:
        self._writes: deque[bytes] = deque()
        self._size = 0
        for each in writes:
            self.add(each)

    def add(self, data: bytes) -> None:
        """Take in what is written now."""
        if not data:
            return
        self._writes.append(data)
        self._size += len(data)
        while self._size > _MOST_KEPT and len(self._writes) > 1:
            self._size -= len(self._writes.popleft())

    def __reversed__(self) -> Iterator[bytes]:
        return reversed(self._writes)


def events_lost(sent: Sequence[Sent], lost: int, recent: Recent) -> int:
    """Return how many events are not whole without the last `lost` bytes of what was sent.

    Where the loss begins within what was sent at once, the events before it are found in `recent`; of what is no longer there
    nothing counts.
    """
    events = 0
    for each, data in zip_longest(reversed(sent), reversed(recent)):
        if each is None or lost <= 0:
            break
        is_cut = data is not None and lost < each.size == len(data)
        kept = len(_EVENT.findall(data, 0, each.size - lost)) if is_cut else 0
        events += each.events - min(each.events, kept)
        lost -= each.size
    return events
