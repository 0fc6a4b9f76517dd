"""Recordings of any kind: which file is what, which exchange is meant, and what is said of a wrong one."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cassettes import numbered, text, written
from streamlab.errors import ScenarioError
from streamlab.files.recordings import files_in, is_there, named, open_recording

SSE = b'event: ping\ndata: {"type": "ping"}\n\n'
FOREIGN = b"""\
interactions:
- request: {method: POST, uri: 'https://example.com/x', body: ''}
  response: {status: {code: 200}, headers: {}, body: {string: '{}'}}
version: 1
"""


def test_a_cassette_is_read_exchange_by_exchange(tmp_path: Path) -> None:
    """By number from 1, in order, and its requests without the answers."""
    found = open_recording(written(tmp_path, text(map(numbered, range(3)))))
    assert (len(found), found.notes, found.name) == (3, (), str(tmp_path / "c.yaml"))
    assert found.exchange(2).request == numbered(1).request
    assert [each.request for each in found] == list(found.requests) == [numbered(index).request for index in range(3)]


def test_what_can_be_imported_is_a_recording(tmp_path: Path) -> None:
    """What was left out of it is noted."""
    found = open_recording(written(tmp_path, SSE, "r.sse"))
    assert [each.body for each in found] == [SSE]
    assert [each.path for each in found.requests] == ["/v1/messages"]
    (note,) = open_recording(written(tmp_path, FOREIGN, "v.yaml")).notes
    assert note.startswith(f"{tmp_path / 'v.yaml'}: left out: interaction 1: POST https://example.com/x is not")


def test_a_cut_off_exchange_is_noted(tmp_path: Path) -> None:
    """It is none of the exchanges."""
    found = open_recording(written(tmp_path, text([numbered(1), numbered(2)])[:-10]))
    assert len(found) == 1
    assert "the last exchange is cut off" in found.notes[0]


@pytest.mark.parametrize(
    ("number", "exchanges", "message"),
    [
        (0, 1, "there is no exchange 0: the file has one exchange\n  hint: they are numbered from 1"),
        (3, 2, "there is no exchange 3: the file has 2 exchanges\n  hint: they are numbered from 1"),
        (1, 0, "there is no exchange 1: the file has no exchange"),
    ],
)
def test_a_wrong_number_says_how_many_there_are(tmp_path: Path, number: int, exchanges: int, message: str) -> None:
    """And from where they are counted."""
    path = written(tmp_path, text(map(numbered, range(exchanges))))
    with pytest.raises(ScenarioError) as error:
        open_recording(path).exchange(number)
    assert str(error.value) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "1:1: the file is empty"),
        (b"reply: hi\n", "1:1: this is a scenario, not a cassette"),
        (b"a: 1\n", "1:1: this is not a cassette"),
        (b"kind: cassette\n", "1:1: streamlab: says no version"),
        (b"{", "1:2: not valid JSON"),
    ],
)
def test_what_is_no_recording_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    """In the words of whoever knows it best."""
    with pytest.raises(ScenarioError) as error:
        open_recording(written(tmp_path, content))
    assert str(error.value).startswith(f"{tmp_path / 'c.yaml'}:{message}")


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A folder, a socket, a name that is too long."""
    with pytest.raises(ScenarioError, match="this is a folder, not a cassette"):
        open_recording(tmp_path)
    with pytest.raises(ScenarioError, match="cannot be read: File name too long"):
        open_recording(tmp_path / ("x" * 300))
    before = Path.cwd()
    os.chdir(tmp_path)  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("s")
            with pytest.raises(ScenarioError, match="s: cannot be read: No such device"):
                open_recording(Path("s"))
    finally:
        os.chdir(before)


@pytest.mark.parametrize(
    ("name", "others", "hint"),
    [
        ("c.yml", ["c.yaml", "x.sse"], "did you mean 'c.yaml'?"),
        ("zzz", ["b", "a", ".hidden"], "its folder holds a, b"),
        ("zzz", ["a", "b", "c", "d", "e", "f"], "its folder holds a, b, c, d, e, …"),
        ("zzz", [], "its folder is empty"),
        ("no/c.yaml", [], "there is no folder"),
    ],
)
def test_a_missing_file_brings_the_nearest_name(tmp_path: Path, name: str, others: list[str], hint: str) -> None:
    """Or some of those that are there."""
    for each in others:
        written(tmp_path, "x", each)
    with pytest.raises(ScenarioError) as error:
        is_there(tmp_path / name)
    assert error.value.problem == "there is no such file"
    assert error.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("name", "file", "number"),
    [
        ("c.yaml", "c.yaml", None),
        ("c.yaml:12", "c.yaml", 12),
        ("a:b.yaml:3", "a:b.yaml", 3),
        ("odd:7", "odd:7", None),
        ("c.yaml:x", "c.yaml:x", None),
        (":3", ":3", None),
        ("x" * 300 + ":1", "x" * 300, 1),
    ],
)
def test_an_exchange_is_named_after_a_colon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str, number: int | None
) -> None:
    """Unless there is a file of just this name."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "x", "odd:7")
    assert named(name) == (Path(file), number)


def test_a_folder_gives_what_may_be_a_recording(tmp_path: Path) -> None:
    """By its name, and not in hidden folders."""
    for name in ("b.SSE", "a.yaml", "LICENSE", "deep/c.har", ".git/d.yaml", "deep/.e.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        written(tmp_path, "x", name)
    (tmp_path / "folder.yaml").mkdir()
    assert [str(each.relative_to(tmp_path)) for each in files_in(tmp_path)] == ["a.yaml", "b.SSE", "deep/c.har"]
    with pytest.raises(ScenarioError, match=r"no file in this folder is named as a recording"):
        files_in(tmp_path / "folder.yaml")
