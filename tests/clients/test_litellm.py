# ruff: noqa: D103 - the names say it
"""LiteLLM, which speaks to the API without the SDK: what it streams, and what it does when a stream breaks."""

from __future__ import annotations

import json

import pytest
from frameworks.programs import BOTH, BROKEN, Programs, asked_again, programs_of
from outcomes_frameworks import OUTCOMES, VERSIONS, Client
from python.calls import told_to_wait

from streamlab import Call, Lab, error, text

HELLO = "Hello from streamlab."
TOLD = OUTCOMES[Client.LITELLM]

programs = programs_of("litellm", "litellm")


def was_whole(call: Call, *, events: int) -> None:
    """Check that a call of LiteLLM's own HTTP client asked for a stream, and had all of it."""
    assert (call.request.path, call.request.stream, call.status) == ("/v1/messages", True, 200)
    assert call.request.header("x-stainless-lang") is None
    assert (call.events_sent, call.ended, call.ended_by) == (events, "complete", "server")


def test_the_table_is_of_the_version_that_is_installed(programs: Programs) -> None:
    assert programs.version("litellm") == VERSIONS["litellm"]["litellm"]


@BOTH
@pytest.mark.streamlab(scenario="hello")
def test_the_text_comes_piece_by_piece(streamlab: Lab, programs: Programs, way: str) -> None:
    shown = programs.run("litellm_stream.py", way)
    assert shown.pieces == ["Hello", " from", " streamlab."]
    assert (shown.one("answer"), shown.one("end")) == (HELLO, "stop")
    was_whole(streamlab.journal.only, events=8)


@pytest.mark.streamlab(scenario="hello")
def test_a_program_of_its_own_is_pointed_by_the_environment_alone(streamlab: Lab, programs: Programs) -> None:
    assert programs.run_alone("litellm_stream.py", "sync").one("answer") == HELLO
    was_whole(streamlab.journal.only, events=8)


def test_another_variable_goes_before_that_of_the_sdk(streamlab: Lab, programs: Programs) -> None:
    """Who has `ANTHROPIC_API_BASE` set, is not pointed by `ANTHROPIC_BASE_URL`."""
    with programs.having(ANTHROPIC_API_BASE="http://127.0.0.1:9"):
        shown = programs.run("litellm_stream.py", "sync")
    assert shown.one("error")["class"] == "litellm.InternalServerError"
    assert len(streamlab.journal) == 0


@BOTH
@pytest.mark.streamlab(scenario="agent-loop")
def test_a_tool_runs_and_its_result_is_sent(streamlab: Lab, programs: Programs, way: str) -> None:
    shown = programs.run("litellm_tools.py", way)
    fragments = "".join(piece for pieces in shown.all("input_json") for piece in pieces)
    assert json.loads(fragments) == shown.one("ran") == {"location": "San Francisco"}
    assert shown.all("end") == ["tool_calls", "stop"]
    assert shown.text == "Let me look.It is 18 degrees and sunny in San Francisco."
    first, second = streamlab.journal
    assert (first.request.tools, second.request.tool_results) == (["get_weather"], ["get_weather"])
    was_whole(second, events=12)


@BOTH
@pytest.mark.parametrize("failure", BROKEN)
def test_what_it_does_when_the_stream_breaks(streamlab: Lab, programs: Programs, failure: str, way: str) -> None:
    options = json.dumps({"timeout": 0.5} if "stall" in failure else {})
    shown = programs.run_broken(streamlab, failure, "litellm_stream.py", way, options)
    assert shown.told("finish_reason") == TOLD[failure]


@BOTH
@pytest.mark.streamlab(scenario="overloaded-mid-stream")
def test_an_error_in_mid_stream_is_not_the_one_that_the_api_named(streamlab: Lab, programs: Programs, way: str) -> None:
    """The guides catch RateLimitError, or InternalServerError; what is raised is neither, but a ServiceUnavailableError."""
    shown = programs.run("litellm_stream.py", way, '{"num_retries": 2}')
    kinds = shown.one("error")["kinds"]
    assert "litellm.ServiceUnavailableError" in kinds
    assert "litellm.InternalServerError" not in kinds
    assert "overloaded_error" not in shown.one("error")["message"]
    assert len(streamlab.journal) == 1


@BOTH
@pytest.mark.streamlab(scenario="cut-inside-tool-input")
def test_a_tool_whose_input_is_cut_looks_complete(streamlab: Lab, programs: Programs, way: str) -> None:
    shown = programs.run("litellm_tools.py", way)
    told = f"nothing is raised: the input of the tool is `{shown.one('calls')[0]}`, `finish_reason` is {shown.one('end')}"
    assert told == TOLD["cut-inside-tool-input"]
    assert (shown.one("error")["class"], shown.all("ran")) == ("json.JSONDecodeError", [])  # raised by the program itself
    assert (streamlab.journal.only.events_sent, streamlab.journal.only.ended) == (4, "end")


@BOTH
@pytest.mark.streamlab(scenario="overloaded-then-fine")
def test_it_does_not_retry_by_itself(streamlab: Lab, programs: Programs, way: str) -> None:
    shown = programs.run("litellm_stream.py", way)
    assert shown.told("finish_reason") + asked_again(streamlab.journal.waits) == TOLD["overloaded-then-fine"]
    assert streamlab.journal.statuses == (529,)


@BOTH
def test_with_num_retries_it_retries_without_a_wait(streamlab: Lab, programs: Programs, way: str) -> None:
    """It does not wait as long as the answer says, either."""
    streamlab.reply(error("rate_limit", times=2, headers={"retry-after": "30"}))
    streamlab.reply(error("overloaded"))
    streamlab.reply("Fine now.")
    assert told_to_wait(streamlab) == "30"
    shown = programs.run("litellm_stream.py", way, '{"num_retries": 2}')
    assert shown.one("answer") == "Fine now."
    assert (streamlab.journal.statuses[1:], streamlab.journal.attempts[1:]) == ((429, 529, 200), (1, 1, 1))
    assert max(streamlab.journal.waits[1:]) < 30


@BOTH
@pytest.mark.streamlab(scenario="overloaded-then-fine")
def test_without_tenacity_num_retries_does_nothing(streamlab: Lab, programs: Programs, way: str) -> None:
    """The guide says `pip install litellm` and `num_retries`; the asynchronous error even says that it was done."""
    shown = programs.run("litellm_bare.py", "litellm_stream.py", way, '{"num_retries": 2}')
    said = {"sync": "tenacity import failed", "async": "LiteLLM Retried: 2 times"}
    assert said[way] in shown.one("error")["message"]
    assert streamlab.journal.statuses == (529,)


def test_without_mcp_tools_do_not_work(streamlab: Lab, programs: Programs) -> None:
    """The guide says `pip install litellm`; this version imports `mcp` as soon as there is a tool."""
    shown = programs.run("litellm_bare.py", "litellm_tools.py", "sync")
    assert shown.one("error")["class"] == "builtins.ModuleNotFoundError"
    assert len(streamlab.journal) == 0


# region count
COUNT = ["one", " two", " three", " four", " five"]
# endregion


# region test
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("error: overloaded, after: delta 3", "lost: InternalServerError"),
        ("cut: end, after: delta 3", "stopped too early"),
        ("cut: fin, after: delta 3", "lost: APIConnectionError"),
        ("cut: reset, after: delta 3", "lost: APIConnectionError"),
        ("stall: forever, after: delta 3", "lost: APIConnectionError"),
        ("stall: forever, before: delta 1", "lost: APIConnectionError"),
        ("broken_json: malformed, of: delta 2", "stopped too early"),
        ("gzip: plain", "lost: APIConnectionError"),
    ],
)
def test_a_careful_program_notices_and_asks_again(streamlab: Lab, programs: Programs, fault: str, said: str) -> None:
    streamlab.reply(text(COUNT), faults=[fault])
    streamlab.reply("One to five.")
    shown = programs.run("litellm_careful.py", "0.7")
    assert (shown.one("again"), shown.one("answer")) == (said, "One to five.")
    assert streamlab.wait_for(2).statuses == (200, 200)


# endregion


@pytest.mark.streamlab(scenario="refused-key")
def test_a_careful_program_does_not_ask_again_in_vain(streamlab: Lab, programs: Programs) -> None:
    assert programs.run("litellm_careful.py").one("error")["class"] == "litellm.AuthenticationError"
    assert streamlab.journal.only.status == 401
