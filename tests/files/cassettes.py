"""Exchanges, and the text of cassettes, for the tests of what reads and writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from hypothesis import strategies as st

from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.plan import Head
from streamlab.files.cassette import scan
from streamlab.files.cassette_document import Span
from streamlab.files.cassette_text import HEADER, document

STREAM = Head(200, (("content-type", "text/event-stream; charset=utf-8"), ("request-id", "req_1")))
ASKED = Request(query="beta=true", headers=(("anthropic-version", "2023-06-01"),), body=b'{"model":"m","stream":true}')
READS = (
    Read(b'event: message_start\ndata: {"type":"message_start"}\n\n', 0.0001),
    Read(b'event: ping\ndata: {"type": "ping"}\n\nevent: content', 0.1302),
    Read(b"_block_delta\ndata: \xff\n\n", 0.25),
)
EXCHANGE = Exchange(request=ASKED, head=STREAM, reads=READS, first=0.4123, ended_at=1.23, recorded="2026-11-21T06:30:00.000Z")
TEXT = """\
recorded: 2026-11-21T06:30:00.000Z
request:
  method: POST
  path: /v1/messages
  query: beta=true
  headers:
  - [anthropic-version, "2023-06-01"]
  body: |
    {
     "model": "m",
     "stream": true
    }
response:
  status: 200
  headers:
  - [content-type, text/event-stream; charset=utf-8]
  - [request-id, req_1]
  first: 0.4123
  body: |
    0.0001 message_start {"type":"message_start"}
    0.1302 ping {"type": "ping"}
    +,14@0.25 content_block_delta ⟦ff⟧
ended_at: 1.23
ended: complete
"""
"""EXCHANGE as it is written."""


def numbered(number: int) -> Exchange:
    """Return an exchange that is told from others by its request."""
    return replace(EXCHANGE, request=replace(ASKED, body=b'{"number":%d}' % number))


def text(exchanges: Iterable[Exchange]) -> str:
    """Return the text of a cassette."""
    return HEADER + "".join("---\n" + "".join(document(each)) for each in exchanges)


def written(folder: Path, content: str | bytes, name: str = "c.yaml") -> Path:
    """Return a file of this content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def span_of(data: bytes) -> Span:
    """Return where the one document of a cassette stands."""
    (span,) = list(scan(BytesIO(b"---\n" + data)))
    return replace(
        span,
        separator=0,
        start=span.start - 4,
        request_end=span.request_end - 4,
        response_end=span.response_end - 4,
        end=span.end - 4,
        line=1,
    )


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "",
        "no",
        "on",
        "true",
        "null",
        "~",
        "1",
        "1.5",
        "2026-01-01",
        "a: b",
        "a #b",
        " a",
        "a ",
        "- a",
        "[a]",
        "\udce9x",
        "a, b",
        "x; q",
        "é",
    ]
)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS.filter(lambda each: each.isprintable()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
_HEADERS = st.lists(st.tuples(_TEXTS, _TEXTS), max_size=3).map(tuple)
_SENT = st.lists(
    st.tuples(
        st.sampled_from(["x-a", "No", "on", "1", "~", "set-cookie", "a*b"]),
        _TEXTS.filter(lambda each: not re.search("[\r\n\0]|[^\0-\xff]", each))
        | st.sampled_from(["caf\xe9 \xff", "\x01\x7f\x85\xa0"]),
    ),
    max_size=3,
).map(tuple)
"""What the head of an answer can carry."""
_TIMES = st.none() | st.integers(0, 10**8).map(lambda each: each / 10_000)
_READS = st.lists(st.builds(Read, st.binary(min_size=1, max_size=40), _TIMES), max_size=4).map(tuple)
_TYPES = st.sampled_from(
    [STREAM, Head(529, (("content-type", "application/json"),)), Head(200, (("content-encoding", "gzip"),))]
)
_OTHERS = st.dictionaries(
    st.sampled_from(["x", "tls", "request.cost", "response.trailers", "no", "a b"]),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
        | st.binary(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), inner, max_size=3)
        ),
        max_leaves=5,
    ),
    max_size=3,
)
REQUESTS = st.builds(
    Request,
    method=st.sampled_from(["POST", "GET", "NO", "y"]),
    path=_TEXTS.map(lambda each: "/" + re.sub("[?#]", "", each)) | st.just("*"),
    query=_TEXTS,
    headers=_HEADERS,
    body=st.binary(max_size=40) | _TEXTS.map(lambda each: each.encode(errors="surrogateescape")),
)
ANSWERED = st.builds(
    Exchange,
    request=REQUESTS,
    head=st.builds(lambda head, more: replace(head, headers=head.headers + more), _TYPES, _SENT),
    reads=_READS,
    ended=st.sampled_from(Ended),
    first=_TIMES,
    ended_at=_TIMES,
    recorded=st.none() | _TEXTS.filter(str.isprintable) | st.just("2026-11-21T06:30:00Z"),
)
EXCHANGES = st.one_of(ANSWERED, ANSWERED.map(lambda each: replace(each, head=None, reads=(), first=None, ended=Ended.REFUSED)))
WITH_OTHERS = st.builds(
    lambda each, others: replace(
        each, others=tuple((key, value) for key, value in others.items() if each.head or not key.startswith("response."))
    ),
    EXCHANGES,
    _OTHERS,
)
