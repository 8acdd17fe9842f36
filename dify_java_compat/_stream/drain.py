"""A run that its subscriber has left: it is stopped, and what it still says is read unseen."""

from __future__ import annotations

import atexit
import contextlib
import contextvars
import threading
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._http.clock import monotonic
from .._http.log import logger
from .._http.threads import call_after_fork, members
from ..errors import DifyException
from .driver import Driver
from .source import StreamSource

if TYPE_CHECKING:
    from .reading import Reading

Stop = Callable[[str, "float | None"], None]

_EXIT_SECONDS = 2.0  # for all stops that are owed when the interpreter ends
_LOOK_SECONDS = 0.02
_LEAST_SECONDS = 0.05  # for one of them


class Drain:
    """Stops a run once its task is known; then `seconds` are left to read the rest.

    Dify keeps a partial answer only if the client reads to the end. The task id is waited for as
    long as a reader would wait. `stop` is given it, and the seconds it may take, None for any.
    """

    def __init__(self, stop: Stop, seconds: float) -> None:
        self._stop = stop
        self._seconds = seconds
        self._context = contextvars.copy_context()  # the subscriber's
        self._lock = threading.RLock()
        self._is_requested = self._is_stopped = False

    def begin(self, reading: Reading, source: StreamSource, loop: Driver) -> None:
        """`reading` goes on unseen, on `loop`."""
        self._reading, self._source = reading, source
        with self._lock:
            if not self._is_stopped:  # a signal handler may have had this begun anew
                _owed.add(self)
        reading.move_to(loop)
        self.look()

    def look(self) -> None:
        """Have the run stopped where its task is known by now."""
        if self._source.task_id is None or self._is_requested or _exit.has_begun:
            return
        self._reading.close(monotonic() + self._seconds)
        context = self._context.copy()  # two threads may look at once, and `stop` is called twice
        openers = self._source.exchange.transport.openers
        openers.submit(lambda: context.run(self.stop))
        self._is_requested = True  # last: a signal handler may raise before

    def end(self) -> None:
        """The stream is over, or is not read any more."""
        exit_will_stop = _exit.has_begun and self in _owed and self._source.task_id is not None
        if not self._is_requested and not exit_will_stop:
            _owed.discard(self)

    def stop(self, seconds: float | None = None) -> bool:
        """Stop the run, once, in a thread that may wait.

        False where its task is not known, or another thread is at it.
        """
        task_id = self._source.task_id
        if task_id is None:
            return False
        with self._lock:
            if self._is_stopped:
                return False
            self._is_stopped = True
        try:
            self._stop(task_id, seconds)
        except DifyException as error:
            logger.warning("a stream that was disposed of could not be stopped: %s", error)
        finally:
            _owed.discard(self)
        return True


_owed: set[Drain] = set()


class _Exit:
    """The interpreter's; then no thread can be started, and stops share the time there is."""

    has_begun = False


_exit = _Exit()


def _stop_what_is_owed() -> None:
    """At the interpreter's exit: threads that run still read, but none can be started.

    What is still iterated is left first, for nobody will go on with it. Each stop gets its part of
    the time, so that one that is not answered keeps no other: Dify has it then all the same.
    """
    _exit.has_begun = True
    end = monotonic() + _EXIT_SECONDS
    for items in members(_iterated):
        with contextlib.suppress(Exception):  # a generator that another thread is in
            items.close()
    while (owed := list(_owed)) and end - monotonic() > 0:
        has_stopped = False
        for number, drain in enumerate(owed):
            remaining = end - monotonic()
            if remaining <= 0:
                return
            share = remaining / (len(owed) - number)
            has_stopped |= drain.stop(min(remaining, max(share, _LEAST_SECONDS)))
        if not has_stopped:
            time.sleep(_LOOK_SECONDS)


_iterated: weakref.WeakSet[Any] = weakref.WeakSet()


def leave_at_exit(items: Any) -> None:
    """Have `items`, an iterator of a stream, closed at the interpreter's exit."""
    _iterated.add(items)


atexit.register(_stop_what_is_owed)
call_after_fork(_owed.clear)
