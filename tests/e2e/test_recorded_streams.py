"""Every recorded stream goes through the server as it is, and the official SDK reads from it what it reads from memory.

The SDK raises on none of them, so nothing is caught here.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
import yaml

import streamlab

KEY = "no-key"
FRAME = re.compile(rb"event: [a-z_]+\ndata: [^\n]*\n\n")

Streams = Mapping[str, bytes]
Plain = dict[str, Any]


@pytest.fixture(scope="module")
def streams(recorded_streams: list[Path]) -> Streams:
    """Read each recorded stream, by its name."""
    assert len(recorded_streams) > 300
    return {path.stem: path.read_bytes() for path in recorded_streams}


@pytest.fixture(scope="module")
def url(recorded_streams: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve all of them from one scenario: the model that is asked for says which."""
    scenario = tmp_path_factory.mktemp("scenario") / "all.yaml"
    rules = [{"name": path.stem, "when": {"model": path.stem}, "reply": {"sse": str(path)}} for path in recorded_streams]
    scenario.write_text(yaml.safe_dump({"streamlab": 1, "rules": rules}), encoding="utf-8")
    with streamlab.serve(str(scenario)) as lab:
        yield lab.url


def ask(name: str) -> dict[str, Any]:
    """Return the request whose answer is this stream."""
    return {"model": name, "max_tokens": 1024, "messages": [{"role": "user", "content": "Hi"}]}


def remembered(streams: Streams, request: httpx2.Request) -> httpx2.Response:
    """Answer from memory, without any server."""
    body = streams[json.loads(request.content)["model"]]
    return httpx2.Response(200, headers={"content-type": "text/event-stream; charset=utf-8"}, content=body)


@contextlib.contextmanager
def clients(streams: Streams, url: str) -> Iterator[tuple[anthropic.Anthropic, anthropic.Anthropic]]:
    """Make a client that reads from memory, and one that reads from the server."""
    transport = httpx2.MockTransport(partial(remembered, streams))
    with (
        anthropic.Anthropic(api_key=KEY, max_retries=0, http_client=httpx2.Client(transport=transport)) as memory,
        anthropic.Anthropic(api_key=KEY, max_retries=0, base_url=url) as served,
    ):
        yield memory, served


@contextlib.asynccontextmanager
async def async_clients(streams: Streams, url: str) -> AsyncIterator[tuple[anthropic.AsyncAnthropic, anthropic.AsyncAnthropic]]:
    """Make an asynchronous client that reads from memory, and one that reads from the server."""
    transport = httpx2.MockTransport(partial(remembered, streams))
    async with (
        anthropic.AsyncAnthropic(api_key=KEY, max_retries=0, http_client=httpx2.AsyncClient(transport=transport)) as memory,
        anthropic.AsyncAnthropic(api_key=KEY, max_retries=0, base_url=url) as served,
    ):
        yield memory, served


def raw_chunks(connection: socket.socket, file: io.BufferedReader, name: str) -> list[bytes]:
    """Ask for a stream with bare HTTP, and return the chunks of its body."""
    body = json.dumps(ask(name) | {"stream": True}).encode()
    head = f"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    connection.sendall(f"{head}anthropic-version: 2023-06-01\r\nx-api-key: {KEY}\r\n\r\n".encode() + body)
    assert file.readline() == b"HTTP/1.1 200 OK\r\n"
    headers = {line.split(b":")[0].lower(): line for line in iter(file.readline, b"\r\n")}
    assert headers[b"transfer-encoding"] == b"transfer-encoding: chunked\r\n"
    assert headers[b"content-type"] == b"content-type: text/event-stream; charset=utf-8\r\n"
    chunks = []
    while size := int(file.readline(), 16):
        chunks.append(file.read(size))
        assert file.read(2) == b"\r\n"
    assert file.readline() == b"\r\n"
    return chunks


def test_every_stream_arrives_byte_for_byte_and_each_frame_is_one_chunk(streams: Streams, url: str) -> None:
    """Nothing is written anew; one connection is kept for them all."""
    host, port = url.removeprefix("http://").split(":")
    wrong = []
    with socket.create_connection((host, int(port)), timeout=10) as connection, connection.makefile("rb") as file:
        for name, recorded in streams.items():
            frames = FRAME.findall(recorded)
            assert b"".join(frames) == recorded
            if raw_chunks(connection, file, name) != frames:
                wrong.append(name)
    assert wrong == []


@pytest.mark.slow
def test_events_are_those_of_the_stream_in_memory(streams: Streams, url: str) -> None:
    """`create(stream=True)` gives the same events."""

    def read(client: anthropic.Anthropic, name: str) -> list[Plain]:
        with client.messages.create(**ask(name), stream=True) as stream:
            return [plain(event) for event in stream]

    with clients(streams, url) as (memory, served):
        assert [name for name in streams if read(memory, name) != read(served, name)] == []


@pytest.mark.slow
def test_final_messages_are_those_of_the_stream_in_memory(streams: Streams, url: str) -> None:
    """`messages.stream` builds the same message."""

    def read(client: anthropic.Anthropic, name: str) -> Plain:
        with client.messages.stream(**ask(name)) as stream:
            return plain(stream.get_final_message())

    with clients(streams, url) as (memory, served):
        assert [name for name in streams if read(memory, name) != read(served, name)] == []


@pytest.mark.slow
def test_json_answers_are_the_messages_that_the_streams_in_memory_add_up_to(streams: Streams, url: str) -> None:
    """The streams of `beta.messages` are the same, and so is the one JSON body that is given where no stream is asked for."""

    def read(client: anthropic.Anthropic, name: str) -> Plain:
        with client.beta.messages.stream(**ask(name)) as stream:
            return plain(stream.get_final_message())

    with clients(streams, url) as (memory, served):
        expected = {name: read(memory, name) for name in streams}
        assert [name for name in streams if read(served, name) != expected[name]] == []
        assert [name for name in streams if plain(served.beta.messages.create(**ask(name))) != expected[name]] == []


@pytest.mark.slow
@pytest.mark.asyncio
async def test_async_events_are_those_of_the_stream_in_memory(streams: Streams, url: str) -> None:
    """`create(stream=True)` of the asynchronous client gives the same events."""

    async def read(client: anthropic.AsyncAnthropic, name: str) -> list[Plain]:
        async with await client.messages.create(**ask(name), stream=True) as stream:
            return [plain(event) async for event in stream]

    async with async_clients(streams, url) as (memory, served):
        assert [name for name in streams if await read(memory, name) != await read(served, name)] == []


@pytest.mark.slow
@pytest.mark.asyncio
async def test_async_final_messages_are_those_of_the_stream_in_memory(streams: Streams, url: str) -> None:
    """`messages.stream` of the asynchronous client builds the same message."""

    async def read(client: anthropic.AsyncAnthropic, name: str) -> Plain:
        async with client.messages.stream(**ask(name)) as stream:
            return plain(await stream.get_final_message())

    async with async_clients(streams, url) as (memory, served):
        assert [name for name in streams if await read(memory, name) != await read(served, name)] == []


def plain(model: Any) -> Plain:
    """Return an event or a message as plain data, without what the SDK adds of its own when it streams."""
    return without_parsed(model.model_dump(warnings=False))


def without_parsed(value: Any) -> Any:
    """Return plain data without the keys that hold what the SDK parsed by itself."""
    if isinstance(value, dict):
        return {key: without_parsed(each) for key, each in value.items() if key != "parsed_output"}
    return [without_parsed(each) for each in value] if isinstance(value, list) else value
