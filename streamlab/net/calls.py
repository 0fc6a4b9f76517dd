"""Calls while they go on: what keeps a journal true to each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from streamlab.core.delivery import Recent, Sent, events_lost
from streamlab.core.exchange import Request
from streamlab.core.journal import LEFT, Call, EndedBy, changed, redacted
from streamlab.core.plan import Ending
from streamlab.core.redaction import Pattern, redact_text
from streamlab.net.peer import Peer

__all__ = ["CallRecord", "Ledger", "Ticking"]


class Ledger(Protocol):
    """Where calls are kept: a journal, or a namespace, which tells whoever waits for them."""

    @property
    def redact(self) -> Sequence[Pattern]:
        """The patterns of what is secret beside keys."""
        ...

    def add(self, call: Call) -> Call:
        """Take in a call, and return it with its number."""
        ...

    def update(self, call: Call) -> None:
        """Put a newer state of a call in the place of the older one."""
        ...


class Ticking(Protocol):
    """What tells the time."""

    def now(self) -> float:
        """Return the seconds since some moment; it never goes back."""
        ...


class CallRecord:
    """One call in a ledger. `rule` is what answers it, with what `status` (None without a head), and what is wrong there.

    `note` is why it is refused as the API refuses it.
    """

    def __init__(  # noqa: PLR0913 - each is a fact of the call
        self,
        ledger: Ledger,
        request: Request,
        clock: Ticking,
        peer: Peer,
        *,
        rule: str | None,
        status: int | None,
        problem: str | None = None,
        note: str | None = None,
    ) -> None:
        self._ledger, self._clock, self._peer = ledger, clock, peer
        self._sent: list[Sent] = []
        patterns = ledger.redact
        call = Call(
            number=0,
            request=redacted(request, patterns),
            rule=rule,
            status=status,
            attempt=request.attempt,
            started=clock.now(),
            problem=None if problem is None else redact_text(problem, patterns),
            note=None if note is None else redact_text(note, patterns),
            reused=peer.requests > 1,
            sent=self._sent,
        )
        self.call = ledger.add(call)

    def head(self, status: int, size: int) -> None:
        """Note a head that was sent, of so many bytes, and its status."""
        self._note(status=status)
        self.watch(0, size, None)

    def watch(self, events: int, size: int, ending: Ending | None) -> None:
        """Note what is about to be sent, and how the answer ends if this is its end."""
        at = self._since()
        if size:
            self._sent.append(Sent(at, size, events))
            self._peer.written += size
        news: dict[str, Any] = {} if ending is None else {"ended": ending.value, "ended_by": "server", "duration": at}
        self._note(events_sent=self.call.events_sent + events, bytes_sent=self.call.bytes_sent + size, **news)

    def left(self, by: EndedBy, recent: Recent) -> None:
        """Note that the connection went away, if that was before the end; `recent` is what was written last."""
        if self.call.ended is None:
            lost = events_lost(self._sent, self._peer.lost, recent)
            self._note(ended=LEFT, ended_by=by, duration=self._since(), events_lost=lost)

    def fail(self, problem: str) -> None:
        """Note that the answer broke off because of us."""
        self._note(problem=problem)

    def _since(self) -> float:
        """Return the seconds since the request, without what adding and taking away leaves of sums."""
        return round(self._clock.now() - self.call.started, 9)

    def _note(self, **news: Any) -> None:
        self.call = changed(self.call, **news)
        self._ledger.update(self.call)
