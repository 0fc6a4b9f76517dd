"""The control API without a network: who may ask, what is asked for, and every error."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from streamlab.core.control import CONTROL, MAX_WAIT, TOKEN_HEADER, Operation, Refusal, check_token, decide, guard, refusal_of
from streamlab.core.exchange import Request
from streamlab.errors import CassetteWarning, FaultError, ScenarioError, ServerError, StreamlabError, VerificationError

HERE = {"host": "127.0.0.1:4010"}
TOKEN = "correct horse".replace(" ", "-")


def asked(name: str, method: str = "GET", body: bytes = b"", **headers: str) -> Request:
    """Return a request for a part of the control API."""
    path, _, query = name.partition("?")
    fields = tuple((key.replace("_", "-"), value) for key, value in headers.items())
    return Request(method=method, path=CONTROL + path, query=query, headers=fields, body=body)


# Who may ask


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:4010", "127.9.9.9:1", "[::1]", "[::1]:4010"]
)
def test_programs_on_this_machine_may(peer: str, host: str) -> None:
    """Whatever loopback is called."""
    assert guard(asked("rules", host=host), peer=peer, token=None) is None


@pytest.mark.parametrize(
    ("peer", "headers", "message"),
    [
        *(
            (peer, HERE, "only programs on this machine control the server")
            for peer in ("10.0.0.1", "::2", "fe80::1%lo", "127.evil.com", "1127.0.0.1", "", None)
        ),
        *(
            ("127.0.0.1", headers, "the Host of this request is not localhost, 127.0.0.1 or [::1]")
            for headers in (
                *({}, {"host": ""}, {"host": "evil.com"}, {"host": "evil.com:4010"}, {"host": "localhost.evil.com"}),
                *({"host": "127.0.0.1.evil.com"}, {"host": "evil.com@127.0.0.1"}, {"host": "127.0.0.1@evil.com"}),
                *({"host": "[::1].evil.com"}, {"host": "[::2]"}, {"host": "1.127.0.0"}, {"host": "127.0.0.1:evil"}),
                *({"host": "localhost:80:80"}, {"host": "10.0.0.1"}, {"host": "128.0.0.1"}, {"host": "localhost\n"}),
            )
        ),
        *(
            ("127.0.0.1", {**HERE, **extra}, "a page in a browser does not control the server")
            for extra in (
                *({"origin": "http://evil.com"}, {"Origin": "null"}, {"origin": ""}, {"origin": "http://127.0.0.1:4010"}),
                *({"sec-fetch-site": "cross-site"}, {"Sec-Fetch-Site": "same-origin"}),
            )
        ),
        *(
            ("127.0.0.1", {**HERE, name: "for=1.2.3.4"}, "this request has come through a proxy, so nobody knows from where")
            for name in ("forwarded", "Via", "X-Forwarded-For", "x-forwarded-host")
        ),
    ],
)
def test_nobody_else_may_without_a_token(peer: str | None, headers: dict[str, str], message: str) -> None:
    """Not another machine, not a page, not a name that somebody lets point here."""
    refused = guard(Request(headers=tuple(headers.items())), peer=peer, token=None)
    assert refused == Refusal(status=403, message=message, hint=refused.hint if refused else "")
    assert refused is not None
    assert "STREAMLAB_CONTROL_TOKEN" in refused.hint


def test_an_address_that_somebody_typed_may() -> None:
    """A browser says so."""
    assert guard(asked("rules", host="localhost", sec_fetch_site="none"), peer="::1", token=None) is None


@pytest.mark.parametrize("headers", [HERE, {"host": "evil.com", "origin": "http://evil.com", "via": "proxy"}])
@pytest.mark.parametrize("peer", ["127.0.0.1", "10.0.0.1", None])
def test_whoever_has_the_token_may_and_nobody_else(peer: str | None, headers: dict[str, str]) -> None:
    """From anywhere; without it, not even this machine."""
    both = (*headers.items(), (TOKEN_HEADER.upper(), TOKEN))
    assert guard(Request(headers=both), peer=peer, token=TOKEN) is None
    without = guard(Request(headers=tuple(headers.items())), peer=peer, token=TOKEN)
    assert without == Refusal(status=403, message="this server demands its control token", hint="send it as x-streamlab-token")


@pytest.mark.parametrize("sent", ["", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), f" {TOKEN}", "ü", "\udcff"])
def test_another_token_is_refused_and_never_told(sent: str) -> None:
    """Neither the right one nor the wrong one."""
    refused = guard(Request(headers=((TOKEN_HEADER, sent),)), peer="127.0.0.1", token=TOKEN)
    assert refused is not None
    assert refused.status == 403
    told = json.dumps(refused.document)
    assert TOKEN not in told
    assert refused.message == "this is not the control token of this server"


@pytest.mark.parametrize("token", [None, "x", "~!", "a" * 1000])
def test_a_token_that_a_header_can_carry_is_taken(token: str | None) -> None:
    """None is none."""
    assert check_token(token) == token


@pytest.mark.parametrize("token", ["", "a b", "ü", "a\n", "a" * 1001])
def test_a_token_that_no_header_can_carry_is_an_error_that_does_not_tell_it(token: str) -> None:
    """An empty one above all: it would let everybody in."""
    with pytest.raises(ServerError) as caught:
        check_token(token)
    assert str(caught.value).startswith(
        "a control token is 1 to 1000 characters of ASCII without spaces\n  hint: for example: "
    )
    assert token not in str(caught.value) or not token


# What is asked for

NOTHING: dict[str, Any] = {}
JOURNAL = {"after": 0, "ended": 1, "changes": None, "wait": 0.0}


@pytest.mark.parametrize(
    ("request_", "verb", "values"),
    [
        (asked("health"), "health", NOTHING),
        (asked("namespaces", "POST"), "make", {"name": None, "settings": {}, "redact": ()}),
        (
            asked("namespaces", "POST", b'{"name": "a-1", "settings": {"seed": 1}, "redact": ["a+"]}'),
            "make",
            {"name": "a-1", "settings": {"seed": 1}, "redact": (re.compile("a+"),)},
        ),
        (asked("namespace", "DELETE"), "forget", {"over": ""}),
        (asked("namespace", "DELETE", b'{"over": "gone"}'), "forget", {"over": "gone"}),
        (asked("rules"), "rules", NOTHING),
        (asked("rules", "HEAD"), "rules", NOTHING),
        (asked("rules", "DELETE"), "remove", NOTHING),
        (asked("journal"), "journal", JOURNAL),
        (
            asked("journal?after=3&ended=2&changes=0&wait=1.5"),
            "journal",
            {"after": 3, "ended": 2, "changes": 0, "wait": 1.5},
        ),
        (asked("journal", "DELETE"), "clear", NOTHING),
        (asked("reset", "POST"), "reset", NOTHING),
        (asked("reset", "POST", b"{}", content_type="application/json; charset=utf-8"), "reset", NOTHING),
        (asked("verify"), "verify", NOTHING),
        (asked("clock"), "clock", NOTHING),
        (asked("clock", "POST", b'{"hold": true}'), "move", {"move": "hold", "value": True, "timeout": 5.0}),
        (asked("clock", "POST", b'{"advance": 30, "timeout": 1}'), "move", {"move": "advance", "value": 30.0, "timeout": 1.0}),
        (
            asked("clock", "POST", b'{"wait_until_parked": 2}'),
            "move",
            {"move": "wait_until_parked", "value": 2, "timeout": 5.0},
        ),
        (asked("refuse", "POST"), "refuse", NOTHING),
        (asked("refuse", "POST", b'{"times": 2}'), "refuse", {"times": 2}),
        (asked("accept", "POST"), "accept", NOTHING),
    ],
)
def test_a_request_becomes_an_operation(request_: Request, verb: str, values: dict[str, Any]) -> None:
    """By its path, its method and its values."""
    assert decide(request_) == Operation(verb=verb, values=values)


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        (None, "json"),
        ("application/json", "json"),
        ("Application/JSON; charset=utf-8", "json"),
        ("application/yaml", "yaml"),
        ("application/x-yaml", "yaml"),
        ("text/yaml", "yaml"),
        ("text/event-stream", "sse"),
    ],
)
@pytest.mark.parametrize(("method", "verb"), [("PUT", "replace"), ("POST", "append")])
def test_rules_come_as_what_they_say_they_are(method: str, verb: str, content_type: str | None, kind: str) -> None:
    """Under the name that they are given."""
    headers = {} if content_type is None else {"content_type": content_type}
    found = decide(asked("rules?name=my%20rules", method, b"...", **headers))
    assert found == Operation(verb=verb, values={"name": "my rules"}, kind=kind, body=b"...")  # type: ignore[arg-type]


def test_rules_without_a_name_get_one() -> None:
    """One that says where they came from."""
    found = decide(asked("rules", "POST"))
    assert isinstance(found, Operation)
    assert found.values == {"name": "sent"}


MOVES = "expected one of: advance, auto, hold, run, wait_until_parked"


@pytest.mark.parametrize(
    ("request_", "status", "message", "key", "hint"),
    [
        (
            asked("rule"),
            404,
            "there is nothing called '/_streamlab/rule' here",
            (),
            "did you mean 'rules'? expected one of: acc",
        ),
        (asked(""), 404, "there is nothing called '/_streamlab/' here", (), "expected one of: accept"),
        (asked("a" * 300), 404, f"there is nothing called '/_streamlab/{'a' * 88}' here", (), "expected one of"),
        (asked("rules", "PATCH"), 405, "rules takes no PATCH", (), "use GET or PUT or POST or DELETE"),
        (asked("rules", "OPTIONS"), 405, "rules takes no OPTIONS", (), "use GET or PUT or POST or DELETE"),
        (asked("reset"), 405, "reset takes no GET", (), "use POST"),
        (asked("rules?x=1"), 400, "there is no value 'x' here", ("x",), "take it out: nothing is taken here"),
        (asked("reset", "POST", b"[1]"), 400, "the body is no object of JSON", (), 'for example: {"advance": 30}'),
        (asked("reset", "POST", b"{"), 400, "the body is not JSON: ", (), ""),
        (asked("reset", "POST", b"[" * 100_000), 400, "the body is not JSON: ", (), ""),
        (asked("reset", "POST", b"\xff"), 400, "the body is not JSON: ", (), ""),
        (asked("reset", "POST", b'{"x": 1}'), 400, "there is no value 'x' here", ("x",), "take it out"),
        (
            asked("clock", "POST", b'{"hold": true}', content_type="application/x-www-form-urlencoded"),
            *(400, "the body comes as application/x-www-form-urlencoded", ("content-type",), "send JSON, and say so"),
        ),
        (
            asked("rules", "POST", b"{}", content_type="text/plain"),
            *(400, "rules do not come as text/plain", ("content-type",), "send it as application/json, application/yaml"),
        ),
        (asked("rules?name=", "POST"), 400, "a name of up to 200 characters is expected", ("name",), ""),
        (asked("rules?name=%0a", "POST"), 400, "a name of up to 200 characters is expected", ("name",), ""),
        (asked("rules?nam=a", "POST"), 400, "there is no value 'nam' here", ("nam",), "did you mean 'name'?"),
        (
            asked("namespaces", "POST", b'{"name": "a/b"}'),
            400,
            "'a/b' cannot be the name of a",
            ("name",),
            "a name has letters",
        ),
        (
            asked("namespaces", "POST", b'{"name": 1}'),
            400,
            "1 cannot be the name of a namespace",
            ("name",),
            "a name has letters",
        ),
        (asked("namespaces", "POST", b'{"redact": "a"}'), 400, "a list of patterns is expected", ("redact",), "for example"),
        (asked("namespaces", "POST", b'{"redact": ["("]}'), 400, "redact: the pattern '(' cannot be read", (), "it is a"),
        (asked("namespaces", "POST", b'{"nam": 1}'), 400, "there is no value 'nam' here", ("nam",), "did you mean 'name'?"),
        (asked("namespace", "DELETE", b'{"over": 1}'), 400, "a text is expected, not 1", ("over",), ""),
        (asked("journal?after=-1"), 400, "a number from 0 is expected, not '-1'", ("after",), ""),
        (asked("journal?ended=x"), 400, "a number from 0 is expected, not 'x'", ("ended",), ""),
        (asked("journal?wait=x"), 400, "a number of seconds from 0 to 60 is expected, not 'x'", ("wait",), ""),
        (asked(f"journal?wait={MAX_WAIT + 1}"), 400, "a number of seconds from 0 to 60 is expected, not 61.0", ("wait",), ""),
        (asked("journal?wait=nan"), 400, "a number of seconds from 0 to 60 is expected, not nan", ("wait",), ""),
        (asked("journal?aftr=1"), 400, "there is no value 'aftr' here", ("aftr",), "did you mean 'after'?"),
        (asked("clock", "POST"), 400, "one thing is expected that the clock does", (), MOVES),
        (asked("clock", "POST", b'{"hold": true, "auto": true}'), 400, "one thing is expected that the clock does", (), MOVES),
        (
            asked("clock", "POST", b'{"advnce": 1}'),
            400,
            "there is no value 'advnce' here",
            ("advnce",),
            "did you mean 'advance'?",
        ),
        (asked("clock", "POST", b'{"hold": 1}'), 400, "true is expected, not 1", ("hold",), ""),
        (asked("clock", "POST", b'{"advance": -1}'), 400, "a number of seconds from 0 is expected, not -1", ("advance",), ""),
        (asked("clock", "POST", b'{"advance": true}'), 400, "a number of seconds from 0 is expected", ("advance",), ""),
        (asked("clock", "POST", b'{"advance": Infinity}'), 400, "a number of seconds from 0 is expected", ("advance",), ""),
        (asked("clock", "POST", b'{"advance": NaN}'), 400, "a number of seconds from 0 is expected", ("advance",), ""),
        (
            asked("clock", "POST", b'{"wait_until_parked": true}'),
            *(400, "a whole number from 1 is expected, not True", ("wait_until_parked",), ""),
        ),
        (
            asked("clock", "POST", b'{"hold": true, "timeout": 600}'),
            *(400, "a number of seconds from 0 to 60 is expected, not 600", ("timeout",), ""),
        ),
        (asked("refuse", "POST", b'{"times": 0}'), 400, "a whole number from 1 is expected, not 0", ("times",), ""),
        (asked("refuse", "POST", b'{"time": 1}'), 400, "there is no value 'time' here", ("time",), "did you mean 'times'?"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_hint(
    request_: Request, status: int, message: str, key: tuple[str | int, ...], hint: str
) -> None:
    """And with the value at fault."""
    found = decide(request_)
    assert isinstance(found, Refusal)
    assert (found.status, found.key) == (status, key)
    assert found.message.startswith(message)
    assert found.hint.startswith(hint)
    assert bool(found.allow) == (status == 405)


@pytest.mark.parametrize(
    ("error", "document"),
    [
        (
            FaultError("no such fault", key=("rules", 0), hint="write another"),
            {"message": "no such fault", "hint": "write another", "key": ["rules", 0], "kind": "scenario"},
        ),
        (ScenarioError("bad").at("a.yaml", 2, 3), {"message": "a.yaml:2:3: bad", "kind": "scenario"}),
        (ServerError("no\n  hint: try"), {"message": "no", "hint": "try", "kind": "server"}),
        (VerificationError("late\n  a script runs"), {"message": "late\n  a script runs", "kind": "verification"}),
    ],
)
def test_an_error_is_told_as_json(error: StreamlabError, document: dict[str, Any]) -> None:
    """Whose fault it is, what it is, where, and what to do."""
    assert not isinstance(error, CassetteWarning)
    assert refusal_of(error).document == {"error": document}
    assert refusal_of(error).status == 400
