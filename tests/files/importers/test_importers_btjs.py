"""Tests of the cassettes of Braintrust's JavaScript SDK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from foreign_files import ASKED, BODY, SSE, STREAM, URL, imported

from streamlab.core.exchange import Request
from streamlab.core.plan import Head
from streamlab.errors import ScenarioError

EVENTS = [each for each in STREAM.split("\n\n") if each]


def cassette(request: Any, response: Any) -> dict[str, Any]:
    """Return a cassette with one entry of these bodies."""
    asked = {"method": "POST", "url": URL, "headers": {"a": "b"}, "body": request}
    answer = {"status": 200, "headers": {"content-type": SSE}, "body": response}
    entry = {"id": "x", "callIndex": 0, "recordedAt": "2026-01-02T03:04:05Z", "request": asked, "response": answer}
    return {"entries": [entry], "meta": {"createdAt": "2026-01-02T03:04:05Z"}}


def test_a_stream_is_its_events(tmp_path: Path) -> None:
    """Each gets its blank line back."""
    found = imported(tmp_path, cassette({"kind": "text", "value": ASKED}, {"kind": "sse", "chunks": EVENTS}))
    (exchange,) = found.exchanges
    assert found.format == "btjs"
    assert exchange.request == Request(headers=(("a", "b"),), body=ASKED.encode())
    assert (exchange.head, exchange.body) == (Head(200, (("content-type", SSE),)), BODY)
    assert exchange.recorded == "2026-01-02T03:04:05Z"
    assert [each.split(":")[0] for each in found.unknown] == ["times", "reads", "endings", "bytes of the events"]


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"kind": "json", "value": {"b": 1, "a": 2}}, b'{"b":1,"a":2}'),
        ({"kind": "text", "value": "<html>"}, b"<html>"),
        ({"kind": "text", "text": "<html>"}, b"<html>"),
        ({"kind": "empty"}, b""),
        (None, b""),
        ({"kind": "binary", "path": "a.bin"}, b"\x00\xff"),
    ],
)
def test_bodies_by_their_kind(tmp_path: Path, body: Any, kept: bytes) -> None:
    """Binary ones are in a folder beside the cassette."""
    blobs = tmp_path / "x.cassette.blobs"
    blobs.mkdir()
    (blobs / "a.bin").write_bytes(b"\x00\xff")
    (exchange,) = imported(tmp_path, cassette({"kind": "empty"}, body), "x.cassette.json").exchanges
    assert exchange.body == kept


def test_bodies_that_are_not_there(tmp_path: Path) -> None:
    """An answer without one is left out; a request gets one that is made up."""
    gone = {"kind": "binary", "path": "gone.bin"}
    found = imported(tmp_path, cassette({"kind": "empty"}, gone))
    assert found.skipped == ("entry 1: the file 'gone.bin' with the body of its answer is not there",)
    found = imported(tmp_path, cassette(gone, {"kind": "sse", "chunks": EVENTS}))
    assert found.exchanges[0].request.model == "claude-sonnet-4-6"
    assert found.unknown[-1].startswith("request bodies")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"kind": "x"}, "body.kind: one of binary, empty, json, sse, text is expected, not 'x'"),
        ({"kind": "sse", "chunks": [5]}, "body.chunks.0: a text is expected, not 5"),
        ({"kind": "binary", "path": "../x"}, "body.path: '../x' leads out of the folder 'file.cassette.blobs'"),
        ({"kind": "binary"}, "body.path: a text is expected, not null"),
        (5, "body: a mapping is expected, not 5"),
    ],
)
def test_broken_cassettes(tmp_path: Path, body: Any, message: str) -> None:
    """The file and the key are named."""
    with pytest.raises(ScenarioError) as caught:
        imported(tmp_path, cassette(None, body))
    assert str(caught.value) == f"{tmp_path / 'file.json'}: entries.0.response.{message}"
