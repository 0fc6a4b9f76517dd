"""The code on the pages about clients is complete: who copies it has every name that it uses."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from web.running import installed

PAGES = Path(__file__).parents[2] / "docs" / "how-to"
NAMES = ("python", "langchain", "frameworks", "fastapi", "typescript", "vercel-ai", "langchain-js", "nextjs", "browser")
_SNIPPET = re.compile(r"<!-- generated: snippet (?P<file>\S+) [^\n]*-->\n```\w+\n(?P<text>.*?)^```\n", re.DOTALL | re.MULTILINE)
_UNKNOWN = re.compile(r"error TS(?:2304|2552|18004): [^']*'(\w+)'")
"""A name that nobody defines, with or without another that is like it."""


WITH_FIXTURES = ("test_fastapi", "test_nextjs", "test_browser", "direct")
"""Programs of which a page shows a part, and says what the rest is."""


def programs(*endings: str) -> list[Any]:
    """Return what a page shows of each program, put together again in the order in which it stands there."""
    return [
        pytest.param(text, Path(file).name, id=f"{page}-{file}")
        for page in NAMES
        for file, text in shown((PAGES / f"{page}.md").read_text(encoding="utf-8")).items()
        if file.endswith(endings) and not Path(file).name.startswith(WITH_FIXTURES)
    ]


def shown(page: str) -> dict[str, str]:
    """Return what is shown on a page, by the file that it is of."""
    found: dict[str, str] = {}
    for snippet in _SNIPPET.finditer(page):
        found[snippet["file"]] = found.get(snippet["file"], "") + snippet["text"]
    return found


@pytest.mark.parametrize(("text", "name"), programs(".py"))
def test_a_program_in_python_has_every_name_that_it_uses(text: str, name: str) -> None:
    """Its parts are taken for one file, as they would be copied."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", "--stdin-filename", name, "-"]
    checked = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout


@pytest.mark.parametrize(("text", "name"), programs(".mjs", ".ts", ".tsx"))
def test_a_program_in_javascript_has_every_name_that_it_uses(text: str, name: str, tmp_path: Path) -> None:
    """The compiler of TypeScript tells; what it says of the types of packages that are not there is nothing against a page."""
    compiler = installed("next", "node_modules", ".bin", "tsc")
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    path = tmp_path / name
    path.write_text(f"{text}\nnobody;\n", encoding="utf-8")
    command = [compiler, "--noEmit", "--allowJs", "--checkJs", "--skipLibCheck", "--target", "es2022", "--module", "preserve"]
    checked = subprocess.run([*command, "--jsx", "react-jsx", path], capture_output=True, text=True, check=False)
    assert _UNKNOWN.findall(checked.stdout) == ["nobody"]
