"""Observables as iterators, for a `for` and an `async for`."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Generic, TypeVar

from reactivex import Observable as Observable
from reactivex.abc import DisposableBase

from ..errors import IllegalArgumentException

__all__ = ["aiterate", "iterate"]

T = TypeVar("T")


PREFETCH = 128  # a change of threads costs as much as fifteen items


class _BoundedBuffer(Generic[T]):
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
        self._error: Exception | None = None

    def put(self, value: T) -> None:
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

    def end(self, error: Exception | None = None) -> None:
        """Put the end behind the values, or the error that the source ended with."""
        with self._changed:
            self._ended, self._error = True, error
            self._notify()

    def close(self) -> None:
        """Drop the values and take no more; a thread that waits in `put` goes on."""
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

    def subscribe_to(self, observable: Observable[T]) -> DisposableBase:
        return observable.subscribe(self.put, self.end, self.end)

    def _notify(self) -> None:
        self._changed.notify_all()
        if self._wake is not None:
            self._wake()


def iterate(observable: Observable[T], prefetch: int = PREFETCH) -> Generator[T, None, None]:
    """The items of `observable`, for a `for` loop; its on_error is raised.

    Subscribes at the first item and disposes when the loop is left. At most `prefetch` items lie
    ready; then the source waits, and with it, for our streams, the server.
    IllegalArgumentException where `prefetch` is less than 1.
    """
    return _iterate(observable, _validated(prefetch))


def _iterate(observable: Observable[T], prefetch: int) -> Generator[T, None, None]:
    buffer: _BoundedBuffer[T] = _BoundedBuffer(prefetch)
    subscription = buffer.subscribe_to(observable)
    try:
        while (values := buffer.get()) is not None:
            yield from values
    finally:
        buffer.close()
        subscription.dispose()


def aiterate(observable: Observable[T], prefetch: int = PREFETCH) -> AsyncGenerator[T, None]:
    """`iterate` for `async for`: the event loop is never blocked."""
    return _aiterate(observable, _validated(prefetch))


async def _aiterate(observable: Observable[T], prefetch: int) -> AsyncGenerator[T, None]:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()

    def wake() -> None:
        try:
            loop.call_soon_threadsafe(ready.set)
        except RuntimeError:  # the loop was closed before the stream ended
            buffer.close()

    buffer: _BoundedBuffer[T] = _BoundedBuffer(prefetch, wake)
    subscription = buffer.subscribe_to(observable)
    try:
        while (values := buffer.drain()) is not None:
            if not values:
                await ready.wait()
                ready.clear()
            for value in values:
                yield value
    finally:
        buffer.close()
        subscription.dispose()


def _validated(prefetch: int) -> int:
    if prefetch < 1:
        raise IllegalArgumentException(f"prefetch must be at least 1, not {prefetch}")
    return prefetch
