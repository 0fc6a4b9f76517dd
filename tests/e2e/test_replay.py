"""What was recorded comes back: through a cassette file and a real server to a client that sees every byte, and to the SDK."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import anthropic
import pytest
from raw_client import MESSAGE, WATCH, RawClient, request

import streamlab
from streamlab import Lab
from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.plan import EVENT_STREAM, Head, Headers
from streamlab.errors import CassetteWarning, VerificationError
from streamlab.files import cassette_document, tapes
from streamlab.files.cassette_writer import write_all
from streamlab.files.scenario import cassette

HEADERS: Headers = (("anthropic-version", "2023-06-01"),)
STREAM = Head(200, (("content-type", EVENT_STREAM), ("request-id", "req_011C"), ("transfer-encoding", "chunked")))
FRAMES = [
    (
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant",'
        b'"model":"claude-sonnet-4-6","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
    ),
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
    b'event: ping\ndata: {"type": "ping"}\n\n',
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    + '"delta":{"type":"text_delta","text":"Gr\u00fc\u00df"}  }\n\n'.encode(),
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n',
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}\n\n',
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
]
BODY = b"".join(FRAMES)


def body(text: str = "Hello", **more: Any) -> dict[str, Any]:
    """Return the body of a request in which this is said."""
    return {**MESSAGE, "messages": [{"role": "user", "content": text}], **more}


def asked(text: str = "Hello", **more: Any) -> Request:
    """Return that request as it is recorded."""
    return Request(headers=HEADERS, body=json.dumps(body(text, **more)).encode())


def cut(data: bytes, *places: int) -> list[bytes]:
    """Return the pieces of some data between these places."""
    return [data[start:end] for start, end in pairwise((0, *places, len(data)))]


def recorded(text: str, pieces: list[bytes], *, head: Head | None = STREAM, **changes: Any) -> Exchange:
    """Return an exchange whose answer came in these pieces, a millisecond after each other."""
    reads = tuple(Read(piece, number / 1000) for number, piece in enumerate(pieces))
    return Exchange(request=asked(text), head=head, reads=reads, **changes)


@contextmanager
def replaying(
    folder: Path, *exchanges: Exchange, header: dict[str, Any] | None = None, problem: str = "", **options: Any
) -> Iterator[Lab]:
    """Serve a cassette of these exchanges; nobody minds those that are not asked for. At the end, this is the problem."""
    path = folder / "cassette.yaml"
    write_all(path, exchanges, header=header)
    serving = streamlab.serve(str(path), **options)
    lab = serving.start()
    try:
        yield lab
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CassetteWarning)
            if problem:
                with pytest.raises(VerificationError, match=re.escape(problem)):
                    lab.verify()
            else:
                lab.verify()
    finally:
        serving.stop()


LAYOUTS = {
    "a read for each event": FRAMES,
    "one read": [BODY],
    "a byte a read": [BODY[index : index + 1] for index in range(len(BODY))],
    "cut inside characters and frames": cut(BODY, 3, 600, 601, 602, 700, len(BODY) - 1),
    "two events a read": [FRAMES[0] + FRAMES[1], FRAMES[2] + FRAMES[3], b"".join(FRAMES[4:])],
    "no body": [],
    "bytes that are no text": [b"\xff\xfe", b"\xef\xbb\xbfdata: \xc3", b"\xa9\r\n\r", b"\n"],
}
ENDINGS = {
    Ended.COMPLETE: "complete",
    Ended.END: "complete",
    Ended.UNKNOWN: "complete",
    Ended.FIN: "fin",
    Ended.TIMEOUT: "fin",
    Ended.REFUSED: "fin",
    Ended.RESET: "reset",
    Ended.LEFT: "open",
    Ended.INTERRUPTED: "open",
}


@pytest.mark.parametrize("pace", ["instant", "recorded x10"])
@pytest.mark.parametrize("pieces", LAYOUTS.values(), ids=LAYOUTS)
def test_each_read_comes_back_as_one_chunk(tmp_path: Path, pieces: list[bytes], pace: str) -> None:
    """At every pace."""
    with replaying(tmp_path, recorded("Hello", pieces), pace=pace) as lab, RawClient(lab.url) as client:
        answered = client.ask(request(body=body()))
        assert answered.chunks == pieces
        assert (answered.status, answered.ending, answered.headers["request-id"]) == (200, "complete", "req_011C")


@pytest.mark.parametrize("is_sized", [False, True], ids=["chunked", "with a length"])
@pytest.mark.parametrize("ended", ENDINGS)
def test_each_ending_comes_back(tmp_path: Path, ended: Ended, is_sized: bool) -> None:  # noqa: FBT001
    """After the same bytes, whether they came in chunks or with a length that was not reached."""
    pieces = cut(BODY, 100, 333)
    is_whole = ENDINGS[ended] == "complete"
    framing = ("content-length", str(len(BODY) + (0 if is_whole else 50))) if is_sized else ("transfer-encoding", "chunked")
    head = Head(200, (("content-type", EVENT_STREAM), framing))
    with replaying(tmp_path, recorded("Hello", pieces, head=head, ended=ended)) as lab, RawClient(lab.url) as client:
        answered = client.ask(request(body=body()), watch=WATCH if ENDINGS[ended] == "open" else 10)
        assert (answered.body, answered.ending) == (BODY, ENDINGS[ended])
        assert answered.headers.get("content-length") == (framing[1] if is_sized else None)


def test_a_corrupt_chunk_comes_back_corrupt(tmp_path: Path) -> None:
    """What stands in the place of its header is no number, and then the connection is closed."""
    with replaying(tmp_path, recorded("Hello", [BODY], ended=Ended.CORRUPT)) as lab, RawClient(lab.url) as client:
        client.socket.sendall(request(body=body()))
        raw, ending = client.rest()
        assert raw.endswith(b"\r\nXYZ\r\n")
        assert BODY in raw
        assert ending == "fin"


@pytest.mark.parametrize(
    ("ended", "ending"), [(Ended.REFUSED, "fin"), (Ended.RESET, "reset"), (Ended.FIN, "fin"), (Ended.LEFT, "open")]
)
def test_without_an_answer_the_connection_ends(tmp_path: Path, ended: Ended, ending: str) -> None:
    """Before any byte."""
    with replaying(tmp_path, recorded("Hello", [], head=None, ended=ended)) as lab, RawClient(lab.url) as client:
        client.socket.sendall(request(body=body()))
        assert client.rest(watch=WATCH if ending == "open" else 10) == (b"", ending)


def test_an_error_comes_back_with_its_headers(tmp_path: Path) -> None:
    """What tells a client when to come again is in them."""
    head = Head(
        529, (("content-type", "application/json"), ("retry-after", "7"), ("content-length", "11"), ("x-should-retry", "true"))
    )
    with replaying(tmp_path, recorded("Hello", [b'{"error":{}}'], head=head)) as lab, RawClient(lab.url) as client:
        answered = client.ask(request(body=body()))
        assert (answered.status, answered.json, answered.ending) == (529, {"error": {}}, "complete")
        assert (answered.headers["retry-after"], answered.headers["x-should-retry"]) == ("7", "true")
        assert answered.headers["content-length"] == "12"  # somebody has changed the body


def test_gzip_comes_back_byte_for_byte_or_as_text(tmp_path: Path) -> None:
    """As the client offers; and a fault finds its place in it either way."""
    packed = gzip.compress(BODY)
    pieces = cut(packed, 10, 11, 100)
    head = STREAM.with_headers([("content-encoding", "gzip")])
    takes = {"accept-encoding": "gzip, deflate"}
    with replaying(tmp_path, recorded("Hello", pieces, head=head)) as lab, RawClient(lab.url) as client:
        answered = client.ask(request(body=body(), headers={**takes}))
        assert (answered.chunks, answered.headers["content-encoding"]) == (pieces, "gzip")
        answered = client.ask(request(body=body()))
        assert (answered.body, answered.headers.get("content-encoding")) == (BODY, None)
        answered = client.ask(request(body=body(), headers={**takes, "x-streamlab-fault": "cut: fin, before: message_stop"}))
        assert (answered.ending, answered.headers["content-encoding"]) == ("fin", "gzip")


@pytest.mark.parametrize("pace", ["recorded", "recorded x10"])
def test_the_recorded_pace_keeps_the_gaps(tmp_path: Path, pace: str) -> None:
    """On the server's own clock, which the test holds no watch to: that of the head, each read, and the ending."""
    exchange = Exchange(
        request=asked(), head=STREAM, reads=(Read(FRAMES[0], 0.01), Read(BODY, 0.03)), first=0.02, ended_at=0.05
    )
    with replaying(tmp_path, exchange, pace=pace) as lab, RawClient(lab.url) as client:
        answered = client.ask(request(body=body()))
        assert answered.chunks == [FRAMES[0], BODY]
        (call,) = lab.journal
        assert call.duration is not None
        assert call.duration >= (0.07 if pace == "recorded" else 0.007)


def test_a_fault_on_top_leaves_the_other_chunks_as_they_were(tmp_path: Path) -> None:
    """One event is dropped; those before and after it still come in the reads they came in."""
    pieces = [*cut(FRAMES[0], 50), *FRAMES[1:3], *cut(FRAMES[3], 90, 91), *FRAMES[4:]]
    with replaying(tmp_path, recorded("Hello", pieces), faults="drop: content_block_stop") as lab, RawClient(lab.url) as client:
        assert client.ask(request(body=body())).chunks == [piece for piece in pieces if piece != FRAMES[4]]


def test_a_miss_fails_the_test_with_the_nearest_exchange(tmp_path: Path) -> None:
    """And tells the client the same, in a way that it does not try again."""
    problem = (
        "no recorded exchange matches this request; the nearest is exchange 2 of 'cassette': "
        "body.messages.0.content: recorded 'Hello', got 'Hullo'"
    )
    exchanges = [recorded("Bye", FRAMES), recorded("Hello", FRAMES)]
    asked = "model 'claude-sonnet-4-6', stream true, turn 1, last_user 'Hullo'"
    said = f"call 1, POST /v1/messages: {problem}\n  it asked: {asked}\nthe calls were:\n"
    with replaying(tmp_path, *exchanges, problem=said) as lab, RawClient(lab.url) as client:
        answered = client.ask(request(body=body("Hullo")))
        assert (answered.status, answered.headers["x-should-retry"]) == (404, "false")
        assert answered.json["error"]["message"] == f"streamlab: {problem}"
        assert lab.journal[0].problem == problem


def test_exchanges_that_are_not_asked_for_are_a_warning(tmp_path: Path) -> None:
    """At the end, when nothing else is wrong."""
    path = tmp_path / "c.yaml"
    write_all(path, [recorded(str(number), FRAMES) for number in range(14)])
    with pytest.warns(CassetteWarning) as caught, streamlab.serve(str(path)) as lab, RawClient(lab.url) as client:
        client.ask(request(body=body("1")))
    assert [str(each.message) for each in caught] == [
        "'c': exchanges 1, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more of 14 not asked for"
    ]


def test_what_should_be_known_of_a_cassette_is_a_warning(tmp_path: Path) -> None:
    """When it is served, and when it is loaded."""
    path = tmp_path / "c.yaml"
    write_all(path, [])
    with path.open("a") as file:
        file.write("---\nrequest:\n  method: POST\n")
    warning = f"{path}: line 5: the last exchange is cut off in its request; it is left out"
    with pytest.warns(CassetteWarning) as caught:
        streamlab.serve(str(path))
    assert [str(each.message) for each in caught] == [warning]
    with streamlab.serve() as lab:
        with pytest.warns(CassetteWarning) as caught:
            lab.load(str(path))
        assert [(str(each.message), each.filename) for each in caught] == [(warning, __file__)]


def test_identical_requests_at_once_get_an_exchange_each(tmp_path: Path) -> None:
    """Eight clients, a hundred times: each exchange is given once, and what follows them is the last."""
    count = 40
    exchanges = [recorded("Hello", [f"data: {number}\n\n".encode()]) for number in range(count)]
    start = threading.Barrier(8)
    with replaying(tmp_path, *exchanges) as lab:

        def many(_: int) -> list[bytes]:
            start.wait()
            with RawClient(lab.url) as client:
                return [client.ask(request(body=body())).body for _ in range(count // 8 + 1)]

        with ThreadPoolExecutor(8) as pool:
            found = [each for answers in pool.map(many, range(8)) for each in answers]
        names = [call.rule for call in lab.journal]
    expected = [f"data: {number}\n\n".encode() for number in range(count)] + [f"data: {count - 1}\n\n".encode()] * 8
    assert sorted(found) == sorted(expected)
    assert names == [f"cassette exchange {number + 1}" for number in range(count)] + [f"cassette exchange {count}"] * 8


def test_what_the_header_says_counts(tmp_path: Path) -> None:
    """Paths that are ignored, ids and dates that are normalised, what is secret, and what comes after the last exchange."""
    header = {
        "match": {"ignore": ["metadata", "system"], "normalise": ["ids", "dates"]},
        "repeat": "none",
        "redact": ["cust_[0-9]+"],
    }
    exchange = recorded("On 2026-01-01, [redacted] asked msg_01AbcdefghijklmnopqrstuvW", FRAMES)
    problem = "in 'cassette', exchange 1 has been given"
    with replaying(tmp_path, exchange, header=header, problem=problem) as lab, RawClient(lab.url) as client:
        now = body("On 2027-02-02, cust_17 asked msg_01ZbcdefghijklmnopqrstuvW", system="Be brief.")
        assert client.ask(request(body=now)).body == BODY
        assert client.ask(request(body=now)).status == 404


def test_exchanges_are_replies_in_python(tmp_path: Path) -> None:
    """All of a cassette in turn, or one, for any request that the rule answers."""
    path = tmp_path / "c.yaml"
    write_all(path, [recorded("A", FRAMES[:3]), recorded("B", FRAMES)])
    with streamlab.serve() as lab, RawClient(lab.url) as client:
        lab.reply(cassette(path))
        lab.reply(cassette(path, exchange=2), times=2)
        whole = [client.ask(request(body=body("anything"))).body for _ in range(3)]
        assert whole == [b"".join(FRAMES[:3]), BODY, BODY]
        answered = client.ask(request(body={key: value for key, value in body("anything").items() if key != "stream"}))
        assert answered.json["content"] == [{"type": "text", "text": "Gr\u00fc\u00df"}]


def test_a_stream_that_was_answered_without_being_asked_for_comes_back(tmp_path: Path) -> None:
    """Whoever asks for no stream gets what was recorded so, and nothing that was recorded for a stream."""
    plain = {key: value for key, value in body("Hello").items() if key != "stream"}
    only_stream = recorded("Hello", FRAMES)
    both = Exchange(request=Request(headers=HEADERS, body=json.dumps(plain).encode()), head=STREAM, reads=(Read(FRAMES[2]),))
    with replaying(tmp_path, only_stream, both) as lab, RawClient(lab.url) as client:
        assert client.ask(request(body=plain)).body == FRAMES[2]
    with replaying(tmp_path, only_stream, problem="stream: recorded true, got false") as lab, RawClient(lab.url) as client:
        assert client.ask(request(body=plain)).status == 404


def test_cassettes_and_scenarios_stand_side_by_side(tmp_path: Path) -> None:
    """What was not recorded is answered by the rule after it."""
    (tmp_path / "z.yaml").write_text("reply: Made up.\n", encoding="utf-8")
    write_all(tmp_path / "a.yaml", [recorded("Hello", FRAMES)])
    with streamlab.serve(str(tmp_path)) as lab, RawClient(lab.url) as client:
        assert client.ask(request(body=body("Hello"))).body == BODY
        assert b"Made" in client.ask(request(body=body("Other"))).body
        assert [call.rule for call in lab.journal] == ["a exchange 1", "z"]


def test_a_cassette_that_changes_while_it_is_served_is_an_error_of_the_call(tmp_path: Path) -> None:
    """And not of the server."""
    problem = "the cassette has changed since it was opened"
    with replaying(tmp_path, recorded("Hello", FRAMES), problem=problem) as lab, RawClient(lab.url) as client:
        write_all(tmp_path / "cassette.yaml", [recorded("Hello", [])])
        assert client.ask(request(body=body())).status == 500


@pytest.fixture(scope="module")
def streams(recorded_streams: list[Path]) -> dict[str, bytes]:
    """Read each recorded stream, by its name."""
    assert len(recorded_streams) > 300
    return {path.stem: path.read_bytes() for path in recorded_streams}


def test_recorded_streams_come_back_through_a_cassette(tmp_path: Path, streams: dict[str, bytes]) -> None:
    """Cut anywhere: the same bytes, by their digest, in the same pieces; the SDK reads the same from both."""
    lots = Random(5)
    pieces = {
        name: cut(data, *sorted(lots.sample(range(1, len(data)), min(20, len(data) - 1)))) for name, data in streams.items()
    }
    exchanges = [recorded(name, pieces[name]) for name in streams]
    with replaying(tmp_path, *exchanges) as lab:
        with RawClient(lab.url) as client:
            for name, data in streams.items():
                answered = client.ask(request(body=body(name)))
                assert hashlib.sha256(answered.body).digest() == hashlib.sha256(data).digest(), name
                assert answered.chunks == pieces[name], name
        path = tmp_path / "one.sse"
        for name in list(streams)[::12]:
            path.write_bytes(streams[name])
            with streamlab.serve(str(path)) as memory:
                assert message(lab, name) == message(memory, name), name


def message(lab: Lab, name: str) -> dict[str, Any]:
    """Return the message that the SDK reads from the answer to this."""
    asked_for = {key: value for key, value in body(name).items() if key != "stream"}
    with (
        anthropic.Anthropic(api_key="key", base_url=lab.url, max_retries=0) as client,
        client.messages.stream(**asked_for) as stream,
    ):
        return stream.get_final_message().model_dump(warnings=False)


# Long recordings.


@pytest.fixture
def _all_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cassette_document, "_LONG", 0)
    monkeypatch.setattr(tapes, "_READ_WHOLE", 0)


@pytest.mark.usefixtures("_all_are_long")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("pace", ["instant", "recorded x1000", "1000000/s"])
def test_a_long_answer_comes_back_as_any_other(tmp_path: Path, layout: str, pace: str) -> None:
    """Though it is read from the file while it is sent."""
    pieces = LAYOUTS[layout]
    with replaying(tmp_path, recorded("Hello", pieces), pace=pace) as lab, RawClient(lab.url) as client:
        answered = client.ask(request(f"{client.prefix}/v1/messages", body=body()))
        assert (answered.status, answered.ending, answered.chunks) == (200, "complete", pieces)
        assert lab.journal.only.events_sent == (6 if b"".join(pieces) == BODY else 0)


@pytest.mark.usefixtures("_all_are_long")
def test_a_fault_finds_its_place_in_a_long_answer(tmp_path: Path) -> None:
    """It is taken into memory for it."""
    with (
        replaying(tmp_path, recorded("Hello", [BODY]), faults="cut: reset, after: delta 1") as lab,
        RawClient(lab.url) as client,
    ):
        answered = client.ask(request(f"{client.prefix}/v1/messages", body=body()))
        assert (answered.ending, answered.body) == ("reset", b"".join(FRAMES[:4]))


@pytest.mark.usefixtures("_all_are_long")
def test_a_long_answer_that_is_damaged_breaks_off_and_fails_the_test(tmp_path: Path) -> None:
    """What is wrong, and where, is said; the next request is answered."""
    whole, damaged = recorded("Hello", [BODY] * 4000), recorded("Again", [BODY])
    path = tmp_path / "cassette.yaml"
    write_all(path, [whole, damaged])
    lines = path.read_text().splitlines(keepends=True)
    number = max(index for index, line in enumerate(lines[:-30]) if "message_stop" in line)
    lines[number] = lines[number].replace("message_stop", "⟦0⟧", 1)
    path.write_text("".join(lines))
    serving = streamlab.serve(str(path))
    lab = serving.start()
    try:
        with RawClient(lab.url) as client:
            answered = client.ask(request(f"{client.prefix}/v1/messages", body=body()))
        assert (answered.status, answered.ending) == (200, "reset")
        assert b"".join([BODY] * 4000).startswith(answered.body)
        with RawClient(lab.url) as client:
            assert client.ask(request(f"{client.prefix}/v1/messages", body=body("Again"))).body == BODY
        with pytest.raises(VerificationError, match=rf"cassette\.yaml:{number + 1}:\d+: response\.body: "):
            lab.verify()
    finally:
        serving.stop()
