"""A server process for all tests here; each test has a namespace of its own on it, by the control API."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamlab.net.remote import RemoteHost

LONG = 30.0
"""Seconds after which a process that should go on has failed."""
NODE = Path(__file__).parent / "node"


def pytest_sessionstart() -> None:
    """Let SIGTERM end the tests as Ctrl-C does: by their fixtures, which leave no process behind."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """Run `streamlab serve` as anybody does, for all tests; it must end well. A Ctrl-C is for pytest, which ends it then."""
    command = [sys.executable, "-m", "streamlab", "serve", "hello", "--port", "0", "--json", "--quiet"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=LONG)
            assert (process.returncode, errors) == (0, "")
        finally:
            process.kill()


@pytest.fixture(scope="session")
def streamlab_server(server_url: str) -> Iterator[RemoteHost]:
    """Give the server process in the place of the plugin's own server."""
    host = RemoteHost(server_url)
    yield host
    host.stop()
