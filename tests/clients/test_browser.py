"""Pages in a headless Chromium: a React page before the chat server, and pages that talk to the API themselves."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from outcomes_web import CHROMIUM, CLIENTS, DEPENDENCIES, OUTCOMES
from web.browsing import Browser, build, chromium
from web.listening import SCENARIOS
from web.running import installed_versions, running
from web.serving import chat_server

from streamlab import Lab, text

PIECES = ["One", " two", " three"]
SILENCES = ["stall: 1s, after: delta 1", "stall: 1s, after: delta 2"]
"""A second between the pieces, on a clock that the test holds."""
BROKEN_STREAMS = {**SCENARIOS, "cut-inside-tool-input": (200,)}
"""The shipped scenarios that a page is tried with, and the statuses of the calls that the SDK makes."""
SPLIT = "Split anywhere: déjà vu, 東京, \U0001f600."


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundle the pages; give their folder."""
    folder = tmp_path_factory.mktemp("pages")
    build(folder)
    return folder


@pytest.fixture(scope="session")
def one_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Run one browser for all tests."""
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def browser(one_browser: Browser) -> Iterator[Browser]:
    """Give the browser; its page is closed after the test, and nothing was thrown in it that nobody caught."""
    yield one_browser
    assert one_browser("problems") == []
    one_browser("close")


@pytest.fixture
def chat(streamlab: Lab, pages: Path) -> Iterator[str]:
    """Run the chat server, which serves the page, too; give the URL of the page."""
    assert streamlab.url
    with chat_server({"PAGES": str(pages)}) as url:
        yield f"{url}/chat.html"


@pytest.fixture(scope="session")
def elsewhere(pages: Path) -> Iterator[str]:
    """Serve the pages from an origin that is not the API's; give the URL of the one that talks to the API itself."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", pages]
    with running(command, r"\((http://127\.0\.0\.1:\d+)/\)") as url:
        yield f"{url}/direct.html"


def test_the_table_is_of_the_versions_that_are_installed(one_browser: Browser) -> None:
    """Chromium comes from the system, which may have a later one; where that does something else, the table is not of it."""
    assert installed_versions("browser", DEPENDENCIES["browser"]) == DEPENDENCIES["browser"]
    assert int(one_browser.version.partition(".")[0]) >= CHROMIUM


# region grows
def test_the_text_grows_on_the_page(streamlab: Lab, browser: Browser, chat: str) -> None:
    """Each piece is shown before the next one is sent: the clock is held until then."""
    streamlab.clock.hold()
    streamlab.reply(text(PIECES), faults=SILENCES)
    browser("open", chat)
    assert browser("text", "#state") == "idle"
    browser("click", "#ask")
    for number in range(1, 3):
        browser("shows", "#text", "".join(PIECES[:number]))
        assert browser("text", "#state") == "streaming"
        streamlab.clock.wait_until_parked()
        assert streamlab.journal.only.events_sent == number + 2  # message_start, content_block_start, the pieces
        streamlab.clock.advance(1)
    browser("shows", "#state", "done")
    assert browser("text", "#text") == "One two three"
    assert (streamlab.journal.only.ended, streamlab.journal.only.ended_by) == ("complete", "server")


# endregion


# region cancel
def test_cancelling_stops_the_text_and_the_answer(streamlab: Lab, browser: Browser, chat: str) -> None:
    """The page hangs up on the chat server, and that hangs up on the API, in the middle of a silence. It can ask again."""
    streamlab.reply(text(PIECES), faults=["stall: forever, after: delta 2"])
    streamlab.reply("Fine now.")
    browser("open", chat)
    browser("click", "#ask")
    browser("shows", "#text", "One two")
    assert streamlab.journal.only.ended is None
    browser("click", "#cancel")
    browser("shows", "#state", "cancelled")
    call = streamlab.wait_for(1).only
    assert (call.ended_by, call.cancelled_after) == ("client", 4)
    assert browser("text", "#text") == "One two"
    browser("click", "#ask")
    browser("shows", "#state", "done")
    assert browser("text", "#text") == "Fine now."
    assert streamlab.journal[1].ended == "complete"


# endregion


def test_closing_the_tab_stops_the_answer(streamlab: Lab, browser: Browser, chat: str) -> None:
    """Nobody has to click for it."""
    streamlab.reply(text(PIECES), faults=["stall: forever, after: delta 2"])
    browser("open", chat)
    browser("click", "#ask")
    browser("shows", "#text", "One two")
    browser("close")
    call = streamlab.wait_for(1).only
    assert (call.ended_by, call.cancelled_after) == ("client", 4)


@pytest.mark.streamlab(scenario="ends-without-message-stop")
def test_the_page_takes_half_an_answer_for_whole_unless_the_server_tells(streamlab: Lab, browser: Browser, chat: str) -> None:
    """The naive endpoint sends [DONE] all the same, and no page can know better."""
    for endpoint, state in (("naive", "done"), ("chat", "failed")):
        browser("open", f"{chat}?endpoint=/{endpoint}")
        browser("click", "#ask")
        browser("shows", "#state", state)
        assert browser("text", "#text") == "This answer stops early, and"
    assert [call.ended for call in streamlab.journal] == ["end", "end"]


@pytest.mark.parametrize("endpoint", ["naive", "chat"])
@pytest.mark.streamlab(scenario="overloaded-mid-stream")
def test_the_page_fails_when_the_answer_breaks_off(streamlab: Lab, browser: Browser, chat: str, endpoint: str) -> None:
    """Asked again, it shows the whole."""
    browser("open", f"{chat}?endpoint=/{endpoint}")
    browser("click", "#ask")
    browser("shows", "#state", "failed")
    browser("click", "#ask")
    browser("shows", "#state", "done")
    assert browser("text", "#text") == "One two three four five six seven eight."
    assert [call.events_sent for call in streamlab.journal] == [6, 13]


@pytest.mark.parametrize("reader", ["naive", "buffered"])
@pytest.mark.streamlab(scenario="split-frames")
def test_lines_that_are_split(streamlab: Lab, browser: Browser, elsewhere: str, reader: str) -> None:
    """A reader that takes each chunk for whole lines loses what is split; one that keeps the rest does not."""
    browser("open", elsewhere)
    got = browser("call", "askWithFetch", streamlab.url, reader)
    if reader == "naive":
        assert got["unreadable"] > 0
        assert got["text"] != SPLIT
    else:
        assert (got["text"], got["unreadable"], got["last"]) == (SPLIT, 0, "message_stop")
    assert got["thrown"] is None
    call = streamlab.wait_for(1).only
    assert call.ended == "complete"
    assert max(each.size for each in call.sent[1:]) < 20  # the pieces, each in a chunk of HTTP


@pytest.mark.streamlab(scenario="hello")
def test_the_naive_reader_reads_whole_lines(streamlab: Lab, browser: Browser, elsewhere: str) -> None:
    """That is why it looks right at first. A page of another origin may read the headers, too."""
    browser("open", elsewhere)
    got = browser("call", "askWithFetch", streamlab.url, "naive")
    assert (got["text"], got["unreadable"], got["last"]) == ("Hello from streamlab.", 0, "message_stop")
    assert got["requestId"].startswith("req_")
    assert streamlab.wait_for(1).only.ended == "complete"


@pytest.mark.streamlab(scenario="hello")
def test_the_sdk_in_the_browser(streamlab: Lab, browser: Browser, elsewhere: str) -> None:
    """The browser asks first whether the page may, and the SDK says that it is in one."""
    browser("open", elsewhere)
    got = browser("call", "askWithSdk", streamlab.url)
    assert got == {"text": "Hello from streamlab.", "input": None, "stop": "end_turn", "thrown": None}
    preflight, call = streamlab.wait_for(1)
    assert (preflight.request.method, preflight.status) == ("OPTIONS", 204)
    asked = preflight.request.header("access-control-request-headers") or ""
    assert "anthropic-dangerous-direct-browser-access" in asked
    assert call.request.header("anthropic-dangerous-direct-browser-access") == "true"
    assert elsewhere.startswith(call.request.header("origin") or "nowhere")
    assert (call.status, call.ended, call.ended_by) == (200, "complete", "server")


def test_the_sdk_refuses_to_be_in_a_browser_unless_allowed(streamlab: Lab, browser: Browser, elsewhere: str) -> None:
    """A key in a page is everybody's, so nothing is sent."""
    browser("open", elsewhere)
    got = browser("call", "askWithSdk", streamlab.url, {"dangerouslyAllowBrowser": False})
    assert "running in a browser-like environment" in got["thrown"]
    assert len(streamlab.journal) == 0


def test_the_sdk_in_the_browser_shows_pieces_singly_and_can_be_aborted(
    streamlab: Lab, browser: Browser, elsewhere: str
) -> None:
    """The journal tells an aborted call from one that has ended."""
    streamlab.clock.hold()
    streamlab.reply(text(PIECES), faults=SILENCES)
    browser("open", elsewhere)
    browser("begin", "askWithSdk", streamlab.url)
    browser("shows", "#text", "One")
    streamlab.clock.wait_until_parked()
    streamlab.clock.advance(1)
    browser("shows", "#text", "One two")
    streamlab.clock.wait_until_parked()
    browser("call", "cancel")
    assert browser("end")["thrown"] == "APIUserAbortError: Request was aborted."
    call = streamlab.wait_for(1).only
    assert (call.ended_by, call.cancelled_after) == ("client", 4)


def told_by_sdk(got: dict[str, Any]) -> str:
    """Say what the SDK did."""
    if "waits" in got:
        return "it waits for ever"
    if got["thrown"] is None:
        return f"nothing is raised: the text is {got['text']!r}, the stop_reason is {got['stop']!r}"
    return f"raises {_short(got['thrown'])}"


def told_by_fetch(got: dict[str, Any]) -> str:
    """Say what a page saw that reads with fetch."""
    if "waits" in got:
        return "it waits for ever"
    if got["thrown"] is not None:
        return f"raises {_short(got['thrown'])}"
    if got["status"] != HTTPStatus.OK:
        return f"nothing is raised: the status is {got['status']}, and no event comes"
    return f"nothing is raised: the last event is `{got['last']}`, the text is {got['text']!r}"


def _short(thrown: str) -> str:
    """Say what was thrown. How much of the text had been read before a network error is a matter of time."""
    kind, _, message = thrown.partition(": ")
    if message.startswith("{"):
        return f"`{kind}` with `{json.loads(message)['error']['type']}`"
    lost = ", and may lose what had come before" if message == "network error" else ""
    return f"`{kind}: {message}`{lost}"


def test_what_the_sdk_in_a_page_does_when_the_stream_breaks(streamlab: Lab, browser: Browser, elsewhere: str) -> None:
    """It asks again by itself before a stream begins, and its timeout ends there."""
    browser("open", elsewhere)
    done = {}
    for scenario, statuses in BROKEN_STREAMS.items():
        done[scenario] = told_by_sdk(ask(streamlab, browser, scenario, "askWithSdk", {"timeout": 300}))
        assert streamlab.wait_for(len(statuses)).statuses == statuses
    assert done == OUTCOMES[CLIENTS["browser sdk"]]


def test_what_a_page_with_fetch_does_when_the_stream_breaks(streamlab: Lab, browser: Browser, elsewhere: str) -> None:
    """It asks once, and nobody looks at the status or at the events for it."""
    browser("open", elsewhere)
    done = {}
    for scenario, statuses in BROKEN_STREAMS.items():
        done[scenario] = told_by_fetch(ask(streamlab, browser, scenario, "askWithFetch", "buffered"))
        assert streamlab.wait_for(1).statuses == statuses[:1]
    assert done == OUTCOMES[CLIENTS["browser fetch"]]


def ask(streamlab: Lab, browser: Browser, scenario: str, function: str, how: Any) -> dict[str, Any]:
    """Call a function of the page against a scenario; return what it returns. What has not ended after a second is aborted."""
    streamlab.reset()
    streamlab.load(scenario)
    browser("begin", function, streamlab.url, how)
    if scenario == "stall-mid-stream":
        browser("shows", "#text", "This answer stops in the")
    is_over = browser("ended", 1000 if scenario == "stall-mid-stream" else 30_000)
    if not is_over:
        browser("call", "cancel")
    got: dict[str, Any] = browser("end")
    assert is_over != ("AbortError" in str(got["thrown"]))
    return got if is_over else {"waits": True}
