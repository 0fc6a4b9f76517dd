"""A long exchange read back part by part is what it is read at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.plan import Head
from streamlab.files import read_back as module
from streamlab.files.cassette_output import CassetteOutput, Mode
from streamlab.files.read_back import read_back

STREAM = Head(200, (("content-type", "text/event-stream"), ("x", "body: |")))
FRAME = b'event: a\ndata: {"text":"  body: |"}\n\n'
REQUEST = Request(body=b'{"a":"\\n  body: |\\n"}')
CASES = {
    "frames": [FRAME] * 50,
    "several in a read": [FRAME * 3, FRAME[:5], FRAME[5:] + FRAME * 2, FRAME[:-1], b"\n"] * 10,
    "one byte a read": [FRAME[at : at + 1] for at in range(len(FRAME))] * 3,
    "no text": [b"\xff\x00" * 100] * 5,
    "nothing": [],
}


@pytest.mark.parametrize("piece", [10, 300, 1 << 20])
@pytest.mark.parametrize("pieces", CASES.values(), ids=CASES)
def test_the_parts_are_the_whole(pieces: list[bytes], piece: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However large the parts are."""
    monkeypatch.setattr(module, "_PIECE", piece)
    reads = tuple(Read(data, at / 10) for at, data in enumerate(pieces))
    made = Exchange(
        request=REQUEST, head=STREAM, reads=reads, ended=Ended.FIN, first=0.5, ended_at=9.0, recorded="2026-01-01T00:00:00Z"
    )
    output = CassetteOutput(tmp_path / "a.yaml", Mode.ONCE)
    spans = [output.writer.append(each) for each in (made, replace(made, head=None, reads=(), first=None))]
    first, *rest = read_back(output.writer.path, spans[0])
    assert isinstance(first, Exchange)
    assert replace(first, reads=tuple(each for each in rest if isinstance(each, Read))) == output.writer.exchange(spans[0])
    assert list(read_back(output.writer.path, spans[1])) == [output.writer.exchange(spans[1])]
    output.close(2)
