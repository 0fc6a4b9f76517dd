"""The command `streamlab record`: parse, call, print."""

from __future__ import annotations

import json
import os
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamlab.errors import ScenarioError, ServerError

if TYPE_CHECKING:
    from streamlab.net.record_session import RecordSession, Summary
    from streamlab.net.recording import Progress

_API = "https://api.anthropic.com"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_FAILED = 1
_LIVE_EVERY = timedelta(seconds=0.1)
"""The time between two updates of a line on a terminal."""
_KILO = 1000


def _seconds(ctx: click.Context, param: click.Parameter, written: str | None) -> float | None:
    """Return the seconds that an option writes, as a scenario would."""
    from streamlab.core.durations import seconds

    try:
        found = None if written is None else seconds(written, key="timeout")
    except ScenarioError as error:
        raise click.BadParameter(f"{error.problem}; write 30s, 500ms or 2m", ctx, param) from None
    if found == 0:
        raise click.BadParameter("no answer comes within 0 s; leave it out to wait for ever", ctx, param)
    return found


redact_option = click.option(
    "--redact",
    multiple=True,
    metavar="PATTERN",
    help="A regular expression of what else is secret; also redact = [...] in [tool.streamlab] of pyproject.toml.  [multiple]",
)


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), help="The cassette to write.  [default: cassettes/recorded-DATE-TIME.yaml]"
)
@click.option("--upstream", default=_API, show_default=True, help="Where every request is forwarded to.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=4010, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 for any that is free."
)
@click.option(
    "--mode",
    default="once",
    show_default=True,
    type=click.Choice(["once", "new", "all"]),
    help="What to do with a cassette that is there: refuse; replay what it has and append the rest; replace it at the end.",
)
@redact_option
@click.option("--ca-file", help="Certificates (PEM) to trust beside the system's.")
@click.option(
    "--upstream-timeout",
    callback=_seconds,
    metavar="T",
    help="Give up an answer that is silent for so long: 30s, 2m.  [default: never]",
)
@click.option(
    "--key-from-env",
    is_flag=True,
    help="Send ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN of this environment in the place of the client's key.",
)
@click.option(
    "--keep-encoding",
    is_flag=True,
    help="Let answers come in gzip or deflate if the client offers it; else none is asked for, so that cassettes can be read.",
)
@click.option("--allow-remote", is_flag=True, help="Listen on an address that others can reach.")
@click.option("--quiet", is_flag=True, help="Print nothing after the first line but what went wrong.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def record(**given: Any) -> None:
    """Record real streams into a cassette, through a proxy before the API.

    Point a client at it, or let it run a COMMAND with the environment set; its exit code is passed on. Each answer goes to the
    client as it comes, and into the cassette without the secrets in it. The first line on stdout is `streamlab ready URL`;
    with a COMMAND the other lines go to stderr. Ctrl-C ends the recording.

    \b
    Examples:
      streamlab record --out cassettes/hello.yaml
      streamlab record --out cassettes/agent.yaml --mode new -- python agent.py
      streamlab record --key-from-env --redact 'cust_[0-9]+'
      streamlab record --upstream https://gateway.example --ca-file ca.pem
    """  # noqa: D301 - \b keeps click from wrapping
    from streamlab.net.command import CommandError
    from streamlab.net.record_session import Listener
    from streamlab.net.record_session import record as run

    session = _session(given)
    printer = _Printer(session, as_json=given["as_json"], quiet=given["quiet"])
    if session.upstream.rstrip("/").endswith("/v1"):
        problem = f"the upstream {session.upstream} ends in /v1, and clients put /v1/messages after it: leave it out"
        click.echo(f"streamlab: warning: {problem}", err=True)
    try:
        summary, code = run(session, Listener(ready=printer.ready, opened=printer.opened, went_on=printer.went_on))
    except CommandError as error:
        click.echo(f"streamlab: {error}", err=True)
        raise click.exceptions.Exit(error.code) from None
    printer.summary(summary)
    if code or ((summary.failed or summary.aside) and not session.command):
        raise click.exceptions.Exit(code or _FAILED)


def _session(given: dict[str, Any]) -> RecordSession:
    """Return what the options ask for. Raises ScenarioError or ServerError if that is nothing to begin with."""
    from streamlab.files.cassette_output import Mode, check_name
    from streamlab.files.project import checked_patterns
    from streamlab.net.record_session import RecordSession

    out = given["out"] or Path("cassettes") / datetime.now().astimezone().strftime("recorded-%Y%m%d-%H%M%S.yaml")
    check_name(out)
    if given["host"] not in _LOOPBACK and not given["allow_remote"]:
        problem = f"{given['host']} can be reached from other machines, and whoever reaches it speaks through this recorder"
        raise ServerError(f"{problem}\n  hint: use 127.0.0.1, or say --allow-remote if that is meant")
    return RecordSession(
        out=out,
        upstream=given["upstream"],
        host=given["host"],
        port=given["port"],
        mode=Mode(given["mode"]),
        patterns=checked_patterns(Path.cwd(), given["redact"]),
        ca_file=given["ca_file"],
        timeout=given["upstream_timeout"],
        key_from_env=given["key_from_env"],
        keep_encoding=given["keep_encoding"],
        command=given["command"],
    )


class _Printer:
    """Prints what a recorder tells, as lines for people or as JSON objects."""

    def __init__(self, session: RecordSession, *, as_json: bool, quiet: bool) -> None:
        self._session = session
        self._as_json, self._quiet = as_json, quiet
        self._to_stderr = bool(session.command)
        stream = sys.stderr if self._to_stderr else sys.stdout
        self._is_live = not as_json and not quiet and stream is not None and stream.isatty()
        self._shown = datetime.now(UTC)

    def ready(self, url: str) -> None:
        """Say where the recorder is, and what to set."""
        session = self._session
        if self._as_json:
            line = json.dumps({"event": "ready", "url": url, "upstream": session.upstream, "out": str(session.out)})
            _print(line, to_stderr=False)
            return
        _print(f"streamlab ready {url}", to_stderr=False)
        if self._quiet:
            return
        if not session.command:
            from streamlab.core.environment import DUMMY_KEY

            key = f" ANTHROPIC_API_KEY={DUMMY_KEY}" if session.key_from_env else ""
            self._line(f"  export ANTHROPIC_BASE_URL={url}{key}")
        ends = "its command ends the recording" if session.command else "Ctrl-C ends the recording"
        self._line(f"  (what {session.upstream} answers goes into {session.out}; {ends})")

    def opened(self, summary: Summary) -> None:
        """Say what was found in the place of the cassette."""
        for each in summary.recovered:
            self._object("recovered", text=each) if self._as_json else self._line(f"recovered: {each}")
        for each in summary.reports:
            self._object("found", text=each) if self._as_json else self._line(each)

    def went_on(self, progress: Progress) -> None:
        """Say how an exchange goes on, or how it went."""
        if progress.ended is None:
            if self._is_live and datetime.now(UTC) - self._shown > _LIVE_EVERY:
                self._live(f"{_what(progress)}: {_amount(progress)} …")
            return
        if self._as_json:
            self._object("exchange", **_facts(progress))
        elif not self._quiet or _troubles(progress):
            self._line(_ended(progress))
            for each in (*progress.notes, *_troubles(progress)):
                self._line(f"  {each}")

    def summary(self, summary: Summary) -> None:
        """Say what was recorded."""
        counts = {name: getattr(summary, name) for name in ("recorded", "replayed", "redacted", "failed", "unlike")}
        if self._as_json:
            counts["recovered"] = len(summary.recovered)
            out = summary.aside or (summary.out if summary.is_there else None)
            self._object("summary", out=None if out is None else str(out), **counts)
            return
        if self._quiet and not (summary.failed or summary.unlike or summary.aside):
            return
        if summary.aside:
            why = "" if summary.answered else ", and none was answered"
            self._line(
                f"recorded {_counted(summary.recorded, 'exchange')} into {summary.aside.name}{why}: {summary.out} is as it was"
            )
        elif not summary.recorded:
            kept = "is as it was" if summary.is_there else "was not written"
            self._line(f"nothing was recorded: {summary.out} {kept}")
        else:
            self._line(f"recorded {_counted(summary.recorded, 'exchange')} into {summary.out}")
        words = {
            "replayed": "replayed: {}",
            "redacted": "redacted: {}",
            "failed": "not recorded: {}",
            "unlike": "would replay otherwise: {}",
        }
        for name, form in words.items():
            if counts[name]:
                self._line(f"  {form.format(_counted(counts[name], 'secret' if name == 'redacted' else 'exchange'))}")
        if summary.recovered:
            self._line(f"  recovered: {_counted(len(summary.recovered), 'exchange')}")

    def _object(self, event: str, **values: object) -> None:
        _print(json.dumps({"event": event, **values}), to_stderr=self._to_stderr)

    def _line(self, line: str) -> None:
        if self._is_live:
            line = f"\r\x1b[K{line}"
        _print(line, to_stderr=self._to_stderr)

    def _live(self, line: str) -> None:
        """Show a line that the next one takes the place of."""
        self._shown = datetime.now(UTC)
        width = shutil.get_terminal_size().columns - 1
        click.echo(f"\r\x1b[K{line[:width]}", nl=False, err=self._to_stderr)


def _what(progress: Progress) -> str:
    status = "" if progress.status is None else f" {progress.status}"
    return f"{progress.method} {progress.path}{status}"


def _amount(progress: Progress) -> str:
    events = (_counted(progress.events, "event"),) if progress.events else ()
    first = () if progress.first is None else (f"first after {_time(progress.first)}",)
    return ", ".join((*events, _size(progress.size), *first))


def _ended(progress: Progress) -> str:
    if progress.is_replayed:
        return f"{_what(progress)}: replayed, {_amount(progress)}"
    time_ = () if progress.ended_at is None else (f"{progress.ended} after {_time(progress.ended_at)}",)
    checked = () if progress.check or progress.failure else ("checked",)
    secrets = (f"{_counted(progress.redacted, 'secret')} redacted",) if progress.redacted else ()
    return f"{_what(progress)}: {', '.join((_amount(progress), *(time_ or (str(progress.ended),)), *secrets, *checked))}"


def _troubles(progress: Progress) -> tuple[str, ...]:
    """Return what is wrong with an exchange, or with how the upstream answered it."""
    failure = f"not recorded: {progress.failure}" if progress.failure else ""
    check = f"the cassette would not give it again as it came: {progress.check}" if progress.check else ""
    return tuple(each for each in (progress.problem, failure, check) if each)


def _facts(progress: Progress) -> dict[str, object]:
    facts: dict[str, object] = {
        "number": progress.number,
        "method": progress.method,
        "path": progress.path,
        "status": progress.status,
        "events": progress.events,
        "bytes": progress.size,
        "first": progress.first,
        "ended": progress.ended,
        "ended_at": progress.ended_at,
        "problem": progress.problem or None,
        "redacted": progress.redacted,
        "notes": list(progress.notes),
        "replayed": progress.is_replayed,
        "failure": progress.failure or None,
        "check": progress.check or None,
    }
    return facts


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _size(size: int) -> str:
    if size < _KILO:
        return _counted(size, "byte")
    return f"{size / _KILO:.1f} kB" if size < _KILO * _KILO else f"{size / _KILO / _KILO:.1f} MB"


def _time(seconds: float) -> str:
    return f"{round(1000 * seconds)} ms" if seconds < 1 else f"{seconds:.1f} s"


def _print(line: str, *, to_stderr: bool) -> None:
    """Print a line at once. If whoever reads has had enough, or there is nobody to read, go on in silence."""
    stream = sys.stderr if to_stderr else sys.stdout
    try:
        click.echo(line, err=to_stderr)
        if stream is not None:
            stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
