"""Threads that connect and send, for streams that are read elsewhere."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from .clock import monotonic
from .threads import renew_after_fork, start_thread

Job = Callable[[], object]

IDLE_SECONDS = 2.0  # the last thread ends after so long without a job
_SURPLUS_SECONDS = 0.25  # the others do
_LOOK_SECONDS = 0.005
_BUSY = 0.6  # of one CPU: then the jobs compute, and more threads would only get in their way


class Openers:
    """As few threads as keep up, for what an opening costs is threads that take turns.

    One works. While jobs wait, another looks every 5 ms: where the oldest job has waited so long
    and the process was not computing meanwhile, those at work wait for something themselves. As
    many again join them if no job has ended since, else one does: it may be the machine that is
    busy. No job may raise.
    """

    def __init__(self) -> None:
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Begin anew, with no thread and no job; ends nothing."""
        # an RLock, for the garbage collector may submit anywhere
        # entered by itself: Condition's own `with` is cut through by signal handlers
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._jobs: deque[tuple[float, Job]] = deque()
        self._idle = self._working = 0
        self._may_work = 1
        self._looks = False
        self._looked = 0.0, 0.0
        self._ended = 0  # jobs, since
        self._is_closed = False

    def submit(self, job: Job) -> None:
        """Have `job` run; in this very thread where there is none and none can be started."""
        try:
            is_here = not self._add(job)
        except BaseException:  # a signal handler's, behind which there may be a job already
            with self._lock:
                if self._jobs:
                    self._add_thread()
            raise
        if is_here:
            job()

    def _add(self, job: Job) -> bool:
        """Whether a thread will see to it."""
        with self._lock:
            self._is_closed = False
            self._jobs.append((monotonic(), job))
            if self._working >= self._may_work and self._looks:
                return True
            if self._add_thread() or self._working:
                return True
            self._jobs.remove((self._jobs[-1][0], job))
            return False

    @property
    def is_busy(self) -> bool:
        """Whether there are jobs, at work or waiting."""
        return bool(self._jobs or self._working)

    def close(self) -> None:
        """End the threads that are idle, and the others once they are."""
        with self._lock:
            self._is_closed = True
            self._changed.notify_all()

    def _add_thread(self) -> bool:
        """Wake a thread, or start one; False where that cannot be."""
        if self._idle:
            self._changed.notify()
            return True
        try:
            start_thread(self._work, "dify-opener")
        except RuntimeError:  # no more threads, or the interpreter ends
            return False
        return True

    def _work(self) -> None:
        with self._lock:
            while True:
                if self._jobs and self._working < self._may_work:
                    self._run_next()
                elif self._jobs and not self._looks:
                    self._look()
                elif self._is_closed or not self._wait():
                    return

    def _run_next(self) -> None:
        _, job = self._jobs.popleft()
        self._working += 1
        if self._jobs and not self._looks:  # somebody has to see that they wait
            self._add_thread()
        self._changed.release()
        try:
            job()
        finally:
            del job  # it would live until the next one comes
            self._changed.acquire()
            self._working -= 1
            self._ended += 1
            if not self._jobs:
                self._may_work = 1

    def _look(self) -> None:
        """Wait a little; then let more threads work, where that would help."""
        self._looks, self._ended = True, 0
        self._looked = monotonic(), time.process_time()
        self._changed.wait(_LOOK_SECONDS)
        self._looks = False
        now = monotonic()
        seconds, cpu = now - self._looked[0], time.process_time() - self._looked[1]
        if not self._jobs or now - self._jobs[0][0] < _LOOK_SECONDS or cpu > _BUSY * seconds:
            return
        working = max(1, self._working)
        self._may_work = working + 1 if self._ended else 2 * working
        for _ in range(min(len(self._jobs), self._may_work - self._working)):
            self._add_thread()

    def _wait(self) -> bool:
        """Wait for something to do; False once that has lasted long enough."""
        self._idle += 1
        try:
            seconds = IDLE_SECONDS if self._idle == 1 else _SURPLUS_SECONDS
            return self._changed.wait(seconds) or bool(self._jobs)
        finally:
            self._idle -= 1
