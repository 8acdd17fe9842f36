"""What may go wrong between a client and Dify, on demand.

``emulator.fault(Cut(after_events=3))`` is for the next request it can happen to. A border is
given in events, pings not counted, or in bytes of the body, framing not counted; faults with a
border in events happen to event streams only.
"""

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ..http.errors import on_demand
from ..http.reply import PING, Reply, error_reply
from ..http.response_writer import ResponseWriter, TruncatedChunk, html_page

__all__ = [
    "CloseDelimited",
    "Cut",
    "Fault",
    "Garbage",
    "Late",
    "Pings",
    "Proxied",
    "Reset",
    "Slow",
    "Stall",
    "Status",
]

Pieces = Generator[bytes, None, None]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong with one answer."""

    @property
    def of_streams(self) -> bool:
        """Whether it can happen to event streams only."""
        return False

    def fits(self, method: str, path: str, body: Mapping[str, Any]) -> bool:
        """Whether it can happen to the answer of such a request."""
        streamed = body.get("response_mode") == "streaming" or path.endswith("/events")
        return path != "/" and (streamed or not self.of_streams)

    def set_up(self, writer: ResponseWriter) -> None:
        """Change how the answer is sent."""

    def pieces(self, pieces: Pieces, writer: ResponseWriter) -> Pieces:
        """Change what is sent."""
        return pieces

    def instead(self, writer: ResponseWriter) -> Reply | None:
        """What is answered in place of the app, which does not see the request."""
        return None


@dataclass(frozen=True)
class Late(Fault):
    """Not a byte for so many seconds."""

    seconds: float

    def set_up(self, writer: ResponseWriter) -> None:
        writer.delay += self.seconds


@dataclass(frozen=True)
class Slow(Fault):
    """The answer, its head too, in writes of ``size`` bytes, ``pause`` seconds apart."""

    size: int = 1
    pause: float = 0.0

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError("size: at least one byte")

    def set_up(self, writer: ResponseWriter) -> None:
        writer.write_size, writer.write_pause = self.size, self.pause


@dataclass(frozen=True)
class CloseDelimited(Fault):
    """HTTP/1.0: neither chunks nor a length, the body ends with the connection."""

    def set_up(self, writer: ResponseWriter) -> None:
        writer.http10 = writer.closes = writer.without_length = True


@dataclass(frozen=True)
class Proxied(Fault):
    """Passed on by nginx: its Server line, its order of headers, its chunks."""

    def set_up(self, writer: ResponseWriter) -> None:
        writer.proxied = True


@dataclass(frozen=True)
class Pings(Fault):
    """So many pings before the first event, each after so many seconds."""

    count: int = 1
    seconds: float = 0.0

    @property
    def of_streams(self) -> bool:
        return True

    def pieces(self, pieces: Pieces, writer: ResponseWriter) -> Pieces:
        with closing(pieces) as told:
            for _ in range(self.count):
                writer.pause(self.seconds)
                yield PING
            yield from told


@dataclass(frozen=True)
class Garbage(Fault):
    """One frame that Dify would never send, after so many events."""

    after_events: int = 0
    data: str = "data: {not json\n\n"

    @property
    def of_streams(self) -> bool:
        return True

    def pieces(self, pieces: Pieces, writer: ResponseWriter) -> Pieces:
        with closing(pieces) as told:
            rest = yield from _before(told, self.after_events, None)
            yield self.data.encode()
            if rest:
                yield rest
            yield from told


@dataclass(frozen=True)
class _Bordered(Fault):
    after_events: int | None = None
    after_bytes: int | None = None

    def __post_init__(self) -> None:
        if (self.after_events is None) == (self.after_bytes is None):
            raise ValueError("a border: either after_events or after_bytes")
        if min(self.after_events or 0, self.after_bytes or 0) < 0:
            raise ValueError("a border is not negative")

    @property
    def of_streams(self) -> bool:
        return self.after_events is not None


@dataclass(frozen=True)
class Cut(_Bordered):
    """The connection breaks at the border, or the body ends there well with ``final_chunk``.

    The run does not learn of it: a chatflow's goes on, a chat's answer is lost.
    """

    final_chunk: bool = False

    def pieces(self, pieces: Pieces, writer: ResponseWriter) -> Pieces:
        with closing(pieces) as told:
            torn = not self.final_chunk
            rest = yield from _before(told, self.after_events, self.after_bytes, torn=torn)
        if rest is not None and not self.final_chunk:
            raise ConnectionAbortedError("cut on demand")

    def set_up(self, writer: ResponseWriter) -> None:
        # A length that is announced and not kept could only break the connection.
        writer.without_length = writer.without_length or self.final_chunk


@dataclass(frozen=True)
class Reset(_Bordered):
    """The connection is reset at the border."""

    def pieces(self, pieces: Pieces, writer: ResponseWriter) -> Pieces:
        with closing(pieces) as told:
            rest = yield from _before(told, self.after_events, self.after_bytes, torn=True)
        if rest is not None:
            writer.reset = True
            raise ConnectionResetError("reset on demand")


@dataclass(frozen=True)
class Stall(_Bordered):
    """Silence at the border, with no ping, for so many seconds or until the client leaves."""

    seconds: float | None = None

    def pieces(self, pieces: Pieces, writer: ResponseWriter) -> Pieces:
        with closing(pieces) as told:
            rest = yield from _before(told, self.after_events, self.after_bytes)
            if rest is not None:
                writer.pause(self.seconds)
            if rest:
                yield rest
            yield from told


@dataclass(frozen=True)
class Status(Fault):
    """An error status in place of an answer; the app does not see the request.

    Dify's JSON, or with ``html`` the page of nginx (of Dify's own web server where it is 500).
    ``retry_after``: seconds, as a header.
    """

    status: int
    html: bool = False
    retry_after: int | None = None

    def __post_init__(self) -> None:
        on_demand(self.status)

    def instead(self, writer: ResponseWriter) -> Reply | None:
        more = [] if self.retry_after is None else [("Retry-After", str(self.retry_after))]
        if self.html:
            writer.recorded, writer.closes = html_page(self.status, more)
            return Reply(self.status, b"")
        return error_reply(on_demand(self.status), headers=tuple(more))


def _before(
    pieces: Pieces, events: int | None, size: int | None, *, torn: bool = False
) -> Generator[bytes, None, bytes | None]:
    """The pieces up to a border. Returns what of them came beyond it; None if it was not met.

    The border is met when the next piece comes: only then is the last one before it known to
    have been sent.
    """
    left = events if size is None else size
    assert left is not None
    for piece in pieces:
        if size is not None and len(piece) > left:
            if torn:
                yield TruncatedChunk.of(piece, left)
            elif left:
                yield piece[:left]
            return piece[left:]
        if left == 0:
            return piece
        yield piece
        left -= len(piece) if size is not None else int(piece != PING)
    return None if left else b""
