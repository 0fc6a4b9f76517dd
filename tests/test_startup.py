"""What is loaded when: importing streamlab, or having its plugin installed, costs next to nothing."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import streamlab
from streamlab._version import __version__

HEAVY = {"aiohttp", "anthropic", "yaml", "pydantic", "asyncio"}
STUB = Path(streamlab.__file__).with_suffix(".pyi")

RUN = """
import json, sys, pytest
code = pytest.main(["-q", "-p", "streamlab.pytest_plugin", "-p", "no:cacheprovider", *sys.argv[1:]])
print()
print(json.dumps([int(code), sorted(sys.modules)]))
"""
TESTS = """
import pytest, unittest

def test_passes(): pass
def test_fails(): assert False

@pytest.mark.parametrize("number", [1, 2])
class TestClass:
    def test_it(self, number): pass

class TestCase(unittest.TestCase):
    def test_it(self): pass
"""


def printed(code: str, *arguments: str) -> Any:
    """Run Python, with no plugins of pytest but those that are asked for; return the JSON that it prints last."""
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_streamlab_loads_nothing_but_the_version() -> None:
    """Not the core, nothing of others, not even for `dir` and the version."""
    code = "import json, sys, streamlab; dir(streamlab); streamlab.__version__; print(json.dumps(sorted(sys.modules)))"
    modules = printed(code)
    assert [name for name in modules if name.startswith("streamlab")] == ["streamlab", "streamlab._version"]
    assert not HEAVY & set(modules)


def test_a_name_loads_what_it_needs() -> None:
    """Errors alone load no core, replies load no server, and nothing but a client loads the SDK."""
    code = "import json, sys; from streamlab import {}; print(json.dumps(sorted(sys.modules)))"
    errors, reply, lab = (set(printed(code.format(name))) for name in ("StreamlabError", "error", "Lab"))
    assert not {name for name in errors if name.startswith("streamlab.core")}
    assert not HEAVY & errors
    assert "streamlab.core.replies" in reply
    assert not HEAVY & reply
    assert {"streamlab.net.server", "aiohttp"} <= lab
    assert "anthropic" not in lab


@pytest.mark.parametrize("name", streamlab.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    """`from streamlab import …` gives what stands in its home."""
    scope: dict[str, object] = {}
    exec(f"from streamlab import {name}", scope)  # noqa: S102 - the statement is what is tested
    home = import_module(streamlab._HOMES.get(name, "streamlab._version"))
    assert scope[name] is getattr(home, name)
    assert name in dir(streamlab)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    """`hasattr` and misspelt imports work as with any module."""
    with pytest.raises(AttributeError, match="module 'streamlab' has no attribute 'Lap'"):
        _ = streamlab.Lap  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="cannot import name 'Lap'"):
        exec("from streamlab import Lap")  # noqa: S102 - the statement is what is tested


def test_the_stub_and_the_lazy_names_agree() -> None:
    """Type checkers are told of the same names, from the same homes."""
    homes = {}
    for node in ast.parse(STUB.read_text(encoding="utf-8")).body:
        assert isinstance(node, ast.ImportFrom)
        assert [alias.asname for alias in node.names] == [alias.name for alias in node.names], "imported as itself: public"
        homes |= {alias.name: node.module for alias in node.names}
    assert homes == {"__version__": "streamlab._version", **streamlab._HOMES}
    assert [*homes] == sorted(homes, key=lambda name: (homes[name], name))
    assert (STUB.parent / "py.typed").exists()


def test_public_names_say_where_they_are_from_and_what_they_do() -> None:
    """Each has a docstring, and the version is the one that is installed."""
    assert __version__ == streamlab.__version__
    assert [name for name in streamlab._HOMES if not getattr(streamlab, name).__doc__] == []


def test_the_plugin_loads_nothing_when_it_is_not_used(tmp_path: Path) -> None:
    """Its hooks run for every test, and still neither the core nor the server is there."""
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    code, modules = printed(RUN, str(tmp_path))
    assert code == pytest.ExitCode.TESTS_FAILED
    ours = [name for name in modules if name.startswith("streamlab")]
    assert ours == ["streamlab", "streamlab._version", "streamlab.pytest_plugin"]
    assert not HEAVY & set(modules)


def test_the_plugin_loads_the_server_when_it_is_used(tmp_path: Path) -> None:
    """What the test above looks for is there as soon as one test asks for the fixture; the SDK is not."""
    (tmp_path / "test_it.py").write_text("def test_it(streamlab): pass", encoding="utf-8")
    code, modules = printed(RUN, str(tmp_path))
    assert code == pytest.ExitCode.OK
    assert {"streamlab.core", "streamlab.net.lab", "aiohttp", "yaml"} <= set(modules)
    assert "anthropic" not in modules


def test_the_early_setting_loads_no_server_by_itself(tmp_path: Path) -> None:
    """To reserve a port and to set the environment takes neither aiohttp nor the SDK."""
    (tmp_path / "test_it.py").write_text("def test_it(): pass", encoding="utf-8")
    code, modules = printed(RUN, str(tmp_path), "-o", "streamlab_early=true")
    assert code == pytest.ExitCode.OK
    assert not HEAVY & set(modules)


def test_the_help_of_the_command_loads_no_server() -> None:
    """`streamlab --help` comes at once."""
    code = "import json, sys; from streamlab.cli import main; main(['--help'], standalone_mode=False); print(); {}"
    modules = printed(code.format("print(json.dumps(sorted(sys.modules)))"))
    assert not HEAVY & set(modules)
    assert "streamlab.core" not in modules
