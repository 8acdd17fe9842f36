"""How one answer goes onto its connection: head, framing, and all that a fault does to them."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.utils import formatdate

from werkzeug.http import HTTP_STATUS_CODES

Headers = list[tuple[str, str]]
_NGINX = "nginx/1.22.1"
# What nginx puts before its own Connection line.
_FIRST = ("Content-Type", "Content-Length", "Transfer-Encoding")
# What it calls a status otherwise than the rest of the world.
_NGINX_WORDS = {
    408: "Request Time-out",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}


class ClientLeft(ConnectionAbortedError):
    """The client closed its connection while nothing was sent on it."""


class Torn(bytes):
    """The beginning of a piece that is announced whole, and whose rest never comes."""

    announced: int

    @classmethod
    def of(cls, piece: bytes, size: int) -> "Torn":
        torn = cls(piece[:size])
        torn.announced = len(piece)
        return torn


@dataclass
class Wire:
    """One answer on its way out. What a fault changes is set before it is sent.

    ``proxied``: as nginx passes it on. ``old``: as HTTP/1.0 does, to the end of the connection.
    ``late``: seconds before the first byte. ``write_size``: bytes a write, ``write_pause``
    seconds apart. ``recorded``: these bytes and nothing else. ``unsized``: without the length
    that is known. ``closes``: no other answer follows. ``reset``: a failure on the way resets
    the connection.
    """

    write: Callable[[bytes], object]
    client_left: Callable[[float], bool]
    proxied: bool = False
    old: bool = False
    late: float = 0.0
    write_size: int | None = None
    write_pause: float = 0.0
    recorded: bytes | None = None
    unsized: bool = False
    closes: bool = False
    reset: bool = False

    def pause(self, seconds: float | None) -> None:
        """Wait so long, or for ever; ``ClientLeft`` as soon as nobody is there any more."""
        end = None if seconds is None else time.monotonic() + seconds
        while end is None or time.monotonic() < end:
            rest = 1.0 if end is None else max(end - time.monotonic(), 0.0)
            if self.client_left(min(rest, 1.0)):
                raise ClientLeft("the client left")
            if end is None or time.monotonic() < end:
                # Its next request may be here already, and would wake it again and again.
                time.sleep(min(rest, 0.02))

    def send(self, status: str, headers: Headers, pieces: Iterable[bytes], *, bare: bool) -> None:
        """Send the answer; ``bare`` where no body follows its head."""
        if self.late:
            self.pause(self.late)
        if self.recorded is not None:
            head, end, _ = self.recorded.partition(b"\r\n\r\n")
            self._put(head + end if bare else self.recorded)
            return
        if self.unsized:
            headers = [(name, value) for name, value in headers if name != "Content-Length"]
        sized = bare or any(name == "Content-Length" for name, _ in headers)
        chunked = not (sized or self.old)
        if chunked:
            headers = [("Transfer-Encoding", "chunked"), *headers]
        unsent = self._head(status, headers)
        if not bare:
            for piece in pieces:
                self._put(unsent + (self._chunk(piece) if chunked else piece))
                unsent = b""
        if chunked:
            unsent += b"0\r\n\r\n"
        if unsent:
            self._put(unsent)

    def _head(self, status: str, headers: Headers) -> bytes:
        version = "HTTP/1.0" if self.old else "HTTP/1.1"
        date = _date()
        connection = ("Connection", "close" if self.closes else "keep-alive")
        if self.proxied:
            first = [pair for name in _FIRST for pair in headers if pair[0] == name]
            rest = [pair for pair in headers if pair not in first]
            headers = [("Server", _NGINX), ("Date", date), *first, connection, *rest]
        else:
            headers = [("Server", "gunicorn"), ("Date", date), connection, *headers]
        lines = [f"{version} {status}", *(f"{name}: {value}" for name, value in headers), "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def _chunk(self, piece: bytes) -> bytes:
        if isinstance(piece, Torn):
            return b"%X\r\n%b" % (piece.announced, piece)
        size = b"%x" if self.proxied else b"%X"
        return size % len(piece) + b"\r\n" + piece + b"\r\n"

    def _put(self, data: bytes) -> None:
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
    """An answer that is not Dify's but of the server before it; whether it closes then."""
    words = _NGINX_WORDS.get(status, HTTP_STATUS_CODES[status])
    if status == 500:
        # Of gunicorn, when the app breaks down on it.
        body = (
            f"<html>\n  <head>\n    <title>{words}</title>\n  </head>\n  <body>\n"
            f"    <h1><p>{words}</p></h1>\n    \n  </body>\n</html>\n"
        )
        headers = [("Connection", "close"), ("Content-Type", "text/html")]
        headers.append(("Content-Length", str(len(body))))
    else:
        body = (
            f"<html>\r\n<head><title>{status} {words}</title></head>\r\n<body>\r\n"
            f"<center><h1>{status} {words}</h1></center>\r\n<hr><center>{_NGINX}</center>\r\n"
            "</body>\r\n</html>\r\n"
        )
        headers = [("Server", _NGINX), ("Date", _date()), ("Content-Type", "text/html")]
        headers.append(("Content-Length", str(len(body))))
        headers.append(("Connection", "close" if status in (400, 413) else "keep-alive"))
    lines = [f"HTTP/1.1 {status} {words}"]
    lines += [f"{name}: {value}" for name, value in headers + more]
    return "\r\n".join([*lines, "", body]).encode(), ("Connection", "close") in headers
