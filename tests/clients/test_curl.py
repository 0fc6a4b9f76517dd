# ruff: noqa: D103 - the names say it
"""What curl shows of a stream, how it tells that one is broken, and what the journal saw of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from outcomes_curl import CURL, OUTCOMES, VERSION
from python.calls import told_to_wait

from streamlab import Call, Cut, Lab, Stall, error, text

SCRIPTS = Path(__file__).parent / "python"
TIMED_OUT = 28
"""How curl exits when its time is over."""
LONG = 30.0
"""Seconds after which what should go on has failed."""
COUNTING = text(["One", " two", " three"])

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@contextlib.contextmanager
def curl(*options: str, script: str = "ask.sh") -> Iterator[subprocess.Popen[str]]:
    """Run the command of the guide with more options, in a process group of its own; none of it is left afterwards."""
    command = ["sh", str(SCRIPTS / script), *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def done(*options: str, script: str = "ask.sh") -> tuple[int, str]:
    """Return how curl exits, and what it has printed."""
    with curl(*options, script=script) as process:
        printed, _ = process.communicate(timeout=LONG)
    return process.returncode, printed


def names(printed: str) -> list[str]:
    """Return the names of the events, that of one that is not whole included."""
    return [line.removeprefix("event: ") for line in printed.splitlines() if line.startswith("event: ")]


def data(printed: str) -> list[dict[str, Any]]:
    """Return the data of the events that are whole."""
    whole = printed.rpartition("\n\n")[0]
    return [json.loads(line.removeprefix("data: ")) for line in whole.splitlines() if line.startswith("data: ")]


def was_of_curl(call: Call) -> None:
    """Check that a call came from curl and asked for a stream."""
    assert (call.request.path, call.request.stream) == ("/v1/messages", True)
    assert str(call.request.header("user-agent")).startswith("curl/")


def read_until(process: subprocess.Popen[str], word: str) -> str:
    """Return what is printed up to a line that has a word in it."""
    assert process.stdout is not None
    read = ""
    while word not in read:
        line = process.stdout.readline()
        assert line, f"curl has ended: {read}"
        read += line
    return read


def test_with_n_the_events_are_printed_as_they_come(streamlab: Lab) -> None:
    """The clock stands still after the second delta, and what has come is there to be read."""
    streamlab.clock.hold()
    streamlab.reply(COUNTING, faults=[Stall("60s", after="delta 2")])
    with curl() as process:
        assert names(read_until(process, " two"))[-1] == "content_block_delta"
        assert (streamlab.journal.only.events_sent, streamlab.journal.only.ended) == (4, None)
        streamlab.clock.advance(60)
        rest, _ = process.communicate(timeout=LONG)
    assert names(rest) == ["content_block_delta", "content_block_stop", "message_delta", "message_stop"]
    assert process.returncode == 0
    was_of_curl(streamlab.journal.only)
    assert (streamlab.journal.only.events_sent, streamlab.journal.only.ended) == (8, "complete")


def test_without_n_the_events_are_held_back_when_the_output_is_a_pipe(streamlab: Lab) -> None:
    """The guides say that -N is needed: without it nothing can be read while the clock stands still."""
    streamlab.clock.hold()
    streamlab.reply(COUNTING, faults=[Stall("60s", after="delta 2")])
    with curl("--buffer") as process:
        streamlab.wait_for(lambda journal: journal.only.events_sent == 4, timeout=LONG)
        streamlab.clock.wait_until_parked()
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        with pytest.raises(BlockingIOError):
            os.read(process.stdout.fileno(), 1)
        os.set_blocking(process.stdout.fileno(), True)
        streamlab.clock.advance(60)
        printed, _ = process.communicate(timeout=LONG)
    assert names(printed)[-1] == "message_stop"
    assert streamlab.journal.only.ended == "complete"


@pytest.mark.streamlab(scenario="hello")
def test_what_is_printed_is_what_was_sent(streamlab: Lab) -> None:
    status, printed = done()
    events = data(printed)
    assert (status, [each["type"] for each in events]) == (0, names(printed))
    assert "".join(each["delta"].get("text", "") for each in events if "delta" in each) == "Hello from streamlab."
    was_of_curl(streamlab.journal.only)
    assert streamlab.journal.only.events_sent == len([name for name in names(printed) if name != "ping"])


@pytest.mark.parametrize(
    ("kind", "sent"), [("authentication", 401), ("permission", 403), ("rate_limit", 429), ("api", 500), ("overloaded", 529)]
)
def test_an_error_prints_its_json_and_exits_as_if_all_were_well(streamlab: Lab, kind: str, sent: int) -> None:
    streamlab.reply(error(kind))
    status, printed = done()
    assert (status, json.loads(printed)["error"]["type"]) == (0, f"{kind}_error")
    assert streamlab.journal.statuses == (sent,)


def test_with_fail_with_body_an_error_prints_its_json_and_exits_with_22(streamlab: Lab) -> None:
    streamlab.reply(error("overloaded"))
    status, printed = done("--fail-with-body")
    assert (status, json.loads(printed)["error"]["type"]) == (22, "overloaded_error")
    assert streamlab.journal.statuses == (529,)


def test_retry_is_for_429_and_not_for_529(streamlab: Lab) -> None:
    """The guides add --retry; curl tries again after 408, 429, 500, 502, 503 and 504, and 529 is none of them.

    It waits a second by itself, and as long as it is told if it is told.
    """
    streamlab.reply(error("rate_limit", headers={"retry-after": "2"}))
    streamlab.reply(error("overloaded"))
    status, printed = done("--fail-with-body", "--retry", "2")
    assert (status, printed.count('"overloaded_error"')) == (22, 1)
    assert streamlab.journal.statuses == (429, 529)
    assert streamlab.journal.waits[0] >= 2.0


def test_with_retry_all_errors_529_is_tried_again(streamlab: Lab) -> None:
    """Not as late as it is told: `retry-after` counts only after the statuses that curl tries again by itself."""
    streamlab.reply(error("overloaded", times=2, headers={"retry-after": "30"}))
    streamlab.reply(COUNTING)
    assert told_to_wait(streamlab) == "30"
    status, printed = done("--fail", "--retry", "2", "--retry-all-errors")
    assert (status, names(printed)[-1]) == (0, "message_stop")
    assert streamlab.journal.statuses == (529, 529, 200)
    assert 1.0 <= streamlab.journal.waits[1] < 30.0


def test_with_retry_all_errors_a_broken_stream_is_printed_twice(streamlab: Lab) -> None:
    """Its beginning cannot be taken back, and what comes after it looks like one answer."""
    streamlab.reply(COUNTING, faults=[Cut("reset", after="delta 2")])
    streamlab.reply(COUNTING)
    status, printed = done("--retry", "2", "--retry-delay", "1", "--retry-all-errors")
    assert (status, names(printed).count("message_start")) == (0, 2)
    assert [call.ended for call in streamlab.journal] == ["reset", "complete"]


BROKEN = ("overloaded-mid-stream", "ends-without-message-stop", "cut-mid-text", "reset-mid-stream", "cut-inside-tool-input")


@pytest.mark.parametrize("name", [*BROKEN, "overloaded-then-fine"])
def test_a_script_that_looks_for_the_end_fails_when_the_stream_is_broken(streamlab: Lab, name: str) -> None:
    streamlab.load(name)
    assert done(script="ask_for_all.sh")[0] == 1
    assert streamlab.wait_for(1)[0].events_sent == {"overloaded-then-fine": 0, "cut-inside-tool-input": 4}.get(name, 6)


@pytest.mark.parametrize(
    ("fault", "ended"),
    [
        ("cut: fin, at: 99%", "fin"),
        ("cut: end, at: 99%", "end"),
        ("cut: fin, after: message_stop", "fin"),
        ("cut: reset, after: message_stop", "reset"),
    ],
)
def test_a_script_that_looks_for_the_end_fails_when_that_is_not_all(streamlab: Lab, fault: str, ended: str) -> None:
    """The name of the last event is no proof of it, and the event none of the end of the body, of which curl knows."""
    streamlab.reply(COUNTING, faults=[fault])
    status, printed = done(script="ask_for_all.sh")
    assert (status, names(printed)[-1]) == (1, "message_stop")
    assert streamlab.wait_for(1).only.ended == ended


@pytest.mark.parametrize("name", ["hello", "crlf"])
def test_a_script_that_looks_for_the_end_prints_a_whole_answer(streamlab: Lab, name: str) -> None:
    streamlab.load(name)
    status, printed = done(script="ask_for_all.sh")
    assert (status, names(printed)[-1]) == (0, "message_stop")
    assert streamlab.journal.only.ended == "complete"


def test_max_time_ends_a_stream_that_is_silent(streamlab: Lab) -> None:
    streamlab.reply(COUNTING, faults=[Stall("forever", after="delta 2")])
    status, printed = done("--max-time", "1")
    assert (status, names(printed)[-1]) == (28, "content_block_delta")
    (call,) = streamlab.wait_for(1)
    assert (call.ended_by, call.cancelled_after) == ("client", 4)


def in_words(status: int, printed: str) -> str:
    """Return what comes of a stream, in one sentence."""
    events = data(printed)
    said = "".join(event.get("delta", {}).get("text", "") for event in events)
    last = names(printed)[-1] if events else json.loads(printed)["error"]["type"]
    more = f", the text is {said!r}" if said else ", which is not whole" if len(events) < len(names(printed)) else ""
    limit = "it waits for ever, or exits with 28 after `--max-time`"
    return f"{limit if status == TIMED_OUT else f'it exits with {status}'}; the last that it prints is `{last}`{more}"


def test_the_table_is_of_the_version_that_is_installed() -> None:
    installed = subprocess.check_output(["curl", "--version"], text=True).split()[1]
    assert installed == VERSION, "the table is of another version: run the tests with that, or write it anew"


@pytest.mark.parametrize("name", OUTCOMES[CURL])
def test_what_happens_when_a_stream_breaks(streamlab: Lab, name: str) -> None:
    streamlab.load(name)
    happened = in_words(*done(*(["--max-time", "1"] if name == "stall-mid-stream" else [])))
    (call,) = streamlab.wait_for(1)
    if call.status == 529:
        happened += ", and it does not ask again"
    assert happened == OUTCOMES[CURL][name]
