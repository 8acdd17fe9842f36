"""A sign of life where a stream is silent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from datetime import datetime
from typing import Any, TypeVar, overload

from reactivex import Observable
from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase
from reactivex.disposable import CompositeDisposable, SerialDisposable, SingleAssignmentDisposable

from ._common import check_callable, check_number, fail, timer_scheduler

B = TypeVar("B")
T = TypeVar("T")


@overload
def heartbeat(
    seconds: float, *, scheduler: SchedulerBase | None = None
) -> Callable[[Observable[T]], Observable[T | None]]: ...


@overload
def heartbeat(
    seconds: float, make: Callable[[], B], *, scheduler: SchedulerBase | None = None
) -> Callable[[Observable[T]], Observable[T | B]]: ...


def heartbeat(
    seconds: float,
    make: Callable[[], Any] = lambda: None,
    *,
    scheduler: SchedulerBase | None = None,
) -> Callable[[Observable[Any]], Observable[Any]]:
    """The items, and what `make` gives (by default None) whenever nothing came for `seconds`.

    The first time `seconds` after the subscription; never while the subscriber still has an item
    in hand, and never after the end. An item that comes while the subscriber has a heartbeat in
    hand waits for it, as calls are serial; nothing else holds items up.
    """
    check_number("seconds", seconds, 0.001, threading.TIMEOUT_MAX)
    check_callable("make", make)

    def heartbeat_(source: Observable[Any]) -> Observable[Any]:
        def subscribe(
            observer: ObserverBase[Any], scheduler_: SchedulerBase | None = None
        ) -> DisposableBase:
            timers = timer_scheduler(scheduler or scheduler_)
            return _Heartbeat(seconds, make, observer, timers).subscribe_to(source, scheduler_)

        return Observable(subscribe)

    return heartbeat_


class _Heartbeat:
    """One subscription of `heartbeat`.

    It has one timer at a time: an item only notes when it came, and a timer that finds an item is
    set again for the rest of the silence. The timer's thread never waits for an observer that has
    an item in hand: on an event loop that observer may be waiting for this very thread.
    """

    def __init__(
        self,
        seconds: float,
        make: Callable[[], object],
        observer: ObserverBase[Any],
        timers: SchedulerBase,
    ) -> None:
        self._seconds = seconds
        self._make = make
        self._observer = observer
        self._timers = timers
        self._upstream = SingleAssignmentDisposable()
        self._timer = SerialDisposable()
        self._lock = threading.RLock()  # of who delivers
        self._is_delivering = False  # for who has the lock already
        self._item_at: datetime | None = None  # since the timer was set
        self._context = copy_context()  # the subscriber's, which a timer's thread does not have

    def subscribe_to(
        self, source: Observable[Any], scheduler: SchedulerBase | None
    ) -> DisposableBase:
        self._set_timer(self._seconds)
        self._upstream.disposable = source.subscribe(
            self._on_next, self._on_error, self._on_completed, scheduler=scheduler
        )
        return CompositeDisposable(self._timer, self._upstream)

    def _on_next(self, item: object) -> None:
        with self._lock:
            self._item_at = self._timers.now
            self._deliver(item)

    def _on_error(self, error: Exception) -> None:
        with self._lock:  # behind a heartbeat that is being delivered
            self._timer.dispose()
        self._observer.on_error(error)

    def _on_completed(self) -> None:
        with self._lock:
            self._timer.dispose()
        self._observer.on_completed()

    def _deliver(self, value: object) -> None:
        before, self._is_delivering = self._is_delivering, True
        try:
            self._observer.on_next(value)
        finally:
            self._is_delivering = before

    def _set_timer(self, seconds: float) -> None:
        if not self._timer.is_disposed:
            # set before it can fire, for then it is replaced
            self._timer.disposable = timer = SingleAssignmentDisposable()
            timer.disposable = self._timers.schedule_relative(seconds, self._on_timer)

    def _on_timer(self, _: object, __: object = None) -> None:
        if not self._lock.acquire(blocking=False):
            self._set_timer(self._seconds)
            return
        try:
            rest = self._seconds if self._is_delivering else self._silence_remaining()
            if rest <= 0.0 and not self._timer.is_disposed:
                self._context.copy().run(self._beat)
                rest = self._seconds
            self._set_timer(rest)
        except BaseException:  # the observer's own
            self._timer.dispose()
            self._upstream.dispose()
            raise
        finally:
            self._lock.release()

    def _silence_remaining(self) -> float:
        """Seconds until a heartbeat is due."""
        item_at, self._item_at = self._item_at, None
        if item_at is None:  # the whole time of the timer was silence, whatever the clock says
            return 0.0
        silence = (self._timers.now - item_at).total_seconds()
        return self._seconds - max(silence, 0.0)  # less than 0 where the clock was set back

    def _beat(self) -> None:
        try:
            value = self._make()
        except Exception as error:
            self._timer.dispose()
            fail(self._upstream, self._observer, error)
        else:
            self._deliver(value)
