"""Faults written as one line of text: on the command line, in a header, in Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from streamlab.core.faults import (
    Change,
    Cut,
    Drop,
    ErrorEvent,
    Fault,
    Insert,
    OfHead,
    Raw,
    SplitFrames,
    Stall,
    Swap,
    base,
    examples,
    fault_names,
    fault_type,
    register,
)
from streamlab.errors import FaultError, ScenarioError
from streamlab.files.fault_text import parse_fault_text, read_fault


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("cut: reset, at: tool_use char 12", (Cut("reset", at="tool_use char 12"),)),
        ("  cut: fin, after: delta 3  ", (Cut("fin", after="delta 3"),)),
        ("{cut: fin, after: delta 3}", (Cut("fin", after="delta 3"),)),
        ("after: delta 3, cut: fin", (Cut("fin", after="delta 3"),)),
        (
            "[{stall: 2s, after: delta 1}, {cut: fin, after: delta 3}]",
            (Stall("2s", after="delta 1"), Cut("fin", after="delta 3")),
        ),
        ("[{split: 1}]", (SplitFrames(1),)),
        ("split: 7, wait: 2ms", (SplitFrames(7, wait="2ms"),)),
        ("error: 529, after: delta 1", (ErrorEvent(529, after="delta 1"),)),
        ("drop: [delta 1, message_stop]", (Drop(["delta 1", "message_stop"]),)),
        ("swap: [delta 1, delta 2]", (Swap(["delta 1", "delta 2"]),)),
        ('raw: "\\uFEFF{, }", at: headers', (Raw("\ufeff{, }", at="headers"),)),
        ("raw: !!binary /w==, at: end", (Raw(b"\xff", at="end"),)),
        ("insert: {type: x, y: {z: [1]}}, at: end", (Insert({"type": "x", "y": {"z": [1]}}, at="end"),)),
        ("change: delta 1, set: {delta.text: null}", (Change("delta 1", set={"delta.text": None}),)),
    ],
)
def test_a_text_writes_faults(text: str, faults: tuple[Fault, ...]) -> None:
    """One without braces, or one or more as in YAML."""
    assert parse_fault_text(text, "--fault") == faults


@pytest.mark.parametrize("text", [each.fault for name in fault_names() for each in examples(fault_type(name))])
def test_every_example_is_such_a_text(text: str) -> None:
    """What the documents show can be pasted: as it is, and in a list."""
    faults = parse_fault_text(text, "example")
    assert faults
    if not text.startswith("["):
        assert parse_fault_text(f"{{{text}}}", "example") == parse_fault_text(f"[{{{text}}}]", "example") == faults


SIDES = "write one of: before, at, after"


@pytest.mark.parametrize(
    ("text", "column", "key", "problem", "hint"),
    [
        ("cutt: fin, at: end", 1, "cutt", "there is no fault 'cutt'", "did you mean 'cut'? expected one of: "),
        ("  cutt: fin, at: end", 1, "cutt", "there is no fault 'cutt'", "did you mean 'cut'? expected one of: "),
        ("{cutt: fin, at: end}", 2, "cutt", "there is no fault 'cutt'", "did you mean 'cut'? expected one of: "),
        ("[{cut: fin, at: end}, {cut: fni, at: end}]", 24, "1.cut", "'fni' is not a way to cut", "did you mean 'fin'? "),
        ("bom: 1, at: headers", 1, "bom", "there is no fault 'bom'", 'write {raw: "\\uFEFF", at: headers}; expected one of: '),
        ("cut: fin, at: delt 3", 11, "at", "'delt 3' is not a place", "did you mean 'delta 1'? "),
        ("cut: fin", 1, "cut", "the fault does not say where it stands", SIDES),
        ("cut: fin, at: end, what: 1", 20, "what", "the fault 'cut' has no key 'what'", "did you mean 'at'? "),
        ("{at: end}", 1, "", "a fault is expected, and this is only its place", "faults: broken_json, "),
        ("", 1, "", "a fault is expected, and this is empty", "faults: broken_json, "),
        ("[]", 1, "0", "a fault is expected, and this is empty", "faults: broken_json, "),
        ("[{}]", 2, "0", "a fault is expected, and this is empty", "faults: broken_json, "),
        ("[cut]", 2, "0", "a fault is expected, not 'cut'", "for example: {cut: fin, after: delta 3}; faults: "),
        (
            "stall: soon, at: end",
            1,
            "stall",
            "'soon' is not a length of time",
            "write 400ms, 2s, 1m, 1h or a number of seconds, or",
        ),
    ],
)
def test_a_mistake_is_shown_in_the_text_as_it_was_written(text: str, column: int, key: str, problem: str, hint: str) -> None:
    """With the name of the text, the column in it, the key, and what to write."""
    with pytest.raises(ScenarioError) as caught:
        parse_fault_text(text, "--fault")
    error = caught.value
    assert (error.file, error.line, error.problem) == ("--fault", None, problem)
    assert (error.column, ".".join(map(str, error.key))) == (column, key)
    assert error.hint.startswith(hint)
    assert str(error).startswith(f"--fault:{column}: ")


@pytest.mark.parametrize(
    "text", ["{cut: fin", "[{cut: fin, at: end}", "cut: [", 'raw: "x', "{a: 1}}", "a: *b", "cut: fin\n- x"]
)
def test_what_is_no_yaml_is_an_error_in_the_text(text: str) -> None:
    """Its column is within the text, or right after it."""
    with pytest.raises(ScenarioError) as caught:
        parse_fault_text(text, "x-streamlab-fault")
    assert caught.value.file == "x-streamlab-fault"
    assert caught.value.line is None
    assert 1 <= (caught.value.column or 0) <= len(text) + 1


@pytest.mark.parametrize(
    ("written", "problem", "key"),
    [
        ("cut", "a fault is expected, not 'cut'", ()),
        (None, "a fault is expected, not null", ()),
        (["cut"], "a fault is expected, not ['cut']", ()),
        ({}, "a fault is expected, and this is empty", ()),
        ({"cutt": 1}, "there is no fault 'cutt'", ("cutt",)),
    ],
)
def test_what_is_no_fault_is_an_error_before_it_is_read(written: Any, problem: str, key: tuple[str, ...]) -> None:
    """Anything that YAML can say may stand there."""
    with pytest.raises(ScenarioError) as caught:
        read_fault(written)
    assert (caught.value.problem, caught.value.key) == (problem, key)
    assert caught.value.hint


def test_a_fault_is_read_from_a_mapping() -> None:
    """As in a scenario."""
    assert read_fault({"cut": "fin", "at": "end"}) == Cut("fin", at="end")


def test_a_fault_that_checks_nothing_itself_is_checked_by_the_types_of_its_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes a fault need not say again what its fields say."""
    monkeypatch.setattr(base, "_REGISTRY", dict(base._REGISTRY))

    @register("hush")
    @dataclass(frozen=True)
    class Hush(OfHead):
        """Does nothing."""

        how: str = "softly"
        times: int = field(default=1, kw_only=True)

    assert read_fault({"hush": "loudly", "times": 2}) == Hush("loudly", times=2)  # type: ignore[comparison-overlap]
    for written, text in (
        ({"hush": 5}, "hush: a text is expected, not 5"),
        ({"hush": "x", "times": "y"}, "times: a whole number is expected, not 'y'"),
    ):
        with pytest.raises(FaultError) as caught:
            read_fault(written)
        assert str(caught.value) == text
