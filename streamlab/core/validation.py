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
    "thinking": "object",
}
_REQUIRED = ("model", "messages", "max_tokens")
_ROLES = ("user", "assistant")
_ROLES_ALLOWED = (*_ROLES, "system")
_BLOCK_FIELDS = {
    "text": {"text": "string"},
    "tool_use": {"id": "string", "name": "string", "input": "object"},
    "tool_result": {"tool_use_id": "string"},
}
"""What a block must have, by its type. Other types are let through."""
_LEAST_BUDGET = 1024
_INTERLEAVED = "interleaved-thinking"
"""The beta with which thinking may take more tokens than one answer has."""


def refusal(request: Request, *, counts_only: bool = False) -> str | None:
    """Return what the API would say to refuse a request for a message; None if it would not.

    `counts_only` is for `count_tokens`, which needs no `max_tokens`. The first problem is the answer: what follows one in a
    check is never reached, and each check may trust those before it.
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
        yield f"system: {_TYPES['list'][1]}"


def _typed(path: str, value: object, kind: str) -> Iterator[str]:
    expected, words = _TYPES[kind]
    is_whole = kind == "integer" and isinstance(value, float) and value.is_integer()
    if not is_whole and (not isinstance(value, expected) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{path}: {words}"


def _ranges(request: Request) -> Iterator[str]:
    data = request.data
    if data.get("max_tokens", 0) < 0:  # 0 asks for no answer, only for the prompt's cache to be filled
        yield "max_tokens: must be greater than or equal to 0"
    if not 0 <= (data.get("temperature") or 0) <= 1:
        yield "temperature: range: 0..1"
    thinking = data.get("thinking") or {}
    if thinking.get("type") == "enabled":
        yield from _budget(request, thinking)


def _budget(request: Request, thinking: JsonObject) -> Iterator[str]:
    path = "thinking.enabled.budget_tokens"
    if "budget_tokens" not in thinking:
        yield f"{path}: Field required"
    budget = thinking["budget_tokens"]
    yield from _typed(path, budget, "integer")
    if budget < _LEAST_BUDGET:
        yield f"{path}: Input should be greater than or equal to {_LEAST_BUDGET}"
    is_interleaved = any(name.lower() == "anthropic-beta" and _INTERLEAVED in value for name, value in request.headers)
    if budget >= request.data.get("max_tokens", budget + 1) and not is_interleaved:
        yield "`max_tokens` must be greater than `thinking.budget_tokens`"


def _messages(request: Request) -> Iterator[str]:
    messages = request.data["messages"]
    if not messages:
        yield "messages: at least one message is required"
    for index, message in enumerate(messages):
        path = f"messages.{index}"
        if not isinstance(message, dict):
            yield f"{path}: Input should be an object"
        if "role" not in message:
            yield f"{path}.role: Field required"
        elif message["role"] not in _ROLES_ALLOWED:
            yield f"{path}.role: Input should be {' or '.join(repr(role) for role in _ROLES)}"
        yield from _content(path, message, is_last=index == len(messages) - 1)


def _content(path: str, message: JsonObject, *, is_last: bool) -> Iterator[str]:
    if "content" not in message:
        yield f"{path}.content: Field required"
    content = message["content"]
    if not isinstance(content, str | list):
        yield f"{path}.content: Input should be a valid list"
    elif not content and not (is_last and message.get("role") == "assistant"):
        yield f"{path}: all messages must have non-empty content except for the optional final assistant message"
    for number, block in enumerate(content if isinstance(content, list) else ()):
        yield from _block(f"{path}.content.{number}", block)


def _block(path: str, block: object) -> Iterator[str]:
    if not isinstance(block, dict):
        yield f"{path}: Input should be an object"
    elif "type" not in block:
        yield f"{path}.type: Field required"
    elif not isinstance(block["type"], str):
        yield f"{path}.type: {_TYPES['string'][1]}"
    else:
        for name, kind in _BLOCK_FIELDS.get(block["type"], {}).items():
            if name not in block:
                yield f"{path}.{block['type']}.{name}: Field required"
            else:
                yield from _typed(f"{path}.{block['type']}.{name}", block[name], kind)
        if block["type"] == "text" and not block.get("text"):
            yield "messages: text content blocks must be non-empty"


def _tools(request: Request) -> Iterator[str]:
    names = []
    for index, tool in enumerate(request.data.get("tools") or ()):
        if not isinstance(tool, dict):
            yield f"tools.{index}: Input should be an object"
        elif tool.get("type") in (None, "custom"):
            yield from _custom_tool(f"tools.{index}.custom", tool)
            names.append(tool["name"])
    if len(set(names)) < len(names):
        yield "tools: Tool names must be unique."


def _custom_tool(path: str, tool: JsonObject) -> Iterator[str]:
    for name, kind in (("name", "string"), ("input_schema", "object")):
        if name not in tool:
            yield f"{path}.{name}: Field required"
        else:
            yield from _typed(f"{path}.{name}", tool[name], kind)
    if "type" not in tool["input_schema"]:
        yield f"{path}.input_schema.type: Field required"


def _tool_results(request: Request) -> Iterator[str]:
    """Every call of a tool is answered in the next message, and only calls are answered.

    Messages of the same role that follow one another are one message to the API.
    """
    called: list[str] = []
    turns = _turns(request.messages)
    for index, _, blocks in turns:
        results = [(where, block["tool_use_id"]) for where, block in blocks if block.get("type") == "tool_result"]
        for where, answered in results:
            if answered not in called:
                yield (
                    f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {answered}. "
                    "Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
                )
        yield from _unanswered(index, called, [answered for _, answered in results])
        called = [block["id"] for _, block in blocks if block.get("type") == "tool_use"]
    if turns:
        yield from _unanswered(turns[-1][0], called, [])


def _unanswered(index: int, called: list[str], answered: list[str]) -> Iterator[str]:
    missing = [each for each in called if each not in answered]
    if missing:
        yield (
            f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the next message."
        )


def _turns(messages: list[JsonObject]) -> list[tuple[int, str, list[tuple[str, JsonObject]]]]:
    """Return the turns of a conversation: the number of their first message, the role, and each block with its path.

    A message of the system that stands in the middle is no turn.
    """
    turns: list[tuple[int, str, list[tuple[str, JsonObject]]]] = []
    for index, message in enumerate(messages):
        role, content = message["role"], message["content"]
        if role == "system":
            continue
        if not turns or turns[-1][1] != role:
            turns.append((index, role, []))
        blocks = content if isinstance(content, list) else []
        turns[-1][2].extend((f"messages.{index}.content.{number}", block) for number, block in enumerate(blocks))
    return turns
