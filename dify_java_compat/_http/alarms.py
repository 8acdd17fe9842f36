"""Functions that are called at their time, all in one thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

from .clock import monotonic
from .threads import start_thread

IDLE_SECONDS = 1.0  # the thread ends after so long without an alarm
_LONGEST_WAIT = 1.0  # seconds until the first alarm is looked at again
_MANY = 64  # of those that were cancelled lie in the heap before it is cleared


class Alarms:
    """Watches over calls whose thread waits for something; a thread runs while there are any.

    Where none can be started nothing is called: the waits end by their own timeouts.
    """

    def __init__(self) -> None:
        # an RLock, for the garbage collector may cancel anywhere
        # entered by itself: Condition's own `with` is cut through by signal handlers
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._heap: list[list[Any]] = []
        self._number = self._cancelled = 0
        self._has_thread = False

    def set(self, when: float, function: Callable[[], object]) -> list[Any]:
        """Have `function` called at `when`, of `time.monotonic`; it must neither wait nor raise."""
        with self._lock:
            self._number += 1
            alarm = [when, self._number, function]
            heappush(self._heap, alarm)
            if not self._has_thread:
                self._start()
            elif self._heap[0] is alarm:
                self._changed.notify()
        return alarm

    def cancel(self, alarm: list[Any]) -> None:
        """It is not called any more; again, or too late, it does nothing."""
        with self._lock:
            if alarm[2] is None:
                return
            alarm[2] = None
            self._cancelled += 1
            if self._cancelled > _MANY and 2 * self._cancelled > len(self._heap):
                self._heap = [each for each in self._heap if each[2] is not None]
                heapify(self._heap)
                self._cancelled = 0

    def _start(self) -> None:
        self._has_thread = True
        try:
            start_thread(self._run, "dify-alarms")
        except RuntimeError:  # no more threads, or the interpreter ends
            self._has_thread = False

    def _run(self) -> None:
        while (function := self._next()) is not None:
            function()
            del function  # it would live until the next one is due

    def _next(self) -> Callable[[], object] | None:
        """Wait for the next one that is due; None where there was none for long enough."""
        with self._lock:
            while True:
                if not self._heap:
                    if not self._changed.wait(IDLE_SECONDS) and not self._heap:
                        self._has_thread = False
                        return None
                    continue
                when, _, function = self._heap[0]
                seconds = when - monotonic()
                if function is not None and seconds > 0:
                    # none keeps the thread that was cancelled meanwhile
                    self._changed.wait(min(seconds, _LONGEST_WAIT))
                    continue
                alarm = heappop(self._heap)
                if function is None:
                    self._cancelled = max(0, self._cancelled - 1)
                else:
                    alarm[2] = None
                    found: Callable[[], object] = function
                    return found
