# ruff: noqa: D103 - the names say it
"""The library and command `llm` with `llm-anthropic`: what they stream, and what they do when a stream breaks."""

from __future__ import annotations

import json

import pytest
from frameworks.programs import BOTH, BROKEN, Programs, asked_again, programs_of
from outcomes_frameworks import OUTCOMES, VERSIONS, Client

from streamlab import Call, Lab, error, text, tool_use

HELLO = "Hello from streamlab."
COUNT = ["one", " two", " three", " four", " five"]
TOLD = OUTCOMES[Client.LLM]
NAMED = ["llm", "llm-anthropic", "anthropic"]

programs = programs_of("llm", "llm", "llm_anthropic")


def was_whole(call: Call, *, events: int) -> None:
    """Check that a call asked for a stream, and had all of it."""
    assert (call.request.path, call.request.stream, call.status) == ("/v1/messages", True, 200)
    assert (call.events_sent, call.ended, call.ended_by) == (events, "complete", "server")
    assert call.request.header("x-stainless-helper-method") == "stream"


def test_the_table_is_of_the_versions_that_are_installed(programs: Programs) -> None:
    assert {name: programs.version(name) for name in NAMED} == {name: VERSIONS["llm"][name] for name in NAMED}


@BOTH
@pytest.mark.streamlab(scenario="hello")
def test_the_text_comes_piece_by_piece(streamlab: Lab, programs: Programs, way: str) -> None:
    shown = programs.run("llm_stream.py", way)
    assert shown.pieces == ["Hello", " from", " streamlab."]
    assert (shown.one("answer"), shown.one("end")) == (HELLO, "end_turn")
    was_whole(streamlab.journal.only, events=8)


@pytest.mark.streamlab(scenario="hello")
def test_a_program_of_its_own_is_pointed_by_the_environment_alone(streamlab: Lab, programs: Programs) -> None:
    assert programs.run_alone("llm_stream.py", "sync").one("answer") == HELLO
    was_whole(streamlab.journal.only, events=8)


@BOTH
@pytest.mark.streamlab(scenario="agent-loop")
def test_a_tool_runs_and_its_result_is_sent(streamlab: Lab, programs: Programs, way: str) -> None:
    """The chain puts a space between two answers."""
    shown = programs.run("llm_tools.py", way)
    assert shown.one("ran") == {"location": "San Francisco"}
    assert shown.all("end") == ["tool_use", "end_turn"]
    assert shown.text == "Let me look. It is 18 degrees and sunny in San Francisco."
    first, second = streamlab.journal
    assert (first.request.tools, second.request.tool_results) == (["get_weather"], ["get_weather"])
    was_whole(second, events=12)


@BOTH
@pytest.mark.parametrize("failure", sorted(BROKEN.keys() - {"stall-mid-stream"}))
def test_what_it_does_when_the_stream_breaks(streamlab: Lab, programs: Programs, failure: str, way: str) -> None:
    shown = programs.run_broken(streamlab, failure, "llm_stream.py", way)
    assert shown.told("stop_reason") == TOLD[failure]


@BOTH
@pytest.mark.streamlab(scenario="stall-mid-stream")
def test_a_stall_is_waited_out(streamlab: Lab, programs: Programs, way: str) -> None:
    """There is no option for a timeout; that of the SDK is ten minutes."""
    shown = programs.run_into_silence(streamlab, "llm_stream.py", way, events=5, seconds=1.5)
    assert (shown.text, shown.all("answer")) == ("This answer stops in the", [])
    raised = shown.one("error")["class"] if shown.all("error") else "nothing"
    assert f"{raised} is raised: the text ends early, and it waits on" == TOLD["stall-mid-stream"]
    assert streamlab.journal.only.request.header("x-stainless-read-timeout") == "600"
    assert streamlab.wait_for(1).only.cancelled_after == 5


@BOTH
def test_a_tool_whose_input_is_cut_is_called_with_nothing_again_and_again(streamlab: Lab, programs: Programs, way: str) -> None:
    """Nothing but the end of the bad answers ends it."""
    streamlab.reply(tool_use("get_weather", location="San Francisco"), times=11, faults=["cut: end, at: tool_use char 12"])
    streamlab.reply("I give up.")
    shown = programs.run("llm_tools.py", way)
    assert shown.all("ran") == []
    assert (shown.all("calls"), shown.all("end")) == ([[{}]] * 11 + [[]], [None] * 11 + ["end_turn"])
    assert len(streamlab.journal) == 12
    (result,) = streamlab.journal[1].request.messages[-1]["content"]
    assert "missing 1 required positional argument: 'location'" in json.dumps(result)
    assert TOLD["cut-inside-tool-input"].startswith(
        "nothing is raised: the tool is called with nothing, its error is sent back"
    )


@BOTH
@pytest.mark.streamlab(scenario="cut-inside-tool-input")
def test_a_chain_ends_at_its_limit(streamlab: Lab, programs: Programs, way: str) -> None:
    shown = programs.run("llm_tools.py", way, "3")
    assert (shown.one("error")["class"], shown.all("ran")) == ("builtins.ValueError", [])
    assert len(streamlab.journal) == 3


@BOTH
def test_it_retries_by_itself_before_the_stream(streamlab: Lab, programs: Programs, way: str) -> None:
    streamlab.reply(error("overloaded"), times=2)
    streamlab.reply("Fine now.")
    shown = programs.run("llm_stream.py", way)
    assert shown.told("stop_reason") + asked_again(streamlab.journal.waits) == TOLD["overloaded-then-fine"]
    assert (streamlab.journal.statuses, streamlab.journal.attempts) == ((529, 529, 200), (1, 2, 3))


@pytest.mark.parametrize(
    ("scenario", "code", "out", "err"),
    [
        ("hello", 0, "Hello from streamlab.\n", ""),
        ("ends-without-message-stop", 0, "This answer stops early, and\n", ""),
        ("overloaded-mid-stream", 1, "One two three", "overloaded_error"),
        ("reset-mid-stream", 1, "This answer is torn off by a", "Connection reset by peer"),
    ],
)
def test_the_command_fails_but_for_an_early_end(
    streamlab: Lab, programs: Programs, scenario: str, code: int, out: str, err: str
) -> None:
    streamlab.load(scenario)
    done = programs.command("llm", "-m", "claude-sonnet-4.6", "Say hello.")
    assert (done.returncode, done.stdout) == (code, out)
    assert err in done.stderr
    assert streamlab.journal.texts == ("Say hello.",)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("error: overloaded, after: delta 3", "overloaded_error"),
        ("cut: end, after: delta 3", "stopped too early"),
        ("cut: reset, after: delta 3", "lost: ReadError"),
        ("stall: forever, after: delta 3", "lost: TimeoutError"),
        ("broken_json: malformed, of: delta 2", "lost: JSONDecodeError"),
        ("invalid_utf8: delta 2", "lost: UnicodeDecodeError"),
        ("gzip: plain", "lost: DecodingError"),
        ("drop: message_start", "lost: AssertionError"),
        ("move: delta 1, before: content_block_start", "lost: IndexError"),
    ],
)
def test_a_careful_program_notices_and_asks_again(streamlab: Lab, programs: Programs, fault: str, said: str) -> None:
    streamlab.reply(text(COUNT), faults=[fault])
    streamlab.reply("One to five.")
    shown = programs.run("llm_careful.py", "1.5")
    assert (shown.one("again"), shown.one("answer")) == (said, "One to five.")
    assert streamlab.wait_for(2).statuses == (200, 200)


@pytest.mark.streamlab(scenario="refused-key")
def test_a_careful_program_does_not_ask_again_in_vain(streamlab: Lab, programs: Programs) -> None:
    assert programs.run("llm_careful.py").one("error")["class"] == "anthropic.AuthenticationError"
    assert streamlab.journal.only.status == 401
