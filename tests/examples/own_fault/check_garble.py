# ruff: noqa: D100, D103, TC002 - as somebody would write it
from __future__ import annotations

from random import Random

import anthropic
from garble import Garble

from streamlab import Lab, Request, message


def asked(client: anthropic.Anthropic) -> str:
    with client.messages.stream(
        model="claude-sonnet-4-6", max_tokens=64, messages=[{"role": "user", "content": "Count."}]
    ) as stream:
        return "".join(stream.text_stream)


def test_a_client_reads_on_as_if_nothing_were_wrong(streamlab: Lab) -> None:
    streamlab.reply("One two three.", faults=[Garble(after="delta 1")])
    assert asked(streamlab.client) == "One"


def test_it_can_be_written_as_text(streamlab: Lab) -> None:
    streamlab.reply("One two three.", faults="garble: reverse, after: delta 2")
    assert asked(streamlab.client) == "One two"


def test_what_precedes_is_untouched_and_what_follows_is_turned_round() -> None:
    whole = message("One two three.").plan(Request(body=b'{"stream": true}'), Random(0))
    garbled = Garble(after="event 2").apply(whole, Random(0))
    index = Garble(after="event 2").point(whole).frame
    assert garbled.frames[:index] == whole.frames[:index]
    assert [frame.raw for frame in garbled.frames[index:]] == [frame.raw[::-1] for frame in whole.frames[index:]]
