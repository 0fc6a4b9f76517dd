"""Requests that the API refuses, and those that it takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import MODEL, VERSION, posted
from hypothesis import example, given
from hypothesis import strategies as st
from recordings import STREAMS, recorded_requests

from streamlab.core.exchange import Request
from streamlab.core.validation import refusal

LEGAL: dict[str, Any] = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
TOOL = {"name": "look", "input_schema": {"type": "object"}}
UNEXPECTED = (
    "unexpected `tool_use_id` found in `tool_result` blocks: {}. Each `tool_result` block must have a corresponding "
    "`tool_use` block in the previous message."
)
UNANSWERED = (
    "`tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` block must have a "
    "corresponding `tool_result` block in the next message."
)
NON_EMPTY = "all messages must have non-empty content except for the optional final assistant message"


def user(*content: Any) -> dict[str, Any]:
    """Return a message of the user."""
    return {"role": "user", "content": list(content)}


def assistant(*content: Any) -> dict[str, Any]:
    """Return a message of the assistant."""
    return {"role": "assistant", "content": list(content)}


def called(name: Any) -> dict[str, Any]:
    """Return a call of a tool."""
    return {"type": "tool_use", "id": name, "name": "look", "input": {}}


def result(name: Any) -> dict[str, Any]:
    """Return the result of a call."""
    return {"type": "tool_result", "tool_use_id": name, "content": "18"}


def said(text: Any) -> dict[str, Any]:
    """Return a text block."""
    return {"type": "text", "text": text}


def without(*names: str) -> dict[str, Any]:
    """Return the legal body without some of its keys."""
    return {key: value for key, value in LEGAL.items() if key not in names}


def talk(*messages: Any) -> dict[str, Any]:
    """Return a legal body with this conversation."""
    return {**LEGAL, "messages": list(messages)}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        # the whole
        ([], "Input should be a valid dictionary or object to extract fields from"),
        ("Hi", "Input should be a valid dictionary or object to extract fields from"),
        # what must be there, and of which type it is
        ({}, "model: Field required"),
        (without("messages"), "messages: Field required"),
        (without("max_tokens"), "max_tokens: Field required"),
        ({**LEGAL, "model": None}, "model: Input should be a valid string"),
        ({**LEGAL, "model": 5}, "model: Input should be a valid string"),
        ({**LEGAL, "messages": "Hi"}, "messages: Input should be a valid list"),
        ({**LEGAL, "messages": None}, "messages: Input should be a valid list"),
        ({**LEGAL, "max_tokens": "5"}, "max_tokens: Input should be a valid integer"),
        ({**LEGAL, "max_tokens": None}, "max_tokens: Input should be a valid integer"),
        ({**LEGAL, "max_tokens": True}, "max_tokens: Input should be a valid integer"),
        ({**LEGAL, "max_tokens": 5.5}, "max_tokens: Input should be a valid integer"),
        ({**LEGAL, "stream": "yes"}, "stream: Input should be a valid boolean"),
        ({**LEGAL, "stream": 1}, "stream: Input should be a valid boolean"),
        ({**LEGAL, "temperature": "warm"}, "temperature: Input should be a valid number"),
        ({**LEGAL, "top_p": []}, "top_p: Input should be a valid number"),
        ({**LEGAL, "top_k": 0.5}, "top_k: Input should be a valid integer"),
        ({**LEGAL, "stop_sequences": "END"}, "stop_sequences: Input should be a valid list"),
        ({**LEGAL, "tools": TOOL}, "tools: Input should be a valid list"),
        ({**LEGAL, "tool_choice": "auto"}, "tool_choice: Input should be an object"),
        ({**LEGAL, "metadata": "me"}, "metadata: Input should be an object"),
        ({**LEGAL, "thinking": True}, "thinking: Input should be an object"),
        ({**LEGAL, "system": {"text": "x"}}, "system: Input should be a valid list"),
        # ranges
        ({**LEGAL, "max_tokens": -1}, "max_tokens: must be greater than or equal to 0"),
        ({**LEGAL, "temperature": 1.1}, "temperature: range: 0..1"),
        ({**LEGAL, "temperature": -0.1}, "temperature: range: 0..1"),
        ({**LEGAL, "temperature": float("nan")}, "temperature: range: 0..1"),
        ({**LEGAL, "thinking": {"type": "enabled"}}, "thinking.enabled.budget_tokens: Field required"),
        (
            {**LEGAL, "thinking": {"type": "enabled", "budget_tokens": "1024"}},
            "thinking.enabled.budget_tokens: Input should be a valid integer",
        ),
        (
            {**LEGAL, "thinking": {"type": "enabled", "budget_tokens": 1023}},
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        ),
        (
            {**LEGAL, "max_tokens": 2048, "thinking": {"type": "enabled", "budget_tokens": 2048}},
            "`max_tokens` must be greater than `thinking.budget_tokens`",
        ),
        # messages
        (talk(), "messages: at least one message is required"),
        (talk(None), "messages.0: Input should be an object"),
        (talk({"content": "Hi"}), "messages.0.role: Field required"),
        (talk({"role": "robot", "content": "Hi"}), "messages.0.role: Input should be 'user' or 'assistant'"),
        (talk({"role": ["user"], "content": "Hi"}), "messages.0.role: Input should be 'user' or 'assistant'"),
        (talk({"role": "user"}), "messages.0.content: Field required"),
        (talk({"role": "user", "content": None}), "messages.0.content: Input should be a valid list"),
        (talk({"role": "user", "content": ""}), f"messages.0: {NON_EMPTY}"),
        (talk(user()), f"messages.0: {NON_EMPTY}"),
        (talk(user(said("Hi")), assistant(), user(said("Hi"))), f"messages.1: {NON_EMPTY}"),
        (talk(user(said("Hi")), user()), f"messages.1: {NON_EMPTY}"),
        # blocks
        (talk(user("Hi")), "messages.0.content.0: Input should be an object"),
        (talk(user({"text": "Hi"})), "messages.0.content.0.type: Field required"),
        (talk(user({"type": 3})), "messages.0.content.0.type: Input should be a valid string"),
        (talk(user({"type": "text"})), "messages.0.content.0.text.text: Field required"),
        (talk(user(said("Hi"), said(5))), "messages.0.content.1.text.text: Input should be a valid string"),
        (talk(user(said(""))), "messages: text content blocks must be non-empty"),
        (talk(user({"type": "tool_result"})), "messages.0.content.0.tool_result.tool_use_id: Field required"),
        (talk(user(result(5))), "messages.0.content.0.tool_result.tool_use_id: Input should be a valid string"),
        (talk(assistant({**called("a"), "input": None})), "messages.0.content.0.tool_use.input: Input should be an object"),
        (talk(assistant(called({}))), "messages.0.content.0.tool_use.id: Input should be a valid string"),
        (talk(assistant({"type": "tool_use", "id": "a", "input": {}})), "messages.0.content.0.tool_use.name: Field required"),
        # tools
        ({**LEGAL, "tools": [1]}, "tools.0: Input should be an object"),
        ({**LEGAL, "tools": [TOOL, {}]}, "tools.1.custom.name: Field required"),
        ({**LEGAL, "tools": [{**TOOL, "name": 5}]}, "tools.0.custom.name: Input should be a valid string"),
        ({**LEGAL, "tools": [{"name": "look"}]}, "tools.0.custom.input_schema: Field required"),
        ({**LEGAL, "tools": [{**TOOL, "input_schema": []}]}, "tools.0.custom.input_schema: Input should be an object"),
        ({**LEGAL, "tools": [{**TOOL, "input_schema": {}}]}, "tools.0.custom.input_schema.type: Field required"),
        ({**LEGAL, "tools": [{"type": "custom"}]}, "tools.0.custom.name: Field required"),
        ({**LEGAL, "tools": [{"type": None}]}, "tools.0.custom.name: Field required"),
        ({**LEGAL, "tools": [TOOL, TOOL]}, "tools: Tool names must be unique."),
        # calls and results
        (talk(user(result("a"))), "messages.0.content.0: " + UNEXPECTED.format("a")),
        (talk(user(called("a"))), "messages.0: " + UNANSWERED.format("a")),
        (talk(user(said("Hi")), assistant(called("a"))), "messages.1: " + UNANSWERED.format("a")),
        (talk(user(said("Hi")), assistant(called("a")), user(said("Hi"))), "messages.2: " + UNANSWERED.format("a")),
        (
            talk(user(said("Hi")), assistant(called("a"), called("b"), called("c")), user(result("b"))),
            "messages.2: " + UNANSWERED.format("a, c"),
        ),
        (
            talk(user(said("Hi")), assistant(called("a")), user(result("a"), result("b"))),
            "messages.2.content.1: " + UNEXPECTED.format("b"),
        ),
        (
            talk(user(said("Hi")), assistant(called("a")), user(result("a")), assistant(said("Ok")), user(result("a"))),
            "messages.4.content.0: " + UNEXPECTED.format("a"),
        ),
        (talk(user(said("Hi")), assistant(called("a"), result("a"))), "messages.1.content.1: " + UNEXPECTED.format("a")),
    ],
)  # fmt: skip
def test_what_the_api_refuses(body: object, words: str) -> None:
    """In the API's own words."""
    assert refusal(posted(body)) == words


@pytest.mark.parametrize(
    "body",
    [
        LEGAL,
        {**LEGAL, "max_tokens": 0},
        {**LEGAL, "max_tokens": 5.0},
        {**LEGAL, "stream": None, "temperature": None, "tools": None, "system": None, "thinking": None},
        {**LEGAL, "temperature": 0, "top_p": 1, "top_k": 5, "stop_sequences": ["END"], "metadata": {"user_id": "me"}},
        {**LEGAL, "temperature": 1.0, "system": [said("Be kind.")], "never_heard_of": {"a": 1}},
        {**LEGAL, "thinking": {"type": "adaptive"}},
        {**LEGAL, "thinking": {"type": "disabled", "budget_tokens": 1}},
        {**LEGAL, "max_tokens": 1025, "thinking": {"type": "enabled", "budget_tokens": 1024}},
        {**LEGAL, "tools": []},
        {**LEGAL, "tools": [TOOL, {**TOOL, "name": "other", "type": "custom"}, {**TOOL, "name": "third", "type": None}]},
        {**LEGAL, "tools": [{"type": "web_search_20250305", "name": "web_search"}, {"type": "mcp_toolset"}], "tool_choice": {}},
        talk(user(said("Hi")), assistant()),
        talk(user(said("Hi")), {"role": "assistant", "content": ""}),
        talk(user(said("Hi")), {"role": "assistant", "content": "Once upon"}),
        talk(user(said("Hi")), assistant(said("Hi")), {"role": "system", "content": "Be brief."}),
        talk({"role": "system", "content": "Be brief."}),
        talk(user({"type": "image", "source": {}}, {"type": "never_heard_of"})),
        talk(user(said("Hi")), assistant({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}})),
        # results
        talk(user(said("Hi")), assistant(said("Ok"), called("a"), called("b")), user(result("b"), result("a"), said("So?"))),
        talk(user(said("Hi")), assistant(called("a"), called("b")), user(result("a")), user(result("b"))),
        talk(user(said("Hi")), assistant(called("a")), assistant(called("b")), user(result("a"), result("b"))),
        talk(user(said("Hi")), assistant(called("a")), {"role": "system", "content": "Be brief."}, user(result("a"))),
        talk(user(said("Hi")), assistant(called("a")), user(result("a")), assistant(called("a")), user(result("a"))),
    ],
)  # fmt: skip
def test_what_the_api_takes(body: object) -> None:
    """Unknown fields, blocks and tools among it; messages of one role that follow one another are one."""
    assert refusal(posted(body)) is None


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "The request body is not valid JSON"),
        (b"{", "The request body is not valid JSON"),
        (b"\xff", "The request body is not valid JSON"),
        (b"[" * 100_000, "The request body is not valid JSON"),
        (b"5", "Input should be a valid dictionary or object to extract fields from"),
    ],
)
def test_a_body_that_is_no_object(raw: bytes, words: str) -> None:
    """It cannot even be read."""
    assert refusal(Request(headers=(VERSION,), body=raw)) == words


def test_the_version_of_the_api_is_demanded() -> None:
    """Before anything in the body is looked at."""
    request = posted({})
    assert refusal(Request(headers=(), body=request.body)) == "anthropic-version: header is required"
    assert refusal(Request(headers=(("Anthropic-Version", "2023-06-01"),), body=json.dumps(LEGAL).encode())) is None


@pytest.mark.parametrize(
    ("beta", "is_refused"),
    [
        ("interleaved-thinking-2025-05-14", False),
        ("a-1,interleaved-thinking-2025-05-14", False),
        ("files-api-2025-04-14", True),
    ],
)
def test_interleaved_thinking_may_take_more_than_one_answer_has(beta: str, *, is_refused: bool) -> None:
    """With that beta the budget is over all the answers of a turn."""
    body = {**LEGAL, "thinking": {"type": "enabled", "budget_tokens": 2048}}
    assert (refusal(posted(body, headers=(("Anthropic-Beta", beta),))) is not None) is is_refused


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (without("max_tokens"), None),
        ({**without("max_tokens"), "thinking": {"type": "enabled", "budget_tokens": 1024}}, None),
        (without("max_tokens", "model"), "model: Field required"),
        ({**LEGAL, "max_tokens": "5"}, "max_tokens: Input should be a valid integer"),
        (talk(), "messages: at least one message is required"),
    ],
)
def test_a_count_of_tokens_needs_no_limit(body: object, words: str | None) -> None:
    """It needs everything else."""
    assert refusal(posted(body), counts_only=True) == words


@pytest.fixture(scope="module")
def recorded() -> list[tuple[str, Request, int]]:
    """Give the recorded requests and the status of their answers; skip where the recordings are absent."""
    if not STREAMS.is_dir():
        pytest.skip("the recorded streams are not beside this repository")
    return list(recorded_requests())


def test_every_recorded_request_that_got_an_answer_is_taken(recorded: list[tuple[str, Request, int]]) -> None:
    """Hundreds of bodies of many clients, with tools, thinking, betas and server tools."""
    taken = [(name, request) for name, request, status in recorded if status == 200]
    assert len(taken) > 500
    assert [(name, words) for name, request in taken if (words := refusal(request)) is not None] == []


def test_a_recorded_refusal_is_refused_in_the_same_words(recorded: list[tuple[str, Request, int]]) -> None:
    """The empty message of the user; what depends on a model's abilities is let through."""
    refused = {words for _, request, status in recorded if status == 400 and (words := refusal(request))}
    assert refused == {f"messages.0: {NON_EMPTY}"}


KEYS = st.sampled_from(
    [*LEGAL, "role", "content", "type", "text", "id", "tool_use_id", "name", "input", "input_schema", "tools"]
)
LEAVES = st.none() | st.booleans() | st.integers(-2, 2000) | st.floats() | st.text(max_size=3)
WORDS = st.sampled_from(["user", "assistant", "system", "text", "tool_use", "tool_result", "enabled", "custom"])
JSON = st.recursive(
    LEAVES | WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8
)
BLOCKS = st.fixed_dictionaries(
    {}, optional={"type": WORDS | JSON, "text": JSON, "id": JSON, "tool_use_id": JSON, "name": JSON, "input": JSON}
)
MESSAGES = st.fixed_dictionaries({}, optional={"role": WORDS | JSON, "content": st.lists(BLOCKS, max_size=3) | JSON})
NAMES = (
    "model",
    "max_tokens",
    "system",
    "tools",
    "thinking",
    "temperature",
    "top_k",
    "tool_choice",
    "stream",
    "stop_sequences",
)
BODIES = st.fixed_dictionaries({}, optional={"messages": st.lists(MESSAGES, max_size=3) | JSON, **dict.fromkeys(NAMES, JSON)})


@given(BODIES | JSON, st.booleans())
@example({**LEGAL, "max_tokens": "5"}, True)  # noqa: FBT003 - an example
@example({**LEGAL, "thinking": {"type": "enabled", "budget_tokens": float("inf")}}, False)  # noqa: FBT003
def test_no_body_makes_it_fail(body: object, counts_only: bool) -> None:  # noqa: FBT001 - drawn
    """Any JSON at all is refused or taken."""
    assert isinstance(refusal(posted(body), counts_only=counts_only), str | None)


@given(st.lists(MESSAGES, max_size=3), st.dictionaries(st.sampled_from(NAMES[2:]), JSON, max_size=2))
def test_no_conversation_makes_it_fail(messages: list[Any], beside: dict[str, Any]) -> None:
    """With the rest of the body in order, so that the checks go deep."""
    assert isinstance(refusal(posted({**LEGAL, "messages": messages, **beside})), str | None)
