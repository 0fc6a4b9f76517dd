"""Tests of pacing: what is read from a pace, and when each frame is due."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core.events import PING
from streamlab.core.identity import generator
from streamlab.core.pacing import INSTANT, KEEP_ALIVE, Pace, lead_in, parse_pace, schedule, silence
from streamlab.core.plan import Head, Plan
from streamlab.core.sse import Frame, Split
from streamlab.errors import ScenarioError

A, B, C, D = (Frame(f"event: ping\ndata: {name}\n\n".encode()) for name in "abcd")
HINT = "write instant, recorded, recorded x10, 50/s, or {first: 400ms, rate: 50/s, jitter: 20%, seed: 7}"
RATE_HINT = "write 50/s, 30/m or a number of events a second"
SHARE_HINT = "write 20% or a number from 0 to 1"


def due(*frames: Frame, pace: Pace = INSTANT, seed: int = 0) -> list[tuple[float, Frame]]:
    """Return the schedule of frames, times rounded so that sums of floats compare."""
    plan = Plan(Head(), frames)
    return [(round(time, 9), frame) for time, frame in schedule(plan, pace, Random(seed))]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("instant", Pace()),
        ("recorded", Pace(speed=1.0)),
        ("recorded x10", Pace(speed=10.0)),
        ("recorded x 0.5", Pace(speed=0.5)),
        ("recordedx2", Pace(speed=2.0)),
        ("50/s", Pace(rate=50.0)),
        ("30/m", Pace(rate=0.5)),
        ("2.5 / s", Pace(rate=2.5)),
        ({}, Pace()),
        ({"first": "400ms"}, Pace(first=0.4)),
        ({"rate": 20}, Pace(rate=20.0)),
        ({"rate": 0.5, "jitter": 0.1}, Pace(rate=0.5, jitter=0.1)),
        ({"first": 2, "rate": "50/s", "jitter": "20%", "seed": 7}, Pace(first=2.0, rate=50.0, jitter=0.2, seed=7)),
    ],
)
def test_a_pace_is_read_from_a_text_or_a_mapping(written: object, expected: Pace) -> None:
    """Every form of the language gives its pace."""
    assert parse_pace(written) == expected


@pytest.mark.parametrize(
    ("written", "key", "text"),
    [
        ("fast", (), f"'fast' is not a pace\n  hint: {HINT}"),
        ("0/s", (), f"'0/s' is not a pace\n  hint: {HINT}"),
        ("50/h", (), f"'50/h' is not a pace\n  hint: {HINT}"),
        ("recorded x0", (), f"'recorded x0' is not a pace\n  hint: {HINT}"),
        ("recorded x-1", (), f"'recorded x-1' is not a pace\n  hint: {HINT}"),
        (50, (), f"50 is not a pace\n  hint: {HINT}"),
        (None, (), f"None is not a pace\n  hint: {HINT}"),
        (
            {"frist": 1},
            ("frist",),
            "frist: a pace has no key 'frist'\n  hint: did you mean 'first'? expected one of: first, jitter, rate, seed",
        ),
        (
            {"speed": 2},
            ("speed",),
            "speed: a pace has no key 'speed'\n  hint: did you mean 'seed'? expected one of: first, jitter, rate, seed",
        ),
        (
            {"first": "soon"},
            ("first",),
            "first: 'soon' is not a length of time\n  hint: write 400ms, 2s, 1m, 1h or a number of seconds",
        ),
        ({"rate": "fast"}, ("rate",), f"rate: 'fast' is not a rate\n  hint: {RATE_HINT}"),
        ({"rate": 0}, ("rate",), f"rate: 0 is not a rate\n  hint: {RATE_HINT}"),
        ({"rate": -1}, ("rate",), f"rate: -1 is not a rate\n  hint: {RATE_HINT}"),
        ({"rate": True}, ("rate",), f"rate: True is not a rate\n  hint: {RATE_HINT}"),
        ({"rate": float("nan")}, ("rate",), f"rate: nan is not a rate\n  hint: {RATE_HINT}"),
        ({"rate": float("inf")}, ("rate",), f"rate: inf is not a rate\n  hint: {RATE_HINT}"),
        ({"rate": 1e-9}, ("rate",), f"rate: 1e-09 is not a rate\n  hint: {RATE_HINT}"),
        ({"jitter": "200%"}, ("jitter",), f"jitter: '200%' is not a share\n  hint: {SHARE_HINT}"),
        ({"jitter": -0.1}, ("jitter",), f"jitter: -0.1 is not a share\n  hint: {SHARE_HINT}"),
        ({"jitter": True}, ("jitter",), f"jitter: True is not a share\n  hint: {SHARE_HINT}"),
        ({"seed": "x"}, ("seed",), "seed: a whole number is expected, not 'x'"),
        ({"seed": True}, ("seed",), "seed: a whole number is expected, not True"),
    ],
)
def test_what_is_no_pace_is_an_error(written: object, key: tuple[str, ...], text: str) -> None:
    """The error names the key at fault and says what to write."""
    with pytest.raises(ScenarioError) as caught:
        parse_pace(written)
    assert (caught.value.key, str(caught.value)) == (key, text)


def test_a_speed_that_no_float_holds_is_no_pace() -> None:
    """So many digits would be infinitely fast."""
    with pytest.raises(ScenarioError, match="is not a pace"):
        parse_pace("recorded x" + "9" * 400)


def test_instant_is_all_at_once() -> None:
    """Nothing waits at the pace that is the default."""
    assert due(A, B, C) == [(0.0, A), (0.0, B), (0.0, C)]


def test_a_rate_spreads_the_frames_from_the_first() -> None:
    """The first frame goes out with the head; each other one comes a gap later."""
    assert due(A, B, C, pace=Pace(rate=4.0)) == [(0.0, A), (0.25, B), (0.5, C)]


def test_a_rate_ignores_recorded_times() -> None:
    """Recorded times count only where they are asked for."""
    frames = (Frame(b"a", recorded=3.0), Frame(b"b", recorded=9.0))
    assert [time for time, _ in due(*frames, pace=Pace(rate=2.0))] == [0.0, 0.5]
    assert [time for time, _ in due(*frames)] == [0.0, 0.0]


@pytest.mark.parametrize(("speed", "expected"), [(1.0, [0.5, 0.5, 2.5]), (10.0, [0.05, 0.05, 0.25]), (0.5, [1.0, 1.0, 5.0])])
def test_recorded_times_are_kept_so_many_times_as_fast(speed: float, expected: list[float]) -> None:
    """The first frame's own time counts too: it is the time to the first token."""
    frames = (Frame(b"a", recorded=0.5), Frame(b"b", recorded=0.5), Frame(b"c", recorded=2.5))
    assert [time for time, _ in due(*frames, pace=Pace(speed=speed))] == expected


def test_a_recorded_time_that_runs_backwards_waits_for_nothing() -> None:
    """The frames after it keep their own times."""
    frames = (Frame(b"a", recorded=1.0), Frame(b"b", recorded=0.5), Frame(b"c", recorded=1.5))
    assert [time for time, _ in due(*frames, pace=Pace(speed=1.0))] == [1.0, 1.0, 1.5]


def test_frames_without_a_recorded_time_follow_at_once() -> None:
    """A fault's own frame in a recording waits for nothing, and shifts nothing."""
    frames = (Frame(b"a", recorded=1.0), B, Frame(b"c", recorded=2.0))
    assert [time for time, _ in due(*frames, pace=Pace(speed=1.0))] == [1.0, 1.0, 2.0]


def test_a_recording_gets_no_pings_that_it_does_not_have() -> None:
    """A replay is byte for byte, however long its silences are."""
    frames = (Frame(b"a", recorded=0.0), Frame(b"b", recorded=100.0))
    assert due(*frames, pace=Pace(speed=1.0)) == [(0.0, frames[0]), (100.0, frames[1])]
    assert due(*frames, pace=Pace(speed=0.1)) == [(0.0, frames[0]), (1000.0, frames[1])]


@pytest.mark.parametrize("pace", [Pace(), Pace(speed=1.0), Pace(speed=100.0), Pace(rate=2.0), Pace(rate=2.0, jitter=0.5)])
def test_a_stall_lasts_as_long_at_every_pace(pace: Pace) -> None:
    """The wait of a frame comes on top of its gap, is not sped up, and carries no ping."""
    calm = (Frame(b"a", recorded=0.0), Frame(b"b", recorded=1.0), Frame(b"c", recorded=2.0))
    stalled = (calm[0], Frame(b"b", recorded=1.0, wait=60.0), calm[2])
    before, after = due(*calm, pace=pace), due(*stalled, pace=pace)
    assert [round(late - early, 6) for (early, _), (late, _) in zip(before, after, strict=True)] == [0.0, 60.0, 60.0]


def test_a_wait_before_the_first_frame_counts() -> None:
    """The head goes out, and then the silence begins."""
    assert due(Frame(b"a", wait=2.0), B) == [(2.0, Frame(b"a", wait=2.0)), (2.0, B)]


def test_what_follows_a_split_frame_waits_for_its_pieces() -> None:
    """The waits inside a frame delay the frames after it."""
    split = Frame(b"abcd", splits=(Split(1, 0.5), Split(2), Split(3, 1.0)))
    assert due(split, B) == [(0.0, split), (1.5, B)]


def test_recorded_pieces_of_a_frame_come_when_they_came() -> None:
    """At the pace of the recording, so many times as fast; what follows does not come before them."""
    frame = Frame(b"abcd", recorded=1.0, splits=(Split(1, recorded=1.5), Split(3, recorded=4.0)))
    later = Frame(b"z", recorded=5.0)
    for speed in (1.0, 2.0):
        (first, timed), (last, _) = schedule(Plan(Head(), (frame, later)), Pace(speed=speed), Random(0))
        assert [split.wait for split in timed.splits] == [0.5 / speed, 2.5 / speed]
        assert (first, last) == (1.0 / speed, 5.0 / speed)
        assert (timed.raw, [split.offset for split in timed.splits]) == (b"abcd", [1, 3])


def test_recorded_pieces_come_at_once_at_any_other_pace() -> None:
    """Their times count only where they are asked for."""
    frame = Frame(b"abcd", recorded=1.0, splits=(Split(1, recorded=1.5),))
    for pace in (INSTANT, Pace(rate=2.0)):
        assert list(schedule(Plan(Head(), (frame,)), pace, Random(0))) == [(0.0, frame)]


def test_a_stall_between_recorded_pieces_is_added_to_their_times() -> None:
    """Inside a frame too, and a recorded time that runs backwards waits for nothing."""
    frame = Frame(b"abcd", recorded=1.0, wait=5.0, splits=(Split(1, 7.0), Split(2, 9.0, recorded=2.0), Split(3, recorded=1.5)))
    (first, timed), (last, _) = schedule(Plan(Head(), (frame, Frame(b"z", recorded=2.5))), Pace(speed=1.0), Random(0))
    assert (first, [split.wait for split in timed.splits]) == (6.0, [7.0, 10.0, 0.0])
    assert last == 6.0 + 17.0 + 0.5


def test_pings_of_a_gap_go_with_a_frame_that_is_joined() -> None:
    """What comes in one chunk comes with the pings that a rate puts before it, so that none stands between."""
    joined = Frame(b"b", joined=True)
    timed = list(schedule(Plan(Head(), (A, joined)), Pace(rate=1 / 40), Random(0)))
    assert [(time, frame.joined) for time, frame in timed] == [(0.0, False), (15.0, True), (30.0, True), (40.0, True)]


def test_joined_frames_are_due_like_others() -> None:
    """It is the script that waits for the last of them."""
    joined = Frame(b"b", wait=2.0, joined=True)
    assert due(A, joined, C) == [(0.0, A), (2.0, joined), (2.0, C)]


def test_the_wait_of_a_head_is_no_wait_of_a_frame() -> None:
    """Frames are timed from the head, however late it comes."""
    assert list(schedule(Plan(Head(wait=9.0), (A,)), INSTANT, Random(0))) == [(0.0, A)]


@pytest.mark.parametrize(
    ("head", "pace", "seconds"),
    [
        (Head(), Pace(first=0.4), 0.4),
        (Head(wait=9.0), Pace(first=0.4, speed=1.0), 0.4),
        (Head(recorded=3.0), INSTANT, 0.0),
        (Head(recorded=3.0), Pace(speed=2.0), 1.5),
        (Head(recorded=3.0), Pace(first=0.5, speed=1.0), 3.5),
        (Head(recorded=-1.0), Pace(speed=1.0), 0.0),
    ],
)
def test_the_head_is_due_when_the_pace_says(head: Head, pace: Pace, seconds: float) -> None:
    """After the wait of the pace, and after the time that was recorded if that is asked for."""
    assert lead_in(Plan(head), pace) == seconds


def test_jitter_varies_each_gap_within_its_share() -> None:
    """Gaps differ, none leaves the share around the even one, and the first frame is not moved."""
    times = [time for time, _ in due(*[A] * 50, pace=Pace(rate=10.0, jitter=0.2, seed=7))]
    gaps = [late - early for early, late in pairwise(times)]
    assert times[0] == 0.0
    assert all(0.08 - 1e-9 <= gap <= 0.12 + 1e-9 for gap in gaps)
    assert len({round(gap, 6) for gap in gaps}) > 40


def test_a_seed_fixes_the_jitter() -> None:
    """With a seed it depends on nothing else; without one, on the answer's own generator."""
    seeded, loose = Pace(rate=10.0, jitter=0.2, seed=7), Pace(rate=10.0, jitter=0.2)
    assert due(A, B, C, pace=seeded, seed=1) == due(A, B, C, pace=seeded, seed=2)
    assert due(A, B, C, pace=seeded) != due(A, B, C, pace=Pace(rate=10.0, jitter=0.2, seed=8))
    assert due(A, B, C, pace=loose, seed=1) == due(A, B, C, pace=loose, seed=1)
    assert due(A, B, C, pace=loose, seed=1) != due(A, B, C, pace=loose, seed=2)
    lots = generator(7, "jitter")
    assert due(A, B, pace=seeded)[1][0] == round((1 + 0.2 * lots.uniform(-1, 1)) / 10, 9)


def test_a_long_gap_of_a_rate_carries_pings() -> None:
    """A ping comes after each `KEEP_ALIVE` of silence; the frame itself comes when it is due."""
    assert [(time, frame.raw) for time, frame in due(A, B, pace=Pace(rate=1 / 40))] == [
        (0.0, A.raw),
        (15.0, PING.raw),
        (30.0, PING.raw),
        (40.0, B.raw),
    ]


@pytest.mark.parametrize(
    ("length", "pings", "rest"),
    [(0.0, 0, 0.0), (14.9, 0, 14.9), (15.0, 0, 15.0), (15.5, 1, 0.5), (30.0, 1, 15.0), (46.0, 3, 1.0)],
)
def test_a_silence_is_cut_by_pings(length: float, pings: int, rest: float) -> None:
    """No ping stands right before what ends the silence."""
    found, left = silence(length)
    assert [frame.raw for frame in found] == [PING.raw] * pings
    assert [frame.wait for frame in found] == [KEEP_ALIVE] * pings
    assert left == pytest.approx(rest)


@given(st.floats(min_value=0, max_value=1e9))
def test_a_silence_lasts_as_long_as_it_is_long(length: float) -> None:
    """Pings and rest add up to it; even the silence of years has a number of pings that fits in memory."""
    pings, rest = silence(length)
    assert len(pings) <= 10_000
    assert rest >= 0
    assert len(pings) * KEEP_ALIVE + rest == pytest.approx(length)


@given(
    st.lists(st.tuples(st.floats(0, 100), st.none() | st.floats(0, 100)), max_size=8),
    st.sampled_from([Pace(), Pace(rate=3.0, jitter=1.0), Pace(speed=2.0), Pace(rate=0.02)]),
)
def test_no_frame_is_due_before_the_one_ahead_of_it(written: list[tuple[float, float | None]], pace: Pace) -> None:
    """Whatever the times, the frames stay in order, and none is lost."""
    frames = tuple(Frame(b"x", wait=wait, recorded=recorded) for wait, recorded in written)
    timed = list(schedule(Plan(Head(), frames), pace, Random(0)))
    assert [frame for _, frame in timed if frame.raw == b"x"] == list(frames)
    assert all(early <= late for (early, _), (late, _) in pairwise(timed))
