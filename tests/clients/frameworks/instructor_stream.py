"""Streams an object with instructor, as its guide does, and shows what is known of it: `sync` or `async`, and options."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import instructor
from pydantic import BaseModel
from show import show, show_error

OPTIONS = json.loads(sys.argv[2] if len(sys.argv) > 2 else "{}")
ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "Which lighthouse is the tallest?"}], "max_tokens": 1024}


class Lighthouse(BaseModel):
    """What is asked for."""

    name: str
    height_m: int


def ask() -> None:
    """Show what is known of the object as it comes."""
    client = instructor.from_provider("anthropic/claude-sonnet-4-6", **OPTIONS)
    known = None
    for partial in client.create_partial(response_model=Lighthouse, **ASKED):
        known = partial.model_dump()
        show(partial=known)
    show(answer=known)


async def ask_later() -> None:
    """Do the same in an event loop."""
    client = instructor.from_provider("anthropic/claude-sonnet-4-6", async_client=True, **OPTIONS)
    known = None
    async for partial in client.create_partial(response_model=Lighthouse, **ASKED):
        known = partial.model_dump()
        show(partial=known)
    show(answer=known)


try:
    asyncio.run(ask_later()) if sys.argv[1] == "async" else ask()
except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
    show_error(error)
