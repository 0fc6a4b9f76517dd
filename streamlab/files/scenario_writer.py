"""Rules written back as scenario documents: what one process scripts, another can serve.

What is written is read again before it is sent anywhere: a rule that would not come back as it was is an error, not a surprise.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Any

from streamlab.core.api_errors import ERRORS
from streamlab.core.blocks import Block
from streamlab.core.faults import Fault, main_field
from streamlab.core.matching import Span, Text, When
from streamlab.core.messages import Shape
from streamlab.core.pacing import INSTANT, Pace
from streamlab.core.places import Place
from streamlab.core.recognition import Matching
from streamlab.core.replies import Reply, Rule, Settings
from streamlab.core.sources import Computed, Content, Events, Failure, Http, Recorded, Source
from streamlab.core.tapes import Exchanges, Tape
from streamlab.errors import ScenarioError
from streamlab.files.cassette_header import header_text
from streamlab.files.cassette_text import document
from streamlab.files.sent import read_sent, read_settings

__all__ = ["Document", "rules_document", "settings_document", "tape_text"]

_PROSE = ("system", "last_user", "any_message")
_PAIRED = ("path", "method", "model", *_PROSE, "tool_result")
_NOT_SAID = "a scenario cannot say this, so it cannot be sent to another process"


@dataclass(slots=True)
class Document:
    """A scenario as a mapping, and the files that it names."""

    data: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def sent(self) -> tuple[str, bytes]:
        """The kind and the bytes by which it is sent: JSON, or YAML if there are bytes in it."""
        files = {name: _file(data) for name, data in self.files.items()}
        whole = {**self.data, **({"files": files} if files else {})}
        try:
            return "json", json.dumps(whole, allow_nan=False).encode()
        except TypeError:
            return "yaml", _yaml(whole).encode()


def rules_document(rules: Sequence[Rule]) -> Document:
    """Return the scenario that loads as these rules. Raises ScenarioError, with the key at fault, if there is none."""
    made = Document()
    written = [_at(("rules", number), lambda each=each: _rule(each, made)) for number, each in enumerate(rules)]  # type: ignore[misc]
    made.data = {"rules": written}
    _check(made, rules)
    return made


def settings_document(settings: Settings) -> dict[str, Any]:
    """Return the object that `read_settings` reads as these settings. Raises ScenarioError if there is none."""
    made = {
        "seed": settings.seed,
        "validate": settings.validate,
        **({} if settings.api_key is None else {"api_key": settings.api_key}),
        **({} if settings.pace == INSTANT else {"pace": _at(("pace",), lambda: _pace(settings.pace))}),
        **({"faults": _faults(settings.faults)} if settings.faults else {}),
    }
    if _plain(read_settings(made)) != _plain(settings):
        raise ScenarioError(_NOT_SAID, hint="write the settings as a scenario would")
    return made


def tape_text(tape: Tape, numbers: Iterable[int] | None = None) -> bytes:
    """Return the cassette of a tape, or of some of its exchanges, counted from 0, as it stands in a file."""
    return _cassette(tape.load, range(len(tape)) if numbers is None else numbers, tape.matching, tape.repeat)


def _cassette(load: Callable[[int], Any], numbers: Iterable[int], matching: Matching, repeat: str) -> bytes:
    match = {"ignore": list(matching.ignore), "normalise": list(matching.normalise)}
    patterns = [each if isinstance(each, str) else each.pattern for each in matching.redact]
    text = [header_text({"match": match, "repeat": repeat, **({"redact": patterns} if patterns else {})})]
    text += ("---\n" + "".join(document(load(number))) for number in numbers)
    return "".join(text).encode()


def _check(made: Document, rules: Sequence[Rule]) -> None:
    """Raise ScenarioError if the document would not load as these rules."""
    kind, data = made.sent
    again = read_sent(data, kind, "sent").rules
    for number, (rule, read) in enumerate(zip(rules, again, strict=True)):
        if _plain(rule) != _plain(read):
            raise ScenarioError(_NOT_SAID, key=("rules", number), hint="write it as a scenario would, in plain values")


def _plain(value: Any) -> Any:
    """Return data that is equal for what means the same, such as a list and a tuple; of recorded exchanges, nothing."""
    if isinstance(value, Exchanges):
        return "exchanges"
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, *((item.name, _plain(getattr(value, item.name))) for item in fields(value) if item.init)]
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


# Rules and replies


def _rule(rule: Rule, made: Document) -> dict[str, Any]:
    replies = [
        _at(("replies", number), lambda each=each: _reply(each, made))  # type: ignore[misc]
        for number, each in enumerate(rule.replies)
    ]
    when = _at(("when",), lambda: _when(rule.when))
    return {
        "name": rule.name,
        **({"when": when} if when else {}),
        "replies": replies,
        "then": "repeat" if rule.repeats else "fail",
        "required": rule.required,
    }


def _reply(reply: Reply, made: Document) -> dict[str, Any]:
    return {
        **_source(reply.source, made),
        **({"times": reply.times} if reply.times != 1 else {}),
        **({} if reply.pace is None else {"pace": _at(("pace",), lambda: _pace(reply.pace or INSTANT))}),
        **({"faults": _faults(reply.faults)} if reply.faults else {}),
        **({"headers": dict(reply.headers)} if reply.headers else {}),
        **({"gzip": True} if reply.gzip else {}),
    }


def _source(source: Source, made: Document) -> dict[str, Any]:
    if isinstance(source, Content):
        return {"content": [_block(each) for each in source.blocks], **_shape(source.shape)}
    if isinstance(source, Events):
        return {"events": list(source.items), **_shape(source.shape)}
    if isinstance(source, Failure):
        name = next((name for name, error in ERRORS.items() if error == source.error), source.error.type)
        return {"error": name, **({} if source.message is None else {"message": source.message})}
    if isinstance(source, Http):
        return {"http": {"status": source.status, "headers": dict(source.headers), "body": _text_or_bytes(source.body)}}
    if isinstance(source, Recorded):
        return {"sse": _keep(made, "sse", b"".join(frame.raw for frame in source.frames))}
    if isinstance(source, Exchanges):
        return {"cassette": _keep(made, "yaml", _cassette(source.load, source.numbers, Matching(), "last"))}
    if isinstance(source, Computed):
        hint = "write what it returns for each request as a rule of its own, with `when`"
        raise ScenarioError("a function cannot be sent to another process", hint=hint)
    raise ScenarioError(f"{_NOT_SAID}: {source!r}")


def _keep(made: Document, ending: str, data: bytes) -> str:
    name = f"file-{len(made.files) + 1}.{ending}"
    made.files[name] = data
    return name


def _shape(shape: Shape) -> dict[str, Any]:
    """Return what is said of a message beside its content, but for what streamlab is left to say."""
    plain = Shape()
    said = {item.name: value for item in fields(shape) if (value := getattr(shape, item.name)) != getattr(plain, item.name)}
    return {name: _data(value) for name, value in said.items()}


def _block(block: Block) -> dict[str, Any]:
    """Return a block of the API, or its short form if its deltas are written."""
    content = dict(block.content)
    if block.fragments is None and not block.eager:
        return content
    kind = block.type
    if kind in ("text", "thinking"):
        beside: dict[str, Any] = {name: content[name] for name in ("citations", "signature") if name in content}
        return {kind: list(block.fragments or ()), **beside}
    called = {name: value for name, value in content.items() if name != "type"}
    fragments = {} if block.fragments is None else {"fragments": list(block.fragments)}
    return {kind: called, **fragments, **({"eager": True} if block.eager else {})}


# Faults, paces, conditions


def _faults(faults: Sequence[Fault]) -> list[dict[str, Any]]:
    return [
        _at(("faults", number), lambda each=each: _fault(each))  # type: ignore[misc]
        for number, each in enumerate(faults)
    ]


def _fault(fault: Fault) -> dict[str, Any]:
    """Return the mapping of a fault: its main value under its name, and what differs from the default beside it."""
    if not is_dataclass(fault):
        raise ScenarioError(f"{_NOT_SAID}: {fault!r}", hint="a fault is a dataclass that is registered by its name")
    main = main_field(type(fault))
    others = {item.name: _data(getattr(fault, item.name)) for item in fields(fault) if item.init and _is_said(fault, item)}
    return {fault.name: _data(getattr(fault, main)), **{name: value for name, value in others.items() if name != main}}


def _is_said(fault: Fault, item: Any) -> bool:
    default = item.default_factory() if item.default_factory is not MISSING else item.default
    return bool(getattr(fault, item.name) != default)


def _pace(pace: Pace) -> Any:
    if pace == INSTANT:
        return "instant"
    if pace.speed is not None:
        return f"recorded x{pace.speed!r}"
    return {item.name: value for item in fields(pace) if (value := getattr(pace, item.name)) != item.default}


def _when(when: When) -> dict[str, Any]:
    said = {item.name: value for item in fields(when) if (value := getattr(when, item.name)) is not None}
    return {name: _condition(name, value) for name, value in said.items()}


def _condition(name: str, value: Any) -> Any:
    if isinstance(value, Text):
        plain = "contains" if name in _PROSE else "glob"
        return value.pattern if value.mode == plain else {value.mode: value.pattern}
    if isinstance(value, Span):
        return str(value)
    if name == "headers":
        return {header: _condition(name, text) for header, text in value}
    if name == "tools":
        return [_condition(name, text) for text in value]
    return _data(value)


# Values


def _data(value: Any) -> Any:
    """Return plain values: places as texts, tuples as lists."""
    if isinstance(value, Place):
        return value.text
    if isinstance(value, Mapping):
        return {key: _data(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_data(each) for each in value]
    return value


def _text_or_bytes(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _file(data: bytes) -> Any:
    text = _text_or_bytes(data)
    return text if isinstance(text, str) else {"base64": base64.b64encode(data).decode()}


def _yaml(value: Any) -> str:
    """Return JSON with bytes in it, which is YAML."""
    if isinstance(value, bytes):
        return f'!!binary "{base64.b64encode(value).decode()}"'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"? {_yaml(str(key))} : {_yaml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_yaml(each) for each in value) + "]"
    return json.dumps(value, allow_nan=False).replace("\x7f", "\\u007f")


def _at(key: tuple[str | int, ...], make: Callable[[], Any]) -> Any:
    """Make a part; an error in it gets the key of the part."""
    try:
        return make()
    except ScenarioError as error:
        error.key = (*key, *error.key)
        raise
