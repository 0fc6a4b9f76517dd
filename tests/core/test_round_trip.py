"""Events to the message, the message to events, and back: on every recording, of every format, against the SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from recordings import STREAMS
from sdk_messages import assert_same, sdk_message

from streamlab.core.messages import fold, stream
from streamlab.core.sse import Event, decode

BLOCKS = (
    *("text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "web_search_tool_result"),
    *("web_fetch_tool_result", "bash_code_execution_tool_result", "text_editor_code_execution_tool_result"),
    *("code_execution_tool_result", "tool_search_tool_result", "mcp_tool_use", "mcp_tool_result", "compaction", "fallback"),
)
DELTAS = (*("text_delta", "citations_delta", "thinking_delta", "signature_delta", "input_json_delta", "compaction_delta"),)
UNRECORDED = {"redacted_thinking"}
"""What no recording here holds; the shipped scenario of its name does."""


def messages_of(events: list[Event]) -> Iterator[list[Event]]:
    """Split a file at its message starts: agents write one message after another."""
    starts = [index for index, event in enumerate(events) if event["type"] == "message_start"]
    for start, end in zip(starts, [*starts[1:], len(events)], strict=True):
        yield events[start:end]


def other_recordings() -> Iterator[tuple[str, list[Event]]]:
    """Yield the messages of the recordings that are kept as events or as loose SSE text."""
    for path in sorted(STREAMS.rglob("*.txt")) + sorted(STREAMS.rglob("*.sse")):
        data = path.read_bytes()
        if data.startswith(b"{"):
            events = [json.loads(line) for line in data.splitlines() if line.strip()]
        else:
            events = [frame.event for frame in decode(data) if frame.event is not None]
        for message in messages_of(events):
            yield str(path.relative_to(STREAMS)), message


@pytest.fixture(scope="session")
def recorded_messages(recorded_streams: list[Path]) -> list[tuple[str, list[Event]]]:
    """Give the events of every recorded message, wire-exact or not."""
    exact = [
        (path.name, message)
        for path in recorded_streams
        for message in messages_of([frame.event for frame in decode(path.read_bytes()) if frame.event is not None])
    ]
    return exact + list(other_recordings())


def test_there_and_back_is_stable(recorded_messages: list[tuple[str, list[Event]]]) -> None:
    """The message of the events of the message is the message."""
    assert len(recorded_messages) > 400
    for name, events in recorded_messages:
        message = fold(events)
        assert message is not None, name
        assert fold(stream(message)) == message, name


@pytest.mark.parametrize("beta", [False, True])
def test_the_message_is_what_the_sdk_accumulates(recorded_messages: list[tuple[str, list[Event]]], beta: bool) -> None:  # noqa: FBT001
    """Field by field, before and after the round trip; what only the beta client knows is compared with the beta client."""
    for name, events in recorded_messages:
        message = fold(events)
        assert message is not None
        if not beta and any(block["type"] == "fallback" for block in message["content"]):
            continue  # the plain client does not know that a fallback changes the model
        theirs = sdk_message(events, beta=beta)
        again = sdk_message(stream(message), beta=beta)
        compared = message if beta else narrowed(message, theirs)
        try:
            assert_same(compared, theirs)
            assert_same(
                compared, again if beta else {key: value for key, value in again.items() if key in theirs or key in compared}
            )
        except AssertionError as error:
            raise AssertionError(name) from error


def narrowed(message: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Return the message without what the plain client passes over: betas have fields that it does not take from a delta."""
    usage = {key: value for key, value in message["usage"].items() if key in theirs["usage"]}
    kept = {key: value for key, value in message.items() if key in theirs}
    content = [
        each if mine["type"] in ("compaction", "mcp_tool_use") else mine
        for mine, each in zip(message["content"], theirs["content"], strict=True)
    ]
    return {**kept, "usage": usage, "content": content}


def test_every_type_of_block_and_delta_is_covered_by_name(recorded_messages: list[tuple[str, list[Event]]]) -> None:
    """The lists above are what the recordings hold, no more and no less."""
    blocks = {event["content_block"]["type"] for _, events in recorded_messages for event in events if "content_block" in event}
    deltas = {
        event["delta"]["type"] for _, events in recorded_messages for event in events if event["type"] == "content_block_delta"
    }
    assert blocks == set(BLOCKS) - UNRECORDED
    assert deltas == set(DELTAS)
