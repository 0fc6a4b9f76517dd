# ruff: noqa: D103, TC002 - the names say it
"""Tests with a cassette: what was recorded, and what was recorded and then broken."""

from __future__ import annotations

from pathlib import Path

import anthropic

import streamlab

CASSETTE = str(Path(__file__).parents[2] / "cassettes" / "plain-answer.yaml")


def asked(client: anthropic.Anthropic) -> anthropic.types.Message:
    tool = {
        "name": "get_weather",
        "description": "Tells the weather.",
        "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}},
    }
    with client.messages.stream(
        model="claude-sonnet-4-6",
        max_tokens=1024,
        messages=[{"role": "user", "content": "Hello"}],
        tools=[tool],  # type: ignore[list-item]
    ) as stream:
        return stream.get_final_message()


def test_replays_what_was_recorded() -> None:
    with streamlab.serve(CASSETTE) as lab:
        assert asked(lab.client).stop_reason == "end_turn"


def test_breaks_what_was_recorded() -> None:
    with streamlab.serve(CASSETTE, faults="drop: message_delta") as lab:
        assert asked(lab.client).stop_reason is None
