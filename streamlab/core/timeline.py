"""Timelines: recorded exchanges as lines for a terminal, and as plain data.

A line says what it is, so that whoever prints it can give it a colour; there are no colours and no control characters in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from streamlab.core.arrivals import Arrived
from streamlab.core.exchange import Ended, Exchange, Request
from streamlab.core.overview import overview_data
from streamlab.core.redaction import redact_headers
from streamlab.core.shown import Line, Style, count, cut, of_bytes, seconds, visible
from streamlab.core.sse import Frame
from streamlab.core.story import Story

__all__ = ["ENDINGS", "asked", "data", "timeline"]

_NAME = 10
"""The width of the names before the sections of a timeline."""
_BODY_LINES = 20
_MOST_SPLITS = 4

ENDINGS = {
    Ended.COMPLETE: "all of it came, and HTTP said so",
    Ended.END: "HTTP said that it was all, but the stream has no message_stop and no error event",
    Ended.FIN: "the connection was closed in the middle",
    Ended.RESET: "the connection was reset",
    Ended.CORRUPT: "the header of a chunk was none",
    Ended.TIMEOUT: "nothing came for longer than the recorder was told to wait",
    Ended.REFUSED: "no connection could be made",
    Ended.LEFT: "the client left; this is what had arrived",
    Ended.INTERRUPTED: "the recorder was ended; this is what had arrived",
    Ended.UNKNOWN: "whoever recorded it did not say how the connection was closed",
}
"""How an answer ended, in words."""

_GOOD = (Ended.COMPLETE, Ended.UNKNOWN)


def asked(request: Request) -> str:
    """Return in one line what a request asks for."""
    data = request.data
    if not data:
        return "nothing" if not request.body else f"{count(len(request.body), 'byte')} that are no JSON object"
    tools = f" ({', '.join(request.tools)})" if request.tools else ""
    parts = (
        request.model or "no model",
        "a stream" if request.stream else "no stream",
        count(len(request.messages), "message"),
        count(len(request.tools), "tool") + tools if request.tools else "",
        f"max_tokens {data['max_tokens']}" if "max_tokens" in data else "",
        f"thinking {_thinking(data['thinking'])}" if data.get("thinking") is not None else "",
    )
    return ", ".join(part for part in parts if part)


def timeline(title: str, arrived: Arrived, *, width: int = 0, verbose: bool = False) -> Iterator[Line]:
    """Yield the lines of one exchange: what was asked, how the answer came, how it ended, and its sums."""
    for line in _timeline(title, arrived, verbose=verbose):
        yield Line(cut(line.text, width), line.style)


def _timeline(title: str, arrived: Arrived, *, verbose: bool) -> Iterator[Line]:
    exchange = arrived.exchange
    yield Line(visible(title), "title")
    yield from _request(exchange, verbose=verbose)
    yield from _head(exchange, verbose=verbose)
    yield Line("")
    body = [*(_events(arrived) if arrived.is_stream else _body(arrived, verbose=verbose))]
    yield from body
    if body:
        yield Line("")
    yield from _end(arrived)


def _request(exchange: Exchange, *, verbose: bool) -> Iterator[Line]:
    request = exchange.request
    query = f"?{request.query}" if request.query else ""
    moment = f", {exchange.recorded}" if exchange.recorded else ""
    yield _section("request", f"{request.method} {request.path}{query}{moment}")
    yield _section("", asked(request))
    if request.last_user:
        yield _section("user", request.last_user)
    if request.tool_results:
        yield _section("", f"results of {', '.join(request.tool_results)}")
    if verbose:
        yield from (_section("", f"{name}: {value}", "dim") for name, value in redact_headers(request.headers))


def _head(exchange: Exchange, *, verbose: bool) -> Iterator[Line]:
    head = exchange.head
    if head is None:
        yield _section("answer", "none: not even a head came", "error")
        return
    kind = head.get("content-type") or "no content-type"
    after = f", {seconds(exchange.first)} after the request" if exchange.first is not None else ""
    yield _section("answer", f"{head.status}, {kind}{after}", "error" if head.status >= 400 else "")  # noqa: PLR2004
    if verbose:
        yield from (_section("", f"{name}: {value}", "dim") for name, value in redact_headers(head.headers))


def _events(arrived: Arrived) -> Iterator[Line]:
    """Yield the lines of the events of a stream. Columns that nobody knows anything for are left out."""
    frames = arrived.frames
    has_times = any(frame.recorded is not None for frame in frames)
    has_reads = len(arrived.reads) > 1
    layout = (
        "{:>6}"
        + (" {:>10} {:>10}" if has_times else "{:.0}{:.0}")
        + " {:>7} "
        + ("{:1} " if has_reads else "{:.0}")
        + " {:20}  {}"
    )
    if frames:
        yield Line(layout.format("event", "after", "gap", "bytes", "", "what", "").rstrip(), "dim")
    story, last = Story(), 0.0
    for number, frame in enumerate(frames, 1):
        is_followed = number < len(frames) and frames[number].joined
        bracket = ("├" if is_followed else "└") if frame.joined else "┌" if is_followed else ""
        at = frame.recorded
        times = ("", "") if frame.joined or at is None else (seconds(at), f"+{seconds(at - last)}")
        for position, (name, text, style) in enumerate(story.told(frame)):
            columns = (number, *times, f"{len(frame.raw):,}", bracket) if not position else ("",) * 5
            yield Line(layout.format(*columns, visible(name), visible(text)).rstrip(), style)
        last = last if at is None else at
        for name, moment in _splits(frame):
            times = ("", "") if moment is None else (seconds(moment), f"+{seconds(moment - last)}")
            yield Line(layout.format("", *times, "", "╎", name, "").rstrip(), "dim")
            last = last if moment is None else moment


def _splits(frame: Frame) -> Iterator[tuple[str, float | None]]:
    """Yield the reads that begin inside a frame; of many, the last."""
    if len(frame.splits) > _MOST_SPLITS:
        yield f"the last of {len(frame.splits) + 1} reads of it", frame.splits[-1].recorded
        return
    for split in frame.splits:
        yield f"its byte {split.offset + 1:,} and on, in another read", split.recorded


def _body(arrived: Arrived, *, verbose: bool) -> Iterator[Line]:
    """Yield the lines of a body that is no stream."""
    if arrived.exchange.head is None or not arrived.exchange.reads:
        return
    if isinstance(arrived.message, dict | list):
        lines = json.dumps(arrived.message, indent=1, ensure_ascii=False).split("\n")
    else:
        lines = of_bytes(arrived.body).splitlines()
    shown = lines if verbose else lines[:_BODY_LINES]
    yield from (Line("  " + visible(line)) for line in shown)
    if len(shown) < len(lines):
        yield Line(f"  … and {count(len(lines) - len(shown), 'line')} more; --verbose shows all", "dim")


def _end(arrived: Arrived) -> Iterator[Line]:
    exchange, sums = arrived.exchange, arrived.sums
    at = f" {seconds(exchange.ended_at)} after the head" if exchange.ended_at is not None and exchange.head else ""
    words = "the connection was closed before the head" if _is_early(exchange) else ENDINGS[exchange.ended]
    yield _section("ended", f"{exchange.ended}{at}: {words}", "" if exchange.ended in _GOOD else "error")
    if arrived.problem:
        yield _section("", f"the body is {arrived.problem}" if "compressed" in arrived.problem else arrived.problem, "error")
    pings = f" ({count(sums.pings, 'ping')})" if sums.pings else ""
    events = f"{count(sums.events, 'event')}{pings} in " if arrived.is_stream else ""
    coding = f" of {arrived.coding}" if arrived.coding else ""
    yield _section("sums", f"{events}{count(sums.reads, 'read')}, {count(sums.size, 'byte')}{coding}")
    since = "" if exchange.first is not None else " after the head"
    if sums.time_to_first_token is not None:
        yield _section("", f"time to first token {seconds(sums.time_to_first_token)}{since}, duration {seconds(sums.duration)}")
    if sums.output_tokens is not None:
        rate = f" in {seconds(sums.streaming)}: {sums.tokens_per_second:.1f} tokens/s" if sums.tokens_per_second else ""
        yield _section("", f"{count(sums.output_tokens, 'token')} of output{rate}")
    if sums.silence is not None:
        yield _section("", f"longest silence {seconds(sums.silence.seconds)}, {sums.silence.where}")


def _is_early(exchange: Exchange) -> bool:
    return exchange.head is None and exchange.ended is Ended.FIN


def data(number: int, arrived: Arrived) -> Iterator[dict[str, Any]]:
    """Yield one exchange as plain data: first itself, then each of its events, or its body."""
    exchange = arrived.exchange
    request, head = exchange.request, exchange.head
    asks = {
        "query": request.query,
        "stream": request.stream,
        "messages": len(request.messages),
        "tools": request.tools,
        "last_user": request.last_user,
        "request_headers": [list(each) for each in redact_headers(request.headers)],
        "headers": None if head is None else [list(each) for each in redact_headers(head.headers)],
        "problem": arrived.problem,
    }
    yield {**overview_data(number, arrived), **asks}
    read = 0
    for index, frame in enumerate(arrived.frames, 1):
        read += not frame.joined
        what = {"raw": of_bytes(frame.raw)} if frame.event is None else {"data": frame.event}
        splits = [[split.offset, split.recorded] for split in frame.splits]
        place = {"event": index, "type": frame.type, "at": frame.recorded, "bytes": len(frame.raw), "read": read}
        yield {**place, "splits": splits, **what}
        read += len(splits)
    if not arrived.is_stream and exchange.reads:
        yield {"body": arrived.message if arrived.message is not None else of_bytes(arrived.body)}


def _section(name: str, text: str, style: Style = "") -> Line:
    return Line(f"{name:{_NAME}}{visible(text)}", style)


def _thinking(value: Any) -> str:
    thinking = _mapping(value)
    parts: Iterable[Any] = (thinking.get("type"), thinking.get("budget_tokens"))
    return " ".join(str(part) for part in parts if part is not None)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
