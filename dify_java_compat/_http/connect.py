"""TCP connections that can be cancelled while they are being made."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

from urllib3.util.connection import allowed_gai_family
from urllib3.util.wait import wait_for_write

from .clock import monotonic
from .threads import start_thread

_CHECK_SECONDS = 0.05  # sockets have no portable call that ends a connect in another thread
_IN_PROGRESS = (errno.EINPROGRESS, errno.EWOULDBLOCK)


def dial(
    host: str,
    port: int,
    timeout: float | None,
    raise_if_cancelled: Callable[[], None],
    source: tuple[str, int] | None = None,
    options: Iterable[tuple[Any, ...]] = (),
    *,
    is_bounded: bool = False,
) -> socket.socket:
    """A connection to the first address of `host` that accepts one.

    `timeout` is for each address, in seconds; None for no limit. `raise_if_cancelled` is called
    every 50 ms; what it raises ends the dialing and comes out. The lookup of the name, which is the
    system's, cannot be cancelled; where `is_bounded`, a thread of its own waits for it, and is left
    to itself. Raises the OSError of the last address, TimeoutError among them.
    """
    last: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in addresses(
        host, port, raise_if_cancelled if is_bounded else None
    ):
        sock = socket.socket(family, kind, protocol)
        try:
            for option in options:
                sock.setsockopt(*option)
            if source:
                sock.bind(source)
            connect(sock, address, timeout, raise_if_cancelled)
        except BaseException as error:
            sock.close()
            if not isinstance(error, OSError):
                raise
            last = error
        else:
            return sock
    try:
        raise last
    finally:
        del last  # it holds this frame, and this frame would hold it


def timeout_of(sock: Any) -> float | None:
    """The timeout that is set; pyOpenSSL's sockets do not say it, those below them do."""
    known = sock if hasattr(sock, "gettimeout") else sock.socket
    seconds: float | None = known.gettimeout()
    return seconds


def addresses(
    host: str, port: int, raise_if_cancelled: Callable[[], None] | None = None
) -> list[tuple[Any, ...]]:
    """What getaddrinfo says; with `raise_if_cancelled`, for as long as that raises nothing."""

    host = host.strip("[]")
    with contextlib.suppress(OSError, ValueError):  # a name, or what is none
        socket.inet_pton(socket.AF_INET, host)
        # getaddrinfo would take longer than the connection
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]

    def look_up() -> list[tuple[Any, ...]]:
        family = allowed_gai_family()
        return list(socket.getaddrinfo(host, port, family, socket.SOCK_STREAM))

    if raise_if_cancelled is None or not host.strip("0123456789.:abcdefABCDEF"):
        return look_up()
    found: list[list[tuple[Any, ...]] | BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            found.append(look_up())
        except BaseException as error:
            found.append(error)
        done.set()

    try:
        start_thread(run, "dify-lookup")
    except RuntimeError:  # no more threads
        return look_up()
    while not done.wait(_CHECK_SECONDS):
        raise_if_cancelled()
    [result] = found
    if isinstance(result, BaseException):
        raise result
    return result


def connect(
    sock: socket.socket,
    address: Any,
    timeout: float | None,
    raise_if_cancelled: Callable[[], None],
) -> None:
    """Connect `sock`, which is new; raises as `dial` does."""
    end = None if timeout is None else monotonic() + timeout
    sock.setblocking(False)
    failure = socket.socket.connect_ex(sock, address)
    while failure in _IN_PROGRESS:
        raise_if_cancelled()
        wait = _CHECK_SECONDS if end is None else end - monotonic()
        if wait <= 0:
            raise TimeoutError("timed out")
        if wait_for_write(sock, min(wait, _CHECK_SECONDS)):
            failure = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if failure:
        raise OSError(failure, os.strerror(failure))
    sock.settimeout(timeout)
