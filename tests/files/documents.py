"""Scenario files for tests: good ones for every key of the language, and a strategy for those that are almost good."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

Json = Any

TOOL = {"tool_use": {"name": "get_weather", "input": {"location": "SF"}}}

GOOD: dict[str, Json] = {
    "plain": {"streamlab": 1, "about": "The simplest.", "reply": "Hello."},
    "everything at the top": {
        "seed": 7,
        "pace": "50/s",
        "validate": False,
        "api_key": "any",
        "then": "fail",
        "required": True,
        "replies": ["One.", {"text": "Two.", "times": 2}],
    },
    "rules": {
        "rules": [
            {"name": "a", "when": {"turn": 1}, "reply": "One.", "required": True},
            {"when": {"turn": "2..3"}, "replies": ["Two.", "Three."], "then": "fail"},
            {"reply": "Four."},
        ]
    },
    "when": {
        "rules": [
            {
                "when": {
                    "path": "/v1/*",
                    "method": {"equals": "POST"},
                    "headers": {"x-tenant": "acme", "x-n": 1, "x-r": {"regex": "^a"}},
                    "model": "claude-*",
                    "stream": True,
                    "system": "pirate",
                    "last_user": {"regex": "weather|rain"},
                    "any_message": "x",
                    "tools": ["get_*", {"equals": "sing"}],
                    "tool_result": "get_weather",
                    "turn": "2..",
                    "attempt": 1,
                    "call": "1..9",
                    "body": {"metadata": {"user_id": None}},
                },
                "reply": "Hello.",
            },
            {"when": {"tools": "get_*", "body": []}, "reply": "Hello."},
        ]
    },
    "text in deltas": {"reply": {"text": ["Hel", "lo"], "plain": True}},
    "shape": {
        "reply": {
            "text": "Hello.",
            "stop_reason": "max_tokens",
            "stop_sequence": "END",
            "model": "claude-x",
            "id": "msg_1",
            "stop_details": {"type": "refusal"},
            "container": {"id": "container_1"},
            "context_management": {"applied_edits": []},
            "gzip": True,
            "usage": {"input_tokens": 3, "output_tokens": 5, "service_tier": "batch"},
            "headers": {"x-a": "b", "retry-after": 1, "x-f": 1.5, "request-id": None},
        }
    },
    "content": {
        "reply": {
            "content": [
                "Hello.",
                {"text": ["Hel", "lo"], "citations": [{"type": "char_location", "cited_text": "x"}]},
                {"thinking": "Hm.", "signature": "EqQB"},
                {**TOOL, "eager": True, "fragments": ['{"location":', '"SF"}']},
                {"tool_use": {"name": "now", "id": "toolu_1", "caller": {"type": "direct"}}, "fragments": None},
                {"server_tool_use": {"name": "web_search", "input": {"query": "x"}}},
                {"mcp_tool_use": {"name": "look", "server_name": "docs"}},
                {"redacted_thinking": "EqQB"},
                {"compaction": "So far: nothing."},
                {"type": "redacted_thinking", "data": "EqQB"},
            ]
        }
    },
    "one block": {"reply": {"content": TOOL}},
    "no blocks": {"reply": {"content": []}},
    "events": {
        "reply": {
            "events": [
                "message_start",
                "ping",
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
                {"wait": "2s"},
                {"wait": 0.5},
                {"raw": "event: x\n\n"},
                {"stall": "2s"},
                {"cut": "fin"},
            ]
        }
    },
    "an error in events": {"reply": {"events": ["message_start", {"error": 529, "message": "Busy"}]}},
    "error": {"reply": {"error": "overloaded", "message": "Busy", "times": 3, "pace": {"first": "10ms"}}},
    "error by its type": {"reply": {"error": "rate_limit_error"}},
    "error by its status": {"replies": [{"error": 529}, {"error": "404"}]},
    "http": {"reply": {"http": {"status": 404, "headers": {"x-a": "b", "x-n": 1}, "body": "Not here"}}},
    "http with JSON": {"replies": [{"http": {"body": {"a": [1]}}}, {"http": {"body": [1]}}, {"http": {}}]},
    "paces": {
        "replies": [
            {"text": "a", "pace": each}
            for each in (
                *("instant", "recorded", "recorded x10", "recorded x 0.5", "50/s", "30 / m"),
                *({}, {"first": "400ms", "rate": "50/s", "jitter": "20%", "seed": 7}, {"first": 1, "rate": 20, "jitter": 0.5}),
            )
        ]
    },
    "faults": {
        "replies": [
            {"text": "One two three.", "faults": [each]}
            for each in (
                {"cut": "reset", "at": "byte 10"},
                {"cut": "fin", "after": "delta 1"},
                {"cut": "end", "before": "message_stop"},
                {"error": "overloaded", "after": "delta 1"},
                {"error": 529, "message": "Busy", "at": "end"},
                {"stall": "2s", "at": "headers"},
                {"stall": 0.5, "at": "text char 3"},
                {"stall": "forever", "after": "block 0 delta 1"},
            )
        ]
    },
    "no faults": {"reply": {"text": "a", "faults": [], "headers": {}}},
}
"""Documents that the loader takes, by what they show."""

_KEYS = (
    *(
        "reply",
        "replies",
        "rules",
        "when",
        "then",
        "required",
        "name",
        "streamlab",
        "about",
        "seed",
        "pace",
        "validate",
        "api_key",
    ),
    *(
        "text",
        "content",
        "events",
        "sse",
        "error",
        "http",
        "message",
        "times",
        "faults",
        "headers",
        "stop_reason",
        "usage",
        "id",
    ),
    *(
        "cut",
        "stall",
        "at",
        "before",
        "after",
        "wait",
        "raw",
        "type",
        "model",
        "turn",
        "body",
        "regex",
        "equals",
        "first",
        "rate",
    ),
    *("thinking", "tool_use", "input", "fragments", "eager", "citations", "signature", "status", "stream", "tools", "x"),
)
_WORDS = (
    *(
        "",
        "x",
        "fin",
        "end",
        "instant",
        "50/s",
        "20%",
        "2s",
        "forever",
        "overloaded",
        "529",
        "delta 1",
        "byte 3",
        "1..2",
        "2..1",
    ),
    *("message_start", "ping", "repeat", "fail", "claude-*", "*", "[", "(", "../x.sse", "é", "a\r\nb", "\0", "1e400"),
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 600)
    | st.sampled_from([10**30, 0.5, -0.5, 1e300])
    | st.sampled_from(_WORDS)
    | st.text(max_size=4)
)
VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
"""Small values with the words of the language in the wrong places."""


@st.composite
def almost_good(draw: st.DrawFn) -> Json:
    """Return a good document with one or two of its parts replaced, taken out or put elsewhere."""
    document = copy.deepcopy(GOOD[draw(st.sampled_from(sorted(GOOD)))])
    for _ in range(draw(st.integers(1, 2))):
        places = list(_places(document))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "replace":
            holder[key] = draw(VALUES)
        elif change == "remove":
            del holder[key]
        elif isinstance(holder, dict):
            holder[draw(st.sampled_from(_KEYS))] = draw(VALUES)
        else:
            holder.append(draw(VALUES))
    return document


def _places(document: Json) -> list[tuple[Json, Any]]:
    """Return every entry and item of a document: what holds it, and its key."""
    parts = list(document.items()) if isinstance(document, dict) else list(enumerate(document))
    found: list[tuple[Json, Any]] = []
    for key, value in parts:
        found.append((document, key))
        if isinstance(value, dict | list):
            found += _places(value)
    return found
