"""A response whose head is waited for elsewhere, for urllib3 and http.client, which wait for it."""

from __future__ import annotations

import http.client
import io
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class DeferredResponse:
    """Stands for a response whose head has not come, with what urllib3 asks of one."""

    status = 0
    version_string = "HTTP/?"
    length_remaining = None
    headers: Mapping[str, str] = MappingProxyType({})
    retries: Any = None
    _pool: Any = None
    _connection: Any = None

    def get_redirect_location(self) -> None:
        return None

    def drain_conn(self) -> None:
        pass


class _NoContent:
    """A socket that has brought an empty response."""

    def settimeout(self, seconds: float | None) -> None:
        pass

    def gettimeout(self) -> float | None:
        return None

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(b"HTTP/1.1 204 No Content\r\n\r\n"))

    def close(self) -> None:
        pass


def end_response(connection: Any) -> None:
    """Let http.client, which saw no response, read an empty one: it sends nothing before."""
    sock, connection.sock = connection.sock, _NoContent()
    try:
        http.client.HTTPConnection.getresponse(connection).close()
    finally:
        connection.sock = sock
        connection._response_options = None
