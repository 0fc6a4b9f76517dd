"""Every recording beside the repository is imported, and what was kept byte for byte comes out byte for byte."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from streamlab.core.exchange import Ended
from streamlab.files.importers import Imported, import_file

STREAMS = Path(__file__).resolve().parents[4] / "shared" / "streams"
NAMES = {
    "vcr-yaml": "vcr-yaml",
    "reqllm-json": "req_llm",
    "har": "har",
    "message-json": "message-json",
    "jsonl-events": "jsonl-events",
    "sse-text": "sse",
}


def rows(name: str) -> list[dict[str, str]]:
    """Return a table of the recordings."""
    with (STREAMS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def recordings() -> dict[str, Imported]:
    """Give what came of each file; skip where the recordings are absent."""
    if not STREAMS.is_dir():
        pytest.skip("the recorded streams are not beside this repository")
    return {row["file"]: import_file(STREAMS / row["file"]) for row in rows("MANIFEST.csv")}


def test_every_file_is_imported_as_what_it_is(recordings: dict[str, Imported]) -> None:
    """None is an error, and none is taken for another format."""
    formats = {row["file"]: NAMES[row["format"]] for row in rows("MANIFEST.csv")}
    assert {file: imported.format for file, imported in recordings.items()} == formats


def test_no_exchange_is_lost(recordings: dict[str, Imported]) -> None:
    """Each one that the table counts is there, or left out with its reason."""
    for row in rows("MANIFEST.csv"):
        imported = recordings[row["file"]]
        assert len(imported.exchanges) + len(imported.skipped) >= int(row["exchanges"]), row["file"]
        assert imported.exchanges or all("is not a request to the Messages API" in each for each in imported.skipped)


def test_bytes_are_exact(recordings: dict[str, Imported]) -> None:
    """The body of each streamed exchange whose bytes were kept has the digest in the table; so do raw streams of any origin."""
    digests = {
        file: {hashlib.sha256(each.body).hexdigest()[:16] for each in made.exchanges} for file, made in recordings.items()
    }
    checked: Counter[str] = Counter()
    for row in rows("EXCHANGES.csv"):
        if row["fidelity"].startswith("wire-exact") or recordings[row["file"]].format == "sse":
            assert row["body_sha256"] in digests[row["file"]], row["file"]
            checked[row["fidelity"]] += 1
    assert checked["wire-exact"] > 300
    assert checked["wire-exact+reads"] > 50


def test_reads_are_kept_where_the_format_has_them(recordings: dict[str, Imported]) -> None:
    """Each read of such a recording holds whole events, as was measured."""
    told = {row["file"]: int(row["reads"]) for row in rows("EXCHANGES.csv") if row["reads"]}
    assert told
    for file, reads in told.items():
        (exchange,) = recordings[file].exchanges
        assert len(exchange.reads) == reads, file
        assert all(read.data.endswith(b"\n\n") and read.at is None for read in exchange.reads)


def test_no_secret_and_no_framing_comes_through(recordings: dict[str, Imported]) -> None:
    """Headers that identify are empty of it; those that frame a body are gone."""
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for imported in recordings.values():
        for exchange in imported.exchanges:
            for name, value in (*exchange.request.headers, *(exchange.head.headers if exchange.head else ())):
                seen[name.lower()].add(value)
    assert not {"content-length", "content-encoding", "transfer-encoding", "connection"} & set(seen)
    for name in ("anthropic-organization-id", "set-cookie", "x-api-key"):
        assert seen[name] == {"[redacted]"}
    assert all(exchange.request.path.startswith("/v1/messages") for each in recordings.values() for exchange in each.exchanges)
    assert all(exchange.request.data for each in recordings.values() for exchange in each.exchanges)


def test_recorded_streams_are_complete(recordings: dict[str, Imported]) -> None:
    """All but the few whose last event was never finished: those end without a blank line."""
    ended = [(each.ended, each.body) for imported in recordings.values() for each in imported.exchanges]
    unknown = [body for how, body in ended if how is not Ended.COMPLETE]
    assert {how for how, _ in ended} <= {Ended.COMPLETE, Ended.UNKNOWN}
    assert len(unknown) < 10
    assert all(body.startswith(b"event:") and not body.endswith(b"\n\n") for body in unknown)
