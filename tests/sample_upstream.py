"""An upstream for the cassettes of the sample project: a server of ours behind TLS, in the place of the API.

python tests/sample_upstream.py     record the cassettes that ship with it anew
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import trustme

from streamlab import serve, text, tool_use

SAMPLE = Path(__file__).parent / "examples" / "assistant"
RECORDED = ("tests/test_recorded.py", "-k", "not broken")
"""The tests that record."""


@dataclass(frozen=True)
class SampleUpstream:
    """Where it is, the file of the authority that certifies it, and how often it was asked."""

    url: str
    authority: Path
    asked: list[int]


@contextmanager
def sample_upstream(folder: Path) -> Iterator[SampleUpstream]:
    """Answer the questions of the sample project for the length of a `with` block."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    asked: list[int] = []
    with serve() as lab:
        lab.reply(text(["The capital", " of France", " is Paris."]), when={"last_user": "capital of France"}, times=2)
        lab.reply(tool_use("get_weather", location="Paris"), when={"last_user": "weather in Paris"}, times=2)
        lab.reply("It is 18 degrees in Paris.", when={"tool_result": "get_weather"}, times=2)
        with _behind_tls(context, urlsplit(lab.url).port or 0) as port:
            yield SampleUpstream(f"https://127.0.0.1:{port}", folder / "authority.pem", asked)
        asked.append(len(lab.journal))


@contextmanager
def _behind_tls(context: ssl.SSLContext, port: int) -> Iterator[int]:
    """Pass what comes by TLS on to a port; yield the port that it comes to."""

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        onward = await asyncio.open_connection("127.0.0.1", port)
        writers.append(onward[1])
        await asyncio.gather(pipe(reader, onward[1]), pipe(onward[0], writer))

    writers: list[asyncio.StreamWriter] = []
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(join, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        asyncio.run_coroutine_threadsafe(_end(server, writers), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server, writers: list[asyncio.StreamWriter]) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(0.01)  # until they are closed


def main() -> int:
    """Record."""
    with tempfile.TemporaryDirectory() as name, sample_upstream(Path(name)) as upstream:
        options = ("--streamlab-record=all", f"--streamlab-upstream={upstream.url}", "-p", "no:xdist", "-p", "no:randomly")
        command = [sys.executable, "-m", "pytest", *RECORDED, *options]
        environment = os.environ | {"SSL_CERT_FILE": str(upstream.authority), "ANTHROPIC_API_KEY": "any"}
        return subprocess.run(command, cwd=SAMPLE, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
