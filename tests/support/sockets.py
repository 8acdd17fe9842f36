"""Certificates for TLS; ports that are free, refuse connections or do not respond to them."""

from __future__ import annotations

import atexit
import contextlib
import functools
import secrets
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import trustme


@functools.cache
def tls() -> tuple[ssl.SSLContext, str]:
    """A server's context for localhost, and the file that makes clients trust it."""
    root = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    root.issue_cert("localhost").configure_cert(context)
    directory = tempfile.TemporaryDirectory()
    atexit.register(directory.cleanup)
    path = Path(directory.name) / "ca.pem"
    root.cert_pem.write_to_path(str(path))
    return context, str(path)


def free_port() -> int:
    """A port for a server that must be told one.

    Below those that Linux gives to who asks for any: else another test would have it meanwhile.
    """
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """A port that refuses connections: bound, so that nobody else gets it, but not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextlib.contextmanager
def full_listener() -> Iterator[int]:
    """A port of a listener whose queue is full: the system answers no connection."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        while True:
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0.2)
            try:
                waiting.connect(("127.0.0.1", port))
            except TimeoutError:
                break
        yield port
