"""The commands that work on recordings: import, show, diff. They parse, call and print; `cli` has the group."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamlab.cli_record import redact_option

if TYPE_CHECKING:
    from streamlab.core.comparison import Change
    from streamlab.core.exchange import Exchange
    from streamlab.core.shown import Line
    from streamlab.files.importing_files import Import, ImportedFile
    from streamlab.files.recordings import Recording

__all__ = ["COMMANDS"]

_FINDING = 1
_WRONG_USAGE = 2
_WIDTH = 140
"""The width of what is printed into a file or a pipe."""
_MOST_NOTES = 3
_STYLES = {"title": {"bold": True}, "dim": {"dim": True}, "text": {"fg": "green"}, "error": {"fg": "red"}}


@click.command("import")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The cassette to write.")
@click.option("--force", is_flag=True, help="Replace the cassette if it is there already.")
@redact_option
@click.option("--keep-going", is_flag=True, help="Leave out files that have an error, and write the rest.")
@click.option("-v", "--verbose", is_flag=True, help="Say of each file all that was left out, and what its format cannot know.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def import_(  # noqa: PLR0913, PLR0917 - one parameter for each option
    files: tuple[str, ...],
    out: Path,
    force: bool,  # noqa: FBT001
    redact: tuple[str, ...],
    keep_going: bool,  # noqa: FBT001
    verbose: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Make a cassette of what other tools recorded.

    A FILE is a recording of VCR.py, pytest-recording, HAR, `curl -N` and many more, or a folder of them. It says of each what
    was left out and why, and at the end what the formats cannot know; that is never invented. Secrets are taken out.

    Nothing is written if a file has an error. The exit code is 0 if the cassette was written, 2 if a file has an error, and 1
    if nothing was found to import, or --keep-going left out a file.

    \b
    Examples:
      streamlab import recorded.har --out cassettes/recorded.yaml
      streamlab import tests/cassettes/ --out all.yaml --keep-going --redact 'cust_[0-9]+'
      streamlab import recorded.sse other.har --out all.yaml --force
    """  # noqa: D301 - \b keeps click from wrapping
    from streamlab.files.importing_files import Import, check_target, sources
    from streamlab.files.project import checked_patterns

    check_target(out, force=force)
    found = list(sources(files))
    made = Import(patterns=checked_patterns(Path.cwd(), redact))

    def tell(report: ImportedFile) -> None:
        _tell_json(report.as_dict()) if as_json else _tell_file(report, verbose=verbose)

    made.run(found, out, tell, keep_going=keep_going)
    _tell_json({**made.as_dict(), "cassette": str(out) if made.written else None}) if as_json else _tell_sums(made, out)
    if made.errors:
        raise click.exceptions.Exit(_FINDING if keep_going else _WRONG_USAGE)
    if not made.written:
        raise click.exceptions.Exit(_FINDING)


def _tell_file(report: ImportedFile, *, verbose: bool) -> None:
    """Print what came of a file."""
    from streamlab.core.shown import count, visible

    name = visible(report.name)
    if report.error is not None:
        for line in f"streamlab: {report.error}".split("\n"):
            click.echo(visible(line), err=True)
    if report.ignored and verbose:
        click.echo(f"{name}: ignored: {report.ignored}")
    if (made := report.imported) is None:
        return
    foreign = ": nothing in it is a call of the Messages API" if not made.exchanges else ""
    total = f" of {report.found:,}" if report.found > len(made.exchanges) else ""
    redacted = f", {count(made.redacted, 'secret')} redacted" if made.redacted else ""
    click.echo(f"{name}: {made.format}, {len(made.exchanges):,}{total} imported{redacted}{foreign}")
    notes = made.skipped if verbose else made.skipped[:_MOST_NOTES]
    for note in notes:
        click.echo(f"  left out: {visible(note)}")
    if len(notes) < len(made.skipped):
        click.echo(f"  left out: {len(made.skipped) - len(notes):,} more; --verbose says which")
    for note in made.unknown if verbose else ():
        click.echo(f"  not known: {note}")


def _tell_sums(made: Import, out: Path) -> None:
    """Print what an import adds up to."""
    from streamlab.core.shown import count

    for what, files in made.unknown.items():
        click.echo(f"not known in {count(files, 'file')}: {what}")
    parts = (
        f"{count(made.imported, 'exchange')} of {made.found:,} imported from {count(made.files - made.ignored, 'file')}",
        count(made.redacted, "secret") + " redacted",
        f"{count(made.errors, 'file')} with an error" if made.errors else "",
        f"{count(made.ignored, 'file')} that are no recording" if made.ignored else "",
    )
    click.echo("; ".join(part for part in parts if part))
    if made.written:
        click.echo(f"written: {out}")
    elif made.errors:
        more = "; --keep-going leaves out the files that have an error" if made.imported else ""
        click.echo(f"nothing is written{more}", err=True)
    else:
        click.echo("nothing is written: there was nothing to import", err=True)


@click.command("show")
@click.argument("file", metavar="FILE")
@click.argument("exchange", required=False, type=click.IntRange(1))
@click.option("-v", "--verbose", is_flag=True, help="Show the headers too, and all of a body that is no stream.")
@click.option("--width", type=click.IntRange(0), help="Cut lines to this width; 0 cuts nothing.  [default: the terminal's]")
@click.option("--no-color", is_flag=True, help="Print no colours.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def show(
    file: str,
    exchange: int | None,
    verbose: bool,  # noqa: FBT001
    width: int | None,
    no_color: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Show what is recorded in a file.

    A FILE is a cassette, a recorded stream (.sse), or anything that can be imported. Without EXCHANGE each exchange is a line,
    and the last line is their sum. With EXCHANGE, a number from 1, it is a timeline: what was asked, when each event came and
    which came in one read, what they add up to, how it ended. Secrets and control characters are not printed.

    \b
    Examples:
      streamlab show cassettes/tools.yaml
      streamlab show cassettes/tools.yaml 2
      streamlab show recorded.sse 1 --width 0 --no-color
      streamlab show cassettes/tools.yaml --json
    """  # noqa: D301 - \b keeps click from wrapping
    from streamlab.core.arrivals import Arrived
    from streamlab.core.timeline import data, timeline
    from streamlab.files.recordings import named, open_recording

    path, number = named(file)
    number = exchange or number
    recording = open_recording(path)
    _warn(recording)
    printer = _Printer(width=width, no_color=no_color)
    if number is None:
        _show_all(recording, printer, as_json=as_json)
        return
    arrived = Arrived(recording.exchange(number))
    if as_json:
        for each in data(number, arrived):
            _tell_json(each)
    else:
        title = f"exchange {number} of {len(recording)} in {recording.name}"
        printer.lines(timeline(title, arrived, width=printer.width, verbose=verbose))


def _show_all(recording: Recording, printer: _Printer, *, as_json: bool) -> None:
    """Print a line for each exchange, and what they add up to."""
    from streamlab.core.arrivals import Arrived
    from streamlab.core.overview import HEADING, Totals, overview, overview_data
    from streamlab.core.shown import Line, cut

    totals = Totals()
    if not as_json and len(recording):
        printer.lines([Line(cut(HEADING.text, printer.width), HEADING.style)])
    for number, each in enumerate(recording, 1):
        arrived = Arrived(each)
        totals.add(arrived)
        _tell_json(overview_data(number, arrived)) if as_json else printer.lines([overview(number, arrived, printer.width)])
    if not as_json:
        click.echo(str(totals))


@click.command("diff")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.argument("exchange", required=False, type=click.IntRange(1))
@click.option("--timing", is_flag=True, help="Compare times too: those that differ by more than a tenth and 10 ms.")
@click.option("--bytes", "as_bytes", is_flag=True, help="Compare exactly: headers, bytes, and which came in one read.")
@click.option("--width", type=click.IntRange(0), help="Cut lines to this width; 0 cuts nothing.  [default: the terminal's]")
@click.option("--no-color", is_flag=True, help="Print no colours.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def diff(  # noqa: PLR0913, PLR0917 - one parameter for each option
    first: str,
    second: str,
    exchange: int | None,
    timing: bool,  # noqa: FBT001
    as_bytes: bool,  # noqa: FBT001
    width: int | None,
    no_color: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Show what changed in meaning between two recordings.

    A and B are files as for `show`; `A:3` is one exchange of a file, and EXCHANGE the same one of both. Exchanges belong
    together by position if there are as many in both, else by what they ask. Ids, dates, rate limits, padding, pings and the
    cutting of a text into events mean nothing. In a text, [-what went-] and {+what came+} are marked. The exit code is 0 if
    nothing differs, 1 if something does.

    \b
    Examples:
      streamlab diff before.yaml after.yaml
      streamlab diff before.yaml after.yaml 2 --timing
      streamlab diff cassettes/tools.yaml:1 cassettes/tools.yaml:2
      streamlab diff recorded.sse again.sse --bytes
    """  # noqa: D301 - \b keeps click from wrapping
    from streamlab.core.comparison import compare, compare_bytes, compare_times
    from streamlab.files.paired import paired
    from streamlab.files.recordings import named, open_recording

    (one, here), (other, there) = named(first), named(second)
    recordings = open_recording(one), open_recording(other)
    for each in dict.fromkeys(recordings):
        _warn(each)

    def changes(before: Exchange, after: Exchange) -> tuple[Change, ...]:
        found = compare_bytes(before, after) if as_bytes else compare(before, after)
        return found + (compare_times(before, after) if timing else ())

    teller = _Differences(_Printer(width=width, no_color=no_color), as_json=as_json)
    for numbers, before, after in paired(*recordings, here or exchange, there or exchange):
        teller.tell(numbers, before, after, () if before is None or after is None else changes(before, after))
    teller.end()


class _Differences:
    """Tells of the differences of two recordings, pair by pair."""

    def __init__(self, printer: _Printer, *, as_json: bool) -> None:
        self._printer, self._as_json = printer, as_json
        self._pairs = self._differing = 0

    def tell(
        self,
        numbers: tuple[int | None, int | None],
        before: Exchange | None,
        after: Exchange | None,
        changes: tuple[Change, ...],
    ) -> None:
        """Tell of a pair, or of what only one of them has."""
        self._pairs += 1
        alone = before if after is None else after if before is None else None
        self._differing += bool(changes) or alone is not None
        if self._as_json:
            for each in changes:
                _tell_json({"exchange": numbers, **each.as_dict()})
            if alone is not None:
                _tell_json({"exchange": numbers, "only": "first" if after is None else "second"})
        elif alone is not None:
            self._alone(numbers, alone)
        elif changes:
            self._changed(numbers, changes)

    def end(self) -> None:
        """Print the sum; leave with the exit code."""
        from streamlab.core.shown import count

        if not self._as_json:
            differing = f"{self._differing:,} of {count(self._pairs, 'exchange')} differ{'s' * (self._differing == 1)}"
            click.echo(differing if self._differing else f"no difference in {count(self._pairs, 'exchange')}")
        if self._differing:
            raise click.exceptions.Exit(_FINDING)

    def _alone(self, numbers: tuple[int | None, int | None], alone: Exchange) -> None:
        from streamlab.core.shown import Line, cut, visible
        from streamlab.core.timeline import asked

        which = "first" if numbers[1] is None else "second"
        request = alone.request
        user = f": {request.last_user}" if request.last_user else ""
        text = f"exchange {numbers[0] or numbers[1]} only in the {which}: {visible(asked(request) + user)}"
        self._printer.lines([Line(cut(text, self._printer.width), "error")])

    def _changed(self, numbers: tuple[int | None, int | None], changes: tuple[Change, ...]) -> None:
        from streamlab.core.changes import change_lines
        from streamlab.core.shown import Line

        here, there = numbers
        self._printer.lines([Line(f"exchange {here}" + (f" and {there}" if there != here else ""), "title")])
        for change in changes:
            self._printer.lines(change_lines(change, self._printer.width))


class _Printer:
    """Prints lines, in colours if it is a terminal that wants them."""

    def __init__(self, *, width: int | None, no_color: bool) -> None:
        is_terminal = sys.stdout.isatty()
        self.width = width if width is not None else shutil.get_terminal_size().columns if is_terminal else _WIDTH
        self._has_colors = is_terminal and not no_color and not os.environ.get("NO_COLOR")

    def lines(self, lines: Iterable[Line]) -> None:
        """Print lines."""
        for line in lines:
            style = _STYLES.get(line.style) if self._has_colors else None
            click.echo(click.style(line.text, **style) if style else line.text, color=self._has_colors)  # type: ignore[arg-type]


def _warn(recording: Recording) -> None:
    from streamlab.core.shown import visible

    for note in recording.notes:
        click.echo(f"streamlab: {visible(note)}", err=True)


def _tell_json(value: object) -> None:
    from streamlab.core.shown import as_json

    click.echo(as_json(value))


COMMANDS = (import_, show, diff)
"""The commands, to be added to the group."""
