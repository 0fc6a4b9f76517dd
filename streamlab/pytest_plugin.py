"""The pytest plugin: fixtures, the marker and the options. Wiring only; nothing is loaded until a test asks for it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from streamlab.net.lab import Host, Lab

_EARLY = pytest.StashKey[socket.socket]()
_MARKER = 'streamlab(scenario="NAME"): serve a scenario (a file or a shipped name) with the `streamlab` fixture.'


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
        _Environment(f"http://127.0.0.1:{reserved.getsockname()[1]}").enter(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give the reserved port back."""
    reserved = config.stash.get(_EARLY, None)
    if reserved is not None:
        reserved.close()


@pytest.fixture(scope="session")
def streamlab_server(request: pytest.FixtureRequest) -> Iterator[Host]:
    """Run a server for the whole run; it starts with the first test that needs it."""
    from streamlab.net.lab import Host

    host = Host(sock=request.config.stash.get(_EARLY, None))
    yield host
    host.stop()


@pytest.fixture
def streamlab(request: pytest.FixtureRequest, streamlab_server: Host) -> Iterator[Lab]:
    """Give a server that answers as Claude does, with a clean set of replies for this test.

    The environment points the official SDKs at it: `streamlab.reply("Hello")` is what they get. When the test is over, it
    fails if a request was not answered as asked, or if a reply was not used.
    """
    lab = streamlab_server.lab(at_root=_EARLY in request.config.stash)
    for mark in reversed(list(request.node.iter_markers("streamlab"))):
        lab.load(*_scenarios(mark))
    with pytest.MonkeyPatch.context() as patch:
        _Environment(lab.url).apply(patch)
        yield lab
    lab.close()
    lab.verify()


class _Environment:
    """The variables that point clients at a URL."""

    def __init__(self, url: str) -> None:
        from streamlab.core.environment import environment

        self._changes = environment(url, os.environ)

    def apply(self, patch: pytest.MonkeyPatch) -> None:
        """Set and take away the variables until the patch is undone."""
        for name, value in self._changes.items():
            if value is None:
                patch.delenv(name, raising=False)
            else:
                patch.setenv(name, value)

    def enter(self, config: pytest.Config) -> None:
        """Set and take away the variables until the end of the run."""
        patch = pytest.MonkeyPatch()
        self.apply(patch)
        config.add_cleanup(patch.undo)


def _scenarios(mark: pytest.Mark) -> tuple[str, ...]:
    """Return the scenarios that a marker names. Fails the test if it says anything else."""
    unknown = sorted(set(mark.kwargs) - {"scenario"})
    if mark.args or unknown:
        said = ", ".join([*map(repr, mark.args), *unknown])
        pytest.fail(
            f"@pytest.mark.streamlab does not take {said}; write @pytest.mark.streamlab(scenario='NAME')", pytrace=False
        )
    scenario = mark.kwargs.get("scenario", ())
    return (scenario,) if isinstance(scenario, str) else tuple(scenario)
