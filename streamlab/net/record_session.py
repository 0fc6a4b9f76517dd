"""A recording in this thread, until a signal or its command ends it: what `streamlab record` runs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path

from streamlab.core.environment import environment
from streamlab.core.exchange import Request
from streamlab.core.plan import Headers
from streamlab.core.replies import Answer, Settings, State, answer
from streamlab.errors import ServerError
from streamlab.files.cassette_output import CassetteOutput, Mode
from streamlab.files.tapes import opened
from streamlab.net.command import run_command
from streamlab.net.recorder import Forwarding, Recorder, Replay
from streamlab.net.recording import Progress, Recordings
from streamlab.net.upstream import Upstream

__all__ = ["Listener", "RecordSession", "Summary", "credentials", "record"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSession:
    """What is recorded, from where, into what. `patterns` are the user's own secrets, as texts."""

    out: Path
    upstream: str
    host: str = "127.0.0.1"
    port: int = 0
    mode: Mode = Mode.ONCE
    patterns: tuple[str, ...] = ()
    ca_file: str | None = None
    timeout: float | None = None
    key_from_env: bool = False
    keep_encoding: bool = False
    command: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Summary:
    """What has been recorded.

    `answered` counts the exchanges in which the upstream answered, `failed` those that are not in the cassette, `unlike` those
    that would not replay as they came. `aside` is where the recording is if it was not good enough to replace a cassette.
    """

    out: Path
    recorded: int = 0
    answered: int = 0
    replayed: int = 0
    redacted: int = 0
    failed: int = 0
    unlike: int = 0
    is_there: bool = False
    aside: Path | None = None
    recovered: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)

    def count(self, progress: Progress) -> None:
        """Take in an exchange that has ended."""
        self.replayed += progress.is_replayed
        self.redacted += progress.redacted
        self.failed += bool(progress.failure)
        self.unlike += bool(progress.check)
        self.recorded += not progress.is_replayed and not progress.failure
        self.answered += not progress.is_replayed and progress.status is not None

    @property
    def is_good(self) -> bool:
        """Whether it may take the place of another: something was answered, and nothing of it is missing or wrong."""
        return self.answered > 0 and not self.failed and not self.unlike


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who is told what happens: that the recorder is ready, what was found on the way there, how each exchange goes on."""

    ready: Callable[[str], None]
    opened: Callable[[Summary], None]
    went_on: Callable[[Progress], None]


def record(session: RecordSession, listener: Listener) -> tuple[Summary, int]:
    """Record until SIGINT, SIGTERM or the end of the command; return what was, and the exit code.

    Raises ScenarioError or ServerError if something cannot be used; what was there is as it was then.
    """
    return asyncio.run(_record(session, listener))


async def _record(session: RecordSession, listener: Listener) -> tuple[Summary, int]:
    keys = credentials(os.environ, "--key-from-env") if session.key_from_env else ()
    if session.ca_file is not None and session.upstream.lower().startswith("http://"):
        hint = "write https://, or leave --ca-file out"
        raise ServerError(f"--ca-file says whom to trust in TLS, and the upstream is http://\n  hint: {hint}")
    upstream = Upstream(session.upstream, ca_file=session.ca_file, timeout=session.timeout)
    output = CassetteOutput(session.out, session.mode, session.patterns)
    summary = Summary(out=session.out, recovered=output.writer.recovered, reports=output.reports)
    written = 0

    def tell(progress: Progress) -> None:
        nonlocal written
        if progress.ended is not None:
            summary.count(progress)
            written = summary.recorded
        listener.went_on(progress)

    try:
        forwarding = Forwarding(credentials=keys, keep_encoding=session.keep_encoding)
        secrets = (*forwarding.secrets, *upstream.secrets)
        recordings = Recordings(output.writer, tell, matching=output.matching, secrets=secrets)
        replay = _replay(session.out) if output.before else lambda _: None
        recorder = Recorder(upstream, recordings, forwarding=forwarding, replay=replay)
        code = await _run(recorder, session, listener, summary)
    finally:
        summary.is_there = output.close(written, is_good=summary.is_good)
        summary.aside = output.aside
    return summary, code


async def _run(recorder: Recorder, session: RecordSession, listener: Listener, summary: Summary) -> int:
    """Run the recorder, and its command if it has one; return the exit code."""
    signals: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, signals.put_nowait, int(number))
    try:
        url = await recorder.start(session.host, session.port)
        listener.ready(url)
        listener.opened(summary)
        if session.command:
            return await run_command(session.command, _changes(url, session), signals)
        await signals.get()
        return 0
    finally:
        await recorder.stop()


def _changes(url: str, session: RecordSession) -> Mapping[str, str | None]:
    """Return how the environment of a command differs from ours: the key stays in it if the client is to send its own."""
    changes = environment(url, os.environ)
    return changes if session.key_from_env else {name: changes[name] for name in ("ANTHROPIC_BASE_URL", "NO_PROXY", "no_proxy")}


def credentials(variables: Mapping[str, str], wanted_by: str) -> Headers:
    """Return the header with the key of the environment, which an option wants.

    Raises ServerError, without the key, if there is none to be used.
    """
    for name, header, form in (
        ("ANTHROPIC_API_KEY", "x-api-key", "{}"),
        ("ANTHROPIC_AUTH_TOKEN", "authorization", "Bearer {}"),
    ):
        if key := variables.get(name, "").strip():
            if not (key.isascii() and key.isprintable()):
                raise ServerError(
                    f"{wanted_by}: {name} cannot be sent in a header\n  hint: it has a line end or odd characters in it"
                )
            return ((header, form.format(key)),)
    raise ServerError(f"{wanted_by}: neither ANTHROPIC_API_KEY nor ANTHROPIC_AUTH_TOKEN is set\n  hint: set one of them")


def _replay(path: Path) -> Replay:
    """Return what answers from a cassette as it is now."""
    tape = opened(path).tape
    state = State()

    def replay(request: Request) -> Answer | None:
        nonlocal state
        rule = tape.find(request)
        if rule is None or rule.reply(state.given.get(rule.name, 0)) is None:
            return None
        date = ("date", formatdate(usegmt=True))
        found, state = answer(request, (tape,), state, Settings(validate=False), common=(date,))
        return found

    return replay
