"""Blocks: what people may write, and how the API would stream it."""

from __future__ import annotations

import datetime as dt
from types import MappingProxyType
from typing import Any

import pytest

from streamlab.core.blocks import Block, parse_blocks
from streamlab.errors import ScenarioError

MODEL = "claude-sonnet-4-6"
CITATION = {"type": "char_location", "cited_text": "x", "document_index": 0}


@pytest.mark.parametrize(
    ("written", "contents"),
    [
        ("Hi", [{"type": "text", "text": "Hi"}]),
        (["Hi", {"text": "you"}], [{"type": "text", "text": "Hi"}, {"type": "text", "text": "you"}]),
        ((), []),
        ({"text": ["H", "i"]}, [{"type": "text", "text": "Hi"}]),
        ({"text": "Hi", "citations": (CITATION,)}, [{"citations": [CITATION], "type": "text", "text": "Hi"}]),
        ({"thinking": "Hm"}, [{"type": "thinking", "thinking": "Hm"}]),
        ({"thinking": "Hm", "signature": "Eq="}, [{"type": "thinking", "thinking": "Hm", "signature": "Eq="}]),
        ({"tool_use": {"name": "look"}}, [{"type": "tool_use", "name": "look", "input": {}, "caller": {"type": "direct"}}]),
        (
            {"tool_use": {"name": "look", "input": {"a": (1, 2)}, "id": "toolu_1"}},
            [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": [1, 2]}, "caller": {"type": "direct"}}],
        ),
        (MappingProxyType({"text": "Hi"}), [{"type": "text", "text": "Hi"}]),
        ({"type": "new_block", "x": [None]}, [{"type": "new_block", "x": [None]}]),
    ],
)
def test_what_is_written_becomes_the_blocks_of_a_message(written: object, contents: list[dict[str, Any]]) -> None:
    """Texts, shorthands and blocks of the API may be mixed."""
    assert [block.content for block in parse_blocks(written)] == contents


def test_a_block_stays_as_it_is() -> None:
    """What a constructor made passes through."""
    block = Block(content={"type": "text", "text": "Hi"}, fragments=("H", "i"))
    assert parse_blocks([block]) == (block,)
    assert block.type == "text"


@pytest.mark.parametrize(
    ("written", "key", "words"),
    [
        (5, (), "a content block is expected, not 5"),
        (None, (), "a content block is expected, not None"),
        ({}, (), "a content block is expected, not {}"),
        (["Hi", 5], (1,), "a content block is expected, not 5"),
        ([{"txt": "Hi"}], (0, "txt"), "there is no content block 'txt'\n  hint: did you mean 'text'?"),
        ({"type": 3}, ("type",), "the type of a block is a text, not 3"),
        ({"type": "x", "at": dt.date(2026, 1, 1)}, (), "cannot be said in JSON"),
        ({"text": 5}, ("text",), "a text is expected, not 5\n  hint: put it in quotes"),
        ({"text": ["a", 5]}, ("text",), "one for each delta"),
        ({"text": "a", "citation": []}, ("citation",), "did you mean 'citations'?"),
        ({"text": "a", "citations": "x"}, ("citations",), "a list of citations is expected, not 'x'"),
        ({"text": "a", "citations": None}, ("citations",), "a list of citations is expected, not None"),
        ({"text": "a", "citations": ["x"]}, ("citations",), "a list of citations is expected, not ['x']"),
        ({"thinking": None}, ("thinking",), "a text is expected, not None"),
        ({"thinking": "a", "signature": 5}, ("signature",), "a text is expected, not 5"),
        ({"tool_use": "look"}, ("tool_use",), "a tool call needs a name\n  hint: for example:"),
        ({"tool_use": {"name": 5}}, ("tool_use",), "a tool call needs a name"),
        ({"tool_use": {"name": "look", "inputs": {}}}, ("tool_use", "inputs"), "did you mean 'input'?"),
        ({"tool_use": {"name": "look", "input": "SF"}}, ("tool_use", "input"), "an object is expected, not 'SF'"),
        ({"tool_use": {"name": "look", "input": {"at": dt.date(2026, 1, 1)}}}, ("tool_use", "input"), "put dates"),
        ({"tool_use": {"name": "look", "input": {"x": float("nan")}}}, ("tool_use", "input"), "cannot be said in JSON"),
        ({"tool_use": {"name": "look", "id": 5}}, ("tool_use", "id"), "a text is expected, not 5"),
        ({"tool_use": {"name": "look"}, "eager": "no"}, ("eager",), "true or false is expected, not 'no'"),
        ({"tool_use": {"name": "look"}, "fragments": "ab"}, ("fragments",), "a list of texts is expected, not 'ab'"),
        ({"tool_use": {"name": "look"}, "fragments": [1]}, ("fragments",), "a list of texts is expected, not [1]"),
    ],
)
def test_what_is_no_block_is_said_with_its_key(written: object, key: tuple[object, ...], words: str) -> None:
    """The error names the key at fault and what would do."""
    with pytest.raises(ScenarioError) as caught:
        parse_blocks(written)
    assert caught.value.key == key
    assert words in str(caught.value)


def test_what_is_written_is_copied() -> None:
    """A test that changes its own data afterwards does not change the reply."""
    given_input = {"city": ["SF"]}
    (block,) = parse_blocks({"tool_use": {"name": "look", "input": given_input}})
    given_input["city"].append("Paris")
    assert block.content["input"] == {"city": ["SF"]}
