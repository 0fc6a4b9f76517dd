"""A command beside a server: its environment, its exit code, the signals it gets."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys
from collections.abc import Mapping

import pytest

from streamlab.net import command as module
from streamlab.net.command import CommandError, run_command


def run(program: str, *signals: int, changes: Mapping[str, str | None] | None = None) -> int:
    """Run a program with these signals on their way."""

    async def main() -> int:
        queue: asyncio.Queue[int] = asyncio.Queue()
        for each in signals:
            queue.put_nowait(each)
        return await run_command([sys.executable, "-c", program], changes or {}, queue)

    return asyncio.run(main())


def test_the_environment_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is None is taken away, whether or not it was there; ours is as it was."""
    monkeypatch.setenv("ONE", "1")
    monkeypatch.setenv("TWO", "2")
    program = "import os, sys; sys.exit((os.environ['ONE'] == 'x') + 2 * ('TWO' not in os.environ))"
    assert run(program, changes={"ONE": "x", "TWO": None, "THREE": None}) == 3
    assert os.environ["TWO"] == "2"


def test_a_signal_is_passed_on_and_its_number_told() -> None:
    """As a shell tells it."""
    assert run("import time; time.sleep(60)", signal.SIGTERM) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (
            "no-such-command",
            127,
            "there is no command 'no-such-command'\n  hint: what follows -- is run as it is, without a shell",
        ),
        ("/", 126, "the command '/' cannot be run: Permission denied"),
        ("a\0b", 126, "the command 'a\\x00b' cannot be run: embedded null byte"),
    ],
)
def test_a_command_that_cannot_be_started(command: str, code: int, said: str) -> None:
    """It is said what a shell's exit code would be."""
    with pytest.raises(CommandError) as caught:
        asyncio.run(run_command([command], {}, asyncio.Queue()))
    assert (str(caught.value), caught.value.code) == (said, code)


@pytest.mark.parametrize("has_it", [True, False])
def test_ctrl_c_reaches_a_command_once(has_it: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    """A terminal sends it to both of us already; otherwise it ends the command, however far that has come."""
    monkeypatch.setattr(module, "_has_it_from_terminal", lambda: has_it)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background job
    program = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_DFL); time.sleep(0.3)"
    try:
        assert (run(program, signal.SIGINT) == 0) is has_it
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_terminal_is_asked_whether_we_are_in_its_foreground() -> None:
    """In a session without one, nobody sends anything."""
    child, terminal = pty.fork()
    if child == 0:
        os._exit(10 + module._has_it_from_terminal())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 11
    os.close(terminal)
    alone = os.fork()
    if alone == 0:
        os.setsid()
        os._exit(10 + module._has_it_from_terminal())
    assert os.waitstatus_to_exitcode(os.waitpid(alone, 0)[1]) == 10


@pytest.mark.parametrize(("group", "has_it"), [(os.getpgrp(), True), (os.getpgrp() + 1, False), (None, False)])
def test_the_foreground_is_that_of_the_terminal(group: int | None, has_it: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    """One that cannot be asked has none."""
    opened = os.open(os.devnull, os.O_RDONLY)

    def foreground(_: int) -> int:
        if group is None:
            raise OSError(25, "Inappropriate ioctl for device")
        return group

    monkeypatch.setattr(os, "open", lambda *_: opened)
    monkeypatch.setattr(os, "tcgetpgrp", foreground)
    assert module._has_it_from_terminal() is has_it
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened)
