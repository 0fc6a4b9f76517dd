"""Tests of the cassettes of VCR in Ruby, R and Go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from foreign_files import ASKED, BODY, GZIPPED, SSE, STREAM, SYNTHETIC, URL, as_yaml, b64, imported

from streamlab.core.exchange import Request
from streamlab.core.plan import Head
from streamlab.errors import ScenarioError

RUBY = {
    "request": {
        "method": "post",
        "uri": URL,
        "body": {"encoding": "UTF-8", "string": ASKED},
        "headers": {"X-Api-Key": ["<KEY>"]},
    },
    "response": {
        "status": {"code": 200, "message": "OK"},
        "headers": {"Content-Type": [SSE]},
        "body": {"encoding": "UTF-8", "string": STREAM},
    },
    "recorded_at": "Fri, 12 Sep 2025 10:00:00 GMT",
}
R = {
    "request": {"method": "POST", "uri": URL, "body": {"string": ""}},
    "response": {"status": 200, "headers": {"content-type": SSE, "content-encoding": "gzip"}, "body": {"string": STREAM}},
    "recorded_at": "2025-09-12 10:00:00",
}
GO = {
    "id": 0,
    "request": {"body": ASKED, "form": {}, "headers": {"Accept": ["*/*"]}, "url": URL, "method": "POST", "proto": "HTTP/1.1"},
    "response": {"body": STREAM, "headers": {"Content-Type": [SSE]}, "status": "200 OK", "code": 200, "duration": "2.09s"},
}


def ruby(each: Any) -> str:
    """Return a cassette of Ruby or R."""
    return as_yaml({"http_interactions": [each], "recorded_with": "VCR 6.3.1"})


def go(each: Any) -> str:
    """Return a cassette of Go."""
    return as_yaml({"version": 2, "interactions": [each]})


def test_ruby(tmp_path: Path) -> None:
    """The method is written small; the moment is known."""
    found = imported(tmp_path, ruby(RUBY))
    (exchange,) = found.exchanges
    assert found.format == "ruby-vcr"
    assert exchange.request == Request(headers=(("X-Api-Key", "[redacted]"),), body=ASKED.encode())
    assert exchange.head == Head(200, (("Content-Type", SSE),))
    assert (exchange.body, exchange.recorded, found.redacted) == (BODY, "2025-09-12T10:00:00Z", 1)
    assert [each.split(":")[0] for each in found.unknown] == ["times", "reads", "endings"]


@pytest.mark.parametrize(
    "body", ["      string: !binary |-\n        {}", "      base64_string: |\n        {}", "      string: !!binary {}"]
)
def test_ruby_keeps_binary_in_base64(tmp_path: Path, body: str) -> None:
    """With its own short tag, under its own key, or as YAML has it; gzip is decompressed."""
    text = (
        f"http_interactions:\n- request: {{method: post, uri: {URL}}}\n  response:\n    status: {{code: 200}}\n"
        f"    body:\n      encoding: ASCII-8BIT\n{body.format(b64(GZIPPED))}\n"
    )
    (exchange,) = imported(tmp_path, text).exchanges
    assert exchange.body == BODY
    assert exchange.request.body == SYNTHETIC


def test_r(tmp_path: Path) -> None:
    """The status is a number, the body plain whatever the header says, and the request without headers or body."""
    found = imported(tmp_path, ruby(R))
    (exchange,) = found.exchanges
    assert found.format == "r-vcr"
    assert exchange.request == Request(body=SYNTHETIC)
    assert exchange.head == Head(200, (("content-type", SSE),))
    assert (exchange.body, exchange.recorded) == (BODY, "2025-09-12T10:00:00Z")
    assert found.unknown[-1] == "request bodies: where none was kept, one is made up, with the model of the answer"


def test_go(tmp_path: Path) -> None:
    """Of both versions: the address is a `url`, the body a text."""
    found = imported(tmp_path, go(GO))
    (exchange,) = found.exchanges
    assert found.format == "go-vcr"
    assert exchange.request == Request(headers=(("Accept", "*/*"),), body=ASKED.encode())
    assert (exchange.head, exchange.body) == (Head(200, (("Content-Type", SSE),)), BODY)
    older = {"request": GO["request"], "response": {"body": "", "headers": {}, "status": "529 Overloaded"}}
    assert imported(tmp_path, go(older)).exchanges[0].head == Head(529)


def test_empty_cassettes(tmp_path: Path) -> None:
    """They hold nothing, which is no error."""
    assert imported(tmp_path, "http_interactions: []").exchanges == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            ruby({**RUBY, "response": {"status": {"code": "x"}}}),
            "http_interactions.0.response.status.code: a status from 200 to 599 is expected, not 'x'",
        ),
        (
            ruby({**R, "response": {"status": 7}}),
            "http_interactions.0.response.status: a status from 200 to 599 is expected, not 7",
        ),
        (ruby({**RUBY, "request": {"method": 5}}), "http_interactions.0.request.method: a text is expected, not 5"),
        ("http_interactions: [5]", "http_interactions.0: a mapping is expected, not 5"),
        (
            go({**GO, "response": {"status": "OK"}}),
            "interactions.0.response.status: a status from 200 to 599 is expected, not 'OK'",
        ),
        (go({"request": {"url": URL}, "response": {}}), "interactions.0.request.method: a text is expected, not null"),
    ],
)
def test_broken_cassettes(tmp_path: Path, text: str, message: str) -> None:
    """The file, the line and the key are named."""
    with pytest.raises(ScenarioError) as caught:
        imported(tmp_path, text)
    assert str(caught.value) == f"{tmp_path / 'file.json'}:{caught.value.line}: {message}"
