"""The recorder: a proxy before one upstream that keeps every exchange.

What a client gets is what a replay of the cassette will send it: the same head but for the date, a chunk for each read of the
upstream, the same ending. Bytes go on to the client first and are kept then; of the last ones, and of the end, it is the other
way round, so that what a client has had whole is whole on disk, whenever the recorder is killed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from streamlab._version import __version__
from streamlab.core.actions import Framing
from streamlab.core.api_errors import ERRORS
from streamlab.core.endpoints import json_plan
from streamlab.core.exchange import Ended, Request
from streamlab.core.exchange_redaction import plain_request
from streamlab.core.identity import generator
from streamlab.core.journal import Journal
from streamlab.core.plan import Ending, Headers, Plan, without
from streamlab.core.redaction import redact_path
from streamlab.core.relay import Relay, ending_of, relayed
from streamlab.core.replies import Answer as Reply
from streamlab.core.replies import bare
from streamlab.core.sources import Failure
from streamlab.net.calls import CallRecord, Ledger
from streamlab.net.clock import Clock, RealClock
from streamlab.net.incoming import Performed, framing, quiet_logger, read_request, request_factory
from streamlab.net.listener import Listener
from streamlab.net.peer import Peer, PeerServer
from streamlab.net.perform import Connection, perform
from streamlab.net.recording import Recording, Recordings
from streamlab.net.upstream import Answer, Upstream

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["Forwarding", "Recorder", "Replay"]

MAX_REQUEST = 256 * 1024 * 1024
"""The most bytes in the body of a request that is forwarded."""
_CONTROL = "/_streamlab/"
_HEALTH = f"{_CONTROL}health"
_OURS = "x-streamlab-"
_UPSTREAM = "upstream"
"""What answers a request that is forwarded, in the journal."""
_TURNS = 5
"""Turns of the loop after which whatever has happened on a connection is known."""
_READABLE = ("gzip", "x-gzip", "deflate", "identity")
"""The codings whose text can be searched for secrets."""

_logger = quiet_logger("streamlab.recorder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarding:
    """How requests are sent on: with what key in the place of the client's, and with what codings of the answer."""

    credentials: Headers = ()
    keep_encoding: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """The keys in the credentials."""
        return tuple(value.removeprefix("Bearer ") for _, value in self.credentials)

    def headers(self, request: Request) -> Headers:
        """Return the headers that go upstream; those between two neighbours are left to whoever sends them."""
        kept = tuple((name, value) for name, value in request.headers if not name.lower().startswith(_OURS))
        kept = without(kept, {"expect", "accept-encoding"})
        if self.credentials:
            kept = (*without(kept, {"x-api-key", "authorization"}), *self.credentials)
        return (*kept, ("accept-encoding", self._codings(request)))

    def _codings(self, request: Request) -> str:
        offered = (request.header("accept-encoding") or "").split(",") if self.keep_encoding else []
        readable = [each.strip() for each in offered if each.partition(";")[0].strip().lower() in _READABLE]
        return ", ".join(readable) or "identity"


Replay = Callable[[Request], Reply | None]
"""Returns the answer that is recorded already; None if the request is to be forwarded."""


class Recorder:
    """A listening socket before an upstream. `recordings` keep what goes through it, and a `journal` what was asked."""

    def __init__(
        self,
        upstream: Upstream,
        recordings: Recordings,
        *,
        forwarding: Forwarding | None = None,
        replay: Replay = lambda _: None,
        journal: Ledger | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._upstream, self._recordings = upstream, recordings
        self._forwarding = forwarding or Forwarding()
        self._replay_of = replay
        self._journal = Journal(limit=0) if journal is None else journal
        self._clock = clock or RealClock()
        self._ending: set[asyncio.Task[None]] = set()
        self._web: PeerServer | None = None
        self._listener: Listener | None = None
        self._is_stopping = False

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, and return the URL. Raises ServerError if the address cannot be had."""
        make = request_factory(MAX_REQUEST)
        self._web = PeerServer(
            self._handle,
            request_factory=make,
            handler_cancellation=True,
            access_log=None,
            logger=_logger,
            auto_decompress=False,
        )
        self._listener = Listener(self._web)
        return await self._listener.start(host, port)

    async def stop(self) -> None:
        """Stop listening, drop what goes on, and return when all of it is in the cassette."""
        for _ in range(_TURNS):  # clients that have left by now are seen to have left
            await asyncio.sleep(0)
        self._is_stopping = True
        if self._listener is not None:
            await self._listener.close()
        await self._upstream.aclose()
        if self._web is not None:
            await self._web.drop()
        while self._ending:
            await asyncio.wait(self._ending)

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; what is returned tells aiohttp only whether to keep the connection."""
        transport = incoming.transport
        if transport is None:  # the client has left
            return Performed(is_kept=False)
        connection = Connection(transport, incoming.writer.drain)
        assert self._web is not None  # noqa: S101 - it calls us
        peer = self._web.peer(incoming)
        request, failure = await read_request(incoming, transport, MAX_REQUEST)
        own = _answer_of_ours(request) if failure is None else failure.plan(request, generator(0, "own"))
        try:
            if own is not None:
                is_kept = await perform(
                    bare(own, (), generator(0, "own")).script(framing(incoming)), connection, self._clock, peer.watch
                )
            else:
                is_kept = await self._answer(request, connection, framing(incoming), peer)
        except ConnectionError:
            is_kept = False
        return Performed(is_kept=is_kept)

    async def _answer(self, request: Request, connection: Connection, allowed: Framing, peer: Peer) -> bool:
        """Replay the answer to a request, or have it from upstream. Raises ConnectionError if the client leaves."""
        reply = self._replay_of(plain_request(request))
        if reply is None:
            call = CallRecord(self._journal, request, self._clock, peer, rule=_UPSTREAM, status=None)
        else:
            status, problem = reply.plan.head.status, reply.problem
            call = CallRecord(self._journal, request, self._clock, peer, rule=reply.rule, status=status, problem=problem)
        try:
            if reply is not None:
                return await self._replay(request, reply, connection, allowed, call)
            return await self._forward(request, connection, allowed, call)
        except BaseException as error:
            is_ours = self._is_stopping or not isinstance(error, ConnectionError | asyncio.CancelledError)
            call.left("server" if is_ours else "client", connection.recent)
            raise

    async def _replay(self, request: Request, reply: Reply, connection: Connection, allowed: Framing, call: CallRecord) -> bool:
        try:
            return await perform(reply.script(allowed), connection, self._clock, call.watch)
        finally:
            now = call.call
            self._recordings.replayed(request, reply.plan.head.status, now.events_sent, now.bytes_sent)

    async def _forward(self, request: Request, connection: Connection, allowed: Framing, call: CallRecord) -> bool:
        """Send a request on and its answer back, and record them. Raises ConnectionError if the client leaves."""
        recording = self._recordings.begin(plain_request(request))
        answer: Answer | None = None
        try:
            answer = await self._upstream.send(request, self._forwarding.headers(request))
            is_kept = await self._relay(answer, recording, connection, call, allowed)
        except BaseException:
            self._keep_rest(answer, recording)
            raise
        return is_kept

    async def _relay(
        self, answer: Answer, recording: Recording, connection: Connection, call: CallRecord, allowed: Framing
    ) -> bool:
        """Send on what comes as it comes, and end as it ends."""
        relay: Relay | None = None
        if answer.head is not None:
            head = relayed(answer.head)
            relay = Relay(head, allowed)
            self._pass_on(relay.head, answer, recording, connection, partial(recording.head, head, answer.received))
            call.head(head.status, len(relay.head))
            async for read in answer:
                data, before = relay.body(read.data) if relay.has_body else b"", recording.progress.events
                self._pass_on(data, answer, recording, connection, partial(recording.read, read))
                call.watch(recording.progress.events - before, len(data), None)
                await connection.ready()
        self._end(answer, recording)
        ending = ending_of(self._ended(answer), has_head=relay is not None)
        end = relay.end(ending) if relay is not None else b""
        call.watch(0, len(end), None if ending is Ending.HANG else ending)
        connection.write(end)
        if ending is Ending.COMPLETE and relay is not None:
            return relay.is_kept
        await (connection.reset() if ending is Ending.RESET else connection.close())
        return False

    def _pass_on(
        self, data: bytes, answer: Answer, recording: Recording, connection: Connection, keep: Callable[[], None]
    ) -> None:
        """Send bytes on and keep them; if nothing follows them, keep them first, and that they were the last."""
        if not answer.is_over:
            connection.write(data)
            keep()
            return
        keep()
        self._end(answer, recording)
        connection.write(data)

    def _keep_rest(self, answer: Answer | None, recording: Recording) -> None:
        """Keep what had arrived of an answer whose client has left; whatever the upstream had said by then counts."""
        if answer is not None:
            answer.end(Ended.LEFT, "the client left")
            if answer.head is not None:
                for read in answer.rest():
                    recording.read(read)
        self._end(answer, recording)

    def _end(self, answer: Answer | None, recording: Recording) -> None:
        """Keep how an exchange ended, before the client hears of it; into the cassette it is put meanwhile. Once."""
        if recording.is_over:
            return
        recording.end(self._ended(answer), answer.ended_at if answer is not None else None)
        problem = answer.problem if answer is not None else "the client left"
        task = asyncio.get_running_loop().create_task(recording.finish(problem))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _ended(self, answer: Answer | None) -> Ended:
        ended = answer.ended if answer is not None else None
        if self._is_stopping and ended in (None, Ended.LEFT, Ended.REFUSED):
            return Ended.INTERRUPTED
        return ended or Ended.LEFT


def _answer_of_ours(request: Request) -> Plan | None:
    """Return the answer that is not the upstream's to give; None for what is forwarded."""
    rng = generator(0, "own")
    if request.path == _HEALTH:
        return json_plan({"status": "ok", "version": __version__}, rng)
    if request.path.startswith(_CONTROL):
        return Failure(ERRORS["not_found"], f"streamlab: there is no {redact_path(request.path)}").plan(request, rng)
    if request.method == "CONNECT":
        problem = "streamlab: the recorder is no forward proxy: set the client's base URL to it, and not its proxy"
        return Failure(ERRORS["invalid_request"], problem).plan(request, rng)
    return None
