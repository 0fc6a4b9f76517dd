"""What is sent on while it arrives is what a replay of it sends."""

from __future__ import annotations

from itertools import product

import pytest

from streamlab.core.actions import Abort, Finish, Framing, Send, script
from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.plan import Head, Headers
from streamlab.core.relay import Relay, ending_of, relayed
from streamlab.core.tapes import plan_of

STREAM = ("content-type", "text/event-stream")
READS = (Read(b"event: a\ndata: 1\n\nevent: b\n", 0.1), Read(b"data: 2\n\n", 0.2), Read(b"x" * 300_000, 0.3))
SIZE = str(sum(len(each.data) for each in READS))
FRAMINGS = [Framing(chunked=chunked, keep_alive=kept) for chunked, kept in product([True, False], repeat=2)]


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("ended", Ended)
@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, (STREAM,)),
        (200, (("content-length", SIZE), STREAM)),
        (204, (("content-length", "0"),)),
        (304, (("content-length", "9"),)),
    ],
)
def test_a_relay_sends_what_a_replay_sends(status: int, headers: Headers, ended: Ended, framing: Framing) -> None:
    """Whatever the head, the ending and the client."""
    reads = READS if status == 200 else ()
    relay = Relay(Head(status, headers), framing)
    ending = ending_of(ended, has_head=True)
    live = relay.head + b"".join(relay.body(each.data) for each in reads) + relay.end(ending)
    plan = plan_of(Exchange(request=Request(), head=Head(status, headers), reads=reads, ended=ended))
    actions = list(script(plan, ((0.0, frame) for frame in plan.frames), framing))
    assert b"".join(each.data for each in actions if isinstance(each, Send)) == live
    last = actions[-1]
    assert not isinstance(last, Finish | Abort) or last.ending is ending
    assert not isinstance(last, Finish) or last.keep_alive is relay.is_kept


@pytest.mark.parametrize("ended", Ended)
def test_an_answer_without_a_head_ends_as_its_replay(ended: Ended) -> None:
    """By a close, a reset, or silence."""
    plan = plan_of(Exchange(request=Request(), head=None, ended=ended))
    assert plan.ending is ending_of(ended, has_head=False)


def test_an_answer_without_a_body_has_none() -> None:
    """That to a HEAD request."""
    relay = Relay(Head(200, (STREAM,)), Framing(has_body=False))
    assert (relay.has_body, relay.is_kept, b"transfer-encoding" in relay.head) == (False, True, False)


def test_what_is_between_neighbours_is_not_passed_on() -> None:
    """Nor a length that the chunks make wrong."""
    kept = (("x-one", "1"), ("X-Two", "2"), ("x-two", "3"))
    gone = (
        ("Connection", "close, X-Mine"),
        ("x-mine", "1"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "3"),
        ("Proxy-Authenticate", "Basic"),
    )
    assert relayed(Head(200, (*kept[:1], *gone, *kept[1:]))) == Head(200, kept)
    assert relayed(Head(200, (("content-length", "3"),))) == Head(200, (("content-length", "3"),))
