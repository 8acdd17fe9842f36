"""Bytes to server-sent events: pure, no I/O, no JSON.

Lines end at LF, CRLF or CR and nowhere else: Dify sends U+0085, U+2028 and U+2029 raw inside its
JSON, and `str.splitlines` would cut there.
"""

from __future__ import annotations

_BOM = b"\xef\xbb\xbf"


class EventTooLargeError(ValueError):
    """One event holds more bytes than the decoder may keep."""


class SSEDecoder:
    """Turns the bytes of a `text/event-stream`, cut anywhere, into the data of its events.

    An event without data (Dify's `event: ping`) and a comment give nothing. The fields `event`,
    `id` and `retry` are passed over: Dify names an event inside its JSON. `begins_with_ping` is
    whether the first event was such a ping, None until one has come.
    """

    def __init__(self, max_event_bytes: int) -> None:
        self._max_event_bytes = max_event_bytes
        self._pieces: list[bytes] = []  # of the event that is not whole yet
        self._size = 0
        self._after_cr = False
        self._before_start = True
        self.begins_with_ping: bool | None = None

    def feed(self, block: bytes) -> list[bytes]:
        """Take the next bytes; return the data of each event they complete, in order."""
        if self._after_cr and block:
            self._after_cr = False
            block = block.removeprefix(b"\n")
        if b"\r" in block:
            self._after_cr = block.endswith(b"\r")
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if self._before_start:
            block = self._without_bom(block)
        pieces = self._pieces
        if pieces:
            ends_here = block.startswith(b"\n") and pieces[-1].endswith(b"\n")
            if not ends_here and b"\n\n" not in block:
                self._keep(block)
                return []
            pieces.append(block)
            block = b"".join(pieces)
            pieces.clear()
            self._size = 0
        end = block.rfind(b"\n\n") + 2
        if end < 2:
            self._keep(block)
            return []
        if end < len(block):
            self._keep(block[end:])
            block = block[:end]
        return self._events(block)

    def flush(self) -> bytes | None:
        """The data of an event that the end of the stream left without its empty line, if any."""
        frame = self.rest
        self._pieces.clear()
        return _data(frame)

    @property
    def rest(self) -> bytes:
        """The bytes of an event that is not whole yet."""
        return b"".join(self._pieces)

    def _events(self, block: bytes) -> list[bytes]:
        """The data of whole events."""
        if self.begins_with_ping is None:
            self.begins_with_ping = _is_first_ping(block)
        lines = block.split(b"\n")
        # Dify's framing throughout: a line of data and an empty one, in turn
        events = [line[6:] for line in lines[:-1:2] if line.startswith(b"data: {")]
        if 2 * len(events) == len(lines) - 1 and not any(lines[1::2]):
            return self._checked(events, block)
        frames = block[:-2].split(b"\n\n")
        return self._checked([data for frame in frames if (data := _data(frame))], block)

    def _checked(self, events: list[bytes], block: bytes) -> list[bytes]:
        limit = self._max_event_bytes
        if len(block) > limit and any(len(event) > limit for event in events):
            raise self._too_large()
        return events

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._size += len(piece)
            if self._size > self._max_event_bytes:
                raise self._too_large()

    def _too_large(self) -> EventTooLargeError:
        return EventTooLargeError(f"an event of more than {self._max_event_bytes} bytes")

    def _without_bom(self, block: bytes) -> bytes:
        block = b"".join(self._pieces) + block
        self._pieces.clear()
        self._size = 0
        self._before_start = len(block) < len(_BOM) and _BOM.startswith(block)
        return block if self._before_start else block.removeprefix(_BOM)


def _is_first_ping(block: bytes) -> bool | None:
    """Whether the first event of `block` is a ping without data; None for nothing but comments."""
    for frame in block.split(b"\n\n"):
        fields = [line for line in frame.split(b"\n") if line and not line.startswith(b":")]
        if fields:
            return [field.replace(b" ", b"") for field in fields] == [b"event:ping"]
    return None


def _data(frame: bytes) -> bytes | None:
    values = []
    for line in frame.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            values.append(value.removeprefix(b" "))
    return b"\n".join(values) or None
