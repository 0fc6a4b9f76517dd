"""Cuts and stalls: where sending stops, where it pauses, and that no other byte is touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from plans import BODY, FRAMES, HEAD, NOTHING, PLACES, PLAN, applied, recorded_plan, total_wait

from streamlab.core.events import PING
from streamlab.core.faults import Cut, Stall
from streamlab.core.places import Place, Side, point_at_byte
from streamlab.core.plan import Ending, Plan
from streamlab.core.sse import Frame, Split
from streamlab.errors import PlaceError

SIDES: tuple[Side, ...] = ("before", "at", "after")
HOW = {"end": Ending.END, "fin": Ending.FIN, "reset": Ending.RESET}


def joined(*frames: Frame) -> bytes:
    """Return the bytes of frames."""
    return b"".join(frame.raw for frame in frames)


@pytest.mark.parametrize(
    ("place", "body"),
    [
        ({"before": "event 1"}, b""),
        ({"after": "event 1"}, joined(*FRAMES[:1])),
        ({"after": "event 2"}, joined(*FRAMES[:2])),
        ({"before": "event 3"}, joined(*FRAMES[:2], PING)),
        ({"at": "delta 2"}, joined(*FRAMES[:2], PING, FRAMES[2])),
        ({"after": "tool_use delta 1"}, joined(*FRAMES[:2], PING, *FRAMES[2:7])),
        ({"before": "message_stop"}, joined(*FRAMES[:2], PING, *FRAMES[2:10])),
        ({"after": "message_stop"}, PLAN.body),
        ({"at": "end"}, PLAN.body),
        ({"at": "headers"}, b""),
        ({"at": "byte 0"}, b""),
        ({"at": "byte 100"}, PLAN.body[:100]),
        ({"at": "50%"}, PLAN.body[: round(len(PLAN.body) / 2)]),
        ({"at": "text char 5"}, joined(*FRAMES[:2], PING) + FRAMES[2].raw[: FRAMES[2].raw.index("é".encode()) + 2]),
        ({"before": "text char 5"}, joined(*FRAMES[:2], PING) + FRAMES[2].raw[: FRAMES[2].raw.index("é".encode())]),
        (
            {"after": "tool_use char 3"},
            joined(*FRAMES[:2], PING, *FRAMES[2:7]) + FRAMES[7].raw[: FRAMES[7].raw.index(rb"{\"a\":1}") + len(rb"{\"a")],
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize(("how", "ending"), HOW.items())
def test_a_cut_sends_all_before_its_place_and_no_more(place: dict[str, str], body: bytes, how: str, ending: Ending) -> None:
    """At every kind of place, inside frames too; the head stays, and the ending is the one asked for."""
    plan = applied(PLAN, Cut(how, **place))  # type: ignore[arg-type]
    assert plan.body == body
    assert (plan.head, plan.ending) == (PLAN.head, ending)
    assert all(frame.raw for frame in plan.frames)


def test_a_cut_is_a_closed_connection_if_nothing_is_said() -> None:
    """`fin` is the way a connection breaks most often."""
    assert applied(PLAN, Cut(at="end")).ending is Ending.FIN


def test_a_cut_keeps_how_the_rest_is_sent() -> None:
    """Times and pauses before the cut stay; those after it go with their bytes."""
    frame = Frame(b"0123456789", wait=1.0, recorded=2.0, splits=(Split(2, 0.1), Split(5, 0.2), Split(7, 0.3)))
    plan = Plan(HEAD, (Frame(b"a", wait=3.0), frame, Frame(b"z", wait=4.0)))
    assert applied(plan, Cut(at="byte 6")).frames == (
        Frame(b"a", wait=3.0),
        Frame(b"01234", wait=1.0, recorded=2.0, splits=(Split(2, 0.1), Split(5, 0.2))),
    )
    assert applied(plan, Cut(at="byte 1")).frames == (Frame(b"a", wait=3.0), Frame(b"", wait=1.0))


@pytest.mark.parametrize("how", HOW)
def test_a_json_body_can_be_cut(how: str) -> None:
    """At a byte, as there are no events in it."""
    plan = applied(BODY, Cut(how, at="byte 7"))
    assert plan == Plan(BODY.head, (Frame(b'{"type"'),), HOW[how])
    with pytest.raises(PlaceError):
        applied(BODY, Cut(how, at="event 1"))


def test_a_cut_of_nothing_is_an_ending() -> None:
    """An answer without a body can be cut after its head."""
    assert applied(NOTHING, Cut("reset", at="headers")) == replace(NOTHING, ending=Ending.RESET)


@pytest.mark.parametrize(("written", "seconds"), [("2s", 2.0), ("400ms", 0.4), (1, 1.0), (0.5, 0.5)])
@pytest.mark.parametrize(
    ("place", "index"),
    [
        ({"before": "event 1"}, 0),
        ({"at": "headers"}, 0),
        ({"after": "event 2"}, 2),
        ({"before": "event 3"}, 3),
        ({"at": "message_stop"}, 11),
    ],
)
def test_a_stall_before_a_frame_makes_it_wait(place: dict[str, str], index: int, written: str | float, seconds: float) -> None:
    """All other frames, and the ending, stay as they were."""
    plan = applied(PLAN, Stall(written, **place))  # type: ignore[arg-type]
    expected = list(PLAN.frames)
    expected[index] = replace(expected[index], wait=seconds)
    assert plan == replace(PLAN, frames=tuple(expected))


def test_a_stall_inside_a_frame_splits_its_sending() -> None:
    """What precedes the place goes out, then nothing for a time, then the rest: the bytes stay the same."""
    plan = applied(PLAN, Stall("2s", at="text char 3"))
    offset = FRAMES[2].raw.index(b"One") + 3
    assert plan.frames[3] == replace(FRAMES[2], splits=(Split(offset, 2.0),))
    assert plan.body == PLAN.body
    assert total_wait(plan.frames) == 2.0


@pytest.mark.parametrize("place", [{"at": "end"}, {"after": "message_stop"}, {"at": "100%"}])
def test_a_stall_at_the_end_delays_the_end(place: dict[str, str]) -> None:
    """All bytes are sent, and HTTP does not say so until the time is over."""
    assert applied(PLAN, Stall(2, **place)) == replace(PLAN, frames=(*PLAN.frames, Frame(b"", wait=2.0)))  # type: ignore[arg-type]
    assert applied(NOTHING, Stall(2, at="headers")).frames == (Frame(b"", wait=2.0),)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("side", SIDES)
def test_a_stall_for_ever_is_a_cut_that_never_comes(place: str, side: Side) -> None:
    """Before a frame, inside one, or at the end: the same bytes as a cut, and then the connection hangs."""
    stalled = applied(PLAN, Stall(**{side: place}))  # type: ignore[arg-type]
    assert stalled == applied(PLAN, Stall("forever", **{side: place}))  # type: ignore[arg-type]
    assert stalled == replace(applied(PLAN, Cut(**{side: place})), ending=Ending.HANG)  # type: ignore[arg-type]


def test_stalls_at_one_place_add_up() -> None:
    """Before a frame and inside one; waits that were there already stay."""
    plan = replace(PLAN, frames=(replace(PLAN.frames[0], wait=0.5), *PLAN.frames[1:]))
    plan = applied(plan, Stall(1, before="event 1"), Stall(2, at="headers"), Stall(3, at="byte 9"), Stall(4, at="byte 9"))
    assert plan.frames[0] == replace(PLAN.frames[0], wait=3.5, splits=(Split(9, 3.0), Split(9, 4.0)))
    assert plan.frames[1:] == PLAN.frames[1:]


def test_stalls_inside_a_frame_are_in_the_order_of_its_bytes() -> None:
    """Whatever order they were written in."""
    plan = applied(PLAN, Stall(1, at="byte 30"), Stall(2, at="byte 10"), Stall(3, at="byte 20"))
    assert plan.frames[0].splits == (Split(10, 2.0), Split(20, 3.0), Split(30, 1.0))


@pytest.mark.parametrize(
    "place",
    [
        *({"after": "delta 2"}, {"before": "delta 2"}, {"at": "text char 3"}, {"at": "byte 0"}, {"at": "headers"}),
        *({"at": "end"}, {"at": "byte 200"}, {"after": "event 2"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("how", HOW)
def test_a_stall_and_then_a_cut_at_one_place_is_a_silence_and_then_the_cut(place: dict[str, str], how: str) -> None:
    """Faults are put in in the order written: the silence that came first is not lost with what follows it."""
    cut = applied(PLAN, Cut(how, **place))  # type: ignore[arg-type]
    both = applied(PLAN, Stall("3s", **place), Cut(how, **place))  # type: ignore[arg-type]
    assert both.body == cut.body
    assert both.ending is cut.ending
    assert total_wait(both.frames) == 3.0


def test_a_cut_takes_the_stalls_behind_it_away() -> None:
    """What is never reached never waits."""
    plan = applied(PLAN, Stall(1, at="delta 1"), Stall(2, at="delta 3"), Stall(4, at="byte 150"), Cut(after="delta 1"))
    assert total_wait(plan.frames) == 5.0
    assert plan.body == joined(*FRAMES[:2], PING, FRAMES[2])


def test_a_second_fault_sees_what_the_first_has_left() -> None:
    """A place behind a cut is not there any more, and the last cut decides the ending."""
    with pytest.raises(PlaceError) as caught:
        applied(PLAN, Cut(after="delta 1"), Stall(1, at="delta 2"))
    assert "delta 1..1" in caught.value.hint
    plan = applied(PLAN, Cut("reset", after="delta 2"), Cut("end", after="delta 1"))
    assert plan == applied(PLAN, Cut("end", after="delta 1"))
    assert applied(PLAN, Cut("end", after="delta 1"), Stall(at="end")).ending is Ending.HANG


@given(st.sampled_from(PLACES), st.sampled_from(SIDES), st.sampled_from(sorted(HOW)))
@settings(deadline=None, max_examples=150)
def test_a_cut_leaves_a_beginning_of_the_body(place: str, side: Side, how: str) -> None:
    """Wherever it stands: exactly the bytes before its point."""
    assume((side, place, how) != ("before", "headers", "end"))
    point = Place(place).point(PLAN, side)
    plan = applied(PLAN, Cut(how, **{side: place}))  # type: ignore[arg-type]
    size = sum(len(frame.raw) for frame in PLAN.frames[: max(0, point.frame)]) + point.offset
    assert plan.body == PLAN.body[:size]
    assert plan.frames[: max(0, point.frame)] == PLAN.frames[: max(0, point.frame)]


@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(SIDES), st.integers(1, 9)), max_size=5))
@settings(deadline=None, max_examples=150)
def test_stalls_change_no_byte(stalls: list[tuple[str, Side, int]]) -> None:
    """However many there are: the same body in the same frames, and every second of them is waited."""
    plan = applied(PLAN, *(Stall(time, **{side: place}) for place, side, time in stalls))  # type: ignore[arg-type]
    assert plan.body == PLAN.body
    assert [frame.raw for frame in plan.frames if frame.raw] == [frame.raw for frame in PLAN.frames]
    assert plan.head.wait + total_wait(plan.frames) == sum(time for _, _, time in stalls)
    assert all(list(frame.splits) == sorted(frame.splits, key=lambda each: each.offset) for frame in plan.frames)
    assert all(0 < split.offset < len(frame.raw) for frame in plan.frames for split in frame.splits)


def test_recorded_streams_are_cut_at_any_byte_as_they_are(recorded_streams: list[Path]) -> None:
    """A cut of a real stream is its beginning, byte for byte; a stall in it changes nothing but the time."""
    for path in recorded_streams[::9]:
        plan = recorded_plan(path)
        data = path.read_bytes()
        for count in (0, 1, len(data) // 3, len(data) // 2, len(data) - 1, len(data)):
            cut = applied(plan, Cut("reset", at=f"byte {count}"))
            assert cut.body == data[:count]
            assert len(cut.frames) == point_at_byte(plan, count).frame + bool(point_at_byte(plan, count).offset)
            assert applied(plan, Stall(1, at=f"byte {count}")).body == data
        for place in list(Cut(at="end").places(plan))[:40]:
            index = place.spot(plan).frame
            assert applied(plan, Cut("fin", at=place)) == Plan(HEAD, plan.frames[:index], Ending.FIN)
            assert applied(plan, Cut("fin", after=place)) == Plan(HEAD, plan.frames[: index + 1], Ending.FIN)
