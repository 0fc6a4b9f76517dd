"""Runs the programs of this folder with Node, as their users do, and reads the lines of JSON that they print."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from streamlab import Lab

__all__ = ["HERE", "Programs", "Shown", "waits_told"]

HERE = Path(__file__).parent
LONG = 60.0
"""Seconds after which a program that should have ended has failed."""
SLACK = 0.9
"""Seconds by which a busy machine may be late."""


@dataclass(frozen=True)
class Shown:
    """What a program printed: a mapping for each line, and what it wrote to its standard error."""

    lines: tuple[dict[str, Any], ...]
    stderr: str = ""

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

    def told(self, whole: str, *, reason: str = "stop_reason") -> str:
        """Say what became of an answer that should have been `whole`; `reason` is what the client calls its stop reason."""
        if errors := self.all("error"):
            (error,) = errors
            what = f"of type `{error['type']}`" if error["type"] else f"(`{error['message']}`)"
            other = ", which is no `APIError`," if False in self.all("is_api_error") else ""
            return f"`{error['class']}` {what}{other} is raised"
        pieces = self.all("text")
        is_doubled = self.text != whole and "".join(pieces[::2]) == "".join(pieces[1::2]) == whole
        text = "is whole" if self.text == whole else "is doubled" if is_doubled else "ends early"
        assert text != "ends early" or whole.startswith(self.text)
        if rejected := self.all("rejected"):
            end = f", and `{reason}` rejects with `{rejected[0]['name']}`"
        elif ends := self.all("end"):
            end = f", and `{reason}` is {json.dumps(ends[-1]['stop_reason'])}"
        else:
            end = "" if self.all("answer") else ", and it waits on"
        return f"nothing is raised: the text {text}{end}"


def waits_told(waits: Sequence[float], expected: Sequence[tuple[float, float]]) -> str:
    """Check that each wait is as long as expected, but for the time that a machine takes, and say how long that is."""
    assert all(low <= wait < high + SLACK for wait, (low, high) in zip(waits, expected, strict=True)), waits
    return " and ".join(f"{low:g} s" if low == high else f"{low:g} to {high:g} s" for low, high in expected)


class Programs:
    """The programs, beside the packages that they import. Skips the test if Node or the packages are not there."""

    def __init__(self, folder: Path) -> None:
        node = shutil.which("node")
        installed = Path(os.environ["STREAMLAB_CLIENTS"]) / "node" if "STREAMLAB_CLIENTS" in os.environ else HERE
        self.packages = installed / "node_modules"
        if node is None:
            pytest.skip("node is not installed")
        if not self.packages.is_dir():
            pytest.skip(
                f"the packages of tests/clients/node are not installed in {installed}: .ci/clients FOLDER installs them"
            )
        self._node = node
        self._folder = folder
        shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("node_modules", "*.py", "__pycache__"), dirs_exist_ok=True)
        (folder / "node_modules").symlink_to(self.packages.resolve())

    def installed(self, package: str) -> str:
        """Return the version of a package that is installed."""
        return str(json.loads((self.packages / package / "package.json").read_text(encoding="utf-8"))["version"])

    def run(self, program: str, *arguments: str) -> Shown:
        """Run a program to its end; it must not fail."""
        with self._started(program, arguments) as process:
            out, err = process.communicate(timeout=LONG)
        assert process.returncode == 0, err
        return _shown(out, err)

    def run_into_silence(self, lab: Lab, program: str, *arguments: str, events: int, seconds: float) -> Shown:
        """Run a program until it has been sent so many events, and then for so many seconds, in which it must not end."""
        with self._started(program, arguments) as process:
            lab.wait_for(lambda journal: journal.only.events_sent == events, timeout=LONG)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(seconds)
            assert lab.journal.only.ended is None
            os.killpg(process.pid, signal.SIGTERM)
            out, err = process.communicate(timeout=LONG)
        return _shown(out, err)

    @contextmanager
    def _started(self, program: str, arguments: tuple[str, ...]) -> Iterator[subprocess.Popen[str]]:
        """Start a program in a process group of its own, of which nothing is left at the end."""
        process = subprocess.Popen(
            [self._node, self._folder / program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        with process:
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)


def _shown(out: str, err: str) -> Shown:
    return Shown(tuple(json.loads(line) for line in out.splitlines()), err)
