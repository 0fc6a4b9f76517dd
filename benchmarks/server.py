"""How many streams a second the server gives, against a bare protocol that writes a ready answer, in one run.

    python benchmarks/server.py

Prints ratios: the machine's own speed falls out. Client and server are processes of their own on loopback.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import sys
import time
from multiprocessing.connection import Connection
from typing import cast

from streamlab.core.actions import Framing, Send
from streamlab.core.authoring import as_reply
from streamlab.core.exchange import Request
from streamlab.core.replies import Rule, Settings, State, answer
from streamlab.net.server import MockServer, Namespace

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
FRAGMENTS = [f"{WORDS[number % 10]} " for number in range(200)]
BODY = json.dumps(
    {"model": "claude-sonnet-4-6", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "Go."}]}
).encode()
ASK = (
    b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nanthropic-version: 2023-06-01\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
RULE = Rule(name="benchmark", replies=(as_reply({"text": FRAGMENTS}),))
SECONDS = 3.0
CLIENTS = 16


class Bare(asyncio.Protocol):
    """Writes a ready answer whenever bytes come, without looking at them."""

    ready = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer."""
        del data
        self.transport.write(self.ready)


def ready_answer() -> bytes:
    """Return the answer that both servers give, as bytes."""
    found, _ = answer(Request(headers=(("anthropic-version", "x"),), body=BODY), [RULE], State(), Settings())
    return b"".join(action.data for action in found.script(Framing()) if isinstance(action, Send))


async def serve(kind: str, pipe: Connection) -> None:
    """Run a server of one kind and tell its port."""
    loop = asyncio.get_running_loop()
    if kind == "bare":
        Bare.ready = ready_answer()
        listener = await loop.create_server(Bare, "127.0.0.1", 0)
        pipe.send(listener.sockets[0].getsockname()[1])
    else:
        server = MockServer(Namespace(rules=(RULE,)))
        url = await server.start()
        pipe.send(int(url.rpartition(":")[2]))
    await asyncio.Event().wait()


def run_server(kind: str, loop_name: str, pipe: Connection) -> None:
    """Run a server in this process."""
    if loop_name == "uvloop":
        import uvloop  # noqa: PLC0415 - not among our dependencies

        uvloop.run(serve(kind, pipe))
    asyncio.run(serve(kind, pipe))


async def ask(port: int, until: float) -> int:
    """Ask again and again on one connection; return how often it was answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    count = 0
    while time.perf_counter() < until:
        writer.write(ASK)
        await reader.readuntil(b"\r\n0\r\n\r\n")
        count += 1
    writer.close()
    return count


async def load(port: int) -> float:
    """Return the answers a second that the clients got."""
    until = time.perf_counter() + SECONDS
    return sum(await asyncio.gather(*(ask(port, until) for _ in range(CLIENTS)))) / SECONDS


def measure(kind: str, loop_name: str) -> float:
    """Return the answers a second of one kind of server."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=run_server, args=(kind, loop_name, theirs), daemon=True)
    process.start()
    rate = asyncio.run(load(ours.recv()))
    process.terminate()
    process.join()
    return rate


def main() -> int:
    """Measure, and print a table."""
    loops = ["asyncio", "uvloop"] if "--uvloop" in sys.argv else ["asyncio"]
    rates = {(kind, name): measure(kind, name) for name in loops for kind in ("bare", "streamlab")}
    bare = rates["bare", "asyncio"]
    for (kind, name), rate in rates.items():
        print(f"{kind:10} on {name:8} {rate:8.0f} streams/s of 206 events   {rate / bare:5.2f} of bare on asyncio")
    return 0


if __name__ == "__main__":
    sys.exit(main())
