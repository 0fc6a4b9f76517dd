"""The environment that points clients at the mock: what is set, what is taken away."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CONTROL_TOKEN", "DUMMY_KEY", "environment"]

DUMMY_KEY = "streamlab-dummy-key"
"""The key that clients of the mock are given, so that a stray one cannot spend."""

CONTROL_TOKEN = "STREAMLAB_CONTROL_TOKEN"  # noqa: S105 - the name of the variable
"""The variable that holds the token of the control API, for `streamlab serve` and for those who control it."""

_TAKEN = (
    *("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE", "ANTHROPIC_CONFIG_DIR", "ANTHROPIC_CUSTOM_HEADERS"),
    *("ANTHROPIC_FEDERATION_RULE_ID", "ANTHROPIC_IDENTITY_TOKEN", "ANTHROPIC_IDENTITY_TOKEN_FILE", "ANTHROPIC_SCOPE"),
    *("ANTHROPIC_ORGANIZATION_ID", "ANTHROPIC_SERVICE_ACCOUNT_ID", "ANTHROPIC_WORKSPACE_ID"),
    *("ANTHROPIC_API_URL", "ANTHROPIC_API_BASE"),
)
"""The SDK's other sources of credentials, which would win over the dummy key or leak into requests; and the variables that
LangChain and LiteLLM take for the address before that of the SDK."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def environment(url: str, current: Mapping[str, str]) -> dict[str, str | None]:
    """Return the variables that point the SDKs at `url`, given the current ones; None takes a variable away.

    Loopback is added to `NO_PROXY`, in both spellings: with a proxy set, the SDK would send it even loopback requests.
    """
    changes: dict[str, str | None] = dict.fromkeys(_TAKEN)
    changes |= {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": DUMMY_KEY}
    listed = [each.strip() for name in ("NO_PROXY", "no_proxy") for each in current.get(name, "").split(",") if each.strip()]
    without_proxy = ",".join(dict.fromkeys((*listed, *_LOOPBACK)))
    return {**changes, "NO_PROXY": without_proxy, "no_proxy": without_proxy}
