"""A plan: head, frames, ending; and what its head says."""

from __future__ import annotations

import pytest

from streamlab.core.plan import EVENT_STREAM, JSON, Ending, Head, Headers, Plan, without
from streamlab.core.sse import Frame

HEADERS: Headers = (("Content-Type", JSON), ("vary", "Accept"), ("Vary", "Origin"), ("request-id", "req_1"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content-type", JSON),
        ("CONTENT-TYPE", JSON),
        ("vary", "Accept"),
        ("Request-Id", "req_1"),
        ("retry-after", None),
        ("", None),
    ],
)
def test_a_header_is_found_in_any_case(name: str, value: str | None) -> None:
    """The first of a name counts; a header that is not there is None."""
    assert Head(headers=HEADERS).get(name) == value


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], HEADERS),
        ([("retry-after", "1")], (*HEADERS, ("retry-after", "1"))),
        ([("VARY", "x")], (("Content-Type", JSON), ("request-id", "req_1"), ("VARY", "x"))),
        ([("vary", None)], (("Content-Type", JSON), ("request-id", "req_1"))),
        ([("Request-ID", None), ("content-type", None), ("vary", None)], ()),
        ([("x-not-there", None)], HEADERS),
        ([("x", "1"), ("x", "2")], (*HEADERS, ("x", "1"), ("x", "2"))),
        ([("vary", None), ("vary", "y")], (("Content-Type", JSON), ("request-id", "req_1"), ("vary", "y"))),
        ([("vary", "")], (("Content-Type", JSON), ("request-id", "req_1"), ("vary", ""))),
    ],
)
def test_given_headers_take_the_place_of_those_of_their_names(given: list[tuple[str, str | None]], expected: Headers) -> None:
    """All of a name go, what is given comes at the end in its order, None takes one out; the status stays."""
    head = Head(529, HEADERS)
    assert head.with_headers(iter(given)) == Head(529, expected)
    assert head.headers == HEADERS


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], HEADERS),
        (["VARY"], (("Content-Type", JSON), ("request-id", "req_1"))),
        (["vary", "content-TYPE", "request-id"], ()),
        (["var"], HEADERS),
    ],
)
def test_headers_are_left_out_by_name(names: list[str], expected: Headers) -> None:
    """A name takes out every header of it, in any case."""
    assert without(HEADERS, iter(names)) == expected


def test_the_body_is_every_byte_of_the_frames() -> None:
    """Frames that carry nothing count too."""
    assert Plan(Head(), (Frame(b"a"), Frame(b""), Frame(b"\xef\xbb\xbf"), Frame(b"b\n\n"))).body == b"a\xef\xbb\xbfb\n\n"
    assert Plan(Head()).body == b""


@pytest.mark.parametrize(
    ("headers", "is_stream"),
    [
        ((("content-type", EVENT_STREAM),), True),
        ((("Content-Type", "Text/Event-Stream"),), True),
        ((("content-type", JSON),), False),
        ((("accept", EVENT_STREAM),), False),
        ((), False),
    ],
)
def test_a_stream_is_what_says_that_it_is_one(headers: Headers, *, is_stream: bool) -> None:
    """The content type decides, in any case, and with or without its charset."""
    assert Plan(Head(headers=headers)).is_stream is is_stream


def test_a_plan_is_complete_unless_something_ends_it() -> None:
    """An answer of which nothing is said is a whole 200."""
    plan = Plan(Head())
    assert (plan.head.status, plan.head.headers, plan.frames, plan.ending) == (200, (), (), Ending.COMPLETE)


def test_the_endings_are_the_words_of_the_journal() -> None:
    """Each ending is its own word."""
    assert [str(each) for each in Ending] == ["complete", "end", "fin", "reset", "corrupt", "hang"]
