"""Streams as Observables, and Observables as iterators. The only importer of reactivex."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable, Iterator
from typing import Generic, TypeVar

from reactivex import Observable as Observable
from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase
from reactivex.disposable import Disposable

from .._http.log import logger
from ..errors import DifyException, IllegalArgumentException
from ..models.responses import ChatMessageSendCompletionResponse, ChatMessageSendResponse
from .answer import AnswerBuilder
from .source import StreamSource

T = TypeVar("T")
Item = ChatMessageSendCompletionResponse
Stop = Callable[[str], None]

PREFETCH = 128  # a change of threads costs as much as fifteen items
_ARRIVAL_SECONDS = 0.02


def observe(
    new_source: Callable[[], StreamSource],
    process: Callable[[Item], Item] | None,
    stop: Stop | None,
    drain_seconds: float,
) -> Observable[Item]:
    """A cold Observable: each subscription is a source, read by a thread of its own.

    `process`, where given, makes of each item what is delivered. `stop`, where given, is called
    with the task id when a subscription is disposed of; the rest of the stream is then read unseen
    for at most `drain_seconds`, for Dify keeps a partial answer only for a client that stays.
    """

    def subscribe(
        observer: ObserverBase[Item], scheduler: SchedulerBase | None = None
    ) -> DisposableBase:
        subscription = _Subscription(new_source(), process, observer, stop, drain_seconds)
        threading.Thread(target=subscription.run, name="dify-stream", daemon=True).start()
        return Disposable(subscription.dispose)

    return EventStream(subscribe)


class EventStream(Observable[Item]):
    """An Observable that a plain `for` or `async for` goes through too.

    RxPY's own gives an endless loop there, for it has a `__getitem__` that never raises.
    """

    def __iter__(self) -> Iterator[Item]:
        return iterate(self)

    def __aiter__(self) -> AsyncIterator[Item]:
        return aiterate(self)


class _Subscription:
    """One reader thread and the one observer it serves."""

    def __init__(
        self,
        source: StreamSource,
        process: Callable[[Item], Item] | None,
        observer: ObserverBase[Item],
        stop: Stop | None,
        drain_seconds: float,
    ) -> None:
        self._source = source
        self._process = process
        self._observer = observer
        self._stop = stop
        self._drain_seconds = drain_seconds
        self._lock = threading.Lock()
        self._over = False  # disposed of, or ended: nothing is delivered any more
        self._draining = False
        self._thread: int | None = None
        self._is_quiet = threading.Event()  # no function of the observer runs or will
        self._task_is_known = threading.Event()
        self._is_read = threading.Event()

    def run(self) -> None:
        self._thread = threading.get_ident()
        items = self._source.items()
        try:
            self._deliver(items)
        except BaseException:  # the observer's own: on to threading.excepthook
            self.dispose()
            raise
        finally:
            self._is_quiet.set()
            if self._draining:
                self._drain(items)
            items.close()
            self._is_read.set()
            self._task_is_known.set()

    def dispose(self) -> None:
        """Deliver nothing more and free the reader; returns at once.

        An item that is on its way in arrives before; for an observer that is busy, nobody waits.
        """
        self._leave()
        if not self._source.waits and threading.get_ident() != self._thread:
            self._is_quiet.wait(_ARRIVAL_SECONDS)

    def _leave(self) -> bool:
        """Whether this call is the one that ended the deliveries."""
        source = self._source
        if self._over:
            return False
        drain = self._stop is not None and not source.ended and not source.give_up()
        if not self._end(drain=drain):
            return False
        if not self._draining:
            source.abort()
            return True
        if source.task_id:
            self._task_is_known.set()
        threading.Thread(target=self._stop_and_wait, name="dify-stop", daemon=True).start()
        return True

    def _deliver(self, items: Iterator[Item]) -> None:
        observer = self._observer
        while True:
            try:
                item = next(items)
            except StopIteration:
                if self._end():
                    observer.on_completed()
                return
            except Exception as error:  # whatever it is, it is the stream's and must be told
                if self._end():
                    observer.on_error(error)
                return
            if self._over:
                self._task_is_known.set()
                return
            if self._process is not None:
                try:
                    item = self._process(item)
                except Exception as error:
                    if self._leave():
                        observer.on_error(error)
                    return
            observer.on_next(item)

    def _end(self, *, drain: bool = False) -> bool:
        """Whether this call is the one that ends the deliveries."""
        with self._lock:
            if self._over:
                return False
            self._draining = drain  # first: the reader looks at it once it sees the next
            self._over = True
            return True

    def _drain(self, items: Iterator[Item]) -> None:
        try:
            for _ in items:
                self._task_is_known.set()
        except DifyException as error:
            logger.debug("a stopped stream ended early: %s", error)

    def _stop_and_wait(self) -> None:
        give_up = time.monotonic() + self._drain_seconds
        self._task_is_known.wait(self._drain_seconds)
        task_id = self._source.task_id
        if self._stop is not None and task_id and not self._is_read.is_set():
            try:
                self._stop(task_id)
            except DifyException as error:
                logger.warning("a stream that was disposed of could not be stopped: %s", error)
        self._is_read.wait(max(0.0, give_up - time.monotonic()))
        self._source.abort()


class _Shelf(Generic[T]):
    """At most `size` values between the thread that emits and the one that takes."""

    def __init__(self, size: int, wake: Callable[[], None] | None = None) -> None:
        self._size = size
        self._wake = wake
        self._values: deque[T] = deque()
        self._changed = threading.Condition()
        self._taker = threading.get_ident()
        self._closed = False
        self._ended = False
        self._error: Exception | None = None

    def put(self, value: T) -> None:
        with self._changed:
            # a source that emits within subscribe() does so in the taker's own thread
            while (
                len(self._values) >= self._size
                and not self._closed
                and threading.get_ident() != self._taker
            ):
                self._changed.wait()
            if not self._closed:
                self._values.append(value)
                if len(self._values) == 1:  # else the taker was told already
                    self._notify()

    def end(self, error: Exception | None = None) -> None:
        with self._changed:
            self._ended, self._error = True, error
            self._notify()

    def close(self) -> None:
        """Take nothing more; whoever waits in `put` goes on."""
        with self._changed:
            self._closed = True
            self._values.clear()
            self._changed.notify_all()

    def poll(self) -> list[T] | None:
        """What is there, taken off; None at the end; raises the source's error there."""
        with self._changed:
            if self._values:
                values = list(self._values)
                self._values.clear()
                self._changed.notify_all()
                return values
            if self._error is not None:
                raise self._error
            return None if self._ended else []

    def take(self) -> list[T] | None:
        """`poll`, waiting until there is something."""
        with self._changed:
            while not (self._values or self._ended):
                self._changed.wait()
        return self.poll()

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
    """
    return _iterate(observable, _checked(prefetch))


def _iterate(observable: Observable[T], prefetch: int) -> Generator[T, None, None]:
    shelf: _Shelf[T] = _Shelf(prefetch)
    subscription = shelf.subscribe_to(observable)
    try:
        while (values := shelf.take()) is not None:
            yield from values
    finally:
        shelf.close()
        subscription.dispose()


def aiterate(observable: Observable[T], prefetch: int = PREFETCH) -> AsyncGenerator[T, None]:
    """`iterate` for `async for`: the event loop is never blocked."""
    return _aiterate(observable, _checked(prefetch))


async def _aiterate(observable: Observable[T], prefetch: int) -> AsyncGenerator[T, None]:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()

    def wake() -> None:
        try:
            loop.call_soon_threadsafe(ready.set)
        except RuntimeError:  # the loop was closed before the stream ended
            shelf.close()

    shelf: _Shelf[T] = _Shelf(prefetch, wake)
    subscription = shelf.subscribe_to(observable)
    try:
        while (values := shelf.poll()) is not None:
            if not values:
                await ready.wait()
                ready.clear()
            for value in values:
                yield value
    finally:
        shelf.close()
        subscription.dispose()


def collect(observable: Observable[Item]) -> ChatMessageSendResponse:
    """Wait for a whole stream and give the one answer it makes up.

    Raises what the stream ends with; `partial` of that exception is the answer as far as it came.
    """
    return collect_items(iterate(observable, 8 * PREFETCH))


def collect_items(items: Iterable[Item]) -> ChatMessageSendResponse:
    answer = AnswerBuilder()
    try:
        for item in items:
            answer.add(item)
    except DifyException as error:
        error.add_context(partial=answer.build())
        raise
    return answer.build()


def _checked(prefetch: int) -> int:
    if prefetch < 1:
        raise IllegalArgumentException(f"prefetch must be at least 1, not {prefetch}")
    return prefetch
