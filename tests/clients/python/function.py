# ruff: noqa: T201 - a program that prints
"""A function on a platform that kills it when its time is over: `python function.py [SECONDS]`.

With SECONDS it minds the time: it stops by itself after so long, and says that there is more.
"""

from __future__ import annotations

import json
import sys
import time

import anthropic


def handle(stop_after: float) -> None:
    """Answer, line by line, as the platform passes it on."""
    until = time.monotonic() + stop_after
    with (
        anthropic.Anthropic() as client,
        client.messages.stream(
            model="claude-sonnet-4-6", max_tokens=1024, messages=[{"role": "user", "content": "Tell me a long story."}]
        ) as stream,
    ):
        for text in stream.text_stream:
            print(json.dumps({"text": text}), flush=True)
            if time.monotonic() > until:
                print(json.dumps({"done": False}), flush=True)
                return
    print(json.dumps({"done": True}), flush=True)


print(json.dumps({"ready": True}), flush=True)
handle(float(sys.argv[1]) if len(sys.argv) > 1 else float("inf"))
