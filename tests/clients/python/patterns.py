"""What the guides teach about streams, written as one writes it for a program; nothing here knows who answers.

Where a guide falls short, there are two functions: the one that it shows, and the one that holds.
"""

# region setup
from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import anthropic

_T = TypeVar("_T")

MODEL = "claude-sonnet-4-6"


def asking(*messages: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call."""
    return {"model": MODEL, "max_tokens": 1024, "messages": list(messages)}


def user(text: str) -> dict[str, Any]:
    """Return a message of the user."""
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    """Return a message of the assistant."""
    return {"role": "assistant", "content": text}


# endregion


# region ask
def ask(client: anthropic.Anthropic, *messages: dict[str, Any]) -> str:
    """Return the answer's text, as the guides do it."""
    with client.messages.stream(**asking(*messages)) as stream:
        return "".join(stream.text_stream)


# endregion


# region whole
class Incomplete(Exception):  # noqa: N818 - it reads better where it is caught
    """The answer ended before it was complete; `text` is what had come of it."""

    def __init__(self, text: str) -> None:
        super().__init__(f"the answer breaks off after {text!r}")
        self.text = text


def ask_for_all(client: anthropic.Anthropic, *messages: dict[str, Any]) -> str:
    """Return the whole answer. Raises Incomplete however the stream breaks, and the SDK's errors if it never begins."""
    text, came = "", set()
    with client.messages.stream(**asking(*messages)) as stream:
        try:
            for event in stream:
                came.add(event.type)
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    text += event.delta.text
        except Exception as error:  # the SDK lets through whatever is raised once the stream has begun
            raise Incomplete(text) from error
    if not came >= {"message_start", "message_stop"}:  # a clean end raises nothing
        raise Incomplete(text)
    return text


# endregion


# region backoff-of-guides
def with_backoff_of_guides(ask: Callable[[], _T], *, tries: int = 3, first_wait: float = 0.5) -> _T:
    """Try again after a lost connection, and wait twice as long each time."""
    for tried in range(tries):
        try:
            return ask()
        except (anthropic.APIConnectionError, anthropic.APIStatusError):
            if tried == tries - 1:
                raise
            time.sleep(first_wait * 2**tried)
    raise ValueError("at least one try is needed")


# endregion


# region backoff
def with_backoff(ask: Callable[[], _T], *, tries: int = 3, first_wait: float = 0.5) -> _T:
    """Try again after a broken stream, and wait twice as long each time."""
    for tried in range(tries):
        try:
            return ask()
        except (Incomplete, anthropic.APIConnectionError, anthropic.RateLimitError, anthropic.InternalServerError):
            if tried == tries - 1:
                raise
            time.sleep(first_wait * 2**tried)
    raise ValueError("at least one try is needed")


# endregion


# region resume
def resume(client: anthropic.Anthropic, question: str, *, tries: int = 3) -> str:
    """Return the whole answer; where it breaks off, the next request carries what has come as the assistant's turn."""
    heard = ""
    for _ in range(tries):
        partial = [assistant(heard)] if heard else []
        try:
            return heard + ask_for_all(client, user(question), *partial)
        except Incomplete as broken:
            heard = (heard + broken.text).rstrip()  # the API refuses a last turn that ends in white space
    raise Incomplete(heard)


# endregion


# region resume-by-asking
def resume_by_asking(client: anthropic.Anthropic, question: str, *, tries: int = 3) -> str:
    """Do the same with models that take no turn of the assistant as the last one: the user asks to go on."""
    heard = ""
    for _ in range(tries):
        more = [assistant(heard), user("Go on exactly where you broke off.")] if heard else []
        try:
            return heard + ask_for_all(client, user(question), *more)
        except Incomplete as broken:
            heard = (heard + broken.text).rstrip()
    raise Incomplete(heard)


# endregion


# region naive-lines
def naive_lines(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the events, if each chunk happens to hold whole lines."""
    for chunk in chunks:
        for line in chunk.decode().split("\n"):
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


# endregion


# region lines
def lines(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the events, however they are cut into chunks."""
    held = b""
    for chunk in chunks:
        *whole, held = (held + chunk).split(b"\n")
        for line in whole:
            if line.startswith(b"data:"):
                yield json.loads(line.removeprefix(b"data:"))


# endregion
