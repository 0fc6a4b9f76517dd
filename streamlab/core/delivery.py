"""Delivery: which of the events that were sent reached the machine of a client that left."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Sent", "events_lost"]

_EVENT = re.compile(rb"event: (?!ping\r?\n)[^\n]*\n(?:[^\n]+\n)*\r?\n")
"""A whole event on the wire that is no ping."""


class Sent(NamedTuple):
    """What was sent at once: when, in seconds after the request, how many bytes, and how many events they complete."""

    at: float
    size: int
    events: int


def events_lost(sent: Sequence[Sent], lost: int, last: bytes) -> int:
    """Return how many events are not whole without the last `lost` bytes of what was sent.

    `last` is what was sent last: the events in its first part are found in it. Of what was sent before, a part counts for
    nothing.
    """
    events = 0
    for number, each in enumerate(reversed(sent)):
        if lost <= 0:
            break
        kept = len(_EVENT.findall(last, 0, each.size - lost)) if number == 0 and lost < each.size else 0
        events += each.events - min(each.events, kept)
        lost -= each.size
    return events
