"""Tests of what formats read alike: bodies, headers, statuses, moments."""

from __future__ import annotations

from typing import Any

import pytest
from foreign_files import b64
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core.exchange import Read
from streamlab.errors import ScenarioError
from streamlab.files.importers.documents import Part
from streamlab.files.importers.drafts import (
    JSON_BODIES,
    body_of,
    from_base64,
    headers_of,
    is_pair,
    moment_of,
    status_of,
    whole,
)


@pytest.mark.parametrize(
    ("value", "body", "unknown"),
    [
        (None, None, ()),
        ("", b"", ()),
        ("Grüße", "Grüße".encode(), ()),
        ("\ud83d", rb"\ud83d", ()),
        (b"\xff", b"\xff", ()),
        ({"b": 1, "a": ["ü"]}, '{"b":1,"a":["ü"]}'.encode(), (JSON_BODIES,)),
        ([], b"[]", (JSON_BODIES,)),
        (False, b"false", (JSON_BODIES,)),
    ],
)
def test_bodies(value: Any, body: bytes | None, unknown: tuple[str, ...]) -> None:
    """A text is its bytes; data is written compactly in its order, which is said."""
    assert body_of(Part(value)) == (body, unknown)


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (None, ()),
        (
            {"A": "x", "b": ["y", "z"], "c": [], "d": None, "e": 5, "f": b"\xfc"},
            (("A", "x"), ("b", "y"), ("b", "z"), ("d", ""), ("e", "5"), ("f", "ü")),
        ),
        ([{"name": "a", "value": "x"}, {"name": "a", "value": 2}], (("a", "x"), ("a", "2"))),
    ],
)
def test_headers(value: Any, headers: Any) -> None:
    """Of any of the shapes, in their order, with repeats."""
    assert headers_of(Part(value)) == headers


@pytest.mark.parametrize(
    ("function", "value", "message"),
    [
        (headers_of, "x", "k: a mapping is expected, not 'x'"),
        (headers_of, {"a": {"b": 1}}, "k.a: a text is expected, not {'b': 1}"),
        (headers_of, {"a": [True]}, "k.a.0: a text is expected, not true"),
        (headers_of, [["a", "b"]], "k.0: a mapping is expected, not ['a', 'b']"),
        (headers_of, [{"value": "b"}], "k.0.name: a text is expected, not null"),
        (status_of, 99, "k: a status from 200 to 599 is expected, not 99"),
        (status_of, 600, "k: a status from 200 to 599 is expected, not 600"),
        (status_of, True, "k: a status from 200 to 599 is expected, not true"),
        (status_of, "OK", "k: a status from 200 to 599 is expected, not 'OK'"),
        (status_of, "2000", "k: a status from 200 to 599 is expected, not '2000'"),
        (status_of, "²00", "k: a status from 200 to 599 is expected, not '²00'"),
        (status_of, None, "k: a status from 200 to 599 is expected, not null"),
        (from_base64, "?", "k: base64 is expected, not '?'"),
        (from_base64, "aGk", "k: base64 is expected, not 'aGk'"),
        (from_base64, "ü", "k: base64 is expected, not 'ü'"),
        (from_base64, 1, "k: a text is expected, not 1"),
    ],
)
def test_what_is_wrong_is_said(function: Any, value: Any, message: str) -> None:
    """With the key that it stands at."""
    with pytest.raises(ScenarioError) as caught:
        function(Part(value, ("k",)))
    assert str(caught.value) == message


@pytest.mark.parametrize(("value", "status"), [(200, 200), (529, 529), ("404", 404), ("200 OK", 200)])
def test_statuses(value: Any, status: int) -> None:
    """A number, or a text that begins with one."""
    assert status_of(Part(value)) == status


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2025-09-12T10:00:00Z", "2025-09-12T10:00:00Z"),
        ("2025-09-12T10:00:00.123456+02:00", "2025-09-12T08:00:00.123456Z"),
        ("2025-09-12 10:00:00", "2025-09-12T10:00:00Z"),
        ("Fri, 12 Sep 2025 10:00:00 GMT", "2025-09-12T10:00:00Z"),
        ("Fri, 12 Sep 2025 10:00:00 +0200", "2025-09-12T08:00:00Z"),
        ("0001-01-01T00:00:00+14:00", None),
        ("soon", None),
        ("", None),
        (5, None),
        (None, None),
    ],
)
def test_moments(value: Any, moment: str | None) -> None:
    """In UTC; what is none is None."""
    assert moment_of(value) == moment


@given(st.text(alphabet="0123456789:-+TZ .,JanFriGMT", max_size=40))
def test_no_moment_fails(value: str) -> None:
    """Whatever is written."""
    found = moment_of(value)
    assert found is None or moment_of(found) == found


@given(st.binary())
def test_base64_comes_back(data: bytes) -> None:
    """Broken into lines, too."""
    assert from_base64(Part(b64(data)[:20] + "\n " + b64(data)[20:])) == data


def test_small_things() -> None:
    """A body of nothing has no read; a pair has a request and a response."""
    assert whole(b"x") == (Read(b"x"),)
    assert whole(b"") == whole(None) == ()
    pairs: list[Any] = [{"request": {}, "response": {}}, {"request": {}}, {"request": 1, "response": {}}, []]
    assert [is_pair(each) for each in pairs] == [True, False, False, False]
