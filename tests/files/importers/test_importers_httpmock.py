"""Tests of the recordings of httpmock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from foreign_files import ASKED, BODY, SSE, STREAM, as_yaml, imported

from streamlab.core.exchange import Request
from streamlab.core.plan import Head
from streamlab.errors import ScenarioError

WHEN = {
    "path": "/api/v1/messages",
    "method": "POST",
    "query_param": [{"name": "beta", "value": "true"}],
    "header": [{"name": "Accept", "value": "*/*"}],
    "body": ASKED,
}
THEN = {"status": 200, "header": [{"name": "content-type", "value": SSE}], "body": STREAM}


def mocks(*each: Any) -> str:
    """Return a file of these documents."""
    return "---\n".join(as_yaml(document) for document in each)


def test_a_document_for_each_exchange(tmp_path: Path) -> None:
    """A single one, or several; empty documents between them are nothing."""
    found = imported(tmp_path, mocks({"when": WHEN, "then": THEN}))
    assert found.format == "httpmock-yaml"
    (exchange,) = found.exchanges
    assert exchange.request == Request(query="beta=true", headers=(("Accept", "*/*"),), body=ASKED.encode())
    assert (exchange.head, exchange.body) == (Head(200, (("content-type", SSE),)), BODY)
    assert [each.split(":")[0] for each in found.unknown] == ["times", "reads", "endings", "dates", "hosts"]
    several = imported(
        tmp_path, mocks({"when": WHEN, "then": THEN}, None, {"when": {"path": "/v1/messages"}, "then": {"body": "x"}})
    )
    assert [each.request.query for each in several.exchanges] == ["beta=true", ""]
    assert several.exchanges[1].head == Head(200)


def test_what_is_left_out(tmp_path: Path) -> None:
    """Other paths, and mocks of any path."""
    found = imported(tmp_path, mocks({"when": {"path": "/v1/chat"}, "then": {}}, {"when": {"method": "POST"}, "then": {}}))
    assert found.skipped == (
        "document 1: POST /v1/chat is not a request to the Messages API",
        "document 2: it does not say which path was asked",
    )


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        (({"when": WHEN, "then": {"status": 0}},), ":12: then.status: a status from 200 to 599 is expected, not 0"),
        (({"when": WHEN, "then": THEN}, {"when": WHEN}), ":1.then: a mapping is expected, not null"),
        (({"when": {"path": 5}, "then": {}},), ":2: when.path: a text is expected, not 5"),
    ],
)
def test_broken_mocks(tmp_path: Path, documents: Any, message: str) -> None:
    """The line and the key are named."""
    with pytest.raises(ScenarioError) as caught:
        imported(tmp_path, mocks(*documents))
    assert str(caught.value).replace(" ", "").endswith(message.replace(" ", ""))
    assert caught.value.line is not None
