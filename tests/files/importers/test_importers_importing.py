"""Tests of importing: which format a file is of, and what is said if it is of none."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from foreign_files import BODY, as_yaml, imported, vcr
from hypothesis import given, settings
from hypothesis import strategies as st

from streamlab.errors import ScenarioError
from streamlab.files.importers import FORMATS, Imported, import_file, importing
from streamlab.files.importers.documents import Document
from streamlab.files.importers.drafts import Format

KNOWN = (
    "known are: sse, r-vcr, ruby-vcr, go-vcr, vcr-yaml, vcr-json, httpmock-yaml, har, btjs, aimock, req_llm, wiremock, "
    "dd-json, response-json, message-json, jsonl-events, json-events"
)


@pytest.mark.parametrize(
    "content",
    [
        "just a text",
        "a: 1",
        "- 1",
        "a: 1\n---\nb: 2",
        "# nothing",
        "{}",
        "[]",
        "[1]",
        '{"a":1}\n{"b":2}',
        "[1]\n[2]",
        '{"interactions": 5}',
        '{"interactions": [5]}',
        '{"log": {"entries": 5}}',
        '{"entries": [1]}',
        '{"fixtures": [1]}',
        '{"mappings": [1]}',
        '{"request": {}, "response": {}}',
        '{"request": {}, "response": 5}',
        '{"type": "message"}',
        '{"type": "error", "error": 5}',
        '[{"type": "text", "text": "x"}]',
        '{"type": "text"}\n{"type": "text"}',
        "http_interactions: 5",
    ],
)
def test_a_file_of_no_format(tmp_path: Path, content: str) -> None:
    """Those that are known are named."""
    with pytest.raises(ScenarioError) as caught:
        imported(tmp_path, content)
    assert str(caught.value) == f"{tmp_path / 'file.json'}: this is none of the formats that can be imported\n  hint: {KNOWN}"
    assert ", ".join(FORMATS) in KNOWN


@pytest.mark.parametrize(
    "content", ["streamlab: 1\nreply: x", "streamlab: 1\nkind: cassette\n---\nrequest: {}", '{"streamlab": 1}']
)
def test_our_own_files(tmp_path: Path, content: str) -> None:
    """There is nothing to import."""
    with pytest.raises(ScenarioError) as caught:
        imported(tmp_path, content)
    problem = "this is a file of streamlab already\n  hint: there is nothing to import: it can be served"
    assert str(caught.value) == f"{tmp_path / 'file.json'}: {problem}"


def test_the_suffix_says_nothing(tmp_path: Path) -> None:
    """The same content is the same under any name."""
    names = ("a.yaml", "a.json", "a.sse", "a", "a.har")
    assert {imported(tmp_path, BODY, name).format for name in names} == {"sse"}
    assert {imported(tmp_path, as_yaml(vcr()), name).format for name in names} == {"vcr-yaml"}


def test_what_cannot_be_known_is_said_once(tmp_path: Path) -> None:
    """However many exchanges there are."""
    cassette = vcr(response={"body": None, "parsed_body": {"type": "message"}})
    cassette["interactions"] *= 3
    found = imported(tmp_path, as_yaml({**cassette, "interactions": [dict(each) for each in cassette["interactions"]]}))
    assert len(found.exchanges) == 3
    assert len(set(found.unknown)) == len(found.unknown) == 5


def test_what_comes_of_a_file_cannot_change() -> None:
    """It is a value."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Imported(format="x", exchanges=()).format = "y"  # type: ignore[misc]


@pytest.mark.parametrize("depth", [400, 490, 600])
def test_deep_data_is_read_or_an_error(tmp_path: Path, depth: int) -> None:
    """Never a crash: what can be read can be written."""
    try:
        found = imported(tmp_path, deep_yaml(depth))
    except ScenarioError as error:
        assert (error.problem, depth) == ("the nesting is too deep", 600)  # noqa: PT017 - either is right
    else:
        assert found.exchanges[0].request.body.count(b"{") == depth


def test_deep_json_is_an_error_where_it_cannot_be_written(tmp_path: Path) -> None:
    """It could just be read."""
    for depth in (*range(800, 1000), 100_000):
        text = '{"status":200,"body":' + "[" * depth + "]" * depth + "}"
        try:
            found = imported(tmp_path, text)
        except ScenarioError as error:
            assert str(error) == f"{tmp_path / 'file.json'}: the nesting is too deep"  # noqa: PT017 - either is right
        else:
            assert found.exchanges[0].body == b"[" * depth + b"]" * depth


def test_a_format_that_gets_too_deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How deep is too deep differs between versions of Python; it is an error of the file in any of them."""

    def read(document: Document) -> Iterator[str]:
        yield from read(document)

    monkeypatch.setattr(importing, "_TABLE", (Format(name="deep", is_this=lambda _: True, read=read),))
    with pytest.raises(ScenarioError) as caught:
        imported(tmp_path, "{}")
    assert str(caught.value) == f"{tmp_path / 'file.json'}: the nesting is too deep"


def deep_yaml(depth: int) -> str:
    """Return a cassette whose request is so deep, in one line."""
    text = "x"
    for _ in range(depth):
        text = "{a: " + text + "}"
    answer = "{body: {string: ''}, headers: {}, status: {code: 200}}"
    return f"interactions:\n- request: {{method: POST, uri: /v1/messages, parsed_body: {text}}}\n  response: {answer}\n"


WORDS = st.sampled_from(
    [
        *("interactions", "http_interactions", "request", "response", "status", "code", "body", "string", "headers", "uri"),
        *("url", "method", "log", "entries", "fixtures", "match", "content", "mappings", "when", "then", "path", "type"),
        *("message", "error", "chunks", "b64"),
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 600)
    | st.sampled_from(["POST", "/v1/messages", "x", "message_start", "base64:x"])
    | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200)
@given(value=VALUES, is_yaml=st.booleans())
def test_nothing_escapes_but_our_errors(tmp_path: Path, *, value: Any, is_yaml: bool) -> None:
    """Whatever a file is made of, it is imported or is a ScenarioError with the file's name."""
    try:
        imported(tmp_path, as_yaml(value) if is_yaml else value)
    except ScenarioError as error:
        assert error.file == str(tmp_path / "file.json")  # noqa: PT017 - either is right


@settings(max_examples=100)
@given(st.data())
def test_a_damaged_cassette_is_imported_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    """Cut or with a byte changed anywhere."""
    text = bytearray(as_yaml(vcr()).encode())
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "x.yaml"
    path.write_bytes(bytes(text[: data.draw(st.integers(place, len(text)))]))
    try:
        import_file(path)
    except ScenarioError as error:
        assert error.file == str(path)  # noqa: PT017 - either is right
