"""Faults of order: events that are missing, that come twice, or at another time than they should."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mistakes import NO_EVENT, SELECTION, mistake
from plans import BODY, PLAN, applied, recorded_plan

from streamlab.core.faults import (
    Drop,
    Duplicate,
    Fault,
    Interleave,
    Join,
    Move,
    Reorder,
    Stall,
    Swap,
    apply_faults,
    rearranged,
)
from streamlab.core.places import GRAMMAR
from streamlab.core.plan import Plan
from streamlab.core.sse import Frame, Split
from streamlab.errors import FaultError, PlaceError

# In PLAN the frames are: 0 start, 1 block 0, 2 ping, 3-4 deltas, 5 stop, 6 block 1, 7-8 deltas, 9 stop, 10 delta, 11 stop.


def order(plan: Plan) -> list[int | None]:
    """Return which frames of PLAN these are, by identity; None for one that is new."""
    return [next((index for index, old in enumerate(PLAN.frames) if old is frame), None) for frame in plan.frames]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Drop("message_start"), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        (Drop("delta 2"), [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11]),
        (Drop("every delta"), [0, 1, 2, 5, 6, 9, 10, 11]),
        (Drop("every tool_use delta"), [0, 1, 2, 3, 4, 5, 6, 9, 10, 11]),
        (Drop("every block 0 delta"), [0, 1, 2, 5, 6, 7, 8, 9, 10, 11]),
        (Drop("every ping"), [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        (Drop("every event"), [2]),
        (Drop("all"), []),
        (Drop(["message_stop", "event 1", "event 1"]), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (Duplicate("delta 2"), [0, 1, 2, 3, 4, None, 5, 6, 7, 8, 9, 10, 11]),
        (Duplicate("message_stop", times=3), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, None, None, None]),
        (Duplicate(["message_start", "delta 1"]), [0, None, 1, 2, 3, None, 4, 5, 6, 7, 8, 9, 10, 11]),
        (Swap(["delta 1", "delta 2"]), [0, 1, 2, 4, 3, 5, 6, 7, 8, 9, 10, 11]),
        (Swap(["message_stop", "message_start"]), [11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0]),
        (Swap(), [0, 1, 2, 4, 3, 5, 6, 7, 8, 9, 10, 11]),
        (Reorder(["delta 3", "delta 1", "delta 2"]), [0, 1, 2, 7, 3, 5, 6, 4, 8, 9, 10, 11]),
        (Reorder(["content_block_start 2", "content_block_start 1"]), [0, 6, 2, 3, 4, 5, 1, 7, 8, 9, 10, 11]),
        (Reorder(["delta 2", "delta 1"]), [0, 1, 2, 4, 3, 5, 6, 7, 8, 9, 10, 11]),
        (Reorder(["delta 1"]), list(range(12))),
        (Move("delta 1", before="content_block_start"), [0, 3, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]),
        (Move("delta 1", after="message_stop"), [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 3]),
        (Move("message_stop", at="headers"), [11, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (Move("message_start", at="end"), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0]),
        (Move("delta 2", after="delta 2"), list(range(12))),
        (Move("delta 2", before="delta 2"), list(range(12))),
        (Interleave([0, 1]), [0, 1, 2, 6, 3, 7, 4, 8, 5, 9, 10, 11]),
        (Interleave([1, 0]), [0, 6, 2, 1, 7, 3, 8, 4, 9, 5, 10, 11]),
    ],
    ids=str,
)
def test_frames_are_the_same_in_another_order(fault: Fault, expected: list[int | None]) -> None:
    """None is made anew; only a copy is new, and it has the bytes of what it stands behind. Head and ending stay."""
    made = applied(PLAN, fault)
    assert order(made) == expected
    for index, source in enumerate(expected):
        if source is None:
            assert made.frames[index] == Frame(made.frames[index - 1].raw)
    assert replace(made, frames=PLAN.frames) == PLAN


def waiting(*frames: Frame) -> Plan:
    """Return a plan whose frames have silences, times and splits of their own."""
    return replace(PLAN, frames=frames)


A, B, C, D = (
    replace(frame, wait=float(number), recorded=number / 2, splits=(Split(3, 0.5),))
    for number, frame in enumerate(PLAN.frames[4:8], 1)
)


def test_a_silence_goes_with_its_event() -> None:
    """It comes along with one that moves; a copy waits for nothing."""
    assert applied(waiting(A, B, C), Swap(["event 1", "event 3"])).frames == (C, B, A)
    assert applied(waiting(A, B, C), Move("event 1", at="end")).frames == (B, C, A)
    assert applied(waiting(A, B), Duplicate("event 1", times=2)).frames == (A, Frame(A.raw), Frame(A.raw), B)
    late = applied(PLAN, Stall(2, at="end"), Drop("message_stop"))
    assert late.frames == (*PLAN.frames[:-1], Frame(b"", wait=2.0))


def test_a_silence_before_an_event_that_is_dropped_is_kept() -> None:
    """It comes before the next one, which then begins a chunk; at the end it stands for itself."""
    a, b, c = waiting(A, B, C).frames
    assert applied(waiting(A, B, C), Drop("event 2")).frames == (a, replace(c, wait=b.wait + c.wait))
    assert applied(waiting(A, B, C), Drop(["event 1", "event 2"])).frames == (replace(c, wait=a.wait + b.wait + c.wait),)
    assert applied(waiting(A, B, C), Drop(["event 2", "event 3"])).frames == (a, Frame(b"", wait=b.wait + c.wait))
    silent = applied(PLAN, Stall(2, before="delta 1"), Drop("delta 1"))
    assert silent.frames == (*PLAN.frames[:3], replace(PLAN.frames[4], wait=2.0), *PLAN.frames[5:])
    joined = applied(PLAN, Stall(2, before="delta 1"), Join(["delta 1", "event 5"]), Drop("delta 1"))
    assert [(frame.wait, frame.joined) for frame in joined.frames[3:5]] == [(2.0, False), (0.0, True)]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Drop("delta 2"), [[3], [5]]),
        (Drop("delta 1"), [[4, 5]]),
        (Drop("event 5"), [[3, 4]]),
        (Duplicate("delta 1"), [[3], [3], [4, 5]]),
        (Duplicate("event 5"), [[3, 4, 5], [5]]),
        (Swap(["delta 1", "delta 2"]), [[4], [3], [5]]),
        (Move("delta 1", before="delta 3"), [[4, 5], [3]]),
        (Stall(1, at="delta 2"), [[3], [4, 5]]),
        (Drop("every ping"), [[3, 4, 5]]),
    ],
    ids=str,
)
def test_what_was_in_one_chunk_stays_together_only_where_it_follows(fault: Fault, expected: list[list[int]]) -> None:
    """A frame that another one precedes now begins a chunk."""
    made = applied(PLAN, Join(["delta 1", "event 5"]), fault)
    chunks: list[list[int]] = []
    for frame in made.frames:
        index = next(index for index, old in enumerate(PLAN.frames) if old.raw == frame.raw)
        if frame.joined:
            chunks[-1].append(index)
        else:
            chunks.append([index])
    assert [chunk for chunk in chunks if 3 <= chunk[0] <= 5] == expected


def test_a_frame_that_is_new_says_itself_whether_it_is_joined() -> None:
    """Only a frame of the plan is looked at for what preceded it."""
    new = Frame(b"x", joined=True)
    first, second, third = plan = (Frame(b"1"), Frame(b"2", joined=True), Frame(b"3", joined=True))
    assert rearranged(waiting(*plan), (first, new, second, third)).frames == (first, new, replace(second, joined=False), third)
    assert rearranged(waiting(*plan), (second, first, third)).frames[2] == replace(third, joined=False)


JSON_HINT = "this fault changes the events of a stream; a JSON body has none"
ALL_PLACES = "the answer has: event 1..11, delta 1..4, block 0 (text) delta 1..2 char 1..8, "


@pytest.mark.parametrize("fault", [Drop("delta 1"), Duplicate("all"), Swap(), Reorder(), Interleave()], ids=str)
def test_a_json_body_has_no_order(fault: Fault) -> None:
    """It is no stream, whatever the fault says."""
    with pytest.raises(FaultError) as caught:
        applied(BODY, fault)
    assert (caught.value.problem, caught.value.hint) == ("this answer is no event stream", JSON_HINT)


@pytest.mark.parametrize(
    ("fault", "kind", "problem", "hint"),
    [
        (Drop("delta 9"), PlaceError, "the answer has no place 'delta 9'", ALL_PLACES),
        (
            Drop(["delta 1", "mesage_stop"]),
            PlaceError,
            "the answer has no place 'mesage_stop'",
            "did you mean 'message_stop'? ",
        ),
        (Duplicate("every thinking delta"), PlaceError, "the answer has no place 'thinking delta 1'", ALL_PLACES),
        (Swap(["delta 1", "delta 9"]), PlaceError, "the answer has no place 'delta 9'", ALL_PLACES),
        (Swap(["delta 1", "event 3"]), FaultError, "one event is listed twice", "each place must name another event"),
        (Reorder(["error", "delta 1"]), PlaceError, "the answer has no place 'error'", ALL_PLACES),
        (Reorder(["delta 1"] * 2), FaultError, "one event is listed twice", "each place must name another event"),
        (Interleave([0, 5]), FaultError, "the answer has no block 5", "it has: 0, 1"),
    ],
    ids=str,
)
def test_an_event_that_is_not_there_is_an_error(fault: Fault, kind: type[FaultError], problem: str, hint: str) -> None:
    """It shows what there is, under the name that was written."""
    with pytest.raises(kind) as caught:
        apply_faults(PLAN, [fault], Random(1))
    assert caught.value.problem == problem
    assert caught.value.hint.startswith(hint)
    assert caught.value.key == ("faults", 0, fault.name)


def test_an_event_that_is_moved_must_be_there_too() -> None:
    """The event and the place are told apart."""
    for fault, key in ((Move("delta 9", at="end"), "move"), (Move("delta 1", after="delta 9"), "after")):
        with pytest.raises(PlaceError) as caught:
            apply_faults(PLAN, [fault], Random(1))
        assert (caught.value.problem, caught.value.key) == ("the answer has no place 'delta 9'", ("faults", 0, key))
    for fault, problem in (
        (Move("delta 1", at="byte 5"), "an event cannot stand inside another"),
        (Move("delta 1", before="headers"), "nothing of the body can come before the headers"),
    ):
        with pytest.raises(FaultError) as wrong:
            applied(PLAN, fault)
        assert wrong.value.problem == problem


def test_blocks_are_not_there_where_no_event_has_an_index() -> None:
    """The error says so."""
    with pytest.raises(FaultError) as caught:
        applied(waiting(PLAN.frames[0]), Interleave())
    assert (caught.value.problem, caught.value.hint) == ("the answer has no block 0", "it has none")


@given(st.permutations(["delta 1", "delta 2", "delta 3", "message_stop"]), st.integers(1, 4))
def test_a_new_order_is_that_which_is_listed(places: list[str], count: int) -> None:
    """The places that are listed are filled in the order of the list, and all others are as they were."""
    listed = [{"delta 1": 3, "delta 2": 4, "delta 3": 7, "message_stop": 11}[place] for place in places[:count]]
    made = order(applied(PLAN, Reorder(places[:count])))
    assert [made[index] for index in sorted(listed)] == listed
    assert [made[index] for index in range(12) if index not in listed] == [index for index in range(12) if index not in listed]


def test_recorded_events_are_never_made_anew(recorded_streams: list[Path]) -> None:
    """Whatever the order, the bytes of each frame are those that were recorded."""
    for path in recorded_streams[::29]:
        plan = recorded_plan(path)
        second = next(frame for frame in plan.frames[1:] if frame.type not in (None, "ping")).raw
        cases: dict[Fault, list[bytes]] = {
            Drop("event 1"): [],
            Duplicate("event 2"): [second],
            Swap(("event 1", "event 2")): [],
            Move("event 1", at="end"): [],
        }
        for fault, new in cases.items():
            old = {id(frame) for frame in plan.frames}
            assert [frame.raw for frame in applied(plan, fault).frames if id(frame) not in old] == new


COPIES = "write a number from 1 to 10000"
SWAPS, REORDERS = "for example: swap: [delta 1, delta 2]", "for example: reorder: [delta 3, delta 1, delta 2]"
MOVES = "for example: move: delta 1, before: content_block_start"
BLOCKS = "write the indices of two blocks or more: interleave: [0, 1]"


@pytest.mark.parametrize(
    ("written", "problem", "key", "hint"),
    [
        *(({name: 5}, "events are expected, not 5", name, SELECTION) for name in ("drop", "duplicate")),
        ({"drop": None}, "events are expected, not None", "drop", SELECTION),
        ({"drop": []}, "events are expected, not []", "drop", SELECTION),
        ({"drop": ["delta 1", 5]}, "events are expected, not 5", "drop", SELECTION),
        ({"drop": "delt 1"}, "'delt 1' is not a place", "drop", f"did you mean 'delta 1'? a place is {GRAMMAR}"),
        ({"drop": "delta 0"}, "'delta 0' is not a place", "drop", "counting starts at 1, except for a block's index"),
        ({"drop": "byte 5"}, "'byte 5' names no event", "drop", NO_EVENT),
        ({"drop": "delta 1", "at": "end"}, "the fault 'drop' has no key 'at'", "at", "nothing may stand beside drop"),
        *(
            ({"duplicate": "delta 1", "times": value}, f"{value!r} is no number of copies", "times", COPIES)
            for value in (0, -1, True, 1.5, "2", 10_001, None)
        ),
        *(
            ({name: value}, f"places of events are expected, not {value!r}", name, example)
            for name, example in (("swap", SWAPS), ("reorder", REORDERS))
            for value in ("delta 1", [], [1, 2], ["all", "delta 1"], ["every delta", "delta 1"], None, {})
        ),
        ({"swap": ["delta 1"]}, "two events change places", "swap", "for more than two, use reorder"),
        ({"swap": ["delta 1"] * 3}, "two events change places", "swap", "for more than two, use reorder"),
        ({"swap": ["delta 1", "end"]}, "'end' names no event", "swap", NO_EVENT),
        ({"move": "every delta", "at": "end"}, "places of events are expected, not ('every delta',)", "move", MOVES),
        ({"move": None, "at": "end"}, "places of events are expected, not (None,)", "move", MOVES),
        ({"move": "50%", "at": "end"}, "'50%' names no event", "move", NO_EVENT),
        ({"move": "delta 1"}, "the fault does not say where it stands", "move", "write one of: before, at, after"),
        *(
            ({"interleave": value}, f"{value!r} are no blocks to interleave", "interleave", BLOCKS)
            for value in ([0], [0, 0], [0, True], [0, -1], ["0", "1"], 5, None)
        ),
    ],
    ids=str,
)
def test_a_mistake_is_said_where_it_is_written(written: Mapping[str, Any], problem: str, key: str, hint: str) -> None:
    """The problem, the key as it was written, and what to write."""
    assert mistake(written) == (problem, (key,), hint)
