"""Tests of reading a document in any layout, and of what is refused, with its place."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from cassettes import ASKED, EXCHANGE, READS, STREAM, TEXT
from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.plan import Head
from streamlab.errors import ScenarioError
from streamlab.files.cassette_general import general_exchange

MINIMAL = "request:\nended: refused\n"


def found(text: str, *, with_body: bool = True) -> Exchange:
    """Return the exchange in a document that begins in line 10."""
    return general_exchange(text.encode(), 10, "c.yaml", with_body=with_body)


@pytest.mark.parametrize("style", [None, '"', "'"])
@pytest.mark.parametrize("flow", [None, False, True])
@pytest.mark.parametrize("dumper", [yaml.SafeDumper, yaml.CSafeDumper])
def test_what_another_tool_rewrote_says_the_same(style: str | None, flow: bool | None, dumper: type[yaml.SafeDumper]) -> None:  # noqa: FBT001
    """Any style of YAML, any order of keys."""
    data = yaml.load(TEXT.replace("recorded: 2026-11-21T06:30:00.000Z\n", ""), yaml.SafeLoader)
    for sort in (False, True):
        text = yaml.dump(data, Dumper=dumper, default_style=style, default_flow_style=flow, sort_keys=sort, allow_unicode=sort)
        if style:
            text = text.replace('!!int "200"', "200").replace("!!int '200'", "200")
            text = text.replace("!!float ", "").replace('"0.4123"', "0.4123").replace("'0.4123'", "0.4123")
            text = text.replace('"1.23"', "1.23").replace("'1.23'", "1.23")
        assert found(text) == replace(EXCHANGE, recorded=None)


@pytest.mark.parametrize(
    ("text", "exchange"),
    [
        ("request: {}\nended: refused\n", Exchange(request=Request(), head=None, ended=Ended.REFUSED)),
        ("request: {}\nresponse: null\nended: fin\n", Exchange(request=Request(), head=None, ended=Ended.FIN)),
        (
            "request: {headers: {a: 1, b: c}, body: {model: m, n: [1, ü]}}\nresponse: {status: 204}\nended: complete\n",
            Exchange(
                request=Request(headers=(("a", "1"), ("b", "c")), body='{"model":"m","n":[1,"ü"]}'.encode()), head=Head(204)
            ),
        ),
        (
            (
                "request: {body: !!binary /w==, headers: [[!!binary 6Q==, é→]]}\n"
                'response: {status: 999, headers: [[x, 1.5], [y, "caf\\xe9 \\x85\\x01"]]}\nended: end\n'
            ),
            Exchange(
                request=Request(body=b"\xff", headers=(("\udce9", "é→"),)),
                head=Head(999, (("x", "1.5"), ("y", "caf\xe9 \x85\x01"))),
                ended=Ended.END,
            ),
        ),
        (
            (
                "request:\n    body: |\n      a\n       b\n\n    path: /x\nresponse:\n  body: |+\n    - | a\n\n    2 | b\n\n"
                "  status: 200\n"
                "ended_at: 1\nended: complete\n"
            ),
            Exchange(
                request=Request(path="/x", body=b"a\n b\n"),
                head=Head(200),
                reads=(Read(b"a"), Read(b"b", 2.0)),
                ended_at=1.0,
            ),
        ),
        (
            "request:\n  body: |-\n    a\nresponse: {status: 200, body: '0.5 | a'}\nended: complete",
            Exchange(request=Request(body=b"a"), head=Head(200), reads=(Read(b"a", 0.5),)),
        ),
        (
            (
                "request:\n  note: |\n    body: |\n      x\n  body: |\n    a\n"
                "response:\n  status: 200\n  body: |\n    - | a\nx: [1, {b: c}]\nended: left"
            ),
            Exchange(
                request=Request(body=b"a\n"),
                head=Head(200),
                reads=(Read(b"a"),),
                ended=Ended.LEFT,
                others=(("x", [1, {"b": "c"}]), ("request.note", "body: |\n  x\n")),
            ),
        ),
        (
            "request: {query: 'a=b'}\nrecorded: 2026-01-01\nended: fin",
            Exchange(request=Request(query="a=b"), head=None, ended=Ended.FIN, recorded="2026-01-01"),
        ),
        (
            "request:\n  body: |\nresponse:\n  status: 200\n  body: |\nended: complete\n",
            Exchange(request=Request(), head=Head(200)),
        ),
    ],
)
def test_what_people_write_is_read(text: str, exchange: Exchange) -> None:
    """Less than the writer says, headers as a mapping, a body as YAML, unknown keys, a date that is a text."""
    assert found(text) == exchange


def test_the_body_of_the_answer_need_not_be_read() -> None:
    """Matching looks at requests alone."""
    broken = TEXT.replace("0.0001", "soon")
    assert found(broken, with_body=False) == replace(EXCHANGE, reads=())
    assert (EXCHANGE.request, EXCHANGE.head, EXCHANGE.reads) == (ASKED, STREAM, READS)


HEADERS = "for example: - [content-type, text/event-stream]"
ENDS = "expected one of: complete, corrupt, end, fin, interrupted, left, refused, reset, timeout, unknown"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "10:1: the document is empty\n  hint: take out one of the --- around it"),
        ("# nothing\n\n", "10:1: the document is empty\n  hint: take out one of the --- around it"),
        ("hello", "10:1: an exchange with the keys request, response and ended is expected, not 'hello'"),
        ("ended: fin\n", "10:1: there is no key 'request'\n  hint: an exchange has a request"),
        (MINIMAL, "10:1: request: a mapping is expected, not null"),
        ("request: {}\nresponse: 5\nended: fin", "11:1: response: a mapping is expected, not 5"),
        (
            "request: {}\n",
            "10:1: there is no key 'ended'\n  hint: an exchange says last how it ended, for example: ended: complete",
        ),
        ("request: {}\nended: complet\n", f"11:1: ended: 'complet' is no way to end\n  hint: did you mean 'complete'? {ENDS}"),
        ("request: {}\nended: [fin]\n", f"11:1: ended: ['fin'] is no way to end\n  hint: did you mean 'fin'? {ENDS}"),
        ("request: {path: 1}\nended: fin", "10:11: request.path: a text is expected, not 1"),
        (
            "request: {body: 1}\nended: fin",
            "10:11: request.body: a body: a text, !!binary, a mapping or a list is expected, not 1",
        ),
        (
            "request:\n  headers: x\nended: fin",
            f"11:3: request.headers: a list of headers is expected, not 'x'\n  hint: {HEADERS}",
        ),
        (
            "request:\n  headers:\n  - [a]\nended: fin",
            f"12:5: request.headers.0: a name and a value is expected, not ['a']\n  hint: {HEADERS}",
        ),
        (
            "request:\n  headers:\n  - [a, true]\nended: fin",
            "12:5: request.headers.0: a text is expected, not true",
        ),
        ("request:\n  headers:\n    a: null\nended: fin", "12:5: request.headers.a: a text is expected, not null"),
        (
            "request: {}\nresponse:\n  headers: {}\nended: fin",
            "11:1: response.status: a status of HTTP from 200 to 999 is expected, not null\n  hint: for example: status: 200",
        ),
        (
            "request: {}\nresponse:\n  status: OK\nended: fin",
            "12:3: response.status: a status of HTTP from 200 to 999 is expected, not 'OK'\n  hint: for example: status: 200",
        ),
        (
            "request: {}\nresponse:\n  status: 99\nended: fin",
            "12:3: response.status: a status of HTTP from 200 to 999 is expected, not 99\n  hint: for example: status: 200",
        ),
        (
            "request: {}\nresponse:\n  status: true\nended: fin",
            "12:3: response.status: a status of HTTP from 200 to 999 is expected, not true\n  hint: for example: status: 200",
        ),
        (
            "request: {}\nresponse:\n  status: 200\n  first: -1\nended: fin",
            "13:3: response.first: a number of seconds is expected, not -1\n  hint: for example: 0.4123",
        ),
        (
            "request: {}\nended_at: soon\nended: fin",
            "11:1: ended_at: a number of seconds is expected, not 'soon'\n  hint: for example: 0.4123",
        ),
        (
            "request: {}\nresponse:\n  status: 100\nended: fin",
            "12:3: response.status: a status of HTTP from 200 to 999 is expected, not 100\n  hint: for example: status: 200",
        ),
        (
            'request: {}\nresponse:\n  status: 200\n  headers:\n  - [a, b]\n  - ["x-a", "b\\r\\nc: d"]\nended: fin',
            "15:5: response.headers.1: a header cannot carry the character '\\r'\n  hint: write one line of Latin-1",
        ),
        (
            "request: {}\nresponse:\n  status: 200\n  headers: {x-a: é→}\nended: fin",
            "13:13: response.headers.x-a: a header cannot carry the character '\\u2192'\n  hint: write one line of Latin-1",
        ),
        (
            "request: {}\nresponse:\n  status: 200\n  headers:\n  - [x a, b]\nended: fin",
            (
                "14:5: response.headers.0: 'x a' is not the name of a header\n"
                "  hint: a name has letters, digits and hyphens, and no spaces"
            ),
        ),
        *(
            (
                f"request: {{path: '{path}'}}\nended: fin",
                (
                    f"10:11: request.path: the path of an address is expected, not '{path}'\n"
                    "  hint: it begins with a / and ends before the ?; what follows that is the query"
                ),
            )
            for path in ("v1/messages", "https://x.example/v1", "/v1/messages?beta=true")
        ),
        (
            "request: {method: PO ST}\nended: fin",
            "10:11: request.method: a method of HTTP is expected, not 'PO ST'\n  hint: for example: method: POST",
        ),
        *(
            (
                f"request: {{}}\nrespons: {{status: 200}}\nended: {ended}",
                "11:1: respons: there is no key 'response'\n  hint: write response in the place of respons",
            )
            for ended in ("complete", "fin")
        ),
        (
            "request: {}\nended: complete",
            (
                "11:1: ended: there is no response that can have ended so: complete\n"
                "  hint: an exchange without a response ended before it was answered, for example: ended: refused"
            ),
        ),
        ("request: {}\nrecorded: 5\nended: fin", "11:1: recorded: a text is expected, not 5"),
        (
            "request: {}\nresponse:\n  status: 200\n  body: [a]\nended: fin",
            (
                "13:3: response.body: a transcript in a literal block is expected, not ['a']\n"
                "  hint: write body: | and a line for each event"
            ),
        ),
        (
            "request: {}\nresponse:\n  status: 200\n  body: '- | a\n\n    - ?'\nended: fin",
            (
                "13:3: response.body: line 2: '?' is none of these\n"
                "  hint: after the time comes the name of an event with its data, or | with a text, or = with base64"
            ),
        ),
        (
            "request: {}\nresponse:\n  body: |\n      - | a\n\n      - ?\n  status: 200\nended: fin",
            (
                "15:9: response.body: '?' is none of these\n"
                "  hint: after the time comes the name of an event with its data, or | with a text, or = with base64"
            ),
        ),
        ("request: {}\nrequest: {}\nended: fin", "11:1: request: this key is written twice\n  hint: keep one of them"),
        (
            "request: {\nended: fin",
            (
                "10:10: not valid YAML: while parsing a flow mapping: expected ',' or '}', but got '<stream end>'\n"
                "  hint: a bracket or a brace is opened and not closed"
            ),
        ),
        (
            "request: {}\nx: !thing 1\nended: fin",
            "11:4: x: the tag '!thing' is not read here\n  hint: take it out: only !!binary is read",
        ),
    ],
)
def test_an_error_says_where_what_and_what_to_do(text: str, expected: str) -> None:
    """The line is that of the file; the key, what was expected, the nearest word."""
    with pytest.raises(ScenarioError) as caught:
        found(text)
    assert str(caught.value) == f"c.yaml:{expected}"
