"""Scenarios: from a file, a folder or a shipped name to rules. Nothing is served from a file with an error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from streamlab.core.api_errors import api_error
from streamlab.core.events import dump
from streamlab.core.exchange import Request
from streamlab.core.identity import generator
from streamlab.core.messages import Shape
from streamlab.core.pacing import INSTANT
from streamlab.core.plan import JSON
from streamlab.core.replies import Reply, Rule, Settings
from streamlab.core.sources import Content, Events, Failure, Http, Recorded, Source
from streamlab.core.sse import decode
from streamlab.errors import ScenarioError, nearest
from streamlab.files.library import scenario_file
from streamlab.files.located import Located, load_located
from streamlab.files.models import HttpModel, ReplyModel, RuleModel, ScenarioModel

__all__ = ["Scenario", "load", "load_sse", "merge", "sse"]

Key = tuple[str | int, ...]
_SUFFIXES = (".yaml", ".yml", ".sse")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Rules, and what holds for all of them. `files` are what it was read from."""

    rules: tuple[Rule, ...] = ()
    settings: Settings = field(default_factory=Settings)
    about: str = ""
    files: tuple[Path, ...] = ()


def load(source: str | Path) -> Scenario:
    """Return the scenario in a file (`.yaml`, `.yml`, `.sse`), in the files of a folder, or of a shipped name.

    Raises ScenarioError, with file, line, column and key, if it cannot be used.
    """
    path = Path(source)
    if path.is_dir():
        return _load_folder(path)
    if not path.exists():
        if path.suffix in _SUFFIXES or len(path.parts) > 1:
            raise ScenarioError("there is no such file", hint=_beside(path)).at(str(source))
        path = scenario_file(str(source))
    if path.suffix == ".sse":
        reply = Reply(source=load_sse(path, str(source)))
        return Scenario(rules=(Rule(name=path.stem, replies=(reply,)),), files=(path,))
    if path.suffix not in _SUFFIXES:
        raise ScenarioError(
            f"{path.suffix or 'no ending'!r} is not the ending of a scenario", hint=nearest(path.suffix, _SUFFIXES)
        ).at(str(source))
    located = load_located(path, str(source))
    try:
        return _scenario(located, path)
    except ScenarioError as error:
        raise (error if error.file else located.place(error)) from None


def merge(scenarios: Sequence[Scenario]) -> Scenario:
    """Return one scenario with the rules of all, in order; what the first says of all answers holds."""
    if not scenarios:
        return Scenario()
    rules = tuple(rule for scenario in scenarios for rule in scenario.rules)
    files = tuple(path for scenario in scenarios for path in scenario.files)
    return replace(scenarios[0], rules=_with_own_names(rules), files=files)


def load_sse(path: Path, name: str) -> Recorded:
    """Return the recorded stream in a file. Raises ScenarioError if it cannot be read or holds no events."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ScenarioError(f"cannot be read: {error.strerror}", hint=_beside(path)).at(name) from None
    frames = decode(data)
    if not any(frame.message is not None for frame in frames):
        raise ScenarioError("holds no event of a stream", hint="a recorded stream has lines such as: event: ping").at(name)
    return Recorded(frames)


def sse(path: str | Path) -> Recorded:
    """Return a reply of the recorded stream in a file, byte for byte. Raises ScenarioError if it cannot be read."""
    return load_sse(Path(path), str(path))


def _load_folder(folder: Path) -> Scenario:
    files = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES)
    if not files:
        raise ScenarioError("the folder holds no scenario", hint=f"scenarios end in {', '.join(_SUFFIXES)}").at(str(folder))
    return merge([load(path) for path in files])


def _scenario(located: Located, path: Path) -> Scenario:
    if not isinstance(located.data, dict):
        raise ScenarioError("a scenario is a mapping", hint="it has one of: reply, replies, rules")
    try:
        model = ScenarioModel.model_validate(located.data)
    except ValidationError as error:
        raise _first(error) from None
    rules: tuple[Rule, ...]
    if model.rules is None:
        rules = (_rule(model, RuleModel.model_construct().when, path.stem, (), path),)
    else:
        rules = tuple(
            _rule(rule, rule.when, rule.name or f"{path.stem} rule {number}", ("rules", number - 1), path)
            for number, rule in enumerate(model.rules, 1)
        )
    names = [rule.name for rule in rules]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ScenarioError(f"two rules are called {name!r}", key=("rules", index, "name"), hint="names tell rules apart")
    settings = Settings(seed=model.seed, validate=model.validate_requests, api_key=model.api_key, pace=model.pace or INSTANT)
    scenario = Scenario(rules=rules, settings=settings, about=model.about, files=(path,))
    _try_places(scenario, is_single=model.rules is None, is_turned=model.replies is not None)
    return scenario


def _rule(model: Any, when: Any, name: str, key: Key, path: Path) -> Rule:
    written = [("reply",)] if model.reply is not None else [("replies", index) for index in range(len(model.replies))]
    models = [model.reply] if model.reply is not None else model.replies
    replies = tuple(_reply(each, (*key, *place), path) for each, place in zip(models, written, strict=True))
    return Rule(name=name, replies=replies, when=when, repeats=model.then == "repeat", required=model.required)


def _reply(model: ReplyModel, key: Key, path: Path) -> Reply:
    return Reply(
        source=_source(model, key, path),
        times=model.times,
        pace=model.pace,
        faults=tuple(model.faults),
        headers=tuple(model.headers.items()),
    )


def _source(model: ReplyModel, key: Key, path: Path) -> Source:
    shape = Shape(
        stop_reason=model.stop_reason,
        stop_sequence=model.stop_sequence,
        model=model.model,
        id=model.id,
        usage=model.usage or {},
        plain=model.plain,
    )
    blocks = model.text if model.text is not None else model.content
    if blocks is not None:
        return Content(blocks, shape)
    if model.events is not None:
        return Events(model.events, shape)
    if model.sse is not None:
        try:
            return load_sse(path.parent / model.sse, model.sse)
        except ScenarioError as error:
            raise ScenarioError(f"{model.sse}: {error.problem}", key=(*key, "sse"), hint=error.hint) from None
    if model.http is not None:
        return _http(model.http)
    return Failure(api_error(model.error), model.message)


def _http(model: HttpModel) -> Http:
    headers = tuple((name, value) for name, value in model.headers.items() if value is not None)
    if isinstance(model.body, str):
        return Http(model.status, headers, model.body.encode())
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers += (("content-type", JSON),)
    return Http(model.status, headers, dump(model.body).encode())


def _try_places(scenario: Scenario, *, is_single: bool, is_turned: bool) -> None:
    """Make each answer once, so that a fault whose place does not exist is an error now and not in the middle of a test."""
    for number, rule in enumerate(scenario.rules):
        for index, reply in enumerate(rule.replies):
            model = rule.when.model.pattern if rule.when.model is not None else "claude"
            body = {"model": model, "max_tokens": 1, "messages": [], "stream": rule.when.stream is not False}
            request = Request(body=json.dumps(body).encode())
            try:
                reply.plan(request, generator(scenario.settings.seed, rule.name))
            except ScenarioError as error:
                prefix: Key = () if is_single else ("rules", number)
                has_list = is_turned if is_single else len(rule.replies) > 1
                error.key = (*prefix, *(("replies", index) if has_list else ("reply",)), *error.key)
                raise


def _with_own_names(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the rules with names that tell them apart."""
    seen: dict[str, int] = {}
    named = []
    for rule in rules:
        seen[rule.name] = seen.get(rule.name, 0) + 1
        named.append(rule if seen[rule.name] == 1 else replace(rule, name=f"{rule.name} ({seen[rule.name]})"))
    return tuple(named)


def _first(error: ValidationError) -> ScenarioError:
    """Return the first problem of a file as an error of ours."""
    details = error.errors(include_url=False)[0]
    key, context = tuple(details["loc"]), details.get("ctx") or {}
    if details["type"] == "scenario":
        return ScenarioError(context["problem"], key=(*key, *context["key"]), hint=context["hint"])
    if details["type"] == "extra_forbidden":
        return ScenarioError(f"there is no key {key[-1]!r} here", key=key, hint=nearest(str(key[-1]), _allowed(key[:-1])))
    words = details["msg"]
    return ScenarioError(f"{words[0].lower()}{words[1:]}, not {_short(details['input'])}", key=key)


_MODELS: dict[str, type[BaseModel]] = {
    "reply": ReplyModel,
    "replies": ReplyModel,
    "rules": RuleModel,
    "http": HttpModel,
}
"""The model of the mappings under a key."""


def _allowed(key: Key) -> tuple[str, ...]:
    """Return the keys that may stand in the mapping that `key` leads to."""
    model = next((_MODELS[part] for part in reversed(key) if isinstance(part, str)), ScenarioModel)
    return tuple(item.alias or name for name, item in model.model_fields.items())


def _short(value: object, most: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def _beside(path: Path) -> str:
    """Return the hint for a missing file: the nearest of those in its folder."""
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {str(folder)!r} either"
    names = [each.name for each in folder.iterdir() if each.suffix in _SUFFIXES]
    return nearest(path.name, names) if names else "the folder holds no scenario"
