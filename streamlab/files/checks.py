"""Checking files: recorded streams, and every answer that a scenario would stream, against the grammar."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from streamlab.core.bodies import unpacked
from streamlab.core.checking import check
from streamlab.core.exchange import Request
from streamlab.core.grammar import Finding
from streamlab.core.identity import generator
from streamlab.core.messages import DEFAULT_MODEL
from streamlab.core.plan import Plan
from streamlab.core.replies import Reply, Rule
from streamlab.core.tapes import Tape, plan_of
from streamlab.errors import ScenarioError
from streamlab.files.scenario import Scenario, load

__all__ = ["Checked", "check_source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One finding, and the answer that it was found in: its file, its rule and which of the rule's replies.

    Of a cassette it is the `exchange`, counted from 1, and `reply` is None.
    """

    file: str
    rule: str
    reply: int | None = None
    exchange: int | None = None
    finding: Finding

    def __str__(self) -> str:
        which = f"{self.rule!r} reply {self.reply}" if self.exchange is None else f"exchange {self.exchange}"
        return f"{self.file}: {which}: {self.finding}\n  the API: {self.finding.fact}"

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        found = self.finding
        which = {"reply": self.reply} if self.exchange is None else {"exchange": self.exchange}
        where = {"file": self.file, "rule": self.rule, **which}
        found_at = {"event": found.event, "frame": found.frame}
        what = {"finding": found.rule, "grade": found.grade.value, "found": found.found, "expected": found.expected}
        return {**where, **found_at, **what, "fact": found.fact}


def check_source(source: str) -> Iterator[Checked]:
    """Yield every finding in a scenario, a cassette, a recorded stream, a folder of them, or a shipped scenario.

    Raises ScenarioError if it cannot be read. Answers that are no streams have nothing to check.
    """
    for file in load(source).files:
        scenario = load(file)
        for rule in scenario.rules:
            if isinstance(rule, Tape):
                for number in range(len(rule)):
                    for finding in _found(plan_of(rule.load(number))):
                        yield Checked(file=str(file), rule=rule.name, exchange=number + 1, finding=finding)
                continue
            for number, reply in enumerate(rule.replies, 1):
                try:
                    plan = _streamed(scenario, rule, reply)
                except ScenarioError as error:
                    raise error.at(str(file)) from None
                for finding in _found(plan):
                    yield Checked(file=str(file), rule=rule.name, reply=number, finding=finding)


def _found(plan: Plan) -> tuple[Finding, ...]:
    """Return the findings in an answer, compressed or not; what only marks a time in it is no frame."""
    plain = unpacked(plan)
    return check([frame for frame in plain.frames if frame.raw]) if plain.is_stream and plain.head.is_sent else ()


def _streamed(scenario: Scenario, rule: Rule, reply: Reply) -> Plan:
    """Return the answer to a request that asks for a stream, as the rule would give it."""
    model = rule.when.model.pattern if rule.when.model is not None else DEFAULT_MODEL
    body = {"model": model, "max_tokens": 1, "messages": [], "stream": True}
    return reply.plan(Request(body=json.dumps(body).encode()), generator(scenario.settings.seed, rule.name))
