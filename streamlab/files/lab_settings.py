"""What holds for the labs of a test suite: how they answer, where cassettes are, and how strict tests are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from streamlab.core.authoring import parse_faults
from streamlab.core.durations import seconds
from streamlab.core.faults import Fault
from streamlab.core.pacing import INSTANT, Pace, parse_pace
from streamlab.core.recognition import NORMALISERS
from streamlab.core.redaction import compile_patterns
from streamlab.errors import ScenarioError, nearest
from streamlab.files.fault_text import listed_faults

__all__ = ["DEFAULT_STRICT", "GRADES", "Grade", "LabSettings", "parse_strict", "read_faults"]

Grade = Literal["fail", "warn", "ignore"]
GRADES: tuple[Grade, ...] = ("fail", "warn", "ignore")
"""What becomes of a test in which something did not go as asked."""

DEFAULT_STRICT: Mapping[str, Grade] = {"unmatched": "fail", "unused": "fail", "exchanges": "warn", "faults": "fail"}
"""A request that nothing matched, a required reply not used, a recorded exchange not asked for, a fault without a place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabSettings:
    """What the fixture `streamlab_settings` returns: the settings of every lab; marks say what one test has otherwise.

    `strict` grades what goes wrong: `unmatched`, `unused`, `exchanges` and `faults`, each `fail`, `warn` or `ignore` (True and
    False are the first and the last; alone they stand for all four). `cassettes` is the folder of the cassettes, beside the
    file of the test if it is relative. `redact` are patterns of what else is secret. `ignore` and `normalise` say what does not
    count when a request is looked for in a cassette; None leaves that to the cassette. `upstream`, `ca_file` and `timeout` are
    for recording: where to, what else to trust, how long a silence is waited out. Raises ScenarioError if one cannot be used.
    """

    pace: Pace | str | Mapping[str, Any] = INSTANT
    seed: int = 0
    validate: bool = True
    strict: bool | Mapping[str, bool | str] = field(default_factory=dict)
    cassettes: str | Path = "cassettes"
    redact: Sequence[str] = ()
    ignore: Sequence[str] | None = None
    normalise: Sequence[str] | None = None
    upstream: str | None = None
    ca_file: str | Path | None = None
    timeout: float | str | None = None

    def __post_init__(self) -> None:
        for name, read in _READERS.items():
            written = getattr(self, name)
            try:
                object.__setattr__(self, name, read(written))
            except ScenarioError as error:
                error.key = (name, *(key for key in error.key if key != name))
                raise

    @classmethod
    def of(cls, written: object) -> LabSettings:
        """Return settings that are settings already, or that a mapping writes. Raises ScenarioError."""
        if isinstance(written, cls):
            return written
        if not isinstance(written, Mapping):
            hint = "return LabSettings(…), from streamlab import LabSettings"
            raise ScenarioError(f"settings are expected, not {written!r}", hint=hint)
        known = [each.name for each in fields(cls)]
        for key in written:
            if key not in known:
                raise ScenarioError(f"there is no setting {key!r}", key=(str(key),), hint=nearest(str(key), known))
        return cls(**written)

    @property
    def grades(self) -> dict[str, Grade]:
        """How each thing that goes wrong is graded."""
        return {**DEFAULT_STRICT, **parse_strict(self.strict)}


def parse_strict(written: object) -> dict[str, Grade]:
    """Return the grades that a flag or a mapping writes. Raises ScenarioError, with the key at fault."""
    if isinstance(written, bool):
        return dict.fromkeys(DEFAULT_STRICT, "fail" if written else "ignore")
    if not isinstance(written, Mapping):
        hint = "for example: strict={'unused': False}"
        raise ScenarioError(f"True, False or a mapping is expected, not {written!r}", key=("strict",), hint=hint)
    return {_word(key): _grade(key, value) for key, value in written.items()}


def _word(key: object) -> str:
    if key not in DEFAULT_STRICT:
        raise ScenarioError(f"there is no strictness {key!r}", key=("strict", str(key)), hint=nearest(str(key), DEFAULT_STRICT))
    return str(key)


def _grade(key: object, value: object) -> Grade:
    for grade in GRADES:
        if value == grade or (isinstance(value, bool) and grade == ("fail" if value else "ignore")):
            return grade
    hint = nearest(str(value), [*GRADES, "True", "False"])
    raise ScenarioError(f"{value!r} is no grade", key=("strict", str(key)), hint=hint)


def read_faults(written: object) -> tuple[Fault, ...]:
    """Return the faults that objects, mappings or texts write. Raises ScenarioError if they write none."""
    return parse_faults(listed_faults(written))


def _pace(written: object) -> Pace:
    return written if isinstance(written, Pace) else parse_pace(written)


def _seed(written: object) -> int:
    if type(written) is not int:
        raise ScenarioError(f"a whole number is expected, not {written!r}")
    return written


def _flag(written: object) -> bool:
    if not isinstance(written, bool):
        raise ScenarioError(f"True or False is expected, not {written!r}")
    return written


def _folder(written: object) -> Path:
    if not isinstance(written, str | Path) or not str(written):
        raise ScenarioError(f"a folder is expected, not {written!r}", hint="for example: cassettes='recordings'")
    return Path(written)


def _strict(written: object) -> Mapping[str, Grade]:
    return parse_strict(written)


def _texts(written: object) -> tuple[str, ...]:
    listed = tuple(written) if isinstance(written, list | tuple) else None
    if listed is None or not all(isinstance(each, str) and each for each in listed):
        raise ScenarioError(f"a list of texts is expected, not {written!r}")
    return listed


def _patterns(written: object) -> tuple[str, ...]:
    texts = _texts(written)
    try:
        compile_patterns(texts, "redact")
    except ScenarioError as error:
        error.problem = error.problem.removeprefix("redact: ")  # the key says so
        raise
    return texts


def _ignored(written: object) -> tuple[str, ...] | None:
    return None if written is None else _texts(written)


def _normalised(written: object) -> tuple[str, ...] | None:
    texts = _ignored(written)
    for each in texts or ():
        if each not in NORMALISERS:
            raise ScenarioError(f"{each!r} cannot be normalised", hint=nearest(each, NORMALISERS))
    return texts


def _address(written: object) -> str | None:
    if written is not None and (not isinstance(written, str) or "://" not in written):
        raise ScenarioError(f"a URL is expected, not {written!r}", hint="for example: https://api.anthropic.com")
    return written


def _file(written: object) -> str | None:
    if written is not None and not isinstance(written, str | Path):
        raise ScenarioError(f"a file is expected, not {written!r}", hint="for example: ca_file='ca.pem'")
    return None if written is None else str(written)


def _seconds(written: object) -> float | None:
    return None if written is None else seconds(written, key="timeout")


_READERS = {
    "pace": _pace,
    "seed": _seed,
    "validate": _flag,
    "strict": _strict,
    "cassettes": _folder,
    "redact": _patterns,
    "ignore": _ignored,
    "normalise": _normalised,
    "upstream": _address,
    "ca_file": _file,
    "timeout": _seconds,
}
