"""http.client's response, which takes no part for the whole and knows what lies behind it."""

from __future__ import annotations

import contextlib
import http.client
from typing import Any

from .body import IncompleteBody
from .chunked import ChunkedBody
from .connect import timeout_of
from .head import MAX_HEADERS, MAX_INTERIM, MAX_LINE


class _LastLine:
    """A file that remembers the last line that was read from it."""

    def __init__(self, fp: Any) -> None:
        self.fp = fp
        self.last_line = b""

    def readline(self, limit: int = -1) -> bytes:
        self.last_line = self.fp.readline(limit)
        return self.last_line

    def __getattr__(self, name: str) -> Any:
        return getattr(self.fp, name)


class ChunkedResponse(http.client.HTTPResponse):
    """A response whose `read1` gives all chunks that one read of the socket brought.

    http.client and urllib3 go to the buffer three times a chunk, and Dify sends a chunk an event.
    """

    chunks: ChunkedBody | None = None
    has_rest = False  # once it is over: more was read than it, which is nobody's answer

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._socket = sock

    def begin(self) -> None:
        """Read the headers; IncompleteBody where the connection ends within them.

        http.client takes the end of the connection for the end of the headers: cut, they would be
        a whole response without some of its headers, or with half of one. It reads them from `fp`
        line by line, so `fp` is made to remember the last of them, which is empty only at the end
        of the connection.
        """
        fp: Any = self.fp
        head: Any = _LastLine(fp)
        self.fp = head
        try:
            super().begin()
        finally:
            if self.fp is head:  # else http.client closed it, over a bad status line
                self.fp = fp
        if not head.last_line:
            self.close()
            raise IncompleteBody("the connection was closed in the middle of the headers")

    def _read_status(self) -> tuple[str, int, str]:
        """The status line behind all heads of 1xx, of which http.client passes over 100 alone."""
        interim = 0
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 <= status < 200:
                return version, status, reason
            if status == 101 or interim == MAX_INTERIM:
                break
            interim += 1
            self._skip_headers()
        raise http.client.HTTPException(f"an answer of status {status} was not asked for")

    def _skip_headers(self) -> None:
        for _ in range(MAX_HEADERS + 1):
            line = self.fp.readline(MAX_LINE + 1)
            if len(line) > MAX_LINE:
                raise http.client.LineTooLong("header line")
            if line in (b"\r\n", b"\n", b""):
                return
        raise http.client.HTTPException(f"got more than {MAX_HEADERS} headers")

    def _close_conn(self) -> None:
        sock, self._socket = self._socket, None
        is_whole = self.chunks.is_over if self.chunks is not None else self.length == 0
        if sock is not None and is_whole and not self.will_close:  # else it is not used again
            self.has_rest = self._look_for_rest(sock)
        super()._close_conn()  # type: ignore[misc]

    def _look_for_rest(self, sock: Any) -> bool:
        """Whether bytes from behind the body lie where no poll of the socket would see them."""
        chunks = self.chunks
        if chunks is not None and chunks.rest:
            return True
        timeout = timeout_of(sock)
        try:
            sock.settimeout(0)
            return bool(self.fp.peek(1))
        except (OSError, ValueError):  # nothing, or no connection any more
            return False
        finally:
            with contextlib.suppress(OSError):
                sock.settimeout(None)  # eventlet's goes from 0 to a time by way of None alone
                sock.settimeout(timeout)

    def read1(self, n: int = -1) -> bytes:
        if not self.chunked or self.fp is None:
            return super().read1(n)
        chunks = self.chunks
        if chunks is None:
            chunks = self.chunks = ChunkedBody()
        while chunks.error is None:
            block = self.fp.read1(n)
            if not block:
                chunks.end()
                self.has_rest = True  # the end of the connection: nothing comes behind it
                self.close()
                return b""
            data = chunks.feed(block)
            if chunks.is_over and chunks.error is None:
                self.close()
                return data
            if data:
                return data
        raise chunks.error
