"""Code under test."""

from __future__ import annotations

import anthropic


def capital(country: str) -> str:
    """Return what the model takes for the capital of a country."""
    with (
        anthropic.Anthropic() as client,
        client.messages.stream(
            model="claude-sonnet-4-6",
            max_tokens=64,
            messages=[{"role": "user", "content": f"What is the capital of {country}?"}],
        ) as stream,
    ):
        return stream.get_final_text()
