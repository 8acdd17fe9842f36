"""Streams as Observables, and Observables as iterators. The only importer of reactivex."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator

from reactivex import Observable as Observable
from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase
from reactivex.disposable import Disposable

from .._http.log import logger
from ..errors import DifyException
from ..models.responses import ChatMessageSendCompletionResponse
from .iterate import aiterate, iterate
from .source import StreamSource

Item = ChatMessageSendCompletionResponse
Stop = Callable[[str], None]

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
        drain = self._stop is not None and not source.ended and not source.cancel_unless_sent()
        if not self._end(drain=drain):
            return False
        if not self._draining:
            source.cancel()
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
        cancel_unless_sent = time.monotonic() + self._drain_seconds
        self._task_is_known.wait(self._drain_seconds)
        task_id = self._source.task_id
        if self._stop is not None and task_id and not self._is_read.is_set():
            try:
                self._stop(task_id)
            except DifyException as error:
                logger.warning("a stream that was disposed of could not be stopped: %s", error)
        self._is_read.wait(max(0.0, cancel_unless_sent - time.monotonic()))
        self._source.cancel()
