"""What the JavaScript clients do when a stream breaks, and what to write instead; the tests compare what happened with it."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["OUTCOMES", "REMEDIES", "VERSIONS", "Client"]

VERSIONS: dict[str, str] = json.loads((Path(__file__).parent / "node" / "package.json").read_text(encoding="utf-8"))[
    "dependencies"
]
"""The packages that are installed, with their versions."""


class Client:
    """The clients, as the table calls them."""

    STREAM = f"TypeScript SDK {VERSIONS['@anthropic-ai/sdk']}: `messages.stream()` with `finalMessage()`"
    LOOP = f"TypeScript SDK {VERSIONS['@anthropic-ai/sdk']}: a slow loop over `messages.stream()`"
    CREATE = f"TypeScript SDK {VERSIONS['@anthropic-ai/sdk']}: a loop over `messages.create({{stream: true}})`"
    VERCEL = f"Vercel AI SDK {VERSIONS['ai']}: `textStream` of `streamText`"
    LANGCHAIN = f"LangChain JS, `@langchain/anthropic` {VERSIONS['@langchain/anthropic']}: `stream`"


_NO_MESSAGE = (
    "`AnthropicError` (`stream ended without producing a Message with role=assistant`), which is no `APIError`, is raised"
)
_EARLY = "nothing is raised: the text ends early, and `stop_reason` is null"
_DOUBLED = 'nothing is raised: the text is doubled, and `stop_reason` is "end_turn"'
_WAITS = "nothing is raised: the text ends early, and it waits on, whatever `timeout` says"
_RETRIES = "it asks again by itself, up to 2 times, after 0.375 to 0.5 s and 0.75 to 1 s, or as `retry-after` says"

OUTCOMES: dict[str, dict[str, str]] = {
    Client.STREAM: {
        "overloaded-mid-stream": "`APIError` of type `overloaded_error` is raised",
        "ends-without-message-stop": _NO_MESSAGE,
        "cut-mid-text": "`AnthropicError` (`terminated`), which is no `APIError`, is raised",
        "reset-mid-stream": "`AnthropicError` (`terminated`), which is no `APIError`, is raised",
        "stall-mid-stream": _WAITS,
        "duplicated-events": _DOUBLED,
        "cut-inside-tool-input": f"{_NO_MESSAGE}; the tool does not run",
        "overloaded-then-fine": _RETRIES,
    },
    Client.LOOP: {
        "overloaded-mid-stream": "nothing is raised: the text ends early",
        "ends-without-message-stop": "nothing is raised: the text ends early",
        "cut-mid-text": "nothing is raised: the text ends early",
        "reset-mid-stream": "nothing is raised: the text ends early",
    },
    Client.CREATE: {
        "overloaded-mid-stream": "`APIError` of type `overloaded_error` is raised",
        "ends-without-message-stop": _EARLY,
        "cut-mid-text": "`TypeError` (`terminated`), which is no `APIError`, is raised",
        "reset-mid-stream": "`TypeError` (`terminated`), which is no `APIError`, is raised",
        "stall-mid-stream": _WAITS,
        "duplicated-events": _DOUBLED,
        "cut-inside-tool-input": "nothing is raised: the tool's input is `{\"locatio`, and `stop_reason` is null",
        "overloaded-then-fine": _RETRIES,
    },
    Client.VERCEL: {
        "overloaded-mid-stream": 'nothing is raised: the text ends early, and `finishReason` is "error"',
        "ends-without-message-stop": 'nothing is raised: the text ends early, and `finishReason` is "interrupted"',
        "cut-mid-text": "`APICallError` (`Failed to process successful response`) is raised",
        "reset-mid-stream": "`APICallError` (`Failed to process successful response`) is raised",
        "stall-mid-stream": "nothing is raised: the text ends early, and `finishReason` rejects with `TimeoutError`",
        "duplicated-events": 'nothing is raised: the text is doubled, and `finishReason` is "stop"',
        "cut-inside-tool-input": 'nothing is raised: the tool does not run, and `finishReason` is "interrupted"',
        "overloaded-then-fine": "it asks again by itself, up to 2 times, after 2 s and 4 s, or as `retry-after` says",
    },
    Client.LANGCHAIN: {
        "overloaded-mid-stream": "`APIError` of type `overloaded_error` is raised",
        "ends-without-message-stop": _EARLY,
        "cut-mid-text": "`TypeError` (`terminated`) is raised",
        "reset-mid-stream": "`TypeError` (`terminated`) is raised",
        "stall-mid-stream": _WAITS,
        "duplicated-events": _DOUBLED,
        "cut-inside-tool-input": "nothing is raised: the call is in `tool_calls` with the input {}, and `stop_reason` is null",
        "overloaded-then-fine": "it asks again by itself, up to 6 times, after 1 to 2 s and 2 to 4 s, whatever the head says",
    },
}

_LOST = "Catch more than the SDK's own errors of the API, and take the answer for incomplete."

REMEDIES: dict[str, str] = {
    "overloaded-mid-stream": (
        "No client asks again by itself once the stream has begun: throw the partial text away, or continue it, and ask again. "
        "In JavaScript take `finalMessage()`, or look for the `error` parts of `fullStream`: a loop alone may miss the error."
    ),
    "ends-without-message-stop": "Take an answer without a stop reason, or with one that means an error, for incomplete.",
    "cut-mid-text": _LOST,
    "reset-mid-stream": _LOST,
    "stall-mid-stream": (
        "Abort the stream yourself when nothing came for a while. In JavaScript the `timeout` of the SDK, with or without "
        "LangChain, is over when the head has come, and `fetch` gives up after 5 minutes without a byte; the AI SDK has "
        "`timeout: { firstChunkMs, chunkMs }`, and without it waits as long."
    ),
    "duplicated-events": "A client cannot tell, but for the output tokens in `usage`, for which the text is too long.",
    "cut-inside-tool-input": "Run no tool before the stop reason says so (`tool_use`).",
    "overloaded-then-fine": "Nothing, but for the number of retries (`maxRetries`): the clients do it themselves.",
}
