"""What the documents say of the SDK's behaviour is what the installed SDK does."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from sdk_outcomes import OUTCOMES, Outcome

from streamlab import Lab

_READ_TIMEOUT = 0.3


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.what)
def test_the_sdk_does_what_is_said(streamlab: Lab, outcome: Outcome) -> None:
    """It raises what is said, or nothing and returns what is said."""
    streamlab.reply(outcome.source, faults=outcome.faults)
    if not outcome.raises:
        message = _final_message(streamlab, outcome)
        assert [_without_id(block.to_dict()) for block in message.content] == outcome.content
        assert message.stop_reason == outcome.stop_reason
        return
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one it is is what is tested
        _final_message(streamlab, outcome)
    assert type(caught.value).__name__ in outcome.raises
    assert isinstance(caught.value, anthropic.APIError) == outcome.is_api_error


def test_an_error_in_mid_stream_is_not_tried_again(streamlab: Lab) -> None:
    """It has the status of the stream, so a program can tell it by its type alone, and the SDK's retries are over."""
    streamlab.reply("One two three four.", faults=[{"error": "overloaded", "after": "delta 2"}])
    with pytest.raises(anthropic.APIStatusError) as caught:
        _final_message(streamlab, max_retries=2)
    assert caught.value.status_code == 200
    assert len(streamlab.journal) == 1


def _final_message(lab: Lab, outcome: Outcome | None = None, *, max_retries: int = 0) -> Any:
    is_slow = outcome is not None and "ReadTimeout" in outcome.raises
    client = lab.client.with_options(max_retries=max_retries, timeout=_READ_TIMEOUT if is_slow else 30.0)
    with client.messages.stream(
        model="claude-sonnet-4-6", max_tokens=64, messages=[{"role": "user", "content": "Hello"}]
    ) as stream:
        return stream.get_final_message()


def _without_id(block: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in block.items() if key != "id"}
