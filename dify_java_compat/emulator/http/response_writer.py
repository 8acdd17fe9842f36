"""How one response is written to its connection: head, framing, and what a fault does to them."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.utils import formatdate

from werkzeug.http import HTTP_STATUS_CODES

from .clock import monotonic

Headers = list[tuple[str, str]]
_NGINX = "nginx/1.22.1"
# The headers nginx puts before its own Connection line.
_BEFORE_CONNECTION = ("Content-Type", "Content-Length", "Transfer-Encoding")
# The statuses for which nginx has a phrase of its own.
_NGINX_PHRASES = {
    408: "Request Time-out",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}


class ClientDisconnected(ConnectionAbortedError):
    """The client closed its connection while nothing was sent on it."""


class TruncatedChunk(bytes):
    """The beginning of a chunk whose header announces the whole of it."""

    announced: int

    @classmethod
    def of(cls, piece: bytes, size: int) -> "TruncatedChunk":
        """The first ``size`` bytes of ``piece``."""
        chunk = cls(piece[:size])
        chunk.announced = len(piece)
        return chunk


@dataclass
class ResponseWriter:
    """Writes one response. A fault changes these fields before it is sent.

    ``proxied``: as nginx passes it on. ``http10``: as HTTP/1.0, up to the end of the connection.
    ``delay``: seconds before the first byte. ``write_size``: bytes a write, ``write_pause``
    seconds apart. ``recorded``: these bytes and nothing else. ``without_length``: no
    Content-Length even where it is known. ``closes``: no other response follows. ``reset``: a
    failure while it is sent resets the connection.
    """

    write: Callable[[bytes], object]
    client_gone: Callable[[float], bool]
    proxied: bool = False
    http10: bool = False
    delay: float = 0.0
    write_size: int | None = None
    write_pause: float = 0.0
    recorded: bytes | None = None
    without_length: bool = False
    closes: bool = False
    reset: bool = False

    def pause(self, seconds: float | None) -> None:
        """Wait so many seconds, None for ever. ``ClientDisconnected`` once the client is gone."""
        end = None if seconds is None else monotonic() + seconds
        while end is None or monotonic() < end:
            rest = 1.0 if end is None else max(end - monotonic(), 0.0)
            if self.client_gone(min(rest, 1.0)):
                raise ClientDisconnected("the client disconnected")
            if end is None or monotonic() < end:
                # ``client_gone`` does not wait where the next request has arrived already.
                time.sleep(min(rest, 0.02))

    def send(
        self, status: str, headers: Headers, pieces: Iterable[bytes], *, head_only: bool
    ) -> None:
        """Send the response; ``head_only`` where no body follows its head."""
        if self.delay:
            self.pause(self.delay)
        if self.recorded is not None:
            head, end, _ = self.recorded.partition(b"\r\n\r\n")
            self._write_paced(head + end if head_only else self.recorded)
            return
        if self.without_length:
            headers = [(name, value) for name, value in headers if name != "Content-Length"]
        sized = head_only or any(name == "Content-Length" for name, _ in headers)
        chunked = not (sized or self.http10)
        if chunked:
            headers = [("Transfer-Encoding", "chunked"), *headers]
        unsent = self._head(status, headers)
        if not head_only:
            for piece in pieces:
                self._write_paced(unsent + (self._chunk(piece) if chunked else piece))
                unsent = b""
        if chunked:
            unsent += b"0\r\n\r\n"
        if unsent:
            self._write_paced(unsent)

    def _head(self, status: str, headers: Headers) -> bytes:
        version = "HTTP/1.0" if self.http10 else "HTTP/1.1"
        date = _date()
        connection = ("Connection", "close" if self.closes else "keep-alive")
        if self.proxied:
            first = [pair for name in _BEFORE_CONNECTION for pair in headers if pair[0] == name]
            rest = [pair for pair in headers if pair not in first]
            headers = [("Server", _NGINX), ("Date", date), *first, connection, *rest]
        else:
            headers = [("Server", "gunicorn"), ("Date", date), connection, *headers]
        lines = [f"{version} {status}", *(f"{name}: {value}" for name, value in headers), "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def _chunk(self, piece: bytes) -> bytes:
        if isinstance(piece, TruncatedChunk):
            return b"%X\r\n%b" % (piece.announced, piece)
        size = b"%x" if self.proxied else b"%X"
        return size % len(piece) + b"\r\n" + piece + b"\r\n"

    def _write_paced(self, data: bytes) -> None:
        if self.write_size is None:
            self.write(data)
            return
        for start in range(0, len(data), self.write_size):
            if start:
                self.pause(self.write_pause)
            self.write(data[start : start + self.write_size])


def _date() -> str:
    return formatdate(usegmt=True)


def html_page(status: int, more: Headers) -> tuple[bytes, bool]:
    """The page that the web server before Dify sends for a status, ``more`` headers in it.

    Returns the whole response, and whether the connection is closed after it.
    """
    phrase = _NGINX_PHRASES.get(status, HTTP_STATUS_CODES[status])
    if status == 500:
        # This one is gunicorn's, for an app that fails without a response.
        body = (
            f"<html>\n  <head>\n    <title>{phrase}</title>\n  </head>\n  <body>\n"
            f"    <h1><p>{phrase}</p></h1>\n    \n  </body>\n</html>\n"
        )
        headers = [("Connection", "close"), ("Content-Type", "text/html")]
        headers.append(("Content-Length", str(len(body))))
    else:
        body = (
            f"<html>\r\n<head><title>{status} {phrase}</title></head>\r\n<body>\r\n"
            f"<center><h1>{status} {phrase}</h1></center>\r\n<hr><center>{_NGINX}</center>\r\n"
            "</body>\r\n</html>\r\n"
        )
        headers = [("Server", _NGINX), ("Date", _date()), ("Content-Type", "text/html")]
        headers.append(("Content-Length", str(len(body))))
        headers.append(("Connection", "close" if status in (400, 413) else "keep-alive"))
    lines = [f"HTTP/1.1 {status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in headers + more]
    return "\r\n".join([*lines, "", body]).encode(), ("Connection", "close") in headers
