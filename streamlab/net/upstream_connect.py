"""Connecting to the recorder's upstream: where it is, by what proxy, whom to trust, and why it cannot be had."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import h11

from streamlab.core.exchange import Request
from streamlab.core.redaction import credential_texts
from streamlab.errors import ServerError
from streamlab.net.upstream_connection import Connection, Listener, Tls

__all__ = ["Route", "check_upstream", "connect", "find_route", "tls_context"]

_PORTS = {"http": 80, "https": 443}
_NEXT_ADDRESS = 2.0
"""Seconds after which a host's next address is tried."""

_UNSEEN = re.compile(r"[\x00-\x20\x7f]")
_EXPIRED, _NOT_YET, _OTHER_NAMES = 10, 9, (62, 64)
_NO_TLS = {"HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL", "WRONG_VERSION_NUMBER"}


@dataclass(frozen=True, slots=True)
class Place:
    """A host, in ASCII and without brackets, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where the upstream is and the way there. `user` are the user and password of the proxy as its URL has them, or empty."""

    is_tls: bool
    place: Place
    prefix: str = ""
    proxy: Place | None = None
    user: str = ""

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return "https" if self.is_tls else "http"

    @property
    def authority(self) -> str:
        """The value of the `host` header: without the port if it is the usual one."""
        return str(self.place).removesuffix(f":{_PORTS[self.scheme]}")

    @property
    def name(self) -> str:
        """The upstream, and its proxy if there is one, for people."""
        origin = f"{self.scheme}://{self.authority}"
        return f"{origin} (through the proxy {self.proxy})" if self.proxy else origin

    @property
    def proxy_headers(self) -> tuple[tuple[str, str], ...]:
        """What the proxy must be told."""
        return (("proxy-authorization", f"Basic {_basic(self.user)}"),) if self.user else ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be kept of it: the proxy's password, alone and with its user, in each way to write them."""
        return credential_texts(self.user, _basic(self.user)) if self.user else ()

    def target(self, request: Request) -> str:
        """Return what the first line of a request asks for: a path, or a whole URL where a proxy reads it."""
        path = self.prefix + request.path + (f"?{request.query}" if request.query else "")
        return f"http://{self.authority}{path}" if self.proxy and not self.is_tls else path


def check_upstream(url: str) -> None:
    """Raise ServerError if a URL cannot be that of an upstream."""
    _parse(url)


def find_route(url: str) -> Route:
    """Return the way to an upstream, by the proxy that the environment names. Raises ServerError if there is none."""
    parts = _parse(url)
    place = Place(_ascii(parts.hostname or ""), parts.port or _PORTS[parts.scheme])
    proxy, user = _proxy(parts.scheme, place)
    prefix = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
    return Route(is_tls=parts.scheme == "https", place=place, prefix=prefix, proxy=proxy, user=user)


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return what certificates are checked with. Raises ServerError if the file has none."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except ssl.SSLError:
            raise ServerError(f"the file {ca_file!r} of --ca-file holds no certificate\n  hint: it must be PEM") from None
        except OSError as error:
            raise ServerError(f"the file {ca_file!r} of --ca-file cannot be read: {error.strerror}") from None
    return context


def _parse(url: str) -> SplitResult:
    """Return the parts of an upstream's URL. What may be a secret in it is never in the error."""
    hint = "\n  hint: it looks like https://api.anthropic.com"
    shown = re.split("[?#]", url)[0]
    try:
        parts = urlsplit(url)
        is_place = parts.port != 0 and bool(_ascii(parts.hostname or ""))
    except ValueError:  # UnicodeError is one
        is_place = False
    if "@" in url:
        raise ServerError(
            "the upstream's URL must not have a user or a password in it\n  hint: the client sends its key itself"
        )
    if "://" not in url:
        raise ServerError(
            f"the upstream {shown!r} is no URL\n  hint: write it with its scheme, as in https://{shown or 'HOST'}"
        )
    if url.partition("://")[0].lower() not in _PORTS:
        raise ServerError(f"the upstream {shown!r} is neither http:// nor https://{hint}")
    if not is_place or _UNSEEN.search(url):
        raise ServerError(f"the upstream {shown!r} is no URL with a host and a port{hint}")
    if shown != url:
        raise ServerError(f"the upstream {shown!r} has a query or a fragment after it\n  hint: end it with the host or a path")
    return parts


def _ascii(host: str) -> str:
    """Return a host's name as DNS has it. Raises UnicodeError if it cannot be one."""
    return host if host.isascii() and ":" in host else host.encode("idna").decode()


def _proxy(scheme: str, place: Place) -> tuple[Place | None, str]:
    """Return the proxy that the environment names, with its user and password as written. Raises ServerError if it is none."""
    named = getproxies()
    url = named.get(scheme) or named.get("all")
    if not url or proxy_bypass(str(place)) or proxy_bypass(place.host):
        return None, ""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        proxy = Place(_ascii(parts.hostname or ""), parts.port or _PORTS["http"])
    except ValueError:
        parts, proxy = SplitResult("", "", "", "", ""), Place("", 0)
    if parts.scheme != "http" or not proxy.host:
        said = f"{scheme.upper()}_PROXY or ALL_PROXY"
        raise ServerError(
            f"{said} names no proxy that can be used\n  hint: write http://HOST:PORT, or name {place.host} in NO_PROXY"
        )
    return proxy, parts.netloc.rpartition("@")[0]


def _basic(user: str) -> str:
    """Return a user and password as Basic authorization has them."""
    name, _, password = user.partition(":")
    return base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()


class _Inbox:
    """What comes before there is an answer: bytes to wait for."""

    def __init__(self, connection: Connection) -> None:
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        connection.listen(Listener(lambda: None, self._queue.put_nowait, lambda _: self._queue.put_nowait(b"")))

    async def more(self) -> bytes:
        """Return what comes next; nothing if that is the end."""
        return await self._queue.get()


async def connect(connection: Connection, route: Route, context: ssl.SSLContext | None) -> None:
    """Open a connection to the upstream, through its proxy and with TLS as the route says.

    Raises ServerError with one sentence on why it cannot be had and what to do.
    """
    try:
        await _open(connection, route)
        inbox = _Inbox(connection)
        if route.is_tls and route.proxy is not None:
            await _tunnel(connection, inbox, route)
        if context is not None:
            await _secure(connection, inbox, route, context)
    except BaseException:
        connection.abort()
        raise


async def _open(connection: Connection, route: Route) -> None:
    """Connect to one of the addresses of the upstream or of its proxy."""
    loop = asyncio.get_running_loop()
    place = route.proxy or route.place
    try:
        addresses = await loop.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except OSError as error:
        said = f"the host of {'the proxy for ' if route.proxy else ''}{route.name} cannot be found: {error.strerror}"
        raise ServerError(f"{said}; check how it is written, and the network") from None
    problem: OSError = OSError()
    for number, (*kind, _, address) in enumerate(addresses, 1):
        sock = None
        try:
            sock = socket.socket(*kind)
            sock.settimeout(0)
            async with asyncio.timeout(None if number == len(addresses) else _NEXT_ADDRESS):
                await loop.sock_connect(sock, address)
            await loop.create_connection(lambda: connection, sock=sock)
        except OSError as error:
            problem = error
            _close(sock)
        except BaseException:
            _close(sock)
            raise
        else:
            return
    raise ServerError(_unreachable(route, problem)) from None


def _close(sock: socket.socket | None) -> None:
    if sock is not None:
        sock.close()


async def _tunnel(connection: Connection, inbox: _Inbox, route: Route) -> None:
    """Have the proxy connect to the upstream. An upstream of TLS waits for us to begin, so nothing comes after the head."""
    http = h11.Connection(h11.CLIENT)
    headers = [("host", str(route.place)), *route.proxy_headers]
    connection.write(http.send(h11.Request(method="CONNECT", target=str(route.place), headers=headers)) or b"")
    said = f"the proxy {route.proxy}"
    try:
        while not isinstance(event := http.next_event(), h11.Response):
            if event is h11.NEED_DATA:
                http.receive_data(await inbox.more())
    except h11.RemoteProtocolError:
        said = f"{said} closed the connection or does not speak HTTP"
        raise ServerError(f"{said}; check the environment's HTTPS_PROXY, or name {route.place.host} in NO_PROXY") from None
    if event.status_code == 407:  # noqa: PLR2004
        said = f"{said} {'refuses the' if route.user else 'asks for a'} user and password"
        raise ServerError(f"{said}; put USER:PASSWORD@ before the host in HTTPS_PROXY")
    if event.status_code >= 300:  # noqa: PLR2004
        status = f"{event.status_code} {event.reason.decode('latin-1')}".rstrip()
        raise ServerError(f"{said} refuses to connect to {route.place}: {status}; ask whoever runs it, or use NO_PROXY")


async def _secure(connection: Connection, inbox: _Inbox, route: Route, context: ssl.SSLContext) -> None:
    """Shake hands in TLS."""
    tls, data = Tls(context, route.place.host), b""
    try:
        while not tls.shake_hands(data):
            connection.write(tls.outgoing())
            data = await inbox.more()
            if not data:
                raise ServerError(f"{route.name} closed the connection during the TLS handshake; does it speak TLS there?")
    except ssl.SSLError as error:
        raise ServerError(_distrusted(route, error)) from None
    finally:
        connection.write(tls.outgoing())
    connection.secure(tls)


def _unreachable(route: Route, error: OSError) -> str:
    """Say why no address can be connected to."""
    if isinstance(error, ConnectionRefusedError):
        who = f"the proxy {route.proxy}" if route.proxy else route.name
        return f"nothing listens at {who}; is it running, and is the port right?"
    reason = "no answer" if error.errno is None else os.strerror(error.errno)
    return f"{route.name} cannot be reached: {reason}; is it running, and the network up?"


def _distrusted(route: Route, error: ssl.SSLError) -> str:
    """Say why there is no TLS."""
    host = route.place.host
    if not isinstance(error, ssl.SSLCertVerificationError):
        if error.reason in _NO_TLS:
            return f"{route.name} does not speak TLS there; use http://, or another port"
        return f"the TLS handshake with {route.name} failed: {error.reason or error.strerror}"
    if error.verify_code in _OTHER_NAMES:
        return f"the certificate of {route.name} is not for {host!r}; use a host name that it is made for"
    if error.verify_code in (_EXPIRED, _NOT_YET):
        when = "has expired" if error.verify_code == _EXPIRED else "is not valid yet"
        return f"the certificate of {route.name} {when}; have it renewed, or set this machine's clock"
    reason = error.verify_message
    return f"the certificate of {route.name} is not trusted: {reason}; name the authority that signed it with --ca-file"
