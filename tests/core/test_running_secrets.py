"""Secrets in a text that grows: the beginning of each is known for one, whatever has come of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core import redaction
from streamlab.core.running_secrets import RunningSecrets

SECRETS = {
    "sk-ant-api03-x1_Y": 0,
    "sk-" + "a1-" * 8: 0,
    "wrkspc_01AbCdEfGh": 0,
    **{f"gh{kind}_" + "a1B2" * 9: 0 for kind in "pousr"},
    "github_pat_" + "11AB_cd" * 6: 0,
    "AKIAIOSFODNN7EXAMPLE": 0,
    "AIza" + "Sy_-a1B2" * 5: 0,
    "ya29." + "a0_-Bc" * 6: 0,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N": 0,
    "Bearer abc.DEF~123+/==": 7,
    "authorization: Basic dXNlcjpwYXNz==": 21,
    "postgres://me:pa55,w\u00f6rd@": 11,
    "-----BEGIN PRIVATE KEY-----\nMIIEow+/=\n-----END PRIVATE KEY-----": 0,
    "-----BEGIN EC PRIVATE KEY-----\\nMIIE\\n-----END EC PRIVATE KEY-----": 0,
}
"""Texts with a secret, and where it begins in each."""
EXACT = "gateway{key}0123456789"


@pytest.mark.parametrize(
    "before", ["", "so ", "x" * 20 + " ", "(", 'a"', "\\n", "\\u000a", "key=", "caf\u00e9\n", "-" * 40 + "_"]
)
@pytest.mark.parametrize("text", SECRETS)
def test_what_has_come_of_a_secret_is_its_beginning(text: str, before: str) -> None:
    """Up to its last character, wherever it stands; when it is whole it is found."""
    secrets, start = RunningSecrets(), SECRETS[text]
    for size in range(start + 1, len(text)):
        assert secrets.opening(before + text[:size]) <= len(before) + start
    spans = secrets.spans(before + text + " ")
    assert spans[0][0] == len(before) + start
    assert secrets.opening(before + text + '",') == len(before + text) + 2


def test_every_shape_is_known() -> None:
    """One that is added to the list of secrets is to be added here."""
    assert all(any(each in text for text in SECRETS) for each in redaction._TRIGGERS)
    for text in SECRETS:
        assert redaction.redact_text(text) != text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello there",
        "tas",
        "risk-averse-people",
        "a.b.c",
        "Bearer ",
        "https://",
        "https://example.com/x:b",
        "a sk- b",
        "-----BEGIN CERTIFICATE-----\nMII",
        "QUJDRA" * 500,
        "caf\u00e9" * 500,
        "-------",
    ],
)
def test_words_begin_nothing(text: str) -> None:
    """Nor do long ones, nor what is written already and may stay."""
    assert RunningSecrets().opening(f"{text} ") == len(text) + 1
    if text != "-------":
        assert RunningSecrets().opening(text) == len(text)


def test_only_what_is_asked_for_is_looked_at() -> None:
    """What stands before it says what it is, no more."""
    secrets = RunningSecrets(["cust_[0-9]+"])
    text = "sk-ant-abcd cust_1 risk-ant-abcd cust_2"
    assert secrets.spans(text) == [(0, 11), (12, 18), (33, 39)]
    assert secrets.spans(text, 1) == [(12, 18), (33, 39)]
    assert secrets.spans(text, 21) == [(33, 39)]
    assert secrets.opening("sk-ant-abcd", 1) == 11 - 10
    assert RunningSecrets().opening("sk-ant-abcd", 1) == 11


@pytest.mark.parametrize(
    ("pattern", "is_text"),
    [
        (re.escape(EXACT), True),
        ("gateway-key", True),
        (r"a\.b", True),
        (r"a\d", False),
        ("a.b", False),
        ("a+", False),
        ("(?i)abc", False),
        (re.compile("abc", re.IGNORECASE), False),
    ],
)
def test_a_pattern_without_an_expression_is_a_text(pattern: str | re.Pattern[str], is_text: bool) -> None:  # noqa: FBT001
    """Of which the beginning is known; of another nothing is, and some hundred characters are held back."""
    text = "x " * 300
    assert RunningSecrets([pattern]).opening(text) == (600 if is_text else 344)


@given(st.text(alphabet="ab"), st.text(alphabet="ab", min_size=1))
def test_the_beginning_of_a_text_is_found_at_its_first_place(text: str, secret: str) -> None:
    """However it repeats itself."""
    ends = [at for at in range(len(text)) if len(text) - at < len(secret) and secret.startswith(text[at:])]
    assert RunningSecrets([secret]).opening(text) == min(ends, default=len(text))


def test_secrets_that_overlap_are_one() -> None:
    """And what stands for one is never looked at again."""
    secrets = RunningSecrets([r"key \S+", "\\w+", "x*"])
    assert secrets.spans("key sk-ant-abcd") == [(0, 15)]
    assert secrets.spans("a [redacted] b") == [(0, 1), (13, 14)]
    assert RunningSecrets(["sk-ant-abcd.ef"]).spans("sk-ant-abcd.ef") == [(0, 14)]
