"""Small files as other tools record them, for tests of the importers."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import yaml

from streamlab.files.importers import Imported, import_file

START = 'event: message_start\ndata: {"type":"message_start","message":{"model":"claude-sonnet-4-6","id":"msg_01"}      }\n\n'
PING = 'event: ping\ndata: {"type": "ping"}\n\n'
STOP = 'event: message_stop\ndata: {"type":"message_stop"   }\n\n'
STREAM = (
    START + PING + 'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"Grüße 🙂"}}\n\n' + STOP
)
"""A stream with padding, a ping as the API writes it, and text beyond ASCII."""
BODY = STREAM.encode()
GZIPPED = gzip.compress(BODY, mtime=0)
ASKED = '{"model":"claude-sonnet-4-6","max_tokens":5,"messages":[{"role":"user","content":"Hi"}],"stream":true}'
SYNTHETIC = b'{"model":"claude-sonnet-4-6","stream":true}'
URL = "https://api.anthropic.com/v1/messages"
SSE = "text/event-stream; charset=utf-8"


def b64(data: bytes) -> str:
    """Return bytes in base64."""
    return base64.b64encode(data).decode()


def imported(tmp_path: Path, content: Any, name: str = "file.json") -> Imported:
    """Return what comes of a file of this content: bytes and texts as they are, data as JSON."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_bytes((content if isinstance(content, str) else json.dumps(content)).encode())
    return import_file(path)


def vcr(request: Any = None, response: Any = None) -> dict[str, Any]:
    """Return a cassette of VCR.py with one interaction."""
    asked = {"body": ASKED, "headers": {"Accept": ["*/*"]}, "method": "POST", "uri": URL, **(request or {})}
    answer = {"body": {"string": STREAM}, "headers": {"content-type": [SSE]}, "status": {"code": 200, "message": "OK"}}
    return {"interactions": [{"request": asked, "response": {**answer, **(response or {})}}], "version": 1}


def as_yaml(value: Any) -> str:
    """Return data as PyYAML writes it."""
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False)
