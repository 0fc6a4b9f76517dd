"""The control API: what a request under `/_streamlab/` asks for, and whether whoever sends it may.

Any page in a browser can send requests to this machine, and with a name that it lets point here it can even read the answers.
So without a token only programs on this machine are heard: the peer and the `Host` are those of loopback, and there is no
header that browsers and proxies add. With a token, whoever sends it is heard, and nobody else.
"""

from __future__ import annotations

import hmac
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

from streamlab.core.exchange import Request
from streamlab.core.redaction import compile_patterns
from streamlab.errors import ScenarioError, ServerError, StreamlabError, VerificationError, nearest

__all__ = [
    "CONTROL",
    "HEALTH",
    "MAX_WAIT",
    "TOKEN_HEADER",
    "Operation",
    "Refusal",
    "check_token",
    "decide",
    "guard",
    "refusal_of",
]

CONTROL = "/_streamlab/"
HEALTH = f"{CONTROL}health"
TOKEN_HEADER = "x-streamlab-token"  # noqa: S105 - the name of the header
MAX_WAIT = 60.0
"""The longest that a request may wait, in seconds."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_LOOPBACK = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}|::1|::ffff:127(?:\.[0-9]{1,3}){3}", re.IGNORECASE)
_LONGEST_NAME = 200
_NATURAL = re.compile(r"[0-9]{1,12}")
_HOST = re.compile(r"(?P<bare>[^\[\]:]+|\[(?P<six>[^\[\]]+)\])(?::[0-9]{1,5})?")
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host")
_TOKEN = re.compile(r"[!-~]{1,1000}")
_SENT_BY_HAND = "none"
"""What a browser says of the site of a request whose address somebody typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What is asked for: a verb and its values. Rules come as a `body` of some `kind`, which is yet to be read."""

    verb: str
    values: Mapping[str, Any]
    kind: Literal["json", "yaml", "sse", ""] = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why an operation is not done, as it is told. `kind` says whose fault it is, so that Python can raise what fits."""

    status: int
    message: str
    hint: str = ""
    key: tuple[str | int, ...] = ()
    kind: Literal["request", "scenario", "server", "verification"] = "request"
    allow: tuple[str, ...] = ()

    @property
    def document(self) -> dict[str, Any]:
        """The answer's JSON."""
        said = {"message": self.message, "hint": self.hint, "key": list(self.key), "kind": self.kind}
        return {"error": {name: value for name, value in said.items() if value or name == "message"}}


def check_token(token: str | None) -> str | None:
    """Return a token that can be demanded; None for none. Raises ServerError if no header could carry it."""
    if token is not None and not _TOKEN.fullmatch(token):
        hint = 'for example: STREAMLAB_CONTROL_TOKEN="$(openssl rand -hex 16)"'
        raise ServerError(f"a control token is 1 to 1000 characters of ASCII without spaces\n  hint: {hint}")
    return token


def guard(request: Request, *, peer: str | None, token: str | None) -> Refusal | None:
    """Return why whoever sends this may not control the server; None if they may.

    `peer` is the address that the connection comes from, `token` the one that is demanded.
    """
    if token is not None:
        sent = request.header(TOKEN_HEADER)
        if sent is None:
            return Refusal(status=403, message="this server demands its control token", hint=f"send it as {TOKEN_HEADER}")
        if not hmac.compare_digest(sent.encode("utf-8", "surrogateescape"), token.encode()):
            return Refusal(status=403, message="this is not the control token of this server", hint=_WRONG_TOKEN)
        return None
    problem = _not_from_here(request, peer)
    return None if problem is None else Refusal(status=403, message=problem, hint=_NEEDS_TOKEN)


_NEEDS_TOKEN = "start the server with a token: STREAMLAB_CONTROL_TOKEN=… streamlab serve …, and send it as " + TOKEN_HEADER
_WRONG_TOKEN = "it is the one of `streamlab serve --control-token`, or of STREAMLAB_CONTROL_TOKEN there"  # noqa: S105


def _not_from_here(request: Request, peer: str | None) -> str | None:
    """Say what tells a request from one that a program on this machine sends by itself."""
    if peer is None or not _LOOPBACK.fullmatch(peer.partition("%")[0]):
        return "only programs on this machine control the server"
    found = _HOST.fullmatch(request.header("host") or "")
    if found is None or not _LOOPBACK.fullmatch(found["six"] or found["bare"]):
        return "the Host of this request is not localhost, 127.0.0.1 or [::1]"
    if request.header("origin") is not None or request.header("sec-fetch-site") not in (None, _SENT_BY_HAND):
        return "a page in a browser does not control the server"
    if any(request.header(name) is not None for name in _FORWARDED):
        return "this request has come through a proxy, so nobody knows from where"
    return None


def decide(request: Request) -> Operation | Refusal:
    """Return what a request under `/_streamlab/` asks for, or why it cannot be done."""
    name = request.path.removeprefix(CONTROL)
    methods = _ROUTES.get(name)
    if methods is None:
        hint = nearest(name, _ROUTES)
        return Refusal(status=404, message=f"there is nothing called {request.path[:100]!r} here", hint=hint)
    verb = methods.get("GET" if request.method == "HEAD" else request.method)
    if verb is None:
        allow = tuple(methods)
        return Refusal(status=405, message=f"{name} takes no {request.method}", hint=f"use {' or '.join(allow)}", allow=allow)
    try:
        return _TAKES[verb](verb, request)
    except ScenarioError as error:
        return Refusal(status=400, message=error.problem, hint=error.hint, key=error.key)


_ROUTES: dict[str, dict[str, str]] = {
    "health": {"GET": "health"},
    "namespaces": {"POST": "make"},
    "namespace": {"DELETE": "forget"},
    "rules": {"GET": "rules", "PUT": "replace", "POST": "append", "DELETE": "remove"},
    "journal": {"GET": "journal", "DELETE": "clear"},
    "reset": {"POST": "reset"},
    "verify": {"GET": "verify"},
    "clock": {"GET": "clock", "POST": "move"},
    "refuse": {"POST": "refuse"},
    "accept": {"POST": "accept"},
}
"""What there is, and what each method does with it."""


def refusal_of(error: StreamlabError) -> Refusal:
    """Return how an error of streamlab is told."""
    if isinstance(error, ScenarioError):
        where = ":".join(str(part) for part in (error.file, error.line, error.column) if part is not None)
        message = f"{where}: {error.problem}" if where else error.problem
        return Refusal(status=400, message=message, hint=error.hint, key=error.key, kind="scenario")
    message, _, hint = str(error).partition("\n  hint: ")
    kind: Literal["verification", "server"] = "verification" if isinstance(error, VerificationError) else "server"
    return Refusal(status=400, message=message, hint=hint, kind=kind)


# What each verb takes


def _bare(verb: str, request: Request) -> Operation:
    """Take nothing."""
    _known(_query(request), ())
    _known(_object(request), ())
    return Operation(verb=verb, values={})


def _make(verb: str, request: Request) -> Operation:
    """Take the name and the settings of a namespace, and patterns of what is secret in it."""
    values = _object(request)
    _known(values, ("name", "settings", "redact"))
    name = values.get("name")
    if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
        hint = "a name has letters, digits, '_', '.' and '-'; leave it out to get one that is free"
        raise ScenarioError(f"{name!r} cannot be the name of a namespace", key=("name",), hint=hint)
    texts = values.get("redact", [])
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise ScenarioError("a list of patterns is expected", key=("redact",), hint="for example: ['cust_[0-9]+']")
    redact = compile_patterns(texts, "redact")
    return Operation(verb=verb, values={"name": name, "settings": values.get("settings", {}), "redact": redact})


def _rules(verb: str, request: Request) -> Operation:
    """Take a scenario, a cassette or a recorded stream, and what it is called."""
    values = _query(request)
    _known(values, ("name",))
    kind = _KINDS.get(_media_type(request) or "application/json")
    if kind is None:
        hint = f"send it as {', '.join(_KINDS)}"
        raise ScenarioError(f"rules do not come as {_media_type(request)}", key=("content-type",), hint=hint)
    name = values.get("name", "sent")
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise ScenarioError(f"a name of up to {_LONGEST_NAME} characters is expected", key=("name",))
    return Operation(verb=verb, values={"name": name}, kind=kind, body=request.body)


_KINDS: dict[str, Literal["json", "yaml", "sse"]] = {
    "application/json": "json",
    "application/yaml": "yaml",
    "application/x-yaml": "yaml",
    "text/yaml": "yaml",
    "text/event-stream": "sse",
}


def _forget(verb: str, request: Request) -> Operation:
    """Take what is said to whoever still asks there; without it there is no such namespace any more."""
    values = _object(request)
    _known(values, ("over",))
    over = values.get("over", "")
    if not isinstance(over, str):
        raise ScenarioError(f"a text is expected, not {over!r}", key=("over",))
    return Operation(verb=verb, values={"over": over})


def _journal(verb: str, request: Request) -> Operation:
    """Take the number of a call, and what to wait for after it: that so many have ended, or other than so many changes."""
    values = _query(request)
    _known(values, ("after", "ended", "changes", "wait"))
    numbers: dict[str, Any] = {name: _natural(name, values[name]) for name in ("after", "ended", "changes") if name in values}
    wait = _seconds("wait", _number(values.get("wait", "0")), most=MAX_WAIT)
    return Operation(verb=verb, values={"after": 0, "ended": 1, "changes": None, **numbers, "wait": wait})


def _move(verb: str, request: Request) -> Operation:
    """Take one thing that the clock is to do, and for how long to wait until it is done."""
    values = dict(_object(request))
    timeout = _seconds("timeout", values.pop("timeout", 5), most=MAX_WAIT)
    _known(values, _MOVES)
    if len(values) != 1:
        raise ScenarioError("one thing is expected that the clock does", hint=f"expected one of: {', '.join(sorted(_MOVES))}")
    move, value = next(iter(values.items()))
    if move == "advance":
        value = _seconds("advance", value, most=math.inf)
    elif move == "wait_until_parked":
        value = _count("wait_until_parked", value)
    elif value is not True:
        raise ScenarioError(f"true is expected, not {value!r}", key=(move,))
    return Operation(verb=verb, values={"move": move, "value": value, "timeout": timeout})


_MOVES = ("hold", "advance", "auto", "run", "wait_until_parked")


def _refuse(verb: str, request: Request) -> Operation:
    """Take how many requests are refused; without a number all of them."""
    values = _object(request)
    _known(values, ("times",))
    return Operation(verb=verb, values={key: _count(key, value) for key, value in values.items()})


_TAKES: dict[str, Callable[[str, Request], Operation]] = {
    **dict.fromkeys(("health", "rules", "remove", "clear", "reset", "verify", "clock", "accept"), _bare),
    **dict.fromkeys(("replace", "append"), _rules),
    "make": _make,
    "forget": _forget,
    "journal": _journal,
    "move": _move,
    "refuse": _refuse,
}


# Reading values


def _query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query, keep_blank_values=True))


def _media_type(request: Request) -> str:
    return (request.header("content-type") or "").partition(";")[0].strip().lower()


def _object(request: Request) -> dict[str, Any]:
    """Return the JSON object in a body; an empty body is an empty object."""
    if not request.body:
        return {}
    if (_media_type(request) or "application/json") != "application/json":
        hint = "send JSON, and say so: content-type: application/json"
        raise ScenarioError(f"the body comes as {_media_type(request)}", key=("content-type",), hint=hint)
    try:
        value = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise ScenarioError(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ScenarioError("the body is no object of JSON", hint='for example: {"advance": 30}')
    return value


def _known(values: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    for name in values:
        if name not in allowed:
            hint = nearest(name, allowed) if allowed else "take it out: nothing is taken here"
            raise ScenarioError(f"there is no value {name!r} here", key=(name,), hint=hint)


def _natural(key: str, text: str) -> int:
    if not _NATURAL.fullmatch(text):
        raise ScenarioError(f"a number from 0 is expected, not {text!r}", key=(key,))
    return int(text)


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def _seconds(key: str, value: object, *, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most or value == math.inf:
        upto = "" if most == math.inf else f" to {most:g}"
        raise ScenarioError(f"a number of seconds from 0{upto} is expected, not {value!r}", key=(key,))
    return float(value)


def _count(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ScenarioError(f"a whole number from 1 is expected, not {value!r}", key=(key,))
    return value
