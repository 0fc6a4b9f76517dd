"""Labs on a server of another process, by its control API: many workers share one, and it may be on another machine."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

from streamlab.core.control import CONTROL, HEALTH, MAX_WAIT, TOKEN_HEADER, check_token
from streamlab.core.environment import CONTROL_TOKEN
from streamlab.core.journal import Call, Journal
from streamlab.core.plain import from_plain
from streamlab.core.replies import Rule, Settings
from streamlab.core.shown import seconds as shown
from streamlab.core.tapes import Tape
from streamlab.core.usage import Usage
from streamlab.errors import ScenarioError, ServerError, StreamlabError, VerificationError
from streamlab.files.scenario_writer import rules_document, settings_document, tape_text
from streamlab.net.lab import Lab
from streamlab.net.waiting import until

__all__ = ["RemoteClock", "RemoteHost", "RemoteSpace"]

_PATIENCE = 30.0
"""Seconds that an answer may take beyond what it was asked to wait."""
_NO_CALLS = 10**12 - 1
"""A number that no call has."""
_OK = 200
_TYPES = {"json": "application/json", "yaml": "application/yaml"}

Document = dict[str, Any]
Body = Document | tuple[str, bytes] | None
"""What is sent: JSON, or bytes of some type."""


class RemoteHost:
    """A running server of another process, such as `streamlab serve`, that makes labs, each with a namespace of its own.

    `token` is its control token; without one, that of the variable STREAMLAB_CONTROL_TOKEN, if it is set. Raises ServerError
    if there is no such server, or if it does not let itself be controlled.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url.rstrip("/")
        self._wire = _Wire(self.url, check_token(token or os.environ.get(CONTROL_TOKEN) or None))
        self._closed: list[tuple[str, RemoteSpace]] = []
        try:
            self._wire.ask("GET", HEALTH)
            self._wire.ask("GET", f"{CONTROL}clock")  # health is told to everybody
        except BaseException:
            self.stop()
            raise

    def lab(
        self, settings: Settings | None = None, *, at_root: bool = False, over: str = "", redact: Sequence[str] = ()
    ) -> Lab:
        """Return a new lab; one `at_root` is the server's own URL, which others may use as well, and stays when it is closed.

        `over` is what is said to whoever still asks when the lab is closed; without it, the lab is forgotten. `redact` are
        patterns of what is secret beside keys, if the lab is not at the root.
        """
        if at_root:
            return Lab(RemoteSpace(self._wire, self.url, "", over=""))
        settings_sent = settings_document(settings) if settings is not None else {}
        made = self._wire.ask("POST", f"{CONTROL}namespaces", {"settings": settings_sent, "redact": list(redact)})
        space = RemoteSpace(self._wire, self.url + made["path"], made["path"], over=over)
        if over:
            self._closed.append((over, space))
        return Lab(space)

    def late(self) -> tuple[tuple[str, Journal], ...]:
        """Return what came for labs that were closed: what is said of each, and its calls since then."""
        journals = ((over, space.journal) for over, space in self._closed if space.is_closed)
        return tuple((over, journal) for over, journal in journals if len(journal))

    def leave(self) -> None:
        """Do nothing: the server's own URL is not this host's."""

    def strays(self) -> tuple[Call, ...]:
        """Return nothing: what comes where no lab is may be of anybody. The log of the server tells it."""
        return ()

    def stop(self) -> None:
        """Close the connections; the server goes on."""
        self._wire.close()


class RemoteSpace:
    """A namespace of a server in another process. `path` is that of its URL; the root has none."""

    def __init__(self, wire: _Wire, url: str, path: str, *, over: str) -> None:
        self.url = url
        self.clock = RemoteClock(wire, url, path)
        self.is_closed = False
        self._wire, self._path, self._over = wire, path, over
        self._size: int | None = None

    @property
    def journal(self) -> Journal:
        """The calls that came here, as they are now."""
        return Journal.of(from_plain(Call, each) for each in self._ask("GET", "journal")["calls"])

    @property
    def size(self) -> int:
        """How many rules and cassettes there are, as far as this process knows."""
        if self._size is None:
            self._size = len(self.usages())
        return self._size

    def changes(self) -> int:
        """Return a number that is another one when the journal has changed."""
        return int(self._ask("GET", f"journal?after={_NO_CALLS}")["changes"])

    def wait_for_change(self, seen: int, timeout: float) -> bool:
        """Wait at most `timeout` seconds until `changes` is not `seen`; return whether it is."""
        end = time.monotonic() + timeout
        while True:
            left = max(0.0, end - time.monotonic())
            wait = min(left, MAX_WAIT)
            asked = urlencode({"after": _NO_CALLS, "changes": seen, "wait": wait})
            if self._ask("GET", f"journal?{asked}", wait=wait)["changes"] != seen:
                return True
            if left == wait:
                return False

    def usages(self) -> tuple[Usage, ...]:
        """Return how often each rule answered, in their order."""
        return tuple(from_plain(Usage, each) for each in self._ask("GET", "rules")["rules"])

    def add(self, entries: Sequence[Rule | Tape], settings: Settings | None = None) -> tuple[str, ...]:
        """Put rules after those that are there. Raises ScenarioError if one cannot be sent, such as a function."""
        said = {} if settings is None else settings_document(settings)
        if "faults" in said:
            hint = "give them to the lab when it is made, in its settings"
            raise ScenarioError("the faults of every answer cannot be sent with rules", key=("faults",), hint=hint)
        names: list[str] = []
        for sent in [each for part in _parts(entries) for each in _written(part, said)]:
            told = self._ask("POST", *sent)
            names += told["added"]
            self._size = len(told["rules"])
        return tuple(names)

    def reset(self) -> None:
        """Forget all rules and calls."""
        self._ask("POST", "reset")
        self._size = 0

    def refuse(self, times: int | None) -> None:
        """Reset the connection of each request to this lab until `accept`, or of the next `times`; others notice nothing."""
        self._ask("POST", "refuse", {} if times is None else {"times": times})

    def accept(self) -> None:
        """Answer requests again."""
        self._ask("POST", "accept")

    def close(self) -> None:
        """Answer no more here. The root stays; so do the rules that it has."""
        if self._path and not self.is_closed:
            self.is_closed = True
            self._ask("DELETE", "namespace", {"over": self._over} if self._over else None)

    def _ask(self, method: str, name: str, body: Body = None, *, wait: float = 0.0) -> Document:
        return self._wire.ask(method, f"{self._path}{CONTROL}{name}", body, wait=wait)


def _parts(entries: Sequence[Rule | Tape]) -> list[list[Rule | Tape]]:
    """Return entries in lists of rules and lists of cassettes, in their order."""
    return [list(part) for _, part in groupby(entries, lambda each: isinstance(each, Tape))]


def _written(entries: Sequence[Rule | Tape], said: Document) -> list[tuple[str, tuple[str, bytes]]]:
    """Return where rules, or cassettes, are to be sent, and as what; `said` is what is said of all answers."""
    rules = [each for each in entries if isinstance(each, Rule)]
    if not rules:
        tapes = [each for each in entries if isinstance(each, Tape)]
        return [(f"rules?name={quote(each.name, safe='')}", (_TYPES["yaml"], tape_text(each))) for each in tapes]
    try:
        written = rules_document(rules)
    except ScenarioError as error:
        error.key = error.key[2:] if len(rules) == 1 else error.key  # which rule is known
        raise
    written.data.update(said)
    kind, body = written.sent
    return [("rules", (_TYPES[kind], body))]


class RemoteClock:
    """The clock of a namespace in another process; `url` is the base URL there."""

    def __init__(self, wire: _Wire, url: str, path: str) -> None:
        self._wire, self._url, self._path = wire, url, f"{path}{CONTROL}clock"

    def now(self) -> float:
        """Return the seconds since the lab was made, by its clock."""
        return float(self._wire.ask("GET", self._path)["now"])

    def hold(self) -> None:
        """Let time stand still from now on; `advance` moves it."""
        self._wire.ask("POST", self._path, {"hold": True})

    def auto(self) -> None:
        """Let time jump to the next due time at once whenever no script runs, and stand still otherwise."""
        self._wire.ask("POST", self._path, {"auto": True})

    def run(self) -> None:
        """Let time go on by itself again, from where it stands."""
        self._wire.ask("POST", self._path, {"run": True})

    def wait_until_parked(self, n: int = 1, *, timeout: float = 5.0) -> None:
        """Wait until `n` scripts wait for the clock, or hang for ever."""
        __tracebackhide__ = True  # pytest shows the line of the test
        until(timeout)
        self._in_parts(lambda: {"wait_until_parked": n}, timeout)

    def advance(self, seconds: float, *, timeout: float = 5.0) -> None:
        """Move time on, through each due time in between, in order. Raises ServerError if the clock is not held."""
        __tracebackhide__ = True
        until(timeout)
        begun: float | None = None

        def rest() -> Document:
            nonlocal begun
            now = self.now()
            begun = now if begun is None else begun
            return {"advance": max(0.0, seconds - (now - begun))}

        self._in_parts(rest if timeout > MAX_WAIT else lambda: {"advance": seconds}, timeout)

    def _in_parts(self, move: Callable[[], Document], timeout: float) -> None:
        """Ask for a move until it is done; the server waits no longer for one than it is willing to."""
        __tracebackhide__ = True
        left = timeout
        while True:
            part = min(left, MAX_WAIT)
            try:
                self._wire.ask("POST", self._path, {**move(), "timeout": part}, wait=part)
            except VerificationError as error:
                left -= part
                if left <= 0:
                    raise error if part == timeout else VerificationError(f"after {shown(timeout)} in all: {error}") from None
            else:
                return

    def __repr__(self) -> str:
        try:
            return f"<RemoteClock {self._url}, {shown(self.now())}>"
        except StreamlabError:  # its server has gone
            return f"<RemoteClock {self._url}>"


class _Wire:
    """The connections to a server; each is used by one thread at a time, and kept for the next."""

    def __init__(self, url: str, token: str | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ServerError(f"{url!r} is not the URL of a server\n  hint: for example: http://127.0.0.1:4010")
        self._url, self._base, self._netloc = url, parts.path, parts.netloc.rpartition("@")[2]
        self._make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._headers = {} if token is None else {TOKEN_HEADER: token}
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def ask(self, method: str, path: str, body: Body = None, *, wait: float = 0.0) -> Document:
        """Return what the server answers; `wait` is how many seconds it was asked to take.

        Raises what the error that it answers stands for, and ServerError if it does not answer.
        """
        with self._lock:
            connection = self._idle.pop() if self._idle else self._make(self._netloc)
        try:
            return self._asked(connection, method, path, body, wait)
        finally:
            with self._lock:
                self._idle.append(connection)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _asked(self, connection: http.client.HTTPConnection, method: str, path: str, body: Body, wait: float) -> Document:
        kind, data = (_TYPES["json"], json.dumps(body).encode()) if isinstance(body, dict) else body or ("", b"")
        headers = {**self._headers, **({"content-type": kind} if kind else {})}
        while True:
            is_used = connection.sock is not None
            try:
                status, answer = _exchanged(connection, (method, self._base + path, data, headers), wait)
                break
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                # The server may have closed a connection that nobody used, just before the request came.
                if not (is_used and isinstance(error, ConnectionError)):
                    reason = str(error) or type(error).__name__
                    hint = "start one: streamlab serve SOURCE --port 4010"
                    raise ServerError(f"no server answers at {self._url}: {reason}\n  hint: {hint}") from None
        return _told(status, answer, self._url)


def _exchanged(
    connection: http.client.HTTPConnection, asked: tuple[str, str, bytes, Mapping[str, str]], wait: float
) -> tuple[int, bytes]:
    """Send a request, and return the status and the body of the answer."""
    method, path, data, headers = asked
    connection.timeout = wait + _PATIENCE
    if connection.sock is not None:
        connection.sock.settimeout(connection.timeout)
    connection.request(method, path, data or None, dict(headers))
    answer = connection.getresponse()
    return answer.status, answer.read()


def _told(status: int, answer: bytes, url: str) -> Document:
    """Return what an answer says. Raises what the error in it stands for."""
    try:
        document = json.loads(answer)
        error = document.get("error")
    except (ValueError, AttributeError):
        raise ServerError(f"what answers at {url} is no streamlab server: its answer is not JSON (status {status})") from None
    if status == _OK:
        return cast("Document", document)
    if not isinstance(error, dict):
        raise ServerError(f"what answers at {url} is no streamlab server (status {status})")
    message, hint = str(error.get("message")), str(error.get("hint", ""))
    if error.get("kind") == "scenario":
        raise ScenarioError(message, key=tuple(error.get("key", ())), hint=hint)
    kind = VerificationError if error.get("kind") == "verification" else ServerError
    raise kind(f"{message}\n  hint: {hint}" if hint else message)
