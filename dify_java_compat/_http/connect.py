"""TCP connections that can be cancelled while they are being made."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

from urllib3.util.connection import allowed_gai_family
from urllib3.util.wait import wait_for_write

_CHECK_SECONDS = 0.05  # sockets have no portable call that ends a connect in another thread
_IN_PROGRESS = (errno.EINPROGRESS, errno.EWOULDBLOCK)


def dial(
    host: str,
    port: int,
    timeout: float | None,
    raise_if_cancelled: Callable[[], None],
    source: tuple[str, int] | None = None,
    options: Iterable[tuple[Any, ...]] = (),
) -> socket.socket:
    """A connection to the first address of `host` that accepts one.

    `timeout` is for each address, in seconds; None for no limit. `raise_if_cancelled` is called
    every 50 ms; what it raises ends the dialing and comes out. The lookup of the name, which is the
    system's, cannot be cancelled. Raises the OSError of the last address, TimeoutError among them.
    """
    last: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host.strip("[]"), port, allowed_gai_family(), socket.SOCK_STREAM
    ):
        sock = socket.socket(family, kind, protocol)
        try:
            for option in options:
                sock.setsockopt(*option)
            if source:
                sock.bind(source)
            _connect(sock, address, timeout, raise_if_cancelled)
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


def _connect(
    sock: socket.socket,
    address: Any,
    timeout: float | None,
    raise_if_cancelled: Callable[[], None],
) -> None:
    end = None if timeout is None else time.monotonic() + timeout
    sock.setblocking(False)
    failure = sock.connect_ex(address)
    while failure in _IN_PROGRESS:
        raise_if_cancelled()
        wait = _CHECK_SECONDS if end is None else end - time.monotonic()
        if wait <= 0:
            raise TimeoutError("timed out")
        if wait_for_write(sock, min(wait, _CHECK_SECONDS)):
            failure = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if failure:
        raise OSError(failure, os.strerror(failure))
    sock.settimeout(timeout)
