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
_WHOLE = 'nothing is raised: the text is whole, and `stop_reason` is "end_turn"'
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
        "cut-inside-utf8": _NO_MESSAGE,
        "missing-start": "`AnthropicError` (`request ended without sending any chunks`), which is no `APIError`, is raised",
        "delta-before-start": (
            "`AnthropicError` (`Cannot read properties of undefined (reading 'type')`), which is no `APIError`, is raised"
        ),
        "cut-inside-tool-input": f"{_NO_MESSAGE}; the tool does not run",
        "overloaded-then-fine": _RETRIES,
    },
    Client.LOOP: {
        "overloaded-mid-stream": "nothing is raised: the text ends early",
        "ends-without-message-stop": "nothing is raised: the text ends early",
        "cut-mid-text": "nothing is raised: the text ends early",
        "reset-mid-stream": "nothing is raised: the text ends early",
        "cut-inside-utf8": "nothing is raised: the text ends early",
        "missing-start": "nothing is raised: the text is whole",
        "delta-before-start": "nothing is raised: the text ends early",
    },
    Client.CREATE: {
        "overloaded-mid-stream": "`APIError` of type `overloaded_error` is raised",
        "ends-without-message-stop": _EARLY,
        "cut-mid-text": "`TypeError` (`terminated`), which is no `APIError`, is raised",
        "reset-mid-stream": "`TypeError` (`terminated`), which is no `APIError`, is raised",
        "stall-mid-stream": _WAITS,
        "duplicated-events": _DOUBLED,
        "cut-inside-utf8": _EARLY,
        "missing-start": _WHOLE,
        "delta-before-start": _WHOLE,
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
        "cut-inside-utf8": 'nothing is raised: the text ends early, and `finishReason` is "interrupted"',
        "missing-start": 'nothing is raised: the text is whole, and `finishReason` is "stop"',
        "delta-before-start": 'nothing is raised: the text is whole, and `finishReason` is "stop"',
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
        "cut-inside-utf8": _EARLY,
        "missing-start": _WHOLE,
        "delta-before-start": _WHOLE,
        "cut-inside-tool-input": "nothing is raised: the call is in `tool_calls` with the input {}, and `stop_reason` is null",
        "overloaded-then-fine": "it asks again by itself, up to 6 times, after 1 to 2 s and 2 to 4 s, whatever the head says",
    },
}

_ERROR = "Catch it, look at its `type`, and ask again: no client does once the stream has begun."
_NOT_OF_API = "Catch `AnthropicError`, and not only `APIError`, and ask again."
_NOT_OF_SDK = "Catch every error, and not only those of the SDK, and ask again."
_FINAL = "Await `finalMessage()` after the loop: it raises what a loop may miss."
_NO_START = "Nothing: the text is whole; the input tokens may be missing in its usage."
_TOO_EARLY = "Nothing: the text is whole."
_LAST_CHUNK = "Take an answer for whole only if the sum of its chunks has a `stop_reason` in `additional_kwargs`."
_TWICE = "Nothing tells; compare the length of the text with the output tokens in its usage if it matters."
_HEAD_ONLY = "`timeout` is over when the head has come, and `fetch` gives up after 5 minutes without a byte."
_MORE = "Nothing; set `maxRetries` if more or fewer tries are wanted."

REMEDIES: dict[str, dict[str, str]] = {
    Client.STREAM: {
        "overloaded-mid-stream": _ERROR,
        "ends-without-message-stop": _NOT_OF_API,
        "cut-mid-text": _NOT_OF_API,
        "reset-mid-stream": _NOT_OF_API,
        "stall-mid-stream": f"Call `abort()` when nothing came for a while: {_HEAD_ONLY}",
        "duplicated-events": _TWICE,
        "cut-inside-utf8": _NOT_OF_API,
        "missing-start": _NOT_OF_API,
        "delta-before-start": _NOT_OF_API,
        "cut-inside-tool-input": 'Run tools only when `finalMessage()` has said `stop_reason: "tool_use"`.',
        "overloaded-then-fine": _MORE,
    },
    Client.LOOP: {
        "overloaded-mid-stream": _FINAL,
        "ends-without-message-stop": _FINAL,
        "cut-mid-text": _FINAL,
        "reset-mid-stream": _FINAL,
        "cut-inside-utf8": _FINAL,
        "missing-start": _FINAL,
        "delta-before-start": _FINAL,
    },
    Client.CREATE: {
        "overloaded-mid-stream": _ERROR,
        "ends-without-message-stop": "Take an answer for whole only if `message_stop` came.",
        "cut-mid-text": _NOT_OF_SDK,
        "reset-mid-stream": _NOT_OF_SDK,
        "stall-mid-stream": f"Call `controller.abort()` of the stream when nothing came for a while: {_HEAD_ONLY}",
        "duplicated-events": _TWICE,
        "cut-inside-utf8": "Take an answer for whole only if `message_stop` came.",
        "missing-start": _NO_START,
        "delta-before-start": _TOO_EARLY,
        "cut-inside-tool-input": "Run a tool only after its `content_block_stop`, and if the stop reason is `tool_use`.",
        "overloaded-then-fine": _MORE,
    },
    Client.VERCEL: {
        "overloaded-mid-stream": "Read `fullStream`, which has the error as a part, and ask again.",
        "ends-without-message-stop": ("Await `finishReason`: only with `stop`, `length` and `tool-calls` is an answer whole."),
        "cut-mid-text": "Catch what the loop raises, and ask again.",
        "reset-mid-stream": "Catch what the loop raises, and ask again.",
        "stall-mid-stream": "Set `timeout: { firstChunkMs, chunkMs }`, without which it waits, and await `finishReason`.",
        "duplicated-events": _TWICE,
        "cut-inside-utf8": "Await `finishReason`: only with `stop`, `length` and `tool-calls` is an answer whole.",
        "missing-start": _NO_START,
        "delta-before-start": "Read `fullStream` if it matters, which has an error as a part.",
        "cut-inside-tool-input": "Nothing for the tool; await `finishReason`.",
        "overloaded-then-fine": _MORE,
    },
    Client.LANGCHAIN: {
        "overloaded-mid-stream": _ERROR,
        "ends-without-message-stop": _LAST_CHUNK,
        "cut-mid-text": _NOT_OF_SDK,
        "reset-mid-stream": _NOT_OF_SDK,
        "stall-mid-stream": f"Abort the `signal` given to `stream()` when nothing came for a while: {_HEAD_ONLY}",
        "duplicated-events": _TWICE,
        "cut-inside-utf8": _LAST_CHUNK,
        "missing-start": _NO_START,
        "delta-before-start": _TOO_EARLY,
        "cut-inside-tool-input": "Never run a tool unless `stop_reason` is `tool_use`, and give it required parameters.",
        "overloaded-then-fine": _MORE,
    },
}
"""What to write instead, for each client and scenario."""
