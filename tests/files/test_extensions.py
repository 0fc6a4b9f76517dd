"""Faults of other packages: loaded once, when a name is not known, and told whose they are when they cannot be."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamlab.core.faults import base, fault_names
from streamlab.errors import FaultError
from streamlab.files import extensions
from streamlab.files.fault_text import parse_fault_text

MODULE = """
from dataclasses import dataclass
from streamlab.core.faults import OfHead, register

@register("hush")
@dataclass(frozen=True, slots=True)
class Hush(OfHead):
    '''Does nothing.'''

    how: str = "softly"

    def apply(self, plan, rng):
        '''Return the plan.'''
        return plan
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder on the path of Python in which packages are installed; what they register is forgotten after."""
    monkeypatch.setattr(base, "_REGISTRY", dict(base._REGISTRY))
    monkeypatch.syspath_prepend(tmp_path)
    extensions.load.cache_clear()
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]
    extensions.load.cache_clear()


def install(folder: Path, name: str, text: str | None, group: str = extensions.GROUP) -> None:
    """Install a package that states faults."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {name}_faults\n")
    if text is not None:
        (folder / f"{name}_faults.py").write_text(text)


@pytest.mark.usefixtures("folder")
def test_there_may_be_none() -> None:
    """Nothing is loaded then."""
    assert extensions.load() == ()


def test_a_package_states_its_faults(folder: Path) -> None:
    """Its module is loaded once, and its faults can be written like ours."""
    install(folder, "quiet", MODULE)
    install(folder, "other", "raise RuntimeError", group="somebody.else")
    assert "hush" not in fault_names()
    assert extensions.load() == ("quiet_faults",)
    assert "hush" in fault_names()
    (folder / "quiet_faults.py").write_text("raise RuntimeError")
    assert extensions.load() == ("quiet_faults",)


def test_a_name_that_is_not_known_is_looked_for_in_other_packages(folder: Path) -> None:
    """And only such a name."""
    install(folder, "quiet", MODULE)
    parse_fault_text("cut: fin, at: end", "text")
    assert "hush" not in fault_names()
    (fault,) = parse_fault_text("hush: loudly", "text")
    assert (fault.name, fault.how) == ("hush", "loudly")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise RuntimeError('broken')", "RuntimeError: broken"),
        (None, "ModuleNotFoundError: No module named 'broken_faults'"),
        ("def", "SyntaxError: "),
        (
            MODULE.replace('"hush"', '"cut"'),
            "FaultError: there already is a fault 'cut'",
        ),
    ],
    ids=["raises", "missing", "no Python", "a name that is taken"],
)
def test_a_package_that_cannot_be_loaded_is_named(folder: Path, text: str | None, reason: str) -> None:
    """The error says which entry point, and why; it is the same the next time."""
    install(folder, "broken", text)
    install(folder, "quiet", MODULE)
    for _ in range(2):
        with pytest.raises(FaultError) as caught:
            extensions.load()
        assert caught.value.problem.startswith(f"the faults of 'broken_faults' cannot be loaded: {reason}")
        assert caught.value.hint == "they are stated by the entry point 'broken' of an installed package"
        assert caught.value.__cause__ is not None
        assert "hush" in fault_names()
