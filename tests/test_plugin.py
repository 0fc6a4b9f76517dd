"""The pytest plugin, in runs of pytest of its own: what a test gets, what it leaves behind, and how it fails."""

from __future__ import annotations

import pytest
from plugin_projects import INI, QUICK, VARIABLES, outcomes, run

from streamlab.core.environment import DUMMY_KEY

pytest_plugins = ["pytester"]

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


def test_what_a_test_undoes_leaves_it_its_server(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """`monkeypatch.undo()` undoes what the test has patched; the environment is put back when the test ends."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "real")
    source = """
    import app, envs, pytest
    BEFORE = envs.current()

    @pytest.fixture
    def patched(monkeypatch):
        monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://patched")

    def test_undo(patched, streamlab, monkeypatch):
        inside = envs.current()
        monkeypatch.setattr(app, "greet", None)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "other")
        for _ in range(2):
            monkeypatch.undo()
            assert envs.current() == inside
        streamlab.reply("Mine.")
        assert app.greet() == "Mine."
    def test_environment():
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


@pytest.mark.slow
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


@pytest.mark.slow
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


HELD = """
import anthropic, pytest

client = anthropic.Anthropic(max_retries=0)
ASK = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}

def greet():
    return client.messages.create(**ASK).content[0].text

@pytest.mark.parametrize("number", [1, 2])
def test_refused(streamlab, number):
    streamlab.reply("Held.", faults="stall: forever, after: delta 1")
    with client.messages.stream(**ASK) as stream:
        next(iter(stream))
        with streamlab.refuse(), pytest.raises(anthropic.APIConnectionError):
            greet()
    streamlab.reply("Back.")
    assert greet() == "Back."

@pytest.mark.parametrize("times", [None, 5])
def test_refused_to_the_end(streamlab, times):
    streamlab.refuse(times)

def test_next(streamlab):
    streamlab.reply("Taken again.")
    assert greet() == "Taken again."
    client.close()
"""


def test_connections_can_be_refused_and_taken_again_at_the_one_address(project: pytest.Pytester) -> None:
    """While a connection of before is held; what a test leaves refused is not refused to the next."""
    project.makeini(f"{INI}streamlab_early = true\n")
    assert outcomes(run(project, HELD)) == {"passed": 5}


@pytest.mark.slow
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


@pytest.mark.parametrize(
    ("option", "lines"),
    [
        ("--markers", ["@pytest.mark.streamlab(cassette=True, scenario='NAME', *strict=False): give this test a server.*"]),
        (
            "--fixtures",
            [
                "streamlab_settings [[]session scope[]] -- *",
                "    Give the settings of all labs. Override it to change them.",
                "streamlab_server [[]session scope[]] -- *",
                "    Run a server for the whole run; it starts with the first test that needs it.",
                "streamlab -- *",
                "    Give a server that answers as Claude does, with a clean set of replies for this test.",
            ],
        ),
        (
            "--help",
            [
                "streamlab: streams from the Claude API:",
                "  --streamlab-record=MODE",
                "  --streamlab-upstream=URL",
                "  --streamlab-server=URL",
                "*streamlab_early (bool):*",
            ],
        ),
    ],
)
def test_the_plugin_explains_itself(project: pytest.Pytester, option: str, lines: list[str]) -> None:
    """`--markers`, `--fixtures` and `--help` tell of the marker, the fixtures and the settings."""
    run(project, "", option).stdout.fnmatch_lines(lines)


TIMEOUT = """
import app, pytest

@pytest.fixture
def messages(streamlab):
    return streamlab.client.messages

@pytest.mark.timeout(0.5, func_only=True)  # making a client may take longer than this
def test_hangs(streamlab, messages):
    streamlab.reply("Never whole.", faults=["stall: forever, after: delta 1"])
    with messages.stream(**app.ASK) as stream:
        stream.get_final_text()

def test_next(streamlab):
    streamlab.reply("Here.")
    assert app.greet() == "Here."
"""


def test_a_test_that_runs_out_of_time_leaves_the_server_to_the_next(project: pytest.Pytester) -> None:
    """pytest-timeout breaks off the test alone; its journal is in the report."""
    result = run(project, TIMEOUT)
    assert outcomes(result) == {"passed": 1, "failed": 1}
    result.stdout.fnmatch_lines(["E * Failed: Timeout *", "*Captured streamlab journal call*", "  1  POST /v1/messages *"])


RANDOM = """
import app, pytest

@pytest.mark.parametrize("number", range(8))
class TestMany:
    @pytest.mark.streamlab(scenario="hello")
    def test_marked(self, number):
        assert app.greet() == "Hello from streamlab."

    def test_replies(self, streamlab, number):
        streamlab.reply(f"Number {number}.")
        assert app.greet() == f"Number {number}."
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_tests_run_in_any_order(project: pytest.Pytester, seed: int) -> None:
    """With pytest-randomly, which also resets what is random."""
    project.makepyfile(test_it=RANDOM)
    quick = [each for pair in zip(QUICK[::2], QUICK[1::2], strict=True) if pair[1] != "no:randomly" for each in pair]
    result = project.runpytest_inprocess(*quick, f"--randomly-seed={seed}")
    assert outcomes(result) == {"passed": 16}
    result.stdout.fnmatch_lines([f"Using --randomly-seed={seed}"])
