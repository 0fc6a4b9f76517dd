"""Write the generated parts of the documents: what stands between `<!-- generated: NAME -->` and `<!-- end -->`.

    python docs/generate.py           write them
    python docs/generate.py --check   change nothing; exit 1 if one of them is stale

A name is that of a function below, such as `example FILE NAME…`, definitions out of a file in `tests/examples`, or
`snippet FILE REGION…`, marked parts of one in `tests/clients`. How the mock differs from the API is told by the docstrings of
`tests/test_deviations.py`.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import json
import re
import runpy
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from random import Random
from types import FunctionType, ModuleType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

import click

import streamlab
from streamlab import cli
from streamlab.core import fault_guide
from streamlab.core.api_errors import ERRORS, api_error, error_event
from streamlab.core.api_headers import message_headers
from streamlab.core.blocks import parse_blocks
from streamlab.core.endpoints import standing_answer
from streamlab.core.events import dump
from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.faults import examples, fault_type
from streamlab.core.faults.base import AtPlace
from streamlab.core.grammar import RULES, TRANSITIONS
from streamlab.core.journal import Call
from streamlab.core.messages import Shape
from streamlab.core.places import GRAMMAR, Place, Point, Side
from streamlab.core.plan import Ending, Head, Plan
from streamlab.core.relay import ending_of
from streamlab.core.sources import Content, Failure
from streamlab.core.timeline import ENDINGS
from streamlab.errors import ScenarioError, VerificationError
from streamlab.files.cassette_schema import cassette_schema
from streamlab.files.cassette_writer import write_all
from streamlab.files.library import library_folder, scenario_names
from streamlab.files.models import HttpModel, ReplyModel, RuleModel, ScenarioModel
from streamlab.files.scenario import load

if TYPE_CHECKING:
    from pydantic import BaseModel

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "tests" / "examples"
CLIENTS = ROOT / "tests" / "clients"
_LANGUAGES = {
    ".py": "python",
    ".mjs": "js",
    ".js": "js",
    ".ts": "ts",
    ".tsx": "tsx",
    ".sh": "sh",
    ".bash": "text",
    ".conf": "nginx",
}
DEVIATIONS = ROOT / "tests" / "test_deviations.py"
_PART = re.compile(r"(<!-- generated: (?P<name>[^\n]+?) -->\n).*?(<!-- end -->)", re.DOTALL)
_BLOCK = re.compile(r"@|class |def |async def ")
_URL = "http://127.0.0.1:4010"


def documents() -> list[Path]:
    """Return every document of the project."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def generated(text: str) -> str:
    """Return a document with its generated parts as they should be."""
    return _PART.sub(lambda found: f"{found[1]}{part(found['name'])}\n{found[3]}", text)


def part(name: str) -> str:
    """Return the generated part of this name."""
    word, *arguments = name.split()
    return _PARTS[word](*arguments).strip("\n")


def example(file: str, *names: str) -> str:
    """Return definitions of an example, or all of it, as they stand in its file."""
    source = (EXAMPLES / file).read_text(encoding="utf-8")
    if names:
        found = _definitions(source)
        parts = [found[name] for name in names if name != "imports"]
        source = _apart(_imports(source, "\n".join(parts)), *parts) if "imports" in names else _apart(*parts)
    lines = [re.sub(r"  # (?:noqa|type: ignore).*", "", line) for line in source.splitlines() if not line.startswith("# ruff")]
    return _fenced("python", "\n".join(lines))


def snippet(file: str, *names: str) -> str:
    """Return marked parts of a file of `tests/clients`; the name `imports` stands for the imports that they need."""
    path = CLIENTS / file
    source = path.read_text(encoding="utf-8")
    text = "\n\n\n".join(_region(source, name) for name in names if name != "imports")
    if "imports" in names:
        text = _apart(_imports(source, text), text)
    return _fenced(_LANGUAGES[path.suffix], re.sub(r"  # (?:noqa|type: ignore)[^\n]*", "", text))


def _region(source: str, name: str) -> str:
    """Return the lines between `region NAME` and `endregion`, which stand in comments."""
    lines = source.splitlines()
    (start,) = [number for number, line in enumerate(lines) if re.fullmatch(rf"\W*region {re.escape(name)}\W*", line)]
    end = next(number for number in range(start, len(lines)) if re.fullmatch(r"\W*endregion\W*", lines[number]))
    return textwrap.dedent("\n".join(lines[start + 1 : end])).strip("\n")


def outcomes() -> str:
    """Return what each client does when a stream breaks, failure by failure, and what to write instead."""
    rows: dict[str, list[tuple[str, str, str]]] = {}
    for path in sorted(CLIENTS.glob("outcomes_*.py")):
        found = runpy.run_path(str(path))
        for client, outcomes in found["OUTCOMES"].items():
            for failure, outcome in outcomes.items():
                rows.setdefault(failure, []).append((client, outcome, found["REMEDIES"][client][failure]))
    head = ["client", "what happens", "what to write instead"]
    return "\n\n".join(f"## {failure}\n\n{_table(head, told)}" for failure, told in rows.items())


def endpoints(framework: str, *urls: str) -> str:
    """Return what the endpoints of a web framework tell their page, by scenario: that of the guides and the other."""
    found = runpy.run_path(str(CLIENTS / "outcomes_web.py"))
    naive, careful = (found["OUTCOMES"][found["CLIENTS"][f"{framework} {which}"]] for which in ("naive", "careful"))
    rows = ((f"`{failure}`", naive[failure], careful[failure]) for failure in naive)
    return _table(["`streamlab serve …`", *(f"`{url}`" for url in urls)], rows)


def _definitions(source: str) -> dict[str, str]:
    """Return the text of each definition of a module, by its name."""
    lines, found = source.splitlines(), {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            start = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            found[node.name] = "\n".join(lines[start - 1 : node.end_lineno])
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = "\n".join(lines[node.lineno - 1 : node.end_lineno])
    return found


def _apart(*parts: str) -> str:
    """Return parts of a module with as many blank lines between them as there are in a module."""
    text = parts[0]
    for before, part in pairwise(parts):
        are_values = not (_BLOCK.match(before) or _BLOCK.match(part))
        is_after_imports = before.startswith(("import ", "from "))
        text += ("\n\n" if is_after_imports else "\n") + part if are_values else f"\n\n\n{part}"
    return text


def _imports(source: str, chosen: str) -> str:
    """Return those imports of a module that the chosen part of it needs, in groups."""
    groups: list[list[str]] = [[], [], []]
    names = {node.id for node in ast.walk(ast.parse(chosen)) if isinstance(node, ast.Name)}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        used = ", ".join(ast.unparse(each) for each in node.names if (each.asname or each.name) in names)
        module = node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
        if used and module != "__future__":
            group = 0 if module.partition(".")[0] in sys.stdlib_module_names else 2 if module == "streamlab" else 1
            groups[group].append(f"from {module} import {used}" if isinstance(node, ast.ImportFrom) else f"import {used}")
    return "\n\n".join("\n".join(group) for group in groups if group)


def commands() -> str:
    """Return the reference of the command line."""
    group = cli.main
    sections = [_command("streamlab", group)]
    sections += (_command(f"streamlab {name}", command) for name, command in sorted(group.commands.items()))
    return "\n\n".join(sections)


def _command(name: str, command: click.Command) -> str:
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    usage = " ".join(
        (each.metavar or (each.name or "").upper()) if each.required else f"[{(each.name or '').upper()}]" for each in arguments
    )
    text = [f"## `{name}`", _fenced("text", f"{name} [OPTIONS] {usage}".rstrip()) if arguments else ""]
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        if paragraph.startswith("\b"):
            heading, _, rest = paragraph.removeprefix("\b\n").partition("\n")
            text += [heading, _fenced("text" if "   " in rest.strip() else "sh", textwrap.dedent(rest))]
        else:
            text.append(paragraph)
    options = [each for each in command.params if isinstance(each, click.Option) and each.help]
    text.append(_table(("option", "what it does"), ((_option(each), each.help or "") for each in options)) if options else "")
    return "\n\n".join(each for each in text if each)


def _option(option: click.Option) -> str:
    words = ", ".join(f"`{each}`" for each in option.opts)
    value = "" if option.is_flag else f" {option.type.name.removesuffix(' range')}"
    return words + value + (f" (default `{option.default}`)" if option.show_default else "")


def serve_lines(kind: str = "text") -> str:
    """Return what `streamlab serve` prints for a call."""
    request = Request()
    call = Call(
        number=1, request=request, rule="hello", status=200, attempt=1, started=0.0, events_sent=9, bytes_sent=1790,
        ended="complete", ended_by="server", duration=0.0021,
    )  # fmt: skip
    printer = cli._Printer(as_json=kind == "json", quiet=False)  # noqa: SLF001 - the words of the command line
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        printer.ready(_URL)
        printer.ended(call)
    return _fenced("json" if kind == "json" else "text", printed.getvalue())


def demo(scenario: str) -> str:
    """Return what `streamlab demo` shows."""
    from click.testing import CliRunner  # noqa: PLC0415 - for this part alone

    shown = CliRunner().invoke(cli.main, ["demo", scenario, "--pace", "instant"]).stdout
    shown = re.sub(r"http://127\.0\.0\.1:\d+", _URL, shown)
    shown = re.sub(r"anthropic [\d.]+", "anthropic 2.11.0", shown)
    return _fenced("text", re.sub(r" +$", "", shown, flags=re.MULTILINE))


def keys(model: str) -> str:
    """Return the keys of a mapping of the scenario language."""
    cls = {"file": ScenarioModel, "rule": RuleModel, "reply": ReplyModel, "http": HttpModel}[model]
    return _table(("key", "value", "what it says"), _keys(cls))


def _keys(cls: type[BaseModel]) -> Iterator[tuple[str, str, str]]:
    for name, item in cls.model_fields.items():
        value = _VALUES.get(name) or _type(item.annotation)
        default = item.get_default(call_default_factory=True) if not item.is_required() else None
        shown = f" (default `{str(default).lower() if isinstance(default, bool) else default}`)" if _is_telling(default) else ""
        yield f"`{item.alias or name}`", value, (item.description or "") + shown


def _is_telling(default: object) -> bool:
    return isinstance(default, bool | int | str) and default != ""


_VALUES = {
    "reply": "a reply",
    "replies": "replies",
    "rules": "rules",
    "when": "[conditions](#when-a-rule-answers)",
    "pace": "[a pace](#pace)",
    "text": "a text, or a list of texts",
    "content": "[content blocks](#content)",
    "events": "[items](#events)",
    "error": "[an error](errors.md)",
    "http": "[an HTTP answer](#http)",
    "faults": "[faults](faults.md)",
    "headers": "names and values",
    "usage": "names and counts",
    "body": "a text, or any value",
}


def _type(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return " or ".join(_type(each) for each in get_args(annotation) if each is not type(None))
    if origin is Literal:
        return " or ".join(f"`{each}`" for each in get_args(annotation))
    return {str: "a text", int: "a whole number", bool: "`true` or `false`"}.get(annotation, "a value")


def grammar() -> str:
    """Return the forms of a place."""
    return textwrap.fill(f"A place is {GRAMMAR}.".replace("'", "`"), 120)


_EXAMPLE = [
    {"text": ["Hello", " there"]},
    {"tool_use": {"id": "toolu_1", "name": "look", "input": {"city": "SF"}}, "fragments": ['{"city":', '"SF"}']},
]
_SHOWN_PLACES: tuple[tuple[Side, str], ...] = (
    ("at", "headers"),
    ("before", "event 3"),
    ("at", "event 3"),
    ("after", "event 3"),
    ("after", "delta 2"),
    ("after", "block 1 delta 2"),
    ("after", "tool_use delta 2"),
    ("before", "message_stop"),
    ("after", "content_block_stop 2"),
    ("at", "text char 7"),
    ("before", "text char 7"),
    ("at", "block 1 char 3"),
    ("at", "tool_use char 9"),
    ("at", "byte 20"),
    ("at", "50%"),
    ("at", "end"),
)


def places() -> str:
    """Return a stream, and where in it places are."""
    plan = _example_plan()
    stream = "\n".join(f"{number:2}  {_shortened(dump(frame.event))}" for number, frame in enumerate(plan.frames, 1))
    rows = ((f"`{side}: {place}`", _sent(plan, Place(place).point(plan, side))) for side, place in _SHOWN_PLACES)
    return f"{_fenced('text', stream)}\n\n{_table(('place', 'what has been sent there'), rows)}"


def _example_plan() -> Plan:
    source = Content(parse_blocks(_EXAMPLE), Shape(plain=True, id="msg_1"))
    return source.plan(Request(body=b'{"stream": true}'), Random(0))


def _shortened(text: str, most: int = 110) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _sent(plan: Plan, point: Point) -> str:
    if point.frame == point.offset == 0:
        return "the head, and nothing of the body"
    if point.offset == 0:
        return f"event {point.frame}, whole" if point.frame < len(plan.frames) else f"event {point.frame}, whole: everything"
    sent = plan.frames[point.frame].raw[: point.offset].decode()
    return f"event {point.frame + 1} as far as `…{sent[-24:]}`".replace("\n", "⏎")


def faults(family: str) -> str:
    """Return the reference of the faults of a family."""
    return "\n\n".join(_fault(name) for name in dict(fault_guide.by_family())[family])


def _fault(name: str) -> str:
    cls = fault_type(name)
    rows = [
        (f"`{key.written}`", f"`{key.field}`", "none" if key.default == "none" else f"`{key.default}`")
        for key in fault_guide.keys(cls)
    ]
    table = _table(("key in YAML", "in Python", "default"), rows)
    first = examples(cls)[0].fault
    written = first if first.startswith("[") else f"[{{{first}}}]"
    scenario = _fenced("yaml", f"reply:\n  content:\n{_FAULTY}  faults: {written}")
    failures = ((each.what, f"`{each.fault}`", _cell(each.stream), _cell(each.create or each.stream)) for each in examples(cls))
    outcomes = _table(("what goes wrong", "written", "`messages.stream(…)`", "`create(stream=True)`"), failures)
    head = f"## `{name}`\n\n{fault_guide.text_of(cls)}\n\nIn Python: `faults.{cls.__name__}`."
    return f"{head}\n\n{table}\n\n{scenario}\n\n{outcomes}"


_FAULTY = """  - text: [One, " two", " three", " four…"]
  - tool_use: {name: get_weather, input: {location: San Francisco}}
"""


def _cell(outcome: str) -> str:
    """Return what comes of a call, for a table: that nothing is raised although something is missing stands out."""
    if outcome == "the whole message":
        return outcome
    if not outcome.startswith("raises"):
        return f"**raises nothing**: {outcome}"
    return outcome if outcome.endswith("APIError") else f"{outcome}, **no** APIError"


def errors() -> str:
    """Return the errors of the API."""
    rows = (
        (
            f"`{name}`",
            f"`{each.status}`",
            f"`{each.type}`",
            each.message,
            ", ".join(f"`{key}: {value}`" for key, value in each.headers),
        )
        for name, each in ERRORS.items()
    )
    return _table(("name", "status", "type", "text", "headers of its own"), rows)


def error_answer(name: str) -> str:
    """Return an error as it is answered before the stream."""
    plan = Failure(api_error(name)).plan(Request(), Random(0))
    head = "\n".join(f"{key}: {value}" for key, value in plan.head.headers)
    return _fenced("text", f"HTTP/1.1 {plan.head.status}\n{head}\n\n{plan.body.decode()}")


def error_in_stream(name: str) -> str:
    """Return an error as it comes in mid-stream."""
    return _fenced("text", f"event: error\ndata: {dump(error_event(api_error(name), None, 'req_011C…'))}")


def states() -> str:
    """Return the states of a stream, and the events that lead from one to the next."""
    steps = [f"{state} --> {there}: {event}" for state, row in TRANSITIONS.items() for event, there in row.items()]
    ends = [f"{state} --> [*]" for state, row in TRANSITIONS.items() if not row]
    lines = ["stateDiagram-v2", *(f"    {each}" for each in (f"[*] --> {next(iter(TRANSITIONS))}", *steps, *ends))]
    return _fenced("mermaid", "\n".join(lines))


def rules() -> str:
    """Return the rules that streams are checked against."""
    return _table(("rule", "grade", "the API"), ((f"`{name}`", str(rule.grade), rule.fact) for name, rule in RULES.items()))


_CHECKED = "reply:\n  events: [message_start, content_block_delta, content_block_stop, message_delta, message_stop]\n"


def checked() -> str:
    """Return a scenario in which the check finds something."""
    return _fenced("yaml", _CHECKED)


def check(*options: str) -> str:
    """Return what `streamlab check` says of it."""
    from click.testing import CliRunner  # noqa: PLC0415 - for this part alone

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.yaml"
        path.write_text(_CHECKED, encoding="utf-8")
        shown = CliRunner().invoke(cli.main, ["check", str(path), *options]).stdout
    return _fenced("json" if options else "text", shown.replace(folder + "/", ""))


def library() -> str:
    """Return the shipped scenarios."""
    return "\n\n".join(_shipped(name) for name in scenario_names())


def _shipped(name: str) -> str:
    text = (library_folder() / f"{name}.yaml").read_text(encoding="utf-8")
    body = text.partition("about:")[2]
    shown = body[re.search(r"^\w", body, re.MULTILINE).start() :].rstrip()  # type: ignore[union-attr]
    lines = shown.splitlines()
    if len(lines) > 16:  # noqa: PLR2004 - a screen is enough
        shown = "\n".join(lines[:3])
        return f"## `{name}`\n\n{load(name).about.strip()}\n\nIt begins so:\n\n{_fenced('text', shown)}"
    return f"## `{name}`\n\n{load(name).about.strip()}\n\n{_fenced('yaml', shown)}"


def python() -> str:
    """Return the public names."""
    return "\n\n".join(_public(name) for name in streamlab.__all__ if not name.startswith("_"))


def _public(name: str) -> str:
    value: Any = getattr(streamlab, name)
    heading, text = f"## `{name}`", inspect.getdoc(value) or ""
    if isinstance(value, ModuleType):
        return f"{heading}\n\n{text}\n\nIts classes are told of in the [reference of the faults](faults.md)."
    if not isinstance(value, type):
        return f"{heading}\n\n{_fenced('text', _call(name, value))}\n\n{text}"
    if issubclass(value, Exception):
        bases = ", ".join(f"`{base.__name__}`" for base in value.__bases__)
        return f"{heading}\n\nAn exception, of: {bases}.\n\n{text}"
    if issubclass(value, AtPlace):
        return f"{heading}\n\n{_fenced('text', _call(name, value))}\n\nThe fault [`{value.name}`](faults.md#{value.name})."
    members = _table(("member", "what it is"), _members(value))
    return f"{heading}\n\n{text}\n\n{members}"


def _members(cls: Any) -> Iterator[tuple[str, str]]:
    for item in fields(cls) if is_dataclass(cls) else ():
        yield f"`{item.name}`", f"`{item.type}`".replace("|", "\\|")
    for name, member in vars(cls).items():
        if name.startswith("_") or not isinstance(member, FunctionType | property | cached_property):
            continue
        shown = _line(name, member) if isinstance(member, FunctionType) else name
        yield f"`{shown}`".replace("|", "\\|"), (inspect.getdoc(member) or "").splitlines()[0]


def _call(name: str, function: Callable[..., Any]) -> str:
    """Return how a function is called: in a line, or in several if it is long."""
    line = _line(name, function)
    if len(line) <= 120:  # noqa: PLR2004 - the width of the page
        return line
    return f"{name}(\n" + "".join(f"    {each},\n" for each in _parameters(function)) + ")"


def _line(name: str, function: Callable[..., Any]) -> str:
    return f"{name}({', '.join(_parameters(function))})"


def _parameters(function: Callable[..., Any]) -> list[str]:
    shown: list[str] = []
    for each in inspect.signature(function).parameters.values():
        if each.name == "self":
            continue
        if each.kind is each.KEYWORD_ONLY and not any(mark.startswith("*") for mark in shown):
            shown.append("*")
        stars = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        default = "" if each.default is each.empty else f" = {each.default!r}"
        shown.append(f"{stars}{each.name}: {each.annotation}{default}")
        if each.kind is each.POSITIONAL_ONLY:
            shown.append("/")
    return shown


def miss() -> str:
    """Return what a test says of a request that nothing matched."""
    return _verification("A joke.", when={"last_user": "tell me a joke"})


def unused() -> str:
    """Return what a test says of a reply that was not used."""
    return _verification("Hello.", times=2)


def _verification(source: str, **changes: Any) -> str:
    body = {"model": "claude-sonnet-4-6", "max_tokens": 64, "messages": [{"role": "user", "content": "Say hello."}]}
    try:
        with streamlab.serve() as lab:
            lab.reply(source, **changes)
            with contextlib.suppress(Exception):
                lab.client.with_options(max_retries=0).messages.create(**body)
    except VerificationError as error:
        return _fenced("text", f"streamlab.errors.VerificationError: {error}")
    raise RuntimeError("the lab was content")


def file_error(*key: str) -> str:
    """Return what is said of a scenario with a misspelt key."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.yaml"
        path.write_text(f"reply:\n  text: One two three.\n  faults: [{{{' '.join(key)}}}]\n", encoding="utf-8")
        try:
            load(path)
        except ScenarioError as error:
            return _fenced("text", f"streamlab: {error}".replace(folder + "/", ""))
    raise RuntimeError("the scenario has no error")


def modules() -> str:
    """Return what each module is for, by the first line of its docstring."""
    return "\n".join(_module(path) for path in sorted((ROOT / "streamlab").rglob("*.py"), key=_layer))


def _module(path: Path) -> str:
    name = path.relative_to(ROOT / "streamlab").as_posix()
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    first = text.partition("\n\n")[0].replace("\n", " ")
    return f"- `{name}`: {re.sub(r' [(]`wire[.]md`[^)]*[)]|, in `wire[.]md`', '', first)}"


def _layer(path: Path) -> tuple[int, str]:
    name = path.relative_to(ROOT / "streamlab").as_posix()
    layer = next((index for index, folder in enumerate(("net/", "files/", "core/"), 1) if name.startswith(folder)), 0)
    return (4 if name in {"errors.py", "_version.py"} else layer), name


def deviations() -> str:
    """Return how the mock differs from the API: the docstrings of the tests that show it, under their headings."""
    sections: dict[str, list[str]] = {}
    for node in ast.parse(DEVIATIONS.read_text(encoding="utf-8")).body:
        for heading in _headings(node):
            first, _, rest = (ast.get_docstring(node) or "").partition("\n\n")  # type: ignore[arg-type]
            sections.setdefault(heading, []).append(_item(f"{first} {rest}"))
    return "\n\n".join(f"## {heading}\n\n" + "\n".join(items) for heading, items in sections.items())


def _headings(node: ast.stmt) -> list[str]:
    """Return the heading that a test stands under, if it shows how the mock differs."""
    marks = [each for each in getattr(node, "decorator_list", ()) if isinstance(each, ast.Call)]
    return [each.args[0].value for each in marks if isinstance(each.func, ast.Name) and each.func.id == "deviation"]  # type: ignore[attr-defined]


def _item(text: str) -> str:
    return textwrap.fill(f"- {text}", 128, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def catalogue() -> str:
    """Return the models that are listed."""
    plan = standing_answer(Request(method="GET", path="/v1/models"), Random(0))
    assert plan is not None  # noqa: S101 - it always is
    return ", ".join(f"`{name}`" for name in re.findall(r'"id":"([^"]+)"', plan.body.decode()))


def limits() -> str:
    """Return the headers about limits."""
    headers = message_headers(Random(0), stream=True, input_tokens=10)
    return _fenced("text", "\n".join(f"{name}: {value}" for name, value in headers if "anthropic-" in name))


def _fenced(kind: str, text: str) -> str:
    return f"```{kind}\n{text.strip(chr(10))}\n```"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def imported() -> str:
    """Return what `streamlab import` says of a folder of two recordings."""
    call = "- request: {method: POST, uri: '%s', body: '{\"model\":\"m\"}', headers: {x-api-key: [sk-ant-api03-abcdefgh]}}\n"
    answer = "  response: {status: {code: 200}, headers: {}, body: {string: '{}'}}\n"
    calls = (call % each + answer for each in ("https://api.anthropic.com/v1/messages", "https://example.com/v1/other"))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "cassettes").mkdir()
        (Path(folder) / "cassettes" / "answer.yaml").write_text(
            "interactions:\n" + "".join(calls) + "version: 1\n", encoding="utf-8"
        )
        shutil.copy(EXAMPLES / "recorded.sse", Path(folder) / "cassettes" / "hello.sse")
        return _fenced("text", _run(folder, "import", f"{folder}/cassettes", "--out", f"{folder}/all.yaml"))


def shown(*arguments: str) -> str:
    """Return what `streamlab show` says of a cassette."""
    with tempfile.TemporaryDirectory() as folder:
        _write_recorded(Path(folder) / "recorded.yaml", "It is sunny.", "Paris")
        return _fenced("text", _run(folder, "show", f"{folder}/recorded.yaml", *arguments, "--width", "132"))


def differing() -> str:
    """Return what `streamlab diff` says of two cassettes."""
    with tempfile.TemporaryDirectory() as folder:
        _write_recorded(Path(folder) / "before.yaml", "It is sunny.", "Paris")
        _write_recorded(Path(folder) / "after.yaml", "It is rainy.", "Rome")
        return _fenced("text", _run(folder, "diff", f"{folder}/before.yaml", f"{folder}/after.yaml"))


def cassette() -> str:
    """Return a cassette of one short exchange, which was cut off."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recorded.yaml"
        _write_recorded(path, "It is sunny.", "Paris")
        header, _, cut = path.read_text(encoding="utf-8").split("---\n")
        return _fenced("yaml", f"{header}---\n{cut}")


def cassette_keys(title: str) -> str:
    """Return the keys of a kind of document in a cassette, those within them too."""
    document = next(each for each in cassette_schema()["anyOf"] if each["title"] == title)
    return _table(["key", "is", "says"], _schema_keys(document))


def _schema_keys(document: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    for name, value in document["properties"].items():
        inner = value.get("properties", {})
        if not inner or "description" in value:
            required = ", required" if name in document.get("required", ()) else ""
            default = f"If left out: `{json.dumps(value['default'])}`." if "default" in value else ""
            yield f"`{prefix}{name}`", f"{_kind(value)}{required}", f"{value.get('description', '')} {default}".strip()
        if inner:
            yield from _schema_keys(value, f"{prefix}{name}.")


def _kind(value: dict[str, Any]) -> str:
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return ", ".join(f"`{each}`" for each in value["enum"])
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_kind(each) for each in value["anyOf"] if each["type"] != "null"))
    words = {"array": "list", "object": "mapping", "string": "text", "number": "number", "integer": "number"}
    kinds = [value["type"]] if isinstance(value["type"], str) else value["type"]
    return " or ".join(words[each] for each in kinds if each != "null")


def endings() -> str:
    """Return how an exchange can have ended, and how each is sent again."""
    replayed = {
        Ending.COMPLETE: "whole, with the end mark of its body",
        Ending.FIN: "the connection is closed there",
        Ending.RESET: "the connection is reset there",
        Ending.CORRUPT: "the header of the next chunk is none, and the connection is closed",
        Ending.HANG: "nothing more comes, until the client leaves",
    }
    rows = ((f"`{each}`", ENDINGS[each], replayed[ending_of(each, has_head=True)]) for each in Ended)
    return _table(["`ended`", "what was seen", "replayed"], rows)


def _run(folder: str, *arguments: str) -> str:
    """Return what a command prints."""
    from click.testing import CliRunner  # noqa: PLC0415 - for this part alone

    return CliRunner().invoke(cli.main, arguments).stdout.replace(folder + "/", "")


def _write_recorded(path: Path, text: str, city: str) -> None:
    """Write a cassette of two exchanges: an answer with a call of a tool, and one that was cut off."""
    blocks = parse_blocks(
        [{"text": [text[:6], text[6:]]}, {"tool_use": {"id": "toolu_1", "name": "look", "input": {"city": city}}}]
    )
    plan = Content(blocks, Shape(plain=True, id="msg_1")).plan(Request(body=b'{"stream": true}'), Random(0))
    frames = [frame.raw for frame in plan.frames]
    reads = [Read(frames[0] + frames[1], 0.0), *(Read(raw, 0.1 + 0.04 * number) for number, raw in enumerate(frames[2:]))]
    body = {
        "model": "claude-sonnet-4-6",
        "max_tokens": 64,
        "stream": True,
        "messages": [{"role": "user", "content": "How is it?"}],
    }
    headers = tuple(each for each in plan.head.headers if each[0] in ("content-type", "request-id"))
    whole = Exchange(
        request=Request(body=dump(body).encode()), head=Head(headers=headers), reads=tuple(reads), first=0.38, ended_at=0.7,
        recorded="2026-11-21T06:30:00Z",
    )  # fmt: skip
    cut = replace(whole, reads=(*reads[:3], Read(reads[3].data[:30], 2.5)), ended=Ended.RESET, ended_at=2.6)
    write_all(path, [whole, cut])


_PARTS: dict[str, Callable[..., str]] = {
    "example": example,
    "snippet": snippet,
    "outcomes": outcomes,
    "endpoints": endpoints,
    "imported": imported,
    "shown": shown,
    "differing": differing,
    "cassette": cassette,
    "cassette-keys": cassette_keys,
    "endings": endings,
    "commands": commands,
    "serve": serve_lines,
    "demo": demo,
    "keys": keys,
    "grammar": grammar,
    "places": places,
    "faults": faults,
    "errors": errors,
    "error-answer": error_answer,
    "error-in-stream": error_in_stream,
    "library": library,
    "python": python,
    "miss": miss,
    "unused": unused,
    "file-error": file_error,
    "modules": modules,
    "states": states,
    "rules": rules,
    "checked": checked,
    "check": check,
    "deviations": deviations,
    "catalogue": catalogue,
    "limits": limits,
}


def main(arguments: Sequence[str]) -> int:
    """Write the documents, or check them; return the exit code."""
    stale = []
    for path in documents():
        text = path.read_text(encoding="utf-8")
        newer = generated(text)
        if newer == text:
            continue
        stale.append(path.relative_to(ROOT))
        if "--check" not in arguments:
            path.write_text(newer, encoding="utf-8")
    for path in stale:
        print(f"{'stale' if '--check' in arguments else 'written'}: {path}")
    return int(bool(stale) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
