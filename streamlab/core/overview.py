"""Overviews: many recorded exchanges, one line each, and what they add up to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from streamlab.core.arrivals import Arrived
from streamlab.core.exchange import Ended
from streamlab.core.shown import Line, count, cut, seconds, visible

__all__ = ["HEADING", "Totals", "overview", "overview_data"]

_REFUSED = 400
_GOOD = (Ended.COMPLETE, Ended.UNKNOWN)
_ROW = "{:>5}  {:>6}  {:11}  {:16}  {:>6}  {:>9}  {:>9}  {:>9}  {:24}  {}"
HEADING = Line(
    _ROW.format("no.", "status", "ended", "stop reason", "events", "bytes", "1st token", "duration", "model", "request"), "dim"
)
"""The names of the columns of an overview."""


def overview(number: int, arrived: Arrived, width: int = 0) -> Line:
    """Return the line of one exchange among others."""
    exchange, sums = arrived.exchange, arrived.sums
    head, asks = exchange.head, exchange.request
    said = sums.stop_reason or sums.error
    row = (
        *(number, "-" if head is None else head.status, str(exchange.ended)),
        *(_fitted(said, 16), f"{sums.events:,}", f"{sums.size:,}"),
        *(seconds(sums.time_to_first_token), seconds(sums.duration)),
        *(_fitted(asks.model or sums.model, 24), visible(f"{asks.method} {asks.path}")),
    )
    is_bad = exchange.ended not in _GOOD or sums.error is not None or head is None or head.status >= _REFUSED
    return Line(cut(_ROW.format(*row).rstrip(), width), "error" if is_bad else "")


def overview_data(number: int, arrived: Arrived) -> dict[str, Any]:
    """Return the same, and more, as plain data."""
    exchange, sums = arrived.exchange, arrived.sums
    asks, silence = exchange.request, sums.silence
    return {
        "exchange": number,
        "method": asks.method,
        "path": asks.path,
        "model": asks.model or sums.model,
        "status": None if exchange.head is None else exchange.head.status,
        "ended": str(exchange.ended),
        "stop_reason": sums.stop_reason,
        "error": sums.error,
        "events": sums.events,
        "pings": sums.pings,
        "reads": sums.reads,
        "bytes": sums.size,
        "output_tokens": sums.output_tokens,
        "first": sums.first,
        "time_to_first_token": sums.time_to_first_token,
        "tokens_per_second": sums.tokens_per_second,
        "longest_silence": None if silence is None else {"seconds": silence.seconds, "where": silence.where},
        "duration": sums.duration,
        "recorded": exchange.recorded,
    }


@dataclass(slots=True)
class Totals:
    """The sums of many exchanges."""

    exchanges: int = 0
    events: int = 0
    size: int = 0
    tokens: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)

    def add(self, arrived: Arrived) -> None:
        """Add one."""
        head, sums = arrived.exchange.head, arrived.sums
        self.exchanges += 1
        self.events += sums.events
        self.size += sums.size
        self.tokens += sums.output_tokens or 0
        self.statuses["no answer" if head is None else str(head.status)] += 1
        self.endings[str(arrived.exchange.ended)] += 1

    def __str__(self) -> str:
        sums = f"{count(self.exchanges, 'exchange')}: {count(self.events, 'event')}, {count(self.size, 'byte')}"
        tokens = f", {count(self.tokens, 'token')} of output" if self.tokens else ""
        told = (_counted(each) for each in (self.statuses, self.endings))
        return f"{sums}{tokens}; status {'; ended '.join(told)}" if self.exchanges else sums


def _fitted(text: str | None, width: int) -> str:
    return cut(visible(text or "-"), width)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({number:,})" if len(counts) > 1 else name for name, number in sorted(counts.items()))
