"""Content blocks: as a person writes them, and as they stand in a message."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from streamlab.errors import ScenarioError, nearest

__all__ = ["CALLS", "Block", "parse_blocks"]

JsonObject = dict[str, Any]

CALLS = {"tool_use": "toolu", "server_tool_use": "srvtoolu", "mcp_tool_use": "mcptoolu"}
"""The blocks that call a tool, and the prefix of their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One content block as it stands in the finished message.

    `fragments` are the cuts of its text, thinking or input, if they were written; `eager` asks for longer ones of its input.
    A tool's id is made when the reply is.
    """

    content: JsonObject
    fragments: tuple[str, ...] | None = None
    eager: bool = False

    @property
    def type(self) -> str:
        """The type of the block."""
        return str(self.content["type"])


def parse_blocks(written: object) -> tuple[Block, ...]:
    """Return the blocks that a text, a block or a list of them writes. Raises ScenarioError, with the key at fault."""
    if not isinstance(written, list | tuple):
        return (_parse_block(written),)
    blocks = []
    for index, each in enumerate(written):
        try:
            blocks.append(_parse_block(each))
        except ScenarioError as error:
            error.key = (index, *error.key)
            raise
    return tuple(blocks)


def _parse_block(written: object) -> Block:
    if isinstance(written, Block):
        return written
    if isinstance(written, str):
        return _text_block(written, {})
    if not isinstance(written, Mapping) or not written:
        raise ScenarioError(f"a content block is expected, not {written!r}", hint=_BLOCK_HINT)
    if "type" in written:
        return _api_block(written)
    kind = next((key for key in written if key in _SHORTHANDS), None)
    if kind is None:
        key = next(iter(written), "")
        raise ScenarioError(f"there is no content block {key!r}", key=(key,), hint=nearest(str(key), _SHORTHANDS))
    beside = {key: value for key, value in written.items() if key != kind}
    parse, allowed = _SHORTHANDS[kind]
    for key in beside:
        if key not in allowed:
            hint = nearest(str(key), allowed) if allowed else "nothing may stand beside it"
            raise ScenarioError(f"a {kind} block has no key {key!r}", key=(key,), hint=hint)
    return parse(written[kind], beside)


def _api_block(written: Mapping[str, Any]) -> Block:
    """Return a block of the API, which is kept as it is written."""
    if not isinstance(written["type"], str):
        raise ScenarioError(f"the type of a block is a text, not {written['type']!r}", key=("type",))
    return Block(content=_json_object(written, key=()))


def _json_object(written: Mapping[Any, Any], *, key: tuple[str, ...]) -> JsonObject:
    """Return a copy that JSON can say: a date, for one, it cannot."""
    try:
        return cast("JsonObject", json.loads(json.dumps(dict(written), allow_nan=False)))
    except (TypeError, ValueError, RecursionError) as error:
        raise ScenarioError(f"this cannot be said in JSON: {error}", key=key, hint="put dates and the like in quotes") from None


def _pieces(written: object, kind: str) -> tuple[str, tuple[str, ...] | None]:
    """Return the text that is written, and its cuts if it is written as a list."""
    if isinstance(written, str):
        return written, None
    if isinstance(written, list | tuple) and all(isinstance(each, str) for each in written):
        return "".join(written), tuple(written)
    hint = "put it in quotes" if isinstance(written, int | float) else "write a text, or a list of texts: one for each delta"
    raise ScenarioError(f"a text is expected, not {written!r}", key=(kind,), hint=hint)


def _text_block(written: object, beside: Mapping[str, Any]) -> Block:
    text, fragments = _pieces(written, "text")
    citations = beside.get("citations", [])
    if not isinstance(citations, list | tuple) or not all(isinstance(each, Mapping) for each in citations):
        raise ScenarioError(f"a list of citations is expected, not {citations!r}", key=("citations",))
    cited = _json_object({"citations": list(citations)}, key=("citations",)) if "citations" in beside else {}
    return Block(content={**cited, "type": "text", "text": text}, fragments=fragments)


def _thinking_block(written: object, beside: Mapping[str, Any]) -> Block:
    text, fragments = _pieces(written, "thinking")
    content = {"type": "thinking", "thinking": text}
    if "signature" in beside:
        if not isinstance(beside["signature"], str):
            raise ScenarioError(f"a text is expected, not {beside['signature']!r}", key=("signature",))
        content["signature"] = beside["signature"]
    return Block(content=content, fragments=fragments)


def _redacted_block(written: object, beside: Mapping[str, Any]) -> Block:
    del beside
    return Block(content={"type": "redacted_thinking", "data": _text("redacted_thinking", written)})


def _compaction_block(written: object, beside: Mapping[str, Any]) -> Block:
    del beside
    return Block(content={"type": "compaction", "content": _text("compaction", written)})


def _text(key: str, written: object) -> str:
    if not isinstance(written, str):
        raise ScenarioError(f"a text is expected, not {written!r}", key=(key,))
    return written


def _call_block(kind: str, written: object, beside: Mapping[str, Any]) -> Block:
    """Return a call of a tool: the client's own, the API's, or one of an MCP server."""
    allowed = ("name", "input", "id", "caller", "server_name") if kind == "mcp_tool_use" else ("name", "input", "id", "caller")
    if not isinstance(written, Mapping) or not isinstance(written.get("name"), str):
        hint = f"for example: {kind}: {{name: get_weather, input: {{city: SF}}}}"
        raise ScenarioError("a tool call needs a name", key=(kind,), hint=hint)
    for key in written:
        if key not in allowed:
            raise ScenarioError(f"a tool call has no key {key!r}", key=(kind, key), hint=nearest(str(key), allowed))
    tool_input = written.get("input", {})
    if not isinstance(tool_input, Mapping):
        raise ScenarioError(f"an object is expected, not {tool_input!r}", key=(kind, "input"))
    if not isinstance(written.get("id", ""), str):
        raise ScenarioError(f"a text is expected, not {written['id']!r}", key=(kind, "id"))
    known = {key: written[key] for key in ("id",) if key in written}
    direct = {} if kind == "mcp_tool_use" else {"caller": {"type": "direct"}}
    rest = direct | {key: written[key] for key in ("server_name", "caller") if key in written}
    call = {"type": kind, **known, "name": written["name"], "input": _json_object(tool_input, key=(kind, "input"))}
    fragments, eager = _fragments(beside.get("fragments")), beside.get("eager", False)
    if not isinstance(eager, bool):
        raise ScenarioError(f"true or false is expected, not {eager!r}", key=("eager",))
    return Block(content={**call, **_json_object(rest, key=(kind,))}, fragments=fragments, eager=eager)


def _fragments(written: object) -> tuple[str, ...] | None:
    if written is None:
        return None
    if not isinstance(written, list | tuple) or not all(isinstance(each, str) for each in written):
        raise ScenarioError(f"a list of texts is expected, not {written!r}", key=("fragments",))
    return tuple(written)


_SHORTHANDS: dict[str, tuple[Callable[[object, Mapping[str, Any]], Block], tuple[str, ...]]] = {
    "text": (_text_block, ("citations",)),
    "thinking": (_thinking_block, ("signature",)),
    "redacted_thinking": (_redacted_block, ()),
    **{kind: (partial(_call_block, kind), ("eager", "fragments")) for kind in CALLS},
    "compaction": (_compaction_block, ()),
}
_BLOCK_HINT = f"write a text, one of {', '.join(_SHORTHANDS)}, or a block of the API with its type"
