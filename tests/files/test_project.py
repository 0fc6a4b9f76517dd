"""The patterns of a project: from the nearest file, or a clear error."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamlab.errors import ScenarioError
from streamlab.files.project import checked_patterns, redact_patterns


@pytest.mark.parametrize(
    ("text", "patterns"),
    [
        ("[tool.streamlab]\nredact = ['cust_[0-9]+', 'b']\n", ("cust_[0-9]+", "b")),
        ("[tool.streamlab]\n", ()),
        ("[project]\nname = 'x'\n", ()),
        ("tool = 1\n", ()),
    ],
)
def test_the_nearest_file_counts(text: str, patterns: tuple[str, ...], tmp_path: Path) -> None:
    """In the folder itself or above it, whether or not it speaks of streamlab."""
    (tmp_path / "pyproject.toml").write_text("[tool.streamlab]\nredact = ['above']\n")
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    assert redact_patterns(folder) == ("above",)
    (tmp_path / "a" / "pyproject.toml").write_text(text)
    assert redact_patterns(folder) == patterns


def test_those_of_the_command_line_come_after_those_of_the_project(tmp_path: Path) -> None:
    """Each once; all of them are looked at before they are used."""
    (tmp_path / "pyproject.toml").write_text("[tool.streamlab]\nredact = ['a+', 'b']\n")
    assert checked_patterns(tmp_path, ["c", "a+"]) == ("a+", "b", "c")
    with pytest.raises(ScenarioError, match=r"--redact: the pattern '\(' cannot be read"):
        checked_patterns(tmp_path, ["("])
    (tmp_path / "pyproject.toml").write_text("[tool.streamlab]\nredact = ['(']\n")
    with pytest.raises(ScenarioError, match=r"pyproject\.toml: tool\.streamlab\.redact: the pattern '\(' cannot be read"):
        checked_patterns(tmp_path, [])


def test_no_file_is_no_pattern() -> None:
    """Up to the root."""
    assert redact_patterns(Path("/proc")) == ()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"[tool", "pyproject.toml: this is not TOML: "),
        (b"a = '\xff'", "pyproject.toml: this is not TOML: "),
        (b"[tool]\nstreamlab = 1", "pyproject.toml: tool.streamlab: a table is expected"),
        (b"[tool.streamlab]\nredakt = []", "tool.streamlab.redakt: there is no such key\n  hint: did you mean 'redact'?"),
        (b"[tool.streamlab]\nredact = 'a'", "tool.streamlab.redact: a list of patterns is expected\n  hint: write them as"),
        (b"[tool.streamlab]\nredact = [1]", "tool.streamlab.redact: a list of patterns is expected"),
    ],
)
def test_what_cannot_be_read_is_an_error(data: bytes, said: str, tmp_path: Path) -> None:
    """With the file and the key."""
    (tmp_path / "pyproject.toml").write_bytes(data)
    with pytest.raises(ScenarioError) as caught:
        redact_patterns(tmp_path)
    assert said in str(caught.value)


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not passed over: there may be patterns in it."""
    (tmp_path / "pyproject.toml").write_text("")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ScenarioError, match=r"pyproject\.toml: cannot be read: Permission denied"):
        redact_patterns(tmp_path)
