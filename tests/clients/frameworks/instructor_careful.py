"""Streams an object with instructor, and asks again when it broke off."""

from __future__ import annotations

import asyncio
import sys

import anthropic
import httpx2 as httpx
import instructor
from again import Incomplete, show_answer
from pydantic import BaseModel, ValidationError
from show import show

# region fixed
IDLE = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0  # seconds in which something has to come


class Lighthouse(BaseModel):
    """What is asked for."""

    name: str
    height_m: int


async def whole(question: str) -> Lighthouse:
    """Return the object. Raises Incomplete if it breaks off, lacks something or falls silent."""
    client = instructor.from_provider("anthropic/claude-sonnet-4-6", async_client=True, timeout=IDLE)
    asked = [{"role": "user", "content": question}]
    known = {}
    try:
        async for partial in client.create_partial(response_model=Lighthouse, messages=asked, max_tokens=1024):
            known = partial.model_dump()
            show(partial=known)
        return Lighthouse.model_validate(known)  # the last partial is not validated: what is missing is None
    except ValidationError as error:
        raise Incomplete("stopped too early") from error
    except (httpx.RequestError, ValueError) as error:  # of the HTTP library, or it cannot be decoded
        raise Incomplete(f"lost: {type(error).__name__}") from error
    except anthropic.APIStatusError as error:
        if error.status_code != httpx.codes.OK:
            raise
        raise Incomplete(str(error.type)) from error


def ask(question: str) -> Lighthouse:
    """Do it outside of an event loop."""
    return asyncio.run(whole(question))


# endregion

show_answer(lambda question: ask(question).model_dump())
