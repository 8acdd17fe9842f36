"""Bytes to server-sent events: pure, no I/O, no JSON.

Lines end at LF, CRLF or CR and nowhere else: Dify sends U+0085, U+2028 and U+2029 raw inside its
JSON, and `str.splitlines` would cut there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._http.chunked import Frames

_BOM = b"\xef\xbb\xbf"


class EventTooLargeError(ValueError):
    """One event holds more bytes than the decoder may keep; `events` came before it."""

    def __init__(self, limit: int, events: list[bytes]) -> None:
        super().__init__(f"an event of more than {limit} bytes")
        self.events = events


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

    def single(self, block: bytes) -> bytes | None:
        """The data of `block` where it is one whole event in Dify's own form; else None, and
        nothing was taken.
        """
        if (
            block[:7] == b"data: {"
            and block.find(b"\n") == len(block) - 2
            and block[-1:] == b"\n"
            and b"\r" not in block
            and not self._pieces
            and not self._after_cr
            and len(block) <= self._max_event_bytes
        ):
            return block[6:-2]
        return None

    def feed(self, block: bytes | Frames) -> list[bytes]:
        """Take the next bytes; return the data of each event they complete, in order."""
        if not isinstance(block, bytes):
            return self._feed_frames(block)
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
        events = self._events(block[:end])
        self._keep(block[end:], events)
        return events

    def flush(self) -> list[bytes]:
        """The data of what the end of the stream left without its empty line, if any."""
        frame = self.rest
        self._pieces.clear()
        return _data(frame)

    @property
    def rest(self) -> bytes:
        """The bytes of an event that is not whole yet."""
        return b"".join(self._pieces)

    def _feed_frames(self, block: Frames) -> list[bytes]:
        events: list[bytes] = []
        try:
            if block.before:
                events += self.feed(block.before)
            if self._takes(block.contents):
                events += block.contents
            else:
                events += self.feed(block.framed)
            if block.behind:
                events += self.feed(block.behind)
        except EventTooLargeError as error:
            raise EventTooLargeError(self._max_event_bytes, events + error.events) from None
        return events

    def _takes(self, contents: list[bytes]) -> bool:
        """Whether the contents of frames are what `feed` would give for them."""
        if self._pieces or self._after_cr or self.begins_with_ping is None or b"" in contents:
            return False
        return max(map(len, contents)) <= self._max_event_bytes

    def _events(self, block: bytes) -> list[bytes]:
        """The data of whole events."""
        if self.begins_with_ping is None:
            self.begins_with_ping = _is_first_ping(block)
        if block.startswith(b"data: "):
            # Dify's framing throughout: a line of data and an empty one, in turn
            events = block[6:-2].split(b"\n\ndata: ")
            if b"\n" not in b"".join(events) and b"" not in events:
                return self._checked(events, block)
        frames = block[:-2].split(b"\n\n")
        return self._checked([data for frame in frames for data in _data(frame)], block)

    def _checked(self, events: list[bytes], block: bytes) -> list[bytes]:
        limit = self._max_event_bytes
        if len(block) > limit:
            for number, event in enumerate(events):
                if len(event) > limit:
                    raise EventTooLargeError(limit, events[:number])
        return events

    def _keep(self, piece: bytes, events: Sequence[bytes] = ()) -> None:
        """Keep what is no whole event yet, which came behind `events`."""
        if piece:
            self._pieces.append(piece)
            self._size += len(piece)
            if self._size > self._max_event_bytes:
                raise EventTooLargeError(self._max_event_bytes, list(events))

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


def _data(frame: bytes) -> list[bytes]:
    """The data of one frame: one text, or none.

    Where each line is an object of its own, as of gateways that send one line feed between events,
    each is an event: joined, they would be no JSON in any case.
    """
    values = []
    for line in frame.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data" or (field[:1] == b"\xef" and field.replace(_BOM, b"") == b"data"):
            values.append(value.removeprefix(b" "))
    if len(values) > 1 and all(v[:1] == b"{" and v.rstrip()[-1:] == b"}" for v in values):
        return values
    data = b"\n".join(values)
    return [data] if data else []
