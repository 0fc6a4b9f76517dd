"""How a content block is streamed: its start and its deltas.

From `wire.md`, section 3: citations come before their text; a signature is the last delta; tool input starts with an empty
fragment and is then cut anywhere, every 13 characters at most; a compaction comes in one piece; results, redacted thinking and
unknown blocks come whole in their start. Cuts depend on the text and the model alone, never on a seed, so that `delta 3` stays
where it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

from streamlab.core.blocks import Block
from streamlab.core.events import dump
from streamlab.core.identity import generator

__all__ = ["MOST_EAGER_JSON", "MOST_JSON", "stream_block", "text_fragments"]

JsonObject = dict[str, Any]
Streamed = tuple[JsonObject, list[JsonObject]]
"""The `content_block` of a block's start, and its deltas."""

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


def stream_block(block: Block, *, model: str | None) -> Streamed:
    """Return the `content_block` of a block's start, and its deltas, as the API streams them."""
    stream = _STREAMS.get(block.type)
    return stream(block, model) if stream is not None else (block.content, [])


def _stream_text(block: Block, model: str | None) -> Streamed:
    content = block.content
    if not isinstance(content.get("text"), str):
        return content, []
    citations = content["citations"] if isinstance(content.get("citations"), list) else []
    start = {**({"citations": []} if citations else {}), **content, "text": ""}
    if citations:
        start["citations"] = []
    cited = [{"type": "citations_delta", "citation": citation} for citation in citations]
    return start, cited + [{"type": "text_delta", "text": each} for each in _cut(block, content["text"], model)]


def _stream_thinking(block: Block, model: str | None) -> Streamed:
    content = block.content
    if not isinstance(content.get("thinking"), str):
        return content, []
    deltas = [{"type": "thinking_delta", "thinking": each} for each in _cut(block, content["thinking"], model)]
    if content.get("signature"):
        deltas.append({"type": "signature_delta", "signature": content["signature"]})
    return {**content, "thinking": "", "signature": ""}, deltas


def _stream_call(block: Block, model: str | None) -> Streamed:
    del model
    content = block.content
    if not isinstance(content.get("input"), dict):
        return content, []
    most = MOST_EAGER_JSON if block.eager else MOST_JSON
    fragments = _json_fragments(content["input"], most=most) if block.fragments is None else block.fragments
    return {**content, "input": {}}, [{"type": "input_json_delta", "partial_json": each} for each in ("", *fragments)]


def _stream_compaction(block: Block, model: str | None) -> Streamed:
    del model
    summary = {key: value for key, value in block.content.items() if key in ("content", "encrypted_content")}
    return {**block.content, **dict.fromkeys(summary)}, [{"type": "compaction_delta", **summary}]


_STREAMS: dict[str, Callable[[Block, str | None], Streamed]] = {
    "text": _stream_text,
    "thinking": _stream_thinking,
    "tool_use": _stream_call,
    "server_tool_use": _stream_call,
    "mcp_tool_use": _stream_call,
    "compaction": _stream_compaction,
}


def _cut(block: Block, text: str, model: str | None) -> Iterable[str]:
    return text_fragments(text, model) if block.fragments is None else block.fragments


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
