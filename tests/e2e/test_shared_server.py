"""One server for many: threads and processes that script it at once never see each other's requests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from raw_client import RawClient, request

from streamlab.core.environment import CONTROL_TOKEN
from streamlab.net.lab import Host, Lab
from streamlab.net.remote import RemoteHost

ROUNDS = 5
THREADS, LABS, PROCESSES = 8, 8, 4


def ask(lab: Lab, said: str) -> str:
    """Return what is answered to somebody who says this."""
    body = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [{"role": "user", "content": said}]}
    with RawClient(lab.url) as client:
        answered = client.ask(request(f"{client.prefix}/v1/messages", body=body))
    text: str = answered.json["content"][0]["text"]
    return text


def use(lab: Lab, name: str) -> None:
    """Script, ask, look, forget: all that is seen is what this user did."""
    for number in range(ROUNDS):
        mine = f"{name}, {number}"
        lab.reply(f"To {mine}.", when={"last_user": mine})
        assert ask(lab, mine) == f"To {mine}."
        assert lab.wait_for(1).texts == (mine,)
        lab.verify()
        lab.reset()


@contextmanager
def hosts(kind: str) -> Iterator[Host | RemoteHost]:
    """Give a host in this process, or one that is known by its URL."""
    host = Host()
    far = RemoteHost(host.url) if kind == "remote" else None
    try:
        yield far or host
    finally:
        if far is not None:
            far.stop()
        host.stop()


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_labs_of_many_threads_do_not_see_each_other(kind: str) -> None:
    """Eight threads, each with a lab of its own, at the same time."""
    failures: list[BaseException] = []

    def work(host: Host | RemoteHost, name: str) -> None:
        lab = host.lab()
        try:
            use(lab, name)
        except BaseException as error:  # noqa: BLE001 - it is looked at below
            failures.append(error)
        finally:
            lab.close()

    with hosts(kind) as host:
        threads = [threading.Thread(target=work, args=(host, f"thread {number}")) for number in range(THREADS)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert failures == []


def test_each_thread_uses_every_lab() -> None:
    """Eight threads by eight labs: each request is in the journal of its lab, once."""
    with hosts("remote") as host:
        labs = [host.lab() for _ in range(LABS)]
        for number, lab in enumerate(labs):
            lab.reply(f"Lab {number}.", times=THREADS)

        def work(thread: int) -> None:
            for number, lab in enumerate(labs):
                assert ask(lab, f"{thread} asks {number}") == f"Lab {number}."

        threads = [threading.Thread(target=work, args=(thread,)) for thread in range(THREADS)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        for number, lab in enumerate(labs):
            assert sorted(lab.journal.texts) == [f"{thread} asks {number}" for thread in range(THREADS)]
            lab.verify()
            lab.close()


_WORKER = textwrap.dedent(
    """
    import sys
    sys.path[:0] = sys.argv[3:]
    from test_shared_server import use
    from streamlab.net.remote import RemoteHost
    host = RemoteHost(sys.argv[1])
    lab = host.lab()
    use(lab, sys.argv[2])
    lab.close()
    host.stop()
    """
)


@pytest.mark.slow
def test_processes_share_a_server_of_the_command_line() -> None:
    """Four of them, with the token in their environment; the scenario that is served stays as it was."""
    environment = {**os.environ, CONTROL_TOKEN: "a-token-that-nobody-guesses"}
    folders = [each for each in sys.path if Path(each).is_relative_to(Path(__file__).parent.parent)]
    command = [sys.executable, "-m", "streamlab", "serve", "hello", "--port", "0", "--json", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as server:
        try:
            assert server.stdout is not None
            url = json.loads(server.stdout.readline())["url"]
            with RawClient(url) as client:
                assert client.ask(request("/_streamlab/rules", method="GET")).status == 403
            workers = [
                subprocess.Popen(
                    [sys.executable, "-W", "error", "-c", _WORKER, url, f"process {number}", *folders], env=environment
                )
                for number in range(PROCESSES)
            ]
            assert [each.wait(60) for each in workers] == [0] * PROCESSES
            host = RemoteHost(url, environment[CONTROL_TOKEN])
            root = host.lab(at_root=True)
            assert (len(root.journal), [each.name for each in root.usages()]) == (0, ["hello"])
            host.stop()
        finally:
            server.terminate()
