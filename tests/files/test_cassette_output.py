"""Where a recorder writes: what each mode does with a cassette that is there, and what is left when it ends."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from streamlab.core.exchange import Ended, Exchange, Request
from streamlab.core.plan import Head
from streamlab.errors import ScenarioError, ServerError, StreamlabError
from streamlab.files.cassette import Cassette
from streamlab.files.cassette_output import CassetteOutput, Mode, check_name


def exchange(number: int) -> Exchange:
    """Return an exchange that can be told from others."""
    return Exchange(request=Request(body=b'{"n":%d}' % number), head=Head(200), ended=Ended.COMPLETE)


def write(path: Path, mode: Mode, *numbers: int) -> CassetteOutput:
    """Record these."""
    output = CassetteOutput(path, mode)
    for number in numbers:
        output.writer.append(exchange(number))
    output.close(len(numbers))
    return output


def numbers_in(path: Path) -> list[int]:
    """Return what is in a cassette."""
    return [each.request.json["n"] for each in Cassette(path)]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Give the name of a cassette."""
    return tmp_path / "a.yaml"


@pytest.mark.parametrize("mode", Mode)
def test_a_new_cassette_is_made_in_any_mode(mode: Mode, out: Path) -> None:
    """And nothing is left beside it."""
    write(out, mode, 1, 2)
    assert numbers_in(out) == [1, 2]
    assert [each.name for each in out.parent.iterdir()] == ["a.yaml"]


@pytest.mark.parametrize("mode", Mode)
def test_nothing_recorded_is_no_cassette(mode: Mode, out: Path) -> None:
    """A file with nothing in it helps nobody."""
    output = CassetteOutput(out, mode)
    assert output.close(0) is False
    assert list(out.parent.iterdir()) == []


def test_what_is_there_stays_replaced_or_grows(out: Path) -> None:
    """As the mode says."""
    write(out, Mode.ONCE, 1)
    with pytest.raises(ScenarioError, match="the file is there already"):
        CassetteOutput(out, Mode.ONCE)
    assert write(out, Mode.NEW, 2).before == 1
    assert numbers_in(out) == [1, 2]
    write(out, Mode.ALL)
    assert numbers_in(out) == [1, 2]
    write(out, Mode.ALL, 3)
    assert numbers_in(out) == [3]
    write(out, Mode.NEW)
    assert numbers_in(out) == [3]


def test_what_is_not_good_replaces_nothing(out: Path) -> None:
    """It is put aside, in the place of what was put there before; if there is nothing to replace, it is better than nothing."""
    output = CassetteOutput(out, Mode.ALL)
    output.writer.append(exchange(1))
    assert (output.close(1, is_good=False), output.aside) == (True, None)
    for number in (2, 3):
        output = CassetteOutput(out, Mode.ALL)
        output.writer.append(exchange(number))
        assert (output.close(1, is_good=False), output.aside) == (True, out.parent / "a.failed.yaml")
        assert (numbers_in(out), numbers_in(out.parent / "a.failed.yaml")) == ([1], [number])
    output = CassetteOutput(out, Mode.ALL)
    assert (output.close(0, is_good=False), output.aside) == (True, None)
    assert sorted(each.name for each in out.parent.iterdir()) == ["a.failed.yaml", "a.yaml"]


def test_what_was_killed_is_set_aside(out: Path) -> None:
    """Under a name that is free."""
    (out.parent / "a.killed-1.yaml").write_text("mine")
    (out.parent / ".a.yaml.all").write_text("half")
    output = write(out, Mode.ALL, 1)
    assert output.reports == [f"{out}: an earlier recording was killed; what it had recorded is kept in a.killed-2.yaml"]
    assert (out.parent / "a.killed-2.yaml").read_text() == "half"
    assert numbers_in(out) == [1]


@pytest.mark.parametrize("mode", [Mode.NEW, Mode.ALL])
@pytest.mark.parametrize("text", ["data: {}\n\n", "streamlab: 9\nkind: cassette\n"])
def test_what_is_no_cassette_is_not_touched(mode: Mode, text: str, out: Path) -> None:
    """Least of all replaced."""
    out.write_text(text)
    with pytest.raises(ScenarioError):
        CassetteOutput(out, mode)
    assert [(each.name, each.read_text()) for each in out.parent.iterdir()] == [("a.yaml", text)]


@pytest.mark.parametrize("locked", ["a.yaml", ".a.yaml.all"])
def test_two_recorders_do_not_replace_one_cassette(locked: str, out: Path) -> None:
    """Whichever file the other one holds."""
    write(out, Mode.ONCE, 1)
    (out.parent / locked).touch()
    with (out.parent / locked).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ServerError, match="another streamlab is recording into this cassette\n  hint: wait for it to end"):
            CassetteOutput(out, Mode.ALL)
    assert numbers_in(out) == [1]


def test_a_replacement_that_fails_keeps_both(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says where the new one is."""
    write(out, Mode.ONCE, 1)
    output = CassetteOutput(out, Mode.ALL)
    output.writer.append(exchange(2))

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(
        ServerError, match="cannot be replaced: No space left on device\n  hint: what was recorded is in "
    ) as caught:
        output.close(1)
    assert numbers_in(out) == [1]
    assert numbers_in(Path(str(caught.value).rpartition(" is in ")[2])) == [2]


def test_patterns_stand_in_the_header(out: Path) -> None:
    """A cassette that does not know one takes no more exchanges: its requests would not be found again."""
    output = CassetteOutput(out, Mode.ONCE, ["a+"])
    output.writer.append(exchange(1))
    output.close(1)
    assert [each.pattern for each in Cassette(out).terms.matching.redact if not isinstance(each, str)] == ["a+"]
    CassetteOutput(out, Mode.NEW, ["a+"]).close(0)
    hint = 'write it there: redact: \\["a\\+", "b\\+"\\]; or record into another file'
    with pytest.raises(ScenarioError, match=f"the header does not have the pattern 'b\\+'\n  hint: {hint}"):
        CassetteOutput(out, Mode.NEW, ["a+", "b+"])


@pytest.mark.parametrize(
    ("name", "said"), [("", "this is a folder"), ("name", "a cassette's name ends in .yaml\n  hint: name it")]
)
def test_a_name_that_is_none(name: str, said: str, tmp_path: Path) -> None:
    """Before anything is opened."""
    with pytest.raises(StreamlabError, match=said):
        check_name(tmp_path / name if name else tmp_path)
    check_name(tmp_path / "a.YML")
