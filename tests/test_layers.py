"""The folders are the architecture: imports go downward only, the core is pure, and each module has its tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import streamlab

PROJECT = Path(__file__).resolve().parent.parent
PACKAGE = PROJECT / "streamlab"
MODULES = {
    ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

LAYERS = {"core": 1, "files": 2, "net": 3}
"""How high each folder stands; `errors` and `_version` are below them all, and the wiring above."""
WIRING = {"streamlab", "streamlab.__main__", "streamlab.pytest_plugin"}
WIRING |= {"streamlab.cli", "streamlab.cli_cassettes", "streamlab.cli_record"}
WIRING |= {f"streamlab.pytest_{name}" for name in ("lab", "marker", "recording", "report")}
BOTTOM = {"streamlab.errors", "streamlab._version"}

PURE = {
    *("__future__", "bisect", "collections", "collections.abc", "copy", "dataclasses", "difflib", "enum", "fnmatch"),
    *("functools", "hashlib", "html", "http", "inspect", "itertools", "json", "math", "operator", "random", "re", "string"),
    *("types", "typing", "unicodedata", "urllib.parse", "zlib"),
    *("base64", "datetime", "email.utils", "hmac"),
}
"""What the core may load of the standard library: nothing that reads, writes, waits, or knows the time."""
LATE_IN_CORE = {("streamlab.core.messages", "pydantic_core")}
"""What the core loads when it needs it."""
NET_ONLY = {"aiohttp", "asyncio", "selectors", "signal", "socket", "socketserver", "ssl", "threading", "time"}
OUTSIDE_NET = {("streamlab.pytest_plugin", "socket")}
"""The plugin reserves a port before there is a server."""

TESTS = {
    "streamlab": "test_startup.py",
    "streamlab._version": "test_startup.py",
    "streamlab.pytest_plugin": "test_plugin.py",
}
"""The test files whose names do not follow from the module's."""


@dataclass(frozen=True)
class Import:
    """One import: who, what, which names, and whether it happens when the module is loaded."""

    by: str
    of: str
    names: tuple[str, ...]
    at_load: bool


def imports(name: str) -> Iterator[Import]:
    """Yield every import of a module that is executed some time; those for type checkers alone are not."""
    yield from _imports(name, ast.parse(MODULES[name].read_text(encoding="utf-8")), at_load=True)


def _imports(name: str, node: ast.AST, *, at_load: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.Import):
            yield from (Import(name, alias.name, (), at_load) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{name}: imports name the whole module"
            yield from _imports_from(name, child, at_load=at_load)
        else:
            is_later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(name, child, at_load=at_load and not is_later)


def _imports_from(name: str, node: ast.ImportFrom, *, at_load: bool) -> Iterator[Import]:
    """Tell `from package import module` from `from module import name`."""
    assert node.module is not None
    names = tuple(alias.name for alias in node.names)
    modules = [each for each in names if f"{node.module}.{each}" in MODULES]
    yield from (Import(name, f"{node.module}.{each}", (), at_load) for each in modules)
    if others := tuple(each for each in names if each not in modules):
        yield Import(name, node.module, others, at_load)


def has_definitions(path: Path) -> bool:
    """Whether a module defines anything, or only says what its folder is for."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return any(
        isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign) and "__all__" not in ast.unparse(node) for node in body
    )


ALL = [each for name in MODULES for each in imports(name)]
OURS = [each for each in ALL if each.of.split(".")[0] == "streamlab"]
OTHERS = [each for each in ALL if each.of.split(".")[0] != "streamlab"]


def layer(name: str) -> int:
    """Return how high a module stands."""
    if name in WIRING:
        return 4
    return 0 if name in BOTTOM else LAYERS[name.split(".")[1]]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_stands_in_a_layer(name: str) -> None:
    """A new folder or a new module at the top has to say where it belongs."""
    assert layer(name) in range(5)


def test_imports_go_downward() -> None:
    """Wiring, net, files, core, errors: each loads what is below it or beside it, even late."""
    assert [each for each in OURS if layer(each.by) < layer(each.of)] == []
    assert [each for each in OURS if each.by in BOTTOM] == []


def test_nobody_imports_the_wiring() -> None:
    """The command line, the plugin and the public names are for users; only `python -m` calls the command line."""
    assert {(each.by, each.of) for each in OURS if each.of in WIRING} == {
        ("streamlab.__main__", "streamlab.cli"),
        ("streamlab.cli", "streamlab.cli_cassettes"),
        ("streamlab.cli", "streamlab.cli_record"),
        ("streamlab.cli_cassettes", "streamlab.cli_record"),
        ("streamlab.pytest_plugin", "streamlab.pytest_lab"),
        ("streamlab.pytest_plugin", "streamlab.pytest_marker"),
        ("streamlab.pytest_plugin", "streamlab.pytest_recording"),
        ("streamlab.pytest_plugin", "streamlab.pytest_report"),
        ("streamlab.pytest_lab", "streamlab.pytest_marker"),
        ("streamlab.pytest_lab", "streamlab.pytest_recording"),
        ("streamlab.pytest_lab", "streamlab.pytest_report"),
    }


def test_there_are_no_cycles() -> None:
    """Not even late ones: the modules can be put in an order in which each needs only earlier ones."""
    needs = {name: {each.of for each in OURS if each.by == name} - {name} for name in MODULES}
    while free := {name for name, others in needs.items() if not others & set(needs)}:
        needs = {name: others for name, others in needs.items() if name not in free}
    assert needs == {}


def test_every_import_of_ours_names_a_module_that_exists() -> None:
    """What is imported late is found as well."""
    assert {each.of for each in OURS} <= set(MODULES)
    assert set(streamlab._HOMES.values()) <= {name for name in MODULES if name not in WIRING}


def test_the_core_is_pure() -> None:
    """It loads nothing that reads, writes, waits, or draws lots of its own."""
    core = [each for each in OTHERS if each.by.startswith("streamlab.core")]
    assert core
    impure = [each for each in core if each.of not in PURE]
    assert {(each.by, each.of) for each in impure} <= LATE_IN_CORE
    assert not any(each.at_load for each in impure)
    assert {each.names for each in core if each.of == "random"} == {("Random",)}


def test_only_net_has_sockets_threads_and_time() -> None:
    """Whatever waits or connects is in one folder."""
    outside = {(each.by, each.of) for each in OTHERS if each.of.split(".")[0] in NET_ONLY and layer(each.by) != LAYERS["net"]}
    assert outside == OUTSIDE_NET


def test_only_files_reads_yaml_and_describes_it() -> None:
    """The languages of what lies on disk are known in one folder."""
    assert {layer(each.by) for each in OTHERS if each.of.split(".")[0] in {"yaml", "pydantic"}} == {LAYERS["files"]}


def test_the_wiring_loads_nothing_heavy_with_itself() -> None:
    """The plugin and the public names load nothing of ours but the version; the command line only the errors.

    What stands beside the plugin is loaded for a test that uses it.
    """
    late = {name for name in WIRING if name.startswith("streamlab.pytest_")} - {"streamlab.pytest_plugin"}
    loaded = {(each.by, each.of) for each in OURS if each.by in WIRING - late and each.at_load}
    assert loaded == {
        ("streamlab", "streamlab._version"),
        ("streamlab.__main__", "streamlab.cli"),
        ("streamlab.cli", "streamlab._version"),
        ("streamlab.cli", "streamlab.cli_cassettes"),
        ("streamlab.cli", "streamlab.cli_record"),
        ("streamlab.cli", "streamlab.errors"),
        ("streamlab.cli_cassettes", "streamlab.cli_record"),
        ("streamlab.cli_record", "streamlab.errors"),
    }


def test_no_module_is_a_drawer_for_all_sorts() -> None:
    """A module's name says what is in it."""
    vague = {"utils", "util", "helpers", "common", "types", "misc", "base_utils", "constants"}
    assert {name for name in MODULES if name.rsplit(".", 1)[-1] in vague} == set()


@pytest.mark.parametrize("name", [name for name, path in MODULES.items() if has_definitions(path)])
def test_every_module_has_its_tests(name: str) -> None:
    """The tests mirror the package: a file for each module, in the folder of the same name."""
    path = MODULES[name].relative_to(PACKAGE)
    folder = PROJECT / "tests" / path.parent
    assert (PROJECT / "tests" / TESTS[name]).exists() if name in TESTS else list(folder.glob(f"test_*{path.stem}.py"))
