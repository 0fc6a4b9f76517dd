"""Tests of the models and their JSON Schema: the schema that is shipped, and its agreement with the loader."""

from __future__ import annotations

import json
import runpy
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest
from documents import GOOD, VALUES, almost_good
from hypothesis import given, settings

from streamlab.core.faults import base, fault_names, fault_type, main_field, register
from streamlab.core.plan import Plan
from streamlab.errors import ScenarioError
from streamlab.files import models
from streamlab.files.library import library_folder, scenario_file, scenario_names
from streamlab.files.located import load_located
from streamlab.files.models import SOURCES, ReplyModel, RuleModel, ScenarioModel, json_schema
from streamlab.files.scenario import load

SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

REFUSED_BY_BOTH: dict[str, Any] = {
    "a list": ["Hello."],
    "no answer": {"about": "x"},
    "an empty file": None,
    "two answers": {"reply": "a", "replies": ["b"]},
    "a wrong key": {"repyl": "a"},
    "a wrong key of a rule": {"rules": [{"whan": {}, "reply": "a"}]},
    "a key of a reply in a rule": {"rules": [{"text": "a"}]},
    "about that is no text": {"about": 7, "reply": "a"},
    "a wrong key of a reply": {"reply": {"text": "a", "fault": []}},
    "a wrong key of http": {"reply": {"http": {"staus": 200}}},
    "a wrong condition": {"rules": [{"when": {"last_usr": "x"}, "reply": "a"}]},
    "a wrong way of matching": {"rules": [{"when": {"model": {"glob": "x"}}, "reply": "a"}]},
    "a wrong key of a pace": {"reply": "a", "pace": {"frist": "1s"}},
    "a wrong key of a block": {"reply": {"content": [{"text": "a", "cite": []}]}},
    "a wrong key of a tool": {"reply": {"content": [{"tool_use": {"name": "a", "args": {}}}]}},
    "a wrong fault": {"reply": {"text": "a", "faults": [{"cutt": "fin", "at": "end"}]}},
    "a wrong key of a fault": {"reply": {"text": "a", "faults": [{"cut": "fin", "att": "end"}]}},
    "a fault without a place": {"reply": {"text": "a", "faults": [{"cut": "fin"}]}},
    "a fault at two places": {"reply": {"text": "a", "faults": [{"cut": "fin", "at": "end", "after": "delta 1"}]}},
    "a fault that is a word": {"reply": {"text": "a", "faults": ["cut"]}},
    "a place that is no text": {"reply": {"text": "a", "faults": [{"cut": "fin", "at": 3}]}},
    "a placed fault among events": {"reply": {"events": [{"cut": "fin", "at": "end"}]}},
    "an unknown event": {"reply": {"events": ["message_strat"]}},
    "an unknown item": {"reply": {"events": [{"wiat": "2s"}]}},
    "something beside a wait": {"reply": {"events": [{"wait": "2s", "x": 1}]}},
    "two sources": {"reply": {"text": "a", "error": "overloaded"}},
    "no source": {"reply": {"times": 2}},
    "an unknown error": {"reply": {"error": "overlaoded"}},
    "an unknown status": {"reply": {"error": 418}},
    "a shape of an error": {"reply": {"error": "overloaded", "stop_reason": "end_turn"}},
    "a message of a text": {"reply": {"text": "a", "message": "b"}},
    "a reply that is a number": {"reply": 42},
    "nothing after a key": {"reply": None},
    "nothing after a key of a reply": {"reply": {"text": "a", "pace": None}},
    "no replies": {"replies": []},
    "no rules": {"rules": []},
    "never": {"reply": {"text": "a", "times": 0}},
    "a status out of range": {"reply": {"http": {"status": 99}}},
    "a body that is a number": {"reply": {"http": {"body": 7}}},
    "a header that is a list": {"reply": {"text": "a", "headers": {"x": ["a"]}}},
    "a count that is a text": {"reply": {"text": "a", "usage": {"output_tokens": "many"}}},
    "another version": {"streamlab": 2, "reply": "a"},
    "a version that is no number": {"streamlab": True, "reply": "a"},
    "another ending": {"reply": "a", "then": "stop"},
    "a word for a flag": {"reply": "a", "required": "yes"},
    "a bad duration": {"reply": {"events": [{"wait": "soon"}]}},
    "a bad pace": {"reply": "a", "pace": "fast"},
    "a bad rate": {"reply": "a", "pace": {"rate": "fast"}},
    "a bad jitter": {"reply": "a", "pace": {"jitter": "half"}},
    "a bad range": {"rules": [{"when": {"turn": "soon"}, "reply": "a"}]},
    "a turn of zero": {"rules": [{"when": {"turn": 0}, "reply": "a"}]},
    "fragments that are no list": {"reply": {"content": [{"tool_use": {"name": "a"}, "fragments": 3}]}},
    "citations that are no list": {"reply": {"content": [{"text": "a", "citations": 3}]}},
}
"""Documents that an editor marks, and that the loader refuses."""

REFUSED_BY_THE_LOADER: dict[str, Any] = {
    "a place that is not there": {"reply": {"text": "a", "faults": [{"cut": "fin", "at": "delta 99"}]}},
    "a place that is misspelt": {"reply": {"text": "a", "faults": [{"cut": "fin", "at": "dleta 1"}]}},
    "a file that is not there": {"reply": {"sse": "missing.sse"}},
    "a bad expression": {"rules": [{"when": {"model": {"regex": "("}}, "reply": "a"}]},
    "an empty range": {"rules": [{"when": {"turn": "3..1"}, "reply": "a"}]},
    "a header of two lines": {"reply": {"text": "a", "headers": {"x": "a\r\nb"}}},
    "two rules of one name": {"rules": [{"name": "a", "reply": "x"}, {"name": "a", "reply": "y"}]},
}
"""Documents that no schema can know to be wrong."""


def takes(folder: Path, document: object) -> bool:
    """Return whether the loader takes a document."""
    path = folder / "file.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    try:
        load(path)
    except ScenarioError:
        return False
    return True


def test_the_schema_that_is_shipped_is_the_one_that_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    """If this fails: python -m streamlab.files.models > scenarios/scenario.schema.json."""
    runpy.run_path(models.__file__, run_name="__main__")
    made = capsys.readouterr().out
    assert made == (library_folder() / "scenario.schema.json").read_text(encoding="utf-8")
    assert json.loads(made) == SCHEMA


def test_the_schema_is_a_schema() -> None:
    """And each of its references leads somewhere."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    text = json.dumps(SCHEMA)
    assert "$shared" not in text
    used = {part.split('"')[0] for part in text.split("#/$defs/")[1:]}
    assert used == set(SCHEMA["$defs"])


@pytest.mark.parametrize("name", scenario_names())
def test_shipped_scenarios_fit_the_schema(name: str) -> None:
    """What an editor would mark is not shipped."""
    VALIDATOR.validate(as_an_editor_sees(load_located(scenario_file(name), name).data))


def as_an_editor_sees(value: Any) -> Any:
    """Return what a file holds with `!!binary` as the text that it is to an editor."""
    if isinstance(value, dict):
        return {key: as_an_editor_sees(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_an_editor_sees(each) for each in value]
    return value.decode("latin-1") if isinstance(value, bytes) else value


@pytest.mark.parametrize("name", GOOD)
def test_good_documents_are_taken_by_both(tmp_path: Path, name: str) -> None:
    """There is no key that only one of them knows."""
    VALIDATOR.validate(GOOD[name])
    assert takes(tmp_path, GOOD[name])


@pytest.mark.parametrize("name", REFUSED_BY_BOTH)
def test_bad_documents_are_refused_by_both(tmp_path: Path, name: str) -> None:
    """An editor marks what the loader will not take."""
    assert not VALIDATOR.is_valid(REFUSED_BY_BOTH[name])
    assert not takes(tmp_path, REFUSED_BY_BOTH[name])


@pytest.mark.parametrize("name", REFUSED_BY_THE_LOADER)
def test_what_no_schema_can_know_is_left_to_the_loader(tmp_path: Path, name: str) -> None:
    """The schema only helps; it is the loader that decides."""
    VALIDATOR.validate(REFUSED_BY_THE_LOADER[name])
    assert not takes(tmp_path, REFUSED_BY_THE_LOADER[name])


@settings(max_examples=400)
@given(almost_good() | VALUES)
def test_what_the_loader_takes_the_schema_takes(tmp_path: Path, document: object) -> None:
    """So what the schema refuses, the loader refuses: an editor never marks what works."""
    if not VALIDATOR.is_valid(document):
        assert not takes(tmp_path, document)


def test_an_editor_is_told_what_every_key_is_for() -> None:
    """Keys without a description are those of what is described around them."""
    for model in (ScenarioModel, RuleModel, ReplyModel):
        for name, field in model.model_fields.items():
            assert field.description, name
    defined = SCHEMA["$defs"]
    whole = defined["ReplyModel"]["anyOf"][1]["properties"]
    assert all("description" in part for part in (*SCHEMA["properties"].values(), *whole.values()))
    assert all("description" in part for part in defined["RuleModel"]["properties"]["when"]["properties"].values())


@pytest.mark.parametrize("name", fault_names())
def test_every_fault_is_in_the_schema(name: str) -> None:
    """With its own keys, the main one under its name, and what it is."""
    (found,) = [each for each in SCHEMA["$defs"]["fault"]["anyOf"] if name in each["required"]]
    assert main_field(fault_type(name)) not in found["properties"].keys() - {name}
    assert found["description"] == (fault_type(name).__doc__ or "").splitlines()[0]
    assert found["additionalProperties"] is False


def test_every_source_is_in_the_schema() -> None:
    """A reply needs one of them."""
    assert [each["required"] for each in SCHEMA["$defs"]["ReplyModel"]["anyOf"][1]["oneOf"]] == [[name] for name in SOURCES]


@dataclass(frozen=True, slots=True)
class _Louder(base.AtPlace):
    """Says everything louder; a fault that somebody wrote, and that looks at none of its values."""

    much: int = 1

    def apply(self, plan: Plan, rng: Random) -> Plan:
        del rng
        return replace(plan, head=plan.head.with_headers([("x-volume", str(self.much))]))


def test_the_values_of_a_new_fault_are_of_its_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loader goes by the annotations, as the schema does, whatever the fault itself looks at."""
    monkeypatch.setattr(base, "_REGISTRY", dict(base._REGISTRY))
    register("louder")(_Louder)
    validator = jsonschema.Draft202012Validator(json_schema())
    good, bad = ({"reply": {"text": "a", "faults": [{"louder": much, "at": "end"}]}} for much in (3, "very"))
    validator.validate(good)
    assert takes(tmp_path, good)
    assert not validator.is_valid(bad)
    (tmp_path / "bad.yaml").write_text(json.dumps(bad))
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path / "bad.yaml")
    assert str(caught.value) == f"{tmp_path}/bad.yaml:1:37: reply.faults.0.louder: a whole number is expected, not 'very'"
