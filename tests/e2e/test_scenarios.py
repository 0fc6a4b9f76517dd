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

OLDER = {
    "anthropic.ContentTooLargeError": "anthropic.RequestTooLargeError",
    "anthropic.GatewayTimeoutError": "anthropic.InternalServerError",
    "anthropic.PaymentRequiredError": "anthropic.APIStatusError",
    "anthropic.RequestTimeoutError": "anthropic.APIStatusError",
    "anthropic.ServiceUnavailableError": "anthropic.InternalServerError",
}
HTTPX = {
    "httpx2.DecodingError": "httpx.DecodingError",
    "httpx2.ReadError": "httpx.ReadError",
    "httpx2.ReadTimeout": "httpx.ReadTimeout",
    "httpx2.RemoteProtocolError": "httpx.RemoteProtocolError",
}
NOT_BEGUN = "an event before message_start"
RAISED: dict[int, dict[str, str]] = {
    0: {**OLDER, **HTTPX, NOT_BEGUN: "builtins.RuntimeError"},
    1: {**OLDER, NOT_BEGUN: "builtins.AssertionError"},
    2: {NOT_BEGUN: "builtins.AssertionError"},
}
"""What a major version of the SDK raises where the table says something else, which is mostly what version 2 raises."""

Outcome = dict[str, Any]


def says(text: str, stop: str | None = "end_turn", **more: Any) -> Outcome:
    """Return the outcome of a call that gives a message."""
    return {"text": text, "stop": stop, **more}


def raises(error: str, partial: str = "") -> Outcome:
    """Return the outcome of a call that raises, of which only the SDK's own errors are for `except anthropic.APIError`."""
    return {"error": error, "is_api_error": error.startswith("anthropic."), "partial": partial}


Row = tuple[list[int | None], list[Outcome]]
"""The statuses that the server gave, retries included (None if it gave none), and what the SDK made of each call."""

EACH = {
    400: "BadRequestError",
    401: "AuthenticationError",
    402: "PaymentRequiredError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    408: "RequestTimeoutError",
    409: "ConflictError",
    413: "ContentTooLargeError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
    502: "InternalServerError",
    503: "ServiceUnavailableError",
    504: "GatewayTimeoutError",
    529: "OverloadedError",
}
"""What the SDK raises for each status of an error before the stream."""

EXPECTED: dict[str, Row] = {
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
    "refused-key": ([401], [raises("anthropic.AuthenticationError")]),
    "conversation": (
        [200, 200, 200],
        [
            says("Hello! What is your name?"),
            says("Nice to meet you. What would you like to know?"),
            says("That is all I know. Goodbye!"),
        ],
    ),
    "cut-mid-text": ([200], [raises("httpx2.RemoteProtocolError", "This answer is cut off before")]),
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
    "rate-limited-retry-after": ([429, 200], [says("Thank you for waiting.")]),
    "stall-mid-stream": ([200], [raises("httpx2.ReadTimeout", "This answer stops in the")]),
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
    "all-in-one-write": ([200], [says("All of this comes at once.")]),
    "bad-gzip": ([200], [raises("httpx2.DecodingError")]),
    "bom": ([200], [raises(NOT_BEGUN)]),
    "bytes-after-stop": ([200], [says("What follows this is garbage.")]),
    "comments-and-retry": ([200], [says("Nothing of the comments is part of this.")]),
    "crlf": ([200], [says("The lines of this end in two characters.")]),
    "cut-before-message-stop": (
        [200],
        [raises("httpx2.RemoteProtocolError", "All of this answer has come, but nobody says goodbye.")],
    ),
    "cut-inside-tool-input": ([200], [says("", None, tools=[["get_weather", {}]])]),
    "cut-inside-utf8": ([200], [raises("builtins.UnicodeDecodeError", "The weather is")]),
    "delta-before-start": ([200], [raises("builtins.IndexError")]),
    "done-sentinel": ([200], [says("Done is not JSON.")]),
    "duplicated-events": ([200], [says("TwiceTwice as as long. long.")]),
    "ends-without-message-stop": ([200], [says("This answer stops early, and", None)]),
    "error-before-first-token": ([200, 200], [raises("anthropic.APIStatusError"), says("Second time lucky.")]),
    "error-of-each-type": (
        [*EACH, *[200] * 12],
        [
            *(raises(f"anthropic.{name}") for name in EACH.values()),
            *[raises("anthropic.APIStatusError", "Half")] * 11,
            says("That was the last of them."),
        ],
    ),
    "gzip": ([200], [says("Compressed, and still word by word.")]),
    "html-502": ([502, 200], [says("The proxy is back.")]),
    "huge-frame": ([200], [says("One word of this is very large.")]),
    "interleaved-blocks": ([200], [says("The one block, and the other.", pieces="Theand one the block, other. ")]),
    "invalid-utf8": ([200], [raises("builtins.UnicodeDecodeError", "One")]),
    "json-instead-of-sse": ([200], [raises("builtins.AssertionError")]),
    "keep-open-after-stop": ([200], [raises("httpx2.ReadTimeout", "This is all, and yet the line stays open.")]),
    "malformed-json": ([200], [raises("json.JSONDecodeError", "The")]),
    "missing-start": ([200], [raises(NOT_BEGUN)]),
    "no-answer": ([None, 200], [says("Here I am.")]),
    "not-retryable-429": ([429], [raises("anthropic.RateLimitError")]),
    "one-byte-at-a-time": ([200], [says("Byte by byte: déjà vu, 東京, \U0001f600.")]),
    "out-of-order-blocks": ([200], [raises("builtins.IndexError")]),
    "ping-flood": ([200], [says("A thousand pings come in the middle of this.")]),
    "rate-limited-no-hint": ([429, 200], [says("Thank you for waiting.")]),
    "redirect": ([307, 200], [says("Here I am.")]),
    "request-too-large": ([413], [raises("anthropic.ContentTooLargeError")]),
    "reset-mid-stream": ([200], [raises("httpx2.ReadError", "This answer is torn off by a")]),
    "silent-thinking-with-pings": ([200], [says("I have thought about it.", thinking="", signed=True)]),
    "slow-drip": ([200], [says("Drip drop drip drop.")]),
    "slow-headers": ([200], [says("Sorry to have kept you waiting.")]),
    "split-frames": ([200], [says("Split anywhere: déjà vu, 東京, \U0001f600.")]),
    "stall-before-first-token": ([200], [raises("httpx2.ReadTimeout")]),
    "timeout-504": ([504, 200], [says("In time at last.")]),
    "truncated-json-frame": ([200], [raises("json.JSONDecodeError", "The")]),
    "unknown-block": ([200], [says("The hologram is beside this.")]),
    "unknown-delta": ([200], [says("The hologram is not part of this.")]),
    "unknown-event": ([200], [says("The weather report is not part of this.")]),
    "wrong-content-type": ([200], [says("This is no plain text.")]),
}

WITHOUT_A_STREAM: dict[str, Row] = {
    "bad-gzip": ([200, 200], [says("This can be read.")]),
    "error-of-each-type": ([*EACH], [raises(f"anthropic.{name}") for name in EACH.values()]),
}
"""What is otherwise where no stream is asked for."""


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


def expected(case: str, major: int) -> Row:
    """Return the row of the table for a case, as it is with one major version of the SDK."""
    name, mode = case.split()
    is_whole = mode == "create"
    statuses, outcomes = WITHOUT_A_STREAM.get(name, EXPECTED[name]) if is_whole else EXPECTED[name]
    unseen = {"deltas"} if is_whole else set()
    rows = [{key: value for key, value in outcome.items() if key not in unseen} for outcome in outcomes]
    for row in rows:
        if "error" in row:
            row["error"] = RAISED[major].get(row["error"], row["error"])
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


def is_answered(name: str) -> bool:
    """Return whether a scenario answers every call at once with a message, with a stream or without."""
    return {*EXPECTED[name][0]} == {200} and name not in STREAMED_ONLY and name not in WITHOUT_A_STREAM


@pytest.mark.parametrize("name", [name for name in NAMES if is_answered(name)])
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
