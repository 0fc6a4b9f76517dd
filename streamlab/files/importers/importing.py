"""Importing a file: which format it is, and the exchanges in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from streamlab.core.exchange import Exchange
from streamlab.core.redaction import Pattern
from streamlab.errors import ScenarioError
from streamlab.files.importers import aimock, btjs, event_lists, har, httpmock, pairs, reqllm, sse_text, vcr, vcr_kin, wiremock
from streamlab.files.importers.documents import Document, read_document
from streamlab.files.importers.drafts import Draft, Format
from streamlab.files.importers.finishing import Finisher

__all__ = ["FORMATS", "Imported", "import_file"]

_TABLE: tuple[Format, ...] = (
    sse_text.FORMAT,
    *vcr_kin.FORMATS,
    *vcr.FORMATS,
    httpmock.FORMAT,
    har.FORMAT,
    btjs.FORMAT,
    aimock.FORMAT,
    reqllm.FORMAT,
    wiremock.FORMAT,
    *pairs.FORMATS,
    *event_lists.FORMATS,
)
"""Every format; of two that could both be meant, the narrower comes first."""

FORMATS = tuple(each.name for each in _TABLE)
"""The names of the formats that can be imported."""


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What came of a file. `skipped` says what was left out and why, `unknown` what the format cannot know, each once.

    `redacted` counts the secrets that were taken out.
    """

    format: str
    exchanges: tuple[Exchange, ...]
    skipped: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    redacted: int = 0


def import_file(path: Path, patterns: Sequence[Pattern] = ()) -> Imported:
    """Return the exchanges in a file that another tool recorded, without secrets, those of the user's `patterns` among them.

    Raises ScenarioError, with the file and if known the line, if it cannot be read or is of none of the formats.
    """
    document = read_document(path)
    found = _format(document)
    finisher = Finisher(patterns)
    try:
        exchanges = tuple(_exchanges(found, document, finisher))
    except ScenarioError as error:
        raise document.place(error) from None
    except RecursionError:
        raise ScenarioError("the nesting is too deep").at(str(path)) from None
    unknown = tuple(dict.fromkeys((*found.unknown, *finisher.unknown)))
    skipped = tuple(finisher.skipped)
    return Imported(format=found.name, exchanges=exchanges, skipped=skipped, unknown=unknown, redacted=finisher.redacted)


def _exchanges(found: Format, document: Document, finisher: Finisher) -> Iterator[Exchange]:
    for each in found.read(document):
        if not isinstance(each, Draft):
            finisher.skipped.append(each)
        elif (exchange := finisher.exchange(each)) is not None:
            yield exchange


def _format(document: Document) -> Format:
    found = next((each for each in _TABLE if each.is_this(document)), None)
    if found is not None:
        return found
    name = str(document.path)
    first = document.value[0] if document.kind == "documents" and document.value else document.value
    if isinstance(first, dict) and "streamlab" in first:
        raise ScenarioError("this is a file of streamlab already", hint="there is nothing to import: it can be served").at(name)
    hint = f"known are: {', '.join(FORMATS)}"
    raise ScenarioError("this is none of the formats that can be imported", hint=hint).at(name)
