"""Bodies of answers: what is compressed, what streams, what it says of its model and its end. Pure."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable
from typing import Any

from streamlab.core.exchange import Ended
from streamlab.core.sse import decode
from streamlab.errors import ScenarioError

__all__ = ["GZIP", "gunzip", "how_ended", "is_json", "is_stream", "is_text", "json_of", "model_of"]

GZIP = b"\x1f\x8b"
"""How compressed bytes begin."""

_MOST_BYTES = 256 * 1024 * 1024
_WITH_HEADER = 31
_STREAM = re.compile(rb"(?:\xef\xbb\xbf)?(?:event|data|id|retry)?:")
_LAST = (b"message_stop", b"error")


def gunzip(reads: Iterable[bytes]) -> list[bytes] | None:
    """Return what each of these pieces of one body adds to it when decompressed; None if they are not gzip.

    A body that is cut off gives what there is of it, if anything. Raises ScenarioError if it becomes too large.
    """
    decoder, total, parts = zlib.decompressobj(_WITH_HEADER), 0, []
    try:
        for rest in reads:
            part = b""
            while rest:
                if decoder.eof:
                    decoder = zlib.decompressobj(_WITH_HEADER)
                part += decoder.decompress(rest, _MOST_BYTES - total + 1)
                rest = decoder.unused_data  # noqa: PLW2901 - another member of the same file may follow
                if total + len(part) > _MOST_BYTES:
                    raise ScenarioError(f"larger than {_MOST_BYTES // 1024 // 1024} MiB when decompressed")
            total += len(part)
            parts.append(part)
    except zlib.error:
        return None
    return parts if decoder.eof or total else None


def is_stream(body: bytes) -> bool:
    """Whether a body looks like server-sent events."""
    return _STREAM.match(body) is not None


def is_text(body: bytes) -> bool:
    """Whether a body is UTF-8."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def json_of(body: bytes) -> Any:
    """Return what a body says as JSON; None if it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def is_json(body: bytes) -> bool:
    """Whether a body is a whole JSON object."""
    return isinstance(json_of(body), dict)


def how_ended(body: bytes) -> Ended:
    """Return what a body shows of its ending: one that is complete in itself came whole."""
    if is_stream(body):
        last = (frame.type for frame in decode(body) if any(word in frame.raw for word in _LAST))
        return Ended.COMPLETE if any(kind in ("message_stop", "error") for kind in last) else Ended.UNKNOWN
    return Ended.COMPLETE if is_json(body) else Ended.UNKNOWN


def model_of(body: bytes) -> str | None:
    """Return the model that an answer names, streamed or not."""
    found = json_of(body)
    if is_stream(body):
        events = (frame.event for frame in decode(body) if b"message_start" in frame.raw)
        found = next((event.get("message") for event in events if event is not None), None)
    model = found.get("model") if isinstance(found, dict) else None
    return model if isinstance(model, str) else None
