"""What the installed SDK makes of the shipped scenarios, printed as JSON: a script for any version of `anthropic`.

    python scenario_outcomes.py                           start `streamlab serve` for each scenario
    python scenario_outcomes.py '{"hello stream": URL}'   use servers that run; a key is a scenario and a mode

It imports nothing but the SDK, so that it runs where streamlab is not installed. A mode is a way of calling the SDK:
`stream`, `async` or `create` (no stream).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic

PATIENCE = 1.0
"""Seconds without a byte after which the client gives up in the scenarios that would keep it waiting for ever."""
KEPT_WAITING = ("keep-open-after-stop", "no-answer", "stall-before-first-token", "stall-mid-stream")
AT_ONCE = 8
"""How many conversations are held at the same time, since many of them wait."""
LONG = 200
TOOL = {
    "name": "get_weather",
    "description": "Tells the weather.",
    "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}},
}

Messages = list[dict[str, Any]]
Outcome = dict[str, Any]

TURNS = {
    "agent-loop": 2,
    "conversation": 3,
    "error-before-first-token": 2,
    "error-of-each-type": 27,
    "error-of-each-type create": 15,
    "overloaded-mid-stream": 2,
    "pause-turn": 2,
}
"""How many calls a scenario, or a case of it, takes; one if it is not here."""
STREAMED_ONLY = (
    *("bom", "bytes-after-stop", "comments-and-retry", "crlf", "cut-before-message-stop", "cut-inside-tool-input"),
    *("cut-inside-utf8", "cut-mid-text", "delta-before-start", "done-sentinel", "duplicated-events"),
    *("ends-without-message-stop", "error-before-first-token", "huge-frame", "interleaved-blocks", "invalid-utf8"),
    *("json-instead-of-sse", "keep-open-after-stop", "malformed-json", "missing-start", "out-of-order-blocks"),
    *("overloaded-mid-stream", "ping-flood", "reset-mid-stream", "silent-thinking-with-pings", "stall-before-first-token"),
    *("stall-mid-stream", "truncated-json-frame", "unknown-block", "unknown-delta", "unknown-event"),
)
"""Scenarios whose faults stand at events, and so have no answer without a stream."""
NAMES = (
    *("agent-loop", "all-in-one-write", "bad-gzip", "bom", "bytes-after-stop", "code-execution", "comments-and-retry"),
    *("compaction", "conversation", "crlf", "cut-before-message-stop", "cut-inside-tool-input", "cut-inside-utf8"),
    *("cut-mid-text", "delta-before-start", "done-sentinel", "duplicated-events", "empty-answer"),
    *("ends-without-message-stop", "error-before-first-token", "error-of-each-type", "gzip", "haiku", "hello", "html-502"),
    *("huge-frame", "interleaved-blocks", "invalid-utf8", "json-instead-of-sse", "keep-alive-pings", "keep-open-after-stop"),
    *("long-answer", "malformed-json", "max-tokens", "mcp", "missing-start", "no-answer", "not-retryable-429"),
    *("one-byte-at-a-time", "out-of-order-blocks", "overloaded-mid-stream", "overloaded-then-fine", "parallel-tools"),
    *("pause-turn", "ping-flood", "rate-limited-no-hint", "rate-limited-retry-after", "redacted-thinking", "redirect"),
    *("refusal", "refused-key", "request-too-large", "reset-mid-stream", "silent-thinking-with-pings", "slow-drip"),
    *("slow-headers", "split-frames", "stall-before-first-token", "stall-mid-stream", "stop-sequence", "structured-output"),
    *("thinking", "timeout-504", "tool-search", "tool-use", "tool-without-arguments", "truncated-json-frame", "unicode"),
    *("unknown-block", "unknown-delta", "unknown-event", "very-long-thinking", "web-fetch", "web-search-with-citations"),
    *("wrong-content-type",),
)


def cases() -> list[str]:
    """Return each scenario with each mode that it can be asked in."""
    modes = {name: ("stream", "async") if name in STREAMED_ONLY else ("stream", "async", "create") for name in NAMES}
    return [f"{name} {mode}" for name in NAMES for mode in modes[name]]


def converse(url: str, name: str, mode: str) -> list[Outcome]:
    """Hold the conversation that a scenario is about; return what came of each call."""
    timeout = anthropic.Timeout(30.0, read=PATIENCE if name in KEPT_WAITING else 30.0)
    settings = {"base_url": url, "api_key": "no-key", "timeout": timeout}
    turns = TURNS.get(f"{name} {mode}", TURNS.get(name, 1))
    if mode == "async":
        return asyncio.run(converse_later(settings, turns))
    messages: Messages = [{"role": "user", "content": "Hello"}]
    with anthropic.Anthropic(**settings) as client:
        return [gone_on(messages, *call(client, messages, mode)) for _ in range(turns)]


async def converse_later(settings: dict[str, Any], turns: int) -> list[Outcome]:
    """Do the same with the asynchronous client."""
    messages: Messages = [{"role": "user", "content": "Hello"}]
    async with anthropic.AsyncAnthropic(**settings) as client:
        return [gone_on(messages, *await call_later(client, messages)) for _ in range(turns)]


def gone_on(messages: Messages, outcome: Outcome, content: Any) -> Outcome:
    """Add an answer, and what the user says to it, to the conversation; return what came of the call."""
    if content:
        messages.append({"role": "assistant", "content": content})
    if content and outcome["stop"] != "pause_turn":
        messages.append({"role": "user", "content": answer(content)})
    return outcome


def answer(content: Any) -> Any:
    """Return what the user says next: the results of the tools, or a word."""
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "18 degrees"}
        for block in content
        if block.type == "tool_use"
    ]
    return results or "Go on."


def call(client: anthropic.Anthropic, messages: Messages, mode: str) -> tuple[Outcome, Any]:
    """Call once, with or without a stream; return what came of it, and the answer's content."""
    seen: list[str] = []
    try:
        if mode == "create":
            message = client.messages.create(**asked(messages))
        else:
            with client.messages.stream(**asked(messages)) as stream:
                seen.extend(event.text for event in stream if event.type == "text")
                message = stream.get_final_message()
    except Exception as error:  # noqa: BLE001 - what a client meets is what is compared
        return failed(error, seen), None
    return described(message, seen)


async def call_later(client: anthropic.AsyncAnthropic, messages: Messages) -> tuple[Outcome, Any]:
    """Do the same with the asynchronous client."""
    seen: list[str] = []
    try:
        async with client.messages.stream(**asked(messages)) as stream:
            async for event in stream:
                seen.extend([event.text] if event.type == "text" else [])
            message = await stream.get_final_message()
    except Exception as error:  # noqa: BLE001 - what a client meets is what is compared
        return failed(error, seen), None
    return described(message, seen)


def asked(messages: Messages) -> dict[str, Any]:
    """Return the arguments of a call."""
    return {"model": "claude-sonnet-4-6", "max_tokens": 1024, "messages": messages, "tools": [TOOL]}


def described(message: Any, seen: list[str]) -> tuple[Outcome, Any]:
    """Return what a message says, and its content."""
    if not isinstance(message, anthropic.types.Message):
        return {"instead": type(message).__name__}, None
    text = "".join(block.text for block in message.content if block.type == "text")
    outcome: Outcome = {"text": shortened(text), "stop": message.stop_reason}
    if seen and "".join(seen) != text:
        outcome["pieces"] = "".join(seen)
    if len(text) > LONG and seen:
        outcome["deltas"] = len(seen)
    if tools := [[block.name, block.input] for block in message.content if block.type == "tool_use"]:
        outcome["tools"] = tools
    if thoughts := [block for block in message.content if block.type == "thinking"]:
        outcome["thinking"] = shortened("".join(block.thinking for block in thoughts))
        outcome["signed"] = all(block.signature for block in thoughts)
    return outcome, message.content


def shortened(text: str) -> str:
    """Return a text, or how long it is."""
    return text if len(text) <= LONG else f"{len(text)} characters"


def failed(error: Exception, seen: list[str]) -> Outcome:
    """Return what was raised, and the text that had come before."""
    kind = type(error)
    return {
        "error": f"{kind.__module__.split('.')[0]}.{kind.__name__}",
        "is_api_error": isinstance(error, anthropic.APIError),
        "partial": "".join(seen),
    }


@contextlib.contextmanager
def served(name: str) -> Iterator[str]:
    """Run `streamlab serve` for a scenario."""
    command = ["streamlab", "serve", name, "--port", "0", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def main(arguments: list[str]) -> None:
    """Print what came of each case."""
    urls: dict[str, str] = json.loads(arguments[0]) if arguments else {}

    def outcomes(case: str) -> list[Outcome]:
        name, mode = case.split()
        with contextlib.nullcontext(urls[case]) if urls else served(name) as url:
            return converse(url, name, mode)

    asked = list(urls) or cases()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(asked, pool.map(outcomes, asked), strict=True))
    print(json.dumps({"version": anthropic.__version__, "outcomes": found}, indent=1))  # noqa: T201 - it is a script


if __name__ == "__main__":
    main(sys.argv[1:])
