"""The body of a response, as its framing says."""

from __future__ import annotations

import http.client
from typing import Any

_MAX_SIZE_LINE = 4096
_MALFORMED = "the chunks of the body are malformed"


class IncompleteBody(http.client.HTTPException):
    """A response that ends before its headers or its last chunk do, or has malformed chunks."""


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
    The states, with what remembers them where a block may end anywhere::

        size line ──n > 0──▶ data and its CRLF     (_pending: a line that is not whole yet)
          ▲  │                     │               (_missing: bytes of both still to come)
          │  └──0──▶ trailer ──empty line──▶ end   (_in_trailer; its lines are skipped)
          └────────────────────────┘
    """

    _pending = b""
    _missing = 0
    _in_trailer = False

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

    def read1(self, n: int = -1) -> bytes:
        if not self.chunked or self.fp is None:
            return super().read1(n)
        while True:
            block = self.fp.read1(n)
            if not block:
                raise IncompleteBody("the connection was closed in the middle of the body")
            pieces, has_ended = self._dechunk(block)
            if has_ended:
                self.close()
            if (data := b"".join(pieces)) or has_ended:
                return data

    def _dechunk(self, block: bytes) -> tuple[list[bytes], bool]:
        """The data in the next bytes of the wire, and whether they bring the end of the body."""
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
                    raise IncompleteBody(_MALFORMED)
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
                    raise IncompleteBody(_MALFORMED)
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
        raise IncompleteBody(_MALFORMED) from None
