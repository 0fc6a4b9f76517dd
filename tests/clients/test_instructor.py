# ruff: noqa: D103 - the names say it
"""instructor with the SDK: an object that is streamed as the input of a tool, and what becomes of it when a stream breaks."""

from __future__ import annotations

import json

import pytest
from frameworks.programs import BOTH, Programs, Shown, asked_again, programs_of
from outcomes_frameworks import OUTCOMES, VERSIONS, Client

from streamlab import Call, Lab, error, tool_use

LIGHTHOUSE = {"name": "Jeddah Light", "height_m": 133}
FOUND = tool_use("PartialLighthouse", **LIGHTHOUSE)
NAMED = ["instructor", "anthropic"]
CLIENTS = {"sync": Client.INSTRUCTOR, "async": Client.INSTRUCTOR_ASYNC}

programs = programs_of("instructor", "instructor", "anthropic")


def was_whole(call: Call, *, events: int) -> None:
    """Check that a call asked for a stream of the object, and had all of it."""
    assert (call.request.path, call.request.stream, call.status) == ("/v1/messages", True, 200)
    assert call.request.tools == ["PartialLighthouse"]
    assert call.request.data["tool_choice"]["name"] == "PartialLighthouse"
    assert (call.events_sent, call.ended, call.ended_by) == (events, "complete", "server")


def told(shown: Shown) -> str:
    """Say what became of the object."""
    partial = [json.dumps(each) for each in shown.all("partial")]
    if errors := shown.all("error"):
        (raised,) = errors
        return f"`{raised['class']}` is raised {f'after {partial[-1]}' if partial else 'before anything is shown'}"
    assert json.dumps(shown.one("answer")) == partial[-1]
    return f"nothing is raised: the object is {partial[-1]}"


def test_the_table_is_of_the_versions_that_are_installed(programs: Programs) -> None:
    assert {name: programs.version(name) for name in NAMED} == {name: VERSIONS["instructor"][name] for name in NAMED}


@BOTH
def test_the_object_grows_as_it_comes(streamlab: Lab, programs: Programs, way: str) -> None:
    """It is the input of a tool that the model has to call: the streamed answer and the tool call are one."""
    streamlab.reply(FOUND)
    shown = programs.run("instructor_stream.py", way)
    names = list(dict.fromkeys(each["name"] for each in shown.all("partial")))
    assert names == [None, "Jed", "Jeddah", "Jeddah Ligh", "Jeddah Light"]
    assert shown.one("answer") == LIGHTHOUSE
    was_whole(streamlab.journal.only, events=12)


def test_a_program_of_its_own_is_pointed_by_the_environment_alone(streamlab: Lab, programs: Programs) -> None:
    streamlab.reply(FOUND)
    assert programs.run_alone("instructor_stream.py", "sync").one("answer") == LIGHTHOUSE
    was_whole(streamlab.journal.only, events=12)


@pytest.mark.parametrize(("way", "partial"), [("sync", 0), ("async", 3)])
def test_only_the_asynchronous_client_shows_an_object_before_it_is_whole(
    streamlab: Lab, programs: Programs, way: str, partial: int
) -> None:
    """The guide shows `create_partial` with either; the synchronous one of this version reads the whole stream first."""
    streamlab.reply(FOUND, faults=["stall: forever, after: delta 3"])
    shown = programs.run_into_silence(streamlab, "instructor_stream.py", way, events=5, seconds=1.5)
    assert len(shown.all("partial")) == partial
    assert streamlab.wait_for(1).only.cancelled_after == 5


BROKEN = {
    "overloaded-mid-stream": ("error: overloaded, after: delta 3", 6, "end"),
    "ends-without-message-stop": ("cut: end, after: delta 3", 5, "end"),
    "cut-mid-text": ("cut: fin, after: delta 3", 5, "fin"),
    "reset-mid-stream": ("cut: reset, after: delta 3", 5, "reset"),
    "stall-mid-stream": ("stall: forever, after: delta 3", 5, "left"),
    "duplicated-events": ("duplicate: every delta", 19, "complete"),
    "cut-inside-utf8": (["cut: end, after: delta 3", "raw: !!binary 8J+Y, at: end"], 5, "end"),
    "missing-start": ("drop: message_start", 11, "complete"),
    "delta-before-start": ("move: delta 1, before: content_block_start", 12, "complete"),
    "cut-inside-tool-input": ("cut: end, at: tool_use char 14", 4, "end"),
}
"""For each shipped scenario, which is of a text: its fault in the input of a tool, the events that are sent, the ending."""


@BOTH
@pytest.mark.parametrize("failure", BROKEN)
def test_what_it_does_when_the_stream_breaks(streamlab: Lab, programs: Programs, failure: str, way: str) -> None:
    fault, events, ended = BROKEN[failure]
    streamlab.reply(FOUND, faults=fault)
    shown = programs.run("instructor_stream.py", way, json.dumps({"timeout": 0.5} if "stall" in failure else {}))
    assert told(shown) == OUTCOMES[CLIENTS[way]][failure]
    call = streamlab.wait_for(1).only
    assert (call.status, call.events_sent, call.ended) == (200, events, ended)


@BOTH
@pytest.mark.parametrize(("scenario", "ended"), [("hello", "complete"), ("ends-without-message-stop", "end")])
def test_of_an_answer_that_is_text_it_makes_nothing_and_raises_nothing(
    streamlab: Lab, programs: Programs, way: str, scenario: str, ended: str
) -> None:
    """The guides take the last partial object for the answer, and there is none."""
    streamlab.load(scenario)
    shown = programs.run("instructor_stream.py", way)
    assert (shown.all("partial"), shown.all("error"), shown.one("answer")) == ([], [], None)
    assert streamlab.journal.only.ended == ended


def test_the_synchronous_client_asks_again_in_vain_if_nothing_came(streamlab: Lab, programs: Programs) -> None:
    """It sends the question again with a complaint, three times, and this version throws away the whole answers that come."""
    streamlab.reply(FOUND, faults=["cut: end, after: delta 1"])
    streamlab.reply(FOUND, times=3, when={"last_user": "Validation Error found"})
    shown = programs.run("instructor_stream.py", "sync")
    assert told(shown) == "`instructor.InstructorRetryException` is raised before anything is shown"
    assert [call.ended for call in streamlab.journal] == ["end", "complete", "complete", "complete"]


def test_the_asynchronous_client_raises_if_nothing_came(streamlab: Lab, programs: Programs) -> None:
    streamlab.reply(FOUND, faults=["cut: end, after: delta 1"])
    assert programs.run("instructor_stream.py", "async").one("error")["class"] == "pydantic_core.ValidationError"
    assert streamlab.journal.only.ended == "end"


@BOTH
def test_it_retries_by_itself_before_the_stream(streamlab: Lab, programs: Programs, way: str) -> None:
    streamlab.reply(error("overloaded"), times=2)
    streamlab.reply(FOUND)
    shown = programs.run("instructor_stream.py", way)
    assert told(shown) + asked_again(streamlab.journal.waits) == OUTCOMES[CLIENTS[way]]["overloaded-then-fine"]
    assert (streamlab.journal.statuses, streamlab.journal.attempts) == ((529, 529, 200), (1, 2, 3))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("error: overloaded, after: delta 3", "overloaded_error"),
        ("cut: end, after: delta 3", "stopped too early"),
        ("cut: reset, after: delta 3", "lost: ReadError"),
        ("stall: forever, after: delta 3", "lost: ReadTimeout"),
        ("broken_json: malformed, of: delta 2", "lost: JSONDecodeError"),
        ("invalid_utf8: delta 2", "lost: UnicodeDecodeError"),
        ("gzip: plain", "lost: DecodingError"),
    ],
)
def test_a_careful_program_notices_and_asks_again(streamlab: Lab, programs: Programs, fault: str, said: str) -> None:
    streamlab.reply(FOUND, faults=[fault])
    streamlab.reply(FOUND)
    shown = programs.run("instructor_careful.py", "0.7")
    assert (shown.one("again"), shown.one("answer")) == (said, LIGHTHOUSE)
    assert streamlab.wait_for(2).statuses == (200, 200)


def test_a_careful_program_does_not_notice_half_of_the_last_text(streamlab: Lab, programs: Programs) -> None:
    """Nothing is missing then, and the stop reason cannot be seen: a field that must not be cut should not be the last."""
    streamlab.reply(tool_use("PartialLighthouse", height_m=133, name="Jeddah Light"), faults=["cut: end, at: tool_use char 36"])
    shown = programs.run("instructor_careful.py")
    answer = shown.one("answer")
    assert (answer["height_m"], answer["name"] != "", "Jeddah Light".startswith(answer["name"])) == (133, True, True)
    assert answer["name"] != "Jeddah Light"
    assert streamlab.journal.only.ended == "end"


@pytest.mark.streamlab(scenario="refused-key")
def test_a_careful_program_does_not_ask_again_in_vain(streamlab: Lab, programs: Programs) -> None:
    shown = programs.run("instructor_careful.py")
    assert shown.one("error")["class"] == "instructor.InstructorRetryException"
    assert streamlab.journal.only.status == 401
