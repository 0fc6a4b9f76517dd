"""Stacks of faults: what one leaves of another, and that none is there for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, ClassVar

import pytest
import yaml
from plans import BODY, PLAN

from streamlab.core.faults import Cut, ErrorEvent, Fault, Stall, apply_faults, parse_fault
from streamlab.core.faults.base import AtEvents
from streamlab.core.plan import Head, Plan
from streamlab.core.sse import Frame
from streamlab.errors import FaultError


def stack(text: str) -> list[Fault]:
    """Return the faults that a line of YAML writes."""
    return [parse_fault(each) for each in yaml.safe_load(text)]


@pytest.mark.parametrize(
    ("written", "number", "later"),
    [
        *((f"[{{{head}}}, {{{whole}}}]", 0, 1)
          for head in ("retry_after: 1s", "should_retry: true", "content_type: text/plain", "gzip: sound", "content_length: 5")
          for whole in ("error: rate_limit, before: headers", "html_body: 502", "redirect: messages")),
        *((f"[{{{head}}}, {{cut: fin, before: headers}}]", 0, 1)
          for head in ("retry_after: 1s", "gzip: sound", "content_length: 5", "cut: reset, after: delta 1", "line_end: crlf")),
        *((f"[{{trailing: x}}, {{{end}}}]", 0, 1) for end in ("cut: fin, after: delta 1", "stall: forever, at: end")),
        ("[{error: api, after: delta 1}, {cut: fin, after: delta 1}]", 0, 1),
        *((f"[{{cut: fin, after: delta 3}}, {{{end}}}]", 0, 1)
          for end in ("cut: reset, at: text char 6", "cut: end, after: delta 1", "error: api, after: delta 1",
                      "error: api, after: delta 3")),
        ("[{corrupt_chunk: XYZ, after: delta 2}, {error: overloaded, after: delta 2}]", 0, 1),
        ("[{stall: 1s, after: delta 1}, {json_body: 200}]", 0, 1),
        ("[{stall: 2s, at: text char 3}, {drop: delta 1}]", 0, 1),
        ("[{split: 1}, {id: 7}]", 0, 1),
        ("[{split: 1}, {join: all}]", 0, 1),
        ("[{join: all}, {split: 1}]", 0, 1),
        ("[{data_lines: 3, of: delta 1}, {change: delta 1, set: {delta.text: x}}]", 0, 1),
        ("[{pings: 1, after: delta 1}, {stall: 2s, at: end}, {comment: x, at: end}, {cut: end, at: headers}]", 0, 3),
        ("[{line_end: crlf}, {line_end: cr}]", 0, 1),
        ("[{retry_after: 1s}, {retry_after: absent}]", 0, 1),
        ("[{comment: x, at: end}, {change: delta 1, set: {delta.text: x}}, {drop: delta 1}]", 1, 2),
        ("[{duplicate: delta 1}, {drop: delta 2}]", 0, 1),
        ("[{swap: [delta 1, delta 2]}, {swap: [delta 1, delta 2]}]", 0, 1),
        ("[{insert: {type: weather_report}, after: delta 1}, {drop: weather_report}]", 0, 1),
        ("[{comment: x, at: end}, {duplicate: delta 1}, {duplicate: delta 1}, {drop: delta 2}, {drop: delta 2}]", 1, 4),
    ],
)  # fmt: skip
def test_a_fault_that_a_later_one_undoes_is_an_error(written: str, number: int, later: int) -> None:
    """It is the one that is lost that the error points at, and it names the one that undoes it."""
    faults = stack(written)
    with pytest.raises(FaultError) as caught:
        apply_faults(PLAN, faults, Random(1))
    name, undoing = faults[number].name, faults[later].name
    assert str(caught.value) == (
        f"faults.{number}.{name}: nothing is left of this fault: {undoing!r}, which follows, undoes it"
        f"\n  hint: write it after faults.{later}, or take one of the two out"
    )


@pytest.mark.parametrize(
    "written",
    [
        "line_end: lf",
        "split: 5000",
        "split: 5000, of: delta 1",
        "huge_frame: 10",
        "reorder: [delta 1, delta 2]",
        "reorder: [delta 1]",
        "move: delta 1, before: delta 1",
        "move: delta 1, before: delta 2",
        "change: delta 1, set: {index: 0}",
        "stall: 0, after: delta 1",
        "stall: 0, at: end",
    ],
)
def test_a_fault_that_changes_nothing_is_an_error(written: str) -> None:
    """Alone, and as the last of a stack: whoever wrote it thinks that something is otherwise."""
    (fault,) = stack(f"[{{{written}}}]")
    for faults in ([fault], [Stall(2, at="end"), fault]):
        with pytest.raises(FaultError) as caught:
            apply_faults(PLAN, faults, Random(1))
        assert str(caught.value) == (
            f"faults.{len(faults) - 1}.{fault.name}: this fault changes nothing here"
            "\n  hint: write it so that something is another than without it, or take it out"
        )


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize(
    "written", ["stall: 1s, at: end", "trailing: zzz", "raw: zzz, at: end", "cut: fin, at: byte 0", "html_body: 502"]
)
def test_there_is_no_body_to_change_after_some_statuses(written: str, status: int) -> None:
    """Nothing of it would be sent; what comes in the place of the answer, or ends it, is."""
    (fault,) = stack(f"[{{{written}}}]")
    plan = Plan(Head(status, (("x", "1"),)))
    if "html" in written or "cut" in written:
        assert apply_faults(plan, [fault], Random(1)) == fault.apply(plan, Random(1))
        return
    with pytest.raises(FaultError) as caught:
        apply_faults(plan, [fault], Random(1))
    assert str(caught.value) == (
        f"faults.0.{fault.name}: an answer with status {status} has no body for the fault {fault.name!r} to change"
        "\n  hint: write another status, or take the fault out"
    )


def test_a_length_is_stated_where_it_is_sent() -> None:
    """With 304, and not with 204."""
    (fault,) = stack("[{content_length: 5}]")
    assert apply_faults(Plan(Head(304)), [fault], Random(1)).head.get("content-length") == "5"
    with pytest.raises(FaultError, match="status 204 has no body"):
        apply_faults(Plan(Head(204)), [fault], Random(1))


@pytest.mark.parametrize(
    "written", ["retry_after: absent", "should_retry: absent", "content_type: application/json", "join: all"]
)
def test_what_is_already_as_it_is_asked_for_is_no_error(written: str) -> None:
    """These faults say how a header or a write is to be, and it is."""
    assert apply_faults(BODY, stack(f"[{{{written}}}]"), Random(1)).body == BODY.body


@pytest.mark.parametrize(
    "written",
    [
        "[{stall: 2s, after: delta 3}, {cut: fin, after: delta 3}]",
        "[{stall: 1s, before: headers}, {error: rate_limit, before: headers}]",
        "[{stall: 1s, before: headers}, {cut: reset, before: headers}]",
        "[{cut: fin, after: delta 3}, {line_end: crlf}]",
        '[{data: "[DONE]", after: message_stop}, {drop: message_stop}]',
        "[{insert: {type: weather_report}, after: delta 1}, {cut: fin, after: weather_report}]",
        "[{drop: delta 1}, {drop: delta 1}]",
        "[{trailing: x}, {cut: end, after: delta 1}]",
        "[{gzip: bad checksum}, {content_type: absent}, {should_retry: true}]",
    ],
)
def test_faults_that_leave_each_other_something_make_a_stack(written: str) -> None:
    """A silence before an ending, an event that another fault stands at: without any of them the answer is another."""
    faults = stack(written)
    made = apply_faults(PLAN, faults, Random(1))
    plan, rng = PLAN, Random(1)
    for fault in faults:
        plan = fault.apply(plan, rng)
    assert made == plan


def test_a_stack_draws_the_lots_that_its_faults_draw_one_by_one() -> None:
    """To look what each has left draws none: what is drawn after the stack is the same, too."""
    faults = [ErrorEvent("api", after="delta 3"), Stall(2, before="delta 1"), ErrorEvent("overloaded", after="delta 1")]
    with pytest.raises(FaultError):
        apply_faults(PLAN, faults, Random(1))
    kept = [faults[1], faults[2]]
    rng, one_by_one, plan = Random(1), Random(1), PLAN
    for fault in kept:
        plan = fault.apply(plan, one_by_one)
    assert apply_faults(PLAN, kept, rng) == plan
    assert rng.getstate() == one_by_one.getstate()


@dataclass(frozen=True, slots=True)
class Flaky(AtEvents):
    """Takes the last frame away, or not."""

    name: ClassVar[str] = "flaky"

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan without its last frame, one time in two."""
        return plan if rng.random() < 1 / 2 else replace(plan, frames=plan.frames[:-1])


@pytest.mark.parametrize(("seed", "is_blank"), [(1, True), (2, False)])
@pytest.mark.parametrize("others", [(), (Cut(at="end"),)])
def test_a_fault_that_draws_lots_may_draw_a_blank(seed: int, *, is_blank: bool, others: Sequence[Fault]) -> None:
    """What happens one time in two is no mistake when it does not."""
    made = apply_faults(PLAN, [Flaky(), *others], Random(seed))
    assert (len(made.frames) == len(PLAN.frames)) is is_blank


class Odd(AtEvents):
    """Makes of a plan whatever it is given, or raises it."""

    name: ClassVar[str] = "odd"

    def __init__(self, made: object) -> None:
        self._made = made

    def apply(self, plan: Plan, rng: Random) -> Any:
        """Return or raise it."""
        del plan, rng
        if isinstance(self._made, Exception):
            raise self._made
        return self._made


ODD = "the fault 'odd' makes a plan with"
FRAMES = "\n  hint: make frames of frames: replace(frame, raw=...), or Frame(b'...')"
WHOLE = "its apply returns the plan with the fault in it"


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (
            None,
            f"the fault 'odd' makes None of a plan, where a plan is expected\n  hint: {WHOLE}",
        ),
        (
            KeyError("x"),
            "the fault 'odd' failed: KeyError: 'x'\n  hint: it is the code of the fault that is wrong: test its apply alone",
        ),
        (FaultError("not here", hint="there"), "not here\n  hint: there"),
        (
            replace(PLAN, frames=(*PLAN.frames, b"data: 1\n\n")),
            f"{ODD} b'data: 1\\n\\n' as frame {len(PLAN.frames) + 1}, where a Frame is expected{FRAMES}",
        ),
        (
            replace(PLAN, frames=None),
            f"{ODD} NoneType as its frames, where a tuple is expected{FRAMES}",
        ),
        (
            replace(PLAN, frames=(Frame(b"x", wait="2s"),)),
            f"{ODD} frame 1 having the raw b'x' and the wait '2s': bytes and seconds are expected{FRAMES}",
        ),
    ],
)
def test_a_fault_that_is_wrong_itself_is_named(made: object, text: str) -> None:
    """By its number and its name, with what it raised; its own words stay as they are."""
    with pytest.raises(FaultError) as caught:
        apply_faults(PLAN, [Stall(2, at="end"), Odd(made)], Random(1))
    assert str(caught.value) == f"faults.1: {text}"
    assert caught.value.__cause__ is (made if isinstance(made, KeyError) else None)
