"""Changes as lines: values side by side, long texts word by word."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core import changes
from streamlab.core.changes import change_lines, words_changed
from streamlab.core.comparison import ABSENT, Change
from streamlab.core.shown import Line

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("a", "b", "  x: a → b"),
        ("", "b\x1b", "  x: '' → b␛"),
        (None, {"a": 1}, '  x: null → {"a":1}'),
        (ABSENT, "b", "  x: only in the second: b"),
        ([1], ABSENT, "  x: only in the first: [1]"),
        (1, LONG, f"  x: 1 → {LONG}"),
    ],
)
def test_short_values_stand_side_by_side(before: Any, after: Any, shown: str) -> None:
    """Or alone, if there is nothing on the other side."""
    assert list(change_lines(Change("x", before, after))) == [Line(shown)]


def test_a_line_is_cut_to_the_width() -> None:
    """Unless it is a text that changed, which has its own measure."""
    assert list(change_lines(Change("x", 1, LONG), 10)) == [Line("  x: 1 → …")]
    first, second = change_lines(Change("a long path", LONG, LONG + "!"), 10)
    assert first == Line("  a long …", "title")
    assert second.text.endswith("fourteen{+!+}")


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (LONG, LONG.replace("seven", "7"), "…four five six [-seven-]{+7+} eight nine ten…"),
        (LONG, LONG.replace("eight ", ""), "…five six seven [-eight -]nine ten eleven …"),
        (LONG, f"Zero {LONG}", "{+Zero +}one two three …"),
        (LONG, f"{LONG}\nmore", "… twelve thirteen fourteen{+⏎more+}"),
        (LONG, "", f"[-{LONG}-]"),
        ("a", "a", "a"),
        (
            LONG,
            LONG.replace("two", "2").replace("thirteen", "13"),
            "one [-two-]{+2+} three four five…ten eleven twelve [-thirteen-]{+13+} fourteen",
        ),
    ],
)
def test_a_text_is_compared_word_by_word(before: str, after: str, shown: str) -> None:
    """With a few words around each change."""
    assert words_changed(before, after) == shown


def test_a_text_that_changed_as_a_whole_is_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparing its words would take too long, and nobody reads all of it."""
    monkeypatch.setattr(changes, "_MOST_WORDS", 2)
    monkeypatch.setattr(changes, "_LONGEST", 5)
    assert words_changed("a b c d e", "x b c d y z") == "[-a b c… (9 characters)-]{+x b c… (11 characters)+}"


@given(st.text("ab \n", max_size=30), st.text("ab \n", max_size=30))
def test_what_went_and_came_can_be_told_from_the_marks(one: str, other: str) -> None:
    """Short texts are not shortened: without one kind of marks it is the one text, without the other the other."""
    shown = words_changed(one, other)
    if "…" in shown:
        return
    assert re.sub(r"\[-(.*?)-\]", r"\1", re.sub(r"\{\+.*?\+\}", "", shown)).replace("⏎", "\n") == one
    assert re.sub(r"\{\+(.*?)\+\}", r"\1", re.sub(r"\[-.*?-\]", "", shown)).replace("⏎", "\n") == other
