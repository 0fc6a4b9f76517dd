"""What the events of a stream tell, one after the other: in words for a timeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from streamlab.core.events import dump
from streamlab.core.messages import fold
from streamlab.core.shown import Style, count, of_bytes
from streamlab.core.sse import BOM, Event, Frame

__all__ = ["Story"]


@dataclass(slots=True)
class Story:
    """What the events of a stream tell, one after the other."""

    start: Event = field(default_factory=lambda: {"type": "message_start", "message": {}})
    blocks: dict[Any, list[Event]] = field(default_factory=dict)

    def told(self, frame: Frame) -> Iterator[tuple[str, str, Style]]:
        """Yield what one frame tells: a name, a text, and what it is."""
        event = frame.event
        if event is None:
            yield (*_without_event(frame), "error")
            return
        kind, index = event["type"], event.get("index")
        if kind == "content_block_start":
            self.blocks[dump(index)] = [event]
            yield f"block {_plain(index)} starts", _start(_mapping(event.get("content_block"))), ""
        elif kind == "content_block_delta":
            self.blocks.setdefault(dump(index), []).append(event)
            yield _delta(_mapping(event.get("delta")))
        elif kind == "content_block_stop":
            yield f"block {_plain(index)} stops", self._whole(index), "text"
        else:
            yield kind, *_other(event)

    def _whole(self, index: Any) -> str:
        """Return what the pieces of a block add up to."""
        events = [{**event, "index": 0} for event in self.blocks.pop(dump(index), ())]
        content = _mapping(fold([self.start, *events])).get("content")
        block = content[0] if content and isinstance(content[0], dict) else {}
        for name in ("text", "thinking"):
            if isinstance(block.get(name), str):
                return f"= {block[name]}"
        return f"= {block.get('name', '')} {dump(block['input'])}" if "input" in block else ""


def _start(block: dict[str, Any]) -> str:
    names = [block[key] for key in ("type", "name", "id", "tool_use_id") if isinstance(block.get(key), str)]
    filled = {key: value for key, value in block.items() if value and key not in {"type", "name", "id", "tool_use_id"}}
    return " ".join((*names, *([dump(filled)] if filled else [])))


def _delta(delta: dict[str, Any]) -> tuple[str, str, Style]:
    kind = _plain(delta.get("type"))
    for name in ("text", "thinking", "partial_json"):
        if isinstance(delta.get(name), str):
            return kind, delta[name], ""
    if isinstance(delta.get("signature"), str):
        return kind, count(len(delta["signature"]), "character"), "dim"
    return kind, dump({key: value for key, value in delta.items() if key != "type"}), ""


def _other(event: Event) -> tuple[str, Style]:
    """Return what an event that is none of a block tells."""
    kind = event["type"]
    if kind == "message_start":
        message = _mapping(event.get("message"))
        names = [message[key] for key in ("model", "id") if isinstance(message.get(key), str)]
        return " ".join((*names, _usage(message.get("usage")))).rstrip(), ""
    if kind == "message_delta":
        said = {key: value for key, value in _mapping(event.get("delta")).items() if value is not None}
        words = [f"{key} {value if isinstance(value, str) else dump(value)}" for key, value in said.items()]
        return ", ".join((*words, _usage(event.get("usage")))).rstrip(", "), ""
    if kind == "error":
        return _error(event), "error"
    rest = {key: value for key, value in event.items() if key != "type"}
    return dump(rest) if rest else "", "dim" if kind == "ping" else ""


def _error(body: Any) -> str:
    error = _mapping(_mapping(body).get("error"))
    return ": ".join(str(error[key]) for key in ("type", "message") if key in error) or dump(body)


def _usage(usage: Any) -> str:
    counts = {key.removesuffix("_tokens"): value for key, value in _mapping(usage).items() if type(value) is int and value}
    return f"({', '.join(f'{key} {value:,}' for key, value in counts.items())})" if counts else ""


def _without_event(frame: Frame) -> tuple[str, str]:
    """Return what a frame is that carries no event."""
    raw = frame.raw
    if raw == BOM:
        return "a byte order mark", ""
    if not raw.strip(b"\r\n"):
        return "a blank line", ""
    if raw.startswith(b":"):
        return "a comment", of_bytes(raw.rstrip(b"\r\n"))
    return ("unfinished" if not raw.endswith((b"\n\n", b"\r\r", b"\n\r\n")) else "no event"), of_bytes(raw)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else dump(value)
