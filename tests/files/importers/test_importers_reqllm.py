"""Tests of the fixtures of req_llm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from foreign_files import ASKED, BODY, SSE, URL, b64, imported

from streamlab.core.exchange import Read, Request
from streamlab.core.plan import Head
from streamlab.errors import ScenarioError

REQUEST: dict[str, Any] = {
    "method": "POST",
    "url": URL,
    "headers": {"x-api-key": "[REDACTED:x-api-key]"},
    "body": {"b64": b64(ASKED.encode())},
}
CHUNKS = [{"b64": b64(BODY[:100]), "t_us": 5}, {"b64": b64(BODY[100:])}]
STREAMED: dict[str, Any] = {
    "captured_at": "2025-10-01T10:00:00.123Z",
    "request": {**REQUEST, "canonical_json": {"a": 1}},
    "response": {"status": 200, "headers": {"content-type": SSE}, "body": None},
    "chunks": CHUNKS,
}


def test_each_chunk_is_a_read(tmp_path: Path) -> None:
    """In order, without a time."""
    found = imported(tmp_path, STREAMED)
    (exchange,) = found.exchanges
    assert found.format == "req_llm"
    assert exchange.request == Request(headers=(("x-api-key", "[redacted]"),), body=ASKED.encode())
    assert exchange.head == Head(200, (("content-type", SSE),))
    assert exchange.reads == (Read(BODY[:100]), Read(BODY[100:]))
    assert (exchange.recorded, found.redacted) == ("2025-10-01T10:00:00.123000Z", 1)
    assert [each.split(":")[0] for each in found.unknown] == ["times", "endings"]


@pytest.mark.parametrize(
    ("body", "kept", "more"),
    [
        ({"model": "m", "a": [1]}, b'{"model":"m","a":[1]}', ["JSON bodies"]),
        ({"b64": b64(b'{"x":  1}')}, b'{"x":  1}', []),
        ("<html>", b"<html>", []),
    ],
)
def test_an_answer_that_was_not_streamed(tmp_path: Path, body: Any, kept: bytes, more: list[str]) -> None:
    """Data, base64 or text; headers may be lists."""
    response = {"status": 404, "headers": {"content-type": ["a/b"], "c": ["d", "e"]}, "body": body}
    found = imported(tmp_path, {"captured_at": None, "request": REQUEST, "response": response})
    (exchange,) = found.exchanges
    assert exchange.body == kept
    assert exchange.head == Head(404, (("content-type", "a/b"), ("c", "d"), ("c", "e")))
    assert exchange.recorded is None
    assert [each.split(":")[0] for each in found.unknown] == ["times", "endings", *more]


def test_a_request_of_which_only_the_data_was_kept(tmp_path: Path) -> None:
    """It is written anew."""
    found = imported(tmp_path, {**STREAMED, "request": {**REQUEST, "body": {"b64": ""}, "canonical_json": {"model": "m"}}})
    assert found.exchanges[0].request.body == b'{"model":"m"}'
    assert found.unknown[-1].startswith("JSON bodies")


@pytest.mark.parametrize(
    ("fixture", "message"),
    [
        ({**STREAMED, "chunks": [{"b64": "?"}]}, "chunks.0.b64: base64 is expected, not '?'"),
        ({**STREAMED, "chunks": 5}, "chunks: a list is expected, not 5"),
        ({**STREAMED, "chunks": [{}]}, "chunks.0.b64: a text is expected, not null"),
        ({**STREAMED, "response": {}}, "response.status: a status from 200 to 599 is expected, not null"),
        ({**STREAMED, "request": {**REQUEST, "url": 5}}, "request.url: a text is expected, not 5"),
    ],
)
def test_broken_fixtures(tmp_path: Path, fixture: Any, message: str) -> None:
    """The file and the key are named."""
    with pytest.raises(ScenarioError) as caught:
        imported(tmp_path, fixture)
    assert str(caught.value) == f"{tmp_path / 'file.json'}: {message}"
