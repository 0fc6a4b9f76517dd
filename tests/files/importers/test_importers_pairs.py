"""Tests of single answers as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from foreign_files import ASKED, BODY, GZIPPED, SSE, STREAM, SYNTHETIC, URL, b64, imported

from streamlab.core.exchange import Ended, Request
from streamlab.core.plan import Head
from streamlab.errors import ScenarioError

MESSAGE = {"type": "message", "model": "claude-sonnet-4-6", "content": [{"type": "text", "text": "ü"}]}


def dd(**response: Any) -> dict[str, Any]:
    """Return a fixture of Datadog's."""
    answer = {
        "status": {"code": 200, "message": "OK"},
        "headers": {"Content-Type": SSE, "Content-Encoding": "gzip"},
        "body": STREAM,
    }
    return {"request": {"method": "POST", "url": URL, "headers": {"a": "b"}, "body": ASKED}, "response": {**answer, **response}}


@pytest.mark.parametrize(
    ("body", "kept", "coding"),
    [
        (STREAM, BODY, ()),
        ("base64:" + b64(GZIPPED), BODY, ()),
        ("base64:" + b64(b"\x8b\xff"), b"\x8b\xff", (("content-encoding", "gzip"),)),
    ],
)
def test_datadog(tmp_path: Path, body: str, kept: bytes, coding: Any) -> None:
    """The body is plain whatever the header says, or base64 of what came."""
    found = imported(tmp_path, dd(body=body))
    (exchange,) = found.exchanges
    assert found.format == "dd-json"
    assert exchange.request == Request(headers=(("a", "b"),), body=ASKED.encode())
    assert (exchange.head, exchange.body) == (Head(200, (("Content-Type", SSE), *coding)), kept)


def test_a_response_with_its_status(tmp_path: Path) -> None:
    """As text or as data; the request is made up."""
    found = imported(tmp_path, {"status": 529, "headers": {"retry-after": "1"}, "body": {"type": "error"}})
    (exchange,) = found.exchanges
    assert found.format == "response-json"
    assert exchange.head == Head(529, (("content-type", "application/json"), ("retry-after", "1")))
    assert exchange.body == b'{"type":"error"}'
    (exchange,) = imported(tmp_path, {"status": 200, "body": STREAM}).exchanges
    assert (exchange.body, exchange.request.body) == (BODY, SYNTHETIC)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (MESSAGE, 200),
        ({"type": "error", "error": {"type": "overloaded_error"}}, 529),
        ({"type": "error", "error": {"type": "new_error"}}, 500),
        ({"type": "error", "error": {}}, 500),
    ],
)
def test_a_bare_message(tmp_path: Path, content: Any, status: int) -> None:
    """Or a bare error, whose status follows from its type."""
    found = imported(tmp_path, content)
    (exchange,) = found.exchanges
    assert found.format == "message-json"
    assert exchange.head == Head(status, (("content-type", "application/json"),))
    assert exchange.ended is Ended.COMPLETE
    assert [each.split(":")[0] for each in found.unknown] == [
        "times",
        "reads",
        "dates",
        "requests",
        "statuses",
        "response headers",
        "JSON bodies",
    ]


def test_a_message_is_written_compactly(tmp_path: Path) -> None:
    """In its order, and its request does not ask for a stream."""
    (exchange,) = imported(tmp_path, MESSAGE).exchanges
    assert exchange.body.decode() == '{"type":"message","model":"claude-sonnet-4-6","content":[{"type":"text","text":"ü"}]}'
    assert exchange.request.data == {"model": "claude-sonnet-4-6", "stream": False}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (dd(status={"code": "x"}), "response.status.code: a status from 200 to 599 is expected, not 'x'"),
        (dd(body="base64:?"), "response.body: base64 is expected, not '?'"),
        ({"status": 1, "body": "x"}, "status: a status from 200 to 599 is expected, not 1"),
    ],
)
def test_broken_files(tmp_path: Path, content: Any, message: str) -> None:
    """The file and the key are named."""
    with pytest.raises(ScenarioError) as caught:
        imported(tmp_path, content)
    assert str(caught.value) == f"{tmp_path / 'file.json'}: {message}"
