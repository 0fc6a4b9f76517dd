"""Tests of recognition: which requests are the same, which are not, and what is said of the difference."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import ask, posted
from hypothesis import example, given
from hypothesis import strategies as st

from streamlab.core.exchange import Request
from streamlab.core.exchange_redaction import redact_request
from streamlab.core.recognition import Matching, traits

KEY = "sk-ant-api03-abcdefghij0123456789"
TOOL = "toolu_01A09q90qw90lq917835lq9"
OTHER_TOOL = "toolu_01ZZZq90qw90lq917835lq9"
FREE = Matching(normalise=("ids", "dates"))


def used(*ids: str) -> Request:
    """Return a request that brings the result of each of these calls, in the order of the calls."""
    calls = [{"type": "tool_use", "id": each, "name": "get", "input": {}} for each in ids]
    results = [{"type": "tool_result", "tool_use_id": each} for each in ids]
    return posted({"messages": [{"role": "assistant", "content": calls}, {"role": "user", "content": results}]})


SAME: dict[str, tuple[Matching, Request, Request]] = {
    "other headers": (Matching(), ask(), ask(headers=(("x-a", "1"),))),
    "other query": (Matching(), Request(query="beta=true"), Request()),
    "escaped path": (Matching(), Request(path="/v1/a%20b"), Request(path="/v1/a b")),
    "order of keys": (Matching(), posted({"a": 1, "b": [2]}), posted({"b": [2], "a": 1})),
    "spaces": (Matching(), Request(body=b'{"a": [1,2]}'), Request(body=b'{"a":[1, 2] }')),
    "escapes": (Matching(), Request(body='{"a":"é"}'.encode()), Request(body=b'{"a":"\\u00e9"}')),
    "fraction of nothing": (Matching(), posted({"temperature": 1.0}), posted({"temperature": 1})),
    "no stream said": (Matching(), posted({"a": 1}), posted({"a": 1, "stream": False})),
    "metadata": (Matching(), ask(metadata={"user_id": "a"}), ask()),
    "an ignored path": (Matching(ignore=("a.b",)), posted({"a": {"b": 1, "c": 2}}), posted({"a": {"b": 9, "c": 2}})),
    "as a miss writes it": (Matching(ignore=("body.a.0",)), posted({"a": [1]}), posted({"a": [2]})),
    "any item": (Matching(ignore=("a.*.id",)), posted({"a": [{"id": 1}, {"id": 2}]}), posted({"a": [{"id": 3}, {}]})),
    "any key": (Matching(ignore=("a.*",)), posted({"a": {"b": 1}}), posted({"a": {"c": 2}})),
    "a path that is not there": (Matching(ignore=("a.b.c", "a.7", "d")), posted({"a": [1]}), posted({"a": [1]})),
    "ids": (FREE, used(TOOL), used(OTHER_TOOL)),
    "two ids": (FREE, used(TOOL, OTHER_TOOL), used(OTHER_TOOL, TOOL)),
    "a date": (FREE, ask("Today is 2026-11-21."), ask("Today is 2027-01-02.")),
    "a moment": (FREE, ask("It is 2026-11-21T06:30:00Z."), ask("It is 2026-11-22T07:31:10.123+01:00.")),
    "no JSON": (Matching(), Request(body=b"\xffabc"), Request(body=b"\xffabc")),
    "a redacted key": (Matching(), ask(f"My key is {KEY}"), ask("My key is [redacted]")),
    "a redacted key after a line": (Matching(), ask(f"Key:\n{KEY}"), ask("Key:\n[redacted]")),
    "the user's pattern": (Matching(redact=("cust_[0-9]+",)), ask("I am cust_17"), ask("I am [redacted]")),
    "a secret of the query, elsewhere": (
        Matching(),
        Request(path="/v1/[redacted]", query="api_key=[redacted]", body=b'{"a":"[redacted]"}'),
        Request(path="/v1/plainSecretKey123456", query="api_key=plainSecretKey123456", body=b'{"a":"plainSecretKey123456"}'),
    ),
    "a key in the path": (Matching(), Request(path=f"/v1/{KEY}"), Request(path="/v1/[redacted]")),
    "the key of the header": (
        Matching(),
        ask("It is p4ssword-p4ssword", headers=(("x-api-key", "p4ssword-p4ssword"),)),
        ask("It is [redacted]"),
    ),
}
DIFFERENT: dict[str, tuple[Matching, Request, Request, list[str]]] = {
    "a text": (Matching(), ask("Hello"), ask("Hullo"), ["body.messages.0.content: recorded 'Hello', got 'Hullo'"]),
    "method": (Matching(), Request(method="GET"), Request(), ["method: recorded 'GET', got 'POST'"]),
    "path": (Matching(), Request(path="/a"), Request(path="/b"), ["path: recorded '/a', got '/b'"]),
    "stream": (Matching(), ask(), ask(stream=False), ["stream: recorded true, got false"]),
    "stream, ignored": (Matching(ignore=("stream",)), ask(), ask(stream=False), ["stream: recorded true, got false"]),
    "metadata, not ignored": (
        Matching(ignore=()),
        ask(metadata={"user_id": "a"}),
        ask(),
        ['body.metadata: recorded {"user_id": "a"}, got nothing'],
    ),
    "a key more": (Matching(), ask(), ask(top_k=5), ["body.top_k: recorded nothing, got 5"]),
    "a message less": (
        Matching(),
        posted({"messages": [1, {"role": "user"}]}),
        posted({"messages": [1]}),
        ['body.messages.1: recorded {"role": "user"}, got nothing'],
    ),
    "a number for a truth": (Matching(), posted({"a": 1}), posted({"a": True}), ["body.a: recorded 1, got true"]),
    "a number for a text": (Matching(), posted({"a": 1}), posted({"a": "1"}), ["body.a: recorded 1, got '1'"]),
    "nothing for null": (Matching(), posted({"a": None}), posted({}), ["body.a: recorded null, got nothing"]),
    "ids that cross": (
        FREE,
        used(TOOL, OTHER_TOOL),
        used(TOOL, TOOL),
        [
            "body.messages.0.content.1.id: recorded 'toolu_#2', got 'toolu_#1'",
            "body.messages.1.content.1.tool_use_id: recorded 'toolu_#2', got 'toolu_#1'",
        ],
    ),
    "ids, as they are": (
        Matching(),
        posted({"id": TOOL}),
        posted({"id": OTHER_TOOL}),
        [f"body.id: recorded '{TOOL}', got '{OTHER_TOOL}'"],
    ),
    "words that are no ids": (
        FREE,
        posted({"a": "msg_count"}),
        posted({"a": "msg_other"}),
        ["body.a: recorded 'msg_count', got 'msg_other'"],
    ),
    "JSON for none": (Matching(), Request(body=b"hello"), posted({}), ["body: recorded 'hello', got {}"]),
    "no body": (Matching(), Request(), Request(body=b"x"), ["body: recorded nothing, got 'x'"]),
    "a long text": (
        Matching(),
        ask("x" * 1000 + "Hello" + "y" * 1000),
        ask("x" * 1000 + "Hullo" + "y" * 1000),
        [f"body.messages.0.content: recorded '…{'x' * 23}Hello{'y' * 20}…', got '…{'x' * 23}Hullo{'y' * 20}…'"],
    ),
    "a long value": (
        Matching(),
        posted({"a": list(range(99))}),
        posted({}),
        [f"body.a: recorded {json.dumps(list(range(99)))[:95]}…, got nothing"],
    ),
    "a secret": (
        Matching(),
        ask(f"one {KEY}"),
        ask(f"two {KEY}"),
        ["body.messages.0.content: recorded 'one [redacted]', got 'two [redacted]'"],
    ),
}


@pytest.mark.parametrize("case", SAME.values(), ids=SAME)
def test_requests_that_are_the_same(case: tuple[Matching, Request, Request]) -> None:
    """They have one key, and nothing is said to differ."""
    matching, recorded, asked = case
    assert matching.key(recorded) == matching.key(asked)
    assert matching.differences(recorded, asked) == ()
    assert matching.distance(recorded, asked) == (0, 0)


@pytest.mark.parametrize("case", DIFFERENT.values(), ids=DIFFERENT)
def test_requests_that_differ(case: tuple[Matching, Request, Request, list[str]]) -> None:
    """They have two keys, and each difference is said with its path and both values."""
    matching, recorded, asked, expected = case
    assert matching.key(recorded) != matching.key(asked)
    assert [str(each) for each in matching.differences(recorded, asked)] == expected
    assert matching.distance(recorded, asked) > (0, 0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(width=16) | st.sampled_from(["a", "é", KEY, "stream", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "stream", "metadata"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(JSON, JSON)
def test_the_same_key_is_no_difference(one: Any, other: Any) -> None:
    """What the index says and what a miss says never contradict each other."""
    matching = Matching()
    recorded, asked = posted(one), posted(other)
    is_same = matching.key(recorded) == matching.key(asked)
    assert (matching.differences(recorded, asked) == ()) is is_same


@given(JSON, st.sampled_from([(), ("[a-z]+_[0-9]+",), ("a",), ('"',), ("é",), ("[^ -~]+",)]))
@example({"a": None, "stream": True}, ("a",))
def test_a_request_matches_what_is_kept_of_it(body: Any, patterns: tuple[str, ...]) -> None:
    """Whatever a recorder takes out of a request, the request itself still finds its recording."""
    asked = posted(body, headers=(("x-api-key", KEY),))
    kept, _ = redact_request(asked, patterns)
    matching = Matching(redact=patterns)
    assert matching.key(kept) == matching.key(asked)


def test_a_body_that_is_nested_too_deep_is_compared_as_text() -> None:
    """It is no error: what cannot be looked into is the same or not."""
    deep = Request(body=b"[" * 100_000)
    assert Matching().key(deep) == Matching().key(deep)
    assert Matching().key(deep) != Matching().key(Request(body=b"[" * 99_999))


def test_a_part_that_is_missing_counts_for_all_that_is_in_it() -> None:
    """So the nearest of several is not the one that lacks the whole conversation."""
    matching = Matching()
    assert matching.distance(posted({"a": {"b": [1, 2, 3]}}), posted({})) == (3, 1)
    assert matching.distance(posted({"a": 1, "c": []}), posted({"a": 2})) == (2, 2)
    assert matching.distance(Request(body=b"no JSON"), posted({"a": 1, "b": [2, 3]})) == (3, 1)


@pytest.mark.parametrize(
    ("recorded", "asked", "share"),
    [("Hello", "Hullo", 0.2), ("Hello", "", 1.0), ("aa", "aaa", 1 / 3), ("abc", "xyz", 1.0), (1, "a", 1.0)],
)
def test_of_two_texts_the_nearer_is_the_one_that_differs_in_less(recorded: Any, asked: Any, share: float) -> None:
    """What lies between the same beginning and the same end."""
    count, unlike = Matching().distance(posted({"a": recorded}), posted({"a": asked}))
    assert (count, round(unlike, 6)) == (1, round(share, 6))


def test_similar_bodies_share_traits() -> None:
    """More than those that are not, and there are never many of them."""

    def marks(request: Request) -> set[bytes]:
        found = traits(Matching().value(request))
        return {found[start : start + 4] for start in range(0, len(found), 4)}

    one, near, far = (
        marks(ask("What is the weather in Paris?")),
        marks(ask("What is the weather in Rome?")),
        marks(ask("Sing!")),
    )
    assert len(one & near) > len(one & far)
    long = {
        "messages": [{"role": "user", "content": f"{number}"} for number in range(10_000)],
        **{str(n): n for n in range(99)},
    }
    assert len(traits(long)) <= 4 * 60
    assert traits("no object") != traits(["another"])
    assert traits({"a": 1}) == traits({"a": 1, "messages": None})
