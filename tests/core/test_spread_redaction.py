"""Secrets spread over the frames of a stream: found however the stream is cut, and nothing else is changed, moved or lost."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import AnyStr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamlab.core import spread_redaction as module
from streamlab.core.exchange import Read
from streamlab.core.redaction import redact_text
from streamlab.core.spread_redaction import SpreadRedactor
from streamlab.core.sse import decode

EXACT = "gateway-key\u00e9-0123456789"
SECRETS = (
    "sk-ant-api03-" + "x1_Y" * 6,
    "sk-" + "a1" * 12,
    "wrkspc_01AbCdEfGh",
    "ghp_" + "a1B2" * 9,
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow+/\nIBAAK=\n-----END RSA PRIVATE KEY-----",
    EXACT,
    "cust_1234",
)
PATTERNS = (re.compile(re.escape(EXACT)), re.compile("cust_[0-9]{4}"))
KEY = SECRETS[0]
NAMES = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
STYLES = ("api", "padded", "spaced", "crlf", "turned", "lines", "escaped")
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
START = b'data: {"type":"content_block_start","index":%d,"content_block":{"type":"text","text":"%b"}}\n\n'
STOP = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n'


def delta(text: str, index: int = 0, kind: str = "text_delta", style: str = "api") -> bytes:
    """Return the frame of a delta, written in one of the ways in which it may be."""
    said = {"type": kind, NAMES[kind]: text}
    event = {"type": "content_block_delta", "index": index, "delta": said}
    if style == "turned":
        event = {"delta": {NAMES[kind]: text, "more": {"text": [1, "x"]}, "type": kind}, "index": index, "type": event["type"]}
    separators = (", ", ": ") if style == "spaced" else (",", ":")
    data = json.dumps(event, separators=separators, ensure_ascii=style == "escaped")
    if style == "escaped":
        data = data.replace("k", "\\u006b").replace("/", "\\/")
    if style == "padded":
        data = f"{data[:-1]}    }}"
    if style == "lines":
        data = data.replace('"index"', '\ndata: "index"')
    frame = f"event: content_block_delta\ndata: {data}\n\n"
    return (frame.replace("\n", "\r\n") if style == "crlf" else frame).encode()


def texts(data: bytes) -> dict[tuple[int, str], str]:
    """Return the texts of a stream as whoever reads it joins them."""
    joined: dict[tuple[int, str], str] = {}
    for event in (frame.event for frame in decode(data)):
        said = (event or {}).get("delta") or (event or {}).get("content_block")
        for name in NAMES.values():
            if isinstance(said, dict) and isinstance(said.get(name), str):
                key = event["index"] if event else 0, name
                joined[key] = joined.get(key, "") + said[name]
    return joined


def redacted(reads: list[bytes], patterns: tuple[re.Pattern[str], ...] = PATTERNS) -> tuple[list[Read], SpreadRedactor]:
    """Return what comes of these reads, which come a second after each other."""
    redactor = SpreadRedactor(patterns)
    out = [each for at, data in enumerate(reads) for each in redactor.feed(Read(data, float(at)))]
    return [*out, *redactor.close()], redactor


def joined(reads: list[Read]) -> bytes:
    """Return the bytes of reads."""
    return b"".join(each.data for each in reads)


def cut(data: AnyStr, places: list[int]) -> list[AnyStr]:
    """Return the data cut at these places, as far as it is that long."""
    inside = sorted({each % (len(data) + 1) for each in places})
    return [data[start:end] for start, end in pairwise([0, *inside, len(data)])]


PLACES = st.lists(st.integers(0, 5000), max_size=40)
WORDS = st.lists(
    st.sampled_from(["so ", "task-", "a-", '"', "\\", "\n", "\u00e9", "\U0001f511", " is ", "://", "s", "x", "ey"])
).map("".join)


@pytest.mark.parametrize("style", STYLES)
@given(st.sampled_from(SECRETS), WORDS, WORDS, PLACES, PLACES, st.sampled_from(sorted(NAMES)), st.booleans())
def test_no_cut_saves_a_secret(  # noqa: PLR0913, PLR0917 - all that a stream may vary in
    style: str,
    secret: str,
    before: str,
    after: str,
    deltas: list[int],
    reads: list[int],
    kind: str,
    with_pings: bool,  # noqa: FBT001
) -> None:
    """Neither the bytes nor the joined texts hold it, and the rest of the text is all there."""
    said = f"{before} {secret} {after}"
    ping = PING if with_pings else b""
    frames = [START % (0, b""), *(delta(each, 0, kind, style) + ping for each in cut(said, deltas)), STOP % 0, b"data: {}\n\n"]
    out, redactor = redacted(cut(b"".join(frames), reads))
    data = joined(out)
    clean = redact_text(said, PATTERNS)
    assert secret.encode() not in data
    assert texts(data)[0, NAMES[kind]] == clean == f"{before} [redacted] {after}"
    assert redactor.count == 1
    assert redactor.delta == len(data) - len(b"".join(frames))
    assert data.count(PING) == len(frames[1:-2]) * with_pings
    times = [each.at or 0.0 for each in out]
    assert times == sorted(set(times))


@pytest.mark.parametrize("patterns", [(), PATTERNS])
@given(
    st.lists(st.tuples(WORDS, st.integers(0, 2), st.sampled_from(sorted(NAMES)), st.sampled_from(STYLES))), PLACES, st.binary()
)
def test_a_stream_without_secrets_stays_as_it_is(
    patterns: tuple[re.Pattern[str], ...], deltas: list[tuple[str, int, str, str]], places: list[int], junk: bytes
) -> None:
    """Bytes, boundaries and times, whatever blocks are open at once and whatever is no event."""
    frames = [delta(*each) + junk * (number == 2) for number, each in enumerate(deltas)]
    pieces = [each for each in cut(b"".join(frames), places) if each]
    out, redactor = redacted(pieces, patterns)
    if redactor.count == 0:
        assert out == [Read(each, float(at)) for at, each in enumerate(pieces)]
        assert redactor.delta == 0
    assert all(redact_text(each, patterns) == each for each in texts(joined(out)).values())


@given(
    st.lists(
        st.sampled_from(['{"', "delta", '":', "[", "}", ",", '"text', '"sk-ant-', "\\", "\\u", "\n\n", "data:", " ", "\r"])
    )
)
def test_nothing_is_lost_of_what_is_no_event(pieces: list[str]) -> None:
    """It is no JSON, or not to its end."""
    data = b'data: {"type":"content_block_delta","delta":' + "".join(pieces).encode()
    out, redactor = redacted([data[:9], data[9:]])
    assert redactor.count or joined(out) == data


def test_only_the_secret_goes() -> None:
    """Spaces, escapes, the order of keys and padding stay as they were written; frames in between keep their places."""
    frames = [
        b'data: {"delta" : {"text":"caf\\u00e9 \\ud83d\\ude00 \xc3\xa9 sk-","type":"text_delta"}, "index":0}\n\n',
        PING,
        b'event:x\r\ndata:{"index":0,"type":"content_block_delta","delta":{"text":"ant-\\u0061pi"}}  \r\n\r\n',
        b'data: {"index":1,"delta":{"text":" and "}}\n\n',
        b'event: x\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"x","text":"03 \\n\\/"}   }\n\n',
    ]
    out, redactor = redacted(frames, ())
    assert [each.data for each in out] == [
        frames[0].replace(b"sk-", b"[redacted]"),
        PING,
        frames[2].replace(b"ant-\\u0061pi", b""),
        frames[3],
        frames[4].replace(b"03", b""),
    ]
    assert [each.at for each in out] == [0, 1, 2, 3, 4]
    assert (redactor.count, redactor.events) == (1, 4)


def test_reads_keep_their_boundaries_and_times() -> None:
    """One within the secret goes behind what stands for it; a read of nothing but a part of it is none any more."""
    data = b"".join(delta(each) for each in ("my sk-ant-", "api03-", "abcdef now"))
    first, last = data.index(b"sk-ant"), data.index(b"abcdef")
    out, _ = redacted(cut(data, [first - 2, first + 3, first + 5, last + 1, last + 3]), ())
    assert [each.at for each in out] == [0, 1, 3, 5]
    assert joined(out) == data.replace(b"sk-ant-", b"[redacted]").replace(b"api03-", b"").replace(b"abcdef", b"")
    assert out[1].data.endswith(b"[redacted]")


@pytest.mark.parametrize(
    ("said", "held", "kept"),
    [
        (["Hello wor"], 0, None),
        (["a ta", "s"], 0, None),
        (["it i", "s s", "o", " be"], 0, None),
        (["Hello s"], 1, None),
        (["a sk-", "ant-", "api"], 3, None),
        (["a sk-", "ant-", "apis"], 3, ["a [redacted]", "", ""]),
        (["so sk-", "learn", " is"], 0, None),
        (["https:/", "/me:pa", "ss"], 2, None),
        (["https:/", "/me:pa", "ss@", "x"], 0, ["https:/", "/[redacted]", "@", "x"]),
        (["gateway", "-ke"], 2, None),
        (["gateway", "-ke", " not"], 0, None),
    ],
)
def test_a_frame_is_held_back_while_it_may_begin_a_secret(said: list[str], held: int, kept: list[str] | None) -> None:
    """And no longer; the end of the block lets everything go."""
    redactor = SpreadRedactor([re.compile(re.escape(EXACT))])
    out = [each for text in said for each in redactor.feed(Read(delta(text)))]
    assert len(out) == len(said) - held
    out += redactor.feed(Read(STOP % 0))
    assert [each.data for each in out] == [*map(delta, kept or said), STOP % 0]


def test_events_are_counted_when_they_come() -> None:
    """Not when they are let go."""
    redactor = SpreadRedactor()
    assert redactor.feed(Read(delta("a sk-"))) == []
    assert redactor.feed(Read(delta("ant-") + PING)) == []
    assert redactor.events == 2
    assert not redactor.saw_end
    redactor.feed(Read(b'event: message_stop\ndata: {"type":"message_stop"}\n\n'))
    assert (redactor.events, redactor.saw_end) == (3, True)


def test_a_users_pattern_is_awaited_for_some_hundred_characters() -> None:
    """What it may match cannot be known before."""
    redactor = SpreadRedactor(["cust_[0-9]+"])
    out, held = [], 0
    for number in range(200):
        out += redactor.feed(Read(delta(f"word {number} ")))
        held = max(held, number + 1 - len(out))
    assert 256 // 9 <= held <= 400 // 7
    out += [each for text in ("cu", "st", "_1", "2") for each in redactor.feed(Read(delta(text)))]
    out += redactor.close()
    assert texts(joined(out))[0, "text"].endswith("word 199 [redacted]")


def test_blocks_are_followed_each_for_itself() -> None:
    """Although the API never opens two at once; what a block begins with is part of its text."""
    said = [(0, "sk-ant-"), (1, "sk-"), (0, "api03"), (1, "ant-xxxx"), (0, "-abc "), (1, " it")]
    frames = [START % (0, b"A "), START % (1, b"s"), *(delta(text.removeprefix("s" * index), index) for index, text in said)]
    out, redactor = redacted([b"".join(frames)])
    assert texts(joined(out)) == {(0, "text"): "A [redacted] ", (1, "text"): "[redacted] it"}
    assert redactor.count == 2


def test_a_block_that_ends_ends_its_text() -> None:
    """The next one, of the same number or not, begins anew; so does another message."""
    for between in (STOP % 0, START % (0, b""), b'data: {"type":"message_stop"}\n\n'):
        frames = [delta("sk-a"), between, delta("nt-api03-abcd")]
        assert joined(redacted(frames)[0]) == b"".join(frames)


@pytest.mark.parametrize("size", [1, 5, 64, 70_000])
def test_many_deltas_at_once_are_taken_as_one_by_one(size: int) -> None:
    """A long read of nothing but deltas is passed over if there is no secret in it; one on its end or in it is found."""
    said = ["word ", "s", "k", "y sk-", "risk-", "\n", "\u00e9 "] * 150
    for place in (0, 200, 700, 1049):
        for secret in (KEY, "none"):
            pieces = [*said[:place], " ", *cut(secret, [1, 6, 20]), " ", *said[place:]]
            data = b"".join(map(delta, pieces))
            out, redactor = redacted([data[at : at + size * 97] for at in range(0, len(data), size * 97)], ())
            assert texts(joined(out))[0, "text"] == "".join(pieces).replace(KEY, "[redacted]")
            assert (redactor.count, redactor.events) == (int(secret == KEY), len(pieces))


@pytest.mark.parametrize("text", ["sk-" + "learn-" * 40, "-----BEGIN PRIVATE KEY-----\n" + "MIIE" * 60, "cust_" + "1" * 150])
def test_nothing_is_held_back_for_ever(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither many characters nor many bytes; what had come of the secret by then is taken out."""
    monkeypatch.setattr(module, "_MOST_TEXT", 400)
    monkeypatch.setattr(module, "_MOST", 20_000)
    for piece, many in ((text, 40), (text[:4], 3)):
        redactor, held = SpreadRedactor(), 0
        for data in (delta(piece), *([delta("learn-1")] * 150 * many), PING):
            redactor.feed(Read(data))
            held = max(held, len(redactor._held))
        assert held < 21_000
        redactor.close()


def test_a_frame_without_an_end_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is: memory is bounded, and what follows is looked at again."""
    monkeypatch.setattr(module, "_MOST", 1000)
    pieces = [b"data: x\n\ndata: ", *[b"y" * 99] * 50, b"\n\n", delta("sk-ant-"), delta("api03-abc")]
    redactor, out, held = SpreadRedactor(), [], 0
    for each in pieces:
        out += redactor.feed(Read(each))
        held = max(held, len(redactor._held))
    out += redactor.close()
    assert held < 1200
    assert joined(out) == b"".join(pieces).replace(b"sk-ant-", b"[redacted]").replace(b"api03-abc", b"")


def test_no_more_texts_are_followed_than_a_stream_has() -> None:
    """One that opens ever more blocks is not kept in mind."""
    redactor = SpreadRedactor()
    for index in range(500):
        redactor.feed(Read(delta("sk-", index)))
        assert len(redactor._runs) <= 65


def test_a_stream_that_breaks_off_within_a_delta_is_looked_at_too() -> None:
    """Its last frame is no event, but its bytes would be kept."""
    data = delta("sk-ant-") + delta("api03-") + delta("abcdef")[:-5]
    assert data.endswith(b'"abcdef')
    for tail in (b"", b"x\\", b'"', b'"}'):
        out, _ = redacted([data + tail])
        assert b"ant" not in joined(out)
        assert b"abc" not in joined(out)


@settings(max_examples=50)
@given(st.integers(0, 40), st.integers(2, 30))
def test_a_users_pattern_is_found_wherever_the_waiting_ends(before: int, size: int) -> None:
    """Also if what is held back begins within what it matches."""
    said = "word " * 100 + "x" * before + " cust_1234567890 " + "word " * 100
    data = [delta(said[at : at + size]) for at in range(0, len(said), size)]
    for pieces in (data, [b"".join(data)]):
        out, redactor = redacted(pieces, (re.compile("cust_[0-9]+"),))
        assert texts(joined(out))[0, "text"] == said.replace("cust_1234567890", "[redacted]")
        assert redactor.count == 1


def test_held_text_is_not_read_again_with_each_delta() -> None:
    """Time stays linear: ten thousand deltas behind what never becomes a key are done in no time."""
    redactor = SpreadRedactor()
    for piece in ("-----BEGIN PRIVATE KEY-----", *["word"] * 10_000):
        redactor.feed(Read(delta(piece)))
    redactor.close()
    assert redactor.count == 1
