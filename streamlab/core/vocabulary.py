"""The vocabulary of a Messages stream, as tables: the fields of every event, message, block and delta, and their types.

From `wire.md`, sections 3 and 6. What must be there is one table, what may be there another; anything else is not known.
"""

from __future__ import annotations

__all__ = [
    "BLOCKS",
    "BLOCKS_MAY_HAVE",
    "CALL",
    "COUNTS",
    "DELTAS",
    "DELTAS_MAY_HAVE",
    "ENDS_MAY_HAVE",
    "ENDS_OF_TURN",
    "FIELDS",
    "FILLED_BY_DELTAS",
    "FIRST_COUNTS",
    "MAY_BE_NULL",
    "MAY_HAVE",
    "MESSAGE",
    "MESSAGE_MAY_HAVE",
    "RESULT",
    "RESULTS",
    "RESULT_MAY_HAVE",
    "STOP_REASONS",
    "USAGE_MAY_HAVE",
]

FIELDS: dict[str, dict[str, type]] = {
    "message_start": {"message": dict},
    "content_block_start": {"index": int, "content_block": dict},
    "content_block_delta": {"index": int, "delta": dict},
    "content_block_stop": {"index": int},
    "message_delta": {"delta": dict, "usage": dict},
    "message_stop": {},
    "error": {"error": dict},
}
"""What each type of event must have, beside its type."""
MAY_HAVE = {"message_delta": ("context_management",), "error": ("request_id",)}
MESSAGE = {"id": str, "type": str, "role": str, "model": str, "content": list, "usage": dict}
MESSAGE_MAY_HAVE = ("stop_reason", "stop_sequence", "stop_details", "container", "context_management")
FIRST_COUNTS = {"input_tokens": int, "output_tokens": int}
COUNTS = {"output_tokens": int}
USAGE_MAY_HAVE: dict[str, type] = {
    **dict.fromkeys(("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"), int),
    "cache_creation": dict,
    "server_tool_use": dict,
    "output_tokens_details": dict,
    "iterations": list,
    "service_tier": str,
    "inference_geo": str,
    "fallback_credit": dict,
}
CALL: dict[str, type] = {"id": str, "name": str, "input": dict}
BLOCKS: dict[str, dict[str, type]] = {
    "text": {"text": str},
    "thinking": {"thinking": str, "signature": str},
    "redacted_thinking": {"data": str},
    "tool_use": CALL,
    "server_tool_use": CALL,
    "mcp_tool_use": {**CALL, "server_name": str},
    "mcp_tool_result": {"tool_use_id": str, "is_error": bool, "content": list},
    "compaction": {},
    "container_upload": {"file_id": str},
    "fallback": {},
}
BLOCKS_MAY_HAVE: dict[str, dict[str, type]] = {
    "text": {"citations": list},
    "tool_use": {"caller": dict},
    "server_tool_use": {"caller": dict},
    "compaction": {"content": str, "encrypted_content": str},
    "fallback": {"from": dict, "to": dict, "trigger": dict},
}
RESULTS = "_tool_result"
RESULT = {"tool_use_id": str}
RESULT_MAY_HAVE: dict[str, type] = {"caller": dict, "content": object}
DELTAS: dict[str, tuple[str, type, tuple[str, ...]]] = {
    "text_delta": ("text", str, ("text",)),
    "citations_delta": ("citation", dict, ("text",)),
    "input_json_delta": ("partial_json", str, ("tool_use", "server_tool_use", "mcp_tool_use")),
    "thinking_delta": ("thinking", str, ("thinking",)),
    "signature_delta": ("signature", str, ("thinking",)),
    "compaction_delta": ("content", str, ("compaction",)),
}
"""The field of each type of delta, the type of its value, and the blocks that it belongs to."""
DELTAS_MAY_HAVE = {"compaction_delta": ("encrypted_content",), "thinking_delta": ("estimated_tokens",)}
ENDS_MAY_HAVE = ("stop_reason", "stop_sequence", "stop_details", "container")
FILLED_BY_DELTAS = {"text": ("text", "citations"), "thinking": ("thinking", "signature")}
MAY_BE_NULL = ("compaction_delta",)
STOP_REASONS = (
    *("end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal"),
    *("model_context_window_exceeded", "compaction"),
)
ENDS_OF_TURN = ("end_turn", "stop_sequence")
