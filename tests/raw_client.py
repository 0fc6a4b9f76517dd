"""A client that is nothing but a socket: it sees every byte of an answer, and how it ended."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Self
from urllib.parse import urlsplit

Ending = Literal["complete", "fin", "reset", "open"]
"""HTTP says that the answer is whole; the connection was closed before, or reset; or nothing more came while we watched."""

WATCH = 0.1
"""Seconds without a byte after which an answer counts as stalled, once all that should come has come."""
_SIZE = re.compile(rb"[0-9A-Fa-f]+\r\n")
LONG = 10.0
"""Seconds after which an answer that should go on has failed."""

MESSAGE: dict[str, Any] = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Hello"}],
    "stream": True,
}


@dataclass(kw_only=True)
class Answered:
    """One answer as it came: `raw` is every byte of it, `body` what is left without head and chunks.

    `stray` is what stood where the size of a chunk belongs.
    """

    status: int
    headers: dict[str, str]
    ending: Ending
    raw: bytes
    body: bytes = b""
    chunks: list[bytes] = field(default_factory=list)
    stray: bytes = b""

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def request(
    path: str = "/v1/messages",
    *,
    method: str = "POST",
    body: bytes | dict[str, Any] | None = None,
    headers: dict[str, str | None] | None = None,
    version: str = "1.1",
    is_chunked: bool = False,
) -> bytes:
    """Return a request for a message, or another one; a header of None is left out."""
    data = (MESSAGE if method == "POST" else b"") if body is None else body
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    framing = {"transfer-encoding": "chunked"} if is_chunked else {"content-length": str(len(data))}
    fields = {"host": "localhost", "anthropic-version": "2023-06-01", "x-api-key": "key", **framing, **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    sent = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in _pieces(data)) + b"0\r\n\r\n" if is_chunked else data
    return f"{method} {path} HTTP/{version}\r\n{lines}\r\n".encode("latin-1") + sent


def _pieces(data: bytes, size: int = 65_536) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


class RawClient:
    """One connection."""

    def __init__(self, url: str, *, receive_buffer: int | None = None) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        family = socket.AF_INET6 if ":" in parts.hostname else socket.AF_INET
        self.socket = socket.socket(family)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            self.socket.connect((parts.hostname, parts.port))
        except OSError:
            self.socket.close()
            raise
        self.prefix = parts.path
        self._unread = bytearray()
        self._end: Ending | None = None
        self._pause = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, data: bytes | None = None, *, watch: float = LONG) -> Answered:
        """Send a request and return the answer to it."""
        self.socket.sendall(request(f"{self.prefix}/v1/messages") if data is None else data)
        return self.answer(watch=watch, has_body=not (data or b"").startswith(b"HEAD"))

    def answer(self, *, watch: float = LONG, pause: float = 0.0, has_body: bool = True) -> Answered:
        """Return the next answer; one that brings nothing new for `watch` seconds ends `open`.

        With a `pause`, little is read at a time, and each read waits so long.
        """
        self._end, self._pause = None, pause
        raw = self._until(b"\r\n\r\n", watch)
        assert raw.endswith(b"\r\n\r\n"), (raw, self._end)
        first, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        status = int(first.split()[1])
        answered = Answered(status=status, headers=headers, ending="complete", raw=raw)
        if status in (100, 204, 304) or not has_body:
            return answered
        if headers.get("transfer-encoding") == "chunked":
            self._read_chunks(answered, watch)
        else:
            length = int(headers["content-length"]) if "content-length" in headers else None
            answered.body = self._exactly(length, watch)
            answered.raw += answered.body
            if length is None and self._end == "fin":
                self._end = None  # the close is the end mark
        answered.ending = self._end or "complete"
        return answered

    def receive(self, count: int) -> None:
        """Wait until so many bytes, or the end of the connection, have come; what reads next begins with them."""
        while len(self._unread) < count and self._more(LONG):
            pass

    def rest(self, *, watch: float = LONG) -> tuple[bytes, Ending]:
        """Return whatever else comes, and how the connection ends."""
        self._end = None
        return self._exactly(None, watch), self._end or "complete"

    def _read_chunks(self, answered: Answered, watch: float) -> None:
        lines: list[bytes] = []
        while self._end is None:
            lines.append(self._until(b"\r\n", watch))
            if not lines[-1].endswith(b"\r\n"):
                break
            if not _SIZE.fullmatch(lines[-1]):
                answered.stray = lines[-1] + self._exactly(None, watch)
                lines[-1] = answered.stray
                break
            size = int(lines[-1], 16)
            lines.append(self._exactly(size + 2, watch))
            if size == 0:
                break
            answered.chunks.append(lines[-1][:size])
        answered.raw += b"".join(lines)
        answered.body = b"".join(answered.chunks)

    def _until(self, mark: bytes, watch: float) -> bytes:
        while mark not in self._unread and self._more(watch):
            pass
        end = self._unread.find(mark)
        return self._take(len(self._unread) if end < 0 else end + len(mark))

    def _exactly(self, count: int | None, watch: float) -> bytes:
        while (count is None or len(self._unread) < count) and self._more(watch):
            pass
        return self._take(len(self._unread) if count is None else count)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._unread[:count])
        del self._unread[:count]
        return taken

    def _more(self, watch: float) -> bool:
        self.socket.settimeout(watch)
        time.sleep(self._pause)
        try:
            data = self.socket.recv(8 * 1024 if self._pause else 1024 * 1024)
        except TimeoutError:
            self._end = "open"
        except ConnectionResetError:
            self._end = "reset"
        else:
            self._unread += data
            if data:
                return True
            self._end = "fin"
        return False
