"""Tests of the fixtures of aimock: streams that are made up, at times that were recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from foreign_files import imported

from streamlab.core.checking import check
from streamlab.core.exchange import Ended, Exchange
from streamlab.core.messages import fold
from streamlab.core.sse import decode
from streamlab.errors import ScenarioError
from streamlab.files.importers import Imported


def fixture(tmp_path: Path, response: Any, match: Any = None, **more: Any) -> Imported:
    """Return what comes of one fixture."""
    return imported(tmp_path, {"fixtures": [{"match": match or {"userMessage": "hello"}, "response": response, **more}]})


def message(exchange: Exchange) -> dict[str, Any]:
    """Return the message that a stream adds up to."""
    folded = fold(frame.event for frame in decode(exchange.body) if frame.event)
    assert folded is not None
    return folded


def test_a_text_becomes_a_stream(tmp_path: Path) -> None:
    """One that passes for the API's; each event is a read; that it is made up is said."""
    found = fixture(tmp_path, {"content": "Hello there."})
    (exchange,) = found.exchanges
    assert found.format == "aimock"
    assert message(exchange)["content"] == [{"type": "text", "text": "Hello there."}]
    assert list(check(decode(exchange.body))) == []
    assert [read.data for read in exchange.reads] == [frame.raw for frame in decode(exchange.body)]
    assert {read.at for read in exchange.reads} == {None}
    assert exchange.ended is Ended.COMPLETE
    assert [each.split(":")[0] for each in found.unknown] == [
        "streams",
        "requests",
        "reads",
        "times",
        "dates",
        "request headers",
    ]
    assert fixture(tmp_path, {"content": "Hello there."}) == found


@pytest.mark.parametrize(
    ("response", "content", "stop"),
    [
        ({"content": {"a": 1}}, [{"type": "text", "text": '{"a":1}'}], "end_turn"),
        (
            {
                "content": "x",
                "reasoning": "why",
                "reasoningSignature": "S",
                "redactedThinking": ["d"],
                "finishReason": "length",
            },
            [
                {"type": "thinking", "thinking": "why", "signature": "S"},
                {"type": "redacted_thinking", "data": "d"},
                {"type": "text", "text": "x"},
            ],
            "max_tokens",
        ),
        (
            {"content": "x", "toolCalls": [{"name": "f", "arguments": '{"a": 1}', "id": "t1"}]},
            [{"type": "text", "text": "x"}, {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}],
            "tool_use",
        ),
        (
            {
                "blocks": [{"type": "toolCall", "name": "f", "arguments": {}, "id": "t1"}, {"type": "text", "text": "y"}],
                "finishReason": "odd",
            },
            [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}, {"type": "text", "text": "y"}],
            "odd",
        ),
        ({"content": ""}, [], "end_turn"),
    ],
)
def test_what_a_response_holds(tmp_path: Path, response: Any, content: Any, stop: str) -> None:
    """Thinking first, then text and calls, or blocks in their order."""
    (exchange,) = fixture(tmp_path, response).exchanges
    folded = message(exchange)
    for block in folded["content"]:
        block.pop("caller", None)
    assert (folded["content"], folded["stop_reason"]) == (content, stop)


def test_the_envelope_is_the_fixtures(tmp_path: Path) -> None:
    """Its id, model and counts of tokens."""
    response = {
        "content": "x",
        "id": "msg_1",
        "model": "claude-x",
        "usage": {"prompt_tokens": 5, "output_tokens": 7, "cost": 0.5},
    }
    (exchange,) = fixture(tmp_path, response).exchanges
    folded = message(exchange)
    assert (folded["id"], folded["model"], exchange.request.model) == ("msg_1", "claude-x", "claude-x")
    assert (folded["usage"]["input_tokens"], folded["usage"]["output_tokens"]) == (5, 7)
    assert "cost" not in folded["usage"]


def test_a_request_that_the_fixture_would_match(tmp_path: Path) -> None:
    """As far as one can be told."""
    match = {
        "model": "m",
        "userMessage": "u",
        "systemMessage": ["a", "b"],
        "toolName": "f",
        "toolCallId": "t",
        "toolResultContains": "r",
    }
    (exchange,) = fixture(tmp_path, {"content": "x"}, match).exchanges
    request = exchange.request
    assert (request.model, request.system, request.tools, request.tool_results, request.stream) == (
        "m",
        "a\nb",
        ["f"],
        ["f"],
        True,
    )
    assert request.all_texts == ["u", "", "r"]
    (exchange,) = fixture(tmp_path, {"content": "x"}, {"systemMessage": "s", "toolCallId": "t"}).exchanges
    assert (exchange.request.system, exchange.request.tool_results, exchange.request.all_texts[0]) == ("s", ["tool"], "Hello")


@pytest.mark.parametrize(
    ("response", "status", "body"),
    [
        ({"error": {"type": "overloaded_error", "message": "Busy"}, "status": 529}, 529, ("overloaded_error", "Busy")),
        ({"error": {"type": "rate_limit_error"}, "retryAfter": 1.5}, 429, ("rate_limit_error", None)),
        ({"error": {"type": "odd", "message": "x"}, "status": 418}, 418, ("odd", "x")),
        ({"error": {"message": "x"}, "status": 503}, 503, ("api_error", "x")),
        ({"error": {"message": "x"}}, 500, ("api_error", "x")),
    ],
)
def test_errors(tmp_path: Path, response: Any, status: int, body: tuple[str, str | None]) -> None:
    """As the API answers with them; the status and the type are the fixture's own."""
    (exchange,) = fixture(tmp_path, response, recordedTimings={"ttftMs": 5}).exchanges
    assert exchange.head is not None
    assert exchange.head.status == status
    assert exchange.head.get("retry-after") == ("1.5" if "retryAfter" in response else None)
    found = Exchange(request=exchange.request, head=None, reads=exchange.reads).body
    assert f'"type":"{body[0]}"'.encode() in found
    assert body[1] is None or f'"message":"{body[1]}"'.encode() in found
    assert (exchange.first, exchange.ended) == (None, Ended.COMPLETE)


def test_recorded_times(tmp_path: Path) -> None:
    """The head at the first of them, then a gap for each read; those beyond have none."""
    timings = {"ttftMs": 250, "interChunkDelaysMs": [10, 20.5], "totalDurationMs": 1000}
    (exchange,) = fixture(tmp_path, {"content": "Hello there, you."}, recordedTimings=timings).exchanges
    assert exchange.first == 0.25
    assert [read.at for read in exchange.reads][:4] == [0.0, 0.01, 0.0305, None]
    assert exchange.ended_at == 0.75
    (exchange,) = fixture(
        tmp_path, {"content": "x"}, recordedTimings={"interChunkDelaysMs": [1000] * 500, "totalDurationMs": 1}
    ).exchanges
    assert [read.at for read in exchange.reads] == [float(number) for number in range(len(exchange.reads))]
    assert (exchange.first, exchange.ended_at) == (None, None)
    late = {"ttftMs": 5, "interChunkDelaysMs": [1000], "totalDurationMs": 10}
    assert fixture(tmp_path, {"content": "x"}, recordedTimings=late).exchanges[0].ended_at == 1.0


@pytest.mark.parametrize(("count", "reads", "ended"), [(2, 2, Ended.FIN), (0, 0, Ended.FIN), (500, None, Ended.COMPLETE)])
def test_a_stream_that_is_cut(tmp_path: Path, count: int, reads: int | None, ended: Ended) -> None:
    """After so many events."""
    (exchange,) = fixture(tmp_path, {"content": "x"}, truncateAfterChunks=count, recordedTimings={"ttftMs": 1}).exchanges
    assert exchange.ended is ended
    assert reads is None or len(exchange.reads) == reads


def test_what_is_left_out(tmp_path: Path) -> None:
    """Other endpoints, answers without content, and what a server does."""
    fixtures = [
        {"match": {"endpoint": "image"}, "response": {"image": {}}},
        {"response": {"embedding": [1]}},
        {
            "match": {"endpoint": "chat"},
            "response": {"content": "x", "webSearches": ["q"]},
            "latency": 5,
            "chaos": {"dropRate": 1},
        },
    ]
    found = imported(tmp_path, {"fixtures": fixtures})
    assert len(found.exchanges) == 1
    assert found.skipped == (
        "fixture 1: its endpoint 'image' is none of the Messages API",
        "fixture 2: its response has no content, toolCalls, blocks or error",
        "fixture 3: its webSearches are left out: only their questions were kept",
        "fixture 3: its latency, chaos are left out: what a server does is said in a scenario, with pace and faults",
    )


@pytest.mark.parametrize(
    ("response", "more", "message"),
    [
        (
            {"toolCalls": [{"name": "f", "arguments": "{"}]},
            {},
            "response.toolCalls.0.arguments: an object, or its JSON, is expected, not '{'",
        ),
        (
            {"toolCalls": [{"name": "f", "arguments": "[" * 99_999}]},
            {},
            "response.toolCalls.0.arguments: an object, or its JSON, is expected, not '" + "[" * 58 + "…",
        ),
        ({"toolCalls": [{"arguments": {}}]}, {}, "response.toolCalls.0.name: a text is expected, not null"),
        ({"blocks": [{"type": "x"}]}, {}, "response.blocks.0.type: text or toolCall is expected, not 'x'"),
        ({"error": {}, "status": 99}, {}, "response.status: a status from 200 to 599 is expected, not 99"),
        ({"content": "x"}, {"truncateAfterChunks": -1}, "truncateAfterChunks: a number from 0 is expected, not -1"),
        (
            {"content": "x"},
            {"recordedTimings": {"interChunkDelaysMs": ["x"]}},
            "recordedTimings.interChunkDelaysMs.0: a number from 0 is expected, not 'x'",
        ),
        ({"content": "x"}, {"match": {"userMessage": 5}}, "match.userMessage: a text is expected, not 5"),
    ],
)
def test_broken_fixtures(tmp_path: Path, response: Any, more: Any, message: str) -> None:
    """The file and the key are named."""
    with pytest.raises(ScenarioError) as caught:
        imported(tmp_path, {"fixtures": [{"response": response, **more}]})
    assert str(caught.value) == f"{tmp_path / 'file.json'}: fixtures.0.{message}"
