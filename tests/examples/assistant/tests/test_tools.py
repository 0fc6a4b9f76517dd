# ruff: noqa: D103 - the names say it
"""The tool loop: a tool is called with what the model asked for, never with half of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from assistant import GaveUp, Settings

from streamlab import Cut, Lab, tool_use

QUICK = Settings(tries=2, first_wait=0.001, most_rounds=3)


def get_weather(location: str) -> str:
    """Tell the weather."""
    return f"18 degrees in {location}"


TOOLS = {"get_weather": get_weather}


def last_result(streamlab: Lab) -> dict[str, Any]:
    """Return the block in which the last request brings the result of a tool."""
    (block,) = streamlab.journal[-1].request.messages[-1]["content"]
    return block


def test_calls_the_tool(streamlab: Lab, use_tools: Callable[..., str]) -> None:
    streamlab.reply("It is mild.", when={"tool_result": "get_weather"})
    streamlab.reply(tool_use("get_weather", location="Paris"), when={"last_user": "weather"})
    assert use_tools("What is the weather?", TOOLS) == "It is mild."
    assert last_result(streamlab)["content"] == "18 degrees in Paris"


@pytest.mark.parametrize(
    ("how", "place"), [("end", "tool_use delta 2"), ("reset", "tool_use char 12"), ("fin", "content_block_stop")]
)
def test_never_acts_on_half_a_call(streamlab: Lab, use_tools: Callable[..., str], how: str, place: str) -> None:
    calls = []

    def book(**arguments: str) -> str:
        calls.append(arguments)
        return "booked"

    streamlab.reply(tool_use("book", city="Paris", nights="3"), faults=[Cut(how, before=place)])
    streamlab.reply(tool_use("book", city="Paris", nights="3"))
    streamlab.reply("Booked.", when={"tool_result": "book"})
    assert use_tools("Book a room.", {"book": book}, QUICK) == "Booked."
    assert calls == [{"city": "Paris", "nights": "3"}]


@pytest.mark.parametrize(
    ("call", "said"), [(tool_use("get_weather"), "TypeError"), (tool_use("get_time"), "KeyError")], ids=["arguments", "name"]
)
def test_tells_the_model_what_went_wrong(streamlab: Lab, use_tools: Callable[..., str], call: Any, said: str) -> None:
    streamlab.reply(call)
    streamlab.reply("Sorry.", when={"turn": 2})
    assert use_tools("What is the weather?", TOOLS) == "Sorry."
    result = last_result(streamlab)
    assert result["is_error"]
    assert said in result["content"]


def test_does_not_go_round_for_ever(streamlab: Lab, use_tools: Callable[..., str]) -> None:
    streamlab.reply(tool_use("get_weather", location="Paris"), times=3)
    with pytest.raises(GaveUp):
        use_tools("What is the weather?", TOOLS, QUICK)


@pytest.mark.streamlab(scenario="agent-loop")
def test_a_scenario_from_the_shelf(use_tools: Callable[..., str]) -> None:
    assert use_tools("What is the weather?", TOOLS).startswith("It is 18 degrees")
