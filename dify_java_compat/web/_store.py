"""What a store of resumable streams does, and the one that keeps them in this process's memory."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from .._stream.driver import monotonic

__all__ = [
    "Arrivals",
    "Kept",
    "Kind",
    "MemoryStore",
    "Outcome",
    "State",
    "Store",
    "Write",
    "Written",
]


class Kind(str, Enum):
    """What an event that is kept stands for."""

    ITEM = "i"  # an item, in JSON
    TEXT = "t"  # an item that is a text
    ERROR = "e"  # the stream failed, or was interrupted: the last event
    END = "z"  # the stream ended: the last event

    @property
    def is_last(self) -> bool:
        return self in (Kind.ERROR, Kind.END)


class Kept(NamedTuple):
    """An event as it is kept. Numbers count from 1, without gaps; 0 is that of none.

    `identity` is what a run that is taken over knows the event by, "" where each counts as new; it
    and `name` have no line breaks.
    """

    number: int
    kind: Kind
    name: str
    data: str
    identity: str = ""

    @property
    def size(self) -> int:
        """At most how many bytes it takes, where it is not ASCII."""
        wide = 1 if self.data.isascii() else 3
        return len(self.data) * wide + len(self.identity) + 64


class State(NamedTuple):
    """How a stream stands: its last number, whether it is over, whether its reader is alive."""

    last: int
    is_over: bool
    is_alive: bool
    token: int
    ids: str


class Write(NamedTuple):
    """Events to append, by the reader that holds `token`; without any it renews the lease.

    An event whose number is kept already is passed over, but a last one goes to the end.
    """

    key: str
    token: int
    events: Sequence[Kept]
    ids: str
    lease_seconds: float
    keep_seconds: float


class Outcome(Enum):
    """What became of a write."""

    DONE = "ok"
    FENCED = "fenced"  # another reader has taken the stream over
    LOST = "lost"  # the store does not know the stream any more


class Written(NamedTuple):
    """The outcome of a write, whether somebody wants a stop, how long nobody has followed."""

    outcome: Outcome
    stop: bool = False
    unfollowed_seconds: float = 0.0


class Arrivals(NamedTuple):
    """What has arrived: events by key, and the keys of streams to stop."""

    events: Mapping[str, Sequence[Kept]]
    stops: Collection[str]


class Store(Protocol):
    """What several processes share. Each method may be called from any thread.

    ConnectionException where the store cannot be reached, within seconds.
    """

    def create(self, key: str, reader: str, lease_seconds: float, keep_seconds: float) -> None:
        """A new stream, whose reader holds token 1."""
        ...

    def append(self, writes: Sequence[Write]) -> list[Written]:
        """Append the events of several streams and renew their leases."""
        ...

    def states(self, keys: Sequence[str], followed: bool = False) -> list[State | None]:
        """How streams stand, None for one that is not known; `followed`: somebody follows them."""
        ...

    def read(self, key: str, after: int, count: int) -> list[Kept]:
        """At most `count` events behind the number `after`."""
        ...

    def claim(self, key: str, token: int, reader: str, lease_seconds: float) -> bool:
        """Take a stream over whose reader, which held `token`, is dead; the next token is ours."""
        ...

    def stop(self, key: str) -> bool:
        """Ask the stream's reader to stop; False where the stream is not known."""
        ...

    def wait(self, reader: str, positions: Mapping[str, int], seconds: float) -> Arrivals:
        """Wait for events behind these numbers, for a stop or a `wake`, for so long at most."""
        ...

    def wake(self, reader: str) -> None:
        """End the `wait` of that reader."""
        ...

    def close(self) -> None:
        """Free the connections."""
        ...


class _Stream:
    def __init__(self, reader: str, now: float, lease_seconds: float, keep_seconds: float) -> None:
        self.reader = reader
        self.token = 1
        self.events: list[Kept] = []
        self.numbers: list[int] = []
        self.ids = ""
        self.is_over = self.stop = False
        self.lease_until = now + lease_seconds
        self.keep_until = now + keep_seconds
        self.followed_at = now

    @property
    def last(self) -> int:
        return self.numbers[-1] if self.numbers else 0

    def append(self, events: Sequence[Kept]) -> None:
        for event in events:
            if self.is_over:
                return
            if event.kind.is_last:
                event = event._replace(number=self.last + 1)
                self.is_over = True
            elif event.number <= self.last:
                continue
            self.events.append(event)
            self.numbers.append(event.number)


class MemoryStore:
    """Keeps the streams in this process, until `keep_seconds` after their last event.

    They are gone with the process: for several processes there is `RedisStore`.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._streams: dict[str, _Stream] = {}
        self._stops: dict[str, set[str]] = {}
        self._woken: set[str] = set()

    def create(self, key: str, reader: str, lease_seconds: float, keep_seconds: float) -> None:
        """A new stream; those whose time is up are dropped."""
        now = monotonic()
        with self._changed:
            for old in [each for each, stream in self._streams.items() if stream.keep_until < now]:
                del self._streams[old]
            self._streams[key] = _Stream(reader, now, lease_seconds, keep_seconds)

    def append(self, writes: Sequence[Write]) -> list[Written]:
        """Append events and renew leases."""
        with self._changed:
            results = [self._append(write, monotonic()) for write in writes]
            self._changed.notify_all()
            return results

    def _append(self, write: Write, now: float) -> Written:
        stream = self._find(write.key, now)
        if stream is None:
            return Written(Outcome.LOST)
        if stream.token != write.token:
            return Written(Outcome.FENCED)
        stream.append(write.events)
        stream.ids = write.ids or stream.ids
        stream.lease_until = now + write.lease_seconds
        stream.keep_until = now + write.keep_seconds
        return Written(Outcome.DONE, stream.stop, now - stream.followed_at)

    def states(self, keys: Sequence[str], followed: bool = False) -> list[State | None]:
        """How streams stand."""
        now = monotonic()
        with self._changed:
            return [self._state(key, now, followed) for key in keys]

    def _state(self, key: str, now: float, followed: bool) -> State | None:
        stream = self._find(key, now)
        if stream is None:
            return None
        if followed:
            stream.followed_at = now
        alive = stream.lease_until >= now
        return State(stream.last, stream.is_over, alive, stream.token, stream.ids)

    def read(self, key: str, after: int, count: int) -> list[Kept]:
        """Events behind a number."""
        with self._changed:
            stream = self._find(key, monotonic())
            if stream is None:
                return []
            first = bisect_right(stream.numbers, after)
            return stream.events[first : first + count]

    def claim(self, key: str, token: int, reader: str, lease_seconds: float) -> bool:
        """Take a stream over whose reader is dead."""
        now = monotonic()
        with self._changed:
            stream = self._find(key, now)
            if stream is None or stream.is_over or stream.token != token:
                return False
            if stream.lease_until >= now:
                return False
            stream.token, stream.reader = token + 1, reader
            stream.lease_until = now + lease_seconds
            return True

    def stop(self, key: str) -> bool:
        """Ask a stream's reader to stop."""
        with self._changed:
            stream = self._find(key, monotonic())
            if stream is None:
                return False
            stream.stop = True
            self._stops.setdefault(stream.reader, set()).add(key)
            self._changed.notify_all()
            return True

    def wait(self, reader: str, positions: Mapping[str, int], seconds: float) -> Arrivals:
        """Wait for events, a stop or a wake."""
        with self._changed:
            until = monotonic() + seconds
            while True:
                events = {
                    key: found
                    for key, after in positions.items()
                    if (stream := self._streams.get(key)) is not None
                    and stream.last > after
                    and (found := stream.events[bisect_right(stream.numbers, after) :])
                }
                stops = self._stops.pop(reader, set())
                woken = reader in self._woken
                self._woken.discard(reader)
                remaining = until - monotonic()
                if events or stops or woken or remaining <= 0:
                    return Arrivals(events, stops)
                self._changed.wait(remaining)

    def wake(self, reader: str) -> None:
        """End the wait of that reader."""
        with self._changed:
            self._woken.add(reader)
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing is to be freed."""

    def _find(self, key: str, now: float) -> _Stream | None:
        stream = self._streams.get(key)
        if stream is not None and stream.keep_until < now:
            del self._streams[key]
            return None
        return stream
