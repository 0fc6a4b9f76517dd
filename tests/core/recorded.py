"""Recorded exchanges, for the tests of what shows and compares them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from streamlab.core.arrivals import Arrived
from streamlab.core.events import encode
from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.plan import Head

STREAM = Head(200, (("content-type", "text/event-stream; charset=utf-8"), ("request-id", "req_1")))
JSON = Head(200, (("content-type", "application/json"),))
PING = {"type": "ping"}


def asks(text: str = "Hello?", **others: Any) -> Request:
    """Return a request of one message."""
    body = {"model": "claude-sonnet-4-6", "max_tokens": 100, "stream": True, "messages": [{"role": "user", "content": text}]}
    return Request(headers=(("anthropic-version", "2023-06-01"),), body=json.dumps({**body, **others}).encode())


def message_start(**others: Any) -> dict[str, Any]:
    """Return the first event."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {"input_tokens": 3}}
    return {"type": "message_start", "message": {**message, **others}}


def block(content: dict[str, Any], *deltas: dict[str, Any], index: int = 0) -> list[dict[str, Any]]:
    """Return the events of a block."""
    return [
        {"type": "content_block_start", "index": index, "content_block": content},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text_block(*pieces: str, index: int = 0) -> list[dict[str, Any]]:
    """Return the events of a text."""
    return block({"type": "text", "text": ""}, *({"type": "text_delta", "text": each} for each in pieces), index=index)


def tool_block(*fragments: str, index: int = 0, call: str = "toolu_1") -> list[dict[str, Any]]:
    """Return the events of a call of a tool."""
    content = {"type": "tool_use", "id": call, "name": "look", "input": {}}
    return block(content, *({"type": "input_json_delta", "partial_json": each} for each in fragments), index=index)


def closing(stop_reason: str = "end_turn", tokens: int = 5) -> list[dict[str, Any]]:
    """Return the last two events."""
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    return [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": tokens}}, {"type": "message_stop"}]


def raw(events: Iterable[dict[str, Any]]) -> list[bytes]:
    """Return the bytes of each event."""
    return [encode(event).raw for event in events]


def answered(pieces: Sequence[bytes], times: Sequence[float | None] | None = None, **changes: Any) -> Exchange:
    """Return an exchange whose answer came in these pieces; by default 0.1 s apart."""
    moments = times if times is not None else [index / 10 for index in range(len(pieces))]
    reads = tuple(Read(data, at) for data, at in zip(pieces, moments, strict=True))
    return replace(Exchange(request=asks(), head=STREAM, reads=reads, first=0.4, ended_at=len(reads) / 10), **changes)


def streamed(events: Iterable[dict[str, Any]] | None = None, **changes: Any) -> Exchange:
    """Return an exchange whose answer came event by event."""
    return answered(raw([message_start(), *text_block("Hi", " there"), *closing()] if events is None else events), **changes)


def arrived(exchange: Exchange) -> Arrived:
    """Return it read."""
    return Arrived(exchange)


REFUSED = Exchange(request=asks(), head=None, ended=Ended.REFUSED)
