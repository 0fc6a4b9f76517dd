"""A recorder for one test: what it records, what it leaves to the lab's rules, and what is wrong when it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from raw_client import RawClient
from raw_upstream import Peer, serving

import streamlab
from streamlab import Lab
from streamlab.errors import ScenarioError, ServerError
from streamlab.files.cassette import Cassette
from streamlab.files.cassette_output import Mode
from streamlab.net.lab import Host
from streamlab.net.lab_recorder import LabRecorder, LabRecording


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def host() -> Iterator[Host]:
    """Give a server whose labs are recorded for."""
    found = Host()
    yield found
    found.stop()


@pytest.fixture
def upstream() -> Iterator[Lab]:
    """Give what is recorded."""
    with streamlab.serve() as lab:
        lab.reply("From upstream.", times=9)
        yield lab
        lab.reset()


def ask(lab: Lab, text: str = "Hi") -> str:
    """Return what a client of the lab is answered."""
    message = lab.client.messages.create(model="claude-sonnet-4-6", max_tokens=9, messages=[{"role": "user", "content": text}])
    return getattr(message.content[0], "text")  # noqa: B009 - it is one of many kinds of block


def ask_once(lab: Lab) -> None:
    """Ask, and do not try again."""
    client = lab.client.with_options(max_retries=0)
    client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": "Hi"}])


def test_what_the_rules_do_not_answer_is_recorded(host: Host, upstream: Lab, tmp_path: Path) -> None:
    """The journal has both, whoever waits for calls is told, and the summary counts them apart."""
    lab = host.lab()
    lab.reply("Mine.", when={"last_user": "mine"})
    out = tmp_path / "made.yaml"
    recorder = LabRecorder(LabRecording(out=out, upstream=upstream.url, mode=Mode.ALL), host, lab)
    lab.url = recorder.url
    assert [ask(lab), ask(lab, "mine"), ask(lab)] == ["From upstream.", "Mine.", "From upstream."]
    assert lab.wait_for(3).statuses == (200, 200, 200)
    assert [call.rule for call in lab.journal] == ["upstream", "reply 1", "upstream"]
    summary = recorder.stop()
    assert (summary.recorded, summary.replayed, summary.is_there, recorder.troubles) == (2, 1, True, [])
    assert len(Cassette(out)) == 2
    lab.verify()
    lab.close()


def test_the_header_of_a_new_cassette_says_what_counts(host: Host, upstream: Lab, tmp_path: Path) -> None:
    """And what is secret: it is in no file."""
    out = tmp_path / "made.yaml"
    lab = host.lab()
    recording = LabRecording(
        out=out, upstream=upstream.url, mode=Mode.NEW, match={"ignore": ["max_tokens"]}, patterns=("cust_[0-9]+",)
    )
    recorder = LabRecorder(recording, host, lab)
    lab.url = recorder.url
    ask(lab, "for cust_12")
    recorder.stop()
    assert Cassette(out).header == {
        "streamlab": 1,
        "kind": "cassette",
        "match": {"ignore": ["max_tokens"]},
        "redact": ["cust_[0-9]+"],
    }
    assert "cust_12" not in out.read_text(encoding="utf-8")
    lab.close()


@pytest.mark.parametrize("early", [False, True])
def test_what_is_recorded_refuses_no_connections(host: Host, upstream: Lab, tmp_path: Path, *, early: bool) -> None:
    """The server's would not be asked, and the recorder may have its port; when it has stopped, all is as it was."""
    lab = host.lab(at_root=early)
    if early:
        lab.refuse()
    recording = LabRecording(out=tmp_path / "made.yaml", upstream=upstream.url, mode=Mode.ALL)
    recorder = LabRecorder(recording, host, lab, int(host.url.rpartition(":")[2]) if early else 0)
    server, lab.url = lab.url, recorder.url
    for act in (lab.refuse, lab.accept, lambda: lab.refuse(2)):
        with pytest.raises(ServerError, match="connections cannot be refused while a test is recorded\n  hint: refuse them in"):
            act()
    assert ask(lab) == "From upstream."
    recorder.stop()
    lab.accept()
    with lab.refuse(), pytest.raises(ConnectionRefusedError):
        RawClient(server)
    with RawClient(server) as client:
        assert client.ask().status == 404
    lab.close()


def test_what_cannot_be_begun_leaves_no_file(host: Host, tmp_path: Path) -> None:
    """An upstream that is no URL, a file that is no cassette, a port that is taken."""
    lab, out = host.lab(), tmp_path / "made.yaml"
    with pytest.raises(ServerError):
        LabRecorder(LabRecording(out=out, upstream="ftp://x", mode=Mode.NEW), host, lab)
    assert not list(tmp_path.iterdir())
    port = int(host.url.rpartition(":")[2])
    with pytest.raises(ServerError, match="in use"):
        LabRecorder(LabRecording(out=out, upstream="http://127.0.0.1:9", mode=Mode.NEW), host, lab, port)
    assert not list(tmp_path.iterdir())
    out.write_text("reply: Hi.\n", encoding="utf-8")
    with pytest.raises(ScenarioError):
        LabRecorder(LabRecording(out=out, upstream="http://127.0.0.1:9", mode=Mode.NEW), host, lab)
    assert out.read_text(encoding="utf-8") == "reply: Hi.\n"
    lab.close()


def test_a_recording_in_which_nothing_was_asked_leaves_no_file(host: Host, upstream: Lab, tmp_path: Path) -> None:
    """The summary says so."""
    lab, out = host.lab(), tmp_path / "made.yaml"
    summary = LabRecorder(LabRecording(out=out, upstream=upstream.url, mode=Mode.ALL), host, lab).stop()
    assert (summary.recorded, summary.is_there, list(tmp_path.iterdir())) == (0, False, [])
    lab.close()


def test_an_upstream_that_cannot_be_reached_is_recorded_as_such(host: Host, tmp_path: Path) -> None:
    """A failure is an exchange like any other."""
    lab, out = host.lab(), tmp_path / "made.yaml"
    gone = Host()
    gone.stop()
    recorder = LabRecorder(LabRecording(out=out, upstream=gone.url, mode=Mode.ALL), host, lab)
    lab.url = recorder.url
    with pytest.raises(Exception, match="Connection error"):
        lab.client.with_options(max_retries=0).messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]
        )
    recorder.stop()
    (exchange,) = Cassette(out)
    assert exchange.ended == "refused"
    lab.close()


def test_what_the_proxy_is_told_is_nowhere(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that refuses may quote the user and password that it was given."""
    body = b"denied for user:Pa55w0rd (dXNlcjpQYTU1dzByZA==)"

    def refuse(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 403 No\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        peer.left()

    lab, out = host.lab(), tmp_path / "made.yaml"
    with serving(refuse) as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:Pa55w0rd@127.0.0.1:{proxy.port}")
        recorder = LabRecorder(LabRecording(out=out, upstream="http://upstream.example", mode=Mode.ALL), host, lab)
        monkeypatch.delenv("http_proxy")
        lab.url = recorder.url
        with pytest.raises(Exception, match="denied"):
            ask_once(lab)
        recorder.stop()
    (exchange,) = Cassette(out)
    assert exchange.body == b"denied for [redacted] ([redacted])"
    lab.close()
