"""Dataclasses as plain JSON, and back: every field by its name, so that what is added to one needs no code here.

Bytes are a text if they are UTF-8, and `{"base64": …}` if they are not. A key that is not known is left out, and a field that
is missing gets its default: the other side may be of another version.
"""

from __future__ import annotations

import base64
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from streamlab.errors import ScenarioError

__all__ = ["from_plain", "to_plain"]

T = TypeVar("T")

_SURROGATE = re.compile("[\ud800-\udfff]")


def to_plain(value: Any) -> Any:
    """Return a value as JSON says it. Raises TypeError for what is no data, such as a function."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, bytes):
        text = value.decode(errors="surrogateescape")
        return {"base64": base64.b64encode(value).decode()} if _SURROGATE.search(text) else text
    if is_dataclass(value) and not isinstance(value, type):
        value = {item.name: getattr(value, item.name) for item in fields(value) if item.init}
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {str(key): to_plain(each) for key, each in value.items()}
    if not isinstance(value, Sequence):
        raise TypeError(f"{type(value).__name__} is no data")
    return [to_plain(each) for each in value]


def from_plain(kind: type[T], plain: object) -> T:
    """Return the dataclass that `to_plain` made this of. Raises ScenarioError, with the key at fault, if it is none."""
    return cast("T", _record(kind, plain))


def _record(kind: Any, plain: object) -> Any:
    """Return a dataclass, or a tuple whose parts have names."""
    if not isinstance(plain, Mapping):
        raise ScenarioError(f"an object is expected, not {plain!r}")
    hints, values = get_type_hints(kind), {}
    for name, is_needed in _parts(kind):
        if name in plain:
            values[name] = _at(name, hints[name], plain[name])
        elif is_needed:
            raise ScenarioError(f"{name!r} is missing", key=(name,))
    return kind(**values)


def _parts(kind: Any) -> list[tuple[str, bool]]:
    """Return the names of the parts of a record, and whether each is needed."""
    if not is_dataclass(kind):
        return [(name, name not in kind._field_defaults) for name in kind._fields]
    needed = (MISSING, MISSING)
    return [(each.name, (each.default, each.default_factory) == needed) for each in fields(kind) if each.init]


def _at(key: str | int, kind: Any, plain: object) -> Any:
    try:
        return _read(kind, plain)
    except ScenarioError as error:
        error.key = (key, *error.key)
        raise


def _read(kind: Any, plain: Any) -> Any:
    """Return a value of this type; what is of another than data has is left as it is."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _one_of(inner, plain)
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        return _record(kind, plain)
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return _listed(origin, inner, plain)
    return _bytes(plain) if kind is bytes else _scalar(kind, origin, inner, plain)


def _scalar(kind: Any, origin: Any, inner: tuple[Any, ...], plain: Any) -> Any:
    if origin is Literal:
        return _checked(plain, plain in inner, " or ".join(map(repr, inner)))
    if kind is float:
        return float(_checked(plain, type(plain) in (int, float), "a number"))
    if kind in (int, str, bool):
        return _checked(plain, type(plain) is kind, kind.__name__)
    return plain


def _listed(origin: type, inner: tuple[Any, ...], plain: Any) -> tuple[Any, ...]:
    listed = _checked(plain, isinstance(plain, list), "a list")
    is_fixed = origin is tuple and inner[-1] is not Ellipsis
    kinds = inner if is_fixed else inner[:1] * len(listed)
    _checked(plain, len(kinds) == len(listed), f"a list of {len(kinds)}")
    return tuple(_at(number, each, value) for number, (each, value) in enumerate(zip(kinds, listed, strict=True)))


def _one_of(kinds: tuple[Any, ...], plain: object) -> Any:
    if plain is None and type(None) in kinds:
        return None
    others = [each for each in kinds if each is not type(None)]
    for kind in others[:-1]:
        try:
            return _read(kind, plain)
        except ScenarioError:
            continue
    return _read(others[-1], plain)


def _bytes(plain: Any) -> bytes:
    if isinstance(plain, str):
        return plain.encode()
    try:
        return base64.b64decode(plain["base64"], validate=True)
    except (TypeError, KeyError, ValueError):
        raise ScenarioError(f"a text or {{'base64': …}} is expected, not {plain!r}") from None


def _checked(plain: Any, is_right: bool, expected: str) -> Any:  # noqa: FBT001 - what was found, by whoever asks
    if not is_right:
        raise ScenarioError(f"{expected} is expected, not {plain!r}")
    return plain
