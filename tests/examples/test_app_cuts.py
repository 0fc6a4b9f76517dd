# ruff: noqa: D103 - the names say it
"""Tests with streams that are cut or fall silent."""

from __future__ import annotations

import app
import pytest

from streamlab import Cut, Lab, Stall, text, tool_use


@pytest.mark.parametrize("how", ["end", "fin", "reset"])
def test_notices_a_cut(streamlab: Lab, how: str) -> None:
    streamlab.reply("One two three four five six.", times=2, faults=[Cut(how, after="delta 3")])
    with pytest.raises(app.StreamBroken):
        app.ask("Count to six.")


@pytest.mark.parametrize("number", range(1, 8))
def test_notices_a_cut_after_every_event(streamlab: Lab, number: int) -> None:
    """Three deltas make a stream of eight events; each of the first seven can be the last that arrives."""
    streamlab.reply(text(["One", " two", " three"]), faults=[Cut("end", after=f"event {number}")])
    with pytest.raises(app.StreamBroken):
        app.ask("Count to three.", tries=1)


@pytest.mark.parametrize("count", range(2000, 2004))
def test_notices_a_cut_inside_a_character(streamlab: Lab, count: int) -> None:
    """A wave takes four bytes, so three of four cuts in a row halve one."""
    streamlab.reply(text(["🌊" * 1000]), faults=[Cut("fin", at=f"byte {count}")])
    with pytest.raises(app.StreamBroken):
        app.ask("Draw the sea.", tries=1)


def test_notices_half_a_tool_call(streamlab: Lab) -> None:
    """Twelve characters of the input arrive: not enough to know the city."""
    call = tool_use("get_weather", location="San Francisco")
    streamlab.reply(call, faults=[Cut("fin", at="tool_use char 12")])
    with pytest.raises(app.StreamBroken):
        app.ask("What is the weather?", tries=1)


def test_does_not_wait_for_ever(streamlab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's timeout ends the silence; scaled down, so that the test is quick."""
    monkeypatch.setattr(app, "TIMEOUT", 0.3)
    streamlab.reply("One two three four.", faults=[Stall("forever", after="delta 2")])
    with pytest.raises(app.StreamBroken):
        app.ask("Count to four.", tries=1)
