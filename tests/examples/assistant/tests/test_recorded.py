# ruff: noqa: D103 - the names say it
"""What the model answered once, replayed: the cassettes are in `cassettes/test_recorded/`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from assistant import GaveUp, Settings


@pytest.mark.streamlab(cassette=True)
def test_knows_the_capital(ask: Callable[..., str]) -> None:
    assert "Paris" in ask("What is the capital of France?")


@pytest.mark.streamlab(cassette=True)
def test_asks_for_the_weather(use_tools: Callable[..., str]) -> None:
    def get_weather(location: str) -> str:
        """Tell the weather."""
        return f"18 degrees in {location}"

    assert "18 degrees" in use_tools("What is the weather in Paris?", {"get_weather": get_weather})


@pytest.mark.streamlab(
    cassette="test_recorded/test_knows_the_capital[sync].yaml", faults=["cut: reset, after: delta 2"], record="none"
)
def test_a_recorded_answer_that_is_broken(ask: Callable[..., str]) -> None:
    with pytest.raises(GaveUp):
        ask("What is the capital of France?", Settings(tries=1))
