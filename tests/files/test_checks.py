"""Checking files: what is looked at, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamlab.cli import main
from streamlab.core.authoring import message
from streamlab.core.exchange import Request
from streamlab.core.identity import generator
from streamlab.core.sse import Frame
from streamlab.errors import ScenarioError
from streamlab.files.checks import check_source
from streamlab.files.library import scenario_names

EXPECTED = {
    "bom": ["framing"],
    "bytes-after-stop": ["cut-off"],
    "comments-and-retry": ["framing"] * 3,
    "crlf": [*["framing"] * 2, "ping-text", *["framing"] * 10],
    "cut-before-message-stop": ["unfinished"],
    "cut-inside-tool-input": ["unfinished", "cut-off"],
    "cut-inside-utf8": ["no-event", "unfinished", "encoding"],
    "cut-mid-text": ["unfinished"],
    "delta-before-start": ["order", "index", "order"],
    "done-sentinel": ["no-event"],
    "duplicated-events": ["repeated"] * 3,
    "ends-without-message-stop": ["unfinished"],
    "huge-frame": ["padding"],
    "interleaved-blocks": ["order", "index", "index", "index", "index", "order", "index"],
    "invalid-utf8": ["encoding"],
    "malformed-json": ["no-event"],
    "missing-start": ["order"],
    "out-of-order-blocks": ["index", "index"],
    "reset-mid-stream": ["unfinished"],
    "stall-before-first-token": ["unfinished"],
    "stall-mid-stream": ["unfinished"],
    "truncated-json-frame": ["no-event"],
    "unknown-block": ["unknown-block"],
    "unknown-delta": ["unknown-delta"],
    "unknown-event": ["unknown-event"],
}
"""What is wrong with the shipped scenarios that show something wrong."""


def frames() -> tuple[Frame, ...]:
    """Return the frames of a sound stream."""
    body = {"model": "claude-sonnet-4-6", "messages": [], "stream": True}
    return message("Hello there.").plan(Request(body=json.dumps(body).encode()), generator(0)).frames


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Give a recorded stream without its end."""
    path = tmp_path / "broken.sse"
    path.write_bytes(b"".join(frame.raw for frame in frames()[:-1]))
    return path


@pytest.mark.parametrize("name", scenario_names())
def test_the_library_has_its_expected_findings(name: str) -> None:
    """None, but for what a scenario is there to show."""
    assert [each.finding.rule for each in check_source(name)] == EXPECTED.get(name, [])


def test_every_reply_of_every_rule_is_checked(tmp_path: Path) -> None:
    """Answers that are no streams are passed over; a rule's model is the one that is asked for."""
    path = tmp_path / "some.yaml"
    path.write_text(
        "rules:\n"
        "- name: one\n  when: {call: 1}\n  replies: [Fine., {error: overloaded}, {events: [message_start]}]\n"
        "- name: two\n  when: {model: claude-x}\n  reply: {events: [message_start, message_delta, message_stop, ping]}\n"
    )
    found = [(each.rule, each.reply, each.finding.rule) for each in check_source(str(path))]
    assert found == [("one", 3, "unfinished"), ("two", 1, "ping-outside")]


def test_a_folder_is_checked_file_by_file(broken: Path) -> None:
    """Each finding names the file that it is in."""
    (broken.parent / "fine.yaml").write_text("reply: Fine.")
    assert [each.file for each in check_source(str(broken.parent))] == [str(broken)]


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """As everywhere."""
    with pytest.raises(ScenarioError, match="there is no such file"):
        list(check_source(str(tmp_path / "none.sse")))


def test_a_fault_without_a_place_is_an_error_of_its_file(tmp_path: Path) -> None:
    """A scenario of several is told from the others."""
    path = tmp_path / "a.yaml"
    path.write_text("streamlab: 1\nabout: x\nseed: 4\nreply: {text: Hi., faults: [{drop: every ping}]}\n")
    with pytest.raises(ScenarioError, match=r"/a\.yaml: faults\.0\.drop: the answer has no ping"):
        list(check_source(str(path)))


def test_a_finding_says_where_why_and_how_the_api_behaves(broken: Path) -> None:
    """Two lines for people."""
    (found,) = check_source(str(broken))
    count = sum(frame.type != "ping" for frame in frames()) - 1
    assert str(found) == (
        f"{broken}: 'broken' reply 1: event {count}: the stream ends here; expected message_stop or error "
        "[unfinished, illegal]\n"
        "  the API: every stream ends with message_stop, or with an error event"
    )


def test_the_command_prints_findings_and_exits_with_1(broken: Path) -> None:
    """One JSON object a line if asked."""
    result = CliRunner().invoke(main, ["check", str(broken), "--json"])
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    said = json.loads(line)
    assert (said["file"], said["rule"], said["finding"], said["grade"]) == (str(broken), "broken", "unfinished", "illegal")
    assert set(said) == {"file", "rule", "reply", "event", "frame", "finding", "grade", "found", "expected", "fact"}


def test_the_command_is_silent_about_a_clean_file() -> None:
    """But for one line; exit code 0."""
    result = CliRunner().invoke(main, ["check", "hello", "tool-use"])
    assert (result.exit_code, result.output) == (0, "findings: 0\n")


def test_each_file_that_cannot_be_read_is_named(broken: Path, tmp_path: Path) -> None:
    """With what was found in the others; exit code 2."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("repli: x\n")
    result = CliRunner().invoke(main, ["check", str(wrong), str(broken), "no-such", "--illegal"])
    assert result.exit_code == 2
    assert "findings: 1\n" in result.stdout
    assert [line[:60] for line in result.stderr.splitlines() if line.startswith("streamlab: ")] == [
        f"streamlab: {wrong}:1:1: repli"[:60],
        "streamlab: there is no file and no shipped scenario 'no-such'"[:60],
    ]


def test_what_was_never_seen_can_be_left_out(tmp_path: Path) -> None:
    """A recording of another provider may be legal and still unlike the API."""
    path = tmp_path / "odd.sse"
    path.write_bytes(b"".join(frame.raw for frame in frames()).replace(b'"type":', b'"type": ', 1))
    assert CliRunner().invoke(main, ["check", str(path)]).exit_code == 1
    assert CliRunner().invoke(main, ["check", str(path), "--illegal"]).exit_code == 0
