"""The engine of a subscription: a thread that reads its source, and the observer it serves."""

from __future__ import annotations

import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, Protocol

from .._http.log import logger
from ..errors import DifyException
from ..models.responses import ChatMessageSendCompletionResponse as Item
from .source import StreamSource

Stop = Callable[[str], None]

_ARRIVAL_SECONDS = 0.02


class Observer(Protocol):
    """Where the items go; `on_error` may get a BaseException, too."""

    def on_next(self, value: Item, /) -> None: ...

    def on_error(self, error: Any, /) -> None: ...

    def on_completed(self) -> None: ...


class _Leaving(threading.local):
    at_once = False


_leaving = _Leaving()


@contextlib.contextmanager
def without_waiting() -> Iterator[None]:
    """Within it `dispose` waits for no item that is being delivered: the consumer drops it."""
    before, _leaving.at_once = _leaving.at_once, True
    try:
        yield
    finally:
        _leaving.at_once = before


class State(Enum):
    """What becomes of the items of a subscription."""

    DELIVERING = "the observer gets them"
    ENDED = "there are no more, and the observer knows"
    DRAINING = "disposed of; they are read and dropped while the run is stopped"
    DISPOSED = "disposed of; they are not read any more"


class Subscription:
    """One reader thread and the one observer it serves.

    ::

        DELIVERING ── the source ends or fails ────────────────────────> ENDED
            │ │
            │ └────── disposed of, nothing to stop ────────────────────> DISPOSED
            │                                                               ^
            └──────── disposed of, a run to stop ──> DRAINING ──────────────┘
                                                       read to the end, or out of time

    It is disposed of by `dispose`, and by an exception of `process` or of the observer. There is
    nothing to stop without `stop`, before the request is sent, or once the run has ended. Who
    takes it out of DELIVERING is the only one to tell the observer of an end. `_deliveries_done`
    is set when no function of the observer runs or will run, `_body_read` when the source is done.
    """

    def __init__(
        self,
        source: StreamSource,
        process: Callable[[Item], Item] | None,
        observer: Observer,
        stop: Stop | None,
        drain_seconds: float,
    ) -> None:
        self._source = source
        self._process = process
        self._observer = observer
        self._stop = stop
        self._drain_seconds = drain_seconds
        self._context = contextvars.copy_context()
        self._state = State.DELIVERING
        self._lock = threading.RLock()  # the garbage collector may dispose of it anywhere
        self._thread: int | None = None
        self._deliveries_done = threading.Event()
        self._task_is_known = threading.Event()
        self._body_read = threading.Event()

    def start(self) -> None:
        """Read and deliver in a thread, in a copy of the context it was made in."""
        self._start("dify-stream", self.run)

    def run(self) -> None:
        """Read and deliver; the body of the thread."""
        self._thread = threading.get_ident()
        items = self._source.events()
        try:
            self._deliver(items)
        except BaseException:  # the observer's own: on to threading.excepthook
            self.dispose()
            raise
        finally:
            self._deliveries_done.set()
            if self._state is State.DRAINING:
                self._drain(items)
            items.close()
            self._body_read.set()
            self._task_is_known.set()

    def dispose(self) -> None:
        """Deliver nothing more and free the reader; returns at once.

        An item that has arrived is still delivered before; a busy observer is not waited for.
        """
        self._dispose_once()
        if _leaving.at_once or threading.get_ident() == self._thread:
            return
        if not self._source.is_waiting:
            self._deliveries_done.wait(_ARRIVAL_SECONDS)

    def _deliver(self, items: Iterator[Item]) -> None:
        observer, delivering = self._observer, State.DELIVERING  # an enum is slow to look into
        while True:
            try:
                item = next(items)
            except StopIteration:
                if self._finish(State.ENDED):
                    observer.on_completed()
                return
            except BaseException as error:  # of whatever kind, the observer is to know it
                if self._finish(State.ENDED):
                    observer.on_error(error)
                if not isinstance(error, Exception):
                    raise
                return
            if self._state is not delivering:
                self._task_is_known.set()
                return
            if self._process is not None:
                try:
                    item = self._process(item)
                except BaseException as error:
                    if self._dispose_once():
                        observer.on_error(error)
                    if not isinstance(error, Exception):
                        raise
                    return
            observer.on_next(item)

    def _finish(self, state: State) -> bool:
        """Go from DELIVERING to `state`; False where another thread was first."""
        with self._lock:
            if self._state is not State.DELIVERING:
                return False
            self._state = state
            return True

    def _dispose_once(self) -> bool:
        """Dispose of it; False where it had ended or been disposed of."""
        source = self._source
        if self._state is not State.DELIVERING:
            return False
        drains = self._stop is not None and not source.has_ended and not source.cancel_unless_sent()
        if not self._finish(State.DRAINING if drains else State.DISPOSED):
            return False
        if not drains:
            source.cancel()
            return True
        if source.task_id:
            self._task_is_known.set()
        self._start("dify-stop", self._stop_and_wait)
        return True

    def _start(self, name: str, body: Callable[[], None]) -> None:
        context = self._context.copy()  # a context can be entered once at a time
        threading.Thread(target=context.run, args=(body,), name=name, daemon=True).start()

    def _drain(self, items: Iterator[Item]) -> None:
        try:
            for _ in items:
                self._task_is_known.set()
        except DifyException as error:
            logger.debug("a stopped stream ended early: %s", error)

    def _stop_and_wait(self) -> None:
        """Stop the run, let the rest be read, then cancel; the body of a thread."""
        deadline = time.monotonic() + self._drain_seconds
        self._task_is_known.wait(self._drain_seconds)
        task_id = self._source.task_id
        if self._stop is not None and task_id and not self._body_read.is_set():
            try:
                self._stop(task_id)
            except DifyException as error:
                logger.warning("a stream that was disposed of could not be stopped: %s", error)
        self._body_read.wait(max(0.0, deadline - time.monotonic()))
        self._source.cancel()
        self._state = State.DISPOSED
