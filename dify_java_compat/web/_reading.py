"""The reader's side: a run is read, and its events are written to the store, many at a time."""

from __future__ import annotations

import json
import logging
import threading
import time
from enum import Enum
from typing import Any, NamedTuple

from .._stream.driver import monotonic
from ..errors import ConnectionException
from ._failures import log_failure
from ._frames import Options
from ._kept import ids_of, kept_end, kept_failure, kept_interruption, kept_item
from ._pool import Pool
from ._store import Kept, Outcome, Store, Write, Written

logger = logging.getLogger("dify_java_compat")

_UNWRITTEN_BYTES = 1 << 20  # what a stream keeps while the store cannot be reached
_GATHER_SECONDS = 0.003  # events that come within it are written together
_RETRY_SECONDS = 0.25


class Limits(NamedTuple):
    """How long and how much, for all streams of a `ResumableStreams`."""

    lease_seconds: float
    keep_seconds: float
    grace_seconds: float | None
    max_events: int
    max_bytes: int


class ReadingState(Enum):
    """Whether items are still taken, and written."""

    READING = "items come, and are written"
    ENDING = "the last event waits to be written"
    OVER = "nothing is written any more"


class Reading:
    """An observer that has its items written to the store.

    ::

        READING ── end, failure, stop, too much ──> ENDING ── written ──> OVER
           └────── another reader has it, or the store lost it ───────────^
    """

    def __init__(
        self, writer: Writer, key: str, token: int, number: int, options: Options, ids: str = ""
    ) -> None:
        self.key, self.token = key, token
        self.state = ReadingState.READING
        self.renewed_at = monotonic()
        self._writer = writer
        self._options = options
        self._ids: dict[str, str] = json.loads(ids) if ids else {}
        self._lock = threading.Condition()  # notified when there is room, or an end
        self.buffer: list[Kept] = []
        self._buffer_bytes = 0
        self._number = number  # that of the newest event
        self._bytes = 0
        self._subscription: Any = None

    def begin(self, stream: Any, observer: Any = None) -> None:
        """Subscribe to the stream, for `observer` that passes its items on, where there is one."""
        subscription = stream.subscribe(self if observer is None else observer)
        with self._lock:
            self._subscription = subscription
            stopped = self.state is not ReadingState.READING
        if stopped:
            subscription.dispose()

    def on_next(self, value: Any) -> None:
        """Keep an item; returns at once."""
        with self._lock:
            if self.state is not ReadingState.READING:
                return
            try:
                event = kept_item(self._number + 1, value, self._options)
            except (TypeError, ValueError) as error:
                self._end(kept_failure(self._number + 1, error), log=error)
                dispose = True
            else:
                ids_of(value, self._ids)
                dispose = self._keep(event)
        self._writer.notify(self)
        if dispose:
            self._dispose()

    def on_error(self, error: BaseException) -> None:
        """Keep what the stream failed with."""
        with self._lock:
            self._end(kept_failure(self._number + 1, error), log=error)
        self._writer.notify(self)

    def on_completed(self) -> None:
        """Keep that the stream ended."""
        with self._lock:
            self._end(kept_end(self._number + 1, "completed"))
        self._writer.notify(self)

    def stop(self) -> None:
        """End it here and dispose of the stream."""
        with self._lock:
            self._end(kept_end(self._number + 1, "stopped"))
        self._writer.notify(self)
        self._dispose()

    def interrupt(self, reason: str) -> None:
        """End it with what watchers are to know of a reader that is gone."""
        with self._lock:
            self._end(kept_interruption(self._number + 1, _ids_json(self._ids), reason))
        self._writer.notify(self)
        self._dispose()

    def take(self, limits: Limits) -> Write:
        """What is to be written."""
        with self._lock:
            events = list(self.buffer)
            return Write(
                self.key, self.token, events, _ids_json(self._ids), limits.lease_seconds,
                limits.keep_seconds,
            )  # fmt: skip

    def on_written(self, write: Write, written: Written, grace: float | None) -> None:
        """Forget what was written, and do what the store says."""
        self.renewed_at = monotonic()
        if written.outcome is not Outcome.DONE:
            with self._lock:
                self.state = ReadingState.OVER
                self.buffer.clear()
                self._lock.notify_all()
            if written.outcome is Outcome.LOST:  # whom another has followed it must not stop
                logger.warning("a stream is read no more, for its store lost it")
                self._writer.pool.submit(self._dispose)
            return
        with self._lock:
            kept = set(map(id, write.events))
            self.buffer = [event for event in self.buffer if id(event) not in kept]
            self._buffer_bytes = sum(event.size for event in self.buffer)
            self._lock.notify_all()
            if self.state is ReadingState.ENDING and not self.buffer:
                self.state = ReadingState.OVER
        unfollowed = grace is not None and written.unfollowed_seconds > grace
        if self.state is ReadingState.READING and (written.stop or unfollowed):
            self._writer.pool.submit(self.stop)  # which may wait, and this thread may not

    def _keep(self, event: Kept) -> bool:
        """Whether that was too much, and the stream is to be disposed of."""
        limits = self._writer.limits
        self._lock.wait_for(lambda: self._has_room(event), limits.lease_seconds)
        if self.state is not ReadingState.READING:
            return False
        if not self._has_room(event):
            self.buffer.clear()  # the last event follows what was written, without a gap
            reason = "the store of the stream cannot be reached"
        elif event.number > limits.max_events or self._bytes + event.size > limits.max_bytes:
            reason = "the stream is longer than its store may keep"
        else:
            self._number = event.number
            self.buffer.append(event)
            self._buffer_bytes += event.size
            self._bytes += event.size
            return False
        logger.warning("a stream is interrupted: %s", reason)
        self._end(kept_interruption(event.number, _ids_json(self._ids), reason))
        return True

    def _has_room(self, event: Kept) -> bool:
        """Whether it may be kept, or need not be; else Dify waits, by way of this callback."""
        if self.state is not ReadingState.READING or not self.buffer:
            return True
        return self._buffer_bytes + event.size <= _UNWRITTEN_BYTES

    def _end(self, last: Kept, log: BaseException | None = None) -> None:
        if self.state is ReadingState.READING:
            if log is not None:
                log_failure(log)
            self.state = ReadingState.ENDING
            self.buffer.append(last)
            self._lock.notify_all()

    def _dispose(self) -> None:
        with self._lock:
            subscription = self._subscription
        if subscription is not None:
            subscription.dispose()


def _ids_json(ids: dict[str, str]) -> str:
    return json.dumps(ids) if ids else ""


class Writer:
    """A thread that writes what all readings of a process have, and renews their leases."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self.limits = limits
        self.pool = Pool("dify-stopper")
        self._store = store
        self._changed = threading.Condition()
        self._readings: dict[str, Reading] = {}
        self._ready: set[str] = set()
        self._is_running = False

    def add(self, reading: Reading) -> None:
        """Write what `reading` has from now on."""
        with self._changed:
            self._readings[reading.key] = reading
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="dify-writer", daemon=True).start()

    def notify(self, reading: Reading) -> None:
        """There is something to write."""
        with self._changed:
            if self._readings.get(reading.key) is reading:
                if not self._ready:
                    self._changed.notify()
                self._ready.add(reading.key)

    def find(self, key: str) -> Reading | None:
        """The reading of a stream, where it is one of this process."""
        with self._changed:
            return self._readings.get(key)

    @property
    def readings(self) -> list[Reading]:
        """All that are read here."""
        with self._changed:
            return list(self._readings.values())

    def wait_until_written(self, seconds: float) -> bool:
        """Until nothing is read here any more; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._readings, seconds)

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            if not batch:
                continue
            writes = [reading.take(self.limits) for reading in batch]
            try:
                results = self._store.append(writes)
            except Exception as error:  # of a store: the streams of all must not end with it
                is_away = isinstance(error, ConnectionException)
                level = logging.DEBUG if is_away else logging.WARNING
                logger.log(
                    level, "events could not be written yet: %s", error, exc_info=not is_away
                )
                self._put_back(batch)
                time.sleep(_RETRY_SECONDS)
                continue
            for reading, write, written in zip(batch, writes, results, strict=True):
                reading.on_written(write, written, self.limits.grace_seconds)
            self._drop_ended(batch)

    def _next_batch(self) -> list[Reading] | None:
        """The readings with events or a lease to renew; None where nothing is read any more."""
        tick = self.limits.lease_seconds / 3
        if self.limits.grace_seconds is not None:
            tick = min(tick, max(0.05, self.limits.grace_seconds / 3))
        with self._changed:
            if not self._readings:
                self._is_running = False
                return None
            if not self._ready:
                oldest = min(reading.renewed_at for reading in self._readings.values())
                self._changed.wait(max(0.0, oldest + tick - monotonic()))
        if self._ready:
            time.sleep(_GATHER_SECONDS)
        now = monotonic()
        with self._changed:
            ready, self._ready = self._ready, set()
            return [
                reading
                for key, reading in self._readings.items()
                if key in ready or reading.renewed_at + tick <= now
            ]

    def _put_back(self, batch: list[Reading]) -> None:
        with self._changed:
            self._ready.update(reading.key for reading in batch)

    def _drop_ended(self, batch: list[Reading]) -> None:
        with self._changed:
            for reading in batch:
                if (
                    reading.state is ReadingState.OVER
                    and self._readings.get(reading.key) is reading
                ):
                    del self._readings[reading.key]
                elif reading.buffer:
                    self._ready.add(reading.key)
            self._changed.notify_all()
