"""The recorded requests beside the repository: what was asked of the real API, and the status it answered with."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from streamlab.core.exchange import MESSAGES, Request

STREAMS = Path(__file__).resolve().parents[3] / "shared" / "streams"
_HOST = "api.anthropic.com"
_UNREAD = ("<", "[")
"""How a placeholder begins that a recorder left in the place of a body."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads recordings of several recorders, whose own tags stand for plain texts."""


def _tagged(loader: Any, _suffix: str, node: Any) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    parts = loader.construct_sequence(node, deep=True)
    return parts[0] if parts else ""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", _tagged)


def recorded_requests() -> Iterator[tuple[str, Request, int]]:
    """Yield where each recorded request for a message was found, the request, and the status of its answer."""
    for path in sorted(STREAMS.rglob("*")):
        if path.suffix not in (".yaml", ".yml", ".json", ".har"):
            continue
        for request, status in _exchanges(path):
            if request is not None:
                yield str(path.relative_to(STREAMS)), request, status


def _exchanges(path: Path) -> Iterator[tuple[Request | None, int]]:
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    if path.suffix in (".yaml", ".yml"):
        for each in yaml.load(text, _Loader).get("interactions", ()):  # noqa: S506 - a safe loader, with texts for unknown tags
            asked, status = each["request"], each["response"]["status"]["code"]
            headers = tuple((name, values[0]) for name, values in asked["headers"].items() if values)
            body = asked["parsed_body"] if "parsed_body" in asked else asked.get("body")
            yield _request(asked["uri"], headers, body), status
        return
    found = json.loads(text)
    if isinstance(found, dict) and isinstance(found.get("request"), dict) and "b64" in (found["request"].get("body") or {}):
        asked = found["request"]
        yield (
            _request(asked["url"], tuple(asked["headers"].items()), base64.b64decode(asked["body"]["b64"])),
            found["response"]["status"],
        )
    elif isinstance(found, dict) and "log" in found:
        for each in found["log"]["entries"]:
            asked = each["request"]
            headers = tuple((item["name"], item["value"]) for item in asked["headers"])
            yield _request(asked["url"], headers, (asked.get("postData") or {}).get("text")), each["response"]["status"]


def _request(url: str, headers: Any, body: Any) -> Request | None:
    """Return the request, if it is one for a message of the API itself and its body was kept."""
    address = urlsplit(url)
    if address.hostname != _HOST or address.path != MESSAGES or not body:
        return None
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    if raw.startswith(tuple(each.encode() for each in _UNREAD)):
        return None
    fields = tuple((str(name), str(value[0] if isinstance(value, list) else value)) for name, value in headers)
    version = () if any(name.lower() == "anthropic-version" for name, _ in fields) else (("anthropic-version", "2023-06-01"),)
    return Request(path=address.path, query=address.query, headers=(*fields, *version), body=raw)
