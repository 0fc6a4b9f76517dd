"""One document of a cassette in any layout: written by hand, or by another tool.

What stands in it is said by the loader that knows the place of each part. Bodies in literal blocks, which may be long, are
taken out before; their lines are left blank, so that every place stays true.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from streamlab.core.authoring import header_value
from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.plan import TOKEN, Head, Headers
from streamlab.core.transcript import read
from streamlab.errors import ScenarioError, nearest
from streamlab.files.cassette_text import compact, json_value
from streamlab.files.located import Located, parse_located
from streamlab.files.values import can_be_sent, shorten

__all__ = ["ANSWERED", "Shifted", "body_bytes", "general_exchange", "in_body", "is_askable", "is_sendable", "load_document"]

Key = tuple[str | int, ...]

_PART = re.compile(r"^(request|response):[ \t]*\n( +)", re.MULTILINE)
_KEY = re.compile(r"^\S", re.MULTILINE)
_REQUEST = ("method", "path", "query", "headers", "body")
_RESPONSE = ("status", "headers", "first", "body")
_TOP = ("recorded", "request", "response", "ended_at", "ended")
_STATUSES = range(200, 1000)
"""What a recorder may have seen: more than a scenario may order."""
ANSWERED = (Ended.COMPLETE, Ended.END)
"""How only an answer can have ended."""
_PATH = re.compile(r"\*|/[^?#]*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Block:
    """A literal block: its lines without the indent; where it begins."""

    lines: list[str]
    line: int
    indent: int


@dataclass(frozen=True, slots=True)
class Shifted:
    """A document with its places in the file: it begins at `line`. `blocks` are the bodies that were taken out."""

    located: Located
    line: int
    blocks: Mapping[str, _Block] = field(default_factory=dict)

    def place(self, error: ScenarioError) -> ScenarioError:
        """Return the error with the place of its key in the file, unless it has one."""
        if error.file is None:
            line, column = self.located.mark(error.key)
            error.at(self.located.file, line + self.line - 1, column)
        return error


def load_document(data: bytes, line: int, name: str) -> Shifted:
    """Return what a document says. Raises ScenarioError, with its place in the file, if it is not YAML."""
    try:
        text, blocks = _without_bodies(_decoded(data, name).removeprefix("\ufeff").replace("\r\n", "\n"))
        if not any(each.strip() and not each.lstrip().startswith("#") for each in text.split("\n")):
            raise ScenarioError("the document is empty", hint="take out one of the --- around it").at(name, 1, 1)
        return Shifted(parse_located(text, name), line, blocks)
    except ScenarioError as error:
        raise error.at(name, (error.line or 1) + line - 1, error.column) from None


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, len(before[before.rfind(b"\n") + 1 :].decode()) + 1
        problem = f"not a text in UTF-8: a byte is {data[error.start]:#04x}"
        raise ScenarioError(problem, hint="save the file as UTF-8").at(name, line, column) from None


def general_exchange(data: bytes, line: int, name: str, *, with_body: bool = True) -> Exchange:
    """Return the exchange in a document; without the body of the answer if it is not asked for.

    Raises ScenarioError, with its place in the file, if there is none.
    """
    document = load_document(data, line, name)
    try:
        return _exchange(document, with_body=with_body)
    except ScenarioError as error:
        raise document.place(error) from None


def in_body(error: ScenarioError) -> ScenarioError:
    """Return the error of a transcript with its key in a document."""
    error.key = ("response", "body")
    return error


def body_bytes(written: object) -> bytes:
    """Return the body of a request: JSON as it is sent, or a text as it is."""
    if written is None or isinstance(written, bytes):
        return written or b""
    if isinstance(written, dict | list):
        return compact(written)
    if not isinstance(written, str):
        raise _wrong(written, "a body: a text, !!binary, a mapping or a list", ("request", "body"))
    value = json_value(written)
    return written.encode() if value is None else compact(value)


def _without_bodies(text: str) -> tuple[str, dict[str, _Block]]:
    """Return a document with the literal blocks of its two bodies left blank, and these."""
    blocks: dict[str, _Block] = {}
    for part in list(_PART.finditer(text)):
        end = next((found.start() for found in _KEY.finditer(text, part.end())), len(text))
        chomping = "[-+]?" if part[1] == "response" else ""  # the ends of lines count in the text of a request
        opening = re.compile(rf"^{part[2]}body: [|]{chomping}[ ]*\n", re.MULTILINE).search(text, part.start(), end)
        if opening is None:
            continue
        rest = re.compile(rf"(?:{part[2]} [^\n]*(?:\n|\Z)|[ ]*\n)*").match(text, opening.end(), end)
        lines = rest[0].split("\n") if rest else []
        first = next((line for line in lines if line.strip()), "")
        indent = len(first) - len(first.lstrip(" "))
        if first and all(line[:indent].isspace() or not line for line in lines):
            number = text.count("\n", 0, opening.end()) + 1
            blocks[part[1]] = _Block([line[indent:] for line in lines], number, indent)
    made = text.split("\n")
    for block in blocks.values():
        made[block.line - 1 : block.line - 1 + len(block.lines) - 1] = [""] * (len(block.lines) - 1)
    return "\n".join(made), blocks


def _exchange(document: Shifted, *, with_body: bool) -> Exchange:
    data = document.located.data
    if not isinstance(data, dict):
        raise _wrong(data, "an exchange with the keys request, response and ended", ())
    asked, answer = _mapping(data, "request"), _mapping(data, "response") if data.get("response") is not None else None
    ended = _ended(data)
    if answer is None:
        _check_unanswered(data, ended)
    others = [(key, value) for key, value in data.items() if key not in _TOP]
    others += [(f"request.{key}", value) for key, value in asked.items() if key not in _REQUEST]
    others += [(f"response.{key}", value) for key, value in (answer or {}).items() if key not in _RESPONSE]
    return Exchange(
        request=_request(document, asked),
        head=None if answer is None else _head(answer),
        reads=_reads(document, answer) if answer is not None and with_body else (),
        ended=ended,
        first=None if answer is None else _seconds(answer.get("first"), ("response", "first")),
        ended_at=_seconds(data.get("ended_at"), ("ended_at",)),
        recorded=None if data.get("recorded") is None else _text(data["recorded"], ("recorded",)),
        others=tuple(others),
    )


def _request(document: Shifted, asked: Mapping[str, Any]) -> Request:
    texts = {key: _text(asked[key], ("request", key)) for key in ("method", "path", "query") if asked.get(key) is not None}
    for key, pattern, expected, hint in (
        ("method", TOKEN, "a method of HTTP", "for example: method: POST"),
        ("path", _PATH, "the path of an address", "it begins with a / and ends before the ?; what follows that is the query"),
    ):
        if key in texts and not pattern.fullmatch(texts[key]):
            raise _wrong(texts[key], expected, ("request", key), hint)
    block = document.blocks.get("request")
    body = "\n".join(block.lines).rstrip("\n") + "\n" if block else asked.get("body")
    return Request(headers=_headers(asked.get("headers"), ("request", "headers")), body=body_bytes(body), **texts)


def _reads(document: Shifted, answer: Mapping[str, Any]) -> tuple[Read, ...]:
    block = document.blocks.get("response")
    body = answer.get("body")
    if block is None and body is not None and not isinstance(body, str):
        raise _wrong(body, "a transcript in a literal block", ("response", "body"), "write body: | and a line for each event")
    try:
        return tuple(read(block.lines if block else (body or "").split("\n")))
    except ScenarioError as error:
        if block is None:
            error.problem = f"line {error.line}: {error.problem}"
            raise in_body(error) from None
        line = document.line + block.line + (error.line or 1) - 2
        raise in_body(error).at(document.located.file, line, (error.column or 1) + block.indent) from None


def _ended(data: Mapping[str, Any]) -> Ended:
    if "ended" not in data:
        hint = "an exchange says last how it ended, for example: ended: complete"
        raise ScenarioError("there is no key 'ended'", hint=hint)
    try:
        return Ended(data["ended"])
    except ValueError:
        hint = nearest(str(data["ended"]), [each.value for each in Ended])
        raise ScenarioError(f"{shorten(data['ended'])} is no way to end", key=("ended",), hint=hint) from None


def _check_unanswered(data: Mapping[str, Any], ended: Ended) -> None:
    """Raise ScenarioError if there is an answer, by what is said of its end or by a key that is nearly `response`."""
    near = get_close_matches("response", [key for key in data if isinstance(key, str) and key not in _TOP], n=1, cutoff=0.8)
    if near and "response" not in data:
        raise ScenarioError("there is no key 'response'", key=(near[0],), hint=f"write response in the place of {near[0]}")
    if ended in ANSWERED:
        hint = "an exchange without a response ended before it was answered, for example: ended: refused"
        raise ScenarioError(f"there is no response that can have ended so: {ended.value}", key=("ended",), hint=hint)


def is_askable(request: Request) -> bool:
    """Whether a client can ask so."""
    return bool(TOKEN.fullmatch(request.method) and _PATH.fullmatch(request.path))


def is_sendable(head: Head) -> bool:
    """Whether a server can answer so."""
    return head.status in _STATUSES and all(can_be_sent(name, value) for name, value in head.headers)


def _head(answer: Mapping[str, Any]) -> Head:
    status = answer.get("status")
    if type(status) is not int or status not in _STATUSES:
        expected = f"a status of HTTP from {_STATUSES[0]} to {_STATUSES[-1]}"
        raise _wrong(status, expected, ("response", "status"), "for example: status: 200")
    key = ("response", "headers")
    headers = _headers(written := answer.get("headers"), key)
    for index, (name, value) in enumerate(headers):
        try:
            header_value(name, value)
        except ScenarioError as error:
            error.key = (*key, list(written)[index] if isinstance(written, dict) else index)
            raise
    return Head(status, headers)


def _mapping(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if name not in data:
        raise ScenarioError(f"there is no key {name!r}", hint="an exchange has a request")
    value = data[name]
    if not isinstance(value, dict):
        raise _wrong(value, "a mapping", (name,))
    return value


def _headers(written: object, key: Key) -> Headers:
    """Return headers that are written as a list of pairs, or as a mapping."""
    if written is None:
        return ()
    pairs = list(written.items()) if isinstance(written, dict) else written
    if not isinstance(pairs, list):
        raise _wrong(written, "a list of headers", key, "for example: - [content-type, text/event-stream]")
    return tuple(_header(pair, (*key, pair[0] if isinstance(written, dict) else index)) for index, pair in enumerate(pairs))


def _header(pair: object, key: Key) -> tuple[str, str]:
    if not isinstance(pair, list | tuple) or len(pair) != len(("name", "value")):
        raise _wrong(pair, "a name and a value", key, "for example: - [content-type, text/event-stream]")
    name, value = (str(each) if type(each) in (int, float) else each for each in pair)
    return _text(name, key), _text(value, key)


def _text(value: object, key: Key) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")
    if not isinstance(value, str):
        raise _wrong(value, "a text", key)
    return value


def _seconds(value: object, key: Key) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float) or value < 0:  # type: ignore[operator]
        raise _wrong(value, "a number of seconds", key, "for example: 0.4123")
    return float(value)  # type: ignore[arg-type]


def _wrong(value: object, expected: str, key: Key, hint: str = "") -> ScenarioError:
    return ScenarioError(f"{expected} is expected, not {shorten(value)}", key=key, hint=hint)
