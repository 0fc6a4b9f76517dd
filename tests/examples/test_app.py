# ruff: noqa: D103 - the names say it
"""The first tests of the tutorial."""

from __future__ import annotations

import app
import pytest

from streamlab import Cut, Lab, error, tool_use


def test_greets(streamlab: Lab) -> None:
    streamlab.reply("Hello from streamlab.")
    assert app.greet() == "Hello from streamlab."


def test_backs_off(streamlab: Lab) -> None:
    streamlab.reply(error("overloaded", headers={"retry-after-ms": "1"}), times=2)
    streamlab.reply("Fine now.")
    assert app.greet() == "Fine now."
    assert [call.status for call in streamlab.journal] == [529, 529, 200]


def test_takes_half_for_the_whole(streamlab: Lab) -> None:
    streamlab.reply("Hello from streamlab.", faults=[Cut("end", after="delta 2")])
    assert app.greet() == "Hello from"  # and the SDK raised nothing


def test_half_a_tool_call(streamlab: Lab) -> None:
    call = tool_use("get_weather", location="San Francisco")
    streamlab.reply(call, times=2, faults=[Cut("end", after="tool_use delta 3")])
    with pytest.raises(app.StreamBroken):
        app.ask("What is the weather?")


@pytest.mark.streamlab(scenario="overloaded-mid-stream")
def test_asks_again(streamlab: Lab) -> None:
    answer = app.ask("Count to eight.")
    assert answer.content[0].text == "One two three four five six seven eight."
    assert [call.ended for call in streamlab.journal] == ["end", "complete"]
