"""Each shipped scenario has the outcome it is meant to have, with every version of the SDK at hand.

The SDK that is installed here is always asked; others are, if `STREAMLAB_SDK_PYTHONS` names the interpreters that have them
(`.ci/sdk_versions` makes two).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clocks import Hurried
from scenario_outcomes import NAMES, STREAMED_ONLY, cases

from streamlab.files.library import scenario_names
from streamlab.files.scenario import load
from streamlab.net.lab import Host, Lab

SCRIPT = Path(__file__).with_name("scenario_outcomes.py")
OTHERS = [python for python in os.environ.get("STREAMLAB_SDK_PYTHONS", "").split(os.pathsep) if python]

HTTPX = {0: "httpx", 1: "httpx2", 2: "httpx2"}
"""What a major version of the SDK is built on: the errors of the wire come out of it as they are."""

Outcome = dict[str, Any]


def says(text: str, stop: str = "end_turn", **more: Any) -> Outcome:
    """Return the outcome of a call that gives a message."""
    return {"text": text, "stop": stop, **more}


def raises(error: str, partial: str = "") -> Outcome:
    """Return the outcome of a call that raises, of which only the SDK's own errors are for `except anthropic.APIError`."""
    return {"error": error, "is_api_error": error.startswith("anthropic."), "partial": partial}


EXPECTED: dict[str, tuple[list[int], list[Outcome]]] = {
    "agent-loop": (
        [200, 200],
        [
            says(
                "Let me look.",
                "tool_use",
                tools=[["get_weather", {"location": "San Francisco"}]],
                thinking="The user wants the weather, so I need the tool.",
                signed=True,
            ),
            says("It is 18 degrees and sunny in San Francisco."),
        ],
    ),
    "code-execution": ([200], [says("I will compute that.Two to the power of 64 is 18446744073709551616.")]),
    "compaction": ([200], [says("Shall we go on with bridges?")]),
    "empty-answer": ([200], [says("")]),
    "keep-alive-pings": ([200], [says("Let me think about that. Done.")]),
    "mcp": ([200], [says("A token is a piece of text.")]),
    "pause-turn": ([200, 200], [says("Let me search for a while.", "pause_turn"), says("I found it after all.")]),
    "redacted-thinking": (
        [200],
        [says("And this is the answer.", thinking="This part of the thinking can be read.", signed=True)],
    ),
    "refusal": ([200], [says("I can start with", "refusal")]),
    "stop-sequence": ([200], [says("One, two, three, ", "stop_sequence")]),
    "structured-output": (
        [200],
        [says('{"name": "Jeddah Light", "height_m": 133, "built": 1990, "colours": ["white"]}')],
    ),
    "tool-search": ([200], [says("", "tool_use", tools=[["get_exchange_rate", {"from": "EUR", "to": "JPY"}]])]),
    "tool-without-arguments": ([200], [says("", "tool_use", tools=[["get_time", {}]])]),
    "unicode": (
        [200],
        [
            says(
                "Family: \U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466, flag: \U0001f1ef\U0001f1f5, "
                "e with an accent in two pieces: e\u0301, Arabic: \u0645\u0631\u062d\u0628\u0627, "
                "Hebrew: \u05e9\u05dc\u05d5\u05dd, line separator: \u2028, paragraph separator: \u2029, next line: \x85."
            )
        ],
    ),
    "very-long-thinking": ([200], [says("The answer is 42.", thinking="24627 characters", signed=True)]),
    "web-fetch": ([200], [says("The page says that the Jeddah Light is 133 metres tall.")]),
    "web-search-with-citations": (
        [200],
        [says("I will search for that.The tallest lighthouse is the Jeddah Light, at 133 metres..")],
    ),
    "bad-key": ([401], [raises("anthropic.AuthenticationError")]),
    "conversation": (
        [200, 200, 200],
        [
            says("Hello! What is your name?"),
            says("Nice to meet you. What would you like to know?"),
            says("That is all I know. Goodbye!"),
        ],
    ),
    "cut-mid-text": ([200], [raises("HTTPX.RemoteProtocolError", "This answer is cut off before")]),
    "haiku": (
        [200],
        [says("Tokens drift like leaves,\neach one small and out of sight,\ntill the whole tree speaks.\n")],
    ),
    "hello": ([200], [says("Hello from streamlab.")]),
    "long-answer": ([200], [says("11049 characters", deltas=2000)]),
    "max-tokens": ([200], [says("This answer was going to be much longer, but the limit that was", "max_tokens")]),
    "overloaded-mid-stream": (
        [200, 200],
        [raises("anthropic.APIStatusError", "One two three"), says("One two three four five six seven eight.")],
    ),
    "overloaded-then-fine": ([529, 529, 200], [says("Fine now.")]),
    "parallel-tools": (
        [200],
        [
            says(
                "I will look at both cities.",
                "tool_use",
                tools=[["get_weather", {"location": "Paris"}], ["get_weather", {"location": "Tokyo"}]],
            )
        ],
    ),
    "rate-limited": ([429, 200], [says("Thank you for waiting.")]),
    "stall-mid-stream": ([200], [raises("HTTPX.ReadTimeout", "This answer stops in the")]),
    "thinking": (
        [200],
        [says("17 + 25 = 42.", thinking="The user wants the sum of 17 and 25. 17 plus 25 is 42.", signed=True)],
    ),
    "tool-use": (
        [200],
        [
            says(
                "Let me look at the weather.",
                "tool_use",
                tools=[["get_weather", {"location": "San Francisco, CA", "unit": "celsius"}]],
            )
        ],
    ),
}
"""The statuses that the server gave, retries included, and what the SDK made of each call."""


@pytest.fixture(scope="module", params=[sys.executable, *OTHERS], ids=["installed", *OTHERS])
def run(request: pytest.FixtureRequest) -> Iterator[tuple[dict[str, Any], dict[str, Lab]]]:
    """Ask every scenario in every mode with one version of the SDK; give what it printed, and the labs it called."""
    host = Host(clock=Hurried())
    labs = {case: host.lab() for case in cases()}
    for case, lab in labs.items():
        lab.load(case.split()[0])
    urls = json.dumps({case: lab.url for case, lab in labs.items()})
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    try:
        done = subprocess.run(
            [request.param, str(SCRIPT), urls], env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout), labs
    finally:
        host.stop()


@pytest.mark.parametrize("case", cases())
def test_a_scenario_has_the_outcome_it_is_meant_to_have(run: tuple[dict[str, Any], dict[str, Lab]], case: str) -> None:
    """The message, the error and the retries are those of the table, with a stream, without one, and asynchronously."""
    printed, labs = run
    statuses, outcomes = expected(case, int(printed["version"].split(".")[0]))
    assert printed["outcomes"][case] == outcomes
    assert [call.status for call in labs[case].journal] == statuses
    labs[case].verify()


def expected(case: str, major: int) -> tuple[list[int], list[Outcome]]:
    """Return the row of the table for a case, as it is with one major version of the SDK."""
    name, mode = case.split()
    statuses, outcomes = EXPECTED[name]
    unseen = {"deltas"} if mode == "create" else set()
    rows = [{key: value for key, value in outcome.items() if key not in unseen} for outcome in outcomes]
    for row in rows:
        if "error" in row:
            row["error"] = row["error"].replace("HTTPX", HTTPX[major])
    return statuses, rows


@pytest.mark.skipif(not OTHERS, reason="STREAMLAB_SDK_PYTHONS names no interpreters with other versions of the SDK")
def test_other_versions_are_asked_as_well() -> None:
    """The interpreters that are named have versions of their own."""
    ask = [sys.executable, *OTHERS]
    show = "import anthropic; print(anthropic.__version__)"
    versions = [subprocess.run([python, "-c", show], capture_output=True, text=True, check=True).stdout for python in ask]
    assert len(set(versions)) == len(versions)


def test_every_shipped_scenario_is_in_the_table() -> None:
    """A scenario cannot be added without saying what comes of it."""
    assert tuple(sorted(NAMES)) == tuple(sorted(EXPECTED)) == scenario_names()


@pytest.mark.parametrize("name", scenario_names())
def test_a_shipped_scenario_says_what_it_is_for(name: str) -> None:
    """`about` says what happens, and what a good client does."""
    about = load(name).about
    assert about
    assert about == about.strip()
    assert any(phrase in about for phrase in ("A good client", "The SDKs", "No client should")), about


def without_ids(content: list[Any]) -> list[dict[str, Any]]:
    """Return the blocks of an answer without what differs between two answers: ids and signatures."""
    made = {"id", "tool_use_id", "signature", "parsed_output"}
    return [{key: value for key, value in block.model_dump().items() if key not in made} for block in content]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in STREAMED_ONLY and name != "bad-key"])
def test_the_answer_without_a_stream_is_the_same_message(name: str) -> None:
    """Block by block, field by field, for the client that knows every block."""
    host = Host(clock=Hurried())
    lab = host.lab()
    lab.load(name)
    asked: dict[str, Any] = {
        "model": "claude-sonnet-4-6",
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": "Hello"}],
    }
    try:
        whole = lab.client.beta.messages.create(**asked)
        with lab.client.beta.messages.stream(**asked) as stream:
            streamed = stream.get_final_message()
    finally:
        lab.close()
        host.stop()
    assert without_ids(whole.content) == without_ids(streamed.content)
    assert (whole.stop_reason, whole.stop_details) == (streamed.stop_reason, streamed.stop_details)
    assert whole.usage.model_dump() == streamed.usage.model_dump()
