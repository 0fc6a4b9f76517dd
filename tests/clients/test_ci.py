"""The job of the page about CI services: it fails with a client that asks once, passes with one that asks again, and ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from web.running import gone
from web.serving import free_port

HERE = Path(__file__).parent
LONG = 60.0
"""Seconds after which a job that should have ended has failed."""

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def job(folder: Path, tests: str) -> tuple[int, list[str]]:
    """Run the job with some tests; return how it exits, and the lines of the server's log. Nothing of it is left afterwards."""
    for script in ("ask.sh", "ask_for_all.sh"):
        shutil.copy(HERE / "python" / script, folder)
    shutil.copy(HERE / "ci" / tests, folder / "tests.sh")
    text = (HERE / "ci" / "job.bash").read_text(encoding="utf-8")
    (folder / "job.bash").write_text(text.replace("4010", str(free_port())), encoding="utf-8")
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    with subprocess.Popen(["bash", "job.bash"], cwd=folder, env=env, start_new_session=True) as process:
        try:
            status = process.wait(LONG)
            assert not gone(process.pid)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return status, (folder / "streamlab.log").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("tests", "status", "calls"),
    [("naive.sh", 1, ["6 events, end"]), ("fixed.sh", 0, ["6 events, end", "13 events, complete"])],
)
def test_the_job_tells_whether_the_client_asks_again(tmp_path: Path, tests: str, status: int, calls: list[str]) -> None:
    """The log has a line for each request."""
    exited, log = job(tmp_path, tests)
    assert exited == status
    answered = [line.partition("'overloaded-mid-stream': ")[2] for line in log if line.startswith("POST /v1/messages 200")]
    assert [", ".join(line.split(", ")[:2]) for line in answered] == calls
