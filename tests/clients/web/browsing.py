"""Chromium, and the program that drives it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web.running import PATIENCE, installed, members, running

SOURCES = Path(__file__).parent / "browser"
_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0"),
)


class Browser:
    """A browser with one page at a time. What `drive.mjs` knows is done by name."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.version = ""
        self._owed = 0
        """The answers that are still to be read: more than one, if a test was interrupted before it had read its own."""

    def __call__(self, what: str, *arguments: Any) -> Any:
        """Do something and return its result. Raises AssertionError with what went wrong."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([what, *arguments]) + "\n")
        self._process.stdin.flush()
        self._owed += 1
        while self._owed:
            answer = self.read()
            self._owed -= 1
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def read(self) -> dict[str, Any]:
        """Return what is printed next."""
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """Run Chromium with an empty profile in a folder. Skips the test where it is not installed."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed: run .ci/clients")
    playwright = installed("browser", "node_modules", "playwright-core").parents[1]
    shutil.copy(SOURCES / "drive.mjs", playwright)
    profile = folder / "profile"
    command = [program, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"]
    with running(command, r"DevTools listening on (ws://\S+)") as address, _driver(playwright, address) as browser:
        yield browser
    deadline = time.monotonic() + PATIENCE
    while (left := _naming(str(profile))) and time.monotonic() < deadline:  # crash handlers are in groups of their own
        time.sleep(0.005)
    assert not left, f"processes were left behind: {left}"


@contextlib.contextmanager
def _driver(folder: Path, address: str) -> Iterator[Browser]:
    command = ["node", "drive.mjs", address]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as process:
        try:
            browser = Browser(process)
            browser.version = browser.read()["ready"]
            yield browser
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(PATIENCE) == 0
            assert not members(process.pid)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _naming(text: str) -> list[int]:
    """Return the processes whose command line has this text in it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if text.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def build(folder: Path) -> None:
    """Bundle the pages into a folder."""
    modules = installed("browser", "node_modules")
    command = [
        *(modules / ".bin" / "esbuild", SOURCES / "chat.tsx", SOURCES / "direct.ts", "--bundle", "--minify", "--format=esm"),
        *("--jsx=automatic", '--define:process.env.NODE_ENV="production"', f"--outdir={folder}", "--log-level=warning"),
    ]
    subprocess.run(command, env={**os.environ, "NODE_PATH": str(modules)}, check=True)
    for page in SOURCES.glob("*.html"):
        shutil.copy(page, folder)
