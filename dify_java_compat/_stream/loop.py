"""The loop: one selector for all streams of a client, and as few threads as keep up."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from .._http.clock import monotonic
from .._http.threads import renew_after_fork, start_thread
from .driver import Leave, Step
from .poll import Poll, Timer
from .watch import IDLE_SECONDS, Watch

_QUICK_SECONDS, _QUICK_BATCHES = 0.001, 8


class LoopHandle:
    """A task of the loop.

    ::

        idle ──readable, due, scheduled──▶ queued ──a worker takes it──▶ running ──▶ idle
                                                                            │
                                          queued ◀──scheduled meanwhile─────┘
    """

    raises = False
    turns = None
    __slots__ = (
        "_loop", "batches", "due", "is_closed", "is_dead", "is_paused", "is_polled", "is_queued",
        "is_running", "is_scheduled", "is_slow", "queued_at", "runs_again", "socket", "step",
        "takes_subscribers", "timer",
    )  # fmt: skip

    def __init__(self, loop: Loop, step: Step) -> None:
        self._loop = loop
        self.step = step
        self.socket: Any = None
        self.due: float | None = None
        self.timer: Timer | None = None
        self.is_dead = self.is_closed = self.is_paused = False
        self.is_polled = self.is_queued = self.is_running = self.runs_again = False
        self.is_scheduled = self.is_slow = self.takes_subscribers = False
        self.batches = 0  # quick ones in a row, of a slow task
        self.queued_at = 0  # in ticks of the watch

    def schedule(self) -> bool:
        return self._loop.schedule(self)

    def watch(self, sock: Any) -> None:
        self.socket = sock  # polled once the step is done

    def unwatch(self) -> None:
        self.unpoll()
        self.socket = None

    def unpoll(self) -> None:
        """Take the socket out of the poll, for as long as the step runs."""
        with self._loop.lock:
            if self.is_polled and self._loop.sockets is not None:
                self.is_polled = False
                self._loop.sockets.remove(self.socket)

    def call_at(self, when: float) -> None:
        self._loop.set_timer(self, when)

    def close(self) -> None:
        self._loop.detach(self)

    def run(self) -> None:
        """Run its step; a slow one that was quick often enough is slow no more."""
        started = _waited() if self.is_slow else 0.0
        is_scheduled, self.is_scheduled = self.is_scheduled, False
        try:
            self.step(is_scheduled)
        except BaseException as error:
            _report(error)
        if self.is_slow:
            is_quick = _waited() - started < _QUICK_SECONDS
            self.batches = self.batches + 1 if is_quick else 0
            self.is_slow = self.batches < _QUICK_BATCHES


class Worker:
    """A thread of the loop; `handle` is the task it runs, `runs` how many it has run."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._wakes = threading.Lock()
        self._wakes.acquire()
        self.handle: LoopHandle | None = None
        self.runs = 0
        self.seen = -1  # of `runs`, by the watch

    def start(self) -> None:
        """Raises RuntimeError where there can be no more threads."""
        start_thread(self._work, "dify-stream")

    def wake(self) -> None:
        self._wakes.release()

    def _work(self) -> None:
        loop = self._loop
        with loop.lock:
            loop.waking = 0
            while True:
                if loop.ready and loop.poller is None:
                    loop.run(self)
                elif loop.poller is None and loop.tasks:
                    loop.poll(self)
                elif not self._park():
                    break
            loop.worker_ended()

    def _park(self) -> bool:
        """Wait to be needed; False once that has lasted long enough. The lock is held."""
        loop = self._loop
        if loop.is_done:
            return False
        loop.parked.append(self)
        loop.lock.release()
        try:
            self._wakes.acquire(timeout=IDLE_SECONDS)
        finally:
            loop.lock.acquire()
        loop.waking = 0
        if self in loop.parked:  # nobody woke it
            loop.parked.remove(self)
            return False
        return True


class Loop:
    """Leader and followers: the thread that polls also reads, decodes and delivers.

    ::

        worker: tasks are ready and nobody polls   -> run one
                none is ready and nobody polls     -> poll, without the tasks that others run
                else                               -> park, and end after IDLE_SECONDS

    So a quick consumer costs no change of threads, and a task is run by one thread at a time. Where
    consumers block, `Watch` has other workers go on. All is done under one lock, but for the
    running of tasks and the wait for the selector.
    """

    def __init__(self) -> None:
        self.sockets: Poll | None = None
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Begin anew, in a process that was just forked: without a task, a thread, a descriptor."""
        if self.sockets is not None:
            self.sockets.close_inherited()  # the parent polls on
        self.sockets = None
        self.lock = threading.RLock()  # the garbage collector may schedule anywhere
        self.ready: deque[LoopHandle] = deque()
        self.busy: set[Worker] = set()
        self.parked: list[Worker] = []
        self.poller: Worker | None = None
        self.tasks: set[LoopHandle] = set()  # from the first time that they are scheduled
        self.waking = 0  # workers that were woken for a slow task and have not come yet
        self._workers = 0
        self._is_closed = False
        self._watch = Watch(self)

    @property
    def is_done(self) -> bool:
        """Whether it was closed and has no task."""
        return self._is_closed and not self.tasks

    def attach(self, step: Step, leave: Leave) -> LoopHandle:
        return LoopHandle(self, step)

    def detach(self, handle: LoopHandle) -> None:
        with self.lock:
            if handle.is_closed:
                return
            handle.unpoll()
            if handle.timer is not None:
                handle.timer.cancel()
            handle.is_closed = True
            self.tasks.discard(handle)
            if not self.tasks and self.poller is not None and self.sockets is not None:
                self.sockets.wake()

    def close(self) -> None:
        """End the threads once there is no task; a task that follows starts new ones."""
        with self.lock:
            self._is_closed = True
            if self.is_done:
                while self.parked:
                    self.parked.pop().wake()
                self._watch.end()

    # -- for the handles -----------------------------------------------------------------------

    def schedule(self, handle: LoopHandle) -> bool:
        with self.lock:
            if handle.is_closed:
                return False
            self.tasks.add(handle)
            self._is_closed = False
            handle.is_scheduled = True
            if handle.is_running:
                handle.runs_again = True
            else:
                self._queue(handle)
                if self.poller is None:
                    if not self.busy:
                        try:
                            self.add_worker()
                        except RuntimeError:  # it is not to run later: its subscriber is told
                            self.ready.remove(handle)
                            handle.is_queued = False
                            raise
                    self._watch.begin()  # who runs it may block, and nobody polls meanwhile
            return True

    def set_timer(self, handle: LoopHandle, when: float) -> None:
        with self.lock:
            if handle.timer is not None:
                handle.timer.cancel()
            handle.due = when
            self.sockets = self.sockets or Poll()
            handle.timer = self.sockets.at(when, handle)

    # -- for the workers; the lock is held -------------------------------------------------------

    def add_worker(self) -> bool:
        """Wake a parked worker or start one; False where none can be started."""
        if self.parked:
            self.parked.pop().wake()
            return True
        self._workers += 1
        try:
            Worker(self).start()
        except RuntimeError:  # no more threads, or the interpreter ends
            self._workers -= 1
            if self._workers:
                return False
            raise
        return True

    def worker_ended(self) -> None:
        self._workers -= 1
        if not self._workers and self.sockets is not None:
            self.sockets.close()
            self.sockets = None

    def run(self, worker: Worker) -> None:
        """Run the task that has been ready for longest."""
        handle = self.ready.popleft()
        handle.is_queued = False
        if handle.is_closed:
            return
        handle.is_running = True
        worker.handle = handle
        worker.runs += 1
        self.busy.add(worker)
        if handle.is_slow and not self.waking and self.add_worker():
            self.waking += 1
        self.lock.release()
        try:
            handle.run()
        finally:
            self.lock.acquire()
            self.busy.discard(worker)
            worker.handle = None
            handle.is_running = False
        if handle.is_closed:
            return
        if handle.socket is not None and not handle.is_polled:
            handle.is_polled = True
            self.sockets = self.sockets or Poll()
            self.sockets.add(handle.socket, handle)
        if handle.runs_again:
            handle.runs_again = False
            self._queue(handle)

    def poll(self, worker: Worker) -> None:
        """Wait until a task is ready."""
        self.sockets = poll = self.sockets or Poll()
        self.poller = worker
        for other in self.busy:
            if other.handle is not None:
                other.handle.unpoll()
        self.lock.release()
        try:
            handles = poll.select()
        finally:
            self.lock.acquire()
            self.poller = None
        for handle in handles:
            self._queue(handle)
        for handle in poll.due(monotonic()):
            handle.due = handle.timer = None
            handle.is_scheduled = True
            self._queue(handle)
        if self.ready:
            self._watch.begin()

    def _queue(self, handle: LoopHandle) -> None:
        if handle.is_running:
            handle.runs_again = True
        elif not handle.is_queued and not handle.is_closed:
            handle.is_queued = True
            handle.queued_at = self._watch.ticks
            self.ready.append(handle)
            if self.poller is not None and self.sockets is not None:
                self.sockets.wake()


def _waited() -> float:
    """Seconds that pass while this thread computes nothing: a stream at full speed is not slow."""
    return monotonic() - time.thread_time()


def _report(error: BaseException) -> None:
    """What nobody else gets: as of a thread that ends with it; the worker goes on."""
    thread = threading.current_thread()
    arguments = threading.ExceptHookArgs((type(error), error, error.__traceback__, thread))
    threading.excepthook(arguments)
