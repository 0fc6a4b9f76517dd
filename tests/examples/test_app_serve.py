# ruff: noqa: D103 - the names say it
"""streamlab without its fixture."""

from __future__ import annotations

import anthropic

import streamlab


def test_serves_for_the_length_of_a_block() -> None:
    with streamlab.serve("overloaded-then-fine") as lab:
        client = anthropic.Anthropic(base_url=lab.url, api_key="any")
        answer = client.messages.create(
            model="claude-sonnet-4-6", max_tokens=64, messages=[{"role": "user", "content": "Hello"}]
        )
        client.close()
    assert answer.content[0].text == "Fine now."
    assert [call.status for call in lab.journal] == [529, 529, 200]
