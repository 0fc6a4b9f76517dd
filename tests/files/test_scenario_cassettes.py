"""Tests of cassettes where scenarios stand, and in replies: what is loaded, checked and warned of, and each error."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cassettes import EXCHANGE, numbered, text, written
from streamlab.cli import main
from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.faults import Cut
from streamlab.core.identity import generator
from streamlab.core.plan import EVENT_STREAM, Ending, Head
from streamlab.core.replies import Reply, Rule, Settings
from streamlab.core.tapes import Exchanges, Tape
from streamlab.errors import ScenarioError
from streamlab.files.cassette_text import HEADER
from streamlab.files.checks import check_source
from streamlab.files.scenario import Scenario, load, merge, require_places

STREAM = Head(200, (("content-type", EVENT_STREAM),))
PING = b'event: ping\ndata: {"type": "ping"}\n\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of its own, which is the current one, with a cassette of three exchanges in it."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path, text(map(numbered, range(3))), "c.yaml")
    written(tmp_path, text([]), "empty.yaml")
    return tmp_path


def loaded(content: str, name: str = "file.yaml") -> Scenario:
    """Return the scenario that a file with this text holds."""
    Path(name).write_text(content, encoding="utf-8")
    return load(name)


def numbers_of(reply: Reply) -> list[int]:
    """Return the exchanges that a reply is made of."""
    assert isinstance(reply.source, Exchanges)
    return list(reply.source.numbers)


def test_a_cassette_is_a_scenario_of_one_tape() -> None:
    """Which is the same as long as the file is; what it says about itself is what the scenario says."""
    found = loaded(text([EXCHANGE]).replace("kind: cassette\n", "kind: cassette\nabout: Recorded.\n"))
    (tape,) = found.rules
    assert isinstance(tape, Tape)
    assert (tape.name, len(tape), found.about, found.files) == ("file", 1, "Recorded.", (Path("file.yaml"),))
    assert found.settings == Settings()
    assert load("file.yaml") == found


@pytest.mark.parametrize(
    "content",
    [
        "# a comment\n---\nstreamlab: 1\nkind: cassette\n",
        '{"streamlab": 1, "kind": "cassette"}\n',
        "kind:  'cassette'\nstreamlab: 1\n",
        "\ufeffstreamlab: 1\r\nkind: cassette\r\n",
    ],
)
def test_a_cassette_is_known_by_its_first_document(content: str) -> None:
    """However it is written."""
    assert [type(rule) for rule in loaded(content).rules] == [Tape]


@pytest.mark.parametrize(
    "content", ["reply: 'kind: cassette'\n", "reply: |\n  kind: cassette\n", "reply: a # kind: cassette\n"]
)
def test_a_scenario_that_speaks_of_cassettes_is_none(content: str) -> None:
    """Only a key of the first document counts."""
    assert [type(rule) for rule in loaded(content).rules] == [Rule]


def test_a_folder_may_hold_both(folder: Path) -> None:
    """In the order of the files' names, and with names that tell them apart."""
    Path("b.yaml").write_text("reply: Hello.\n", encoding="utf-8")
    assert [rule.name for rule in load(str(folder)).rules] == ["b", "c", "empty"]
    twice = merge([load("c.yaml"), load("c.yaml")]).rules
    assert [rule.name for rule in twice] == ["c", "c (2)"]


def test_warnings_are_those_of_all_cassettes_once() -> None:
    """Of those that stand for themselves, and those that replies are made of."""
    cut = Path("c.yaml").read_text(encoding="utf-8").rpartition("ended_at")[0]
    Path("c.yaml").write_text(cut, encoding="utf-8")
    (warning,) = load("c.yaml").warnings
    assert warning.startswith("c.yaml: line ")
    both = "rules: [{when: {turn: 1}, reply: {cassette: c.yaml}}, {replies: [Hi, {cassette: c.yaml, exchange: 1}]}]"
    assert loaded(both).warnings == (warning,)
    assert loaded("reply: {cassette: c.yaml}").warnings == (warning,)
    assert loaded("reply: Hello.").warnings == ()
    assert merge([load("c.yaml"), load("file.yaml"), load("c.yaml")]).warnings == (warning,)


def test_a_cassette_in_a_reply_is_as_many_replies_as_it_has_exchanges() -> None:
    """In their order, with what is said beside it; the file is found from the scenario."""
    Path("sub").mkdir()
    written(Path("sub"), Path("c.yaml").read_bytes(), "d.yaml")
    (rule,) = loaded("replies: [Hi, {cassette: d.yaml, pace: recorded, headers: {x-a: 1}}]", "sub/s.yaml").rules
    assert isinstance(rule, Rule)
    assert [numbers_of(reply) for reply in rule.replies[1:]] == [[0], [1], [2]]
    assert {(reply.pace.speed if reply.pace else None, reply.headers, reply.times) for reply in rule.replies[1:]} == {
        (1.0, (("x-a", "1"),), 1)
    }


def test_one_exchange_of_a_cassette_is_one_reply() -> None:
    """Counted from 1, and given as often as is said."""
    (rule,) = loaded("reply: {cassette: c.yaml, exchange: 2, times: 4}").rules
    assert isinstance(rule, Rule)
    (reply,) = rule.replies
    assert (numbers_of(reply), reply.times) == ([1], 4)
    assert reply.plan(Request(body=b'{"stream":true}'), generator(0)).body == EXCHANGE.body


ERRORS: dict[str, tuple[str, str]] = {
    "beyond the end": (
        "reply: {cassette: c.yaml, exchange: 4}",
        (
            "file.yaml:1:27: reply.exchange: 'c.yaml': there is no exchange 4: the cassette holds 3\n"
            "  hint: exchanges are counted from 1"
        ),
    ),
    "below the first": (
        "reply: {cassette: c.yaml, exchange: 0}",
        "file.yaml:1:27: reply.exchange: a number from 1 is expected, not 0",
    ),
    "no number": (
        "reply: {cassette: c.yaml, exchange: a}",
        "file.yaml:1:27: reply.exchange: a whole number is expected, not 'a'",
    ),
    "without a cassette": (
        "reply: {text: Hi, exchange: 1}",
        "file.yaml:1:19: reply.exchange: 'exchange' says nothing of a reply made of 'text'\n  hint: use it with: cassette",
    ),
    "a shape": (
        "reply: {cassette: c.yaml, stop_reason: refusal}",
        (
            "file.yaml:1:27: reply.stop_reason: 'stop_reason' says nothing of a reply made of 'cassette'\n"
            "  hint: use it with: text, content, events"
        ),
    ),
    "times of many": (
        "reply: {cassette: c.yaml, times: 2}",
        (
            "file.yaml:1:27: reply.times: 3 exchanges are given in turn, each once\n"
            "  hint: say which one is given several times, with `exchange`"
        ),
    ),
    "missing": (
        "rules: [{reply: {cassette: d.yaml}}]",
        (
            "file.yaml:1:18: rules.0.reply.cassette: 'd.yaml': there is no such file\n"
            "  hint: did you mean 'c.yaml'? expected one of: c.yaml, empty.yaml, file.yaml"
        ),
    ),
    "empty": (
        "reply: {cassette: empty.yaml}",
        (
            "file.yaml:1:9: reply.cassette: 'empty.yaml': the cassette holds no exchange\n"
            "  hint: record one into it: streamlab record"
        ),
    ),
    "a fault without its place": (
        "reply: {cassette: c.yaml, exchange: 1, faults: [{cut: fin, at: delta 70}]}",
        "file.yaml:1:60: reply.faults.0.at: ",
    ),
}


@pytest.mark.parametrize(("content", "problem"), ERRORS.values(), ids=ERRORS)
def test_an_error_names_its_place_and_what_to_do(content: str, problem: str) -> None:
    """In the scenario."""
    with pytest.raises(ScenarioError) as caught:
        loaded(content)
    assert str(caught.value) == problem if problem[-1] != " " else str(caught.value).startswith(problem)


def test_an_error_in_the_cassette_names_its_own_place() -> None:
    """And not the scenario that named it."""
    Path("c.yaml").write_text(HEADER.replace("streamlab: 1", "streamlab: 2"), encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        loaded("reply: {cassette: c.yaml}")
    problem = "c.yaml:2:1: streamlab: made by a newer streamlab (version 2); this one reads 1"
    assert str(caught.value) == f"{problem}\n  hint: update streamlab: pip install -U streamlab-sse"


def test_a_fault_in_a_reply_is_put_into_each_exchange() -> None:
    """Its place must be in every one, as if each were written by itself."""
    (rule,) = loaded("reply: {cassette: c.yaml, faults: [{cut: reset, at: byte 9}]}").rules
    assert isinstance(rule, Rule)
    plans = [reply.plan(Request(body=b'{"stream":true}'), generator(0)) for reply in rule.replies]
    assert {(plan.ending, len(plan.body)) for plan in plans} == {(Ending.RESET, 9)}


@pytest.mark.parametrize(("at", "is_there"), [("event 1", True), ("event 90", False)])
def test_a_fault_in_every_answer_needs_a_place_in_one_exchange(at: str, is_there: bool) -> None:  # noqa: FBT001
    """Of a cassette too."""
    found = load("c.yaml")
    scenario = replace(found, settings=replace(found.settings, faults=(Cut("fin", at=at),)))
    if is_there:
        require_places(scenario)
    else:
        with pytest.raises(ScenarioError, match="event 90"):
            require_places(scenario)


SOUND = b"".join(
    f"event: {kind}\ndata: {body}\n\n".encode()
    for kind, body in {
        "message_start": '{"type":"message_start","message":{"id":"msg_01"}}',
        "message_stop": '{"type":"message_stop"}',
    }.items()
)


def recorded(body: bytes, head: Head | None = STREAM, **changes: Any) -> Exchange:
    """Return an exchange with this answer."""
    return Exchange(request=EXCHANGE.request, head=head, reads=(Read(body, 0.1),), ended_at=2.0, **changes)


def test_each_exchange_of_a_cassette_is_checked() -> None:
    """Findings name its number; answers that are no streams, and none at all, have nothing to check."""
    json_body = recorded(b"{}", Head(529, (("content-type", "application/json"),)))
    exchanges = [json_body, recorded(PING), recorded(b"", None, ended=Ended.REFUSED), recorded(PING[:-1], ended=Ended.FIN)]
    written(Path(), text(exchanges), "checked.yaml")
    found = [(each.exchange, each.reply, each.finding.rule) for each in check_source("checked.yaml")]
    assert {each[0] for each in found} == {2, 4}
    assert (4, None, "cut-off") in found
    first = next(check_source("checked.yaml"))
    assert str(first).startswith("checked.yaml: exchange 2: ")
    assert first.as_dict()["exchange"] == 2
    assert "reply" not in first.as_dict()


def test_the_command_checks_cassettes() -> None:
    """As it does scenarios."""
    written(Path(), text([recorded(PING)]), "checked.yaml")
    result = CliRunner().invoke(main, ["check", "checked.yaml", "--json"])
    assert result.exit_code == 1
    assert {json.loads(line)["exchange"] for line in result.output.splitlines()} == {1}
