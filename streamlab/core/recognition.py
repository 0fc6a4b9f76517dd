"""Recognition: whether a request asks for what was recorded, and how it differs if it does not.

What counts is the method, the path without its query, whether a stream is asked for, and the body: as JSON, whatever the order
of its keys, with secrets taken out, so that a request still matches its recording, in which there are none.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal
from urllib.parse import unquote

from streamlab.core.exchange import Request
from streamlab.core.matching import Difference
from streamlab.core.redaction import Pattern, exactly, redact_bytes, redact_path, redact_text, secret_values

__all__ = ["NORMALISERS", "Matching", "traits"]

_DIGITS = r"(?=[A-Za-z_]*[0-9])[A-Za-z0-9]+"
_IDS = re.compile(
    rf"(?<![A-Za-z0-9_])(?:(msg|req|toolu|srvtoolu|mcptoolu|msgbatch)_{_DIGITS}|([a-z]{{2,16}})_01[A-Za-z0-9]{{16,}})"
)
_DATES = re.compile(
    r"(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?(?![0-9])"
)
_EXACT = 2**53
"""Up to here a number with a fraction of nothing is the whole number."""
_MOST_COMPARED = 1_000
"""The differences after which a body is as unlike as can be."""
_MOST_TRAITS = (12, 20)
"""How many keys and how many messages, the last ones, are looked at for a first comparison."""
_WINDOW = 48
"""The characters of a long text that a difference shows."""
_ENDS = 16


class _Nothing:
    """Stands for what is not there."""

    def __repr__(self) -> str:
        return "nothing"


_NOTHING = _Nothing()


@dataclass(frozen=True, slots=True)
class _Body:
    """What counts of a body: one text, which is JSON or not, and whether a stream is asked for."""

    kind: Literal["json", "text"]
    text: str
    stream: bool = False

    @property
    def value(self) -> Any:
        """The body as JSON, or as the text that it is."""
        return json.loads(self.text) if self.kind == "json" else self.text


@dataclass(frozen=True, slots=True)
class Matching:
    """What counts when a request is compared with recorded ones.

    `ignore` are paths in the body that do not: keys and numbers with dots between them, `*` for any. `normalise` takes `ids`
    (of messages, requests, tool calls: by the order in which they appear) and `dates`. `redact` are the user's own patterns of
    secrets.
    """

    ignore: tuple[str, ...] = ("metadata",)
    normalise: tuple[str, ...] = ()
    redact: tuple[Pattern, ...] = ()

    def key(self, request: Request) -> str:
        """Return a digest that is the same for requests that match each other, and for no others."""
        body = self._body(request)
        parts = (request.method, self._path(request), str(body.stream), body.kind, body.text)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

    def differences(self, recorded: Request, request: Request) -> tuple[Difference, ...]:
        """Return how a request differs from a recorded one; nothing if it matches. Shows no secret.

        A part that is missing is one difference.
        """
        return tuple(Difference(path, *_excerpts(*pair), word="recorded") for path, *pair in self._unlike(recorded, request))

    def distance(self, recorded: Request, request: Request) -> tuple[int, float]:
        """Return how many values of the two requests differ, and how much: the sum of a share for each."""
        pairs = [(old, new) for _, old, new in self._unlike(recorded, request)]
        return sum(max(_leaves(old), _leaves(new)) for old, new in pairs), sum(_unlikeness(old, new) for old, new in pairs)

    def value(self, request: Request) -> Any:
        """Return what counts of the body: as JSON, or as a text if it is none."""
        return self._body(request).value

    def _unlike(self, recorded: Request, request: Request) -> Iterator[tuple[str, Any, Any]]:
        old, new = self._body(recorded), self._body(request)
        for name, was, now in (
            ("method", recorded.method, request.method),
            ("path", self._path(recorded), self._path(request)),
            ("stream", old.stream, new.stream),
        ):
            if was != now:
                yield name, was, now
        if old.kind == new.kind == "json":
            yield from islice(_unlike("body", old.value, new.value), _MOST_COMPARED)
        elif old != new:
            yield "body", old.value if old.text else _NOTHING, new.value if new.text else _NOTHING

    def _body(self, request: Request) -> _Body:
        """Return what counts of the body.

        Secrets are looked for in the text, as a recorder does, and then in each string of it, where nothing is escaped.
        """
        patterns = self._patterns(request)
        text = _redacted(redact_bytes(request.body, patterns)[0].decode("utf-8", "surrogateescape"), patterns)
        try:
            value = _plain(json.loads(text, parse_constant=str), patterns)
            # Left out, it is false; and it is read here, where it is what a recorder has kept of it.
            is_asked = isinstance(value, dict) and value.pop("stream", None) is True
            for path in self.ignore:
                _prune(value, path.removeprefix("body.").split("."))
            text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        except (ValueError, RecursionError):
            return _Body("text", self._normalised(text))
        return _Body("json", self._normalised(text), stream=is_asked)

    def _path(self, request: Request) -> str:
        return unquote(redact_path(request.path, self._patterns(request)))

    def _patterns(self, request: Request) -> tuple[Pattern, ...]:
        """Return what a recorder takes out of a request."""
        return (*self.redact, *exactly(secret_values(request.headers, request.query)))

    def _normalised(self, text: str) -> str:
        for name in self.normalise:
            text = NORMALISERS[name](text)
        return text


def _plain(value: Any, patterns: Sequence[Pattern]) -> Any:
    """Return a value without secrets, and with whole numbers written in one way."""
    if isinstance(value, str):
        return _redacted(value, patterns)
    if isinstance(value, dict):
        return {_redacted(key, patterns): _plain(each, patterns) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each, patterns) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT else value


def _redacted(text: str, patterns: Sequence[Pattern]) -> str:
    """Return a text without secrets; what is left of it may be one that nobody saw before."""
    while (clean := redact_text(text, patterns)) != text:
        text = clean
    return text


def traits(value: Any) -> bytes:
    """Return marks of a body, four bytes each, of which similar bodies share some: to find the few worth a comparison."""
    if not isinstance(value, dict):
        return _mark(value)
    messages = value.get("messages")
    parts = [[key, each] for key, each in value.items() if key != "messages"][: _MOST_TRAITS[0]]
    marks = [_mark(part) for part in parts]
    if isinstance(messages, list) and messages:
        first = max(0, len(messages) - _MOST_TRAITS[1])
        marks += [_mark([number, each]) for number, each in enumerate(messages[first:], first)]
        last = json.dumps(messages[-1], sort_keys=True)
        words = sorted(set(re.findall(r"\w+", last)), key=lambda word: (-len(word), word))[:_ENDS]
        marks += [_mark([len(messages)]), *(_mark(word) for word in words)]
    return b"".join(marks)


def _mark(value: Any) -> bytes:
    return zlib.crc32(json.dumps(value, sort_keys=True).encode()).to_bytes(4, "big")


def _by_order(text: str) -> str:
    """Return the text with each id by its number in it."""
    seen: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return seen.setdefault(found[0], f"{found[1] or found[2]}_#{len(seen) + 1}")

    return _IDS.sub(number, text)


NORMALISERS: dict[str, Callable[[str], str]] = {"ids": _by_order, "dates": lambda text: _DATES.sub("<date>", text)}
"""What may differ between two runs of one program, by its name."""


def _prune(node: Any, path: Sequence[str]) -> None:
    """Take the part of a value out that a path names, if it is there."""
    name, *rest = path
    if isinstance(node, dict):
        keys: list[Any] = list(node) if name == "*" else [name] if name in node else []
    elif isinstance(node, list):
        keys = list(range(len(node))) if name == "*" else [int(name)] if name.isdecimal() and int(name) < len(node) else []
    else:
        return
    for key in reversed(keys):
        if rest:
            _prune(node[key], rest)
        else:
            del node[key]


def _unlike(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the path of each part that differs, with the recorded value and the one that came."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            yield from _unlike(f"{path}.{key}", old.get(key, _NOTHING), new.get(key, _NOTHING))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            pair = (each[index] if index < len(each) else _NOTHING for each in (old, new))
            yield from _unlike(f"{path}.{index}", *pair)
    elif type(old) is not type(new) or old != new:
        yield path, old, new


def _leaves(value: Any) -> int:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(_leaves, parts)) or 1


def _unlikeness(old: Any, new: Any) -> float:
    """Return which share of two texts lies between what they begin and end with alike; all of other values."""
    if not isinstance(old, str) or not isinstance(new, str):
        return 1.0
    shorter, longer = sorted((len(old), len(new)))
    begins = _alike(old, new)
    ends = min(_alike(old[::-1], new[::-1]), shorter - begins)
    return 1.0 - (begins + ends) / longer


def _alike(old: str, new: str) -> int:
    """Return how many characters two texts begin with alike."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((index for index, (one, other) in pairs if one != other), min(len(old), len(new)))


def _excerpts(old: Any, new: Any) -> tuple[str, str]:
    """Return both values as a difference shows them: of long texts the part in which they begin to differ."""
    if isinstance(old, str) and isinstance(new, str):
        first = _alike(old, new)
        start = max(0, first - _WINDOW // 2) if max(len(old), len(new)) > _WINDOW else 0
        return _excerpt(old, start), _excerpt(new, start)
    return _shown(old), _shown(new)


def _excerpt(text: str, start: int) -> str:
    """Return a piece of a text, with … where there is more of it."""
    end = start + _WINDOW
    return repr(f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}")


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return _excerpt(value, 0)
    text = repr(value) if value is _NOTHING else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 2 * _WINDOW else text[: 2 * _WINDOW - 1] + "…"
