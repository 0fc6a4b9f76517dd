"""What the recorder costs: the delay of each event, and its speed and memory with a long stream, against a direct connection.

    python benchmarks/recorder.py

Upstream, recorder and client are processes of their own on loopback; direct and recorded answers take turns in one run.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
BODY = json.dumps(
    {"model": "claude-sonnet-4-6", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "Go."}]}
)
EVENTS = 60
ROUNDS = 25
GAP = 0.003
LONG = 100_000_000
TEXT = "word " * 30
WARM_UP = 2
MOST_FIRST, MOST_LATER = 0.005, 0.001


def frame(data: str) -> bytes:
    """Return an event as one chunk."""
    raw = b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"%b"}}\n\n' % data.encode()
    return b"%x\r\n%b\r\n" % (len(raw), raw)


LAST = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
STOP = b"%x\r\n%b\r\n0\r\n\r\n" % (len(LAST), LAST)


def answer(sock: socket.socket) -> None:
    """Answer requests on one connection: with events that say when they were sent, or with a long stream."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        data = b""
        while b"\r\n\r\n" not in data or not data.endswith(b"}"):
            more = sock.recv(65_536)
            if not more:
                return
            data += more
        sock.sendall(HEAD)
        if b" /long" in data:
            block = frame(TEXT) * 1000
            for _ in range(LONG // len(block)):
                sock.sendall(block)
        else:
            for _ in range(EVENTS):
                time.sleep(GAP)
                sock.sendall(frame(f"<{time.perf_counter_ns()}>"))
        sock.sendall(STOP)


def upstream(pipe: Connection) -> None:
    """Run the upstream and tell its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    pipe.send(listener.getsockname()[1])
    while True:
        sock = listener.accept()[0]
        if os.fork() == 0:
            with contextlib.suppress(ConnectionError):
                answer(sock)
            os._exit(0)
        sock.close()


def ask(port: int, path: str) -> socket.socket:
    """Send a request."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY}".encode())
    return sock


def delays(port: int) -> list[float]:
    """Return how long each event was on its way, in seconds."""
    found, data = [], b""
    with ask(port, "/v1/messages") as sock:
        while not data.endswith(b"0\r\n\r\n"):
            data = sock.recv(65_536)
            assert data, "the answer was cut off"
            now = time.perf_counter_ns()
            found += [(now - int(each)) / 1e9 for each in re.findall(rb"<(\d+)>", data)]
    assert len(found) == EVENTS, len(found)
    return found


def speed(port: int) -> float:
    """Return how fast a long stream comes, in MB/s."""
    size, start, tail = 0, time.perf_counter(), b""
    with ask(port, "/long") as sock:
        while not tail.endswith(b"0\r\n\r\n"):
            data = sock.recv(1 << 20)
            assert data, "the answer was cut off"
            size += len(data)
            tail = (tail + data)[-8:]
    return size / (time.perf_counter() - start) / 1e6


@contextlib.contextmanager
def recorder(port: int, folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run the recorder, and give its port."""
    arguments = [
        "record",
        "--port",
        "0",
        "--quiet",
        "--upstream",
        f"http://127.0.0.1:{port}",
        "--out",
        str(folder / "made.yaml"),
    ]
    with subprocess.Popen([sys.executable, "-m", "streamlab", *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline().rpartition(":")[2])
        process.terminate()
        process.wait()


def peak(process: subprocess.Popen[str]) -> float:
    """Return the most memory that a process has had, in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000


def latency(direct: int, recorded: int) -> tuple[float, float]:
    """Measure and print the delays; return what the recorder adds to the first and to the later events, by the median."""
    found: dict[str, list[list[float]]] = {"direct": [], "recorded": []}
    for number in range(ROUNDS + WARM_UP):
        for name, port in (("direct", direct), ("recorded", recorded)):
            measured = delays(port)
            if number >= WARM_UP:
                found[name].append(measured)
    firsts = {name: statistics.median(each[0] for each in runs) for name, runs in found.items()}
    laters = {name: statistics.median(value for each in runs for value in each[1:]) for name, runs in found.items()}
    for what, values in (("first event", firsts), ("later events", laters)):
        ratio = values["recorded"] / values["direct"]
        print(
            f"{what:13} direct {1000 * values['direct']:6.3f} ms   recorded {1000 * values['recorded']:6.3f} ms   x{ratio:.1f}"
        )
    return firsts["recorded"] - firsts["direct"], laters["recorded"] - laters["direct"]


def main() -> int:
    """Measure, and print; fail if events come too late."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=upstream, args=(theirs,))
    process.start()
    direct = ours.recv()
    with tempfile.TemporaryDirectory() as folder, recorder(direct, Path(folder)) as (running, recorded):
        first, later = latency(direct, recorded)
        before = peak(running)
        fast, slow = speed(direct), speed(recorded)
        during = peak(running)
        start = time.perf_counter()
        while any(".part-" in each.name for each in Path(folder).iterdir()):
            time.sleep(0.01)
        kept = time.perf_counter() - start
        time.sleep(kept + 1)  # it is being checked
        ratio, checked = slow / fast, peak(running)
        print(f"long stream   direct {fast:6.0f} MB/s  recorded {slow:6.0f} MB/s  x{ratio:.2f}  of {LONG // 10**6} MB")
        print(f"memory        {before:.0f} MB before, {during:.0f} MB while it streams, {checked:.0f} MB until it is checked")
    process.terminate()
    print(f"added by the recorder: {1000 * first:.3f} ms to the first event, {1000 * later:.3f} ms to each later one")
    return 0 if first < MOST_FIRST and later < MOST_LATER else 1


if __name__ == "__main__":
    sys.exit(main())
