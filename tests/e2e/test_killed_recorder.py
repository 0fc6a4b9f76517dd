"""A recorder that is killed, again and again, at any moment of its work."""

from __future__ import annotations

import gzip
import os
import random
import time
from pathlib import Path

import pytest
from raw_client import RawClient, request
from raw_upstream import HEAD, Peer, chunk, serving
from recorders import LONG, exchanges, recording, replay

from streamlab.core.exchange import Ended
from streamlab.files.cassette_writer import recover

KILLS = int(os.environ.get("STREAMLAB_KILLS", "5"))
FRAMES = [b'event: content_block_delta\ndata: {"n": %d}\n\n' % number for number in range(20)]
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
LAST = b"0\r\n\r\n"


def test_a_recorder_that_is_killed_loses_no_exchange(tmp_path: Path) -> None:
    """At any moment: what the client had whole is whole, and replays; the last one is that or marked."""

    def behave(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(HEAD)
            for each in FRAMES:
                peer.send(chunk(each))
                time.sleep(0.0005)
            peer.send(chunk(STOP) + LAST)

    whole, lots = b"".join(FRAMES) + STOP, random.Random(7)
    with serving(behave) as server:
        for kill in range(KILLS):
            out = tmp_path / f"{kill}" / "a.yaml"
            with recording("--upstream", server.url, "--out", str(out), cwd=tmp_path) as (process, url):
                done, until = 0, time.monotonic() + lots.uniform(0.0, 0.15)
                with RawClient(url) as client:
                    while time.monotonic() < until:
                        assert client.ask(request(body={"number": done})).body == whole
                        done += 1
                    client.socket.sendall(request(body={"number": done}))
                    time.sleep(lots.uniform(0.0, 0.012))
                    process.kill()
                    process.wait(LONG)
            recover(out)
            check(out, done, whole)


PACKED = gzip.compress(b'{"x": "abc"}')
WHOLE = {
    "sized": b'HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{"x": "a"}',
    "compressed": b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b" % (len(PACKED), PACKED),
    "chunked": HEAD + chunk(STOP) + LAST,
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "empty": b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
}
"""Answers that say in several ways that they are whole."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", WHOLE)
def test_an_answer_is_on_disk_before_the_client_has_the_last_of_it(tmp_path: Path, kind: str) -> None:
    """However it says that it is whole: a recorder that is killed when the client has it has kept it."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(WHOLE[kind])
        peer.left()

    out = tmp_path / "a.yaml"
    with serving(behave) as server:
        arguments = ("--upstream", server.url, "--out", str(out), "--keep-encoding")
        with recording(*arguments, cwd=tmp_path) as (process, url), RawClient(url) as client:
            answered = client.ask(request(headers={"accept-encoding": "gzip"}))
            process.kill()
            process.wait(LONG)
    assert answered.ending == "complete"
    recover(out)
    assert [(each.ended, each.body) for each in exchanges(out)] == [(Ended.COMPLETE, answered.body)]


def check(out: Path, done: int, whole: bytes) -> None:
    """See that what the client has had whole is there, whole, and that what was cut off says so."""
    made = exchanges(out)
    finished = [each for each in made if each.ended is Ended.COMPLETE]
    others = [each for each in made if each.ended is not Ended.COMPLETE]
    assert [each.request.json["number"] for each in made] == list(range(len(made)))
    assert len(finished) in (done, done + 1)
    assert all(each.body == whole for each in finished)
    assert len(made) in (done, done + 1)
    assert [each.ended for each in others] in ([], [Ended.INTERRUPTED])
    assert all(whole.startswith(each.body) for each in others)
    if finished:
        with replay(out) as url, RawClient(url) as client:
            assert client.ask(request(body={"number": len(finished) - 1})).body == whole
