"""The pytest plugin: fixtures, the marker and the options. Wiring only; nothing is loaded until a test asks for it."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from streamlab.files.lab_settings import LabSettings
    from streamlab.net.lab import Host, Lab
    from streamlab.net.remote import RemoteHost
    from streamlab.pytest_lab import TestLab
    from streamlab.pytest_recording import Recordings
    from streamlab.pytest_report import Tally

_NAME = "streamlab"
_MODES = ("none", "once", "new", "all")
_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")

_EARLY: pytest.StashKey[socket.socket] = pytest.StashKey()
_KEPT_KEYS: pytest.StashKey[Mapping[str, str]] = pytest.StashKey()
_CLAIMS: pytest.StashKey[Path] = pytest.StashKey()
_RECORDINGS: pytest.StashKey[Recordings] = pytest.StashKey()
_RUN: pytest.StashKey[_Run] = pytest.StashKey()
_LATE: pytest.StashKey[dict[str, list[str]]] = pytest.StashKey()
_LAB: pytest.StashKey[TestLab] = pytest.StashKey()
_HOST: pytest.StashKey[Host | RemoteHost] = pytest.StashKey()
_CASSETTES: pytest.StashKey[dict[str, Any]] = pytest.StashKey()

_MARKER = (
    "streamlab(cassette=True, scenario='NAME', faults=['cut: fin, after: delta 3'], pace='recorded', record='none', "
    "strict=False): give this test a server. cassette: replay a recording, or record it with --streamlab-record; True names it "
    "after the test. scenario: serve a file, a shipped scenario, or a list of these. faults: put them into every answer. "
    "pace: how fast answers come. record: how this test records when the run does. strict: whether it fails when something "
    "does not go as asked: True, False, or a mapping of unmatched, unused, exchanges and faults."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the settings."""
    parser.addini(
        "streamlab_early",
        "Reserve a port and set the environment before tests are collected, for clients that are built at import.",
        type="bool",
        default=False,
    )
    group = parser.getgroup(_NAME, "streamlab: streams from the Claude API")
    group.addoption(
        "--streamlab-record",
        choices=_MODES,
        default="none",
        metavar="MODE",
        help="Record the cassettes of tests. none: replay them, the default; once: record those that are missing; new: also "
        "what is missing in them; all: all of it anew.",
    )
    group.addoption(
        "--streamlab-upstream",
        metavar="URL",
        help="What is recorded, in the place of https://api.anthropic.com or of the setting.",
    )
    group.addoption(
        "--streamlab-server",
        metavar="URL",
        help="Use the server that `streamlab serve` runs there, and do not start one.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker; if it is asked for, point the environment at a port before anything is imported."""
    config.addinivalue_line("markers", _MARKER)
    config.stash[_RUN] = _Run(config)
    config.pluginmanager.register(config.stash[_RUN], f"{_NAME}-run")
    config.stash[_KEPT_KEYS] = {name: os.environ.get(name, "") for name in _KEYS}
    if config.getoption("streamlab_server") and config.getoption("streamlab_record") != "none":
        raise pytest.UsageError("--streamlab-record needs a server of its own: leave --streamlab-server out")
    if config.getini("streamlab_early") and not _has_workers(config):
        if config.getoption("streamlab_server"):
            raise pytest.UsageError("streamlab_early reserves a port of its own: leave --streamlab-server out")
        reserved = config.stash[_EARLY] = _reserved()
        patch = pytest.MonkeyPatch()
        config.add_cleanup(patch.undo)
        _point(patch, f"http://127.0.0.1:{reserved.getsockname()[1]}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give the reserved port back, and forget which worker recorded what."""
    reserved = config.stash.get(_EARLY, None)
    if reserved is not None:
        reserved.close()
    claims = config.stash.get(_CLAIMS, None)
    if claims is not None:
        shutil.rmtree(claims, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, obj: object) -> Generator[None, Any, Any]:
    """Let every test that is marked use the fixture, whether it asks for it by name or not; check its marks.

    Raises CollectError if a mark cannot be understood.
    """
    if collector.own_markers and not _uses(collector.own_markers) and _check(collector.own_markers, collector):
        collector.add_marker(pytest.mark.usefixtures(_NAME))
    if isinstance(obj, type) and "unittest" in sys.modules and issubclass(obj, sys.modules["unittest"].TestCase):
        for method in vars(obj).values():  # pytest makes no item of them by this hook
            _check(_listed(getattr(method, "pytestmark", ())), collector)
    if isinstance(obj, FunctionType | type):
        marks = _listed(getattr(obj, "pytestmark", ()))
        if marks and _check(marks, collector) and not _uses(marks):
            pytest.mark.usefixtures(_NAME)(obj)
    made = yield
    for item in made if isinstance(made, list) else ():
        if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            _check(item.callspec.marks, item)
    return made


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let a test use the fixture that is marked itself, and not as a function: by its parameters, or in a TestCase."""
    if not item.own_markers or not isinstance(item, pytest.Function) or _NAME in item.fixturenames:
        return
    if any(mark.name == _NAME for mark in item.own_markers):
        item.fixturenames = [*item.fixturenames, _NAME]


def _listed(marks: Any) -> Any:
    return marks if isinstance(marks, list | tuple) else (marks,)


def _uses(marks: Any) -> bool:
    """Whether the fixture is used already."""
    return any(mark.name == "usefixtures" and _NAME in mark.args for mark in marks)


def _check(marks: Any, node: pytest.Collector | pytest.Item) -> bool:
    """Return whether our mark is among these. Raises CollectError if it cannot be understood."""
    ours = [mark for mark in marks if getattr(mark, "name", None) == _NAME]
    if ours:
        from streamlab.errors import ScenarioError
        from streamlab.pytest_marker import read

        try:
            for mark in ours:
                read(getattr(mark, "mark", mark), node.path.parent)
        except ScenarioError as error:
            raise pytest.Collector.CollectError(str(error)) from None
    return bool(ours)


def _tell(report: pytest.TestReport, test: TestLab) -> None:
    """Put what did not go as asked, and the journal, into the report of a test that fails."""
    if test.problems and (text := _text(test.problems)) != report.longreprtext:
        report.sections.append((f"Captured {_NAME} {report.when}", text))
    report.sections.append((f"Captured {_NAME} journal {report.when}", test.journal()))


def _strays(config: pytest.Config) -> list[str]:
    """Return what came where no lab is, since this was asked last."""
    if _HOST not in config.stash:
        return []
    from streamlab.pytest_report import strays

    return [str(each) for each in strays(config.stash[_HOST])]


def _text(problems: list[str]) -> str:
    return "streamlab: " + "\n".join(problems)


class _Run:
    """What a whole run has to say in the end, that of its workers included."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._total: Tally | None = None

    def watch_tests(self) -> None:
        """Look at each test from now on; without a test that uses the fixture, nobody pays for it."""
        if not self._config.pluginmanager.has_plugin(f"{_NAME}-tests"):
            self._config.pluginmanager.register(_Tests(self), f"{_NAME}-tests")

    def add(self, data: dict[str, Any]) -> None:
        """Take what became of the cassettes of a test."""
        if self._total is None:
            from streamlab.pytest_report import Tally

            self._total = Tally()
        self._total.add(data)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was recorded, replayed, unused and stale."""
        if self._total is not None:
            from streamlab.pytest_report import summary

            for line in summary(self._total):
                terminalreporter.write_line(line)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Report what came when its test was over, as an error of that test, while it still counts."""
        result = yield
        if not hasattr(self._config, "workerinput"):
            self._report_late(self._config.stash.get(_LATE, {}))
        return result

    def pytest_sessionfinish(self) -> None:
        """Let a worker tell the run what came when its test was over."""
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput[_NAME] = self._config.stash.get(_LATE, {})

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Look at what the workers report; give them a folder in which they tell each other what they record."""
        self.watch_tests()
        if self._config.getoption("streamlab_record") != "none":
            if _CLAIMS not in self._config.stash:
                self._config.stash[_CLAIMS] = Path(tempfile.mkdtemp(prefix="streamlab-"))
            node.workerinput[_NAME] = str(self._config.stash[_CLAIMS])

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Report what a worker tells."""
        self._report_late(getattr(node, "workeroutput", {}).get(_NAME, {}))

    def _report_late(self, late: dict[str, list[str]]) -> None:
        if late:
            from streamlab.pytest_report import late_report

            for nodeid, problems in late.items():
                self._config.hook.pytest_runtest_logreport(report=late_report(nodeid, problems))


class _Tests:
    """What is done with each test of a run in which one uses the fixture, or its server."""

    def __init__(self, run: _Run) -> None:
        self._run = run

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Let no test ask where the one before had its lab."""
        if (host := item.config.stash.get(_HOST, None)) is not None:
            host.leave()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail a test that asked where no lab is, if its fixtures did so or it has no lab of its own."""
        result = yield
        if problems := _strays(item.config):
            pytest.fail(_text(problems), pytrace=False)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail a test that passed though a call or a reply did not go as asked."""
        try:
            result = yield
        except BaseException:
            if _LAB in item.stash:
                item.stash[_LAB].judge()
            raise
        if problems := item.stash[_LAB].judge() if _LAB in item.stash else _strays(item.config):
            pytest.fail(_text(problems), pytrace=False)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        """Let the report of a test that fails tell what was asked; let it carry what became of cassettes, from a worker too."""
        report = yield
        if call.when != "teardown" and _LAB in item.stash:
            if call.when == "call" or report.failed:
                item.stash[_LAB].note(has_failed=report.failed)
            if report.failed:
                if call.when == "setup":
                    item.stash[_LAB].judge(has_run=False)
                _tell(report, item.stash[_LAB])
        if call.when == "teardown" and _CASSETTES in item.stash:
            report.streamlab = item.stash[_CASSETTES]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what became of the cassettes of a test."""
        data = getattr(report, _NAME, None)
        if data is not None:
            self._run.add(data)


@pytest.fixture(scope="session")
def streamlab_settings() -> LabSettings:
    """Give the settings of all labs. Override it to change them.

    For example, in conftest.py: `return LabSettings(pace="recorded", strict={"unused": "warn"}, cassettes="recordings")`, from
    `from streamlab import LabSettings`; a dictionary of these words will do. A fixture of the same name in a module or a class
    holds there.
    """
    from streamlab.files.lab_settings import LabSettings

    return LabSettings()


@pytest.fixture(scope="session")
def streamlab_server(request: pytest.FixtureRequest) -> Iterator[Host | RemoteHost]:
    """Run a server for the whole run; it starts with the first test that needs it.

    With --streamlab-server=URL it is the one that runs there.
    """
    from streamlab.pytest_report import late_problems

    config = request.config
    if url := config.getoption("streamlab_server"):
        from streamlab.pytest_lab import remote_host

        host: Host | RemoteHost = remote_host(url)
    else:
        from streamlab.net.lab import Host

        host = Host(sock=config.stash.get(_EARLY, None))
    config.stash[_HOST] = host
    config.stash[_RUN].watch_tests()
    yield host
    config.stash[_LATE] = late_problems(host)
    host.stop()


@pytest.fixture
def streamlab(
    request: pytest.FixtureRequest,
    streamlab_server: Host | RemoteHost,
    streamlab_settings: LabSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Lab]:
    """Give a server that answers as Claude does, with a clean set of replies for this test.

    The environment points the official SDKs at it: `streamlab.reply("Hello")` is what they get. The test fails if a request
    was not answered as asked, or if a reply was not used; `streamlab.journal` has what was asked.
    """
    from streamlab.pytest_lab import TestLab

    item, config = request.node, request.config
    test = TestLab(item, streamlab_server, streamlab_settings, _recordings(config), early=_EARLY in config.stash)
    with _pointed(monkeypatch, test.lab.url):
        item.stash[_LAB] = test
        yield test.lab
    problems = test.close()
    if test.tally is not None:
        item.stash[_CASSETTES] = test.tally.data()
    if problems:
        pytest.fail(_text(problems), pytrace=False)


def _recordings(config: pytest.Config) -> Recordings:
    """Return what is recorded in this run; the keys are those that the environment had when it began."""
    if _RECORDINGS not in config.stash:
        from streamlab.pytest_recording import Recordings

        worker = getattr(config, "workerinput", {})
        config.stash[_RECORDINGS] = Recordings(
            keys=config.stash[_KEPT_KEYS], claims=worker.get(_NAME), worker=worker.get("workerid", "")
        )
    return config.stash[_RECORDINGS]


def _reserved() -> socket.socket:
    """Return a socket bound to a port that can be closed and bound again while its old connections fade away."""
    reserved = socket.socket()
    if os.name == "posix":  # as asyncio does with the sockets that it makes
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved


def _has_workers(config: pytest.Config) -> bool:
    """Whether the tests are run by other processes than this one, which inherit its environment."""
    return config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput")


@contextmanager
def _pointed(patch: pytest.MonkeyPatch, url: str) -> Iterator[None]:
    """Point clients at a URL until the patch of a test is undone at the test's end.

    The test's own patch is used, so that what the test sets and takes away by itself is undone in the right order. What it
    undoes by itself is not this: the next client would call the live API.
    """
    undo = patch.undo

    def undo_all_else() -> None:
        undo()
        _point(patch, url)

    _point(patch, url)
    vars(patch)["undo"] = undo_all_else
    try:
        yield
    finally:
        del vars(patch)["undo"]


def _point(patch: pytest.MonkeyPatch, url: str) -> None:
    """Point clients at a URL until the patch is undone."""
    from streamlab.core.environment import environment

    for name, value in environment(url, os.environ).items():
        if value is None:
            patch.delenv(name, raising=False)
        else:
            patch.setenv(name, value)
