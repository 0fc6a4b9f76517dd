"""The page on moving from VCR.py is true: its command makes our cassettes of theirs, and both tests pass."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "how-to" / "move-from-vcr.md"
PROJECT = ROOT / "tests" / "examples" / "from_vcr"
CASSETTE = Path("cassettes", "test_capitals", "test_knows_the_capital.yaml")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a copy of the project, before and after."""
    return Path(shutil.copytree(PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__")))


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of this environment, with nobody to call but the test's server."""
    mine = ("PYTEST_", "ANTHROPIC_", "COV_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
    environment["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), environment["PATH"]))
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def run_tests(folder: Path) -> str:
    """Run the tests in a folder; return what pytest says."""
    plugins = ("-p", "no:xdist", "-p", "no:randomly", "-p", "no:cov", "-p", "no:hypothesispytest")
    return run(folder, sys.executable, "-B", "-m", "pytest", *plugins).stdout


def test_the_command_makes_our_cassettes_of_theirs(project: Path) -> None:
    """In their place, and the test that is shown passes with them."""
    (command,) = re.findall(r"^```sh\n(.*)\n```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    done = run(project / "before", "sh", "-c", command)
    assert done.returncode == 0, done.stderr
    made = (project / "before" / CASSETTE).read_bytes()
    assert made == (project / "after" / CASSETTE).read_bytes()
    shutil.rmtree(project / "after" / "cassettes")
    shutil.copytree(project / "before" / "cassettes", project / "after" / "cassettes")
    said = run_tests(project / "after")
    assert "replayed 1 exchange from 1 cassette" in said, said
    assert "1 passed" in said


def test_another_question_is_not_answered_with_the_recording(project: Path) -> None:
    """The whole body is compared, and the failure says where it differs."""
    test = project / "after" / "test_capitals.py"
    test.write_text(test.read_text(encoding="utf-8").replace('capital("France")', 'capital("Italy")'), encoding="utf-8")
    said = run_tests(project / "after")
    assert "1 failed" in said
    assert "What is the capital of Italy?" in said
    assert "--streamlab-record=" in said


def test_the_test_as_it_was_passes(project: Path) -> None:
    """Where VCR.py and pytest-recording are installed."""
    pytest.importorskip("vcr")
    pytest.importorskip("pytest_recording")
    (project / "before" / "conftest.py").write_text("import os\nos.environ['ANTHROPIC_API_KEY'] = 'any'\n", encoding="utf-8")
    said = run_tests(project / "before")
    assert "1 passed" in said, said
