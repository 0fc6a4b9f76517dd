"""Cassettes of tests: what they are called, which test may record into one, and the command that records it."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamlab.core.environment import DUMMY_KEY
from streamlab.core.redaction import compile_patterns
from streamlab.errors import ScenarioError, ServerError
from streamlab.files.cassette_output import Mode, check_name
from streamlab.files.project import checked_patterns
from streamlab.files.scenario import Scenario
from streamlab.files.tapes import opened

if TYPE_CHECKING:
    import pytest

    from streamlab.core.tapes import Tape
    from streamlab.files.lab_settings import LabSettings
    from streamlab.net.lab import Host, Lab
    from streamlab.net.lab_recorder import LabRecorder
    from streamlab.pytest_marker import Cassettes

__all__ = ["API", "Recordings", "cassette_paths", "command", "own_name", "playable", "recorder", "shown"]

API = "https://api.anthropic.com"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.,=+@\[\]-]+")
_LONGEST = 120
"""The characters of a file's name that are kept, its ending not counted."""


def own_name(item: pytest.Item) -> str:
    """Return the name of a test's own cassette: its module as a folder, its class, its function, its parameters."""
    inside, bracket, parameters = item.nodeid.partition("::")[2].partition("[")
    name = inside.replace("::", ".") + bracket + parameters or item.name
    safe = _UNSAFE.sub("-", name).strip(".") or "test"
    if safe != name or len(safe) > _LONGEST:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        safe = f"{safe[:_LONGEST]}-{digest}"
    return f"{item.path.stem}/{safe}.yaml"


def cassette_paths(item: pytest.Item, cassettes: Cassettes, settings: LabSettings) -> tuple[Path, ...]:
    """Return the files of a test's cassettes. Raises ScenarioError if one cannot be a cassette.

    In a folder for all modules, those of each are in a folder that is called as its own.
    """
    folder = item.path.parent / settings.cassettes
    own = folder / _module_folder(item) if Path(settings.cassettes).is_absolute() else folder
    paths = tuple(own / own_name(item) if each is True else folder / str(each) for each in cassettes)
    for path in paths:
        check_name(path)
    return paths


def _module_folder(item: pytest.Item) -> Path:
    """Return the folder of a test's module within the project; if it is elsewhere, all of it."""
    folder, root = item.path.parent, item.config.rootpath
    return folder.relative_to(root if folder.is_relative_to(root) else folder.anchor)


def shown(path: Path, config: pytest.Config) -> str:
    """Return the name of a file as somebody who started the run would write it."""
    relative = os.path.relpath(path, config.invocation_params.dir)
    return str(path) if relative.startswith("..") else relative


def command(item: pytest.Item, mode: str) -> str:
    """Return the command that records the cassette of a test."""
    file, *inside = item.nodeid.split("::")
    name = "::".join((shown(item.path, item.config) if file else "", *inside))
    given = item.config.getoption("streamlab_upstream", None)
    upstream = f" --streamlab-upstream={shlex.quote(given)}" if given else ""
    return f"pytest {shlex.quote(name)} --streamlab-record={mode}{upstream}"


def playable(paths: tuple[Path, ...], settings: LabSettings) -> Scenario:
    """Return cassettes that are replayed, on the terms of the settings. Raises ScenarioError if one cannot be."""
    found = [opened(path) for path in paths]
    warnings = tuple(each for one in found for each in one.warnings)
    return Scenario(rules=tuple(_on_terms(one.tape, settings) for one in found), warnings=warnings)


def _on_terms(tape: Tape, settings: LabSettings) -> Tape:
    changes: dict[str, Any] = {
        name: value for name in ("ignore", "normalise") if (value := getattr(settings, name)) is not None
    }
    if settings.redact:
        changes["redact"] = (*tape.matching.redact, *compile_patterns(settings.redact))
    return replace(tape, matching=replace(tape.matching, **changes), shared=None) if changes else tape


@dataclass
class Recordings:
    """The cassettes that are recorded in a run, or in one worker of it.

    `keys` are the variables of the environment that have the key for the upstream. `claims` is a folder that the workers share.
    """

    keys: Mapping[str, str]
    claims: str | None = None
    worker: str = ""
    made: dict[Path, str] = field(default_factory=dict)
    """The test that was the first to record into each cassette."""
    begun: set[Path] = field(default_factory=set)
    """The cassettes into which something was recorded."""
    aside: dict[Path, Path] = field(default_factory=dict)
    """What is recorded into in the place of cassettes that stay, since a test failed that was to replace them."""
    _projects: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    """What the projects of folders say is secret."""

    def patterns(self, folder: Path, settings: LabSettings) -> tuple[str, ...]:
        """Return what is secret to a test in a folder: what its project and its settings say.

        Raises ScenarioError if the project's cannot be used.
        """
        if folder not in self._projects:
            self._projects[folder] = checked_patterns(folder, ())
        return tuple(dict.fromkeys((*self._projects[folder], *settings.redact)))

    def wanted(self, path: Path, mode: str, item: pytest.Item) -> Mode | None:
        """Return how a test records into a cassette; None if it replays what is there.

        Tests of one process that share a cassette add to what the first has recorded. Raises ServerError if another worker
        records into it.
        """
        path = Path(os.path.realpath(path))
        if mode == "none":
            return None
        is_there = path.exists()
        if path in self.made:
            return Mode.ALL if mode == "all" and path not in self.begun else Mode.NEW
        self._check(path, item)
        if mode == "once" and is_there:
            return None
        self._claim(path, item)
        self.made[path] = item.nodeid
        return Mode.ALL if mode == "all" else Mode.NEW

    def target(self, path: Path) -> Path:
        """Return the file that is recorded into for a cassette."""
        return self.aside.get(Path(os.path.realpath(path)), path)

    def ended(self, path: Path, recorded: int, aside: Path | None) -> None:
        """Take note of what became of a recording."""
        path = Path(os.path.realpath(path))
        if recorded:
            self.begun.add(path)
        if aside is not None:
            self.aside[path] = aside

    def replays(self, path: Path, mode: str) -> bool:
        """Whether what is in a cassette may answer while it is recorded into."""
        return mode != "all" and path.exists()

    def _claim_of(self, path: Path) -> Path | None:
        return Path(self.claims) / hashlib.sha256(os.fsencode(path)).hexdigest() if self.claims is not None else None

    def _check(self, path: Path, item: pytest.Item) -> None:
        """Raise ServerError if another worker records into a cassette."""
        claim = self._claim_of(path)
        if claim is not None and claim.exists():
            hint = (
                "give each test a cassette of its own: cassette=True; or let one worker have the tests that share it: "
                "--dist loadfile"
            )
            name = shown(path, item.config)
            raise ServerError(f"{name}: another worker records into this cassette, for {claim.read_text()}\n  hint: {hint}")

    def _claim(self, path: Path, item: pytest.Item) -> None:
        """Take a cassette for this worker. Raises ServerError if another one has it."""
        claim = self._claim_of(path)
        if claim is None:
            return
        made = claim.with_name(f"{claim.name}-{self.worker}")
        made.write_text(item.nodeid, encoding="utf-8")  # whole before it has the name that others look at
        try:
            os.link(made, claim)
        except FileExistsError:
            self._check(path, item)
        finally:
            made.unlink()


def recorder(  # noqa: PLR0913 - what a test, its marks and its run say
    path: Path, mode: Mode, *, recordings: Recordings, settings: LabSettings, item: pytest.Item, host: Host, lab: Lab, port: int
) -> LabRecorder:
    """Start to record what a test asks. Raises ScenarioError or ServerError if that cannot be."""
    from streamlab.net.lab_recorder import LabRecorder, LabRecording
    from streamlab.net.record_session import credentials

    upstream = item.config.getoption("streamlab_upstream", None) or settings.upstream or API
    variables = {name: key for name, key in recordings.keys.items() if key.strip() not in ("", DUMMY_KEY)}
    keys = credentials(variables, "--streamlab-record") if variables or upstream == API else ()
    match = {name: list(value) for name in ("ignore", "normalise") if (value := getattr(settings, name)) is not None}
    recording = LabRecording(
        out=path,
        upstream=upstream,
        mode=mode,
        match=match,
        patterns=recordings.patterns(item.path.parent, settings),
        credentials=keys,
        ca_file=settings.ca_file if settings.ca_file is None else str(settings.ca_file),
        timeout=settings.timeout if isinstance(settings.timeout, float) else None,
    )
    try:
        return LabRecorder(recording, host, lab, port)
    except ScenarioError as error:
        raise (error if error.file else error.at(shown(path, item.config))) from None
