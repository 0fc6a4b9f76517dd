"""Messages: from content to the events that stream it, and from events to the message that they add up to."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from random import Random
from typing import Any

import anthropic
import httpx2
import pytest
from asking import EVERYTHING, MODEL
from hypothesis import example, given
from hypothesis import strategies as st
from sdk_messages import assert_same, sdk_message

from streamlab.core.blocks import parse_blocks
from streamlab.core.events import PING_EVENT, encode_padded
from streamlab.core.identity import generator
from streamlab.core.messages import (
    Shape,
    complete,
    compose,
    estimate_tokens,
    fold,
    stream,
    with_ping,
)
from streamlab.core.sse import Event, decode

SEEDS = range(40)
SHORT_BLOCKS = [["Hi"], [{"type": "redacted_thinking", "data": "E"}], [{"text": ""}], [{"tool_use": {"name": "x"}}], EVERYTHING]


def made(written: object, *, seed: int = 0, asked: str = MODEL, tokens: int = 12, **shape: Any) -> list[Event]:
    """Return the events of a message of these blocks, of which a request asked for the model `asked`."""
    rng, form = Random(seed), Shape(**shape)
    events = stream(*compose(parse_blocks(written), form, model=asked, input_tokens=tokens, rng=rng))
    return events if form.plain else with_ping(events, rng)


@pytest.mark.parametrize("blocks", SHORT_BLOCKS)
def test_events_come_in_the_order_of_the_api(blocks: list[Any]) -> None:
    """A start, the blocks one after the other, a delta, a stop; one ping at most, never first or after the delta."""
    code = {"message_start": "S", "content_block_start": "(", "content_block_delta": "d", "content_block_stop": ")"}
    code |= {"message_delta": "D", "message_stop": "E", "ping": "p"}
    for seed in SEEDS:
        letters = "".join(code[event["type"]] for event in made(blocks, seed=seed))
        assert re.fullmatch(r"S(\(d*\))*DE", letters.replace("p", ""))
        assert letters.count("p") <= 1
        assert "Sp" not in letters
        assert "Dp" not in letters


def test_indexes_count_from_zero_without_gaps() -> None:
    """Each event of a block has the index of its block."""
    events = [event for event in made(EVERYTHING) if "index" in event]
    starts = [event["index"] for event in events if event["type"] == "content_block_start"]
    assert starts == list(range(len(EVERYTHING)))
    assert [event["index"] for event in events] == sorted(event["index"] for event in events)


def test_the_first_ping_stands_where_the_apis_do() -> None:
    """Most often right after the first block's start; some streams have none."""
    places = [[event["type"] for event in made("One two three.", seed=seed)] for seed in range(400)]
    found = [each.index("ping") if "ping" in each else None for each in places]
    counts = {place: found.count(place) for place in set(found)}
    assert set(counts) == {None, 2, 3, 4}
    assert counts[2] > 200
    assert 25 < counts[None] < 95


def test_a_message_without_blocks_has_no_ping() -> None:
    """It is a start, a delta and a stop, as the API's are."""
    for seed in SEEDS:
        assert [event["type"] for event in made([], seed=seed)] == ["message_start", "message_delta", "message_stop"]


def test_a_plain_message_has_no_ping() -> None:
    """What people read has nothing in it that they did not write."""
    assert all(PING_EVENT not in made("Hi", seed=seed, plain=True) for seed in SEEDS)


def test_the_start_has_the_keys_of_the_api_in_its_order() -> None:
    """As since April 2026."""
    start = made("Hi")[0]
    message = start["message"]
    assert list(start) == ["type", "message"]
    assert " ".join(message) == "model id type role content stop_reason stop_sequence stop_details usage"
    assert " ".join(message["usage"]) == (
        "input_tokens cache_creation_input_tokens cache_read_input_tokens cache_creation "
        "output_tokens service_tier inference_geo"
    )
    assert message["usage"]["output_tokens"] == 1
    assert (message["content"], message["stop_reason"], message["stop_sequence"]) == ([], None, None)
    assert re.fullmatch(r"msg_01[1-9A-HJ-NP-Za-km-z]{22}", message["id"])


def test_the_delta_has_the_keys_of_the_api_in_its_order() -> None:
    """Its usage is cumulative and has the input tokens again."""
    delta = made("Hi", tokens=12)[-2]
    assert list(delta) == ["type", "delta", "usage"]
    assert list(delta["delta"].items()) == [("stop_reason", "end_turn"), ("stop_sequence", None), ("stop_details", None)]
    assert " ".join(delta["usage"]) == "input_tokens cache_creation_input_tokens cache_read_input_tokens output_tokens"
    assert delta["usage"]["input_tokens"] == 12


@pytest.mark.parametrize(
    ("blocks", "shape", "reason", "sequence"),
    [
        ("Hi", {}, "end_turn", None),
        ([], {}, "end_turn", None),
        ({"tool_use": {"name": "x"}}, {}, "tool_use", None),
        ({"type": "server_tool_use", "name": "web_search", "input": {}}, {}, "end_turn", None),
        ("Hi", {"stop_sequence": "END"}, "stop_sequence", "END"),
        ({"tool_use": {"name": "x"}}, {"stop_reason": "max_tokens"}, "max_tokens", None),
        ("Hi", {"stop_reason": "refusal", "stop_sequence": "END"}, "refusal", "END"),
    ],
)
def test_why_a_message_stops(blocks: object, shape: dict[str, Any], reason: str, sequence: str | None) -> None:
    """A call of a tool or a stop sequence is the reason, unless another is written."""
    delta = made(blocks, **shape)[-2]["delta"]
    assert (delta["stop_reason"], delta["stop_sequence"]) == (reason, sequence)


def test_what_is_written_of_a_message_holds() -> None:
    """Id, model and usage are as they are written, in the start and in the delta."""
    usage = {"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 99, "service_tier": "priority", "new_count": 1}
    start, delta = (made("Hi", id="msg_x", model="claude-x", usage=usage)[index] for index in (0, -2))
    assert (start["message"]["id"], start["message"]["model"]) == ("msg_x", "claude-x")
    assert start["message"]["usage"] == {
        "input_tokens": 5,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 7,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 1,
        "service_tier": "priority",
        "inference_geo": "not_available",
    }
    assert delta["usage"] == {
        "input_tokens": 5,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 7,
        "output_tokens": 99,
        "new_count": 1,
    }


@pytest.mark.parametrize(("written", "started"), [(0, 0), (1, 1), (99, 1), (None, 1), ("many", 1)])
def test_odd_counts_of_output_are_kept_for_the_delta(written: object, started: int) -> None:
    """The start has a small number whatever is written, the delta what is."""
    events = made("Hi", usage={"output_tokens": written})
    assert events[0]["message"]["usage"]["output_tokens"] == started
    assert events[-2]["usage"]["output_tokens"] == written


def test_the_cuts_are_those_of_the_model_that_answers() -> None:
    """A reply that names its model has its places, whatever model the request asks for."""
    text = "One two three four five six seven eight nine ten eleven twelve. " * 20
    short, long = (len(made(text, asked=model, plain=True)) for model in ("claude-3-5-haiku", "claude-sonnet-5"))
    assert short > 2 * long
    assert len(made(text, asked="claude-3-5-haiku", model="claude-sonnet-5", plain=True)) == long


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("tool_use", r"toolu_01[1-9A-Za-z]{22}"),
        ("server_tool_use", r"srvtoolu_01[1-9A-Za-z]{22}"),
        ("mcp_tool_use", r"mcptoolu_01[1-9A-Za-z]{22}"),
    ],
)
def test_calls_get_ids_of_the_right_shape(kind: str, shape: str) -> None:
    """The id stands after the type, as on the API; every call has its own."""
    block = {"type": kind, "name": "x", "input": {}}
    named = complete(parse_blocks([block, block]), Random(1))
    assert list(named[0].content)[:4] == ["type", "id", "name", "input"]
    ids = [each.content["id"] for each in named]
    assert all(re.fullmatch(shape, each) for each in ids)
    assert ids[0] != ids[1]


def test_a_written_id_is_kept() -> None:
    """And nothing but calls gets one."""
    blocks = parse_blocks(["Hi", {"tool_use": {"name": "x", "id": "toolu_mine", "caller": {"type": "direct"}}}])
    assert complete(blocks, Random(1)) == blocks


@pytest.mark.parametrize(("value", "tokens"), [("", 1), ("abc", 1), ("abcd" * 5, 5), ([], 1), ({"a": "b" * 34}, 10)])
def test_tokens_are_a_quarter_of_the_characters(value: object, tokens: int) -> None:
    """And at least one."""
    assert estimate_tokens(value) == tokens


def test_the_same_seed_gives_the_same_events() -> None:
    """Another one gives other ids, and the same text in the same places."""
    assert made(EVERYTHING, seed=1) == made(EVERYTHING, seed=1)
    one, other = made(EVERYTHING, seed=1), made(EVERYTHING, seed=2)
    assert one[0]["message"]["id"] != other[0]["message"]["id"]
    texts = [
        [event["delta"] for event in each if event.get("delta", {}).get("type") in ("text_delta", "input_json_delta")]
        for each in (one, other)
    ]
    assert texts[0] == texts[1]


def test_a_fold_of_what_was_made_is_the_content_again() -> None:
    """Content to events and back loses nothing."""
    made_of, blocks = compose(parse_blocks(EVERYTHING), Shape(), model=MODEL, input_tokens=1, rng=generator(2))
    message = fold(stream(made_of, blocks))
    assert message == made_of
    assert " ".join(message) == "model id type role content stop_reason stop_sequence stop_details usage"


@given(st.lists(st.text(), max_size=3), st.dictionaries(st.text(max_size=5), st.text() | st.integers(), max_size=3))
def test_any_text_and_input_survives_there_and_back(texts: list[str], value: dict[str, Any]) -> None:
    """Through the bytes of the wire, too."""
    written = [*texts, {"tool_use": {"name": "x", "input": value}}]
    raw = b"".join(encode_padded(event, Random(0)).raw for event in made(written))
    message = fold([frame.event for frame in decode(raw) if frame.event])
    assert message is not None
    assert [block.get("text", block.get("input")) for block in message["content"]] == [*texts, value]


@pytest.mark.parametrize("blocks", SHORT_BLOCKS)
def test_a_fold_is_what_the_sdk_accumulates(blocks: list[Any]) -> None:
    """Field by field, for text, thinking and calls of tools."""
    events = made(blocks, usage={"output_tokens": 44, "cache_read_input_tokens": 3})
    assert_same(fold(events), sdk_message(events))


def test_a_fold_of_a_broken_off_stream_is_what_the_sdk_has_by_then() -> None:
    """After each single event: half texts, half inputs, no stop reason."""
    events = made(EVERYTHING)
    for count in range(1, len(events)):
        assert_same(fold(events[:count]), sdk_message(events[:count]))


def test_a_fold_of_recorded_streams_is_what_the_sdk_accumulates(recorded_streams: list[Path]) -> None:
    """Of every one of them, with the blocks of betas."""
    compared = 0
    for path in recorded_streams:
        events = [frame.event for frame in decode(path.read_bytes()) if frame.event is not None]
        assert_same(fold(events), sdk_message(events, beta=True))
        compared += 1
    assert compared > 300


def test_the_sdk_reads_the_bytes_as_the_fold_does() -> None:
    """The same over its own transport, with its own reading of the stream."""
    events = made(EVERYTHING, seed=3)
    raw = b"".join(encode_padded(event, Random(3)).raw for event in events)

    def served(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=raw, request=request)

    with (
        httpx2.Client(transport=httpx2.MockTransport(served)) as transport,
        anthropic.Anthropic(api_key="k", http_client=transport) as client,
        client.messages.stream(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "Hi"}]) as stream,
    ):
        final = stream.get_final_message()
    assert_same(fold(events), final.to_dict(mode="json"))


START = made([])[0]


def folded(*events: Event) -> dict[str, Any]:
    """Return the message of these events after a start."""
    message = fold([START, *events])
    assert message is not None
    return message


def block_start(**block: Any) -> Event:
    """Return the start of a block."""
    return {"type": "content_block_start", "index": 0, "content_block": block}


def block_delta(*, index: Any = 0, **delta: Any) -> Event:
    """Return a delta."""
    return {"type": "content_block_delta", "index": index, "delta": delta}


@pytest.mark.parametrize(
    ("events", "content"),
    [
        # what is not known
        ([{"type": "never_heard_of", "index": 0}, block_start(type="text", text="")], [{"type": "text", "text": ""}]),
        ([block_start(type="new", x=[1]), block_delta(type="new_delta", x=2)], [{"type": "new", "x": [1]}]),
        ([block_start(type="new", text="a"), block_delta(type="text_delta", text="b")], [{"type": "new", "text": "ab"}]),
        (
            [block_start(type="text", text="", new=1), block_delta(type="text_delta", text="b", new=2)],
            [{"type": "text", "text": "b", "new": 1}],
        ),
        (
            [
                block_start(type="compaction", content=None),
                block_delta(type="compaction_delta", content="c", encrypted_content="e"),
            ],
            [{"type": "compaction", "content": "c", "encrypted_content": "e"}],
        ),
        # what is not as it should be
        ([{"type": "content_block_start"}, {"type": "content_block_start", "index": 0, "content_block": "text"}], []),
        ([block_start(), {"type": "content_block_delta", "index": 0}, block_delta(), block_delta(type=5)], [{}]),
        (
            [
                block_start(type="text", text=""),
                *(block_delta(index=each, type="text_delta", text="x") for each in (-1, 1, None, "0", True)),
            ],
            [{"type": "text", "text": ""}],
        ),
        (
            [block_start(type="text", text=""), block_delta(type="text_delta"), block_delta(type="text_delta", text=5)],
            [{"type": "text", "text": ""}],
        ),
        (
            [
                block_start(type="text", text=""),
                block_delta(type="input_json_delta", partial_json="{}"),
                block_delta(type="signature_delta", signature="E"),
            ],
            [{"type": "text", "text": ""}],
        ),
        ([block_start(type="text", text=None), block_delta(type="text_delta", text="x")], [{"type": "text", "text": None}]),
        (
            [
                block_start(type="text", text="", citations="odd"),
                block_delta(type="citations_delta", citation=1),
                block_delta(type="citations_delta"),
            ],
            [{"type": "text", "text": "", "citations": [1]}],
        ),
        (
            [block_start(type="thinking", thinking=""), block_delta(type="signature_delta")],
            [{"type": "thinking", "thinking": ""}],
        ),
        (
            [
                block_start(type="tool_use", input={}),
                block_delta(type="input_json_delta"),
                block_delta(type="text_delta", text="x"),
            ],
            [{"type": "tool_use", "input": {}}],
        ),
        # the input of a tool
        (
            [block_start(type="tool_use", input={"a": 1}), block_delta(type="input_json_delta", partial_json="")],
            [{"type": "tool_use", "input": {"a": 1}}],
        ),
        (
            [block_start(type="tool_use", input={}), block_delta(type="input_json_delta", partial_json='{"a": [1, "b')],
            [{"type": "tool_use", "input": {"a": [1]}}],
        ),
        (
            [block_start(type="tool_use", input={}), block_delta(type="input_json_delta", partial_json="}{")],
            [{"type": "tool_use", "input": {}}],
        ),
        (
            [block_start(type="tool_use", input={}), block_delta(type="input_json_delta", partial_json="[" * 100_000)],
            [{"type": "tool_use", "input": {}}],
        ),
    ],
)
def test_what_is_unknown_or_odd_never_fails(events: list[Event], content: list[Any]) -> None:
    """It is kept where it has a place, and adds nothing otherwise."""
    assert folded(*events)["content"] == content


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            {"delta": {"stop_reason": "end_turn", "new": 1}, "usage": {"output_tokens": 9, "input_tokens": None}},
            {"stop_reason": "end_turn", "new": 1},
        ),
        (
            {"delta": {"container": None}, "context_management": {"applied_edits": []}},
            {"context_management": {"applied_edits": []}},
        ),
        ({"delta": None, "usage": None}, {}),
        ({"delta": "x", "usage": "x"}, {}),
        ({}, {}),
    ],
)
def test_a_delta_of_the_message_is_taken_over(event: Event, expected: dict[str, Any]) -> None:
    """With the keys that nobody knows; a null count does not overwrite one, nor a null container."""
    message = folded({"type": "message_delta", **event})
    counts = {"output_tokens": 9} if expected.get("new") else {}
    assert message == {**START["message"], **expected, "usage": {**START["message"]["usage"], **counts}}


def test_later_counts_overwrite() -> None:
    """They are totals: server tools raise even the input tokens."""
    message = folded(
        {"type": "message_delta", "delta": {}, "usage": {"input_tokens": 404, "output_tokens": 7}},
    )
    assert (message["usage"]["input_tokens"], message["usage"]["output_tokens"]) == (404, 7)
    odd = fold(
        [{"type": "message_start", "message": {"usage": None}}, {"type": "message_delta", "usage": {"output_tokens": 7}}]
    )
    assert odd is not None
    assert odd["usage"] == {"output_tokens": 7}


@pytest.mark.parametrize("to", [{"model": "claude-b"}, None, "odd"])
def test_a_fallback_hands_the_message_to_another_model(to: Any) -> None:
    """The finished message names the model that served it."""
    block = {"type": "fallback", "from": {"model": "claude-a"}, "to": to}
    message = folded({"type": "content_block_start", "index": 0, "content_block": block})
    assert message["model"] == ("claude-b" if isinstance(to, dict) else MODEL)


@pytest.mark.parametrize(
    "events",
    [
        [],
        [PING_EVENT],
        [block_start(type="text", text=""), {"type": "message_stop"}],
        [{"type": "message_start"}],
        [{"type": "message_start", "message": None}],
    ],
)
def test_without_a_start_there_is_no_message(events: list[Event]) -> None:
    """Whatever else comes."""
    assert fold(events) is None


def test_a_second_start_changes_nothing() -> None:
    """The SDK passes it over as well."""
    second = made("Hi", id="msg_2", asked="other")[0]
    assert folded(second) == START["message"]


@pytest.mark.parametrize("content", [None, "odd"])
def test_a_start_whose_content_is_no_list_gets_one(content: object) -> None:
    """So that blocks have a place."""
    events = [{"type": "message_start", "message": {"id": "m", "content": content}}, block_start(type="text", text="a")]
    assert fold(events) == {"id": "m", "content": [{"type": "text", "text": "a"}]}


def test_the_events_are_left_as_they_are() -> None:
    """A fold copies what it takes."""
    events = made(EVERYTHING)
    before = copy.deepcopy(events)
    message = fold(events)
    assert message is not None
    message["content"][1]["citations"].append("mine")
    message["usage"]["cache_creation"]["x"] = 1
    assert events == before


ODD = st.sampled_from(
    ["text_delta", "input_json_delta", "citations_delta", "thinking_delta", "signature_delta", "compaction_delta"]
)
JSON = st.recursive(st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "text", "{"]), st.lists, max_leaves=3)
BLOCK: Event = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
KEYS = st.sampled_from(
    ["type", "text", "thinking", "input", "content", "citations", "partial_json", "usage", "model", "to", "index"]
)
OBJECTS = st.dictionaries(KEYS, JSON | ODD, max_size=4)
EVENTS = st.builds(
    lambda kind, fields: {**fields, "type": kind},
    st.sampled_from(
        ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "x"]
    ),
    st.dictionaries(st.sampled_from(["message", "index", "content_block", "delta", "usage"]), OBJECTS | JSON, max_size=4),
)


@given(st.lists(EVENTS, max_size=6))
@example([BLOCK, {"type": "content_block_delta", "index": 0, "delta": {"type": ["text_delta"]}}])
def test_nothing_makes_a_fold_fail(events: list[Event]) -> None:
    """Events of any shape give a message or none."""
    message = fold([START, *events])
    assert message is not None
