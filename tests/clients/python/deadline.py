# ruff: noqa: D103, T201 - a program that prints
"""Show an answer, but for no longer than so many seconds in all: `python deadline.py SECONDS`."""

from __future__ import annotations

import json
import signal
import sys
from types import FrameType

import anthropic


class DeadlineExceeded(Exception):  # noqa: N818 - it reads better where it is caught
    """The time is over."""


def over(_signal: int, _frame: FrameType | None) -> None:
    raise DeadlineExceeded


shown = []
outcome = "whole"
signal.signal(signal.SIGALRM, over)
with anthropic.Anthropic() as client:
    try:
        signal.setitimer(signal.ITIMER_REAL, float(sys.argv[1]))
        with client.messages.stream(
            model="claude-sonnet-4-6", max_tokens=1024, messages=[{"role": "user", "content": "Tell me a long story."}]
        ) as stream:
            for text in stream.text_stream:
                shown.append(text)  # noqa: PERF402 - what was shown must be known when the alarm comes
    except DeadlineExceeded:
        outcome = "deadline"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
print(json.dumps({"outcome": outcome, "shown": "".join(shown)}))
