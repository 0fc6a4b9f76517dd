"""Messages: content to the events of a stream, and the events of a stream to the message.

Both directions follow `wire.md`, sections 3 and 6. An event, block, delta or field that is not known is kept as it is.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from streamlab.core.blocks import CALLS, Block
from streamlab.core.events import PING_EVENT, dump
from streamlab.core.fragments import stream_block
from streamlab.core.identity import api_id
from streamlab.core.sse import Event

__all__ = ["DEFAULT_MODEL", "Shape", "complete", "compose", "estimate_tokens", "fold", "stream", "with_ping"]

JsonObject = dict[str, Any]

DEFAULT_MODEL = "claude-sonnet-4-6"
"""The model of an answer to a request that names none."""

_PING_PLACES = ((None, 77), (2, 324), (3, 68), (4, 72))
"""Before which event (from 0) the first ping comes, and in how many of the measured streams (`wire.md`, section 3)."""
_WITHOUT_BLOCKS = 3
"""The events of a message that has no block, which never has a ping."""
_SAID_AT_THE_END = ("stop_reason", "stop_sequence", "stop_details")
_NOT_IN_START = ("container", "context_management", "usage")
_SAID_AT_THE_START = ("cache_creation", "service_tier", "inference_geo")
"""The parts of the usage that only `message_start` has (`wire.md`, section 6)."""
_KNOWN_FIRST = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", *_SAID_AT_THE_START)
"""The parts of the usage that `message_start` has; all others come with `message_delta`."""
_CHARACTERS_PER_TOKEN = 4
_ACCUMULATED = {"text_delta": "text", "thinking_delta": "thinking"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What can be said of a message beside its content. None leaves it to streamlab.

    `plain` switches padding and pings off, for output that people read.
    """

    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Mapping[str, Any] | None = None
    model: str | None = None
    id: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    container: Mapping[str, Any] | None = None
    context_management: Mapping[str, Any] | None = None
    plain: bool = False


def compose(
    blocks: Sequence[Block], shape: Shape, *, model: str, input_tokens: int, rng: Random
) -> tuple[JsonObject, tuple[Block, ...]]:
    """Return the finished message of these blocks, as the non-streaming answer has it, and the blocks as they stand in it."""
    completed = complete(blocks, rng)
    message: JsonObject = {
        "model": shape.model or model,
        "id": shape.id or api_id("msg", rng),
        "type": "message",
        "role": "assistant",
        "content": [block.content for block in completed],
        "stop_reason": shape.stop_reason or _stop_reason(completed, shape),
        "stop_sequence": shape.stop_sequence,
        "stop_details": None if shape.stop_details is None else dict(shape.stop_details),
        "usage": _usage(blocks, shape.usage, input_tokens),
    }
    if shape.container is not None:
        message["container"] = {"id": api_id("container", rng), **shape.container}
    if shape.context_management is not None:
        message["context_management"] = dict(shape.context_management)
    return message, completed


def stream(message: JsonObject, blocks: Sequence[Block] | None = None) -> list[Event]:
    """Return the events that stream a finished message, without pings; `fold` of them is the message again.

    `blocks` are its content with the cuts that were written, if any were.
    """
    blocks = [Block(content=each) for each in message["content"]] if blocks is None else blocks
    usage = message.get("usage") or {}
    empty = {key: None for key in _SAID_AT_THE_END if key in message}
    head = {key: value for key, value in message.items() if key not in _NOT_IN_START}
    events: list[Event] = [
        {"type": "message_start", "message": {**head, "content": [], **empty, "usage": _first_counts(usage)}},
    ]
    for index, block in enumerate(blocks):
        start, deltas = stream_block(block, model=message.get("model"))
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        events.append({"type": "content_block_stop", "index": index})
    delta = {key: message[key] for key in (*_SAID_AT_THE_END, "container") if key in message}
    counts = {key: value for key, value in usage.items() if key not in _SAID_AT_THE_START}
    managed = {key: message[key] for key in ("context_management",) if key in message}
    return [*events, {"type": "message_delta", "delta": delta, "usage": counts, **managed}, {"type": "message_stop"}]


def with_ping(events: list[Event], rng: Random) -> list[Event]:
    """Return the events of a message with a ping where the API puts its first; some streams have none."""
    place = rng.choices([each for each, _ in _PING_PLACES], [count for _, count in _PING_PLACES])[0]
    if place is None or len(events) <= _WITHOUT_BLOCKS:
        return events
    place = min(place, len(events) - 2)  # a ping never follows the message_delta
    return [*events[:place], PING_EVENT, *events[place:]]


def estimate_tokens(value: Any) -> int:
    """Return a rough count of tokens: a quarter of the characters of the compact JSON, at least 1."""
    return max(1, len(value if isinstance(value, str) else dump(value)) // _CHARACTERS_PER_TOKEN)


def complete(blocks: Iterable[Block], rng: Random) -> tuple[Block, ...]:
    """Return the blocks with what the API adds: ids of calls, the call that a result answers, signatures of thinking."""
    completed: list[Block] = []
    call = None
    for block in blocks:
        content = block.content
        if block.type in CALLS:
            content = {"type": block.type, "id": api_id(CALLS[block.type], rng), **content}
            call = content["id"] if block.type != "tool_use" else call
        elif block.type.endswith("_tool_result") and "tool_use_id" not in content and call is not None:
            content = {"type": block.type, "tool_use_id": call, **content}
        elif block.type == "thinking" and "signature" not in content:
            content = {**content, "signature": _signature(rng)}
        completed.append(replace(block, content=content))
    return tuple(completed)


def _stop_reason(blocks: Sequence[Block], shape: Shape) -> str:
    if shape.stop_sequence is not None:
        return "stop_sequence"
    return "tool_use" if any(block.type == "tool_use" for block in blocks) else "end_turn"


def _usage(blocks: Sequence[Block], given: Mapping[str, Any], input_tokens: int) -> JsonObject:
    usage = {
        "input_tokens": input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": estimate_tokens([block.content for block in blocks]) if blocks else 1,
        "service_tier": "standard",
        "inference_geo": "not_available",
    }
    return {**usage, **given}


def _first_counts(usage: Mapping[str, Any]) -> JsonObject:
    """Return the counts of a `message_start`: what is known then, and a first token of output."""
    known = {key: usage[key] for key in usage if key in _KNOWN_FIRST}
    if "output_tokens" in known:
        known["output_tokens"] = 0 if known["output_tokens"] == 0 else 1
    return known


def _signature(rng: Random) -> str:
    """Return something with the shape of the signature of a thinking block."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return "E" + "".join(rng.choices(letters, k=4 * rng.randint(62, 190) - 2)) + "="


def fold(events: Iterable[Event]) -> JsonObject | None:
    """Return the message that events add up to, as the non-streaming answer would have it; None without a start.

    What is not known, or not as it should be, adds nothing; it is never an error.
    """
    message: JsonObject | None = None
    content: list[Any] = []
    inputs: dict[int, str] = {}
    for event in events:
        kind = event["type"]
        if message is None:
            if kind == "message_start" and isinstance(event.get("message"), dict):
                message = copy.deepcopy(event["message"])
                content = message["content"] = _listed(message.get("content"))
        elif kind == "content_block_start" and isinstance(event.get("content_block"), dict):
            content.append(copy.deepcopy(event["content_block"]))
            message.update(_fallback(event["content_block"]))
        elif kind == "content_block_delta" and isinstance(event.get("delta"), dict):
            index = event.get("index")
            if type(index) is int and 0 <= index < len(content) and isinstance(content[index], dict):
                _add_delta(content[index], event["delta"], index, inputs)
        elif kind == "message_delta":
            _close(message, event)
    for index, text in inputs.items():
        if text:
            content[index]["input"] = _parse_input(text)
    return message


def _add_delta(block: JsonObject, delta: JsonObject, index: int, inputs: dict[int, str]) -> None:
    """Add a delta to its block, if the block has the field that it adds to."""
    kind = delta.get("type")
    if kind == "input_json_delta" and "input" in block and isinstance(delta.get("partial_json"), str):
        inputs[index] = inputs.get(index, "") + delta["partial_json"]
    elif kind == "citations_delta" and "text" in block and "citation" in delta:
        block["citations"] = [*_listed(block.get("citations")), copy.deepcopy(delta["citation"])]
    elif isinstance(kind, str) and kind in _ACCUMULATED:
        name = _ACCUMULATED[kind]
        if isinstance(delta.get(name), str) and isinstance(block.get(name), str):
            block[name] += delta[name]
    elif kind == "compaction_delta" and block.get("type") == "compaction":
        block.update({key: copy.deepcopy(value) for key, value in delta.items() if key != "type"})
    elif kind == "signature_delta" and "thinking" in block and "signature" in delta:
        block["signature"] = delta["signature"]


def _close(message: JsonObject, event: Event) -> None:
    """Take over what a `message_delta` says: every key of its delta, and every count that it has."""
    delta, usage = event.get("delta"), event.get("usage")
    if isinstance(delta, dict):
        said = {key: value for key, value in delta.items() if value is not None or key != "container"}
        message.update(copy.deepcopy(said))
    if isinstance(usage, dict):
        before = message.get("usage")
        counts = {key: value for key, value in usage.items() if value is not None}
        message["usage"] = {**(before if isinstance(before, dict) else {}), **copy.deepcopy(counts)}
    message.update({key: copy.deepcopy(value) for key, value in event.items() if key not in ("type", "delta", "usage")})


def _fallback(block: JsonObject) -> JsonObject:
    """Return what a `fallback` block changes about the message: the model that it hands over to."""
    to = block.get("to") if block.get("type") == "fallback" else None
    return {"model": to["model"]} if isinstance(to, dict) and "model" in to else {}


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _parse_input(text: str) -> Any:
    """Return the input that joined fragments say; of a cut-off one, what the SDK would keep."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        from pydantic_core import from_json  # noqa: PLC0415 - the SDK's own parser of partial JSON, for the rare case

        try:
            return from_json(text, allow_partial=True)
        except ValueError:
            return {}
