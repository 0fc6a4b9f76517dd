"""What is sent on of an answer that arrives read by read: the very bytes that its recording sends when it is replayed."""

from __future__ import annotations

from collections.abc import Iterable

from streamlab.core.actions import Opening, chunk
from streamlab.core.exchange import Ended
from streamlab.core.plan import Ending, Head, Headers, without

__all__ = ["Relay", "end_to_end", "ending_of", "relayed"]

CORRUPT = b"XYZ\r\n"
"""What stands where a chunk's header is none."""
_HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
_ENDINGS = {
    **dict.fromkeys((Ended.COMPLETE, Ended.END, Ended.UNKNOWN), Ending.COMPLETE),
    **dict.fromkeys((Ended.FIN, Ended.TIMEOUT, Ended.REFUSED), Ending.FIN),
    **dict.fromkeys((Ended.LEFT, Ended.INTERRUPTED), Ending.HANG),
    Ended.RESET: Ending.RESET,
    Ended.CORRUPT: Ending.CORRUPT,
}


def relayed(head: Head) -> Head:
    """Return a head without what is between two neighbours only, and without a length if chunks tell it."""
    told = {"trailers"} if head.get("transfer-encoding") is None else {"trailers", "content-length"}
    return Head(head.status, end_to_end(head.headers, told))


def end_to_end(headers: Headers, more: Iterable[str] = ()) -> Headers:
    """Return the headers that are for more than the next neighbour (RFC 9110, 7.6.1), without `more` of these names."""
    named = ",".join(value for name, value in headers if name.lower() == "connection")
    unwanted = {*_HOP_BY_HOP, *more, *(each.strip().lower() for each in named.split(","))}
    return tuple((name, value) for name, value in without(headers, unwanted) if not name.lower().startswith("proxy-"))


def ending_of(ended: Ended, *, has_head: bool) -> Ending:
    """Return how an answer ends towards the client that ended so towards us."""
    ending = _ENDINGS[ended]
    return ending if has_head or ending in (Ending.RESET, Ending.HANG) else Ending.FIN


class Relay(Opening):
    """One answer on its way to a client."""

    __slots__ = ()

    def body(self, data: bytes) -> bytes:
        """Return what is sent for a read."""
        return chunk(data) if self.is_chunked else data

    def end(self, ending: Ending) -> bytes:
        """Return what is sent after the last read."""
        if not self.is_chunked:
            return b""
        return {Ending.COMPLETE: b"0\r\n\r\n", Ending.CORRUPT: CORRUPT}.get(ending, b"")
