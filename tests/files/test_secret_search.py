"""Tests of the search for secrets in a cassette: which lines are found, and that nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from cassettes import TEXT, written
from streamlab.files.cassette_text import HEADER
from streamlab.files.secret_search import secret_lines

KEY = "sk-ant-api03-abcdefghij0123456789"
SECRETS = {
    "in a body": f'    0.1 ping {{"text":"{KEY}"}}',
    "after an escaped line end": f'    0.1 ping {{"text":"here:\\n{KEY}"}}',
    "a secret header": '  - [x-api-key, "abc"]',
    "in quotes": "  - ['Cookie', session]",
    "as a mapping": "    authorization: abc",
    "in another header": f"  - [x-forwarded, {KEY}]",
    "in the query": "  query: api_key=abc",
    "in the query of a header": '  - [location, "/x?api_key=abc&b=1"]',
}
HARMLESS = {
    "redacted": '  - [x-api-key, "[redacted]"]',
    "redacted, plain": "    authorization: [redacted]",
    "a key of JSON": '    "token": "abc",',
    "a harmless header": "  - [anthropic-ratelimit-tokens-limit, 1000]",
    "a harmless query": "  query: beta=true",
    "a redacted query": "  query: api_key=[redacted]",
    "a redacted query in a header": '  - ["location", "/x?api_key=[redacted]&b=1"]',
    "words": "    0.1 ping risk-assessment-for-all-customers",
}


@pytest.mark.parametrize("line", SECRETS.values(), ids=SECRETS)
def test_a_secret_is_found_in_its_line(tmp_path: Path, line: str) -> None:
    """Its number is that of an editor; the lines around it are not found."""
    path = written(tmp_path, HEADER + "---\n" + TEXT + line + "\n" + TEXT)
    assert list(secret_lines(path)) == [3 + 1 + TEXT.count("\n") + 1]


@pytest.mark.parametrize("line", HARMLESS.values(), ids=HARMLESS)
def test_what_is_no_secret_is_not_found(tmp_path: Path, line: str) -> None:
    """Nor what has been taken out already."""
    assert list(secret_lines(written(tmp_path, HEADER + "---\n" + TEXT + line + "\n"))) == []


def test_the_users_own_patterns_are_looked_for(tmp_path: Path) -> None:
    """Those of the cassette's header."""
    path = written(tmp_path, "a\ncust_17\nb cust_9\n")
    assert list(secret_lines(path, ["cust_[0-9]+"])) == [2, 3]


@pytest.mark.parametrize("listed", ['redact: ["hunter2", cust_1]', "redact:\n- hunter2\n- 'cust_1'", "redact:\n  - cust_1"])
def test_the_list_of_patterns_is_no_secret(tmp_path: Path, listed: str) -> None:
    """Elsewhere in the header they are, and so is what is shaped like a key among them."""
    header = f"streamlab: 1\nkind: cassette\nabout: cust_1\n{listed}\n"
    rest = f"note: cust_1\n---\nrequest: cust_1\n{KEY}"
    end = header.count("\n")
    assert list(secret_lines(written(tmp_path, header + rest), ["cust_1", "hunter2"])) == [3, end + 1, end + 3, end + 4]
    assert list(secret_lines(written(tmp_path, f"redact:\n- {KEY}\n---\n"))) == [2]


def test_a_long_file_is_searched_piece_by_piece(tmp_path: Path) -> None:
    """Secrets are found in every piece, and on its last line, whose end is beyond it."""
    lines = [b"x" * 99] * 30_000
    lines[0] = lines[10_485] = lines[20_000] = KEY.encode()
    assert list(secret_lines(written(tmp_path, b"\n".join(lines)))) == [1, 10_486, 20_001]
