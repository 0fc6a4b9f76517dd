"""Tests of actions: a plan and its times as the bytes, waits and endings of HTTP/1.1."""

from __future__ import annotations

import io
import zlib
from dataclasses import replace
from http.client import HTTPResponse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core.actions import Abort, Action, Finish, Framing, Hang, Send, Wait, head_bytes, script
from streamlab.core.events import PING
from streamlab.core.plan import Coding, Ending, Head, Headers, Plan, compressed
from streamlab.core.sse import Frame, Split

CHUNKED = Framing()
OLD = Framing(chunked=False, keep_alive=False)
OLD_KEPT = Framing(chunked=False)
CLOSING = Framing(keep_alive=False)
HEAD = Framing(has_body=False)

EVENT = Frame(b'event: a\ndata: {"type":"a"}\n\n')
OTHER = Frame(b'event: b\ndata: {"type":"b"}\n\n')
TEXT = Frame(b"hello")
STREAM = (("content-type", "text/event-stream"),)
START = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n"
END = b"0\r\n\r\n"
DONE = Finish(Ending.COMPLETE, keep_alive=True)


def chunk(*frames: Frame) -> bytes:
    """Return each frame as one chunk."""
    return b"".join(b"%x\r\n%b\r\n" % (len(frame.raw), frame.raw) for frame in frames)


def actions(
    *timed: Frame | tuple[float, Frame],
    headers: Headers = STREAM,
    status: int = 200,
    ending: Ending = Ending.COMPLETE,
    framing: Framing = CHUNKED,
    first: float = 0.0,
) -> list[Action]:
    """Return the script of frames; one without a time is due at once."""
    due = [(0.0, each) if isinstance(each, Frame) else each for each in timed]
    plan = Plan(Head(status, headers), tuple(frame for _, frame in due), ending)
    return list(script(plan, due, framing, first=first))


def sent(found: list[Action]) -> bytes:
    """Return everything that a script sends."""
    return b"".join(action.data for action in found if isinstance(action, Send))


class _Socket:
    """What http.client reads an answer from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: Any, **__: Any) -> io.BytesIO:
        return io.BytesIO(self._data)


def parse(data: bytes, method: str = "POST") -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body as Python's own client reads them."""
    with HTTPResponse(_Socket(data), method=method) as response:  # type: ignore[arg-type]
        response.begin()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def test_what_is_due_together_is_one_write() -> None:
    """Head, frames and end mark go out in one piece at the pace instant."""
    assert actions(EVENT, PING, OTHER) == [Send(START + chunk(EVENT, PING, OTHER) + END, events=2), DONE]


def test_an_answer_without_frames_is_a_head_and_an_end_mark() -> None:
    """The body may be empty."""
    assert actions() == [Send(START + END), DONE]


def test_each_time_is_a_write_after_a_wait() -> None:
    """What is not yet due waits; what is due with it goes with it."""
    assert actions(EVENT, (0.5, EVENT), (0.5, OTHER), (2.0, OTHER)) == [
        Send(START + chunk(EVENT), events=1),
        Wait(0.5),
        Send(chunk(EVENT, OTHER), events=2),
        Wait(2.0),
        Send(chunk(OTHER) + END, events=1),
        DONE,
    ]


def test_the_head_does_not_wait_for_the_first_frame() -> None:
    """A client sees the headers at once, however late the first token is."""
    assert actions((3.0, EVENT)) == [Send(START), Wait(3.0), Send(chunk(EVENT) + END, events=1), DONE]


def test_the_first_wait_comes_before_everything() -> None:
    """`first` holds back the head too, and moves all the other times."""
    assert actions(EVENT, (0.5, OTHER), first=2.0) == [
        Wait(2.0),
        Send(START + chunk(EVENT), events=1),
        Wait(2.5),
        Send(chunk(OTHER) + END, events=1),
        DONE,
    ]


def test_an_event_is_counted_when_it_is_complete() -> None:
    """Neither a ping nor half of an event nor text that is no event is one."""
    half = Frame(EVENT.raw[:10])
    assert [action.events for action in actions(EVENT, PING, half, TEXT) if isinstance(action, Send)] == [1]


def test_a_split_frame_is_a_chunk_and_a_write_for_each_piece() -> None:
    """The pieces do not share a write with what precedes them, and the last of them completes the event."""
    split = Frame(EVENT.raw, splits=(Split(4), Split(9, 0.25)))
    first, second, third = Frame(EVENT.raw[:4]), Frame(EVENT.raw[4:9]), Frame(EVENT.raw[9:])
    assert actions(OTHER, split) == [
        Send(START + chunk(OTHER), events=1),
        Send(chunk(first)),
        Send(chunk(second)),
        Wait(0.25),
        Send(chunk(third) + END, events=1),
        DONE,
    ]


def test_what_follows_a_split_frame_is_a_write_of_its_own() -> None:
    """The last piece does not share one with the next frame, nor does the first piece of the next split frame."""
    split, other = Frame(EVENT.raw, splits=(Split(4),)), Frame(OTHER.raw, splits=(Split(6),))
    assert actions(split, other, PING, EVENT) == [
        Send(START),
        Send(chunk(Frame(EVENT.raw[:4]))),
        Send(chunk(Frame(EVENT.raw[4:])), events=1),
        Send(chunk(Frame(OTHER.raw[:6]))),
        Send(chunk(Frame(OTHER.raw[6:])), events=1),
        Send(chunk(PING, EVENT) + END, events=1),
        DONE,
    ]


def test_what_was_recorded_in_pieces_is_pieces_in_one_write() -> None:
    """Each piece is a chunk; what is due together goes together, as no fault asked for more."""
    split = Frame(EVENT.raw, splits=(Split(4, apart=False), Split(9, apart=False)))
    pieces = (Frame(EVENT.raw[:4]), Frame(EVENT.raw[4:9]), Frame(EVENT.raw[9:]))
    assert actions(OTHER, split, PING) == [Send(START + chunk(OTHER, *pieces, PING) + END, events=2), DONE]
    mixed = Frame(EVENT.raw, splits=(Split(4, apart=False), Split(9)))
    assert [type(action) for action in actions(OTHER, mixed)] == [Send, Send, Send, Send, Finish]


def test_joined_frames_are_one_chunk() -> None:
    """With all their events, when the last of them is due."""
    joined = replace(OTHER, joined=True)
    one = Frame(EVENT.raw + OTHER.raw)
    assert actions(EVENT, joined, PING) == [Send(START + chunk(one, PING) + END, events=2), DONE]
    assert actions((1.0, EVENT), (2.0, joined), (2.0, PING)) == [
        Send(START),
        Wait(2.0),
        Send(chunk(one, PING) + END, events=2),
        DONE,
    ]
    assert actions(joined, EVENT) == [Send(START + chunk(OTHER, EVENT) + END, events=2), DONE]
    late = actions(EVENT, (3.0, Frame(b"", wait=3.0, joined=True)))
    assert late == [Send(START), Wait(3.0), Send(chunk(EVENT) + END, events=1), DONE]


def test_a_split_frame_that_is_joined_is_so_with_its_first_piece() -> None:
    """Its other pieces are chunks, and writes, of their own."""
    joined = Frame(OTHER.raw, splits=(Split(3, 0.5),), joined=True)
    assert actions(EVENT, joined) == [
        Send(START + chunk(Frame(EVENT.raw + OTHER.raw[:3])), events=1),
        Wait(0.5),
        Send(chunk(Frame(OTHER.raw[3:])) + END, events=1),
        DONE,
    ]


def test_the_head_may_be_late() -> None:
    """Its own silence comes after the pace's, and moves all that follows."""
    plan = Plan(Head(200, STREAM, wait=2.0), (EVENT, OTHER))
    assert list(script(plan, [(0.0, EVENT), (1.0, OTHER)], CHUNKED, first=0.5)) == [
        Wait(2.5),
        Send(START + chunk(EVENT), events=1),
        Wait(3.5),
        Send(chunk(OTHER) + END, events=1),
        DONE,
    ]


@pytest.mark.parametrize(
    ("ending", "last"),
    [(Ending.FIN, Abort(Ending.FIN)), (Ending.RESET, Abort(Ending.RESET)), (Ending.HANG, Hang())],
)
def test_an_answer_may_end_before_its_head(ending: Ending, last: Action) -> None:
    """Not a byte of it is sent, after a silence if one is asked for."""
    plan = Plan(Head(200, STREAM, is_sent=False), (), ending)
    assert list(script(plan, [], CHUNKED)) == [last]
    late = replace(plan, head=replace(plan.head, wait=2.0))
    assert list(script(late, [], CHUNKED)) == [Wait(2.0), last]


def test_a_corrupt_chunk_stands_where_a_size_belongs() -> None:
    """After it the connection is closed; where no chunks are sent there is none to be corrupt."""
    plan = Plan(Head(200, STREAM), (EVENT,), Ending.CORRUPT, trailing=b"XYZ\r\n")
    assert list(script(plan, [(0.0, EVENT)], CHUNKED)) == [
        Send(START + chunk(EVENT) + b"XYZ\r\n", events=1),
        Abort(Ending.CORRUPT),
    ]
    for framing in (OLD, OLD_KEPT):
        found = list(script(plan, [(0.0, EVENT)], framing))
        assert sent(found).endswith(b"\r\n\r\n" + EVENT.raw)
        assert found[-1] == Abort(Ending.CORRUPT)
    assert b"XYZ" not in sent(list(script(plan, [(0.0, EVENT)], HEAD)))


@pytest.mark.parametrize("ending", list(Ending))
def test_bytes_trail_only_a_body_that_has_an_end(ending: Ending) -> None:
    """After its end mark, or after the last byte that its length counts; after no body, none."""
    trails = ending in (Ending.COMPLETE, Ending.END)
    plan = Plan(Head(200, STREAM), (EVENT,), ending, trailing=b"x")
    found = list(script(plan, [(0.0, EVENT)], CHUNKED))
    mark = {True: END + b"x", False: b"x" if ending is Ending.CORRUPT else b""}[trails]
    assert found[0] == Send(START + chunk(EVENT) + mark, events=1)
    sized = Plan(Head(200, LENGTH), (TEXT,), ending, trailing=b"x")
    found = list(script(sized, [(0.0, TEXT)], CHUNKED))
    assert sent(found).endswith(b"hellox" if trails else b"hello")
    assert not sent(list(script(plan, [(0.0, EVENT)], HEAD))).endswith(b"x")


def test_a_split_without_chunks_is_separate_writes() -> None:
    """Where no chunks may be sent, the pieces still go out one by one."""
    split = Frame(b"hello", splits=(Split(2),))
    found = actions(split, headers=(("content-length", "5"),))
    assert [action.data for action in found[1:-1] if isinstance(action, Send)] == [b"he", b"llo"]


def test_an_empty_frame_sends_nothing_and_waits() -> None:
    """It stands for a silence at the end; an empty chunk would end the body."""
    assert actions(EVENT, (4.0, Frame(b"", wait=4.0))) == [
        Send(START + chunk(EVENT), events=1),
        Wait(4.0),
        Send(END),
        DONE,
    ]


def test_a_silence_before_a_cut_is_kept() -> None:
    """Nothing is left to send after it, and the ending still waits for it."""
    found = actions(EVENT, (4.0, Frame(b"", wait=4.0)), ending=Ending.RESET)
    assert found == [Send(START + chunk(EVENT), events=1), Wait(4.0), Abort(Ending.RESET)]


@pytest.mark.parametrize(
    ("ending", "mark", "last"),
    [
        (Ending.COMPLETE, END, Finish(Ending.COMPLETE, keep_alive=True)),
        (Ending.END, END, Finish(Ending.END, keep_alive=True)),
        (Ending.FIN, b"", Abort(Ending.FIN)),
        (Ending.RESET, b"", Abort(Ending.RESET)),
        (Ending.HANG, b"", Hang()),
        (Ending.CORRUPT, b"", Abort(Ending.CORRUPT)),
    ],
)
def test_endings(ending: Ending, mark: bytes, last: Action) -> None:
    """Only an answer that HTTP calls whole has its end mark; each ending is an action of its own."""
    assert actions(EVENT, ending=ending) == [Send(START + chunk(EVENT) + mark, events=1), last]


LENGTH = (("content-length", "5"),)
SIZED = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: %b\r\n\r\n"
UNSIZED = b"HTTP/1.1 200 OK\r\nconnection: %b\r\n\r\n"


@pytest.mark.parametrize(
    ("headers", "framing", "head", "body", "is_kept"),
    [
        (LENGTH, CHUNKED, SIZED % b"keep-alive", b"hello", True),
        (LENGTH, CLOSING, SIZED % b"close", b"hello", False),
        (LENGTH, OLD_KEPT, SIZED % b"keep-alive", b"hello", True),
        (LENGTH, HEAD, SIZED % b"keep-alive", b"", True),
        ((), OLD_KEPT, UNSIZED % b"close", b"hello", False),
        ((), OLD, UNSIZED % b"close", b"hello", False),
        ((), HEAD, UNSIZED % b"keep-alive", b"", True),
        (
            (),
            CLOSING,
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",
            b"5\r\nhello\r\n0\r\n\r\n",
            False,
        ),
        ((("connection", "close"),), HEAD, b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", b"", False),
        (
            (("Connection", "Close"), *LENGTH),
            CHUNKED,
            b"HTTP/1.1 200 OK\r\nConnection: Close\r\ncontent-length: 5\r\n\r\n",
            b"hello",
            False,
        ),
        (
            (("transfer-encoding", "chunked"),),
            CHUNKED,
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n",
            b"5\r\nhello\r\n0\r\n\r\n",
            True,
        ),
    ],
)
def test_framing(headers: Headers, framing: Framing, head: bytes, body: bytes, is_kept: bool) -> None:  # noqa: FBT001
    """A body is chunked, or has its length, or ends with the connection; a header is never written twice."""
    assert actions(TEXT, headers=headers, framing=framing) == [Send(head + body), Finish(Ending.COMPLETE, keep_alive=is_kept)]


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body_send_none(status: int) -> None:
    """Neither chunks nor an end mark follow the head, and the connection is kept."""
    found = actions(TEXT, headers=(), status=status)
    assert sent(found).endswith(b"connection: keep-alive\r\n\r\n")
    assert b"transfer-encoding" not in sent(found)
    assert found[-1] == DONE


def test_no_content_has_no_length() -> None:
    """HTTP forbids the length with 204, where an answer without a body would else have one of 0."""
    assert b"content-length" not in sent(actions(headers=(("content-length", "0"),), status=204))
    assert b"content-length: 5" in sent(actions(headers=LENGTH, status=304))


@pytest.mark.parametrize("ending", [Ending.COMPLETE, Ending.END])
def test_a_connection_is_closed_after_a_body_of_another_length_than_the_head_states(ending: Ending) -> None:
    """Whoever waits for the rest, or takes what is too much for the next answer, is not to be served on it."""
    for raw in (b"hel", b"hello!"):
        found = actions(Frame(raw), headers=LENGTH, ending=ending)
        assert (sent(found), found[-1]) == (SIZED % b"keep-alive" + raw, Abort(Ending.FIN))
    assert actions(Frame(b"hello"), headers=LENGTH, ending=ending)[-1] == Finish(ending, keep_alive=True)
    assert actions(headers=LENGTH, ending=ending, framing=Framing(has_body=False))[-1] == Finish(ending, keep_alive=True)
    assert actions(Frame(b"hel"), headers=LENGTH, ending=Ending.RESET)[-1] == Abort(Ending.RESET)


def test_a_large_answer_is_several_writes() -> None:
    """So that a slow client holds back the making of what follows."""
    large = Frame(b"x" * 200_000)
    found = actions(large, large, large)
    assert [len(action.data) > 200_000 for action in found if isinstance(action, Send)] == [True, True]
    assert parse(sent(found))[2] == b"x" * 600_000


def test_scripts_are_made_as_they_are_asked_for() -> None:
    """An answer that never ends can be begun."""

    def endless() -> Any:
        while True:
            yield 0.0, Frame(b"x" * 100_000)

    begun = iter(script(Plan(Head()), endless(), CHUNKED))
    assert isinstance(next(begun), Send)
    assert isinstance(next(begun), Send)


@pytest.mark.parametrize(
    ("head", "line"),
    [
        (Head(529), b"HTTP/1.1 529 Overloaded\r\n"),
        (Head(418), b"HTTP/1.1 418 I'm a Teapot\r\n"),
        (Head(599), b"HTTP/1.1 599 Unknown\r\n"),
    ],
)
def test_the_reason_is_that_of_the_status(head: Head, line: bytes) -> None:
    """HTTP's own phrases, the API's for 529, and something for all others."""
    assert head_bytes(head, is_chunked=False, is_kept=True).startswith(line)


def test_headers_keep_their_order_their_case_and_their_repeats() -> None:
    """What cannot be said in Latin-1 becomes a question mark."""
    head = Head(200, (("X-B", "1"), ("set-cookie", "a"), ("set-cookie", "b"), ("x-a", "ü€")))
    assert head_bytes(head, is_chunked=True, is_kept=False) == (
        b"HTTP/1.1 200 OK\r\nX-B: 1\r\nset-cookie: a\r\nset-cookie: b\r\nx-a: \xfc?\r\n"
        b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    )


FRAMES = st.lists(
    st.tuples(
        st.floats(0, 5),
        st.binary(max_size=40).flatmap(
            lambda raw: st.builds(
                Frame,
                st.just(raw),
                splits=st.lists(st.integers(0, len(raw)), max_size=3).map(
                    lambda offsets: tuple(Split(offset, 0.1) for offset in sorted(offsets))
                ),
            )
        ),
    ),
    max_size=8,
)


@given(FRAMES, st.sampled_from([CHUNKED, CLOSING, OLD, OLD_KEPT]), st.booleans())
def test_any_whole_answer_is_read_back(timed: list[tuple[float, Frame]], framing: Framing, is_sized: bool) -> None:  # noqa: FBT001
    """However it is framed, split and timed, a client reads the bytes of the plan, and waits only ever grow."""
    timed = sorted(timed, key=lambda each: each[0])
    body = b"".join(frame.raw for _, frame in timed)
    headers = (("content-length", str(len(body))),) if is_sized else ()
    plan = Plan(Head(200, headers), tuple(frame for _, frame in timed))
    found = list(script(plan, timed, framing))
    assert parse(sent(found))[2] == body
    waits = [action.until for action in found if isinstance(action, Wait)]
    assert waits == sorted(waits)
    assert isinstance(found[-1], Finish)
    assert all(action.data for action in found if isinstance(action, Send))


@given(FRAMES)
def test_nothing_but_the_head_answers_a_head_request(timed: list[tuple[float, Frame]]) -> None:
    """Not even the waits of the body remain."""
    found = list(script(Plan(Head(200, LENGTH), ()), timed, HEAD))
    assert found == [Send(SIZED % b"keep-alive"), DONE]


def test_a_compressed_answer_arrives_event_by_event() -> None:
    """Each frame is flushed, so that what has been sent can be read; the last block and the checksum come at the end."""
    plan = compressed(Plan(Head(200, (*STREAM, *LENGTH)), (EVENT, OTHER)))
    found = list(script(plan, [(0.0, EVENT), (1.0, OTHER)], CHUNKED))
    assert [type(action) for action in found] == [Send, Wait, Send, Finish]
    assert [action.events for action in found if isinstance(action, Send)] == [1, 1]
    status, headers, body = parse(sent(found))
    assert (status, headers["content-encoding"], "content-length" in headers) == (200, "gzip", False)
    assert zlib.decompress(body, wbits=31) == EVENT.raw + OTHER.raw
    first = found[0]
    assert isinstance(first, Send)
    head, _, rest = first.data.partition(b"\r\n\r\n")
    assert b"content-encoding: gzip" in head
    data = rest.split(b"\r\n", 1)[1][:-2]
    assert zlib.decompressobj(wbits=31).decompress(data) == EVENT.raw


@pytest.mark.parametrize(
    ("ending", "is_whole"),
    [(Ending.COMPLETE, True), (Ending.END, True), (Ending.FIN, False), (Ending.RESET, False), (Ending.HANG, False)],
)
def test_a_compressed_answer_that_is_cut_lacks_its_end(ending: Ending, is_whole: bool) -> None:  # noqa: FBT001
    """Where HTTP is to see nothing wrong, gzip sees nothing wrong either."""
    plan = replace(compressed(Plan(Head(200, STREAM), (EVENT, Frame(b"", wait=0.0)))), ending=ending)
    body = parse(sent(list(script(plan, [(0.0, frame) for frame in plan.frames], OLD))))[2]
    reader = zlib.decompressobj(wbits=31)
    assert reader.decompress(body) == EVENT.raw
    assert reader.eof is is_whole


@pytest.mark.parametrize(
    ("coding", "error"),
    [(Coding.BAD_CHECKSUM, "incorrect data check"), (Coding.NO_TRAILER, None), (Coding.GZIP, None)],
)
def test_a_compressed_body_may_be_wrong_at_its_end(coding: Coding, error: str | None) -> None:
    """All of its text can be read; then the checksum is that of other bytes, or there is no end."""
    plan = replace(compressed(Plan(Head(200, STREAM), (EVENT, OTHER))), coding=coding)
    body = parse(sent(list(script(plan, [(0.0, EVENT), (0.0, OTHER)], CHUNKED))))[2]
    reader = zlib.decompressobj(wbits=31)
    assert reader.decompress(body[:-8] if error else body) == EVENT.raw + OTHER.raw
    if error:
        with pytest.raises(zlib.error, match=error):
            reader.decompress(body[-8:])
        sound = parse(sent(list(script(replace(plan, coding=Coding.GZIP), [(0.0, EVENT), (0.0, OTHER)], CHUNKED))))[2]
        assert [one == two for one, two in zip(body, sound, strict=True)] == [
            *[True] * (len(body) - 8),
            *[False] * 4,
            *[True] * 4,
        ]
    else:
        assert reader.eof is (coding is Coding.GZIP)


def test_a_body_that_only_says_that_it_is_compressed_is_not() -> None:
    """The head says gzip, and the bytes are those of the plan."""
    plan = replace(compressed(Plan(Head(200, STREAM), (EVENT,))), coding=Coding.IDENTITY)
    found = sent(list(script(plan, [(0.0, EVENT)], CHUNKED)))
    assert b"content-encoding: gzip\r\n" in found
    assert found.endswith(chunk(EVENT) + END)


def test_an_empty_piece_of_a_compressed_body_sends_nothing() -> None:
    """A silence, or two splits at one byte, make no chunk of a flush alone."""
    split = Frame(EVENT.raw, splits=(Split(4), Split(4, 1.0)))
    plan = compressed(Plan(Head(200, STREAM), (split,)))
    found = list(script(plan, [(0.0, split)], CHUNKED))
    assert [type(action) for action in found] == [Send, Send, Wait, Send, Finish]
    assert zlib.decompress(parse(sent(found))[2], wbits=31) == EVENT.raw


def test_a_compressed_answer_has_no_body_for_a_head_request() -> None:
    """Not even the end of an empty one."""
    found = list(script(compressed(Plan(Head(200, STREAM), (EVENT,))), [(0.0, EVENT)], HEAD))
    assert sent(found).endswith(b"\r\n\r\n")
    assert sent(found).count(b"\r\n\r\n") == 1
