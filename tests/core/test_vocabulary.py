"""The vocabulary of a stream: it fits together, and the recordings use all that they should and nothing else."""

from __future__ import annotations

from pathlib import Path

from streamlab.core.blocks import CALLS
from streamlab.core.grammar import TRANSITIONS
from streamlab.core.sse import decode
from streamlab.core.vocabulary import (
    BLOCKS,
    BLOCKS_MAY_HAVE,
    DELTAS,
    DELTAS_MAY_HAVE,
    ENDS_OF_TURN,
    FIELDS,
    RESULTS,
    STOP_REASONS,
)


def test_the_tables_speak_of_the_same_things() -> None:
    """Deltas belong to blocks that are known, options to what they are options of, and events to the grammar."""
    assert {block for _, _, blocks in DELTAS.values() for block in blocks} <= set(BLOCKS)
    assert set(BLOCKS_MAY_HAVE) <= set(BLOCKS)
    assert set(DELTAS_MAY_HAVE) <= set(DELTAS)
    assert set(CALLS) <= set(BLOCKS)
    assert set(ENDS_OF_TURN) <= set(STOP_REASONS)
    assert set(FIELDS) == {name for row in TRANSITIONS.values() for name in row}


def test_the_recordings_use_no_other_words(recorded_streams: list[Path]) -> None:
    """Every block, delta and stop reason that was recorded is in the tables."""
    events = [frame.event for path in recorded_streams for frame in decode(path.read_bytes()) if frame.event is not None]
    blocks = {event["content_block"]["type"] for event in events if event["type"] == "content_block_start"}
    deltas = {event["delta"]["type"] for event in events if event["type"] == "content_block_delta"}
    reasons = {event["delta"]["stop_reason"] for event in events if event["type"] == "message_delta"}
    assert {each for each in blocks if not each.endswith(RESULTS)} <= set(BLOCKS)
    assert deltas <= set(DELTAS)
    assert {"text_delta", "input_json_delta", "thinking_delta", "signature_delta", "citations_delta"} == deltas
    assert reasons <= set(STOP_REASONS)
