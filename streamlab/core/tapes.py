"""Tapes: recorded exchanges as answers, byte for byte, read for read, down to how they ended.

A tape stands among the rules of a server and answers the requests that it has recorded: the exchanges of one request in their
order, each once, and then as `repeat` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from random import Random
from typing import Literal

from streamlab.core.bodies import LongBody, frames_of, is_coded, readable
from streamlab.core.exchange import Exchange, Request
from streamlab.core.plan import BODYLESS, Ending, Head, Headers, Plan
from streamlab.core.recognition import Matching, traits
from streamlab.core.relay import CORRUPT, ending_of, relayed
from streamlab.core.replies import Miss, Reply, Rule
from streamlab.core.sources import as_json
from streamlab.core.sse import Frame
from streamlab.errors import ScenarioError

__all__ = ["REPEATS", "Exchanges", "Matching", "Repeat", "Tape", "plan_of", "replies_of"]

Repeat = Literal["last", "none", "all"]
REPEATS: tuple[Repeat, ...] = ("last", "none", "all")
"""What comes after the last exchange of a request: that one again, nothing, or the first one again."""

_WORTH_COMPARING = 16
"""How many exchanges are compared with a request in full, to find the nearest."""


def plan_of(exchange: Exchange) -> Plan:
    """Return the answer of an exchange as it is sent again: the same bytes in the same pieces, with the same ending.

    What frames the body of one connection is left out of its headers. If nobody saw the end, it hangs after what there is.
    """
    ending = ending_of(exchange.ended, has_head=exchange.head is not None)
    if exchange.head is None:
        return Plan(Head(is_sent=False, recorded=exchange.ended_at), ending=ending)
    head = replace(relayed(exchange.head), recorded=exchange.first)
    plan = Plan(head, ending=ending, trailing=CORRUPT if ending is Ending.CORRUPT else b"")
    frames = frames_of(exchange.reads, is_stream=plan.is_stream and not is_coded(plan))
    last = () if exchange.ended_at is None else (Frame(b"", recorded=exchange.ended_at),)
    frames = replace(frames, last=last) if isinstance(frames, LongBody) else (*frames, *last)
    return replace(plan, head=replace(head, headers=_sized(head.headers, exchange, ending)), frames=frames)


def _sized(headers: Headers, exchange: Exchange, ending: Ending) -> Headers:
    """Return the headers with the length that the body of a whole answer has, if one is said: somebody may have changed it."""
    assert exchange.head is not None  # noqa: S101 - whoever asks has seen it
    if ending is not Ending.COMPLETE or exchange.request.method == "HEAD" or exchange.head.status in BODYLESS:
        return headers
    if all(name.lower() != "content-length" for name, _ in headers):
        return headers
    size = str(sum(len(read.data) for read in exchange.reads))
    return tuple((name, size if name.lower() == "content-length" else value) for name, value in headers)


@dataclass(frozen=True, slots=True)
class Exchanges:
    """Recorded exchanges as a source, read when they are asked for: those of `numbers`, which begin at 0, in their order.

    `is_exact` says that the request is the recorded one, so that it gets what was recorded even if it asks for no stream.
    """

    load: Callable[[int], Exchange]
    numbers: Sequence[int]
    is_exact: bool = False

    def plan(self, request: Request, rng: Random) -> Plan:
        """Return the recorded answer, or the message that a stream adds up to if none is asked for."""
        if len(self.numbers) != 1:
            hint = "say which one: exchange=1, for the first"
            raise ScenarioError(f"a cassette of {len(self.numbers)} exchanges is not one answer", hint=hint)
        plan = readable(plan_of(self.load(self.numbers[0])), request)
        if self.is_exact or request.stream or not plan.is_stream:
            return plan
        return as_json(plan if not is_coded(plan) else readable(plan, replace(request, headers=())), request, rng)


def replies_of(reply: Reply) -> tuple[Reply, ...]:
    """Return the replies that one stands for: one for each exchange of a cassette.

    Raises ScenarioError if it is given several times: which of them were meant?
    """
    source = reply.source
    if not isinstance(source, Exchanges) or len(source.numbers) == 1:
        return (reply,)
    if reply.times != 1:
        problem = f"{len(source.numbers)} exchanges are given in turn, each once"
        raise ScenarioError(problem, key=("times",), hint="say which one is given several times, with `exchange`")
    return tuple(replace(reply, source=replace(source, numbers=(number,))) for number in source.numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Takes(Rule):
    """The exchanges of one request, as the rule that answers it."""

    replies: tuple[Reply, ...] = ()
    tape: Tape
    numbers: tuple[int, ...]

    @property
    def times(self) -> int:
        """How many exchanges there are."""
        return len(self.numbers)

    def reply(self, given: int) -> Reply | None:
        """Return the reply after so many have been given; None if they are used up."""
        if given >= len(self.numbers):
            if self.tape.repeat == "none":
                return None
            given = given % len(self.numbers) if self.tape.repeat == "all" else len(self.numbers) - 1
        number = self.numbers[given]
        return self.tape.reply(number)


@dataclass(frozen=True)
class Tape:
    """A whole cassette as one entry among rules. Requests are read when the first is looked for, answers when they are given.

    `load` returns the exchange of a number, from 0.
    """

    name: str
    requests: Sequence[Request]
    load: Callable[[int], Exchange]
    matching: Matching = field(default_factory=Matching)
    repeat: Repeat = "last"
    shared: _Index | None = field(default=None, repr=False, compare=False)
    """What has been read of the requests; made by the first tape, and shared by its copies."""

    def __post_init__(self) -> None:
        if self.shared is None:
            object.__setattr__(self, "shared", _Index(self.requests, self.matching))

    @property
    def _index(self) -> _Index:
        assert self.shared is not None  # noqa: S101 - made above
        return self.shared

    def __len__(self) -> int:
        return len(self.requests)

    def label(self, number: int) -> str:
        """Return what an exchange is called in the journal and in errors; exchanges are counted from 1 there."""
        return f"{self.name} exchange {number + 1}"

    def reply(self, number: int) -> Reply:
        """Return the answer of an exchange."""
        return Reply(source=Exchanges(self.load, (number,), is_exact=True), label=self.label(number))

    def find(self, request: Request) -> Rule | None:
        """Return the rule that answers this request, with its exchanges in their order; None if it was not recorded."""
        numbers = self._index.groups.get(self.matching.key(request))
        return None if numbers is None else _Takes(name=self.label(numbers[0]), tape=self, numbers=numbers)

    def miss(self, request: Request) -> Miss:
        """Return the exchange that is nearest to a request, and how they differ; if it was recorded, that it is used up."""
        if not self.requests:
            return Miss(self.name, is_empty=True)
        numbers = self._index.groups.get(self.matching.key(request))
        if numbers is not None:
            return Miss(self.name, used=tuple(number + 1 for number in numbers))
        number = self._index.nearest(request)
        return Miss(self.name, self.matching.differences(self.requests[number], request), exchange=number + 1)

    def unused(self, given: Mapping[str, int]) -> tuple[int, ...]:
        """Return the exchanges, from 1, that were not given, when the rules answered so often."""
        if not any(name.startswith(f"{self.name} exchange ") for name in given):
            return tuple(range(1, len(self.requests) + 1))
        groups = self._index.groups.values()
        return tuple(sorted(each + 1 for group in groups for each in group[given.get(self.label(group[0]), 0) :]))


_Kind = tuple[str, str, bool]
"""A method, a path, and whether a stream is asked for."""


class _Index:
    """Which exchanges a request has, and which is nearest to one that has none."""

    def __init__(self, requests: Sequence[Request], matching: Matching) -> None:
        self._requests, self._matching = requests, matching

    @property
    def groups(self) -> dict[str, tuple[int, ...]]:
        """The numbers of the exchanges of each request, by its key."""
        return self._read[0]

    @cached_property
    def _read(self) -> tuple[dict[str, tuple[int, ...]], list[tuple[_Kind, bytes]]]:
        """The groups, and what each request is like."""
        groups: dict[str, list[int]] = {}
        marks: list[tuple[_Kind, bytes]] = []
        kinds: dict[_Kind, _Kind] = {}
        for number, request in enumerate(self._requests):
            groups.setdefault(self._matching.key(request), []).append(number)
            kind = _kind(request)
            marks.append((kinds.setdefault(kind, kind), traits(self._matching.value(request))))
        return {key: tuple(numbers) for key, numbers in groups.items()}, marks

    def nearest(self, request: Request) -> int:
        """Return the number of the exchange whose request is most like this one: the few that look alike are compared."""
        marks = traits(self._matching.value(request))
        looked_for = {marks[start : start + 4] for start in range(0, len(marks), 4)}
        kind = _kind(request)

        def unlikeness(number: int) -> tuple[int, int, int, int]:
            own_kind, own = self._read[1][number]
            shared = sum(own[start : start + 4] in looked_for for start in range(0, len(own), 4))
            others = sum(one != other for one, other in zip(own_kind, kind, strict=True))
            return others, -shared, abs(len(own) - len(marks)), number

        likely = sorted(range(len(self._read[1])), key=unlikeness)[:_WORTH_COMPARING]
        return min(likely, key=lambda number: (self._matching.distance(self._requests[number], request), number))


def _kind(request: Request) -> _Kind:
    return request.method, request.decoded_path, request.stream
