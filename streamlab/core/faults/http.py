"""Faults of HTTP: the head of an answer, and answers that are no stream."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from random import Random
from typing import ClassVar, Literal

from streamlab.core.durations import seconds
from streamlab.core.endpoints import json_plan
from streamlab.core.faults.base import Example, OfHead, has_end, instead, register
from streamlab.core.faults.fields import check_number, check_word, is_whole
from streamlab.core.messages import fold
from streamlab.core.places import spots
from streamlab.core.plan import BODYLESS, STATUSES, Coding, Ending, Head, Plan, compressed
from streamlab.core.selection import require_stream
from streamlab.core.sse import Frame
from streamlab.errors import FaultError

__all__ = ["ContentType", "Gzip", "HtmlBody", "JsonBody", "Redirect", "RetryAfter", "ShouldRetry"]

ABSENT = "absent"
_HTML = "text/html; charset=utf-8"
_GZIP = ("sound", "plain", "bad checksum", "no trailer")
_FORMS = ("seconds", "date", "ms")
_REDIRECTS = (301, 302, 303, 307, 308)


class _OfHeader(OfHead):
    """The base of a fault that says how a header is to be."""

    __slots__ = ()
    is_wish: ClassVar[bool] = True


@register("retry_after")
@dataclass(frozen=True, slots=True)
class RetryAfter(_OfHeader):
    """The head says after which time to try again (`2s`, `400ms`, a number of seconds), or does not (`absent`).

    `form` is how: `seconds` (`retry-after: 2`), `date` (`retry-after:` and a date of HTTP, which has no parts of a second), or
    `ms` (`retry-after-ms: 2000`).
    """

    time: str | float = ABSENT
    form: Literal["seconds", "date", "ms"] = "seconds"

    examples: ClassVar = (
        Example(
            "429 with retry-after in seconds",
            "[{error: rate_limit, before: headers}, {retry_after: 1s}]",
            "raises RateLimitError, an APIError",
        ),
        Example(
            "429 with retry-after as a date",
            "[{error: rate_limit, before: headers}, {retry_after: 1s, form: date}]",
            "raises RateLimitError, an APIError",
        ),
        Example(
            "429 with retry-after in ms",
            "[{error: rate_limit, before: headers}, {retry_after: 5ms, form: ms}]",
            "raises RateLimitError, an APIError",
        ),
        Example(
            "429 without retry-after",
            "[{error: rate_limit, before: headers}, {retry_after: absent}]",
            "raises RateLimitError, an APIError",
        ),
    )

    def __post_init__(self) -> None:
        if self.time != ABSENT:
            seconds(self.time, key="time")
        check_word(self.form, "form", _FORMS, "is not a form")

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with this header in the place of any that says the same."""
        del rng
        written: dict[str, str | None] = {"retry-after": None, "retry-after-ms": None}
        if self.time != ABSENT:
            written |= self._header(plan.head, seconds(self.time, key="time"))
        return replace(plan, head=plan.head.with_headers(written.items()))

    def _header(self, head: Head, time: float) -> dict[str, str]:
        if self.form == "ms":
            return {"retry-after-ms": _decimal(time * 1000)}
        if self.form == "seconds":
            return {"retry-after": _decimal(time)}
        return {"retry-after": format_datetime(_date(head) + timedelta(seconds=time), usegmt=True)}


@register("should_retry")
@dataclass(frozen=True, slots=True)
class ShouldRetry(_OfHeader):
    """The head tells the SDKs to try again (`true`), not to (`false`), or nothing of it (`absent`): `x-should-retry`."""

    value: bool | Literal["absent"] = True

    examples: ClassVar = (
        Example(
            "429 not to be tried again",
            "[{error: rate_limit, before: headers}, {should_retry: false}]",
            "raises RateLimitError, an APIError",
        ),
        Example(
            "400 to be tried again",
            "[{error: invalid_request, before: headers}, {should_retry: true}]",
            "raises BadRequestError, an APIError",
        ),
        Example(
            "400 that says nothing of trying again",
            "[{error: invalid_request, before: headers}, {should_retry: absent}]",
            "raises BadRequestError, an APIError",
        ),
    )

    def __post_init__(self) -> None:
        if not isinstance(self.value, bool) and self.value != ABSENT:
            hint = "write true, false or absent"
            raise FaultError(f"{self.value!r} says nothing of trying again", key=("value",), hint=hint)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the header, or without it."""
        del rng
        value = None if self.value == ABSENT else str(self.value).lower()
        return replace(plan, head=plan.head.with_headers([("x-should-retry", value)]))


@register("content_type")
@dataclass(frozen=True, slots=True)
class ContentType(_OfHeader):
    """The head states this content-type, or none (`absent`); the body stays as it is."""

    value: str = "text/plain"

    examples: ClassVar = (
        Example("wrong content-type", "content_type: application/json", "the whole message"),
        Example("no content-type", "content_type: absent", "the whole message"),
    )

    def __post_init__(self) -> None:
        _check_header(self.value, "value", "is not a content-type", "content_type: text/plain")

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with the header, or without it."""
        del rng
        value = None if self.value == ABSENT else self.value
        return replace(plan, head=plan.head.with_headers([("content-type", value)]))


@register("html_body")
@dataclass(frozen=True, slots=True)
class HtmlBody(OfHead):
    """A page of a proxy comes in the place of the answer, with this status."""

    status: int = 502

    examples: ClassVar = (
        Example("a proxy's html 502", "html_body: 502", "raises InternalServerError, an APIError"),
        Example(
            "a proxy's html page with status 200",
            "html_body: 200",
            "raises AssertionError",
            create="text '', no tool, stop_reason None",
        ),
    )

    def __post_init__(self) -> None:
        _check_status(self.status)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the page, with nothing of the API's in its head."""
        del rng
        body = (
            f"<html>\r\n<head><title>{self.status}</title></head>\r\n<body>\r\n"
            f"<center><h1>{self.status}</h1></center>\r\n<hr><center>proxy</center>\r\n</body>\r\n</html>\r\n"
        ).encode()
        head = Head(self.status, (("content-type", _HTML), ("content-length", str(len(body)))))
        return instead(plan, Plan(head, (Frame(body),)))


@register("json_body")
@dataclass(frozen=True, slots=True)
class JsonBody(OfHead):
    """The message comes as one JSON body, with this status, though a stream was asked for."""

    status: int = 200

    examples: ClassVar = (
        Example(
            "json instead of a stream", "json_body: 200", "raises AssertionError", create="text '', no tool, stop_reason None"
        ),
    )

    def __post_init__(self) -> None:
        _check_status(self.status)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the message that the events add up to. Raises FaultError if they add up to none."""
        require_stream(plan, "status")
        message = fold(spot.event for spot in spots(plan))
        if message is None:
            problem = "these events add up to no message: there is no message_start"
            raise FaultError(problem, key=("status",), hint="write this fault before those that change events")
        made = json_plan(message, rng)
        head = plan.head.with_headers([("content-type", "application/json"), ("cache-control", None)])
        length = made.head.get("content-length") if plan.coding is Coding.IDENTITY else None  # compressed, it is another
        head = replace(head.with_headers([("content-length", length)]), status=self.status)
        trailing = b"" if plan.ending is Ending.CORRUPT else plan.trailing
        return replace(plan, head=head, frames=made.frames, ending=Ending.COMPLETE, trailing=trailing)


@register("redirect")
@dataclass(frozen=True, slots=True)
class Redirect(OfHead):
    """The answer is a redirection to this location, which is relative to the request's own URL if it has no scheme.

    The default, `messages`, leads back to the same place, where the next reply answers.
    """

    location: str = "messages"
    status: Literal[301, 302, 303, 307, 308] = 307

    examples: ClassVar = (
        Example("redirect to the same place", "redirect: messages", "the whole message"),
        Example(
            "redirect as a see other",
            "redirect: messages, status: 303",
            "raises NotFoundError, an APIError",
        ),
    )

    def __post_init__(self) -> None:
        _check_header(self.location, "location", "is not a location", "redirect: /v1/elsewhere")
        if not is_whole(self.status) or self.status not in _REDIRECTS:
            hint = f"write one of: {', '.join(map(str, _REDIRECTS))}"
            raise FaultError(f"{self.status!r} is not the status of a redirection", key=("status",), hint=hint)

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the redirection, without a body."""
        del rng
        return instead(plan, Plan(Head(self.status, (("location", self.location), ("content-length", "0")))))


@register("gzip")
@dataclass(frozen=True, slots=True)
class Gzip(OfHead):
    """The body comes in gzip, whether the client offered to take it or not.

    `how` is `sound`, `plain` (the head says gzip, but the body is not compressed), `bad checksum` or `no trailer` (the
    compressed body breaks off before its last block).
    """

    how: Literal["sound", "plain", "bad checksum", "no trailer"] = "sound"

    examples: ClassVar = (
        Example("gzip", "gzip: sound", "the whole message"),
        Example("bad gzip: not compressed at all", "gzip: plain", "raises DecodingError"),
        Example("bad gzip: a wrong checksum", "gzip: bad checksum", "raises DecodingError"),
        Example("bad gzip: no trailer", "gzip: no trailer", "the whole message"),
    )

    def __post_init__(self) -> None:
        check_word(self.how, "how", _GZIP, "is not a way to compress")

    def apply(self, plan: Plan, rng: Random) -> Plan:
        """Return the plan with its body in gzip. Raises FaultError if it is compressed already, or its length is wrong."""
        del rng
        if plan.head.get("content-encoding") is not None:
            raise FaultError("the body is compressed already", key=("how",), hint="take one of the two out")
        stated, size = plan.head.get("content-length"), len(plan.body)
        if stated not in (None, str(size)) and not has_end(plan):
            problem = f"the head states {stated} bytes for a body of {size}; compressed as it is sent, it states no length"
            hint = "write gzip before the fault that breaks the body off, or take one of the two out"
            raise FaultError(problem, key=("how",), hint=hint)
        coding = {"plain": Coding.IDENTITY, "sound": Coding.GZIP}.get(self.how) or Coding(self.how)
        return replace(compressed(plan), coding=coding)


def _check_status(written: object) -> None:
    """Raise FaultError unless this is a status whose answers have a body."""
    check_number(written, "status", STATUSES, "is not a status")
    if written in BODYLESS:
        raise FaultError(f"an answer with status {written} has no body", key=("status",), hint="write another status")


def _decimal(number: float) -> str:
    """Return a number with at most three decimals, and without an exponent, which HTTP does not know."""
    return f"{number:.3f}".rstrip("0").rstrip(".")


def _date(head: Head) -> datetime:
    """Return the date that a head states, or a fixed one if it states none. Raises FaultError if that is no date."""
    written = head.get("date") or "Thu, 01 Jan 2026 00:00:00 GMT"
    try:
        return parsedate_to_datetime(written).replace(tzinfo=UTC)
    except ValueError:
        problem = f"the head's date {written!r} is none of HTTP, so no time can be added to it"
        raise FaultError(problem, key=("form",), hint="write another form, or another date") from None


def _check_header(written: object, key: str, problem: str, example: str) -> None:
    if not isinstance(written, str) or not written or not written.isascii() or not written.isprintable():
        raise FaultError(f"{written!r} {problem}", key=(key,), hint=f"for example: {example}")
