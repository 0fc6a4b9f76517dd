"""A page's side of a chat, without a page: asks a server, and reads the answer frame by frame."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import zlib
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from web.running import PATIENCE

BROKEN = (http.client.IncompleteRead, http.client.RemoteDisconnected)
"""What tells that an answer breaks off, in its body or before its head."""


class Answer:
    """The answer to a message. Reading raises one of `BROKEN` when it breaks off."""

    def __init__(self, url: str, message: str = "Hello", headers: dict[str, str] | None = None) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
        body = json.dumps({"message": message})
        self._connection.request("POST", parts.path, body, {"content-type": "application/json", **(headers or {})})
        self._response: http.client.HTTPResponse | None = None
        self._received = b""

    @property
    def response(self) -> http.client.HTTPResponse:
        """The head, once it has come."""
        if self._response is None:
            self._response = self._connection.getresponse()
        return self._response

    def next(self) -> Any:
        """Wait for the next frame and return its data, read as JSON; `[DONE]` is a text, and the end is None."""
        line = self._line()
        if line is None:
            return None
        assert line.startswith("data: "), line
        data = line.removeprefix("data: ")
        assert self._line() == ""
        return data if data == "[DONE]" else json.loads(data)

    def __iter__(self) -> Iterator[Any]:
        while (data := self.next()) is not None:
            yield data

    def _line(self) -> str | None:
        while b"\n" not in self._received:
            piece = self.response.read1(4096)
            if not piece:
                assert not self._received
                return None
            self._received += piece
        line, self._received = self._received.split(b"\n", 1)
        return line.decode()

    def leave(self) -> None:
        """Close the connection."""
        if self._response is not None:
            self._response.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.leave()


A_MOMENT = 0.3
"""Real seconds in which what is sent on at once has long come."""


def ask(url: str, encoding: str = "identity") -> socket.socket:
    """Send a message, and give the connection on which the answer will come."""
    parts = urlsplit(url)
    content = b'{"message": "Hello"}'
    fields = {
        "host": parts.netloc,
        "accept-encoding": encoding,
        "content-type": "application/json",
        "content-length": str(len(content)),
    }
    lines = [f"POST {parts.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    connection = socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE)
    connection.sendall("\r\n".join(lines).encode() + content)
    return connection


def arrives(connection: socket.socket) -> bytes:
    """Return what comes until nothing does for a moment, or nothing follows."""
    received = b""
    connection.settimeout(A_MOMENT)
    with contextlib.suppress(TimeoutError):
        while piece := connection.recv(65536):
            received += piece
    return received


def body(received: bytes) -> str:
    """Return the text of an answer in chunks, as far as it has come: out of its chunks, and out of gzip."""
    head, _, left = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n"), received
    content = b""
    while left:
        size, _, left = left.partition(b"\r\n")
        content, left = content + left[: int(size, 16)], left[int(size, 16) + 2 :]
    is_packed = b"content-encoding: gzip" in head.lower()
    return (zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(content) if is_packed else content).decode()


SCENARIOS: dict[str, tuple[int, ...]] = {
    "overloaded-mid-stream": (200,),
    "ends-without-message-stop": (200,),
    "cut-mid-text": (200,),
    "reset-mid-stream": (200,),
    "stall-mid-stream": (200,),
    "duplicated-events": (200,),
    "overloaded-then-fine": (529, 529, 200),
}
"""The shipped scenarios that a chat or a page is tried with, and the statuses of the calls that each brings about."""
OF_SERVERS = {
    **SCENARIOS,
    "cut-inside-utf8": (200,),
    "missing-start": (200,),
    "delta-before-start": (200,),
    "refused-key": (401,),
}
"""The same for what sends an answer on."""


def sent_on(answer: Answer) -> str:
    """Say what a server sends on to its page, to the end."""
    said, end = "", "then its body ends"
    try:
        for data in answer:
            if isinstance(data, dict) and "text" in data:
                said += data["text"]
            else:
                end = f"then `{data if isinstance(data, str) else json.dumps(data)}`"
    except BROKEN:  # how much of the text was still sent is a matter of time
        return "its body breaks off"
    return f"it sends {said!r}, {end}"
