"""An exchange as the text of a YAML document: keys and short values here, the body of the answer as a transcript.

What is written plain is a text for every reader of YAML, 1.1 or 1.2; everything else is quoted as JSON quotes it. A text
that is not Unicode (a header of odd bytes) is written `!!binary`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from streamlab.core.exchange import Ended, Exchange, Request
from streamlab.core.plan import Head, Headers
from streamlab.core.transcript import UNSAFE, write

__all__ = [
    "BODY",
    "HEADER",
    "PLAIN",
    "compact",
    "document",
    "foot_text",
    "inline",
    "json_value",
    "request_text",
    "response_text",
    "scalar",
    "settings",
]

HEADER = "# streamlab cassette\nstreamlab: 1\nkind: cassette\n"
"""The first document of a cassette."""
BODY = "  body: |\n"
"""The line above the transcript of an answer."""
_INDENT = "    "

PLAIN = r"(?!(?:[yn]|yes|no|on|off|true|false|null)(?![^\s,\]]))[A-Za-z/](?:[A-Za-z0-9/_.;=+*%&~()@$!-]|(?<=;)[ ](?=[a-z]))*"
"""The texts that need no quotes, as a pattern that takes no regard of case."""
_PLAIN = re.compile(PLAIN, re.IGNORECASE)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII)
_UNSAFE = re.compile(f"[{UNSAFE}]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def document(exchange: Exchange) -> Iterator[str]:
    """Yield the text of a whole document, piece by piece, without the `---` above it."""
    nested = _nested(exchange.others)
    yield request_text(exchange.request, exchange.recorded, nested.get("request", {}))
    if exchange.head is not None:
        yield response_text(exchange.head, exchange.first, nested.get("response", {}))
        lines = write(exchange.reads, **settings(exchange.head))
        for number, line in enumerate(lines):
            yield f"{'' if number else BODY}{_INDENT}{line}\n"
    yield "".join(f"{scalar(key)}: {inline(value)}\n" for key, value in nested[""].items())
    yield foot_text(exchange.ended, exchange.ended_at)


def request_text(request: Request, recorded: str | None, others: Mapping[str, Any] | None = None) -> str:
    """Return the beginning of a document: what was asked, and when."""
    moment = "" if recorded is None else f"recorded: {recorded if _MOMENT.fullmatch(recorded) else _quoted(recorded)}\n"
    query = f"  query: {scalar(request.query)}\n" if request.query else ""
    asked = f"request:\n  method: {scalar(request.method)}\n  path: {scalar(request.path)}\n{query}"
    return moment + asked + _headers(request.headers) + _others(others) + _request_body(request.body)


def response_text(head: Head, first: float | None, others: Mapping[str, Any] | None = None) -> str:
    """Return the head of an answer, up to where its body begins."""
    waited = "" if first is None else f"  first: {_seconds(first)}\n"
    return f"response:\n  status: {head.status}\n{_headers(head.headers)}{waited}{_others(others)}"


def foot_text(ended: Ended, ended_at: float | None) -> str:
    """Return the end of a document; its last line says that the document is whole."""
    moment = "" if ended_at is None else f"ended_at: {_seconds(ended_at)}\n"
    return f"{moment}ended: {ended.value}\n"


def settings(head: Head) -> dict[str, bool]:
    """Return how the body of such an answer is transcribed."""
    is_stream = (head.get("content-type") or "").lower().startswith("text/event-stream")
    return {"is_stream": is_stream, "is_opaque": (head.get("content-encoding") or "identity").lower() != "identity"}


def json_value(text: str | bytes) -> Any:
    """Return the JSON object or list that this is; None if it is none, or would lose something if written anew."""
    if text.lstrip()[:1] not in ("{", "[", b"{", b"["):
        return None
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return value


def compact(value: Any) -> bytes:
    """Return JSON as the official SDKs send it: without spaces, in UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _SURROGATE.sub(_escape, text).encode()


def inline(value: Any) -> str:
    """Return any value of YAML in one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_quoted(key)}: {inline(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(inline, value))}]"
    if isinstance(value, bytes):
        return f'!!binary "{base64.b64encode(value).decode()}"'
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is written twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _request_body(body: bytes) -> str:
    if not body:
        return ""
    value = json_value(body)
    if value is not None:
        pretty = _safe(json.dumps(value, ensure_ascii=False, indent=1))
        return BODY + "".join(f"{_INDENT}{line}\n" for line in pretty.split("\n"))
    return f"  body: {inline(body.decode(errors='surrogateescape'))}\n"


def _headers(headers: Headers) -> str:
    return "  headers:\n" + "".join(f"  - [{scalar(name)}, {scalar(value)}]\n" for name, value in headers) if headers else ""


def _others(others: Mapping[str, Any] | None) -> str:
    return "".join(f"  {scalar(key)}: {inline(value)}\n" for key, value in (others or {}).items())


def _nested(others: Iterable[tuple[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return unknown keys by where they stand: `request.x` in the request, `response.x` in the response."""
    found: dict[str, dict[str, Any]] = {"": {}}
    for key, value in others:
        part, dot, name = key.partition(".")
        if dot and part in ("request", "response"):
            found.setdefault(part, {})[name] = value
        else:
            found[""][key] = value
    return found


def _seconds(seconds: float) -> str:
    return f"{max(seconds, 0.0):.4f}".rstrip("0").rstrip(".")


def scalar(text: str) -> str:
    """Return a text as YAML: plain, quoted, or `!!binary`."""
    return text if _PLAIN.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    if _SURROGATE.search(text):
        return f'!!binary "{base64.b64encode(text.encode(errors="surrogateescape")).decode()}"'
    return _safe(json.dumps(text, ensure_ascii=False))


def _safe(text: str) -> str:
    """Return JSON with what YAML refuses as escapes; line ends between its parts stay."""
    return _UNSAFE.sub(lambda found: found[0] if found[0] == "\n" else _escape(found), text)


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
