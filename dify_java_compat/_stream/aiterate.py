"""Observables as iterators for an `async for`, and as their last item in an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Generic, TypeVar

from reactivex import Observable as Observable
from reactivex.abc import DisposableBase
from reactivex.internal.exceptions import SequenceContainsNoElementsError

from .._http.clock import monotonic
from .caller import IN_A_ROW
from .drain import leave_at_exit
from .eventloop import TURN_SECONDS, EventLoopDriver, can_read
from .iterate import PREFETCH, validated
from .schedulers import EventLoopScheduler, WaitingConsumer
from .subscription import without_waiting

__all__ = ["aiterate"]

T = TypeVar("T")

# more than a pipeline emits in a turn of the event loop: what lies ready gets less in any case
_BEFORE_TURN = 2 * IN_A_ROW
_MANY = 1024


def aiterate(observable: Observable[T], prefetch: int = PREFETCH) -> AsyncItems[T]:
    """`iterate` for `async for`: the event loop reads the stream itself, and is never blocked.

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
        self._prefetch = validated(observable, prefetch)
        self._reading: _AsyncReading[T] | None = None
        self._is_closed = False

    async def __anext__(self) -> T:
        if self._is_closed:
            raise StopAsyncIteration
        reading = self._reading
        if reading is None:
            reading = self._reading = _AsyncReading(self._prefetch)
            leave_at_exit(reading)
            reading.begin(self._observable)
        if reading.ready and reading.before_turn:
            reading.before_turn -= 1
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


class _Few(list[T]):
    """A queue of few; an empty deque would take 700 bytes more, of each stream."""

    __slots__ = ()

    def popleft(self) -> T:
        return self.pop(0)


class _Arrivals(WaitingConsumer[T]):
    """The items that lie ready for a task, and the end; from whatever thread they come.

    Where more than `prefetch` lie ready the streams of `driver` are not read, or the thread that
    brings them waits.
    """

    def __init__(self, prefetch: int) -> None:
        self.ready: deque[T] | _Few[T] = _Few() if prefetch <= _MANY else deque()
        self.driver: EventLoopDriver | None = None
        self.is_over = self.is_closed = False
        self.error: BaseException | None = None
        self._prefetch = prefetch
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._waiter: asyncio.Future[None] | None = None
        self._changed: threading.Condition | None = None  # for a thread that brings items

    def on_next(self, value: T) -> None:
        is_elsewhere = threading.get_ident() != self._thread
        if is_elsewhere:
            if self._loop.is_closed():
                self.shut()
            if self._changed is None:
                self._changed = threading.Condition()
            with self._changed:
                while len(self.ready) >= self._prefetch and not self.is_closed:
                    self._changed.wait()
        if self.is_closed:
            return
        self.ready.append(value)
        if self._waiter is not None:
            self._wake()
        driver = self.driver
        if driver is not None and len(self.ready) > self._prefetch and not is_elsewhere:
            driver.pause()

    def on_error(self, error: BaseException) -> None:
        self.error = error
        self.on_completed()

    def on_completed(self) -> None:
        self.is_over = True
        self._wake()

    async def wait(self) -> None:
        """Until there is an item, or the end, or it is closed."""
        self.make_room()
        self._waiter = waiter = self._loop.create_future()
        try:
            if not (self.ready or self.is_over or self.is_closed):
                await waiter
        finally:
            self._waiter = None

    def make_room(self) -> None:
        """Items were taken: who waits to bring more may go on."""
        driver = self.driver
        if driver is not None and driver.is_paused and not self.ready and not self.is_closed:
            driver.resume()
        if self._changed is not None:
            with self._changed:
                self._changed.notify_all()

    def shut(self) -> None:
        """Take no more; who waits for an item, or to bring one, goes on."""
        self.is_closed = True
        self.ready.clear()
        self.make_room()
        self._wake()

    def _wake(self) -> None:
        if threading.get_ident() == self._thread:
            self._set()
            return
        with contextlib.suppress(RuntimeError):  # the loop was closed before the stream ended
            self._loop.call_soon_threadsafe(self._set)

    def _set(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _AsyncReading(Generic[T]):
    """A subscription in an event loop. `before_turn` items may be taken before a look at the clock.

    Others get their turn after so many items, or so much time.
    """

    def __init__(self, prefetch: int) -> None:
        self.arrivals: _Arrivals[T] = _Arrivals(prefetch)
        self.ready = self.arrivals.ready
        self.before_turn = self._in_a_row = 1
        self._taken, self._turn_end = 0, 0.0
        self._subscription: DisposableBase | None = None
        self._sentinel: AsyncGenerator[None, None] | None = None

    def begin(self, observable: Observable[T]) -> None:
        self._sentinel = self._until_shutdown()
        with contextlib.suppress(StopIteration):
            self._sentinel.__anext__().send(None)
        loop, scheduler = asyncio.get_running_loop(), None
        if can_read(loop):
            scheduler = EventLoopScheduler(loop)
            self.arrivals.driver = scheduler.driver
        self._subscription = observable.subscribe(self.arrivals, scheduler=scheduler)
        if self.arrivals.is_closed:
            self._dispose()

    async def next(self) -> T:
        arrivals = self.arrivals
        if not self.before_turn and self._is_turn_over():
            await asyncio.sleep(0)
            self._begin_turn()
        while not self.ready:
            if arrivals.is_closed:
                raise StopAsyncIteration
            if arrivals.is_over:
                self._raise_end(arrivals.error)
            await arrivals.wait()
            self._begin_turn()
        self.before_turn -= 1
        value = self.ready.popleft()
        arrivals.make_room()
        return value

    def _begin_turn(self) -> None:
        self.before_turn, self._taken = self._in_a_row, 0
        self._turn_end = monotonic() + TURN_SECONDS

    def _is_turn_over(self) -> bool:
        """Whether others are next; else more items may be taken, twice as many as before."""
        self._taken += self._in_a_row
        is_late = monotonic() > self._turn_end
        self._in_a_row = 1 if is_late else min(2 * self._in_a_row, _BEFORE_TURN // 4)
        self.before_turn = self._in_a_row
        return is_late or self._taken >= _BEFORE_TURN

    def close(self) -> None:
        """Dispose of it; from any thread, and again."""
        if self.arrivals.is_closed:
            return
        self.arrivals.shut()
        self._dispose()
        sentinel, self._sentinel = self._sentinel, None
        if sentinel is not None:
            with contextlib.suppress(StopIteration):
                sentinel.aclose().send(None)

    def _raise_end(self, error: BaseException | None) -> None:
        self.close()
        if error is None:
            raise StopAsyncIteration
        if isinstance(error, (StopIteration, StopAsyncIteration)):  # here an end of the loop
            raise RuntimeError(f"the stream raised {type(error).__name__}") from error
        raise error

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


async def await_last(observable: Observable[T]) -> T:
    """The last item, in an event loop; disposes when the task is cancelled."""
    values: tuple[T, ...] = ()
    async with aclosing(AsyncItems(observable)) as items:
        async for item in items:
            values = (item,)
    if not values:
        raise SequenceContainsNoElementsError
    return values[0]
