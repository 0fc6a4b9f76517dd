"""Tests of the way from a draft to an exchange: what is kept, cleaned, made up and counted."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from foreign_files import ASKED, BODY, GZIPPED, SSE, SYNTHETIC, URL

from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.plan import Head
from streamlab.files.importers.drafts import REQUEST_BODIES, Draft, whole
from streamlab.files.importers.finishing import Finisher

KEY = "sk-ant-api03-" + "a1B2c3D4" * 4
CONTENT_TYPE = "content-types: where none was kept, it follows from the body"


def finish(**draft: Any) -> tuple[Exchange | None, Finisher]:
    """Return what comes of a draft, and what is known after it."""
    finisher = Finisher()
    basis = {"label": "interaction 3", "url": URL, "request_body": ASKED.encode()}
    return finisher.exchange(Draft(**{**basis, **draft})), finisher


def flushed() -> tuple[Read, ...]:
    """Return a compressed body in reads: one byte, the rest of a first part, a second part, and the last part with the end."""
    packer = zlib.compressobj(wbits=31)
    parts = [packer.compress(each) + packer.flush(zlib.Z_SYNC_FLUSH) for each in (BODY[:40], BODY[40:90])]
    last = packer.compress(BODY[90:]) + packer.flush()
    return Read(parts[0][:1], 0.1), Read(parts[0][1:], 0.2), Read(parts[1], 0.3), Read(last, 0.4)


def test_an_exchange_is_what_was_recorded() -> None:
    """Bytes, headers, moment and times; the path without its host."""
    headers = (("Content-Type", SSE), ("request-id", "req_1"))
    exchange, finisher = finish(
        url=URL + "?beta=true",
        request_headers=(("accept", "*/*"),),
        headers=headers,
        reads=(Read(BODY[:9]), Read(BODY[9:], 0.5)),
        recorded="2025-01-01T00:00:00Z",
        first=0.25,
        ended_at=0.75,
    )
    assert exchange == Exchange(
        request=Request(path="/v1/messages", query="beta=true", headers=(("accept", "*/*"),), body=ASKED.encode()),
        head=Head(200, headers),
        reads=(Read(BODY[:9]), Read(BODY[9:], 0.5)),
        ended=Ended.COMPLETE,
        first=0.25,
        ended_at=0.75,
        recorded="2025-01-01T00:00:00Z",
    )
    assert finisher == Finisher()


@pytest.mark.parametrize(
    ("url", "path", "query"),
    [
        ("/v1/messages", "/v1/messages", ""),
        ("https://openrouter.ai/api/v1/messages?a=b&c", "/v1/messages", "a=b&c"),
        ("http://localhost:3000/router/v2/anthropic/v1/messages", "/v1/messages", ""),
        ("https://api.anthropic.com/v1/messages/count_tokens?beta=true", "/v1/messages/count_tokens", "beta=true"),
        ("https://x/v1/projects/p/locations/l/publishers/anthropic/models/claude@1:streamRawPredict", "/v1/messages", ""),
        ("https://x/v1/projects/p/locations/l/publishers/anthropic/models/claude@1:rawPredict", "/v1/messages", ""),
    ],
)
def test_a_call_of_the_messages_api_is_known_by_its_path(url: str, path: str, query: str) -> None:
    """Whatever the host, and whatever stands before it."""
    exchange, _ = finish(url=url)
    assert exchange is not None
    assert (exchange.request.path, exchange.request.query) == (path, query)


@pytest.mark.parametrize(
    ("method", "url", "shown"),
    [
        ("POST", "https://api.openai.com/v1/responses", "https://api.openai.com/v1/responses"),
        ("GET", URL, URL),
        ("get", URL, URL),
        ("OPTIONS", URL, URL),
        ("POST", "https://api.anthropic.com/v1/complete", "https://api.anthropic.com/v1/complete"),
        ("POST", URL + "/batches", URL + "/batches"),
        ("POST", URL + "x", URL + "x"),
        ("POST", "https://u:pw@x/models/gemini:streamRawPredict?key=1", "https://x/models/gemini:streamRawPredict"),
        ("POST", f"https://x/{KEY}/y?key={KEY}", "https://x/[redacted]/y"),
        ("POST", "https://[/v1/messages", "https://[/v1/messages"),
        ("POST", "", ""),
    ],
)
def test_other_requests_are_left_out(method: str, url: str, shown: str) -> None:
    """With the address, but without its query and any secret."""
    exchange, finisher = finish(method=method, url=url)
    assert exchange is None
    assert finisher.skipped == [f"interaction 3: {method.upper()} {shown} is not a request to the Messages API"]
    assert finisher.redacted == 0


def test_a_request_that_was_not_kept_is_made_up() -> None:
    """With the model of its answer; it is said if the format knows requests otherwise."""
    exchange, finisher = finish(url=None, request_body=None, reads=whole(BODY))
    assert exchange is not None
    assert exchange.request == Request(body=SYNTHETIC)
    assert not finisher.unknown
    exchange, finisher = finish(request_body=b"", reads=whole(b'{"model":"m"}'), headers=(("content-type", "x/y"),))
    assert exchange is not None
    assert exchange.request.body == b'{"model":"m","stream":false}'
    assert list(finisher.unknown) == [REQUEST_BODIES]
    exchange, _ = finish(request_body=None)
    assert exchange is not None
    assert exchange.request.data == {"model": "claude-sonnet-4-6", "stream": False}


def test_what_frames_a_body_is_dropped() -> None:
    """In any case of the name, on both sides; pseudo-headers of HTTP/2 as well, and the edges of values."""
    framing = tuple(
        (name, "x") for name in ("Connection", "TRANSFER-encoding", "content-length", "keep-alive", "Upgrade", ":status")
    )
    exchange, finisher = finish(
        headers=(*framing, ("a", " b ")), request_headers=(*framing, ("content-encoding", "gzip"), ("c", "d"))
    )
    assert exchange is not None
    assert exchange.head == Head(200, (("a", "b"),))
    assert exchange.request.headers == (("c", "d"),)
    assert finisher == Finisher()


def test_headers_that_cannot_be_sent_are_left_out() -> None:
    """And said, as a cassette with them could not be replayed."""
    exchange, finisher = finish(headers=(("a b", "x"), ("c", "x\r\nd: y"), ("e", "→"), ("f", "ü")))
    assert exchange is not None
    assert exchange.head == Head(200, (("f", "ü"),))
    assert finisher.skipped == [
        f"interaction 3: the response header '{name}' is none that HTTP can carry" for name in ("a b", "c", "e")
    ]


@pytest.mark.parametrize(("body", "kind"), [(BODY, SSE), (b'{"type":"error"}', "application/json")])
def test_a_content_type_follows_from_the_body(body: bytes, kind: str) -> None:
    """If none was kept: a body that is neither gets none."""
    exchange, finisher = finish(headers=(("a", "b"),), reads=whole(body))
    assert exchange is not None
    assert exchange.head == Head(200, (("content-type", kind), ("a", "b")))
    assert list(finisher.unknown) == [CONTENT_TYPE]
    other, finisher = finish(headers=(("a", "b"),), reads=whole(b"<html>"))
    assert other is not None
    assert other.head == Head(200, (("a", "b"),))
    assert not finisher.unknown


@pytest.mark.parametrize("headers", [(), (("content-encoding", "gzip"),), (("content-encoding", "br"),)])
def test_gzip_is_known_by_its_bytes(headers: Any) -> None:
    """Whatever the header says; reads stay apart, those that add nothing go."""
    exchange, _ = finish(headers=headers, reads=flushed())
    assert exchange is not None
    assert exchange.body == BODY
    assert exchange.ended is Ended.COMPLETE
    assert [read.at for read in exchange.reads] == [0.2, 0.3, 0.4]
    assert Head(headers=exchange.head.headers if exchange.head else ()).get("content-encoding") is None


@pytest.mark.parametrize(
    ("body", "said", "coding"),
    [
        (b"\x8b\xff\x00br", "br", "br"),
        (b"\x28\xb5\x2f\xfd\xff", "ZSTD ", "zstd"),
        (b"\x1f\x8b\x08broken\xff", "", "gzip"),
        (b"\xff\xfe", "", None),
        (b"plain", "br", None),
        (b"plain", "gzip", None),
    ],
)
def test_other_codings_stay(body: bytes, said: str, coding: str | None) -> None:
    """The bytes as they are, and the header that says how to read them; text is never in a coding."""
    exchange, finisher = finish(headers=(("a", "b"), ("content-encoding", said)), reads=whole(body))
    assert exchange is not None
    assert exchange.reads == (Read(body),)
    assert exchange.head == Head(200, (("a", "b"), *((("content-encoding", coding),) if coding else ())))
    assert [each.split(":")[0] for each in finisher.unknown] == (["compressed bodies"] if coding else [])


def test_a_compressed_request_is_kept_plain() -> None:
    """As a rule has to match it."""
    exchange, _ = finish(request_body=GZIPPED)
    assert exchange is not None
    assert exchange.request.body == BODY
    broken, _ = finish(request_body=b"\x1f\x8bx")
    assert broken is not None
    assert broken.request.body == b"\x1f\x8bx"


def test_secrets_are_taken_out_and_counted() -> None:
    """In headers, the query and both bodies; a placeholder counts once, like any other value."""
    exchange, finisher = finish(
        url=f"{URL}?key={KEY}",
        request_headers=(("X-Api-Key", "x"), ("authorization", "[redacted]"), ("x-note", f"a {KEY}")),
        request_body=f'{{"a":"{KEY}","b":"{KEY}"}}'.encode(),
        headers=(("content-type", "x"), ("set-cookie", "a=b")),
        reads=(Read(b"one " + KEY.encode() + b" [redacted] \xff"), Read(b"two")),
    )
    assert exchange is not None
    assert exchange.request == Request(
        query="key=[redacted]",
        headers=(("X-Api-Key", "[redacted]"), ("authorization", "[redacted]"), ("x-note", "a [redacted]")),
        body=b'{"a":"[redacted]","b":"[redacted]"}',
    )
    assert exchange.head == Head(200, (("content-type", "x"), ("set-cookie", "[redacted]")))
    assert exchange.reads == (Read(b"one [redacted] [redacted] \xff"), Read(b"two"))
    assert finisher.redacted == 7


def test_a_secret_of_the_query_is_kept_nowhere() -> None:
    """It is taken out of both bodies, too."""
    secret = "plainSecretKey123456"
    exchange, _ = finish(
        url=f"{URL}?api_key={secret}", request_body=f'{{"a":"{secret}"}}'.encode(), reads=(Read(f"bad key {secret}".encode()),)
    )
    assert exchange is not None
    assert (exchange.request.body, exchange.reads) == (b'{"a":"[redacted]"}', (Read(b"bad key [redacted]"),))


def test_a_secret_across_reads_goes_too() -> None:
    """It is the first read's, and the boundary is behind it."""
    exchange, finisher = finish(
        headers=(("a", "b"),), reads=(Read(b"x " + KEY.encode()[:9], 0.1), Read(KEY.encode()[9:] + b" y", 0.2))
    )
    assert exchange is not None
    assert exchange.reads == (Read(b"x [redacted]", 0.1), Read(b" y", 0.2))
    assert finisher.redacted == 1


def test_what_the_format_says_holds() -> None:
    """An ending that was recorded, an answer without a head, and what it cannot know, once."""
    exchange, finisher = finish(status=None, ended=Ended.RESET, unknown=("a", "b", "a"))
    assert exchange is not None
    assert (exchange.head, exchange.reads, exchange.ended) == (None, (), Ended.RESET)
    assert list(finisher.unknown) == ["a", "b"]


def test_the_key_of_a_request_is_taken_out_of_its_body_and_its_answer() -> None:
    """Whatever it looks like: a gateway may repeat it."""
    key = "my-team-gateway-key"
    body = b'{"error": "no such key: my-team-gateway-key"}'
    exchange, finisher = finish(
        request_headers=(("x-api-key", key),), request_body=f'{{"model": "m", "system": "{key}"}}'.encode(), reads=(Read(body),)
    )
    assert exchange is not None
    assert b"".join(read.data for read in exchange.reads) == b'{"error": "no such key: [redacted]"}'
    assert exchange.request.body == b'{"model": "m", "system": "[redacted]"}'
    assert finisher.redacted == 3


def test_a_model_that_no_text_can_hold_is_no_reason_to_stop() -> None:
    """What stands for a lost request says it as far as it can be said."""
    body = b'{"type": "message", "role": "assistant", "model": "\\ud800", "content": []}'
    exchange, _ = finish(request_body=None, reads=(Read(body),))
    assert exchange is not None
    assert exchange.request.json == {"model": "?", "stream": False}
