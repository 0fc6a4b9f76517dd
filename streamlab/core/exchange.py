"""An exchange: one request, with the questions that rules, checks and tests ask of it; and its answer, if it was recorded."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from streamlab.core.plan import Head, Headers

__all__ = ["MESSAGES", "Ended", "Exchange", "Read", "Request"]

MESSAGES = "/v1/messages"
"""The path of the Messages API."""

_COUNT = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request as it came. `path` is without the query and without a namespace's prefix."""

    method: str = "POST"
    path: str = MESSAGES
    query: str = ""
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Return the first value of a header, whatever the case of its name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @cached_property
    def json(self) -> Any:
        """The body parsed as JSON; None if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def data(self) -> dict[str, Any]:
        """The body's JSON object; empty if it has none."""
        return self.json if isinstance(self.json, dict) else {}

    @property
    def decoded_path(self) -> str:
        """The path with its percent-escapes read."""
        return unquote(self.path)

    @property
    def model(self) -> str | None:
        """The model asked for."""
        model = self.data.get("model")
        return model if isinstance(model, str) else None

    @property
    def stream(self) -> bool:
        """Whether a stream is asked for."""
        return self.data.get("stream") is True

    @property
    def system(self) -> str:
        """The text of the system prompt."""
        return "\n".join(_texts(self.data.get("system")))

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation."""
        messages = self.data.get("messages")
        return [each for each in messages if isinstance(each, dict)] if isinstance(messages, list) else []

    @property
    def last_user(self) -> str:
        """The text of the last message of the user."""
        content = next((each.get("content") for each in reversed(self.messages) if each.get("role") == "user"), None)
        return "\n".join(_texts(content))

    @property
    def all_texts(self) -> list[str]:
        """The text of each message of the conversation."""
        return ["\n".join(_texts(each.get("content"))) for each in self.messages]

    @property
    def tools(self) -> list[str]:
        """The names of the tools offered."""
        tools = self.data.get("tools")
        names = [tool.get("name") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
        return [name for name in names if isinstance(name, str)]

    @property
    def tool_results(self) -> list[str]:
        """The names of the tools whose results the last message brings."""
        messages = self.messages
        names = {str(block.get("id")): str(block.get("name")) for each in messages for block in _blocks(each, "tool_use")}
        results = _blocks(messages[-1], "tool_result") if messages else ()
        return [names.get(str(block.get("tool_use_id")), "") for block in results]

    @property
    def turn(self) -> int:
        """Which answer of the conversation this asks for, from 1: one more than the assistant has given."""
        messages = self.messages
        while messages and messages[-1].get("role") == "assistant":  # a partial answer to be continued
            messages = messages[:-1]
        return 1 + len([each for each in messages if each.get("role") == "assistant"])

    @property
    def attempt(self) -> int:
        """Which try of the same call this is, from 1, by the count that the official SDKs send with their retries."""
        count = self.header("x-stainless-retry-count") or ""
        return int(count) + 1 if _COUNT.fullmatch(count) else 1

    @property
    def accepts_gzip(self) -> bool:
        """Whether the client offers to take gzip."""
        offered = (each.replace(" ", "").lower() for each in (self.header("accept-encoding") or "").split(","))
        return any(each.partition(";")[0] in ("gzip", "*") and not each.endswith((";q=0", ";q=0.0")) for each in offered)

    @cached_property
    def canonical(self) -> str:
        """A digest of what is asked, whatever the order of the keys and the headers."""
        try:
            body = json.dumps(self.json, sort_keys=True).encode() if self.json is not None else self.body
        except RecursionError:  # it could just be read, from less deep in the stack
            body = self.body
        return hashlib.sha256(b"\0".join((self.method.encode(), self.path.encode(), body))).hexdigest()


class Ended(StrEnum):
    """How a recorded answer ended."""

    COMPLETE = "complete"
    """All of it came, and HTTP said so."""
    END = "end"
    """HTTP said that it was all, but the stream has no `message_stop` and no `error` event."""
    FIN = "fin"
    """The connection was closed in the middle of the body, or before the head if there is none."""
    RESET = "reset"
    """The connection was reset."""
    CORRUPT = "corrupt"
    """The header of a chunk was none."""
    TIMEOUT = "timeout"
    """Nothing came for longer than the recorder was told to wait."""
    REFUSED = "refused"
    """No connection could be made, so there is no head."""
    LEFT = "left"
    """The client left before the end; what had arrived is kept."""
    INTERRUPTED = "interrupted"
    """The recorder itself ended before the answer did; what had arrived is kept."""
    UNKNOWN = "unknown"
    """Whoever recorded it did not say."""


@dataclass(frozen=True, slots=True)
class Read:
    """Bytes of a body that arrived together, and when: seconds after the head, None if nobody knows."""

    data: bytes
    at: float | None = None


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One recorded request and its answer. The request has no secrets in it.

    `head` is None if none came. `reads` are the body without its chunks, as it arrived; compressed if the head says so. Those
    of a long body are read from its file each time somebody goes through them.
    `first` is the time in seconds from the request to the head, `ended_at` that from the head to the ending, `recorded` the
    moment of the request (ISO 8601); each is None if nobody knows. `others` are keys of a later version, kept as they are.
    """

    request: Request
    head: Head | None
    reads: Sequence[Read] = ()
    ended: Ended = Ended.COMPLETE
    first: float | None = None
    ended_at: float | None = None
    recorded: str | None = None
    others: tuple[tuple[str, Any], ...] = ()

    @property
    def body(self) -> bytes:
        """Every byte of the body."""
        return b"".join(read.data for read in self.reads)


def _blocks(message: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    content = message.get("content")
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict) and block.get("type") == kind:
            yield block


def _texts(content: Any) -> Iterator[str]:
    """Yield the texts in a string or in a list of content blocks, those in tool results included."""
    if isinstance(content, str):
        yield content
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict) and isinstance(block.get("text"), str):
            yield block["text"]
        elif isinstance(block, dict) and block.get("type") == "tool_result":
            yield from _texts(block.get("content"))
