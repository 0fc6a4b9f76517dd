# ruff: noqa: D103 - the names say it
"""The Vercel AI SDK on Node: `streamText` with `@ai-sdk/anthropic`, and what it does when a stream breaks."""

from __future__ import annotations

import json

import pytest
from node.programs import Programs, waits_told
from outcomes_node import OUTCOMES, VERSIONS, Client

from streamlab import Call, Lab, error, text

HELLO = "Hello from streamlab."
COUNT = ["one", " two", " three", " four", " five"]
TOLD = OUTCOMES[Client.VERCEL]
IMPATIENT = json.dumps({"timeout": {"chunkMs": 400}})


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """Give the programs of `tests/clients/node`."""
    return Programs(tmp_path_factory.mktemp("node"))


def was_whole(call: Call, *, events: int) -> None:
    """Check that a call of this SDK asked for a stream and had all of it."""
    request = call.request
    assert (request.path, request.stream) == ("/v1/messages", True)
    assert f"ai-sdk-anthropic/{VERSIONS['@ai-sdk/anthropic']}" in str(request.header("user-agent"))
    assert (call.status, call.events_sent, call.ended, call.ended_by) == (200, events, "complete", "server")


@pytest.mark.streamlab(scenario="hello")
def test_the_text_comes_piece_by_piece(streamlab: Lab, programs: Programs) -> None:
    shown = programs.run("vercel-ai/stream.mjs")
    assert shown.all("text") == ["Hello", " from", " streamlab."]
    assert shown.one("answer") == HELLO
    was_whole(streamlab.journal.only, events=8)


@pytest.mark.streamlab(scenario="hello", strict={"unmatched": False})
def test_a_base_url_without_v1_is_told_apart(streamlab: Lab, programs: Programs) -> None:
    """The SDK reads `ANTHROPIC_BASE_URL`, but takes it to end in `/v1`, as that of no other client does."""
    shown = programs.run("vercel-ai/without-v1.mjs")
    assert (shown.text, shown.one("error")["status"]) == ("", 404)
    assert "expected '/v1/messages', got '/messages'" in shown.one("error")["message"]
    assert streamlab.journal.only.request.path == "/messages"


def test_the_parts_tell_how_it_ended(streamlab: Lab, programs: Programs) -> None:
    streamlab.reply(text(["Hello", " from", " streamlab."]))
    shown = programs.run("vercel-ai/parts.mjs")
    parts = shown.all("part")
    assert [part for part in parts if part.startswith("text-")] == ["text-start", *["text-delta"] * 3, "text-end"]
    assert parts[-2:] == ["finish-step", "finish"]
    assert (shown.one("end"), shown.one("on_finish")) == ({"stop_reason": "stop"}, "stop")
    was_whole(streamlab.journal.only, events=8)


@pytest.mark.streamlab(scenario="agent-loop")
def test_a_tool_runs_and_its_result_is_sent(streamlab: Lab, programs: Programs) -> None:
    shown = programs.run("vercel-ai/tools.mjs")
    assert json.loads("".join(shown.all("input_json"))) == shown.one("ran") == {"location": "San Francisco"}
    assert (shown.all("step"), shown.one("end")) == (["tool-calls", "stop"], {"stop_reason": "stop"})
    assert shown.text == "Let me look.It is 18 degrees and sunny in San Francisco."
    first, second = streamlab.journal
    was_whole(second, events=12)
    assert (first.request.tool_results, second.request.tool_results) == ([], ["get_weather"])


def test_an_abort_signal_hangs_up_and_the_loop_ends(streamlab: Lab, programs: Programs) -> None:
    streamlab.reply(text(COUNT), faults=["stall: forever, after: delta 3"])
    shown = programs.run("vercel-ai/cancel.mjs", "signal")
    assert (shown.text, shown.one("on"), shown.all("error")) == ("one two three", "abort", [])
    assert streamlab.wait_for(1).only.cancelled_after == 5


def test_who_leaves_the_loop_does_not_hang_up(streamlab: Lab, programs: Programs) -> None:
    """To leave the loop cancels the call with the SDKs of the API; with this version the answer goes on, and is paid for."""
    streamlab.reply(text(COUNT), faults=["stall: forever, after: delta 3"])
    shown = programs.run_into_silence(streamlab, "vercel-ai/cancel.mjs", "break", events=5, seconds=1.5)
    assert (shown.text, shown.one("end"), shown.all("on")) == ("one two three", {}, [])


@pytest.mark.streamlab(scenario="overloaded-mid-stream")
def test_an_error_in_mid_stream_is_a_part_and_the_loop_ends(streamlab: Lab, programs: Programs) -> None:
    shown = programs.run("vercel-ai/parts.mjs")
    told = shown.one("error")
    assert (told["name"], told["type"], told["status"]) == ("AI_StreamProviderError", "overloaded_error", 529)
    assert shown.one("on_error") == told
    assert (shown.one("end"), shown.all("thrown")) == ({"stop_reason": "error"}, [])
    assert (streamlab.journal.only.status, streamlab.journal.only.events_sent) == (200, 6)


@pytest.mark.streamlab(scenario="overloaded-mid-stream")
def test_the_text_alone_hides_an_error_in_mid_stream(streamlab: Lab, programs: Programs) -> None:
    """A loop over `textStream` takes half an answer for the whole; the error is but written to the standard error."""
    shown = programs.run("vercel-ai/stream.mjs")
    assert shown.one("answer") == "One two three"
    assert "AI_StreamProviderError" in shown.stderr
    assert streamlab.journal.only.ended == "end"


BROKEN = {
    "overloaded-mid-stream": ("One two three four five six seven eight.", 6, "end"),
    "ends-without-message-stop": ("This answer stops early, and to HTTP all seems to be in order.", 6, "end"),
    "cut-mid-text": ("This answer is cut off before it can come to its end, and nobody says so.", 6, "fin"),
    "reset-mid-stream": ("This answer is torn off by a reset, as by a load balancer that restarts.", 6, "reset"),
    "duplicated-events": ("Twice as long.", 11, "complete"),
    "cut-inside-utf8": ("The weather is nice today, and there is more.", 5, "end"),
    "missing-start": ("Who is speaking?", 7, "complete"),
    "delta-before-start": ("The first word comes too early.", 11, "complete"),
    "stall-mid-stream": ("This answer stops in the middle and never goes on, though the connection stays open.", 5, "left"),
}


@pytest.mark.parametrize("failure", BROKEN)
def test_what_it_does_when_the_stream_breaks(streamlab: Lab, programs: Programs, failure: str) -> None:
    whole, events, ended = BROKEN[failure]
    streamlab.load(failure)
    shown = programs.run("vercel-ai/text.mjs", IMPATIENT)
    assert shown.told(whole, reason="finishReason") == TOLD[failure]
    call = streamlab.wait_for(1).only
    assert (call.events_sent, call.ended) == (events, ended)


@pytest.mark.streamlab(scenario="stall-mid-stream")
def test_a_stall_is_waited_out_without_a_timeout(streamlab: Lab, programs: Programs) -> None:
    shown = programs.run_into_silence(streamlab, "vercel-ai/text.mjs", events=5, seconds=1.5)
    assert (shown.text, shown.all("error"), shown.all("end")) == ("This answer stops in the", [], [])
    assert streamlab.wait_for(1).only.cancelled_after == 5


@pytest.mark.streamlab(scenario="cut-inside-tool-input")
def test_a_tool_whose_input_is_cut_does_not_run(streamlab: Lab, programs: Programs) -> None:
    shown = programs.run("vercel-ai/tools.mjs")
    assert (shown.all("ran"), shown.all("error"), shown.all("on_error")) == ([], [], [])
    told = f"nothing is raised: the tool does not run, and `finishReason` is {json.dumps(shown.one('end')['stop_reason'])}"
    assert told == TOLD["cut-inside-tool-input"]
    assert streamlab.journal.only.events_sent == 4


def test_it_retries_by_itself_after_growing_waits(streamlab: Lab, programs: Programs) -> None:
    streamlab.reply(error("overloaded", times=2))
    streamlab.reply("Fine now.")
    assert programs.run("vercel-ai/text.mjs").text == "Fine now."
    assert (streamlab.journal.statuses, streamlab.journal.attempts) == ((529, 529, 200), (1, 1, 1))
    told = waits_told(streamlab.journal.waits, [(2.0, 2.0), (4.0, 4.0)])
    assert f"it asks again by itself, up to 2 times, after {told}" in TOLD["overloaded-then-fine"]


def test_the_retries_can_be_turned_off(streamlab: Lab, programs: Programs) -> None:
    streamlab.reply(error("overloaded"))
    shown = programs.run("vercel-ai/text.mjs", json.dumps({"maxRetries": 0}))
    assert (shown.text, shown.one("loop"), shown.one("rejected")["name"]) == ("", "ended", "AI_NoOutputGeneratedError")
    assert streamlab.journal.only.status == 529


def test_it_gives_up_after_two_retries(streamlab: Lab, programs: Programs) -> None:
    streamlab.reply(error("overloaded", times=3, headers={"retry-after": "1"}))
    shown = programs.run("vercel-ai/text.mjs")
    assert (shown.text, shown.one("loop")) == ("", "ended")
    assert shown.one("rejected")["name"] == "AI_NoOutputGeneratedError"
    waits_told(streamlab.journal.waits, [(1.0, 1.0)] * 2)
    assert "up to 2 times" in TOLD["overloaded-then-fine"]
    assert "or as `retry-after` says" in TOLD["overloaded-then-fine"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("error: overloaded, after: delta 3", "Overloaded"),
        ("cut: end, after: delta 3", "the answer ended as interrupted"),
        ("cut: end, before: message_stop", "the answer ended as interrupted"),
        ("cut: reset, after: delta 3", "Failed to process successful response"),
        ("stall: forever, after: delta 3", "Chunk timeout of 700ms exceeded"),
        ("stall: forever, before: delta 1", "First chunk timeout of 700ms exceeded"),
        ("move: delta 1, before: content_block_start", "text part 0 not found"),
    ],
)
def test_a_careful_program_notices_and_asks_again(streamlab: Lab, programs: Programs, fault: str, said: str) -> None:
    streamlab.reply(text(COUNT), faults=[fault])
    streamlab.reply("One to five.")
    shown = programs.run("vercel-ai/careful.mjs", "700")
    assert (shown.one("again"), shown.one("answer")) == (said, "One to five.")
    assert streamlab.wait_for(2).statuses == (200, 200)


@pytest.mark.streamlab(scenario="refused-key")
def test_a_careful_program_does_not_ask_again_in_vain(streamlab: Lab, programs: Programs) -> None:
    assert programs.run("vercel-ai/careful.mjs").one("error")["name"] == "AI_APICallError"
    assert streamlab.journal.only.status == 401
