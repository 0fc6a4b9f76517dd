"""A fault that somebody else writes: the example of the documents works as the page says, in tests and on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

OWN = Path(__file__).parent / "examples" / "own_fault"


def run(*command: str, folder: Path, path: tuple[Path, ...] = (OWN,)) -> subprocess.CompletedProcess[str]:
    """Run a command of Python with folders on its path: what is registered in this process stays as it is."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.slow
def test_the_tests_of_the_example_pass(tmp_path: Path) -> None:
    """In a test it is enough to import the class."""
    done = run("pytest", str(OWN / "check_garble.py"), "-p", "no:cacheprovider", "-p", "no:xdist", folder=tmp_path)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Give a folder in which the package that states the fault is installed."""
    info = tmp_path / "site" / "garble-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: garble\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[streamlab.faults]\ngarble = garble\n")
    (tmp_path / "site" / "garble.py").write_text((OWN / "garble.py").read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path / "site"


def test_an_installed_fault_is_listed_and_told(installed: Path, tmp_path: Path) -> None:
    """In a family of its own, with its text, its keys and its examples."""
    listed = run("streamlab", "faults", folder=tmp_path, path=(installed,))
    assert "Of other packages\n  garble " in listed.stdout
    told = json.loads(run("streamlab", "faults", "garble", "--json", folder=tmp_path, path=(installed,)).stdout)
    assert (told["family"], told["keys"]["garble"]) == ("other", "reverse")
    assert told["examples"][0]["sdk"] == "raises nothing: text 'One', no tool, stop_reason None"


def test_a_scenario_may_use_an_installed_fault(installed: Path, tmp_path: Path) -> None:
    """Its keys are checked like those of ours, with file, line and column."""
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("reply: {text: One two three., faults: [{garble: reverse, after: delta 1}]}\n")
    bad.write_text("reply: {text: One two three., faults: [{garble: twice, after: delta 1}]}\n")
    assert "findings: " in run("streamlab", "check", str(good), folder=tmp_path, path=(installed,)).stdout
    said = run("streamlab", "check", str(bad), folder=tmp_path, path=(installed,)).stderr
    assert "bad.yaml:1:41: reply.faults.0.garble: 'twice' is not a way to garble\n  hint: write garble: reverse" in said


def test_an_installed_fault_may_stand_among_events(installed: Path, tmp_path: Path) -> None:
    """Though nothing before it names a fault. What follows it is not there yet: one that changes only that is told so."""
    scenario = tmp_path / "events.yaml"
    scenario.write_text("reply: {events: [message_start, {garble: reverse}, message_stop]}\n")
    done = run("streamlab", "check", str(scenario), folder=tmp_path, path=(installed,))
    assert "events.yaml:1:34: reply.events.1.garble: this fault changes nothing here\n" in done.stderr


def test_python_may_use_an_installed_fault_without_its_class(installed: Path, tmp_path: Path) -> None:
    """As a mapping, and as a text."""
    program = tmp_path / "program.py"
    program.write_text(
        "import streamlab\n"
        "with streamlab.serve(faults=[{'garble': 'reverse', 'after': 'delta 1'}]): pass\n"
        "with streamlab.serve(faults='garble: reverse, after: delta 1'): pass\n"
        "print('served')\n"
    )
    done = run("program", folder=tmp_path, path=(installed, tmp_path))
    assert done.stdout == "served\n", done.stderr


def test_a_fault_that_cannot_be_loaded_says_whose_it_is(installed: Path, tmp_path: Path) -> None:
    """Without a traceback."""
    (installed / "garble.py").write_text("raise RuntimeError('broken')\n")
    done = run("streamlab", "faults", folder=tmp_path, path=(installed,))
    assert done.returncode == 2
    assert done.stderr == (
        "streamlab: the faults of 'garble' cannot be loaded: RuntimeError: broken\n"
        "  hint: they are stated by the entry point 'garble' of an installed package\n"
    )
