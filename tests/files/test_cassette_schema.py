"""Tests of the schema of a cassette: it takes what is written and what is read."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given

from cassettes import EXCHANGES, TEXT
from streamlab.core.exchange import Exchange
from streamlab.files import cassette_schema as cassette_schema_module
from streamlab.files.cassette_general import load_document
from streamlab.files.cassette_schema import cassette_schema
from streamlab.files.cassette_text import HEADER, document

SHIPPED = Path(__file__).parents[2] / "cassettes" / "cassette.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(cassette_schema())


def data(text: str) -> object:
    """Return what a document says, with bytes as the texts of which they are."""
    return _texts(load_document(text.encode(), 1, "c.yaml").located.data)


def _texts(value: object) -> object:
    if isinstance(value, dict):
        return {key: _texts(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_texts(each) for each in value]
    return repr(value) if isinstance(value, bytes) else value


def test_the_schema_that_is_shipped_is_the_one_that_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    """If this fails: python -m streamlab.files.cassette_schema > cassettes/cassette.schema.json."""
    runpy.run_path(cassette_schema_module.__file__, run_name="__main__")
    made = capsys.readouterr().out
    assert made == SHIPPED.read_text(encoding="utf-8")
    assert json.loads(made) == cassette_schema()


def test_the_schema_is_one() -> None:
    """It keeps the rules of its own language."""
    jsonschema.Draft202012Validator.check_schema(cassette_schema())


@pytest.mark.parametrize("text", [HEADER, TEXT, "request: {headers: {a: 1}, body: [1]}\nresponse: null\nended: fin\nmore: x\n"])
def test_it_takes_a_document(text: str) -> None:
    """The header, an exchange, one that somebody wrote."""
    VALIDATOR.validate(data(text))


@given(EXCHANGES)
def test_it_takes_whatever_is_written(exchange: Exchange) -> None:
    """For any exchange."""
    VALIDATOR.validate(data("".join(document(exchange))))


@pytest.mark.parametrize(
    "change",
    [
        ("ended: complete", "ended: complet"),
        ("ended: complete\n", ""),
        ("status: 200", "status: OK"),
        ("status: 200", "status: 100"),
        ("first: 0.4123", "first: -1"),
        ("  - [request-id, req_1]", "  - [request-id]"),
        ("method: POST", "method: 1"),
    ],
)
def test_it_refuses_what_is_wrong(change: tuple[str, str]) -> None:
    """As the loader does."""
    assert not VALIDATOR.is_valid(data(TEXT.replace(*change)))
