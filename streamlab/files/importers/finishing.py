"""A draft to an exchange: only calls of the Messages API, decompressed, without what frames a body, and without secrets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from streamlab.core.endpoints import COUNT_TOKENS
from streamlab.core.events import dump
from streamlab.core.exchange import MESSAGES, Exchange, Read, Request
from streamlab.core.messages import DEFAULT_MODEL
from streamlab.core.plan import EVENT_STREAM, JSON, Head, Headers, without
from streamlab.core.read_redaction import ReadRedactor
from streamlab.core.redaction import Pattern, exactly, redact_bytes, redact_headers, redact_query, redact_text, secret_values
from streamlab.files.importers.bodies import GZIP, gunzip, how_ended, is_json, is_stream, is_text, model_of
from streamlab.files.importers.drafts import REQUEST_BODIES, Draft
from streamlab.files.values import can_be_sent

__all__ = ["Finisher"]

_CONTENT_TYPE = "content-types: where none was kept, it follows from the body"
_COMPRESSED = "compressed bodies: one in another coding than gzip is kept as it is, and its reads with it"

_FRAMING = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "trailers", "transfer-encoding"),
    *("upgrade", "content-length", "content-encoding"),
}
"""What holds for one connection, or says how a recorder kept the body."""
_CODINGS = ("br", "zstd", "deflate", "compress", "gzip")
_PATHS = (COUNT_TOKENS, MESSAGES)
_VERTEX = re.compile(r"/publishers/anthropic/models/[^/]+:(?:streamR|r)awPredict$")
"""How Google's platform names the same API."""


@dataclass(slots=True)
class Finisher:
    """Makes exchanges of drafts, and remembers what was taken out, left out and not known.

    `patterns` are the user's own secrets.
    """

    patterns: Sequence[Pattern] = ()
    redacted: int = 0
    skipped: list[str] = field(default_factory=list)
    unknown: dict[str, None] = field(default_factory=dict)
    _secrets: Sequence[Pattern] = field(default=(), init=False, compare=False)

    def exchange(self, draft: Draft) -> Exchange | None:
        """Return the exchange; None, with the reason in `skipped`, if it is no call of the Messages API."""
        target = _target(draft)
        if target is None:
            self.skipped.append(
                f"{draft.label}: {draft.method.upper()} {_shown(draft.url)} is not a request to the Messages API"
            )
            return None
        self._secrets = (*self.patterns, *exactly(secret_values((*draft.request_headers, *draft.headers), target[1])))
        self._note(*draft.unknown)
        reads, coding = self._decompressed(draft)
        body = b"".join(read.data for read in reads)
        request = self._request(draft, target, body)
        return Exchange(
            request=request,
            head=None if draft.status is None else Head(draft.status, self._headers(draft, body, coding)),
            reads=self._redacted_reads(reads, is_stream=is_stream(body)),
            ended=draft.ended or how_ended(body),
            first=draft.first,
            ended_at=draft.ended_at,
            recorded=draft.recorded,
        )

    def _note(self, *unknown: str) -> None:
        self.unknown.update(dict.fromkeys(unknown))

    def _request(self, draft: Draft, target: tuple[str, str], answer: bytes) -> Request:
        path, query = target
        body = _plain(draft.request_body)
        if not body:
            body = dump({"model": model_of(answer) or DEFAULT_MODEL, "stream": is_stream(answer)}).encode("utf-8", "replace")
            if draft.url is not None:
                self._note(REQUEST_BODIES)
        headers = self._clean(draft, draft.request_headers, "request")
        return Request(path=path, query=self._redacted_query(query), headers=headers, body=self._redacted_bytes(body))

    def _headers(self, draft: Draft, body: bytes, coding: str | None) -> Headers:
        headers = self._clean(draft, draft.headers, "response")
        if body and Head(headers=headers).get("content-type") is None and (is_stream(body) or is_json(body)):
            if draft.headers:
                self._note(_CONTENT_TYPE)
            headers = (("content-type", EVENT_STREAM if is_stream(body) else JSON), *headers)
        if coding is not None:
            self._note(_COMPRESSED)
            headers += (("content-encoding", coding),)
        return headers

    def _clean(self, draft: Draft, headers: Headers, whose: str) -> Headers:
        """Return headers that can be sent and have no secret in them."""
        kept = tuple(each for each in without(headers, _FRAMING) if not each[0].startswith(":"))
        bad = [name for name, value in kept if not can_be_sent(name, value)]
        self.skipped += (f"{draft.label}: the {whose} header {name!a} is none that HTTP can carry" for name in bad)
        kept = tuple((name, value.strip()) for name, value in kept if name not in bad)
        clean = redact_headers(kept, self._secrets)
        self.redacted += sum(before != after for before, after in zip(kept, clean, strict=True))
        return clean

    def _decompressed(self, draft: Draft) -> tuple[tuple[Read, ...], str | None]:
        """Return the reads as plain bytes; or as they are, and the coding that they are in."""
        if (plain := _gunzipped(draft.reads)) is not None:
            return plain, None
        body = b"".join(read.data for read in draft.reads)
        said = (Head(headers=draft.headers).get("content-encoding") or "").strip().lower()
        coding = said if said in _CODINGS and not is_text(body) else "gzip" if body.startswith(GZIP) else None
        return draft.reads, coding

    def _redacted_reads(self, reads: tuple[Read, ...], *, is_stream: bool) -> tuple[Read, ...]:
        redactor = ReadRedactor(self._secrets, is_stream=is_stream)
        clean = [each for read in reads for each in redactor.feed(read)]
        clean += redactor.close()
        self.redacted += redactor.count
        return tuple(clean) if redactor.count else reads

    def _redacted_bytes(self, body: bytes) -> bytes:
        clean, count, _ = redact_bytes(body, self._secrets)
        self.redacted += count
        return clean

    def _redacted_query(self, query: str) -> str:
        clean = redact_query(query, self._secrets)
        self.redacted += clean != query
        return clean


def _target(draft: Draft) -> tuple[str, str] | None:
    """Return the path without what is before it, and the query, of a call of the Messages API."""
    if draft.url is None:
        return MESSAGES, ""
    try:
        parts = urlsplit(draft.url)
    except ValueError:
        return None
    path = next((each for each in _PATHS if parts.path.endswith(each)), None)
    if path is None and _VERTEX.search(parts.path):
        path = MESSAGES
    return (path, parts.query) if path is not None and draft.method.upper() == "POST" else None


def _shown(url: str | None) -> str:
    """Return an address as a message shows it: without its query, and the password in it."""
    address, _, _ = str(url).partition("?")
    return redact_text(re.sub(r"//[^/@]*@", "//", address))[:200]


def _plain(body: bytes | None) -> bytes:
    """Return the body of a request as it is without compression."""
    parts = gunzip([body]) if body and body.startswith(GZIP) else None
    return (body or b"") if parts is None else b"".join(parts)


def _gunzipped(reads: tuple[Read, ...]) -> tuple[Read, ...] | None:
    """Return the reads as plain bytes, of gzip each what it adds; None if they are neither text nor gzip."""
    body = b"".join(read.data for read in reads)
    if not body.startswith(GZIP):
        return reads if is_text(body) else None
    parts = gunzip(read.data for read in reads)
    if parts is None:
        return None
    return tuple(Read(part, read.at) for part, read in zip(parts, reads, strict=True) if part)
