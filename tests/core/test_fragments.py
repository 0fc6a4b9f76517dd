"""How a content block is streamed: its start, its deltas, its cuts."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core.blocks import parse_blocks
from streamlab.core.events import encode
from streamlab.core.fragments import stream_block, text_fragments

MODEL = "claude-sonnet-4-6"
ANY_TEXT = st.text(alphabet=st.characters(categories=None, exclude_categories=())) | st.text(
    alphabet="a\u2028\u0301👩\u200d🚀\ud83d \n"
)
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
JSON_OBJECTS = st.dictionaries(st.text(max_size=5), LEAVES | st.lists(LEAVES, max_size=3) | st.text(min_size=60), max_size=4)
CITATION = {"type": "char_location", "cited_text": "x", "document_index": 0}


def streamed(written: object, *, model: str | None = MODEL) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the start and the deltas of one block that is written so."""
    (block,) = parse_blocks(written)
    return stream_block(block, model=model)


def test_text_starts_empty_and_comes_in_text_deltas() -> None:
    """A text block starts with no text."""
    start, deltas = streamed("One two three.")
    assert start == {"type": "text", "text": ""}
    assert {each["type"] for each in deltas} == {"text_delta"}
    assert "".join(each["text"] for each in deltas) == "One two three."


def test_citations_come_before_the_text() -> None:
    """The block starts with an empty list of them, before its type."""
    start, deltas = streamed({"text": "One two.", "citations": [CITATION, CITATION]})
    assert list(start.items()) == [("citations", []), ("type", "text"), ("text", "")]
    kinds = [each["type"] for each in deltas]
    assert kinds == ["citations_delta"] * 2 + ["text_delta"] * (len(kinds) - 2)
    assert deltas[0]["citation"] == CITATION


@pytest.mark.parametrize("odd", [None, "abc", [], 5])
def test_odd_citations_stay_where_they_are(odd: object) -> None:
    """What is no list of citations gives no deltas."""
    start, deltas = streamed({"type": "text", "text": "Hi", "citations": odd})
    assert start == {"type": "text", "text": "", "citations": odd}
    assert all(each["type"] == "text_delta" for each in deltas)


def test_the_signature_is_the_last_delta_of_thinking() -> None:
    """The block starts with both fields empty; the signature comes whole."""
    start, deltas = streamed({"thinking": "One two three four.", "signature": "EqAB"})
    assert list(start.items()) == [("type", "thinking"), ("thinking", ""), ("signature", "")]
    assert [each["type"] for each in deltas[:-1]] == ["thinking_delta"] * (len(deltas) - 1)
    assert deltas[-1] == {"type": "signature_delta", "signature": "EqAB"}


def test_a_compaction_comes_in_one_piece() -> None:
    """Its start holds nothing yet; what it has beside its summary comes with it."""
    assert streamed({"compaction": "All of it."}) == (
        {"type": "compaction", "content": None},
        [{"type": "compaction_delta", "content": "All of it."}],
    )
    block = {"type": "compaction", "content": "All.", "encrypted_content": "E="}
    assert streamed(block) == ({**block, "content": None, "encrypted_content": None}, [{**block, "type": "compaction_delta"}])


def test_a_written_signature_is_kept() -> None:
    """Thinking without a text has its signature alone, as when the API leaves the text out."""
    start, deltas = streamed({"thinking": "", "signature": "EqAB"})
    assert start == {"type": "thinking", "thinking": "", "signature": ""}
    assert deltas == [{"type": "signature_delta", "signature": "EqAB"}]


@pytest.mark.parametrize("kind", ["tool_use", "server_tool_use", "mcp_tool_use"])
def test_tool_input_starts_with_an_empty_fragment(kind: str) -> None:
    """The start holds an empty input and everything else that the block has."""
    start, deltas = streamed({"type": kind, "id": "x_1", "name": "look", "input": {"city": "SF"}, "caller": {"type": "direct"}})
    assert start == {"type": kind, "id": "x_1", "name": "look", "input": {}, "caller": {"type": "direct"}}
    assert deltas[0] == {"type": "input_json_delta", "partial_json": ""}
    assert json.loads("".join(each["partial_json"] for each in deltas)) == {"city": "SF"}


def test_a_tool_without_arguments_sends_the_empty_fragment_alone() -> None:
    """Its joined fragments are an empty text, not an empty object."""
    assert streamed({"tool_use": {"name": "look"}})[1] == [{"type": "input_json_delta", "partial_json": ""}]


@pytest.mark.parametrize(
    "written",
    [
        {"type": "redacted_thinking", "data": "abc"},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        {"type": "text"},
        {"type": "thinking", "thinking": None},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": "SF"},
        {"type": "never_heard_of", "text": "x"},
    ],
)
def test_everything_else_comes_whole_in_its_start(written: dict[str, Any]) -> None:
    """Results, unknown blocks and known ones of an odd shape have no deltas."""
    assert streamed(written) == (written, [])


@pytest.mark.parametrize(
    ("written", "field", "expected"),
    [
        ({"text": ["a", "", "b"]}, "text", ["a", "", "b"]),
        ({"text": []}, "text", []),
        ({"thinking": ["a", "b"], "signature": "E"}, "thinking", ["a", "b"]),
        ({"tool_use": {"name": "x", "input": {"a": 1}}, "fragments": ['{"a"', ":1}"]}, "partial_json", ["", '{"a"', ":1}"]),
        ({"tool_use": {"name": "x", "input": {"a": 1}}, "fragments": []}, "partial_json", [""]),
    ],
)
def test_written_fragments_are_the_deltas(written: object, field: str, expected: list[str]) -> None:
    """A list says exactly where to cut, even if it cuts everything away."""
    deltas = streamed(written)[1]
    assert [each[field] for each in deltas if field in each] == expected


@given(ANY_TEXT, st.sampled_from([MODEL, "claude-sonnet-5-1", "claude-3-5-haiku-latest", "", None]))
def test_text_fragments_join_to_the_text(text: str, model: str | None) -> None:
    """No character is lost or made, whatever it is, and no fragment is empty."""
    fragments = text_fragments(text, model)
    assert "".join(fragments) == text
    assert "" not in fragments


@given(value=JSON_OBJECTS, eager=st.booleans())
def test_json_fragments_join_to_the_input(*, value: dict[str, Any], eager: bool) -> None:
    """They are cut anywhere, 13 characters at most, 52 when eager; none but the first is empty."""
    fragments = [each["partial_json"] for each in streamed({"tool_use": {"name": "x", "input": value}, "eager": eager})[1]]
    assert fragments[0] == ""
    assert "" not in fragments[1:]
    assert max(map(len, fragments)) <= (52 if eager else 13)
    assert json.loads("".join(fragments) or "{}") == value


def test_eager_input_has_longer_fragments() -> None:
    """An eager tool sends fewer and longer ones."""
    value = {"text": "word " * 100}
    lengths = [
        max(len(each["partial_json"]) for each in streamed({"tool_use": {"name": "x", "input": value}, "eager": eager})[1])
        for eager in (False, True)
    ]
    assert lengths[0] == 13
    assert 40 < lengths[1] <= 52


@given(ANY_TEXT)
def test_any_text_can_be_sent(text: str) -> None:
    """What a client reads from the bytes is the text, half surrogate pairs included."""
    received = ""
    for delta in streamed(text)[1]:
        raw = encode({"type": "content_block_delta", "index": 0, "delta": delta}).raw
        received += json.loads(raw.split(b"data: ", 1)[1])["delta"]["text"]
    assert received.encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")


@pytest.mark.parametrize(
    ("model", "median"),
    [("claude-3-5-haiku-20241022", 5), ("claude-sonnet-4-5-20250929", 11), (MODEL, 15), ("claude-sonnet-5", 68), ("x", 9)],
)
def test_the_sizes_are_those_of_the_model(model: str, median: int) -> None:
    """Half of the fragments of a long text are about so long, as measured on the real API."""
    lengths = sorted(map(len, text_fragments("The quick brown fox jumps over a lazy dog, considerably amused. " * 400, model)))
    assert abs(lengths[len(lengths) // 2] - median) <= max(2, median // 4)


@pytest.mark.parametrize("text", ["One two three four five six seven.", "Hello from streamlab.", "It is 18 degrees."])
def test_a_short_text_still_comes_in_several_deltas(text: str) -> None:
    """So that it can be cut in the middle."""
    assert len(text_fragments(text, MODEL)) >= 3


def test_words_stay_whole_and_take_the_space_before_them() -> None:
    """Fragments end where words do, unless a word is very long."""
    text = "Several ordinary words, none of them long, and then one"
    assert all(re.fullmatch(r"\S+(\s\S+)*|(\s\S+)+", each) for each in text_fragments(text, MODEL))
    assert len(text_fragments("x" * 400, MODEL)) > 10
