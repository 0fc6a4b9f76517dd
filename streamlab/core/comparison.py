"""Comparison: what changed in meaning between two recorded exchanges.

Ids, dates, padding, pings and the cutting of a text into pieces mean nothing; ids are compared by the order in which they
first appear. Compared are requests, statuses, the headers that say something, messages, the sequence of events, and endings.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import Any

from streamlab.core.arrivals import Arrived
from streamlab.core.exchange import Ended, Exchange, Request
from streamlab.core.plan import Headers
from streamlab.core.shown import of_bytes, seconds
from streamlab.core.sse import Frame
from streamlab.core.vocabulary import DELTAS, FIELDS

__all__ = ["ABSENT", "Change", "compare", "compare_bytes", "compare_times", "pairs", "request_key"]


class _Absent:
    """What is not there."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = _Absent()
"""The value of what one of the two does not have."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that differs: where it is, and what it is in the one and in the other."""

    where: str
    before: Any
    after: Any

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, without the side that has nothing."""
        sides = {"before": self.before, "after": self.after}
        return {"where": self.where, **{name: value for name, value in sides.items() if value is not ABSENT}}


Differences = Iterator[tuple[str, Any, Any]]

_ID = re.compile(r"(?<![A-Za-z0-9])(?:[a-z]+_)?(?:msg|toolu|req|container|file|call)_[A-Za-z0-9]{8,}")
_ID_KEYS = {"id", "tool_use_id", "request_id"}
_OPAQUE = {"signature", "encrypted_content", "encrypted_index", "encrypted_stdout", "expires_at"}
"""What is another text each time and says nothing."""
_SAYING_NOTHING = re.compile(
    r"""request-id|x-request-id|date|age|via|server|cf-.*|x-envoy-.*|server-timing|traceresponse|set-cookie|report-to|nel|alt-svc
    |anthropic-ratelimit-.*|anthropic-(?:organization|workspace)-id|content-length|content-encoding|transfer-encoding|connection
    |keep-alive|vary|trailer|strict-transport-security|content-security-policy|x-robots-tag|x-cloud-trace-context|retry-after-ms
    """,
    re.VERBOSE,
)
_ASKING = re.compile(r"anthropic-.*|content-type")
_KNOWN = frozenset((*FIELDS, "ping")) - {"error"}
_SIGNIFICANT = 0.1
_TEN_MILLISECONDS = 0.01
_AROUND = 20


def compare(before: Exchange, after: Exchange) -> tuple[Change, ...]:
    """Return what changed in meaning between two exchanges."""
    if before == after:
        return ()
    one, other = Arrived(before), Arrived(after)
    return tuple(Change(*each) for each in _compared(one, other))


def compare_times(before: Exchange, after: Exchange) -> tuple[Change, ...]:
    """Return which times differ by more than a tenth and more than 10 ms, as far as both are known."""
    one, other = Arrived(before).sums, Arrived(after).sums
    names = {"time to first token": "time_to_first_token", "first": "first", "duration": "duration", "streaming": "streaming"}
    times = [(name, getattr(one, each), getattr(other, each)) for name, each in names.items()]
    if one.silence is not None and other.silence is not None:
        times.append(("longest silence", one.silence.seconds, other.silence.seconds))
    return tuple(
        Change(f"timing: {'time to the head' if name == 'first' else name}", seconds(here), seconds(there))
        for name, here, there in times
        if here is not None and there is not None and _is_longer(here, there)
    )


def compare_bytes(before: Exchange, after: Exchange) -> tuple[Change, ...]:
    """Return what differs at all but the times: heads, bytes, how they were read, endings."""
    return tuple(Change(*each) for each in _exactly(before, after))


def request_key(request: Request) -> str:
    """Return what requests that ask for the same have in common: a digest."""
    body = json.dumps(_request_data(request), sort_keys=True).encode() if request.data else request.body
    return hashlib.sha256(b"\0".join((request.method.encode(), request.path.encode(), body))).hexdigest()


def pairs(before: Sequence[str], after: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Pair the requests of two recordings by their keys: by position if there are as many, else first those that are equal.

    Returns indices in the order of the first recording; None stands for an exchange that one of them does not have.
    """
    if len(before) == len(after):
        return [(index, index) for index in range(len(before))]
    places: dict[str, deque[int]] = {}
    for index, key in enumerate(after):
        places.setdefault(key, deque()).append(index)
    found = {index: places[key].popleft() for index, key in enumerate(before) if places.get(key)}
    taken = set(found.values())
    free = deque(index for index in range(len(after)) if index not in taken)
    firsts = [(index, found[index] if index in found else free.popleft() if free else None) for index in range(len(before))]
    return [*firsts, *((None, index) for index in free)]


def _compared(one: Arrived, other: Arrived) -> Differences:
    yield from _requests(one.exchange.request, other.exchange.request)
    yield from _heads(one.exchange, other.exchange)
    yield from _answers(one, other)
    if Ended.UNKNOWN not in (one.exchange.ended, other.exchange.ended):
        yield from _value("ended", str(one.exchange.ended), str(other.exchange.ended))


def _requests(one: Request, other: Request) -> Differences:
    for name in ("method", "path", "query"):
        yield from _value(f"request {name}", getattr(one, name), getattr(other, name))
    yield from _headers("request", _saying(one.headers, asked=True), _saying(other.headers, asked=True))
    if one.data and other.data:
        yield from _json("request ", _request_data(one), _request_data(other))
    else:
        yield from _value("request body", of_bytes(one.body), of_bytes(other.body))


def _request_data(request: Request) -> Any:
    return _meaning({key: value for key, value in request.data.items() if key != "metadata"}, {})


def _heads(one: Exchange, other: Exchange) -> Differences:
    yield from _status(one, other)
    if one.head is not None and other.head is not None:
        yield from _headers("response", _saying(one.head.headers), _saying(other.head.headers))


def _status(one: Exchange, other: Exchange) -> Differences:
    yield from _value("status", *("no answer" if each.head is None else each.head.status for each in (one, other)))


def _saying(headers: Headers, *, asked: bool = False) -> dict[str, str]:
    """Return the headers that say something, by their names; a list of betas in order."""
    kept: dict[str, str] = {}
    for name, value in ((name.lower(), value) for name, value in headers):
        if _SAYING_NOTHING.fullmatch(name) or (asked and not _ASKING.fullmatch(name)):
            continue
        kept[name] = f"{kept[name]}, {value}" if name in kept else value
    if "anthropic-beta" in kept:
        kept["anthropic-beta"] = ", ".join(sorted(each.strip() for each in kept["anthropic-beta"].split(",")))
    return kept


def _headers(whose: str, one: Mapping[str, str], other: Mapping[str, str]) -> Differences:
    for name in dict.fromkeys((*one, *other)):
        yield from _value(f"{whose} header {name}", one.get(name, ABSENT), other.get(name, ABSENT))


def _answers(one: Arrived, other: Arrived) -> Differences:
    if None in (one.exchange.head, other.exchange.head):
        return
    if isinstance(one.message, dict) and isinstance(other.message, dict):
        yield from _json("", _meaning(one.message, {}), _meaning(other.message, {}))
    elif not (one.is_stream and other.is_stream):
        yield from _value("body", _said(one), _said(other))
    elif one.message != other.message:
        yield from _value("message", *("none" if each.message is None else "one" for each in (one, other)))
    if one.is_stream and other.is_stream:
        yield from _value("events", " ".join(_runs(one.frames)), " ".join(_runs(other.frames)))
        for number, sides in enumerate(zip_longest(_besides(one.frames), _besides(other.frames), fillvalue=ABSENT), 1):
            yield from _json(f"other event {number}", *sides)
    else:
        yield from _value("the answer is", *("a stream" if each.is_stream else "no stream" for each in (one, other)))


def _said(arrived: Arrived) -> Any:
    return of_bytes(arrived.body) if arrived.message is None else _meaning(arrived.message, {})


def _runs(frames: Iterable[Frame]) -> Iterator[str]:
    """Yield the types of the events, those that follow each other once; pings and comments are none."""
    yield from (name for name, _ in groupby(filter(None, map(_type, frames))))


def _type(frame: Frame) -> str:
    event = frame.event
    if event is None:
        return "" if _is_empty(frame.raw) else "unreadable"
    if event["type"] == "content_block_delta":
        delta = event.get("delta")
        return str(delta.get("type")) if isinstance(delta, dict) else "content_block_delta"
    return "" if event["type"] == "ping" else str(event["type"])


def _is_empty(raw: bytes) -> bool:
    """Whether a frame carries nothing: a comment, a blank line, a byte order mark."""
    lines = raw.removeprefix(b"\xef\xbb\xbf").splitlines()
    return all(not line or line.startswith(b":") for line in lines)


def _besides(frames: Iterable[Frame]) -> Iterator[Any]:
    """Yield what the message does not hold: errors, events and deltas that are not known, and what is no event."""
    seen: dict[str, str] = {}
    for frame in frames:
        event = frame.event
        if event is None:
            if not _is_empty(frame.raw):
                yield of_bytes(frame.raw)
            continue
        delta = event.get("delta")
        is_known_delta = not isinstance(delta, dict) or event["type"] != "content_block_delta" or delta.get("type") in DELTAS
        if event["type"] not in _KNOWN or not is_known_delta:
            yield _meaning(event, seen)


def _meaning(value: Any, seen: dict[str, str], *, inside: bool = False) -> Any:
    """Return a JSON value whose ids are numbered by their appearance and whose opaque parts are gone.

    `inside` the input of a tool an `id` is what the model wrote, and stays.
    """
    if isinstance(value, str):
        return _ID.sub(lambda found: _numbered(found[0], seen), value)
    if isinstance(value, list):
        return [_meaning(each, seen, inside=inside) for each in value]
    if not isinstance(value, dict):
        return value
    kept: dict[str, Any] = {}
    for key, each in value.items():
        if inside or key not in _OPAQUE:
            is_id = key in _ID_KEYS and isinstance(each, str) and not inside
            kept[key] = (
                _numbered(each, seen) if is_id else _meaning(each, seen, inside=inside or key in {"input", "input_schema"})
            )
    if kept.get("type") == "redacted_thinking":
        kept.pop("data", None)
    if kept.get("type") == "error" and isinstance(kept.get("error"), dict):
        kept.pop("request_id", None)
    return kept


def _numbered(found: str, seen: dict[str, str]) -> str:
    return seen.setdefault(found, f"id {len(seen) + 1}")


def _json(path: str, one: Any, other: Any) -> Differences:
    """Yield where two JSON values differ, by their paths."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys((*one, *other)):
            name = f"{path}{'' if not path or path.endswith(' ') else '.'}{key}"
            yield from _json(name, one.get(key, ABSENT), other.get(key, ABSENT))
    elif isinstance(one, list) and isinstance(other, list):
        yield from _lists(path, one, other)
    else:
        yield from _value(path, one, other)


def _lists(path: str, one: Sequence[Any], other: Sequence[Any]) -> Differences:
    """Yield where two lists differ; what is equal at their ends belongs together."""
    start = next((index for index, (here, there) in enumerate(zip(one, other, strict=False)) if here != there), None)
    start = min(len(one), len(other)) if start is None else start
    rests = zip(reversed(one[start:]), reversed(other[start:]), strict=False)
    end = next((index for index, (here, there) in enumerate(rests) if here != there), min(len(one), len(other)) - start)
    middles = (each[start : len(each) - end] for each in (one, other))
    for index, sides in enumerate(zip_longest(*middles, fillvalue=ABSENT), start):
        yield from _json(f"{path}[{index}]", *sides)


def _value(where: str, one: Any, other: Any) -> Differences:
    if one != other or type(one) is not type(other):
        yield where, one, other


def _exactly(one: Exchange, other: Exchange) -> Differences:
    for name in ("method", "path", "query"):
        yield from _value(f"request {name}", getattr(one.request, name), getattr(other.request, name))
    yield from _all_headers("request", one.request.headers, other.request.headers)
    yield from _bytes("request body", one.request.body, other.request.body)
    yield from _status(one, other)
    if one.head is not None and other.head is not None:
        yield from _all_headers("response", one.head.headers, other.head.headers)
    yield from _bytes("body", one.body, other.body)
    here, there = ([len(read.data) for read in each.reads] for each in (one, other))
    if here != there:
        sides = enumerate(zip_longest(here, there, fillvalue=0), 1)
        number, (left, right) = next(each for each in sides if each[1][0] != each[1][1])
        yield f"reads, from read {number} on", f"{left} bytes" if left else "no read", f"{right} bytes" if right else "no read"
    yield from _value("ended", str(one.ended), str(other.ended))


def _all_headers(whose: str, one: Headers, other: Headers) -> Differences:
    """Yield which headers differ at all, by their exact names; and whether only their order does."""
    here, there = ({name: [value for key, value in each if key == name] for name, _ in each} for each in (one, other))
    found = list(_headers(whose, *({name: ", ".join(values) for name, values in each.items()} for each in (here, there))))
    yield from found
    if not found and one != other:
        yield f"{whose} headers", "in one order", "in another"


def _bytes(where: str, one: bytes, other: bytes) -> Differences:
    """Yield where bytes first differ, with what is around it."""
    if one == other:
        return
    low, high = 0, min(len(one), len(other))
    while low < high:  # the longest beginning that both have
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    here, there = (f"{len(each)} bytes, here {each[low : low + _AROUND]!r}" for each in (one, other))
    yield f"{where}, from byte {low + 1} on", here, there


def _is_longer(one: float, other: float) -> bool:
    return abs(one - other) > max(_TEN_MILLISECONDS, _SIGNIFICANT * max(one, other))
