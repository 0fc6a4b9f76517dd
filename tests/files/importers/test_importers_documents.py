"""Tests of reading a file: what kind it is, and whole messages for what cannot be read."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from foreign_files import BODY

from streamlab.errors import ScenarioError
from streamlab.files.importers import bodies, documents
from streamlab.files.importers.documents import Document, Part, beside, read_document


def read(tmp_path: Path, data: bytes) -> Document:
    """Return the document in a file with these bytes."""
    path = tmp_path / "f"
    path.write_bytes(data)
    return read_document(path)


@pytest.mark.parametrize(
    ("data", "kind", "value"),
    [
        (BODY, "stream", None),
        (b"\xef\xbb\xbf\n\nevent: x\n\n", "stream", None),
        (b": comment\n\n", "stream", None),
        (b"HTTP/1.1 200 OK\r\n\r\n", "stream", None),
        (b'\xef\xbb\xbf{"a": 1}', "json", {"a": 1}),
        (b" [1]", "json", [1]),
        (b'{"a":1}\r\n\r\n {"b":2}', "lines", [(1, '{"a":1}'), (3, '{"b":2}')]),
        (b'{"a":1}\n{"b"', "lines", [(1, '{"a":1}'), (2, '{"b"')]),
        (b"a: 1", "yaml", {"a": 1}),
        (b"a: 1\r\n---\r\nb: 2", "documents", [{"a": 1}, {"b": 2}]),
        (gzip.compress(b"a: 1", mtime=0), "yaml", {"a": 1}),
    ],
)
def test_the_kind_follows_from_the_content(tmp_path: Path, data: bytes, kind: str, value: object) -> None:
    """Whatever the file is called."""
    document = read(tmp_path, data)
    assert (document.kind, document.value) == (kind, value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "{}: the file is empty"),
        (b" \n\t", "{}: the file is empty"),
        (b"\xef\xbb\xbf \n", "{}: the file is empty"),
        (gzip.compress(b"", mtime=0), "{}: the file is empty"),
        (b"\x1f\x8b\x08nonsense", "{}: not valid gzip"),
        (b"a: 1\nb: \xff", "{}:2: not a text in UTF-8: byte 9 is 0xff\n  hint: save the file as UTF-8"),
        ("{}".encode("utf-16"), "{}:1: not a text in UTF-8: byte 1 is 0xff\n  hint: save the file as UTF-8"),
        (b'{"a": }', "{}:1:7: not valid JSON: Expecting value"),
        (b'{\n"a": 1\n}\n{"b"', "{}:4:1: not valid JSON: Extra data"),
        (b'{"a": NaN}', "{}: not valid JSON: NaN is no number of JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "{}: not valid JSON: a number is too large"),
        (b"[" * 200_000, "{}: the nesting is too deep"),
        (b"a: [", "{}:2:1: not valid YAML: while parsing a flow node: did not find expected node content"),
        (b"\0\0\0", "{}:1: not valid YAML: the character U+0000 cannot stand in it"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, data: bytes, message: str) -> None:
    """The whole message, with the file and where known the line."""
    with pytest.raises(ScenarioError) as caught:
        read(tmp_path, data)
    assert str(caught.value) == message.replace("{}", str(tmp_path / "f"))


def test_files_that_are_none(tmp_path: Path) -> None:
    """A folder, a missing file, a name that cannot be, and one that may not be read."""
    locked = tmp_path / "locked"
    locked.symlink_to(locked)
    for path, problem in (
        (tmp_path, f"{tmp_path}: this is a folder\n  hint: name the files in it"),
        (tmp_path / "none", f"{tmp_path / 'none'}: there is no such file"),
        (tmp_path / "a\0b", f"{tmp_path}/a\0b: this cannot be the name of a file"),
        (tmp_path / ("x" * 300), f"{tmp_path / ('x' * 300)}: cannot be read: {os.strerror(36)}"),
        (locked, f"{locked}: cannot be read: {os.strerror(40)}"),
    ):
        with pytest.raises(ScenarioError) as caught:
            read_document(path)
        assert str(caught.value) == problem


def test_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not read at all."""
    monkeypatch.setattr(documents, "_MOST_BYTES", 1024 * 1024)
    with (tmp_path / "f").open("wb") as file:
        file.truncate(1024 * 1024 + 1)
    with pytest.raises(ScenarioError, match="larger than 1 MiB"):
        read_document(tmp_path / "f")


def test_a_bomb_names_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too large when decompressed is an error of this file."""
    monkeypatch.setattr(bodies, "_MOST_BYTES", 1024 * 1024)
    with pytest.raises(ScenarioError) as caught:
        read(tmp_path, gzip.compress(bytes(2_000_000), mtime=0))
    assert str(caught.value) == f"{tmp_path / 'f'}: larger than 1 MiB when decompressed"


def test_parts_say_what_they_should_be() -> None:
    """With the keys that lead to them."""
    part = Part({"a": [{"b": 1}], "n": None, "t": "x", "f": 1.5})
    assert part["a"].parts()[0]["b"] == Part(1, ("a", 0, "b"))
    assert [name for name in ("a", "n", "z") if name in part] == ["a"]
    assert part["t"].text() == "x"
    assert part["f"].number() == 1.5
    assert dict(part["a"].parts()[0].items()) == {"b": Part(1, ("a", 0, "b"))}
    for wrong, message in (
        (lambda: part["n"]["x"], "n: a mapping is expected, not null"),
        (part["a"].parts()[0]["b"].text, "a.0.b: a text is expected, not 1"),
        (part["t"].parts, "t: a list is expected, not 'x'"),
        (part["t"].number, "t: a number from 0 is expected, not 'x'"),
        (lambda: Part(True).number(), "a number from 0 is expected, not true"),  # noqa: FBT003
        (lambda: Part(-1).number(), "a number from 0 is expected, not -1"),
        (lambda: Part(10**400).number(), "a number from 0 is expected, not 1" + "0" * 58 + "…"),
    ):
        with pytest.raises(ScenarioError) as caught:
            wrong()
        assert str(caught.value) == message


def test_a_place_is_the_nearest_line_that_is_known(tmp_path: Path) -> None:
    """The key's own, or that of the part around it; of JSON too, if there is more than one."""
    document = read(tmp_path, b"a:\n- b: 1\n  c: 2")
    assert document.place(ScenarioError("x", key=("a", 0, "c"))).line == 3
    assert document.place(ScenarioError("x", key=("a", 0, "d", "e"))).line == 2
    several = read(tmp_path, b"a: 1\n---\nb: 2")
    assert several.place(ScenarioError("x", key=(1, "b"))).line == 3
    laid_out = read(tmp_path, b'\xef\xbb\xbf{\n "a": [\n  {"b": 1,\n   \t"c": "\\ud83d\\ude00 \\/"}]}\n')
    assert laid_out.place(ScenarioError("x", key=("a", 0, "c"))).line == 4
    assert laid_out.place(ScenarioError("x", key=("a", 0, "z"))).line == 3
    for unknown in (b'{"a": 1}\n', b'{"a": 1,\n"a": 2}'):
        assert read(tmp_path, unknown).place(ScenarioError("x", key=("a",))).line is None
    placed = ScenarioError("x").at("other", 7)
    assert document.place(placed).file == "other"


def test_files_beside_a_recording(tmp_path: Path) -> None:
    """Only those in their folder are read; a link that leads out of it does not."""
    folder = tmp_path / "blobs"
    folder.mkdir()
    (folder / "a").write_bytes(b"x")
    (tmp_path / "secret").write_bytes(b"s")
    (folder / "link").symlink_to(tmp_path / "secret")
    assert beside(folder, Part("a")) == b"x"
    assert beside(folder, Part("none")) is None
    assert beside(folder, Part("")) is None
    for name in ("../secret", "link", "/etc/passwd", "a/../../secret"):
        with pytest.raises(ScenarioError) as caught:
            beside(folder, Part(name, ("path",)))
        assert str(caught.value) == f"path: {name!r} leads out of the folder 'blobs'"
    with pytest.raises(ScenarioError, match="path: the name of a file is expected, not 'a"):
        beside(folder, Part("a\0", ("path",)))
