"""The check of a recording against itself: replayed from the file, it must be what the client was sent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from random import Random

from streamlab.core.actions import Abort, Finish, Framing, Send, script
from streamlab.core.exchange import Ended, Exchange, Request
from streamlab.core.pacing import INSTANT, schedule
from streamlab.core.plan import Ending, Head
from streamlab.core.relay import Relay, ending_of
from streamlab.core.tapes import Matching, plan_of

__all__ = ["Expected", "check"]


@dataclass(frozen=True, slots=True)
class _Sent:
    """What a client is sent: the head, a digest of all that follows it, and the ending."""

    head: bytes
    body: str
    ending: Ending


class Expected:
    """What a replay must send, noted while an answer is sent on."""

    def __init__(self, request: Request) -> None:
        self._framing = Framing(has_body=request.method != "HEAD")
        self._relay: Relay | None = None
        self._digest = hashlib.sha256()
        self._ending = Ending.HANG

    def head(self, head: Head) -> None:
        """Note the head, as it is kept."""
        self._relay = Relay(head, self._framing)

    def read(self, data: bytes) -> None:
        """Note a read, as it is kept."""
        if self._relay is not None and self._relay.has_body:
            self._digest.update(self._relay.body(data))

    def end(self, ended: Ended) -> None:
        """Note the ending."""
        self._ending = ending_of(ended, has_head=self._relay is not None)
        if self._relay is not None and self._relay.has_body:
            self._digest.update(self._relay.end(self._ending))

    @property
    def sent(self) -> _Sent:
        """All of it."""
        return _Sent(self._relay.head if self._relay else b"", self._digest.hexdigest(), self._ending)


def check(exchange: Exchange, expected: Expected, request: Request, matching: Matching) -> str:
    """Return how an exchange is replayed otherwise than it was sent, or not found by its request; empty if all is well."""
    found, sent = _replayed(exchange), expected.sent
    problems = (
        (found.head != sent.head, "its head is replayed otherwise than it came"),
        (found.body != sent.body, "its body is replayed otherwise than it came"),
        (found.ending is not sent.ending, f"it is replayed with the ending {found.ending}, and not {sent.ending}"),
        (matching.key(exchange.request) != matching.key(request), "its own request does not match it any more"),
    )
    return "; ".join(problem for is_so, problem in problems if is_so)


def _replayed(exchange: Exchange) -> _Sent:
    plan = plan_of(exchange)
    framing = Framing(has_body=exchange.request.method != "HEAD")
    head, digest, ending = b"", hashlib.sha256(), Ending.HANG
    for action in script(plan, schedule(plan, INSTANT, Random(0)), framing):
        if isinstance(action, Send):
            data = action.data
            if not head:
                head, mark, data = data.partition(b"\r\n\r\n")
                head += mark
            digest.update(data)
        elif isinstance(action, Finish | Abort):
            ending = action.ending
    return _Sent(head, digest.hexdigest(), ending)
