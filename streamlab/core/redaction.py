"""The one list of secrets: what is taken out before anything is kept, logged or shown.

Headers and parameters go by name, whatever their value; everything else by shape, so that a key is found wherever somebody
pasted it, and by the patterns of the user. A shape needs a digit where words could be meant: `risk-assessment-for-customers`
and `Bearer certificates` are no keys. No shape looks far ahead from many starts, so that the time is linear in the text; none
goes beyond a string of JSON. Redacting twice is redacting once: what stands for a secret is never looked at again.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from urllib.parse import unquote, unquote_plus

from streamlab.core.plan import Headers
from streamlab.errors import ScenarioError

__all__ = [
    "REDACTED",
    "SHAPES",
    "Pattern",
    "compile_patterns",
    "credential_texts",
    "exactly",
    "is_secret_header",
    "may_hold_keys",
    "redact_bytes",
    "redact_headers",
    "redact_path",
    "redact_query",
    "redact_text",
    "redact_value",
    "secret_values",
]

REDACTED = "[redacted]"

Pattern = re.Pattern[str] | str
"""What the user calls a secret: a regular expression, compiled or as text."""

_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie"}
    | {"x-api-key", "api-key", "x-goog-api-key", "x-auth-token", "x-amz-security-token", "x-session-id"}
    | {"anthropic-organization-id", "anthropic-workspace-id", "openai-organization", "openai-project"}
)
_KEYS = "(?:(?:rapid)?api|access|auth|client|functions|master|private|secret|subscription)[-_]?key"
_NAMES = re.compile(
    rf"(?:.*[-_.])?(?:authorization|authentication|auth|{_KEYS}|token|secret|password|passwd|pwd|credentials?|cookie|session"
    "|signature|jwt|assertion|(?:org|organization|workspace)[-_]?id)",
    re.IGNORECASE,
)
"""The names of headers and parameters that hold secrets.

`idempotency-key`, `anthropic-ratelimit-tokens-limit` and `x-claude-code-session-id` (which names a conversation) hold none.
"""
_PARAMETERS = {"key", "sig", "pass"}
_QUERIES = re.compile(r"""(?<=[?#])[^\s?#<>"]+""")
"""The queries and fragments of the addresses in a header."""
SHAPES = re.compile(
    r"""(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf])|(?<=\\u[0-9A-Fa-f]{4}))(?:   # no part of a word; an escape of JSON is none
        sk-ant-[A-Za-z0-9_-]{4,}                                   # a key, or a token, of the API
      | sk-(?=[A-Za-z_-]{0,60}+[0-9])[A-Za-z0-9_-]{20,}           # a key of others
      | wrkspc_[A-Za-z0-9]{8,}                                     # the id of a workspace
      | gh[pousr]_[A-Za-z0-9]{30,} | github_pat_[A-Za-z0-9_]{30,}  # of GitHub
      | AKIA[A-Z0-9]{16} | AIza[A-Za-z0-9_-]{30,} | ya29\.[A-Za-z0-9_-]{20,}
      | eyJ[A-Za-z0-9_-]{10,200}+\.eyJ[A-Za-z0-9_-]{10,}+\.[A-Za-z0-9_-]+  # a web token
    )
    | (?<=[Bb]earer\ )(?=[A-Za-z._~+/=-]*+[0-9])[A-Za-z0-9._~+/=-]{8,}
    | (?<=uthorization:\ [Bb]asic\ )[A-Za-z0-9+/]{4,}={0,2}
    | (?<=://)[^\s/@:"'<>\\\[]{1,100}+:[^\s/@"'<>\\\[]{1,200}+(?=@)  # the user and password in an address
    | -----BEGIN\ (?:[A-Z]+\ )?PRIVATE\ KEY-----
      (?:(?!-----END)(?:[A-Za-z0-9+/=:,\s-]|\\[nrt]))*+(?:-----END\ (?:[A-Z]+\ )?PRIVATE\ KEY-----)?""",
    re.VERBOSE,
)
_TRIGGERS = (
    *("sk-", "wrkspc_", "github_pat_", "AKIA", "AIza", "ya29.", "eyJ"),
    *("earer ", "asic ", "://", "-----BEGIN"),
)
_TRIGGER = re.compile("gh[pousr]_")
"""A text without any of these has none of the shapes; looking for them is much faster."""
_TRIGGER_IN_BYTES = re.compile(_TRIGGER.pattern.encode())
_TRIGGER_BYTES = tuple(
    (next((letter for letter in (b"-", b"A", b"9", b"J", b"/") if letter in each), each[:1]), each)
    for each in (trigger.encode() for trigger in _TRIGGERS)
)
"""Each with one letter of it, which is found, or found to be missing, much faster than all of them."""
_ESCAPES = re.compile(r"\\(?:u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_CREDENTIALS = re.compile(f"(?:.*[-_.])?(?:authorization|{_KEYS}|key|token|secret|password|passwd|pwd|pass)", re.IGNORECASE)
_MIXED = re.compile("[0-9].*[A-Za-z]|[A-Za-z].*[0-9]")
_SHORT, _WORD, _LONG = 8, 12, 16
"""The least characters of a secret with letters and digits, of a key of whatever characters, and of any other secret."""

Span = tuple[int, int]


def compile_patterns(texts: Iterable[str], name: str = "--redact") -> tuple[re.Pattern[str], ...]:
    """Return the patterns that the user wrote. Raises ScenarioError, with the column, if one is no regular expression."""
    return tuple(_compiled(each, name) for each in texts)


def _compiled(text: str, name: str) -> re.Pattern[str]:
    problem, hint = "", "it is a regular expression of Python; write a backslash before . ( ) [ ] { } * + ? ^ $ | to mean them"
    try:
        found = re.compile(text)
    except re.error as error:
        at = f" at column {error.pos + 1}" if error.pos is not None else ""
        raise ScenarioError(f"{name}: the pattern {text!r} cannot be read: {error.msg}{at}", hint=hint) from None
    except (RecursionError, OverflowError) as error:
        raise ScenarioError(f"{name}: the pattern {text!r} cannot be used: {error}", hint=hint) from None
    if not text:
        problem = f"{name}: a pattern is empty"
    elif found.fullmatch(""):
        problem = f"{name}: the pattern {text!r} matches nothing at all, which is everywhere"
    if problem:
        raise ScenarioError(problem, hint="write a pattern that at least one character matches, such as cust_[0-9]+")
    return found


def is_secret_header(name: str) -> bool:
    """Whether the value of a header is a secret, whatever it is."""
    return name.lower() in _HEADERS or _NAMES.fullmatch(name) is not None


def redact_headers(headers: Headers, patterns: Sequence[Pattern] = ()) -> Headers:
    """Return the headers with the values of the secret ones, and what is secret in the others, taken out."""
    return tuple((name, REDACTED if is_secret_header(name) else redact_value(value, patterns)) for name, value in headers)


def redact_value(value: str, patterns: Sequence[Pattern] = ()) -> str:
    """Return the value of a header with anything key-shaped taken out, and the secret parameters of the addresses in it."""
    return _QUERIES.sub(lambda found: redact_query(found[0], patterns), redact_text(value, patterns))


def redact_query(query: str, patterns: Sequence[Pattern] = ()) -> str:
    """Return a query with the values of the secret parameters, and anything key-shaped in the others, taken out."""
    return "&".join(_parameter(each, patterns) for each in redact_text(query, patterns).split("&"))


def redact_path(path: str, patterns: Sequence[Pattern] = ()) -> str:
    """Return a path with anything key-shaped taken out, with or without percent-escapes."""
    parts = redact_text(path, patterns).split("/")
    return "/".join(each if redact_text(plain := unquote(each), patterns) == plain else REDACTED for each in parts)


def _parameter(written: str, patterns: Sequence[Pattern]) -> str:
    name, equals, value = written.partition("=")
    if not value or value == REDACTED:
        return written
    plain = unquote_plus(value)
    is_secret = _is_secret_parameter(name) or redact_text(plain, patterns) != plain
    return f"{name}{equals}{REDACTED}" if is_secret else written


def _is_secret_parameter(name: str) -> bool:
    return name.lower() in _PARAMETERS or _NAMES.fullmatch(name) is not None


def redact_text(text: str, patterns: Sequence[Pattern] = ()) -> str:
    """Return the text with anything shaped like a key, and what the patterns match, taken out."""
    if may_hold_keys(text):
        text = SHAPES.sub(REDACTED, text)
    for pattern in patterns:
        if spans := list(_matches(pattern, text)):
            text = "".join(_pieces(text, spans))
    return text


def redact_bytes(data: bytes, patterns: Sequence[Pattern] = (), marks: Sequence[int] = ()) -> tuple[bytes, int, list[int]]:
    """Return the bytes redacted as a text, how many secrets were in them, and where these offsets are now.

    An offset within a secret is now at the end of what stands for it. A secret is found in the escapes of JSON too.
    """
    has_escapes = b"\\" in data and (b"\\u" in data or b"\\/" in data)  # one letter is found much faster than two
    if not (shapes := (SHAPES,) if has_escapes or may_hold_keys(data) else ()) and not patterns:
        return data, 0, list(marks)
    text = data.decode("utf-8", "surrogateescape")
    said = _Said(text) if has_escapes else None
    count, places = 0, list(marks)
    for pattern in (*shapes, *patterns):
        if spans := list(said.matches(pattern) if said else _matches(pattern, text)):
            count += len(spans)
            places = _moved(text, spans, places)
            text = "".join(_pieces(text, spans))
            said = _Said(text) if said else None
    return (text.encode("utf-8", "surrogateescape") if count else data), count, places


def may_hold_keys(said: str | bytes) -> bool:
    """Whether one of `SHAPES` may be in a text, or in its bytes; most are told to have none at once."""
    if isinstance(said, bytes):
        return any(rare in said and each in said for rare, each in _TRIGGER_BYTES) or _TRIGGER_IN_BYTES.search(said) is not None
    return any(each in said for each in _TRIGGERS) or _TRIGGER.search(said) is not None


def secret_values(headers: Headers, query: str = "") -> tuple[str, ...]:
    """Return the secrets in the secret headers and parameters that can be told from a word, to be found elsewhere too."""
    values = (part for name, value in headers if is_secret_header(name) for part in _parts(name.lower(), value))
    return tuple(dict.fromkeys((*values, *_asked(query))))


def credential_texts(user: str, basic: str) -> tuple[str, ...]:
    """Return the secrets in `user:password`, as an address has them and as Basic has them, that can be told from a word.

    That is the pair, and the password alone; without a password, the user.
    """
    pairs = tuple((*each.partition(":"), each) for each in (user, unquote(user)))
    whole = (basic, *(pair for _, _, password, pair in pairs if password))
    alone = (password or name for name, _, password, _ in pairs)
    found = (*(each for each in whole if len(each) >= _SHORT), *(each for each in alone if _is_telling(each, _WORD)))
    return tuple(dict.fromkeys(found))


def exactly(texts: Iterable[str]) -> tuple[Pattern, ...]:
    """Return the patterns that match these texts and nothing else."""
    return tuple(re.compile(re.escape(each)) for each in texts)


def _parts(name: str, value: str) -> Iterator[str]:
    """Yield the credential after its scheme, or the values of cookies, and not what a cookie is for."""
    is_credential = _CREDENTIALS.fullmatch(name) is not None
    for each in value.split(";")[: 1 if name == "set-cookie" else None]:
        scheme, space, rest = each.strip().partition(" ")
        for part in (rest.strip() if space else scheme, each.partition("=")[2].strip()):
            if _is_telling(part, _WORD if is_credential else _LONG):
                yield part


def _asked(query: str) -> Iterator[str]:
    """Yield the values of the secret parameters, as they are written and as they are meant."""
    for name, _, value in (each.partition("=") for each in query.split("&")):
        if _is_secret_parameter(name):
            least = _WORD if _CREDENTIALS.fullmatch(name) else _LONG
            yield from (each for each in (value, unquote(value), unquote_plus(value)) if _is_telling(each, least))


def _is_telling(text: str, least: int) -> bool:
    """Whether a secret can be told from a word: it has letters and digits, or so many characters."""
    return (len(text) >= _SHORT and _MIXED.search(text) is not None) or len(text) >= least


def _matches(pattern: Pattern, text: str) -> Iterator[Span]:
    """Yield where a pattern matches between what is redacted already; never the empty text."""
    found = re.compile(pattern) if isinstance(pattern, str) else pattern
    if found is SHAPES:
        yield from (each.span() for each in found.finditer(text))
        return
    start = 0
    for part in text.split(REDACTED):
        yield from ((start + each.start(), start + each.end()) for each in found.finditer(part) if each[0])
        start += len(part) + len(REDACTED)


class _Said:
    """What a text says when the escapes of JSON in it are read."""

    def __init__(self, text: str) -> None:
        said: list[str] = []
        plain, written = [0], [0]  # where what is said, and what is written, changes from letters to an escape or back
        for escape in _ESCAPES.finditer(text):
            if len(escape[0]) > 2 or escape[0] == r"\/":  # noqa: PLR2004 - the others are a backslash and a letter
                said += (text[written[-1] : escape.start()], json.loads(f'"{escape[0]}"'))
                start = plain[-1] + len(said[-2])
                plain += (start, start + 1)
                written += escape.span()
        said.append(text[written[-1] :])
        self._plain = [*plain, plain[-1] + len(said[-1])]
        self._written = [*written, len(text)]
        self._text = "".join(said)

    def matches(self, pattern: Pattern) -> Iterator[Span]:
        """Yield where a pattern matches, as places in the text as it is written."""
        if pattern is SHAPES and not may_hold_keys(self._text):
            return
        plain, written = self._plain, self._written
        for begin, end in _matches(pattern, self._text):
            first, last = bisect_right(plain, begin) - 1, bisect_left(plain, end)
            yield written[first] + begin - plain[first], written[last] - (plain[last] - end)


def _pieces(text: str, spans: Sequence[Span]) -> Iterator[str]:
    """Yield the text with each span redacted."""
    start = 0
    for begin, end in spans:
        yield text[start:begin]
        yield REDACTED
        start = end
    yield text[start:]


def _moved(text: str, spans: Sequence[Span], places: list[int]) -> list[int]:
    """Return where offsets in the bytes of a text are when the spans are redacted."""
    edges = [0, *(each for span in spans for each in span)]
    sizes = (len(text[begin:end].encode("utf-8", "surrogateescape")) for begin, end in pairwise(edges))
    ends = [0, *accumulate(sizes)]
    moved = []
    for place in places:
        now = place
        for begin, end in zip(ends[1::2], ends[2::2], strict=True):
            if place >= end:
                now += len(REDACTED) - (end - begin)
            elif place > begin:
                now += begin + len(REDACTED) - place
        moved.append(now)
    return moved
