"""How fast cassettes are written, loaded and replayed, and how much memory that takes, in one run.

python benchmarks/cassettes.py          a stream of 100 MB, and ten thousand exchanges
python benchmarks/cassettes.py 10 500   of 10 MB, and five hundred
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from streamlab.core.events import encode_padded
from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.plan import EVENT_STREAM, Head
from streamlab.files.cassette_writer import CassetteWriter, write_all
from streamlab.files.scenario import load
from streamlab.net.background import Background
from streamlab.net.server import MockServer, Namespace

HEAD = Head(200, (("content-type", EVENT_STREAM),))
RNG = Random(1)
DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " and so on"}}
AT_ONCE = 64 * 1024
_MB = 1_000_000


def request(number: int) -> Request:
    """Return one request of many."""
    body = {
        "model": "claude-sonnet-4-6",
        "max_tokens": 64,
        "stream": True,
        "messages": [{"role": "user", "content": f"Question {number}"}],
    }
    headers = (("content-type", "application/json"), ("anthropic-version", "2023-06-01"))
    return Request(headers=headers, body=json.dumps(body).encode())


def frames(size: int) -> list[bytes]:
    """Return events that have so many bytes together."""
    one = [encode_padded(DELTA, RNG).raw for _ in range(1000)]
    length = sum(map(len, one))
    return one * max(1, size // length)


def peak() -> float:
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def record_long(path: Path, size: int) -> float:
    """Write one long exchange read by read; return the bytes of its body."""
    writer = CassetteWriter(path, mode="new")
    pending = writer.begin(request(0))
    pending.head(HEAD, 0.1)
    together, at, written = bytearray(), 0.0, 0
    for frame in frames(size):
        together += frame
        if len(together) >= AT_ONCE:
            pending.read(Read(bytes(together), at))
            written, at = written + len(together), at + 0.001
            together.clear()
    pending.read(Read(bytes(together), at))
    pending.end(Ended.COMPLETE, at)
    pending.append()
    writer.close()
    return written + len(together)


CLIENT = """
import socket, sys
size = 0
for line in sys.stdin.buffer:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as client:
        client.sendall(bytes.fromhex(line.decode()))
        tail = b""
        while not tail.endswith(b"0\\r\\n\\r\\n"):
            data = client.recv(1 << 20)
            if not data:
                sys.exit("the answer broke off")
            size, tail = size + len(data), (tail + data)[-5:]
print(size)
"""
"""A client in a process of its own: it reads each line as a request, sends it, and counts what comes."""


def written(asked: Request) -> str:
    """Return a request as a line for the client."""
    head = (
        f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nanthropic-version: 2023-06-01\r\ncontent-length: {len(asked.body)}\r\n\r\n"
    )
    return (head.encode() + asked.body).hex()


def replay(path: Path, asked: list[Request]) -> tuple[float, int]:
    """Serve a cassette and ask for some of its exchanges; return the seconds and the bytes."""
    scenario = load(path)
    background = Background(MockServer(Namespace(rules=scenario.rules, settings=scenario.settings)))
    port = int(background.start("127.0.0.1", 0).rsplit(":", 1)[1])
    start = time.perf_counter()
    lines = "\n".join(map(written, asked))
    done = subprocess.run([sys.executable, "-c", CLIENT, str(port)], input=lines, capture_output=True, text=True, check=True)
    seconds, size = time.perf_counter() - start, int(done.stdout)
    background.stop()
    return seconds, size


def main(megabytes: int = 100, count: int = 10_000) -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory() as folder:
        path, base = Path(folder) / "long.yaml", peak()
        start = time.perf_counter()
        size = record_long(path, megabytes * _MB)
        seconds = time.perf_counter() - start
        print(f"one stream of {size / _MB:.0f} MB, in reads of {AT_ONCE // 1024} kB; memory in MB above {base:.0f}")
        print(
            f"  record  {size / _MB / seconds:6.1f} MB/s  memory {peak() - base:6.0f}  size x{path.stat().st_size / size:.2f}"
        )
        seconds, came = replay(path, [request(0)])
        print(f"  replay  {came / _MB / seconds:6.1f} MB/s  memory {peak() - base:6.0f}")
        path = Path(folder) / "many.yaml"
        body = tuple(Read(frame, 0.01 * index) for index, frame in enumerate(frames(1)[:40]))
        start = time.perf_counter()
        write_all(path, (Exchange(request=request(number), head=HEAD, reads=body) for number in range(count)))
        print(f"{count} exchanges, {path.stat().st_size / _MB:.0f} MB")
        print(f"  write   {path.stat().st_size / _MB / (time.perf_counter() - start):6.1f} MB/s")
        start = time.perf_counter()
        load(path)
        print(f"  load    {time.perf_counter() - start:6.2f} s")
        seconds, came = replay(path, [request(0)])
        print(f"  first   {seconds:6.2f} s, with the index of all requests")
        chosen = [request(RNG.randrange(count)) for _ in range(min(count, 1000))]
        seconds, came = replay(path, chosen)
        print(f"  replay  {1000 * seconds / len(chosen):6.2f} ms, {came / _MB / seconds:.1f} MB/s, memory {peak() - base:.0f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
