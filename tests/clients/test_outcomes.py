"""The tables of outcomes: for each client and each failure there is something to write instead, meant for that client."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

TABLES = [runpy.run_path(str(path)) for path in sorted(Path(__file__).parent.glob("outcomes_*.py"))]
ROWS = [
    pytest.param(client, remedy, id=f"{client}-{failure}")
    for table in TABLES
    for client, remedies in table["REMEDIES"].items()
    for failure, remedy in remedies.items()
]
OF_ONE = ("LangChain", "LiteLLM", "litellm", "pydantic", "llm", "instructor", "Instructor", "`fetch`", "[DONE]", "--")
"""Words of one kind of client, which nobody else can do anything with."""
ALSO: dict[str, tuple[str, ...]] = {
    "curl": ("--",),
    "LiteLLM": ("litellm", "llm"),
    "pydantic-ai": ("pydantic",),
    "instructor": ("Instructor",),
    "FastAPI": ("[DONE]",),
    "Next.js": ("[DONE]",),
    "TypeScript SDK": ("`fetch`",),
    "LangChain JS": ("`fetch`",),
    "a page in Chromium": ("`fetch`",),
}
"""Whose they are, where their names do not say it."""


@pytest.mark.parametrize("table", TABLES)
def test_there_is_a_remedy_for_each_outcome(table: dict[str, Any]) -> None:
    """The page is made of both, row by row."""
    found = {name: {client: set(rows) for client, rows in table[name].items()} for name in ("OUTCOMES", "REMEDIES")}
    assert found["OUTCOMES"] == found["REMEDIES"]


@pytest.mark.parametrize(("client", "remedy"), ROWS)
def test_a_remedy_speaks_of_no_other_client(client: str, remedy: str) -> None:
    """Nobody is told what to do with what he does not use."""
    own = [word for name, words in ALSO.items() if client.startswith(name) for word in words]
    assert [word for word in OF_ONE if word in remedy and word not in own and word not in client] == []
