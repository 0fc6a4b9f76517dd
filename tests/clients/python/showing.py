"""What the guides teach about showing what has come of an answer; nothing here knows who answers."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

_T = TypeVar("_T")


def consume_slowly(pieces: Iterable[_T], show: Callable[[_T], None], *, at_most: int) -> None:
    """Read in a thread, and show in this one; no more than `at_most` pieces wait in between."""
    waiting: queue.Queue[tuple[bool, Any]] = queue.Queue(maxsize=at_most)

    def read() -> None:
        for piece in pieces:
            waiting.put((True, piece))
        waiting.put((False, None))

    reader = threading.Thread(target=read)
    reader.start()
    while (item := waiting.get())[0]:
        show(item[1])
    reader.join()


class WordBuffer:
    """Shows whole words only."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show, self._held = show, ""

    def add(self, piece: str) -> None:
        """Take in a piece, and show what ends in white space."""
        self._held += piece
        end = max(self._held.rfind(" "), self._held.rfind("\n")) + 1
        if end:
            self._show(self._held[:end])
            self._held = self._held[end:]

    def close(self) -> None:
        """Show the last word, which no white space follows."""
        if self._held:
            self._show(self._held)
            self._held = ""


class TimedBuffer:
    """Shows what has come at most once in `interval` seconds; what is held waits for the next piece, or for the end."""

    def __init__(self, show: Callable[[str], None], interval: float, now: Callable[[], float] = time.monotonic) -> None:
        self._show, self._interval, self._now = show, interval, now
        self._held, self._shown = "", now()

    def add(self, piece: str) -> None:
        """Take in a piece, and show what is held if it is time."""
        self._held += piece
        if self._now() - self._shown >= self._interval:
            self.close()

    def close(self) -> None:
        """Show what is held."""
        if self._held:
            self._show(self._held)
        self._held, self._shown = "", self._now()


class Progress:
    """Counts what has come of an answer."""

    def __init__(self) -> None:
        self.deltas = self.characters = self.tokens = 0
        self.is_done = False

    def see(self, event: Any) -> None:
        """Count an event."""
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            self.deltas += 1
            self.characters += len(event.delta.text)
        elif event.type == "message_delta":
            self.tokens = event.usage.output_tokens
        elif event.type == "message_stop":
            self.is_done = True


def blocks_by_index(events: Iterable[Any]) -> dict[int, str]:
    """Return the text of each block, in whatever order starts and deltas come."""
    texts: dict[int, str] = {}
    for event in events:
        if event.type == "content_block_start":
            texts.setdefault(event.index, "")
        elif event.type == "content_block_delta":
            texts[event.index] = texts.get(event.index, "") + event.delta.text
    return texts


def blocks_in_a_list(events: Iterable[Any]) -> list[str]:
    """Return the text of each block, as those write it who trust that its start comes first."""
    texts: list[str] = []
    for event in events:
        if event.type == "content_block_start":
            texts.append("")
        elif event.type == "content_block_delta":
            texts[event.index] += event.delta.text
    return texts
