"""Timelines: what a person sees of one recorded exchange."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from recorded import (
    JSON,
    PING,
    REFUSED,
    STREAM,
    answered,
    arrived,
    asks,
    block,
    closing,
    message_start,
    raw,
    streamed,
    text_block,
    tool_block,
)

from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.plan import Head
from streamlab.core.timeline import ENDINGS, asked, data, timeline


def shown(exchange: Exchange, *, width: int = 0, verbose: bool = False) -> list[str]:
    """Return the lines of an exchange."""
    return [line.text for line in timeline("a title", arrived(exchange), width=width, verbose=verbose)]


def style_of(exchange: Exchange, words: str) -> str:
    """Return what the line with these words is."""
    return next(line.style for line in timeline("a title", arrived(exchange)) if words in line.text)


PIECES = raw([message_start(), PING, *text_block("It is ", "red\x1b[31m"), *closing(tokens=20)])
EXCHANGE = Exchange(
    request=replace(
        asks("What\nis it?", tools=[{"name": "look"}], thinking={"type": "enabled", "budget_tokens": 9}), query="b=1"
    ),
    head=STREAM,
    reads=(
        Read(PIECES[0] + PIECES[1] + PIECES[2][:10], 0.0),
        Read(PIECES[2][10:], 0.1),
        *(Read(each, 0.3 + 0.1 * index) for index, each in enumerate(PIECES[3:])),
    ),
    first=0.4,
    ended_at=0.85,
    recorded="2026-11-21T06:30:00Z",
)
SHOWN = """\
a title
request   POST /v1/messages?b=1, 2026-11-21T06:30:00Z
          claude-sonnet-4-6, a stream, 1 message, 1 tool (look), max_tokens 100, thinking enabled 9
user      What⏎is it?
answer    200, text/event-stream; charset=utf-8, 400 ms after the request

 event      after        gap   bytes    what
     1     0.0 ms    +0.0 ms     166 ┌  message_start         m msg_1 (input 3)
     2                            36 ├  ping
     3                           117 └  block 0 starts        text
           100 ms    +100 ms         ╎  its byte 11 and on, in another read
     4     300 ms    +200 ms     121    text_delta            It is
     5     400 ms    +100 ms     128    text_delta            red␛[31m
     6     500 ms    +100 ms      73    block 0 stops         = It is red␛[31m
     7     600 ms    +100 ms     138    message_delta         stop_reason end_turn, (output 20)
     8     700 ms    +100 ms      51    message_stop

ended     complete 850 ms after the head: all of it came, and HTTP said so
sums      8 events (1 ping) in 7 reads, SIZE bytes
          time to first token 700 ms, duration 1.25 s
          20 tokens of output in 300 ms: 66.7 tokens/s
          longest silence 200 ms, before event 4 (content_block_delta)
"""


def test_a_whole_exchange() -> None:
    """What was asked, each event and how it came, what the pieces add up to, how it ended, and the sums."""
    assert shown(EXCHANGE) == SHOWN.replace("SIZE", str(len(EXCHANGE.body))).splitlines()


def test_each_line_is_cut_to_the_width() -> None:
    """And none is, without one."""
    assert max(map(len, shown(EXCHANGE, width=40))) == 40
    assert any(line.endswith("…") for line in shown(EXCHANGE, width=40))


def test_headers_are_shown_on_demand_and_without_secrets() -> None:
    """Of the request and of the answer."""
    request = replace(asks(), headers=(("x-api-key", "abc"), ("accept", "a\x1bb")))
    lines = shown(replace(streamed(), request=request), verbose=True)
    assert lines[4:6] == ["          x-api-key: [redacted]", "          accept: a␛b"]
    assert "          request-id: req_1" in lines
    assert "accept" not in "".join(shown(replace(streamed(), request=request)))


def test_columns_of_which_nothing_is_known_are_left_out() -> None:
    """An import has one read and no times."""
    exchange = answered([b"".join(PIECES)], times=[None], first=None, ended_at=None)
    lines = shown(exchange)
    assert " event   bytes  what" in lines
    assert "     2      36  ping" in lines
    assert "ended     complete: all of it came, and HTTP said so" in lines
    assert not any("silence" in line or "time to" in line for line in lines)


def test_a_time_that_is_not_known_is_left_out() -> None:
    """Though others are."""
    lines = shown(streamed(times=[0.0, None, 0.4, 0.5, 0.6, 0.7, 0.8]))
    assert lines[8:10] == [
        "     2                           111    block 0 starts        text".replace("111", f"{len(raw(text_block())[0])}"),
        f"     3     400 ms    +400 ms     {len(raw(text_block('Hi'))[1])}    text_delta            Hi",
    ]


def test_an_event_in_many_pieces_is_two_lines() -> None:
    """Byte by byte would be hundreds."""
    first = raw([message_start()])[0]
    lines = shown(answered([bytes([each]) for each in first], times=[index / 1000 for index in range(len(first))]))
    assert lines[8].strip() == f"{len(first) - 1} ms    +{len(first) - 1} ms         ╎  the last of {len(first)} reads of it"
    unknown = shown(answered([first[:5], first[5:], *raw([PING])], times=[0.0, None, 0.1]))
    assert unknown[8].strip() == "╎  its byte 6 and on, in another read"


@pytest.mark.parametrize("ended", Ended)
def test_each_ending_is_told_in_words(ended: Ended) -> None:
    """And stands out if it is a bad one."""
    line = f"ended     {ended} 700 ms after the head: {ENDINGS[ended]}"
    assert line in shown(streamed(ended=ended))
    assert style_of(streamed(ended=ended), line) == ("" if ended in {"complete", "unknown"} else "error")


@pytest.mark.parametrize(
    ("exchange", "words"),
    [
        (REFUSED, "ended     refused: no connection could be made"),
        (replace(REFUSED, ended=Ended.FIN), "ended     fin: the connection was closed before the head"),
        (REFUSED, "answer    none: not even a head came"),
        (REFUSED, "sums      0 reads, 0 bytes"),
        (answered([b"x"], head=Head(529)), "answer    529, no content-type, 400 ms after the request"),
        (
            answered([b"\x01"], head=Head(200, (("content-encoding", "br"),))),
            "the body is compressed with br, which is not read",
        ),
        (
            answered([b"\x01\x02"], head=Head(200, (("content-encoding", "gzip"),))),
            "          the gzip is damaged from there on",
        ),
        (streamed(first=None), "          time to first token 200 ms after the head, duration 700 ms"),
        (streamed(request=Request()), "          nothing"),
    ],
)
def test_what_is_missing_is_said(exchange: Exchange, words: str) -> None:
    """In words, not by a gap."""
    assert any(words in line for line in shown(exchange))


def test_a_body_is_shown_cut() -> None:
    """JSON with its indent, of all else the lines; 20 of them, and all on demand."""
    assert '    "a": "é⟨9b⟩"' in shown(answered([json.dumps([{"a": "é\x9b"}]).encode()], head=JSON))
    lines = [f"line {number}" for number in range(30)]
    page = answered(["\n".join(lines).encode()], head=Head(502, (("content-type", "text/html"),)))
    assert shown(page)[6:27] == [f"  {line}" for line in lines[:20]] + ["  … and 10 lines more; --verbose shows all"]
    assert shown(page, verbose=True)[8:38] == [f"  {line}" for line in lines]
    assert shown(answered([], head=JSON))[5:7] == [
        "",
        "ended     complete 0.0 ms after the head: all of it came, and HTTP said so",
    ]


def test_a_stream_without_events_has_no_columns() -> None:
    """Its head came, and nothing else."""
    assert not any("event  " in line for line in shown(answered([])))


def test_tool_results_are_named() -> None:
    """The message of the user has no text then."""
    call = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]}
    request = Request(body=json.dumps({"messages": [call, result]}).encode())
    assert "          results of look" in shown(streamed(request=request))


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(), "nothing"),
        (Request(body=b"[1]"), "3 bytes that are no JSON object"),
        (Request(body=b'{"a":1}'), "no model, no stream, 0 messages"),
        (Request(body=b'{"thinking":{"type":"disabled"}}'), "no model, no stream, 0 messages, thinking disabled"),
        (Request(body=b'{"thinking":7}'), "no model, no stream, 0 messages, thinking "),
    ],
)
def test_a_request_in_one_line(request_: Request, words: str) -> None:
    """Whatever its body is."""
    assert asked(request_) == words


@pytest.mark.parametrize(
    ("events", "told"),
    [
        (
            text_block("a", "b"),
            ["block 0 starts        text", "text_delta            a", "text_delta            b", "block 0 stops         = ab"],
        ),
        (
            block(
                {"type": "thinking", "thinking": ""},
                {"type": "thinking_delta", "thinking": "hm"},
                {"type": "signature_delta", "signature": "abc"},
            ),
            [
                "block 0 starts        thinking",
                "thinking_delta        hm",
                "signature_delta       3 characters",
                "block 0 stops         = hm",
            ],
        ),
        (
            tool_block("", '{"a":', "1}", index=3),
            [
                "block 3 starts        tool_use look toolu_1",
                "input_json_delta",
                'input_json_delta      {"a":',
                "input_json_delta      1}",
                'block 3 stops         = look {"a":1}',
            ],
        ),
        (block({"type": "web", "content": [1]}), ['block 0 starts        web {"content":[1]}', "block 0 stops"]),
        (block({}, {"type": "odd\x1b_delta", "x": 1}), ["block 0 starts", 'odd␛_delta            {"x":1}', "block 0 stops"]),
        ([{"type": "content_block_stop", "index": 4}], ["block 4 stops"]),
        ([{"type": "content_block_delta", "index": None, "delta": 3}], ["null                  {}"]),
        ([{"type": "error", "error": {"type": "a", "message": "b"}}], ["error                 a: b"]),
        ([{"type": "error", "error": 1}], ['error                 {"type":"error","error":1}']),
        ([{"type": "new\x9b", "x": 1}, {"type": "newer"}], ['new⟨9b⟩               {"x":1}', "newer"]),
        ([message_start(model=1, id="m", usage=None)], ["message_start         m"]),
        ([{"type": "message_delta", "delta": {"stop_details": {"a": 1}}}], ['message_delta         stop_details {"a":1}']),
    ],
)  # fmt: skip
def test_what_events_tell(events: list[dict[str, Any]], told: list[str]) -> None:
    """Pieces as they came, and at the end of each block what they add up to; what is not known as it is."""
    lines = shown(answered([b"".join(raw(events))], times=[None]))
    begin = next(index for index, line in enumerate(lines) if line.endswith("what")) + 1
    assert [line[16:] for line in lines[begin : begin + len(told)]] == told


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        (b"\xef\xbb\xbf", "a byte order mark"),
        (b"data: x\n\n\n", "a blank line"),
        (b": hi\x1b\n\n", "a comment             : hi␛"),
        (b"data: x\n\n", "no event              data: x⏎⏎"),
        (b"data: x\r\n\r\n", "no event              data: x␍⏎␍⏎"),
        (b"data: \xff", "unfinished            data: \\xff"),
    ],
)
def test_frames_without_an_event_are_shown_as_they_are(frames: bytes, told: str) -> None:
    """And stand out."""
    exchange = answered([frames], times=[None])
    assert any(line[16:] == told for line in shown(exchange))
    assert style_of(exchange, told) == "error"


def test_the_same_as_data() -> None:
    """First the exchange, then its events with their reads; what carries no event is raw."""
    first, *events = data(3, arrived(replace(EXCHANGE, reads=(*EXCHANGE.reads, Read(b"data: \xff", 0.8)))))
    assert {key: first[key] for key in ("exchange", "query", "stream", "messages", "tools", "last_user", "problem")} == {
        "exchange": 3,
        "query": "b=1",
        "stream": True,
        "messages": 1,
        "tools": ["look"],
        "last_user": "What\nis it?",
        "problem": None,
    }
    assert first["headers"][0] == ["content-type", "text/event-stream; charset=utf-8"]
    assert events[1] == {"event": 2, "type": "ping", "at": 0.0, "bytes": 36, "read": 1, "splits": [], "data": PING}
    assert events[2]["splits"] == [[10, 0.1]]
    assert [event["read"] for event in events] == [1, 1, 1, 3, 4, 5, 6, 7, 8]
    assert events[-1]["raw"] == "data: \\xff"


def test_a_body_as_data() -> None:
    """As JSON, as text, or not at all."""
    assert [*data(1, arrived(answered([b'{"a":1}'], head=JSON)))][1:] == [{"body": {"a": 1}}]
    assert [*data(1, arrived(answered([b"<p>"], head=JSON)))][1:] == [{"body": "<p>"}]
    (only,) = data(1, arrived(REFUSED))
    assert only["headers"] is None
