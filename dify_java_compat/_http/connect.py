"""TCP connections that can be cancelled while they are being made."""

from __future__ import annotations

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
_TCP = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
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
        try:
            sock = begin((family, kind, protocol), address, source, options)
            finish(sock, timeout, raise_if_cancelled)
        except OSError as error:
            last = error
        else:
            return sock
    try:
        raise last
    finally:
        del last  # it holds this frame, and this frame would hold it


def begin_at_once(
    host: str, port: int, source: tuple[str, int] | None, options: Iterable[tuple[Any, ...]]
) -> socket.socket | None:
    """A socket that connects to a host in digits; None for a name, and where it failed already."""
    if not is_in_digits(host):
        return None
    try:
        return begin(_TCP, (host, port), source, options)
    except OSError:
        return None


def is_in_digits(host: str) -> bool:
    """Whether it is an address of IPv4, that needs no lookup."""
    try:
        socket.inet_pton(socket.AF_INET, host)
    except (OSError, ValueError):
        return False
    return True


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
    if is_in_digits(host):  # getaddrinfo would take longer than the connection
        return [(*_TCP, "", (host, port))]

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


def begin(
    kind: tuple[Any, ...],
    address: Any,
    source: tuple[str, int] | None,
    options: Iterable[tuple[Any, ...]],
) -> socket.socket:
    """A socket of that family, kind and protocol that connects; nothing is waited for."""
    sock = socket.socket(*kind)
    try:
        for option in options:
            sock.setsockopt(*option)
        if source:
            sock.bind(source)
        _start(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def is_connected(sock: socket.socket) -> bool:
    """Whether a connection that was begun is there, or has failed; by now."""
    return wait_for_write(sock, 0.0)


def finish(
    sock: socket.socket, timeout: float | None, raise_if_cancelled: Callable[[], None]
) -> None:
    """Wait until `sock` is connected, which was begun; raises as `dial` does, and closes it."""
    end = None if timeout is None else monotonic() + timeout
    try:
        has_ended = is_connected(sock)
        while not has_ended:
            raise_if_cancelled()
            wait = _CHECK_SECONDS if end is None else end - monotonic()
            if wait <= 0:
                raise TimeoutError("timed out")
            has_ended = wait_for_write(sock, min(wait, _CHECK_SECONDS))
        _check(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        sock.settimeout(timeout)
    except BaseException:
        sock.close()
        raise


def connect(
    sock: socket.socket,
    address: Any,
    timeout: float | None,
    raise_if_cancelled: Callable[[], None],
) -> None:
    """Connect `sock`, which is new; raises as `dial` does."""
    _start(sock, address)
    finish(sock, timeout, raise_if_cancelled)


def _start(sock: socket.socket, address: Any) -> None:
    sock.setblocking(False)
    _check(socket.socket.connect_ex(sock, address))


def _check(failure: int) -> None:
    if failure and failure not in _IN_PROGRESS:
        raise OSError(failure, os.strerror(failure))
