"""Recording in tests: what each mode does, against a server of ours behind TLS, and what is said when it cannot be done."""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from plugin_projects import outcomes, run
from raw_upstream import authority
from sample_upstream import _behind_tls

from streamlab import Lab, serve
from streamlab.files.cassette import Cassette
from streamlab.files.lab_settings import LabSettings
from streamlab.pytest_recording import cassette_paths, own_name

pytest_plugins = ["pytester"]

pytestmark = pytest.mark.slow

KEY = "sk-ant-api03-" + "real" * 8
RECORDED = """
import app, pytest

@pytest.mark.streamlab(cassette=True)
def test_own(streamlab):
    assert app.greet() == "First."
    assert [call.status for call in streamlab.journal] == [200]
    assert streamlab.journal.only.ended == "complete"

class TestClass:
    @pytest.mark.streamlab(cassette="shared")
    @pytest.mark.parametrize("number", [1, 2])
    def test_shared(self, streamlab, number):
        app.ASK["max_tokens"] = number
        assert app.greet() in ("First.", "Then.", "Later.")

def test_without(streamlab):
    streamlab.reply("Scripted.")
    assert app.greet() == "Scripted."
"""
RECORD = "--streamlab-record="
CONFTEST = """
import pytest
from streamlab import LabSettings

@pytest.fixture(scope="session")
def streamlab_settings():
    return LabSettings({words})
"""


@dataclass(frozen=True)
class Api:
    """What stands for the API: its URL, the option that names it, and the lab behind it."""

    url: str
    lab: Lab

    @property
    def option(self) -> str:
        """The option that records it."""
        return f"--streamlab-upstream={self.url}"


@pytest.fixture
def api(tmp_path_factory: pytest.TempPathFactory, project: pytest.Pytester) -> Iterator[Api]:
    """Give an upstream that answers every request in turn, and tells the project's tests to trust it."""
    folder = tmp_path_factory.mktemp("authority")
    authority().cert_pem.write_to_path(str(folder / "ca.pem"))
    conftest(project, ca_file=str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert("127.0.0.1").configure_cert(context)
    with upstream(context) as found:
        yield found


@contextmanager
def upstream(context: ssl.SSLContext) -> Iterator[Api]:
    """Answer what a test asks, by TLS; it need not ask for all of it."""
    with serve() as lab:
        for text in ("First.", "Then.", "Later."):
            lab.reply(text)
        lab.reply("And so on.", times=100)
        with _behind_tls(context, urlsplit(lab.url).port or 0) as port:
            yield Api(f"https://127.0.0.1:{port}", lab)
        lab.reset()


def conftest(project: pytest.Pytester, **words: object) -> None:
    """Write the settings of a project."""
    project.makeconftest(CONFTEST.replace("{words}", ", ".join(f"{name}={value!r}" for name, value in words.items())))


def files(project: pytest.Pytester, folder: str = "cassettes") -> dict[str, int]:
    """Return the files in the folder of the cassettes, each with how many exchanges it has."""
    found = sorted(path for path in (project.path / folder).rglob("*") if path.is_file())
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in found)
    return {str(path.relative_to(project.path / folder)): len(Cassette(path)) for path in found}


def data(project: pytest.Pytester) -> dict[str, bytes]:
    """Return the bytes of every cassette."""
    return {str(path): path.read_bytes() for path in (project.path / "cassettes").rglob("*.yaml")}


ALL = {"shared.yaml": 2, "test_it/test_own.yaml": 1}


def test_a_missing_cassette_is_an_error_that_says_the_command(project: pytest.Pytester) -> None:
    """Nothing is recorded, and so nothing is spent, unless the command line says so: no mark does."""
    source = """
    import pytest
    @pytest.mark.streamlab(cassette=True, record="all")
    def test_own(): raise RuntimeError("it must not run")
    @pytest.mark.streamlab(cassette="weather")
    @pytest.mark.parametrize("city", ["Rome"])
    def test_named(streamlab, city): raise RuntimeError("it must not run")
    """
    result = run(project, source)
    assert outcomes(result) == {"errors": 2}
    result.stdout.fnmatch_lines(
        [
            "*_ ERROR at setup of test_own _*",
            "streamlab: there is no cassette cassettes/test_it/test_own.yaml",
            "  hint: record it: pytest test_it.py::test_own --streamlab-record=once",
            "*_ ERROR at setup of test_named[[]Rome] _*",
            "streamlab: there is no cassette cassettes/weather.yaml",
            "  hint: record it: pytest 'test_it.py::test_named[[]Rome]' --streamlab-record=once",
            "=* short test summary info *=",
        ],
        consecutive=True,
    )
    assert not (project.path / "cassettes").exists()


def test_a_command_that_would_not_help_alone_says_what_would(project: pytest.Pytester, api: Api) -> None:
    """A mark that records less than the option decides; of several cassettes only the first is recorded into."""
    source = """
    import app, pytest
    @pytest.mark.streamlab(cassette="one", record="none")
    def test_none(): pass
    @pytest.mark.streamlab(cassette="two", record="once")
    def test_once(): app.careless()
    @pytest.mark.streamlab(cassette=["two", "three"])
    def test_both(): pass
    """
    run(project, source, "--streamlab-record=once", "-k", "once", api.option)
    result = run(project, source.replace("app.careless()", "app.ASK['max_tokens'] = 7; app.careless()"))
    assert outcomes(result) == {"errors": 2, "failed": 1}
    first = "(first take record='{}' out of its mark, which decides)"
    result.stdout.fnmatch_lines(
        [
            f"  hint: record it: pytest test_it.py::test_none --streamlab-record=once {first.format('none')}",
            "streamlab: there is no cassette cassettes/three.yaml",
            "  hint: only the first cassette of a test is recorded into: name this one first in the mark of another",
            f"  hint: * what is missing: pytest test_it.py::test_once --streamlab-record=new {first.format('once')}",
        ]
    )


def test_the_command_that_is_said_is_the_one_that_records(project: pytest.Pytester, api: Api) -> None:
    """It works as it stands, and from the folder that it was said in."""
    (project.path / "tests").mkdir()
    (project.path / "tests" / "test_it.py").write_text(RECORDED, encoding="utf-8")
    said = project.runpytest_inprocess("-p", "no:cov", "-p", "no:randomly", api.option, "tests/test_it.py::test_own")
    (command,) = set(re.findall(r"hint: record it: pytest (.*)", said.stdout.str()))  # in CI the summary says it again
    done = project.runpytest_inprocess("-p", "no:cov", "-p", "no:randomly", *command.split())
    assert outcomes(done) == {"passed": 1}
    done.stdout.fnmatch_lines(["streamlab: recorded 1 exchange into 1 cassette"])
    assert files(project, "tests/cassettes") == {"test_it/test_own.yaml": 1}


@pytest.mark.parametrize("mode", ["once", "new", "all"])
def test_what_is_recorded_is_replayed_without_an_upstream(project: pytest.Pytester, api: Api, mode: str) -> None:
    """Recorded by TLS, replayed byte for byte as often as one likes; a test without a cassette is as ever."""
    recorded = run(project, RECORDED, f"--streamlab-record={mode}", api.option)
    assert outcomes(recorded) == {"passed": 4}
    recorded.stdout.fnmatch_lines(["streamlab: recorded 3 exchanges into 2 cassettes"])
    assert files(project) == ALL
    assert len(api.lab.journal) == 3
    before = data(project)
    for _ in range(2):
        replayed = run(project, RECORDED)
        assert outcomes(replayed) == {"passed": 4}
        replayed.stdout.fnmatch_lines(["streamlab: replayed 3 exchanges from 2 cassettes"])
        replayed.stdout.no_fnmatch_line("streamlab: unused: *")
    assert data(project) == before
    assert len(api.lab.journal) == 3


MORE = (
    RECORDED.replace(
        'assert app.greet() == "First."\n',
        'assert app.greet() == "First."\n    app.ASK["max_tokens"] = 7\n    assert app.greet() == "Then."\n',
    )
    .replace("== [200]", "== [200, 200]")
    .replace("journal.only", "journal[0]")
)


def test_modes_with_a_cassette_that_is_there(project: pytest.Pytester, api: Api) -> None:
    """None and once replay it; new asks for what it lacks; all asks for all of it anew."""
    own = "test_it.py::test_own"
    run(project, RECORDED, "--streamlab-record=once", api.option, own)
    assert len(api.lab.journal) == 1
    for mode in ("none", "once"):
        assert outcomes(run(project, MORE, f"--streamlab-record={mode}", api.option, own)) == {"failed": 1}
        assert (files(project), len(api.lab.journal)) == ({"test_it/test_own.yaml": 1}, 1)
    result = run(project, MORE, "--streamlab-record=new", api.option, own)
    assert outcomes(result) == {"passed": 1}
    result.stdout.fnmatch_lines(["streamlab: recorded 1 exchange into 1 cassette, replayed 1 exchange from 1 cassette"])
    assert (files(project), len(api.lab.journal)) == ({"test_it/test_own.yaml": 2}, 2)
    api.lab.reset()
    for text in ("First.", "Then."):
        api.lab.reply(text)
    result = run(project, MORE, "--streamlab-record=all", api.option, own)
    assert outcomes(result) == {"passed": 1}
    result.stdout.fnmatch_lines(["streamlab: recorded 2 exchanges into 1 cassette"])
    assert (files(project), len(api.lab.journal)) == ({"test_it/test_own.yaml": 2}, 2)


def test_a_request_that_was_not_recorded_is_told_with_the_command(project: pytest.Pytester, api: Api) -> None:
    """The nearest exchange, the fields that differ, and how to record what is missing; the summary calls the cassette stale."""
    source = """
    import app, pytest
    @pytest.mark.streamlab(cassette=True)
    def test_it(): app.careless()
    """
    run(project, source, "--streamlab-record=once", api.option)
    project.path.joinpath("app.py").write_text(
        project.path.joinpath("app.py").read_text().replace('"max_tokens": 100', '"max_tokens": 200').replace('"Hi"', '"Ho"')
    )
    result = project.runpytest_subprocess("-p", "no:cov", "-p", "no:randomly", "-p", "no:cacheprovider")
    assert outcomes(result) == {"failed": 1}
    result.stdout.fnmatch_lines(
        [
            "*_ test_it _*",
            (
                "streamlab: call 1, POST /v1/messages: no recorded exchange matches this request; "
                "the nearest is exchange 1 of 'test_it':"
            ),
            "  body.max_tokens: recorded 100, got 200",
            "  body.messages.0.content: recorded 'Hi', got 'Ho'",
            "  it asked: model 'claude-sonnet-4-6', stream true, turn 1, last_user 'Ho'",
            (
                "  hint: if the request is as it should be, record what is missing: "
                "pytest test_it.py::test_it --streamlab-record=new"
            ),
        ],
        consecutive=True,
    )
    result.stdout.fnmatch_lines(
        [
            "streamlab: unused: cassettes/test_it/test_it.yaml: none of its 1 exchange was asked for",
            (
                "streamlab: stale: cassettes/test_it/test_it.yaml: record what is missing: "
                "pytest test_it.py::test_it --streamlab-record=new"
            ),
        ],
        consecutive=True,
    )


def test_an_exchange_of_a_shared_cassette_is_left_to_the_summary(project: pytest.Pytester, api: Api) -> None:
    """Tests that name a cassette may share it: they do not warn of each other's exchanges, even if only one of them runs."""
    run(project, RECORDED, "--streamlab-record=once", api.option)
    result = run(project, RECORDED, "-k", "test_shared and 1")
    assert outcomes(result) == {"passed": 1, "deselected": 3}
    result.stdout.fnmatch_lines(["streamlab: unused: cassettes/shared.yaml: exchange 2 of 2 not asked for"])


@pytest.mark.parametrize("is_mark", [True, False])
@pytest.mark.parametrize(("written", "ended"), [("warn", {"passed": 1, "warnings": 1}), ("fail", {"failed": 1})])
def test_an_exchange_of_a_shared_cassette_goes_by_what_was_written(
    project: pytest.Pytester, api: Api, written: str, ended: dict[str, int], *, is_mark: bool
) -> None:
    """In the mark, or in the settings: only what nobody wrote is left out."""
    run(project, RECORDED, "--streamlab-record=once", api.option)
    strict = {"exchanges": written}
    if not is_mark:
        conftest(project, strict=strict)
    source = RECORDED.replace('cassette="shared"', f'cassette="shared", strict={strict}') if is_mark else RECORDED
    result = run(project, source, "-k", "test_shared and 1", "-W", "default")
    assert result.parseoutcomes() == {**ended, "deselected": 3}


def test_the_key_goes_upstream_and_nowhere_else(project: pytest.Pytester, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test gets the dummy, the upstream the key, and the cassette neither."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    seen: list[str] = []
    api.lab.reset()
    api.lab.reply(lambda request: seen.append(request.header("x-api-key") or "") or "First.", times=3)
    source = f"""
    import app, os, pytest
    @pytest.mark.streamlab(cassette=True)
    def test_it(streamlab):
        assert {KEY!r} not in os.environ.values()
        assert app.greet() == "First."
        assert {KEY!r} not in repr(streamlab.journal[0].request)
    """
    for option in ("streamlab_early=false", "streamlab_early=true"):
        result = run(project, source, "--streamlab-record=all", api.option, "-o", option)
        assert outcomes(result) == {"passed": 1}
    assert seen == [KEY, KEY]
    (text,) = data(project).values()
    assert KEY.encode() not in text


def test_without_a_key_the_api_is_not_recorded(project: pytest.Pytester) -> None:
    """Whoever has none would record that it has none."""
    source = """
    import pytest
    @pytest.mark.streamlab(cassette=True)
    def test_it(): raise RuntimeError("it must not run")
    """
    result = run(project, source, "--streamlab-record=once")
    assert outcomes(result) == {"errors": 1}
    result.stdout.fnmatch_lines(
        [
            "*_ ERROR at setup of test_it _*",
            "streamlab: --streamlab-record: neither ANTHROPIC_API_KEY nor ANTHROPIC_AUTH_TOKEN is set",
            "  hint: set one of them",
        ],
        consecutive=True,
    )
    assert not data(project)


EARLY = """
import anthropic, app, pytest
CLIENT = anthropic.Anthropic()

def greet():
    with CLIENT.messages.stream(**app.ASK) as stream:
        return stream.get_final_text()

@pytest.mark.streamlab(cassette=True)
def test_recorded(streamlab):
    assert greet() == "First."
    assert streamlab.journal.only.status == 200

def test_scripted(streamlab):
    streamlab.reply("Scripted.")
    assert greet() == "Scripted."

@pytest.mark.streamlab(cassette=True)
def test_recorded_too(streamlab):
    assert greet() == "Then."
    CLIENT.close()
"""


def test_a_client_that_is_built_at_import_is_recorded(project: pytest.Pytester, api: Api) -> None:
    """The recorder takes the one address for as long as the test runs."""
    early = ("-o", "streamlab_early=true")
    result = run(project, EARLY, "--streamlab-record=once", api.option, *early)
    assert outcomes(result) == {"passed": 3}
    assert files(project) == {"test_it/test_recorded.yaml": 1, "test_it/test_recorded_too.yaml": 1}
    assert outcomes(run(project, EARLY, *early)) == {"passed": 3}


def test_a_recorder_that_cannot_be_made_leaves_the_one_address_to_the_next_test(project: pytest.Pytester) -> None:
    """The server takes connections again."""
    (project.path / "cassettes" / "test_it").mkdir(parents=True)
    (project.path / "cassettes" / "test_it" / "test_recorded.yaml").write_text("streamlab: 1\nreply: No cassette.\n")
    options = (
        "-k",
        "not too",
        "--streamlab-record=all",
        "--streamlab-upstream=http://127.0.0.1:9",
        "-o",
        "streamlab_early=true",
    )
    assert outcomes(run(project, EARLY, *options)) == {"errors": 1, "passed": 1, "deselected": 1}


MIXED = """
import app, pytest
from streamlab import error

@pytest.mark.streamlab(cassette=True, scenario="beside.yaml")
def test_it(streamlab):
    assert app.greet() == "First."
    app.ASK["max_tokens"] = 9
    assert app.greet() == "From beside."
    app.ASK["max_tokens"] = 8
    streamlab.reply("Scripted.", when={"body": {"max_tokens": 8}})
    assert app.greet() == "Scripted."
    assert [call.status for call in streamlab.journal] == [200, 200, 200]
"""


def test_what_scenarios_and_replies_answer_is_not_recorded(project: pytest.Pytester, api: Api) -> None:
    """They answer before the recorder asks the upstream, as they do before a cassette."""
    project.makefile(".yaml", beside="rules:\n- when: {body: {max_tokens: 9}}\n  reply: From beside.")
    for option in ("once", "none"):
        assert outcomes(run(project, MIXED, f"--streamlab-record={option}", api.option)) == {"passed": 1}
        assert files(project) == {"test_it/test_it.yaml": 1}


def test_settings_and_marks_say_how_it_is_recorded(project: pytest.Pytester, api: Api) -> None:
    """Where from and where to, what is secret, what does not count, and which tests are never recorded."""
    ca = re.findall(r"ca_file='([^']*)'", project.path.joinpath("conftest.py").read_text())[0]
    words = {"cassettes": "kept", "redact": ["cust_[0-9]+"], "ignore": ["max_tokens"], "normalise": ["ids"]}
    conftest(project, ca_file=ca, upstream=api.url, timeout="30s", **words)
    source = """
    import app, pytest
    NUMBER = {number}

    @pytest.mark.streamlab(cassette=True)
    def test_it(streamlab):
        app.ASK |= {{"max_tokens": NUMBER, "system": f"For cust_{{NUMBER}}."}}
        assert app.greet() == "First."

    @pytest.mark.streamlab(cassette="never", record="none")
    def test_never(streamlab): raise RuntimeError("it must not run")
    """
    assert outcomes(run(project, source.format(number=1), "--streamlab-record=all")) == {"passed": 1, "errors": 1}
    (path,) = (project.path / "kept").rglob("*.yaml")
    text = path.read_text(encoding="utf-8")
    assert text.startswith(
        "# streamlab cassette\nstreamlab: 1\nkind: cassette\n"
        'match: {"ignore": ["max_tokens"], "normalise": ["ids"]}\nredact: ["cust_[0-9]+"]\n'
    )
    assert "cust_1" not in text
    result = run(project, source.format(number=2))
    assert outcomes(result) == {"passed": 1, "errors": 1}


WORKERS = """
import pytest, small

@pytest.mark.streamlab(cassette="{name}")
@pytest.mark.parametrize("number", range(4))
def test_it(streamlab, number):
    assert small.greet(streamlab.url, "any")
    assert len(streamlab.journal) == 1
"""


def test_workers_record_cassettes_of_their_own(project: pytest.Pytester, api: Api) -> None:
    """Each file is whole, and the summary of the run counts those of all workers."""
    source = WORKERS.replace('"{name}"', "True")
    result = run(project, source, "-n", "4", "--streamlab-record=all", api.option)
    assert outcomes(result) == {"passed": 4}
    result.stdout.fnmatch_lines(["streamlab: recorded 4 exchanges into 4 cassettes"])
    assert files(project) == {f"test_it/test_it[{number}].yaml": 1 for number in range(4)}
    replayed = run(project, source, "-n", "2")
    assert outcomes(replayed) == {"passed": 4}
    replayed.stdout.fnmatch_lines(["streamlab: replayed 4 exchanges from 4 cassettes"])


def test_no_cassette_is_written_by_two_workers(project: pytest.Pytester, api: Api) -> None:
    """The second is told which test has it, and what to do; what the first has recorded is whole."""
    source = WORKERS.replace("{name}", "shared")
    result = run(project, source, "-n", "2", "--dist", "each", "--streamlab-record=all", api.option)
    counts = outcomes(result)
    assert counts == {"passed": 4, "errors": 4}
    result.stdout.fnmatch_lines(
        [
            "streamlab: cassettes/shared.yaml: another worker records into this cassette, for test_it.py::test_it[[]*]",
            (
                "  hint: give each test a cassette of its own: cassette=True; or let one worker have the tests that share it: "
                "--dist loadfile"
            ),
        ]
    )
    assert files(project) == {"shared.yaml": 4}
    together = run(project, source, "-n", "2", "--dist", "loadfile", "--streamlab-record=all", api.option)
    assert outcomes(together) == {"passed": 4}
    assert files(project) == {"shared.yaml": 4}


def test_what_goes_wrong_with_a_recording_fails_the_test(project: pytest.Pytester, api: Api) -> None:
    """A test whose exchange is not in the cassette as it came has passed in vain."""
    source = """
    import app, pytest
    from streamlab.files.cassette_writer import CassetteWriter

    @pytest.mark.streamlab(cassette=True)
    def test_it(monkeypatch):
        def full(*_): raise OSError(28, "No space left on device")
        monkeypatch.setattr(CassetteWriter, "begin", full)
        assert app.greet() == "First."
    """
    result = run(project, source, "--streamlab-record=all", api.option)
    assert outcomes(result) == {"passed": 1, "errors": 1}
    result.stdout.fnmatch_lines(
        [
            "*_ ERROR at teardown of test_it _*",
            "streamlab: POST /v1/messages: not recorded: OSError: [[]Errno 28] No space left on device",
        ],
        consecutive=True,
    )


STALE = """
import app, pytest

@pytest.mark.streamlab(cassette=CASSETTE)
def test_one(streamlab):
    {first}

@pytest.mark.streamlab(cassette=CASSETTE)
def test_two(streamlab):
    app.ASK["max_tokens"] = 200
    assert app.greet()
"""


@pytest.mark.parametrize("first", ["assert app.greet() == 'Never.'", "streamlab.reply('x', when={'turn': 9}); app.greet()"])
def test_a_test_that_fails_replaces_no_cassette(project: pytest.Pytester, api: Api, first: str) -> None:
    """What was recorded is put beside it, for the next run to replace; a test that passes replaces its own."""
    good = STALE.replace("CASSETTE", "True").replace("{first}", "assert app.greet()")
    run(project, good, "--streamlab-record=once", api.option)
    before = data(project)
    result = run(project, STALE.replace("CASSETTE", "True").replace("{first}", first), "--streamlab-record=all", api.option)
    assert outcomes(result) == {"passed": 1, "failed": 1}
    result.stdout.fnmatch_lines(
        [
            "streamlab: recorded 2 exchanges into 2 cassettes",
            (
                "streamlab: kept: cassettes/test_it/test_one.yaml: its test failed; "
                "what it recorded is in cassettes/test_it/test_one.failed.yaml"
            ),
        ],
        consecutive=True,
    )
    assert files(project) == {f"test_it/test_{name}.yaml": 1 for name in ("one", "one.failed", "two")}
    after = data(project)
    assert {path for path in before if after[path] == before[path]} == {path for path in before if "one" in path}


def test_a_shared_cassette_stays_if_the_first_of_its_tests_fails(project: pytest.Pytester, api: Api) -> None:
    """Those that come after it go on where it has recorded; one that records nothing decides nothing."""
    source = STALE.replace("CASSETTE", "'shared'")
    run(project, source.replace("{first}", "assert app.greet()"), "--streamlab-record=once", api.option)
    before = data(project)
    result = run(project, source.replace("{first}", "assert not app.greet()"), "--streamlab-record=all", api.option)
    assert outcomes(result) == {"passed": 1, "failed": 1}
    assert files(project) == {"shared.yaml": 2, "shared.failed.yaml": 2}
    assert before.items() <= data(project).items()
    result = run(project, source.replace("{first}", "assert 0"), "--streamlab-record=all", api.option)
    assert outcomes(result) == {"passed": 1, "failed": 1}
    assert files(project) == {"shared.yaml": 1, "shared.failed.yaml": 2}


@pytest.mark.parametrize("mode", ["once", "new", "all"])
def test_a_test_that_fails_keeps_its_first_recording(project: pytest.Pytester, api: Api, mode: str) -> None:
    """It is mended and run again without the upstream."""
    source = "import app, pytest\n@pytest.mark.streamlab(cassette=True)\ndef test_it(): assert app.greet() == 'Never.'"
    result = run(project, source, f"--streamlab-record={mode}", api.option)
    assert outcomes(result) == {"failed": 1}
    result.stdout.no_fnmatch_line("streamlab: kept*")
    assert files(project) == {"test_it/test_it.yaml": 1}
    assert outcomes(run(project, source.replace("Never.", "First."))) == {"passed": 1}


@pytest.mark.parametrize("interrupted", ["test", "fixture"])
def test_a_run_that_is_interrupted_replaces_no_cassette(project: pytest.Pytester, api: Api, interrupted: str) -> None:
    """Half of a recording is none."""
    source = """
    import app, pytest
    @pytest.fixture
    def asked(streamlab):
        app.greet()
        if "fixture" == WHERE: pytest.exit("Enough.")
    @pytest.mark.streamlab(cassette=True)
    def test_it(asked):
        if "test" == WHERE: pytest.exit("Enough.")
    """
    run(project, source.replace("WHERE", "'nowhere'"), "--streamlab-record=once", api.option)
    before = data(project)
    result = run(project, source.replace("WHERE", repr(interrupted)), "--streamlab-record=all", api.option)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert before.items() <= data(project).items()
    assert files(project) == {"test_it/test_it.yaml": 1, "test_it/test_it.failed.yaml": 1}


@pytest.mark.parametrize("mode", ["once", "new", "all"])
def test_what_a_run_has_just_recorded_is_not_unused(project: pytest.Pytester, api: Api, mode: str) -> None:
    """Though the second of two tests that share a cassette does not ask for what the first has recorded."""
    result = run(project, STALE.replace("CASSETTE", "'shared'").replace("{first}", "app.greet()"), RECORD + mode, api.option)
    assert outcomes(result) == {"passed": 2}
    result.stdout.fnmatch_lines(["streamlab: recorded 2 exchanges into 1 cassette"])
    result.stdout.no_fnmatch_line("streamlab: unused*")


UNUSABLE: dict[str, tuple[str, str, str]] = {
    "no cassette": (
        "cassettes/weather.yaml",
        "reply: A scenario.\n",
        "streamlab: cassettes/weather.yaml*: *",
    ),
    "a folder": ("cassettes/weather.yaml/in.yaml", "", "streamlab: *cassettes/weather.yaml: this is a folder, not a cassette"),
}


@pytest.mark.parametrize("mode", ["none", "new", "all"])
@pytest.mark.parametrize(("name", "text", "line"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_is_no_cassette_is_told_and_left_alone(
    project: pytest.Pytester, api: Api, mode: str, name: str, text: str, line: str
) -> None:
    """Before the test runs, without a line of code."""
    path = project.path / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    source = "import pytest\n@pytest.mark.streamlab(cassette='weather')\ndef test_it(): raise RuntimeError"
    result = run(project, source, f"--streamlab-record={mode}", api.option)
    assert outcomes(result) == {"errors": 1}
    result.stdout.fnmatch_lines([line.replace("cassettes/", "*cassettes/", 1)])
    result.stdout.no_fnmatch_line("*Traceback*")
    assert path.read_text(encoding="utf-8") == text


SECRETS = """
import app, pytest

def test_scripted(streamlab):
    streamlab.reply("Never.", when={"last_user": "nothing"})
    app.ASK["messages"] = [{"role": "user", "content": "I am CUST-1 of ACCT-2."}]
    app.careless()

@pytest.mark.streamlab(cassette=True)
def test_recorded(streamlab):
    app.ASK["messages"] = [{"role": "user", "content": "I am CUST-1 of ACCT-2."}]
    assert app.greet() == "First."
    assert streamlab.journal.only.request.last_user == "I am [redacted] of [redacted]."
"""


def test_what_the_user_calls_secret_is_told_nowhere(project: pytest.Pytester, api: Api) -> None:
    """What the project and the settings name is in no report, no hint, no journal and no cassette, recorded or not."""
    authority_file = re.findall(r"ca_file='(.*?)'", (project.path / "conftest.py").read_text(encoding="utf-8"))[0]
    conftest(project, ca_file=authority_file, redact=["CUST-[0-9]"])
    project.makepyprojecttoml("[tool.streamlab]\nredact = ['ACCT-[0-9]']")
    for mode in ("once", "none"):
        result = run(project, SECRETS, f"--streamlab-record={mode}", api.option)
        assert outcomes(result) == {"failed": 1, "passed": 1}
        result.stdout.fnmatch_lines(["*last_user 'I am [[]redacted] of [[]redacted].'", '*when={"last_user": "I am"})'])
        shown = result.stdout.str().partition("Captured streamlab")[2]
        assert shown
        assert not re.search("CUST-1|ACCT-2", shown)
    assert not re.search(b"CUST-1|ACCT-2", b"".join(data(project).values()))


NAMES = {
    "a function": ("test_it", "test_it.yaml"),
    "a class": ("TestA::test_it", "TestA.test_it.yaml"),
    "parameters": ("test_it[a-1]", "test_it[a-1].yaml"),
    "a slash": ("test_it[a/b]", "test_it[a-b]-"),
    "dots": ("test_it[../x]", "test_it[..-x]-"),
    "a dot": ("test_it[a.b]", "test_it[a.b].yaml"),
    "two colons": ("TestA::test_it[a::b]", "TestA.test_it[a-b]-"),
    "other letters": ("test_it[é]", "test_it[-]-"),
    "a long name": (f"test_it[{'x' * 300}]", f"test_it[{'x' * 112}-"),
}


@pytest.mark.parametrize(("inside", "expected"), NAMES.values(), ids=NAMES)
def test_a_cassette_has_its_name_from_its_test(project: pytest.Pytester, inside: str, expected: str) -> None:
    """A name that no file may have is made safe, and stays one of its own."""

    class Item:
        nodeid = f"tests/test_mod.py::{inside}"
        name = inside
        path = project.path / "tests" / "test_mod.py"

    name = own_name(Item())  # type: ignore[arg-type]
    assert name.startswith("test_mod/")
    assert name.removeprefix("test_mod/").startswith(expected.removesuffix(".yaml")[:20])
    assert len(Path(name).name) < 140
    assert re.fullmatch(r"test_mod/[A-Za-z0-9_.,=+@\[\]-]+\.yaml", name)
    paths = cassette_paths(Item(), (True, Path("a.yaml"), Path("/b.yaml")), LabSettings(cassettes="kept"))  # type: ignore[arg-type]
    folder = project.path / "tests" / "kept"
    assert paths == (folder / name, folder / "a.yaml", Path("/b.yaml"))


def test_names_that_are_alike_when_they_are_safe_stay_apart(project: pytest.Pytester) -> None:
    """Two parameters that differ only in what no file may have."""
    source = """
    import app, pytest
    @pytest.mark.streamlab(cassette=True)
    @pytest.mark.parametrize("text", ["a/b", "a:b", "a b", "a::b", "a.b"])
    def test_it(text): pass
    """
    result = run(project, source)
    said = set(re.findall(r"there is no cassette (.*\.yaml)", result.stdout.str()))
    assert len(said) == 5


def test_a_folder_for_all_modules_has_one_for_each(project: pytest.Pytester) -> None:
    """Modules of one name share no cassette; named ones are shared, and a module of elsewhere has its whole path."""

    def paths(folder: Path) -> tuple[Path, ...]:
        class Item:
            nodeid = "test_mod.py::test_it"
            name = "test_it"
            path = folder / "test_mod.py"
            config = SimpleNamespace(rootpath=project.path)

        return cassette_paths(Item(), (True, Path("a.yaml")), LabSettings(cassettes=kept))  # type: ignore[arg-type]

    kept = project.path / "kept"
    elsewhere = project.path.parent / "other"
    for module, expected in (
        (project.path, kept),
        (project.path / "tests" / "a", kept / "tests" / "a"),
        (elsewhere, kept / elsewhere.relative_to(elsewhere.anchor)),
    ):
        assert paths(module) == (expected / "test_mod" / "test_it.yaml", kept / "a.yaml")


def test_threads_of_a_test_are_recorded(project: pytest.Pytester, api: Api) -> None:
    """Calls at the same time are in one cassette, each whole."""
    source = """
    import app, pytest, threading
    @pytest.mark.streamlab(cassette=True)
    def test_it(streamlab):
        threads = [threading.Thread(target=app.greet) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert streamlab.journal.statuses == (200,) * 4
    """
    assert threading.active_count() >= 1
    assert outcomes(run(project, source, "--streamlab-record=all", api.option)) == {"passed": 1}
    assert files(project) == {"test_it/test_it.yaml": 4}
    assert outcomes(run(project, source)) == {"passed": 1}
