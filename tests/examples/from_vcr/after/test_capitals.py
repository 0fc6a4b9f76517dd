# ruff: noqa: D103 - the names say it
"""The same test, with the same recording, imported."""

from __future__ import annotations

import capitals
import pytest


@pytest.mark.streamlab(cassette=True)
def test_knows_the_capital() -> None:
    assert "Paris" in capitals.capital("France")
