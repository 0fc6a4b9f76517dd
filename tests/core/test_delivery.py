"""Which events were lost with the bytes that were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core.delivery import Sent, events_lost

EVENT = b'event: content_block_delta\ndata: {"type":"content_block_delta"}\n\n'
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "lost", "last", "expected"),
    [
        ([], 0, b"", 0),
        ([], 10, b"", 0),
        ([(100, 1), (100, 1), (100, 1)], 0, EVENT, 0),
        ([(100, 1), (100, 1), (100, 1)], 100, EVENT, 1),
        ([(100, 1), (100, 1), (100, 1)], 101, EVENT, 2),
        ([(100, 1), (100, 1), (100, 1)], 300, EVENT, 3),
        ([(100, 1), (100, 1), (100, 1)], 9999, EVENT, 3),
        ([(100, 0), (100, 2)], 150, EVENT, 2),
    ],
)
def test_a_write_that_came_in_part_counts_for_nothing(
    sent: list[tuple[int, int]], lost: int, last: bytes, expected: int
) -> None:
    """What was sent before the last write is lost write by write, from the end."""
    assert events_lost([Sent(0.0, *each) for each in sent], lost, last) == expected


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
def test_the_events_in_the_first_part_of_the_last_write_are_counted(data: bytes, events: int, arrived: int, kept: int) -> None:
    """Whole events that are no pings, and never more than the write had; what is compressed tells of none."""
    assert events_lost([Sent(0.0, len(data), events)], len(data) - arrived, data) == events - kept


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.data())
def test_more_lost_bytes_are_never_fewer_lost_events(counts: list[int], data: st.DataObject) -> None:
    """From none to all, without a step back."""
    writes = [CHUNK * count + PING for count in counts]
    sent = [Sent(0.0, len(each), count) for each, count in zip(writes, counts, strict=True)]
    total = sum(map(len, writes))
    first, second = sorted(data.draw(st.tuples(st.integers(0, total), st.integers(0, total))))
    assert events_lost(sent, 0, writes[-1]) == 0
    assert events_lost(sent, first, writes[-1]) <= events_lost(sent, second, writes[-1]) <= sum(counts)
    assert events_lost(sent, total, writes[-1]) == sum(counts)
