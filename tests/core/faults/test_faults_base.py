"""What a fault is: how it is registered, written, read, and put at a place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import FrozenInstanceError, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import pytest
from plans import BODY, HEAD, NOTHING, PLAN, SAMPLES, applied, recorded_plan

from streamlab.core.faults import (
    AtPlace,
    BrokenJson,
    Change,
    Chosen,
    Cut,
    DataLines,
    Drop,
    Duplicate,
    ErrorEvent,
    EventId,
    EventName,
    Fault,
    HugeFrame,
    InvalidUtf8,
    Join,
    JsonBody,
    LineEnd,
    NoBlankLine,
    NoSpace,
    OfEvents,
    SplitFrames,
    Stall,
    apply_faults,
    base,
    data_of,
    examples,
    fault_family,
    fault_names,
    fault_type,
    main_field,
    parse_fault,
    register,
    with_data,
)
from streamlab.core.places import GRAMMAR, Place, Point, Side
from streamlab.core.plan import Ending, Plan
from streamlab.core.sse import Frame
from streamlab.errors import FaultError, PlaceError, ScenarioError


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test register faults that no other test sees."""
    monkeypatch.setattr(base, "_REGISTRY", dict(base._REGISTRY))


@pytest.mark.parametrize(("name", "kind"), [("cut", Cut), ("error", ErrorEvent), ("stall", Stall)])
def test_a_fault_is_known_by_its_name(name: str, kind: type[Fault]) -> None:
    """The name leads to the class, and the class knows its name."""
    assert fault_type(name) is kind
    assert kind.name == name
    assert name in fault_names()
    assert list(fault_names()) == sorted(fault_names())


@pytest.mark.parametrize(
    ("name", "hint"),
    [("cutt", "did you mean 'cut'? expected one of: "), ("zzzz", "expected one of: "), ("", "expected one of: ")],
)
def test_an_unknown_name_is_an_error(name: str, hint: str) -> None:
    """The nearest name is offered, and all of them."""
    with pytest.raises(FaultError) as caught:
        fault_type(name)
    assert (caught.value.problem, caught.value.key) == (f"there is no fault {name!r}", (name,))
    assert caught.value.hint == hint + ", ".join(fault_names())


@pytest.mark.parametrize(("kind", "main"), [(Cut, "how"), (ErrorEvent, "type"), (Stall, "time")])
def test_the_main_value_is_the_field_that_can_be_given_by_position(kind: type[Fault], main: str) -> None:
    """In YAML it stands after the fault's name."""
    assert main_field(kind) == main


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ({"cut": "reset", "at": "delta 3"}, Cut("reset", at="delta 3")),
        ({"cut": "fin", "after": "message_start"}, Cut("fin", after="message_start")),
        ({"at": "50%", "cut": "end"}, Cut("end", at="50%")),
        ({"stall": "2s", "before": "tool_use char 12"}, Stall("2s", before="tool_use char 12")),
        ({"stall": 0.5, "at": "headers"}, Stall(0.5, at="headers")),
        ({"stall": "forever", "at": "end"}, Stall("forever", at="end")),
        ({"error": "overloaded", "after": "delta 3"}, ErrorEvent("overloaded", after="delta 3")),
        ({"error": 529, "at": "end", "message": "No."}, ErrorEvent(529, at="end", message="No.")),
        ({"cut": "fin", "at": Place("end")}, Cut("fin", at="end")),
        ({"cut": "fin", "at": "end", "before": None}, Cut("fin", at="end")),
    ],
)
def test_a_fault_is_read_from_a_mapping(written: Mapping[str, Any], fault: Fault) -> None:
    """Its name with its main value, its other fields by theirs: the mapping and the constructor say the same."""
    assert parse_fault(written) == fault
    assert isinstance(fault, Fault)


HINTS = {
    "faults": "faults: {names}",
    "no fault": "expected one of: {names}",
    "cut keys": "expected one of: after, at, before",
    "error keys": "expected one of: after, at, before, message",
    "sides": "write one of: before, at, after",
    "cuts": "expected one of: end, fin, reset",
    "times": "write 400ms, 2s, 1m, 1h or a number of seconds, or forever",
    "place": f"a place is {GRAMMAR}",
}


@pytest.mark.parametrize(
    ("written", "kind", "key", "problem", "hint"),
    [
        ({}, FaultError, (), "a fault is expected, and this is empty", "faults"),
        ({"at": "delta 3"}, FaultError, (), "a fault is expected, and this is only its place", "faults"),
        ({"cutt": "fin", "at": "end"}, FaultError, ("cutt",), "there is no fault 'cutt'", "did you mean 'cut'? no fault"),
        ({"at": "end", "boom": 1}, FaultError, ("boom",), "there is no fault 'boom'", "no fault"),
        ({7: 1}, FaultError, ("7",), "there is no fault '7'", "no fault"),
        ({"cut": "fin", "at": "end", "x": 1}, FaultError, ("x",), "the fault 'cut' has no key 'x'", "cut keys"),
        ({"cut": "fin", "att": "end"}, FaultError, ("att",), "the fault 'cut' has no key 'att'", "did you mean 'at'? cut keys"),
        ({"cut": "fin", "how": "end"}, FaultError, ("how",), "the fault 'cut' has no key 'how'", "cut keys"),
        ({"cut": "fin", "at": "end", 7: 1}, FaultError, (7,), "the fault 'cut' has no key 7", "cut keys"),
        ({"cut": "fin", "stall": "2s"}, FaultError, ("stall",), "the fault 'cut' has no key 'stall'", "cut keys"),
        (
            {"error": "api", "at": "end", "mesage": "x"},
            *(FaultError, ("mesage",), "the fault 'error' has no key 'mesage'", "did you mean 'message'? error keys"),
        ),
        ({"cut": "fin"}, FaultError, ("cut",), "the fault does not say where it stands", "sides"),
        ({"stall": "2s", "at": None}, FaultError, ("stall",), "the fault does not say where it stands", "sides"),
        (
            {"cut": "fin", "at": "delta 1", "after": "delta 2"},
            *(FaultError, ("cut",), "the fault has at and after, where one place is expected", "sides"),
        ),
        (
            {"error": "api", "before": "end", "at": "end", "after": "end"},
            *(FaultError, ("error",), "the fault has before and at and after, where one place is expected", "sides"),
        ),
        ({"cut": "fni", "at": "end"}, FaultError, ("cut",), "'fni' is not a way to cut", "did you mean 'fin'? cuts"),
        ({"cut": None, "at": "end"}, FaultError, ("cut",), "None is not a way to cut", "cuts"),
        ({"cut": ["fin"], "at": "end"}, FaultError, ("cut",), "['fin'] is not a way to cut", "did you mean 'fin'? cuts"),
        ({"cut": True, "at": "end"}, FaultError, ("cut",), "True is not a way to cut", "cuts"),
        ({"stall": "2 secs", "at": "end"}, ScenarioError, ("stall",), "'2 secs' is not a length of time", "times"),
        ({"stall": None, "at": "end"}, ScenarioError, ("stall",), "None is not a length of time", "times"),
        ({"stall": -1, "at": "end"}, ScenarioError, ("stall",), "-1 is not a length of time", "times"),
        ({"error": "api", "at": "end", "message": 5}, FaultError, ("message",), "a text is expected, not 5", None),
        ({"cut": "fin", "at": "delt 3"}, PlaceError, ("at",), "'delt 3' is not a place", "did you mean 'delta 1'? place"),
        ({"cut": "fin", "before": "nowhere here"}, PlaceError, ("before",), "'nowhere here' is not a place", "place"),
        (
            {"cut": "fin", "after": "delta 0"},
            *(PlaceError, ("after",), "'delta 0' is not a place", "counting starts at 1, except for a block's index"),
        ),
        ({"cut": "fin", "at": 3}, PlaceError, ("at",), "a place is expected, not 3", "for example: delta 3"),
        ({"cut": "fin", "at": ["end"]}, PlaceError, ("at",), "a place is expected, not ['end']", "for example: delta 3"),
    ],
)
def test_a_mistake_names_its_key_and_what_to_write(
    written: Mapping[Any, Any], kind: type[ScenarioError], key: tuple[object, ...], problem: str, hint: str | None
) -> None:
    """Whatever is wrong in a fault as written: no raw TypeError, the key as it was written, and the nearest word."""
    with pytest.raises(ScenarioError) as caught:
        parse_fault(written)
    assert (type(caught.value), caught.value.key, caught.value.problem) == (kind, key, problem)
    for short, long in HINTS.items():
        hint = hint and hint.removesuffix(short) + long if hint and hint.endswith(short) else hint
    if hint is not None:
        assert caught.value.hint == hint.replace("{names}", ", ".join(fault_names()))
    assert caught.value.hint


@pytest.mark.parametrize("written", ["overlod", "", 999, None, ["api"], True])
def test_an_error_that_the_api_does_not_have_is_a_mistake_of_the_fault(written: object) -> None:
    """The key is the fault's name, whose value it is."""
    with pytest.raises(ScenarioError) as caught:
        parse_fault({"error": written, "at": "end"})
    assert caught.value.key == ("error",)
    assert caught.value.problem == f"{written!r} is not an error of the API"
    assert "overloaded" in caught.value.hint


@pytest.mark.parametrize("side", ["before", "at", "after"])
def test_a_place_that_is_not_there_names_the_side_it_was_written_on(side: Side) -> None:
    """The error points at the key of the place and lists the places of the answer."""
    fault = Cut("fin", **{side: "delta 99"})  # type: ignore[arg-type]
    with pytest.raises(PlaceError) as caught:
        fault.apply(PLAN, Random(1))
    assert caught.value.key == (side,)
    assert caught.value.hint.startswith("the answer has: event 1..11, delta 1..4, block 0 (text) delta 1..2 char 1..8, ")


@pytest.mark.parametrize(
    ("fault", "point"),
    [
        (Cut(before="event 3"), Point(3)),
        (Cut(at="event 3"), Point(3)),
        (Cut(after="event 3"), Point(4)),
        (Cut(after="event 2"), Point(2)),
        (Cut(at=Place("byte 1")), Point(0, 1)),
        (Cut(before="byte 1"), Point(0)),
    ],
)
def test_a_fault_stands_where_it_is_written(fault: Cut, point: Point) -> None:
    """In front of an event, at a byte, or after an event and before a ping that follows."""
    assert fault.point(PLAN) == point


def test_a_fault_can_be_put_at_every_event() -> None:
    """Its places are those of the events, without the pings: what a sweep over all places tries."""
    assert [str(place) for place in Cut(at="end").places(PLAN)] == [f"event {number}" for number in range(1, 12)]
    assert list(Cut(at="end").places(BODY)) == []
    for place in Stall(at="end").places(PLAN):
        assert place.spot(PLAN)


def test_a_fault_is_a_value() -> None:
    """It cannot be changed, and is equal to one that says the same; a place can be given as text or as a place."""
    fault = Cut("fin", at="delta 3")
    with pytest.raises(FrozenInstanceError):
        fault.how = "reset"  # type: ignore[misc]
    assert fault == Cut("fin", at=Place("delta 3"))
    assert hash(fault) == hash(Cut("fin", at=Place("delta 3")))
    assert fault != Cut("fin", after="delta 3")


@pytest.mark.usefixtures("own_registry")
def test_a_fault_of_your_own_works_like_any_other() -> None:
    """A class with a name, a main field, `apply` and `places` is written, read and applied like those that ship."""

    @register("shout")
    @dataclass(frozen=True, slots=True)
    class Shout(base.AtPlace):
        """Puts a comment into the stream."""

        word: str = "hey"
        times: int = field(default=1, kw_only=True)
        default: ClassVar[tuple[Side, str] | None] = ("after", "message_start")

        def apply(self, plan: Plan, rng: Random) -> Plan:
            del rng
            index = self.point(plan).frame
            comment = Frame(f": {self.word}\n\n".encode() * self.times)
            return replace(plan, frames=(*plan.frames[:index], comment, *plan.frames[index:]))

    assert fault_type("shout") is Shout
    assert "shout" in fault_names()
    fault = parse_fault({"shout": "hello", "times": 2, "before": "message_stop"})
    assert fault == Shout("hello", times=2, before="message_stop")
    assert isinstance(fault, Fault)
    assert applied(PLAN, fault).frames[-2:] == (Frame(b": hello\n\n: hello\n\n"), PLAN.frames[-1])
    assert applied(PLAN, parse_fault({"shout": "hi"})).frames[1].raw == b": hi\n\n"
    with pytest.raises(PlaceError):
        applied(NOTHING, parse_fault({"shout": "hi"}))
    with pytest.raises(FaultError, match="has no key 'time'") as caught:
        parse_fault({"shout": "hello", "time": 2})
    assert caught.value.hint == "did you mean 'times'? expected one of: after, at, before, times"


@pytest.mark.usefixtures("own_registry")
def test_a_fault_need_not_stand_at_a_place() -> None:
    """A fault of the whole answer has no place, says so, and can demand its keys."""

    @register("status")
    @dataclass(frozen=True)
    class Status:
        """Changes the status."""

        name: ClassVar[str]
        code: int
        reason: str = field(kw_only=True)
        tags: list[str] = field(default_factory=list, kw_only=True)
        seen: bool = field(default=False, init=False)

        def apply(self, plan: Plan, rng: Random) -> Plan:
            """Return the plan with the status."""
            del rng
            return replace(plan, head=replace(plan.head, status=self.code), ending=Ending.FIN)

        def places(self, plan: Plan) -> Iterator[Place]:
            """Yield none."""
            del plan
            return iter(())

    fault = parse_fault({"status": 418, "reason": "tea"})
    assert isinstance(fault, Fault)
    assert applied(PLAN, fault) == Plan(replace(HEAD, status=418), PLAN.frames, Ending.FIN)
    with pytest.raises(FaultError) as caught:
        parse_fault({"status": 418})
    assert (caught.value.problem, caught.value.key) == ("the fault 'status' needs the key 'reason'", ("status",))
    assert caught.value.hint == "write reason beside status"
    for key in ("at", "seen"):
        with pytest.raises(FaultError, match=f"has no key '{key}'"):
            parse_fault({"status": 418, "reason": "tea", key: "end"})


@pytest.mark.usefixtures("own_registry")
def test_a_fault_with_nothing_but_its_main_value_says_so() -> None:
    """Where no other key can be written, none is offered."""

    @register("mute")
    @dataclass(frozen=True)
    class Mute:
        """Sends nothing."""

        what: str

    with pytest.raises(FaultError) as caught:
        parse_fault({"mute": "all", "at": "end"})
    assert caught.value.hint == "nothing may stand beside mute"
    assert parse_fault({"mute": "all"}) == Mute("all")  # type: ignore[comparison-overlap]


@pytest.mark.usefixtures("own_registry")
def test_a_fault_without_a_main_value_cannot_be_registered() -> None:
    """Nothing could stand beside its name."""

    @dataclass(frozen=True)
    class Mini(base.AtPlace):
        """Has a place, and no more."""

    class Bare:
        """Has no fields."""

    for cls in (Mini, Bare):
        with pytest.raises(FaultError) as caught:
            register("mini")(cls)
        assert str(caught.value) == (
            "the fault 'mini' has no main value"
            '\n  hint: register a dataclass with a field that is not keyword-only, for example: how: str = "all"'
        )
    assert "mini" not in fault_names()


@pytest.mark.usefixtures("own_registry")
def test_a_name_is_given_once() -> None:
    """A second fault of a name would change in silence what scenarios mean; the same class again is no second one."""
    assert register("cut")(Cut) is Cut
    with pytest.raises(FaultError) as caught:
        register("cut")(Stall)
    assert str(caught.value) == "there already is a fault 'cut'\n  hint: give yours another name"
    assert fault_type("cut") is Cut
    assert Stall.name == "stall"


def test_there_is_a_sample_of_each_fault() -> None:
    """So that what holds for every fault is tried with every fault."""
    assert sorted(SAMPLES) == list(fault_names()), "a fault that is new has a line in SAMPLES of plans.py"


def put(fault: Fault, place: Place) -> Fault:
    """Return the fault at another place, in whatever way it names one."""
    if isinstance(fault, AtPlace):
        return replace(fault, before=None, at=place, after=None)
    if isinstance(fault, OfEvents):
        return replace(fault, of=str(place))
    if isinstance(fault, Chosen):
        return replace(fault, events=str(place))
    return fault


PLANS = {
    "stream": PLAN,
    "json": BODY,
    "nothing": NOTHING,
    "stream with a length": replace(PLAN, head=HEAD.with_headers([("content-length", str(len(PLAN.body)))])),
    "one block": applied(PLAN, Drop(["content_block_start 2", "every tool_use delta", "content_block_stop 2"])),
    "cut": applied(PLAN, Cut("fin", after="delta 2")),
    "gzip": applied(PLAN, SAMPLES["gzip"]),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_fault_can_be_put_at_every_place_that_it_names(name: str, plan: Plan) -> None:
    """Each is tried; a fault that cannot be applied to an answer at all names none."""
    fault = SAMPLES[name]
    for place in fault.places(plan):
        assert applied(plan, put(fault, place)) is not None, place


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_sweep_over_a_stream_has_places(name: str) -> None:
    """An event, unless the fault is one of the whole answer."""
    fault = SAMPLES[name]
    places = [str(place) for place in fault.places(PLAN)]
    has_place = isinstance(fault, AtPlace | OfEvents | Chosen)
    assert places[0].startswith("event ") if has_place else places == ["headers"]


@pytest.mark.parametrize("name", ["corrupt_chunk", "json_body", "interleave", "swap", "reorder", "gzip", "trailing"])
def test_a_fault_that_cannot_be_put_anywhere_names_no_place(name: str) -> None:
    """A sweep over nothing tries nothing, and says no wrong thing."""
    plan = {"corrupt_chunk": "stream with a length", "gzip": "gzip", "trailing": "cut", "interleave": "one block"}.get(
        name, "json"
    )
    assert list(SAMPLES[name].places(PLANS[plan])) == []


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_frames_that_a_fault_does_not_touch_are_the_same_objects(name: str, recorded_streams: list[Path]) -> None:
    """Of a stream that was made and of recorded ones: what was not to change has not been made anew."""
    for plan in (PLAN, *map(recorded_plan, recorded_streams[::60])):
        try:
            made = applied(plan, SAMPLES[name])
        except ScenarioError:
            continue  # a stream without what the fault is about
        kept = {id(frame) for frame in made.frames}
        raws = {(frame.raw, frame.wait, frame.splits, frame.joined) for frame in made.frames}
        for frame in (each for each in plan.frames if each.type != "ping"):  # one ping is like another
            assert id(frame) in kept or (frame.raw, frame.wait, frame.splits, frame.joined) not in raws


def tried(plan: Plan, fault: Fault) -> Plan | ScenarioError:
    """Return what comes of a plan, or why nothing does."""
    try:
        return apply_faults(plan, [fault], Random(1))
    except ScenarioError as error:
        return error


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_fault_takes_any_plan_or_says_why_not(name: str) -> None:
    """A stream, JSON, an answer that is broken already: another plan comes of it, or an error with a number and a hint."""
    for plan in (each for each in PLANS.values() if each is not NOTHING):
        made = tried(plan, SAMPLES[name])
        if isinstance(made, ScenarioError):
            assert made.problem
            assert made.hint
            assert made.key[:2] == ("faults", 0)
        else:
            assert made != plan or (name, plan) == ("join", BODY)


EVENT_FAULTS = sorted(
    set(SAMPLES)
    - {"cut", "stall", "split", "join", "raw", "error", "content_length", "trailing", "corrupt_chunk"}
    - {"retry_after", "should_retry", "content_type", "html_body", "redirect", "gzip"}
)


@pytest.mark.parametrize("name", EVENT_FAULTS)
def test_a_fault_of_events_has_no_place_in_json(name: str) -> None:
    """The error goes by the name of the fault, and says what the answer is."""
    with pytest.raises(ScenarioError) as caught:
        apply_faults(BODY, [SAMPLES["retry_after"], SAMPLES[name]], Random(1))
    assert caught.value.problem == "this answer is no event stream"
    assert caught.value.hint == "this fault changes the events of a stream; a JSON body has none"
    assert caught.value.key[:2] == ("faults", 1)
    assert caught.value.key[2] in (name, "event")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("bom", 'write {raw: "\\uFEFF", at: headers}; '),
        ("crlf", "write {line_end: crlf}; "),
        ("no answer", "write {stall: forever, before: headers}; "),
        ("no_answer", "write {stall: forever, before: headers}; "),
        ("No-Answer", "write {stall: forever, before: headers}; "),
        ("slow_headers", "write {stall: 20ms, before: headers}; "),
        ("ping flood", "write {pings: 1000, after: delta 1}; "),
        ("no events but pings", "write [{pings: 1, at: headers}, {drop: every event}]; "),
        ("cuts", "did you mean 'cut'? "),
        ("", ""),
        ("_", ""),
        ("7", ""),
        ("zzz zzz", ""),
    ],
)
def test_a_failure_that_goes_by_another_name_is_told_how_to_write(name: str, hint: str) -> None:
    """Whoever writes the name of a symptom is shown the fault that makes it."""
    with pytest.raises(FaultError) as caught:
        parse_fault({name: 1, "at": "end"})
    assert str(
        caught.value
    ) == f"{name}: there is no fault {name!r}\n  hint: {hint}expected one of: {', '.join(fault_names())}".removeprefix(
        ": " if not name else ""
    )


def test_an_error_in_a_stack_names_the_fault_by_its_number_and_its_main_value_by_its_name() -> None:
    """What a person wrote is what they are told of."""
    for faults, key in (
        ([Cut("fin", at="delta 9")], ("faults", 0, "at")),
        ([Stall(1, at="end"), Drop("delta 9")], ("faults", 1, "drop")),
        ([Stall(1, at="end"), LineEnd("cr", of="delta 9")], ("faults", 1, "of")),
    ):
        with pytest.raises(PlaceError) as caught:
            apply_faults(PLAN, faults, Random(1))
        assert caught.value.key == key
    with pytest.raises(FaultError) as wrong:
        apply_faults(BODY, [LineEnd()], Random(1))
    assert wrong.value.key == ("faults", 0, "line_end")
    assert apply_faults(PLAN, [], Random(1)) is PLAN


def test_a_fault_that_is_no_dataclass_works_too() -> None:
    """Whatever has `apply` is a fault."""

    class Bare:
        """Has no fields."""

        name: ClassVar[str] = "bare"

        def apply(self, plan: Plan, rng: Random) -> Plan:
            """Find nothing to change."""
            del plan, rng
            raise FaultError("nothing to change", key=("what",))

        def places(self, plan: Plan) -> Iterator[Place]:
            """Yield none."""
            del plan
            return iter(())

    with pytest.raises(FaultError) as caught:
        apply_faults(PLAN, [Bare()], Random(1))
    assert str(caught.value) == "faults.0.what: nothing to change"


@pytest.mark.parametrize(("length", "ending"), [("18", Ending.COMPLETE), ("18", Ending.END)])
def test_a_length_that_was_right_is_that_of_the_changed_body(length: str, ending: Ending) -> None:
    """One that was wrong is wrong by as much; of a body that is broken off it is what was promised, and grows with it."""
    raw = SAMPLES["raw"]
    plan = replace(BODY, ending=ending)
    assert plan.head.get("content-length") == length
    assert apply_faults(plan, [raw], Random(1)).head.get("content-length") == "19"
    wrong = replace(plan, head=plan.head.with_headers([("content-length", "30")]))
    assert apply_faults(wrong, [raw], Random(1)).head.get("content-length") == "31"
    none = replace(plan, head=plan.head.with_headers([("content-length", "many")]))
    assert apply_faults(none, [raw], Random(1)).head.get("content-length") == "many"
    broken = replace(plan, ending=Ending.FIN)
    assert apply_faults(broken, [raw], Random(1)).head.get("content-length") == "19"
    cut = apply_faults(plan, [Cut("fin", at="byte 7")], Random(1))
    assert (cut.head.get("content-length"), len(cut.body)) == ("18", 7)


OF_ALL: list[Fault] = [
    *(LineEnd(), EventName(), DataLines(), EventId(), BrokenJson(), HugeFrame(), SplitFrames(), SplitFrames("characters")),
    *(NoSpace("all"), NoBlankLine("all"), InvalidUtf8("all"), Drop("all"), Duplicate("all"), Join("all")),
    Change("all", set={"x": 1}),
]
OF_DATA = (EventName, DataLines, EventId, BrokenJson, HugeFrame, NoBlankLine, Change)
"""Faults that change what events say, or that they are events: a comment is nothing to them."""


@pytest.mark.parametrize("fault", OF_ALL, ids=str)
@pytest.mark.parametrize(
    ("plan", "first"),
    [(NOTHING, ()), (NOTHING, (Stall(2, at="end"),)), (PLAN, (Cut("end", at="headers"),))],
    ids=["nothing", "silence", "cut"],
)
def test_a_fault_of_all_events_where_there_is_none_is_an_error(fault: Fault, plan: Plan, first: tuple[Fault, ...]) -> None:
    """It would change nothing, and a test with it would pass without having met it."""
    with pytest.raises(PlaceError) as caught:
        apply_faults(plan, [*first, fault], Random(1))
    assert caught.value.problem == "the answer has no event that could be changed"
    assert caught.value.key == ("faults", len(first), "of" if isinstance(fault, OfEvents) else fault.name)
    assert caught.value.hint == "the answer has no events, only: headers, end"


@pytest.mark.parametrize("fault", [each for each in OF_ALL if each != SplitFrames("characters")], ids=str)
def test_a_comment_is_changed_by_what_changes_any_line_and_is_no_event_to_the_others(fault: Fault) -> None:
    """A stream of nothing else has no event that those could change; among events it is passed over."""
    comment = Frame(b": hello\n\n")
    if isinstance(fault, OF_DATA):
        with pytest.raises(PlaceError) as caught:
            applied(replace(PLAN, frames=(comment,)), fault)
        assert caught.value.hint == "the answer has no events, only: byte 1..9, headers, end"
        assert applied(replace(PLAN, frames=(comment, PLAN.frames[0])), fault).frames[0] is comment
    else:
        made = applied(replace(PLAN, frames=(comment, comment)), fault)
        assert made.frames != (comment, comment) or isinstance(fault, NoSpace)


def test_each_of_our_faults_is_of_a_family() -> None:
    """The module that it stands in; one of another package is of another."""
    assert {fault_family(fault_type(name)) for name in fault_names()} == {
        "http",
        "events",
        "order",
        "framing",
        "payload",
        "wire",
    }
    assert fault_family(Plan) == "other"  # type: ignore[arg-type]
    assert examples(Plan) == ()  # type: ignore[arg-type]
    assert all(examples(fault_type(name)) for name in fault_names())


@pytest.mark.parametrize(
    ("raw", "data", "expected"),
    [
        (b"event: a\ndata: 1\n\n", b"1", b"event: a\ndata: X\n\n"),
        (b"event: data: a\rdata:1\r\r", b"1", b"event: data: a\rdata:X\r\r"),
        (b"data: 1\r\nid: 5\r\ndata: 2\r\n\r\n", b"12", b"data: X\r\nid: 5\r\n\r\n"),
        (b"data: 1", b"1", b"data: X"),
        (b": nothing\n\n", b"", b": nothing\n\n"),
    ],
)
def test_the_data_of_a_frame_can_be_others(raw: bytes, data: bytes, expected: bytes) -> None:
    """In one line, whatever the ends of the lines; all the other lines stay."""
    assert data_of(Frame(raw)) == data
    assert with_data(Frame(raw, wait=1.0), b"X") == Frame(expected, wait=1.0)


def test_the_base_of_a_fault_says_nothing_of_how_it_is_applied() -> None:
    """Each fault says so itself."""
    with pytest.raises(NotImplementedError):
        base.OfHead().apply(PLAN, Random(1))
    assert JsonBody.name == "json_body"


def test_of_two_keys_that_name_faults_the_one_counts_to_which_the_other_belongs() -> None:
    """In whatever order they are written."""
    assert parse_fault({"pings": True, "stall": "31s", "at": "event 1"}) == parse_fault(
        {"stall": "31s", "pings": True, "at": "event 1"}
    )
    with pytest.raises(FaultError, match="the fault 'cut' has no key 'stall'"):
        parse_fault({"cut": "fin", "stall": "1s", "at": "event 1"})
