"""The verdict on what happened: each thing that did not go as it was asked, and what to write so that it does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from streamlab.core.exchange import MESSAGES, Request
from streamlab.core.journal import Call
from streamlab.core.redaction import REDACTED, redact_text
from streamlab.core.replies import EVERY, FAULT_HEADER
from streamlab.core.usage import Usage, unplayed, unused

__all__ = ["CONCERNS", "Concern", "Finding", "findings"]

Concern = Literal["unmatched", "unused", "exchanges", "faults", "replies"]
"""What a finding is about: a request that nothing matched, a required reply that was not used, an exchange that was not asked
for, a fault without a place, a reply that could not be made."""
CONCERNS: tuple[Concern, ...] = ("unmatched", "unused", "exchanges", "faults", "replies")

_MISS = ("no rule matches this request", "no recorded exchange ")
_FAULT = re.compile(rf"(?:faults|{EVERY}|{FAULT_HEADER})\b")
_DIFFERENCE = r"[\w-]+(?:\.[^\s:]+)?: (?:expected|recorded) "
_HEAD = re.compile(rf".*?: (?={_DIFFERENCE})", re.DOTALL)
_BETWEEN = re.compile(rf"; (?={_DIFFERENCE}|and [0-9]+ more$)")
_MOST_SHOWN = 60
"""The characters of a text that are shown."""
_MOST_REFUSED = 3
"""The calls that are shown where one of them may have been meant for a reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that did not go as asked. `asked` is what the request was, `mend` what to write or to do."""

    concern: Concern
    text: str
    asked: str = ""
    mend: str = ""
    is_recorded: bool = False
    """Whether it is a cassette that had no answer."""

    def __str__(self) -> str:
        return "\n".join((self.text, *filter(None, (self.asked and f"  it asked: {self.asked}", self._hint))))

    @property
    def _hint(self) -> str:
        return f"  hint: {self.mend}" if self.mend else ""


def findings(calls: Iterable[Call], used: Iterable[Usage], *, handle: str = "lab") -> tuple[Finding, ...]:
    """Return what did not go as asked in these calls and with these rules; `handle` is what the test calls its lab."""
    calls, used = tuple(calls), tuple(used)
    refused = [f"  call {call.number} was refused, as the API refuses it: {call.note}" for call in calls if call.note]
    found = [_of_call(call, call.problem, handle) for call in calls if call.problem is not None]
    found += (
        Finding(concern="unused", text="\n".join((text, *refused[:_MOST_REFUSED])), mend=_UNUSED.format(handle))
        for text in unused(used)
    )
    found += (Finding(concern="exchanges", text=text) for text in unplayed(used))
    return tuple(found)


_UNUSED = "let the code ask for it, or take the reply out; `{}.journal` has what was asked"


def _of_call(call: Call, problem: str, handle: str) -> Finding:
    concern = _concern(problem)
    by = f", answered by {call.rule!r}" if concern != "unmatched" and call.rule else ""
    where = f"call {call.number}, {call.request.method} {call.request.path}{by}: "
    if concern != "unmatched":
        return Finding(concern=concern, text=where + problem, asked=_asked(call.request) if concern == "replies" else "")
    is_recorded = problem.startswith(_MISS[1])
    mend = "" if is_recorded else _mend(call.request, problem, handle)
    return Finding(
        concern=concern, text=where + _in_lines(problem), asked=_asked(call.request), mend=mend, is_recorded=is_recorded
    )


def _concern(problem: str) -> Concern:
    if problem.startswith(_MISS):
        return "unmatched"
    return "faults" if _FAULT.match(problem) else "replies"


def _in_lines(problem: str) -> str:
    """Return the text of a miss with its differences in lines of their own, if there are several."""
    head = _HEAD.match(problem)
    if head is None:
        return problem
    differences = _BETWEEN.split(problem[head.end() :])
    return problem if len(differences) == 1 else "\n".join((head[0].rstrip(), *(f"  {each}" for each in differences)))


def _asked(request: Request) -> str:
    """Say in a line what a request asks for."""
    if not request.data:
        return f"{len(request.body)} bytes that are no JSON object" if request.body else "nothing: it has no body"
    parts: Iterator[str] = (
        f"{name} {shown}"
        for name, shown in (
            ("model", _quoted(request.model)),
            ("stream", str(request.stream).lower()),
            ("turn", str(request.turn)),
            ("tool_result", ", ".join(map(_quoted, request.tool_results))),
            ("last_user", _quoted(request.last_user)),
        )
        if shown
    )
    return ", ".join(parts)


def _quoted(text: str | None) -> str:
    if not text:
        return ""
    text = redact_text(text)
    return repr(text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…")


def _mend(request: Request, problem: str, handle: str) -> str:
    """Return the line that would have answered a request."""
    line = f'{handle}.reply("…"{_when(request)})'
    if problem.endswith("all its replies have been given"):
        return f"to answer it too, say times=… with that reply, or write: {line}"
    return f"to answer it, write: {line}"


def _when(request: Request) -> str:
    """Return the condition that tells a request from others, as an argument."""
    if request.decoded_path != MESSAGES or request.method != "POST":
        conditions = {"path": _glob(request.decoded_path), "method": request.method}
    elif request.tool_results and request.tool_results[0]:
        conditions = {"tool_result": _glob(request.tool_results[0])}
    elif words := _words(request.last_user):
        conditions = {"last_user": words[:_MOST_SHOWN]}
    else:
        return ""
    return f", when={json.dumps(conditions, ensure_ascii=False)}"


def _glob(text: str) -> str:
    """Return what a text is matched by that may hold secrets."""
    return redact_text(text).replace(REDACTED, "*")


def _words(text: str) -> str:
    """Return what stands in a text beside secrets: the longest piece of the first line in which there is any."""
    lines = redact_text(text).splitlines()
    pieces = (max((piece.strip() for piece in line.split(REDACTED)), key=len) for line in lines)
    return next(filter(None, pieces), "")
