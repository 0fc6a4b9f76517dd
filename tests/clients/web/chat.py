"""A chat server: it asks Claude what a page asks it, and sends the answer on to the page as it comes."""

# region setup
from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anthropic
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel

app = FastAPI()
claude = anthropic.AsyncAnthropic(timeout=float(os.environ.get("READ_TIMEOUT", "20")))


class Question(BaseModel):
    """What a page asks."""

    message: str


def asked(question: Question) -> dict[str, Any]:
    """Return the arguments of the call that asks Claude."""
    return {
        "model": "claude-sonnet-4-6",
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": question.message}],
    }


def frame(data: object) -> str:
    """Return a frame for the page."""
    return f"data: {json.dumps(data)}\n\n"


# endregion


# region naive
@app.post("/naive")
async def naive(question: Question) -> StreamingResponse:
    """Send the text on, and [DONE]."""

    async def frames() -> AsyncIterator[str]:
        async with claude.messages.stream(**asked(question)) as stream:
            async for text in stream.text_stream:
                yield frame({"text": text})
        yield "data: [DONE]\n\n"

    return StreamingResponse(frames(), media_type="text/event-stream")


# endregion


# region careful
@app.post("/chat")
async def chat(question: Question) -> StreamingResponse:
    """Send the text on, and [DONE] if it is whole; a frame with an error if not."""

    async def frames() -> AsyncIterator[str]:
        came = set()
        try:
            async with claude.messages.stream(**asked(question)) as stream:
                async for event in stream:
                    came.add(event.type)
                    if event.type == "content_block_delta" and event.delta.type == "text_delta":
                        yield frame({"text": event.delta.text})
        except Exception as error:  # noqa: BLE001 - the status is sent already: only a frame can tell the page
            yield frame({"error": type(error).__name__})
            return
        if not came >= {
            "message_start",
            "message_stop",
        }:  # the SDK raises nothing, and the final message may have a stop_reason all the same
            yield frame({"error": "incomplete"})
            return
        yield "data: [DONE]\n\n"

    headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
    return StreamingResponse(frames(), media_type="text/event-stream", headers=headers)


# endregion


# region blocking
blocking_claude = anthropic.Anthropic()


@app.post("/blocking")
def blocking(question: Question) -> StreamingResponse:
    """Do the same in a thread."""

    def frames() -> Iterator[str]:
        with blocking_claude.messages.stream(**asked(question)) as stream:
            for text in stream.text_stream:
                yield frame({"text": text})
        yield "data: [DONE]\n\n"

    return StreamingResponse(frames(), media_type="text/event-stream")


# endregion


# region bare
@app.post("/bare")
async def bare(question: Question) -> StreamingResponse:
    """Send the text on as it is."""

    async def frames() -> AsyncIterator[str]:
        async with claude.messages.stream(**asked(question)) as stream:
            async for text in stream.text_stream:
                yield f"data: {text}\n\n"  # no JSON: a line feed in the text ends the frame
        yield "data: [DONE]\n\n"

    return StreamingResponse(frames(), media_type="text/event-stream")


# endregion

if "PAGES" in os.environ:
    app.mount("/", StaticFiles(directory=os.environ["PAGES"], html=True))
