"""Threads that make the calls of coroutines."""

from __future__ import annotations

import threading
from collections import deque
from typing import Protocol

from .._http.threads import renew_after_fork

IDLE_SECONDS = 10.0  # a thread ends after so long without a job
_JOIN_SECONDS = 0.1  # an idle thread needs far less to end


class Job(Protocol):
    """A call: `run` makes it, `report` gives its outcome to whoever waits. Neither raises."""

    def run(self) -> None: ...

    def report(self) -> None: ...


class Workers:
    """At most `size` daemon threads, started as jobs come; the jobs beyond them wait in a queue.

    None of them holds the exit of the interpreter.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Begin anew, with no thread and no job; ends nothing."""
        self._changed = threading.Condition(threading.Lock())
        self._jobs: deque[Job] = deque()
        self._threads: set[threading.Thread] = set()
        self._busy: set[threading.Thread] = set()
        self._is_closed = False

    def submit(self, job: Job) -> None:
        """Run `job` on a thread. RuntimeError where there is none and none can be started."""
        with self._changed:
            self._is_closed = False
            self._jobs.append(job)
            if len(self._threads) - len(self._busy) >= len(self._jobs):
                self._changed.notify()
            elif len(self._threads) < self.size:
                self._start()

    def close(self) -> None:
        """End the idle threads, and the others once they are idle; a job that follows starts new.

        Returns when the idle ones are gone.
        """
        with self._changed:
            self._is_closed = True
            idle = self._threads - self._busy - {threading.current_thread()}
            self._changed.notify_all()
        for thread in idle:
            thread.join(_JOIN_SECONDS)

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name="dify-async", daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # no more threads, or the interpreter ends
            self._threads.discard(thread)
            if not self._threads:  # else one of those will take it
                self._jobs.pop()
                raise

    def _work(self) -> None:
        thread = threading.current_thread()
        while (job := self._next(thread)) is not None:
            job.run()
            with self._changed:  # before the report: who closes then finds this thread idle
                self._busy.discard(thread)
            job.report()
            del job  # or its result would live until the next one comes

    def _next(self, thread: threading.Thread) -> Job | None:
        """Wait for a job; None where this thread is to end."""
        with self._changed:
            while not self._jobs:
                if self._is_closed or not (self._changed.wait(IDLE_SECONDS) or self._jobs):
                    self._threads.discard(thread)
                    return None
            self._busy.add(thread)
            return self._jobs.popleft()
