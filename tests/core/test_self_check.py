"""The check of a recording against what was sent: all is well, or each thing that is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.plan import Head
from streamlab.core.self_check import Expected, check
from streamlab.core.tapes import Matching

REQUEST = Request(body=b'{"a": 1}', headers=(("x-api-key", "k"),))
HEAD = Head(200, (("content-type", "text/event-stream"),))
READS = (Read(b"event: a\ndata: 1\n\nevent", 0.1), Read(b": b\ndata: 2\n\n", 0.2))
EXCHANGE = Exchange(request=replace(REQUEST, headers=()), head=HEAD, reads=READS, ended=Ended.COMPLETE, first=0.1, ended_at=0.3)


def expected(exchange: Exchange, request: Request = REQUEST) -> Expected:
    """Return what the replay of an exchange must send."""
    found = Expected(request)
    if exchange.head is not None:
        found.head(exchange.head)
    for each in exchange.reads:
        found.read(each.data)
    found.end(exchange.ended)
    return found


def check_it(exchange: Exchange, sent: Expected, request: Request = REQUEST) -> str:
    """Check an exchange."""
    return check(exchange, sent, request, Matching())


@pytest.mark.parametrize("ended", Ended)
@pytest.mark.parametrize("has_head", [True, False])
def test_all_is_well_if_it_is_the_same(ended: Ended, has_head: bool) -> None:  # noqa: FBT001
    """However it ended."""
    exchange = replace(EXCHANGE, ended=ended) if has_head else replace(EXCHANGE, ended=ended, head=None, reads=())
    assert check_it(exchange, expected(exchange)) == ""


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (replace(EXCHANGE, head=replace(HEAD, status=201)), "its head is replayed otherwise than it came"),
        (replace(EXCHANGE, reads=READS[:1]), "its body is replayed otherwise than it came"),
        (replace(EXCHANGE, reads=(Read(EXCHANGE.body),)), "its body is replayed otherwise than it came"),
        (
            replace(EXCHANGE, ended=Ended.RESET),
            "its body is replayed otherwise than it came; it is replayed with the ending reset, and not complete",
        ),
        (replace(EXCHANGE, request=Request(body=b"{}")), "its own request does not match it any more"),
    ],
)
def test_what_differs_is_named(made: Exchange, said: str) -> None:
    """A byte, a boundary, an ending, a request."""
    assert check_it(made, expected(EXCHANGE)) == said


def test_an_answer_to_head_has_no_body() -> None:
    """Nothing of one is expected."""
    request = Request(method="HEAD")
    exchange = Exchange(request=request, head=Head(200, (("content-length", "5"),)), ended=Ended.COMPLETE)
    assert check_it(exchange, expected(exchange, request), request) == ""
