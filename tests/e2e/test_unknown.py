"""What the API will send one day: planted at every level, it passes through every part to the letter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from raw_client import RawClient, request

from streamlab.core.authoring import events, message
from streamlab.core.checking import check
from streamlab.core.grammar import Grade
from streamlab.core.messages import fold, stream
from streamlab.core.sse import Event, decode
from streamlab.files.scenario import sse
from streamlab.net.lab import Lab

NEWS: dict[str, Any] = {"kind": "news", "deep": [{"x": None}, 1.5, True, "é\u2028"]}
BLOCK = {"type": "hologram", "shape": NEWS, "news": NEWS}
PLANTED: list[Event] = [
    {
        "type": "message_start",
        "news": NEWS,
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-next",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "news": NEWS,
            "usage": {"input_tokens": 1, "output_tokens": 1, "news": NEWS},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": BLOCK, "news": NEWS},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "hologram_delta", "light": NEWS}, "news": NEWS},
    {"type": "content_block_stop", "index": 0, "news": NEWS},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "", "news": NEWS}},
    {"type": "message_news", "news": NEWS},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hi", "news": NEWS}},
    {"type": "content_block_stop", "index": 1},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "bored", "stop_sequence": None, "news": NEWS},
        "usage": {"output_tokens": 9, "later_news": NEWS},
        "latest_news": NEWS,
    },
    {"type": "message_stop", "news": NEWS},
]
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-next",
    "content": [BLOCK, {"type": "text", "text": "Hi", "news": NEWS}],
    "news": NEWS,
    "usage": {"input_tokens": 1, "output_tokens": 9, "news": NEWS, "later_news": NEWS},
    "stop_reason": "bored",
    "stop_sequence": None,
    "latest_news": NEWS,
}
ASKED = {
    "model": "claude-next",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi", "news": NEWS}, BLOCK], "news": NEWS}],
    "news": NEWS,
}


def asked(lab: Lab, *, streamed: bool) -> bytes:
    """Ask with a body that is full of news; return the body of the answer."""
    host, _, path = lab.url.removeprefix("http://").partition("/")
    body = {**ASKED, "stream": streamed}
    with RawClient(f"http://{host}") as client:
        return client.ask(request(f"/{path}/v1/messages", body=body)).body


@pytest.fixture(params=["events", "sse"])
def planted(request: pytest.FixtureRequest, tmp_path: Path, streamlab: Lab) -> Lab:
    """Give a lab that answers with the planted stream: written, or recorded."""
    if request.param == "events":
        streamlab.reply(events(*PLANTED, plain=True), times=2)
    else:
        path = tmp_path / "planted.sse"
        path.write_bytes(b"".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in PLANTED))
        streamlab.reply(sse(path), times=2)
    return streamlab


def test_news_are_served_verbatim(planted: Lab) -> None:
    """As a stream, and as what of it a message has room for."""
    frames = decode(asked(planted, streamed=True))
    assert [frame.event for frame in frames] == PLANTED
    assert json.loads(asked(planted, streamed=False)) == MESSAGE


def test_news_are_journalled_verbatim(planted: Lab) -> None:
    """The request is kept as it came, and every event is counted."""
    asked(planted, streamed=True)
    asked(planted, streamed=False)
    assert [call.request.json for call in planted.journal] == [{**ASKED, "stream": True}, {**ASKED, "stream": False}]
    assert planted.journal[0].events_sent == len(PLANTED)


def test_news_are_graded_and_never_refused(planted: Lab) -> None:
    """Nothing about an unknown event, block, delta or field is illegal."""
    findings = check(decode(asked(planted, streamed=True)))
    assert {each.grade for each in findings} == {Grade.UNSEEN}
    assert {"unknown-event", "unknown-block", "unknown-delta", "unknown-stop-reason"} <= {each.rule for each in findings}
    asked(planted, streamed=False)


def test_news_survive_the_building_of_messages() -> None:
    """Events to the message, and there and back."""
    assert fold(PLANTED) == MESSAGE
    assert fold(stream(MESSAGE)) == MESSAGE


def test_news_among_content_are_streamed_whole(streamlab: Lab) -> None:
    """A block of an unknown type comes in its start as it is written; a known one keeps its unknown fields."""
    streamlab.reply(message(BLOCK, {"type": "text", "text": "Hi", "news": NEWS}))
    found = [frame.event for frame in decode(asked(streamlab, streamed=True)) if frame.type == "content_block_start"]
    assert [each["content_block"] for each in found if each] == [BLOCK, {"type": "text", "text": "", "news": NEWS}]
