"""Tests of the header of a cassette: what it may say, what that means, and what is said of a wrong one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cassettes import EXCHANGE, text, written
from streamlab.core.recognition import Matching
from streamlab.errors import ScenarioError
from streamlab.files.cassette import Cassette
from streamlab.files.cassette_header import Terms, header_text, terms
from streamlab.files.cassette_schema import cassette_schema
from streamlab.files.cassette_text import HEADER
from streamlab.files.cassette_writer import CassetteWriter, write_all

GOOD: dict[str, tuple[dict[str, Any], Terms]] = {
    "nothing": ({}, Terms()),
    "about": ({"about": "The weather."}, Terms(about="The weather.")),
    "ignore": ({"match": {"ignore": ["metadata", "a.*.id"]}}, Terms(Matching(ignore=("metadata", "a.*.id")))),
    "ignore nothing": ({"match": {"ignore": []}}, Terms(Matching(ignore=()))),
    "normalise": ({"match": {"normalise": ["ids", "dates"]}}, Terms(Matching(normalise=("ids", "dates")))),
    "repeat": ({"repeat": "none"}, Terms(repeat="none")),
    "redact": ({"redact": ["cust_[0-9]+"]}, Terms(Matching(redact=(re.compile("cust_[0-9]+"),)))),
    "unknown": ({"made_by": {"name": "x", "list": [1, None]}}, Terms()),
}
WRONG: dict[str, tuple[str, str]] = {
    "match": ("match: ids", "4:1: match: a mapping is expected, not 'ids'\n  hint: for example: match: {ignore: [metadata]}"),
    "unknown way": (
        "match: {ignroe: [a]}",
        (
            "4:9: match.ignroe: there is no way of matching called 'ignroe'\n"
            "  hint: did you mean 'ignore'? expected one of: ignore, normalise"
        ),
    ),
    "unknown normaliser": (
        "match: {normalise: [id]}",
        "4:21: match.normalise.0: 'id' cannot be normalised\n  hint: did you mean 'ids'? expected one of: dates, ids",
    ),
    "a text for a list": (
        "match: {ignore: metadata}",
        "4:9: match.ignore: a list is expected, not 'metadata'\n  hint: for example: ignore: [metadata]",
    ),
    "a number for a path": (
        "match: {ignore: [a, 1]}",
        "4:21: match.ignore.1: a text is expected, not 1\n  hint: for example: ignore: [metadata]",
    ),
    "repeat": (
        "repeat: lasts",
        "4:1: repeat: 'lasts' is no way to repeat\n  hint: did you mean 'last'? expected one of: all, last, none",
    ),
    "about": ("about: [a]", "4:1: about: a text is expected, not ['a']\n  hint: put it in quotes"),
    "pattern": (
        "redact: [a, '(']",
        (
            "4:13: redact.1: the pattern '(' cannot be read: missing ), unterminated subpattern at column 1\n"
            "  hint: it is a regular expression of Python; write a backslash before . ( ) [ ] { } * + ? ^ $ | to mean them"
        ),
    ),
}


@pytest.mark.parametrize(("header", "expected"), GOOD.values(), ids=GOOD)
def test_what_a_header_says_is_read_back(tmp_path: Path, header: dict[str, Any], expected: Terms) -> None:
    """Written by the writer, read by the reader, unknown keys and all, and the schema has nothing against it."""
    assert terms(header) == expected
    path = tmp_path / "c.yaml"
    write_all(path, [EXCHANGE], header=header)
    read = Cassette(path)
    assert read.header == {"streamlab": 1, "kind": "cassette", **header}
    assert read.terms == expected
    assert list(read) == [EXCHANGE]
    assert [str(each) for each in Draft202012Validator(cassette_schema()).iter_errors(read.header)] == []


def test_a_header_is_a_line_for_each_key() -> None:
    """That a person can read; the first two are always the same."""
    header = {"kind": "x", "streamlab": 9, "about": "On: a day", "match": {"ignore": ["a.b"]}, "repeat": "all"}
    assert header_text(header) == HEADER + 'about: "On: a day"\nmatch: {"ignore": ["a.b"]}\nrepeat: "all"\n'
    assert header_text(None) == header_text({}) == HEADER


def test_a_new_cassette_begins_with_its_header_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    """Whatever is said when it is opened again."""
    path = tmp_path / "c.yaml"
    with CassetteWriter(path, mode="new", header={"about": "Mine."}) as writer:
        writer.append(EXCHANGE)
    with CassetteWriter(path, mode="append", header={"about": "Another."}) as writer:
        writer.append(EXCHANGE)
    read = Cassette(path)
    assert (read.terms.about, len(read)) == ("Mine.", 2)


@pytest.mark.parametrize(("line", "problem"), WRONG.values(), ids=WRONG)
def test_a_wrong_header_is_said_with_its_place(tmp_path: Path, line: str, problem: str) -> None:
    """When the cassette is opened; the schema, which is for editors, refuses most of these too."""
    path = written(tmp_path, text([EXCHANGE]).replace("kind: cassette\n", f"kind: cassette\n{line}\n"))
    with pytest.raises(ScenarioError) as caught:
        Cassette(path)
    assert str(caught.value) == f"{path}:{problem}"


def test_the_schema_can_be_written_as_json() -> None:
    """With what the header may say in it."""
    assert '"normalise"' in json.dumps(cassette_schema())
