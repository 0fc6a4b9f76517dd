"""The scenario language as models: which keys there are, what they take, and the JSON Schema of it all.

Only shape is checked here; what a value means is parsed by the core, whose errors name the key at fault.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError

from streamlab.core.api_errors import ERRORS, api_error
from streamlab.core.blocks import Block, parse_blocks
from streamlab.core.faults import Fault, fault_names, fault_type, main_field, parse_fault
from streamlab.core.matching import When, parse_when
from streamlab.core.pacing import Pace, parse_pace
from streamlab.core.sources import Events
from streamlab.errors import ScenarioError

JsonSchemaValue = dict[str, Any]

__all__ = ["SOURCES", "ReplyModel", "RuleModel", "ScenarioModel", "json_schema"]

SOURCES = ("text", "content", "events", "sse", "error", "http")
"""The keys that say what a reply is made of: one of them in each."""

_SHAPE = ("stop_reason", "stop_sequence", "model", "id", "usage", "plain")
_SHAPED = ("text", "content", "events")


def _parsed(parse: Any, schema: JsonSchemaValue) -> Any:
    """Return the annotation of a value that the core parses; the core's errors keep their keys and hints."""

    def validate(written: object) -> object:
        try:
            return parse(written)
        except ScenarioError as error:
            context = {"problem": error.problem, "hint": error.hint, "key": error.key}
            raise PydanticCustomError("scenario", "{problem}", context) from None

    return (BeforeValidator(validate), WithJsonSchema(schema, mode="validation"))


def _fault_schema() -> JsonSchemaValue:
    """Return the schema of a fault: one of them, by its name, with its own keys and a place."""
    choices = []
    for name in fault_names():
        main = main_field(fault_type(name))
        keys = [name if item.name == main else item.name for item in fields(fault_type(name))]  # type: ignore[arg-type]
        summary = (fault_type(name).__doc__ or "").splitlines()[0]
        properties: dict[str, Any] = {key: {} for key in keys}
        choices.append(
            {
                "type": "object",
                "description": summary,
                "properties": properties,
                "required": [name],
                "additionalProperties": False,
            }
        )
    return {"oneOf": choices}


def _when_schema() -> JsonSchemaValue:
    return {"type": "object", "properties": {item.name: {} for item in fields(When)}, "additionalProperties": False}


def _check_events(written: object) -> tuple[Any, ...]:
    if not isinstance(written, list):
        raise ScenarioError(f"a list of events is expected, not {written!r}", hint="for example: [message_start, ping]")
    Events.check(written)
    return tuple(written)


def _texts(written: object) -> tuple[Block, ...]:
    return parse_blocks({"text": written})


_TEXT_SCHEMA: JsonSchemaValue = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_PACE_SCHEMA: JsonSchemaValue = {
    "anyOf": [
        {"type": "string", "examples": ["instant", "recorded", "recorded x10", "50/s"]},
        {
            "type": "object",
            "properties": {key: {} for key in ("first", "rate", "jitter", "seed")},
            "additionalProperties": False,
        },
    ]
}
_CONTENT_SCHEMA: JsonSchemaValue = {"anyOf": [{"type": "array", "items": {"type": ["string", "object"]}}, {"type": "object"}]}
_EVENTS_SCHEMA: JsonSchemaValue = {"type": "array", "items": {"type": ["string", "object"]}}
_ERROR_SCHEMA: JsonSchemaValue = {
    "anyOf": [
        {"type": "string", "examples": list(ERRORS)},
        {"type": "integer", "enum": [each.status for each in ERRORS.values()]},
    ]
}

PaceField = Annotated[Pace, *_parsed(parse_pace, _PACE_SCHEMA)]
WhenField = Annotated[When, *_parsed(parse_when, _when_schema())]
HeaderField = Annotated[str | None, BeforeValidator(lambda value: str(value) if type(value) in (int, float) else value)]
FaultField = Annotated[Fault, *_parsed(parse_fault, _fault_schema())]


class _Model(BaseModel):
    """A mapping in which unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, strict=True, populate_by_name=False)


class HttpModel(_Model):
    """Any answer of HTTP."""

    status: int = Field(200, ge=200, le=599, description="The status.")
    headers: dict[str, HeaderField] = Field(default_factory=dict, description="The headers.")
    body: str | dict[str, Any] | list[Any] = Field("", description="The body: a text, or a value that is sent as JSON.")


class ReplyModel(_Model):
    """One answer: a text, or a source and what is changed about it."""

    text: Annotated[tuple[Block, ...] | None, *_parsed(_texts, _TEXT_SCHEMA)] = Field(
        None, description="The text of a message; a list of texts comes in exactly these deltas."
    )
    content: Annotated[tuple[Block, ...] | None, *_parsed(parse_blocks, _CONTENT_SCHEMA)] = Field(
        None, description="The content blocks of a message."
    )
    events: Annotated[tuple[Any, ...] | None, *_parsed(_check_events, _EVENTS_SCHEMA)] = Field(
        None, description="The events of a stream, one by one."
    )
    sse: str | None = Field(None, description="A file with a recorded stream, relative to the scenario.")
    error: Annotated[Any, *_parsed(lambda written: (api_error(written), written)[1], _ERROR_SCHEMA)] = Field(
        None, description="An error of the API, by its type or its status."
    )
    http: HttpModel | None = Field(None, description="Any other answer of HTTP.")

    message: str | None = Field(None, description="The text of the error.")
    times: int = Field(1, ge=1, description="How often this is answered before the next reply's turn.")
    pace: PaceField | None = Field(None, description="How fast the answer goes out.")
    faults: list[FaultField] = Field(default_factory=list, description="What goes wrong, in the order in which it is applied.")
    headers: dict[str, HeaderField] = Field(default_factory=dict, description="Headers that are set; null takes one out.")
    stop_reason: str | None = Field(None, description="Why the message stops.")
    stop_sequence: str | None = Field(None, description="The stop sequence that was met.")
    model: str | None = Field(None, description="The model that answers; the one asked for if it is left out.")
    id: str | None = Field(None, description="The id of the message.")
    usage: dict[str, Any] | None = Field(None, description="Counts of tokens that the message reports.")
    plain: bool = Field(default=False, description="No padding and no pings, for output that people read.")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, written: object) -> object:
        if isinstance(written, str):
            return {"text": written}
        if not isinstance(written, dict):
            raise _error(f"a reply is expected, not {written!r}", "write a text in quotes, or a mapping with a source")
        return written

    @model_validator(mode="after")
    def _has_one_source(self) -> ReplyModel:
        given = [name for name in SOURCES if name in self.model_fields_set]
        if len(given) != 1:
            problem = f"has {' and '.join(given)}, where one source is expected" if given else "has no source"
            raise _error(f"the reply {problem}", f"a reply is a text, or has one of: {', '.join(SOURCES)}")
        source = given[0]
        if getattr(self, source) is None:
            raise _error("nothing is written here", "write a value, or take the key out", (source,))
        for name in _SHAPE:
            if name in self.model_fields_set and source not in _SHAPED:
                raise _error(
                    f"{name!r} says nothing of a reply made of {source!r}",
                    f"use it with: {', '.join(_SHAPED)}",
                    (name,),
                )
        if "message" in self.model_fields_set and source != "error":
            raise _error(f"'message' says nothing of a reply made of {source!r}", "use it with: error", ("message",))
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core_schema))
        sources: list[JsonSchemaValue] = [{"required": [name]} for name in SOURCES]
        return {
            "anyOf": [{"type": "string"}, {**schema, "oneOf": sources}],
            "description": schema.get("description", ""),
        }


class _Answering(_Model):
    """What answers: one reply, or several in turn."""

    answers: ClassVar[tuple[str, ...]] = ("reply", "replies")

    reply: ReplyModel | None = Field(None, description="The answer.")
    replies: list[ReplyModel] | None = Field(
        None, min_length=1, description="The answers, given in turn; the last one repeats."
    )
    then: Literal["repeat", "fail"] = Field("repeat", description="What happens when all replies have been given.")
    required: bool = Field(default=False, description="Whether a test fails if this is not used.")

    @model_validator(mode="after")
    def _has_one_answer(self) -> _Answering:
        given = [name for name in self.answers if getattr(self, name, None) is not None]
        if len(given) != 1:
            expected = ", ".join(self.answers)
            problem = f"{' and '.join(given)} cannot stand together" if given else f"one of {expected} is expected"
            raise _error(problem, f"write one of: {expected}")
        return self


class RuleModel(_Answering):
    """The requests that are answered, and with what."""

    name: str | None = Field(None, description="What the rule is called in the journal and in errors.")
    when: WhenField = Field(default_factory=When, description="The conditions; all must hold.")


class ScenarioModel(_Answering):
    """A scenario: one reply, several in turn, or rules."""

    answers: ClassVar[tuple[str, ...]] = ("reply", "replies", "rules")

    streamlab: Literal[1] = Field(1, description="The version of the language.")
    about: str = Field("", description="What the scenario shows, and what a good client does.")
    rules: list[RuleModel] | None = Field(None, min_length=1, description="Tried in order; the first that matches answers.")
    seed: int = Field(0, description="The seed of ids and padding.")
    pace: PaceField | None = Field(None, description="How fast the answers go out.")
    validate_requests: bool = Field(
        default=True, alias="validate", description="Whether requests that the API refuses are refused."
    )
    api_key: str | None = Field(None, description="The key that is demanded; `any` for any at all.")


def json_schema() -> JsonSchemaValue:
    """Return the JSON Schema of a scenario file."""
    schema = ScenarioModel.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "streamlab scenario", **schema}


def _error(problem: str, hint: str, key: tuple[str | int, ...] = ()) -> PydanticCustomError:
    return PydanticCustomError("scenario", "{problem}", {"problem": problem, "hint": hint, "key": key})
