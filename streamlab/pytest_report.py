"""What is said of tests: what did not go as asked and how to mend it, the journal, the cassettes of the run, stray requests."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from streamlab.core.verdict import findings
from streamlab.errors import CassetteWarning

if TYPE_CHECKING:
    from streamlab.core.verdict import Finding
    from streamlab.files.lab_settings import Grade
    from streamlab.net.lab import Host, Lab
    from streamlab.net.remote import RemoteHost

__all__ = [
    "NAME",
    "Tally",
    "failing",
    "journal_text",
    "late_problems",
    "late_report",
    "mended",
    "over",
    "strays",
    "summary",
    "tally",
]

NAME = "streamlab"
_MOST_SHOWN = 10
"""The lines of one kind that the summary shows."""
_OVER = ("the test ", " is over")
_NOT_MINDED = "the test that had this lab is over"
_STRAY = (
    "no lab is there, only the server; let this test use the fixture `streamlab`, and point the client at `streamlab.url` "
    "(base_url, or ANTHROPIC_BASE_URL when it is made)"
)
_LATE = "something that the test has started goes on after it, a thread, a task or a retry: let the test wait for it"


def mended(found: Iterable[Finding], record: str) -> list[Finding]:
    """Return the findings; those of a cassette say the command that records what is missing."""
    hint = f"if the request is as it should be, record what is missing: {record}"
    return [replace(each, mend=hint) if each.is_recorded else each for each in found]


def failing(found: Iterable[Finding], grades: Mapping[str, Grade], test: pytest.Item) -> list[str]:
    """Return what fails a test; warn, at the place of the test, of what is only to be warned of.

    A warning that is an error, by a filter, fails it too.
    """
    problems = []
    for each in found:
        grade = grades.get(each.concern, "fail")
        if grade == "warn":
            try:
                warning = _warning(each)
                warnings.warn_explicit(warning, type(warning), str(test.path), (test.location[1] or 0) + 1)
            except Warning:
                problems.append(str(each))
        elif grade == "fail":
            problems.append(str(each))
    return problems


def _warning(finding: Finding) -> Warning:
    return CassetteWarning(str(finding)) if finding.concern == "exchanges" else pytest.PytestWarning(f"streamlab: {finding}")


def _nothing_asked(url: str) -> str:
    """Return what is said of a lab that was asked nothing."""
    hint = (
        f"point the client at {url} (base_url, or ANTHROPIC_BASE_URL when it is made); "
        "if it is made when a module is imported, set streamlab_early = true"
    )
    return f"there were no calls\n  hint: {hint}"


def journal_text(lab: Lab) -> str:
    """Return the journal as a section of a report shows it."""
    return lab.journal.report() if len(lab.journal) else _nothing_asked(lab.url)


@dataclass
class Tally:
    """What became of cassettes, in a test or in a run. Cassettes go by their names, exchanges by their numbers, from 1."""

    recorded: dict[str, int] = field(default_factory=dict)
    replayed: dict[str, int] = field(default_factory=dict)
    unused: dict[str, list[int]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    stale: dict[str, str] = field(default_factory=dict)
    """The cassettes that had no answer to a request, and the command that records it."""
    kept: dict[str, str] = field(default_factory=dict)
    """The cassettes that stayed as they were because a test failed that was to replace them, and what it has recorded."""

    def data(self) -> dict[str, Any]:
        """Return this as JSON, to be sent from one process to another."""
        return dict(vars(self))

    def add(self, data: Mapping[str, Any]) -> None:
        """Take in what became of cassettes in one more test. An exchange is unused if no test has asked for it."""
        for name, count in data["recorded"].items():
            self.recorded[name] = self.recorded.get(name, 0) + count
        for name, count in data["replayed"].items():
            self.replayed[name] = self.replayed.get(name, 0) + count
        for name, numbers in data["unused"].items():
            known = self.unused.get(name)
            self.unused[name] = list(numbers) if known is None else [each for each in known if each in numbers]
        self.sizes |= data["sizes"]
        self.stale |= data["stale"]
        self.kept |= data["kept"]


def tally(lab: Lab, names: Mapping[str, str], found: Iterable[Finding], record: str) -> Tally:
    """Return what became of a test's cassettes; `names` are those of their files, by those among the rules."""
    result = Tally()
    for usage in lab.usages():
        if (name := names.get(usage.name)) is not None:
            result.replayed[name] = usage.given
            result.unused[name] = list(usage.unplayed)
            result.sizes[name] = usage.exchanges
    if any(each.is_recorded for each in found):
        result.stale = dict.fromkeys(names.values(), record)
    return result


def summary(total: Tally) -> Iterator[str]:
    """Yield the lines that a run ends with, if it had cassettes."""
    parts = [
        f"{verb} {_counted(sum(counts.values()), 'exchange')} {word} {_counted(len(counts), 'cassette')}"
        for verb, word, all_counts in (("recorded", "into", total.recorded), ("replayed", "from", total.replayed))
        if (counts := {name: count for name, count in all_counts.items() if count})
    ]
    if parts:
        yield f"streamlab: {', '.join(parts)}"
    unused = {name: numbers for name, numbers in total.unused.items() if numbers}
    yield from _listed("unused", unused, lambda name: _unused(unused[name], total.sizes[name]))
    yield from _listed("kept", total.kept, lambda name: f"its test failed; what it recorded is in {total.kept[name]}")
    yield from _listed("stale", total.stale, lambda name: f"record what is missing: {total.stale[name]}")


def _unused(numbers: Sequence[int], size: int) -> str:
    if len(numbers) == size:
        return f"none of its {_counted(size, 'exchange')} was asked for"
    listed = ", ".join(map(str, numbers[:_MOST_SHOWN])) + (" and more" if len(numbers) > _MOST_SHOWN else "")
    return f"{'exchange' if len(numbers) == 1 else 'exchanges'} {listed} of {size} not asked for"


def _listed(what: str, names: Iterable[str], say: Callable[[str], str]) -> Iterator[str]:
    names = sorted(names)
    yield from (f"streamlab: {what}: {name}: {say(name)}" for name in names[:_MOST_SHOWN])
    if len(names) > _MOST_SHOWN:
        yield f"streamlab: {what}: and {_counted(len(names) - _MOST_SHOWN, 'cassette')} more"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def strays(host: Host | RemoteHost) -> list[Finding]:
    """Return what came where no lab is, since this was asked last."""
    return [replace(each, concern="unmatched", mend=_STRAY) for each in findings(host.strays(), ())]


def late_problems(host: Host | RemoteHost) -> dict[str, list[str]]:
    """Return what came for tests that were over, by the ids of these."""
    found: dict[str, list[str]] = {}
    for over, journal in host.late():
        if over == _NOT_MINDED:
            continue
        nodeid = over.removeprefix(_OVER[0]).removesuffix(_OVER[1])
        found.setdefault(nodeid, []).extend(map(str, findings(journal, ())))
    return found


def over(nodeid: str, *, is_minded: bool) -> str:
    """Return what is said to whoever asks when this test is over; if that is minded, it is told."""
    return nodeid.join(_OVER) if is_minded else _NOT_MINDED


def late_report(nodeid: str, problems: Sequence[str]) -> pytest.TestReport:
    """Return the report of requests that came when their test was over, as an error of that test."""
    text = "\n".join(("streamlab: when the test was over, its code still asked:", *problems, f"  hint: {_LATE}"))
    file, *inside = nodeid.split("::")
    location = (file, None, ".".join(inside))
    return pytest.TestReport(
        nodeid=nodeid, location=location, keywords={}, outcome="failed", longrepr=text, when="teardown", duration=0.0
    )
