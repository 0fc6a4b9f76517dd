"""Tests of the schema's parts: how a fault's fields become JSON Schema, and what does not fit a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Any, ClassVar, Literal, Optional

import pytest

from streamlab.core.faults import base
from streamlab.core.faults.base import AtPlace, register
from streamlab.core.plan import Plan
from streamlab.core.sources import _FILLED
from streamlab.files import schema
from streamlab.files.schema import fault_schema, faults_schema, mismatch, shared


class _Color(Enum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class _Everywhere(AtPlace):
    """Changes everything. And then some."""

    default: ClassVar[Any] = ("at", "headers")

    amount: int = 1
    share: float = 0.5
    loud: bool = False
    way: Literal["up", "down"] = "up"
    words: tuple[str, ...] = ()
    pair: tuple[int, str] = (1, "a")
    more: Sequence[int] = ()
    table: Mapping[str, Any] | None = None
    maybe: Optional[str] = None  # noqa: UP045 - people write it like this too
    anything: Any = None
    free: str | Any = ""
    color: _Color = _Color.RED

    def apply(self, plan: Plan, rng: Random) -> Plan:
        del rng
        return plan


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> type[_Everywhere]:
    """Give a fault that somebody wrote, known for the length of a test."""
    monkeypatch.setattr(base, "_REGISTRY", dict(base._REGISTRY))
    return register("everywhere")(_Everywhere)


def test_a_new_fault_has_its_schema_from_its_class(everywhere: type[_Everywhere]) -> None:
    """Types come from annotations, the text from the first line; one that has a place of its own needs none."""
    found = fault_schema("everywhere")
    assert everywhere.default is not None
    place = {"$shared": "place"}
    assert found == {
        "type": "object",
        "properties": {
            "everywhere": {"type": "integer"},
            "before": place,
            "at": place,
            "after": place,
            "share": {"type": "number"},
            "loud": {"type": "boolean"},
            "way": {"enum": ["up", "down"]},
            "words": {"type": "array", "items": {"type": "string"}},
            "pair": {"type": "array"},
            "more": {"type": "array", "items": {"type": "integer"}},
            "table": {"anyOf": [{"type": "object"}, {"type": "null"}]},
            "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "anything": {},
            "free": {},
            "color": {},
        },
        "required": ["everywhere"],
        "additionalProperties": False,
        "description": "Changes everything. And then some.",
    }


def test_a_fault_that_needs_a_place_says_so() -> None:
    """Exactly one of the three."""
    assert fault_schema("cut")["oneOf"] == [{"required": ["before"]}, {"required": ["at"]}, {"required": ["after"]}]


def test_a_fault_among_events_has_no_place() -> None:
    """It stands where it is written."""
    for found in faults_schema(placed=False)["anyOf"]:
        assert "oneOf" not in found
        assert not {"before", "at", "after"} & set(found["properties"])


def test_a_stream_is_a_list_of_names_events_silences_bytes_and_faults() -> None:
    """Each of them is a choice of its own."""
    choices = schema.events_schema()["items"]["anyOf"]
    assert choices[0]["enum"] == list(schema.EVENT_NAMES)
    assert [each["required"] for each in choices[1:3]] == [["type"], ["wait"]]
    assert choices[3:] == faults_schema(placed=False)["anyOf"]


def test_the_names_of_events_are_those_that_can_be_filled_in() -> None:
    """An editor offers every one of them."""
    assert set(schema.EVENT_NAMES) == set(_FILLED)


def test_what_is_used_often_is_written_once() -> None:
    """A reference stands in its place, with what is said there and nowhere else."""
    found = shared(
        {"properties": {"a": {"$shared": "place", "description": "Here."}, "b": [{"$shared": "span"}]}, "$defs": {"x": {}}}
    )
    assert found["properties"] == {"a": {"$ref": "#/$defs/place", "description": "Here."}, "b": [{"$ref": "#/$defs/span"}]}
    assert set(found["$defs"]) == {"block", "condition", "duration", "place", "span", "fault", "x"}


@pytest.mark.parametrize(
    ("part", "value", "expected"),
    [
        ({}, object(), None),
        ({"type": "string"}, "a", None),
        ({"type": "string"}, b"a", None),
        ({"type": "string"}, 3, ((), "a text")),
        ({"type": "integer"}, 3, None),
        ({"type": "integer"}, 3.5, ((), "a whole number")),
        ({"type": "integer"}, True, ((), "a whole number")),
        ({"type": "number"}, 3, None),
        ({"type": "number"}, False, ((), "a number")),
        ({"type": "boolean"}, True, None),
        ({"type": "boolean"}, 1, ((), "true or false")),
        ({"type": "null"}, None, None),
        ({"type": "null"}, 0, ((), "nothing")),
        ({"type": "object"}, [], ((), "a mapping")),
        ({"type": "array"}, {}, ((), "a list")),
        ({"type": "array"}, [1, "a"], None),
        ({"type": "array", "items": {"type": "integer"}}, [1, "a"], ((1,), "a whole number")),
        ({"enum": ["up", "down"]}, "up", None),
        ({"enum": ["up", "down"]}, "left", ((), "one of up, down")),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, 3, None),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, None, ((), "a text or a whole number")),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {"a": "b", "c": 3}, None),
        (
            {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}},
            {"a": ["b", 3]},
            (("a", 1), "a text"),
        ),
    ],
)
def test_what_does_not_fit_is_found(part: dict[str, Any], value: object, expected: object) -> None:
    """The key that leads to it, and what was expected there."""
    assert mismatch(part, value) == expected
