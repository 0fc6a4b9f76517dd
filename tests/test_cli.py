"""The command line as a stranger sees it: what is printed where, exit codes, signals, and closed pipes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from raw_client import MESSAGE, WATCH, RawClient, request

from streamlab import cli
from streamlab._version import __version__
from streamlab.cli import main
from streamlab.files.library import scenario_names

COMMANDS = ("demo", "scenarios", "serve")
READY = re.compile(r"streamlab ready (http://127\.0\.0\.1:\d+)")
SSE = b'event: message_start\ndata: {"type":"message_start"}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'


def invoke(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, arguments)


def printed() -> str:
    """Return what has been printed so far."""
    return "".join(each.buffer.getvalue().decode() for each in (sys.stdout, sys.stderr))  # type: ignore[attr-defined]


def wait_for(words: str) -> None:
    """Wait until these words are printed."""
    for _ in range(5000):
        if words in printed():
            return
        threading.Event().wait(0.002)
    raise AssertionError(f"{words!r} was never printed, but {printed()!r}")


def interrupted(*arguments: str, act: Callable[[str], object] = lambda _: None) -> Result:
    """Run a command in this process; when it has told of its server, let `act` act as the client, and then interrupt it."""
    problems: list[BaseException] = []

    def client() -> None:
        try:
            wait_for("http://")
            act(re.findall(r"http://127\.0\.0\.1:\d+", printed())[0])
        except BaseException as problem:  # noqa: BLE001 - it is raised again in the thread of the test
            problems.append(problem)
        os.kill(os.getpid(), signal.SIGINT)

    class Started(CliRunner):
        """A runner whose client starts once the output is captured."""

        @contextmanager
        def isolation(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
            """Capture the output, and start the client."""
            with super().isolation(*args, **kwargs) as streams:
                threading.Thread(target=client).start()
                yield streams

    result = Started().invoke(main, arguments)
    if problems:
        raise problems[0]
    return result


def serve(*arguments: str, act: Callable[[str], object] = lambda _: None) -> tuple[list[str], Result]:
    """Serve in this process while `act` acts as the client, then interrupt it; return the lines that were printed."""
    result = interrupted("serve", "--port", "0", *arguments, act=act)
    assert (result.exit_code, result.exception) == (0, None)
    return result.stdout.splitlines(), result


def ask(url: str, *, times: int = 1, **what: Any) -> bytes:
    """Send a request so many times; return the body of the last answer."""
    with RawClient(url) as client:
        for _ in range(times):
            answered = client.ask(request(**what))
    return answered.body


# Help


def test_the_version_is_told() -> None:
    """It is the version of the package."""
    assert invoke("--version").output == f"streamlab, version {__version__}\n"


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_has_examples_and_every_option_is_explained(command: str) -> None:
    """A stranger finds an example to copy, and what each option is for."""
    result = invoke(*command.split(), "--help")
    assert result.exit_code == 0
    assert "Examples:\n    streamlab " in result.output or "Examples:\n  streamlab " in result.output
    assert result.output == invoke(*command.split(), "-h").output
    options = re.split(r"\n  (?=-)", result.output.partition("Options:")[2].partition("\n\n")[0])
    assert all(re.fullmatch(r"-\S+(, --\S+)?( [A-Z ]+)?\s+[A-Z](?s:.*)", each) for each in options[1:])
    assert max(len(line) for line in result.output.splitlines()) <= 80


def test_every_command_is_listed() -> None:
    """The help of the whole names them all."""
    listed = invoke("--help").output.partition("Commands:\n")[2]
    assert set(COMMANDS) <= {line.split()[0] for line in listed.splitlines()}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["srve"], "No such command 'srve'"),
        (["serve"], "Missing argument 'SOURCE...'"),
        (["serve", "hello", "--prot", "1"], "No such option"),
        (["serve", "hello", "--port", "70000"], "70000 is not in the range 0<=x<=65535"),
        (["serve", "hello", "--port", "http"], "'http' is not a valid integer"),
        (["serve", "hello", "--seed", "x"], "Invalid value for '--seed'"),
        (["serve", "hello", "--pace", "fast"], "Invalid value for '--pace': 'fast' is not a pace; write instant, recorded"),
        (["demo", "--pace", "0/s"], "Invalid value for '--pace': '0/s' is not a pace; write instant, recorded"),
        (["serve", "xyzzy"], "streamlab: there is no file and no shipped scenario 'xyzzy'\n  hint: `streamlab scenarios`"),
        (["serve", "helo"], "  hint: did you mean 'hello'?"),
        (["serve", "no/such.yaml"], "streamlab: no/such.yaml: there is no such file\n  hint: there is no folder 'no' either"),
        (
            ["serve", "hello", "--host", "192.0.2.1"],
            "streamlab: cannot listen on 192.0.2.1:4010: this machine has no such address",
        ),
        (["demo", "nowhere"], "streamlab: there is no file and no shipped scenario 'nowhere'"),
    ],
)
def test_wrong_usage_is_one_clear_message(arguments: list[str], words: str) -> None:
    """It goes to stderr, with exit code 2, and nothing is printed on stdout."""
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_a_scenario_with_an_error_is_not_served(tmp_path: Path) -> None:
    """The message names the file, the line and the column."""
    path = tmp_path / "bad.yaml"
    path.write_text("streamlab: 1\nreply: {txet: Hi}\n")
    result = invoke("serve", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"streamlab: {path}:2:9: ")
    assert "did you mean 'text'?" in result.stderr


def test_a_port_in_use_is_said() -> None:
    """With what to do about it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = invoke("serve", "hello", "--port", port)
    assert (result.exit_code, result.stdout) == (2, "")
    assert (
        result.stderr
        == f"streamlab: port {port} on 127.0.0.1 is in use\n  hint: choose another port, or 0 for any that is free\n"
    )


# scenarios


def test_every_shipped_scenario_is_listed_with_a_sentence() -> None:
    """One line each."""
    lines = invoke("scenarios").output.splitlines()
    assert [line.split()[0] for line in lines] == list(scenario_names())
    assert all(re.fullmatch(r"\S+ {2,}[A-Z].*[^.]\.", line) for line in lines)


def test_the_list_can_be_had_as_json() -> None:
    """One object a line, with the whole description."""
    objects = [json.loads(line) for line in invoke("scenarios", "--json").output.splitlines()]
    assert [each["name"] for each in objects] == list(scenario_names())
    assert all(each.keys() == {"name", "about"} and len(each["about"]) > 20 for each in objects)


# demo


def test_a_demo_shows_events_text_and_outcome() -> None:
    """And how to serve the same to one's own client."""
    result = invoke("demo", "--pace", "instant")
    lines = result.output.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.fullmatch(r"'haiku' served on http://127\.0\.0\.1:\d+, read by anthropic \d\S+", lines[0])
    assert lines[2] == "message_start        │"
    assert lines[3] == "content_block_start  │ [text]"
    assert any(line.endswith("⏎") for line in lines)
    assert lines[-7:-3] == ["", "Tokens drift like leaves,", "each one small and out of sight,", "till the whole tree speaks."]
    assert lines[-3:] == [
        *("", "the stream ended, stop_reason end_turn"),
        "serve it to your own client: streamlab serve haiku",
    ]


def test_a_demo_of_several_blocks_shows_each_on_a_line_of_its_own() -> None:
    """Thinking does not run into the answer."""
    output = invoke("demo", "thinking", "--pace", "instant").output
    assert "\n\nThe user wants the sum of 17 and 25. 17 plus 25 is 42.\n17 + 25 = 42.\n\nthe stream ended" in output


@pytest.mark.parametrize(
    ("scenario", "outcome"),
    [
        ("refused-key", r"the SDK raised anthropic\.AuthenticationError: Error code: 401"),
        ("cut-mid-text", r"the SDK raised httpx2?\.RemoteProtocolError: "),
        ("overloaded-mid-stream", r"the SDK raised anthropic\.\w+: .*Overloaded"),
    ],
)
def test_a_demo_of_a_failure_shows_what_a_client_meets(scenario: str, outcome: str) -> None:
    """That is what a demonstration is for: it is a success."""
    result = invoke("demo", scenario, "--pace", "instant")
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.search(outcome, result.output)
    assert "Traceback" not in result.output
    assert "\n\n\n" not in result.output


def test_a_demo_of_a_scenario_that_is_not_used_up_is_a_finding(tmp_path: Path) -> None:
    """A rule that had to be used and was not is told, with exit code 1."""
    path = tmp_path / "two.yaml"
    path.write_text("streamlab: 1\nrules:\n- {name: due, when: {turn: 9}, reply: A., required: true}\n- {reply: B.}\n")
    result = invoke("demo", str(path), "--pace", "instant")
    assert result.exit_code == 1
    assert result.stderr.startswith("streamlab: 'due' was given 0 of 1 times\n  hint: let the code ask for it")
    assert "\nthe calls were:\n" in result.stderr


# serve


def test_the_first_line_says_where_the_server_is_and_the_next_what_to_set() -> None:
    """They can be pasted."""
    lines, result = serve("hello")
    found = READY.fullmatch(lines[0])
    assert found
    assert lines[1] == f"  export ANTHROPIC_BASE_URL={found[1]} ANTHROPIC_API_KEY=streamlab-dummy-key"
    assert f"{found[1]}/v1" in lines[2]
    assert len(lines) == 3
    assert result.stderr == ""


def test_each_request_is_a_line() -> None:
    """What was asked, what was answered and by which rule, how much was sent, how it ended, and how long it took."""

    def act(url: str) -> None:
        ask(url)
        ask(url, headers={"x-stainless-retry-count": "1"})
        ask(url, path="/v1/messages/count_tokens")
        ask(url, path="/v1/nothing")
        ask(url, path="/_streamlab/health", method="GET")

    lines, _ = serve("overloaded-mid-stream", act=act)
    shown = [re.sub(r"\d+\.\d+ ms", "N ms", line) for line in lines[3:]]
    assert shown[:4] == [
        "POST /v1/messages 200 by 'overloaded-mid-stream': 6 events, end, N ms",
        "POST /v1/messages 200 by 'overloaded-mid-stream': attempt 2, 13 events, complete, N ms",
        "POST /v1/messages/count_tokens 200: complete, N ms",
        "POST /v1/nothing 404: complete, N ms",
    ]
    assert shown[4].startswith("  no rule matches this request; the nearest is 'overloaded-mid-stream': path: expected")
    assert len(shown) == 5


def test_one_event_is_not_events(tmp_path: Path) -> None:
    """A cut is named, and a leaving client too."""
    path = tmp_path / "cuts.yaml"
    path.write_text(
        "streamlab: 1\nreplies:\n"
        "- {text: Hi there., faults: [{cut: fin, after: event 1}]}\n"
        "- {text: Hi there., faults: [{stall: forever, after: event 2}]}\n"
    )

    def act(url: str) -> None:
        ask(url)
        with RawClient(url) as client:
            client.socket.sendall(request())
            client.answer(watch=WATCH)
        ask(url, path="/_streamlab/health", method="GET", times=5)

    lines, _ = serve(str(path), act=act)
    assert [line.rpartition(",")[0] for line in lines[3:]] == [
        "POST /v1/messages 200 by 'cuts': 1 event, fin",
        "POST /v1/messages 200 by 'cuts': 2 events, the client left",
    ]


def test_json_is_one_object_a_line() -> None:
    """First that the server is ready, then each call."""

    def act(url: str) -> None:
        ask(url)
        ask(url, body={**MESSAGE, "stream": "yes"})
        ask(url, path="/v1/nothing")

    lines, _ = serve("hello", "--json", act=act)
    ready, *calls = [json.loads(line) for line in lines]
    assert ready.keys() == {"event", "url"}
    assert ready["event"] == "ready"
    answered, refused, missed = calls
    assert answered.pop("bytes_sent") > 1000
    assert 0 < answered.pop("milliseconds") < 10_000
    assert answered == {
        "event": "call",
        "method": "POST",
        "path": "/v1/messages",
        "status": 200,
        "rule": "hello",
        "attempt": 1,
        "events_sent": 8,
        "ended": "complete",
        "ended_by": "server",
        "problem": None,
    }
    assert (refused["status"], refused["rule"], refused["problem"]) == (400, None, None)
    assert missed["problem"].startswith("no rule matches this request")


@pytest.mark.parametrize(("arguments", "count"), [(("--quiet",), 1), (("--quiet", "--json"), 1)])
def test_quiet_is_the_first_line_alone(arguments: tuple[str, ...], count: int) -> None:
    """Nothing is printed of the calls, nor of the exports."""
    lines, result = serve("hello", *arguments, act=lambda url: ask(url, times=3))
    assert len(lines) == count
    assert result.stderr == ""


def test_the_seed_decides_the_bytes() -> None:
    """The same seed gives the same answer, another seed another one."""
    bodies: list[bytes] = []
    for seed in ("1", "1", "2"):
        serve("hello", "--seed", seed, act=lambda url: bodies.append(ask(url)))
    assert bodies[0] == bodies[1] != bodies[2]


def test_requests_that_the_api_refuses_are_answered_if_asked_for() -> None:
    """`--no-validate` answers what the API would not."""
    bodies: list[bytes] = []
    for arguments in ((), ("--no-validate",)):
        serve("hello", *arguments, act=lambda url: bodies.append(ask(url, body={"stream": True})))
    assert [b"invalid_request_error" in body for body in bodies] == [True, False]
    assert b"message_stop" in bodies[1]


def test_a_pace_slows_what_has_none_of_its_own() -> None:
    """Eight events at 100 a second take more than seven hundredths of a second."""
    lines, _ = serve("hello", "--pace", "100/s", "--json", act=ask)
    assert json.loads(lines[1])["milliseconds"] >= 70


def test_several_sources_are_one_server(tmp_path: Path) -> None:
    """A recorded stream, a folder, a file and a shipped name: the rules of all, in the order given."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("b", "a"):
        (folder / f"{name}.yaml").write_text(
            f"streamlab: 1\nrules:\n- {{name: {name}, when: {{last_user: ask-{name}}}, reply: from {name}.}}\n"
        )
    (tmp_path / "recorded.sse").write_bytes(SSE)
    bodies: dict[str, bytes] = {}

    def act(url: str) -> None:
        for words in ("ask-a", "ask-b", "else"):
            bodies[words] = ask(url, body={**MESSAGE, "messages": [{"role": "user", "content": words}]})

    lines, _ = serve(str(folder), str(tmp_path / "recorded.sse"), "hello", "--json", act=act)
    assert [json.loads(line)["rule"] for line in lines[1:]] == ["a", "b", "recorded"]
    assert bodies["else"] == SSE


def put(path: Path, text: str) -> None:
    """Put a whole file in the place of another, as editors do."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


def test_changes_are_followed_and_told(tmp_path: Path) -> None:
    """A broken edit is told, and keeps what was served; a new file in a folder is served too."""
    path = tmp_path / "mine.yaml"
    path.write_text("streamlab: 1\nreply: first.\n")

    def act(url: str) -> None:
        assert b"first" in ask(url)
        put(path, "streamlab: 1\nreply: second.\n")
        wait_for("reloaded")
        assert b"second" in ask(url)
        put(path, "streamlab: 1\nrepyl: third.\n")
        wait_for("repyl")
        assert b"second" in ask(url)
        (tmp_path / "other.yaml").write_text("streamlab: 1\nrules:\n- {when: {last_user: Hello}, reply: fourth.}\n")
        path.unlink()
        wait_for("other.yaml")
        assert b"fourth" in ask(url)

    lines, _ = serve(str(tmp_path), "--watch", act=act)
    told = [line for line in lines if "reloaded" in line]
    assert told[0] == f"reloaded {path}"
    assert told[1].startswith(f"not reloaded, so the old replies are still given: {path}:2:1: repyl: ")
    assert told[-1] == f"reloaded {tmp_path / 'other.yaml'}"


@pytest.mark.parametrize(
    ("arguments", "is_on_stdout"), [(("--json",), True), (("--quiet",), False), (("--quiet", "--json"), False)]
)
def test_a_broken_edit_is_told_in_every_way_of_printing(
    tmp_path: Path, arguments: tuple[str, ...], *, is_on_stdout: bool
) -> None:
    """As an object, or, if nothing may be printed, on stderr."""
    path = tmp_path / "mine.yaml"
    path.write_text("streamlab: 1\nreply: first.\n")

    def act(url: str) -> None:
        put(path, "streamlab: 1\nreply: first.\nrepyl: x\n")
        wait_for("repyl")
        put(path, "streamlab: 1\nreply: second.\n")
        for _ in range(5000):
            if b"second" in ask(url):
                return
        raise AssertionError("the new reply was never given")

    lines, result = serve(str(path), "--watch", *arguments, act=act)
    if is_on_stdout:
        told = [json.loads(line) for line in lines[1:]]
        failed, reloaded = (each for each in told if each["event"] != "call")
        assert failed["event"] == "failed"
        assert failed["problem"].startswith(f"{path}:3:1: repyl: ")
        assert reloaded == {"event": "reloaded", "files": [str(path)]}
        assert result.stderr == ""
    else:
        assert len(lines) == 1
        assert result.stderr.startswith(f"streamlab: not reloaded: {path}:3:1: repyl: ")


def test_an_interrupt_outside_of_a_server_is_an_exit_code() -> None:
    """Nothing but what was printed before is seen."""
    result = interrupted("demo", "long-answer", "--pace", "5/s", act=lambda _: wait_for("content_block_start"))
    assert (result.exit_code, result.stderr) == (130, "")
    assert "message_start" in result.stdout


def test_output_that_nobody_reads_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the pipe is closed, lines go nowhere."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        for _ in range(3):
            cli._print("a line")


def test_output_may_be_anything_that_is_written_to() -> None:
    """A text in memory has no encoding to be changed."""
    with contextlib.redirect_stdout(io.StringIO()) as output:
        main(["scenarios"], standalone_mode=False)
    assert "hello" in output.getvalue()


# As a process of its own


@dataclass
class Process:
    """A running command."""

    process: subprocess.Popen[str]

    def line(self) -> str:
        """Return the next line of stdout."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def url(self) -> str:
        """Return the URL of the first line."""
        found = READY.fullmatch(self.line())
        assert found
        return found[1]

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and all of stderr."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=10)
        return self.process.returncode, errors


@contextmanager
def started(*arguments: str, command: tuple[str, ...] = (sys.executable, "-m", "streamlab"), **more: Any) -> Iterator[Process]:
    """Start a command, and kill it at last if it still runs."""
    with subprocess.Popen((*command, *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more) as process:
        try:
            yield Process(process)
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_even_in_the_middle_of_a_stall(number: signal.Signals) -> None:
    """Exit code 0, nothing on stderr, and the client that waits is cut off."""
    with started("serve", "stall-mid-stream", "--port", "0") as process:
        url = process.url()
        with RawClient(url) as client, RawClient(url) as idle:
            client.socket.sendall(request())
            client.receive(1000)
            assert process.end(number) == (0, "")
            assert client.answer().ending in ("fin", "reset")
            assert idle.rest()[1] in ("fin", "reset")


def test_the_installed_command_serves_too() -> None:
    """`streamlab` is the same as `python -m streamlab`; a second signal changes nothing."""
    command = Path(sys.executable).with_name("streamlab")
    if not command.exists():
        pytest.skip(f"the package is not installed: there is no {command}")
    with started("serve", "hello", "--port", "0", command=(str(command),)) as process:
        url = process.url()
        assert b"message_stop" in ask(url)
        process.process.send_signal(signal.SIGINT)
        assert process.end(signal.SIGINT)[1] == ""


def test_a_closed_pipe_does_not_end_the_server() -> None:
    """Whoever reads only the first line (`head -1`, a test in another language) still has a server, and no traceback."""
    with started("serve", "hello", "--port", "0") as process:
        url = process.url()
        assert process.process.stdout is not None
        process.process.stdout.close()
        for _ in range(3):
            assert b"message_stop" in ask(url)
        process.process.send_signal(signal.SIGTERM)
        assert process.process.stderr is not None
        assert process.process.stderr.read() == ""
        assert process.process.wait(10) == 0


def test_a_demo_can_be_interrupted() -> None:
    """Ctrl-C in the middle is no error: nothing is printed on stderr."""
    with started("demo", "long-answer", "--pace", "50/s") as process:
        for _ in range(6):
            process.line()
        assert process.end(signal.SIGINT) == (130, "")


def test_wrong_usage_is_an_exit_code_of_the_process() -> None:
    """2, with one message and nothing else."""
    with started("serve", "no-such-scenario") as process:
        output, errors = process.process.communicate(timeout=20)
        assert (process.process.returncode, output) == (2, "")
        assert errors.count("\n") == 2
        assert errors.startswith("streamlab: there is no file and no shipped scenario 'no-such-scenario'\n  hint: ")


def test_a_terminal_that_cannot_show_a_character_ends_nothing() -> None:
    """What cannot be shown is escaped."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    with started("demo", "hello", "--pace", "instant", env=environment) as process:
        output, errors = process.process.communicate(timeout=20)
    assert (process.process.returncode, errors) == (0, "")
    assert "Hello from streamlab." in output


def test_the_package_can_be_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m streamlab` is the command line, and calls itself by its name."""
    monkeypatch.setattr(sys, "argv", ["__main__.py", "--version"])
    with pytest.raises(SystemExit) as raised:
        runpy.run_path(str(Path(cli.__file__).with_name("__main__.py")), run_name="__main__")
    assert raised.value.code == 0
    assert capsys.readouterr().out == f"streamlab, version {__version__}\n"


def test_help_loads_nothing_that_is_not_needed() -> None:
    """The command line answers at once: neither the server nor the SDK nor YAML is loaded for its help."""
    code = (
        "import sys\nfrom streamlab.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "print(sorted({'aiohttp', 'anthropic', 'yaml', 'pydantic', 'streamlab.core', 'asyncio'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
