"""How a stream is laid out in bytes: single frames."""

from __future__ import annotations

import pytest

from streamlab.core.events import PING, encode
from streamlab.core.framing import framing
from streamlab.core.sse import Frame

STOP = {"type": "message_stop"}


@pytest.mark.parametrize(
    "frame", [*(encode(STOP, padding=width) for width in (0, 1, 15)), PING, encode({"type": "x", "text": "é ✓"})]
)
def test_what_the_api_sends_has_no_finding(frame: Frame) -> None:
    """Padding of 0 to 15, the ping to the letter, unescaped text."""
    assert list(framing([frame])) == []


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b": a comment\n\n", "framing"),
        (b"\n", "framing"),
        (b"event: message_stop\ndata: {", "cut-off"),
        (b'event: message_stop\r\ndata: {"type":"message_stop"}\r\n\r\n', "framing"),
        (b'event:message_stop\ndata:{"type":"message_stop"}\n\n', "framing"),
        (b'id: 1\nevent: message_stop\ndata: {"type":"message_stop"}\n\n', "framing"),
        (b'event: message_stop\ndata: {"type":\ndata: "message_stop"}\n\n', "framing"),
        (b"event: message_stop\ndata: [DONE]\n\n", "no-event"),
        (b'data: {"type":"message_stop"}\n\n', "name"),
        (b'event: ping\ndata: {"type":"ping"}\n\n', "ping-text"),
        (encode(STOP, padding=16).raw, "padding"),
        (b'event: message_stop\ndata: {"type": "message_stop"}\n\n', "compact"),
        (b'event: x\ndata: {"type":"x","text":"\\u00e9"}\n\n', "compact"),
    ],
)
def test_each_other_layout_has_its_rule(raw: bytes, found: str) -> None:
    """One slip of the layout, one rule first."""
    assert next(iter(framing([Frame(raw)]))).rule == found


def test_a_frame_that_comes_twice_is_told() -> None:
    """Two frames in a row that are the same to the byte; two pings may be."""
    assert [each.rule for each in framing([encode(STOP), encode(STOP), PING, PING])] == ["repeated"]
