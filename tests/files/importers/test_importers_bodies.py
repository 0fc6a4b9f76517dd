"""Tests of what bodies say of themselves."""

from __future__ import annotations

import gzip
import zlib
from itertools import pairwise

import pytest
from foreign_files import BODY, GZIPPED, START, STOP
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core.exchange import Ended
from streamlab.errors import ScenarioError
from streamlab.files.importers import bodies
from streamlab.files.importers.bodies import gunzip, how_ended, is_json, is_stream, is_text, model_of

ERROR = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'


@given(st.binary(max_size=200), st.lists(st.integers(1, 300), max_size=5))
def test_gzip_comes_back_whatever_the_reads(data: bytes, cuts: list[int]) -> None:
    """Joined, the pieces are the body."""
    packed = gzip.compress(data)
    edges = [0, *sorted(min(cut, len(packed)) for cut in cuts), len(packed)]
    parts = gunzip(packed[start:end] for start, end in pairwise(edges))
    assert parts is not None
    assert b"".join(parts) == data


def test_each_read_gives_what_it_adds() -> None:
    """A stream that is flushed after each event is decompressed event by event."""
    packer = zlib.compressobj(wbits=31)
    reads = [packer.compress(each) + packer.flush(zlib.Z_SYNC_FLUSH) for each in (b"one", b"two")] + [packer.flush()]
    assert gunzip(reads) == [b"one", b"two", b""]


def test_odd_gzip() -> None:
    """Members that follow one another are joined, a cut-off body gives what there is, and what is none is None."""
    assert gunzip([gzip.compress(b"a") + gzip.compress(b"b")]) == [b"ab"]
    assert gunzip([gzip.compress(b"a"), gzip.compress(b"b")]) == [b"a", b"b"]
    cut = gunzip([GZIPPED[:-20]])
    assert cut is not None
    assert BODY.startswith(cut[0])
    assert cut[0]
    assert gunzip([b"\x1f\x8bnot"]) is None
    assert gunzip([gzip.compress(b"a") + b"tail"]) is None
    assert gunzip([b"\x1f\x8b\x08"]) is None
    assert gunzip([gzip.compress(b"")]) == [b""]


def test_a_bomb_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is never held in memory whole."""
    monkeypatch.setattr(bodies, "_MOST_BYTES", 1024 * 1024)
    with pytest.raises(ScenarioError, match="larger than 1 MiB when decompressed"):
        gunzip([gzip.compress(bytes(3_000_000))])
    assert gunzip([gzip.compress(bytes(1024 * 1024))]) == [bytes(1024 * 1024)]


@pytest.mark.parametrize(
    ("body", "ended"),
    [
        (BODY, Ended.COMPLETE),
        (START.encode() + ERROR, Ended.COMPLETE),
        (BODY + b"event: ping\n", Ended.COMPLETE),
        (START.encode(), Ended.UNKNOWN),
        ((START + STOP).encode()[:-1], Ended.UNKNOWN),
        (b'event: x\ndata: {"type":"x","text":"message_stop"}\n\n', Ended.UNKNOWN),
        (b'{"type":"message"}', Ended.COMPLETE),
        (b'{"type":"mess', Ended.UNKNOWN),
        (b"<html>", Ended.UNKNOWN),
        (b"", Ended.UNKNOWN),
        (b"[" * 100_000, Ended.UNKNOWN),
    ],
)
def test_endings_follow_from_the_body(body: bytes, ended: Ended) -> None:
    """Only what is complete in itself is known to have come whole."""
    assert how_ended(body) is ended


@pytest.mark.parametrize(
    ("body", "model"),
    [
        (BODY, "claude-sonnet-4-6"),
        (b'{"model":"claude-x"}', "claude-x"),
        (b'{"model":5}', None),
        (b"[]", None),
        (ERROR, None),
        (b'data: {"type":"message_start","message":5}\n\n', None),
        (b"event: message_start\ndata: x\n\n", None),
        (b"<html>", None),
    ],
)
def test_the_model_is_what_the_answer_says(body: bytes, model: str | None) -> None:
    """Of a stream, its first event; None if it does not say."""
    assert model_of(body) == model


def test_what_a_body_looks_like() -> None:
    """A stream by its first line, JSON if it is a whole object, text if it is UTF-8."""
    assert [is_stream(each) for each in (BODY, b"\xef\xbb\xbfdata: x", b": x", b"{}", b" data:")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert [is_json(each) for each in (b"{}", b"[]", b"{", b"\xff")] == [True, False, False, False]
    assert [is_text(each) for each in (b"{}", "ü".encode(), b"\xff")] == [True, True, False]
