"""What the official Python SDK does when it meets each fault: the table of the reference, and of the tests beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from streamlab import Cut, ErrorEvent, Stall, error, events, tool_use

__all__ = ["OUTCOMES", "Outcome"]

_COUNT = "One two three four five six seven eight."
_WEATHER = tool_use("get_weather", location="San Francisco")
_BLOCK = ("content_block_start", "content_block_delta", "content_block_stop")
_LAST = ("message_delta", "message_stop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A stream that goes wrong, and what `messages.stream(…).get_final_message()` makes of it.

    `raises` are the names of the exceptions that versions of the SDK raise, the current one first; none means that it raises
    nothing, and returns `content` and `stop_reason`.
    """

    what: str
    source: Any
    faults: Sequence[Any] = ()
    raises: tuple[str, ...] = ()
    is_api_error: bool = False
    content: list[dict[str, Any]] = field(default_factory=list)
    stop_reason: str | None = None


OUTCOMES = (
    Outcome(
        what="the body ends after a delta, cleanly",
        source=_COUNT,
        faults=[Cut("end", after="delta 3")],
        content=[{"text": "One two three", "type": "text"}],
    ),
    Outcome(
        what="the body ends inside an event, cleanly",
        source=_COUNT,
        faults=[Cut("end", at="text char 5")],
        content=[{"text": "One", "type": "text"}],
    ),
    Outcome(
        what="the body ends inside the input of a tool, cleanly",
        source=_WEATHER,
        faults=[Cut("end", after="tool_use delta 3")],
        content=[{"caller": {"type": "direct"}, "input": {}, "name": "get_weather", "type": "tool_use"}],
    ),
    Outcome(
        what="`message_stop` does not come",
        source=_COUNT,
        faults=[Cut("end", before="message_stop")],
        content=[{"text": _COUNT, "type": "text"}],
        stop_reason="end_turn",
    ),
    Outcome(
        what="a delta comes twice",
        source=events("message_start", *_BLOCK[:2], *_BLOCK[1:], *_LAST),
        content=[{"text": "HelloHello", "type": "text"}],
        stop_reason="end_turn",
    ),
    Outcome(
        what="an event of an unknown type comes",
        source=events("message_start", {"type": "weather_report"}, *_BLOCK, *_LAST),
        content=[{"text": "Hello", "type": "text"}],
        stop_reason="end_turn",
    ),
    Outcome(
        what="the connection is closed in mid-stream",
        source=_COUNT,
        faults=[Cut("fin", after="delta 3")],
        raises=("RemoteProtocolError",),
    ),
    Outcome(
        what="the connection is reset in mid-stream",
        source=_COUNT,
        faults=[Cut("reset", after="delta 3")],
        raises=("ReadError",),
    ),
    Outcome(
        what="the stream stalls for longer than the read timeout",
        source=_COUNT,
        faults=[Stall("forever", after="delta 3")],
        raises=("ReadTimeout",),
    ),
    Outcome(
        what="an `error` event comes in mid-stream (its status is 200)",
        source=_COUNT,
        faults=[ErrorEvent("overloaded", after="delta 3")],
        raises=("APIStatusError",),
        is_api_error=True,
    ),
    Outcome(
        what="529 before the stream, and no retry left",
        source=error("overloaded"),
        raises=("OverloadedError",),
        is_api_error=True,
    ),
    Outcome(
        what="`content_block_start` does not come",
        source=events("message_start", *_BLOCK[1:], *_LAST),
        raises=("IndexError",),
    ),
    Outcome(
        what="`message_start` does not come",
        source=events(*_BLOCK, *_LAST),
        raises=("AssertionError", "RuntimeError"),
    ),
    Outcome(
        what="a byte order mark comes first",
        source=events({"raw": "\ufeff"}, "message_start", *_BLOCK, *_LAST),
        raises=("AssertionError", "RuntimeError"),
    ),
    Outcome(
        what="the body is empty",
        source=_COUNT,
        faults=[Cut("end", at="headers")],
        raises=("AssertionError",),
    ),
    Outcome(
        what="the JSON of an event is broken",
        source=events("message_start", {"raw": 'event: content_block_start\ndata: {"type":\n\n'}),
        raises=("JSONDecodeError",),
    ),
    Outcome(
        what="the bytes of an event are not UTF-8",
        source=events("message_start", {"raw": b"event: content_block_start\ndata: \xff\n\n"}),
        raises=("UnicodeDecodeError",),
    ),
)
