"""What the faults say of themselves."""

from __future__ import annotations

import pytest

from streamlab.core.fault_guide import FAMILIES, Key, by_family, done_by_the_sdk, keys, summary, text_of
from streamlab.core.faults import Example, fault_names, fault_type


def test_every_fault_is_in_one_family() -> None:
    """And none of ours in that of others."""
    found = dict(by_family())
    assert sorted(name for names in found.values() for name in names) == list(fault_names())
    assert list(found) == [family for family in FAMILIES if family != "other"]
    assert "cut" in found["wire"]
    assert "drop" in found["order"]


@pytest.mark.parametrize("name", fault_names())
def test_every_fault_says_what_it_is_in_a_sentence(name: str) -> None:
    """The first paragraph of its class, in one line."""
    assert summary(fault_type(name)).endswith(".")
    assert "\n" not in summary(fault_type(name))
    assert text_of(fault_type(name)).replace("\n", " ").startswith(summary(fault_type(name)))


def test_the_main_key_comes_first_and_the_place_last() -> None:
    """Each with its name in YAML, its field in Python and its default."""
    assert keys(fault_type("cut")) == [
        Key("cut", "how", "fin"),
        Key("before", "before", "none"),
        Key("at", "at", "none"),
        Key("after", "after", "none"),
    ]
    assert keys(fault_type("change"))[:2] == [Key("change", "events", "must be written"), Key("set", "set", "{}")]


@pytest.mark.parametrize(
    ("example", "said"),
    [
        (Example("a", "b", "raises ReadError"), "raises ReadError"),
        (Example("a", "b", "the whole message"), "gives the whole message"),
        (Example("a", "b", "stop_reason None"), "raises nothing: stop_reason None"),
        (
            Example("a", "b", "raises IndexError", create="the whole message"),
            "raises IndexError; in a loop over `create(stream=True)`: gives the whole message",
        ),
    ],
)
def test_what_the_sdk_does_is_said_in_words(example: Example, said: str) -> None:
    """That nothing is raised is said first: it is what people do not expect."""
    assert done_by_the_sdk(example) == said
