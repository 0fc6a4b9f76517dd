"""What the official SDK makes of a stream, to compare with."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import httpx2
from anthropic.lib.streaming._beta_messages import accumulate_event as accumulate_beta_event
from anthropic.lib.streaming._messages import accumulate_event

from streamlab.core.sse import Event


def sdk_message(events: Iterable[Event], *, beta: bool = False) -> dict[str, Any]:
    """Return what the official SDK accumulates from these events."""
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for event in events:
        given_event: Any = copy.deepcopy(event)
        if event["type"] in ("ping", "message_stop"):
            continue
        if beta:
            headers = httpx2.Headers()
            snapshot = accumulate_beta_event(
                event=given_event, current_snapshot=snapshot, json_bufs=buffers, request_headers=headers
            )
        else:
            snapshot = accumulate_event(event=given_event, current_snapshot=snapshot, json_bufs=buffers)
    result: dict[str, Any] = snapshot.to_dict(mode="json", warnings=False)
    return result


def without_nulls(value: Any) -> Any:
    """Return the value without keys that are null: the SDK fills them in or leaves them out."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def assert_same(ours: dict[str, Any] | None, theirs: dict[str, Any]) -> None:
    """Compare our message with the SDK's, field by field."""
    assert ours is not None
    mine, sdk = without_nulls(ours), without_nulls(theirs)
    for key in {*mine, *sdk}:
        assert mine.get(key) == sdk.get(key), key
