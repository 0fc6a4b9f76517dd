"""Runs programs one after the other, each in a process of its own that need not import a framework anew.

Imports the modules it is told, then reads orders, a line of JSON each: `program`, `arguments`, `environment`, `out`, `err`.
Prints the id of each process when it has begun, and its exit code when it has ended.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
import threading
from pathlib import Path
from typing import Any


def main() -> None:
    """Take orders until there are no more."""
    for module in sys.argv[1:]:
        importlib.import_module(module)
    if threading.active_count() > 1:
        raise SystemExit(f"cannot fork beside other threads: {threading.enumerate()}")
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            become(order)
            return
        print(json.dumps({"process": child}), flush=True)  # noqa: T201 - it is how it tells
        _, status = os.waitpid(child, 0)
        print(json.dumps({"returncode": os.waitstatus_to_exitcode(status)}), flush=True)  # noqa: T201


def become(order: dict[str, Any]) -> None:
    """Turn this process into that of a program, and run it."""
    os.setsid()
    for number, path in ((0, os.devnull), (1, order["out"]), (2, order["err"])):
        opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = [order["program"], *order["arguments"]]
    sys.path[0] = str(Path(order["program"]).parent)
    runpy.run_path(order["program"], run_name="__main__")


if __name__ == "__main__":
    main()
