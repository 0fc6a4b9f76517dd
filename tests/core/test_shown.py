"""How recorded values are shown: nothing reaches a terminal raw, and widths are counted in cells."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core.shown import as_json, cells, count, cut, of_bytes, seconds, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\nb\r\tc", "a⏎b␍⇥c"),
        ("\x1b[2J\x00\x7f", "␛[2J␀␡"),
        ("\x9b31m\u202eevil\ufeff", "⟨9b⟩31m⟨202e⟩evil⟨feff⟩"),
        ("\u2028\ud800", "⟨2028⟩⟨d800⟩"),
        ("👩\u200d💻 日本\xa0é", "👩\u200d💻 日本\xa0é"),
        ("key sk-ant-api03-abcdefgh", "key [redacted]"),
    ],
)
def test_what_a_terminal_must_not_get_is_shown_as_signs(text: str, shown: str) -> None:
    """Controls of all kinds, what turns the direction, and secrets."""
    assert visible(text) == shown


@given(st.text())
def test_no_control_character_is_left(text: str) -> None:
    """Whatever was recorded."""
    assert not any(ord(each) < 32 or 0x7F <= ord(each) < 0xA0 or each in "\u202e\u2066" for each in visible(text))


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 5, "abcd…"),
        ("abcdef", 0, "abcdef"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("e\u0301a", 2, "e\u0301a"),
    ],
)
def test_a_line_is_cut_to_its_cells(text: str, most: int, shown: str) -> None:
    """Wide characters take two, combining ones none; 0 cuts nothing."""
    assert cut(text, most) == shown


@given(st.text(), st.integers(1, 20))
def test_what_is_cut_fits(text: str, most: int) -> None:
    """In any script."""
    assert cells(cut(text, most)) <= most


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (0.0, "0.0 ms"),
        (0.0004, "0.4 ms"),
        (0.0123, "12 ms"),
        (1.234, "1.23 s"),
        (-0.05, "-50 ms"),
        (59.999, "60.00 s"),
        (60, "1 min 00 s"),
        (125.4, "2 min 05 s"),
    ],
)
def test_a_time_has_a_fitting_unit(value: float | None, shown: str) -> None:
    """From tenths of a millisecond to minutes."""
    assert seconds(value) == shown


def test_a_count_is_in_the_right_number() -> None:
    """One is one."""
    assert [count(number, "event") for number in (0, 1, 1200)] == ["0 events", "1 event", "1,200 events"]


def test_bytes_that_are_no_text_are_escaped() -> None:
    """And text stays."""
    assert of_bytes("é".encode() + b"\xff") == "é\\xff"


def test_json_is_plain_ascii_without_secrets() -> None:
    """It stays the same data but for the secrets, in keys too, and even if one opens and does not close."""
    value = {"a\x7f\x1b": ["é", 1, None, ("sk-ant-api03-abcdefgh",)], "x": "-----BEGIN PRIVATE KEY-----", "y": True}
    line = as_json(value)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {"a\x7f\x1b": ["é", 1, None, ["[redacted]"]], "x": "[redacted]", "y": True}
