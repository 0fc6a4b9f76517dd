"""Make the cassettes of this folder again: each by `streamlab record`, in front of `streamlab serve` with one of our scenarios.

python cassettes/make.py            all of them
python cassettes/make.py thinking   those that are named
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
CASSETTES = {
    "plain-answer": "haiku",
    "thinking": "thinking",
    "tools": "parallel-tools",
    "agent-loop": "agent-loop",
    "error-in-mid-stream": "overloaded-mid-stream",
    "dropped-stream": "reset-mid-stream",
    "rate-limit-then-success": "rate-limited-retry-after",
    "slow-with-pings": "FOLDER/slow-with-pings.scenario.yaml",
    "web-search": "web-search-with-citations",
}
"""The scenario that each cassette is recorded from."""
TURNS = {"agent-loop": 2, "error-in-mid-stream": 2}
TOOL = {
    "name": "get_weather",
    "description": "Tells the weather.",
    "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}},
}


def main(names: list[str]) -> None:
    """Make the cassettes of these names, or all."""
    for name in names or CASSETTES:
        out = FOLDER / f"{name}.yaml"
        with served(CASSETTES[name].replace("FOLDER", str(FOLDER))) as url:
            out.unlink(missing_ok=True)
            command = [sys.executable, __file__, "--talk", str(TURNS.get(name, 1))]
            record = ["record", "--upstream", url, "--port", "0", "--out", str(out), "--", *command]
            subprocess.run([sys.executable, "-m", "streamlab", *record], check=True)
        out.chmod(0o644)  # there is nothing secret in these


@contextlib.contextmanager
def served(scenario: str) -> Iterator[str]:
    """Serve a scenario; give its URL."""
    command = [sys.executable, "-m", "streamlab", "serve", scenario, "--port", "0", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()


def talk(turns: int) -> None:
    """Hold a conversation of so many calls with the official SDK, whatever comes of them."""
    import anthropic  # noqa: PLC0415 - only the process that talks needs it
    import httpx2  # noqa: PLC0415 - the same

    messages: list[Any] = [{"role": "user", "content": "Hello"}]
    with anthropic.Anthropic(api_key="no-key") as client:
        for _ in range(turns):
            content: Any = None
            asked: dict[str, Any] = {"model": "claude-sonnet-4-6", "max_tokens": 1024, "messages": messages, "tools": [TOOL]}
            # A broken stream is what some cassettes are about.
            with contextlib.suppress(anthropic.APIError, httpx2.TransportError), client.messages.stream(**asked) as stream:
                content = stream.get_final_message().content
            if content:
                results = [
                    {"type": "tool_result", "tool_use_id": block.id, "content": "18 degrees"}
                    for block in content
                    if block.type == "tool_use"
                ]
                messages += [{"role": "assistant", "content": content}, {"role": "user", "content": results or "Go on."}]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--talk"]:
        talk(int(sys.argv[2]))
    else:
        main(sys.argv[1:])
