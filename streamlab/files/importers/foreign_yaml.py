"""YAML that other tools wrote, as plain data: no object is made, whatever its tags say.

The parser's events are read one by one, so that neither deep nesting nor aliases that stand for billions cost anything. Scalars
follow YAML 1.1, as the tools that wrote them do, but dates stay texts. Of the tags, `!!binary` (Ruby: `!binary`) and the header
names of Python's `multidict` are read; any other is an error.
"""

from __future__ import annotations

import base64
import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from streamlab.errors import ScenarioError

__all__ = ["Key", "Lines", "load_documents"]

Key = tuple[str | int, ...]
Lines = dict[Key, int]
"""On which line, from 1, a part stands; the first key is the number of the document, from 0."""

_MOST_NESTED = 500
_MOST_DIGITS = 1000
_MOST_TIMES = 16
_MOST_AT_LEAST = 1_000_000
"""How large a file may become when its aliases are followed: so many times its size, and this much in any case."""
_LINES_DEEP = 6
_PREFIX = "tag:yaml.org,2002:"
_HEADER_NAME = re.compile(re.escape(_PREFIX) + r"python/object/(?:apply|new):multidict(?:\.\w+)*\.istr")
_TEXTS = {f"{_PREFIX}{kind}" for kind in ("str", "timestamp", "value", "merge")}
_BINARY = {f"{_PREFIX}binary", "!binary"}
_TRUTH = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
_PLAIN_COLLECTIONS = {None, "!", f"{_PREFIX}map", f"{_PREFIX}seq"}
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True, kw_only=True)
class _Open:
    """A list or a mapping that is not read to its end."""

    value: Any
    key: Key = ()
    anchor: str | None = None
    is_name: bool = False
    pending: str | None = None
    weight: int = 1


@dataclass(slots=True)
class _Builder:
    """Makes plain data of the events of a file."""

    loader: Any
    name: str
    most: int
    lines: Lines = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=lambda: [_Open(value=[])])
    anchors: dict[str, tuple[Any, int] | None] = field(default_factory=dict)

    def documents(self) -> list[Any]:
        while not isinstance(event := self.loader.get_event(), yaml.StreamEndEvent):
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._open(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                self.anchors.clear()
        documents: list[Any] = self.stack[0].value
        return documents

    @property
    def _wants_key(self) -> bool:
        return isinstance(self.stack[-1].value, dict) and self.stack[-1].pending is None

    def _scalar(self, event: Any) -> None:
        tag = event.tag
        if tag in (None, "!"):
            tag = self.loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        if self._wants_key and tag == f"{_PREFIX}merge":
            raise self._error("merge keys are not read here", event, "write the keys out")
        value = event.value if self._wants_key and tag.startswith(_PREFIX) and "python/" not in tag else self._made(tag, event)
        self._add(value, len(event.value) + 1, event, event.anchor)

    def _made(self, tag: str, event: Any) -> Any:
        if tag in _TEXTS:
            return event.value
        try:
            if tag in _BINARY:
                return base64.b64decode("".join(event.value.split()), validate=True)
            return self._number(tag.removeprefix(_PREFIX), event)
        except (ValueError, LookupError):
            raise self._error(f"this is no value of {_short(tag)!r}", event, "") from None

    def _number(self, kind: str, event: Any) -> Any:
        """Return what a scalar that is no text says: nothing, a truth value or a number. Raises ValueError if it does not."""
        if kind == "null":
            return None
        if kind == "bool":
            return _TRUTH[event.value.lower()]
        if kind not in ("int", "float"):
            raise self._tag_error(event)
        if len(event.value) > _MOST_DIGITS:
            raise self._error("this number is too large", event, "")
        node = yaml.ScalarNode(_PREFIX + kind, event.value)
        value = self.loader.construct_yaml_int(node) if kind == "int" else self.loader.construct_yaml_float(node)
        if kind == "float" and not math.isfinite(value):
            raise self._error("JSON has no such number", event, "")
        return value

    def _alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            raise self._error(f"there is no anchor {event.anchor!r} for this alias", event, "")
        known = self.anchors[event.anchor]
        if known is None:
            raise self._error("this part contains itself", event, "an alias may not stand inside its own anchor")
        self._add(*known, event, None)

    def _open(self, event: Any) -> None:
        is_list = isinstance(event, yaml.SequenceStartEvent)
        is_name = bool(is_list and event.tag and _HEADER_NAME.fullmatch(event.tag))
        if not is_name and event.tag not in _PLAIN_COLLECTIONS:
            raise self._tag_error(event)
        if self._wants_key and not is_name:
            raise self._error("a key is a text, not a list or a mapping", event, "")
        if len(self.stack) > _MOST_NESTED:
            raise self._error("the nesting is too deep", event, "")
        if event.anchor:
            self.anchors[event.anchor] = None
        key = self.stack[-1].key if is_name else self._next_key
        self._note(key, event)
        self.stack.append(_Open(value=[] if is_list else {}, key=key, anchor=event.anchor, is_name=is_name))

    def _close(self, event: Any) -> None:
        done = self.stack.pop()
        value = done.value
        if done.is_name:
            if len(value) != 1 or not isinstance(value[0], str):
                raise self._error("the name of a header is one text", event, "")
            value = value[0]
        self._add(value, done.weight, event, done.anchor, is_noted=True)

    @property
    def _next_key(self) -> Key:
        parent = self.stack[-1]
        return (*parent.key, len(parent.value) if isinstance(parent.value, list) else str(parent.pending))

    def _add(self, value: Any, weight: int, event: Any, anchor: str | None, *, is_noted: bool = False) -> None:
        """Put a part where it belongs: as an item, a key or the value of a key."""
        if anchor:
            self.anchors[anchor] = (value, weight)
        parent = self.stack[-1]
        parent.weight += weight
        if parent.weight > self.most:
            raise self._error("the aliases make this file too large", event, "write less, or write it out")
        if isinstance(parent.value, list):
            parent.value.append(value)
        elif parent.pending is None:
            self._set_key(parent, value, event)
        else:
            if not is_noted:
                self._note(self._next_key, event)
            parent.value[parent.pending] = value
            parent.pending = None

    def _set_key(self, parent: _Open, value: Any, event: Any) -> None:
        if not isinstance(value, str):
            raise self._error("a key is a text", event, "")
        if value in parent.value:
            raise self._error(f"the key {value!r} is written twice", event, "keep one of them")
        parent.pending = value

    def _note(self, key: Key, event: Any) -> None:
        if len(key) <= _LINES_DEEP:
            self.lines[key] = event.start_mark.line + 1

    def _tag_error(self, event: Any) -> ScenarioError:
        hint = "only texts, numbers, lists, mappings and !!binary are imported; no object is made"
        return self._error(f"the tag {_short(event.tag)!r} is not read here", event, hint)

    def _error(self, problem: str, event: Any, hint: str) -> ScenarioError:
        mark = event.start_mark
        return ScenarioError(problem, hint=hint).at(self.name, mark.line + 1, mark.column + 1)


def load_documents(text: str, name: str) -> tuple[list[Any], Lines]:
    """Return the documents of a YAML file as plain data, and the lines of their parts.

    Raises ScenarioError, with the line, if it is not YAML, or says more than data.
    """
    loader = _LOADER(text)
    builder = _Builder(loader, name, max(_MOST_AT_LEAST, _MOST_TIMES * len(text)))
    try:
        return builder.documents(), builder.lines
    except yaml.MarkedYAMLError as error:
        problem = ": ".join(part for part in (error.context, error.problem) if part)
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ScenarioError(f"not valid YAML: {problem}").at(name, line, column) from None
    except yaml.reader.ReaderError as error:
        code = error.character if isinstance(error.character, int) else ord(error.character)
        line = text.count("\n", 0, max(0, text.find(chr(code)))) + 1
        raise ScenarioError(f"not valid YAML: the character U+{code:04X} cannot stand in it").at(name, line) from None
    finally:
        loader.dispose()


def _short(tag: str) -> str:
    return tag.replace(_PREFIX, "!!")
