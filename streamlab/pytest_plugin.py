"""The pytest plugin: fixtures, the marker and the options. Wiring only; nothing is loaded until a test asks for it."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator, Iterator
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from streamlab.net.lab import Host, Lab

_EARLY = pytest.StashKey[socket.socket]()
_LAB = pytest.StashKey["Lab"]()
_TOLD = pytest.StashKey[int]()
_NAME = "streamlab"
_MARKER = 'streamlab(scenario="NAME"): serve a scenario (a file, a shipped name, or a list of these) to this test.'
_EXAMPLE = "@pytest.mark.streamlab(scenario='overloaded-then-fine')"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the settings."""
    parser.addini(
        "streamlab_early",
        "Reserve a port and set the environment before tests are collected, for clients that are built at import.",
        type="bool",
        default=False,
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker; if it is asked for, point the environment at a port before anything is imported."""
    config.addinivalue_line("markers", _MARKER)
    if config.getini("streamlab_early"):
        reserved = socket.socket()
        reserved.bind(("127.0.0.1", 0))
        config.stash[_EARLY] = reserved
        patch = pytest.MonkeyPatch()
        config.add_cleanup(patch.undo)
        _point(patch, f"http://127.0.0.1:{reserved.getsockname()[1]}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give the reserved port back."""
    reserved = config.stash.get(_EARLY, None)
    if reserved is not None:
        reserved.close()


def pytest_pycollect_makeitem(collector: pytest.Collector, obj: object) -> None:
    """Let every test that is marked use the fixture, whether it asks for it by name or not."""
    uses = pytest.mark.usefixtures(_NAME)
    if any(mark.name == _NAME for mark in collector.own_markers):
        collector.add_marker(uses)
    elif isinstance(obj, FunctionType | type) and _is_marked(obj):
        uses(obj)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that passed though a call or a reply did not go as asked; tell one that failed what did not."""
    try:
        result = yield
    except BaseException:
        if problem := _problem(item):
            item.add_report_section("call", _NAME, problem)
        raise
    if problem := _problem(item):
        pytest.fail(problem, pytrace=False)
    return result


@pytest.fixture(scope="session")
def streamlab_server(request: pytest.FixtureRequest) -> Iterator[Host]:
    """Run a server for the whole run; it starts with the first test that needs it."""
    from streamlab.net.lab import Host

    host = Host(sock=request.config.stash.get(_EARLY, None))
    yield host
    host.stop()


@pytest.fixture
def streamlab(request: pytest.FixtureRequest, streamlab_server: Host, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """Give a server that answers as Claude does, with a clean set of replies for this test.

    The environment points the official SDKs at it: `streamlab.reply("Hello")` is what they get. The test fails if a request
    was not answered as asked, or if a reply was not used.
    """
    lab = streamlab_server.lab(at_root=_EARLY in request.config.stash)
    _load(lab, request)
    _point(monkeypatch, lab.url)
    request.node.stash[_LAB] = lab
    yield lab
    lab.close()
    late = lab.journal.problems[request.node.stash.get(_TOLD, 0) :]
    if late:
        pytest.fail("\n".join(("streamlab: when the test was over,", *late)), pytrace=False)


def _load(lab: Lab, request: pytest.FixtureRequest) -> None:
    """Load what the test's marks name, the nearest mark first: the first rule that matches answers."""
    from streamlab.errors import ScenarioError

    folder = request.path.parent
    scenarios = [name for mark in request.node.iter_markers(_NAME) for name in _scenarios(mark, folder)]
    if not scenarios:
        return
    try:
        lab.load(*scenarios)
    except ScenarioError as error:
        pytest.fail(f"@pytest.mark.streamlab: {error}", pytrace=False)


def _scenarios(mark: pytest.Mark, folder: Path) -> Iterator[str]:
    """Yield the scenarios that a mark names; a file may stand beside the test. Fails the test if the mark says otherwise."""
    given = mark.kwargs.get("scenario", ())
    names = (given,) if isinstance(given, str | Path) else given
    is_named = isinstance(names, list | tuple) and all(isinstance(name, str | Path) for name in names)
    if mark.args or set(mark.kwargs) - {"scenario"} or not is_named:
        said = ", ".join([*map(repr, mark.args), *(f"{key}={value!r}" for key, value in mark.kwargs.items())])
        pytest.fail(f"@pytest.mark.streamlab({said}) is not understood\n  hint: write {_EXAMPLE}", pytrace=False)
    for name in map(Path, names):
        beside = folder / name
        is_file = name.suffix or len(name.parts) > 1
        yield str(beside if is_file and beside.exists() else name)


def _problem(item: pytest.Item) -> str | None:
    """Return what did not go as the test asked; None if all did, or if it has no server."""
    lab = item.stash.get(_LAB, None)
    if lab is None:
        return None
    item.stash[_TOLD] = len(lab.journal.problems)
    try:
        lab.verify()
    except AssertionError as error:
        return f"streamlab: {error}"
    return None


def _point(patch: pytest.MonkeyPatch, url: str) -> None:
    """Point clients at a URL until the patch is undone.

    The test's own patch is used, so that what the test sets and takes away by itself is undone in the right order.
    """
    from streamlab.core.environment import environment

    for name, value in environment(url, os.environ).items():
        if value is None:
            patch.delenv(name, raising=False)
        else:
            patch.setenv(name, value)


def _is_marked(obj: object) -> bool:
    """Whether a function or a class carries the marker."""
    marks = getattr(obj, "pytestmark", ())
    return any(mark.name == _NAME for mark in (marks if isinstance(marks, list | tuple) else (marks,)))
