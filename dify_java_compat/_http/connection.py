"""urllib3 connections that can be interrupted, and that are dropped when idle for too long."""

from __future__ import annotations

import _socket
import contextlib
import functools
import os
import socket
import ssl
import sys
import threading
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

from .chunked_response import ChunkedResponse
from .clock import monotonic
from .connect import begin_at_once, dial, finish, is_connected, timeout_of
from .deferred import DeferredResponse, end_response
from .threads import call_after_fork, members

if TYPE_CHECKING:
    from .exchange import Exchange


_SHORTEST = 0.001
_POLLABLE = (socket.socket, ssl.SSLSocket)  # TLS within TLS, for one, hides what lies ready


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


class CancellableConnection(HTTPConnection):
    """Connects for the exchange that its thread sends for, as long as that is not cancelled."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock = threading.RLock()  # the garbage collector may interrupt anywhere
        self._exchange: Exchange | None = None
        self._handshake_socket: socket.socket | None = None  # TLS takes `sock` apart as it wraps it
        self._begun_socket: socket.socket | None = None  # connects, or has

    def connect_at_once(self) -> bool:
        """Connect where nothing has to be waited for, as on this machine; whether that was so.

        Else it may have been begun; `connect` goes on.
        """
        if isinstance(self, HTTPSConnection):  # which waits for the handshake
            return False
        options = self.socket_options or ()
        sock = begin_at_once(self._dns_host, self.port, self.source_address, options)
        self._begun_socket = sock
        if sock is None or not is_connected(sock):
            return False
        self.connect()
        return True

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

    def close(self) -> None:
        begun, self._begun_socket = self._begun_socket, None
        if begun is not None:
            begun.close()
        super().close()

    def _new_conn(self) -> socket.socket:
        """As urllib3's, but it can be cancelled.

        Were this not called any more, all would still end by its timeouts.
        """
        sock = self._open_socket()
        if isinstance(self, HTTPSConnection):  # else nothing is said before it is `self.sock`
            try:
                self._watch_handshake(sock)
            except BaseException:
                sock.close()
                raise
        sys.audit("http.client.connect", self, self.host, self.port)
        return sock

    def _open_socket(self) -> socket.socket:
        host = self._dns_host
        begun, self._begun_socket = self._begun_socket, None
        try:
            if begun is not None:
                finish(begun, self.timeout, self._acquire)
                return begun
            return dial(
                host,
                self.port,
                self.timeout,
                self._acquire,
                self.source_address,
                self.socket_options or (),
                is_bounded=self._is_bounded(),
            )
        except UnicodeError:
            raise LocationParseError(host) from None
        except socket.gaierror as error:
            raise NameResolutionError(host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"no connection to {host} in time") from error
        except OSError as error:
            raise NewConnectionError(self, f"no connection to {host}: {error}") from error

    def _is_bounded(self) -> bool:
        exchange = _current.exchange
        return exchange is not None and exchange.deadline.is_total

    def _watch_handshake(self, sock: socket.socket) -> None:
        """Let `interrupt` shut down what is said on `sock` before it is `self.sock`."""
        with self._lock:
            former, self._handshake_socket = self._handshake_socket, sock.dup()
        if former is not None:
            former.close()
        self._acquire()  # it may have been cancelled before there was a socket to shut down

    def _acquire(self) -> None:
        """Serve the exchange that this thread sends for; raises if it was cancelled."""
        exchange = _current.exchange
        with self._lock:
            self._exchange = exchange
        if exchange is not None:
            exchange.on_acquire(self)


class InterruptibleConnection(CancellableConnection):
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

    def __init__(self, *args: Any, keep_alive_seconds: float = 1.5, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._keep_alive_seconds = keep_alive_seconds
        self._response_socket: socket.socket | None = None  # http.client forgets an HTTP/1.0 `sock`
        self._response: ChunkedResponse | None = None  # the last that http.client reads
        self._last_used = 0.0
        self._is_deferred = False
        _connections.add(self)

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.is_closed:
            self.connect()
        self._acquire()
        exchange = _current.exchange
        if exchange is not None:  # else the connect timeout bounds the sending too
            self.timeout = exchange.deadline.time_left("write")
            exchange.gate.send()
            exchange.deadline.on_send()
        self._last_used = monotonic()
        try:
            super().request(*args, **kwargs)
        except TimeoutError as error:
            if exchange is None:
                raise
            raise exchange.deadline.timed_out("write") from error
        self._response_socket = self.sock

    def send_request(self, exchange: Exchange, data: bytes) -> None:
        """Connect where it is closed, and send a whole request; http.client does not see it.

        Raises as `connect` does, and TimeoutException; a server that hangs up while it is sent to
        may still answer.
        """
        if self.is_closed:
            self.connect()
        self._acquire()
        sock: Any = self.sock
        sock.settimeout(exchange.deadline.time_left("write"))
        exchange.gate.send()
        exchange.deadline.on_send()
        sys.audit("http.client.send", self, data)
        try:
            sock.sendall(data)
        except TimeoutError as error:
            raise exchange.deadline.timed_out("write") from error
        except (BrokenPipeError, ConnectionResetError):
            pass
        self._response_socket = sock

    def getresponse(self) -> Any:
        """urllib3's response, or a DeferredResponse where the head is waited for elsewhere."""
        exchange = _current.exchange
        if exchange is not None and exchange.is_polled and self.is_pollable:
            self._is_deferred = True
            return DeferredResponse()
        return super().getresponse()

    def response_class(self, *args: Any, **kwargs: Any) -> ChunkedResponse:  # type: ignore[override]
        """http.client has its responses made here."""
        self._response = response = ChunkedResponse(*args, **kwargs)
        return response

    @property
    def is_pollable(self) -> bool:
        """Whether a poll of its socket says that there is something to read."""
        return type(self.sock) in _POLLABLE

    def on_idle(self) -> None:
        """It goes back into the pool: nobody has it now.

        Closed, where more than the response was read: that is in no buffer of the next one.
        """
        with self._lock:
            self._exchange = None
        self._last_used = monotonic()
        response, self._response = self._response, None
        if self._is_deferred:
            self._is_deferred = False
            end_response(self)
            self._response = None
        elif response is not None and response.has_rest:
            self.close()

    @property
    def is_connected(self) -> bool:
        """urllib3 asks before it takes an idle connection from the pool."""
        idle = monotonic() - self._last_used
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
                    _socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def release(self, exchange: Exchange) -> None:
        """`exchange` is over: an idle connection keeps no request in memory."""
        with self._lock:
            if self._exchange is exchange:
                self._exchange = None

    def detach_socket(self) -> None:
        """Close this process's descriptors only: nothing goes to the server, no lock is needed."""
        sockets = self._handshake_socket, self._begun_socket, self.sock, self._response_socket
        for each in sockets:
            sock = _lowest(each)
            if sock is not None and sock.fileno() >= 0:
                os.close(sock.detach())

    def set_read_timeout(self, exchange: Exchange, seconds: float | None) -> None:
        """Bound each next read of the response of `exchange`; None for no limit.

        Where no time is left, what lies ready is still read. Does nothing once the response has
        come to its end: its socket is closed, or is another's.
        """
        sock = self._response_socket if self._exchange is exchange else None
        if seconds is not None:
            seconds = max(seconds, _SHORTEST)  # 0 would be a socket that does not block
        if sock is not None and timeout_of(sock) != seconds:
            with contextlib.suppress(OSError):
                sock.settimeout(seconds)


def _lowest(sock: Any) -> _socket.socket | None:
    """The system's socket, whatever is wrapped around it.

    `socket`: TLS within TLS, to an https server through an https proxy, and pyOpenSSL; `_sock`:
    gevent; `fd`: eventlet.
    """
    while sock is not None and not isinstance(sock, _socket.socket):
        names = ("socket", "fd", "_sock")  # in this order: of eventlet, `_sock` is itself
        sock = next((getattr(sock, name) for name in names if hasattr(sock, name)), None)
    return sock


class InterruptibleTlsConnection(  # pyright: ignore[reportIncompatibleVariableOverride]
    InterruptibleConnection, HTTPSConnection
):
    """The same over TLS."""


_connections: weakref.WeakSet[InterruptibleConnection] = weakref.WeakSet()


def close_inherited() -> None:
    """In a process that was just forked: the connections are its parent's."""
    for connection in members(_connections):
        connection.detach_socket()


call_after_fork(close_inherited)


class Pool(HTTPConnectionPool):
    ConnectionCls: Any = InterruptibleConnection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.on_idle()  # before: a cancel that comes late must not meet its next user
            pool = self.pool
            if pool is not None and pool.full():  # of which urllib3 would warn each time
                conn.close()
                return
        try:
            super()._put_conn(conn)
        except AttributeError:  # closed meanwhile: it was full, and was to say of how many
            if conn is not None:
                conn.close()


class TlsPool(Pool, HTTPSConnectionPool):
    ConnectionCls: Any = InterruptibleTlsConnection


def pool_factories(
    keep_alive_seconds: float | None, pool: type[Pool] = Pool, tls_pool: type[Pool] = TlsPool
) -> dict[str, Callable[..., Any]]:
    """What makes a pool of such connections, by scheme; None for each scheme's own time.

    Dify's own server (gunicorn) drops a connection that lay idle for two seconds, and a request
    sent at that moment is lost with it; a TLS proxy waits a minute. Any keyword that a pool does
    not know goes to its connections.
    """
    plain, tls = (1.5, 30.0) if keep_alive_seconds is None else (keep_alive_seconds,) * 2
    return {
        "http": functools.partial(pool, keep_alive_seconds=plain),
        "https": functools.partial(tls_pool, keep_alive_seconds=tls),
    }
