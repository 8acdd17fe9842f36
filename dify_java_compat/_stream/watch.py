"""Sees that consumers that block hold up no other stream of the loop."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from .._http.clock import monotonic
from .._http.threads import start_thread

if TYPE_CHECKING:
    from .loop import Loop

IDLE_SECONDS = 2.0  # a thread ends after so long without work
TICK_SECONDS = 0.005
_QUIET_TICKS = 10  # after so many without work it sleeps
_BUSY = 0.5  # of one CPU: then callbacks compute, and more threads would only get in their way
_MOST_AT_ONCE = 64
_LATE = 2 * TICK_SECONDS  # a tick that took so long says that the machine is busy with others
_LATE_TICKS = 10  # one in so many counts all the same


class Watch:
    """A thread that looks at the loop every 5 ms while there is work, and adds workers

    - where all are still in the callback of the tick before: those tasks are slow;
    - where a task was ready for a whole tick and the process did not compute: then the callbacks
      wait for something, each a little, and as many workers again join those at work. A tick that
      comes late itself does not count: it is a CPU that they wait for.
    """

    def __init__(self, loop: Loop) -> None:
        self.ticks = 0
        self._loop = loop
        self._late = 0  # ticks in a row
        self._has_thread = False
        self._work = threading.Event()
        self._last = 0.0, 0.0

    def begin(self) -> None:
        """There is work. The loop's lock is held."""
        if not self._has_thread:
            self._has_thread = True
            try:
                start_thread(self._run, "dify-watch")
            except RuntimeError:  # no more threads: the worker goes on alone
                self._has_thread = False
        elif not self._work.is_set():
            self._work.set()

    def end(self) -> None:
        """The loop is done: the thread need not wait for more work. The loop's lock is held."""
        self._work.set()

    def _run(self) -> None:
        loop = self._loop
        quiet = 0
        self._work.set()
        while True:
            time.sleep(TICK_SECONDS)
            with loop.lock:
                quiet = 0 if self._tick() else quiet + 1
                if quiet < _QUIET_TICKS and not loop.is_done:
                    continue
                if not loop.is_done:
                    self._work.clear()
            self._work.wait(IDLE_SECONDS)
            with loop.lock:
                if loop.is_done or not self._work.is_set():
                    self._has_thread = False
                    return
            quiet = 0

    def _tick(self) -> bool:
        """Look once; whether there is work."""
        loop = self._loop
        self.ticks += 1
        last, self._last = self._last, (monotonic(), time.process_time())
        seconds, cpu = self._last[0] - last[0], self._last[1] - last[1]
        self._late = self._late + 1 if seconds > _LATE else 0
        if not loop.busy:
            return bool(loop.ready)
        stuck = [worker for worker in loop.busy if worker.seen == worker.runs]
        for worker in loop.busy:
            worker.seen = worker.runs
        if len(stuck) == len(loop.busy) and loop.poller is None:
            for worker in stuck:
                if worker.handle is not None:
                    worker.handle.is_slow, worker.handle.batches = True, 0
            loop.add_worker()
        elif self._late % _LATE_TICKS:
            pass
        elif loop.ready and loop.ready[0].queued_at < self.ticks - 1 and cpu < _BUSY * seconds:
            for _ in range(min(len(loop.busy), len(loop.ready), _MOST_AT_ONCE)):
                loop.add_worker()
        return True
