"""The client half of the recorder: one request to the upstream, and its answer exactly as it arrives and ends.

Bytes, reads and endings are taken at the protocol: a body's reads are what came from the socket at a time, without the chunks
that HTTP wraps them in, and never decompressed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Self

import h11

from streamlab.core.exchange import Ended, Read, Request
from streamlab.core.plan import Head, Headers
from streamlab.core.relay import end_to_end
from streamlab.errors import ServerError
from streamlab.net.response_parser import Parser
from streamlab.net.upstream_connect import check_upstream, connect, find_route, tls_context
from streamlab.net.upstream_connection import Connection, Listener

__all__ = ["Answer", "Upstream", "check_upstream"]

_QUEUE = 1024 * 1024
"""Bytes that wait to be taken before no more are read."""
_IDLE = 15.0
"""Seconds after which an idle connection is not used again: whoever stands in between may have forgotten it."""
_KEPT = 8


class Upstream:
    """The one server that everything is forwarded to.

    `url` may end in a path, which is put before each request's. `timeout` is how many seconds may pass without a byte, None for
    any. Certificates are checked with the system's and those in `ca_file`; a proxy is taken from the environment as it is now.
    Raises ServerError if one of them cannot be used.
    """

    def __init__(self, url: str, *, ca_file: str | None = None, timeout: float | None = None) -> None:
        self._route = find_route(url)
        self._context = tls_context(ca_file) if self._route.is_tls else None
        self._timeout = timeout
        self._idle: dict[Connection, float] = {}
        self._connections: set[Connection] = set()
        self._answers: set[Answer] = set()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What the way there needs and nobody may keep: the proxy's credentials."""
        return self._route.secrets

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection; what is still being answered is INTERRUPTED. Returns when they are gone."""
        for answer in tuple(self._answers):
            answer.end(Ended.INTERRUPTED, "the recorder stopped")
        for connection in tuple(self._connections):
            connection.abort()
        if waiting := [each.closed for each in self._connections]:
            await asyncio.wait(waiting)

    async def send(self, request: Request, headers: Headers) -> Answer:
        """Send a request with these headers in the place of its own; return when the head has come, or never will.

        Header values are sent as UTF-8, with surrogates for other bytes. Hop-by-hop headers are left out; `host` and
        `content-length` are added. Cancelling this closes the connection.
        """
        failed = Answer(self._route.name, self._timeout)
        try:
            parser = self._parser(request, headers)
            if (kept := self._take_idle()) is not None:
                answer = await self._ask(kept, parser)
                if not answer.was_ignored:
                    return answer
                parser = self._parser(request, headers)
            async with asyncio.timeout(self._timeout):
                connection = await self._connect()
        except (h11.LocalProtocolError, UnicodeError) as error:
            failed.end(Ended.REFUSED, f"the request cannot be sent in HTTP: {error}")
        except ServerError as error:
            failed.end(Ended.REFUSED, str(error))
        except TimeoutError:
            failed.end(Ended.TIMEOUT, f"{self._route.name} could not be connected to within {self._timeout:g} s")
        else:
            return await self._ask(connection, parser)
        return failed

    async def _connect(self) -> Connection:
        connection = Connection()
        self._connections.add(connection)
        connection.closed.add_done_callback(lambda _: self._connections.discard(connection))
        await connect(connection, self._route, self._context)
        return connection

    async def _ask(self, connection: Connection, parser: Parser) -> Answer:
        answer = Answer(self._route.name, self._timeout)
        self._answers.add(answer)
        answer.start(connection, parser, partial(self._release, answer, connection))
        try:
            await answer.until_head()
        except BaseException:
            answer.end(Ended.LEFT, "the client left")
            raise
        return answer

    def _parser(self, request: Request, headers: Headers) -> Parser:
        return Parser(request.method, self._route.target(request), self._headers(request, headers), request.body)

    def _headers(self, request: Request, headers: Headers) -> list[tuple[bytes, bytes]]:
        kept = list(end_to_end(headers, ("content-length", "host")))
        if self._route.proxy and not self._route.is_tls:
            kept.extend(self._route.proxy_headers)
        if request.body or request.method in {"POST", "PUT", "PATCH"}:
            kept.append(("content-length", str(len(request.body))))
        kept.insert(0, ("host", self._route.authority))
        return [(name.encode("ascii"), value.encode("utf-8", "surrogateescape")) for name, value in kept]

    def _take_idle(self) -> Connection | None:
        """Return the idle connection that was used last; close those that have been idle for long."""
        now = asyncio.get_running_loop().time()
        for connection in [each for each, since in self._idle.items() if now - since > _IDLE]:
            connection.abort()
        return self._idle.popitem()[0] if self._idle else None

    def _release(self, answer: Answer, connection: Connection, *, is_kept: bool) -> None:
        """Keep a connection for the next request, or close it."""
        self._answers.discard(answer)
        if not is_kept or connection.is_over or len(self._idle) >= _KEPT:
            connection.abort()
            return
        self._idle[connection] = asyncio.get_running_loop().time()
        connection.listen(Listener(lambda: None, lambda _: connection.abort(), lambda _: self._forget(connection)))

    def _forget(self, connection: Connection) -> None:
        self._idle.pop(connection, None)


class Answer:
    """An answer as it arrives: iterate over it for the reads of its body.

    `head` is None if none came; `problem` then says what happened. `received` is the time in seconds from the last byte of the
    request to the head. `ended` is None until the last byte has come, even if that has not been iterated over yet, and
    `ended_at` the seconds from the head to the ending; without a head, those from the request. Whoever leaves the iteration
    early calls `aclose()`, or uses `async with`; reads that came before are still there to iterate over.
    """

    def __init__(self, name: str, timeout: float | None) -> None:
        self.head: Head | None = None
        self.received: float | None = None
        self.ended: Ended | None = None
        self.ended_at: float | None = None
        self.problem = ""
        self.was_ignored = False
        """The upstream closed a connection that it had kept, and never saw the request on it."""
        self._name, self._timeout = name, timeout
        self._loop = asyncio.get_running_loop()
        self._since = self._active = self._loop.time()
        self._is_sent = self._is_paused = False
        self._reads: deque[Read] = deque()
        self._queued = 0
        self._acknowledged: int | None = None
        self._taken: int | None = None
        self._wake: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._release: Callable[..., None] | None = None

    def start(self, connection: Connection, parser: Parser, release: Callable[..., None]) -> None:
        """Send the request; `release` is told once whether the connection `is_kept`."""
        self._connection, self._parser, self._release = connection, parser, release
        self._acknowledged = self._taken = connection.acknowledged
        if self._timeout is not None:
            self._watch(self._timeout)
        connection.listen(Listener(self._sent, self._received, self._lost))
        connection.write(parser.request)

    async def until_head(self) -> None:
        """Return when there is a head or an ending."""
        while self.head is None and self.ended is None:
            await self._wait()

    @property
    def is_over(self) -> bool:
        """Whether it has ended, and all that came of it was iterated over."""
        return self.ended is not None and not self._reads

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Read:
        while not self._reads:
            if self.ended is not None:
                raise StopAsyncIteration
            try:
                await self._wait()
            except BaseException:
                self.end(Ended.LEFT, "the client left")
                raise
        read = self._reads.popleft()
        self._queued -= len(read.data)
        if self._is_paused and self._queued < _QUEUE // 2:
            self._is_paused, self._active = False, self._loop.time()
            self._connection.resume()
        return read

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def rest(self) -> Iterator[Read]:
        """Yield the reads that have come and were not iterated over yet, without waiting for more."""
        while self._reads:
            yield self._reads.popleft()

    async def aclose(self) -> None:
        """Close the connection at once if the answer has not ended, and call that LEFT."""
        if self.ended is None:
            self.end(Ended.LEFT, "the client left")
            await asyncio.wait([self._connection.closed])

    def end(self, ended: Ended, problem: str = "") -> None:
        """Let it have ended so, unless it has."""
        if self.ended is not None:
            return
        self.ended, self.problem = ended, problem
        self.ended_at = self._loop.time() - self._since
        if self._timer is not None:
            self._timer.cancel()
        if self._release is not None:
            self._release(is_kept=ended is Ended.COMPLETE and self._is_sent and self._parser.is_kept)
        self._notify()

    async def _wait(self) -> None:
        self._wake = self._loop.create_future()
        await self._wake

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _sent(self) -> None:
        self._is_sent, self._active = True, self._loop.time()
        if self.head is None:
            self._since = self._active

    def _received(self, data: bytes) -> None:
        now = self._active = self._loop.time()
        body = self._parser.feed(data)
        if self.head is None and self._parser.head is not None:
            self.head = self._parser.head
            self.received = now - self._since if self._is_sent else 0.0
            self._since = now
        if body:
            self._reads.append(Read(body, now - self._since))
            self._queued += len(body)
        if self._parser.ended is not None:
            self.end(self._parser.ended, self._parser.problem and f"what {self._name} sends {self._parser.problem}")
        elif self._queued > _QUEUE and not self._is_paused:
            self._is_paused = True
            self._connection.pause()
        self._notify()

    def _lost(self, error: Exception | None) -> None:
        if self.ended is not None:
            return
        when = "before it answered" if self.head is None else "in the middle of its answer"
        if error is None or isinstance(error, BrokenPipeError):
            self._mark_ignored()
        if error is None:
            ended = self._parser.at_eof
            self.end(ended, "" if ended is Ended.COMPLETE else f"{self._name} closed the connection {when}")
        elif isinstance(error, ConnectionError):
            self.end(Ended.RESET, f"{self._name} reset the connection {when}")
        else:
            is_refusal = isinstance(error, ssl.SSLError) and self.head is None
            reason = getattr(error, "reason", None) or error
            self.end(Ended.REFUSED if is_refusal else Ended.RESET, f"{self._name} broke the connection {when}: {reason}")

    def _mark_ignored(self) -> None:
        """See by what TCP acknowledged whether the upstream closed a kept connection before the request reached it.

        Anything else is an answer to this request, and must not be hidden by asking again.
        """
        is_silent = self.head is None and not self._parser.has_begun
        self.was_ignored = is_silent and self._acknowledged is not None and self._connection.acknowledged == self._acknowledged

    def _watch(self, timeout: float) -> None:
        """End the answer if nothing has happened for long; while we read nothing, or the request is on its way, it does."""
        now, before, self._taken = self._loop.time(), self._taken, self._connection.acknowledged
        if self._is_paused or self._taken != before:
            self._active = now
        left = self._active + timeout - now
        if left > 0:
            self._timer = self._loop.call_later(min(left, timeout / 4), self._watch, timeout)
        else:
            self.end(Ended.TIMEOUT, f"nothing came from {self._name} for {timeout:g} s")
