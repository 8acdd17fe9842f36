"""urllib3 connections that can be interrupted, age when idle, and read chunks fast."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time
import weakref
from typing import Any, Protocol

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


class ConnectionUser(Protocol):
    """Who sends on a connection and may want to interrupt it."""

    def uses(self, connection: InterruptibleConnection) -> None:
        """Called before and while it connects and before it sends; may raise to stop that."""

    def sends(self) -> None:
        """Called right before the request goes out; may raise to stop that."""

    def time_to_send(self) -> float | None:
        """How long a block may take to go out; None for any time."""

    def timed_out(self, phase: str) -> Exception:
        """The exception for a time that is over."""
        ...


class _Users(threading.local):
    current: ConnectionUser | None = None


users = _Users()


class InterruptibleConnection(HTTPConnection):
    """Knows who uses it, and counts as dropped when it lay idle for too long."""

    response_class = ChunkedResponse
    keep_alive_seconds = 1.5

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock = threading.Lock()
        self._user: ConnectionUser | None = None
        self._shaking_hands: socket.socket | None = None  # `sock` is nobody's while TLS wraps it
        self._sent_on: socket.socket | None = None  # http.client forgets `sock` on HTTP/1.0
        self._last_used = 0.0
        _connections.add(self)

    def connect(self) -> None:
        self._take()
        try:
            super().connect()
        except TimeoutError as error:  # of the handshake; urllib3 takes it for one of the answer
            raise ConnectTimeoutError(self, "no TLS handshake in time") from error
        finally:
            with self._lock:
                if self._shaking_hands is not None:
                    self._shaking_hands.close()
                self._shaking_hands = None

    def _new_conn(self) -> socket.socket:
        """A connection that can be given up. Were this not called, all would end by timeouts."""
        host, options = self._dns_host, self.socket_options or ()
        try:
            sock = dial(host, self.port, self.timeout, self._take, self.source_address, options)
        except UnicodeError:
            raise LocationParseError(host) from None
        except socket.gaierror as error:
            raise NameResolutionError(host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"no connection to {host} in time") from error
        except OSError as error:
            raise NewConnectionError(self, f"no connection to {host}: {error}") from error
        self._shaking_hands = sock.dup()
        try:
            self._take()  # the user may have given up meanwhile
        except BaseException:
            sock.close()
            raise
        sys.audit("http.client.connect", self, self.host, self.port)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.is_closed:
            self.connect()
        self._take()
        user = users.current
        if user is not None:  # else what bounded the connecting bounds the sending too
            self.timeout = user.time_to_send()
            user.sends()
        self._last_used = time.monotonic()
        try:
            super().request(*args, **kwargs)
        except TimeoutError as error:
            raise (user.timed_out("write") if user is not None else error) from error
        self._sent_on = self.sock

    @property
    def is_connected(self) -> bool:
        idle = time.monotonic() - self._last_used
        return super().is_connected and idle < self.keep_alive_seconds

    def interrupt(self, user: ConnectionUser) -> None:
        """Wake the thread that reads or writes for `user`; it finds the connection closed.

        Does nothing once another user has taken the connection from the pool.
        """
        with self._lock:
            sock = self._shaking_hands or self.sock or self._sent_on
            if self._user is user and sock is not None:
                with contextlib.suppress(OSError):
                    # SSLSocket's own shutdown drops its TLS state under the reader
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def forget(self, user: ConnectionUser) -> None:
        """`user` is done with it: an idle connection keeps no request in memory."""
        with self._lock:
            if self._user is user:
                self._user = None

    def let_go(self) -> None:
        """Close this process's end only: nothing is said to the server, no lock is waited for."""
        for sock in (self._shaking_hands, self.sock, self._sent_on):
            if sock is not None and sock.fileno() >= 0:
                os.close(sock.detach())

    def set_read_timeout(self, seconds: float | None) -> None:
        """For the answer that is being read."""
        if self._sent_on is not None:
            self._sent_on.settimeout(seconds)

    def _take(self) -> None:
        with self._lock:
            self._user = users.current
        if users.current is not None:
            users.current.uses(self)


_connections: weakref.WeakSet[InterruptibleConnection] = weakref.WeakSet()


def close_inherited() -> None:
    """For a process that was just forked: the connections are its parent's."""
    for connection in list(_connections):
        connection.let_go()


def pool_classes(keep_alive_seconds: float | None) -> dict[str, type[HTTPConnectionPool]]:
    """Pools of such connections, by scheme.

    Dify's own server (gunicorn) drops a connection that lay idle for two seconds, and a request
    sent at that moment is lost with it; a TLS proxy waits a minute.
    """

    class Plain(InterruptibleConnection):
        pass

    class Tls(InterruptibleConnection, HTTPSConnection):
        pass

    Plain.keep_alive_seconds = 1.5 if keep_alive_seconds is None else keep_alive_seconds
    Tls.keep_alive_seconds = 30.0 if keep_alive_seconds is None else keep_alive_seconds

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain  # pyright: ignore[reportAssignmentType]

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls  # pyright: ignore[reportAssignmentType]

    return {"http": PlainPool, "https": TlsPool}
