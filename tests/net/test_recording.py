"""One exchange being recorded: what is written and told of it, and that nothing that goes wrong is felt outside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.plan import Head
from streamlab.errors import ServerError
from streamlab.files import cassette_document
from streamlab.files.cassette import Cassette
from streamlab.files.cassette_output import CassetteOutput, Mode
from streamlab.net.recording import Progress, Recording, Recordings

REQUEST = Request(body=b'{"a":1}', headers=(("x-api-key", "weird-key-of-gateway-1"),))
HEAD = Head(200, (("content-type", "text/event-stream"), ("anthropic-organization-id", "0b5d2f3e-77aa-4bbb-8ccc-0123456789ab")))
FRAME = b"event: a\ndata: 1\n\n"
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


@pytest.fixture
def output(tmp_path: Path) -> Iterator[CassetteOutput]:
    """Give a cassette to record into."""
    made = CassetteOutput(tmp_path / "a.yaml", Mode.ONCE)
    yield made
    made.close(1)


Made = tuple[list[Progress], list[Exchange]]


def record(output: CassetteOutput, act: Callable[[Recordings], Awaitable[None]], *secrets: str) -> Made:
    """Return what was told, and what is in the cassette."""
    told: list[Progress] = []

    async def run() -> None:
        await act(Recordings(output.writer, told.append, matching=output.matching, secrets=secrets))

    asyncio.run(run())
    return told, list(Cassette(output.path))


@pytest.mark.parametrize("longest", [0, 1 << 20])
def test_an_exchange_is_told_as_it_grows(output: CassetteOutput, longest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is in the cassette, checked, when its end is told; a long one as well."""
    monkeypatch.setattr(cassette_document, "_LONG", longest)

    async def act(recordings: Recordings) -> None:
        recording = recordings.begin(REQUEST)
        recording.head(HEAD, 0.25)
        recording.read(Read(FRAME, 0.5))
        recording.read(Read(STOP, 0.75))
        recording.end(Ended.COMPLETE, 1.0)
        await recording.finish()

    told, (made,) = record(output, act)
    assert [(each.status, each.events, each.size, each.first, each.ended) for each in told] == [
        (None, 0, 0, None, None),
        (200, 0, 0, None, None),
        (200, 1, len(FRAME), 0.75, None),
        (200, 2, len(FRAME + STOP), 0.75, None),
        (200, 2, len(FRAME + STOP), 0.75, Ended.COMPLETE),
    ]
    assert (told[-1].redacted, told[-1].failure, told[-1].check, told[-1].ended_at) == (2, "", "", 1.0)
    assert (made.ended, tuple(made.reads), made.first) == (Ended.COMPLETE, (Read(FRAME, 0.5), Read(STOP, 0.75)), 0.25)


def test_a_stream_without_its_end_is_marked(output: CassetteOutput) -> None:
    """HTTP said that it was all, the stream did not."""

    async def act(recordings: Recordings) -> None:
        recording = recordings.begin(REQUEST)
        recording.head(HEAD, None)
        recording.read(Read(FRAME, None))
        recording.end(Ended.COMPLETE, None)
        await recording.finish()

    told, (made,) = record(output, act)
    assert (made.ended, told[-1].ended, told[-1].first, told[-1].check) == (Ended.END, Ended.END, None, "")


def test_no_secret_of_the_exchange_is_kept_or_told(output: CassetteOutput) -> None:
    """Those in the headers are known everywhere in it, in problems too; and those that nobody may keep."""
    secrets = (REQUEST.headers[0][1], HEAD.headers[1][1], "ours")
    body = b"data: %b\n\n" % " ".join(secrets).encode()

    async def act(recordings: Recordings) -> None:
        recording = recordings.begin(REQUEST)
        recording.head(HEAD, None)
        recording.read(Read(body, None))
        recording.end(Ended.FIN, None)
        await recording.finish(f"it said {secrets[0]}")

    told, (made,) = record(output, act, "ours")
    assert made.body == b"data: [redacted] [redacted] [redacted]\n\n"
    assert (told[-1].problem, told[-1].redacted) == ("it said [redacted]", 5)


def test_an_answer_without_a_head_is_kept(output: CassetteOutput) -> None:
    """There was a request, and this is how it ended."""

    async def act(recordings: Recordings) -> None:
        recording = recordings.begin(REQUEST)
        recording.end(Ended.REFUSED, 0.5)
        await recording.finish("nothing listens")

    told, (made,) = record(output, act)
    assert (made.head, made.ended, made.ended_at) == (None, Ended.REFUSED, 0.5)
    assert (told[-1].problem, told[-1].failure) == ("nothing listens", "")


@pytest.mark.parametrize(
    "error", [ServerError("the disk is full of weird-key-of-gateway-1"), ValueError("of weird-key-of-gateway-1")]
)
@pytest.mark.parametrize("when", ["begin", "exchange"])
def test_what_goes_wrong_is_told_once(
    output: CassetteOutput, error: Exception, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the beginning or at the end; the exchange goes on, and no secret is in what is told."""

    def fail(*_: object) -> None:
        raise error

    async def act(recordings: Recordings) -> None:
        monkeypatch.setattr(recordings.writer, when, fail)
        recording = recordings.begin(REQUEST)
        recording.head(HEAD, None)
        recording.read(Read(STOP, None))
        recording.end(Ended.COMPLETE, None)
        await recording.finish()

    told, made = record(output, act)
    kind = "" if isinstance(error, ServerError) else "ValueError: "
    assert told[-1].failure == kind + str(error).replace("weird-key-of-gateway-1", "[redacted]")
    assert told[-1].ended is Ended.COMPLETE
    assert len(made) == (when == "exchange")


def test_a_body_before_its_head_is_a_mistake(output: CassetteOutput) -> None:
    """Of whoever calls."""

    async def act(recordings: Recordings) -> None:
        recording = recordings.begin(REQUEST)
        with pytest.raises(ValueError, match="a head comes before a body"):
            recording.read(Read(b"x", None))
        recording.end(Ended.LEFT, None)
        await recording.finish()

    record(output, act)


def test_what_is_replayed_is_told_too(output: CassetteOutput) -> None:
    """Without its secrets, and with a number of its own."""

    async def act(recordings: Recordings) -> None:
        recordings.replayed(Request(path="/v1/sk-ant-api03-secret"), 200, 3, 100)
        recording = recordings.begin(REQUEST)
        recording.end(Ended.LEFT, None)
        await recording.finish()

    told, _ = record(output, act)
    assert (told[0].path, told[0].is_replayed, told[0].events, told[0].number) == ("/v1/[redacted]", True, 3, 1)
    assert told[1].number == 2


def test_equal_requests_are_kept_in_the_order_in_which_they_came(output: CassetteOutput) -> None:
    """Whichever is answered first; other requests are kept as soon as they are answered."""

    async def act(recordings: Recordings) -> None:
        other = replace(REQUEST, body=b"{}")
        first, second, third = (recordings.begin(each) for each in (REQUEST, REQUEST, other))
        waiting = asyncio.ensure_future(answer(second, b"second"))
        await answer(third, b"third")
        assert not waiting.done()
        await answer(first, b"first")
        await waiting

    async def answer(recording: Recording, body: bytes) -> None:
        recording.head(Head(200), None)
        recording.read(Read(body, None))
        recording.end(Ended.COMPLETE, None)
        await recording.finish()

    _, made = record(output, act)
    assert [each.body for each in made] == [b"third", b"first", b"second"]
