"""What the Python frameworks do when a stream breaks, and what to write instead; the tests compare what happened with it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["OUTCOMES", "REMEDIES", "VERSIONS", "Client"]

VERSIONS: dict[str, dict[str, str]] = {
    path.stem: dict(line.split("==") for line in path.read_text(encoding="utf-8").splitlines() if "==" in line)
    for path in (Path(__file__).parent / "frameworks" / "requirements").glob("*.txt")
}
"""Of each framework, what is installed with it, with its versions."""


class Client:
    """The clients, as the table calls them."""

    LANGCHAIN = f"LangChain, `langchain-anthropic` {VERSIONS['langchain']['langchain-anthropic']}: `stream`"
    LITELLM = f"LiteLLM {VERSIONS['litellm']['litellm']}: `completion(stream=True)`"
    PYDANTIC_AI = f"pydantic-ai {VERSIONS['pydantic-ai']['pydantic-ai-slim']}: `run_stream`"
    LLM = f"`llm` {VERSIONS['llm']['llm']} with `llm-anthropic` {VERSIONS['llm']['llm-anthropic']}: `prompt`"
    INSTRUCTOR = f"instructor {VERSIONS['instructor']['instructor']}: `create_partial`"
    INSTRUCTOR_ASYNC = f"instructor {VERSIONS['instructor']['instructor']}: `create_partial`, asynchronous"


_TOLD_BY_SDK: dict[str, str] = {
    "overloaded-mid-stream": "`anthropic.APIStatusError` is raised after 'One two three'",
    "ends-without-message-stop": "nothing is raised: the text is 'This answer stops early, and', `stop_reason` is None",
    "cut-mid-text": "`httpx2.RemoteProtocolError`, which is no `APIError`, is raised after 'This answer is cut off before'",
    "reset-mid-stream": "`httpx2.ReadError`, which is no `APIError`, is raised after 'This answer is torn off by a'",
    "duplicated-events": "nothing is raised: the text is 'TwiceTwice as as long. long.', `stop_reason` is end_turn",
    "overloaded-then-fine": (
        "nothing is raised: the text is 'Fine now.', `stop_reason` is end_turn; "
        "it asks 3 times, after half a second and a second"
    ),
}
"""What those do that pass on what the SDK says."""

OUTCOMES: dict[str, dict[str, str]] = {
    Client.LANGCHAIN: {
        **_TOLD_BY_SDK,
        "stall-mid-stream": "`httpx2.ReadTimeout`, which is no `APIError`, is raised after 'This answer stops in the'",
        "cut-inside-utf8": "`builtins.UnicodeDecodeError` is raised after 'The weather is'",
        "missing-start": "nothing is raised: the text is 'Who is speaking?', `stop_reason` is end_turn",
        "delta-before-start": "nothing is raised: the text is 'The first word comes too early.', `stop_reason` is end_turn",
        "cut-inside-tool-input": "nothing is raised: the call is in `tool_calls` with the input {}, `stop_reason` is None",
    },
    Client.LITELLM: {
        "overloaded-mid-stream": "`litellm.MidStreamFallbackError` is raised after 'One two three'",
        "ends-without-message-stop": "nothing is raised: the text is 'This answer stops early, and', `finish_reason` is stop",
        "cut-mid-text": "`litellm.MidStreamFallbackError` is raised after 'This answer is cut off before'",
        "reset-mid-stream": "`litellm.MidStreamFallbackError` is raised after 'This answer is torn off by a'",
        "stall-mid-stream": "`litellm.MidStreamFallbackError` is raised after 'This answer stops in the'",
        "duplicated-events": "nothing is raised: the text is 'TwiceTwice as as long. long.', `finish_reason` is stop",
        "cut-inside-utf8": "nothing is raised: the text is 'The weather is', `finish_reason` is stop",
        "missing-start": "nothing is raised: the text is 'Who is speaking?', `finish_reason` is stop",
        "delta-before-start": "nothing is raised: the text is 'The first word comes too early.', `finish_reason` is stop",
        "cut-inside-tool-input": 'nothing is raised: the input of the tool is `{"locatio`, `finish_reason` is stop',
        "overloaded-then-fine": "`litellm.InternalServerError` is raised after ''; it asks once",
    },
    Client.PYDANTIC_AI: {
        "overloaded-mid-stream": "`pydantic_ai.ModelOverloadedError` is raised after 'One two three'",
        "ends-without-message-stop": "nothing is raised: the text is 'This answer stops early, and', `finish_reason` is None",
        "cut-mid-text": "`pydantic_ai.ModelConnectionError` is raised after 'This answer is cut off before'",
        "reset-mid-stream": "`pydantic_ai.ModelConnectionError` is raised after 'This answer is torn off by a'",
        "stall-mid-stream": "`pydantic_ai.ModelTimeoutError` is raised after 'This answer stops in the'",
        "duplicated-events": "nothing is raised: the text is 'TwiceTwice as as long. long.', `finish_reason` is stop",
        "cut-inside-utf8": "`pydantic_ai.ModelAPIError` is raised after 'The weather is'",
        "missing-start": "`builtins.AssertionError` is raised after ''",
        "delta-before-start": "nothing is raised: the text is 'The first word comes too early.', `finish_reason` is stop",
        "cut-inside-tool-input": (
            "the tool does not run: the call is sent back as broken, and after 2 such answers "
            "`pydantic_ai.UnexpectedModelBehavior` is raised"
        ),
        "overloaded-then-fine": (
            "nothing is raised: the text is 'Fine now.', `finish_reason` is stop; "
            "it asks 3 times, after half a second and a second"
        ),
    },
    Client.LLM: {
        **_TOLD_BY_SDK,
        "stall-mid-stream": "nothing is raised: the text ends early, and it waits on",
        "cut-inside-utf8": "`builtins.UnicodeDecodeError` is raised after 'The weather is'",
        "missing-start": "`builtins.AssertionError` is raised after 'Who is speaking?'",
        "delta-before-start": "`builtins.IndexError` is raised after ''",
        "cut-inside-tool-input": (
            "nothing is raised: the tool is called with nothing, its error is sent back, and so on without a limit"
        ),
    },
    Client.INSTRUCTOR: {
        "overloaded-mid-stream": "`instructor.InstructorRetryException` is raised before anything is shown",
        "ends-without-message-stop": 'nothing is raised: the object is {"name": "Jeddah", "height_m": null}',
        "cut-mid-text": "`instructor.InstructorRetryException` is raised before anything is shown",
        "reset-mid-stream": "`instructor.InstructorRetryException` is raised before anything is shown",
        "stall-mid-stream": "`instructor.InstructorRetryException` is raised before anything is shown",
        "duplicated-events": 'nothing is raised: the object is {"name": "Jed{", "height_m": null}',
        "cut-inside-utf8": "`instructor.InstructorRetryException` is raised before anything is shown",
        "missing-start": 'nothing is raised: the object is {"name": "Jeddah Light", "height_m": 133}',
        "delta-before-start": 'nothing is raised: the object is {"name": "Jeddah Light", "height_m": 133}',
        "cut-inside-tool-input": 'nothing is raised: the object is {"name": "Jed", "height_m": null}',
        "overloaded-then-fine": (
            'nothing is raised: the object is {"name": "Jeddah Light", "height_m": 133}; '
            "it asks 3 times, after half a second and a second"
        ),
    },
    Client.INSTRUCTOR_ASYNC: {
        "overloaded-mid-stream": '`anthropic.APIStatusError` is raised after {"name": "Jeddah", "height_m": null}',
        "ends-without-message-stop": 'nothing is raised: the object is {"name": "Jeddah", "height_m": null}',
        "cut-mid-text": '`httpx2.RemoteProtocolError` is raised after {"name": "Jeddah", "height_m": null}',
        "reset-mid-stream": '`httpx2.ReadError` is raised after {"name": "Jeddah", "height_m": null}',
        "stall-mid-stream": '`httpx2.ReadTimeout` is raised after {"name": "Jeddah", "height_m": null}',
        "duplicated-events": 'nothing is raised: the object is {"name": "Jed{", "height_m": null}',
        "cut-inside-utf8": '`builtins.UnicodeDecodeError` is raised after {"name": "Jeddah", "height_m": null}',
        "missing-start": 'nothing is raised: the object is {"name": "Jeddah Light", "height_m": 133}',
        "delta-before-start": 'nothing is raised: the object is {"name": "Jeddah Light", "height_m": 133}',
        "cut-inside-tool-input": 'nothing is raised: the object is {"name": "Jed", "height_m": null}',
        "overloaded-then-fine": (
            'nothing is raised: the object is {"name": "Jeddah Light", "height_m": 133}; '
            "it asks 3 times, after half a second and a second"
        ),
    },
}
"""Of each client, what it does in each shipped scenario; of instructor, what it does when the object it asked for so breaks."""

_ERROR_OF_SDK = "Catch `anthropic.APIStatusError`, look at its `type` and not at its status, and ask again"
_LOST_BY_SDK = "Catch `httpx2.TransportError` beside `anthropic.APIStatusError`, and ask again"
_UNREADABLE = "Catch `ValueError`, of which this is one, and ask again."
_NO_START = "Nothing: the text is whole; the input tokens are missing in its usage."
_TOO_EARLY = "Nothing: the text is whole."
_TWICE = "Nothing tells; compare the length of the text with the output tokens if it matters."
_RETRIES = "Nothing: the SDK below it asks again."
_FALLBACK = "Catch `litellm.exceptions.MidStreamFallbackError`, which is no `InternalServerError`, and ask again yourself"
_OF_MODEL = "Catch `pydantic_ai.exceptions.ModelAPIError`, of which this is one, and ask again."
_LAST_OBJECT = "Validate the last object, which nobody did: what is missing is None, whatever its type."
_OBJECT = "Nothing: the object is whole."
_GIVEN_UP = "Catch `InstructorRetryException`, and ask again."

REMEDIES: dict[str, dict[str, str]] = {
    Client.LANGCHAIN: {
        "overloaded-mid-stream": f"{_ERROR_OF_SDK}: `with_retry` does not.",
        "ends-without-message-stop": (
            "Take an answer for whole only if the sum of its chunks has a `stop_reason` in `response_metadata`."
        ),
        "cut-mid-text": f"{_LOST_BY_SDK}.",
        "reset-mid-stream": f"{_LOST_BY_SDK}.",
        "stall-mid-stream": "Set the `timeout` of the model, which waits for ever without, and catch `httpx2.TransportError`.",
        "duplicated-events": _TWICE,
        "cut-inside-utf8": _UNREADABLE,
        "missing-start": _NO_START,
        "delta-before-start": _TOO_EARLY,
        "cut-inside-tool-input": (
            "Never run a tool unless `stop_reason` in `response_metadata` is `tool_use`, and give it required parameters."
        ),
        "overloaded-then-fine": _RETRIES,
    },
    Client.LITELLM: {
        "overloaded-mid-stream": f"{_FALLBACK}: `num_retries` does not.",
        "ends-without-message-stop": (
            "Look at the `received_finish_reason` of the stream, which is None; that of the last chunk is made up."
        ),
        "cut-mid-text": f"{_FALLBACK}.",
        "reset-mid-stream": f"{_FALLBACK}.",
        "stall-mid-stream": f"Give the call a `timeout`. {_FALLBACK}.",
        "duplicated-events": _TWICE,
        "cut-inside-utf8": "Look at the `received_finish_reason` of the stream, which is None.",
        "missing-start": _NO_START,
        "delta-before-start": _TOO_EARLY,
        "cut-inside-tool-input": "Never run a tool if the `received_finish_reason` of the stream is None.",
        "overloaded-then-fine": "Give the call `num_retries`, and install the package `tenacity`, which that needs.",
    },
    Client.PYDANTIC_AI: {
        "overloaded-mid-stream": _OF_MODEL,
        "ends-without-message-stop": (
            "Take an answer for whole only if `response.finish_reason` is not None; its `state` is `complete` all the same."
        ),
        "cut-mid-text": _OF_MODEL,
        "reset-mid-stream": _OF_MODEL,
        "stall-mid-stream": f"Set `timeout` in the `model_settings`. {_OF_MODEL}",
        "duplicated-events": _TWICE,
        "cut-inside-utf8": _OF_MODEL,
        "missing-start": "Catch `AssertionError`, and ask again.",
        "delta-before-start": _TOO_EARLY,
        "cut-inside-tool-input": "Nothing for the tool; catch `UnexpectedModelBehavior`, which is what is left of the answer.",
        "overloaded-then-fine": _RETRIES,
    },
    Client.LLM: {
        "overloaded-mid-stream": f"{_ERROR_OF_SDK}.",
        "ends-without-message-stop": "Take an answer for whole only if its `response_json` has a `stop_reason`.",
        "cut-mid-text": f"{_LOST_BY_SDK}.",
        "reset-mid-stream": f"{_LOST_BY_SDK}.",
        "stall-mid-stream": "Put `asyncio.timeout` around the asynchronous model: there is no option for it.",
        "duplicated-events": _TWICE,
        "cut-inside-utf8": _UNREADABLE,
        "missing-start": "Catch `AssertionError`, and ask again.",
        "delta-before-start": "Catch `IndexError`, and ask again.",
        "cut-inside-tool-input": "Give the tool required parameters, and the conversation a `chain_limit`.",
        "overloaded-then-fine": _RETRIES,
    },
    Client.INSTRUCTOR: {
        "overloaded-mid-stream": _GIVEN_UP,
        "ends-without-message-stop": _LAST_OBJECT,
        "cut-mid-text": _GIVEN_UP,
        "reset-mid-stream": _GIVEN_UP,
        "stall-mid-stream": f"Give `from_provider` a `timeout`. {_GIVEN_UP}",
        "duplicated-events": _LAST_OBJECT,
        "cut-inside-utf8": _GIVEN_UP,
        "missing-start": _OBJECT,
        "delta-before-start": _OBJECT,
        "cut-inside-tool-input": _LAST_OBJECT,
        "overloaded-then-fine": _RETRIES,
    },
    Client.INSTRUCTOR_ASYNC: {
        "overloaded-mid-stream": f"{_ERROR_OF_SDK}.",
        "ends-without-message-stop": _LAST_OBJECT,
        "cut-mid-text": f"{_LOST_BY_SDK}.",
        "reset-mid-stream": f"{_LOST_BY_SDK}.",
        "stall-mid-stream": "Give `from_provider` a `timeout`, and catch `httpx2.TransportError`.",
        "duplicated-events": _LAST_OBJECT,
        "cut-inside-utf8": _UNREADABLE,
        "missing-start": _OBJECT,
        "delta-before-start": _OBJECT,
        "cut-inside-tool-input": _LAST_OBJECT,
        "overloaded-then-fine": _RETRIES,
    },
}
"""What to write instead, for each client and scenario."""
