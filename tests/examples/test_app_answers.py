# ruff: noqa: D103 - the names say it
"""Tests whose answers depend on the request."""

from __future__ import annotations

import app

from streamlab import Lab, Request


def test_answers_by_what_was_asked(streamlab: Lab) -> None:
    streamlab.reply("18 degrees.", when={"last_user": "weather"})
    streamlab.reply("A fine day.", when={"last_user": {"regex": "^Say"}, "model": "claude-*"})
    assert app.greet() == "A fine day."
    assert app.ask("What is the weather?").content[0].text == "18 degrees."


def test_a_function_answers(streamlab: Lab) -> None:
    def echo(request: Request) -> str:
        return f"You said: {request.last_user}"

    streamlab.reply(echo)
    assert app.greet() == "You said: Say hello."
