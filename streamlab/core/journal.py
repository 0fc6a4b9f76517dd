"""The journal: what a server was asked and what became of it, without secrets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, overload

from streamlab.core.exchange import Request
from streamlab.core.redaction import redact_headers, redact_text

__all__ = ["LEFT", "MOST_BYTES", "Call", "EndedBy", "Journal", "redacted"]

EndedBy = Literal["server", "client"]

LEFT = "left"
"""How an answer ended whose connection went away before its own ending."""


MOST_BYTES = 16 * 1024 * 1024
"""The bodies that a journal with a limit keeps, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request and its answer.

    `status` is None if the answer ended before its head. `ended` is how the answer ended: `complete`, `end`, `fin`, `reset`,
    `corrupt`, or `left` if the connection went away first; None while it goes on. `ended_by` tells the client's leaving from an
    ending of ours. `problem` is why the answer was none that was asked for. Times are in seconds, on the server's clock.
    """

    number: int
    request: Request
    rule: str | None
    status: int | None
    attempt: int
    started: float
    problem: str | None = None
    events_sent: int = 0
    bytes_sent: int = 0
    ended: str | None = None
    ended_by: EndedBy | None = None
    duration: float | None = None

    def __repr__(self) -> str:
        ending = f"{self.ended} by {self.ended_by}" if self.ended_by else "running"
        rule = f" {self.rule!r}" if self.rule else ""
        asked = f"{self.request.method} {self.request.path}"
        return f"<Call {self.number} {asked} {self.status}{rule} {self.events_sent} events, {ending}>"


class Journal(Sequence[Call]):
    """The calls of one namespace, in the order in which they came.

    Keeps the newest `limit`, if there is one, and no more of them than have 16 MiB of bodies.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._calls: list[Call] = []
        self._limit = limit
        self._dropped = self._bytes = 0

    def add(self, call: Call) -> Call:
        """Take in a call and give it its number, from 1."""
        call = replace(call, number=self._dropped + len(self._calls) + 1)
        self._calls.append(call)
        self._bytes += len(call.request.body)
        while self._is_full():
            self._bytes -= len(self._calls.pop(0).request.body)
            self._dropped += 1
        return call

    def _is_full(self) -> bool:
        if self._limit is None:
            return False
        return len(self._calls) > self._limit or (self._bytes > MOST_BYTES and len(self._calls) > 1)

    def update(self, call: Call) -> None:
        """Put a newer state of a call in the place of the older one; a call that was forgotten stays so."""
        index = call.number - 1 - self._dropped
        if 0 <= index < len(self._calls) and self._calls[index].request is call.request:
            self._calls[index] = call

    def clear(self) -> None:
        """Forget all calls."""
        self._calls.clear()
        self._dropped = self._bytes = 0

    @property
    def running(self) -> tuple[Call, ...]:
        """The calls that have not ended."""
        return tuple(call for call in self._calls if call.ended is None)

    @property
    def problems(self) -> tuple[str, ...]:
        """Why each answer that was none that was asked for was not, in order."""
        return tuple(call.problem for call in self._calls if call.problem is not None)

    @overload
    def __getitem__(self, index: int) -> Call: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Call]: ...
    def __getitem__(self, index: int | slice) -> Call | Sequence[Call]:
        return self._calls[index]

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls))

    def __repr__(self) -> str:
        return f"<Journal {list(self._calls)!r}>"


def redacted(request: Request) -> Request:
    """Return a request without the secrets that it carries."""
    body = request.body
    clean = redact_text(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    return replace(
        request,
        path=redact_text(request.path),
        query=redact_text(request.query),
        headers=redact_headers(request.headers),
        body=clean,
    )
