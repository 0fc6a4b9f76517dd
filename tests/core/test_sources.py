"""Sources: each makes a plan, for a request that wants a stream and for one that does not."""

from __future__ import annotations

import datetime as dt
import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from asking import EVERYTHING, ask, body_of, events_of, types_of
from hypothesis import given
from hypothesis import strategies as st
from sdk_messages import sdk_message, without_nulls

from streamlab.core.api_errors import ERRORS
from streamlab.core.authoring import as_source, error, events, message
from streamlab.core.blocks import parse_blocks
from streamlab.core.events import PING
from streamlab.core.exchange import Request
from streamlab.core.identity import generator
from streamlab.core.messages import fold
from streamlab.core.plan import Ending, Plan
from streamlab.core.sources import Computed, Content, Events, Failure, Http, Recorded, Source
from streamlab.core.sse import decode
from streamlab.errors import ScenarioError

WHOLE = (
    "message_start",
    "content_block_start",
    "ping",
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
    "content_block_stop",
    "message_delta",
    "message_stop",
)
FRAME = re.compile(rb"event: ([a-z_]+)\ndata: (\{.*?)( *)\}\n\n", re.DOTALL)


def planned(source: Source, *, stream: bool = True, seed: int = 1) -> Plan:
    """Return the answer of a source."""
    return source.plan(ask(stream=stream), Random(seed))


def event_source(*items: Any) -> Events:
    """Return a stream written event by event."""
    return events(*items)


# content


def test_a_stream_is_framed_as_the_apis() -> None:
    """Name and data in each frame, compact JSON unescaped, 0 to 15 spaces before the last brace of all but pings."""
    paddings: set[int] = set()
    for seed in range(20):
        for frame in planned(Content(parse_blocks(EVERYTHING)), seed=seed).frames:
            if frame.type == "ping":
                assert frame.raw == PING.raw == b'event: ping\ndata: {"type": "ping"}\n\n'
                continue
            found = FRAME.fullmatch(frame.raw)
            assert found is not None
            event = json.loads(found[2] + b"}")
            assert found[1].decode() == event["type"]
            assert found[2].decode() + "}" == json.dumps(event, ensure_ascii=False, separators=(",", ":"))
            assert b"\r" not in frame.raw
            paddings.add(len(found[3]))
    assert paddings == set(range(16))


def test_a_plain_stream_has_neither_padding_nor_pings() -> None:
    """For output that people read."""
    for seed in range(20):
        frames = planned(message("Hi there", plain=True), seed=seed).frames
        assert all(not re.search(rb" \}\n\n$", frame.raw) and frame.type != "ping" for frame in frames)


def test_a_stream_says_that_it_is_one() -> None:
    """The head is that of a 200, and what is sent is all of it."""
    plan = planned(message("Hi"))
    assert (plan.head.status, plan.is_stream, plan.ending) == (200, True, Ending.COMPLETE)
    assert plan.head.get("content-length") is None


@pytest.mark.parametrize("blocks", [["Hi"], [], EVERYTHING, [{"type": "never_heard_of", "x": 1}]])
def test_without_stream_the_same_message_is_one_json_body(blocks: list[Any]) -> None:
    """With what the SDK makes of the stream; ids are of the same shape, and their own."""
    source = Content(parse_blocks(blocks))
    body = body_of(planned(source, stream=False))
    streamed = sdk_message(events_of(planned(source, stream=True)))
    assert without_nulls(body) == without_nulls(streamed)
    assert planned(source, stream=False).head.get("content-type") == "application/json"


@given(st.text())
def test_any_text_is_the_same_in_both_ways(text: str) -> None:
    """Whatever its characters."""
    bodies = [fold(events_of(planned(message(text)))), body_of(planned(message(text), stream=False))]
    assert [body["content"][0]["text"] for body in bodies if body] == [text, text]


@pytest.mark.parametrize("text", ["half \ud83d", "\udc00\ud83d other way"])
def test_half_a_surrogate_pair_is_the_same_in_both_ways(text: str) -> None:
    """UTF-8 cannot say it, JSON can."""
    bodies = [fold(events_of(planned(message(text)))), body_of(planned(message(text), stream=False))]
    assert [body["content"][0]["text"] for body in bodies if body] == [text, text]


def test_the_model_that_is_asked_for_answers() -> None:
    """Unless the reply or nobody names one."""
    models = [
        events_of(source.plan(request, Random(1)))[0]["message"]["model"]
        for source, request in (
            (message("Hi"), ask(model="claude-opus-4-6")),
            (message("Hi", model="claude-mine"), ask(model="claude-opus-4-6")),
            (message("Hi"), Request(body=b'{"stream": true}')),
        )
    ]
    assert models == ["claude-opus-4-6", "claude-mine", "claude-sonnet-4-6"]


def test_the_tokens_of_the_request_are_counted() -> None:
    """A longer question costs more."""
    short, long = (events_of(message("Hi").plan(ask(text), Random(1)))[0]["message"]["usage"] for text in ("a", "a" * 4000))
    assert long["input_tokens"] - short["input_tokens"] in (999, 1000)


def test_the_same_lots_give_the_same_bytes() -> None:
    """And others give others."""
    one, same, other = (planned(Content(parse_blocks(EVERYTHING)), seed=seed).body for seed in (1, 1, 2))
    assert one == same != other


# events


def test_bare_names_are_filled_in() -> None:
    """They make a whole message, which is the same without a stream."""
    source = event_source(*WHOLE)
    assert types_of(planned(source)) == [item if isinstance(item, str) else item["type"] for item in WHOLE]
    assert planned(source).frames[2].raw == PING.raw
    folded = fold(events_of(planned(source)))
    assert folded is not None
    assert folded["content"] == [{"type": "text", "text": "Hi"}]
    body = body_of(planned(source, stream=False))
    assert body["content"] == folded["content"]
    assert (body["stop_reason"], body["model"]) == ("end_turn", "claude-sonnet-4-6")


def test_the_shape_holds_for_what_is_filled_in() -> None:
    """Id, model, stop reason and usage."""
    source = events(
        "message_start", "message_delta", id="msg_mine", model="m", stop_reason="refusal", usage={"output_tokens": 3}
    )
    start, delta = events_of(planned(source))
    assert (start["message"]["id"], start["message"]["model"]) == ("msg_mine", "m")
    assert (delta["delta"]["stop_reason"], delta["usage"]["output_tokens"]) == ("refusal", 3)


def test_indexes_follow_the_blocks() -> None:
    """Each start has the next one; deltas and stops have that of the last start, one that was written included."""
    names = ("content_block_start", "content_block_delta", "content_block_stop")
    written = {"type": "content_block_start", "index": 7, "content_block": {"type": "text", "text": ""}}
    source = event_source(*names, *names, written, "content_block_delta", *names)
    assert [event["index"] for event in events_of(planned(source))] == [0, 0, 0, 1, 1, 1, 7, 7, 8, 8, 8]


@pytest.mark.parametrize("start", [{}, {"index": "x", "content_block": None}, {"content_block": {"text": ""}}])
def test_a_start_of_an_odd_shape_counts_as_one(start: dict[str, Any]) -> None:
    """What follows speaks of it."""
    source = event_source({"type": "content_block_start", **start}, "content_block_delta", "content_block_start")
    assert [event["index"] for event in events_of(planned(source))[1:]] == [0, 1]


def test_a_delta_without_a_start_has_the_first_index() -> None:
    """As a stream that lost its start has."""
    assert events_of(planned(event_source("content_block_delta")))[0]["index"] == 0


def test_a_stop_reason_is_filled_in_from_the_blocks() -> None:
    """A call of a tool that was written stops the message."""
    start = {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "tool_use", "id": "t", "name": "x", "input": {}},
    }
    assert events_of(planned(event_source(start, "message_delta")))[1]["delta"]["stop_reason"] == "tool_use"


def test_an_error_by_name_is_the_overloaded_one() -> None:
    """With the keys that the API's has."""
    assert events_of(planned(event_source("error"))) == [
        {"type": "error", "error": {"details": None, "type": "overloaded_error", "message": "Overloaded"}}
    ]


def test_an_event_is_sent_as_it_is_written() -> None:
    """Unknown types and fields too, even those that would mean something in an item without a type."""
    written = {"type": "new_event", "wait": "soon", "raw": 5, "cut": "fin", "nested": {"b": 1, "a": [None]}}
    assert events_of(planned(event_source(written))) == [written]
    assert list(events_of(planned(event_source(written)))[0]) == list(written)


@pytest.mark.parametrize(
    ("raw", "sent"),
    [("event: x\n", b"event: x\n"), (b"\xff\x00", b"\xff\x00"), ("ü\u2028", "ü\u2028".encode()), ("\ud83d", b"\xed\xa0\xbd")],
)
def test_raw_bytes_are_sent_as_they_are(raw: str | bytes, sent: bytes) -> None:
    """A text in UTF-8, bytes as bytes."""
    plan = planned(event_source("message_start", {"raw": raw}))
    assert plan.frames[1].raw == sent


def test_a_wait_stands_before_the_next_event() -> None:
    """Waits add up; one at the end delays the end."""
    plan = planned(event_source("message_start", {"wait": "400ms"}, {"wait": 1}, "message_stop", {"wait": 2}))
    assert [(frame.type, round(frame.wait, 3)) for frame in plan.frames] == [
        ("message_start", 0.0),
        ("message_stop", 1.4),
        (None, 2.0),
    ]


def test_a_long_wait_carries_pings() -> None:
    """As the API's silences are reported to."""
    plan = planned(event_source("message_start", {"wait": "40s"}, "message_stop"))
    assert [frame.type for frame in plan.frames] == ["message_start", "ping", "ping", "message_stop"]
    assert sum(frame.wait for frame in plan.frames) == 40


@pytest.mark.parametrize(
    ("item", "ending", "last"),
    [
        ({"cut": "fin"}, Ending.FIN, "message_start"),
        ({"cut": "reset"}, Ending.RESET, "message_start"),
        ({"stall": "forever"}, Ending.HANG, "message_start"),
        ({"error": "overloaded"}, Ending.END, "error"),
    ],
)
def test_a_fault_stands_right_there(item: dict[str, Any], ending: Ending, last: str) -> None:
    """After what was written before it."""
    plan = planned(event_source("message_start", item))
    assert (plan.ending, plan.frames[-1].type) == (ending, last)


def test_a_wait_before_a_fault_holds() -> None:
    """The end comes after it."""
    plan = planned(event_source("message_start", {"wait": 2}, {"cut": "fin"}))
    assert [frame.wait for frame in plan.frames] == [0.0, 2.0]


def test_faults_may_follow_a_fault() -> None:
    """An error event, and the connection is reset after it."""
    plan = planned(event_source("message_start", {"error": "api"}, {"cut": "reset"}))
    assert (types_of(plan), plan.ending) == (["message_start", "error"], Ending.RESET)


def test_a_clean_end_may_come_late() -> None:
    """After an error event there is silence, and then the end."""
    plan = planned(event_source("message_start", {"error": "api"}, {"stall": 2}))
    assert (plan.ending, plan.frames[-1].wait) == (Ending.END, 2)


@pytest.mark.parametrize(
    ("items", "key", "problem"),
    [
        (["message_start", {"stall": 0}], ("events", 1, "stall"), "this fault changes nothing here"),
        (["message_start", {"move": "message_start"}], ("events", 1, "move"), "this fault changes nothing here"),
        (["message_start", {"move": "delta 9"}], ("events", 1, "move"), "the answer has no place 'delta 9'"),
        (["message_start", {"error": "api"}, {"cut": "end"}], ("events", 2, "cut"), "this fault changes nothing here"),
        (["message_start", {"stall": "forever"}, {"cut": "fin"}], ("events", 2), "the answer ends here already"),
    ],
)
def test_a_fault_among_events_is_checked_as_any_other(items: list[Any], key: tuple[object, ...], problem: str) -> None:
    """With its number among them, as one in the list of faults has."""
    with pytest.raises(ScenarioError) as caught:
        planned(event_source(*items))
    assert caught.value.key == key
    assert caught.value.problem.startswith(problem)


@pytest.mark.parametrize("late", ["message_stop", {"wait": 1}, {"raw": "x"}, {"type": "ping"}, {"stall": 1}])
def test_nothing_else_follows_the_end(late: Any) -> None:
    """An item that could never be sent is an error, with its place in the list."""
    with pytest.raises(ScenarioError, match="nothing can follow the end of the answer") as caught:
        planned(event_source("message_start", {"cut": "fin"}, late))
    assert caught.value.key == ("events", 2)


@pytest.mark.parametrize(
    ("items", "key", "words"),
    [
        (["ping", "message_stopp"], (1,), "there is no event 'message_stopp'\n  hint: did you mean 'message_stop'?"),
        ([5], (0,), "an event is expected, not 5\n  hint: write an event's name, or a mapping with its type"),
        ([{}], (0,), "an event is expected, not {}"),
        ([["ping"]], (0,), "an event is expected, not ['ping']"),
        ([{"type": 5}], (0, "type"), "the type of an event is a text"),
        ([{"type": "x", "at": dt.date(2026, 1, 1)}], (0,), "cannot be said in JSON"),
        ([{"weit": 5}], (0, "weit"), "there is no item 'weit'\n  hint: did you mean 'wait'?"),
        ([{"wait": "soon"}], (0, "wait"), "'soon' is not a length of time"),
        ([{"wait": 1, "raw": "x"}], (0, "raw"), "nothing may stand beside 'wait'"),
        ([{"raw": 5}], (0, "raw"), "a text or !!binary is expected, not 5"),
        ([{"cut": "maybe"}], (0, "cut"), "'maybe' is not a way to cut"),
        ([{"cut": "fin", "at": "delta 3"}], (0, "at"), "stands right there"),
        ([{"stall": "1s", "after": "delta 3"}], (0, "after"), "stands right there"),
    ],
)
def test_what_cannot_be_an_item_is_said_at_once(items: list[Any], key: tuple[Any, ...], words: str) -> None:
    """With its number, counted as YAML's lists are."""
    with pytest.raises(ScenarioError) as caught:
        Events.check(items)
    assert caught.value.key == key
    assert words in str(caught.value)


# streams that are asked for as JSON


@pytest.mark.parametrize(
    "source",
    [
        event_source(),
        event_source("ping"),
        event_source(*WHOLE[:-1]),
        event_source(*WHOLE[1:]),
        event_source(*WHOLE, {"cut": "fin"}),
        event_source(*WHOLE[:3], {"stall": "forever"}),
        event_source({"raw": "nothing"}),
        Recorded(decode(b"event: ping\ndata: {")),
        Recorded(()),
    ],
)
def test_what_adds_up_to_no_message_has_no_json(source: Source) -> None:
    """The error says what to write instead."""
    planned(source)
    with pytest.raises(ScenarioError, match="adds up to no message") as caught:
        planned(source, stream=False)
    assert "when: {stream: false}" in caught.value.hint


@pytest.mark.parametrize(
    ("written", "status", "inner"),
    [
        ({"error": "overloaded"}, 529, {"type": "overloaded_error", "message": "Overloaded"}),
        ({"error": "timeout", "message": "slow"}, 504, {"type": "timeout_error", "message": "slow"}),
        ("error", 529, {"type": "overloaded_error", "message": "Overloaded"}),
        ({"type": "error", "error": {"type": "new_error", "message": "m"}}, 500, {"type": "new_error", "message": "m"}),
        (
            {"type": "error", "error": {"type": "invalid_request_error"}},
            400,
            {"type": "invalid_request_error", "message": "Invalid request"},
        ),
        ({"type": "error", "error": {"message": 5}}, 500, {"type": "None", "message": "Internal server error"}),
        ({"type": "error"}, 500, {"type": "None", "message": "Internal server error"}),
        ({"type": "error", "error": "odd"}, 500, {"type": "None", "message": "Internal server error"}),
    ],
)
def test_a_stream_that_ends_in_an_error_is_that_error_as_json(written: Any, status: int, inner: dict[str, Any]) -> None:
    """With the status that the API gives it before a stream; an unknown type is kept."""
    plan = planned(event_source("message_start", written), stream=False)
    assert plan.head.status == status
    assert body_of(plan)["error"] == inner


def test_what_follows_the_stop_is_no_part_of_the_message() -> None:
    """Of several messages in a recording, the first one answers."""
    body = body_of(planned(event_source(*WHOLE, *WHOLE, "error"), stream=False))
    assert body["content"] == [{"type": "text", "text": "Hi"}]


# recordings


def test_a_recording_is_sent_byte_for_byte(recorded_streams: list[Path]) -> None:
    """Whatever the request; without a stream it is the message that the SDK makes of it."""
    for path in recorded_streams[::8]:
        data = path.read_bytes()
        source = Recorded(decode(data))
        assert planned(source).body == data
        body = body_of(planned(source, stream=False))
        assert without_nulls(body) == without_nulls(sdk_message(events_of(planned(source)), beta=True))


# errors and other answers


def test_an_error_is_json_even_if_a_stream_is_asked_for() -> None:
    """It comes before any stream."""
    for stream in (True, False):
        plan = planned(Failure(ERRORS["overloaded"], "mine"), stream=stream)
        assert (plan.head.status, plan.is_stream, body_of(plan)["error"]["message"]) == (529, False, "mine")


@pytest.mark.parametrize(
    ("source", "status", "headers", "body"),
    [
        (Http(), 200, [("content-length", "0")], b""),
        (
            Http(502, (("content-type", "text/html"),), b"<h1>"),
            502,
            [("content-type", "text/html"), ("content-length", "4")],
            b"<h1>",
        ),
        (Http(200, (("Content-Length", "9"),), b"x"), 200, [("Content-Length", "9")], b"x"),
        (Http(200, (("transfer-encoding", "chunked"),), b"x"), 200, [("transfer-encoding", "chunked")], b"x"),
    ],
)
def test_any_answer_of_http(source: Http, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    """As it is written, with its length unless something else is said of it."""
    plan = planned(source)
    assert (plan.head.status, list(plan.head.headers), plan.body) == (status, headers, body)


# functions


def test_a_function_sees_the_request_and_makes_the_answer() -> None:
    """Each time anew."""
    source = as_source(lambda request: f"You said: {request.last_user}")
    for text in ("one", "two"):
        assert body_of(source.plan(ask(text, stream=False), generator(1)))["content"][0]["text"] == f"You said: {text}"


def test_the_headers_of_what_a_function_returns_hold() -> None:
    """A reply is more than its source."""
    plan = planned(as_source(lambda _: error("overloaded", headers={"retry-after": "7"})))
    assert (plan.head.status, plan.head.get("retry-after")) == (529, "7")


def fails(_: Request) -> str:
    """Fail as a test's own function may."""
    raise KeyError("city")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (fails, "the function that makes this reply raised KeyError: 'city'"),
        (lambda _: None, "a reply is expected, not None"),
        (lambda _: error("overloaded", times=2), "`times` and `pace` say nothing in what it returns"),
        (lambda _: {"txt": "x"}, "there is no content block 'txt'"),
    ],
)
def test_a_function_that_gives_no_answer_is_an_error(function: Callable[[Request], Any], words: str) -> None:
    """It says what the function did."""
    with pytest.raises(ScenarioError) as caught:
        planned(as_source(function))
    assert words in str(caught.value)


def calls_what_fails(request: Request) -> str:
    """Fail in what this calls, which calls others."""
    return f"{fails(request)}."


def test_a_function_that_raises_is_found_by_its_line() -> None:
    """By the innermost one of its file, not by those of what it calls elsewhere."""

    def reads(_: Request) -> Any:
        return json.loads("{")

    for function, inner in ((calls_what_fails, fails), (fails, fails), (reads, reads)):
        with pytest.raises(ScenarioError) as caught:
            planned(as_source(function))
        lines, first = inspect.getsourcelines(inner)
        assert caught.value.hint == f"it was raised at {__file__}:{first + len(lines) - 1}"
    with pytest.raises(ScenarioError) as caught:
        planned(as_source(iter))  # none of Python's lines raises it
    assert caught.value.hint == ""


@pytest.mark.parametrize(
    "source", [Content(()), Events(()), Recorded(()), Failure(ERRORS["api"]), Http(), Computed(fails, as_source)]
)
def test_each_is_a_source(source: object) -> None:
    """By what it can do."""
    assert isinstance(source, Source)
