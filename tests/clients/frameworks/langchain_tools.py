"""Calls a tool with LangChain until the model has its answer, as its guide does: `sync` or `async`."""

from __future__ import annotations

import asyncio
import sys

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessageChunk, AnyMessage, HumanMessage
from langchain_core.tools import tool
from show import show, show_error


@tool
def get_weather(location: str) -> str:
    """Return the weather of a place."""
    show(ran={"location": location})
    return f"18 degrees and sunny in {location}"


model = ChatAnthropic(model="claude-sonnet-4-6").bind_tools([get_weather])
messages: list[AnyMessage] = [HumanMessage("What is the weather in San Francisco?")]


def add(answer: AIMessageChunk, chunk: AIMessageChunk) -> AIMessageChunk:
    """Show a chunk; return the answer with it."""
    show(text=chunk.text, input_json=[piece["args"] for piece in chunk.tool_call_chunks])
    return answer + chunk


def loop() -> None:
    """Stream answers, and run the tools that they call, until one calls none."""
    while not isinstance(messages[-1], AIMessageChunk):
        answer = AIMessageChunk([])
        for chunk in model.stream(messages):
            answer = add(answer, chunk)
        show(calls=answer.tool_calls, invalid=answer.invalid_tool_calls, end=answer.response_metadata.get("stop_reason"))
        messages.append(answer)
        messages.extend(get_weather.invoke(call) for call in answer.tool_calls)


async def loop_later() -> None:
    """Do the same in an event loop."""
    while not isinstance(messages[-1], AIMessageChunk):
        answer = AIMessageChunk([])
        async for chunk in model.astream(messages):
            answer = add(answer, chunk)
        show(calls=answer.tool_calls, invalid=answer.invalid_tool_calls, end=answer.response_metadata.get("stop_reason"))
        messages.append(answer)
        messages.extend([await get_weather.ainvoke(call) for call in answer.tool_calls])


try:
    asyncio.run(loop_later()) if sys.argv[1] == "async" else loop()
except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
    show_error(error)
