"""The cassettes that ship with the project: what they hold, and what the official SDK makes of it when they are replayed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

import streamlab
from streamlab.core.exchange import Ended
from streamlab.files.cassette import Cassette
from streamlab.files.checks import check_source

FOLDER = Path(__file__).resolve().parents[2] / "cassettes"
HELD: dict[str, list[tuple[int, Ended]]] = {
    "agent-loop": [(200, Ended.COMPLETE), (200, Ended.COMPLETE)],
    "dropped-stream": [(200, Ended.RESET)],
    "error-in-mid-stream": [(200, Ended.COMPLETE), (200, Ended.COMPLETE)],
    "plain-answer": [(200, Ended.COMPLETE)],
    "rate-limit-then-success": [(429, Ended.COMPLETE), (200, Ended.COMPLETE)],
    "slow-with-pings": [(200, Ended.COMPLETE)],
    "thinking": [(200, Ended.COMPLETE)],
    "tools": [(200, Ended.COMPLETE)],
    "web-search": [(200, Ended.COMPLETE)],
}
OUTCOMES: dict[str, list[str]] = {
    "agent-loop": ["tool_use", "end_turn"],
    "dropped-stream": ["ReadError"],
    "error-in-mid-stream": ["APIStatusError", "end_turn"],
    "plain-answer": ["end_turn"],
    "rate-limit-then-success": ["end_turn"],
    "slow-with-pings": ["end_turn"],
    "thinking": ["end_turn"],
    "tools": ["tool_use"],
    "web-search": ["end_turn"],
}
"""The stop reason of each answer, or the error that the SDK raises."""


def test_every_cassette_is_in_the_table() -> None:
    """One cannot be added without saying what it holds."""
    found = {path.stem for path in FOLDER.glob("*.yaml")} - {"slow-with-pings.scenario"}
    assert found == set(HELD) == set(OUTCOMES)


@pytest.mark.parametrize("name", HELD)
def test_a_cassette_holds_what_was_recorded(name: str) -> None:
    """Status and ending of each exchange, with nothing cut off and nothing secret in the file."""
    path = FOLDER / f"{name}.yaml"
    cassette = Cassette(path)
    assert cassette.cut_off is None
    assert [(each.head.status, each.ended) for each in cassette if each.head] == HELD[name]
    assert not re.search(r"authorization|api-key|sk-ant|organization", path.read_text(encoding="utf-8"), re.IGNORECASE)


@pytest.mark.parametrize("name", HELD)
def test_a_cassette_replays_to_the_sdk(name: str) -> None:
    """The same requests get the same answers, and the failures that were recorded."""
    requests = [request for _, request in Cassette(FOLDER / f"{name}.yaml").requests]
    outcomes: list[str] = []
    with streamlab.serve(str(FOLDER / f"{name}.yaml")) as lab:
        outcomes += [outcome(lab.client, request.data) for request in requests if request.attempt == 1]
        assert len(lab.journal) == len(requests)
    assert outcomes == OUTCOMES[name]


def outcome(client: anthropic.Anthropic, asked: dict[str, Any]) -> str:
    """Return the stop reason of an answer, or the name of the error."""
    asked.pop("stream")
    try:
        with client.messages.stream(**asked) as stream:
            return str(stream.get_final_message().stop_reason)
    except (anthropic.APIError, httpx2.TransportError) as error:
        return type(error).__name__


def test_the_cassettes_have_their_expected_findings() -> None:
    """None, but for the stream that was dropped."""
    found = {name: [each.finding.rule for each in check_source(str(FOLDER / f"{name}.yaml"))] for name in HELD}
    assert {name: rules for name, rules in found.items() if rules} == {"dropped-stream": ["unfinished"]}
