"""Programs that run beside a test: started in groups of their own, and gone when it is over."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

PATIENCE = 30.0
"""Seconds after which something that should happen at once has failed."""
_STATE, _GROUP = 0, 2
"""What stands where in a process's line in /proc, after its name."""


def installed(*parts: str) -> Path:
    """Return a path among the clients that `.ci/clients` has installed. Skips the test where they are not."""
    folder = os.environ.get("STREAMLAB_CLIENTS")
    if folder is None:
        pytest.skip("STREAMLAB_CLIENTS names no folder with installed clients: run .ci/clients FOLDER")
    path = Path(folder, "web", *parts)
    if not path.exists():
        pytest.skip(f"{'/'.join(parts)} is not installed: run .ci/clients {folder}")
    return path


def installed_versions(part: str, names: Iterable[str]) -> dict[str, str]:
    """Return the versions of packages of Node that are installed for a part."""
    texts = {name: installed(part, "node_modules", name, "package.json").read_text(encoding="utf-8") for name in names}
    return {name: json.loads(text)["version"] for name, text in texts.items()}


@contextlib.contextmanager
def running(
    command: Sequence[str | Path], ready: str, *, folder: Path | None = None, env: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run a program; give what the group in `ready` matches in its output. It and what it has started are gone afterwards."""
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(process.stdout, lines))
    reader.start()
    try:
        yield _wait(lines, ready)
    finally:
        _end(process)
        reader.join()
        process.stdout.close()


def _read(stream: Iterator[str], lines: queue.SimpleQueue[str | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _wait(lines: queue.SimpleQueue[str | None], ready: str) -> str:
    seen = []
    deadline = time.monotonic() + PATIENCE
    with contextlib.suppress(queue.Empty):
        while (line := lines.get(timeout=max(0.0, deadline - time.monotonic()))) is not None:
            seen.append(line)
            if found := re.search(ready, line):
                return found[1]
    raise AssertionError(f"{ready!r} never came:\n{''.join(seen)}")


def _end(process: subprocess.Popen[str]) -> None:
    """End a program as its user would; what is left of its group then is a failure, and is killed."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(PATIENCE)
        left = gone(process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert not left, f"processes were left behind: {left}"


def gone(group: int) -> list[int]:
    """Wait a moment for all processes of a group to be gone; return those that are not."""
    deadline = time.monotonic() + PATIENCE
    while (left := members(group)) and time.monotonic() < deadline:
        time.sleep(0.005)
    return left


def members(group: int) -> list[int]:
    """Return the processes of a group that live."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[_GROUP]) == group and fields[_STATE] != "Z":
                found.append(int(path.parent.name))
    return found
