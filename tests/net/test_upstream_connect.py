"""The way to an upstream: its URL, proxies, certificates, addresses, and one clear sentence for each way in which it fails."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import os
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from raw_upstream import LONG, Peer, RawUpstream, run, serving, tls_server, write_authority

from streamlab.core.exchange import Ended, Request
from streamlab.errors import ServerError
from streamlab.net import upstream_connect as module
from streamlab.net.upstream import Upstream
from streamlab.net.upstream_connect import check_upstream, find_route

SIZED = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
REQUEST = Request(body=b"{}")
Outcome = tuple[Ended | None, bytes, str]


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the file of the authority that the upstreams here are certified by."""
    return write_authority(tmp_path_factory.mktemp("authority"))


def answer(peer: Peer) -> None:
    """Answer one request."""
    peer.request()
    peer.send(SIZED)
    peer.left()


def ask(url: str, *, ca: str | None = None, timeout: float | None = None) -> Outcome:
    """Send a request there; return how the answer ended, its body, and the problem."""

    async def send() -> Outcome:
        async with Upstream(url, ca_file=ca, timeout=timeout) as upstream:
            got = await upstream.send(REQUEST, ())
            data = b"".join([read.data async for read in got])
            assert got.head is not None or got.ended not in (None, Ended.COMPLETE)
            assert not got.problem.endswith("\n")
            return got.ended, data, got.problem

    return run(send)


HELLO = (Ended.COMPLETE, b"hello", "")


# URLs.


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "the upstream '' is no URL\n  hint: write it with its scheme, as in https://HOST"),
        ("api.anthropic.com", "is no URL\n  hint: write it with its scheme, as in https://api.anthropic.com"),
        ("localhost:8000/v1", "the upstream 'localhost:8000/v1' is no URL\n  hint: write it with its scheme"),
        ("ftp://host", "the upstream 'ftp://host' is neither http:// nor https://\n  hint: it looks like https://api"),
        ("://host", "is neither http:// nor https://"),
        ("https://", "the upstream 'https://' is no URL with a host and a port\n  hint: it looks like https://api"),
        ("https:///path", "is no URL with a host and a port"),
        ("https://host:0", "is no URL with a host and a port"),
        ("https://host:70000", "is no URL with a host and a port"),
        ("https://host:http", "is no URL with a host and a port"),
        ("https://[::1", "is no URL with a host and a port"),
        ("https://a..b", "is no URL with a host and a port"),
        ("https://" + "a" * 64, "is no URL with a host and a port"),
        ("https://host/a b", "is no URL with a host and a port"),
        ("https://host\n", "is no URL with a host and a port"),
        ("https://user:secret@host", "the upstream's URL must not have a user or a password in it\n  hint: the client sends"),
        ("https://user:sec/ret@host:99999", "must not have a user or a password in it"),
        ("user:secret@host", "must not have a user or a password in it"),
        (
            "https://host/v1?key=secret",
            "the upstream 'https://host/v1' has a query or a fragment after it\n  hint: end it with",
        ),
        ("ftp://host?secret", "the upstream 'ftp://host' is neither"),
        ("https://host#secret", "has a query or a fragment"),
        ("https://host?", "has a query or a fragment"),
    ],
)
def test_what_is_no_upstream_is_refused(url: str, said: str) -> None:
    """The error says what to write instead, and never repeats what may be a secret."""
    with pytest.raises(ServerError) as caught:
        check_upstream(url)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "sec/ret" not in str(caught.value)
    with pytest.raises(ServerError):
        Upstream(url)


@pytest.mark.parametrize(
    ("url", "authority", "place", "target"),
    [
        ("https://api.anthropic.com", "api.anthropic.com", "api.anthropic.com:443", "/v1/messages"),
        ("HTTPS://API.anthropic.com:443/", "api.anthropic.com", "api.anthropic.com:443", "/v1/messages"),
        ("http://host", "host", "host:80", "/v1/messages"),
        ("http://host:443", "host:443", "host:443", "/v1/messages"),
        ("http://localhost:4010/~one/", "localhost:4010", "localhost:4010", "/~one/v1/messages"),
        ("https://host/a%20b/\u00e9", "host", "host:443", "/a%20b/%C3%A9/v1/messages"),
        ("http://[::1]:8080", "[::1]:8080", "[::1]:8080", "/v1/messages"),
        ("http://[::1]", "[::1]", "[::1]:80", "/v1/messages"),
        ("https://b\u00fccher.example", "xn--bcher-kva.example", "xn--bcher-kva.example:443", "/v1/messages"),
    ],
)
def test_a_url_is_read(url: str, authority: str, place: str, target: str) -> None:
    """Its host goes into the `host` header, its path before each request's."""
    check_upstream(url)
    route = find_route(url)
    assert (route.authority, str(route.place), route.target(Request())) == (authority, place, target)
    assert route.target(Request(path="/x", query="a=1&b")) == target.removesuffix("/v1/messages") + "/x?a=1&b"


# Proxies, from the environment.


@pytest.mark.parametrize(
    ("environment", "url", "proxy", "credentials"),
    [
        ({}, "https://host", None, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "https://host", "proxy:3128", None),
        ({"https_proxy": "http://proxy:3128"}, "https://host", "proxy:3128", None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://host", None, None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://host", "proxy:3128", None),
        ({"http_proxy": "proxy:3128"}, "http://host", "proxy:3128", None),
        ({"ALL_PROXY": "http://proxy"}, "http://host", "proxy:80", None),
        ({"all_proxy": "http://[::1]:1"}, "https://host", "[::1]:1", None),
        ({"HTTPS_PROXY": "http://one:1", "ALL_PROXY": "http://two:2"}, "https://host", "one:1", None),
        ({"HTTPS_PROXY": "http://us%40er:p%3Aw@proxy:1"}, "https://host", "proxy:1", b"us@er:p:w"),
        ({"HTTPS_PROXY": "http://user@proxy:1"}, "https://host", "proxy:1", b"user:"),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "other"}, "https://host", "proxy:1", None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "other, host"}, "https://host", None, None),
        ({"HTTPS_PROXY": "http://proxy:1", "no_proxy": "example.com"}, "https://api.example.com", None, None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "host:8443"}, "https://host:8443", None, None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "host:8443"}, "https://host", "proxy:1", None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "*"}, "https://host", None, None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "::1"}, "https://[::1]", None, None),
        ({"HTTPS_PROXY": ""}, "https://host", None, None),
        ({"HTTPS_PROXY": "socks5://user:secret@proxy", "NO_PROXY": "host"}, "https://host", None, None),
    ],
)
def test_a_proxy_is_taken_from_the_environment(
    environment: dict[str, str], url: str, proxy: str | None, credentials: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the usual variables, in either case."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    route = find_route(url)
    assert (str(route.proxy) if route.proxy else None) == proxy
    expected = (("proxy-authorization", "Basic " + base64.b64encode(credentials).decode()),) if credentials else ()
    assert route.proxy_headers == expected
    prefix = url if proxy and not route.is_tls else ""
    assert route.target(Request()) == f"{prefix}/v1/messages"


@pytest.mark.parametrize(
    "proxy", ["socks5://user:secret@proxy:1", "https://user:secret@proxy", "http://", "http://host:secret"]
)
def test_a_proxy_that_cannot_be_used_is_an_error(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent past it, and no password is shown."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ServerError) as caught:
        Upstream("https://api.example")
    assert str(caught.value) == (
        "HTTPS_PROXY or ALL_PROXY names no proxy that can be used\n"
        "  hint: write http://HOST:PORT, or name api.example in NO_PROXY"
    )


def pump(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes until the source ends, and end the target."""
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def proxying(*, to: int, before: bytes = b"") -> Iterator[RawUpstream]:
    """Give a proxy that connects to the port, whatever it is asked for."""

    def behave(peer: Peer) -> None:
        peer.request()
        with socket.create_connection(("127.0.0.1", to)) as target:
            peer.send(before + b"HTTP/1.1 200 Connection established\r\nserver: proxy\r\n\r\n")
            back = threading.Thread(target=pump, args=(target, peer.socket))
            back.start()
            pump(peer.socket, target)
            back.join(LONG)

    with serving(behave) as proxy:
        yield proxy


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_tls_goes_through_a_tunnel(before: bytes, ca: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy is asked to connect, with its password, and sees nothing of the request; the certificate is the upstream's."""
    with serving(answer, tls=tls_server("upstream.example")) as server, proxying(to=server.port, before=before) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@127.0.0.1:{proxy.port}")
        assert ask("https://upstream.example:8443", ca=ca) == HELLO
    (connect,) = proxy.requests
    assert connect == (
        b"CONNECT upstream.example:8443 HTTP/1.1\r\nhost: upstream.example:8443\r\n"
        b"proxy-authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n"
    )
    assert server.requests == [b"POST /v1/messages HTTP/1.1\r\nhost: upstream.example:8443\r\ncontent-length: 2\r\n\r\n{}"]


def test_no_proxy_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host named in NO_PROXY is connected to directly."""
    with serving(answer) as server, serving(answer) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert ask(server.url) == HELLO
    assert (server.connections, proxy.connections) == (1, 0)


@pytest.mark.parametrize(
    ("sent", "user", "said"),
    [
        (b"HTTP/1.1 407 No\r\n\r\n", "", " asks for a user and password; put USER:PASSWORD@ before the host in HTTPS_PROXY"),
        (
            b"HTTP/1.1 407 No\r\n\r\n",
            "user:secret@",
            " refuses the user and password; put USER:PASSWORD@ before the host in HTTPS_PROXY",
        ),
        (
            b"HTTP/1.1 403 Forbidden\r\n\r\n",
            "",
            " refuses to connect to upstream.example:443: 403 Forbidden; ask whoever runs it, or use NO_PROXY",
        ),
        (b"HTTP/1.1 502\r\n\r\n", "", " refuses to connect to upstream.example:443: 502; ask"),
        (b"SSH-2.0\r\n\r\n", "", " closed the connection or does not speak HTTP; check the environment's HTTPS_PROXY, or name"),
        (b"", "", " closed the connection or does not speak HTTP; check"),
    ],
)
def test_a_proxy_that_does_not_connect_is_named(sent: bytes, user: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The problem is the proxy's, and says so, without its password."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(sent)
        peer.fin()
        peer.left()

    with serving(behave) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{user}127.0.0.1:{proxy.port}")
        ended, body, problem = ask("https://upstream.example")
    assert (ended, body) == (Ended.REFUSED, b"")
    assert problem.startswith(f"the proxy 127.0.0.1:{proxy.port}{said}")
    assert "secret" not in problem


# Certificates.


def test_a_file_of_authorities_is_trusted(ca: str) -> None:
    """And the upstream is asked for HTTP/1.1."""
    context = tls_server()
    context.set_alpn_protocols(["h2", "http/1.1"])
    chosen = []
    with serving(lambda peer: (chosen.append(peer.socket.selected_alpn_protocol()), answer(peer)), tls=context) as server:  # type: ignore[attr-defined]
        assert ask(server.url, ca=ca) == HELLO
    assert chosen == ["http/1.1"]


def test_the_environment_names_authorities(ca: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """SSL_CERT_FILE stands for the system's."""
    monkeypatch.setenv("SSL_CERT_FILE", ca)
    with serving(answer, tls=True) as server:
        assert ask(server.url) == HELLO


EXPIRED = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("context", "is_trusted", "said"),
    [
        (
            tls_server,
            False,
            "is not trusted: unable to get local issuer certificate; name the authority that signed it with --ca-file",
        ),
        (lambda: tls_server("other.example"), True, "is not for '127.0.0.1'; use a host name that it is made for"),
        (lambda: tls_server(not_after=EXPIRED), True, "has expired; have it renewed, or set this machine's clock"),
        (
            lambda: tls_server(not_before=dt.datetime.now(dt.UTC) + dt.timedelta(days=9)),
            True,
            "is not valid yet; have it renewed, or set this machine's clock",
        ),
    ],
    ids=["untrusted", "of another host", "expired", "not yet valid"],
)
def test_a_bad_certificate_is_refused(context: Callable[[], ssl.SSLContext], is_trusted: bool, said: str, ca: str) -> None:  # noqa: FBT001
    """Nothing is sent, and the problem says which way it is bad and what to do."""
    with serving(answer, tls=context()) as server:
        ended, body, problem = ask(server.url, ca=ca if is_trusted else None)
    assert (ended, body, problem) == (Ended.REFUSED, b"", f"the certificate of {server.url} {said}")
    assert server.requests == []


def test_a_certificate_for_a_name_is_one_for_no_other(ca: str) -> None:
    """The host name of the URL counts, not the address."""
    with serving(answer, tls=tls_server("localhost")) as server:
        assert ask(f"https://localhost:{server.port}", ca=ca) == HELLO


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: None, r"the file '.*' of --ca-file cannot be read: No such file or directory"),
        (lambda path: path.mkdir(), r"the file '.*' of --ca-file (cannot be read: Is a directory|holds no certificate.*)"),
        (lambda path: path.write_text("none"), r"the file '.*' of --ca-file holds no certificate\n  hint: it must be PEM"),
    ],
    ids=["missing", "a directory", "no certificate"],
)
def test_a_file_without_authorities_is_an_error(make: Callable[[Path], object], said: str, tmp_path: Path) -> None:
    """Before anything is connected to."""
    make(tmp_path / "ca.pem")
    with pytest.raises(ServerError) as caught:
        Upstream("https://host", ca_file=str(tmp_path / "ca.pem"))
    assert re.fullmatch(said, str(caught.value), re.DOTALL)


# Connections that do not come about.


def test_nothing_listens() -> None:
    """The most common failure has the most common reasons in its sentence."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    problem = f"nothing listens at http://127.0.0.1:{port}; is it running, and is the port right?"
    assert ask(f"http://127.0.0.1:{port}") == (Ended.REFUSED, b"", problem)


def test_no_proxy_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is the proxy that is named."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
    problem = f"nothing listens at the proxy 127.0.0.1:{port}; is it running, and is the port right?"
    assert ask("http://host") == (Ended.REFUSED, b"", problem)


@pytest.mark.parametrize("is_proxy", [False, True])
def test_a_host_that_does_not_exist(is_proxy: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    """A name that nobody has is told from a server that is down."""
    url = "http://nobody.invalid"
    if is_proxy:
        monkeypatch.setenv("HTTP_PROXY", url)
        url = "http://host"
    ended, _, problem = ask(url)
    assert ended is Ended.REFUSED
    who = "the proxy for http://host (through the proxy nobody.invalid:80)" if is_proxy else url
    assert problem.startswith(f"the host of {who} cannot be found: ")
    assert problem.endswith("; check how it is written, and the network")


def test_an_address_that_cannot_be_reached() -> None:
    """The system's words for it are kept."""
    ended, _, problem = ask("http://255.255.255.255:9")
    assert ended is Ended.REFUSED
    assert re.fullmatch(r"http://255\.255\.255\.255:9 cannot be reached: .+; is it running, and the network up\?", problem)


def test_an_address_of_an_unknown_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine may know names whose addresses it has no sockets for."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [(12345, socket.SOCK_STREAM, 0, "", ("::1", 9))])
    problem = "http://host:9 cannot be reached: Address family not supported by protocol; is it running, and the network up?"
    assert ask("http://host:9") == (Ended.REFUSED, b"", problem)


@contextmanager
def deaf() -> Iterator[tuple[str, int]]:
    """Give an address at which no connection is accepted or refused."""
    with socket.socket() as listener, contextlib.ExitStack() as clients:
        listener.bind(("127.0.0.2", 0))
        listener.listen(0)
        for _ in range(4):
            client = clients.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()


def addresses(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    """Let every name have these addresses."""
    real = socket.getaddrinfo

    def find(_: str, *options: int) -> list[object]:
        return [each for host in hosts for each in real(host, *options)]

    monkeypatch.setattr(socket, "getaddrinfo", find)


def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """One refuses, one says nothing, the third answers."""
    monkeypatch.setattr(module, "_NEXT_ADDRESS", 0.02)
    with deaf() as (host, port), socket.create_server(("127.0.0.1", port)) as listener:
        addresses(monkeypatch, "127.0.0.3", host, "127.0.0.1")
        listener.settimeout(LONG)

        def serve() -> None:
            with listener.accept()[0] as sock:
                answer(Peer(sock, []))

        thread = threading.Thread(target=serve)
        thread.start()
        assert ask(f"http://host:{port}") == HELLO
        thread.join(LONG)


def test_silence_of_the_last_address_is_bounded_by_the_timeout() -> None:
    """Whoever gives a timeout gives it for connecting as well."""
    with deaf() as (host, port):
        ended, _, problem = ask(f"http://{host}:{port}", timeout=0.05)
    assert (ended, problem) == (Ended.TIMEOUT, f"http://{host}:{port} could not be connected to within 0.05 s")


@pytest.mark.parametrize(
    ("behave", "said"),
    [
        (
            lambda peer: (peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), peer.left()),
            " does not speak TLS there; use http://, or another port",
        ),
        (
            lambda peer: (peer._read(), peer.fin(), peer.left()),
            " closed the connection during the TLS handshake; does it speak",
        ),
        (
            lambda peer: (peer._read(), peer.reset()),
            " closed the connection during the TLS handshake; does it speak TLS there?",
        ),
        (lambda peer: (peer.send(b"\x15\x03\x03\0\x02\x02\x28"), peer.left()), r"the TLS handshake with {} failed: "),
    ],
    ids=["plain HTTP", "FIN", "RST", "an alert"],
)
def test_an_upstream_that_does_not_speak_tls(behave: Callable[[Peer], object], said: str) -> None:
    """The problem says so."""
    with serving(behave) as server:
        url = server.url.replace("http:", "https:")
        ended, _, problem = ask(url)
    assert ended is Ended.REFUSED
    assert problem.startswith(said.format(url) if "{}" in said else url + said)


def test_the_announced_end_of_tls_is_the_end_of_the_connection(ca: str) -> None:
    """What came with it is read first."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        peer.close()

    with serving(behave, tls=True) as server:
        assert ask(server.url, ca=ca) == HELLO


def test_garbage_in_tls_is_an_error(ca: str) -> None:
    """And no close."""

    def behave(peer: Peer) -> None:
        peer.request()
        os.write(peer.socket.fileno(), b"\x17\x03\x03\0\x05hello")
        peer.left()

    with serving(behave, tls=True) as server:
        assert ask(server.url, ca=ca)[0] is Ended.REFUSED


def test_an_address_of_ipv6(ca: str) -> None:
    """Its brackets are taken off to connect and to check, and put into the `host` header."""
    with serving(answer, tls=True, host="::1") as server:
        assert ask(server.url, ca=ca) == HELLO
    assert b"\r\nhost: [::1]:%d\r\n" % server.port in server.requests[0]
