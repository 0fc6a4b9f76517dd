"""The scenario language as models: which keys there are, what they take, and the JSON Schema of it all.

Only shape is checked here; what a value means is parsed by the core, whose errors name the key at fault. A key that is
not known is an error, and so is one with nothing after it.

    python -m streamlab.files.models > scenarios/scenario.schema.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError

from streamlab.core.api_errors import api_error
from streamlab.core.blocks import Block, parse_blocks
from streamlab.core.faults import Fault
from streamlab.core.matching import When, parse_when
from streamlab.core.pacing import Pace, parse_pace
from streamlab.core.plan import STATUSES
from streamlab.core.sources import Events
from streamlab.errors import ScenarioError, nearest
from streamlab.files import schema, values
from streamlab.files.fault_text import know, read_fault

__all__ = [
    "SOURCES",
    "FaultField",
    "Model",
    "PaceField",
    "ReplyModel",
    "RuleModel",
    "ScenarioModel",
    "json_schema",
    "problems",
]

Key = tuple[str | int, ...]

SOURCES = ("text", "content", "events", "sse", "cassette", "error", "http")
"""The keys that say what a reply is made of: one of them in each."""

_SHAPE = (
    *("stop_reason", "stop_sequence", "stop_details", "model", "id", "usage", "container", "context_management", "plain"),
)
_SHAPED = ("text", "content", "events")
_PART_OF = {"message": "error", "exchange": "cassette"}
"""The keys that say more of one source alone."""


class _Shape:
    """The part of the JSON Schema that stands for a value; made when the schema is asked for."""

    def __init__(self, made: schema.JsonSchema | Callable[[], schema.JsonSchema]) -> None:
        self._made = made

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> schema.JsonSchema:
        return dict(self._made()) if callable(self._made) else dict(self._made)


def _parsed(parse: Callable[[Any], object], shape: schema.JsonSchema | Callable[[], schema.JsonSchema]) -> Any:
    """Return the annotation of a value that the core parses; the core's errors keep their keys and hints."""

    def validate(written: object) -> object:
        try:
            return parse(written)
        except ScenarioError as error:
            raise _error(error.problem, error.hint, error.key) from None

    return (BeforeValidator(validate), _Shape(shape))


def _error(problem: str, hint: str = "", key: Key = ()) -> PydanticCustomError:
    return PydanticCustomError("scenario", "{problem}", {"problem": problem, "hint": hint, "key": key})


def _text(written: object) -> tuple[Block, ...]:
    try:
        return parse_blocks({"text": written})
    except ScenarioError as error:
        error.key = error.key[1:]
        raise


def _events(written: object) -> tuple[Any, ...]:
    if not isinstance(written, list):
        problem = f"a list of events is expected, not {values.shorten(written)}"
        raise ScenarioError(problem, hint="for example: [message_start, ping]")
    for item in written:
        if isinstance(item, dict) and not item.keys() & {"type", "wait"}:
            know(item)
    Events.check(written)
    return tuple(written)


def _api_error(written: object) -> object:
    try:
        api_error(written)
    except ScenarioError as error:
        error.key = ()
        raise
    return written


def _version(written: object) -> object:
    if type(written) is not int or written != 1:
        hint = "this is the version of the language; there is only version 1"
        raise ScenarioError(f"1 is expected, not {values.shorten(written)}", hint=hint)
    return written


PaceField = Annotated[Pace, *_parsed(parse_pace, schema.PACE)]
WhenField = Annotated[When, *_parsed(lambda written: parse_when(values.json_only(written)), schema.WHEN)]
HeadersField = Annotated[dict[str, Any], *_parsed(values.headers, schema.HEADERS)]
ObjectField = Annotated[dict[str, Any], *_parsed(values.json_object, schema.OBJECT)]
FaultField = Annotated[Fault, *_parsed(read_fault, schema.FAULT)]
_BODY_SCHEMA: schema.JsonSchema = {"type": ["string", "object", "array"]}


class Model(BaseModel):
    """A mapping in which unknown keys are errors, and keys with nothing after them."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, strict=True)

    noun: ClassVar[str]
    example: ClassVar[str]

    @classmethod
    def known(cls) -> tuple[str, ...]:
        """Return the keys that may be written."""
        return tuple(item.alias or name for name, item in cls.model_fields.items())

    @classmethod
    def expanded(cls, written: object) -> object:
        """Return the mapping that a short form stands for."""
        return written

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, written: object) -> object:
        written = cls.expanded(written)
        if not isinstance(written, dict):
            raise _error(f"{cls.noun} is expected, not {values.shorten(written)}", cls.example)
        for key, value in written.items():
            if key not in cls.known():
                raise _error(f"{cls.noun} has no key {key!r}", _belongs(key, cls) or nearest(key, cls.known()), (key,))
            if value is None:
                raise _error("nothing is written here", "write a value, or take the key out", (key,))
        return written


class HttpModel(Model):
    """Any answer of HTTP."""

    noun = "an answer of HTTP"
    example = "for example: http: {status: 404, body: Not here}"

    status: int = Field(200, ge=STATUSES[0], le=STATUSES[-1], description="The status.")
    headers: HeadersField = Field(default_factory=dict, description="The headers.")
    body: Annotated[str | bytes | dict[str, Any] | list[Any], *_parsed(values.body, _BODY_SCHEMA)] = Field(
        "", description="The body: a text, or a value that is sent as JSON."
    )


class ReplyModel(Model):
    """One answer: a text, or a source and what is changed about it."""

    noun = "a reply"
    example = "write a text in quotes, or a mapping with a source"

    text: Annotated[tuple[Block, ...] | None, *_parsed(_text, schema.TEXT)] = Field(
        None, description="The text of a message; a list of texts comes in exactly these deltas."
    )
    content: Annotated[
        tuple[Block, ...] | None, *_parsed(lambda written: parse_blocks(values.json_only(written)), schema.CONTENT)
    ] = Field(None, description="The content blocks of a message.")
    events: Annotated[tuple[Any, ...] | None, *_parsed(_events, schema.events_schema)] = Field(
        None, description="The events of a stream, one by one."
    )
    sse: str | None = Field(None, description="A file with a recorded stream, relative to the scenario.")
    cassette: str | None = Field(
        None, description="A cassette, relative to the scenario: its exchanges in turn, or one of them."
    )
    error: Annotated[Any, *_parsed(_api_error, schema.ERROR)] = Field(
        None, description="An error of the API, by its type or its status."
    )
    http: HttpModel | None = Field(None, description="Any other answer of HTTP.")

    message: str | None = Field(None, description="The text of the error.")
    exchange: int | None = Field(None, ge=1, description="Which exchange of the cassette is answered, counted from 1.")
    times: int = Field(1, ge=1, description="How often this is answered before the next reply's turn.")
    pace: PaceField | None = Field(None, description="How fast the answer goes out.")
    faults: list[FaultField] = Field(default_factory=list, description="What goes wrong, in the order in which it is applied.")
    headers: HeadersField = Field(default_factory=dict, description="Headers that are set; null takes one out.")
    stop_reason: str | None = Field(
        None, description="Why the message stops.", examples=["end_turn", "max_tokens", "tool_use", "refusal"]
    )
    stop_sequence: str | None = Field(None, description="The stop sequence that was met.")
    stop_details: ObjectField | None = Field(None, description="More about why the message stops, of a refusal for one.")
    model: str | None = Field(None, description="The model that answers; the one asked for if it is left out.")
    id: str | None = Field(None, description="The id of the message.")
    usage: Annotated[dict[str, Any] | None, *_parsed(values.usage, schema.USAGE)] = Field(
        None, description="Counts of tokens that the message reports."
    )
    container: ObjectField | None = Field(None, description="The container that code ran in; its id is made if it is left out.")
    context_management: ObjectField | None = Field(None, description="What the API took out of the context.")
    gzip: bool = Field(default=False, description="Whether the body is compressed when the client offers to take it so.")
    plain: bool = Field(default=False, description="No padding and no pings, for output that people read.")

    @classmethod
    def expanded(cls, written: object) -> object:
        """Return the mapping that a text stands for."""
        return {"text": written} if isinstance(written, str) else written

    @model_validator(mode="after")
    def _has_one_source(self) -> ReplyModel:
        given = [name for name in SOURCES if name in self.model_fields_set]
        if len(given) != 1:
            problem = f"has {_joined(given)}, where one source is expected" if given else "has no source"
            hint = f"a reply is a text, or has one of: {', '.join(SOURCES)}"
            raise _error(f"the reply {problem}", hint, (given[-1],) if given else ())
        source = given[0]
        for name in (*_SHAPE, *_PART_OF):
            fitting = (_PART_OF[name],) if name in _PART_OF else _SHAPED
            if name in self.model_fields_set and source not in fitting:
                problem = f"{name!r} says nothing of a reply made of {source!r}"
                raise _error(problem, f"use it with: {', '.join(fitting)}", (name,))
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> schema.JsonSchema:
        made = handler.resolve_ref_schema(handler(core_schema))
        shaped = {"anyOf": [{"required": [name]} for name in _SHAPED]}
        parts = {name: {"required": [source]} for name, source in _PART_OF.items()}
        fitting = {**dict.fromkeys(_SHAPE, shaped), **parts}
        sources = [{"required": [name]} for name in SOURCES]
        whole = {**made, "oneOf": sources, "dependentSchemas": fitting}
        return {"anyOf": [{"type": "string"}, whole], "description": made.pop("description", "")}


class _Answering(Model):
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
        given = [name for name in self.answers if name in self.model_fields_set]
        if len(given) != 1:
            expected = ", ".join(self.answers)
            problem = f"{_joined(given)} cannot stand together" if given else f"{self.noun} needs one of {expected}"
            raise _error(problem, "keep one of them" if given else self.example, (given[-1],) if given else ())
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> schema.JsonSchema:
        made = handler.resolve_ref_schema(handler(core_schema))
        return {**made, "oneOf": [{"required": [name]} for name in cls.answers]}


class RuleModel(_Answering):
    """The requests that are answered, and with what."""

    noun = "a rule"
    example = "for example: rules: [{when: {turn: 1}, reply: Hello}]"

    name: str | None = Field(None, description="What the rule is called in the journal and in errors.")
    when: WhenField = Field(default_factory=When, description="The conditions; all must hold.")


class ScenarioModel(_Answering):
    """A scenario: one reply, several in turn, or rules."""

    noun = "a scenario"
    example = "for example: reply: Hello"
    answers: ClassVar[tuple[str, ...]] = ("reply", "replies", "rules")

    streamlab: Annotated[int, *_parsed(_version, {"const": 1})] = Field(1, description="The version of the language.")
    about: str = Field("", description="What the scenario shows, and what a good client does.")
    rules: list[RuleModel] | None = Field(None, min_length=1, description="Tried in order; the first that matches answers.")
    seed: int = Field(0, description="The seed of ids and padding.")
    pace: PaceField | None = Field(None, description="How fast the answers go out.")
    validate_requests: bool = Field(
        default=True, alias="validate", description="Whether requests that the API refuses are refused."
    )
    api_key: str | None = Field(None, description="The key that is demanded; `any` for any at all.")


def problems(error: ValidationError) -> list[ScenarioError]:
    """Return everything that the models found wrong with a file, in our words."""
    return [_problem(details) for details in error.errors(include_url=False)]


def _problem(details: ErrorDetails) -> ScenarioError:
    key, context, value = tuple(details["loc"]), details.get("ctx") or {}, details["input"]
    if details["type"] == "scenario":
        return ScenarioError(context["problem"], key=(*key, *context["key"]), hint=context["hint"])
    expected, hint = _EXPECTED[details["type"]]
    if details["type"] == "string_type" and not isinstance(value, list | dict):
        hint = "put it in quotes"
    return ScenarioError(f"{expected.format(**context)} is expected, not {values.shorten(value)}", key=key, hint=hint)


_EXPECTED = {
    "string_type": ("a text", ""),
    "int_type": ("a whole number", ""),
    "bool_type": ("true or false", ""),
    "list_type": ("a list", "begin each item with '- '"),
    "too_short": ("a list of at least one item", ""),
    "literal_error": ("{expected}", ""),
    "greater_than_equal": ("a number from {ge}", ""),
    "less_than_equal": ("a number up to {le}", ""),
}
"""What was expected, and what to do, by the kind of the library's own errors."""


def _belongs(key: str, cls: type[Model]) -> str:
    """Return the hint for a key that stands at the wrong level."""
    if cls is ScenarioModel and key in ReplyModel.known():
        return f"it belongs in a reply: reply: {{{key}: …}}"
    if cls is RuleModel and key in ReplyModel.known():
        return f"it belongs in the rule's reply: reply: {{{key}: …}}"
    if cls is not RuleModel and key in ("when", "name"):
        return f"it belongs in a rule: rules: [{{{key}: …, reply: …}}]"
    if cls is not ScenarioModel and key in ScenarioModel.known():
        return f"it belongs at the top of the file: {key}: …"
    return ""


def _joined(names: list[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


class _Generator(GenerateJsonSchema):
    """A schema that an editor can use: no titles made of names, and no null where nothing must not be written."""

    def nullable_schema(self, schema: Any) -> schema.JsonSchema:
        """Return the schema of what may be left out."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> schema.JsonSchema:
        """Return the schema with its default, if that can be written."""
        made = super().default_schema(schema)
        if "default" in made and made["default"] is None:
            del made["default"]
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Return that no title is made of a name."""
        del schema
        return False


def json_schema() -> schema.JsonSchema:
    """Return the JSON Schema of a scenario file."""
    made = ScenarioModel.model_json_schema(by_alias=True, schema_generator=_Generator)
    for each in (made, *made["$defs"].values()):
        each.pop("title", None)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "streamlab scenario"}
    return schema.shared({**head, **made})


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
