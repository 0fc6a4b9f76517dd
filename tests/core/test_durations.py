"""Lengths of time, as people write them."""

from __future__ import annotations

import math

import pytest

from streamlab.core.durations import FOREVER, seconds
from streamlab.errors import ScenarioError


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("400ms", 0.4),
        ("2s", 2.0),
        ("2 s", 2.0),
        ("1.5s", 1.5),
        ("0ms", 0.0),
        ("1m", 60.0),
        ("1h", 3600.0),
        (2, 2.0),
        (0, 0.0),
        (0.25, 0.25),
        ("1000000000s", 1e9),
        (10**9, 1e9),
    ],
)
@pytest.mark.parametrize("allow_forever", [False, True])
def test_a_length_of_time_is_seconds(written: object, expected: float, *, allow_forever: bool) -> None:
    """A number is seconds; a text has a unit."""
    assert seconds(written, key="wait", allow_forever=allow_forever) == pytest.approx(expected)


def test_forever_is_endless_where_it_is_allowed() -> None:
    """Only a stall may say `forever`."""
    assert seconds(FOREVER, key="stall", allow_forever=True) == math.inf


@pytest.mark.parametrize(
    "written",
    [
        *("", "2", "s", "2 sec", "2S", "-1s", "1e3s", ".5s", "1.s", "2  s", " 2s", "2s ", "2s\n", "1m30s", "forever"),
        *("٣s", "9" * 400 + "s", "1000000001s", "300000h", "inf", "nan"),
        *(-1, -0.001, True, False, math.inf, -math.inf, math.nan, 10**400, 1e10, None, [], {}, b"2s"),
    ],
    ids=repr,
)
def test_anything_else_is_an_error_with_its_key(written: object) -> None:
    """The error names the key and says what can be written."""
    with pytest.raises(ScenarioError) as caught:
        seconds(written, key="wait")
    assert caught.value.problem == f"{written!r} is not a length of time"
    assert caught.value.key == ("wait",)
    assert caught.value.hint == "write 400ms, 2s, 1m, 1h or a number of seconds"


@pytest.mark.parametrize("written", ["Forever", "for ever", math.inf, True])
def test_the_hint_names_forever_where_it_is_allowed(written: object) -> None:
    """Somebody who misspells `forever` is told of it."""
    with pytest.raises(ScenarioError) as caught:
        seconds(written, key="stall", allow_forever=True)
    assert caught.value.hint == "write 400ms, 2s, 1m, 1h or a number of seconds, or forever"
