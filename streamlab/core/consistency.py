"""What a stream says, checked against itself: indices, fields, deltas, tool input, counts, stop reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from streamlab.core.api_errors import ERRORS
from streamlab.core.blocks import CALLS
from streamlab.core.grammar import Finding, bare, events_of, finding
from streamlab.core.sse import Event, Frame
from streamlab.core.vocabulary import (
    BLOCKS,
    BLOCKS_MAY_HAVE,
    COUNTS,
    DELTAS,
    DELTAS_MAY_HAVE,
    ENDS_MAY_HAVE,
    ENDS_OF_TURN,
    FIELDS,
    FILLED_BY_DELTAS,
    FIRST_COUNTS,
    MAY_BE_NULL,
    MAY_HAVE,
    MESSAGE,
    MESSAGE_MAY_HAVE,
    RESULT,
    RESULT_MAY_HAVE,
    RESULTS,
    STOP_REASONS,
    USAGE_MAY_HAVE,
)

__all__ = ["consistency"]

_Said = tuple[str, str, str]
"""A rule, what was found, and what was expected."""


@dataclass(slots=True)
class _Block:
    """A block as its events have told of it so far."""

    index: int
    kind: str
    start: Mapping[str, Any]
    deltas: list[str] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)
    is_open: bool = True

    @property
    def is_call(self) -> bool:
        """Whether the block calls a tool."""
        return self.kind in CALLS


@dataclass(slots=True)
class _Told:
    """What the events have told so far."""

    blocks: list[_Block] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)
    calls: set[str] = field(default_factory=set)

    def open_block(self, index: object) -> _Block | None:
        """Return the block of this index, if it is the open one."""
        last = self.blocks[-1] if self.blocks else None
        return last if last is not None and last.is_open and last.index == index else None


def consistency(frames: Iterable[Frame]) -> Iterator[Finding]:
    """Check every event against its own fields and against what came before it."""
    told = _Told()
    for number, count, event in events_of(frames):
        kind = event["type"]
        missing = list(_missing(event, FIELDS.get(kind, {}), kind))
        said: Iterable[_Said] = missing or _CHECKS.get(kind, _nothing)(event, told)
        if kind in FIELDS:
            said = (*said, *_unknown(event, ("type", *FIELDS[kind], *MAY_HAVE.get(kind, ())), kind))
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


def _optional(value: Mapping[str, Any], fields: Mapping[str, type], path: str) -> Iterator[_Said]:
    """Check the fields that may be left out or be null."""
    present = {name: kind for name, kind in fields.items() if value.get(name) is not None}
    yield from _missing(value, present, path)


def _unknown(value: Mapping[str, Any], known: Iterable[str], path: str) -> Iterator[_Said]:
    for name in value:
        if name not in known:
            yield "unknown-field", f"{path}.{name}", "the fields that are known"


def _message_start(event: Event, told: _Told) -> Iterator[_Said]:
    message = event["message"]
    yield from _missing(message, MESSAGE, "message")
    yield from _unknown(message, (*MESSAGE, *MESSAGE_MAY_HAVE), "message")
    for name, expected in (("type", "message"), ("role", "assistant")):
        if message.get(name, expected) != expected:
            yield "field", f"message.{name} is {_shorten(message[name])}", repr(expected)
    for name in ("stop_reason", "stop_sequence"):
        if name not in message:
            yield "field", f"no message.{name}", "null"
        elif message[name] is not None:
            yield "start-content", f"message.{name} is {_shorten(message[name])}", "null"
    if message.get("content"):
        yield "start-content", "content", "content []"
    if isinstance(message.get("id"), str):
        yield from _id(message["id"], "msg", "message")
    if message.get("model") == "":
        yield "field", "message.model is ''", "a name"
    yield from _counts(message.get("usage"), told, FIRST_COUNTS)


def _id(value: str, prefix: str, path: str) -> Iterator[_Said]:
    if not value:
        yield "field", f"{path}.id is ''", "an id"
    elif not value.startswith(f"{prefix}_"):
        yield "id-shape", f"{path}.id is {_shorten(value)}", f"{prefix}_…"


def _block_start(event: Event, told: _Told) -> Iterator[_Said]:
    block, index = event["content_block"], event["index"]
    kind = block.get("type")
    if index != len(told.blocks):
        yield "index", f"a block of index {index}", f"index {len(told.blocks)}"
    if not isinstance(kind, str):
        yield "field", f"content_block.type is {_shorten(kind)}", "a text"
    elif kind in BLOCKS:
        yield from _known_block(block, BLOCKS[kind], BLOCKS_MAY_HAVE.get(kind, {}))
        filled = next((name for name in FILLED_BY_DELTAS.get(kind, ()) if block.get(name)), None)
        if filled is not None:
            yield "start-block", f"content_block.{filled} is {_shorten(block[filled])}", "nothing in it yet"
    elif kind.endswith(RESULTS):
        yield from _known_block(block, RESULT, RESULT_MAY_HAVE)
    elif bare(kind) in {bare(name) for name in BLOCKS}:
        yield "misspelt", f"a block of type {kind!r}", "the name to the letter"
    else:
        yield "unknown-block", f"a block of type {kind!r}", "one that is known"
    if kind in CALLS:
        yield from _call(block, told)
    elif isinstance(kind, str) and kind.endswith(RESULTS):
        yield from _result(block, told)
    told.blocks.append(_Block(index, str(kind), block))


def _known_block(block: Mapping[str, Any], must: Mapping[str, type], may: Mapping[str, type]) -> Iterator[_Said]:
    yield from _missing(block, must, "content_block")
    yield from _optional(block, may, "content_block")
    yield from _unknown(block, ("type", *must, *may), "content_block")


def _call(block: Mapping[str, Any], told: _Told) -> Iterator[_Said]:
    """Check the id and the name of a call."""
    if block.get("name") == "":
        yield "field", "content_block.name is ''", "a name"
    if isinstance(block.get("id"), str):
        yield from _id(block["id"], CALLS[block["type"]], "content_block")
        if block["id"] in told.calls:
            yield "call-id", f"the id {_shorten(block['id'])} again", "an id of its own"
        told.calls.add(block["id"])


def _result(block: Mapping[str, Any], told: _Told) -> Iterator[_Said]:
    """Check which call a result answers, and what it holds."""
    call, content = block.get("tool_use_id"), block.get("content")
    if isinstance(call, str) and call not in told.calls:
        yield "result-id", f"the result of {_shorten(call)}", "the id of a call before it"
    if not isinstance(content, list) and not (isinstance(content, dict) and isinstance(content.get("type"), str)):
        yield "field", f"content_block.content is {_shorten(content)}", "a list, or an object with a type"


def _block_delta(event: Event, told: _Told) -> Iterator[_Said]:
    delta, block = event["delta"], told.open_block(event["index"])
    if block is None:
        yield "index", f"a delta for block {event['index']}", _open(told)
        return
    kind = delta.get("type")
    if not isinstance(kind, str):
        yield "field", f"delta.type is {_shorten(kind)}", "a text"
    elif kind in DELTAS:
        yield from _known_delta(kind, delta, block)
    elif bare(kind) in {bare(name) for name in DELTAS}:
        yield "misspelt", f"a delta of type {kind!r}", "the name to the letter"
    else:
        yield "unknown-delta", f"a delta of type {kind!r}", "one that is known"
    block.deltas.append(str(kind))


def _known_delta(kind: str, delta: Mapping[str, Any], block: _Block) -> Iterator[_Said]:
    name, value, blocks = DELTAS[kind]
    is_null = kind in MAY_BE_NULL and name in delta and delta[name] is None
    wrong = [] if is_null else list(_missing(delta, {name: value}, "delta"))
    yield from wrong
    yield from _unknown(delta, ("type", name, *DELTAS_MAY_HAVE.get(kind, ())), "delta")
    if block.kind in BLOCKS and block.kind not in blocks:
        yield "delta-kind", f"a {kind} in a {block.kind} block", f"a delta of a {block.kind} block"
    elif not wrong:
        yield from _delta_place(kind, delta, block)


def _delta_place(kind: str, delta: Mapping[str, Any], block: _Block) -> Iterator[_Said]:
    """Check a delta against those before it in its block."""
    if kind == "input_json_delta":
        yield from _fragment(delta["partial_json"], block)
    elif kind == "text_delta" and not delta["text"]:
        yield "empty-text", "an empty text delta", "a character at least"
    elif kind == "citations_delta":
        yield from _missing(delta["citation"], {"type": str}, "citation")
        if "text_delta" in block.deltas:
            yield "citations", "a citation after text", "citations first"
    elif "signature_delta" in block.deltas:
        yield "signature", f"a {kind} after the signature", "the block's stop"
    elif kind == "signature_delta" and not delta["signature"]:
        yield "signature", "an empty signature", "a signature"


def _fragment(text: str, block: _Block) -> Iterator[_Said]:
    """Check a fragment of tool input; an input that its start held is not to be told again."""
    if text and block.start.get("input"):
        yield "start-block", "an input in the block's start, and fragments after it", "one of the two"
    elif text and not block.fragments:
        yield "first-fragment", f"the fragment {_shorten(text)} first", "an empty one"
    block.fragments.append(text)


def _block_stop(event: Event, told: _Told) -> Iterator[_Said]:
    block = told.open_block(event["index"])
    if block is None:
        yield "index", f"the stop of block {event['index']}", _open(told)
        return
    block.is_open = False
    if block.kind == "thinking" and "signature_delta" not in block.deltas:
        yield "signature", "a thinking block without a signature", "a signature_delta"
    if block.is_call and not block.deltas and not block.start.get("input"):
        yield "first-fragment", "a call without a fragment", "an empty one at least"


def _message_delta(event: Event, told: _Told) -> Iterator[_Said]:
    delta = event["delta"]
    reason = delta.get("stop_reason")
    if not isinstance(reason, str):
        yield "field", f"delta.stop_reason is {_shorten(reason)}", "a text"
    elif reason not in STOP_REASONS and bare(reason) in {bare(name) for name in STOP_REASONS}:
        yield "misspelt", f"the stop reason {reason!r}", "the name to the letter"
    elif reason not in STOP_REASONS:
        yield "unknown-stop-reason", f"the stop reason {reason!r}", f"one of {', '.join(STOP_REASONS)}"
    yield from _unknown(delta, ENDS_MAY_HAVE, "delta")
    yield from _optional(delta, {"stop_details": dict, "container": dict}, "delta")
    yield from _stop_sequence(delta, reason)
    yield from _stop_against_tools(reason, told)
    for block in told.blocks:
        if reason != "max_tokens" and not _is_object(block.fragments):
            joined = "".join(block.fragments)
            yield "tool-input", f"the input of block {block.index} is {_shorten(joined)}", "one JSON object"
    yield from _counts(event["usage"], told, COUNTS)


def _stop_sequence(delta: Mapping[str, Any], reason: object) -> Iterator[_Said]:
    sequence = delta.get("stop_sequence")
    if "stop_sequence" not in delta:
        yield "field", "no delta.stop_sequence", "a text or null"
    elif sequence is not None and not isinstance(sequence, str):
        yield "field", f"delta.stop_sequence is {_shorten(sequence)}", "a text or null"
    elif (sequence is not None) != (reason == "stop_sequence"):
        yield "stop-sequence", f"stop_sequence {_shorten(sequence)} with stop_reason {reason}", "both, or neither"


def _stop_against_tools(reason: object, told: _Told) -> Iterator[_Said]:
    last = told.blocks[-1].kind if told.blocks else "no"
    if reason == "tool_use" and last != "tool_use":
        yield "stop-reason", f"stop_reason tool_use after {last} block", "a tool_use block last"
    elif reason in ENDS_OF_TURN and last == "tool_use":
        yield "stop-reason", f"stop_reason {reason} after a tool call", "tool_use"


def _error(event: Event, told: _Told) -> Iterator[_Said]:
    del told
    error = event["error"]
    yield from _missing(error, {"type": str, "message": str}, "error")
    yield from _optional(event, {"request_id": str}, "error")
    if "details" not in error:
        yield "error-shape", "no error.details", "details, which may be null"
    if isinstance(error.get("type"), str) and error["type"] not in {each.type for each in ERRORS.values()}:
        yield "error-shape", f"an error of type {error['type']!r}", "one that is known"


_CHECKS: dict[str, Callable[[Event, _Told], Iterator[_Said]]] = {
    "message_start": _message_start,
    "content_block_start": _block_start,
    "content_block_delta": _block_delta,
    "content_block_stop": _block_stop,
    "message_delta": _message_delta,
    "error": _error,
}


def _counts(usage: object, told: _Told, must: Mapping[str, type]) -> Iterator[_Said]:
    """Check the counts of tokens against the ones before."""
    if not isinstance(usage, dict):
        return
    yield from _missing(usage, must, "usage")
    yield from _optional(usage, {name: kind for name, kind in USAGE_MAY_HAVE.items() if name not in must}, "usage")
    yield from _unknown(usage, (*USAGE_MAY_HAVE, "output_tokens"), "usage")
    yield from _negative(usage, "usage")
    for name, value in usage.items():
        if not name.endswith("_tokens") or not isinstance(value, int) or isinstance(value, bool):
            continue
        if 0 <= value < told.usage.get(name, 0):
            yield "usage-shrinks", f"usage.{name} falls from {told.usage[name]} to {value}", "no smaller count"
        told.usage[name] = value


def _negative(value: object, path: str) -> Iterator[_Said]:
    """Find every count, however deep, that is none: less than nothing, or no whole number."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        is_count = str(name).endswith(("_tokens", "_requests"))
        if is_count and part is not None and (isinstance(part, bool) or not isinstance(part, int) or part < 0):
            if path != "usage" or (isinstance(part, int) and not isinstance(part, bool)):
                yield "field", f"{path}.{name} is {_shorten(part)}", "a count from 0"
        else:
            yield from _negative(part, f"{path}.{name}")


def _is_object(fragments: list[str]) -> bool:
    joined = "".join(fragments)
    if not joined:
        return True
    try:
        return isinstance(json.loads(joined, parse_constant=_refuse), dict)
    except (ValueError, RecursionError):
        return False


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _open(told: _Told) -> str:
    last = told.blocks[-1] if told.blocks else None
    return f"block {last.index}, which is open" if last is not None and last.is_open else "a block's start first: none is open"


def _name(kind: type) -> str:
    return {str: "a text", int: "a whole number", dict: "an object", list: "a list", bool: "true or false"}[kind]


def _shorten(value: object, most: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= most else text[: most - 1] + "…"
