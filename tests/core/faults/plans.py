"""Plans that faults are tried on, and what they would put on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import yaml

from streamlab.core.events import PING, encode
from streamlab.core.faults import Fault, parse_fault
from streamlab.core.plan import EVENT_STREAM, JSON, Head, Plan
from streamlab.core.sse import Frame, decode

HEAD = Head(200, (("content-type", EVENT_STREAM), ("request-id", "req_011CSample")))

EVENTS = (
    {"type": "message_start", "message": {"content": []}},  # event 1
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},  # event 2
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "One é"}},  # event 3, delta 1
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "two"}},  # event 4, delta 2
    {"type": "content_block_stop", "index": 0},  # event 5
    {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "name": "x", "input": {}}},  # event 6
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": ""}},  # event 7, delta 3
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"a":1}'}},  # event 8
    {"type": "content_block_stop", "index": 1},  # event 9
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},  # event 10
    {"type": "message_stop"},  # event 11
)
FRAMES: tuple[Frame, ...] = tuple(encode(event, padding=number) for number, event in enumerate(EVENTS))
PLAN = Plan(HEAD, (*FRAMES[:2], PING, *FRAMES[2:]))
"""A text and a tool call, with a ping as frame 2, so that event N is frame N - 1 up to 2, and frame N after."""

BODY = Plan(Head(200, (("content-type", JSON), ("content-length", "18"))), (Frame(b'{"type":"message"}'),))
NOTHING = Plan(HEAD)

PLACES = (
    *(f"event {number}" for number in range(1, 12)),
    *("delta 1", "delta 4", "block 0 delta 2", "tool_use delta 1", "text delta 1", "message_start", "message_stop"),
    *("content_block_start 2", "text char 1", "text char 5", "text char 6", "tool_use char 3", "block 1 char 7"),
    *("byte 0", "byte 1", "byte 70", "byte 400", "0%", "33%", "100%", "headers", "end"),
)
"""Places of every form that the plan has."""


SAMPLES: dict[str, Fault] = {
    written.partition(":")[0]: parse_fault(yaml.safe_load(f"{{{written}}}"))
    for written in (
        *("broken_json: truncated", "change: delta 1, set: {index: 7}", "comment: hello, at: end", "content_length: 10"),
        *("content_type: text/plain", "corrupt_chunk: XYZ, at: end", "cut: fin, at: event 3", "data: x, at: end"),
        *("data_lines: 3", "drop: delta 1", "duplicate: delta 1", "error: overloaded, at: end", "event_name: x"),
        *("gzip: sound", "html_body: 502", "huge_frame: 1kB", "id: 1", "insert: {type: x}, at: end", "interleave: [0, 1]"),
        *("invalid_utf8: delta 1", "join: [delta 1, delta 2]", "json_body: 200", "line_end: crlf", "move: delta 1, at: end"),
        *("no_blank_line: delta 1", "no_space: delta 1", "pings: 2, at: end", "raw: x, at: end", "redirect: messages"),
        *("reorder: [delta 2, delta 1]", "retry: 1, at: end", "retry_after: 2s", "should_retry: true", "split: characters"),
        *("stall: 2s, at: end", "swap: [delta 1, delta 2]", "trailing: x", "unknown: delta, at: end"),
    )
}
"""One of each fault."""


def applied(plan: Plan, *faults: Fault, seed: int = 1) -> Plan:
    """Return the plan with these faults in it, in this order."""
    rng = Random(seed)
    for fault in faults:
        plan = fault.apply(plan, rng)
    return plan


def total_wait(frames: Sequence[Frame]) -> float:
    """Return the seconds of silence that frames ask for."""
    return sum(frame.wait + sum(split.wait for split in frame.splits) for frame in frames)


def recorded_plan(path: Path) -> Plan:
    """Return a recorded stream as a plan."""
    return Plan(HEAD, decode(path.read_bytes()))
