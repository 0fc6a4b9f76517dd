# ruff: noqa: D103 - the names say it
"""The test as it was, with VCR.py and pytest-recording."""

from __future__ import annotations

import capitals
import pytest


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, list[str]]:
    return {"filter_headers": ["authorization", "x-api-key"]}


@pytest.mark.vcr
def test_knows_the_capital() -> None:
    assert "Paris" in capitals.capital("France")
