"""Tests of WireMock's mappings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from foreign_files import ASKED, BODY, SSE, STREAM, SYNTHETIC, b64, imported

from streamlab.core.plan import Head
from streamlab.errors import ScenarioError


def mapping(request: Any = None, **response: Any) -> dict[str, Any]:
    """Return a stub."""
    asked = {
        "method": "POST",
        "urlPath": "/v1/messages",
        "bodyPatterns": [{"contains": "x"}, {"equalToJson": ASKED}],
        **(request or {}),
    }
    return {"request": asked, "response": {"status": 200, "headers": {"Content-Type": SSE}, **response}}


@pytest.mark.parametrize(
    ("response", "body"),
    [
        ({"body": STREAM}, BODY),
        ({"base64Body": b64(BODY)}, BODY),
        ({"jsonBody": {"b": 1, "a": 2}}, b'{"b":1,"a":2}'),
        ({"bodyFileName": "a/b.txt"}, BODY),
        ({}, b""),
    ],
)
def test_bodies(tmp_path: Path, response: Any, body: bytes) -> None:
    """In the mapping, or in a file of the folder `__files`."""
    (tmp_path / "__files" / "a").mkdir(parents=True)
    (tmp_path / "__files" / "a" / "b.txt").write_bytes(BODY)
    found = imported(tmp_path, mapping(**response), "mappings/x.json")
    (exchange,) = found.exchanges
    assert found.format == "wiremock"
    assert (exchange.head, exchange.body) == (Head(200, (("Content-Type", SSE),)), body)
    assert exchange.request.body == ASKED.encode()


def test_several_and_what_is_left_out(tmp_path: Path) -> None:
    """Other addresses, and bodies that are not there; without a pattern the request is made up."""
    stubs = [
        mapping({"urlPath": None, "url": "/v1/messages?beta=true", "bodyPatterns": None, "method": "ANY"}, body=STREAM),
        mapping({"urlPath": "/v1/chat"}, body="x"),
        mapping(bodyFileName="gone"),
        {"request": {"urlPattern": "/v1/messages"}, "response": {"body": "x"}},
    ]
    found = imported(tmp_path, {"mappings": stubs})
    assert [each.request.query for each in found.exchanges] == ["beta=true", ""]
    assert found.exchanges[0].request.body == SYNTHETIC
    assert found.skipped == (
        "mapping 2: POST /v1/chat is not a request to the Messages API",
        "mapping 3: the file 'gone' with its body is not there",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (mapping(bodyFileName="../../x"), "response.bodyFileName: '../../x' leads out of the folder '__files'"),
        (mapping(base64Body="?"), "response.base64Body: base64 is expected, not '?'"),
        (mapping(status=0, body="x"), "response.status: a status from 200 to 599 is expected, not 0"),
        ({"mappings": [mapping(), 5]}, "mappings.1: a mapping is expected, not 5"),
        (mapping({"urlPath": 5}), "request.urlPath: a text is expected, not 5"),
    ],
)
def test_broken_mappings(tmp_path: Path, content: Any, message: str) -> None:
    """The file and the key are named."""
    with pytest.raises(ScenarioError) as caught:
        imported(tmp_path, content)
    assert str(caught.value) == f"{tmp_path / 'file.json'}: {message}"
