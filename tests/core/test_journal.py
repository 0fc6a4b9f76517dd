"""Tests of the journal: calls in order, numbers, the newest state of each, and no secret."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from streamlab.core.delivery import Sent
from streamlab.core.exchange import Request
from streamlab.core.journal import MOST_BYTES, Call, Journal, changed, redacted
from streamlab.errors import VerificationError

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
        query=f"note={KEY}&token=plain&beta=true",
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
        query="note=[redacted]&token=[redacted]&beta=true",
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


def test_what_the_user_calls_secret_is_taken_out_of_a_request() -> None:
    """Wherever it stands."""
    request = Request(path="/v1/cust_1", query="q=cust_2", headers=(("x-note", "cust_3"),), body=b'"cust_4"')
    clean = Request(path="/v1/[redacted]", query="q=[redacted]", headers=(("x-note", "[redacted]"),), body=b'"[redacted]"')
    assert redacted(request, ["cust_[0-9]"]) == clean


def test_a_secret_of_the_query_is_kept_nowhere() -> None:
    """Neither in a header nor in the body."""
    secret = "plainSecretKey123456"
    request = Request(query=f"api_key={secret}", headers=(("x-note", secret),), body=f'"{secret}"'.encode())
    clean = Request(query="api_key=[redacted]", headers=(("x-note", "[redacted]"),), body=b'"[redacted]"')
    assert redacted(request) == clean


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


# What a test asks


def asked(said: str, **changes: Any) -> Request:
    """Return a request in which the user says something."""
    return Request(body=json.dumps({"messages": [{"role": "user", "content": said}]}).encode(), **changes)


def conversation() -> Journal:
    """Return a journal of two tries, another call that goes on, and what does not count among them."""
    journal = Journal()
    for each in (
        call(request=Request(method="HEAD", path="/"), started=0.0, duration=0.5, ended="complete", ended_by="server"),
        call(request=asked("one"), status=529, started=1.0, duration=0.5, ended="complete", ended_by="server"),
        call(request=Request(method="OPTIONS"), started=2.0),
        call(request=asked("one"), attempt=2, started=2.5, duration=1.25, ended="left", ended_by="client", reused=True),
        call(request=asked("two"), status=None, started=5.75),
        call(request=asked("three"), started=6.0),
    ):
        journal.add(each)
    return journal


def test_questions_are_answered_for_the_calls_of_the_api() -> None:
    """A preflight and a look at the root are kept, and count in none of them."""
    journal = conversation()
    assert [each.number for each in journal.questions] == [2, 4, 5, 6]
    assert journal.texts == ("one", "one", "two", "three")
    assert journal.attempts == (1, 2, 1, 1)
    assert journal.statuses == (529, 200, None, 200)
    assert len(journal) == 6


def test_the_time_between_calls_is_from_the_end_of_one_to_the_next() -> None:
    """The first has none; one that comes while the one before goes on has waited for nothing."""
    journal = conversation()
    assert [each.wait for each in journal] == [None, None, None, 1.0, 2.0, 0.0]
    assert journal.waits == (1.0, 2.0, 0.0)
    assert Journal().waits == ()


def test_a_call_that_comes_before_the_one_before_is_seen_to_end_has_not_waited() -> None:
    """A client that has read the last byte may be quicker than we are."""
    journal = Journal()
    journal.add(call(started=1.0, duration=0.75, ended="complete"))
    assert journal.add(call(started=1.5)).wait == 0.0


def test_the_only_call_is_returned() -> None:
    """Others that do not count are no others."""
    journal = Journal()
    journal.add(call(request=Request(method="OPTIONS")))
    only = journal.add(call())
    assert journal.only is only


@pytest.mark.parametrize(("calls", "were"), [(0, "there were none"), (2, "there were 2")])
def test_what_is_not_the_only_call_is_told(calls: int, were: str) -> None:
    """An assertion that lists all calls."""
    journal = Journal()
    for _ in range(calls):
        journal.add(call())
    with pytest.raises(VerificationError) as raised:
        assert journal.only
    assert str(raised.value) == f"one call was expected, and {were}\n{journal.report()}"
    assert isinstance(raised.value, AssertionError)


@pytest.mark.parametrize(
    ("changes", "delivered", "cancelled"),
    [
        ({"events_sent": 5}, 5, None),
        ({"events_sent": 5, "ended": "complete", "ended_by": "server"}, 5, None),
        ({"events_sent": 5, "events_lost": 2, "ended": "left", "ended_by": "client"}, 3, 5),
        ({"events_sent": 5, "events_lost": 2, "ended": "left", "ended_by": "server"}, 3, None),
    ],
)
def test_a_call_tells_what_came_of_its_events(changes: dict[str, Any], delivered: int, cancelled: int | None) -> None:
    """Those that reached the client's machine, and those that had been sent when it left."""
    assert (call(**changes).events_delivered, call(**changes).cancelled_after) == (delivered, cancelled)


REPORT = """\
  1  HEAD / (attempt 1): 200 by 'hello', 0 events, complete by server after 500 ms
  2  POST /v1/messages (attempt 1): 529 by 'hello', 0 events, complete by server after 500 ms
  3  OPTIONS /v1/messages (attempt 1): 200 by 'hello', 0 events, still running
  4  POST /v1/messages (attempt 2, 1.00 s after the call before): 200 by 'hello', 0 events, left by client after 1.25 s
  5  POST /v1/messages (attempt 1, 2.00 s after the call before): no head by 'hello', 0 events, still running
  6  POST /v1/messages (attempt 1, 0.0 ms after the call before): 200 by 'hello', 0 events, still running"""


def test_a_report_has_a_line_for_each_call() -> None:
    """It is what stands in the report of a test that failed."""
    assert conversation().report() == REPORT
    assert Journal().report() == "there were no calls"


def test_a_report_shows_what_was_wrong_and_what_was_lost() -> None:
    """Under the call; what would move the cursor is shown as a sign, and secrets are not shown."""
    journal = Journal()
    path = f"/v1/{KEY}\x1b[2J"
    lost: dict[str, Any] = {"events_sent": 7, "events_lost": 4, "ended": "left", "ended_by": "client", "duration": 2.0}
    journal.add(call(request=Request(path=path), rule=None, status=404, problem=f"no rule\n  hint: {KEY}", **lost))
    assert journal.report() == (
        "  1  POST /v1/[redacted]␛[2J (attempt 1): 404, 7 events (3 delivered), left by client after 2.00 s\n"
        "     no rule\n       hint: [redacted]"
    )


def test_a_changed_call_is_as_if_it_were_replaced() -> None:
    """All other values stay; the call itself does not change."""
    sent = [Sent(0.0, 5, 1)]
    old = call(events_sent=1, sent=sent, wait=0.5, reused=True)
    new = changed(old, events_sent=2, ended="left")
    assert new == replace(old, events_sent=2, ended="left")
    assert (old.events_sent, new.sent is sent, hash(old) == hash(replace(old))) == (1, True, True)


def test_the_key_of_a_request_is_taken_out_wherever_it_is_said() -> None:
    """Whatever it looks like."""
    key = "correct-horse-battery"
    body = b'{"system": "my key is correct\\u002dhorse-battery"}'
    kept = redacted(
        Request(path=f"/v1/{key}", query=f"a={key}", headers=(("x-api-key", key), ("x-a", f"not {key}")), body=body)
    )
    assert kept == Request(
        path="/v1/[redacted]",
        query="a=[redacted]",
        headers=(("x-api-key", "[redacted]"), ("x-a", "not [redacted]")),
        body=b'{"system": "my key is [redacted]"}',
    )
