"""The demonstration: what each shipped scenario looks like through the official SDK."""

from __future__ import annotations

import anthropic
import pytest

import streamlab
from streamlab.core.pacing import Pace
from streamlab.net import demo
from streamlab.net.demo import sdk_version, stream_events


def shown(scenario: str) -> tuple[list[tuple[str, str]], str]:
    """Return the events that were shown of a scenario, and how it came out."""
    events: list[tuple[str, str]] = []
    with streamlab.serve(scenario) as lab:
        return events, stream_events(lab, lambda name, piece: events.append((name, piece)))


def test_every_event_is_shown_as_it_comes() -> None:
    """Blocks show their type, deltas what they bring, the end its reason; pings, which the SDK swallows, are not seen."""
    events, outcome = shown("tool-use")
    names = [name for name, _ in events]
    assert names[:2] == ["message_start", "content_block_start"]
    assert names[-2:] == ["message_delta", "message_stop"]
    assert [piece for name, piece in events if name == "content_block_start"] == ["[text]", "[tool_use]"]
    text = "".join(piece for name, piece in events if name == "content_block_delta")
    assert text == 'Let me look at the weather.{"location":"San Francisco, CA","unit":"celsius"}'
    (last,) = [piece for name, piece in events if name == "message_delta"]
    assert last.startswith("[tool_use, ")
    assert last.endswith(" output tokens]")
    assert outcome == "the stream ended, stop_reason tool_use"


def test_thinking_is_shown_and_its_signature_is_not() -> None:
    """A delta that has nothing for the eye shows nothing."""
    events, outcome = shown("thinking")
    deltas = [piece for name, piece in events if name == "content_block_delta"]
    assert "".join(deltas) == "The user wants the sum of 17 and 25. 17 plus 25 is 42.17 + 25 = 42."
    assert "" in deltas
    assert outcome == "the stream ended, stop_reason end_turn"


@pytest.mark.parametrize(
    ("scenario", "outcome"),
    [
        ("refused-key", "the SDK raised anthropic.AuthenticationError: Error code: 401 - "),
        ("overloaded-then-fine", "the SDK raised anthropic.OverloadedError: Error code: 529 - "),
        ("max-tokens", "the stream ended, stop_reason max_tokens"),
    ],
)
def test_the_outcome_is_what_a_client_meets(scenario: str, outcome: str) -> None:
    """It is told in one line, retries apart."""
    assert shown(scenario)[1].startswith(outcome)


def test_an_error_in_mid_stream_is_shown_after_what_came() -> None:
    """The events before it were shown."""
    events, outcome = shown("overloaded-mid-stream")
    assert len([name for name, _ in events if name == "content_block_delta"]) == 3
    assert outcome.startswith("the SDK raised anthropic.")
    assert "Overloaded" in outcome


def test_a_cut_is_shown_by_the_error_of_the_transport() -> None:
    """It is not one of the SDK's own, and its home is told."""
    assert "RemoteProtocolError" in shown("cut-mid-text")[1]


def test_an_end_that_comes_early_is_told_though_nothing_is_raised() -> None:
    """The SDK takes it for a whole answer."""
    events: list[str] = []
    with streamlab.serve() as lab:
        lab.reply("One two three.", faults=[streamlab.Cut("end", after="delta 2")])
        outcome = stream_events(lab, lambda name, _: events.append(name))
    assert outcome == "the stream ended early, and the SDK raised nothing"
    assert "message_stop" not in events


@pytest.mark.parametrize("pace", [Pace(), Pace(first=0.02, rate=1000.0)])
def test_a_stall_is_given_up_after_a_while(monkeypatch: pytest.MonkeyPatch, pace: Pace) -> None:
    """The client waits as long as the pace may take and a little more, not for ever."""
    monkeypatch.setattr(demo, "_PATIENCE", 0.1)
    with streamlab.serve("stall-mid-stream", pace=pace) as lab:
        outcome = stream_events(lab, lambda *_: None, pace)
    assert "ReadTimeout" in outcome


def test_the_sdk_tells_its_version() -> None:
    """It is the one that is installed."""
    assert sdk_version() == anthropic.__version__
