"""Messages events to frames, written as the API writes them.

From `wire.md`, section 2: `event: NAME`, `data: JSON`, compact and unescaped, with 0 to 15 spaces before the last brace of
every event but the ping, which is always the same text.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from streamlab.core.sse import Event, Frame

__all__ = ["MAX_PADDING", "PING", "PING_EVENT", "dump", "encode", "encode_padded"]

MAX_PADDING = 15
"""The most spaces seen before the last brace of an event (`wire.md`, section 2)."""

PING_EVENT: Event = {"type": "ping"}
PING = Frame(b'event: ping\ndata: {"type": "ping"}\n\n')
"""The ping, to the letter: it has a space after the colon and is never padded."""


def dump(value: Any) -> str:
    """Return `value` as the API's compact JSON."""
    return _COMPACT(value)


_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # made once: making one takes as long as using it


def encode(event: Event, *, padding: int = 0) -> Frame:
    """Return the frame of one event, with `padding` spaces before its last brace."""
    if event == PING_EVENT:
        return PING
    data = dump(event)
    if padding:
        data = data[:-1] + " " * padding + "}"
    text = f"event: {event['type']}\ndata: {data}\n\n"
    try:
        frame = Frame(text.encode())
    except UnicodeEncodeError:  # half of a surrogate pair: JSON can say it with an escape, UTF-8 cannot
        return Frame(text.encode(errors="backslashreplace"))
    frame.__dict__["event"] = event  # what parsing it would give, without parsing it
    return frame


def encode_padded(event: Event, rng: Random) -> Frame:
    """Return the frame of one event, padded by lot as the API pads it."""
    return encode(event, padding=rng.getrandbits(4))  # 0 to MAX_PADDING
