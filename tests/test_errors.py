"""The exceptions: whose fault it is, what they say, and that they lead to what is meant."""

from __future__ import annotations

import ast
import copy
import inspect
import pickle

import pytest

from streamlab import errors
from streamlab.errors import (
    FaultError,
    PlaceError,
    ScenarioError,
    ServerError,
    StreamlabError,
    VerificationError,
    nearest,
)


@pytest.mark.parametrize(
    ("kind", "parents"),
    [
        (StreamlabError, {Exception}),
        (ScenarioError, {StreamlabError}),
        (PlaceError, {ScenarioError}),
        (FaultError, {ScenarioError}),
        (ServerError, {StreamlabError}),
        (VerificationError, {StreamlabError, AssertionError}),
    ],
)
def test_the_tree_is_the_one_that_is_written(kind: type[Exception], parents: set[type[Exception]]) -> None:
    """One base for all; what the code under test did wrong is an assertion, which pytest shows as a failure."""
    assert set(kind.__bases__) == parents
    assert issubclass(kind, StreamlabError)
    assert kind.__name__ in (errors.__doc__ or "")


def test_every_exception_is_public_and_in_the_tree() -> None:
    """No exception is left out of `__all__`, and none of the module's imports is ours."""
    found = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)}
    assert found == set(errors.__all__) - {"nearest"}
    imports = [node for node in ast.walk(ast.parse(inspect.getsource(errors))) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not [node for node in imports if "streamlab" in ast.unparse(node)]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ScenarioError("it is wrong"), "it is wrong"),
        (ScenarioError("it is wrong", hint="do this"), "it is wrong\n  hint: do this"),
        (ScenarioError("it is wrong", key=("rules", 0, "reply")), "rules.0.reply: it is wrong"),
        (PlaceError("it is wrong", key=("at",), hint="do this"), "at: it is wrong\n  hint: do this"),
        (ScenarioError("it is wrong").at("a.yaml"), "a.yaml: it is wrong"),
        (ScenarioError("it is wrong").at("a.yaml", 3), "a.yaml:3: it is wrong"),
        (ScenarioError("it is wrong").at("a.yaml", 3, 7), "a.yaml:3:7: it is wrong"),
        (
            FaultError("it is wrong", key=("faults", 0, "cut"), hint="do this").at("a.yaml", 3, 7),
            "a.yaml:3:7: faults.0.cut: it is wrong\n  hint: do this",
        ),
        (ServerError("the port is in use"), "the port is in use"),
        (VerificationError("a reply was not used"), "a reply was not used"),
    ],
    ids=range(10),
)
def test_a_text_says_where_what_and_what_to_write(error: StreamlabError, text: str) -> None:
    """File, line and column, then the key, then the problem, then the hint; what is not known is left out."""
    assert str(error) == text


def test_the_place_in_the_file_is_added_later() -> None:
    """`at` returns the same error, so that it can be raised in one line."""
    error = PlaceError("it is wrong", key=("at",))
    assert error.at("a.yaml", 3, 7) is error
    assert (error.file, error.line, error.column, error.problem, error.key, error.hint) == (
        *("a.yaml", 3, 7, "it is wrong", ("at",)),
        "",
    )


@pytest.mark.parametrize("twin", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copied", "pickled"])  # noqa: S301
def test_an_error_survives_a_journey_between_processes(twin: object) -> None:
    """Test runners send failures from one process to another: nothing of them is lost."""
    error = FaultError("it is wrong", key=("cut",), hint="do this").at("a.yaml", 3, 7)
    assert callable(twin)
    other = twin(error)
    assert type(other) is FaultError
    assert str(other) == str(error)


@pytest.mark.parametrize(
    ("word", "allowed", "hint"),
    [
        ("cutt", ["stall", "cut"], "did you mean 'cut'? expected one of: cut, stall"),
        ("overloded", ["overloaded", "api"], "did you mean 'overloaded'? expected one of: api, overloaded"),
        ("xyz", ["stall", "cut"], "expected one of: cut, stall"),
        ("", ["stall", "cut"], "expected one of: cut, stall"),
        ("cut", (each for each in ("b", "a")), "expected one of: a, b"),
        ("at", {"after": 1, "at": 2}, "did you mean 'at'? expected one of: after, at"),
    ],
)
def test_the_nearest_word_is_offered(word: str, allowed: object, hint: str) -> None:
    """The nearest if one is near, then all of them in order."""
    assert nearest(word, allowed) == hint  # type: ignore[arg-type]
