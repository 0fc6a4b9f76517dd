"""The server: requests in by aiohttp, answers decided by the core, scripts performed on the bare transport."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import Any

from aiohttp import web

from streamlab._version import __version__
from streamlab.core.api_errors import ERRORS
from streamlab.core.api_headers import cors_headers
from streamlab.core.endpoints import json_plan
from streamlab.core.exchange import Request
from streamlab.core.faults import Fault
from streamlab.core.identity import generator
from streamlab.core.journal import LEFT, Call, EndedBy, Journal, redacted
from streamlab.core.pacing import INSTANT
from streamlab.core.plan import Ending, Headers, Plan
from streamlab.core.replies import Answer, Rule, Settings, State, answer
from streamlab.core.sources import Failure
from streamlab.core.tapes import Tape
from streamlab.errors import ServerError
from streamlab.files.fault_text import parse_fault_text
from streamlab.net.clock import Clock, RealClock
from streamlab.net.incoming import Performed, framing, quiet_logger, read_request, request_factory
from streamlab.net.listener import Listener
from streamlab.net.perform import Connection, perform

__all__ = ["CONTROL", "FAULT_HEADER", "MAX_REQUEST", "MockServer", "Namespace"]

MAX_REQUEST = 32 * 1024 * 1024
"""The most bytes in the body of a request: the API's limit for messages."""

CONTROL = "/_streamlab/"
_HEALTH = f"{CONTROL}health"
FAULT_HEADER = "x-streamlab-fault"
"""The header by which a request orders faults for its own answer; it may come more than once."""
_NAMESPACE = re.compile(r"/(~[A-Za-z0-9_.-]+)(/.*)?")

_logger = quiet_logger("streamlab.server")


@dataclass(slots=True)
class Namespace:
    """Rules of their own, a state and a journal, under a prefix of the base URL."""

    rules: tuple[Rule | Tape, ...] = ()
    settings: Settings = field(default_factory=Settings)
    journal: Journal = field(default_factory=Journal)
    state: State = field(default_factory=State)

    lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    """Held while state and journal change: a test resets them from a thread of its own."""

    def answer(self, request: Request, common: Headers) -> Answer:
        """Return the answer to a request, and remember it."""
        texts = [value for name, value in request.headers if name.lower() == FAULT_HEADER]

        def ordered() -> list[Fault]:
            return [fault for text in texts for fault in parse_fault_text(text, FAULT_HEADER)]

        with self.lock:
            found, self.state = answer(request, self.rules, self.state, self.settings, common=common, ordered=ordered)
        return found

    def reset(self) -> None:
        """Forget all requests; keep the rules."""
        with self.lock:
            self.state = State()
            self.journal.clear()


class MockServer:
    """One listening socket and the namespaces behind it. `on_end` is told of each call when it has ended."""

    def __init__(self, root: Namespace, *, clock: Clock | None = None, on_end: Callable[[Call], None] | None = None) -> None:
        self.namespaces: dict[str, Namespace] = {"": root}
        self._clock = clock or RealClock()
        self._on_end = on_end
        self._web: web.Server | None = None
        self._listener: Listener | None = None
        self._busy: set[Any] = set()
        self._is_stopping = False

    async def start(self, host: str = "127.0.0.1", port: int = 0, *, sock: socket.socket | None = None) -> str:
        """Listen, and return the URL. Raises ServerError if the address cannot be had."""
        make = request_factory(MAX_REQUEST)
        self._web = web.Server(self._handle, request_factory=make, handler_cancellation=True, access_log=None, logger=_logger)
        self._listener = Listener(self._web)
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
            for transport in [each.transport for each in self._web.connections if each.transport is not None]:
                transport.abort()
            await self._web.shutdown(timeout=0.1)

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
        namespace, request, found = await self._decide(incoming, transport)
        connection = Connection(transport, incoming.writer.drain)
        call = Call(
            number=0,
            request=redacted(request),
            rule=found.rule,
            status=found.plan.head.status if found.plan.head.is_sent else None,
            attempt=request.attempt,
            started=self._clock.now(),
            problem=found.problem,
        )
        record = _Record(namespace if request.path != _HEALTH else Namespace(), call, self._clock)
        try:
            return Performed(is_kept=await perform(found.script(framing(incoming)), connection, self._clock, record.watch))
        except ConnectionError:
            record.left("client")
            return Performed(is_kept=False)
        except asyncio.CancelledError:
            record.left("server" if self._is_stopping else "client")
            raise
        finally:
            if self._on_end is not None and request.path != _HEALTH:
                self._tell(self._on_end, record.call)

    async def _decide(self, incoming: web.BaseRequest, transport: asyncio.Transport) -> tuple[Namespace, Request, Answer]:
        """Read a request and return where it belongs, what it is, and what it is answered."""
        request, failure = await read_request(incoming, transport, MAX_REQUEST)
        name, path = self._route(request.path)
        namespace, request = self.namespaces[name], replace(request, path=path)
        date = ("date", formatdate(usegmt=True))
        common = (date, *cors_headers(request.header("origin")))
        if failure is not None:
            return namespace, request, _standing(failure.plan(request, generator(0, "body")), common)
        if request.path == _HEALTH:
            return namespace, request, _standing(_HEALTHY, common)
        try:
            found = namespace.answer(request, common=(date,))
        except Exception as error:
            _logger.exception("no answer could be found")
            found = _crashed(request, error, common)
        return namespace, request, found

    def _route(self, path: str) -> tuple[str, str]:
        """Return the namespace that a path belongs to, and the path within it."""
        found = _NAMESPACE.fullmatch(path)
        if found and found[1] in self.namespaces:
            return found[1], found[2] or "/"
        return "", path


class _Record:
    """Keeps the journal true to one call while it goes on."""

    def __init__(self, namespace: Namespace, call: Call, clock: Clock) -> None:
        self._namespace, self._clock = namespace, clock
        with namespace.lock:
            self.call = namespace.journal.add(call)

    def watch(self, events: int, size: int, ending: Ending | None) -> None:
        """Note what is about to be sent, and how the answer ends if this is its end."""
        self._note(events_sent=self.call.events_sent + events, bytes_sent=self.call.bytes_sent + size)
        if ending is not None:
            self._note(ended=ending.value, ended_by="server", duration=self._clock.now() - self.call.started)

    def left(self, by: EndedBy) -> None:
        """Note that the connection went away, if that was before the end."""
        if self.call.ended is None:
            self._note(ended=LEFT, ended_by=by, duration=self._clock.now() - self.call.started)

    def _note(self, **news: Any) -> None:
        self.call = replace(self.call, **news)
        with self._namespace.lock:
            self._namespace.journal.update(self.call)


_HEALTHY = json_plan({"status": "ok", "version": __version__}, generator(0, "health"))


def _standing(plan: Plan, common: Headers) -> Answer:
    """Return an answer that no rule has a say in."""
    return Answer(plan=replace(plan, head=plan.head.with_headers(common)), pace=INSTANT, rng=generator(0, ""))


def _crashed(request: Request, error: Exception, common: Headers) -> Answer:
    """Return the answer when none could be found: it says so, and no client asks again."""
    problem = f"this request cannot be answered: {type(error).__name__}: {error}"
    plan = Failure(ERRORS["api"], f"streamlab: {problem}").plan(request, generator(0, "crash"))
    return replace(_standing(plan, (*common, ("x-should-retry", "false"))), problem=problem)
