"""A request on a connection of a pool, past requests and http.client, as they would send it."""

from __future__ import annotations

import contextlib
import http.client
import ssl
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from urllib3 import exceptions as failures

from .waited import WaitedResponse

if TYPE_CHECKING:
    from .exchange import Exchange


_FAILURES = (failures.HTTPError, http.client.HTTPException, OSError)


def send_directly(pool: Any, exchange: Exchange, to_send: requests.PreparedRequest) -> Any:
    """Send a request whole on a connection of `pool`, and give the connection.

    None where that is over TLS and cannot be polled, as one of pyOpenSSL: nothing was sent. Raises
    what `HTTPAdapter.send` raises for the same failure.
    """
    with _connection_of(pool, exchange, to_send) as connection:
        return connection if _is_sent(pool, connection, exchange, to_send) else None


def call_directly(
    pool: Any, exchange: Exchange, to_send: requests.PreparedRequest
) -> WaitedResponse | None:
    """`send_directly`, and wait for the head of the response."""
    with _connection_of(pool, exchange, to_send) as connection:
        if not _is_sent(pool, connection, exchange, to_send):
            return None
        return WaitedResponse(connection, pool._put_conn, exchange.deadline.time_left("read"))


def send_at_once(
    pool: Any, exchange: Exchange, to_send: requests.PreparedRequest, *, may_connect: bool
) -> Any:
    """`send_directly` where nothing has to be waited for: by what is connected, or is so at once.

    None where it might have to be: `exchange` has the connection for `send_directly` then.
    """
    with _connection_of(pool, exchange, to_send) as connection:
        is_connected = not connection.is_closed or (may_connect and connection.connect_at_once())
        if not is_connected or not connection.is_pollable:
            exchange.begun_connection = connection
            return None
        connection.send_request(exchange, to_wire(to_send))
    return connection


def _is_sent(
    pool: Any, connection: Any, exchange: Exchange, to_send: requests.PreparedRequest
) -> bool:
    pool._validate_conn(connection)  # which connects, where it is over TLS
    if connection.sock is not None and not connection.is_pollable:
        pool._put_conn(connection)
        return False
    connection.send_request(exchange, to_wire(to_send))
    return True


@contextlib.contextmanager
def _connection_of(
    pool: Any, exchange: Exchange, to_send: requests.PreparedRequest
) -> Iterator[Any]:
    """One begun for the exchange, else one of the pool; what is raised within closes it."""
    connection, exchange.begun_connection = exchange.begun_connection, None
    try:
        connection = connection or pool._get_conn()
        connection.timeout = exchange.deadline.time_left("connect")
        yield connection
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, _FAILURES):  # not what a signal handler raises
            raise _as_requests_raises(error, pool, str(to_send.url)) from error
        raise


def to_wire(to_send: requests.PreparedRequest) -> bytes:
    """A request as http.client would send it to a server that no proxy leads to."""
    parts = urlsplit(str(to_send.url))
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    default = {"http": ":80", "https": ":443"}[parts.scheme]
    names = {name.lower() for name in to_send.headers}
    lines = [f"{to_send.method} {target} HTTP/1.1"]
    if "host" not in names:
        lines.append(f"Host: {parts.netloc.removesuffix(default)}")
    if "accept-encoding" not in names:
        lines.append("Accept-Encoding: identity")
    headers: Mapping[str, Any] = to_send.headers
    lines += [f"{name}: {_text(value)}" for name, value in headers.items()]
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head + to_send.body if isinstance(to_send.body, bytes) else head


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _as_requests_raises(error: Exception, pool: Any, url: str) -> Exception:
    """A failure of a connection, as HTTPAdapter.send raises it."""
    if isinstance(error, (ssl.SSLError, ssl.CertificateError)):
        error = failures.SSLError(error)
    if isinstance(error, failures.SSLError):
        return requests.exceptions.SSLError(failures.MaxRetryError(pool, url, error))
    if isinstance(error, failures.NewConnectionError):
        return requests.ConnectionError(failures.MaxRetryError(pool, url, error))
    if isinstance(error, failures.ConnectTimeoutError):
        return requests.ConnectTimeout(failures.MaxRetryError(pool, url, error))
    if isinstance(error, TimeoutError):
        return requests.exceptions.ReadTimeout(error)
    if isinstance(error, (OSError, http.client.HTTPException)):
        aborted = failures.ProtocolError("Connection aborted.", error)
        return requests.ConnectionError(aborted)
    return requests.ConnectionError(error)
