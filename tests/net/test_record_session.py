"""A whole recording, until its command ends; the rest of it is seen in the tests of the command line."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from raw_upstream import HEAD, Peer, chunk, serving

from streamlab.errors import ServerError
from streamlab.files.cassette_output import Mode
from streamlab.net.record_session import Listener, RecordSession, Summary, credentials, record
from streamlab.net.recording import Progress

STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
CLIENT = "import os, urllib.request as u; u.urlopen(os.environ['ANTHROPIC_BASE_URL'] + '/v1/messages', b'{}').read()"


def answer(peer: Peer) -> None:
    """Answer every request."""
    while True:
        peer.request()
        peer.send(HEAD + chunk(STOP) + b"0\r\n\r\n")


def test_a_command_is_recorded_and_then_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order in which things are told; with a cassette that has it all, the upstream is not asked."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    told: list[str | Summary | Progress] = []
    listener = Listener(ready=told.append, opened=told.append, went_on=told.append)
    out = tmp_path / "a.yaml"
    with serving(answer) as server:
        command = (sys.executable, "-c", CLIENT)
        for mode in (Mode.NEW, Mode.NEW):
            session = RecordSession(out=out, upstream=server.url, mode=mode, command=command)
            summary, code = record(session, listener)
            assert (code, summary.is_there, summary.failed, summary.unlike) == (0, True, 0, 0)
        assert len(server.requests) == 1
    assert (summary.recorded, summary.replayed) == (0, 1)
    assert isinstance(told[0], str)
    assert isinstance(told[1], Summary)
    assert isinstance(told[2], Progress)
    assert isinstance(told[-1], Progress)
    assert told[-1].is_replayed


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_the_proxy_is_told_is_nowhere(scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that refuses may quote the user and password that it was given."""
    secrets = (b"dXNlcjpQYTU1dzByZA==", b"user:Pa55w0rd", b"Pa55w0rd")
    said = b", ".join(secrets)

    def refuse(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 502 %b\r\nx-debug: %b\r\ncontent-length: %d\r\n\r\n%b" % (said, said, len(said), said))
        peer.left()

    told: list[Progress] = []
    listener = Listener(ready=lambda _: None, opened=lambda _: None, went_on=told.append)
    out = tmp_path / "a.yaml"
    client = CLIENT.replace("u.urlopen", "import contextlib\nwith contextlib.suppress(Exception): u.urlopen")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with serving(refuse) as proxy:
        monkeypatch.setenv(f"{scheme}_proxy", f"http://user:Pa55w0rd@127.0.0.1:{proxy.port}")
        command = (sys.executable, "-c", client)
        record(RecordSession(out=out, upstream=f"{scheme}://upstream.example", command=command), listener)
        assert secrets[0] in proxy.requests[0]
    kept = out.read_bytes() + repr(told).encode()
    assert b"[redacted]" in kept
    assert not [each for each in secrets if each in kept]


def test_certificates_are_for_tls(tmp_path: Path) -> None:
    """Without it they are an error, before anything is made."""
    listener = Listener(ready=lambda _: None, opened=lambda _: None, went_on=lambda _: None)
    session = RecordSession(
        out=tmp_path / "a.yaml", upstream="HTTP://upstream.example", ca_file="ca.pem", command=(sys.executable, "-c", "")
    )
    with pytest.raises(ServerError, match=r"^--ca-file says whom to trust in TLS, and the upstream is http://\n  hint: write"):
        record(session, listener)
    assert not list(tmp_path.iterdir())


def test_a_summary_counts() -> None:
    """What is in the cassette, what is not, and what would not replay."""
    summary = Summary(out=Path("a"))
    for news in ({}, {"failure": "x"}, {"check": "x", "redacted": 2}, {"is_replayed": True, "redacted": 1}):
        changed: dict[str, object] = {"number": 1, "method": "GET", "path": "/", **news}
        summary.count(Progress(**changed))  # type: ignore[arg-type]
    assert (summary.recorded, summary.failed, summary.unlike, summary.replayed, summary.redacted) == (2, 1, 1, 1, 3)


@pytest.mark.parametrize(
    ("variables", "header"),
    [
        ({"ANTHROPIC_API_KEY": " k \n", "ANTHROPIC_AUTH_TOKEN": "t"}, ("x-api-key", "k")),
        ({"ANTHROPIC_API_KEY": "", "ANTHROPIC_AUTH_TOKEN": "t"}, ("authorization", "Bearer t")),
    ],
)
def test_the_key_of_the_environment_is_a_header(variables: Mapping[str, str], header: tuple[str, str]) -> None:
    """As the SDKs would send it."""
    assert credentials(variables, "--key-from-env") == (header,)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "neither ANTHROPIC_API_KEY nor ANTHROPIC_AUTH_TOKEN is set"),
        ({"ANTHROPIC_API_KEY": "se\ncret"}, "ANTHROPIC_API_KEY cannot be sent"),
    ],
)
def test_a_key_that_is_none_is_an_error(variables: Mapping[str, str], said: str) -> None:
    """Which does not show it."""
    with pytest.raises(ServerError, match=said) as caught:
        credentials(variables, "--key-from-env")
    assert "cret" not in str(caught.value)
