"""The JSON Schema of what the core parses: texts, blocks, events, conditions, paces, faults.

It helps an editor and never refuses what the loader takes. A fault's part is made from its class, so that a new fault has
one without another word: the types of its fields, and the first line of its text.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from streamlab.core.api_errors import ERRORS
from streamlab.core.blocks import CALLS
from streamlab.core.faults import AtPlace, fault_names, fault_type, main_field
from streamlab.core.places import GRAMMAR

__all__ = [
    "CONTENT",
    "ERROR",
    "FAULT",
    "HEADERS",
    "PACE",
    "TEXT",
    "USAGE",
    "WHEN",
    "JsonSchema",
    "events_schema",
    "fault_schema",
    "faults_schema",
    "mismatch",
    "shared",
]

JsonSchema = dict[str, Any]
Key = tuple[str | int, ...]

EVENT_NAMES = (
    *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
    *("message_delta", "message_stop", "ping", "error"),
)


def _mapping(properties: Mapping[str, JsonSchema], *required: str, **more: Any) -> JsonSchema:
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": dict(properties), **needed, "additionalProperties": False, **more}


def _any(*choices: JsonSchema, **more: Any) -> JsonSchema:
    return {"anyOf": list(choices), **more}


def _list(items: JsonSchema, **more: Any) -> JsonSchema:
    return {"type": "array", "items": items, **more}


def _shared(name: str) -> JsonSchema:
    """Return what stands for a schema that is written once; `shared` puts it in its place."""
    return {"$shared": name}


_STRING: JsonSchema = {"type": "string"}
_OBJECT: JsonSchema = {"type": "object"}
_DURATION = _any(
    {"type": "number", "minimum": 0},
    {"type": "string", "pattern": r"^\d+(\.\d+)?\s?(ms|s|m|h)$"},
    description="A length of time: 400ms, 2s, 1m, 1h or a number of seconds.",
    examples=["400ms", "2s"],
)
_PLACE: JsonSchema = {
    "type": "string",
    "description": f"A place in the answer: {GRAMMAR}. Counting starts at 1, except for a block; pings do not count.",
    "examples": ["delta 3", "tool_use char 12", "message_stop", "byte 412", "50%", "end"],
}
_SIDES = ("before", "at", "after")
FAULT = _shared("fault")

TEXT = _any(_STRING, _list(_STRING))


def _call(kind: str) -> JsonSchema:
    """Return the schema of a call of a tool: the client's own, the API's, or one of an MCP server."""
    keys = {
        "name": {**_STRING, "description": "The tool's name."},
        "input": {**_OBJECT, "description": "The arguments."},
        "id": {**_STRING, "description": "The id of the call; made up if it is left out."},
        "caller": {"description": "Who calls, as the API says it."},
        **({"server_name": {"description": "The server."}} if kind == "mcp_tool_use" else {}),
    }
    fragments = _any(_list(_STRING), {"type": "null"}, description="The fragments in which the input comes.")
    eager = {"type": "boolean", "description": "Longer fragments, as with eager_input_streaming."}
    return _mapping(
        {kind: _mapping(keys, "name"), "eager": eager, "fragments": fragments}, kind, description="A call of a tool."
    )


_BLOCK = _any(
    {**_STRING, "description": "A text block."},
    _mapping({"text": TEXT, "citations": _list(_OBJECT)}, "text", description="A text block."),
    _mapping({"thinking": TEXT, "signature": _STRING}, "thinking", description="A thinking block."),
    _mapping({"redacted_thinking": _STRING}, "redacted_thinking", description="Thinking that is not to be read."),
    *(_call(kind) for kind in CALLS),
    _mapping({"compaction": _STRING}, "compaction", description="A summary of what was said before."),
    {"type": "object", "required": ["type"], "properties": {"type": _STRING}, "description": "Any block of the API."},
)
CONTENT = _any(_list(_shared("block")), _shared("block"))

_COUNT: JsonSchema = {"type": "integer"}
COUNTS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
USAGE: JsonSchema = {"type": "object", "properties": dict.fromkeys(COUNTS, _COUNT), "examples": [{"output_tokens": 12}]}

OBJECT: JsonSchema = {"type": "object"}

HEADERS: JsonSchema = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "null"]},
    "examples": [{"retry-after": "1"}],
}

ERROR = _any(
    {
        "type": "string",
        "enum": sorted({*ERRORS, *(f"{name}_error" for name in ERRORS), *(each.type for each in ERRORS.values())}),
    },
    {"type": "integer", "enum": [each.status for each in ERRORS.values()]},
    {"type": "string", "enum": [str(each.status) for each in ERRORS.values()]},
    examples=["overloaded", "rate_limit", 529],
)

_RATE = _any({"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": r"^\d+(\.\d+)?\s*/\s*[sm]$"})
_SHARE = _any({"type": "number", "minimum": 0, "maximum": 1}, {"type": "string", "pattern": r"^\d+(\.\d+)?\s*%$"})
PACE = _any(
    {
        "type": "string",
        "pattern": r"^(instant|recorded(\s*x\s*\d+(\.\d+)?)?|\d+(\.\d+)?\s*/\s*[sm])$",
        "examples": ["instant", "recorded", "recorded x10", "50/s"],
    },
    _mapping(
        {
            "first": {**_shared("duration"), "description": "The wait before anything is sent: 400ms."},
            "rate": {**_RATE, "description": "Events a second: 50/s, 30/m or a number.", "examples": ["50/s"]},
            "jitter": {**_SHARE, "description": "How much each gap varies: 20% or 0.2.", "examples": ["20%"]},
            "seed": {"type": "integer", "description": "The seed that the variation is drawn with."},
        }
    ),
)

_CONDITION = _any(
    _STRING,
    _mapping({"regex": {**_STRING, "description": "A regular expression, found anywhere."}}, "regex"),
    _mapping({"equals": {**_STRING, "description": "The whole text."}}, "equals"),
)
_SPAN = _any(
    {"type": "integer", "minimum": 1},
    {"type": "string", "pattern": r"^[0-9]+(\.\.[0-9]*)?$"},
    examples=[1, "1..2", "2.."],
)
WHEN = _mapping(
    {
        "path": {
            **_shared("condition"),
            "description": "The path, as a glob; without it a rule answers POST /v1/messages only.",
        },
        "method": {**_shared("condition"), "description": "The method."},
        "headers": {
            "type": "object",
            "additionalProperties": _any(_shared("condition"), {"type": "integer"}),
            "description": "Headers, each as a glob; one that the request does not have matches nothing.",
        },
        "model": {**_shared("condition"), "description": "The model, as a glob.", "examples": ["claude-*"]},
        "stream": {"type": "boolean", "description": "Whether a stream is asked for."},
        "system": {**_shared("condition"), "description": "A part of the system prompt."},
        "last_user": {**_shared("condition"), "description": "A part of the last message of the user."},
        "any_message": {**_shared("condition"), "description": "A part of any message."},
        "tools": _any(
            _shared("condition"), _list(_shared("condition")), description="Tools that are offered, as globs; all of them."
        ),
        "tool_result": {**_shared("condition"), "description": "A tool whose result the last message brings, as a glob."},
        "turn": {**_shared("span"), "description": "Which answer of the conversation this is: 1 for the first."},
        "attempt": {**_shared("span"), "description": "Which try of the same call this is, by the SDK's own count of retries."},
        "call": {**_shared("span"), "description": "Which request of all this is."},
        "body": _any(_OBJECT, {"type": "array"}, description="A part of the body: objects match by subset."),
    }
)


def fault_schema(name: str) -> JsonSchema:
    """Return the schema of one fault: its name with its main value, its own keys, and a place if it takes one."""
    cls: Any = fault_type(name)
    main, hints = main_field(cls), get_type_hints(cls)
    own = {item.name: item for item in fields(cls) if item.init}
    properties = {
        (name if key == main else key): _shared("place") if key in _SIDES else _of_type(hints[key])
        for key in (main, *own)
        if key in own
    }
    schema = _mapping(properties, name, description=(cls.__doc__ or name).splitlines()[0])
    if set(_SIDES) <= set(own) and getattr(cls, "default", None) is None:
        schema["oneOf"] = [{"required": [side]} for side in _SIDES]
    return schema


def faults_schema(*, placed: bool = True) -> JsonSchema:
    """Return the schema of any fault; of one that stands where it is written if it is not `placed`."""
    choices = [fault_schema(name) for name in fault_names() if placed or issubclass(fault_type(name), AtPlace)]
    if not placed:
        for choice in choices:
            choice.pop("oneOf", None)
            choice["properties"] = {key: value for key, value in choice["properties"].items() if key not in _SIDES}
    return {"anyOf": choices}


def events_schema() -> JsonSchema:
    """Return the schema of a stream that is written event by event."""
    return _list(
        _any(
            {"type": "string", "enum": list(EVENT_NAMES), "description": "An event, filled in."},
            {"type": "object", "required": ["type"], "properties": {"type": _STRING}, "description": "An event of the API."},
            _mapping({"wait": _shared("duration")}, "wait", description="A silence."),
            *faults_schema(placed=False)["anyOf"],
        ),
        examples=[["message_start", "ping", {"wait": "2s"}, {"cut": "fin"}]],
    )


def shared(schema: JsonSchema) -> JsonSchema:
    """Return a whole schema with the parts that are written once under `$defs`."""
    parts = {"block": _BLOCK, "condition": _CONDITION, "duration": _DURATION, "place": _PLACE, "span": _SPAN}
    made: JsonSchema = _resolved({**schema, "$defs": {**parts, "fault": faults_schema(), **schema.get("$defs", {})}})
    return made


def _resolved(part: Any) -> Any:
    if isinstance(part, dict):
        reference = {"$ref": f"#/$defs/{part['$shared']}"} if "$shared" in part else {}
        return reference | {key: _resolved(value) for key, value in part.items() if key != "$shared"}
    return [_resolved(each) for each in part] if isinstance(part, list) else part


def mismatch(schema: JsonSchema, value: object, key: Key = ()) -> tuple[Key, str] | None:
    """Return where a value is not of the type that its schema has, and which is expected; None if it is nowhere."""
    if "anyOf" in schema:
        found = [mismatch(choice, value, key) for choice in schema["anyOf"]]
        wrong = [each for each in found if each is not None]
        return None if len(wrong) < len(found) else (key, " or ".join(dict.fromkeys(words for _, words in wrong)))
    kind = schema.get("type")
    if kind is not None and not _is_of(kind, value):
        return key, _WORDS[kind]
    if "enum" in schema and value not in schema["enum"]:
        return key, "one of " + ", ".join(str(each) for each in schema["enum"])
    for part, inner, name in _parts(schema, value):
        if (wrong_part := mismatch(inner, part, (*key, name))) is not None:
            return wrong_part
    return None


def _parts(schema: JsonSchema, value: object) -> Iterator[tuple[object, JsonSchema, str | int]]:
    if isinstance(value, Mapping):
        known = schema.get("properties", {})
        yield from ((value[name], inner, name) for name, inner in known.items() if name in value)
    elif isinstance(value, list) and "items" in schema:
        yield from ((each, schema["items"], index) for index, each in enumerate(value))


_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str, bytes),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (Mapping,),
    "array": (list,),
    "null": (type(None),),
}
_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "nothing",
}


def _is_of(kind: str, value: object) -> bool:
    return isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _of_type(hint: Any) -> JsonSchema:
    """Return the schema of a field of a fault, from its annotation; any value at all for one that says nothing to JSON."""
    if get_origin(hint) in (types.UnionType, Union):
        choices = [_of_type(each) for each in get_args(hint)]
        return choices[0] if len(choices) == 1 else {} if {} in choices else {"anyOf": choices}
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if get_origin(hint) in (tuple, list, Sequence):
        inner = [each for each in get_args(hint) if each is not Ellipsis]
        return _list(_of_type(inner[0])) if len(set(inner)) == 1 else {"type": "array"}
    plain = get_origin(hint) or hint
    return next(({"type": name} for name, kinds in _PYTHON.items() if plain in kinds), {})


_PYTHON: dict[str, tuple[Any, ...]] = {
    "string": (str, bytes),
    "integer": (int,),
    "number": (float,),
    "boolean": (bool,),
    "object": (dict, Mapping),
    "null": (type(None),),
}
