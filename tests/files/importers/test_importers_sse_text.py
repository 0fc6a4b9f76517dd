"""Tests of raw streams, as `curl -N` and `curl -N -i` print them."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_files import BODY, GZIPPED, PING, SSE, SYNTHETIC, imported

from streamlab.core.exchange import Ended, Read, Request
from streamlab.core.plan import Head
from streamlab.errors import ScenarioError

HEAD = b"HTTP/2 200 \r\nDate: today\r\ncontent-type: text/event-stream\r\nSet-Cookie: a=b\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "body", [BODY, BODY.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + BODY, BODY + b"event: me", BODY + b"data: \xff\n\n"]
)
def test_a_stream_is_kept_byte_for_byte(tmp_path: Path, body: bytes) -> None:
    """With its line ends, its byte order mark and its unfinished tail."""
    found = imported(tmp_path, body, "x.txt")
    (exchange,) = found.exchanges
    assert found.format == "sse"
    assert exchange.request == Request(body=SYNTHETIC)
    assert exchange.head == Head(200, (("content-type", SSE),))
    assert (exchange.reads, exchange.ended) == ((Read(body),), Ended.COMPLETE)
    topics = ["times", "reads", "endings", "dates", "requests", "statuses", "response headers"]
    assert [each.split(":")[0] for each in found.unknown] == topics


def test_a_head_before_it(tmp_path: Path) -> None:
    """Its status and headers hold; those of an interim answer or a proxy do not."""
    for first in (b"", b"HTTP/1.1 200 Connection established\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"):
        found = imported(tmp_path, first + HEAD + BODY)
        (exchange,) = found.exchanges
        assert exchange.head == Head(
            200, (("Date", "today"), ("content-type", "text/event-stream"), ("Set-Cookie", "[redacted]"))
        )
        assert (exchange.body, found.redacted) == (BODY, 1)
        assert "response headers" not in str(found.unknown)


@pytest.mark.parametrize(
    ("body", "kept", "ended"),
    [
        (b'{"type":"error","error":{}}', b'{"type":"error","error":{}}', Ended.COMPLETE),
        (b"<html>Bad gateway</html>", b"<html>Bad gateway</html>", Ended.UNKNOWN),
        (GZIPPED, BODY, Ended.COMPLETE),
        (PING.encode(), PING.encode(), Ended.UNKNOWN),
        (b"event: mess", b"event: mess", Ended.UNKNOWN),
        (b"", b"", Ended.UNKNOWN),
    ],
)
def test_with_a_head_any_body_will_do(tmp_path: Path, body: bytes, kept: bytes, ended: Ended) -> None:
    """An error, a page, compressed bytes, a stream that was cut at once."""
    data = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 529 Overloaded\nretry-after: 5\nodd line\n\n" + body
    (exchange,) = imported(tmp_path, data).exchanges
    assert exchange.head is not None
    assert (exchange.head.status, exchange.head.get("retry-after")) == (529, "5")
    assert (exchange.body, exchange.ended) == (kept, ended)


@pytest.mark.parametrize(
    ("first", "second"),
    [(BODY, BODY.replace(b"\n", b"\r\n") + b"event: me"), (BODY + b": end\n\n", BODY), (HEAD + BODY, HEAD + BODY)],
)
def test_streams_one_after_the_other(tmp_path: Path, first: bytes, second: bytes) -> None:
    """Each is an exchange, and none of their bytes is lost."""
    found = imported(tmp_path, first + second)
    assert [each.body for each in found.exchanges] == [first.removeprefix(HEAD), second.removeprefix(HEAD)]
    assert [each.ended for each in found.exchanges] == [Ended.COMPLETE] * 2


def test_one_answer_may_say_everything_twice(tmp_path: Path) -> None:
    """Where heads tell one answer from the next, or the first message has no end."""
    for body in (HEAD + BODY + BODY, BODY[:-1] + BODY):
        (exchange,) = imported(tmp_path, body).exchanges
        assert exchange.body == body.removeprefix(HEAD)


@pytest.mark.parametrize("data", [b"event: ping\n\n", b"data: [DONE]\n\n", b"HTTP/1.1 200 OK", b"data: x"])
def test_what_is_no_stream(tmp_path: Path, data: bytes) -> None:
    """It has to hold an event."""
    with pytest.raises(ScenarioError) as caught:
        imported(tmp_path, data, "x.sse")
    hint = "a recorded stream has lines such as: event: ping"
    assert str(caught.value) == f"{tmp_path / 'x.sse'}: holds no event of a stream\n  hint: {hint}"


def test_a_head_that_is_none(tmp_path: Path) -> None:
    """Only an answer's last head counts, and it has a status."""
    with pytest.raises(ScenarioError, match="a status from 200 to 599 is expected, not 700"):
        imported(tmp_path, b"HTTP/1.1 700 Odd\r\n\r\n")
