"""Faults of the wire: where sending stops, where it pauses, in which pieces it goes, and that no other byte is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mistakes import DURATION, NO_EVENT, SELECTION, mistake
from plans import BODY, EVENTS, FRAMES, HEAD, NOTHING, PLACES, PLAN, applied, recorded_plan, total_wait

from streamlab.core.actions import Abort, Framing, Wait, script
from streamlab.core.events import PING, encode
from streamlab.core.faults import (
    Change,
    Comment,
    ContentLength,
    CorruptChunk,
    Cut,
    DataLines,
    Drop,
    Duplicate,
    ErrorEvent,
    Fault,
    Gzip,
    Join,
    LineEnd,
    Raw,
    SplitFrames,
    Stall,
    Trailing,
    apply_faults,
)
from streamlab.core.pacing import INSTANT, schedule, silence
from streamlab.core.places import Place, Side, point_at_byte
from streamlab.core.plan import Coding, Ending, Plan
from streamlab.core.sse import Frame, Split
from streamlab.errors import FaultError, PlaceError

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


def test_a_cut_inside_data_of_several_lines_is_at_its_character() -> None:
    """However the JSON is written, what has been sent ends in that character."""
    made = applied(PLAN, DataLines(20), Cut(at="text char 3"))
    assert made.body.endswith(b'"text_delta"\ndata: ,\ndata: "text"\ndata: :\ndata: "One')


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


@pytest.mark.parametrize(
    ("place", "index"),
    [
        ({"before": "event 1"}, 0),
        ({"at": "headers"}, 0),
        ({"after": "event 2"}, 2),
        ({"before": "delta 2"}, 4),
        ({"at": "byte 0"}, 0),
        ({"after": "message_stop"}, 12),
        ({"at": "end"}, 12),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("time", "pings", "rest"), [("16s", 1, 1.0), (30, 1, 15.0), ("40s", 2, 10.0), ("1m", 3, 15.0), (15.5, 1, 0.5)]
)
def test_a_stall_may_carry_pings(time: str | float, pings: int, rest: float, place: dict[str, str], index: int) -> None:
    """One each fifteen seconds, and none right before what ends it: the same objects stand on both sides of it."""
    made = applied(PLAN, Stall(time, pings=True, **place))  # type: ignore[arg-type]
    silence = (*[Frame(PING.raw, wait=15.0)] * pings, Frame(b"", wait=rest))
    assert made == replace(PLAN, frames=(*PLAN.frames[:index], *silence, *PLAN.frames[index:]))
    assert [id(frame) for frame in (*made.frames[:index], *made.frames[index + len(silence) :])] == list(map(id, PLAN.frames))
    assert applied(NOTHING, Stall(time, pings=True, at="end")).frames == silence


def test_a_stall_with_pings_is_sent_as_a_silence_that_is_written_among_the_events() -> None:
    """The same bytes, and the same waits between them."""
    delta = EVENTS[2]
    silent = applied(Plan(HEAD, FRAMES[:3]), Stall("40s", pings=True, before="delta 1"))
    pings, rest = silence(40.0)
    scripted = Plan(HEAD, (*FRAMES[:2], *pings, replace(encode(delta, padding=2), wait=rest)))
    sent = [list(script(plan, schedule(plan, INSTANT, Random(1)), Framing())) for plan in (silent, scripted)]
    assert sent[0] == sent[1]
    assert [action.until for action in sent[0] if isinstance(action, Wait)] == [15.0, 30.0, 40.0]


def test_a_stall_with_pings_comes_after_what_stood_there_and_before_what_is_put_there() -> None:
    """Silences add up; a frame that was joined now begins a chunk; an ending at the same place keeps all of the silence."""
    long = Stall("16s", pings=True, before="delta 2")
    late = applied(PLAN, Stall(2, before="delta 2"), long)
    assert [frame.wait for frame in late.frames[3:7]] == [0.0, 17.0, 1.0, 0.0]
    joined_up = applied(PLAN, Join(["delta 1", "event 5"]), long)
    assert [frame.joined for frame in joined_up.frames[3:8]] == [False, False, False, False, True]
    whole = applied(PLAN, long)
    for ending in (Cut("reset", before="delta 2"), ErrorEvent(before="delta 2"), Stall(before="delta 2")):
        assert applied(PLAN, long, ending).frames[:6] == whole.frames[:6]
    assert applied(PLAN, long, Cut("fin", before="delta 2")).ending is Ending.FIN


NO_EVENTS = "this fault changes the events of a stream; a JSON body has none"


@pytest.mark.parametrize(
    ("plan", "fault", "text"),
    [
        (
            PLAN,
            Stall("1m", pings=True, at="text char 3"),
            "pings: pings cannot stand inside a frame\n  hint: use the place of an event or a delta, or leave pings out",
        ),
        (
            PLAN,
            Stall("1m", pings=True, before="headers"),
            "before: nothing of the body can come before the headers\n  hint: write at: headers",
        ),
        *(
            (
                BODY,
                Stall("1m", pings=True, **{side: place}),  # type: ignore[arg-type]
                f"pings: this answer is no event stream\n  hint: {NO_EVENTS}",
            )
            for side, place in (("at", "end"), ("at", "byte 3"), ("before", "headers"))
        ),
    ],
    ids=str,
)
def test_pings_stand_between_the_events_of_a_stream(plan: Plan, fault: Fault, text: str) -> None:
    """Elsewhere a stall is silent, or an error if it is not to be."""
    with pytest.raises(FaultError) as caught:
        apply_faults(plan, [fault], Random(1))
    assert str(caught.value) == f"faults.0.{text}"


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
@settings(max_examples=150)
def test_a_cut_leaves_a_beginning_of_the_body(place: str, side: Side, how: str) -> None:
    """Wherever it stands: exactly the bytes before its point."""
    assume((side, place, how) != ("before", "headers", "end"))
    point = Place(place).point(PLAN, side)
    plan = applied(PLAN, Cut(how, **{side: place}))  # type: ignore[arg-type]
    size = sum(len(frame.raw) for frame in PLAN.frames[: max(0, point.frame)]) + point.offset
    assert plan.body == PLAN.body[:size]
    assert plan.frames[: max(0, point.frame)] == PLAN.frames[: max(0, point.frame)]


@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(SIDES), st.integers(1, 9)), max_size=5))
@settings(max_examples=150)
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


def test_nothing_is_sent_of_an_answer_that_is_cut_before_its_head() -> None:
    """Its head is there for the journal; a silence that was asked for comes first. What would trail it is gone."""
    for plan in (PLAN, BODY, applied(PLAN, Trailing())):
        made = applied(plan, Stall(2, before="headers"), Cut("reset", before="headers"))
        assert made == Plan(replace(plan.head, wait=2.0, is_sent=False), (), Ending.RESET)
    assert applied(PLAN, Stall(before="headers")).ending is Ending.HANG
    with pytest.raises(FaultError) as caught:
        apply_faults(PLAN, [Cut("end", before="headers")], Random(1))
    assert (caught.value.problem, caught.value.key) == ("an answer cannot end cleanly before its headers", ("faults", 0, "cut"))
    assert caught.value.hint == "use fin or reset, or at: headers"


def test_slow_headers_wait_before_the_head() -> None:
    """No frame waits for it, and several waits add up."""
    made = applied(PLAN, Stall("1s", before="headers"), Stall("2s", before="headers"))
    assert made == replace(PLAN, head=replace(HEAD, wait=3.0))


def test_a_stall_takes_a_frame_out_of_its_chunk() -> None:
    """What is to wait cannot come with what does not; inside a frame the rest is a chunk anyway."""
    plan = applied(PLAN, Join(["event 1", "event 3"]))
    assert [frame.joined for frame in plan.frames[:4]] == [False, True, True, True]
    assert [frame.joined for frame in applied(plan, Stall(1, at="event 2")).frames[:4]] == [False, False, True, True]


def offsets(frame: Frame) -> list[int]:
    """Return where a frame is split."""
    return [split.offset for split in frame.splits]


@pytest.mark.parametrize("every", [1, 7, 50, 10_000])
def test_frames_are_split_every_so_many_bytes(every: int) -> None:
    """Each for itself; one that is not larger is the same object, and JSON is split too."""
    for plan in (PLAN, BODY):
        made = applied(plan, SplitFrames(every, wait="2ms"))
        for old, new in zip(plan.frames, made.frames, strict=True):
            splits = tuple(Split(offset, 0.002) for offset in range(every, len(old.raw), every))
            assert new == replace(old, splits=splits)
            assert splits or new is old


def test_characters_are_split_inside() -> None:
    """After each of their bytes but the last; frames without one are the same objects."""
    plan = replace(PLAN, frames=(*PLAN.frames, encode({"type": "x", "text": "aé…😀"})))
    made = applied(plan, SplitFrames("characters"))
    at = FRAMES[2].raw.index("é".encode())
    assert made.frames[3] == replace(FRAMES[2], splits=(Split(at + 1),))
    start = plan.frames[-1].raw.index(b"a\xc3")
    assert offsets(made.frames[-1]) == [start + offset for offset in (2, 4, 5, 7, 8, 9)]
    assert [index for index, (old, new) in enumerate(zip(plan.frames, made.frames, strict=True)) if old is not new] == [3, 12]
    assert applied(plan, SplitFrames("characters", of="event 12")).frames[:12] == plan.frames[:12]


@pytest.mark.parametrize(("plan", "of"), [(PLAN, "delta 2"), (BODY, "all"), (PLAN, "every ping")])
def test_characters_must_be_there_to_be_split(plan: Plan, of: str) -> None:
    """A test that is to show a split character, and has none, shows nothing."""
    with pytest.raises(FaultError) as caught:
        apply_faults(plan, [SplitFrames("characters", of=of)], Random(1))
    assert caught.value.problem == "no character here has more than one byte"
    assert caught.value.key == ("faults", 0, "split")
    assert caught.value.hint == "characters outside ASCII have several bytes: put one in the text"


def test_a_character_can_be_split_only_where_it_is() -> None:
    """The places of the fault are those."""
    assert [str(place) for place in SplitFrames("characters").places(PLAN)] == ["event 3"]
    assert len(list(SplitFrames(1).places(PLAN))) == 11


def test_splits_keep_the_silences_that_are_there() -> None:
    """Stalls inside a frame, two at one byte too, and recorded times: nothing of them is lost."""
    plan = applied(PLAN, Stall(1, at="byte 9"), Stall(2, at="byte 9"), Stall(4, at="byte 10"))
    made = applied(plan, SplitFrames(3, wait=0.5, of="event 1"))
    size = len(PLAN.frames[0].raw)
    assert total_wait(made.frames) == 7 + 0.5 * len(range(3, size, 3))
    assert offsets(made.frames[0]) == sorted([*range(3, size, 3), 9, 9, 10])
    recorded = Frame(b"0123456789", splits=(Split(4, recorded=1.0), Split(5, recorded=2.0)))
    made = applied(Plan(HEAD, (recorded,)), SplitFrames(4))
    assert made.frames[0].splits == (Split(4), Split(4, recorded=1.0), Split(5, recorded=2.0), Split(8))


def test_what_was_joined_is_split_all_the_same() -> None:
    """The fault that comes last decides."""
    made = applied(PLAN, Join(), SplitFrames(10_000))
    assert [frame.joined for frame in made.frames] == [False] * 12
    made = applied(PLAN, Join(), SplitFrames("characters"))
    assert [frame.joined for frame in made.frames] == [False, True, True, False, *[True] * 8]


def test_frames_are_joined_from_the_first_to_the_last_that_are_named() -> None:
    """Frames between them come along, those around them are the same objects, and no byte changes."""
    assert applied(PLAN, Join()).frames == (PLAN.frames[0], *(replace(frame, joined=True) for frame in PLAN.frames[1:]))
    made = applied(PLAN, Join(["delta 4", "delta 2"]))
    assert [frame.joined for frame in made.frames] == [False] * 5 + [True] * 4 + [False] * 3
    assert made.body == PLAN.body
    assert all(made.frames[index] is PLAN.frames[index] for index in (0, 1, 2, 3, 9, 10, 11))
    assert applied(PLAN, Join("delta 1")) == PLAN
    assert applied(BODY, Join()) == BODY
    assert applied(replace(BODY, frames=()), Join()) == replace(BODY, frames=())
    again = applied(PLAN, Join(), Join("every delta"))
    assert [frame.joined for frame in again.frames] == [False, True, True, False, *[True] * 8]


def test_a_chunk_is_as_late_as_the_last_of_what_is_in_it() -> None:
    """Silences add up, recorded times are those of the last pieces, and no split is left."""
    frames = (
        Frame(b"abc", wait=1.0, recorded=2.0, splits=(Split(1, 0.5), Split(2, recorded=5.0))),
        Frame(b"de", splits=(Split(1, recorded=6.0),)),
        Frame(b"", wait=3.0),
    )
    assert applied(Plan(HEAD, frames), Join()).frames == (
        Frame(b"abc", wait=1.5, recorded=5.0),
        Frame(b"de", recorded=6.0, joined=True),
        Frame(b"", wait=3.0, joined=True),
    )


@pytest.mark.parametrize(
    "place", [{"after": "delta 2"}, {"at": "text char 3"}, {"at": "end"}, {"at": "headers"}, {"at": "byte 200"}], ids=str
)
def test_a_corrupt_chunk_comes_after_all_that_precedes_it(place: dict[str, str]) -> None:
    """The frames are those of a cut, and the line stands behind them."""
    made = applied(PLAN, CorruptChunk("nonsense", **place))  # type: ignore[arg-type]
    cut = applied(PLAN, Cut("fin", **place))  # type: ignore[arg-type]
    assert made == replace(cut, ending=Ending.CORRUPT, trailing=b"nonsense\r\n")


@pytest.mark.parametrize("error", [10, -10, -17])
def test_a_length_is_wrong_by_so_much(error: int) -> None:
    """Of JSON and of a stream, which then comes without chunks; no frame changes, and how the answer ends is not said anew."""
    for plan in (PLAN, BODY):
        made = applied(plan, ContentLength(error))
        head = plan.head.with_headers([("content-length", str(len(plan.body) + error))])
        assert made == replace(plan, head=head)
        assert all(new is old for new, old in zip(made.frames, plan.frames, strict=True))
        assert list(script(made, schedule(made, INSTANT, Random(1)), Framing()))[-1] == Abort(Ending.FIN)
        cut = applied(plan, Cut("reset", at="byte 16"))
        assert applied(cut, ContentLength(5)).ending is Ending.RESET


@pytest.mark.parametrize(
    "later",
    [
        *(
            Drop("delta 1"),
            Duplicate("delta 1"),
            Cut("end", after="delta 1"),
            Cut("end", at="text char 3"),
            Raw("xyz", at="end"),
        ),
        *(Change("delta 1", set={"delta.text": "longer than it was"}), ErrorEvent(after="delta 2"), LineEnd("crlf")),
    ],
    ids=str,
)
@pytest.mark.parametrize("error", [5, -5])
def test_a_wrong_length_stays_wrong_by_so_much_whatever_becomes_of_the_body(error: int, later: Fault) -> None:
    """Written before the fault that changes the body, or after it: the same answer."""
    made = apply_faults(PLAN, [ContentLength(error), later], Random(1))
    assert made.head.get("content-length") == str(len(made.body) + error)
    assert made == apply_faults(PLAN, [later, ContentLength(error)], Random(1))


def test_a_body_that_is_broken_off_lacks_what_its_wrong_length_promised() -> None:
    """The length is that of the body that was to come, and the ending the one asked for."""
    made = apply_faults(PLAN, [ContentLength(5), Cut("reset", after="delta 1")], Random(1))
    assert (made.head.get("content-length"), made.ending) == (str(len(PLAN.body) + 5), Ending.RESET)


@pytest.mark.parametrize(
    ("written", "data"), [("garbage", b"garbage"), (b"\xff", b"\xff"), ("é\ud800", b"\xc3\xa9\xed\xa0\x80")]
)
def test_bytes_trail_the_body(written: str | bytes, data: bytes) -> None:
    """Of JSON, of a stream, of one that ends early; those of two faults come one after the other."""
    for plan in (PLAN, BODY, NOTHING, applied(PLAN, Cut("end", after="delta 1"))):
        assert applied(plan, Trailing(written)) == replace(plan, trailing=data)
    assert applied(PLAN, Trailing("a"), Trailing(written)).trailing == b"a" + data


SIZED = "corrupt_chunk: this body has a length and does not come in chunks\n  hint: use it on a stream, or cut: fin"
ZIPPED = "the body is compressed as it is sent, so that no length of it is known"
ENDS = "take this fault out, or the one before it that ends the answer"
TAKE_OUT = "take one of the two faults out"
LATE = "the body is broken off, so nothing comes after its end"
HEADLESS = "the fault before it ends the answer before the headers: take one of them out"
STATED = "compressed as it is sent, it states no length"
GZIP_FIRST = "write gzip before the fault that breaks the body off, or take one of the two out"
UNDONE = "nothing is left of this fault: 'gzip', which follows, undoes it"
MISSTATED = "the head states a wrong length, after which the connection is closed: nothing comes after the body"
NO_LENGTH = "a body with a wrong length has neither chunks nor an end, which a fault before this one changes"


@pytest.mark.parametrize(
    ("plan", "faults", "text"),
    [
        (
            PLAN,
            (Cut("fin", at="end"), Cut("reset", at="end")),
            f"faults.1: the answer ends here already (fin)\n  hint: {ENDS}",
        ),
        (
            PLAN,
            (Cut("reset", after="delta 1"), Stall(after="delta 1")),
            f"faults.1: the answer ends here already (reset)\n  hint: {ENDS}",
        ),
        (
            PLAN,
            (Stall(2, after="delta 1"), Cut("fin", after="delta 1"), Cut("reset", after="delta 1")),
            f"faults.2: the answer ends here already (fin)\n  hint: {ENDS}",
        ),
        (
            PLAN,
            (Stall(after="message_stop"), CorruptChunk(at="end")),
            f"faults.1: the answer ends here already (hang)\n  hint: {ENDS}",
        ),
        (
            BODY,
            (Cut("fin", at="headers"), Cut("fin", at="headers")),
            f"faults.1: the answer ends here already (fin)\n  hint: {ENDS}",
        ),
        (PLAN, (Gzip(), Gzip()), "faults.1.gzip: the body is compressed already\n  hint: take one of the two out"),
        (
            BODY,
            (CorruptChunk(at="end"),),
            f"faults.0.{SIZED}",
        ),
        (
            PLAN,
            (ContentLength(5), CorruptChunk(at="end")),
            f"faults.1.{SIZED}",
        ),
        (PLAN, (CorruptChunk(at="end"), ContentLength(5)), f"faults.1.content_length: {NO_LENGTH}\n  hint: {TAKE_OUT}"),
        (PLAN, (Trailing(), ContentLength(5)), f"faults.1.content_length: {NO_LENGTH}\n  hint: {TAKE_OUT}"),
        (
            PLAN,
            (Gzip(), ContentLength(5)),
            f"faults.1.content_length: {ZIPPED}\n  hint: take one of the two out",
        ),
        *(
            (
                plan,
                (ContentLength(error), Gzip(how)),
                f"faults.0.content_length: {UNDONE}\n  hint: write it after faults.1, or take one of the two out",
            )
            for plan in (PLAN, BODY)
            for error in (5, -5)
            for how in ("sound", "plain", "bad checksum", "no trailer")
        ),
        (
            BODY,
            (Cut("reset", at="byte 7"), Gzip()),
            f"faults.1.gzip: the head states 18 bytes for a body of 7; {STATED}\n  hint: {GZIP_FIRST}",
        ),
        (
            BODY,
            (ContentLength(-19),),
            "faults.0.content_length: the body has 18 bytes, which is fewer than 19\n  hint: write at least -18",
        ),
        (
            PLAN,
            (CorruptChunk(before="headers"),),
            "faults.0.before: there is no chunk before the headers\n  hint: write at: headers",
        ),
        *(
            (PLAN, (broken, Trailing()), f"faults.1.trailing: {LATE}\n  hint: {TAKE_OUT}")
            for broken in (Cut(at="end"), Stall(after="delta 1"), CorruptChunk(at="end"))
        ),
        (PLAN, (ContentLength(3), Trailing()), f"faults.1.trailing: {MISSTATED}\n  hint: {TAKE_OUT}"),
        *(
            (
                PLAN,
                (Cut("fin", before="headers"), after),
                f"faults.1: nothing is left of the answer for the fault {after.name!r} to change\n  hint: {HEADLESS}",
            )
            for after in (Gzip(), Trailing(), Comment(at="end"), ErrorEvent(before="headers"))
        ),
        (
            PLAN,
            (Stall(before="headers"), Stall("2s", before="headers")),
            f"faults.1: nothing is left of the answer for the fault 'stall' to change\n  hint: {HEADLESS}",
        ),
    ],
    ids=str,
)
def test_two_faults_that_exclude_each_other_are_an_error(plan: Plan, faults: Sequence[Fault], text: str) -> None:
    """It names the second by its number and its name, and says what to do."""
    with pytest.raises(FaultError) as caught:
        apply_faults(plan, faults, Random(1))
    assert str(caught.value) == text


def test_the_line_of_a_corrupt_chunk_goes_with_it() -> None:
    """A fault that ends the answer earlier in another way leaves nothing of it."""
    corrupt = CorruptChunk(after="delta 2")
    for after in (Cut("fin", after="delta 1"), Stall(after="delta 1"), ErrorEvent(after="delta 1")):
        assert applied(PLAN, corrupt, after) == applied(PLAN, after)
    assert applied(PLAN, Trailing("x"), ErrorEvent(after="delta 1")).trailing == b"x"
    assert applied(PLAN, Trailing("x"), Cut("end", after="delta 1")).trailing == b"x"
    assert applied(PLAN, Trailing("x"), Gzip()).coding is Coding.GZIP


def test_recorded_streams_are_sent_in_pieces_as_they_are(recorded_streams: list[Path]) -> None:
    """However they are split or joined, no byte of them changes."""
    for path in recorded_streams[::29]:
        plan = recorded_plan(path)
        for fault in (SplitFrames(1), SplitFrames(100), Join(), Join(["event 1", "event 2"]), ContentLength(), Trailing()):
            assert applied(plan, fault).body == path.read_bytes()


LENGTH = "write how many bytes more, or fewer: 10 or -10"
CUTS, WORDS = "expected one of: end, fin, reset", "write a number of bytes from 1, or characters"
HOW_LONG = "write how long it lasts, for example: stall: 1m, pings: true"
LONGER = "a ping comes every 15 seconds: write a longer time, or leave pings out"
CHUNK = "write a text that is no hexadecimal number, for example: corrupt_chunk: XYZ"


@pytest.mark.parametrize(
    ("written", "problem", "key", "hint"),
    [
        ({"cut": "rest", "at": "end"}, "'rest' is not a way to cut", "cut", f"did you mean 'reset'? {CUTS}"),
        ({"stall": "soon", "at": "end"}, "'soon' is not a length of time", "stall", f"{DURATION}, or forever"),
        ({"stall": "forever", "pings": True, "at": "end"}, "a stall for ever carries no pings", "pings", HOW_LONG),
        *(
            (
                {"stall": value, "pings": True, "at": "end"},
                *(f"a silence of {value!r} is over before its first ping", "pings", LONGER),
            )
            for value in ("15s", 15, 0, "400ms")
        ),
        *(
            ({"stall": "1m", "pings": value, "at": "end"}, f"{value!r} is neither true nor false", "pings", "write pings: true")
            for value in (1, 0, "yes", "15s", None)
        ),
        (
            {"stall": "1m", "ping": True, "at": "end"},
            *("the fault 'stall' has no key 'ping'", "ping", "did you mean 'pings'? expected one of: after, at, before, pings"),
        ),
        *(({"split": value}, f"{value!r} is no size of a piece", "split", WORDS) for value in (0, -1, True, 1.5, "2", None)),
        ({"split": 2, "wait": "forever"}, "'forever' is not a length of time", "wait", DURATION),
        ({"split": 2, "of": 5}, "events are expected, not 5", "of", SELECTION),
        ({"split": 2, "of": "end"}, "'end' names no event", "of", NO_EVENT),
        ({"join": "headers"}, "'headers' names no event", "join", NO_EVENT),
        ({"join": []}, "events are expected, not []", "join", SELECTION),
        *(
            ({"corrupt_chunk": value, "at": "end"}, f"{value!r} corrupts no chunk", "corrupt_chunk", CHUNK)
            for value in ("1f", " 0", "", "abc", "é", 5, None)
        ),
        *(
            ({"content_length": value}, f"{value!r} is no error of a length", "content_length", LENGTH)
            for value in (0, True, 1.5, "10", None)
        ),
        *(
            ({"trailing": value}, f"a text is expected, not {value!r}", "trailing", "for example: trailing: garbage")
            for value in ("", b"", 5, None)
        ),
    ],
    ids=str,
)
def test_a_mistake_is_said_where_it_is_written(written: Mapping[str, Any], problem: str, key: str, hint: str) -> None:
    """The problem, the key as it was written, and what to write."""
    assert mistake(written) == (problem, (key,), hint)
