"""The control API from other languages: Node with its own test runner, a shell with curl, Python with nothing of ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamlab.core.environment import CONTROL_TOKEN
from streamlab.net.background import Background
from streamlab.net.server import MockServer, Namespace

CLIENTS = Path(__file__).resolve().parent.parent / "clients"
TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture(params=[None, TOKEN], ids=["open", "token"])
def environment(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Give the environment of a program that finds a server, and its token if it has one."""
    background = Background(MockServer(Namespace(), token=request.param))
    token = {} if request.param is None else {CONTROL_TOKEN: request.param}
    clean = {
        name: value for name, value in os.environ.items() if name.lower() not in ("http_proxy", "https_proxy", "all_proxy")
    }
    yield {**clean, "STREAMLAB_URL": background.start("127.0.0.1", 0), **token}
    background.stop()


def test_a_test_suite_of_node_scripts_and_reads_a_server(environment: dict[str, str]) -> None:
    """With its own runner."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    done = subprocess.run(
        ["node", "--test-reporter=tap", CLIENTS / "control.mjs"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 4\n" in done.stdout


def test_a_shell_scripts_and_reads_a_server(environment: dict[str, str], tmp_path: Path) -> None:
    """With curl, and no token, or none of it."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (tmp_path / "scenario.yaml").write_text("rules: [{name: mine, when: {last_user: x}, reply: No.}]", encoding="utf-8")
    done = subprocess.run(
        ["sh", CLIENTS / "control.sh"], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    decoder, told, rest = json.JSONDecoder(), [], done.stdout
    while rest:
        value, end = decoder.raw_decode(rest)
        told.append(value)
        rest = rest[end:].lstrip()
    if CONTROL_TOKEN in environment:
        assert {value["error"]["message"] for value in told if "kind" in value.get("error", {})} == {
            "this server demands its control token"
        }
        return
    made, rules, added, message, journal, gone = told
    assert made["path"] == "/~mine"
    assert (rules["added"], added["added"]) == (["sent"], ["mine"])
    assert message["content"][0]["text"] == "One."
    assert [call["rule"] for call in journal["calls"]] == ["sent"]
    assert gone == {}


def test_a_program_needs_nothing_of_ours(environment: dict[str, str]) -> None:
    """Only HTTP and JSON."""
    base, opener = environment["STREAMLAB_URL"], urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": "any"}
        if CONTROL_TOKEN in environment:
            headers["x-streamlab-token"] = environment[CONTROL_TOKEN]
        asked = urllib.request.Request(base + path, data, headers, method=method)  # noqa: S310 - it is http
        with opener.open(asked, timeout=30) as answer:
            return json.load(answer)

    place = ask("POST", "/_streamlab/namespaces", {"settings": {"seed": 3}})["path"]
    ask("PUT", f"{place}/_streamlab/rules", {"reply": "Hello."})
    message = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    assert ask("POST", f"{place}/v1/messages", message)["content"][0]["text"] == "Hello."
    (call,) = ask("GET", f"{place}/_streamlab/journal?wait=5")["calls"]
    assert (call["request"]["last_user"], call["ended"]) == ("Hi", "complete")
