"""Whatever an upstream does, a client of the recorder and a client of its cassette see the same."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import anthropic
import pytest
from raw_upstream import HEAD, Peer, chunk, serving, write_authority
from recorders import exchanges, look, recorder, replay

from streamlab.core.authoring import as_reply
from streamlab.core.exchange import Ended, Request

ASKED = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Hello, wörld"}],
    "stream": True,
}
WORDS = [f"word{number} " for number in range(30)]
FRAMES = [frame.raw for frame in as_reply({"text": WORDS}).plan(Request(body=json.dumps(ASKED).encode()), Random(1)).frames]
ERROR = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
LAST = b"0\r\n\r\n"
CLEAN = b"".join(FRAMES)
SPLIT = CLEAN.replace(b"word3 ", "wörd3 ".encode())
LIMITS = b"retry-after: 0\r\nanthropic-ratelimit-requests-remaining: 0\r\nrequest-id: req_1\r\nX-Two: 1\r\nX-Two: 2\r\n"
GZIPPED = HEAD[:-2] + b"content-encoding: gzip\r\n\r\n"


def refusal(status: bytes, kind: str) -> bytes:
    """Return an error of the API, with its headers."""
    body = json.dumps({"type": "error", "error": {"type": kind, "message": "Not now"}}).encode()
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\n%bcontent-length: %d\r\n\r\n" % (status, LIMITS, len(body))
    return head + body


@dataclass(frozen=True, kw_only=True)
class Case:
    """What an upstream sends, piece by piece; what it does then; and what that is."""

    sent: tuple[bytes, ...]
    then: str = "left"
    ended: Ended
    outcome: str
    pause: float = 0.0

    def behave(self, peer: Peer) -> None:
        """Answer every request so, on the same connection if it lasts."""
        while True:
            peer.request()
            for piece in self.sent:
                peer.send(piece)
                time.sleep(self.pause)
            if self.then != "left":
                break
        getattr(peer, self.then)()
        if self.then == "fin":
            peer.left()


def _chunks(*pieces: bytes) -> tuple[bytes, ...]:
    return (HEAD, *(chunk(each) for each in pieces))


def _bytes(data: bytes) -> tuple[bytes, ...]:
    return tuple(data[at : at + 1] for at in range(len(data)))


WHOLE = "".join(WORDS)
CUT_OFF = "RemoteProtocolError: peer closed connection without sending complete message body"
CASES = {
    "a clean stream": Case(sent=(*_chunks(*FRAMES), LAST), ended=Ended.COMPLETE, outcome=WHOLE, pause=0.001),
    "an error event": Case(
        sent=(*_chunks(*FRAMES[:20], ERROR), LAST),
        ended=Ended.COMPLETE,
        outcome="APIStatusError: {'type': 'error'",
        pause=0.001,
    ),
    "a close inside a frame": Case(
        sent=_chunks(*FRAMES[:10], FRAMES[10][:30]), then="fin", ended=Ended.FIN, outcome=CUT_OFF, pause=0.001
    ),
    "a reset": Case(sent=_chunks(*FRAMES[:10]), then="reset", ended=Ended.RESET, outcome="ReadError: ", pause=0.001),
    "an unfinished body": Case(sent=_chunks(*FRAMES), then="close", ended=Ended.FIN, outcome=CUT_OFF),
    "a stall": Case(sent=_chunks(*FRAMES[:10]), ended=Ended.LEFT, outcome="ReadTimeout: "),
    "429": Case(sent=(refusal(b"429 Too Many Requests", "rate_limit_error"),), ended=Ended.COMPLETE, outcome="RateLimitError"),
    "529": Case(sent=(refusal(b"529 Overloaded", "overloaded_error"),), ended=Ended.COMPLETE, outcome="OverloadedError"),
    "gzip": Case(sent=(GZIPPED, chunk(gzip.compress(CLEAN)), LAST), ended=Ended.COMPLETE, outcome=WHOLE),
    "split characters": Case(
        sent=(*_chunks(*(SPLIT[at : at + 7] for at in range(0, len(SPLIT), 7))), LAST),
        ended=Ended.COMPLETE,
        outcome=WHOLE.replace("word3 ", "wörd3 "),
    ),
    "bytes that are no text": Case(
        sent=(*_chunks(*FRAMES[:3], b": \xff\xc3\r\r\n\n", *FRAMES[3:]), LAST),
        ended=Ended.COMPLETE,
        outcome="UnicodeDecodeError: ",
    ),
    "one byte per write": Case(
        sent=_bytes(HEAD + b"".join(map(chunk, FRAMES[:6])) + LAST), ended=Ended.END, outcome="word0 word1"
    ),
    "nothing at all": Case(sent=(), then="close", ended=Ended.FIN, outcome="APIConnectionError"),
    "a reset before the head": Case(sent=(), then="reset", ended=Ended.RESET, outcome="APIConnectionError"),
    "a corrupt chunk": Case(
        sent=(*_chunks(*FRAMES[:10]), b"XYZ\r\n"),
        ended=Ended.CORRUPT,
        outcome="RemoteProtocolError: illegal chunk header",
        pause=0.001,
    ),
    "an early end": Case(sent=(*_chunks(*FRAMES[:10]), LAST), ended=Ended.END, outcome="word0", pause=0.001),
    "no HTTP": Case(sent=(b"220 ready\r\n",), ended=Ended.CORRUPT, outcome="APIConnectionError"),
}


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the file of the authority that the upstreams here are certified by."""
    return write_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def request() -> bytes:
    """Return a request after whose answer the connection is closed."""
    body = json.dumps(ASKED).encode()
    lines = ["POST /v1/messages HTTP/1.1", "host: x", "x-api-key: sk-ant-api03-secret", "accept-encoding: gzip"]
    return "\r\n".join([*lines, "connection: close", f"content-length: {len(body)}", "\r\n"]).encode() + body


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_raw_client_sees_the_same_bytes_and_ending(case: Case, tls: bool, ca: str, tmp_path: Path) -> None:  # noqa: FBT001
    """Status, headers, chunks and ending; and what the cassette says of the ending is true."""
    out = tmp_path / "made.yaml"
    with serving(case.behave, tls=tls) as server, recorder(server.url, out, ca=ca) as running:
        live = look(running.url, request())
    (progress,) = running.ended
    assert (progress.failure, progress.check) == ("", "")
    assert [each.ended for each in exchanges(out)] == [case.ended] == [progress.ended]
    with replay(out) as url:
        assert look(url, request()) == live
    assert live.rest or not live.first or case.sent == ()


def outcomes(url: str) -> Iterator[str]:
    """Yield what the SDK makes of an answer: the text, or the exception with its text."""
    for is_raw in (True, False):
        with anthropic.Anthropic(api_key="sk-ant-api03-secret", base_url=url, max_retries=0, timeout=0.5) as client:
            pieces: list[str] = []
            try:
                if is_raw:
                    for event in client.messages.create(**ASKED):  # type: ignore[call-overload]
                        pieces += [event.to_json(indent=None)]
                else:
                    asked = {key: value for key, value in ASKED.items() if key != "stream"}
                    with client.messages.stream(**asked) as stream:  # type: ignore[arg-type]
                        yield stream.get_final_text()
                        continue
            except Exception as error:  # noqa: BLE001 - that is the outcome
                pieces.append(f"{type(error).__name__}: {error} caused by {error.__cause__!r}")
            yield "\n".join(pieces).replace(url, "URL")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_sdk_makes_the_same_of_it(case: Case, tmp_path: Path) -> None:
    """The message, or the exception's type and text."""
    out = tmp_path / "made.yaml"
    with serving(case.behave) as server, recorder(server.url, out) as running:
        live = list(outcomes(running.url))
    with replay(out) as url:
        assert list(outcomes(url)) == live
    assert live[1].startswith(case.outcome)
