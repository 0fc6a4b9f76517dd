"""The settings of labs: what may be written for each, and what is said of what may not."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest

import streamlab
from streamlab.core.faults import Cut
from streamlab.core.pacing import INSTANT, Pace
from streamlab.errors import ScenarioError
from streamlab.files.lab_settings import DEFAULT_STRICT, LabSettings, parse_strict, read_faults

READ: dict[str, tuple[str, Any, Any]] = {
    "a pace": ("pace", "recorded", Pace(speed=1.0)),
    "a pace as a mapping": ("pace", {"rate": "50/s"}, Pace(rate=50.0)),
    "a pace as an object": ("pace", Pace(first=1), Pace(first=1)),
    "a seed": ("seed", 7, 7),
    "no check of requests": ("validate", False, False),
    "a folder": ("cassettes", "kept", Path("kept")),
    "a folder as a path": ("cassettes", Path("/kept"), Path("/kept")),
    "patterns": ("redact", ["cust_[0-9]+"], ("cust_[0-9]+",)),
    "what does not count": ("ignore", ["metadata"], ("metadata",)),
    "nothing that does not count": ("ignore", [], ()),
    "what is normalised": ("normalise", ("ids", "dates"), ("ids", "dates")),
    "what the cassette says": ("normalise", None, None),
    "an upstream": ("upstream", "https://gateway.example", "https://gateway.example"),
    "certificates": ("ca_file", Path("ca.pem"), "ca.pem"),
    "a length of time": ("timeout", "500ms", 0.5),
    "seconds": ("timeout", 2, 2.0),
    "no end of time": ("timeout", None, None),
    "a grade": ("strict", {"unused": "warn"}, {"unused": "warn"}),
    "flags": ("strict", {"unused": False, "exchanges": True}, {"unused": "ignore", "exchanges": "fail"}),
    "all strict": ("strict", True, dict.fromkeys(DEFAULT_STRICT, "fail")),
}


@pytest.mark.parametrize(("name", "written", "expected"), READ.values(), ids=READ)
def test_a_setting_is_read_as_it_is_written(name: str, written: Any, expected: Any) -> None:
    """As an argument, and in a mapping; reading it again changes nothing."""
    made = LabSettings(**{name: written})
    assert getattr(made, name) == expected
    assert LabSettings.of({name: written}) == made == LabSettings.of(made)
    assert LabSettings(**{name: getattr(made, name)}) == made


WRONG: dict[str, tuple[Any, str]] = {
    "no mapping": ([], "settings are expected, not []\n  hint: return LabSettings(…), from streamlab import LabSettings"),
    "another word": (
        {"redct": []},
        (
            "redct: there is no setting 'redct'\n  hint: did you mean 'redact'? expected one of: ca_file, cassettes, ignore, "
            "normalise, pace, redact, seed, strict, timeout, upstream, validate"
        ),
    ),
    "no pace": (
        {"pace": "fast"},
        (
            "pace: 'fast' is not a pace\n"
            "  hint: write instant, recorded, recorded x10, 50/s, or {first: 400ms, rate: 50/s, jitter: 20%, seed: 7}"
        ),
    ),
    "no seed": ({"seed": True}, "seed: a whole number is expected, not True"),
    "no flag": ({"validate": 0}, "validate: True or False is expected, not 0"),
    "no folder": ({"cassettes": ""}, "cassettes: a folder is expected, not ''\n  hint: for example: cassettes='recordings'"),
    "no list": ({"redact": "cust"}, "redact: a list of texts is expected, not 'cust'"),
    "no texts": ({"ignore": [1]}, "ignore: a list of texts is expected, not [1]"),
    "no way to normalise": (
        {"normalise": ["id"]},
        "normalise: 'id' cannot be normalised\n  hint: did you mean 'ids'? expected one of: dates, ids",
    ),
    "no URL": (
        {"upstream": "gateway.example"},
        "upstream: a URL is expected, not 'gateway.example'\n  hint: for example: https://api.anthropic.com",
    ),
    "no file": ({"ca_file": 1}, "ca_file: a file is expected, not 1\n  hint: for example: ca_file='ca.pem'"),
    "no time": (
        {"timeout": "soon"},
        "timeout: 'soon' is not a length of time\n  hint: write 400ms, 2s, 1m, 1h or a number of seconds",
    ),
    "no strictness": (
        {"strict": 1},
        "strict: True, False or a mapping is expected, not 1\n  hint: for example: strict={'unused': False}",
    ),
    "a misspelt strictness": (
        {"strict": {"unusd": False}},
        (
            "strict.unusd: there is no strictness 'unusd'\n"
            "  hint: did you mean 'unused'? expected one of: exchanges, faults, unmatched, unused"
        ),
    ),
    "a misspelt grade": (
        {"strict": {"unused": 1}},
        "strict.unused: 1 is no grade\n  hint: expected one of: False, True, fail, ignore, warn",
    ),
}


@pytest.mark.parametrize(("written", "text"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_a_setting_is_told(written: Any, text: str) -> None:
    """With its name, and what may be written."""
    with pytest.raises(ScenarioError) as error:
        LabSettings.of(written)
    assert str(error.value) == text


def test_a_pattern_that_is_none_is_told() -> None:
    """With the name of the setting."""
    with pytest.raises(ScenarioError, match=r"^redact: the pattern '\['"):
        LabSettings(redact=["["])


def test_the_defaults_are_strict_and_instant() -> None:
    """Nothing is given up unless somebody says so."""
    made = LabSettings()
    assert made.pace == INSTANT
    assert made.grades == {"unmatched": "fail", "unused": "fail", "exchanges": "warn", "faults": "fail"}
    assert LabSettings(strict={"exchanges": True}).grades["exchanges"] == "fail"
    assert parse_strict(False) == dict.fromkeys(DEFAULT_STRICT, "ignore")  # noqa: FBT003 - as it is written in a mark
    assert streamlab.LabSettings is LabSettings


def test_settings_do_not_change() -> None:
    """One object is the settings of all tests."""
    with pytest.raises(FrozenInstanceError):
        LabSettings().seed = 3  # type: ignore[misc]
    assert all(each.kw_only for each in fields(LabSettings))


CUT = Cut("fin", after="delta 3")


@pytest.mark.parametrize(
    "written",
    [CUT, "cut: fin, after: delta 3", {"cut": "fin", "after": "delta 3"}, [CUT], ("cut: fin, after: delta 3",)],
)
def test_faults_may_be_written_in_each_way(written: Any) -> None:
    """One or a list, as objects, texts or mappings."""
    assert read_faults(written) == (CUT,)
    assert read_faults([]) == ()


def test_what_is_no_fault_is_told() -> None:
    """With the name of the argument."""
    with pytest.raises(ScenarioError, match=r"^faults: a list of faults is expected, not 3$"):
        read_faults(3)
