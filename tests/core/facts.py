"""The measured facts of the API's streams, as a checker: the findings of `check`, and what only numbers can say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from streamlab.core.checking import check
from streamlab.core.sse import Event, Frame

MOST_TEXT = 197
MOST_JSON, MOST_EAGER_JSON = 13, 52
PINGS = range(1, 127)
"""Where the first ping of a measured stream stands, from 0; 1 on Vertex alone."""
ENOUGH = 20
"""Events after which a stream without any padding is none of the API's: the chance is 16 to the power of -20."""

MESSAGES = {
    ("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"),
    ("model", "id", "type", "role", "content", "stop_reason", "stop_sequence", "usage"),
    ("model", "id", "type", "role", "content", "stop_reason", "stop_sequence", "stop_details", "usage"),
}
USAGES = {
    ("input_tokens", "output_tokens"),
    *(
        ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", *cache, "output_tokens", *tier)
        for cache in ((), ("cache_creation",))
        for tier in ((), ("service_tier",), ("service_tier", "inference_geo"))
    ),
}
EVENTS = {
    "message_start": {("type", "message")},
    "content_block_start": {("type", "index", "content_block")},
    "content_block_delta": {("type", "index", "delta")},
    "content_block_stop": {("type", "index")},
    "message_delta": {("type", "delta", "usage"), ("type", "delta", "usage", "context_management")},
    "message_stop": {("type",)},
    "ping": {("type",)},
}
BLOCKS = {
    "text": {("type", "text"), ("citations", "type", "text")},
    "thinking": {("type", "thinking", "signature")},
    "redacted_thinking": {("type", "data")},
    "tool_use": {("type", "id", "name", "input"), ("type", "id", "name", "input", "caller")},
    "server_tool_use": {("type", "id", "name", "input"), ("type", "id", "name", "input", "caller")},
    "mcp_tool_use": {("type", "id", "name", "input", "server_name")},
    "mcp_tool_result": {("type", "tool_use_id", "is_error", "content")},
    "compaction": {("type", "content")},
}
RESULT = ("type", "tool_use_id", "content")
IDS = {
    "message": r"msg_(01|vrtx_01)[0-9A-Za-z]{22}",
    "tool_use": r"toolu_(01|vrtx_01)[0-9A-Za-z]{22}",
    "server_tool_use": r"srvtoolu_01[0-9A-Za-z]{22}",
    "mcp_tool_use": r"mcptoolu_01[0-9A-Za-z]{22}",
}


def facts(frames: Sequence[Frame], *, eager: bool = False) -> Iterator[str]:
    """Yield every way in which a stream is unlike what was measured."""
    yield from (str(each) for each in check(frames) if each.rule != "ping-place")
    events = [frame.event for frame in frames if frame.event is not None]
    for event in events:
        yield from _orders(event)
        yield from _ids(event)
        yield from _sizes(event, MOST_EAGER_JSON if eager else MOST_JSON)
    pings = [index for index, event in enumerate(events) if event["type"] == "ping"]
    if pings and pings[0] not in PINGS:
        yield f"the first ping is event {pings[0]}"
    padded = [frame for frame in frames if frame.type != "ping"]
    if len(padded) > ENOUGH and not any(b" }\n\n" in frame.raw for frame in padded):
        yield "no event is padded"


def _orders(event: Event) -> Iterator[str]:
    kind = event["type"]
    if tuple(event) not in EVENTS[kind]:
        yield f"the keys of {kind} are {tuple(event)}"
    if kind == "message_start":
        if tuple(event["message"]) not in MESSAGES:
            yield f"the keys of message are {tuple(event['message'])}"
        if tuple(event["message"]["usage"]) not in USAGES:
            yield f"the keys of usage are {tuple(event['message']['usage'])}"
    if kind == "content_block_start":
        block = event["content_block"]
        if tuple(block) not in BLOCKS.get(block["type"], {RESULT}):
            yield f"the keys of {block['type']} are {tuple(block)}"


def _ids(event: Event) -> Iterator[str]:
    holder = event.get("message") or event.get("content_block") or {}
    shape = IDS.get(holder.get("type"))
    if shape and not re.fullmatch(shape, holder["id"]):
        yield f"the id of {holder['type']} is {holder['id']}"


def _sizes(event: Event, most_json: int) -> Iterator[str]:
    delta = event.get("delta") or {}
    if len(delta.get("text", "x")) > MOST_TEXT:
        yield f"a text delta has {len(delta['text'])} characters"
    if len(delta.get("partial_json", "")) > most_json:
        yield f"a fragment of input has {len(delta['partial_json'])} characters"
