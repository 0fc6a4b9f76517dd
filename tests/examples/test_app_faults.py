# ruff: noqa: D103 - the names say it
"""Tests with faults that are combined."""

from __future__ import annotations

import app
import pytest

from streamlab import Cut, Lab, Stall


def test_two_faults(streamlab: Lab) -> None:
    faults = [Stall("20ms", before="delta 2"), Cut("reset", at="text char 20")]
    streamlab.reply("One two three four five six.", faults=faults)
    with pytest.raises(app.StreamBroken):
        app.ask("Count to six.", tries=1)
