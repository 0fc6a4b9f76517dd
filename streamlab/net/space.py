"""Where a lab's rules, calls and clock are: in this process, or behind the control API of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from streamlab.core.journal import Journal
from streamlab.core.replies import Rule, Settings
from streamlab.core.tapes import Tape
from streamlab.core.usage import Usage, usages
from streamlab.net.clock import LabClock
from streamlab.net.namespace import Namespace, add_rules

__all__ = ["Door", "LocalSpace", "Space"]


class Space(Protocol):
    """What a lab asks of its namespace, wherever that is. `url` is the base URL for clients."""

    @property
    def url(self) -> str:
        """The base URL for clients."""
        ...

    @property
    def journal(self) -> Journal:
        """The calls that came here."""
        ...

    @property
    def clock(self) -> LabClock:
        """What times the answers."""
        ...

    def changes(self) -> int:
        """Return a number that is another one when the journal has changed."""
        ...

    def wait_for_change(self, seen: int, timeout: float) -> bool:
        """Wait at most `timeout` seconds until `changes` is not `seen`; return whether it is."""
        ...

    @property
    def size(self) -> int:
        """How many rules and cassettes there are."""
        ...

    def usages(self) -> tuple[Usage, ...]:
        """Return how often each rule answered, in their order."""
        ...

    def add(self, entries: Sequence[Rule | Tape], settings: Settings | None = None) -> tuple[str, ...]:
        """Put rules after those that are there, and return the names that they got; a name that is taken gets a number.

        `settings` hold from now on, unless others were made before.
        """
        ...

    def reset(self) -> None:
        """Forget all rules and calls."""
        ...

    def refuse(self, times: int | None) -> None:
        """Refuse connections until `accept`, or reset the next `times`."""
        ...

    def accept(self) -> None:
        """Take connections again."""
        ...

    def close(self) -> None:
        """Answer no more here."""
        ...


class Door(Protocol):
    """What refuses and takes connections for all namespaces of a server."""

    def refuse(self, times: int | None) -> None:
        """Refuse connections until `accept`, or reset the next `times`."""
        ...

    def accept(self) -> None:
        """Take connections again."""
        ...


class LocalSpace:
    """A namespace of a server in this process; its `door` refuses and takes connections."""

    def __init__(self, url: str, namespace: Namespace, forget: Callable[[], object], door: Door) -> None:
        self.url = url
        self.namespace = namespace
        self.door = door
        self._forget = forget
        self._is_refusing = False

    @property
    def journal(self) -> Journal:
        """The calls that came here."""
        return self.namespace.journal

    @property
    def clock(self) -> LabClock:
        """What times the answers."""
        return self.namespace.clock

    def changes(self) -> int:
        """Return a number that is another one when the journal has changed."""
        return self.namespace.changes

    def wait_for_change(self, seen: int, timeout: float) -> bool:
        """Wait at most `timeout` seconds until `changes` is not `seen`; return whether it is."""
        return self.namespace.wait_for_change(seen, timeout)

    @property
    def size(self) -> int:
        """How many rules and cassettes there are."""
        return len(self.namespace.rules)

    def usages(self) -> tuple[Usage, ...]:
        """Return how often each rule answered, in their order."""
        with self.namespace.lock:
            rules, given = self.namespace.rules, self.namespace.state.given
        return usages(rules, given)

    def add(self, entries: Sequence[Rule | Tape], settings: Settings | None = None) -> tuple[str, ...]:
        """Put rules after those that are there, under names of their own."""
        return add_rules(self.namespace, entries, settings)

    def reset(self) -> None:
        """Forget all rules and calls."""
        self.namespace.empty()

    def refuse(self, times: int | None) -> None:
        """Refuse connections until `accept`, or reset the next `times`."""
        self._is_refusing = True
        self.door.refuse(times)

    def accept(self) -> None:
        """Take connections again. Raises ServerError if another program has taken the port."""
        self.door.accept()
        self._is_refusing = False

    def close(self) -> None:
        """Answer no more here, and let time go on: who waits for a clock that is held would wait for ever.

        What this lab has the whole server refuse would be refused to others. Raises ServerError if another program has taken
        the port.
        """
        self._forget()
        self.namespace.clock.run()
        if self._is_refusing:
            self.accept()
