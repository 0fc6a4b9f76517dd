"""What a project says of streamlab in its `pyproject.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from streamlab.core.redaction import compile_patterns
from streamlab.errors import ScenarioError, nearest

__all__ = ["checked_patterns", "redact_patterns"]

_TABLE = "tool.streamlab"
_KEYS = ("redact",)


def redact_patterns(folder: Path) -> tuple[str, ...]:
    """Return the patterns of what is secret from the nearest `pyproject.toml`, in this folder or above; none if there is none.

    Raises ScenarioError, with the file, if it cannot be read or says something else.
    """
    for each in (folder, *folder.parents):
        path = each / "pyproject.toml"
        if path.is_file():
            return _patterns(_table(path), str(path))
    return ()


def checked_patterns(folder: Path, given: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns of the project and those `given` on the command line, each once.

    Raises ScenarioError if one of them is no regular expression.
    """
    from_project = redact_patterns(folder)
    compile_patterns(from_project, "pyproject.toml: tool.streamlab.redact")
    from_user = tuple(given)
    compile_patterns(from_user)
    return tuple(dict.fromkeys((*from_project, *from_user)))


def _table(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            tool = tomllib.load(file).get("tool", {})
    except OSError as error:
        raise ScenarioError(f"cannot be read: {error.strerror}").at(str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"this is not TOML: {error}").at(str(path)) from None
    return tool.get("streamlab", {}) if isinstance(tool, dict) else {}


def _patterns(table: Any, name: str) -> tuple[str, ...]:
    if not isinstance(table, dict):
        raise ScenarioError("a table is expected", key=(_TABLE,)).at(name)
    for key in table:
        if key not in _KEYS:
            raise ScenarioError("there is no such key", key=(_TABLE, key), hint=nearest(key, _KEYS)).at(name)
    written = table.get("redact", [])
    if not isinstance(written, list) or not all(isinstance(each, str) for each in written):
        hint = "write them as redact = ['cust_[0-9]+']"
        raise ScenarioError("a list of patterns is expected", key=(_TABLE, "redact"), hint=hint).at(name)
    return tuple(written)
