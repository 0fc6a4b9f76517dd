"""The whole check, on real recordings and on recordings that were broken on purpose."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from streamlab.core.authoring import message, text, thinking, tool_use
from streamlab.core.checking import check
from streamlab.core.events import PING, encode
from streamlab.core.exchange import Request
from streamlab.core.grammar import RULES, Grade
from streamlab.core.identity import generator
from streamlab.core.sse import Event, Frame, decode

Frames = list[Frame]
Break = Callable[[Frames], Frames | None]
"""Breaks a stream; None where the stream has nothing that can be broken so."""


def made() -> Frames:
    """Return the stream of a reply with a block of each common kind."""
    blocks = (thinking("I should look."), text("Let me look at the weather."), tool_use("get_weather", city="Paris", days=3))
    request = Request(body=json.dumps({"model": "claude-sonnet-4-6", "messages": [], "stream": True}).encode())
    return list(message(*blocks).plan(request, generator(1)).frames)


def first(frames: Sequence[Frame], kind: str, start: int = 0) -> int | None:
    """Return where the first frame of a type is."""
    return next((index for index, frame in enumerate(frames) if index >= start and frame.type == kind), None)


def last(frames: Sequence[Frame], kind: str) -> int | None:
    """Return where the last frame of a type is."""
    return next((index for index in range(len(frames) - 1, -1, -1) if frames[index].type == kind), None)


def without(kind: str) -> Break:
    """Take the first event of a type out."""

    def broken(frames: Frames) -> Frames | None:
        index = first(frames, kind)
        return None if index is None else frames[:index] + frames[index + 1 :]

    return broken


def doubled(kind: str) -> Break:
    """Say the first event of a type twice."""

    def broken(frames: Frames) -> Frames | None:
        index = first(frames, kind)
        return None if index is None else [*frames[: index + 1], *frames[index:]]

    return broken


def moved(kind: str, before: str) -> Break:
    """Put the last event of a type before the first of another."""

    def broken(frames: Frames) -> Frames | None:
        source, target = last(frames, kind), first(frames, before)
        if source is None or target is None:
            return None
        rest = frames[:source] + frames[source + 1 :]
        index = first(rest, before)
        return None if index is None else [*rest[:index], frames[source], *rest[index:]]

    return broken


def changed(kind: str, change: Callable[[Event], object], *, only: Callable[[Event], bool] = lambda _: True) -> Break:
    """Change the first event of a type; what `change` returns does not matter."""

    def broken(frames: Frames) -> Frames | None:
        for index, frame in enumerate(frames):
            if frame.type == kind and frame.event is not None and only(frame.event):
                event = json.loads(json.dumps(frame.event))
                change(event)
                return [*frames[:index], encode(event), *frames[index + 1 :]]
        return None

    return broken


def raw(change: Callable[[bytes], bytes], kind: str = "content_block_start") -> Break:
    """Change the bytes of the first frame of a type."""

    def broken(frames: Frames) -> Frames | None:
        index = first(frames, kind)
        return None if index is None else [*frames[:index], Frame(change(frames[index].raw)), *frames[index + 1 :]]

    return broken


def appended(*events: Event) -> Break:
    """Say more after the end."""
    return lambda frames: [*frames, *(encode(event) for event in events)]


def interleaved(frames: Frames) -> Frames | None:
    """Start the second block before the first has stopped."""
    stop, start = first(frames, "content_block_stop"), last(frames, "content_block_start")
    if stop is None or start is None or start < stop:
        return None
    return [*frames[:stop], frames[start], *frames[stop:start], *frames[start + 1 :]]


def is_delta(kind: str, *, full: bool = False) -> Callable[[Event], bool]:
    """Ask for a delta of a type; a full one of tool input is not empty."""
    return lambda event: event["delta"]["type"] == kind and (not full or bool(event["delta"].get("partial_json")))


def cut_input(frames: Frames) -> Frames | None:
    """Leave the last fragment of a tool's input out."""
    for index in range(len(frames) - 1, -1, -1):
        event = frames[index].event
        if event is not None and event["type"] == "content_block_delta" and is_delta("input_json_delta", full=True)(event):
            return frames[:index] + frames[index + 1 :]
    return None


BREAKS: dict[str, tuple[Break, str]] = {
    "no message_start": (without("message_start"), "order"),
    "no block start": (without("content_block_start"), "order"),
    "no block stop": (without("content_block_stop"), "order"),
    "no message_delta": (without("message_delta"), "order"),
    "no message_stop": (without("message_stop"), "unfinished"),
    "cut after the first delta": (lambda frames: frames[: (first(frames, "content_block_delta") or 3) + 1], "unfinished"),
    "two message_start": (doubled("message_start"), "order"),
    "two block starts": (doubled("content_block_start"), "order"),
    "two block stops": (doubled("content_block_stop"), "order"),
    "two message_delta": (doubled("message_delta"), "order"),
    "two message_stop": (doubled("message_stop"), "after-end"),
    "a delta twice": (doubled("content_block_delta"), "repeated"),
    "message_stop before message_delta": (moved("message_stop", "message_delta"), "order"),
    "message_delta before the last stop": (moved("message_delta", "content_block_stop"), "order"),
    "a block's stop before its start": (moved("content_block_stop", "content_block_start"), "order"),
    "interleaved blocks": (interleaved, "order"),
    "a block renumbered": (changed("content_block_start", lambda e: e.update(index=e["index"] + 1)), "index"),
    "a delta renumbered": (changed("content_block_delta", lambda e: e.update(index=e["index"] + 1)), "index"),
    "a stop renumbered": (changed("content_block_stop", lambda e: e.update(index=7)), "index"),
    "a delta without index": (changed("content_block_delta", lambda e: e.pop("index")), "field"),
    "an index that is a text": (changed("content_block_start", lambda e: e.update(index="0")), "field"),
    "a block without type": (changed("content_block_start", lambda e: e["content_block"].pop("type")), "field"),
    "a delta of another kind": (
        changed(
            "content_block_delta",
            lambda e: e.update(delta={"type": "thinking_delta", "thinking": "x"}),
            only=lambda e: e["delta"]["type"] != "thinking_delta" and e["delta"]["type"] != "signature_delta",
        ),
        "delta-kind",
    ),
    "an unknown delta": (changed("content_block_delta", lambda e: e["delta"].update(type="smell_delta")), "unknown-delta"),
    "an unknown block": (changed("content_block_start", lambda e: e["content_block"].update(type="smell")), "unknown-block"),
    "an unknown event": (changed("message_stop", lambda e: e.update(type="message_halt")), "unknown-event"),
    "a text that is a number": (
        changed("content_block_delta", lambda e: e["delta"].update(text=3), only=is_delta("text_delta")),
        "field",
    ),
    "an empty text": (
        changed("content_block_delta", lambda e: e["delta"].update(text=""), only=is_delta("text_delta")),
        "empty-text",
    ),
    "tool input cut off": (cut_input, "tool-input"),
    "tool input that is no JSON": (
        changed(
            "content_block_delta", lambda e: e["delta"].update(partial_json="}{"), only=is_delta("input_json_delta", full=True)
        ),
        "tool-input",
    ),
    "output tokens that shrink": (changed("message_delta", lambda e: e["usage"].update(output_tokens=0)), "usage-shrinks"),
    "output tokens below nothing": (changed("message_delta", lambda e: e["usage"].update(output_tokens=-1)), "field"),
    "invalid UTF-8": (raw(lambda data: data.replace(b'"index"', b'"ind\xff"', 1)), "encoding"),
    "NaN": (raw(lambda data: re.sub(rb'"output_tokens":[0-9]+', b'"output_tokens":NaN', data), "message_delta"), "no-event"),
    "an event of another case": (changed("content_block_stop", lambda e: e.update(type="Content_Block_Stop")), "misspelt"),
    "a frame without its data": (raw(lambda data: data.split(b"\ndata:")[0] + b"\n\n"), "no-event"),
    "two events without a blank line between": (
        lambda frames: [Frame(frames[0].raw[:-1] + frames[1].raw), *frames[2:]],
        "no-event",
    ),
    "tokens that are a text": (changed("message_delta", lambda e: e["usage"].update(output_tokens="9")), "field"),
    "no usage": (changed("message_delta", lambda e: e.pop("usage")), "field"),
    "stop_reason null": (changed("message_delta", lambda e: e["delta"].update(stop_reason=None)), "field"),
    "an unknown stop_reason": (
        changed("message_delta", lambda e: e["delta"].update(stop_reason="bored")),
        "unknown-stop-reason",
    ),
    "tool_use without a call": (
        lambda frames: (
            None
            if any((frame.event or {}).get("content_block", {}).get("type") == "tool_use" for frame in frames)
            else changed("message_delta", lambda e: e["delta"].update(stop_reason="tool_use"))(frames)
        ),
        "stop-reason",
    ),
    "content in message_start": (
        changed("message_start", lambda e: e["message"].update(content=[{"type": "text", "text": "x"}])),
        "start-content",
    ),
    "a role that is not the assistant": (changed("message_start", lambda e: e["message"].update(role="user")), "field"),
    "a message without id": (changed("message_start", lambda e: e["message"].pop("id")), "field"),
    "an event after the end": (appended({"type": "content_block_stop", "index": 0}), "after-end"),
    "an error after the end": (appended({"type": "error", "error": {"type": "api_error", "message": "x"}}), "after-end"),
    "a ping after the end": (lambda frames: [*frames, PING], "ping-outside"),
    "a ping first": (lambda frames: [PING, *frames], "ping-outside"),
    "a ping after message_start": (lambda frames: [frames[0], PING, *frames[1:]], "ping-place"),
    "a ping after message_delta": (lambda frames: [*frames[:-1], PING, frames[-1]], "ping-place"),
    "an event after an error": (
        lambda frames: [*frames[:2], encode({"type": "error", "error": {"type": "api_error", "message": "x"}}), *frames[2:]],
        "after-end",
    ),
    "a name of another event": (
        raw(lambda data: data.replace(b"event: content_block_start", b"event: message_stop", 1)),
        "name",
    ),
    "malformed JSON": (raw(lambda data: data.replace(b"{", b"", 1)), "no-event"),
    "CRLF": (raw(lambda data: data.replace(b"\n", b"\r\n")), "framing"),
    "a comment": (lambda frames: [*frames[:2], Frame(b": hello\n\n"), *frames[2:]], "framing"),
    "[DONE]": (lambda frames: [*frames, Frame(b"data: [DONE]\n\n")], "no-event"),
    "a last frame without its blank line": (lambda frames: [*frames[:-1], Frame(frames[-1].raw[:-1])], "cut-off"),
    "spaced JSON": (raw(lambda data: data.replace(b'","', b'", "', 1).replace(b'"index":', b'"index": ', 1)), "compact"),
    "too much padding": (raw(lambda data: data.replace(b"}\n\n", b" " * 16 + b"}\n\n")), "padding"),
    "a padded ping": (
        lambda frames: [*frames[:2], Frame(b'event: ping\ndata: {"type":"ping"  }\n\n'), *frames[2:]],
        "ping-text",
    ),
}


def test_a_made_stream_passes() -> None:
    """What we make is what the API sends."""
    assert check(made()) == ()


def test_no_recording_has_anything_illegal(recorded_streams: list[Path]) -> None:
    """What the API sent breaks no rule; only Vertex sends its ping where the direct API never does."""
    found = {(path.name, each.rule) for path in recorded_streams for each in check(decode(path.read_bytes()))}
    assert {rule for _, rule in found} <= {"ping-place"}
    assert RULES["ping-place"].grade is Grade.UNSEEN


@pytest.mark.parametrize("name", BREAKS)
def test_each_break_of_a_made_stream_is_named(name: str) -> None:
    """A break is found, and by its own name."""
    change, rule = BREAKS[name]
    broken = change(made())
    if name == "tool_use without a call":
        assert broken is None  # the made stream has a call
        return
    assert broken is not None
    assert rule in {each.rule for each in check(broken)}


def test_each_break_of_fifty_recordings_is_named(recorded_streams: list[Path]) -> None:
    """Every break of every stream that can be broken so is found, and by its own name."""
    chosen = sorted(recorded_streams, key=lambda path: path.stat().st_size)[::7][:50]
    applied = dict.fromkeys(BREAKS, 0)
    for path in chosen:
        frames = list(decode(path.read_bytes()))
        before = {each.rule for each in check(frames)}
        for name, (change, rule) in BREAKS.items():
            broken = change(frames)
            if broken is None:
                continue
            applied[name] += 1
            assert rule in {each.rule for each in check(broken)} - before | ({rule} & {"ping-place"}), (path.name, name)
    assert all(applied.values()), applied


def test_a_finding_says_where_why_and_what_the_api_does() -> None:
    """The text of a finding is enough to mend it."""
    frames = made()
    (found,) = [each for each in check([*frames, PING]) if each.rule == "ping-outside"]
    events = sum(frame.type not in (None, "ping") for frame in frames)
    assert str(found) == f"event {events}: a ping; expected the end [ping-outside, illegal]"
    assert found.fact == "pings come after message_start and before message_stop"
