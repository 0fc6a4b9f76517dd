"""The check of a stream: its order, its consistency and its framing, in one list of findings."""

from __future__ import annotations

from collections.abc import Sequence

from streamlab.core.consistency import consistency
from streamlab.core.framing import framing
from streamlab.core.grammar import Finding, order
from streamlab.core.sse import Frame

__all__ = ["check"]


def check(frames: Sequence[Frame]) -> tuple[Finding, ...]:
    """Return every finding of a stream, in the order of its frames; none means that it passes for the API's own."""
    found = (*order(frames), *consistency(frames), *framing(frames))
    return tuple(sorted(found, key=lambda each: each.frame))
