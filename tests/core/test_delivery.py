"""Which events were lost with the bytes that were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core.delivery import Recent, Sent, events_lost

EVENT = b'event: content_block_delta\ndata: {"type":"content_block_delta"}\n\n'
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "lost", "expected"),
    [
        ([], 0, 0),
        ([], 10, 0),
        ([(100, 1), (100, 1), (100, 1)], 0, 0),
        ([(100, 1), (100, 1), (100, 1)], 100, 1),
        ([(100, 1), (100, 1), (100, 1)], 101, 2),
        ([(100, 1), (100, 1), (100, 1)], 300, 3),
        ([(100, 1), (100, 1), (100, 1)], 9999, 3),
        ([(100, 0), (100, 2)], 150, 2),
    ],
)
def test_a_write_of_which_nothing_is_kept_counts_for_nothing_if_it_came_in_part(
    sent: list[tuple[int, int]], lost: int, expected: int
) -> None:
    """It is lost as a whole, from the end."""
    assert events_lost([Sent(0.0, *each) for each in sent], lost, Recent()) == expected


@pytest.mark.parametrize(
    ("data", "events", "arrived", "kept"),
    [
        (HEAD + CHUNK * 3, 3, len(HEAD), 0),
        (HEAD + CHUNK * 3, 3, len(HEAD) + len(CHUNK) - 3, 0),
        (HEAD + CHUNK * 3, 3, len(HEAD) + len(CHUNK) - 2, 1),
        (HEAD + CHUNK * 3, 3, len(HEAD) + 2 * len(CHUNK), 2),
        (PING + EVENT + PING + EVENT, 2, len(PING + EVENT + PING), 1),
        (b": comment\n\n" + EVENT + EVENT, 2, len(b": comment\n\n" + EVENT), 1),
        (EVENT.replace(b"\n", b"\r\n") * 2, 2, len(EVENT) + 3, 1),
        (b"\x1f\x8b compressed", 5, 8, 0),
        (EVENT * 3, 1, len(EVENT) * 2, 1),
    ],
)
def test_the_events_in_the_first_part_of_a_write_are_counted(data: bytes, events: int, arrived: int, kept: int) -> None:
    """Whole events that are no pings, and never more than the write had; what is compressed tells of none."""
    for more in range(3):  # writes after it, of which nothing came
        sent = [Sent(0.0, len(data), events), *[Sent(0.0, len(EVENT), 1)] * more]
        lost = len(data) - arrived + more * len(EVENT)
        assert events_lost(sent, lost, Recent([data, *[EVENT] * more])) == events - kept + more


def test_what_was_written_last_is_kept_within_bounds() -> None:
    """A few MiB of it, or one write that is larger; of what is older nothing is known, so that it counts for nothing."""
    large = EVENT * (3 * 2**20 // len(EVENT))
    sizes = [[len(each) for each in reversed(Recent(writes))] for writes in ([EVENT] * 3, [large] * 9, [EVENT, large * 3])]
    assert sizes == [[len(EVENT)] * 3, [len(large)] * 2, [3 * len(large)]]
    assert list(reversed(Recent([b"", EVENT, b""]))) == [EVENT]
    sent = [Sent(0.0, len(large), len(large) // len(EVENT))] * 9
    recent = Recent([large] * 9)
    assert events_lost(sent, 2 * len(large) - len(EVENT), recent) == 2 * sent[0].events - 1
    assert events_lost(sent, 3 * len(large) - len(EVENT), recent) == 3 * sent[0].events


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.data())
def test_more_lost_bytes_are_never_fewer_lost_events(counts: list[int], data: st.DataObject) -> None:
    """From none to all, without a step back."""
    writes = [CHUNK * count + PING for count in counts]
    sent = [Sent(0.0, len(each), count) for each, count in zip(writes, counts, strict=True)]
    total = sum(map(len, writes))
    first, second = sorted(data.draw(st.tuples(st.integers(0, total), st.integers(0, total))))
    recent = Recent(writes)
    assert events_lost(sent, 0, recent) == 0
    assert events_lost(sent, first, recent) <= events_lost(sent, second, recent) <= sum(counts)
    assert events_lost(sent, total, recent) == sum(counts)
