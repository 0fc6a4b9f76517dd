"""What may be kept of a request and of an answer: bodies of every framing and coding, with secrets and without."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable

import pytest

from streamlab.core import exchange_redaction as module
from streamlab.core.exchange import Read, Request
from streamlab.core.exchange_redaction import answer_redactor, plain_request, redact_request
from streamlab.core.plan import Head, Headers

KEY = "sk-ant-api03-" + "x1" * 12
TEXT = b'event: a\ndata: {"key":"%b"}\n\nevent: message_stop\ndata: {}\n\n' % KEY.encode()
CLEAN = TEXT.replace(KEY.encode(), b"none")
STREAM = ("content-type", "text/event-stream")


def kept(
    headers: Headers, pieces: Iterable[bytes], *, has_body: bool = True
) -> tuple[Headers, list[bytes], int, list[str], bool]:
    """Return what is kept of an answer: headers, reads, how many secrets, notes, and whether it has its end."""
    redactor = answer_redactor(Head(200, headers), has_body=has_body)
    reads = [each for piece in pieces for each in redactor.feed(Read(piece)) if redactor.head is not None]
    reads += redactor.close()
    assert redactor.head is not None
    return redactor.head.headers, [each.data for each in reads], redactor.count, redactor.notes, redactor.saw_end


def halves(data: bytes) -> list[bytes]:
    """Return the data in two reads."""
    return [data[: len(data) // 2], data[len(data) // 2 :]]


def test_a_request_is_kept_without_secrets_and_neighbours() -> None:
    """Every part of it is looked at, and each secret counted."""
    neighbours = (("Host", "x"), ("Content-Length", "3"), ("x-streamlab-fault", "x"))
    secret = (("X-Api-Key", KEY), ("cookie", "a=b"), ("helicone-auth", "abc"))
    headers = (*neighbours, *secret, ("x-mine", f"v={KEY}"), ("accept", "*/*"))
    request = Request(path=f"/v1/{KEY}", query=f"api_key=abc&a={KEY}", headers=headers, body=f'{{"a":"{KEY} {KEY}"}}'.encode())
    clean, count = redact_request(request)
    assert clean.headers == (("x-mine", "v=[redacted]"), ("accept", "*/*"))
    assert (clean.path, clean.query) == ("/v1/[redacted]", "api_key=[redacted]&a=[redacted]")
    assert clean.body == b'{"a":"[redacted] [redacted]"}'
    assert count == 3 + 1 + 2 + 2


def test_secret_headers_are_dropped_and_a_head_is_known_at_once() -> None:
    """If nothing in the body can change it."""
    redactor = answer_redactor(Head(200, (STREAM, ("set-cookie", "a"), ("x-note", KEY))))
    assert redactor.head == Head(200, (STREAM, ("x-note", "[redacted]")))
    assert redactor.count == 2


@pytest.mark.parametrize(("body", "count"), [(TEXT, 1), (CLEAN, 0)])
def test_a_stated_length_follows_the_body(body: bytes, count: int) -> None:
    """It stays in its place."""
    size = ("Content-Length", str(len(body)))
    headers, reads, found, notes, saw_end = kept((size, STREAM), halves(body))
    assert headers == (("Content-Length", str(len(b"".join(reads)))), STREAM)
    assert (found, notes, saw_end) == (count, [], True)
    assert KEY.encode() not in b"".join(reads)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_compressed_body_without_secrets_is_kept_as_it_came(coding: str) -> None:
    """Read by read."""
    data = gzip.compress(CLEAN, mtime=0) if coding == "gzip" else zlib.compress(CLEAN)
    given = (("content-encoding", coding), STREAM)
    assert kept(given, halves(data)) == (given, halves(data), 0, [], True)


def test_a_compressed_body_with_secrets_is_kept_as_text() -> None:
    """Which is said; a second member is looked at as well."""
    data = gzip.compress(CLEAN, mtime=0) + gzip.compress(TEXT, mtime=0)
    headers, reads, count, notes, _ = kept((("content-encoding", "gzip"), ("content-length", "9"), STREAM), halves(data))
    assert headers == (STREAM,)
    assert b"".join(reads) == CLEAN + TEXT.replace(KEY.encode(), b"[redacted]")
    assert (count, notes) == (1, ["its body is kept as text, not in gzip: there are secrets in it"])


def test_a_body_in_an_unknown_coding_is_kept_and_said() -> None:
    """Nobody can say what is in it."""
    given = (("content-encoding", "br"), STREAM)
    notes = ["its body is in br, and could not be searched for secrets"]
    assert kept(given, [b"abc", b"d"]) == (given, [b"abc", b"d"], 0, notes, True)


def test_a_broken_compressed_body_is_kept_and_said() -> None:
    """With all that followed the break."""
    data = gzip.compress(CLEAN, mtime=0)[:10] + b"\xff" * 20
    given = (("content-encoding", "gzip"), STREAM)
    headers, reads, count, notes, _ = kept(given, [data, b"more"])
    assert (headers, reads, count) == (given, [data, b"more"], 0)
    assert notes == ["its body is broken gzip; what follows the break could not be searched for secrets"]


@pytest.mark.parametrize("headers", [(("content-encoding", "gzip"), ("content-length", "5")), (("content-length", "5"),)])
def test_an_answer_without_a_body_keeps_its_head(headers: Headers) -> None:
    """That of a HEAD request says what is not there."""
    assert kept(headers, [], has_body=False)[0] == headers


def test_what_is_too_long_is_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on without its length, or as text; both are said."""
    monkeypatch.setattr(module, "_MOST_HELD", 10)
    headers, reads, _, notes, _ = kept((("content-length", str(len(TEXT) * 2)), STREAM), [TEXT, TEXT])
    assert (headers, len(reads)) == ((STREAM,), 2)
    assert notes == ["it is kept without its content-length, being too long to be held back"]
    data = gzip.compress(TEXT * 50)
    headers, reads, count, notes, saw_end = kept((("content-encoding", "gzip"), STREAM), [data[:60], data[60:]])
    assert (headers, b"".join(reads)) == ((STREAM,), (TEXT * 50).replace(KEY.encode(), b"[redacted]"))
    assert notes == ["its body is kept as text, not in gzip: it is too long to be held back"]
    assert (count, saw_end) == (50, True)


def test_other_bodies_have_no_end_to_be_seen() -> None:
    """What is no stream ends when it ends."""
    assert kept((("content-type", "application/json"),), [b"{}"])[1:] == ([b"{}"], 0, [], True)
    redactor = answer_redactor(Head(200, (STREAM,)))
    redactor.feed(Read(b"data: 1\n\ndata: 2\n\n"))
    assert (redactor.events, redactor.saw_end) == (2, False)


@pytest.mark.parametrize(
    ("coding", "body", "plain"),
    [
        ("gzip", gzip.compress(b"{}", mtime=0), b"{}"),
        ("deflate", zlib.compress(b"{}"), b"{}"),
        ("gzip", b"none", None),
        ("br", b"x", None),
    ],
)
def test_a_compressed_request_is_read(coding: str, body: bytes, plain: bytes | None) -> None:
    """If it can be; its recording is in plain text then."""
    request = Request(headers=(("content-encoding", coding), ("a", "b")), body=body)
    expected = request if plain is None else Request(headers=(("a", "b"),), body=plain)
    assert plain_request(request) == expected
    assert plain_request(Request(body=b"x")) == Request(body=b"x")


@pytest.mark.parametrize("coding", [None, "gzip"])
def test_a_secret_that_is_spread_over_deltas_is_taken_out(coding: str | None) -> None:
    """Of a compressed stream as of another; a stated length follows."""
    frame = b'data: {"index":0,"delta":{"type":"text_delta","text":"%b"}}\n\n'
    pieces = [b"my sk-", b"ant-api", b"03-x1x1 is"]
    data = b"".join(frame % each for each in pieces)
    clean = b"".join(frame % each for each in (b"my [redacted]", b"", b" is"))
    body, headers = (gzip.compress(data), (("content-encoding", "gzip"),)) if coding else (data, ())
    kept_headers, reads, count, notes, _ = kept((*headers, ("content-length", str(len(body))), STREAM), halves(body))
    assert (b"".join(reads), count) == (clean, 1)
    assert kept_headers == ((STREAM,) if coding else (("content-length", str(len(clean))), STREAM))
    assert len(notes) == len(headers)


def test_a_body_that_is_long_when_it_is_read_is_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """However little of it comes: what it unpacks to counts."""
    monkeypatch.setattr(module, "_MOST_HELD", 1000)
    data = gzip.compress(CLEAN * 500)
    assert len(data) < 1000
    _, reads, _, notes, _ = kept((("content-encoding", "gzip"), STREAM), [data])
    assert b"".join(reads) == CLEAN * 500
    assert notes == ["its body is kept as text, not in gzip: it is too long to be held back"]
