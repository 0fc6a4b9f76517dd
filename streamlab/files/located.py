"""YAML as JSON has it, with the line and the column of every key and value.

Only what JSON can say is read, by the rules of YAML 1.2, which editors go by: `yes`, `on` and `2024-01-01` are texts, keys are
texts as they are written, and the one tag is `!!binary`. Anchors, aliases and merge keys work.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from streamlab.errors import ScenarioError

__all__ = ["Located", "load_located", "parse_located", "read_text"]

Key = tuple[str | int, ...]

_STARTS = "a scenario has one of: reply, replies, rules"
_MOST_PARTS = 200_000
"""The most keys and values in a file, aliases followed: a few lines can stand for billions."""
_MOST_DIGITS = 1000
_SURROGATE = re.compile("[\ud800-\udfff]")
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class Located:
    """The data of a YAML file, and where each part of it stands: line and column, from 1."""

    file: str
    data: Any
    marks: dict[Key, tuple[int, int]]

    def mark(self, key: Key) -> tuple[int, int]:
        """Return where a key stands, or the nearest part around it."""
        while key and key not in self.marks:
            key = key[:-1]
        return self.marks.get(key, (1, 1))

    def place(self, error: ScenarioError) -> ScenarioError:
        """Return the error with the place of its key, or of the nearest part around it, in this file."""
        return error.at(self.file, *self.mark(error.key))


def load_located(path: Path, name: str) -> Located:
    """Return what a YAML file holds. Raises ScenarioError, with its place, if it is not a YAML file of one document."""
    return parse_located(read_text(path, name), name)


def parse_located(text: str, name: str) -> Located:
    """Return what a YAML text holds. Raises ScenarioError, with its place, if it is not YAML of one document."""
    try:
        return _load(text, name)
    except yaml.MarkedYAMLError as error:
        problem = ": ".join(part for part in (error.context, error.problem) if part)
        is_open = "end of stream" in problem or "<stream end>" in problem
        mark = error.context_mark if is_open and error.context_mark else error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ScenarioError(f"not valid YAML: {problem}", hint=_yaml_hint(problem)).at(name, line, column) from None
    except yaml.reader.ReaderError as error:
        line, column = _line_and_column(text[: error.position])
        raise ScenarioError(f"not valid YAML: the character U+{ord(text[error.position]):04X} cannot stand in it").at(
            name, line, column
        ) from None
    except RecursionError:
        raise ScenarioError("the nesting is too deep").at(name, 1, 1) from None


def read_text(path: Path, name: str) -> str:
    """Return the text of a file. Raises ScenarioError if it cannot be read as UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        data = error.object[: error.start]
        line, column = _line_and_column(data.decode("utf-8", "replace"))
        raise ScenarioError(
            f"not a text in UTF-8: byte {error.start + 1} is {error.object[error.start]:#04x}", hint="save the file as UTF-8"
        ).at(name, line, column) from None
    except OSError as error:
        raise ScenarioError(f"cannot be read: {error.strerror}").at(name) from None


def _line_and_column(before: str) -> tuple[int, int]:
    """Return the place that follows this text, from 1."""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


class _Loader(yaml.SafeLoader):
    """A safe loader that makes nothing but JSON, and bytes."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - how the library declares it
    yaml_constructors: ClassVar[dict[str | None, Any]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        """Return the mapping, with its keys as they are written."""
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}

    def integer(self, node: yaml.ScalarNode) -> int:
        """Return a whole number. Raises ConstructorError if it is too large."""
        if len(node.value) > _MOST_DIGITS:
            raise self._error("this number is too large", node)
        return int(node.value, 0 if node.value[:2] in ("0x", "0o") else 10)

    def decimal(self, node: yaml.ScalarNode) -> float:
        """Return a number. Raises ConstructorError if it is too large."""
        value = float(node.value)
        if not math.isfinite(value):
            raise self._error("this number is too large", node)
        return value

    def binary(self, node: yaml.ScalarNode) -> bytes:
        """Return the bytes that are written in base64. Raises ConstructorError if they are not."""
        try:
            return base64.b64decode("".join(node.value.split()), validate=True)
        except ValueError:
            raise self._error("after !!binary comes base64", node) from None

    @staticmethod
    def _error(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
        return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


_SCALARS: dict[str, tuple[str, str, Any]] = {
    "bool": ("true|True|TRUE|false|False|FALSE", "tTfF", yaml.SafeLoader.construct_yaml_bool),
    "null": ("~|null|Null|NULL|", "~nN", yaml.SafeLoader.construct_yaml_null),
    "int": ("[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789", _Loader.integer),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?",
        "-+.0123456789",
        _Loader.decimal,
    ),
    "merge": ("<<", "<", None),
    "str": ("(?s:.*)", "", yaml.SafeLoader.construct_yaml_str),
    "binary": ("(?s:.*)", "", _Loader.binary),
}
"""The tags of scalars: how they are written, what they can start with, and what makes them."""
_PREFIX = "tag:yaml.org,2002:"
_KINDS: dict[type[yaml.Node], str] = {yaml.MappingNode: f"{_PREFIX}map", yaml.SequenceNode: f"{_PREFIX}seq"}

for _tag, (_pattern, _first, _make) in _SCALARS.items():
    if _first:
        _firsts = [*_first, *([""] if _tag == "null" else [])]
        _Loader.add_implicit_resolver(_PREFIX + _tag, re.compile(rf"(?:{_pattern})\Z"), _firsts)
    if _make is not None:
        _Loader.add_constructor(_PREFIX + _tag, _make)
_COLLECTIONS: dict[str, Any] = {"seq": yaml.SafeLoader.construct_yaml_seq, "map": yaml.SafeLoader.construct_yaml_map}
for _tag, _make in _COLLECTIONS.items():
    _Loader.add_constructor(_PREFIX + _tag, _make)


def _load(text: str, name: str) -> Located:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise ScenarioError("the file is empty", hint=_STARTS).at(name, 1, 1)
        _Check(name).node(node, ())
        data = loader.construct_document(node)
        return Located(name, data, {(): _mark(node), **dict(_marks(node, ()))})
    finally:
        loader.dispose()


def _mark(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _marks(node: yaml.Node, key: Key) -> Iterator[tuple[Key, tuple[int, int]]]:
    """Yield where each part stands: an entry of a mapping at its key, an item of a list at its start."""
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            yield (*key, key_node.value), _mark(key_node)
            yield from _marks(value_node, (*key, key_node.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*key, index), _mark(item)
            yield from _marks(item, (*key, index))


class _Check:
    """Looks for what YAML allows and a scenario does not, before anything is made of it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._parts = 0
        self._around: list[yaml.Node] = []

    def node(self, node: yaml.Node, key: Key) -> None:
        """Look at a part and all that is in it."""
        self._parts += 1
        if isinstance(node, yaml.ScalarNode):
            self._join_surrogates(node, key)
        if node in self._around:
            raise self._error("this part contains itself", key, node, "an alias may not stand inside its own anchor")
        if self._parts > _MOST_PARTS:
            raise self._error("the aliases make this file too large", key, node, "write less, or write it out")
        if not _is_plain(node):
            tag = node.tag.replace(_PREFIX, "!!")
            raise self._error(f"the tag {tag!r} is not read here", key, node, "take it out: only !!binary is read")
        self._around.append(node)
        if isinstance(node, yaml.MappingNode):
            self._mapping(node, key)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.node(item, (*key, index))
        self._around.pop()

    def _mapping(self, node: yaml.MappingNode, key: Key) -> None:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error("a key is a text, not a list or a mapping", key, key_node, "put a text in braces in quotes")
            self._join_surrogates(key_node, key)
            word = key_node.value
            if word in seen and key_node.tag != _MERGE:
                raise self._error("this key is written twice", (*key, word), key_node, "keep one of them")
            seen.add(word)
            self.node(value_node, (*key, word))

    def _join_surrogates(self, node: yaml.ScalarNode, key: Key) -> None:
        """Make one character of two escapes, as JSON writes those beyond the first 65,536."""
        if not _SURROGATE.search(node.value):
            return
        try:
            node.value = node.value.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            problem = "this text holds half of a character: a surrogate without its other half"
            raise self._error(problem, key, node, "a stream with such bytes can be written with raw: !!binary") from None

    def _error(self, problem: str, key: Key, node: yaml.Node, hint: str) -> ScenarioError:
        return ScenarioError(problem, key=key, hint=hint).at(self._name, *_mark(node))


def _is_plain(node: yaml.Node) -> bool:
    """Whether a part is of one of the kinds that are read, and written as such."""
    if isinstance(node, yaml.ScalarNode):
        known = _SCALARS.get(node.tag.removeprefix(_PREFIX))
        return known is not None and re.fullmatch(known[0], node.value) is not None
    return bool(node.tag == _KINDS[type(node)])


def _yaml_hint(problem: str) -> str:
    """Return what to do about a problem that the YAML library words for those who know its insides."""
    return next((hint for part, hint in _HINTS if part in problem), "")


_HINTS = (
    ("found character '\\t'", "indent with spaces, not with tabs"),
    ("sequence entries are not allowed", "put a text that begins with - in quotes, or begin the list on a line of its own"),
    ("mapping values are not allowed", "put a text that holds ': ' in quotes, or mend the indent of this line"),
    ("expected <block end>", "the indent of this line does not fit the lines above it"),
    ("while scanning a simple key", "a key is followed by ': ', and a text of several lines begins with | or >"),
    ("found unexpected end of stream", "a quote is opened and not closed"),
    ("but got '<stream end>'", "a bracket or a brace is opened and not closed"),
    ("but found another document", "write each scenario into a file of its own; a folder of them can be served"),
    ("that cannot start any token", "put a text that begins with this character in quotes"),
    ("found undefined alias", "put a text that begins with * in quotes"),
    ("while scanning an alias", "put a text that begins with * in quotes"),
    ("while scanning an anchor", "put a text that begins with & in quotes"),
)
