"""Tests of redaction: what is a secret, and what only looks a little like one."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core.redaction import REDACTED, redact_headers, redact_text

API_KEY = "sk-ant-api03-AbC_d-9" + "x" * 80
TOKEN = "sk-ant-oat01-" + "Zz0_" * 20
OTHER_KEY = "sk-proj-" + "a1B2" * 12


@pytest.mark.parametrize(
    "name",
    [
        *("authorization", "Authorization", "proxy-authorization", "cookie", "Set-Cookie"),
        *("x-api-key", "X-API-KEY", "api-key", "x-goog-api-key", "x-auth-token", "x-amz-security-token"),
        *("anthropic-organization-id", "anthropic-workspace-id"),
    ],
)
def test_secret_headers_go_by_name(name: str) -> None:
    """Their value is taken out whatever it is, in any case of the name, which stays as it came."""
    assert redact_headers(((name, "anything"),)) == ((name, REDACTED),)


def test_other_headers_stay_but_for_the_keys_in_them() -> None:
    """Order and repeats are kept."""
    headers = (("x-a", "1"), ("x-b", f"key={API_KEY};v=2"), ("x-a", "2"), ("request-id", "req_011CYEXr8tVywV7AFBGxgYh2"))
    assert redact_headers(headers) == (("x-a", "1"), ("x-b", f"key={REDACTED};v=2"), *headers[2:])


@pytest.mark.parametrize(
    "secret",
    [
        API_KEY,
        TOKEN,
        OTHER_KEY,
        "sk-ant-abcd",
        "sk-" + "a1" * 10,
        "wrkspc_01AbCdEfGh",
        "ghp_" + "a1B2" * 9,
        "github_pat_" + "11AB_cd" * 6,
        "AKIAIOSFODNN7EXAMPLE",
        "AIza" + "Sy_-a1B2" * 5,
        "ya29." + "a0_-Bc" * 6,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    ],
)
@pytest.mark.parametrize(
    "around", ["{}", '{{"key": "{}"}}', "key={}&beta=true", "Bearer {}", "use {}, please", "x_{}/y", "({})\n"]
)
def test_keys_are_found_wherever_they_stand(secret: str, around: str) -> None:
    """In a body, in a query, in prose: the key goes and nothing else does."""
    assert redact_text(around.format(secret)) == around.format(REDACTED)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_bearer_token_of_any_shape_is_found(scheme: str) -> None:
    """The scheme stays, so that one sees what it was."""
    assert redact_text(f'"authorization: {scheme} abc.DEF~123+/=="') == f'"authorization: {scheme} {REDACTED}"'


@pytest.mark.parametrize("end", ["\n-----END RSA PRIVATE KEY-----", ""])
def test_a_private_key_goes_whole(end: str) -> None:
    """One that is cut off goes to the end of the text."""
    assert redact_text(f"a\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK{end}") == f"a\n{REDACTED}"


@pytest.mark.parametrize(
    "text",
    [
        "risk-assessment-for-our-customers",
        "a task-force-of-20-people-in-total",
        "sk-learn-is-a-library-for-learning",
        "Bearer certificates are bonds",
        "the bearer: nobody",
        "msg_01XFDUDYJgAACzvnptvVoYEL toolu_01A09q90qw90lq917835lq9 req_011CYEXr8tVywV7AFBGxgYh2",
        "sk-ant-",
        "sk-ant- is how a key begins",
        "eyJ",
        "streamlab-dummy-key",
        "",
    ],
)
def test_words_are_no_keys(text: str) -> None:
    """Prose, and the API's own ids, stay as they are."""
    assert redact_text(text) == text


def test_no_text_takes_long() -> None:
    """Half a megabyte made to be slow is done in no time; with a shape that looks far ahead it takes minutes."""
    pieces = (
        "sk-",
        "-sk-ant",
        "sk-a",
        "Bearer ",
        "bearer x",
        "-eyJ",
        "eyJabcdefghijkl.",
        "-----BEGIN PRIVATE KEY-----",
        "AKIA",
    )
    program = (
        f"from streamlab.core.redaction import redact_text\nfor each in {pieces!r}: redact_text(each * (500_000 // len(each)))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@given(st.text(), st.text())
def test_no_key_survives_between_any_texts(before: str, after: str) -> None:
    """Whatever stands around it; only a letter or digit before it makes it part of another word."""
    cut = before.rstrip("".join(chr(code) for code in range(128) if chr(code).isalnum()))
    assert API_KEY not in redact_text(f"{cut}{API_KEY}{after}")


@given(st.text())
def test_what_is_clean_stays_clean(text: str) -> None:
    """Redacting twice is redacting once."""
    assert redact_text(redact_text(text)) == redact_text(text)
