"""The pytest plugin, in runs of pytest of its own: what a test gets, what it leaves behind, and how it fails."""

from __future__ import annotations

import os

import pytest

from streamlab import serve
from streamlab.core.environment import DUMMY_KEY, environment

pytest_plugins = ["pytester"]

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


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    """Load once what every run below uses: a run in this process forgets only the modules that it loaded itself."""
    with serve() as lab:
        lab.reply("Loaded.")
        with lab.client.messages.stream(
            model="claude-sonnet-4-6", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]
        ) as stream:
            stream.until_done()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the machine that runs this has set, proxies included."""
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    for name in (*VARIABLES, *proxies):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Make a folder with an application that uses the SDK, and nothing else."""
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


EXAMPLES = """
import app, pytest, streamlab
from streamlab import Cut, error, tool_use

def test_greets(streamlab):
    streamlab.reply("Hello from streamlab.")
    assert app.greet() == "Hello from streamlab."

def test_backs_off(streamlab):
    streamlab.reply(error("overloaded", headers={"retry-after-ms": "1"}), times=2)
    streamlab.reply("Fine now.")
    assert app.greet() == "Fine now."
    assert [call.status for call in streamlab.journal] == [529, 529, 200]

def test_half_a_tool_call(streamlab):
    streamlab.reply(tool_use("get_weather", location="SF"), faults=[Cut("fin", after="tool_use delta 3")])
    with pytest.raises(app.StreamBroken): app.ask()

@pytest.mark.streamlab(scenario="overloaded-then-fine")
def test_with_a_scenario(streamlab):
    assert app.greet() == "Fine now."
    assert len(streamlab.journal) == 3

def test_without_the_fixture():
    with streamlab.serve("overloaded-then-fine") as lab:
        assert lab.client.messages.create(**app.ASK).content[0].text == "Fine now."

@pytest.mark.asyncio
async def test_without_the_fixture_async():
    async with streamlab.serve("overloaded-then-fine") as lab:
        message = await lab.async_client.messages.create(**app.ASK)
    assert message.content[0].text == "Fine now."
"""


def test_the_examples_of_the_documentation_pass_as_they_are_written(project: pytest.Pytester) -> None:
    """A reply, a retry, a fault, a scenario, and a server without the fixture."""
    assert outcomes(run(project, EXAMPLES)) == {"passed": 6}


def test_each_test_has_a_clean_namespace_of_one_server(project: pytest.Pytester) -> None:
    """Replies and calls of one test are not seen in the next; the server's port is the same."""
    source = """
    import app
    URLS = []

    def check(lab, text):
        lab.reply(text)
        assert app.greet() == text
        assert [call.number for call in lab.journal] == [1]
        URLS.append(lab.url)

    def test_one(streamlab): check(streamlab, "One.")
    def test_two(streamlab): check(streamlab, "Two.")
    def test_urls():
        (one, first), (two, second) = (url.rsplit("/", 1) for url in URLS)
        assert one == two and first != second
    """
    assert outcomes(run(project, source)) == {"passed": 3}


def test_a_failing_test_leaves_nothing_to_the_next(project: pytest.Pytester) -> None:
    """What a test that failed had scripted answers nobody else."""
    source = """
    import app, envs
    BEFORE = envs.current()

    def test_fails(streamlab):
        streamlab.reply("Left over.", times=5)
        raise RuntimeError
    def test_next(streamlab):
        streamlab.reply("Mine.")
        assert app.greet() == "Mine."
    def test_environment():
        assert envs.current() == BEFORE
    """
    assert outcomes(run(project, source)) == {"passed": 2, "failed": 1}


BEFORE = {
    "nothing is set": {},
    "everything is set": dict.fromkeys(VARIABLES, "sk-ant-api03-real"),
    "hosts without a proxy": {"NO_PROXY": "intranet, .example.org", "no_proxy": "other"},
    "an empty value": {"ANTHROPIC_API_KEY": "", "NO_PROXY": "", "ANTHROPIC_AUTH_TOKEN": ""},
}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_the_environment_is_set_for_the_test_and_restored_exactly(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, before: dict[str, str]
) -> None:
    """The SDK's variables point at the server; every other source of credentials is gone; afterwards all is as it was."""
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    source = f"""
    import os, envs
    from streamlab.core.environment import environment
    BEFORE = envs.current()

    def test_inside(streamlab):
        inside = envs.current()
        assert inside["ANTHROPIC_BASE_URL"] == streamlab.url
        assert inside["ANTHROPIC_API_KEY"] == {DUMMY_KEY!r}
        hosts = inside["NO_PROXY"].split(",")
        assert inside["no_proxy"] == inside["NO_PROXY"]
        assert {{"127.0.0.1", "localhost"}} <= set(hosts)
        for name in ("NO_PROXY", "no_proxy"):
            assert {{each.strip() for each in (BEFORE[name] or "").split(",")}} - {{""}} <= set(hosts)
        kept = {{"ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "NO_PROXY", "no_proxy"}}
        assert {{name for name, value in inside.items() if value is not None}} == kept

    def test_after():
        assert envs.current() == BEFORE
    """
    assert outcomes(run(project, source)) == {"passed": 2}


PATCHES = {
    "monkeypatch, asked for first": ("monkeypatch, streamlab", "monkeypatch.setenv('ANTHROPIC_API_KEY', 'mine')"),
    "monkeypatch, asked for last": ("streamlab, monkeypatch", "monkeypatch.setenv('ANTHROPIC_API_KEY', 'mine')"),
    "monkeypatch that takes away": ("monkeypatch, streamlab", "monkeypatch.delenv('ANTHROPIC_API_KEY')"),
    "a fixture that sets, then the lab": ("fake_key, streamlab", "pass"),
    "the lab, then a fixture that sets": ("streamlab, fake_key", "pass"),
    "a dictionary patched inside": ("streamlab", "mock.patch.dict(os.environ, {'ANTHROPIC_API_KEY': 'x'}).start()"),
}


@pytest.mark.parametrize(("arguments", "statement"), PATCHES.values(), ids=PATCHES)
def test_what_a_test_sets_by_itself_does_not_leak(project: pytest.Pytester, arguments: str, statement: str) -> None:
    """Whatever the order, the environment after the test is the one before it: no dummy key, no address of the server."""
    source = f"""
    import os, envs, pytest
    from unittest import mock
    BEFORE = envs.current()

    @pytest.fixture
    def fake_key(monkeypatch):
        monkeypatch.setenv("ANTHROPIC_API_KEY", "fake")

    def test_sets({arguments}):
        {statement}
        mock.patch.stopall()

    def test_after():
        assert envs.current() == BEFORE
    """
    assert outcomes(run(project, source)) == {"passed": 2}


def test_the_server_is_reached_past_a_proxy_that_is_dead(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is taken out of the proxy's reach, for the sync and the async client."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    source = """
    import app, pytest

    def test_sync(streamlab):
        streamlab.reply("Here.")
        assert app.greet() == "Here."

    @pytest.mark.asyncio
    async def test_async(streamlab):
        streamlab.reply("Here.")
        assert await app.greet_later() == "Here."
    """
    assert outcomes(run(project, source)) == {"passed": 2}


def test_a_real_key_never_reaches_the_server(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """No credential of the environment is in a request, by whatever variable the SDK would read it."""
    for name in VARIABLES:
        if name.startswith("ANTHROPIC_") and not name.endswith(("URL", "FILE", "DIR", "HEADERS")):
            monkeypatch.setenv(name, "sk-ant-api03-real")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Secret: sk-ant-api03-real")
    source = f"""
    import app

    def test_it(streamlab):
        seen = []
        streamlab.reply(lambda request: seen.append(request) or "Here.")
        assert app.greet() == "Here."
        assert "sk-ant-api03-real" not in repr(seen)
        assert {DUMMY_KEY!r} in repr(seen[0].headers)
    """
    assert outcomes(run(project, source)) == {"passed": 1}


@pytest.mark.parametrize("plugin", ["asyncio", "anyio"])
def test_async_tests_work(project: pytest.Pytester, plugin: str) -> None:
    """The same fixture serves coroutines of either plugin, several calls at a time, and its misses fail them too."""
    source = f"""
    import app, asyncio, pytest
    pytestmark = pytest.mark.{plugin}

    @pytest.fixture
    def anyio_backend():
        return "asyncio"

    async def test_concurrent(streamlab):
        streamlab.reply("Both.", times=2)
        assert await asyncio.gather(app.greet_later(), app.greet_later()) == ["Both.", "Both."]

    async def test_the_client_of_the_lab(streamlab):
        streamlab.reply("Mine.")
        async with streamlab.async_client as client:
            message = await client.messages.create(**app.ASK)
        assert message.content[0].text == "Mine."

    async def test_misses(streamlab):
        with pytest.raises(Exception):
            await app.greet_later()
    """
    result = run(project, source)
    assert outcomes(result) == {"passed": 2, "failed": 1}
    result.stdout.fnmatch_lines(["streamlab: call 1, POST /v1/messages: no rule matches this request: there are no rules"])


def test_threads_and_processes_of_a_test_are_served(project: pytest.Pytester) -> None:
    """The environment is inherited, and replies may be scripted while others call."""
    source = """
    import app, subprocess, sys, threading

    def test_threads(streamlab):
        streamlab.reply("Hello.", times=4)
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(app.greet())) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert answers == ["Hello."] * 4

    def test_processes(streamlab):
        streamlab.reply("From afar.")
        command = [sys.executable, "-c", "import app; print(app.greet())"]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "From afar.\\n"
        assert [call.status for call in streamlab.journal] == [200]
    """
    assert outcomes(run(project, source)) == {"passed": 2}


def test_workers_of_xdist_have_servers_of_their_own(project: pytest.Pytester) -> None:
    """Each process starts one server; nothing is shared."""
    source = """
    import os, pytest, small

    @pytest.mark.parametrize("number", range(6))
    def test_it(streamlab, number):
        assert small.URL is None
        streamlab.reply(f"Number {number}.")
        assert small.greet(streamlab.url) == f"Number {number}."
        assert len(streamlab.journal) == 1
    """
    assert outcomes(run(project, source, "-n", "2")) == {"passed": 6}


UNITTEST = """
import app, pytest, unittest

class TestPlain:
    @pytest.fixture(autouse=True)
    def _lab(self, streamlab):
        self.lab = streamlab

    def test_it(self):
        self.lab.reply("Plain.")
        assert app.greet() == "Plain."

class TestCase(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _lab(self, streamlab):
        self.lab = streamlab

    def test_it(self):
        self.lab.reply("Case.")
        self.assertEqual(app.greet(), "Case.")

    def test_unused(self):
        self.lab.reply("Never asked for.")

@pytest.mark.streamlab(scenario="hello")
class TestMarked(unittest.TestCase):
    def test_it(self):
        self.assertEqual(app.greet(), "Hello from streamlab.")

class TestLater(unittest.IsolatedAsyncioTestCase):
    @pytest.fixture(autouse=True)
    def _lab(self, streamlab):
        streamlab.reply("Later.")

    async def test_it(self):
        self.assertEqual(await app.greet_later(), "Later.")
"""


def test_classes_work(project: pytest.Pytester) -> None:
    """Plain classes and those of unittest get the lab by a fixture of their own, or by the marker."""
    result = run(project, UNITTEST)
    assert outcomes(result) == {"passed": 4, "failed": 1}
    result.stdout.fnmatch_lines(["FAILED test_it.py::TestCase::test_unused - Failed: streamlab: *"])


def test_without_the_plugin_there_is_nothing(project: pytest.Pytester) -> None:
    """With `-p no:streamlab` neither the fixture nor the marker exists."""
    result = run(project, "def test_asks(streamlab): pass", "-p", "no:streamlab")
    assert outcomes(result) == {"errors": 1}
    result.stdout.fnmatch_lines(["*fixture 'streamlab' not found"])
    project.makepyfile(test_it="import pytest\n@pytest.mark.streamlab\ndef test_marked(): pass")
    result = project.runpytest_subprocess(*QUICK, "-p", "no:streamlab", "--strict-markers")
    result.stdout.fnmatch_lines(["*'streamlab' not found in `markers` configuration option"])


def test_importlib_mode_works(project: pytest.Pytester) -> None:
    """The fixture is found when test modules are no importable names."""
    source = """
    def test_it(streamlab):
        streamlab.reply("Here.")
        message = streamlab.client.messages.create(
            model="claude-sonnet-4-6", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]
        )
        assert message.content[0].text == "Here."
    """
    assert outcomes(run(project, source, "--import-mode=importlib")) == {"passed": 1}


MARKED = """
import app, pathlib, pytest
pytestmark = pytest.mark.streamlab(scenario="hello")

def test_the_module_is_marked():
    assert app.greet() == "Hello from streamlab."

@pytest.mark.streamlab(scenario="max-tokens")
def test_the_nearest_mark_comes_first(streamlab):
    assert app.greet().startswith("This answer was going to be")
    assert [call.rule for call in streamlab.journal] == ["max-tokens"]

@pytest.mark.streamlab(scenario="haiku")
class TestClass:
    def test_of_the_class(self):
        assert app.greet().startswith("Tokens drift")

    @pytest.mark.streamlab(scenario=["conversation", "hello"])
    def test_of_the_function(self, streamlab):
        assert app.greet() == "Hello! What is your name?"

class TestDerived(TestClass):
    pass

@pytest.mark.streamlab(scenario="beside.yaml")
def test_a_file_beside_the_test():
    assert app.greet() == "From beside."

@pytest.mark.streamlab(scenario=pathlib.Path("deeper") / "below.yaml")
def test_a_path_beside_the_test():
    assert app.greet() == "From below."

@pytest.mark.streamlab
def test_a_bare_mark_adds_nothing():
    assert app.greet() == "Hello from streamlab."

def test_replies_come_after_scenarios(streamlab):
    streamlab.reset()
    streamlab.reply("Only mine.")
    assert app.greet() == "Only mine."
"""


def test_the_marker_serves_scenarios_to_functions_classes_and_modules(project: pytest.Pytester) -> None:
    """A marked test uses the fixture without asking for it; marks nearer to the test answer first."""
    project.makefile(".yaml", **{"tests/beside": "reply: From beside.", "tests/deeper/below": "reply: From below."})
    project.path.joinpath("tests", "test_marked.py").write_text(MARKED, encoding="utf-8")
    result = project.runpytest_inprocess(*QUICK, "tests")
    assert outcomes(result) == {"passed": 10}


def test_a_mark_stays_where_it_is_written(project: pytest.Pytester) -> None:
    """Tests beside a marked one, and modules beside a marked one, do not get the server."""
    project.makepyfile(
        test_marked="""
        import pytest
        pytestmark = pytest.mark.streamlab(scenario="hello")
        def test_it(request): assert "streamlab" in request.fixturenames
        """
    )
    source = """
    import os, pytest

    @pytest.mark.streamlab(scenario="hello")
    def test_marked(request): assert "streamlab" in request.fixturenames

    def test_beside(request): assert "streamlab" not in request.fixturenames
    """
    assert outcomes(run(project, source)) == {"passed": 3}


WRONG = {
    "by position": ("'hello'", ["@pytest.mark.streamlab('hello') is not understood", "  hint: write @pytest.mark.streamlab(*"]),
    "another key": ("scenarios='hello'", ["@pytest.mark.streamlab(scenarios='hello') is not understood"]),
    "no text": ("scenario=3", ["@pytest.mark.streamlab(scenario=3) is not understood"]),
    "no texts": ("scenario=['hello', 3]", ["@pytest.mark.streamlab(scenario=*'hello', 3*) is not understood"]),
    "a misspelt name": (
        "scenario='helo'",
        ["@pytest.mark.streamlab: there is no file and no shipped scenario 'helo'", "  hint: did you mean 'hello'?*"],
    ),
    "a missing file": ("scenario='gone.yaml'", ["@pytest.mark.streamlab: gone.yaml: there is no such file"]),
}


@pytest.mark.parametrize(("arguments", "lines"), WRONG.values(), ids=WRONG)
def test_a_wrong_mark_is_a_clear_failure(project: pytest.Pytester, arguments: str, lines: list[str]) -> None:
    """The message says what was written and what to write; no line of streamlab's own code is shown."""
    source = f"""
    import pytest
    @pytest.mark.streamlab({arguments})
    def test_it(): raise RuntimeError("it must not run")
    """
    result = run(project, source)
    assert outcomes(result) == {"errors": 1}
    result.stdout.fnmatch_lines(lines)
    result.stdout.no_fnmatch_line("*RuntimeError*")
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


MISS = (
    "streamlab: call 1, POST /v1/messages: no rule matches this request; the nearest is 'reply 1': "
    "last_user: expected a text with 'weather', got 'Hi'"
)
PROBLEMS = {
    "a request that nothing matches": (
        """streamlab.reply("It is sunny.", when={"last_user": "weather"})""",
        "greet",
        [
            MISS,
            "'reply 1' was given 0 of 1 times",
            "the calls were:",
            "  <Call 1 POST /v1/messages 404 0 events, complete by server>",
        ],
    ),
    "a reply that nobody asked for": (
        """streamlab.reply("Never."); streamlab.reply("Nor this.", times=3)""",
        "nothing",
        ["streamlab: 'reply 1' was given 0 of 1 times", "'reply 2' was given 0 of 3 times", "there were no calls"],
    ),
    "a reply asked for too seldom": (
        """streamlab.reply("Twice.", times=2)""",
        "greet",
        [
            "streamlab: 'reply 1' was given 1 of 2 times",
            "the calls were:",
            "  <Call 1 * 200 'reply 1' * events, complete by *>",
        ],
    ),
    "one call too many": (
        """streamlab.reply("Once."); app.greet()""",
        "greet",
        ["streamlab: call 2, *: no rule matches this request; the nearest is 'reply 1': all its replies have been given"],
    ),
    "a fault without a place": (
        """streamlab.reply("Short.", faults=[{"cut": "fin", "after": "delta 99"}])""",
        "greet",
        ["streamlab: call 1, *: faults.0.after: the answer has no place 'delta 99'", "  hint: the answer has: event 1..*"],
    ),
}


@pytest.mark.parametrize(("script", "call", "lines"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_did_not_go_as_asked_fails_a_test_that_swallows_everything(
    project: pytest.Pytester, script: str, call: str, lines: list[str]
) -> None:
    """The test itself fails, not its teardown, and the report is the problem alone: no traceback."""
    source = f"""
    import app
    def nothing(): pass
    def test_it(streamlab):
        {script}
        {"nothing()" if call == "nothing" else "app.careless()"}
    """
    result = run(project, source)
    assert outcomes(result) == {"failed": 1}
    result.stdout.fnmatch_lines(["*_ test_it _*", *lines], consecutive=True)
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_it - Failed: streamlab: *"])
    for unwanted in ("*pytest_plugin.py*", "*lab.py*", "*VerificationError*"):
        result.stdout.no_fnmatch_line(unwanted)


def test_a_test_that_fails_by_itself_shows_what_did_not_go_as_asked(project: pytest.Pytester) -> None:
    """It fails once, with its own traceback, and a section of its report tells of the miss."""
    source = """
    import app
    def test_it(streamlab):
        streamlab.reply("It is sunny.", when={"last_user": "weather"})
        assert app.careless() == "It is sunny."

    def test_all_is_well_but_the_assertion(streamlab):
        streamlab.reply("It rains.")
        assert app.greet() == "It is sunny."
    """
    result = run(project, source)
    assert outcomes(result) == {"failed": 2}
    result.stdout.fnmatch_lines(
        [
            "E * AssertionError: assert None == 'It is sunny.'",
            "*- Captured streamlab call -*",
            "streamlab: call 1, POST /v1/messages: no rule matches this request; the nearest is 'reply 1': last_user: *",
            "*_ test_all_is_well_but_the_assertion _*",
        ]
    )
    assert result.stdout.str().count("Captured streamlab call") == 1


def test_skips_and_expected_failures_are_left_alone(project: pytest.Pytester) -> None:
    """A skipped test needs no call; a test that is expected to fail may do so by a miss."""
    source = """
    import app, pytest

    def test_skips(streamlab):
        streamlab.reply("Never.")
        pytest.skip("not today")

    @pytest.mark.xfail(strict=True)
    def test_expected(streamlab):
        app.careless()

    def test_forgets(streamlab):
        app.careless()
        streamlab.reply("Never.")
        streamlab.reset()
    """
    assert outcomes(run(project, source)) == {"skipped": 1, "xfailed": 1, "passed": 1}


def test_a_miss_after_the_test_is_an_error(project: pytest.Pytester) -> None:
    """What another fixture asks for when the test is over is looked at as well, and told once."""
    source = """
    import app, pytest

    @pytest.fixture
    def says_goodbye(streamlab):
        yield
        app.careless()

    def test_it(streamlab, says_goodbye):
        streamlab.reply("Hello.")
        app.greet()

    def test_told_already(streamlab):
        app.careless()
    """
    result = run(project, source)
    assert outcomes(result) == {"passed": 1, "errors": 1, "failed": 1}
    result.stdout.fnmatch_lines(
        ["streamlab: when the test was over,", "no rule matches this request; the nearest is 'reply 1': all its replies *"]
    )
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


EARLY = """
import anthropic, app, envs, os, pytest

CLIENT = anthropic.Anthropic()  # reads the environment now, before any test
AT_IMPORT = envs.current()

def greet():
    with CLIENT.messages.stream(**app.ASK) as stream:
        return stream.get_final_text()

@pytest.mark.parametrize("number", range(2))
def test_a_client_built_at_import(streamlab, number):
    assert AT_IMPORT["ANTHROPIC_BASE_URL"] == os.environ["ANTHROPIC_BASE_URL"] == streamlab.url
    streamlab.reply(f"Number {number}.")
    assert greet() == f"Number {number}."
    assert len(streamlab.journal) == 1

def test_a_client_built_in_the_test(streamlab):
    streamlab.reply("New.")
    assert app.greet() == "New."

@pytest.mark.streamlab(scenario="hello")
def test_scenarios():
    assert greet() == "Hello from streamlab."

def test_misses_fail(streamlab):
    with pytest.raises(anthropic.NotFoundError):
        greet()

def test_between_tests():
    assert envs.current() == AT_IMPORT
    CLIENT.close()
"""


def test_early_serves_clients_that_are_built_at_import(project: pytest.Pytester) -> None:
    """With `streamlab_early` the environment is set before collection, and every test answers at that address."""
    result = run(project, EARLY, "-o", "streamlab_early=true")
    assert outcomes(result) == {"passed": 5, "failed": 1}
    result.stdout.fnmatch_lines(["streamlab: call 1, POST /v1/messages: no rule matches this request: there are no rules"])


def test_early_works_in_the_workers_of_xdist(project: pytest.Pytester) -> None:
    """Each process reserves a port of its own, whatever it inherits."""
    source = """
    import pytest, small

    @pytest.mark.parametrize("number", range(4))
    def test_it(streamlab, number):
        assert small.URL == streamlab.url
        streamlab.reply(f"Number {number}.")
        assert small.greet() == f"Number {number}."
        assert len(streamlab.journal) == 1
    """
    project.makeini(f"{INI}streamlab_early = true\n")
    assert outcomes(run(project, source, "-n", "2")) == {"passed": 4}


def test_early_keeps_the_real_key_from_modules(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read at import is the dummy; when the run is over the real key is back."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api03-real")
    source = f"""
    import os
    KEY = os.environ["ANTHROPIC_API_KEY"]
    def test_it(): assert KEY == os.environ["ANTHROPIC_API_KEY"] == {DUMMY_KEY!r}
    """
    assert outcomes(run(project, source, "-o", "streamlab_early=true")) == {"passed": 1}


def test_without_early_the_environment_is_set_for_tests_only(project: pytest.Pytester) -> None:
    """Modules are collected with the environment as it is."""
    source = """
    import envs
    BEFORE = envs.current()
    def test_it(): assert set(BEFORE.values()) == {None}
    """
    assert outcomes(run(project, source)) == {"passed": 1}


def test_the_plugin_explains_itself(project: pytest.Pytester) -> None:
    """`--markers`, `--fixtures` and `--help` tell of the marker, the fixtures and the setting."""
    for option, line in (
        ("--markers", "@pytest.mark.streamlab(scenario=*): serve a scenario*"),
        ("--fixtures", "streamlab -- *"),
        ("--help", "*streamlab_early (bool):*"),
    ):
        run(project, "", option).stdout.fnmatch_lines([line])
