"""What we send is what the API sends: a thousand made replies against the facts that were measured on real streams."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from facts import facts

from streamlab.core.api_headers import message_headers
from streamlab.core.authoring import message
from streamlab.core.exchange import Request
from streamlab.core.identity import generator
from streamlab.core.plan import Plan
from streamlab.core.sse import Frame, decode

WORDS = (
    *("the", "a", "lighthouse", "token", "stream", "of", "in", "and", "respond", "光", "🚀", "reads\nwrites,", "slowly."),
    *("{json}", '"quoted"', "back\\slash"),
)
MODELS = ("claude-sonnet-4-6", "claude-haiku-4-5", "claude-3-5-haiku-latest", "claude-sonnet-5", "claude-opus-9")
MEASURED_HEADERS = {
    *("content-type", "cache-control", "date", "server", "cf-cache-status", "cf-ray", "x-robots-tag", "request-id"),
    *("strict-transport-security", "connection", "transfer-encoding", "anthropic-organization-id"),
    *(
        f"anthropic-ratelimit-{family}-{part}"
        for family in ("requests", "tokens", "input-tokens", "output-tokens")
        for part in ("limit", "remaining", "reset")
    ),
}
"""The names of headers on streamed answers (counted on 497 of them)."""


def prose(lots: Random, most: int = 120) -> str:
    """Return some text in which no piece comes twice in a row."""
    return " ".join(f"{lots.choice(WORDS)}{number}" for number in range(lots.randint(1, most)))


def piece(lots: Random) -> list[Any]:
    """Return a content block of any kind; a call of the API's comes with its result."""
    value = {"q": prose(lots, 20), "n": lots.randint(-(10**6), 10**6), "deep": [{"x": None}, True, 1.5]}
    kind = lots.choice(["web_search_tool_result", "bash_code_execution_tool_result"])
    citations = [{"type": "char_location", "cited_text": prose(lots, 5), "document_index": each} for each in range(3)]
    server = {"server_tool_use": {"name": "web_search", "input": value}}
    remote = {"mcp_tool_use": {"name": "ask", "input": value, "server_name": "wiki"}}
    return lots.choice(
        [
            [prose(lots)],
            [{"text": prose(lots), "citations": citations[: lots.randint(1, 3)]}],
            [{"thinking": prose(lots)}],
            [{"thinking": "", "signature": "EqAB"}],
            [{"redacted_thinking": "EmwK"}],
            [{"tool_use": {"name": "look", "input": value}}],
            [{"tool_use": {"name": "now"}}],
            [server],
            [server, {"type": kind, "content": []}],
            [remote, {"type": "mcp_tool_result", "is_error": False, "content": []}],
            [{"compaction": prose(lots)}],
        ]
    )


def reply(seed: int) -> Plan:
    """Return the answer of a seed: any blocks, any stop reason that fits them, any model."""
    lots = Random(seed)
    blocks = [each for _ in range(lots.randint(0, 5)) for each in piece(lots)]
    last_is_call = bool(blocks) and isinstance(blocks[-1], dict) and "tool_use" in blocks[-1]
    fitting = ["max_tokens", "refusal", "pause_turn", *([] if last_is_call else ["end_turn"])]
    shape: dict[str, Any] = {"stop_reason": lots.choice(fitting)} if lots.random() < 0.5 and not last_is_call else {}
    if not last_is_call and any(isinstance(each, dict) and "tool_use" in each for each in blocks):
        shape = {"stop_reason": "max_tokens"}
    body = {"model": lots.choice(MODELS), "messages": [{"role": "user", "content": prose(lots)}], "stream": True}
    return message(*blocks, **shape).plan(Request(body=json.dumps(body).encode()), generator(seed, "facts"))


@pytest.fixture(scope="module")
def replies() -> list[Plan]:
    """Give a thousand answers."""
    return [reply(seed) for seed in range(1000)]


def test_a_thousand_replies_deviate_in_nothing(replies: list[Plan]) -> None:
    """Framing, padding, pings, sizes, order of keys, shapes of ids."""
    assert [(seed, list(facts(plan.frames))) for seed, plan in enumerate(replies) if any(facts(plan.frames))] == []


def test_the_padding_is_spread_as_measured(replies: list[Plan]) -> None:
    """Each width from 0 to 15 in 5.7 to 6.7 % of the events."""
    widths = Counter(
        len(raw) - len(raw[:-1].rstrip()) - 1
        for plan in replies
        for raw in (frame.raw.rstrip(b"\n") for frame in plan.frames if frame.type != "ping")
    )
    total = widths.total()
    assert total > 40_000
    assert set(widths) == set(range(16))
    assert all(0.057 < count / total < 0.067 for count in widths.values())


def test_the_pings_are_where_they_were_measured(replies: list[Plan]) -> None:
    """None in some streams, most often right after the first block's start, never before a block."""
    places = Counter(
        next((index for index, frame in enumerate(plan.frames) if frame.type == "ping"), None)
        for plan in replies
        if len(plan.frames) > 5
    )
    assert set(places) <= {None, 2, 3, 4}
    assert places[2] > places[3] + places[4]
    assert 0.05 < places[None] / places.total() < 0.25


def test_the_headers_are_those_of_the_api(replies: list[Plan]) -> None:
    """No name that was not seen; the framing ones are added when the answer is sent."""
    names = {name for plan in replies for name, _ in plan.head.headers}
    assert names <= MEASURED_HEADERS
    assert {"content-type", "cache-control", "request-id"} <= names
    assert names == {name for name, _ in message_headers(Random(0), stream=True, input_tokens=1)}


def test_remaining_tokens_are_thousands_and_the_limits_add_up(replies: list[Plan]) -> None:
    """As in every measured answer."""
    for plan in replies[:50]:
        head = {name.removeprefix("anthropic-ratelimit-"): value for name, value in plan.head.headers}
        assert int(head["tokens-limit"]) == int(head["input-tokens-limit"]) + int(head["output-tokens-limit"])
        assert all(int(head[f"{family}-remaining"]) % 1000 == 0 for family in ("tokens", "input-tokens", "output-tokens"))


def test_the_recordings_pass_the_same_checker(recorded_streams: list[Path]) -> None:
    """So the checker is not stricter than the API."""
    deviations = {(path.name, each) for path in recorded_streams for each in facts(decode(path.read_bytes()))}
    assert deviations == set()


def naive(plan: Plan) -> list[Frame]:
    """Encode the events as most mocks do."""
    events = [frame.event for frame in plan.frames if frame.event is not None]
    return [Frame(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()) for event in events]


def test_a_naive_encoder_fails(replies: list[Plan]) -> None:
    """Spaces after colons, escapes and no padding are seen in every stream."""
    assert all(any(facts(naive(plan))) for plan in replies)
