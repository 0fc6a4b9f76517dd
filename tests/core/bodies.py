"""Bodies of requests: any JSON, much of it with the shape of a request for a message; and a call of a tool with its result."""

from __future__ import annotations

from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
BLOCKS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["text", "tool_use", "tool_result"]) | JSON,
        "text": JSON,
        "id": JSON,
        "tool_use_id": JSON,
        "name": JSON,
        "content": JSON,
    },
)
BODIES = JSON | st.fixed_dictionaries(
    {},
    optional={
        "model": JSON,
        "stream": JSON,
        "system": JSON | st.lists(BLOCKS | JSON, max_size=3),
        "tools": JSON | st.lists(BLOCKS | JSON, max_size=3),
        "messages": JSON
        | st.lists(
            JSON
            | st.fixed_dictionaries(
                {"role": st.sampled_from(["user", "assistant"]) | JSON, "content": JSON | st.lists(BLOCKS | JSON, max_size=3)}
            ),
            max_size=4,
        ),
    },
)
"""Bodies of any JSON, many of them with the shape of a request for a message."""

CALL = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
OTHER_CALL = {"type": "tool_use", "id": "toolu_2", "name": "get_time", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "18 degrees"}
OTHER_RESULT = {"type": "tool_result", "tool_use_id": "toolu_2", "content": [{"type": "text", "text": "noon"}]}
