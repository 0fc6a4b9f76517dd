"""Requests from aiohttp's low-level server, and what is logged of those that cannot be read."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, BadHttpMethod, InvalidHeader, LineTooLong, TransferEncodingError
from aiohttp.web_protocol import RequestPayloadError

from streamlab.core.exchange import Request
from streamlab.core.sources import Failure
from streamlab.net.incoming import Performed, framing, quiet_logger, read_request, request_factory, unreadable

MOST = 1000


def ask(*data: bytes, logger: logging.Logger | None = None) -> list[tuple[Request, Failure | None, bool, bool, bool]]:
    """Return what a server makes of a request: the request, and what its answer may be."""
    found: list[tuple[Request, Failure | None, bool, bool, bool]] = []

    async def handle(incoming: web.BaseRequest) -> web.StreamResponse:
        assert incoming.transport is not None
        request, failure = await read_request(incoming, incoming.transport, MOST)
        allowed = framing(incoming)
        found.append((request, failure, allowed.chunked, allowed.keep_alive, allowed.has_body))
        incoming.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        return Performed(is_kept=False)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        made = web.Server(
            handle, request_factory=request_factory(MOST), logger=logger or logging.getLogger("test"), access_log=None
        )
        server = await loop.create_server(made, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for each in data:
            writer.write(each)
            await asyncio.sleep(0.01)  # so that it is read by itself
        writer.write_eof()
        await reader.read()
        writer.close()
        await writer.wait_closed()
        server.close()
        await made.shutdown()

    asyncio.run(serve())
    return found


def test_a_request_is_read_whole() -> None:
    """Its path without the host and the query, its headers in order, its body."""
    first = b"POST http://evil.example/a%2fb?c=d&e HTTP/1.1\r\n"
    head = first + b"Host: x\r\nX-A: 1\r\nx-a: 2\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n{}"
    ((request, failure, *allowed),) = ask(head)
    assert failure is None
    assert (request.method, request.path, request.query, request.body) == ("POST", "/a%2fb", "c=d&e", b"{}")
    assert request.headers[1:3] == (("X-A", "1"), ("x-a", "2"))
    assert allowed == [True, True, True]


@pytest.mark.parametrize(
    ("head", "allowed"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", [False, False, True]),
        (b"HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", [True, False, False]),
    ],
)
def test_a_request_says_what_its_answer_may_be(head: bytes, allowed: list[bool]) -> None:
    """Chunks, another request, a body."""
    assert list(ask(head)[0][2:]) == allowed


@pytest.mark.parametrize(
    ("data", "more", "kind"),
    [
        (b"content-length: 1001\r\n\r\n", [], "request_too_large"),
        (b"transfer-encoding: chunked\r\n\r\n7d0\r\n" + b"x" * 2000 + b"\r\n0\r\n\r\n", [], "request_too_large"),
        (b"content-encoding: gzip\r\ncontent-length: 4\r\n\r\n", [b"none"], "invalid_request_error"),
    ],
)
def test_a_body_that_cannot_be_had_is_the_apis_error(data: bytes, more: list[bytes], kind: str) -> None:
    """Too long, or broken."""
    ((request, failure, *_),) = ask(b"POST /a HTTP/1.1\r\nhost: x\r\n" + data, *more)
    assert (request.path, request.body) == ("/a", b"")
    assert failure is not None
    assert kind.removesuffix("_error") in failure.error.type


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (BadHttpMessage("Invalid header value char:\n\n  b'x-api-key: mine'\n  ^"), ": Invalid header value char"),
        (LineTooLong(b"mine", 8190), ": Got more than 8190 bytes"),
        (BadHttpMethod("\x16\x03mine"), ": Received HTTPS traffic on an HTTP port"),
        (InvalidHeader(b"mine"), ""),
        (TransferEncodingError("Mine"), ""),
        (
            RequestPayloadError("400, message:\n  Invalid character in chunk size:\n\n    b'mine'"),
            ": Invalid character in chunk size",
        ),
        (None, ""),
    ],
)
def test_what_cannot_be_read_is_refused_without_a_word_of_it(error: Exception | None, reason: str) -> None:
    """There may be a key in it; the reason is told where it can be told apart."""
    answer = unreadable(error)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert f'"message":"streamlab: the request cannot be read as HTTP/1.1{reason}"'.encode() in answer
    assert b"mine" not in answer.lower()


def test_nothing_of_a_request_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """There may be a key in it, of whatever shape; only what kind of error it was, and where it came up."""
    logger = quiet_logger("streamlab.test")
    assert quiet_logger("streamlab.test") is logger
    assert len(logger.filters) == 1
    with caplog.at_level(logging.DEBUG):
        ask(b'{"key":"my-own-secret"} / HTTP/1.1\r\n\r\n', logger=logger)
        logger.warning("the key %s", "sk-ant-api03-secret")
    texts = [each.getMessage() for each in caplog.records if each.name == logger.name]
    assert texts == ["Error handling request from 127.0.0.1: BadHttpMethod", "the key [redacted]"]
    assert "my-own-secret" not in caplog.text
    assert "web_protocol.py" in caplog.text
