"""Tests of cassettes: found by scanning, read one by one, and never half-believed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from cassettes import EXCHANGE, TEXT, numbered, text, written
from streamlab.core.exchange import Request
from streamlab.errors import ScenarioError
from streamlab.files import cassette_document
from streamlab.files.cassette import Cassette
from streamlab.files.cassette_text import HEADER

THREE = [numbered(number) for number in range(3)]
ANY = "a cassette begins with the lines streamlab: 1 and kind: cassette; streamlab record makes one, streamlab import too"
IMPORT = "streamlab import FILE --out CASSETTE makes a cassette of it"


def test_exchanges_come_back_one_by_one_and_all_together(tmp_path: Path) -> None:
    """By index, in a loop, the requests alone."""
    cassette = Cassette(written(tmp_path, text(THREE)))
    assert len(cassette) == 3
    assert [cassette[0], cassette[1], cassette[-1]] == THREE
    assert list(cassette) == THREE
    assert list(cassette.requests) == [(index, each.request) for index, each in enumerate(THREE)]
    assert cassette.cut_off is None
    assert cassette.size == (tmp_path / "c.yaml").stat().st_size
    with pytest.raises(IndexError):
        cassette[3]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"---\n", b"---  \n"),
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: b"---\n" + data,
        lambda data: b"# of mine\n---\n" + data,
        lambda data: b"%YAML 1.2\n---\n" + data,
        lambda data: data.removesuffix(b"\n"),
        lambda data: data + b"\n\n# the end\n",
        lambda data: data.replace(b"streamlab: 1\nkind:", b"  streamlab: 1\n  kind:"),
        lambda data: data.replace(b"streamlab: 1\nkind: cassette\n", b"{kind: 'cassette', streamlab: 1, more: x}\n"),
        lambda data: data.replace(b"ended: complete", b"'ended': complete"),
        lambda data: data.replace(b"ended: complete\n", b"ended: complete\n...\n"),
    ],
)
def test_what_an_editor_changes_does_not_matter(tmp_path: Path, change: object) -> None:
    """Ends of lines, spaces, a byte order mark, comments."""
    assert callable(change)
    assert list(Cassette(written(tmp_path, change(text(THREE).encode())))) == THREE


def test_a_cassette_can_be_empty(tmp_path: Path) -> None:
    """A recording in which nothing was asked."""
    cassette = Cassette(str(written(tmp_path, HEADER)))
    assert (len(cassette), list(cassette), cassette.cut_off) == (0, [], None)


def test_thousands_of_exchanges_are_noted_and_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening reads none, asking for the requests reads no answer, asking for one reads one."""
    path = written(tmp_path, text([EXCHANGE]) + f"---\n{TEXT}" * 9_999)
    read: list[str] = []

    def counted(name: str) -> None:
        inner = getattr(cassette_document, name)
        monkeypatch.setattr(cassette_document, name, lambda *given: read.append(name) or inner(*given))

    counted("exchange")
    counted("request")
    counted("_reads")
    cassette = Cassette(path)
    assert (len(cassette), read) == (10_000, [])
    assert cassette[9_999] == EXCHANGE
    assert read == ["exchange", "_reads"]
    assert next(iter(cassette.requests)) == (0, EXCHANGE.request)
    assert read == ["exchange", "_reads", "request"]


WHOLE = text(THREE).encode()
LAST = WHOLE.rindex(b"---\n")


@pytest.mark.parametrize(
    "size", [*range(LAST, LAST + 10), *range(LAST + 10, len(WHOLE), 7), *range(len(WHOLE) - 20, len(WHOLE) + 1)]
)
def test_a_last_exchange_that_is_cut_off_is_not_believed(tmp_path: Path, size: int) -> None:
    """Wherever it was cut, what is before it is there, and that something is missing is said."""
    cassette = Cassette(written(tmp_path, WHOLE[:size]))
    is_whole = size >= len(WHOLE) - 1
    assert list(cassette) == (THREE if is_whole else THREE[:2])
    assert (cassette.cut_off is None) == (is_whole or size == LAST)


@pytest.mark.parametrize(
    ("rest", "where"),
    [
        ("", "in its request"),
        ("request:\n  method: PO", "in its request"),
        ("request:\n  path: /\nresponse:\n  stat", "in its answer"),
        ("request:\n  path: /\nresponse:\n  status: 200\nended_at: 1.2", "before it says how it ended"),
        ("request:\n  path: /\nresponse:\n  status: 200\nended: compl", "before it says how it ended"),
        ("request:\n  path: /\nresponse:\n  status: 200\nend", "before it says how it ended"),
        ("request: {}\nended: {a: b}", "before it says how it ended"),
        ("request: {}\nended: [1]", "before it says how it ended"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, rest: str, where: str) -> None:
    """With the line at which the exchange begins, and the byte from which on nothing is believed."""
    whole = text(THREE[:1])
    cassette = Cassette(written(tmp_path, f"{whole}---\n{rest}"))
    line = whole.count("\n") + 2
    assert cassette.cut_off == f"line {line}: the last exchange is cut off {where}; it is left out"
    assert (list(cassette), cassette.size) == (THREE[:1], len(whole.encode()))


OPENING = f"{HEADER}---\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", f":1:1: the file is empty\n  hint: {ANY}"),
        (b" \n\n", f":1:1: the file is empty\n  hint: {ANY}"),
        (b"hello\n", f":1:1: this is not a cassette\n  hint: {ANY}"),
        (b"about: nothing\n---\nmore: x\n", f":1:1: this is not a cassette\n  hint: {ANY}"),
        (b"kind: cassette of another kind\n", f":1:1: this is not a cassette\n  hint: {ANY}"),
        (b"- kind: cassette\n", f":1:1: this is not a cassette\n  hint: {ANY}"),
        (b"\x1f\x8b\x08\0\0", ":1:1: this is no text\n  hint: a cassette is YAML, as streamlab record writes it"),
        (b"\x7fELF\0\0", ":1:1: this is no text\n  hint: a cassette is YAML, as streamlab record writes it"),
        (b"event: ping\ndata: {}\n\n", f":1:1: this is a recorded stream, not a cassette\n  hint: {IMPORT}"),
        (b'data: {"a": 1}\n\n', f":1:1: this is a recorded stream, not a cassette\n  hint: {IMPORT}"),
        (b'\xef\xbb\xbf{"log": {}}', f":1:1: this is JSON, not a cassette\n  hint: {IMPORT}"),
        (
            b"interactions:\n- request: {}\nversion: 1\n",
            f":1:1: this is a recording of VCR, not a cassette of streamlab\n  hint: {IMPORT}",
        ),
        (
            b"---\nhttp_interactions:\n- request: {}\n",
            f":1:1: this is a recording of VCR, not a cassette of streamlab\n  hint: {IMPORT}",
        ),
        (
            b"when:\n  path: /\nthen:\n  status: 200\n",
            f":1:1: this is a recording of httpmock, not a cassette of streamlab\n  hint: {IMPORT}",
        ),
        (
            b"streamlab: 1\nreply: Hello.\n",
            (
                ":1:1: this is a scenario, not a cassette\n"
                "  hint: streamlab serve answers from either; what reads cassettes takes no scenario"
            ),
        ),
        (b"kind: cassette\n", ":1:1: streamlab: says no version\n  hint: add the line: streamlab: 1"),
        (
            b"streamlab: 2\nkind: cassette\n",
            (
                ":1:1: streamlab: made by a newer streamlab (version 2); this one reads 1\n"
                "  hint: update streamlab: pip install -U streamlab-sse"
            ),
        ),
        (b"kind: cassette\nstreamlab: 0\n", ":2:1: streamlab: there is no version 0\n  hint: the first version is 1"),
        (b"kind: cassette\nstreamlab: one\n", ":2:1: streamlab: there is no version 'one'\n  hint: the first version is 1"),
        (
            b"streamlab: 1\nkind: cassette\nx: \xff\n",
            ":3:4: not a text in UTF-8: a byte is 0xff\n  hint: save the file as UTF-8",
        ),
        (
            f"{OPENING}request: {{}}\n---\nrequest: {{}}\nended: fin\n".encode(),
            (
                ":5:1: this exchange is cut off in its request\n"
                "  hint: only the last one can be cut off by a recording that was: mend it, or take it out"
            ),
        ),
        (
            f"{OPENING}request:\n  x: [\n---\n---\nended: fin\n".encode(),
            (
                ":5:1: this exchange is cut off in its request\n"
                "  hint: only the last one can be cut off by a recording that was: mend it, or take it out"
            ),
        ),
    ],
)
def test_what_is_no_cassette_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    """With what it is instead, and what to do about it."""
    path = written(tmp_path, content)
    with pytest.raises(ScenarioError) as caught:
        Cassette(path)
    assert str(caught.value) == f"{path}{expected}"


def test_an_exchange_is_an_error_when_it_is_read(tmp_path: Path) -> None:
    """The others can be read; the place is that in the file."""
    path = written(tmp_path, f"{OPENING}{TEXT}---\nrequest: {{}}\nended: soon\n")
    cassette = Cassette(path)
    assert cassette[0] == EXCHANGE
    with pytest.raises(ScenarioError) as caught:
        cassette[1]
    hint = "expected one of: complete, corrupt, end, fin, interrupted, left, refused, reset, timeout, unknown"
    assert str(caught.value) == f"{path}:{TEXT.count(chr(10)) + 7}:1: ended: 'soon' is no way to end\n  hint: {hint}"
    path = written(tmp_path, f"{OPENING}request: 1\nended: fin\n")
    with pytest.raises(ScenarioError, match="5:1: request: a mapping is expected, not 1"):
        list(Cassette(path).requests)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wether.yaml", "there is no such file\n  hint: did you mean 'weather.yaml'? expected one of: tea.yml, weather.yaml"),
        ("none/x.yaml", "there is no such file\n  hint: there is no folder '{}/none' either"),
        ("empty/x.yaml", "there is no such file\n  hint: its folder holds no cassette"),
        (".", "this is a folder, not a cassette\n  hint: name one of the files in it: tea.yml, weather.yaml"),
        ("empty", "this is a folder, not a cassette\n  hint: there is no cassette in it either"),
        ("x" * 300, "cannot be read: File name too long"),
        ("a\0b", "this cannot be the name of a file"),
    ],
)
def test_a_file_that_is_not_there_is_an_error(tmp_path: Path, name: str, expected: str) -> None:
    """With the nearest name in its folder."""
    written(tmp_path, "", "tea.yml")
    written(tmp_path, "", "weather.yaml")
    (tmp_path / "empty").mkdir()
    path = f"{tmp_path}/{name}"
    with pytest.raises(ScenarioError) as caught:
        Cassette(path)
    assert str(caught.value) == f"{path}: {expected.format(tmp_path)}"


def test_a_cassette_that_changed_is_not_read_as_if_it_had_not(tmp_path: Path) -> None:
    """One that grew is still good; one that was replaced, cut or moved about is not."""
    path = written(tmp_path, text(THREE))
    cassette = Cassette(path)
    with path.open("a") as file:
        file.write("---\nrequest: {}\nended: fin\n")
    assert cassette[2] == THREE[2]
    changed = f"{path}: the cassette has changed since it was opened\n  hint: open it again"
    path.write_text("# more\n" + text(THREE))
    with pytest.raises(ScenarioError) as caught:
        cassette[2]
    assert str(caught.value) == changed
    os.truncate(path, 100)
    with pytest.raises(ScenarioError) as caught:
        cassette[1]
    assert str(caught.value) == changed
    written(tmp_path, text(THREE), "other.yaml").replace(path)
    with pytest.raises(ScenarioError) as caught:
        cassette[0]
    assert str(caught.value) == changed


def test_unknown_keys_are_kept(tmp_path: Path) -> None:
    """What a later version says of an exchange comes back and is written again."""
    made = replace(EXCHANGE, others=(("cost", {"usd": 0.1}), ("request.tag", "x"), ("response.tls", [True, None, b"\xff"])))
    path = written(tmp_path, text([made, replace(made, request=Request())]))
    assert Cassette(path)[0] == made
    assert text(Cassette(path)) == path.read_text()
