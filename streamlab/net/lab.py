"""The handle of a test: one namespace of a running server, the replies it gives and the calls it saw."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit

from streamlab.core.authoring import SourceLike, as_reply, parse_faults
from streamlab.core.environment import DUMMY_KEY
from streamlab.core.faults import Fault
from streamlab.core.journal import Call, Journal
from streamlab.core.matching import ANY, When, parse_when
from streamlab.core.pacing import Pace, parse_pace
from streamlab.core.redaction import compile_patterns
from streamlab.core.replies import Rule, Settings
from streamlab.core.tapes import replies_of
from streamlab.core.usage import Usage
from streamlab.core.verdict import Finding, findings
from streamlab.errors import CassetteWarning, ScenarioError, ServerError, StreamlabError, VerificationError
from streamlab.files.fault_text import listed_faults
from streamlab.files.scenario import Scenario, load, merge, require_places
from streamlab.net.background import Background
from streamlab.net.clock import Clock, LabClock
from streamlab.net.namespace import Namespace, closed
from streamlab.net.server import MockServer
from streamlab.net.space import LocalSpace, Space
from streamlab.net.waiting import wait_for

if TYPE_CHECKING:
    from anthropic import Anthropic, AsyncAnthropic

__all__ = ["Host", "Lab", "Refusal", "Serving", "serve"]


_T = TypeVar("_T")

FaultsLike = str | Fault | Mapping[str, Any] | Sequence[Fault | Mapping[str, Any] | str]
"""What may stand where faults are expected: objects, mappings as in YAML, or texts such as `cut: fin, after: delta 3`."""


class Lab:
    """A namespace of a server: scripts replies, and tells what was asked.

    `url` is the base URL for clients. `journal` is a sequence of calls, in the order in which they came.
    """

    def __init__(self, space: Space) -> None:
        self.url = space.url
        self._space = space
        self._lock = threading.Lock()

    @property
    def journal(self) -> Journal:
        """The calls that came here."""
        return self._space.journal

    @property
    def clock(self) -> LabClock:
        """The clock of the answers: the machine's, until `hold` or `auto` takes it in hand."""
        return self._space.clock

    def wait_for(self, condition: Callable[[Journal], object] | int, *, timeout: float = 5.0) -> Journal:
        """Wait until `condition` is true of the journal, or until so many calls of the API have ended; return the journal.

        A condition that raises a LookupError or an AssertionError is not true yet, so `lambda journal: journal[0].ended` and
        `lambda journal: journal.only.events_sent >= 3` may be asked before there is a call. `timeout` is in real seconds.
        Raises VerificationError, with the calls there were, when it is over. In an async test whose client is to go on
        meanwhile: `await asyncio.to_thread(lab.wait_for, 2)`.
        """
        __tracebackhide__ = True  # pytest shows the line of the test
        return wait_for(self._space, condition, timeout)

    @property
    def client(self) -> Anthropic:
        """A client of the official SDK that talks to this lab; one for all threads."""
        with self._lock:  # a cached property has none since Python 3.12
            return self._client

    @cached_property
    def _client(self) -> Anthropic:
        from anthropic import Anthropic, DefaultHttpxClient  # noqa: PLC0415 - it takes a second to load

        http_client = DefaultHttpxClient(mounts=_without_proxy(self.url))
        return Anthropic(base_url=self.url, api_key=DUMMY_KEY, http_client=http_client)

    @cached_property
    def async_client(self) -> AsyncAnthropic:
        """An asynchronous client of the official SDK that talks to this lab."""
        from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient  # noqa: PLC0415 - it takes a second to load

        http_client = DefaultAsyncHttpxClient(mounts=_without_proxy(self.url))
        return AsyncAnthropic(base_url=self.url, api_key=DUMMY_KEY, http_client=http_client)

    def reply(  # noqa: PLR0913 - each is a word of the scenario language
        self,
        source: SourceLike,
        *,
        when: When | Mapping[str, Any] | None = None,
        times: int | None = None,
        pace: Pace | str | Mapping[str, Any] | None = None,
        faults: FaultsLike = (),
        headers: Mapping[str, str | None] | None = None,
        gzip: bool = False,
    ) -> Rule:
        """Answer with this, exactly `times` times (once, unless the source says otherwise); replies are given in turn.

        `source` is a text, content blocks, a constructor's result, or a function of the request that returns one of them.
        `when` takes the conditions of a rule; `faults` are objects, mappings, or texts; `gzip` compresses for clients that
        offer to take it. Raises ScenarioError if any of it cannot be used.
        """
        faults = listed_faults(faults)
        reply = as_reply(source, times=times, pace=pace, faults=faults, headers=headers, **({"gzip": True} if gzip else {}))
        conditions = ANY if when is None else when if isinstance(when, When) else parse_when(when)
        with self._lock:
            name = f"reply {self._space.size + 1}"
            rule = Rule(name=name, replies=replies_of(reply), when=conditions, repeats=False, required=True)
            (name,) = self._space.add([rule])
            return replace(rule, name=name)

    def load(self, *sources: str | Path | Scenario) -> None:
        """Add the rules of scenarios: files, folders, names from the shipped library, or what was loaded before.

        What the first of them says of all answers (its seed, its pace) holds, unless that was said before.
        Raises ScenarioError if one of them cannot be used.
        """
        for source in sources:
            if not isinstance(source, str | Path | Scenario):
                hint = "name a file, a folder or a shipped scenario"
                raise ScenarioError(f"a scenario is expected, not {source!r}", hint=hint)
        scenario = merge([source if isinstance(source, Scenario) else load(source) for source in sources])
        _warn(scenario.warnings)
        with self._lock:
            self._space.add(scenario.rules, scenario.settings)

    def refuse(self, times: int | None = None) -> Refusal:
        """Refuse connections: until `accept`, or for the length of a `with` block, or the next `times`.

        The whole server does so, for every lab on it, and drops the connections that nobody uses. Without `times` its
        listener is closed. With `times` the connections are made and then reset: those that the kernel refuses cannot be
        counted. A lab on another server refuses for itself alone, and connections are made and reset in either case. To a
        client of the SDK all of this is an APIConnectionError. Raises ServerError if there is nothing to count, or while a test
        is recorded.
        """
        if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
            raise ServerError(f"a number of connections from 1 is expected, not {times!r}")
        self._space.refuse(times)
        return Refusal(self.accept)

    def accept(self) -> None:
        """Take connections again. Raises ServerError if another program has taken the port."""
        self._space.accept()

    def reset(self) -> None:
        """Forget all replies and calls; the connections of answers that are under way are reset."""
        with self._lock:
            self._space.reset()

    def findings(self, handle: str = "lab") -> tuple[Finding, ...]:
        """Return what did not go as asked; `handle` is what the lab is called in the lines that would mend it."""
        return findings(self.journal, self._space.usages(), handle=handle)

    def usages(self) -> tuple[Usage, ...]:
        """Return how often each rule and each cassette answered, in their order."""
        return self._space.usages()

    def verify(self) -> None:
        """Raise VerificationError if a request was not answered as asked, or a required reply was not used.

        Warn of the exchanges of a cassette that were not asked for.
        """
        found = self.findings()
        problems = [str(each) for each in found if each.concern != "exchanges"]
        if problems:
            raise VerificationError("\n".join((*problems, _calls(self.journal, self.url))))
        _warn(each.text for each in found)

    def close(self) -> None:
        """Answer no more here, take connections again if they are refused, and close the client that was made here.

        The asynchronous client belongs to the loop that used it: close it there. Raises ServerError if another program has
        taken the port meanwhile.
        """
        try:
            self._space.close()
        finally:
            if "_client" in self.__dict__:
                self._client.close()

    def __repr__(self) -> str:
        try:
            return f"<Lab {self.url}, {self._space.size} rules, {len(self.journal)} calls>"
        except StreamlabError:  # its server has gone
            return f"<Lab {self.url}>"


class Refusal:
    """What `Lab.refuse` returns: as a context manager it takes connections again at the end of the block."""

    def __init__(self, accept: Callable[[], None]) -> None:
        self._accept = accept

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._accept()


class Host:
    """A running server that makes labs, each with a namespace of its own; `clock` times its answers."""

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, sock: socket.socket | None = None, clock: Clock | None = None
    ) -> None:
        self._root = Namespace()
        self._background = Background(MockServer(self._root, clock=clock))
        self._numbers = itertools.count(1)
        self._closed: list[tuple[str, Journal]] = []
        self._left: Namespace | None = None
        self._told = [0, 0]
        self.url = self._background.start(host, port, sock)

    def lab(
        self, settings: Settings | None = None, *, at_root: bool = False, over: str = "", redact: Sequence[str] = ()
    ) -> Lab:
        """Return a new lab; one `at_root` answers the server's own URL as well.

        `over` is what is said to whoever still asks when the lab is closed; without it, the lab is forgotten. `redact` are
        patterns of what is secret beside keys, there and where no lab is.
        """
        patterns = compile_patterns(redact, "redact")
        namespace = Namespace(settings=settings or Settings(), journal=Journal(redact=patterns))
        for nobodys in (self._root, self._background.server.nowhere):
            nobodys.journal.redact = tuple(dict.fromkeys((*nobodys.redact, *patterns)))
        name = f"~{next(self._numbers)}"
        spaces = self._background.server.namespaces
        spaces[name] = namespace
        if at_root:
            spaces[""] = namespace

        def forget() -> None:
            after = closed(over, patterns) if over else Namespace()  # what comes later was not meant for this lab
            spaces.pop(name, None)
            if over:
                spaces[name] = after
                self._closed.append((over, after.journal))
            if spaces[""] is namespace:
                spaces[""] = self._left = after

        return Lab(LocalSpace(self.url if at_root else f"{self.url}/{name}", namespace, forget, self))

    def refuse(self, times: int | None) -> None:
        """Refuse connections until `accept`, or reset the next `times`."""
        self._background.call(lambda: self._background.server.refuse(times))

    def accept(self) -> None:
        """Take connections again, unless it is stopped. Raises ServerError if another program has taken the port."""
        if self._background.is_running:
            self._background.call(self._background.server.accept)

    def run(self, make: Callable[[], Awaitable[_T]]) -> _T:
        """Run a coroutine in the server's thread and return what it returns."""
        return self._background.call(make)

    def late(self) -> tuple[tuple[str, Journal], ...]:
        """Return what came for labs that were closed: what is said of each, and its calls since then."""
        return tuple((over, journal) for over, journal in self._closed if len(journal))

    def leave(self) -> None:
        """Let the server's own URL be no lab's: what comes there was not meant for the one that was there and is closed."""
        spaces = self._background.server.namespaces
        if spaces[""] is self._left:
            spaces[""] = self._root

    def strays(self) -> tuple[Call, ...]:
        """Return the calls that came where no lab is and were not answered as asked, since this was asked last."""
        found: list[Call] = []
        for index, space in enumerate((self._root, self._background.server.nowhere)):
            new = [call for call in space.journal if call.problem is not None and call.number > self._told[index]]
            self._told[index] = new[-1].number if new else self._told[index]
            found += new
        return tuple(found)

    def stop(self) -> None:
        """Stop the server; every connection is dropped."""
        self._background.stop()


class Serving:
    """A server for the length of a `with` or `async with` block. Verifies at its end, unless the block fails anyway."""

    def __init__(self, scenario: Scenario, *, host: str, port: int) -> None:
        self._scenario, self._address = scenario, (host, port)
        self._host: Host | None = None
        self._lab: Lab | None = None

    def start(self) -> Lab:
        """Start the server and return its handle."""
        self._host = Host(host=self._address[0], port=self._address[1])
        self._lab = self._host.lab(self._scenario.settings, at_root=True)
        self._lab._space.add(self._scenario.rules)  # noqa: SLF001 - the same module
        return self._lab

    def stop(self) -> None:
        """Stop the server and close the clients."""
        if self._host is not None:
            self._host.stop()
        if self._lab is not None:
            self._lab.close()

    def __enter__(self) -> Lab:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        if kind is None and self._lab is not None:
            self._lab.verify()

    async def __aenter__(self) -> Lab:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._lab is not None and "async_client" in self._lab.__dict__:
                await self._lab.async_client.close()
        finally:
            await asyncio.to_thread(self.__exit__, kind, error, trace)


def serve(
    *sources: str,
    host: str = "127.0.0.1",
    port: int = 0,
    pace: Pace | str | Mapping[str, Any] | None = None,
    seed: int | None = None,
    validate: bool | None = None,
    faults: FaultsLike = (),
) -> Serving:
    """Serve scenarios (files, folders, shipped names) for the length of a `with` block, which gets the Lab.

    Without sources, script the replies with `lab.reply`. `faults` are put into every answer of a rule. Raises ScenarioError if
    a scenario cannot be used, and ServerError, on entering, if the address cannot be had.
    """
    scenario = merge([load(source) for source in sources])
    changes: dict[str, Any] = {
        "pace": None if pace is None else pace if isinstance(pace, Pace) else parse_pace(pace),
        "seed": seed,
        "validate": validate,
        "faults": parse_faults(listed_faults(faults)) or None,
    }
    settings = replace(scenario.settings, **{key: value for key, value in changes.items() if value is not None})
    scenario = replace(scenario, settings=settings)
    require_places(scenario)
    _warn(scenario.warnings)
    return Serving(scenario, host=host, port=port)


def _without_proxy(url: str) -> dict[str, None]:
    """Return the setting of an HTTP client that keeps a proxy, which the environment may name, from this server."""
    parts = urlsplit(url)
    return {f"{parts.scheme}://{parts.netloc}": None}


def _warn(texts: Iterable[str]) -> None:
    for text in texts:
        warnings.warn(text, CassetteWarning, stacklevel=3)


def _calls(calls: Iterable[Call], url: str) -> str:
    lines = [f"  {call!r}" for call in calls]
    if not lines:
        return f"there were no calls\n  hint: point the client at {url} (base_url, or ANTHROPIC_BASE_URL when it is made)"
    return "\n".join(("the calls were:", *lines))
