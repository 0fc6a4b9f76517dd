"""The server: requests in by aiohttp, answers decided by the core, scripts performed on the bare transport."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from streamlab._version import __version__
from streamlab.core.api_errors import ERRORS
from streamlab.core.api_headers import cors_headers
from streamlab.core.control import CONTROL, HEALTH
from streamlab.core.endpoints import json_plan
from streamlab.core.exchange import Request
from streamlab.core.identity import generator
from streamlab.core.journal import Call, Journal
from streamlab.core.replies import Answer, bare, failed
from streamlab.errors import ScenarioError, ServerError
from streamlab.net.calls import CallRecord
from streamlab.net.clock import Clock, PlainClock
from streamlab.net.control import Control, nowhere, route
from streamlab.net.incoming import Performed, framing, quiet_logger, read_request, request_factory
from streamlab.net.listener import Listener
from streamlab.net.namespace import Namespace
from streamlab.net.peer import PeerServer
from streamlab.net.perform import Connection, perform
from streamlab.net.waiting import serve_here

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["CONTROL", "MAX_REQUEST", "MockServer", "Namespace"]

MAX_REQUEST = 32 * 1024 * 1024
"""The most bytes in the body of a request: the API's limit for messages."""
_KEPT_NOWHERE = 1000
"""How many calls are remembered that were for namespaces that are not there."""

_logger = quiet_logger("streamlab.server")


class MockServer:
    """One listening socket and the namespaces behind it.

    `on_end` is told of each call when it has ended; `token` is what requests to the control API must carry, if it is not None.
    """

    def __init__(
        self,
        root: Namespace,
        *,
        clock: Clock | None = None,
        on_end: Callable[[Call], None] | None = None,
        token: str | None = None,
    ) -> None:
        self.namespaces: dict[str, Namespace] = {"": root}
        self.nowhere = Namespace(journal=Journal(limit=_KEPT_NOWHERE))
        """What was asked of namespaces that are not there: it is nobody's, so it fails no test that shares the root."""
        self.control = Control(self, token)
        self._clock = None if clock is None else PlainClock(clock)
        self._on_end = on_end
        self._web: PeerServer | None = None
        self._listener: Listener | None = None
        self._busy: set[Any] = set()
        self._is_stopping = False

    async def start(self, host: str = "127.0.0.1", port: int = 0, *, sock: socket.socket | None = None) -> str:
        """Listen, and return the URL. Raises ServerError if the address cannot be had."""
        make = request_factory(MAX_REQUEST)
        self._web = PeerServer(self._handle, request_factory=make, handler_cancellation=True, access_log=None, logger=_logger)
        self._listener = Listener(self._web)
        serve_here()
        return await self._listener.start(host, port, sock)

    async def refuse(self, times: int | None = None) -> None:
        """Refuse connections until `accept`, or reset the next `times`; those that are idle are closed, the others after use.

        Raises ServerError if the server does not run.
        """
        if self._listener is None or self._web is None:
            raise ServerError("the server does not run, so it refuses connections already")
        await self._listener.refuse(times)
        for connection in self._web.connections:
            connection.close()
            if connection not in self._busy and connection.transport is not None:
                connection.transport.close()

    async def accept(self) -> None:
        """Take connections again. Raises ServerError if the port has been taken meanwhile."""
        if self._listener is not None:
            await self._listener.accept()

    async def stop(self) -> None:
        """Stop listening, drop every connection, and return when nothing is left running."""
        self._is_stopping = True
        if self._listener is not None:
            await self._listener.close()
        if self._web is not None:
            await self._web.drop()

    @staticmethod
    def _tell(on_end: Callable[[Call], None], call: Call) -> None:
        try:
            on_end(call)
        except Exception:  # whoever listens must not spoil what is on the wire
            _logger.exception("telling of a call failed")

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, on a connection that is busy meanwhile."""
        self._busy.add(incoming.protocol)
        try:
            return await self._answer(incoming)
        finally:
            self._busy.discard(incoming.protocol)

    async def _answer(self, incoming: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; what is returned tells aiohttp only whether to keep the connection."""
        transport = incoming.transport
        if transport is None:  # the client has left
            return Performed(is_kept=False)
        assert self._web is not None  # noqa: S101 - it calls us
        peer = self._web.peer(incoming)
        if self.control.concerns(incoming.method, incoming.rel_url.raw_path):
            return await self.control.answer(incoming, transport, peer.watch)
        name, path = route(incoming.rel_url.raw_path)
        if path != HEALTH and self.namespaces.get(name, self.nowhere).refuses():
            await Connection(transport, incoming.writer.drain).reset()
            return Performed(is_kept=False)
        namespace, request, found = await self._decide(incoming, transport)
        place = namespace if request.path != HEALTH else Namespace()
        clock = self._clock or place.clock.script()
        connection = Connection(transport, incoming.writer.drain, clock.aside)
        status = found.plan.head.status if found.plan.head.is_sent else None
        facts = {"rule": found.rule, "problem": found.problem, "note": found.note}
        record = CallRecord(place, request, clock, peer, status=status, **facts)
        clock.name = f"call {record.call.number}"
        cut = _Cut(connection)
        try:
            with place.answering(cut):
                return Performed(is_kept=await perform(found.script(framing(incoming)), connection, clock, record.watch))
        except ConnectionError:
            record.left("server" if cut.is_done else "client", connection.recent)
            return Performed(is_kept=False)
        except asyncio.CancelledError:
            record.left("server" if self._is_stopping or cut.is_done else "client", connection.recent)
            raise
        except Exception as error:  # noqa: BLE001 - a long recording is read meanwhile, and a fault may be somebody else's code
            is_told = isinstance(error, ScenarioError)
            record.fail(str(error) if is_told else f"this answer cannot be sent: {type(error).__name__}: {error}")
            await connection.reset()
            record.left("server", connection.recent)
            return Performed(is_kept=False)
        finally:
            cut.is_over = True
            clock.end()
            if self._on_end is not None and request.path != HEALTH:
                self._tell(self._on_end, record.call)

    async def _decide(self, incoming: web.BaseRequest, transport: asyncio.Transport) -> tuple[Namespace, Request, Answer]:
        """Read a request and return where it belongs, what it is, and what it is answered."""
        request, failure = await read_request(incoming, transport, MAX_REQUEST)
        name, path = route(request.path)
        namespace = self.namespaces.get(name, self.nowhere)
        request = request if namespace is self.nowhere else replace(request, path=path)
        date = ("date", formatdate(usegmt=True))
        common = (date, *cors_headers(request.header("origin")))
        if failure is not None:
            return namespace, request, bare(failure.plan(request, generator(0, "body")), common, generator(0, ""))
        if request.path == HEALTH:
            return namespace, request, bare(_HEALTHY, common, generator(0, ""))
        if namespace is self.nowhere:
            problem = nowhere(name).message
            return namespace, request, failed(request, generator(0, "crash"), problem, common, ERRORS["not_found"])
        try:
            found = namespace.answer(request, common=(date,))
        except Exception as error:
            _logger.exception("no answer could be found")
            problem = f"this request cannot be answered: {type(error).__name__}: {error}"
            found = failed(request, generator(0, "crash"), problem, common, ERRORS["api"])
        return namespace, request, found


class _Cut:
    """Ends an answer when it is called, in any thread, unless it `is_over`; `is_done` tells whether it was ended so."""

    def __init__(self, connection: Connection) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self.is_done = self.is_over = False

    def __call__(self) -> None:
        self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        """Do it, unless the client has all of it by now: its connection may be in use again."""
        if not self.is_over:
            self.is_done = True
            self._connection.abort()


_HEALTHY = json_plan({"status": "ok", "version": __version__}, generator(0, "health"))
