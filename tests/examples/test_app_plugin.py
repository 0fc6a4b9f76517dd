# ruff: noqa: D101, D102, D103 - the names say it
"""Tests with the marker and with settings of their own."""

from __future__ import annotations

import app
import pytest

from streamlab import Lab, LabSettings


@pytest.fixture
def streamlab_settings() -> LabSettings:
    return LabSettings(seed=7, strict={"exchanges": "fail"})


@pytest.mark.streamlab(scenario="overloaded-then-fine")
def test_a_scenario(streamlab: Lab) -> None:
    assert app.greet() == "Fine now."
    assert streamlab.journal.statuses == (529, 529, 200)


@pytest.mark.streamlab(scenario="hello", faults="cut: reset, after: delta 2")
class TestBroken:
    def test_the_answer_breaks_off(self) -> None:
        with pytest.raises(app.StreamBroken):
            app.ask("Say hello.")

    @pytest.mark.streamlab(faults=[], pace={"rate": "500/s"})
    def test_the_nearest_mark_decides(self) -> None:
        assert app.greet() == "Hello from streamlab."


@pytest.mark.streamlab(strict={"unused": False})
def test_a_reply_that_need_not_be_used(streamlab: Lab) -> None:
    streamlab.reply("Sunny.", when={"last_user": "weather"})
    streamlab.reply("Good morning.")
    assert app.greet() == "Good morning."
