"""Observables as iterators, for a `for` and an `async for`, and as their last item."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from typing import Generic, TypeVar

from reactivex import Observable as Observable
from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase
from reactivex.internal.exceptions import SequenceContainsNoElementsError

from ..errors import IllegalArgumentException
from .subscription import without_waiting

__all__ = ["aiterate", "iterate"]

T = TypeVar("T")


PREFETCH = 128  # a change of threads costs as much as fifteen items


class WaitingConsumer(ObserverBase[T]):
    """An observer whose own thread or task waits for the end, and raises what it comes with."""


class _BoundedBuffer(WaitingConsumer[T]):
    """At most `size` values between the thread that emits and the consumer, its creator's thread.

    `wake` is called where the consumer may go on, in the thread that emits.
    """

    def __init__(self, size: int, wake: Callable[[], None] | None = None) -> None:
        self._size = size
        self._wake = wake
        self._values: deque[T] = deque()
        self._changed = threading.Condition()
        self._consumer = threading.get_ident()
        self._closed = False
        self._ended = False
        self._error: BaseException | None = None

    def on_next(self, value: T) -> None:
        """Add a value; waits while the buffer is full."""
        with self._changed:
            # a source that emits within subscribe() does so in the consumer's own thread
            while (
                len(self._values) >= self._size
                and not self._closed
                and threading.get_ident() != self._consumer
            ):
                self._changed.wait()
            if not self._closed:
                self._values.append(value)
                if len(self._values) == 1:  # else the consumer has been woken already
                    self._notify()

    def on_error(self, error: BaseException) -> None:
        """Put the error that the source ended with behind the values."""
        with self._changed:
            self._ended, self._error = True, error
            self._notify()

    def on_completed(self) -> None:
        """Put the end behind the values."""
        with self._changed:
            self._ended = True
            self._notify()

    def close(self) -> None:
        """Drop the values and take no more; a thread that waits in `on_next` goes on."""
        with self._changed:
            self._closed = True
            self._values.clear()
            self._changed.notify_all()

    def drain(self) -> list[T] | None:
        """The values there are, removed; None at the end; raises the source's error there."""
        with self._changed:
            if self._values:
                values = list(self._values)
                self._values.clear()
                self._changed.notify_all()
                return values
            if self._error is not None:
                raise self._error
            return None if self._ended else []

    def get(self) -> list[T] | None:
        """`drain`, waiting until there is something."""
        with self._changed:
            while not (self._values or self._ended):
                self._changed.wait()
        return self.drain()

    def _notify(self) -> None:
        self._changed.notify_all()
        if self._wake is not None:
            self._wake()


class _Last(WaitingConsumer[T]):
    """Keeps the last value; `wake` is called at the end, in the thread that emits."""

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._values: tuple[T, ...] = ()
        self._error: BaseException | None = None

    def on_next(self, value: T) -> None:
        self._values = (value,)

    def on_error(self, error: BaseException) -> None:
        self._error = error
        self._wake()

    def on_completed(self) -> None:
        self._wake()

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        if not self._values:
            raise SequenceContainsNoElementsError
        return self._values[0]


def iterate(observable: Observable[T], prefetch: int = PREFETCH) -> Generator[T, None, None]:
    """The items of `observable`, for a `for` loop; its on_error is raised.

    Subscribes at the first item and disposes when the loop is left. At most `prefetch` items lie
    ready; then the source waits, and with it, for our streams, the server.
    IllegalArgumentException where `prefetch` is less than 1.
    """
    return _iterate(observable, _validated(prefetch))


def _iterate(observable: Observable[T], prefetch: int) -> Generator[T, None, None]:
    buffer: _BoundedBuffer[T] = _BoundedBuffer(prefetch)
    subscription = observable.subscribe(buffer)
    try:
        while (values := buffer.get()) is not None:
            yield from values
    finally:
        buffer.close()
        subscription.dispose()


def aiterate(observable: Observable[T], prefetch: int = PREFETCH) -> AsyncItems[T]:
    """`iterate` for `async for`: the event loop is never blocked.

    The wait for an item may be cancelled, by `asyncio.wait_for(anext(items), seconds)` for
    instance, and no item is lost. A loop that is left disposes; `aclose()` does so at once.
    """
    return AsyncItems(observable, prefetch)


class AsyncItems(AsyncIterator[T]):
    """The items of an Observable in an event loop; subscribes at the first.

    It is what the user holds. What the event loop and the source hold is another object: so a loop
    that is left by `break` leaves nobody with a reference to this one, and it disposes.
    """

    def __init__(self, observable: Observable[T], prefetch: int = PREFETCH) -> None:
        self._observable = observable
        self._prefetch = _validated(prefetch)
        self._reading: _AsyncReading[T] | None = None
        self._is_closed = False

    async def __anext__(self) -> T:
        if self._is_closed:
            raise StopAsyncIteration
        reading = self._reading
        if reading is None:
            reading = self._reading = _AsyncReading(self._prefetch)
            reading.begin(self._observable)
        if reading.ready:
            return reading.ready.popleft()
        try:
            return await reading.next()
        finally:
            del self  # the traceback of a task that was cancelled must not keep it

    async def aclose(self) -> None:
        """Dispose of the stream; a task that waits for an item gets the end."""
        self._is_closed = True
        if self._reading is not None:
            self._reading.close()

    def __del__(self) -> None:
        reading: _AsyncReading[T] | None = getattr(self, "_reading", None)
        if reading is not None:
            reading.close()


class _AsyncReading(Generic[T]):
    """A subscription in an event loop, and the items that came of it and lie ready."""

    def __init__(self, prefetch: int) -> None:
        self.ready: deque[T] = deque()
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._buffer: _BoundedBuffer[T] = _BoundedBuffer(prefetch, self._wake)
        self._subscription: DisposableBase | None = None
        self._sentinel: AsyncGenerator[None, None] | None = None
        self._closed = False
        self._since_turn = 0

    def begin(self, observable: Observable[T]) -> None:
        self._sentinel = self._until_shutdown()
        with contextlib.suppress(StopIteration):
            self._sentinel.__anext__().send(None)
        self._subscription = observable.subscribe(self._buffer)
        if self._closed:
            self._dispose()

    async def next(self) -> T:
        while not self.ready:
            if self._closed:
                raise StopAsyncIteration
            await self._fill()
        return self.ready.popleft()

    def close(self) -> None:
        """Dispose of it; from any thread, and again."""
        if self._closed:
            return
        self._closed = True
        self.ready.clear()
        self._buffer.close()
        self._dispose()
        sentinel, self._sentinel = self._sentinel, None
        if sentinel is not None:
            with contextlib.suppress(StopIteration):
                sentinel.aclose().send(None)
        self._wake()

    async def _fill(self) -> None:
        """Wait for values, or take those there are; each batch gives other tasks their turn."""
        self._arrived.clear()
        try:
            values = self._buffer.drain()
        except (StopIteration, StopAsyncIteration) as error:
            self.close()  # which here would be an end of the loop
            raise RuntimeError(f"the stream raised {type(error).__name__}") from error
        except BaseException:
            self.close()
            raise
        if values is None:
            self.close()
        elif not values:
            self._since_turn = 0
            await self._arrived.wait()
        else:
            self.ready.extend(values)
            self._since_turn += len(values)
            if self._since_turn >= PREFETCH:
                self._since_turn = 0
                await asyncio.sleep(0)

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._arrived.set)
        except RuntimeError:  # the loop was closed before the stream ended
            self.close()

    def _dispose(self) -> None:
        if self._subscription is not None:
            with without_waiting():
                self._subscription.dispose()

    async def _until_shutdown(self) -> AsyncGenerator[None, None]:
        """An event loop that shuts down closes the async generators there are, and so this."""
        try:
            yield
        finally:
            self._sentinel = None
            self.close()


def wait_for_last(observable: Observable[T], scheduler: SchedulerBase | None) -> T:
    """The last item, as RxPY's `run` gives it; disposes when the wait is interrupted."""
    over = threading.Event()
    consumer: _Last[T] = _Last(over.set)
    subscription = observable.subscribe(consumer, scheduler=scheduler)
    try:
        over.wait()
    except BaseException:
        subscription.dispose()
        raise
    return consumer.result()


async def await_last(observable: Observable[T]) -> T:
    """The last item, in an event loop; disposes when the task is cancelled."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed before the stream ended
            loop.call_soon_threadsafe(over.set)

    consumer: _Last[T] = _Last(wake)
    subscription = observable.subscribe(consumer)
    try:
        await over.wait()
    except BaseException:
        with without_waiting():
            subscription.dispose()
        raise
    return consumer.result()


def _validated(prefetch: int) -> int:
    if prefetch < 1:
        raise IllegalArgumentException(f"prefetch must be at least 1, not {prefetch}")
    return prefetch
