"""Stacks: the faults of an answer, put in one after the other; none of them is there for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, is_dataclass, replace
from http import HTTPStatus
from random import Random
from typing import Any

from streamlab.core.faults.base import Fault, has_end, main_field
from streamlab.core.plan import BODYLESS, Plan
from streamlab.core.sse import Frame
from streamlab.errors import FaultError, ScenarioError

__all__ = ["apply_faults"]


@dataclass(frozen=True, slots=True)
class _Step:
    """One fault of a stack: the plan and the state of the generator that it came upon, and the plan that it made of them."""

    fault: Fault
    plan: Plan
    state: tuple[Any, ...]
    made: Plan


def apply_faults(plan: Plan, faults: Sequence[Fault], rng: Random, *, stack: str = "faults") -> Plan:
    """Return the plan with these faults in it, in the order written.

    Raises ScenarioError, with the name of the `stack` and the number of the fault, if one of them has no place in what the ones
    before it left, if it changes nothing there, or if nothing of it is left by those after it: a test must not pass without
    having met it.
    """
    steps: list[_Step] = []
    for number, fault in enumerate(faults):
        try:
            steps.append(_step(plan, fault, rng))
        except ScenarioError as error:
            main = main_field(type(fault)) if error.key and is_dataclass(fault) else None
            error.key = (stack, number, *(fault.name if part == main else part for part in error.key))
            raise
        plan = steps[-1].made
    for number, step in enumerate(steps):
        undoing = _undone_by(number, steps)
        if undoing is not None:
            problem = f"nothing is left of this fault: {steps[undoing].fault.name!r}, which follows, undoes it"
            hint = f"write it after {stack}.{undoing}, or take one of the two out"
            raise FaultError(problem, key=(stack, number, step.fault.name), hint=hint)
    return plan


def _step(plan: Plan, fault: Fault, rng: Random) -> _Step:
    """Return a fault put into a plan. Raises ScenarioError if it cannot be, or changes nothing."""
    if not plan.head.is_sent:
        problem = f"nothing is left of the answer for the fault {fault.name!r} to change"
        raise FaultError(problem, hint="the fault before it ends the answer before the headers: take one of them out")
    state = rng.getstate()
    made = _applied(plan, fault, rng)
    is_wish = getattr(fault, "is_wish", False) or rng.getstate() != state  # lots may be drawn in vain
    if not is_wish and _sends_the_same(made, plan):
        if plan.head.status in BODYLESS:
            problem = f"an answer with status {plan.head.status} has no body for the fault {fault.name!r} to change"
            raise FaultError(problem, key=(fault.name,), hint="write another status, or take the fault out")
        hint = "write it so that something is another than without it, or take it out"
        raise FaultError("this fault changes nothing here", key=(fault.name,), hint=hint)
    return _Step(fault, plan, state, made)


def _undone_by(number: int, steps: Sequence[_Step]) -> int | None:
    """Return the number of the step after which nothing is left of this one; None if there is none."""
    step, rng = steps[number], Random(0)
    plan: Plan | None = step.plan
    if plan == step.made:
        return None
    for following, later in enumerate(steps[number + 1 :], number + 1):
        if later.made == step.plan:
            return following  # it is as if none of them had been
        rng.setstate(later.state)
        try:
            plan = _applied(plan, later.fault, rng) if plan is not None else None
        except ScenarioError:
            plan = None  # without this one it could not even be put in
        if plan is not None and _sends_the_same(plan, later.made):
            return following
    return None


def _sends_the_same(plan: Plan, other: Plan) -> bool:
    """Whether two plans are the same answer; of a head that is not sent only its silence counts, and no body after some."""
    if plan.head.is_sent or other.head.is_sent:
        return _without_body(plan) == _without_body(other)
    return (plan.head.wait, plan.ending) == (other.head.wait, other.ending)


def _without_body(plan: Plan) -> Plan:
    """Return the plan without what is not sent of it after a head that has no body."""
    if plan.head.status not in BODYLESS:
        return plan
    head = plan.head.with_headers([("content-length", None)]) if plan.head.status == HTTPStatus.NO_CONTENT else plan.head
    return replace(plan, head=head, frames=(), trailing=b"")


def _applied(plan: Plan, fault: Fault, rng: Random) -> Plan:
    """Return what a fault makes of a plan. Raises FaultError, with its name, if that is an exception, or no plan."""
    try:
        made = fault.apply(plan, rng)
    except ScenarioError:
        raise
    except Exception as error:
        problem = f"the fault {fault.name!r} failed: {type(error).__name__}: {error}"
        raise FaultError(problem, hint="it is the code of the fault that is wrong: test its apply alone") from error
    if not isinstance(made, Plan):
        problem = f"the fault {fault.name!r} makes {made!r} of a plan, where a plan is expected"
        raise FaultError(problem, hint="its apply returns the plan with the fault in it")
    if made.frames is not plan.frames and (wrong := _wrong_frames(made.frames)):
        problem = f"the fault {fault.name!r} makes a plan with {wrong}"
        raise FaultError(problem, hint="make frames of frames: replace(frame, raw=...), or Frame(b'...')")
    return _resized(plan, made)


def _wrong_frames(frames: object) -> str:
    """Say what is wrong with the frames that a fault made; empty if all is well."""
    if not isinstance(frames, tuple):
        return f"{type(frames).__name__} as its frames, where a tuple is expected"
    for number, each in enumerate(frames, 1):
        if not isinstance(each, Frame):
            return f"{each!r:.60} as frame {number}, where a Frame is expected"
        if not isinstance(each.raw, bytes) or not isinstance(each.wait, int | float):
            return f"frame {number} having the raw {each.raw!r:.60} and the wait {each.wait!r}: bytes and seconds are expected"
    return ""


def _resized(before: Plan, after: Plan) -> Plan:
    """Return a changed plan whose head states the length of the changed body, if it stated that of the old one.

    A length that was wrong stays wrong by as much. A body that is broken off lacks what its head has promised.
    """
    stated, is_broken_off = after.head.get("content-length"), has_end(before) and not has_end(after)
    if is_broken_off or stated is None or stated != before.head.get("content-length") or not stated.isdecimal():
        return after
    if not (grown := len(after.body) - len(before.body)):
        return after
    return replace(after, head=after.head.with_headers([("content-length", str(int(stated) + grown))]))
