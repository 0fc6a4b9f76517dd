"""Requests that the real API refuses, and the words it refuses them with.

The wording is that of the API's 400 answers (`wire.md`, section 7). Fields that are not known are let through: the API grows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streamlab.core.exchange import Request

__all__ = ["refusal"]

JsonObject = dict[str, Any]
_TYPES: dict[str, tuple[type | tuple[type, ...], str]] = {
    "string": (str, "Input should be a valid string"),
    "integer": (int, "Input should be a valid integer"),
    "number": ((int, float), "Input should be a valid number"),
    "boolean": (bool, "Input should be a valid boolean"),
    "list": (list, "Input should be a valid list"),
    "object": (dict, "Input should be an object"),
}
_FIELDS = {
    "model": "string",
    "messages": "list",
    "max_tokens": "integer",
    "stream": "boolean",
    "temperature": "number",
    "top_p": "number",
    "top_k": "integer",
    "stop_sequences": "list",
    "tools": "list",
    "tool_choice": "object",
    "metadata": "object",
}
_REQUIRED = ("model", "messages", "max_tokens")
_ROLES = ("user", "assistant")
_ROLES_ALLOWED = (*_ROLES, "system")


def refusal(request: Request, *, counts_only: bool = False) -> str | None:
    """Return what the API would say to refuse a request for a message; None if it would not.

    `counts_only` is for `count_tokens`, which needs no `max_tokens`.
    """
    if request.json is None:
        return "The request body is not valid JSON"
    if not isinstance(request.json, dict):
        return "Input should be a valid dictionary or object to extract fields from"
    for check in (_version, _fields, _ranges, _messages, _tools, _tool_results):
        for problem in check(request):
            if not (counts_only and problem == "max_tokens: Field required"):
                return problem
    return None


def _version(request: Request) -> Iterator[str]:
    if request.header("anthropic-version") is None:
        yield "anthropic-version: header is required"


def _fields(request: Request) -> Iterator[str]:
    data = request.data
    for name in _REQUIRED:
        if name not in data:
            yield f"{name}: Field required"
    for name, kind in _FIELDS.items():
        if data.get(name) is not None or (name in _REQUIRED and name in data):
            yield from _typed(name, data[name], kind)
    if data.get("system") is not None and not isinstance(data["system"], str | list):
        yield "system: Input should be a valid string"


def _typed(path: str, value: object, kind: str) -> Iterator[str]:
    expected, words = _TYPES[kind]
    if not isinstance(value, expected) or (isinstance(value, bool) and kind != "boolean"):
        yield f"{path}: {words}"


def _ranges(request: Request) -> Iterator[str]:
    data = request.data
    if data.get("max_tokens", 1) < 1:
        yield "max_tokens: must be greater than or equal to 1"
    if not 0 <= (data.get("temperature") or 0) <= 1:
        yield "temperature: range: 0..1"
    thinking = data.get("thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    if isinstance(budget, int) and budget >= data.get("max_tokens", budget + 1):
        yield "`max_tokens` must be greater than `thinking.budget_tokens`"


def _messages(request: Request) -> Iterator[str]:
    messages = request.data["messages"]
    if not messages:
        yield "messages: at least one message is required"
    for index, message in enumerate(messages):
        path = f"messages.{index}"
        if not isinstance(message, dict):
            yield f"{path}: Input should be an object"
            continue
        if "role" not in message:
            yield f"{path}.role: Field required"
        elif message["role"] not in _ROLES_ALLOWED:
            yield f"{path}.role: Input should be {' or '.join(repr(role) for role in _ROLES)}"
        yield from _content(path, message, is_last=index == len(messages) - 1)


def _content(path: str, message: JsonObject, *, is_last: bool) -> Iterator[str]:
    if "content" not in message:
        yield f"{path}.content: Field required"
        return
    content = message["content"]
    if not isinstance(content, str | list):
        yield f"{path}.content: Input should be a valid list"
    elif not content and not (is_last and message.get("role") == "assistant"):
        yield f"{path}: all messages must have non-empty content except for the optional final assistant message"
    for number, block in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(block, dict) or "type" not in block:
            yield f"{path}.content.{number}.type: Field required"
        elif block["type"] == "text" and not isinstance(block.get("text"), str):
            yield f"{path}.content.{number}.text.text: {'Field required' if 'text' not in block else _TYPES['string'][1]}"
        elif block["type"] == "text" and not block["text"]:
            yield f"{path}: text content blocks must be non-empty"


def _tools(request: Request) -> Iterator[str]:
    for index, tool in enumerate(request.data.get("tools") or ()):
        if not isinstance(tool, dict):
            yield f"tools.{index}: Input should be an object"
        elif tool.get("type", "custom") == "custom":
            for name in ("name", "input_schema"):
                if name not in tool:
                    yield f"tools.{index}.custom.{name}: Field required"
            if isinstance(tool.get("input_schema"), dict) and "type" not in tool["input_schema"]:
                yield f"tools.{index}.custom.input_schema.type: Field required"


def _tool_results(request: Request) -> Iterator[str]:
    """Every call of a tool is answered in the next message, and only calls are answered."""
    called: list[str] = []
    for index, message in enumerate(request.messages):
        content = message.get("content")
        blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
        answered = [block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result"]
        for number, block in enumerate(blocks):
            if block.get("type") == "tool_result" and block.get("tool_use_id") not in called:
                yield (
                    f"messages.{index}.content.{number}: unexpected `tool_use_id` found in `tool_result` blocks: "
                    f"{block.get('tool_use_id')}. Each `tool_result` block must have a corresponding `tool_use` block in the "
                    "previous message."
                )
        missing = [each for each in called if each not in answered]
        if missing:
            yield (
                f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
                "message."
            )
        called = [str(block.get("id")) for block in blocks if block.get("type") == "tool_use"]
