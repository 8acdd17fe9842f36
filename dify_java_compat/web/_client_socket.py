"""The browser's connection under a WSGI server: whether the browser has closed it.

WSGI has no word for that: a server finds out when it writes. While a model is silent nothing is
written, so the socket is looked at, where the server shows it.
"""

from __future__ import annotations

import _socket
import os
import socket
import ssl
from collections.abc import Mapping
from typing import Any


class ClientSocket:
    """Sees the end of a connection without taking anything from it.

    It has a descriptor of its own, so that a server that closes its one meanwhile does no harm.
    Its socket is the interpreter's, for that of gevent would wait in `recv`.
    """

    def __init__(self, descriptor: int) -> None:
        self._socket = _socket.socket(
            socket.AF_INET, socket.SOCK_STREAM, 0, fileno=os.dup(descriptor)
        )

    def is_closed(self) -> bool:
        """Whether the other side has closed it; False once it is closed here."""
        try:
            return self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:  # reset, or closed here
            return self._socket.fileno() != -1

    def close(self) -> None:
        """Give the descriptor back; again, too."""
        self._socket.close()


def client_socket(environ: Mapping[str, Any] | None) -> ClientSocket | None:
    """The connection that a WSGI request came by; None where the server does not show it.

    Werkzeug and gunicorn have a name for it. Django's own server and gevent's do not, but the body
    of the request is read from it. Not that of TLS: what lies there unread is no end.
    """
    if environ is None or not hasattr(socket, "MSG_DONTWAIT"):  # Windows
        return None
    found = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    if found is None:
        found = _read_from(environ.get("wsgi.input"))
    if found is None or isinstance(found, ssl.SSLSocket) or environ.get("HTTPS") == "on":
        return None
    try:
        return ClientSocket(found.fileno())
    except (OSError, ValueError, AttributeError):
        return None


def _read_from(body: Any) -> Any:
    """The socket below a request's body: `socket` of gevent, `raw` of a buffered reader."""
    for _ in range(4):  # Django wraps the reader once or twice
        if hasattr(body, "socket"):
            return body.socket
        if isinstance(raw := getattr(body, "raw", None), socket.SocketIO):
            return raw
        body = getattr(getattr(body, "_read", None), "__self__", None)
    return None
