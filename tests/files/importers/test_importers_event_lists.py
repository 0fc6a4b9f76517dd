"""Tests of streams as lists of their events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from foreign_files import SSE, SYNTHETIC, imported

from streamlab.core.exchange import Ended, Request
from streamlab.core.plan import Head
from streamlab.errors import ScenarioError

HINT = "\n  hint: each line is one event of the API"
START = '{"type":"message_start",  "message":{"model":"claude-sonnet-4-6","id":"msg_01"}}'
LINES = [START, '{"type":"ping"}', '{"type":"x", "n":1.50, "t":"\\u00fc ü"}', '{"type":"message_stop"}']
AS_STREAM = "".join(f"event: {json.loads(line)['type']}\ndata: {line}\n\n" for line in LINES).encode()


@pytest.mark.parametrize("text", ["\n".join(LINES), "\n".join(LINES) + "\n", "\r\n\r\n".join(LINES)])
def test_an_event_a_line(tmp_path: Path, text: str) -> None:
    """Each line is framed as it is written; blank lines and the last line end are nothing."""
    found = imported(tmp_path, text, "a.chunks.txt")
    (exchange,) = found.exchanges
    assert found.format == "jsonl-events"
    assert exchange.body == AS_STREAM
    assert exchange.request == Request(body=SYNTHETIC)
    assert exchange.head == Head(200, (("content-type", SSE),))
    assert exchange.ended is Ended.COMPLETE
    assert len(found.unknown) == 8
    assert "without the API's padding" in found.unknown[-1]


@pytest.mark.parametrize("text", [START, json.dumps(json.loads(START), indent=1)])
def test_a_single_event(tmp_path: Path, text: str) -> None:
    """Alone on its line, or over several."""
    found = imported(tmp_path, text)
    assert found.format == "jsonl-events"
    (exchange,) = found.exchanges
    assert exchange.ended is Ended.UNKNOWN
    assert json.loads(exchange.body.split(b"data: ")[1]) == json.loads(START)
    assert exchange.body.count(b"\n") == 3


def test_one_list(tmp_path: Path) -> None:
    """The events are written as the API writes them, but for their padding."""
    found = imported(tmp_path, json.dumps([json.loads(line) for line in LINES], indent=2))
    (exchange,) = found.exchanges
    assert found.format == "json-events"
    assert exchange.body == AS_STREAM.replace(b",  ", b",").replace(b", ", b",").replace(b"1.50", b"1.5").replace(
        b"\\u00fc", "ü".encode()
    ).replace(b'{"type":"ping"}', b'{"type": "ping"}')


def test_several_messages(tmp_path: Path) -> None:
    """Each is an exchange; a second start before the end of the first is part of it."""
    ping, stop = LINES[1], LINES[3]
    lines = [START, stop, ping, START, START, stop, START, '{"type":"error"}', START]
    found = imported(tmp_path, "\n".join(lines))
    assert [each.body.count(b"message_start\n") for each in found.exchanges] == [1, 2, 1, 1]
    assert found.exchanges[0].body.count(b"event: ping") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            f"{START}\n\n{{",
            "{}:3: not valid JSON: Expecting property name enclosed in double quotes" + HINT,
        ),
        (f"{START}\n[1]", "{}:2: a JSON object with a type is expected\n  hint: each line is one event of the API"),
        (
            f"{START}\n" + "[" * 100_000,
            "{}:2: not valid JSON: a number is too large, or the nesting too deep\n  hint: each line is one event of the API",
        ),
        ([json.loads(START), 5], "{}: 1: an event with its type is expected, not 5"),
        ([json.loads(START), {"type": 5}], "{}: 1: an event with its type is expected, not {'type': 5}"),
    ],
)
def test_what_is_no_event(tmp_path: Path, content: Any, message: str) -> None:
    """The line is named, or the number in the list."""
    with pytest.raises(ScenarioError) as caught:
        imported(tmp_path, content)
    assert str(caught.value) == message.replace("{}", str(tmp_path / "file.json"), 1)
