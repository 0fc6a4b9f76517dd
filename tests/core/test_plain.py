"""Dataclasses as JSON and back: every field of a call survives, whatever is added to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core.exchange import Request
from streamlab.core.journal import Call, Journal, Sent
from streamlab.core.plain import from_plain, to_plain
from streamlab.core.usage import Usage
from streamlab.errors import ScenarioError


class Point(NamedTuple):
    """A tuple whose parts have names."""

    x: int
    y: float = 0.5


ONE = Point(1)


@dataclass(frozen=True, kw_only=True)
class Everything:
    """One field of each kind."""

    text: str
    data: bytes = b""
    flag: bool = False
    number: int = 0
    share: float = 0.0
    maybe: int | None = None
    word: Literal["a", "b"] = "a"
    either: int | str = 0
    points: Sequence[Point] = ()
    pair: tuple[str, int] = ("", 0)
    names: tuple[str, ...] = ()
    inner: Point = ONE
    free: Any = None
    made: int = field(default=0, init=False)


text = st.text(st.characters(codec="utf-8"))
floats = st.floats(allow_nan=False, allow_infinity=False)
points = st.builds(Point, st.integers(), floats)
everything = st.builds(
    Everything,
    text=text,
    data=st.binary(),
    flag=st.booleans(),
    number=st.integers(),
    share=floats,
    maybe=st.none() | st.integers(),
    word=st.sampled_from(["a", "b"]),
    either=st.integers() | text,
    points=st.lists(points).map(tuple),
    pair=st.tuples(text, st.integers()),
    names=st.lists(text).map(tuple),
    inner=points,
    free=st.none() | st.dictionaries(text, st.integers()),
)


def through_json(value: Any) -> Any:
    """Return what comes out at the other end of a wire."""
    return json.loads(json.dumps(to_plain(value)))


@given(everything)
def test_what_is_written_is_read_as_it_was(value: Everything) -> None:
    """Every kind of field."""
    assert from_plain(Everything, through_json(value)) == value


headers = st.lists(st.tuples(text, text)).map(tuple)
requests = st.builds(Request, method=text, path=text, query=text, headers=headers, body=st.binary())


optional = {
    name: st.none() | floats if kind == float | None else st.from_type(kind)
    for name, kind in get_type_hints(Call).items()
    if name not in ("request", "started", "sent")
}
sends = st.lists(st.builds(Sent, at=floats)).map(tuple)


@given(st.builds(Call, request=requests, started=floats, sent=sends, **optional))
def test_a_call_comes_back_as_it_was(call: Call) -> None:
    """Whatever fields a call has: they are made by their types."""
    assert from_plain(Call, through_json(call)) == call


def test_every_field_of_a_call_is_told() -> None:
    """None is left out, and what it is made of is told by name."""
    call = Call(number=1, request=Request(body=b"\xff"), rule=None, status=200, attempt=1, started=0.0, sent=[Sent(0.5, 10, 1)])
    plain = to_plain(call)
    assert set(plain) == set(get_type_hints(Call))
    assert plain["sent"] == [{"at": 0.5, "size": 10, "events": 1}]
    assert plain["request"]["body"] == {"base64": "/w=="}
    assert Journal.of([from_plain(Call, plain)]).only.request.body == b"\xff"


def test_what_the_other_side_does_not_know_is_left_out_and_what_it_does_not_say_has_its_default() -> None:
    """A newer and an older version understand each other."""
    assert from_plain(Usage, {"name": "a", "later": 1}) == Usage(name="a")
    assert from_plain(Everything, {"text": "a", "inner": {"x": 2, "z": 3}}).inner == Point(2, 0.5)


@pytest.mark.parametrize(
    ("plain", "key"),
    [
        ([], ()),
        ({}, ("text",)),
        ({"text": 1}, ("text",)),
        ({"text": "", "data": 1}, ("data",)),
        ({"text": "", "data": {"base64": "?"}}, ("data",)),
        ({"text": "", "flag": 1}, ("flag",)),
        ({"text": "", "number": True}, ("number",)),
        ({"text": "", "share": "1"}, ("share",)),
        ({"text": "", "maybe": "1"}, ("maybe",)),
        ({"text": "", "word": "c"}, ("word",)),
        ({"text": "", "either": None}, ("either",)),
        ({"text": "", "points": {}}, ("points",)),
        ({"text": "", "points": [{"x": 1}, {"y": 1.0}]}, ("points", 1, "x")),
        ({"text": "", "pair": ["a"]}, ("pair",)),
        ({"text": "", "names": ["a", 1]}, ("names", 1)),
        ({"text": "", "inner": 1}, ("inner",)),
    ],
)
def test_what_is_not_as_it_should_be_is_named(plain: object, key: tuple[str | int, ...]) -> None:
    """With the way to it."""
    with pytest.raises(ScenarioError) as caught:
        from_plain(Everything, plain)
    assert caught.value.key == key


@pytest.mark.parametrize("value", [len, object(), {"a": [print]}])
def test_what_is_no_data_is_not_written(value: object) -> None:
    """A function, for one."""
    with pytest.raises(TypeError, match="is no data"):
        to_plain(value)
