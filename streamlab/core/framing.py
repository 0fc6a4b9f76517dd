"""How a stream is laid out in bytes, checked against how the API lays out its own (`wire.md`, section 2)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from streamlab.core.events import MAX_PADDING, PING, dump
from streamlab.core.grammar import Finding, finding
from streamlab.core.sse import Frame

__all__ = ["framing"]

_LAYOUT = re.compile(rb"event: ([^\r\n]+)\ndata: ([^\r\n]+)\n\n")
_PADDING = re.compile(r"( *)\}$")


def framing(frames: Sequence[Frame]) -> Iterator[Finding]:
    """Check the bytes of every frame."""
    number, previous = 0, b""
    for count, frame in enumerate(frames, 1):
        number += frame.type not in (None, "ping")
        for rule, found, expected in _layout(frame, is_last=count == len(frames)):
            yield finding(rule, number if frame.type else 0, count, found=found, expected=expected)
        if frame.raw == previous and frame.type != "ping":
            yield finding("repeated", number, count, found="the frame before it again", expected="the next event")
        previous = frame.raw


def _layout(frame: Frame, *, is_last: bool) -> Iterator[tuple[str, str, str]]:
    message, event = frame.message, frame.event
    if message is None:
        if is_last and frame.raw.strip() and not frame.raw.startswith(b":"):
            yield "cut-off", f"the last frame ends in {frame.raw[-20:]!r}", "a blank line"
        else:
            yield "framing", f"a frame without data: {frame.raw[:40]!r}", "an event"
        return
    if event is None:
        yield "no-event", f"the data {message.data[:60]!r}", "a JSON object with a type"
        return
    if message.event != event["type"]:
        yield "name", f"the name {message.event!r} on an event of type {event['type']!r}", f"the name {event['type']!r}"
    if event["type"] == "ping":
        if frame.raw != PING.raw:
            yield "ping-text", f"the ping {frame.raw!r}", f"{PING.raw!r}"
        return
    found = _LAYOUT.fullmatch(frame.raw)
    if not found:
        yield "framing", f"the frame {frame.raw[:40]!r}", "`event: NAME`, `data: JSON`, and a blank line"
        return
    data = message.data
    spaces = _PADDING.search(data)
    width = len(spaces[1]) if spaces else 0
    if width > MAX_PADDING:
        yield "padding", f"{width} spaces before the last brace", f"{MAX_PADDING} at most"
    bare = data[: len(data) - 1 - width] + "}"
    if bare != dump(event):
        yield "compact", f"the JSON {bare[:60]!r}", "no spaces and no escapes that are not needed"
