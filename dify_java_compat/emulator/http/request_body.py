"""The body of a request, whole before the request is handled."""

from email.message import Message
from io import BufferedIOBase

_MOST_BYTES, _MOST_DIGITS = 1 << 30, 20
_MOST_LINE, _MOST_TRAILERS = 4096, 100
_BLOCK = 65536
_HEX = frozenset(b"0123456789abcdefABCDEF")


def read_body(stream: BufferedIOBase, headers: Message) -> bytes | None:
    """The body that follows `headers` in `stream`.

    None if it is shorter than announced, too large for this machine, or not framed as HTTP says.
    """
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        return _chunks(stream)
    length = headers.get("Content-Length") or "0"
    if not (length.isascii() and length.isdecimal()) or len(length) > _MOST_DIGITS:
        return None
    return _exactly(stream, int(length))


def _exactly(stream: BufferedIOBase, size: int) -> bytes | None:
    """So many bytes, in blocks: what is only announced takes no memory."""
    if size > _MOST_BYTES:
        return None
    blocks = []
    while size > 0:
        block = stream.read(min(size, _BLOCK))
        if not block:
            return None
        blocks.append(block)
        size -= len(block)
    return b"".join(blocks)


def _chunks(stream: BufferedIOBase) -> bytes | None:
    """What the chunks have, their trailers passed over."""
    body = bytearray()
    while (size := _size(stream.readline(_MOST_LINE))) != 0:
        if size is None or len(body) + size > _MOST_BYTES:
            return None
        chunk = _exactly(stream, size)
        if chunk is None or stream.readline(3) not in (b"\r\n", b"\n"):
            return None
        body += chunk
    for _ in range(_MOST_TRAILERS):
        if stream.readline(_MOST_LINE) in (b"\r\n", b"\n", b""):
            return bytes(body)
    return None


def _size(line: bytes) -> int | None:
    """The size that a chunk's first line says; None where it says none."""
    digits = line.partition(b";")[0].strip()
    if (
        not line.endswith(b"\n")
        or not 0 < len(digits) <= _MOST_DIGITS
        or not _HEX.issuperset(digits)
    ):
        return None
    return int(digits, 16)
