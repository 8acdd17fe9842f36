"""The watchers' side: one thread follows all streams that are watched in this process."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from .._stream.driver import monotonic
from ..errors import ConnectionException, NotFoundException
from ._frames import ServerSentEvent
from ._kept import failure_of, kept_interruption
from ._pool import Pool
from ._store import Kept, Kind, State, Store

logger = logging.getLogger("dify_java_compat")

_READY_AT_MOST = 256  # events; then a watcher reads on from the store when it has delivered them
_RETRY_SECONDS = 0.25
_GATHER_SECONDS = 0.005  # per hundred streams: events that come within it are read together


def not_found() -> NotFoundException:
    """For a stream that is not known, or another user's."""
    text = "no such stream, or it is kept no longer"
    error = NotFoundException(text)
    error.status_code, error.code, error.message = 404, "not_found", text
    return error


class Watch:
    """One observer of a stream: gets the events behind a number, in order, each once."""

    def __init__(self, follower: Follower, key: str, after: int, observer: Any) -> None:
        self.key = key
        self.user_data: Any = None
        self._follower = follower
        self._observer = observer
        self._lock = threading.Lock()
        self._pending: deque[Kept] = deque()
        self._number = after  # that of the newest event that is pending, or was delivered
        self._offered = 0  # the newest number that was offered
        self._is_behind = True  # the store has events that are neither
        self._has_begun = self._has_delivered = False
        self._is_scheduled = self._is_closed = False

    def dispose(self) -> None:
        """Deliver no more; from any thread."""
        with self._lock:
            self._is_closed = True
            self._pending.clear()
        self._follower.unfollow(self)

    def offer(self, events: Iterable[Kept]) -> None:
        """Take events that have arrived; those it has are passed over, a gap is read later."""
        with self._lock:
            for event in events:
                self._offered = max(self._offered, event.number)
                if event.number <= self._number or self._is_behind:
                    continue
                if event.number > self._number + 1 or len(self._pending) >= _READY_AT_MOST:
                    self._is_behind = True
                    break
                self._pending.append(event)
                self._number = event.number
        self.schedule()

    def interrupt(self, ids: str, reason: str) -> None:
        """Deliver what is pending, and then that the reader, or the store, is gone.

        This event is not kept, and so has no id: who comes again goes on behind the last that was.
        """
        with self._lock:
            self._is_behind = False
            self._has_begun = True
            self._pending.append(kept_interruption(0, ids, reason))
        self.schedule()

    def schedule(self) -> None:
        """Have a thread deliver what there is."""
        with self._lock:
            if self._is_scheduled or self._is_closed:
                return
            self._is_scheduled = True
        self._follower.pool.submit(self._deliver)

    def _deliver(self) -> None:
        try:
            if not self._has_begun:
                self._begin()
            while (event := self._next()) is not None:
                self._emit(event)
        except Exception as error:
            with self._lock:
                self._is_scheduled = False
            if isinstance(error, ConnectionException) and self._has_begun:
                return  # the follower schedules it again, or interrupts it
            self.dispose()
            self._observer.on_error(error)

    def _begin(self) -> None:
        """Follow a stream that is known: from its end, where somebody is ahead of it."""
        [state] = self._follower.store.states([self.key], followed=True)
        if state is None:
            raise not_found()
        with self._lock:
            self._number = min(self._number, state.last)
            is_done = state.is_over and self._number == state.last
        self._has_begun = True
        if is_done:
            self.dispose()
            self._observer.on_completed()
            return
        self._follower.follow(self, state)
        if self._is_closed:  # meanwhile, when there was nothing to unfollow yet
            self._follower.unfollow(self)

    def _next(self) -> Kept | None:
        """The next event; None where there is none now, and the thread is free."""
        while True:
            with self._lock:
                if self._is_closed:
                    return None
                if self._pending:
                    return self._pending.popleft()
                if not self._is_behind:
                    self._is_scheduled = False
                    return None
                after, offered = self._number, self._offered
            found = self._follower.store.read(self.key, after, _READY_AT_MOST)
            if _has_gap(found, after, offered):
                return kept_interruption(0, "", "the store has lost events of the stream")
            with self._lock:
                if self._is_behind and not self._is_closed:
                    self._pending.extend(found)
                    self._number = found[-1].number if found else after
                    is_full = len(found) == _READY_AT_MOST
                    self._is_behind = is_full or self._offered > self._number

    def _emit(self, event: Kept) -> None:
        is_first, self._has_delivered = not self._has_delivered, True
        if event.kind.is_last:
            self.dispose()
        if event.kind is Kind.ERROR and is_first and event.number == 1:
            self._observer.on_error(failure_of(event))  # so that a response has its status
            return
        self._observer.on_next(
            ServerSentEvent(
                str(event.number) if event.number else None,
                event.name,
                event.data,
                is_named=event.kind.is_last,
                is_text=event.kind is Kind.TEXT,
            )
        )
        if event.kind.is_last:
            self._observer.on_completed()


def _has_gap(found: list[Kept], after: int, offered: int) -> bool:
    """Whether what was read behind `after` lacks an event, of which `offered` is known to exist."""
    return found[0].number != after + 1 if found else offered > after


class _Followed:
    def __init__(self, state: State) -> None:
        self.position = state.last
        self.state = state
        self.watches: set[Watch] = set()


class _Contact:
    """Whether the store can be reached, and since when."""

    def __init__(self, lease_seconds: float) -> None:
        self._lease = lease_seconds
        self._seen_at = self._back_at = 0.0

    def begin(self) -> None:
        """It is taken for reachable at first."""
        self._seen_at = monotonic()

    def note(self) -> None:
        """It was reached."""
        now = monotonic()
        if now - self._seen_at > min(0.5, self._lease / 4) + 1.0:
            self._back_at = now
        self._seen_at = now

    def is_steady(self) -> bool:
        """Whether it is back for long enough that a living reader had renewed its lease."""
        return monotonic() - self._back_at >= min(1.0, self._lease / 2)

    def is_lost(self) -> bool:
        """Whether it is away for a lease."""
        return monotonic() - self._seen_at >= self._lease


class Follower:
    """A thread that waits for events and stops, and looks whether readers are alive.

    `on_stop` is called with the key of a stream to stop, `on_dead` with that of a stream whose
    reader is dead, its state and one of its watchers; it may raise ConnectionException.
    """

    def __init__(
        self,
        store: Store,
        reader: str,
        lease_seconds: float,
        on_stop: Callable[[str], None],
        on_dead: Callable[[str, State, Any], None],
    ) -> None:
        self.store = store
        self.pool = Pool("dify-watcher")
        self._reader = reader
        self._lease = lease_seconds
        self._on_stop, self._on_dead = on_stop, on_dead
        self._lock = threading.Lock()
        self._followed: dict[str, _Followed] = {}
        self._is_running = self._is_closed = False
        self._thread: threading.Thread | None = None
        self._keep_running: Callable[[], bool] = lambda: False
        self._contact = _Contact(lease_seconds)
        self._looked_at = 0.0

    def follow(self, watch: Watch, state: State) -> None:
        """Offer `watch` what arrives behind `state`."""
        with self._lock:
            followed = self._followed.setdefault(watch.key, _Followed(state))
            followed.watches.add(watch)
        self.start(wake=True)

    def unfollow(self, watch: Watch) -> None:
        """Offer it nothing more; again, too."""
        with self._lock:
            followed = self._followed.get(watch.key)
            if followed is not None:
                followed.watches.discard(watch)
                if not followed.watches:
                    del self._followed[watch.key]

    def start(self, wake: bool = False, while_: Callable[[], bool] | None = None) -> None:
        """Have the thread run, as long as something is followed or `while_` holds."""
        with self._lock:
            self._keep_running = while_ or self._keep_running
            started = not self._is_running
            if started:
                self._is_running = True
                self._contact.begin()
                self._looked_at = monotonic()
                self._thread = threading.Thread(target=self._run, name="dify-follower", daemon=True)
                self._thread.start()
        if wake and not started:
            self.store.wake(self._reader)

    def close(self, seconds: float) -> None:
        """Interrupt the watchers, and end the thread."""
        self._interrupt_all("the watcher of the stream was closed")
        with self._lock:
            self._is_closed = True
            thread = self._thread
        with contextlib.suppress(ConnectionException):
            self.store.wake(self._reader)
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)

    def _run(self) -> None:
        while (positions := self._positions()) is not None:
            try:
                arrivals = self.store.wait(self._reader, positions, self._look_seconds)
                self._contact.note()
                for key, events in arrivals.events.items():
                    self._offer(key, events)
                for key in arrivals.stops:
                    self._on_stop(key)
                if arrivals.events:
                    time.sleep(min(0.02, _GATHER_SECONDS * len(positions) / 100))
                if monotonic() - self._looked_at >= self._look_seconds:
                    self._look()
            except ConnectionException as error:
                logger.debug("the store of streams cannot be reached: %s", error)
                if self._contact.is_lost():
                    self._interrupt_all("the store of the stream cannot be reached")
                time.sleep(_RETRY_SECONDS)
            except Exception as error:  # of a store: the streams of all must not end with it
                logger.warning("streams cannot be followed: %s", error, exc_info=True)
                time.sleep(_RETRY_SECONDS)

    @property
    def _look_seconds(self) -> float:
        return min(0.5, self._lease / 4)

    def _positions(self) -> dict[str, int] | None:
        with self._lock:
            if self._is_closed or (not self._followed and not self._keep_running()):
                self._is_running = False
                return None
            return {key: followed.position for key, followed in self._followed.items()}

    def _offer(self, key: str, events: Any) -> None:
        with self._lock:
            followed = self._followed.get(key)
            if followed is None:
                return
            followed.position = max(followed.position, events[-1].number)
            watches = list(followed.watches)
        for watch in watches:
            watch.offer(events)

    def _look(self) -> None:
        """Ask how the streams stand; what is dead or lost is not waited for."""
        self._looked_at = monotonic()
        with self._lock:
            keys = list(self._followed)
        if not keys:
            return
        for key, state in zip(keys, self.store.states(keys, followed=True), strict=True):
            with self._lock:
                followed = self._followed.get(key)
                watches = list(followed.watches) if followed is not None else []
                if followed is not None and state is not None:
                    followed.state = state
            if followed is None or not watches:
                continue
            for watch in watches:
                watch.schedule()  # one whose store was away may be behind
            if state is None:
                self._interrupt(followed, watches, "the store has lost the stream")
            elif not state.is_over and not state.is_alive and self._contact.is_steady():
                self._on_dead(key, state, watches[0].user_data)

    def _interrupt_all(self, reason: str) -> None:
        with self._lock:
            followed = [(each, list(each.watches)) for each in self._followed.values()]
        for each, watches in followed:
            self._interrupt(each, watches, reason)

    def _interrupt(self, followed: _Followed, watches: list[Watch], reason: str) -> None:
        for watch in watches:
            self.unfollow(watch)
            watch.interrupt(followed.state.ids, reason)
