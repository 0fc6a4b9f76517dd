"""Usage: how often each rule answered, and the words for one that did not as it must."""

from __future__ import annotations

import pytest

from streamlab.core.authoring import as_reply
from streamlab.core.exchange import Exchange, Request
from streamlab.core.plan import Head
from streamlab.core.replies import Entry, Miss, Rule
from streamlab.core.tapes import Tape
from streamlab.core.usage import Usage, own_name, unplayed, unused, usages

ONCE = Rule(name="once", replies=(as_reply("One."), as_reply("Two.", times=2)), repeats=False, required=True)
ALWAYS = Rule(name="always", replies=(as_reply("Fine."), as_reply("Again.")), required=True)
MAYBE = Rule(name="maybe", replies=(as_reply("Fine."),))


def tape(count: int) -> Tape:
    """Return a cassette of so many exchanges, each of another request."""
    asked = [Request(body=b'{"n": %d}' % number) for number in range(count)]
    return Tape("tape", asked, lambda number: Exchange(request=asked[number], head=Head()))


class _Other:
    """An entry of another kind."""

    name = "other"

    def find(self, request: Request) -> Rule | None:
        """Find nothing."""

    def miss(self, request: Request) -> Miss:
        """Miss everything."""
        del request
        return Miss()


@pytest.mark.parametrize(
    ("entry", "given", "expected"),
    [
        (ONCE, {}, Usage(name="once", given=0, wanted=3)),
        (ONCE, {"once": 3}, Usage(name="once", given=3, wanted=3)),
        (ALWAYS, {"always": 9}, Usage(name="always", given=9, wanted=1)),
        (MAYBE, {"once": 1}, Usage(name="maybe")),
        (tape(2), {}, Usage(name="tape", exchanges=2, unplayed=(1, 2))),
        (tape(2), {"tape exchange 2": 3}, Usage(name="tape", given=3, exchanges=2, unplayed=(1,))),
        (_Other(), {"other": 1}, Usage(name="other")),
    ],
)
def test_each_entry_says_how_often_it_was_given_and_must_be(entry: Entry, given: dict[str, int], expected: Usage) -> None:
    """A rule goes by its name, a cassette by those of its exchanges."""
    assert usages([entry], given) == (expected,)


def test_only_what_was_given_too_seldom_is_said() -> None:
    """More often than it must is no fault."""
    used = [Usage(name="a", given=1, wanted=3), Usage(name="b", given=2, wanted=2), Usage(name="c", given=3, wanted=1)]
    assert unused(used) == ("'a' was given 1 of 3 times",)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((2,), "'tape': exchange 2 of 20 not asked for"),
        ((1, 3), "'tape': exchanges 1, 3 of 20 not asked for"),
        (tuple(range(1, 13)), "'tape': exchanges 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more of 20 not asked for"),
    ],
)
def test_the_exchanges_that_were_not_asked_for_are_named(numbers: tuple[int, ...], text: str) -> None:
    """The first ten of them."""
    assert unplayed([Usage(name="tape", exchanges=20, unplayed=numbers), Usage(name="rule")]) == (text,)


@pytest.mark.parametrize(
    ("taken", "name"), [((), "a"), (("b",), "a"), (("a",), "a (2)"), (("a", "a (2)"), "a (3)"), (("a", "a (3)"), "a (2)")]
)
def test_a_name_that_is_taken_gets_a_number(taken: tuple[str, ...], name: str) -> None:
    """The first that is free."""
    assert own_name("a", taken) == name
