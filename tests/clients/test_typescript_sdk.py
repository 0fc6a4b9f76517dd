# ruff: noqa: D103 - the names say it
"""The TypeScript SDK on Node: the patterns of its guides, and what it does when a stream breaks."""

from __future__ import annotations

import json
import re

import pytest
from node.programs import Programs, waits_told
from outcomes_node import OUTCOMES, VERSIONS, Client

from streamlab import Call, Lab, error, text, thinking, tool_use

HELLO = "Hello from streamlab."
COUNT = ["one", " two", " three", " four", " five"]
EVENTS = [
    "message_start",
    "content_block_start",
    *["content_block_delta"] * 3,
    "content_block_stop",
    "message_delta",
    "message_stop",
]
NO_MESSAGE = "stream ended without producing a Message with role=assistant"
CLIENTS = {
    Client.STREAM: "typescript/stream.mjs",
    Client.CREATE: "typescript/create.mjs",
    Client.LOOP: "typescript/loop.mjs",
}
IMPATIENT = json.dumps({"timeout": 250})
WAITS = ((0.375, 0.5), (0.75, 1.0))


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """Give the programs of `tests/clients/node`."""
    return Programs(tmp_path_factory.mktemp("node"))


def was_whole(call: Call, *, events: int) -> None:
    """Check that a call of this SDK asked for a stream and had all of it."""
    request = call.request
    assert (request.path, request.stream, request.header("x-stainless-lang")) == ("/v1/messages", True, "js")
    assert request.header("x-stainless-package-version") == VERSIONS["@anthropic-ai/sdk"]
    assert (call.status, call.events_sent, call.ended, call.ended_by) == (200, events, "complete", "server")


def test_the_versions_are_those_that_are_pinned(programs: Programs) -> None:
    assert {name: programs.installed(name) for name in VERSIONS} == VERSIONS


@pytest.mark.streamlab(scenario="hello")
def test_the_three_lines_of_the_guide(streamlab: Lab, programs: Programs) -> None:
    assert programs.run("typescript/hello.mjs").one("answer") == HELLO
    was_whole(streamlab.journal.only, events=8)


def test_create_gives_each_event(streamlab: Lab, programs: Programs) -> None:
    streamlab.reply(text(["Hello", " from", " streamlab."]))
    shown = programs.run("typescript/create.mjs")
    assert shown.all("event") == EVENTS
    assert shown.all("text") == ["Hello", " from", " streamlab."]
    assert shown.one("end") == {"stop_reason": "end_turn"}
    was_whole(streamlab.journal.only, events=8)


def test_pings_are_not_shown(streamlab: Lab, programs: Programs) -> None:
    streamlab.reply(HELLO)
    streamlab.reply(HELLO, faults=["pings: 3, before: delta 2"])
    first, second = (programs.run("typescript/create.mjs") for _ in range(2))
    assert first.lines == second.lines
    without, with_pings = streamlab.journal
    assert with_pings.bytes_sent - without.bytes_sent > 3 * len("event: ping")
    was_whole(with_pings, events=8)


def test_stream_calls_back_for_each_thing(streamlab: Lab, programs: Programs) -> None:
    streamlab.reply([thinking(["Let me", " think."]), text(["Hello", " there."])])
    shown = programs.run("typescript/stream.mjs")
    assert shown.all("on") == ["connect", "message", "finalMessage", "end"]
    assert (shown.all("event")[0], shown.all("event")[-1]) == ("message_start", "message_stop")
    assert shown.all("thinking") == ["Let me", " think."]
    assert shown.all("text") == ["Hello", " there."]
    assert shown.all("block") == ["thinking", "text"]
    message = shown.one("message")
    assert [block["type"] for block in message["content"]] == ["thinking", "text"]
    assert message["usage"]["output_tokens"] > 0
    was_whole(streamlab.journal.only, events=12)


@pytest.mark.streamlab(scenario="split-frames")
def test_split_frames_are_put_together(streamlab: Lab, programs: Programs) -> None:
    shown = programs.run("typescript/stream.mjs")
    assert shown.text == shown.one("message")["content"][0]["text"] == "Split anywhere: déjà vu, 東京, \U0001f600."
    assert len(streamlab.journal.only.sent) > streamlab.journal.only.events_sent


@pytest.mark.streamlab(scenario="hello")
def test_a_readable_stream_takes_the_answer_to_another_program(streamlab: Lab, programs: Programs) -> None:
    shown = programs.run("typescript/readable.mjs")
    assert (shown.text, shown.one("server")) == (HELLO, "done")
    assert shown.one("end") == {"stop_reason": "end_turn"}
    was_whole(streamlab.journal.only, events=8)


def test_who_leaves_a_readable_stream_hangs_up_on_the_api_too(streamlab: Lab, programs: Programs) -> None:
    streamlab.reply(text(COUNT), faults=["stall: forever, after: delta 3"])
    shown = programs.run("typescript/readable.mjs", "signal")
    assert shown.text == "one two three"
    assert shown.one("error")["class"] == "APIUserAbortError"
    assert streamlab.wait_for(1).only.cancelled_after == 5


def test_abort_does_not_leave_a_readable_stream(streamlab: Lab, programs: Programs) -> None:
    """Elsewhere `abort()` ends a stream at once; with `fromReadableStream` this version waits for what does not come."""
    streamlab.reply(text(COUNT), faults=["stall: forever, after: delta 3"])
    shown = programs.run_into_silence(streamlab, "typescript/readable.mjs", "abort", events=5, seconds=1.5)
    assert (shown.text, shown.all("error")) == ("one two three", [])


@pytest.mark.streamlab(scenario="overloaded-mid-stream")
def test_a_readable_stream_hides_an_error_and_ends_early(streamlab: Lab, programs: Programs) -> None:
    """Who reads `toReadableStream()` should hear of the error; this version closes it as if the answer were over."""
    shown = programs.run("typescript/readable.mjs")
    assert (shown.text, shown.one("server")) == ("One two three", "done")
    assert shown.one("error")["message"] == NO_MESSAGE
    assert (streamlab.journal.only.events_sent, streamlab.journal.only.ended) == (6, "end")


@pytest.mark.streamlab(scenario="agent-loop")
def test_a_tool_loop_runs_the_tool_and_sends_its_result(streamlab: Lab, programs: Programs) -> None:
    shown = programs.run("typescript/tools.mjs")
    assert json.loads("".join(shown.all("input_json"))) == shown.one("ran") == {"location": "San Francisco"}
    assert [end["stop_reason"] for end in shown.all("end")] == ["tool_use", "end_turn"]
    assert shown.text == "Let me look.It is 18 degrees and sunny in San Francisco."
    first, second = streamlab.journal
    was_whole(second, events=12)
    assert (first.request.tool_results, second.request.tool_results) == ([], ["get_weather"])
    (result,) = second.request.messages[-1]["content"]
    assert result["content"] == "18 degrees and sunny in San Francisco"


def test_the_fragments_of_a_tools_input_join_to_its_json(streamlab: Lab, programs: Programs) -> None:
    streamlab.reply([text("Let me look."), tool_use("get_weather", location="San Francisco")])
    shown = programs.run("typescript/tools-create.mjs")
    assert shown.one("ran") == {"location": "San Francisco"}
    assert shown.one("end") == {"stop_reason": "tool_use"}
    assert streamlab.journal.only.request.tools == ["get_weather"]
    assert streamlab.journal.only.ended == "complete"


@pytest.mark.parametrize(
    ("way", "ending"),
    [
        ("abort", "APIUserAbortError"),
        ("stream_signal", "APIUserAbortError"),
        ("stream_break", None),
        ("create_signal", None),
        ("create_controller", None),
        ("create_break", None),
    ],
)
def test_each_way_to_cancel_hangs_up(streamlab: Lab, programs: Programs, way: str, ending: str | None) -> None:
    """A loop that is aborted ends without an exception, as if the answer were over; `finalMessage` raises."""
    streamlab.reply(text(COUNT), faults=["stall: forever, after: delta 3"])
    shown = programs.run("typescript/cancel.mjs", way)
    assert shown.text == "one two three"
    assert [each["class"] for each in shown.all("error")] == ([ending] if ending else [])
    assert shown.all("on") == (["abort", "end"] if way == "abort" else [])
    call = streamlab.wait_for(1).only
    assert (call.cancelled_after, call.ended_by) == (5, "client")


@pytest.mark.parametrize(
    ("status", "raised", "calls"),
    [
        (401, "AuthenticationError", 1),
        (403, "PermissionDeniedError", 1),
        (429, "RateLimitError", 3),
        (500, "InternalServerError", 3),
        (529, "OverloadedError", 3),
    ],
)
@pytest.mark.parametrize("client", [Client.STREAM, Client.CREATE], ids=["stream", "create"])
def test_an_error_before_the_stream_is_raised_by_its_class(
    streamlab: Lab, programs: Programs, client: str, status: int, raised: str, calls: int
) -> None:
    streamlab.reply(error(status, times=calls, headers={"retry-after-ms": "1"}))
    shown = programs.run(CLIENTS[client])
    told = shown.one("error")
    assert (told["class"], told["status"], shown.one("is_api_error")) == (raised, status, True)
    assert shown.all("on") == (["error", "end"] if client == Client.STREAM else [])
    assert streamlab.journal.attempts == tuple(range(1, calls + 1))
    assert streamlab.journal.statuses == (status,) * calls


@pytest.mark.parametrize("client", [Client.STREAM, Client.CREATE], ids=["stream", "create"])
def test_it_retries_by_itself_after_growing_waits(streamlab: Lab, programs: Programs, client: str) -> None:
    streamlab.reply(error("overloaded", times=2))
    streamlab.reply("Fine now.")
    assert programs.run(CLIENTS[client]).text == "Fine now."
    journal = streamlab.journal
    assert (journal.statuses, journal.attempts) == ((529, 529, 200), (1, 2, 3))
    told = waits_told(journal.waits, WAITS)
    assert f"it asks again by itself, up to 2 times, after {told}" in OUTCOMES[client]["overloaded-then-fine"]


@pytest.mark.parametrize("client", [Client.STREAM, Client.CREATE], ids=["stream", "create"])
def test_it_waits_as_long_as_retry_after_says(streamlab: Lab, programs: Programs, client: str) -> None:
    streamlab.reply(error("overloaded", headers={"retry-after": "2"}))
    streamlab.reply("Fine now.")
    assert programs.run(CLIENTS[client]).text == "Fine now."
    waits_told(streamlab.journal.waits, [(2.0, 2.0)])
    assert "or as `retry-after` says" in OUTCOMES[client]["overloaded-then-fine"]


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


@pytest.mark.parametrize(
    ("client", "failure"),
    [(client, failure) for client in CLIENTS for failure in OUTCOMES[client] if failure in BROKEN],
    ids=lambda value: CLIENTS[value].removeprefix("typescript/") if value in CLIENTS else value,
)
def test_what_it_does_when_the_stream_breaks(streamlab: Lab, programs: Programs, client: str, failure: str) -> None:
    whole, events, ended = BROKEN[failure]
    streamlab.load(failure)
    shown = programs.run(CLIENTS[client])
    assert shown.told(whole) == OUTCOMES[client][failure]
    call = streamlab.journal.only
    assert (call.events_sent, call.ended, call.ended_by) == (events, ended, "server")


# region resume
@pytest.mark.parametrize("fault", ["cut: end, after: delta 2", "error: overloaded, after: delta 2"])
def test_resuming_carries_the_partial_answer_as_a_turn_of_the_assistant(streamlab: Lab, programs: Programs, fault: str) -> None:
    streamlab.reply(text(["One ", "two ", "three ", "four."]), faults=[fault])
    streamlab.reply(text([" three", " four."]), when={"any_message": {"equals": "One two"}})
    assert programs.run("typescript/resume.mjs").one("answer") == "One two three four."
    first, second = streamlab.journal
    asked = {"role": "user", "content": "Count."}
    assert first.request.messages == [asked]
    assert second.request.messages == [asked, {"role": "assistant", "content": "One two"}]


# endregion


def test_a_loop_that_waits_for_the_next_event_does_hear_of_an_error(streamlab: Lab, programs: Programs) -> None:
    streamlab.reply(text(COUNT), pace="10/s", faults=["error: overloaded, after: delta 3"])
    shown = programs.run("typescript/loop.mjs", "0")
    assert (shown.text, shown.one("error")["type"]) == ("one two three", "overloaded_error")
    assert streamlab.journal.only.events_sent == 6


@pytest.mark.parametrize("client", [Client.STREAM, Client.CREATE], ids=["stream", "create"])
@pytest.mark.streamlab(scenario="stall-mid-stream")
def test_a_stall_is_waited_out_whatever_the_timeout(streamlab: Lab, programs: Programs, client: str) -> None:
    """The SDK calls `timeout` the time to wait for a response; this version means its head, and waits on for the rest."""
    shown = programs.run_into_silence(streamlab, CLIENTS[client], IMPATIENT, events=5, seconds=1.5)
    told = shown.told("This answer stops in the middle and never goes on, though the connection stays open.")
    assert f"{told}, whatever `timeout` says" == OUTCOMES[client]["stall-mid-stream"]
    assert streamlab.wait_for(1).only.cancelled_after == 5


@pytest.mark.streamlab(scenario="no-answer")
def test_the_timeout_holds_until_the_head_comes(streamlab: Lab, programs: Programs) -> None:
    shown = programs.run("typescript/stream.mjs", json.dumps({"timeout": 500}))
    assert shown.one("end") == {"stop_reason": "end_turn"}
    streamlab.wait_for(2)
    assert (streamlab.journal.statuses, streamlab.journal.attempts) == ((None, 200), (1, 2))


@pytest.mark.streamlab(scenario="stall-mid-stream")
def test_the_time_that_fetch_waits_for_bytes_can_be_set(streamlab: Lab, programs: Programs) -> None:
    shown = programs.run("typescript/body-timeout.mjs")
    told = shown.one("error")
    assert (told["class"], told["message"], told["causes"][-1]) == ("AnthropicError", "terminated", "UND_ERR_BODY_TIMEOUT")
    assert streamlab.wait_for(1).only.cancelled_after == 5


def test_pings_keep_fetch_waiting_but_are_no_events(streamlab: Lab, programs: Programs) -> None:
    """A watch over the events takes pings for silence; one over the bytes, as that of `fetch`, does not."""
    streamlab.reply(text(COUNT), times=2, faults=["pings: 12, every: 200ms, before: delta 3"])
    assert programs.run("typescript/body-timeout.mjs").one("answer") == "".join(COUNT)
    assert streamlab.journal.only.ended == "complete"
    streamlab.reply("One to five.")
    shown = programs.run("typescript/careful.mjs", "700")
    assert (shown.one("again"), shown.one("answer")) == ("Request was aborted.", "One to five.")
    assert streamlab.wait_for(3)[1].cancelled_after == 4


@pytest.mark.streamlab(scenario="cut-inside-tool-input")
def test_a_tool_whose_input_is_cut_does_not_run_with_final_message(streamlab: Lab, programs: Programs) -> None:
    shown = programs.run("typescript/tools.mjs")
    assert shown.all("ran") == []
    assert f"{shown.told('')}; the tool does not run" == OUTCOMES[Client.STREAM]["cut-inside-tool-input"]
    assert (streamlab.journal.only.events_sent, streamlab.journal.only.ended) == (4, "end")


@pytest.mark.streamlab(scenario="cut-inside-tool-input")
def test_a_tool_whose_input_is_cut_seems_to_have_ended_with_create(streamlab: Lab, programs: Programs) -> None:
    shown = programs.run("typescript/tools-create.mjs")
    assert (shown.all("ran"), shown.all("error")) == ([], [])
    told = f"the tool's input is `{shown.one('json')}`, and `stop_reason` is {json.dumps(shown.one('end')['stop_reason'])}"
    assert f"nothing is raised: {told}" == OUTCOMES[Client.CREATE]["cut-inside-tool-input"]
    assert streamlab.journal.only.events_sent == 4


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("error: overloaded, after: delta 3", "overloaded_error"),
        ("cut: end, after: delta 3", NO_MESSAGE),
        ("cut: end, before: message_stop", NO_MESSAGE),
        ("cut: reset, after: delta 3", "terminated"),
        ("stall: forever, after: delta 3", r"Request was aborted\."),
        ("stall: forever, before: delta 1", r"Request was aborted\."),
    ],
)
def test_a_careful_program_notices_and_asks_again(streamlab: Lab, programs: Programs, fault: str, said: str) -> None:
    streamlab.reply(text(COUNT), faults=[fault])
    streamlab.reply("One to five.")
    shown = programs.run("typescript/careful.mjs", "700")
    assert re.search(said, shown.one("again"))
    assert shown.one("answer") == "One to five."
    assert streamlab.wait_for(2).attempts == (1, 1)


@pytest.mark.streamlab(scenario="refused-key")
def test_a_careful_program_does_not_ask_again_in_vain(streamlab: Lab, programs: Programs) -> None:
    assert programs.run("typescript/careful.mjs").one("error")["class"] == "AuthenticationError"
    assert streamlab.journal.only.status == 401
