"""YAML through the safe loader, with the line and the column of every key and value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from streamlab.errors import ScenarioError

__all__ = ["Located", "load_located", "read_text"]

Key = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Located:
    """The data of a YAML file, and where each part of it stands: line and column, from 1."""

    file: str
    data: Any
    marks: dict[Key, tuple[int, int]]

    def place(self, error: ScenarioError) -> ScenarioError:
        """Return the error with the place of its key, or of the nearest part around it, in this file."""
        key = error.key
        while key and key not in self.marks:
            key = key[:-1]
        return error.at(self.file, *self.marks.get(key, (1, 1)))


def load_located(path: Path, name: str) -> Located:
    """Return what a YAML file holds. Raises ScenarioError, with its place, if it is not a YAML file of one document."""
    text = read_text(path, name)
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise ScenarioError("the file is empty", hint="a scenario has one of: reply, replies, rules").at(name, 1, 1)
        marks = dict(_marks(node, (), name))
        return Located(name, loader.construct_document(node), marks)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = ": ".join(part for part in (error.context, error.problem) if part)
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise ScenarioError(f"not valid YAML: {problem}", hint=_yaml_hint(problem)).at(name, line, column) from None
    except yaml.YAMLError as error:
        raise ScenarioError(f"not valid YAML: {error}").at(name) from None
    except RecursionError:
        raise ScenarioError("not usable: the nesting is too deep, or a part contains itself").at(name) from None
    finally:
        loader.dispose()


def read_text(path: Path, name: str) -> str:
    """Return the text of a file. Raises ScenarioError if it cannot be read as UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScenarioError(f"not a text in UTF-8: byte {error.start + 1} is {error.object[error.start]:#04x}").at(
            name
        ) from None
    except OSError as error:
        raise ScenarioError(f"cannot be read: {error.strerror}").at(name) from None


def _marks(node: yaml.Node, key: Key, name: str) -> Iterator[tuple[Key, tuple[int, int]]]:
    """Yield where each part stands: an entry of a mapping at its key, an item of a list at its start."""
    if not key:
        yield key, (node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key_node, value_node in node.value:
            word = str(key_node.value)
            line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
            if word in seen:
                raise ScenarioError("this key is written twice", key=(*key, word), hint="keep one of them").at(
                    name, line, column
                )
            seen.add(word)
            yield (*key, word), (line, column)
            yield from _marks(value_node, (*key, word), name)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*key, index), (item.start_mark.line + 1, item.start_mark.column + 1)
            yield from _marks(item, (*key, index), name)


def _yaml_hint(problem: str) -> str:
    if "mapping values are not allowed" in problem:
        return "put a text that holds ': ' in quotes, or mend the indent of this line"
    if "expected <block end>" in problem or "indent" in problem:
        return "the indent of this line does not fit the lines above it"
    if "found character '\\t'" in problem:
        return "indent with spaces, not with tabs"
    if "could not determine a constructor" in problem:
        return "only plain YAML is read: no tags but !!binary"
    return ""
