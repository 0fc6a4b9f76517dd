"""The sample project: an application that knows nothing of streamlab, and its own tests, which have nothing but the plugin."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path

import pytest
from recorders import exchanges
from sample_upstream import RECORDED, SAMPLE, sample_upstream

from streamlab import serve

pytestmark = pytest.mark.slow

ALONE = ("-p", "no:xdist", "-p", "no:randomly")
MODES = {
    "as written": ALONE,
    "by four workers in random order": ("-n", "4", "-p", "randomly", "--randomly-seed=11"),
    "by four workers, each file by one": ("-n", "4", "--dist", "loadfile", "-p", "no:randomly"),
}
SHIPPED = sorted((SAMPLE / "tests" / "cassettes").rglob("*.yaml"))
NOWHERE = {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9", "ANTHROPIC_API_KEY": "any"}
"""Where a client calls whom nobody has pointed elsewhere."""


def run(folder: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the tests in a folder, in a process that knows nothing of this run."""
    mine = ("PYTEST_", "ANTHROPIC_", "COV_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
    command = [sys.executable, "-B", "-m", "pytest", "-p", "no:cov", "-p", "no:hypothesispytest", *options]
    return subprocess.run(
        command, cwd=folder, env=environment | NOWHERE | variables, capture_output=True, text=True, timeout=120, check=False
    )


def passed(done: subprocess.CompletedProcess[str]) -> int:
    """Return how many tests passed. Fails if anything else came of one, a warning included."""
    found = re.search(r"^(\d+) passed(?:, \d+ deselected)? in [\d.]+s", done.stdout, re.MULTILINE)
    assert found, done.stdout + done.stderr
    assert done.returncode == 0
    return int(found[1])


def written(folder: Path) -> int:
    """Return how many tests are written in a folder, before any of them is multiplied."""
    return sum(len(re.findall(r"^(?:async )?def test_", path.read_text(), re.MULTILINE)) for path in folder.glob("test_*.py"))


@pytest.mark.parametrize("options", MODES.values(), ids=MODES)
def test_its_tests_pass(options: tuple[str, ...]) -> None:
    """In the order written, in any other, and by several workers at once."""
    if "randomly" in options:
        pytest.importorskip("pytest_randomly")
    assert passed(run(SAMPLE, *options)) > written(SAMPLE / "tests")


def test_a_client_that_is_built_at_import_is_reached() -> None:
    """With one line in the settings."""
    assert passed(run(SAMPLE / "early", *ALONE)) == written(SAMPLE / "early")


def test_without_that_line_the_test_says_so() -> None:
    """The trap: the client calls whom it would have called without a test, so the reply is not used."""
    done = run(SAMPLE / "early", *ALONE, "-o", "streamlab_early=false", "-k", "title")
    assert done.returncode == 1
    assert "anthropic.APIConnectionError" in done.stdout
    assert "was given 0 of 1 times" in done.stdout


def test_the_application_does_not_know_streamlab() -> None:
    """It imports nothing of it."""
    for path in (SAMPLE / "assistant").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.split(".")[0] == "streamlab" for name in names), path


def test_what_it_records_is_replayed_without_the_upstream(tmp_path: Path) -> None:
    """From a key that is nowhere in the files; in any order, by one worker or by two, byte for byte."""
    copy = tmp_path / "assistant"
    shutil.copytree(SAMPLE, copy, ignore=shutil.ignore_patterns("cassettes", "__pycache__"))
    key = "sk-ant-api03-" + "q7" * 20
    with sample_upstream(tmp_path) as upstream:
        options = (*RECORDED, "--streamlab-record=all", f"--streamlab-upstream={upstream.url}", *ALONE)
        done = run(copy, *options, SSL_CERT_FILE=str(upstream.authority), ANTHROPIC_API_KEY=key)
    assert passed(done) == 4
    assert "recorded 6 exchanges into 4 cassettes" in done.stdout
    assert upstream.asked == [6]
    recorded = sorted((copy / "tests" / "cassettes").rglob("*.yaml"))
    assert [path.relative_to(copy) for path in recorded] == [path.relative_to(SAMPLE) for path in SHIPPED]
    before = [path.read_bytes() for path in recorded]
    assert not any(key.encode() in each for each in before)
    shuffled = ("-p", "randomly", "--randomly-seed=5") if find_spec("pytest_randomly") else ()
    for order in (ALONE, ("-n", "2", *shuffled)):
        done = run(copy, RECORDED[0], *order, ANTHROPIC_API_KEY=key)
        assert passed(done) == 6
        assert "replayed 8 exchanges from 4 cassettes" in done.stdout
    assert [path.read_bytes() for path in recorded] == before
    assert all(replayed(path) == [each.body for each in exchanges(path)] for path in recorded)


def replayed(cassette: Path) -> list[bytes]:
    """Return the bytes of the bodies that a cassette gives to its own requests."""
    bodies = []
    headers = {"content-type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": "any"}
    with serve(str(cassette)) as lab, closing(HTTPConnection(lab.url.removeprefix("http://"), timeout=10)) as client:
        for each in exchanges(cassette):
            client.request("POST", each.request.path, each.request.body, headers)
            bodies.append(client.getresponse().read())
    return bodies
