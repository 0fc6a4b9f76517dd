"""Starting what the tests of this folder run: the chat server, and nginx before it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from web.running import installed, running

FOLDER = Path(__file__).parent


@contextlib.contextmanager
def chat_server(env: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run `uvicorn chat:app`; give its URL."""
    command = [installed("python", "bin", "uvicorn"), "chat:app", "--port", "0"]
    with running(command, r"Uvicorn running on (http://127\.0\.0\.1:\d+)", folder=FOLDER, env=env) as url:
        yield url


@contextlib.contextmanager
def nginx(upstream: str, folder: Path) -> Iterator[str]:
    """Run nginx with the configuration here before a server; give its URL. Skips the test where there is no nginx."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed: run .ci/clients")
    port = free_port()
    written = {
        "user.conf": "user root;" if os.geteuid() == 0 else "",
        "listen.conf": f"listen 127.0.0.1:{port};",
        "upstream.conf": f"upstream chat {{ server {upstream.removeprefix('http://')}; }}",
    }
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    shutil.copy(FOLDER / "nginx.conf", folder)
    options = "daemon off; error_log stderr notice;"
    command = [program, "-p", folder, "-c", "nginx.conf", "-e", "stderr", "-g", options]
    with running(command, r"start worker process (\d+)"):
        yield f"http://127.0.0.1:{port}"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
