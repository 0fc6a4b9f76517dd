"""The control API performed: what `core/control.py` has decided, done to the namespaces of a server.

Its requests stand in no journal, are told to nobody and fail no test; they go by the machine's clock, whatever the test's does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import re
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from email.utils import formatdate
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from streamlab.core.control import CONTROL, HEALTH, Operation, Refusal, decide, guard, refusal_of
from streamlab.core.exchange import Request
from streamlab.core.identity import generator
from streamlab.core.journal import Call, Journal
from streamlab.core.pacing import INSTANT
from streamlab.core.plain import to_plain
from streamlab.core.plan import JSON, Head, Plan
from streamlab.core.replies import Answer, Settings, State
from streamlab.core.sse import Frame
from streamlab.core.usage import usages
from streamlab.core.verdict import findings
from streamlab.errors import ScenarioError, StreamlabError
from streamlab.files.scenario import Scenario
from streamlab.files.sent import read_sent, read_settings
from streamlab.net.clock import PlainClock, RealClock
from streamlab.net.incoming import Performed, framing, quiet_logger, read_request
from streamlab.net.namespace import Namespace, add_rules, closed
from streamlab.net.perform import Connection, Watcher, perform

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["MAX_BODY", "Control", "nowhere", "route"]

MAX_BODY = 32 * 1024 * 1024
"""The most bytes in the body of a control request."""
_KEPT_CALLS = 10_000
"""How many calls a namespace remembers that was made here."""
_logger = quiet_logger("streamlab.control")
_NAMESPACE = re.compile(r"/(~[A-Za-z0-9_.-]+)(/.*)?")
_ASKED = ("GET", "HEAD", "OPTIONS")

Document = dict[str, Any]
T = TypeVar("T")


def route(path: str) -> tuple[str, str]:
    """Return the namespace that a path names (none: an empty text), and the path within it."""
    found = _NAMESPACE.fullmatch(path)
    return (found[1], found[2] or "/") if found else ("", path)


class Controlled(Protocol):
    """What is controlled: a server."""

    namespaces: dict[str, Namespace]


class Control:
    """Answers the requests under `/_streamlab/`; `token` is what they must carry, if it is not None."""

    def __init__(self, server: Controlled, token: str | None = None) -> None:
        self._server, self._token = server, token
        self._numbers = count(1)

    def concerns(self, method: str, path: str) -> bool:
        """Whether a request is for the control API; whoever asks how the server is needs no permission."""
        name, within = route(path)
        is_harmless = within == HEALTH and method in _ASKED and name in self._server.namespaces
        return within.startswith(CONTROL) and not is_harmless

    async def answer(self, incoming: web.BaseRequest, transport: asyncio.Transport, watch: Watcher) -> web.StreamResponse:
        """Answer a request; what is returned tells aiohttp only whether to keep the connection."""
        done = await self._done(incoming, transport)
        script = Answer(plan=_plan(done), pace=INSTANT, rng=generator(0, "")).script(framing(incoming))
        connection = Connection(transport, incoming.writer.drain)
        try:
            kept = await perform(script, connection, PlainClock(RealClock()), watch)
        except ConnectionError:
            kept = False
        return Performed(is_kept=kept)

    async def _done(self, incoming: web.BaseRequest, transport: asyncio.Transport) -> Document | Refusal:
        """Return what comes of a request. Nothing of its body is read before it is known that it may ask."""
        name, path = route(incoming.rel_url.raw_path)
        refused = self._refusal(incoming, transport, name)
        if refused is not None:
            return refused
        request, failure = await read_request(incoming, transport, MAX_BODY)
        if failure is not None:
            return Refusal(status=failure.error.status, message=failure.message or failure.error.message)
        try:
            operation = decide(replace(request, path=path))
            return operation if isinstance(operation, Refusal) else await self._perform(operation, name, incoming)
        except StreamlabError as error:
            return refusal_of(error)
        except Exception as error:
            _logger.exception("a control request failed")
            return Refusal(status=500, message=f"this cannot be done: {type(error).__name__}", kind="server")

    def _refusal(self, incoming: web.BaseRequest, transport: asyncio.Transport, name: str) -> Refusal | None:
        """Return why a request is not looked at: whoever sends it may not, or there is no such namespace."""
        asked = Request(headers=tuple(incoming.headers.items()))
        peer = transport.get_extra_info("peername")
        refused = guard(asked, peer=peer[0] if isinstance(peer, tuple) else None, token=self._token)
        if refused is not None or name in self._server.namespaces:
            return refused
        return nowhere(name)

    async def _perform(self, operation: Operation, name: str, incoming: web.BaseRequest) -> Document | Refusal:
        namespace = self._server.namespaces.get(name)
        if namespace is None:  # it was forgotten while the body came
            return nowhere(name)
        if operation.verb == "make":
            return self._make(operation.values, incoming)
        if operation.verb == "forget":
            return self._forget(name, operation.values["over"])
        return await _VERBS[operation.verb](namespace, operation)

    def _make(self, values: Mapping[str, Any], incoming: web.BaseRequest) -> Document | Refusal:
        taken = self._server.namespaces
        wanted = values["name"]
        if wanted is not None and f"~{wanted}" in taken:
            return Refusal(status=400, message=f"there is a namespace {wanted!r} already", key=("name",), hint=_TAKEN)
        settings = _settings(values["settings"])
        name = f"~{wanted}" if wanted else next(each for number in self._numbers if (each := f"~lab-{number}") not in taken)
        taken[name] = Namespace(settings=settings, journal=Journal(limit=_KEPT_CALLS, redact=values["redact"]))
        return {"name": name, "path": f"/{name}", "url": f"http://{incoming.headers.get('host', '')}/{name}"}

    def _forget(self, name: str, over: str) -> Document | Refusal:
        if not name:
            hint = "POST /_streamlab/reset forgets its rules and calls"
            return Refusal(status=400, message="the root of a server cannot be forgotten", hint=hint)
        namespace = self._server.namespaces.pop(name)
        namespace.end_answers()
        if over:
            self._server.namespaces[name] = closed(over, namespace.redact)
        return {}


_TAKEN = "take another name, or leave it out to get one that is free"


def nowhere(name: str) -> Refusal:
    """Return what is said to whoever asks for a namespace that is not there."""
    hint = "it was forgotten, or never made: POST /_streamlab/namespaces makes one"
    return Refusal(status=404, message=f"there is no namespace {name!r}", hint=hint)


def _settings(written: object) -> Settings:
    try:
        return read_settings(written)
    except ScenarioError as error:
        error.key = ("settings", *error.key)
        raise


async def _set_rules(namespace: Namespace, operation: Operation) -> Document:
    """Set, add or take away the rules of a namespace."""
    scenario = Scenario()
    if operation.verb != "remove":
        # A large one takes its time, and others are to be served meanwhile.
        scenario = await asyncio.to_thread(read_sent, operation.body, operation.kind, operation.values["name"])
    if operation.verb != "append":
        with namespace.lock:
            namespace.rules, namespace.state, namespace.settings = (), State(), scenario.settings
    names = add_rules(namespace, scenario.rules, scenario.settings)
    return {**await _rules(namespace, operation), "added": list(names), "warnings": list(scenario.warnings)}


async def _journal(namespace: Namespace, operation: Operation) -> Document:
    """Return the calls after a number, once what is waited for has happened."""
    values = operation.values
    after: int = values["after"]
    ended: int = values["ended"]
    seen: int | None = values["changes"]

    def is_there() -> bool:
        if seen is not None:
            return namespace.changes != seen
        return len([call for call in namespace.journal.questions if call.number > after and call.ended]) >= ended

    until = time.monotonic() + values["wait"]
    while not is_there() and (left := until - time.monotonic()) > 0:
        wait = partial(namespace.wait_for_change, namespace.changes, left)
        await _in_thread(wait)
    calls = [_call(call) for call in namespace.journal if call.number > after]
    return {"calls": calls, "changes": namespace.changes}


def _call(call: Call) -> Document:
    """Return a call as it is told: its fields, and what can be said of them."""
    plain = to_plain(call)
    plain["request"]["last_user"] = call.request.last_user
    return {**plain, "events_delivered": call.events_delivered, "cancelled_after": call.cancelled_after}


async def _verdict(namespace: Namespace, _: Operation) -> Document:
    """Return what did not go as asked: what a test is to fail of, and what it is only to be told."""
    with namespace.lock:
        found = findings(list(namespace.journal), usages(namespace.rules, namespace.state.given))
    problems = [each for each in found if each.concern != "exchanges"]
    warnings = [each.text for each in found if each.concern == "exchanges"]
    return {"problems": [each.text for each in problems], "warnings": warnings}


async def _move(namespace: Namespace, operation: Operation) -> Document:
    """Let the clock of a namespace do what is asked for."""
    clock, values = namespace.clock, operation.values
    match values["move"]:
        case "advance":
            await _in_thread(partial(clock.advance, values["value"], timeout=values["timeout"]))
        case "wait_until_parked":
            await _in_thread(partial(clock.wait_until_parked, values["value"], timeout=values["timeout"]))
        case "hold":
            clock.hold()
        case "auto":
            clock.auto()
        case _:
            clock.run()
    return await _time(namespace, operation)


async def _time(namespace: Namespace, _: Operation) -> Document:
    return {"now": namespace.clock.now()}


async def _rules(namespace: Namespace, _: Operation) -> Document:
    with namespace.lock:
        return {"rules": to_plain(usages(namespace.rules, namespace.state.given))}


async def _clear(namespace: Namespace, _: Operation) -> Document:
    namespace.clear()
    return {}


async def _refuse(namespace: Namespace, operation: Operation) -> Document:
    """Refuse the requests of clients: all of them, or the next few. Those that control the server are heard meanwhile."""
    with namespace.lock:
        namespace.refused = operation.values.get("times") or math.inf
    return {}


async def _accept(namespace: Namespace, _: Operation) -> Document:
    with namespace.lock:
        namespace.refused = 0
    return {}


async def _reset(namespace: Namespace, _: Operation) -> Document:
    namespace.empty()
    return {}


_VERBS: dict[str, Callable[[Namespace, Operation], Awaitable[Document]]] = {
    **dict.fromkeys(("replace", "append", "remove"), _set_rules),
    "rules": _rules,
    "journal": _journal,
    "clear": _clear,
    "reset": _reset,
    "verify": _verdict,
    "clock": _time,
    "move": _move,
    "refuse": _refuse,
    "accept": _accept,
}
"""What is done to a namespace."""


async def _in_thread(work: Callable[[], T]) -> T:
    """Do what blocks in a thread that nobody waits for when the program ends."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(settle: Callable[[Any], None], value: Any) -> None:
        if not done.cancelled():
            settle(value)

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            set_it = partial(tell, done.set_exception, error)
        else:
            set_it = partial(tell, done.set_result, result)
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(set_it)

    threading.Thread(target=run, name="streamlab-control", daemon=True).start()
    return await done


def _plan(done: Document | Refusal) -> Plan:
    """Return the answer: JSON that no cache keeps and no page may read."""
    refused = done if isinstance(done, Refusal) else None
    body = json.dumps(refused.document if refused else done).encode()
    headers = (
        ("date", formatdate(usegmt=True)),
        ("content-type", JSON),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        *((("allow", ", ".join(refused.allow)),) if refused and refused.allow else ()),
        ("content-length", str(len(body))),
    )
    return Plan(Head(refused.status if refused else 200, headers), (Frame(body),))
