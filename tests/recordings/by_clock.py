"""A recording, read by the client's machine and by the recorder's clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dify_java_compat import ClientConfig
from dify_java_compat._api.codec import event_decoder
from dify_java_compat._stream.reader import EventReader

from .library import Recording, dechunked

PING = b"event: ping\n\n"


def reads(recording: Recording) -> Iterator[tuple[float, bytes]]:
    """When each read came, in seconds, and the bytes of the body that it brought."""
    head, position, seen = recording.raw.index(b"\r\n\r\n") + 4, 0, 0
    assert recording.timeline is not None
    for read in recording.timeline:
        position += read["bytes"]
        body, _ = dechunked(recording.raw[head:position])
        yield read["ms"] / 1000, body[seen:]
        seen = len(body)


def has_times(recording: Recording) -> bool:
    """Whether `reads` can be known, in a time that a test may take."""
    chunked = recording.headers.get("transfer-encoding") == "chunked"
    return bool(recording.timeline) and chunked and len(recording.raw) < 200_000


def begun(recording: Recording) -> EventReader:
    """A machine with the settings nobody changed; the request was sent at 0."""
    config = ClientConfig()
    reader = EventReader(event_decoder(), config, {})
    idle, first_event = config.sse_read_timeout, config.first_event_timeout
    reader.begin(recording.path, 0.0, 0.0, idle=idle, first_event=first_event)
    return reader


@dataclass
class Read:
    """How far the machine came, and when."""

    reader: EventReader
    items: int
    last_event_at: float
    ended_at: float  # the end of the body, or the moment at which the machine had enough
    by_clock: bool


def read(recording: Recording) -> Read:
    reader, now, items, last_event_at = begun(recording), 0.0, 0, 0.0
    for at, data in reads(recording):
        timeout = reader.next_timeout(now)
        assert timeout is not None
        if timeout < at - now:
            assert reader.timed_out() is None
            return Read(reader, items, last_event_at, now + timeout, by_clock=True)
        now = at
        came = len(reader.receive(data, now)) if data else 0
        items, last_event_at = items + came, now if came else last_event_at
    return Read(reader, items, last_event_at, now, by_clock=False)
