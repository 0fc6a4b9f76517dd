"""`streamlab record` as a user runs it: a process of its own, its lines, its files, its exit codes, and what kills it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from raw_client import RawClient, request
from raw_upstream import HEAD, Peer, chunk, serving, write_authority
from recorders import LONG, RECORD, end, environment, exchanges, recording, run

from streamlab.core.exchange import Ended
from streamlab.files.cassette import Cassette

KEY = "sk-ant-api03-of-the-environment"

FRAMES = [b'event: content_block_delta\ndata: {"n": %d}\n\n' % number for number in range(20)]
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
LAST = b"0\r\n\r\n"
ANSWER = (HEAD, chunk(FRAMES[0]), chunk(STOP) + LAST)
CLIENT = """
import os, sys, urllib.request
url, key = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", os.environ.get("ANTHROPIC_API_KEY", "none")
for number in range(int(sys.argv[1])):
    asked = urllib.request.Request(url, data=b'{"number": %d}' % number, headers={"x-api-key": key})
    print(urllib.request.urlopen(asked).read())
sys.exit(int(sys.argv[2]))
"""
ASK = ("--", sys.executable, "-c", CLIENT, "1", "0")
"""A command that asks once."""


def answer(peer: Peer) -> None:
    """Answer every request."""
    while True:
        peer.request()
        peer.send(*ANSWER)


# Until a signal.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_recording(number: int, tmp_path: Path) -> None:
    """What was being written is finished; the lines say what went where, and the exit code is that of success."""
    with serving(answer) as server, recording("--upstream", server.url, "--out", "c/made.yaml", cwd=tmp_path) as (process, url):
        with RawClient(url) as client:
            assert client.ask().body == FRAMES[0] + STOP
            client.socket.sendall(request(body=b"{}"))
            client.receive(1)
        out, err = end(process, number)
    assert (process.returncode, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"  export ANTHROPIC_BASE_URL={url}"
    assert lines[1] == f"  (what {server.url} answers goes into c/made.yaml; Ctrl-C ends the recording)"
    line = r"POST /v1/messages 200: 2 events, \d+ bytes, first after \d+ ms, complete after \d+ ms, 1 secret redacted, checked"
    assert re.fullmatch(line, lines[2]), out
    assert "recorded 2 exchanges into c/made.yaml" in lines
    assert len(exchanges(tmp_path / "c" / "made.yaml")) == 2


def test_what_goes_on_is_marked_as_interrupted(tmp_path: Path) -> None:
    """Ctrl-C in the middle of an answer keeps what there is of it."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(HEAD, chunk(FRAMES[0]))
        peer.left()

    arguments = ("--out", "made.yaml", "--upstream")
    with serving(behave) as server, recording(*arguments, server.url, cwd=tmp_path) as (process, url), RawClient(url) as client:
        client.socket.sendall(request())
        while FRAMES[0] not in client._unread:
            assert client._more(LONG)
        out, _ = end(process)
    assert process.returncode == 0
    assert "interrupted after" in out
    assert [(each.ended, each.body) for each in exchanges(tmp_path / "made.yaml")] == [(Ended.INTERRUPTED, FRAMES[0])]


def test_json_is_an_object_a_line(tmp_path: Path) -> None:
    """For whoever reads it with a program."""
    arguments = ("--json", "--upstream", "", "--out", "made.yaml")
    with serving(answer) as server:
        given = [server.url if each == "" else each for each in arguments]
        with recording(*given, cwd=tmp_path) as (process, url), RawClient(url) as client:
            client.ask()
            out, _ = end(process)
    exchange, summary = (json.loads(line) for line in out.splitlines())
    assert exchange["event"] == "exchange"
    assert (exchange["status"], exchange["events"], exchange["ended"], exchange["check"]) == (200, 2, "complete", None)
    expected = {"recorded": 1, "replayed": 0, "redacted": 1, "failed": 0, "unlike": 0, "recovered": 0}
    assert summary == {"event": "summary", "out": "made.yaml", **expected}


def test_quiet_says_only_what_went_wrong(tmp_path: Path) -> None:
    """After the first line."""
    with (
        serving(answer) as server,
        recording("--quiet", "--upstream", server.url, "--out", "a.yaml", cwd=tmp_path) as (process, url),
    ):
        with RawClient(url) as client:
            client.ask()
        assert end(process) == ("", "")


def test_a_terminal_shows_an_answer_as_it_grows(tmp_path: Path) -> None:
    """One line, which is written over."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(HEAD)
        for each in FRAMES[:10]:
            peer.send(chunk(each))
            time.sleep(0.03)
        peer.send(chunk(STOP) + LAST)
        peer.left()

    ours, theirs = pty.openpty()
    with serving(behave) as server:
        arguments = [
            *RECORD,
            "--port",
            "0",
            "--upstream",
            server.url,
            "--out",
            "a.yaml",
            *ASK,
        ]
        subprocess.run(
            arguments, cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL, stderr=theirs, check=True, timeout=30
        )
    os.close(theirs)
    fcntl.fcntl(ours, fcntl.F_SETFL, os.O_NONBLOCK)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert re.search(r"\r\x1b\[KPOST /v1/messages 200: [1-9] events?, \d+ bytes, first after \d+ ms …\r\x1b\[K", shown), shown
    assert re.search(r"\r\x1b\[KPOST /v1/messages 200: 11 events, .*checked\r\n", shown), shown


def test_the_name_is_made_from_the_time_if_none_is_given(tmp_path: Path) -> None:
    """In the folder of cassettes."""
    with serving(answer) as server:
        run("--port", "0", "--upstream", server.url, *ASK, cwd=tmp_path)
    (made,) = (tmp_path / "cassettes").iterdir()
    assert re.fullmatch(r"recorded-\d{8}-\d{6}\.yaml", made.name)


# With a command.


@pytest.mark.parametrize("code", [0, 3])
def test_a_command_runs_against_the_recorder(code: int, tmp_path: Path) -> None:
    """It has its own key, and stdout but for the first line; its exit code is passed on."""
    with serving(answer) as server:
        arguments = (
            "--port",
            "0",
            "--upstream",
            server.url,
            "--out",
            "a.yaml",
            "--",
            sys.executable,
            "-c",
            CLIENT,
            "2",
            str(code),
        )
        done = run(*arguments, cwd=tmp_path, ANTHROPIC_API_KEY=KEY)
    first, *lines = done.stdout.splitlines()
    assert first.startswith("streamlab ready http://127.0.0.1:")
    assert lines == [repr(FRAMES[0] + STOP)] * 2
    assert done.returncode == code
    assert "recorded 2 exchanges into a.yaml\n  redacted: 2 secrets\n" in done.stderr
    assert all(f"x-api-key: {KEY}".encode() in each.lower() for each in server.requests)
    assert KEY not in done.stdout + done.stderr + (tmp_path / "a.yaml").read_text()


def test_the_key_of_the_environment_is_the_recorders_alone(tmp_path: Path) -> None:
    """The command has a dummy; the key is nowhere to be seen but upstream."""
    show = "import os; print(os.environ['ANTHROPIC_API_KEY'], os.environ.get('ANTHROPIC_AUTH_TOKEN'))\n"
    with serving(answer) as server:
        arguments = ("--key-from-env", "--port", "0", "--upstream", server.url, "--out", "a.yaml")
        command = ("--", sys.executable, "-c", show + CLIENT, "1", "0")
        done = run(*arguments, *command, cwd=tmp_path, ANTHROPIC_AUTH_TOKEN="plain-secret-of-mine")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1] == "streamlab-dummy-key None"
    assert b"authorization: Bearer plain-secret-of-mine" in server.requests[0]
    assert "plain-secret" not in done.stdout + done.stderr + (tmp_path / "a.yaml").read_text()


def test_the_password_of_a_proxy_is_not_printed_and_the_hint_is(tmp_path: Path) -> None:
    """What a proxy that refuses makes of the command: the hint has nothing in it that is taken for a password."""

    def refuse(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 407 user:Pa55w0rd\r\n\r\n")
        peer.fin()
        peer.left()

    with serving(refuse) as proxy:
        place = f"127.0.0.1:{proxy.port}"
        arguments = (
            "--upstream",
            "https://upstream.example",
            "--out",
            "made.yaml",
            *ASK,
        )
        found = run(*arguments, cwd=tmp_path, HTTPS_PROXY=f"http://user:Pa55w0rd@{place}")
    said = f"the proxy {place} refuses the user and password; put USER:PASSWORD@ before the host in HTTPS_PROXY"
    assert said in found.stdout + found.stderr
    assert "Pa55w0rd" not in found.stdout + found.stderr


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["no-such-command"], 127, "streamlab: there is no command 'no-such-command'\n  hint: what follows -- is run as it is"),
        (["/"], 126, "streamlab: the command '/' cannot be run: Permission denied"),
    ],
)
def test_a_command_that_cannot_be_run(command: list[str], code: int, said: str, tmp_path: Path) -> None:
    """The exit code is a shell's, and no cassette is left behind."""
    done = run("--port", "0", "--upstream", "http://127.0.0.1:9", "--out", "a.yaml", "--", *command, cwd=tmp_path)
    assert done.returncode == code
    assert done.stderr.splitlines()[-2 if "\n" in said else -1 :][0] in said
    assert said in done.stderr
    assert not (tmp_path / "a.yaml").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 7), (signal.SIGHUP, 129)])
def test_signals_are_passed_on(number: int, code: int, tmp_path: Path) -> None:
    """And what the command makes of them is its exit code."""
    caught = "signal.signal(signal.SIGINT, lambda *_: sys.exit(7))"
    program = f"import signal, sys, time\n{caught}\nprint('up', flush=True)\ntime.sleep(60)"
    command = ("--upstream", "http://127.0.0.1:9", "--out", "a.yaml", "--", sys.executable, "-c", program)
    with recording(*command, cwd=tmp_path) as (process, _):
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        end(process, number)
    assert process.returncode == code


# Modes.


def record_some(server: str, numbers: Sequence[int], mode: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Ask for these numbers in order."""
    program = CLIENT.replace("range(int(sys.argv[1]))", f"{list(numbers)!r}")
    arguments = ("--port", "0", "--mode", mode, "--upstream", server, "--out", "a.yaml")
    return run(*arguments, "--", sys.executable, "-c", program, "0", "0", cwd=cwd)


def numbers_in(path: Path) -> list[int]:
    """Return what the requests of a cassette asked for."""
    return [each.request.json["number"] for each in exchanges(path)]


def test_once_refuses_what_is_there(tmp_path: Path) -> None:
    """It says what to do, and changes nothing."""
    out = tmp_path / "a.yaml"
    with serving(answer) as server:
        record_some(server.url, [1], "once", tmp_path)
        before = out.read_bytes()
        done = record_some(server.url, [2], "once", tmp_path)
    assert done.returncode == 2
    hint = "--mode new keeps what it has and appends; --mode all records everything anew"
    assert done.stderr == f"streamlab: a.yaml: the file is there already\n  hint: {hint}\n"
    assert (out.read_bytes(), len(server.requests)) == (before, 1)


def test_new_replays_what_is_there_and_appends_the_rest(tmp_path: Path) -> None:
    """The upstream is asked only for what is new."""
    with serving(answer) as server:
        record_some(server.url, [1, 2], "new", tmp_path)
        done = record_some(server.url, [2, 3, 1, 1], "new", tmp_path)
    assert done.returncode == 0
    assert "recorded 1 exchange into a.yaml\n  replayed: 3 exchanges\n" in done.stderr
    assert done.stderr.count("POST /v1/messages 200: replayed, ") == 3
    assert numbers_in(tmp_path / "a.yaml") == [1, 2, 3]
    assert len(server.requests) == 3
    assert done.stdout.count(repr(FRAMES[0] + STOP)) == 4


def test_all_replaces_what_is_there_at_the_end(tmp_path: Path) -> None:
    """Until then it is as it was, and it stays if nothing was recorded."""
    out = tmp_path / "a.yaml"
    with serving(answer) as server:
        record_some(server.url, [1], "once", tmp_path)
        before = out.read_bytes()
        arguments = ("--mode", "all", "--upstream", server.url, "--out", "a.yaml")
        with recording(*arguments, cwd=tmp_path) as (process, url), RawClient(url) as client:
            assert client.ask(request(body={"number": 7})).body == FRAMES[0] + STOP
            assert out.read_bytes() == before
            end(process)
        assert numbers_in(out) == [7]
        assert [each.name for each in tmp_path.iterdir()] == ["a.yaml"]
        done = record_some(server.url, [], "all", tmp_path)
    assert "nothing was recorded: a.yaml is as it was" in done.stderr
    assert numbers_in(out) == [7]


@pytest.mark.parametrize("extra", [(), ("--json",)])
def test_all_replaces_nothing_if_nobody_answered(tmp_path: Path, extra: tuple[str, ...]) -> None:
    """What was recorded of an upstream that is down is put beside the cassette, and both are named."""
    out = tmp_path / "a.yaml"
    with serving(answer) as server:
        record_some(server.url, [1], "once", tmp_path)
        url = server.url
    before = out.read_bytes()
    arguments = ("--mode", "all", "--upstream", url, "--out", "a.yaml", *extra)
    with recording(*arguments, cwd=tmp_path) as (process, recorder), RawClient(recorder) as client:
        client.socket.sendall(request(body={"number": 7}))
        assert client.rest() == (b"", "fin")
        said, _ = end(process)
    assert out.read_bytes() == before
    assert numbers_in(tmp_path / "a.failed.yaml") == [7]
    told = 'a.failed.yaml", "recorded": 1' if extra else "into a.failed.yaml, and none was answered: a.yaml is as it was"
    assert told in said
    assert process.returncode == 1


def test_all_that_was_killed_leaves_the_old_cassette(tmp_path: Path) -> None:
    """What it had recorded is kept beside it, and said the next time."""
    out = tmp_path / "a.yaml"
    with serving(answer) as server:
        record_some(server.url, [1], "once", tmp_path)
        with recording("--mode", "all", "--upstream", server.url, "--out", "a.yaml", cwd=tmp_path) as (process, url):
            with RawClient(url) as client:
                client.ask(request(body={"number": 7}))
                time.sleep(0.1)
            process.kill()
            process.wait(LONG)
        assert numbers_in(out) == [1]
        done = record_some(server.url, [8], "all", tmp_path)
    assert "an earlier recording was killed; what it had recorded is kept in a.killed-1.yaml" in done.stderr
    assert (numbers_in(out), numbers_in(tmp_path / "a.killed-1.yaml")) == ([8], [7])


# Wrong things.

STREAM = "event: ping\ndata: {}\n\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--out", "folder.yaml"], 2, "folder.yaml: this is a folder, not a cassette\n  hint: name a file in it"),
        (["--out", "name"], 2, "name: a cassette's name ends in .yaml\n  hint: name it name.yaml"),
        (["--out", "file.txt/x.yaml"], 2, "file.txt/x.yaml: cannot be written: Not a directory"),
        (["--out", "/proc/nowhere/x.yaml"], 2, "/proc/nowhere/x.yaml: cannot be written: "),
        (["--out", "stream.yaml", "--mode", "new"], 2, "stream.yaml:1:1: this is a recorded stream, not a cassette"),
        (["--out", "stream.yaml", "--mode", "all"], 2, "stream.yaml:1:1: this is a recorded stream, not a cassette"),
        (
            ["--out", "newer.yaml", "--mode", "new"],
            2,
            "newer.yaml:1:1: streamlab: made by a newer streamlab (version 9); this one reads 1",
        ),
        (["--host", "::"], 2, ":: can be reached from other machines"),
        (["--upstream", "api.anthropic.com"], 2, "the upstream 'api.anthropic.com' is no URL"),
        (["--ca-file", "missing.pem"], 2, "the file 'missing.pem' of --ca-file cannot be read: No such file or directory"),
        (["--redact", "a(b"], 2, "--redact: the pattern 'a(b' cannot be read: missing ), unterminated subpattern at column 2"),
        (["--redact", "x*"], 2, "--redact: the pattern 'x*' matches nothing at all, which is everywhere"),
        (["--key-from-env"], 2, "--key-from-env: neither ANTHROPIC_API_KEY nor ANTHROPIC_AUTH_TOKEN is set"),
        (["--upstream-timeout", "soon"], 2, "'soon' is not a length of time; write 30s, 500ms or 2m"),
        (["--upstream-timeout", "0s"], 2, "no answer comes within 0 s"),
        (["--port", "TAKEN"], 2, "is in use\n  hint: choose another port, or 0 for any that is free"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(arguments: list[str], code: int, said: str, tmp_path: Path) -> None:
    """One clear message, no traceback; every file is as it was."""
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "file.txt").write_text("text")
    (tmp_path / "stream.yaml").write_text(STREAM)
    (tmp_path / "newer.yaml").write_text("streamlab: 9\nkind: cassette\n")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = [str(taken.getsockname()[1]) if each == "TAKEN" else each for each in arguments]
        more = [] if "--port" in given else ["--port", "0"]
        more += [] if "--out" in given else ["--out", "a.yaml"]
        done = run(*given, *more, "--", "true", cwd=tmp_path)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == code
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_pattern_of_the_project_counts(tmp_path: Path) -> None:
    """It stands in the nearest `pyproject.toml`; a cassette that does not know it takes no more exchanges."""
    (tmp_path / "pyproject.toml").write_text("[tool.streamlab]\nredact = ['number']\n")
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    arguments = ("--port", "0", "--redact", "nothing[0-9]", "--mode", "new", "--out", "a.yaml", "--upstream")
    with serving(answer) as server:
        for _ in range(2):
            done = run(*arguments, server.url, *ASK, cwd=folder)
        assert done.returncode == 0, done.stderr
        assert "replayed: 1 exchange" in done.stderr
        refused = run("--redact", "more", *arguments, server.url, "--", "true", cwd=folder)
    made = Cassette(folder / "a.yaml")
    assert made.header["redact"] == ["number", "nothing[0-9]"]
    assert made[0].request.body == b'{"[redacted]":0}'
    assert refused.returncode == 2
    assert "a.yaml:1:1: the header does not have the pattern 'more'\n  hint: write it there: redact: " in refused.stderr


def test_an_upstream_in_doubt_is_warned_of(tmp_path: Path) -> None:
    """With /v1 at its end, the path comes twice."""
    done = run("--port", "0", "--upstream", "http://127.0.0.1:9/v1/", "--out", "a.yaml", "--", "true", cwd=tmp_path)
    assert done.returncode == 0
    assert (
        "streamlab: warning: the upstream http://127.0.0.1:9/v1/ ends in /v1, and clients put /v1/messages after it"
        in done.stderr
    )


def test_a_certificate_that_is_not_trusted_is_told(tmp_path: Path) -> None:
    """The exchange is recorded as refused; with --ca-file it goes well."""
    ask = "print(urllib.request.urlopen(os.environ['ANTHROPIC_BASE_URL'] + '/x').read())"
    program = f"import os, urllib.request\ntry: {ask}\nexcept Exception as error: print(repr(error))"
    ca = write_authority(tmp_path)
    with serving(answer, tls=True) as server:
        arguments = ("--port", "0", "--upstream", server.url)
        refused = run(*arguments, "--out", "a.yaml", "--", sys.executable, "-c", program, cwd=tmp_path)
        fine = run(*arguments, "--out", "b.yaml", "--ca-file", ca, "--", sys.executable, "-c", program, cwd=tmp_path)
    assert (
        "is not trusted: unable to get local issuer certificate; name the authority that signed it with --ca-file"
        in refused.stderr
    )
    assert [each.ended for each in exchanges(tmp_path / "a.yaml")] == [Ended.REFUSED]
    assert "RemoteDisconnected" in refused.stdout
    assert repr(FRAMES[0] + STOP) in fine.stdout
