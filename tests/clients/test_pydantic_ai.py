# ruff: noqa: D103 - the names say it
"""pydantic-ai with the SDK: what its agents stream, and what they do when a stream breaks."""

from __future__ import annotations

import json

import pytest
from frameworks.programs import BOTH, BROKEN, Programs, asked_again, programs_of
from outcomes_frameworks import OUTCOMES, VERSIONS, Client

from streamlab import Call, Lab, error, text

HELLO = "Hello from streamlab."
COUNT = ["one", " two", " three", " four", " five"]
TOLD = OUTCOMES[Client.PYDANTIC_AI]
NAMED = ["pydantic-ai-slim", "anthropic"]

programs = programs_of("pydantic-ai", "pydantic_ai.models.anthropic", "pydantic_ai.providers.anthropic")


def was_whole(call: Call, *, events: int) -> None:
    """Check that a call asked for a stream, and had all of it."""
    assert (call.request.path, call.request.stream) == ("/v1/messages", True)
    assert (call.status, call.events_sent, call.ended, call.ended_by) == (200, events, "complete", "server")


def test_the_table_is_of_the_versions_that_are_installed(programs: Programs) -> None:
    assert {name: programs.version(name) for name in NAMED} == {name: VERSIONS["pydantic-ai"][name] for name in NAMED}


@BOTH
@pytest.mark.streamlab(scenario="hello")
def test_the_text_comes_piece_by_piece(streamlab: Lab, programs: Programs, way: str) -> None:
    shown = programs.run("pydantic_ai_stream.py", way)
    assert shown.pieces == ["Hello", " from", " streamlab."]
    assert (shown.one("answer"), shown.one("end")) == (HELLO, "stop")
    was_whole(streamlab.journal.only, events=8)


@pytest.mark.streamlab(scenario="hello")
def test_a_program_of_its_own_is_pointed_by_the_environment_alone(streamlab: Lab, programs: Programs) -> None:
    assert programs.run_alone("pydantic_ai_stream.py", "sync").one("answer") == HELLO
    was_whole(streamlab.journal.only, events=8)


@BOTH
@pytest.mark.streamlab(scenario="agent-loop")
def test_a_tool_runs_and_its_result_is_sent(streamlab: Lab, programs: Programs, way: str) -> None:
    shown = programs.run("pydantic_ai_tools.py", way)
    fragments = "".join(piece for pieces in shown.all("input_json") for piece in pieces)
    assert json.loads(fragments) == shown.one("ran") == {"location": "San Francisco"}
    assert (shown.one("answer"), shown.one("end")) == ("It is 18 degrees and sunny in San Francisco.", "stop")
    first, second = streamlab.journal
    assert (first.request.tools, second.request.tool_results) == (["get_weather"], ["get_weather"])
    was_whole(second, events=12)


@BOTH
@pytest.mark.parametrize("failure", BROKEN)
def test_what_it_does_when_the_stream_breaks(streamlab: Lab, programs: Programs, failure: str, way: str) -> None:
    options = json.dumps({"timeout": 0.5} if "stall" in failure else {})
    shown = programs.run_broken(streamlab, failure, "pydantic_ai_stream.py", way, options)
    assert shown.told("finish_reason") == TOLD[failure]


@BOTH
@pytest.mark.streamlab(scenario="ends-without-message-stop")
def test_an_answer_that_ends_early_has_the_state_complete(streamlab: Lab, programs: Programs, way: str) -> None:
    shown = programs.run("pydantic_ai_stream.py", way)
    assert (shown.one("state"), shown.one("end")) == ("complete", None)
    assert streamlab.journal.only.ended == "end"


@BOTH
def test_a_tool_whose_input_is_cut_is_sent_back_as_broken(streamlab: Lab, programs: Programs, way: str) -> None:
    streamlab.load("cut-inside-tool-input")
    shown = programs.run("pydantic_ai_tools.py", way)
    assert shown.all("ran") == []
    told = f"after {len(streamlab.journal)} such answers `{shown.one('error')['class']}` is raised"
    assert f"the tool does not run: the call is sent back as broken, and {told}" == TOLD["cut-inside-tool-input"]
    first, second = streamlab.journal
    assert (first.events_sent, first.ended) == (4, "end")
    (result,) = second.request.messages[-1]["content"]
    assert result["is_error"] is True
    assert "EOF while parsing" in json.dumps(result["content"])


@BOTH
def test_it_retries_by_itself_before_the_stream(streamlab: Lab, programs: Programs, way: str) -> None:
    streamlab.reply(error("overloaded"), times=2)
    streamlab.reply("Fine now.")
    shown = programs.run("pydantic_ai_stream.py", way)
    assert shown.told("finish_reason") + asked_again(streamlab.journal.waits) == TOLD["overloaded-then-fine"]
    assert (streamlab.journal.statuses, streamlab.journal.attempts) == ((529, 529, 200), (1, 2, 3))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("error: overloaded, after: delta 3", "lost: ModelOverloadedError"),
        ("cut: end, after: delta 3", "stopped too early"),
        ("cut: reset, after: delta 3", "lost: ModelConnectionError"),
        ("stall: forever, after: delta 3", "lost: ModelTimeoutError"),
        ("broken_json: malformed, of: delta 2", "lost: ModelAPIError"),
        ("invalid_utf8: delta 2", "lost: ModelAPIError"),
        ("gzip: plain", "lost: DecodingError"),
        ("drop: message_start", "lost: AssertionError"),
    ],
)
def test_a_careful_program_notices_and_asks_again(streamlab: Lab, programs: Programs, fault: str, said: str) -> None:
    streamlab.reply(text(COUNT), faults=[fault])
    streamlab.reply("One to five.")
    shown = programs.run("pydantic_ai_careful.py", "0.7")
    assert (shown.one("again"), shown.one("answer")) == (said, "One to five.")
    assert streamlab.wait_for(2).statuses == (200, 200)


@pytest.mark.streamlab(scenario="refused-key")
def test_a_careful_program_does_not_ask_again_in_vain(streamlab: Lab, programs: Programs) -> None:
    assert programs.run("pydantic_ai_careful.py").one("error")["class"] == "pydantic_ai.ModelAuthenticationError"
    assert streamlab.journal.only.status == 401
