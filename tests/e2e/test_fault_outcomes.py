"""What the faults say of the official Python SDK is what the SDK that is installed does, however it is called."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clocks import Hurried
from fault_outcomes import MODES, answered, outcome

from streamlab import Lab
from streamlab.core.faults import Example, examples, fault_names, fault_type
from streamlab.net.lab import Host

ALL = [(name, each) for name in fault_names() for each in examples(fault_type(name))]


@pytest.fixture(scope="module")
def hurried() -> Iterator[Host]:
    """Give a server on whose clock the long silences of the examples are short."""
    running = Host(clock=Hurried())
    yield running
    running.stop()


@pytest.mark.parametrize("mode", [pytest.param(each, marks=[pytest.mark.slow] if "async" in each else []) for each in MODES])
@pytest.mark.parametrize(("name", "example"), ALL, ids=[each.what for _, each in ALL])
def test_the_sdk_does_what_the_fault_says(streamlab: Lab, hurried: Host, name: str, example: Example, mode: str) -> None:
    """It raises what is said, or gives the message that is said: synchronously and asynchronously alike."""
    del name
    lab = hurried.lab() if "pings: true" in example.fault else streamlab
    answered(lab, example)
    said = example.stream if mode.startswith("stream") else example.create or example.stream
    assert outcome(lab.url, example, mode) == said
    lab.reset()  # the second reply is there for those that come again


@pytest.mark.parametrize("name", fault_names())
def test_each_fault_has_an_example(name: str) -> None:
    """So that `streamlab faults` and the reference can say what the SDK does with it."""
    assert examples(fault_type(name))


def test_no_failure_goes_by_two_names() -> None:
    """A failure is looked up by its name."""
    names = [each.what for _, each in ALL]
    assert len(names) == len(set(names))
