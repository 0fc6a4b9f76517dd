"""What is sent to the control API: scenarios, cassettes and recorded streams, with nothing read from disk.

The files that a scenario names come with it, under `files`: `{"reply": {"sse": "greeting.sse"}, "files": {"greeting.sse": …}}`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field, ValidationError

from streamlab.core.pacing import INSTANT
from streamlab.core.replies import Reply, Rule, Settings
from streamlab.core.sources import Recorded
from streamlab.errors import ScenarioError, nearest
from streamlab.files.cassette import says_cassette
from streamlab.files.located import Located, parse_located
from streamlab.files.models import FaultField, Model, PaceField, problems
from streamlab.files.scenario import Scenario, read_scenario, read_sse
from streamlab.files.tapes import Opened, opened_text

__all__ = ["read_sent", "read_settings"]

_FILES = "files"
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_sent(data: bytes, kind: str, name: str) -> Scenario:
    """Return the rules in what was sent as `json`, `yaml` (a scenario or a cassette) or `sse`; `name` is for those without one.

    Raises ScenarioError, with the key at fault and the place in a text of YAML, if it cannot be used.
    """
    if kind == "sse":
        return Scenario(rules=(Rule(name=name, replies=(Reply(source=read_sse(data, name)),)),))
    if kind == "yaml" and says_cassette(data):
        found = opened_text(data, name)
        return Scenario(rules=(found.tape,), about=found.about, warnings=found.warnings)
    located = Located("", _json(data), {}) if kind == "json" else parse_located(_text(data, name), name)
    try:
        files = _Sent(_files(located.data))
        return read_scenario(located, name, files)
    except ScenarioError as error:
        raise (error if kind == "json" or error.file else located.place(error)) from None


class SettingsModel(Model):
    """What holds for every answer of a namespace."""

    noun = "an object of settings"
    example = 'for example: {"seed": 7, "pace": "50/s"}'

    seed: int = Field(0, description="The seed of ids and padding.")
    validate_requests: bool = Field(default=True, alias="validate", description="Whether what the API refuses is refused.")
    api_key: str | None = Field(None, description="The key that is demanded; `any` for any at all.")
    pace: PaceField | None = Field(None, description="How fast the answers go out.")
    faults: list[FaultField] = Field(default_factory=list, description="What goes wrong in every answer of a rule.")


def read_settings(written: object) -> Settings:
    """Return what an object says of every answer of a namespace. Raises ScenarioError, with the key at fault."""
    try:
        model = SettingsModel.model_validate(written)
    except ValidationError as error:
        raise problems(error)[0] from None
    return Settings(
        seed=model.seed,
        validate=model.validate_requests,
        api_key=model.api_key,
        pace=model.pace or INSTANT,
        faults=tuple(model.faults),
    )


@dataclass(frozen=True, slots=True)
class _Sent:
    """The files that came with a scenario."""

    data: Mapping[str, bytes]

    def recorded(self, name: str) -> Recorded:
        return read_sse(self._get(name), name)

    def cassette(self, name: str) -> Opened:
        return opened_text(self._get(name), name)

    def _get(self, name: str) -> bytes:
        if name not in self.data:
            hint = nearest(name, self.data) if self.data else 'send it along: {"files": {"' + name[:40] + '": "its text"}}'
            raise ScenarioError("no such file was sent", hint=hint)
        return self.data[name]


def _files(document: object) -> dict[str, bytes]:
    """Take the files out of a document."""
    written = document.pop(_FILES, {}) if isinstance(document, dict) else {}
    if not isinstance(written, dict):
        raise ScenarioError("files are expected", key=(_FILES,), hint='for example: {"files": {"greeting.sse": "its text"}}')
    return {name: _bytes(value, name) for name, value in written.items()}


def _bytes(value: Any, name: str) -> bytes:
    if isinstance(value, str | bytes):
        return value.encode() if isinstance(value, str) else value
    try:
        return base64.b64decode(value["base64"], validate=True)
    except (TypeError, KeyError, ValueError):
        hint = 'or {"base64": "…"} if it is not in UTF-8'
        raise ScenarioError("the text of a file is expected", key=(_FILES, name), hint=hint) from None


def _json(data: bytes) -> Any:
    """Return what JSON says. Raises ScenarioError if it is none, or says something that no scenario can."""
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError:
        raise ScenarioError("the nesting is too deep") from None
    except ValueError as error:
        raise ScenarioError(f"the body is not JSON: {error}", hint=_YAML) from None
    if "\\u" in text and _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        problem = "this text holds half of a character: a surrogate without its other half"
        raise ScenarioError(problem, hint="a stream with such bytes can be sent as YAML, with raw: !!binary")
    return value


_YAML = "for YAML send: content-type: application/yaml"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        name = next(each for each in names if names.count(each) > 1)
        raise ScenarioError("this key is written twice", key=(name,), hint="keep one of them")
    return found


def _refuse(constant: str) -> None:
    raise ScenarioError(f"{constant} is no number of JSON")


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScenarioError(f"not a text in UTF-8: byte {error.start + 1} is {data[error.start]:#04x}").at(name) from None
