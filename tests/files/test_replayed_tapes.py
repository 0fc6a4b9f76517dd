"""Tests of cassettes that are opened to be replayed: once for a run, with warnings, and exchanges by their numbers."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cassettes import EXCHANGE, numbered, text, written
from streamlab.core.tapes import Exchanges, plan_of
from streamlab.errors import CassetteWarning, ScenarioError
from streamlab.files import tapes
from streamlab.files.cassette_writer import write_all
from streamlab.files.tapes import cassette, opened

KEY = "sk-ant-api03-abcdefghij0123456789"
HINT = "\n  hint: a key in a file is a key in the wrong hands: take it out, and have it replaced"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a cassette of three exchanges."""
    path = tmp_path / "c.yaml"
    write_all(path, map(numbered, range(3)), header={"repeat": "all", "about": "Three."})
    return path


def test_a_cassette_is_a_tape_on_its_own_terms(path: Path) -> None:
    """With the name of its file."""
    found = opened(path)
    assert (found.tape.name, found.tape.repeat, found.about, found.warnings) == ("c", "all", "Three.", ())
    assert list(found.tape.requests) == [numbered(number).request for number in range(3)]
    assert found.tape.requests[1:] == [numbered(1).request, numbered(2).request]
    assert [found.tape.load(number) for number in range(3)] == [numbered(number) for number in range(3)]


def test_a_cassette_is_opened_once_until_it_changes(path: Path) -> None:
    """However it is changed: appended to, or replaced by another of the same size and time."""
    first = opened(path)
    assert opened(path) is first
    with path.open("a") as file:
        file.write(text([EXCHANGE]).partition("cassette\n---\n")[2].join(["---\n", ""]))
    second = opened(path)
    assert (len(first.tape), len(second.tape)) == (3, 4)
    stat = path.stat()
    other = path.with_name("other.yaml")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(path)
    assert opened(path) is not second


def test_the_same_file_by_another_name_is_called_so_in_errors(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the user wrote it."""
    monkeypatch.chdir(path.parent)
    for name in (path, Path("c.yaml")):
        tape = opened(name).tape
        path.rename(path.with_name("away"))
        with pytest.raises(ScenarioError) as caught:
            tape.load(0)
        assert caught.value.file == str(name)
        path.with_name("away").rename(path)


def test_only_so_many_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were asked for last."""
    monkeypatch.setattr(tapes, "_MOST_OPEN", 2)
    files = [written(tmp_path, text([EXCHANGE]), f"{number}.yaml") for number in range(3)]
    first, second = opened(files[0]), opened(files[1])
    assert opened(files[0]) is first
    opened(files[2])
    assert opened(files[0]) is first
    assert opened(files[1]) is not second


def test_an_error_in_a_small_cassette_is_found_when_it_is_opened(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is served from it; of a large one, whose exchanges are read when they are asked for, later."""
    content = path.read_text().replace("  status: 200", "  status: 2000", 1)
    path.write_text(content)
    line = content[: content.index("2000")].count("\n") + 1
    said = "a status of HTTP from 200 to 999 is expected, not 2000\n  hint: for example: status: 200"
    problem = f"{path}:{line}:3: response.status: {said}"
    with pytest.raises(ScenarioError) as caught:
        opened(path)
    assert str(caught.value) == problem
    monkeypatch.setattr(tapes, "_READ_WHOLE", 100)
    tape = opened(path).tape
    assert tape.load(1) == numbered(1)
    with pytest.raises(ScenarioError) as caught:
        tape.load(0)
    assert str(caught.value) == problem


def test_a_cut_off_exchange_is_a_warning(path: Path) -> None:
    """The others can be used."""
    path.write_text(path.read_text().rpartition("ended_at")[0])
    found = opened(path)
    line = path.read_text()[: path.read_text().rindex("---\n")].count("\n") + 2
    assert len(found.tape) == 2
    assert found.warnings == (f"{path}: line {line}: the last exchange is cut off in its answer; it is left out",)


@pytest.mark.parametrize("count", [1, 3, 4])
def test_what_is_shaped_like_a_secret_is_a_warning_that_does_not_show_it(tmp_path: Path, count: int) -> None:
    """With file and line; of many, the first."""
    request = replace(EXCHANGE.request, headers=(("x-note", f"key {KEY}"),) * count)
    path = written(tmp_path, text([replace(EXCHANGE, request=request)]))
    first = path.read_text().splitlines().index(f'  - [x-note, "key {KEY}"]') + 1
    (warning,) = opened(path).warnings
    lines = [f"{path}:{line}: holds something that is shaped like a secret" for line in range(first, first + min(count, 3))]
    assert warning == "\n".join([*lines, *([f"{path}: and in more lines"] if count > 3 else [])]) + HINT


def test_all_exchanges_or_one_are_a_reply(path: Path) -> None:
    """Counted from 1."""
    everything = cassette(path)
    assert isinstance(everything, Exchanges)
    assert [everything.load(number) for number in everything.numbers] == [numbered(number) for number in range(3)]
    second = cassette(str(path), exchange=2)
    assert [second.load(number) for number in second.numbers] == [numbered(1)]
    assert plan_of(second.load(1)).body == EXCHANGE.body


def test_the_constructor_warns(path: Path) -> None:
    """In Python's way."""
    path.write_text(path.read_text().rpartition("ended_at")[0])
    with pytest.warns(CassetteWarning, match="the last exchange is cut off") as caught:
        cassette(path)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        (4, "exchange: there is no exchange 4: the cassette holds 3\n  hint: exchanges are counted from 1"),
        (0, "exchange: there is no exchange 0: the cassette holds 3\n  hint: exchanges are counted from 1"),
    ],
)
def test_an_exchange_that_is_not_there_is_said_so(path: Path, number: int, problem: str) -> None:
    """And how many there are."""
    with pytest.raises(ScenarioError) as caught:
        cassette(path, exchange=number)
    assert str(caught.value) == f"{path}: {problem}"


@pytest.mark.parametrize("number", [True, "1", 1.0])
def test_the_number_of_an_exchange_is_a_number(path: Path, number: Any) -> None:
    """And no truth."""
    with pytest.raises(ScenarioError) as caught:
        cassette(path, exchange=number)
    assert str(caught.value) == f"exchange: the number of an exchange is expected, not {number!r}"


@pytest.mark.parametrize(
    ("number", "problem"),
    [(None, "the cassette holds no exchange"), (1, "exchange: there is no exchange 1: the cassette holds none")],
)
def test_an_empty_cassette_is_no_reply(tmp_path: Path, number: int | None, problem: str) -> None:
    """There is nothing to answer with."""
    path = written(tmp_path, text([]))
    with pytest.raises(ScenarioError) as caught:
        cassette(path, number)
    assert str(caught.value) == f"{path}: {problem}\n  hint: record one into it: streamlab record"


def test_what_is_not_there_or_no_cassette_is_said_so(tmp_path: Path) -> None:
    """By the cassette itself."""
    for name, problem in {"missing.yaml": "there is no such file", "\0": "this cannot be the name of a file"}.items():
        with pytest.raises(ScenarioError) as caught:
            cassette(tmp_path / name)
        assert caught.value.problem == problem
