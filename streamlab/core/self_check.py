"""The check of a recording against itself: replayed from the file, it must be what the client was sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from streamlab.core.actions import Abort, Finish, Framing, Send, script
from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.plan import Ending, Head
from streamlab.core.relay import Relay, ending_of
from streamlab.core.tapes import Matching, plan_of

__all__ = ["Expected", "check", "check_parts"]


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
    return _differences(_replayed(exchange), expected.sent, matching.key(exchange.request) == matching.key(request))


def check_parts(parts: Iterable[Exchange | Read], expected: Expected, request: Request, matching: Matching) -> str:
    """Return the same of a long exchange, which comes without its body, and then its reads.

    They are compared as they stand in the file, without being cut into frames.
    """
    found, is_matched = Expected(request), False
    ended = Ended.UNKNOWN
    for each in parts:
        if isinstance(each, Read):
            found.read(each.data)
        else:
            is_matched = matching.key(each.request) == matching.key(request)
            ended = each.ended
            if each.head is not None:
                found.head(each.head)
    found.end(ended)
    return _differences(found.sent, expected.sent, is_matched)


def _differences(found: _Sent, expected: _Sent, is_matched: bool) -> str:  # noqa: FBT001 - one of three findings
    problems = (
        (found.head != expected.head, "its head is replayed otherwise than it came"),
        (found.body != expected.body, "its body is replayed otherwise than it came"),
        (found.ending is not expected.ending, f"it is replayed with the ending {found.ending}, and not {expected.ending}"),
        (not is_matched, "its own request does not match it any more"),
    )
    return "; ".join(problem for is_so, problem in problems if is_so)


def _replayed(exchange: Exchange) -> _Sent:
    plan = plan_of(exchange)
    framing = Framing(has_body=exchange.request.method != "HEAD")
    head, digest, ending = b"", hashlib.sha256(), Ending.HANG
    for action in script(plan, ((0.0, frame) for frame in plan.frames), framing):
        if isinstance(action, Send):
            data = action.data
            if not head:
                head, mark, data = data.partition(b"\r\n\r\n")
                head += mark
            digest.update(data)
        elif isinstance(action, Finish | Abort):
            ending = action.ending
    return _Sent(head, digest.hexdigest(), ending)
