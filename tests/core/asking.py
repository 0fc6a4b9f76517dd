"""Requests for tests, and what a plan says, without the words around it."""

from __future__ import annotations

import json
from typing import Any

from streamlab.core.exchange import Request
from streamlab.core.plan import Plan
from streamlab.core.sse import Event

VERSION = ("anthropic-version", "2023-06-01")
MODEL = "claude-sonnet-4-6"

EVERYTHING = [
    {"thinking": "The user wants the weather in San Francisco."},
    {"text": "Let me look at it, then.", "citations": [{"type": "char_location", "cited_text": "x", "document_index": 0}]},
    {"tool_use": {"name": "get_weather", "input": {"city": "San Francisco", "days": [1, 2.5, None], "nested": {"a": "ü"}}}},
    {"tool_use": {"name": "no_arguments"}},
    {"type": "redacted_thinking", "data": "EqQB"},
]
"""A block of each common kind."""


def ask(text: str = "Hi", *, stream: bool = True, headers: tuple[tuple[str, str], ...] = (), **body: Any) -> Request:
    """Return a legal request for a message; keywords are further keys of its body."""
    asked = {"model": MODEL, "max_tokens": 64, "messages": [{"role": "user", "content": text}], "stream": stream, **body}
    return posted(asked, headers=headers)


def posted(body: object, *, path: str = "/v1/messages", headers: tuple[tuple[str, str], ...] = ()) -> Request:
    """Return a request with this as its JSON body."""
    return Request(path=path, headers=(VERSION, *headers), body=json.dumps(body).encode())


def events_of(plan: Plan) -> list[Event]:
    """Return the events of a plan."""
    return [frame.event for frame in plan.frames if frame.event is not None]


def types_of(plan: Plan) -> list[str]:
    """Return the types of the events of a plan."""
    return [event["type"] for event in events_of(plan)]


def body_of(plan: Plan) -> Any:
    """Return the JSON body of a plan."""
    return json.loads(plan.body)
