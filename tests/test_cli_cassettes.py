"""The commands on recordings as a stranger sees them: what is printed where, exit codes, and what is left on the disk."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from streamlab import cli, cli_cassettes
from streamlab.core.exchange import Ended, Exchange, Read, Request
from streamlab.core.plan import Head
from streamlab.files.cassette import Cassette
from streamlab.files.cassette_writer import write_all

GROUP = cli._Commands("streamlab", commands={str(each.name): each for each in cli_cassettes.COMMANDS})
START = b'event: message_start\ndata: {"type":"message_start","message":{"model":"m"}}\n\n'
SSE = START + b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
STREAM = Head(200, (("content-type", "text/event-stream"),))
KEY = "sk-ant-api03-abcdefghijkl"
SCRIPT = (
    "import sys; from streamlab import cli, cli_cassettes as c; [cli.main.add_command(each) for each in c.COMMANDS]; cli.main()"
)


def invoke(*arguments: str | Path) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(GROUP, [str(each) for each in arguments])


def asked(text: str) -> Request:
    """Return a request."""
    body = {"model": "claude-sonnet-4-6", "stream": True, "messages": [{"role": "user", "content": text}]}
    return Request(body=json.dumps(body).encode())


def exchange(text: str = "Hello?", body: bytes = SSE) -> Exchange:
    """Return an exchange."""
    return Exchange(request=asked(text), head=STREAM, reads=(Read(body, 0.1),), first=0.2, ended_at=0.3)


def cassette(path: Path, *exchanges: Exchange) -> Path:
    """Return a cassette."""
    write_all(path, exchanges)
    return path


def vcr(path: Path, *uris: str) -> Path:
    """Return a recording of VCR.py with an answer for each address."""
    lines = ["version: 1", "interactions:"]
    for uri in uris:
        lines += [f"- request: {{method: POST, uri: '{uri}', body: '{{\"model\":\"m\"}}', headers: {{x-api-key: [{KEY}]}}}}"]
        lines += [
            "  response: {status: {code: 200, message: OK}, headers: {content-type: [application/json]}, body: {string: '{}'}}"
        ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


OURS = "https://api.anthropic.com/v1/messages"
FOREIGN = "https://example.com/v1/chat"


def test_import_says_what_came_of_each_file(tmp_path: Path) -> None:
    """The format, what was imported and left out, what was redacted; at the end what is not known, and the sums."""
    a, b = vcr(tmp_path / "a.yaml", OURS, FOREIGN), tmp_path / "b.sse"
    b.write_bytes(SSE)
    out = tmp_path / "new" / "c.yaml"
    found = invoke("import", a, b, "--out", out)
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    assert lines[0] == f"{a}: vcr-yaml, 1 of 2 imported, 1 secret redacted"
    assert lines[1] == f"  left out: interaction 2: POST {FOREIGN} is not a request to the Messages API"
    assert lines[2] == f"{b}: sse, 1 imported"
    assert "not known in 2 files: times: when the bytes of an answer came" in lines
    assert lines[-2:] == ["2 exchanges of 3 imported from 2 files; 1 secret redacted", f"written: {out}"]
    assert len(Cassette(out)) == 2
    assert KEY not in out.read_text(encoding="utf-8")
    assert out.stat().st_mode & 0o777 == 0o600


def test_import_takes_out_what_the_user_calls_secret(tmp_path: Path) -> None:
    """And keeps the pattern in the cassette, so that a request that holds such a text still matches."""
    out, recorded = tmp_path / "out.yaml", vcr(tmp_path / "a.yaml", "https://api.anthropic.com/v1/messages")
    recorded.write_text(recorded.read_text().replace('"m"', '"cust_123"'))
    found = invoke("import", recorded, "--out", out, "--redact", "cust_[0-9]+")
    assert found.exit_code == 0
    assert Cassette(out).request(0).model == "[redacted]"
    assert Cassette(out).header["redact"] == ["cust_[0-9]+"]
    found = invoke("import", recorded, "--out", out, "--force", "--redact", "(")
    assert (found.exit_code, found.stderr.splitlines()[0]) == (
        2,
        "streamlab: --redact: the pattern '(' cannot be read: missing ), unterminated subpattern at column 1",
    )


def test_import_of_a_folder_takes_what_may_be_a_recording(tmp_path: Path) -> None:
    """In it and below, each once; what is none is counted, and named on demand."""
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    (folder / ".git").mkdir()
    vcr(folder / "deep" / "a.yaml", OURS)
    vcr(folder / ".git" / "b.yaml", OURS)
    (folder / "LICENSE").write_text("no recording", encoding="utf-8")
    (folder / "other.yaml").write_text("a: 1", encoding="utf-8")
    cassette(folder / "ours.yaml", exchange())
    out = tmp_path / "c.yaml"
    found = invoke("import", folder, folder / "deep" / "a.yaml", "--out", out, "-v")
    assert found.exit_code == 0, found.output
    assert f"{folder / 'other.yaml'}: ignored: this is none of the formats that can be imported" in found.stdout
    assert "  not known: times: when the bytes of an answer came" in found.stdout
    assert "1 exchange of 1 imported from 1 file; 1 secret redacted; 2 files that are no recording" in found.stdout
    assert "ignored" not in invoke("import", folder, "--out", out, "--force").stdout


def test_import_writes_nothing_if_a_file_has_an_error(tmp_path: Path) -> None:
    """Every error is told; --keep-going leaves those files out."""
    good, bad, worse = vcr(tmp_path / "a.yaml", OURS), tmp_path / "b.json", tmp_path / "c.txt"
    bad.write_text("{", encoding="utf-8")
    worse.write_text("hello", encoding="utf-8")
    out = cassette(tmp_path / "out.yaml", exchange("old"))
    before = out.read_bytes()
    found = invoke("import", bad, good, worse, "--out", out, "--force")
    assert found.exit_code == 2
    assert f"streamlab: {bad}:1:2: not valid JSON" in found.stderr
    assert f"streamlab: {worse}: this is none of the formats" in found.stderr
    assert found.stderr.endswith("nothing is written; --keep-going leaves out the files that have an error\n")
    assert out.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.yaml", "b.json", "c.txt", "out.yaml"]
    found = invoke("import", bad, good, "--out", out, "--force", "--keep-going")
    assert found.exit_code == 1
    assert "1 file with an error" in found.stdout
    assert [each.request.body for each in Cassette(out)] == [b'{"model":"m"}']
    found = invoke("import", bad, "--out", out, "--force", "--keep-going")
    assert (found.exit_code, found.stderr.splitlines()[-1]) == (1, "nothing is written")


def test_import_of_foreign_traffic_alone_is_no_success(tmp_path: Path) -> None:
    """And makes no cassette."""
    out = tmp_path / "c.yaml"
    found = invoke("import", vcr(tmp_path / "a.yaml", *[FOREIGN] * 5), "--out", out)
    assert found.exit_code == 1
    assert "vcr-yaml, 0 of 5 imported: nothing in it is a call of the Messages API" in found.stdout
    assert "  left out: 2 more; --verbose says which" in found.stdout
    assert found.stderr == "nothing is written: there was nothing to import\n"
    assert not out.exists()
    assert invoke("import", tmp_path / "a.yaml", "--out", out, "-v").stdout.count("left out") == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.yaml", "--out", "there.yaml"), "there.yaml: the file is there already\n  hint: --force replaces it"),
        (("a.yaml", "--out", "folder", "--force"), "folder: this is a folder, not a cassette\n  hint: name a file in it"),
        (("a.yml", "--out", "c.yaml"), "a.yml: there is no such file\n  hint: did you mean 'a.yaml'?"),
        (("folder", "--out", "c.yaml"), "folder: no file in this folder is named as a recording"),
        (("no/a.yaml", "--out", "c.yaml"), "no/a.yaml: there is no such file\n  hint: there is no folder 'no' either"),
        (("a.yaml", "--out", "a.yaml/c.yaml"), "a.yaml/c.yaml: cannot be written: Not a directory"),
    ],
)
def test_import_refuses_before_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    """One clear message, and nothing is overwritten."""
    monkeypatch.chdir(tmp_path)
    vcr(Path("a.yaml"), OURS)
    Path("there.yaml").write_text("precious", encoding="utf-8")
    Path("folder").mkdir()
    found = invoke("import", *arguments)
    assert found.exit_code == 2
    assert f"streamlab: {message}" in found.stderr
    assert Path("there.yaml").read_text(encoding="utf-8") == "precious"


def test_import_as_json(tmp_path: Path) -> None:
    """An object for each file, and one for the sums."""
    folder = tmp_path / "in"
    folder.mkdir()
    vcr(folder / "a.yaml", OURS, FOREIGN)
    (folder / "b.json").write_text("{", encoding="utf-8")
    (folder / "c.yaml").write_text("x: 1", encoding="utf-8")
    found = invoke("import", folder, "--out", tmp_path / "c.yaml", "--json", "--keep-going")
    a, b, c, sums = map(json.loads, found.stdout.splitlines())
    assert (a["format"], a["exchanges"], a["imported"], len(a["left_out"]), a["redacted"]) == ("vcr-yaml", 2, 1, 1, 1)
    assert "not valid JSON" in b["error"]
    assert c["ignored"].startswith("this is none of the formats")
    assert (sums["files"], sums["exchanges"], sums["imported"], sums["left_out"], sums["errors"]) == (3, 2, 1, 1, 1)
    assert sums["cassette"] == str(tmp_path / "c.yaml")


def test_show_lists_the_exchanges(tmp_path: Path) -> None:
    """A line for each, and their sums."""
    bad = replace(exchange("x\x1b[31m"), ended=Ended.RESET)
    found = invoke("show", cassette(tmp_path / "c.yaml", exchange(), bad))
    assert found.exit_code == 0
    heading, one, two, sums = found.stdout.splitlines()
    assert heading.split()[:2] == ["no.", "status"]
    assert one.split()[:3] == ["1", "200", "complete"]
    assert two.split()[:3] == ["2", "200", "reset"]
    assert sums.startswith("2 exchanges: 4 events, ")
    objects = [json.loads(line) for line in invoke("show", tmp_path / "c.yaml", "--json").stdout.splitlines()]
    assert [each["ended"] for each in objects] == ["complete", "reset"]


@pytest.mark.parametrize("form", [("c.yaml", "2"), ("c.yaml:2",)])
def test_show_of_an_exchange_is_a_timeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]) -> None:
    """In either way to name it; nothing of the recording reaches the terminal raw."""
    monkeypatch.chdir(tmp_path)
    cassette(Path("c.yaml"), exchange(), exchange(f"x\x1b[31m {KEY}", SSE + b"data: \x1b[2J\x9b\x07\n\n"))
    found = invoke("show", *form)
    assert found.stdout.startswith("exchange 2 of 2 in c.yaml\nrequest   POST /v1/messages\n")
    assert "user      x␛[31m [redacted]" in found.stdout
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", found.output)
    as_json = invoke("show", *form, "--json", "-v").stdout
    assert [json.loads(line).get("type") for line in as_json.splitlines()[1:]] == ["message_start", "message_stop", None]
    assert KEY not in as_json


def test_show_takes_what_can_be_imported(tmp_path: Path) -> None:
    """And says what of it was left out."""
    (tmp_path / "r.sse").write_bytes(SSE)
    assert "message_start" in invoke("show", tmp_path / "r.sse", "1").stdout
    found = invoke("show", vcr(tmp_path / "v.yaml", FOREIGN))
    assert found.stdout == "0 exchanges: 0 events, 0 bytes\n"
    assert found.stderr.startswith(f"streamlab: {tmp_path / 'v.yaml'}: left out: interaction 1: ")


def test_show_says_that_the_last_exchange_is_cut_off(tmp_path: Path) -> None:
    """And shows the others."""
    path = cassette(tmp_path / "c.yaml", exchange(), exchange())
    path.write_bytes(path.read_bytes()[:-20])
    found = invoke("show", path)
    assert found.exit_code == 0
    assert found.stdout.splitlines()[-1].startswith("1 exchange: ")
    assert "the last exchange is cut off" in found.stderr


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.yaml:3", None, "c.yaml: there is no exchange 3: the file has one exchange\n  hint: they are numbered from 1"),
        ("empty.yaml:1", None, "empty.yaml: there is no exchange 1: the file has no exchange"),
        ("d.yaml", None, "d.yaml: there is no such file\n  hint: did you mean 'c.yaml'?"),
        ("b.yaml", b"reply: hi\n", "b.yaml:1:1: this is a scenario, not a cassette"),
        ("b.yaml", b"", "b.yaml:1:1: the file is empty"),
        ("b.yaml", b"streamlab: 9\nkind: cassette\n", "b.yaml:1:1: streamlab: made by a newer streamlab (version 9)"),
        ("b.json", b"{", "b.json:1:2: not valid JSON"),
        (".", None, ".: this is a folder, not a cassette\n  hint: name one of the files in it: c.yaml, empty.yaml"),
        ("x\0y", None, "x\0y: there is no such file"),
        ("x" * 300, None, "x" * 300 + ": cannot be read: File name too long"),
    ],
)
def test_what_cannot_be_shown_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes | None, message: str
) -> None:
    """With what to do about it."""
    monkeypatch.chdir(tmp_path)
    cassette(Path("c.yaml"), exchange())
    cassette(Path("empty.yaml"))
    if content is not None:
        Path(name).write_bytes(content)
    found = invoke("show", name)
    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr.startswith(f"streamlab: {message}")


def test_lines_are_cut_to_the_width(tmp_path: Path) -> None:
    """Of a pipe 140, as asked otherwise; 0 cuts nothing."""
    path = cassette(tmp_path / "c.yaml", exchange("x" * 500))
    assert max(map(len, invoke("show", path, "1").stdout.splitlines())) == 140
    assert max(map(len, invoke("show", path, "1", "--width", "50").stdout.splitlines())) == 50
    assert max(map(len, invoke("show", path, "1", "--width", "0").stdout.splitlines())) == 510


@pytest.mark.parametrize(
    ("arguments", "variable", "has_colors"), [((), "", True), (("--no-color",), "", False), ((), "1", False)]
)
def test_colours_are_for_terminals_that_want_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], variable: str, *, has_colors: bool
) -> None:
    """`--no-color` and `NO_COLOR` switch them off."""
    monkeypatch.setenv("NO_COLOR", variable)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    printed: list[Any] = []
    monkeypatch.setattr(click, "echo", lambda text, **options: printed.append((text, options)))
    runner = CliRunner()
    with runner.isolation():
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        GROUP.main(["show", str(cassette(tmp_path / "c.yaml", exchange())), *arguments], standalone_mode=False)
    assert ("\x1b[2m" in printed[0][0]) == has_colors


def test_diff_finds_nothing_in_the_same(tmp_path: Path) -> None:
    """Exit code 0."""
    path = cassette(tmp_path / "c.yaml", exchange(), exchange("Bye"))
    found = invoke("diff", path, path)
    assert (found.exit_code, found.output) == (0, "no difference in 2 exchanges\n")
    assert invoke("diff", path, path, "--json").output == ""


def test_diff_tells_what_changed(tmp_path: Path) -> None:
    """Exchange by exchange; exit code 1."""
    one = cassette(tmp_path / "a.yaml", exchange(), exchange("Bye"))
    two = cassette(tmp_path / "b.yaml", exchange(), replace(exchange("See\x1b you"), ended=Ended.FIN, first=2.0))
    found = invoke("diff", one, two)
    assert found.exit_code == 1
    assert found.stdout.splitlines() == [
        "exchange 2",
        "  request messages[0].content: Bye → See␛ you",
        "  ended: complete → fin",
        "1 of 2 exchanges differs",
    ]
    assert "timing: time to the head: 200 ms → 2.00 s" in invoke("diff", one, two, "--timing").stdout
    assert "request body, from byte" in invoke("diff", one, two, "2", "--bytes").stdout
    assert [json.loads(line) for line in invoke("diff", one, two, "--json").stdout.splitlines()] == [
        {"exchange": [2, 2], "where": "request messages[0].content", "before": "Bye", "after": "See\x1b you"},
        {"exchange": [2, 2], "where": "ended", "before": "complete", "after": "fin"},
    ]
    assert invoke("diff", one, two, "1").exit_code == 0


def test_diff_pairs_by_what_is_asked_if_there_are_not_as_many(tmp_path: Path) -> None:
    """And tells what only one of them has."""
    one = cassette(tmp_path / "a.yaml", exchange("a"), exchange("b"), exchange("c"))
    two = cassette(tmp_path / "b.yaml", exchange("c"), exchange("a"))
    found = invoke("diff", one, two)
    assert found.stdout.splitlines() == [
        "exchange 2 only in the first: claude-sonnet-4-6, a stream, 1 message: b",
        "1 of 3 exchanges differs",
    ]
    assert invoke("diff", two, one, "--json").stdout == '{"exchange": [null, 2], "only": "second"}\n'
    changed = cassette(tmp_path / "c.yaml", exchange("x"))
    assert "exchange 1\n" in invoke("diff", one, changed).stdout
    assert "exchange 2 and 1\n" in invoke("diff", f"{one}:2", changed).stdout


def test_diff_compares_single_exchanges(tmp_path: Path) -> None:
    """Named after a colon; a file of one exchange needs no number."""
    one = cassette(tmp_path / "a.yaml", exchange("a"), exchange("b"))
    single = cassette(tmp_path / "b.yaml", exchange("b"))
    assert "exchange 1 and 2\n" in invoke("diff", f"{one}:1", f"{one}:2").stdout
    assert invoke("diff", f"{one}:2", single).exit_code == 0
    assert invoke("diff", single, f"{one}:2").exit_code == 0
    assert invoke("diff", f"{one}:2", one).exit_code == 0
    assert "there is no exchange 3" in invoke("diff", f"{one}:3", one).stderr


@pytest.mark.parametrize("name", ["import", "show", "diff"])
def test_each_command_has_examples(name: str) -> None:
    """In its help."""
    found = invoke(name, "--help")
    assert found.exit_code == 0
    assert f"streamlab {name}" in found.stdout.partition("Examples:")[2]


def test_a_reader_that_has_enough_ends_it_quietly(tmp_path: Path) -> None:
    """As `| head -1` does."""
    path = cassette(tmp_path / "c.yaml", *[exchange()] * 3000)
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "show", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        process.wait(20)


def test_ctrl_c_ends_it_quietly(tmp_path: Path) -> None:
    """In the middle of an import, of which nothing is left."""
    pipe = tmp_path / "in.sse"
    os.mkfifo(pipe)
    out = tmp_path / "c.yaml"
    with (
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, "import", str(pipe), "--out", str(out)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process,
        pipe.open("wb") as writer,
    ):  # opens when the command reads
        writer.write(b"event: ping\n")
        writer.flush()
        threading.Event().wait(0.05)
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=20)
    assert (process.returncode, *output) == (130, b"", b"")
    assert [each.name for each in tmp_path.iterdir()] == ["in.sse"]


def test_many_exchanges_are_read_one_by_one(tmp_path: Path) -> None:
    """The first lines come before the last exchange is read: one that cannot be read ends it after those before it."""
    path = cassette(tmp_path / "c.yaml", *[exchange()] * 50)
    text = path.read_text(encoding="utf-8")
    last = text.rindex("message_stop")
    path.write_text(text[:last] + "⟦zz⟧" + text[last:], encoding="utf-8")
    found = invoke("show", path)
    assert found.exit_code == 2
    assert len(found.stdout.splitlines()) == 50
