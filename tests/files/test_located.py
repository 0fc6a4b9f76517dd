"""Tests of YAML with places: what is read, where each part stands, and what is refused, with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from streamlab.errors import ScenarioError
from streamlab.files.located import Located, load_located, read_text


def loaded(folder: Path, text: str | bytes) -> Located:
    """Return what a file with this text holds."""
    path = folder / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return load_located(path, "file.yaml")


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: true\nb: False\n", {"a": True, "b": False}),
        ("a:\nb: ~\nc: null\n", {"a": None, "b": None, "c": None}),
        ("a: 12\nb: -3\nc: +4\nd: 007\ne: 0x1F\nf: 0o17\n", {"a": 12, "b": -3, "c": 4, "d": 7, "e": 31, "f": 15}),
        ("a: 1.5\nb: .5\nc: 1e3\nd: -2.\n", {"a": 1.5, "b": 0.5, "c": 1000.0, "d": -2.0}),
        ("a: yes\nb: on\nc: no\nd: off\ne: n\n", {"a": "yes", "b": "on", "c": "no", "d": "off", "e": "n"}),
        ("a: 2024-01-01\nb: 12:30\nc: 1_000\n", {"a": "2024-01-01", "b": "12:30", "c": "1_000"}),
        ("a: .nan\nb: .inf\nc: 1..2\nd: =\n", {"a": ".nan", "b": ".inf", "c": "1..2", "d": "="}),
        ("1: a\ntrue: b\nnull: c\n1.50: d\n~: e\n", {"1": "a", "true": "b", "null": "c", "1.50": "d", "~": "e"}),
        ("a: !!binary aGVs\n  bG8=\n", {"a": b"hello"}),
        ("a: !!str 12\n", {"a": "12"}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        (
            "a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\ne: *x\n",
            {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}, "e": {"b": 1, "c": 2}},
        ),
        ("a: <<\n", {"a": "<<"}),
        ('a: "\\ud83d\\ude00 \\U0001F600 \\u00e9"\n', {"a": "😀 😀 é"}),
        ("\ufeffa: ü\r\nb: c\r\n", {"a": "ü", "b": "c"}),
        ("# comment\n---\na: b\n...\n", {"a": "b"}),
        ("[a, {b: c}]", ["a", {"b": "c"}]),
        ("hello", "hello"),
        ("{}", {}),
    ],
)
def test_yaml_is_read_as_json_has_it(tmp_path: Path, text: str, data: object) -> None:
    """By the rules of YAML 1.2: a word is a text unless JSON has it, and a key is a text as it is written."""
    found = loaded(tmp_path, text).data
    assert found == data
    assert repr(found) == repr(data)


def test_every_part_has_its_place(tmp_path: Path) -> None:
    """An entry of a mapping stands at its key, an item of a list at its start; merged keys at their own."""
    text = "a: 1\nb:\n  - c\n  - {d: 2, e: [3, 4]}\nf: &x\n  g: 5\nh: {<<: *x, i: 6}\n"
    assert loaded(tmp_path, text).marks == {
        (): (1, 1),
        ("a",): (1, 1),
        ("b",): (2, 1),
        ("b", 0): (3, 5),
        ("b", 1): (4, 5),
        ("b", 1, "d"): (4, 6),
        ("b", 1, "e"): (4, 12),
        ("b", 1, "e", 0): (4, 16),
        ("b", 1, "e", 1): (4, 19),
        ("f",): (5, 1),
        ("f", "g"): (6, 3),
        ("h",): (7, 1),
        ("h", "g"): (6, 3),
        ("h", "i"): (7, 13),
    }


@pytest.mark.parametrize(
    ("key", "place"),
    [((), (1, 1)), (("b", 1, "d"), (3, 6)), (("b", 1, "nowhere", 4), (3, 5)), (("b", 7), (2, 1)), (("z",), (1, 1))],
)
def test_an_error_is_placed_at_its_key_or_what_is_around_it(
    tmp_path: Path, key: tuple[Any, ...], place: tuple[int, int]
) -> None:
    """A key that is missing is missed where it should stand."""
    found = loaded(tmp_path, "a: 1\nb: [c,\n    {d: 2}]\n")
    error = found.place(ScenarioError("problem", key=key))
    assert (error.file, error.line, error.column) == ("file.yaml", *place)
    assert found.mark(key) == place


LARGE = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)
HALF = "this text holds half of a character: a surrogate without its other half"
TAG = "file.yaml:{}: the tag {} is not read here\n  hint: take it out: only !!binary is read"
YAML = "file.yaml:{}: not valid YAML: {}\n  hint: {}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "file.yaml:1:1: the file is empty\n  hint: a scenario has one of: reply, replies, rules"),
        ("# only a comment\n", "file.yaml:1:1: the file is empty\n  hint: a scenario has one of: reply, replies, rules"),
        (
            "a: 1\nb: 2\na: 3\n",
            "file.yaml:3:1: a: this key is written twice\n  hint: keep one of them",
        ),
        (
            "a:\n  - {b: 1, c: 2, b: 3}\n",
            "file.yaml:2:18: a.0.b: this key is written twice\n  hint: keep one of them",
        ),
        ("1: a\n'1': b\n", "file.yaml:2:1: 1: this key is written twice\n  hint: keep one of them"),
        (
            "a: b\n c: d\n",
            YAML.format(
                "2:3",
                "mapping values are not allowed here",
                "put a text that holds ': ' in quotes, or mend the indent of this line",
            ),
        ),
        (
            "a: b: c\n",
            YAML.format(
                "1:5",
                "mapping values are not allowed here",
                "put a text that holds ': ' in quotes, or mend the indent of this line",
            ),
        ),
        (
            "a:\n- b: 1\n c: 2\n",
            YAML.format(
                "3:2",
                "while parsing a block mapping: expected <block end>, but found '<block mapping start>'",
                "the indent of this line does not fit the lines above it",
            ),
        ),
        (
            "a:\n\tb: c\n",
            YAML.format(
                "2:1",
                "while scanning for the next token: found character '\\t' that cannot start any token",
                "indent with spaces, not with tabs",
            ),
        ),
        (
            "a: @b\n",
            YAML.format(
                "1:4",
                "while scanning for the next token: found character '@' that cannot start any token",
                "put a text that begins with this character in quotes",
            ),
        ),
        (
            "a: - b\n",
            YAML.format(
                "1:4",
                "sequence entries are not allowed here",
                "put a text that begins with - in quotes, or begin the list on a line of its own",
            ),
        ),
        ("a: *b\n", YAML.format("1:4", "found undefined alias 'b'", "put a text that begins with * in quotes")),
        (
            "a: & b\n",
            YAML.format(
                "1:5",
                "while scanning an anchor: expected alphabetic or numeric character, but found ' '",
                "put a text that begins with & in quotes",
            ),
        ),
        (
            "a: b\nc\nd: e\n",
            YAML.format(
                "3:1",
                "while scanning a simple key: could not find expected ':'",
                "a key is followed by ': ', and a text of several lines begins with | or >",
            ),
        ),
        (
            "a: 1\nb: 'c\nd: 2\n",
            YAML.format(
                "2:4", "while scanning a quoted scalar: found unexpected end of stream", "a quote is opened and not closed"
            ),
        ),
        (
            "a: 1\nb: {c: 2\n",
            YAML.format(
                "2:4",
                "while parsing a flow mapping: expected ',' or '}', but got '<stream end>'",
                "a bracket or a brace is opened and not closed",
            ),
        ),
        (
            "a: b\n---\nc: d\n",
            YAML.format(
                "2:1",
                "expected a single document in the stream: but found another document",
                "write each scenario into a file of its own; a folder of them can be served",
            ),
        ),
        (
            'a: "\\q"\n',
            "file.yaml:1:6: not valid YAML: while scanning a double-quoted scalar: found unknown escape character 'q'",
        ),
        ("a: b\nc: d\0e\n", "file.yaml:2:5: not valid YAML: the character U+0000 cannot stand in it"),
        ("a: b\nc:\n", None),
        (b"a: b\nc: caf\xe9\n", "file.yaml:2:7: not a text in UTF-8: byte 12 is 0xe9\n  hint: save the file as UTF-8"),
        ("a: b".encode("utf-16"), "file.yaml:1:1: not a text in UTF-8: byte 1 is 0xff\n  hint: save the file as UTF-8"),
        (
            "a: b\nc: !!python/object/apply:os.system [ls]\n",
            TAG.format("2:4: c", "'!!python/object/apply:os.system'"),
        ),
        ("a: [!mine b]\n", TAG.format("1:5: a.0", "'!mine'")),
        (
            "a: !!timestamp 2024-01-01\n",
            TAG.format("1:4: a", "'!!timestamp'"),
        ),
        ("a: !!set {b}\n", TAG.format("1:4: a", "'!!set'")),
        ("a: !!int b\n", TAG.format("1:4: a", "'!!int'")),
        ("!!map [1]\n", TAG.format("1:1", "'!!map'")),
        ("a: !!str [b]\n", TAG.format("1:4: a", "'!!str'")),
        ("a: !!binary é\n", "file.yaml:1:4: not valid YAML: after !!binary comes base64"),
        ("a: !!binary 'aGk'\n", "file.yaml:1:4: not valid YAML: after !!binary comes base64"),
        (f"a: 1{'0' * 5000}\n", "file.yaml:1:4: not valid YAML: this number is too large"),
        ("a: 1e999\n", "file.yaml:1:4: not valid YAML: this number is too large"),
        (
            "a: &b\n  c: [*b]\n",
            "file.yaml:1:4: a.c.0: this part contains itself\n  hint: an alias may not stand inside its own anchor",
        ),
        (
            "? [a]\n: b\n",
            "file.yaml:1:3: a key is a text, not a list or a mapping\n  hint: put a text in braces in quotes",
        ),
        (
            "a: {{b: c}: d}\n",
            "file.yaml:1:5: a: a key is a text, not a list or a mapping\n  hint: put a text in braces in quotes",
        ),
        (
            "a: {<<: [1]}\n",
            "file.yaml:1:10: not valid YAML: while constructing a mapping: expected a mapping for merging, but found scalar",
        ),
        (
            'a: "\\ud83d"\n',
            f"file.yaml:1:4: a: {HALF}\n  hint: a stream with such bytes can be written with raw: !!binary",
        ),
        (
            '{"\\udc00": 1}\n',
            f"file.yaml:1:2: {HALF}\n  hint: a stream with such bytes can be written with raw: !!binary",
        ),
        ("[" * 1000, "file.yaml:1:1: the nesting is too deep"),
    ],
)
def test_what_is_no_plain_yaml_is_an_error_with_its_place(tmp_path: Path, text: str | bytes, expected: str | None) -> None:
    """It says what is wrong in the words of YAML, and what to do in those of everyone."""
    if expected is None:
        assert loaded(tmp_path, text).data == {"a": "b", "c": None}
        return
    with pytest.raises(ScenarioError) as caught:
        loaded(tmp_path, text)
    assert str(caught.value) == expected


def test_a_few_lines_cannot_stand_for_billions(tmp_path: Path) -> None:
    """Aliases of aliases are counted before anything is made of them."""
    with pytest.raises(ScenarioError, match="the aliases make this file too large\n  hint: write less, or write it out"):
        loaded(tmp_path, LARGE)


@pytest.mark.parametrize(("name", "problem"), [("missing.yaml", "No such file or directory"), ("", "Is a directory")])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, name: str, problem: str) -> None:
    """The system's own words say why."""
    with pytest.raises(ScenarioError) as caught:
        read_text(tmp_path / name, "shown.yaml")
    assert str(caught.value) == f"shown.yaml: cannot be read: {problem}"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)


@given(VALUES)
def test_json_is_yaml(tmp_path: Path, value: object) -> None:
    """Whatever JSON can say is read as JSON reads it, and every part of it has a place."""
    found = loaded(tmp_path, json.dumps(value))
    assert found.data == value
    assert set(found.marks) == {(), *_keys(value, ())}


@given(st.text(alphabet="ab:-[]{}\"'#&*!|>%@?, \n\t\x00\x85\u2028é😀0.", max_size=30))
def test_no_text_is_too_strange_to_be_read(tmp_path: Path, text: str) -> None:
    """Either it is read, with the place of each part, or there is an error with file, line and column."""
    found = problem = None
    try:
        found = loaded(tmp_path, text)
    except ScenarioError as error:
        problem = error
    if found is not None:
        assert set(found.marks) == {(), *_keys(found.data, ())}
    if problem is not None:
        assert problem.file == "file.yaml"
        assert 1 <= (problem.line or 0) <= text.count("\n") + text.count("\x85") + text.count("\u2028") + 2
        assert (problem.column or 0) >= 1


def test_the_library_itself_is_left_as_it_was() -> None:
    """Our rules hold for our files, not for everybody who reads YAML in the same process."""
    assert yaml.safe_load("a: yes") == {"a": True}


def _keys(value: object, key: tuple[str | int, ...]) -> set[tuple[str | int, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {found for name, part in parts for found in ((*key, name), *_keys(part, (*key, name)))}
