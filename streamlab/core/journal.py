"""The journal: what a server was asked and what became of it, without secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, overload

from streamlab.core.delivery import Sent
from streamlab.core.exchange import Request
from streamlab.core.redaction import Pattern, exactly, redact_bytes, redact_headers, redact_path, redact_query, secret_values
from streamlab.core.shown import count, seconds, visible
from streamlab.errors import VerificationError

__all__ = ["LEFT", "MOST_BYTES", "Call", "EndedBy", "Journal", "Sent", "changed", "redacted"]

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
    ending of ours. `problem` is why the answer was none that was asked for, `note` why the request was refused as the API
    refuses it. `wait` is the time from the end of the call before
    to this one: 0 if that had not ended, None if there was none. `reused` tells whether the connection had carried a request
    before. `sent` has what was sent at once (`at` seconds after the request, `size` in bytes, `events`); it grows while the
    call goes on. Times are in seconds, on the clock of the lab.
    """

    number: int
    request: Request
    rule: str | None
    status: int | None
    attempt: int
    started: float
    problem: str | None = None
    note: str | None = None
    events_sent: int = 0
    bytes_sent: int = 0
    events_lost: int = 0
    """The events sent that the client's machine had not acknowledged when the client left."""
    sent: Sequence[Sent] = field(default=(), hash=False)
    ended: str | None = None
    ended_by: EndedBy | None = None
    duration: float | None = None
    wait: float | None = None
    reused: bool = False

    @property
    def events_delivered(self) -> int:
        """The events that reached the client's machine, whether its program read them or not.

        When a client leaves, the kernel says what its machine had acknowledged (on Linux; elsewhere all that was handed to the
        kernel counts). While an answer goes on, and when it ended by itself, they are those that were sent.
        """
        return self.events_sent - self.events_lost

    @property
    def cancelled_after(self) -> int | None:
        """The events that had been sent when the client left; None if it did not leave."""
        return self.events_sent if self.ended_by == "client" else None

    @property
    def text(self) -> str:
        """What is told of the call in a line of `Journal.report`, after the number."""
        request = self.request
        waited = f", {seconds(self.wait)} after the call before" if self.wait is not None else ""
        rule = f" by {visible(repr(self.rule))}" if self.rule else ""
        events = count(self.events_sent, "event")
        delivered = f" ({self.events_delivered} delivered)" if self.events_lost else ""
        ending = f"{self.ended} by {self.ended_by} after {seconds(self.duration)}" if self.ended else "still running"
        asked = f"{visible(request.method)} {visible(request.path)} (attempt {self.attempt}{waited})"
        return f"{asked}: {self.status or 'no head'}{rule}, {events}{delivered}, {ending}"

    def __repr__(self) -> str:
        ending = f"{self.ended} by {self.ended_by}" if self.ended_by else "running"
        rule = f" {self.rule!r}" if self.rule else ""
        asked = f"{self.request.method} {self.request.path}"
        return f"<Call {self.number} {asked} {self.status}{rule} {self.events_sent} events, {ending}>"


_FIELDS = [getattr(Call, each.name) for each in fields(Call)]


def changed(call: Call, **news: Any) -> Call:
    """Return a call with other values, as `dataclasses.replace` does, in a quarter of its time: it is done for each write."""
    new = object.__new__(Call)
    for each in _FIELDS:
        each.__set__(new, each.__get__(call))
    for name, value in news.items():
        object.__setattr__(new, name, value)
    return new


class Journal(Sequence[Call]):
    """The calls of one namespace, in the order in which they came.

    Keeps the newest `limit`, if there is one, and no more of them than have 16 MiB of bodies. `redact` are patterns of what is
    secret beside keys: whoever puts a call in takes it out before.
    """

    def __init__(self, limit: int | None = None, redact: Sequence[Pattern] = ()) -> None:
        self.redact = tuple(redact)
        self._calls: list[Call] = []
        self._limit = limit
        self._dropped = self._bytes = 0

    @classmethod
    def of(cls, calls: Iterable[Call]) -> Journal:
        """Return a journal of calls that have their numbers, one after the other: another process has kept them."""
        journal = cls()
        journal._calls = list(calls)
        journal._dropped = journal._calls[0].number - 1 if journal._calls else 0
        return journal

    def add(self, call: Call) -> Call:
        """Take in a call and give it its number, from 1, and the time that has passed since the call before."""
        call = replace(call, number=self._dropped + len(self._calls) + 1, wait=self._wait(call))
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

    def _wait(self, call: Call) -> float | None:
        """Return the seconds from the end of the call before to this one; 0 if that goes on, None if there is none."""
        before = next((each for each in reversed(self._calls) if _is_question(each)), None)
        if before is None or not _is_question(call):
            return None
        return 0.0 if before.duration is None else max(0.0, round(call.started - before.started - before.duration, 9))

    @property
    def questions(self) -> tuple[Call, ...]:
        """The calls that ask the API something: all but a browser's preflight and a look at the root."""
        return tuple(call for call in self._calls if _is_question(call))

    @property
    def texts(self) -> tuple[str, ...]:
        """What the user said last in each call of the API, in order."""
        return tuple(call.request.last_user for call in self.questions)

    @property
    def attempts(self) -> tuple[int, ...]:
        """Which try each call of the API was, as the official SDKs count."""
        return tuple(call.attempt for call in self.questions)

    @property
    def statuses(self) -> tuple[int | None, ...]:
        """The status that each call of the API was answered with; None if it got no head."""
        return tuple(call.status for call in self.questions)

    @property
    def waits(self) -> tuple[float, ...]:
        """The seconds between the calls of the API: from the end of each to the next one, so one less than there are calls."""
        return tuple(call.wait for call in self.questions if call.wait is not None)

    @property
    def only(self) -> Call:
        """The one call of the API. Raises VerificationError, which lists all calls, if there is not exactly one."""
        __tracebackhide__ = True  # pytest shows the line of the test
        calls = self.questions
        if len(calls) != 1:
            raise VerificationError(f"one call was expected, and there {_were(len(calls))}\n{self.report()}")
        return calls[0]

    def report(self) -> str:
        """Return the calls as text, a line for each and one for what was wrong with it; without secrets."""
        lines: list[str] = []
        for call in list(self._calls):
            lines.append(f"{call.number:>3}  {call.text}")
            lines += (f"     {visible(line)}" for line in (call.problem or call.note or "").splitlines())
        return "\n".join(lines) or "there were no calls"

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


def _is_question(call: Call) -> bool:
    return call.request.method != "OPTIONS" and call.request.path != "/"


def _were(number: int) -> str:
    return "were none" if not number else f"were {number}"


def redacted(request: Request, patterns: Sequence[Pattern] = ()) -> Request:
    """Return a request without the secrets that it carries, and without what the patterns match."""
    patterns = (*patterns, *exactly(secret_values(request.headers, request.query)))
    return replace(
        request,
        path=redact_path(request.path, patterns),
        query=redact_query(request.query, patterns),
        headers=redact_headers(request.headers, patterns),
        body=redact_bytes(request.body, patterns)[0],
    )
