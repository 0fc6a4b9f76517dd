"""The control API over the wire, as any language sees it: JSON in, JSON out, and nothing of it in a journal or a log."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from raw_client import Answered, RawClient, request

from streamlab.core.journal import Call
from streamlab.net.background import Background
from streamlab.net.control import MAX_BODY, route
from streamlab.net.server import MockServer, Namespace

TOKEN = "a-token-that-nobody-guesses"


class Served:
    """A running server, asked through its control API."""

    def __init__(self, token: str | None = None) -> None:
        self.root = Namespace()
        self.ended: list[Call] = []
        self.server = MockServer(self.root, token=token, on_end=self.ended.append)
        self.background = Background(self.server)
        self.url = self.background.start("127.0.0.1", 0)

    def ask(self, method: str, path: str, body: Any = None, **headers: str | None) -> Answered:
        """Send one request; a body that is no bytes goes as JSON."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and "content-type" not in fields:
            fields["content-type"] = "application/json"
        with RawClient(self.url) as client:
            return client.ask(request(path, method=method, body=data, headers=fields))

    def say(self, base: str = "", **headers: str) -> Answered:
        """Ask the API itself."""
        return self.ask("POST", f"{base}/v1/messages", _MESSAGE, **headers)


_MESSAGE = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def served() -> Iterator[Served]:
    """Give a server without a token."""
    running = Served()
    yield running
    running.background.stop()


@pytest.fixture
def guarded() -> Iterator[Served]:
    """Give a server with a token."""
    running = Served(TOKEN)
    yield running
    running.background.stop()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/messages", ("", "/v1/messages")),
        ("/~a/v1/messages", ("~a", "/v1/messages")),
        ("/~a", ("~a", "/")),
        ("/~a b/x", ("", "/~a b/x")),
        ("/~/x", ("", "/~/x")),
    ],
)
def test_a_path_begins_with_a_namespace_or_does_not(path: str, expected: tuple[str, str]) -> None:
    """A tilde and a name."""
    assert route(path) == expected


def test_a_whole_test_in_another_language(served: Served) -> None:
    """Make a namespace, script it, call it, read what came, verify, forget it."""
    made = served.ask("POST", "/_streamlab/namespaces", {"settings": {"seed": 3}}, host="localhost:99").json
    assert made == {"name": "~lab-1", "path": "/~lab-1", "url": "http://localhost:99/~lab-1"}
    base = made["path"]
    told = served.ask("PUT", f"{base}/_streamlab/rules", {"replies": ["One.", {"error": "overloaded"}], "required": True}).json
    usage = {"name": "sent", "given": 0, "wanted": 1, "exchanges": 0, "unplayed": []}
    assert told == {"rules": [usage], "added": ["sent"], "warnings": []}
    assert served.ask("GET", f"{base}/_streamlab/verify").json["problems"] == ["'sent' was given 0 of 1 times"]
    assert served.say(base).json["content"] == [{"type": "text", "text": "One."}]
    journal = served.ask("GET", f"{base}/_streamlab/journal?wait=5").json
    (call,) = journal["calls"]
    assert (call["number"], call["status"], call["rule"], call["ended"]) == (1, 200, "sent", "complete")
    assert (call["request"]["last_user"], call["events_delivered"], call["cancelled_after"]) == ("Hello", 0, None)
    assert json.loads(call["request"]["body"]) == _MESSAGE
    assert served.ask("GET", f"{base}/_streamlab/journal?after=1").json == {"calls": [], "changes": journal["changes"]}
    assert served.ask("GET", f"{base}/_streamlab/verify").json == {"problems": [], "warnings": []}
    assert served.ask("DELETE", f"{base}/_streamlab/namespace").json == {}
    gone = served.ask("GET", f"{base}/_streamlab/rules")
    assert (gone.status, gone.json["error"]["message"]) == (404, "there is no namespace '~lab-1'")
    assert len(served.root.journal) == 0
    assert [each.request.path for each in served.ended] == ["/v1/messages"]


def test_rules_are_added_replaced_and_taken_away(served: Served) -> None:
    """Their counts begin anew when they are replaced."""
    rules = "/_streamlab/rules"
    yaml = b"rules: [{name: a, when: {last_user: nothing}, reply: No.}]"
    assert served.ask("POST", rules, yaml, content_type="application/yaml").json["added"] == ["a"]
    assert served.ask("POST", f"{rules}?name=a", {"reply": "Two."}).json["added"] == ["a (2)"]
    stream = b'event: message_start\ndata: {"type":"message_start"}\n\n'
    assert served.ask("POST", rules, stream, content_type="text/event-stream").json["added"] == ["sent"]
    assert served.say().json["content"][0]["text"] == "Two."
    assert [each["given"] for each in served.ask("GET", rules).json["rules"]] == [0, 1, 0]
    assert (
        served.ask("PUT", f"{rules}?name=a (2)".replace(" ", "%20"), {"reply": "Three.", "seed": 4}).json["rules"][0]["given"]
        == 0
    )
    assert served.root.settings.seed == 4
    assert served.ask("DELETE", rules).json == {"rules": [], "added": [], "warnings": []}
    assert served.ask("HEAD", rules).body == b""
    assert len(served.ask("GET", "/_streamlab/journal").json["calls"]) == 1
    assert served.ask("DELETE", "/_streamlab/journal").json == {}
    assert served.ask("GET", "/_streamlab/journal").json["calls"] == []


def test_reset_forgets_rules_and_calls(served: Served) -> None:
    """And the namespace stays."""
    served.ask("POST", "/_streamlab/rules", {"reply": "One."})
    served.say()
    assert served.ask("POST", "/_streamlab/reset").json == {}
    assert (served.root.rules, len(served.root.journal), served.root.state.calls) == ((), 0, 0)


def test_bad_rules_change_nothing_and_say_where_they_are_wrong(served: Served) -> None:
    """In JSON by the key, in YAML by the line as well."""
    served.ask("PUT", "/_streamlab/rules", {"reply": "Kept."})
    wrong = served.ask("PUT", "/_streamlab/rules", {"reply": {"text": "a", "fault": []}})
    assert wrong.status == 400
    assert wrong.json["error"] == {
        "message": "a reply has no key 'fault'",
        "hint": wrong.json["error"]["hint"],
        "key": ["reply", "fault"],
        "kind": "scenario",
    }
    assert wrong.json["error"]["hint"].startswith("did you mean 'faults'?")
    wrong = served.ask("PUT", "/_streamlab/rules?name=mine", b"reply:\n  txt: a", content_type="application/yaml")
    assert wrong.json["error"]["message"] == "mine:2:3: a reply has no key 'txt'"
    assert served.say().json["content"][0]["text"] == "Kept."


def test_a_name_can_be_chosen_once(served: Served) -> None:
    """And settings that cannot be used are named."""
    assert served.ask("POST", "/_streamlab/namespaces", {"name": "worker-1"}).json["name"] == "~worker-1"
    again = served.ask("POST", "/_streamlab/namespaces", {"name": "worker-1"})
    assert (again.status, again.json["error"]["message"]) == (400, "there is a namespace 'worker-1' already")
    wrong = served.ask("POST", "/_streamlab/namespaces", {"settings": {"pace": "fast"}})
    assert (wrong.status, wrong.json["error"]["key"]) == (400, ["settings", "pace"])
    served.ask("POST", "/_streamlab/namespaces", {"name": "lab-1"})
    assert served.ask("POST", "/_streamlab/namespaces").json["name"] == "~lab-2"


def test_whoever_asks_a_namespace_that_is_over_is_told_so(served: Served) -> None:
    """And the root cannot be forgotten."""
    served.ask("POST", "/_streamlab/namespaces", {"name": "a"})
    served.ask("DELETE", "/~a/_streamlab/namespace", {"over": "test_a is over"})
    late = served.say("/~a")
    assert "test_a is over" in late.json["error"]["message"]
    assert len(served.ask("GET", "/~a/_streamlab/journal").json["calls"]) == 1
    refused = served.ask("DELETE", "/_streamlab/namespace")
    assert (refused.status, refused.json["error"]["message"]) == (400, "the root of a server cannot be forgotten")


def test_a_namespace_that_is_forgotten_ends_its_answers(served: Served) -> None:
    """Nobody could let them go on any more."""
    served.ask("POST", "/_streamlab/namespaces", {"name": "a"})
    reply = {"text": "One two.", "faults": [{"stall": "forever", "after": "delta 1"}]}
    served.ask("PUT", "/~a/_streamlab/rules", {"reply": reply})
    with RawClient(f"{served.url}/~a") as client:
        client.socket.sendall(request("/~a/v1/messages"))
        begun = b""
        while b"text_delta" not in begun:
            begun += client.socket.recv(65536) or pytest.fail("it ended too early")
        served.ask("DELETE", "/~a/_streamlab/namespace")
        assert client.rest()[1] == "reset"


def test_the_clock_is_held_and_moved(served: Served) -> None:
    """Control goes by the machine's clock meanwhile."""
    served.ask("PUT", "/_streamlab/rules", {"reply": {"text": "One two.", "faults": [{"stall": "60s", "at": "headers"}]}})
    served.ask("POST", "/_streamlab/clock", {"hold": True})
    asking = threading.Thread(target=served.say)
    asking.start()
    assert served.ask("POST", "/_streamlab/clock", {"wait_until_parked": 1}).status == 200
    before = served.ask("GET", "/_streamlab/clock").json["now"]
    assert served.ask("POST", "/_streamlab/clock", {"advance": 60}).json["now"] == pytest.approx(before + 60)
    asking.join()
    late = served.ask("POST", "/_streamlab/clock", {"wait_until_parked": 1, "timeout": 0.01})
    assert (late.status, late.json["error"]["kind"]) == (400, "verification")
    for move in ("auto", "run"):
        assert served.ask("POST", "/_streamlab/clock", {move: True}).status == 200
    wrong = served.ask("POST", "/_streamlab/clock", {"advance": 1})
    assert wrong.json["error"] == {
        "message": "the clock goes by itself, so it cannot be advanced",
        "hint": "call hold() first",
        "kind": "server",
    }


def test_requests_are_refused_and_control_is_not(served: Served) -> None:
    """Nothing of it is in the journal, and the server is healthy."""
    served.ask("PUT", "/_streamlab/rules", {"reply": "One."})
    assert served.ask("POST", "/_streamlab/refuse").json == {}
    with RawClient(served.url) as client:
        client.socket.sendall(request())
        assert client.rest() == (b"", "reset")
    assert served.ask("GET", "/_streamlab/health").json["status"] == "ok"
    assert served.ask("POST", "/_streamlab/accept").json == {}
    assert served.say().status == 200
    assert len(served.root.journal) == 1


def test_a_journal_is_waited_for(served: Served) -> None:
    """Until so many have ended, or anything has changed, and not longer than was said."""
    served.ask("PUT", "/_streamlab/rules", {"reply": "One."})
    asking = threading.Timer(0.02, lambda: (served.say(), served.say()))
    asking.start()
    assert len(served.ask("GET", "/_streamlab/journal?ended=2&wait=5").json["calls"]) == 2
    asking.join()
    seen = served.ask("GET", "/_streamlab/journal").json["changes"]
    assert served.ask("GET", f"/_streamlab/journal?changes={seen}&wait=0.01").json["changes"] == seen
    assert served.ask("GET", "/_streamlab/journal?ended=3&wait=0.01").status == 200
    asking = threading.Timer(0.02, served.say)
    asking.start()
    assert served.ask("GET", f"/_streamlab/journal?changes={seen}&wait=5").json["changes"] != seen
    asking.join()


def test_a_client_that_leaves_while_it_waits_does_no_harm(served: Served) -> None:
    """The next is answered."""
    with RawClient(served.url) as client:
        client.socket.sendall(request("/_streamlab/journal?ended=9&wait=60", method="GET"))
    assert served.ask("GET", "/_streamlab/health").status == 200


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/_streamlab/rules", {"host": "evil.com"}, 403),
        ("GET", "/_streamlab/rules", {"host": None}, 403),
        ("POST", "/_streamlab/reset", {"origin": "http://evil.com"}, 403),
        ("OPTIONS", "/_streamlab/rules", {"origin": "http://evil.com", "access_control_request_method": "PUT"}, 403),
        ("OPTIONS", "/~lab-9/_streamlab/health", {"origin": "http://evil.com"}, 403),
        ("POST", "/_streamlab/reset", {"x_forwarded_for": "1.2.3.4"}, 403),
        ("POST", "/_streamlab/health", {}, 405),
        ("GET", "/_streamlab/nothing", {}, 404),
        ("GET", "/~nowhere/_streamlab/health", {}, 404),
    ],
)
def test_what_is_refused_may_be_read_by_no_page_and_stands_in_no_journal(
    served: Served, method: str, path: str, headers: dict[str, str | None], status: int
) -> None:
    """With an error in JSON, and without a word to browsers that it may be read."""
    version = "1.0" if headers.get("host", "") is None else "1.1"
    fields: dict[str, str | None] = {name.replace("_", "-"): value for name, value in headers.items()}
    with RawClient(served.url) as client:
        refused = client.ask(request(path, method=method, body=b"", headers=fields, version=version))
    assert refused.status == status
    assert refused.json["error"]["message"]
    assert not [name for name in refused.headers if name.startswith("access-control")]
    assert (refused.headers["cache-control"], refused.headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert ("allow" in refused.headers) == (status == 405)
    assert (len(served.root.journal), served.ended) == (0, [])


def test_a_token_is_demanded_of_everybody_and_stands_nowhere(guarded: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Not in journals, logs or errors, wherever it is sent."""
    caplog.set_level(logging.DEBUG)
    answers = [
        guarded.ask("GET", "/_streamlab/rules"),
        guarded.ask("GET", "/_streamlab/rules", x_streamlab_token="wrong-" + TOKEN[:5]),
        guarded.ask("PUT", "/_streamlab/rules", {"reply": "One."}, x_streamlab_token=TOKEN, host="evil.com", origin="http://x"),
        guarded.say(x_streamlab_token=TOKEN),
        guarded.ask("GET", "/_streamlab/journal", x_streamlab_token=TOKEN),
        guarded.ask("GET", "/_streamlab/nothing", x_streamlab_token=TOKEN),
        guarded.ask("GET", "/_streamlab/health"),
    ]
    assert [each.status for each in answers] == [403, 403, 200, 200, 200, 404, 200]
    told = b"".join(each.raw for each in answers).decode() + caplog.text + repr(guarded.root.journal[0].request)
    assert TOKEN not in told
    assert TOKEN[:5] not in told
    assert guarded.root.journal[0].request.header("x-streamlab-token") == "[redacted]"


def test_nothing_is_read_from_whoever_may_not_ask(guarded: Served) -> None:
    """The answer comes before the body."""
    with RawClient(guarded.url) as client:
        client.socket.sendall(b"PUT /_streamlab/rules HTTP/1.1\r\nhost: localhost\r\ncontent-length: 30000000\r\n\r\n")
        assert client.answer().status == 403


def test_a_namespace_that_is_forgotten_while_a_body_comes_is_gone(served: Served) -> None:
    """Nothing is done to it."""
    served.ask("POST", "/_streamlab/namespaces", {"name": "a"})
    data = request("/~a/_streamlab/rules", method="PUT", body={"reply": "One."})
    with RawClient(served.url) as client:
        client.socket.sendall(data[:-1])
        time.sleep(0.01)
        served.ask("DELETE", "/~a/_streamlab/namespace")
        client.socket.sendall(data[-1:])
        assert client.answer().status == 404


def test_a_body_that_is_too_large_is_refused(served: Served) -> None:
    """By what it says of itself."""
    with RawClient(served.url) as client:
        head = f"PUT /_streamlab/rules HTTP/1.1\r\nhost: localhost\r\ncontent-length: {MAX_BODY + 1}\r\n\r\n"
        client.socket.sendall(head.encode())
        assert client.answer().status == 413


def test_a_crash_is_an_answer_too(served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """One that tells nothing of what was sent."""

    def crash(*_: object) -> None:
        raise RuntimeError(TOKEN)

    monkeypatch.setattr("streamlab.net.control.read_sent", crash)
    answered = served.ask("PUT", "/_streamlab/rules", {"reply": "One."})
    assert (answered.status, answered.json["error"]["message"]) == (500, "this cannot be done: RuntimeError")
    assert TOKEN not in caplog.text


def test_control_and_api_share_a_connection(served: Served) -> None:
    """As they do in a pool of a client."""
    with RawClient(served.url) as client:
        assert client.ask(request("/_streamlab/rules", method="PUT", body={"reply": "One."})).status == 200
        assert client.ask(request()).status == 200
        assert client.ask(request("/_streamlab/journal", method="GET")).json["calls"][0]["reused"] is True


def test_a_server_that_stops_ends_what_waits() -> None:
    """At once."""
    running = Served()
    with RawClient(running.url) as client:
        client.socket.sendall(request("/_streamlab/journal?ended=1&wait=60", method="GET"))
        running.background.stop()
    assert not running.background._thread.is_alive()


def test_only_loopback_is_heard_without_a_token() -> None:
    """The address is that of the connection, whatever the request says."""
    server = MockServer(Namespace())

    class _Transport:
        def get_extra_info(self, name: str) -> object:
            return {"peername": ("192.0.2.7", 1)}[name]

    class _Incoming:
        headers: dict[str, str] = {"host": "localhost"}  # noqa: RUF012 - it stands for aiohttp's

    refused = server.control._refusal(_Incoming(), _Transport(), "")  # type: ignore[arg-type]
    assert refused is not None
    assert refused.message == "only programs on this machine control the server"
