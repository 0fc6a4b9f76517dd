# ruff: noqa: D103 - the names say it
"""Tests with streams that are written event by event."""

from __future__ import annotations

import app
import pytest

from streamlab import Lab, events, sse


def test_skips_an_event_it_does_not_know(streamlab: Lab) -> None:
    streamlab.reply(
        events(
            "message_start",
            {"type": "weather_report", "sky": "blue"},
            "content_block_start",
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
            "content_block_stop",
            "message_delta",
            "message_stop",
        )
    )
    assert app.greet() == "Hi"


def test_a_broken_line(streamlab: Lab) -> None:
    streamlab.reply(events("message_start", {"raw": 'event: content_block_start\ndata: {"type":\n\n'}, {"cut": "end"}))
    with pytest.raises(ValueError, match="Expecting value"):
        app.greet()


def test_replays_a_recorded_stream(streamlab: Lab, request: pytest.FixtureRequest) -> None:
    streamlab.reply(sse(request.path.parent / "recorded.sse"))
    assert app.greet() == "Hello from a file."
