"""How a stream is laid out in bytes, checked against how the API lays out its own (`wire.md`, section 2)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from streamlab.core.events import MAX_PADDING, PING, dump
from streamlab.core.grammar import Finding, finding
from streamlab.core.sse import Event, Frame

__all__ = ["framing"]

_Said = tuple[str, str, str]
"""A rule, what was found, and what was expected."""

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


def _layout(frame: Frame, *, is_last: bool) -> Iterator[_Said]:
    """Check one frame: the first thing that is wrong with it, as the rest may follow from that."""
    try:
        frame.raw.decode()
    except UnicodeDecodeError as error:
        yield "encoding", f"the byte {error.object[error.start]:#04x} in {frame.raw[:40]!r}", "UTF-8"
        return
    if frame.message is None or frame.event is None:
        yield _without_event(frame, is_last=is_last)
    elif frame.message.event != frame.event["type"]:
        kind = frame.event["type"]
        yield "name", f"the name {frame.message.event!r} on an event of type {kind!r}", f"the name {kind!r}"
    elif frame.type == "ping":
        if frame.raw != PING.raw:
            yield "ping-text", f"the ping {frame.raw!r}", f"{PING.raw!r}"
    elif not _LAYOUT.fullmatch(frame.raw):
        yield "framing", f"the frame {frame.raw[:40]!r}", "`event: NAME`, `data: JSON`, and a blank line"
    else:
        yield from _json(frame.message.data, frame.event)


def _without_event(frame: Frame, *, is_last: bool) -> _Said:
    """Say what a frame is that carries no event."""
    if frame.message is not None:
        joined = " (two events without a blank line between them?)" if frame.raw.count(b"data:") > 1 else ""
        return "no-event", f"the data {frame.message.data[:60]!r}{joined}", "a JSON object with a type"
    if is_last and frame.raw.strip() and not frame.raw.startswith(b":"):
        return "cut-off", f"the last frame ends in {frame.raw[-20:]!r}", "a blank line"
    if frame.raw.startswith(b"event:"):
        return "no-event", f"a frame without data: {frame.raw[:40]!r}", "a JSON object with a type"
    return "framing", f"a frame without data: {frame.raw[:40]!r}", "an event"


def _json(data: str, event: Event) -> Iterator[_Said]:
    """Check how the JSON of an event is written."""
    spaces = _PADDING.search(data)
    width = len(spaces[1]) if spaces else 0
    if width > MAX_PADDING:
        yield "padding", f"{width} spaces before the last brace", f"{MAX_PADDING} at most"
    plain = data[: len(data) - 1 - width] + "}"
    if plain != dump(event):
        yield "compact", f"the JSON {plain[:60]!r}", "no spaces, escapes or keys that are not needed"
