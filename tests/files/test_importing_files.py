"""Importing many files: all or nothing, and a report on each."""

from __future__ import annotations

from pathlib import Path

import pytest

from cassettes import written
from streamlab.errors import ScenarioError, ServerError
from streamlab.files.cassette import Cassette
from streamlab.files.importing_files import Import, ImportedFile, check_target, sources

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
KEY = b'data: {"type":"x","key":"sk-ant-api03-abcdefgh"}\n\n'
FOREIGN = b"""\
interactions:
- request: {method: POST, uri: 'https://example.com/x', body: ''}
  response: {status: {code: 200}, headers: {}, body: {string: '{}'}}
- request: {method: POST, uri: 'https://api.anthropic.com/v1/messages', body: '', headers: {'bad name': [x]}}
  response: {status: {code: 200}, headers: {}, body: {string: '{}'}}
version: 1
"""


def run(folder: Path, *names: str, keep_going: bool = False, is_named: bool = True) -> tuple[Import, list[ImportedFile]]:
    """Import files of a folder into `out.yaml` in it."""
    made, reports = Import(), list[ImportedFile]()
    files = [(folder / name, is_named) for name in names]
    made.run(files, folder / "out.yaml", reports.append, keep_going=keep_going)
    return made, reports


def test_the_exchanges_of_all_files_stand_in_order(tmp_path: Path) -> None:
    """With the sums of what is not known and was taken out."""
    written(tmp_path, PING, "a.sse")
    written(tmp_path, KEY, "b.sse")
    written(tmp_path, FOREIGN, "c.yaml")
    made, reports = run(tmp_path, "b.sse", "a.sse", "c.yaml")
    assert [each.body[:6] for each in Cassette(tmp_path / "out.yaml")] == [b"data: ", b"event:", b"{}"]
    assert (made.files, made.found, made.imported, made.redacted, made.errors, made.written) == (3, 4, 3, 1, 0, True)
    assert made.unknown["times: when the bytes of an answer came"] == 3
    assert [each.found for each in reports] == [1, 1, 2]
    data = reports[2].as_dict()
    assert (data["exchanges"], data["imported"], len(data["left_out"])) == (2, 1, 2)
    assert (made.as_dict()["left_out"], made.as_dict()["written"]) == (1, True)


@pytest.mark.parametrize("keep_going", [False, True])
def test_an_error_keeps_everything_from_being_written(tmp_path: Path, *, keep_going: bool) -> None:
    """Unless it is to go on; the other files are read in either case."""
    written(tmp_path, "{", "a.json")
    written(tmp_path, PING, "b.sse")
    made, (bad, good) = run(tmp_path, "a.json", "b.sse", keep_going=keep_going)
    assert (made.errors, made.imported, made.written) == (1, 1, keep_going)
    assert (tmp_path / "out.yaml").exists() == keep_going
    assert len(list(tmp_path.iterdir())) == 2 + keep_going
    assert bad.as_dict() == {"file": str(tmp_path / "a.json"), "error": str(bad.error)}
    assert (bad.found, good.imported is not None) == (0, True)


def test_what_is_no_recording_is_an_error_only_if_it_was_named(tmp_path: Path) -> None:
    """In a folder there may be anything; but a recording that is broken is an error there too."""
    written(tmp_path, "a: 1", "a.yaml")
    written(tmp_path, "streamlab: 1\nkind: cassette\n", "b.yaml")
    made, (other, ours) = run(tmp_path, "a.yaml", "b.yaml", is_named=False)
    assert (made.ignored, made.errors, made.written) == (2, 0, False)
    assert other.as_dict()["ignored"] == "this is none of the formats that can be imported"
    assert ours.ignored == "this is a file of streamlab already"
    assert run(tmp_path, "a.yaml", "b.yaml")[0].errors == 2
    written(tmp_path, "{", "c.json")
    assert run(tmp_path, "c.json", is_named=False)[0].errors == 1


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A file stands in its place."""
    written(tmp_path, PING, "a.sse")
    with pytest.raises(ServerError, match="cannot be written: Not a directory"):
        Import().run([(tmp_path / "a.sse", True)], tmp_path / "a.sse" / "c.yaml", lambda _: None)


def test_each_file_is_read_once(tmp_path: Path) -> None:
    """Though it is named and in a folder, or linked."""
    a, b = written(tmp_path, "x", "a.sse"), written(tmp_path, "x", "b.sse")
    (tmp_path / "z.sse").symlink_to(a)
    assert list(sources([str(b), str(tmp_path), str(b)])) == [(b, True), (a, False)]
    with pytest.raises(ScenarioError, match="there is no such file"):
        list(sources([str(tmp_path / "no.sse")]))


def test_a_file_is_replaced_only_by_force(tmp_path: Path) -> None:
    """And a folder never."""
    check_target(tmp_path / "new.yaml", force=False)
    old = written(tmp_path, "x")
    check_target(old, force=True)
    with pytest.raises(ScenarioError, match="the file is there already"):
        check_target(old, force=False)
    with pytest.raises(ScenarioError, match="this is a folder"):
        check_target(tmp_path, force=True)
