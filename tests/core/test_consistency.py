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
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": USAGE,
    },
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
    delta = {"stop_reason": reason, "stop_sequence": "x" if reason == "stop_sequence" else None}
    return {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 9, **usage}}


def start(**changes: Any) -> Event:
    """Return a message_start with changes; a field that is `...` is left out."""
    message = {key: value for key, value in {**START["message"], **changes}.items() if value is not ...}
    return {"type": "message_start", "message": message}


def search(**changes: Any) -> list[Event]:
    """Return a call of a server tool and its result, with changes to the result."""
    result = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [], **changes}
    result = {key: value for key, value in result.items() if value is not ...}
    return [*block(CALL, fragment("")), *block(result, index=1)]


def calls(*contents: Any) -> list[Event]:
    """Return the blocks of calls without arguments, one after the other."""
    return [event for index, content in enumerate(contents) for event in block(content, fragment(""), index=index)]


def rules(*events: Event) -> list[str]:
    """Return the rules that events break, in order."""
    return [each.rule for each in consistency([encode(event) for event in events])]


def text(value: Any = "Hi") -> dict[str, Any]:
    """Return a text delta."""
    return {"type": "text_delta", "text": value}


def fragment(value: Any) -> dict[str, Any]:
    """Return a delta of tool input."""
    return {"type": "input_json_delta", "partial_json": value}


CALL = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "n", "input": {}}
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
        search(),
        search(content={"type": "web_search_tool_result_error", "error_code": "unavailable"}),
        block({"type": "compaction", "content": None}, {"type": "compaction_delta", "content": None}),
        block({**CALL, "input": {"url": "x"}}),
        block({**TOOL, "type": "mcp_tool_use", "id": "mcptoolu_1", "server_name": "s"}, fragment("")),
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
        ([start(type="note")], ["field"]),
        ([start(role="user")], ["field"]),
        ([start(stop_reason="end_turn")], ["start-content"]),
        ([start(stop_sequence="x")], ["start-content"]),
        ([start(content=[TEXT])], ["start-content"]),
        ([start(stop_reason=...)], ["field"]),
        ([start(stop_sequence=...)], ["field"]),
        ([start(id="")], ["field"]),
        ([start(id="chatcmpl-1")], ["id-shape"]),
        ([start(id=3)], ["field"]),
        ([start(model="")], ["field"]),
        ([start(news=1)], ["unknown-field"]),
        ([start(usage={"output_tokens": True})], ["field", "field"]),
        ([start(usage={"output_tokens": 1})], ["field"]),
        ([start(usage={**USAGE, "cache_creation": 3})], ["field"]),
        ([start(usage={**USAGE, "cache_creation": {"ephemeral_5m_input_tokens": -1}})], ["field"]),
        ([start(usage={**USAGE, "input_tokens": -1})], ["field"]),
        ([start(usage={**USAGE, "news": 1})], ["unknown-field"]),
        ([{**START, "news": 1}], ["unknown-field"]),
        ([{"type": "message_stop", "news": 1}], ["unknown-field"]),
        (block({}), ["field"]),
        (block({"type": 3}), ["field"]),
        (block({"type": "smell"}), ["unknown-block"]),
        (block({"type": "text"}), ["field"]),
        (block({"type": "text", "text": "Hi"}), ["start-block"]),
        (block({"type": "Text"}), ["misspelt"]),
        (block({"type": "text", "text": "", "news": 1}), ["unknown-field"]),
        (block({"type": "text", "text": "", "citations": 3}), ["field", "start-block"]),
        (block({"type": "text", "text": "", "citations": [{}]}), ["start-block"]),
        (block({"type": "x_tool_result", "content": []}), ["field"]),
        (search(tool_use_id=""), ["result-id"]),
        (search(tool_use_id="srvtoolu_2"), ["result-id"]),
        (search(content=...), ["field"]),
        (search(content=None), ["field"]),
        (search(content={}), ["field"]),
        (search(news=1), ["unknown-field"]),
        (calls(CALL, CALL), ["call-id"]),
        (calls({**CALL, "id": ""}), ["field"]),
        (calls({**CALL, "id": "call_1"}), ["id-shape"]),
        (calls({**CALL, "name": ""}), ["field"]),
        (calls({**CALL, "caller": "me"}), ["field"]),
        (block(CALL), ["first-fragment"]),
        (block({**CALL, "input": {"a": 1}}, fragment(""), fragment("{}")), ["start-block"]),
        (block(TEXT, index=1), ["index"]),
        (block(TEXT, index=True), ["field", "field"]),
        (block(TEXT, {"type": None}), ["field"]),
        (block(TEXT, {"type": "smell_delta"}), ["unknown-delta"]),
        (block(TEXT, {"type": "TEXT_DELTA", "text": "x"}), ["misspelt"]),
        (block(TEXT, {**text(), "news": 1}), ["unknown-field"]),
        (block(TEXT, {"type": "citations_delta", "citation": {}}, text()), ["field"]),
        (block(THINKING, {"type": "signature_delta", "signature": ""}), ["signature"]),
        (block(TEXT, fragment("x")), ["delta-kind"]),
        (block(TEXT, text("")), ["empty-text"]),
        (block(TEXT, text(None)), ["field"]),
        (block(TEXT, text(), CITATION), ["citations"]),
        (block(THINKING, SIGNATURE, {"type": "thinking_delta", "thinking": "x"}), ["signature"]),
        (block(THINKING), ["signature"]),
        ([{"type": "content_block_delta", "index": 0, "delta": text()}], ["index"]),
        ([{"type": "content_block_stop", "index": 0}], ["index"]),
        ([*block(TEXT, text()), {"type": "content_block_delta", "index": 0, "delta": text()}], ["index"]),
        ([{"type": "error", "error": {"details": None, "type": "api_error"}}], ["field"]),
        ([{"type": "error", "error": {"type": "api_error", "message": "x"}}], ["error-shape"]),
        ([{"type": "error", "error": {"details": None, "type": "smell", "message": "x"}}], ["error-shape"]),
        ([{"type": "error", "request_id": 3, "error": {"details": None, "type": "api_error", "message": "x"}}], ["field"]),
        ([{"type": "message_news"}], []),
        ([end(None)], ["field"]),
        ([end("bored")], ["unknown-stop-reason"]),
        ([end("END_TURN")], ["misspelt"]),
        ([end("stop_sequence")], []),
        ([{**end(), "delta": {"stop_reason": "end_turn"}}], ["field"]),
        ([{**end(), "delta": {"stop_reason": "end_turn", "stop_sequence": 3}}], ["field"]),
        ([{**end(), "delta": {"stop_reason": "end_turn", "stop_sequence": "x"}}], ["stop-sequence"]),
        ([{**end(), "delta": {"stop_reason": "stop_sequence", "stop_sequence": None}}], ["stop-sequence"]),
        ([{**end(), "delta": {"stop_reason": "end_turn", "stop_sequence": None, "news": 1}}], ["unknown-field"]),
        ([{**end(), "delta": {"stop_reason": "end_turn", "stop_sequence": None, "container": 1}}], ["field"]),
        ([*calls(TOOL), *block(TEXT, text(), index=1), end("tool_use")], ["stop-reason"]),
        ([end(server_tool_use={"web_search_requests": -1})], ["field"]),
        ([end(iterations=[{"input_tokens": True}])], ["field"]),
        ([end(output_tokens=-1)], ["field"]),
        ([end("tool_use")], ["stop-reason"]),
        ([{"type": "message_delta", "delta": {}, "usage": {"input_tokens": 1}}], ["field", "field", "field"]),
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
