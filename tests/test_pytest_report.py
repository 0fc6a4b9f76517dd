"""What is said of tests: every text whole, though the code under test swallows every exception; the journal; the summary."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from plugin_projects import outcomes, run

from streamlab.pytest_report import Tally, late_report, summary

pytest_plugins = ["pytester"]

ASKED = "  it asked: model 'claude-sonnet-4-6', stream true, turn 1, last_user 'Hi'"
WRITE = 'write: streamlab.reply("…", when={"last_user": "Hi"})'
NEVER = "  hint: let the code ask for it, or take the reply out; `streamlab.journal` has what was asked"
FIRST = "  1  POST /v1/messages (attempt 1): "
PLACES = (
    "  hint: the answer has: event 1..6, delta 1..1, block 0 (text) delta 1..1 char 1..6, message_start, content_block_start, "
    "content_block_stop, message_delta, message_stop, byte 1..1151, headers, end"
)
RAISED = "  hint: it was raised at FOLDER/test_it.py:3"
NO_PLACE = "faults.0.after: the answer has no place 'delta 99'"

# What a test does, what its report is, and the journal in it.
FAILURES: dict[str, tuple[str, list[str], list[str]]] = {
    "a request that nothing matches": (
        """streamlab.reply("It is sunny.", when={"last_user": "weather"}); app.careless()""",
        [
            (
                "streamlab: call 1, POST /v1/messages: no rule matches this request; the nearest is 'reply 1': "
                "last_user: expected a text with 'weather', got 'Hi'"
            ),
            ASKED,
            f"  hint: to answer it, {WRITE}",
            "'reply 1' was given 0 of 1 times",
            NEVER,
        ],
        [
            f"{FIRST}404, 0 events, complete by server after TIME",
            "     no rule matches this request; the nearest is 'reply 1': last_user: expected a text with 'weather', got 'Hi'",
        ],
    ),
    "a request that differs in several fields": (
        """streamlab.reply("x", when={"last_user": "weather", "model": "claude-opus-*", "turn": 2}); app.careless()""",
        [
            "streamlab: call 1, POST /v1/messages: no rule matches this request; the nearest is 'reply 1':",
            "  model: expected 'claude-opus-*', got 'claude-sonnet-4-6'",
            "  last_user: expected a text with 'weather', got 'Hi'",
            "  turn: expected 2, got 1",
            ASKED,
            f"  hint: to answer it, {WRITE}",
            "'reply 1' was given 0 of 1 times",
            NEVER,
        ],
        [
            f"{FIRST}404, 0 events, complete by server after TIME",
            (
                "     no rule matches this request; the nearest is 'reply 1': model: expected 'claude-opus-*', got "
                "'claude-sonnet-4-6'; last_user: expected a text with 'weather', got 'Hi'; turn: expected 2, got 1"
            ),
        ],
    ),
    "a request without any reply": (
        "app.careless()",
        [
            "streamlab: call 1, POST /v1/messages: no rule matches this request: there are no rules",
            ASKED,
            f"  hint: to answer it, {WRITE}",
        ],
        [
            f"{FIRST}404, 0 events, complete by server after TIME",
            "     no rule matches this request: there are no rules",
        ],
    ),
    "one call too many": (
        """streamlab.reply("Once."); app.greet(); app.careless()""",
        [
            (
                "streamlab: call 2, POST /v1/messages: no rule matches this request; the nearest is 'reply 1': "
                "all its replies have been given"
            ),
            ASKED,
            f"  hint: to answer it too, say times=… with that reply, or {WRITE}",
        ],
        [
            f"{FIRST}200 by 'reply 1', 6 events, complete by server after TIME",
            "  2  POST /v1/messages (attempt 1, TIME after the call before): 404, 0 events, complete by server after TIME",
            "     no rule matches this request; the nearest is 'reply 1': all its replies have been given",
        ],
    ),
    "replies that nobody asked for": (
        """streamlab.reply("Never."); streamlab.reply("Nor this.", times=3)""",
        [
            "streamlab: 'reply 1' was given 0 of 1 times",
            NEVER,
            "'reply 2' was given 0 of 3 times",
            NEVER,
        ],
        [
            "there were no calls",
            (
                "  hint: point the client at URL (base_url, or ANTHROPIC_BASE_URL when it is made); "
                "if it is made when a module is imported, set streamlab_early = true"
            ),
        ],
    ),
    "a reply asked for too seldom": (
        """streamlab.reply("Twice.", times=2); app.careless()""",
        ["streamlab: 'reply 1' was given 1 of 2 times", NEVER],
        [f"{FIRST}200 by 'reply 1', 6 events, complete by server after TIME"],
    ),
    "a request that the API refuses": (
        """streamlab.reply("Never."); app.ASK = {**app.ASK, "messages": []}; app.careless()""",
        [
            "streamlab: 'reply 1' was given 0 of 1 times",
            "  call 1 was refused, as the API refuses it: messages: at least one message is required",
            NEVER,
        ],
        [
            f"{FIRST}400, 0 events, complete by server after TIME",
            "     messages: at least one message is required",
        ],
    ),
    "a fault without a place": (
        """streamlab.reply("Short.", faults=[{"cut": "fin", "after": "delta 99"}]); app.careless()""",
        [f"streamlab: call 1, POST /v1/messages, answered by 'reply 1': {NO_PLACE}", PLACES],
        [f"{FIRST}500 by 'reply 1', 0 events, complete by server after TIME", f"     {NO_PLACE}", f"     {PLACES}"],
    ),
    "a reply that cannot be made": (
        """streamlab.reply(lambda request: request.nothing); app.careless()""",
        [
            (
                "streamlab: call 1, POST /v1/messages, answered by 'reply 1': the function that makes this reply raised "
                "AttributeError: 'Request' object has no attribute 'nothing'"
            ),
            RAISED,
            ASKED,
        ],
        [
            f"{FIRST}500 by 'reply 1', 0 events, complete by server after TIME",
            "     the function that makes this reply raised AttributeError: 'Request' object has no attribute 'nothing'",
            f"     {RAISED}",
        ],
    ),
    "a reply that says that the test has failed": (
        """streamlab.reply(lambda _: __import__("pytest").fail("not to be asked")); app.careless()""",
        [
            (
                "streamlab: call 1, POST /v1/messages, answered by 'reply 1': "
                "the function that makes this reply raised Failed: not to be asked"
            ),
            RAISED,
            ASKED,
        ],
        [
            f"{FIRST}500 by 'reply 1', 0 events, complete by server after TIME",
            "     the function that makes this reply raised Failed: not to be asked",
            f"     {RAISED}",
        ],
    ),
}


def section(text: str, title: str) -> list[str]:
    """Return the lines below a title of a report, up to the next title."""
    lines = text.splitlines()
    start = next(index for index, line in enumerate(lines) if re.fullmatch(rf"[-_=]+ {title} [-_=]+", line)) + 1
    end = next(index for index in range(start, len(lines)) if re.match(r"([-_=])\1+ .* \1+$", lines[index]))
    plain = (re.sub(r"\b[0-9.]+ m?s\b", "TIME", line).replace(str(Path.cwd()), "FOLDER") for line in lines[start:end])
    return [re.sub(r"http://127\.0\.0\.1:[0-9]+/~[0-9]+", "URL", line) for line in plain]


@pytest.mark.parametrize(("script", "failure", "journal"), FAILURES.values(), ids=FAILURES)
def test_what_did_not_go_as_asked_fails_a_test_that_swallows_everything(
    project: pytest.Pytester, script: str, failure: list[str], journal: list[str]
) -> None:
    """The test itself fails, not its teardown; its report is the text and the journal, and no code of streamlab's."""
    result = run(project, f"import app\ndef test_it(streamlab):\n    {script}")
    assert outcomes(result) == {"failed": 1}
    text = result.stdout.str()
    assert section(text, "test_it") == failure
    assert section(text, "Captured streamlab journal call") == journal
    assert "Captured streamlab call" not in text, "told twice"
    assert "FAILED test_it.py::test_it - Failed: streamlab: " in text


RELAXED = """
import app, pathlib, pytest
from streamlab.files.library import library_folder

@pytest.fixture
def streamlab_settings(): return {SETTINGS}

@pytest.mark.streamlab(strict={unmatched})
def test_unmatched(streamlab): app.careless()

@pytest.mark.streamlab(strict={unused})
def test_unused(streamlab): streamlab.reply("Never.")

@pytest.mark.streamlab(strict={faults})
def test_faults(streamlab): streamlab.reply("x", faults="cut: fin, after: delta 99"); app.careless()

@pytest.mark.streamlab(strict={exchanges})
def test_exchanges(streamlab): streamlab.load(str(library_folder().parent / "cassettes" / "plain-answer.yaml"))
"""
WORDS = ("unmatched", "unused", "faults", "exchanges")
SAID = (
    "*streamlab: call 1, *: no rule matches this request*",
    "*streamlab: 'reply 1' was given 0 of 1 times*",
    "*streamlab: call 1, *: faults.0.after: the answer has no place 'delta 99'*",
    "*'plain-answer': exchange 1 of 1 not asked for",
)
GRADES: dict[str, dict[str, int]] = {
    "True": {"failed": 4},
    "'fail'": {"failed": 4},
    "False": {"passed": 4},
    "'ignore'": {"passed": 4},
    "'warn'": {"passed": 4, "warnings": 4},
}


@pytest.mark.parametrize("where", ["mark", "setting"])
@pytest.mark.parametrize(("grade", "expected"), GRADES.items(), ids=GRADES)
def test_each_strictness_can_be_graded(project: pytest.Pytester, grade: str, expected: dict[str, int], where: str) -> None:
    """Each by itself, by a mark or by the settings."""
    marks = {word: f"{{{word!r}: {grade}}}" if where == "mark" else "{}" for word in WORDS}
    settings = "{}" if where == "mark" else f"{{'strict': dict.fromkeys({WORDS!r}, {grade})}}"
    source = RELAXED.replace("{SETTINGS}", settings)
    for word, strict in marks.items():
        source = source.replace(f"{{{word}}}", strict)
    result = run(project, source, "-W", "default")
    assert result.parseoutcomes() == expected
    for line in SAID:
        if expected == {"passed": 4}:
            result.stdout.no_fnmatch_line(line)
        else:
            result.stdout.fnmatch_lines([line])


@pytest.mark.parametrize(("strict", "expected"), [("True", {"failed": 4}), ("False", {"passed": 4})])
def test_all_strictnesses_can_be_graded_at_once(project: pytest.Pytester, strict: str, expected: dict[str, int]) -> None:
    """True and False stand for all four."""
    source = RELAXED.replace("{SETTINGS}", "{}")
    for word in WORDS:
        source = source.replace(f"{{{word}}}", strict)
    assert outcomes(run(project, source)) == expected


def test_the_default_is_strict_but_for_exchanges(project: pytest.Pytester) -> None:
    """What is not said is as it was: a mark for one strictness leaves the others."""
    source = """
    import app, pytest

    @pytest.mark.streamlab(strict={"unused": False})
    class TestIt:
        def test_unmatched(self, streamlab): app.careless()
        @pytest.mark.streamlab(strict={"unmatched": False})
        def test_both(self, streamlab): streamlab.reply("Never.", when={"turn": 9}); app.careless()
        @pytest.mark.streamlab(strict=True)
        def test_strict(self, streamlab): streamlab.reply("Never.")
    """
    assert outcomes(run(project, source)) == {"passed": 1, "failed": 2}


def test_a_warning_that_is_an_error_fails_the_test(project: pytest.Pytester) -> None:
    """With `filterwarnings = error`, as a finding and without a traceback."""
    source = """
    import pytest
    @pytest.mark.streamlab(strict={"unused": "warn"})
    def test_it(streamlab): streamlab.reply("Never.")
    """
    result = run(project, source)
    assert outcomes(result) == {"failed": 1}
    assert section(result.stdout.str(), "test_it") == ["streamlab: 'reply 1' was given 0 of 1 times", NEVER]


def test_a_warning_points_at_the_test(project: pytest.Pytester) -> None:
    """And not into streamlab, where nobody can mend anything."""
    source = """
    import pytest

    @pytest.mark.streamlab(strict={"unused": "warn"})
    def test_it(streamlab):
        streamlab.reply("Never.")
    """
    result = run(project, source, "-W", "default")
    assert outcomes(result) == {"passed": 1}
    result.stdout.fnmatch_lines(
        ["test_it.py::test_it", "*/test_it.py:3: PytestWarning: streamlab: 'reply 1' was given 0 of 1 times"]
    )


def test_a_test_that_fails_by_itself_shows_what_did_not_go_as_asked(project: pytest.Pytester) -> None:
    """It fails once, with its own traceback; sections of its report tell of the miss, and of the calls in any case."""
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
    _, first, second = re.split(r"_+ test_it _+\n|_+ test_all_is_well_but_the_assertion _+\n", result.stdout.str())
    assert "AssertionError: assert None == 'It is sunny.'" in first
    assert section(first, "Captured streamlab call") == FAILURES["a request that nothing matches"][1]
    assert section(f"{first}== end ==", "Captured streamlab journal call") == FAILURES["a request that nothing matches"][2]
    assert "Captured streamlab call" not in second
    assert section(second, "Captured streamlab journal call") == [
        f"{FIRST}200 by 'reply 1', 7 events, complete by server after TIME"
    ]


UNITTEST = """
import app, pytest, unittest

class TestIt(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def with_lab(self, streamlab):
        self.lab = streamlab

    def test_it(self):
        self.lab.reply("It is sunny.", when={"last_user": "weather"})
        self.assertEqual(app.careless(), "It is sunny.")
"""


def test_a_test_case_that_fails_shows_what_did_not_go_as_asked(project: pytest.Pytester) -> None:
    """A TestCase keeps its failure to itself until the report is made."""
    result = run(project, UNITTEST)
    assert outcomes(result) == {"failed": 1}
    text = result.stdout.str()
    assert "AssertionError: None != 'It is sunny.'" in text
    assert section(text, "Captured streamlab call") == FAILURES["a request that nothing matches"][1]
    assert section(text, "Captured streamlab journal call") == FAILURES["a request that nothing matches"][2]


def test_a_fixture_that_fails_shows_the_journal(project: pytest.Pytester) -> None:
    """What it has asked may be why; it is told once."""
    source = """
    import app, pytest
    @pytest.fixture
    def warmed_up(streamlab):
        assert app.careless() == "Warm."
    def test_it(warmed_up): raise RuntimeError("it must not run")
    """
    result = run(project, source)
    assert outcomes(result) == {"errors": 1}
    assert section(result.stdout.str(), "Captured streamlab setup") == [
        "streamlab: call 1, POST /v1/messages: no rule matches this request: there are no rules",
        ASKED,
        f"  hint: to answer it, {WRITE}",
    ]
    assert section(result.stdout.str(), "Captured streamlab journal setup") == [
        f"{FIRST}404, 0 events, complete by server after TIME",
        "     no rule matches this request: there are no rules",
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "streamlab.journal.only",
        "streamlab.wait_for(1, timeout=0.001)",
        "streamlab.clock.wait_until_parked(timeout=0.001)",
        "streamlab.clock.advance(-1)",
    ],
)
def test_a_question_that_fails_shows_the_line_of_the_test(project: pytest.Pytester, statement: str) -> None:
    """And no code of streamlab's."""
    result = run(project, f"def test_it(streamlab):\n    {statement}")
    assert outcomes(result) == {"failed": 1}
    text = result.stdout.str()
    assert f">       {statement}" in text or f">   {statement}" in text
    assert "streamlab/core" not in text
    assert "streamlab/net" not in text


def test_a_test_that_passes_shows_nothing(project: pytest.Pytester) -> None:
    """No journal, no summary: not even with everything shown."""
    source = "import app\ndef test_it(streamlab):\n    streamlab.reply('Hi.')\n    app.greet()"
    result = run(project, source, "-rA")
    assert outcomes(result) == {"passed": 1}
    result.stdout.no_fnmatch_line("*streamlab journal*")
    result.stdout.no_fnmatch_line("streamlab: *")


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
    assert section(result.stdout.str(), "ERROR at teardown of test_it") == [
        "streamlab: when the test was over,",
        "call 2, POST /v1/messages: no rule matches this request; the nearest is 'reply 1': all its replies have been given",
        ASKED,
        f"  hint: to answer it too, say times=… with that reply, or {WRITE}",
    ]


STRAY = """
import pytest, small, threading

URLS = []

@pytest.fixture(scope="module", autouse=True)
def last():
    yield
    for url in URLS:
        with pytest.raises(OSError):
            small.greet(url, "any")

class TestIt:
    @pytest.mark.parametrize("number", [1, 2])
    def test_leaves_something_running(self, streamlab, number):
        URLS.append(streamlab.url)

def test_next(streamlab):
    for url in URLS:
        with pytest.raises(OSError, match="500") as error:
            small.greet(url, "any")
        body = error.value.read().decode()
        error.value.close()
        assert "is over" in body, body
    assert len(streamlab.journal) == 0

@pytest.mark.streamlab(strict={"unmatched": False})
def test_does_not_mind(streamlab):
    URLS.append(streamlab.url)
"""


@pytest.mark.parametrize(
    "workers", [(), pytest.param(("-n", "2", "--dist", "loadfile"), marks=pytest.mark.slow)], ids=["alone", "xdist"]
)
def test_a_stray_request_is_reported_as_that_of_its_test(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    """It never reaches another test; the run fails, with an error of the test that it is from, from a worker too."""
    result = run(project, STRAY, *workers)
    assert outcomes(result) == {"passed": 4, "errors": 2}
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    for number in (1, 2):
        name = rf"TestIt.test_leaves_something_running\[{number}\]"
        nodeid = f"test_it.py::TestIt::test_leaves_something_running[{number}]"
        assert section(result.stdout.str(), f"ERROR at teardown of {name}") == [
            "streamlab: when the test was over, its code still asked:",
            f"call 1, POST /v1/messages: the test {nodeid} is over",
            ASKED.replace("true", "false"),
            f"call 2, POST /v1/messages: the test {nodeid} is over",
            ASKED.replace("true", "false"),
            (
                "  hint: something that the test has started goes on after it, a thread, a task or a retry: "
                "let the test wait for it"
            ),
        ]


NOWHERE = """
import os, pytest, small

def ask(url):
    try:
        small.greet(url, "any")
    except OSError as error:
        error.close()

@pytest.fixture(scope="module")
def model(streamlab_server):
    yield lambda: ask(streamlab_server.url)
    ask(streamlab_server.url)

def test_root(streamlab, model): model()

def test_no_such_lab(streamlab, streamlab_server): ask(f"{streamlab_server.url}/~nosuch")

def test_without_a_lab(model): model()

@pytest.mark.streamlab(strict=False)
def test_does_not_mind(streamlab, model): model()

def test_fine(streamlab): streamlab.reply("Fine."); small.greet(streamlab.url, "any")

def test_last(): pass
"""
STRAY_HINT = (
    "  hint: no lab is there, only the server; let this test use the fixture `streamlab`, and point the client at "
    "`streamlab.url` (base_url, or ANTHROPIC_BASE_URL when it is made)"
)


def test_what_is_asked_where_no_lab_is_fails_the_test_that_runs(project: pytest.Pytester) -> None:
    """With the fixture or without it, in the test or when its fixtures end; the server's own URL and a namespace alike."""
    result = run(project, NOWHERE)
    assert outcomes(result) == {"failed": 3, "passed": 3, "errors": 1}
    text = result.stdout.str()
    root = "streamlab: call {}, POST /v1/messages: no rule matches this request: there are no rules"
    asked = ASKED.replace("true", "false")
    assert section(text, "test_root") == [root.format(1), asked, STRAY_HINT]
    assert section(text, "test_without_a_lab") == [root.format(2), asked, STRAY_HINT]
    assert section(text, "ERROR at teardown of test_last") == [root.format(4), asked, STRAY_HINT]
    problem = "streamlab: call 1, POST /~nosuch/v1/messages: there is no namespace '~nosuch'"
    assert section(text, "test_no_such_lab") == [problem, asked, STRAY_HINT]


def test_what_is_asked_at_the_one_address_without_the_fixture_fails_the_test_that_asks(project: pytest.Pytester) -> None:
    """And not the one that had its lab there before."""
    source = """
    import app

    def test_one(streamlab):
        streamlab.reply("One.")
        app.greet()
    def test_without(): app.careless()
    def test_two(streamlab):
        streamlab.reply("Two.")
        app.greet()
    """
    result = run(project, source, "-o", "streamlab_early=true")
    assert outcomes(result) == {"passed": 2, "failed": 1}
    assert "FAILED test_it.py::test_without - Failed: streamlab: call 1, POST" in result.stdout.str()


def test_a_late_report_is_an_error_of_its_test() -> None:
    """It names the test, and tells why."""
    made = late_report("tests/test_a.py::TestB::test_c[1]", ["call 1"])
    assert (made.nodeid, made.outcome, made.when) == ("tests/test_a.py::TestB::test_c[1]", "failed", "teardown")
    assert made.location == ("tests/test_a.py", None, "TestB.test_c[1]")


def total(*parts: Tally) -> list[str]:
    """Return the summary of tests that left these."""
    whole = Tally()
    for part in parts:
        whole.add(part.data())
    return list(summary(whole))


SUMMARIES: dict[str, tuple[list[Tally], list[str]]] = {
    "nothing": ([], []),
    "recorded": (
        [Tally(recorded={"a.yaml": 2}), Tally(recorded={"b.yaml": 1})],
        ["streamlab: recorded 3 exchanges into 2 cassettes"],
    ),
    "recorded nothing": ([Tally(recorded={"a.yaml": 0})], []),
    "replayed": (
        [Tally(replayed={"a.yaml": 1}, unused={"a.yaml": []}, sizes={"a.yaml": 1})],
        ["streamlab: replayed 1 exchange from 1 cassette"],
    ),
    "recorded into what is replayed": (
        [Tally(recorded={"a.yaml": 1}, replayed={"a.yaml": 3})],
        ["streamlab: recorded 1 exchange into 1 cassette, replayed 3 exchanges from 1 cassette"],
    ),
    "an exchange that one of two tests uses": (
        [
            Tally(replayed={"a.yaml": 1}, unused={"a.yaml": [2, 3]}, sizes={"a.yaml": 3}),
            Tally(replayed={"a.yaml": 1}, unused={"a.yaml": [1, 3]}, sizes={"a.yaml": 3}),
        ],
        [
            "streamlab: replayed 2 exchanges from 1 cassette",
            "streamlab: unused: a.yaml: exchange 3 of 3 not asked for",
        ],
    ),
    "exchanges that nobody uses": (
        [Tally(replayed={"a.yaml": 0}, unused={"a.yaml": [1, 2]}, sizes={"a.yaml": 2})],
        ["streamlab: unused: a.yaml: none of its 2 exchanges was asked for"],
    ),
    "very many of them": (
        [Tally(replayed={"a.yaml": 1}, unused={"a.yaml": list(range(2, 20))}, sizes={"a.yaml": 19})],
        [
            "streamlab: replayed 1 exchange from 1 cassette",
            "streamlab: unused: a.yaml: exchanges 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and more of 19 not asked for",
        ],
    ),
    "kept": (
        [Tally(recorded={"a.yaml": 1}, unused={"a.yaml": []}, kept={"a.yaml": "a.failed.yaml"}), Tally()],
        [
            "streamlab: recorded 1 exchange into 1 cassette",
            "streamlab: kept: a.yaml: its test failed; what it recorded is in a.failed.yaml",
        ],
    ),
    "stale": (
        [Tally(stale={"a.yaml": "pytest test_a.py::test_b --streamlab-record=new"})],
        ["streamlab: stale: a.yaml: record what is missing: pytest test_a.py::test_b --streamlab-record=new"],
    ),
    "very many cassettes": (
        [Tally(stale={f"{number:02}.yaml": "pytest" for number in range(12)})],
        [
            *(f"streamlab: stale: {number:02}.yaml: record what is missing: pytest" for number in range(10)),
            "streamlab: stale: and 2 cassettes more",
        ],
    ),
}


@pytest.mark.parametrize(("parts", "lines"), SUMMARIES.values(), ids=SUMMARIES)
def test_the_summary_adds_up_what_became_of_cassettes(parts: list[Tally], lines: list[str]) -> None:
    """An exchange is unused if no test of the run has asked for it."""
    assert total(*parts) == lines
