"""Tests of the schema of a cassette: it takes what is written and what is read."""

from __future__ import annotations

import jsonschema
import pytest
from hypothesis import given

from cassettes import EXCHANGES, TEXT
from streamlab.core.exchange import Exchange
from streamlab.files.cassette_general import load_document
from streamlab.files.cassette_schema import cassette_schema
from streamlab.files.cassette_text import HEADER, document

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
        ("first: 0.4123", "first: -1"),
        ("  - [request-id, req_1]", "  - [request-id]"),
        ("method: POST", "method: 1"),
    ],
)
def test_it_refuses_what_is_wrong(change: tuple[str, str]) -> None:
    """As the loader does."""
    assert not VALIDATOR.is_valid(data(TEXT.replace(*change)))
