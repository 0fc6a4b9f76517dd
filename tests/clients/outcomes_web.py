"""What servers that send an answer on, and programs in a browser, do when a stream breaks, and what to write instead."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["CHROMIUM", "CLIENTS", "DEPENDENCIES", "OUTCOMES", "PACKAGES", "REMEDIES", "VERSIONS"]

_WEB = Path(__file__).parent / "web"


PACKAGES: dict[str, str] = dict(line.split("==") for line in (_WEB / "requirements.txt").read_text(encoding="utf-8").split())
"""The packages of Python that are installed, with their versions."""
DEPENDENCIES: dict[str, dict[str, str]] = {
    part: json.loads((_WEB / part / "package.json").read_text(encoding="utf-8"))["dependencies"] for part in ("next", "browser")
}
"""The packages of Node that are installed for Next.js and for the pages in the browser, with their versions."""
VERSIONS = PACKAGES | DEPENDENCIES["next"] | DEPENDENCIES["browser"]
"""All of them."""
CHROMIUM = 156
"""The version of Chromium of which this is true; the system has no other, and may have a later one."""
_SDK = f"TypeScript SDK {VERSIONS['@anthropic-ai/sdk']}"
CLIENTS = {
    "fastapi naive": f"FastAPI {VERSIONS['fastapi']}: an endpoint as in the guides",
    "fastapi careful": f"FastAPI {VERSIONS['fastapi']}: an endpoint that tells its page of failures",
    "next naive": f"Next.js {VERSIONS['next']}: a route as in the guides",
    "next careful": f"Next.js {VERSIONS['next']}: a route that tells its page of failures",
    "browser sdk": f"{_SDK} in Chromium {CHROMIUM}: `messages.stream()` with `finalMessage()`",
    "browser fetch": f"a page in Chromium {CHROMIUM} that reads with `fetch`",
}
"""The clients, as the table calls them."""

_BREAKS = "its body breaks off"
_LOST = "raises `{}: network error`, and may lose what had come before"
_DOUBLED = "it sends 'TwiceTwice as as long. long.', then `[DONE]`"
_FINE = "it sends 'Fine now.', then `[DONE]`"
_HALF = "it sends 'This answer stops early, and', then"
_NO_MESSAGE = "raises `AnthropicError: stream ended without producing a Message with role=assistant`"

OUTCOMES: dict[str, dict[str, str]] = {
    CLIENTS["fastapi naive"]: {
        "overloaded-mid-stream": _BREAKS,
        "ends-without-message-stop": f"{_HALF} `[DONE]`",
        "cut-mid-text": _BREAKS,
        "reset-mid-stream": _BREAKS,
        "stall-mid-stream": _BREAKS,
        "duplicated-events": _DOUBLED,
        "overloaded-then-fine": _FINE,
        "cut-inside-utf8": _BREAKS,
        "missing-start": "it sends 'Who is speaking?', then `[DONE]`",
        "delta-before-start": _BREAKS,
        "refused-key": _BREAKS,
    },
    CLIENTS["fastapi careful"]: {
        "overloaded-mid-stream": 'it sends \'One two three\', then `{"error": "APIStatusError"}`',
        "ends-without-message-stop": f'{_HALF} `{{"error": "incomplete"}}`',
        "cut-mid-text": 'it sends \'This answer is cut off before\', then `{"error": "RemoteProtocolError"}`',
        "reset-mid-stream": 'it sends \'This answer is torn off by a\', then `{"error": "ReadError"}`',
        "stall-mid-stream": 'it sends \'This answer stops in the\', then `{"error": "ReadTimeout"}`',
        "duplicated-events": _DOUBLED,
        "overloaded-then-fine": _FINE,
        "cut-inside-utf8": 'it sends \'The weather is\', then `{"error": "UnicodeDecodeError"}`',
        "missing-start": 'it sends \'Who is speaking?\', then `{"error": "incomplete"}`',
        "delta-before-start": 'it sends \'\', then `{"error": "IndexError"}`',
        "refused-key": 'it sends \'\', then `{"error": "AuthenticationError"}`',
    },
    CLIENTS["next naive"]: {
        "overloaded-mid-stream": _BREAKS,
        "ends-without-message-stop": f"{_HALF} `[DONE]`",
        "cut-mid-text": _BREAKS,
        "reset-mid-stream": _BREAKS,
        "stall-mid-stream": "it sends 'This answer stops in the', then nothing, for ever",
        "duplicated-events": _DOUBLED,
        "overloaded-then-fine": _FINE,
        "cut-inside-utf8": "it sends 'The weather is', then `[DONE]`",
        "missing-start": _BREAKS,
        "delta-before-start": _BREAKS,
        "refused-key": _BREAKS,
    },
    CLIENTS["next careful"]: {
        "overloaded-mid-stream": 'it sends \'One two three\', then `{"error": "overloaded_error"}`',
        "ends-without-message-stop": f'{_HALF} `{{"error": "broken_off"}}`',
        "cut-mid-text": 'it sends \'This answer is cut off before\', then `{"error": "broken_off"}`',
        "reset-mid-stream": 'it sends \'This answer is torn off by a\', then `{"error": "broken_off"}`',
        "stall-mid-stream": 'it sends \'This answer stops in the\', then `{"error": "broken_off"}`',
        "duplicated-events": _DOUBLED,
        "overloaded-then-fine": _FINE,
        "cut-inside-utf8": 'it sends \'The weather is\', then `{"error": "broken_off"}`',
        "missing-start": 'it sends \'Who is speaking?\', then `{"error": "broken_off"}`',
        "delta-before-start": 'it sends \'The\', then `{"error": "broken_off"}`',
        "refused-key": 'it sends \'\', then `{"error": "authentication_error"}`',
    },
    CLIENTS["browser sdk"]: {
        "overloaded-mid-stream": "raises `APIError` with `overloaded_error`",
        "ends-without-message-stop": _NO_MESSAGE,
        "cut-mid-text": _LOST.format("AnthropicError"),
        "reset-mid-stream": _LOST.format("AnthropicError"),
        "stall-mid-stream": "it waits for ever",
        "duplicated-events": "nothing is raised: the text is 'TwiceTwice as as long. long.', the stop_reason is 'end_turn'",
        "overloaded-then-fine": "nothing is raised: the text is 'Fine now.', the stop_reason is 'end_turn'",
        "cut-inside-tool-input": _NO_MESSAGE,
    },
    CLIENTS["browser fetch"]: {
        "overloaded-mid-stream": "nothing is raised: the last event is `error`, the text is 'One two three'",
        "ends-without-message-stop": (
            "nothing is raised: the last event is `content_block_delta`, the text is 'This answer stops early, and'"
        ),
        "cut-mid-text": _LOST.format("TypeError"),
        "reset-mid-stream": _LOST.format("TypeError"),
        "stall-mid-stream": "it waits for ever",
        "duplicated-events": (
            "nothing is raised: the last event is `message_stop`, the text is 'TwiceTwice as as long. long.'"
        ),
        "overloaded-then-fine": "nothing is raised: the status is 529, and no event comes",
        "cut-inside-tool-input": ("nothing is raised: the last event is `content_block_delta`, the text is '{\"locatio'"),
    },
}
"""What they do in each shipped scenario."""

_TELL = "Catch what is raised, and tell the page in a frame: the status is sent already."
_IS_TOLD = "Nothing; the page looks for a frame with `error`, and has none of the text but what was sent."
_TWICE = "Nothing tells; compare the length of the text with `usage.output_tokens` if it matters."
_BY_SDK = "Nothing: the SDK asks again by itself, while the page waits with status 200."
_WHOLE = "Send `[DONE]` only after `message_stop`."
_IN_TIME = "Abort the `signal` of the call when nothing came for a while."

REMEDIES: dict[str, dict[str, str]] = {
    CLIENTS["fastapi naive"]: {
        "overloaded-mid-stream": _TELL,
        "ends-without-message-stop": f"{_WHOLE} Read the events, and not `text_stream`, which hides it.",
        "cut-mid-text": _TELL,
        "reset-mid-stream": _TELL,
        "stall-mid-stream": f"Give the SDK a `timeout`; its own is ten minutes. {_TELL}",
        "duplicated-events": _TWICE,
        "overloaded-then-fine": _BY_SDK,
        "cut-inside-utf8": _TELL,
        "missing-start": "Send `[DONE]` only after `message_start` and `message_stop`.",
        "delta-before-start": _TELL,
        "refused-key": _TELL,
    },
    CLIENTS["fastapi careful"]: {
        "overloaded-mid-stream": _IS_TOLD,
        "ends-without-message-stop": _IS_TOLD,
        "cut-mid-text": _IS_TOLD,
        "reset-mid-stream": _IS_TOLD,
        "stall-mid-stream": _IS_TOLD,
        "duplicated-events": _TWICE,
        "overloaded-then-fine": _BY_SDK,
        "cut-inside-utf8": _IS_TOLD,
        "missing-start": _IS_TOLD,
        "delta-before-start": _IS_TOLD,
        "refused-key": _IS_TOLD,
    },
    CLIENTS["next naive"]: {
        "overloaded-mid-stream": _TELL,
        "ends-without-message-stop": f"{_WHOLE} `finalMessage()` throws if there was none.",
        "cut-mid-text": _TELL,
        "reset-mid-stream": _TELL,
        "stall-mid-stream": f"Give the call a deadline: `AbortSignal.timeout()`. {_TELL}",
        "duplicated-events": _TWICE,
        "overloaded-then-fine": _BY_SDK,
        "cut-inside-utf8": f"{_WHOLE} `finalMessage()` throws if there was none.",
        "missing-start": _TELL,
        "delta-before-start": _TELL,
        "refused-key": _TELL,
    },
    CLIENTS["next careful"]: {
        "overloaded-mid-stream": _IS_TOLD,
        "ends-without-message-stop": _IS_TOLD,
        "cut-mid-text": _IS_TOLD,
        "reset-mid-stream": _IS_TOLD,
        "stall-mid-stream": _IS_TOLD,
        "duplicated-events": _TWICE,
        "overloaded-then-fine": _BY_SDK,
        "cut-inside-utf8": _IS_TOLD,
        "missing-start": _IS_TOLD,
        "delta-before-start": _IS_TOLD,
        "refused-key": _IS_TOLD,
    },
    CLIENTS["browser sdk"]: {
        "overloaded-mid-stream": "Catch it, look at its `type`, and ask again: the SDK does not.",
        "ends-without-message-stop": "Catch `AnthropicError`, and not only `APIError`, and ask again.",
        "cut-mid-text": "Catch `AnthropicError`, and not only `APIError`, and ask again.",
        "reset-mid-stream": "Catch `AnthropicError`, and not only `APIError`, and ask again.",
        "stall-mid-stream": f"{_IN_TIME} The SDK's `timeout` is over when the head has come.",
        "duplicated-events": _TWICE,
        "overloaded-then-fine": "Nothing; set `maxRetries` if two more tries are not enough.",
        "cut-inside-tool-input": 'Run tools only when `finalMessage()` has said `stop_reason: "tool_use"`.',
    },
    CLIENTS["browser fetch"]: {
        "overloaded-mid-stream": "Look for the event `error`: the status says nothing of it.",
        "ends-without-message-stop": "Take an answer for whole only if `message_stop` came.",
        "cut-mid-text": "Catch the `TypeError` of the reader, and ask again.",
        "reset-mid-stream": "Catch the `TypeError` of the reader, and ask again.",
        "stall-mid-stream": _IN_TIME,
        "duplicated-events": _TWICE,
        "overloaded-then-fine": "Look at the status, which `fetch` does not throw, and ask again yourself.",
        "cut-inside-tool-input": "Run a tool only if `message_stop` came, and the stop reason is `tool_use`.",
    },
}
"""What to write instead, for each client and scenario."""
