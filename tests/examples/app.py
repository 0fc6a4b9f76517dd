"""A small program that streams from Claude. It knows nothing of streamlab."""

from __future__ import annotations

from typing import Any

import anthropic

try:
    import httpx2 as httpx  # what the SDK is built on
except ImportError:
    import httpx  # type: ignore[no-redef]  # what older SDKs are built on


TIMEOUT = 30.0
"""The longest silence that is waited out, in seconds."""


class StreamBroken(Exception):  # noqa: N818 - it reads better where it is caught
    """The answer ended before it was complete."""


def greet() -> str:
    """Return what the model answers to a greeting."""
    with anthropic.Anthropic() as client, client.messages.stream(**_asking("Say hello.")) as stream:
        return stream.get_final_text()


async def greet_async() -> str:
    """Return what the model answers to a greeting."""
    async with anthropic.AsyncAnthropic() as client, client.messages.stream(**_asking("Say hello.")) as stream:
        return await stream.get_final_text()


def ask(question: str, tries: int = 2) -> anthropic.types.Message:
    """Return the whole answer; ask again if the stream breaks, and raise StreamBroken if it breaks each time."""
    for tried in range(1, tries + 1):
        try:
            return _whole_answer(question)
        except StreamBroken:
            if tried == tries:
                raise
    raise ValueError("at least one try is needed")


def _whole_answer(question: str) -> anthropic.types.Message:
    """Return the answer. Raises StreamBroken if it does not come to its end: the SDK does not always say so."""
    try:
        with anthropic.Anthropic(timeout=TIMEOUT) as client, client.messages.stream(**_asking(question)) as stream:
            is_whole = any(event.type == "message_stop" for event in stream)
            if is_whole:
                return stream.get_final_message()
    except httpx.TransportError as error:  # not wrapped by the SDK once the stream has begun
        raise StreamBroken("the connection broke") from error
    except anthropic.APIStatusError as error:
        if error.status_code == httpx.codes.OK:  # the stream had begun
            raise StreamBroken("the API gave up") from error
        raise
    raise StreamBroken("the stream ended early")


def _asking(question: str) -> dict[str, Any]:
    return {"model": "claude-sonnet-4-6", "max_tokens": 1024, "messages": [{"role": "user", "content": question}]}
