"""Checking files: recorded streams, and every answer that a scenario would stream, against the grammar."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from streamlab.core.checking import check
from streamlab.core.exchange import Request
from streamlab.core.grammar import Finding
from streamlab.core.identity import generator
from streamlab.core.messages import DEFAULT_MODEL
from streamlab.core.plan import Plan
from streamlab.core.replies import Reply, Rule
from streamlab.files.scenario import Scenario, load

__all__ = ["Checked", "check_source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One finding, and the answer that it was found in: its file, its rule and which of the rule's replies."""

    file: str
    rule: str
    reply: int
    finding: Finding

    def __str__(self) -> str:
        return f"{self.file}: {self.rule!r} reply {self.reply}: {self.finding}\n  the API: {self.finding.fact}"

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        found = self.finding
        where = {"file": self.file, "rule": self.rule, "reply": self.reply, "event": found.event, "frame": found.frame}
        what = {"finding": found.rule, "grade": found.grade.value, "found": found.found, "expected": found.expected}
        return {**where, **what, "fact": found.fact}


def check_source(source: str) -> Iterator[Checked]:
    """Yield every finding in a scenario, a recorded stream, a folder of them, or a shipped scenario.

    Raises ScenarioError if it cannot be read. Answers that are no streams have nothing to check.
    """
    for file in load(source).files:
        scenario = load(file)
        for rule in scenario.rules:
            for number, reply in enumerate(rule.replies, 1):
                plan = _streamed(scenario, rule, reply)
                for finding in check(plan.frames) if plan.is_stream and plan.head.is_sent else ():
                    yield Checked(file=str(file), rule=rule.name, reply=number, finding=finding)


def _streamed(scenario: Scenario, rule: Rule, reply: Reply) -> Plan:
    """Return the answer to a request that asks for a stream, as the rule would give it."""
    model = rule.when.model.pattern if rule.when.model is not None else DEFAULT_MODEL
    body = {"model": model, "max_tokens": 1, "messages": [], "stream": True}
    return reply.plan(Request(body=json.dumps(body).encode()), generator(scenario.settings.seed, rule.name))
