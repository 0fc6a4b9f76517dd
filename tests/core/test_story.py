"""The story of a stream, event by event."""

from __future__ import annotations

from typing import Any

import pytest
from recorded import PING, block, closing, message_start, raw, text_block, tool_block

from streamlab.core.sse import Frame
from streamlab.core.story import Story


def test_blocks_are_told_apart_by_their_index() -> None:
    """Even if their events are mixed, as the API's never are."""
    one, other = raw(text_block("a", "b")), raw(tool_block('{"x":1}', index=1))
    story = Story()
    mixed = [one[0], other[0], one[1], other[1], one[2], other[2], one[3]]
    told = [text for each in mixed for _, text, _ in story.told(Frame(each))]
    assert told[-2:] == ['= look {"x":1}', "= ab"]


def test_a_block_is_forgotten_when_it_stops() -> None:
    """Another of the same index begins anew."""
    story = Story()
    told = [text for each in raw([*text_block("a"), *text_block("b")]) for _, text, _ in story.told(Frame(each))]
    assert (told[2], told[5]) == ("= a", "= b")


def test_a_stop_without_a_block_adds_up_to_nothing() -> None:
    """There is nothing to show."""
    (stop,) = raw(text_block()[-1:])
    assert list(Story().told(Frame(stop))) == [("block 0 stops", "", "text")]


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([message_start()], [("message_start", "m msg_1 (input 3)", "")]),
        ([{"type": "message_start", "message": 1}], [("message_start", "", "")]),
        (closing()[:1], [("message_delta", "stop_reason end_turn, (output 5)", "")]),
        ([{"type": "message_delta", "delta": {"container": {"a": 1}}}], [("message_delta", 'container {"a":1}', "")]),
        ([PING], [("ping", "", "dim")]),
        ([{"type": "new", "x": 1}], [("new", '{"x":1}', "")]),
        ([{"type": "error", "error": {"type": "a", "message": "b"}}], [("error", "a: b", "error")]),
        ([{"type": "error"}], [("error", '{"type":"error"}', "error")]),
        (
            block({"type": "text", "x": 1}, {"type": "signature_delta", "signature": "ab"}, {"y": 2}),
            [
                ("block 0 starts", 'text {"x":1}', ""),
                ("signature_delta", "2 characters", "dim"),
                ("null", '{"y":2}', ""),
                ("block 0 stops", "", "text"),
            ],
        ),
    ],
)
def test_what_events_tell(events: list[dict[str, Any]], told: list[tuple[str, str, str]]) -> None:
    """A name, a text, and what it is."""
    story = Story()
    assert [each for event in raw(events) for each in story.told(Frame(event))] == told


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (b"\xef\xbb\xbf", ("a byte order mark", "")),
        (b"\r\n", ("a blank line", "")),
        (b": hi\r\n\r\n", ("a comment", ": hi")),
        (b"data: x\r\r", ("no event", "data: x\r\r")),
        (b"data: x\n", ("unfinished", "data: x\n")),
    ],
)
def test_what_frames_without_an_event_are(frame: bytes, told: tuple[str, str]) -> None:
    """In words, and as they came."""
    assert list(Story().told(Frame(frame))) == [(*told, "error")]
