"""Tests of reading a document as the writer lays it out, in pieces and without YAML."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from cassettes import EXCHANGE, EXCHANGES, TEXT, WITH_OTHERS, span_of
from streamlab.core.exchange import Exchange, Read
from streamlab.errors import ScenarioError
from streamlab.files import cassette_document, cassette_general
from streamlab.files.cassette_document import exchange, request
from streamlab.files.cassette_general import general_exchange
from streamlab.files.cassette_text import compact, document, json_value


def found(data: bytes) -> Exchange:
    """Return the exchange in a document."""
    return exchange(lambda offset, size: data[offset : offset + size], span_of(data), "c.yaml")


def kept(exchange: Exchange) -> Exchange:
    """Return an exchange as a cassette keeps it: the request's JSON as SDKs send it."""
    value = json_value(exchange.request.body)
    made = replace(exchange, others=tuple(sorted(exchange.others, key=_place)))
    return made if value is None else replace(made, request=replace(made.request, body=compact(value)))


def _place(other: tuple[str, object]) -> int:
    """Return where an unknown key comes: at the top, in the request, in the answer."""
    return ["", "request", "response"].index(other[0].rpartition(".")[0])


@given(WITH_OTHERS)
def test_any_exchange_comes_back(made: Exchange) -> None:
    """Whatever is in it; and the request alone as well."""
    data = "".join(document(made)).encode()
    assert found(data) == kept(made)
    assert request(lambda offset, size: data[offset : offset + size], span_of(data), "c.yaml") == kept(made).request


@given(EXCHANGES)
def test_both_ways_of_reading_say_the_same(made: Exchange) -> None:
    """The patterns see what YAML sees."""
    data = "".join(document(made)).encode()
    assert cassette_document._exchange(lambda offset, size: data[offset : offset + size], span_of(data), "c") == kept(made)
    assert general_exchange(data, 1, "c.yaml") == kept(made)


def test_a_document_of_the_writer_is_read_without_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is laid out as usual costs little."""
    monkeypatch.setattr(cassette_general, "parse_located", None)
    assert found(TEXT.encode()) == EXCHANGE
    assert found(TEXT.encode() + b"\n\n") == EXCHANGE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2023-06-01", "2023\\x2d06-01"),
        ('"2023-06-01"', "'2023-06-01'"),
        ("query: beta=true", "query: beta=true  # more"),
        ("    0.0001", "\n    0.0001"),
        ("  body: |\n    0", "  body: |2-\n    0"),
        ("  first: 0.4123\n", "  # a comment\n  first: 0.4123\n"),
        ("status: 200", "status: 0xC8"),
        ("ended: complete\n", "ended: complete # really\n"),
        ("recorded: 2026-11-21T06:30:00.000Z", "recorded: '2026-11-21T06:30:00.000Z'"),
        ("\n", "\r\n"),
        ('"ping"}\n', '"ping"}\r\n'),
        ('    {\n     "model": "m",\n     "stream": true\n    }\n', '      {"model": "m",\n      "stream": true}\n'),
        ("    {\n", "\n    {\n"),
        ("  - [request-id, req_1]\n", "  - [request-id,\n     req_1]\n"),
        ("  - [request-id, req_1]\n", "  - - request-id\n    - !!binary cmVxXzE=\n"),
        ("anthropic-version", '"anthropic\\/version"'),
    ],
)
def test_another_layout_says_the_same(old: str, new: str) -> None:
    """Quotes, comments, blank lines, other numbers, other ends of lines."""
    text = TEXT.replace(old, new)
    assert text != TEXT
    expected = (
        EXCHANGE
        if "version" not in old
        else replace(EXCHANGE, request=replace(EXCHANGE.request, headers=(("anthropic/version", "2023-06-01"),)))
    )
    assert found(text.encode()) == expected


def test_long_blocks_are_read_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of any size, and a line longer than a piece."""
    made = replace(EXCHANGE, reads=tuple(Read(b"event: a\ndata: %b\n\n" % (b"x" * size), 0.1) for size in range(1, 200, 7)))
    data = "".join(document(made)).encode()
    for size in (1, 10, 64, 1000):
        monkeypatch.setattr(cassette_document, "_PIECE", size)
        assert found(data) == made


@pytest.mark.parametrize("comment", ["", " # as it was"])
def test_a_long_body_is_read_when_somebody_goes_through_it(comment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Again each time, and no further than they go; in any layout."""
    monkeypatch.setattr(cassette_document, "_LONG", 0)
    monkeypatch.setattr(cassette_document, "_PIECE", 16)
    data = TEXT.replace("status: 200", f"status: 200{comment}").encode()
    asked: list[int] = []

    def source(offset: int, size: int) -> bytes:
        asked.append(offset)
        return data[offset : offset + size]

    made = exchange(source, span_of(data), "c.yaml")
    if not comment:
        asked.clear()
        next(iter(made.reads))
        assert max(asked) < span_of(data).response_end - 16
    assert tuple(made.reads) == tuple(made.reads) == EXCHANGE.reads
    assert (len(made.reads), made.reads[0], made.reads[1:]) == (len(EXCHANGE.reads), EXCHANGE.reads[0], EXCHANGE.reads[1:])
    assert made.body == EXCHANGE.body
    assert replace(made, reads=EXCHANGE.reads) == EXCHANGE


def test_a_long_body_that_is_laid_out_otherwise_from_some_line_on_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read before is not read twice."""
    monkeypatch.setattr(cassette_document, "_LONG", 0)
    monkeypatch.setattr(cassette_document, "_PIECE", 64)
    reads = tuple(Read(b"event: a\ndata: %d\n\n" % number, 0.1) for number in range(40))
    lines = "".join(document(replace(EXCHANGE, reads=reads))).splitlines(keepends=True)
    last = max(number for number, line in enumerate(lines) if line.startswith("    0.1 a"))
    data = "".join([*lines[:last], "\n", *lines[last:]]).encode()
    assert tuple(exchange(lambda offset, size: data[offset : offset + size], span_of(data), "c.yaml").reads) == reads


def test_an_error_late_in_a_long_body_comes_when_it_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its place in the file."""
    monkeypatch.setattr(cassette_document, "_LONG", 0)
    reads = iter(found(TEXT.replace("⟦ff⟧", "⟦f⟧").encode()).reads)
    assert next(reads) == EXCHANGE.reads[0]
    with pytest.raises(ScenarioError, match=r"c\.yaml:22:35: response\.body: '⟦f⟧' is no run of bytes"):
        list(reads)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "0.1302 ping",
            "soon ping",
            (
                "c.yaml:21:5: response.body: a line begins with the time at which it came, with - or with +, not with 'soon'\n"
                '  hint: a line is such as: 0.1302 message_stop {"type":"message_stop"}'
            ),
        ),
        (
            "⟦ff⟧",
            "⟦f⟧",
            (
                "c.yaml:22:35: response.body: '⟦f⟧' is no run of bytes\n"
                "  hint: between ⟦ and ⟧ stand bytes as two hex digits each; a ⟦ itself is ⟦e29fa6⟧"
            ),
        ),
        ("ended: complete", "ended: complet", None),
    ],
)
@pytest.mark.parametrize("comment", ["", " # as it was"])
def test_an_error_in_the_body_has_its_place(old: str, new: str, expected: str | None, comment: str) -> None:
    """The line and the column in the file, whichever way it was read."""
    data = TEXT.replace(old, new).replace("status: 200", f"status: 200{comment}").encode()
    with pytest.raises(ScenarioError) as caught:
        found(data)
    assert str(caught.value) == (expected or str(caught.value))
    assert caught.value.line == (24 if expected is None else int(expected.split(":")[1]))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("status: 200", "status: 100", "14:3: response.status: "),
        ("[request-id, req_1]", r'[request-id, "a\r\nb: c"]', "17:5: response.headers.1: "),
        ("path: /v1/messages", "path: v1/messages", "4:3: request.path: "),
        ("method: POST", 'method: "PO ST"', "3:3: request.method: "),
        (TEXT[TEXT.index("response:") : TEXT.index("ended_at")], "", "14:1: ended: "),
        ("response:", "respons:", "13:1: respons: "),
    ],
)
def test_what_was_never_asked_or_answered_is_an_error(old: str, new: str, expected: str) -> None:
    """In the writer's layout as in any other: it would be replayed as something else, or never."""
    with pytest.raises(ScenarioError) as caught:
        found(TEXT.replace(old, new).encode())
    assert str(caught.value).startswith(f"c.yaml:{expected}")


def test_bytes_that_are_no_text_are_an_error_with_its_place() -> None:
    """The loader that knows the places says where."""
    with pytest.raises(ScenarioError) as caught:
        found(TEXT.encode().replace(b"ping {", b"ping \xff"))
    assert str(caught.value) == "c.yaml:21:17: not a text in UTF-8: a byte is 0xff\n  hint: save the file as UTF-8"


def test_a_text_in_a_block_is_the_body_of_a_request() -> None:
    """It is not JSON, so it is taken as it is."""
    text = TEXT.replace('    {\n     "model": "m",\n     "stream": true\n    }\n', "    a=b\n    c\n")
    assert found(text.encode()) == replace(EXCHANGE, request=replace(EXCHANGE.request, body=b"a=b\nc\n"))


def test_half_a_character_is_an_error() -> None:
    """No text can hold it."""
    with pytest.raises(ScenarioError) as caught:
        found(TEXT.replace("2023-06-01", "\\ud800").encode())
    assert str(caught.value) == (
        "c.yaml:7:25: request.headers.0.1: this text holds half of a character: a surrogate without its other half\n"
        "  hint: a stream with such bytes can be written with raw: !!binary"
    )
