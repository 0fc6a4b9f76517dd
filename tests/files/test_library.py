"""Tests of the shipped scenarios: where they are, what they are called, and that each of them is one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import streamlab
from streamlab.errors import ScenarioError
from streamlab.files.library import library_folder, scenario_file, scenario_names
from streamlab.files.located import load_located
from streamlab.files.scenario import load

PACKAGE = Path(streamlab.__file__).parent
LOOK = """
import json
from streamlab.files.library import library_folder, scenario_names
from streamlab.files.scenario import load
print(json.dumps([str(library_folder()), scenario_names(), [rule.name for rule in load("hello").rules]]))
"""


def test_in_a_checkout_they_are_beside_the_package() -> None:
    """That is the folder that a wheel takes them from."""
    assert library_folder() == PACKAGE.parent / "scenarios"


def test_in_a_wheel_they_are_inside_the_package(tmp_path: Path) -> None:
    """The same loader finds them where a wheel puts them, with nothing beside the package."""
    shutil.copytree(PACKAGE, tmp_path / "streamlab", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(library_folder(), tmp_path / "streamlab" / "scenarios")
    # -P and the explicit path: the installed package, which is the checkout, must not be found first.
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{LOOK}"
    found = subprocess.run([sys.executable, "-P", "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True)
    folder, names, rules = json.loads(found.stdout)
    assert folder == str((tmp_path / "streamlab" / "scenarios").resolve())
    assert (tuple(names), rules) == (scenario_names(), ["hello"])


def test_names_are_those_of_the_files() -> None:
    """Sorted; what is no scenario is left out, such as the schema beside them."""
    assert scenario_names() == tuple(sorted(scenario_names()))
    assert {"hello", "overloaded-then-fine", "tool-use"} <= set(scenario_names())
    assert "scenario.schema" not in scenario_names()
    assert scenario_file("hello") == library_folder() / "hello.yaml"


def test_an_unknown_name_is_an_error_with_the_nearest() -> None:
    """And with the command that lists them all."""
    with pytest.raises(ScenarioError) as caught:
        scenario_file("overloaded-than-fine")
    assert str(caught.value) == (
        "there is no file and no shipped scenario 'overloaded-than-fine'\n"
        "  hint: did you mean 'overloaded-then-fine'? `streamlab scenarios` lists what is shipped"
    )


@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_scenario_loads_and_says_what_it_is_for(name: str) -> None:
    """Its first words are a heading for lists; it says the version of its language."""
    found = load(name)
    assert found.rules
    assert found.about
    assert found.files == (scenario_file(name),)
    assert load_located(scenario_file(name), name).data["streamlab"] == 1
