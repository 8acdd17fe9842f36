"""urllib3 connections that can be interrupted, and that are dropped when idle for too long."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
)

from .body import ChunkedResponse
from .connect import dial

if TYPE_CHECKING:
    from .transport import Exchange


_SHORTEST = 0.001


class _Current(threading.local):
    exchange: Exchange | None = None


_current = _Current()


class current_exchange:
    """Let the connection that serves this thread know for whom it does.

    requests and urllib3 choose the connection, make it where there is none, and hand nothing of
    the caller's down to it. But they do so, and send, in the thread that calls them, so that a
    variable of that thread reaches it. The last value comes back at the end, for the progress
    callback of an upload may make a call within the call.
    """

    __slots__ = ("_exchange", "_outer")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __enter__(self) -> None:
        self._outer = _current.exchange
        _current.exchange = self._exchange

    def __exit__(self, *_: object) -> None:
        _current.exchange = self._outer


class InterruptibleConnection(HTTPConnection):
    """Knows which exchange it serves, so that this one, and no other, can interrupt it.

    ::

        connect()                          request()     getresponse()          in the pool
        dialing ──▶ TLS handshake ───────▶ sending ────▶ response ────────────▶ idle
        (none)      _handshake_socket      sock          sock, _response_socket  │
                                             ▲                                   │
                                             └── within keep_alive_seconds ──────┘

    The third line is the socket that `interrupt` shuts down. There is none while dialing: that
    looks every 50 ms whether its exchange was cancelled.
    """

    response_class = ChunkedResponse

    def __init__(self, *args: Any, keep_alive_seconds: float = 1.5, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._keep_alive_seconds = keep_alive_seconds
        self._lock = threading.Lock()
        self._exchange: Exchange | None = None
        self._handshake_socket: socket.socket | None = None  # TLS takes `sock` apart as it wraps it
        self._response_socket: socket.socket | None = None  # http.client forgets an HTTP/1.0 `sock`
        self._last_used = 0.0
        _connections.add(self)

    def connect(self) -> None:
        self._acquire()
        try:
            super().connect()
        except TimeoutError as error:  # of the handshake; urllib3 takes it for a read's
            raise ConnectTimeoutError(self, "no TLS handshake in time") from error
        finally:
            with self._lock:
                if self._handshake_socket is not None:
                    self._handshake_socket.close()
                self._handshake_socket = None

    def _new_conn(self) -> socket.socket:
        """As urllib3's, but it can be cancelled.

        Were this not called any more, all would still end by its timeouts.
        """
        host, options = self._dns_host, self.socket_options or ()
        try:
            sock = dial(host, self.port, self.timeout, self._acquire, self.source_address, options)
        except UnicodeError:
            raise LocationParseError(host) from None
        except socket.gaierror as error:
            raise NameResolutionError(host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"no connection to {host} in time") from error
        except OSError as error:
            raise NewConnectionError(self, f"no connection to {host}: {error}") from error
        self._handshake_socket = sock.dup()
        try:
            self._acquire()  # it may have been cancelled before there was a socket to shut down
        except BaseException:
            sock.close()
            raise
        sys.audit("http.client.connect", self, self.host, self.port)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.is_closed:
            self.connect()
        self._acquire()
        exchange = _current.exchange
        if exchange is not None:  # else the connect timeout bounds the sending too
            self.timeout = exchange.deadline.time_left("write")
            exchange.before_send()
        self._last_used = time.monotonic()
        try:
            super().request(*args, **kwargs)
        except TimeoutError as error:
            if exchange is None:
                raise
            raise exchange.deadline.timed_out("write") from error
        self._response_socket = self.sock

    @property
    def is_connected(self) -> bool:
        """urllib3 asks before it takes an idle connection from the pool."""
        idle = time.monotonic() - self._last_used
        return super().is_connected and idle < self._keep_alive_seconds

    def interrupt(self, exchange: Exchange) -> None:
        """Wake the thread that reads or writes for `exchange`; it finds the connection closed.

        Does nothing once another exchange has taken the connection from the pool.
        """
        with self._lock:
            sock = _lowest(self._handshake_socket or self.sock or self._response_socket)
            if self._exchange is exchange and sock is not None:
                with contextlib.suppress(OSError):
                    # SSLSocket's own shutdown drops its TLS state under the reader
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def release(self, exchange: Exchange) -> None:
        """`exchange` is over: an idle connection keeps no request in memory."""
        with self._lock:
            if self._exchange is exchange:
                self._exchange = None

    def detach_socket(self) -> None:
        """Close this process's descriptors only: nothing goes to the server, no lock is needed."""
        for each in (self._handshake_socket, self.sock, self._response_socket):
            sock = _lowest(each)
            if sock is not None and sock.fileno() >= 0:
                os.close(sock.detach())

    def set_read_timeout(self, seconds: float | None) -> None:
        """Bound each next read of the response; None for no limit.

        Where no time is left, what lies ready is still read. A socket that is closed already, by a
        response that has come to its end, is left alone.
        """
        sock = self._response_socket
        if seconds is not None:
            seconds = max(seconds, _SHORTEST)  # 0 would be a socket that does not block
        if sock is not None and sock.gettimeout() != seconds:
            with contextlib.suppress(OSError):
                sock.settimeout(seconds)

    def _acquire(self) -> None:
        """Serve the exchange that this thread sends for; raises if it was cancelled."""
        exchange = _current.exchange
        with self._lock:
            self._exchange = exchange
        if exchange is not None:
            exchange.on_acquire(self)


def _lowest(sock: Any) -> socket.socket | None:
    """The socket itself. TLS within TLS, to an https server through an https proxy, is none."""
    while sock is not None and not isinstance(sock, socket.socket):
        sock = getattr(sock, "socket", None)  # of urllib3's SSLTransport: what it writes to
    return sock


class InterruptibleTlsConnection(InterruptibleConnection, HTTPSConnection):
    """The same over TLS."""


_connections: weakref.WeakSet[InterruptibleConnection] = weakref.WeakSet()


def close_inherited() -> None:
    """In a process that was just forked: the connections are its parent's."""
    for connection in list(_connections):
        connection.detach_socket()


class _Pool(HTTPConnectionPool):
    ConnectionCls = InterruptibleConnection  # pyright: ignore[reportAssignmentType]


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = InterruptibleTlsConnection  # pyright: ignore[reportAssignmentType]


def pool_factories(keep_alive_seconds: float | None) -> dict[str, Callable[..., Any]]:
    """What makes a pool of such connections, by scheme; None for each scheme's own time.

    Dify's own server (gunicorn) drops a connection that lay idle for two seconds, and a request
    sent at that moment is lost with it; a TLS proxy waits a minute. Any keyword that a pool does
    not know goes to its connections.
    """
    plain, tls = (1.5, 30.0) if keep_alive_seconds is None else (keep_alive_seconds,) * 2
    return {
        "http": functools.partial(_Pool, keep_alive_seconds=plain),
        "https": functools.partial(_TlsPool, keep_alive_seconds=tls),
    }
