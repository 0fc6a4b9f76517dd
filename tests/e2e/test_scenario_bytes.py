"""What a client that is nothing but a socket gets of the shipped scenarios: what no SDK shows."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate

import pytest
from raw_client import WATCH, Answered, Ending, RawClient, request

from streamlab.core.api_errors import ERRORS
from streamlab.core.replies import Settings, State, answer
from streamlab.core.sse import decode
from streamlab.files.scenario import load
from streamlab.net.lab import Host, Lab

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
DELTA = b"event: content_block_delta"
COMMENT = b": keep-alive\n\n"
ENDLESS = ("keep-open-after-stop", "no-answer", "stall-before-first-token", "stall-mid-stream")
MEGABYTE = 1_000_000


class Told:
    """A clock that nobody waits for: it is as late as it is told to be."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Return the time."""
        return self._now

    async def sleep_until(self, moment: float) -> None:
        """Be as late as that, at once."""
        self._now = max(self._now, moment)


@dataclass(kw_only=True)
class Served:
    """What came of a first call, what it would have been without faults, and how many seconds it took by the clock."""

    answered: Answered
    sound: bytes
    seconds: float | None


@pytest.fixture
def host() -> Iterator[Host]:
    """Give a server whose silences take no time."""
    serving = Host(clock=Told())
    yield serving
    serving.stop()


def loaded(host: Host, name: str) -> Lab:
    """Return a lab that serves a scenario."""
    lab = host.lab()
    lab.load(name)
    return lab


def served(host: Host, name: str) -> Served:
    """Ask a scenario for a stream."""
    lab = loaded(host, name)
    with RawClient(lab.url) as client:
        answered = client.ask(watch=WATCH if name in ENDLESS else 10.0)
    return Served(answered=answered, sound=sound(lab, name), seconds=lab.journal[0].duration)


def sound(lab: Lab, name: str) -> bytes:
    """Return the body of the first answer as it would be if its faults were taken out."""
    rules = [replace(rule, replies=tuple(replace(reply, faults=()) for reply in rule.replies)) for rule in load(name).rules]
    made, _ = answer(lab.journal[0].request, rules, State(), Settings())
    return made.plan.body


def frames(body: bytes) -> list[bytes]:
    """Return the frames of a sound stream."""
    return [frame.raw for frame in decode(body)]


def changed(body: bytes, number: int, change: Callable[[bytes], bytes]) -> bytes:
    """Return a stream with something else in the place of one of its deltas (from 1)."""
    here = frames(body)
    index = [index for index, frame in enumerate(here) if frame.startswith(DELTA)][number - 1]
    return b"".join((*here[:index], change(here[index]), *here[index + 1 :]))


def through(body: bytes, number: int) -> bytes:
    """Return a stream up to the end of one of its deltas (from 1)."""
    whole = changed(body, number, lambda frame: frame + b"\0")
    return whole[: whole.index(b"\0")]


def before(body: bytes, mark: bytes) -> bytes:
    """Return a stream up to a mark in it."""
    return body[: body.index(mark)]


def halved(frame: bytes) -> bytes:
    """Return a frame with half of its data."""
    data = frame[frame.index(b"data: ") + 6 :].rstrip(b"\n")
    return frame.replace(data, data[: len(data) // 2])


def grown(frame: bytes) -> bytes:
    """Return a frame of a megabyte."""
    head, brace, end = frame.rpartition(b"}")
    return head + b" " * (MEGABYTE - len(frame)) + brace + end


def early(body: bytes) -> bytes:
    """Return a stream whose first delta comes before its block."""
    start = re.search(rb"event: content_block_start.*?\n\n", body, re.DOTALL)
    first = re.search(rb"event: content_block_delta.*?\n\n", body, re.DOTALL)
    assert start
    assert first
    return body[: start.start()] + first[0] + body[start.start() : first.start()] + body[first.end() :]


EXPECTED: dict[str, tuple[Ending, Callable[[bytes], bytes]]] = {
    "all-in-one-write": ("complete", lambda body: body),
    "bad-gzip": ("complete", lambda body: body),
    "bom": ("complete", lambda body: b"\xef\xbb\xbf" + body),
    "bytes-after-stop": ("complete", lambda body: body + b"garbage"),
    "comments-and-retry": (
        "complete",
        lambda body: (
            b"retry: 3000\n\n"
            + changed(body, 1, lambda frame: frame + COMMENT).replace(b"event: message_stop", COMMENT + b"event: message_stop")
        ),
    ),
    "crlf": ("complete", lambda body: body.replace(b"\n", b"\r\n")),
    "cut-before-message-stop": ("fin", lambda body: before(body, b"event: message_stop")),
    "cut-inside-tool-input": ("complete", lambda body: before(body, rb'"San')[:-1]),
    "cut-inside-utf8": ("complete", lambda body: before(body, b" nice") + b" nice\xf0\x9f\x98"),
    "cut-mid-text": ("fin", lambda body: through(body, 4)),
    "delta-before-start": ("complete", early),
    "done-sentinel": ("complete", lambda body: body + b"data: [DONE]\n\n"),
    "duplicated-events": ("complete", lambda body: b"".join(each * (1 + each.startswith(DELTA)) for each in frames(body))),
    "ends-without-message-stop": ("complete", lambda body: through(body, 4)),
    "huge-frame": ("complete", lambda body: changed(body, 2, grown)),
    "invalid-utf8": ("complete", lambda body: body.replace(b'"text":" byte', b'"text":"\xff byte')),
    "keep-open-after-stop": ("open", lambda body: body),
    "malformed-json": ("complete", lambda body: changed(body, 2, lambda frame: frame[:-3] + b"]\n\n")),
    "missing-start": ("complete", lambda body: b"".join(frames(body)[1:])),
    "one-byte-at-a-time": ("complete", lambda body: body),
    "ping-flood": ("complete", lambda body: changed(body, 1, lambda frame: frame + PING * 1000)),
    "reset-mid-stream": ("reset", lambda body: through(body, 4)),
    "slow-drip": ("complete", lambda body: body),
    "slow-headers": ("complete", lambda body: body),
    "split-frames": ("complete", lambda body: body),
    "stall-before-first-token": ("open", lambda body: before(body, DELTA)),
    "stall-mid-stream": ("open", lambda body: through(body, 3)),
    "truncated-json-frame": ("complete", lambda body: changed(body, 2, halved)),
    "wrong-content-type": ("complete", lambda body: body),
}
"""How an answer ends, and what its body is, given what it would be without its faults."""


@pytest.mark.parametrize("name", EXPECTED)
def test_the_bytes_are_those_of_the_symptom(host: Host, name: str) -> None:
    """All else is as it would be without the faults."""
    ending, body = EXPECTED[name]
    found = served(host, name)
    assert found.answered.body == body(found.sound)
    assert found.answered.ending == ending


def test_each_event_is_a_chunk(host: Host) -> None:
    """That is what the scenarios about chunks differ from."""
    found = served(host, "hello")
    assert found.answered.chunks == frames(found.sound)


def test_one_byte_at_a_time_is_one_byte_a_chunk(host: Host) -> None:
    """From the first to the last."""
    assert {len(chunk) for chunk in served(host, "one-byte-at-a-time").answered.chunks} == {1}


def test_split_frames_splits_lines_and_characters(host: Host) -> None:
    """Seven bytes a chunk, but for the last of each event; some are no UTF-8 by themselves."""
    found = served(host, "split-frames")
    sizes = [len(chunk) for chunk in found.answered.chunks]
    assert set(sizes) <= set(range(1, 8))
    assert sizes.count(7) > len(sizes) / 2
    ends = {len(found.sound[:end].decode("utf-8", "ignore").encode()) == end for end in accumulate(sizes)}
    assert ends == {True, False}


def test_all_in_one_write_is_one_chunk(host: Host) -> None:
    """With every event in it."""
    assert len(served(host, "all-in-one-write").answered.chunks) == 1


def test_gzip_is_gzip_event_by_event(host: Host) -> None:
    """Each chunk gives an event when it is decompressed, though nobody offered to take gzip; the checksum is right."""
    found = served(host, "gzip")
    assert found.answered.headers["content-encoding"] == "gzip"
    assert "content-length" not in found.answered.headers
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    pieces = [unzip.decompress(chunk) for chunk in found.answered.chunks]
    assert [piece for piece in pieces if piece] == frames(found.sound)
    assert unzip.eof


def test_bad_gzip_only_says_that_it_is(host: Host) -> None:
    """The head is wrong, the next answer is sound."""
    lab = loaded(host, "bad-gzip")
    with RawClient(lab.url) as client:
        first, second = client.ask(), client.ask()
    assert first.headers["content-encoding"] == "gzip"
    assert not first.body.startswith(b"\x1f\x8b")
    assert "content-encoding" not in second.headers


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("slow-headers", 3.0), ("silent-thinking-with-pings", 120.0), ("slow-drip", 9.0), ("keep-alive-pings", 60.0)],
)
def test_the_slow_ones_take_their_time(host: Host, name: str, seconds: float) -> None:
    """By the clock of the server."""
    found = served(host, name)
    assert found.seconds == pytest.approx(seconds)
    assert found.answered.ending == "complete"


def test_no_answer_is_silence(host: Host) -> None:
    """Not a byte, on a connection that stays open; the next call is answered."""
    lab = loaded(host, "no-answer")
    with RawClient(lab.url) as client:
        client.socket.sendall(request(f"{client.prefix}/v1/messages"))
        assert client.rest(watch=WATCH) == (b"", "open")
    with RawClient(lab.url) as client:
        assert client.ask().status == 200
    assert [call.status for call in lab.journal] == [None, 200]


HEADS: dict[str, tuple[int, dict[str, str | None]]] = {
    "gzip": (200, {"content-type": "text/event-stream; charset=utf-8"}),
    "html-502": (502, {"content-type": "text/html; charset=utf-8", "request-id": None, "server": None}),
    "json-instead-of-sse": (200, {"content-type": "application/json", "transfer-encoding": None}),
    "not-retryable-429": (
        429,
        {"x-should-retry": "false", "retry-after": None, "anthropic-ratelimit-input-tokens-remaining": "450000"},
    ),
    "rate-limited-no-hint": (429, {"retry-after": None, "retry-after-ms": None, "x-should-retry": None}),
    "rate-limited-retry-after": (429, {"retry-after": None, "retry-after-ms": "10", "x-should-retry": None}),
    "redirect": (307, {"location": "messages", "content-length": "0"}),
    "refused-key": (401, {"content-type": "application/json", "x-should-retry": "false"}),
    "request-too-large": (413, {"content-type": "application/json", "request-id": None}),
    "timeout-504": (504, {"content-type": "application/json", "retry-after": None}),
    "wrong-content-type": (200, {"content-type": "text/plain"}),
}
"""The status, and the headers that matter; None for one that does not come."""


@pytest.mark.parametrize("name", HEADS)
def test_the_head_is_that_of_the_symptom(host: Host, name: str) -> None:
    """A header that would give it away does not come."""
    status, headers = HEADS[name]
    answered = served(host, name).answered
    assert (answered.status, {key: answered.headers.get(key) for key in headers}) == (status, headers)


def test_a_page_in_html_is_no_json(host: Host) -> None:
    """Though the request asked for it."""
    answered = served(host, "html-502").answered
    assert answered.body.startswith(b"<html>")
    assert b"502" in answered.body


def test_a_message_comes_where_a_stream_was_asked_for(host: Host) -> None:
    """Whole, in one JSON body."""
    message = served(host, "json-instead-of-sse").answered.json
    assert (message["type"], message["content"][0]["text"]) == ("message", "This comes in one piece.")


def test_an_error_from_the_edge_is_bare(host: Host) -> None:
    """It has neither the outer type nor an id."""
    assert served(host, "request-too-large").answered.json == {
        "error": {"type": "request_too_large", "message": "Request exceeds the maximum size"}
    }


def test_blocks_come_out_of_order(host: Host) -> None:
    """One after the other, the second first."""
    assert blocks(host, "out-of-order-blocks") == [1, 1, 1, 0, 0, 0]


def test_blocks_come_in_turn(host: Host) -> None:
    """An event of the one, an event of the other, starting with their starts."""
    found = blocks(host, "interleaved-blocks")
    assert found[:6] == [0, 1, 0, 1, 0, 1]
    assert sorted(found) == [0] * found.count(0) + [1] * found.count(1)


def blocks(host: Host, name: str) -> list[int]:
    """Return the index of each event that has one, in the order in which they come."""
    events = [frame.event for frame in decode(served(host, name).answered.body)]
    return [event["index"] for event in events if event is not None and "index" in event]


@pytest.mark.parametrize(
    ("name", "news"),
    [
        ("unknown-event", '"type":"weather_report"'),
        ("unknown-delta", '"type":"hologram_delta"'),
        ("unknown-block", '"type":"hologram"'),
    ],
)
def test_news_comes_once(host: Host, name: str, news: str) -> None:
    """All else is as it would be without it."""
    found = served(host, name)
    (fresh,) = [frame for frame in frames(found.answered.body) if news.encode() in frame]
    stop = b'"index":1' if name == "unknown-block" else fresh
    rest = [frame for frame in frames(found.answered.body) if frame != fresh and stop not in frame]
    assert rest == frames(found.sound)


def test_each_error_comes_before_the_stream_and_in_it(host: Host) -> None:
    """Every one that there is: a status each, and then every type as an event."""
    lab = loaded(host, "error-of-each-type")
    types = list(dict.fromkeys(error.type for error in ERRORS.values()))
    with RawClient(lab.url) as client:
        first = [client.ask() for _ in ERRORS]
        then = [client.ask() for _ in types]
        last = client.ask()
    assert [(each.status, each.json["error"]["type"]) for each in first] == [
        (error.status, error.type) for error in ERRORS.values()
    ]
    assert {each.status: each.headers.get("x-should-retry") for each in first if each.status != 413} == {
        error.status: "false" for error in ERRORS.values() if error.status != 413
    }
    ends = [json.loads(each.chunks[-1].partition(b"data: ")[2]) for each in then]
    assert [(end["type"], end["error"]["type"]) for end in ends] == [("error", type_) for type_ in types]
    assert {each.status for each in then} == {200}
    assert b"event: message_stop" in last.body
