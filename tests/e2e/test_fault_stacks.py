"""Stacks of any faults, on streams that are made up and on recorded ones: the wire is what the core foretells.

Every answer comes from one server, over raw sockets.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from clocks import Noting
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_client import LONG, MESSAGE, RawClient, request

from streamlab.core.actions import Abort, Action, Finish, Framing, Hang, Send, Wait, script
from streamlab.core.authoring import as_source, text, tool_use
from streamlab.core.exchange import Request
from streamlab.core.faults import Fault, apply_faults, fault_names, parse_fault
from streamlab.core.identity import generator
from streamlab.core.pacing import INSTANT, schedule
from streamlab.core.plan import Ending, Plan
from streamlab.core.replies import Reply, Rule
from streamlab.core.sources import Recorded, Source
from streamlab.core.sse import decode
from streamlab.errors import ScenarioError
from streamlab.net.lab import Host

SOON = 0.005
"""Seconds to watch a connection on which nothing is to come any more."""

SMALL = 20_000
"""The largest recorded stream that is taken, in bytes: what is larger shows nothing more."""

NUMBERS = st.integers(1, 12)
WORDS = st.sampled_from(["", "a", "é…😀", "\u2028", "[DONE]", "x" * 40, "\ufeff", "data: {}"]) | st.text(max_size=8)
TIMES = st.sampled_from([0, 0.5, "2ms", "3s", "1h"])
PLACES = st.one_of(
    st.builds("event {}".format, NUMBERS),
    st.builds("delta {}".format, NUMBERS),
    st.builds("block {} delta {}".format, st.integers(0, 2), NUMBERS),
    st.builds("{} char {}".format, st.sampled_from(["text", "tool_use"]), NUMBERS),
    st.builds("byte {}".format, st.integers(0, 900)),
    st.builds("{}%".format, st.integers(0, 100)),
    st.sampled_from(["message_start", "message_delta", "message_stop", "content_block_stop", "error", "headers", "end"]),
)
EVENTS = st.one_of(
    st.builds("event {}".format, NUMBERS),
    st.builds("delta {}".format, NUMBERS),
    st.sampled_from(["message_start", "content_block_start", "content_block_start 2", "message_delta", "message_stop"]),
)
MANY = EVENTS | st.sampled_from(["all", "every event", "every delta", "every tool_use delta", "every ping"])
SELECTIONS = MANY | st.lists(MANY, min_size=1, max_size=3)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | WORDS, lambda inner: st.lists(inner, max_size=2), max_leaves=3
)
PATHS = st.sampled_from(["index", "delta.text", "type", "delta", "message.id", "usage.output_tokens", "new", "delta.type"])
ERRORS = st.sampled_from(["overloaded", "api_error", 529, 400, "rate_limit", "not_found"])
SET = st.dictionaries(PATHS, JSON, min_size=1, max_size=2)
STATUS = st.sampled_from([200, 201, 404, 418, 500, 502])
COUNT = st.integers(1, 3)
AT, OF, BARE = "at", "of", ""
"""Where a fault stands: at a place, of some events, or nowhere."""

KINDS: dict[str, tuple[str, dict[str, st.SearchStrategy[Any]], dict[str, st.SearchStrategy[Any]]]] = {
    "broken_json": (OF, {"broken_json": st.sampled_from(["malformed", "truncated", "empty"])}, {}),
    "change": (BARE, {"change": SELECTIONS, "set": SET}, {"remove": st.lists(PATHS, max_size=1)}),
    "comment": (AT, {"comment": WORDS.map(lambda word: re.sub(r"[\r\n]", "", word))}, {}),
    "content_length": (BARE, {"content_length": st.integers(-30, 30).filter(bool)}, {}),
    "content_type": (BARE, {"content_type": st.sampled_from(["absent", "text/plain", "application/json"])}, {}),
    "corrupt_chunk": (AT, {"corrupt_chunk": st.sampled_from(["XYZ", "-1", "0x", "zz"]).filter(lambda line: line != "0x")}, {}),
    "cut": (AT, {"cut": st.sampled_from(["end", "fin", "reset"])}, {}),
    "data": (AT, {"data": WORDS}, {}),
    "data_lines": (OF, {"data_lines": st.integers(2, 9)}, {}),
    "drop": (BARE, {"drop": SELECTIONS}, {}),
    "duplicate": (BARE, {"duplicate": SELECTIONS}, {"times": COUNT}),
    "error": (AT, {"error": ERRORS}, {"message": WORDS}),
    "event_name": (OF, {"event_name": st.sampled_from(["absent", "", "ping", "x", "message_stop"])}, {}),
    "gzip": (BARE, {"gzip": st.sampled_from(["sound", "plain", "bad checksum", "no trailer"])}, {}),
    "html_body": (BARE, {"html_body": STATUS}, {}),
    "huge_frame": (OF, {"huge_frame": st.sampled_from([1, 500, "3kB"])}, {}),
    "id": (OF, {"id": st.integers(-5, 5) | st.just("é")}, {}),
    "insert": (AT, {"insert": st.fixed_dictionaries({"type": st.sampled_from(["ping", "error", "x"]), "x": JSON})}, {}),
    "interleave": (BARE, {"interleave": st.just([0, 1])}, {}),
    "invalid_utf8": (BARE, {"invalid_utf8": SELECTIONS}, {}),
    "join": (BARE, {"join": SELECTIONS}, {}),
    "json_body": (BARE, {"json_body": STATUS}, {}),
    "line_end": (OF, {"line_end": st.sampled_from(["lf", "cr", "crlf"])}, {}),
    "move": (AT, {"move": EVENTS}, {}),
    "no_blank_line": (BARE, {"no_blank_line": SELECTIONS}, {}),
    "no_space": (BARE, {"no_space": SELECTIONS}, {}),
    "pings": (AT, {"pings": COUNT}, {"every": TIMES}),
    "raw": (AT, {"raw": WORDS.filter(bool) | st.binary(min_size=1, max_size=9)}, {}),
    "redirect": (BARE, {"redirect": st.sampled_from(["messages", "/x"])}, {"status": st.sampled_from([301, 303, 307])}),
    "reorder": (BARE, {"reorder": st.lists(EVENTS, min_size=1, max_size=3)}, {}),
    "retry": (AT, {"retry": st.integers(0, 9999)}, {}),
    "retry_after": (BARE, {"retry_after": TIMES | st.just("absent")}, {"form": st.sampled_from(["seconds", "date", "ms"])}),
    "should_retry": (BARE, {"should_retry": st.booleans() | st.just("absent")}, {}),
    "split": (OF, {"split": st.integers(1, 60) | st.just("characters")}, {"wait": TIMES}),
    "stall": (AT, {"stall": TIMES | st.sampled_from(["forever", "31s"])}, {"pings": st.just(True)}),  # noqa: FBT003
    "swap": (BARE, {"swap": st.lists(EVENTS, min_size=2, max_size=2)}, {}),
    "trailing": (BARE, {"trailing": WORDS.filter(bool)}, {}),
    "unknown": (AT, {"unknown": st.sampled_from(["event", "delta", "block"])}, {}),
}


@st.composite
def a_fault(draw: st.DrawFn) -> Fault:
    """Draw a fault of any kind, with any fields."""
    where, needed, others = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    written = draw(st.fixed_dictionaries(needed, optional=others))
    if where == AT:
        written |= {draw(st.sampled_from(["before", "at", "after"])): draw(PLACES)}
    elif where == OF and draw(st.booleans()):
        written["of"] = draw(SELECTIONS)
    if written.get("pings") is True and (written["stall"] != "31s" or "headers" in written.values()):
        del written["pings"]  # a short silence has none, nor has one that never ends, or one before the headers
    return parse_fault(written)


def test_every_fault_is_drawn() -> None:
    """A fault that is new is drawn too."""
    assert sorted(KINDS) == list(fault_names())


@cache
def recording(path: Path) -> Source:
    """Return a recorded stream."""
    return Recorded(decode(path.read_bytes()))


MADE = st.builds(
    lambda pieces, city, call: as_source([text(pieces), *([tool_use("look", city=city)] if call else [])]),
    st.lists(WORDS.filter(bool), min_size=1, max_size=6),
    WORDS,
    st.booleans(),
)
MOSTLY = st.sampled_from([True, True, True, False])
TAKEN = settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def asked(data: bytes) -> Request:
    """Return a request as the core sees it."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
    return Request(path="/v1/messages", headers=tuple((name, value) for name, _, value in lines), body=body)


def foretold(source: Source, faults: tuple[Fault, ...], data: bytes) -> Plan | ScenarioError:
    """Return the plan that the core makes, all faults of which can be put in, or why one cannot."""
    request_ = asked(data)
    rng = generator(0, "rule", request_.canonical, "1")
    plan = source.plan(request_, rng)
    plan = replace(plan, head=plan.head.with_headers([("date", TODAY)]))
    try:
        return apply_faults(plan, faults, rng)
    except ScenarioError as error:
        return error


def fitting(source: Source, faults: Sequence[Fault], data: bytes) -> tuple[Fault, ...]:
    """Return those of the faults that can be put into what the ones before them leave."""
    kept: tuple[Fault, ...] = ()
    for fault in faults:
        if isinstance(foretold(source, (*kept, fault), data), Plan):
            kept = (*kept, fault)
    return kept


def actions_of(plan: Plan) -> list[Action]:
    """Return what a server does that sends the plan at once."""
    return list(script(plan, schedule(plan, INSTANT, generator(0, "")), Framing()))


@pytest.fixture(autouse=True)
def silent_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Check that nothing is logged, at no level."""
    with caplog.at_level(logging.DEBUG):
        yield
    assert [record for record in caplog.get_records("call") if record.name != "asyncio"] == []


@pytest.fixture(scope="module")
def clock() -> Noting:
    """Give a clock for which no silence takes time."""
    return Noting()


@pytest.fixture(scope="module")
def host(clock: Noting) -> Iterator[Host]:
    """Give the one server of all stacks."""
    running = Host(clock=clock)
    yield running
    running.stop()


TODAY = "Sat, 21 Nov 2026 10:00:00 GMT"
DATES = re.compile(rb"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT")
"""The date of an answer, and one that is counted from it: they are all as long as each other."""


def check(host: Host, clock: Noting, source: Source, drawn: Sequence[Fault], *, stream: bool = True, fits: bool) -> None:
    """Ask for an answer with these faults, and compare all that comes with what the core foretells.

    If it `fits`, the faults that have no place are left out; else one that has none is an error.
    """
    lab = host.lab()
    prefix = lab.url.removeprefix(host.url)
    data = request(f"{prefix}/v1/messages", body={**MESSAGE, "stream": stream})
    faults = fitting(source, drawn, data) if fits else tuple(drawn)
    lab._space.namespace.rules = (Rule(name="rule", replies=(Reply(source=source, faults=faults),)),)
    clock.silences, clock.journal = [], lab.journal
    with RawClient(host.url) as client:
        client.socket.sendall(data)
        plan = foretold(source, faults, data)
        if isinstance(plan, ScenarioError):
            assert client.answer().status == 500
            assert lab.journal.problems == (str(plan),)
            assert plan.key[0] == "faults"
        else:
            check_wire(client, plan, clock)
            assert lab.journal.problems == ()
        clock.journal = None
    lab._space.namespace.rules = (Rule(name="plain", replies=(Reply(source=as_source("Fine.")),)),)
    with RawClient(host.url) as client:
        following = client.ask(data)
    assert (following.status, following.ending) == (200, "complete")
    assert b"Fine" in following.body
    lab.close()


def check_wire(client: RawClient, plan: Plan, clock: Noting) -> None:
    """Read all that a server sends, and compare it with the script of the plan."""
    actions = actions_of(plan)
    expected = b"".join(action.data for action in actions if isinstance(action, Send))
    waits = [action.until for action in actions if isinstance(action, Wait)]
    client.receive(len(expected))
    received, ending = client.rest(watch=LONG if isinstance(actions[-1], Abort) else SOON)
    head, mark, rest = received.partition(b"\r\n\r\n")
    received = DATES.sub(TODAY.encode(), head) + mark + rest
    head, mark, rest = expected.partition(b"\r\n\r\n")
    expected = DATES.sub(TODAY.encode(), head) + mark + rest
    assert received == expected
    assert [round(total, 3) for total in _sums(clock.silences)] == [round(wait, 3) for wait in waits]
    last = actions[-1]
    if isinstance(last, Finish | Hang):
        assert ending == "open"
    else:
        assert isinstance(last, Abort)
        assert ending == ("reset" if last.ending is Ending.RESET else "fin")


def _sums(silences: list[tuple[int, float]]) -> list[float]:
    sums, total = [], 0.0
    for _, length in silences:
        total += length
        sums.append(total)
    return sums


@given(source=MADE, faults=st.lists(a_fault(), max_size=5), stream=MOSTLY, fits=MOSTLY)
@TAKEN
def test_a_stack_on_a_made_up_answer_is_what_the_core_foretells(
    host: Host,
    clock: Noting,
    source: Source,
    faults: list[Fault],
    *,
    stream: bool,
    fits: bool,
) -> None:
    """Bytes, silences and ending, of a stream or of JSON; the next request is answered as ever, and nothing is logged."""
    check(host, clock, source, faults, stream=stream, fits=fits)


@given(number=st.integers(0, 10_000), faults=st.lists(a_fault(), min_size=1, max_size=5), fits=MOSTLY)
@settings(TAKEN, max_examples=150)
def test_a_stack_on_a_recorded_stream_is_what_the_core_foretells(
    host: Host,
    clock: Noting,
    recorded_streams: list[Path],
    number: int,
    faults: list[Fault],
    *,
    fits: bool,
) -> None:
    """The same of the API's own bytes."""
    small = [path for path in recorded_streams if path.stat().st_size < SMALL]
    check(host, clock, recording(small[number % len(small)]), faults, fits=fits)
