"""Tests of YAML that other tools wrote: plain data of any of it, and an error for all that could do harm."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from streamlab.errors import ScenarioError
from streamlab.files.importers.foreign_yaml import load_documents

DATA = "only texts, numbers, lists, mappings and !!binary are imported; no object is made"
ISTR = "!!python/object/apply:multidict._multidict.istr"


def load(text: str) -> Any:
    """Return the one document in a text."""
    (document,) = load_documents(text, "a.yaml")[0]
    return document


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: text", {"a": "text"}),
        ("a: 1\nb: -2.5\nc: yes\nd: off\ne: ~\nf:", {"a": 1, "b": -2.5, "c": True, "d": False, "e": None, "f": None}),
        ("a: 'yes'\nb: \"1\"\nc: !!str 1", {"a": "yes", "b": "1", "c": "1"}),
        ("a: 2024-01-01\nb: =\nc: 2024-01-01 10:00:00", {"a": "2024-01-01", "b": "=", "c": "2024-01-01 10:00:00"}),
        ("200: a\nyes: b\n~: c", {"200": "a", "yes": "b", "~": "c"}),
        ("- [1, [2, {a: [3]}]]", [[1, [2, {"a": [3]}]]]),
        ("a: !!binary aGk=\nb: !binary |-\n  a\n  Gk=", {"a": b"hi", "b": b"hi"}),
        ("a: &x [1]\nb: *x\nc: &y t\nd: *y", {"a": [1], "b": [1], "c": "t", "d": "t"}),
        ("a: |+\n  one\n  two  \n\nb: 'it''s\n\n  x'", {"a": "one\ntwo  \n\n", "b": "it's\nx"}),
        ('a: "\\x01\\u2028\\U0001F642\\e"', {"a": "\x01\u2028🙂\x1b"}),
        (
            f"? {ISTR} [Content-Type]\n: x\n? !!python/object/new:multidict._multidict_py.istr\n- B\n: y",
            {"Content-Type": "x", "B": "y"},
        ),
        (f"a: {ISTR} [v]", {"a": "v"}),
        ("!!map {a: !!seq [1]}", {"a": [1]}),
        ("0x10", 16),
    ],
)
def test_data_is_plain(text: str, data: Any) -> None:
    """Texts, numbers, truth values, bytes, lists and mappings; a date is a text."""
    assert load(text) == data


def test_several_documents() -> None:
    """Each is given, the empty one too; anchors hold in their own document."""
    assert load_documents("a: &x 1\n---\n---\n- 2\n...\n", "a.yaml")[0] == [{"a": 1}, None, [2]]
    with pytest.raises(ScenarioError, match="there is no anchor 'x' for this alias"):
        load_documents("a: &x 1\n---\nb: *x", "a.yaml")
    assert load_documents("# nothing\n", "a.yaml")[0] == []


def test_lines_are_known() -> None:
    """Of each part that is not too deep: entries where their value begins, items where they stand."""
    lines = load_documents("a:\n  b: 1\n  c:\n  - x\n  - {d: 2}\n---\ne: 1", "a.yaml")[1]
    assert lines[0, "a", "b"] == 2
    assert lines[0, "a", "c", 1] == 5
    assert lines[1, "e"] == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a: !!python/object/apply:os.system ['true']",
            f"the tag '!!python/object/apply:os.system' is not read here\n  hint: {DATA}",
        ),
        ("a: !!python/name:os.system ''", f"the tag '!!python/name:os.system' is not read here\n  hint: {DATA}"),
        (
            "a: !!python/object/apply:xmultidict.istr [x]",
            f"the tag '!!python/object/apply:xmultidict.istr' is not read here\n  hint: {DATA}",
        ),
        (
            "a: !!python/object/apply:multidict.istr.os [x]",
            f"the tag '!!python/object/apply:multidict.istr.os' is not read here\n  hint: {DATA}",
        ),
        ("a: !!python/str x", f"the tag '!!python/str' is not read here\n  hint: {DATA}"),
        ("a: !ruby/object:Hash {}", f"the tag '!ruby/object:Hash' is not read here\n  hint: {DATA}"),
        ("a: !!set {x}", f"the tag '!!set' is not read here\n  hint: {DATA}"),
        (f"a: {ISTR} [x, y]", "the name of a header is one text"),
        (f"a: {ISTR} [[x]]", "the name of a header is one text"),
        (f"a: {ISTR} {{x: y}}", f"the tag '{ISTR}' is not read here\n  hint: {DATA}"),
        ("a: !!int ''", "this is no value of '!!int'"),
        ("a: !!int x", "this is no value of '!!int'"),
        ("a: !!bool maybe", "this is no value of '!!bool'"),
        ("a: !!binary '?'", "this is no value of '!!binary'"),
        ("a: .inf", "JSON has no such number"),
        ("a: .nan", "JSON has no such number"),
        ("a: " + "9" * 5000, "this number is too large"),
        ("a: " + "1:" * 5000 + "1", "this number is too large"),
        ("a: 1\n" + "b: &x [*x]", "this part contains itself\n  hint: an alias may not stand inside its own anchor"),
        ("a: *x", "there is no anchor 'x' for this alias"),
        ("a: {<<: {b: 1}}", "merge keys are not read here\n  hint: write the keys out"),
        ("a: {b: 1, b: 2}", "the key 'b' is written twice\n  hint: keep one of them"),
        ("a: {[b]: 1}", "a key is a text, not a list or a mapping"),
        ("a: {!binary aGk=: 1}", "a key is a text"),
        ("a: &x [1]\nb: {*x : 1}", "a key is a text"),
        ("a: " + "[" * 600, "the nesting is too deep"),
        ("a: [", "not valid YAML: while parsing a flow node: did not find expected node content"),
        ("a: 'x", "not valid YAML: while scanning a quoted scalar: found unexpected end of stream"),
        ("a: \x07", "not valid YAML: the character U+0007 cannot stand in it"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    """With the file, the line, what is wrong and what to do; nothing is made of it."""
    with pytest.raises(ScenarioError) as caught:
        load(text)
    where, _, said = str(caught.value).partition(": ")
    assert said == message
    assert where.startswith("a.yaml:")
    assert caught.value.line == (2 if "\n" in text or text == "a: [" else 1)


def test_aliases_may_stand_for_much_but_not_for_all() -> None:
    """A hundred times the same header is a cassette, a million times the same text is none."""
    assert len(load("a: &x [xx]\nb: [" + "*x, " * 100 + "]")["b"]) == 100
    with pytest.raises(ScenarioError) as caught:
        load("a: &x " + "x" * 1000 + "\nb: &y [" + "*x, " * 100 + "]\nc:\n- [" + "*y, " * 100 + "]")
    assert str(caught.value).startswith("a.yaml:4:")
    assert (caught.value.problem, caught.value.hint) == ("the aliases make this file too large", "write less, or write it out")


def test_hostile_files_cost_nothing() -> None:
    """Nesting of a million levels, and aliases that stand for billions of parts, end at once and in little memory."""
    program = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from streamlab.errors import ScenarioError
from streamlab.files.importers.foreign_yaml import load_documents
names = [f"a{n}" for n in range(60)]
laughs = "a: &a0 [x, x]\\n" + "".join(f"b{n}: &a{n + 1} [" + ", ".join([f"*a{n}"] * 9) + "]\\n" for n in range(60))
long = "a: &a0 " + "x" * 100_000 + "\\nb: [" + ", ".join(["*a0"] * 1_000_000) + "]\\n"
for text in ("[" * 1_000_000, "- " * 1_000_000 + "x", '{"a":' * 300_000, "? " * 300_000, laughs, long):
    try:
        load_documents(text, "a.yaml")
    except ScenarioError as error:
        print(error.problem)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, timeout=60, capture_output=True, text=True)
    deep, large = "the nesting is too deep", "the aliases make this file too large"
    assert done.stdout.splitlines()[:3] == [deep] * 3
    assert done.stdout.splitlines()[4:] == [large] * 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_the_library_writes_is_read_back(value: Any) -> None:
    """Whatever the data."""
    assert load(yaml.safe_dump(value)) == value


@given(JSON)
def test_raw_unicode_is_read_as_the_library_reads_it(value: Any) -> None:
    """Written so, some line ends are lost already as they are written."""
    text = yaml.safe_dump(value, allow_unicode=True)
    assert load(text) == yaml.load(text, yaml.CSafeLoader)


@given(st.binary())
def test_bytes_are_read_back(value: bytes) -> None:
    """As the library writes them."""
    assert load(yaml.safe_dump([value])) == [value]


@given(st.text(alphabet="ab&*!:-[]{}?|>'\"\n <%@`#,0.", max_size=60))
def test_nothing_escapes_but_our_errors(text: str) -> None:
    """Whatever stands in a file, it is data or a ScenarioError."""
    try:
        load_documents(text, "a.yaml")
    except ScenarioError as error:
        assert error.file == "a.yaml"  # noqa: PT017 - either is right
