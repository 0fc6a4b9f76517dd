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
from typing import Any

import anthropic

PATIENCE = {"stall-mid-stream": 0.5}
"""Seconds without a byte after which the client gives up; 30 if the scenario is not here."""
LONG = 200
TOOL = {
    "name": "get_weather",
    "description": "Tells the weather.",
    "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}},
}

Messages = list[dict[str, Any]]
Outcome = dict[str, Any]

TURNS = {"conversation": 3, "agent-loop": 2, "overloaded-mid-stream": 2, "pause-turn": 2}
"""How many calls a scenario takes; one if it is not here."""
STREAMED_ONLY = ("cut-mid-text", "overloaded-mid-stream", "stall-mid-stream")
"""Scenarios whose faults stand at events, and so have no answer without a stream."""
NAMES = (
    *("agent-loop", "bad-key", "code-execution", "compaction", "conversation", "cut-mid-text", "empty-answer", "haiku"),
    *("hello", "keep-alive-pings", "long-answer", "max-tokens", "mcp", "overloaded-mid-stream", "overloaded-then-fine"),
    *("parallel-tools", "pause-turn", "rate-limited", "redacted-thinking", "refusal", "stall-mid-stream", "stop-sequence"),
    *("structured-output", "thinking", "tool-search", "tool-use", "tool-without-arguments", "unicode"),
    *("very-long-thinking", "web-fetch", "web-search-with-citations"),
)


def cases() -> list[str]:
    """Return each scenario with each mode that it can be asked in."""
    modes = {name: ("stream", "async") if name in STREAMED_ONLY else ("stream", "async", "create") for name in NAMES}
    return [f"{name} {mode}" for name in NAMES for mode in modes[name]]


def converse(url: str, name: str, mode: str) -> list[Outcome]:
    """Hold the conversation that a scenario is about; return what came of each call."""
    messages: Messages = [{"role": "user", "content": "Hello"}]
    outcomes = []
    for _ in range(TURNS.get(name, 1)):
        settings = {"base_url": url, "api_key": "no-key", "timeout": PATIENCE.get(name, 30.0)}
        outcome, content = asyncio.run(call_later(settings, messages)) if mode == "async" else call(settings, messages, mode)
        outcomes.append(outcome)
        if content:
            messages.append({"role": "assistant", "content": content})
        if content and outcome["stop"] != "pause_turn":
            messages.append({"role": "user", "content": answer(content)})
    return outcomes


def answer(content: Any) -> Any:
    """Return what the user says next: the results of the tools, or a word."""
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "18 degrees"}
        for block in content
        if block.type == "tool_use"
    ]
    return results or "Go on."


def call(settings: dict[str, Any], messages: Messages, mode: str) -> tuple[Outcome, Any]:
    """Call once, with or without a stream; return what came of it, and the answer's content."""
    seen: list[str] = []
    with anthropic.Anthropic(**settings) as client:
        try:
            if mode == "create":
                message = client.messages.create(**asked(messages))
            else:
                with client.messages.stream(**asked(messages)) as stream:
                    seen.extend(event.text for event in stream if event.type == "text")
                    message = stream.get_final_message()
        except Exception as error:  # noqa: BLE001 - what a client meets is what is compared
            return failed(error, seen), None
    return described(message, seen), message.content


async def call_later(settings: dict[str, Any], messages: Messages) -> tuple[Outcome, Any]:
    """Do the same with the asynchronous client."""
    seen: list[str] = []
    async with anthropic.AsyncAnthropic(**settings) as client:
        try:
            async with client.messages.stream(**asked(messages)) as stream:
                async for event in stream:
                    seen.extend([event.text] if event.type == "text" else [])
                message = await stream.get_final_message()
        except Exception as error:  # noqa: BLE001 - what a client meets is what is compared
            return failed(error, seen), None
    return described(message, seen), message.content


def asked(messages: Messages) -> dict[str, Any]:
    """Return the arguments of a call."""
    return {"model": "claude-sonnet-4-6", "max_tokens": 1024, "messages": messages, "tools": [TOOL]}


def described(message: Any, seen: list[str]) -> Outcome:
    """Return what a message says."""
    text = "".join(block.text for block in message.content if block.type == "text")
    assert not seen or "".join(seen) == text, "the pieces are the whole"
    outcome: Outcome = {"text": shortened(text), "stop": message.stop_reason}
    if len(text) > LONG and seen:
        outcome["deltas"] = len(seen)
    if tools := [[block.name, block.input] for block in message.content if block.type == "tool_use"]:
        outcome["tools"] = tools
    if thoughts := [block for block in message.content if block.type == "thinking"]:
        outcome["thinking"] = shortened("".join(block.thinking for block in thoughts))
        outcome["signed"] = all(block.signature for block in thoughts)
    return outcome


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
    outcomes: dict[str, list[Outcome]] = {}
    for case in urls or cases():
        name, mode = case.split()
        with contextlib.nullcontext(urls[case]) if urls else served(name) as url:
            outcomes[case] = converse(url, name, mode)
    print(json.dumps({"version": anthropic.__version__, "outcomes": outcomes}, indent=1))  # noqa: T201 - it is a script


if __name__ == "__main__":
    main(sys.argv[1:])
