"""Content blocks: as a person writes them, as they stand in a message, and as the API streams them.

From `wire.md`, section 3: citations come before their text; a signature is the last delta; tool input starts with an empty
fragment and is then cut anywhere, every 13 characters at most; results and unknown blocks come whole in their start.
Cuts depend on the text and the model alone, never on a seed, so that `delta 3` stays where it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from random import Random
from typing import Any

from streamlab.core.events import dump
from streamlab.core.identity import generator
from streamlab.errors import ScenarioError, nearest

__all__ = ["Block", "parse_blocks", "stream_block", "text_fragments"]

JsonObject = dict[str, Any]

MOST_JSON = 13
"""The most characters in a fragment of tool input (`wire.md`, section 3)."""
MOST_EAGER_JSON = 52
"""The same where the tool has `eager_input_streaming`."""
_FEWEST_DELTAS = 8
"""A short text still comes in about so many deltas, so that it can be cut in the middle."""

_TYPICAL_TEXT = {
    "claude-3-5-haiku*": 5,
    "claude-opus-4-6*": 7,
    "claude-haiku-4-5*": 9,
    "claude-sonnet-4-5*": 11,
    "claude-sonnet-4-6*": 15,
    "claude-sonnet-5*": 68,
}
"""The median of the characters in a text delta, by model (`wire.md`, section 3)."""
_TYPICAL_ELSEWHERE = 9
_WORD = 12
"""The most characters of a word that come in one delta, whatever the size that is typical."""


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
    if not isinstance(written, Mapping):
        raise ScenarioError(f"a content block is expected, not {written!r}", hint=_BLOCK_HINT)
    if isinstance(written.get("type"), str):
        return Block(content=dict(written))
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
    citations = {"citations": list(beside["citations"])} if "citations" in beside else {}
    return Block(content={**citations, "type": "text", "text": text}, fragments=fragments)


def _thinking_block(written: object, beside: Mapping[str, Any]) -> Block:
    text, fragments = _pieces(written, "thinking")
    content = {"type": "thinking", "thinking": text}
    if "signature" in beside:
        content["signature"] = str(beside["signature"])
    return Block(content=content, fragments=fragments)


def _tool_block(written: object, beside: Mapping[str, Any]) -> Block:
    if not isinstance(written, Mapping) or not isinstance(written.get("name"), str):
        raise ScenarioError(
            "a tool call needs a name",
            key=("tool_use",),
            hint="for example: tool_use: {name: get_weather, input: {city: SF}}",
        )
    for key in written:
        if key not in ("name", "input", "id"):
            raise ScenarioError(
                f"a tool call has no key {key!r}",
                key=("tool_use", key),
                hint=nearest(str(key), ("name", "input", "id")),
            )
    tool_input = written.get("input", {})
    if not isinstance(tool_input, Mapping):
        raise ScenarioError(f"an object is expected, not {tool_input!r}", key=("tool_use", "input"))
    known = {"id": written["id"]} if "id" in written else {}
    content = {"type": "tool_use", **known, "name": written["name"], "input": dict(tool_input)}
    fragments = beside.get("fragments")
    return Block(content=content, fragments=None if fragments is None else tuple(fragments), eager=bool(beside.get("eager")))


_SHORTHANDS: dict[str, tuple[Callable[[object, Mapping[str, Any]], Block], tuple[str, ...]]] = {
    "text": (_text_block, ("citations",)),
    "thinking": (_thinking_block, ("signature",)),
    "tool_use": (_tool_block, ("eager", "fragments")),
}
_BLOCK_HINT = f"write a text, one of {', '.join(_SHORTHANDS)}, or a block of the API with its type"


def stream_block(block: Block, *, model: str | None, rng: Random) -> tuple[JsonObject, list[JsonObject]]:
    """Return the `content_block` of a block's start, and its deltas, as the API streams them."""
    content = block.content
    if block.type == "text" and isinstance(content.get("text"), str):
        citations = content.get("citations") or []
        start = {**({"citations": []} if citations else {}), **content, "text": ""}
        if citations:
            start["citations"] = []
        fragments = block.fragments or text_fragments(content["text"], model)
        cited = [{"type": "citations_delta", "citation": citation} for citation in citations]
        return start, cited + [{"type": "text_delta", "text": each} for each in fragments]
    if block.type == "thinking" and isinstance(content.get("thinking"), str):
        signature = content.get("signature") or signature_of(rng)
        fragments = block.fragments or text_fragments(content["thinking"], model)
        deltas = [{"type": "thinking_delta", "thinking": each} for each in fragments]
        return {**content, "thinking": "", "signature": ""}, [
            *deltas,
            {"type": "signature_delta", "signature": signature},
        ]
    if block.type in ("tool_use", "server_tool_use", "mcp_tool_use") and isinstance(content.get("input"), dict):
        fragments = (
            "",
            *(block.fragments or _json_fragments(content["input"], most=MOST_EAGER_JSON if block.eager else MOST_JSON)),
        )
        return {**content, "input": {}}, [{"type": "input_json_delta", "partial_json": each} for each in fragments]
    return content, []


def signature_of(rng: Random) -> str:
    """Return something with the shape of the signature of a thinking block."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return "E" + "".join(rng.choices(letters, k=4 * rng.randint(62, 190) - 2)) + "="


def text_fragments(text: str, model: str | None) -> tuple[str, ...]:
    """Return a text cut as the model's deltas are: at word ends, in sizes around its typical one; none is empty."""
    typical = next((size for name, size in _TYPICAL_TEXT.items() if fnmatchcase(model or "", name)), _TYPICAL_ELSEWHERE)
    typical = max(1, min(typical, len(text) // _FEWEST_DELTAS))
    lots = generator(typical, text)
    words = re.findall(rf"\s?\S{{1,{max(_WORD, 2 * typical)}}}|\s", text)
    fragments, wanted = [""], lots.randint(1, 2 * typical)
    for word in words:
        if fragments[-1] and len(fragments[-1]) + len(word) > wanted:
            fragments.append("")
            wanted = lots.randint(1, 2 * typical)
        fragments[-1] += word
    return tuple(fragment for fragment in fragments if fragment)


def _json_fragments(value: JsonObject, *, most: int) -> tuple[str, ...]:
    if not value:
        return ()
    text = dump(value)
    lots, cuts = generator(most, text), [0]
    while cuts[-1] < len(text):
        cuts.append(cuts[-1] + lots.randint(1, most))
    return tuple(text[start:end] for start, end in pairwise(cuts))
