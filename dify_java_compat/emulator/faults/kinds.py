"""The kinds of faults that a test may let happen between a client and Dify.

``emulator.fault(Cut(after_events=3))`` is for the next request it can happen to. A border is a
number of events, pings not counted, or of bytes of the body, framing not counted. Faults with a
border in events happen to event streams only.
"""

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ..http.errors import on_demand
from ..http.reply import PING, Reply, error_reply
from ..http.response_writer import ResponseWriter, TruncatedChunk, html_page

Pieces = Generator[bytes, None, None]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong with one response."""

    @property
    def of_streams(self) -> bool:
        """Whether it can happen to event streams only."""
        return False

    def matches(self, method: str, path: str, body: Mapping[str, Any]) -> bool:
        """Whether it can happen to the response to such a request."""
        streamed = body.get("response_mode") == "streaming" or path.endswith("/events")
        return path != "/" and (streamed or not self.of_streams)

    def prepare(self, writer: ResponseWriter) -> None:
        """Change how the response is written."""

    def pieces(self, pieces: Pieces, writer: ResponseWriter) -> Pieces:
        """The pieces of the body as the client gets them."""
        return pieces

    def replacement(self, writer: ResponseWriter) -> Reply | None:
        """The response in place of the app's, which does not see the request then."""
        return None


@dataclass(frozen=True)
class Delay(Fault):
    """Not a byte for so many seconds, then the response."""

    seconds: float

    def prepare(self, writer: ResponseWriter) -> None:
        writer.delay += self.seconds


@dataclass(frozen=True)
class Slow(Fault):
    """The response, its head too, in writes of ``size`` bytes, ``pause`` seconds apart."""

    size: int = 1
    pause: float = 0.0

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError("size: at least one byte")

    def prepare(self, writer: ResponseWriter) -> None:
        writer.write_size, writer.write_pause = self.size, self.pause


@dataclass(frozen=True)
class CloseDelimited(Fault):
    """HTTP/1.0: neither chunks nor a length, the body ends with the connection."""

    def prepare(self, writer: ResponseWriter) -> None:
        writer.http10 = writer.closes = writer.without_length = True


@dataclass(frozen=True)
class Proxied(Fault):
    """The response as nginx passes it on: its Server line, its order of headers, its chunks."""

    def prepare(self, writer: ResponseWriter) -> None:
        writer.proxied = True


@dataclass(frozen=True)
class Pings(Fault):
    """``count`` pings before the first event, ``seconds`` before each."""

    count: int = 1
    seconds: float = 0.0

    @property
    def of_streams(self) -> bool:
        return True

    def pieces(self, pieces: Pieces, writer: ResponseWriter) -> Pieces:
        with closing(pieces) as source:
            for _ in range(self.count):
                writer.pause(self.seconds)
                yield PING
            yield from source


@dataclass(frozen=True)
class Garbage(Fault):
    """One frame that Dify would never send, after so many events."""

    after_events: int = 0
    data: str = "data: {not json\n\n"

    @property
    def of_streams(self) -> bool:
        return True

    def pieces(self, pieces: Pieces, writer: ResponseWriter) -> Pieces:
        with closing(pieces) as source:
            rest = yield from _before(source, self.after_events, None)
            yield self.data.encode()
            if rest:
                yield rest
            yield from source


@dataclass(frozen=True)
class _Bordered(Fault):
    after_events: int | None = None
    after_bytes: int | None = None

    def __post_init__(self) -> None:
        if (self.after_events is None) == (self.after_bytes is None):
            raise ValueError("where it breaks off: give either after_events or after_bytes")
        if min(self.after_events or 0, self.after_bytes or 0) < 0:
            raise ValueError("after_events and after_bytes are not negative")

    @property
    def of_streams(self) -> bool:
        return self.after_events is not None


@dataclass(frozen=True)
class Cut(_Bordered):
    """The connection breaks at the border; with ``final_chunk`` the body ends there properly.

    The run does not learn of it: a chatflow's goes on, a chat's reply is lost.
    """

    final_chunk: bool = False

    def pieces(self, pieces: Pieces, writer: ResponseWriter) -> Pieces:
        with closing(pieces) as source:
            broken = not self.final_chunk
            rest = yield from _before(source, self.after_events, self.after_bytes, truncate=broken)
        if rest is not None and not self.final_chunk:
            raise ConnectionAbortedError("cut on demand")

    def prepare(self, writer: ResponseWriter) -> None:
        # With a Content-Length the end of the body could not look like a good one.
        writer.without_length = writer.without_length or self.final_chunk


@dataclass(frozen=True)
class Reset(_Bordered):
    """The connection is reset at the border."""

    def pieces(self, pieces: Pieces, writer: ResponseWriter) -> Pieces:
        with closing(pieces) as source:
            rest = yield from _before(source, self.after_events, self.after_bytes, truncate=True)
        if rest is not None:
            writer.reset = True
            raise ConnectionResetError("reset on demand")


@dataclass(frozen=True)
class Stall(_Bordered):
    """Silence at the border, with no ping, for so many seconds or until the client disconnects."""

    seconds: float | None = None

    def pieces(self, pieces: Pieces, writer: ResponseWriter) -> Pieces:
        with closing(pieces) as source:
            rest = yield from _before(source, self.after_events, self.after_bytes)
            if rest is not None:
                writer.pause(self.seconds)
            if rest:
                yield rest
            yield from source


@dataclass(frozen=True)
class Status(Fault):
    """An error status in place of a response; the app does not see the request.

    Its body is Dify's JSON, or with ``html`` the page of nginx (for 500 that of Dify's own web
    server). ``retry_after``: seconds, sent as a header.
    """

    status: int
    html: bool = False
    retry_after: int | None = None

    def __post_init__(self) -> None:
        on_demand(self.status)

    def replacement(self, writer: ResponseWriter) -> Reply | None:
        more = [] if self.retry_after is None else [("Retry-After", str(self.retry_after))]
        if self.html:
            writer.recorded, writer.closes = html_page(self.status, more)
            return Reply(self.status, b"")
        return error_reply(on_demand(self.status), headers=tuple(more))


def _before(
    pieces: Pieces, events: int | None, size: int | None, *, truncate: bool = False
) -> Generator[bytes, None, bytes | None]:
    """The pieces up to a border; returns the rest of the piece that meets it, None if none does.

    ``events`` or ``size`` (bytes) is the border. It is met when the next piece comes: only then
    is the last one before it known to have been sent. ``truncate``: the last piece before it is
    announced as a whole chunk.
    """
    remaining = events if size is None else size
    assert remaining is not None
    for piece in pieces:
        if size is not None and len(piece) > remaining:
            if truncate:
                yield TruncatedChunk.of(piece, remaining)
            elif remaining:
                yield piece[:remaining]
            return piece[remaining:]
        if remaining == 0:
            return piece
        yield piece
        remaining -= len(piece) if size is not None else int(piece != PING)
    return None if remaining else b""
