"""The grammar of a Messages stream: what may follow what, as a table, and a check that gives findings.

`TRANSITIONS` is the whole life of a stream: state, event, next state. An event that a state has no entry for is out of place;
pings may come in any gap, and events of unknown types are let through. What the table cannot say (indices, counts, tool
input) is in `consistency`; how bytes are laid out is in `framing`. Every rule has a name, a grade and the measured fact
behind it (`wire.md`, sections 2, 3, 6 and 7).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from streamlab.core.sse import Event, Frame

__all__ = ["RULES", "TRANSITIONS", "Finding", "Grade", "Rule", "State", "bare", "events_of", "finding", "order"]


class Grade(StrEnum):
    """How far a finding is from what the API does."""

    ILLEGAL = "illegal"
    """The API's documents rule it out; clients may break."""
    UNSEEN = "unseen"
    """Legal, but never seen on the real API."""


class State(StrEnum):
    """Where in its life a stream is."""

    START = "start"
    MESSAGE = "message"
    BLOCK = "block"
    CLOSING = "closing"
    DONE = "done"
    FAILED = "failed"


TRANSITIONS: dict[State, dict[str, State]] = {
    State.START: {"message_start": State.MESSAGE, "error": State.FAILED},
    State.MESSAGE: {"content_block_start": State.BLOCK, "message_delta": State.CLOSING, "error": State.FAILED},
    State.BLOCK: {"content_block_delta": State.BLOCK, "content_block_stop": State.MESSAGE, "error": State.FAILED},
    State.CLOSING: {"message_stop": State.DONE, "error": State.FAILED},
    State.DONE: {},
    State.FAILED: {},
}
"""state → event → next state. `ping` is allowed wherever the message has started and not ended."""

_KNOWN = frozenset(name for row in TRANSITIONS.values() for name in row)
_NO_PING_AFTER = {"message_start": "a block first", "message_delta": "message_stop"}
_BARE = {name.replace("_", ""): name for name in (*_KNOWN, "ping")}
_AFTER: dict[str, State] = {name: state for row in TRANSITIONS.values() for name, state in row.items()}
"""The state that an event leads to wherever it stands: how the check goes on after an event that is out of place."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its grade, and how the real API behaves."""

    grade: Grade
    fact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One deviation: of which rule, at which event (from 1, pings not counted) and which frame (from 1)."""

    rule: str
    event: int
    frame: int
    found: str
    expected: str

    @property
    def grade(self) -> Grade:
        """How bad it is."""
        return RULES[self.rule].grade

    @property
    def fact(self) -> str:
        """How the real API behaves."""
        return RULES[self.rule].fact

    def __str__(self) -> str:
        where = f"event {self.event}" if self.event else f"frame {self.frame}" if self.frame else "the stream"
        return f"{where}: {self.found}; expected {self.expected} [{self.rule}, {self.grade}]"


def _illegal(fact: str) -> Rule:
    return Rule(Grade.ILLEGAL, fact)


def _unseen(fact: str) -> Rule:
    return Rule(Grade.UNSEEN, fact)


RULES: dict[str, Rule] = {
    "order": _illegal("message_start, blocks one after the other, message_delta, message_stop: without exception"),
    "unfinished": _illegal("every stream ends with message_stop, or with an error event"),
    "after-end": _illegal("nothing comes after message_stop or an error event"),
    "error-first": _unseen("an error before any content is an HTTP error with a JSON body, not an event"),
    "ping-place": _unseen("a ping never comes directly after message_start on the direct API, nor after message_delta"),
    "ping-outside": _illegal("pings come after message_start and before message_stop"),
    "misspelt": _illegal("names are in small letters and underscores, to the letter"),
    "unknown-event": _unseen("a stream has eight types of events: the six of a message, ping and error"),
    "index": _illegal("blocks are numbered 0, 1, 2 without gaps, and never interleave"),
    "field": _illegal("this field is in every event of its type, with a value of this type"),
    "unknown-field": _unseen("every type of event, message, block and delta has the same few fields"),
    "delta-kind": _illegal("a block has deltas of its own kind only"),
    "unknown-delta": _unseen("there are six types of deltas: text, citations, input_json, thinking, signature and compaction"),
    "unknown-block": _unseen("there are some twenty types of content blocks"),
    "usage-shrinks": _illegal("counts of tokens are cumulative: a later one is never smaller"),
    "tool-input": _illegal("the fragments of a tool's input join to one JSON object, or to nothing"),
    "stop-reason": _illegal("stop_reason is tool_use if the last block is a call of a tool, and only then"),
    "stop-sequence": _illegal("stop_sequence is set if the stop reason is stop_sequence, and only then"),
    "unknown-stop-reason": _unseen("there are eight stop reasons"),
    "start-content": _illegal("message_start has empty content, and no stop reason yet"),
    "start-block": _illegal("a block starts empty, and its deltas fill it"),
    "call-id": _illegal("each call of a tool has an id of its own"),
    "result-id": _unseen("the result of a tool names a call that came before it in the message"),
    "id-shape": _unseen("ids begin with msg_, toolu_, srvtoolu_ or mcptoolu_"),
    "error-shape": _unseen("an error event has details, a type that is known, and a message"),
    "first-fragment": _unseen("the first fragment of a tool's input is always empty"),
    "empty-text": _unseen("a text delta is never empty"),
    "signature": _unseen("a thinking block has exactly one signature_delta, as its last delta"),
    "citations": _unseen("citations come before the text that they belong to"),
    "encoding": _illegal("every byte of a stream is UTF-8"),
    "framing": _unseen("every event is exactly `event: NAME`, `data: JSON`, a blank line, with LF"),
    "no-event": _illegal("every frame carries a JSON object with a type"),
    "name": _illegal("the frame's event name is the type in its data"),
    "cut-off": _illegal("the last frame ends with a blank line"),
    "ping-text": _unseen('a ping is always literally {"type": "ping"}, with a space and without padding'),
    "compact": _unseen("JSON is compact and unescaped, but for the padding before its last brace"),
    "padding": _unseen("0 to 15 spaces stand before the last brace"),
    "repeated": _unseen("two frames in a row are never the same to the byte, but for pings"),
}
"""Every rule by its name."""


def finding(rule: str, event: int, frame: int, *, found: str, expected: str) -> Finding:
    """Return a finding of a rule."""
    return Finding(rule=rule, event=event, frame=frame, found=found, expected=expected)


def bare(name: str) -> str:
    """Return a name without its case and its punctuation, to tell a misspelt one from one that is not known."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def order(frames: Iterable[Frame]) -> Iterator[Finding]:
    """Check what follows what."""
    state, number, count, previous = State.START, 0, 0, ""
    for count, frame in enumerate(frames, 1):
        kind = frame.type
        if kind is None:
            continue
        number += kind != "ping"
        yield from _placed(state, kind, previous, number, count)
        if kind in _KNOWN:
            state = TRANSITIONS[state].get(kind, _AFTER[kind])
        previous = kind
    if state not in (State.DONE, State.FAILED):
        expected = " or ".join(TRANSITIONS[state])
        yield finding("unfinished", number, count, found="the stream ends here", expected=expected)


def _placed(state: State, kind: str, previous: str, number: int, frame: int) -> Iterator[Finding]:
    """Check one event against where the stream is."""
    ended, expected = state in (State.DONE, State.FAILED), " or ".join(TRANSITIONS[state])
    if kind == "ping":
        if ended or state is State.START:
            yield finding("ping-outside", number, frame, found="a ping", expected="the end" if ended else "message_start")
        elif previous in _NO_PING_AFTER:
            yield finding("ping-place", number, frame, found=f"a ping after {previous}", expected=_NO_PING_AFTER[previous])
    elif ended:
        yield finding("after-end", number, frame, found=f"{kind} after the end", expected="nothing")
    elif kind not in _KNOWN and bare(kind) in _BARE:
        yield finding("misspelt", number, frame, found=f"an event of type {kind!r}", expected=f"{_BARE[bare(kind)]!r}")
    elif kind not in _KNOWN:
        yield finding("unknown-event", number, frame, found=f"an event of type {kind!r}", expected=expected)
    elif kind not in TRANSITIONS[state]:
        yield finding("order", number, frame, found=kind, expected=expected)
    elif kind == "error" and state is State.START:
        yield finding("error-first", number, frame, found="an error event", expected="message_start")


def events_of(frames: Iterable[Frame]) -> Iterator[tuple[int, int, Event]]:
    """Yield the number (from 1), the frame (from 1) and the event of every frame that carries one, but for pings."""
    number = 0
    for count, frame in enumerate(frames, 1):
        if frame.event is not None and frame.type != "ping":
            number += 1
            yield number, count, frame.event
