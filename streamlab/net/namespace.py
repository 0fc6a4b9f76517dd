"""Namespaces: what each test has of its own on one server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random

from streamlab.core.exchange import Request
from streamlab.core.faults import Fault
from streamlab.core.journal import Call, Journal
from streamlab.core.matching import Text, When
from streamlab.core.plan import Headers, Plan
from streamlab.core.redaction import Pattern
from streamlab.core.replies import FAULT_HEADER, Answer, Reply, Rule, Settings, State, answer
from streamlab.core.tapes import Tape
from streamlab.core.usage import own_name
from streamlab.errors import ScenarioError
from streamlab.files.fault_text import parse_fault_text
from streamlab.net.clock import NamespaceClock

__all__ = ["Namespace", "add_rules", "closed"]


@dataclass(slots=True)
class Namespace:
    """Rules of their own, a state and a journal, under a prefix of the base URL."""

    rules: tuple[Rule | Tape, ...] = ()
    settings: Settings = field(default_factory=Settings)
    journal: Journal = field(default_factory=Journal)
    state: State = field(default_factory=State)
    clock: NamespaceClock = field(default_factory=NamespaceClock, repr=False, compare=False)

    lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    """Held while state and journal change: a test resets them from a thread of its own."""

    refused: float = 0
    """How many of the next requests are refused: their connections are reset. Infinity for all of them."""

    changes: int = field(default=0, compare=False)
    """How often the journal has changed."""
    _running: set[Callable[[], object]] = field(default_factory=set, init=False, repr=False, compare=False)
    _waiting: int = field(default=0, init=False, repr=False, compare=False)
    _changed: threading.Condition = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._changed = threading.Condition(self.lock)

    @property
    def redact(self) -> tuple[Pattern, ...]:
        """The patterns of what is secret beside keys, in what is asked here."""
        return self.journal.redact

    def add(self, call: Call) -> Call:
        """Take a call into the journal, and return it with its number."""
        with self.lock:
            call = self.journal.add(call)
            self._tell()
        return call

    def update(self, call: Call) -> None:
        """Put a newer state of a call into the journal."""
        with self.lock:
            self.journal.update(call)
            self._tell()

    def _tell(self) -> None:
        """Tell those who wait that the journal has changed; with the lock held."""
        self.changes += 1
        if self._waiting:
            self._changed.notify_all()

    def wait_for_change(self, seen: int, timeout: float) -> bool:
        """Wait at most `timeout` seconds until there were other than `seen` changes; return whether there are."""
        with self._changed:
            self._waiting += 1
            try:
                return self._changed.wait_for(lambda: self.changes != seen, timeout)
            finally:
                self._waiting -= 1

    def answer(self, request: Request, common: Headers) -> Answer:
        """Return the answer to a request, and remember it."""
        return self._answer(request, common, self.settings, lambda _: True)

    def replay(self, request: Request, common: Headers) -> Answer | None:
        """Return what the rules answer; None, and remember nothing, if they have no answer.

        What the API refuses, it refuses itself.
        """
        found = self._answer(request, common, replace(self.settings, validate=False), lambda found: found.rule is not None)
        return None if found.rule is None else found

    def _answer(self, request: Request, common: Headers, settings: Settings, is_kept: Callable[[Answer], bool]) -> Answer:
        """Return the answer to a request, and remember it if it is kept.

        It is made without the lock, since it may be made by a function of the test, which scripts what comes next. The server
        has one thread, so that no other answer is made meanwhile; and if all is forgotten meanwhile, it stays so.
        """
        texts = [value for name, value in request.headers if name.lower() == FAULT_HEADER]

        def ordered() -> list[Fault]:
            return [fault for text in texts for fault in parse_fault_text(text, FAULT_HEADER)]

        with self.lock:
            rules, before = self.rules, self.state
        found, after = answer(request, rules, before, settings, common=common, ordered=ordered)
        with self.lock:
            if self.state is before and is_kept(found):
                self.state = after
        return found

    def clear(self) -> None:
        """Forget the calls, and nothing else."""
        with self.lock:
            self.journal.clear()
            self._tell()

    def empty(self) -> None:
        """Forget all rules and requests, and end the answers that are under way."""
        with self.lock:
            self.rules = ()
        self.reset()
        self.end_answers()

    @contextmanager
    def answering(self, end: Callable[[], object]) -> Iterator[None]:
        """Keep what ends an answer, from any thread, for as long as it is under way."""
        with self.lock:
            self._running.add(end)
        try:
            yield
        finally:
            with self.lock:
                self._running.discard(end)

    def end_answers(self) -> None:
        """Reset the connections of all answers that are under way: nobody could let them go on any more."""
        with self.lock:
            running = tuple(self._running)
        for end in running:
            end()

    def refuses(self) -> bool:
        """Whether a request that has come is refused; it is counted if so."""
        with self.lock:
            is_refused = self.refused > 0
            self.refused -= is_refused
        return is_refused

    def reset(self) -> None:
        """Forget all requests; keep the rules."""
        with self.lock:
            self.state = State()
            self.journal.clear()
            self._tell()


def add_rules(namespace: Namespace, entries: Sequence[Rule | Tape], settings: Settings | None = None) -> tuple[str, ...]:
    """Put rules after those that are there, and return the names that they got; a name that is taken gets a number.

    `settings` hold from now on, unless others were made before.
    """
    names = []
    with namespace.lock:
        for entry in entries:
            name = own_name(entry.name, (each.name for each in namespace.rules))
            namespace.rules += (replace(entry, name=name),)
            names.append(name)
        if settings is not None and namespace.settings == Settings():
            namespace.settings = settings
    return tuple(names)


@dataclass(frozen=True, slots=True)
class _Over:
    """The answer to whoever still asks when it is too late: none but an error that says so."""

    text: str

    def plan(self, request: Request, rng: Random) -> Plan:
        """Raise ScenarioError."""
        del request, rng
        raise ScenarioError(self.text)


_ANYTHING = When(path=Text("glob", "*"))
_TOO_LATE = Settings(validate=False)


def closed(over: str, redact: Sequence[Pattern] = ()) -> Namespace:
    """Return the namespace that answers every request with an error that says `over`; its journal redacts these patterns."""
    rule = Rule(name="", replies=(Reply(source=_Over(over)),), when=_ANYTHING)  # no reply of anybody's
    return Namespace(rules=(rule,), settings=_TOO_LATE, journal=Journal(redact=redact))
