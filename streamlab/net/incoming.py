"""Requests as aiohttp's low-level server gives them, and answers that it is not to write."""

from __future__ import annotations

import asyncio
import logging
import re
import traceback
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.http import HttpVersion11
from aiohttp.web_protocol import RequestPayloadError

from streamlab.core.actions import Framing, Send
from streamlab.core.api_errors import ERRORS
from streamlab.core.exchange import Request
from streamlab.core.identity import generator
from streamlab.core.redaction import redact_text
from streamlab.core.replies import bare
from streamlab.core.sources import Failure

__all__ = ["Performed", "framing", "quiet_logger", "read_request", "request_factory", "unreadable"]

_REASON = re.compile(
    r"(?:400, message:\s*)?(?:([A-Z][A-Za-z0-9 /-]{1,80})(?::\n\n| when reading: )"
    r"|((?:Received HTTPS traffic on an HTTP port|Can not decode content-encoding: [a-z]+)\Z))"
)
"""What aiohttp says is wrong, before what it quotes."""


class Performed(web.StreamResponse):
    """An answer that is already on the wire; it tells aiohttp only whether to keep the connection."""

    def __init__(self, *, is_kept: bool) -> None:
        super().__init__()
        self._is_kept = is_kept

    @property
    def keep_alive(self) -> bool:
        """Whether the connection takes another request."""
        return self._is_kept

    async def prepare(self, request: web.BaseRequest) -> None:
        """Do nothing: the head has been sent."""

    async def write_eof(self, data: Any = b"") -> None:
        """Do nothing: the body has been sent."""


class _WithoutRequests(logging.Filter):
    """Takes the bytes of requests out of what is logged: there may be secrets in them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep of an error what kind it is and where it came up, and of all else what is not shaped like a key."""
        error = record.exc_info[1] if record.exc_info else None
        kind = f": {type(error).__name__}" if error is not None else ""
        record.msg, record.args = redact_text(record.getMessage()) + kind, ()
        record.exc_text = "".join(traceback.format_tb(error.__traceback__)) if error is not None else None
        record.exc_info = None
        return True


def quiet_logger(name: str) -> logging.Logger:
    """Return a logger for aiohttp, which quotes what it cannot read."""
    logger = logging.getLogger(name)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
        logger.addFilter(_WithoutRequests())
    return logger


def request_factory(most: int) -> Callable[..., web.BaseRequest]:
    """Return what makes requests whose bodies have so many bytes at most."""

    def make(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=most)

    return make


def framing(incoming: web.BaseRequest) -> Framing:
    """Return what a request allows of its answer."""
    return Framing(
        chunked=incoming.version >= HttpVersion11,
        keep_alive=incoming.keep_alive and incoming.content.exception() is None,
        has_body=incoming.method != "HEAD",
    )


async def read_request(incoming: web.BaseRequest, transport: asyncio.Transport, most: int) -> tuple[Request, Failure | None]:
    """Return a request, and the error that the API answers if its body cannot be had; it is empty then.

    Of the URL only path and query count: a client may name any host.
    """
    body = await _read(incoming, transport, most)
    request = Request(
        method=incoming.method,
        path=incoming.rel_url.raw_path,
        query=incoming.rel_url.raw_query_string,
        headers=tuple(incoming.headers.items()),
        body=b"" if isinstance(body, Failure) else body,
    )
    return request, body if isinstance(body, Failure) else None


async def _read(incoming: web.BaseRequest, transport: asyncio.Transport, most: int) -> bytes | Failure:
    if (incoming.content_length or 0) > most:
        return Failure(ERRORS["request_too_large"])
    if (incoming.headers.get("expect") or "").lower() == "100-continue":
        transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        return await incoming.read()
    except web.HTTPRequestEntityTooLarge:
        return Failure(ERRORS["request_too_large"])
    except RequestPayloadError as error:
        return Failure(ERRORS["invalid_request"], f"The request body cannot be read{_reason(error)}")


def unreadable(error: BaseException | None) -> bytes:
    """Return the answer to what is no request, with the reason if that can be told without a word of what came."""
    rng = generator(0, "unreadable")
    failure = Failure(ERRORS["invalid_request"], f"streamlab: the request cannot be read as HTTP/1.1{_reason(error)}")
    script = bare(failure.plan(Request(), rng), (("connection", "close"),), rng).script(Framing(keep_alive=False))
    return b"".join(action.data for action in script if isinstance(action, Send))


def _reason(error: BaseException | None) -> str:
    """Return what follows a statement: the reason, or nothing if it quotes what there may be a key in."""
    found = _REASON.match(str(error))
    return f": {found[1] or found[2]}" if found is not None else ""
