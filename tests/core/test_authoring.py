"""What people write in Python: constructors, and what may stand where a source is expected."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from asking import ask, body_of, types_of

from streamlab.core.authoring import (
    as_reply,
    as_source,
    error,
    events,
    http,
    message,
    parse_faults,
    text,
    thinking,
    tool_use,
)
from streamlab.core.blocks import Block, parse_blocks
from streamlab.core.faults import Cut, ErrorEvent
from streamlab.core.messages import Shape
from streamlab.core.pacing import INSTANT, Pace
from streamlab.core.replies import Reply
from streamlab.core.sources import Computed, Content, Events, Failure, Http
from streamlab.errors import FaultError, PlaceError, ScenarioError

CITATION = {"type": "char_location", "cited_text": "x", "document_index": 0}


@pytest.mark.parametrize(
    ("made", "written"),
    [
        (text("Hi"), "Hi"),
        (text(["H", "i"]), {"text": ["H", "i"]}),
        (text(("H", "i")), {"text": ["H", "i"]}),
        (text("Hi", citations=[CITATION]), {"text": "Hi", "citations": [CITATION]}),
        (thinking("Hm"), {"thinking": "Hm"}),
        (thinking(["H", "m"], signature="E"), {"thinking": ["H", "m"], "signature": "E"}),
        (tool_use("look"), {"tool_use": {"name": "look"}}),
        (tool_use("look", name="x", city="SF"), {"tool_use": {"name": "look", "input": {"name": "x", "city": "SF"}}}),
    ],
)
def test_constructors_of_blocks_say_what_yaml_says(made: Block, written: object) -> None:
    """The same words, the same block."""
    assert (made,) == parse_blocks(written)


@pytest.mark.parametrize(
    ("write", "key"),
    [
        (lambda: text(5), ("text",)),  # type: ignore[arg-type]
        (lambda: text(None), ("text",)),  # type: ignore[arg-type]
        (lambda: text(["a", 5]), ("text",)),  # type: ignore[list-item]
        (lambda: thinking(5), ("thinking",)),  # type: ignore[arg-type]
        (lambda: tool_use("look", at=dt.date(2026, 1, 1)), ("tool_use", "input")),
        (lambda: message("a", 5), (1,)),  # type: ignore[arg-type]
        (lambda: events("ping", "pong"), (1,)),
        (lambda: error("overload"), ("error",)),
        (lambda: http(body={"at": dt.date(2026, 1, 1)}), ("body",)),
    ],
)
def test_what_cannot_be_written_is_said_where_it_is_written(write: Callable[[], object], key: tuple[Any, ...]) -> None:
    """Not at the first request."""
    with pytest.raises(ScenarioError) as caught:
        write()
    assert caught.value.key == key


def test_a_message_takes_blocks_and_what_is_said_of_it() -> None:
    """As the keys beside `content` in YAML."""
    made = message("Hi", tool_use("x"), stop_reason="max_tokens", id="msg_1", plain=True)
    assert made == Content(parse_blocks(["Hi", tool_use("x")]), Shape(stop_reason="max_tokens", id="msg_1", plain=True))
    with pytest.raises(TypeError, match="stop_reson"):
        message("Hi", stop_reson="max_tokens")


def test_events_take_items_and_what_is_said_of_the_message() -> None:
    """In order."""
    assert events("message_start", {"wait": 1}, model="m") == Events(("message_start", {"wait": 1}), Shape(model="m"))


@pytest.mark.parametrize(
    ("kind", "message_text", "status", "expected"),
    [("overloaded", None, 529, "Overloaded"), (400, "mine", 400, "mine"), ("rate_limit_error", "", 429, "")],
)
def test_an_error_by_type_or_status(kind: str | int, message_text: str | None, status: int, expected: str) -> None:
    """With a text of its own if one is given."""
    reply = error(kind, message_text, times=2, headers={"retry-after": 7, "x-should-retry": None})  # type: ignore[dict-item]
    plan = reply.plan(ask(), Random(1))
    assert (plan.head.status, body_of(plan)["error"]["message"], reply.times) == (status, expected, 2)
    assert (plan.head.get("retry-after"), plan.head.get("x-should-retry")) == ("7", None)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (http(), Http(200, (), b"")),
        (http(502, {"content-type": "text/html"}, "ü"), Http(502, (("content-type", "text/html"),), "ü".encode())),
        (http(body=b"\xff"), Http(200, (), b"\xff")),
        (http(body={"a": "ü"}), Http(200, (("content-type", "application/json"),), '{"a":"ü"}'.encode())),
        (http(headers={"Content-Type": "x"}, body=[1]), Http(200, (("Content-Type", "x"),), b"[1]")),
        (http(headers={"retry-after": 1}, body="\ud83d"), Http(200, (("retry-after", "1"),), b"\xed\xa0\xbd")),  # type: ignore[dict-item]
        (http(body=["\ud83d"]), Http(200, (("content-type", "application/json"),), b'["\\ud83d"]')),
    ],
)
def test_any_answer_of_http(made: Http, expected: Http) -> None:
    """A mapping or a list is sent as JSON, unless another type is given."""
    assert made == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Hi", Content(parse_blocks("Hi"))),
        (text("Hi"), Content(parse_blocks("Hi"))),
        (["Hi", {"text": "you"}], Content(parse_blocks(["Hi", "you"]))),
        (("Hi",), Content(parse_blocks("Hi"))),
        ({"tool_use": {"name": "x"}}, Content(parse_blocks(tool_use("x")))),
        (http(204), Http(204)),
    ],
)
def test_what_stands_for_a_source(written: object, expected: object) -> None:
    """A text, blocks, a constructor's result."""
    assert as_source(written) == expected


def test_a_function_stands_for_what_it_returns() -> None:
    """So does an object that can be called."""
    source = as_source(lambda request: request.last_user)
    assert isinstance(source, Computed)
    assert body_of(source.plan(ask("echo", stream=False), Random(1)))["content"][0]["text"] == "echo"


async def later(_: object) -> str:
    """Answer later than it can be used."""
    return "Hi"


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (5, "a reply is expected, not 5\n  hint: give a text"),
        (None, "a reply is expected, not None"),
        (later, "is asynchronous\n  hint: write def instead of async def"),
        ({"txt": "Hi"}, "there is no content block 'txt'"),
    ],
)
def test_what_stands_for_no_source(written: object, words: str) -> None:
    """The error says what would."""
    with pytest.raises(ScenarioError) as caught:
        as_source(written)
    assert words in str(caught.value)


def test_a_function_may_not_say_how_often_or_how_fast() -> None:
    """It is asked for each answer anew."""
    for reply in (error("api", times=2), as_reply("Hi", pace="50/s")):
        with pytest.raises(ScenarioError, match="`times` and `pace` say nothing"):
            as_source(lambda _, reply=reply: reply).plan(ask(), Random(1))


@pytest.mark.parametrize(
    ("write", "problem"),
    [
        (lambda: as_reply("Hi", headers={"a": "b\r\nc: d"}), "headers.a: a header cannot carry the character '\\r'"),
        (lambda: as_reply("Hi", headers={"a\n": "b"}), "headers.a\n: 'a\\n' is not the name of a header"),
        (lambda: as_reply("Hi", headers={"a": ["b"]}), "headers.a: a text is expected, not ['b']"),
        (lambda: as_reply("Hi", headers={3: "b"}), "headers.3: 3 is not the name of a header"),
        (lambda: as_reply("Hi", headers=[("a", "b")]), "headers: headers are expected, not [('a', 'b')]"),
        (lambda: error("overloaded", headers={"a": "\n"}), "headers.a: a header cannot carry"),
        (lambda: http(200, {"a": "ж"}), "headers.a: a header cannot carry"),
        (lambda: http(9999), "status: a status from 200 to 599 is expected, not 9999"),
        (lambda: http(100), "status: a status from 200 to 599 is expected, not 100"),
        (lambda: http("200"), "status: a status from 200 to 599 is expected, not '200'"),  # type: ignore[arg-type]
        (lambda: http(status=True), "status: a status from 200 to 599 is expected, not True"),
    ],
)
def test_what_no_answer_can_carry_is_an_error_where_it_is_written(write: Callable[[], object], problem: str) -> None:
    """And not when it is to be sent."""
    with pytest.raises(ScenarioError) as caught:
        write()
    assert str(caught.value).startswith(problem)


def test_a_class_is_called_as_a_function_is() -> None:
    """Even one whose objects are sources: the class itself has no plan."""
    assert isinstance(as_source(Http), Computed)


def test_a_reply_of_a_source_has_the_usual_rest() -> None:
    """Once, at the pace of all, nothing wrong with it."""
    assert as_reply("Hi") == Reply(source=Content(parse_blocks("Hi")))


def test_a_reply_keeps_what_nobody_changes() -> None:
    """What its constructor was told holds."""
    base = error("overloaded", times=3, headers={"retry-after": "1"})
    assert as_reply(base) == base


def test_a_reply_is_changed_as_asked() -> None:
    """Times and pace are replaced; headers and faults are added, a header of the same name in the place of the older one."""
    base = Reply(
        source=Failure(error("api").source.error),  # type: ignore[attr-defined]
        times=3,
        faults=(Cut("fin", at="byte 3"),),
        headers=(("Retry-After", "1"), ("x-a", "1")),
    )
    changed = as_reply(
        base, times=2, pace="50/s", faults=[{"cut": "reset", "at": "end"}], headers={"retry-after": 9, "x-b": None}
    )
    assert changed == Reply(
        source=base.source,
        times=2,
        pace=Pace(rate=50.0),
        faults=(Cut("fin", at="byte 3"), Cut("reset", at="end")),
        headers=(("x-a", "1"), ("retry-after", "9"), ("x-b", None)),
    )


@pytest.mark.parametrize(
    ("pace", "expected"), [(None, None), (INSTANT, INSTANT), ("instant", INSTANT), ({"first": "1s"}, Pace(first=1.0))]
)
def test_a_pace_in_any_form(pace: Any, expected: Pace | None) -> None:
    """An object, a text, a mapping."""
    assert as_reply("Hi", pace=pace).pace == expected


@pytest.mark.parametrize("times", [0, -1, True, 1.5, "2"])
def test_times_is_a_number_from_one(times: Any) -> None:
    """Whether given here or to the constructor."""
    for write in (lambda: as_reply("Hi", times=times), lambda: as_reply(error("api", times=times))):
        with pytest.raises(ScenarioError, match="a number of times from 1 is expected") as caught:
            write()
        assert caught.value.key == ("times",)


def test_faults_as_objects_and_as_mappings() -> None:
    """In the order written."""
    assert parse_faults([Cut("fin", at="end"), {"error": "api", "at": "end"}]) == (
        Cut("fin", at="end"),
        ErrorEvent("api", at="end"),
    )


@pytest.mark.parametrize(
    ("written", "kind", "key", "words"),
    [
        (Cut("fin", at="end"), ScenarioError, ("faults",), "a list of faults is expected"),
        ({"cut": "fin"}, ScenarioError, ("faults",), "a list of faults is expected"),
        ("cut", ScenarioError, ("faults",), "a list of faults is expected"),
        (["cut"], ScenarioError, ("faults", 0), "a fault is expected, not 'cut'"),
        ([Cut("fin", at="end"), Cut], ScenarioError, ("faults", 1), "for example: Cut("),
        ([{"cut": "fin", "at": "delta zero"}], PlaceError, ("faults", 0, "at"), "'delta zero' is not a place"),
        ([{"cutt": "fin"}], FaultError, ("faults", 0, "cutt"), "did you mean 'cut'?"),
    ],
)
def test_what_is_no_fault(written: Any, kind: type[ScenarioError], key: tuple[Any, ...], words: str) -> None:
    """With its number in the list."""
    with pytest.raises(kind) as caught:
        as_reply("Hi", faults=written)
    assert caught.value.key == key
    assert words in str(caught.value)


def test_a_fault_of_ones_own_needs_no_registration() -> None:
    """Something that can be applied is a fault."""

    class Silence:
        """Sends nothing."""

        def apply(self, plan: Any, rng: Random) -> Any:
            """Return the plan without its frames."""
            del rng
            return type(plan)(plan.head)

    assert types_of(as_reply("Hi", faults=[Silence()]).plan(ask(), Random(1))) == []
