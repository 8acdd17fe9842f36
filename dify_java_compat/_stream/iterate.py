"""Observables as iterators for a `for`, and as their last item."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator
from typing import TypeVar

from reactivex import Observable as Observable
from reactivex.abc import DisposableBase, SchedulerBase
from reactivex.internal.exceptions import SequenceContainsNoElementsError

from ..errors import IllegalArgumentException, excerpt
from .caller import CallerLoop
from .drain import leave_at_exit
from .schedulers import CallerScheduler, WaitingConsumer

__all__ = ["iterate"]

T = TypeVar("T")
S = TypeVar("S")


PREFETCH = 128


class _BoundedBuffer(WaitingConsumer[T]):
    """At most `size` values between the thread that emits and the consumer, which runs `loop`.

    The loop is woken where the consumer may go on.
    """

    def __init__(self, size: int, loop: CallerLoop) -> None:
        self._size = size
        self._loop = loop
        self._values: deque[T] = deque()
        # entered by itself: what Condition's own `with` calls is cut through by signal handlers
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._closed = False
        self._ended = False
        self._error: BaseException | None = None

    def on_next(self, value: T) -> None:
        """Add a value; waits while the buffer is full, in other threads than the consumer's."""
        if self._loop.is_here:
            if not self._closed:
                self._values.append(value)
            return
        with self._lock:
            while len(self._values) >= self._size and not self._closed:
                self._changed.wait()
            if not self._closed:
                self._values.append(value)
                if len(self._values) == 1:  # else the consumer has been woken already
                    self._notify()

    def on_error(self, error: BaseException) -> None:
        """Put the error that the source ended with behind the values."""
        with self._lock:
            self._ended, self._error = True, error
            self._notify()

    def on_completed(self) -> None:
        """Put the end behind the values."""
        with self._lock:
            self._ended = True
            self._notify()

    def close(self) -> None:
        """Drop the values and take no more; a thread that waits in `on_next` goes on."""
        with self._lock:
            self._closed = True
            self._values.clear()
            self._changed.notify_all()

    def drain(self) -> list[T] | None:
        """The values there are, removed; None at the end; raises the source's error there."""
        with self._lock:
            if self._values:
                values = list(self._values)
                self._values.clear()
                self._changed.notify_all()
                return values
            if self._error is not None:
                raise self._error
            return None if self._ended else []

    def _notify(self) -> None:
        self._changed.notify_all()
        self._loop.wake()


class _Last(WaitingConsumer[T]):
    """Keeps the last value; `wake` is called at the end, in the thread that emits."""

    def __init__(self, wake: Callable[[], object]) -> None:
        self.is_over = False
        self._wake = wake
        self._values: tuple[T, ...] = ()
        self._error: BaseException | None = None

    def on_next(self, value: T) -> None:
        self._values = (value,)

    def on_error(self, error: BaseException) -> None:
        self._error, self.is_over = error, True
        self._wake()

    def on_completed(self) -> None:
        self.is_over = True
        self._wake()

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        if not self._values:
            raise SequenceContainsNoElementsError
        return self._values[0]


def iterate(observable: Observable[T], prefetch: int = PREFETCH) -> Generator[T, None, None]:
    """The items of `observable`, for a `for` loop; its on_error is raised.

    Subscribes at the first item and disposes when the loop is left. A stream of ours is read by the
    thread of the loop, when it wants the next item, and the timers of its operators run there. Of
    what comes from other threads at most `prefetch` items lie ready; then the source waits.
    IllegalArgumentException where `prefetch` is less than 1, or what is given is no Observable.
    """
    prefetch = validated(observable, prefetch)
    read_here: Callable[[], Generator[T, None, None]] | None
    read_here = getattr(observable, "_read_here", None)
    items = _iterate(observable, prefetch) if read_here is None else read_here()
    if read_here is None:  # else it has nothing to stop
        leave_at_exit(items)
    return items


def _iterate(observable: Observable[T], prefetch: int) -> Generator[T, None, None]:
    loop = CallerLoop()
    buffer: _BoundedBuffer[T] = _BoundedBuffer(prefetch, loop)
    subscription: DisposableBase | None = None
    try:
        try:
            subscription = observable.subscribe(buffer, scheduler=CallerScheduler(loop))
            while (values := buffer.drain()) is not None:
                if values:
                    yield from values
                else:
                    loop.run_once()
        finally:
            buffer.close()
            if subscription is not None:
                subscription.dispose()
            loop.close()
    except BaseException:  # a signal handler's may come within `finally`, too
        buffer.close()
        loop.leave()
        raise


def whole(items: Generator[T, None, None], make: Callable[[Generator[T, None, None]], S]) -> S:
    """What `make` makes of `items`, which are closed when it raises, as by a signal handler."""
    try:
        return make(items)
    except BaseException:  # whose traceback may be kept, and the items with it
        items.close()
        raise


def wait_for_last(observable: Observable[T], scheduler: SchedulerBase | None) -> T:
    """The last item, as RxPY's `run` gives it; disposes when the wait is interrupted."""
    if scheduler is None and getattr(observable, "_read_here", None) is not None:
        last = deque(iterate(observable), maxlen=1)
        if not last:
            raise SequenceContainsNoElementsError
        return last[0]
    loop = CallerLoop()
    consumer: _Last[T] = _Last(loop.wake)
    subscription: DisposableBase | None = None
    try:
        try:
            subscription = observable.subscribe(
                consumer, scheduler=CallerScheduler(loop) if scheduler is None else scheduler
            )
            while not consumer.is_over:
                loop.run_once()
            loop.close()
        except BaseException:
            if subscription is not None:
                subscription.dispose()
            loop.close()
            raise
    except BaseException:  # a signal handler's may come while the first is dealt with
        loop.leave()
        raise
    return consumer.result()


def validated(observable: object, prefetch: int) -> int:
    """`prefetch`. IllegalArgumentException where one of them cannot work."""
    if not callable(getattr(observable, "subscribe", None)):
        kind = type(observable).__name__
        raise IllegalArgumentException(f"observable must be an Observable, not {kind}")
    if not isinstance(prefetch, int) or prefetch < 1:
        raise IllegalArgumentException(f"prefetch must be at least 1, not {excerpt(prefetch)}")
    return prefetch
