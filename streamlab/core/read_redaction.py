"""Redaction of a body while it arrives: reads in, and those out whose bytes can no longer be part of a secret.

A read may cut a secret in two. So bytes are let go when what they are part of is whole: a frame of an event stream, and all
of another body, up to a limit. Reads keep their times, and their boundaries where these are not within a secret.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from streamlab.core.exchange import Read
from streamlab.core.redaction import Pattern, redact_bytes
from streamlab.core.spread_redaction import FRAME_ENDS, SpreadRedactor, last_end

__all__ = ["ReadRedactor"]

_MOST = 1024 * 1024
"""Bytes that are held back before some are let go, although no end is in sight."""
_LONGEST = 64 * 1024
"""The longest secret that is found on the border of two such parts."""
_TEXT_ENDS = re.compile(rb'[\n"]')
_TRIES, _STEP, _PATIENCE = 4, 256, 4
"""How many borders of each kind are tried, how far apart, and how many times as much is held if each is in a secret."""
_OVERLAP = 4


class ReadRedactor:
    """Redacts the reads of one body; what is fed comes out by `close` at the latest, some secrets shorter or longer.

    In a stream a secret that is spread over several frames is looked for first.
    """

    def __init__(self, patterns: Sequence[Pattern] = (), *, is_stream: bool) -> None:
        self._count = self._delta = 0
        self._spread = SpreadRedactor(patterns) if is_stream else None
        self._patterns, self._is_stream = patterns, is_stream
        self._held = bytearray()
        self._begins: list[tuple[int, float | None]] = []
        self._clean = 0

    @property
    def count(self) -> int:
        """How many secrets were taken out."""
        return self._count + (self._spread.count if self._spread else 0)

    @property
    def delta(self) -> int:
        """How many bytes longer that made the body."""
        return self._delta + (self._spread.delta if self._spread else 0)

    @property
    def events(self) -> int:
        """How many events a stream has had, pings not counted."""
        return self._spread.events if self._spread else 0

    @property
    def saw_end(self) -> bool:
        """Whether one of them said that it is over."""
        return self._spread is not None and self._spread.saw_end

    def feed(self, read: Read) -> list[Read]:
        """Take the next read; return those that are safe by now."""
        reads = self._spread.feed(read) if self._spread else [read] if read.data else []
        return [safe for each in reads for safe in self._feed(each)]

    def close(self) -> list[Read]:
        """Say that the body is over; return what is left."""
        reads = self._spread.close() if self._spread else []
        safe = [safe for each in reads for safe in self._feed(each)]
        self._redact(len(self._held))
        return safe + self._let_go()

    def _feed(self, read: Read) -> list[Read]:
        if not self._held and self._is_stream and read.data.endswith(FRAME_ENDS):
            return self._whole(read)
        unseen = max(self._clean, len(self._held) - _OVERLAP)
        self._begins.append((len(self._held), read.at))
        self._held += read.data
        if self._is_stream and (end := last_end(self._held, unseen)) > self._clean:
            self._redact(end)
        elif len(self._held) - self._clean > _MOST:
            self._redact(self._border())
        return self._let_go()

    def _whole(self, read: Read) -> list[Read]:
        data, count, _ = redact_bytes(read.data, self._patterns)
        self._count += count
        self._delta += len(data) - len(read.data)
        return [Read(data, read.at)]

    def _redact(self, end: int) -> None:
        """Redact what is held, up to here."""
        before = bytes(self._held[self._clean : end])
        starts = [start - self._clean for start, _ in self._begins]
        places = [start for start in starts if 0 < start < len(before)]
        after, count, moved = redact_bytes(before, self._patterns, places)
        self._held[self._clean : end] = after
        if count:
            new = dict(zip(places, moved, strict=True))
            delta = len(after) - len(before)
            self._begins = [
                (self._clean + new.get(start, start + delta * (start >= len(before) > 0)), at)
                for start, (_, at) in zip(starts, self._begins, strict=True)
            ]
            self._count += count
            self._delta += delta
        self._clean += len(after)

    def _let_go(self) -> list[Read]:
        """Return the reads that are redacted to their ends."""
        if len(self._begins) > 1 and self._begins[1][0] > self._clean:
            return []
        ends = [*(start for start, _ in self._begins[1:]), len(self._held)]
        done = [(start, end, at) for (start, at), end in zip(self._begins, ends, strict=False) if end <= self._clean]
        if not done:
            return []
        reads = [Read(bytes(self._held[start:end]), at) for start, end, at in done if end > start]
        size = done[-1][1]
        del self._held[:size]
        self._begins = [(start - size, at) for start, at in self._begins[len(done) :]]
        self._clean -= size
        return reads

    def _border(self) -> int:
        """Return where what is held can be parted so that the same is redacted: at the end of a text, or anywhere."""
        part = bytes(self._held[self._clean :])
        whole, least = self._redacted(part), max(1, len(part) - _LONGEST)
        at: int
        ends = [place.end() for place in _TEXT_ENDS.finditer(part, least, len(part) - 1)]
        for at in (*ends[: -_TRIES - 1 : -1], *range(least, max(0, least - _TRIES * _STEP), -_STEP)):
            if self._redacted(part[:at]) + self._redacted(part[at:]) == whole:
                return self._clean + at
        return len(self._held) if len(part) > _PATIENCE * _MOST else self._clean

    def _redacted(self, data: bytes) -> bytes:
        return redact_bytes(data, self._patterns)[0]
