"""How the mock differs from the API: each difference is a test that shows it.

`docs/explanation/deviations.md` is made of these docstrings: the first line is the difference, what follows says more.
"""

from __future__ import annotations

import json
import re
import ssl
import statistics
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, TypeVar

import pytest
from raw_client import MESSAGE, Answered, RawClient, request

import streamlab
from streamlab import Cut, ErrorEvent, Lab, Stall, error, events, http, message, text, thinking, tool_use
from streamlab.core.api_headers import ORGANIZATION_ID
from streamlab.core.authoring import as_reply, as_source
from streamlab.core.events import MAX_PADDING, PING, dump
from streamlab.core.exchange import Request
from streamlab.core.fragments import text_fragments
from streamlab.core.pacing import INSTANT, Pace, schedule
from streamlab.core.plan import Plan
from streamlab.core.sse import Event, decode

TEST = TypeVar("TEST", bound=Callable[..., None])
MARKED: list[Callable[..., None]] = []
"""The tests that stand on the page."""

COUNT = "One two three four five six seven eight."
JSON: dict[str, Any] = {**MESSAGE, "stream": False}
MODELS = ("claude-3-5-haiku-20241022", "claude-opus-4-6", "claude-sonnet-4-6", "claude-sonnet-5", "some-other-model")
TOOL = {"name": "get_weather", "input_schema": {"type": "object"}}


def deviation(heading: str) -> Callable[[TEST], TEST]:
    """Mark a test as one that shows how the mock differs: its docstring stands on the page, under this heading."""

    def mark(test: TEST) -> TEST:
        assert heading
        MARKED.append(test)
        return test

    return mark


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Give a lab without replies, which nobody verifies."""
    serving = streamlab.serve()
    yield serving.start()
    serving.stop()


def ask(lab: Lab, path: str = "/v1/messages", **asked: Any) -> Answered:
    """Return the answer to a request on a connection of its own; `asked` is its method, its body and its headers."""
    with RawClient(lab.url) as client:
        return client.ask(request(path, **asked))


def plan(source: Any, body: dict[str, Any] | None = None, seed: int = 0) -> Plan:
    """Return the answer that is made of a source."""
    return as_source(source).plan(Request(body=json.dumps(body or MESSAGE).encode()), Random(seed))


def told(frames: Plan | Answered) -> list[Event]:
    """Return the events of a stream, pings included."""
    all_frames = frames.frames if isinstance(frames, Plan) else decode(frames.body)
    return [frame.event for frame in all_frames if frame.event is not None]


def deltas(answered: Plan | Answered, kind: str = "text") -> list[str]:
    """Return what the deltas of a stream say."""
    found = [event["delta"] for event in told(answered) if event["type"] == "content_block_delta"]
    return [delta[kind] for delta in found if kind in delta]


# What it understands


@deviation("It understands nothing")
@pytest.mark.parametrize(
    "asked",
    [
        {"max_tokens": 1},
        {"stop_sequences": ["two"]},
        {"temperature": 0.0, "top_k": 1},
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "get_weather"}},
        {"max_tokens": 2048, "thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"system": "Answer in French."},
    ],
    ids=lambda asked: next(reversed(asked)),
)
def test_what_is_asked_for_is_not_obeyed(lab: Lab, asked: dict[str, Any]) -> None:
    """The answer is what the scenario says, whatever is asked.

    `max_tokens`, `stop_sequences`, `tool_choice`, `thinking` and `temperature` are read to be checked, never obeyed.
    """
    lab.reply(COUNT)
    answered = ask(lab, body={**JSON, **asked}).json
    assert answered["content"] == [{"type": "text", "text": COUNT}]
    assert answered["stop_reason"] == "end_turn"


@deviation("It understands nothing")
def test_a_tool_that_is_called_need_not_be_offered(lab: Lab) -> None:
    """A tool may be called that the request does not offer, with any input.

    Nothing compares the input with the tool's schema, not even with `strict: true`.
    """
    strict = {**TOOL, "strict": True, "input_schema": {"type": "object", "properties": {}, "additionalProperties": False}}
    for tools in ([], [strict]):
        lab.reply(tool_use("get_weather", city="SF"))
        assert ask(lab, body={**JSON, "tools": tools}).json["content"][0]["input"] == {"city": "SF"}


@deviation("It understands nothing")
def test_tools_of_the_server_do_nothing(lab: Lab) -> None:
    """Tools of the server (search, code execution) do nothing: their blocks come if you write them."""
    lab.reply(COUNT)
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    assert [block["type"] for block in ask(lab, body={**JSON, "tools": tools}).json["content"]] == ["text"]


@deviation("It understands nothing")
def test_a_tool_that_wants_its_input_sooner_does_not_get_it(lab: Lab) -> None:
    """`eager_input_streaming` of a tool in the request changes nothing: write `eager: true` beside the call."""
    call = tool_use("get_weather", city="The very long name of a city in Wales, and then some more of it")
    lab.reply(call)
    answered = ask(lab, body={**MESSAGE, "tools": [{**TOOL, "eager_input_streaming": True}]})
    assert max(map(len, deltas(answered, "partial_json"))) <= 13


@deviation("It understands nothing")
def test_a_signature_proves_nothing(lab: Lab) -> None:
    """Signatures and encrypted contents prove nothing: a made-up one that is sent back is taken.

    A signature that is made has 248 to 760 characters; the API's are sometimes longer.
    """
    sent_back = {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "made up"}]}
    lab.reply(COUNT)
    messages = [*MESSAGE["messages"], sent_back, {"role": "user", "content": "Go on."}]
    assert ask(lab, body={**MESSAGE, "messages": messages}).status == 200
    made = [deltas(plan(thinking("Hm."), seed=seed), "signature")[0] for seed in range(500)]
    assert 248 <= min(map(len, made)) < 300
    assert 700 < max(map(len, made)) <= 760


@deviation("It understands nothing")
def test_any_model_exists(lab: Lab) -> None:
    """Any model exists, in a request for a message and at `/v1/models/NAME`."""
    lab.reply(COUNT)
    assert ask(lab, body={**JSON, "model": "no-such-model"}).json["model"] == "no-such-model"
    found = ask(lab, "/v1/models/no-such-model", method="GET")
    assert (found.status, found.json["id"]) == (200, "no-such-model")


@deviation("It understands nothing")
def test_the_models_are_a_fixed_catalogue(lab: Lab) -> None:
    """`GET /v1/models` lists a fixed catalogue, all of one date, with nothing but type, name and date."""
    first, second = (ask(lab, "/v1/models", method="GET").json["data"] for _ in range(2))
    assert first == second
    assert {key for each in first for key in each} == {"type", "id", "display_name", "created_at"}
    assert len({each["created_at"] for each in first}) == 1


# Numbers


@deviation("Numbers are estimates")
def test_tokens_are_a_quarter_of_the_characters(lab: Lab) -> None:
    """Tokens are counted as a quarter of the characters of the JSON that is sent.

    So it is in `usage` and by `count_tokens`. Write `usage` where a test looks at them.
    """
    lab.reply(COUNT)
    usage = ask(lab, body=JSON).json["usage"]
    asked = len(dump(["", JSON["messages"], []])) // 4
    assert usage["input_tokens"] == asked
    assert usage["output_tokens"] == len(dump([{"type": "text", "text": COUNT}])) // 4
    assert ask(lab, "/v1/messages/count_tokens", body=JSON).json == {"input_tokens": asked}


@deviation("Numbers are estimates")
def test_the_first_count_of_output_is_one() -> None:
    """`usage` in `message_start` has `output_tokens: 1`, or 0 if the message has none at all; the API's is any small number."""
    for output, first in ((None, 1), (503, 1), (0, 0)):
        usage = {} if output is None else {"output_tokens": output}
        start, *_ = told(plan(message(COUNT, usage=usage)))
        assert start["message"]["usage"]["output_tokens"] == first


@deviation("Numbers are estimates")
def test_caches_are_never_used(lab: Lab) -> None:
    """Caches are never used, and `service_tier` is `standard`, whatever is asked, unless `usage` says so."""
    cached = [{"type": "text", "text": "Very long.", "cache_control": {"type": "ephemeral"}}]
    for _ in range(2):
        lab.reply(COUNT)
        usage = ask(lab, body={**JSON, "system": cached, "service_tier": "auto", "inference_geo": "us"}).json["usage"]
        assert usage["cache_creation_input_tokens"] == usage["cache_read_input_tokens"] == 0
        assert set(usage["cache_creation"].values()) == {0}
        assert (usage["service_tier"], usage["inference_geo"]) == ("standard", "not_available")


@deviation("Numbers are estimates")
def test_the_rarer_counts_are_left_out() -> None:
    """`output_tokens_details`, `iterations` and `server_tool_use` are left out, unless `usage` has them."""
    blocks = ({"thinking": "Hm."}, {"server_tool_use": {"name": "web_search", "input": {}}}, {"compaction": "So far."})
    rarer = {"output_tokens_details", "iterations", "server_tool_use"}
    assert rarer.isdisjoint(told(plan(message(*blocks)))[-2]["usage"])
    assert rarer <= set(told(plan(message(*blocks, usage={name: {} for name in rarer})))[-2]["usage"])


@deviation("Numbers are estimates")
def test_the_rate_limits_are_fixed(lab: Lab) -> None:
    """Rate limits are fixed: each answer counts itself alone, and the time of the reset is always the same."""
    lab.reply(COUNT, times=20)
    answers = [ask(lab).headers for _ in range(20)]
    assert {each["anthropic-ratelimit-requests-remaining"] for each in answers} == {"3999"}
    families = ("requests", "tokens", "input-tokens", "output-tokens")
    resets = {each[f"anthropic-ratelimit-{family}-reset"] for each in answers for family in families}
    assert resets == {"2026-01-01T00:00:00Z"}


@deviation("Numbers are estimates")
def test_an_error_429_says_that_nothing_was_used(lab: Lab) -> None:
    """An error 429 has those headers too, with every token remaining, and no `retry-after` unless you set one."""
    lab.reply(error("rate_limit"))
    headers = ask(lab).headers
    for family in ("tokens", "input-tokens", "output-tokens"):
        assert headers[f"anthropic-ratelimit-{family}-remaining"] == headers[f"anthropic-ratelimit-{family}-limit"]
    assert "retry-after" not in headers
    lab.reply(error("rate_limit", headers={"retry-after": "17"}))
    assert ask(lab).headers["retry-after"] == "17"


@deviation("Numbers are estimates")
def test_the_organization_is_fixed(lab: Lab) -> None:
    """The organization is always the same."""
    lab.reply(COUNT)
    assert ask(lab, headers={"x-api-key": "mine"}).headers["anthropic-organization-id"] == ORGANIZATION_ID


# Streams


@deviation("Streams")
def test_nothing_takes_time() -> None:
    """Answers go out at once, unless a `pace` is given."""
    answer = plan(COUNT)
    assert as_reply(COUNT).pace is None
    assert {due for due, _ in schedule(answer, INSTANT, Random(0))} == {0.0}
    assert len({due for due, _ in schedule(answer, Pace(rate=50), Random(0))}) == len(answer.frames)


@deviation("Streams")
@pytest.mark.parametrize("model", MODELS)
def test_short_texts_are_cut_finer(model: str) -> None:
    """Short texts are cut finer than a model would: into about eight deltas or more, if there are that many words."""
    assert 7 <= len(deltas(plan(COUNT, {**MESSAGE, "model": model}))) <= 9
    assert len(text_fragments("It is 18 degrees and sunny in San Francisco, with a light wind.", model)) >= 7


@deviation("Streams")
@pytest.mark.parametrize(("model", "median"), list(zip(MODELS, (5, 7, 15, 68, 9), strict=True)))
def test_longer_texts_are_cut_around_a_median(model: str, median: int) -> None:
    """Longer texts are cut at the ends of words, around the median of the model that is asked for, or 9 characters.

    The medians of six families of models were measured; 9 is for all others.
    """
    fragments = text_fragments("It is 18 degrees and sunny in San Francisco, with a light wind. " * 100, model)
    assert 0.75 * median <= statistics.median(map(len, fragments)) <= 1.25 * median
    assert all(fragment[0] == " " for fragment in fragments[1:])


@deviation("Streams")
@pytest.mark.parametrize("model", MODELS)
def test_a_list_of_texts_gives_exactly_its_deltas(model: str) -> None:
    """A list of texts comes in exactly these deltas, long, short or empty; the API's are never empty."""
    pieces = ["A", "", "very long piece " * 50, "\n"]
    assert deltas(plan(text(pieces), {**MESSAGE, "model": model})) == pieces


@deviation("Streams")
def test_there_is_one_ping_or_none() -> None:
    """A scripted stream has one ping or none, where the API sometimes sends several."""
    counts = [[event["type"] for event in told(plan(COUNT, seed=seed))].count("ping") for seed in range(200)]
    assert set(counts) == {0, 1}


@deviation("Streams")
def test_a_long_silence_has_a_ping_each_fifteen_seconds() -> None:
    """A long silence has a ping each 15 s, a stall only with `pings: true`; the API's are reported to come each 15 to 30 s."""
    waiting, slow = events("message_start", {"wait": "70s"}, "message_delta"), message(COUNT, plain=True)
    for source, pace in ((waiting, INSTANT), (slow, Pace(rate=1 / 70))):
        timed = schedule(plan(source), pace, Random(0))
        assert [due for due, frame in timed if frame.raw == PING.raw][:5] in ([15, 30, 45, 60], [15, 30, 45, 60, 85])
    stalled = Stall("70s", after="message_start").apply(plan(message(COUNT, plain=True)), Random(0))
    assert PING.raw not in [frame.raw for _, frame in schedule(stalled, INSTANT, Random(0))]


@deviation("Streams")
def test_each_event_is_a_chunk(lab: Lab) -> None:
    """Each event is a chunk of its own. On the API about one read in five holds several."""
    lab.reply(COUNT)
    answered = ask(lab)
    assert answered.chunks == [frame.raw for frame in decode(answered.body)]


@deviation("Streams")
def test_after_an_error_event_the_connection_stays(lab: Lab) -> None:
    """After an `error` event in mid-stream the body ends cleanly, and the connection stays open."""
    lab.reply(COUNT, faults=[ErrorEvent("overloaded", after="delta 3")])
    lab.reply(COUNT)
    with RawClient(lab.url) as client:
        broken = client.ask()
        assert broken.ending == "complete"
        assert told(broken)[-1]["type"] == "error"
        assert deltas(client.ask()) != []


@deviation("Streams")
def test_the_same_request_gets_the_same_ids(lab: Lab) -> None:
    """The same requests get the same bytes and ids in each run, but for `date`; the API's are never the same.

    They depend on the scenario's `seed`, the rule, the request, and how often it came before.
    """
    call = tool_use("get_weather", city="SF")
    lab.reply(call, times=2)
    first, again = (_undated(ask(lab)) for _ in range(2))
    assert first != again
    with streamlab.serve() as other:
        other.reply(call)
        assert _undated(ask(other)) == first


def _undated(answered: Answered) -> bytes:
    assert "date" in answered.headers
    return re.sub(rb"(?m)^date: .*$", b"date:", answered.raw)


@deviation("Streams")
def test_events_are_sent_as_they_are_written(lab: Lab) -> None:
    """`events` are sent as written, legal or not: `streamlab check` says which."""
    lab.reply(events("message_stop", {"type": "weather_report"}, "content_block_stop", "message_start"))
    types = [event["type"] for event in told(ask(lab))]
    assert types == ["message_stop", "weather_report", "content_block_stop", "message_start"]


@deviation("Streams")
def test_a_plain_stream_has_no_padding_and_no_pings() -> None:
    """With `plain: true` there is no padding and no ping; without it there are both, as on the API."""
    for is_plain in (True, False):
        frames = [frame for seed in range(50) for frame in plan(message(COUNT, plain=is_plain), seed=seed).frames]
        padded = {len(found[1]) for frame in frames if (found := re.search(rb"( *)\}\n\n$", frame.raw))}
        assert padded == ({0} if is_plain else set(range(MAX_PADDING + 1)))
        assert (PING.raw in [frame.raw for frame in frames]) is not is_plain


# Transport


@deviation("Transport")
def test_http_2_is_not_spoken(lab: Lab) -> None:
    """HTTP/1.1 only: no HTTP/2, with or without an upgrade."""
    lab.reply(COUNT)
    upgrade = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMAAABkAAQAAP__"}
    answered = ask(lab, headers=dict(upgrade))
    assert answered.status == 200
    assert answered.raw.startswith(b"HTTP/1.1 200 ")
    with RawClient(lab.url) as client:
        client.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert client.socket.recv(100).startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))


@deviation("Transport")
def test_there_is_no_tls(lab: Lab) -> None:
    """No TLS. `strict-transport-security` is sent though the connection is not encrypted."""
    with RawClient(lab.url) as client, pytest.raises((ssl.SSLError, ConnectionError)):
        ssl.create_default_context().wrap_socket(client.socket, server_hostname="localhost")
    lab.reply(COUNT)
    assert "max-age" in ask(lab).headers["strict-transport-security"]


@deviation("Transport")
def test_nothing_is_compressed_unless_that_is_asked_for(lab: Lab) -> None:
    """No answer is compressed unless the reply says `gzip: true`, and then by gzip alone, whatever the client offers."""
    lab.reply(COUNT)
    assert "content-encoding" not in ask(lab, headers={"accept-encoding": "gzip, br, zstd"}).headers
    squeezed = as_reply(COUNT, gzip=True)
    for offered, coding in (("gzip, br, zstd", "gzip"), ("br, zstd", None), (None, None)):
        headers = () if offered is None else (("accept-encoding", offered),)
        answer = squeezed.plan(Request(headers=headers, body=json.dumps(MESSAGE).encode()), Random(0))
        assert answer.head.get("content-encoding") == coding


@deviation("Transport")
def test_json_has_a_length(lab: Lab) -> None:
    """JSON bodies have a `content-length`, and come in one piece."""
    for source in (COUNT, error("overloaded")):
        lab.reply(source)
        answered = ask(lab, body=JSON)
        assert answered.headers["content-length"] == str(len(answered.body))
        assert "transfer-encoding" not in answered.headers


_LEFT_OUT = (
    *("x-envoy-upstream-service-time", "vary", "via", "content-security-policy", "traceresponse", "server-timing"),
    *("set-cookie", "anthropic-workspace-id", "retry-after"),
)


@deviation("Transport")
def test_rarer_headers_are_left_out(lab: Lab) -> None:
    """Headers that only some of the API's answers have are left out.

    They are `x-envoy-upstream-service-time`, `vary` (but with gzip), `via`, `content-security-policy`, `traceresponse`,
    `server-timing`, `set-cookie`, `anthropic-workspace-id` and, on an answer 200, `retry-after`.
    """
    said = test_rarer_headers_are_left_out.__doc__ or ""
    assert re.findall(r"`([a-z-]+)`", said) == list(_LEFT_OUT)
    for body in (MESSAGE, JSON):
        lab.reply(COUNT)
        assert set(_LEFT_OUT).isdisjoint(ask(lab, body=body).headers)


@deviation("Transport")
def test_every_answer_comes_from_one_place(lab: Lab) -> None:
    """`cf-ray` always ends in `SJC`."""
    for source in (COUNT, error("overloaded")):
        lab.reply(source)
        assert ask(lab).headers["cf-ray"].endswith("-SJC")


# Requests


@deviation("Requests")
@pytest.mark.parametrize("key", [None, "", "nonsense"])
def test_any_key_will_do(lab: Lab, key: str | None) -> None:
    """Any key is accepted, or none, unless the scenario demands one with `api_key`."""
    lab.reply(COUNT)
    assert ask(lab, headers={"x-api-key": key}).status == 200


@deviation("Requests")
@pytest.mark.parametrize(
    "asked",
    [
        {"max_tokens": 10**9},
        {"a_field_that_is_unknown": True},
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "no_such_tool"}},
        {"service_tier": "no such tier"},
        {"messages": [{"role": "user", "content": "word " * 1_500_000}]},
        {"messages": [*MESSAGE["messages"], {"role": "assistant", "content": "I begin, and you go "}]},
    ],
    ids=["max_tokens", "unknown field", "tool_choice", "service_tier", "prompt too long", "prefill"],
)
def test_not_every_bad_request_is_refused(lab: Lab, asked: dict[str, Any]) -> None:
    """Not every request that the API refuses is refused.

    Checked are the fields of a request that everybody uses: their types, what is required, roles, empty contents, the schemas
    of tools, the budget of thinking, and that calls of tools are answered. Not checked are the limits of models (the context,
    the most `max_tokens`, whether the answer may be begun), what a choice of tools names, and fields that are not known, which
    are let through.
    """
    lab.reply(COUNT)
    assert ask(lab, body={**MESSAGE, **asked}).status == 200


@deviation("Requests")
@pytest.mark.parametrize("name", ["anthropic-version", "anthropic-beta"])
def test_versions_and_betas_are_not_looked_at(lab: Lab, name: str) -> None:
    """Any `anthropic-version` and any `anthropic-beta` will do, and no feature needs its beta."""
    lab.reply({"mcp_tool_use": {"name": "ask", "input": {}, "server_name": "wiki"}})
    assert ask(lab, headers={name: "nonsense"}).status == 200


@deviation("Requests")
def test_a_page_of_any_origin_may_call(lab: Lab) -> None:
    """A page of any origin may call. The API asks for `anthropic-dangerous-direct-browser-access`."""
    lab.reply(COUNT)
    answered = ask(lab, headers={"origin": "https://page.example"})
    assert (answered.status, answered.headers["access-control-allow-origin"]) == (200, "*")


@deviation("Requests")
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/messages/batches"), ("GET", "/v1/files"), ("POST", "/v1/complete"), ("GET", "/v1/organizations/me")],
)
def test_other_endpoints_are_not_mocked(lab: Lab, method: str, path: str) -> None:
    """Messages, models and the count of tokens are mocked; every other endpoint is a miss, unless a rule has its `path`.

    Batches and files are such endpoints.
    """
    lab.reply(COUNT)
    assert ask(lab, path, method=method).status == 404
    lab.reply(http(body={"data": []}), when={"path": path, "method": method})
    assert ask(lab, path, method=method).json == {"data": []}


# Only in the mock


@deviation("Only in the mock")
def test_a_miss_says_that_it_is_ours(lab: Lab) -> None:
    """A request that no rule matches gets a 404 whose text begins with `streamlab:`, and `x-should-retry: false`."""
    _assert_ours(ask(lab), 404)


@deviation("Only in the mock")
def test_a_fault_without_its_place_says_that_it_is_ours(lab: Lab) -> None:
    """A reply that cannot be made, as when a fault's place does not come, gets a 500 like it."""
    lab.reply(COUNT, faults=[Cut(after="delta 3")])
    _assert_ours(ask(lab, body=JSON), 500)


def _assert_ours(answered: Answered, status: int) -> None:
    assert answered.status == status
    assert answered.json["error"]["message"].startswith("streamlab: ")
    assert answered.headers["x-should-retry"] == "false"


@deviation("Only in the mock")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_root_answers(lab: Lab, method: str) -> None:
    """`GET /` and `HEAD /` answer 200."""
    assert ask(lab, "/", method=method).status == 200


@deviation("Only in the mock")
def test_health_is_told(lab: Lab) -> None:
    """`GET /_streamlab/health` says that the server is up."""
    assert ask(lab, "/_streamlab/health", method="GET").json["status"] == "ok"


def test_every_test_here_is_on_the_page() -> None:
    """Each but this one is marked, so that its docstring stands there."""
    tests = {value for name, value in globals().items() if name.startswith("test_")}
    assert tests - set(MARKED) == {test_every_test_here_is_on_the_page}
