"""Secrets in a text that still grows: those that are in it, and from where on it may become one.

What has begun is told for every shape of a secret, for the texts that are secrets themselves, and for the patterns of the
user as far as it can be: the end of a text, some hundred characters, may always be the beginning of what a pattern matches.
More is taken for a beginning than becomes a secret; nothing that becomes one is missed.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator, Sequence

from streamlab.core.redaction import REDACTED, SHAPES, Pattern, Span, may_hold_keys

__all__ = ["RunningSecrets"]

_TRIGGERS = ("sk-", "wrkspc_", *(f"gh{kind}_" for kind in "pousr"), "github_pat_", "AKIA", "AIza", "ya29.", "eyJ")
_PREFIXES = sorted({each[:size] for each in _TRIGGERS for size in range(1, len(each))})
_LONGEST_PREFIX = max(map(len, _PREFIXES))
_WORD = string.ascii_letters + string.digits + "._~+/=-"
"""All characters that a secret of one word is made of."""
_BEGUN = re.compile(
    rf"""(?:
        (?:(?<![A-Za-z0-9])|(?<=\\[nrtbf])|(?<=\\u[0-9A-Fa-f]{{4}}))(?:
            (?:sk-|wrkspc_|gh[pousr]_|github_pat_|AIza|ya29\.)[A-Za-z0-9_-]*+
          | AKIA[A-Z0-9]{{0,15}}+ | eyJ[A-Za-z0-9_.-]*+
          | (?:{"|".join(map(re.escape, _PREFIXES))})
        )
      | (?<=[Bb]earer\ )[A-Za-z0-9._~+/=-]++
      | (?<=uthorization:\ [Bb]asic\ )[A-Za-z0-9+/]++={{0,2}}
      | -{{1,5}}(?:(?<=-----)B(?:E(?:GI?)?)?)?
    )\Z""",
    re.VERBOSE,
)
"""One word at the end of a text that may be the beginning of a secret."""
_ADDRESS = "://"
_ADDRESS_BEGUN = re.compile(r"""[^\s/@:"'<>\\\[]{1,100}+(?::[^\s/@"'<>\\\[]{0,200}+)?\Z""")
_LONGEST_ADDRESS = len(_ADDRESS) + 301
_KEY = "-----BEGIN"
_KEY_BEGUN = re.compile(
    r"""-----BEGIN(?:[A-Z\ -]{0,60}+\Z
      | \ (?:[A-Z]+\ )?PRIVATE\ KEY-----(?:(?!-----END)(?:[A-Za-z0-9+/=:,\s-]|\\[nrt]))*+(?:\\|-----END[A-Z\ -]{0,60}+)?\Z)""",
    re.VERBOSE,
)
_AWAITED = 256
"""Characters at the end of a text that may be the beginning of what the user's patterns match."""
_LITERAL = re.compile(r"(?:[^\\.^$*+?{}\[\]|()]|\\[^A-Za-z0-9])+", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class RunningSecrets:
    """The secrets that are looked for: shapes, and patterns, of which those without an expression in them are texts."""

    def __init__(self, patterns: Sequence[Pattern] = ()) -> None:
        self._patterns = [re.compile(each) for each in patterns]
        texts = [_literal(each) for each in self._patterns]
        self._texts = tuple(dict.fromkeys(each for each in texts if each))
        self._awaited = _AWAITED if None in texts else 0

    def spans(self, text: str, start: int = 0) -> list[Span]:
        """Return where secrets are that begin at `start` or behind, in order; those that overlap as one."""
        found = list(_shapes(text, start))
        for pattern in self._patterns:
            found += _matches(pattern, text, start)
        return list(_merged(sorted(found)))

    def opening(self, text: str, start: int = 0) -> int:
        """Return from where on the text, from `start`, may be a secret that has begun; its length if there is none."""
        size = len(text)
        begun = [size, _word(text, start), _key(text, start), *(_beginning(each, text, start) for each in self._texts)]
        address = text.rfind(_ADDRESS, max(0, size - _LONGEST_ADDRESS)) + len(_ADDRESS)
        if address >= max(start, len(_ADDRESS)) and _ADDRESS_BEGUN.match(text, address):
            begun.append(address)
        return min(*begun, max(start, size - self._awaited))


def _word(text: str, start: int) -> int:
    """Return where the last word begins to be one; a long one without a trigger is no secret but at its end."""
    word = max(start, len(text.rstrip(_WORD)))
    if len(text) - word > _LONGEST_PREFIX and not may_hold_keys(text[max(0, word - _AWAITED) :]):
        word = len(text) - _LONGEST_PREFIX
    found = _BEGUN.search(text, word)
    return found.start() if found else len(text)


def _key(text: str, start: int) -> int:
    at = text.find(_KEY, start)
    found = _KEY_BEGUN.search(text, at) if at >= 0 else None
    return found.start() if found else len(text)


def _beginning(secret: str, text: str, start: int) -> int:
    """Return where the text ends in the beginning of this secret."""
    at = text.find(secret[0], max(start, len(text) - len(secret) + 1))
    while at >= 0 and not secret.startswith(text[at:]):
        at = text.find(secret[0], at + 1)
    return at if at >= 0 else len(text)


def _literal(pattern: re.Pattern[str]) -> str | None:
    """Return the one text that a pattern matches; None if it is an expression."""
    is_text = pattern.flags == re.UNICODE and _LITERAL.fullmatch(pattern.pattern)
    return _ESCAPED.sub(r"\1", pattern.pattern) if is_text else None


def _shapes(text: str, start: int) -> Iterator[Span]:
    if may_hold_keys(text):
        yield from (each.span() for each in SHAPES.finditer(text, start))


def _matches(pattern: re.Pattern[str], text: str, start: int) -> Iterator[Span]:
    """Yield where a pattern matches between what is redacted already; never the empty text."""
    at = 0
    for part in text.split(REDACTED):
        if at + len(part) > start:
            found = pattern.finditer(part, max(0, start - at))
            yield from ((at + each.start(), at + each.end()) for each in found if each[0])
        at += len(part) + len(REDACTED)


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    begin = end = -1
    for each in spans:
        if each[0] < end:
            end = max(end, each[1])
            continue
        if end >= 0:
            yield begin, end
        begin, end = each
    if end >= 0:
        yield begin, end
