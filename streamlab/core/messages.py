"""Messages: content to the events of a stream, and the events of a stream to the message.

Both directions follow `wire.md`, sections 3 and 6. An event, block, delta or field that is not known is kept as it is.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from streamlab.core.blocks import Block, stream_block
from streamlab.core.events import PING_EVENT, dump
from streamlab.core.identity import api_id
from streamlab.core.sse import Event

__all__ = [
    "DEFAULT_MODEL",
    "Shape",
    "estimate_tokens",
    "fold",
    "message_delta",
    "message_events",
    "message_start",
    "with_ids",
]

JsonObject = dict[str, Any]

DEFAULT_MODEL = "claude-sonnet-4-6"
"""The model of an answer to a request that names none."""

_PING_PLACES = ((None, 77), (2, 324), (3, 68), (4, 72))
"""Before which event (from 0) the first ping comes, and in how many of the measured streams (`wire.md`, section 3)."""
_IDS = {"tool_use": "toolu", "server_tool_use": "srvtoolu", "mcp_tool_use": "mcptoolu"}
_CHARACTERS_PER_TOKEN = 4
_ACCUMULATED = {"text_delta": "text", "thinking_delta": "thinking", "compaction_delta": "content"}
_REPLACED = {"signature_delta": "signature"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What can be said of a message beside its content. None leaves it to streamlab.

    `plain` switches padding and pings off, for output that people read.
    """

    stop_reason: str | None = None
    stop_sequence: str | None = None
    model: str | None = None
    id: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    plain: bool = False


def message_events(blocks: Sequence[Block], shape: Shape, *, model: str, input_tokens: int, rng: Random) -> list[Event]:
    """Return the events that stream these blocks, pings included."""
    blocks = with_ids(blocks, rng)
    events = [message_start(shape, model=model, input_tokens=input_tokens, rng=rng)]
    for index, block in enumerate(blocks):
        start, deltas = stream_block(block, model=model, rng=rng)
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        events.append({"type": "content_block_stop", "index": index})
    events.append(message_delta(shape, blocks, input_tokens=input_tokens))
    events.append({"type": "message_stop"})
    place = rng.choices([each for each, _ in _PING_PLACES], [count for _, count in _PING_PLACES])[0]
    if place is not None and blocks and not shape.plain:
        events.insert(place, PING_EVENT)
    return events


def message_start(shape: Shape, *, model: str, input_tokens: int, rng: Random) -> Event:
    """Return the first event of a message."""
    given = shape.usage
    usage = {
        "input_tokens": given.get("input_tokens", input_tokens),
        "cache_creation_input_tokens": given.get("cache_creation_input_tokens", 0),
        "cache_read_input_tokens": given.get("cache_read_input_tokens", 0),
        "cache_creation": given.get("cache_creation", {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}),
        "output_tokens": min(1, given.get("output_tokens", 1)),
        "service_tier": given.get("service_tier", "standard"),
        "inference_geo": given.get("inference_geo", "not_available"),
    }
    message: JsonObject = {
        "model": shape.model or model,
        "id": shape.id or api_id("msg", rng),
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": usage,
    }
    return {"type": "message_start", "message": message}


def message_delta(shape: Shape, blocks: Sequence[Block], *, input_tokens: int) -> Event:
    """Return the event that says why the message stopped, and what it cost: cumulative, so that it overwrites."""
    given = shape.usage
    reason = "tool_use" if any(block.type == "tool_use" for block in blocks) else "end_turn"
    if shape.stop_sequence is not None:
        reason = "stop_sequence"
    usage = {
        "input_tokens": input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": estimate_tokens([block.content for block in blocks]) if blocks else 1,
        **{key: value for key, value in given.items() if key not in ("cache_creation", "service_tier", "inference_geo")},
    }
    delta = {"stop_reason": shape.stop_reason or reason, "stop_sequence": shape.stop_sequence, "stop_details": None}
    return {"type": "message_delta", "delta": delta, "usage": usage}


def estimate_tokens(value: Any) -> int:
    """Return a rough count of tokens: a quarter of the characters of the compact JSON, at least 1."""
    return max(1, len(value if isinstance(value, str) else dump(value)) // _CHARACTERS_PER_TOKEN)


def with_ids(blocks: Iterable[Block], rng: Random) -> list[Block]:
    """Return the blocks, each tool call with an id."""
    named = []
    for block in blocks:
        content = block.content
        if block.type in _IDS and "id" not in content:
            content = {"type": block.type, "id": api_id(_IDS[block.type], rng), **content}
        named.append(Block(content=content, fragments=block.fragments, eager=block.eager))
    return named


def fold(events: Iterable[Event]) -> JsonObject | None:
    """Return the message that events add up to, as the non-streaming answer would have it; None without a start."""
    message: JsonObject | None = None
    inputs: dict[int, str] = {}
    for event in events:
        kind, index = event["type"], event.get("index")
        if kind == "message_start" and message is None:
            message = copy.deepcopy(event["message"])
        elif message is None:
            continue
        elif kind == "content_block_start":
            message["content"].append(copy.deepcopy(event["content_block"]))
        elif kind == "content_block_delta" and isinstance(index, int) and index < len(message["content"]):
            _add_delta(message["content"][index], event["delta"], index, inputs)
        elif kind == "message_delta":
            _close(message, event)
    for index, text in inputs.items():
        if text and message is not None:
            message["content"][index]["input"] = _parse_input(text)
    return message


def _add_delta(block: JsonObject, delta: JsonObject, index: int, inputs: dict[int, str]) -> None:
    kind = delta["type"]
    if kind == "input_json_delta":
        inputs[index] = inputs.get(index, "") + delta["partial_json"]
    elif kind == "citations_delta":
        block["citations"] = [*(block.get("citations") or []), copy.deepcopy(delta["citation"])]
    elif kind in _ACCUMULATED:
        block[_ACCUMULATED[kind]] = (block.get(_ACCUMULATED[kind]) or "") + (delta[_ACCUMULATED[kind]] or "")
    elif kind in _REPLACED:
        block[_REPLACED[kind]] = delta[_REPLACED[kind]]


def _close(message: JsonObject, event: Event) -> None:
    """Take over what a `message_delta` says: every key of its delta, and every count that it has."""
    message.update(copy.deepcopy(event.get("delta") or {}))
    counts = {key: value for key, value in (event.get("usage") or {}).items() if value is not None}
    message["usage"] = {**(message.get("usage") or {}), **copy.deepcopy(counts)}
    message.update({key: value for key, value in event.items() if key not in ("type", "delta", "usage")})


def _parse_input(text: str) -> Any:
    """Return the input that joined fragments say; of a cut-off one, what the SDK would keep."""
    try:
        return json.loads(text)
    except ValueError:
        from pydantic_core import from_json  # noqa: PLC0415 - the SDK's own parser of partial JSON, for the rare case

        try:
            return from_json(text, allow_partial=True)
        except ValueError:
            return {}
