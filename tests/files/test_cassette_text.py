"""Tests of how an exchange is written: reviewable, and the same for every reader of YAML."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given

from cassettes import ASKED, EXCHANGE, EXCHANGES, TEXT
from streamlab.core.exchange import Ended, Exchange, Request
from streamlab.core.plan import Head
from streamlab.files.cassette_text import compact, document, json_value, request_text, settings


def written(exchange: Exchange) -> str:
    """Return the text of a document."""
    return "".join(document(exchange))


def test_a_document_is_laid_out_for_reviewing() -> None:
    """One line for each event, JSON with an indent of one, and how it ended in the last line."""
    assert written(EXCHANGE) == TEXT


@pytest.mark.parametrize(
    ("exchange", "expected"),
    [
        (
            Exchange(request=Request(path="/"), head=None, ended=Ended.REFUSED),
            "request:\n  method: POST\n  path: /\nended: refused\n",
        ),
        (
            Exchange(request=Request(), head=Head(204), ended_at=0.0),
            "request:\n  method: POST\n  path: /v1/messages\nresponse:\n  status: 204\nended_at: 0\nended: complete\n",
        ),
        (
            Exchange(
                request=Request(path="/x"),
                head=Head(200),
                others=(("z", [1, {"a b": None}]), ("request.cost", 1.5), ("response.tls", b"\xff"), ("request.a", True)),
            ),
            (
                "request:\n  method: POST\n  path: /x\n  cost: 1.5\n  a: true\n"
                'response:\n  status: 200\n  tls: !!binary "/w=="\n'
                'z: [1, {"a b": null}]\nended: complete\n'
            ),
        ),
    ],
)
def test_what_is_not_there_is_left_out(exchange: Exchange, expected: str) -> None:
    """An answer without a head, one without a body; unknown keys stand where they stood."""
    assert written(exchange) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", ""),
        (b"{}", "  body: |\n    {}\n"),
        (b'[1,"\\u2028 \\u0085 \xc3\xa9 \\ud800"]', '  body: |\n    [\n     1,\n     "\\u2028 \\u0085 é \\ud800"\n    ]\n'),
        (b'"text"', '  body: "\\"text\\""\n'),
        (b"a=b", '  body: "a=b"\n'),
        (b'{"a":1,"a":2}', '  body: "{\\"a\\":1,\\"a\\":2}"\n'),
        (b'{"a":NaN}', '  body: "{\\"a\\":NaN}"\n'),
        (b'{"a":1e999}', '  body: "{\\"a\\":1e999}"\n'),
        (b'{"a":', '  body: "{\\"a\\":"\n'),
        (b"\x1f\x8b", '  body: !!binary "H4s="\n'),
    ],
)
def test_a_body_that_is_json_is_spread_out(body: bytes, expected: str) -> None:
    """Whatever would lose something by that is quoted as it is."""
    assert (
        request_text(replace(ASKED, query="", headers=(), body=body), None).removeprefix(
            "request:\n  method: POST\n  path: /v1/messages\n"
        )
        == expected
    )


def test_json_that_is_too_deep_is_quoted() -> None:
    """It is no value, and no reason to fail."""
    assert json_value(b"[" * 100_000) is None


@pytest.mark.parametrize("text", ["", "  ", "1", "x"])
def test_only_objects_and_lists_are_values(text: str) -> None:
    """A body of another kind is a text."""
    assert json_value(text) is None


def test_json_is_written_as_sdks_send_it() -> None:
    """Without spaces, in UTF-8; half a character stays an escape."""
    assert compact({"a": [1, "é\ud800"]}) == b'{"a":[1,"\xc3\xa9\\ud800"]}'


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), (False, False)),
        ((("Content-Type", "Text/Event-Stream"),), (True, False)),
        ((("content-type", "text/html"), ("content-encoding", "identity")), (False, False)),
        ((("content-type", "text/event-stream"), ("Content-Encoding", "br")), (True, True)),
    ],
)
def test_the_head_says_how_the_body_is_transcribed(headers: Any, expected: tuple[bool, bool]) -> None:
    """By its type and its coding."""
    assert tuple(settings(Head(200, headers)).values()) == expected


class _Texts(yaml.SafeLoader):
    """A loader of YAML 1.1, as most tools have it."""


@given(EXCHANGES)
def test_every_reader_of_yaml_sees_the_same(exchange: Exchange) -> None:
    """What is written plain is a text by YAML 1.1 as well; only the moment and the numbers are something else."""
    found = yaml.load(written(exchange), _Texts)  # noqa: S506 - a safe one

    def text(value: str | bytes) -> str:
        return value.decode(errors="surrogateescape") if isinstance(value, bytes) else value

    assert text(found["request"]["method"]) == exchange.request.method
    assert text(found["request"]["path"]) == exchange.request.path
    assert text(found["request"].get("query", "")) == exchange.request.query
    headers = [(text(name), text(value)) for name, value in found["request"].get("headers", ())]
    assert tuple(headers) == exchange.request.headers
    assert found["ended"] == exchange.ended
    assert list(found)[-1] == "ended"
    if json_value(exchange.request.body) is not None:
        assert json.loads(found["request"]["body"]) == exchange.request.json
