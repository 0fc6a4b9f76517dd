"""Whoever interrupts the tests has no process of theirs left."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LONG = 60.0
"""Seconds after which what should end has failed."""
PROGRAM = """
import sys
import time

import pytest
from web.running import running

from streamlab import Lab


@pytest.fixture
def program(streamlab: Lab):
    assert streamlab.url
    with running([sys.executable, "-u", "-c", "import time; print('it runs'); time.sleep(600)"], "(it runs)"):
        yield


def test_that_goes_on(program: None) -> None:
    print("begun", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_the_tests_end_in_order_and_leave_nothing(tmp_path: Path, sent: signal.Signals) -> None:
    """The signal goes to the whole group, as that of a terminal does; whatever they have started has a word of ours with it."""
    shutil.copy(HERE / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(PROGRAM, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", "test_it.py"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[1])]), "INTERRUPTED": str(tmp_path)}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=pipe, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            assert any("begun" in line for line in process.stdout)
            assert len(having(str(tmp_path))) == 3
            os.killpg(process.pid, sent)
            said, _ = process.communicate(timeout=LONG)
            assert process.returncode == pytest.ExitCode.INTERRUPTED, said
            assert "ServerError" not in said
            assert left_after_a_while(str(tmp_path)) == []
        finally:
            for each in having(str(tmp_path)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)


def test_the_script_of_ci_becomes_the_tests(tmp_path: Path) -> None:
    """A SIGTERM that is sent to the script alone would leave them behind otherwise."""
    for folder in (".ci/clients.d", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(HERE.parents[1] / ".ci" / "clients", tmp_path / ".ci")
    (tmp_path / ".ci" / "clients.d" / "nothing.sh").touch()
    (tmp_path / "bin" / "pytest").write_text('#!/bin/sh\necho "$$ $STREAMLAB_CLIENTS $*"\n', encoding="utf-8")
    (tmp_path / "bin" / "pytest").chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    command = ["bash", ".ci/clients", "installed"]
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True) as process:
        said, _ = process.communicate(timeout=LONG)
    assert said.splitlines()[-1] == f"{process.pid} {tmp_path / 'installed'} -ra tests/clients"


def having(word: str) -> list[int]:
    """Return the processes that have a word in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"INTERRUPTED={word}\0".encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def left_after_a_while(word: str) -> list[int]:
    """Return the processes that are still there when others would have gone."""
    until = time.monotonic() + LONG
    while (left := having(word)) and time.monotonic() < until:
        time.sleep(0.005)
    return left
