"""Tests of the environment: what points the SDKs at the mock, and what is taken away so that nothing else does."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from streamlab.core.environment import DUMMY_KEY, environment

URL = "http://127.0.0.1:4010/~test"
LOOPBACK = "127.0.0.1,localhost,::1"
HARMLESS = {"ANTHROPIC_WEBHOOK_SIGNING_KEY", "ANTHROPIC_API_VERSION"}
"""Names of the SDK that send no credential and no request anywhere: a key that checks what comes in, a constant."""


def test_the_sdk_is_pointed_at_the_mock() -> None:
    """It gets the mock's address, and a key that is no secret and buys nothing."""
    changes = environment(URL, {})
    assert changes["ANTHROPIC_BASE_URL"] == URL
    assert changes["ANTHROPIC_API_KEY"] == DUMMY_KEY
    assert not DUMMY_KEY.startswith("sk-")


def test_other_credentials_are_taken_away() -> None:
    """Whatever the environment has, even what it does not have: it may come by other ways."""
    current = {"ANTHROPIC_AUTH_TOKEN": "secret", "ANTHROPIC_CUSTOM_HEADERS": "x-a: b", "PATH": "/bin"}
    changes = environment(URL, current)
    taken = {name for name, value in changes.items() if value is None}
    assert taken == {
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_CONFIG_DIR",
        "ANTHROPIC_CUSTOM_HEADERS",
        "ANTHROPIC_FEDERATION_RULE_ID",
        "ANTHROPIC_IDENTITY_TOKEN",
        "ANTHROPIC_IDENTITY_TOKEN_FILE",
        "ANTHROPIC_ORGANIZATION_ID",
        "ANTHROPIC_PROFILE",
        "ANTHROPIC_SCOPE",
        "ANTHROPIC_SERVICE_ACCOUNT_ID",
        "ANTHROPIC_WORKSPACE_ID",
        "ANTHROPIC_API_BASE",
        "ANTHROPIC_API_URL",
    }
    assert "PATH" not in changes
    assert "secret" not in changes.values()


def test_every_variable_that_the_client_reads_is_dealt_with() -> None:
    """A new release of the SDK that reads another source of credentials fails here, and not in somebody's bill."""
    found = importlib.util.find_spec("anthropic")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    sources = [package / "_client.py", *sorted((package / "lib" / "credentials").glob("*.py"))]
    names = {name for path in sources for name in re.findall(r"[\"'](ANTHROPIC_[A-Z_]+)[\"']", path.read_text("utf-8"))}
    assert "ANTHROPIC_API_KEY" in names
    assert names - HARMLESS - environment(URL, {}).keys() == set()


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        ({}, LOOPBACK),
        ({"NO_PROXY": "example.com"}, f"example.com,{LOOPBACK}"),
        ({"no_proxy": "example.com, .internal ,"}, f"example.com,.internal,{LOOPBACK}"),
        ({"NO_PROXY": "a.com", "no_proxy": "b.com"}, f"a.com,b.com,{LOOPBACK}"),
        ({"NO_PROXY": "localhost,a.com", "no_proxy": "localhost,a.com"}, "localhost,a.com,127.0.0.1,::1"),
        ({"NO_PROXY": "", "no_proxy": ""}, LOOPBACK),
        ({"NO_PROXY": "*"}, f"*,{LOOPBACK}"),
    ],
)
def test_loopback_never_goes_through_a_proxy(current: dict[str, str], expected: str) -> None:
    """What is already exempt stays so, each once, in both spellings."""
    changes = environment(URL, current)
    assert (changes["NO_PROXY"], changes["no_proxy"]) == (expected, expected)


def test_the_current_environment_is_only_looked_at() -> None:
    """The changes are for the caller to make."""
    current = {"NO_PROXY": "a.com"}
    environment(URL, current)
    assert current == {"NO_PROXY": "a.com"}
