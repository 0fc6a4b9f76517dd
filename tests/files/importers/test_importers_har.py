"""Tests of HTTP archives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from foreign_files import ASKED, BODY, GZIPPED, SSE, STREAM, URL, b64, imported

from streamlab.core.exchange import Ended, Read, Request
from streamlab.core.plan import Head
from streamlab.errors import ScenarioError


def har(*, creator: Any = None, entry: Any = None, request: Any = None, **response: Any) -> dict[str, Any]:
    """Return an archive of one entry."""
    asked = {"method": "POST", "url": URL, "headers": [{"name": "accept", "value": "*/*"}], "postData": {"text": ASKED}}
    content = {"mimeType": SSE, "size": len(BODY), "text": STREAM}
    answer = {"status": 200, "headers": [{"name": "content-type", "value": SSE}], "content": content, **response}
    times = {"startedDateTime": "2025-06-01T10:00:00.500Z", "timings": {"send": 0, "wait": 250, "receive": 1500.5}}
    whole = {**times, "request": {**asked, **(request or {})}, "response": answer, **(entry or {})}
    return {"log": {"version": "1.2", "creator": creator or {"name": "WebInspector"}, "entries": [whole]}}


def test_a_browser_knows_when_it_began_and_ended(tmp_path: Path) -> None:
    """But not when each read came."""
    found = imported(tmp_path, har())
    (exchange,) = found.exchanges
    assert found.format == "har"
    assert exchange.request == Request(headers=(("accept", "*/*"),), body=ASKED.encode())
    assert (exchange.head, exchange.reads) == (Head(200, (("content-type", SSE),)), (Read(BODY),))
    assert (exchange.first, exchange.ended_at, exchange.recorded) == (0.25, 1.5005, "2025-06-01T10:00:00.500000Z")
    assert [each.split(":")[0] for each in found.unknown] == ["times", "reads", "endings"]


@pytest.mark.parametrize(
    ("timings", "told"),
    [
        ({"wait": -1, "receive": 0}, (None, 0)),
        ({"wait": True, "receive": "1"}, (None, None)),
        ({}, (None, None)),
        (None, (None, None)),
    ],
)
def test_times_that_are_none(tmp_path: Path, timings: Any, told: tuple[Any, Any]) -> None:
    """A negative one says that it does not apply."""
    (exchange,) = imported(tmp_path, har(entry={"timings": timings})).exchanges
    assert (exchange.first, exchange.ended_at) == told


def test_polly_does_not(tmp_path: Path) -> None:
    """Its `wait` is the whole time."""
    (exchange,) = imported(tmp_path, har(creator={"name": "Polly.JS", "comment": "persister:fs"})).exchanges
    assert (exchange.first, exchange.ended_at) == (None, None)
    no_creator = har()
    del no_creator["log"]["creator"]
    assert imported(tmp_path, no_creator).exchanges[0].first == 0.25


@pytest.mark.parametrize(
    ("content", "reads"),
    [
        ({"text": b64(BODY), "encoding": "base64"}, [BODY]),
        ({"text": b64(GZIPPED), "encoding": "base64"}, [BODY]),
        ({"text": json.dumps([b64(BODY[:50]), b64(BODY[50:])]), "encoding": "base64"}, [BODY[:50], BODY[50:]]),
        ({"text": "", "size": 0}, []),
        ({"size": 0}, []),
    ],
)
def test_bodies(tmp_path: Path, content: Any, reads: list[bytes]) -> None:
    """Text, base64, or chunks, each of which is a read."""
    (exchange,) = imported(tmp_path, har(content=content)).exchanges
    assert [read.data for read in exchange.reads] == reads


@pytest.mark.parametrize(
    ("error", "ended"),
    [
        ("net::ERR_CONNECTION_REFUSED", Ended.REFUSED),
        ("net::ERR_CONNECTION_RESET", Ended.RESET),
        ("net::ERR_INCOMPLETE_CHUNKED_ENCODING", Ended.FIN),
        ("net::ERR_ABORTED", Ended.LEFT),
        ("net::ERR_OTHER", Ended.UNKNOWN),
    ],
)
def test_failures_are_kept_as_failures(tmp_path: Path, error: str, ended: Ended) -> None:
    """With no head, or with what had come."""
    (exchange,) = imported(tmp_path, har(status=0, headers=[], content={"size": 0}, _error=error)).exchanges
    assert (exchange.head, exchange.reads, exchange.ended) == (None, (), ended)
    (exchange,) = imported(tmp_path, har(entry={"_error": error})).exchanges
    assert (exchange.head is None, exchange.body, exchange.ended) == (False, BODY, ended)


def test_no_answer_and_no_body(tmp_path: Path) -> None:
    """Without a status there was no head; a body that was not kept is said."""
    (exchange,) = imported(tmp_path, har(status=0, content={})).exchanges
    assert (exchange.head, exchange.ended) == (None, Ended.UNKNOWN)
    found = imported(tmp_path, har(content={"size": 5}))
    assert (found.exchanges, found.skipped) == ((), ("entry 1: the body of its answer was not kept",))


def test_small_things_of_browsers(tmp_path: Path) -> None:
    """Repeated headers in one value, those of HTTP/2, and a request without a body."""
    headers = [{"name": "a", "value": "1\n2"}, {"name": ":status", "value": "200"}]
    (exchange,) = imported(tmp_path, har(headers=headers, request={"postData": None})).exchanges
    assert exchange.head == Head(200, (("content-type", SSE), ("a", "1"), ("a", "2")))
    assert exchange.request.model == "claude-sonnet-4-6"


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (har(status="x"), "log.entries.0.response.status: a status from 200 to 599 is expected, not 'x'"),
        (har(request={"url": None}), "log.entries.0.request.url: a text is expected, not null"),
        (har(headers=[{"value": "x"}]), "log.entries.0.response.headers.0.name: a text is expected, not null"),
        (har(content={"text": "?", "encoding": "base64"}), "log.entries.0.response.content.text: base64 is expected, not '?'"),
        (
            har(content={"text": "[1", "encoding": "base64"}),
            "log.entries.0.response.content.text: a list of base64 texts is expected, not '[1'",
        ),
        (
            har(content={"text": "[1]", "encoding": "base64"}),
            "log.entries.0.response.content.text.0: a text is expected, not 1",
        ),
        ({"log": {"entries": [5], "creator": None}}, "log.entries.0: a mapping is expected, not 5"),
    ],
)
def test_broken_archives(tmp_path: Path, archive: Any, message: str) -> None:
    """The file and the key are named."""
    with pytest.raises(ScenarioError) as caught:
        imported(tmp_path, archive, "x.har")
    assert str(caught.value) == f"{tmp_path / 'x.har'}: {message}"


@pytest.mark.parametrize("status", [0, None])
def test_an_answer_without_a_status_is_not_made_up(tmp_path: Path, status: int | None) -> None:
    """What it had of a body cannot be sent, and that is said."""
    found = imported(tmp_path, har(status=status))
    assert (found.exchanges, found.skipped) == ((), ("entry 1: its answer has a body and no status",))


def test_a_status_that_is_none_is_an_error(tmp_path: Path) -> None:
    """With its place."""
    with pytest.raises(ScenarioError, match=r"log\.entries\.0\.response\.status: a status from 200 to 599 is expected, not ''"):
        imported(tmp_path, har(status=""))
