"""Places: points in a plan, named by what stands there.

A place is one string. Counting starts at 1, except for `block`, which is the API's `index`. Pings do not count.

    event 5                 the fifth event             message_stop            the first event of that type
    delta 3                 the third delta             content_block_start 2   the second event of that type
    block 0 delta 3         the third delta of a block  tool_use delta 3        the third in blocks of a type
    block 0 char 7          the seventh character that  tool_use char 12        the twelfth that such blocks carry
                            the block's deltas carry
    byte 412, 50%           body bytes                  headers, end            right after the head; after all bytes

A frame has a start and an end, so `before` and `at` mean its start and `after` its end. A character, a byte and a share of
the body are reached when so much has been sent: `at` and `after` mean that, `before` means one less. `before: headers` is
before anything at all is sent.
"""

from __future__ import annotations

import difflib
import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice
from typing import Literal

from streamlab.core.plan import Plan
from streamlab.core.sse import DATA_LINE, Event
from streamlab.errors import PlaceError

__all__ = ["BEFORE_HEAD", "GRAMMAR", "Place", "Point", "Side", "Spot", "char_offset", "describe", "point_at_byte", "spots"]

Side = Literal["before", "at", "after"]

GRAMMAR = (
    "'event N', 'delta N', 'block I delta N', 'TYPE delta N', 'block I char N', 'TYPE char N', "
    "the type of an event, 'byte N', 'N%', 'headers' or 'end'"
)

_PATTERN = re.compile(
    r"""(?P<edge>headers|end)
      | (?P<share>\d+(?:\.\d+)?)\s?%
      | byte\ (?P<byte>\d{1,15})
      | event\ (?P<event>\d{1,15})
      | (?:block\ (?P<block>\d{1,15})\ |(?P<kind>(?!(?:block|event|byte)\ )[a-z][a-z0-9_-]*)\ )?
        (?P<what>delta|char)\ (?P<count>\d{1,15})
      | (?P<type>[a-z]+(?:_[a-z0-9]+)+|error)(?:\ (?P<nth>\d{1,15}))?
    """,
    re.VERBOSE | re.ASCII,
)
_WORDS = (
    *("event 1", "delta 1", "byte 1", "headers", "end", "message_start", "message_delta", "message_stop", "error"),
    *("content_block_start", "content_block_delta", "content_block_stop", "text delta 1", "thinking delta 1"),
    *("tool_use delta 1", "tool_use char 1", "text char 1", "block 0 delta 1", "block 0 char 1", "50%"),
)
_KINDS = ("text", "thinking", "tool_use")
"""The kinds of blocks that most streams have."""
_CARRIERS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
"""The field of a delta that holds its characters."""
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]:]|[^\s{}\[\]:,"]+')
"""One token of JSON, but for the commas."""
_CHARACTER = re.compile(
    rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}|[^\"]",
    re.DOTALL,
)
"""One character of a JSON string as it is written: escaped, or in UTF-8; a byte that is no UTF-8 counts as one."""
_WHOLE = 100.0
BEFORE_HEAD = -1
"""The frame of the point before the head of an answer."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point in a plan: `offset` bytes into frame number `frame` (from 0).

    The frame may be one past the last, or `BEFORE_HEAD`.
    """

    frame: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Spot:
    """Where one event of a plan stands: its frame (from 0), its number (from 1), and the block it belongs to."""

    frame: int
    number: int
    event: Event
    block: int | None = None
    kind: str | None = None

    @property
    def type(self) -> str:
        """The event's type."""
        return str(self.event["type"])

    @property
    def is_delta(self) -> bool:
        """Whether the event is a `content_block_delta`."""
        return self.type == "content_block_delta"

    @property
    def carrier(self) -> str | None:
        """The field of the delta that holds characters, if it has one."""
        delta = self.event.get("delta")
        return _CARRIERS.get(str(delta.get("type"))) if self.is_delta and isinstance(delta, dict) else None

    @property
    def text(self) -> str:
        """The characters that the delta carries."""
        value = self.event["delta"].get(self.carrier) if self.carrier else ""
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Place:
    """A place as it is written. Making one raises PlaceError if the text is not a place."""

    text: str
    _found: re.Match[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found = _PATTERN.fullmatch(self.text)
        if not found:
            near = difflib.get_close_matches(self.text, _WORDS, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise PlaceError(f"{self.text!r} is not a place", hint=f"{hint}a place is {GRAMMAR}")
        if any(found[name] is not None and int(found[name]) == 0 for name in ("count", "event", "nth")):
            raise PlaceError(f"{self.text!r} is not a place", hint="counting starts at 1, except for a block's index")
        if found["share"] and float(found["share"]) > _WHOLE:
            raise PlaceError(f"{self.text!r} is not a place", hint="a share of the body is at most 100%")
        object.__setattr__(self, "_found", found)

    def __str__(self) -> str:
        return self.text

    def point(self, plan: Plan, side: Side = "at") -> Point:
        """Return where this is in `plan`. Raises PlaceError, naming the plan's own places, if it is not there."""
        if self._found["edge"]:
            return Point(len(plan.frames)) if self.text == "end" else Point(BEFORE_HEAD if side == "before" else 0)
        if self._found["share"] or self._found["byte"]:
            return self._byte_point(plan, side)
        if self._found["what"] == "char":
            return self._char_point(plan, side)
        return Point(self.spot(plan).frame + (side == "after"))

    def spot(self, plan: Plan) -> Spot:
        """Return the event that this names. Raises PlaceError if it names none, or none in `plan`."""
        self.require_event()
        number = int(self._found["event"] or self._found["count"] or self._found["nth"] or 1)
        spot = next(islice((spot for spot in spots(plan) if self.counts(spot)), number - 1, None), None)
        if spot is None:
            raise self._missing(plan)
        return spot

    def require_event(self) -> None:
        """Raise PlaceError if this names no event, but a byte or a character."""
        if not (self._found["event"] or self._found["what"] == "delta" or self._found["type"]):
            raise PlaceError(f"{self.text!r} names no event", hint="name one: 'event N', 'delta N', 'message_stop'")

    def counts(self, spot: Spot) -> bool:
        """Whether an event is one of those that this place counts."""
        if self._found["event"]:
            return True
        if self._found["type"]:
            return spot.type == self._found["type"]
        if self._found["block"]:
            return spot.is_delta and spot.block == int(self._found["block"])
        return spot.is_delta and self._found["kind"] in (None, spot.kind)

    def _byte_point(self, plan: Plan, side: Side) -> Point:
        size = sum(len(frame.raw) for frame in plan.frames)
        count = round(size * float(self._found["share"]) / _WHOLE) if self._found["share"] else int(self._found["byte"])
        if count > size:
            raise self._missing(plan)
        return point_at_byte(plan, max(0, count - (side == "before")))

    def _char_point(self, plan: Plan, side: Side) -> Point:
        here = [(spot, spot.carrier) for spot in spots(plan) if self.counts(spot) and spot.carrier]
        reached = list(accumulate(len(spot.text) for spot, _ in here))
        count = int(self._found["count"])
        if not reached or reached[-1] < count:
            raise self._missing(plan)
        wanted = count - (side == "before")
        index = bisect_left(reached, wanted)
        spot, carrier = here[index]
        return Point(spot.frame, char_offset(plan.frames[spot.frame].raw, carrier, wanted - reached[index] + len(spot.text)))

    def _missing(self, plan: Plan) -> PlaceError:
        near = self._near(plan)
        hint = f"did you mean {near!r}? " if near else ""
        return PlaceError(f"the answer has no place {self.text!r}", hint=hint + describe(plan))

    def _near(self, plan: Plan) -> str | None:
        """Return this place with the plan's own word in the place of one that neither the plan nor the API has."""
        word = self._found["type"] or self._found["kind"]
        if word is None or word in _WORDS:
            return None
        here = {spot.type if self._found["type"] else str(spot.kind) for spot in spots(plan)}
        if word in here or word in _KINDS:
            return None
        near = difflib.get_close_matches(word, sorted(here), n=1) or difflib.get_close_matches(word, _KINDS, n=1)
        if near:
            return self.text.replace(word, near[0], 1)
        return next(iter(difflib.get_close_matches(self.text, _WORDS, n=1, cutoff=0.8)), None)


def spots(plan: Plan) -> Iterator[Spot]:
    """Yield every event of a plan but the pings, with where it stands."""
    kinds: dict[object, str] = {}
    number = 0
    for index, frame in enumerate(plan.frames):
        event = frame.event
        if event is None or event["type"] == "ping":
            continue
        number += 1
        block, start = event.get("index"), event.get("content_block")
        if isinstance(block, int) and isinstance(start, dict) and event["type"] == "content_block_start":
            kinds[block] = str(start.get("type"))
        if isinstance(block, int):
            yield Spot(index, number, event, block, kinds.get(block))
        else:
            yield Spot(index, number, event)


def point_at_byte(plan: Plan, count: int) -> Point:
    """Return the point at which `count` bytes of the body have been sent."""
    for index, frame in enumerate(plan.frames):
        if count < len(frame.raw):
            return Point(index, count)
        count -= len(frame.raw)
    return Point(len(plan.frames))


def char_offset(raw: bytes, carrier: str, count: int) -> int:
    """Return how many bytes of a frame are sent when `count` characters of the delta's field are.

    Looks at the bytes as they are: a character may be escaped in JSON, or take several bytes.
    """
    offset = _start_of_string(raw, ["delta", carrier])
    if offset is None:
        return len(raw)
    for _ in range(count):
        found = _CHARACTER.match(raw, offset)
        if found is None:
            break
        offset = found.end()
    return offset


def _start_of_string(raw: bytes, path: Sequence[str]) -> int | None:
    """Return where, in the JSON of a frame, the string begins that these names lead to; of two such the last one counts."""
    names: list[str] = []  # that of the value which is being read, in each of the objects around it
    found, before, text = None, b"", b""
    for line in DATA_LINE.finditer(raw):
        for token in _TOKEN.finditer(raw, *line.span(2)):
            if token[0] in (b"{", b"["):
                names.append("")
            elif token[0] in (b"}", b"]"):
                del names[-1:]
            elif token[0] == b":":
                names[-1:] = [json.loads(text.decode("utf-8", "replace"), strict=False)]
            elif token[0].startswith(b'"'):
                text = token[0]
                if before == b":" and names == path:
                    found = token.start() + 1
            before = token[0]
    return found


def describe(plan: Plan) -> str:
    """Say in a line which places a plan has."""
    here = list(spots(plan))
    size = sum(len(frame.raw) for frame in plan.frames)
    edges = (*([f"byte 1..{size}"] if size else ()), "headers", "end")
    if not here:
        return f"the answer has no events, only: {', '.join(edges)}"
    deltas = [spot for spot in here if spot.is_delta]
    types = dict.fromkeys(spot.type for spot in here if not spot.is_delta)
    total = (f"delta 1..{len(deltas)}",) if deltas else ()
    return f"the answer has: {', '.join((f'event 1..{len(here)}', *total, *_blocks(deltas), *types, *edges))}"


def _blocks(deltas: Sequence[Spot]) -> Iterator[str]:
    """Say for each block which deltas and characters it has."""
    counts = Counter((spot.block, spot.kind) for spot in deltas if spot.block is not None)
    characters: Counter[tuple[int | None, str | None]] = Counter()
    for spot in deltas:
        characters[spot.block, spot.kind] += len(spot.text)
    for (block, kind), count in counts.items():
        total = characters[block, kind]
        yield f"block {block}{f' ({kind})' if kind else ''} delta 1..{count}{f' char 1..{total}' if total else ''}"
