"""Each fault on the wire, for a client that is nothing but a socket: the bytes, the chunks, the silences and the ending.

What is expected is made here of the bytes of the same answer without the fault.
"""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from itertools import accumulate, chain, pairwise, zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from clocks import Noting
from raw_client import LONG, MESSAGE, WATCH, Answered, Ending, RawClient, request

import streamlab
from streamlab import events, text, tool_use
from streamlab.core.faults import fault_names
from streamlab.net.lab import Host

SOON = 0.02
"""Seconds to watch a connection on which nothing is to come any more."""

PIECES = ["One", " two", " three é", " four…"]
_DELTA = 'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":%s}}\n\n'
RECORDED = (
    ": a recording\n\n"
    'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
    '"content":[],"model":"m","stop_reason":null,"usage":{"input_tokens":3,"output_tokens":1}}  }\n\n'
    'event: content_block_start\ndata: {"type": "content_block_start", "index": 0, "content_block": '
    '{"type":"text","text":""}}\n\n'
    'event: ping\ndata: {"type": "ping"}\n\n'
    + _DELTA
    % (0, '"text_delta","text":"One"')
    + 'event: content_block_delta\ndata: {"index":0, "type":"content_block_delta", "new": [1e2],'
    ' "delta":{"type":"text_delta","text":" two"}   }\n\n'
    + (_DELTA % (0, '"text_delta","text":" th"')).replace("\n", "\r\n")
    + _DELTA % (0, '"text_delta","text":"ré\\u00e9"')
    + 'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    'event: content_block_start\ndata: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t",'
    '"name":"look","input":{}}}\n\n'
    + _DELTA % (1, r'"input_json_delta","partial_json":"{\"a\":"')
    + _DELTA % (1, '"input_json_delta","partial_json":"1}"')
    + 'event: content_block_stop\ndata: {"type":"content_block_stop","index":1}\n\n'
    'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}\n\n'
    'event: message_stop\ndata: {"type":"message_stop" }\n\n'
)
"""A recorded stream that is written in its own way: a comment, a CR LF, spaces in the JSON, padding, an unknown field."""


def hand_written() -> Any:
    """Return a stream that is written event by event."""
    delta = {"type": "content_block_delta", "index": 0}
    return events(
        *("message_start", "content_block_start", "ping"),
        *({**delta, "delta": {"type": "text_delta", "text": piece}} for piece in PIECES),
        "content_block_stop",
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {**delta, "index": 1, "delta": {"type": "text_delta", "text": "Hm."}},
        *("content_block_stop", "message_delta", "message_stop"),
    )


def recorded(folder: Path) -> Any:
    """Return a recorded stream, from a file."""
    path = folder / "recorded.sse"
    path.write_bytes(RECORDED.encode())
    return streamlab.sse(path)


SOURCES: dict[str, Callable[[Path], Any]] = {
    "text": lambda _: text(PIECES),
    "content": lambda _: [text(PIECES), tool_use("look", city="San José", days=[1, 2])],
    "events": lambda _: hand_written(),
    "recorded": recorded,
    "json": lambda _: text(PIECES),
}
TWO_BLOCKS = ("content", "events", "recorded")
STREAMS = ("text", *TWO_BLOCKS)
ALL = (*STREAMS, "json")
JSON = ("json",)

Chunk = bytes | re.Pattern[bytes] | Callable[[bytes], bool]
"""What a chunk is: exactly these bytes, or bytes of this form."""


@dataclass(frozen=True)
class Whole:
    """The answer without the fault."""

    headers: Mapping[str, str]
    chunks: tuple[bytes, ...]
    is_sized: bool

    @property
    def body(self) -> bytes:
        """Its body."""
        return b"".join(self.chunks)

    def find(self, kind: str, nth: int = 1) -> int:
        """Return the number, from 0, of the chunk with the nth event of a type."""
        marks = [index for index, chunk in enumerate(self.chunks) if chunk.startswith(b"event: %b\r\n" % kind.encode())]
        marks += [index for index, chunk in enumerate(self.chunks) if chunk.startswith(b"event: %b\n" % kind.encode())]
        return sorted(marks)[nth - 1]

    def delta(self, nth: int) -> int:
        """Return the number, from 0, of the chunk with the nth delta."""
        return self.find("content_block_delta", nth)

    def upto(self, index: int) -> int:
        """Return how many bytes the chunks before this one have."""
        return sum(map(len, self.chunks[:index]))


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What is to be on the wire: a silence stands after so many bytes of the body, or at -1 before the head."""

    chunks: Sequence[Chunk]
    headers: Mapping[str, str]
    is_sized: bool
    status: int = 200
    silences: Sequence[tuple[int, float]] = ()
    ending: Ending = "complete"
    ended: str = "complete"
    rest: bytes = b""
    stray: bytes = b""
    is_written: bool = True


def like(whole: Whole, *chunks: Chunk, headers: Mapping[str, str | None] | None = None, **news: Any) -> Expected:
    """Return what is expected of an answer like the whole one, with these chunks; a header of None does not come."""
    changed = {**whole.headers, **(headers or {})}
    kept = {name: value for name, value in changed.items() if value is not None}
    return Expected(chunks=chunks, headers=kept, is_sized=whole.is_sized, **news)


def same(whole: Whole, **news: Any) -> Expected:
    """Return what is expected of an answer with all chunks of the whole one."""
    return like(whole, *whole.chunks, **news)


def swapped(whole: Whole, index: int, *chunks: Chunk, **news: Any) -> Expected:
    """Return what is expected with other chunks in the place of one."""
    return like(whole, *whole.chunks[:index], *chunks, *whole.chunks[index + 1 :], **news)


def added(whole: Whole, index: int, *chunks: Chunk, **news: Any) -> Expected:
    """Return what is expected with more chunks before one."""
    return like(whole, *whole.chunks[:index], *chunks, *whole.chunks[index:], **news)


def every(whole: Whole, change: Callable[[bytes], bytes], **news: Any) -> Expected:
    """Return what is expected when each chunk is changed."""
    return like(whole, *map(change, whole.chunks), **news)


def cut_at(whole: Whole, size: int, **news: Any) -> Expected:
    """Return what is expected of an answer that stops after so many bytes of its body."""
    chunks: list[bytes] = []
    for chunk in whole.chunks:
        kept = chunk[: max(0, size - sum(map(len, chunks)))]
        chunks += [kept] if kept else []
    return like(whole, *chunks, **news)


def padded(event: Mapping[str, Any]) -> re.Pattern[bytes]:
    """Return the form of the chunk of an event that the server makes: padded by lot."""
    data = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    return re.compile(rb"event: %b\ndata: %b {0,15}\}\n\n" % (event["type"].encode(), re.escape(data[:-1])))


def data_of(chunk: bytes) -> bytes:
    """Return the data of a chunk that has one line of it."""
    return chunk.split(b"data: ")[1].rstrip(b"\r\n")


def rewritten(chunk: bytes, change: Callable[[dict[str, Any]], object], name: bytes | None = None) -> bytes:
    """Return a chunk with its JSON changed, as compact as the API writes it, and padded as it was."""
    data = data_of(chunk)
    event = json.loads(data)
    change(event)
    padding = re.search(rb" *(?=\}$)", data)
    assert padding is not None
    new = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    made = chunk.replace(data, new[:-1] + padding[0] + b"}")
    return made if name is None else re.sub(rb"^event: \w+", b"event: " + name, made)


def pieces(chunk: bytes, offsets: Sequence[int]) -> list[bytes]:
    """Return a chunk cut at these offsets."""
    bounds = [0, *offsets, len(chunk)]
    return [chunk[start:end] for start, end in pairwise(bounds)]


def inside_characters(chunk: bytes) -> list[int]:
    """Return the offsets inside characters of several bytes."""
    starts = list(accumulate((len(each.encode()) for each in chunk.decode()), initial=0))
    return sorted(set(range(len(chunk))) - set(starts))


def message_of(whole: Whole) -> dict[str, Any]:
    """Return the message that a stream adds up to, for a client that knows texts and tools."""
    message: dict[str, Any] = {}
    inputs: dict[int, str] = {}
    for chunk in whole.chunks:
        event: dict[str, Any] = json.loads(data_of(chunk)) if b"data: " in chunk else {"type": "ping"}
        if event["type"] == "message_start":
            message = event["message"]
        elif event["type"] == "content_block_start":
            message["content"].append(event["content_block"])
        elif event["type"] == "content_block_delta" and "text" in event["delta"]:
            message["content"][event["index"]]["text"] += event["delta"]["text"]
        elif event["type"] == "content_block_delta":
            inputs[event["index"]] = inputs.get(event["index"], "") + event["delta"]["partial_json"]
        elif event["type"] == "message_delta":
            message |= event["delta"]
            message["usage"] |= event["usage"]
    for index, written in inputs.items():
        message["content"][index]["input"] = json.loads(written)
    return message


def as_json(whole: Whole) -> Expected:
    """Return what is expected of the message in one JSON body."""
    headers = {name: value for name, value in whole.headers.items() if name not in ("transfer-encoding", "cache-control")}
    body = message_of(whole)
    return Expected(
        chunks=[lambda sent: json.loads(sent) == body],
        headers={**headers, "content-type": "application/json", "content-length": "*"},
        is_sized=True,
    )


def instead(whole: Whole, status: int, body: bytes, **headers: str) -> Expected:
    """Return what is expected of an answer in the place of the API's own."""
    del whole
    head = {name.replace("_", "-"): value for name, value in headers.items()}
    head |= {"content-length": str(len(body)), "connection": "keep-alive"}
    return Expected(chunks=[body] if body else [], headers=head, is_sized=True, status=status)


ERROR_HEADERS = (
    *("content-type", "content-length", "request-id", "connection", "anthropic-organization-id"),
    *("server", "cf-ray", "cf-cache-status", "strict-transport-security", "x-robots-tag"),
)


def of_error(whole: Whole) -> Expected:
    """Return what is expected of an error that comes before the stream."""
    del whole
    form = rb'\{"type":"error","error":\{"type":"overloaded_error","message":"Busy"\},"request_id":"req_\w+"\}'
    headers = dict.fromkeys(ERROR_HEADERS, "*")
    return Expected(chunks=[re.compile(form)], headers=headers, is_sized=True, status=529)


GZIP: dict[str, str | None] = {
    "content-encoding": "gzip",
    "vary": "Accept-Encoding",
    "content-length": None,
    "transfer-encoding": "chunked",
}


def zipped(whole: Whole, *, end: Callable[[bytes], bytes] = lambda end: end) -> Expected:
    """Return what is expected of a body in gzip: each chunk can be read when it comes, and the end may be another."""
    coder = zlib.compressobj(wbits=31)
    chunks = [coder.compress(chunk) + coder.flush(zlib.Z_SYNC_FLUSH) for chunk in whole.chunks]
    last = end(coder.flush())
    return replace(like(whole, *chunks, *([last] if last else []), headers=GZIP), is_sized=False)


def wrong_checksum(end: bytes) -> bytes:
    """Return the end of a gzip body with each bit of its checksum turned."""
    return end[:-8] + bytes(each ^ 0xFF for each in end[-8:-4]) + end[-4:]


def upto_delta(whole: Whole, nth: int) -> Whole:
    """Return the answer up to a delta and with it, as if that were all of it."""
    return replace(whole, chunks=whole.chunks[: whole.delta(nth) + 1])


def upto_byte(whole: Whole, size: int) -> Whole:
    """Return so many bytes of the answer, as if they were all of it."""
    return replace(whole, chunks=(whole.body[:size],))


def lengthy(whole: Whole, error: int) -> Expected:
    """Return what is expected of a length that is wrong by so much."""
    size = len(whole.body)
    sent, rest = whole.body[: size + error], whole.body[size + error :] if error < 0 else b""
    ending: Ending = "complete" if error < 0 else "fin"
    headers = {"content-length": str(size + error), "transfer-encoding": None}
    return replace(like(whole, sent, headers=headers), is_sized=True, rest=rest, ending=ending, ended="fin")


def interleaved(whole: Whole) -> Expected:
    """Return what is expected when the events of blocks 0 and 1 come in turn."""
    blocks: dict[str, list[int]] = {}
    for index, chunk in enumerate(whole.chunks):
        found = re.search(rb'"index": ?(\d)', chunk)
        if found:
            blocks.setdefault(found[1].decode(), []).append(index)
    taken = [index for index in chain(*zip_longest(blocks["0"], blocks["1"])) if index is not None]
    places = dict(zip(sorted(taken), taken, strict=True))
    return like(whole, *(whole.chunks[places.get(index, index)] for index in range(len(whole.chunks))))


def moved(whole: Whole, order: Mapping[int, int]) -> Expected:
    """Return what is expected when other chunks stand in some places."""
    return like(whole, *(whole.chunks[order.get(index, index)] for index in range(len(whole.chunks))))


def in_lines(chunk: bytes, count: int) -> Callable[[bytes], bool]:
    """Return whether a chunk has the data of another in so many lines, which are the same JSON when they are joined."""

    def is_so(sent: bytes) -> bool:
        first, *lines = sent.split(b"\n")
        data = [line.removeprefix(b"data: ") for line in lines[:count]]
        assert sent == first + b"\n" + b"".join(b"data: %b\n" % each for each in data) + b"\n"
        assert first == chunk.split(b"\n")[0]
        assert b"".join(data) == data_of(chunk)
        return bool(json.loads(b"\n".join(data)) == json.loads(data_of(chunk)))

    return is_so


def numbered(whole: Whole) -> Expected:
    """Return what is expected when every delta has a number, from 7."""
    numbers = iter(range(7, 1000))
    return every(
        whole,
        lambda chunk: re.sub(
            rb"^event: content_block_delta(\r?\n)", lambda end: b"id: %d%b" % (next(numbers), end[1]) + end[0], chunk
        ),
    )


def start_of_text(chunk: bytes) -> int:
    """Return where the text of a delta begins."""
    found = re.search(rb'"delta": ?\{.*"text": ?"', chunk)
    assert found is not None
    return found.end()


def split_up(whole: Whole, offsets: Callable[[bytes], Sequence[int]], wait: float = 0.0, only: int | None = None) -> Expected:
    """Return what is expected when chunks are sent in pieces, with a silence between those of one frame."""
    chunks: list[bytes] = []
    silences = []
    for index, chunk in enumerate(whole.chunks):
        parts = pieces(chunk, offsets(chunk)) if only in (None, index) else [chunk]
        silences += [(whole.upto(index) + each, wait) for each in accumulate(map(len, parts[:-1])) if wait]
        chunks += parts
    return like(whole, *chunks, silences=silences)


def stalled_in_text(whole: Whole) -> Expected:
    """Return what is expected of a silence after the fifth character of the text: one letter and a space into delta 2."""
    index = whole.delta(2)
    offset = start_of_text(whole.chunks[index]) + 2
    silence = (whole.upto(index) + offset, 2.0)
    return swapped(whole, index, *pieces(whole.chunks[index], [offset]), silences=[silence])


def pinged(whole: Whole) -> Expected:
    """Return what is expected of three pings after delta 1, each after a second."""
    index, ping = whole.delta(1) + 1, b'event: ping\ndata: {"type": "ping"}\n\n'
    silences = [(whole.upto(index) + number * len(ping), 1.0) for number in range(3)]
    return added(whole, index, ping, ping, ping, silences=silences)


def kept_alive(whole: Whole) -> Expected:
    """Return what is expected of 31 seconds before delta 2, with a ping after 15 and after 30 of them."""
    index, ping = whole.delta(2), b'event: ping\ndata: {"type": "ping"}\n\n'
    silences = [(whole.upto(index) + number * len(ping), wait) for number, wait in enumerate((15.0, 15.0, 1.0))]
    return added(whole, index, ping, ping, silences=silences)


def joined(whole: Whole, first: int, last: int, **news: Any) -> Expected:
    """Return what is expected when the chunks from one to another are one."""
    chunks = whole.chunks
    return like(whole, *chunks[:first], b"".join(chunks[first : last + 1]), *chunks[last + 1 :], **news)


def hologram(whole: Whole) -> Expected:
    """Return what is expected of a block that nobody knows before the end of the message."""
    index = 1 + max(int(found[1]) for found in re.finditer(rb'"index": ?(\d)', whole.body))
    block = {"type": "hologram", "hologram": "..."}
    return added(
        whole,
        whole.find("message_delta"),
        padded({"type": "content_block_start", "index": index, "content_block": block}),
        padded({"type": "content_block_stop", "index": index}),
    )


def failed(whole: Whole) -> Expected:
    """Return what is expected of an error in mid-stream."""
    inner = {"details": None, "type": "api_error", "message": "Internal server error"}
    event = {"type": "error", "error": inner, "request_id": whole.headers["request-id"]}
    return like(whole, *whole.chunks[: whole.delta(2) + 1], padded(event), ended="end")


def huge(whole: Whole) -> Expected:
    """Return what is expected of a frame of 5,000 bytes."""
    index = whole.delta(2)
    chunk = whole.chunks[index]
    at = chunk.rindex(b"}")
    return swapped(whole, index, chunk[:at] + b" " * (5000 - len(chunk)) + chunk[at:])


def broken(whole: Whole, how: Callable[[bytes], bytes]) -> Expected:
    """Return what is expected when the data of delta 2 is broken so."""
    index = whole.delta(2)
    data = data_of(whole.chunks[index])
    return swapped(whole, index, whole.chunks[index].replace(data, how(data)))


def changed(whole: Whole, change: Callable[[dict[str, Any]], object], name: bytes | None = None) -> Expected:
    """Return what is expected when the JSON of delta 2 says something else."""
    return swapped(whole, whole.delta(2), rewritten(whole.chunks[whole.delta(2)], change, name))


def with_end_of_line(end: bytes) -> Callable[[bytes], bytes]:
    """Return what makes all lines end so."""
    return lambda chunk: chunk.replace(b"\r\n", b"\n").replace(b"\n", end)


def grown(whole: Whole, offset: int, data: bytes) -> Expected:
    """Return what is expected when bytes come inside the chunk that holds the byte at an offset."""
    index = next(index for index in range(len(whole.chunks)) if whole.upto(index + 1) > offset)
    at = offset - whole.upto(index)
    chunk = whole.chunks[index]
    length = {"content-length": str(len(whole.body) + len(data))} if whole.is_sized else {}
    return swapped(whole, index, chunk[:at] + data + chunk[at:], headers=length)


def nothing(ending: Ending) -> Callable[[Whole], Expected]:
    """Return what is expected of an answer of which not a byte is sent."""
    return lambda _: Expected(chunks=(), headers={}, is_sized=False, ending=ending, ended=ending, is_written=False)


PAGE = (
    b"<html>\r\n<head><title>502</title></head>\r\n<body>\r\n<center><h1>502</h1></center>\r\n"
    b"<hr><center>proxy</center>\r\n</body>\r\n</html>\r\n"
)
BUSY = "error: overloaded, message: Busy, before: headers"
NEW_DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "more"}}
SEVEN = '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"more"}}'


@dataclass(frozen=True)
class Case:
    """A fault, the sources that it is put into, and what is expected then."""

    fault: str
    expected: Callable[[Whole], Expected]
    sources: Sequence[str] = field(default=STREAMS)


CASES: dict[str, tuple[Case, ...]] = {
    # HTTP
    "retry_after": (
        Case("retry_after: 1500ms", lambda whole: same(whole, headers={"retry-after": "1.5"}), ALL),
        Case("retry_after: 20m, form: ms", lambda whole: same(whole, headers={"retry-after-ms": "1200000"}), ALL),
        Case("retry_after: 90s, form: date", lambda whole: same(whole, headers={"retry-after": "date + 90"}), ALL),
        Case("retry_after: absent", same, ALL),
    ),
    "should_retry": (
        Case("should_retry: true", lambda whole: same(whole, headers={"x-should-retry": "true"}), ALL),
        Case("should_retry: false", lambda whole: same(whole, headers={"x-should-retry": "false"}), ALL),
        Case("should_retry: absent", same, ALL),
    ),
    "content_type": (
        Case("content_type: text/plain", lambda whole: same(whole, headers={"content-type": "text/plain"}), ALL),
        Case("content_type: absent", lambda whole: same(whole, headers={"content-type": None}), ALL),
    ),
    "html_body": (
        Case("html_body: 502", lambda whole: instead(whole, 502, PAGE, content_type="text/html; charset=utf-8"), ALL),
    ),
    "json_body": (
        Case("json_body: 200", as_json),
        Case("json_body: 418", lambda whole: replace(as_json(whole), status=418)),
    ),
    "redirect": (
        Case("redirect: messages", lambda whole: instead(whole, 307, b"", location="messages"), ALL),
        Case("redirect: /else, status: 308", lambda whole: instead(whole, 308, b"", location="/else"), ALL),
    ),
    "gzip": (
        Case("gzip: sound", zipped, ALL),
        Case("gzip: plain", lambda whole: replace(same(whole, headers=GZIP), is_sized=False), ALL),
        Case("gzip: bad checksum", lambda whole: zipped(whole, end=wrong_checksum), ALL),
        Case("gzip: no trailer", lambda whole: zipped(whole, end=lambda _: b""), ALL),
    ),
    # events
    "error": (
        Case("error: api, after: delta 2", failed),
        Case(BUSY, of_error, ALL),
    ),
    "insert": (
        Case(f"insert: {SEVEN}, after: delta 1", lambda whole: added(whole, whole.delta(1) + 1, padded(NEW_DELTA))),
        Case(f"insert: {SEVEN}, at: end", lambda whole: added(whole, len(whole.chunks), padded(NEW_DELTA))),
    ),
    "unknown": (
        Case(
            "unknown: event, before: delta 2",
            lambda whole: added(whole, whole.delta(2), padded({"type": "weather_report", "forecast": "sunny"})),
        ),
        Case(
            "unknown: delta, after: delta 1",
            lambda whole: added(
                whole,
                whole.delta(1) + 1,
                padded({"type": "content_block_delta", "index": 0, "delta": {"type": "hologram_delta", "hologram": "..."}}),
            ),
        ),
        Case("unknown: block, before: message_delta", hologram),
    ),
    "change": (
        Case(
            "change: delta 2, set: {index: 7, delta.text: É}",
            lambda whole: changed(whole, lambda event: (event.update(index=7), event["delta"].update(text="É"))),
        ),
        Case("change: delta 2, remove: [type]", lambda whole: changed(whole, lambda event: event.pop("type"))),
        Case("change: delta 2, set: {type: new}", lambda whole: changed(whole, lambda event: event.update(type="new"), b"new")),
    ),
    "pings": (Case("pings: 3, every: 1s, after: delta 1", pinged),),
    # order
    "drop": (
        Case("drop: delta 2", lambda whole: swapped(whole, whole.delta(2))),
        Case(
            "drop: every delta",
            lambda whole: like(whole, *(each for each in whole.chunks if not each.startswith(b"event: content_block_delta"))),
        ),
    ),
    "duplicate": (
        Case("duplicate: delta 1, times: 2", lambda whole: added(whole, whole.delta(1), *[whole.chunks[whole.delta(1)]] * 2)),
        Case("duplicate: message_stop", lambda whole: like(whole, *whole.chunks, whole.chunks[-1])),
    ),
    "swap": (
        Case(
            "swap: [delta 1, delta 2]",
            lambda whole: moved(whole, {whole.delta(1): whole.delta(2), whole.delta(2): whole.delta(1)}),
        ),
    ),
    "reorder": (
        Case(
            "reorder: [delta 3, delta 1, delta 2]",
            lambda whole: moved(
                whole, {whole.delta(1): whole.delta(3), whole.delta(2): whole.delta(1), whole.delta(3): whole.delta(2)}
            ),
        ),
    ),
    "move": (
        Case(
            "move: message_stop, at: headers",
            lambda whole: like(whole, whole.chunks[-1], *whole.chunks[:-1]),
        ),
        Case(
            "move: message_start, at: end",
            lambda whole: replace(
                swapped(whole, whole.find("message_start")),
                chunks=[
                    *(each for each in whole.chunks if not each.startswith(b"event: message_start")),
                    whole.chunks[whole.find("message_start")],
                ],
            ),
        ),
    ),
    "interleave": (Case("interleave: [0, 1]", interleaved, TWO_BLOCKS),),
    # framing
    "line_end": (
        Case("line_end: crlf", lambda whole: every(whole, with_end_of_line(b"\r\n"))),
        Case("line_end: cr", lambda whole: every(whole, with_end_of_line(b"\r"))),
        Case(
            "line_end: cr, of: delta 1",
            lambda whole: swapped(whole, whole.delta(1), with_end_of_line(b"\r")(whole.chunks[whole.delta(1)])),
        ),
    ),
    "event_name": (
        Case("event_name: other", lambda whole: every(whole, lambda each: re.sub(rb"^event: \w+", b"event: other", each))),
        Case("event_name: absent", lambda whole: every(whole, lambda each: re.sub(rb"^event: \w+\r?\n", b"", each))),
    ),
    "data_lines": (
        Case(
            "data_lines: 3, of: delta 2",
            lambda whole: swapped(whole, whole.delta(2), in_lines(whole.chunks[whole.delta(2)], 3)),
        ),
    ),
    "no_space": (
        Case("no_space: all", lambda whole: every(whole, lambda each: re.sub(rb"(?m)^(event|data): ", rb"\1:", each))),
    ),
    "id": (
        Case("id: 7, of: every delta", numbered),
        Case("id: x, of: delta 1", lambda whole: swapped(whole, whole.delta(1), b"id: x\n" + whole.chunks[whole.delta(1)])),
    ),
    "no_blank_line": (
        Case("no_blank_line: delta 2", lambda whole: swapped(whole, whole.delta(2), whole.chunks[whole.delta(2)][:-1])),
        Case("no_blank_line: message_stop", lambda whole: like(whole, *whole.chunks[:-1], whole.chunks[-1][:-1])),
    ),
    # payload
    "raw": (
        Case('raw: "\\uFEFF", at: headers', lambda whole: added(whole, 0, b"\xef\xbb\xbf")),
        Case('raw: "a\\n\\nb", after: delta 1', lambda whole: added(whole, whole.delta(1) + 1, b"a\n\nb")),
        Case("raw: !!binary /wA=, at: byte 100", lambda whole: grown(whole, 100, b"\xff\0"), ALL),
    ),
    "comment": (Case("comment: hello, after: delta 1", lambda whole: added(whole, whole.delta(1) + 1, b": hello\n\n")),),
    "retry": (Case("retry: 3000, at: headers", lambda whole: added(whole, 0, b"retry: 3000\n\n")),),
    "data": (
        Case('data: "[DONE]", at: end', lambda whole: added(whole, len(whole.chunks), b"data: [DONE]\n\n")),
        Case('data: "", after: delta 1', lambda whole: added(whole, whole.delta(1) + 1, b"data: \n\n")),
    ),
    "broken_json": (
        Case("broken_json: malformed, of: delta 2", lambda whole: broken(whole, lambda data: data[:-1] + b"]")),
        Case("broken_json: truncated, of: delta 2", lambda whole: broken(whole, lambda data: data[: len(data) // 2])),
        Case("broken_json: empty, of: delta 2", lambda whole: broken(whole, lambda _: b"")),
    ),
    "invalid_utf8": (
        Case(
            "invalid_utf8: delta 2",
            lambda whole: swapped(
                whole,
                whole.delta(2),
                b"\xff".join(pieces(whole.chunks[whole.delta(2)], [start_of_text(whole.chunks[whole.delta(2)])])),
            ),
        ),
        Case(
            "invalid_utf8: message_stop",
            lambda whole: like(
                whole, *whole.chunks[:-1], b"\xff".join(pieces(whole.chunks[-1], [whole.chunks[-1].rindex(b'"')]))
            ),
        ),
    ),
    "huge_frame": (Case("huge_frame: 5kB, of: delta 2", huge),),
    # wire
    "cut": (
        Case("cut: end, after: delta 2", lambda whole: like(whole, *whole.chunks[: whole.delta(2) + 1], ended="end")),
        Case(
            "cut: fin, after: delta 2",
            lambda whole: like(whole, *whole.chunks[: whole.delta(2) + 1], ending="fin", ended="fin"),
        ),
        Case("cut: reset, at: byte 300", lambda whole: cut_at(whole, 300, ending="reset", ended="reset"), ALL),
        Case("cut: fin, at: byte 300", lambda whole: cut_at(whole, 300, ending="fin", ended="fin"), ALL),
        Case("cut: end, at: byte 300", lambda whole: cut_at(whole, 300, ended="end")),
        Case("cut: end, at: byte 300", lambda whole: cut_at(whole, 300, headers={"content-length": "300"}, ended="end"), JSON),
        Case("cut: fin, at: headers", lambda whole: cut_at(whole, 0, ending="fin", ended="fin"), ALL),
        Case("cut: fin, before: headers", nothing("fin"), ALL),
        Case("cut: reset, before: headers", nothing("reset"), ALL),
    ),
    "stall": (
        Case("stall: 2s, before: delta 2", lambda whole: same(whole, silences=[(whole.upto(whole.delta(2)), 2.0)])),
        Case("stall: 31s, pings: true, before: delta 2", kept_alive),
        Case("stall: 2s, at: text char 5", stalled_in_text),
        Case("stall: 2s, at: headers", lambda whole: same(whole, silences=[(0, 2.0)]), ALL),
        Case("stall: 2s, before: headers", lambda whole: same(whole, silences=[(-1, 2.0)]), ALL),
        Case("stall: 2s, at: end", lambda whole: same(whole, silences=[(len(whole.body), 2.0)]), ALL),
        Case("stall: 2s, at: byte 100", lambda whole: replace(split_at_100(whole), silences=[(100, 2.0)]), ALL),
        Case("stall: forever, at: byte 300", lambda whole: cut_at(whole, 300, ending="open", ended="hang"), ALL),
        Case("stall: forever, before: headers", nothing("open"), ALL),
    ),
    "split": (
        Case("split: 7", lambda whole: split_up(whole, lambda each: range(7, len(each), 7)), ALL),
        Case("split: 50, wait: 2ms", lambda whole: split_up(whole, lambda each: range(50, len(each), 50), 0.002), ALL),
        Case("split: 1, of: delta 2", lambda whole: split_up(whole, lambda each: range(1, len(each)), only=whole.delta(2))),
        Case("split: characters", lambda whole: split_up(whole, inside_characters), ALL),
    ),
    "join": (
        Case("join: all", lambda whole: joined(whole, 0, len(whole.chunks) - 1), ALL),
        Case("join: [delta 3, delta 1]", lambda whole: joined(whole, whole.delta(1), whole.delta(3))),
        Case(
            "[{stall: 1s, before: delta 2}, {stall: 2s, at: text char 5}, {join: every delta}]",
            lambda whole: joined(whole, whole.delta(1), last_delta(whole), silences=[(whole.upto(whole.delta(1)), 3.0)]),
        ),
    ),
    "corrupt_chunk": (
        Case(
            "corrupt_chunk: -XYZ, after: delta 2",
            lambda whole: like(whole, *whole.chunks[: whole.delta(2) + 1], ending="fin", ended="corrupt", stray=b"-XYZ\r\n"),
        ),
        Case("corrupt_chunk: z, at: byte 300", lambda whole: cut_at(whole, 300, ending="fin", ended="corrupt", stray=b"z\r\n")),
    ),
    "content_length": (
        Case("content_length: 10", lambda whole: lengthy(whole, 10), ALL),
        Case("content_length: -10", lambda whole: lengthy(whole, -10), ALL),
        Case("[{content_length: 5}, {cut: end, after: delta 1}]", lambda whole: lengthy(upto_delta(whole, 1), 5)),
        Case("[{content_length: 5}, {cut: end, at: byte 7}]", lambda whole: lengthy(upto_byte(whole, 7), 5), ALL),
    ),
    "trailing": (Case("trailing: garbage", lambda whole: same(whole, rest=b"garbage"), ALL),),
}


def split_at_100(whole: Whole) -> Expected:
    """Return what is expected when the chunk with byte 100 of the body is cut there."""
    index = next(index for index in range(len(whole.chunks)) if whole.upto(index + 1) > 100)
    return swapped(whole, index, *pieces(whole.chunks[index], [100 - whole.upto(index)]))


def last_delta(whole: Whole) -> int:
    """Return the number of the chunk with the last delta."""
    return max(index for index, chunk in enumerate(whole.chunks) if chunk.startswith(b"event: content_block_delta"))


RUNS = [(case, source) for cases in CASES.values() for case in cases for source in case.sources]
REFUSED = sorted(name for name, cases in CASES.items() if not any("json" in case.sources for case in cases))
"""The faults that say nothing to a JSON body."""


@pytest.fixture(scope="module")
def clock() -> Noting:
    """Give the clock of the server."""
    return Noting()


@pytest.fixture(scope="module")
def host(clock: Noting) -> Iterator[Host]:
    """Give a server that all tests of this file share."""
    running = Host(clock=clock)
    yield running
    running.stop()


def asked(lab: streamlab.Lab, source: str) -> bytes:
    """Return the request for a stream, or for JSON."""
    path = urlsplit(lab.url).path + "/v1/messages"
    return request(path, body={**MESSAGE, "stream": source != "json"})


def heads(answered: Answered) -> dict[str, str]:
    """Return the headers of an answer but for the date."""
    return {name: value for name, value in answered.headers.items() if name != "date"}


def unfaulted(host: Host, source: str, folder: Path) -> Whole:
    """Return the answer of a source without a fault."""
    lab = host.lab()
    lab.reply(SOURCES[source](folder))
    with RawClient(host.url) as client:
        answered = client.ask(asked(lab, source))
    lab.close()
    assert (answered.status, answered.ending) == (200, "complete")
    chunks = tuple(answered.chunks) or (answered.body,)
    return Whole(heads(answered), chunks, is_sized="content-length" in answered.headers)


def body_sent(answered: Answered, count: int) -> int:
    """Return how many bytes of the body are in so many bytes of an answer; -1 before the head."""
    head = answered.raw.index(b"\r\n\r\n") + 4
    if count == 0:
        return -1
    assert count >= head
    if not answered.chunks:
        return count - head
    position, size = head, 0
    for chunk in answered.chunks:
        if position == count:
            break
        position += len(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        size += len(chunk)
    assert position == count, "a silence stands between chunks"
    return size


def check_headers(answered: Answered, expected: Mapping[str, str]) -> None:
    """Compare the headers: one that is expected to be `*` must be there, and `date + 90` is a date."""
    found = heads(answered)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if value == "date + 90":
            date = parsedate_to_datetime(answered.headers["date"]) + timedelta(seconds=90)
            assert found[name] == format_datetime(date, usegmt=True)
        else:
            assert value in ("*", found[name]), name
    if "content-length" in found and expected["content-length"] == "*":
        assert found["content-length"] == str(len(answered.body))


def check_chunks(sent: Sequence[bytes], expected: Sequence[Chunk]) -> None:
    """Compare the chunks, one by one."""
    for chunk, form in zip(sent, expected, strict=False):
        if isinstance(form, bytes):
            assert chunk == form
        elif isinstance(form, re.Pattern):
            assert form.fullmatch(chunk), (form.pattern, chunk)
        else:
            assert form(chunk), chunk
    assert len(sent) == len(expected)


@pytest.mark.parametrize(("case", "source"), RUNS, ids=[f"{case.fault} - {source}" for case, source in RUNS])
def test_a_fault_is_on_the_wire_as_it_is_documented(host: Host, clock: Noting, tmp_path: Path, case: Case, source: str) -> None:
    """Head, chunks, silences and ending are those that follow from the unfaulted answer, and the journal says the same."""
    expected = case.expected(unfaulted(host, source, tmp_path))
    lab = host.lab()
    lab.reply(SOURCES[source](tmp_path), faults=case.fault)
    lab.reply("The next.")
    clock.journal, clock.silences = lab.journal, []
    with RawClient(host.url) as client:
        client.socket.sendall(asked(lab, source))
        if not expected.is_written:
            assert client.rest(watch=SOON if expected.ending == "open" else LONG) == (b"", expected.ending)
        else:
            check_answer(client, expected, clock)
        ended = None if expected.ending == "open" else expected.ended
        wait_until(lambda: lab.journal[0].ended == ended)
        assert lab.journal[0].ended == ended
        assert lab.journal[0].problem is None
        if (expected.ending, expected.rest) == ("complete", b""):
            following = client.ask(asked(lab, source))
            assert (following.status, following.ending) == (200, "complete")
            assert b"next" in following.body
    clock.journal = None
    lab.close()


def wait_until(happened: Callable[[], bool]) -> None:
    """Wait for what goes on after a client has all of a body with a length: a silence at its end, and the end itself."""
    patience = time.monotonic() + LONG
    while not happened() and time.monotonic() < patience:
        time.sleep(0.001)


def check_answer(client: RawClient, expected: Expected, clock: Noting) -> None:
    """Read an answer and compare it with what is expected."""
    is_open = expected.ending == "open"
    if is_open:
        client.receive(sum(len(chunk) for chunk in expected.chunks if isinstance(chunk, bytes)))
    answered = client.answer(watch=WATCH if is_open else LONG)
    assert (answered.status, answered.ending, answered.stray) == (expected.status, expected.ending, expected.stray)
    check_headers(answered, expected.headers)
    assert ("transfer-encoding" in answered.headers) is not expected.is_sized
    if expected.is_sized and all(isinstance(chunk, bytes) for chunk in expected.chunks):
        assert answered.body == b"".join(chunk for chunk in expected.chunks if isinstance(chunk, bytes))
    else:
        check_chunks([answered.body] if expected.is_sized else answered.chunks, expected.chunks)
    wait_until(lambda: len(clock.silences) >= len(expected.silences))
    assert [(body_sent(answered, count), length) for count, length in clock.silences] == list(expected.silences)
    if expected.rest:
        client.receive(len(expected.rest))
        is_closed = expected.ended == "fin"
        assert client.rest(watch=LONG if is_closed else SOON) == (expected.rest, "fin" if is_closed else "open")


def test_every_fault_is_shown() -> None:
    """A fault that is new is shown here too."""
    assert sorted(CASES) == list(fault_names()), "a fault that is new has an entry in CASES above"


@pytest.mark.parametrize("name", REFUSED)
def test_a_fault_of_events_on_a_json_body_is_an_error_that_client_and_journal_see(
    host: Host, tmp_path: Path, name: str
) -> None:
    """It is no silent pass: the answer is a 500 that no client sends again, and says which fault has no place there."""
    lab = host.lab()
    lab.reply(SOURCES["json"](tmp_path), faults=CASES[name][0].fault)
    with RawClient(host.url) as client:
        answered = client.ask(asked(lab, "json"))
    assert (answered.status, answered.headers["x-should-retry"]) == (500, "false")
    (problem,) = lab.journal.problems
    assert problem.startswith("faults.0.")
    assert answered.json["error"]["message"] == f"streamlab: {problem}"
    assert "\n  hint: " in problem
    lab.close()
