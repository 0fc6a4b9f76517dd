"""Tests of scenarios: what every feature of the language makes, where they are loaded from, and every error of a file."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from documents import GOOD, VALUES, almost_good
from hypothesis import given, settings
from hypothesis import strategies as st

from streamlab.core.api_errors import ERRORS
from streamlab.core.exchange import Request
from streamlab.core.faults import Cut, ErrorEvent, Fault, HtmlBody, Stall, fault_names
from streamlab.core.matching import Span, Text, When
from streamlab.core.pacing import INSTANT, Pace
from streamlab.core.plan import Ending, Plan
from streamlab.core.replies import Reply, Rule, Settings
from streamlab.core.sources import Content, Events, Failure, Http, Recorded
from streamlab.core.sse import decode
from streamlab.errors import PlaceError, ScenarioError
from streamlab.files.models import ReplyModel, RuleModel, ScenarioModel
from streamlab.files.scenario import Scenario, load, load_sse, merge, require_places, sse

RECORDED = b'event: message_start\ndata: {"type":"message_start"}\n\nevent: ping\ndata: {"type": "ping"}\n\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of its own, which is the current one, with a recorded stream in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recorded.sse").write_bytes(RECORDED)
    (tmp_path / "empty.sse").write_bytes(b"")
    return tmp_path


def loaded(text: str | bytes, name: str = "file.yaml") -> Scenario:
    """Return the scenario that a file with this text holds."""
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(name)


def only_rule(text: str) -> Rule:
    """Return the rule of a file that has one."""
    (rule,) = loaded(text).rules
    return rule


def only_reply(text: str) -> Reply:
    """Return the reply of a file that has one."""
    (reply,) = only_rule(text).replies
    return reply


def plan_of(reply: Reply, **body: Any) -> Plan:
    """Return what a reply answers to a request for a stream."""
    asked = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [], "stream": True, **body}
    return reply.plan(Request(body=json.dumps(asked).encode()), Random(0))


def types_of(plan: Plan) -> list[str]:
    """Return the types of a plan's events, pings left out."""
    return [frame.type for frame in plan.frames if frame.type not in (None, "ping")]


def text_of(plan: Plan) -> str:
    """Return the text that a plan's deltas add up to."""
    events = [frame.event or {} for frame in plan.frames]
    return "".join(event.get("delta", {}).get("text", "") for event in events)


# The examples of the language, to the letter.

PLAIN = """\
# plain
streamlab: 1
about: The simplest answer.
reply: Hello from streamlab.
"""

ERROR_THEN_FINE = """\
# error, then fine: replies are given in turn, the last one repeats (or `then: fail`)
replies:
- {error: overloaded, times: 2, headers: {retry-after: "1"}}
- Fine now.
"""

TOOL_LOOP = """\
# a tool loop across turns: rules are tried in order, the first that matches answers
rules:
- when: {tool_result: get_weather}
  reply: It is 18 degrees.
- when: {last_user: weather, model: "claude-*"}
  reply:
    content:
    - thinking: The user wants the weather.
    - text: Let me look.
    - tool_use: {name: get_weather, input: {location: SF}}
    pace: {first: 400ms, rate: 50/s, jitter: 20%, seed: 7}
"""

ERROR_IN_MID_STREAM = """\
# an error in mid-stream, and the next call is fine
replies:
- text: One two three four five six seven.
  faults: [{error: overloaded, after: delta 3}]
- One two three.
"""

CUT_IN_TOOL_INPUT = """\
# cut inside the tool input
reply:
  content: [{tool_use: {name: get_weather, input: {location: SF}}}]
  faults: [{cut: reset, at: tool_use char 12}]
"""

RAW_EVENTS = """\
# raw events: a mapping with `type` is an API event, a bare name is that event filled in
reply:
  events:
  - message_start
  - ping
  - {type: content_block_delta, index: 0, delta: {type: text_delta, text: Hi}}
  - wait: 2s
  - raw: "event: x\\ndata: {\\"type\\":\\n\\n"
  - cut: fin
"""


def test_a_text_is_an_answer() -> None:
    """The rule is called like its file, and answers every time."""
    scenario = loaded(PLAIN, "greeting.yaml")
    (rule,) = scenario.rules
    assert scenario.about == "The simplest answer."
    assert scenario.files == (Path("greeting.yaml"),)
    assert scenario.settings == Settings()
    assert (rule.name, rule.when, rule.repeats, rule.required) == ("greeting", When(), True, False)
    plan = plan_of(rule.replies[0])
    assert text_of(plan) == "Hello from streamlab."
    assert types_of(plan)[0] == "message_start"
    assert types_of(plan)[-1] == "message_stop"


def test_replies_are_given_in_turn() -> None:
    """An error twice, with a header of its own; then a text, for ever."""
    rule = only_rule(ERROR_THEN_FINE)
    failing, fine = rule.replies
    assert failing == Reply(source=Failure(ERRORS["overloaded"]), times=2, headers=(("retry-after", "1"),))
    assert [rule.reply(given) for given in range(5)] == [failing, failing, fine, fine, fine]
    plan = plan_of(failing)
    assert (plan.head.status, plan.head.get("retry-after")) == (529, "1")
    assert text_of(plan_of(fine)) == "Fine now."


def test_rules_look_at_the_conversation() -> None:
    """Content comes in its blocks, at its pace."""
    answered, called = loaded(TOOL_LOOP).rules
    assert (answered.name, called.name) == ("file rule 1", "file rule 2")
    assert answered.when == When(tool_result=Text("glob", "get_weather"))
    assert called.when == When(last_user=Text("contains", "weather"), model=Text("glob", "claude-*"))
    (reply,) = called.replies
    assert reply.pace == Pace(first=0.4, rate=50.0, jitter=0.2, seed=7)
    assert isinstance(reply.source, Content)
    assert [block.content for block in reply.source.blocks] == [
        {"type": "thinking", "thinking": "The user wants the weather."},
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "name": "get_weather", "input": {"location": "SF"}, "caller": {"type": "direct"}},
    ]


def test_an_error_stands_in_mid_stream() -> None:
    """Three deltas come, then the error and nothing else; the next call is fine."""
    broken, fine = only_rule(ERROR_IN_MID_STREAM).replies
    assert broken.faults == (ErrorEvent("overloaded", after="delta 3"),)
    plan = plan_of(broken)
    assert types_of(plan) == ["message_start", "content_block_start", *["content_block_delta"] * 3, "error"]
    assert plan.ending is Ending.END
    assert types_of(plan_of(fine))[-1] == "message_stop"


def test_a_cut_stands_inside_tool_input() -> None:
    """Twelve characters of the input have come when the connection is reset."""
    reply = only_reply(CUT_IN_TOOL_INPUT)
    assert reply.faults == (Cut("reset", at="tool_use char 12"),)
    plan = plan_of(reply)
    assert plan.ending is Ending.RESET
    sent = b"".join(frame.raw for frame in plan.frames).decode()
    pieces = re.findall(r'"partial_json":"((?:[^"\\]|\\.)*)', sent)
    assert json.loads(f'"{"".join(pieces)}"') == '{"location":'


def test_events_are_written_one_by_one() -> None:
    """Names are filled in, a wait is a silence, raw bytes are sent as they are, and a fault stands where it is written."""
    reply = only_reply(RAW_EVENTS)
    assert isinstance(reply.source, Events)
    plan = plan_of(reply)
    start, ping, delta, raw = plan.frames
    assert [frame.type for frame in (start, ping, delta, raw)] == ["message_start", "ping", "content_block_delta", None]
    assert delta.event == {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}}
    assert (raw.raw, raw.wait) == (b'event: x\ndata: {"type":\n\n', 2.0)
    assert plan.ending is Ending.FIN


# Every other key.


def test_settings_of_the_whole_file() -> None:
    """They hold for every answer."""
    text = "seed: 7\npace: 50/s\nvalidate: false\napi_key: any\nreply: Hello.\n"
    assert loaded(text).settings == Settings(seed=7, pace=Pace(rate=50.0), validate=False, api_key="any")
    assert loaded("reply: Hello.\n").settings.pace == INSTANT


@pytest.mark.parametrize(
    ("faults", "where"),
    [
        ((Cut(at="delta 99"),), "the faults of every answer: at"),
        ((Stall(1, at="end"), Cut(at="delta 99")), "fault 2 of every answer: at"),
        ((Stall(1, at="end"), Stall(0, at="delta 1")), "fault 2 of every answer: stall"),
    ],
)
def test_of_many_faults_of_every_answer_the_one_that_has_no_place_is_told(faults: tuple[Fault, ...], where: str) -> None:
    """Each may have come of an option of its own; those that the reply has itself are not counted."""
    scenario = loaded("reply: {text: One two., faults: [{stall: 1s, after: delta 1}, {id: 1}]}")
    with pytest.raises(ScenarioError) as caught:
        require_places(replace(scenario, settings=replace(scenario.settings, faults=faults)))
    assert str(caught.value).startswith(f"{where}: ")


def test_a_fault_of_every_answer_may_leave_nothing_of_those_of_a_reply() -> None:
    """Whoever gives it means what is sent, whatever the scenario says."""
    scenario = loaded("reply: {text: One two., faults: [{drop: delta 1}]}")
    require_places(replace(scenario, settings=replace(scenario.settings, faults=(HtmlBody(),))))


@pytest.mark.parametrize(
    "text", ["reply: Hello.\nthen: fail\nrequired: true\n", "rules: [{reply: Hello., then: fail, required: true}]\n"]
)
def test_a_rule_can_be_used_up_and_be_required(text: str) -> None:
    """At the top as in a rule."""
    rule = only_rule(text)
    assert (rule.repeats, rule.required) == (False, True)
    assert rule.reply(1) is None


def test_a_rule_has_a_name() -> None:
    """One that is not named is called by its file and its place."""
    scenario = loaded("rules:\n- {name: first, when: {turn: 1}, reply: a}\n- {when: {call: 2..}, reply: b}\n")
    assert [(rule.name, rule.when) for rule in scenario.rules] == [
        ("first", When(turn=Span(1, 1))),
        ("file rule 2", When(call=Span(2, None))),
    ]


def test_a_message_has_its_shape() -> None:
    """What is not written is left to streamlab."""
    text = """
reply:
  text: [Hel, lo]
  stop_reason: max_tokens
  stop_sequence: END
  model: claude-x
  id: msg_1
  usage: {output_tokens: 5}
  stop_details: {type: refusal}
  container: {id: container_1}
  context_management: {applied_edits: []}
  plain: true
  headers: {x-a: 1, request-id: null}
"""
    plan = plan_of(only_reply(text))
    events = [frame.event or {} for frame in plan.frames]
    assert [event["type"] for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert (events[0]["message"]["model"], events[0]["message"]["id"]) == ("claude-x", "msg_1")
    assert [events[2]["delta"]["text"], events[3]["delta"]["text"]] == ["Hel", "lo"]
    assert events[5]["delta"]["stop_reason"] == "max_tokens"
    assert events[5]["delta"]["stop_sequence"] == "END"
    assert events[5]["delta"]["stop_details"] == {"type": "refusal"}
    assert events[5]["delta"]["container"]["id"] == "container_1"
    assert events[5]["context_management"] == {"applied_edits": []}
    assert events[5]["usage"]["output_tokens"] == 5
    assert (plan.head.get("x-a"), plan.head.get("request-id")) == ("1", None)


def test_a_body_can_be_compressed() -> None:
    """For clients that offer to take it so."""
    assert only_reply("reply: {text: Hello., gzip: true}\n").gzip is True
    assert only_reply("reply: Hello.\n").gzip is False


def test_a_recorded_stream_is_found_beside_the_scenario(folder: Path) -> None:
    """Its bytes are sent as they are; an absolute path works too."""
    (folder / "deep").mkdir()
    (folder / "deep" / "near.sse").write_bytes(RECORDED)
    Path("deep/file.yaml").write_text(f"replies:\n- sse: near.sse\n- sse: ../recorded.sse\n- sse: {folder}/recorded.sse\n")
    (rule,) = load("deep/file.yaml").rules
    assert [reply.source for reply in rule.replies] == [Recorded(decode(RECORDED))] * 3
    assert plan_of(rule.replies[0]).body == RECORDED


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("error: rate_limit_error", Failure(ERRORS["rate_limit"])),
        ("error: 404\n  message: No such model", Failure(ERRORS["not_found"], "No such model")),
        ("http: {}", Http(200, (), b"")),
        (
            "http: {status: 502, headers: {x-a: b, x-n: 1, x-z: null}, body: Bäd}",
            Http(502, (("x-a", "b"), ("x-n", "1")), "Bäd".encode()),
        ),
        ("http: {body: !!binary H4s=}", Http(200, (), b"\x1f\x8b")),
        ("http: {body: {a: [1]}}", Http(200, (("content-type", "application/json"),), b'{"a":[1]}')),
        ("http: {body: [], headers: {Content-Type: text/x}}", Http(200, (("Content-Type", "text/x"),), b"[]")),
    ],
)
def test_answers_that_are_no_stream(written: str, expected: object) -> None:
    """Errors of the API by name or status, and anything else of HTTP."""
    assert only_reply(f"reply:\n  {written}\n").source == expected


def test_faults_are_applied_in_the_order_written() -> None:
    """A list of them is one answer's."""
    text = "reply:\n  text: One two three.\n  faults:\n  - {stall: 2s, before: delta 1}\n  - {cut: fin, after: delta 1}\n"
    reply = only_reply(text)
    assert reply.faults == (Stall("2s", before="delta 1"), Cut("fin", after="delta 1"))
    assert [frame.wait for frame in plan_of(reply).frames if frame.type == "content_block_delta"] == [2.0]


def test_yaml_shares_what_is_written_once() -> None:
    """An anchor can be used again, and merged."""
    text = "replies:\n- &slow {text: One., pace: 50/s}\n- {<<: *slow, times: 2}\n- *slow\n"
    one, two, three = only_rule(text).replies
    assert one == three
    assert (two.pace, two.times, two.source) == (one.pace, 2, one.source)


@pytest.mark.parametrize("name", GOOD)
def test_every_good_document_is_a_scenario(name: str) -> None:
    """With the keys of every level."""
    assert loaded(json.dumps(GOOD[name])).rules


@pytest.mark.parametrize(
    ("when", "fault", "is_there"),
    [
        ("", "delta 8", True),
        ("", "delta 16", True),
        ("", "delta 99", False),
        ("when: {model: claude-sonnet-4-6}", "delta 6", True),
        ("when: {model: claude-sonnet-4-6}", "delta 16", False),
        ("when: {model: claude-3-5-haiku*}", "delta 16", True),
        ("when: {model: {regex: '^x'}}", "delta 8", True),
        ("when: {stream: false}", "byte 8", True),
    ],
)
def test_a_place_need_exist_only_for_a_model_that_the_rule_answers(when: str, fault: str, is_there: bool) -> None:  # noqa: FBT001
    """How a text is cut depends on the model: one has the smallest deltas, others larger ones."""
    words = "The quick brown fox jumps over the lazy dog and runs along the river until it finds a quiet place to rest."
    rule = f"rules:\n- {when or 'required: false'}\n  reply:\n    text: {words}\n    faults: [{{cut: fin, after: {fault}}}]\n"
    if is_there:
        assert loaded(rule).rules
    else:
        with pytest.raises(PlaceError):
            loaded(rule)


# Where scenarios come from.


@pytest.mark.parametrize("name", ["file.yaml", "file.yml"])
def test_a_file_is_found_by_its_path(name: str) -> None:
    """As a text or as a path."""
    assert loaded("reply: Hello.\n", name).rules == load(Path(name)).rules


def test_a_file_of_events_is_a_scenario() -> None:
    """Its one rule answers everything with the recorded bytes."""
    scenario = load("recorded.sse")
    assert scenario.rules == (Rule(name="recorded", replies=(Reply(source=Recorded(decode(RECORDED))),)),)
    assert scenario.files == (Path("recorded.sse"),)
    assert sse("recorded.sse") == Recorded(decode(RECORDED)) == load_sse(Path("recorded.sse"), "x")


def test_a_shipped_name_is_a_scenario_unless_there_is_such_a_file(folder: Path) -> None:
    """A path with a folder in it is never a name."""
    assert load("hello").rules[0].name == "hello"
    (folder / "hello").mkdir()
    Path("hello/mine.yaml").write_text("reply: Mine.\n")
    assert load("hello").rules[0].name == "mine"


def test_a_folder_is_the_scenarios_in_it(folder: Path) -> None:
    """In the order of their names; other files, and folders, are left out; what the first says of all answers holds."""
    place = folder / "many"
    (place / "c.yaml").mkdir(parents=True)
    (place / "b.yml").write_text("seed: 2\nabout: b\nreply: B.\n")
    (place / "a.yaml").write_text("seed: 1\nabout: a\nrules: [{name: x, when: {turn: 1}, reply: A.}, {name: b, reply: A.}]\n")
    (place / "b.sse").write_bytes(RECORDED)
    (place / "notes.txt").write_text("not: [a scenario")
    scenario = load(place)
    assert [rule.name for rule in scenario.rules] == ["x", "b", "b (2)", "b (3)"]
    assert (scenario.settings.seed, scenario.about) == (1, "a")
    assert [path.name for path in scenario.files] == ["a.yaml", "b.sse", "b.yml"]


def test_merged_rules_keep_names_of_their_own() -> None:
    """Also where a number that would be given is a name already."""
    scenarios = [Scenario(rules=tuple(Rule(name=name, replies=()) for name in names)) for names in (("a", "a (2)"), ("a", "a"))]
    assert [rule.name for rule in merge(scenarios).rules] == ["a", "a (2)", "a (3)", "a (4)"]
    assert merge([]) == Scenario()


NO_FILE = "there is no such file"
MISSING = "there is no file and no shipped scenario"
LISTED = "`streamlab scenarios` lists what is shipped"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "overloaded-than-fine",
            f"{MISSING} 'overloaded-than-fine'\n  hint: did you mean 'overloaded-then-fine'? {LISTED}",
        ),
        ("x" * 300, f"{MISSING} '{'x' * 300}'\n  hint: {LISTED}"),
        ("fil.yaml", "fil.yaml: there is no such file\n  hint: did you mean 'file.yaml'? expected one of: file.yaml"),
        (
            "recorder.sse",
            f"recorder.sse: {NO_FILE}\n  hint: did you mean 'recorded.sse'? expected one of: empty.sse, recorded.sse",
        ),
        ("nowhere/file.yaml", "nowhere/file.yaml: there is no such file\n  hint: there is no folder 'nowhere' either"),
        (
            "void/file.yaml",
            "void/file.yaml: there is no such file\n  hint: its folder holds no file that ends in .yaml or .yml",
        ),
        ("void", "void: the folder holds no scenario\n  hint: scenarios end in .yaml, .yml, .sse"),
        ("notes.txt", "notes.txt: this file ends in '.txt'\n  hint: a scenario ends in .yaml, .yml, .sse"),
        ("notes", "notes: this file has no ending\n  hint: a scenario ends in .yaml, .yml, .sse"),
        ("empty.sse", "empty.sse: holds no event of a stream\n  hint: a recorded stream has lines such as: event: ping"),
    ],
)
def test_what_cannot_be_loaded(folder: Path, source: str, text: str) -> None:
    """The error names the source as it was written, and the nearest that there is."""
    Path("file.yaml").write_text("reply: Hello.\n")
    Path("notes.txt").write_text("Hello.")
    Path("notes").write_text("Hello.")
    (folder / "void").mkdir()
    with pytest.raises(ScenarioError) as caught:
        load(source)
    assert str(caught.value) == text


def test_an_error_in_one_file_of_a_folder_names_that_file(folder: Path) -> None:
    """Nothing of the folder is served."""
    (folder / "many").mkdir()
    Path("many/a.yaml").write_text("reply: Hello.\n")
    Path("many/b.yaml").write_text("about: x\nreply: 42\n")
    with pytest.raises(ScenarioError, match=r"^many/b\.yaml:2:1: reply: a reply is expected, not 42\n"):
        load("many")


# Every error of a file: what is wrong, where, and what to do.

ALLOWED = {
    "<top>": ", ".join(sorted(ScenarioModel.known())),
    "<rule>": ", ".join(sorted(RuleModel.known())),
    "<reply>": ", ".join(sorted(ReplyModel.known())),
    "<faults>": ", ".join(fault_names()),
    "<items>": ", ".join(sorted(("type", "wait", *fault_names()))),
    "<errors>": f"{', '.join(sorted(ERRORS))}; or a status: {', '.join(str(error.status) for error in ERRORS.values())}",
    "<conditions>": (
        "any_message, attempt, body, call, headers, last_user, method, model, path, stream, system, tool_result, tools, turn"
    ),
    "<blocks>": "compaction, mcp_tool_use, redacted_thinking, server_tool_use, text, thinking, tool_use",
    "<events>": (
        "content_block_delta, content_block_start, content_block_stop, error, message_delta, message_start, message_stop, ping"
    ),
    "<block>": (
        "text, thinking, redacted_thinking, tool_use, server_tool_use, mcp_tool_use, compaction, "
        "or a block of the API with its type"
    ),
    "<places>": (
        "'event N', 'delta N', 'block I delta N', 'TYPE delta N', 'block I char N', 'TYPE char N', "
        "the type of an event, 'byte N', 'N%', 'headers' or 'end'"
    ),
    "<one two>": (
        "event 1..7, delta 1..2, block 0 (text) delta 1..2 char 1..8, message_start, content_block_start, "
        "content_block_stop, message_delta, message_stop, byte 1..N, headers, end"
    ),
}
"""Lists of words, which grow with the language."""

BAD: list[tuple[str, str | bytes, str, str]] = [
    (
        "a wrong key at the top",
        "about: x\nrepyl: Hello.\n",
        "2:1: repyl: a scenario has no key 'repyl'",
        "did you mean 'reply'? expected one of: <top>",
    ),
    (
        "a wrong key of a rule",
        "rules:\n- whan: {turn: 1}\n  reply: Hello.\n",
        "2:3: rules.0.whan: a rule has no key 'whan'",
        "did you mean 'when'? expected one of: <rule>",
    ),
    (
        "a wrong key of a reply",
        "reply:\n  text: Hello.\n  fautls: []\n",
        "3:3: reply.fautls: a reply has no key 'fautls'",
        "did you mean 'faults'? expected one of: <reply>",
    ),
    (
        "a wrong condition",
        "rules:\n- when:\n    last_usr: x\n  reply: Hello.\n",
        "3:5: rules.0.when.last_usr: there is no condition 'last_usr'",
        "did you mean 'last_user'? expected one of: <conditions>",
    ),
    (
        "a wrong way of matching",
        "rules:\n- when: {model: {rgex: x}}\n  reply: Hello.\n",
        "2:18: rules.0.when.model.rgex: there is no way of matching called 'rgex'",
        "did you mean 'regex'? expected one of: equals, regex",
    ),
    (
        "a wrong fault",
        "reply:\n  text: Hello.\n  faults:\n  - {cutt: fin, at: end}\n",
        "4:6: reply.faults.0.cutt: there is no fault 'cutt'",
        "did you mean 'cut'? expected one of: <faults>",
    ),
    (
        "a wrong key of a fault",
        "reply:\n  text: Hello.\n  faults:\n  - {cut: fin, att: end}\n",
        "4:16: reply.faults.0.att: the fault 'cut' has no key 'att'",
        "did you mean 'at'? expected one of: after, at, before",
    ),
    (
        "a wrong key of a pace",
        "reply:\n  text: Hello.\n  pace: {frist: 1s}\n",
        "3:10: reply.pace.frist: a pace has no key 'frist'",
        "did you mean 'first'? expected one of: first, jitter, rate, seed",
    ),
    (
        "a wrong key of the pace at the top",
        "reply: Hello.\npace:\n  jiter: 20%\n",
        "3:3: pace.jiter: a pace has no key 'jiter'",
        "did you mean 'jitter'? expected one of: first, jitter, rate, seed",
    ),
    (
        "a wrong block",
        "reply:\n  content:\n  - Hello.\n  - {txt: Hello.}\n",
        "4:6: reply.content.1.txt: there is no content block 'txt'",
        "did you mean 'text'? expected one of: <blocks>",
    ),
    (
        "a wrong key of a block",
        "reply:\n  content:\n  - {text: Hello., citation: []}\n",
        "3:20: reply.content.0.citation: a text block has no key 'citation'",
        "did you mean 'citations'? expected one of: citations",
    ),
    (
        "a wrong key of a tool call",
        "reply:\n  content:\n  - tool_use: {name: a, inptu: {}}\n",
        "3:25: reply.content.0.tool_use.inptu: a tool call has no key 'inptu'",
        "did you mean 'input'? expected one of: caller, id, input, name",
    ),
    (
        "a wrong key of http",
        "reply:\n  http:\n    staus: 404\n",
        "3:5: reply.http.staus: an answer of HTTP has no key 'staus'",
        "did you mean 'status'? expected one of: body, headers, status",
    ),
    (
        "a wrong event",
        "reply:\n  events:\n  - message_strat\n",
        "3:5: reply.events.0: there is no event 'message_strat'",
        "did you mean 'message_start'? expected one of: <events>",
    ),
    (
        "a wrong item of events",
        "reply:\n  events:\n  - message_start\n  - {wiat: 2s}\n",
        "4:6: reply.events.1.wiat: there is no item 'wiat'",
        "did you mean 'wait'? expected one of: <items>",
    ),
    (
        "a key beside a wait",
        "reply:\n  events:\n  - {wait: 2s, then: ping}\n",
        "3:16: reply.events.0.then: nothing may stand beside 'wait'",
        "",
    ),
    (
        "a key of a reply at the top",
        "reply: Hello.\nfaults: [{cut: fin, at: end}]\n",
        "2:1: faults: a scenario has no key 'faults'",
        "it belongs in a reply: reply: {faults: …}",
    ),
    (
        "a key of a reply in a rule",
        "rules:\n- when: {turn: 1}\n  text: Hello.\n",
        "3:3: rules.0.text: a rule has no key 'text'",
        "it belongs in the rule's reply: reply: {text: …}",
    ),
    (
        "a key of a rule at the top",
        "reply: Hello.\nwhen: {turn: 1}\n",
        "2:1: when: a scenario has no key 'when'",
        "it belongs in a rule: rules: [{when: …, reply: …}]",
    ),
    (
        "a key of a rule in a reply",
        "reply:\n  text: Hello.\n  when: {turn: 1}\n",
        "3:3: reply.when: a reply has no key 'when'",
        "it belongs in a rule: rules: [{when: …, reply: …}]",
    ),
    (
        "a key of the top in a reply",
        "reply:\n  text: Hello.\n  seed: 7\n",
        "3:3: reply.seed: a reply has no key 'seed'",
        "it belongs at the top of the file: seed: …",
    ),
    (
        "a wrong key at the top before one further down",
        "reply:\n  text: Hello.\n  tiems: 2\nabuot: x\n",
        "4:1: abuot: a scenario has no key 'abuot'",
        "did you mean 'about'? expected one of: <top>",
    ),
    (
        "the first of several wrong values",
        "reply:\n  text: Hello.\n  faults: x\n  times: 0\n",
        "3:3: reply.faults: a list is expected, not 'x'",
        "begin each item with '- '",
    ),
    ("nothing after reply", "reply:\n", "1:1: reply: nothing is written here", "write a value, or take the key out"),
    (
        "nothing after a key of a reply",
        "reply:\n  text: Hello.\n  pace:\n",
        "3:3: reply.pace: nothing is written here",
        "write a value, or take the key out",
    ),
    (
        "nothing after a condition",
        "rules:\n- when: {model: }\n  reply: Hello.\n",
        "2:10: rules.0.when.model: nothing is written here",
        "write a value, or take the key out",
    ),
    ("a wrong type at the top", "rules: Hello.\n", "1:1: rules: a list is expected, not 'Hello.'", "begin each item with '- '"),
    ("a wrong type of a seed", "reply: Hello.\nseed: x\n", "2:1: seed: a whole number is expected, not 'x'", ""),
    ("a wrong type of about", "about: 42\nreply: Hello.\n", "1:1: about: a text is expected, not 42", "put it in quotes"),
    ("a list for a text", "about: [x]\nreply: Hello.\n", "1:1: about: a text is expected, not ['x']", ""),
    ("a wrong type of a flag", "reply: Hello.\nrequired: yes\n", "2:1: required: true or false is expected, not 'yes'", ""),
    (
        "another version",
        "streamlab: 2\nreply: Hello.\n",
        "1:1: streamlab: 1 is expected, not 2",
        "this is the version of the language; there is only version 1",
    ),
    (
        "a version of many digits",
        "streamlab: 10000000000000000000000000\nreply: Hello.\n",
        "1:1: streamlab: 1 is expected, not 10000000000000000000000000",
        "this is the version of the language; there is only version 1",
    ),
    ("another ending of a rule", "reply: Hello.\nthen: stop\n", "2:1: then: 'repeat' or 'fail' is expected, not 'stop'", ""),
    (
        "a wrong type of a rule",
        "rules:\n- Hello.\n",
        "2:3: rules.0: a rule is expected, not 'Hello.'",
        "for example: rules: [{when: {turn: 1}, reply: Hello}]",
    ),
    (
        "a reply that is a number",
        "reply: 42\n",
        "1:1: reply: a reply is expected, not 42",
        "write a text in quotes, or a mapping with a source",
    ),
    (
        "a reply that is a list",
        "reply: [Hello., Hello.]\n",
        "1:1: reply: a reply is expected, not ['Hello.', 'Hello.']",
        "write a text in quotes, or a mapping with a source",
    ),
    (
        "one of the replies is no text",
        "replies:\n- Hello.\n- true\n",
        "3:3: replies.1: a reply is expected, not true",
        "write a text in quotes, or a mapping with a source",
    ),
    (
        "replies that are no list",
        "replies: Hello.\n",
        "1:1: replies: a list is expected, not 'Hello.'",
        "begin each item with '- '",
    ),
    ("no replies", "replies: []\n", "1:1: replies: a list of at least one item is expected, not []", ""),
    ("no rules", "about: x\nrules: []\n", "2:1: rules: a list of at least one item is expected, not []", ""),
    ("a text that is a number", "reply:\n  text: 42\n", "2:3: reply.text: a text is expected, not 42", "put it in quotes"),
    (
        "a text in deltas with a number",
        "reply:\n  text: [a, 42]\n",
        "2:3: reply.text: a text is expected, not ['a', 42]",
        "write a text, or a list of texts: one for each delta",
    ),
    (
        "a wrong type of when",
        "rules:\n- when: 1\n  reply: Hello.\n",
        "2:3: rules.0.when: conditions are expected, not 1",
        "for example: when: {last_user: weather}",
    ),
    (
        "a wrong type of a condition",
        "rules:\n- when: {model: 1}\n  reply: Hello.\n",
        "2:10: rules.0.when.model: a text is expected, not 1",
        "write a text, {regex: …} or {equals: …}",
    ),
    (
        "a wrong type of a header to match",
        "rules:\n- when:\n    headers: {x-a: b, x-c: [d]}\n  reply: Hello.\n",
        "3:23: rules.0.when.headers.x-c: a text is expected, not ['d']",
        "write a text, {regex: …} or {equals: …}",
    ),
    (
        "a wrong type of a tool to match",
        "rules:\n- when:\n    tools:\n    - a\n    - 3\n  reply: Hello.\n",
        "5:7: rules.0.when.tools.1: a text is expected, not 3",
        "write a text, {regex: …} or {equals: …}",
    ),
    (
        "a word for a flag in when",
        "rules:\n- when: {stream: yes}\n  reply: Hello.\n",
        "2:10: rules.0.when.stream: true or false is expected, not 'yes'",
        "",
    ),
    (
        "a bad expression",
        "rules:\n- when: {last_user: {regex: (}}\n  reply: Hello.\n",
        "2:22: rules.0.when.last_user.regex: '(' is not a regular expression: missing ), unterminated subpattern at position 0",
        "",
    ),
    (
        "faults that are no list",
        "reply:\n  text: Hello.\n  faults: {cut: fin, at: end}\n",
        "3:3: reply.faults: a list is expected, not {'cut': 'fin', 'at': 'end'}",
        "begin each item with '- '",
    ),
    (
        "a fault that is a word",
        "reply:\n  text: Hello.\n  faults: [cut]\n",
        "3:12: reply.faults.0: a fault is expected, not 'cut'",
        "for example: {cut: fin, after: delta 3}; faults: <faults>",
    ),
    (
        "a fault that is empty",
        "reply:\n  text: Hello.\n  faults: [{}]\n",
        "3:12: reply.faults.0: a fault is expected, and this is empty",
        "faults: <faults>",
    ),
    (
        "a fault that is only a place",
        "reply:\n  text: Hello.\n  faults: [{at: end}]\n",
        "3:12: reply.faults.0: a fault is expected, and this is only its place",
        "faults: <faults>",
    ),
    (
        "a wrong type in a fault",
        "reply:\n  text: Hello.\n  faults: [{cut: [fin], at: end}]\n",
        "3:13: reply.faults.0.cut: ['fin'] is not a way to cut",
        "did you mean 'fin'? expected one of: end, fin, reset",
    ),
    (
        "a wrong type of a place",
        "reply:\n  text: Hello.\n  faults: [{cut: fin, at: 3}]\n",
        "3:23: reply.faults.0.at: a place is expected, not 3",
        "for example: delta 3",
    ),
    (
        "a wrong type of a block",
        "reply:\n  content: [3]\n",
        "2:13: reply.content.0: a content block is expected, not 3",
        "write a text, one of <block>",
    ),
    (
        "a wrong type of a tool call",
        "reply:\n  content: [{tool_use: get_weather}]\n",
        "2:14: reply.content.0.tool_use: a tool call needs a name",
        "for example: tool_use: {name: get_weather, input: {city: SF}}",
    ),
    (
        "a wrong type of an input",
        "reply:\n  content: [{tool_use: {name: a, input: SF}}]\n",
        "2:34: reply.content.0.tool_use.input: an object is expected, not 'SF'",
        "",
    ),
    (
        "bytes in an input",
        "reply:\n  content: [{tool_use: {name: a, input: {x: !!binary aGk=}}}]\n",
        "2:42: reply.content.0.tool_use.input.x: !!binary cannot stand here",
        "only `raw` and the body of `http` can be bytes",
    ),
    (
        "a wrong type of http",
        "reply:\n  http: 404\n",
        "2:3: reply.http: an answer of HTTP is expected, not 404",
        "for example: http: {status: 404, body: Not here}",
    ),
    (
        "a wrong type of a status",
        "reply:\n  http: {status: '404'}\n",
        "2:10: reply.http.status: a whole number is expected, not '404'",
        "",
    ),
    (
        "a status too low",
        "reply:\n  http: {status: 99}\n",
        "2:10: reply.http.status: a number from 200 is expected, not 99",
        "",
    ),
    (
        "a status too high",
        "reply:\n  http: {status: 600}\n",
        "2:10: reply.http.status: a number up to 599 is expected, not 600",
        "",
    ),
    (
        "a wrong type of a body",
        "reply:\n  http: {body: 3}\n",
        "2:10: reply.http.body: a body is expected, not 3",
        "write a text or !!binary, or a mapping or a list that is sent as JSON",
    ),
    (
        "a wrong type of headers",
        "reply:\n  text: Hello.\n  headers: [x]\n",
        "3:3: reply.headers: headers are expected, not ['x']",
        'for example: headers: {retry-after: "1"}',
    ),
    (
        "a wrong type of a header",
        "reply:\n  text: Hello.\n  headers:\n    x-a: [b]\n",
        "4:5: reply.headers.x-a: a text is expected, not ['b']",
        "write a text, or null to take the header out",
    ),
    (
        "a header of two lines",
        'reply:\n  text: Hello.\n  headers: {x-a: "b\\r\\nx-c: d"}\n',
        "3:13: reply.headers.x-a: a header cannot carry the character '\\r'",
        "write one line of Latin-1",
    ),
    (
        "a wrong type of usage",
        "reply:\n  text: Hello.\n  usage: {output_tokens: many}\n",
        "3:11: reply.usage.output_tokens: a whole number is expected, not 'many'",
        "for example: usage: {output_tokens: 12}",
    ),
    (
        "events that are no list",
        "reply:\n  events: message_start\n",
        "2:3: reply.events: a list of events is expected, not 'message_start'",
        "for example: [message_start, ping]",
    ),
    (
        "a wrong type of an event",
        "reply:\n  events: [3]\n",
        "2:12: reply.events.0: an event is expected, not 3",
        "write an event's name, or a mapping with its type",
    ),
    (
        "a wrong type of a type",
        "reply:\n  events: [{type: 3}]\n",
        "2:13: reply.events.0.type: the type of an event is a text",
        "",
    ),
    (
        "a wrong type of raw",
        "reply:\n  events: [{raw: 3}]\n",
        "2:13: reply.events.0.raw: a text or !!binary is expected, not 3",
        'for example: raw: ": hello\\n\\n"',
    ),
    (
        "a fault among events with a place",
        "reply:\n  events: [message_start, {cut: fin, at: end}]\n",
        "2:38: reply.events.1.at: a fault among events stands right there, and nowhere else",
        "take it out",
    ),
    (
        "something after the end",
        "reply:\n  events: [message_start, {cut: fin}, ping]\n",
        "2:39: reply.events.2: nothing can follow the end of the answer",
        "take it out, or move it up",
    ),
    ("a file that is a number", "reply:\n  sse: 3\n", "2:3: reply.sse: a text is expected, not 3", "put it in quotes"),
    (
        "a bad indent",
        "reply:\n  text: Hello.\n   pace: instant\n",
        "3:8: not valid YAML: mapping values are not allowed here",
        "put a text that holds ': ' in quotes, or mend the indent of this line",
    ),
    (
        "a bad indent in a list",
        "rules:\n- when: {turn: 1}\n reply: Hello.\n",
        "3:2: not valid YAML: while parsing a block mapping: expected <block end>, but found '<block mapping start>'",
        "the indent of this line does not fit the lines above it",
    ),
    (
        "a tab",
        "reply:\n\ttext: Hello.\n",
        "2:1: not valid YAML: while scanning for the next token: found character '\\t' that cannot start any token",
        "indent with spaces, not with tabs",
    ),
    (
        "a duplicate key",
        "reply: Hello.\nabout: x\nreply: Goodbye.\n",
        "3:1: reply: this key is written twice",
        "keep one of them",
    ),
    (
        "a duplicate key further down",
        "reply:\n  text: Hello.\n  text: Goodbye.\n",
        "3:3: reply.text: this key is written twice",
        "keep one of them",
    ),
    ("an empty file", "", "1:1: the file is empty", "a scenario has one of: reply, replies, rules"),
    ("a file of comments", "# Hello.\n", "1:1: the file is empty", "a scenario has one of: reply, replies, rules"),
    (
        "a list at the top",
        "- reply: Hello.\n",
        "1:1: a scenario is expected, not [{'reply': 'Hello.'}]",
        "for example: reply: Hello",
    ),
    ("a text at the top", "Hello.\n", "1:1: a scenario is expected, not 'Hello.'", "for example: reply: Hello"),
    (
        "several documents",
        "reply: Hello.\n---\nreply: Goodbye.\n",
        "2:1: not valid YAML: expected a single document in the stream: but found another document",
        "write each scenario into a file of its own; a folder of them can be served",
    ),
    (
        "a tag of Python",
        "reply: !!python/object/apply:os.system [ls]\n",
        "1:8: reply: the tag '!!python/object/apply:os.system' is not read here",
        "take it out: only !!binary is read",
    ),
    (
        "a colon in a text",
        "reply: Look: here\n",
        "1:12: not valid YAML: mapping values are not allowed here",
        "put a text that holds ': ' in quotes, or mend the indent of this line",
    ),
    (
        "a quote that is not closed",
        "reply: 'Hello.\n",
        "1:8: not valid YAML: while scanning a quoted scalar: found unexpected end of stream",
        "a quote is opened and not closed",
    ),
    ("not UTF-8", b"reply: caf\xe9\n", "1:11: not a text in UTF-8: byte 11 is 0xe9", "save the file as UTF-8"),
    (
        "a missing file of events",
        "reply:\n  sse: recordet.sse\n",
        "2:3: reply.sse: 'recordet.sse': there is no such file",
        "did you mean 'recorded.sse'? expected one of: empty.sse, recorded.sse",
    ),
    (
        "a missing file of events in another folder",
        "reply:\n  sse: nowhere/recorded.sse\n",
        "2:3: reply.sse: 'nowhere/recorded.sse': there is no such file",
        "there is no folder 'nowhere' either",
    ),
    (
        "a file without events",
        "replies:\n- Hello.\n- sse: empty.sse\n",
        "3:3: replies.1.sse: 'empty.sse': holds no event of a stream",
        "a recorded stream has lines such as: event: ping",
    ),
    ("a folder for a file of events", "reply:\n  sse: .\n", "2:3: reply.sse: '.': cannot be read: Is a directory", ""),
    (
        "a name that no file can have",
        'reply:\n  sse: "a\\0b"\n',
        "2:3: reply.sse: 'a\\x00b': this cannot be the name of a file",
        "",
    ),
    (
        "a place that is not there",
        "reply:\n  text: One two.\n  faults:\n  - cut: fin\n    at: delta 99\n",
        "5:5: reply.faults.0.at: the answer has no place 'delta 99'",
        "the answer has: <one two>",
    ),
    (
        "a place that is not there, in replies",
        "replies:\n- Hello.\n- text: One two.\n  faults:\n  - {cut: fin, at: end}\n  - {stall: 2s, after: tool_use char 3}\n",
        "6:17: replies.1.faults.1.after: the answer has no place 'tool_use char 3'",
        "the answer has: <one two>",
    ),
    (
        "a place that is not there, in the only reply of replies",
        "replies:\n- text: One two.\n  faults: [{cut: fin, at: block 3 delta 1}]\n",
        "3:23: replies.0.faults.0.at: the answer has no place 'block 3 delta 1'",
        "the answer has: <one two>",
    ),
    (
        "a place that is not there, in a rule",
        "rules:\n- {when: {turn: 1}, reply: Hello.}\n- replies:\n  - text: One two.\n    faults:\n    - {cut: fin, at: ping}\n",
        "6:18: rules.1.replies.0.faults.0.at: 'ping' is not a place",
        "a place is <places>",
    ),
    (
        "a place that is misspelt",
        "reply:\n  text: One two.\n  faults:\n  - cut: fin\n    after: dleta 3\n",
        "5:5: reply.faults.0.after: 'dleta 3' is not a place",
        "did you mean 'delta 1'? a place is <places>",
    ),
    (
        "a place counted from 0",
        "reply:\n  text: One two.\n  faults: [{cut: fin, after: delta 0}]\n",
        "3:23: reply.faults.0.after: 'delta 0' is not a place",
        "counting starts at 1, except for a block's index",
    ),
    (
        "a fault at two places",
        "reply:\n  text: One two.\n  faults:\n  - cut: fin\n    at: delta 1\n    after: delta 2\n",
        "4:5: reply.faults.0.cut: the fault has at and after, where one place is expected",
        "write one of: before, at, after",
    ),
    (
        "a fault at no place",
        "reply:\n  text: One two.\n  faults:\n  - cut: fin\n",
        "4:5: reply.faults.0.cut: the fault does not say where it stands",
        "write one of: before, at, after",
    ),
    (
        "the place of an event in an error",
        "reply:\n  error: overloaded\n  faults:\n  - {cut: fin, after: delta 1}\n",
        "4:16: reply.faults.0.after: the answer has no place 'delta 1'",
        "the answer has no events, only: byte 1..N, headers, end",
    ),
    (
        "the place of an event in http",
        "reply:\n  http: {status: 404}\n  faults:\n  - {cut: fin, after: message_start}\n",
        "4:16: reply.faults.0.after: the answer has no place 'message_start'",
        "the answer has no events, only: headers, end",
    ),
    (
        "an event in the middle of an error",
        "reply:\n  error: overloaded\n  faults:\n  - {error: overloaded, at: end}\n",
        "4:6: reply.faults.0.error: this answer is no event stream",
        "this fault changes the events of a stream; a JSON body has none",
    ),
    (
        "a value that a fault does not have",
        "reply:\n  text: One two.\n  faults: [{cut: rst, at: end}]\n",
        "3:13: reply.faults.0.cut: 'rst' is not a way to cut",
        "did you mean 'reset'? expected one of: end, fin, reset",
    ),
    (
        "an error that a fault does not have",
        "reply:\n  text: One two.\n  faults: [{error: overlaoded, at: end}]\n",
        "3:13: reply.faults.0.error: 'overlaoded' is not an error of the API",
        "did you mean 'overloaded'? expected one of: <errors>",
    ),
    (
        "a duration that a fault does not have",
        "reply:\n  text: One two.\n  faults: [{stall: soon, at: end}]\n",
        "3:13: reply.faults.0.stall: 'soon' is not a length of time",
        "write 400ms, 2s, 1m, 1h or a number of seconds, or forever",
    ),
    (
        "two sources",
        "reply:\n  text: Hello.\n  error: overloaded\n",
        "3:3: reply.error: the reply has text and error, where one source is expected",
        "a reply is a text, or has one of: text, content, events, sse, cassette, error, http",
    ),
    (
        "three sources",
        "reply: {text: Hello., error: overloaded, http: {}}\n",
        "1:42: reply.http: the reply has text, error and http, where one source is expected",
        "a reply is a text, or has one of: text, content, events, sse, cassette, error, http",
    ),
    (
        "no source",
        "reply:\n  times: 2\n",
        "1:1: reply: the reply has no source",
        "a reply is a text, or has one of: text, content, events, sse, cassette, error, http",
    ),
    (
        "nothing in a reply",
        "replies: [{}]\n",
        "1:11: replies.0: the reply has no source",
        "a reply is a text, or has one of: text, content, events, sse, cassette, error, http",
    ),
    (
        "two of reply, replies and rules",
        "reply: Hello.\nrules: [{reply: Hello.}]\n",
        "2:1: rules: reply and rules cannot stand together",
        "keep one of them",
    ),
    (
        "all of reply, replies and rules",
        "reply: Hello.\nreplies: [Hello.]\nrules: [{reply: Hello.}]\n",
        "3:1: rules: reply, replies and rules cannot stand together",
        "keep one of them",
    ),
    (
        "none of reply, replies and rules",
        "about: x\n",
        "1:1: a scenario needs one of reply, replies, rules",
        "for example: reply: Hello",
    ),
    (
        "neither reply nor replies in a rule",
        "rules:\n- name: x\n",
        "2:3: rules.0: a rule needs one of reply, replies",
        "for example: rules: [{when: {turn: 1}, reply: Hello}]",
    ),
    (
        "both reply and replies in a rule",
        "rules:\n- reply: Hello.\n  replies: [Hello.]\n",
        "3:3: rules.0.replies: reply and replies cannot stand together",
        "keep one of them",
    ),
    (
        "a shape of an error",
        "reply: {error: overloaded, stop_reason: end_turn}\n",
        "1:28: reply.stop_reason: 'stop_reason' says nothing of a reply made of 'error'",
        "use it with: text, content, events",
    ),
    (
        "a message of a text",
        "reply: {text: Hello., message: Overloaded}\n",
        "1:23: reply.message: 'message' says nothing of a reply made of 'text'",
        "use it with: error",
    ),
    (
        "a stream that is no message",
        "rules:\n- when: {stream: false}\n  reply:\n    events: [ping]\n",
        "3:3: rules.0.reply: this stream adds up to no message, so there is no JSON body for a request without `stream: true`",
        "write the answer to such requests as a rule of its own, with when: {stream: false}",
    ),
    (
        "an unknown error",
        "reply: {error: overlaoded}\n",
        "1:9: reply.error: 'overlaoded' is not an error of the API",
        "did you mean 'overloaded'? expected one of: <errors>",
    ),
    (
        "an unknown status",
        "reply: {error: 418}\n",
        "1:9: reply.error: 418 is not an error of the API",
        "expected one of: <errors>",
    ),
    (
        "a bad duration",
        "reply: {text: Hello., pace: {first: 2 days}}\n",
        "1:30: reply.pace.first: '2 days' is not a length of time",
        "write 400ms, 2s, 1m, 1h or a number of seconds",
    ),
    (
        "a bad duration of a wait",
        "reply:\n  events: [{wait: soon}]\n",
        "2:13: reply.events.0.wait: 'soon' is not a length of time",
        "write 400ms, 2s, 1m, 1h or a number of seconds",
    ),
    (
        "a bad rate",
        "reply: {text: Hello., pace: {rate: 0/s}}\n",
        "1:30: reply.pace.rate: '0/s' is not a rate",
        "write 50/s, 30/m or a number of events a second",
    ),
    (
        "a bad jitter",
        "reply: {text: Hello., pace: {jitter: 200%}}\n",
        "1:30: reply.pace.jitter: '200%' is not a share",
        "write 20% or a number from 0 to 1",
    ),
    (
        "a bad seed of a pace",
        "reply: {text: Hello., pace: {seed: x}}\n",
        "1:30: reply.pace.seed: a whole number is expected, not 'x'",
        "",
    ),
    (
        "a bad pace",
        "reply: {text: Hello., pace: fast}\n",
        "1:23: reply.pace: 'fast' is not a pace",
        "write instant, recorded, recorded x10, 50/s, or {first: 400ms, rate: 50/s, jitter: 20%, seed: 7}",
    ),
    (
        "a pace that stands still",
        "pace: 0/s\nreply: Hello.\n",
        "1:1: pace: '0/s' is not a pace",
        "write instant, recorded, recorded x10, 50/s, or {first: 400ms, rate: 50/s, jitter: 20%, seed: 7}",
    ),
    (
        "a bad range",
        "rules: [{when: {turn: 1...2}, reply: Hello.}]\n",
        "1:17: rules.0.when.turn: '1...2' is not a number or a range",
        "write 2, 1..2 or 2..",
    ),
    (
        "an empty range",
        "rules: [{when: {call: 3..1}, reply: Hello.}]\n",
        "1:17: rules.0.when.call: '3..1' is an empty range",
        "write the smaller number first: 1..3",
    ),
    (
        "a range from 0",
        "rules: [{when: {attempt: 0}, reply: Hello.}]\n",
        "1:17: rules.0.when.attempt: 0 matches nothing below 1",
        "counting starts at 1",
    ),
    ("never", "reply: {text: Hello., times: 0}\n", "1:23: reply.times: a number from 1 is expected, not 0", ""),
    ("a part of a time", "reply: {text: Hello., times: 1.5}\n", "1:23: reply.times: a whole number is expected, not 1.5", ""),
    (
        "two rules of one name",
        "rules:\n- {name: a, when: {turn: 1}, reply: Hello.}\n- {name: a, reply: Hello.}\n",
        "3:4: rules.1.name: two rules are called 'a'",
        "a name tells a rule from the others, in the journal and in errors: change one",
    ),
    (
        "a rule with the name that another is given",
        "rules:\n- {name: file rule 2, when: {turn: 1}, reply: Hello.}\n- reply: Hello.\n",
        "3:3: rules.1: two rules are called 'file rule 2'",
        "a name tells a rule from the others, in the journal and in errors: change one",
    ),
]


@pytest.mark.parametrize(("text", "problem", "hint"), [each[1:] for each in BAD], ids=[each[0] for each in BAD])
def test_an_error_names_file_line_column_key_and_what_to_do(text: str | bytes, problem: str, hint: str) -> None:
    """It is all that is printed, so it is compared as a whole; the number of bytes of an answer is left open."""
    with pytest.raises(ScenarioError) as caught:
        loaded(text)
    for name, words in ALLOWED.items():
        hint = hint.replace(name, words)
    shown = re.sub(r"byte 1\.\.\d+", "byte 1..N", str(caught.value))
    assert shown == f"file.yaml:{problem}" + (f"\n  hint: {hint}" if hint else "")


@settings(max_examples=400)
@given(almost_good() | VALUES, st.sampled_from([None, 1]))
def test_any_yaml_is_a_scenario_or_an_error_with_its_place(document: object, indent: int | None) -> None:
    """There is never another exception, whatever stands under whatever key."""
    text = json.dumps(document, indent=indent)
    problem = None
    try:
        assert loaded(text).rules
    except ScenarioError as error:
        problem = error
    if problem is not None:
        assert problem.file == "file.yaml"
        assert 1 <= (problem.line or 0) <= text.count("\n") + 1
        assert 1 <= (problem.column or 0) <= max(len(line) for line in text.splitlines()) + 1
        assert problem.problem


@given(st.text(max_size=60))
def test_any_text_is_a_scenario_or_an_error(text: str) -> None:
    """Also one that is no YAML, or no text."""
    problem = None
    try:
        loaded(text.encode("utf-8", "surrogatepass"))
    except ScenarioError as error:
        problem = error
    if problem is not None:
        assert problem.file == "file.yaml"
        assert problem.line
