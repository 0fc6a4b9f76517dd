"""The JSON Schema of a document in a cassette. It helps an editor and never refuses what is read.

python -m streamlab.files.cassette_schema > cassettes/cassette.schema.json
"""

from __future__ import annotations

import json
import sys

from streamlab.core.exchange import Ended
from streamlab.core.recognition import NORMALISERS
from streamlab.core.tapes import REPEATS
from streamlab.files.schema import JsonSchema

__all__ = ["cassette_schema"]

_TEXT: JsonSchema = {"type": "string"}
_SECONDS: JsonSchema = {"type": ["number", "null"], "minimum": 0}
_VALUE: JsonSchema = {"type": ["string", "number"]}
_HEADERS: JsonSchema = {
    "description": "The headers, in their order: a name and a value each.",
    "anyOf": [
        {"type": "array", "items": {"type": "array", "items": _VALUE, "minItems": 2, "maxItems": 2}},
        {"type": "object", "additionalProperties": _VALUE},
        {"type": "null"},
    ],
    "examples": [[["content-type", "text/event-stream; charset=utf-8"]]],
}
_REQUEST: JsonSchema = {
    "description": "What was asked.",
    "type": "object",
    "properties": {
        "method": {**_TEXT, "description": "The method of HTTP.", "default": "POST"},
        "path": {**_TEXT, "description": "The path of the address.", "default": "/v1/messages"},
        "query": {**_TEXT, "description": "What follows the ? of the address."},
        "headers": _HEADERS,
        "body": {"type": ["string", "object", "array", "null"], "description": "JSON as it is sent, or any other text."},
    },
}
_RESPONSE: JsonSchema = {
    "description": "What was answered; left out if no head came.",
    "type": ["object", "null"],
    "required": ["status"],
    "properties": {
        "status": {"type": "integer", "minimum": 200, "maximum": 999, "description": "The status of HTTP."},
        "headers": _HEADERS,
        "first": {**_SECONDS, "description": "Seconds from the request to the head."},
        "body": {
            "type": ["string", "null"],
            "description": "A line for each event: the time in seconds, its name, its data.",
            "examples": ['0.0001 message_start {"type":"message_start"}\n0.1302 ping {"type":"ping"}\n'],
        },
    },
}


_TEXTS: JsonSchema = {"type": "array", "items": {**_TEXT, "minLength": 1}}
_TERMS: JsonSchema = {
    "about": {**_TEXT, "description": "What was recorded."},
    "match": {
        "description": "What counts when a request is compared with those recorded.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "ignore": {
                **_TEXTS,
                "default": ["metadata"],
                "description": "Paths in the body that do not count; `*` is any key.",
            },
            "normalise": {"type": "array", "items": {"enum": list(NORMALISERS)}, "description": "What may differ."},
        },
    },
    "repeat": {"enum": list(REPEATS), "default": "last", "description": "What comes after the last exchange of a request."},
    "redact": {**_TEXTS, "description": "Patterns of what is secret beside keys."},
}


def cassette_schema() -> JsonSchema:
    """Return the JSON Schema of one document: the header, or an exchange. Keys that it does not know may stand in it."""
    header = {
        "title": "header",
        "type": "object",
        "required": ["streamlab", "kind"],
        "properties": {
            "streamlab": {"const": 1, "description": "The version of the format."},
            "kind": {"const": "cassette", "description": "What tells a cassette from a scenario."},
            **_TERMS,
        },
    }
    exchange = {
        "title": "exchange",
        "type": "object",
        "required": ["request", "ended"],
        "properties": {
            "recorded": {"type": ["string", "null"], "description": "When it was asked: ISO 8601, UTC."},
            "request": _REQUEST,
            "response": _RESPONSE,
            "ended_at": {**_SECONDS, "description": "Seconds from the head to the ending."},
            "ended": {"enum": [each.value for each in Ended], "description": "How the answer ended; the last key."},
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A document of a streamlab cassette",
        "anyOf": [header, exchange],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(cassette_schema(), indent=2, ensure_ascii=False) + "\n")
