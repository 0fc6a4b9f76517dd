"""Redaction read by read: a secret is found wherever a read cuts it, and nothing else is changed."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core import read_redaction as module
from streamlab.core.exchange import Read
from streamlab.core.read_redaction import ReadRedactor
from streamlab.core.redaction import redact_bytes

KEY = b"sk-ant-api03-" + b"x1" * 12
FRAMES = [
    b'event: ping\ndata: {"type": "ping"}\n\n',
    b'event: content_block_delta\ndata: {"text":"my key is %b, keep it"}\n\n' % KEY,
    b"data: \xff\xc3 cust_1234\r\n\r\n",
    b": \xe2\x9f\xa6\r\r",
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
]
STREAM = b"".join(FRAMES)
PATTERNS = (re.compile("cust_[0-9]+"),)


def redacted(pieces: list[bytes], *, is_stream: bool = True) -> tuple[list[Read], ReadRedactor]:
    """Return what comes of these reads, which come a second after each other."""
    redactor = ReadRedactor(PATTERNS, is_stream=is_stream)
    reads = [each for at, piece in enumerate(pieces) for each in redactor.feed(Read(piece, float(at)))]
    return [*reads, *redactor.close()], redactor


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Return the data cut at these places."""
    return [data[start:end] for start, end in pairwise([0, *sorted(places), len(data)])]


@pytest.mark.parametrize("is_stream", [True, False])
@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_cut_gives_the_same_bytes(is_stream: bool, places: list[int]) -> None:  # noqa: FBT001 - a parameter of the test
    """With the secrets out of them, and each read at its time, in order."""
    reads, redactor = redacted(cut(STREAM, places), is_stream=is_stream)
    whole, count, _ = redact_bytes(STREAM, PATTERNS)
    assert b"".join(each.data for each in reads) == whole
    assert (redactor.count, redactor.delta) == (count, len(whole) - len(STREAM)) == (2, redactor.delta)
    times = [each.at for each in reads]
    assert times == sorted(set(times), key=lambda at: at or 0.0)


@given(st.lists(st.binary(min_size=1, max_size=30).filter(lambda data: b"sk-" not in data), max_size=8))
def test_what_has_no_secret_in_it_stays_as_it_is(pieces: list[bytes]) -> None:
    """Reads, boundaries and times."""
    reads, redactor = redacted(pieces)
    assert [each.data for each in reads] == pieces
    assert redactor.count == redactor.delta == 0


def test_a_boundary_within_a_secret_goes_behind_it() -> None:
    """The others stay where they were; a read of nothing but a secret's end is no read any more."""
    middle = STREAM.index(KEY) + 5
    end = STREAM.index(KEY) + len(KEY)
    reads, _ = redacted(cut(STREAM, [10, middle, middle + 3, end, end + 4]))
    assert [(each.data[-10:], each.at) for each in reads[:4]] == [
        (STREAM[:10], 0.0),
        (b"[redacted]", 1.0),
        (STREAM[end : end + 4], 4.0),
        (b'essage_stop"}\n\n'[-10:], 5.0),
    ]


def test_a_read_is_let_go_as_soon_as_its_frames_are_whole() -> None:
    """One that ends within a frame waits for the rest of it."""
    redactor = ReadRedactor(is_stream=True)
    first, second = FRAMES[0], FRAMES[4]
    assert redactor.feed(Read(first, 0.1)) == [Read(first, 0.1)]
    assert redactor.feed(Read(first + second[:9], 0.2)) == []
    assert redactor.feed(Read(b"", 0.25)) == []
    assert redactor.feed(Read(second[9:] + first, 0.3)) == [Read(first + second[:9], 0.2), Read(second[9:] + first, 0.3)]
    assert redactor.close() == []
    assert (redactor.events, redactor.saw_end) == (1, True)


@pytest.mark.parametrize(
    ("frame", "saw_end"),
    [
        (b"event: error\ndata: {}\n\n", True),
        (b"event:message_stop\r\ndata: {}\r\n\r\n", True),
        (b'data: {"error":1}\n\n', False),
    ],
)
def test_the_end_of_a_stream_is_seen(frame: bytes, saw_end: bool) -> None:  # noqa: FBT001 - what is expected
    """By the name of an event, and not by a word in its data."""
    _, redactor = redacted([FRAMES[0] + frame[:7], frame[7:]])
    assert (redactor.saw_end, redactor.events) == (saw_end, 1)


@pytest.mark.parametrize("is_stream", [True, False])
def test_what_has_no_end_is_let_go_in_parts(is_stream: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    """Memory stays bounded, and a secret on a border is found all the same."""
    monkeypatch.setattr(module, "_MOST", 1000)
    monkeypatch.setattr(module, "_LONGEST", 200)
    monkeypatch.setattr(module, "_STEP", 16)
    pem = b"-----BEGIN PRIVATE KEY-----\n%b\n-----END PRIVATE KEY-----\n" % b"\n".join([b"MIIE" * 10] * 4)
    secrets = (KEY, b"Authorization: Bearer abcdef0123456789", pem)
    for text in (b'%d "words" and\n%b then ', b"%d words and %b then "):
        data = b"".join(text % (number, secrets[number % 3]) for number in range(100))
        for size in (3, 150, 999, 5000):
            redactor = ReadRedactor(is_stream=is_stream)
            out, held = b"", 0
            for at in range(0, len(data), size):
                out += b"".join(each.data for each in redactor.feed(Read(data[at : at + size])))
                held = max(held, len(redactor._held))
            out += b"".join(each.data for each in redactor.close())
            assert out.replace(b"-----END PRIVATE KEY-----", b"") == redact_bytes(data)[0]
            assert held <= 1500 + 2 * size


def test_a_secret_without_an_end_is_let_go_some_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that long is one, and memory is worth more."""
    monkeypatch.setattr(module, "_MOST", 1000)
    monkeypatch.setattr(module, "_LONGEST", 200)
    redactor, held = ReadRedactor(is_stream=False), 0
    for piece in [b"-----BEGIN PRIVATE KEY-----\n", *[b"MIIE" * 25] * 100]:
        redactor.feed(Read(piece))
        held = max(held, len(redactor._held))
    redactor.close()
    assert held < 5000
    assert redactor.count == 1


def spoken(*texts: bytes) -> list[bytes]:
    """Return the frames of what a model says in these pieces."""
    return [
        b'event: content_block_delta\ndata: {"index":0,"delta":{"type":"text_delta","text":"%b"}}\n\n' % each for each in texts
    ]


@given(st.integers(1, len(KEY)), st.lists(st.integers(0, 1500), max_size=8))
def test_what_a_model_says_piece_by_piece_is_one_text(size: int, places: list[int]) -> None:
    """Nothing of a secret in it is kept, also if one of its pieces is a secret itself; it is counted once."""
    frames = spoken(b"it is ", *(KEY[at : at + size] for at in range(0, len(KEY), size)), b", yes")
    data = b"".join(frames)
    reads, redactor = redacted(cut(data, [each % len(data) for each in places]))
    out = b"".join(each.data for each in reads)
    assert out == b"".join(spoken(b"it is ", b"[redacted]", *[b""] * (len(frames) - 3), b", yes"))
    assert (redactor.count, redactor.delta, redactor.events) == (1, len(out) - len(data), len(frames))


def test_only_a_stream_is_joined() -> None:
    """In another body these are no pieces of one text."""
    data = b"".join(spoken(b"sk-ant-", b"api03-abc"))
    reads, redactor = redacted([data], is_stream=False)
    assert ([each.data for each in reads], redactor.events, redactor.saw_end) == ([data], 0, False)
