# ruff: noqa: D103 - the names say it
"""LangChain JS on Node: `ChatAnthropic` of `@langchain/anthropic`, and what it does when a stream breaks."""

from __future__ import annotations

import json

import pytest
from node.programs import Programs, waits_told
from outcomes_node import OUTCOMES, Client
from python.calls import told_to_wait

from streamlab import Call, Lab, error, message, text

HELLO = "Hello from streamlab."
COUNT = ["one", " two", " three", " four", " five"]
TOLD = OUTCOMES[Client.LANGCHAIN]
IMPATIENT = json.dumps({"clientOptions": {"timeout": 250}})
NO_LOCATION = "Received tool input did not match expected schema"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """Give the programs of `tests/clients/node`."""
    return Programs(tmp_path_factory.mktemp("node"))


def was_whole(call: Call, *, events: int) -> None:
    """Check that a call asked for a stream and had all of it."""
    assert (call.request.path, call.request.stream) == ("/v1/messages", True)
    assert call.request.header("x-stainless-lang") == "js"
    assert (call.status, call.events_sent, call.ended, call.ended_by) == (200, events, "complete", "server")


@pytest.mark.streamlab(scenario="hello")
def test_the_text_comes_piece_by_piece(streamlab: Lab, programs: Programs) -> None:
    shown = programs.run("langchain-js/stream.mjs")
    assert [piece for piece in shown.all("text") if piece] == ["Hello", " from", " streamlab."]
    assert shown.one("answer") == HELLO
    was_whole(streamlab.journal.only, events=8)


def test_the_chunks_tell_how_it_ended(streamlab: Lab, programs: Programs) -> None:
    streamlab.reply(text(["Hello", " from", " streamlab."]))
    shown = programs.run("langchain-js/chunks.mjs")
    assert (shown.text, shown.one("end")) == (HELLO, {"stop_reason": "end_turn"})
    was_whole(streamlab.journal.only, events=8)


def test_the_output_tokens_of_the_start_are_counted_twice(streamlab: Lab, programs: Programs) -> None:
    """The API's `message_delta` holds the whole count; this version adds the 1 of `message_start` to it."""
    streamlab.reply(message(HELLO, usage={"input_tokens": 10, "output_tokens": 57}))
    usage = programs.run("langchain-js/chunks.mjs").one("usage")
    assert (usage["input_tokens"], usage["output_tokens"]) == (10, 58)
    was_whole(streamlab.journal.only, events=8)


@pytest.mark.streamlab(scenario="agent-loop")
def test_a_tool_runs_and_its_result_is_sent(streamlab: Lab, programs: Programs) -> None:
    shown = programs.run("langchain-js/tools.mjs")
    assert json.loads("".join(shown.all("input_json"))) == shown.one("ran") == {"location": "San Francisco"}
    assert [end["stop_reason"] for end in shown.all("end")] == ["tool_use", "end_turn"]
    assert shown.text == "Let me look.It is 18 degrees and sunny in San Francisco."
    first, second = streamlab.journal
    was_whole(second, events=12)
    assert (first.request.tool_results, second.request.tool_results) == ([], ["get_weather"])


@pytest.mark.parametrize(("way", "raised"), [("signal", ["AbortError"]), ("break", [])])
def test_each_way_to_cancel_hangs_up(streamlab: Lab, programs: Programs, way: str, raised: list[str]) -> None:
    streamlab.reply(text(COUNT), faults=["stall: forever, after: delta 3"])
    shown = programs.run("langchain-js/cancel.mjs", way)
    assert (shown.text, [each["name"] for each in shown.all("error")]) == ("one two three", raised)
    assert streamlab.wait_for(1).only.cancelled_after == 5


BROKEN = {
    "overloaded-mid-stream": ("One two three four five six seven eight.", 6, "end"),
    "ends-without-message-stop": ("This answer stops early, and to HTTP all seems to be in order.", 6, "end"),
    "cut-mid-text": ("This answer is cut off before it can come to its end, and nobody says so.", 6, "fin"),
    "reset-mid-stream": ("This answer is torn off by a reset, as by a load balancer that restarts.", 6, "reset"),
    "duplicated-events": ("Twice as long.", 11, "complete"),
    "cut-inside-utf8": ("The weather is nice today, and there is more.", 5, "end"),
    "missing-start": ("Who is speaking?", 7, "complete"),
    "delta-before-start": ("The first word comes too early.", 11, "complete"),
}


@pytest.mark.parametrize("failure", BROKEN)
def test_what_it_does_when_the_stream_breaks(streamlab: Lab, programs: Programs, failure: str) -> None:
    whole, events, ended = BROKEN[failure]
    streamlab.load(failure)
    shown = programs.run("langchain-js/chunks.mjs")
    assert shown.told(whole) == TOLD[failure]
    call = streamlab.journal.only
    assert (call.events_sent, call.ended, call.ended_by) == (events, ended, "server")


@pytest.mark.streamlab(scenario="ends-without-message-stop")
def test_the_text_alone_hides_an_early_end(streamlab: Lab, programs: Programs) -> None:
    assert programs.run("langchain-js/stream.mjs").one("answer") == "This answer stops early, and"
    assert streamlab.journal.only.events_sent == 6


@pytest.mark.streamlab(scenario="stall-mid-stream")
def test_a_stall_is_waited_out_whatever_the_timeout(streamlab: Lab, programs: Programs) -> None:
    shown = programs.run_into_silence(streamlab, "langchain-js/chunks.mjs", IMPATIENT, events=5, seconds=1.5)
    told = shown.told("This answer stops in the middle and never goes on, though the connection stays open.")
    assert f"{told}, whatever `timeout` says" == TOLD["stall-mid-stream"]
    assert streamlab.wait_for(1).only.cancelled_after == 5


@pytest.mark.streamlab(scenario="cut-inside-tool-input")
def test_a_tool_whose_input_is_cut_is_called_with_nothing(streamlab: Lab, programs: Programs) -> None:
    """A loop that runs what is in `tool_calls` calls the tool; that it does not run is owed to the tool's schema alone."""
    shown = programs.run("langchain-js/tools.mjs")
    (call,) = shown.one("calls")
    told = f"the call is in `tool_calls` with the input {json.dumps(call['args'])}, and `stop_reason` is"
    assert f"nothing is raised: {told} {json.dumps(shown.one('end')['stop_reason'])}" == TOLD["cut-inside-tool-input"]
    assert shown.one("error")["message"].startswith(NO_LOCATION)
    assert (streamlab.journal.only.events_sent, streamlab.journal.only.ended) == (4, "end")


def test_it_retries_by_itself_after_growing_waits(streamlab: Lab, programs: Programs) -> None:
    """The SDK below it would wait as `retry-after` says; this version turns its retries off, and waits as it likes."""
    streamlab.reply(error("overloaded", times=3, headers={"retry-after": "0"}))
    streamlab.reply("Fine now.")
    assert told_to_wait(streamlab) == "0"
    shown = programs.run("langchain-js/chunks.mjs")
    assert shown.text == "Fine now."
    assert (streamlab.journal.statuses[1:], streamlab.journal.attempts[1:]) == ((529, 529, 200), (1, 1, 1))
    told = waits_told(streamlab.journal.waits[1:], [(1.0, 2.0), (2.0, 4.0)])
    said = f"it asks again by itself, up to {shown.one('max_retries')} times, after {told}, whatever the head says"
    assert said == TOLD["overloaded-then-fine"]


def test_the_retries_can_be_turned_off(streamlab: Lab, programs: Programs) -> None:
    streamlab.reply(error("overloaded"))
    shown = programs.run("langchain-js/chunks.mjs", json.dumps({"maxRetries": 0}))
    assert shown.one("error")["status"] == 529
    assert streamlab.journal.only.status == 529


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("error: overloaded, after: delta 3", "overloaded_error"),
        ("cut: end, after: delta 3", "the answer stopped too early"),
        ("cut: reset, after: delta 3", "terminated"),
        ("stall: forever, after: delta 3", "nothing came for 700 ms"),
        ("stall: forever, before: delta 1", "nothing came for 700 ms"),
    ],
)
def test_a_careful_program_notices_and_asks_again(streamlab: Lab, programs: Programs, fault: str, said: str) -> None:
    streamlab.reply(text(COUNT), faults=[fault])
    streamlab.reply("One to five.")
    shown = programs.run("langchain-js/careful.mjs", "700")
    assert said in shown.one("again")
    assert shown.one("answer") == "One to five."
    assert streamlab.wait_for(2).statuses == (200, 200)


@pytest.mark.streamlab(scenario="refused-key")
def test_a_careful_program_does_not_ask_again_in_vain(streamlab: Lab, programs: Programs) -> None:
    assert programs.run("langchain-js/careful.mjs").one("error")["status"] == 401
    assert streamlab.journal.only.status == 401
