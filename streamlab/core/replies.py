"""Replies and rules: from a request to the answer that is sent.

    request ─→ match ─→ reply ─→ plan ─→ faults, in the order written ─→ pacing ─→ script

`answer` is the whole of it, and pure: what it knows of earlier requests is in a `State` that it takes and returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from types import MappingProxyType
from typing import Protocol

from streamlab.core.actions import Action, Framing, script
from streamlab.core.api_errors import ERRORS, ApiError
from streamlab.core.api_headers import cors_headers
from streamlab.core.bodies import is_coded, opened
from streamlab.core.endpoints import COUNT_TOKENS, standing_answer
from streamlab.core.exchange import MESSAGES, Request
from streamlab.core.faults import Fault, apply_faults
from streamlab.core.identity import generator
from streamlab.core.matching import ANY, Difference, When, differences
from streamlab.core.pacing import INSTANT, Pace, lead_in, schedule
from streamlab.core.plan import Headers, Plan, compressed
from streamlab.core.sources import Failure, Source
from streamlab.core.threads import Threads, continued, held, lost
from streamlab.core.threads import refused as refused_thread
from streamlab.core.validation import refusal
from streamlab.errors import ScenarioError

__all__ = [
    "EVERY",
    "FAULT_HEADER",
    "NO_FAULTS",
    "Answer",
    "Entry",
    "Finder",
    "Miss",
    "Reply",
    "Rule",
    "Settings",
    "State",
    "answer",
    "bare",
    "failed",
]


FAULT_HEADER = "x-streamlab-fault"
"""The header by which a request orders faults for its own answer; it may come more than once."""
EVERY = "settings.faults"
"""What errors call the faults of every answer."""
NO_FAULTS: Mapping[str, Sequence[Fault]] = MappingProxyType({})
ANY_KEY = "any"
_REMEMBERED = 1024
_MOST_SHOWN = 8
"""The differences that a miss shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer: its source, and what is changed about it. A header whose value is None is taken out."""

    source: Source
    times: int = 1
    pace: Pace | None = None
    faults: tuple[Fault, ...] = ()
    headers: tuple[tuple[str, str | None], ...] = ()
    gzip: bool = False
    """Whether the body is compressed when the client offers to take it so."""
    label: str | None = None
    """What it is called in the journal, if not as its rule."""

    def plan(
        self, request: Request, rng: Random, common: Headers = (), more: Mapping[str, Sequence[Fault]] = NO_FAULTS
    ) -> Plan:
        """Return the answer to `request`, with its faults in it, and `more` stacks after them, each under its name.

        Raises ScenarioError, with the stack and the number of the fault, if one of them has no place in this answer.
        """
        plan = self.source.plan(request, rng)
        plan = compressed(plan) if self.gzip and request.accepts_gzip and not is_coded(plan) else plan
        plan = replace(plan, head=plan.head.with_headers(common).with_headers(self.headers))
        stacks = {"faults": self.faults, **more}
        if any(stacks.values()):
            plan = opened(plan)
        for name, faults in stacks.items():
            plan = apply_faults(plan, faults, rng, stack=name)
        return plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The requests that are answered, and with what: the replies in turn.

    The last reply repeats if `repeats`; otherwise the rule is used up after it. A `required` rule must be used up by the end
    of the test, or at least once if it repeats.
    """

    name: str
    replies: tuple[Reply, ...]
    when: When = ANY
    repeats: bool = True
    required: bool = False

    @property
    def times(self) -> int:
        """How many answers its replies are, the repeats of the last not counted."""
        return sum(reply.times for reply in self.replies)

    def reply(self, given: int) -> Reply | None:
        """Return the reply after so many have been given; None if it is used up."""
        for reply in self.replies:
            if given < reply.times:
                return reply
            given -= reply.times
        return self.replies[-1] if self.repeats else None


class Finder(Protocol):
    """What stands among rules and has one for each of many requests: the recorded exchanges of a cassette."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    def find(self, request: Request) -> Rule | None:
        """Return the rule that answers this request; None if there is none."""
        ...

    def miss(self, request: Request) -> Miss:
        """Return how a request that it has no answer to differs from the nearest that it has."""
        ...


Entry = Rule | Finder
"""What stands in the list of rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What holds for every answer. `api_key` is the key that is demanded: `any` for any at all, None for no check.

    `faults` are put into every answer of a rule, after its own.
    """

    seed: int = 0
    validate: bool = True
    api_key: str | None = None
    pace: Pace = INSTANT
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """What a namespace remembers: how many requests the rules were asked, and how often each rule answered."""

    calls: int = 0
    given: Mapping[str, int] = field(default_factory=dict)
    seen: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """How often each rule answered the very same request; of the newest `_REMEMBERED` different ones."""
    threads: Threads = field(default_factory=dict)
    """The conversations that are held for requests that send only what is new in them."""

    def after(self, rule: Rule, request: Request) -> tuple[State, int]:
        """Return the state after `rule` answered `request`, and how often it has answered this very request."""
        key = (rule.name, request.canonical)
        seen = dict(self.seen)
        occurrence = seen.pop(key, 0) + 1
        seen[key] = occurrence
        if len(seen) > _REMEMBERED:
            del seen[next(iter(seen))]
        given = {**self.given, rule.name: self.given.get(rule.name, 0) + 1}
        return replace(self, given=given, seen=seen), occurrence


@dataclass(frozen=True, slots=True)
class Miss:
    """A request that nothing matched: the nearest rule, and how the request differs from what it answers.

    Of a cassette, it is the nearest `exchange`, counted from 1, or those that were `used` up; it may have none at all.
    """

    rule: str | None = None
    differences: tuple[Difference, ...] = ()
    exchange: int | None = None
    used: tuple[int, ...] = ()
    is_empty: bool = False

    def __str__(self) -> str:
        if self.rule is None:
            return "no rule matches this request: there are no rules"
        if self.is_empty:
            return f"no recorded exchange matches this request: {self.rule!r} holds none"
        if self.used:
            numbers = _listed([str(number) for number in self.used], ", ")
            what = f"exchange {numbers} has" if len(self.used) == 1 else f"exchanges {numbers} have"
            return f"no recorded exchange is left for this request: in {self.rule!r}, {what} been given"
        shown = _listed([str(each) for each in self.differences], "; ") or "all its replies have been given"
        if self.exchange is None:
            return f"no rule matches this request; the nearest is {self.rule!r}: {shown}"
        return f"no recorded exchange matches this request; the nearest is exchange {self.exchange} of {self.rule!r}: {shown}"


def _listed(parts: Sequence[str], between: str) -> str:
    more = f"{between}and {len(parts) - _MOST_SHOWN} more" if len(parts) > _MOST_SHOWN else ""
    return between.join(parts[:_MOST_SHOWN]) + more


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent, why, and what was wrong with it if something was."""

    plan: Plan
    pace: Pace
    rng: Random
    rule: str | None = None
    problem: str | None = None
    """Why the answer is not one that was asked for: it fails a test."""
    note: str | None = None
    """Why the request is refused, as the API refuses it: a test may mean that."""

    def script(self, framing: Framing) -> Iterator[Action]:
        """Yield the actions that send it."""
        return script(self.plan, schedule(self.plan, self.pace, self.rng), framing, first=lead_in(self.plan, self.pace))


def answer(
    request: Request,
    rules: Sequence[Entry],
    state: State,
    settings: Settings,
    *,
    common: Headers = (),
    ordered: Callable[[], Sequence[Fault]] = tuple,
) -> tuple[Answer, State]:
    """Return the answer to a request, and what is to be remembered.

    `common` are headers of every answer, such as the date; `ordered` reads the faults that the request itself asks for.
    """
    common = (*common, *cors_headers(request.header("origin")))
    rng = generator(settings.seed, "", request.canonical)
    is_recorded = any(not isinstance(each, Rule) for each in rules)
    if not is_recorded and (problem := lost(request, state.threads)) is not None:
        return replace(bare(refused_thread(problem, rng), common, rng), note=problem), state
    request = continued(request, state.threads)
    if (refused := _refusal(request, rules, settings)) is not None:
        return replace(bare(refused.plan(request, rng), common, rng), note=refused.message), state
    state = replace(state, calls=state.calls + 1)
    found = _match(request, rules, state)
    if found is not None:
        rule, reply = found
        state, occurrence = state.after(rule, request)
        rng = generator(settings.seed, rule.name, request.canonical, str(occurrence))

        def make() -> Plan:
            return reply.plan(request, rng, common, {EVERY: settings.faults, FAULT_HEADER: ordered()})

        made = _made(make, request, rng, common)
        if not is_recorded:
            state = replace(state, threads=held(request, made.plan, state.threads))
        return replace(made, rule=reply.label or rule.name, pace=reply.pace or settings.pace), state
    standing = standing_answer(request, rng)
    if standing is not None:
        return bare(standing, common, rng), replace(state, calls=state.calls - 1)
    return failed(request, rng, str(_nearest(request, rules, state)), common, ERRORS["not_found"]), state


def _made(make: Callable[[], Plan], request: Request, rng: Random, common: Headers) -> Answer:
    """Return the answer that a rule gives, or one that says why it cannot be made."""
    try:
        return Answer(plan=make(), pace=INSTANT, rng=rng)
    except ScenarioError as error:
        problem = str(error)
    except BaseException as error:  # noqa: BLE001 - whatever a reply is made of, what goes wrong with it must reach the test
        problem = f"the reply cannot be made: {type(error).__name__}: {error}"
    return failed(request, rng, problem, common, ERRORS["api"])


def bare(plan: Plan, common: Headers, rng: Random) -> Answer:
    """Return an answer that no rule gives: the plan as it is, at once."""
    return Answer(plan=replace(plan, head=plan.head.with_headers(common)), pace=INSTANT, rng=rng)


def _match(request: Request, rules: Sequence[Entry], state: State) -> tuple[Rule, Reply] | None:
    """Return the first rule that matches and has a reply left, and the reply."""
    for entry in rules:
        rule = entry if isinstance(entry, Rule) else entry.find(request)
        if rule is None or (rule is entry and not _answers(rule, request, state)):
            continue
        reply = rule.reply(state.given.get(rule.name, 0))
        if reply is not None:
            return rule, reply
    return None


def _answers(rule: Rule, request: Request, state: State) -> bool:
    """Whether this is one of the requests that a rule answers."""
    return not _is_question(rule, request) and not differences(rule.when, request, state.calls)


def _is_question(rule: Rule, request: Request) -> bool:
    """Whether this is a browser's question, which only a rule that names the method answers."""
    return request.method == "OPTIONS" and rule.when.method is None


def _nearest(request: Request, rules: Sequence[Entry], state: State) -> Miss:
    """Return how a request that nothing matched differs from the nearest of what would have been."""
    misses = [
        Miss(entry.name, differences(entry.when, request, state.calls)) if isinstance(entry, Rule) else entry.miss(request)
        for entry in rules
        if not isinstance(entry, Rule) or not _is_question(entry, request)
    ]
    return min(misses, key=lambda miss: (miss.is_empty, len(miss.differences)), default=Miss())


def _refusal(request: Request, rules: Sequence[Entry], settings: Settings) -> Failure | None:
    """Return the error that the API itself would answer: a key it does not know, a body it refuses, unless that is recorded."""
    if settings.api_key is not None and request.method != "OPTIONS" and request.decoded_path != "/":
        problem = _key_problem(request, settings.api_key)
        if problem:
            return Failure(ERRORS["authentication"], problem)
    if settings.validate and request.method == "POST" and request.decoded_path in (MESSAGES, COUNT_TOKENS):
        problem = refusal(request, counts_only=request.decoded_path == COUNT_TOKENS)
        if problem and not any(not isinstance(each, Rule) and each.find(request) for each in rules):
            return Failure(ERRORS["invalid_request"], problem)
    return None


def _key_problem(request: Request, demanded: str) -> str | None:
    """Say what is wrong with the key of a request; an `x-api-key` is looked at before an `authorization`."""
    scheme, _, bearer = (request.header("authorization") or "").strip().partition(" ")
    key = request.header("x-api-key")
    if key:
        return None if demanded in (ANY_KEY, key) else "invalid x-api-key"
    if scheme.lower() == "bearer" and bearer.strip():
        return None if demanded in (ANY_KEY, bearer.strip()) else "Invalid bearer token"
    return "x-api-key header is required"


def failed(request: Request, rng: Random, problem: str, common: Headers, error: ApiError) -> Answer:
    """Return the answer that says what is wrong with the test, in a way that no client retries."""
    plan = Failure(error, f"streamlab: {problem}").plan(request, rng)
    plan = replace(plan, head=plan.head.with_headers((*common, ("x-should-retry", "false"))))
    return Answer(plan=plan, pace=INSTANT, rng=rng, problem=problem)
