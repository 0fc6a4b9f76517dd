"""What the Python SDK does when a stream breaks, and what a program has to do about it."""

from __future__ import annotations

VERSION = "2.11.0"
"""The version of `anthropic` of which this is true."""

STREAM = f"Python SDK {VERSION}: `messages.stream()`"
CREATE = f"Python SDK {VERSION}: a loop over `messages.create(stream=True)`"

_BOTH: dict[str, str] = {
    "overloaded-mid-stream": "`anthropic.APIStatusError`, with status 200, is raised after 'One two three'",
    "ends-without-message-stop": "nothing is raised: the text is 'This answer stops early, and', `stop_reason` is None",
    "cut-mid-text": "`httpx2.RemoteProtocolError`, which is no `APIError`, is raised after 'This answer is cut off before'",
    "reset-mid-stream": "`httpx2.ReadError`, which is no `APIError`, is raised after 'This answer is torn off by a'",
    "stall-mid-stream": "`httpx2.ReadTimeout`, which is no `APIError`, is raised after 'This answer stops in the'",
    "duplicated-events": "nothing is raised: the text is 'TwiceTwice as as long. long.', `stop_reason` is end_turn",
    "cut-inside-utf8": "`builtins.UnicodeDecodeError`, which is no `APIError`, is raised after 'The weather is'",
    "overloaded-then-fine": (
        "nothing is raised: the text is 'Fine now.', `stop_reason` is end_turn; "
        "it asks 3 times, after half a second and a second"
    ),
}
"""What is the same for a helper and for a loop over raw events."""

OUTCOMES: dict[str, dict[str, str]] = {
    STREAM: {
        **_BOTH,
        "missing-start": "`builtins.AssertionError`, which is no `APIError`, is raised after 'Who is speaking?'",
        "delta-before-start": "`builtins.IndexError`, which is no `APIError`, is raised after ''",
        "cut-inside-tool-input": "nothing is raised: the input of the tool is `{}`, `stop_reason` is None",
    },
    CREATE: {
        **_BOTH,
        "missing-start": "nothing is raised: the text is 'Who is speaking?', `stop_reason` is end_turn",
        "delta-before-start": "nothing is raised: the text is 'The first word comes too early.', `stop_reason` is end_turn",
        "cut-inside-tool-input": 'nothing is raised: the input of the tool is `{"locatio`, `stop_reason` is None',
    },
}
"""Of each client, what it does in each shipped scenario; synchronous and asynchronous clients do the same."""

_LOST = "Catch `httpx2.TransportError` beside `anthropic.APIError` (that of `httpx` before version 2 of the SDK)."
_ANY = "Catch every error once the stream has begun, and not only those of the SDK and of HTTP, and ask again."
_WHOLE = "Take an answer for whole only if `message_stop` came; an answer without it may have a `stop_reason`, or None."

_INSTEAD: dict[str, str] = {
    "overloaded-mid-stream": (
        "Catch `anthropic.APIStatusError`, look at its `type` and not at its status, and ask again: the SDK does not."
    ),
    "ends-without-message-stop": _WHOLE,
    "cut-mid-text": _LOST,
    "reset-mid-stream": _LOST,
    "stall-mid-stream": (
        "Set `timeout`, which is ten minutes otherwise, and catch `httpx2.TransportError` beside `anthropic.APIError`."
    ),
    "duplicated-events": "Nothing tells; compare the length of the text with `usage.output_tokens` if it matters.",
    "cut-inside-utf8": _ANY,
    "missing-start": "Take an answer for whole only if `message_start` came, too; the model and the input tokens are in it.",
    "delta-before-start": _ANY,
    "cut-inside-tool-input": "Never run a tool unless `stop_reason` is `tool_use`.",
    "overloaded-then-fine": "Nothing; set `max_retries` if two more tries are not enough.",
}
REMEDIES: dict[str, dict[str, str]] = {
    STREAM: _INSTEAD,
    CREATE: {**_INSTEAD, "delta-before-start": "Nothing: the text is whole. Put deltas together by their `index`."},
}
"""What to write instead, for each client and scenario."""
