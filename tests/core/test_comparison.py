"""Comparison: what means something is found, and what means nothing is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import (
    JSON,
    PING,
    REFUSED,
    STREAM,
    answered,
    asks,
    block,
    closing,
    message_start,
    raw,
    streamed,
    text_block,
    tool_block,
)

from streamlab.core.comparison import ABSENT, Change, compare, compare_bytes, compare_times, pairs, request_key
from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.plan import Head

EVENTS = [message_start(), *text_block("Hi", " there"), *tool_block("", '{"city":"Rome"}', index=1), *closing("tool_use")]
BASE = streamed(EVENTS)
SIZE = len(BASE.body)


def told(before: Exchange, after: Exchange) -> list[tuple[str, Any, Any]]:
    """Return what changed, as tuples."""
    return [(each.where, each.before, each.after) for each in compare(before, after)]


def with_events(*events: dict[str, Any]) -> Exchange:
    """Return the base with other events."""
    return streamed(events)


def head(*headers: tuple[str, str], status: int = 200) -> Head:
    """Return a head of a stream with these headers."""
    return Head(status, (*STREAM.headers, *headers))


def conversation(call: str) -> Request:
    """Return a request in which a call has an id."""
    messages = [
        {"role": "assistant", "content": [{"type": "tool_use", "id": call, "name": "look", "input": {"id": "a"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, "content": f"of {call}"}]},
    ]
    return asks(messages=messages)


PADDED = [each.replace(b"}\n\n", b"       }\n\n") for each in raw(EVENTS)]
CHUNKED = b"".join(PADDED)
OTHER_IDS = [
    message_start(id="msg_2"),
    *EVENTS[1:5],
    *tool_block('{"city"', ':"Rome"}', index=1, call="toolu_9"),
    *closing("tool_use"),
]
THINKING = block({"type": "thinking", "thinking": ""}, {"type": "signature_delta", "signature": "abc"})
OTHER_THINKING = block({"type": "thinking", "thinking": ""}, {"type": "signature_delta", "signature": "def"})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BASE, BASE),
        (BASE, answered(PADDED)),
        (BASE, answered([CHUNKED[:5], CHUNKED[5:]])),
        (BASE, with_events(EVENTS[0], PING, *EVENTS[1:], PING)),
        (BASE, answered([b": comment\n\n", *raw(EVENTS), b"\n"])),
        (BASE, streamed(OTHER_IDS)),
        (BASE, with_events(EVENTS[0], *text_block("Hi th", "e", "re"), *EVENTS[5:])),
        (with_events(message_start(), *THINKING), with_events(message_start(), *OTHER_THINKING)),
        (BASE, replace(BASE, first=9.0, ended_at=99.0, recorded="2026-11-21T06:30:00Z")),
        (BASE, replace(BASE, ended=Ended.UNKNOWN)),
        (BASE, replace(BASE, head=head(("date", "today"), ("CF-Ray", "1"), ("anthropic-ratelimit-tokens-limit", "9")))),
        (BASE, replace(BASE, head=Head(200, (("Content-Type", STREAM.headers[0][1]),)))),
        (
            BASE,
            replace(BASE, request=replace(BASE.request, headers=(("Anthropic-Version", "2023-06-01"), ("user-agent", "x")))),
        ),
        (BASE, replace(BASE, request=asks(metadata={"user_id": "x"}))),
        (streamed(request=conversation("toolu_01abcdefgh")), streamed(request=conversation("toolu_01ijklmnop"))),
        (REFUSED, REFUSED),
    ],
)
def test_what_means_nothing_is_no_change(before: Exchange, after: Exchange) -> None:
    """In neither direction."""
    assert told(before, after) == told(after, before) == []


@pytest.mark.parametrize(
    ("after", "changes"),
    [
        (with_events(EVENTS[0], *text_block("Hi", " you"), *EVENTS[5:]), [("content[0].text", "Hi there", "Hi you")]),
        (
            with_events(*EVENTS[:5], *tool_block('{"city":"Oslo"}', index=1), *EVENTS[-2:]),
            [("content[1].input.city", "Rome", "Oslo")],
        ),
        (with_events(*EVENTS[:-2], *closing("max_tokens")), [("stop_reason", "tool_use", "max_tokens")]),
        (with_events(*EVENTS[:-2], *closing("tool_use", 6)), [("usage.output_tokens", 5, 6)]),
        (with_events(message_start(model="n"), *EVENTS[1:]), [("model", "m", "n")]),
        (replace(BASE, head=head(status=201)), [("status", 200, 201)]),
        (replace(BASE, head=head(("retry-after", "3"))), [("response header retry-after", ABSENT, "3")]),
        (replace(BASE, ended=Ended.RESET), [("ended", "complete", "reset")]),
        (replace(BASE, request=asks("Bye")), [("request messages[0].content", "Hello?", "Bye")]),
        (replace(BASE, request=asks(temperature=0.5)), [("request temperature", ABSENT, 0.5)]),
        (replace(BASE, request=asks(stream=1)), [("request stream", True, 1)]),
        (replace(BASE, request=replace(asks(), query="beta=true")), [("request query", "", "beta=true")]),
        (
            replace(BASE, request=replace(asks(), headers=(("anthropic-version", "2"), ("anthropic-beta", "b,a")))),
            [("request header anthropic-version", "2023-06-01", "2"), ("request header anthropic-beta", ABSENT, "a, b")],
        ),
        (replace(BASE, request=replace(asks(), body=b"no")), [("request body", asks().body.decode(), "no")]),
        (
            replace(REFUSED, ended=Ended.COMPLETE),
            [("status", 200, "no answer")],
        ),
    ],
)
def test_what_means_something_is_told(after: Exchange, changes: list[tuple[str, Any, Any]]) -> None:
    """By its path, and nothing else is."""
    assert told(BASE, after) == changes


def test_the_sequence_of_events_is_compared_in_runs() -> None:
    """And an error with what it says."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "no"}, "request_id": "req_1"}
    assert told(with_events(*EVENTS[:3]), with_events(*EVENTS[:3], error)) == [
        ("events", "message_start content_block_start text_delta", "message_start content_block_start text_delta error"),
        ("other event 1", ABSENT, {"type": "error", "error": {"type": "overloaded_error", "message": "no"}}),
    ]
    again = {**error, "request_id": "req_2"}
    assert told(with_events(*EVENTS[:3], error), with_events(*EVENTS[:3], again)) == []


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        ([{"type": "new", "x": 1}], [{"type": "new", "x": 2}], "other event 1.x"),
        (
            block({"type": "text"}, {"type": "odd", "x": 1}),
            block({"type": "text"}, {"type": "odd", "x": 2}),
            "other event 1.delta.x",
        ),
        ([{"type": "content_block_delta", "delta": 3}], [], "events"),
    ],
)
def test_what_the_message_does_not_hold_is_compared_too(
    before: list[dict[str, Any]], after: list[dict[str, Any]], where: str
) -> None:
    """Events and deltas that are not known."""
    assert told(with_events(*EVENTS, *before), with_events(*EVENTS, *after))[0][0] == where


def test_bytes_that_are_no_event_are_compared() -> None:
    """An unfinished end means something."""
    assert told(BASE, answered([*raw(EVENTS), b"data: \xff"]))[1:] == [("other event 1", ABSENT, "data: \\xff")]


def test_a_redacted_thinking_and_a_result_are_compared_without_what_is_opaque() -> None:
    """Their data is another each time."""
    one, other = (block({"type": "redacted_thinking", "data": each}) for each in ("a", "b"))
    assert told(with_events(EVENTS[0], *one), with_events(EVENTS[0], *other)) == []
    one, other = (block({"type": "web_search_tool_result", "content": [{"encrypted_content": each}]}) for each in ("a", "b"))
    assert told(with_events(EVENTS[0], *one), with_events(EVENTS[0], *other)) == []


def test_ids_in_a_tool_input_mean_something() -> None:
    """The model wrote them."""
    one, other = (with_events(EVENTS[0], *tool_block(f'{{"id":"{each}"}}')) for each in ("a", "b"))
    assert told(one, other) == [("content[0].input.id", "a", "b")]


def test_another_order_of_ids_means_something() -> None:
    """A result that answers another call."""
    calls = [*tool_block(index=0, call="toolu_1"), *tool_block(index=1, call="toolu_2")]
    one, other = ([*calls, *block({"type": "r", "tool_use_id": each}, index=2)] for each in ("toolu_1", "toolu_2"))
    assert told(with_events(EVENTS[0], *one), with_events(EVENTS[0], *other)) == [("content[2].tool_use_id", "id 2", "id 3")]


def test_what_is_put_into_a_list_is_told_alone() -> None:
    """What is equal before and after it belongs together."""
    one, other = (streamed(request=asks(stop_sequences=each)) for each in (["a", "d"], ["a", "b", "d"]))
    assert told(one, other) == [("request stop_sequences[1]", ABSENT, "b")]
    assert told(other, one) == [("request stop_sequences[1]", "b", ABSENT)]
    whole, less = (streamed(request=asks(stop_sequences=each)) for each in (["a", "a"], ["a"]))
    assert told(whole, less) == [("request stop_sequences[1]", "a", ABSENT)]


def test_bodies_are_compared_as_json_or_as_text() -> None:
    """And a stream with a body by what they say."""
    one, other = (answered([body], head=JSON) for body in (b'{"a": [1], "id": "x"}', b'{"id":"y","a":[2]}'))
    assert told(one, other) == [("a[0]", 1, 2)]
    page = answered([b"<p>"], head=JSON)
    assert told(one, page) == [("body", {"a": [1], "id": "id 1"}, "<p>")]
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {"input_tokens": 3}}
    whole = answered([json.dumps(message).encode()], head=JSON)
    changes = told(whole, streamed([message_start()]))
    assert [each[0] for each in changes] == ["response header content-type", "the answer is"]


def test_a_stream_without_a_message_differs_from_one_with() -> None:
    """There is nothing to compare its parts with."""
    assert told(BASE, answered([b": nothing\n\n"]))[0] == ("message", "one", "none")
    assert told(answered([b": nothing\n\n"]), answered([])) == []


@pytest.mark.parametrize(
    ("change", "wheres"),
    [
        (lambda each: replace(each, first=0.41), []),
        (lambda each: replace(each, first=0.8), ["time to first token", "time to the head", "duration"]),
        (lambda each: replace(each, first=None), ["time to first token", "duration"]),
        (lambda each: replace(each, ended_at=9.0), ["duration", "longest silence"]),
        (lambda each: replace(each, reads=tuple(Read(read.data) for read in each.reads), ended_at=None), []),
    ],
)
def test_times_are_compared_on_demand(change: Callable[[Exchange], Exchange], wheres: list[str]) -> None:
    """As far as both are known, and differ enough to be seen."""
    assert [each.where for each in compare_times(BASE, change(BASE))] == [f"timing: {each}" for each in wheres]


@pytest.mark.parametrize(
    ("after", "changes"),
    [
        (replace(BASE, recorded="x", first=None, ended_at=None), []),
        (replace(BASE, head=head(("date", "today"))), [("response header date", ABSENT, "today")]),
        (replace(BASE, head=Head(200, STREAM.headers[::-1])), [("response headers", "in one order", "in another")]),
        (
            REFUSED,
            [
                ("status", 200, "no answer"),
                ("body, from byte 1 on",),
                ("reads, from read 1 on",),
                ("ended", "complete", "refused"),
            ],
        ),
        (replace(BASE, request=replace(asks(), path="/x")), [("request path", "/v1/messages", "/x")]),
        (
            replace(BASE, reads=(*BASE.reads[:-1], Read(BASE.reads[-1].data[:9]), Read(BASE.reads[-1].data[9:]))),
            [("reads, from read 11 on", "51 bytes", "9 bytes")],
        ),
        (
            replace(BASE, reads=(*BASE.reads, Read(b"tail"))),
            [
                (f"body, from byte {SIZE + 1} on", f"{SIZE} bytes, here b''", f"{SIZE + 4} bytes, here b'tail'"),
                ("reads, from read 12 on", "no read", "4 bytes"),
            ],
        ),
    ],
)  # fmt: skip
def test_everything_is_compared_on_demand(after: Exchange, changes: list[tuple[Any, ...]]) -> None:
    """Bytes, headers, reads and ending; not the times."""
    found = [(each.where, each.before, each.after) for each in compare_bytes(BASE, after)]
    assert [each[: len(wanted)] for each, wanted in zip(found, changes, strict=True)] == changes


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_the_first_byte_that_differs_is_found(one: bytes, other: bytes) -> None:
    """For any bytes."""
    (*_, found) = [Change("", 0, 0), *compare_bytes(answered([one]), answered([other]))]
    if one == other:
        assert found.where == ""
        return
    (change, *_) = compare_bytes(answered([one]), answered([other]))
    number = int(change.where.split()[3]) - 1
    assert one[:number] == other[:number]
    assert one[number : number + 1] != other[number : number + 1]


def test_a_change_as_data_leaves_out_what_is_not_there() -> None:
    """Null is there."""
    assert Change("a", ABSENT, None).as_dict() == {"where": "a", "after": None}
    assert repr(ABSENT) == "nothing"


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("ab", "cd", [(0, 0), (1, 1)]),
        ("abc", "ac", [(0, 0), (1, None), (2, 1)]),
        ("ac", "abc", [(0, 0), (1, 2), (None, 1)]),
        ("aa", "aaa", [(0, 0), (1, 1), (None, 2)]),
        ("abc", "xb", [(0, 0), (1, 1), (2, None)]),
        ("", "a", [(None, 0)]),
        ("", "", []),
    ],
)
def test_exchanges_are_paired(before: str, after: str, found: list[tuple[int | None, int | None]]) -> None:
    """By position if there are as many; else those that ask the same, and the rest in order."""
    assert pairs(before, after) == found


def test_the_key_is_that_of_what_is_asked() -> None:
    """Not of ids, metadata and headers."""
    assert request_key(asks()) == request_key(replace(asks(metadata={"user_id": "x"}), headers=(), query="beta=true"))
    assert request_key(conversation("toolu_01abcdefgh")) == request_key(conversation("toolu_01ijklmnop"))
    different = [
        asks(),
        asks("Bye"),
        replace(asks(), path="/x"),
        replace(asks(), method="PUT"),
        Request(body=b"1"),
        Request(body=b"2"),
    ]
    assert len({request_key(each) for each in different}) == len(different)
