"""Scenarios: from a file, a folder or a shipped name to rules. Nothing is served from a file with an error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from streamlab.core.api_errors import api_error
from streamlab.core.events import dump
from streamlab.core.exchange import Request
from streamlab.core.faults import Fault
from streamlab.core.identity import generator
from streamlab.core.matching import When
from streamlab.core.messages import DEFAULT_MODEL, Shape
from streamlab.core.pacing import INSTANT
from streamlab.core.plan import JSON
from streamlab.core.replies import EVERY, NO_FAULTS, Reply, Rule, Settings
from streamlab.core.sources import Content, Events, Failure, Http, Recorded, Source
from streamlab.core.sse import decode
from streamlab.core.tapes import Exchanges, Tape, replies_of
from streamlab.errors import ScenarioError, nearest
from streamlab.files.cassette import is_cassette
from streamlab.files.library import scenario_file
from streamlab.files.located import Located, load_located
from streamlab.files.models import HttpModel, ReplyModel, RuleModel, ScenarioModel, problems
from streamlab.files.tapes import Opened, cassette, opened

__all__ = ["Files", "Scenario", "cassette", "load", "load_sse", "merge", "read_scenario", "read_sse", "require_places", "sse"]

Key = tuple[str | int, ...]
_SUFFIXES = (".yaml", ".yml", ".sse")
_SMALLEST_DELTAS = "claude-3-5-haiku-latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Rules, and what holds for all of them.

    A cassette stands among the rules as one of them. `files` are what it was read from; `warnings` say what should be known of
    the cassettes in it, though they can be used.
    """

    rules: tuple[Rule | Tape, ...] = ()
    settings: Settings = field(default_factory=Settings)
    about: str = ""
    files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()


class Files(Protocol):
    """The files that a scenario names."""

    def recorded(self, name: str) -> Recorded:
        """Return the recorded stream in one. Raises ScenarioError if it cannot be had."""
        ...

    def cassette(self, name: str) -> Opened:
        """Return the cassette in one. Raises ScenarioError if it cannot be had."""
        ...


@dataclass(slots=True)
class _Beside:
    """The files in the folder of a scenario, and which of them it names."""

    folder: Path
    named: dict[Path, None] = field(default_factory=dict)

    def recorded(self, name: str) -> Recorded:
        return load_sse(self._path(name), name)

    def cassette(self, name: str) -> Opened:
        return opened(self._path(name))

    def _path(self, name: str) -> Path:
        path = self.folder / name
        self.named[path] = None
        return path


def load(source: str | Path) -> Scenario:
    """Return the scenario in a file (`.yaml`, `.yml`, `.sse`), in the files of a folder, or of a shipped name.

    A cassette may stand wherever a scenario can: its first document says that it is one.

    Raises ScenarioError, with file, line, column and key, if it cannot be used.
    """
    path = Path(source)
    if _exists(path, is_folder=True):
        return _load_folder(path)
    if not _exists(path):
        if path.suffix in _SUFFIXES or len(path.parts) > 1:
            raise ScenarioError("there is no such file", hint=_beside(path)).at(str(source))
        path = scenario_file(str(source))
    if path.suffix == ".sse":
        reply = Reply(source=load_sse(path, str(source)))
        return Scenario(rules=(Rule(name=path.stem, replies=(reply,)),), files=(path,))
    if path.suffix not in _SUFFIXES:
        ending = f"ends in {path.suffix!r}" if path.suffix else "has no ending"
        raise ScenarioError(f"this file {ending}", hint=f"a scenario ends in {', '.join(_SUFFIXES)}").at(str(source))
    if is_cassette(path):
        found = opened(path)
        return Scenario(rules=(found.tape,), about=found.about, files=(path,), warnings=found.warnings)
    located, beside = load_located(path, str(source)), _Beside(path.parent)
    try:
        scenario = read_scenario(located, path.stem, beside)
        return replace(scenario, files=(path, *beside.named))
    except ScenarioError as error:
        raise (error if error.file else located.place(error)) from None


def merge(scenarios: Sequence[Scenario]) -> Scenario:
    """Return one scenario with the rules of all, in order; what the first says of all answers holds."""
    if not scenarios:
        return Scenario()
    rules = tuple(rule for scenario in scenarios for rule in scenario.rules)
    files = tuple(path for scenario in scenarios for path in scenario.files)
    warnings = tuple(dict.fromkeys(each for scenario in scenarios for each in scenario.warnings))
    return replace(scenarios[0], rules=_with_own_names(rules), files=files, warnings=warnings)


def load_sse(path: Path, name: str) -> Recorded:
    """Return the recorded stream in a file. Raises ScenarioError if it cannot be read or holds no events."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ScenarioError("there is no such file", hint=_beside(path)).at(name) from None
    except OSError as error:
        raise ScenarioError(f"cannot be read: {error.strerror}").at(name) from None
    except ValueError:
        raise ScenarioError("this cannot be the name of a file").at(name) from None
    return read_sse(data, name)


def read_sse(data: bytes, name: str) -> Recorded:
    """Return the recorded stream in the bytes of a file of this name. Raises ScenarioError if there is no event in them."""
    frames = decode(data)
    if not any(frame.message is not None for frame in frames):
        raise ScenarioError("holds no event of a stream", hint="a recorded stream has lines such as: event: ping").at(name)
    return Recorded(frames)


def sse(path: str | Path) -> Recorded:
    """Return a reply of the recorded stream in a file, byte for byte. Raises ScenarioError if it cannot be read."""
    return load_sse(Path(path), str(path))


def _load_folder(folder: Path) -> Scenario:
    files = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES and path.is_file())
    if not files:
        raise ScenarioError("the folder holds no scenario", hint=f"scenarios end in {', '.join(_SUFFIXES)}").at(str(folder))
    return merge([load(path) for path in files])


def read_scenario(located: Located, name: str, files: Files) -> Scenario:
    """Return the scenario in a document of this name, and in the `files` that it names.

    Raises ScenarioError, with the key but without its place in the document, if it cannot be used.
    """
    try:
        model = ScenarioModel.model_validate(located.data)
    except ValidationError as error:
        raise min(problems(error), key=lambda problem: located.mark(problem.key)) from None
    if model.rules is None:
        rules = [_rule(model, When(), name, (), files)]
    else:
        rules = [
            _rule(rule, rule.when, rule.name or f"{name} rule {number}", ("rules", number - 1), files)
            for number, rule in enumerate(model.rules, 1)
        ]
        _check_names(rules, model.rules)
    settings = Settings(seed=model.seed, validate=model.validate_requests, api_key=model.api_key, pace=model.pace or INSTANT)
    return Scenario(rules=tuple(rules), settings=settings, about=model.about, warnings=_warnings(model, files))


def _check_names(rules: Sequence[Rule], models: Sequence[RuleModel]) -> None:
    """Raise ScenarioError if two rules of a file have one name."""
    names = [rule.name for rule in rules]
    for index, name in enumerate(names):
        if name in names[:index]:
            key: Key = ("rules", index, *(("name",) if models[index].name else ()))
            hint = "a name tells a rule from the others, in the journal and in errors: change one"
            raise ScenarioError(f"two rules are called {name!r}", key=key, hint=hint)


def _rule(model: ScenarioModel | RuleModel, when: When, name: str, key: Key, files: Files) -> Rule:
    keyed: list[tuple[Key, ReplyModel]] = [(("replies", index), each) for index, each in enumerate(model.replies or ())]
    if model.reply is not None:
        keyed = [(("reply",), model.reply)]
    replies = []
    for place, each in keyed:
        for reply in _replies(each, (*key, *place), files):
            if reply.faults or not isinstance(reply.source, Exchanges):  # what was recorded can be sent again
                _try_places(reply, when, (*key, *place))
            replies.append(reply)
    return Rule(name=name, replies=tuple(replies), when=when, repeats=model.then == "repeat", required=model.required)


def _replies(model: ReplyModel, key: Key, files: Files) -> tuple[Reply, ...]:
    reply = Reply(
        source=_source(model, key, files),
        times=model.times,
        pace=model.pace,
        faults=tuple(model.faults),
        headers=tuple(model.headers.items()),
        gzip=model.gzip,
    )
    try:
        return replies_of(reply)
    except ScenarioError as error:
        error.key = (*key, *error.key)
        raise


def _source(model: ReplyModel, key: Key, files: Files) -> Source:
    shape = Shape(
        stop_reason=model.stop_reason,
        stop_sequence=model.stop_sequence,
        stop_details=model.stop_details,
        model=model.model,
        id=model.id,
        usage=model.usage or {},
        container=model.container,
        context_management=model.context_management,
        plain=model.plain,
    )
    blocks = model.text if model.text is not None else model.content
    if blocks is not None:
        return Content(blocks, shape)
    if model.events is not None:
        return Events(model.events, shape)
    if model.sse is not None:
        try:
            return files.recorded(model.sse)
        except ScenarioError as error:
            raise ScenarioError(f"{model.sse!r}: {error.problem}", key=(*key, "sse"), hint=error.hint) from None
    if model.cassette is not None:
        return _cassette(model, key, files)
    if model.http is not None:
        return _http(model.http)
    return Failure(api_error(model.error), model.message)


def _cassette(model: ReplyModel, key: Key, files: Files) -> Exchanges:
    try:
        return files.cassette(str(model.cassette)).exchanges(model.exchange)
    except ScenarioError as error:
        if error.line is not None:  # it is the cassette that is wrong
            raise
        problem, where = f"{model.cassette!r}: {error.problem}", error.key or ("cassette",)
        raise ScenarioError(problem, key=(*key, *where), hint=error.hint) from None


def _warnings(model: ScenarioModel, files: Files) -> tuple[str, ...]:
    """Return what should be known of the cassettes that a scenario names."""
    answering = model.rules or (model,)
    replies = (reply for each in answering for reply in (each.replies or ([each.reply] if each.reply else [])))
    opened_ones = (files.cassette(reply.cassette) for reply in replies if reply.cassette is not None)
    return tuple(dict.fromkeys(warning for each in opened_ones for warning in each.warnings))


def _http(model: HttpModel) -> Http:
    headers = tuple((name, value) for name, value in model.headers.items() if value is not None)
    if isinstance(model.body, str | bytes):
        return Http(model.status, headers, model.body.encode() if isinstance(model.body, str) else model.body)
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers += (("content-type", JSON),)
    return Http(model.status, headers, dump(model.body).encode())


def _try_places(reply: Reply, when: When, key: Key, more: Mapping[str, Sequence[Fault]] = NO_FAULTS) -> None:
    """Make an answer once, so that a fault whose place does not exist is an error now and not in the middle of a test.

    `more` stacks are put in after its own. How a text is cut depends on the model: a place need exist only for one of those
    that the rule answers.
    """
    problems_found: list[ScenarioError] = []
    for model in _models(when):
        body = {"model": model, "max_tokens": 1, "messages": [], "stream": when.stream is not False}
        try:
            reply.plan(Request(body=json.dumps(body).encode()), generator(0, model), (), more)
        except ScenarioError as error:
            problems_found.append(error)
        else:
            return
    problem = problems_found[0]
    problem.key = (*key, *problem.key)
    raise problem


def require_places(scenario: Scenario) -> None:
    """Raise ScenarioError if the faults that are put into every answer have no place in any of them."""
    faults, problems_found = scenario.settings.faults, list[ScenarioError]()
    for make in _answers(scenario) if faults else ():
        try:
            make()
        except ScenarioError as error:
            problems_found.append(error)
        else:
            return
    if problems_found:
        first = problems_found[0]
        is_told = first.key[:1] == (EVERY,) and len(faults) > 1
        where = f"fault {int(first.key[1]) + 1} of every answer" if is_told else "the faults of every answer"
        first.key = first.key[2:]
        raise first.at(where)


def _answers(scenario: Scenario) -> Iterator[Callable[[], object]]:
    """Yield what makes each answer once, with the faults that are put into every answer."""
    more = {EVERY: scenario.settings.faults}
    for rule in scenario.rules:
        if isinstance(rule, Tape):
            for number, asked in enumerate(rule.requests):
                yield partial(rule.reply(number).plan, asked, generator(0, rule.name), (), more)
        else:
            for reply in rule.replies:
                yield partial(_try_places, reply, rule.when, (), more)


def _models(when: When) -> list[str]:
    """Return models that a rule answers: a common one, the one with the smallest deltas, the one that is asked for."""
    known = [DEFAULT_MODEL, _SMALLEST_DELTAS]
    if when.model is None:
        return known
    return [name for name in known if when.model.matches(name)] or [when.model.pattern]


def _with_own_names(rules: Sequence[Rule | Tape]) -> tuple[Rule | Tape, ...]:
    """Return the rules with names that tell them apart: a name that is taken gets a number."""
    taken: set[str] = set()
    named: list[Rule | Tape] = []
    for rule in rules:
        name = next(each for each in _numbered(rule.name) if each not in taken)
        taken.add(name)
        named.append(replace(rule, name=name))
    return tuple(named)


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} ({number})" for number in count(2))


def _exists(path: Path, *, is_folder: bool = False) -> bool:
    try:
        return path.is_dir() if is_folder else path.exists()
    except OSError:  # a name that is too long, for one
        return False


def _beside(path: Path) -> str:
    """Return the hint for a missing file: the nearest of those in its folder."""
    folder = path.parent
    if not _exists(folder, is_folder=True):
        return f"there is no folder {str(folder)!r} either"
    suffixes = (".sse",) if path.suffix == ".sse" else (".yaml", ".yml")
    names = [each.name for each in folder.iterdir() if each.suffix in suffixes]
    return nearest(path.name, names) if names else f"its folder holds no file that ends in {' or '.join(suffixes)}"
