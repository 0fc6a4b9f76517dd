"""Tests of the cassettes of VCR.py and pytest-recording."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from foreign_files import ASKED, BODY, GZIPPED, SSE, STREAM, as_yaml, b64, imported, vcr

from streamlab.core.exchange import Ended, Read, Request
from streamlab.core.plan import Head
from streamlab.errors import ScenarioError

UNKNOWN = ["times", "reads", "endings", "dates"]


def topics(unknown: tuple[str, ...]) -> list[str]:
    """Return what each thing that is not known is about."""
    return [each.split(":")[0] for each in unknown]


@pytest.mark.parametrize("kind", ["yaml", "json"])
def test_a_cassette(tmp_path: Path, kind: str) -> None:
    """In YAML or JSON: the request, the head and the bytes, padding and all."""
    text = as_yaml(vcr()) if kind == "yaml" else json.dumps(vcr())
    found = imported(tmp_path, text, "test_x[param].whatever")
    assert found.format == f"vcr-{kind}"
    (exchange,) = found.exchanges
    assert exchange.request == Request(headers=(("Accept", "*/*"),), body=ASKED.encode())
    assert exchange.head == Head(200, (("content-type", SSE),))
    assert exchange.reads == (Read(BODY),)
    assert exchange.ended is Ended.COMPLETE
    assert (topics(found.unknown), found.skipped, found.redacted) == (UNKNOWN, (), 0)


@pytest.mark.parametrize(
    "text",
    [
        '      string: "event: message_start\\ndata: {\\"type\\":\\"message_start\\"   \\\n        }\\n\\n"',
        '      string: \'event: message_start\n\n        data: {"type":"message_start"   }\n\n\n        \'',
        '      string: |+\n        event: message_start\n        data: {"type":"message_start"   }\n',
    ],
)
def test_padding_survives_every_style(tmp_path: Path, text: str) -> None:
    """As only a parser of YAML reads it."""
    whole = (
        "interactions:\n- request: {method: POST, uri: /v1/messages}\n  response:\n    body:\n"
        f"{text}\n    headers: {{}}\n    status: {{code: 200}}\n"
    )
    (exchange,) = imported(tmp_path, whole).exchanges
    assert exchange.body == b'event: message_start\ndata: {"type":"message_start"   }\n\n'


@pytest.mark.parametrize(
    ("response", "body", "more"),
    [
        ({"body": {"string": GZIPPED}}, BODY, []),
        ({"body": {"base64_string": b64(BODY)}}, BODY, []),
        ({"body": STREAM}, BODY, []),
        ({"content": STREAM, "body": None}, BODY, []),
        ({"content": STREAM, "status_code": 200, "status": None}, BODY, []),
        ({"status": 200}, BODY, []),
        ({"body": {"string": None}}, b"", []),
        ({"body": None}, b"", []),
        ({"body": None, "parsed_body": {"type": "message", "b": [1.5]}}, b'{"type":"message","b":[1.5]}', ["JSON bodies"]),
    ],
)
def test_bodies_stand_in_many_places(tmp_path: Path, response: dict[str, Any], body: bytes, more: list[str]) -> None:
    """Of older versions and of other serializers; what was kept as data is said to be written anew."""
    found = imported(tmp_path, as_yaml(vcr(response=response)))
    assert found.exchanges[0].body == body
    assert found.exchanges[0].head is not None
    assert found.exchanges[0].head.status == 200
    assert topics(found.unknown) == [*UNKNOWN, *more]


def test_a_request_kept_as_data(tmp_path: Path) -> None:
    """It is written compactly, in its order."""
    found = imported(tmp_path, as_yaml(vcr({"parsed_body": {"b": 1, "a": "ü"}, "body": None})))
    assert found.exchanges[0].request.json == {"b": 1, "a": "ü"}
    assert topics(found.unknown) == [*UNKNOWN, "JSON bodies"]


def test_header_names_of_multidict_are_texts(tmp_path: Path) -> None:
    """As a proxy writes them, and no object is made."""
    text = """interactions:
- request:
    body: null
    headers:
      ? !!python/object/apply:multidict._multidict.istr
      - Content-Type
      : - application/json
    method: POST
    uri: /v1/messages
  response:
    body: {string: ''}
    headers:
      ? !!python/object/new:multidict._multidict.istr [Request-Id]
      : [req_1]
    status: {code: 529}
version: 1
"""
    (exchange,) = imported(tmp_path, text).exchanges
    assert exchange.request.headers == (("Content-Type", "application/json"),)
    assert exchange.head == Head(529, (("Request-Id", "req_1"),))


def test_other_traffic_is_left_out_and_counted(tmp_path: Path) -> None:
    """Interactions are numbered from 1; a cassette of none is no error."""
    cassette = vcr()
    cassette["interactions"] += vcr({"uri": "https://api.openai.com/v1/responses?x=y"})["interactions"] + vcr()["interactions"]
    found = imported(tmp_path, as_yaml(cassette))
    assert len(found.exchanges) == 2
    assert found.skipped == ("interaction 2: POST https://api.openai.com/v1/responses is not a request to the Messages API",)
    empty = imported(tmp_path, "interactions: []\nversion: 1\n")
    assert (empty.format, empty.exchanges, empty.skipped) == ("vcr-yaml", (), ())


@pytest.mark.parametrize(
    ("cassette", "message"),
    [
        (vcr({"uri": None}), ":5: interactions.0.request.uri: a text is expected, not null"),
        (vcr({"method": 5}), ": interactions.0.request.method: a text is expected, not 5"),
        (vcr({"headers": "x"}), ": interactions.0.request.headers: a mapping is expected, not 'x'"),
        (
            vcr(response={"status": {"code": 0}}),
            ": interactions.0.response.status.code: a status from 200 to 599 is expected, not 0",
        ),
        (vcr(response={"status": None}), ": interactions.0.response.status: a status from 200 to 599 is expected, not null"),
        ({"interactions": [vcr()["interactions"][0], 5]}, ": interactions.1: a mapping is expected, not 5"),
        ({"interactions": [vcr()["interactions"][0], {}]}, ": interactions.1.request: a mapping is expected, not null"),
        (
            vcr(response={"body": {"base64_string": "?"}}),
            ": interactions.0.response.body.base64_string: base64 is expected, not '?'",
        ),
    ],
)
def test_broken_cassettes(tmp_path: Path, cassette: Any, message: str) -> None:
    """The file, the line and the key are named."""
    with pytest.raises(ScenarioError) as caught:
        imported(tmp_path, as_yaml(cassette))
    assert caught.value.line is not None
    assert message.rsplit(": ", 2)[-2:] == str(caught.value).rsplit(": ", 2)[-2:]
    assert str(caught.value).startswith(f"{tmp_path / 'file.json'}:{caught.value.line}: ")


def test_python_objects_are_refused(tmp_path: Path) -> None:
    """With the place and the reason."""
    with pytest.raises(ScenarioError) as caught:
        imported(tmp_path, "interactions:\n- request: !!python/object/apply:os.getcwd []\n", "c.yaml")
    assert str(caught.value) == (
        f"{tmp_path / 'c.yaml'}:2:12: the tag '!!python/object/apply:os.getcwd' is not read here\n"
        "  hint: only texts, numbers, lists, mappings and !!binary are imported; no object is made"
    )
