"""A command that runs beside a server: with an environment of its own, and with the signals that we get."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence

from streamlab.errors import StreamlabError

__all__ = ["CommandError", "run_command"]

_NOT_FOUND, _NOT_EXECUTABLE, _KILLED = 127, 126, 128


class CommandError(StreamlabError):
    """A command that cannot be started; `code` is what a shell would exit with."""

    def __init__(self, problem: str, code: int) -> None:
        super().__init__(problem)
        self.code = code


async def run_command(command: Sequence[str], changes: Mapping[str, str | None], signals: asyncio.Queue[int]) -> int:
    """Run a command and return its exit code: 128 and the signal's number if one ended it.

    The environment is ours with these changes, where None takes a variable away. Signals are passed on as they come out of the
    queue. Raises CommandError if it cannot be started.
    """
    environment = {**os.environ, **{name: value for name, value in changes.items() if value is not None}}
    for name in [name for name, value in changes.items() if value is None]:
        environment.pop(name, None)
    try:
        process = await asyncio.create_subprocess_exec(*command, env=environment)
    except FileNotFoundError:
        raise CommandError(
            f"there is no command {command[0]!r}\n  hint: what follows -- is run as it is, without a shell", _NOT_FOUND
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CommandError(f"the command {command[0]!r} cannot be run: {reason}", _NOT_EXECUTABLE) from None
    passing = asyncio.create_task(_pass_on(process, signals))
    try:
        code = await process.wait()
    finally:
        passing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await passing
    return code if code >= 0 else _KILLED - code


async def _pass_on(process: asyncio.subprocess.Process, signals: asyncio.Queue[int]) -> None:
    while True:
        number = await signals.get()
        if number == signal.SIGINT and _has_it_from_terminal():
            continue
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)


def _has_it_from_terminal() -> bool:
    """Whether Ctrl-C reaches the command too: the terminal sends it to all that it runs in the foreground."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
