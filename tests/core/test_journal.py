"""Tests of the journal: calls in order, numbers, the newest state of each, and no secret."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streamlab.core.exchange import Request
from streamlab.core.journal import MOST_BYTES, Call, Journal, redacted

KEY = "sk-ant-api03-" + "x1" * 20
SECRETS = (KEY, "session=abc", "7f4e1c9a-0000-4000-8000-000000000000", "Bearer abc123def456")


def call(**changes: Any) -> Call:
    """Return a call that has not ended, with a request of its own."""
    base: dict[str, Any] = {"number": 0, "request": Request(), "rule": "hello", "status": 200, "attempt": 1, "started": 0.0}
    return Call(**{**base, **changes})


def test_calls_get_numbers_in_the_order_of_arrival() -> None:
    """A journal is a sequence: indexed, sliced, counted, looped over."""
    journal = Journal()
    one, two, three = (journal.add(call(rule=rule)) for rule in "abc")
    assert [each.number for each in (one, two, three)] == [1, 2, 3]
    assert (journal[0], journal[-1], list(journal[1:])) == (one, three, [two, three])
    assert (len(journal), list(journal), two in journal) == (3, [one, two, three], True)
    assert not Journal()


def test_a_call_is_kept_up_to_date() -> None:
    """The newer state stands in the place of the older one."""
    journal = Journal()
    first, second = journal.add(call()), journal.add(call())
    journal.update(replace(first, events_sent=3))
    journal.update(replace(second, ended="fin", ended_by="server"))
    assert [(each.events_sent, each.ended) for each in journal] == [(3, None), (0, "fin")]
    assert journal.running == (journal[0],)


def test_only_the_newest_calls_are_kept_if_there_is_a_limit() -> None:
    """Numbers go on, and a call that was dropped is not put back."""
    journal = Journal(limit=2)
    calls = [journal.add(call(rule=rule)) for rule in "abcd"]
    assert [each.number for each in journal] == [3, 4]
    journal.update(replace(calls[0], events_sent=9))
    journal.update(replace(calls[3], events_sent=5))
    assert [(each.rule, each.events_sent) for each in journal] == [("c", 0), ("d", 5)]


def test_a_forgotten_call_stays_forgotten() -> None:
    """One that is still going on when the journal is cleared does not overwrite the call that has its number now."""
    journal = Journal()
    old = journal.add(call(rule="old"))
    journal.clear()
    journal.update(replace(old, events_sent=9))
    assert list(journal) == []
    new = journal.add(call(rule="new"))
    journal.update(replace(old, ended="left"))
    assert list(journal) == [new]
    assert new.number == 1


def test_the_problems_are_those_of_the_calls_that_have_one() -> None:
    """In order, so that the first says why a test failed."""
    journal = Journal()
    for problem in (None, "no rule matches", None, "used up"):
        journal.add(call(problem=problem))
    assert journal.problems == ("no rule matches", "used up")


def test_a_loop_over_the_journal_sees_the_calls_of_its_start() -> None:
    """Calls may arrive while a test looks at them."""
    journal = Journal()
    journal.add(call())
    for _ in journal:
        journal.add(call())
    assert len(journal) == 2


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "<Call 0 POST /v1/messages 200 'hello' 0 events, running>"),
        ({"rule": None, "status": 404}, "<Call 0 POST /v1/messages 404 0 events, running>"),
        (
            {"number": 2, "events_sent": 5, "ended": "reset", "ended_by": "server"},
            "<Call 2 POST /v1/messages 200 'hello' 5 events, reset by server>",
        ),
        (
            {"request": Request(method="GET", path="/v1/models"), "ended": "left", "ended_by": "client"},
            "<Call 0 GET /v1/models 200 'hello' 0 events, left by client>",
        ),
    ],
)
def test_a_call_shows_what_was_asked_and_how_it_ended(changes: dict[str, Any], text: str) -> None:
    """That is what a failing assertion prints."""
    assert repr(call(**changes)) == text


def test_a_journal_shows_its_calls() -> None:
    """So does the whole of it."""
    journal = Journal()
    journal.add(call())
    assert repr(journal) == "<Journal [<Call 1 POST /v1/messages 200 'hello' 0 events, running>]>"


def test_a_request_is_kept_without_its_secrets() -> None:
    """Headers, query, path and body lose them; all else stays, byte for byte."""
    request = Request(
        path=f"/v1/messages/{KEY}",
        query=f"key={KEY}&beta=true",
        headers=(
            ("x-api-key", "dummy"),
            ("Authorization", SECRETS[3]),
            ("Cookie", SECRETS[1]),
            ("anthropic-organization-id", SECRETS[2]),
            ("x-note", KEY),
            ("anthropic-version", "2023-06-01"),
        ),
        body=b'{"system": "use ' + KEY.encode() + b'", "x": "\xc3\xbc\xff"}',
    )
    assert redacted(request) == Request(
        path="/v1/messages/[redacted]",
        query="key=[redacted]&beta=true",
        headers=(
            ("x-api-key", "[redacted]"),
            ("Authorization", "[redacted]"),
            ("Cookie", "[redacted]"),
            ("anthropic-organization-id", "[redacted]"),
            ("x-note", "[redacted]"),
            ("anthropic-version", "2023-06-01"),
        ),
        body=b'{"system": "use [redacted]", "x": "\xc3\xbc\xff"}',
    )


def test_no_secret_shows_in_what_is_printed_of_a_call() -> None:
    """Neither in the call nor in its request, which a failing assertion prints too."""
    headers = (
        ("x-api-key", KEY),
        ("authorization", SECRETS[3]),
        ("cookie", SECRETS[1]),
        ("anthropic-organization-id", SECRETS[2]),
    )
    request = Request(path=f"/{KEY}", query=KEY, headers=headers, body=KEY.encode())
    journal = Journal()
    kept = journal.add(call(request=redacted(request)))
    for shown in (repr(kept), repr(journal), repr(kept.request), str(kept.request)):
        assert not [secret for secret in SECRETS if secret in shown]


def test_a_redacted_request_forgets_what_was_parsed_before() -> None:
    """What was parsed of the body with its secrets does not stay behind."""
    request = Request(body=b'{"model": "' + KEY.encode() + b'"}')
    assert request.model == KEY
    assert redacted(request).model == "[redacted]"


def test_a_limited_journal_keeps_a_bounded_amount_of_bodies() -> None:
    """The newest calls whose bodies fit, and the newest in any case; without a limit all are kept."""
    large = Request(body=b"x" * (MOST_BYTES // 2 + 1))
    limited, whole = Journal(limit=100), Journal()
    for journal in (limited, whole):
        for _ in range(3):
            journal.add(replace(call(), request=large))
    assert [each.number for each in limited] == [3]
    assert [each.number for each in whole] == [1, 2, 3]
    huge = limited.add(replace(call(), request=Request(body=b"x" * (MOST_BYTES + 1))))
    assert list(limited) == [huge]
