"""A FastAPI endpoint that sends an answer on to its own client, as the guides have it, and with what they leave out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from outcomes_web import CLIENTS, OUTCOMES, PACKAGES
from web.listening import BROKEN, OF_SERVERS, Answer, sent_on
from web.running import installed
from web.serving import chat_server

from streamlab import Lab, error, text

PIECES = ["One", " two", " three"]
FRAMES = [{"text": piece} for piece in PIECES]
SILENCES = ["stall: 1s, after: delta 1", "stall: 1s, after: delta 2"]
"""A second between the pieces, on a clock that the test holds."""


@pytest.fixture
def chat(streamlab: Lab) -> Iterator[str]:
    """Run the chat server; give its URL."""
    assert streamlab.url
    with chat_server() as url:
        yield url


@pytest.fixture
def impatient(streamlab: Lab) -> Iterator[str]:
    """Run the chat server with a read timeout that a test can wait for."""
    assert streamlab.url
    with chat_server({"READ_TIMEOUT": "1"}) as url:
        yield url


def test_the_table_is_of_the_versions_that_are_installed() -> None:
    """Of all packages, since each may change what happens."""
    python = installed("python", "bin", "python")
    code = "import json, sys; from importlib.metadata import version; print(json.dumps({n: version(n) for n in sys.argv[1:]}))"
    found = json.loads(subprocess.check_output([python, "-c", code, *PACKAGES], text=True))
    assert found == PACKAGES


@pytest.mark.parametrize("endpoint", ["naive", "chat"])
def test_frames_come_singly_and_done_comes_last(streamlab: Lab, chat: str, endpoint: str) -> None:
    """Each piece is there before the next one is sent: the clock is held until it has been read."""
    streamlab.clock.hold()
    streamlab.reply(text(PIECES), faults=SILENCES)
    with Answer(f"{chat}/{endpoint}") as answer:
        assert answer.next() == {"text": "One"}
        assert answer.response.getheader("content-type") == "text/event-stream; charset=utf-8"
        for number, piece in enumerate(PIECES[1:], 2):
            streamlab.clock.wait_until_parked()
            assert streamlab.journal.only.events_sent == number + 1  # message_start, content_block_start, the pieces before
            streamlab.clock.advance(1)
            assert answer.next() == {"text": piece}
        assert list(answer) == ["[DONE]"]
    call = streamlab.journal.only
    assert (call.request.stream, call.request.last_user) == (True, "Hello")
    assert (call.ended, call.ended_by) == ("complete", "server")


# region leaves
@pytest.mark.parametrize("endpoint", ["naive", "chat"])
def test_an_asynchronous_endpoint_hangs_up_when_its_client_leaves(streamlab: Lab, chat: str, endpoint: str) -> None:
    """It does so in the middle of a silence that would never end."""
    streamlab.reply(text(PIECES), faults=["stall: forever, after: delta 2"])
    with Answer(f"{chat}/{endpoint}") as answer:
        assert [answer.next(), answer.next()] == FRAMES[:2]
    call = streamlab.wait_for(1).only
    assert (call.ended_by, call.cancelled_after) == ("client", 4)


# endregion


def test_a_blocking_endpoint_does_not_hang_up(streamlab: Lab, chat: str) -> None:
    """Its thread cannot be interrupted, and the generator is left to the garbage collector: the answer goes on, for nobody."""
    streamlab.clock.hold()
    streamlab.reply(text(PIECES), faults=SILENCES)
    with Answer(f"{chat}/blocking") as answer:
        assert answer.next() == FRAMES[0]
    with Answer(f"{chat}/openapi.json") as other:  # what answers this has seen the other client leave
        assert other.response.status == HTTPStatus.METHOD_NOT_ALLOWED
    streamlab.clock.wait_until_parked()
    streamlab.clock.advance(2)
    call = streamlab.wait_for(1).only
    assert (call.ended, call.ended_by, call.events_sent) == ("complete", "server", 8)


@pytest.mark.parametrize(("endpoint", "client"), [("naive", "fastapi naive"), ("chat", "fastapi careful")])
def test_what_each_endpoint_tells_its_page_when_the_stream_breaks(
    streamlab: Lab, impatient: str, endpoint: str, client: str
) -> None:
    """The status is sent before the stream begins; what the naive endpoint raises after that breaks its body off."""
    told = {}
    for scenario, calls in OF_SERVERS.items():
        streamlab.reset()
        streamlab.load(scenario)
        with Answer(f"{impatient}/{endpoint}") as answer:
            told[scenario] = sent_on(answer)
        assert streamlab.wait_for(len(calls)).statuses == calls
    assert told == OUTCOMES[CLIENTS[client]]


@pytest.mark.parametrize(("endpoint", "last"), [("naive", "[DONE]"), ("chat", {"error": "incomplete"})])
def test_a_stop_reason_is_not_the_end_of_the_answer(streamlab: Lab, chat: str, endpoint: str, last: Any) -> None:
    """It comes with the event before `message_stop`; a message of which only that is missing has one."""
    streamlab.reply(text(PIECES), faults=["cut: end, before: message_stop"])
    with Answer(f"{chat}/{endpoint}") as answer:
        assert list(answer) == [*FRAMES, last]
    assert (streamlab.wait_for(1).only.events_sent, streamlab.journal.only.ended) == (7, "end")


@pytest.mark.parametrize(("endpoint", "last"), [("naive", "[DONE]"), ("chat", {"error": "incomplete"})])
@pytest.mark.streamlab(scenario="bom")
def test_text_whose_beginning_the_sdk_cannot_read_is_not_lost(streamlab: Lab, chat: str, endpoint: str, last: Any) -> None:
    """The helper of the SDK has no events of its own then, only those of the API."""
    with Answer(f"{chat}/{endpoint}") as answer:
        *pieces, end = list(answer)
    assert ("".join(piece["text"] for piece in pieces), end) == ("Something invisible comes before this.", last)
    assert streamlab.wait_for(1).only.ended == "complete"


def test_an_error_before_the_stream_comes_with_status_200(streamlab: Lab, chat: str) -> None:
    """Starlette sends the head before it asks for the first frame, so the page learns of it from a frame or not at all."""
    streamlab.reply(error("authentication"), times=2)
    with Answer(f"{chat}/naive") as answer, pytest.raises(BROKEN):
        list(answer)
    with Answer(f"{chat}/chat") as careful:
        assert (careful.response.status, list(careful)) == (200, [{"error": "AuthenticationError"}])
    assert streamlab.journal.statuses == (401, 401)


def test_text_that_is_not_json_loses_its_lines(streamlab: Lab, chat: str) -> None:
    """`data: {text}` ends at the first blank line in the text; as JSON it arrives whole."""
    streamlab.reply("First.\n\nSecond.", times=2)
    with Answer(f"{chat}/bare") as answer:
        received = answer.response.read().decode()
    frames = [part.removeprefix("data: ") for part in received.split("\n\n") if part.startswith("data: ")]
    assert "Second." not in "".join(frames)
    assert "Second." in received
    with Answer(f"{chat}/chat") as careful:
        assert "".join(each["text"] for each in careful if each != "[DONE]") == "First.\n\nSecond."
    assert [call.ended for call in streamlab.journal] == ["complete", "complete"]
