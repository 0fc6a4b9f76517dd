"""Tests of spools: whenever the recorder is stopped, what had arrived is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from cassettes import ASKED, EXCHANGE, EXCHANGES, READS, STREAM, TEXT
from streamlab.core.exchange import Ended, Exchange, Read
from streamlab.core.plan import Head
from streamlab.errors import ScenarioError
from streamlab.files.cassette_document import Span
from streamlab.files.spool import Pending, chunks, exchange_in, is_finished, spools, whole

SPAN = Span(0, 0, 0, 0, 0, 1, is_whole=True)


@pytest.fixture
def documents() -> list[bytes]:
    """Give what was appended to the cassette."""
    return []


@pytest.fixture
def begin(tmp_path: Path, documents: list[bytes]) -> Iterator[Callable[[], Pending]]:
    """Give a function that begins an exchange; spools are let go of at the end."""
    begun: list[Pending] = []

    def append(pieces: Iterable[bytes]) -> Span:
        documents.append(b"".join(pieces))
        return SPAN

    def make() -> Pending:
        begun.append(Pending(tmp_path / "c.yaml", append, (ASKED, EXCHANGE.recorded)))
        return begun[-1]

    yield make
    for each in begun:
        each.close()


def test_an_exchange_is_appended_when_it_has_ended(begin: Callable[[], Pending], documents: list[bytes]) -> None:
    """Whole, as the writer lays it out; its spool is gone."""
    pending = begin()
    assert pending.path.name == ".c.yaml.part-1"
    assert pending.path.stat().st_mode & 0o777 == 0o600
    pending.head(STREAM, 0.4123)
    for each in READS:
        pending.read(each)
    assert documents == []
    pending.end(Ended.COMPLETE, 1.23)
    assert documents == []
    assert pending.append() is SPAN
    assert documents == [TEXT.encode()]
    assert not pending.path.exists()
    with pytest.raises(ValueError, match="the exchange has ended"):
        pending.head(STREAM)


def test_after_every_read_the_spool_says_what_has_arrived(begin: Callable[[], Pending]) -> None:
    """Even the bytes of a frame that is not complete."""
    pending = begin()
    assert exchange_in(pending.path) == replace(
        EXCHANGE, head=None, reads=(), first=None, ended_at=None, ended=Ended.INTERRUPTED
    )
    pending.head(STREAM, 0.4123)
    made = replace(EXCHANGE, reads=(), ended_at=None, ended=Ended.INTERRUPTED)
    assert exchange_in(pending.path) == made
    data = b"".join(each.data for each in READS)
    for index, start in enumerate(range(0, len(data), 5)):
        read = Read(data[start : start + 5], index / 10)
        pending.read(read)
        made = replace(made, reads=(*made.reads, read))
        assert exchange_in(pending.path) == made
        assert not is_finished(pending.path)


@pytest.mark.parametrize("head", [STREAM, Head(200), Head(200, (("content-encoding", "gzip"),))])
def test_a_spool_that_is_cut_anywhere_holds_what_was_before(begin: Callable[[], Pending], head: Head) -> None:
    """Nothing is invented: the reads are the first ones, of which the last may be cut."""
    pending = begin()
    pending.head(head, 0.5)
    for each in READS:
        pending.read(each)
    data, body = pending.path.read_bytes(), b"".join(each.data for each in READS)
    request = data.index(b"#- request\n") + len(b"#- request\n")
    answer = data.index(b"#- head\n") + len(b"#- head\n")
    sizes = []
    for size in range(len(data) + 1):
        pending.path.write_bytes(data[:size])
        left = exchange_in(pending.path)
        assert (left is None) == (size < request)
        if left is not None:
            assert left.request == ASKED
            assert left.head == (head if size >= answer else None)
            assert body.startswith(left.body)
            sizes.append(len(left.body))
    assert sizes == sorted(sizes)
    assert sizes[-1] == len(body)


@given(EXCHANGES)
def test_an_exchange_that_arrives_is_the_one_that_is_written(tmp_path_factory: pytest.TempPathFactory, made: Exchange) -> None:
    """The document is the same as if all had been known."""
    from streamlab.files.cassette_text import document

    found: list[bytes] = []

    def append(pieces: Iterable[bytes]) -> Span:
        found.extend(pieces)
        return SPAN

    pending = Pending(tmp_path_factory.getbasetemp() / "c.yaml", append, (made.request, made.recorded))
    if made.head is not None:
        pending.head(made.head, made.first)
        for each in made.reads:
            pending.read(each)
    pending.end(made.ended, made.ended_at)
    pending.append()
    assert b"".join(found).decode() == "".join(document(made))


def test_a_spool_that_has_ended_is_the_document(begin: Callable[[], Pending], tmp_path: Path) -> None:
    """If it could not be appended it still says how it ended."""

    def fail(_: object) -> Span:
        raise ScenarioError("full")

    pending = Pending(tmp_path / "c.yaml", fail, (ASKED, EXCHANGE.recorded))
    pending.head(STREAM, 0.4123)
    for each in READS:
        pending.read(each)
    pending.end(Ended.COMPLETE, 1.23)
    with pytest.raises(ScenarioError):
        pending.append()
    assert is_finished(pending.path)
    assert b"".join(whole(pending.path)) == TEXT.encode()
    assert begin().path.name == ".c.yaml.part-2"


def test_a_body_comes_after_a_head(begin: Callable[[], Pending]) -> None:
    """Whoever gets it wrong is told."""
    with pytest.raises(ValueError, match="a head comes before a body"):
        begin().read(READS[0])


def test_spools_are_found_in_the_order_in_which_they_were_begun(tmp_path: Path) -> None:
    """By their numbers; those of other cassettes are not."""
    for name in (".c.yaml.part-10", ".c.yaml.part-9", ".cxyaml.part-1", ".c.yaml.part-x", ".c.yaml.part-1.old", "c.yaml"):
        (tmp_path / name).touch()
    assert [path.name for path in spools(tmp_path / "c.yaml")] == [".c.yaml.part-9", ".c.yaml.part-10"]


def test_pieces_are_large() -> None:
    """A write for every line would be slow, one for all could be too large."""
    sizes = [len(each) for each in chunks([b"x" * 1000] * 2500)]
    assert sizes == [1_049_000, 1_049_000, 402_000]
    assert list(chunks([])) == [b""]
