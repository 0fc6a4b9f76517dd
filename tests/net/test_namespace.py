"""Namespaces: rules under names of their own, changes to wait for, requests that are refused, places that are over."""

from __future__ import annotations

import json
import threading

import pytest

from streamlab.core.authoring import as_reply
from streamlab.core.exchange import Request
from streamlab.core.journal import Call
from streamlab.core.plan import Ending
from streamlab.core.replies import FAULT_HEADER, Rule, Settings, State
from streamlab.net.namespace import Namespace, add_rules, closed

ASKED = Request(
    body=json.dumps({"model": "m", "max_tokens": 1, "stream": True, "messages": [{"role": "user", "content": "a"}]}).encode()
)
CALL = Call(number=0, request=ASKED, rule=None, status=200, attempt=1, started=0.0)


def rule(name: str) -> Rule:
    """Return a rule of this name."""
    return Rule(name=name, replies=(as_reply("One two three."),))


def test_rules_get_names_of_their_own() -> None:
    """What is remembered of a rule goes by its name."""
    namespace = Namespace(rules=(rule("a"),))
    assert add_rules(namespace, [rule("a"), rule("b"), rule("a")]) == ("a (2)", "b", "a (3)")
    assert [each.name for each in namespace.rules] == ["a", "a (2)", "b", "a (3)"]


def test_settings_hold_unless_others_were_made_before() -> None:
    """The first that say something are heard."""
    namespace = Namespace()
    add_rules(namespace, [], Settings())
    add_rules(namespace, [], Settings(seed=3))
    add_rules(namespace, [], Settings(seed=4))
    add_rules(namespace, [])
    assert namespace.settings == Settings(seed=3)


def test_a_request_orders_faults_for_its_own_answer() -> None:
    """In a header."""
    namespace = Namespace(rules=(rule("a"),), settings=Settings(validate=False))
    ordered = Request(body=ASKED.body, headers=((FAULT_HEADER, "cut: fin, after: delta 1"),))
    assert namespace.answer(ordered, ()).plan.ending is Ending.FIN
    assert namespace.answer(ASKED, ()).plan.ending is Ending.COMPLETE
    assert namespace.state.given == {"a": 2}


@pytest.mark.parametrize(("times", "expected"), [(0, [False, False]), (1, [True, False]), (float("inf"), [True, True])])
def test_so_many_requests_are_refused(times: float, expected: list[bool]) -> None:
    """Or all of them."""
    namespace = Namespace(refused=times)
    assert [namespace.refuses() for _ in range(2)] == expected


def test_every_change_of_the_journal_is_noticed() -> None:
    """By whoever waits for one, and at once by whoever has missed one."""
    namespace = Namespace()
    assert namespace.wait_for_change(0, 0.001) is False
    later = threading.Timer(0.01, lambda: namespace.add(CALL))
    later.start()
    assert namespace.wait_for_change(0, 10) is True
    later.join()
    for change in (lambda: namespace.update(namespace.journal[0]), namespace.clear, namespace.reset, namespace.empty):
        seen = namespace.changes
        change()
        assert namespace.wait_for_change(seen, 0) is True


def test_forgetting_is_done_in_three_ways() -> None:
    """The calls; all requests; the rules as well."""
    namespace = Namespace(rules=(rule("a"),), settings=Settings(validate=False))

    def used() -> None:
        namespace.answer(ASKED, ())
        namespace.add(CALL)

    used()
    namespace.clear()
    assert (len(namespace.journal), namespace.state.calls, len(namespace.rules)) == (0, 1, 1)
    used()
    namespace.reset()
    assert (len(namespace.journal), namespace.state, len(namespace.rules)) == (0, State(), 1)
    used()
    namespace.empty()
    assert (len(namespace.journal), namespace.state, len(namespace.rules)) == (0, State(), 0)


@pytest.mark.parametrize("request_", [ASKED, Request(method="GET", path="/v1/models"), Request(method="HEAD", path="/")])
def test_a_place_that_is_over_says_so_to_everybody(request_: Request) -> None:
    """Whatever is asked."""
    assert closed("test_a is over").answer(request_, ()).problem == "test_a is over"


def test_what_the_rules_have_no_answer_to_is_not_remembered_of_a_replay() -> None:
    """What the API refuses is left to the API."""
    namespace = Namespace(rules=(Rule(name="a", replies=(as_reply("One."),), repeats=False),))
    invalid = Request(body=b'{"model": "m", "messages": []}')
    assert getattr(namespace.replay(invalid, ()), "rule", None) == "a"
    before = namespace.state
    assert (namespace.replay(invalid, ()), namespace.state) == (None, before)
