"""Faults of HTTP: the head of an answer, and answers that are no stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from mistakes import DURATION, mistake
from plans import BODY, HEAD, NOTHING, PLAN, applied, recorded_plan

from streamlab.core.api_headers import cors_headers
from streamlab.core.faults import (
    ContentType,
    CorruptChunk,
    Cut,
    Drop,
    ErrorEvent,
    Fault,
    Gzip,
    HtmlBody,
    JsonBody,
    Redirect,
    RetryAfter,
    ShouldRetry,
    Stall,
    Trailing,
    apply_faults,
)
from streamlab.core.messages import fold
from streamlab.core.plan import Coding, Ending, Head, Headers, Plan
from streamlab.errors import FaultError

DATE = ("date", "Sat, 21 Nov 2026 10:00:00 GMT")
DATED = replace(PLAN, head=Head(200, (*HEAD.headers, DATE)))


def headed(plan: Plan, *headers: tuple[str, str], status: int = 200) -> Plan:
    """Return the plan with more headers."""
    return replace(plan, head=replace(plan.head, status=status, headers=(*plan.head.headers, *headers)))


@pytest.mark.parametrize(
    ("fault", "header"),
    [
        (RetryAfter("2s"), ("retry-after", "2")),
        (RetryAfter("400ms"), ("retry-after", "0.4")),
        (RetryAfter("1.234s"), ("retry-after", "1.234")),
        (RetryAfter(0), ("retry-after", "0")),
        (RetryAfter(100), ("retry-after", "100")),
        (RetryAfter(1_234_567), ("retry-after", "1234567")),
        (RetryAfter("2s", form="ms"), ("retry-after-ms", "2000")),
        (RetryAfter(0.0005, form="ms"), ("retry-after-ms", "0.5")),
        (RetryAfter("30m", form="ms"), ("retry-after-ms", "1800000")),
        (RetryAfter("90s", form="date"), ("retry-after", "Sat, 21 Nov 2026 10:01:30 GMT")),
        (ShouldRetry(value=True), ("x-should-retry", "true")),
        (ShouldRetry(value=False), ("x-should-retry", "false")),
    ],
)
def test_a_header_says_whether_and_when_to_try_again(fault: Fault, header: tuple[str, str]) -> None:
    """It comes at the end of the head of a stream and of a JSON body; nothing else changes, no frame is made anew."""
    for plan in (DATED, headed(BODY, DATE), headed(NOTHING, DATE)):
        made = applied(plan, fault)
        assert made == headed(plan, header)
        assert all(new is old for new, old in zip(made.frames, plan.frames, strict=True))


@pytest.mark.parametrize(
    ("fault", "before", "after"),
    [
        (RetryAfter("1s"), (("Retry-After", "9"), ("retry-after-ms", "9")), (("retry-after", "1"),)),
        (RetryAfter("1s", form="ms"), (("retry-after", "9"),), (("retry-after-ms", "1000"),)),
        (RetryAfter(), (("retry-after", "9"), ("retry-after-ms", "9")), ()),
        (ShouldRetry("absent"), (("X-Should-Retry", "true"),), ()),
        (ShouldRetry(value=False), (("x-should-retry", "true"),), (("x-should-retry", "false"),)),
    ],
)
def test_a_header_that_said_it_before_is_gone(fault: Fault, before: Headers, after: Headers) -> None:
    """In whatever case it was written, and in the other form too."""
    assert applied(headed(PLAN, *before), fault) == headed(PLAN, *after)


@pytest.mark.parametrize("date", [None, "Thu, 01 Jan 2026 00:00:00 -0000"])
def test_a_date_is_counted_from_that_of_the_answer(date: str | None) -> None:
    """Without one it is counted from a fixed day."""
    plan = PLAN if date is None else headed(PLAN, ("date", date))
    assert applied(plan, RetryAfter("1h", form="date")).head.get("retry-after") == "Thu, 01 Jan 2026 01:00:00 GMT"


def test_a_date_that_is_none_cannot_be_counted_from() -> None:
    """It is said, and never a traceback."""
    with pytest.raises(FaultError) as caught:
        applied(headed(PLAN, ("date", "soon")), RetryAfter("1h", form="date"))
    assert caught.value.problem == "the head's date 'soon' is none of HTTP, so no time can be added to it"
    assert (caught.value.key, caught.value.hint) == (("form",), "write another form, or another date")


@pytest.mark.parametrize(("value", "headers"), [("text/plain", (("content-type", "text/plain"),)), ("absent", ())])
def test_another_content_type_leaves_the_body_as_it_is(value: str, headers: Headers) -> None:
    """Of a stream and of JSON."""
    for plan in (PLAN, BODY):
        rest = tuple(each for each in plan.head.headers if each[0] != "content-type")
        assert applied(plan, ContentType(value)) == replace(plan, head=Head(200, (*rest, *headers)))


PAGE = (
    b"<html>\r\n<head><title>502</title></head>\r\n<body>\r\n<center><h1>502</h1></center>\r\n"
    b"<hr><center>proxy</center>\r\n</body>\r\n</html>\r\n"
)


@pytest.mark.parametrize(
    ("fault", "status", "headers", "body"),
    [
        (HtmlBody(), 502, (("content-type", "text/html; charset=utf-8"), ("content-length", str(len(PAGE)))), PAGE),
        (Redirect(), 307, (("location", "messages"), ("content-length", "0")), b""),
        (Redirect("http://x/y", status=301), 301, (("location", "http://x/y"), ("content-length", "0")), b""),
    ],
)
@pytest.mark.parametrize("plan", [PLAN, BODY, NOTHING, applied(PLAN, Cut(after="delta 1"), Gzip()), applied(PLAN, Trailing())])
def test_another_answer_comes_in_the_place_of_the_apis(
    plan: Plan, fault: Fault, status: int, headers: Headers, body: bytes
) -> None:
    """Of the API's own head only the date and what lets a page read it stay; the answer is whole, and as late as it was."""
    kept = (DATE, *cors_headers("http://page.example"))
    late = applied(headed(plan, *kept), Stall(2, before="headers"))
    made = applied(replace(late, head=replace(late.head, recorded=1.5)), fault)
    assert made.head == Head(status, (*headers, *kept), wait=2.0, recorded=1.5)
    assert [frame.raw for frame in made.frames] == ([body] if body else [])
    assert (made.ending, made.coding, made.trailing) == (Ending.COMPLETE, Coding.IDENTITY, b"")


def test_a_page_has_the_status_that_is_asked_for() -> None:
    """It stands in its text too."""
    made = applied(PLAN, HtmlBody(200))
    assert (made.head.status, made.body) == (200, PAGE.replace(b"502", b"200"))


def test_the_message_comes_as_json_though_a_stream_was_asked_for() -> None:
    """It is what the events add up to, with the id of the request, a length, and no word of a stream."""
    plan = headed(PLAN, ("cache-control", "no-cache"))
    made = applied(plan, JsonBody(201))
    assert json.loads(made.body) == fold(frame.event for frame in PLAN.frames if frame.event)
    assert made.head == Head(
        201,
        (("request-id", "req_011CSample"), ("content-type", "application/json"), ("content-length", str(len(made.body)))),
    )
    assert (made.ending, len(made.frames)) == (Ending.COMPLETE, 1)


@pytest.mark.parametrize("how", ["end", "fin", "reset"])
def test_json_in_the_place_of_a_broken_stream_is_whole(how: str) -> None:
    """It says what had come until then, and how the stream ended is of no account."""
    made = applied(PLAN, Cut(how, after="delta 1"), JsonBody())  # type: ignore[arg-type]
    assert json.loads(made.body)["content"] == [{"type": "text", "text": "One é"}]
    assert made.ending is Ending.COMPLETE


def test_json_in_the_place_of_a_corrupt_stream_has_nothing_of_it() -> None:
    """The line that stood for a chunk does not come behind the body; bytes that were to trail it do."""
    assert applied(PLAN, CorruptChunk(at="end"), JsonBody()).trailing == b""
    assert applied(PLAN, Trailing("x"), JsonBody()).trailing == b"x"


def test_json_in_gzip_states_no_length() -> None:
    """What is compressed as it is sent has a length that is not known; what only says so has one."""
    made = applied(PLAN, Gzip(), JsonBody())
    assert (made.coding, made.head.get("content-length")) == (Coding.GZIP, None)
    made = applied(PLAN, Gzip("plain"), JsonBody())
    assert (made.coding, made.head.get("content-length")) == (Coding.IDENTITY, str(len(made.body)))


@pytest.mark.parametrize(
    ("plan", "faults", "problem", "hint"),
    [
        (
            BODY,
            (JsonBody(),),
            "this answer is no event stream",
            "this fault changes the events of a stream; a JSON body has none",
        ),
        (
            PLAN,
            (Drop("message_start"), JsonBody()),
            "these events add up to no message: there is no message_start",
            "write this fault before those that change events",
        ),
        (PLAN, (Gzip(), Gzip("plain")), "the body is compressed already", "take one of the two out"),
        (headed(BODY, ("Content-Encoding", "br")), (Gzip(),), "the body is compressed already", "take one of the two out"),
    ],
)
def test_what_cannot_be_done_is_said(plan: Plan, faults: tuple[Fault, ...], problem: str, hint: str) -> None:
    """With the number of the fault, its name, and what to do."""
    with pytest.raises(FaultError) as caught:
        apply_faults(plan, faults, Random(1))
    assert (caught.value.problem, caught.value.hint) == (problem, hint)
    assert caught.value.key == ("faults", len(faults) - 1, faults[-1].name)


@pytest.mark.parametrize(
    ("how", "coding"),
    [
        ("sound", Coding.GZIP),
        ("plain", Coding.IDENTITY),
        ("bad checksum", Coding.BAD_CHECKSUM),
        ("no trailer", Coding.NO_TRAILER),
    ],
)
def test_gzip_is_a_coding_and_two_headers(how: Any, coding: Coding) -> None:
    """No length is stated any more; the frames are the same, so that places stay where they were."""
    for plan in (PLAN, BODY):
        made = applied(plan, Gzip(how))
        kept = tuple(each for each in plan.head.headers if each[0] != "content-length")
        head = Head(200, (*kept, ("content-encoding", "gzip"), ("vary", "Accept-Encoding")))
        assert made == replace(plan, head=head, coding=coding)
        assert all(new is old for new, old in zip(made.frames, plan.frames, strict=True))


@pytest.mark.parametrize(
    "plan",
    [
        applied(BODY, Cut("end", at="byte 7")),
        replace(BODY, frames=()),
        applied(BODY, Stall("2s", at="byte 7")),
        applied(PLAN, Cut("fin", after="delta 1")),
    ],
    ids=["ends early", "has no body, as an answer to HEAD", "is whole", "states no length"],
)
def test_a_length_that_is_not_wrong_goes_when_the_body_is_compressed(plan: Plan) -> None:
    """Only one that a fault made wrong, or a body that is broken off before it is reached, would be lost without a word."""
    made = apply_faults(plan, [Gzip()], Random(1))
    assert (made.coding, made.is_sized, made.ending) == (Coding.GZIP, False, plan.ending)


def test_a_recorded_stream_is_left_as_it_is_by_a_fault_of_the_head(recorded_streams: list[Path]) -> None:
    """Its frames are the same objects; as JSON it is the message that it adds up to."""
    for path in recorded_streams[::29]:
        plan = recorded_plan(path)
        for fault in (RetryAfter("1s"), ShouldRetry(), ContentType(), Gzip()):
            made = applied(plan, fault)
            assert all(new is old for new, old in zip(made.frames, plan.frames, strict=True))
        message = fold(frame.event for frame in plan.frames if frame.event)
        if message is not None:
            assert json.loads(applied(plan, JsonBody()).body) == message


def test_a_head_of_an_error_can_be_changed_too() -> None:
    """The faults of a head do not ask what the answer is."""
    made = applied(PLAN, ErrorEvent("rate_limit", before="headers"), RetryAfter("3s"), ShouldRetry(value=False))
    assert (made.head.status, made.head.get("retry-after"), made.head.get("x-should-retry")) == (429, "3", "false")


STATUS = "write a number from 200 to 599"
STATUSES = "write one of: 301, 302, 303, 307, 308"
FORMS = "expected one of: date, ms, seconds"
WAYS = "expected one of: bad checksum, no trailer, plain, sound"


@pytest.mark.parametrize(
    ("written", "problem", "key", "hint"),
    [
        ({"retry_after": "soon"}, "'soon' is not a length of time", "retry_after", DURATION),
        ({"retry_after": True}, "True is not a length of time", "retry_after", DURATION),
        ({"retry_after": "forever"}, "'forever' is not a length of time", "retry_after", DURATION),
        ({"retry_after": "1s", "form": "dat"}, "'dat' is not a form", "form", f"did you mean 'date'? {FORMS}"),
        ({"retry_after": "1s", "form": None}, "None is not a form", "form", FORMS),
        ({"should_retry": "yes"}, "'yes' says nothing of trying again", "should_retry", "write true, false or absent"),
        ({"should_retry": 1}, "1 says nothing of trying again", "should_retry", "write true, false or absent"),
        *(
            (
                {"content_type": value},
                f"{value!r} is not a content-type",
                "content_type",
                "for example: content_type: text/plain",
            )
            for value in ("", "a\r\nb: c", "ü", 5, None)
        ),
        *(
            ({name: value}, f"{value!r} is not a status", name, STATUS)
            for name in ("html_body", "json_body")
            for value in (199, 600, 502.0, "502", True, None)
        ),
        *(
            ({name: value}, f"an answer with status {value} has no body", name, "write another status")
            for name in ("html_body", "json_body")
            for value in (204, 304)
        ),
        *(
            ({"redirect": value}, f"{value!r} is not a location", "redirect", "for example: redirect: /v1/elsewhere")
            for value in ("", "a\nb", "/ü", 5)
        ),
        *(
            ({"redirect": "x", "status": value}, f"{value!r} is not the status of a redirection", "status", STATUSES)
            for value in (200, 304, 307.0, "307", None)
        ),
        ({"gzip": "plan"}, "'plan' is not a way to compress", "gzip", f"did you mean 'plain'? {WAYS}"),
        ({"gzip": None}, "None is not a way to compress", "gzip", WAYS),
        ({"gzip": "sound", "at": "end"}, "the fault 'gzip' has no key 'at'", "at", "nothing may stand beside gzip"),
    ],
)
def test_a_mistake_is_said_where_it_is_written(written: Mapping[str, Any], problem: str, key: str, hint: str) -> None:
    """The problem, the key as it was written, and what to write."""
    assert mistake(written) == (problem, (key,), hint)
