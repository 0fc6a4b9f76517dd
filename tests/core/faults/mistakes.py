"""What is said of a fault that cannot be made, in one line for a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from streamlab.core.faults import parse_fault
from streamlab.errors import ScenarioError

DURATION = "write 400ms, 2s, 1m, 1h or a number of seconds"
SELECTION = "write the place of an event ('delta 3'), 'every delta', 'all', or a list of places"
NO_EVENT = "name one: 'event N', 'delta N', 'message_stop'"


def mistake(written: Mapping[Any, Any]) -> tuple[str, tuple[str | int, ...], str]:
    """Return what is wrong with a fault as it is written: the problem, its key, and what to write instead."""
    with pytest.raises(ScenarioError) as caught:
        parse_fault(written)
    return caught.value.problem, caught.value.key, caught.value.hint
