"""Tests of the record of one call: what a journal knows of it while it goes on."""

from __future__ import annotations

import asyncio
import socket

import pytest
from clocks import Noting

from streamlab.core.delivery import Recent, Sent
from streamlab.core.exchange import Request
from streamlab.core.journal import Journal
from streamlab.core.plan import Ending
from streamlab.net.calls import CallRecord
from streamlab.net.peer import Peer

ASKED = Request(headers=(("x-api-key", "sk-ant-api03-secret"), ("x-stainless-retry-count", "1")), body=b"{}")
EVENT = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


@pytest.fixture
def journal() -> Journal:
    """Give an empty journal."""
    return Journal()


def begun(journal: Journal, clock: Noting, peer: Peer, status: int | None = 200) -> CallRecord:
    """Return a call that has just come."""
    return CallRecord(journal, ASKED, clock, peer, rule="rule 1", status=status)


def with_peer(act: object) -> None:
    """Run a test with a connection whose other end reads nothing."""

    async def run() -> None:
        ours, theirs = socket.socketpair()
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
        try:
            act(Peer(transport))  # type: ignore[operator]
        finally:
            transport.abort()
            theirs.close()
            await asyncio.sleep(0)

    asyncio.run(run())


def test_a_call_is_kept_as_it_goes_on(journal: Journal) -> None:
    """Without its secrets; each piece at its time, the ending with the last."""
    clock = Noting()

    def act(peer: Peer) -> None:
        peer.requests = 2
        record = begun(journal, clock, peer, None)
        (call,) = journal
        assert (call.number, call.rule, call.status, call.attempt, call.reused, call.ended) == (
            1,
            "rule 1",
            None,
            2,
            True,
            None,
        )
        assert call.request.header("x-api-key") == "[redacted]"
        record.head(201, 100)
        clock._time = 2.0
        record.watch(3, 50, None)
        record.watch(0, 0, Ending.FIN)
        (call,) = journal
        assert call == record.call
        assert (call.status, call.events_sent, call.bytes_sent, call.ended, call.ended_by) == (201, 3, 150, "fin", "server")
        assert (call.duration, tuple(call.sent), peer.written) == (2.0, (Sent(0.0, 100, 0), Sent(2.0, 50, 3)), 150)
        record.left("client", Recent())
        assert journal.only.ended_by == "server"

    with_peer(act)


def test_a_client_that_leaves_had_what_its_machine_acknowledged(journal: Journal) -> None:
    """The rest is lost."""

    def act(peer: Peer) -> None:
        record = begun(journal, Noting(), peer)
        record.watch(2, 2 * len(EVENT), None)
        peer._lost = len(EVENT)
        record.left("client", Recent([EVENT * 2]))
        (call,) = journal
        assert (call.ended, call.ended_by, call.events_sent, call.events_delivered, call.cancelled_after) == (
            "left",
            "client",
            2,
            1,
            2,
        )

    with_peer(act)


def test_what_breaks_off_because_of_us_is_a_problem(journal: Journal) -> None:
    """It fails the test that it belongs to."""

    def act(peer: Peer) -> None:
        record = begun(journal, Noting(), peer)
        record.fail("c.yaml:9: damaged")
        record.left("server", Recent())
        assert (journal.problems, journal.only.ended_by) == (("c.yaml:9: damaged",), "server")

    with_peer(act)
