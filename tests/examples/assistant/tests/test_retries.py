# ruff: noqa: D103 - the names say it
"""What fails before the stream is asked for again, with waits that grow."""

from __future__ import annotations

from collections.abc import Callable

import anthropic
import pytest
from assistant import GaveUp, Settings

from streamlab import Lab, error

QUICK = Settings(tries=3, first_wait=0.01)


def test_answers(streamlab: Lab, ask: Callable[..., str]) -> None:
    streamlab.reply("Hello from streamlab.")
    assert ask("Say hello.") == "Hello from streamlab."


def test_asks_again_when_overloaded(streamlab: Lab, ask: Callable[..., str]) -> None:
    streamlab.reply(error("overloaded"), times=2)
    streamlab.reply("Fine now.")
    assert ask("Say hello.", QUICK) == "Fine now."
    assert streamlab.journal.statuses == (529, 529, 200)


def test_waits_longer_each_time(streamlab: Lab, ask: Callable[..., str]) -> None:
    streamlab.reply(error("overloaded"), times=2)
    streamlab.reply("Fine now.")
    ask("Say hello.", Settings(first_wait=0.02))
    first, second = streamlab.journal.waits
    assert first >= 0.02
    assert second >= 0.04


def test_does_as_retry_after_says(streamlab: Lab, ask: Callable[..., str]) -> None:
    streamlab.reply(error("rate_limit", headers={"retry-after": "0"}))
    streamlab.reply("Fine now.")
    assert ask("Say hello.", Settings(first_wait=5)) == "Fine now."
    assert streamlab.journal.waits[0] < 5


def test_an_odd_retry_after_does_no_harm(streamlab: Lab, ask: Callable[..., str]) -> None:
    streamlab.reply(error("rate_limit", headers={"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}))
    streamlab.reply("Fine now.")
    assert ask("Say hello.", QUICK) == "Fine now."


@pytest.mark.parametrize("kind", ["rate_limit", "overloaded"])
def test_gives_up(streamlab: Lab, ask: Callable[..., str], kind: str) -> None:
    streamlab.reply(error(kind), times=3)
    with pytest.raises(GaveUp):
        ask("Say hello.", QUICK)


@pytest.mark.parametrize("kind", ["authentication", "invalid_request"])
def test_asks_once_if_it_is_no_use(streamlab: Lab, ask: Callable[..., str], kind: str) -> None:
    streamlab.reply(error(kind))
    with pytest.raises(anthropic.APIStatusError):
        ask("Say hello.", QUICK)
    assert streamlab.journal.only.status in (400, 401)
