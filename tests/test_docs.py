"""The documents are true: what they show runs, what they name exists, and what exists is named."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
import yaml

import streamlab
from streamlab.cli import main
from streamlab.core.api_errors import ERRORS
from streamlab.core.blocks import _SHORTHANDS
from streamlab.core.fault_guide import keys
from streamlab.core.faults import fault_names, fault_type
from streamlab.core.grammar import RULES, TRANSITIONS
from streamlab.core.matching import When
from streamlab.core.pacing import KEEP_ALIVE, Pace
from streamlab.core.sources import _FILLED
from streamlab.files.library import scenario_names
from streamlab.files.models import HttpModel, ReplyModel, RuleModel, ScenarioModel
from streamlab.files.scenario import load

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
RECORDED = ROOT / "tests" / "examples" / "recorded.sse"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]

_BLOCK = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_GENERATED = re.compile(r"<!-- generated: (?P<name>[^\n]+?) -->\n(?P<text>.*?)<!-- end -->", re.DOTALL)
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_KINDS = {"yaml", "python", "sh", "js", "ts", "tsx", "nginx", "ini", "text", "json", "mermaid"}

_FORBIDDEN = {
    "the number of an issue": r"(?<![\w&])#\d+\b",
    "a folder of one machine": r"(?<![\w.~])/(?:work|tmp|home|root|Users)/(?!missing\.txt\b)",  # the API's container has it
    "a document that is not in the project": r"\b(?:wire|peers|style)\.md\b",
    "the name that somebody else has on the index": r"pip3? install\b[^\n`]*(?<![\w./-])streamlab(?!-sse|/|\w)",
    "the address of a package index": r"https?://[^\s)]*(?:/simple\b|registry\.|proxy\.)",
}


def blocks(kind: str) -> list[Any]:
    """Return the fenced blocks of a kind in all pages."""
    found = []
    for page in PAGES:
        for number, block in enumerate(_BLOCK.finditer(page.read_text(encoding="utf-8")), 1):
            if block["kind"] == kind:
                found.append(pytest.param(block["text"], id=f"{page.relative_to(ROOT)}-{number}"))
    return found


def page(name: str) -> str:
    """Return the text of a page of the reference."""
    return (DOCS / "reference" / f"{name}.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """Return `docs/generate.py` as a module."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_generated_parts_are_up_to_date(generator: ModuleType, path: Path) -> None:
    """`python docs/generate.py` would change nothing."""
    text = path.read_text(encoding="utf-8")
    assert generator.generated(text) == text


def test_a_stale_part_is_noticed(generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--check` says which page is stale and changes nothing; without it the page is written."""
    stale = tmp_path / "page.md"
    stale.write_text("<!-- generated: catalogue -->\nold\n<!-- end -->\n", encoding="utf-8")
    monkeypatch.setattr(generator, "ROOT", tmp_path)
    assert generator.main(["--check"]) == 1
    assert "old" in stale.read_text(encoding="utf-8")
    assert generator.main([]) == 0
    assert "claude-" in stale.read_text(encoding="utf-8")
    assert generator.main(["--check"]) == 0


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_block_says_what_it_is(path: Path) -> None:
    """A block of an unknown kind would be tested by nobody."""
    text = path.read_text(encoding="utf-8")
    assert {block["kind"] for block in _BLOCK.finditer(text)} <= _KINDS
    assert text.count("```") == 2 * len(_BLOCK.findall(text))
    assert text.count("<!-- generated:") == len(_GENERATED.findall(text)) == text.count("<!-- end -->")


@pytest.mark.parametrize("text", blocks("yaml"))
def test_yaml_is_a_scenario(tmp_path: Path, text: str) -> None:
    """Each block loads as a file, and each of its faults has its place."""
    shutil.copy(RECORDED, tmp_path / "recorded.sse")
    (tmp_path / "cassettes").symlink_to(ROOT / "cassettes")
    (tmp_path / "scenario.yaml").write_text(text, encoding="utf-8")
    assert load(tmp_path / "scenario.yaml").rules


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_comes_from_the_examples(path: Path) -> None:
    """Each block of Python is taken from a file in `tests/examples` or `tests/clients`, whose tests run."""
    text = path.read_text(encoding="utf-8")
    taken = "".join(part["text"] for part in _GENERATED.finditer(text) if part["name"].startswith(("example ", "snippet ")))
    assert all(block.group() in taken for block in _BLOCK.finditer(text) if block["kind"] == "python")


@pytest.mark.parametrize("text", blocks("json"))
def test_json_is_json(text: str) -> None:
    """Each line is an object."""
    assert all(isinstance(json.loads(line), dict) for line in text.splitlines())


@pytest.mark.parametrize("text", blocks("sh"))
def test_commands_parse(text: str) -> None:
    """Each command line of ours is one that the command takes, and each scenario that it names is shipped."""
    lines = re.sub(r"\$\([^)]*\)", "hello", text.replace("\\\n", " ")).splitlines()
    for command in (each for line in lines for each in re.split(r"&&|;|\|", line)):
        words = shlex.split(command, comments=True)
        if not words or Path(words[0]).name != "streamlab":
            continue
        _parse(words[1:])


def _parse(words: list[str]) -> None:
    with main.make_context("streamlab", list(words)) as context:
        name, command, rest = main.resolve_command(context, words)
        assert command is not None
        with command.make_context(name, rest, parent=context) as inner:
            several = (*inner.params.get("sources", ()), *inner.params.get("files", ()))
            named = [*several, *filter(None, [inner.params.get("scenario")])]
    assert all(Path(each).suffix or each.endswith("/") or each in scenario_names() for each in named)


@pytest.mark.parametrize("words", [["serv", "hello"], ["serve"], ["serve", "hello", "--fast"], ["check"]])
def test_a_wrong_command_would_be_noticed(words: list[str]) -> None:
    """The test above can fail."""
    with pytest.raises(click.UsageError):
        _parse(words)


@pytest.mark.parametrize("command", ["serve", "demo", "check"])
def test_a_scenario_that_is_not_shipped_would_be_noticed(command: str) -> None:
    """In each command that takes one."""
    with pytest.raises(AssertionError):
        _parse([command, "helo"])


@pytest.mark.parametrize("text", [text for text in blocks("sh") if "curl" in text.values[0] and "$lab/" not in text.values[0]])
def test_curl_gets_a_stream(text: str) -> None:
    """The command of the page, run against a server."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    with streamlab.serve("hello") as lab:
        command = text.replace("http://127.0.0.1:4010", lab.url)
        shown = subprocess.run(["sh", "-c", command], capture_output=True, check=True, timeout=30).stdout
    assert shown.startswith(b"event: message_start\n")
    assert shown.endswith(b"}\n\n")


def anchors(path: Path) -> set[str]:
    """Return the anchors of the headings of a page."""
    text = _BLOCK.sub("", path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_resolve(path: Path) -> None:
    """Each relative link leads to a file, and to a heading in it if it says so."""
    text = _BLOCK.sub("", path.read_text(encoding="utf-8"))
    for target in (link["target"] for link in _LINK.finditer(text)):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.is_relative_to(ROOT), target
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def test_each_page_is_linked() -> None:
    """The overview of the documents names them all."""
    overview = (DOCS / "README.md").read_text(encoding="utf-8")
    targets = {(DOCS / link["target"]).resolve() for link in _LINK.finditer(overview)}
    assert targets == set(DOCS.rglob("*.md")) - {DOCS / "README.md"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
@pytest.mark.parametrize("pattern", _FORBIDDEN.values(), ids=_FORBIDDEN)
def test_no_forbidden_words(path: Path, pattern: str) -> None:
    """The documents speak of the project, and tell nobody to install what is not ours."""
    assert re.search(pattern, path.read_text(encoding="utf-8")) is None


@pytest.mark.parametrize(
    ("text", "is_wrong"),
    [
        ("pip install streamlab", True),
        ("pip install -U streamlab", True),
        ('pip install "streamlab[test]"', True),
        ("pip install streamlab-sse", False),
        ('pip install "streamlab-sse @ git+https://example.com/streamlab"', False),
        ("pip install . && streamlab demo", True),
        ("pip install -q . && .venv/bin/streamlab demo", False),
    ],
)
def test_the_name_of_somebody_else_is_found(text: str, is_wrong: bool) -> None:  # noqa: FBT001 - a column of the table
    """In whatever way it is written."""
    pattern = _FORBIDDEN["the name that somebody else has on the index"]
    assert (re.search(pattern, text) is not None) == is_wrong


@pytest.mark.parametrize("name", sorted(main.commands))
def test_each_command_is_documented(name: str) -> None:
    """With all its options."""
    section = page("cli").partition(f"## `streamlab {name}`\n")[2].partition("\n## ")[0]
    for parameter in main.commands[name].params:
        if isinstance(parameter, click.Option) and parameter.name != "help":
            assert f"`{parameter.opts[0]}`" in section


@pytest.mark.parametrize("name", fault_names())
def test_each_fault_is_documented_with_an_example(name: str) -> None:
    """Its keys in a table, and itself in a scenario."""
    section = page("faults").partition(f"## `{name}`\n")[2].partition("\n## ")[0]
    assert all(f"`{key.written}`" in section for key in keys(fault_type(name)))
    assert name in _keys_in_examples("faults")


@pytest.mark.parametrize("name", ERRORS)
def test_each_error_is_documented(name: str) -> None:
    """With its status and its type."""
    assert f"| `{name}` | `{ERRORS[name].status}` | `{ERRORS[name].type}` |" in page("errors")


@pytest.mark.parametrize("name", RULES)
def test_each_rule_of_the_grammar_is_documented(name: str) -> None:
    """With its grade and its fact."""
    assert f"\n| `{name}` | {RULES[name].grade} | {RULES[name].fact} |\n" in page("grammar")


def test_each_state_of_a_stream_is_in_the_diagram() -> None:
    """With every event that leads out of it."""
    steps = {f"{state} --> {there}: {event}" for state, row in TRANSITIONS.items() for event, there in row.items()}
    assert steps <= {line.strip() for line in page("grammar").splitlines()}


@pytest.mark.parametrize("name", scenario_names())
def test_each_scenario_is_documented(name: str) -> None:
    """With what it shows."""
    assert f"\n## `{name}`\n\n{load(name).about.strip()}\n" in page("library")


@pytest.mark.parametrize("name", [name for name in streamlab.__all__ if not name.startswith("_")])
def test_each_public_name_is_documented(name: str) -> None:
    """Under a heading of its own."""
    assert f"\n## `{name}`\n" in page("python")


def _keys_in_examples(name: str) -> set[str]:
    """Return every key that is written in a scenario of a page."""
    scenarios = [yaml.safe_load(block["text"]) for block in _BLOCK.finditer(page(name)) if block["kind"] == "yaml"]
    return {key for scenario in scenarios for key in _keys(scenario)}


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {str(key) for key in value} | {key for each in value.values() for key in _keys(each)}
    return {key for each in value for key in _keys(each)} if isinstance(value, list) else set()


_KEYS = {
    *(
        item.alias or name
        for cls in (ScenarioModel, RuleModel, ReplyModel, HttpModel)
        for name, item in cls.model_fields.items()
    ),
    *(item.name for item in fields(When)),
    *(item.name for item in fields(Pace) if item.name != "speed"),
    *_SHORTHANDS,
    *(key for _, beside in _SHORTHANDS.values() for key in beside),
    *("wait", "raw"),
}


@pytest.mark.parametrize("key", sorted(_KEYS))
def test_each_key_is_documented_with_an_example(key: str) -> None:
    """By its name, and in a scenario."""
    assert f"`{key}`" in page("scenarios")
    assert key in _keys_in_examples("scenarios")


def test_each_bare_event_can_be_told() -> None:
    """The places page or the page of raw events names it."""
    text = (DOCS / "how-to" / "raw-events.md").read_text(encoding="utf-8") + page("places") + page("faults")
    assert [name for name in _FILLED if name not in text] == []


def test_the_keep_alive_is_as_documented() -> None:
    """The seconds are written in three pages."""
    said = f"{KEEP_ALIVE:g} s"
    assert said in page("scenarios")
    assert said in (DOCS / "how-to" / "raw-events.md").read_text(encoding="utf-8")
    assert said in (DOCS / "explanation" / "deviations.md").read_text(encoding="utf-8")


def test_the_readme_is_short_and_sets_up_in_one_line() -> None:
    """Each of its two commands is one line after its marker."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 125
    for name, last in (("demo", "streamlab demo"), ("tests", "pytest")):
        (command,) = re.findall(rf"<!-- command: {name} -->\n```sh\n(.*)\n```\n", text)
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
        assert re.search(rf"&& \.venv/bin/{last}(?: -n \d)?$", command)


def test_the_changelog_starts_with_what_is_unreleased() -> None:
    """It keeps the form of Keep a Changelog."""
    headings = re.findall(r"^##+ .*$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[:2] == ["## [Unreleased]", "### Added"]
