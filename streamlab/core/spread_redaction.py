"""Redaction of secrets that are spread over the frames of a stream: what a model says comes in pieces, and is joined again.

The text of each block is followed from frame to frame. While it ends in what may be the beginning of a secret, the reads from
there on are held back; they go on as soon as it is none. Of a secret the first piece keeps what stands for it, and the others
lose their part of it; nothing else of their frames changes, down to how the rest of the text is written.
"""

from __future__ import annotations

import re
from bisect import insort
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from streamlab.core.delta_text import Key, Said, frame_ends, raw_places, read_frame, same_texts, text_of
from streamlab.core.exchange import Read
from streamlab.core.redaction import REDACTED, Pattern, Span
from streamlab.core.running_secrets import RunningSecrets

__all__ = ["FRAME_ENDS", "SpreadRedactor", "last_end"]

FRAME_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")
_OVERLAP = 4
_MOST = 1024 * 1024
"""Bytes that are held back before they are let go, although a secret may have begun in them, or no frame has ended."""
_MOST_TEXT = 64 * 1024
"""Characters of one text that are held back."""
_MOST_RUNS = 64
"""Texts that are followed at once."""
_CONTEXT = 64
"""Characters before a secret that say that it is one."""
_SHORT = 200
"""Characters that are held back before they are looked at again with each piece no more, but when there are an eighth more."""
_FEW = 8
"""Deltas in a read that are worth to be looked at together."""
_LAST_EVENT = re.compile(rb"(?:^|[\r\n])event: ?(?:message_stop|error) *[\r\n]")

Edit = tuple[int, int, bytes]
Piece = tuple[int, int, str]


@dataclass(slots=True)
class _Run:
    """One text that is followed: what was said last, and the pieces that are held back, with where their bytes stand.

    `size` is the length of all this, and `due` the one at which it is looked at again.
    """

    context: str = ""
    pieces: list[Piece] = field(default_factory=list)
    size: int = 0
    due: int = 0

    @property
    def text(self) -> str:
        return self.context + "".join(text for _, _, text in self.pieces)

    def add(self, start: int, end: int, text: str) -> None:
        self.pieces.append((start, end, text))
        self.size += len(text)

    def go_on(self, text: str, held: int = 0) -> None:
        """Go on behind this text, of which so many characters at the end are in the pieces that are still held back."""
        done = len(text) - held
        self.context = text[max(0, done - _CONTEXT) : done]
        self.size = len(self.context) + held
        self.due = self.size + held // 8 if held > _SHORT else 0


class SpreadRedactor:
    """Redacts the texts of one stream; the reads that are fed come out by `close` at the latest, but for those of no bytes.

    `count` is how many secrets were taken out, `delta` how many bytes longer that made the body, `events` how many events have
    come, pings not counted, and `saw_end` whether one of them said that the stream is over.
    """

    def __init__(self, patterns: Sequence[Pattern] = ()) -> None:
        self.count = self.delta = self.events = 0
        self.saw_end = False
        self._secrets = RunningSecrets(patterns)
        self._held = bytearray()
        self._offset = self._seen = 0
        self._begins: deque[tuple[int, float | None]] = deque()
        self._runs: dict[Key, _Run] = {}
        self._last: tuple[_Run, bytes] | None = None
        self._edits: list[Edit] = []

    def feed(self, read: Read) -> list[Read]:
        """Take the next read; return those that are safe by now."""
        if not read.data:
            return []
        unseen = max(self._seen - self._offset, len(self._held) - _OVERLAP)
        self._begins.append((self._end, read.at))
        self._held += read.data
        end = last_end(self._held, unseen)
        if end > 0:
            self._look(self._offset + end)
        if self._end - self._safe > _MOST:
            self._give_up()
        return list(self._let_go(self._safe))

    def close(self) -> list[Read]:
        """Say that the body is over; return what is left."""
        self._look(self._end)
        self._finish()
        return list(self._let_go(self._end))

    @property
    def _end(self) -> int:
        """Where what has come ends. Places are counted from the beginning of the body."""
        return self._offset + len(self._held)

    @property
    def _safe(self) -> int:
        return min([self._seen, *(each.pieces[0][0] for each in self._runs.values() if each.pieces)])

    def _look(self, end: int) -> None:
        """Look at the frames up to here."""
        data = self._raw(self._seen, end)
        if not self._skim(data):
            self._note(data)
            start = 0
            for stop in (*frame_ends(data), len(data)):
                said = read_frame(data[start:stop])
                if said is not None:
                    self._take(said, self._seen + start)
                start = stop
        self._seen = end

    def _give_up(self) -> None:
        """Let go of what is held back for too long: of texts at first, then of a frame without an end."""
        self._finish()
        if self._end - self._seen > _MOST:
            self._note(self._raw(self._seen, self._end))
            self._seen = self._end

    def _take(self, said: Said, place: int) -> None:
        """Take what a frame says that begins here."""
        is_delta = said.type not in (b"content_block_start", b"content_block_stop")
        if said.type.startswith(b"message_") or len(self._runs) > _MOST_RUNS:
            self._finish()
        elif not is_delta:
            self._finish(said.index)
        for name, start, end in said.texts:
            if text := text_of(self._raw(place + start, place + end)):
                run = self._runs.setdefault((said.index, name), _Run())
                self._last = run, said.opening
                run.add(place + start, place + end, text)
                if run.size >= run.due:
                    self._settle(run)

    def _finish(self, index: bytes | None = None) -> None:
        """End the texts of a block, or all."""
        for key in [each for each in self._runs if index in (None, each[0])]:
            self._settle(self._runs.pop(key), is_over=True)
            self._last = None

    def _settle(self, run: _Run, *, is_over: bool = False) -> None:
        """Redact the text up to where a secret may have begun, and let go of that."""
        text, start = run.text, len(run.context)
        spans = self._secrets.spans(text, start)
        open_at = len(text) if is_over else self._secrets.opening(text, start)
        open_at = next((begin for begin, end in spans if begin < open_at < end), open_at)
        if len(text) - open_at > _MOST_TEXT:
            open_at = len(text)
        done = [each for each in spans if each[1] <= open_at]
        self.count += len(done)
        first = start
        while run.pieces and first < open_at:
            piece = run.pieces[0]
            last = first + len(piece[2])
            self._redact(piece, first, [each for each in done if each[0] < last and each[1] > first])
            run.pieces[:1] = [self._rest(piece, open_at - first)] if last > open_at else []
            first = last
        run.go_on(text, len(text) - open_at)

    def _redact(self, piece: Piece, first: int, spans: list[Span]) -> None:
        """Take spans of a text out of a piece of it that begins at `first`."""
        if not spans:
            return
        start, end, text = piece
        last = first + len(text)
        places = raw_places(self._raw(start, end), [min(max(each, first), last) - first for span in spans for each in span])
        for (begin, _), left, right in zip(spans, places[::2], places[1::2], strict=True):
            new = REDACTED.encode() if begin >= first else b""
            insort(self._edits, (start + left, start + right, new))
            self.delta += len(new) - (right - left)

    def _rest(self, piece: Piece, done: int) -> Piece:
        """Return what is left of a piece without its first characters."""
        start, end, text = piece
        more = raw_places(self._raw(start, end), [done])[0]
        return start + more, end, text[done:]

    def _raw(self, start: int, end: int) -> bytes:
        return bytes(self._held[start - self._offset : end - self._offset])

    def _skim(self, data: bytes) -> bool:
        """Take many deltas of the text that was last said, if they are nothing else and no secret is in them."""
        run, opening = self._last or (_Run(), b"")
        lines = _lines(data)
        texts = same_texts(data, opening, lines) if opening and lines >= _FEW else None
        if texts is None:
            return False
        text, start = run.text + text_of(b"".join(texts)), len(run.context)
        open_at = 0 if self._secrets.spans(text, start) else self._secrets.opening(text, start)
        pieces, place, size = deque[Piece](), len(data), len(text)
        while open_at < size and len(pieces) < len(texts):
            raw = texts[-1 - len(pieces)]
            place = data.rfind(opening, 0, place)
            begin = self._seen + place + len(opening) + 1
            pieces.appendleft((begin, begin + len(raw), text_of(raw)))
            size -= len(pieces[0][2])
        if open_at < size:
            return False
        run.pieces = list(pieces)
        run.go_on(text, len(text) - size)
        self.events += lines
        return True

    def _let_go(self, safe: int) -> Iterator[Read]:
        """Yield the reads that end before this place."""
        while self._begins:
            at = self._begins[0][1]
            end = self._begins[1][0] if len(self._begins) > 1 else self._end
            if end > safe:
                break
            self._begins.popleft()
            if data := self._written(end):
                yield Read(data, at)

    def _written(self, end: int) -> bytes:
        """Take what is held up to here, with what replaces parts of it; a part that goes beyond goes with it."""
        parts: list[bytes] = []
        done = 0
        for start, stop, new in self._edits:
            if start >= end:
                break
            parts += self._taken(start), new
            self._taken(stop)
            done += 1
        del self._edits[:done]
        return b"".join((*parts, self._taken(end)))

    def _taken(self, end: int) -> bytes:
        size = max(0, end - self._offset)
        data = bytes(self._held[:size])
        del self._held[:size]
        self._offset += size
        return data

    def _note(self, data: bytes) -> None:
        """Count the events in whole frames, and look for the last of them."""
        self.events += _lines(data) - data.count(b"event: ping\n")
        may_end = b"message_stop" in data or b"error" in data
        self.saw_end = self.saw_end or (may_end and _LAST_EVENT.search(data) is not None)


def _lines(data: bytes) -> int:
    """Return how many lines of data are in whole frames."""
    return data.count(b"\ndata:") + data.startswith(b"data:")


def last_end(data: bytearray, start: int) -> int:
    """Return where the last frame in these bytes ends, looking from `start` on; 0 if none does."""
    if data.endswith(FRAME_ENDS):
        return len(data)
    last = 0
    for mark in FRAME_ENDS:
        place = data.rfind(mark, max(start, last - len(mark)))
        last = max(last, place + len(mark) if place >= 0 else 0)
    return last
