"""Another attempt after an error, after a pause."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Generic, TypeVar

from reactivex import Observable
from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase
from reactivex.disposable import SerialDisposable, SingleAssignmentDisposable

from ..errors import IllegalArgumentException
from ._common import check_callable, check_number, timer_scheduler

T = TypeVar("T")

_DAY = 86400.0


def retry_when(
    policy: Callable[[Exception, int], float | None], *, scheduler: SchedulerBase | None = None
) -> Callable[[Observable[T]], Observable[T]]:
    """Subscribe again after an error, as `policy` decides: `retryWhen`.

    `policy(error, retries)`, as `backoff` makes one, gives the seconds to wait before the next
    attempt, or None to give up; `retries` counts those of this subscription so far. The error that
    is given up on comes out as it is, as with RxPY's `retry`; Reactor wraps it. Each attempt on a
    stream of a chat is a new request, and is billed; what the failed one delivered stays delivered.
    """
    check_callable("policy", policy)

    def retry_when_(source: Observable[T]) -> Observable[T]:
        def subscribe(
            observer: ObserverBase[T], scheduler_: SchedulerBase | None = None
        ) -> DisposableBase:
            timers = timer_scheduler(scheduler or scheduler_)
            return _Attempts(source, policy, observer, timers, scheduler_).start()

        return Observable(subscribe)

    return retry_when_


def backoff(
    max_attempts: int,
    first_delay: float,
    max_delay: float = _DAY,
    jitter: float = 0.5,
    only: type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool] = Exception,
) -> Callable[[Exception, int], float | None]:
    """A policy for `retry_when` whose delays double: `Retry.backoff(maxAttempts, minBackoff)`.

    At most `max_attempts` times, the first attempt not counted, as in Java; RxPY's `retry` counts
    it. The delays are seconds: `first_delay`, then twice as much each time, up to `max_delay` (a
    day), each made longer or shorter by up to its share `jitter` (0 to 1), but within these two.
    `only`, an exception class, a tuple of them or a predicate, says after which errors.
    """
    check_number("max_attempts", max_attempts, 0, float("inf"))
    check_number("max_delay", max_delay, 0, threading.TIMEOUT_MAX)
    check_number("first_delay", first_delay, 0, max_delay)
    check_number("jitter", jitter, 0, 1)
    is_worth_it = _matcher(only)

    def delay(error: Exception, retries: int) -> float | None:
        if retries >= max_attempts or not is_worth_it(error):
            return None
        seconds = min(first_delay * 2.0 ** min(retries, 60), max_delay)
        seconds *= random.uniform(1 - jitter, 1 + jitter)
        return min(max(seconds, first_delay), max_delay)

    return delay


def _matcher(
    only: type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool],
) -> Callable[[Exception], bool]:
    kinds = only if isinstance(only, tuple) else (only,)
    if all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds):
        return lambda error: isinstance(error, kinds)  # type: ignore[arg-type]
    if isinstance(only, type) or not callable(only):
        raise IllegalArgumentException("only must be exception classes or a predicate")
    return only


class _Attempts(Generic[T]):
    """One subscription of `retry_when`: an attempt, a pause, an attempt, and so on."""

    def __init__(
        self,
        source: Observable[T],
        policy: Callable[[Exception, int], float | None],
        observer: ObserverBase[T],
        timers: SchedulerBase,
        scheduler: SchedulerBase | None,
    ) -> None:
        self._source = source
        self._policy = policy
        self._observer = observer
        self._timers = timers
        self._scheduler = scheduler
        self._current = SerialDisposable()
        self._retries = 0
        self._context = copy_context()  # the subscriber's, which a timer's thread does not have

    def start(self) -> DisposableBase:
        self._current.disposable = attempt = SingleAssignmentDisposable()
        observer = self._observer
        attempt.disposable = self._source.subscribe(
            observer.on_next, self._on_error, observer.on_completed, scheduler=self._scheduler
        )
        return self._current

    def _on_error(self, error: Exception) -> None:
        try:
            delay = self._policy(error, self._retries)
            if delay is not None:
                check_number("the delay of the policy", delay, 0, threading.TIMEOUT_MAX)
        except Exception as own:
            self._observer.on_error(own)
            return
        if delay is None:
            self._observer.on_error(error)
            return
        self._retries += 1
        self._current.disposable = pause = SingleAssignmentDisposable()
        pause.disposable = self._timers.schedule_relative(delay, self._start_again)

    def _start_again(self, _: object, __: object = None) -> None:
        self._context.copy().run(self.start)
