"""The demonstration: a server and the official SDK streaming from it, event by event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic

from streamlab.core.messages import DEFAULT_MODEL
from streamlab.core.pacing import INSTANT, KEEP_ALIVE, Pace
from streamlab.net.lab import Lab

__all__ = ["sdk_version", "stream_events"]

_QUESTION = "Show me what streaming looks like."
_PATIENCE = KEEP_ALIVE + 5.0
"""Seconds that the client waits for the next event, beyond the pace."""


def stream_events(lab: Lab, show: Callable[[str, str], None], pace: Pace = INSTANT) -> str:
    """Stream an answer with the official SDK; `show` gets the name and the text of each event. Return how it came out."""
    longest = pace.first + (2 / pace.rate if pace.rate else 0.0)
    client = lab.client.with_options(max_retries=0, timeout=longest + _PATIENCE)
    try:
        with client.messages.create(
            model=DEFAULT_MODEL, max_tokens=1024, messages=[{"role": "user", "content": _QUESTION}], stream=True
        ) as stream:
            reason: str | None = None
            for event in stream:
                show(event.type, _text(event))
                if event.type == "message_delta":
                    reason = event.delta.stop_reason
    except Exception as error:  # noqa: BLE001 - what a client meets is what is shown
        return f"the SDK raised {type(error).__module__.split('.')[0]}.{type(error).__name__}: {error}"
    return f"the stream ended, stop_reason {reason}" if reason else "the stream ended early, and the SDK raised nothing"


def sdk_version() -> str:
    """Return the version of the SDK that the demonstration uses."""
    return anthropic.__version__


def _text(event: Any) -> str:
    """Return what an event brings for the eye: a piece of text, of thinking, of tool input, or a block's type."""
    if event.type == "content_block_start":
        return f"[{event.content_block.type}]"
    if event.type == "message_delta":
        return f"[{event.delta.stop_reason}, {event.usage.output_tokens} output tokens]"
    delta = getattr(event, "delta", None)
    for name in ("text", "thinking", "partial_json"):
        if isinstance(getattr(delta, name, None), str):
            return str(getattr(delta, name))
    return ""
