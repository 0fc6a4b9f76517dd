"""The FastAPI endpoint behind nginx, which gathers an answer up unless it is told not to."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from web.listening import Answer, arrives, ask, body
from web.serving import chat_server, nginx

from streamlab import Lab, text

PIECES = ["One", " two", " three"]
SILENCES = ["stall: 1s, after: delta 1", "stall: 1s, after: delta 2"]
"""A second between the pieces, on a clock that the test holds."""


@pytest.fixture
def behind_nginx(streamlab: Lab, tmp_path: Path) -> Iterator[str]:
    """Run the chat server and nginx before it; give the URL of nginx."""
    assert streamlab.url
    with chat_server() as upstream, nginx(upstream, tmp_path) as url:
        yield url


def test_with_buffering_all_comes_in_one_lump(streamlab: Lab, behind_nginx: str) -> None:
    """As long as the answer goes on, not even the head arrives: it waits in nginx for what is to follow."""
    streamlab.clock.hold()
    streamlab.reply(text(PIECES), faults=SILENCES)
    with ask(f"{behind_nginx}/naive") as connection:
        for number in range(1, 3):
            streamlab.clock.wait_until_parked()
            assert streamlab.journal.only.events_sent == number + 2
            assert arrives(connection) == b""
            streamlab.clock.advance(1)
        lump = arrives(connection)
    assert streamlab.journal.only.ended == "complete"
    frames = [f'data: {{"text": "{piece}"}}' for piece in PIECES]
    assert body(lump).split("\n\n") == [*frames, "data: [DONE]", ""]


@pytest.mark.parametrize("place", ["chat", "http11/chat", "http11/naive"])
def test_with_x_accel_buffering_no_events_come_singly(streamlab: Lab, behind_nginx: str, place: str) -> None:
    """Each piece is there before the next one is sent: the clock is held until it has been read.

    The guides say that buffering has to be off. This nginx gathers up what its upstream sends by HTTP/1.0, which it asks for
    unless it is told otherwise; with `proxy_http_version 1.1` it passes on each chunk as it comes, whatever the header says.
    """
    streamlab.clock.hold()
    streamlab.reply(text(PIECES), faults=SILENCES)
    with Answer(f"{behind_nginx}/{place}") as answer:
        assert answer.next() == {"text": "One"}
        assert answer.response.getheader("server", "").startswith("nginx/")
        assert answer.response.getheader("x-accel-buffering") is None  # it was for nginx alone
        for number, piece in enumerate(PIECES[1:], 2):
            streamlab.clock.wait_until_parked()
            assert streamlab.journal.only.events_sent == number + 1
            streamlab.clock.advance(1)
            assert answer.next() == {"text": piece}
        assert list(answer) == ["[DONE]"]
    assert (streamlab.journal.only.ended, streamlab.journal.only.ended_by) == ("complete", "server")


@pytest.mark.parametrize("endpoint", ["naive", "chat"])
def test_leaving_goes_through_nginx_to_the_api(streamlab: Lab, behind_nginx: str, endpoint: str) -> None:
    """The proxy hangs up on the endpoint, and that hangs up on the API, whether anything had come through or not."""
    streamlab.reply(text(PIECES), faults=["stall: forever, after: delta 2"])
    with ask(f"{behind_nginx}/{endpoint}"):
        streamlab.wait_for(lambda journal: journal.only.events_sent == 4)
        assert streamlab.journal.only.ended is None
    call = streamlab.wait_for(1).only
    assert (call.ended_by, call.cancelled_after) == ("client", 4)


def test_buffered_or_not_the_whole_text_arrives(streamlab: Lab, behind_nginx: str) -> None:
    """What nginx holds back is late, and not lost."""
    streamlab.load("long-answer")
    said = []
    for endpoint in ("naive", "chat"):
        with Answer(f"{behind_nginx}/{endpoint}") as answer:
            assert answer.response.status == HTTPStatus.OK
            *frames, last = answer
        assert last == "[DONE]"
        said.append("".join(frame["text"] for frame in frames))
    assert said[0] == said[1]
    assert len(said[0].split()) == 2000
    assert [(call.ended, call.events_sent) for call in streamlab.journal] == [("complete", 2005)] * 2
