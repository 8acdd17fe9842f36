"""Events as they are sent, and the body that consists of them."""

import json
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, NamedTuple

from ..http.reply import encode_event
from ..script.base import EventDict


class Frame(NamedTuple):
    """One server-sent event: its name, and its bytes."""

    name: str
    data: bytes

    def event(self) -> dict[str, Any]:
        """The event, decoded. Not for pings, which have no data."""
        return dict(json.loads(self.data.removeprefix(b"data: ")))


Frames = Generator[Frame, None, None]


def frames(events: Iterable[EventDict]) -> Iterator[Frame]:
    """The events, ready to send."""
    for event in events:
        yield Frame(event["event"], encode_event(event))


class StreamBody:
    """The bytes of a stream. To close it calls ``at_end``, whether it was begun or not."""

    def __init__(self, stream: Frames, at_end: Callable[[], None]) -> None:
        self._stream = stream
        self._at_end = at_end

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._stream).data

    def close(self) -> None:
        self._stream.close()
        self._at_end()
