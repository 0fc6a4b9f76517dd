"""What the blocking and the asynchronous assistant have in common: what is asked, what counts as broken, when to ask again."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import anthropic

try:
    import httpx2 as httpx  # what the SDK is built on
except ImportError:
    import httpx  # type: ignore[no-redef]  # what older SDKs are built on

TLS = ssl.create_default_context()
"""Made once: it takes longer than many an answer."""

OK = 200
CONTINUE = "Your answer was interrupted. Go on exactly where it stopped, and repeat nothing."

Show = Callable[[str], object]
Tools = Mapping[str, Callable[..., str]]


class Interrupted(Exception):  # noqa: N818 - it reads better where it is caught
    """The answer ended before it was complete."""


class GaveUp(Exception):  # noqa: N818 - the same
    """There was no whole answer, however often it was asked for."""


@dataclass(frozen=True)
class Settings:
    """How to ask. Times are in seconds; the wait before the next try doubles each time."""

    model: str = "claude-sonnet-4-6"
    max_tokens: int = 1024
    tries: int = 4
    first_wait: float = 0.5
    longest_silence: float = 30.0
    most_rounds: int = 8


BROKEN = (httpx.TransportError, anthropic.APIStatusError, ValueError, AssertionError, IndexError)
"""What the SDK raises when a stream breaks, or makes no sense."""


@dataclass
class Heard:
    """What has come of an answer so far, over all tries."""

    text: str = ""
    is_whole: bool = False
    is_showing: bool = False
    show: Show | None = None

    def take(self, event: Any) -> None:
        """Take in an event of the SDK."""
        if event.type == "text":
            self.text += event.text
            self._show(event.text)
        self.is_whole = event.type == "message_stop"

    def _show(self, piece: str) -> None:
        if self.show is not None:
            self.is_showing = True
            self.show(piece)
            self.is_showing = False


@contextmanager
def noticing(heard: Heard) -> Iterator[None]:
    """Make one exception, Interrupted, of all the ways in which a stream breaks; one of them the SDK does not notice."""
    heard.is_whole = False
    try:
        yield
    except BROKEN as error:
        is_refused = isinstance(error, anthropic.APIStatusError) and error.status_code != OK
        if is_refused or heard.is_showing:
            raise
        raise Interrupted("the stream broke") from error
    if not heard.is_whole:
        raise Interrupted("the stream ended early")


def wait_before_next(error: Exception, tried: int, settings: Settings) -> float:
    """Return how many seconds to wait before the next try. Raises GaveUp, or the error if it will not go away."""
    if isinstance(error, anthropic.APIStatusError) and not _is_passing(error):
        raise error
    if tried >= settings.tries:
        raise GaveUp(f"no whole answer in {tried} tries") from error
    said = error.response.headers.get("retry-after", "") if isinstance(error, anthropic.APIStatusError) else ""
    return float(said) if said.isdecimal() else settings.first_wait * 2 ** (tried - 1)


def _is_passing(error: anthropic.APIStatusError) -> bool:
    return error.status_code in (408, 409, 429) or error.status_code >= 500


def timeout(settings: Settings) -> httpx.Timeout:
    """Return the times after which the SDK gives up: reading is what takes long, connecting is not."""
    return httpx.Timeout(30.0, read=settings.longest_silence)


def question(settings: Settings, asked: str, heard: str = "") -> dict[str, Any]:
    """Return what to send; with a part of the answer, ask for the rest of it."""
    messages = [{"role": "user", "content": asked}]
    if heard.strip():
        messages += [{"role": "assistant", "content": heard}, {"role": "user", "content": CONTINUE}]
    return {"model": settings.model, "max_tokens": settings.max_tokens, "messages": messages}


def results(message: anthropic.types.Message, tools: Tools) -> list[dict[str, Any]]:
    """Call the tools that a message asks for, and return what they say, each in its block."""
    return [_result(block.id, block.name, block.input, tools) for block in message.content if block.type == "tool_use"]


def _result(call: str, name: str, arguments: dict[str, Any], tools: Tools) -> dict[str, Any]:
    try:
        return {"type": "tool_result", "tool_use_id": call, "content": tools[name](**arguments)}
    except Exception as error:  # noqa: BLE001 - the model is to hear what went wrong, whatever it was
        return {"type": "tool_result", "tool_use_id": call, "content": f"{type(error).__name__}: {error}", "is_error": True}


def offered(tools: Tools) -> list[dict[str, Any]]:
    """Return the tools as the API wants them described."""
    return [
        {"name": name, "description": tool.__doc__ or name, "input_schema": {"type": "object"}} for name, tool in tools.items()
    ]
