"""Rules written back: what is loaded again is what was written, for every word of the language, every fault, every source."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from random import Random
from typing import Any, ClassVar

import pytest
from documents import GOOD
from hypothesis import given, settings
from hypothesis import strategies as st

import streamlab
from streamlab import Block, ScenarioError, error, events, http, message, text, thinking, tool_use
from streamlab.core.authoring import as_reply
from streamlab.core.exchange import Exchange, Read, Request
from streamlab.core.faults import Cut, ErrorEvent, Fault, Stall, examples, fault_names, fault_type
from streamlab.core.matching import Span, Text, When
from streamlab.core.pacing import INSTANT, Pace
from streamlab.core.plan import Head, Plan
from streamlab.core.recognition import Matching
from streamlab.core.redaction import compile_patterns
from streamlab.core.replies import Reply, Rule, Settings
from streamlab.core.sources import Http, Recorded
from streamlab.core.sse import decode
from streamlab.core.tapes import Exchanges, Tape
from streamlab.files.fault_text import parse_fault_text
from streamlab.files.library import scenario_names
from streamlab.files.scenario import load
from streamlab.files.scenario_writer import rules_document, settings_document, tape_text
from streamlab.files.sent import read_sent, read_settings

LONG = [
    text("One two three four five six seven eight nine."),
    tool_use("look", at="San Francisco, CA"),
    text("That is all, ünd möre."),
]
STREAM = b'event: message_start\ndata: {"type":"message_start"}\n\n: \xff\n\n'


def back(*rules: Rule) -> tuple[Rule, ...]:
    """Return the rules that the document of these loads as."""
    kind, data = rules_document(rules).sent
    again = read_sent(data, kind, "sent").rules
    assert all(isinstance(rule, Rule) for rule in again)
    return tuple(rule for rule in again if isinstance(rule, Rule))


def rule(source: Any, **changes: Any) -> Rule:
    """Return a rule with one reply of this."""
    return Rule(name="rule", replies=(as_reply(source),), **changes)


@pytest.mark.parametrize("name", GOOD)
def test_every_word_of_the_language_comes_back(name: str) -> None:
    """The documents that the tests of the loader use."""
    read = read_sent(json.dumps(GOOD[name]).encode(), "json", "file")
    rules = tuple(each for each in read.rules if isinstance(each, Rule))
    assert back(*rules) == rules
    assert read_settings(settings_document(read.settings)) == read.settings


@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_scenario_comes_back(name: str) -> None:
    """With what it says of all answers."""
    read = load(name)
    rules = tuple(each for each in read.rules if isinstance(each, Rule))
    assert back(*rules) == rules
    assert read_settings(settings_document(read.settings)) == read.settings


EXAMPLES = [(name, each.fault) for name in fault_names() for each in examples(fault_type(name))]


@pytest.mark.parametrize(("name", "written"), EXAMPLES, ids=[written for _, written in EXAMPLES])
def test_every_fault_comes_back(name: str, written: str) -> None:
    """As it stands in its own examples."""
    faults = parse_fault_text(written, name)
    made_settings = Settings(faults=faults)
    assert read_settings(settings_document(made_settings)) == made_settings
    made = Rule(name="rule", replies=(as_reply(LONG, faults=faults),))
    assert back(made) == (made,)


@pytest.mark.parametrize(
    "source",
    [
        "Plain. \x7f \u2028 \U0001f600 \x00",
        "",
        [],
        LONG,
        text(["Hel", "lo"], citations=[{"type": "char_location"}]),
        text([]),
        thinking(["Hm", "."], signature="EqQB"),
        thinking("Hm."),
        {"tool_use": {"name": "look", "id": "toolu_1", "input": {"b": 1, "a": [2]}}, "fragments": ['{"b":1,', '"a":[2]}']},
        {"tool_use": {"name": "look", "input": {}}, "eager": True},
        {"mcp_tool_use": {"name": "look", "server_name": "docs"}, "fragments": []},
        {"server_tool_use": {"name": "search", "caller": {"type": "other"}}, "eager": True},
        {"type": "later", "field": [None]},
        message("Hi", stop_reason="max_tokens", usage={"input_tokens": 1}, container={}, plain=True, id=""),
        events(
            "message_start",
            "ping",
            {"type": "x", "y": (1, 2)},
            {"wait": "2s"},
            {"raw": b"\xff\n\n"},
            {"cut": "fin"},
            plain=True,
        ),
        error("overloaded", "Busy", times=2, headers={"retry-after": "1", "server": None}),
        *(error(status) for status in (400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529)),
        http(404, {"x-a": "b"}, "Not here"),
        http(body=b"\xff\x00"),
        http(body={"a": 1}),
        Recorded(decode(STREAM)),
        Recorded(decode(STREAM.replace(b"\xff", b"x"))),
    ],
    ids=lambda source: repr(source)[:40],
)
def test_every_source_comes_back(source: Any) -> None:
    """Byte for byte: the answers are the same."""
    made = rule(source)
    (again,) = back(made)
    assert replace(again, replies=()) == replace(made, replies=())
    asked = Request(body=b'{"stream": true}')
    assert [each.plan(asked, Random(3)) for each in again.replies] == [each.plan(asked, Random(3)) for each in made.replies]
    assert [replace(each, source=made.replies[0].source) for each in again.replies] == list(made.replies)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
PROSE = st.builds(Text, st.sampled_from(["contains", "equals"]), TEXTS)
GLOB = st.builds(Text, st.sampled_from(["glob", "equals"]), TEXTS) | st.just(Text("regex", "^a.*z$"))
SPANS = st.integers(1, 9).flatmap(lambda low: st.builds(Span, st.just(low), st.none() | st.integers(low, 99)))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=5,
)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return what is sometimes left out."""
    return st.none() | strategy


WHENS = st.builds(
    When,
    path=maybe(GLOB),
    method=maybe(GLOB),
    headers=maybe(st.dictionaries(st.from_regex("[a-z-]{1,9}", fullmatch=True), GLOB).map(lambda each: tuple(each.items()))),
    model=maybe(GLOB),
    stream=maybe(st.sampled_from([True])),  # an event of a JSON body is no place for a fault
    system=maybe(PROSE),
    last_user=maybe(PROSE),
    any_message=maybe(PROSE),
    tools=maybe(st.lists(GLOB, max_size=3).map(tuple)),
    tool_result=maybe(GLOB),
    turn=maybe(SPANS),
    attempt=maybe(SPANS),
    call=maybe(SPANS),
    body=maybe(st.dictionaries(TEXTS, JSON) | st.lists(JSON)),
)
PACES = (
    st.just(INSTANT)
    | st.builds(
        Pace,
        first=st.integers(0, 100).map(float),
        rate=maybe(st.floats(0.1, 1000)),
        jitter=st.floats(0, 1),
        seed=maybe(st.integers()),
    )
    | st.sampled_from([0.5, 1.0, 10.0]).map(lambda speed: Pace(speed=speed))
)
FAULTS: st.SearchStrategy[Fault] = st.sampled_from(
    [
        Cut("reset", after="delta 1"),
        Stall("2s", at="headers"),
        ErrorEvent(529, "Büsy", at="end"),
        Stall("forever", at="text char 2"),
    ]
)
REPLIES = st.builds(
    Reply,
    source=(
        TEXTS.map(lambda said: f"One two three. {said}")
        | st.lists(TEXTS, max_size=3).map(lambda each: text(["One two three.", *each]))
    ).map(lambda each: as_reply(each).source),
    times=st.integers(1, 9),
    pace=maybe(PACES),
    faults=st.lists(FAULTS, max_size=1).map(tuple),
    headers=st.dictionaries(st.from_regex("[a-z-]{1,9}", fullmatch=True), maybe(st.from_regex("[ -~]*", fullmatch=True))).map(
        lambda each: tuple(each.items())
    ),
    gzip=st.booleans(),
)
RULES = st.builds(
    Rule,
    name=TEXTS.filter(bool),
    replies=st.lists(REPLIES, min_size=1, max_size=3).map(tuple),
    when=WHENS,
    repeats=st.booleans(),
    required=st.booleans(),
)


@settings(max_examples=50)  # a rule is large
@given(RULES)
def test_any_rule_comes_back(made: Rule) -> None:
    """Whatever its conditions, replies, paces, headers and texts."""
    assert back(made) == (made,)


@given(
    st.builds(
        Settings,
        seed=st.integers(),
        validate=st.booleans(),
        api_key=maybe(TEXTS),
        pace=PACES,
        faults=st.lists(FAULTS).map(tuple),
    )
)
def test_any_settings_come_back(made: Settings) -> None:
    """All that holds for every answer."""
    assert read_settings(json.loads(json.dumps(settings_document(made)))) == made


# Cassettes


def exchange(number: int) -> Exchange:
    """Return a recorded answer of a few reads."""
    reads = (Read(b'event: ping\ndata: {"type": "ping"}\n\n', 0.5), Read(b"\xff%d\n\n" % number, 1.25))
    asked = Request(body=b'{"n":%d}' % number, headers=(("x-a", "\udcff"),))
    return Exchange(
        request=asked, head=Head(200, (("content-type", "text/event-stream"),)), reads=reads, first=0.25, ended_at=2.0
    )


@pytest.mark.parametrize("repeat", ["last", "none", "all"])
def test_a_cassette_comes_back(repeat: Any) -> None:
    """Its exchanges with their times, and on what terms they are given."""
    matching = Matching(ignore=("a.*",), normalise=("ids",), redact=compile_patterns(["cust_[0-9]+"]))
    made = Tape("weather", [exchange(n).request for n in range(3)], exchange, matching, repeat)
    (again,) = read_sent(tape_text(made), "yaml", "weather").rules
    assert isinstance(again, Tape)
    assert (again.name, again.matching, again.repeat) == ("weather", matching, repeat)
    assert [again.load(number) for number in range(3)] == [exchange(number) for number in range(3)]


def test_one_exchange_of_a_cassette_is_a_reply_as_well() -> None:
    """It is sent as a cassette of its own."""
    (again,) = back(Rule(name="rule", replies=(Reply(source=Exchanges(exchange, (2,)), times=2),)))
    source = again.replies[0].source
    assert isinstance(source, Exchanges)
    assert [source.load(number) for number in source.numbers] == [exchange(2)]
    assert again.replies[0].times == 2


# What cannot be written


@dataclass(frozen=True, slots=True)
class _Secret:
    """A source of somebody's own."""

    def plan(self, request: Request, rng: Random) -> Plan:
        """Return nothing much."""
        del request, rng
        return Plan(Head())


class _Own:
    """A fault of somebody's own that is no dataclass."""

    name: ClassVar[str] = "own"

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Change nothing."""
        del rng
        return plan


NOT_SAID = "a scenario cannot say this, so it cannot be sent to another process"


@pytest.mark.parametrize(
    ("made", "key", "problem"),
    [
        (rule(lambda _: "Hi"), ("rules", 0, "replies", 0), "a function cannot be sent to another process"),
        (
            Rule(name="a", replies=(as_reply("One."), Reply(source=_Secret()))),
            ("rules", 0, "replies", 1),
            f"{NOT_SAID}: _Secret()",
        ),
        (rule(as_reply("Hi", faults=[_Own()])), ("rules", 0, "replies", 0, "faults", 0), NOT_SAID),
        (rule(Block(content={"type": "text", "text": "Hi"}, fragments=("Hi", "!"))), ("rules", 0), NOT_SAID),
        (rule("Hi", when=When(model=Text("contains", "claude"))), ("rules", 0, "when", "model", "contains"), "there is no way"),
        (rule(as_reply("Hi", pace=Pace(speed=2.0, first=1.0))), ("rules", 0), NOT_SAID),
        (rule(replace(http(), headers=(("a", "1"), ("a", "2")))), ("rules", 0), NOT_SAID),
        (
            rule(as_reply("Hi", faults=[Cut("fin", at="delta 99")])),
            ("rules", 0, "replies", 0, "faults", 0, "at"),
            "the answer has no place",
        ),
        (rule(Http(99)), ("rules", 0, "replies", 0, "http", "status"), "a number from 200 is expected, not 99"),
    ],
)
def test_a_rule_that_would_not_come_back_is_an_error(made: Rule, key: tuple[str | int, ...], problem: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ScenarioError) as caught:
        rules_document([made])
    assert caught.value.key == key
    assert caught.value.problem.startswith(problem)


@pytest.mark.parametrize(
    ("made", "key"),
    [(Settings(pace=Pace(speed=2.0, first=1.0)), ()), (Settings(faults=(_Own(),)), ("faults", 0))],  # type: ignore[arg-type]
)
def test_settings_that_would_not_come_back_are_an_error(made: Settings, key: tuple[str | int, ...]) -> None:
    """The same way."""
    with pytest.raises(ScenarioError, match=NOT_SAID) as caught:
        settings_document(made)
    assert caught.value.key == key


def test_the_version_of_the_language_stays_the_same() -> None:
    """What is written needs no word that is not public."""
    assert streamlab.__version__
    assert set(rules_document([rule("Hi")]).data) == {"rules"}
