"""An assistant that streams from Claude, and does not let go when a stream breaks. It knows nothing of streamlab."""

from __future__ import annotations

from assistant.aio import ask_async, use_tools_async
from assistant.policy import GaveUp, Interrupted, Settings
from assistant.sync import ask, use_tools

__all__ = ["GaveUp", "Interrupted", "Settings", "ask", "ask_async", "use_tools", "use_tools_async"]
