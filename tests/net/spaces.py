"""Labs for tests: in this process, and on another server by its control API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from streamlab.net.lab import Host, Lab
from streamlab.net.remote import RemoteHost


@contextmanager
def local(redact: Sequence[str] = ()) -> Iterator[Lab]:
    """Give a lab of a server in this process."""
    host = Host()
    lab = host.lab(redact=redact)
    try:
        yield lab
    finally:
        lab.close()
        host.stop()


@contextmanager
def remote(redact: Sequence[str] = ()) -> Iterator[Lab]:
    """Give a lab that knows its server by its URL alone."""
    host = Host()
    far = RemoteHost(host.url)
    lab = far.lab(redact=redact)
    try:
        yield lab
    finally:
        lab.close()
        far.stop()
        host.stop()


KINDS = {"local": local, "remote": remote}
