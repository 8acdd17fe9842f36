"""The body of a response, as its framing says."""

from __future__ import annotations

import http.client
from typing import Any

_MAX_SIZE_LINE = 4096


_GARBLED = "the chunks of the body cannot be told apart"


class IncompleteBody(http.client.HTTPException):
    """A chunked body that ends before its last chunk."""


class _LastLine:
    """A file whose last line is remembered."""

    def __init__(self, fp: Any) -> None:
        self.fp = fp
        self.last_line = b""

    def readline(self, limit: int = -1) -> bytes:
        self.last_line = self.fp.readline(limit)
        return self.last_line

    def __getattr__(self, name: str) -> Any:
        return getattr(self.fp, name)


class ChunkedResponse(http.client.HTTPResponse):
    """A body whose `read1` gives all chunks that one read of the socket brought.

    http.client and urllib3 go to the buffer three times a chunk, and Dify sends a chunk an event.
    """

    _pending = b""  # the beginning of a line that is not whole yet
    _missing = 0  # bytes of the current chunk, and of the CRLF behind it, still to come
    _in_trailer = False

    def begin(self) -> None:
        """http.client takes the end of the connection for the end of the headers."""
        fp: Any = self.fp
        head: Any = _LastLine(fp)
        self.fp = head
        try:
            super().begin()
        finally:
            if self.fp is head:
                self.fp = fp
        if not head.last_line:
            self.close()
            raise IncompleteBody("the connection was closed in the middle of the headers")

    def read1(self, n: int = -1) -> bytes:
        if not self.chunked or self.fp is None:
            return super().read1(n)
        while True:
            block = self.fp.read1(n)
            if not block:
                raise IncompleteBody("the connection was closed in the middle of the body")
            pieces, ended = self._dechunk(block)
            if ended:
                self.close()
            if (data := b"".join(pieces)) or ended:
                return data

    def _dechunk(self, block: bytes) -> tuple[list[bytes], bool]:
        pieces: list[bytes] = []
        position = 0
        if self._missing:
            position = min(self._missing, len(block))
            pieces.append(block[: min(position, max(self._missing - 2, 0))])
            self._missing -= position
        elif self._pending:
            block = self._pending + block
            self._pending = b""
        while position < len(block):
            line_end = block.find(b"\r\n", position)
            if line_end < 0:
                self._pending = block[position:]
                if len(self._pending) > _MAX_SIZE_LINE:
                    raise IncompleteBody(_GARBLED)
                break
            line = block[position:line_end]
            position = line_end + 2
            if self._in_trailer:
                if not line:
                    return pieces, True
                continue
            try:
                size = int(line, 16)
            except ValueError:
                size = _extended_size(line)
            if size <= 0:
                if size < 0:
                    raise IncompleteBody(_GARBLED)
                self._in_trailer = True
                continue
            end = position + size
            pieces.append(block[position:end])
            position = end + 2
            if position > len(block):
                self._missing = position - len(block)
        return pieces, False


def _extended_size(line: bytes) -> int:
    """The size in a line that has chunk extensions too."""
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        raise IncompleteBody(_GARBLED) from None
