"""The values of a scenario file that no part of the core reads: headers, counts of tokens, bodies.

Each function returns the value as it is used, or raises ScenarioError with the key at fault.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from streamlab.core.authoring import header_value
from streamlab.errors import ScenarioError
from streamlab.files import schema

__all__ = ["body", "can_be_sent", "headers", "json_object", "json_only", "shorten", "usage"]

Key = tuple[str | int, ...]


def shorten(value: object, most: int = 60) -> str:
    """Return a value as an error shows it."""
    text = json.dumps(value) if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def headers(written: object) -> dict[str, str | None]:
    """Return headers as texts; one that is null is to be taken out."""
    if not isinstance(written, Mapping):
        hint = 'for example: headers: {retry-after: "1"}'
        raise ScenarioError(f"headers are expected, not {shorten(written)}", hint=hint)
    return {name: header_value(name, value) for name, value in written.items()}


def can_be_sent(name: str, value: str) -> bool:
    """Whether a head can carry this header."""
    try:
        header_value(name, value)
    except ScenarioError:
        return False
    return True


def usage(written: object) -> dict[str, Any]:
    """Return counts of tokens, and whatever else stands with them."""
    wrong = schema.mismatch(schema.USAGE, written)
    if wrong is not None:
        key, expected = wrong
        value = written[key[0]] if key and isinstance(written, Mapping) else written
        hint = "for example: usage: {output_tokens: 12}"
        raise ScenarioError(f"{expected} is expected, not {shorten(value)}", key=key, hint=hint)
    counts: dict[str, Any] = json_only(written)
    return counts


def json_object(written: object) -> dict[str, Any]:
    """Return an object that the API's JSON holds as it is."""
    if not isinstance(written, dict):
        raise ScenarioError(f"an object is expected, not {shorten(written)}", hint="write a mapping; it is sent as it is")
    kept: dict[str, Any] = json_only(written)
    return kept


def json_only(written: Any, key: Key = ()) -> Any:
    """Return what is written. Raises ScenarioError if there are bytes in it, which only YAML can say."""
    if isinstance(written, bytes):
        raise ScenarioError("!!binary cannot stand here", key=key, hint="only `raw` and the body of `http` can be bytes")
    parts = written.items() if isinstance(written, dict) else enumerate(written) if isinstance(written, list) else ()
    for name, part in parts:
        json_only(part, (*key, name))
    return written


def body(written: object) -> object:
    """Return the body of an answer: a text, bytes, or what is sent as JSON."""
    if not isinstance(written, str | bytes | dict | list):
        hint = "write a text or !!binary, or a mapping or a list that is sent as JSON"
        raise ScenarioError(f"a body is expected, not {shorten(written)}", hint=hint)
    return written if isinstance(written, bytes) else json_only(written)
