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
from scenario_outcomes import NAMES, cases

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
    host = Host()
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
