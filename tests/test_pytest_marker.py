"""The marker: what its arguments mean together, and how wrong ones are told when tests are collected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plugin_projects import outcomes, run

from streamlab.core.faults import Cut
from streamlab.core.pacing import Pace
from streamlab.errors import ScenarioError
from streamlab.pytest_marker import MODES, Marked, read
from streamlab.pytest_plugin import _MODES

pytest_plugins = ["pytester"]

NOTHING = Marked()


def mark(*args: Any, **kwargs: Any) -> pytest.Mark:
    """Return a mark as somebody writes it."""
    return getattr(pytest.mark.streamlab, "with_args")(*args, **kwargs).mark  # noqa: B009 - it takes a function as an argument too


READ: dict[str, tuple[dict[str, Any], Marked]] = {
    "nothing": ({}, NOTHING),
    "a shipped scenario": ({"scenario": "hello"}, Marked(scenarios=("hello",))),
    "several": ({"scenario": ("hello", "haiku")}, Marked(scenarios=("hello", "haiku"))),
    "a cassette of its own": ({"cassette": True}, Marked(cassettes=(True,))),
    "none, whatever the class says": ({"cassette": False}, Marked(cassettes=())),
    "a named cassette": ({"cassette": "weather"}, Marked(cassettes=(Path("weather.yaml"),))),
    "a name with a dot": ({"cassette": "claude-4.5"}, Marked(cassettes=(Path("claude-4.5.yaml"),))),
    "a file": ({"cassette": Path("deep") / "weather.yml"}, Marked(cassettes=(Path("deep/weather.yml"),))),
    "several cassettes": ({"cassette": ["a", "b.yaml"]}, Marked(cassettes=(Path("a.yaml"), Path("b.yaml")))),
    "a fault as a text": ({"faults": "cut: fin, after: delta 3"}, Marked(faults=(Cut("fin", after="delta 3"),))),
    "a fault as an object": ({"faults": Cut("reset", at="byte 9")}, Marked(faults=(Cut("reset", at="byte 9"),))),
    "faults of all kinds": (
        {"faults": ["cut: fin, after: delta 3", {"cut": "fin", "after": "delta 3"}]},
        Marked(faults=(Cut("fin", after="delta 3"),) * 2),
    ),
    "no faults": ({"faults": []}, Marked(faults=())),
    "a pace": ({"pace": {"rate": "50/s"}}, Marked(pace=Pace(rate=50.0))),
    "a pace as an object": ({"pace": Pace(first=1)}, Marked(pace=Pace(first=1))),
    "a way to record": ({"record": "new"}, Marked(record="new")),
    "all strict": ({"strict": True}, Marked(strict=dict.fromkeys(("unmatched", "unused", "exchanges", "faults"), "fail"))),
    "one of them": ({"strict": {"unused": "warn"}}, Marked(strict={"unused": "warn"})),
}


@pytest.mark.parametrize(("written", "expected"), READ.values(), ids=READ)
def test_arguments_are_read(tmp_path: Path, written: dict[str, Any], expected: Marked) -> None:
    """Each argument takes what the same word takes elsewhere."""
    assert read(mark(**written), tmp_path) == expected


def test_a_file_beside_the_test_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is looked for beside the test, and then from where the run was started."""
    here, there = tmp_path / "tests", tmp_path
    here.mkdir()
    for folder in (here, there):
        (folder / "both.yaml").touch()
    (there / "one.yaml").touch()
    monkeypatch.chdir(there)
    assert read(mark(scenario=["both.yaml", Path("one.yaml")]), here).scenarios == (str(here / "both.yaml"), "one.yaml")


def test_nearer_marks_decide() -> None:
    """Scenarios and strictnesses add up; of all else the nearer mark decides, if it says anything."""
    far = Marked(
        scenarios=("far",), cassettes=(True,), pace=Pace(first=1), record="all", strict={"unused": "warn", "faults": "warn"}
    )
    near = Marked(scenarios=("near",), cassettes=(), faults=(), strict={"unused": "fail"})
    assert near.over(far) == Marked(
        scenarios=("near", "far"),
        cassettes=(),
        faults=(),
        pace=Pace(first=1),
        record="all",
        strict={"unused": "fail", "faults": "warn"},
    )
    assert far.over(NOTHING) == NOTHING.over(far) == far


def test_the_modes_are_those_of_the_option() -> None:
    """The plugin has its own list: it loads nothing."""
    assert MODES == _MODES


WRONG: dict[str, tuple[str, str]] = {
    "by position": (
        "'hello'",
        (
            "@pytest.mark.streamlab('hello'): arguments have names here\n"
            "  hint: for example: @pytest.mark.streamlab(scenario='overloaded-then-fine')"
        ),
    ),
    "another key": (
        "casette=True",
        (
            "@pytest.mark.streamlab(casette=True): there is no argument 'casette'\n"
            "  hint: did you mean 'cassette'? expected one of: cassette, faults, pace, record, scenario, strict"
        ),
    ),
    "no scenario": (
        "scenario=3",
        (
            "@pytest.mark.streamlab(scenario=3): a scenario or a list of them is expected, not 3\n"
            "  hint: for example: @pytest.mark.streamlab(scenario='overloaded-then-fine')"
        ),
    ),
    "no scenarios": (
        "scenario=['hello', 3]",
        (
            "@pytest.mark.streamlab(scenario=['hello', 3]): a scenario or a list of them is expected, not ['hello', 3]\n"
            "  hint: for example: @pytest.mark.streamlab(scenario='overloaded-then-fine')"
        ),
    ),
    "a misspelt scenario": (
        "scenario='helo'",
        (
            "@pytest.mark.streamlab(scenario='helo'): there is no file and no shipped scenario 'helo'\n"
            "  hint: did you mean 'hello'? `streamlab scenarios` lists what is shipped"
        ),
    ),
    "a misspelt file": (
        "scenario='beside.yml'",
        (
            "@pytest.mark.streamlab(scenario='beside.yml'): there is no file 'beside.yml'\n"
            "  hint: did you mean 'beside.yaml'? expected one of: beside.yaml"
        ),
    ),
    "a cassette that is a number": (
        "cassette=1",
        (
            "@pytest.mark.streamlab(cassette=1): a cassette is expected, not 1\n"
            "  hint: write cassette=True for a name from the test's own, or a name: cassette='weather'"
        ),
    ),
    "a cassette without a name": (
        "cassette='/'",
        (
            "@pytest.mark.streamlab(cassette='/'): a cassette is expected, not '/'\n"
            "  hint: write cassette=True for a name from the test's own, or a name: cassette='weather'"
        ),
    ),
    "a cassette that no file can be": (
        r"cassette='a\0b'",
        (
            r"@pytest.mark.streamlab(cassette='a\x00b'): a cassette is expected, not 'a\x00b'"
            "\n  hint: write cassette=True for a name from the test's own, or a name: cassette='weather'"
        ),
    ),
    "a misspelt fault": (
        "faults='cot: fin'",
        "@pytest.mark.streamlab(faults='cot: fin'): cot: there is no fault 'cot'\n  hint: did you mean 'cut'?*",
    ),
    "no faults": ("faults=3", "@pytest.mark.streamlab(faults=3): faults: a list of faults is expected, not 3"),
    "no pace": (
        "pace='fast'",
        (
            "@pytest.mark.streamlab(pace='fast'): pace: 'fast' is not a pace\n"
            "  hint: write instant, recorded, recorded x10, 50/s, or {first: 400ms, rate: 50/s, jitter: 20%, seed: 7}"
        ),
    ),
    "a misspelt mode": (
        "record='al'",
        (
            "@pytest.mark.streamlab(record='al'): record: 'al' is no way to record\n"
            "  hint: did you mean 'all'? expected one of: all, new, none, once"
        ),
    ),
    "a misspelt strictness": (
        "strict={'unusd': False}",
        (
            "@pytest.mark.streamlab(strict={'unusd': False}): strict.unusd: there is no strictness 'unusd'\n"
            "  hint: did you mean 'unused'? expected one of: exchanges, faults, unmatched, unused"
        ),
    ),
    "a misspelt grade": (
        "strict={'unused': 'warning'}",
        (
            "@pytest.mark.streamlab(strict={'unused': 'warning'}): strict.unused: 'warning' is no grade\n"
            "  hint: did you mean 'warn'? expected one of: False, True, fail, ignore, warn"
        ),
    ),
}


@pytest.mark.parametrize(("arguments", "text"), WRONG.values(), ids=WRONG)
def test_a_wrong_mark_is_told_when_tests_are_collected(project: pytest.Pytester, arguments: str, text: str) -> None:
    """No test of the module runs; the message says what was written and what to write, and shows no code of streamlab's."""
    project.makefile(".yaml", beside="reply: From beside.")
    source = f"""
    import pytest
    def test_before(): raise RuntimeError("it must not run")
    @pytest.mark.streamlab({arguments})
    def test_it(): raise RuntimeError("it must not run")
    """
    result = run(project, source)
    assert outcomes(result) == {"errors": 1}
    assert result.ret == pytest.ExitCode.INTERRUPTED
    escaped = [line.replace("[", "[[]") for line in text.splitlines()]
    result.stdout.fnmatch_lines(
        ["*_ ERROR collecting test_it.py _*", *escaped, "=* short test summary info *="], consecutive=True
    )


PLACES = {
    "a module": "pytestmark = pytest.mark.streamlab(wrong=1)\ndef test_it(): pass",
    "one of a module's": "pytestmark = [pytest.mark.skip, pytest.mark.streamlab(wrong=1)]\ndef test_it(): pass",
    "a class": "@pytest.mark.streamlab(wrong=1)\nclass TestIt:\n    def test_it(self): pass",
    "a method": "class TestIt:\n    @pytest.mark.streamlab(wrong=1)\n    def test_it(self): pass",
    "a class of unittest": "import unittest\n"
    "@pytest.mark.streamlab(wrong=1)\nclass TestIt(unittest.TestCase):\n    def test_it(self): pass",
    "a method of unittest": "import unittest\n"
    "class TestIt(unittest.TestCase):\n    @pytest.mark.streamlab(wrong=1)\n    def test_it(self): pass",
    "a parameter": "one = pytest.param(2, marks=pytest.mark.streamlab(wrong=1))\n"
    "@pytest.mark.parametrize('n', [1, one])\ndef test_it(n): pass",
}


@pytest.mark.parametrize("source", PLACES.values(), ids=PLACES)
def test_a_wrong_mark_is_told_wherever_it_stands(project: pytest.Pytester, source: str) -> None:
    """On modules, classes, methods and parameters."""
    result = run(project, f"import pytest\n{source}")
    assert outcomes(result) == {"errors": 1}
    result.stdout.fnmatch_lines(["@pytest.mark.streamlab(wrong=1): there is no argument 'wrong'"])


USED = """
import app, pytest, unittest

@pytest.mark.parametrize("number", [1, pytest.param(2, marks=pytest.mark.streamlab(scenario="hello"))])
def test_parameters(request, number):
    assert ("streamlab" in request.fixturenames) == (number == 2)
    assert number == 1 or app.greet() == "Hello from streamlab."

class TestCase(unittest.TestCase):
    @pytest.mark.streamlab(scenario="hello")
    def test_marked(self):
        self.assertEqual(app.greet(), "Hello from streamlab.")

    def test_not_marked(self):
        self.assertIsNone(app.os.environ.get("ANTHROPIC_BASE_URL"))

@pytest.mark.streamlab(scenario="hello", strict={"unmatched": False})
class TestNested:
    class TestInner:
        @pytest.mark.streamlab(faults=["cut: fin, after: delta 1"])
        def test_it(self, streamlab):
            assert app.careless() is None
            assert [call.ended for call in streamlab.journal] == ["fin"]
"""


def test_a_mark_is_enough_wherever_it_stands(project: pytest.Pytester) -> None:
    """A test that is marked by a set of its parameters, in a TestCase or by an outer class uses the fixture."""
    assert outcomes(run(project, USED.replace("import app, pytest", "import app, os, pytest").replace("app.os", "os"))) == {
        "passed": 5
    }


def test_what_marks_say_is_an_error_of_ours(tmp_path: Path) -> None:
    """Whoever reads a mark by hand gets a ScenarioError."""
    with pytest.raises(ScenarioError, match=r"^@pytest\.mark\.streamlab\(1\): arguments have names here"):
        read(mark(1), tmp_path)
