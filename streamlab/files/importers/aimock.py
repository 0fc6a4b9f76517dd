"""Fixtures of aimock: texts and tool calls, of which a stream is made up, at the times that were recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate
from typing import Any

from streamlab.core.api_errors import ERRORS, ApiError, api_error
from streamlab.core.authoring import message
from streamlab.core.events import dump
from streamlab.core.exchange import Ended, Read, Request
from streamlab.core.identity import generator
from streamlab.core.messages import DEFAULT_MODEL
from streamlab.core.plan import Headers, Plan
from streamlab.core.sources import Failure, Source
from streamlab.errors import ScenarioError
from streamlab.files.importers.documents import Document, Part
from streamlab.files.importers.drafts import MOMENT, REQUEST_HEADERS, Draft, Format, status_of

__all__ = ["FORMAT"]

_STREAMS = "streams: aimock keeps texts and tool calls; events, cuts, pings, ids and headers are made up"
_ASKED = "requests: each is made up of what its fixture matches"
_READS = "reads: each event is one"
_TIMES = "times: where some were recorded, each event in turn gets the next; aimock does not keep which event came at which"
_STOP_REASONS = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens", "content_filter": "refusal"}
_COUNTS = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
_BEHAVIOUR = ("latency", "streamingProfile", "disconnectAfterMs", "replaySpeed", "chaos")
_MODELS = ("chat", None)
"""The endpoints of a fixture that a call for a message can meet."""


def _is_this(document: Document) -> bool:
    value = document.value if document.kind == "json" else None
    fixtures = value.get("fixtures") if isinstance(value, dict) else None
    return isinstance(fixtures, list) and all(isinstance(each, dict) for each in fixtures)


def _read(document: Document) -> Iterator[Draft | str]:
    for number, fixture in enumerate(document.part["fixtures"].parts(), 1):
        label = f"fixture {number}"
        match = fixture["match"] if "match" in fixture else Part({}, (*fixture.key, "match"))
        endpoint = match["endpoint"].value
        if endpoint not in _MODELS:
            yield f"{label}: its endpoint {endpoint!r} is none of the Messages API"
        elif not any(key in fixture["response"] for key in ("content", "toolCalls", "blocks", "error")):
            yield f"{label}: its response has no content, toolCalls, blocks or error"
        else:
            yield from (f"{label}: {what}" for what in _left_out(fixture))
            yield _draft(label, fixture, match)


def _left_out(fixture: Part) -> Iterator[str]:
    if "webSearches" in fixture["response"]:
        yield "its webSearches are left out: only their questions were kept"
    behaviour = [key for key in _BEHAVIOUR if key in fixture]
    if behaviour:
        yield f"its {', '.join(behaviour)} are left out: what a server does is said in a scenario, with pace and faults"


def _draft(label: str, fixture: Part, match: Part) -> Draft:
    request = _request(match, fixture["response"])
    plan = _source(fixture["response"]).plan(request, generator(0, "aimock", label))
    reads, ended = _cut(plan, fixture)
    first, times, ended_at = _times(fixture, len(reads)) if plan.is_stream else (None, [None] * len(reads), None)
    return Draft(
        label=label,
        url=request.path,
        request_body=request.body,
        status=plan.head.status,
        headers=(*plan.head.headers, *_retry_after(fixture["response"])),
        reads=tuple(Read(data, at) for data, at in zip(reads, times, strict=True)),
        ended=ended,
        first=first,
        ended_at=ended_at,
    )


def _retry_after(response: Part) -> Headers:
    return (("retry-after", f"{response['retryAfter'].number():g}"),) if "retryAfter" in response else ()


def _request(match: Part, response: Part) -> Request:
    """Return a request that the fixture would match, as far as one can be told."""
    model = next((part["model"].text() for part in (match, response) if "model" in part), DEFAULT_MODEL)
    user = next((match[key].text() for key in ("userMessage", "inputText") if key in match), "Hello")
    body: dict[str, Any] = {"model": model, "max_tokens": 1024}
    if "systemMessage" in match:
        system = match["systemMessage"]
        texts = [each.text() for each in system.parts()] if isinstance(system.value, list) else [system.text()]
        body["system"] = "\n".join(texts)
    if "toolName" in match:
        body["tools"] = [{"name": match["toolName"].text(), "input_schema": {"type": "object"}}]
    messages: list[dict[str, Any]] = [{"role": "user", "content": user}]
    if "toolCallId" in match:
        messages += _tool_turn(match)
    return Request(body=dump({**body, "messages": messages, "stream": True}).encode("utf-8", "backslashreplace"))


def _tool_turn(match: Part) -> list[dict[str, Any]]:
    """Return the call of a tool, and the result of it that the fixture waits for."""
    name = match["toolName"].text() if "toolName" in match else "tool"
    call, result = match["toolCallId"].text(), match["toolResultContains"].value or ""
    return [
        {"role": "assistant", "content": [{"type": "tool_use", "id": call, "name": name, "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, "content": str(result)}]},
    ]


def _source(response: Part) -> Source:
    if "error" in response:
        return _failure(response)
    shape: dict[str, Any] = {key: response[key].text() for key in ("id", "model") if key in response}
    if "usage" in response:
        counts = {_COUNTS.get(key, key): part.value for key, part in response["usage"].items()}
        shape["usage"] = {key: counts[key] for key in ("input_tokens", "output_tokens") if type(counts.get(key)) is int}
    if "finishReason" in response:
        reason = response["finishReason"].text()
        shape["stop_reason"] = _STOP_REASONS.get(reason, reason)
    return message(*_blocks(response), **shape)


def _failure(response: Part) -> Source:
    """Return the error that is written, as the API words it; the status and the type are the fixture's own."""
    inner = response["error"]
    status = status_of(response["status"]) if "status" in response else None
    kind = inner["type"].text() if "type" in inner else None
    known = next(filter(None, (_known(each) for each in (kind, status))), ERRORS["api"])
    shaped = replace(known, status=status or known.status, type=kind or known.type, is_bare=False)
    return Failure(shaped, inner["message"].text() if "message" in inner else None)


def _known(written: object) -> ApiError | None:
    try:
        return api_error(written)
    except ScenarioError:
        return None


def _blocks(response: Part) -> Iterator[dict[str, Any]]:
    """Yield the content blocks: thinking first, then in the order that is written or text before calls."""
    if response["reasoning"].value:
        signature = {"signature": response["reasoningSignature"].text()} if "reasoningSignature" in response else {}
        yield {"type": "thinking", "thinking": response["reasoning"].text(), **signature}
    for each in response["redactedThinking"].parts() if "redactedThinking" in response else ():
        yield {"type": "redacted_thinking", "data": each.text()}
    if "blocks" in response:
        yield from (_block(each) for each in response["blocks"].parts())
        return
    if response["content"].value:
        is_text = isinstance(response["content"].value, str)
        yield {"type": "text", "text": response["content"].text() if is_text else dump(response["content"].value)}
    for each in response["toolCalls"].parts() if "toolCalls" in response else ():
        yield _call(each)


def _block(part: Part) -> dict[str, Any]:
    if part["type"].value == "toolCall":
        return _call(part)
    if part["type"].value != "text":
        raise part["type"].wrong("text or toolCall")
    return {"type": "text", "text": part["text"].text()}


def _call(part: Part) -> dict[str, Any]:
    arguments = part["arguments"].value
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except (ValueError, RecursionError):
            arguments = None
    if not isinstance(arguments, dict):
        raise part["arguments"].wrong("an object, or its JSON,")
    known = {"id": part["id"].text()} if "id" in part else {}
    return {"tool_use": {**known, "name": part["name"].text(), "input": arguments}}


def _cut(plan: Plan, fixture: Part) -> tuple[list[bytes], Ended | None]:
    """Return the reads, as many of them as come before the fixture cuts the stream."""
    reads = [frame.raw for frame in plan.frames]
    if not plan.is_stream or "truncateAfterChunks" not in fixture:
        return reads, None
    count = int(fixture["truncateAfterChunks"].number())
    return (reads[:count], Ended.FIN) if count < len(reads) else (reads, None)


def _times(fixture: Part, count: int) -> tuple[float | None, list[float | None], float | None]:
    """Return the seconds to the head, of each read, and to the end. Reads beyond the recorded gaps have no time."""
    if "recordedTimings" not in fixture:
        return None, [None] * count, None
    timings = fixture["recordedTimings"]
    first = timings["ttftMs"].number() / 1000 if "ttftMs" in timings else None
    gaps = [each.number() / 1000 for each in timings["interChunkDelaysMs"].parts()] if "interChunkDelaysMs" in timings else []
    known = [round(at, 6) for at in accumulate(gaps[: max(0, count - 1)], initial=0.0)][:count]
    ended_at = None
    if "totalDurationMs" in timings and first is not None:
        ended_at = max(round(timings["totalDurationMs"].number() / 1000 - first, 6), *known, 0.0)
    return first, [*known, *[None] * (count - len(known))], ended_at


FORMAT = Format(
    name="aimock", is_this=_is_this, read=_read, unknown=(_STREAMS, _ASKED, _READS, _TIMES, MOMENT, REQUEST_HEADERS)
)
