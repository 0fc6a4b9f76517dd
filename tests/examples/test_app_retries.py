"""Tests of retries."""

from __future__ import annotations

import anthropic
import app
import pytest

from streamlab import ErrorEvent, Lab, error


def test_retries_before_the_stream(streamlab: Lab) -> None:
    """The SDK tries again by itself, twice, when the error comes before the stream."""
    streamlab.reply(error("overloaded", headers={"retry-after-ms": "1"}), times=2)
    streamlab.reply("Fine now.")
    assert app.greet() == "Fine now."
    assert [call.attempt for call in streamlab.journal] == [1, 2, 3]


def test_gives_up(streamlab: Lab) -> None:
    """The third error is the last straw."""
    streamlab.reply(error("rate_limit", headers={"retry-after-ms": "1"}), times=3)
    with pytest.raises(anthropic.RateLimitError):
        app.greet()


def test_does_not_retry_a_bad_key(streamlab: Lab) -> None:
    """One call, and no second one."""
    streamlab.reply(error("authentication"))
    with pytest.raises(anthropic.AuthenticationError):
        app.greet()
    assert len(streamlab.journal) == 1


def test_asks_again_after_an_error_in_mid_stream(streamlab: Lab) -> None:
    """No SDK tries again here: the stream had begun, so the program must."""
    streamlab.reply("One two three four.", faults=[ErrorEvent("overloaded", after="delta 3")])
    streamlab.reply("One two three four.")
    assert app.ask("Count to four.").content[0].text == "One two three four."
    assert [call.attempt for call in streamlab.journal] == [1, 1]


def test_the_second_attempt_is_another_answer(streamlab: Lab) -> None:
    """A condition looks at the retry count that the SDK sends."""
    streamlab.reply("Second try.", when={"attempt": 2})
    streamlab.reply(error("api", headers={"retry-after-ms": "1"}), when={"attempt": 1})
    assert app.greet() == "Second try."
