"""A server in this thread: it serves until a signal, and follows its files."""

from __future__ import annotations

import os
import queue
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from raw_client import RawClient, request

from streamlab.core.journal import Call
from streamlab.errors import ScenarioError, ServerError
from streamlab.files.scenario import Scenario, load, merge
from streamlab.net import foreground
from streamlab.net.foreground import Listener, _Watched, run

HELLO = "streamlab: 1\nreply: {}.\n"
BROKEN = "streamlab: 1\nrepyl: Hi.\n"


class Heard:
    """A listener that writes down what it hears, and lets a client act in a thread of its own when the server is ready."""

    def __init__(self, act: Callable[[str, Heard], object]) -> None:
        self.events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.all: list[tuple[str, Any]] = []
        self.problem: BaseException | None = None
        self._act = act
        self.listener = Listener(
            ready=self._ready,
            ended=lambda call: self._hear("ended", call),
            reloaded=lambda scenario: self._hear("reloaded", scenario),
            failed=lambda error: self._hear("failed", error),
        )

    def next(self) -> tuple[str, Any]:
        """Wait for the next event."""
        return self.events.get(timeout=10)

    def _hear(self, name: str, value: object) -> None:
        self.all.append((name, value))
        self.events.put((name, value))

    def _ready(self, url: str) -> None:
        self.url = url
        threading.Thread(target=self._run).start()

    def _run(self) -> None:
        try:
            self._act(self.url, self)
        except BaseException as problem:  # noqa: BLE001 - it is raised again in the thread of the test
            self.problem = problem
        os.kill(os.getpid(), signal.SIGTERM)


def served(source: Path, act: Callable[[str, Heard], object], **options: Any) -> Heard:
    """Serve a source while `act` acts as its client; then the server gets a signal."""
    heard = Heard(act)
    run(lambda: load(source), heard.listener, **options)
    if heard.problem is not None:
        raise heard.problem
    return heard


def text_of(url: str) -> str:
    """Return what a server answers."""
    with RawClient(url) as client:
        body = client.ask().body.decode()
    return "".join(line.split('"text":"')[1].split('"')[0] for line in body.split("\n") if "text_delta" in line)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a scenario that says `first.`."""
    path = tmp_path / "mine.yaml"
    path.write_text(HELLO.format("first"))
    return path


@pytest.fixture
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the files every few milliseconds."""
    monkeypatch.setattr(foreground, "_LOOK_EVERY", 0.002)


# Until a signal


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal(file: Path, number: signal.Signals) -> None:
    """Either signal ends it, and nothing listens then."""

    def act(url: str, heard: Heard) -> None:
        assert text_of(url) == "first."
        name, call = heard.next()
        assert name == "ended"
        assert isinstance(call, Call)
        assert (call.rule, call.ended) == ("mine", "complete")
        os.kill(os.getpid(), number)

    heard = served(file, act)
    assert [name for name, _ in heard.all] == ["ended"]
    with pytest.raises(ConnectionRefusedError):
        RawClient(heard.url)


def test_a_signal_in_the_middle_of_a_stall_ends_it_too(tmp_path: Path) -> None:
    """The client is cut off, and the call is told as one that the server left."""
    path = tmp_path / "stall.yaml"
    path.write_text("streamlab: 1\nreply: {text: One two., faults: [{stall: forever, after: delta 1}]}\n")
    clients: list[RawClient] = []

    def act(url: str, _: Heard) -> None:
        clients.append(RawClient(url))
        clients[0].socket.sendall(request())
        clients[0].receive(500)

    heard = served(path, act)
    assert clients[0].answer().ending in ("fin", "reset")
    clients[0].socket.close()
    ((name, call),) = heard.all
    assert (name, call.ended, call.ended_by) == ("ended", "left", "server")


def test_host_and_port_are_those_asked_for(file: Path) -> None:
    """The URL has them."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert served(file, lambda *_: None, host="localhost", port=port).url in (
        f"http://127.0.0.1:{port}",
        f"http://[::1]:{port}",
    )


def test_what_cannot_be_loaded_is_not_served(tmp_path: Path) -> None:
    """The error comes out, and nobody is told of a server."""
    with pytest.raises(ScenarioError, match="there is no such file"):
        served(tmp_path / "none.yaml", lambda *_: None)


def test_an_address_that_cannot_be_had_comes_out(file: Path) -> None:
    """Nobody is told of a server."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ServerError, match="is in use"):
        served(file, lambda *_: None, port=taken.getsockname()[1])


def test_a_server_that_runs_for_days_remembers_only_so_much(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call is told, and the oldest are forgotten."""
    monkeypatch.setattr(foreground, "_KEPT_CALLS", 3)

    def act(url: str, _: Heard) -> None:
        for _number in range(5):
            text_of(url)

    assert [call.number for _, call in served(file, act).all] == [1, 2, 3, 4, 5]


# Files that change


def replace(path: Path, text: str) -> None:
    """Put a whole file in the place of another, as editors do: nobody sees half of it."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


@pytest.mark.usefixtures("_often")
def test_a_change_is_served_and_a_broken_one_is_not(file: Path) -> None:
    """A file that is written again is served; one that cannot be used is told, and the old replies are still given."""

    def act(url: str, heard: Heard) -> None:
        assert text_of(url) == "first."
        threading.Event().wait(0.02)  # it looks several times, and there is nothing new
        assert heard.next()[0] == "ended"
        replace(file, HELLO.format("second"))
        name, scenario = heard.next()
        assert (name, scenario.files) == ("reloaded", (file,))
        assert text_of(url) == "second."
        assert heard.next()[1].number == 1  # the journal and the counts begin anew
        replace(file, BROKEN)
        name, error = heard.next()
        assert name == "failed"
        assert str(error).startswith(f"{file}:2:1: repyl: ")
        assert text_of(url) == "second."
        heard.next()
        replace(file, HELLO.format("third"))
        assert heard.next()[0] == "reloaded"
        assert text_of(url) == "third."

    served(file, act, watch=True)


def test_without_watching_a_change_is_not_served(file: Path) -> None:
    """What was loaded is served to the end."""

    def act(url: str, _: Heard) -> None:
        file.write_text(HELLO.format("second"))
        assert text_of(url) == "first."

    assert [name for name, _ in served(file, act).all] == ["ended"]


def watched(*sources: Path) -> _Watched:
    """Return sources that are watched."""
    return _Watched(lambda: merge([load(source) for source in sources]))


def rewrite(path: Path, text: str) -> None:
    """Write a file again, at a time that is not the time it had."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 1_000_000, before + 1_000_000))


def replies(scenario: Scenario | None) -> list[str]:
    """Return the names of the rules."""
    assert scenario is not None
    return [rule.name for rule in scenario.rules]


def test_what_has_not_changed_is_not_new(file: Path) -> None:
    """Looking is not enough."""
    files = watched(file)
    assert [files.newer() for _ in range(3)] == [None] * 3


def test_a_file_that_a_reply_names_is_watched_too(file: Path) -> None:
    """A recorded stream that is recorded again is another answer."""
    recorded = file.with_name("recorded.sse")
    recorded.write_text("event: ping\ndata: {}\n\n")
    rewrite(file, "replies:\n- {sse: recorded.sse}\n- {sse: recorded.sse}\n")
    files = watched(file)
    assert files.scenario.files == (file, recorded)
    assert files.newer() is None
    rewrite(recorded, "event: pong\ndata: {}\n\n")
    assert files.newer() is not None


def test_what_was_saved_is_new_whatever_it_says(file: Path) -> None:
    """Saving a file begins it anew, once."""
    files = watched(file)
    rewrite(file, HELLO.format("first"))
    assert replies(files.newer()) == ["mine"]
    assert files.newer() is None


def test_an_error_is_told_once_for_each_saving(file: Path) -> None:
    """An error that stays is not told again and again; one that is saved again is."""
    files = watched(file)
    for _ in range(2):
        rewrite(file, BROKEN)
        with pytest.raises(ScenarioError, match="repyl"):
            files.newer()
        assert files.newer() is None
    rewrite(file, HELLO.format("first"))
    assert replies(files.newer()) == ["mine"]


def test_a_file_that_goes_and_comes_back_is_followed(file: Path) -> None:
    """Editors that replace a file take it away for a moment."""
    files = watched(file)
    file.unlink()
    with pytest.raises(ScenarioError, match="there is no such file"):
        files.newer()
    assert files.newer() is None
    file.write_text(HELLO.format("back"))
    assert replies(files.newer()) == ["mine"]


def test_a_new_file_in_a_folder_is_served(tmp_path: Path, file: Path) -> None:
    """So is one that is taken away; something else in the folder changes nothing."""
    files = watched(tmp_path)
    rewrite(tmp_path / "other.yaml", HELLO.format("other"))
    os.utime(tmp_path, ns=(1, 1))
    assert replies(files.newer()) == ["mine", "other"]
    (tmp_path / "notes.txt").write_text("nothing to serve")
    os.utime(tmp_path, ns=(2, 2))
    assert files.newer() is None
    file.unlink()
    os.utime(tmp_path, ns=(3, 3))
    assert replies(files.newer()) == ["other"]


def test_a_new_file_that_is_broken_is_followed_until_it_is_mended(tmp_path: Path, file: Path) -> None:
    """A file that never was served is looked at all the same once it has failed."""
    files = watched(tmp_path)
    broken = tmp_path / "other.yaml"
    broken.write_text(BROKEN)
    os.utime(tmp_path, ns=(1, 1))
    with pytest.raises(ScenarioError, match=r"other\.yaml"):
        files.newer()
    assert files.newer() is None
    rewrite(broken, HELLO.format("mended"))
    os.utime(tmp_path, ns=(1, 1))
    assert replies(files.newer()) == ["mine", "other"]
    rewrite(file, HELLO.format("second"))
    assert replies(files.newer()) == ["mine", "other"]


def test_a_change_during_the_loading_is_not_lost(file: Path) -> None:
    """What is written while a file is read is seen at the next look."""
    loads: list[int] = []

    def slow() -> Scenario:
        scenario = load(file)
        loads.append(len(loads))
        if len(loads) == 2:
            rewrite(file, HELLO.format("third"))
        return scenario

    files = _Watched(slow)
    rewrite(file, HELLO.format("second"))
    assert files.newer() is not None
    assert files.newer() is not None
    assert files.newer() is None


def test_an_error_that_names_no_file_is_told(file: Path) -> None:
    """Not every error stands in a file."""
    problems: list[ScenarioError] = []

    def refuse() -> Scenario:
        if problems:
            raise problems[0]
        return load(file)

    files = _Watched(refuse)
    problems.append(ScenarioError("not today"))
    rewrite(file, HELLO.format("second"))
    with pytest.raises(ScenarioError, match="not today"):
        files.newer()
    assert files.newer() is None
