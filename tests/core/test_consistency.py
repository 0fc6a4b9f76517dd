"""What a stream says, against itself: single events and short runs of them."""

from __future__ import annotations

from typing import Any

import pytest

from streamlab.core.consistency import consistency
from streamlab.core.events import encode
from streamlab.core.sse import Event

USAGE = {"input_tokens": 5, "output_tokens": 1}
START: Event = {
    "type": "message_start",
    "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": USAGE},
}
TEXT = {"type": "text", "text": ""}
TOOL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
THINKING = {"type": "thinking", "thinking": "", "signature": ""}


def block(content: Any, *deltas: Any, index: Any = 0) -> list[Event]:
    """Return the events of one block."""
    start = {"type": "content_block_start", "index": index, "content_block": content}
    return [
        start,
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def end(reason: Any = "end_turn", **usage: Any) -> Event:
    """Return the message_delta."""
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 9, **usage}}


def rules(*events: Event) -> list[str]:
    """Return the rules that events break, in order."""
    return [each.rule for each in consistency([encode(event) for event in events])]


def text(value: Any = "Hi") -> dict[str, Any]:
    """Return a text delta."""
    return {"type": "text_delta", "text": value}


def fragment(value: Any) -> dict[str, Any]:
    """Return a delta of tool input."""
    return {"type": "input_json_delta", "partial_json": value}


SIGNATURE = {"type": "signature_delta", "signature": "abc"}
CITATION = {"type": "citations_delta", "citation": {"type": "char_location"}}


@pytest.mark.parametrize(
    "blocks",
    [
        [],
        block(TEXT, text()),
        block(TEXT, CITATION, text()),
        block(THINKING, {"type": "thinking_delta", "thinking": "hm"}, SIGNATURE),
        block({"type": "redacted_thinking", "data": "x"}),
        block({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}),
        block({"type": "compaction", "content": None}, {"type": "compaction_delta", "content": None}),
        block({"type": "server_tool_use", "id": "s", "name": "n", "input": {"url": "x"}}),
        [*block(TEXT, text()), *block(TEXT, text("b"), index=1)],
    ],
)
def test_sound_messages_have_no_finding(blocks: list[Event]) -> None:
    """Every common block passes."""
    assert rules(START, *blocks, end()) == []


@pytest.mark.parametrize(
    ("fragments", "reason", "found"),
    [
        (("", '{"a":', "1}"), "tool_use", []),
        (("",), "tool_use", []),
        (("", '{"a":'), "max_tokens", []),
        (("", '{"a":'), "tool_use", ["tool-input"]),
        (("", "[1]"), "tool_use", ["tool-input"]),
        (('{"a":1}',), "tool_use", ["first-fragment"]),
        (("", "{}"), "end_turn", ["stop-reason"]),
        ((3,), "tool_use", ["field"]),
    ],
)
def test_tool_input(fragments: tuple[Any, ...], reason: str, found: list[str]) -> None:
    """The fragments join to one object, to nothing, or are cut off by the limit; the stop reason says that a tool is called."""
    assert rules(START, *block(TOOL, *map(fragment, fragments)), end(reason)) == found


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([{"type": "message_start"}], ["field"]),
        ([{"type": "message_start", "message": {**START["message"], "type": "note"}}], ["field"]),
        ([{"type": "message_start", "message": {**START["message"], "role": "user"}}], ["field"]),
        ([{"type": "message_start", "message": {**START["message"], "stop_reason": "end_turn"}}], ["start-content"]),
        ([{"type": "message_start", "message": {**START["message"], "usage": {"output_tokens": True}}}], ["field", "field"]),
        (block({}), ["field"]),
        (block({"type": 3}), ["field"]),
        (block({"type": "smell"}), ["unknown-block"]),
        (block({"type": "text"}), ["field"]),
        (block({"type": "text", "text": "Hi"}), ["start-block"]),
        (block({"type": "x_tool_result"}), ["field"]),
        (block(TEXT, index=1), ["index"]),
        (block(TEXT, index=True), ["field", "field"]),
        (block(TEXT, {"type": None}), ["field"]),
        (block(TEXT, {"type": "smell_delta"}), ["unknown-delta"]),
        (block(TEXT, fragment("x")), ["delta-kind"]),
        (block(TEXT, text("")), ["empty-text"]),
        (block(TEXT, text(None)), ["field"]),
        (block(TEXT, text(), CITATION), ["citations"]),
        (block(THINKING, SIGNATURE, {"type": "thinking_delta", "thinking": "x"}), ["signature"]),
        (block(THINKING), ["signature"]),
        ([{"type": "content_block_delta", "index": 0, "delta": text()}], ["index"]),
        ([{"type": "content_block_stop", "index": 0}], ["index"]),
        ([*block(TEXT, text()), {"type": "content_block_delta", "index": 0, "delta": text()}], ["index"]),
        ([{"type": "error", "error": {"type": "api_error"}}], ["field"]),
        ([{"type": "message_news"}], []),
        ([end(None)], ["field"]),
        ([end("bored")], ["unknown-stop-reason"]),
        ([end("tool_use")], ["stop-reason"]),
        ([{"type": "message_delta", "delta": {}, "usage": {"input_tokens": 1}}], ["field", "field"]),
        ([START, end(output_tokens=0)], ["usage-shrinks"]),
        ([START, end(input_tokens=None)], []),
        ([START, end(input_tokens=400)], []),
        ([START, end(server_tool_use={"web_search_requests": 1})], []),
    ],
)
def test_each_slip_has_its_rule(events: list[Event], found: list[str]) -> None:
    """One slip, one rule; an event without its fields is not looked into further."""
    assert rules(*events) == found


def test_a_long_value_is_shortened() -> None:
    """A finding stays a line."""
    (found,) = consistency([encode(event) for event in block({"type": "text", "text": "x" * 500})])
    assert found.found.endswith("…")
    assert len(found.found) < 100
