"""The types that users see, checked by `mypy --strict` and never run.

An ignored error below is a use that has to stay an error: mypy complains about an ignore that is not needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, assert_type

import pytest
from anthropic import Anthropic, AsyncAnthropic

import streamlab
from streamlab import (
    Block,
    Call,
    Cut,
    ErrorEvent,
    FaultError,
    Journal,
    Lab,
    PlaceError,
    RemoteHost,
    Request,
    ScenarioError,
    ServerError,
    Stall,
    StreamlabError,
    VerificationError,
    error,
    events,
    http,
    message,
    serve,
    sse,
    text,
    thinking,
    tool_use,
)
from streamlab.core.replies import Reply, Rule
from streamlab.core.sources import Content, Events, Http, Recorded
from streamlab.net.lab import Serving


def check_version() -> None:
    """Pin that the version is a text, and that a name that does not exist is an error."""
    assert_type(streamlab.__version__, str)
    _ = streamlab.nothing  # type: ignore[attr-defined]


def check_remote_host() -> None:
    """Its labs are those of any other server."""
    assert_type(RemoteHost("http://127.0.0.1:4010", token="secret").lab(), Lab)


def check_constructors() -> None:
    """Each constructor says what it makes."""
    assert_type(error("overloaded"), Reply)
    assert_type(error(529, "Too much.", times=2, headers={"retry-after": "1", "x-should-retry": None}), Reply)
    assert_type(text("Hi"), Block)
    assert_type(text(["H", "i"], citations=[{"type": "char_location"}]), Block)
    assert_type(thinking("Hm.", signature="abc"), Block)
    assert_type(tool_use("get_weather", location="SF", days=3), Block)
    assert_type(message("Hi", tool_use("get_weather"), {"type": "new"}, stop_reason="end_turn"), Content)
    assert_type(events("message_start", "ping", {"type": "message_stop"}), Events)
    assert_type(http(502, {"content-type": "text/html"}, "<h1>Bad gateway</h1>"), Http)
    assert_type(sse("recorded.sse"), Recorded)
    text(3)  # type: ignore[arg-type]
    tool_use(name=3)  # type: ignore[call-arg]
    error()  # type: ignore[call-arg]


def check_faults() -> None:
    """Faults take their main value by position and their place by name."""
    assert_type(Cut("reset", at="tool_use char 12"), Cut)
    assert_type(Stall("2s", before="delta 3"), Stall)
    assert_type(Stall(0.5, after="event 5"), Stall)
    assert_type(ErrorEvent("overloaded", after="delta 3"), ErrorEvent)
    Cut("reset", "delta 3")  # type: ignore[call-arg]
    Cut("reset", during="delta 3")  # type: ignore[call-arg]


def answer(request: Request) -> str:
    """Answer with what was asked: a reply may be a function of the request."""
    return f"You said {request.last_user}, with {request.model}."


def check_lab(lab: Lab) -> None:
    """`reply` takes everything that can be a source, and faults as objects or as mappings."""
    assert_type(lab.url, str)
    assert_type(lab.client, Anthropic)
    assert_type(lab.async_client, AsyncAnthropic)
    assert_type(lab.reply("Hi"), Rule)
    lab.reply(error("overloaded"), times=2)
    lab.reply(
        tool_use("get_weather", location="SF"), faults=[Cut("fin", after="tool_use delta 3"), {"stall": "2s", "at": "50%"}]
    )
    lab.reply([text("Hi"), tool_use("get_weather")], pace="50/s", when={"last_user": "weather"}, headers={"x-a": "b"})
    lab.reply({"text": "Hi"}, pace={"first": "400ms", "rate": "50/s"})
    lab.reply(message("Hi"))
    lab.reply(events("message_start"))
    lab.reply(http(404))
    lab.reply(sse("recorded.sse"))
    lab.reply(answer)
    lab.reply(lambda request: [tool_use("echo", said=request.last_user)])
    lab.reply()  # type: ignore[call-arg]
    lab.reply("Hi", 2)  # type: ignore[call-arg, arg-type]
    lab.reply(3)  # type: ignore[arg-type]
    assert_type(lab.load("hello", "scenario.yaml"), None)
    assert_type(lab.reset(), None)
    assert_type(lab.verify(), None)


def check_journal(lab: Lab) -> None:
    """Pin that the journal is a sequence of calls."""
    assert_type(lab.journal, Journal)
    assert_type(lab.journal[0], Call)
    assert_type(lab.journal[:2], Sequence[Call])
    assert_type([call.status for call in lab.journal], list[int | None])
    assert_type(lab.journal.problems, tuple[str, ...])


def check_call(call: Call) -> None:
    """Pin what a call says, and that it is read only."""
    assert_type(call.number, int)
    assert_type(call.rule, str | None)
    assert_type(call.attempt, int)
    assert_type(call.events_sent, int)
    assert_type(call.ended, str | None)
    assert_type(call.ended_by, Literal["server", "client"] | None)
    assert_type(call.duration, float | None)
    assert_type(call.request, Request)
    call.status = 200  # type: ignore[misc]


def check_request(request: Request) -> None:
    """Pin the questions that a reply may ask of its request."""
    assert_type(request.method, str)
    assert_type(request.header("x-api-key"), str | None)
    assert_type(request.body, bytes)
    assert_type(request.json, Any)
    assert_type(request.model, str | None)
    assert_type(request.stream, bool)
    assert_type(request.system, str)
    assert_type(request.last_user, str)
    assert_type(request.tools, list[str])
    assert_type(request.tool_results, list[str])
    assert_type(request.turn, int)


def check_serve() -> None:
    """`with` gives the lab."""
    assert_type(serve("hello", "tool-use", port=4010, pace="20/s", seed=7, validate=False), Serving)
    with serve() as lab:
        assert_type(lab, Lab)


async def check_serve_async() -> None:
    """`async with` gives the lab as well."""
    async with serve("hello") as lab:
        assert_type(lab, Lab)


def check_errors(error: ScenarioError) -> None:
    """Errors can be caught by whose fault they are."""
    kinds: list[type[StreamlabError]] = [ScenarioError, ServerError, VerificationError]
    parts: list[type[ScenarioError]] = [PlaceError, FaultError]
    failure: type[AssertionError] = VerificationError
    assert_type(error.problem, str)
    assert_type(error.hint, str)
    assert_type(error.key, tuple[str | int, ...])
    assert_type(error.line, int | None)
    del kinds, parts, failure


@pytest.mark.streamlab(scenario="overloaded-then-fine")
def test_with_the_fixture(streamlab: Lab) -> None:
    """The fixture's type is public."""
    streamlab.reply("Hello from streamlab.")
    assert_type(streamlab.journal[0].status, int | None)
