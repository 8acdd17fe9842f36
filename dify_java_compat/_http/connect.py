"""TCP connections that can be given up while they are being made."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

from urllib3.util.connection import allowed_gai_family
from urllib3.util.wait import wait_for_write

_LOOK_EVERY = 0.05  # no call in the portable interface of sockets ends a connecting one
_UNDER_WAY = (errno.EINPROGRESS, errno.EWOULDBLOCK)


def dial(
    host: str,
    port: int,
    timeout: float | None,
    still_wanted: Callable[[], None],
    source: tuple[str, int] | None = None,
    options: Iterable[tuple[Any, ...]] = (),
) -> socket.socket:
    """A connection to the first address of `host` that takes one; OSError of the last where none.

    `timeout` is for each address. `still_wanted` is called every 50 ms and raises to end it. The
    system's looking up of a name cannot be ended.
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
            _connect(sock, address, timeout, still_wanted)
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
        del last  # it holds this frame


def _connect(
    sock: socket.socket, address: Any, timeout: float | None, still_wanted: Callable[[], None]
) -> None:
    until = None if timeout is None else time.monotonic() + timeout
    sock.setblocking(False)
    failure = sock.connect_ex(address)
    while failure in _UNDER_WAY:
        still_wanted()
        left = _LOOK_EVERY if until is None else until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        if wait_for_write(sock, min(left, _LOOK_EVERY)):
            failure = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if failure:
        raise OSError(failure, os.strerror(failure))
    sock.settimeout(timeout)
