"""One subscriber of a stream: what becomes of the items, and of the run that it leaves."""

from __future__ import annotations

import contextlib
import contextvars
import os
import threading
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, Protocol

from .._http.log import logger
from ..errors import StreamInterruptedException
from ..models.responses import ChatMessageSendCompletionResponse as Item
from .drain import Drain
from .driver import Driver
from .reading import Reading
from .source import StreamSource
from .task import forget

Process = Callable[[Item], Item]

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


_DELIVERING = State.DELIVERING


class Subscription:
    """One observer and the reading that serves it.

    ::

        DELIVERING ── the source ends or fails ────────────────────────> ENDED
            │ │
            │ └────── disposed of, nothing to stop ────────────────────> DISPOSED
            │                                                               ^
            └──────── disposed of, a run to stop ──> DRAINING ──────────────┘
                                                       read to the end, or out of time

    It is disposed of by `dispose`, and by an exception of `process` or of the observer. There is
    nothing to stop without a `drain`, before the request is sent, or once the run has ended. Who
    takes it out of DELIVERING is the only one to tell the observer of an end.
    """

    def __init__(
        self,
        source: StreamSource,
        process: Process | None,
        observer: Observer,
        drain: Drain | None,
        driver: Driver,
        loop: Driver,
        is_shared: bool = False,
    ) -> None:
        self._source = source
        self._process = process
        self._observer = observer
        self._drain = drain
        self._loop = loop
        self._context = contextvars.copy_context()
        self._is_shared = is_shared  # by subscribers of a subject, in other places too
        self._process_id = os.getpid()
        self._state = State.DELIVERING
        self._lock = threading.RLock()  # the garbage collector may dispose of it anywhere
        self._delivering_in: int | None = None
        self._delivered: threading.Event | None = None
        self.reading = Reading(source, self, driver, loop)

    def begin(self) -> None:
        """Read and deliver, in a copy of the context it was made in."""
        self.reading.begin()

    def dispose(self) -> None:
        """Deliver nothing more and free what it has; returns at once.

        An item that is on its way is still delivered before; a busy observer is not waited for.
        """
        self._dispose_once()
        thread = self._delivering_in
        if thread is None or _leaving.at_once or thread == threading.get_ident():
            return
        self._delivered = delivered = threading.Event()
        if self._delivering_in is not None:
            delivered.wait(_ARRIVAL_SECONDS)

    # -- what the reading says -----------------------------------------------------------------

    def on_items(self, items: list[Item]) -> None:
        if self._state is not _DELIVERING:
            if self._drain is not None:
                self._drain.look()
            return
        self._delivering_in = threading.get_ident()
        try:
            self._context.run(self._deliver, items)
        except BaseException:
            self._dispose_once()
            raise
        finally:
            self._delivering_in = None
            if self._delivered is not None:
                self._delivered.set()

    def on_end(self, error: BaseException | None) -> None:
        if not self._finish(State.ENDED):
            self._drained(error)
        elif error is None:
            self._context.run(self._observer.on_completed)
        else:
            self._context.run(self._observer.on_error, error)
            if not isinstance(error, Exception):
                raise error

    def on_closed(self) -> None:
        self._drained(None)

    def on_driver_gone(self) -> None:
        if not self._is_shared and not self._dispose_once():
            self._leave()  # a signal handler may have raised before that was done

    def on_torn(self) -> None:
        """Some of what was read is lost: who still wants it, in other places, is told."""
        if self._dispose_once():
            text = "an exception of a signal handler came while the stream was read"
            self._context.run(self._observer.on_error, StreamInterruptedException(text))

    def _deliver(self, items: list[Item]) -> None:
        on_next, process, delivering = self._observer.on_next, self._process, _DELIVERING
        for item in items:
            if self._state is not delivering:
                return
            if process is not None:
                try:
                    item = process(item)
                except BaseException as error:
                    if self._dispose_once():
                        self._observer.on_error(error)
                    if not isinstance(error, Exception):
                        raise
                    return
            on_next(item)

    def _finish(self, state: State) -> bool:
        """Go from DELIVERING to `state`; False where another thread was first."""
        with self._lock:
            if self._state is not State.DELIVERING:
                return False
            self._state = state
            return True

    def _dispose_once(self) -> bool:
        """Dispose of it; False where it had ended or been disposed of."""
        if self._state is not State.DELIVERING:
            return False
        if self._process_id != os.getpid():  # a copy: stream and run are the parent's
            self._state = State.DISPOSED
            forget(self.reading)
            return True
        source, drain = self._source, self._drain
        drains = drain is not None and not source.has_ended and not source.cancel_unless_sent()
        if not self._finish(State.DRAINING if drains else State.DISPOSED):
            return False
        self._leave()
        return True

    def _leave(self) -> None:
        """Do what the state says, again too."""
        if self._state is State.DISPOSED:
            self.reading.close()
        elif self._state is State.DRAINING and self._drain is not None:
            self._drain.begin(self.reading, self._source, self._loop)

    def _drained(self, error: BaseException | None) -> None:
        if self._state is State.DRAINING:
            self._state = State.DISPOSED
            if self._drain is not None:
                self._drain.end()
            if error is not None:
                logger.debug("a stopped stream ended early: %s", error)
