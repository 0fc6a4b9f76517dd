# ruff: noqa: D101, D103 - the names say it
"""Everything the guides do with the Python SDK when all goes well; each with what the journal saw of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import anthropic
import pytest
from pydantic import BaseModel
from python.calls import ASKED, both

from streamlab import Call, Lab, message, text, thinking, tool_use

EVENTS_OF_HELLO = [
    "message_start",
    "content_block_start",
    *["content_block_delta"] * 3,
    "content_block_stop",
    "message_delta",
    "message_stop",
]
WEATHER: anthropic.types.ToolParam = {
    "name": "get_weather",
    "description": "Tells the weather.",
    "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}


def was_whole(call: Call, *, events: int, helper: str | None = None) -> None:
    """Check that a call asked for a stream, and had all of it: so many events, and an end that the server brought about."""
    assert (call.request.path, call.request.stream, call.status) == ("/v1/messages", True, 200)
    assert (call.events_sent, call.ended, call.ended_by) == (events, "complete", "server")
    assert call.request.header("x-stainless-helper-method") == helper


def show_text() -> list[str]:
    with anthropic.Anthropic() as client, client.messages.stream(**ASKED) as stream:
        return list(stream.text_stream)


async def show_text_later() -> list[str]:
    async with anthropic.AsyncAnthropic() as client, client.messages.stream(**ASKED) as stream:
        return [piece async for piece in stream.text_stream]


@both(show_text, show_text_later)
def test_text_stream_gives_the_text_piece_by_piece(streamlab: Lab, call: Any) -> None:
    streamlab.reply(text(["Hello", " from", " streamlab."]))
    assert call() == ["Hello", " from", " streamlab."]
    was_whole(streamlab.journal.only, events=8, helper="stream")


def raw_events() -> list[str]:
    with anthropic.Anthropic() as client, client.messages.create(**ASKED, stream=True) as stream:
        return [event.type for event in stream]


async def raw_events_later() -> list[str]:
    async with anthropic.AsyncAnthropic() as client, await client.messages.create(**ASKED, stream=True) as stream:
        return [event.type async for event in stream]


@both(raw_events, raw_events_later)
def test_a_loop_over_raw_events_sees_each_event_once_and_no_ping(streamlab: Lab, call: Any) -> None:
    streamlab.reply(text(["Hello", " from", " streamlab."]))
    streamlab.reply(text(["Hello", " from", " streamlab."]), faults=["pings: 3, before: delta 2"])
    assert [call(), call()] == [EVENTS_OF_HELLO] * 2
    without, with_pings = streamlab.journal
    assert with_pings.bytes_sent - without.bytes_sent > 3 * len("event: ping")
    was_whole(with_pings, events=8)
    assert with_pings.request.data["stream"] is True


def helper_events() -> list[tuple[str, str]]:
    with anthropic.Anthropic() as client, client.messages.stream(**ASKED) as stream:
        return [(event.type, event.snapshot if event.type == "text" else "") for event in stream]


async def helper_events_later() -> list[tuple[str, str]]:
    async with anthropic.AsyncAnthropic() as client, client.messages.stream(**ASKED) as stream:
        return [(event.type, event.snapshot if event.type == "text" else "") async for event in stream]


@both(helper_events, helper_events_later)
def test_a_loop_over_helper_events_sees_text_events_beside_the_raw_ones(streamlab: Lab, call: Any) -> None:
    streamlab.reply(text(["Hello", " from", " streamlab."]))
    seen = call()
    assert [name for name, _ in seen if name != "text"] == EVENTS_OF_HELLO
    snapshots = ["Hello", "Hello from", "Hello from streamlab."]
    assert [snapshot for name, snapshot in seen if name == "text"] == snapshots
    was_whole(streamlab.journal.only, events=8, helper="stream")


def text_of(event: anthropic.types.RawMessageStreamEvent) -> str:
    """Return the text that a raw event brings."""
    is_text = event.type == "content_block_delta" and event.delta.type == "text_delta"
    return event.delta.text if is_text else ""


def create_without_with() -> str:
    client = anthropic.Anthropic()
    answer = "".join(text_of(event) for event in client.messages.create(**ASKED, stream=True))
    client.close()
    return answer


async def create_without_with_later() -> str:
    client = anthropic.AsyncAnthropic()
    answer = "".join([text_of(event) async for event in await client.messages.create(**ASKED, stream=True)])
    await client.close()
    return answer


@both(create_without_with, create_without_with_later)
@pytest.mark.streamlab(scenario="hello")
def test_create_with_a_stream_needs_no_with_when_it_is_read_to_its_end(streamlab: Lab, call: Any) -> None:
    assert call() == "Hello from streamlab."
    was_whole(streamlab.journal.only, events=8)


def create_with_with() -> str:
    with anthropic.Anthropic() as client, client.messages.create(**ASKED, stream=True) as stream:
        return "".join(text_of(event) for event in stream)


async def create_with_with_later() -> str:
    async with anthropic.AsyncAnthropic() as client, await client.messages.create(**ASKED, stream=True) as stream:
        return "".join([text_of(event) async for event in stream])


@both(create_with_with, create_with_with_later)
@pytest.mark.streamlab(scenario="hello")
def test_create_with_a_stream_and_with(streamlab: Lab, call: Any) -> None:
    assert call() == "Hello from streamlab."
    was_whole(streamlab.journal.only, events=8)


def final_message() -> anthropic.types.Message:
    with anthropic.Anthropic() as client, client.messages.stream(**ASKED) as stream:
        return stream.get_final_message()


async def final_message_later() -> anthropic.types.Message:
    async with anthropic.AsyncAnthropic() as client, client.messages.stream(**ASKED) as stream:
        return await stream.get_final_message()


@both(final_message, final_message_later)
def test_get_final_message_is_the_message_that_create_returns_without_a_stream(streamlab: Lab, call: Any) -> None:
    streamlab.reply([thinking("Somebody greets me.", signature="c2lnbmVk"), text("Hello from streamlab.")], times=2)
    streamed = call()
    with anthropic.Anthropic() as client:
        whole = client.messages.create(**ASKED)
    assert [block.to_dict() for block in streamed.content] == [block.to_dict() for block in whole.content]
    assert (streamed.stop_reason, streamed.role) == (whole.stop_reason, whole.role) == ("end_turn", "assistant")
    assert streamed.usage.output_tokens == whole.usage.output_tokens
    was_whole(streamlab.journal[0], events=streamlab.journal[0].events_sent, helper="stream")
    assert [call.request.stream for call in streamlab.journal] == [True, False]


def final_text() -> str:
    with anthropic.Anthropic() as client, client.messages.stream(**ASKED) as stream:
        return stream.get_final_text()


async def final_text_later() -> str:
    async with anthropic.AsyncAnthropic() as client, client.messages.stream(**ASKED) as stream:
        return await stream.get_final_text()


@both(final_text, final_text_later)
def test_get_final_text_joins_the_blocks_of_text_and_leaves_the_others_out(streamlab: Lab, call: Any) -> None:
    streamlab.reply([thinking("Where was I?"), text("First, "), tool_use("get_time"), text("second.")])
    assert call() == "First, second."
    was_whole(streamlab.journal.only, events=streamlab.journal.only.events_sent, helper="stream")


@both(final_text, final_text_later)
def test_get_final_text_raises_if_there_is_no_text(streamlab: Lab, call: Any) -> None:
    streamlab.reply(tool_use("get_time"))
    with pytest.raises(RuntimeError, match="tool_use"):
        call()
    assert streamlab.journal.only.ended == "complete"


def snapshots() -> list[tuple[str | None, list[str]]]:
    with anthropic.Anthropic() as client, client.messages.stream(**ASKED) as stream:
        seen = []
        for event in stream:
            now = stream.current_message_snapshot
            if event.type in ("text", "message_stop"):
                seen.append((now.stop_reason, [block.text for block in now.content if block.type == "text"]))
        return seen


async def snapshots_later() -> list[tuple[str | None, list[str]]]:
    async with anthropic.AsyncAnthropic() as client, client.messages.stream(**ASKED) as stream:
        seen = []
        async for event in stream:
            now = stream.current_message_snapshot
            if event.type in ("text", "message_stop"):
                seen.append((now.stop_reason, [block.text for block in now.content if block.type == "text"]))
        return seen


@both(snapshots, snapshots_later)
def test_current_message_snapshot_grows_with_the_stream(streamlab: Lab, call: Any) -> None:
    streamlab.reply([text(["One", " two"]), text("Three")])
    assert call() == [
        (None, ["One"]),
        (None, ["One two"]),
        (None, ["One two", "Three"]),
        ("end_turn", ["One two", "Three"]),
    ]
    was_whole(streamlab.journal.only, events=10, helper="stream")


DOLLARS = {"input_tokens": 3.0, "cache_creation_input_tokens": 3.75, "cache_read_input_tokens": 0.3, "output_tokens": 15.0}
"""What a million tokens cost."""


def cost(counts: dict[str, Any]) -> float:
    """Return what an answer costs, in dollars."""
    return sum((counts.get(kind) or 0) * price for kind, price in DOLLARS.items()) / 1_000_000


def final_usage() -> dict[str, Any]:
    return final_message().usage.to_dict()


async def final_usage_later() -> dict[str, Any]:
    return (await final_message_later()).usage.to_dict()


USED = {
    "input_tokens": 2000,
    "cache_creation_input_tokens": 400,
    "cache_read_input_tokens": 10_000,
    "output_tokens": 300,
}


@both(final_usage, final_usage_later)
def test_usage_and_cost_from_the_final_message(streamlab: Lab, call: Any) -> None:
    streamlab.reply(message("An answer.", usage=USED))
    usage = call()
    assert {kind: usage[kind] for kind in USED} == USED
    assert cost(usage) == pytest.approx(0.0150)
    was_whole(streamlab.journal.only, events=streamlab.journal.only.events_sent, helper="stream")


def usage_on_the_way() -> tuple[dict[str, Any], dict[str, Any]]:
    with anthropic.Anthropic() as client, client.messages.create(**ASKED, stream=True) as stream:
        start: dict[str, Any] = {}
        end: dict[str, Any] = {}
        for event in stream:
            if event.type == "message_start":
                start = event.message.usage.to_dict()
            elif event.type == "message_delta":
                end = event.usage.to_dict()
        return start, end


async def usage_on_the_way_later() -> tuple[dict[str, Any], dict[str, Any]]:
    async with anthropic.AsyncAnthropic() as client, await client.messages.create(**ASKED, stream=True) as stream:
        start: dict[str, Any] = {}
        end: dict[str, Any] = {}
        async for event in stream:
            if event.type == "message_start":
                start = event.message.usage.to_dict()
            elif event.type == "message_delta":
                end = event.usage.to_dict()
        return start, end


@both(usage_on_the_way, usage_on_the_way_later)
def test_usage_and_cost_from_message_delta(streamlab: Lab, call: Any) -> None:
    """The counts of `message_delta` are totals: they take the place of those of `message_start`, and are not added to them."""
    streamlab.reply(message("An answer.", usage=USED))
    start, end = call()
    assert start["input_tokens"] == 2000
    assert start["output_tokens"] < 300
    assert end["output_tokens"] == 300
    assert cost({**start, **end}) == pytest.approx(0.0150)
    was_whole(streamlab.journal.only, events=streamlab.journal.only.events_sent)


def thoughts() -> list[tuple[str, str]]:
    with anthropic.Anthropic() as client, client.messages.stream(**ASKED) as stream:
        kinds = ("thinking", "signature", "text")
        return [(event.type, getattr(event, event.type)) for event in stream if event.type in kinds]


async def thoughts_later() -> list[tuple[str, str]]:
    async with anthropic.AsyncAnthropic() as client, client.messages.stream(**ASKED) as stream:
        kinds = ("thinking", "signature", "text")
        return [(event.type, getattr(event, event.type)) async for event in stream if event.type in kinds]


@both(thoughts, thoughts_later)
def test_thinking_deltas_come_before_the_text_and_end_with_a_signature(streamlab: Lab, call: Any) -> None:
    streamlab.reply([thinking(["17 and", " 25."], signature="c2lnbmVk"), text(["42", "."])])
    assert call() == [("thinking", "17 and"), ("thinking", " 25."), ("signature", "c2lnbmVk"), ("text", "42"), ("text", ".")]
    was_whole(streamlab.journal.only, events=12, helper="stream")


def tool_inputs() -> list[tuple[str, dict[str, Any]]]:
    """Return the calls of tools, as put together from their fragments."""
    calls, fragments = [], ""
    with anthropic.Anthropic() as client, client.messages.create(**ASKED, tools=[WEATHER], stream=True) as stream:
        for event in stream:
            if event.type == "content_block_start" and event.content_block.type == "tool_use":
                name, fragments = event.content_block.name, ""
            elif event.type == "content_block_delta" and event.delta.type == "input_json_delta":
                fragments += event.delta.partial_json
            elif event.type == "content_block_stop":
                calls.append((name, json.loads(fragments or "{}")))
    return calls


async def tool_inputs_later() -> list[tuple[str, dict[str, Any]]]:
    """Do the same with the helper's events, which bring what is known so far of the input as a mapping."""
    calls = []
    async with anthropic.AsyncAnthropic() as client, client.messages.stream(**ASKED, tools=[WEATHER]) as stream:
        async for event in stream:
            if event.type == "input_json":
                known: Any = event.snapshot
            elif event.type == "content_block_stop" and event.content_block.type == "tool_use":
                calls.append((event.content_block.name, dict(known)))
    return calls


@both(tool_inputs, tool_inputs_later)
def test_the_input_of_a_tool_is_joined_from_its_fragments(streamlab: Lab, call: Any) -> None:
    streamlab.reply([tool_use("get_weather", location="Paris"), tool_use("get_weather", location="東京")])
    assert call() == [("get_weather", {"location": "Paris"}), ("get_weather", {"location": "東京"})]
    assert streamlab.journal.only.request.tools == ["get_weather"]
    assert streamlab.journal.only.ended == "complete"


def get_weather(location: str) -> str:
    return f"18 degrees in {location}"


# region tool-loop
def tool_loop() -> str:
    messages: list[Any] = list(ASKED["messages"])
    with anthropic.Anthropic() as client:
        while True:
            with client.messages.stream(**{**ASKED, "messages": messages}, tools=[WEATHER]) as stream:
                answer = stream.get_final_message()
            if answer.stop_reason != "tool_use":
                return "".join(block.text for block in answer.content if block.type == "text")
            results = [
                {"type": "tool_result", "tool_use_id": block.id, "content": get_weather(**block.input)}
                for block in answer.content
                if block.type == "tool_use"
            ]
            messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": results}]


# endregion


async def tool_loop_later() -> str:
    messages: list[Any] = list(ASKED["messages"])
    async with anthropic.AsyncAnthropic() as client:
        while True:
            async with client.messages.stream(**{**ASKED, "messages": messages}, tools=[WEATHER]) as stream:
                answer = await stream.get_final_message()
            if answer.stop_reason != "tool_use":
                return "".join(block.text for block in answer.content if block.type == "text")
            results = [
                {"type": "tool_result", "tool_use_id": block.id, "content": get_weather(**block.input)}
                for block in answer.content
                if block.type == "tool_use"
            ]
            messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": results}]


@both(tool_loop, tool_loop_later)
@pytest.mark.streamlab(scenario="agent-loop")
def test_a_tool_loop_brings_back_the_result_and_ends(streamlab: Lab, call: Any) -> None:
    assert call() == "It is 18 degrees and sunny in San Francisco."
    first, second = streamlab.journal
    assert (first.rule, second.rule) == ("calls the tool", "answers with the result")
    question, called, result = second.request.messages
    assert question == {"role": "user", "content": "Hello"}
    assert [block["type"] for block in called["content"]] == ["thinking", "text", "tool_use"]
    assert called["content"][0]["signature"]
    assert result["content"] == [
        {"type": "tool_result", "tool_use_id": called["content"][2]["id"], "content": "18 degrees in San Francisco"}
    ]


class Lighthouse(BaseModel):
    name: str
    height_m: int
    colours: list[str]


def structured() -> tuple[Lighthouse | None, list[Any]]:
    with anthropic.Anthropic() as client, client.messages.stream(**ASKED, output_format=Lighthouse) as stream:
        partial = [event.parsed_snapshot() for event in stream if event.type == "text"]
        return stream.get_final_message().parsed_output, partial


async def structured_later() -> tuple[Lighthouse | None, list[Any]]:
    async with anthropic.AsyncAnthropic() as client, client.messages.stream(**ASKED, output_format=Lighthouse) as stream:
        partial = [event.parsed_snapshot() async for event in stream if event.type == "text"]
        return (await stream.get_final_message()).parsed_output, partial


@both(structured, structured_later)
def test_a_parsed_stream_gives_the_object_and_its_beginnings(streamlab: Lab, call: Any) -> None:
    streamlab.reply(text(['{"name": "Jed', 'dah Light", "height_m": 133, ', '"colours": ["white"]}']))
    parsed, partial = call()
    assert parsed == Lighthouse(name="Jeddah Light", height_m=133, colours=["white"])
    assert partial == [{"name": "Jed"}, {"name": "Jeddah Light", "height_m": 133}, parsed.model_dump()]
    asked = streamlab.journal.only.request.data["output_config"]["format"]
    assert (asked["type"], sorted(asked["schema"]["properties"])) == ("json_schema", ["colours", "height_m", "name"])


def parsed_at_once() -> Lighthouse | None:
    with anthropic.Anthropic() as client:
        return client.messages.parse(**ASKED, output_format=Lighthouse).parsed_output


async def parsed_at_once_later() -> Lighthouse | None:
    async with anthropic.AsyncAnthropic() as client:
        return (await client.messages.parse(**ASKED, output_format=Lighthouse)).parsed_output


@both(parsed_at_once, parsed_at_once_later)
@pytest.mark.streamlab(scenario="structured-output")
def test_structured_output_without_a_stream(streamlab: Lab, call: Any) -> None:
    assert call() == Lighthouse(name="Jeddah Light", height_m=133, colours=["white"])
    request = streamlab.journal.only.request
    assert (request.stream, request.data["output_config"]["format"]["type"]) == (False, "json_schema")


def beta_message() -> tuple[str, str]:
    with anthropic.Anthropic() as client, client.beta.messages.stream(**ASKED, betas=["context-1m-2025-08-07"]) as stream:
        return "".join(stream.text_stream), type(stream.get_final_message()).__name__.partition("[")[0]


async def beta_message_later() -> tuple[str, str]:
    async with (
        anthropic.AsyncAnthropic() as client,
        client.beta.messages.stream(**ASKED, betas=["context-1m-2025-08-07"]) as stream,
    ):
        said = "".join([piece async for piece in stream.text_stream])
        return said, type(await stream.get_final_message()).__name__.partition("[")[0]


@both(beta_message, beta_message_later)
@pytest.mark.streamlab(scenario="hello")
def test_beta_messages(streamlab: Lab, call: Any) -> None:
    assert call() == ("Hello from streamlab.", "ParsedBetaMessage")
    was_whole(streamlab.journal.only, events=8, helper="stream")
    assert streamlab.journal.only.request.header("anthropic-beta") == "context-1m-2025-08-07"


def tool_runner() -> list[str]:
    @anthropic.beta_tool(name="get_weather")
    def weather(location: str) -> str:
        """Tell the weather."""
        return get_weather(location)

    with anthropic.Anthropic() as client:
        runner = client.beta.messages.tool_runner(**ASKED, tools=[weather], stream=True)
        return ["".join(stream.text_stream) for stream in runner]


async def tool_runner_later() -> list[str]:
    @anthropic.beta_async_tool(name="get_weather")
    async def weather(location: str) -> str:
        """Tell the weather."""
        return get_weather(location)

    async with anthropic.AsyncAnthropic() as client:
        runner = client.beta.messages.tool_runner(**ASKED, tools=[weather], stream=True)
        return ["".join([piece async for piece in stream.text_stream]) async for stream in runner]


@both(tool_runner, tool_runner_later)
@pytest.mark.streamlab(scenario="agent-loop")
def test_the_tool_runner_of_beta_messages_sends_only_what_is_new(streamlab: Lab, call: Any) -> None:
    """The server holds the conversation: the second request is the result of the tool, and the id of the answer before."""
    assert call() == ["Let me look.", "It is 18 degrees and sunny in San Francisco."]
    assert [call.rule for call in streamlab.journal] == ["calls the tool", "answers with the result"]
    ((only,), thread) = (streamlab.journal[1].request.data[key] for key in ("messages", "thread"))
    assert thread["type"] == "continue"
    assert "18 degrees in San Francisco" in json.dumps(only["content"])


def thread() -> list[str]:
    with anthropic.Anthropic() as client:
        held = client.beta.messages.thread(model=ASKED["model"], max_tokens=64)
        first = held.send({"role": "user", "content": "Hello"})
        with held.stream({"role": "user", "content": "And now?"}) as stream:
            return [first.content[0].text, "".join(stream.text_stream)]


async def thread_later() -> list[str]:
    async with anthropic.AsyncAnthropic() as client:
        held = client.beta.messages.thread(model=ASKED["model"], max_tokens=64)
        first = await held.send({"role": "user", "content": "Hello"})
        async with held.stream({"role": "user", "content": "And now?"}) as stream:
            return [first.content[0].text, "".join([piece async for piece in stream.text_stream])]


@both(thread, thread_later)
def test_a_thread_of_beta_messages_is_one_conversation(streamlab: Lab, call: Any) -> None:
    streamlab.reply("Second.", when={"turn": 2, "any_message": {"equals": "First."}})
    streamlab.reply("First.")
    assert call() == ["First.", "Second."]
    assert [len(call.request.messages) for call in streamlab.journal] == [1, 1]


def thread_after_reset(lab: Lab) -> str:
    with anthropic.Anthropic() as client:
        held = client.beta.messages.thread(model=ASKED["model"], max_tokens=64)
        held.send({"role": "user", "content": "Hello"})
        lab.reset()
        lab.reply("Second.", when={"turn": 2})
        return held.send({"role": "user", "content": "And now?"}).content[0].text


async def thread_after_reset_later(lab: Lab) -> str:
    async with anthropic.AsyncAnthropic() as client:
        held = client.beta.messages.thread(model=ASKED["model"], max_tokens=64)
        await held.send({"role": "user", "content": "Hello"})
        await asyncio.to_thread(lab.reset)
        await asyncio.to_thread(lab.reply, "Second.", when={"turn": 2})
        return (await held.send({"role": "user", "content": "And now?"})).content[0].text


@both(thread_after_reset, thread_after_reset_later)
def test_a_thread_that_is_lost_is_sent_again_as_a_whole(streamlab: Lab, call: Any) -> None:
    streamlab.reply("First.")
    assert call(streamlab) == "Second."
    assert streamlab.journal.statuses == (404, 200)
    assert [len(call.request.messages) for call in streamlab.journal] == [1, 3]


QUESTION = {"model": ASKED["model"], "messages": [{"role": "user", "content": "Hello " * 100}]}


def tokens() -> int:
    with anthropic.Anthropic() as client:
        return client.messages.count_tokens(**QUESTION).input_tokens


async def tokens_later() -> int:
    async with anthropic.AsyncAnthropic() as client:
        return (await client.messages.count_tokens(**QUESTION)).input_tokens


@both(tokens, tokens_later)
def test_count_tokens(streamlab: Lab, call: Any) -> None:
    """The count is an estimate; what counts is that it follows the question."""
    assert 100 <= call() <= 300
    (asked,) = streamlab.journal
    assert (asked.request.method, asked.request.path, asked.status) == ("POST", "/v1/messages/count_tokens", 200)


def models() -> tuple[list[str], str]:
    with anthropic.Anthropic() as client:
        return [model.id for model in client.models.list(limit=2)], client.models.retrieve("claude-sonnet-4-6").display_name


async def models_later() -> tuple[list[str], str]:
    async with anthropic.AsyncAnthropic() as client:
        listed = [model.id async for model in client.models.list(limit=2)]
        return listed, (await client.models.retrieve("claude-sonnet-4-6")).display_name


@both(models, models_later)
def test_models_are_listed_page_by_page(streamlab: Lab, call: Any) -> None:
    listed, name = call()
    assert (len(listed), len(set(listed)), name) == (4, 4, "Claude Sonnet 4.6")
    assert [call.request.path for call in streamlab.journal] == ["/v1/models"] * 2 + ["/v1/models/claude-sonnet-4-6"]
    assert streamlab.journal[1].request.query == f"limit=2&after_id={listed[1]}"


def raw_response() -> tuple[str, str, list[str]]:
    with anthropic.Anthropic() as client:
        response = client.messages.with_raw_response.create(**ASKED, stream=True)
        with response.parse() as stream:
            return response.headers["request-id"], response.headers["content-type"], [event.type for event in stream]


async def raw_response_later() -> tuple[str, str, list[str]]:
    async with anthropic.AsyncAnthropic() as client:
        response = await client.messages.with_raw_response.create(**ASKED, stream=True)
        async with await _awaited(response.parse()) as stream:
            kinds = [event.type async for event in stream]
            return response.headers["request-id"], response.headers["content-type"], kinds


async def _awaited(value: Any) -> Any:
    return await value if asyncio.iscoroutine(value) else value


@both(raw_response, raw_response_later)
@pytest.mark.streamlab(scenario="hello")
def test_with_raw_response_gives_the_headers_and_the_stream(streamlab: Lab, call: Any) -> None:
    request_id, content_type, kinds = call()
    assert request_id.startswith("req_")
    assert content_type.startswith("text/event-stream")
    assert kinds == EVENTS_OF_HELLO
    was_whole(streamlab.journal.only, events=8)
    assert streamlab.journal.only.request.header("x-stainless-raw-response") is not None


def streaming_response() -> tuple[str, list[str]]:
    with anthropic.Anthropic() as client, client.messages.with_streaming_response.create(**ASKED, stream=True) as response:
        return response.headers["request-id"], list(response.iter_lines())


async def streaming_response_later() -> tuple[str, list[str]]:
    async with (
        anthropic.AsyncAnthropic() as client,
        client.messages.with_streaming_response.create(**ASKED, stream=True) as response,
    ):
        return response.headers["request-id"], [line async for line in response.iter_lines()]


@both(streaming_response, streaming_response_later)
@pytest.mark.streamlab(scenario="hello")
def test_with_streaming_response_gives_the_lines_on_the_wire(streamlab: Lab, call: Any) -> None:
    request_id, lines = call()
    assert request_id.startswith("req_")
    named = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert [name for name in named if name != "ping"] == EVENTS_OF_HELLO
    data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert [each["type"] for each in data] == named
    was_whole(streamlab.journal.only, events=8)
