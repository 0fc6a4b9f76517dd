"""Threads: conversations that the API holds between requests, so that each request sends only what is new in it.

A request with `thread: {type: create}` starts one, and is held under the id of its answer; one with `{type: continue,
previous_message_id: …}` goes on from there, without the messages, the system prompt and the tools that are held. Rules are
asked about the whole conversation. A recording has its requests as they were sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

from streamlab.core.api_errors import ERRORS, error_plan
from streamlab.core.events import dump
from streamlab.core.exchange import MESSAGES, Request
from streamlab.core.messages import fold
from streamlab.core.plan import Ending, Plan
from streamlab.core.sse import Frame

__all__ = ["Threads", "continued", "held", "lost", "refused"]

JsonObject = dict[str, Any]
Threads = Mapping[str, JsonObject]
"""What is held, by the id of the answer that it ends with: the fields of a request that asks for the next one."""

_HELD = ("system", "tools")
_MOST = 1_000
"""The threads that are held; the oldest are forgotten."""


def continued(request: Request, threads: Threads) -> Request:
    """Return a request with all that is held of its thread; one that continues none that is known stays as it is."""
    before = threads.get(_previous(request) or "")
    if before is None:
        return request
    body = {**before, **request.data, "messages": [*before["messages"], *request.messages]}
    return replace(request, body=dump(body).encode("utf-8", "backslashreplace"))


def lost(request: Request, threads: Threads) -> str | None:
    """Return what the API says to a request that continues a thread it does not hold; None to others."""
    previous = _previous(request)
    return None if previous is None or previous in threads else f"No thread found for previous_message_id: {previous}"


def refused(problem: str, rng: Random) -> Plan:
    """Return the answer to a request whose thread is lost: the SDKs know it by its details, and send everything again."""
    plan = error_plan(ERRORS["not_found"], problem, rng)
    body = json.loads(plan.body)
    body["error"]["details"] = {"error_code": "thread_not_found"}
    raw = dump(body).encode("utf-8", "backslashreplace")
    headers = (*(each for each in plan.head.headers if each[0] != "content-length"), ("content-length", str(len(raw))))
    return replace(plan, head=replace(plan.head, headers=headers), frames=(Frame(raw),))


def held(request: Request, plan: Plan, threads: Threads) -> Threads:
    """Return what is held after a whole request was answered with `plan`."""
    if not isinstance(request.data.get("thread"), dict) or request.decoded_path != MESSAGES:
        return threads
    message = _message(plan)
    if message is None:
        return threads
    fields = {name: request.data[name] for name in _HELD if name in request.data}
    answer = {"role": "assistant", "content": message["content"]}
    kept = {**threads, message["id"]: {**fields, "messages": [*request.messages, answer]}}
    for oldest in list(kept)[: len(kept) - _MOST]:
        del kept[oldest]
    return kept


def _previous(request: Request) -> str | None:
    """Return the id of the answer that a request goes on from; None if it says none."""
    thread = request.data.get("thread")
    previous = thread.get("previous_message_id") if isinstance(thread, dict) and thread.get("type") == "continue" else None
    return previous if isinstance(previous, str) and request.decoded_path == MESSAGES else None


def _message(plan: Plan) -> JsonObject | None:
    """Return the message that is sent, if it is whole."""
    if plan.head.status != 200 or plan.ending is not Ending.COMPLETE:  # noqa: PLR2004 - it is that status
        return None
    events = [frame.event for frame in plan.frames if frame.event is not None]
    if events:
        message: Any = fold(events) if events[-1]["type"] == "message_stop" else None
    else:
        try:
            message = json.loads(plan.body)
        except ValueError:
            return None
    is_message = isinstance(message, dict) and isinstance(message.get("id"), str) and isinstance(message.get("content"), list)
    return message if is_message else None
