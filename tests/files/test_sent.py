"""What is sent to the control API: scenarios with their files, cassettes, streams; and that nothing is read from disk."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from documents import GOOD

from streamlab.core.exchange import Exchange, Read, Request
from streamlab.core.faults import Cut
from streamlab.core.pacing import Pace
from streamlab.core.plan import Head
from streamlab.core.replies import Rule, Settings
from streamlab.core.sources import Recorded
from streamlab.core.tapes import Tape
from streamlab.errors import ScenarioError
from streamlab.files.cassette_text import HEADER, document
from streamlab.files.scenario import load
from streamlab.files.sent import read_sent, read_settings

STREAM = b'event: message_start\ndata: {"type":"message_start"}\n\n'
ODD = STREAM + b"event: \xff\n\n"
EXCHANGE = Exchange(
    request=Request(body=b'{"model":"m"}'), head=Head(200, (("content-type", "text/plain"),)), reads=(Read(b"Hi"),)
)
CASSETTE = (HEADER + "---\n" + "".join(document(EXCHANGE))).encode()


def sent(value: Any, name: str = "sent") -> tuple[Rule | Tape, ...]:
    """Return the rules of what is sent as JSON."""
    return read_sent(json.dumps(value).encode(), "json", name).rules


@pytest.mark.parametrize("name", [name for name in GOOD if "sse" not in json.dumps(GOOD[name], default=str)])
@pytest.mark.parametrize("kind", ["json", "yaml"])
def test_a_scenario_means_what_it_means_in_a_file(tmp_path: Path, name: str, kind: str) -> None:
    """All that can be written: names, rules, settings."""
    text = json.dumps(GOOD[name])
    (tmp_path / "sent.yaml").write_text(text, encoding="utf-8")
    try:
        expected = load(tmp_path / "sent.yaml")
    except ScenarioError:
        pytest.fail("a good document is none")
    found = read_sent(text.encode(), kind, "sent")
    assert (found.rules, found.settings, found.about) == (expected.rules, expected.settings, expected.about)
    assert found.files == ()


def test_the_files_that_a_scenario_names_come_with_it() -> None:
    """A stream, one that is not in UTF-8, and a cassette."""
    files = {"a.sse": STREAM.decode(), "b": {"base64": base64.b64encode(ODD).decode()}, "c.yaml": CASSETTE.decode()}
    (rule,) = sent({"replies": [{"sse": "a.sse"}, {"sse": "b"}, {"cassette": "c.yaml", "exchange": 1}], "files": files})
    assert isinstance(rule, Rule)
    assert [
        b"".join(frame.raw for frame in reply.source.plan(Request(body=b'{"stream":true}'), Random(0)).frames)
        for reply in rule.replies
    ] == [STREAM, ODD, b"Hi"]


def test_in_yaml_the_files_can_be_bytes() -> None:
    """Which JSON cannot say."""
    text = f'reply: {{sse: a}}\nfiles: {{a: !!binary "{base64.b64encode(ODD).decode()}"}}'
    (rule,) = read_sent(text.encode(), "yaml", "sent").rules
    assert isinstance(rule, Rule)
    assert isinstance(rule.replies[0].source, Recorded)


def test_a_cassette_is_an_entry_of_its_own_under_its_whole_name() -> None:
    """As if it was a file that is served."""
    (tape,) = read_sent(CASSETTE, "yaml", "weather v1.2").rules
    assert isinstance(tape, Tape)
    assert (tape.name, len(tape)) == ("weather v1.2", 1)
    assert tape.load(0) == EXCHANGE


def test_a_stream_is_a_rule_of_its_own() -> None:
    """Byte for byte."""
    (rule,) = read_sent(ODD, "sse", "hello").rules
    assert isinstance(rule, Rule)
    assert rule.name == "hello"
    assert rule.replies[0].source.plan(Request(body=b'{"stream":true}'), Random(0)).body == ODD


def test_no_file_of_the_disk_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is called."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.sse").write_bytes(STREAM)
    (tmp_path / "c.yaml").write_bytes(CASSETTE)
    for reply in ({"sse": "a.sse"}, {"sse": str(tmp_path / "a.sse")}, {"cassette": "c.yaml"}, {"cassette": "../c.yaml"}):
        with pytest.raises(ScenarioError, match="no such file was sent"):
            sent({"reply": reply})


BAD: list[tuple[bytes, str, str]] = [
    (b"{", "json", "the body is not JSON: Expecting property name"),
    (b"\xff", "json", "the body is not JSON: 'utf-8' codec can't decode"),
    (b"[" * 100_000, "json", "the nesting is too deep"),
    (b"[]", "json", "a scenario is expected, not []\n  hint: for example: reply: Hello"),
    (b'{"reply": "a", "reply": "b"}', "json", "reply: this key is written twice\n  hint: keep one of them"),
    (b'{"reply": NaN}', "json", "NaN is no number of JSON"),
    (b'{"reply": "\\ud800"}', "json", "this text holds half of a character: a surrogate without its other half"),
    (b'{"reply": "\\ud83d\\ude00", "x": 1}', "json", "x: a scenario has no key 'x'"),
    (
        b'{"reply": {"text": "a", "fault": []}}',
        "json",
        "reply.fault: a reply has no key 'fault'\n  hint: did you mean 'faults'?",
    ),
    (
        b'{"reply": {"sse": "a"}, "files": {"b": ""}}',
        "json",
        "reply.sse: 'a': no such file was sent\n  hint: expected one of: b",
    ),
    (
        b'{"reply": {"sse": "a"}}',
        "json",
        'reply.sse: \'a\': no such file was sent\n  hint: send it along: {"files": {"a": "its text"}}',
    ),
    (b'{"reply": {"sse": "a"}, "files": {"a": ""}}', "json", "reply.sse: 'a': holds no event of a stream"),
    (b'{"reply": {"cassette": "a"}, "files": {"a": "x"}}', "json", "a:1:1: this is not a cassette"),
    (b'{"reply": "a", "files": []}', "json", "files: files are expected\n  hint: for example"),
    (b'{"reply": "a", "files": {"a": 1}}', "json", "files.a: the text of a file is expected\n  hint: or {"),
    (b'{"reply": "a", "files": {"a": {"base64": "?"}}}', "json", "files.a: the text of a file is expected\n  hint: or {"),
    (b"reply: [", "yaml", "name:1:9: not valid YAML"),
    (b"reply: a\nx: 1", "yaml", "name:2:1: x: a scenario has no key 'x'"),
    (b"reply: \xff", "yaml", "name: not a text in UTF-8: byte 8 is 0xff"),
    (b"", "yaml", "name:1:1: the file is empty"),
    (b"reply: a\nfiles: {a: 1}", "yaml", "name:2:9: files.a: the text of a file is expected"),
    (HEADER.encode() + b"repeat: often\n", "yaml", "name:4:1: repeat: 'often' is no way to repeat"),
    (b"no events", "sse", "name: holds no event of a stream"),
]


@pytest.mark.parametrize(("data", "kind", "text"), BAD)
def test_what_cannot_be_used_is_named_with_its_place(data: bytes, kind: str, text: str) -> None:
    """In YAML by line and column, in JSON by its key."""
    with pytest.raises(ScenarioError) as caught:
        read_sent(data, kind, "name")
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, Settings()),
        (
            {"seed": 7, "validate": False, "api_key": "any", "pace": "50/s", "faults": [{"cut": "fin", "at": "end"}]},
            Settings(seed=7, validate=False, api_key="any", pace=Pace(rate=50.0), faults=(Cut("fin", at="end"),)),
        ),
    ],
)
def test_settings_are_read(written: dict[str, Any], expected: Settings) -> None:
    """All that holds for every answer."""
    assert read_settings(written) == expected


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (1, "an object of settings is expected, not 1"),
        ({"sede": 1}, "sede: an object of settings has no key 'sede'\n  hint: did you mean 'seed'?"),
        ({"seed": "1"}, "seed: a whole number is expected, not '1'"),
        ({"pace": "fast"}, "pace: 'fast' is not a pace"),
        ({"faults": [{"cutt": "fin"}]}, "faults.0.cutt: there is no fault 'cutt'"),
    ],
)
def test_settings_that_cannot_be_used_are_named(written: object, text: str) -> None:
    """By their key."""
    with pytest.raises(ScenarioError) as caught:
        read_settings(written)
    assert str(caught.value).startswith(text)
