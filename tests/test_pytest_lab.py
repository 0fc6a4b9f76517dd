"""The lab of one test: what its settings, its marks and its scenarios say together."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from plugin_projects import outcomes, run

from streamlab.net.lab import Host

pytest_plugins = ["pytester"]

SETTINGS = """
import app, pytest
from streamlab import LabSettings

@pytest.fixture
def streamlab_settings():
    return LabSettings(seed=7, validate=False, pace={"first": "1ms"})

def first(lab):
    return lab._space.namespace.settings

def test_settings(streamlab):
    settings = first(streamlab)
    assert (settings.seed, settings.validate, settings.pace.first, settings.faults) == (7, False, 0.001, ())

@pytest.mark.streamlab(pace="recorded", faults="cut: fin, after: delta 1")
def test_a_mark_is_nearer(streamlab):
    settings = first(streamlab)
    assert (settings.seed, settings.pace.speed, len(settings.faults)) == (7, 1.0, 1)
    streamlab.reply("Cut off.")
    assert app.careless() is None
    assert streamlab.journal.only.ended == "fin"

class TestClass:
    @pytest.fixture
    def streamlab_settings(self): return {"seed": 8}

    @pytest.mark.streamlab(scenario="seeded.yaml")
    def test_a_scenario_is_farther(self, streamlab):
        settings = first(streamlab)
        assert (settings.seed, settings.pace.rate, settings.validate) == (8, 50.0, False)
"""


def test_marks_are_nearer_than_settings_and_settings_than_scenarios(project: pytest.Pytester) -> None:
    """What nobody says is left as a farther one has it; a fixture in a class holds there."""
    project.makefile(".yaml", seeded="seed: 3\npace: 50/s\nvalidate: false\nreply: Hi.")
    assert outcomes(run(project, SETTINGS)) == {"passed": 3}


WRONG = {
    "no settings": (
        "3",
        ("streamlab_settings: settings are expected, not 3\n  hint: return LabSettings(…), from streamlab import LabSettings"),
    ),
    "a misspelt word": (
        "{'stric': True}",
        ("streamlab_settings: stric: there is no setting 'stric'\n  hint: did you mean 'strict'? *"),
    ),
}


@pytest.mark.parametrize(("value", "text"), WRONG.values(), ids=WRONG)
def test_wrong_settings_are_told(project: pytest.Pytester, value: str, text: str) -> None:
    """Before the test runs, and without a line of code."""
    source = f"""
    import pytest
    @pytest.fixture
    def streamlab_settings(): return {value}
    def test_it(streamlab): raise RuntimeError("it must not run")
    """
    result = run(project, source)
    assert outcomes(result) == {"errors": 1}
    result.stdout.fnmatch_lines(["*_ ERROR at setup of test_it _*", *text.splitlines()], consecutive=True)


def test_a_scenario_that_cannot_be_used_is_told(project: pytest.Pytester) -> None:
    """With file, line and column."""
    project.makefile(".yaml", wrong="repl: Hi.")
    source = "import pytest\n@pytest.mark.streamlab(scenario='wrong.yaml')\ndef test_it(): raise RuntimeError"
    result = run(project, source)
    assert outcomes(result) == {"errors": 1}
    result.stdout.fnmatch_lines(["streamlab: */wrong.yaml:1:1: repl: *", "  hint: did you mean 'reply'?*"], consecutive=True)


@pytest.fixture
def served() -> Iterator[str]:
    """Give the URL of a server in another process."""
    command = [sys.executable, "-m", "streamlab", "serve", "hello", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.terminate()


REMOTE = """
import pytest, small

@pytest.mark.parametrize("number", range(4))
def test_replies(streamlab, streamlab_server, number):
    assert streamlab.url.startswith("{URL}/")
    streamlab.reply(f"Number {number}.")
    assert small.greet(streamlab.url, "any") == f"Number {number}."
    assert streamlab.journal.only.rule == "reply 1"

@pytest.mark.streamlab(scenario="haiku")
def test_scenario(streamlab):
    assert small.greet(streamlab.url, "any").startswith("Tokens drift")

def test_fails(streamlab):
    streamlab.reply("Once.")
    small.greet(streamlab.url, "any")
    with pytest.raises(OSError) as error:
        small.greet(streamlab.url, "any")
    error.value.close()
"""


@pytest.mark.parametrize("workers", [(), pytest.param(("-n", "4"), marks=pytest.mark.slow)], ids=["alone", "xdist"])
def test_a_server_of_another_process_will_do(project: pytest.Pytester, served: str, workers: tuple[str, ...]) -> None:
    """Each test has a namespace of its own there, whichever worker runs it, and fails as it does with its own server."""
    result = run(project, REMOTE.replace("{URL}", served), f"--streamlab-server={served}", *workers)
    assert outcomes(result) == {"passed": 5, "failed": 1}
    result.stdout.fnmatch_lines(["streamlab: call 2, POST /v1/messages: no rule matches this request; *"])


def test_a_server_that_is_not_there_is_told(project: pytest.Pytester) -> None:
    """Each test that wants it says so."""
    host = Host()
    host.stop()
    result = run(project, "def test_it(streamlab): raise RuntimeError", f"--streamlab-server={host.url}")
    assert outcomes(result) == {"errors": 1}
    result.stdout.fnmatch_lines(["*_ ERROR at setup of test_it _*", f"--streamlab-server: *{host.url}*"], consecutive=True)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--streamlab-record=all",), "ERROR: --streamlab-record needs a server of its own: leave --streamlab-server out"),
        (("-o", "streamlab_early=true"), "ERROR: streamlab_early reserves a port of its own: leave --streamlab-server out"),
    ],
)
def test_options_that_do_not_go_together_are_told(project: pytest.Pytester, options: tuple[str, ...], text: str) -> None:
    """Before anything is collected."""
    result = run(project, "def test_it(): pass", "--streamlab-server=http://127.0.0.1:9", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([text])


def test_a_thousand_tests_leave_next_to_nothing_behind() -> None:
    """What is kept of a test that is over is small, and tells of late requests all the same."""
    host = Host()
    start = time.monotonic()
    for number in range(1000):
        host.lab(over=f"the test {number} is over").close()
    assert host.late() == ()
    assert time.monotonic() - start < 10
    host.stop()
