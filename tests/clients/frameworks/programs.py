"""Runs the programs of this folder, each with the Python of its framework, and reads the lines of JSON that they print."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from streamlab import Lab

__all__ = ["BOTH", "BROKEN", "HERE", "Programs", "Shown", "asked_again", "programs_of"]

HERE = Path(__file__).parent
BOTH = pytest.mark.parametrize("way", ["sync", "async"])
"""Run a test with the blocking program and with the one in an event loop."""
BROKEN = {
    "overloaded-mid-stream": (6, "end"),
    "ends-without-message-stop": (6, "end"),
    "cut-mid-text": (6, "fin"),
    "reset-mid-stream": (6, "reset"),
    "stall-mid-stream": (5, "left"),
    "duplicated-events": (11, "complete"),
    "cut-inside-utf8": (5, "end"),
    "missing-start": (7, "complete"),
    "delta-before-start": (11, "complete"),
}
"""Shipped scenarios in which a stream breaks: how many events of it are sent, and how the answer ends."""
LONG = 60.0
"""Seconds after which a program that should have ended has failed."""
QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # LiteLLM fetches its table of prices when it is imported, otherwise
    "LANGSMITH_TRACING": "false",
}
"""Switches of frameworks that would call others than the server."""
BEFORE = ("ANTHROPIC_API_URL", "ANTHROPIC_API_BASE", "LANGSMITH_GATEWAY")
"""Variables that LangChain and LiteLLM look at before `ANTHROPIC_BASE_URL`."""


@dataclass(frozen=True)
class Shown:
    """What a program printed: a mapping for each line, and what it wrote to its standard error."""

    lines: tuple[dict[str, Any], ...]
    stderr: str = ""
    prose: tuple[str, ...] = ()
    """The lines that its framework printed among them."""

    def all(self, name: str) -> list[Any]:
        """Return what it printed under a name, in order."""
        return [line[name] for line in self.lines if name in line]

    def one(self, name: str) -> Any:
        """Return the one thing that it printed under a name."""
        (found,) = self.all(name)
        return found

    @property
    def text(self) -> str:
        """The text that was shown, piece by piece."""
        return "".join(self.all("text"))

    @property
    def pieces(self) -> list[str]:
        """The pieces of text that were shown, without empty ones."""
        return [piece for piece in self.all("text") if piece]

    def told(self, reason: str) -> str:
        """Say what became of an answer; `reason` is what the framework calls its stop reason."""
        if errors := self.all("error"):
            (error,) = errors
            other = ", which is no `APIError`," if error["class"].startswith("httpx") else ""
            return f"`{error['class']}`{other} is raised after {self.text!r}"
        return f"nothing is raised: the text is {self.one('answer')!r}, `{reason}` is {self.one('end')}"


def asked_again(waits: Sequence[float]) -> str:
    """Say how often it was asked, and after which waits, of which the SDK draws up to a quarter off."""
    words = [next(word for least, word in _WAITS if wait >= least) for wait in waits]
    return f"; it asks {len(waits) + 1} times, after {' and '.join(words)}" if waits else "; it asks once"


_WAITS = ((0.75, "a second"), (0.37, "half a second"), (0.0, "no time"))


class Programs:
    """The programs of one framework, in a process that has imported it. Skips the test if it is not installed."""

    def __init__(self, framework: str, *modules: str, folder: Path) -> None:
        installed = os.environ.get("STREAMLAB_CLIENTS")
        if installed is None:
            pytest.skip("STREAMLAB_CLIENTS names no folder with installed clients: run .ci/clients FOLDER")
        self.environment = Path(installed, "frameworks", framework)
        if not (self.environment / "installed").is_file():
            pytest.skip(f"{framework} is not installed: run .ci/clients {installed}")
        self._folder = folder
        self._number = 0
        self._also: dict[str, str] = {}
        self._is_running = False
        self._forks = subprocess.Popen(
            [self.environment / "bin" / "python", HERE / "forks.py", *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self.variables(),
            start_new_session=True,
        )
        self._told: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def variables(self) -> dict[str, str]:
        """Return the environment of a program: that of the test, and no other way out."""
        inherited = {name: value for name, value in os.environ.items() if name not in BEFORE}
        return {**inherited, **QUIET, "LLM_USER_PATH": str(self._folder / "llm"), "PYTHONDONTWRITEBYTECODE": "1", **self._also}

    @contextmanager
    def having(self, **variables: str) -> Iterator[None]:
        """Give programs further variables of the environment, for the length of a `with` block."""
        self._also = variables
        try:
            yield
        finally:
            self._also = {}

    def version(self, distribution: str) -> str:
        """Return the version of a distribution that is installed."""
        code = f"from importlib.metadata import version; print(version({distribution!r}))"
        return subprocess.check_output([self.environment / "bin" / "python", "-c", code], text=True).strip()

    def run(self, program: str, *arguments: str) -> Shown:
        """Run a program to its end; it must not fail."""
        with self._started(program, arguments) as (out, err):
            returncode = self._next()["returncode"]
        assert returncode == 0, err.read_text(encoding="utf-8")
        return _shown(out, err)

    def run_broken(self, lab: Lab, failure: str, program: str, *arguments: str) -> Shown:
        """Run a program with one of `BROKEN`; the stream must break as that scenario says."""
        lab.load(failure)
        shown = self.run(program, *arguments)
        call = lab.wait_for(1).only
        assert (call.status, call.events_sent, call.ended) == (200, *BROKEN[failure])
        return shown

    def run_alone(self, program: str, *arguments: str) -> Shown:
        """Run a program as its user does, in a process that has imported nothing yet; it must not fail."""
        done = self.command("python", str(HERE / program), *arguments)
        assert done.returncode == 0, done.stderr
        return Shown(tuple(json.loads(line) for line in done.stdout.splitlines()), done.stderr)

    def command(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the framework's environment to its end, in a process group of which nothing is left."""
        process = subprocess.Popen(
            [self.environment / "bin" / name, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.variables(),
            start_new_session=True,
        )
        with process:
            try:
                out, err = process.communicate(timeout=LONG)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def run_into_silence(self, lab: Lab, program: str, *arguments: str, events: int, seconds: float) -> Shown:
        """Run a program until it has been sent so many events, and then for so many seconds, in which it must not end."""
        with self._started(program, arguments) as (out, err):
            lab.wait_for(lambda journal: journal.only.events_sent == events, timeout=LONG)
            with pytest.raises(queue.Empty):
                self._told.get(timeout=seconds)
            assert lab.journal.only.ended is None
        return _shown(out, err)

    @contextmanager
    def _started(self, program: str, arguments: tuple[str, ...]) -> Iterator[tuple[Path, Path]]:
        """Start a program in a process group of its own, of which nothing is left at the end."""
        self._number += 1
        out, err = (self._folder / f"{self._number}.{name}" for name in ("out", "err"))
        order = {
            "program": str(HERE / program),
            "arguments": arguments,
            "environment": self.variables(),
            "out": str(out),
            "err": str(err),
        }
        assert self._forks.stdin is not None
        self._forks.stdin.write(json.dumps(order) + "\n")
        self._forks.stdin.flush()
        process = self._next()["process"]
        try:
            yield out, err
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
            if self._is_running:
                self._next()
        with pytest.raises(ProcessLookupError):
            os.killpg(process, 0)

    def _read(self) -> None:
        assert self._forks.stdout is not None
        for line in self._forks.stdout:
            self._told.put(line)

    def _next(self) -> dict[str, Any]:
        try:
            told = dict(json.loads(self._told.get(timeout=LONG)))
        except queue.Empty:
            raise AssertionError(f"nothing happened for {LONG:g} s") from None
        self._is_running = "process" in told
        return told

    def close(self) -> None:
        """End the process that has imported the framework; nothing of it is left."""
        assert self._forks.stdin is not None
        assert self._forks.stdout is not None
        self._forks.stdin.close()
        try:
            assert self._forks.wait(LONG) == 0
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._forks.pid, signal.SIGKILL)
            self._reader.join()
            self._forks.stdout.close()


def programs_of(framework: str, *modules: str) -> Any:
    """Return a fixture: the programs of a framework, for all tests of a file."""

    @pytest.fixture(scope="module")
    def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
        found = Programs(framework, *modules, folder=tmp_path_factory.mktemp(framework))
        yield found
        found.close()

    return programs


def _shown(out: Path, err: Path) -> Shown:
    lines = [line for line in out.read_text(encoding="utf-8").splitlines() if line]
    told = tuple(json.loads(line) for line in lines if line.startswith("{"))
    return Shown(told, err.read_text(encoding="utf-8"), tuple(line for line in lines if not line.startswith("{")))
