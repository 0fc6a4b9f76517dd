"""Routes of Next.js (App Router) that send an answer on, as the guides have it, and with what they leave out."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from outcomes_web import CLIENTS, DEPENDENCIES, OUTCOMES
from web.listening import BROKEN, OF_SERVERS, Answer, arrives, ask, body, sent_on
from web.running import installed, installed_versions, running

from streamlab import Lab, error, text

SOURCES = Path(__file__).parent / "web" / "next"
PIECES = ["One", " two", " three"]
SILENCES = ["stall: 1s, after: delta 1", "stall: 1s, after: delta 2"]
"""A second between the pieces, on a clock that the test holds."""
QUIET = {"NEXT_TELEMETRY_DISABLED": "1"}


@pytest.fixture(scope="session")
def built() -> Path:
    """Build the application where its packages are; give its folder."""
    folder = installed("next", "node_modules", ".bin", "next").parents[2]
    shutil.rmtree(folder / "app", ignore_errors=True)
    shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
    env = {**os.environ, **QUIET, "ANTHROPIC_API_KEY": "unused while it is built"}
    subprocess.run(["node_modules/.bin/next", "build"], cwd=folder, env=env, check=True, timeout=300)
    return folder


@pytest.fixture
def next_server(streamlab: Lab, built: Path) -> Iterator[str]:
    """Run the application as in production; give the URL of its routes."""
    assert streamlab.url
    command = ["node_modules/.bin/next", "start", "--hostname", "127.0.0.1", "--port", "0"]
    env = {**QUIET, "DEADLINE_MS": "1000"}
    with running(command, r"Local: +(http://\S+:\d+)", folder=built, env=env) as url:
        yield f"{url}/api"


def test_the_table_is_of_the_versions_that_are_installed() -> None:
    """Of all packages, since each may change what happens."""
    assert installed_versions("next", DEPENDENCIES["next"]) == DEPENDENCIES["next"]


@pytest.mark.parametrize(("route", "encoding"), [("naive", "identity"), ("chat", "identity"), ("chat", "gzip")])
def test_frames_come_singly_and_done_comes_last(streamlab: Lab, next_server: str, route: str, encoding: str) -> None:
    """Each piece is there before the next one is sent: the clock is held until it has been read."""
    streamlab.clock.hold()
    streamlab.reply(text(PIECES), faults=SILENCES)
    with Answer(f"{next_server}/{route}", headers={"accept-encoding": encoding}) as answer:
        assert answer.next() == {"text": "One"}
        assert answer.response.getheader("content-type") == "text/event-stream"
        for number, piece in enumerate(PIECES[1:], 2):
            streamlab.clock.wait_until_parked()
            assert streamlab.journal.only.events_sent == number + 1  # message_start, content_block_start, the pieces before
            streamlab.clock.advance(1)
            assert answer.next() == {"text": piece}
        assert list(answer) == ["[DONE]"]
    call = streamlab.journal.only
    assert (call.request.stream, call.request.last_user) == (True, "Hello")
    assert (call.ended, call.ended_by) == ("complete", "server")


def test_events_that_are_compressed_come_singly_too(streamlab: Lab, next_server: str) -> None:
    """Next.js compresses for whoever takes it, as every browser does, unless the route says `no-transform`.

    The guides warn that this holds the events back. This version flushes after each piece.
    """
    streamlab.clock.hold()
    streamlab.reply(text(PIECES), faults=SILENCES)
    frames = [f'data: {{"text":"{piece}"}}' for piece in PIECES]
    with ask(f"{next_server}/naive", "gzip") as connection:
        received = b""
        for number in range(1, 3):
            streamlab.clock.wait_until_parked()
            received += arrives(connection)
            assert body(received).split("\n\n") == [*frames[:number], ""]
            streamlab.clock.advance(1)
        received += arrives(connection)
    assert b"content-encoding: gzip" in received.lower()
    assert body(received).split("\n\n") == [*frames, "data: [DONE]", ""]
    assert streamlab.journal.only.ended == "complete"


# region leaves
def test_a_careful_route_hangs_up_when_its_client_leaves(streamlab: Lab, next_server: str) -> None:
    """It does so in the middle of a silence that would never end."""
    streamlab.reply(text(PIECES), faults=["stall: forever, after: delta 2"])
    with Answer(f"{next_server}/chat") as answer:
        assert [answer.next(), answer.next()] == [{"text": "One"}, {"text": " two"}]
        assert streamlab.journal.only.ended is None
    call = streamlab.wait_for(1).only
    assert (call.ended_by, call.cancelled_after) == ("client", 4)


# endregion


def test_a_naive_route_hangs_up_only_with_the_next_event(streamlab: Lab, next_server: str) -> None:
    """Nothing tells it that its client has left, until it has something to send."""
    streamlab.clock.hold()
    streamlab.reply(text(PIECES), faults=SILENCES)
    with Answer(f"{next_server}/naive") as answer:
        assert answer.next() == {"text": "One"}
    with Answer(f"{next_server}/nothing") as other:  # what answers this has seen the other client leave
        assert other.response.status == HTTPStatus.NOT_FOUND
    streamlab.clock.wait_until_parked()
    assert streamlab.journal.only.ended is None
    streamlab.clock.advance(1)
    call = streamlab.wait_for(1).only
    assert (call.ended_by, call.cancelled_after) == ("client", 4)


@pytest.mark.parametrize(("route", "client"), [("naive", "next naive"), ("chat", "next careful")])
def test_what_each_route_tells_its_page_when_the_stream_breaks(
    streamlab: Lab, next_server: str, route: str, client: str
) -> None:
    """The status is sent before the stream begins; what the naive route throws after that breaks its body off."""
    told = {}
    for scenario, calls in OF_SERVERS.items():
        streamlab.reset()
        streamlab.load(scenario)
        with Answer(f"{next_server}/{route}") as answer:
            if (scenario, route) == ("stall-mid-stream", "naive"):
                assert [answer.next() for _ in range(3)][-1] == {"text": " stops in the"}
                told[scenario] = "it sends 'This answer stops in the', then nothing, for ever"
                continue
            told[scenario] = sent_on(answer)
        assert streamlab.wait_for(len(calls)).statuses == calls
    assert told == OUTCOMES[CLIENTS[client]]


@pytest.mark.parametrize(("route", "last"), [("naive", "[DONE]"), ("chat", {"error": "broken_off"})])
def test_a_stop_reason_is_not_the_end_of_the_answer(streamlab: Lab, next_server: str, route: str, last: Any) -> None:
    """It comes with the event before `message_stop`; `finalMessage()` looks for the latter."""
    streamlab.reply(text(PIECES), faults=["cut: end, before: message_stop"])
    with Answer(f"{next_server}/{route}") as answer:
        assert list(answer) == [*({"text": piece} for piece in PIECES), last]
    assert (streamlab.wait_for(1).only.events_sent, streamlab.journal.only.ended) == (7, "end")


def test_an_error_before_the_stream_comes_with_status_200(streamlab: Lab, next_server: str) -> None:
    """The route returns its answer before the SDK has one, so the page learns of it from a frame or not at all."""
    streamlab.reply(error("authentication"), times=2)
    with Answer(f"{next_server}/naive") as answer, pytest.raises(BROKEN):
        list(answer)
    with Answer(f"{next_server}/chat") as careful:
        assert (careful.response.status, list(careful)) == (200, [{"error": "authentication_error"}])
    assert streamlab.journal.statuses == (401, 401)
