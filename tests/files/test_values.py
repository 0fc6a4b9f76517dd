"""Tests of the values that no part of the core reads: headers, counts of tokens, bodies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from streamlab.errors import ScenarioError
from streamlab.files import values

BINARY = "!!binary cannot stand here\n  hint: only `raw` and the body of `http` can be bytes"
USAGE = "hint: for example: usage: {output_tokens: 12}"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, {}),
        ({"x-a": "b", "X_B.c": "ü \t!"}, {"x-a": "b", "X_B.c": "ü \t!"}),
        ({"retry-after": 1, "x-f": 1.5}, {"retry-after": "1", "x-f": "1.5"}),
        ({"request-id": None, "x": ""}, {"request-id": None, "x": ""}),
    ],
)
def test_headers_are_texts(written: dict[str, Any], expected: dict[str, str | None]) -> None:
    """Numbers are written without quotes; null takes a header out."""
    assert values.headers(written) == expected


@pytest.mark.parametrize(
    ("parse", "written", "text"),
    [
        (values.headers, "x", "headers are expected, not 'x'\n  hint: for example: headers: {retry-after: \"1\"}"),
        (
            values.headers,
            {"a b": "c"},
            "a b: 'a b' is not the name of a header\n  hint: a name has letters, digits and hyphens, and no spaces",
        ),
        (
            values.headers,
            {"": "c"},
            "'' is not the name of a header\n  hint: a name has letters, digits and hyphens, and no spaces",
        ),
        (values.headers, {"x": True}, "x: a text is expected, not true\n  hint: write a text, or null to take the header out"),
        (
            values.headers,
            {"x": ["a"]},
            "x: a text is expected, not ['a']\n  hint: write a text, or null to take the header out",
        ),
        (values.headers, {"x": "a\r\nb"}, "x: a header cannot carry the character '\\r'\n  hint: write one line of Latin-1"),
        (values.headers, {"x": "a\0b"}, "x: a header cannot carry the character '\\x00'\n  hint: write one line of Latin-1"),
        (values.headers, {"x": "5 €"}, "x: a header cannot carry the character '\\u20ac'\n  hint: write one line of Latin-1"),
        (values.usage, 3, f"a mapping is expected, not 3\n  {USAGE}"),
        (values.usage, {"output_tokens": "many"}, f"output_tokens: a whole number is expected, not 'many'\n  {USAGE}"),
        (values.usage, {"input_tokens": True}, f"input_tokens: a whole number is expected, not true\n  {USAGE}"),
        (values.usage, {"x": b"a"}, f"x: {BINARY}"),
        (values.json_object, ["a"], "an object is expected, not ['a']\n  hint: write a mapping; it is sent as it is"),
        (values.json_object, {"a": b"c"}, f"a: {BINARY}"),
        (values.json_only, {"a": [1, {"b": b"c"}]}, f"a.1.b: {BINARY}"),
        (
            values.body,
            3,
            "a body is expected, not 3\n  hint: write a text or !!binary, or a mapping or a list that is sent as JSON",
        ),
        (values.body, {"a": b"c"}, f"a: {BINARY}"),
    ],
)
def test_what_is_not_usable_is_an_error(parse: Callable[[Any], object], written: object, text: str) -> None:
    """It names the key, what was expected, and what to write."""
    with pytest.raises(ScenarioError) as caught:
        parse(written)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "written", [{}, {"output_tokens": 5, "service_tier": "batch"}, {"server_tool_use": {"web_search_requests": 1}}]
)
def test_counts_of_tokens_stand_with_anything_else(written: dict[str, Any]) -> None:
    """A count that the API adds later passes through."""
    assert values.usage(written) == written


def test_an_object_is_kept_as_it_is() -> None:
    """Whatever the API puts into it."""
    assert values.json_object({"a": [None]}) == {"a": [None]}


@pytest.mark.parametrize("written", ["", "text", b"\x1f\x8b", {"a": [1]}, []])
def test_a_body_is_a_text_or_bytes_or_json(written: object) -> None:
    """It is kept as it is."""
    assert values.body(written) is written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (3, "3"),
        ("a", "'a'"),
        (["a"], "['a']"),
        ("x" * 100, f"'{'x' * 58}…"),
    ],
)
def test_a_value_is_shown_in_short(value: object, text: str) -> None:
    """What has a word of its own in YAML is shown by it."""
    assert values.shorten(value) == text
