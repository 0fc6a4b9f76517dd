"""The other end of a connection: what its machine has acknowledged, as the kernel tells it."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from typing import Any

import pytest

from streamlab.net import peer as module
from streamlab.net.peer import Peer

linux = pytest.mark.skipif(sys.platform != "linux", reason="only this kernel tells what was acknowledged")


def pair() -> tuple[socket.socket, socket.socket]:
    """Return two ends of a TCP connection; the second has a small buffer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.socket()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        theirs.connect(listener.getsockname())
        ours, _ = listener.accept()
    ours.settimeout(0)
    return ours, theirs


class Transport:
    """What a peer asks of a transport."""

    def __init__(self, raw: Any, waiting: int = 0) -> None:
        self.raw, self.waiting = raw, waiting

    def get_extra_info(self, name: str) -> Any:
        """Return the socket."""
        assert name == "socket"
        return self.raw

    def get_write_buffer_size(self) -> int:
        """Return how much the kernel has not taken."""
        return self.waiting


def written(peer: Peer, ours: socket.socket, data: bytes) -> None:
    """Send as much of it as the kernel takes; all of it counts as written."""
    peer.written += len(data)
    with contextlib.suppress(BlockingIOError):
        while data:
            data = data[ours.send(data) :]


def settled(peer: Peer) -> int:
    """Return what is lost when that does not change any more."""
    before = -1
    while (now := peer.lost) != before:
        before = now
        threading.Event().wait(0.01)
    return now


@linux
@pytest.mark.parametrize("how", ["at once", "after a look"])
def test_what_a_peer_that_left_had_not_acknowledged_is_lost(how: str) -> None:
    """What fitted into its buffer reached it; the rest is lost, whether it left before or after that was asked."""
    ours, theirs = pair()
    with ours:
        peer: Any = Peer(Transport(ours))  # type: ignore[arg-type]
        written(peer, ours, b"x" * 100)
        assert settled(peer) == 0
        written(peer, ours, bytes(5_000_000))
        lost = settled(peer)
        assert 4_000_000 < lost < 5_000_000
        theirs.close()
        if how == "after a look":
            with contextlib.suppress(ConnectionError):
                ours.recv(1)
        assert peer.lost == lost
        peer.leave()
    assert peer.lost == lost


@pytest.mark.parametrize("why", ["platform", "closed", "none", "short"])
def test_where_nobody_tells_what_the_kernel_took_counts(monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    """Another system, a socket that is closed, none at all, or a kernel that knows less: only what waits here is lost."""
    ours, theirs = pair()
    if why == "platform":
        monkeypatch.setattr("sys.platform", "darwin")
    if why == "short":
        monkeypatch.setattr(module, "_ACKNOWLEDGED", (10_000, 10_008))
    with ours, theirs:
        peer: Any = Peer(Transport(None if why == "none" else ours, waiting=70))  # type: ignore[arg-type]
        if why == "closed":
            ours.close()
        peer.written = 100
        assert peer.lost == 70
