"""The command line: parse, call, print. The only place that turns errors into exit codes."""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from streamlab._version import __version__
from streamlab.cli_cassettes import diff, import_, show
from streamlab.cli_record import record
from streamlab.errors import ScenarioError, StreamlabError, VerificationError

if TYPE_CHECKING:
    from streamlab.core.journal import Call
    from streamlab.core.pacing import Pace
    from streamlab.files.scenario import Scenario

_FINDING = 1
_WRONG_USAGE = 2
_INTERRUPTED = 130
_NAME_WIDTH = 20


class _Commands(click.Group):
    """Commands whose errors are one clear message and an exit code."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that cannot show a character ends nothing
        try:
            return super().invoke(ctx)
        except StreamlabError as error:
            click.echo(f"streamlab: {error}", err=True)
            ctx.exit(_FINDING if isinstance(error, VerificationError) else _WRONG_USAGE)
        except KeyboardInterrupt:
            ctx.exit(_INTERRUPTED)
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            click.echo(f"streamlab: cannot write: {error.strerror or error}", err=True)
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(_WRONG_USAGE)


def _pace(ctx: click.Context, param: click.Parameter, written: str | None) -> Pace | None:
    """Return the pace that an option writes, as a scenario would."""
    from streamlab.core.pacing import parse_pace

    try:
        return None if written is None else parse_pace(written)
    except ScenarioError as error:
        raise click.BadParameter(f"{error.problem}; write instant, recorded, recorded x10 or 50/s", ctx, param) from None


@click.group("streamlab", cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="streamlab")
def main() -> None:
    """Crash-test clients that stream from the Claude API.

    \b
    Examples:
      streamlab demo                         see a stream, in this terminal
      streamlab serve overloaded-then-fine   serve a shipped scenario
      streamlab serve scenario.yaml          serve your own
      streamlab record -- python app.py      record what a program asks, and gets
      streamlab show cassette.yaml           look at a recording
      streamlab scenarios                    list what is shipped
      streamlab faults                       list what can go wrong
    """  # noqa: D301 - \b keeps click from wrapping


@main.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=4010, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 for any that is free."
)
@click.option(
    "--pace",
    callback=_pace,
    help="How fast answers go out that have no pace of their own: instant, recorded, recorded x10, 50/s.",
)
@click.option("--seed", type=int, help="The seed of ids and padding.")
@click.option(
    "--fault",
    "faults",
    metavar="FAULT",
    multiple=True,
    help="A fault in every answer, as in YAML: 'cut: reset, at: tool_use char 12'. May be given again; see `streamlab faults`.",
)
@click.option("--no-validate", is_flag=True, help="Answer requests that the real API would refuse.")
@click.option(
    "--control-token",
    metavar="TOKEN",
    envvar="STREAMLAB_CONTROL_TOKEN",
    show_envvar=True,
    help="What requests to /_streamlab/ must carry; without it, only programs on this machine are heard there. Others on this"
    " machine can see an option: the variable keeps it to yourself.",
)
@click.option("--watch", is_flag=True, help="Load the files again when they change, and start from their first replies.")
@click.option("--quiet", is_flag=True, help="Print nothing after the first line.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def serve(  # noqa: PLR0913, PLR0917 - one parameter for each option
    sources: tuple[str, ...],
    host: str,
    port: int,
    pace: Pace | None,
    seed: int | None,
    faults: tuple[str, ...],
    no_validate: bool,  # noqa: FBT001
    control_token: str | None,
    watch: bool,  # noqa: FBT001
    quiet: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Serve scenarios and cassettes to any client, until Ctrl-C.

    A SOURCE is a scenario or a cassette (.yaml), a recorded stream (.sse), a folder of them (merged by file name), or the name
    of a shipped scenario. The first line on stdout is `streamlab ready URL`; then come the variables to set, then a line for
    each request.

    \b
    Examples:
      streamlab serve hello
      streamlab serve scenario.yaml --port 0 --watch
      streamlab serve hello --pace 20/s
      streamlab serve tool-use --fault 'cut: reset, at: tool_use char 12'
      streamlab serve recorded.sse --json
      streamlab serve cassette.yaml --pace 'recorded x10'
    """  # noqa: D301 - \b keeps click from wrapping
    from streamlab.files.fault_text import parse_fault_text
    from streamlab.files.scenario import load, merge, require_places
    from streamlab.net.foreground import Listener, run

    read_faults = tuple(fault for text in faults for fault in parse_fault_text(text, "--fault"))
    changes: dict[str, Any] = {
        "pace": pace,
        "seed": seed,
        "validate": False if no_validate else None,
        "faults": read_faults or None,
    }
    given = {key: value for key, value in changes.items() if value is not None}

    def read() -> Scenario:
        scenario = merge([load(source) for source in sources])
        scenario = replace(scenario, settings=replace(scenario.settings, **given))
        require_places(scenario)
        for warning in scenario.warnings:
            click.echo(f"streamlab: {warning}", err=True)
        return scenario

    printer = _Printer(as_json=as_json, quiet=quiet)
    listener = Listener(ready=printer.ready, ended=printer.ended, reloaded=printer.reloaded, failed=printer.failed)
    run(read, listener, host=host, port=port, watch=watch, token=control_token)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def scenarios(as_json: bool) -> None:  # noqa: FBT001
    """List the shipped scenarios.

    \b
    Examples:
      streamlab scenarios
      streamlab serve $(streamlab scenarios --json | head -1 | jq -r .name)
    """  # noqa: D301 - \b keeps click from wrapping
    from streamlab.files.library import scenario_names
    from streamlab.files.scenario import load

    names = scenario_names()
    width = max(len(name) for name in names)
    for name in names:
        about = " ".join(load(name).about.split())
        click.echo(
            json.dumps({"name": name, "about": about}) if as_json else f"{name:{width}}  {about.split('. ')[0].rstrip('.')}."
        )


@main.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def faults(name: str | None, as_json: bool) -> None:  # noqa: FBT001
    """List the faults, or tell of one: its keys, examples, and what the official Python SDK does with them.

    Faults are written in scenarios, in `serve --fault`, in the header `x-streamlab-fault` of a request, and in Python.

    \b
    Examples:
      streamlab faults
      streamlab faults cut
      streamlab serve hello --fault 'drop: message_stop'
    """  # noqa: D301 - \b keeps click from wrapping
    from streamlab.files import extensions

    try:
        extensions.load()
    finally:  # whatever is wrong with a package
        if name is None:
            _list_faults(as_json=as_json)
        else:
            _tell_fault(name, as_json=as_json)


def _list_faults(*, as_json: bool) -> None:
    """Print a line for each fault that there is."""
    from streamlab.core.fault_guide import FAMILIES, by_family, summary
    from streamlab.core.faults import fault_type

    for family, names in by_family():
        click.echo("" if as_json else f"\n{FAMILIES[family]}")
        for each in names:
            about = summary(fault_type(each))
            click.echo(json.dumps({"name": each, "family": family, "about": about}) if as_json else f"  {each:15} {about}")
    if not as_json:
        click.echo("\nof one: streamlab faults NAME")


def _tell_fault(name: str, *, as_json: bool) -> None:
    """Print what there is to know of one fault."""
    from streamlab.core.fault_guide import done_by_the_sdk, keys, text_of
    from streamlab.core.faults import examples, fault_family, fault_type

    cls = fault_type(name)
    if as_json:
        shown = [{"what": each.what, "fault": each.fault, "sdk": done_by_the_sdk(each)} for each in examples(cls)]
        written = {key.written: key.default for key in keys(cls)}
        click.echo(
            json.dumps({"name": name, "family": fault_family(cls), "about": text_of(cls), "keys": written, "examples": shown})
        )
        return
    click.echo(
        f"{name} ({fault_family(cls)}; in Python: {cls.__name__})\n\n{text_of(cls)}\n\nKeys, and what they are if left out:"
    )
    for key in keys(cls):
        click.echo(f"  {key.written:15} {key.default}")
    click.echo("\nExamples, and what the official Python SDK does:")
    for each in examples(cls):
        click.echo(f"\n  {each.what}\n    {each.fault}\n    -> {done_by_the_sdk(each)}")


@main.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--illegal", "only_illegal", is_flag=True, help="Leave out what is legal but was never seen on the real API.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def check(files: tuple[str, ...], only_illegal: bool, as_json: bool) -> None:  # noqa: FBT001
    """Check streams against the grammar of the API.

    A FILE is a recorded stream (.sse), a scenario (each of its answers is checked as a stream), a folder of them, or a shipped
    scenario. Each finding says where, what was found and expected, and how the real API behaves. The exit code is 0 if there
    are none, 1 if there are, and 2 if a file cannot be read.

    \b
    Examples:
      streamlab check recorded.sse
      streamlab check scenario.yaml --json
      streamlab check recordings/ --illegal
    """  # noqa: D301 - \b keeps click from wrapping
    from streamlab.core.grammar import Grade
    from streamlab.files.checks import Checked, check_source

    found, broken = list[Checked](), list[ScenarioError]()
    for file in files:
        try:
            found += check_source(file)
        except ScenarioError as error:
            broken.append(error)
    found = [each for each in found if not only_illegal or each.finding.grade is Grade.ILLEGAL]
    for each in found:
        click.echo(json.dumps(each.as_dict()) if as_json else str(each))
    if not as_json:
        click.echo(f"findings: {len(found)}")
    for problem in broken:
        click.echo(f"streamlab: {problem}", err=True)
    if broken:
        raise click.exceptions.Exit(_WRONG_USAGE)
    if found:
        raise click.exceptions.Exit(1)


@main.command()
@click.argument("scenario", default="haiku")
@click.option("--pace", callback=_pace, default="25/s", show_default=True, help="How fast the events come.")
def demo(scenario: str, pace: Pace) -> None:
    """Stream one answer of a scenario with the official SDK, in this terminal.

    SCENARIO is a file or a shipped name. The SDK's retries are off, so that the first failure is seen.

    \b
    Examples:
      streamlab demo
      streamlab demo tool-use
      streamlab demo overloaded-mid-stream --pace 5/s
    """  # noqa: D301 - \b keeps click from wrapping
    from streamlab.files.scenario import load
    from streamlab.net.lab import Serving

    loaded = load(scenario)
    with Serving(replace(loaded, settings=replace(loaded.settings, pace=pace)), host="127.0.0.1", port=0) as lab:
        from streamlab.net.demo import sdk_version, stream_events

        click.echo(f"{scenario!r} served on {lab.url}, read by anthropic {sdk_version()}\n")
        text: list[str] = []

        def show(name: str, piece: str) -> None:
            if name == "content_block_delta":
                text.append(piece)
            elif name == "content_block_stop":
                text.append("\n")
            click.echo(f"{name:{_NAME_WIDTH}} │ {_visible(piece)}".rstrip())

        outcome = stream_events(lab, show, pace)
        whole = "".join(text).strip("\n")
        click.echo(f"\n{whole}\n\n{outcome}" if whole else outcome)
        click.echo(f"serve it to your own client: streamlab serve {scenario}")


for _command in (record, import_, show, diff):
    main.add_command(_command)


class _Printer:
    """Prints what a server tells, as lines for people or as JSON objects."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self._as_json, self._quiet = as_json, quiet

    def ready(self, url: str) -> None:
        """Say where the server is, and what to set."""
        if self._as_json:
            self._object(event="ready", url=url)
            return
        _print(f"streamlab ready {url}")
        if not self._quiet:
            from streamlab.core.environment import DUMMY_KEY

            _print(f"  export ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY={DUMMY_KEY}")
            _print(f"  (the Vercel AI SDK takes baseURL {url}/v1; Ctrl-C ends the server)")

    def ended(self, call: Call) -> None:
        """Say how a call went."""
        if self._quiet:
            return
        milliseconds = round(1000 * (call.duration or 0), 1)
        if self._as_json:
            self._object(
                event="call",
                method=call.request.method,
                path=call.request.path,
                status=call.status,
                rule=call.rule,
                attempt=call.attempt,
                events_sent=call.events_sent,
                bytes_sent=call.bytes_sent,
                ended=call.ended,
                ended_by=call.ended_by,
                milliseconds=milliseconds,
                problem=call.problem,
            )
            return
        rule = f" by {call.rule!r}" if call.rule else ""
        attempt = (f"attempt {call.attempt}",) if call.attempt > 1 else ()
        events = (f"{call.events_sent} event{'s' if call.events_sent > 1 else ''}",) if call.events_sent else ()
        ending = f"the {call.ended_by} left" if call.ended == "left" else str(call.ended)
        what = ", ".join((*attempt, *events, ending, f"{milliseconds} ms"))
        status = call.status or "without an answer"
        _print(f"{call.request.method} {call.request.path} {status}{rule}: {what}")
        if call.problem:
            _print(f"  {call.problem}")

    def reloaded(self, scenario: Scenario) -> None:
        """Say that the files were read again."""
        files = [str(path) for path in scenario.files]
        if not self._quiet:
            self._object(event="reloaded", files=files) if self._as_json else _print(f"reloaded {', '.join(files)}")

    def failed(self, error: ScenarioError) -> None:
        """Say why the files could not be read again, and that what was served before still is."""
        if self._quiet:
            click.echo(f"streamlab: not reloaded: {error}", err=True)
        elif self._as_json:
            self._object(event="failed", problem=str(error))
        else:
            _print(f"not reloaded, so the old replies are still given: {error}")

    @staticmethod
    def _object(**values: object) -> None:
        _print(json.dumps(values))


def _print(line: str) -> None:
    """Print a line at once. If whoever reads has had enough, or there is nobody to read, go on in silence."""
    try:
        click.echo(line)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _visible(piece: str) -> str:
    return piece.replace("\n", "⏎").replace("\r", "␍")
