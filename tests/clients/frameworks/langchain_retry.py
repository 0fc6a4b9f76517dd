"""Streams an answer with LangChain's own `with_retry`, which the guides advise against errors that pass."""

from __future__ import annotations

from langchain_anthropic import ChatAnthropic
from show import show, show_error

model = ChatAnthropic(model="claude-sonnet-4-6").with_retry(stop_after_attempt=3)

try:
    for chunk in model.stream("Say hello."):
        show(text=chunk.text)
except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
    show_error(error)
