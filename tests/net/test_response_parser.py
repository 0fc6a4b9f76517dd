"""Answers in HTTP/1.1, fed in pieces: any cut of the bytes gives the same head, body and ending."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_upstream import HEAD, chunk

from streamlab.core.exchange import Ended
from streamlab.net.response_parser import Parser

SIZED = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
LAST = b"0\r\n\r\n"

ANSWERS = {
    "complete": (HEAD + chunk(b"abc") + chunk(b"\r\n0") + b"0\r\nx: y\r\n\r\n", b"abc\r\n0", Ended.COMPLETE),
    "corrupt": (HEAD + chunk(b"abc") + b"2;x\r\nab\r\r", b"abcab", Ended.CORRUPT),
    "open": (HEAD + chunk(b"abc") + b"A \r\nabc", b"abcabc", None),
    "sized": (b"HTTP/1.1 100 Continue\r\n\r\n" + SIZED + b"hello", b"hello", Ended.COMPLETE),
    "bad trailer": (HEAD + chunk(b"abc") + b"0\r\nx y: z", b"abc", Ended.CORRUPT),
    "no HTTP": (b"HTTQ", b"", Ended.CORRUPT),
}


def fed(pieces: list[bytes]) -> tuple[bytes, Ended | None]:
    """Return the body that a parser finds in these pieces, and how it ended."""
    parser = Parser("POST", "/", [(b"host", b"x")], b"")
    found = b""
    for piece in pieces:
        if parser.ended is None:
            found += parser.feed(piece)
    assert parser.ended is not Ended.COMPLETE or parser.is_kept
    return found, parser.ended


@pytest.mark.parametrize(("data", "found", "ended"), ANSWERS.values(), ids=ANSWERS)
def test_every_cut_gives_the_same_answer(data: bytes, found: bytes, ended: Ended | None) -> None:
    """Whole, in two anywhere, and byte by byte."""
    assert fed([data]) == (found, ended)
    assert fed([data[at : at + 1] for at in range(len(data))]) == (found, ended)
    for at in range(1, len(data)):
        assert fed([data[:at], data[at:]]) == (found, ended), at


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.data())
def test_any_chunks_in_any_pieces_give_the_body(chunks: list[bytes], data: st.DataObject) -> None:
    """What was put into chunks is taken out of them."""
    raw = HEAD + b"".join(chunk(each) for each in chunks) + LAST
    cuts = sorted(data.draw(st.lists(st.integers(len(HEAD), len(raw)), max_size=10)))
    pieces = [raw[start:end] for start, end in itertools.pairwise([0, *cuts, len(raw)])]
    assert fed(pieces) == (b"".join(chunks), Ended.COMPLETE)


CLOSED = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize(
    ("method", "data", "found", "ended", "at_eof"),
    [
        ("HEAD", SIZED, b"", Ended.COMPLETE, Ended.FIN),
        ("POST", b"HTTP/1.1 204 No Content\r\n\r\n", b"", Ended.COMPLETE, Ended.FIN),
        ("POST", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", b"", Ended.COMPLETE, Ended.FIN),
        ("POST", CLOSED + b"hello", b"hello", None, Ended.COMPLETE),
        ("POST", SIZED + b"hel", b"hel", None, Ended.FIN),
        ("POST", HEAD + b"5\r\nhel", b"hel", None, Ended.FIN),
        ("POST", b"HTTP/1.1 2", b"", None, Ended.FIN),
    ],
)
def test_the_head_says_what_ends_the_body(method: str, data: bytes, found: bytes, ended: Ended | None, at_eof: Ended) -> None:
    """Nothing does for a body that has none; the close ends one whose length nobody said, and cuts off all others."""
    parser = Parser(method, "/", [(b"host", b"x")], b"")
    assert not parser.has_begun
    assert (parser.feed(data), parser.ended, parser.at_eof, parser.has_begun) == (found, ended, at_eof, True)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x15\x03\x01\0\x02\x02\x46", "speaks TLS; use https://"),
        (b"220 mail ready\r\n", "is no HTTP; is it the right port?"),
        (b"HTTP/1.1 200 OK\r\n: no name\r\n\r\n", "is no HTTP: "),
        (HEAD + b"zz\r\n", "is broken: the header of a chunk is none"),
    ],
)
def test_what_cannot_be_read_is_corrupt_and_says_why(data: bytes, said: str) -> None:
    """The upstream is another kind of server, or broken."""
    parser = Parser("POST", "/", [(b"host", b"x")], b"")
    assert parser.feed(data) == b""
    assert (parser.ended, parser.is_kept) == (Ended.CORRUPT, False)
    assert parser.problem.startswith(said)
