"""What may be written in the fields of a fault."""

from __future__ import annotations

from typing import Any

import pytest

from streamlab.core.faults.fields import as_bytes, check_number, check_word, is_whole
from streamlab.errors import FaultError


@pytest.mark.parametrize(
    ("written", "whole"), [(0, True), (-3, True), (True, False), (1.0, False), ("1", False), (None, False)]
)
def test_true_and_false_are_no_numbers(written: Any, *, whole: bool) -> None:
    """Nor is what only looks like one."""
    assert is_whole(written) is whole


@pytest.mark.parametrize("written", [2, 3, 10])
def test_a_number_may_be_the_first_the_last_and_all_between(written: int) -> None:
    """Nothing is raised."""
    check_number(written, "count", range(2, 11), "is no number of lines")


@pytest.mark.parametrize("written", [1, 11, -2, True, 2.0, "2", None])
def test_another_number_is_an_error_that_says_which_may_be_written(written: Any) -> None:
    """With the key, and the problem in the words of the fault."""
    with pytest.raises(FaultError) as caught:
        check_number(written, "count", range(2, 11), "is no number of lines")
    assert str(caught.value) == f"count: {written!r} is no number of lines\n  hint: write a number from 2 to 10"


@pytest.mark.parametrize(
    ("written", "near"), [("rest", "did you mean 'reset'? "), (None, ""), (["fin"], "did you mean 'fin'? "), (True, "")]
)
def test_another_word_is_an_error_with_the_nearest(written: Any, near: str) -> None:
    """Whatever is written; one of the words is none."""
    check_word("fin", "how", ("fin", "reset"), "is not a way to cut")
    with pytest.raises(FaultError) as caught:
        check_word(written, "how", ("fin", "reset"), "is not a way to cut")
    assert (caught.value.problem, caught.value.key) == (f"{written!r} is not a way to cut", ("how",))
    assert caught.value.hint == f"{near}expected one of: fin, reset"


@pytest.mark.parametrize(("written", "data"), [(b"\xff", b"\xff"), ("é", b"\xc3\xa9"), ("\ud800", b"\xed\xa0\x80")])
def test_a_text_is_bytes_in_utf_8(written: str | bytes, data: bytes) -> None:
    """Half of a surrogate pair as well, which is no UTF-8."""
    assert as_bytes(written) == data
