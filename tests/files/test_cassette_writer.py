"""Tests of writing cassettes: what was finished is never lost or damaged, whatever happens to the recorder or the disk."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cassettes import ASKED, EXCHANGE, READS, STREAM, TEXT, numbered, text, written
from streamlab.core.exchange import Ended, Exchange, Read
from streamlab.errors import ScenarioError, ServerError, StreamlabError
from streamlab.files.cassette import Cassette
from streamlab.files.cassette_text import HEADER
from streamlab.files.cassette_writer import CassetteWriter, recover, write_all

TESTS = Path(__file__).parent
LEFT = replace(EXCHANGE, ended=Ended.INTERRUPTED, ended_at=None)


def record(writer: CassetteWriter, exchange: Exchange = EXCHANGE) -> None:
    """Record an exchange as it arrives."""
    pending = writer.begin(exchange.request, exchange.recorded)
    assert exchange.head is not None
    pending.head(exchange.head, exchange.first)
    for each in exchange.reads:
        pending.read(each)
    pending.end(exchange.ended, exchange.ended_at)
    pending.append()


def leave(path: Path, reads: tuple[Read, ...] = READS) -> Path:
    """Leave a spool beside a cassette, as a killed recorder does; return it."""
    with CassetteWriter(path, mode="append") as writer:
        pending = writer.begin(ASKED, EXCHANGE.recorded)
        pending.head(STREAM, EXCHANGE.first)
        for each in reads:
            pending.read(each)
        pending.close()
        return pending.path


def names(folder: Path) -> list[str]:
    """Return the names of all files in a folder."""
    return sorted(each.name for each in folder.iterdir())


def test_a_new_cassette_is_written_exchange_by_exchange(tmp_path: Path) -> None:
    """In the order in which they end; only the owner can read any of it."""
    path = tmp_path / "cassettes" / "c.yaml"
    with CassetteWriter(path, mode="new") as writer:
        assert path.read_text() == HEADER
        first, second = writer.begin(ASKED), writer.begin(numbered(2).request, EXCHANGE.recorded)
        assert {each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {0o600}
        second.head(STREAM, 0.4123)
        for each in READS:
            second.read(each)
        second.end(Ended.COMPLETE, 1.23)
        span = second.append()
        assert writer.exchange(span) == numbered(2)
        first.end(Ended.REFUSED)
        refused = writer.exchange(first.append())
        assert (refused.head, refused.ended, refused.reads) == (None, Ended.REFUSED, ())
        assert refused.recorded is not None
        assert len(refused.recorded) == len("2026-11-21T06:30:00.000Z")
        assert names(path.parent) == ["c.yaml"]
    assert list(Cassette(path)) == [numbered(2), refused]
    assert next((each.start, each.end, each.line) for each in Cassette(path).spans) == (span.start, span.end, span.line)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "before", ["", HEADER, text([numbered(1)]), text([numbered(1)]).removesuffix("\n"), text([numbered(1)]) + "\n# mine\n"]
)
def test_exchanges_are_appended_to_what_is_there(tmp_path: Path, before: str) -> None:
    """Which stays as it is, to the byte."""
    path = written(tmp_path, before)
    had = [numbered(1)] if "number" in before else []
    with CassetteWriter(path, mode="append") as writer:
        spans = [writer.append(numbered(2)), writer.append(numbered(3))]
        assert [writer.exchange(span) for span in spans] == [numbered(2), numbered(3)]
    assert list(Cassette(path)) == [*had, numbered(2), numbered(3)]
    assert list(Cassette(path).spans[len(had) :]) == spans
    assert path.read_text().startswith(before or HEADER)
    assert (writer.recovered, writer.reports) == ([], [])


def test_a_missing_cassette_can_be_appended_to(tmp_path: Path) -> None:
    """It is made; through a link as well."""
    (tmp_path / "link.yaml").symlink_to(tmp_path / "c.yaml")
    with CassetteWriter(tmp_path / "link.yaml", mode="append") as writer:
        record(writer)
    assert list(Cassette(tmp_path / "c.yaml")) == [EXCHANGE]
    assert names(tmp_path) == ["c.yaml", "link.yaml"]


@pytest.mark.parametrize(
    ("content", "mode", "kind", "expected"),
    [
        (
            "x",
            "new",
            ScenarioError,
            (
                "{}: the file is there already\n"
                "  hint: --mode new keeps what it has and appends; --mode all records everything anew"
            ),
        ),
        (
            "reply: Hello.\n",
            "append",
            ScenarioError,
            (
                "{}:1:1: this is a scenario, not a cassette\n"
                "  hint: streamlab serve answers from either; what reads cassettes takes no scenario"
            ),
        ),
        (
            f"{HEADER}---\nrequest: {{}}\n---\n{TEXT}",
            "append",
            ScenarioError,
            (
                "{}:5:1: this exchange is cut off in its request\n"
                "  hint: only the last one can be cut off by a recording that was: mend it, or take it out"
            ),
        ),
    ],
)
def test_nothing_is_overwritten(tmp_path: Path, content: str, mode: str, kind: type[StreamlabError], expected: str) -> None:
    """What is no cassette, or not to be touched, stays as it is."""
    path = written(tmp_path, content)
    with pytest.raises(kind) as caught:
        CassetteWriter(path, mode=mode)  # type: ignore[arg-type]
    assert str(caught.value) == expected.format(path)
    assert path.read_text() == content
    assert names(tmp_path) == ["c.yaml"]


@pytest.mark.parametrize(
    ("name", "mode", "expected"),
    [
        ("folder", "append", "{}: this is a folder, not a cassette\n  hint: name a file in it"),
        ("file/c.yaml", "new", "{}: cannot be written: Not a directory"),
        ("file/c.yaml", "append", "{}: cannot be written: Not a directory"),
        ("x" * 300, "new", "{}: cannot be written: File name too long"),
    ],
)
def test_what_cannot_be_written_is_an_error(tmp_path: Path, name: str, mode: str, expected: str) -> None:
    """One clear message."""
    (tmp_path / "folder").mkdir()
    written(tmp_path, "", "file")
    path = f"{tmp_path}/{name}"
    with pytest.raises(StreamlabError) as caught:
        CassetteWriter(path, mode=mode)  # type: ignore[arg-type]
    assert str(caught.value) == expected.format(path)


def test_one_recorder_at_a_time(tmp_path: Path) -> None:
    """The second is told so, and the first goes on."""
    path = tmp_path / "c.yaml"
    with CassetteWriter(path, mode="new") as writer:
        for start in (lambda: CassetteWriter(path, mode="append"), lambda: recover(path)):
            with pytest.raises(ServerError) as caught:
                start()
            assert str(caught.value) == (
                f"{path}: another streamlab is recording into this cassette\n"
                "  hint: wait for it to end, or record into another file"
            )
        record(writer)
    with CassetteWriter(path, mode="append") as writer:
        record(writer)
    assert list(Cassette(path)) == [EXCHANGE, EXCHANGE]
    writer.close()
    with pytest.raises(ValueError, match="the cassette is closed"):
        writer.append(EXCHANGE)


def test_a_cut_off_exchange_is_kept_aside(tmp_path: Path) -> None:
    """The cassette is whole again; nothing is thrown away, not even the second time."""
    whole, rest = text([numbered(1)]), "---\n" + TEXT[:300]
    path = written(tmp_path, whole + rest)
    for name in ("c.yaml.cut-off", "c.yaml.cut-off-2"):
        path.write_text(whole + rest)
        with CassetteWriter(path, mode="append") as writer:
            record(writer)
        assert writer.reports == [
            (
                f"{path}: line 29: the last exchange is cut off in its answer; it is left out; "
                f"what there is of it is kept in {name}"
            )
        ]
        assert (tmp_path / name).read_text() == rest
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        assert list(Cassette(path)) == [numbered(1), EXCHANGE]


def test_what_a_killed_recorder_left_is_taken_in(tmp_path: Path) -> None:
    """In the order in which it began; how it ended is said."""
    path = tmp_path / "c.yaml"
    spool = leave(path)
    before = spool.read_bytes()
    assert recover(path) == [f"{path}: an exchange that was interrupted, 125 bytes of its answer, from .c.yaml.part-1"]
    assert list(Cassette(path)) == [LEFT]
    assert names(tmp_path) == ["c.yaml"]
    assert recover(path) == []
    spool.write_bytes(before + b"ended_at: 2\nended: fin\n")
    assert recover(path) == [f"{path}: an exchange that had ended, from .c.yaml.part-1"]
    assert list(Cassette(path)) == [LEFT, replace(EXCHANGE, ended=Ended.FIN, ended_at=2.0)]


def test_an_exchange_is_not_taken_in_twice(tmp_path: Path) -> None:
    """A recorder may be killed after it appended one, and before it took the spool away."""
    path = tmp_path / "c.yaml"
    spool = leave(path)
    spool.write_bytes(spool.read_bytes() + b"ended: fin\n")
    data = spool.read_bytes()
    with CassetteWriter(path, mode="append") as writer:
        record(writer)
    assert len(Cassette(path)) == 2
    spool.write_bytes(data)
    assert recover(path) == []
    assert len(Cassette(path)) == 2
    assert names(tmp_path) == ["c.yaml"]


@pytest.mark.parametrize(
    ("content", "report", "is_left"),
    [
        (b"", None, False),
        (b"request:\n  method: PO", "{}: .c.yaml.part-1 does not hold a whole request; it is left there", True),
        (
            b"request: {}\n#- request\nresponse:\n  status: 200\n#- head\n  body: |\n    soon x\n",
            (
                "{}: .c.yaml.part-1 cannot be read and is left there: {}:5:5: response.body: "
                "a line begins with the time at which it "
                "came, with - or with +, not with 'soon'\n"
                '  hint: a line is such as: 0.1302 message_stop {{"type":"message_stop"}}'
            ),
            True,
        ),
    ],
)
def test_a_spool_that_cannot_be_read_is_reported_and_left(
    tmp_path: Path,
    content: bytes,
    report: str | None,
    is_left: bool,  # noqa: FBT001
) -> None:
    """One that holds nothing is no loss."""
    path = written(tmp_path, text([EXCHANGE]))
    spool = written(tmp_path, content, ".c.yaml.part-1")
    with CassetteWriter(path, mode="append") as writer:
        assert writer.recovered == []
        assert writer.reports == ([report.format(path, spool)] if report else [])
        record(writer)
    assert spool.exists() == is_left
    assert list(Cassette(path)) == [EXCHANGE, EXCHANGE]


def test_a_new_cassette_takes_nothing_from_an_old_one_of_its_name(tmp_path: Path) -> None:
    """What an earlier recording left is kept under another name."""
    path = tmp_path / "c.yaml"
    data = leave(path).read_bytes()
    path.unlink()
    with CassetteWriter(path, mode="new") as writer:
        assert writer.reports == [f"{path}: an earlier recording left an exchange, which is kept in c.yaml.left"]
    assert list(Cassette(path)) == []
    assert (tmp_path / "c.yaml.left").read_bytes() == data


@pytest.mark.parametrize("how", ["delete", "replace"])
def test_a_cassette_that_went_away_is_missed(tmp_path: Path, how: str) -> None:
    """What is recorded then is kept in the spool, and in the cassette of that name next time."""
    path = tmp_path / "c.yaml"
    with CassetteWriter(path, mode="new") as writer:
        record(writer)
        path.unlink() if how == "delete" else write_all(path, [])
        with pytest.raises(ServerError) as caught:
            record(writer)
    assert str(caught.value) == (
        f"{path}: the cassette is no longer there: it was moved, replaced or deleted\n"
        "  hint: what was recorded since is kept beside it, and is taken in when this cassette is next recorded into"
    )
    recover(path)
    assert list(Cassette(path)) == [EXCHANGE]


def test_a_whole_cassette_replaces_another_at_once(tmp_path: Path) -> None:
    """For its owner alone; if it fails, what was there is as it was."""
    path = written(tmp_path, "something else")
    path.chmod(0o644)

    def failing() -> Iterator[Exchange]:
        yield EXCHANGE
        raise ScenarioError("no more")

    with pytest.raises(ScenarioError, match="no more"):
        write_all(path, failing())
    assert (path.read_text(), names(tmp_path)) == ("something else", ["c.yaml"])
    write_all(path, (numbered(number) for number in range(3)))
    assert path.read_text() == text([numbered(number) for number in range(3)])
    assert (path.stat().st_mode & 0o777, names(tmp_path)) == (0o600, ["c.yaml"])
    with pytest.raises(ServerError) as caught:
        write_all(path / "x.yaml", [])
    assert str(caught.value) == f"{path}/x.yaml: cannot be written: Not a directory\n  hint: what was there is as it was"


@contextmanager
def limited(size: int) -> Iterator[None]:
    """Let no file grow beyond this size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_takes_nothing_from_the_cassette(tmp_path: Path) -> None:
    """It is as it was before; the exchange is kept beside it with its ending, and taken in later."""
    path = written(tmp_path, text([numbered(1)]))
    with CassetteWriter(path, mode="append") as writer:
        with limited(path.stat().st_size + 100), pytest.raises(ServerError) as caught:
            record(writer)
        hint = "what it lacks is kept beside it, and is taken in when it is next recorded into"
        assert str(caught.value) == f"{path}: cannot be written: File too large\n  hint: {hint}"
        assert path.read_text() == text([numbered(1)])
        record(writer, numbered(2))
    assert recover(path) == [f"{path}: an exchange that had ended, from .c.yaml.part-1"]
    assert list(Cassette(path)) == [numbered(1), numbered(2), EXCHANGE]


def test_a_full_disk_keeps_what_had_arrived(tmp_path: Path) -> None:
    """What could not be kept is not passed over: the exchange is one that was interrupted."""
    path = tmp_path / "c.yaml"
    with CassetteWriter(path, mode="new") as writer:
        pending = writer.begin(ASKED, EXCHANGE.recorded)
        pending.head(STREAM, 0.4123)
        for each in READS:
            pending.read(each)
        size = pending.path.stat().st_size
        hint = "what came before is kept, and is taken into the cassette when it is next recorded into"
        with limited(size + 5):
            for act in (lambda: pending.read(Read(b"event: x\ndata: y\n\n")), lambda: pending.end(Ended.COMPLETE)):
                with pytest.raises(ServerError) as caught:
                    act()
                assert str(caught.value) == f"{pending.path}: cannot be written: File too large\n  hint: {hint}"
        with pytest.raises(ServerError):
            pending.read(READS[0])
        assert pending.path.stat().st_size == size
    recover(path)
    assert list(Cassette(path)) == [LEFT]


def test_a_full_disk_leaves_no_empty_cassette(tmp_path: Path) -> None:
    """A header that cannot be written is no cassette, and no reason to refuse the next try."""
    path = tmp_path / "c.yaml"
    with limited(10), pytest.raises(ServerError, match="cannot be written: File too large"):
        CassetteWriter(path, mode="new")
    assert names(tmp_path) == []
    with limited(10), pytest.raises(ServerError, match="cannot be written: File too large"):
        write_all(path, [])
    assert names(tmp_path) == []


def test_what_is_cut_off_is_not_cut_away_before_it_is_kept(tmp_path: Path) -> None:
    """On a full disk the cassette stays as it is."""
    path = written(tmp_path, text([numbered(1)]) + "---\n" + TEXT[:300])
    with limited(100), pytest.raises(ServerError) as caught:
        CassetteWriter(path, mode="append")
    assert str(caught.value) == f"{path}: cannot be mended: File too large"
    assert path.read_text() == text([numbered(1)]) + "---\n" + TEXT[:300]


def test_a_folder_that_went_away_is_an_error(tmp_path: Path) -> None:
    """No exchange can begin."""
    path = tmp_path / "folder" / "c.yaml"
    with CassetteWriter(path, mode="new") as writer:
        shutil.rmtree(path.parent)
        with pytest.raises(ServerError) as caught:
            writer.begin(ASKED)
    assert str(caught.value) == f"{path.parent}/.c.yaml.part-1: cannot be written: No such file or directory"


KILLED = """
    import itertools, sys
    from cassettes import STREAM, numbered
    from streamlab.core.exchange import Ended, Read
    from streamlab.files.cassette_writer import CassetteWriter
    told, enough = 0, int(sys.argv[2])
    with CassetteWriter(sys.argv[1], mode="append") as writer:
        print("ready", flush=True)
        for number in itertools.count():
            pending = writer.begin(numbered(number).request)
            pending.head(STREAM, 0.1)
            for index in range(number % 40):
                pending.read(Read(b"event: x\\ndata: " + b"y" * (index * 37 % 5000) + b"\\n\\nevent: part", index / 100))
                pending.read(Read(b"ial\\ndata: z\\n\\n", index / 100))
                print(number, index, flush=True)
                told += 1
                if told >= enough:
                    sys.stdin.read()
            pending.end(Ended.COMPLETE)
            pending.append()
            print(number, "done", flush=True)
            told += 1
"""


@pytest.mark.slow
def test_a_killed_recorder_loses_nothing(tmp_path: Path) -> None:
    """At many moments: each exchange that had ended is intact, and of the last one all that had arrived is there."""
    lots = random.Random(7)
    interrupted = 0
    for attempt in range(20):
        path = tmp_path / f"{attempt}.yaml"
        lines = lots.randrange(1, 400)
        enough = lines if attempt % 2 else 1_000_000  # every other one waits in the middle of an exchange to be killed
        command = [sys.executable, "-c", textwrap.dedent(KILLED), str(path), str(enough)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(TESTS)}
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            for _ in range(lines):
                process.stdout.readline()
            process.kill()
            rest = process.stdout.read().split(b"\n")
        done = max((int(line.split()[0]) + 1 for line in rest if line.endswith(b"done")), default=0)
        whole = Cassette(path)
        recover(path)
        cassette = Cassette(path)
        assert cassette.cut_off is None
        found = list(cassette)
        assert len(found) >= max(len(whole), done)
        interrupted += found[-1].ended == Ended.INTERRUPTED
        for number, each in enumerate(found):
            assert each.request == numbered(number).request
            is_last = number == len(found) - 1
            assert each.ended == Ended.COMPLETE or (is_last and each.ended == Ended.INTERRUPTED)
            assert len(each.reads) == 2 * (number % 40) or each.ended == Ended.INTERRUPTED
        told = [line.split() for line in rest if len(line.split()) == 2 and int(line.split()[0]) == len(found) - 1]
        reads = [2 * int(what) + 2 for _, what in told if what != b"done"]
        assert len(found[-1].reads) >= max(reads, default=0)
        assert names(tmp_path) == sorted(f"{each}.yaml" for each in range(attempt + 1))
    assert interrupted >= 10
