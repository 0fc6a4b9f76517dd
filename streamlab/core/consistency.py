"""What a stream says, checked against itself: indices, fields, deltas, tool input, counts, stop reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from streamlab.core.grammar import Finding, events_of, finding
from streamlab.core.sse import Event, Frame

__all__ = ["consistency"]

_Said = tuple[str, str, str]
"""A rule, what was found, and what was expected."""

_FIELDS: dict[str, dict[str, type]] = {
    "message_start": {"message": dict},
    "content_block_start": {"index": int, "content_block": dict},
    "content_block_delta": {"index": int, "delta": dict},
    "content_block_stop": {"index": int},
    "message_delta": {"delta": dict, "usage": dict},
    "error": {"error": dict},
}
_MESSAGE = {"id": str, "type": str, "role": str, "model": str, "content": list, "usage": dict}
_BLOCKS: dict[str, dict[str, type]] = {
    "text": {"text": str},
    "thinking": {"thinking": str, "signature": str},
    "redacted_thinking": {"data": str},
    "tool_use": {"id": str, "name": str, "input": dict},
    "server_tool_use": {"id": str, "name": str, "input": dict},
    "mcp_tool_use": {"id": str, "name": str, "input": dict, "server_name": str},
    "mcp_tool_result": {"tool_use_id": str, "is_error": bool, "content": list},
    "compaction": {},
    "container_upload": {"file_id": str},
    "fallback": {},
}
_RESULTS = "_tool_result"
_DELTAS: dict[str, tuple[str, type, tuple[str, ...]]] = {
    "text_delta": ("text", str, ("text",)),
    "citations_delta": ("citation", dict, ("text",)),
    "input_json_delta": ("partial_json", str, ("tool_use", "server_tool_use", "mcp_tool_use")),
    "thinking_delta": ("thinking", str, ("thinking",)),
    "signature_delta": ("signature", str, ("thinking",)),
    "compaction_delta": ("content", str, ("compaction",)),
}
"""The field of each type of delta, the type of its value, and the blocks that it belongs to."""
_FILLED_BY_DELTAS = {"text": ("text",), "thinking": ("thinking", "signature")}
_MAY_BE_NULL = ("compaction_delta",)
_STOP_REASONS = (
    *("end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal"),
    *("model_context_window_exceeded", "compaction"),
)
_ENDS_OF_TURN = ("end_turn", "stop_sequence")


@dataclass(slots=True)
class _Block:
    """A block as its events have told of it so far."""

    index: int
    kind: str
    start: Mapping[str, Any]
    deltas: list[str] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)
    is_open: bool = True


@dataclass(slots=True)
class _Told:
    """What the events have told so far."""

    blocks: list[_Block] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)

    def open_block(self, index: object) -> _Block | None:
        """Return the block of this index, if it is the open one."""
        last = self.blocks[-1] if self.blocks else None
        return last if last is not None and last.is_open and last.index == index else None


def consistency(frames: Iterable[Frame]) -> Iterator[Finding]:
    """Check every event against its own fields and against what came before it."""
    told = _Told()
    for number, count, event in events_of(frames):
        missing = list(_missing(event, _FIELDS.get(event["type"], {}), event["type"]))
        said = missing or _CHECKS.get(event["type"], _nothing)(event, told)
        for rule, found, expected in said:
            yield finding(rule, number, count, found=found, expected=expected)


def _nothing(event: Event, told: _Told) -> Iterator[_Said]:
    del event, told
    yield from ()


def _missing(value: Mapping[str, Any], fields: Mapping[str, type], path: str) -> Iterator[_Said]:
    for name, kind in fields.items():
        if name not in value:
            yield "field", f"no {path}.{name}", _name(kind)
        elif not isinstance(value[name], kind) or (kind is int and isinstance(value[name], bool)):
            yield "field", f"{path}.{name} is {_shorten(value[name])}", _name(kind)


def _message_start(event: Event, told: _Told) -> Iterator[_Said]:
    message = event["message"]
    yield from _missing(message, _MESSAGE, "message")
    if message.get("type", "message") != "message":
        yield "field", f"message.type is {_shorten(message['type'])}", "'message'"
    if message.get("role", "assistant") != "assistant":
        yield "field", f"message.role is {_shorten(message['role'])}", "'assistant'"
    if message.get("content") or message.get("stop_reason") is not None:
        yield "start-content", "content or a stop reason", "content [] and stop_reason null"
    yield from _counts(message.get("usage"), told)


def _block_start(event: Event, told: _Told) -> Iterator[_Said]:
    block, index = event["content_block"], event["index"]
    kind = block.get("type")
    if index != len(told.blocks):
        yield "index", f"a block of index {index}", f"index {len(told.blocks)}"
    if not isinstance(kind, str):
        yield "field", f"content_block.type is {_shorten(kind)}", "a text"
    elif kind not in _BLOCKS and not kind.endswith(_RESULTS):
        yield "unknown-block", f"a block of type {kind!r}", "one that is known"
    else:
        yield from _missing(block, _BLOCKS.get(kind, {"tool_use_id": str}), "content_block")
        filled = next((name for name in _FILLED_BY_DELTAS.get(kind, ()) if block.get(name)), None)
        if filled is not None:
            yield "start-block", f"content_block.{filled} is {_shorten(block[filled])}", "an empty text"
    told.blocks.append(_Block(index, str(kind), block))


def _block_delta(event: Event, told: _Told) -> Iterator[_Said]:
    delta, block = event["delta"], told.open_block(event["index"])
    if block is None:
        yield "index", f"a delta for block {event['index']}", _open(told)
        return
    kind = delta.get("type")
    if not isinstance(kind, str):
        yield "field", f"delta.type is {_shorten(kind)}", "a text"
    elif kind not in _DELTAS:
        yield "unknown-delta", f"a delta of type {kind!r}", "one that is known"
    else:
        name, value, blocks = _DELTAS[kind]
        is_null = kind in _MAY_BE_NULL and name in delta and delta[name] is None
        wrong = [] if is_null else list(_missing(delta, {name: value}, "delta"))
        yield from wrong
        if block.kind in _BLOCKS and block.kind not in blocks:
            yield "delta-kind", f"a {kind} in a {block.kind} block", f"a delta of a {block.kind} block"
        elif not wrong:
            yield from _delta_place(kind, delta, block)
    block.deltas.append(str(kind))


def _delta_place(kind: str, delta: Mapping[str, Any], block: _Block) -> Iterator[_Said]:
    """Check a delta against those before it in its block."""
    if kind == "input_json_delta":
        if not block.fragments and delta["partial_json"] and not block.start.get("input"):
            yield "first-fragment", f"the fragment {_shorten(delta['partial_json'])} first", "an empty one"
        block.fragments.append(delta["partial_json"])
    elif kind == "text_delta" and not delta["text"]:
        yield "empty-text", "an empty text delta", "a character at least"
    elif kind == "citations_delta" and "text_delta" in block.deltas:
        yield "citations", "a citation after text", "citations first"
    elif "signature_delta" in block.deltas:
        yield "signature", f"a {kind} after the signature", "the block's stop"


def _block_stop(event: Event, told: _Told) -> Iterator[_Said]:
    block = told.open_block(event["index"])
    if block is None:
        yield "index", f"the stop of block {event['index']}", _open(told)
        return
    block.is_open = False
    if block.kind == "thinking" and "signature_delta" not in block.deltas:
        yield "signature", "a thinking block without a signature", "a signature_delta"


def _message_delta(event: Event, told: _Told) -> Iterator[_Said]:
    reason = event["delta"].get("stop_reason")
    if not isinstance(reason, str):
        yield "field", f"delta.stop_reason is {_shorten(reason)}", "a text"
    elif reason not in _STOP_REASONS:
        yield "unknown-stop-reason", f"the stop reason {reason!r}", f"one of {', '.join(_STOP_REASONS)}"
    yield from _stop_against_tools(reason, told)
    for block in told.blocks:
        if reason != "max_tokens" and not _is_object(block.fragments):
            joined = "".join(block.fragments)
            yield "tool-input", f"the input of block {block.index} is {_shorten(joined)}", "one JSON object"
    yield from _counts(event["usage"], told)


def _stop_against_tools(reason: object, told: _Told) -> Iterator[_Said]:
    has_call = any(block.kind == "tool_use" for block in told.blocks)
    if reason == "tool_use" and not has_call:
        yield "stop-reason", "stop_reason tool_use without a call", "a tool_use block"
    elif reason in _ENDS_OF_TURN and told.blocks and told.blocks[-1].kind == "tool_use":
        yield "stop-reason", f"stop_reason {reason} after a tool call", "tool_use"


def _error(event: Event, told: _Told) -> Iterator[_Said]:
    del told
    yield from _missing(event["error"], {"type": str, "message": str}, "error")


_CHECKS: dict[str, Callable[[Event, _Told], Iterator[_Said]]] = {
    "message_start": _message_start,
    "content_block_start": _block_start,
    "content_block_delta": _block_delta,
    "content_block_stop": _block_stop,
    "message_delta": _message_delta,
    "error": _error,
}


def _counts(usage: object, told: _Told) -> Iterator[_Said]:
    """Check the counts of tokens against the ones before."""
    if not isinstance(usage, dict):
        return
    yield from _missing(usage, {"output_tokens": int}, "usage")
    for name, value in usage.items():
        if not name.endswith("_tokens") or value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            yield "field", f"usage.{name} is {_shorten(value)}", "a whole number"
            continue
        if value < told.usage.get(name, 0):
            yield "usage-shrinks", f"usage.{name} falls from {told.usage.get(name, 0)} to {value}", "no smaller count"
        told.usage[name] = value


def _is_object(fragments: list[str]) -> bool:
    joined = "".join(fragments)
    if not joined:
        return True
    try:
        return isinstance(json.loads(joined), dict)
    except (ValueError, RecursionError):
        return False


def _open(told: _Told) -> str:
    last = told.blocks[-1] if told.blocks else None
    return f"block {last.index}, which is open" if last is not None and last.is_open else "a block's start first: none is open"


def _name(kind: type) -> str:
    return {str: "a text", int: "a whole number", dict: "an object", list: "a list", bool: "true or false"}[kind]


def _shorten(value: object, most: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= most else text[: most - 1] + "…"
