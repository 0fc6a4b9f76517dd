"""Matching: which requests a rule answers, and how a request differs from one it does.

Prose matches by substring, names by glob; `{regex: …}` and `{equals: …}` say so explicitly; numbers match `2`, `1..2`, `2..`.
What a request does not have matches nothing. A difference shows no secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any, Literal

from streamlab.core.exchange import MESSAGES, Request
from streamlab.core.redaction import redact_headers, redact_text
from streamlab.errors import ScenarioError, nearest

__all__ = ["ANY", "Difference", "Span", "Text", "When", "differences", "parse_when"]

Mode = Literal["contains", "glob", "equals", "regex"]
_SPAN = re.compile(r"([0-9]{1,9})(\.\.)?([0-9]{1,9})?")
_EXPLICIT: tuple[Mode, ...] = ("regex", "equals")
_LONGEST_KEY = 500
"""How far beyond what is shown of a value secrets are looked for: one that begins in it is found whole enough."""


@dataclass(frozen=True, slots=True)
class Text:
    """A condition on a text."""

    mode: Mode
    pattern: str

    def matches(self, value: str) -> bool:
        """Whether the text is as asked."""
        if self.mode == "contains":
            return self.pattern in value
        if self.mode == "glob":
            return fnmatchcase(value, self.pattern)
        if self.mode == "equals":
            return value == self.pattern
        return re.search(self.pattern, value) is not None

    def __str__(self) -> str:
        return {"contains": f"a text with {self.pattern!r}", "regex": f"a match of /{self.pattern}/"}.get(
            self.mode, repr(self.pattern)
        )


@dataclass(frozen=True, slots=True)
class Span:
    """A condition on a number: from `low` to `high`, both included; no `high` means no end."""

    low: int
    high: int | None

    def matches(self, value: int) -> bool:
        """Whether the number is as asked."""
        return self.low <= value and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low}..{'' if self.high is None else self.high}"


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """The conditions of a rule; all must hold, and those that are None do."""

    path: Text | None = None
    method: Text | None = None
    headers: tuple[tuple[str, Text], ...] | None = None
    model: Text | None = None
    stream: bool | None = None
    system: Text | None = None
    last_user: Text | None = None
    any_message: Text | None = None
    tools: tuple[Text, ...] | None = None
    tool_result: Text | None = None
    turn: Span | None = None
    attempt: Span | None = None
    call: Span | None = None
    body: Any = None


ANY = When()
"""No condition: any `POST /v1/messages`."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One condition that a request does not meet; `word` says what the other value was."""

    field: str
    expected: str
    actual: str
    word: Literal["expected", "recorded"] = "expected"

    def __str__(self) -> str:
        return f"{self.field}: {self.word} {self.expected}, got {self.actual}"


def differences(when: When, request: Request, call: int) -> tuple[Difference, ...]:
    """Return the conditions that `request` does not meet; none means that it matches.

    `call` is how many requests for messages its namespace has had, this one included.
    """
    found: list[Difference] = []
    if when.path is None:
        found += _check("path", Text("equals", MESSAGES), request.decoded_path)
        found += _check("method", when.method or Text("equals", "POST"), request.method)
    else:
        found += _check("path", when.path, request.decoded_path)
        found += _check("method", when.method, request.method)
    for name, header in when.headers or ():
        found += _header_differences(name, header, request.header(name))
    for name, look in _LOOKS.items():
        found += _check(name, getattr(when, name), look(request))
    if when.stream is not None and when.stream != request.stream:
        found.append(Difference("stream", str(when.stream).lower(), str(request.stream).lower()))
    for name, condition in (
        ("any_message", (when.any_message,)),
        ("tools", when.tools),
        ("tool_result", (when.tool_result,)),
    ):
        found += _check_any(name, condition or (), _LISTS[name](request))
    found += _check("call", when.call, call)
    found += _body_differences("body", when.body, request.json)
    return tuple(found)


_LOOKS: dict[str, Callable[[Request], Any]] = {
    "model": lambda request: request.model,
    "system": lambda request: request.system,
    "last_user": lambda request: request.last_user,
    "turn": lambda request: request.turn,
    "attempt": lambda request: request.attempt,
}
_LISTS: dict[str, Callable[[Request], list[str]]] = {
    "any_message": lambda request: request.all_texts,
    "tools": lambda request: request.tools,
    "tool_result": lambda request: request.tool_results,
}


def _check(name: str, condition: Text | Span | None, value: Any) -> Iterator[Difference]:
    if condition is not None and (value is None or not condition.matches(value)):
        yield Difference(name, redact_text(str(condition)), "nothing" if value is None else _shorten(repr(value)))


def _header_differences(name: str, condition: Text, value: str | None) -> Iterator[Difference]:
    if value is None:
        yield Difference(f"headers.{name}", redact_text(str(condition)), "nothing")
    elif not condition.matches(value):
        ((_, shown),) = redact_headers(((name, value),))
        ((_, expected),) = redact_headers(((name, str(condition)),))
        yield Difference(f"headers.{name}", expected, _shorten(repr(shown)))


def _check_any(name: str, conditions: Iterable[Text | None], values: list[str]) -> Iterator[Difference]:
    """Each condition must be met by one of the values."""
    for condition in conditions:
        if condition is not None and not any(condition.matches(value) for value in values):
            yield Difference(name, redact_text(str(condition)), _shorten(repr(values)))


def _body_differences(path: str, expected: Any, actual: Any) -> Iterator[Difference]:
    """Objects match by subset, everything else by equality."""
    if expected is None and path == "body":
        return
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for key, value in expected.items():
            if key in actual:
                yield from _body_differences(f"{path}.{key}", value, actual[key])
            else:
                yield Difference(f"{path}.{key}", _shown(value), "nothing")
    elif isinstance(expected, list | tuple) and isinstance(actual, list) and len(expected) == len(actual):
        for index, pair in enumerate(zip(expected, actual, strict=True)):
            yield from _body_differences(f"{path}.{index}", *pair)
    elif expected != actual or isinstance(expected, bool) != isinstance(actual, bool):
        yield Difference(path, _shown(expected), "nothing" if path == "body" and actual is None else _shown(actual))


def _shown(value: Any) -> str:
    try:
        return _shorten(json.dumps(value, ensure_ascii=False, default=repr))
    except RecursionError:
        return "a value that is nested too deep to be shown"


def _shorten(text: str, most: int = 120) -> str:
    text = redact_text(text[: most + _LONGEST_KEY])
    return text if len(text) <= most else text[: most - 1] + "…"


def parse_when(written: object) -> When:
    """Return the conditions that a mapping writes. Raises ScenarioError, with the key at fault."""
    if not isinstance(written, Mapping):
        raise ScenarioError(f"conditions are expected, not {written!r}", hint="for example: when: {last_user: weather}")
    known = [item.name for item in fields(When)]
    conditions: dict[str, Any] = {}
    for key, value in written.items():
        if key not in known:
            raise ScenarioError(f"there is no condition {key!r}", key=(key,), hint=nearest(str(key), known))
        if value is None:
            raise ScenarioError("nothing is written here", key=(key,), hint="write a value, or take the key out")
        try:
            conditions[key] = _PARSERS.get(key, _glob)(value)
        except ScenarioError as error:
            error.key = (key, *error.key)
            raise
    return When(**conditions)


def _text(written: object, plain: Mode) -> Text:
    if isinstance(written, str):
        return Text(plain, written)
    if isinstance(written, Mapping) and len(written) == 1:
        mode, pattern = next(iter(written.items()))
        if mode in _EXPLICIT and isinstance(pattern, str):
            return Text(mode, _regex(pattern) if mode == "regex" else pattern)
        if mode not in _EXPLICIT:
            raise ScenarioError(f"there is no way of matching called {mode!r}", key=(mode,), hint=nearest(str(mode), _EXPLICIT))
    raise ScenarioError(f"a text is expected, not {written!r}", hint="write a text, {regex: …} or {equals: …}")


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ScenarioError(f"{pattern!r} is not a regular expression: {error}", key=("regex",)) from None
    return pattern


def _glob(written: object) -> Text:
    return _text(written, "glob")


def _prose(written: object) -> Text:
    return _text(written, "contains")


def _names(written: object) -> tuple[Text, ...]:
    if not isinstance(written, list | tuple):
        return (_glob(written),)
    return tuple(_glob_at(index, each) for index, each in enumerate(written))


def _headers(written: object) -> tuple[tuple[str, Text], ...]:
    if not isinstance(written, Mapping):
        raise ScenarioError(f"headers are expected, not {written!r}", hint="for example: headers: {x-tenant: acme}")
    return tuple((str(name), _glob_at(name, str(value) if type(value) is int else value)) for name, value in written.items())


def _glob_at(key: str | int, written: object) -> Text:
    try:
        return _glob(written)
    except ScenarioError as error:
        error.key = (key, *error.key)
        raise


def _flag(written: object) -> bool:
    if not isinstance(written, bool):
        raise ScenarioError(f"true or false is expected, not {written!r}")
    return written


def _span(written: object) -> Span:
    found = _SPAN.fullmatch(str(written)) if isinstance(written, str) or type(written) is int else None
    if not found or (found[3] and not found[2]):
        raise ScenarioError(f"{written!r} is not a number or a range", hint="write 2, 1..2 or 2..")
    low = int(found[1])
    high = int(found[3]) if found[3] else None if found[2] else low
    if low == 0:
        raise ScenarioError(f"{written!r} matches nothing below 1", hint="counting starts at 1")
    if high is not None and high < low:
        raise ScenarioError(f"{written!r} is an empty range", hint=f"write the smaller number first: {high}..{low}")
    return Span(low, high)


def _body(written: object) -> object:
    if not isinstance(written, Mapping | list):
        raise ScenarioError(f"a part of a body is expected, not {written!r}", hint="for example: body: {max_tokens: 100}")
    return written


_PARSERS: dict[str, Callable[[object], Any]] = {
    "headers": _headers,
    "stream": _flag,
    "system": _prose,
    "last_user": _prose,
    "any_message": _prose,
    "tools": _names,
    "turn": _span,
    "attempt": _span,
    "call": _span,
    "body": _body,
}
