"""A client that is built when the module is imported: common, and a trap for tests."""

from __future__ import annotations

import anthropic

CLIENT = anthropic.Anthropic()


def title(text: str) -> str:
    """Return a title for a text."""
    with CLIENT.messages.stream(
        model="claude-sonnet-4-6", max_tokens=32, messages=[{"role": "user", "content": f"A title for this: {text}"}]
    ) as stream:
        return stream.get_final_text()
