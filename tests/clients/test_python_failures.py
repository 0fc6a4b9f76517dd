# ruff: noqa: D103 - the names say it
"""What the Python SDK does when something breaks, what the guides say to do, and what the journal saw of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from outcomes_python import CREATE, OUTCOMES, STREAM, VERSION
from python import patterns, showing
from python.calls import ASKED, both

from streamlab import Cut, Journal, Lab, Stall, error, message, text

PROGRAMS = Path(__file__).parent / "python"
LONG = 30.0
"""Seconds after which what should go on has failed."""
# region counting
COUNTING = text(["One", " two", " three", " four."])
# endregion


def ask() -> str:
    with anthropic.Anthropic() as client, client.messages.stream(**ASKED) as stream:
        return stream.get_final_text()


async def ask_later() -> str:
    async with anthropic.AsyncAnthropic() as client, client.messages.stream(**ASKED) as stream:
        return await stream.get_final_text()


# Before the stream


@both(ask, ask_later)
@pytest.mark.parametrize(
    ("kind", "raised"),
    [("authentication", anthropic.AuthenticationError), ("permission", anthropic.PermissionDeniedError)],
    ids=["401", "403"],
)
def test_a_refused_key_is_raised_at_once(streamlab: Lab, call: Any, kind: str, raised: type[anthropic.APIStatusError]) -> None:
    streamlab.reply(error(kind))
    with pytest.raises(raised) as caught:
        call()
    assert caught.value.body["error"]["type"] == f"{kind}_error"  # type: ignore[index]
    assert streamlab.journal.statuses == (caught.value.status_code,)


@both(ask, ask_later)
@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("rate_limit", anthropic.RateLimitError),
        ("api", anthropic.InternalServerError),
        ("overloaded", anthropic.OverloadedError),
    ],
    ids=["429", "500", "529"],
)
def test_an_error_that_may_pass_is_tried_three_times_with_growing_waits(
    streamlab: Lab, call: Any, kind: str, raised: type[anthropic.APIStatusError]
) -> None:
    """Half a second and a second, less up to a quarter, which the SDK draws."""
    streamlab.reply(error(kind), times=3)
    with pytest.raises(raised) as caught:
        call()
    assert streamlab.journal.statuses == (caught.value.status_code,) * 3
    assert streamlab.journal.attempts == (1, 2, 3)
    first, second = streamlab.journal.waits
    assert first >= 0.37
    assert second >= 0.75


@both(ask, ask_later)
def test_the_server_says_how_long_to_wait(streamlab: Lab, call: Any) -> None:
    streamlab.reply(error("rate_limit", headers={"retry-after": "1"}))
    streamlab.reply(error("overloaded", headers={"retry-after-ms": "20"}))
    streamlab.reply("Fine now.")
    assert call() == "Fine now."
    first, second = streamlab.journal.waits
    assert first >= 1.0
    assert 0.02 <= second < 0.75
    assert streamlab.journal.statuses == (429, 529, 200)


# In mid-stream


@both(ask, ask_later)
@pytest.mark.streamlab(scenario="overloaded-mid-stream")
def test_overloaded_in_mid_stream_is_raised_and_not_tried_again(streamlab: Lab, call: Any) -> None:
    """The guides catch OverloadedError, or look for status 529: neither holds, since the status was sent before."""
    with pytest.raises(anthropic.APIStatusError) as caught:
        call()
    assert not isinstance(caught.value, anthropic.InternalServerError)
    assert (caught.value.status_code, caught.value.type) == (200, "overloaded_error")
    assert (streamlab.journal.only.status, streamlab.journal.only.events_sent) == (200, 6)
    assert call() == "One two three four five six seven eight."


def heard_of(failure: Callable[[], Any]) -> str:
    """Return the class of what a call raises."""
    try:
        failure()
    except Exception as raised:  # noqa: BLE001 - what is raised is what is told
        return f"{type(raised).__module__.partition('.')[0]}.{type(raised).__name__}"
    return "nothing"


@both(ask, ask_later)
@pytest.mark.parametrize(("how", "raised"), [("fin", "httpx2.RemoteProtocolError"), ("reset", "httpx2.ReadError")])
def test_a_lost_connection_escapes_as_an_error_of_the_http_library(streamlab: Lab, call: Any, how: str, raised: str) -> None:
    """The guides catch APIConnectionError, which is raised only if the connection is lost before the stream begins."""
    streamlab.reply(COUNTING, faults=[Cut(how, after="delta 2")])
    assert heard_of(call) == raised
    assert (streamlab.journal.only.ended, streamlab.journal.only.ended_by) == (how, "server")
    with streamlab.refuse(times=3):
        assert heard_of(call) == "anthropic.APIConnectionError"


# region half
@pytest.mark.streamlab(scenario="ends-without-message-stop")
def test_half_an_answer_passes_for_a_whole_one_unless_its_end_is_looked_for(streamlab: Lab) -> None:
    with anthropic.Anthropic() as client:
        assert patterns.ask(client, patterns.user("Hello")) == "This answer stops early, and"  # and nothing is raised
        with pytest.raises(patterns.Incomplete):
            patterns.ask_for_all(client, patterns.user("Hello"))
    assert [call.ended for call in streamlab.journal] == ["end", "end"]


# endregion


BROKEN = {
    "bom": "Something invisible comes before this.",
    "missing-start": "Who is speaking?",
    "cut-inside-utf8": "The weather is",
    "malformed-json": "The",
    "truncated-json-frame": "The",
    "invalid-utf8": "One",
    "delta-before-start": "",
    "out-of-order-blocks": "",
    "bad-gzip": "",
}
"""Shipped scenarios that no error of the SDK tells of, and the text that comes of each."""


@pytest.mark.parametrize("name", BROKEN)
def test_whatever_breaks_the_stream_is_incomplete(streamlab: Lab, name: str) -> None:
    """A stream without `message_start` is, and that of `bom` has none for the SDK, which does not pass over the mark."""
    streamlab.load(name)
    with anthropic.Anthropic() as client, pytest.raises(patterns.Incomplete) as caught:
        patterns.ask_for_all(client, patterns.user("Hello"))
    assert caught.value.text == BROKEN[name]
    assert streamlab.wait_for(1).only.status == 200


def test_a_stop_reason_is_not_the_end_of_the_answer(streamlab: Lab) -> None:
    """It comes with the event before `message_stop`."""
    streamlab.reply(COUNTING, times=2, faults=["cut: end, before: message_stop"])
    with anthropic.Anthropic() as client:
        with client.messages.stream(**ASKED) as stream:
            assert stream.get_final_message().stop_reason == "end_turn"
        with pytest.raises(patterns.Incomplete):
            patterns.ask_for_all(client, patterns.user("Count."))
    assert [(call.events_sent, call.ended) for call in streamlab.journal] == [(8, "end")] * 2


def test_the_backoff_of_the_guides_misses_a_connection_lost_in_mid_stream(streamlab: Lab) -> None:
    streamlab.reply(COUNTING, faults=[Cut("reset", after="delta 2")])
    with anthropic.Anthropic() as client, pytest.raises(httpx2.ReadError):
        patterns.with_backoff_of_guides(lambda: patterns.ask(client, patterns.user("Count.")), first_wait=0.1)
    assert len(streamlab.journal) == 1


# region backoff
def test_a_wrapper_tries_again_with_exponential_backoff_after_a_lost_connection(streamlab: Lab) -> None:
    streamlab.reply(COUNTING, faults=[Cut("reset", after="delta 2")])
    streamlab.reply(COUNTING, faults=[Cut("fin", after="delta 3")])
    streamlab.reply(COUNTING, faults=[Cut("end", after="delta 3")])
    streamlab.reply(COUNTING)
    with anthropic.Anthropic() as client:
        found = patterns.with_backoff(lambda: patterns.ask_for_all(client, patterns.user("Count.")), tries=4, first_wait=0.1)
    assert found == "One two three four."
    assert [call.ended for call in streamlab.journal] == ["reset", "fin", "end", "complete"]
    first, second, third = streamlab.journal.waits
    assert first >= 0.1
    assert second >= 0.2
    assert third >= 0.4


# endregion


@pytest.mark.parametrize(
    ("resume", "more"),
    [
        (patterns.resume, []),
        (patterns.resume_by_asking, [patterns.user("Go on exactly where you broke off.")]),
    ],
)
def test_resuming_carries_the_partial_answer_as_a_turn_of_the_assistant(
    streamlab: Lab, resume: Callable[[anthropic.Anthropic, str], str], more: list[dict[str, str]]
) -> None:
    streamlab.reply(COUNTING, faults=[Cut("reset", after="delta 2")])
    streamlab.reply(text([" three", " four."]), when={"any_message": {"equals": "One two"}})
    with anthropic.Anthropic() as client:
        assert resume(client, "Count.") == "One two three four."
    assert streamlab.journal[0].request.messages == [patterns.user("Count.")]
    assert streamlab.journal[1].request.messages == [patterns.user("Count."), patterns.assistant("One two"), *more]


# Silence


def ask_impatiently() -> str:
    with anthropic.Anthropic(timeout=0.3, max_retries=1) as client, client.messages.stream(**ASKED) as stream:
        return stream.get_final_text()


async def ask_impatiently_later() -> str:
    async with anthropic.AsyncAnthropic(timeout=0.3, max_retries=1) as client, client.messages.stream(**ASKED) as stream:
        return await stream.get_final_text()


@both(ask_impatiently, ask_impatiently_later)
@pytest.mark.streamlab(scenario="stall-mid-stream")
def test_a_stall_longer_than_the_read_timeout_escapes_as_an_error_of_the_http_library(streamlab: Lab, call: Any) -> None:
    """The guides catch APITimeoutError, which is raised only for a silence before the stream."""
    assert heard_of(call) == "httpx2.ReadTimeout"
    (stalled,) = streamlab.wait_for(1)
    assert (stalled.ended_by, stalled.cancelled_after) == ("client", 5)
    assert stalled.duration is not None
    assert stalled.duration >= 0.3


@both(ask_impatiently, ask_impatiently_later)
def test_a_silence_before_the_stream_is_tried_again_and_raised_as_a_timeout(streamlab: Lab, call: Any) -> None:
    streamlab.reply(COUNTING, times=2, faults=[Stall("forever", before="headers")])
    assert heard_of(call) == "anthropic.APITimeoutError"
    journal = streamlab.wait_for(2)
    assert (journal.attempts, journal.statuses) == ((1, 2), (None, None))
    assert [each.ended_by for each in journal] == ["client", "client"]


@both(ask_impatiently, ask_impatiently_later)
def test_pings_keep_a_stream_alive_that_is_silent_for_longer_than_the_timeout(streamlab: Lab, call: Any) -> None:
    streamlab.reply(COUNTING, faults=["pings: 5, every: 100ms, before: delta 2"])
    assert call() == "One two three four."
    duration = streamlab.journal.only.duration
    assert duration is not None
    assert duration >= 0.5


@contextlib.contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program of the guides in a process group of its own; none of it is left afterwards."""
    arguments = [sys.executable, str(PROGRAMS / command[0]), *command[1:]]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(LONG)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_a_deadline_by_sigalrm_ends_a_stream_that_is_never_silent(streamlab: Lab) -> None:
    """No read timeout can: there is a piece every 50 ms."""
    words = [f"{number} " for number in range(1000)]
    streamlab.reply(text(words), pace="20/s")
    with running("deadline.py", "1.0") as process:
        said, _ = process.communicate(timeout=LONG)
    outcome = json.loads(said)
    assert outcome["outcome"] == "deadline"
    assert "0 1 2 " in outcome["shown"]
    (call,) = streamlab.wait_for(1)
    assert call.ended_by == "client"
    assert call.cancelled_after is not None
    assert call.cancelled_after - 2 >= len(outcome["shown"].split()) > 3
    assert call.duration is not None
    assert call.duration < 10


def test_a_platform_kills_the_function_after_its_limit(streamlab: Lab) -> None:
    """What had come is all that there is, and nobody is told that it is not the whole."""
    streamlab.reply(COUNTING, faults=[Stall("forever", after="delta 3")])
    with running("function.py") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == {"ready": True}
        streamlab.wait_for(lambda journal: journal.only.events_sent == 5, timeout=LONG)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)  # the platform's limit
        process.kill()
        came = [json.loads(line) for line in process.stdout]
        assert process.wait(LONG) == -signal.SIGKILL
    assert came == [{"text": "One"}, {"text": " two"}, {"text": " three"}]
    (call,) = streamlab.wait_for(1)
    assert (call.ended_by, call.cancelled_after) == ("client", 5)


def test_a_function_that_minds_its_limit_says_that_there_is_more(streamlab: Lab) -> None:
    streamlab.reply(text([f"{number} " for number in range(1000)]), pace="20/s")
    with running("function.py", "0.5") as process:
        said, _ = process.communicate(timeout=LONG)
    first, *pieces, last = [json.loads(line) for line in said.splitlines()]
    assert (first, last) == ({"ready": True}, {"done": False})
    (call,) = streamlab.wait_for(1)
    assert call.cancelled_after is not None
    assert call.cancelled_after - 2 >= len(pieces) > 3


# Cancelling


def leave_the_loop() -> list[str]:
    pieces: list[str] = []
    with anthropic.Anthropic() as client, client.messages.stream(**ASKED) as stream:
        for piece in stream.text_stream:
            pieces.append(piece)
            if len(pieces) == 3:
                break
    return pieces


async def leave_the_loop_later() -> list[str]:
    pieces: list[str] = []
    async with anthropic.AsyncAnthropic() as client, client.messages.stream(**ASKED) as stream:
        async for piece in stream.text_stream:
            pieces.append(piece)
            if len(pieces) == 3:
                break
    return pieces


STALLED = Stall("forever", after="delta 3")


@both(leave_the_loop, leave_the_loop_later)
def test_leaving_the_loop_hangs_up(streamlab: Lab, call: Any) -> None:
    streamlab.reply(COUNTING, faults=[STALLED])
    assert call() == ["One", " two", " three"]
    (left,) = streamlab.wait_for(1)
    assert (left.ended_by, left.cancelled_after) == ("client", 5)


def test_leaving_the_loop_without_with_does_not_hang_up_until_close(streamlab: Lab) -> None:
    streamlab.reply(COUNTING, faults=[STALLED])
    client = anthropic.Anthropic()
    stream = client.messages.create(**ASKED, stream=True)
    for event in stream:
        if is_third(event):
            break
    with pytest.raises(AssertionError):
        streamlab.wait_for(1, timeout=0.3)
    assert streamlab.journal.only.ended is None
    stream.close()
    (left,) = streamlab.wait_for(1)
    assert (left.ended_by, left.cancelled_after) == ("client", 5)
    client.close()


def is_third(event: anthropic.types.RawMessageStreamEvent) -> bool:
    """Whether an event brings the third piece of the text."""
    return event.type == "content_block_delta" and event.delta.type == "text_delta" and event.delta.text == " three"


def close_the_stream(lab: Lab) -> Journal:
    with anthropic.Anthropic() as client:
        stream = client.messages.create(**ASKED, stream=True)
        while not is_third(next(stream)):
            pass
        assert lab.journal.only.ended is None
        stream.close()
        return lab.wait_for(1)  # while the client is open


async def close_the_stream_later(lab: Lab) -> Journal:
    async with anthropic.AsyncAnthropic() as client:
        stream = await client.messages.create(**ASKED, stream=True)
        while not is_third(await anext(stream)):
            pass
        assert lab.journal.only.ended is None
        await stream.close()
        return await asyncio.to_thread(lab.wait_for, 1)


@both(close_the_stream, close_the_stream_later)
def test_close_hangs_up(streamlab: Lab, call: Any) -> None:
    streamlab.reply(COUNTING, faults=[STALLED])
    (left,) = call(streamlab)
    assert (left.ended_by, left.cancelled_after) == ("client", 5)


@pytest.mark.asyncio
async def test_cancelling_the_task_hangs_up(streamlab: Lab) -> None:
    streamlab.reply(COUNTING, faults=[STALLED])
    pieces: list[str] = []
    heard = asyncio.Event()

    async def show() -> None:
        async with anthropic.AsyncAnthropic() as client, client.messages.stream(**ASKED) as stream:
            async for piece in stream.text_stream:
                pieces.append(piece)
                if len(pieces) == 3:
                    heard.set()

    task = asyncio.create_task(show())
    await asyncio.wait_for(heard.wait(), LONG)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (left,) = await asyncio.to_thread(streamlab.wait_for, 1)
    assert pieces == ["One", " two", " three"]
    assert (left.ended_by, left.cancelled_after) == ("client", 5)


# A slow consumer


COPIES, SIZE = 64, 256 * 1024
LARGE = COPIES * 4 * SIZE
"""The bytes of an answer of four deltas that is too large for the buffers of any kernel: it comes to 64 MiB."""


def server_memory() -> int | None:
    """Return the bytes of memory that the server process has; None where nobody tells."""
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            told = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            command = status.with_name("cmdline").read_bytes().split(b"\0")
            if int(told["PPid"]) == os.getpid() and b"serve" in command:
                return int(told["VmRSS"].split()[0]) * 1024
    return None


def settled(lab: Lab) -> int:
    """Return the bytes that have been sent, once it has been the same for half a second."""
    until = time.monotonic() + LONG
    sent, since = -1, time.monotonic()
    while time.monotonic() - since < 0.5 and time.monotonic() < until:
        if (now := lab.journal.only.bytes_sent) != sent:
            sent, since = now, time.monotonic()
        time.sleep(0.02)
    return sent


def consume_slowly(go_on: threading.Event, shown: list[str]) -> None:
    def show(piece: str) -> None:
        shown.append(piece)
        if len(shown) == 3:
            assert go_on.wait(LONG)

    with anthropic.Anthropic() as client, client.messages.stream(**ASKED) as stream:
        showing.consume_slowly(stream.text_stream, show, at_most=4)


async def consume_slowly_later(go_on: threading.Event, shown: list[str]) -> None:
    waiting: asyncio.Queue[str | None] = asyncio.Queue(maxsize=4)

    async def read() -> None:
        async with anthropic.AsyncAnthropic() as client, client.messages.stream(**ASKED) as stream:
            async for piece in stream.text_stream:
                await waiting.put(piece)
        await waiting.put(None)

    reader = asyncio.create_task(read())
    while (piece := await waiting.get()) is not None:
        shown.append(piece)
        if len(shown) == 3:
            assert await asyncio.to_thread(go_on.wait, LONG)
    await reader


@both(consume_slowly, consume_slowly_later)
def test_a_slow_consumer_with_a_bounded_queue_makes_the_server_wait(streamlab: Lab, call: Any) -> None:
    """Nobody keeps what is not read: the server stops sending, and its memory does not grow with what it holds back."""
    streamlab.reply(COUNTING, faults=[f"huge_frame: {SIZE}, of: every delta", f"duplicate: every delta, times: {COPIES - 1}"])
    before = server_memory()
    go_on, shown = threading.Event(), []
    with ThreadPoolExecutor() as pool:
        consumer = pool.submit(call, go_on, shown)
        try:
            streamlab.wait_for(lambda journal: journal.only.bytes_sent > 0, timeout=LONG)
            sent, during = settled(streamlab), server_memory()
        finally:
            go_on.set()
        consumer.result(LONG)
    assert sent < LARGE * 3 / 4
    assert "".join(shown) == "".join(piece * COPIES for piece in ("One", " two", " three", " four."))
    call = streamlab.journal.only
    assert (call.ended, call.bytes_sent > LARGE) == ("complete", True)
    pauses = [after.at - each.at for each, after in zip(call.sent, call.sent[1:], strict=False)]
    assert max(pauses) >= 0.5
    if before is None or during is None:
        pytest.skip("nobody tells how much memory the server has: there is no /proc")
    assert during - before < LARGE / 4


# What is shown


def shown_by(buffer: Any) -> None:
    with anthropic.Anthropic() as client, client.messages.stream(**ASKED) as stream:
        for piece in stream.text_stream:
            buffer.add(piece)


def test_a_word_buffer_shows_whole_words_and_needs_to_be_closed(streamlab: Lab) -> None:
    """Without the close, the last word is never shown."""
    streamlab.reply(text(["He", "llo wo", "rld, how", " are", " you", " to", "day?"]))
    shown: list[str] = []
    buffer = showing.WordBuffer(shown.append)
    shown_by(buffer)
    assert shown == ["Hello ", "world, ", "how ", "are ", "you "]
    buffer.close()
    assert "".join(shown) == "Hello world, how are you today?"
    assert streamlab.journal.only.events_sent == 7 + 5


def test_a_timed_buffer_shows_several_pieces_at_once_and_needs_to_be_closed(streamlab: Lab) -> None:
    """It looks at its watch when a piece comes, here a second after the one before, and never in between."""
    streamlab.reply(text(["One", " two", " three", " four", " five"]))
    shown: list[str] = []
    seconds = count()
    buffer = showing.TimedBuffer(shown.append, interval=3, now=lambda: next(seconds))
    shown_by(buffer)
    assert shown == ["One two three"]
    buffer.close()
    assert shown == ["One two three", " four five"]
    assert streamlab.journal.only.events_sent == 5 + 5


def test_progress_counters_count_deltas_and_take_the_tokens_from_the_end(streamlab: Lab) -> None:
    """A delta is no token: only `message_delta` tells how many there were."""
    streamlab.reply(message(text(["One", " two", " three"]), usage={"output_tokens": 57}))
    progress = showing.Progress()
    seen = []
    with anthropic.Anthropic() as client, client.messages.create(**ASKED, stream=True) as stream:
        for event in stream:
            progress.see(event)
            seen.append((progress.deltas, progress.characters, progress.tokens, progress.is_done))
    assert list(dict.fromkeys(seen)) == [
        (0, 0, 0, False),
        (1, 3, 0, False),
        (2, 7, 0, False),
        (3, 13, 0, False),
        (3, 13, 57, False),
        (3, 13, 57, True),
    ]
    assert streamlab.journal.only.events_sent == len(seen) == 8


def how_it_stopped() -> tuple[str, str | None]:
    with anthropic.Anthropic() as client, client.messages.stream(**{**ASKED, "max_tokens": 16}) as stream:
        return stream.get_final_text(), stream.get_final_message().stop_reason


async def how_it_stopped_later() -> tuple[str, str | None]:
    async with anthropic.AsyncAnthropic() as client, client.messages.stream(**{**ASKED, "max_tokens": 16}) as stream:
        return await stream.get_final_text(), (await stream.get_final_message()).stop_reason


@both(how_it_stopped, how_it_stopped_later)
@pytest.mark.streamlab(scenario="max-tokens")
def test_an_answer_that_stops_at_max_tokens_is_told_by_its_stop_reason_alone(streamlab: Lab, call: Any) -> None:
    said, stop_reason = call()
    assert said.endswith("but the limit that was")
    assert stop_reason == "max_tokens"
    assert streamlab.journal.only.request.data["max_tokens"] == 16
    assert streamlab.journal.only.ended == "complete"


def without_stream() -> tuple[str, Any]:
    with anthropic.Anthropic() as client:
        response = client.messages.with_raw_response.create(**ASKED)
        return response.headers["content-type"], json.loads(response.text())


async def without_stream_later() -> tuple[str, Any]:
    async with anthropic.AsyncAnthropic() as client:
        response = await client.messages.with_raw_response.create(**ASKED)
        return response.headers["content-type"], json.loads(await response.text())


@both(without_stream, without_stream_later)
@pytest.mark.streamlab(scenario="hello")
def test_stream_left_out_gives_one_json_body(streamlab: Lab, call: Any) -> None:
    content_type, answer = call()
    assert (content_type, answer["type"], answer["stop_reason"]) == ("application/json", "message", "end_turn")
    assert [block["text"] for block in answer["content"]] == ["Hello from streamlab."]
    request = streamlab.journal.only.request
    assert ("stream" in request.data, streamlab.journal.only.events_sent) == (False, 0)


def test_a_long_answer_without_a_stream_is_refused_by_the_sdk_before_it_is_sent(streamlab: Lab) -> None:
    with anthropic.Anthropic() as client, pytest.raises(ValueError, match="Streaming is required"):
        client.messages.create(**{**ASKED, "max_tokens": 100_000})
    assert len(streamlab.journal) == 0


@pytest.mark.streamlab(scenario="delta-before-start")
def test_a_delta_before_its_start_is_no_trouble_for_a_map_keyed_by_index(streamlab: Lab) -> None:
    with anthropic.Anthropic() as client:
        with client.messages.create(**ASKED, stream=True) as stream:
            assert showing.blocks_by_index(stream) == {0: "The first word comes too early."}
        with client.messages.create(**ASKED, stream=True) as stream, pytest.raises(IndexError):
            showing.blocks_in_a_list(stream)
        with client.messages.stream(**ASKED) as helper, pytest.raises(IndexError):
            helper.get_final_message()
    assert streamlab.journal.statuses == (200, 200, 200)


def by_hand(read: Callable[[Iterator[bytes]], Iterator[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the events of an answer that is read without the SDK."""
    url, key = os.environ["ANTHROPIC_BASE_URL"], os.environ["ANTHROPIC_API_KEY"]
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
    with httpx2.stream("POST", f"{url}/v1/messages", headers=headers, json={**ASKED, "stream": True}) as response:
        return list(read(response.iter_raw()))


@pytest.mark.streamlab(scenario="split-frames")
def test_frames_that_are_split_across_writes_break_a_line_splitter_that_looks_at_each_chunk(streamlab: Lab) -> None:
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
        by_hand(patterns.naive_lines)
    (call,) = streamlab.wait_for(1)
    assert max(each.size for each in call.sent[1:]) < 20


@pytest.mark.streamlab(scenario="split-frames")
def test_frames_that_are_split_across_writes_are_no_trouble_for_one_that_keeps_the_rest(streamlab: Lab) -> None:
    events = by_hand(patterns.lines)
    said = "".join(event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta")
    assert said == "Split anywhere: déjà vu, 東京, \U0001f600."
    assert ask() == said
    assert [call.ended for call in streamlab.journal] == ["complete", "complete"]
    assert max(each.size for call in streamlab.journal for each in call.sent[1:]) < 20


# The table of outcomes


class Heard:
    """What a program has of an answer, in words: what came, and what it knows of the end."""

    def __init__(self) -> None:
        self.text, self.tool, self.stop_reason = "", "", "None"

    def __str__(self) -> str:
        what = f"the input of the tool is `{self.tool}`" if self.tool else f"the text is {self.text!r}"
        return f"{what}, `stop_reason` is {self.stop_reason}"

    def see(self, event: Any) -> None:
        """Take in an event, raw or of the helper."""
        if event.type == "content_block_delta":
            self.text += getattr(event.delta, "text", "")
            self.tool += getattr(event.delta, "partial_json", "")
        elif event.type == "message_delta":
            self.stop_reason = str(event.delta.stop_reason)

    def fold(self, answer: anthropic.types.Message) -> None:
        """Take the SDK's own message for what came."""
        self.stop_reason = str(answer.stop_reason)
        self.tool = "".join(json.dumps(block.input) for block in answer.content if block.type == "tool_use")


def hear_stream(heard: Heard, client: anthropic.Anthropic) -> None:
    with client.messages.stream(**ASKED) as stream:
        for event in stream:
            heard.see(event)
        heard.fold(stream.get_final_message())


async def hear_stream_later(heard: Heard, client: anthropic.AsyncAnthropic) -> None:
    async with client.messages.stream(**ASKED) as stream:
        async for event in stream:
            heard.see(event)
        heard.fold(await stream.get_final_message())


def hear_create(heard: Heard, client: anthropic.Anthropic) -> None:
    for event in client.messages.create(**ASKED, stream=True):
        heard.see(event)


async def hear_create_later(heard: Heard, client: anthropic.AsyncAnthropic) -> None:
    async for event in await client.messages.create(**ASKED, stream=True):
        heard.see(event)


WAYS = {STREAM: (hear_stream, hear_stream_later), CREATE: (hear_create, hear_create_later)}


def hear(heard: Heard, client_name: str, patience: float) -> None:
    with anthropic.Anthropic(timeout=patience) as client:
        WAYS[client_name][0](heard, client)


async def hear_later(heard: Heard, client_name: str, patience: float) -> None:
    async with anthropic.AsyncAnthropic(timeout=patience) as client:
        await WAYS[client_name][1](heard, client)


def in_words(call: Callable[..., None], *arguments: Any) -> str:
    """Return what comes of a call, in one sentence."""
    heard = Heard()
    try:
        call(heard, *arguments)
    except Exception as raised:  # noqa: BLE001 - what is raised is what is told
        kind = f"{type(raised).__module__.partition('.')[0]}.{type(raised).__name__}"
        known = (
            f"with status {raised.status_code}" if isinstance(raised, anthropic.APIStatusError) else "which is no `APIError`"
        )
        return f"`{kind}`, {known}, is raised after {heard.text!r}"
    return f"nothing is raised: {heard}"


def waited(seconds: float) -> str:
    """Return a wait between two tries in words; the SDK draws up to a quarter off it."""
    return next(word for least, word in ((0.75, "a second"), (0.37, "half a second"), (0.0, "no time")) if seconds >= least)


SENT = {
    "overloaded-mid-stream": [(6, "end")],
    "ends-without-message-stop": [(6, "end")],
    "cut-mid-text": [(6, "fin")],
    "reset-mid-stream": [(6, "reset")],
    "stall-mid-stream": [(5, "left")],
    "duplicated-events": [(11, "complete")],
    "cut-inside-utf8": [(5, "end")],
    "missing-start": [(7, "complete")],
    "delta-before-start": [(11, "complete")],
    "cut-inside-tool-input": [(4, "end")],
    "overloaded-then-fine": [(0, "complete"), (0, "complete"), (7, "complete")],
}
"""For each scenario and each call that it brings about, the events that are sent, and how it ends."""


@both(hear, hear_later)
@pytest.mark.parametrize("name", OUTCOMES[STREAM])
@pytest.mark.parametrize("client", [pytest.param(STREAM, id="stream"), pytest.param(CREATE, id="create")])
def test_what_happens_when_a_stream_breaks(streamlab: Lab, client: str, name: str, call: Any) -> None:
    assert anthropic.__version__ == VERSION, "the table is of another version: run the tests with that, or write it anew"
    if name == "overloaded-then-fine":  # without the hint of the scenario after how long to try again
        streamlab.reply(error("overloaded"), times=2)
        streamlab.reply("Fine now.")
    else:
        streamlab.load(name)
    happened = in_words(call, client, 0.4 if name == "stall-mid-stream" else LONG)
    journal = streamlab.wait_for(len(SENT[name]))
    assert [(each.events_sent, each.ended) for each in journal] == SENT[name]
    if waits := journal.waits:
        happened += f"; it asks {len(waits) + 1} times, after {' and '.join(waited(each) for each in waits)}"
    assert happened == OUTCOMES[client][name]
