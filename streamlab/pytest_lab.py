"""The lab of one test: made as its settings and marks say, recorded if that is asked for, and judged at its end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from streamlab import pytest_recording as recording
from streamlab import pytest_report as report
from streamlab.core.replies import Settings
from streamlab.core.verdict import findings
from streamlab.errors import ScenarioError, ServerError, StreamlabError
from streamlab.files.lab_settings import LabSettings, parse_strict
from streamlab.files.scenario import Scenario, load, merge
from streamlab.pytest_marker import MODES, Marked, marked

if TYPE_CHECKING:
    from streamlab.core.verdict import Finding
    from streamlab.files.cassette_output import Mode
    from streamlab.net.lab import Host, Lab
    from streamlab.net.lab_recorder import LabRecorder
    from streamlab.net.remote import RemoteHost

__all__ = ["TestLab", "remote_host"]


_NOT_THE_FIRST = "only the first cassette of a test is recorded into: name this one first in the mark of another"


class TestLab:
    """A lab, and what its test wants of it. Fails the test if a mark, a setting or a cassette cannot be used."""

    __test__ = False

    def __init__(
        self, item: pytest.Item, host: Host | RemoteHost, settings: object, recordings: recording.Recordings, *, early: bool
    ) -> None:
        self._item, self._host, self._early = item, host, early
        self._recordings = recordings
        self._recorder: LabRecorder | None = None
        self._paths: tuple[Path, ...] = ()
        self._names: dict[str, str] = {}
        self._judged = 0
        self._is_good: bool | None = None
        self.problems: list[str] = []
        """What failed the test when it was judged."""
        self.tally: report.Tally | None = None
        """What became of the cassettes of this test, once it is closed; None if it has none."""
        try:
            self._settings = LabSettings.of(settings)
        except ScenarioError as error:
            raise pytest.fail.Exception(f"streamlab_settings: {error}", pytrace=False) from None
        try:
            self._marked = marked(item, item.path.parent)
            self._grades = {**self._settings.grades, **self._marked.strict}
            written = (*parse_strict(self._settings.strict), *self._marked.strict)
            if "exchanges" not in written and self._marked.cassettes not in (None, (True,)):
                self._grades["exchanges"] = "ignore"  # others may share it; the summary tells what no test has asked for
            self.lab = self._make()
        except StreamlabError as error:
            raise pytest.fail.Exception(f"streamlab: {error}", pytrace=False) from None

    def _make(self) -> Lab:
        """Return the lab, with what the marks name in it. Raises StreamlabError if that cannot be."""
        mark, settings = self._marked, self._settings
        paths = self._paths = recording.cassette_paths(self._item, mark.cassettes or (), settings)
        mode = self._mode(mark)
        into = self._recordings.wanted(paths[0], mode, self._item) if paths else None
        is_first_played = into is None or self._recordings.replays(paths[0], mode)
        played = paths if is_first_played else paths[1:]
        self._require(played)
        tapes = recording.playable(played, settings)
        scenario = merge([*(load(each) for each in mark.scenarios), tapes])
        self._names = {
            rule.name: recording.shown(path, self._item.config)
            for rule, path in zip(scenario.rules[len(scenario.rules) - len(played) :], played, strict=True)
        }
        over = report.over(self._item.nodeid, is_minded=self._grades["unmatched"] == "fail")
        secrets = self._recordings.patterns(self._item.path.parent, settings)
        lab = self._host.lab(self._lab_settings(scenario), at_root=self._early, over=over, redact=secrets)
        try:
            lab.load(scenario)
            if into is not None:
                self._record(lab, self._recordings.target(paths[0]), into)
        except BaseException:
            lab.close()
            raise
        return lab

    def _mode(self, mark: Marked) -> str:
        """Return how this test records: not at all unless the command line says so, then as its mark says."""
        wanted = str(self._item.config.getoption("streamlab_record"))
        return wanted if wanted == "none" else mark.record or wanted

    def _require(self, paths: tuple[Path, ...]) -> None:
        """Raise ScenarioError, with the command that records it, if a cassette is not there."""
        for path in paths:
            if not path.exists():
                hint = f"record it: {self._command('once')}" if path == self._paths[0] else _NOT_THE_FIRST
                raise ScenarioError(f"there is no cassette {recording.shown(path, self._item.config)}", hint=hint)

    def _command(self, mode: str) -> str:
        """Return the command that records what is missing, and what is in its way: a mark that records less."""
        said, written = recording.command(self._item, mode), self._marked.record
        if written is None or MODES.index(written) >= MODES.index(mode):
            return said
        return f"{said} (first take record={written!r} out of its mark, which decides)"

    def _lab_settings(self, scenario: Scenario) -> Settings:
        """Return what holds for all answers: what the marks say, then the settings, then the scenario."""
        default, given, mark = LabSettings(), self._settings, self._marked
        changes = {
            name: getattr(given, name)
            for name in ("seed", "pace", "validate")
            if getattr(given, name) != getattr(default, name)
        }
        if mark.pace is not None:
            changes["pace"] = mark.pace
        if mark.faults is not None:
            changes["faults"] = mark.faults
        return replace(scenario.settings, **changes)

    def _record(self, lab: Lab, path: Path, mode: Mode) -> None:
        """Let a recorder stand in for the lab's server; with one address for all tests, it takes that."""
        from streamlab.net.lab import Host

        if not isinstance(self._host, Host):
            raise ServerError("a server of another process records nothing: leave --streamlab-server out")
        port = urlsplit(self._host.url).port if self._early else None
        if port:
            lab.refuse()
        self._recorder = recording.recorder(
            path,
            mode,
            recordings=self._recordings,
            settings=self._settings,
            item=self._item,
            host=self._host,
            lab=lab,
            port=port or 0,
        )
        lab.url = self._recorder.url

    def judge(self, *, has_run: bool = True) -> list[str]:
        """Return what fails the test when it has run; warn of the rest. If it could not run, only its calls count."""
        calls, self._judged = self.lab.journal, len(self.lab.journal)
        found = self._found() if has_run else self._mended(findings(calls, (), handle=report.NAME))
        found += report.strays(self._host)
        self.problems = report.failing(found, self._grades, self._item)
        return self.problems

    def note(self, *, has_failed: bool) -> None:
        """Take note of how the test went: unless it went well, what it has recorded replaces nothing."""
        self._is_good = not has_failed and self._is_good is not False

    def journal(self) -> str:
        """Return the journal as a section of a report."""
        return report.journal_text(self.lab)

    def close(self) -> list[str]:
        """Close the lab, and return what fails the test now that it is over: what is wrong with its recording, late calls."""
        problems = self._stop(self._recorder) if self._recorder is not None else []
        late = findings(list(self.lab.journal)[self._judged :], (), handle=report.NAME)
        late_problems = report.failing([*self._mended(late), *report.strays(self._host)], self._grades, self._item)
        self.tally = self._tally() if self._paths else None
        try:
            self.lab.close()
        except ServerError as error:  # the port is gone that it has refused connections at
            problems.append(str(error))
        if late_problems:
            problems += ["when the test was over,", *late_problems]
        return problems

    def _stop(self, recorder: LabRecorder) -> list[str]:
        """Stop recording, and return what is wrong with what was recorded."""
        try:
            recorder.stop(is_good=self._is_good is True)
        except ServerError as error:
            return [str(error)]
        finally:
            self._recordings.ended(self._paths[0], recorder.summary.recorded, recorder.aside)
        return recorder.troubles

    def _tally(self) -> report.Tally:
        result = report.tally(self.lab, self._names, self._found(), self._command("new"))
        if self._recorder is not None:
            summary, aside = self._recorder.summary, self._recorder.aside
            name = recording.shown(summary.out, self._item.config)
            result.recorded[name] = summary.recorded
            result.unused.setdefault(name, [])  # whatever is in a new one was asked for just now
            if aside is not None:
                result.kept[name] = recording.shown(aside, self._item.config)
        return result

    def _found(self) -> list[Finding]:
        return self._mended(self.lab.findings(report.NAME))

    def _mended(self, found: tuple[Finding, ...]) -> list[Finding]:
        return report.mended(found, self._command("new")) if self._paths else list(found)


def remote_host(url: str) -> RemoteHost:
    """Return the server that runs elsewhere. Fails the test if there is none."""
    from streamlab.net.remote import RemoteHost

    try:
        return RemoteHost(url)
    except ServerError as error:
        raise pytest.fail.Exception(f"--streamlab-server: {error}", pytrace=False) from None
