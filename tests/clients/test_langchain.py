# ruff: noqa: D103 - the names say it
"""LangChain with `langchain-anthropic`: what it streams, and what it does when a stream breaks."""

from __future__ import annotations

import json

import pytest
from frameworks.programs import BOTH, BROKEN, Programs, asked_again, programs_of
from outcomes_frameworks import OUTCOMES, VERSIONS, Client

from streamlab import Call, Lab, error, message, text

HELLO = "Hello from streamlab."
TOLD = OUTCOMES[Client.LANGCHAIN]
NAMED = ["langchain-anthropic", "langchain-core", "anthropic"]

programs = programs_of("langchain", "langchain_anthropic")


def was_whole(call: Call, *, events: int) -> None:
    """Check that a call asked for a stream, and had all of it."""
    assert (call.request.path, call.request.stream, call.status) == ("/v1/messages", True, 200)
    assert (call.events_sent, call.ended, call.ended_by) == (events, "complete", "server")


def test_the_table_is_of_the_versions_that_are_installed(programs: Programs) -> None:
    assert {name: programs.version(name) for name in NAMED} == {name: VERSIONS["langchain"][name] for name in NAMED}


@BOTH
@pytest.mark.streamlab(scenario="hello")
def test_the_text_comes_piece_by_piece(streamlab: Lab, programs: Programs, way: str) -> None:
    shown = programs.run("langchain_stream.py", way)
    assert shown.pieces == ["Hello", " from", " streamlab."]
    assert (shown.one("answer"), shown.one("end")) == (HELLO, "end_turn")
    was_whole(streamlab.journal.only, events=8)


@pytest.mark.streamlab(scenario="hello")
def test_a_program_of_its_own_is_pointed_by_the_environment_alone(streamlab: Lab, programs: Programs) -> None:
    assert programs.run_alone("langchain_stream.py", "sync").one("answer") == HELLO
    was_whole(streamlab.journal.only, events=8)


def test_another_variable_goes_before_that_of_the_sdk(streamlab: Lab, programs: Programs) -> None:
    """Who has `ANTHROPIC_API_URL` set, is not pointed by `ANTHROPIC_BASE_URL`."""
    with programs.having(ANTHROPIC_API_URL="http://127.0.0.1:9"):
        shown = programs.run("langchain_stream.py", "sync", '{"max_retries": 0}')
    assert shown.one("error")["class"] == "langchain_anthropic.AnthropicConnectionError"
    assert len(streamlab.journal) == 0


@BOTH
def test_pings_are_no_chunks_and_the_last_one_has_the_usage(streamlab: Lab, programs: Programs, way: str) -> None:
    answer = message(text(["Hello", " there."]), usage={"input_tokens": 10, "output_tokens": 57})
    streamlab.reply(answer)
    streamlab.reply(answer, faults=["pings: 3, before: delta 2"])
    first, second = (programs.run("langchain_stream.py", way) for _ in range(2))
    assert first.pieces == second.pieces == ["Hello", " there."]
    usage = second.one("usage")
    assert (usage["input_tokens"], usage["output_tokens"]) == (10, 57)
    without, with_pings = streamlab.journal
    assert with_pings.bytes_sent - without.bytes_sent > 3 * len("event: ping")
    was_whole(with_pings, events=7)


@BOTH
@pytest.mark.streamlab(scenario="agent-loop")
def test_a_tool_runs_and_its_result_is_sent(streamlab: Lab, programs: Programs, way: str) -> None:
    shown = programs.run("langchain_tools.py", way)
    fragments = "".join(piece for pieces in shown.all("input_json") for piece in pieces)
    assert json.loads(fragments) == shown.one("ran") == {"location": "San Francisco"}
    assert shown.all("end") == ["tool_use", "end_turn"]
    assert shown.text == "Let me look.It is 18 degrees and sunny in San Francisco."
    first, second = streamlab.journal
    assert (first.request.tools, second.request.tool_results) == (["get_weather"], ["get_weather"])
    was_whole(second, events=12)


@BOTH
@pytest.mark.parametrize("failure", BROKEN)
def test_what_it_does_when_the_stream_breaks(streamlab: Lab, programs: Programs, failure: str, way: str) -> None:
    options = json.dumps({"timeout": 0.5} if "stall" in failure else {})
    shown = programs.run_broken(streamlab, failure, "langchain_stream.py", way, options)
    assert shown.told("stop_reason") == TOLD[failure]


@BOTH
@pytest.mark.streamlab(scenario="stall-mid-stream")
def test_without_a_timeout_it_waits_for_ever(streamlab: Lab, programs: Programs, way: str) -> None:
    """It takes the SDK's ten minutes away, which the SDK would say in a header."""
    shown = programs.run_into_silence(streamlab, "langchain_stream.py", way, events=5, seconds=1.5)
    assert (shown.text, shown.all("answer"), shown.all("error")) == ("This answer stops in the", [], [])
    assert streamlab.journal.only.request.header("x-stainless-read-timeout") is None
    assert streamlab.wait_for(1).only.cancelled_after == 5


@BOTH
@pytest.mark.streamlab(scenario="cut-inside-tool-input")
def test_a_tool_whose_input_is_cut_is_called_with_nothing(streamlab: Lab, programs: Programs, way: str) -> None:
    """The loop of the guide calls the tool; that it does not run is owed to its required parameter alone."""
    shown = programs.run("langchain_tools.py", way)
    (call,) = shown.one("calls")
    assert shown.one("invalid") == []
    told = f"the call is in `tool_calls` with the input {call['args']}, `stop_reason` is {shown.one('end')}"
    assert f"nothing is raised: {told}" == TOLD["cut-inside-tool-input"]
    assert (shown.one("error")["class"], shown.all("ran")) == ("pydantic_core.ValidationError", [])
    assert (streamlab.journal.only.events_sent, streamlab.journal.only.ended) == (4, "end")


@BOTH
def test_it_retries_by_itself_before_the_stream(streamlab: Lab, programs: Programs, way: str) -> None:
    streamlab.reply(error("overloaded"), times=2)
    streamlab.reply("Fine now.")
    shown = programs.run("langchain_stream.py", way)
    assert shown.told("stop_reason") + asked_again(streamlab.journal.waits) == TOLD["overloaded-then-fine"]
    assert (streamlab.journal.statuses, streamlab.journal.attempts) == ((529, 529, 200), (1, 2, 3))


@pytest.mark.streamlab(scenario="overloaded-mid-stream")
def test_with_retry_does_not_retry_a_stream(streamlab: Lab, programs: Programs) -> None:
    """The guides say `with_retry` against errors that pass; of a stream, it does not even try the beginning again."""
    shown = programs.run("langchain_retry.py")
    assert (shown.text, shown.one("error")["class"]) == ("One two three", "anthropic.APIStatusError")
    assert len(streamlab.journal) == 1


# region count
COUNT = ["one", " two", " three", " four", " five"]
# endregion


# region test
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("error: overloaded, after: delta 3", "overloaded_error"),
        ("cut: end, after: delta 3", "stopped too early"),
        ("cut: fin, after: delta 3", "lost: RemoteProtocolError"),
        ("cut: reset, after: delta 3", "lost: ReadError"),
        ("stall: forever, after: delta 3", "lost: ReadTimeout"),
        ("stall: forever, before: delta 1", "lost: ReadTimeout"),
        ("broken_json: malformed, of: delta 2", "lost: JSONDecodeError"),
        ("invalid_utf8: delta 2", "lost: UnicodeDecodeError"),
        ("gzip: plain", "lost: DecodingError"),
    ],
)
def test_a_careful_program_notices_and_asks_again(streamlab: Lab, programs: Programs, fault: str, said: str) -> None:
    streamlab.reply(text(COUNT), faults=[fault])
    streamlab.reply("One to five.")
    shown = programs.run("langchain_careful.py", "0.7")
    assert (shown.one("again"), shown.one("answer")) == (said, "One to five.")
    assert streamlab.wait_for(2).statuses == (200, 200)


# endregion


@pytest.mark.streamlab(scenario="refused-key")
def test_a_careful_program_does_not_ask_again_in_vain(streamlab: Lab, programs: Programs) -> None:
    shown = programs.run("langchain_careful.py")
    assert shown.one("error")["class"] == "langchain_anthropic.AnthropicAuthenticationError"
    assert streamlab.journal.only.status == 401
