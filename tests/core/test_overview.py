"""Overviews: one line for each exchange, and their sums."""

from __future__ import annotations

from dataclasses import replace

from recorded import REFUSED, answered, arrived, asks, closing, message_start, streamed, text_block

from streamlab.core.exchange import Ended, Request
from streamlab.core.overview import HEADING, Totals, overview, overview_data
from streamlab.core.plan import Head
from streamlab.core.shown import Line

ERROR = answered([b'{"type":"error","error":{"type":"a_very_long_type_of_error"}}'], head=Head(529), first=None, ended_at=None)

SIZE = arrived(streamed()).sums.size


def test_a_line_for_each_exchange() -> None:
    """Under the names of its columns; what is not known or not there is a hyphen."""
    lines = [overview(number, arrived(each)) for number, each in enumerate((streamed(), REFUSED, ERROR), 9)]
    end = "  claude-sonnet-4-6         POST /v1/messages"
    assert [line.text.removesuffix(end) for line in lines] == [
        f"    9     200  complete     end_turn               7        {SIZE}     600 ms     1.10 s",
        "   10       -  refused      -                      0          0          -          -",
        "   11     529  complete     a_very_long_typ…       0         61          -     0.0 ms",
    ]
    names = "  no.  status  ended        stop reason       events      bytes  1st token   duration"
    assert HEADING.text == f"{names}  model                     request"
    assert [line.style for line in lines] == ["", "error", "error"]


def test_what_went_wrong_stands_out() -> None:
    """A bad ending does, and an error in the stream."""
    error = {"type": "error", "error": {"type": "api_error"}}
    assert overview(1, arrived(streamed(ended=Ended.FIN))).style == "error"
    assert overview(1, arrived(streamed([message_start(), error]))).style == "error"
    assert overview(1, arrived(streamed(ended=Ended.UNKNOWN))).style == ""


def test_a_line_is_cut_and_clean() -> None:
    """Whatever the request says."""
    exchange = replace(streamed(), request=Request(path="/\x1b[2J", body=b'{"model":"m\x9bm"}'.replace(b"\x9b", b"\\u009b")))
    line = overview(1, arrived(exchange))
    assert line.text.endswith("m⟨9b⟩m                    POST /␛[2J")
    assert overview(1, arrived(exchange), 20) == Line("    1     200  comp…")


def test_the_model_is_that_of_the_answer_if_the_request_has_none() -> None:
    """A request that was not kept names none."""
    assert overview_data(1, arrived(replace(streamed(), request=Request())))["model"] == "m"


def test_the_same_as_data() -> None:
    """With more digits."""
    found = overview_data(2, arrived(streamed(recorded="2026-11-21T06:30:00Z")))
    assert {
        key: found[key] for key in ("exchange", "method", "path", "status", "ended", "stop_reason", "events", "recorded")
    } == {
        "exchange": 2,
        "method": "POST",
        "path": "/v1/messages",
        "status": 200,
        "ended": "complete",
        "stop_reason": "end_turn",
        "events": 7,
        "recorded": "2026-11-21T06:30:00Z",
    }
    assert set(found["longest_silence"]) == {"seconds", "where"}
    nothing = overview_data(1, arrived(REFUSED))
    assert (nothing["status"], nothing["longest_silence"]) == (None, None)


def test_the_sums() -> None:
    """Counted by status and by ending if there are several."""
    totals = Totals()
    assert str(totals) == "0 exchanges: 0 events, 0 bytes"
    totals.add(arrived(streamed([message_start(), *text_block("Hi"), *closing(tokens=1200)], request=asks())))
    size = totals.size
    assert str(totals) == f"1 exchange: 6 events, {size} bytes, 1,200 tokens of output; status 200; ended complete"
    totals.add(arrived(REFUSED))
    told = f"2 exchanges: 6 events, {size} bytes, 1,200 tokens of output; status 200 (1), no answer (1); "
    assert str(totals) == f"{told}ended complete (1), refused (1)"
