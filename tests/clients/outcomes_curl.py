"""What curl does when a stream breaks, and what a script has to do about it."""

from __future__ import annotations

VERSION = "7.88.1"
"""The version of curl of which this is true."""
CURL = f"curl {VERSION}: `curl -N`"

_DELTA = "the last that it prints is `content_block_delta`"

OUTCOMES: dict[str, dict[str, str]] = {
    CURL: {
        "overloaded-mid-stream": "it exits with 0; the last that it prints is `error`, the text is 'One two three'",
        "ends-without-message-stop": f"it exits with 0; {_DELTA}, the text is 'This answer stops early, and'",
        "cut-mid-text": f"it exits with 18; {_DELTA}, the text is 'This answer is cut off before'",
        "reset-mid-stream": f"it exits with 56; {_DELTA}, the text is 'This answer is torn off by a'",
        "stall-mid-stream": (
            f"it waits for ever, or exits with 28 after `--max-time`; {_DELTA}, the text is 'This answer stops in the'"
        ),
        "duplicated-events": (
            "it exits with 0; the last that it prints is `message_stop`, the text is 'TwiceTwice as as long. long.'"
        ),
        "cut-inside-tool-input": f"it exits with 0; {_DELTA}, which is not whole",
        "overloaded-then-fine": "it exits with 0; the last that it prints is `overloaded_error`, and it does not ask again",
    },
}
"""What it does in each shipped scenario."""

_END = "Look at the last event: only `message_stop` is a whole answer."
_STATUS = "Look at the exit status, and at the last event."

REMEDIES: dict[str, dict[str, str]] = {
    CURL: {
        "overloaded-mid-stream": _END,
        "ends-without-message-stop": _END,
        "cut-mid-text": _STATUS,
        "reset-mid-stream": _STATUS,
        "stall-mid-stream": "Set `--max-time`, or `--speed-limit 1 --speed-time SECONDS`, which pings keep from striking.",
        "duplicated-events": "Nothing tells; compare the length of the text with `usage.output_tokens` if it matters.",
        "cut-inside-tool-input": _END,
        "overloaded-then-fine": (
            "Write `--fail-with-body`, which exits with 22, and ask again: `--retry` does not know status 529, and "
            "`--retry-all-errors` prints the beginning of a broken stream twice."
        ),
    }
}
"""What to write instead, for each scenario."""
