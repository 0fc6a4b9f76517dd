# ruff: noqa: D103 - the names say it
"""A client that is built at import: `streamlab_early = true` points it at the server before anything is imported."""

from __future__ import annotations

import pytest
from anthropic import OverloadedError
from assistant import quick

from streamlab import Lab, error


def test_gets_a_title(streamlab: Lab) -> None:
    streamlab.reply("On hanging up", when={"last_user": "A title for this"})
    assert quick.title("Once upon a time there was a client.") == "On hanging up"


def test_another_test_has_other_replies(streamlab: Lab) -> None:
    streamlab.reply(error("overloaded", headers={"retry-after-ms": "1"}), times=3)
    with pytest.raises(OverloadedError):
        quick.title("Once upon a time there was a client.")
    assert [call.attempt for call in streamlab.journal] == [1, 2, 3]
