"""The texts in the frames of a stream: which block each belongs to, where it stands in the bytes, and what it says.

Any JSON is read, whatever its spaces, the order of its keys and its line ends; what is none is read as far as it goes. A text
is a string in `delta`, or in the block that a `content_block_start` begins with, under any name.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

__all__ = ["Key", "Said", "frame_ends", "raw_places", "read_frame", "same_texts", "text_of"]

Key = tuple[bytes, bytes]
"""The index of a block and the name of a text in it, as they are written."""

_LINE_END = rb"(?:\r\n|\n|\r(?!\n))"
_FRAME_END = re.compile(_LINE_END * 2)
_STRING = rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_CLOSED = re.compile(_STRING, re.DOTALL)
_MORE = rb'(?:, ?"[a-z_]+": ?(?:null|[0-9]+))*+'
_WRITTEN = re.compile(
    rb'(?:event: ?content_block_delta\r?\n)?(data: ?\{"type": ?"content_block_delta", ?(?:"index": ?(\d+), ?)?'
    rb'"delta": ?\{(?:"type": ?"[a-z_]+", ?)?"((?!type")[a-z_]+)": ?)' + _STRING + _MORE + rb"\} *\}\s*\Z",
    re.DOTALL,
)
"""The frame of a delta as the API writes it."""
_MARKS = (b"delta", b"content_block", b"message_")
_BETWEEN = re.compile(rb"(?:^|(?<=[\r\n]))(?:data:|(?!data:)[^\r\n]+)")
"""What stands in a frame around its data."""
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL)
_DEPTH = 2
_HOLDERS = (b"delta", b"content_block")
_PIECE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.?|[^\\]+", re.DOTALL)
"""One escape of JSON, or what stands between two."""
_PAIR = re.compile(rb"\\u[dD]")


@dataclass(frozen=True, slots=True)
class Said:
    """What a frame says of the texts of a message: the type of its event, its block, and the texts with where they stand.

    `opening` is what stands in its data before the text, if it is written as the API writes it.
    """

    type: bytes
    index: bytes = b""
    texts: tuple[tuple[bytes, int, int], ...] = ()
    opening: bytes = b""


def frame_ends(data: bytes) -> Iterator[int]:
    """Yield where each frame ends."""
    yield from (each.end() for each in _FRAME_END.finditer(data))


def read_frame(frame: bytes) -> Said | None:
    """Return what a frame says; None if that is nothing about texts."""
    if written := _WRITTEN.match(frame):
        opening, index, name, _ = written.groups()
        return Said(b"content_block_delta", index or b"", ((name, *written.span(4)),), opening)
    if not any(mark in frame for mark in _MARKS):
        return None
    fields = dict(_fields(_BETWEEN.sub(lambda found: b" " * len(found[0]), frame)))
    kind, index = (frame[slice(*fields.get((name,), (0, 0)))] for name in (b"type", b"index"))
    kind = kind.strip(b'"')
    texts = [] if kind.startswith(b"message_") else [each for each in fields.items() if each[0][0] in _HOLDERS]
    return Said(kind, index, tuple(_inner(frame, path[-1], *span) for path, span in texts if _is_text(frame, path, span)))


def same_texts(data: bytes, opening: bytes, count: int) -> list[bytes] | None:
    """Return the texts of this many frames as they are written, if all are deltas that open alike."""
    texts: list[bytes] = _same(opening).findall(data)
    return texts if len(texts) == count and not _PAIR.search(b"".join(texts)) else None


def text_of(raw: bytes) -> str:
    """Return what a JSON string says, given without its quotes; an escape that is none stands for its last character."""
    written = raw.decode("utf-8", "surrogateescape")
    if "\\" not in written:
        return written
    try:
        text: str = json.loads(f'"{written}"', strict=False)
    except ValueError:
        return "".join(map(_unescaped, _PIECE.findall(written)))
    return text


def raw_places(raw: bytes, places: Sequence[int]) -> list[int]:
    """Return where these characters of what a JSON string says stand in its bytes."""
    pieces = _PIECE.findall(raw.decode("utf-8", "surrogateescape"))
    said = [0, *accumulate(1 if each[0] == "\\" else len(each) for each in pieces)]
    sizes = [0, *accumulate(map(_size, pieces))]
    found = []
    for place in places:
        number = bisect_right(said, place) - 1
        more = place - said[number]
        found.append(sizes[number] + (_size(pieces[number][:more]) if more else 0))
    return found


def _fields(data: bytes) -> Iterator[tuple[tuple[bytes, ...], tuple[int, int]]]:
    """Yield the values of a JSON object and of the objects in it, by the names that lead there, and where they stand."""
    path: list[bytes] = []
    name: bytes | None = None
    for found in _TOKEN.finditer(data):
        token = found[0]
        if token in (b"{", b"["):
            path.append(name or b"")
            name = None
        elif token in (b"}", b"]"):
            del path[-1:]
            name = None
        elif token == b",":
            name = None
        elif name is None:
            name = None if token == b":" else token.strip(b'"')
        elif token != b":" and len(path) <= _DEPTH:
            yield (*path[1:], name), found.span()


def _is_text(frame: bytes, path: tuple[bytes, ...], span: tuple[int, int]) -> bool:
    return len(path) == _DEPTH and path[-1] != b"type" and frame.startswith(b'"', span[0])


def _inner(frame: bytes, name: bytes, start: int, end: int) -> tuple[bytes, int, int]:
    """Return a string without its quotes, of which the second may be missing."""
    return name, start + 1, end - 1 if _CLOSED.fullmatch(frame, start, end) else end


@lru_cache(maxsize=16)
def _same(opening: bytes) -> re.Pattern[bytes]:
    return re.compile(re.escape(opening) + _STRING + _MORE + rb"\}", re.DOTALL)


def _unescaped(piece: str) -> str:
    try:
        text: str = json.loads(f'"{piece}"', strict=False)
    except ValueError:
        return piece[-1]
    return text


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))
