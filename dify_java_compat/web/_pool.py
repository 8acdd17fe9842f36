"""Threads for jobs that are quick, unless one blocks: then another takes the rest over."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from .._stream.driver import monotonic

_BLOCKED_SECONDS = 0.01  # so long may a job wait behind others
_IDLE_SECONDS = 2.0


class Pool:
    """One thread does the jobs as they come, and one looks on whether it is kept by any of them.

    So N jobs that block cost N threads, and the rest share one. Threads without work end.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = threading.Condition()
        self._jobs: deque[tuple[float, Callable[[], None]]] = deque()
        self._idle = self._busy = 0

    def submit(self, job: Callable[[], None]) -> None:
        """Have `job` done, which raises nothing; returns at once."""
        with self._changed:
            self._jobs.append((monotonic(), job))
            if self._idle == 0:
                self._start_thread()
            elif self._busy == 0 or len(self._jobs) == 1:
                self._changed.notify()

    def _start_thread(self) -> None:
        self._idle += 1
        threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def _work(self) -> None:
        while (job := self._first_job()) is not None:
            while job is not None:
                try:
                    job()
                except BaseException:  # SystemExit in a callback: it ends this thread alone
                    with self._changed:
                        self._busy -= 1
                        self._changed.notify()
                    raise
                job = self._next_job()

    def _first_job(self) -> Callable[[], None] | None:
        """A job for an idle thread; None where there was none for long, or others are idle, too."""
        idle_until = monotonic() + _IDLE_SECONDS
        with self._changed:
            while True:
                now = monotonic()
                due = self._jobs[0][0] + _BLOCKED_SECONDS if self._jobs else idle_until
                if self._jobs and (self._busy == 0 or due <= now):
                    self._idle -= 1
                    self._busy += 1
                    _, job = self._jobs.popleft()
                    if self._idle == 0:
                        self._start_thread()
                    return job
                if not self._jobs and (now >= idle_until or self._idle > 2):
                    self._idle -= 1
                    return None
                self._changed.wait(due - now)

    def _next_job(self) -> Callable[[], None] | None:
        with self._changed:
            if self._jobs:
                return self._jobs.popleft()[1]
            self._busy -= 1
            self._idle += 1
            return None
