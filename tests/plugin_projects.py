"""Projects whose tests use the plugin, run by a pytest of their own in this process."""

from __future__ import annotations

import os
from importlib import import_module

import pytest

from streamlab import serve
from streamlab.core.environment import environment

APP = '''
"""Code under test: it knows the official SDK, and nothing of streamlab."""
import anthropic

ASK = {"model": "claude-sonnet-4-6", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}

class StreamBroken(Exception):
    pass

def greet():
    with anthropic.Anthropic() as client, client.messages.stream(**ASK) as stream:
        return stream.get_final_text()

async def greet_later():
    async with anthropic.AsyncAnthropic() as client, client.messages.stream(**ASK) as stream:
        return await stream.get_final_text()

def ask():
    with anthropic.Anthropic() as client:
        try:
            with client.messages.stream(**ASK) as stream:
                return stream.get_final_message().content[-1].input
        except Exception as error:
            raise StreamBroken from error

def careless():
    try:
        return greet()
    except Exception:
        return None
'''

INI = """
[pytest]
filterwarnings = error
asyncio_default_fixture_loop_scope = function
"""

QUICK = ("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:cov")
"""In the order written, and without plugins that load much."""

SMALL = '''
"""A client that is loaded at once, for processes of their own; it reads the environment when it is imported."""
import json, os, urllib.request

URL, KEY = os.environ.get("ANTHROPIC_BASE_URL"), os.environ.get("ANTHROPIC_API_KEY", "")

def greet(url=URL, key=KEY):
    body = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01", "content-type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/messages", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as response:
        return json.load(response)["content"][0]["text"]
'''

VARIABLES = tuple(environment("http://unused", {}))
ENVIRONMENT = f"""
import os
NAMES = {VARIABLES!r}

def current():
    return {{name: os.environ.get(name) for name in NAMES}}
"""


@pytest.fixture(scope="session")
def plugin_loaded() -> None:
    """Load once what every run below uses: a run in this process forgets only the modules that it loaded itself."""
    for name in ("pytest_lab", "net.lab_recorder", "net.remote"):
        import_module(f"streamlab.{name}")
    with serve() as lab:
        lab.reply("Loaded.")
        with lab.client.messages.stream(
            model="claude-sonnet-4-6", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]
        ) as stream:
            stream.until_done()


@pytest.fixture
def plugin_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the machine that runs this has set, proxies included."""
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    for name in (*VARIABLES, *proxies):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


@pytest.fixture
def project(pytester: pytest.Pytester, plugin_environment: None, plugin_loaded: None) -> pytest.Pytester:
    """Make a folder with an application that uses the SDK, and nothing else."""
    del plugin_environment, plugin_loaded
    pytester.makeini(INI)
    pytester.makepyfile(app=APP, small=SMALL, envs=ENVIRONMENT)
    pytester.syspathinsert()
    return pytester


def run(project: pytest.Pytester, source: str, *arguments: str) -> pytest.RunResult:
    """Run one file of tests, in this process and in the order written; see that it leaves the environment as it was."""
    project.makepyfile(test_it=source)
    before = {name: os.environ.get(name) for name in VARIABLES}
    result = project.runpytest_inprocess(*QUICK, *arguments)
    assert {name: os.environ.get(name) for name in VARIABLES} == before
    return result


def outcomes(result: pytest.RunResult) -> dict[str, int]:
    """Return how many tests came out how."""
    return {key: count for key, count in result.parseoutcomes().items() if key not in ("warnings", "warning")}
