"""What it costs to have streamlab installed: importing it, and the plugin's hooks in a run that does not use it.

    python benchmarks/startup.py

Each figure is the smallest of several runs in fresh processes, so that what else the machine does falls out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 7
TESTS = 2000

IMPORT = """
import time, sys
{before}
start = time.perf_counter()
{statement}
print(time.perf_counter() - start)
"""
HOOKS = """
import sys, time, pytest

class Timed:
    def pytest_configure(self): self.start = time.perf_counter()
    def pytest_unconfigure(self): print(); print(time.perf_counter() - self.start)

pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]], plugins=[Timed()])
"""


def smallest(code: str, *arguments: str) -> float:
    """Return the shortest of several runs, in milliseconds."""
    return 1000 * min(once(code, *arguments) for _ in range(RUNS))


def once(code: str, *arguments: str) -> float:
    """Return the seconds that a new process prints as its last word."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run([sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    """Print the figures."""
    print(f"import streamlab                        {smallest(IMPORT.format(before='', statement='import streamlab')):8.2f} ms")
    plugin = IMPORT.format(before="import pytest", statement="import streamlab.pytest_plugin")
    print(f"import streamlab.pytest_plugin          {smallest(plugin):8.2f} ms (after pytest; the budget is 10)")
    for name in ("StreamlabError", "error", "Lab"):
        code = IMPORT.format(before="", statement=f"from streamlab import {name}")
        print(f"from streamlab import {name:18}{smallest(code):8.2f} ms")
    with tempfile.TemporaryDirectory() as folder:
        lines = "\n".join(f"def test_{number}(): pass" for number in range(TESTS))
        Path(folder, "test_many.py").write_text(lines, encoding="utf-8")
        plugin_too = ("-p", "streamlab.pytest_plugin", folder)
        pairs = [(once(HOOKS, folder), once(HOOKS, *plugin_too)) for _ in range(RUNS)]  # in turn: the machine's moods fall out
        without, unused = (1000 * min(times) for times in zip(*pairs, strict=True))
    print(f"{TESTS} tests, without the plugin         {without:8.2f} ms")
    print(f"{TESTS} tests, with the plugin, unused    {unused:8.2f} ms: {1000 * (unused - without) / TESTS:.1f} µs a test")


if __name__ == "__main__":
    main()
