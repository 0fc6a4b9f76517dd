"""Calls a tool with pydantic-ai, which has a loop of its own, as its guide does: `sync` or `async`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterable
from typing import Any

from pydantic_ai import Agent, FunctionToolCallEvent, PartDeltaEvent, RunContext, TextPartDelta, ToolCallPartDelta
from show import show, show_error

agent = Agent("anthropic:claude-sonnet-4-6")


@agent.tool_plain
def get_weather(location: str) -> str:
    """Return the weather of a place."""
    show(ran={"location": location})
    return f"18 degrees and sunny in {location}"


async def see(_: RunContext[None], events: AsyncIterable[Any]) -> None:
    """Show what the model says while the agent runs."""
    async for event in events:
        match event:
            case PartDeltaEvent(delta=TextPartDelta(content_delta=piece)):
                show(text=piece)
            case PartDeltaEvent(delta=ToolCallPartDelta(args_delta=piece)):
                show(input_json=[piece])
            case FunctionToolCallEvent(part=part):
                show(calls=[part.args])


async def run() -> Any:
    """Run the agent in an event loop."""
    return await agent.run("What is the weather in San Francisco?", event_stream_handler=see)


try:
    question = "What is the weather in San Francisco?"
    result = asyncio.run(run()) if sys.argv[1] == "async" else agent.run_sync(question, event_stream_handler=see)
    show(answer=result.output, end=result.response.finish_reason)
except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
    show_error(error)
